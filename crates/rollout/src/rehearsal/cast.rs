//! Who takes part in a rehearsal.

use super::{Rehearsal, VirtualFleet};
use crate::active::ActiveRollout;
use crate::census::Census;
use crate::decide::Standing;
use crate::deployment::Place;
use crate::machine::RolloutMachine;
use crate::position::Position;

/// The rehearsed rollout's id.
pub(super) const ROLLOUT: &str = "rehearsal";

/// One device in a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct State {
    pub(super) wave: u16,
    pub(super) step: u16,
    pub(super) place: Place,
    pub(super) failures: u8,
    pub(super) is_member: bool,
    pub(super) is_queued: bool,
    pub(super) updated_at: i64,
    pub(super) position: Position,
}

/// Who takes part, worked out once for any number of runs.
#[derive(Debug)]
pub(super) struct Cast {
    pub(super) states: Vec<State>,
    /// By wave, sorted.
    pub(super) positions: Vec<Vec<Position>>,
    pub(super) background_per_s: f64,
}

impl Cast {
    /// How many devices take part.
    pub(super) fn members(&self) -> u32 {
        self.states.iter().filter(|state| state.is_member).count() as u32
    }
}

impl Rehearsal {
    /// Works out who takes part, by the rules that decide.
    pub(super) fn cast(&self, fleet: &VirtualFleet) -> Cast {
        let machine = RolloutMachine::new(self.plan.clone());
        let rollout = ActiveRollout::new(ROLLOUT.to_owned(), self.release_id.clone(), &machine);
        let census = Census::new(&self.device_type, &rollout, self.start);
        let mut positions = vec![Vec::new(); self.plan.waves() as usize];
        let mut states = Vec::with_capacity(fleet.len());
        let mut background_per_s = 0.0;
        for device in 0..fleet.len() as u32 {
            let kind = fleet.kind(device);
            let view = fleet.view(device, "", &());
            let member = match census.as_ref().map(|census| census.standing(&view)) {
                Some(Standing::Member(member)) if kind.is_reachable && !kind.is_kept_back => {
                    Some(member)
                }
                _ => None,
            };
            if kind.is_reachable {
                background_per_s += 1.0 / f64::from(kind.poll_s);
            }
            if let Some(member) = member {
                positions[member.wave as usize].extend(member.position);
            }
            states.push(State {
                // Those on the list of inclusions come before all others.
                wave: member
                    .filter(|member| member.position.is_some())
                    .map_or(0, |member| member.wave as u16),
                step: 0,
                place: None,
                failures: 0,
                is_member: member.is_some(),
                is_queued: false,
                updated_at: 0,
                position: member
                    .and_then(|member| member.position)
                    .unwrap_or(Position { bucket: 0, hash: 0 }),
            });
        }
        for of_wave in &mut positions {
            of_wave.sort_unstable();
        }
        Cast {
            states,
            positions,
            background_per_s,
        }
    }
}
