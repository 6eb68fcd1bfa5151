//! `updraft release` against the real server, with real images.

mod support;

use support::server::Server;
use support::{Run, fixture, json};

fn publish(server: &Server, image: &str, more: &[&str]) -> Run {
    let file = fixture(image);
    let mut arguments = vec!["--json", "release", "publish", &file, "--type", "esp32c3"];
    arguments.extend(more);
    server.admin().run(&arguments)
}

fn code(run: &Run) -> String {
    json(&run.stderr)["error"]["code"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn published_twice_is_published_once() {
    let server = Server::start(&[]);
    let file = fixture("updraft-c3-1.0.0.bin");
    let arguments = [
        "release", "publish", &file, "--type", "esp32c3", "--notes", "first",
    ];
    let first = server.admin().run(&arguments);
    assert_eq!(first.code, 0, "{}", first.stderr);
    assert!(
        first
            .stdout
            .starts_with("esp32c3 1.0.0: published as stable, id "),
        "{}",
        first.stdout
    );
    // Progress is on stderr, in lines, because no terminal is there.
    assert!(
        first.stderr.contains("publishing updraft-c3-1.0.0.bin: "),
        "{}",
        first.stderr
    );
    assert!(first.stderr.contains("(100 %)"), "{}", first.stderr);
    let second = server.admin().run(&arguments);
    assert_eq!(second.code, 0, "{}", second.stderr);
    assert!(
        second
            .stdout
            .starts_with("esp32c3 1.0.0: already published, same bytes"),
        "{}",
        second.stdout
    );
    let listed = server
        .admin()
        .run(&["--json", "release", "list", "--type", "esp32c3"]);
    let listed = json(&listed.stdout);
    assert_eq!(listed["releases"].as_array().unwrap().len(), 1);
    assert_eq!(listed["releases"][0]["description"], "first");
    assert_eq!(listed["releases"][0]["project"], "updraft-c3");
}

#[test]
fn json_output_is_one_document_without_progress() {
    let server = Server::start(&[]);
    let run = publish(&server, "updraft-c3-1.0.0.bin", &[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(run.stderr, "");
    let document = json(&run.stdout);
    assert_eq!(document["outcome"], "published");
    assert_eq!(document["release"]["version"], "1.0.0");
    let again = json(&publish(&server, "updraft-c3-1.0.0.bin", &[]).stdout);
    assert_eq!(again["outcome"], "already_published");
    assert_eq!(again["release"]["id"], document["release"]["id"]);
}

#[test]
fn bad_files_are_refused_before_they_are_sent() {
    let server = Server::start(&[]);
    let mut damaged = std::fs::read(fixture("updraft-c3-1.0.0.bin")).unwrap();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0x10;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("damaged.bin");
    std::fs::write(&file, damaged).unwrap();
    let run = server.admin().run(&[
        "release",
        "publish",
        file.to_str().unwrap(),
        "--type",
        "esp32c3",
    ]);
    assert_eq!(run.code, 6);
    assert!(
        run.stderr.starts_with("error[checksum_mismatch]: "),
        "{}",
        run.stderr
    );
    assert!(!run.stderr.contains("publishing"), "{}", run.stderr);

    // A type named after a chip takes that chip only.
    assert_eq!(
        code(&publish(&server, "updraft-c6-1.0.0.bin", &[])),
        "wrong_chip"
    );
    assert_eq!(
        code(&publish(
            &server,
            "updraft-c3-1.0.0.bin",
            &["--version", "2.0.0"]
        )),
        "version_mismatch"
    );
    let other = "0".repeat(64);
    assert_eq!(
        code(&publish(
            &server,
            "updraft-c3-1.0.0.bin",
            &["--sha256", &other]
        )),
        "checksum_mismatch"
    );
    let listed = json(&server.admin().run(&["--json", "release", "list"]).stdout);
    assert_eq!(listed["releases"].as_array().unwrap().len(), 0);
}

#[test]
fn slot_size_of_the_type_is_a_limit() {
    let server = Server::start(&[]);
    assert_eq!(publish(&server, "updraft-c3-1.0.0.bin", &[]).code, 0);
    let set = server
        .admin()
        .run(&["type", "set", "esp32c3", "--slot-size", "256K"]);
    assert_eq!(set.code, 0, "{}", set.stderr);
    let run = publish(&server, "updraft-c3-1.1.0.bin", &[]);
    assert_eq!(run.code, 6, "{}", run.stdout);
}

#[test]
fn declared_version_may_be_written_with_a_v() {
    let server = Server::start(&[]);
    assert_eq!(
        publish(&server, "updraft-c3-1.1.0.bin", &["--version", "v1.1"]).code,
        0
    );
}

#[test]
fn testing_release_becomes_stable_by_promotion() {
    let server = Server::start(&[]);
    assert_eq!(publish(&server, "updraft-c3-1.0.0.bin", &[]).code, 0);
    let run = publish(
        &server,
        "updraft-c3-1.1.0.bin",
        &["--testing", "--channel", "beta"],
    );
    assert_eq!(run.code, 0, "{}", run.stderr);
    let shown = json(
        &server
            .admin()
            .run(&["--json", "release", "show", "esp32c3", "1.1.0"])
            .stdout,
    );
    assert_eq!(shown["release"]["status"], "testing");
    assert_eq!(shown["channels"], serde_json::json!(["beta"]));

    let promote = ["--json", "release", "promote", "esp32c3", "1.1.0"];
    let promoted = server.admin().run(&promote);
    assert_eq!(promoted.code, 0, "{}", promoted.stderr);
    let promoted = json(&promoted.stdout);
    assert_eq!(promoted["outcome"], "promoted");
    assert_eq!(promoted["release"]["status"], "stable");
    let again = server.admin().run(&promote);
    assert_eq!(again.code, 0);
    assert_eq!(json(&again.stdout)["outcome"], "already_promoted");
}

#[test]
fn block_and_unblock_are_idempotent() {
    let server = Server::start(&[]);
    let id = json(&publish(&server, "updraft-c3-1.0.0.bin", &[]).stdout)["release"]["id"].clone();
    let id = id.as_str().unwrap();
    let outcome = |arguments: &[&str]| {
        let run = server.admin().run(arguments);
        assert_eq!(run.code, 0, "{}", run.stderr);
        json(&run.stdout)["outcome"].as_str().unwrap().to_owned()
    };
    let block = ["--json", "release", "block", id, "--reason", "melts"];
    assert_eq!(outcome(&block), "blocked");
    assert_eq!(outcome(&block), "already_blocked");
    let shown = server.admin().run(&["release", "show", id]);
    assert!(shown.stdout.contains("melts"), "{}", shown.stdout);
    let unblock = ["--json", "release", "unblock", id];
    assert_eq!(outcome(&unblock), "unblocked");
    assert_eq!(outcome(&unblock), "already_unblocked");
}

#[test]
fn missing_release_names_those_that_are_there() {
    let server = Server::start(&[]);
    publish(&server, "updraft-c3-1.0.0.bin", &[]);
    let run = server.admin().run(&["release", "show", "esp32c3", "9.9.9"]);
    assert_eq!(run.code, 4);
    insta::assert_snapshot!(run.stderr, @r"
    error[release_not_found]: esp32c3 has no release 9.9.9
    help: it has 1.0.0
    ");
    let run = server
        .admin()
        .run(&["release", "show", "0123456789abcdef01234567"]);
    assert_eq!(run.code, 4, "{}", run.stderr);
}

#[test]
fn roles_are_kept_apart() {
    let server = Server::start(&[]);
    let issue = |role: &str| {
        let run = server
            .admin()
            .run(&["token", "issue", "ci", "--role", role]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        run.stdout.trim().to_owned()
    };
    let (viewer, publisher) = (issue("viewer"), issue("publisher"));
    let file = fixture("updraft-c3-1.0.0.bin");
    let publish = ["release", "publish", &file, "--type", "esp32c3"];
    let nobody = server.anybody().run(&publish);
    assert_eq!(nobody.code, 3, "{}", nobody.stderr);
    assert_eq!(
        server.with("not-a-token-of-this-server").run(&publish).code,
        3
    );
    assert_eq!(server.with(&viewer).run(&publish).code, 3);
    assert_eq!(server.with(&publisher).run(&publish).code, 0);
    assert_eq!(server.with(&viewer).run(&["release", "list"]).code, 0);
    let block = ["release", "block", "esp32c3", "1.0.0", "--reason", "no"];
    assert_eq!(server.with(&publisher).run(&block).code, 3);
}

#[test]
fn refusal_in_the_middle_of_an_upload_is_understood() {
    let server = Server::start(&["--max-upload", "100K"]);
    let run = publish(&server, "updraft-c3-1.0.0.bin", &[]);
    assert_eq!(run.code, 6, "{}", run.stderr);
    assert_ne!(code(&run), "unreachable");
    let listed = json(&server.admin().run(&["--json", "release", "list"]).stdout);
    assert_eq!(listed["releases"].as_array().unwrap().len(), 0);
}

#[test]
fn notes_come_from_a_file_too() {
    let server = Server::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let notes = folder.path().join("notes");
    let file = fixture("updraft-c3-1.0.0.bin");
    let missing = notes.to_str().unwrap();
    let publish = [
        "release",
        "publish",
        &file,
        "--type",
        "esp32c3",
        "--notes-file",
        missing,
    ];
    assert_eq!(server.admin().run(&publish).code, 1);
    std::fs::write(&notes, "Fixes the kitchen.\n").unwrap();
    assert_eq!(server.admin().run(&publish).code, 0);
    let shown = json(
        &server
            .admin()
            .run(&["--json", "release", "show", "esp32c3", "v1"])
            .stdout,
    );
    assert_eq!(shown["release"]["description"], "Fixes the kitchen.");
}

#[test]
fn what_a_release_can_be_installed_over_is_said_and_changed() {
    let server = Server::start(&[]);
    let run = publish(
        &server,
        "updraft-c3-1.1.0.bin",
        &["--from", ">=1.0, <2", "--stepping-stone"],
    );
    assert_eq!(run.code, 0, "{}", run.stderr);
    let release = &json(&run.stdout)["release"];
    assert_eq!(release["from_versions"], ">=1.0, <2");
    assert_eq!(release["stepping_stone"], true);
    let change = [
        "--json",
        "release",
        "change",
        "esp32c3",
        "1.1.0",
        "--from",
        "",
        "--stepping-stone",
        "false",
        "--status",
        "testing",
    ];
    let run = server.admin().run(&change);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let release = &json(&run.stdout)["release"];
    assert_eq!(release.get("from_versions"), None);
    assert_eq!(release["status"], "testing");
    let bad = server.admin().run(&[
        "--json", "release", "change", "esp32c3", "1.1.0", "--from", "new ones",
    ]);
    assert_eq!(code(&bad), "bad_requirement");
    let nothing = server
        .admin()
        .run(&["--json", "release", "change", "esp32c3", "1.1.0"]);
    assert_eq!(nothing.code, 2);
}
