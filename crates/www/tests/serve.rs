//! From requests to files and headers, with a manifest and without.

mod support;

use sha2::Digest as _;
use support::{Image, contents};
use updraft_www::Sha256;
use updraft_www::littlefs::{BLOCK_SIZE, Builder, Mount};
use updraft_www::manifest::{Cache, ContentType, Encoding, Line, PATH};
use updraft_www::serve::{Etag, Site, cache, content_type, is_compressible};

const FILES: [(&str, &[u8]); 6] = [
    ("about/index.html", b"about"),
    ("app-Ab12Cd34.js.gz", b"compressed script"),
    ("data.json.gz", b"an archive by itself"),
    ("index.html.gz", b"compressed page"),
    ("odd name\u{e4}.txt", b"odd"),
    ("plain.css", b"css"),
];

fn sum(bytes: &[u8]) -> Sha256 {
    Sha256(sha2::Sha256::digest(bytes).into())
}

fn line(path: &str, bytes: &[u8]) -> String {
    let encoded = path.ends_with("html.gz") || path.ends_with("js.gz");
    let plain = path.strip_suffix(".gz").filter(|_| encoded).unwrap_or(path);
    Line {
        sha256: sum(bytes),
        size: bytes.len() as u32,
        encoding: if encoded {
            Encoding::Gzip
        } else {
            Encoding::Identity
        },
        content_type: ContentType::new(content_type(plain)).unwrap(),
        cache: cache(plain),
        path,
    }
    .to_string()
}

fn image(manifest: Option<&str>) -> Image {
    let mut builder = Builder::new();
    for (path, bytes) in FILES {
        builder.add(path, bytes.to_vec()).unwrap();
    }
    if let Some(manifest) = manifest {
        builder.add(PATH, manifest.as_bytes().to_vec()).unwrap();
    }
    Image::new(builder.image(16 * BLOCK_SIZE).unwrap())
}

fn manifest() -> String {
    let lines = FILES.map(|(path, bytes)| line(path, bytes) + "\n");
    format!("updraft-www 1 2.4.0\n{}", lines.concat())
}

fn site(image: &mut Image) -> Site {
    let mount = Mount::open(image).unwrap();
    Site::open(mount, image).unwrap()
}

#[test]
fn a_manifest_says_what_is_sent() {
    let mut image = image(Some(&manifest()));
    let site = site(&mut image);
    assert!(site.has_manifest());
    assert_eq!(site.version().unwrap().as_str(), "2.4.0");
    for (target, path, encoding, content_type, kept) in [
        (
            "/",
            "index.html.gz",
            Encoding::Gzip,
            "text/html;charset=utf-8",
            Cache::NoCache,
        ),
        (
            "/?a=/b#c",
            "index.html.gz",
            Encoding::Gzip,
            "text/html;charset=utf-8",
            Cache::NoCache,
        ),
        (
            "/index.html",
            "index.html.gz",
            Encoding::Gzip,
            "text/html;charset=utf-8",
            Cache::NoCache,
        ),
        (
            "/about/",
            "about/index.html",
            Encoding::Identity,
            "text/html;charset=utf-8",
            Cache::NoCache,
        ),
        (
            "/app-Ab12Cd34.js",
            "app-Ab12Cd34.js.gz",
            Encoding::Gzip,
            "text/javascript;charset=utf-8",
            Cache::Immutable,
        ),
        (
            "/data.json.gz",
            "data.json.gz",
            Encoding::Identity,
            "application/gzip",
            Cache::NoCache,
        ),
        (
            "/odd%20name%C3%a4.txt",
            "odd name\u{e4}.txt",
            Encoding::Identity,
            "text/plain;charset=utf-8",
            Cache::NoCache,
        ),
        (
            "/plain.css",
            "plain.css",
            Encoding::Identity,
            "text/css;charset=utf-8",
            Cache::NoCache,
        ),
    ] {
        let asset = site.find(&mut image, target).unwrap().expect(target);
        let bytes = FILES.iter().find(|file| file.0 == path).unwrap().1;
        assert_eq!(
            contents(&site.mount(), &mut image, &asset.file).unwrap(),
            bytes,
            "{target}"
        );
        assert_eq!((asset.encoding, asset.cache), (encoding, kept), "{target}");
        assert_eq!(asset.content_type.as_str(), content_type, "{target}");
        let etag = asset.etag.unwrap();
        assert_eq!(
            etag.as_str(),
            format!("\"{}\"", &sum(bytes).to_string()[..32])
        );
    }
}

#[test]
fn what_is_no_file_is_none() {
    let mut image = image(Some(&manifest()));
    let site = site(&mut image);
    let long = format!("/{}", "x".repeat(3000));
    for target in [
        "",
        "index.html",
        "/.updraft-www",
        "/%2eupdraft-www",
        "/about",
        "/nowhere",
        "/../index.html",
        "/about//index.html",
        "/index.html.gz",
        "/data.json",
        "/about%2Findex.html",
        "/%",
        "/%4",
        "/%zz",
        "/%ff",
        "/%00",
        "//",
        "*",
        &long,
    ] {
        assert_eq!(site.find(&mut image, target), Ok(None), "{target}");
    }
}

#[test]
fn images_of_other_makers_are_served_by_name() {
    for manifest in [
        None,
        Some("something else\n"),
        Some("updraft-www 2\n"),
        Some("updraft-www 1 a b\n"),
    ] {
        let mut image = image(manifest);
        let site = site(&mut image);
        assert!(!site.has_manifest());
        let page = site.find(&mut image, "/").unwrap().unwrap();
        assert_eq!((page.encoding, page.etag), (Encoding::Gzip, None));
        assert_eq!(page.content_type.as_str(), "text/html;charset=utf-8");
        let script = site.find(&mut image, "/app-Ab12Cd34.js").unwrap().unwrap();
        assert_eq!(script.cache, Cache::Immutable);
        let style = site.find(&mut image, "/plain.css").unwrap().unwrap();
        assert_eq!(style.encoding, Encoding::Identity);
    }
    // A line that is none ends what the manifest says, and harms nothing.
    let mut image = image(Some("updraft-www 1\nnonsense\n"));
    let site = site(&mut image);
    assert_eq!(
        site.find(&mut image, "/plain.css").unwrap().unwrap().etag,
        None
    );
}

#[test]
fn etags_answer_if_none_match() {
    let etag = Etag::new(&sum(b"contents"));
    let other = Etag::new(&sum(b"other"));
    for (header, expected) in [
        (etag.to_string(), true),
        (format!("W/{etag}"), true),
        (format!("{other}, {etag}"), true),
        ("*".to_owned(), true),
        (other.to_string(), false),
        (etag.as_str().trim_matches('"').to_owned(), false),
        (String::new(), false),
    ] {
        assert_eq!(etag.is_in(&header), expected, "{header}");
    }
}

#[test]
fn only_hashed_names_are_kept() {
    for path in [
        "assets/index-Ab12Cd34.js",
        "assets/index-BQ3_xY9a.css",
        "a/logo-D4oZ9aXk.svg",
        "main.1f09c3d2.js",
        "static/js/main.4c1e9a0b77.chunk-1f09c3d2.js",
        "x-Ab12Cd34.js.map",
        "chunk-5XQ2AB7D.js",
    ] {
        assert_eq!(cache(path), Cache::Immutable, "{path}");
    }
    for path in [
        "index.html",
        "page-Ab12Cd34.html",
        "favicon.ico",
        "my-Document.pdf",
        "photo-image001.png",
        "Photo-Image001.png",
        "PIC-IMAGE001.png",
        "use-fetchOne.js",
        "a-original.js",
        "report-20240131.txt",
        "jquery-3.7.1.min.js",
        "app-v2-b-old.js",
        "wall-facade01.png",
        "Ab12Cd34.js",
        "README",
        "",
        "-",
        ".",
        "grüß-Ab12Cd3ä.js",
    ] {
        assert_eq!(cache(path), Cache::NoCache, "{path}");
    }
}

#[test]
fn types_by_name() {
    assert_eq!(content_type("a/B.JS"), "text/javascript;charset=utf-8");
    assert_eq!(content_type("a.b/c"), "application/octet-stream");
    assert!(is_compressible("x.wasm") && !is_compressible("x.woff2") && !is_compressible("x"));
}
