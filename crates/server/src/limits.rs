use std::time::Duration;

const MIB: u64 = 1024 * 1024;

/// Every limit and timeout of the server, with its default and the reason for it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Limits {
    /// Connections open at a time; more wait in the system's queue. 8,192: a fleet's rush of downloads, at
    /// about 20 KiB each.
    pub max_connections: usize,
    /// Time to send a request's head, and the time a kept-alive connection may idle. 30 s: several lost
    /// packets on a bad link.
    pub header_read_timeout: Duration,
    /// Largest request head in bytes. 32 KiB: ten times what a proxy's headers need.
    pub max_head: usize,
    /// The window over which a transfer's progress is judged, and the longest pause of an upload. 60 s: longer
    /// than a roaming device is away.
    pub stall_window: Duration,
    /// Bytes of an answer that must go out in each [`stall_window`](Self::stall_window) while more waits. The
    /// system takes them in steps of about 85 KiB (a third of its buffer), so a client that takes less than that
    /// in a window, 1.4 KB a second by default, is cut off sooner or later and resumes by Range. A device's own
    /// limit of five minutes a download asks for as much.
    pub min_bytes_per_window: u64,
    /// Time for a request's body to arrive, uploads excepted. 30 s: bodies are small, links may be bad.
    pub body_timeout: Duration,
    /// Largest file that can be uploaded, in bytes. 16 MiB: the largest ESP app image.
    pub max_upload: u64,
    /// Time for a whole upload. 10 min: 16 MiB at 28 KB/s.
    pub upload_timeout: Duration,
    /// Uploads at a time. 8: each costs a file and a buffer of 256 KiB.
    pub max_uploads: usize,
    /// Longest text field of an upload in bytes; the description. 4 KiB: a screenful of notes.
    pub max_text: usize,
    /// Longest body of an operator's request in bytes. 64 KiB: far more than any needs.
    pub max_body: usize,
    /// Memory for the files being downloaded, in bytes. 64 MiB: some thirty releases of 2 MiB; files beyond
    /// it are streamed from disk.
    pub download_cache: u64,
    /// Devices known. 100,000 at about 1 KiB each; more are refused.
    pub max_devices: usize,
    /// Streams of events open at a time. 64: some dashboards and programs; each costs a task and a page of events.
    pub max_streams: usize,
    /// Events that a stream which had caught up may be behind again before it is ended. 10,000: a large fleet's outcomes of
    /// some minutes. Its client goes on where it was by connecting again.
    pub max_stream_lag: u32,
    /// Webhooks. 32: each may take a connection and a task, and is looked at with every event.
    pub max_webhooks: u32,
    /// Devices' questions under way at a time; more are told to come back (503 with `Retry-After`, each at a moment of its
    /// own), and above 70 % of it devices are told to ask less often. 4,096: half of the connections; the other half is for
    /// downloads and reports.
    pub max_check_ins: usize,
    /// How long what devices said of themselves may stay unwritten. 5 s: what a killed server may forget of
    /// last-seen times and versions. Outcomes are never delayed.
    pub write_behind: Duration,
    /// Wrong tokens and keys a minute from one address before further wrong ones are answered 429. 30: a person's
    /// typos and a misconfigured room pass, guessing does not. Right ones always pass.
    pub max_auth_failures: u32,
    /// How long a graceful shutdown waits for downloads and other requests to finish. 30 s: a service
    /// manager's patience.
    pub shutdown_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 8192,
            header_read_timeout: Duration::from_secs(30),
            max_head: 32 * 1024,
            stall_window: Duration::from_mins(1),
            min_bytes_per_window: 8 * 1024,
            body_timeout: Duration::from_secs(30),
            max_upload: 16 * MIB,
            upload_timeout: Duration::from_mins(10),
            max_uploads: 8,
            max_text: 4096,
            max_body: 64 * 1024,
            download_cache: 64 * MIB,
            max_devices: 100_000,
            max_streams: 64,
            max_stream_lag: 10_000,
            max_webhooks: 32,
            max_check_ins: 4096,
            write_behind: Duration::from_secs(5),
            max_auth_failures: 30,
            shutdown_timeout: Duration::from_secs(30),
        }
    }
}
