//! The mask ROM, without its code: a jump to one of its functions runs a function of ours, which
//! takes its arguments from registers and memory and returns to the caller.
//!
//! Addresses and names are those of ESP-IDF's linker scripts (`esp32c3.rom.ld` and its
//! neighbours), which esp-hal's `esp-rom-sys` carries.

mod flash;
mod float;
mod integer;
mod memory;
mod names;
mod system;

pub(crate) use names::name;

use std::sync::LazyLock;

use crate::cpu::{Cpu, register};
use crate::memory::Memory;
use crate::peripherals::Peripherals;

/// Where code of the ROM lies.
const START: u32 = 0x4000_0000;
const END: u32 = 0x4006_0000;

/// Whether `pc` is in the ROM.
#[inline]
pub(crate) fn contains(pc: u32) -> bool {
    (START..END).contains(&pc)
}

/// What a ROM function works on.
pub(crate) struct Call<'a> {
    pub(crate) cpu: &'a mut Cpu,
    pub(crate) memory: &'a mut Memory,
    pub(crate) bus: &'a mut Peripherals,
}

/// What came of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Done; the result is in its registers.
    Done,
    /// No such function here.
    Unknown,
    /// An argument points to where there is no memory.
    BadAddress(u32),
}

impl Call<'_> {
    /// Argument `number`, 0 to 7.
    fn argument(&self, number: usize) -> u32 {
        self.cpu.x.get(register::A0 + number).copied().unwrap_or(0)
    }

    /// Arguments `number` and the next, as one of 64 bits.
    fn wide(&self, number: usize) -> u64 {
        u64::from(self.argument(number)) | (u64::from(self.argument(number + 1)) << 32)
    }

    fn give(&mut self, value: u32) -> Outcome {
        self.cpu.x[register::A0] = value;
        Outcome::Done
    }

    fn give_wide(&mut self, value: u64) -> Outcome {
        self.cpu.x[register::A0] = value as u32;
        self.cpu.x[register::A1] = (value >> 32) as u32;
        Outcome::Done
    }

    /// How an access ended that began at argument `number`.
    fn accessed(&self, number: usize, done: Option<()>) -> Outcome {
        match done {
            Some(()) => Outcome::Done,
            None => Outcome::BadAddress(self.argument(number)),
        }
    }
}

/// A function of the ROM.
type Handler = fn(&mut Call<'_>) -> Outcome;

/// Handlers by their place in the ROM's jump table, which has a word for each.
static HANDLERS: LazyLock<Vec<Option<Handler>>> = LazyLock::new(|| {
    let mut handlers = Vec::new();
    for (address, name) in names::all() {
        let index = ((address - START) / 4) as usize;
        if handlers.len() <= index {
            handlers.resize(index + 1, None);
        }
        handlers[index] = memory::find(name)
            .or_else(|| integer::find(name))
            .or_else(|| float::find(name))
            .or_else(|| flash::find(name))
            .or_else(|| system::find(name));
    }
    handlers
});

/// Runs the function at `pc`, and returns to its caller if that went well.
pub(crate) fn call(cpu: &mut Cpu, memory: &mut Memory, bus: &mut Peripherals) -> Outcome {
    let index = ((cpu.pc - START) / 4) as usize;
    let Some(Some(handler)) = HANDLERS.get(index) else {
        return Outcome::Unknown;
    };
    let outcome = handler(&mut Call { cpu, memory, bus });
    if outcome == Outcome::Done {
        cpu.pc = cpu.x[register::RA];
    }
    outcome
}
