//! The convention's own library, in Python.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

use super::receiver::Delivery;

/// Prints the body that was verified, or null.
const VERIFY: &str = r#"
import json, sys
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
given = json.load(sys.stdin)
try:
    print(json.dumps(Webhook(given["secret"]).verify(given["body"], given["headers"])))
except WebhookVerificationError:
    print("null")
"#;

/// Made once for all tests of this program.
static PYTHON: OnceLock<Option<PathBuf>> = OnceLock::new();

fn python() -> Option<PathBuf> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/python-tools");
    let why = match Command::new(script).output() {
        Ok(output) if output.status.success() => {
            let path = String::from_utf8(output.stdout).unwrap();
            return Some(PathBuf::from(path.trim()));
        }
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    assert_ne!(
        std::env::var("CI").as_deref(),
        Ok("true"),
        "python-tools: {why}"
    );
    let _ = writeln!(
        std::io::stderr(),
        "skipped: signatures are not verified: {why}"
    );
    None
}

/// The body as the library verified it; null if it did not. None without the library. The library wants the time to be
/// within five minutes.
pub fn verify(secret: &str, delivery: &Delivery) -> Option<Value> {
    let python = PYTHON.get_or_init(python).as_ref()?;
    let headers: serde_json::Map<String, Value> = delivery
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().into()))
        .collect();
    let given =
        serde_json::json!({ "secret": secret, "headers": headers, "body": delivery.text() });
    let mut child = Command::new(python)
        .args(["-c", VERIFY])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(given.to_string().as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    Some(serde_json::from_slice(&output.stdout).unwrap())
}
