//! Pushes that succeed, with each kind of password.

use updraft_protocol::espota::{PasswordHash, Scheme};

use crate::bench::{Bench, device};
use crate::client::{image, send};

fn md5() -> Option<PasswordHash> {
    Some(PasswordHash::md5("hunter2 ✓".as_bytes()))
}

fn sha256() -> Option<PasswordHash> {
    Some(PasswordHash::sha256("hunter2 ✓".as_bytes()))
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
    let options = ["--password", "hunter2 ✓"];
    push(sha256(), Scheme::Sha256, &options, "sha256");
}

#[test]
fn a_password_stored_as_md5_opens_in_the_new_scheme() {
    let options = ["--password", "hunter2 ✓", "-m"];
    push(md5(), Scheme::Sha256, &options, "sha256");
    // A client that does not know tries the SHA-256 first, is refused, and comes back.
    let options = ["--password", "hunter2 ✓"];
    push(md5(), Scheme::Sha256, &options, "sha256");
}

#[test]
fn a_password_stored_as_md5_opens_in_the_old_scheme() {
    let options = ["--password", "hunter2 ✓", "--scheme", "md5"];
    push(md5(), Scheme::Md5, &options, "md5");
}
