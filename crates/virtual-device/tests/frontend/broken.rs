//! Uploads that are refused, each for its reason, and slots that cannot be served.

use crate::bench::{SLOT, bench, sha256_header};
use crate::device::Device;
use crate::images::release;
use crate::site::{Frontend, frontend, pack};

const PATH: &str = "/api/ota/frontend";

/// That this is refused so, and the old frontend still served, from where it was.
fn refused(device: &Device, headers: &str, body: &[u8], code: &str, words: &str) {
    let answer = device.send(PATH, headers, body);
    assert_eq!(answer.code(), code, "{}", answer.text());
    assert!(
        answer.text().contains(words),
        "{words:?}: {}",
        answer.text()
    );
    assert_eq!(device.title(), "1.0.0");
    assert_eq!(device.status()["www_slot"], 0);
}

/// The image with a byte changed in the middle of what the script's file holds.
fn flipped(site: &Frontend) -> Vec<u8> {
    let mut image = site.image.clone();
    let script = site.file("assets/index-Ab12Cd34.js");
    let at = image
        .windows(64)
        .rposition(|window| window == &script[..64])
        .expect("the file is in the image");
    image[at + 10] ^= 1;
    image
}

#[test]
fn damaged_and_foreign_images() {
    let (old, new) = (frontend("1.0.0", SLOT), frontend("2.0.0", SLOT));
    let device = bench([Some(&old.image), None]).power_on();
    let app = release("1.3.0");
    refused(&device, "", app.bytes, "not_an_image", "send it to /update");
    refused(
        &device,
        "",
        b"<!doctype html><title>404</title>",
        "not_an_image",
        "HTML",
    );
    refused(&device, "", b"", "not_an_image", "nothing arrived");
    refused(&device, "", &[0xFF; 8192], "not_an_image", "littlefs");
    let small = frontend("2.0.0", SLOT / 2);
    refused(&device, "", &small.image, "image_invalid", "128 != 256");
    let large = frontend("2.0.0", SLOT * 2);
    refused(&device, "", &large.image, "image_invalid", "512 != 256");
    let short = &new.image[..SLOT as usize - 4096];
    refused(&device, "", short, "image_invalid", "1044480 bytes");
    let long = [new.image.as_slice(), &[0xFF; 4096]].concat();
    refused(&device, "", &long, "too_big", "1052672 bytes");
    refused(
        &device,
        &sha256_header(b"x"),
        &new.image,
        "checksum_mismatch",
        "promised",
    );
    let mut broken = new.image.clone();
    broken[24] = 1;
    refused(&device, "", &broken, "image_invalid", "blocks of");
    broken[24] = 0;
    // One superblock of two: the other one serves, unless both are spoiled.
    broken[40] ^= 0x55;
    broken[4096 + 40] ^= 0x55;
    refused(&device, "", &broken, "not_an_image", "superblock");
    refused(
        &device,
        "",
        &flipped(&new),
        "image_invalid",
        "assets/index-Ab12Cd34.js",
    );
    let files = [("main.js".to_owned(), b"1".to_vec())];
    let pageless = pack(&files, Some("2.0.0"), SLOT);
    refused(&device, "", &pageless, "image_invalid", "index.html");
    let answer = device.send("/api/ota/frontend?confirm=nobody", "", &new.image);
    assert_eq!(answer.status, 400);
    // After all of that the real one is taken.
    assert_eq!(device.send(PATH, "", &new.image).status, 200);
    device.wait_for("2.0.0 is confirmed");
}

#[test]
fn a_frontend_sent_to_the_apps_route() {
    let site = frontend("1.0.0", SLOT);
    let device = bench([Some(&site.image), None]).power_on();
    let answer = device.send("/update", "", &site.image);
    assert_eq!(answer.code(), "not_an_image");
    assert!(answer.text().contains("LittleFS"), "{}", answer.text());
}

#[test]
fn the_other_slot_stands_in_and_the_broken_one_is_replaced() {
    let (first, second) = (frontend("1.0.0", SLOT), frontend("2.0.0", SLOT));
    let mut broken = first.image.clone();
    broken[..8192].fill(0);
    let device = bench([Some(&broken), Some(&second.image)]).power_on();
    assert_eq!(device.title(), "2.0.0");
    let status = device.status();
    assert_eq!(status["www_slot"], 1);
    assert_eq!(status["www"]["state"], "other");
    assert_eq!(
        device.post("/api/ota/frontend/rollback").code(),
        "no_way_back"
    );
    assert_eq!(device.send(PATH, "", &first.image).status, 200);
    device.wait_for("1.0.0 is confirmed");
    assert_eq!(device.status()["www_slot"], 0);
}

#[test]
fn a_stand_in_with_a_fault_anywhere_is_not_served() {
    let site = frontend("2.0.0", SLOT);
    let device = bench([None, Some(&flipped(&site))]).power_on();
    assert_eq!(device.title(), "Recovery");
}

#[test]
fn the_recovery_page_uploads() {
    let site = frontend("1.0.0", SLOT);
    let device = bench([None, None]).power_on();
    let page = device.get("/");
    assert_eq!(device.title(), "Recovery");
    assert!(page.body.len() < 3072, "{}", page.body.len());
    let text = page.text();
    for part in [
        "method=\"post\"",
        "action=\"/api/ota/frontend\"",
        "enctype=\"multipart/form-data\"",
        "name=\"file\"",
    ] {
        assert!(text.contains(part), "{part}");
    }
    assert_eq!(device.status()["www"]["state"], "none");
    let body = [
        b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"www.bin\"\r\n\r\n",
        site.image.as_slice(),
        b"\r\n--b--\r\n",
    ]
    .concat();
    let headers = format!(
        "Content-Type: multipart/form-data; boundary=b\r\nOrigin: http://{}\r\n",
        "device"
    );
    let answer = device.send(PATH, &headers, &body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    device.wait_for("1.0.0 is confirmed");
    assert_eq!(device.title(), "1.0.0");
}
