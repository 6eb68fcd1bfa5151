use proptest::prelude::*;

use super::*;

fn v(text: &str) -> Version {
    Version::parse(text).unwrap()
}

fn map(pairs: &[(&str, &str)]) -> Blocks {
    pairs
        .iter()
        .map(|(version, reason)| ((*version).to_owned(), (*reason).to_owned()))
        .collect()
}

fn versions(set: &BTreeSet<String>) -> Vec<&str> {
    set.iter().map(String::as_str).collect()
}

#[test]
fn a_change_on_one_side_is_made_on_the_other() {
    let (none, bad) = (map(&[]), map(&[("1.1.0", "bad")]));
    assert_eq!(blocks(&none, &none, Some(&bad), |_| true).block_here, bad);
    assert_eq!(blocks(&none, &bad, Some(&none), |_| true).block_there, bad);
    let lifted = blocks(&bad, &bad, Some(&none), |_| true);
    assert_eq!(versions(&lifted.unblock_here), ["1.1.0"]);
    let lifted = blocks(&bad, &none, Some(&bad), |_| true);
    assert_eq!(versions(&lifted.unblock_there), ["1.1.0"]);
}

#[test]
fn a_lost_file_lifts_no_block_and_is_written_again() {
    let bad = map(&[("1.1.0", "bad")]);
    let plan = blocks(&bad, &bad, None, |_| true);
    assert_eq!(plan.block_there, bad);
    assert!(plan.unblock_here.is_empty());
}

#[test]
fn what_is_not_released_here_waits() {
    let bad = map(&[("1.1.0", "bad")]);
    let plan = blocks(&map(&[]), &map(&[]), Some(&bad), |_| false);
    assert_eq!(plan, BlockPlan::default());
}

#[test]
fn production_follows_whoever_changed() {
    let (one, two) = (v("1.0.0"), v("2.0.0"));
    let there = |version: &Version| There::Version(version.clone());
    let leave = ProductionPlan::Leave;
    let write = |version: &Version| ProductionPlan::Write(version.clone());
    let promote = |version: &Version| ProductionPlan::Promote(version.clone());
    for (agreed, here, there, wanted) in [
        (None, None, There::Nothing, &leave),
        (None, None, There::Unclear, &leave),
        (None, None, there(&one), &promote(&one)),
        (None, Some(&one), There::Nothing, &write(&one)),
        (None, Some(&two), there(&one), &promote(&one)),
        (Some(&one), Some(&one), there(&one), &leave),
        (Some(&one), Some(&two), there(&one), &write(&two)),
        (Some(&one), Some(&one), there(&two), &promote(&two)),
        (Some(&one), Some(&one), There::Nothing, &write(&one)),
        // Somebody is promoting.
        (Some(&one), Some(&one), There::Unclear, &leave),
        // We were promoting.
        (Some(&one), Some(&two), There::Unclear, &write(&two)),
    ] {
        assert_eq!(
            production(agreed, here, &there),
            *wanted,
            "{agreed:?} {here:?} {there:?}"
        );
    }
}

fn some_blocks() -> impl Strategy<Value = Blocks> {
    proptest::collection::btree_map("[1-4]\\.0\\.0", "[ab]", 0..4)
}

fn apply(side: &Blocks, block: &Blocks, unblock: &BTreeSet<String>) -> Blocks {
    let mut side = side.clone();
    side.retain(|version, _| !unblock.contains(version));
    side.extend(block.clone());
    side
}

proptest! {
    /// After the plan, both sides say what is agreed on; a second look finds nothing to do; nobody's new block is lost.
    #[test]
    fn the_sides_agree_then(
        agreed in some_blocks(),
        here in some_blocks(),
        there in proptest::option::of(some_blocks()),
    ) {
        let plan = blocks(&agreed, &here, there.as_ref(), |_| true);
        let here_then = apply(&here, &plan.block_here, &plan.unblock_here);
        let there_was = there.clone().unwrap_or_default();
        let there_then = apply(&there_was, &plan.block_there, &plan.unblock_there);
        prop_assert_eq!(&here_then, &plan.agreed);
        prop_assert_eq!(&there_then, &plan.agreed);
        let again = blocks(&plan.agreed, &here_then, Some(&there_then), |_| true);
        prop_assert_eq!(&again, &BlockPlan { agreed: plan.agreed.clone(), ..BlockPlan::default() });
        for version in here.keys().chain(there_was.keys()) {
            if !agreed.contains_key(version) {
                prop_assert!(plan.agreed.contains_key(version));
            }
        }
    }
}
