//! How a rollout looks, and how something is done to one.

use reqwest::Method;
use serde::Serialize;
use updraft_protocol::api::rollout::{Counts, Rollout, StepState, Waiting};

use crate::api::{ApiError, Client};
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::table::{Details, Table};
use crate::text::{NONE, instant};

/// Asks the server for one rollout.
pub(super) async fn get(client: &Client, id: &str) -> Result<Rollout, ApiError> {
    client.get(&["api", "rollouts", id], &[]).await
}

/// Does something to a rollout and shows it as it is then.
pub(super) async fn act(
    context: &Context,
    id: &str,
    verb: &str,
    request: &(impl Serialize + Sync),
) -> Result<Exit, Failure> {
    let path = ["api", "rollouts", id, verb];
    let rollout: Rollout = context.client()?.send(Method::POST, &path, request).await?;
    context.output.data(&rollout, lines)?;
    Ok(Exit::Ok)
}

/// Everything about a rollout, for people.
pub(super) fn lines(rollout: &Rollout) -> String {
    let mut details = Details::new();
    details.line("rollout", &rollout.id);
    if let Some(name) = &rollout.name {
        details.line("name", name);
    }
    details.line(
        "release",
        format!("{} {}", rollout.device_type, rollout.version),
    );
    details.line("state", rollout.state.as_str());
    if let Some(trip) = &rollout.trip {
        details.line(
            "stopped",
            format!(
                "{} ({} of {} evaluated failed; {})",
                trip.reason,
                trip.failures,
                trip.evaluated,
                trip.action.as_str()
            ),
        );
    }
    if let Some(waiting) = &rollout.waiting {
        details.line("waits for", waits_for(waiting));
    }
    details.line(
        "drafted",
        format!("{} by {}", instant(rollout.created_at), rollout.created_by),
    );
    for (name, time) in [("started", rollout.started_at), ("ended", rollout.ended_at)] {
        details.line(name, time.map_or_else(|| NONE.into(), instant));
    }
    let mut text = details.render();
    text.push('\n');
    text.push_str(&steps(rollout));
    text
}

/// The stages, each with a bar of its devices: confirmed `#`, failed `!`, under way `~`.
fn steps(rollout: &Rollout) -> String {
    let mut table = Table::new([
        "WAVE",
        "STAGE",
        "STATE",
        "DEVICES",
        "CONFIRMED",
        "FAILED",
        "OPEN",
        "",
    ]);
    for step in &rollout.steps {
        let counts = &step.counts;
        let state = match step.state {
            StepState::Ahead => "ahead",
            StepState::Open => "open",
            StepState::Passed => "passed",
        };
        table.row([
            step.wave.clone(),
            step.stage.to_string(),
            state.to_owned(),
            match step.state {
                StepState::Ahead => NONE.to_owned(),
                _ => step.devices.to_string(),
            },
            counts.confirmed.to_string(),
            counts.failures().to_string(),
            counts.open().to_string(),
            bar(counts),
        ]);
    }
    table.render()
}

/// Characters of a bar.
const BAR: u64 = 20;

fn bar(counts: &Counts) -> String {
    let total = u64::from(counts.total()).max(1);
    let mut text = String::new();
    for (sign, part) in [
        ("#", counts.confirmed),
        ("!", counts.failures()),
        ("~", counts.open()),
    ] {
        // Whatever there is shows, be it ever so little.
        let signs = (u64::from(part) * BAR).div_ceil(total);
        text.push_str(&sign.repeat(usize::try_from(signs).unwrap_or_default()));
    }
    text
}

/// A rollout in one line, for who watches.
pub(super) fn one_line(rollout: &Rollout) -> String {
    let counts = &rollout.counts;
    let step = rollout
        .steps
        .iter()
        .find(|step| step.state == StepState::Open)
        .map_or_else(String::new, |step| {
            format!(", {} stage {}", step.wave, step.stage)
        });
    let waiting = rollout
        .waiting
        .as_ref()
        .map_or_else(String::new, |waiting| {
            format!("; waits for {}", waits_for(waiting))
        });
    format!(
        "{}{step}: {} confirmed, {} failed, {} open{waiting}",
        rollout.state,
        counts.confirmed,
        counts.failures(),
        counts.open()
    )
}

fn waits_for(waiting: &Waiting) -> String {
    match waiting {
        Waiting::Time { until } => format!("its time, {}", instant(*until)),
        Waiting::Soak { until } => format!("the end of the wait, {}", instant(*until)),
        Waiting::Evaluated { evaluated, wanted } => {
            format!("more outcomes: {evaluated} of {wanted}")
        }
        Waiting::Success {
            confirmed,
            evaluated,
            wanted_bp,
        } => format!(
            "more success: {confirmed} of {evaluated} confirmed, {}.{:02} % wanted",
            wanted_bp / 100,
            wanted_bp % 100
        ),
        Waiting::Advance => "somebody to open the next stage".to_owned(),
        Waiting::Approval => "the approval of a second person".to_owned(),
        Waiting::Devices { open, waiting } => {
            format!("devices: {open} under way, {waiting} not begun")
        }
        Waiting::Survey => "a count of the fleet".to_owned(),
    }
}
