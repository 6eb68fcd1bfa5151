//! Counters for Prometheus, in plain atomics: a request costs a few relaxed additions.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use http::StatusCode;
use updraft_protocol::ReasonCode;
use updraft_protocol::api::DeploymentState;

/// Who a route is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    Device,
    Relay,
    Viewer,
    Publisher,
    Operator,
    Admin,
    Open,
    /// No route matched.
    Unknown,
}

impl Group {
    const ALL: [Self; 8] = [
        Self::Device,
        Self::Relay,
        Self::Viewer,
        Self::Publisher,
        Self::Operator,
        Self::Admin,
        Self::Open,
        Self::Unknown,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Relay => "relay",
            Self::Viewer => "viewer",
            Self::Publisher => "publisher",
            Self::Operator => "operator",
            Self::Admin => "admin",
            Self::Open => "open",
            Self::Unknown => "unknown",
        }
    }
}

/// HTTP statuses counted: 100 to 599.
const STATUSES: usize = 500;

/// One counter each.
#[derive(Debug)]
pub(crate) struct Metrics {
    requests: Vec<AtomicU64>,
    deployments: Vec<AtomicU64>,
    /// By the stage they came to, and then by reason.
    reasons: Vec<AtomicU64>,
    plain: [AtomicU64; Plain::ALL.len()],
    durations: [AtomicU64; DURATIONS.len() + 1],
    duration_sum: AtomicU64,
}

/// How far an update can have come before it fails; the first is for those of which nothing was known.
const STAGES: [Option<DeploymentState>; 5] = [
    None,
    Some(DeploymentState::Offered),
    Some(DeploymentState::Downloading),
    Some(DeploymentState::Downloaded),
    Some(DeploymentState::Rebooting),
];

/// Reasons that are counted apart: those this version knows, others, and none.
const REASONS: usize = ReasonCode::ALL.len() + 2;

/// Upper bounds of the histogram of updates' durations, in seconds: seed 004 expects 15 to 22 s, a window may take a
/// day.
const DURATIONS: [u64; 9] = [15, 30, 60, 120, 300, 900, 3600, 14_400, 86_400];

/// A counter or gauge without labels.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Plain {
    Downloads,
    BytesSent,
    BytesReceived,
    CheckIns,
    Offers,
    Uploads,
    AuthFailures,
    Stalled,
    Halts,
    TurnedAway,
    Delivered,
    NotDelivered,
    Accepted,
    Open,
    Streams,
}

impl Plain {
    const ALL: [Self; 15] = [
        Self::Downloads,
        Self::BytesSent,
        Self::BytesReceived,
        Self::CheckIns,
        Self::Offers,
        Self::Uploads,
        Self::AuthFailures,
        Self::Stalled,
        Self::Halts,
        Self::TurnedAway,
        Self::Delivered,
        Self::NotDelivered,
        Self::Accepted,
        Self::Open,
        Self::Streams,
    ];

    /// Name, kind and help text.
    const fn describe(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Downloads => (
                "downloads_total",
                "counter",
                "Downloads begun, ranges included",
            ),
            Self::BytesSent => (
                "sent_bytes_total",
                "counter",
                "Bytes sent on all connections",
            ),
            Self::BytesReceived => (
                "received_bytes_total",
                "counter",
                "Bytes received on all connections",
            ),
            Self::CheckIns => (
                "check_ins_total",
                "counter",
                "Questions for the latest release, by any endpoint",
            ),
            Self::Offers => ("offers_total", "counter", "Answers that offered a release"),
            Self::Uploads => ("uploads_total", "counter", "Releases published"),
            Self::AuthFailures => ("auth_failures_total", "counter", "Tokens and keys refused"),
            Self::Stalled => (
                "stalled_connections_total",
                "counter",
                "Connections cut off because nothing moved",
            ),
            Self::Halts => (
                "rollout_halts_total",
                "counter",
                "Rollouts that tripped or were halted",
            ),
            Self::TurnedAway => (
                "check_ins_turned_away_total",
                "counter",
                "Questions answered with a later time, because too many were asked at once",
            ),
            Self::Delivered => (
                "webhook_deliveries_total",
                "counter",
                "Events that webhooks took",
            ),
            Self::NotDelivered => (
                "webhook_failures_total",
                "counter",
                "Tries to deliver an event to a webhook that failed",
            ),
            Self::Streams => ("event_streams", "gauge", "Streams of events open now"),
            Self::Accepted => ("connections_total", "counter", "Connections accepted"),
            Self::Open => ("connections", "gauge", "Connections open now"),
        }
    }
}

fn counters(length: usize) -> Vec<AtomicU64> {
    std::iter::repeat_with(AtomicU64::default)
        .take(length)
        .collect()
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            requests: counters(Group::ALL.len() * STATUSES),
            deployments: counters(DeploymentState::ALL.len()),
            reasons: counters(STAGES.len() * REASONS),
            plain: Default::default(),
            durations: Default::default(),
            duration_sum: AtomicU64::default(),
        }
    }
}

impl Metrics {
    /// Adds to a counter without labels.
    pub(crate) fn add(&self, plain: Plain, value: u64) {
        self.plain[plain as usize].fetch_add(value, Ordering::Relaxed);
    }

    pub(crate) fn connection_closed(&self) {
        self.plain[Plain::Open as usize].fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn stream_closed(&self) {
        self.plain[Plain::Streams as usize].fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn auth_failure(&self) {
        self.add(Plain::AuthFailures, 1);
    }

    pub(crate) fn request(&self, group: Group, status: StatusCode) {
        let index = group as usize * STATUSES + usize::from(status.as_u16()).saturating_sub(100);
        if let Some(counter) = self.requests.get(index) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Notes that a deployment came to a state; of a failure also how far it had come before.
    pub(crate) fn deployment(
        &self,
        from: Option<DeploymentState>,
        state: DeploymentState,
        reason: Option<ReasonCode>,
    ) {
        bump(
            &self.deployments,
            DeploymentState::ALL.iter().position(|one| *one == state),
        );
        if state.is_failure() || reason.is_some() {
            let row = STAGES.iter().position(|one| *one == from).unwrap_or(0);
            let known = ReasonCode::ALL.iter().position(|one| Some(*one) == reason);
            let unknown = match reason {
                Some(_) => ReasonCode::ALL.len(),
                None => ReasonCode::ALL.len() + 1,
            };
            bump(
                &self.reasons,
                Some(row * REASONS + known.unwrap_or(unknown)),
            );
        }
    }

    /// Notes how long an update took that was confirmed, in seconds since its offer.
    pub(crate) fn duration(&self, seconds: u64) {
        let bucket = DURATIONS.iter().position(|most| seconds <= *most);
        bump(&self.durations, bucket.or(Some(DURATIONS.len())));
        self.duration_sum.fetch_add(seconds, Ordering::Relaxed);
    }

    fn render_durations(&self, text: &mut String) {
        let name = "update_duration_seconds";
        head(
            text,
            name,
            "histogram",
            "Time from the last offer to the confirmation",
        );
        let mut count = 0;
        let bounds = DURATIONS.iter().map(ToString::to_string);
        let bounds = bounds.chain(["+Inf".to_owned()]);
        for (bound, bucket) in bounds.zip(&self.durations) {
            count += read(bucket);
            let _ = writeln!(text, "updraft_{name}_bucket{{le=\"{bound}\"}} {count}");
        }
        let sum = read(&self.duration_sum);
        let _ = writeln!(
            text,
            "updraft_{name}_sum {sum}\nupdraft_{name}_count {count}"
        );
    }

    /// Everything, as Prometheus reads it.
    pub(crate) fn render(&self) -> String {
        let mut text = String::with_capacity(4096);
        head(
            &mut text,
            "requests_total",
            "counter",
            "Requests, by who the route is for and by status",
        );
        for (group, counts) in Group::ALL.iter().zip(self.requests.chunks(STATUSES)) {
            for (status, count) in (100..).zip(counts).filter(|(_, count)| read(count) > 0) {
                let labels = format!("group=\"{}\",status=\"{status}\"", group.as_str());
                line(&mut text, "requests_total", &labels, count);
            }
        }
        head(
            &mut text,
            "deployments_total",
            "counter",
            "Devices' ways to releases, by the state they came to",
        );
        for (state, count) in DeploymentState::ALL.iter().zip(&self.deployments) {
            line(
                &mut text,
                "deployments_total",
                &format!("state=\"{}\"", state.as_str()),
                count,
            );
        }
        head(
            &mut text,
            "failures_total",
            "counter",
            "Failed updates, by how far they had come and by reason",
        );
        for (stage, counts) in STAGES.iter().zip(self.reasons.chunks(REASONS)) {
            let stage = stage.map_or("unknown", DeploymentState::as_str);
            let reasons = ReasonCode::ALL.iter().map(|reason| reason.as_str());
            let reasons = reasons.chain([ReasonCode::Other.as_str(), "unknown"]);
            for (reason, count) in reasons.zip(counts).filter(|(_, count)| read(count) > 0) {
                let labels = format!("stage=\"{stage}\",reason=\"{reason}\"");
                line(&mut text, "failures_total", &labels, count);
            }
        }
        self.render_durations(&mut text);
        for plain in Plain::ALL {
            let (name, kind, help) = plain.describe();
            head(&mut text, name, kind, help);
            line(&mut text, name, "", &self.plain[plain as usize]);
        }
        text
    }
}

fn bump(counters: &[AtomicU64], index: Option<usize>) {
    if let Some(counter) = index.and_then(|index| counters.get(index)) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

// Writing to a String cannot fail.

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(
        text,
        "# HELP updraft_{name} {help}.\n# TYPE updraft_{name} {kind}"
    );
}

fn line(text: &mut String, name: &str, labels: &str, count: &AtomicU64) {
    let _ = match labels {
        "" => writeln!(text, "updraft_{name} {}", read(count)),
        labels => writeln!(text, "updraft_{name}{{{labels}}} {}", read(count)),
    };
}
