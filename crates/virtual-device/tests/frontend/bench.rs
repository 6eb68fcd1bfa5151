//! A device with slots for a frontend, and what a browser asks of it.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};
use updraft_agent::Settings;
use updraft_flash::partition::layout;
use updraft_virtual_device::device::manufacture;
use updraft_virtual_device::nor_flash::{FlashSize, VirtualFlash};

use crate::device::{Bench, Device};
use crate::http::{Answer, exchange};
use crate::images::release;

/// Bytes of a www slot of the 16 MB table.
pub(crate) const SLOT: u32 = 1 << 20;

/// A 16 MB device that runs 1.1.0 from `factory`, with these images in its slots.
pub(crate) fn bench(slots: [Option<&[u8]>; 2]) -> Bench {
    let table = layout::three_slots_16mb();
    let mut flash = VirtualFlash::new(FlashSize::Mb16);
    manufacture(&mut flash, &table, release("1.1.0").bytes).expect("it fits");
    for (label, image) in ["www_0", "www_1"].into_iter().zip(slots) {
        if let Some(image) = image {
            let slot = table.find(label).expect("a slot of the table");
            flash.preload(slot.offset, image).expect("it fits");
        }
    }
    let mut settings = Settings::new(
        "",
        "bench".parse().expect("a name"),
        "esp32c3".parse().expect("a name"),
    );
    settings.min_uptime_seconds = 0;
    Bench {
        flash,
        table,
        settings,
        push_token: None,
    }
}

/// A request without a body.
pub(crate) fn request(method: &str, target: &str, headers: &str) -> Vec<u8> {
    format!("{method} {target} HTTP/1.1\r\nHost: device\r\n{headers}\r\n").into_bytes()
}

/// An upload to `target`.
pub(crate) fn upload(target: &str, headers: &str, image: &[u8]) -> Vec<u8> {
    let length = format!("Content-Length: {}\r\n{headers}", image.len());
    [&request("POST", target, &length), image].concat()
}

pub(crate) fn sha256_header(image: &[u8]) -> String {
    let mut header = "X-Sha256: ".to_owned();
    for byte in Sha256::digest(image) {
        write!(header, "{byte:02x}").expect("a string takes it");
    }
    header + "\r\n"
}

impl Device {
    pub(crate) fn get(&self, target: &str) -> Answer {
        exchange(self.http, &request("GET", target, ""))
    }

    pub(crate) fn post(&self, target: &str) -> Answer {
        exchange(self.http, &request("POST", target, "Content-Length: 0\r\n"))
    }

    pub(crate) fn send(&self, target: &str, headers: &str, image: &[u8]) -> Answer {
        exchange(self.http, &upload(target, headers, image))
    }

    /// The page's title, once it is there.
    pub(crate) fn title(&self) -> String {
        let text = self.get("/").text();
        let title = text.split("<title>").nth(1).unwrap_or_default();
        title.split('<').next().unwrap_or_default().to_owned()
    }
}
