//! How fast an image is verified, next to SHA-256 alone and to OpenSSL's.
//!
//! `cargo bench -p updraft-image` prints one line a measurement, `name MB/s`, in millions of bytes a second, best of
//! several runs, and last the share of `openssl speed`'s figure at 16 KiB blocks where openssl is installed.

use std::hint::black_box;
use std::process::Command;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use updraft_image::{Expect, Verifier, verify};

#[path = "../tests/support/mod.rs"]
mod support;

/// Length of the verified image: beyond a second-level cache's size, as uploads come.
const IMAGE_SIZE: usize = 4 << 20;

/// Block size of the streamed measurement, and of OpenSSL's.
const BLOCK: usize = 16 * 1024;

/// Long enough for a steady clock, short enough for `make bench`.
const MEASURE: Duration = Duration::from_millis(1500);

fn main() {
    let image = grown(IMAGE_SIZE);
    let len = image.len();
    let streamed = || {
        let mut verifier = Verifier::new(Expect::new());
        for block in image.chunks(BLOCK) {
            verifier.update(black_box(block)).expect("a sound image");
        }
        verifier.finish().expect("a sound image")
    };
    println!("image_bytes {len}");
    let hash = best(len, || Sha256::digest(black_box(&image)));
    println!("sha256_only {hash:.0} MB/s");
    let whole = best(len, || {
        verify(black_box(&image), Expect::new()).expect("a sound image")
    });
    println!("verify_whole {whole:.0} MB/s");
    let stream = best(len, streamed);
    println!("verify_streamed_16k {stream:.0} MB/s");
    match openssl() {
        Some(openssl) => {
            println!("openssl_sha256_16k {openssl:.0} MB/s");
            println!("verify_whole_to_openssl {:.2}", whole / openssl);
        }
        None => println!("openssl_sha256_16k not measured: `openssl speed` did not run"),
    }
}

/// A real image, its last segment filled up to about `len` bytes with more of the same code.
fn grown(len: usize) -> Vec<u8> {
    let fixture = support::fixtures().swap_remove(0).bytes;
    let mut image = support::Rebuilt::from(&fixture);
    let missing = (len - fixture.len()).next_multiple_of(4);
    let more: Vec<u8> = fixture.iter().copied().cycle().take(missing).collect();
    image
        .segments
        .last_mut()
        .expect("an image has segments")
        .1
        .extend(more);
    image.bytes()
}

/// Millions of bytes a second of the fastest run.
fn best<T>(len: usize, mut run: impl FnMut() -> T) -> f64 {
    let start = Instant::now();
    let mut best = Duration::MAX;
    while start.elapsed() < MEASURE {
        let began = Instant::now();
        black_box(run());
        best = best.min(began.elapsed());
    }
    f64::from(u32::try_from(len).expect("images are shorter than 4 GiB")) / best.as_secs_f64() / 1e6
}

/// OpenSSL's figure at 16 KiB blocks, in millions of bytes a second.
fn openssl() -> Option<f64> {
    let arguments = [
        "speed", "-mr", "-seconds", "2", "-bytes", "16384", "-evp", "sha256",
    ];
    let output = Command::new("openssl").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let line = text.lines().find(|line| line.starts_with("+F:"))?;
    line.rsplit(':')
        .next()?
        .trim()
        .parse::<f64>()
        .ok()
        .map(|bytes| bytes / 1e6)
}
