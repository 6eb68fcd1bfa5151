//! `updraft www pack`, `list` and `extract`, with littlefs's own code as a witness.

#[path = "www/python.rs"]
mod python;
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use support::{Updraft, json};
use updraft_www::littlefs::{BLOCK_SIZE, Builder};

/// A frontend as Vite leaves it in `dist`.
fn dist(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let script = "export const answer = () => 42;\n".repeat(400);
    let mut state = 0x9E37_79B9_u32;
    let mut noise = vec![0_u8; 9000];
    for byte in &mut noise {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        *byte = state as u8;
    }
    let files = BTreeMap::from([
        (
            "index.html".to_owned(),
            format!("<!doctype html>{}", "<p>Hello</p>".repeat(100)).into_bytes(),
        ),
        ("assets/index-Ab12Cd34.js".to_owned(), script.into_bytes()),
        ("assets/logo-D4oZ9aXk.png".to_owned(), noise.clone()),
        ("assets/small.css".to_owned(), b"p{}".to_vec()),
        ("empty.txt".to_owned(), vec![]),
        ("noise.js".to_owned(), noise),
    ]);
    for (path, contents) in &files {
        let place = folder.join(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, contents).unwrap();
    }
    files
}

fn read_folder(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fn add(files: &mut BTreeMap<String, Vec<u8>>, root: &Path, folder: &Path) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                add(files, root, &path);
            } else {
                let name = path
                    .strip_prefix(root)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned();
                files.insert(name, fs::read(path).unwrap());
            }
        }
    }
    let mut files = BTreeMap::new();
    add(&mut files, folder, folder);
    files
}

#[test]
fn packed_listed_and_extracted() {
    let home = tempfile::tempdir().unwrap();
    let files = dist(&home.path().join("dist"));
    let run = |arguments: &[&str]| {
        let run = Updraft::new().folder(home.path()).run(arguments);
        assert_eq!(run.code, 0, "{arguments:?}: {}", run.stderr);
        assert_eq!(run.stderr, "");
        run
    };
    let packed = run(&[
        "www",
        "pack",
        "dist",
        "-o",
        "www.bin",
        "--version",
        "2.4.0",
        "--json",
    ]);
    let image = fs::read(home.path().join("www.bin")).unwrap();
    assert_eq!(image.len(), 1 << 20);

    let report = json(&packed.stdout);
    assert_eq!(
        (&report["version"], &report["size"]),
        (&"2.4.0".into(), &(1 << 20).into())
    );
    let file = |path: &str| {
        let files = report["files"].as_array().unwrap();
        files
            .iter()
            .find(|file| file["path"] == path)
            .unwrap()
            .clone()
    };
    assert_eq!(file("index.html")["stored_path"], "index.html.gz");
    assert_eq!(file("index.html")["cache"], "no-cache");
    assert_eq!(file("assets/index-Ab12Cd34.js")["encoding"], "gzip");
    assert_eq!(file("assets/index-Ab12Cd34.js")["cache"], "immutable");
    // What gains nothing stays as it is: noise, what is compressed already, and what is small.
    for path in [
        "noise.js",
        "assets/logo-D4oZ9aXk.png",
        "assets/small.css",
        "empty.txt",
    ] {
        assert_eq!(file(path)["encoding"], "identity", "{path}");
    }

    // The list says the same, whether from the file or from stdin.
    let listed = json(&run(&["www", "list", "www.bin", "--json"]).stdout);
    assert_eq!(listed["version"], "2.4.0");
    assert_eq!(listed["files"].as_array().unwrap().len(), files.len());
    let text = run(&["www", "list", "www.bin"]).stdout;
    assert!(
        text.contains("index.html") && text.contains("immutable") && text.contains("version 2.4.0"),
        "{text}"
    );
    let piped = Updraft::new().stdin(&image).run(&["www", "list", "-"]);
    assert_eq!(piped.stdout, text);

    // And all comes back as it was.
    run(&["www", "extract", "www.bin", "-o", "back"]);
    assert_eq!(read_folder(&home.path().join("back")), files);
    run(&["www", "extract", "www.bin", "-o", "raw", "--raw"]);
    let raw = read_folder(&home.path().join("raw"));
    assert!(raw.contains_key("index.html.gz") && !raw.contains_key("index.html"));

    // littlefs's own code reads what was stored, byte for byte, and the manifest besides.
    if let Some(python) = python::python() {
        let mut read = python::read_image(&python, &home.path().join("www.bin"));
        let manifest = String::from_utf8(read.remove(".updraft-www").unwrap()).unwrap();
        assert!(manifest.starts_with("updraft-www 1 2.4.0\n"), "{manifest}");
        assert_eq!(read, raw);
    }
}

#[test]
fn the_same_folder_gives_the_same_bytes() {
    let home = tempfile::tempdir().unwrap();
    dist(&home.path().join("one"));
    dist(&home.path().join("two"));
    let pack = |folder: &str, output: &str| {
        let run = Updraft::new()
            .folder(home.path())
            .run(&["www", "pack", folder, "-o", output, "--size", "64K"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        fs::read(home.path().join(output)).unwrap()
    };
    let first = pack("one", "a.bin");
    assert!(first == pack("two", "b.bin"));
    // Inside the folder, where the next run must not take it for one of its files.
    assert!(first == pack("one", "one/www.bin"));
    assert!(first == pack("one", "one/www.bin"));
    let names: Vec<_> = fs::read_dir(home.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names.len(), 4, "{names:?}");
}

#[test]
fn what_the_build_compressed_is_taken() {
    let home = tempfile::tempdir().unwrap();
    let files = dist(&home.path().join("dist"));
    let run = |arguments: &[&str]| {
        let run = Updraft::new().folder(home.path()).run(arguments);
        assert_eq!(run.code, 0, "{}", run.stderr);
    };
    run(&["www", "pack", "dist", "-o", "1.bin"]);
    run(&["www", "extract", "1.bin", "-o", "raw", "--raw"]);
    // The same compressed twin beside its original: one of them is enough.
    let dist = home.path().join("dist");
    fs::copy(
        home.path().join("raw/index.html.gz"),
        dist.join("index.html.gz"),
    )
    .unwrap();
    run(&["www", "pack", "dist", "-o", "2.bin"]);
    assert!(
        fs::read(home.path().join("1.bin")).unwrap()
            == fs::read(home.path().join("2.bin")).unwrap()
    );
    // Another file of that name is another file, and both stay.
    fs::write(dist.join("index.html.gz"), "not that").unwrap();
    run(&["www", "pack", "dist", "-o", "3.bin"]);
    run(&["www", "extract", "3.bin", "-o", "back"]);
    let mut expected = files;
    expected.insert("index.html.gz".to_owned(), b"not that".to_vec());
    assert_eq!(read_folder(&home.path().join("back")), expected);
}

#[test]
fn what_does_not_fit_is_named() {
    let home = tempfile::tempdir().unwrap();
    dist(&home.path().join("dist"));
    let run = Updraft::new().folder(home.path()).run(&[
        "www", "pack", "dist", "-o", "www.bin", "--size", "16K", "--json",
    ]);
    assert_eq!(run.code, 6);
    let error = &json(&run.stderr)["error"];
    assert_eq!(error["code"], "www_too_big");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("more than the image's 16384"), "{message}");
    let (first, second) = (
        message.find("noise.js"),
        message.find("assets/logo-D4oZ9aXk.png"),
    );
    assert!(first.is_some() && second.is_some(), "{message}");
    assert!(!home.path().join("www.bin").exists());

    for (arguments, code, exit) in [
        (
            &["www", "pack", "dist", "-o", "w", "--size", "5000"][..],
            "www_size",
            2,
        ),
        (
            &["www", "pack", "dist", "-o", "w", "--version", "a b"],
            "usage",
            2,
        ),
        (&["www", "pack", "nowhere", "-o", "w"], "file_unreadable", 4),
        (
            &["www", "pack", "dist", "-o", "no/where/w"],
            "file_unwritable",
            1,
        ),
        (&["www", "list", "nowhere"], "file_unreadable", 4),
        (&["www", "list", "dist/index.html"], "www_partition_size", 6),
        (
            &["www", "extract", "dist/noise.js", "-o", "x"],
            "www_partition_size",
            6,
        ),
    ] {
        let run = Updraft::new()
            .folder(home.path())
            .run(&[arguments, &["--json"]].concat());
        assert_eq!(
            (run.code, &json(&run.stderr)["error"]["code"]),
            (exit, &code.into()),
            "{arguments:?}: {}",
            run.stderr
        );
    }
    fs::create_dir(home.path().join("nothing")).unwrap();
    let run = Updraft::new()
        .folder(home.path())
        .run(&["www", "pack", "nothing", "-o", "w", "--json"]);
    assert_eq!(json(&run.stderr)["error"]["code"], "www_empty");
}

#[test]
fn a_changed_image_is_listed_and_refused() {
    let home = tempfile::tempdir().unwrap();
    dist(&home.path().join("dist"));
    let run = Updraft::new()
        .folder(home.path())
        .run(&["www", "pack", "dist", "-o", "www.bin", "--size", "64K"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let mut image = fs::read(home.path().join("www.bin")).unwrap();
    let place = image
        .windows(16)
        .rposition(|window| window != [0xFF; 16])
        .unwrap();
    image[place] ^= 1;
    fs::write(home.path().join("www.bin"), &image).unwrap();
    let run = Updraft::new()
        .folder(home.path())
        .run(&["www", "list", "www.bin", "--json"]);
    assert_eq!(run.code, 6);
    assert_eq!(json(&run.stdout)["files"].as_array().unwrap().len(), 6);
    assert_eq!(json(&run.stderr)["error"]["code"], "www_file_sha256");
    let run = Updraft::new()
        .folder(home.path())
        .run(&["www", "extract", "www.bin", "-o", "x"]);
    assert_eq!(run.code, 6);
}

#[test]
fn extract_stays_in_its_folder_and_overwrites_nothing() {
    let home = tempfile::tempdir().unwrap();
    // A name that leads out, under a right checksum.
    let mut builder = Builder::new();
    builder.add("a-b-c", b"out".to_vec()).unwrap();
    let mut image = builder.image(2 * BLOCK_SIZE).unwrap();
    for block in image.chunks_mut(BLOCK_SIZE as usize) {
        let place = block
            .windows(5)
            .position(|window| window == b"a-b-c")
            .unwrap();
        block[place..place + 5].copy_from_slice(b"../ab");
        // Revision, superblock, name, contents, and the commit's own tag.
        let end = 4 + 12 + 28 + 9 + 7 + 4;
        let crc = block[..end].iter().fold(u32::MAX, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
                if crc & 1 == 1 {
                    (crc >> 1) ^ 0xEDB8_8320
                } else {
                    crc >> 1
                }
            })
        });
        block[end..end + 4].copy_from_slice(&crc.to_le_bytes());
    }
    fs::write(home.path().join("www.bin"), &image).unwrap();
    let run = Updraft::new()
        .folder(home.path())
        .run(&["www", "extract", "www.bin", "-o", "x", "--json"]);
    assert_eq!(json(&run.stderr)["error"]["code"], "www_name");
    assert!(!home.path().join("x").exists() && !home.path().join("ab").exists());

    dist(&home.path().join("dist"));
    let pack = Updraft::new()
        .folder(home.path())
        .run(&["www", "pack", "dist", "-o", "www.bin"]);
    assert_eq!(pack.code, 0);
    let run = Updraft::new()
        .folder(home.path())
        .run(&["www", "extract", "www.bin", "-o", "dist"]);
    assert_eq!(run.code, 6, "{}", run.stderr);
    fs::create_dir(home.path().join("empty")).unwrap();
    let run = Updraft::new()
        .folder(home.path())
        .run(&["www", "extract", "www.bin", "-o", "empty"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
}

/// The build of a frontend, as docs/frontend.md has it.
#[test]
fn a_node_build_makes_the_image_in_one_step() {
    let home = tempfile::tempdir().unwrap();
    if let Err(error) = std::process::Command::new("npm").arg("--version").output() {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "npm: {error}");
        println!("skipped: npm did not start: {error}");
        return;
    }
    let package = r#"{
  "name": "tiny", "version": "1.2.3", "private": true,
  "scripts": { "build": "node build.js && updraft www pack dist -o www.bin --size 1M --version $npm_package_version" }
}"#;
    let build = "const fs = require('fs'); fs.mkdirSync('dist', { recursive: true });
        fs.writeFileSync('dist/index.html', '<!doctype html>' + '<p>tiny</p>'.repeat(99));";
    fs::write(home.path().join("package.json"), package).unwrap();
    fs::write(home.path().join("build.js"), build).unwrap();
    let binary = Path::new(env!("CARGO_BIN_EXE_updraft")).parent().unwrap();
    let path = std::env::var_os("PATH").unwrap();
    let paths = std::env::split_paths(&path).chain([binary.to_owned()]);
    let output = std::process::Command::new("npm")
        .args(["run", "build"])
        .current_dir(home.path())
        .env("PATH", std::env::join_paths(paths).unwrap())
        .env("npm_config_cache", home.path().join("cache"))
        .env("npm_config_update_notifier", "false")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let run = Updraft::new()
        .folder(home.path())
        .run(&["www", "list", "www.bin", "--json"]);
    let listed = json(&run.stdout);
    assert_eq!(listed["version"], "1.2.3");
    assert_eq!(listed["files"][0]["path"], "index.html");
}
