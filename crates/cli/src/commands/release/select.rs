//! Which release is meant: a device type and a version, or an id.

use clap::Args;
use updraft_protocol::api::Release;
use updraft_protocol::version::parse;

use crate::api::Client;
use crate::error::Failure;
use crate::exit::Exit;

/// Versions named in a hint: enough to see what is there, few enough for a line.
const MAX_NAMED: usize = 5;

/// One release.
#[derive(Debug, Args)]
pub(super) struct Selector {
    /// The device type; or, alone, the release's id
    #[arg(value_name = "TYPE|ID")]
    first: String,
    /// The version
    #[arg(value_name = "VERSION")]
    version: Option<String>,
}

impl Selector {
    /// Asks the server for it.
    pub(super) async fn find(&self, client: &Client) -> Result<Release, Failure> {
        let Some(version) = &self.version else {
            return client.release(&self.first).await.map_err(|error| {
                let missing = error.is_not_found();
                let failure = Failure::from(error);
                if missing {
                    failure.hint("give a device type and a version, or an id as `updraft release list` shows it")
                } else {
                    failure
                }
            });
        };
        let releases = client.releases(Some(&self.first)).await?;
        let place = releases
            .iter()
            .position(|release| same(&release.version, version));
        let Some(place) = place else {
            return Err(self.missing(version, &releases));
        };
        let mut releases = releases;
        Ok(releases.swap_remove(place))
    }

    fn missing(&self, version: &str, releases: &[Release]) -> Failure {
        let named: Vec<&str> = releases
            .iter()
            .take(MAX_NAMED)
            .map(|release| release.version.as_str())
            .collect();
        let hint = match (named.len(), releases.len()) {
            (0, _) => "it has none at all; see: updraft release list".to_owned(),
            (few, all) if few == all => format!("it has {}", named.join(", ")),
            _ => format!("it has {} and older ones", named.join(", ")),
        };
        Failure::new(
            Exit::NotFound,
            "release_not_found",
            format!("{} has no release {version}", self.first),
        )
        .hint(hint)
    }
}

/// Whether two ways of writing a version mean the same: `v1.4` and `1.4.0` do.
fn same(one: &str, other: &str) -> bool {
    one == other || matches!((parse(one), parse(other)), (Ok(one), Ok(other)) if one == other)
}

#[cfg(test)]
mod tests {
    use super::same;

    #[test]
    fn versions_are_compared_not_their_spelling() {
        assert!(same("1.4.0", "v1.4"));
        assert!(same("not-semver", "not-semver"));
        assert!(!same("1.4.0", "1.4.0-rc.1"));
        assert!(!same("1.4.0", "1.4.0+rebuild"));
    }
}
