//! Exceptions, interrupts, waiting, resets, the watchdog.

use std::time::Duration;

use updraft_virtual_chip::{ChipFault, Ended, Event, ResetCause, VirtualChip};

use crate::support::assembler::{
    A0, A1, MRET, S0, SOFTWARE_RESET, T1, WFI, ZERO, addi, bytes, call, csr, halt, jal, li, lw,
    poke, send_byte, send_word, sw,
};
use crate::support::program::{ENTRY, Seen, flash, run};

const MTVEC: i32 = 0x305;
const MEPC: i32 = 0x341;
const MCAUSE: i32 = 0x342;
const MTVAL: i32 = 0x343;
const MSTATUS: i32 = 0x300;

/// `code`, behind a handler for exceptions that sends cause, place and value, and halts.
fn with_handler(code: &[u32]) -> Vec<u32> {
    let mut handler = Vec::new();
    for number in [MCAUSE, MEPC, MTVAL] {
        handler.push(csr(2, S0, number, ZERO));
        handler.extend(send_word(S0));
    }
    handler.push(halt());
    // Jumped over at the start, entered by exceptions.
    let mut program = vec![jal(ZERO, bytes(handler.len() + 1))];
    program.extend(handler);
    // The low bits say that exceptions and interrupts come to the same place.
    program.extend(li(T1, ENTRY + 4));
    program.push(csr(1, ZERO, MTVEC, T1));
    program.extend(code);
    program
}

fn words(bytes: &[u8]) -> Vec<u32> {
    bytes
        .chunks_exact(4)
        .map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]))
        .collect()
}

#[test]
fn exceptions_tell_cause_and_value() {
    let nowhere = li(A1, 0x1000_0000);
    let cases: [(&[u32], u32, u32); 5] = [
        (&[0x0000_0000], 2, 0),
        (&[0x0000_0073], 11, 0),
        (&[nowhere[0], nowhere[1], lw(A0, A1, 4)], 5, 0x1000_0004),
        (&[nowhere[0], nowhere[1], sw(A0, A1, 8)], 7, 0x1000_0008),
        (&[csr(1, ZERO, 0x123, A0)], 2, 0x123),
    ];
    for (code, cause, value) in cases {
        let program = with_handler(code);
        let last = ENTRY + 4 * (program.len() as u32 - 1);
        assert_eq!(words(&run(&program)), [cause, last, value], "{code:x?}");
    }
}

#[test]
fn without_a_handler_the_chip_says_where_it_stopped() {
    let mut chip = VirtualChip::builder(flash(&[0])).build();
    let fault = chip
        .run_for(Duration::from_millis(1))
        .expect_err("it cannot go on");
    assert_eq!(fault.code(), "unhandled_exception");
}

#[test]
fn a_missing_function_of_the_rom_is_named() {
    let mut chip = VirtualChip::builder(flash(&call(0x4000_0120))).build();
    match chip.run_for(Duration::from_millis(1)) {
        Err(ChipFault::UnknownRom { name, address, .. }) => {
            assert_eq!(
                (name.as_str(), address),
                ("esp_rom_spiflash_erase_chip", 0x4000_0120)
            );
        }
        other => panic!("it must stop there: {other:?}"),
    }
}

#[test]
fn an_alarm_ends_waiting_and_interrupts() {
    // Vectors: an interrupt of line 5 goes to entry 5.
    let mut handler = send_byte(b'!');
    handler.extend(poke(0x6002_306C, 1));
    handler.push(MRET);
    let vectors = 64;
    let mut program = vec![jal(ZERO, bytes(vectors + handler.len()))];
    program.resize(5, halt());
    program.push(jal(ZERO, bytes(vectors - 5)));
    program.resize(vectors, halt());
    program.extend(handler);
    program.extend(li(T1, ENTRY | 1));
    program.push(csr(1, ZERO, MTVEC, T1));
    for (address, value) in [
        // Source 37, the system timer's first alarm, to line 5, of priority 1.
        (0x600C_2000 + 4 * 37, 5),
        (0x600C_2114 + 4 * 5, 1),
        (0x600C_2194, 1),
        (0x600C_2104, 1 << 5),
        // After 16,000 ticks, a millisecond; the interrupt on; counter and alarm on.
        (0x6002_301C, 0),
        (0x6002_3020, 16_000),
        (0x6002_3050, 1),
        (0x6002_3064, 1),
        (0x6002_3000, (1 << 30) | (1 << 24)),
    ] {
        program.extend(poke(address, value));
    }
    program.extend(send_byte(b'a'));
    program.push(addi(T1, ZERO, 8));
    program.push(csr(2, ZERO, MSTATUS, T1));
    program.push(WFI);
    program.extend(send_byte(b'b'));
    program.push(halt());
    let seen = Seen::default();
    let mut chip = VirtualChip::builder(flash(&program))
        .observer(seen.observe())
        .build();
    chip.run_for(Duration::from_micros(900)).expect("it waits");
    assert_eq!(seen.serial(), b"a");
    chip.run_for(Duration::from_millis(1)).expect("it goes on");
    assert_eq!(seen.serial(), b"a!b");
}

#[test]
fn a_reset_by_software_boots_again_and_spares_rtc_ram() {
    // Counts in RTC RAM, sends the count, resets.
    let mut program = li(T1, 0x5000_0000).to_vec();
    program.push(lw(S0, T1, 0));
    program.push(addi(S0, S0, 1));
    program.push(sw(S0, T1, 0));
    program.extend(send_word(S0));
    program.extend(call(SOFTWARE_RESET));
    program.push(halt());
    let seen = Seen::default();
    let mut chip = VirtualChip::builder(flash(&program))
        .observer(seen.observe())
        .build();
    chip.run_for(Duration::from_micros(100)).expect("it runs");
    let counts = words(&seen.serial());
    assert!(counts.len() > 2, "it boots again and again: {counts:?}");
    assert!(
        counts
            .iter()
            .zip(1..)
            .all(|(&count, expected)| count == expected),
        "{counts:?}"
    );
    chip.power_cycle();
    let before = seen.serial().len();
    chip.run_for(Duration::from_micros(10)).expect("it runs");
    assert_eq!(
        words(&seen.serial()[before..]).first(),
        Some(&1),
        "RTC RAM lost its power"
    );
}

#[test]
fn the_watchdog_bites_a_program_that_hangs() {
    let mut program = Vec::new();
    for (address, value) in [
        // Timer group 1: 40,000 cycles of 2 kHz would be 20 s; here 80 MHz / 40,000, 2,000 of them.
        (0x6002_0064, 0x50D8_3AA1),
        (0x6002_004C, 40_000 << 16),
        (0x6002_0050, 2000),
        (0x6002_0048, (1 << 31) | (3 << 29) | (1 << 22)),
    ] {
        program.extend(poke(address, value));
    }
    program.push(halt());
    let seen = Seen::default();
    let mut chip = VirtualChip::builder(flash(&program))
        .mips(1)
        .observer(seen.observe())
        .build();
    assert_eq!(
        chip.run_for(Duration::from_millis(990)).expect("it hangs"),
        Ended::Time
    );
    let resets = |seen: &Seen| {
        let events = seen.events();
        events
            .iter()
            .filter_map(|event| match event {
                Event::Reset(cause) => Some(*cause),
                _ => None,
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(resets(&seen), [ResetCause::Power]);
    chip.run_for(Duration::from_millis(20))
        .expect("it is bitten");
    assert_eq!(
        resets(&seen),
        [ResetCause::Power, ResetCause::Watchdog { group: 1 }]
    );
}
