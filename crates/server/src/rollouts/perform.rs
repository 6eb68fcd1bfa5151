use std::fmt;

use updraft_protocol::ReasonCode;
use updraft_protocol::api::rollout::{RolloutPlan, RolloutState, Size, Stage, Target, TripAction};
use updraft_protocol::version;
use updraft_rollout::deployment::News;
use updraft_rollout::{Effect, Event, Notice};
use updraft_store::StoreError;

use super::audit::SERVER;
use super::command::{Draft, DraftError};
use super::commit::{CommitError, Done, Told};
use crate::core::Core;
use crate::devices;
use crate::metrics::Plain;

impl Core {
    /// Does what rollouts want done. All of it may be done twice, and is done once more at the next start.
    pub(super) async fn perform(&self, done: Done) {
        for (id, effects) in done {
            for effect in effects {
                self.perform_one(&id, effect).await;
            }
        }
    }

    async fn perform_one(&self, id: &str, effect: Effect) {
        match effect {
            // What the whole fleet gets is the primary's to say.
            Effect::RollBack | Effect::Promote { .. } if self.is_relay() => {}
            Effect::DropOffered => self.tell_devices(id, News::Drop),
            Effect::Revoke => self.tell_devices(id, News::Revoke),
            Effect::Forgive => self.tell_devices(id, News::Forgiven),
            Effect::RollBack => {
                if let Err(error) = Box::pin(self.roll_back(id, SERVER)).await {
                    tracing::error!(rollout = id, %error, "the rollback could not be begun");
                }
            }
            Effect::Promote { channel } => {
                if let Err(error) = self.promote(id, &channel).await {
                    tracing::error!(rollout = id, %error, "the release could not be promoted");
                }
            }
            Effect::Notice(notice) => {
                if matches!(notice, Notice::Halted(_)) {
                    self.metrics.add(Plain::Halts, 1);
                }
                tracing::info!(rollout = id, ?notice, "a rollout went on");
            }
            // Published already; surveys are made on the spot.
            Effect::OffersChanged | Effect::Survey { .. } => {}
        }
    }

    fn tell_devices(&self, id: &str, news: News) {
        let told = match news {
            News::Forgiven => devices::Told::default(),
            _ => devices::Told::because(ReasonCode::Cancelled),
        };
        self.devices.tell_all_of(id, news, &told, self.clock.now());
        self.devices.hurry();
    }

    async fn promote(&self, id: &str, channel: &str) -> Result<(), StoreError> {
        let Some((release_id, device_type)) = self
            .with_rollout(id, |live| {
                let record = &live.record;
                (record.release_id.clone(), record.device_type.clone())
            })
            .await
        else {
            return Ok(());
        };
        let points = self.published().channels.iter().any(|known| {
            known.device_type == device_type
                && known.name == channel
                && known.release_id == release_id
        });
        if points {
            return Ok(());
        }
        self.store
            .promote_release(&release_id, channel, SERVER)
            .await?;
        self.refresh().await
    }

    /// Drafts and starts a rollout of the last good release to those that this one confirmed; its id. If there is one
    /// already, that one.
    pub(crate) async fn roll_back(&self, id: &str, actor: &str) -> Result<String, RollBackError> {
        let found = self
            .with_rollout(id, |live| {
                (
                    live.record.clone(),
                    live.machine.plan().rollback_to().cloned(),
                )
            })
            .await;
        let (record, wanted) = found.ok_or(RollBackError::Unknown)?;
        let known = self
            .find_rollout(|live| {
                live.record.plan.target.confirmed_in.as_deref() == Some(id)
                    && live.record.state != RolloutState::Cancelled
            })
            .await;
        if let Some(known) = known {
            return Ok(known);
        }
        let published = self.published();
        let bad = version::parse(&record.version).map_err(|_| RollBackError::NoGoodRelease)?;
        let good = published
            .of_type(record.device_type.as_str())
            .find(|offering| {
                let release = &offering.release;
                let is_meant = match &wanted {
                    Some(wanted) => offering.version.cmp_precedence(wanted).is_eq(),
                    None => {
                        release.status == updraft_protocol::api::ReleaseStatus::Stable
                            && version::is_newer(&bad, &offering.version)
                    }
                };
                is_meant && release.blocked.is_none()
            })
            .ok_or(RollBackError::NoGoodRelease)?;
        let plan = RolloutPlan {
            target: Target {
                confirmed_in: Some(id.to_owned()),
                ..Target::default()
            },
            stages: vec![Stage {
                size: Size::ShareBp(10_000),
                ..Stage::ALL
            }],
            action: TripAction::Pause,
            required: true,
            allow_downgrade: true,
            ..RolloutPlan::default()
        };
        let draft = Draft {
            device_type: record.device_type.clone(),
            release_id: good.release.id.clone(),
            version: good.release.version.clone(),
            name: Some(format!("back from {}", record.version)),
            plan,
        };
        let back = self
            .draft(draft, actor)
            .await
            .map_err(RollBackError::Draft)?;
        let told = Told {
            id: back.clone(),
            event: Event::Start {
                by: actor.to_owned(),
            },
            audit: Some(updraft_store::RolloutAudit {
                actor: actor.to_owned(),
                action: "rollout.start".to_owned(),
                detail: serde_json::json!({ "back_from": id }),
            }),
        };
        self.tell(told).await.map_err(RollBackError::Start)?;
        Ok(back)
    }
}

impl fmt::Display for RollBackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("there is no such rollout"),
            Self::NoGoodRelease => f.write_str("there is no good release to go back to"),
            Self::Draft(error) => write!(f, "it could not be kept: {error:?}"),
            Self::Start(error) => write!(f, "it could not be started: {error:?}"),
        }
    }
}

/// Why nothing is rolled back.
#[derive(Debug)]
pub(crate) enum RollBackError {
    /// There is no such rollout.
    Unknown,
    /// There is no release to go back to.
    NoGoodRelease,
    /// It could not be kept.
    Draft(DraftError),
    /// It could not be started.
    Start(CommitError),
}
