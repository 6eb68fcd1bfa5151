//! The run itself: a queue of what happens when.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use updraft_protocol::api::DeploymentState;
use updraft_protocol::api::rollout::RolloutState;
use updraft_protocol::{DeviceTypeName, ReasonCode};

use super::cast::{Cast, ROLLOUT, State};
use super::tally::{Load, Places};
use super::{Outcome, PROOF_S, ROLLBACK_S, Rehearsal, VirtualFleet};
use crate::active::ActiveRollout;
use crate::decide::{History, Moment, Past, decide};
use crate::deployment::{Place, lost_after};
use crate::machine::{Effect, Event, RolloutMachine, Survey};
use crate::poll::{NextPoll, next_poll};
use crate::snapshot::Snapshot;

/// What a device does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Tick,
    Poll,
    Downloaded,
    Rebooted,
    Returned,
    Proven,
    Silent,
}

/// A device's one deployment.
#[derive(Debug)]
struct One<'a> {
    past: Option<Past<'a>>,
}

impl History for One<'_> {
    fn len(&self) -> usize {
        usize::from(self.past.is_some())
    }

    fn get(&self, _: usize) -> Option<Past<'_>> {
        self.past
    }
}

struct Run<'a> {
    rehearsal: &'a Rehearsal,
    fleet: &'a VirtualFleet,
    cast: &'a Cast,
    seed: u64,
    device_type: DeviceTypeName,
    machine: RolloutMachine,
    snapshot: Snapshot,
    states: Vec<State>,
    queue: BinaryHeap<Reverse<(i64, What, u32)>>,
    places: Places,
    load: Load,
    now: i64,
    tick_at: Option<i64>,
    waiting: u32,
    reached: u32,
    bricked: u32,
    reached_at_halt: u32,
    halted_at: Option<i64>,
    size: u32,
    events: u64,
    gave_up: bool,
}

impl Rehearsal {
    /// Runs it once.
    pub fn run(&self, fleet: &VirtualFleet) -> Outcome {
        self.run_with(fleet, &self.cast(fleet), self.seed)
    }

    pub(super) fn run_with(&self, fleet: &VirtualFleet, cast: &Cast, seed: u64) -> Outcome {
        let release = self.device_type.releases().iter();
        let mut release = release.filter(|candidate| candidate.release.id == self.release_id);
        let Some(candidate) = release.next() else {
            return Outcome::nothing(&self.plan);
        };
        let mut run = Run {
            rehearsal: self,
            fleet,
            cast,
            seed,
            device_type: candidate.release.device_type.clone(),
            machine: RolloutMachine::new(self.plan.clone()),
            snapshot: Snapshot::default(),
            states: cast.states.clone(),
            queue: BinaryHeap::new(),
            places: Places::default(),
            load: Load::default(),
            now: self.start,
            tick_at: None,
            waiting: 0,
            reached: 0,
            bricked: 0,
            reached_at_halt: 0,
            halted_at: None,
            size: candidate.release.size,
            events: 0,
            gave_up: false,
        };
        run.tell(Event::Start {
            by: "rehearsal".to_owned(),
        });
        run.go();
        run.outcome()
    }
}

impl Run<'_> {
    fn go(&mut self) {
        let until = self
            .rehearsal
            .start
            .saturating_add_unsigned(self.rehearsal.horizon_s);
        while let Some(Reverse((at, what, device))) = self.queue.pop() {
            if at > until || self.machine.progress().state == RolloutState::Completed {
                break;
            }
            if self.events >= self.rehearsal.max_events {
                self.gave_up = true;
                break;
            }
            self.now = at;
            self.events += 1;
            match what {
                What::Tick => {
                    self.tick_at = None;
                    self.tell(Event::Tick);
                }
                What::Poll => self.poll(device),
                What::Downloaded => self.downloaded(device),
                What::Rebooted => self.reboots(device),
                What::Returned => {
                    self.load.requests(at, 1);
                    self.moves(device, Some(DeploymentState::RolledBack));
                }
                What::Proven => {
                    self.load.requests(at, 2);
                    self.moves(device, Some(DeploymentState::Confirmed));
                }
                What::Silent => self.moves(device, Some(DeploymentState::Lost)),
            }
        }
    }

    /// Tells the machine, and does what it says.
    fn tell(&mut self, event: Event) {
        let now = self.now;
        let (cast, waiting) = (self.cast, self.waiting);
        let effects = self.machine.drive(event, now, |machine, wave| {
            // Positions are looked at when a step opens or nobody waits; they are many.
            let is_wanted = waiting == 0 || machine.may_open(now).is_some();
            Survey {
                wave,
                positions: if is_wanted {
                    cast.positions[wave as usize].clone()
                } else {
                    Vec::new()
                },
                waiting,
                unreachable: 0,
            }
        });
        if effects.is_ok_and(|effects| effects.contains(&Effect::OffersChanged)) {
            self.publish();
        }
        self.schedule_tick();
    }

    fn schedule_tick(&mut self) {
        let Some(at) = self.machine.wakes_at(self.now) else {
            return;
        };
        let at = at.max(self.now + 1);
        if self.tick_at.is_none_or(|known| at < known) {
            self.tick_at = Some(at);
            self.queue.push(Reverse((at, What::Tick, 0)));
        }
    }

    /// Offers are others now: those whose turn has come will get theirs when they next ask.
    fn publish(&mut self) {
        let rollout = ActiveRollout::new(
            ROLLOUT.to_owned(),
            self.rehearsal.release_id.clone(),
            &self.machine,
        );
        let state = self.machine.progress().state;
        if state == RolloutState::Halted && self.halted_at.is_none() {
            self.halted_at = Some(self.now);
            self.reached_at_halt = self.reached;
        }
        if state == RolloutState::Running {
            let (open, bound) = (rollout.open_wave.map(|wave| wave as u16), rollout.bound);
            for device in 0..self.states.len() as u32 {
                let one = &mut self.states[device as usize];
                let is_admitted = open.is_some_and(|open| {
                    one.wave < open || (one.wave == open && Some(one.position) <= bound)
                });
                if one.is_member && !one.is_queued && one.place.is_none() && is_admitted {
                    one.is_queued = true;
                    self.waiting += 1;
                    let at = self.fleet.polls_at(device, self.now + 1);
                    self.queue.push(Reverse((at, What::Poll, device)));
                }
            }
        }
        let types = self.rehearsal.device_type.clone();
        let types = types.with_rollouts(vec![rollout]);
        self.snapshot = Snapshot::new([(self.device_type.clone(), types)]);
    }

    fn poll(&mut self, device: u32) {
        self.load.requests(self.now, 1);
        self.places.forget(self.now);
        let one = self.states[device as usize];
        let kind = self.fleet.kind(device);
        let history = One {
            past: one.place.map(|state| Past {
                release_id: &self.rehearsal.release_id,
                version: "",
                rollout_id: Some(ROLLOUT),
                state,
                reason: Some(ReasonCode::WriteFailed),
                failures: u32::from(one.failures),
                updated_at: one.updated_at,
            }),
        };
        let view = self.fleet.view(device, self.device_type.as_str(), &history);
        let moment = Moment {
            now: self.now,
            ledger: &self.places,
        };
        let verdict = decide(&self.snapshot, &view, &moment);
        let granted = verdict.offer.and_then(|granted| {
            let step = granted.step?;
            Some((step, granted.activate.map(|opening| opening.from)))
        });
        let Some((step, activate)) = granted else {
            self.ask_again(device, verdict.changes_at);
            return;
        };
        // The download's request and the report that it begins.
        self.load.requests(self.now, 2);
        self.places.take(kind.site.as_deref(), self.now);
        self.load.begins(kind.bytes_per_s);
        let before = self.states[device as usize];
        let state = &mut self.states[device as usize];
        state.step = step as u16;
        state.updated_at = activate.unwrap_or(self.now);
        state.place = Some(DeploymentState::Offered);
        if before.place.is_none() {
            self.reached += 1;
            self.waiting -= 1;
        }
        self.tell(match before.place {
            None => Event::Moved {
                step,
                from: None,
                to: Some(DeploymentState::Offered),
            },
            Some(from) => Event::Reoffered {
                step: u32::from(before.step),
                from,
                to_step: step,
            },
        });
        self.moves_at(device, DeploymentState::Downloading);
        let lasts = i64::from(self.size.div_ceil(kind.bytes_per_s)).max(1);
        self.queue
            .push(Reverse((self.now + lasts, What::Downloaded, device)));
    }

    /// Its next question that can be answered otherwise; none while nothing but a person changes the answer.
    fn ask_again(&mut self, device: u32, changes_at: Option<i64>) {
        let state = self.machine.progress().state;
        if state != RolloutState::Running {
            return;
        }
        let gave_up = self.states[device as usize].place.is_some() && changes_at.is_none();
        if gave_up {
            return;
        }
        let regular = self.fleet.polls_at(device, self.now + 1);
        let at = match changes_at {
            // Nothing changes before that, so nothing asked before that matters.
            Some(at) if at > self.now => {
                let wait = next_poll(
                    &NextPoll {
                        device_id: &self.fleet.devices[device as usize].id,
                        interval: Duration::from_secs(u64::from(self.fleet.kind(device).poll_s)),
                        load_bp: 0,
                        changes_at: None,
                    },
                    at,
                );
                (at + i64::from(wait)).min(self.fleet.polls_at(device, at))
            }
            _ => regular,
        };
        self.queue.push(Reverse((at, What::Poll, device)));
    }

    fn downloaded(&mut self, device: u32) {
        let kind = self.fleet.kind(device);
        self.load.requests(self.now, 1);
        self.load.ends(kind.bytes_per_s, self.size);
        let state = self.states[device as usize];
        let tries = u64::from(state.failures);
        if self.draws(device, 1 + tries * 4, self.rehearsal.faults.failure_bp) {
            self.states[device as usize].failures = state.failures.saturating_add(1);
            self.moves(device, Some(DeploymentState::Failed));
            self.ask_again(device, Some(self.now));
            return;
        }
        let activate_from = state.updated_at;
        self.moves_at(device, DeploymentState::Downloaded);
        let at = activate_from.max(self.now);
        self.queue.push(Reverse((at, What::Rebooted, device)));
    }

    fn reboots(&mut self, device: u32) {
        self.load.requests(self.now, 1);
        self.moves_at(device, DeploymentState::Rebooting);
        let faults = self.rehearsal.faults;
        let (after, what) = if self.draws(device, 2, faults.brick_bp) {
            self.bricked += 1;
            let poll_s = Some(self.fleet.kind(device).poll_s);
            let after = lost_after(poll_s, &self.rehearsal.plan.wire().timers);
            (i64::from(after), What::Silent)
        } else if self.draws(device, 3, faults.rollback_bp) {
            (ROLLBACK_S, What::Returned)
        } else {
            (PROOF_S, What::Proven)
        };
        self.queue.push(Reverse((self.now + after, what, device)));
    }

    /// A way within a deployment that is under way.
    fn moves_at(&mut self, device: u32, to: DeploymentState) {
        let state = &mut self.states[device as usize];
        let (step, from) = (u32::from(state.step), state.place);
        state.place = Some(to);
        self.tell(Event::Moved {
            step,
            from,
            to: Some(to),
        });
    }

    /// A deployment's end.
    fn moves(&mut self, device: u32, to: Place) {
        self.places.free(self.fleet.kind(device).site.as_deref());
        let state = &mut self.states[device as usize];
        let (step, from) = (u32::from(state.step), state.place);
        state.place = to;
        state.updated_at = self.now;
        self.tell(Event::Moved { step, from, to });
    }

    /// One throw of a die that depends on nothing but the seed, the device and what it is about.
    fn draws(&self, device: u32, about: u64, bp: u16) -> bool {
        let mut x = self
            .seed
            .wrapping_add(u64::from(device).wrapping_mul(0x9E37_79B9_7F4A_7C15))
            .wrapping_add(about.wrapping_mul(0xD1B5_4A32_D192_ED03));
        // SplitMix64's finaliser.
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^= x >> 31;
        x % 10_000 < u64::from(bp)
    }

    fn outcome(self) -> Outcome {
        let progress = self.machine.progress();
        let ended = progress.ended_at.or(self.halted_at).unwrap_or(self.now);
        Outcome {
            state: progress.state,
            duration_s: ended - self.rehearsal.start,
            steps: self.machine.step_reports(),
            reached: self.reached,
            confirmed: self.machine.counts().confirmed,
            bricked: self.bricked,
            trip: progress.trip.clone(),
            reached_at_halt: self.reached_at_halt,
            peak_requests_per_s: self.load.peak_requests,
            background_per_s: self.cast.background_per_s,
            peak_bytes_per_s: self.load.peak_bytes,
            bytes: self.load.bytes,
            events: self.events,
            gave_up: self.gave_up,
        }
    }
}
