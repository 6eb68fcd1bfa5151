use std::collections::HashMap;

use arc_swap::ArcSwap;
use subtle::ConstantTimeEq as _;
use updraft_store::{KeptToken, TokenHash};

use super::Caller;

/// The tokens of people and programs, in memory. Found by the hash of what was sent, which says nothing about
/// the secret, and then compared in constant time.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    by_hash: ArcSwap<HashMap<TokenHash, KeptToken>>,
}

impl Tokens {
    /// Replaces all tokens.
    pub(crate) fn set(&self, tokens: Vec<KeptToken>) {
        let by_hash = tokens.into_iter().map(|token| (token.hash, token));
        self.by_hash
            .store(by_hash.collect::<HashMap<_, _>>().into());
    }

    /// Who has the token with this hash.
    pub(crate) fn find(&self, hash: TokenHash) -> Option<Caller> {
        let tokens = self.by_hash.load();
        let kept = tokens.get(&hash)?;
        bool::from(kept.hash.0.ct_eq(&hash.0)).then(|| Caller::User {
            name: kept.token.name.clone(),
            role: kept.token.role,
        })
    }
}
