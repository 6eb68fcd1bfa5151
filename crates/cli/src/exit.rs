//! What the process says to whoever called it: one number, documented and never reused.

use std::fmt::Write as _;

/// The exit codes. They are part of the command line's contract: a script may rely on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Done, or already so.
    Ok = 0,
    /// Something this program did not expect: a bug, a full disk, a server's own failure.
    Unexpected = 1,
    /// The command line was wrong.
    Usage = 2,
    /// The configuration or the token was wrong.
    Config = 3,
    /// What was named does not exist.
    NotFound = 4,
    /// There was nothing to do.
    NothingToDo = 5,
    /// Refused by a rule: an invalid image, other bytes under a published version, a downgrade.
    Refused = 6,
    /// A device or a rollout failed.
    Failed = 7,
    /// A device went back to what it ran before.
    RolledBack = 8,
    /// The other side could not be reached or did not answer in time.
    Unreachable = 9,
    /// Some of it worked and some did not.
    Partial = 10,
    /// Interrupted from the keyboard.
    Interrupted = 130,
}

impl Exit {
    /// Every code, in order.
    const ALL: [Self; 12] = [
        Self::Ok,
        Self::Unexpected,
        Self::Usage,
        Self::Config,
        Self::NotFound,
        Self::NothingToDo,
        Self::Refused,
        Self::Failed,
        Self::RolledBack,
        Self::Unreachable,
        Self::Partial,
        Self::Interrupted,
    ];

    /// What the code means, for the help text.
    const fn meaning(self) -> &'static str {
        match self {
            Self::Ok => "done, or already so",
            Self::Unexpected => "unexpected failure",
            Self::Usage => "the command line is wrong",
            Self::Config => "configuration or token is missing or wrong",
            Self::NotFound => "what was named does not exist",
            Self::NothingToDo => "there was nothing to do",
            Self::Refused => "refused by a rule, or an invalid image",
            Self::Failed => "a device or a rollout failed",
            Self::RolledBack => "a device rolled back",
            Self::Unreachable => "timed out, or the other side is offline",
            Self::Partial => "some of it worked, some did not",
            Self::Interrupted => "interrupted",
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// The text under `updraft --help`.
pub(crate) fn help() -> String {
    let mut text = String::from("Exit codes:\n");
    for exit in Exit::ALL {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {:>3}  {}", exit as u8, exit.meaning());
    }
    text.push_str(
        "\nSettings come from the flag, the environment (UPDRAFT_...), updraft.toml in the project, \
         updraft/config.toml in the user's configuration folder, and the default, in this order. \
         Data goes to stdout, everything else to stderr.",
    );
    text
}
