//! What the command line makes of servers that are not Updraft's, or that go away.

mod support;

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener};
use std::thread::JoinHandle;

use support::{Run, Updraft, json};

/// Answers one request with these bytes and hangs up; returns what was asked.
fn stranger(answer: &'static [u8]) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = Vec::new();
        let mut piece = [0; 1024];
        while !asked.ends_with(b"\r\n\r\n") {
            match stream.read(&mut piece).unwrap() {
                0 => break,
                read => asked.extend_from_slice(&piece[..read]),
            }
        }
        stream.write_all(answer).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        String::from_utf8(asked).unwrap()
    });
    (url, thread)
}

fn ask(answer: &'static [u8]) -> (Run, String) {
    let (url, thread) = stranger(answer);
    let run = Updraft::new()
        .env("UPDRAFT_TOKEN", "0123456789abcdef")
        .run(&["--json", "release", "list", "--server", &url]);
    (run, thread.join().unwrap())
}

fn failure(answer: &'static [u8]) -> (i32, String) {
    let (run, _) = ask(answer);
    assert_eq!(run.stdout, "");
    let code = json(&run.stderr)["error"]["code"]
        .as_str()
        .unwrap()
        .to_owned();
    (run.code, code)
}

#[test]
fn token_is_sent_as_bearer() {
    let (_, asked) = ask(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    assert!(
        asked.starts_with("GET /api/releases HTTP/1.1\r\n"),
        "{asked}"
    );
    let line = "authorization: bearer 0123456789abcdef\r\n";
    assert!(asked.to_lowercase().contains(line), "{asked}");
}

#[test]
fn another_program_is_recognised() {
    let page = b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n<h1>hello</h1>\n";
    assert_eq!(failure(page), (3, "not_updraft".into()));
    let missing = b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nnot found";
    assert_eq!(failure(missing), (3, "not_updraft".into()));
}

#[test]
fn redirects_are_not_followed() {
    let moved = b"HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(failure(moved), (3, "not_updraft".into()));
}

#[test]
fn refusals_keep_the_servers_code() {
    for (status, exit) in [
        ("401", 3),
        ("403", 3),
        ("404", 4),
        ("409", 6),
        ("413", 6),
        ("429", 9),
        ("500", 1),
        ("503", 9),
    ] {
        let body = r#"{"code":"some_code","message":"because","hint":"do that"}"#;
        let answer = format!(
            "HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let (run, _) = ask(answer.leak().as_bytes());
        assert_eq!(run.code, exit, "{status}");
        let error = &json(&run.stderr)["error"];
        assert_eq!(error["code"], "some_code");
        assert_eq!(error["message"], "because");
        assert_eq!(error["hint"], "do that");
        assert_eq!(error["exit_code"], exit);
    }
}

#[test]
fn proxy_without_its_server_counts_as_offline() {
    let answer = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy";
    assert_eq!(failure(answer), (9, "not_updraft".into()));
}

#[test]
fn cut_connection_counts_as_offline() {
    assert_eq!(failure(b""), (9, "unreachable".into()));
    let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n{\"releases\":[";
    assert_eq!(failure(cut), (9, "unreachable".into()));
}

#[test]
fn servers_text_cannot_control_the_terminal() {
    let (url, thread) = stranger(
        b"HTTP/1.1 409 X\r\nContent-Length: 50\r\n\r\n{\"code\":\"c\",\"message\":\"\\u001b[2Jgone\\u0007\"}      ",
    );
    let run = Updraft::new().run(&["release", "list", "--server", &url]);
    thread.join().unwrap();
    assert_eq!(run.code, 6);
    assert!(run.stderr.contains("\\u{1b}[2Jgone"), "{}", run.stderr);
    assert!(!run.stderr.contains('\u{1b}'));
}

#[cfg(unix)]
#[test]
fn interrupted_command_says_so() {
    use std::process::{Command, Stdio};

    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let home = tempfile::tempdir().unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_updraft"))
        .env_clear()
        .current_dir(home.path())
        .args(["--json", "release", "list", "--server", &url])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The request is there, so the command is waiting for its answer, which never comes.
    let (mut stream, _) = listener.accept().unwrap();
    assert!(stream.read(&mut [0; 16]).unwrap() > 0);
    let pid = child.id().to_string();
    let sent = Command::new("kill").args(["-INT", &pid]).status().unwrap();
    assert!(sent.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let error = json(std::str::from_utf8(&output.stderr).unwrap());
    assert_eq!(error["error"]["code"], "interrupted");
}
