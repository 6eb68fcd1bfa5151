//! A server in memory: it answers every request at once, so that a device's life needs no waiting.

use std::cell::RefCell;
use std::rc::Rc;

use updraft_agent::Clock as _;
use updraft_protocol::{CheckIn, CheckInReply, Offer, Report, SlotState, UpdateStatus};

use super::clock::VirtualClock;
use super::images::Release;
use super::reply::Reply;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) target: String,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    /// When, by the device's clock.
    pub(crate) at_ms: u64,
}

impl Request {
    fn parse(bytes: &[u8], at_ms: u64) -> Self {
        let head_end = bytes
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .expect("a whole request head");
        let head = std::str::from_utf8(&bytes[..head_end]).expect("ASCII head");
        Self {
            target: head.split(' ').nth(1).expect("a request target").to_owned(),
            head: head.to_owned(),
            body: bytes[head_end + 4..].to_vec(),
            at_ms,
        }
    }

    pub(crate) fn is_download(&self) -> bool {
        self.target == "/download"
    }

    pub(crate) fn is_check_in(&self) -> bool {
        self.target.ends_with("/check-in")
    }

    pub(crate) fn is_report(&self) -> bool {
        self.target.ends_with("/reports")
    }

    pub(crate) fn is_enrolment(&self) -> bool {
        self.target.ends_with("/enrol")
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    /// The first byte of the range that is asked for; 0 for all of it.
    pub(crate) fn first_byte(&self) -> usize {
        self.header("Range")
            .and_then(|range| {
                range
                    .strip_prefix("bytes=")?
                    .strip_suffix('-')?
                    .parse()
                    .ok()
            })
            .unwrap_or(0)
    }
}

/// Answers in the server's place, or leaves it to the server.
pub(crate) type Intercept = Box<dyn FnMut(&Request) -> Option<Reply>>;

/// What the server offers and what it heard.
pub(crate) struct Server {
    pub(crate) wanted: Release,
    /// What it says of it.
    pub(crate) offer: Offer,
    /// Offers it whatever runs and whatever was reported.
    pub(crate) insists: bool,
    pub(crate) poll_after_seconds: u32,
    pub(crate) reachable: bool,
    pub(crate) requests: Vec<Request>,
    pub(crate) check_ins: Vec<CheckIn>,
    /// Every report that was acknowledged.
    pub(crate) reports: Vec<Report>,
    pub(crate) intercept: Option<Intercept>,
}

impl Server {
    /// A server that offers this release to whoever does not run it, newer or not.
    pub(crate) fn new(wanted: Release) -> Rc<RefCell<Self>> {
        let offer = Offer {
            firmware_id: format!("release-{}", wanted.version),
            version: wanted.version.clone(),
            checksum: wanted.sha256,
            size: wanted.bytes.len() as u32,
            download_url: "/download".to_owned(),
            required: false,
            description: String::new(),
            elf_sha256: Some(wanted.elf_sha256),
            secure_version: 0,
            allow_downgrade: true,
            activate_after_seconds: 0,
            activate_within_seconds: None,
        };
        Rc::new(RefCell::new(Self {
            wanted,
            offer,
            insists: false,
            poll_after_seconds: 300,
            reachable: true,
            requests: Vec::new(),
            check_ins: Vec::new(),
            reports: Vec::new(),
            intercept: None,
        }))
    }

    pub(crate) fn heard(&self, status: UpdateStatus) -> bool {
        self.reports
            .iter()
            .any(|report| report.update_status == status)
    }

    pub(crate) fn answer(&mut self, request: &[u8], clock: &VirtualClock) -> Reply {
        let request = Request::parse(request, clock.now_ms());
        self.requests.push(request.clone());
        if let Some(mut intercept) = self.intercept.take() {
            let reply = intercept(&request);
            self.intercept.get_or_insert(intercept);
            if let Some(reply) = reply {
                return reply;
            }
        }
        if request.is_download() {
            return download(self.wanted.bytes, &request);
        }
        if request.is_check_in() {
            return self.check_in(&request);
        }
        if request.is_report() {
            let report = serde_json::from_slice(&request.body).expect("a report");
            self.reports.push(report);
        }
        Reply::new("200 OK", "", b"{\"status\":\"ok\"}".as_slice())
    }

    fn check_in(&mut self, request: &Request) -> Reply {
        let check_in: CheckIn = serde_json::from_slice(&request.body).expect("a check-in");
        let due = check_in.elf_sha256 != Some(self.wanted.elf_sha256)
            && check_in.state != Some(SlotState::PendingVerify)
            // The fleet's rule: what was rolled back for good is not offered again.
            && !self.reports.iter().any(is_final_failure);
        self.check_ins.push(check_in);
        Reply::json(&CheckInReply {
            offer: (due || self.insists).then(|| self.offer.clone()),
            poll_after_seconds: self.poll_after_seconds,
        })
    }
}

/// The bytes that are asked for, as a good server sends them.
pub(crate) fn download(bytes: &'static [u8], request: &Request) -> Reply {
    match request.first_byte() {
        0 => Reply::new("200 OK", "", bytes),
        from => {
            let (last, size) = (bytes.len() - 1, bytes.len());
            let range = format!("Content-Range: bytes {from}-{last}/{size}\r\n");
            Reply::new("206 Partial Content", &range, &bytes[from..])
        }
    }
}

fn is_final_failure(report: &Report) -> bool {
    report.reason.is_some_and(|reason| !reason.is_transient())
}
