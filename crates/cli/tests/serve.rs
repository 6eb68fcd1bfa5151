//! `updraft serve`: what it says, what it keeps, how it ends.

mod support;

use std::fs;

use support::server::Server;
use support::{Updraft, json};

#[cfg(unix)]
#[test]
fn first_start_makes_an_admin_token_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;

    let server = Server::start(&[]);
    for name in ["admin-token", "enrolment-key"] {
        let file = server.data().join(name);
        let mode = fs::metadata(&file).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{name}");
        assert!(fs::read_to_string(&file).unwrap().trim().len() >= 32);
    }
    let run = server.admin().run(&["token", "list"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
}

#[cfg(unix)]
#[test]
fn sigterm_ends_it_well_and_another_start_keeps_what_was_there() {
    let mut server = Server::start(&[]);
    let file = support::fixture("updraft-c3-1.0.0.bin");
    let publish = server
        .admin()
        .run(&["release", "publish", &file, "--type", "esp32c3"]);
    assert_eq!(publish.code, 0, "{}", publish.stderr);
    assert!(server.stop().success());
    let gone = server.admin().run(&["release", "list"]);
    assert_eq!(gone.code, 9, "{}", gone.stderr);

    let server = server.again();
    let listed = server.admin().run(&["--json", "release", "list"]);
    assert_eq!(json(&listed.stdout)["releases"][0]["version"], "1.0.0");
}

#[test]
fn people_are_told_what_to_do_next_and_see_the_token_once() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let start = || {
        let data = data.to_str().unwrap();
        support::server::until_ready(&["serve", "--data", data, "--listen", "127.0.0.1:0"])
    };
    let first = start();
    let token = fs::read_to_string(data.join("admin-token")).unwrap();
    assert!(first.contains(token.trim()), "{first}");
    assert!(first.contains("shown this once"), "{first}");
    assert!(first.contains("updraft release publish"), "{first}");
    let second = start();
    assert!(!second.contains(token.trim()), "{second}");
    assert!(second.contains("admin-token"), "{second}");
}

#[test]
fn open_device_endpoints_are_a_loud_matter() {
    let server = Server::start(&["--device-auth", "open"]);
    let log = server.log();
    assert!(log.contains("DEVICE AUTH IS OPEN"), "{log}");
    let (status, _) = server.post(
        "/api/devices/anybody/check-in",
        "",
        r#"{"device_type":"esp32c3","version":"1.0.0"}"#,
    );
    assert_eq!(status, 200);
}

#[test]
fn options_come_from_the_file_too() {
    let updraft = Updraft::new();
    let file = updraft.home().join("updraft.toml");
    // A floor that no server accepts shows that the file was read, before anything is started.
    fs::write(&file, "[serve]\npoll_interval = \"soon\"").unwrap();
    let run = updraft.run(&["serve"]);
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert!(
        run.stderr.contains("\"soon\" is not a length of time"),
        "{}",
        run.stderr
    );

    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("kept here");
    let text = format!("[serve]\ndata = {data:?}\nlisten = \"127.0.0.1:0\"\nmax_uploads = 2\n");
    let file = home.path().join("settings.toml");
    fs::write(&file, text).unwrap();
    let said = support::server::until_ready(&["serve", "--config", file.to_str().unwrap()]);
    assert!(said.contains("kept here"), "{said}");
    assert!(data.join("admin-token").exists());
}

#[test]
fn folder_is_needed() {
    let run = Updraft::new().run(&["--json", "serve"]);
    assert_eq!(run.code, 2);
    assert_eq!(json(&run.stderr)["error"]["code"], "no_data_folder");
}

#[test]
fn folder_has_one_server_at_a_time() {
    let server = Server::start(&[]);
    let data = server.data();
    let run = Updraft::new().run(&[
        "--json",
        "serve",
        "--data",
        data.to_str().unwrap(),
        "--listen",
        "127.0.0.1:0",
    ]);
    assert_eq!(run.code, 3, "{}", run.stderr);
    let last = run.stderr.lines().last().unwrap();
    assert_eq!(json(last)["error"]["code"], "data_dir_in_use");
}

#[test]
fn taken_port_is_named() {
    let server = Server::start(&[]);
    let address = server.url.strip_prefix("http://").unwrap();
    let updraft = Updraft::new();
    let run = updraft.run(&["serve", "--data", "data", "--listen", address]);
    assert_eq!(run.code, 3, "{}", run.stderr);
    let wanted = format!("error[cannot_listen]: cannot listen on {address}");
    assert!(run.stderr.contains(&wanted), "{}", run.stderr);
}

#[test]
fn taken_mqtt_port_is_named_with_its_remedies() {
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = holder.local_addr().unwrap().to_string();
    let arguments = ["serve", "--data", "data", "--listen", "127.0.0.1:0"];
    let run = Updraft::new().run(&[&arguments[..], &["--mqtt-listen", &address]].concat());
    assert_eq!(run.code, 3, "{}", run.stderr);
    let wanted = format!("error[mqtt_cannot_listen]: the MQTT broker cannot listen on {address}");
    for part in [wanted.as_str(), "--mqtt-listen", "--mqtt off"] {
        assert!(run.stderr.contains(part), "{}", run.stderr);
    }
}

#[test]
fn the_broker_s_address_is_told() {
    let arguments = ["serve", "--data", "data", "--listen", "127.0.0.1:0"];
    let told = support::server::until_ready(&arguments);
    assert!(told.contains("  mqtt           127.0.0.1:"), "{told}");
    let off = support::server::until_ready(&[&arguments[..], &["--mqtt", "off"]].concat());
    assert!(!off.contains("  mqtt "), "{off}");
}

#[test]
fn weak_secrets_are_refused() {
    let run = Updraft::new().env("UPDRAFT_ADMIN_TOKEN", "admin").run(&[
        "serve",
        "--data",
        "data",
        "--listen",
        "127.0.0.1:0",
    ]);
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert!(run.stderr.contains("error[weak_secret]"), "{}", run.stderr);
}

#[test]
fn log_is_json_on_request() {
    let mut server = Server::start(&["--log-format", "json"]);
    server.stop();
    let log = server.log();
    assert!(!log.is_empty());
    for line in log.lines() {
        json(line);
    }
}
