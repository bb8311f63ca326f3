//! Runs of the tool on files that Kafka wrote, compared with what Kafka's own tool printed (tests/fixtures/dump-log).

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::*;
use crate::cli::Manner;
use crate::cli::compat::opts;

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Sink {
    fn take(&self) -> String {
        let mut bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8(std::mem::take(&mut bytes)).expect("output is UTF-8")
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Outcome {
    exit: u8,
    out: String,
    err: String,
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// Runs the tool; the message of a failure is the end of `err`.
fn dump(manner: Manner, words: &[&str]) -> Outcome {
    let (out, err) = (Sink::default(), Sink::default());
    let mut ui = Ui::with_streams(manner, Box::new(out.clone()), Box::new(err.clone()));
    let words: Vec<String> = words.iter().map(|w| (*w).to_owned()).collect();
    let options = opts::parse(TOOL.opts, manner, &words).expect("a command line");
    if let Some(format) = (manner == Manner::Kt)
        .then(|| options.value("output").expect("one"))
        .flatten()
    {
        ui.set_format(format).expect("a format");
    }
    let line = Line {
        tool: &TOOL,
        words,
        options,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let end = runtime.block_on(run(&mut ui, line));
    ui.flush().expect("a flush");
    let message = end.as_ref().err().map(|e| format!("{e}\n")).unwrap_or_default();
    Outcome {
        exit: end.err().map_or(0, |e| e.exit_code(manner)),
        out: out.take(),
        err: err.take() + message.trim_start(),
    }
}

/// One run recorded from Kafka.
struct Case {
    name: String,
    words: Vec<String>,
    exit: u8,
    out: String,
    err: String,
}

fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = std::fs::read_dir(fixtures().join("dump-log/cases"))
        .expect("recorded cases")
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let text = std::fs::read_to_string(&path).expect("a case");
            let (head, rest) = text.split_once("--- stdout\n").expect("a head");
            let (out, err) = rest.rsplit_once("--- stderr\n").expect("both streams");
            let (words, exit) = head
                .trim()
                .trim_start_matches("$ ")
                .split_once("\nexit ")
                .expect("an exit code");
            Case {
                name: path.file_name().expect("a name").to_string_lossy().into_owned(),
                words: words.split(' ').map(str::to_owned).collect(),
                exit: exit.parse().expect("a number"),
                out: out.to_owned(),
                err: err.replace("DIR/", ""),
            }
        })
        .collect();
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    cases
}

#[test]
fn every_recorded_run_is_printed_as_kafka_prints_it() {
    let dir = format!("{}/", fixtures().display());
    let cases = cases();
    assert!(cases.len() >= 80, "{} cases", cases.len());
    for case in cases {
        let words: Vec<String> = case
            .words
            .iter()
            .map(|w| {
                if w.contains('/') {
                    format!("{dir}{w}")
                } else {
                    w.clone()
                }
            })
            .collect();
        let ours = dump(Manner::Script, &words.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(ours.exit, case.exit, "{}: {}", case.name, ours.err);
        let out = ours.out.replace(&dir, "");
        let differs = out.lines().zip(case.out.lines()).find(|(ours, kafkas)| ours != kafkas);
        assert!(out == case.out, "{}: {differs:?}", case.name);
        let err = ours.err.replace(&dir, "");
        match case.exit {
            0 => assert_eq!(err, case.err, "{}", case.name),
            // Ours says the place of the damage besides.
            _ => assert!(err.contains(case.err.trim()), "{}: {err} lacks {}", case.name, case.err),
        }
    }
}

fn fixture(name: &str) -> String {
    fixtures().join(name).display().to_string()
}

const PLAIN: &str = "segments/codec-none-0/00000000000000000000.log";

#[test]
fn damage_fails_the_command_only_as_kt() {
    for file in [
        "damaged-crc-0/00000000000000000000.log",
        "damaged-truncated-0/00000000000000000000.log",
        "damaged-badindex-0/00000000000000000000.index",
        "damaged-badtimeindex-0/00000000000000000000.timeindex",
        "damaged-snapshot-0/00000000000000000010.snapshot",
    ] {
        let file = fixture(&format!("dump-log/{file}"));
        assert_eq!(dump(Manner::Script, &["--files", &file]).exit, 0, "{file}");
        assert_eq!(dump(Manner::Kt, &["--files", &file]).exit, 1, "{file}");
    }
    assert_eq!(dump(Manner::Kt, &["--files", &fixture(PLAIN)]).exit, 0);
}

#[test]
fn what_cannot_be_opened_is_named() {
    let gone = dump(Manner::Script, &["--files", "/nowhere/00000000000000000000.log"]);
    assert_eq!(gone.exit, 1);
    assert_eq!(
        gone.out,
        "Dumping /nowhere/00000000000000000000.log\nLog starting offset: 0\n"
    );
    assert!(
        gone.err.starts_with("/nowhere/00000000000000000000.log"),
        "{}",
        gone.err
    );
    let unnumbered = dump(Manner::Script, &["--files", "a//b.log"]);
    assert_eq!((unnumbered.exit, unnumbered.out.as_str()), (1, "Dumping a/b.log\n"));
    assert_eq!(unnumbered.err, "For input string: \"b\"\n");
    let unknown = dump(Manner::Script, &["--files", "x.txt, y"]);
    assert_eq!((unknown.exit, unknown.out.as_str()), (0, "Dumping x.txt\nDumping  y\n"));
    assert_eq!(unknown.err, "Ignoring unknown file x.txt\nIgnoring unknown file  y\n");
    let class = dump(
        Manner::Script,
        &["--files", &fixture(PLAIN), "--value-decoder-class", "a.B"],
    );
    assert_eq!(class.exit, 1);
    assert!(class.err.starts_with("Failed to load decoder class\n"), "{}", class.err);
    let number = dump(Manner::Script, &["--files", &fixture(PLAIN), "--max-bytes", "x"]);
    assert_eq!(number.err, "Cannot parse argument 'x' of option max-bytes\n");
    assert!(number.out.starts_with("Dumping "));
}

#[test]
fn several_files_and_gaps_in_them_are_told_apart() {
    let a = fixture("segments/compacted-0/00000000000000000000.log");
    let b = fixture("segments/compacted-0/00000000000000000172.log");
    let both = dump(Manner::Script, &["--files", &format!("{a},{b}"), "--deep-iteration"]);
    assert_eq!(both.out.matches("Dumping ").count(), 2);
    assert_eq!(both.err.matches("Non-consecutive offsets in ").count(), 2);
    assert!(both.err.contains("  -1 is followed by 172\n"), "{}", both.err);
}

#[test]
fn json_lines_hold_a_record_each() {
    let file = fixture(PLAIN);
    let lines = dump(Manner::Kt, &["--files", &file, "--print-data-log", "-o", "jsonl"]);
    let records: Vec<serde_json::Value> = lines
        .out
        .lines()
        .map(|line| serde_json::from_str(line).expect("an object"))
        .collect();
    assert_eq!(records.len(), 10);
    let first = &records[0];
    assert_eq!(
        (first["file"].as_str(), first["offset"].as_i64()),
        (Some(file.as_str()), Some(0))
    );
    assert_eq!(
        (first["key"].as_str(), first["timestamp"].as_i64()),
        (Some("key-0"), Some(1_700_000_000_000))
    );
    assert_eq!(first["headers"][0]["key"], "h1");
    let array = dump(Manner::Kt, &["--files", &file, "--print-data-log", "-o", "json"]);
    assert_eq!(
        serde_json::from_str::<Vec<serde_json::Value>>(&array.out).expect("an array"),
        records
    );
    let batches = dump(Manner::Kt, &["--files", &file, "-o", "jsonl"]);
    assert_eq!(batches.out.lines().count(), 2);
    let none = dump(
        Manner::Kt,
        &[
            "--files",
            &fixture("dump-log/damaged-text-0/00000000000000000000.log"),
            "-o",
            "json",
        ],
    );
    assert_eq!((none.exit, none.out.as_str()), (1, "[]\n"));
    let decoded = fixture("segments/__consumer_offsets-2/00000000000000000000.log");
    let decoded = dump(Manner::Kt, &["--files", &decoded, "--offsets-decoder", "-o", "jsonl"]);
    let record: serde_json::Value = serde_json::from_str(decoded.out.lines().next().expect("one")).expect("an object");
    assert_eq!(record["key"]["type"], "2", "{record}");
    let index = fixture("dump-log/many-0/00000000000000000000.index");
    let index = dump(Manner::Kt, &["--files", &index, "-o", "jsonl"]);
    assert!(index.out.starts_with("{\"file\":"), "{}", index.out);
}

#[test]
fn bytes_that_are_no_text_are_base64() {
    let file = fixture("dump-log/edge-0/00000000000000000000.log");
    let lines = dump(Manner::Kt, &["--files", &file, "--print-data-log", "-o", "jsonl"]);
    let base64 = lines.out.lines().any(|line| {
        let record: serde_json::Value = serde_json::from_str(line).expect("an object");
        record["value"]["base64"].is_string() || record["key"]["base64"].is_string()
    });
    assert!(base64, "{}", lines.out);
}

#[test]
fn offsets_bound_what_is_shown() {
    let file = fixture(PLAIN);
    let some = dump(
        Manner::Kt,
        &[
            "--files",
            &file,
            "--deep-iteration",
            "--from-offset",
            "3",
            "--to-offset",
            "6",
        ],
    );
    let offsets: Vec<&str> = some.out.lines().filter_map(|l| l.strip_prefix("| offset: ")).collect();
    let offsets: Vec<&str> = offsets.iter().filter_map(|l| l.split(' ').next()).collect();
    assert_eq!(offsets, ["3", "4", "5"]);
    assert_eq!(some.err, "");
    let none = dump(Manner::Kt, &["--files", &file, "--from-offset", "10"]);
    assert!(!none.out.contains("baseOffset"), "{}", none.out);
}

fn shown_offsets(words: &[&str]) -> Vec<String> {
    let run = dump(Manner::Kt, words);
    assert_eq!(run.exit, 0, "{}", run.err);
    let lines = run.out.lines().filter_map(|l| l.strip_prefix("| offset: "));
    lines.filter_map(|l| l.split(' ').next().map(str::to_owned)).collect()
}

#[test]
fn times_and_filters_choose_records() {
    let file = fixture(PLAIN);
    let time = shown_offsets(&[
        "--files",
        &file,
        "--from-time",
        "1700000000003",
        "--to-time",
        "1700000001001",
    ]);
    assert_eq!(time, ["3", "4", "5"]);
    let value = shown_offsets(&["--files", &file, "--filter", "key=key-1", "--filter", "value~^value-1"]);
    assert_eq!(value, ["6"]);
    // A batch of which nothing is left does not show.
    let none = dump(Manner::Kt, &["--files", &file, "--filter", "key=no-such-key"]);
    assert!(!none.out.contains("baseOffset"), "{}", none.out);
    let bad = dump(Manner::Kt, &["--files", &file, "--from-time", "soon"]);
    assert_eq!(bad.exit, 1, "{}", bad.out);
}

/// The rows of a survey, by the name of the file.
fn survey(words: &[&str]) -> (u8, std::collections::BTreeMap<String, serde_json::Value>) {
    let run = dump(Manner::Kt, &[words, &["-o", "jsonl"]].concat());
    let rows = run.out.lines().map(|line| {
        let row: serde_json::Value = serde_json::from_str(line).expect("an object");
        let name = row["file"]
            .as_str()
            .and_then(|f| f.rsplit('/').next())
            .expect("a name")
            .to_owned();
        (name, row)
    });
    (run.exit, rows.collect())
}

#[test]
fn a_folder_is_surveyed_file_by_file() {
    let dir = fixture("segments/txn-0");
    for words in [vec![dir.as_str()], vec![dir.as_str(), "--verify"]] {
        let (exit, rows) = survey(&words);
        assert_eq!(exit, 0, "{rows:?}");
        let log = &rows["00000000000000000003.log"];
        assert_eq!(
            (log["first_offset"].as_i64(), log["last_offset"].as_i64()),
            (Some(3), Some(9)),
            "{log}"
        );
        assert_eq!(rows["00000000000000000003.txnindex"]["entries"], 1);
        assert_eq!(rows["00000000000000000010.snapshot"]["kind"], "producers");
        assert!(rows.values().all(|row| row["health"] == "ok"), "{rows:?}");
    }
    let (exit, rows) = survey(&[&fixture("segments")]);
    assert_eq!(exit, 0, "{rows:?}");
    assert!(rows.len() > 10, "the partitions of a log directory");
}

#[test]
fn verify_finds_what_does_not_fit() {
    for (file, health) in [
        ("damaged-crc-0/00000000000000000000.log", "bad checksum at position 0"),
        (
            "damaged-truncated-0/00000000000000000000.log",
            "671 bytes at the end are no batch",
        ),
        (
            "damaged-badindex-0/00000000000000000000.index",
            "offset 3 is 2 in the log",
        ),
        (
            "damaged-snapshot-0/00000000000000000010.snapshot",
            "Snapshot is corrupt (CRC is no longer valid)",
        ),
        (
            "damaged-garbage-0/00000000000000000000.log",
            "Found record size 0 smaller than minimum record overhead (14)",
        ),
    ] {
        let path = fixture(&format!("dump-log/{file}"));
        let (exit, rows) = survey(&["--verify", &path]);
        assert_eq!(exit, 1, "{file}");
        let row = rows.values().next().expect("a row");
        assert!(row["health"].as_str().is_some_and(|h| h.starts_with(health)), "{row}");
    }
    let (exit, rows) = survey(&[
        "--verify",
        &fixture("dump-log/damaged-badtimeindex-0/00000000000000000000.timeindex"),
    ]);
    assert!(exit == 1 && rows.values().all(|row| row["health"] != "ok"), "{rows:?}");
}

/// Bits flipped, tails cut, lengths changed, in every kind of file: the tool ends, and says something.
#[test]
fn damaged_files_never_panic() {
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below.max(1) as u64) as usize
    };
    let is_fit = |case: &Case| case.out.len() < 40_000 && fixtures().join(&case.words[1]).is_file();
    let files: Vec<Case> = cases().into_iter().filter(is_fit).collect();
    assert!(files.len() >= 70, "{} cases", files.len());
    // The readers below have a million inputs in the nightly size; here each is a whole run of the tool.
    let rounds = crate::log::inspect::fuzz_rounds(400, 20_000);
    let scratch = tempfile::tempdir().expect("a folder");
    let (mut fine, mut failed) = (0, 0);
    for _ in 0..rounds {
        let case = &files[next(files.len())];
        let source = fixtures().join(&case.words[1]);
        let name = source.file_name().expect("a name");
        for sibling in std::fs::read_dir(source.parent().expect("a folder")).expect("a folder") {
            let sibling = sibling.expect("an entry").path();
            std::fs::copy(&sibling, scratch.path().join(sibling.file_name().expect("a name"))).expect("a copy");
        }
        let mut bytes = std::fs::read(&source).expect("a file");
        for _ in 0..=next(3) {
            let at = next(bytes.len());
            match next(4) {
                0 => bytes.truncate(at),
                1 => bytes.iter_mut().skip(at).take(1).for_each(|b| *b ^= 1 << next(8)),
                2 => bytes.iter_mut().skip(8).take(4).for_each(|b| *b = next(256) as u8),
                _ => bytes.iter_mut().skip(at).take(4).for_each(|b| *b = next(256) as u8),
            }
        }
        let path = scratch.path().join(name);
        std::fs::write(&path, bytes).expect("a file");
        let mut words = vec!["--files", path.to_str().expect("a path")];
        words.extend(case.words[2..].iter().map(String::as_str));
        match dump(Manner::Kt, &words).exit {
            0 => fine += 1,
            _ => failed += 1,
        }
    }
    assert!(
        fine > rounds / 50 && failed > rounds / 4,
        "{fine} fine, {failed} failed"
    );
}

#[test]
fn a_survey_tells_of_offsets_and_magics_that_cannot_be() {
    for (name, words) in [
        ("damaged-offsetmax-0", "has offsets from 9223372036854775807 to"),
        ("damaged-magic3-0", "batches of magic 3 are not known"),
    ] {
        let dir = fixtures().join("dump-log").join(name);
        let done = dump(Manner::Kt, &["--verify", &dir.display().to_string()]);
        assert_eq!(done.exit, 1, "{}", done.out);
        assert!(done.out.contains(words), "{}", done.out);
    }
}

#[test]
fn bounds_hold_for_index_entries_too() {
    let many = fixtures().join("dump-log/many-0/00000000000000000000.index");
    let many = many.display().to_string();
    let offsets = |words: &[&str]| -> Vec<i64> {
        let done = dump(Manner::Kt, &[&["--files", &many], words].concat());
        assert_eq!(done.exit, 0, "{}", done.err);
        let entries = done.out.lines().filter_map(|line| line.strip_prefix("offset: "));
        entries
            .map(|rest| rest.split(' ').next().and_then(|n| n.parse().ok()).expect("a number"))
            .collect()
    };
    let all = offsets(&[]);
    let (from, to) = (all[2], all[5]);
    let some = offsets(&["--from-offset", &from.to_string(), "--to-offset", &to.to_string()]);
    assert_eq!(some, all[2..5]);
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_printed() {
    let many = fixtures()
        .join("dump-log/many-0/00000000000000000000.log")
        .display()
        .to_string();
    for bad in [
        ["--filter", "nonsense"],
        ["--from-time", "soon"],
        ["--from-offset", "x"],
    ] {
        let done = dump(Manner::Kt, &[&["--files", &many[..]], &bad[..]].concat());
        assert_eq!((done.exit, &done.out[..]), (1, ""), "{bad:?}: {}", done.err);
    }
    let done = dump(Manner::Kt, &["--files", "no-such-folder"]);
    assert_eq!(done.exit, 1);
    assert!(done.err.contains("no such file or folder"), "{}", done.err);
}
