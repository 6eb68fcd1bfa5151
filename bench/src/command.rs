//! Running other programs.

use std::path::PathBuf;
use std::process::Stdio;

use tokio::process::Command;

use crate::Result;

/// Where Debian keeps what only root runs; not in everybody's PATH.
const SBIN: &str = "/usr/sbin";

/// The program's path, if it is installed.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([SBIN.into()])
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// What is missing of these programs, in words.
pub(crate) fn missing(programs: &[&str]) -> Option<String> {
    let missing: Vec<&str> = programs
        .iter()
        .copied()
        .filter(|program| find(program).is_none())
        .collect();
    (!missing.is_empty()).then(|| {
        let names = missing.join(" and ");
        format!("{names} not installed (Debian: apt-get install nginx-light wrk)")
    })
}

/// Runs a program to its end and returns what it prints. It is killed if this is dropped.
pub(crate) async fn output(command: &mut Command) -> Result<String> {
    let program = command.as_std().get_program().to_owned();
    let program = program.to_string_lossy();
    let done = command
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| format!("{program}: {error}"))?;
    if !done.status.success() {
        let words = String::from_utf8_lossy(&done.stderr);
        return Err(format!("{program}: {}: {}", done.status, words.trim()).into());
    }
    Ok(String::from_utf8(done.stdout)?)
}
