//! How a rehearsal looks.

use std::fmt::Write as _;

use updraft_protocol::api::rollout::{RehearsalOdds, RehearsalReport, StepState};

use crate::table::{Details, Table};
use crate::text::{NONE, clean};

/// What came of it, for people.
pub(super) fn lines(report: &RehearsalReport) -> String {
    let outcome = &report.outcome;
    let mut details = Details::new();
    details.line(
        "fleet",
        format!("{} devices, {} take part", report.devices, report.members),
    );
    details.line(
        "ends",
        format!("{} after {}", outcome.state, span(outcome.duration_s)),
    );
    if let Some(trip) = &outcome.trip {
        details.line("stopped", trip.reason.clone());
    }
    details.line(
        "devices",
        format!(
            "{} reached, {} confirmed, {} never heard of again",
            outcome.reached, outcome.confirmed, outcome.bricked
        ),
    );
    details.line(
        "requests",
        format!(
            "{} a second at the peak, beside {:.1} a second in vain",
            outcome.peak_requests_per_s, outcome.background_requests_per_s
        ),
    );
    details.line(
        "bytes",
        format!(
            "{} a second at the peak, {} in all",
            bytes(outcome.peak_bytes_per_s),
            bytes(outcome.bytes)
        ),
    );
    let mut text = details.render();
    text.push('\n');
    text.push_str(&steps(report));
    text.push('\n');
    text.push_str(&odds(&report.odds));
    text
}

fn steps(report: &RehearsalReport) -> String {
    let mut table = Table::new([
        "WAVE",
        "STAGE",
        "OPENS AFTER",
        "DEVICES",
        "CONFIRMED",
        "FAILED",
    ]);
    for step in &report.outcome.steps {
        let opens = step.opened_at.filter(|_| step.state != StepState::Ahead);
        table.row([
            clean(&step.wave),
            step.stage.to_string(),
            opens.map_or_else(
                || NONE.to_owned(),
                |at| span(at - report.outcome.started_at),
            ),
            step.devices.to_string(),
            step.counts.confirmed.to_string(),
            step.counts.failures().to_string(),
        ]);
    }
    table.render()
}

fn odds(odds: &RehearsalOdds) -> String {
    if odds.runs == 0 {
        return String::new();
    }
    let mut text = format!(
        "A release that bricks {}.{:02} % of its devices is halted in {} of {} runs ({:.0} %).\n",
        odds.brick_bp / 100,
        odds.brick_bp % 100,
        odds.halted,
        odds.runs,
        odds.chance * 100.0
    );
    // Writing to a String cannot fail.
    for (what, spread) in [
        ("Until then it has reached", odds.reached),
        ("It has bricked", odds.bricked),
    ] {
        if let Some(spread) = spread {
            let _ = writeln!(
                text,
                "{what} {} devices in half of them, {} in 95 of 100, {} at worst.",
                spread.median, spread.p95, spread.most
            );
        }
    }
    text
}

/// Seconds as days, hours, minutes; small parts of large times are left out.
fn span(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min {} s", seconds % 60),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, minutes) => format!("{days} d {hours} h {minutes} min"),
    }
}

/// Bytes in the decimal units of links.
fn bytes(bytes: u64) -> String {
    let (unit, name) = match bytes {
        0..1000 => return format!("{bytes} B"),
        1000..1_000_000 => (1000, "kB"),
        1_000_000..1_000_000_000 => (1_000_000, "MB"),
        _ => (1_000_000_000, "GB"),
    };
    format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit)
}
