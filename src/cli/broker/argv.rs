//! Passwords given on the command line are taken out of what `ps` shows of the process.

use crate::broker::config::{BROKER_CONFIGS, ConfigKey};

/// Overwrites the passwords of `--sasl` and the secret values of `--override` in this process's title with `*`.
/// Where the system has no such thing nothing happens. The words must have been read before.
pub fn hide_secrets() {
    // What fails here leaves the words as they were: the broker can serve all the same.
    let _ = hide();
}

fn hide() -> std::io::Result<()> {
    use std::io::{Read, Seek, SeekFrom, Write};
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let Some((start, end)) = argument_range(&stat) else {
        return Ok(());
    };
    let mut memory = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/proc/self/mem")?;
    let mut words = vec![0; usize::try_from(end - start).unwrap_or(0)];
    memory.seek(SeekFrom::Start(start))?;
    memory.read_exact(&mut words)?;
    for secret in secrets(&words) {
        memory.seek(SeekFrom::Start(start + secret.start as u64))?;
        memory.write_all(&vec![b'*'; secret.len()])?;
    }
    Ok(())
}

/// Where the arguments are in memory: fields 48 and 49 of `/proc/PID/stat`, counted behind the name in brackets.
fn argument_range(stat: &str) -> Option<(u64, u64)> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(45);
    let (start, end) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    (start < end && end - start < 1 << 21).then_some((start, end))
}

/// The ranges of secrets in arguments that each end with a zero byte.
fn secrets(words: &[u8]) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let (mut at, mut option) = (0, "");
    for word in words.split(|b| *b == 0) {
        let text = std::str::from_utf8(word).unwrap_or_default();
        let (name, value, skipped) = match text.split_once('=') {
            Some((name @ ("--sasl" | "--override"), value)) => (name, value, name.len() + 1),
            _ => (option, text, 0),
        };
        let from = match name {
            "--sasl" => value.match_indices(':').nth(1).map(|(i, _)| i + 1),
            "--override" => value
                .split_once('=')
                .filter(|(key, _)| is_secret(key))
                .map(|(key, _)| key.len() + 1),
            _ => None,
        };
        if let Some(from) = from {
            found.push(at + skipped + from..at + word.len());
        }
        option = if matches!(text, "--sasl" | "--override") {
            text
        } else {
            ""
        };
        at += word.len() + 1;
    }
    found
}

/// As in DescribeConfigs: passwords, and what nobody knows, which may be one.
fn is_secret(key: &str) -> bool {
    let bare = key.strip_prefix("listener.name.").and_then(|rest| rest.split_once('.'));
    let known = BROKER_CONFIGS.get(bare.map_or(key, |(_, bare)| bare));
    known.is_none_or(ConfigKey::is_sensitive)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_must_not_be_seen() {
        let words = "kt\0broker\0--sasl\0plain:alice:hunter2\0--sasl=scram-sha-256:bob:pw:2\0--override\0\
                     ssl.key.password=abc\0--override\0num.partitions=3\0--port\x000\0";
        let hidden: Vec<&str> = secrets(words.as_bytes()).into_iter().map(|r| &words[r]).collect();
        assert_eq!(hidden, ["hunter2", "pw:2", "abc"]);
        assert!(secrets(b"").is_empty() && secrets(b"--sasl\0").is_empty());
    }

    #[test]
    fn the_stat_file_of_linux() {
        let mut fields: Vec<String> = (3..=52).map(|n| n.to_string()).collect();
        fields[45] = "1000".into();
        fields[46] = "1010".into();
        let stat = format!("1 (a ) name) {}", fields.join(" "));
        assert_eq!(argument_range(&stat), Some((1000, 1010)));
        assert_eq!(argument_range("1 (kt) S 1"), None);
    }
}
