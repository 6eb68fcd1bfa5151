//! `updraft audit`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::output::raw;
use crate::runtime;
use crate::settings::Span;
use crate::text::{clean, instant};

/// Records asked for at a time.
const PAGE: usize = 1000;

/// Prints the audit record: who changed what, when, and what it was before, the oldest first. It is printed as it comes,
/// however long it is.
#[derive(Debug, Args)]
pub(crate) struct Audit {
    /// Only from this time on: 2026-01-31, 2026-01-31T12:00:00Z, or how long ago, such as 7d
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<i64>,
    /// Only before this time
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<i64>,
    /// Only this action, such as rollout.trip, or all that begin so, such as rollout
    #[arg(long, value_name = "ACTION")]
    action: Option<String>,
    /// Only what this token's name, device or server did
    #[arg(long, value_name = "WHO")]
    actor: Option<String>,
    /// Only what was done to this, such as a rollout's id
    #[arg(long, value_name = "ID")]
    subject: Option<String>,
    /// Print comma-separated values with a head
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

/// Who did what to what, and when.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    id: String,
    at: i64,
    actor: String,
    action: String,
    subject: String,
    detail: Value,
}

/// How records are written.
#[derive(Debug, Clone, Copy)]
enum Form {
    Text,
    Csv,
    Json,
}

impl Audit {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let form = match (context.output.is_json(), self.csv) {
            (true, _) => Form::Json,
            (false, true) => Form::Csv,
            (false, false) => Form::Text,
        };
        runtime::client(async {
            let client = context.client()?;
            let limit = PAGE.to_string();
            let times = [self.since, self.until].map(|time| time.map(|time| time.to_string()));
            let [since, until] = &times;
            let mut after = String::new();
            let mut is_first = true;
            loop {
                let mut query = vec![("limit", limit.as_str()), ("after", after.as_str())];
                for (name, value) in [
                    ("since", since),
                    ("until", until),
                    ("action", &self.action),
                    ("actor", &self.actor),
                    ("subject", &self.subject),
                ] {
                    if let Some(value) = value {
                        query.push((name, value));
                    }
                }
                let page: Vec<Record> = client.get(&["api", "audit"], &query).await?;
                if is_first {
                    raw(form.head().as_bytes())?;
                }
                for record in &page {
                    raw(form.line(record, is_first)?.as_bytes())?;
                    is_first = false;
                }
                match page.last() {
                    Some(last) if page.len() == PAGE => after.clone_from(&last.id),
                    _ => break,
                }
            }
            raw(form.foot().as_bytes())?;
            Ok(Exit::Ok)
        })
    }
}

impl Form {
    const fn head(self) -> &'static str {
        match self {
            Self::Text => "",
            Self::Csv => "id,time,actor,action,subject,detail\r\n",
            Self::Json => "{\n  \"schema_version\": 1,\n  \"records\": [",
        }
    }

    const fn foot(self) -> &'static str {
        match self {
            Self::Text | Self::Csv => "",
            Self::Json => "\n  ]\n}\n",
        }
    }

    fn line(self, record: &Record, is_first: bool) -> Result<String, Failure> {
        let (time, detail) = (instant(record.at), record.detail.to_string());
        Ok(match self {
            Self::Text => format!(
                "{time} {} {} {} {}\n",
                clean(&record.actor),
                clean(&record.action),
                clean(&record.subject),
                clean(&detail)
            ),
            Self::Csv => {
                let cells = [
                    &record.id,
                    &time,
                    &record.actor,
                    &record.action,
                    &record.subject,
                    &detail,
                ];
                cells.map(|cell| quoted(cell)).join(",") + "\r\n"
            }
            Self::Json => {
                let comma = if is_first { "" } else { "," };
                let record = serde_json::to_string(record).map_err(|error| {
                    Failure::new(
                        Exit::Unexpected,
                        "json",
                        format!("a record cannot be written as JSON: {error}"),
                    )
                })?;
                format!("{comma}\n    {record}")
            }
        })
    }
}

/// A cell by RFC 4180: in quotes, with the quotes in it doubled.
fn quoted(cell: &str) -> String {
    format!("\"{}\"", cell.replace('"', "\"\""))
}

/// A day, a time, or how long ago, as Unix seconds.
fn moment(text: &str) -> Result<i64, String> {
    let seconds = |time: SystemTime| {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        since.as_secs().cast_signed()
    };
    let day = format!("{text}T00:00:00Z");
    for written in [text, &day] {
        if let Ok(time) = humantime::parse_rfc3339_weak(written) {
            return Ok(seconds(time));
        }
    }
    let ago: Span = text.parse().map_err(|_| {
        format!("{text:?} is no time: write 2026-01-31, 2026-01-31T12:00:00Z, or how long ago, such as 7d")
    })?;
    let now = Duration::from_secs(seconds(SystemTime::now()).unsigned_abs());
    let then = now.saturating_sub(ago.0);
    Ok(then.as_secs().cast_signed())
}

#[cfg(test)]
mod tests {
    use super::{moment, quoted};

    #[test]
    fn times_are_days_instants_or_spans() {
        assert_eq!(moment("1970-01-02"), Ok(86_400));
        assert_eq!(moment("1970-01-01T00:01:00Z"), Ok(60));
        let (week, day) = (moment("7d").unwrap(), moment("1d").unwrap());
        assert!((6 * 86_400 - 5..6 * 86_400 + 5).contains(&(day - week)));
        assert!(moment("yesterday").is_err());
    }

    #[test]
    fn cells_hold_what_they_hold() {
        assert_eq!(quoted("a \"b\",\nc"), "\"a \"\"b\"\",\nc\"");
    }
}
