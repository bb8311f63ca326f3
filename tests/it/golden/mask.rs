//! Names what varies from run to run, so that two runs can be compared.

use std::sync::LazyLock;

use fancy_regex::{Captures, Regex};

use super::scenario::Case;
use crate::support::Outcome;

/// An [`Outcome`] as it is recorded and compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    pub exit: i32,
    pub stdout: String,
    pub stderr: String,
}

static RULES: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        // Times: a log line's, perf-test's, ISO.
        (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d([.,:]\d{1,3})?Z?)?", "<time>"),
        // Milliseconds since 1970, from 2020 on.
        (r"(?<![\w.])1[6-9]\d{11}(?![\w.])", "<ms>"),
        (
            r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
            "<uuid>",
        ),
        (r"\b(console-consumer|perf-consumer)-\d+\b", "$1-<n>"),
        // Kafka's Uuid: 22 characters of base64 that do not look like a word.
        (
            r"(?<![A-Za-z0-9_./-])(?=[a-z_-]*[A-Z0-9])(?=[^a-z]*[a-z])[A-Za-z0-9_-]{22}(?![A-Za-z0-9_./-])",
            "<id>",
        ),
        // librdkafka's: plain base64, so that `/` and `+` are in it.
        (
            r"(?<![^\s])(?=\S*[A-Z])(?=\S*[a-z])(?=\S*[0-9+/])[A-Za-z0-9+/]{22}(?![^\s])",
            "<id>",
        ),
        (r"(?<=clientId=)[\w-]+", "<client>"),
        // Kafka shows its own request object where it refuses one; kt broker says the error's own text.
        (
            r"Request Request\(.*\) needs \w+ permission\.",
            "Cluster authorization failed.",
        ),
        // Object identities of the JVM.
        (r"(?<=\[B@)[0-9a-f]+", "<hash>"),
        (r"after \d+ attempt\(s\)", "after <n> attempt(s)"),
        // A double in as many digits as it takes: verifiable-producer's rate, e2e-latency's first line.
        (r#"(?<="avg_throughput":)[\d.]+(E-?\d+)?"#, "<n>"),
        (r"(?m)^(\d+)\t\d+\.\d+(E-?\d+)?$", "$1\t<n>"),
        // The offset of the metadata record that changed a feature last.
        (r"(?<= Epoch: )\d+", "<n>"),
        (r"(?<=deadlineMs=|tries=|nextAllowedTryMs=)\d+", "<n>"),
    ]
    .into_iter()
    .map(|(regex, name)| (Regex::new(regex).expect("a valid rule"), name))
    .collect()
});

static FIGURE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"-?\b\d+(\.\d+)?(E-?\d+)?|NaN|Infinity").expect("a regex"));
/// The two texts of Java's Admin: the call was waiting for a node, or for its answer.
static DEADLINE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"Timed out waiting for a node assignment\. Call: (\S+)|Call\(callName=([^,]+), .* timed out at .* attempt\(s\)",
    )
    .expect("a regex")
});
static BLANKS: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"[ \t]+").expect("a regex"));
static STACK: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?m)(^\s+at [\w.$/<>]+\(.*\n?|^\s*\.\.\. \d+ (more|common frames omitted)\n?)+").expect("a regex")
});

/// Names of addresses and folders of one cluster, longest first.
#[derive(Clone, Debug, Default)]
pub struct Places(pub Vec<(String, String)>);

impl Places {
    pub fn name(&self, text: &str) -> String {
        self.0
            .iter()
            .fold(text.to_owned(), |text, (place, name)| text.replace(place, name))
    }

    /// The other way round, for command lines.
    pub fn fill(&self, text: &str) -> String {
        self.0.iter().rev().fold(text.to_owned(), |text, (place, name)| {
            if name.starts_with('$') {
                text.replace(name.as_str(), place)
            } else {
                text
            }
        })
    }
}

/// The outcome of a case with everything named that varies.
pub fn said(case: &Case, places: &Places, outcome: &Outcome) -> Said {
    let side = |bytes: &[u8]| {
        let mut text = places.name(&String::from_utf8_lossy(bytes).replace("\r\n", "\n"));
        text = STACK.replace_all(&text, "\t(stack)\n").into_owned();
        let rules = if case.exact { &[] } else { RULES.as_slice() };
        for (regex, name) in rules {
            text = regex.replace_all(&text, *name).into_owned();
        }
        if case.numbers {
            text = FIGURE.replace_all(&text, figure).into_owned();
        }
        if case.deadline {
            text = DEADLINE.replace_all(&text, "timed out: $1$2").into_owned();
        }
        if case.blanks || case.numbers {
            text = BLANKS.replace_all(&text, " ").into_owned();
        }
        text
    };
    Said {
        exit: outcome.exit,
        stdout: side(&outcome.stdout),
        stderr: side(&outcome.stderr),
    }
}

/// A measurement keeps its format: the number of its decimals.
fn figure(found: &Captures<'_, str>) -> String {
    let decimals = found.get(1).map_or(0, |d| d.as_str().len() - 1);
    if decimals == 0 {
        return "N".to_owned();
    }
    format!("N.{}", "n".repeat(decimals))
}

/// Why `ours` is not what Kafka said; none when it is.
///
/// The exit code and standard output must be the same, but for the trace of an exception, which `kt` never prints
/// (its own line is compared), and for the words of help. Of standard error the message counts: its first line that is no log line of Kafka's network
/// client, no stack and no exception's class name must be said.
pub fn difference(case: &Case, kafka: &Said, ours: &Said) -> Option<String> {
    if kafka.exit != ours.exit {
        return Some(format!(
            "exit {}, Kafka {}; stderr {:?}",
            ours.exit,
            kafka.exit,
            shorten(&ours.stderr)
        ));
    }
    let (theirs, mine) = (lines(case, &kafka.stdout), lines(case, &ours.stdout));
    if theirs != mine {
        let missing = theirs.iter().find(|line| !mine.contains(line));
        let extra = mine.iter().find(|line| !theirs.contains(line));
        return Some(format!("stdout: Kafka has {missing:?}, ours has {extra:?}"));
    }
    let message = message_of(&kafka.stderr)?;
    let said = if case.words {
        let message = sort_words(&message);
        let mut ours = ours.stderr.lines().chain(ours.stdout.lines());
        ours.any(|line| sort_words(line).contains(&message))
    } else {
        let words = |text: &str| BLANKS.replace_all(&text.replace('\n', " "), " ").into_owned();
        words(&format!("{} {}", ours.stderr, ours.stdout)).contains(&words(&message))
    };
    if said {
        return None;
    }
    Some(format!(
        "stderr: Kafka says {message:?}, ours {:?}",
        shorten(&ours.stderr)
    ))
}

/// What of standard output is compared. `kt` prints no traces, and help in its own words.
fn lines(case: &Case, text: &str) -> Vec<String> {
    static TRACE: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(?m)^(\t\(stack\)|Caused by: .*)\n").expect("a regex"));
    static HELP: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?sm)^(usage: |Option  ).*").expect("a regex"));
    let text = TRACE.replace_all(text, "");
    let text = HELP.replace(&text, "(help)");
    let words = |line: &str| if case.words { sort_words(line) } else { line.to_owned() };
    let mut lines: Vec<String> = text.lines().map(words).collect();
    if case.unordered {
        lines.retain(|line| !line.is_empty());
        lines.sort();
    }
    lines
}

fn sort_words(line: &str) -> String {
    let mut words: Vec<&str> = line
        .split(|c: char| c.is_whitespace() || "[],'\"".contains(c))
        .filter(|word| !word.is_empty())
        .collect();
    words.sort_unstable();
    words.join(" ")
}

fn shorten(text: &str) -> &str {
    text.char_indices().nth(300).map_or(text, |(end, _)| &text[..end])
}

/// The message on Kafka's standard error, without the trimmings of a log line or an uncaught exception.
fn message_of(stderr: &str) -> Option<String> {
    static TRIMMINGS: LazyLock<[Regex; 4]> = LazyLock::new(|| {
        [
            r"^\[<time>\] (ERROR|FATAL) ?",
            r#"^Exception in thread "[^"]*" "#,
            r"^(Caused by: )?(([a-z]\w*\.)+[A-Z][\w$]*(: |$))+",
            r" \((org\.apache\.)?kafka[\w.$]*\)$",
        ]
        .map(|regex| Regex::new(regex).expect("a regex"))
    });
    // Warnings, and what Kafka's clients log on the way to an error that the tool then tells.
    static NOISE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^\[<time>\] (WARN|INFO|ERROR \[(AdminClient|Producer|Consumer) clientId=)").expect("a regex")
    });
    // The exception that belongs to such a line.
    static CLASS: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^([a-z]\w*\.)+[A-Z][\w$]*(: |$)").expect("a regex"));
    let mut logged = false;
    stderr.lines().find_map(|line| {
        let of_log = std::mem::take(&mut logged) && CLASS.is_match(line).unwrap_or(false);
        logged = NOISE.is_match(line).unwrap_or(false);
        let noise = of_log || logged || line.trim().is_empty() || line.starts_with('\t');
        if noise {
            return None;
        }
        let message = TRIMMINGS
            .iter()
            .fold(line.to_owned(), |line, regex| regex.replace(&line, "").into_owned());
        (!message.trim().is_empty()).then_some(message)
    })
}

#[test]
fn what_varies_is_named() {
    let outcome = Outcome {
        exit: 0,
        stdout: b"TopicId: pbXNe5mYSM2gz9sFYvaxqg at 127.0.0.1:1234 2026-11-21 10:00:00,123 12.50 ms".to_vec(),
        stderr: Vec::new(),
    };
    let places = Places(vec![("127.0.0.1:1234".to_owned(), "$B".to_owned())]);
    let case = Case {
        numbers: true,
        ..Case::default()
    };
    assert_eq!(
        said(&case, &places, &outcome).stdout,
        "TopicId: <id> at $B <time> N.nn ms"
    );
}

#[test]
fn the_message_is_found_behind_its_trimmings() {
    let text = "\n[<time>] WARN x\nException in thread \"main\" joptsimple.UnrecognizedOptionException: frob is bad\n";
    assert_eq!(message_of(text).as_deref(), Some("frob is bad"));
    let logged =
        "[<time>] ERROR [AdminClient clientId=<client>] no (org.apache.X)\norg.apache.XException: no\n\t(stack)\n";
    assert_eq!(message_of(logged), None);
    assert_eq!(
        message_of(&format!("{logged}java.lang.YException: yes\n")).as_deref(),
        Some("yes")
    );
}
