//! Programs in images, images on flashes, flashes in chips.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use sha2::{Digest, Sha256};
use updraft_flash::partition::layout::two_slots_4mb;
use updraft_virtual_chip::{Event, VirtualChip};
use updraft_virtual_device::nor_flash::{FlashSize, VirtualFlash};

/// Where programs here are loaded and start.
pub(crate) const ENTRY: u32 = 0x4038_0000;

/// An app image (ESP-IDF's `esp_app_format.h`) of a descriptor and this code, which runs in RAM.
pub(crate) fn image(code: &[u32]) -> Vec<u8> {
    let mut descriptor = vec![0; 256];
    descriptor[..4].copy_from_slice(&0xABCD_5432_u32.to_le_bytes());
    descriptor[16..21].copy_from_slice(b"1.0.0");
    descriptor[48..52].copy_from_slice(b"test");
    let code: Vec<u8> = code.iter().flat_map(|word| word.to_le_bytes()).collect();
    let mut image = vec![0xE9, 2, 2, 0x20];
    image.extend(ENTRY.to_le_bytes());
    image.extend([0xEE, 0, 0, 0, 5, 0, 0, 0, 0, 0xC7, 0, 0, 0, 0, 0, 1]);
    let mut checksum = 0xEF;
    for (address, bytes) in [(0x3C00_0020_u32, &descriptor), (ENTRY, &code)] {
        image.extend(address.to_le_bytes());
        image.extend((bytes.len() as u32).to_le_bytes());
        image.extend(bytes);
        checksum = bytes.iter().fold(checksum, |sum, byte| sum ^ byte);
    }
    while image.len() % 16 != 15 {
        image.push(0);
    }
    image.push(checksum);
    let hash = Sha256::digest(&image);
    image.extend(hash);
    image
}

/// A flash of 4 MB with a partition table and this program in `ota_0`.
pub(crate) fn flash(code: &[u32]) -> VirtualFlash {
    let table = two_slots_4mb();
    let mut flash = VirtualFlash::new(FlashSize::Mb4);
    flash
        .preload(0x8000, &table.to_bytes())
        .expect("the table fits");
    let slot = table.ota(0).expect("there is an ota_0");
    flash
        .preload(slot.offset, &image(code))
        .expect("the program fits");
    flash
}

/// What a chip sent over its serial line, and its other events.
#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<(Vec<u8>, Vec<Event>)>>);

impl Seen {
    pub(crate) fn observe(&self) -> impl FnMut(Duration, &Event) + Send + 'static {
        let seen = self.clone();
        move |_, event| {
            let mut seen = seen.0.lock().expect("nobody panics while holding it");
            match event {
                Event::Serial(bytes) => seen.0.extend(bytes),
                Event::Line(_) => {}
                other => seen.1.push(other.clone()),
            }
        }
    }

    pub(crate) fn serial(&self) -> Vec<u8> {
        self.0
            .lock()
            .expect("nobody panics while holding it")
            .0
            .clone()
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.0
            .lock()
            .expect("nobody panics while holding it")
            .1
            .clone()
    }
}

/// Runs this program for 100 ms of its own time; gives what it sent.
pub(crate) fn run(code: &[u32]) -> Vec<u8> {
    let seen = Seen::default();
    let mut chip = VirtualChip::builder(flash(code))
        .observer(seen.observe())
        .build();
    chip.run_for(Duration::from_millis(100))
        .expect("the program runs");
    seen.serial()
}
