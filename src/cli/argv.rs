//! Passwords given on the command line are taken out of what `ps` shows of the process.

use crate::client::config_def;

/// Where in the value of an option, named without its dashes, a secret begins; it goes on to the end of the word.
pub type SecretAt = fn(option: &str, value: &str) -> Option<usize>;

/// Overwrites secrets in this process's title with `*`. Where the system has no such thing nothing happens. The words must
/// have been read before.
pub fn hide_secrets(secret_at: SecretAt) {
    // What fails here leaves the words as they were: the command can do its work all the same.
    let _ = hide(secret_at);
}

/// The passwords among the properties of clients and those that kafka-configs.sh sets.
pub fn of_clients(option: &str, value: &str) -> Option<usize> {
    const OPTIONS: [&str; 5] = [
        "add-config",
        "command-property",
        "consumer-property",
        "producer-property",
        "producer-props",
    ];
    if !OPTIONS.contains(&option) {
        return None;
    }
    // Also in lists: a=1,b=2 and SCRAM-SHA-256=[iterations=4096,password=x].
    let mut at = 0;
    value.split_inclusive([',', '[']).find_map(|part| {
        let start = at;
        at += part.len();
        let (key, _) = part.split_once('=')?;
        let is_secret = key == "password" || config_def::is_password(key.trim());
        is_secret.then_some(start + key.len() + 1)
    })
}

fn hide(secret_at: SecretAt) -> std::io::Result<()> {
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
    for secret in secrets(&words, secret_at) {
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
fn secrets(words: &[u8], secret_at: SecretAt) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let (mut at, mut option) = (0, "");
    for word in words.split(|b| *b == 0) {
        let text = std::str::from_utf8(word).unwrap_or_default();
        let value = match (text.starts_with('-'), text.split_once('=')) {
            (true, Some((name, value))) => {
                option = name.trim_start_matches('-');
                value
            }
            (true, None) => {
                option = text.trim_start_matches('-');
                ""
            }
            // Some options take several words.
            (false, _) => text,
        };
        if let Some(from) = secret_at(option, value) {
            found.push(at + text.len() - value.len() + from..at + word.len());
        }
        at += word.len() + 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(words: &str, secret_at: SecretAt) -> Vec<&str> {
        let found = secrets(words.as_bytes(), secret_at);
        found.into_iter().map(|range| &words[range]).collect()
    }

    #[test]
    fn passwords_of_clients_are_found_in_every_spelling() {
        let words = "kt\0--command-property\0ssl.key.password=abc\0--group\0ssl.key.password=seen\0\
                     -producer-property=sasl.jaas.config=x required password=\"a,b\";\0--producer-props\0acks=1\0\
                     ssl.truststore.password=def\0--command-property\0client.id=me\0--add-config\0\
                     max.connections=1,listener.name.a.ssl.keystore.password=g,h\0\
                     --add-config=SCRAM-SHA-256=[iterations=4096,password=ijk]\0";
        let found = hidden(words, of_clients);
        assert_eq!(found, ["abc", "x required password=\"a,b\";", "def", "g,h", "ijk]"]);
        assert!(hidden("", of_clients).is_empty() && hidden("--add-config\0", of_clients).is_empty());
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
