use std::collections::HashMap;

use updraft_protocol::api::Attributes;
use updraft_protocol::api::rollout::SyntheticFleet;

use crate::decide::{DeviceView, History};
use crate::position::Position;

/// What many devices have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Kind {
    /// What it runs; empty if unknown.
    pub version: String,
    /// Its chip, if known.
    pub chip: Option<String>,
    /// The lowest secure version it accepts, if known.
    pub secure_version: Option<u32>,
    /// Size in bytes of the smallest slot an update could go to, if known.
    pub slot_size: Option<u32>,
    /// Its region.
    pub region: Option<String>,
    /// Its site.
    pub site: Option<String>,
    /// Its group.
    pub group: Option<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// How far its local time is ahead of UTC, in minutes.
    pub utc_offset_minutes: Option<i16>,
    /// Seconds between two of its questions.
    pub poll_s: u32,
    /// How fast it downloads, in bytes a second.
    pub bytes_per_s: u32,
    /// Whether it is there at all.
    pub is_reachable: bool,
    /// Whether it is held, or pinned to another version: it asks in vain.
    pub is_kept_back: bool,
}

impl Kind {
    /// A device that runs this version, is somewhere, asks this often, and downloads at this speed.
    pub fn new(version: &str, poll_s: u32, bytes_per_s: u32, attributes: Attributes) -> Self {
        Self {
            version: version.to_owned(),
            chip: None,
            secure_version: None,
            slot_size: None,
            region: attributes.region,
            site: attributes.site,
            group: attributes.group,
            tags: attributes.tags,
            utc_offset_minutes: attributes.utc_offset_minutes,
            poll_s: poll_s.max(1),
            bytes_per_s: bytes_per_s.max(1),
            is_reachable: true,
            is_kept_back: false,
        }
    }
}

/// A fleet to rehearse with: recorded, or made up.
#[derive(Debug, Clone, Default)]
pub struct VirtualFleet {
    pub(super) kinds: Vec<Kind>,
    pub(super) devices: Vec<Unit>,
    known: HashMap<Kind, u32>,
}

/// One device.
#[derive(Debug, Clone)]
pub(super) struct Unit {
    pub(super) id: Box<str>,
    pub(super) kind: u32,
    /// Its own moment within its poll interval, in seconds.
    pub(super) phase: u32,
}

impl VirtualFleet {
    /// So many devices of these kinds in turn, named `device-0` and so on.
    pub fn synthetic(count: u32, kinds: &[Kind]) -> Self {
        let mut fleet = Self::default();
        for (number, kind) in (0..count).zip(kinds.iter().cycle()) {
            fleet.add(&format!("device-{number}"), kind);
        }
        fleet
    }

    /// Devices alike but for their sites, which download at this speed in bytes a second.
    pub fn alike(fleet: &SyntheticFleet, bytes_per_s: u32) -> Self {
        let at = |site: Option<&String>| {
            let attributes = Attributes {
                site: site.cloned(),
                ..Attributes::default()
            };
            Kind::new(&fleet.running, fleet.poll_s, bytes_per_s, attributes)
        };
        let mut kinds: Vec<Kind> = fleet.sites.iter().map(|site| at(Some(site))).collect();
        if kinds.is_empty() {
            kinds.push(at(None));
        }
        Self::synthetic(fleet.devices, &kinds)
    }

    /// Adds a device.
    pub fn add(&mut self, id: &str, kind: &Kind) {
        let next = self.kinds.len() as u32;
        let number = self.known.get(kind).copied().unwrap_or_else(|| {
            self.kinds.push(kind.clone());
            self.known.insert(kind.clone(), next);
            next
        });
        let phase = Position::of("poll", id).hash % u64::from(kind.poll_s);
        self.devices.push(Unit {
            id: id.into(),
            kind: number,
            phase: phase as u32,
        });
    }

    /// How many devices there are.
    pub fn len(&self) -> usize {
        self.devices.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.devices.is_empty()
    }

    pub(super) fn kind(&self, device: u32) -> &Kind {
        &self.kinds[self.devices[device as usize].kind as usize]
    }

    /// The device's next question at this time or later, Unix seconds.
    pub(super) fn polls_at(&self, device: u32, from: i64) -> i64 {
        let every = i64::from(self.kind(device).poll_s);
        let phase = i64::from(self.devices[device as usize].phase);
        from + (phase - from).rem_euclid(every)
    }

    pub(super) fn view<'a>(
        &'a self,
        device: u32,
        device_type: &'a str,
        history: &'a dyn History,
    ) -> DeviceView<'a> {
        let kind = self.kind(device);
        let mut view = DeviceView {
            id: Some(&self.devices[device as usize].id),
            version: Some(kind.version.as_str()).filter(|version| !version.is_empty()),
            chip: kind.chip.as_deref(),
            secure_version: kind.secure_version,
            slot_size: kind.slot_size,
            can_wait: true,
            deployments: history,
            ..DeviceView::unnamed(device_type)
        };
        view.whereabouts.region = kind.region.as_deref();
        view.whereabouts.site = kind.site.as_deref();
        view.whereabouts.group = kind.group.as_deref();
        view.whereabouts.tags = &kind.tags;
        view.whereabouts.utc_offset_minutes = kind.utc_offset_minutes;
        view
    }
}
