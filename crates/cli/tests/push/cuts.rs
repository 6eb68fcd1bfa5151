//! Answers in the middle, and connections that are cut.

use updraft_protocol::{ReasonCode, SlotState};

use crate::fake::{After, Fake, OnUpload, because, before, new};
use crate::support::{fixture, json};

#[test]
fn an_answer_in_the_middle_is_read() {
    let words = "sector 17 does not erase";
    let on_upload = OnUpload::AnswerAfter(100_000, 500, "erase_failed", words);
    let fake = Fake::start(before(), on_upload, vec![After::Says(Box::new(before()))]);
    let run = fake.push(&[]);
    assert_eq!(run.code, 7, "{}", run.stderr);
    assert!(run.stderr.contains(words), "{}", run.stderr);
    assert!(run.stderr.contains("\"erase_failed\""), "{}", run.stderr);
}

#[test]
fn a_cut_in_the_middle_may_be_tried_again() {
    let after = vec![After::Nothing, After::Says(Box::new(before()))];
    let fake = Fake::start(before(), OnUpload::CutAfter(50_000), after);
    let run = fake.push(&[]);
    assert_eq!(run.code, 9, "{}", run.stderr);
    let error = &json(run.stderr.lines().last().unwrap())["error"];
    assert_eq!(error["code"], "connection_lost");
    let hint = error["hint"].as_str().unwrap();
    assert!(
        hint.contains("still runs 1.0.0") && hint.contains("push again"),
        "{hint}"
    );
}

#[test]
fn a_cut_for_a_reason_is_told_with_the_reason() {
    let after = because(
        before(),
        "failed",
        ReasonCode::WriteFailed,
        "the flash is worn out",
    );
    let fake = Fake::start(before(), OnUpload::CutAfter(50_000), vec![after]);
    let run = fake.push(&[]);
    assert_eq!(run.code, 7, "{}", run.stderr);
    assert!(
        run.stderr.contains("the flash is worn out"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_cut_behind_the_last_byte_is_a_restart() {
    let after = vec![
        After::Nothing,
        new(SlotState::PendingVerify, 1),
        new(SlotState::Valid, 31),
    ];
    let fake = Fake::start(before(), OnUpload::TakeAndCut, after);
    let run = fake.push(&[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(json(&run.stdout)["outcome"], "confirmed");
}

#[test]
fn a_cut_behind_the_last_byte_without_a_restart_is_a_failure() {
    let after = because(
        before(),
        "failed",
        ReasonCode::ChecksumMismatch,
        "other bytes",
    );
    let fake = Fake::start(before(), OnUpload::TakeAndCut, vec![after]);
    let run = fake.push(&[]);
    assert_eq!(run.code, 7, "{}", run.stderr);
    assert!(run.stderr.contains("other bytes"), "{}", run.stderr);
}

#[test]
fn a_device_that_never_says_continue_gets_the_file_all_the_same() {
    let fake = Fake::start(
        before(),
        OnUpload::TakeUnasked,
        vec![new(SlotState::Valid, 1)],
    );
    let run = fake.push(&[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(
        fake.body(),
        std::fs::read(fixture("updraft-c3-1.1.0.bin")).unwrap()
    );
}
