//! Recorded runs of Kafka's tools, and whether `kt` says the same.
//!
//! The four corners are Kafka's tools or `kt`, on real Kafka or on `kt broker`; all are compared with what Kafka's tools
//! said on real Kafka when the scenario was recorded. `kt` on `kt broker` needs no Java and always runs.
//!
//! - `KT_GOLDEN=REGEX` limits a run to the scenarios and cases that match; nothing is demanded of the pending list then.
//! - `KT_GOLDEN_RECORD=1 cargo test --test it golden::record -- --ignored` records anew (with `KT_GOLDEN`: some scenarios).
//! - `KT_GOLDEN_PENDING=FILE` appends the cases that differ to FILE, in the format of pending.txt.

mod mask;
mod record;
mod runner;
mod scenario;
mod store;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use fancy_regex::Regex;

use crate::support::kafka;
use crate::support::tools::Tools;
use mask::{Said, difference};
use scenario::{Case, Scenario};
use store::Corner;

/// How many scenarios run at a time; most of their time is spent waiting.
const AT_A_TIME: usize = 4;

/// What became of one case.
struct Verdict {
    id: String,
    scenario: String,
    /// Why it differs from Kafka.
    why: Option<String>,
}

/// The part of the scenarios that `KT_GOLDEN` asks for.
struct Picked(Option<Regex>);

impl Picked {
    fn from_env() -> Self {
        Self(
            std::env::var("KT_GOLDEN")
                .ok()
                .map(|text| Regex::new(&text).expect("KT_GOLDEN is a regex")),
        )
    }

    fn has(&self, scenario: &Scenario) -> bool {
        self.matches(&scenario.name) || scenario.cases().any(|case| self.matches(&case.id()))
    }

    fn matches(&self, name: &str) -> bool {
        self.0
            .as_ref()
            .is_none_or(|regex| regex.is_match(name).unwrap_or(false))
    }
}

fn judge(scenario: &Scenario, said: &[(Case, Said)]) -> Vec<Verdict> {
    said.iter()
        .map(|(case, ours)| Verdict {
            id: case.id(),
            scenario: scenario.name.clone(),
            why: match store::recorded(case) {
                Some(kafka) => difference(case, &kafka, ours),
                None => Some("never recorded".to_owned()),
            },
        })
        .collect()
}

/// A scenario whose cluster does not start fails in all its cases.
fn play(scenario: &Scenario, corner: Corner) -> Vec<Verdict> {
    let work = runner::work_folder(scenario);
    let tools = if corner.kafka_tools {
        Tools::kafka(work.path())
    } else {
        Tools::kt(work.path())
    };
    match runner::run(scenario, corner, &tools, work.path()) {
        Ok(said) => judge(scenario, &said),
        Err(why) => scenario
            .cases()
            .map(|case| Verdict {
                id: case.id(),
                scenario: scenario.name.clone(),
                why: Some(why.clone()),
            })
            .collect(),
    }
}

/// Plays every scenario that this corner can play, several at a time.
fn play_all(corner: Corner, picked: &Picked) -> Vec<Verdict> {
    let scenarios: Vec<Scenario> = store::scenarios()
        .into_iter()
        .filter(|s| picked.has(s) && (corner.kafka_tools || !s.only_kafka))
        .filter(|s| (corner.kafka_broker || s.nodes <= 1) && (s.nodes > 0 || !corner.kafka_broker))
        .collect();
    let next = AtomicUsize::new(0);
    let verdicts = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                while let Some(scenario) = scenarios.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let more = play(scenario, corner);
                    verdicts.lock().expect("no thread has panicked").extend(more);
                }
            });
        }
    });
    verdicts.into_inner().expect("no thread has panicked")
}

/// Plays a corner and fails on every case that differs and is not pending, and on every pending case that does not differ.
fn corner(corner: Corner) {
    let picked = Picked::from_env();
    let verdicts: Vec<Verdict> = play_all(corner, &picked)
        .into_iter()
        .filter(|v| picked.matches(&v.id) || picked.matches(&v.scenario))
        .collect();
    println!("{}", table(corner, &verdicts));
    let mut pending = store::pending(corner);
    let mut wrong = String::new();
    let mut add = Vec::new();
    for verdict in &verdicts {
        match (&verdict.why, pending.remove(&verdict.id)) {
            (Some(why), None) => {
                writeln!(wrong, "{}: {why}", verdict.id).expect("a string");
                add.push(format!("{corner} {} {}", verdict.id, why.replace('\n', " ")));
            }
            (None, Some(_)) => {
                writeln!(wrong, "{}: passes, take it off tests/golden/pending.txt", verdict.id).expect("a string");
            }
            _ => {}
        }
    }
    if picked.0.is_none() {
        for id in pending.keys() {
            writeln!(wrong, "{id}: pending, but there is no such case").expect("a string");
        }
    }
    if let Some(path) = std::env::var_os("KT_GOLDEN_PENDING") {
        let mut file = std::fs::File::options()
            .create(true)
            .append(true)
            .open(path)
            .expect("KT_GOLDEN_PENDING can be written");
        add.iter()
            .for_each(|line| writeln!(file, "{line}").expect("KT_GOLDEN_PENDING can be written"));
    }
    assert!(wrong.is_empty(), "{corner}:\n{wrong}");
}

/// `passed of total` per script.
fn table(corner: Corner, verdicts: &[Verdict]) -> String {
    let mut scripts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for verdict in verdicts {
        let script = verdict.id.split('/').next().unwrap_or_default();
        let (passed, total) = scripts.entry(script).or_default();
        *passed += usize::from(verdict.why.is_none());
        *total += 1;
    }
    let mut text = format!("tools/broker {corner}\n");
    let mut sum = (0, 0);
    for (script, (passed, total)) in scripts {
        writeln!(text, "{script:30} {passed:4} of {total:4}").expect("a string");
        sum = (sum.0 + passed, sum.1 + total);
    }
    write!(text, "{:30} {:4} of {:4}", "all", sum.0, sum.1).expect("a string");
    text
}

#[test]
fn every_case_is_recorded_and_has_a_name_of_its_own() {
    let mut seen = std::collections::BTreeSet::new();
    for scenario in store::scenarios() {
        for case in scenario.cases() {
            assert!(seen.insert(case.id()), "{} is there twice", case.id());
            assert!(store::recorded(case).is_some(), "{} was never recorded", case.id());
        }
    }
    assert!(seen.len() >= 400, "{} cases, 400 are promised", seen.len());
}

#[test]
fn kt_on_kt_broker() {
    corner(Corner {
        kafka_tools: false,
        kafka_broker: false,
    });
}

#[test]
fn kt_on_kafka() {
    if kafka::available() {
        corner(Corner {
            kafka_tools: false,
            kafka_broker: true,
        });
    }
}

#[test]
fn kafka_tools_on_kt_broker() {
    if kafka::available() {
        corner(Corner {
            kafka_tools: true,
            kafka_broker: false,
        });
    }
}

/// The records are what Kafka says today, too.
#[test]
fn kafka_tools_on_kafka() {
    if kafka::available() {
        corner(Corner {
            kafka_tools: true,
            kafka_broker: true,
        });
    }
}
