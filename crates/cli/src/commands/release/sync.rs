//! `updraft release sync`.

use std::fmt::Write as _;

use clap::Args;
use updraft_protocol::api::{SyncNote, SyncReport, SyncedRelease};

use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::text::clean;

/// Has the server look at its artifact store now, as it does by itself every so often: what is there and not
/// published is published, what was promoted and blocked there is followed, what was changed here is written there.
#[derive(Debug, Args)]
pub(crate) struct Sync {}

impl Sync {
    pub(crate) async fn run(&self, context: &Context) -> Result<Exit, Failure> {
        let client = context.client()?;
        let report: SyncReport = client.post(&["api", "artifacts", "sync"]).await?;
        context.output.data(&report, lines)?;
        for note in &report.refused {
            let SyncNote {
                path,
                code,
                message,
            } = note;
            context
                .output
                .warn(&clean(&format!("{path} was not taken: {message} ({code})")));
        }
        Ok(if report.refused.is_empty() {
            Exit::Ok
        } else {
            Exit::Partial
        })
    }
}

fn lines(report: &SyncReport) -> String {
    let mut text = String::new();
    let mut line = |what: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}", clean(what));
    };
    for (releases, what) in [
        (&report.published, "published"),
        (&report.promoted, "stable points at it now"),
        (&report.withdrawn, "no longer offered to everybody"),
        (&report.blocked, "blocked"),
        (&report.unblocked, "unblocked"),
    ] {
        for SyncedRelease {
            device_type,
            version,
        } in releases
        {
            line(&format!("{device_type} {version}: {what}"));
        }
    }
    for path in &report.written {
        line(&format!("{path}: written"));
    }
    for SyncNote { path, message, .. } in &report.waiting {
        line(&format!("{path}: left alone, {message}"));
    }
    if text.is_empty() {
        let SyncReport { artifacts, .. } = report;
        text = clean(&format!("nothing to do, {artifacts} and the server agree")) + "\n";
    }
    text
}
