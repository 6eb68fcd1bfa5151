//! One push, from the invitation to the device's connection.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpStream;
use updraft_protocol::espota::{
    AUTHENTICATION_FAILED, Challenge, Command, Credential, Hex, INVITATIONS, Invitation, OK,
    PasswordHash, Response, Scheme,
};

use super::EspotaError;
use super::sockets::{Event, Sockets};
use super::upload::upload;
use crate::progress::Transfer;

/// What to push, to whom, and how.
#[derive(Debug)]
pub(crate) struct Session<'a> {
    /// The device's UDP port.
    pub(crate) device: SocketAddr,
    /// This machine's address, if it matters which.
    pub(crate) host_ip: Option<IpAddr>,
    /// The TCP port the device connects to; 0 for any.
    pub(crate) host_port: u16,
    /// What is to be written.
    pub(crate) command: Command,
    /// The file; at most 4 GiB.
    pub(crate) content: &'a [u8],
    /// Its MD5.
    pub(crate) md5: [u8; 16],
    /// The device's password.
    pub(crate) password: Option<&'a [u8]>,
    /// How long to wait for each answer.
    pub(crate) timeout: Duration,
}

/// How a push that succeeded went.
#[derive(Debug)]
pub(crate) struct Pushed {
    /// `none`, `md5` or `sha256`.
    pub(crate) authentication: &'static str,
    /// How many invitations it took.
    pub(crate) invitations: u32,
}

/// What the device said in a datagram.
enum Said {
    Yes,
    No,
    Challenge(Challenge),
    Other(String),
}

impl Said {
    fn read(datagram: &[u8]) -> Self {
        let text = datagram.trim_ascii();
        if text == OK.as_bytes() {
            Self::Yes
        } else if text == AUTHENTICATION_FAILED.as_bytes() {
            Self::No
        } else {
            Challenge::parse(text).map_or_else(
                |_| Self::Other(String::from_utf8_lossy(text).into_owned()),
                Self::Challenge,
            )
        }
    }
}

/// What came of one invitation.
enum Round {
    Connected(TcpStream),
    Silence { rejected: bool, challenged: bool },
    Refused(Scheme),
}

impl Session<'_> {
    /// Pushes. The progress shown is what the device acknowledges.
    pub(crate) async fn push(&self, progress: &Transfer) -> Result<Pushed, EspotaError> {
        let sockets = Sockets::open(self.device, self.host_ip, self.host_port).await?;
        let (stream, pushed) = self.knock(&sockets).await?;
        upload(stream, self.content, self.timeout, progress).await?;
        Ok(pushed)
    }

    /// Invites until the device connects.
    async fn knock(&self, sockets: &Sockets) -> Result<(TcpStream, Pushed), EspotaError> {
        let device = self.device;
        let mut pushed = Pushed {
            authentication: "none",
            invitations: 0,
        };
        let (mut all_rejected, mut any_challenge) = (true, false);
        let mut try_md5 = false;
        while pushed.invitations < INVITATIONS {
            pushed.invitations += 1;
            match self.round(sockets, try_md5, &mut pushed).await? {
                Round::Connected(stream) => return Ok((stream, pushed)),
                Round::Silence {
                    rejected,
                    challenged,
                } => {
                    all_rejected &= rejected;
                    any_challenge |= challenged;
                }
                // The device may have stored its password as MD5, as older cores did. It does not say.
                Round::Refused(Scheme::Sha256) if !try_md5 => try_md5 = true,
                Round::Refused(_) => return Err(EspotaError::WrongPassword { device }),
            }
        }
        Err(if any_challenge {
            EspotaError::NoReply { device }
        } else if all_rejected {
            EspotaError::Closed { device }
        } else {
            EspotaError::NoAnswer { device }
        })
    }

    /// Invites once, and follows what comes of it.
    async fn round(
        &self,
        sockets: &Sockets,
        try_md5: bool,
        pushed: &mut Pushed,
    ) -> Result<Round, EspotaError> {
        let invitation = Invitation {
            command: self.command,
            port: sockets.port,
            size: self.content.len() as u32,
            md5: self.md5,
        };
        sockets.send(&invitation.to_string()).await;
        let mut proven: Option<(Scheme, Hex)> = None;
        loop {
            let said = match sockets.next(self.timeout).await {
                Event::Called(stream) => return Ok(Round::Connected(stream)),
                Event::Silence { rejected } => {
                    let challenged = proven.is_some();
                    return Ok(Round::Silence {
                        rejected,
                        challenged,
                    });
                }
                Event::Said(datagram) => Said::read(&datagram),
            };
            match (said, proven) {
                (Said::Yes, _) => return self.wait(sockets).await.map(Round::Connected),
                (Said::No, Some((scheme, _))) => return Ok(Round::Refused(scheme)),
                // The refusal of a response this side has given up on.
                (Said::No, None) => {}
                // The answer to an invitation that was sent twice.
                (Said::Challenge(challenge), Some((_, nonce))) if challenge.nonce == nonce => {}
                (Said::Challenge(challenge), _) => {
                    let scheme = self.respond(sockets, &challenge, try_md5).await?;
                    proven = Some((scheme, challenge.nonce));
                    pushed.authentication = match scheme {
                        Scheme::Md5 => "md5",
                        Scheme::Sha256 => "sha256",
                    };
                }
                (Said::Other(text), _) => {
                    return Err(EspotaError::Foreign {
                        device: self.device,
                        text,
                    });
                }
            }
        }
    }

    async fn respond(
        &self,
        sockets: &Sockets,
        challenge: &Challenge,
        try_md5: bool,
    ) -> Result<Scheme, EspotaError> {
        let device = self.device;
        let password = self
            .password
            .ok_or(EspotaError::PasswordNeeded { device })?;
        let md5 = PasswordHash::md5(password);
        let credential = match Scheme::of(&challenge.nonce) {
            Scheme::Md5 => Credential::md5(md5),
            Scheme::Sha256 if try_md5 => Some(Credential::sha256(md5)),
            Scheme::Sha256 => Some(Credential::sha256(PasswordHash::sha256(password))),
        };
        let credential = credential.ok_or(EspotaError::WrongPassword { device })?;
        let mut random = [0; 32];
        getrandom::fill(&mut random).map_err(|error| EspotaError::Socket {
            what: "the random number generator".to_owned(),
            source: std::io::Error::other(error),
        })?;
        let cnonce = credential.nonce(&random);
        let response = Response {
            cnonce,
            response: credential.prove(challenge.nonce, cnonce).finish(),
        };
        sockets.send(&response.to_string()).await;
        Ok(credential.scheme())
    }

    /// Waits for the device to connect.
    async fn wait(&self, sockets: &Sockets) -> Result<TcpStream, EspotaError> {
        let end = tokio::time::Instant::now() + self.timeout;
        loop {
            let left = end.saturating_duration_since(tokio::time::Instant::now());
            match sockets.next(left).await {
                Event::Called(stream) => return Ok(stream),
                // Late answers to what was sent twice.
                Event::Said(_) => {}
                Event::Silence { .. } if tokio::time::Instant::now() < end => {}
                Event::Silence { .. } => {
                    return Err(EspotaError::NoConnection {
                        device: self.device,
                        port: sockets.port,
                        waited: self.timeout,
                    });
                }
            }
        }
    }
}
