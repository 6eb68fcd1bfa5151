//! The administrator's token and the key that devices enrol with, as a start finds or makes them.
//!
//! Alone, a server goes by the files in its data directory. Nodes over one database go by the hashes in it: the
//! first node makes the secrets and keeps them in its own files, the others accept them.

use std::io;
use std::path::PathBuf;

use updraft_protocol::api::Role;
use updraft_store::{Store, StoreError, TokenHash};

use crate::config::Config;
use crate::relay::SigningKey;
use crate::secrets::{Secret, SecretSource};
use crate::server::StartError;

/// The id of the token that the configuration names.
const GIVEN_ADMIN: &str = "given-admin-token";

/// The id of the token that the first start generated.
const GENERATED_ADMIN: &str = "generated-admin-token";

const ADMIN_TOKEN: &str = "admin token";
const ENROLMENT_KEY: &str = "enrolment key";

fn failed(what: &'static str) -> impl Fn(io::Error) -> StartError {
    move |source| StartError::Secret { what, source }
}

/// The administrator's token.
pub(crate) async fn admin_token(config: &Config, store: &Store) -> Result<Secret, StartError> {
    let file = config.data_dir.join("admin-token");
    if !store.is_shared() || config.admin_token.is_some() {
        return own_admin_token(config, store, file).await;
    }
    if has_admin(store).await? {
        let found = Secret::find(&file).map_err(failed(ADMIN_TOKEN))?;
        return Ok(found.unwrap_or_else(Secret::elsewhere));
    }
    let secret = Secret::load(None, file).map_err(failed(ADMIN_TOKEN))?;
    let hash = TokenHash::of(secret.reveal());
    if store
        .claim_admin_token(GENERATED_ADMIN, "admin", hash)
        .await?
    {
        return Ok(secret);
    }
    secret.gave_way().map_err(failed(ADMIN_TOKEN))
}

async fn own_admin_token(
    config: &Config,
    store: &Store,
    file: PathBuf,
) -> Result<Secret, StartError> {
    let secret = Secret::load(config.admin_token.as_deref(), file).map_err(failed(ADMIN_TOKEN))?;
    let hash = TokenHash::of(secret.reveal());
    if !matches!(secret.source, SecretSource::Given) && store.forget_token(GIVEN_ADMIN).await? {
        tracing::info!("the admin token given before is not given any more and opens nothing now");
    }
    match secret.source {
        SecretSource::Given => {
            // Also when the same secret was issued otherwise, it is known and that is enough.
            match store.set_admin_token(GIVEN_ADMIN, "admin", hash).await {
                Err(StoreError::TokenInUse) | Ok(()) => {}
                Err(error) => return Err(error.into()),
            }
        }
        SecretSource::Generated(_) => {
            store
                .set_admin_token(GENERATED_ADMIN, "admin", hash)
                .await?;
        }
        // Written, but the first start was killed before the row was, or the only other admin was the given one.
        // Otherwise it may have been revoked since.
        SecretSource::Kept(_) if !has_admin(store).await? => {
            store
                .set_admin_token(GENERATED_ADMIN, "admin", hash)
                .await?;
        }
        SecretSource::Kept(_) | SecretSource::Elsewhere => {}
    }
    Ok(secret)
}

async fn has_admin(store: &Store) -> Result<bool, StoreError> {
    let tokens = store.tokens().await?;
    Ok(tokens.iter().any(|kept| kept.token.role == Role::Admin))
}

/// The key that snapshots for relays are signed by.
pub(crate) fn relay_key(config: &Config, store: &Store) -> Result<SigningKey, StartError> {
    const RELAY_KEY: &str = "relay key";
    let file = config.data_dir.join("relay-key");
    if store.is_shared() && config.relay_key.is_none() {
        tracing::warn!(
            "several nodes need one relay key: relays that learned this node's refuse the others' snapshots"
        );
    }
    let secret = Secret::load(config.relay_key.as_deref(), file).map_err(failed(RELAY_KEY))?;
    Ok(SigningKey::of(secret.reveal()))
}

/// The key that devices enrol with, and its hash.
pub(crate) async fn enrolment_key(
    config: &Config,
    store: &Store,
) -> Result<(Secret, TokenHash), StartError> {
    let file = config.data_dir.join("enrolment-key");
    let given = config.enrolment_key.as_deref();
    if !store.is_shared() || given.is_some() {
        let secret = Secret::load(given, file).map_err(failed(ENROLMENT_KEY))?;
        let hash = TokenHash::of(secret.reveal());
        if store.is_shared() {
            store.set_enrolment_key(hash).await?;
        }
        return Ok((secret, hash));
    }
    if store.enrolment_key().await?.is_none() {
        let secret = Secret::load(None, file.clone()).map_err(failed(ENROLMENT_KEY))?;
        let hash = TokenHash::of(secret.reveal());
        if store.claim_enrolment_key(hash).await? {
            return Ok((secret, hash));
        }
        secret.gave_way().map_err(failed(ENROLMENT_KEY))?;
    }
    // Never unset once it is set.
    let hash = store.enrolment_key().await?.unwrap_or(TokenHash([0; 32]));
    let found = Secret::find(&file).map_err(failed(ENROLMENT_KEY))?;
    let found = found.filter(|found| TokenHash::of(found.reveal()) == hash);
    Ok((found.unwrap_or_else(Secret::elsewhere), hash))
}
