//! A disk that takes no more.

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;

use crate::killed::spawn;
use crate::support::images::c3;
use crate::support::{raw, start_in};

/// The largest file that the server's process may write, in KiB: the database fits, an image does not.
const LIMIT: u32 = 600;

#[tokio::test]
async fn an_upload_that_does_not_fit_on_disk_is_answered_507_and_leaves_nothing() {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    // A limit on files stands for a full disk: the same call fails in the same place, without root.
    let mut server = spawn(&data, |program| {
        let mut command = Command::new("bash");
        let script = format!("trap '' XFSZ; ulimit -f {LIMIT}; exec \"$0\" \"$@\"");
        command.arg("-c").arg(script).arg(program);
        command
    })
    .await;
    let request = raw::upload_request(&server.token, &[("device_type", "esp32c3")], &c3("1.0.0"));
    let mut stream = raw::send(server.address, &request).await;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 507"), "{answer}");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["code"], "disk_full");
    let incoming = data.join("artifacts/incoming");
    while std::fs::read_dir(&incoming).unwrap().count() > 0 {
        tokio::task::yield_now().await;
    }
    server.child.kill().await.unwrap();
    let found = start_in(dir, |_| {}).await;
    found.assert_nothing_left("disk full").await;
}
