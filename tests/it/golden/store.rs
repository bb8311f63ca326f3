//! The records under tests/golden: one file a case, and the list of cases that are known not to pass.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use super::mask::Said;
use super::scenario::{Case, Scenario};
use crate::support::tests_dir;

const OUT: &str = "----- stdout\n";
const ERR: &str = "----- stderr\n";

fn path(case: &Case) -> PathBuf {
    tests_dir("golden").join(case.id() + ".txt")
}

/// All scenarios, by name.
pub fn scenarios() -> Vec<Scenario> {
    let mut files: Vec<PathBuf> = fs::read_dir(tests_dir("golden").join("scenarios"))
        .expect("tests/golden/scenarios")
        .map(|entry| entry.expect("a folder that can be read").path())
        .collect();
    files.sort();
    files
        .iter()
        .map(|file| {
            let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            Scenario::parse(&name, &fs::read_to_string(file).expect("a scenario in UTF-8"))
        })
        .collect()
}

/// What real Kafka said, if it was recorded.
pub fn recorded(case: &Case) -> Option<Said> {
    let text = fs::read_to_string(path(case)).ok()?;
    let (head, rest) = text.split_once(OUT)?;
    let (stdout, stderr) = rest.rsplit_once(ERR)?;
    let exit = head.lines().find_map(|line| line.strip_prefix("exit: "))?;
    // A section that does not end its last line is written with a mark.
    let section = |text: &str| text.strip_suffix("\\\n").unwrap_or(text).to_owned();
    Some(Said {
        exit: exit.parse().ok()?,
        stdout: section(stdout),
        stderr: section(stderr),
    })
}

/// Keeps what real Kafka said.
pub fn record(case: &Case, said: &Said) {
    let mut text = format!("argv: {}", case.line.script);
    for word in &case.line.argv {
        let plain = !word.is_empty() && word.chars().all(|c| c.is_ascii_graphic() && !"'\"".contains(c));
        let quoted = if plain { word.clone() } else { format!("{word:?}") };
        write!(text, " {quoted}").expect("a string");
    }
    writeln!(text, "\nexit: {}", said.exit).expect("a string");
    for (title, section) in [(OUT, &said.stdout), (ERR, &said.stderr)] {
        text.push_str(title);
        text.push_str(section);
        if !section.is_empty() && (!section.ends_with('\n') || section.ends_with("\\\n")) {
            text.push_str("\\\n");
        }
    }
    let path = path(case);
    fs::create_dir_all(path.parent().expect("a case's folder")).expect("a folder for the record");
    fs::write(path, text).expect("a record that can be written");
}

/// Who ran a scenario on what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corner {
    pub kafka_tools: bool,
    pub kafka_broker: bool,
}

impl std::fmt::Display for Corner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = |kafka| if kafka { "kafka" } else { "kt" };
        write!(f, "{}/{}", name(self.kafka_tools), name(self.kafka_broker))
    }
}

/// tests/golden/pending.txt: `TOOLS/BROKER CASE REASON` a line. It may only get shorter.
pub fn pending(corner: Corner) -> BTreeMap<String, String> {
    let text = fs::read_to_string(tests_dir("golden").join("pending.txt")).unwrap_or_default();
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let mut words = line.splitn(3, ' ');
            let (of, case) = (words.next()?, words.next()?);
            let reason = words.next().unwrap_or_default();
            (of == corner.to_string()).then(|| (case.to_owned(), reason.to_owned()))
        })
        .collect()
}
