//! `updraft events`.

use std::fmt::Write as _;
use std::time::Duration;

use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::api::{ApiError, Client, Following};
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::output::raw;
use crate::runtime;
use crate::text::{clean, instant};

/// How long it takes until a lost stream is opened again; twice as long each time, up to the longest.
const AGAIN: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);

/// Shows what happened: rollouts, outcomes of updates, releases, devices; to operators also tokens and webhooks. With
/// --json and --follow each event is a line of its own.
#[derive(Debug, Args)]
pub(crate) struct Events {
    /// Go on showing what happens
    #[arg(long, short)]
    follow: bool,
    /// Only these kinds, such as rollout or deployment.failed
    #[arg(long, value_name = "TYPE", value_delimiter = ',')]
    types: Vec<String>,
    /// Only those of this rollout
    #[arg(long, value_name = "ID")]
    rollout: Option<String>,
    /// Only those after this one
    #[arg(long, value_name = "NUMBER")]
    after: Option<u64>,
    /// Look at so many of the latest
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// End after so many
    #[arg(long, value_name = "N", requires = "follow")]
    count: Option<usize>,
}

/// An event as the server tells it.
#[derive(Debug, Serialize, Deserialize)]
struct Event {
    id: i64,
    at: i64,
    #[serde(rename = "type")]
    kind: String,
    subject: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rollout_id: Option<String>,
    actor: String,
    #[serde(default)]
    detail: Value,
}

#[derive(Debug, Serialize, Deserialize)]
struct List {
    events: Vec<Event>,
    next: i64,
    more: bool,
}

impl Events {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        runtime::client(async {
            let client = context.client()?;
            let types = self.types.join(",");
            let mut query: Vec<(&str, &str)> = Vec::new();
            if !types.is_empty() {
                query.push(("types", &types));
            }
            if let Some(rollout) = &self.rollout {
                query.push(("rollout", rollout));
            }
            if self.follow {
                return self.follow(context, &client, &query).await;
            }
            let (after, limit) = (
                self.after.map(|after| after.to_string()),
                self.limit.to_string(),
            );
            query.push(("limit", &limit));
            if let Some(after) = &after {
                query.push(("after", after));
            }
            let list: List = client.get(&["api", "events", "list"], &query).await?;
            context.output.data(&list, |list| {
                list.events.iter().map(line).collect::<String>()
            })?;
            if list.more {
                let next = list.next;
                context
                    .output
                    .note(&format!("there are more: --after {next}"));
            }
            Ok(Exit::Ok)
        })
    }

    async fn follow(
        &self,
        context: &Context,
        client: &Client,
        query: &[(&str, &str)],
    ) -> Result<Exit, Failure> {
        let mut left = self.count.unwrap_or(usize::MAX);
        let mut last = self.after.map(|after| after.to_string());
        let mut pause = AGAIN;
        while left > 0 {
            match client
                .follow(&["api", "events"], query, last.as_deref())
                .await
            {
                Ok(mut following) => {
                    context.output.note("following; Ctrl-C ends it");
                    pause = AGAIN;
                    show(context, &mut following, &mut last, &mut left).await?;
                }
                // It is asked again where that may help: a server that starts anew, or one with too many streams.
                Err(ApiError::Refused { status, body }) if !status.is_server_error() => {
                    return Err(ApiError::Refused { status, body }.into());
                }
                Err(error) => context.output.note(&format!("{error}; trying again")),
            }
            if left > 0 {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST);
            }
        }
        Ok(Exit::Ok)
    }
}

/// Shows what comes until the stream ends.
async fn show(
    context: &Context,
    following: &mut Following,
    last: &mut Option<String>,
    left: &mut usize,
) -> Result<(), Failure> {
    while *left > 0 {
        let frame = match following.next().await {
            Ok(Some(frame)) => frame,
            Ok(None) => return Ok(()),
            Err(error) => {
                context.output.note(&error.to_string());
                return Ok(());
            }
        };
        if frame.id.is_some() {
            *last = frame.id;
        }
        match frame.event.as_str() {
            "end" => context
                .output
                .note(&format!("the server ends the stream: {}", frame.data)),
            "gap" => context.output.warn(&format!(
                "events were forgotten before they were seen: {}",
                frame.data
            )),
            _ => {
                let Ok(event) = serde_json::from_str::<Event>(&frame.data) else {
                    continue;
                };
                let text = if context.output.is_json() {
                    // One line each: what follows has no end to close a document with.
                    format!("{}\n", frame.data)
                } else {
                    line(&event)
                };
                raw(text.as_bytes())?;
                *left -= 1;
            }
        }
    }
    Ok(())
}

fn line(event: &Event) -> String {
    let mut text = format!(
        "{} {:>6} {:<22} {} by {}",
        instant(event.at),
        event.id,
        clean(&event.kind),
        clean(&event.subject),
        clean(&event.actor)
    );
    if let Value::Object(detail) = &event.detail {
        for (name, value) in detail {
            let word = match value {
                Value::Null | Value::Object(_) | Value::Array(_) => continue,
                Value::String(word) if word.is_empty() => continue,
                Value::String(word) => clean(word),
                value => value.to_string(),
            };
            // Writing to a String cannot fail.
            let _ = write!(text, " {name}={word}");
        }
    }
    text.push('\n');
    text
}
