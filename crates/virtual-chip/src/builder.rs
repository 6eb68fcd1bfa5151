//! Putting a chip together.

use std::time::Duration;

use updraft_image::Chip;
use updraft_virtual_device::bootloader::{BootConfig, Efuse};
use updraft_virtual_device::nor_flash::VirtualFlash;

use crate::chip::VirtualChip;
use crate::ethernet::{EthernetPort, Unplugged};
use crate::event::Event;

/// Million instructions a second of virtual time, if nobody says otherwise. A real core runs at
/// 160 MHz and waits for its flash; an emulated one may have as few as 3.
const DEFAULT_MIPS: u32 = 40;
/// An address of those that are nobody's (locally administered), as QEMU's default is.
const DEFAULT_MAC: [u8; 6] = [0x52, 0x54, 0x00, 0x12, 0x34, 0x56];
/// The revision of chips now in use, major × 100 + minor.
const DEFAULT_REVISION: u16 = 4;

/// Looks on: what happened, and when, in time since power first came on.
pub(crate) type Observer = Box<dyn FnMut(Duration, &Event) + Send>;

/// What a chip is made of. [`Builder::build`] puts it together.
pub struct Builder {
    pub(crate) flash: VirtualFlash,
    pub(crate) efuse: Efuse,
    pub(crate) mac: [u8; 6],
    pub(crate) bootloader: BootConfig,
    pub(crate) mips: u32,
    pub(crate) speed: Option<f64>,
    pub(crate) port: Box<dyn EthernetPort>,
    pub(crate) observer: Observer,
    pub(crate) seed: u64,
    pub(crate) interrupt_status: bool,
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder")
            .field("efuse", &self.efuse)
            .field("mac", &self.mac)
            .field("bootloader", &self.bootloader)
            .field("mips", &self.mips)
            .field("speed", &self.speed)
            .finish_non_exhaustive()
    }
}

impl Builder {
    /// A chip with this flash and nothing plugged in, whose bootloader does not roll back, as
    /// Espressif's as it comes does not.
    pub fn new(flash: VirtualFlash) -> Builder {
        Builder {
            flash,
            efuse: Efuse::new(Chip::Esp32c3).with_chip_revision(DEFAULT_REVISION),
            mac: DEFAULT_MAC,
            bootloader: BootConfig::default(),
            mips: DEFAULT_MIPS,
            speed: None,
            port: Box::new(Unplugged),
            observer: Box::new(|_, _| {}),
            seed: 0x0055_7064_7261_6674,
            interrupt_status: true,
        }
    }

    /// The MAC address in the eFuses.
    #[must_use]
    pub const fn mac(mut self, mac: [u8; 6]) -> Self {
        self.mac = mac;
        self
    }

    /// The chip's revision, major × 100 + minor: what the bootloader compares images with, and
    /// what programs read.
    #[must_use]
    pub fn revision(mut self, revision: u16) -> Self {
        self.efuse = self.efuse.with_chip_revision(revision);
        self
    }

    /// How the bootloader was built.
    #[must_use]
    pub const fn bootloader(mut self, config: BootConfig) -> Self {
        self.bootloader = config;
        self
    }

    /// Million instructions that the processor runs in a second of virtual time, at least 1: 40 if
    /// not said.
    #[must_use]
    pub const fn mips(mut self, mips: u32) -> Self {
        self.mips = mips;
        self
    }

    /// How fast virtual time may go at most, in seconds a second of the host. Without a limit,
    /// which is the default, waiting takes no time at all; with a network there should be one, so
    /// that peers get their turn.
    #[must_use]
    pub const fn speed(mut self, speed: f64) -> Self {
        self.speed = Some(speed);
        self
    }

    /// Plugs a network in.
    #[must_use]
    pub fn ethernet(mut self, port: impl EthernetPort + 'static) -> Self {
        self.port = Box::new(port);
        self
    }

    /// Lets somebody look on. The time is virtual, since power first came on.
    #[must_use]
    pub fn observer(mut self, observer: impl FnMut(Duration, &Event) + Send + 'static) -> Self {
        self.observer = Box::new(observer);
        self
    }

    /// The seed of the chip's random numbers: runs with the same seed draw the same.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Whether the interrupt matrix tells which source asks for an interrupt (its registers
    /// `INTR_STATUS_0` and `_1`), which is the default. Hardware does. Espressif's QEMU has not
    /// got these registers, they read as zero (`hw/riscv/esp32c3_intmatrix.c`, as of 2026): there
    /// esp-hal finds nobody to call for an interrupt that several sources share.
    #[must_use]
    pub const fn interrupt_status(mut self, there: bool) -> Self {
        self.interrupt_status = there;
        self
    }

    /// The chip, without power until it runs.
    pub fn build(self) -> VirtualChip {
        VirtualChip::new(self)
    }
}
