//! `updraft events` against a real server.

mod support;

use std::process::{Command, Stdio};

use support::server::Server;
use support::{fixture, json};

fn publish(server: &Server, version: &str) {
    let file = fixture(&format!("updraft-c3-{version}.bin"));
    let run = server
        .admin()
        .run(&["release", "publish", &file, "--type", "esp32c3", "--quiet"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
}

#[test]
fn what_happened_is_listed_and_what_happens_is_followed() {
    let server = Server::start(&[]);
    publish(&server, "1.0.0");
    let run = server
        .admin()
        .run(&["--json", "events", "--types", "release"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let list = json(&run.stdout);
    assert_eq!(list["events"].as_array().unwrap().len(), 2, "{list}");
    assert_eq!(list["events"][0]["type"], "release.publish");
    let first = list["events"][0]["id"].to_string();

    // From where somebody stopped, and on.
    let followed = Command::new(env!("CARGO_BIN_EXE_updraft"))
        .env_clear()
        .env("UPDRAFT_SERVER", &server.url)
        .env("UPDRAFT_TOKEN_FILE", server.data().join("admin-token"))
        .args([
            "--json", "events", "--follow", "--types", "release", "--after",
        ])
        .args([first.as_str(), "--count", "3"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    publish(&server, "1.1.0");
    let output = followed.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    let events: Vec<serde_json::Value> = text.lines().map(json).collect();
    assert_eq!(events.len(), 3);
    assert_eq!(events[0]["type"], "release.promote");
    assert_eq!(events[1]["detail"]["version"], "1.1.0");

    let text = server.admin().run(&["events"]).stdout;
    assert!(
        text.contains("release.publish") && text.contains("version=1.1.0"),
        "{text}"
    );
    let refused = server.admin().run(&["events", "--follow", "--types", "Ü"]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
}
