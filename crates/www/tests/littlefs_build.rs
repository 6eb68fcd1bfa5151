//! Images made here: littlefs's own code reads them, goes on writing in them, and so does our reader.

mod support;

use std::cell::RefCell;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use support::oracle::Oracle;
use support::{Image, Tree, read};
use updraft_www::littlefs::{
    BLOCK_SIZE, BuildFault, Builder, INLINE_MAX, MAX_DEPTH, MAX_PATH, NAME_MAX,
};

/// Trees generated a run, more by setting `UPDRAFT_TREES`.
const TREES: u32 = 1500;

fn pattern(length: usize, seed: usize) -> Vec<u8> {
    (0..length)
        .map(|at| (at * 31 + seed * 7 + at / 256) as u8)
        .collect()
}

/// Builds an image of these files, with exactly the room they need or more, and gives all it should hold.
fn build(files: &Tree, spare_blocks: u32) -> (Vec<u8>, Tree) {
    let mut builder = Builder::new();
    let mut tree = files.clone();
    for (path, contents) in files {
        builder.add(path, contents.clone().unwrap()).unwrap();
        for (at, _) in path.match_indices('/') {
            tree.insert(path[..at].to_owned(), None);
        }
    }
    let size = builder.needed() as u32 + spare_blocks * BLOCK_SIZE;
    (builder.image(size).unwrap(), tree)
}

fn file(path: &str, contents: Vec<u8>) -> (String, Option<Vec<u8>>) {
    (path.to_owned(), Some(contents))
}

/// Files at every limit there is.
fn hard_cases() -> Tree {
    let long = "n".repeat(NAME_MAX);
    let deep = ["d"; MAX_DEPTH].join("/");
    let folder = "m".repeat(NAME_MAX);
    let block = BLOCK_SIZE as usize;
    let mut tree = Tree::from([
        file("empty", vec![]),
        file("one", vec![7]),
        file(&long, b"a name at the limit".to_vec()),
        file(&format!("{deep}/file"), b"as deep as it goes".to_vec()),
        file(
            &format!(
                "{folder}/{folder}/{folder}/{}",
                "p".repeat(MAX_PATH - 3 * NAME_MAX - 3)
            ),
            b"a path at the limit".to_vec(),
        ),
        file("sp ace/grüße-✓.txt", pattern(100, 1)),
        file("big/300-blocks.bin", pattern(300 * block, 2)),
    ]);
    // Around each size at which a file changes its shape: inline, one block, one more pointer.
    let edges = [
        INLINE_MAX,
        block,
        2 * block - 4,
        3 * block - 12,
        4 * block - 16,
        5 * block - 28,
        33 * block,
    ];
    for (index, edge) in edges.into_iter().enumerate() {
        for size in edge - 6..edge + 7 {
            let (path, contents) = file(&format!("edges/{size}"), pattern(size, index));
            tree.insert(path, contents);
        }
    }
    // Enough in one folder that it takes many metadata pairs.
    for index in 0..1000 {
        let (path, contents) = file(
            &format!("many/file-{index}.txt"),
            pattern(index % 300, index),
        );
        tree.insert(path, contents);
    }
    tree
}

#[test]
fn every_limit_is_read_back() {
    let (image, tree) = build(&hard_cases(), 16);
    assert_eq!(read(&mut Image::new(image.clone())).unwrap(), tree);
    let Some(mut oracle) = Oracle::start() else {
        return;
    };
    assert_eq!(oracle.read(&image).unwrap(), tree);
    println!("{} entries, {} bytes of image", tree.len(), image.len());
}

#[test]
fn littlefs_goes_on_writing_in_it() {
    let Some(mut oracle) = Oracle::start() else {
        return;
    };
    let (image, mut tree) = build(&hard_cases(), 400);
    // Into folders that are full of pairs, and over files that are there.
    let new = Tree::from([
        file("many/file-5", pattern(10, 3)),
        file("many/file-500.txt", pattern(20_000, 4)),
        file("new", pattern(2000, 5)),
        file("edges/4096", pattern(3, 6)),
    ]);
    let (image, written) = oracle.write(&image, &new);
    tree.extend(new);
    assert_eq!(written, tree);
    assert_eq!(read(&mut Image::new(image)).unwrap(), tree);
}

#[test]
fn generated_trees_are_read_back() {
    let Some(mut oracle) = Oracle::start() else {
        return;
    };
    let trees = std::env::var("UPDRAFT_TREES").map_or(TREES, |trees| trees.parse().unwrap());
    // Folders and files have different names, so that none is in the other's way.
    let folder = prop_oneof!["[A-C]", "[A-Z][a-z0-9 ]{1,20}"];
    let name = prop_oneof!["[a-z]{1,8}\\.[a-z]{1,4}", "[a-zäöü]{1,30}"];
    let path = (vec(folder, 0..4), name).prop_map(|(mut names, name)| {
        names.push(name);
        names.join("/")
    });
    let size = prop_oneof![4 => 0..600_usize, 3 => 600..9000_usize, 1 => 9000..80_000_usize];
    let contents = (size, any::<u8>()).prop_map(|(size, seed)| Some(pattern(size, seed.into())));
    let config = Config {
        cases: trees,
        failure_persistence: None,
        max_shrink_iters: 2000,
        ..Config::default()
    };
    let (oracle, files) = (RefCell::new(&mut oracle), RefCell::new(0));
    TestRunner::new(config)
        .run(
            &(btree_map(path, contents, 0..60), 0..4_u32),
            |(tree, spare)| {
                let (image, tree) = build(&tree, spare);
                prop_assert_eq!(oracle.borrow_mut().read(&image), Ok(tree.clone()));
                *files.borrow_mut() += tree.values().flatten().count();
                prop_assert_eq!(read(&mut Image::new(image)).unwrap(), tree);
                Ok(())
            },
        )
        .unwrap();
    println!("{trees} generated trees, {} files", files.borrow());
}

#[test]
fn the_order_of_adding_does_not_matter() {
    let files = hard_cases();
    let (image, _) = build(&files, 3);
    let mut builder = Builder::new();
    for (path, contents) in files.iter().rev() {
        builder.add(path, contents.clone().unwrap()).unwrap();
    }
    assert!(builder.image(image.len() as u32).unwrap() == image);
}

#[test]
fn a_lost_metadata_block_costs_nothing() {
    let files = Tree::from([file("a", vec![1; 300]), file("b/c", vec![2; 30])]);
    let (image, tree) = build(&files, 0);
    // Root and folder: blocks 0 to 3.
    for block in 0..4 {
        let mut image = image.clone();
        image[block * BLOCK_SIZE as usize..][..BLOCK_SIZE as usize].fill(0xFF);
        assert_eq!(read(&mut Image::new(image)).unwrap(), tree, "block {block}");
    }
}

#[test]
fn what_cannot_be_built_is_refused() {
    let mut builder = Builder::new();
    builder.add("a/b", vec![1; 5000]).unwrap();
    let code = |result: Result<(), BuildFault>| result.unwrap_err().code();
    let long = "n".repeat(NAME_MAX + 1);
    let path = ["p"; 7].map(|name| name.repeat(40)).join("/");
    let deep = ["d"; MAX_DEPTH + 2].join("/");
    for (path, expected) in [
        ("a/b", "www_path_taken"),
        ("a", "www_path_taken"),
        ("a/b/c", "www_path_taken"),
        ("", "www_name"),
        ("/a", "www_name"),
        ("x//y", "www_name"),
        ("x/../y", "www_name"),
        ("x\ny", "www_name"),
        (&long, "www_name_too_long"),
        (&path, "www_path_too_long"),
        (&deep, "www_too_deep"),
    ] {
        assert_eq!(code(builder.add(path, vec![])), expected, "{path}");
    }
    assert_eq!(builder.needed(), 6 * 4096);
    assert_eq!(
        builder.image(5 * 4096),
        Err(BuildFault::TooBig {
            needed: 6 * 4096,
            size: 5 * 4096
        })
    );
    assert_eq!(
        builder.image(6 * 4096 + 1),
        Err(BuildFault::Size { size: 6 * 4096 + 1 })
    );
    builder.image(6 * 4096).unwrap();
}
