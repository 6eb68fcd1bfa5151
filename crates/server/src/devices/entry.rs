use std::sync::Arc;

use updraft_protocol::api::{Attributes, Deployment, Device, SetAttributes};
use updraft_protocol::{DeviceId, DeviceTypeName, Report, SlotState, UpdateStatus};
use updraft_rollout::{DeviceView, Moment, Pin, STABLE, decide};
use updraft_store::DeviceRecord;

use super::habit::Habit;
use super::progress;
use crate::identity::Words;
use crate::published::{Offering, Published, shorten};

/// Longest word kept of a report, in bytes: twice an app descriptor's field.
pub(super) const MAX_KEPT: usize = 64;

/// One device in memory.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) record: DeviceRecord,
    /// How often it asks.
    pub(super) habit: Habit,
    /// Whether the row has unwritten news.
    pub(super) dirty: bool,
    /// Releases to which the way changed since it was last written.
    pub(super) changed: Vec<String>,
}

/// What a device gets.
pub(super) enum Choice {
    Offer(Arc<Offering>),
    /// An offer that must be noted durably first.
    FirstOffer(Arc<Offering>),
    Nothing {
        running: Option<Arc<Offering>>,
    },
}

impl Entry {
    /// A device as it was kept.
    pub(super) fn kept(record: DeviceRecord) -> Self {
        Self {
            habit: Habit::known(record.device.poll_seconds),
            record,
            dirty: false,
            changed: Vec::new(),
        }
    }

    /// A device never heard of before.
    pub(super) fn new(id: &DeviceId, device_type: &DeviceTypeName, now: i64) -> Self {
        Self::kept(DeviceRecord {
            device: Device {
                id: id.clone(),
                device_type: device_type.clone(),
                channel: STABLE.to_owned(),
                version: None,
                elf_sha256: None,
                slot: None,
                state: None,
                reset_reason: None,
                enrolled: false,
                first_seen: now,
                last_seen: None,
                poll_seconds: None,
                attributes: Attributes::default(),
                pin: None,
                hold: None,
                deployments: Vec::new(),
            },
            said: Attributes::default(),
            set: SetAttributes::default(),
            chip: None,
            secure_version: None,
            slot_size: None,
            token_hash: None,
            unmatched_report: None,
        })
    }

    pub(super) fn has_news(&self) -> bool {
        self.dirty || !self.changed.is_empty()
    }

    pub(super) fn note_changed(&mut self, release_id: &str) {
        if !self.changed.iter().any(|id| id == release_id) {
            self.changed.push(release_id.to_owned());
        }
    }

    /// Takes over what the device says of itself. What it does not say stays as it was, except that another
    /// version makes the old ELF SHA-256 untrue.
    pub(super) fn absorb(&mut self, words: &Words, published: &Published) {
        let device = &mut self.record.device;
        if words.version.is_some() && words.version != device.version {
            device.version.clone_from(&words.version);
            device.elf_sha256 = None;
        }
        if let Some(elf_sha256) = words.elf_sha256 {
            device.elf_sha256 = Some(elf_sha256);
            if words.version.is_none()
                && let Some(known) = published.elf(device.device_type.as_str(), elf_sha256)
            {
                device.version = Some(known.release.version.clone());
            }
        }
        keep(&mut device.slot, words.slot.as_ref());
        keep(&mut device.state, words.state.as_ref());
        keep(&mut device.reset_reason, words.reset_reason.as_ref());
        keep(&mut self.record.chip, words.chip.as_ref());
        keep(
            &mut self.record.secure_version,
            words.secure_version.as_ref(),
        );
        keep(&mut self.record.slot_size, words.slot_size.as_ref());
        self.absorb_attributes(&words.attributes);
    }

    /// Takes over where the device says it is. What it does not say stays; tags are said all at once.
    fn absorb_attributes(&mut self, words: &Attributes) {
        if words.is_empty() {
            return;
        }
        let said = &mut self.record.said;
        keep(&mut said.region, words.region.as_ref());
        keep(&mut said.site, words.site.as_ref());
        keep(&mut said.group, words.group.as_ref());
        keep(
            &mut said.utc_offset_minutes,
            words.utc_offset_minutes.as_ref(),
        );
        if !words.tags.is_empty() && said.tags != words.tags {
            said.tags.clone_from(&words.tags);
        }
        self.settle_attributes();
    }

    /// What holds of what was set and said.
    pub(super) fn settle_attributes(&mut self) {
        let record = &mut self.record;
        record.device.attributes = record.set.over(&record.said);
    }

    /// Notes that the device asks now, and how often it does.
    pub(super) fn note_asked(&mut self, said_seconds: Option<u32>, now: i64) {
        let device = &mut self.record.device;
        if let Some(before) = device.last_seen {
            self.habit
                .note(u32::try_from(now - before).unwrap_or_default());
        }
        device.last_seen = Some(now);
        device.poll_seconds = self
            .habit
            .seconds()
            .or(said_seconds)
            .or(device.poll_seconds);
    }

    /// Takes over what a report says of what runs now.
    pub(super) fn absorb_report(&mut self, report: &Report, published: &Published) {
        let device = &mut self.record.device;
        if let Some(elf_sha256) = report.elf_sha256 {
            let known = published.elf(device.device_type.as_str(), elf_sha256);
            if let Some(known) = known {
                device.version = Some(known.release.version.clone());
            } else if device.elf_sha256 != Some(elf_sha256)
                && let Some(previous) = &report.previous_version
                && report.update_status != UpdateStatus::Confirmed
            {
                device.version = Some(bounded(previous));
            }
            device.elf_sha256 = Some(elf_sha256);
        } else {
            let said = match report.update_status {
                UpdateStatus::Confirmed => Some(&report.firmware_version),
                UpdateStatus::Failed | UpdateStatus::RolledBack | UpdateStatus::Rejected => {
                    report.previous_version.as_ref()
                }
                _ => None,
            };
            if let Some(said) = said
                && device.version.as_ref() != Some(said)
            {
                device.version = Some(bounded(said));
                device.elf_sha256 = None;
            }
        }
        if let Some(slot) = &report.slot {
            device.slot = Some(bounded(slot));
        }
        keep(&mut device.reset_reason, report.reset_reason.as_ref());
    }

    /// Confirms the deployment whose app the device shows to be running. Says whether that is news.
    pub(super) fn prove(&mut self, words: &Words, published: &Published, now: i64) -> bool {
        let Some(elf_sha256) = words.elf_sha256 else {
            return false;
        };
        if !progress::is_settled(words.state) || self.record.device.deployments.is_empty() {
            return false;
        }
        let device_type = self.record.device.device_type.as_str();
        let Some(running) = published.elf(device_type, elf_sha256) else {
            return false;
        };
        let deployments = &mut self.record.device.deployments;
        let proved = deployments
            .iter_mut()
            .find(|deployment| deployment.release_id == running.release.id)
            .is_some_and(|deployment| progress::prove(deployment, now));
        if proved {
            self.note_changed(&running.release.id);
        }
        proved
    }

    /// Decides, and notes what is offered.
    pub(super) fn offer(&mut self, published: &Published, words: &Words, now: i64) -> Choice {
        let view = view(&self.record, words.state);
        let decision = decide(&published.snapshot, &view, &Moment::at(now));
        let offering = decision
            .offer
            .and_then(|granted| published.offering(&granted.candidate.release.id))
            .cloned();
        let device = &self.record.device;
        let Some(offering) = offering else {
            let running = device.version.as_deref().and_then(|version| {
                published
                    .version(device.device_type.as_str(), version)
                    .cloned()
            });
            return Choice::Nothing { running };
        };
        if !offering.is_offered() {
            return Choice::FirstOffer(offering);
        }
        let release = &offering.release;
        let known = device
            .deployments
            .iter()
            .any(|deployment| deployment.release_id == release.id);
        let deployment = self.deployment(&release.id, &release.version, now);
        if progress::offer_again(deployment, now) || !known {
            self.note_changed(&release.id);
        }
        Choice::Offer(offering)
    }

    /// The way to a release, begun if there is none, and put first as the latest.
    pub(super) fn deployment(
        &mut self,
        release_id: &str,
        version: &str,
        now: i64,
    ) -> &mut Deployment {
        let deployments = &mut self.record.device.deployments;
        match deployments
            .iter()
            .position(|deployment| deployment.release_id == release_id)
        {
            Some(0) => {}
            Some(index) => deployments[..=index].rotate_right(1),
            None => deployments.insert(0, progress::begin(release_id, version, now)),
        }
        &mut deployments[0]
    }
}

fn keep<T: Clone>(kept: &mut Option<T>, said: Option<&T>) {
    if let Some(said) = said {
        *kept = Some(said.clone());
    }
}

fn bounded(text: &str) -> String {
    shorten(text, MAX_KEPT).to_owned()
}

/// A device as the rules see it. Only the slot's state of this moment counts: a remembered trial is over.
pub(crate) fn view(record: &DeviceRecord, state: Option<SlotState>) -> DeviceView<'_> {
    DeviceView {
        id: Some(record.device.id.as_str()),
        version: record.device.version.as_deref(),
        chip: record.chip.as_deref(),
        secure_version: record.secure_version,
        slot_size: record.slot_size,
        state,
        channel: &record.device.channel,
        whereabouts: (&record.device.attributes).into(),
        pin: record.device.pin.as_deref().map(Pin::to),
        hold: record.device.hold.as_ref(),
        deployments: &record.device.deployments,
        ..DeviceView::unnamed(record.device.device_type.as_str())
    }
}
