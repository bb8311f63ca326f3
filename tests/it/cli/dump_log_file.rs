//! What `dump-log` prints is the same in a file as in a pipe.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use crate::support::{kt, root};

/// Some megabytes of batches, and bytes behind them that are none.
fn write_segment(path: &Path) {
    let batches = root().join("tests/fixtures/dump-log/__consumer_offsets-1/00000000000000000000.log");
    let batches = fs::read(batches).expect("a fixture");
    let mut segment = batches.repeat(400);
    segment.extend_from_slice(b"torn");
    fs::write(path, segment).expect("a segment");
}

/// Runs a shell's line, in which `kt` and its arguments are `"$@"`.
fn sh(dir: &Path, line: &str) -> Vec<u8> {
    let done = Command::new("sh")
        .current_dir(dir)
        .args(["-c", line, "sh"])
        .arg(kt())
        .args(["dump-log", "--print-data-log", "--files"])
        .arg("0.log,what.is-this,1.log")
        .output()
        .expect("a shell");
    assert_eq!(String::from_utf8_lossy(&done.stderr), "");
    done.stdout
}

#[test]
fn a_file_gets_what_a_pipe_gets() {
    let dir = tempfile::tempdir().expect("a temp dir");
    write_segment(&dir.path().join("0.log"));
    write_segment(&dir.path().join("1.log"));
    fs::write(dir.path().join("what.is-this"), "").expect("a file");
    let expected = sh(dir.path(), "\"$@\" 2>&1 | cat");
    let lines = String::from_utf8_lossy(&expected);
    for line in [
        "Ignoring unknown file what.is-this",
        "Found 4 invalid bytes at the end of 0.log",
        "Found 4 invalid bytes at the end of 1.log",
    ] {
        assert_eq!(lines.lines().filter(|l| *l == line).count(), 1, "{line}");
    }
    assert!(expected.len() > 4 << 20, "{}", expected.len());

    let out = dir.path().join("out");
    let read = || fs::read(&out).expect("the output");
    sh(dir.path(), "\"$@\" > out 2>&1");
    assert!(read() == expected, "in a new file");
    sh(dir.path(), "\"$@\" > out 2>&1");
    assert!(read() == expected, "over a file");
    sh(dir.path(), "\"$@\" >> out 2>&1");
    assert!(read() == expected.repeat(2), "behind what is in a file");

    let mut longer = fs::File::create(&out).expect("a file");
    longer.write_all(&b"x".repeat(expected.len() + 100)).expect("written");
    sh(dir.path(), "\"$@\" 1<> out 2>&1");
    let over = read();
    assert!(over[..expected.len()] == expected[..], "over the beginning of a file");
    assert_eq!(over[expected.len()..], b"x".repeat(100));
}
