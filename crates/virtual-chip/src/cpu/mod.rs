//! The processor: RV32IMC with Zicsr, machine mode, and Espressif's vectored interrupts.

mod csr;
pub(crate) mod decode;
mod decode_compressed;
mod execute;
pub(crate) mod op;

pub(crate) use execute::{Stop, run};

use crate::memory::Memory;

/// Why the processor left its way. Numbers of the privileged specification's `mcause`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exception {
    InstructionAccess = 1,
    IllegalInstruction = 2,
    Breakpoint = 3,
    LoadAccess = 5,
    StoreAccess = 7,
    EnvironmentCall = 11,
}

/// Bit of `mstatus`: interrupts are taken.
const MIE: u32 = 1 << 3;
/// Bit of `mstatus`: interrupts were taken before the trap.
const MPIE: u32 = 1 << 7;
/// Bits of `mstatus`: the mode before the trap, always machine mode here.
const MPP: u32 = 3 << 11;

/// The processor's state.
#[derive(Clone, Debug)]
pub(crate) struct Cpu {
    /// `x0` to `x31`; number 32 takes what is written to `x0`. A power of two long, so that a
    /// masked number needs no check.
    pub(crate) x: [u32; 64],
    pub(crate) pc: u32,
    csr: csr::Csrs,
}

/// Names of the registers that calling conventions use.
pub(crate) mod register {
    pub(crate) const RA: usize = 1;
    pub(crate) const SP: usize = 2;
    pub(crate) const A0: usize = 10;
    pub(crate) const A1: usize = 11;
}

impl Cpu {
    pub(crate) fn new() -> Cpu {
        Cpu {
            x: [0; 64],
            pc: 0,
            csr: csr::Csrs::new(),
        }
    }

    /// Puts the processor at an app's entry, as the bootloader leaves it: interrupts are on, for
    /// the ROM turned them on and esp-hal relies on it.
    pub(crate) fn enter_app(&mut self, entry: u32, stack: u32) {
        self.pc = entry;
        self.x[register::SP] = stack;
        self.csr.mstatus |= MIE;
    }

    /// Whether an interrupt would be taken.
    pub(crate) fn interruptible(&self) -> bool {
        self.csr.mstatus & MIE != 0
    }

    /// Whether there is a handler for traps at all.
    pub(crate) fn has_handler(&self) -> bool {
        self.csr.mtvec & !3 != 0
    }

    /// Takes the interrupt of CPU line `line`, 1 to 31, before the instruction at `pc`.
    pub(crate) fn interrupt(&mut self, line: u32) {
        let vectored = self.csr.mtvec & 3 == 1;
        self.enter(0x8000_0000 | line, 0);
        self.pc = (self.csr.mtvec & !3).wrapping_add(if vectored { 4 * line } else { 0 });
    }

    /// Takes an exception of the instruction at `pc`.
    pub(crate) fn exception(&mut self, exception: Exception, value: u32) {
        self.enter(exception as u32, value);
        self.pc = self.csr.mtvec & !3;
    }

    fn enter(&mut self, cause: u32, value: u32) {
        let csr = &mut self.csr;
        csr.mepc = self.pc;
        csr.mcause = cause;
        csr.mtval = value;
        let was = if csr.mstatus & MIE != 0 { MPIE } else { 0 };
        csr.mstatus = (csr.mstatus & !(MIE | MPIE)) | was | MPP;
    }

    /// `mret`.
    fn leave(&mut self) {
        let csr = &mut self.csr;
        let was = if csr.mstatus & MPIE != 0 { MIE } else { 0 };
        csr.mstatus = (csr.mstatus & !MIE) | was | MPIE | MPP;
        self.pc = csr.mepc;
    }

    /// Where the processor is and was called from, for people who read why it stopped.
    pub(crate) fn place(&self, memory: &Memory) -> String {
        let x = |number: usize| self.x.get(number).copied().unwrap_or(0);
        let code = memory.load::<4>(self.pc).map_or(0, u32::from_le_bytes);
        format!(
            "pc {:#010x} (instruction {code:#010x}), ra {:#010x}, sp {:#010x}, mcause {:#x}, mepc {:#010x}, mtval {:#010x}",
            self.pc,
            x(register::RA),
            x(register::SP),
            self.csr.mcause,
            self.csr.mepc,
            self.csr.mtval,
        )
    }
}
