//! `updraft rollout rehearse ID`, `… rehearse TYPE VERSION`, `… rehearse --devices N`.

use clap::Args;
use reqwest::Method;
use updraft_protocol::DeviceTypeName;
use updraft_protocol::api::rollout::{RehearsalReport, RehearsalRequest, RehearsalTerms};

use super::made_up::MadeUp;
use super::parse::share_bp;
use super::plan::PlanFlags;
use super::rehearsed::lines;
use super::view::get;
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::settings::Span;

/// Runs a plan in virtual time: how long it takes, the load at its peak, and how many devices a bad release reaches
/// before it is halted. Nothing is changed anywhere. The server rehearses with the devices it knows; with --devices
/// this machine does it, with a fleet that is made up, and needs no server but for a rollout's plan.
#[derive(Debug, Args)]
pub(crate) struct Rehearse {
    /// A rollout's id; or the device type, with the version after it
    #[arg(value_name = "ID|TYPE", required_unless_present = "devices")]
    what: Option<String>,
    /// The version, which is published
    version: Option<String>,
    #[command(flatten)]
    made_up: MadeUp,
    /// Downloads that fail, such as 5%
    #[arg(long, value_name = "SHARE", value_parser = share_bp)]
    failures: Option<u16>,
    /// New apps that do not confirm themselves, such as 1%
    #[arg(long, value_name = "SHARE", value_parser = share_bp)]
    rollbacks: Option<u16>,
    /// Devices never heard of again, in the run that shows how the plan goes
    #[arg(long, value_name = "SHARE", value_parser = share_bp)]
    bricks: Option<u16>,
    /// Devices that the bad release bricks [default: 2%]
    #[arg(long, value_name = "SHARE", value_parser = share_bp)]
    bad: Option<u16>,
    /// How many times the bad release is tried, each time with other luck [default: 20]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=i64::from(RehearsalTerms::MAX_RUNS)))]
    runs: Option<u32>,
    /// The same seed gives the same outcome [default: 1]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// How fast a device downloads, in bytes a second [default: 100000]
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    /// After so long, in the plan's own time, a run is given up [default: 90d]
    #[arg(long, value_name = "TIME")]
    horizon: Option<Span>,
    #[command(flatten)]
    plan: PlanFlags,
}

impl Rehearse {
    pub(crate) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let terms = self.terms();
        let usage = |message: &str| Failure::new(Exit::Usage, "usage", message.to_owned());
        let is_rollout = self.what.is_some() && self.version.is_none();
        if is_rollout && self.plan.says_anything() {
            return Err(usage(
                "a rollout has its plan: name TYPE VERSION to rehearse another one",
            ));
        }
        let report = if self.made_up.is_wanted() {
            let (plan, size) = match (&self.what, is_rollout) {
                (Some(id), true) => self.made_up.of_rollout(&context.client()?, id).await?,
                _ => (self.plan.plan()?, None),
            };
            self.made_up.rehearse(plan, size, terms)?
        } else {
            let request = match (self.what, self.version) {
                (Some(id), None) => RehearsalRequest {
                    rollout: Some(get(&context.client()?, &id).await?.id),
                    terms,
                    ..RehearsalRequest::default()
                },
                (Some(device_type), Some(version)) => RehearsalRequest {
                    device_type: Some(
                        device_type
                            .parse::<DeviceTypeName>()
                            .map_err(|error| usage(&error.to_string()))?,
                    ),
                    version: Some(version),
                    plan: Some(self.plan.plan()?),
                    terms,
                    ..RehearsalRequest::default()
                },
                _ => return Err(usage("name a rollout, or TYPE VERSION, or give --devices")),
            };
            let path = ["api", "rehearsals"];
            let client = context.client()?;
            let report: RehearsalReport = client.send(Method::POST, &path, &request).await?;
            report
        };
        context.output.data(&report, lines)?;
        Ok(Exit::Ok)
    }

    fn terms(&self) -> RehearsalTerms {
        let usual = RehearsalTerms::default();
        RehearsalTerms {
            failure_bp: self.failures.unwrap_or(usual.failure_bp),
            rollback_bp: self.rollbacks.unwrap_or(usual.rollback_bp),
            brick_bp: self.bricks.unwrap_or(usual.brick_bp),
            bad_brick_bp: self.bad.unwrap_or(usual.bad_brick_bp),
            runs: self.runs.unwrap_or(usual.runs),
            seed: self.seed.unwrap_or(usual.seed),
            bytes_per_s: self.rate.unwrap_or(usual.bytes_per_s),
            horizon_s: self
                .horizon
                .map_or(usual.horizon_s, |span| span.0.as_secs()),
        }
    }
}
