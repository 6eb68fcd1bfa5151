//! `updraft rollout`: give a release to devices in stages that judge themselves.

mod advance;
mod create;
mod halt;
mod list;
mod made_up;
mod note;
mod parse;
mod plan;
mod preview;
mod rehearse;
mod rehearsed;
mod show;
mod start;
mod view;
mod watch;

use clap::Subcommand;

use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::runtime;

/// Commands on rollouts.
#[derive(Debug, Subcommand)]
pub(crate) enum Rollout {
    /// Draft a rollout; nothing is offered before it is started
    Create(Box<create::Create>),
    /// Show what a rollout would do, counted
    Preview(preview::Preview),
    /// Run a plan in virtual time: how long, what load, and how soon a bad release is caught
    Rehearse(Box<rehearse::Rehearse>),
    /// Start a rollout
    Start(start::Start),
    /// Offer nothing more for a while
    Pause(note::Note),
    /// Go on with a paused or halted rollout; a halted one wants a note
    Resume(note::Note),
    /// Open the next stage of a rollout that waits for a second person
    Approve(note::Note),
    /// Open the next stage
    Advance(advance::Advance),
    /// Stop a rollout as if it had tripped
    Halt(halt::Halt),
    /// End a rollout and drop what was offered
    Cancel(note::Note),
    /// Halt a rollout and stop those that download or hold its image
    Revoke(note::Note),
    /// Take the confirmed devices of a rollout back to the last good release
    Rollback(note::Note),
    /// Let devices that failed try again
    Retry(note::Note),
    /// Show a rollout, its stages and what it waits for
    Show(show::Show),
    /// List rollouts
    List(list::List),
    /// Follow a rollout to its end
    Watch(watch::Watch),
}

impl Rollout {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        runtime::client(async {
            match self {
                Self::Create(command) => command.run(context).await,
                Self::Preview(command) => command.run(context).await,
                Self::Rehearse(command) => command.run(context).await,
                Self::Start(command) => command.run(context).await,
                Self::Pause(command) => command.run(context, "pause").await,
                Self::Resume(command) => command.run(context, "resume").await,
                Self::Approve(command) => command.run(context, "approve").await,
                Self::Advance(command) => command.run(context).await,
                Self::Halt(command) => command.run(context).await,
                Self::Cancel(command) => command.run(context, "cancel").await,
                Self::Revoke(command) => command.run(context, "revoke").await,
                Self::Rollback(command) => command.run(context, "rollback").await,
                Self::Retry(command) => command.run(context, "retry").await,
                Self::Show(command) => command.run(context).await,
                Self::List(command) => command.run(context).await,
                Self::Watch(command) => command.run(context).await,
            }
        })
    }
}
