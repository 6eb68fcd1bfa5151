//! `make bench`: what Updraft does on this machine, each figure beside a named peer measured in the same run.
//!
//! Nothing is asserted: a figure below its aim is printed as one. The exit status says whether everything ran.
//! A peer that is not installed is named, and its lines are left out.

mod check_ins;
mod command;
mod decisions;
mod figure;
mod flash;
mod fleet;
mod goosebit;
mod http;
mod image;
mod latest;
mod memory;
mod nginx;
mod process;
mod rehearsal;
mod server;
mod throughput;
mod verify;
mod wrk;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};

use figure::{Figure, Report};
use server::{Release, Server};

/// What goes wrong in a bench is told to a person, who reads it once.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Prints Updraft's figures, each beside a named peer.
#[derive(Debug, Parser)]
#[command(name = "updraft-bench")]
struct Bench {
    /// Print one JSON document instead of a table
    #[arg(long)]
    json: bool,
    /// Measure these only
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<What>,
    /// Seconds of each of wrk's runs; there are six for each of its two figures
    #[arg(long, default_value_t = 5)]
    seconds: u32,
    /// Devices of the virtual fleet
    #[arg(long, default_value_t = 1000)]
    devices: u32,
    /// How many times as fast as a clock the fleet's time runs
    #[arg(long, default_value_t = 10)]
    speed: u32,
    /// The `updraft` to measure [default: the one beside this program]
    #[arg(long, value_name = "FILE")]
    updraft: Option<PathBuf>,
}

/// The figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    Latest,
    CheckIns,
    Download,
    Verify,
    Memory,
    Fleet,
    Flash,
    Rehearsal,
    Decisions,
}

impl What {
    const fn needs_wrk(self) -> bool {
        matches!(self, Self::Latest | Self::CheckIns | Self::Download)
    }
}

fn main() -> ExitCode {
    let bench = Bench::parse();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(until_signalled(bench.run())),
        Err(error) => Err(error.into()),
    };
    // Everything that was started is gone by now: each ends, and removes its files, when it is dropped.
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn until_signalled<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        done = work => done,
        _ = tokio::signal::ctrl_c() => Err("interrupted".into()),
        _ = terminate.recv() => Err("terminated".into()),
    }
}

impl Bench {
    /// Measures and prints everything. Says whether all of it ran.
    async fn run(&self) -> Result<bool> {
        let updraft = match &self.updraft {
            Some(path) => path.clone(),
            None => std::env::current_exe()?.with_file_name("updraft"),
        };
        // Two thousand connections here, and as many in the server, which sees to its own.
        rlimit::increase_nofile_limit(1 << 16)?;
        let mut report = Report::default();
        for &what in What::value_variants() {
            if !self.only.is_empty() && !self.only.contains(&what) {
                continue;
            }
            if what.needs_wrk()
                && let Some(missing) = command::missing(&["nginx", "wrk"])
            {
                report.skip(what.name(), &missing);
                continue;
            }
            eprintln!("measuring: {}", what.name());
            // Boxed: it holds what every figure needs while it waits.
            match Box::pin(self.measure(what, &updraft)).await {
                Ok(figures) => report.add(figures),
                Err(error) => report.fail(what.name(), &error.to_string()),
            }
        }
        if self.json {
            println!("{}", serde_json::to_string_pretty(&report)?);
        } else {
            print!("{report}");
        }
        Ok(report.is_complete())
    }

    /// One figure, on a server of its own where it needs one: what was measured before leaves no trace.
    async fn measure(&self, what: What, updraft: &std::path::Path) -> Result<Vec<Figure>> {
        match what {
            What::Latest => {
                let server = Server::start(updraft).await?;
                server.publish(Release::Fixture).await?;
                latest::measure(&server, self.seconds).await
            }
            What::CheckIns => {
                let server = Server::start(updraft).await?;
                server.publish(Release::Fixture).await?;
                check_ins::measure(&server, self.seconds).await
            }
            What::Download => {
                let server = Server::start(updraft).await?;
                server.publish(Release::OneMib).await?;
                throughput::measure(&server, self.seconds).await
            }
            What::Verify => verify::measure().await,
            What::Decisions => decisions::measure(),
            What::Rehearsal => rehearsal::measure(),
            What::Memory => {
                let server = Server::start(updraft).await?;
                server.publish(Release::OneMib).await?;
                memory::measure(&server).await
            }
            What::Fleet => {
                let server = Server::start(updraft).await?;
                server.publish(Release::Fixture).await?;
                fleet::measure(&server, self.devices, self.speed).await
            }
            What::Flash => {
                let server = Server::start(updraft).await?;
                server.publish(Release::OneMib).await?;
                flash::measure(&server).await
            }
        }
    }
}

impl What {
    const fn name(self) -> &'static str {
        match self {
            Self::Latest => "GET latest",
            Self::CheckIns => "check-ins",
            Self::Download => "1 MiB download",
            Self::Verify => "image verification",
            Self::Memory => "memory with slow downloads",
            Self::Fleet => "virtual fleet",
            Self::Flash => "update on the modelled flash",
            Self::Decisions => "decisions",
            Self::Rehearsal => "rehearsal",
        }
    }
}
