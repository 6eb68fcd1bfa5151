//! `conformance FILE`: runs ESP-IDF's otadata vectors against our bootloader and otadata code.
//!
//! FILE is the JSON, or the JSON compressed with gzip. Prints the first cases that differ, then
//! `agree/total`; exits 1 if any differs, 2 if FILE cannot be used.

use std::error::Error;
use std::io::Read;
use std::process::ExitCode;

use updraft_virtual_device::conformance::{Report, run_all};

/// Differences printed in full: enough to see a pattern.
const SHOWN: usize = 5;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let (Some(file), None) = (args.next(), args.next()) else {
        eprintln!("usage: conformance FILE");
        return ExitCode::from(2);
    };
    match run(file.as_ref()) {
        Ok(report) => {
            for difference in report.differences.iter().take(SHOWN) {
                println!("{difference}");
            }
            println!("{}/{}", report.agree(), report.total);
            ExitCode::from(u8::from(!report.differences.is_empty()))
        }
        Err(error) => {
            eprintln!("{}: {error}", file.display());
            ExitCode::from(2)
        }
    }
}

fn run(path: &std::path::Path) -> Result<Report, Box<dyn Error>> {
    let mut json = std::fs::read(path)?;
    // gzip begins with 1f 8b, JSON never does.
    if json.starts_with(&[0x1F, 0x8B]) {
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(json.as_slice()).read_to_end(&mut plain)?;
        json = plain;
    }
    Ok(run_all(&json)?)
}
