//! Pushes that succeed, with each kind of password.

use std::sync::LazyLock;

use rand::RngExt as _;
use updraft_protocol::espota::{PasswordHash, Scheme};

use crate::bench::{Bench, device};
use crate::client::{image, send};

/// A password of this run, with a letter outside ASCII.
static PASSWORD: LazyLock<String> =
    LazyLock::new(|| format!("{:016x} ✓", rand::rng().random::<u64>()));

fn md5() -> PasswordHash {
    PasswordHash::md5(PASSWORD.as_bytes())
}

fn sha256() -> PasswordHash {
    PasswordHash::sha256(PASSWORD.as_bytes())
}

/// Pushes 1.1.0 to a device with this password until it is confirmed.
fn push(password: Option<PasswordHash>, scheme: Scheme, options: &[&str], shown: &str) {
    let mut device = device("1.0.0");
    device.espota_password = password;
    device.settings.espota_scheme = scheme;
    let bench = Bench::start(device);
    let Some(account) = send(bench.ota(), &image("c3-1.1.0"), options) else {
        return;
    };
    assert_eq!(account["outcome"], "done", "{account}");
    assert_eq!(account["scheme"], shown, "{account}");
    bench.wait_for("1.1.0 is confirmed");
    assert_eq!(bench.count("the bootloader starts ota_0"), 1);
    bench.stop_unharmed();
}

#[test]
fn an_open_device_takes_an_app_and_confirms_it() {
    push(None, Scheme::Sha256, &[], "none");
}

#[test]
fn a_password_stored_as_sha256_opens() {
    let options = ["--password", &PASSWORD];
    push(Some(sha256()), Scheme::Sha256, &options, "sha256");
}

#[test]
fn a_password_stored_as_md5_opens_in_the_new_scheme() {
    let options = ["--password", &PASSWORD, "-m"];
    push(Some(md5()), Scheme::Sha256, &options, "sha256");
    // A client that does not know tries the SHA-256 first, is refused, and comes back.
    let options = ["--password", &PASSWORD];
    push(Some(md5()), Scheme::Sha256, &options, "sha256");
}

#[test]
fn a_password_stored_as_md5_opens_in_the_old_scheme() {
    let options = ["--password", &PASSWORD, "--scheme", "md5"];
    push(Some(md5()), Scheme::Md5, &options, "md5");
}
