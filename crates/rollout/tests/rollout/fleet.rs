//! A small fleet, rolled out to by the real engine, with every deployment kept as a row.

use std::collections::HashMap;
use std::sync::Arc;

use updraft_protocol::Digest;
use updraft_protocol::ReasonCode;
use updraft_protocol::api::rollout::{Counts, RolloutPlan, RolloutState};
use updraft_protocol::api::{Attributes, Deployment, DeploymentState, Release, ReleaseStatus};
use updraft_rollout::deployment::{self, News, Tally, Timing};
use updraft_rollout::{
    ActiveRollout, Candidate, Census, DeviceView, Effect, Event, Ledger, Moment, Notice, Plan,
    Progress, Refusal, RolloutMachine, Seen, Snapshot, Standing, TypeSnapshot, Usage, decide,
};

pub(crate) const TYPE: &str = "esp32c3";

/// When every test begins: a Thursday, at midnight.
pub(crate) const START: i64 = 1_767_225_600;

pub(crate) const HOUR: i64 = 3600;

#[derive(Debug, Clone)]
pub(crate) struct Device {
    pub(crate) id: String,
    pub(crate) version: String,
    pub(crate) attributes: Attributes,
    pub(crate) seen: Seen,
    pub(crate) can_wait: bool,
    pub(crate) deployments: Vec<Deployment>,
}

impl Device {
    pub(crate) fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            version: "1.0.0".to_owned(),
            attributes: Attributes::default(),
            seen: Seen {
                last: Some(START),
                poll_s: Some(300),
            },
            can_wait: true,
            deployments: Vec::new(),
        }
    }

    pub(crate) fn at(mut self, site: &str) -> Self {
        self.attributes.site = Some(site.to_owned());
        self
    }

    pub(crate) fn view(&self) -> DeviceView<'_> {
        DeviceView {
            id: Some(&self.id),
            version: Some(&self.version),
            chip: Some("esp32c3"),
            whereabouts: (&self.attributes).into(),
            can_wait: self.can_wait,
            deployments: &self.deployments,
            ..DeviceView::unnamed(TYPE)
        }
    }

    pub(crate) fn place(&self, rollout: &str) -> Option<DeploymentState> {
        let mut deployments = self.deployments.iter();
        let found = deployments.find(|one| one.rollout_id.as_deref() == Some(rollout));
        found.map(|deployment| deployment.state)
    }
}

/// One rollout with its release, `r-VERSION` of `id-VERSION`.
#[derive(Debug)]
pub(crate) struct Rollout {
    pub(crate) id: String,
    pub(crate) version: String,
    pub(crate) machine: RolloutMachine,
}

impl Rollout {
    pub(crate) fn active(&self) -> ActiveRollout {
        let release = format!("id-{}", self.version);
        ActiveRollout::new(self.id.clone(), release, &self.machine)
    }
}

#[derive(Debug)]
pub(crate) struct Fleet {
    pub(crate) now: i64,
    pub(crate) devices: Vec<Device>,
    pub(crate) rollouts: Vec<Rollout>,
    pub(crate) notices: Vec<(i64, String, Notice)>,
    /// Whether every change of a machine goes through the JSON that a store keeps.
    pub(crate) restarts: bool,
}

pub(crate) fn release(version: &str) -> Release {
    Release {
        id: format!("id-{version}"),
        device_type: TYPE.parse().unwrap(),
        version: version.to_owned(),
        status: ReleaseStatus::Stable,
        blocked: None,
        required: false,
        from_versions: None,
        stepping_stone: false,
        description: String::new(),
        chip: "esp32c3".to_owned(),
        project: String::new(),
        size: 1000,
        sha256: Digest([0; 32]),
        elf_sha256: Digest([0; 32]),
        secure_version: 0,
        idf_version: String::new(),
        compile_time: String::new(),
        created_at: 0,
        created_by: String::new(),
        offered: true,
        download_url: String::new(),
    }
}

impl Fleet {
    /// Devices on 1.0.0, and one rollout of 1.1.0 by this plan, not started.
    pub(crate) fn new(devices: Vec<Device>, plan: RolloutPlan) -> Self {
        let mut fleet = Self {
            now: START,
            devices,
            rollouts: Vec::new(),
            notices: Vec::new(),
            restarts: true,
        };
        fleet.add("1.1.0", plan);
        fleet
    }

    /// So many devices, all seen just now.
    pub(crate) fn of(count: usize, plan: RolloutPlan) -> Self {
        let devices = (0..count).map(|number| Device::new(&format!("device-{number}")));
        Self::new(devices.collect(), plan)
    }

    pub(crate) fn add(&mut self, version: &str, plan: RolloutPlan) -> usize {
        self.rollouts.push(Rollout {
            id: format!("r-{version}"),
            version: version.to_owned(),
            machine: RolloutMachine::new(Arc::new(Plan::new(plan).unwrap())),
        });
        self.rollouts.len() - 1
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot::new([(TYPE.parse().unwrap(), self.type_snapshot())])
    }

    fn type_snapshot(&self) -> TypeSnapshot {
        let mut versions: Vec<&str> = vec!["1.0.0"];
        versions.extend(self.rollouts.iter().map(|rollout| rollout.version.as_str()));
        versions.dedup();
        let candidates = versions
            .into_iter()
            .map(|version| Candidate::try_from(Arc::new(release(version))).unwrap())
            .collect();
        TypeSnapshot::new("esp32c3".to_owned(), 4096, candidates, HashMap::new())
            .with_rollouts(self.rollouts.iter().map(Rollout::active).collect())
    }

    pub(crate) fn state(&self) -> RolloutState {
        self.rollouts[0].machine.progress().state
    }

    pub(crate) fn counts(&self) -> Counts {
        self.rollouts[0].machine.counts()
    }

    pub(crate) fn open_step(&self) -> Option<u32> {
        self.rollouts[0].machine.progress().open
    }

    /// Which devices a rollout counts and has reached.
    pub(crate) fn admitted(&self, rollout: usize) -> Vec<usize> {
        let types = self.type_snapshot();
        let active = self.rollouts[rollout].active();
        let census = Census::new(&types, &active, self.now).unwrap();
        let is_admitted = |device: &Device| matches!(census.standing(&device.view()), Standing::Member(member) if member.is_admitted);
        (0..self.devices.len())
            .filter(|index| is_admitted(&self.devices[*index]))
            .collect()
    }

    /// Applies an event to the first rollout.
    pub(crate) fn apply(&mut self, event: Event) -> Result<Vec<Effect>, Refusal> {
        self.apply_to(0, event)
    }

    pub(crate) fn apply_to(&mut self, index: usize, event: Event) -> Result<Vec<Effect>, Refusal> {
        let types = self.type_snapshot();
        let now = self.now;
        let devices = &self.devices;
        let rollout = &mut self.rollouts[index];
        let (id, release) = (rollout.id.clone(), format!("id-{}", rollout.version));
        let effects = rollout.machine.drive(event, now, |machine, wave| {
            let active = ActiveRollout::new(id.clone(), release.clone(), machine);
            let census = Census::new(&types, &active, now).unwrap();
            census.survey(
                wave,
                devices.iter().map(|device| (device.view(), device.seen)),
            )
        })?;
        if self.restarts {
            let stored = serde_json::to_string(rollout.machine.progress()).unwrap();
            let read: Progress = serde_json::from_str(&stored).unwrap();
            let again = RolloutMachine::resume(Arc::clone(rollout.machine.plan()), read);
            assert_eq!(again.progress(), rollout.machine.progress());
            rollout.machine = again;
        }
        for effect in &effects {
            match effect {
                Effect::Notice(notice) => {
                    self.notices.push((now, id.clone(), notice.clone()));
                }
                Effect::DropOffered => self.tell_all(&id, News::Drop),
                Effect::Revoke => self.tell_all(&id, News::Revoke),
                Effect::Forgive => self.tell_all(&id, News::Forgiven),
                Effect::Survey { .. }
                | Effect::OffersChanged
                | Effect::RollBack
                | Effect::CallBackOff { .. }
                | Effect::Promote { .. } => {}
            }
        }
        Ok(effects)
    }

    pub(crate) fn start(&mut self) {
        self.apply(Event::Start {
            by: "alice".to_owned(),
        })
        .unwrap();
    }

    fn tell_all(&mut self, rollout: &str, news: News) {
        for device in 0..self.devices.len() {
            self.tell(device, rollout, news, None);
        }
    }

    /// News of a device's deployment in a rollout, kept and counted.
    pub(crate) fn tell(
        &mut self,
        device: usize,
        rollout: &str,
        news: News,
        reason: Option<ReasonCode>,
    ) {
        let number = self
            .rollouts
            .iter()
            .position(|one| one.id == rollout)
            .unwrap();
        let of = |one: &Deployment| one.rollout_id.as_deref() == Some(rollout);
        let Some(index) = self.devices[device].deployments.iter().position(of) else {
            return;
        };
        let now = self.now;
        let row = &mut self.devices[device].deployments[index];
        let from = Some(row.state);
        let Some(next) = deployment::step(from, news) else {
            return;
        };
        let step = row.step.unwrap();
        row.failures = match next.failures {
            Tally::Same => row.failures,
            Tally::OneMore => row.failures + 1,
            Tally::OneLess => row.failures - 1,
            Tally::Zero => 0,
        };
        row.updated_at = now;
        row.reason = reason;
        match next.to {
            Some(state) => row.state = state,
            None => {
                self.devices[device].deployments.remove(index);
            }
        }
        let reopened = next.to.is_some_and(DeploymentState::is_open)
            && !from.is_some_and(DeploymentState::is_open);
        if reopened {
            self.supersede_others(device, rollout);
        }
        if next.to == Some(DeploymentState::Confirmed) {
            self.devices[device].version = self.rollouts[number].version.clone();
        }
        self.apply_to(
            number,
            Event::Moved {
                step,
                from,
                to: next.to,
            },
        )
        .unwrap();
    }

    /// News of a device's deployment in the first rollout.
    pub(crate) fn news(&mut self, device: usize, news: News) {
        let id = self.rollouts[0].id.clone();
        self.tell(device, &id, news, None);
    }

    /// A device asks, and gets what is decided. Says by which rollout.
    pub(crate) fn poll(&mut self, device: usize) -> Option<String> {
        self.devices[device].seen.last = Some(self.now);
        let snapshot = self.snapshot();
        let ledger = Counted(self);
        let moment = Moment {
            now: self.now,
            ledger: &ledger,
        };
        let verdict = decide(&snapshot, &self.devices[device].view(), &moment);
        let granted = verdict.offer?;
        let rollout = granted.rollout?.id.clone();
        let (version, step) = (granted.candidate.version.to_string(), granted.step.unwrap());
        self.supersede_others(device, &rollout);
        self.offer(device, &rollout, &version, step);
        Some(rollout)
    }

    /// One active deployment a device.
    fn supersede_others(&mut self, device: usize, rollout: &str) {
        let others: Vec<String> = self.devices[device]
            .deployments
            .iter()
            .filter(|row| row.state.is_open() && row.rollout_id.as_deref() != Some(rollout))
            .filter_map(|row| row.rollout_id.clone())
            .collect();
        for other in others {
            self.tell(device, &other, News::Superseded, None);
        }
    }

    fn offer(&mut self, device: usize, rollout: &str, version: &str, step: u32) {
        let now = self.now;
        let number = self.rollouts.iter().position(|one| one.id == rollout);
        let number = number.unwrap();
        let rows = &mut self.devices[device].deployments;
        let of = |one: &Deployment| one.rollout_id.as_deref() == Some(rollout);
        let known = rows.iter_mut().find(|row| of(row));
        let from = known.as_ref().map(|row| row.state);
        if deployment::step(from, News::Offered).is_none() {
            return;
        }
        let event = if let Some(row) = known {
            let before = row.step.replace(step).unwrap();
            row.state = DeploymentState::Offered;
            row.updated_at = now;
            Event::Reoffered {
                step: before,
                from: from.unwrap(),
                to_step: step,
            }
        } else {
            rows.push(Deployment {
                release_id: format!("id-{version}"),
                version: version.to_owned(),
                rollout_id: Some(rollout.to_owned()),
                step: Some(step),
                state: DeploymentState::Offered,
                reason: None,
                detail: None,
                failures: 0,
                started_at: now,
                updated_at: now,
            });
            Event::Moved {
                step,
                from: None,
                to: Some(DeploymentState::Offered),
            }
        };
        self.apply_to(number, event).unwrap();
    }

    /// A device asks and, if it gets the release, proves it at once.
    pub(crate) fn update(&mut self, device: usize) -> bool {
        let got = self.poll(device).is_some();
        if got {
            self.news(device, News::Proven);
        }
        got
    }

    /// Every device that was seen asks once; those that get the release come to this.
    pub(crate) fn round(&mut self, news: impl Fn(usize) -> Option<News>) {
        for device in 0..self.devices.len() {
            if self.poll(device).is_some()
                && let Some(news) = news(device)
            {
                self.news(device, news);
            }
        }
    }

    /// Time goes by, with every timer on the way, devices keeping silent unless they are reachable.
    pub(crate) fn pass(&mut self, seconds: i64) {
        let until = self.now + seconds;
        loop {
            let next = (0..self.rollouts.len())
                .filter_map(|index| self.rollouts[index].machine.wakes_at(self.now))
                .chain(self.deadlines().into_iter().map(|(at, ..)| at))
                .map(|at| at.max(self.now + 1))
                .min()
                .filter(|at| *at <= until);
            self.now = next.unwrap_or(until);
            for (at, device, rollout) in self.deadlines() {
                if at <= self.now {
                    self.tell(device, &rollout, News::Deadline, None);
                }
            }
            for index in 0..self.rollouts.len() {
                self.apply_to(index, Event::Tick).unwrap();
            }
            if next.is_none() {
                return;
            }
        }
    }

    fn deadlines(&self) -> Vec<(i64, usize, String)> {
        let mut deadlines = Vec::new();
        for (index, device) in self.devices.iter().enumerate() {
            for row in &device.deployments {
                let rollout = row.rollout_id.clone().unwrap();
                let of = self.rollouts.iter().find(|one| one.id == rollout);
                let timing = Timing {
                    since: row.updated_at,
                    began: row.started_at,
                    activate_from: None,
                    poll_s: device.seen.poll_s,
                };
                let timers = of.unwrap().machine.plan().wire().timers;
                if let Some(at) = deployment::deadline(Some(row.state), &timing, &timers) {
                    deadlines.push((at, index, rollout));
                }
            }
        }
        deadlines
    }

    pub(crate) fn noticed(&self, is: impl Fn(&Notice) -> bool) -> usize {
        self.notices.iter().filter(|(.., one)| is(one)).count()
    }
}

/// Counts what is under way from the rows.
struct Counted<'a>(&'a Fleet);

impl std::fmt::Debug for Counted<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Counted")
    }
}

impl Ledger for Counted<'_> {
    fn usage(&self, rollout_id: &str, site: Option<&str>) -> Usage {
        let mut usage = Usage::default();
        for device in &self.0.devices {
            let rows = device.deployments.iter();
            for row in rows.filter(|row| row.rollout_id.as_deref() == Some(rollout_id)) {
                let is_open = u32::from(row.state.is_open());
                usage.fleet += is_open;
                if device.attributes.site.as_deref() == site {
                    usage.site += is_open;
                }
                usage.last_minute += u32::from(row.started_at > self.0.now - 60);
            }
        }
        usage
    }
}
