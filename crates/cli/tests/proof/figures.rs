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

    /// A step ended.
    pub(crate) fn step(&self, what: &str, took: Duration) {
        self.say(format!("{:7.1} s  {what}", took.as_secs_f64()));
    }

    /// Says something with the figures.
    pub(crate) fn say(&self, line: String) {
        // A test that passes prints nothing else.
        let _ = writeln!(std::io::stderr(), "proof: {line}");
    }

    /// The last word.
    pub(crate) fn print(&self, devices: usize) {
        let seconds = self.began.elapsed().as_secs_f64();
        let peak = self.peak_kib.map_or_else(
            || "unknown".to_owned(),
            |kib| format!("{} MiB", kib / 1024),
        );
        self.say(format!(
            "{devices} devices in {seconds:.0} s; the server's peak memory {peak}; {} requests, {:.0} a second",
            self.requests,
            self.requests as f64 / seconds
        ));
    }
}
