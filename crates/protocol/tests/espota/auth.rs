//! Responses, against those that Python's hashlib makes.

use proptest::prelude::*;
use updraft_protocol::espota::auth::ROUNDS;
use updraft_protocol::espota::{Credential, Hex, PasswordHash, Scheme};

use crate::python::python;

const PASSWORDS: [&str; 4] = [
    "",
    "admin",
    "correct horse battery staple",
    "Grüße aus Köln ✓",
];

/// Each argument, `scheme:hash:password:nonce:cnonce`, becomes a line with the response.
const ORACLE: &str = r"
import hashlib, sys
for argument in sys.argv[1:]:
    scheme, hashed, password, nonce, cnonce = argument.split(':')
    key = getattr(hashlib, hashed)(password.encode()).hexdigest()
    both = nonce + ':' + cnonce
    if scheme == 'sha256':
        key = hashlib.pbkdf2_hmac('sha256', key.encode(), both.encode(), 10000).hex()
    print(getattr(hashlib, scheme)((key + ':' + both).encode()).hexdigest())
";

fn credentials(password: &str) -> [(&'static str, &'static str, Credential); 3] {
    let (md5, sha256) = (
        PasswordHash::md5(password.as_bytes()),
        PasswordHash::sha256(password.as_bytes()),
    );
    [
        ("md5", "md5", Credential::md5(md5).unwrap()),
        ("sha256", "md5", Credential::sha256(md5)),
        ("sha256", "sha256", Credential::sha256(sha256)),
    ]
}

fn random(seed: usize) -> [u8; 32] {
    std::array::from_fn(|at| (seed.wrapping_mul(97) ^ at.wrapping_mul(31) ^ (seed >> 1)) as u8)
}

#[test]
fn responses_are_those_of_hashlib() {
    let Some(mut command) = python(&["-c", ORACLE]) else {
        return;
    };
    let mut ours = Vec::new();
    for (seed, password) in PASSWORDS.into_iter().enumerate() {
        for (scheme, hashed, credential) in credentials(password) {
            let (nonce, cnonce) = (
                credential.nonce(&random(seed)),
                credential.nonce(&random(seed + 7)),
            );
            command.arg(format!("{scheme}:{hashed}:{password}:{nonce}:{cnonce}"));
            ours.push(credential.prove(nonce, cnonce).finish().to_string());
        }
    }
    let output = command.output().unwrap();
    let theirs = String::from_utf8(output.stdout).unwrap();
    let theirs: Vec<&str> = theirs.lines().collect();
    assert_eq!(ours.len(), 12);
    assert_eq!(ours, theirs, "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn steps_of_any_size_come_to_the_same() {
    let [_, _, (_, _, credential)] = credentials("admin");
    let (nonce, cnonce) = (credential.nonce(&random(1)), credential.nonce(&random(2)));
    let whole = credential.prove(nonce, cnonce).finish();
    for rounds in [1, 7, 100, 9_998, 9_999, 10_000, u32::MAX] {
        let mut proof = credential.prove(nonce, cnonce);
        let mut steps = 0;
        let response = loop {
            steps += 1;
            if let Some(response) = proof.step(rounds) {
                break response;
            }
        };
        assert_eq!(response, whole, "{rounds} rounds a step");
        // The first round is what the computation begins with.
        assert_eq!(steps, (ROUNDS - 1).div_ceil(rounds));
        assert_eq!(proof.step(rounds), Some(whole), "asked again");
    }
}

#[test]
fn stored_hashes_stand_for_their_passwords() {
    // md5 and sha256 of "admin".
    let md5 = "21232F297A57A5A743894A0E4A801FC3";
    let sha256 = "8c6976e5b5410415bde908bd4dee15dfb167a9c873fc4bb8a81f6f2ab448a918";
    let [(_, _, one), (_, _, two), (_, _, three)] = credentials("admin");
    let stored = [
        Credential::md5(PasswordHash::from_hex(md5).unwrap()).unwrap(),
        Credential::sha256(PasswordHash::from_hex(md5).unwrap()),
        Credential::sha256(PasswordHash::from_hex(sha256).unwrap()),
    ];
    for (stored, made) in stored.into_iter().zip([one, two, three]) {
        let (nonce, cnonce) = (made.nonce(&random(3)), made.nonce(&random(4)));
        assert_eq!(
            stored.prove(nonce, cnonce).finish(),
            made.prove(nonce, cnonce).finish()
        );
    }
    assert!(
        Credential::md5(PasswordHash::from_hex(sha256).unwrap()).is_none(),
        "the MD5 scheme needs an MD5"
    );
    for bad in ["", "admin", &md5[1..], &format!("{sha256}0"), "ä"] {
        assert!(PasswordHash::from_hex(bad).is_none(), "{bad:?}");
    }
}

#[test]
fn secrets_do_not_show() {
    let [_, _, (_, _, credential)] = credentials("admin");
    let proof = credential.prove(credential.nonce(&[1; 32]), credential.nonce(&[2; 32]));
    let shown = format!("{credential:?} {proof:?}");
    assert!(!shown.contains("8c6976e5"), "{shown}");
}

proptest! {
    #[test]
    fn nonces_have_the_length_of_their_scheme(bytes: [u8; 32]) {
        for (scheme, _, credential) in credentials("x") {
            let nonce = credential.nonce(&bytes);
            prop_assert_eq!(nonce.len(), if scheme == "md5" { 32 } else { 64 });
            prop_assert_eq!(Scheme::of(&nonce), credential.scheme());
            prop_assert_eq!(Hex::parse(nonce.as_bytes()), Some(nonce));
        }
    }

    #[test]
    fn another_nonce_or_password_is_another_response(nonce: [u8; 32], other: [u8; 32]) {
        prop_assume!(nonce[..16] != other[..16]);
        let [(_, _, right), ..] = credentials("right");
        let [(_, _, wrong), ..] = credentials("wrong");
        let respond = |credential: &Credential, nonce: &[u8; 32]| {
            credential.prove(credential.nonce(nonce), credential.nonce(&[7; 32])).finish()
        };
        prop_assert_ne!(respond(&right, &nonce), respond(&right, &other));
        prop_assert_ne!(respond(&right, &nonce), respond(&wrong, &nonce));
    }
}
