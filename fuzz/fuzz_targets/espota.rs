//! espota: any datagram in any order. A device starts a transfer only for who proved to know the password.
#![no_main]

use std::net::SocketAddr;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use updraft_fuzz::seed;
use updraft_protocol::espota::frame::FromHost;
use updraft_protocol::espota::transfer::{Heard, Line, Listener, Transfer};
use updraft_protocol::espota::{
    Answer, Challenge, Command, Credential, Device, Hex, Invitation, PasswordHash, Response, Start,
    Why,
};

/// What happens to a device, one after the other.
#[derive(Arbitrary, Debug)]
struct Input {
    password: Password,
    steps: Vec<Step>,
}

#[derive(Arbitrary, Debug, Clone, Copy, PartialEq)]
enum Password {
    None,
    Md5,
    /// Ten thousand rounds a response: answered once an input.
    Sha256,
}

#[derive(Arbitrary, Debug)]
enum Step {
    Raw {
        from: u8,
        datagram: Vec<u8>,
    },
    Invite {
        from: u8,
        command: u8,
        port: u16,
        size: u32,
        md5: [u8; 16],
    },
    Respond {
        from: u8,
        right: bool,
        digits: [u8; 32],
        long: bool,
    },
    Replay {
        from: u8,
    },
    Wait(u16),
    Check(u16),
    Ended,
    Bytes(Vec<u8>),
    Silent,
    Hear(Vec<u8>),
}

fn peer(from: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, from % 7], 1000 + u16::from(from / 128)))
}

fn credential(password: Password) -> Option<Credential> {
    match password {
        Password::None => None,
        Password::Md5 => Credential::md5(PasswordHash::md5(b"admin")),
        Password::Sha256 => Some(Credential::sha256(PasswordHash::sha256(b"admin"))),
    }
}

/// A datagram means to us what it means when we write it ourselves.
fn read_back(datagram: &[u8]) {
    match FromHost::parse(datagram) {
        Ok(read @ FromHost::Invitation(it)) => {
            assert_eq!(FromHost::parse(it.to_string().as_bytes()), Ok(read));
        }
        Ok(read @ FromHost::Response(it)) => {
            assert_eq!(FromHost::parse(it.to_string().as_bytes()), Ok(read));
        }
        Err(error) => assert!(!error.code().is_empty() && !error.to_string().is_empty()),
    }
    if let Ok(challenge) = Challenge::parse(datagram) {
        assert_eq!(
            Challenge::parse(challenge.to_string().as_bytes()),
            Ok(challenge)
        );
    }
}

struct World {
    password: Password,
    credential: Option<Credential>,
    device: Device,
    now: u64,
    count: u8,
    /// Challenges sent, by peer: the last one.
    challenges: Vec<(SocketAddr, Challenge)>,
    /// Responses that are right for a challenge sent to that peer and not answered yet.
    right: Vec<(SocketAddr, String)>,
    last: Option<(SocketAddr, String)>,
    checking_right: bool,
    transfer: Option<(Start, Transfer, u64)>,
    answered: u32,
}

impl World {
    fn send(&mut self, datagram: &[u8], from: SocketAddr) {
        read_back(datagram);
        self.count = self.count.wrapping_add(1);
        let random = [self.count; 32];
        let busy = self.transfer.is_some() || self.device.is_checking();
        let answer = self.device.receive(datagram, from, self.now, &random);
        if busy {
            assert_eq!(answer, Answer::Nothing(Why::Busy));
            return;
        }
        match answer {
            Answer::Nothing(Why::Busy) => panic!("busy with nothing"),
            Answer::Nothing(_) => {}
            Answer::Reply(reply) => {
                assert_eq!(reply.to, from);
                if let Ok(challenge) = Challenge::parse(reply.as_bytes()) {
                    // A new challenge takes the place of the one before, and what answers that is right no more.
                    if !self.challenges.contains(&(from, challenge)) {
                        self.right.retain(|(to, _)| *to != from);
                    }
                    self.challenges.retain(|(to, _)| *to != from);
                    self.challenges.push((from, challenge));
                } else {
                    assert_eq!(reply.as_bytes(), b"Authentication Failed");
                }
            }
            Answer::Check => {
                assert!(self.device.is_checking() && self.credential.is_some());
                let text = std::str::from_utf8(datagram).unwrap_or_default();
                self.checking_right = self
                    .right
                    .iter()
                    .any(|(to, right)| *to == from && right == text);
                self.right.retain(|(to, _)| *to != from);
            }
            Answer::Start(reply, start) => {
                assert!(self.credential.is_none(), "started without a password");
                self.start(reply.to, reply.as_bytes(), start, from);
            }
        }
    }

    fn start(&mut self, to: SocketAddr, reply: &[u8], start: Start, from: SocketAddr) {
        assert_eq!((to, reply), (from, &b"OK"[..]));
        assert_eq!(start.host.ip(), from.ip());
        assert!(start.host.port() != 0 && start.size != 0);
        self.transfer = Some((start, Transfer::new(&start), 0));
    }

    fn invite(&mut self, from: SocketAddr, invitation: Invitation) {
        if invitation.port != 0 && invitation.size != 0 {
            let read = FromHost::parse(invitation.to_string().as_bytes());
            assert_eq!(read, Ok(FromHost::Invitation(invitation)));
        }
        self.send(invitation.to_string().as_bytes(), from);
    }

    fn respond(&mut self, from: SocketAddr, right: bool, digits: [u8; 32], long: bool) {
        let half = digits.first_chunk().copied().unwrap_or_default();
        let mut cnonce = if long {
            Hex::of_32(&digits)
        } else {
            Hex::of_16(&half)
        };
        let mut response = cnonce;
        let open = self
            .challenges
            .iter()
            .find(|(to, _)| *to == from)
            .map(|(_, it)| *it);
        if right && let (Some(challenge), Some(credential)) = (open, self.credential) {
            self.answered += 1;
            if self.password == Password::Sha256 && self.answered > 1 {
                return;
            }
            cnonce = credential.nonce(&digits);
            response = credential.prove(challenge.nonce, cnonce).finish();
            let text = Response { cnonce, response }.to_string();
            self.right.push((from, text));
        }
        let text = Response { cnonce, response }.to_string();
        self.last = Some((from, text.clone()));
        self.send(text.as_bytes(), from);
    }

    fn check(&mut self, rounds: u16) {
        let checking = self.device.is_checking();
        let answer = self.device.step(u32::from(rounds));
        assert!(checking || answer.is_none());
        match answer {
            None => {}
            Some(Answer::Start(reply, start)) => {
                assert!(self.checking_right, "started for a wrong response");
                self.start(reply.to, reply.as_bytes(), start, reply.to);
            }
            Some(Answer::Reply(reply)) => {
                assert!(!self.checking_right, "refused a right response");
                assert_eq!(reply.as_bytes(), b"Authentication Failed");
            }
            Some(other) => panic!("{other:?} after a check"),
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        let Some((start, transfer, seen)) = &mut self.transfer else {
            return;
        };
        match transfer.received(bytes) {
            Ok(line) => {
                *seen += bytes.len() as u64;
                assert!(*seen <= u64::from(start.size));
                assert_eq!(line.as_bytes(), bytes.len().to_string().as_bytes());
            }
            Err(error) => {
                assert!(*seen + bytes.len() as u64 > u64::from(start.size));
                let line = Line::complaint(error.code());
                let mut listener = Listener::new();
                assert_eq!(listener.hear(line.as_bytes()), Heard::Complaint);
            }
        }
    }
}

fn run(input: Input) {
    let credential = credential(input.password);
    let mut world = World {
        password: input.password,
        credential,
        device: Device::new(credential),
        now: 0,
        count: 0,
        challenges: Vec::new(),
        right: Vec::new(),
        last: None,
        checking_right: false,
        transfer: None,
        answered: 0,
    };
    let mut listener = Listener::new();
    for step in input.steps {
        match step {
            Step::Raw { from, datagram } => world.send(&datagram, peer(from)),
            Step::Invite {
                from,
                command,
                port,
                size,
                md5,
            } => {
                let command = Command::ALL[usize::from(command) % Command::ALL.len()];
                world.invite(
                    peer(from),
                    Invitation {
                        command,
                        port,
                        size,
                        md5,
                    },
                );
            }
            Step::Respond {
                from,
                right,
                digits,
                long,
            } => {
                world.respond(peer(from), right, digits, long);
            }
            Step::Replay { from } => {
                // From wherever: a response counts once, and from where the challenge went.
                if let Some((_, text)) = world.last.clone() {
                    world.send(text.as_bytes(), peer(from));
                }
            }
            Step::Wait(ms) => world.now += u64::from(ms),
            Step::Check(rounds) => world.check(rounds),
            Step::Ended => {
                if let Some((start, transfer, seen)) = world.transfer.take() {
                    let whole = seen == u64::from(start.size);
                    assert!(
                        whole || transfer.finish().is_err(),
                        "{seen} bytes are not all"
                    );
                }
                world.device.ended();
            }
            Step::Bytes(bytes) => world.bytes(&bytes),
            Step::Silent => {
                if let Some((_, transfer, _)) = &mut world.transfer {
                    let _ = transfer.silent();
                }
            }
            Step::Hear(bytes) => {
                let before = listener.hear(&[]);
                let after = listener.hear(&bytes);
                assert!(before != Heard::Complaint || after == Heard::Complaint);
                assert!(listener.complaint().is_ascii());
                assert!(
                    Line::complaint(&String::from_utf8_lossy(&bytes))
                        .as_bytes()
                        .ends_with(b"\r\n")
                );
            }
        }
    }
}

fn seeds() {
    seed("empty", &[]);
    // `arbitrary` reads a variant from four bytes; the digits of a text may follow anywhere.
    for (name, line) in [
        (
            "invitation",
            "0 51234 1168784 0123456789abcdef0123456789abcdef\n",
        ),
        (
            "response",
            "200 0123456789abcdef0123456789abcdef 0123456789abcdef0123456789abcdef\n",
        ),
        ("challenge", "AUTH 0123456789abcdef0123456789abcdef"),
    ] {
        let mut bytes = vec![0; 4];
        bytes.extend_from_slice(&[1, 0, 0, 0, 0, 1]);
        bytes.extend_from_slice(line.as_bytes());
        seed(name, &bytes);
    }
}

fuzz_target!(init: seeds(), |input: Input| run(input));
