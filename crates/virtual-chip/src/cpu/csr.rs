//! Control and status registers.

/// The registers themselves.
#[derive(Clone, Debug)]
pub(super) struct Csrs {
    pub(super) mstatus: u32,
    pub(super) mtvec: u32,
    pub(super) mepc: u32,
    pub(super) mcause: u32,
    pub(super) mtval: u32,
    mie: u32,
    mscratch: u32,
    /// `pmpcfg0` to `3` and `pmpaddr0` to `15`: kept, and enforced no more than by an emulator
    /// that maps all memory.
    pmp: [u32; 20],
}

/// Cycles that the counters count, in picoseconds: 160 MHz.
const CYCLE_PS: u64 = 6250;

impl Csrs {
    pub(super) fn new() -> Csrs {
        Csrs {
            mstatus: super::MPP,
            // The ROM's own vectors; there is nothing to run there.
            mtvec: 0,
            mepc: 0,
            mcause: 0,
            mtval: 0,
            mie: 0xFFF,
            mscratch: 0,
            pmp: [0; 20],
        }
    }

    /// Reads a register at `now` nanoseconds; `None` if there is no such register.
    pub(super) fn read(&self, number: u32, now: u64) -> Option<u32> {
        let cycles = now.wrapping_mul(1000) / CYCLE_PS;
        Some(match number {
            0x300 => self.mstatus,
            // RV32IMC
            0x301 => 0x4000_1104,
            0x304 => self.mie,
            0x305 => self.mtvec,
            0x340 => self.mscratch,
            0x341 => self.mepc,
            0x342 => self.mcause,
            0x343 => self.mtval,
            0x3A0..=0x3A3 => self.pmp.get(number as usize - 0x3A0).copied()?,
            0x3B0..=0x3BF => self.pmp.get(number as usize - 0x3B0 + 4).copied()?,
            // mvendorid and marchid as Espressif's.
            0xF11 => 0x612,
            0xF12 => 0x8000_0001,
            // mpccr and the user's view of it, mcycle, minstret, cycle, time and instret: how much
            // time went by, counted in cycles.
            0x7E2 | 0x802 | 0xB00 | 0xB02 | 0xC00..=0xC02 => cycles as u32,
            0xB80 | 0xB82 | 0xC80..=0xC82 => (cycles >> 32) as u32,
            // Counter enables, mip, triggers, Espressif's counter selection and dedicated GPIO,
            // mimpid and mhartid: there, and zero.
            0x306
            | 0x320
            | 0x344
            | 0x7A0..=0x7A5
            | 0x7B0..=0x7B3
            | 0x7E0
            | 0x7E1
            | 0x800
            | 0x801
            | 0x803..=0x805
            | 0xF13
            | 0xF14 => 0,
            _ => return None,
        })
    }

    /// Writes a register; `None` if there is no such register or it cannot be written.
    pub(super) fn write(&mut self, number: u32, value: u32) -> Option<()> {
        match number {
            0x300 => self.mstatus = (value & (super::MIE | super::MPIE | (1 << 21))) | super::MPP,
            0x304 => self.mie = value,
            // Espressif's core has vectored mode only; QEMU's has both.
            0x305 => self.mtvec = value & !2,
            0x340 => self.mscratch = value,
            0x341 => self.mepc = value & !1,
            0x342 => self.mcause = value,
            0x343 => self.mtval = value,
            0x3A0..=0x3A3 => *self.pmp.get_mut(number as usize - 0x3A0)? = value,
            0x3B0..=0x3BF => *self.pmp.get_mut(number as usize - 0x3B0 + 4)? = value,
            0x301
            | 0x306
            | 0x320
            | 0x344
            | 0x7A0..=0x7A5
            | 0x7B0..=0x7B3
            | 0x7E0..=0x7E2
            | 0x800..=0x805
            | 0xB00
            | 0xB02
            | 0xB80
            | 0xB82 => {}
            _ => return None,
        }
        Some(())
    }
}
