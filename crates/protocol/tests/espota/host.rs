//! The device's side on real sockets of this machine, pushed to by the independent client.

use std::hash::{BuildHasher as _, RandomState};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::process::{Child, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use updraft_protocol::espota::transfer::{Line, Transfer, TransferError};
use updraft_protocol::espota::{
    Answer, CONNECT_TIMEOUT_MS, Credential, Device, MAX_DATAGRAM, PasswordHash, READ,
    READ_TIMEOUT_MS, Start,
};

use crate::python::{client, python};

/// What came of one run of the client.
struct Seen {
    /// The client's own account.
    client: serde_json::Value,
    /// The bytes the device got, and how their transfer ended.
    transfers: Vec<(Vec<u8>, Result<(), TransferError>)>,
}

fn firmware() -> Vec<u8> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fixtures/firmware/updraft-c3-1.0.0.bin"
    );
    std::fs::read(path).unwrap()
}

/// Serves until the client has ended.
fn push(credential: Option<Credential>, options: &[&str]) -> Option<Seen> {
    let udp = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    udp.set_read_timeout(Some(Duration::from_millis(50)))
        .unwrap();
    let port = udp.local_addr().unwrap().port().to_string();
    let client = client();
    let mut arguments = vec![client.to_str().unwrap(), "127.0.0.1"];
    let firmware = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fixtures/firmware/updraft-c3-1.0.0.bin"
    );
    arguments.extend([firmware, "--port", &port]);
    arguments.extend(options);
    let mut child = python(&arguments)?.stdout(Stdio::piped()).spawn().unwrap();

    let mut device = Device::new(credential);
    let mut transfers = Vec::new();
    let begin = Instant::now();
    while !has_ended(&mut child) {
        let mut datagram = [0; MAX_DATAGRAM + 1];
        let Ok((length, from)) = udp.recv_from(&mut datagram) else {
            continue;
        };
        let now = begin.elapsed().as_millis() as u64;
        let mut answer = device.receive(&datagram[..length], from, now, &random(now, from));
        while answer == Answer::Check {
            answer = device.step(100).unwrap_or(Answer::Check);
        }
        match answer {
            Answer::Nothing(_) | Answer::Check => {}
            Answer::Reply(reply) => {
                udp.send_to(reply.as_bytes(), reply.to).unwrap();
            }
            Answer::Start(reply, start) => {
                udp.send_to(reply.as_bytes(), reply.to).unwrap();
                transfers.push(fetch(&start));
                device.ended();
            }
        }
    }
    let mut text = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    let client = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text:?}"));
    Some(Seen { client, transfers })
}

fn has_ended(child: &mut Child) -> bool {
    child.try_wait().unwrap().is_some()
}

/// Different for every datagram, which is all these tests need.
fn random(now: u64, from: SocketAddr) -> [u8; 32] {
    std::array::from_fn(|at| (now >> (at % 8)) as u8 ^ from.port() as u8 ^ at as u8)
}

fn fetch(start: &Start) -> (Vec<u8>, Result<(), TransferError>) {
    let limit = Duration::from_millis(CONNECT_TIMEOUT_MS.into());
    let mut stream = TcpStream::connect_timeout(&start.host, limit).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_millis(READ_TIMEOUT_MS.into())))
        .unwrap();
    let mut transfer = Transfer::new(start);
    let mut got = Vec::new();
    let end = loop {
        if transfer.left() == 0 {
            break transfer.finish();
        }
        let mut piece = [0; READ];
        let line = match stream.read(&mut piece) {
            Ok(0) => break transfer.finish(),
            Ok(length) => transfer.received(&piece[..length]).inspect(|_| {
                got.extend_from_slice(&piece[..length]);
            }),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                transfer.silent()
            }
            Err(_) => break Err(TransferError::TooLittle),
        };
        match line {
            Ok(line) => {
                // A host that is gone shows at the next read.
                let _ = stream.write_all(line.as_bytes());
            }
            Err(error) => break Err(error),
        }
    };
    let verdict = match end {
        Ok(()) => Line::ok(),
        Err(error) => Line::complaint(error.code()),
    };
    let _ = stream.write_all(verdict.as_bytes());
    (got, end)
}

/// A password of this run.
static PASSWORD: LazyLock<String> =
    LazyLock::new(|| format!("{:016x}", RandomState::new().hash_one(0)));

fn credentials() -> [(&'static str, Credential, &'static [&'static str]); 4] {
    let (md5, sha256) = (
        PasswordHash::md5(PASSWORD.as_bytes()),
        PasswordHash::sha256(PASSWORD.as_bytes()),
    );
    [
        ("md5", Credential::md5(md5).unwrap(), &[]),
        ("sha256", Credential::sha256(sha256), &[]),
        // The client tries the SHA-256 first, is refused, and comes back with the MD5.
        ("sha256", Credential::sha256(md5), &[]),
        ("sha256", Credential::sha256(md5), &["-m"]),
    ]
}

#[test]
fn client_pushes_to_an_open_device() {
    let Some(seen) = push(None, &[]) else { return };
    assert_eq!(seen.client["outcome"], "done", "{}", seen.client);
    assert_eq!(seen.client["scheme"], "none");
    assert_eq!(seen.transfers, [(firmware(), Ok(()))]);
}

#[test]
fn client_pushes_with_either_scheme_and_cannot_replay() {
    for (scheme, credential, options) in credentials() {
        let mut all = vec!["--password", &PASSWORD, "--replay"];
        all.extend(options);
        let Some(seen) = push(Some(credential), &all) else {
            return;
        };
        assert_eq!(seen.client["outcome"], "done", "{}", seen.client);
        assert_eq!(seen.client["scheme"], scheme);
        assert!(seen.client["replayed"].is_null(), "{}", seen.client);
        assert_eq!(seen.transfers, [(firmware(), Ok(()))]);
    }
}

#[test]
fn wrong_password_transfers_nothing() {
    for (_, credential, options) in credentials() {
        let mut all = vec!["--password", "another"];
        all.extend(options);
        let Some(seen) = push(Some(credential), &all) else {
            return;
        };
        assert_eq!(seen.client["outcome"], "refused", "{}", seen.client);
        assert_eq!(seen.client["detail"], "Authentication Failed");
        assert_eq!(seen.transfers, []);
    }
}

#[test]
fn lies_cuts_and_silence_end_without_a_yes() {
    let zeros = "0".repeat(32);
    let firmware = firmware();
    let half = (firmware.len() as u32 / 2).to_string();
    for (options, outcome, end) in [
        (
            &["--claim-md5", &zeros][..],
            "device_error",
            TransferError::Md5Mismatch,
        ),
        (
            &["--claim-size", "10240"],
            "device_error",
            TransferError::Md5Mismatch,
        ),
        (&["--stop-after", &half], "cut", TransferError::TooLittle),
        (&["--stall-after", &half], "cut", TransferError::TooLittle),
    ] {
        let Some(seen) = push(None, options) else {
            return;
        };
        assert_ne!(seen.client["outcome"], "done", "{}", seen.client);
        let [(got, Err(error))] = seen.transfers.as_slice() else {
            panic!("{options:?}: {}", seen.client);
        };
        assert!(firmware.starts_with(got), "{options:?}");
        if options[0] != "--claim-size" {
            assert_eq!(
                (seen.client["outcome"].as_str(), *error),
                (Some(outcome), end)
            );
        }
    }
}

#[test]
fn device_hears_no_command_it_does_not_know() {
    let Some(seen) = push(
        None,
        &["--command", "7", "--tries", "2", "--timeout", "0.2"],
    ) else {
        return;
    };
    assert_eq!(seen.client["outcome"], "no_answer", "{}", seen.client);
    assert_eq!(seen.transfers, []);
}
