use updraft_protocol::api::rollout::{Area, Of, RolloutPlan, Size, Stage, TripRule};
use updraft_protocol::version::{self, Version};

use super::{MAX_STEPS, MAX_TRIPS, MAX_WAIT_S, MAX_WAVES, PlanError, Step};

/// Every stage of every wave, checked.
pub(super) fn steps(plan: &RolloutPlan) -> Result<Vec<Step>, PlanError> {
    if plan.waves.len() > MAX_WAVES {
        return Err(PlanError::TooManyWaves {
            found: plan.waves.len(),
        });
    }
    let mut steps = Vec::new();
    if plan.waves.is_empty() {
        stages("all", &plan.stages)?;
        add(&mut steps, 0, &plan.stages, 0);
    }
    for (index, wave) in plan.waves.iter().enumerate() {
        if wave.name.is_empty() {
            return Err(PlanError::WaveWithoutName { wave: index + 1 });
        }
        if index + 1 < plan.waves.len() && wave.area == Area::default() {
            return Err(PlanError::WaveNeverReached {
                wave: wave.name.clone(),
            });
        }
        wait("`not_before_s`", wave.not_before_s)?;
        let of_wave = wave.stages.as_ref().unwrap_or(&plan.stages);
        stages(&wave.name, of_wave)?;
        add(&mut steps, index, of_wave, wave.not_before_s);
    }
    if steps.len() > MAX_STEPS {
        return Err(PlanError::TooManySteps { found: steps.len() });
    }
    Ok(steps)
}

fn add(steps: &mut Vec<Step>, wave: usize, stages: &[Stage], not_before_s: u64) {
    for (index, stage) in stages.iter().enumerate() {
        steps.push(Step::new(wave, index, stage, not_before_s));
    }
}

fn stages(wave: &str, stages: &[Stage]) -> Result<(), PlanError> {
    let wave = || wave.to_owned();
    let Some((last, before)) = stages.split_last() else {
        return Err(PlanError::NoStages { wave: wave() });
    };
    let mut of_total = 0;
    for (index, stage) in stages.iter().enumerate() {
        wait("`soak_s`", stage.soak_s)?;
        match stage.size {
            Size::ShareBp(bp) => share("a stage's `share_bp`", bp)?,
            Size::Count(count) => at_least_one("a stage's `count`", count)?,
        }
        if let (Of::Total, Size::ShareBp(bp)) = (stage.of, stage.size) {
            if bp <= of_total {
                return Err(PlanError::ShareDoesNotRise {
                    wave: wave(),
                    stage: index + 1,
                });
            }
            of_total = bp;
        }
    }
    if before.iter().any(Stage::is_all) {
        return Err(PlanError::StageAfterAll { wave: wave() });
    }
    if !last.is_all() {
        return Err(PlanError::LastStageNotAll { wave: wave() });
    }
    Ok(())
}

pub(super) fn trips(rules: &[TripRule]) -> Result<(), PlanError> {
    if rules.len() > MAX_TRIPS {
        return Err(PlanError::TooManyTrips { found: rules.len() });
    }
    for (index, rule) in rules.iter().enumerate() {
        if rule.share_bp.is_none() && rule.count.is_none() {
            return Err(PlanError::TripWithoutLimit { rule: index + 1 });
        }
        if let Some(bp) = rule.share_bp {
            share("a trip rule's `share_bp`", bp)?;
        }
        if let Some(count) = rule.count {
            at_least_one("a trip rule's `count`", count)?;
        }
        at_least_one("a trip rule's `min_evaluated`", rule.min_evaluated)?;
    }
    Ok(())
}

pub(super) fn numbers(plan: &RolloutPlan) -> Result<(), PlanError> {
    if plan.gate.success_bp > 10_000 {
        return Err(PlanError::Share {
            what: "`gate.success_bp`",
            found: plan.gate.success_bp,
        });
    }
    at_least_one("`retry.max_failures`", plan.retry.max_failures)?;
    if plan.retry.backoff_s > plan.retry.backoff_max_s {
        return Err(PlanError::Backoff {
            first: plan.retry.backoff_s,
            longest: plan.retry.backoff_max_s,
        });
    }
    at_least_one("`timers.offer_s`", plan.timers.offer_s)?;
    at_least_one("`timers.in_progress_s`", plan.timers.in_progress_s)?;
    at_least_one("`timers.lost_min_s`", plan.timers.lost_min_s)?;
    at_least_one("`caps.fleet`", plan.caps.fleet.unwrap_or(1))?;
    at_least_one("`caps.site`", plan.caps.site.unwrap_or(1))?;
    at_least_one("`caps.per_minute`", plan.caps.per_minute.unwrap_or(1))
}

pub(super) fn rollback_to(plan: &RolloutPlan) -> Result<Option<Version>, PlanError> {
    let Some(text) = &plan.rollback_to else {
        return Ok(None);
    };
    version::parse(text)
        .map(Some)
        .map_err(|_| PlanError::RollbackTo {
            found: text.clone(),
        })
}

fn share(what: &'static str, found: u16) -> Result<(), PlanError> {
    match found {
        1..=10_000 => Ok(()),
        _ => Err(PlanError::Share { what, found }),
    }
}

fn at_least_one(what: &'static str, found: u32) -> Result<(), PlanError> {
    match found {
        0 => Err(PlanError::Zero { what }),
        _ => Ok(()),
    }
}

fn wait(what: &'static str, found: u64) -> Result<(), PlanError> {
    if found > MAX_WAIT_S {
        return Err(PlanError::WaitTooLong { what, found });
    }
    Ok(())
}
