//! Who may change something: the push token, and no page of another site.

use subtle::ConstantTimeEq as _;
use updraft_protocol::ReasonCode;

use super::refusal::Refusal;
use super::request::Request;
use crate::board::Board;
use crate::event::Event;
use crate::failure::Failure;
use crate::updater::Updater;

/// Longest push token, in bytes: a SHA-512 in hexadecimal fits, and a request's head with it.
const MAX_PUSH_TOKEN: usize = 128;

/// What a device asks of whoever pushes to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PushAuth {
    /// Nothing.
    None,
    /// Its token.
    Token,
    /// No token is set, and without one nothing is taken.
    Refused,
}

impl PushAuth {
    /// The word in the status.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Token => "token",
            Self::Refused => "refused",
        }
    }
}

impl<B: Board> Updater<B> {
    /// Sets the token without which nothing may be pushed to the device, in NVS; `None` takes it away. At most
    /// 128 visible ASCII characters, [`ReasonCode::ProtocolError`] otherwise.
    pub fn set_push_token(&self, token: Option<&str>) -> Result<(), Failure> {
        let sound = |token: &str| {
            (1..=MAX_PUSH_TOKEN).contains(&token.len())
                && token.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if token.is_some_and(|token| !sound(token)) {
            return Err(Failure::new(
                ReasonCode::ProtocolError,
                format_args!("a push token has 1 to {MAX_PUSH_TOKEN} visible ASCII characters"),
            ));
        }
        self.memory(|memory| {
            if memory.push_token()?.as_deref() == token {
                return Ok(());
            }
            match token {
                Some(token) => memory.set_push_token(token),
                None => memory.forget_push_token(),
            }
        })?;
        // espota is shut to everybody while a token is set and no password.
        self.espota_changed.set(true);
        Ok(())
    }

    /// Says at start that the device listens, and loudly so if anybody on its network may push to it. For whoever
    /// opens the listeners that feed [`Updater::serve_http`].
    pub fn say_who_may_push(&self) {
        match self.push_auth() {
            Ok(PushAuth::None) => self.show(&Event::PushOpen),
            Ok(_) => {}
            Err(failure) => self.show_failure(&failure),
        }
    }

    pub(crate) fn push_auth(&self) -> Result<PushAuth, Failure> {
        let token = self.memory(|memory| memory.push_token())?;
        Ok(match token {
            Some(_) => PushAuth::Token,
            None if self.settings.push_needs_token => PushAuth::Refused,
            None => PushAuth::None,
        })
    }

    /// An error unless this request may change something.
    pub(crate) fn check_may_change(&self, request: &Request) -> Result<(), Refusal> {
        check_same_site(request)?;
        let Some(token) = self.memory(|memory| memory.push_token())? else {
            if self.settings.push_needs_token {
                return Err(Refusal::new(
                    403,
                    "push_refused",
                    "this device takes nothing over the network before a push token is set in it",
                ));
            }
            return Ok(());
        };
        let given = request
            .header("Authorization")
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Bearer"))
            .map(|(_, token)| token.trim());
        match given {
            // The lengths are no secret.
            Some(given) if given.as_bytes().ct_eq(token.as_bytes()).into() => Ok(()),
            Some(_) => Err(Refusal::new(
                403,
                "push_token_wrong",
                "this is not the device's push token",
            )),
            None => Err(Refusal::new(
                401,
                "push_token_missing",
                "this device wants its push token: Authorization: Bearer TOKEN",
            )
            .with_header("WWW-Authenticate", "Bearer realm=\"updraft\"")),
        }
    }
}

/// A browser names the site of the page that sends a POST. Only the device's own page may: without a token, anything
/// else on the network's screens could.
fn check_same_site(request: &Request) -> Result<(), Refusal> {
    let Some(origin) = request.header("Origin") else {
        return Ok(());
    };
    let host = request.header("Host").unwrap_or_default();
    let site = origin.split_once("://").map(|(_, site)| site);
    if site.is_some_and(|site| !site.is_empty() && site.eq_ignore_ascii_case(host)) {
        return Ok(());
    }
    Err(Refusal::new(
        403,
        "cross_site",
        format_args!(
            "a page of {origin} must not change this device ({host}); use the device's own page"
        ),
    ))
}
