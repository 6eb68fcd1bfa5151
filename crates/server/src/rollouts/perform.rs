use updraft_protocol::ReasonCode;
use updraft_rollout::deployment::News;
use updraft_rollout::{Effect, Notice};

use super::Due;
use super::commit::Done;
use super::timers::AGAIN_S;
use crate::core::Core;
use crate::devices;
use crate::metrics::Plain;

impl Core {
    /// Does what rollouts want done. All of it may be done twice: it is done once more by every node that takes over.
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
            Effect::RollBack => self.take_back(id).await,
            // Written with the change; only to be published.
            Effect::Promote { .. } => self.publish_releases().await,
            Effect::Notice(notice) => {
                if matches!(notice, Notice::Halted(_)) {
                    self.metrics.add(Plain::Halts, 1);
                }
                tracing::info!(rollout = id, ?notice, "a rollout went on");
            }
            // Published already, or written with the change; surveys are made on the spot.
            Effect::OffersChanged | Effect::CallBackOff { .. } | Effect::Survey { .. } => {}
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

    /// Publishes releases and channels as they were written; now, or as soon as they can be read.
    pub(super) async fn publish_releases(&self) {
        if let Err(error) = self.refresh().await {
            tracing::error!(%error, "what was promoted could not be read; it is read again");
            let again = self.clock.now().saturating_add(AGAIN_S);
            self.timers.add(again, Due::Releases);
        }
    }
}
