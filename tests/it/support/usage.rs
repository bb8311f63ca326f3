//! What a process of this machine has used, by /proc. Nothing where there is none. The benches ask.
#![allow(dead_code)]

/// Kilobytes resident now.
pub fn resident_kb(pid: u32) -> f64 {
    status_kb(pid, "VmRSS:")
}

/// The most kilobytes that were resident at one time.
pub fn peak_kb(pid: u32) -> f64 {
    status_kb(pid, "VmHWM:")
}

fn status_kb(pid: u32, row: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix(row)).unwrap_or_default();
    line.split_whitespace()
        .next()
        .and_then(|n| n.parse().ok())
        .unwrap_or(0.0)
}

/// Seconds of processor time, its own and the kernel's for it.
pub fn cpu_seconds(pid: u32) -> f64 {
    /// What Linux tells times of processes in.
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name in brackets may hold anything; utime and stime are the 12th and 13th word behind it.
    let words: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| words.get(at).and_then(|t| t.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / TICKS_PER_SECOND
}
