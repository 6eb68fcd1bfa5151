//! `updraft token` and `updraft type` against the real server.

mod support;

use support::server::Server;
use support::{fixture, json};

#[test]
fn issued_token_works_until_it_is_revoked() {
    let server = Server::start(&[]);
    let issued = server
        .admin()
        .run(&["--json", "token", "issue", "ci", "--role", "viewer"]);
    assert_eq!(issued.code, 0, "{}", issued.stderr);
    let issued = json(&issued.stdout);
    let secret = issued["secret"].as_str().unwrap();
    let id = issued["token"]["id"].as_str().unwrap();
    assert_eq!(server.with(secret).run(&["release", "list"]).code, 0);

    let listed = server.admin().run(&["token", "list"]);
    assert!(listed.stdout.contains(id) && !listed.stdout.contains(secret));
    let revoked = server.admin().run(&["token", "revoke", id]);
    assert_eq!(revoked.code, 0, "{}", revoked.stderr);
    assert_eq!(server.with(secret).run(&["release", "list"]).code, 3);
    assert_eq!(server.admin().run(&["token", "revoke", id]).code, 4);
}

#[test]
fn only_the_secret_is_on_stdout() {
    let server = Server::start(&[]);
    let run = server
        .admin()
        .run(&["token", "issue", "ci", "--role", "publisher"]);
    assert_eq!(run.stdout.lines().count(), 1);
    assert!(run.stdout.trim().len() >= 32, "{}", run.stdout);
    assert!(!run.stderr.contains(run.stdout.trim()));
    assert!(run.stderr.contains("not shown again"), "{}", run.stderr);
}

#[test]
fn only_administrators_issue() {
    let server = Server::start(&[]);
    let issue = |updraft: support::Updraft, role: &str| {
        updraft.run(&["token", "issue", "x", "--role", role])
    };
    let operator = issue(server.admin(), "operator").stdout;
    assert_eq!(issue(server.with(operator.trim()), "viewer").code, 3);
    assert_eq!(issue(server.admin(), "emperor").code, 2);
}

#[test]
fn type_has_the_chip_and_slot_of_its_first_release() {
    let server = Server::start(&[]);
    let none = server.admin().run(&["type", "list"]);
    assert_eq!((none.code, none.stdout.as_str()), (0, ""));
    let missing = server
        .admin()
        .run(&["type", "set", "beacon", "--slot-size", "1M"]);
    assert_eq!(missing.code, 4, "{}", missing.stderr);
    let file = fixture("updraft-c3-1.0.0.bin");
    let publish = server
        .admin()
        .run(&["release", "publish", &file, "--type", "beacon"]);
    assert_eq!(publish.code, 0, "{}", publish.stderr);
    let listed = server.admin().run(&["type", "list"]);
    insta::assert_snapshot!(listed.stdout, @r"
    TYPE    CHIP     SLOT SIZE
    beacon  esp32c3  2 MiB (2097152 bytes)
    ");
    let set = ["type", "set", "beacon", "--slot-size", "1280K"];
    insta::assert_snapshot!(server.admin().run(&set).stdout, @"beacon: slot size is now 1.25 MiB (1310720 bytes)");
    insta::assert_snapshot!(server.admin().run(&set).stdout, @"beacon: slot size is already 1.25 MiB (1310720 bytes)");
}
