//! The short ways of writing a plan's parts on the command line.

use updraft_protocol::api::rollout::{
    Area, FailureKind, Of, Size, Stage, Target, TripAction, TripRule, Wave, Window,
};

use crate::settings::Span;

/// Basis points of the whole.
const WHOLE_BP: u16 = 10_000;

/// `50%` or `12.5%` as basis points.
fn share(text: &str) -> Result<u16, String> {
    let bad = || format!("{text:?} is not a share: write 0.01% to 100%");
    let number = text.strip_suffix('%').ok_or_else(bad)?;
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if part.len() > 2 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(bad());
    }
    let whole: u16 = whole.parse().map_err(|_| bad())?;
    let part: u16 = format!("{part:0<2}").parse().map_err(|_| bad())?;
    let share = whole
        .checked_mul(100)
        .and_then(|whole| whole.checked_add(part));
    share
        .filter(|share| (1..=WHOLE_BP).contains(share))
        .ok_or_else(bad)
}

/// A share, for a flag.
pub(super) fn share_bp(text: &str) -> Result<u16, String> {
    share(text)
}

/// `10%:24h,50%rest:12h,100%` or `5:1h,100%`: sizes, each with the wait after it.
pub(super) fn stages(text: &str) -> Result<Vec<Stage>, String> {
    text.split(',').map(|part| stage(part.trim())).collect()
}

fn stage(text: &str) -> Result<Stage, String> {
    let (size, wait) = text.split_once(':').unwrap_or((text, "0s"));
    let (size, of) = match size.strip_suffix("rest") {
        Some(size) => (size.trim_end(), Of::Remaining),
        None => (size, Of::Total),
    };
    let size = if size.ends_with('%') {
        Size::ShareBp(share(size)?)
    } else {
        let count = size.parse().ok().filter(|count| *count > 0);
        Size::Count(count.ok_or_else(|| {
            format!(
                "{text:?} is not a stage: write 10%:24h, 50%rest:12h, 100%, or a number of devices"
            )
        })?)
    };
    let wait: Span = wait.parse().map_err(|error| format!("{error}"))?;
    Ok(Stage {
        size,
        of,
        soak_s: wait.0.as_secs(),
    })
}

/// `lost=3`, `failed=5%`, `failed=5%/20`, `any=10%/20`, `rolled_back,lost=2`.
pub(super) fn trip(text: &str) -> Result<TripRule, String> {
    let bad = || {
        let kinds: Vec<String> = FailureKind::ALL.iter().map(ToString::to_string).collect();
        format!(
            "{text:?} is no rule: write KIND=COUNT or KIND=SHARE%/EVALUATED, such as lost=3 or failed=5%/20; \
             kinds are any, {}",
            kinds.join(", ")
        )
    };
    let (kinds, limit) = text.split_once('=').ok_or_else(bad)?;
    let kinds = match kinds {
        "any" => Vec::new(),
        kinds => kinds
            .split(',')
            .map(|kind| {
                FailureKind::ALL
                    .iter()
                    .copied()
                    .find(|known| known.state().as_str() == kind.trim())
                    .ok_or_else(bad)
            })
            .collect::<Result<_, _>>()?,
    };
    if let Ok(count) = limit.parse() {
        return Ok(TripRule::count(count, kinds));
    }
    let (part, least) = limit.split_once('/').unwrap_or((limit, "1"));
    Ok(TripRule::share(
        share(part)?,
        least.parse().map_err(|_| bad())?,
        kinds,
    ))
}

/// What is done when something trips.
pub(super) fn action(text: &str) -> Result<TripAction, String> {
    [
        TripAction::Pause,
        TripAction::Cancel,
        TripAction::Revoke,
        TripAction::Rollback,
    ]
    .into_iter()
    .find(|action| action.as_str() == text)
    .ok_or_else(|| "write pause, cancel, revoke or rollback".to_owned())
}

/// One condition of the target: `region=eu`, `site=A`, `group=g`, `tag=t`, `id=d`, `chip=esp32c3`, `version=>=1.2`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Condition {
    name: String,
    value: String,
}

/// Reads a condition.
pub(super) fn condition(text: &str) -> Result<Condition, String> {
    const NAMES: [&str; 7] = ["region", "site", "group", "tag", "id", "chip", "version"];
    match text.split_once('=') {
        Some((name, value)) if NAMES.contains(&name) && !value.is_empty() => Ok(Condition {
            name: name.to_owned(),
            value: value.to_owned(),
        }),
        _ => Err(format!(
            "{text:?} is no condition: write NAME=VALUE with one of {}",
            NAMES.join(", ")
        )),
    }
}

impl Condition {
    /// Adds it to a target.
    pub(super) fn add_to(self, target: &mut Target) {
        let Self { name, value } = self;
        match name.as_str() {
            "region" => target.regions.push(value),
            "site" => target.sites.push(value),
            "group" => target.groups.push(value),
            "tag" => target.tags.push(value),
            "id" => target.ids.push(value),
            "chip" => target.chips.push(value),
            _ => target.versions = Some(value),
        }
    }
}

/// `site=A`, `region=B@7d`, `rest@14d`: a part of the target, and when it begins after the start.
pub(super) fn wave(text: &str) -> Result<Wave, String> {
    let (place, after) = text.rsplit_once('@').unwrap_or((text, "0s"));
    let after: Span = after.parse().map_err(|error| format!("{error}"))?;
    let mut area = Area::default();
    if place != "rest" {
        for part in place.split(',') {
            let list = match part.split_once('=') {
                Some(("region", value)) => Some((&mut area.regions, value)),
                Some(("site", value)) => Some((&mut area.sites, value)),
                Some(("group", value)) => Some((&mut area.groups, value)),
                Some(("tag", value)) => Some((&mut area.tags, value)),
                _ => None,
            };
            let (list, value) = list.ok_or_else(|| {
                format!("{text:?} is no wave: write site=A, region=B@7d or rest@14d")
            })?;
            list.push(value.to_owned());
        }
    }
    Ok(Wave {
        name: place.to_owned(),
        area,
        not_before_s: after.0.as_secs(),
        stages: None,
    })
}

/// `03:00-05:00`.
pub(super) fn window(text: &str) -> Result<Window, String> {
    let (start, end) = text
        .split_once('-')
        .ok_or_else(|| format!("{text:?} is no window: write HH:MM-HH:MM, such as 03:00-05:00"))?;
    Ok(Window {
        start: start.parse().map_err(|error| format!("{error}"))?,
        end: end.parse().map_err(|error| format!("{error}"))?,
        days: Vec::new(),
        download_early: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use updraft_protocol::api::rollout::RolloutPlan;

    #[test]
    fn seed_004_stage_2_in_short_is_the_default_plan() {
        assert_eq!(
            stages("10%:24h,50%rest:12h,100%").unwrap(),
            RolloutPlan::default().stages
        );
    }

    #[test]
    fn sizes_are_shares_or_numbers() {
        let few = stages("5:1h, 12.5%").unwrap();
        assert_eq!(few[0].size, Size::Count(5));
        assert_eq!(few[1].size, Size::ShareBp(1250));
        for bad in ["", "0", "0%", "101%", "ten", "10%:soon", "1.234%", "-5%"] {
            assert!(stages(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn rules_are_counts_or_shares() {
        assert_eq!(
            trip("lost=3"),
            Ok(TripRule::count(3, vec![FailureKind::Lost]))
        );
        assert_eq!(
            trip("failed=5%/20"),
            Ok(TripRule::share(500, 20, vec![FailureKind::Failed]))
        );
        assert_eq!(trip("any=10%"), Ok(TripRule::share(1000, 1, Vec::new())));
        let two = trip("rolled_back,lost=2").unwrap();
        assert_eq!(two.kinds, [FailureKind::RolledBack, FailureKind::Lost]);
        for bad in ["lost", "bricked=1", "lost=", "failed=5%/x", "failed=0%"] {
            assert!(trip(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn buildings_week_by_week() {
        let waves: Vec<Wave> = ["site=Building A", "site=Building B@7d", "rest@14d"]
            .iter()
            .map(|text| wave(text).unwrap())
            .collect();
        assert_eq!(waves[0].area.sites, ["Building A"]);
        assert_eq!(waves[1].not_before_s, 7 * 24 * 3600);
        assert_eq!(waves[2].area, Area::default());
        assert!(wave("somewhere").is_err());
        assert!(window("3-5").is_err());
        assert!(window("03:00-05:00").is_ok());
        assert!(condition("tag").is_err());
    }
}
