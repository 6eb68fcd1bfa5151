//! Images made by littlefs's own code are read as that code reads them, whatever was done to them before.

mod support;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use support::oracle::{Oracle, text};
use support::{Image, contents, read};
use updraft_www::littlefs::{Mount, Progress, ReadAll};

/// Trees generated a run, more by setting `UPDRAFT_TREES`.
const TREES: u32 = 1500;

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    // Inline, one block, and enough blocks that skip pointers of several powers are followed.
    let size = prop_oneof![
        4 => 0..600_usize,
        3 => 600..9000_usize,
        1 => 9000..50_000_usize,
    ];
    (size, any::<u8>()).prop_map(|(size, seed)| {
        (0..size)
            .map(|at| (at / 251 * 7 + at + seed as usize) as u8)
            .collect()
    })
}

fn path() -> impl Strategy<Value = String> {
    // Few names, so that the same file is met again.
    let name = prop_oneof![
        6 => "[a-d]",
        1 => "[a-c]{1,3}\\.(js|css|html)",
        1 => "x{60,64}",
        1 => Just("grüße äöü.txt".to_owned()),
    ];
    let depth = prop_oneof![5 => 1..2_usize, 3 => 2..3_usize, 1 => 3..5_usize];
    depth
        .prop_flat_map(move |depth| vec(name.clone(), depth))
        .prop_map(|names| names.join("/"))
}

fn operation() -> impl Strategy<Value = Value> {
    prop_oneof![
        6 => (path(), bytes()).prop_map(|(path, bytes)| json!(["write", path, text(&bytes)])),
        2 => (path(), bytes()).prop_map(|(path, bytes)| json!(["append", path, text(&bytes)])),
        1 => (path(), 0..20_000_u32, bytes()).prop_map(|(path, at, bytes)| json!(["patch", path, at, text(&bytes)])),
        1 => (path(), 0..20_000_u32).prop_map(|(path, size)| json!(["truncate", path, size])),
        4 => path().prop_map(|path| json!(["mkdir", path])),
        2 => path().prop_map(|path| json!(["remove", path])),
        2 => (path(), path()).prop_map(|(from, to)| json!(["rename", from, to])),
        1 => (path(), any::<u8>(), vec(any::<u8>(), 1..100))
            .prop_map(|(path, kind, bytes)| json!(["attribute", path, kind, text(&bytes)])),
    ]
}

fn request() -> impl Strategy<Value = Value> {
    (
        vec(operation(), 0..90),
        16..80_u32,
        prop_oneof![Just(0x0002_0000_u32), Just(0x0002_0001)],
        // Wear levelling moves metadata about, and grows a chain of superblocks.
        prop_oneof![Just(-1), Just(1), Just(5)],
        prop_oneof![Just(16), Just(128), Just(256)],
    )
        .prop_map(|(operations, blocks, version, cycles, unit)| {
            json!({"do": "build", "blocks": blocks, "version": version, "cycles": cycles, "unit": unit,
                   "operations": operations})
        })
}

#[test]
fn what_littlefs_writes_is_read() {
    let Some(mut oracle) = Oracle::start() else {
        return;
    };
    let trees = std::env::var("UPDRAFT_TREES").map_or(TREES, |trees| trees.parse().unwrap());
    let config = Config {
        cases: trees,
        failure_persistence: None,
        max_shrink_iters: 2000,
        ..Config::default()
    };
    let mut files = 0;
    let oracle = std::cell::RefCell::new(&mut oracle);
    let files = std::cell::RefCell::new(&mut files);
    TestRunner::new(config)
        .run(&request(), |request| {
            let (image, tree) = oracle.borrow_mut().build(&request);
            let mut image = Image::new(image);
            prop_assert_eq!(&read(&mut image).unwrap(), &tree);

            // The same one by one.
            let mount = Mount::open(&mut image).unwrap();
            for (path, expected) in &tree {
                let file = mount.file(&mut image, path).unwrap();
                let found = file.map(|file| contents(&mount, &mut image, &file).unwrap());
                prop_assert_eq!(&found, expected, "{}", path);
                **files.borrow_mut() += u32::from(found.is_some());
            }
            prop_assert_eq!(mount.file(&mut image, "a/nowhere").unwrap(), None);
            let mut all = ReadAll::new(mount);
            let done = loop {
                match all.step(&mut image).unwrap() {
                    Progress::More => {}
                    done @ Progress::Done { .. } => break done,
                }
            };
            let (count, bytes) = tree
                .values()
                .flatten()
                .fold((0, 0), |(count, bytes), file| {
                    (count + 1, bytes + file.len() as u64)
                });
            prop_assert_eq!(
                done,
                Progress::Done {
                    files: count,
                    bytes
                }
            );
            Ok(())
        })
        .unwrap();
    println!("{trees} generated trees, {} files read", files.borrow());
}

/// A device's own driver may lose power while it writes: what littlefs makes of that, we read, after an interrupted
/// move and a half-written commit, too.
#[test]
fn what_a_power_cut_leaves_is_read() {
    let Some(mut oracle) = Oracle::start() else {
        return;
    };
    let trees = std::env::var("UPDRAFT_TREES").map_or(TREES, |trees| trees.parse().unwrap());
    let config = Config {
        cases: trees,
        failure_persistence: None,
        max_shrink_iters: 2000,
        ..Config::default()
    };
    // Mostly moves between folders, which are the writes of several steps.
    let path = || "[abc]/[x-z]";
    let step = prop_oneof![
        1 => (path(), vec(any::<u8>(), 0..700)).prop_map(|(path, bytes)| json!(["write", path, text(&bytes)])),
        3 => (path(), path()).prop_map(|(from, to)| json!(["rename", from, to])),
        1 => path().prop_map(|path| json!(["remove", path])),
    ];
    let moves = (vec(step, 10..60), prop_oneof![Just(-1), Just(1)]).prop_map(|(steps, cycles)| {
        let folders = ["a", "b", "c"].map(|folder| json!(["mkdir", folder]));
        let operations: Vec<_> = folders.into_iter().chain(steps).collect();
        json!({"do": "build", "blocks": 32, "version": 0x0002_0001, "cycles": cycles, "operations": operations})
    });
    let (oracle, cuts) = (
        std::cell::RefCell::new(&mut oracle),
        std::cell::Cell::new(0),
    );
    TestRunner::new(config)
        .run(
            &(prop_oneof![request(), moves], 1..150_u32),
            |(mut request, cut)| {
                request["cut"] = cut.into();
                if let Some((image, tree)) = oracle.borrow_mut().build_cut(&request) {
                    cuts.set(cuts.get() + 1);
                    prop_assert_eq!(read(&mut Image::new(image)).unwrap(), tree);
                }
                Ok(())
            },
        )
        .unwrap();
    println!("{} power cuts", cuts.get());
    assert!(cuts.get() > trees / 10);
}
