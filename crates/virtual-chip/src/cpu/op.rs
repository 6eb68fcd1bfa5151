//! One decoded instruction.

/// What an instruction does. Names are the assembler's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Not decoded yet.
    Unknown,
    /// No instruction of this processor; `imm` holds its bits.
    Illegal,
    /// `lui` and `c.li`: the constant itself.
    Constant,
    Auipc,
    Jal,
    Jalr,
    Beq,
    Bne,
    Blt,
    Bge,
    Bltu,
    Bgeu,
    Lb,
    Lh,
    Lw,
    Lbu,
    Lhu,
    Sb,
    Sh,
    Sw,
    Addi,
    Slti,
    Sltiu,
    Xori,
    Ori,
    Andi,
    Slli,
    Srli,
    Srai,
    Add,
    Sub,
    Sll,
    Slt,
    Sltu,
    Xor,
    Srl,
    Sra,
    Or,
    And,
    Mul,
    Mulh,
    Mulhsu,
    Mulhu,
    Div,
    Divu,
    Rem,
    Remu,
    /// `fence` and `fence.i`: there is nothing to wait for, decoded code follows every write.
    Fence,
    Ecall,
    Ebreak,
    Mret,
    Wfi,
    /// `imm` is the CSR's number, `rs1` the register.
    Csrrw,
    Csrrs,
    Csrrc,
    /// `imm` is the CSR's number, `rs1` the value.
    Csrrwi,
    Csrrsi,
    Csrrci,
}

/// A register number that is written but never read: where results for `x0` go.
pub(crate) const SINK: u8 = 32;

/// An instruction, ready to run: eight bytes, so that a page of them stays in the host's cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Op {
    pub(crate) kind: Kind,
    /// Where the result goes; [`SINK`] instead of `x0`.
    pub(crate) rd: u8,
    /// First source. The top bit tells a 2-byte instruction, see [`Op::size`].
    pub(crate) rs1: u8,
    pub(crate) rs2: u8,
    pub(crate) imm: i32,
}

/// In `rs1`: the instruction has two bytes, not four.
const SHORT: u8 = 0x80;

impl Op {
    pub(crate) const UNKNOWN: Op = Op {
        kind: Kind::Unknown,
        rd: SINK,
        rs1: 0,
        rs2: 0,
        imm: 0,
    };

    /// An instruction of four bytes. Results for `x0` are sent to [`SINK`].
    pub(crate) fn new(kind: Kind, rd: u32, rs1: u32, rs2: u32, imm: i32) -> Op {
        Op {
            kind,
            rd: if rd == 0 { SINK } else { rd as u8 },
            rs1: rs1 as u8,
            rs2: rs2 as u8,
            imm,
        }
    }

    /// An instruction that does not exist.
    pub(crate) fn illegal(bits: u32) -> Op {
        Op::new(Kind::Illegal, 0, 0, 0, bits.cast_signed())
    }

    /// The same instruction in two bytes.
    pub(crate) fn short(mut self) -> Op {
        self.rs1 |= SHORT;
        self
    }

    /// Its size in bytes: 2 or 4.
    #[inline]
    pub(crate) fn size(self) -> u32 {
        4 - u32::from((self.rs1 & SHORT) >> 6)
    }
}
