//! `updraft serve`.

pub(super) mod announce;
mod config;
pub(super) mod logging;
mod mqtt;

use clap::Args;
use updraft_server::{Server, StartError};

use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::runtime;
use crate::settings::ServeOptions;
use crate::signals::Signals;
use logging::LogFormat;

/// Runs the server until Ctrl-C or SIGTERM, then lets downloads finish; a second signal cuts them off.
///
/// UPDRAFT_ADMIN_TOKEN and UPDRAFT_ENROLMENT_KEY in the environment set the administrator's token and the
/// key devices enrol with; without them the first start makes them, and keeps them in the data folder in
/// files that only their owner can read.
#[derive(Debug, Args)]
#[expect(
    clippy::doc_markdown,
    reason = "these comments are shown on terminals, where backticks are noise"
)]
pub(crate) struct Serve {
    #[command(flatten)]
    options: ServeOptions,
    /// How log lines look (on stderr)
    #[arg(
        long,
        value_enum,
        value_name = "FORMAT",
        default_value = "text",
        env = "UPDRAFT_LOG_FORMAT"
    )]
    log_format: LogFormat,
    /// What is logged: a level, or levels by module (info,updraft_server=debug)
    #[arg(
        long,
        value_name = "FILTER",
        default_value = "info",
        env = "UPDRAFT_LOG"
    )]
    log: String,
}

impl Serve {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        logging::start(self.log_format, &self.log)?;
        let options = self.options.or(context.settings.serve.clone());
        let config = config::config(&options)?;
        let told = announce::Told::of(&config);
        runtime::service(async {
            // Listening for signals before connections: one that comes early must not kill a first start.
            let mut signals = Signals::new()?;
            let running = tokio::select! {
                started = Server::start(config) => started.map_err(|error| failure(&error))?,
                () = signals.next() => return Ok(Exit::Interrupted),
            };
            announce::announce(context, &told, &running)?;
            signals.next().await;
            context
                .output
                .note("shutting down once requests have finished; again to cut them off");
            tokio::select! {
                // What did not finish is in the log.
                _ = running.shutdown() => Ok(Exit::Ok),
                () = signals.next() => Ok(Exit::Interrupted),
            }
        })
    }
}

/// Why the server did not start, with what to do about it.
pub(super) fn failure(error: &StartError) -> Failure {
    let code = error.code();
    let hint = match code {
        "cannot_listen" => "is another program on that port? Choose another with --listen",
        "weak_secret" => "take a long random one, such as `openssl rand -base64 32` prints",
        "secret_file_failed" => "check that you may read and write the data folder",
        "data_dir_in_use" => "stop the other server first, or give this one a folder of its own",
        "bad_s3_credentials" => {
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a file with --s3-credentials-file"
        }
        "artifact_folder_failed" => "check that the folder is there, yours, and writable",
        "mqtt_cannot_listen" => {
            "is another broker on that port? Choose another with --mqtt-listen ADDR:PORT, use that broker with --mqtt mqtt://..., or do without with --mqtt off"
        }
        "mqtt_not_shared" | "bad_mqtt_url" | "bad_mqtt_group" | "bad_mqtt_certificates" => {
            "see --mqtt in updraft serve --help"
        }
        "disk_full" => "make room on the data folder's disk",
        "database_unavailable" => {
            "is PostgreSQL running there? Its password can be in PGPASSWORD or in ~/.pgpass"
        }
        "migration_failed" | "unreadable_row" => {
            "was this folder used by a newer version? Run that one, or take another folder"
        }
        _ => "check that the data folder is yours, and on a disk that works",
    };
    let exit = match error {
        // The folder, like the port, is another server's.
        _ if matches!(code, "data_dir_in_use" | "database_unavailable") => Exit::Config,
        StartError::Depot(_)
        | StartError::Listen { .. }
        | StartError::Secret { .. }
        | StartError::Mqtt(_)
        | StartError::WeakSecret { .. } => Exit::Config,
        _ => Exit::Unexpected,
    };
    Failure::new(exit, code, error.to_string()).hint(hint)
}
