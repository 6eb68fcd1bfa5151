//! How a failure reaches the user: an exit code, a stable code, a sentence, and what to do about it.
//!
//! Each part of the program has an error type of its own and turns it into a [`Failure`] where a command
//! ends; only this module knows how a failure is written.

use std::borrow::Cow;
use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::exit::Exit;
use crate::output::say;
use crate::text::clean;

/// A command's failure, ready to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// What the process returns.
    pub(crate) exit: Exit,
    /// The stable `snake_case` code.
    pub(crate) code: Cow<'static, str>,
    /// What went wrong, naming the input and the limit.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) hint: Option<String>,
    /// Where in a file it went wrong, if that is what it is about.
    pub(crate) place: Option<Box<Place>>,
}

/// Where in an image the fault lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Place {
    /// Byte offset in the file.
    pub(crate) offset: u32,
    /// What was there.
    pub(crate) found: String,
    /// What should have been there.
    pub(crate) expected: String,
}

impl Failure {
    /// A failure without a hint.
    pub(crate) fn new(
        exit: Exit,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            exit,
            code: code.into(),
            message: message.into(),
            hint: None,
            place: None,
        }
    }

    /// The same with what to do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Writes the failure to stderr: one JSON document, or lines for a person.
    pub(crate) fn report(&self, json: bool) {
        let text = if json { self.json() } else { self.lines() };
        say(text.trim_end());
    }

    fn json(&self) -> String {
        #[derive(Serialize)]
        struct Document<'a> {
            error: Body<'a>,
        }
        #[derive(Serialize)]
        struct Body<'a> {
            code: &'a str,
            message: &'a str,
            hint: Option<&'a str>,
            #[serde(flatten)]
            place: Option<&'a Place>,
            exit_code: u8,
        }
        let document = Document {
            error: Body {
                code: &self.code,
                message: &self.message,
                hint: self.hint.as_deref(),
                place: self.place.as_deref(),
                exit_code: self.exit as u8,
            },
        };
        // Strings and numbers under fixed keys always serialise.
        serde_json::to_string(&document).unwrap_or_default() + "\n"
    }

    fn lines(&self) -> String {
        let red = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
        let cyan = Style::new().fg_color(Some(AnsiColor::Cyan.into()));
        let mut text = String::new();
        let mut line = |style: Style, label: &str, value: &str| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{style}{label}{style:#}: {}", clean(value));
        };
        line(red, &format!("error[{}]", self.code), &self.message);
        if let Some(place) = &self.place {
            line(
                cyan,
                "      at",
                &format!("byte {0} ({0:#x})", place.offset),
            );
            line(cyan, "   found", &place.found);
            line(cyan, "expected", &place.expected);
        }
        if let Some(hint) = &self.hint {
            line(cyan, "help", hint);
        }
        text
    }
}
