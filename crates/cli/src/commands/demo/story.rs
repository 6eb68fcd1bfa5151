//! What happens in the demo, and what must have come of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use updraft_image::{Expect, verify};
use updraft_protocol::Digest;
use updraft_protocol::api::{FleetCounts, ReleaseStatus};

use super::stage::{DEVICE_TYPE, Stage, device_type};
use super::view::{FleetBar, heading};
use crate::api::Upload;
use crate::context::Context;
use crate::demo_firmware::{HEALTHY_1_0_0, HEALTHY_1_1_0, PANICS_1_2_0};
use crate::error::Failure;
use crate::exit::Exit;
use crate::progress::Transfer;
use crate::settings::ProgressMode;

/// How often the server is asked how the fleet stands.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How long one chapter may take before the demo counts as failed.
const CHAPTER_LIMIT: Duration = Duration::from_mins(1);

/// How the story ended.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    /// How many devices took part.
    devices: usize,
    /// How many confirmed the good release.
    confirmed: u32,
    /// How many came back from the bad one.
    rolled_back: u32,
    /// What they run now.
    versions: BTreeMap<String, u32>,
    /// How long it took.
    seconds: f64,
}

impl Summary {
    /// The ending in one line.
    pub(crate) fn lines(&self) -> String {
        format!(
            "{} devices: {} confirmed 1.1.0, {} came back from 1.2.0, in {:.0} s\n",
            self.devices, self.confirmed, self.rolled_back, self.seconds
        )
    }
}

fn deployments(counts: &FleetCounts, version: &str, state: &str) -> u32 {
    counts
        .deployments
        .get(version)
        .and_then(|states| states.get(state))
        .copied()
        .unwrap_or_default()
}

fn running(counts: &FleetCounts, version: &str) -> u32 {
    counts.versions.get(version).copied().unwrap_or_default()
}

/// Tells the story: 1.0.0, the good 1.1.0, the bad 1.2.0.
pub(crate) async fn tell(context: &Context, stage: &Stage) -> Result<Summary, Failure> {
    let began = Instant::now();
    let all = stage.devices as u32;
    heading(context, &format!("A server and {all} virtual ESP32-C3"));
    context.output.note(&format!(
        "  The server listens on {}. Each device has 4 MB of flash,",
        stage.url()
    ));
    context
        .output
        .note("  ESP-IDF's bootloader, and the very updater a chip runs.");
    publish(context, stage, "1.0.0", HEALTHY_1_0_0).await?;
    watch(context, stage, "on 1.0.0", |counts| {
        running(counts, "1.0.0")
    })
    .await?;

    heading(context, "1.1.0 is good: the fleet follows");
    publish(context, stage, "1.1.0", HEALTHY_1_1_0).await?;
    watch(context, stage, "confirmed 1.1.0", |counts| {
        deployments(counts, "1.1.0", "confirmed")
    })
    .await?;
    context
        .output
        .note("  Each one downloaded it into its spare slot, verified it, booted it on trial,");
    context
        .output
        .note("  and confirmed it after 30 s in good health.");

    heading(
        context,
        "1.2.0 panics as soon as it starts: every device comes back",
    );
    publish(context, stage, "1.2.0", PANICS_1_2_0).await?;
    watch(context, stage, "back from 1.2.0", |counts| {
        deployments(counts, "1.2.0", "rolled_back").min(running(counts, "1.1.0"))
    })
    .await?;
    let words = stage.failure_of("1.2.0").await?;
    context.output.note(&format!(
        "  Nobody is lost: all run 1.1.0 again and say why: {:?}.",
        words.unwrap_or_default()
    ));
    context
        .output
        .note("  They will not be offered 1.2.0 a second time.");

    let counts = stage.counts().await?;
    Ok(Summary {
        devices: stage.devices,
        confirmed: deployments(&counts, "1.1.0", "confirmed"),
        rolled_back: deployments(&counts, "1.2.0", "rolled_back"),
        versions: counts.versions,
        seconds: began.elapsed().as_secs_f64(),
    })
}

/// Publishes one of the images that come with this program, as an operator would.
async fn publish(
    context: &Context,
    stage: &Stage,
    version: &str,
    image: &[u8],
) -> Result<(), Failure> {
    let file = stage.image(version, image)?;
    let facts = verify(image, Expect::new())
        .map_err(|fault| Failure::new(Exit::Unexpected, "demo", format!("{version}: {fault}")))?;
    let device_type = device_type()?;
    let upload = Upload {
        file: &file,
        size: facts.size,
        sha256: Digest(facts.file_sha256),
        device_type: &device_type,
        version,
        notes: "part of the demo",
        status: ReleaseStatus::Stable,
        channel: None,
        required: false,
        from_versions: None,
        stepping_stone: false,
    };
    let unseen = Transfer::begin(ProgressMode::None, context.output, "", facts.size.into());
    stage.client.publish(&upload, Arc::new(unseen)).await?;
    context.output.note(&format!(
        "  updraft release publish updraft-c3-{version}.bin --type {DEVICE_TYPE}"
    ));
    Ok(())
}

/// Watches the fleet until `done` counts all of it.
async fn watch(
    context: &Context,
    stage: &Stage,
    goal: &str,
    done: impl Fn(&FleetCounts) -> u32,
) -> Result<(), Failure> {
    let deadline = Instant::now() + CHAPTER_LIMIT;
    let mut bar = FleetBar::new(context, stage.devices);
    loop {
        let counts = stage.counts().await?;
        let there = done(&counts) as usize;
        let tally = stage.fleet.status().tally();
        bar.show(
            there,
            &format!(
                "{goal}; {} downloading, {} on trial",
                tally.downloading, tally.on_trial
            ),
        );
        if there >= stage.devices {
            return Ok(());
        }
        if Instant::now() >= deadline {
            let devices = stage.fleet.status().devices();
            let failure = devices.iter().find_map(|device| device.failure.as_deref());
            return Err(Failure::new(
                Exit::Failed,
                "demo_stuck",
                format!(
                    "{there} of {} devices are {goal} after {} s; one of the others says: {}",
                    stage.devices,
                    CHAPTER_LIMIT.as_secs(),
                    failure.unwrap_or("nothing")
                ),
            )
            .hint("a slow machine wants fewer --devices or a lower --speed"));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// What a newcomer would try now.
pub(crate) fn what_next(context: &Context, stage: &Stage) {
    heading(context, "The server stays up. In another terminal, try:");
    // As it was called here, so that what is printed works as printed.
    let updraft = std::env::args()
        .next()
        .unwrap_or_else(|| "updraft".to_owned());
    for line in [
        format!("export UPDRAFT_SERVER={}", stage.url()),
        format!("export UPDRAFT_TOKEN_FILE={}", stage.token_file().display()),
        format!("{updraft} release list"),
        format!("{updraft} device list --limit 5"),
        format!("{updraft} device show virtual-00001"),
        format!("{updraft} device why virtual-00001"),
        format!("{updraft} release block {DEVICE_TYPE} 1.2.0 --reason 'panics at boot'"),
    ] {
        context.output.note(&format!("  {line}"));
    }
    heading(context, "Ctrl-C ends it and leaves nothing behind.");
}
