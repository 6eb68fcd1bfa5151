//! Running instructions.

use super::op::{Kind, Op};
use super::{Cpu, Exception};
use crate::memory::{Memory, PAGE_BYTES};
use crate::peripherals::Peripherals;
use crate::rom;

/// Why [`run`] came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// All instructions asked for were run.
    Budget,
    /// Something changed that may raise an interrupt or move an event: look, then go on.
    Look,
    /// `wfi`.
    Wait,
    /// A jump into the mask ROM; `pc` is the function.
    Rom,
    /// An exception, and no handler for it.
    NoHandler,
}

/// Runs at most `budget` instructions; tells why it stopped and how many it ran.
pub(crate) fn run(
    cpu: &mut Cpu,
    memory: &mut Memory,
    bus: &mut Peripherals,
    budget: u32,
) -> (Stop, u32) {
    let mut left = budget;
    let stop = loop {
        let pc = cpu.pc;
        if rom::contains(pc) {
            break Stop::Rom;
        }
        let page_address = pc & !(PAGE_BYTES as u32 - 1);
        let Some(page) = memory.code_page(pc) else {
            cpu.exception(Exception::InstructionAccess, pc);
            if cpu.has_handler() {
                continue;
            }
            break Stop::NoHandler;
        };
        let stop = loop {
            let index = cpu.pc.wrapping_sub(page_address) as usize / 2;
            if index >= PAGE_BYTES / 2 {
                break None;
            }
            if left == 0 {
                break Some(Stop::Budget);
            }
            let mut op = memory.op(page, index);
            if op.kind == Kind::Unknown {
                op = memory.decode(page, index, cpu.pc);
            }
            left -= 1;
            if let Some(stop) = step(cpu, memory, bus, op, budget - left) {
                break Some(stop);
            }
        };
        if let Some(stop) = stop {
            break stop;
        }
    };
    (stop, budget - left)
}

/// Runs one instruction. `ran` is how many this run began, this one among them.
#[inline]
#[expect(
    clippy::too_many_lines,
    reason = "one arm an instruction, most of them one line"
)]
fn step(
    cpu: &mut Cpu,
    memory: &mut Memory,
    bus: &mut Peripherals,
    op: Op,
    ran: u32,
) -> Option<Stop> {
    let a = cpu.x[usize::from(op.rs1 & 63)];
    let b = cpu.x[usize::from(op.rs2 & 63)];
    let imm = op.imm.cast_unsigned();
    let next = cpu.pc.wrapping_add(op.size());
    let result = match op.kind {
        Kind::Constant => imm,
        Kind::Auipc => cpu.pc.wrapping_add(imm),
        Kind::Jal => {
            cpu.pc = cpu.pc.wrapping_add(imm);
            cpu.x[usize::from(op.rd & 63)] = next;
            return None;
        }
        Kind::Jalr => {
            cpu.pc = a.wrapping_add(imm) & !1;
            cpu.x[usize::from(op.rd & 63)] = next;
            return None;
        }
        Kind::Beq => return branch(cpu, a == b, imm, next),
        Kind::Bne => return branch(cpu, a != b, imm, next),
        Kind::Blt => return branch(cpu, a.cast_signed() < b.cast_signed(), imm, next),
        Kind::Bge => return branch(cpu, a.cast_signed() >= b.cast_signed(), imm, next),
        Kind::Bltu => return branch(cpu, a < b, imm, next),
        Kind::Bgeu => return branch(cpu, a >= b, imm, next),
        Kind::Lw => match memory.load::<4>(a.wrapping_add(imm)) {
            Some(bytes) => u32::from_le_bytes(bytes),
            None => match load_register(bus, a.wrapping_add(imm), ran) {
                Some(word) => word,
                None => return fault(cpu, Exception::LoadAccess, a.wrapping_add(imm)),
            },
        },
        Kind::Lb | Kind::Lbu | Kind::Lh | Kind::Lhu => {
            match load_part(memory, bus, op.kind, a.wrapping_add(imm), ran) {
                Some(value) => value,
                None => return fault(cpu, Exception::LoadAccess, a.wrapping_add(imm)),
            }
        }
        Kind::Sw | Kind::Sb | Kind::Sh => {
            return store(
                cpu,
                memory,
                bus,
                op.kind,
                (a.wrapping_add(imm), b),
                next,
                ran,
            );
        }
        Kind::Addi => a.wrapping_add(imm),
        Kind::Slti => u32::from(a.cast_signed() < op.imm),
        Kind::Sltiu => u32::from(a < imm),
        Kind::Xori => a ^ imm,
        Kind::Ori => a | imm,
        Kind::Andi => a & imm,
        Kind::Slli => a << (imm & 31),
        Kind::Srli => a >> (imm & 31),
        Kind::Srai => (a.cast_signed() >> (imm & 31)).cast_unsigned(),
        Kind::Add => a.wrapping_add(b),
        Kind::Sub => a.wrapping_sub(b),
        Kind::Sll => a << (b & 31),
        Kind::Slt => u32::from(a.cast_signed() < b.cast_signed()),
        Kind::Sltu => u32::from(a < b),
        Kind::Xor => a ^ b,
        Kind::Srl => a >> (b & 31),
        Kind::Sra => (a.cast_signed() >> (b & 31)).cast_unsigned(),
        Kind::Or => a | b,
        Kind::And => a & b,
        Kind::Mul => a.wrapping_mul(b),
        Kind::Mulh => {
            let product = i64::from(a.cast_signed()) * i64::from(b.cast_signed());
            (product >> 32).cast_unsigned() as u32
        }
        Kind::Mulhsu => {
            let product = i64::from(a.cast_signed()) * i64::from(b);
            (product >> 32).cast_unsigned() as u32
        }
        Kind::Mulhu => ((u64::from(a) * u64::from(b)) >> 32) as u32,
        Kind::Div if b == 0 => u32::MAX,
        Kind::Div => a
            .cast_signed()
            .wrapping_div(b.cast_signed())
            .cast_unsigned(),
        Kind::Divu => a.checked_div(b).unwrap_or(u32::MAX),
        Kind::Rem if b == 0 => a,
        Kind::Rem => a
            .cast_signed()
            .wrapping_rem(b.cast_signed())
            .cast_unsigned(),
        Kind::Remu => a.checked_rem(b).unwrap_or(a),
        Kind::Fence => {
            cpu.pc = next;
            return None;
        }
        Kind::Ecall => return fault(cpu, Exception::EnvironmentCall, 0),
        Kind::Ebreak => {
            let pc = cpu.pc;
            return fault(cpu, Exception::Breakpoint, pc);
        }
        Kind::Mret => {
            cpu.leave();
            return Some(Stop::Look);
        }
        Kind::Wfi => {
            cpu.pc = next;
            return Some(Stop::Wait);
        }
        Kind::Csrrw | Kind::Csrrs | Kind::Csrrc | Kind::Csrrwi | Kind::Csrrsi | Kind::Csrrci => {
            return access_csr(cpu, bus, op, next, ran);
        }
        Kind::Illegal | Kind::Unknown => return fault(cpu, Exception::IllegalInstruction, imm),
    };
    cpu.x[usize::from(op.rd & 63)] = result;
    cpu.pc = next;
    None
}

#[inline]
fn branch(cpu: &mut Cpu, taken: bool, imm: u32, next: u32) -> Option<Stop> {
    cpu.pc = if taken {
        cpu.pc.wrapping_add(imm)
    } else {
        next
    };
    None
}

#[cold]
fn fault(cpu: &mut Cpu, exception: Exception, value: u32) -> Option<Stop> {
    let handled = cpu.has_handler();
    cpu.exception(exception, value);
    (!handled).then_some(Stop::NoHandler)
}

#[cold]
fn load_register(bus: &mut Peripherals, address: u32, ran: u32) -> Option<u32> {
    bus.clock.ran(ran);
    bus.read(address)
}

#[inline]
fn load_part(
    memory: &Memory,
    bus: &mut Peripherals,
    kind: Kind,
    address: u32,
    ran: u32,
) -> Option<u32> {
    let word = match kind {
        Kind::Lb | Kind::Lbu => memory.load::<1>(address).map(|[byte]| u32::from(byte)),
        _ => memory
            .load::<2>(address)
            .map(|bytes| u32::from(u16::from_le_bytes(bytes))),
    };
    let word = match word {
        Some(word) => word,
        None => load_register(bus, address & !3, ran)? >> (8 * (address & 3)),
    };
    Some(match kind {
        Kind::Lb => (i32::from((word as u8).cast_signed())).cast_unsigned(),
        Kind::Lbu => word & 0xFF,
        Kind::Lh => (i32::from((word as u16).cast_signed())).cast_unsigned(),
        _ => word & 0xFFFF,
    })
}

#[inline]
fn store(
    cpu: &mut Cpu,
    memory: &mut Memory,
    bus: &mut Peripherals,
    kind: Kind,
    (address, value): (u32, u32),
    next: u32,
    ran: u32,
) -> Option<Stop> {
    let stored = match kind {
        Kind::Sw => memory.store(address, value.to_le_bytes()),
        Kind::Sh => memory.store(address, (value as u16).to_le_bytes()),
        _ => memory.store(address, [value as u8]),
    };
    if stored.is_some() {
        cpu.pc = next;
        return None;
    }
    bus.clock.ran(ran);
    if bus.write(memory, address, value).is_none() {
        return fault(cpu, Exception::StoreAccess, address);
    }
    cpu.pc = next;
    Some(Stop::Look)
}

fn access_csr(cpu: &mut Cpu, bus: &mut Peripherals, op: Op, next: u32, ran: u32) -> Option<Stop> {
    let number = op.imm.cast_unsigned() & 0xFFF;
    bus.clock.ran(ran);
    let Some(old) = cpu.csr.read(number, bus.clock.now()) else {
        return fault(cpu, Exception::IllegalInstruction, number);
    };
    let source = usize::from(op.rs1 & 31);
    let (value, writes) = match op.kind {
        Kind::Csrrw => (cpu.x[source], true),
        Kind::Csrrs => (old | cpu.x[source], source != 0),
        Kind::Csrrc => (old & !cpu.x[source], source != 0),
        Kind::Csrrwi => (source as u32, true),
        Kind::Csrrsi => (old | source as u32, source != 0),
        _ => (old & !(source as u32), source != 0),
    };
    if writes && cpu.csr.write(number, value).is_none() {
        return fault(cpu, Exception::IllegalInstruction, number);
    }
    cpu.x[usize::from(op.rd & 63)] = old;
    cpu.pc = next;
    // Interrupts that waited are taken now.
    (cpu.interruptible() && bus.wants_interrupt()).then_some(Stop::Look)
}
