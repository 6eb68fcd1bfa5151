//! What is published, as one immutable whole that is swapped in after every change.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use serde::Serialize;
use updraft_protocol::api::{Channel, DeviceType, Release};
use updraft_protocol::check_in::MAX_OFFER_DESCRIPTION;
use updraft_protocol::version::{self, Version};
use updraft_protocol::{DeviceTypeName, Digest, Offer};
use updraft_rollout::deployment::News;
use updraft_rollout::{ActiveRollout, Candidate, Granted, Plan, Snapshot, TypeSnapshot};
use updraft_store::Store;
use utoipa::ToSchema;

use crate::devices::By;

/// The answer of `GET /api/v1/firmware/latest` when there is something. The first six fields are seed 002's,
/// in its order; the rest are Updraft's.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LatestV1<'a> {
    /// Always true here.
    available: bool,
    /// The release's version.
    version: &'a str,
    /// SHA-256 of the file.
    sha256: Digest,
    /// Size of the file in bytes.
    size: u32,
    /// When the image was compiled, as the image says.
    compile_time: &'a str,
    /// Where to get exactly these bytes: a path on this server.
    download_url: String,
    /// The release.
    firmware_id: &'a str,
    /// SHA-256 of the ELF the image was made from.
    elf_sha256: Digest,
}

/// One release with all that its answers need, made once.
#[derive(Debug)]
pub(crate) struct Offering {
    pub(crate) release: Arc<Release>,
    pub(crate) version: Version,
    pub(crate) offer: Offer,
    /// The body of `GET /firmwares/latest/{type}`.
    pub(crate) latest: Bytes,
    /// The body of `GET /api/v1/firmware/latest`.
    pub(crate) latest_v1: Bytes,
    offered: AtomicBool,
}

impl Offering {
    fn new(release: Release, version: Version) -> Self {
        let offer = Offer {
            firmware_id: release.id.clone(),
            version: release.version.clone(),
            checksum: release.sha256,
            size: release.size,
            download_url: release.download_url.clone(),
            required: release.required,
            description: shorten(&release.description, MAX_OFFER_DESCRIPTION).to_owned(),
            elf_sha256: Some(release.elf_sha256),
            secure_version: release.secure_version,
            allow_downgrade: false,
            activate_after_seconds: 0,
            activate_within_seconds: None,
        };
        let latest_v1 = LatestV1 {
            available: true,
            version: &release.version,
            sha256: release.sha256,
            size: release.size,
            compile_time: &release.compile_time,
            download_url: format!("/api/v1/firmware/download?firmware_id={}", release.id),
            firmware_id: &release.id,
            elf_sha256: release.elf_sha256,
        };
        Self {
            latest: bytes(&offer),
            latest_v1: bytes(&latest_v1),
            offered: AtomicBool::new(release.offered),
            release: Arc::new(release),
            version,
            offer,
        }
    }

    /// Whether it is on disk that this release was offered.
    pub(crate) fn is_offered(&self) -> bool {
        self.offered.load(Ordering::Acquire)
    }

    pub(crate) fn set_offered(&self) {
        self.offered.store(true, Ordering::Release);
    }

    /// The release as it is now.
    pub(crate) fn release(&self) -> Release {
        Release {
            offered: self.is_offered(),
            ..(*self.release).clone()
        }
    }
}

/// How a release is offered to one device, beside what every device is told of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Terms {
    required: bool,
    allow_downgrade: bool,
    activate_after_seconds: u32,
    activate_within_seconds: Option<u32>,
}

impl Terms {
    /// What was decided at `now`, in words for the device.
    pub(crate) fn of(granted: &Granted<'_>, now: i64) -> Self {
        let from_now = |at: i64| u32::try_from(at.saturating_sub(now).max(0)).unwrap_or(u32::MAX);
        Self {
            required: granted.required,
            allow_downgrade: granted.allow_downgrade,
            activate_after_seconds: granted.activate.map_or(0, |opening| from_now(opening.from)),
            activate_within_seconds: granted.activate.map(|opening| from_now(opening.until)),
        }
    }

    /// Whether every device is told the same.
    pub(crate) fn are_plain(&self, offer: &Offer) -> bool {
        let Self {
            required,
            allow_downgrade,
            activate_after_seconds,
            activate_within_seconds,
        } = *self;
        required == offer.required
            && !allow_downgrade
            && activate_after_seconds == 0
            && activate_within_seconds.is_none()
    }

    /// The offer on these terms.
    pub(crate) fn apply(&self, offer: &Offer) -> Offer {
        Offer {
            required: self.required,
            allow_downgrade: self.allow_downgrade,
            activate_after_seconds: self.activate_after_seconds,
            activate_within_seconds: self.activate_within_seconds,
            ..offer.clone()
        }
    }
}

/// A rollout as it is published.
#[derive(Debug)]
pub(crate) struct PublishedRollout {
    pub(crate) device_type: DeviceTypeName,
    pub(crate) active: ActiveRollout,
    /// Whether its devices are to stop what they do.
    pub(crate) revoked: bool,
    /// What each of its devices is told, whenever and by whichever node it is found to be under way.
    pub(crate) calls_off: Option<News>,
}

/// Plain data serialises without fail; an empty body would be refused by every client.
fn bytes(value: &impl Serialize) -> Bytes {
    serde_json::to_vec(value).unwrap_or_default().into()
}

/// The longest beginning of `text` that has at most `limit` bytes.
pub(crate) fn shorten(text: &str, limit: usize) -> &str {
    let mut end = text.len().min(limit);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// All that is published.
#[derive(Debug, Default, Clone)]
pub(crate) struct Published {
    /// What offers are decided from.
    pub(crate) snapshot: Snapshot,
    /// Device types by name.
    pub(crate) types: Vec<DeviceType>,
    /// Channels by device type and name.
    pub(crate) channels: Vec<Channel>,
    /// Rollouts that were started, the oldest first.
    pub(crate) rollouts: Vec<Arc<PublishedRollout>>,
    offerings: HashMap<String, Arc<Offering>>,
}

impl Published {
    /// Reads everything. A release whose file is missing and that cannot be fetched (`fetches`) is left out, loudly:
    /// it must not be offered.
    pub(crate) async fn read(store: &Store, fetches: bool) -> updraft_store::Result<Self> {
        let types = store.device_types().await?;
        let channels = store.channels().await?;
        let mut offerings = HashMap::new();
        let mut candidates: HashMap<DeviceTypeName, Vec<Candidate>> = HashMap::new();
        for release in store.releases().await? {
            let Ok(version) = version::parse(&release.version) else {
                tracing::error!(
                    release = release.id,
                    version = release.version,
                    "a release has an unreadable version"
                );
                continue;
            };
            let path = store.artifacts().path(release.sha256);
            if !fetches && !path.is_file() {
                tracing::error!(release = release.id, path = %path.display(), "a release's file is missing; it is not offered");
                continue;
            }
            let offering = Arc::new(Offering::new(release, version));
            candidates
                .entry(offering.release.device_type.clone())
                .or_default()
                .push(Candidate::new(
                    offering.version.clone(),
                    offering.release.clone(),
                ));
            offerings.insert(offering.release.id.clone(), offering);
        }
        let snapshot = Snapshot::new(types.iter().map(|device_type| {
            let pointers = channels
                .iter()
                .filter(|channel| channel.device_type == device_type.name)
                .map(|channel| (channel.name.clone(), channel.release_id.clone()))
                .collect();
            let releases = candidates.remove(&device_type.name).unwrap_or_default();
            let chip = device_type.chip.clone();
            let entry = TypeSnapshot::new(chip, device_type.slot_size, releases, pointers);
            (device_type.name.clone(), entry)
        }));
        Ok(Self {
            snapshot,
            types,
            channels,
            rollouts: Vec::new(),
            offerings,
        })
    }

    /// The same, which stops to hold at this Unix time in seconds.
    pub(crate) fn until(self, expires_at: Option<i64>) -> Self {
        Self {
            snapshot: self.snapshot.until(expires_at),
            ..self
        }
    }

    /// The same with these rollouts, the oldest first.
    pub(crate) fn with_rollouts(&self, rollouts: Vec<Arc<PublishedRollout>>) -> Self {
        let of_type = |name: &DeviceTypeName| {
            rollouts
                .iter()
                .filter(|rollout| rollout.device_type == *name)
                .map(|rollout| rollout.active.clone())
                .collect()
        };
        let types = self
            .snapshot
            .device_types()
            .map(|(name, known)| (name.clone(), known.clone().with_rollouts(of_type(name))));
        Self {
            snapshot: Snapshot::new(types).until(self.snapshot.expires_at()),
            rollouts,
            ..self.clone()
        }
    }

    /// A started rollout.
    pub(crate) fn rollout(&self, id: &str) -> Option<&Arc<PublishedRollout>> {
        self.rollouts.iter().find(|rollout| rollout.active.id == id)
    }

    /// A started rollout's plan.
    pub(crate) fn plan(&self, id: &str) -> Option<&Arc<Plan>> {
        self.rollout(id).map(|rollout| &rollout.active.plan)
    }

    /// The rollout that decides on a release now, and its open step.
    pub(crate) fn decides(&self, release_id: &str) -> Option<By> {
        let mut latest = self.rollouts.iter().rev();
        let rollout = latest.find(|rollout| {
            rollout.active.release_id == release_id && rollout.active.state.is_unfinished()
        })?;
        Some(By {
            rollout_id: rollout.active.id.clone(),
            step: rollout.active.step?,
        })
    }

    /// Whether a release's latest rollout is revoked.
    pub(crate) fn is_revoked(&self, release_id: &str) -> bool {
        let mut latest = self.rollouts.iter().rev();
        latest
            .find(|rollout| rollout.active.release_id == release_id)
            .is_some_and(|rollout| rollout.revoked)
    }

    /// One release.
    pub(crate) fn offering(&self, id: &str) -> Option<&Arc<Offering>> {
        self.offerings.get(id)
    }

    /// A release with this file; one that is not blocked, if there is one.
    pub(crate) fn by_file(&self, sha256: Digest) -> Option<&Arc<Offering>> {
        let of_file = |offering: &&Arc<Offering>| offering.release.sha256 == sha256;
        self.offerings
            .values()
            .filter(of_file)
            .min_by_key(|offering| offering.release.blocked.is_some())
    }

    /// The releases of one device type, newest first.
    pub(crate) fn of_type(&self, device_type: &str) -> impl Iterator<Item = &Arc<Offering>> {
        self.snapshot
            .device_type(device_type)
            .into_iter()
            .flat_map(TypeSnapshot::releases)
            .filter_map(|candidate| self.offering(&candidate.release.id))
    }

    /// The release of this type with this version, as devices write versions.
    pub(crate) fn version(&self, device_type: &str, text: &str) -> Option<&Arc<Offering>> {
        let wanted = version::parse(text).ok()?;
        self.of_type(device_type)
            .find(|offering| offering.version.cmp_precedence(&wanted).is_eq())
    }

    /// The release of this type whose app has this ELF SHA-256.
    pub(crate) fn elf(&self, device_type: &str, elf_sha256: Digest) -> Option<&Arc<Offering>> {
        self.of_type(device_type)
            .find(|offering| offering.release.elf_sha256 == elf_sha256)
    }
}
