//! An image against its manifest: whatever differs is found, and nothing that is equal.

mod support;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use sha2::Digest as _;
use support::{Image, Misread, Tree};
use updraft_www::Sha256;
use updraft_www::littlefs::{Builder, Mount};
use updraft_www::manifest::{
    Cache, Check, CheckFault, ContentType, Encoding, Line, ManifestFault, PATH, Progress, Reader,
};

/// Most a step may read: a block of contents through pieces of 512 bytes, or a metadata pair twice.
const STEP: u64 = 24 * 1024;

fn line(path: &str, bytes: &[u8]) -> String {
    let line = Line {
        sha256: Sha256(sha2::Sha256::digest(bytes).into()),
        size: bytes.len() as u32,
        encoding: Encoding::Identity,
        content_type: ContentType::new("text/plain").unwrap(),
        cache: Cache::NoCache,
        path,
    };
    let text = line.to_string();
    assert_eq!(Line::parse(&text), Some(line));
    text + "\n"
}

/// The manifest of these files, in the order of a walk.
fn manifest(files: &Tree) -> String {
    let mut paths: Vec<_> = files.keys().collect();
    paths.sort_by_key(|path| path.split('/').collect::<Vec<_>>());
    let lines: String = paths
        .into_iter()
        .map(|path| line(path, files[path].as_deref().unwrap()))
        .collect();
    format!("updraft-www 1\n{lines}")
}

fn image(files: &Tree, manifest: Option<&str>) -> Image {
    let mut builder = Builder::new();
    for (path, contents) in files {
        builder.add(path, contents.clone().unwrap()).unwrap();
    }
    if let Some(manifest) = manifest {
        builder.add(PATH, manifest.as_bytes().to_vec()).unwrap();
    }
    let size = builder.needed() as u32;
    Image::new(builder.image(size).unwrap())
}

/// Checks in steps: what was checked, or what was wrong and with which file.
fn check(image: &mut Image) -> Result<(u32, u64), (CheckFault<Misread>, String)> {
    let mount = Mount::open(image).unwrap();
    let mut check = Check::new(mount, image).map_err(|fault| (fault, String::new()))?;
    loop {
        let before = image.read;
        let step = check.step(image);
        assert!(
            image.read - before < STEP,
            "one step read {} bytes",
            image.read - before
        );
        match step {
            Ok(Progress::More) => {}
            Ok(Progress::Done { files, bytes }) => return Ok((files, bytes)),
            Err(fault) => return Err((fault, check.path().to_owned())),
        }
    }
}

fn tree() -> Tree {
    [
        ("a/b.js", 5000),
        ("a-b.css", 10),
        ("a.txt", 0),
        ("z/long.bin", 30_000),
    ]
    .map(|(path, size)| (path.to_owned(), Some(vec![size as u8; size])))
    .into()
}

#[test]
fn equal_images_pass() {
    let files = tree();
    let (count, bytes) = check(&mut image(&files, Some(&manifest(&files)))).unwrap();
    assert_eq!((count, bytes), (4, 35_010));
}

#[test]
fn each_difference_has_its_name() {
    let files = tree();
    let listed = manifest(&files);
    let fault = |files: &Tree, manifest: &str| {
        let (fault, path) = check(&mut image(files, Some(manifest))).unwrap_err();
        (fault.code(), path)
    };
    let of = |code, path: &str| (code, path.to_owned());

    for path in ["a/b.js", "a.txt", "z/long.bin"] {
        let mut fewer = files.clone();
        fewer.remove(path);
        assert_eq!(fault(&fewer, &listed), of("www_file_missing", path));
        // The other way round: the image has it, the manifest does not.
        assert_eq!(
            fault(&files, &manifest(&fewer)),
            of("www_file_unlisted", path)
        );
    }
    let mut changed = files.clone();
    changed.get_mut("z/long.bin").unwrap().as_mut().unwrap()[20_000] ^= 1;
    assert_eq!(
        fault(&changed, &listed),
        of("www_file_sha256", "z/long.bin")
    );
    changed.insert("a-b.css".to_owned(), Some(vec![10; 11]));
    assert_eq!(
        fault(&changed, &listed),
        of("www_file_other_size", "a-b.css")
    );

    for (text, code) in [
        ("", "www_manifest_format"),
        ("updraft-www 2\n", "www_manifest_format"),
        ("updraft-www 1", "www_manifest_format"),
        ("updraft-www 10\n", "www_manifest_format"),
        ("updraft-www 1\nabc\n", "www_manifest_line"),
        ("updraft-www 1\n\n", "www_manifest_line"),
        (
            listed.trim_end().split_at(listed.len() - 20).0,
            "www_manifest_line",
        ),
    ] {
        assert_eq!(fault(&files, text).0, code, "{text:?}");
    }
    let long = format!("updraft-www 1\n{}\n", "x".repeat(600));
    assert_eq!(fault(&files, &long).0, "www_manifest_line");
    let none = check(&mut image(&files, None)).unwrap_err().0;
    assert_eq!(none, CheckFault::Manifest(ManifestFault::Missing));
}

#[test]
fn the_version_is_read_first() {
    let mut image = image(&tree(), Some("updraft-www 1 2.0.0-rc.1+a\n"));
    let mount = Mount::open(&mut image).unwrap();
    let reader = Reader::open(mount, &mut image).unwrap();
    assert_eq!(reader.version().unwrap().as_str(), "2.0.0-rc.1+a");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// The order of a manifest is the order of a walk, whatever the names are.
    #[test]
    fn generated_images_pass(
        files in btree_map(
            (vec("[A-C][!-.0-9]{0,3}", 0..3), "[a-z][ -.0-9a-zä]{0,20}"),
            vec(any::<u8>(), 0..1000),
            0..80,
        ),
    ) {
        let files: Tree = files
            .into_iter()
            .map(|((mut names, name), contents)| {
                names.push(name);
                (names.join("/"), Some(contents))
            })
            .collect();
        let count = files.len() as u32;
        let checked = check(&mut image(&files, Some(&manifest(&files))));
        prop_assert_eq!(checked.map(|(files, _)| files), Ok(count));
    }

    #[test]
    fn no_text_breaks_a_line(text in "\\PC{0,300}") {
        let _ = Line::parse(&text);
    }
}
