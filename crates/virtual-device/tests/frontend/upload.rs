//! Uploads that work, and the files they bring.

use updraft_flash::partition::layout;
use updraft_virtual_device::device::manufacture;
use updraft_virtual_device::nor_flash::{FlashSize, VirtualFlash};

use crate::bench::{SLOT, bench, request, sha256_header};
use crate::http::exchange;
use crate::images::release;
use crate::site::{frontend, pack};

const PATH: &str = "/api/ota/frontend";
const SUCCESS: &str = "Frontend update successful, rebooting...";

#[test]
fn an_upload_is_served_after_the_reboot_byte_for_byte() {
    let (old, new) = (frontend("1.0.0", SLOT), frontend("2.0.0", SLOT));
    let device = bench([Some(&old.image), None]).power_on();
    assert_eq!(device.title(), "1.0.0");
    assert_eq!(device.status()["www_slot"], 0);
    let answer = device.send(PATH, &sha256_header(&new.image), &new.image);
    assert_eq!((answer.status, answer.text().as_str()), (200, SUCCESS));
    device.wait_for("2.0.0 is confirmed");
    for (path, contents) in &new.files {
        let answer = device.get(&format!("/{path}"));
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.body == *contents, "{path} is not what was packed");
        let length = format!("Content-Length: {}", contents.len());
        assert!(answer.head.contains(&length), "{}", answer.head);
    }
    let status = device.status();
    assert_eq!(status["www_slot"], 1);
    assert_eq!(status["www"]["state"], "served");
    assert_eq!(status["www"]["trial"], "confirmed");
    assert_eq!(status["www"]["version"], "2.0.0");
    // The next one goes to the first slot again, as a form sends it.
    let next = frontend("3.0.0", SLOT);
    let body = [
        b"--xyz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"www.bin\"\r\n\r\n",
        next.image.as_slice(),
        b"\r\n--xyz--\r\n",
    ]
    .concat();
    let kind = "Content-Type: multipart/form-data; boundary=xyz\r\n";
    let answer = device.send(PATH, kind, &body);
    assert_eq!((answer.status, answer.text().as_str()), (200, SUCCESS));
    device.wait_for("3.0.0 is confirmed");
    assert_eq!(device.title(), "3.0.0");
    assert_eq!(device.status()["www_slot"], 0);
}

#[test]
fn what_http_says_of_the_files() {
    let site = frontend("1.0.0", SLOT);
    let device = bench([Some(&site.image), None]).power_on();
    let page = device.get("/");
    assert!(page.head.contains("Content-Type: text/html;charset=utf-8"));
    assert!(page.head.contains("Cache-Control: no-cache"));
    let script = device.get("/assets/index-Ab12Cd34.js?v=1");
    assert!(script.head.contains("immutable"), "{}", script.head);
    assert!(script.head.contains("Content-Type: text/javascript"));
    let etag = page.head.lines().find(|line| line.starts_with("ETag: "));
    let etag = etag.expect("a tag").trim_start_matches("ETag: ");
    let known = format!("If-None-Match: \"other\", {etag}\r\n");
    let answer = exchange(device.http, &request("GET", "/", &known));
    assert_eq!(
        (answer.status, answer.body.len()),
        (304, 0),
        "{}",
        answer.head
    );
    assert!(answer.head.contains(etag));
    let head = exchange(device.http, &request("HEAD", "/", ""));
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert!(head.head.contains("Content-Length: 35"), "{}", head.head);
    // Paths of the frontend's own are its first page; a missing file is none, and neither is the API.
    assert_eq!(device.get("/devices/7").body, site.file("index.html"));
    assert_eq!(device.get("/missing.js").status, 404);
    assert_eq!(device.get("/.updraft-www").status, 404);
    assert_eq!(device.get("/api/nothing").status, 404);
    assert_eq!(device.get("/../index.html").status, 404);
}

#[test]
fn compressed_files_and_images_of_other_makers() {
    let files = [
        ("app.js.gz".to_owned(), b"\x1f\x8bnot looked at".to_vec()),
        ("index.html".to_owned(), b"<title>plain</title>".to_vec()),
    ];
    let image = pack(&files, None, SLOT);
    let device = bench([None, None]).power_on();
    assert_eq!(device.send(PATH, "", &image).text(), SUCCESS);
    device.wait_for("the new frontend is confirmed");
    let script = device.get("/app.js");
    assert!(
        script.head.contains("Content-Encoding: gzip"),
        "{}",
        script.head
    );
    assert_eq!(script.body, files[0].1);
    assert_eq!(device.title(), "plain");
    assert_eq!(device.status()["www"]["version"], serde_json::Value::Null);
}

#[test]
fn a_device_without_slots_shows_its_own_page() {
    let mut bench = bench([None, None]);
    bench.table = layout::factory_4mb();
    bench.flash = VirtualFlash::new(FlashSize::Mb4);
    manufacture(&mut bench.flash, &bench.table, release("1.1.0").bytes).expect("it fits");
    let device = bench.power_on();
    assert_eq!(device.title(), "Device update");
    let answer = device.send(PATH, "", &frontend("1.0.0", SLOT).image);
    assert_eq!((answer.status, answer.code().as_str()), (507, "no_slot"));
    assert_eq!(device.status()["www"], serde_json::Value::Null);
}
