//! Reads tests/golden/scenarios/NAME.txt: what is run, in order, on one fresh cluster.
//!
//! ```text
//! cluster 1                        nodes: none, 1 or 3
//! only kafka                       played with Kafka's own tools alone: kt does not have all that it runs
//! setting log.cleaner.threads=2    a setting of every node
//! let BS = --bootstrap-server $B   a name for words; $B, $B2, $B3 are the brokers, $C the controller
//! file del.json                    a file in the working folder; its lines follow
//! | {"partitions": []}
//! $ kafka-topics.sh ...            a step that prepares something
//! $ Program.java ...               the same with a program of tests/kafka, where Kafka's tools are played alone
//! case NAME                        the next command is recorded and compared as NAME
//! $ kafka-topics.sh ...
//! < a line of standard input       with \t \r \n \\ and \xNN; `<|` leaves out the newline
//! @ unordered                      the order of the lines is a hash table's
//! @ numbers                        figures are measurements: only their format counts
//! @ words                          the order of words in a line is a hash table's
//! @ blanks                         column widths follow names that vary
//! @ deadline                       where the deadline catches a call is chance
//! @ keeps NAME REGEX               what the first group finds in stdout is $NAME from here on
//! background NAME                  the next command keeps running; it is compared when it ends
//! aside NAME                       the next command keeps running; nobody reads what it says
//! stop NAME                        SIGTERM
//! join NAME                        waits for its own end
//! until REGEX                      the next command is repeated until its output matches
//! ```

use std::collections::HashMap;

/// A command line of one of the scripts.
#[derive(Clone, Debug, Default)]
pub struct Line {
    pub script: String,
    pub argv: Vec<String>,
    pub stdin: Vec<u8>,
}

/// A recorded command.
#[derive(Clone, Debug, Default)]
pub struct Case {
    pub name: String,
    pub line: Line,
    pub unordered: bool,
    pub numbers: bool,
    pub blanks: bool,
    pub words: bool,
    pub deadline: bool,
    /// Names of later words, and where in stdout they are found.
    pub keeps: Vec<(String, String)>,
    /// Nothing varies: the case reads files that are kept with it, and no cluster.
    pub exact: bool,
}

impl Case {
    /// `kafka-topics/create-exists`
    pub fn id(&self) -> String {
        let script = self.line.script.trim_end_matches(".sh").trim_end_matches(".java");
        format!("{script}/{}", self.name)
    }
}

#[derive(Clone, Debug)]
pub enum Step {
    Prepare(Line),
    Until(String, Line),
    Case(Case),
    Background(Case),
    Aside(String, Line),
    Stop(String),
    Join(String),
}

#[derive(Clone, Debug, Default)]
pub struct Scenario {
    pub name: String,
    /// Brokers; 0 where no cluster is needed.
    pub nodes: usize,
    /// Kafka's own tools are to play it, and nobody else.
    pub only_kafka: bool,
    pub settings: Vec<String>,
    pub files: Vec<(String, String)>,
    pub steps: Vec<Step>,
    lets: HashMap<String, String>,
}

/// What the line before a command said about it.
enum Next {
    Prepare,
    Case(String),
    Background(String),
    Aside(String),
    Until(String),
}

impl Scenario {
    pub fn parse(name: &str, text: &str) -> Self {
        let mut scenario = Self {
            name: name.to_owned(),
            ..Self::default()
        };
        let mut next = Next::Prepare;
        for (number, raw) in text.lines().enumerate() {
            let (verb, rest) = raw.split_once(' ').unwrap_or((raw, ""));
            let at = || format!("{name}, line {}: {raw}", number + 1);
            match verb {
                "" | "#" => {}
                "cluster" => scenario.nodes = rest.parse().unwrap_or(0),
                "only" => {
                    assert_eq!(rest, "kafka", "{}", at());
                    scenario.only_kafka = true;
                }
                "setting" => scenario.settings.push(rest.to_owned()),
                "let" => {
                    let (key, value) = rest.split_once(" = ").unwrap_or_else(|| panic!("{}", at()));
                    let value = scenario.expand(value);
                    scenario.lets.insert(key.to_owned(), value);
                }
                "file" => scenario.files.push((rest.to_owned(), String::new())),
                "|" => {
                    let file = scenario.files.last_mut().unwrap_or_else(|| panic!("{}", at()));
                    file.1.push_str(rest);
                    file.1.push('\n');
                }
                "case" => next = Next::Case(rest.to_owned()),
                "background" => next = Next::Background(rest.to_owned()),
                "aside" => next = Next::Aside(rest.to_owned()),
                "until" => next = Next::Until(rest.to_owned()),
                "stop" => scenario.steps.push(Step::Stop(rest.to_owned())),
                "join" => scenario.steps.push(Step::Join(rest.to_owned())),
                "$" => {
                    let step = scenario.command(rest, std::mem::replace(&mut next, Next::Prepare));
                    scenario.steps.push(step);
                }
                "<" | "<|" => {
                    let line = scenario.last_line().unwrap_or_else(|| panic!("{}", at()));
                    line.stdin.extend(unescape(rest));
                    if verb == "<" {
                        line.stdin.push(b'\n');
                    }
                }
                "@" => {
                    let case = scenario.last_case().unwrap_or_else(|| panic!("{}", at()));
                    if let Some(kept) = rest.strip_prefix("keeps ") {
                        let (name, regex) = kept.split_once(' ').unwrap_or_else(|| panic!("{}", at()));
                        case.keeps.push((format!("${name}"), regex.to_owned()));
                        continue;
                    }
                    for flag in rest.split_whitespace() {
                        match flag {
                            "unordered" => case.unordered = true,
                            "numbers" => case.numbers = true,
                            "blanks" => case.blanks = true,
                            "words" => case.words = true,
                            "deadline" => case.deadline = true,
                            _ => panic!("{}", at()),
                        }
                    }
                }
                _ => panic!("{}", at()),
            }
        }
        scenario
    }

    /// The cases, those in the background included, in order.
    pub fn cases(&self) -> impl Iterator<Item = &Case> {
        self.steps.iter().filter_map(|step| match step {
            Step::Case(case) | Step::Background(case) => Some(case),
            _ => None,
        })
    }

    fn command(&self, text: &str, next: Next) -> Step {
        let mut words = split(&self.expand(text));
        let line = Line {
            script: words.remove(0),
            argv: words,
            stdin: Vec::new(),
        };
        match next {
            Next::Prepare => Step::Prepare(line),
            Next::Until(regex) => Step::Until(regex, line),
            Next::Aside(name) => Step::Aside(name, line),
            Next::Case(name) => Step::Case(Case {
                name,
                line,
                exact: self.nodes == 0,
                ..Case::default()
            }),
            Next::Background(name) => Step::Background(Case {
                name,
                line,
                ..Case::default()
            }),
        }
    }

    fn expand(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (key, value) in &self.lets {
            text = text.replace(&format!("${key} "), &format!("{value} "));
            if let Some(start) = text.strip_suffix(&format!("${key}")) {
                text = format!("{start}{value}");
            }
        }
        text
    }

    fn last_line(&mut self) -> Option<&mut Line> {
        match self.steps.last_mut()? {
            Step::Prepare(line) | Step::Until(_, line) | Step::Aside(_, line) => Some(line),
            Step::Case(case) | Step::Background(case) => Some(&mut case.line),
            Step::Stop(_) | Step::Join(_) => None,
        }
    }

    fn last_case(&mut self) -> Option<&mut Case> {
        match self.steps.last_mut()? {
            Step::Case(case) | Step::Background(case) => Some(case),
            _ => None,
        }
    }
}

/// Words as a shell splits them: blanks, 'as it is' and "as it is".
fn split(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in text.chars() {
        match quote {
            Some(q) if c == q => quote = None,
            Some(_) => word.get_or_insert_default().push(c),
            None if c == '\'' || c == '"' => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            None if c == ' ' => words.extend(word.take()),
            None => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes().iter().copied();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        match rest.next() {
            Some(b't') => bytes.push(b'\t'),
            Some(b'r') => bytes.push(b'\r'),
            Some(b'n') => bytes.push(b'\n'),
            Some(b'x') => {
                let digits: String = rest.by_ref().take(2).map(char::from).collect();
                bytes.push(u8::from_str_radix(&digits, 16).expect("two hex digits after \\x"));
            }
            Some(other) => bytes.push(other),
            None => {}
        }
    }
    bytes
}

#[test]
fn a_scenario_reads_as_it_is_written() {
    let text = "cluster 1\nlet BS = --bootstrap-server $B\ncase one\n$ kafka-topics.sh $BS --topic 'a b' ''\n< x\\ty\n<| z\n@ unordered\n";
    let scenario = Scenario::parse("s", text);
    let case = scenario.cases().next().expect("a case");
    assert_eq!(case.id(), "kafka-topics/one");
    assert_eq!(case.line.argv, ["--bootstrap-server", "$B", "--topic", "a b", ""]);
    assert_eq!(case.line.stdin, b"x\ty\nz");
    assert!(case.unordered && !case.numbers && !scenario.only_kafka);
}

#[test]
fn what_only_kafka_plays_may_run_programs_aside_and_keep_words() {
    let text =
        "only kafka\naside app\n$ App.java $B\ncase one\n$ kafka-acls.sh --list\n@ keeps ID (\\d+) of\nstop app\n";
    let scenario = Scenario::parse("s", text);
    assert!(scenario.only_kafka);
    let kept = [("$ID".to_owned(), "(\\d+) of".to_owned())];
    assert!(matches!(&scenario.steps[0], Step::Aside(name, line) if name == "app" && line.script == "App.java"));
    assert!(matches!(&scenario.steps[1], Step::Case(case) if case.keeps == kept && !case.unordered));
    assert!(matches!(&scenario.steps[2], Step::Stop(name) if name == "app"));
}
