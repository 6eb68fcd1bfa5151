//! What the proof measured: printed, never asserted.

use std::io::Write as _;
use std::time::{Duration, Instant};

use crate::support::server::Server;

/// What was measured of every server so far.
pub(crate) struct Figures {
    began: Instant,
    /// HTTP requests of the servers before.
    requests: u64,
    /// The largest resident size of any of them, in KiB; none where the system does not tell.
    peak_kib: Option<u64>,
}

impl Figures {
    pub(crate) fn new() -> Self {
        Self {
            began: Instant::now(),
            requests: 0,
            peak_kib: None,
        }
    }

    /// Adds what the running server has counted. Once for each, at its end.
    pub(crate) fn look(&mut self, server: &Server) {
        let metrics = server.get("/metrics", "");
        self.requests += metrics
            .lines()
            .filter(|line| line.starts_with("updraft_requests_total"))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
            .sum::<u64>();
        let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid()));
        let peak = status.ok().and_then(|status| {
            let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
            line.split_whitespace().nth(1)?.parse().ok()
        });
        self.peak_kib = self.peak_kib.max(peak);
    }

    /// The last word.
    pub(crate) fn print(&self, devices: usize) {
        let took = self.began.elapsed();
        let peak = self
            .peak_kib
            .map_or_else(|| "unknown".to_owned(), |kib| format!("{} MiB", kib / 1024));
        say(&format!(
            "{devices} devices in {} s; the server's peak memory {peak}; {} requests, {} a second",
            took.as_secs(),
            self.requests,
            u128::from(self.requests) * 1000 / took.as_millis().max(1)
        ));
    }
}

/// A step ended.
pub(crate) fn step(what: &str, took: Duration) {
    say(&format!("{:7.1} s  {what}", took.as_secs_f64()));
}

/// Says something with the figures. The output of a test that passes is caught, but for this.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "proof: {line}");
}
