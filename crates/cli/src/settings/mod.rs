//! Where settings come from: the flag, the environment, the project's file, the user's file, the default.

mod deliveries;
mod file;
mod serve;
mod span;
mod token;

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde::Deserialize;

use crate::error::Failure;
use crate::exit::Exit;
use file::Configuration;
pub(crate) use serve::ServeOptions;
pub(crate) use span::Span;
pub(crate) use token::Secret;

/// Where `updraft serve` listens when nobody says: this machine only, on the port of seed 004's orchestrator.
pub(crate) const DEFAULT_LISTEN: ([u8; 4], u16) = ([127, 0, 0, 1], 8080);

/// Where a server is looked for when nobody says: where it listens when nobody says.
pub(crate) const DEFAULT_SERVER: &str = "http://127.0.0.1:8080";

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ProgressMode {
    /// A bar on a terminal, plain lines elsewhere, nothing with --json or --quiet
    #[default]
    Auto,
    /// A bar, if there is a terminal
    Bar,
    /// A line now and then
    Plain,
    /// Nothing
    None,
}

/// The options every command takes.
#[derive(Debug, Args)]
#[expect(
    clippy::doc_markdown,
    reason = "these comments are shown on terminals, where backticks are noise"
)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalArgs {
    /// Print one JSON document on stdout, and errors as JSON on stderr
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Say nothing on stderr but warnings and errors
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// How to show progress (on stderr) [default: auto]
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "HOW",
        env = "UPDRAFT_PROGRESS",
        hide_env = true
    )]
    progress: Option<ProgressMode>,
    /// The server to talk to [default: this machine, port 8080] [env: UPDRAFT_SERVER]
    #[arg(long, global = true, value_name = "URL")]
    server: Option<String>,
    /// The token to show the server; other users may see it in the process list, so prefer a file
    /// [env: UPDRAFT_TOKEN]
    #[arg(long, global = true, value_name = "TOKEN")]
    token: Option<String>,
    /// A file with the token, readable by its owner only [env: UPDRAFT_TOKEN_FILE]
    #[arg(long, global = true, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// The configuration file, instead of the project's and the user's [env: UPDRAFT_CONFIG]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// The configuration is wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    /// A file named by the user cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        path: PathBuf,
        source: std::io::Error,
    },
    /// The configuration file is not what it should be.
    #[error("{}: {message}", path.display())]
    Invalid { path: PathBuf, message: String },
    /// A file with a secret can be read by others.
    #[error("{} can be read by others (mode {mode:03o}); a token file must belong to its owner alone", path.display())]
    Permissions { path: PathBuf, mode: u32 },
    /// The token could not stand in a header.
    #[error("{origin} holds no token: a token is one line of 1 to 512 visible characters")]
    NotAToken { origin: String },
}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        let (code, hint) = match &error {
            SettingsError::Unreadable { .. } => (
                "config_unreadable",
                "check the path, and that you may read it".to_owned(),
            ),
            SettingsError::Invalid { .. } => (
                "config_invalid",
                "the keys are server, token_file and progress, and under [serve] the flags of `updraft serve` with _ for -".to_owned(),
            ),
            SettingsError::Permissions { path, .. } => (
                "token_file_permissions",
                format!("run: chmod 600 {}", path.display()),
            ),
            SettingsError::NotAToken { .. } => (
                "token_invalid",
                "write the token, and nothing else, into the file or the variable".to_owned(),
            ),
        };
        Self::new(Exit::Config, code, error.to_string()).hint(hint)
    }
}

/// An environment variable; an empty one counts as not set.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Every setting, from wherever it came.
#[derive(Debug)]
pub(crate) struct Settings {
    /// The server's address.
    pub(crate) server: String,
    /// How to show progress.
    pub(crate) progress: ProgressMode,
    /// What files say about serving, the project's before the user's.
    pub(crate) serve: ServeOptions,
    token: Option<token::Origin>,
    push_token: Option<token::Origin>,
}

impl Settings {
    /// Puts the settings together. The token is not read before a command asks for it.
    pub(crate) fn load(args: &GlobalArgs) -> Result<Self, SettingsError> {
        let config = args
            .config
            .clone()
            .or_else(|| variable("UPDRAFT_CONFIG").map(PathBuf::from));
        let files = match config {
            Some(path) => vec![Configuration::read(&path)?],
            None => Configuration::find()?,
        };
        let server = args
            .server
            .clone()
            .or_else(|| variable("UPDRAFT_SERVER"))
            .or_else(|| files.iter().find_map(|file| file.server.clone()))
            .unwrap_or_else(|| DEFAULT_SERVER.to_owned());
        let progress = args
            .progress
            .or_else(|| files.iter().find_map(|file| file.progress))
            .unwrap_or_default();
        let flags = |variables| {
            let file = args.token_file.as_deref();
            token::Origin::choose(args.token.as_deref(), file, variables)
        };
        let token = flags(token::Variables::SERVER).or_else(|| {
            let named = |file: &Configuration| file.token_file.clone();
            files.iter().find_map(named).map(token::Origin::File)
        });
        let push_token = flags(token::Variables::PUSH);
        let serve = files
            .into_iter()
            .fold(ServeOptions::default(), |options, file| {
                options.or(file.serve)
            });
        Ok(Self {
            server,
            progress,
            serve,
            token,
            push_token,
        })
    }

    /// The token, if there is one anywhere.
    pub(crate) fn token(&self) -> Result<Option<Secret>, SettingsError> {
        self.token.as_ref().map(token::Origin::read).transpose()
    }

    /// The token for a device that is pushed to: from the flags or variables of its own, never the server's.
    pub(crate) fn push_token(&self) -> Result<Option<Secret>, SettingsError> {
        let origin = self.push_token.as_ref();
        origin.map(token::Origin::read).transpose()
    }
}

/// A path as written in a file: relative to that file's folder.
fn beside(file: &Path, path: &Path) -> PathBuf {
    file.parent().unwrap_or(Path::new("")).join(path)
}
