//! How the demo looks: headings, and a bar for the fleet where there is a terminal.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::context::Context;
use crate::output::say;

/// The fleet's bar: how many are there, and what the others do.
const TEMPLATE: &str = "  [{bar:40.green/dim}] {pos}/{len}  {msg}";

/// The fleet on its way to one release.
pub(crate) struct FleetBar<'a> {
    context: &'a Context,
    bar: Option<ProgressBar>,
    total: usize,
    shown: String,
    shown_at: Option<Instant>,
}

/// Plain lines come at most this often: a log is read later, by somebody with less patience.
const PLAIN_EVERY: Duration = Duration::from_secs(1);

impl<'a> FleetBar<'a> {
    /// A bar for `total` devices, at none of them.
    pub(crate) fn new(context: &'a Context, total: usize) -> Self {
        let bar = context.wants_bar().then(|| {
            let style = ProgressStyle::with_template(TEMPLATE)
                .unwrap_or_else(|_| ProgressStyle::default_bar())
                .progress_chars("━╸─");
            ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr())
                .with_style(style)
        });
        Self {
            context,
            bar,
            total,
            shown: String::new(),
            shown_at: None,
        }
    }

    /// `done` devices are there; `words` say what the others do.
    pub(crate) fn show(&mut self, done: usize, words: &str) {
        if let Some(bar) = &self.bar {
            bar.set_position(done as u64);
            bar.set_message(words.to_owned());
            return;
        }
        let line = format!("  {done}/{}  {words}", self.total);
        let early = self.shown_at.is_some_and(|at| at.elapsed() < PLAIN_EVERY);
        if line != self.shown && (done == self.total || !early) {
            self.context.output.note(&line);
            self.shown = line;
            self.shown_at = Some(Instant::now());
        }
    }
}

impl Drop for FleetBar<'_> {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.abandon();
            // The bar leaves the cursor at its end.
            say("");
        }
    }
}

/// Begins a chapter.
pub(crate) fn heading(context: &Context, text: &str) {
    if !context.output.is_json() && !context.output.is_quiet() {
        let bold = anstyle::Style::new().bold();
        say(&format!("\n{bold}{text}{bold:#}"));
    }
}
