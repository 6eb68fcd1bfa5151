//! A rehearsal on this machine, with a fleet that is made up.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use updraft_protocol::Digest;
use updraft_protocol::api::rollout::{
    RehearsalReport, RehearsalTerms, RolloutPlan, SyntheticFleet,
};
use updraft_protocol::api::{Release, ReleaseStatus};
use updraft_rollout::rehearsal::{Study, VirtualFleet};
use updraft_rollout::{Candidate, Plan, TypeSnapshot};

use super::view::get;
use crate::api::Client;
use crate::error::Failure;
use crate::exit::Exit;
use crate::settings::Span;

/// The made-up device type, and what it rolls out.
const TYPE: &str = "esp32c3";
const VERSION: &str = "1.0.0";

/// Size of the image unless the command says otherwise, in bytes: an app with Wi-Fi.
const SIZE: u32 = 1024 * 1024;

/// Events after which even a patient person gives up: some ten minutes.
const MAX_EVENTS: u64 = 1_000_000_000;

/// A fleet that is made up.
#[derive(Debug, Args)]
pub(super) struct MadeUp {
    /// Rehearse on this machine, with so many made-up devices
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    devices: Option<u32>,
    /// How often each of them asks [default: 5m]
    #[arg(long, value_name = "TIME", requires = "devices")]
    poll: Option<Span>,
    /// A site of theirs; of several each takes its turn
    #[arg(long, value_name = "SITE", requires = "devices")]
    site: Vec<String>,
    /// What they run, if the plan asks for it [default: 0.0.0]
    #[arg(long, value_name = "VERSION", requires = "devices")]
    running: Option<String>,
    /// The image's size in bytes [default: the rollout's, else 1 MiB]
    #[arg(long, value_name = "BYTES", requires = "devices")]
    size: Option<u32>,
}

impl MadeUp {
    /// Whether it is asked for.
    pub(super) const fn is_wanted(&self) -> bool {
        self.devices.is_some()
    }

    /// A rollout's plan, and the size of its image.
    pub(super) async fn of_rollout(
        &self,
        client: &Client,
        id: &str,
    ) -> Result<(RolloutPlan, Option<u32>), Failure> {
        let rollout = get(client, id).await?;
        let path = ["api", "releases", &rollout.release_id];
        let release: Release = client.get(&path, &[]).await?;
        Ok((rollout.plan, Some(release.size)))
    }

    /// Rehearses it here.
    pub(super) fn rehearse(
        self,
        plan: RolloutPlan,
        size: Option<u32>,
        terms: RehearsalTerms,
    ) -> Result<RehearsalReport, Failure> {
        let refused = |code, why: String| Failure::new(Exit::Usage, code, why);
        let plan =
            Plan::new(plan).map_err(|error| refused(error.code(), format!("the plan: {error}")))?;
        let usual = SyntheticFleet::default();
        let poll_s = self
            .poll
            .map_or(u64::from(usual.poll_s), |span| span.0.as_secs());
        let fleet = SyntheticFleet {
            devices: self.devices.unwrap_or(usual.devices),
            poll_s: u32::try_from(poll_s).unwrap_or(u32::MAX).max(1),
            running: self.running.unwrap_or(usual.running),
            sites: self.site,
        };
        let release = release(self.size.or(size).unwrap_or(SIZE).max(1))
            .ok_or_else(|| refused("bad_rehearsal", "the made-up release is none".to_owned()))?;
        let release_id = release.release.id.clone();
        let slot_size = u32::MAX;
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let study = Study {
            plan: Arc::new(plan),
            device_type: TypeSnapshot::new(
                TYPE.to_owned(),
                slot_size,
                vec![release],
                HashMap::new(),
            ),
            release_id,
            start: now.map_or(0, |since| since.as_secs().cast_signed()),
            terms,
            max_events: MAX_EVENTS,
        };
        let fleet = VirtualFleet::alike(&fleet, study.terms.bytes_per_s);
        study
            .run(&fleet)
            .map_err(|error| refused(error.code(), error.to_string()))
    }
}

fn release(size: u32) -> Option<Candidate> {
    let release = Release {
        id: "made-up".to_owned(),
        device_type: TYPE.parse().ok()?,
        version: VERSION.to_owned(),
        status: ReleaseStatus::Testing,
        blocked: None,
        required: false,
        from_versions: None,
        stepping_stone: false,
        description: String::new(),
        chip: TYPE.to_owned(),
        project: String::new(),
        size,
        sha256: Digest([0; 32]),
        elf_sha256: Digest([0; 32]),
        secure_version: 0,
        idf_version: String::new(),
        compile_time: String::new(),
        created_at: 0,
        created_by: String::new(),
        offered: true,
        download_url: String::new(),
    };
    Candidate::try_from(Arc::new(release)).ok()
}
