use std::fmt;

use serde_json::json;
use sha2::{Digest as _, Sha256};
use updraft_protocol::Digest;
use updraft_protocol::api::{NewToken, Role, Token};

use crate::device_types::text;
use crate::id::{new_id, unix_now};
use crate::store::Change;
use crate::{Result, Store, StoreError, audit};

/// What is kept of a secret: its SHA-256. Secrets are long and random, so a plain hash suffices, and it is
/// cheap enough to be looked up on every request.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash(pub [u8; 32]);

impl TokenHash {
    /// The hash of a secret.
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }

    pub(crate) fn to_text(self) -> String {
        Digest(self.0).to_string()
    }

    pub(crate) fn from_text(
        table: &'static str,
        column: &'static str,
        value: String,
    ) -> Result<Self> {
        text::<Digest>(table, column, value).map(|digest| Self(digest.0))
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(..)")
    }
}

/// A token with its hash.
#[derive(Debug, Clone)]
pub struct KeptToken {
    /// What is shown of it.
    pub token: Token,
    /// What its secret is compared with.
    pub hash: TokenHash,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    name: String,
    role: String,
    hash: String,
    created_at: i64,
}

impl TryFrom<Row> for KeptToken {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            token: Token {
                id: row.id,
                name: row.name,
                role: text("tokens", "role", row.role)?,
                created_at: row.created_at,
            },
            hash: TokenHash::from_text("tokens", "hash", row.hash)?,
        })
    }
}

impl Store {
    /// Every token of a person or program, the oldest first. Devices' tokens are with the devices.
    pub async fn tokens(&self) -> Result<Vec<KeptToken>> {
        sqlx::query_as::<_, Row>(
            "SELECT id, name, role, hash, created_at FROM tokens ORDER BY created_at, id",
        )
        .fetch_all(self.reader())
        .await?
        .into_iter()
        .map(TryInto::try_into)
        .collect()
    }

    /// Keeps a new token.
    pub async fn add_token(&self, new: &NewToken, hash: TokenHash, actor: &str) -> Result<Token> {
        let token = Token {
            id: new_id(),
            name: new.name.clone(),
            role: new.role,
            created_at: unix_now(),
        };
        let mut change = self.change().await?;
        refuse_known(&mut change, hash).await?;
        insert(&mut change, &token, hash, actor).await?;
        let detail = json!({ "name": token.name, "role": token.role });
        audit::record(&mut change, actor, "token.issue", &token.id, detail).await?;
        change.commit().await?;
        Ok(token)
    }

    /// Makes the token with this fixed id an admin's token with this hash, whatever it was before.
    pub async fn set_admin_token(&self, id: &str, name: &str, hash: TokenHash) -> Result<()> {
        let mut change = self.change().await?;
        let current: Option<String> = sqlx::query_scalar("SELECT hash FROM tokens WHERE id = $1")
            .bind(id)
            .fetch_optional(&mut *change)
            .await?;
        if current.is_some_and(|current| current == hash.to_text()) {
            return Ok(());
        }
        sqlx::query("DELETE FROM tokens WHERE id = $1")
            .bind(id)
            .execute(&mut *change)
            .await?;
        refuse_known(&mut change, hash).await?;
        let token = Token {
            id: id.to_owned(),
            name: name.to_owned(),
            role: Role::Admin,
            created_at: unix_now(),
        };
        insert(&mut change, &token, hash, "server").await?;
        let detail = json!({ "name": name, "role": Role::Admin });
        audit::record(&mut change, "server", "token.issue", id, detail).await?;
        change.commit().await?;
        Ok(())
    }

    /// Makes the token with this fixed id an admin's token, if there is no admin yet. Of several servers that start
    /// at once on an empty database, one is told that it did.
    pub async fn claim_admin_token(&self, id: &str, name: &str, hash: TokenHash) -> Result<bool> {
        let mut change = self.change().await?;
        let admins: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM tokens WHERE role = $1")
            .bind(Role::Admin.as_str())
            .fetch_one(&mut *change)
            .await?;
        if admins > 0 {
            return Ok(false);
        }
        let token = Token {
            id: id.to_owned(),
            name: name.to_owned(),
            role: Role::Admin,
            created_at: unix_now(),
        };
        insert(&mut change, &token, hash, "server").await?;
        let detail = json!({ "name": name, "role": Role::Admin });
        audit::record(&mut change, "server", "token.issue", id, detail).await?;
        change.commit().await?;
        Ok(true)
    }

    /// Removes the token with this fixed id, even the last admin's: the caller sees to it that there is another.
    /// Says whether it was there.
    pub async fn forget_token(&self, id: &str) -> Result<bool> {
        let mut change = self.change().await?;
        let removed = sqlx::query("DELETE FROM tokens WHERE id = $1")
            .bind(id)
            .execute(&mut *change)
            .await?
            .rows_affected();
        if removed == 0 {
            return Ok(false);
        }
        let detail = json!({ "role": Role::Admin });
        audit::record(&mut change, "server", "token.revoke", id, detail).await?;
        change.commit().await?;
        Ok(true)
    }

    /// Revokes a token. The last admin's stays: nobody could issue another.
    pub async fn delete_token(&self, id: &str, actor: &str) -> Result<()> {
        let mut change = self.change().await?;
        let role: Option<String> = sqlx::query_scalar("SELECT role FROM tokens WHERE id = $1")
            .bind(id)
            .fetch_optional(&mut *change)
            .await?;
        let role = role.ok_or_else(|| StoreError::NotFound {
            what: "token",
            name: id.to_owned(),
        })?;
        if role == Role::Admin.as_str() {
            let admins: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM tokens WHERE role = $1")
                .bind(&role)
                .fetch_one(&mut *change)
                .await?;
            if admins <= 1 {
                return Err(StoreError::LastAdmin);
            }
        }
        sqlx::query("DELETE FROM tokens WHERE id = $1")
            .bind(id)
            .execute(&mut *change)
            .await?;
        audit::record(
            &mut change,
            actor,
            "token.revoke",
            id,
            json!({ "role": role }),
        )
        .await?;
        change.commit().await?;
        Ok(())
    }
}

/// One secret opens one door: a token is nobody else's, neither a person's nor a device's.
pub(crate) async fn refuse_known(change: &mut Change, hash: TokenHash) -> Result<()> {
    let known: i64 = sqlx::query_scalar(
        "SELECT (SELECT COUNT(*) FROM tokens WHERE hash = $1)
              + (SELECT COUNT(*) FROM devices WHERE token_hash = $1)",
    )
    .bind(hash.to_text())
    .fetch_one(&mut **change)
    .await?;
    if known > 0 {
        return Err(StoreError::TokenInUse);
    }
    Ok(())
}

async fn insert(change: &mut Change, token: &Token, hash: TokenHash, actor: &str) -> Result<()> {
    sqlx::query(
        "INSERT INTO tokens (id, name, role, hash, created_at, created_by)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(&token.id)
    .bind(&token.name)
    .bind(token.role.as_str())
    .bind(hash.to_text())
    .bind(token.created_at)
    .bind(actor)
    .execute(&mut **change)
    .await?;
    Ok(())
}
