//! Where words go: data to stdout, everything else to stderr.

use std::io::{self, ErrorKind, Write as _};

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::error::Failure;
use crate::exit::Exit;
use crate::text::clean;

/// Version of the JSON documents on stdout. It changes when a field is renamed, removed or given another
/// meaning, never when one is added.
const SCHEMA_VERSION: u32 = 1;

/// How this run speaks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    json: bool,
    quiet: bool,
}

impl Output {
    /// By the global options.
    pub(crate) const fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet }
    }

    /// Whether a program reads along.
    pub(crate) const fn is_json(self) -> bool {
        self.json
    }

    /// Whether only warnings and errors are wanted on stderr.
    pub(crate) const fn is_quiet(self) -> bool {
        self.quiet
    }

    /// The command's result: `body` as one JSON document, or what `people` makes of it.
    pub(crate) fn data<T: Serialize>(
        self,
        body: &T,
        people: impl FnOnce(&T) -> String,
    ) -> Result<(), Failure> {
        #[derive(Serialize)]
        struct Document<'a, T> {
            schema_version: u32,
            #[serde(flatten)]
            body: &'a T,
        }
        if !self.json {
            return raw(people(body).as_bytes());
        }
        let document = Document {
            schema_version: SCHEMA_VERSION,
            body,
        };
        let mut text = serde_json::to_vec_pretty(&document).map_err(|error| {
            Failure::new(
                Exit::Unexpected,
                "json",
                format!("the result cannot be written as JSON: {error}"),
            )
        })?;
        text.push(b'\n');
        raw(&text)
    }

    /// A remark for the person at the terminal.
    pub(crate) fn note(self, text: &str) {
        if !self.quiet && !self.json {
            say(&clean(text));
        }
    }

    /// Something that should not be overlooked. Said even with `--quiet`.
    pub(crate) fn warn(self, text: &str) {
        if self.json {
            let document = serde_json::json!({ "warning": { "message": text } });
            say(&document.to_string());
            return;
        }
        let style = Style::new().bold().fg_color(Some(AnsiColor::Yellow.into()));
        say(&format!("{style}warning{style:#}: {}", clean(text)));
    }
}

/// Writes a line to stderr, with its styles where those are wanted. Nobody is left to tell when that fails.
pub(crate) fn say(line: &str) {
    let _ = writeln!(anstream::stderr(), "{line}");
}

/// Writes to stdout. A reader that has seen enough, such as `head`, is no failure.
pub(crate) fn raw(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::new(
            Exit::Unexpected,
            "stdout",
            format!("cannot write to stdout: {error}"),
        )),
        _ => Ok(()),
    }
}
