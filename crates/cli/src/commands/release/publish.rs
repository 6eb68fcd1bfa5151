//! `updraft release publish FILE --type TYPE`.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use reqwest::Method;
use updraft_image::{Chip, Expect, Facts};
use updraft_protocol::api::{DeviceType, PromoteRequest, Release, ReleaseStatus};
use updraft_protocol::version::parse;
use updraft_protocol::{DeviceTypeName, Digest};

use super::promote::{STABLE, is_promoted};
use super::view::Outcome;
use crate::api::{Client, Published, Upload};
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::firmware::{inspect, refused};

/// Publishes a firmware image. It is checked here first, with the rules the server has, so that a bad file
/// is not sent. The version is the image's own. The same bytes published again are no error.
#[derive(Debug, Args)]
pub(crate) struct Publish {
    /// The app's .bin file
    file: PathBuf,
    /// The device type it is for, such as esp32c3; a new one comes into being with its first release
    #[arg(long = "type", value_name = "TYPE")]
    device_type: DeviceTypeName,
    /// The version the image must have; nothing is published if it has another
    #[arg(long)]
    version: Option<String>,
    /// The tag it was built from, such as v1.2.3; nothing is published if the image has another version
    #[arg(long)]
    tag: Option<String>,
    /// Offer it only to devices whose channel points at it, not to all
    #[arg(long)]
    testing: bool,
    /// Point this channel at it
    #[arg(long, conflicts_with = "promote")]
    channel: Option<String>,
    /// Deploy it: point a channel at it, also if it was published before; stable, unless another is named
    #[arg(long, value_name = "CHANNEL", num_args = 0..=1, default_missing_value = STABLE)]
    promote: Option<String>,
    /// Devices install it at once, whatever their schedule
    #[arg(long)]
    required: bool,
    /// Which versions it can be installed over, such as ">=1.2, <2" [default: any]
    #[arg(long = "from", value_name = "VERSIONS")]
    from_versions: Option<String>,
    /// Devices below it must pass through it before they get anything newer
    #[arg(long)]
    stepping_stone: bool,
    /// What it is about
    #[arg(long, value_name = "TEXT", conflicts_with = "notes_file")]
    notes: Option<String>,
    /// A file that says what it is about
    #[arg(long, value_name = "FILE")]
    notes_file: Option<PathBuf>,
    /// The SHA-256 the file must have; nothing is published if it has another
    #[arg(long, value_name = "HEX")]
    sha256: Option<Digest>,
}

impl Publish {
    pub(crate) async fn run(&self, context: &Context) -> Result<Exit, Failure> {
        let notes = self.notes()?;
        let client = context.client()?;
        // Asked before the file is sent: a wrong token shows now, and so does a wrong chip or size.
        let known = client.device_type(self.device_type.as_str()).await?;
        let facts = self.check(known.as_ref())?;
        let mut published = self.send(context, &client, &facts, &notes).await?;
        published.release = self.deploy(&client, published.release).await?;
        self.report(context, published)
    }

    /// Sees that the channel points at the release. A new one came with that; one that was there already did not.
    async fn deploy(&self, client: &Client, release: Release) -> Result<Release, Failure> {
        let Some(channel) = &self.promote else {
            return Ok(release);
        };
        let channels = client.channels(Some(release.device_type.as_str())).await?;
        if is_promoted(&release, channel, &channels) {
            return Ok(release);
        }
        let request = PromoteRequest {
            channel: channel.clone(),
        };
        let path = ["api", "releases", &release.id, "promote"];
        Ok(client.send(Method::POST, &path, &request).await?)
    }

    fn notes(&self) -> Result<String, Failure> {
        let Some(path) = &self.notes_file else {
            return Ok(self.notes.clone().unwrap_or_default());
        };
        fs::read_to_string(path).map_err(|error| {
            Failure::new(
                Exit::Unexpected,
                "file_unreadable",
                format!("cannot read {}: {error}", path.display()),
            )
            .hint("the notes must be a text file in UTF-8")
        })
    }

    /// Every rule that can be checked without sending the file.
    fn check(&self, known: Option<&DeviceType>) -> Result<Facts, Failure> {
        let expect = Expect {
            // A type named after a chip takes that chip only; any other, the chip of its first release.
            chip: known
                .map_or(self.device_type.as_str(), |known| &known.chip)
                .parse::<Chip>()
                .ok(),
            max_size: known.map(|known| known.slot_size),
            ..Expect::new()
        };
        let facts = inspect(&self.file, expect)?
            .verdict
            .map_err(|fault| refused(&self.file, &fault))?;
        let actual = Digest(facts.file_sha256);
        if let Some(wanted) = self.sha256.filter(|wanted| *wanted != actual) {
            return Err(self.contradiction(
                "checksum_mismatch",
                "SHA-256",
                &actual.to_string(),
                &wanted.to_string(),
            ));
        }
        let own = facts
            .head
            .app
            .version()
            .map_err(|fault| refused(&self.file, &fault))?;
        let version = parse(own).map_err(|error| {
            Failure::new(
                Exit::Refused,
                "invalid_version",
                format!("{}: the image's version is no release's: {error}", self.file.display()),
            )
            .hint("set the version in the firmware's build (ESP-IDF: PROJECT_VER or version.txt) and build again")
        })?;
        for wanted in self.version.iter().chain(&self.tag) {
            if parse(wanted).as_ref() != Ok(&version) {
                return Err(self.contradiction("version_mismatch", "version", own, wanted));
            }
        }
        Ok(facts)
    }

    fn contradiction(&self, code: &'static str, what: &str, found: &str, wanted: &str) -> Failure {
        let file = self.file.display();
        Failure::new(
            Exit::Refused,
            code,
            format!("{file} has {what} {found}, and not {wanted} as was asked for"),
        )
        .hint("publish the file that was meant, or leave the option out")
    }

    async fn send(
        &self,
        context: &Context,
        client: &Client,
        facts: &Facts,
        notes: &str,
    ) -> Result<Published, Failure> {
        let upload = Upload {
            file: &self.file,
            size: facts.size,
            sha256: Digest(facts.file_sha256),
            device_type: &self.device_type,
            version: facts.head.app.version().unwrap_or_default(),
            notes,
            status: self.status(),
            channel: self.channel.as_deref().or(self.promote.as_deref()),
            required: self.required,
            from_versions: self.from_versions.as_deref(),
            stepping_stone: self.stepping_stone,
        };
        let name = self.file.file_name().unwrap_or_default().to_string_lossy();
        let what = crate::text::clean(&format!("publishing {name}"));
        let transfer = Arc::new(context.transfer(&what, facts.size.into()));
        let published = client.publish(&upload, Arc::clone(&transfer)).await;
        transfer.end();
        Ok(published?)
    }

    fn status(&self) -> ReleaseStatus {
        if self.testing {
            ReleaseStatus::Testing
        } else {
            ReleaseStatus::Stable
        }
    }

    fn report(&self, context: &Context, published: Published) -> Result<Exit, Failure> {
        let Published { release, created } = published;
        let differs = release.status != self.status();
        let outcome = Outcome {
            outcome: if created {
                "published"
            } else {
                "already_published"
            },
            release,
        };
        context.output.data(&outcome, |done| {
            let Release { status, id, .. } = &done.release;
            let promoted = self.promote.as_ref().map_or(String::new(), |channel| {
                format!("; {channel} points at it now")
            });
            if created {
                done.line(&format!("published as {status}, id {id}{promoted}"))
            } else {
                done.line(&format!(
                    "already published, same bytes; it is {status}, id {id}{promoted}"
                ))
            }
        })?;
        if !created && differs && self.promote.is_none() {
            context.output.note(
                "its status stays as it is; change it with: updraft release promote TYPE VERSION",
            );
        }
        Ok(Exit::Ok)
    }
}
