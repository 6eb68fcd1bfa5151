//! How this build behaves, and the marker that says so inside the image.
//!
//! An updater shows its worth when a bad image comes along, so this program can be built bad in four ways. Each image
//! carries the ASCII text `updraft.behaviour=<word>` and a NUL, exactly once, `<word>` being of `[a-z0-9-]`. The program
//! obeys its own marker, so a virtual device, which cannot run RISC-V code, reads there what the code does; and a bad
//! image is as long as a good one, for all of them hold the same code.

use core::hint::black_box;

use embassy_time::{Duration, Timer};

/// What a build does once it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// Everything it should.
    Healthy,
    /// Panics as soon as it has printed its version.
    PanicOnBoot,
    /// Panics 10 s after boot: within the 30 s that a trial has to prove itself.
    PanicAfter10s,
    /// Stops doing anything, and is reset by the watchdog.
    Hang,
    /// Never brings its network up, and otherwise works.
    NoNetwork,
}

const WORD: &str = if cfg!(feature = "panic-on-boot") {
    "panic-on-boot"
} else if cfg!(feature = "panic-after-10s") {
    "panic-after-10s"
} else if cfg!(feature = "hang") {
    "hang"
} else if cfg!(feature = "no-network") {
    "no-network"
} else {
    "healthy"
};

const _: () = assert!(
    cfg!(feature = "panic-on-boot") as u8
        + cfg!(feature = "panic-after-10s") as u8
        + cfg!(feature = "hang") as u8
        + cfg!(feature = "no-network") as u8
        <= 1,
    "a build is bad in one way: name at most one of panic-on-boot, panic-after-10s, hang, no-network"
);

const PREFIX: &str = "updraft.behaviour=";
/// Prefix, word and NUL.
const MARKER_BYTES: usize = PREFIX.len() + WORD.len() + 1;

/// The marker, in the one read-only section that esp-hal's linker script keeps whole: right behind the application
/// descriptor, so within the first 512 bytes of the image.
#[used]
#[unsafe(link_section = ".flash.appdesc.behaviour")]
static MARKER: [u8; MARKER_BYTES] = marker();

const fn marker() -> [u8; MARKER_BYTES] {
    let mut bytes = [0; MARKER_BYTES]; // the last one stays NUL
    let (prefix, rest) = bytes.split_at_mut(PREFIX.len());
    prefix.copy_from_slice(PREFIX.as_bytes());
    rest.split_at_mut(WORD.len())
        .0
        .copy_from_slice(WORD.as_bytes());
    bytes
}

impl Behaviour {
    /// Reads the marker of the running image.
    pub fn of_this_image() -> Self {
        // Behind the black box the compiler cannot know the word: it neither drops the code of the other behaviours nor
        // copies the marker.
        let marker: &[u8; MARKER_BYTES] = black_box(&MARKER);
        match &marker[PREFIX.len()..MARKER_BYTES - 1] {
            b"panic-on-boot" => Self::PanicOnBoot,
            b"panic-after-10s" => Self::PanicAfter10s,
            b"hang" => Self::Hang,
            b"no-network" => Self::NoNetwork,
            _ => Self::Healthy,
        }
    }

    /// To be called as soon as the version has been printed and the watchdog runs.
    pub fn at_boot(self) {
        match self {
            Self::PanicOnBoot => panic!("built with panic-on-boot"),
            Self::Hang => loop {
                core::hint::spin_loop();
            },
            Self::Healthy | Self::PanicAfter10s | Self::NoNetwork => {}
        }
    }

    /// Whether the network is brought up.
    pub fn has_network(self) -> bool {
        self != Self::NoNetwork
    }
}

/// Panics in its time, if the build is one that does.
#[embassy_executor::task]
pub async fn later(behaviour: Behaviour) {
    if behaviour == Behaviour::PanicAfter10s {
        Timer::after(Duration::from_secs(10)).await;
        panic!("built with panic-after-10s");
    }
}
