//! `decide` against a slow, obvious model: over random fleets and releases both must agree.

use std::collections::HashMap;
use std::sync::Arc;

use proptest::prelude::*;
use updraft_protocol::api::{Deployment, DeploymentState, Release, ReleaseStatus};
use updraft_protocol::version::{self, Version};
use updraft_protocol::{Digest, ReasonCode, SlotState};
use updraft_rollout::{
    Candidate, Decision, DeviceView, Granted, Moment, Reason, Skip, Snapshot, TypeSnapshot, explain,
};

const TYPE: &str = "esp32c3";
const SLOT: u32 = 1000;

/// A fleet with one device type.
#[derive(Debug, Clone)]
struct World {
    releases: Vec<Release>,
    channels: HashMap<String, String>,
}

/// What one device is, owned.
#[derive(Debug, Clone)]
struct Device {
    kind: &'static str,
    version: Option<String>,
    chip: Option<&'static str>,
    secure_version: Option<u32>,
    slot_size: Option<u32>,
    state: Option<SlotState>,
    channel: &'static str,
    deployments: Vec<Deployment>,
}

impl Device {
    fn view(&self) -> DeviceView<'_> {
        DeviceView {
            version: self.version.as_deref(),
            chip: self.chip,
            secure_version: self.secure_version,
            slot_size: self.slot_size,
            state: self.state,
            channel: self.channel,
            deployments: &self.deployments,
            ..DeviceView::unnamed(self.kind)
        }
    }
}

fn snapshot(world: &World) -> Snapshot {
    let candidates = world
        .releases
        .iter()
        .map(|release| Candidate::try_from(Arc::new(release.clone())).unwrap())
        .collect();
    let entry = TypeSnapshot::new(
        "esp32c3".to_owned(),
        SLOT,
        candidates,
        world.channels.clone(),
    );
    Snapshot::new([(TYPE.parse().unwrap(), entry)])
}

/// What the issue says, read sentence by sentence: every release that may be had, then the highest of them.
fn model(world: &World, device: &Device) -> Option<String> {
    if device.kind != TYPE
        || device.chip.is_some_and(|chip| chip != "esp32c3")
        || device.state == Some(SlotState::PendingVerify)
    {
        return None;
    }
    let running = match &device.version {
        Some(text) => Some(version::parse(text).ok()?),
        None => None,
    };
    let mut best: Option<(Version, &Release)> = None;
    for release in &world.releases {
        let version = version::parse(&release.version).unwrap();
        let may = release.blocked.is_none()
            && match release.status {
                ReleaseStatus::Stable => true,
                ReleaseStatus::Deprecated => false,
                ReleaseStatus::Testing => world.channels.get(device.channel) == Some(&release.id),
            }
            && release.size <= SLOT
            && device.slot_size.is_none_or(|slot| release.size <= slot)
            && device
                .secure_version
                .is_none_or(|own| release.secure_version >= own)
            && running
                .as_ref()
                .is_none_or(|running| version.cmp_precedence(running).is_gt())
            && is_reachable(world, release, running.as_ref())
            && !given_up(device, &release.id);
        if may
            && best
                .as_ref()
                .is_none_or(|(than, _)| version.cmp_precedence(than).is_gt())
        {
            best = Some((version, release));
        }
    }
    best.map(|(_, release)| release.id.clone())
}

/// Whether the release installs over what runs, and no stepping stone lies between.
fn is_reachable(world: &World, release: &Release, running: Option<&Version>) -> bool {
    let installs = release.from_versions.as_deref().is_none_or(|wanted| {
        let wanted = semver::VersionReq::parse(wanted);
        wanted.is_ok_and(|wanted| running.is_some_and(|running| wanted.matches(running)))
    });
    let above = version::parse(&release.version).unwrap();
    let jumps = world.releases.iter().any(|stone| {
        let at = version::parse(&stone.version).unwrap();
        stone.stepping_stone
            && above.cmp_precedence(&at).is_gt()
            && running.is_none_or(|running| at.cmp_precedence(running).is_gt())
    });
    installs && !jumps
}

/// Whether the device should not try this release again.
fn given_up(device: &Device, release_id: &str) -> bool {
    let network = [
        ReasonCode::Unreachable,
        ReasonCode::ConnectionLost,
        ReasonCode::DownloadTimeout,
        ReasonCode::Busy,
    ];
    device.deployments.iter().any(|deployment| {
        deployment.release_id == release_id
            && match (deployment.state, deployment.reason) {
                (DeploymentState::RolledBack | DeploymentState::Lost, None) => true,
                (
                    DeploymentState::Failed
                    | DeploymentState::Rejected
                    | DeploymentState::RolledBack
                    | DeploymentState::TimedOut
                    | DeploymentState::Lost,
                    Some(reason),
                ) => {
                    !reason.is_transient()
                        || (deployment.failures >= 5 && !network.contains(&reason))
                }
                _ => false,
            }
    })
}

fn version_text() -> impl Strategy<Value = String> {
    let suffix = prop_oneof![
        6 => Just(""), 1 => Just("-rc.1"), 1 => Just("-rc.2"), 1 => Just("-alpha"), 1 => Just("-watchdog")
    ];
    (0..3u8, 0..3u8, 0..3u8, suffix)
        .prop_map(|(major, minor, patch, suffix)| format!("{major}.{minor}.{patch}{suffix}"))
}

fn release() -> impl Strategy<Value = Release> {
    let status = prop_oneof![
        4 => Just(ReleaseStatus::Stable),
        1 => Just(ReleaseStatus::Testing),
        1 => Just(ReleaseStatus::Deprecated)
    ];
    let blocked = prop::option::weighted(0.2, Just("bad".to_owned()));
    let size = prop_oneof![8 => 1..=SLOT, 1 => Just(SLOT), 1 => SLOT + 1..SLOT * 2];
    let from = prop::option::weighted(
        0.2,
        prop::sample::select(vec![">=1.0.0", "^1", "<1.1.0", "0.2.1", "the last one"]),
    );
    let path = (from, prop::bool::weighted(0.15));
    (version_text(), status, blocked, size, 0..3u32, path).prop_map(
        |(version, status, blocked, size, secure_version, (from, stepping_stone))| Release {
            id: format!("id-{version}"),
            device_type: TYPE.parse().unwrap(),
            version,
            status,
            blocked,
            required: false,
            from_versions: from.map(str::to_owned),
            stepping_stone,
            description: String::new(),
            chip: "esp32c3".to_owned(),
            project: String::new(),
            size,
            sha256: Digest([0; 32]),
            elf_sha256: Digest([0; 32]),
            secure_version,
            idf_version: String::new(),
            compile_time: String::new(),
            created_at: 0,
            created_by: String::new(),
            offered: false,
            download_url: String::new(),
        },
    )
}

fn world() -> impl Strategy<Value = World> {
    // One release a version, as the store has it.
    prop::collection::btree_map(version_text(), release(), 0..12).prop_flat_map(|releases| {
        let releases: Vec<Release> = releases
            .into_iter()
            .map(|(version, release)| Release {
                id: format!("id-{version}"),
                version,
                ..release
            })
            .collect();
        let ids: Vec<String> = releases.iter().map(|release| release.id.clone()).collect();
        let pointer = prop::option::of(prop::sample::select(if ids.is_empty() {
            vec!["gone".to_owned()]
        } else {
            ids
        }));
        (Just(releases).prop_shuffle(), pointer.clone(), pointer).prop_map(
            |(releases, stable, beta)| World {
                releases,
                channels: [("stable", stable), ("beta", beta)]
                    .into_iter()
                    .filter_map(|(name, id)| Some((name.to_owned(), id?)))
                    .collect(),
            },
        )
    })
}

fn deployment() -> impl Strategy<Value = Deployment> {
    (
        version_text(),
        prop::sample::select(DeploymentState::ALL.to_vec()),
        prop::option::of(prop::sample::select(ReasonCode::ALL.to_vec())),
        0..8u32,
    )
        .prop_map(|(version, state, reason, failures)| Deployment {
            release_id: format!("id-{version}"),
            version,
            rollout_id: None,
            step: None,
            state,
            reason,
            detail: None,
            failures,
            started_at: 0,
            updated_at: 0,
        })
}

fn device() -> impl Strategy<Value = Device> {
    let version = prop_oneof![
        8 => version_text().prop_map(Some),
        1 => Just(None),
        1 => Just(Some("1f0c9d-dirty".to_owned()))
    ];
    let state = prop::option::of(prop::sample::select(vec![
        SlotState::Valid,
        SlotState::PendingVerify,
        SlotState::Undefined,
        SlotState::Factory,
    ]));
    (
        prop_oneof![9 => Just(TYPE), 1 => Just("other")],
        version,
        prop_oneof![4 => Just(None), 4 => Just(Some("esp32c3")), 1 => Just(Some("esp32c6"))],
        prop::option::of(0..3u32),
        prop::option::of(1..SLOT * 2),
        state,
        prop_oneof![Just("stable"), Just("beta"), Just("unheard-of")],
        prop::collection::vec(deployment(), 0..6),
    )
        .prop_map(
            |(kind, version, chip, secure_version, slot_size, state, channel, mut deployments)| {
                // One deployment a release, as the server keeps them.
                deployments.sort_by(|a, b| a.release_id.cmp(&b.release_id));
                deployments.dedup_by(|a, b| a.release_id == b.release_id);
                Device {
                    kind,
                    version,
                    chip,
                    secure_version,
                    slot_size,
                    state,
                    channel,
                    deployments,
                }
            },
        )
}

/// What is offered, with its reasons; and the same without them.
fn decide<'a>(snapshot: &'a Snapshot, device: &DeviceView<'a>) -> Decision<'a> {
    let moment = Moment::at(0);
    let decision = explain(snapshot, device, &moment);
    let verdict = updraft_rollout::decide(snapshot, device, &moment);
    let id = |granted: Granted<'_>| granted.candidate.release.id.clone();
    assert_eq!(verdict.offer.map(id), decision.offer.map(id));
    decision
}

fn offered(decision: &Decision<'_>) -> Option<String> {
    decision
        .offer
        .map(|granted| granted.candidate.release.id.clone())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn the_decision_is_the_models(world in world(), device in device()) {
        let snapshot = snapshot(&world);
        prop_assert_eq!(offered(&decide(&snapshot, &device.view())), model(&world, &device));
    }

    #[test]
    fn nothing_equal_or_lower_is_ever_offered(world in world(), device in device()) {
        let snapshot = snapshot(&world);
        if let (Some(granted), Some(running)) = (decide(&snapshot, &device.view()).offer, &device.version) {
            prop_assert!(granted.candidate.version > version::parse(running).unwrap());
        }
    }

    /// Publishing something new never takes an offer down, unless it is to be passed through.
    #[test]
    fn another_release_never_lowers_an_offer(world in world(), device in device(), mut extra in release()) {
        extra.stepping_stone = false;
        let version = |world: &World| {
            let snapshot = snapshot(world);
            decide(&snapshot, &device.view()).offer.map(|granted| granted.candidate.version.clone())
        };
        let before = version(&world);
        let mut more = world.clone();
        more.releases.retain(|release| release.version != extra.version || Some(&release.version) == before.as_ref().map(ToString::to_string).as_ref());
        if more.releases.iter().all(|release| release.version != extra.version) {
            more.releases.push(extra);
        }
        prop_assert!(version(&more) >= before);
    }

    /// Following every offer comes to an end, and then nothing is offered.
    #[test]
    fn following_offers_ends(world in world(), mut device in device()) {
        let snapshot = snapshot(&world);
        for _ in 0..=world.releases.len() {
            match decide(&snapshot, &device.view()).offer {
                Some(granted) => device.version = Some(granted.candidate.version.to_string()),
                None => return Ok(()),
            }
        }
        prop_assert!(false, "still something newer");
    }

    /// The order in which releases came in does not matter.
    #[test]
    fn the_order_of_releases_does_not_matter(world in world(), device in device()) {
        let mut turned = world.clone();
        turned.releases.reverse();
        let (here, there) = (snapshot(&world), snapshot(&turned));
        prop_assert_eq!(offered(&decide(&here, &device.view())), offered(&decide(&there, &device.view())));
    }

    /// The reasons explain the outcome: an offer is the last of them, and without one the last says why.
    #[test]
    fn the_reasons_end_with_the_outcome(world in world(), device in device()) {
        let snapshot = snapshot(&world);
        let decision = decide(&snapshot, &device.view());
        let last = decision.reasons.last();
        if let Some(granted) = decision.offer {
            prop_assert_eq!(last, Some(&Reason::Offered { version: &granted.candidate.version, activate: None }));
        } else {
            let is_offered = matches!(last, Some(Reason::Offered { .. }));
            prop_assert!(last.is_some() && !is_offered, "{:?}", decision.reasons);
        }
        // Every skipped release is newer than what runs, and named with the rule that fits it.
        for reason in &decision.reasons {
            let Reason::Skipped { version, why } = reason else { continue };
            let release = world.releases.iter().find(|release| release.version == version.to_string()).unwrap();
            if let Some(running) = &device.version {
                prop_assert!(version::is_newer(version, &version::parse(running).unwrap()));
            }
            match why {
                Skip::Blocked(text) => prop_assert_eq!(Some(*text), release.blocked.as_deref()),
                Skip::Testing { .. } => prop_assert_eq!(release.status, ReleaseStatus::Testing),
                Skip::Deprecated => prop_assert_eq!(release.status, ReleaseStatus::Deprecated),
                Skip::TooBig { size, slot } => prop_assert!(size > slot && *size == release.size),
                Skip::SecureVersion { release, device } => prop_assert!(release < device),
                Skip::FailedBefore(_) | Skip::NeedsAttention { .. } => {
                    prop_assert!(given_up(&device, &release.id));
                }
                Skip::From(_) | Skip::SteppingStone(_) => {
                    let running = device.version.as_deref().map(|text| version::parse(text).unwrap());
                    prop_assert!(!is_reachable(&world, release, running.as_ref()));
                }
                other => prop_assert!(false, "unknown rule {:?}", other),
            }
            prop_assert!(!reason.to_string().is_empty());
        }
    }
}
