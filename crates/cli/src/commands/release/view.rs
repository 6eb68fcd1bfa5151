//! How a release looks.

use serde::Serialize;
use updraft_protocol::api::Release;

use crate::table::Details;
use crate::text::{NONE, instant, size};

/// What a command that changes a release prints.
#[derive(Debug, Serialize)]
pub(super) struct Outcome {
    /// What was done, such as `promoted` or `already_promoted`.
    pub(super) outcome: &'static str,
    /// The release as it is now.
    pub(super) release: Release,
}

impl Outcome {
    /// One line for people.
    pub(super) fn line(&self, text: &str) -> String {
        let Release {
            device_type,
            version,
            ..
        } = &self.release;
        crate::text::clean(&format!("{device_type} {version}: {text}")) + "\n"
    }
}

/// Everything about a release, for people.
pub(super) fn details(release: &Release, channels: &[String]) -> String {
    let mut details = Details::new();
    let or_none = |text: &str| if text.is_empty() { NONE } else { text }.to_owned();
    details.line("id", &release.id);
    details.line("device type", release.device_type.as_str());
    details.line("version", &release.version);
    details.line("status", release.status.as_str());
    details.line("channels", or_none(&channels.join(", ")));
    details.line("blocked", release.blocked.as_deref().unwrap_or("no"));
    details.line("required", yes_no(release.required));
    details.line(
        "installs over",
        release.from_versions.as_deref().unwrap_or("any version"),
    );
    details.line("stepping stone", yes_no(release.stepping_stone));
    details.line("ever offered", yes_no(release.offered));
    details.line("description", or_none(&release.description));
    details.line("chip", &release.chip);
    details.line("project", or_none(&release.project));
    details.line("size", size(release.size));
    details.line("sha256", release.sha256.to_string());
    details.line("elf sha256", release.elf_sha256.to_string());
    details.line("secure version", release.secure_version.to_string());
    details.line("idf version", or_none(&release.idf_version));
    details.line("compiled", or_none(&release.compile_time));
    let by = &release.created_by;
    let published = format!("{} by {by}", instant(release.created_at));
    details.line("published", published);
    details.line("download", &release.download_url);
    details.render()
}

fn yes_no(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}
