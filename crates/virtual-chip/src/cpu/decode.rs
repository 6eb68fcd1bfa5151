//! RV32IM and Zicsr instructions of four bytes (The RISC-V Instruction Set Manual, volume I).

use super::op::{Kind, Op};

/// Decodes the four bytes at an instruction's address; the compressed ones use the first two.
pub(crate) fn decode(bits: u32) -> Op {
    if bits & 3 != 3 {
        return super::decode_compressed::decode(bits & 0xFFFF).short();
    }
    decode_full(bits).unwrap_or_else(|| Op::illegal(bits))
}

fn decode_full(bits: u32) -> Option<Op> {
    let rd = (bits >> 7) & 31;
    let rs1 = (bits >> 15) & 31;
    let rs2 = (bits >> 20) & 31;
    let funct3 = (bits >> 12) & 7;
    let funct7 = bits >> 25;
    let imm_i = bits.cast_signed() >> 20;
    let op = match bits & 0x7F {
        0x37 => Op::new(Kind::Constant, rd, 0, 0, (bits & 0xFFFF_F000).cast_signed()),
        0x17 => Op::new(Kind::Auipc, rd, 0, 0, (bits & 0xFFFF_F000).cast_signed()),
        0x6F => Op::new(Kind::Jal, rd, 0, 0, immediate_j(bits)),
        0x67 if funct3 == 0 => Op::new(Kind::Jalr, rd, rs1, 0, imm_i),
        0x63 => {
            let kind = match funct3 {
                0 => Kind::Beq,
                1 => Kind::Bne,
                4 => Kind::Blt,
                5 => Kind::Bge,
                6 => Kind::Bltu,
                7 => Kind::Bgeu,
                _ => return None,
            };
            Op::new(kind, 0, rs1, rs2, immediate_b(bits))
        }
        0x03 => {
            let kind = match funct3 {
                0 => Kind::Lb,
                1 => Kind::Lh,
                2 => Kind::Lw,
                4 => Kind::Lbu,
                5 => Kind::Lhu,
                _ => return None,
            };
            Op::new(kind, rd, rs1, 0, imm_i)
        }
        0x23 => {
            let kind = match funct3 {
                0 => Kind::Sb,
                1 => Kind::Sh,
                2 => Kind::Sw,
                _ => return None,
            };
            let imm = ((bits.cast_signed() >> 25) << 5) | rd.cast_signed();
            Op::new(kind, 0, rs1, rs2, imm)
        }
        0x13 => {
            let shift = rs2.cast_signed();
            match (funct3, funct7) {
                (0, _) => Op::new(Kind::Addi, rd, rs1, 0, imm_i),
                (2, _) => Op::new(Kind::Slti, rd, rs1, 0, imm_i),
                (3, _) => Op::new(Kind::Sltiu, rd, rs1, 0, imm_i),
                (4, _) => Op::new(Kind::Xori, rd, rs1, 0, imm_i),
                (6, _) => Op::new(Kind::Ori, rd, rs1, 0, imm_i),
                (7, _) => Op::new(Kind::Andi, rd, rs1, 0, imm_i),
                (1, 0) => Op::new(Kind::Slli, rd, rs1, 0, shift),
                (5, 0) => Op::new(Kind::Srli, rd, rs1, 0, shift),
                (5, 0x20) => Op::new(Kind::Srai, rd, rs1, 0, shift),
                _ => return None,
            }
        }
        0x33 => Op::new(register_kind(funct3, funct7)?, rd, rs1, rs2, 0),
        0x0F if funct3 <= 1 => Op::new(Kind::Fence, 0, 0, 0, 0),
        0x73 => decode_system(bits, funct3, rd, rs1)?,
        _ => return None,
    };
    Some(op)
}

fn register_kind(funct3: u32, funct7: u32) -> Option<Kind> {
    Some(match (funct7, funct3) {
        (0, 0) => Kind::Add,
        (0x20, 0) => Kind::Sub,
        (0, 1) => Kind::Sll,
        (0, 2) => Kind::Slt,
        (0, 3) => Kind::Sltu,
        (0, 4) => Kind::Xor,
        (0, 5) => Kind::Srl,
        (0x20, 5) => Kind::Sra,
        (0, 6) => Kind::Or,
        (0, 7) => Kind::And,
        (1, 0) => Kind::Mul,
        (1, 1) => Kind::Mulh,
        (1, 2) => Kind::Mulhsu,
        (1, 3) => Kind::Mulhu,
        (1, 4) => Kind::Div,
        (1, 5) => Kind::Divu,
        (1, 6) => Kind::Rem,
        (1, 7) => Kind::Remu,
        _ => return None,
    })
}

fn decode_system(bits: u32, funct3: u32, rd: u32, rs1: u32) -> Option<Op> {
    let csr = (bits >> 20).cast_signed();
    let kind = match funct3 {
        0 => match bits {
            0x0000_0073 => Kind::Ecall,
            0x0010_0073 => Kind::Ebreak,
            0x3020_0073 => Kind::Mret,
            0x1050_0073 => Kind::Wfi,
            _ => return None,
        },
        1 => Kind::Csrrw,
        2 => Kind::Csrrs,
        3 => Kind::Csrrc,
        5 => Kind::Csrrwi,
        6 => Kind::Csrrsi,
        7 => Kind::Csrrci,
        _ => return None,
    };
    Some(Op::new(kind, rd, rs1, 0, csr))
}

fn immediate_j(bits: u32) -> i32 {
    let sign = (bits.cast_signed() >> 31) << 20;
    let rest = (bits & 0x000F_F000) | ((bits >> 9) & 0x800) | ((bits >> 20) & 0x7FE);
    sign | rest.cast_signed()
}

fn immediate_b(bits: u32) -> i32 {
    let sign = (bits.cast_signed() >> 31) << 12;
    let rest = ((bits << 4) & 0x800) | ((bits >> 20) & 0x7E0) | ((bits >> 7) & 0x1E);
    sign | rest.cast_signed()
}
