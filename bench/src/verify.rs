//! Image verification against OpenSSL's SHA-256: what `cargo bench -p updraft-image` prints.

use std::path::Path;

use tokio::process::Command;

use crate::figure::{Aim, Figure, Quantity};
use crate::{Result, command};

pub(crate) async fn measure() -> Result<Vec<Figure>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut bench = Command::new(cargo);
    bench
        .args([
            "bench",
            "--quiet",
            "-p",
            "updraft-image",
            "--bench",
            "verify",
        ])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    let text = command::output(&mut bench).await?;
    let value = |name: &str| -> Option<Quantity> {
        let (_, rest) = text
            .lines()
            .find_map(|line| line.split_once(' ').filter(|(first, _)| *first == name))?;
        let value = rest.strip_suffix(" MB/s")?.parse().ok()?;
        Some(Quantity {
            value,
            unit: "MB/s",
        })
    };
    let openssl = value("openssl_sha256_16k");
    Ok(vec![Figure {
        what: "image verification, 16 KiB blocks".to_owned(),
        ours: value("verify_streamed_16k").ok_or_else(|| format!("the bench said: {text}"))?,
        peer: openssl.map(|peer| ("openssl speed sha256", peer)),
        aim: Aim::RatioAtLeast(0.9),
        how: match openssl {
            Some(_) => "structure, checksum and SHA-256 of a 4 MiB image as it arrives, one core; OpenSSL hashes only",
            None => "openssl is not installed: no peer (Debian: apt-get install openssl)",
        }
        .to_owned(),
    }])
}
