//! What an upload may be, and how everything else is refused without a trace.

use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::json;
use tokio::io::AsyncReadExt as _;

use crate::support::images::{c3, image, rebuilt, sha256};
use crate::support::{TestServer, raw, refusal, start, start_with};

const TYPE: (&str, &str) = ("device_type", "esp32c3");

/// A name, the text fields, the file, and the refusal that is due.
type Case<'a> = (
    &'a str,
    Vec<(&'a str, &'a str)>,
    Option<Vec<u8>>,
    (u16, &'a str),
);

#[expect(clippy::too_many_lines, reason = "one table")]
#[tokio::test]
async fn every_bad_upload_is_named_and_leaves_nothing() {
    let server = start().await;
    let good = c3("1.0.0");
    let damaged = |offset: usize| {
        let mut bytes = good.clone();
        bytes[offset] ^= 0x10;
        bytes
    };
    let length = good.len();
    let mut no_hash = good.clone();
    no_hash[23] = 0;
    let trailing = [good.clone(), vec![0xff; 16]].concat();
    let elf = [b"\x7fELF".to_vec(), vec![0; 1000]].concat();
    let text = "hello!".repeat(60_000).into_bytes();
    let wrong_digest = sha256(b"other");
    let long = "x".repeat(5000);
    let cases: Vec<Case<'_>> = vec![
        (
            "no type",
            vec![],
            Some(good.clone()),
            (400, "missing_field"),
        ),
        ("no file", vec![TYPE], None, (400, "missing_field")),
        (
            "bad type",
            vec![("device_type", "../etc")],
            Some(good.clone()),
            (400, "bad_field"),
        ),
        (
            "bad version",
            vec![TYPE, ("version", "one")],
            Some(good.clone()),
            (400, "bad_field"),
        ),
        (
            "bad digest",
            vec![TYPE, ("sha256", "12")],
            Some(good.clone()),
            (400, "bad_field"),
        ),
        (
            "bad status",
            vec![TYPE, ("status", "blessed")],
            Some(good.clone()),
            (400, "bad_field"),
        ),
        (
            "bad required",
            vec![TYPE, ("required", "maybe")],
            Some(good.clone()),
            (400, "bad_field"),
        ),
        (
            "bad channel",
            vec![TYPE, ("channel", "Beta!")],
            Some(good.clone()),
            (400, "bad_channel"),
        ),
        (
            "unknown field",
            vec![TYPE, ("colour", "red")],
            Some(good.clone()),
            (400, "unknown_field"),
        ),
        (
            "a field twice",
            vec![TYPE, TYPE],
            Some(good.clone()),
            (400, "duplicate_field"),
        ),
        (
            "long text",
            vec![TYPE, ("description", &long)],
            Some(good.clone()),
            (413, "field_too_long"),
        ),
        (
            "long type",
            vec![("device_type", &long)],
            Some(good.clone()),
            (413, "field_too_long"),
        ),
        ("empty", vec![TYPE], Some(Vec::new()), (422, "empty_file")),
        ("text", vec![TYPE], Some(text), (422, "text_file")),
        ("an ELF", vec![TYPE], Some(elf), (422, "elf_file")),
        ("no hash", vec![TYPE], Some(no_hash), (422, "no_hash")),
        (
            "trailing bytes",
            vec![TYPE],
            Some(trailing),
            (422, "trailing_bytes"),
        ),
        (
            "cut at 100",
            vec![TYPE],
            Some(good[..100].to_vec()),
            (422, "too_short"),
        ),
        (
            "cut in the middle",
            vec![TYPE],
            Some(good[..length / 2].to_vec()),
            (422, "truncated"),
        ),
        (
            "cut by one",
            vec![TYPE],
            Some(good[..length - 1].to_vec()),
            (422, "truncated"),
        ),
        (
            "a flipped bit of data",
            vec![TYPE],
            Some(damaged(200_000)),
            (422, "checksum_mismatch"),
        ),
        (
            "a flipped bit of the hash",
            vec![TYPE],
            Some(damaged(length - 5)),
            (422, "hash_mismatch"),
        ),
        (
            "another chip",
            vec![TYPE],
            Some(image("c6", "1.0.0")),
            (422, "wrong_chip"),
        ),
        (
            "another version",
            vec![TYPE, ("version", "2.0.0")],
            Some(good.clone()),
            (422, "version_mismatch"),
        ),
        (
            "another digest",
            vec![TYPE, ("sha256", &wrong_digest)],
            Some(good.clone()),
            (422, "sha256_mismatch"),
        ),
    ];
    for (name, fields, binary, (status, code)) in cases {
        let refused = refusal(server.upload(&fields, binary).await).await;
        assert_eq!(refused, (status, code.to_owned()), "{name}");
        server.assert_nothing_left(name).await;
    }
    // And after all that, the good one goes in.
    server.publish("esp32c3", &good).await;
}

#[tokio::test]
async fn what_is_said_after_the_file_counts_too() {
    let server = start().await;
    let late = async |fields: &[(&'static str, &'static str)]| {
        let mut form = Form::new().part("binary", Part::bytes(c3("1.0.0")));
        for (name, value) in fields {
            form = form.text(*name, *value);
        }
        let request = server.request(Method::POST, "/api/firmwares/upload");
        request.multipart(form).send().await.unwrap()
    };
    for (fields, code) in [
        (vec![("device_type", "esp32s3")], "wrong_chip"),
        (
            vec![("device_type", "node"), ("version", "1.0.1")],
            "version_mismatch",
        ),
        (vec![], "missing_field"),
    ] {
        assert_eq!(refusal(late(&fields).await).await.1, code);
        server.assert_nothing_left(code).await;
    }
    let response = late(&[("version", "v1.0.0"), ("device_type", "node")]).await;
    assert_eq!(response.status(), 201);
}

#[tokio::test]
async fn a_form_that_is_none_is_refused() {
    let server = start().await;
    let request = server
        .request(Method::POST, "/api/firmwares/upload")
        .json(&json!({}));
    assert_eq!(
        refusal(request.send().await.unwrap()).await,
        (400, "bad_form".to_owned())
    );
    let request = server
        .request(Method::POST, "/api/firmwares/upload")
        .header("content-type", "multipart/form-data; boundary=x")
        .body("this is not a form");
    assert_eq!(
        refusal(request.send().await.unwrap()).await,
        (400, "bad_form".to_owned())
    );
}

#[tokio::test]
async fn a_type_keeps_the_chip_and_the_slot_it_has() {
    let server = start().await;
    let first = server.publish("node", &c3("1.0.0")).await;
    assert_eq!(first["chip"], "esp32c3");
    assert_eq!(
        server.json("/api/types/node").await,
        json!({ "name": "node", "chip": "esp32c3", "slot_size": 2_097_152 })
    );
    let other_chip = server
        .upload(&[("device_type", "node")], Some(image("c6", "1.0.0")))
        .await;
    assert_eq!(refusal(other_chip).await, (422, "wrong_chip".to_owned()));

    let response = server
        .patch("/api/types/node", &json!({ "slot_size": 401_408 }))
        .await;
    assert_eq!(response.status(), 200);
    let too_large = server
        .upload(&[("device_type", "node")], Some(c3("1.1.0")))
        .await;
    assert_eq!(refusal(too_large).await, (413, "too_large".to_owned()));
    for bad in [0, 4095, 4097, 16 * 1024 * 1024 + 4096] {
        let response = server
            .patch("/api/types/node", &json!({ "slot_size": bad }))
            .await;
        assert_eq!(
            refusal(response).await,
            (400, "bad_slot_size".to_owned()),
            "{bad}"
        );
    }
    let unknown = server
        .patch("/api/types/nobody", &json!({ "slot_size": 8192 }))
        .await;
    assert_eq!(refusal(unknown).await, (404, "not_found".to_owned()));
}

#[tokio::test]
async fn the_same_bytes_again_are_success_and_other_bytes_are_not() {
    let server = start().await;
    let first = server.publish("esp32c3", &c3("1.0.0")).await;
    let again = server
        .upload(&[TYPE, ("description", "another word")], Some(c3("1.0.0")))
        .await;
    assert_eq!(again.status(), 200);
    assert_eq!(again.json::<serde_json::Value>().await.unwrap(), first);
    let other = server.upload(&[TYPE], Some(rebuilt(&c3("1.0.0")))).await;
    assert_eq!(refusal(other).await, (409, "version_exists".to_owned()));
    assert_eq!(
        server.json("/api/releases").await["releases"],
        json!([server
            .json(&format!("/api/releases/{}", first["id"].as_str().unwrap()))
            .await])
    );
    assert_eq!(server.artifacts().len(), 1);
    // The same file under another type is another release of the same artifact.
    let second = server.publish("esp32c3-beacon", &c3("1.0.0")).await;
    assert_ne!(second["id"], first["id"]);
    assert_eq!(server.artifacts().len(), 1);
    let id = first["id"].as_str().unwrap();
    assert_eq!(
        server.delete(&format!("/api/releases/{id}")).await.status(),
        204
    );
    assert_eq!(
        server.artifacts().len(),
        1,
        "the other release still has it"
    );
}

#[tokio::test]
async fn many_at_once_publish_one_release() {
    let server = start().await;
    let uploads = (0..6).map(|_| server.upload(&[TYPE], Some(c3("1.0.0"))));
    let answers = futures_util::future::join_all(uploads).await;
    let created = answers
        .iter()
        .filter(|answer| answer.status() == 201)
        .count();
    assert_eq!(created, 1);
    assert!(answers.iter().all(|answer| answer.status().is_success()));
    assert_eq!(server.artifacts().len(), 1);
    server.wait_for_no_incoming("all answered").await;
}

#[tokio::test]
async fn a_wrong_file_is_answered_before_it_is_all_there() {
    let server = start().await;
    let address = server.running.as_ref().unwrap().local_addr;
    let text = b"hello!".repeat(100_000);
    let request = raw::upload_request(&server.admin, &[TYPE], &text);
    // The first kilobytes only; the answer comes although the rest never does.
    let mut stream = raw::send(address, &request[..4096]).await;
    let mut head = [0; 12];
    stream.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 422");
    server.assert_nothing_left("answered early").await;
}

#[tokio::test]
async fn a_large_wrong_file_gets_its_answer_through() {
    let server = start().await;
    let text = b"hello!".repeat(1_500_000);
    let refused = refusal(server.upload(&[TYPE], Some(text)).await).await;
    assert_eq!(refused, (422, "text_file".to_owned()));
}

#[tokio::test]
async fn a_large_file_without_leave_gets_its_answer_through() {
    let server = start().await;
    for path in [
        "/api/firmwares/upload",
        "/api/v1/firmware/upload?version=1.0.0",
    ] {
        let request = server.bare(Method::POST, path).body(vec![0; 9_000_000]);
        let refused = refusal(request.send().await.unwrap()).await;
        assert_eq!(refused, (401, "token_required".to_owned()), "{path}");
    }
}

#[tokio::test]
async fn a_file_over_the_limit_is_refused() {
    let server = start_with(|config| config.limits.max_upload = 400_000).await;
    let refused = refusal(server.upload(&[TYPE], Some(c3("1.0.0"))).await).await;
    assert_eq!(refused, (413, "upload_too_large".to_owned()));
    server.assert_nothing_left("over the limit").await;
}

#[tokio::test]
async fn a_cut_connection_leaves_nothing_wherever_it_is_cut() {
    let server = start().await;
    let address = server.running.as_ref().unwrap().local_addr;
    let request = raw::upload_request(&server.admin, &[TYPE], &c3("1.0.0"));
    let binary = request.len() - c3("1.0.0").len() - 40;
    for cut in [
        10,
        200,
        binary - 50,
        binary,
        binary + 1,
        binary + 287,
        binary + 288,
        binary + 100_000,
        binary + 300_000,
        request.len() - 60,
        request.len() - 10,
    ] {
        let before = server.metric("connections_total").await;
        drop(raw::send(address, &request[..cut]).await);
        // Seen and over: what is left is this test's own connection.
        while server.metric("connections_total").await == before
            || server.metric("connections").await > 1
        {
            tokio::task::yield_now().await;
        }
        server
            .assert_nothing_left(&format!("cut after {cut} of {}", request.len()))
            .await;
    }
    let mut stream = raw::send(address, &request).await;
    let mut head = [0; 12];
    stream.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 201");
}

#[tokio::test]
async fn an_upload_that_stalls_is_ended() {
    let server = start_with(|config| {
        config.limits.stall_window = std::time::Duration::from_millis(200);
    })
    .await;
    let address = server.running.as_ref().unwrap().local_addr;
    let request = raw::upload_request(&server.admin, &[TYPE], &c3("1.0.0"));
    let mut stream = raw::send(address, &request[..100_000]).await;
    let mut head = [0; 12];
    stream.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 408");
    server.assert_nothing_left("stalled").await;
}

#[tokio::test]
async fn only_so_many_uploads_at_a_time() {
    let server = start_with(|config| config.limits.max_uploads = 1).await;
    let address = server.running.as_ref().unwrap().local_addr;
    let request = raw::upload_request(&server.admin, &[TYPE], &c3("1.0.0"));
    let stream = raw::send(address, &request[..100_000]).await;
    wait_for_an_incoming(&server).await;
    let response = server.upload(&[TYPE], Some(c3("1.1.0"))).await;
    assert_eq!(response.headers()["retry-after"], "5");
    assert_eq!(
        refusal(response).await,
        (503, "too_many_uploads".to_owned())
    );
    drop(stream);
    server.wait_for_no_incoming("cut").await;
    server.publish("esp32c3", &c3("1.1.0")).await;
}

async fn wait_for_an_incoming(server: &TestServer) {
    while server.incoming().is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_same_bytes_again_restore_a_lost_or_damaged_file() {
    let server = start().await;
    let image = c3("1.0.0");
    let release = server.publish("esp32c3", &image).await;
    let url = release["download_url"].as_str().unwrap();
    let [file] = &server.artifacts()[..] else {
        panic!("one file")
    };
    let damage: [fn(&std::path::Path); 3] = [
        |file| std::fs::remove_file(file).unwrap(),
        |file| std::fs::write(file, "damaged").unwrap(),
        |_| {},
    ];
    for damage in damage {
        damage(file);
        let again = server
            .upload(&[("device_type", "esp32c3")], Some(image.clone()))
            .await;
        assert_eq!(again.status(), 200);
        assert_eq!(std::fs::read(file).unwrap(), image);
        server.wait_for_no_incoming("after the same again").await;
    }
    assert_eq!(server.get(url).await.bytes().await.unwrap(), image);
}
