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
    assert_eq!(list["events"].as_array().unwrap().len(), 1, "{list}");
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
        .args([first.as_str(), "--count", "2"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    publish(&server, "1.1.0");
    let block = [
        "release", "block", "esp32c3", "1.1.0", "--reason", "it hangs",
    ];
    assert_eq!(server.admin().run(&block).code, 0);
    let output = followed.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    let events: Vec<serde_json::Value> = text.lines().map(json).collect();
    assert_eq!(events.len(), 2);
    assert_eq!(events[0]["detail"]["version"], "1.1.0");
    assert_eq!(events[1]["type"], "release.block");

    let text = server.admin().run(&["events"]).stdout;
    assert!(
        text.contains("release.publish") && text.contains("version=1.1.0"),
        "{text}"
    );
    // Nobody takes what is posted there, and that is said.
    let added = server.admin().run(&[
        "--json",
        "webhook",
        "add",
        "http://127.0.0.1:1/",
        "--types",
        "rollout",
    ]);
    assert_eq!(added.code, 0, "{}", added.stderr);
    let added = json(&added.stdout);
    assert!(added["secret"].as_str().unwrap().starts_with("whsec_"));
    let id = added["webhook"]["id"].as_str().unwrap();
    assert_eq!(server.admin().run(&["webhook", "test", id]).code, 7);
    let list = server.admin().run(&["webhook", "list"]).stdout;
    assert!(
        list.contains(id) && list.contains("active") && !list.contains("whsec_"),
        "{list}"
    );
    assert_eq!(server.admin().run(&["webhook", "enable", id]).code, 0);
    assert_eq!(server.admin().run(&["webhook", "remove", id]).code, 0);
    assert_eq!(server.admin().run(&["webhook", "remove", id]).code, 4);
    let refused = server
        .admin()
        .run(&["webhook", "add", "http://169.254.169.254/"]);
    assert_eq!(refused.code, 6, "{}", refused.stderr);
    let refused = server.admin().run(&["events", "--follow", "--types", "Ü"]);
    assert_eq!(refused.code, 6, "{}", refused.stderr);
}

#[test]
fn the_audit_record_is_exported_whole() {
    let server = Server::start(&[]);
    publish(&server, "1.0.0");
    let block = [
        "release",
        "block",
        "esp32c3",
        "1.0.0",
        "--reason",
        "it \"hangs\", often",
    ];
    assert_eq!(server.admin().run(&block).code, 0);
    let all = server.admin().run(&["--json", "audit", "--since", "1h"]);
    assert_eq!(all.code, 0, "{}", all.stderr);
    let all = json(&all.stdout);
    let records = all["records"].as_array().unwrap();
    let blocked = records.last().unwrap();
    assert_eq!(blocked["action"], "release.block", "{all:#}");
    assert_eq!(blocked["detail"]["reason"], "it \"hangs\", often");
    assert_eq!(blocked["detail"]["was"], serde_json::Value::Null);
    assert!(!blocked["actor"].as_str().unwrap().is_empty());
    let some = server
        .admin()
        .run(&["--json", "audit", "--action", "release"]);
    let some = json(&some.stdout);
    assert!(some["records"].as_array().unwrap().len() < records.len());
    let none = server
        .admin()
        .run(&["--json", "audit", "--until", "2020-01-01"]);
    assert_eq!(json(&none.stdout)["records"], serde_json::json!([]));

    // Read by another implementation of the format.
    let csv = server.admin().run(&["audit", "--csv"]);
    let read = std::process::Command::new("python3")
        .args(["-c", "import csv, json, sys; print(json.dumps(list(csv.DictReader(open(sys.argv[1], newline='')))))"])
        .arg({
            let file = server.data().join("audit.csv");
            std::fs::write(&file, &csv.stdout).unwrap();
            file
        })
        .output()
        .unwrap();
    let rows = json(&String::from_utf8(read.stdout).unwrap());
    let row = rows.as_array().unwrap().last().unwrap().clone();
    assert_eq!(rows.as_array().unwrap().len(), records.len());
    assert_eq!(json(row["detail"].as_str().unwrap()), blocked["detail"]);
    let text = server
        .admin()
        .run(&["audit", "--action", "release.block"])
        .stdout;
    assert_eq!(text.lines().count(), 1, "{text}");
    assert_eq!(server.admin().run(&["audit", "--since", "soon"]).code, 2);
}
