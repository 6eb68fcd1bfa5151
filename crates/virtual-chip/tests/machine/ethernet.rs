//! The Ethernet MAC: frames out, frames in, and frames for others.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use updraft_virtual_chip::VirtualChip;
use updraft_virtual_chip::ethernet::EthernetPort;

use crate::support::assembler::{S0, T1, T2, ZERO, branch, halt, i_type, li, lw, poke, send_word};
use crate::support::program::{Seen, flash};

const MAC: u32 = 0x600C_D000;
const SENDING: u32 = 0x3FC9_0000;
const RECEIVING: u32 = 0x3FC9_1000;
const OWN: [u8; 6] = [0x52, 0x54, 0, 0x12, 0x34, 0x56];

/// A cable that keeps what is sent, and after so many frames gives these.
struct Cable {
    sent: Arc<Mutex<Vec<Vec<u8>>>>,
    to_give: Vec<(usize, Vec<u8>)>,
}

impl EthernetPort for Cable {
    fn send(&mut self, frame: &[u8]) {
        self.sent
            .lock()
            .expect("nobody panics")
            .push(frame.to_vec());
    }

    fn receive(&mut self) -> Option<Vec<u8>> {
        let sent = self.sent.lock().expect("nobody panics").len();
        self.to_give
            .pop_if(|(after, _)| *after <= sent)
            .map(|(_, frame)| frame)
    }
}

fn frame(to: [u8; 6], payload: &[u8]) -> Vec<u8> {
    let mut frame = to.to_vec();
    frame.extend([2, 0, 0, 0, 0, 1, 0x08, 0x00]);
    frame.extend(payload);
    frame
}

/// Sends one frame of 20 bytes, waits for one, sends its descriptor and first word over the
/// serial line.
fn program() -> Vec<u32> {
    let mut code = Vec::new();
    for (address, value) in [
        (SENDING, 0x4433_2211),
        // One descriptor to send, the rest to receive; the last of each ends its ring.
        (MAC + 0x20, 1),
        (MAC + 0x40, 0x0012_3456),
        (MAC + 0x44, 0x5254),
        (MAC + 0x404, SENDING),
        (MAC + 0x408, (1 << 15) | (1 << 13)),
        (MAC + 0x40C, RECEIVING),
        // Padding, sending, receiving.
        (MAC, 0x8003),
        (MAC + 0x400, (20 << 16) | (1 << 15) | (1 << 13) | (1 << 12)),
    ] {
        code.extend(poke(address, value));
    }
    code.extend(li(T1, MAC + 0x408));
    let wait = [
        lw(S0, T1, 0),
        i_type(16, S0, 1, T2, 0x13),
        branch(4, T2, ZERO, -8),
    ];
    code.extend(wait);
    code.extend(send_word(S0));
    code.extend(li(T1, RECEIVING));
    code.push(lw(S0, T1, 0));
    code.extend(send_word(S0));
    code.push(halt());
    code
}

#[test]
fn frames_go_out_padded_and_come_in_filtered() {
    let sent = Arc::default();
    let cable = Cable {
        sent: Arc::clone(&sent),
        // Taken from the end: first one for somebody else.
        to_give: vec![
            (1, frame(OWN, b"for the chip")),
            (1, frame([0x52, 0x54, 0, 9, 9, 9], b"for another")),
        ],
    };
    let seen = Seen::default();
    let mut chip = VirtualChip::builder(flash(&program()))
        .ethernet(cable)
        .observer(seen.observe())
        .build();
    chip.run_for(Duration::from_millis(100)).expect("it runs");
    let sent = sent.lock().expect("nobody panics").clone();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].len(), 64, "padded");
    assert_eq!(sent[0][..4], [0x11, 0x22, 0x33, 0x44]);
    let serial = seen.serial();
    let word = |at: usize| u32::from_le_bytes(serial[at..at + 4].try_into().expect("four bytes"));
    assert_eq!(serial.len(), 8, "one descriptor, one word");
    assert_eq!(word(0) >> 16, 64, "a short frame is stored padded");
    assert_eq!(
        word(0) & (1 << 15),
        0,
        "the descriptor is the program's again"
    );
    assert_eq!(word(4), 0x1200_5452, "the frame's first bytes");
}

/// With no descriptor free: sends a frame, waits until the MAC is busy, frees a descriptor, sends another, waits for a
/// frame, and sends its first word over the serial line.
fn program_without_room() -> Vec<u32> {
    const READY_AND_LAST: u32 = (1 << 15) | (1 << 13);
    let mut code = Vec::new();
    for (address, value) in [
        (MAC + 0x20, 1),
        (MAC + 0x40, 0x0012_3456),
        (MAC + 0x44, 0x5254),
        (MAC + 0x404, SENDING),
        (MAC + 0x408, 1 << 13),
        (MAC + 0x40C, RECEIVING),
        (MAC, 0x8003),
        (MAC + 0x400, (64 << 16) | READY_AND_LAST),
    ] {
        code.extend(poke(address, value));
    }
    code.extend(li(T1, MAC + 4));
    code.extend([
        lw(S0, T1, 0),
        i_type(16, S0, 7, T2, 0x13),
        branch(0, T2, ZERO, -8),
    ]);
    code.extend(poke(MAC + 0x408, READY_AND_LAST));
    code.extend(poke(MAC + 0x400, (64 << 16) | READY_AND_LAST));
    code.extend(li(T1, MAC + 0x408));
    code.extend([
        lw(S0, T1, 0),
        i_type(16, S0, 1, T2, 0x13),
        branch(4, T2, ZERO, -8),
    ]);
    code.extend(li(T1, RECEIVING + 12));
    code.push(lw(S0, T1, 0));
    code.extend(send_word(S0));
    code.push(halt());
    code
}

#[test]
fn a_frame_that_finds_no_descriptor_is_lost_and_the_next_is_not() {
    let sent = Arc::default();
    let cable = Cable {
        sent: Arc::clone(&sent),
        to_give: vec![(2, frame(OWN, b"2222")), (1, frame(OWN, b"1111"))],
    };
    let seen = Seen::default();
    let mut chip = VirtualChip::builder(flash(&program_without_room()))
        .ethernet(cable)
        .observer(seen.observe())
        .build();
    chip.run_for(Duration::from_millis(100)).expect("it runs");
    assert_eq!(sent.lock().expect("nobody panics").len(), 2);
    // The type of what the frame carries, then its beginning.
    assert_eq!(seen.serial(), [0x08, 0x00, b'2', b'2']);
}
