//! Where settings come from, and how a token is guarded.

mod support;

use std::fs;
use std::net::TcpListener;

use support::{Updraft, json};

/// Asks for the releases of a server that is not there: the error names the address that was tried.
fn tried(updraft: Updraft, arguments: &[&str]) -> String {
    let mut all = vec!["--json", "release", "list"];
    all.extend(arguments);
    let run = updraft.run(&all);
    assert_eq!(run.code, 9, "{}", run.stderr);
    let error = json(&run.stderr);
    assert_eq!(error["error"]["code"], "unreachable");
    error["error"]["message"].as_str().unwrap().to_owned()
}

/// Ports of this machine where nobody listens.
fn dead_ports<const N: usize>() -> [String; N] {
    let listeners: [TcpListener; N] =
        std::array::from_fn(|_| TcpListener::bind(("127.0.0.1", 0)).unwrap());
    listeners.map(|listener| format!("http://{}", listener.local_addr().unwrap()))
}

#[test]
fn flag_beats_environment_beats_project_beats_user() {
    let [flag, variable, project, user] = dead_ports();
    let prepared = |steps: usize| {
        let mut updraft = Updraft::new();
        let folder = updraft.home().join(".config/updraft");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("config.toml"), format!("server = {user:?}")).unwrap();
        if steps > 0 {
            let file = updraft.home().join("updraft.toml");
            fs::write(file, format!("server = {project:?}")).unwrap();
        }
        if steps > 1 {
            updraft = updraft.env("UPDRAFT_SERVER", &variable);
        }
        updraft
    };
    assert!(tried(prepared(0), &[]).starts_with(&user));
    assert!(tried(prepared(1), &[]).starts_with(&project));
    assert!(tried(prepared(2), &[]).starts_with(&variable));
    assert!(tried(prepared(2), &["--server", &flag]).starts_with(&flag));
}

#[test]
fn project_file_is_found_from_below_but_not_outside_the_work_tree() {
    let [server] = dead_ports();
    let updraft = Updraft::new();
    let below = updraft.home().join("project/firmware/src");
    fs::create_dir_all(&below).unwrap();
    fs::create_dir(updraft.home().join("project/.git")).unwrap();
    let above = updraft.home().join("updraft.toml");
    fs::write(&above, "server = \"ftp://wrong\"").unwrap();
    let inside = updraft.home().join("project/updraft.toml");
    fs::write(&inside, format!("server = {server:?}")).unwrap();
    assert!(tried(updraft.folder(&below), &[]).starts_with(&server));
}

#[test]
fn configuration_holds_no_token_and_nothing_unknown() {
    for (content, named) in [
        ("token = \"secret\"", "token_file"),
        ("sever = \"http://localhost\"", "sever"),
        ("server = 8080", "server"),
    ] {
        let updraft = Updraft::new();
        fs::write(updraft.home().join("updraft.toml"), content).unwrap();
        let run = updraft.run(&["--json", "release", "list"]);
        assert_eq!(run.code, 3, "{content}");
        let error = &json(&run.stderr)["error"];
        assert_eq!(error["code"], "config_invalid");
        assert!(
            error["message"].as_str().unwrap().contains(named),
            "{error}"
        );
    }
}

#[cfg(unix)]
#[test]
fn token_file_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;

    let [server] = dead_ports();
    for (mode, code) in [
        (0o600, "unreachable"),
        (0o400, "unreachable"),
        (0o640, "token_file_permissions"),
        (0o604, "token_file_permissions"),
    ] {
        let updraft = Updraft::new().env("UPDRAFT_SERVER", &server);
        let file = updraft.home().join("token");
        fs::write(&file, "a-token\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let run = updraft
            .env("UPDRAFT_TOKEN_FILE", &file)
            .run(&["--json", "release", "list"]);
        assert_eq!(json(&run.stderr)["error"]["code"], code, "{mode:o}");
        assert!(!run.stderr.contains("a-token"));
    }
}

#[test]
fn token_of_several_lines_is_none() {
    let run = Updraft::new()
        .env("UPDRAFT_TOKEN", "first\nsecond")
        .run(&["--json", "release", "list"]);
    assert_eq!(run.code, 3);
    assert_eq!(json(&run.stderr)["error"]["code"], "token_invalid");
    assert!(!run.stderr.contains("second"));
}

#[test]
fn address_with_a_password_is_refused() {
    let run = Updraft::new().run(&["release", "list", "--server", "http://me:secret@localhost"]);
    assert_eq!(run.code, 3);
    assert!(
        run.stderr.starts_with("error[server_address]"),
        "{}",
        run.stderr
    );
}
