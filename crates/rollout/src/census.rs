//! Counting a fleet for a rollout: the survey it asks for, and the preview people see before it starts.

use std::collections::BTreeMap;

use updraft_protocol::api::rollout::{Incompatible, OneWayDoor, Preview, WavePreview};

use crate::active::ActiveRollout;
use crate::decide::{DeviceView, Member, Standing, standing};
use crate::machine::Survey;
use crate::snapshot::{Candidate, TypeSnapshot};

/// A device that was not seen for this long, in seconds, and not for three of its own poll intervals either, is unreachable:
/// neither counted for a stage nor waited for. A plan's `seen_within_s` takes its place.
pub const REACH_S: u64 = 24 * 3600;

/// When a device was seen, and how often it asks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// The last time, Unix seconds.
    pub last: Option<i64>,
    /// Its own poll interval as it was observed, in seconds.
    pub poll_s: Option<u32>,
}

impl Seen {
    /// Whether the device counts as reachable for this rollout.
    pub fn is_reachable(&self, rollout: &ActiveRollout, now: i64) -> bool {
        let within = rollout.plan.wire().target.seen_within_s.unwrap_or_else(|| {
            let habit = u64::from(self.poll_s.unwrap_or(0)) * 3;
            habit.max(REACH_S)
        });
        self.last
            .is_some_and(|last| now.saturating_sub(last).max(0).unsigned_abs() <= within)
    }
}

/// Counts a fleet, device by device.
#[derive(Debug)]
pub struct Census<'a> {
    device_type: &'a TypeSnapshot,
    rollout: &'a ActiveRollout,
    candidate: &'a Candidate,
    now: i64,
}

impl<'a> Census<'a> {
    /// A census for a rollout of this device type, at a time in Unix seconds. `None` if the rollout's release is not one of the
    /// type's.
    pub fn new(
        device_type: &'a TypeSnapshot,
        rollout: &'a ActiveRollout,
        now: i64,
    ) -> Option<Self> {
        let mut releases = device_type.releases().iter();
        Some(Self {
            device_type,
            rollout,
            candidate: releases.find(|candidate| candidate.release.id == rollout.release_id)?,
            now,
        })
    }

    /// How one device of the type stands.
    pub fn standing(&self, device: &DeviceView<'a>) -> Standing<'a> {
        standing(
            self.device_type,
            self.candidate,
            self.rollout,
            device,
            self.now,
        )
    }

    /// Answers [`crate::Effect::Survey`]: pass every device of the type.
    pub fn survey(
        &self,
        wave: u32,
        devices: impl IntoIterator<Item = (DeviceView<'a>, Seen)>,
    ) -> Survey {
        let mut survey = Survey {
            wave,
            ..Survey::default()
        };
        for (device, seen) in devices {
            if let Standing::Member(member) = self.standing(&device) {
                let is_reachable = seen.is_reachable(self.rollout, self.now);
                survey.add(&member, is_reachable);
            }
        }
        survey
    }

    /// What the rollout would do if it started now: pass every device of the type.
    pub fn preview(&self, devices: impl IntoIterator<Item = (DeviceView<'a>, Seen)>) -> Preview {
        let mut preview = Preview::default();
        let mut why: BTreeMap<&'static str, Incompatible> = BTreeMap::new();
        let mut waves = vec![0_u32; self.rollout.plan.waves() as usize];
        let mut through_door = 0;
        let raises_to = self.candidate.release.secure_version;
        for (device, seen) in devices {
            match self.standing(&device) {
                Standing::Outside(crate::plan::Outside::Excluded) => preview.excluded += 1,
                Standing::Outside(_) => preview.outside += 1,
                Standing::Current => preview.current += 1,
                Standing::KeptBack => {
                    count(
                        &mut why,
                        "kept_back",
                        "held, or pinned to another version",
                        &device,
                    );
                    preview.incompatible += 1;
                }
                Standing::Unfit(skip) => {
                    count(&mut why, skip.code(), &skip.to_string(), &device);
                    preview.incompatible += 1;
                }
                Standing::Member(member) => {
                    if device.secure_version.is_none_or(|own| own < raises_to) && raises_to > 0 {
                        through_door += 1;
                    }
                    if seen.is_reachable(self.rollout, self.now) {
                        preview.eligible += 1;
                        waves[member.wave as usize] += 1;
                    } else {
                        preview.unreachable += 1;
                    }
                }
            }
        }
        preview.why = why.into_values().collect();
        if through_door > 0 {
            preview.one_way.push(OneWayDoor {
                code: "secure_version".to_owned(),
                text: format!(
                    "the image's secure version is {raises_to}: once confirmed, a device burns it into its eFuses and refuses every \
                     release below it, so these devices cannot be taken back to one"
                ),
                devices: through_door,
            });
        }
        preview.waves = self.waves(&waves);
        preview
    }

    fn waves(&self, devices: &[u32]) -> Vec<WavePreview> {
        let plan = &*self.rollout.plan;
        let mut waves = Vec::new();
        for (wave, devices) in (0_u32..).zip(devices) {
            let mut admitted = 0;
            let of_wave = plan.steps().iter().filter(|step| step.wave == wave);
            let after_stage = of_wave
                .map(|step| {
                    admitted = step.takes(*devices as usize, admitted);
                    admitted as u32
                })
                .collect();
            waves.push(WavePreview {
                name: plan.wave_name(wave).to_owned(),
                devices: *devices,
                after_stage,
            });
        }
        waves
    }
}

fn count(
    why: &mut BTreeMap<&'static str, Incompatible>,
    code: &'static str,
    reason: &str,
    device: &DeviceView<'_>,
) {
    let known = why.entry(code).or_insert_with(|| Incompatible {
        code: code.to_owned(),
        reason: reason.to_owned(),
        devices: 0,
        examples: Vec::new(),
    });
    known.devices += 1;
    if let Some(id) = device.id
        && known.examples.len() < Incompatible::MAX_EXAMPLES
    {
        known.examples.push(id.to_owned());
    }
}

impl Survey {
    /// Counts one device that the rollout counts.
    pub fn add(&mut self, member: &Member, is_reachable: bool) {
        if !is_reachable {
            if member.wave == self.wave && member.is_waiting {
                self.unreachable += 1;
            }
            // One that has begun was there, and stays part of its stage.
            if member.is_waiting {
                return;
            }
        }
        if member.wave == self.wave {
            self.positions.extend(member.position);
        }
        if member.is_admitted && member.is_waiting {
            self.waiting += 1;
        }
    }
}
