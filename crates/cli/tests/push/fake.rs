//! A device that says what a test wants, over real sockets.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use updraft_image::{Expect, verify};
use updraft_protocol::local::{LocalApp, LocalEvent, LocalSession, LocalSlot, LocalStatus};
use updraft_protocol::{Bootloader, Digest, ReasonCode, ResetReason, SlotState};

use crate::support::{Run, Updraft, fixture};

/// What it does with an upload.
#[derive(Debug, Clone, Copy)]
pub(crate) enum OnUpload {
    /// Takes it and says so.
    Take,
    /// Takes it without ever having asked for it: it does not know `Expect`.
    TakeUnasked,
    /// Takes it and cuts the connection.
    TakeAndCut,
    /// Refuses it by its head.
    Refuse(u16, &'static str, &'static str),
    /// Answers after so many bytes, and reads no more.
    AnswerAfter(usize, u16, &'static str, &'static str),
    /// Cuts the connection after so many bytes.
    CutAfter(usize),
}

/// What it does when asked for its status after an upload, in turn; the last one again and again.
#[derive(Debug, Clone)]
pub(crate) enum After {
    /// Closes the connection.
    Nothing,
    /// Answers.
    Says(Box<LocalStatus>),
}

#[derive(Debug)]
struct State {
    before: LocalStatus,
    on_upload: OnUpload,
    after: Vec<After>,
    uploaded: bool,
    head: String,
    body: Vec<u8>,
}

/// The device.
#[derive(Debug)]
pub(crate) struct Fake {
    /// `HOST:PORT`.
    pub(crate) address: String,
    state: Arc<Mutex<State>>,
}

impl Fake {
    pub(crate) fn start(before: LocalStatus, on_upload: OnUpload, after: Vec<After>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state = Arc::new(Mutex::new(State {
            before,
            on_upload,
            after,
            uploaded: false,
            head: String::new(),
            body: Vec::new(),
        }));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, state) = (stream.unwrap(), Arc::clone(&shared));
                // A client that is gone in the middle is what some tests are about.
                std::thread::spawn(move || serve(stream, &state));
            }
        });
        Self { address, state }
    }

    /// Pushes 1.1.0, with `--json` and these options.
    pub(crate) fn push(&self, options: &[&str]) -> Run {
        self.push_file(&fixture("updraft-c3-1.1.0.bin"), options)
    }

    pub(crate) fn push_file(&self, file: &str, options: &[&str]) -> Run {
        self.push_as(Updraft::new(), file, options)
    }

    pub(crate) fn push_as(&self, updraft: Updraft, file: &str, options: &[&str]) -> Run {
        let mut arguments = vec!["push", &self.address, file, "--json"];
        arguments.extend(options);
        updraft.run(&arguments)
    }

    /// The head of the upload; empty if there was none.
    pub(crate) fn head(&self) -> String {
        self.state.lock().unwrap().head.clone()
    }

    /// The bytes of the upload.
    pub(crate) fn body(&self) -> Vec<u8> {
        self.state.lock().unwrap().body.clone()
    }

    /// Whether an upload is over.
    pub(crate) fn is_uploaded(&self) -> bool {
        self.state.lock().unwrap().uploaded
    }
}

fn serve(mut stream: TcpStream, state: &Mutex<State>) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    if head.starts_with("GET /api/ota/status ") {
        let status = next_status(&mut state.lock().unwrap())?;
        answer(&mut stream, 200, &serde_json::to_string(&status).unwrap());
        return Some(());
    }
    if !head.starts_with("POST ") {
        answer(&mut stream, 404, "{}");
        return Some(());
    }
    let on_upload = {
        let mut state = state.lock().unwrap();
        state.head.clone_from(&head);
        state.on_upload
    };
    take(&mut stream, &head, on_upload, state);
    Some(())
}

fn next_status(state: &mut State) -> Option<LocalStatus> {
    if !state.uploaded {
        return Some(state.before.clone());
    }
    let next = match state.after.len() {
        0 | 1 => state.after.first().cloned(),
        _ => Some(state.after.remove(0)),
    };
    match next {
        Some(After::Says(status)) => Some(*status),
        _ => None,
    }
}

fn take(stream: &mut TcpStream, head: &str, on_upload: OnUpload, state: &Mutex<State>) {
    let length = head
        .lines()
        .find_map(|line| {
            line.to_ascii_lowercase()
                .strip_prefix("content-length: ")?
                .parse()
                .ok()
        })
        .unwrap();
    let refusal = |code: &str, message: &str| {
        serde_json::json!({ "code": code, "message": message }).to_string()
    };
    if let OnUpload::Refuse(status, code, message) = on_upload {
        answer(stream, status, &refusal(code, message));
        // What a client sends all the same is seen.
        read(stream, usize::MAX, state);
        return;
    }
    if !matches!(on_upload, OnUpload::TakeUnasked) {
        let _ = stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n");
    }
    let wanted = match on_upload {
        OnUpload::AnswerAfter(bytes, ..) | OnUpload::CutAfter(bytes) => bytes,
        _ => length,
    };
    read(stream, wanted, state);
    state.lock().unwrap().uploaded = true;
    match on_upload {
        OnUpload::AnswerAfter(_, status, code, message) => {
            answer(stream, status, &refusal(code, message));
            // As the device does: what is on its way is read, so that its answer is not lost with it.
            read(stream, usize::MAX, state);
        }
        OnUpload::Take | OnUpload::TakeUnasked => {
            answer(stream, 200, "OTA update successful, rebooting...");
        }
        _ => {}
    }
}

fn read(stream: &mut TcpStream, wanted: usize, state: &Mutex<State>) {
    let mut piece = [0; 1024];
    let mut left = wanted;
    while left > 0 {
        let room = left.min(piece.len());
        match stream.read(&mut piece[..room]) {
            Ok(count) if count > 0 => {
                left -= count;
                state.lock().unwrap().body.extend(&piece[..count]);
            }
            _ => break,
        }
    }
}

fn answer(stream: &mut TcpStream, status: u16, body: &str) {
    let _ = write!(
        stream,
        "HTTP/1.1 {status} Whatever\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
}

/// The device runs this version from `slot`, whose state is this, for so many seconds.
pub(crate) fn runs(version: &str, slot: &str, state: SlotState, uptime: u32) -> LocalStatus {
    let bytes = std::fs::read(fixture(&format!("updraft-c3-{version}.bin"))).unwrap();
    let facts = verify(&bytes, Expect::new()).unwrap();
    LocalStatus {
        device_id: "garden".parse().unwrap(),
        chip: "esp32c3".into(),
        running: LocalApp {
            slot: slot.into(),
            version: version.into(),
            project: "updraft-c3".into(),
            compiled: "2026-01-01 00:00:00".into(),
            idf_version: "esp-hal".into(),
            elf_sha256: Digest(facts.head.app.app_elf_sha256),
            secure_version: 0,
        },
        state,
        bootloader: Bootloader::Rollback,
        boot_slot: Some(slot.into()),
        mismatch: false,
        next: Some(LocalSlot {
            slot: if slot == "ota_0" { "ota_1" } else { "ota_0" }.into(),
            size: 1 << 20,
            version: None,
        }),
        rollback: None,
        reset_reason: ResetReason::Software,
        uptime_seconds: uptime,
        secure_version: 0,
        www_slot: None,
        www: None,
        free_space: 1 << 20,
        push_auth: "none".into(),
        session: None,
        last_result: None,
    }
}

/// 1.0.0, confirmed long ago, in `ota_0`.
pub(crate) fn before() -> LocalStatus {
    runs("1.0.0", "ota_0", SlotState::Valid, 1000)
}

/// 1.1.0 in `ota_1`.
pub(crate) fn new(state: SlotState, uptime: u32) -> After {
    After::Says(Box::new(runs("1.1.0", "ota_1", state, uptime)))
}

/// The status with this as what came of the last update.
pub(crate) fn because(
    mut status: LocalStatus,
    event: &str,
    reason: ReasonCode,
    detail: &str,
) -> After {
    status.last_result = Some(LocalEvent {
        number: Some(7),
        time: None,
        uptime_seconds: 0,
        event: event.into(),
        subject: "ota_1 1.1.0".into(),
        reason: Some(reason),
        detail: detail.into(),
    });
    After::Says(Box::new(status))
}

/// Somebody else's update, half of it written.
pub(crate) fn session() -> LocalSession {
    LocalSession {
        source: "espota".into(),
        peer: Some("192.0.2.9".into()),
        slot: "ota_1".into(),
        stage: "writing".into(),
        written: 1000,
        total: 2000,
    }
}
