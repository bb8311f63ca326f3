//! Runs a scenario: whose tools, on whose broker.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use fancy_regex::Regex;

use super::mask::{Places, Said, said};
use super::scenario::{Case, Line, Scenario, Step};
use super::store::Corner;
use crate::support::broker::Broker;
use crate::support::kafka::Kafka;
use crate::support::tools::{Running, Tools};
use crate::support::{Outcome, tests_dir};

/// Settings of every broker of the scenarios, Kafka's and ours: what a test can wait for, and the same coordinators.
const SETTINGS: &[&str] = &[
    "auto.create.topics.enable=false",
    "group.initial.rebalance.delay.ms=0",
    "offsets.topic.num.partitions=5",
    "transaction.state.log.num.partitions=5",
    "transaction.state.log.min.isr=1",
    "share.coordinator.state.topic.min.isr=1",
];

/// How long `until` waits for the output it names.
const UNTIL: Duration = Duration::from_secs(60);

/// A cluster of a scenario. Held for as long as it should live.
enum Cluster {
    None,
    Ours(Broker),
    Kafka(Kafka),
}

impl Cluster {
    /// The error is why a `kt broker` did not start.
    fn start(scenario: &Scenario, corner: Corner, dir: &Path) -> Result<Self, String> {
        if scenario.nodes == 0 {
            return Ok(Self::None);
        }
        let replicas = scenario.nodes.min(3);
        let mut settings: Vec<String> = SETTINGS.iter().map(ToString::to_string).collect();
        for topic in [
            "offsets.topic",
            "transaction.state.log",
            "share.coordinator.state.topic",
        ] {
            settings.push(format!("{topic}.replication.factor={replicas}"));
        }
        settings.extend(scenario.settings.iter().cloned());
        if corner.kafka_broker {
            return Ok(Self::Kafka(Kafka::start(scenario.nodes, &settings)));
        }
        let pairs: Vec<(&str, &str)> = settings.iter().filter_map(|s| s.split_once('=')).collect();
        Broker::on(&dir.join("data"), &pairs).map(Self::Ours)
    }

    fn places(&self, work: &Path) -> Places {
        let mut places = match self {
            Self::None => Vec::new(),
            Self::Ours(broker) => vec![
                (broker.bootstrap().to_owned(), "$B".to_owned()),
                (broker.data_dir().display().to_string(), "<data-1>".to_owned()),
            ],
            Self::Kafka(kafka) => {
                let mut places: Vec<(String, String)> = Vec::new();
                for (n, address) in (1..).zip(&kafka.brokers) {
                    let name = if n == 1 { "$B".to_owned() } else { format!("$B{n}") };
                    places.push((address.clone(), name));
                    places.push((kafka.data_dir(n).display().to_string(), format!("<data-{n}>")));
                }
                places.push((kafka.controller.clone(), "$C".to_owned()));
                places
            }
        };
        places.push((work.display().to_string(), "<work>".to_owned()));
        Places(places)
    }
}

/// The world of one run of one scenario.
struct Run<'a> {
    tools: &'a Tools,
    places: Places,
    /// By name; with the case, where it is one.
    background: HashMap<String, (Option<Case>, Running)>,
    said: Vec<(Case, Said)>,
}

/// A working folder of a scenario, with its files.
pub fn work_folder(scenario: &Scenario) -> tempfile::TempDir {
    let dir = tempfile::Builder::new()
        .prefix("kt-golden-")
        .tempdir()
        .expect("a temp dir");
    fill(dir.path(), scenario);
    dir
}

/// Writes a scenario's files into a working folder.
pub fn fill(work: &Path, scenario: &Scenario) {
    for (name, text) in &scenario.files {
        fs::write(work.join(name), text).expect("a file in a fresh folder");
    }
    if !work.join("segments").exists() {
        symlink(tests_dir("golden").join("segments"), work.join("segments")).expect("a link in a fresh folder");
    }
}

/// Runs all steps. The error is why there is no cluster to run them on.
pub fn run(scenario: &Scenario, corner: Corner, tools: &Tools, work: &Path) -> Result<Vec<(Case, Said)>, String> {
    let home = tempfile::tempdir().expect("a temp dir");
    let cluster = Cluster::start(scenario, corner, home.path())?;
    let mut run = Run {
        tools,
        places: cluster.places(work),
        background: HashMap::new(),
        said: Vec::new(),
    };
    for step in &scenario.steps {
        run.step(step);
    }
    let Run { background, said, .. } = run;
    for (_, (_, running)) in background {
        running.terminate();
    }
    Ok(said)
}

impl Run<'_> {
    fn step(&mut self, step: &Step) {
        match step {
            Step::Prepare(line) => {
                self.start(line).wait();
            }
            Step::Until(regex, line) => self.until(regex, line),
            Step::Case(case) => {
                let outcome = self.start(&case.line).wait();
                self.keep(case, &outcome);
                let said = said(case, &self.places, &outcome);
                self.said.push((case.clone(), said));
            }
            Step::Background(case) => {
                let running = self.start(&case.line);
                self.background.insert(case.name.clone(), (Some(case.clone()), running));
            }
            Step::Aside(name, line) => {
                let running = self.start(line);
                self.background.insert(name.clone(), (None, running));
            }
            Step::Stop(name) | Step::Join(name) => {
                let (case, running) = self
                    .background
                    .remove(name)
                    .unwrap_or_else(|| panic!("{name} is not running"));
                let stopped = matches!(step, Step::Stop(_));
                let outcome = if stopped { running.terminate() } else { running.wait() };
                if let Some(case) = case {
                    let said = said(&case, &self.places, &outcome);
                    self.said.push((case, said));
                }
            }
        }
    }

    /// Names what a case asks to be kept, in its own output too. What is not found stays without a name, and later words
    /// that need it say so by failing.
    fn keep(&mut self, case: &Case, outcome: &Outcome) {
        let out = outcome.out();
        for (name, regex) in &case.keeps {
            let regex = Regex::new(regex).expect("a regex after @ keeps");
            let found = regex.captures(&out).ok().flatten();
            if let Some(value) = found.as_ref().and_then(|captures| captures.get(1)) {
                self.places.0.insert(0, (value.as_str().to_owned(), name.clone()));
            }
        }
    }

    fn start(&self, line: &Line) -> Running {
        let argv: Vec<String> = line.argv.iter().map(|word| self.places.fill(word)).collect();
        self.tools.start(&line.script, &argv, &line.stdin)
    }

    /// Another process' state can only be asked for again and again.
    fn until(&self, regex: &str, line: &Line) {
        let regex = Regex::new(regex).expect("a regex after until");
        let start = Instant::now();
        while start.elapsed() < UNTIL {
            let outcome = self.start(line).wait();
            if regex.is_match(&outcome.out()).unwrap_or(false) {
                return;
            }
            if outcome.exit != 0 && !outcome.err().is_empty() && start.elapsed() > UNTIL / 2 {
                return;
            }
        }
    }
}
