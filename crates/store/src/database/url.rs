use std::fmt;
use std::str::FromStr;

use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;
use url::Url;

/// Where a `PostgreSQL` database is: `postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full`, as
/// `libpq` documents it. What it leaves out comes from `PGHOST`, `PGPASSWORD` and the like, or from `~/.pgpass`.
///
/// The password stays out of `Debug` and `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(Url);

impl DatabaseUrl {
    pub(crate) fn url(&self) -> &Url {
        &self.0
    }
}

impl FromStr for DatabaseUrl {
    type Err = BadDatabaseUrl;

    fn from_str(text: &str) -> Result<Self, BadDatabaseUrl> {
        let bad = |why: String| BadDatabaseUrl { why };
        // The text itself is not repeated: it may hold a password.
        let url: Url = text.parse().map_err(|error| bad(format!("{error}")))?;
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            return Err(bad(format!("{}: is no scheme known here", url.scheme())));
        }
        PgConnectOptions::from_url(&url).map_err(|error| bad(error.to_string()))?;
        Ok(Self(url))
    }
}

/// The text names no database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not the address of a PostgreSQL database ({why}); it looks like postgres://USER@HOST/DATABASE"
)]
pub struct BadDatabaseUrl {
    why: String,
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = self.0.clone();
        // A query may hold a password, too.
        url.set_query(None);
        if url.password().is_some() {
            // Fails only for addresses that cannot have a password, and this one has.
            let _ = url.set_password(Some("***"));
        }
        fmt::Display::fmt(&url, f)
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}
