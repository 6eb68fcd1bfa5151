//! littlefs's own C code, through `littlefs_oracle.py` and littlefs-python.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// Paths and contents; folders have none.
pub(crate) type Tree = BTreeMap<String, Option<Vec<u8>>>;

/// One running oracle.
pub(crate) struct Oracle {
    process: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Oracle {
    /// Starts it; `None` where there is no Python for it, which only CI does not accept.
    pub(crate) fn start() -> Option<Self> {
        let script = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/support/littlefs_oracle.py"
        );
        let mut process = Command::new(python()?)
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let requests = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().unwrap());
        Some(Self {
            process,
            requests,
            answers,
        })
    }

    fn ask(&mut self, request: &Value) -> Value {
        let requests = self.requests.as_mut().unwrap();
        writeln!(requests, "{request}").unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line).expect("the oracle died; its complaint is above")
    }

    /// Makes an image: gives it, and what it holds.
    pub(crate) fn build(&mut self, request: &Value) -> (Vec<u8>, Tree) {
        let answer = self.ask(request);
        (bytes(&answer["image"]), tree(&answer["tree"]))
    }

    /// Makes an image as [`Oracle::build`] does, and gives that which a power cut leaves in the middle, if one
    /// was asked for and came to pass.
    pub(crate) fn build_cut(&mut self, request: &Value) -> Option<(Vec<u8>, Tree)> {
        let answer = self.ask(request);
        let cut = answer.get("cut")?;
        assert_eq!(cut["error"], Value::Null);
        Some((bytes(&cut["image"]), tree(&cut["tree"])))
    }

    /// Reads an image: what it holds, or why it does not mount.
    pub(crate) fn read(&mut self, image: &[u8]) -> Result<Tree, String> {
        let answer = self.ask(&json!({"do": "read", "image": text(image)}));
        match &answer["error"] {
            Value::String(error) => Err(error.clone()),
            _ => Ok(tree(&answer["tree"])),
        }
    }

    /// Writes files into an image: gives the image then, and what it holds.
    pub(crate) fn write(&mut self, image: &[u8], files: &Tree) -> (Vec<u8>, Tree) {
        let files: BTreeMap<_, _> = files
            .iter()
            .map(|(path, contents)| (path, contents.as_deref().map(text)))
            .collect();
        let answer = self.ask(&json!({"do": "read", "image": text(image), "write": files}));
        assert_eq!(answer["error"], Value::Null);
        (bytes(&answer["image"]), tree(&answer["written"]))
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        // It ends when its input does.
        drop(self.requests.take());
        let _ = self.process.wait();
    }
}

/// Bytes as the oracle takes them.
pub(crate) fn text(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

fn bytes(value: &Value) -> Vec<u8> {
    STANDARD.decode(value.as_str().unwrap()).unwrap()
}

fn tree(value: &Value) -> Tree {
    let entries = value.as_object().unwrap().iter();
    entries
        .map(|(path, contents)| {
            let contents = (!contents.is_null()).then(|| bytes(contents));
            (path.clone(), contents)
        })
        .collect()
}

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
        "scripts/python-tools: {why}"
    );
    println!("skipped: scripts/python-tools gave no Python: {why}");
    None
}
