//! Releases: how they appear, what may be changed of them, how they go.

pub(crate) mod change;
mod publish;
mod row;

use std::collections::HashSet;

use updraft_protocol::Digest;
use updraft_protocol::api::Release;

use crate::device_types::text;
use crate::{Result, Store, StoreError};

pub(crate) use publish::precedence;
pub use publish::{NewRelease, Published};
use row::Row;

impl Store {
    /// Every release, in no order.
    pub async fn releases(&self) -> Result<Vec<Release>> {
        sqlx::query_as::<_, Row>("SELECT * FROM releases")
            .fetch_all(self.reader())
            .await?
            .into_iter()
            .map(TryInto::try_into)
            .collect()
    }

    /// One release.
    pub async fn release(&self, id: &str) -> Result<Release> {
        sqlx::query_as::<_, Row>("SELECT * FROM releases WHERE id = $1")
            .bind(id)
            .fetch_optional(self.reader())
            .await?
            .ok_or_else(|| not_found(id))?
            .try_into()
    }

    /// The digests of every artifact that a row names.
    pub(crate) async fn known_artifacts(&self) -> Result<HashSet<Digest>> {
        sqlx::query_scalar::<_, String>("SELECT sha256 FROM artifacts")
            .fetch_all(self.reader())
            .await?
            .into_iter()
            .map(|sha256| text("artifacts", "sha256", sha256))
            .collect()
    }
}

fn not_found(id: &str) -> StoreError {
    StoreError::NotFound {
        what: "release",
        name: id.to_owned(),
    }
}
