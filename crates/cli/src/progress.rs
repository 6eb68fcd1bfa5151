//! Progress on stderr: a bar on a terminal, a line now and then elsewhere.

use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::{Output, say};
use crate::settings::ProgressMode;
use crate::text::short_size;

/// Plain lines come every tenth of the way: enough to see that it moves, few enough for a log.
const PLAIN_STEPS: u64 = 10;

/// The bar's looks, after what flashing tools show.
const TEMPLATE: &str = "{msg} {percent:>3}% [{bar:30}] {binary_bytes}/{binary_total_bytes} at {binary_bytes_per_sec}, {eta} left";

/// How progress is really shown, once the terminal has been looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Bar,
    Plain,
    Nothing,
}

fn shown(mode: ProgressMode, output: Output) -> Shown {
    let terminal = std::io::stderr().is_terminal();
    // A CI log is sometimes a pseudo-terminal, where a bar becomes a thousand lines.
    let person = terminal && std::env::var_os("CI").is_none();
    match mode {
        ProgressMode::None => Shown::Nothing,
        ProgressMode::Auto if output.is_json() || output.is_quiet() => Shown::Nothing,
        ProgressMode::Auto if person => Shown::Bar,
        // A bar needs a terminal to redraw itself on, even when it was asked for.
        ProgressMode::Bar if terminal => Shown::Bar,
        ProgressMode::Auto | ProgressMode::Bar | ProgressMode::Plain => Shown::Plain,
    }
}

/// Whether a bar may be drawn.
pub(crate) fn wants_bar(mode: ProgressMode, output: Output) -> bool {
    shown(mode, output) == Shown::Bar
}

/// Bytes on their way.
#[derive(Debug)]
pub(crate) struct Transfer {
    what: String,
    total: u64,
    done: AtomicU64,
    plain: bool,
    bar: Option<ProgressBar>,
}

impl Transfer {
    /// Begins to show a transfer of `total` bytes.
    pub(crate) fn begin(mode: ProgressMode, output: Output, what: &str, total: u64) -> Self {
        let shown = shown(mode, output);
        let bar = (shown == Shown::Bar).then(|| {
            let style = ProgressStyle::with_template(TEMPLATE)
                .unwrap_or_else(|_| ProgressStyle::default_bar())
                .progress_chars("=> ");
            ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr())
                .with_style(style)
                .with_message(what.to_owned())
        });
        Self {
            what: what.to_owned(),
            total,
            done: AtomicU64::new(0),
            plain: shown == Shown::Plain,
            bar,
        }
    }

    /// So many bytes more.
    pub(crate) fn advance(&self, bytes: u64) {
        let before = self.done.fetch_add(bytes, Ordering::Relaxed);
        if let Some(bar) = &self.bar {
            bar.inc(bytes);
        }
        let step = |done: u64| done * PLAIN_STEPS / self.total.max(1);
        let after = before + bytes;
        if self.plain && step(after) > step(before) {
            say(&format!(
                "{}: {} of {} ({} %)",
                self.what,
                short_size(after),
                short_size(self.total),
                after * 100 / self.total.max(1)
            ));
        }
    }

    /// Clears the bar, so that the result stands alone.
    pub(crate) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        self.end();
    }
}
