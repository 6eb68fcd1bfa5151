//! The Python that runs the independent side. It needs nothing but its standard library.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A command that runs Python with these arguments; `None` where there is none, which only CI does not accept.
pub(crate) fn python(arguments: &[&str]) -> Option<Command> {
    if let Err(error) = Command::new("python3").arg("--version").output() {
        assert_ne!(
            std::env::var("CI").as_deref(),
            Ok("true"),
            "python3: {error}"
        );
        println!("skipped: python3 did not start: {error}");
        return None;
    }
    let mut command = Command::new("python3");
    command.args(arguments);
    Some(command)
}

/// The espota client, which the command line's tests share.
pub(crate) fn client() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../cli/tests/espota/client.py")
}
