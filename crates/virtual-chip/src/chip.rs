//! The chip: its power, its resets, its time.

mod pace;

use std::time::Duration;

use updraft_virtual_device::bootloader::{BootConfig, Efuse};
use updraft_virtual_device::nor_flash::VirtualFlash;

use crate::boot;
use crate::builder::{Builder, Observer};
use crate::clock::Clock;
use crate::cpu::{Cpu, Exception, Stop, run};
use crate::event::{Event, ResetCause};
use crate::fault::ChipFault;
use crate::handle::ChipHandle;
use crate::memory::Memory;
use crate::peripherals::{EfuseBlock, Peripherals, ResetRequest};
use crate::rom::{self, Outcome};
use pace::Pace;

/// Most instructions between two looks at the network and at who wants the chip to stop: about a
/// millisecond of the host.
const SLICE: u64 = 100_000;
/// A line longer than this is handed on in parts, in bytes.
const LONGEST_LINE: usize = 4096;

/// Why [`VirtualChip::run`] came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// [`ChipHandle::stop`] was called.
    Stopped,
    /// The time is over.
    Time,
    /// The flash lost its power in the middle of an operation, as it was told to
    /// ([`VirtualFlash::cut_power_at`]). [`VirtualChip::power_cycle`] gives it back.
    PowerLost,
}

/// An emulated ESP32-C3 with its flash.
///
/// It has no thread of its own: [`run`](Self::run) runs it on the caller's until it is told to
/// stop, and may be called again to go on.
pub struct VirtualChip {
    cpu: Cpu,
    memory: Memory,
    bus: Peripherals,
    efuse: Efuse,
    bootloader: BootConfig,
    observer: Observer,
    handle: ChipHandle,
    pace: Pace,
    /// The processor waits for an interrupt.
    waiting: bool,
    /// What is to begin anew before the next instruction.
    reset: Option<ResetCause>,
    line: Vec<u8>,
}

impl std::fmt::Debug for VirtualChip {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VirtualChip")
            .field("cpu", &self.cpu.place(&self.memory))
            .field("time", &self.time())
            .finish_non_exhaustive()
    }
}

impl VirtualChip {
    /// A chip with this flash; see [`Builder`] for what can be chosen.
    pub fn builder(flash: VirtualFlash) -> Builder {
        Builder::new(flash)
    }

    pub(crate) fn new(parts: Builder) -> VirtualChip {
        let fuses = EfuseBlock::new(parts.mac, parts.efuse.chip_revision());
        VirtualChip {
            cpu: Cpu::new(),
            memory: Memory::new(),
            bus: Peripherals::new(
                Clock::new(parts.mips),
                parts.flash,
                fuses,
                parts.port,
                parts.seed,
            )
            .with_interrupt_status(parts.interrupt_status),
            efuse: parts.efuse,
            bootloader: parts.bootloader,
            observer: parts.observer,
            handle: ChipHandle::default(),
            pace: Pace::new(parts.speed),
            waiting: false,
            reset: Some(ResetCause::Power),
            line: Vec::new(),
        }
    }

    /// What reaches the chip from other threads.
    pub fn handle(&self) -> ChipHandle {
        self.handle.clone()
    }

    /// Virtual time since power first came on.
    pub fn time(&self) -> Duration {
        Duration::from_nanos(self.bus.clock.now())
    }

    /// The flash as it is.
    pub const fn flash(&self) -> &VirtualFlash {
        &self.bus.flash
    }

    /// The flash, to change it behind the program's back.
    pub const fn flash_mut(&mut self) -> &mut VirtualFlash {
        &mut self.bus.flash
    }

    /// Takes the flash out. The rest of the chip is gone.
    pub fn into_flash(self) -> VirtualFlash {
        self.bus.flash
    }

    /// Takes the power away and gives it back: all memory but the flash is lost, and the chip
    /// boots when it runs next.
    pub fn power_cycle(&mut self) {
        self.bus.flash.restore_power();
        self.memory.lose_power();
        self.reset = Some(ResetCause::Power);
    }

    /// Runs until the handle says to stop, the flash loses its power, or the chip cannot go on.
    pub fn run(&mut self) -> Result<Ended, ChipFault> {
        self.run_until(u64::MAX)
    }

    /// Runs for so much virtual time at most.
    pub fn run_for(&mut self, time: Duration) -> Result<Ended, ChipFault> {
        let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.run_until(self.bus.clock.now().saturating_add(time))
    }

    fn run_until(&mut self, end: u64) -> Result<Ended, ChipFault> {
        self.pace.start(self.bus.clock.now());
        loop {
            if let Some(cause) = self.reset.take() {
                self.begin(cause)?;
            }
            if let Some(ended) = self.look(end) {
                return Ok(ended);
            }
            self.bus.tick();
            if let Some(request) = self.bus.take_reset() {
                self.reset = Some(match request {
                    ResetRequest::Software => ResetCause::Software,
                    ResetRequest::Watchdog { group } => ResetCause::Watchdog { group },
                });
                continue;
            }
            if let Some(line) = self.bus.interrupt() {
                self.waiting = false;
                if self.cpu.interruptible() {
                    self.cpu.interrupt(line);
                }
            }
            if self.waiting {
                self.wait(end)?;
            } else {
                self.work(end)?;
            }
        }
    }

    /// Boots.
    fn begin(&mut self, cause: ResetCause) -> Result<(), ChipFault> {
        self.flush();
        self.bus.reset(cause == ResetCause::Power);
        self.cpu = Cpu::new();
        self.waiting = false;
        self.tell(&Event::Reset(cause));
        let (slot, log) = boot::start(
            &mut self.cpu,
            &mut self.memory,
            &mut self.bus,
            &mut self.efuse,
            self.bootloader,
        )?;
        self.tell(&Event::Boot { slot, log });
        Ok(())
    }

    /// What ends or resets a run from outside.
    fn look(&mut self, end: u64) -> Option<Ended> {
        if self.bus.uart.has_sent() {
            self.hand_on();
        }
        // At once: a chip whose flash has no power has none itself.
        if !self.bus.flash.is_powered() {
            return Some(Ended::PowerLost);
        }
        if !self.pace.is_time_to_look(self.bus.clock.now()) {
            return (self.bus.clock.now() >= end).then_some(Ended::Time);
        }
        self.bus.poll_network(&mut self.memory);
        if self.handle.take_power_cycle() {
            self.power_cycle();
        }
        if self.handle.take_stop() {
            return Some(Ended::Stopped);
        }
        (self.bus.clock.now() >= end).then_some(Ended::Time)
    }

    /// Runs instructions until something is to be looked at.
    fn work(&mut self, end: u64) -> Result<(), ChipFault> {
        let stretch = self.pace.stretch(self.bus.clock.now());
        let until = self.bus.next_event().min(end).min(stretch);
        let budget = self.bus.clock.instructions_until(until).min(SLICE);
        let (stop, ran) = run(
            &mut self.cpu,
            &mut self.memory,
            &mut self.bus,
            budget as u32,
        );
        self.bus.clock.end_run(ran);
        self.pace.worked(ran, self.bus.clock.now());
        match stop {
            Stop::Budget | Stop::Look => Ok(()),
            Stop::Wait => {
                self.waiting = true;
                Ok(())
            }
            Stop::Rom => self.call_rom(),
            Stop::NoHandler => Err(ChipFault::Unhandled {
                place: self.cpu.place(&self.memory),
            }),
        }
    }

    fn call_rom(&mut self) -> Result<(), ChipFault> {
        let address = self.cpu.pc;
        let outcome = rom::call(&mut self.cpu, &mut self.memory, &mut self.bus);
        self.bus.clock.end_run(ROM_CALL_INSTRUCTIONS);
        match outcome {
            Outcome::Done => Ok(()),
            Outcome::Unknown => Err(ChipFault::UnknownRom {
                name: rom::name(address),
                address,
                place: self.cpu.place(&self.memory),
            }),
            // What the ROM's own code would meet there.
            Outcome::BadAddress(pointer) if self.cpu.has_handler() => {
                self.cpu.exception(Exception::LoadAccess, pointer);
                Ok(())
            }
            Outcome::BadAddress(pointer) => Err(ChipFault::RomPointer {
                name: rom::name(address),
                pointer,
                place: self.cpu.place(&self.memory),
            }),
        }
    }

    /// Lets time go by to the next event, as far as the host's time allows.
    fn wait(&mut self, end: u64) -> Result<(), ChipFault> {
        let now = self.bus.clock.now();
        let event = self.bus.next_event();
        if event == u64::MAX && end == u64::MAX && !self.pace.is_limited() {
            return Err(ChipFault::Asleep {
                place: self.cpu.place(&self.memory),
            });
        }
        let until = self.pace.wait(now, event.min(end));
        self.bus.clock.skip_to(until);
        Ok(())
    }

    /// Hands on what the program sent over the serial line.
    fn hand_on(&mut self) {
        let sent = self.bus.uart.take();
        self.line.extend_from_slice(&sent);
        self.tell(&Event::Serial(sent));
        while let Some(end) = self.line.iter().position(|&byte| byte == b'\n') {
            let rest = self.line.split_off(end + 1);
            self.flush();
            self.line = rest;
        }
        if self.line.len() > LONGEST_LINE {
            self.flush();
        }
    }

    /// Hands on the line begun, if there is one.
    fn flush(&mut self) {
        if self.line.is_empty() {
            return;
        }
        let line = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&line);
        self.tell(&Event::Line(text.trim_end_matches(['\r', '\n']).to_owned()));
    }

    fn tell(&mut self, event: &Event) {
        (self.observer)(Duration::from_nanos(self.bus.clock.now()), event);
    }
}

/// What a call of the mask ROM costs, in instructions: about what a short one really runs.
const ROM_CALL_INSTRUCTIONS: u32 = 20;
