//! The device's own token: made here, kept here, made known to the server.

use alloc::string::String;
use core::fmt::Write as _;

use updraft_protocol::check_in::Enrolment;

use crate::board::{Board, System};
use crate::failure::Failure;
use crate::http::post_json;
use crate::updater::Updater;

/// Bytes of randomness in a token.
const TOKEN_BYTES: usize = 32;

impl<B: Board> Updater<B> {
    pub(crate) fn may_enrol(&self) -> bool {
        self.settings.token.is_none() && self.settings.enrolment_key.is_some()
    }

    /// The token to use, enrolling if there is none yet. None on a server that needs none.
    pub(crate) async fn token(&self) -> Result<Option<String>, Failure> {
        if self.token.borrow().is_none() && self.may_enrol() {
            // A token the server has not acknowledged may be unknown to it: using it would look like guessing.
            if self.memory(|memory| memory.is_enrolled())? {
                let kept = self.memory(|memory| memory.token())?;
                *self.token.borrow_mut() = kept;
            }
            if self.token.borrow().is_none() {
                self.enrol().await?;
            }
        }
        Ok(self.token.borrow().clone())
    }

    /// Makes the token known to the server. It is in flash before the server hears of it, so an answer
    /// that is lost costs nothing: the same token is sent again.
    pub(crate) async fn enrol(&self) -> Result<String, Failure> {
        let kept = self.memory(|memory| memory.token())?;
        let token = if let Some(token) = kept {
            token
        } else {
            let token = self.new_token();
            self.memory(|memory| memory.set_token(&token))?;
            token
        };
        let body = Enrolment {
            device_id: self.settings.device_id.clone(),
            device_type: self.settings.device_type.clone(),
            enrolment_key: self.settings.enrolment_key.clone().unwrap_or_default(),
            token: token.clone(),
        };
        let url = alloc::format!("{}/api/devices/enrol", self.settings.server()?);
        post_json(
            &self.network,
            &self.clock,
            self.settings.io_timeout_seconds,
            &url,
            None,
            &body,
        )
        .await?
        .success()?;
        self.memory(|memory| memory.set_enrolled())?;
        *self.token.borrow_mut() = Some(token.clone());
        Ok(token)
    }

    fn new_token(&self) -> String {
        let mut random = [0; TOKEN_BYTES];
        self.system.random(&mut random);
        let mut token = String::with_capacity(2 * TOKEN_BYTES);
        for byte in random {
            // Writing to a String cannot fail.
            let _ = write!(token, "{byte:02x}");
        }
        token
    }
}
