//! The device's side of the datagrams: who may push, and when. Datagrams in, datagrams and at last a [`Start`] out.

use core::fmt::{self, Write as _};
use core::net::SocketAddr;

use super::auth::{Credential, Proof, Scheme};
use super::frame::{Challenge, Command, FrameError, FromHost, Invitation, Response};
use super::hex::Hex;
use super::{ANSWER_TIMEOUT_MS, AUTHENTICATION_FAILED, OK};

/// Most challenges open at a time, one for each address: enough for a few people, small enough for a chip. The
/// oldest gives way.
pub const MAX_CHALLENGES: usize = 4;

/// Longest reply, in bytes: `AUTH ` and 64 digits.
pub const MAX_REPLY: usize = 69;

/// A datagram to be sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Reply {
    /// To whom.
    pub to: SocketAddr,
    text: [u8; MAX_REPLY],
    length: usize,
}

impl Reply {
    fn new(to: SocketAddr, text: fmt::Arguments<'_>) -> Self {
        let mut reply = Self {
            to,
            text: [0; MAX_REPLY],
            length: 0,
        };
        // Every reply there is fits; `write_str` cuts what would not.
        let _ = reply.write_fmt(text);
        reply
    }

    /// What to send.
    pub fn as_bytes(&self) -> &[u8] {
        self.text.get(..self.length).unwrap_or(&self.text)
    }
}

impl fmt::Write for Reply {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.text.get_mut(self.length..).unwrap_or_default();
        for (to, from) in room.iter_mut().zip(text.as_bytes()) {
            *to = *from;
            self.length += 1;
        }
        Ok(())
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = core::str::from_utf8(self.as_bytes()).unwrap_or_default();
        write!(f, "Reply({text:?} to {})", self.to)
    }
}

/// A transfer the device is to fetch: connect to `host`, read `size` bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// The host's TCP port, at the address its datagrams come from.
    pub host: SocketAddr,
    /// What is to be written.
    pub command: Command,
    /// How many bytes.
    pub size: u32,
    /// Their MD5.
    pub md5: [u8; 16],
}

impl Start {
    fn new(from: SocketAddr, invitation: &Invitation) -> Self {
        let mut host = from;
        host.set_port(invitation.port);
        Self {
            host,
            command: invitation.command,
            size: invitation.size,
            md5: invitation.md5,
        }
    }
}

/// Why a datagram is not answered, for the device's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It is not what the protocol sends.
    Frame(FrameError),
    /// A transfer is under way, or a response is being checked.
    Busy,
    /// A response without a challenge: late, or sent again.
    NoChallenge,
}

/// What to do about a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Answer {
    /// Nothing, as `ArduinoOTA` does.
    Nothing(Why),
    /// Send this: a challenge, or a no.
    Reply(Reply),
    /// The response is being checked: call [`Device::step`] until it answers.
    Check,
    /// Send the reply, then fetch the file. Everything else is ignored until [`Device::ended`].
    Start(Reply, Start),
}

#[derive(Debug, Clone, Copy)]
struct Open {
    peer: SocketAddr,
    invitation: Invitation,
    nonce: Hex,
    since_ms: u64,
}

impl Open {
    fn is_over(&self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.since_ms) > u64::from(ANSWER_TIMEOUT_MS)
    }
}

#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "without an allocator there is nowhere else to put it"
)]
enum State {
    Listening,
    Checking {
        proof: Proof,
        claimed: Hex,
        peer: SocketAddr,
        start: Start,
    },
    Transferring,
}

/// The device's side. It holds no socket: give it what arrives, send what it answers.
#[derive(Debug)]
pub struct Device {
    credential: Option<Credential>,
    open: [Option<Open>; MAX_CHALLENGES],
    state: State,
}

impl Device {
    /// A device with this password; without one, everybody who reaches it may push.
    pub const fn new(credential: Option<Credential>) -> Self {
        Self {
            credential,
            open: [None; MAX_CHALLENGES],
            state: State::Listening,
        }
    }

    /// Takes a datagram. `now_ms` is any clock that never goes back, in milliseconds; `random` must be fresh for
    /// every datagram and unpredictable (on a chip, from its hardware generator with the radio on), because who
    /// can guess it may replay an old response.
    pub fn receive(
        &mut self,
        datagram: &[u8],
        from: SocketAddr,
        now_ms: u64,
        random: &[u8; 32],
    ) -> Answer {
        if !matches!(self.state, State::Listening) {
            return Answer::Nothing(Why::Busy);
        }
        match FromHost::parse(datagram) {
            Err(error) => Answer::Nothing(Why::Frame(error)),
            Ok(FromHost::Invitation(invitation)) => self.invited(&invitation, from, now_ms, random),
            Ok(FromHost::Response(response)) => self.responded(&response, from, now_ms),
        }
    }

    fn invited(
        &mut self,
        invitation: &Invitation,
        from: SocketAddr,
        now_ms: u64,
        random: &[u8; 32],
    ) -> Answer {
        let Some(credential) = self.credential else {
            return self.start(from, Start::new(from, invitation));
        };
        // An invitation sent twice gets the same challenge twice: the host may answer either.
        let nonce = self
            .open
            .iter()
            .flatten()
            .find(|open| {
                open.peer == from && open.invitation == *invitation && !open.is_over(now_ms)
            })
            .map(|open| open.nonce);
        let nonce = nonce.unwrap_or_else(|| {
            let nonce = credential.nonce(random);
            self.keep(Open {
                peer: from,
                invitation: *invitation,
                nonce,
                since_ms: now_ms,
            });
            nonce
        });
        Answer::Reply(Reply::new(from, format_args!("{}", Challenge { nonce })))
    }

    /// Keeps a challenge in the place of the same address's last one, in a free one, or in the oldest's.
    fn keep(&mut self, open: Open) {
        let age = |place: &Option<Open>| match place {
            Some(other) if other.peer.ip() == open.peer.ip() => (0, 0),
            None => (1, 0),
            Some(other) => (2, other.since_ms),
        };
        if let Some(place) = self.open.iter_mut().min_by_key(|place| age(place)) {
            *place = Some(open);
        }
    }

    fn responded(&mut self, response: &Response, from: SocketAddr, now_ms: u64) -> Answer {
        let place = self
            .open
            .iter_mut()
            .find(|place| place.is_some_and(|open| open.peer == from));
        // Taken out whatever comes of it: a challenge is answered once.
        let open = place
            .and_then(Option::take)
            .filter(|open| !open.is_over(now_ms));
        let (Some(open), Some(credential)) = (open, self.credential) else {
            return Answer::Nothing(Why::NoChallenge);
        };
        if Scheme::of(&response.cnonce) != credential.scheme() {
            return refused(from);
        }
        self.state = State::Checking {
            proof: credential.prove(open.nonce, response.cnonce),
            claimed: response.response,
            peer: from,
            start: Start::new(from, &open.invitation),
        };
        Answer::Check
    }

    /// Goes on checking a response, at most `rounds` of its [`ROUNDS`](super::auth::ROUNDS); `None` as long as there
    /// is more to do, and when nothing is being checked ([`Device::is_checking`]). A chip in software does some
    /// thousand rounds a second, so 100 leave room for the rest; the host waits [`ANSWER_TIMEOUT_MS`].
    pub fn step(&mut self, rounds: u32) -> Option<Answer> {
        let State::Checking {
            proof,
            claimed,
            peer,
            start,
        } = &mut self.state
        else {
            return None;
        };
        let response = proof.step(rounds)?;
        let (right, peer, start) = (response == *claimed, *peer, *start);
        self.state = State::Listening;
        Some(if right {
            self.start(peer, start)
        } else {
            refused(peer)
        })
    }

    /// Whether a response is being checked.
    pub const fn is_checking(&self) -> bool {
        matches!(self.state, State::Checking { .. })
    }

    fn start(&mut self, from: SocketAddr, start: Start) -> Answer {
        self.state = State::Transferring;
        self.open = [None; MAX_CHALLENGES];
        Answer::Start(Reply::new(from, format_args!("{OK}")), start)
    }

    /// The transfer is over, well or not: listen again.
    pub fn ended(&mut self) {
        self.state = State::Listening;
    }
}

fn refused(to: SocketAddr) -> Answer {
    Answer::Reply(Reply::new(to, format_args!("{AUTHENTICATION_FAILED}")))
}
