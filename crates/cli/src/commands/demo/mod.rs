//! `updraft demo`.

mod stage;
mod story;
mod view;

use clap::Args;

use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::runtime;
use crate::signals::Signals;

/// Shows the whole of Updraft in one terminal: a server, a fleet of virtual devices, a good release that
/// everybody takes, and a bad one that everybody comes back from. Everything is on this machine, in a
/// temporary folder, and gone afterwards.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Leave when the story is told, instead of leaving the server up until Ctrl-C
    #[arg(long)]
    once: bool,
    /// How many virtual devices
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=5000))]
    devices: u16,
    /// How many times as fast as a clock the devices' time runs
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    speed: u32,
}

impl Demo {
    pub(crate) fn run(&self, context: &Context) -> Result<Exit, Failure> {
        runtime::service(self.perform(context))
    }

    async fn perform(&self, context: &Context) -> Result<Exit, Failure> {
        let mut signals = Signals::new()?;
        let stage = stage::Stage::set(usize::from(self.devices), self.speed).await?;
        let told = tokio::select! {
            told = story::tell(context, &stage) => told.map(Some),
            () = signals.next() => Ok(None),
        };
        if matches!(told, Ok(Some(_))) && !self.once {
            story::what_next(context, &stage);
            signals.next().await;
        }
        stage.clear().await;
        let Some(summary) = told? else {
            return Ok(Exit::Interrupted);
        };
        context.output.data(&summary, story::Summary::lines)?;
        Ok(Exit::Ok)
    }
}
