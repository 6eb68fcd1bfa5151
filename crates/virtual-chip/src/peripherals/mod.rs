//! The peripherals, as Espressif's QEMU has them for its `esp32c3` machine: what is not listed
//! here reads as zero and takes every write.

mod cache;
mod efuse;
mod gpio;
mod interrupt_matrix;
mod open_eth;
mod rtc_control;
mod sha;
mod spi_flash;
mod system;
mod systimer;
mod timer_group;
mod uart;
mod watchdog;

pub(crate) use cache::MMU_PAGE_BYTES;
pub(crate) use efuse::EfuseBlock;
pub(crate) use rtc_control::POWER_ON;

use updraft_virtual_device::nor_flash::VirtualFlash;

use crate::clock::Clock;
use crate::ethernet::EthernetPort;
use crate::memory::Memory;

/// Interrupt sources of the interrupt matrix (ESP32-C3 Technical Reference Manual, table 8.3-1).
mod source {
    /// The Wi-Fi MAC's, which QEMU gives to its Ethernet.
    pub(super) const ETHERNET: u32 = 0;
    pub(super) const TIMER_GROUP_0: u32 = 32;
    pub(super) const WATCHDOG_0: u32 = 33;
    pub(super) const TIMER_GROUP_1: u32 = 34;
    pub(super) const WATCHDOG_1: u32 = 35;
    pub(super) const SYSTIMER_0: u32 = 37;
    pub(super) const FROM_CPU_0: u32 = 50;
}

/// Whether registers lie in the 4 KiB from `page` on, known ones or others.
fn is_peripheral(page: u32) -> bool {
    (0x6000_0000..0x600D_1000).contains(&page)
}

/// What made the chip reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResetRequest {
    Software,
    Watchdog { group: u8 },
}

/// All peripherals, the flash and the clock they share.
pub(crate) struct Peripherals {
    pub(crate) clock: Clock,
    pub(crate) flash: VirtualFlash,
    pub(crate) uart: uart::Uart,
    pub(crate) efuse: EfuseBlock,
    ethernet: open_eth::OpenEth,
    rtc: rtc_control::RtcControl,
    cache: cache::Cache,
    gpio: gpio::Gpio,
    matrix: interrupt_matrix::InterruptMatrix,
    sha: sha::Sha,
    spi: spi_flash::SpiFlash,
    system: system::System,
    systimer: systimer::Systimer,
    groups: [timer_group::TimerGroup; 2],
    random: u64,
    /// How long the flash was busy, in microseconds, when that time last went by.
    flash_us: u64,
    interrupt_status: bool,
    reset: Option<ResetRequest>,
}

impl Peripherals {
    pub(crate) fn new(
        clock: Clock,
        flash: VirtualFlash,
        efuse: EfuseBlock,
        port: Box<dyn EthernetPort>,
        seed: u64,
    ) -> Peripherals {
        Peripherals {
            clock,
            flash,
            uart: uart::Uart::default(),
            efuse,
            ethernet: open_eth::OpenEth::new(port),
            rtc: rtc_control::RtcControl::default(),
            cache: cache::Cache::new(),
            gpio: gpio::Gpio::default(),
            matrix: interrupt_matrix::InterruptMatrix::new(),
            sha: sha::Sha::default(),
            spi: spi_flash::SpiFlash::default(),
            system: system::System::default(),
            systimer: systimer::Systimer::default(),
            groups: [
                timer_group::TimerGroup::new(),
                timer_group::TimerGroup::new(),
            ],
            // An odd seed never becomes zero, where the generator would stay.
            random: seed | 1,
            flash_us: 0,
            interrupt_status: true,
            reset: None,
        }
    }

    /// Whether the interrupt matrix has its status registers.
    pub(crate) fn with_interrupt_status(mut self, there: bool) -> Peripherals {
        self.interrupt_status = there;
        self
    }

    /// What a reset puts back. The flash, the RTC's registers and the system timer's counters
    /// stay, as they do in QEMU; `power` says that they do not.
    pub(crate) fn reset(&mut self, power: bool) {
        if power {
            self.rtc = rtc_control::RtcControl::default();
            self.systimer = systimer::Systimer::default();
        }
        self.uart.reset();
        self.ethernet.reset();
        self.rtc.reset();
        self.cache = cache::Cache::new();
        self.gpio = gpio::Gpio::default();
        self.matrix = interrupt_matrix::InterruptMatrix::new();
        self.sha = sha::Sha::default();
        self.spi = spi_flash::SpiFlash::default();
        self.system = system::System::default();
        self.systimer.reset();
        self.groups = [
            timer_group::TimerGroup::new(),
            timer_group::TimerGroup::new(),
        ];
        self.reset = None;
    }

    /// Reads the register at `address`; `None` where there is none.
    pub(crate) fn read(&mut self, address: u32) -> Option<u32> {
        let offset = address & 0xFFC;
        Some(match address & 0xFFFF_F000 {
            0x6000_0000 => self.uart.read(offset),
            0x6000_2000 => self.spi.read(offset),
            0x6000_4000 => self.gpio.read(offset),
            0x6000_8000 if offset < 0x800 => self.rtc.read(offset),
            0x6000_8000 => self.efuse.read(offset - 0x800),
            // The analogue parts behind I2C, which all say "done".
            0x6000_E000 if offset < 0x100 => 0x00FF_FFFF,
            0x6001_F000 => self.groups[0].read(offset),
            0x6002_0000 => self.groups[1].read(offset),
            0x6002_3000 => self.systimer.read(offset),
            0x6002_6000 if offset == 0xB0 => self.random(),
            // By this ESP-IDF knows that it runs in QEMU.
            0x6002_6000 if offset == 0x3F8 => u32::from_be_bytes(*b"QEMU"),
            0x6003_B000 => self.sha.read(offset),
            0x600C_0000 => self.system.read(offset),
            0x600C_2000 if !self.interrupt_status && matches!(offset, 0xF8 | 0xFC) => 0,
            0x600C_2000 => self.matrix.read(offset, self.levels()),
            0x600C_4000 => self.cache.read(offset),
            0x600C_5000 => self.cache.read_entry(offset),
            0x600C_D000 => self.ethernet.read(offset),
            page if is_peripheral(page) => 0,
            _ => return None,
        })
    }

    /// Writes the register at `address`; `None` where there is none.
    pub(crate) fn write(&mut self, memory: &mut Memory, address: u32, value: u32) -> Option<()> {
        let now = self.clock.now();
        let offset = address & 0xFFC;
        match address & 0xFFFF_F000 {
            0x6000_0000 => self.uart.write(offset, value),
            0x6000_2000 => {
                self.spi.write(&mut self.flash, offset, value);
                self.pass_flash_time();
            }
            0x6000_4000 => self.gpio.write(offset, value),
            0x6000_8000 if offset < 0x800 => {
                if self.rtc.write(offset, value) {
                    self.reset = Some(ResetRequest::Software);
                }
            }
            0x6001_F000 => self.groups[0].write(offset, value, now),
            0x6002_0000 => self.groups[1].write(offset, value, now),
            0x6002_3000 => self.systimer.write(offset, value, now),
            0x6003_B000 => self.sha.write(memory, offset, value),
            0x600C_0000 => self.system.write(offset, value),
            0x600C_2000 => self.matrix.write(offset, value),
            0x600C_4000 => self.cache.write(offset, value),
            0x600C_5000 => {
                self.cache
                    .write_entry(memory, &mut self.flash, offset, value);
                self.forget_flash_time();
            }
            0x600C_D000 => self.ethernet.write(memory, offset, value),
            page if is_peripheral(page) => {}
            _ => return None,
        }
        Some(())
    }

    /// Lets happen what time has come for.
    pub(crate) fn tick(&mut self) {
        let now = self.clock.now();
        self.systimer.tick(now);
        for (number, group) in self.groups.iter_mut().enumerate() {
            if group.tick(now) {
                self.reset = Some(ResetRequest::Watchdog {
                    group: number as u8,
                });
            }
        }
        let levels = self.levels();
        self.matrix.update(levels);
    }

    /// Lets the network's frames in. Tells whether there were any.
    pub(crate) fn poll_network(&mut self, memory: &mut Memory) -> bool {
        self.ethernet.poll(memory)
    }

    /// When something happens by itself, in nanoseconds; `u64::MAX` if nothing does.
    pub(crate) fn next_event(&self) -> u64 {
        self.groups
            .iter()
            .map(timer_group::TimerGroup::next_event)
            .fold(self.systimer.next_event(), u64::min)
    }

    /// The CPU line to interrupt with, if a source asks for one that is not masked.
    pub(crate) fn interrupt(&self) -> Option<u32> {
        self.matrix.line()
    }

    pub(crate) fn wants_interrupt(&self) -> bool {
        self.matrix.line().is_some()
    }

    /// Lets the time go by that the flash took for what it was asked to do.
    pub(crate) fn pass_flash_time(&mut self) {
        let busy = self.flash.elapsed_us();
        self.clock.pass(busy.saturating_sub(self.flash_us) * 1000);
        self.flash_us = busy;
    }

    /// Takes note of the time the flash took without letting it go by: reads through the cache
    /// cost what the instructions cost.
    pub(crate) fn forget_flash_time(&mut self) {
        self.flash_us = self.flash.elapsed_us();
    }

    /// A reset that was asked for since the last time.
    pub(crate) fn take_reset(&mut self) -> Option<ResetRequest> {
        self.reset.take()
    }

    pub(crate) fn request_reset(&mut self) {
        self.reset = Some(ResetRequest::Software);
    }

    /// A number that nothing is to be guessed from; the same in every run of the same seed.
    pub(crate) fn random(&mut self) -> u32 {
        // xorshift64*: short, and good enough where no secret hangs on it.
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        (self.random.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32) as u32
    }

    /// Which sources ask for an interrupt, a bit each.
    fn levels(&self) -> u64 {
        let bit = |source: u32, level: bool| u64::from(level) << source;
        (u64::from(self.system.levels()) << source::FROM_CPU_0)
            | (u64::from(self.systimer.levels()) << source::SYSTIMER_0)
            | bit(source::ETHERNET, self.ethernet.level())
            | bit(source::TIMER_GROUP_0, self.groups[0].timer_level())
            | bit(source::WATCHDOG_0, self.groups[0].watchdog_level())
            | bit(source::TIMER_GROUP_1, self.groups[1].timer_level())
            | bit(source::WATCHDOG_1, self.groups[1].watchdog_level())
    }
}
