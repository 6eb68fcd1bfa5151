//! Power cuts at every flash operation of a script of changes, in every way an operation can be
//! torn: afterwards each key but the one being written is as it was, and that one is as before or
//! as after. Cuts during the repair too, and flash errors without a power cut.

mod nvs_chip;

use nvs_chip::model::{Change, Contents, Value, contents};
use nvs_chip::{Chip, Fault, Tear};
use updraft_flash::nvs::Nvs;

/// What was tried.
#[derive(Debug, Default)]
struct Tried {
    cuts: usize,
    cuts_in_repair: usize,
    errors: usize,
    collections: usize,
}

fn pattern(length: usize, seed: usize) -> Vec<u8> {
    (0..length)
        .map(|at| (at * 31 + seed * 7 + at / 256) as u8)
        .collect()
}

/// The keys the agent uses, with values of such sizes that `pages` fill up and are collected.
fn script(pages: usize, rounds: usize) -> Vec<Change> {
    use Change::{Erase, Set};
    let mut changes = vec![
        Set("updraft", "token", Value::Text("t".repeat(43))),
        Set("other", "kept", Value::Blob(pattern(300, 9))),
        Set("www", "slot", Value::U8(0)),
    ];
    for round in 0..rounds {
        let blob = 2000 * (pages - 2) + 137 * (round % 7);
        // A payload that begins blank, and one that is itself a sound entry: erased, it must not
        // become one.
        let mut blank_start = vec![0xFF; 96];
        blank_start.extend(pattern(40, round));
        let image = {
            let mut chip = Chip::blank(3);
            let mut nvs = Nvs::mount(&mut chip, 3 * 4096).unwrap();
            nvs.set("updraft", "written", 0xDEAD_0000_u32).unwrap();
            let entry = &chip.bytes[96..128];
            [entry, entry, entry].concat()
        };
        changes.extend([
            Set("updraft", "written", Value::U32(round as u32 * 4096)),
            Set("updraft", "log", Value::Blob(pattern(blob, round))),
            Set("updraft", "offer", Value::Text("o".repeat(500 + round))),
            Set("updraft", "raw", Value::Blob(blank_start)),
            Set("updraft", "raw", Value::Blob(image)),
            Set("www", "slot", Value::U8(round as u8 % 2)),
            Set(
                "updraft",
                "last",
                if round % 2 == 0 {
                    Value::I64(-1)
                } else {
                    Value::Text("ok".into())
                },
            ),
        ]);
        if round % 3 == 2 {
            changes.extend([
                Erase("updraft", "offer"),
                Erase("updraft", "raw"),
                Erase("updraft", "log"),
            ]);
        }
    }
    changes
}

/// Mounts what a cut left, which must be `before` or `after`.
fn check_mount(mut chip: Chip, before: &Contents, after: &Contents, next: &Change, what: &str) {
    let size = chip.size();
    let mut nvs =
        Nvs::mount(&mut chip, size).unwrap_or_else(|error| panic!("{what}: mount: {error}"));
    let found = contents(&mut nvs).unwrap_or_else(|error| panic!("{what}: read: {error}"));
    assert!(
        found == *before || found == *after,
        "{what}: neither old nor new, but {:?}",
        found.keys()
    );
    next.apply(&mut nvs)
        .unwrap_or_else(|error| panic!("{what}: the next write: {error}"));
    nvs.set("next", "write", 1_u8)
        .unwrap_or_else(|error| panic!("{what}: one more write: {error}"));

    let operations = chip.log.len();
    let mut nvs = Nvs::mount(&mut chip, size).unwrap();
    let mut found = contents(&mut nvs).unwrap();
    assert_eq!(
        found.remove(&("next".into(), "write".into())),
        Some(Value::U8(1)),
        "{what}"
    );
    assert_eq!(found, *after, "{what}: after the next write");
    assert_eq!(
        chip.log.len(),
        operations,
        "{what}: a sound partition is mounted without a write"
    );
}

/// Goes through the script, and after one cut in `again_after_each` (0: none) cuts the repair everywhere too.
fn cut_everywhere(pages: usize, rounds: usize, again_after_each: usize) -> Tried {
    let mut tried = Tried::default();
    let mut image = Chip::blank(pages).bytes;
    let mut before = Contents::new();
    let size = image.len() as u32;
    for (number, change) in script(pages, rounds).iter().enumerate() {
        let mut after = before.clone();
        change.apply_to(&mut after);
        let mut chip = Chip::holding(image.clone());
        let mut nvs = Nvs::mount(&mut chip, size).unwrap();
        change.apply(&mut nvs).unwrap();
        tried.collections += chip
            .log
            .iter()
            .filter(|operation| **operation == nvs_chip::Operation::Erase)
            .count();

        for (operation, tear) in (0..chip.log.len()).flat_map(|at| {
            Tear::of(chip.log[at])
                .into_iter()
                .map(move |tear| (at, tear))
        }) {
            let what = format!("change {number} ({change:.60?}), operation {operation} {tear:?}");

            let mut cut = Chip::holding(image.clone());
            cut.fault = Some(Fault {
                after: operation,
                tear,
                power_is_gone: true,
            });
            let mut nvs = Nvs::mount(&mut cut, size).unwrap();
            assert!(change.apply(&mut nvs).is_err(), "{what}");
            tried.cuts += 1;
            let cut = Chip::holding(cut.bytes);
            check_mount(cut.clone(), &before, &after, change, &what);
            if again_after_each != 0 && tried.cuts.is_multiple_of(again_after_each) {
                tried.cuts_in_repair += cut_repair(&cut, &before, &after, change, &what);
            }

            let mut chip = Chip::holding(image.clone());
            chip.fault = Some(Fault {
                after: operation,
                tear,
                power_is_gone: false,
            });
            let mut nvs = Nvs::mount(&mut chip, size).unwrap();
            assert!(change.apply(&mut nvs).is_err(), "{what}");
            tried.errors += 1;
            let found = contents(&mut nvs).unwrap();
            assert!(
                found == before || found == after,
                "{what}: after an error, neither old nor new"
            );
            change
                .apply(&mut nvs)
                .unwrap_or_else(|error| panic!("{what}: tried again: {error}"));
            assert_eq!(contents(&mut nvs).unwrap(), after, "{what}: tried again");
        }
        image = chip.bytes;
        before = after;
    }
    tried
}

/// Cuts the mount that repairs `cut`, at each of its operations.
fn cut_repair(cut: &Chip, before: &Contents, after: &Contents, next: &Change, what: &str) -> usize {
    let mut whole = cut.clone();
    let size = cut.size();
    Nvs::mount(&mut whole, size).unwrap();
    let mut tried = 0;
    for (operation, kind) in whole.log.iter().enumerate() {
        for tear in Tear::of(*kind) {
            let what = format!("{what}; repair operation {operation} {tear:?}");
            let mut again = cut.clone();
            again.fault = Some(Fault {
                after: operation,
                tear,
                power_is_gone: true,
            });
            assert!(Nvs::mount(&mut again, size).is_err(), "{what}");
            check_mount(Chip::holding(again.bytes), before, after, next, &what);
            tried += 1;
        }
    }
    tried
}

#[test]
fn cuts_at_every_operation_of_the_smallest_partition() {
    let tried = cut_everywhere(3, 6, 0);
    println!("3 pages: {tried:?}");
    assert!(tried.collections > 3 && tried.cuts > 5000, "{tried:?}");
}

#[test]
fn cuts_with_blobs_over_several_pages() {
    let tried = cut_everywhere(5, 6, 0);
    println!("5 pages: {tried:?}");
    assert!(tried.collections > 3 && tried.cuts > 5000, "{tried:?}");
}

#[test]
fn cuts_during_the_repair_of_any_cut_of_a_short_script() {
    let tried = cut_everywhere(3, 1, 1);
    println!("3 pages, cut again: {tried:?}");
    assert!(tried.cuts_in_repair > 5000, "{tried:?}");
}

#[test]
fn cuts_during_the_repair_of_a_collection() {
    // A prime, so that it meets every operation and every way to tear it in turn.
    let tried = cut_everywhere(3, 6, 131);
    println!("3 pages, some cut again: {tried:?}");
    assert!(
        tried.collections > 3 && tried.cuts_in_repair > 5000,
        "{tried:?}"
    );
}
