//! The C extension: instructions of two bytes, each short for one of four.

use super::op::{Kind, Op};

/// Decodes an instruction of two bytes, as if it had four; the caller marks it short.
pub(crate) fn decode(bits: u32) -> Op {
    let decoded = match bits & 3 {
        0 => quadrant_0(bits),
        1 => quadrant_1(bits),
        _ => quadrant_2(bits),
    };
    decoded.unwrap_or_else(|| Op::illegal(bits))
}

/// One of the eight registers that three bits can name: `x8` to `x15`.
fn near(bits: u32, lowest: u32) -> u32 {
    8 + ((bits >> lowest) & 7)
}

/// `count` bits from `from` on, moved to `to`.
fn field(bits: u32, from: u32, count: u32, to: u32) -> i32 {
    (((bits >> from) & ((1 << count) - 1)) << to).cast_signed()
}

/// The 6-bit signed immediate of most of quadrant 1.
fn immediate_6(bits: u32) -> i32 {
    field(bits, 2, 5, 0) | -field(bits, 12, 1, 5)
}

fn quadrant_0(bits: u32) -> Option<Op> {
    let word = field(bits, 6, 1, 2) | field(bits, 10, 3, 3) | field(bits, 5, 1, 6);
    Some(match bits >> 13 {
        0 => {
            let imm = field(bits, 6, 1, 2)
                | field(bits, 5, 1, 3)
                | field(bits, 11, 2, 4)
                | field(bits, 7, 4, 6);
            if imm == 0 {
                return None;
            }
            Op::new(Kind::Addi, near(bits, 2), 2, 0, imm)
        }
        2 => Op::new(Kind::Lw, near(bits, 2), near(bits, 7), 0, word),
        6 => Op::new(Kind::Sw, 0, near(bits, 7), near(bits, 2), word),
        _ => return None,
    })
}

fn quadrant_1(bits: u32) -> Option<Op> {
    let rd = (bits >> 7) & 31;
    let imm = immediate_6(bits);
    Some(match bits >> 13 {
        0 => Op::new(Kind::Addi, rd, rd, 0, imm),
        1 => Op::new(Kind::Jal, 1, 0, 0, immediate_jump(bits)),
        2 => Op::new(Kind::Constant, rd, 0, 0, imm),
        3 if rd == 2 => {
            let imm = field(bits, 6, 1, 4)
                | field(bits, 2, 1, 5)
                | field(bits, 5, 1, 6)
                | field(bits, 3, 2, 7)
                | -field(bits, 12, 1, 9);
            if imm == 0 {
                return None;
            }
            Op::new(Kind::Addi, 2, 2, 0, imm)
        }
        3 if imm == 0 => return None,
        3 => Op::new(Kind::Constant, rd, 0, 0, imm << 12),
        4 => return arithmetic(bits),
        5 => Op::new(Kind::Jal, 0, 0, 0, immediate_jump(bits)),
        6 => Op::new(Kind::Beq, 0, near(bits, 7), 0, immediate_branch(bits)),
        _ => Op::new(Kind::Bne, 0, near(bits, 7), 0, immediate_branch(bits)),
    })
}

fn arithmetic(bits: u32) -> Option<Op> {
    let rd = near(bits, 7);
    let shift = field(bits, 2, 5, 0);
    Some(match (bits >> 10) & 3 {
        // A shift by 32 or more belongs to RV64.
        0 | 1 if bits & 0x1000 != 0 => return None,
        0 => Op::new(Kind::Srli, rd, rd, 0, shift),
        1 => Op::new(Kind::Srai, rd, rd, 0, shift),
        2 => Op::new(Kind::Andi, rd, rd, 0, immediate_6(bits)),
        _ => {
            let kind = match (bits >> 12 & 1, bits >> 5 & 3) {
                (0, 0) => Kind::Sub,
                (0, 1) => Kind::Xor,
                (0, 2) => Kind::Or,
                (0, 3) => Kind::And,
                _ => return None,
            };
            Op::new(kind, rd, rd, near(bits, 2), 0)
        }
    })
}

fn quadrant_2(bits: u32) -> Option<Op> {
    let rd = (bits >> 7) & 31;
    let rs2 = (bits >> 2) & 31;
    Some(match bits >> 13 {
        0 if bits & 0x1000 != 0 => return None,
        0 => Op::new(Kind::Slli, rd, rd, 0, field(bits, 2, 5, 0)),
        2 if rd == 0 => return None,
        2 => {
            let imm = field(bits, 4, 3, 2) | field(bits, 12, 1, 5) | field(bits, 2, 2, 6);
            Op::new(Kind::Lw, rd, 2, 0, imm)
        }
        4 => match (bits & 0x1000 != 0, rd, rs2) {
            (false, 0, 0) => return None,
            (false, rs1, 0) => Op::new(Kind::Jalr, 0, rs1, 0, 0),
            (false, ..) => Op::new(Kind::Add, rd, 0, rs2, 0),
            (true, 0, 0) => Op::new(Kind::Ebreak, 0, 0, 0, 0),
            (true, rs1, 0) => Op::new(Kind::Jalr, 1, rs1, 0, 0),
            (true, ..) => Op::new(Kind::Add, rd, rd, rs2, 0),
        },
        6 => {
            let imm = field(bits, 9, 4, 2) | field(bits, 7, 2, 6);
            Op::new(Kind::Sw, 0, 2, rs2, imm)
        }
        _ => return None,
    })
}

fn immediate_jump(bits: u32) -> i32 {
    field(bits, 3, 3, 1)
        | field(bits, 11, 1, 4)
        | field(bits, 2, 1, 5)
        | field(bits, 7, 1, 6)
        | field(bits, 6, 1, 7)
        | field(bits, 9, 2, 8)
        | field(bits, 8, 1, 10)
        | -field(bits, 12, 1, 11)
}

fn immediate_branch(bits: u32) -> i32 {
    field(bits, 3, 2, 1)
        | field(bits, 10, 2, 3)
        | field(bits, 2, 1, 5)
        | field(bits, 5, 2, 6)
        | -field(bits, 12, 1, 8)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;

    use super::*;
    use crate::cpu::op::SINK;

    /// Runs the oracle beside the tests; `None` where there is no Python for it.
    fn oracle() -> Option<String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let run = |command: &mut Command| {
            let output = command.output().map_err(|error| error.to_string())?;
            let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
            if output.status.success() {
                Ok(said(&output.stdout))
            } else {
                Err(said(&output.stderr))
            }
        };
        match run(&mut Command::new(root.join("../../scripts/python-tools"))) {
            Ok(python) => {
                let script = root.join("tests/oracle/compressed.py");
                Some(run(Command::new(python).arg(script)).expect("the oracle runs"))
            }
            Err(why) => {
                let must = std::env::var("CI").as_deref() == Ok("true");
                assert!(!must, "scripts/python-tools: {why}");
                println!("skipped: scripts/python-tools gave no Python: {why}");
                None
            }
        }
    }

    /// A decoded instruction in the oracle's words.
    fn words(pattern: u32, op: Op) -> Option<String> {
        let kind = format!("{:?}", op.kind).to_lowercase();
        let nothing = op.rd == SINK
            && matches!(
                op.kind,
                Kind::Constant | Kind::Addi | Kind::Slli | Kind::Add
            )
            || op.imm == 0 && matches!(op.kind, Kind::Slli | Kind::Srli | Kind::Srai);
        match op.kind {
            Kind::Illegal => None,
            _ if nothing => Some(format!("{pattern} nop 0 0 0 0")),
            _ => {
                let rd = op.rd % SINK;
                Some(format!(
                    "{pattern} {kind} {rd} {} {} {}",
                    op.rs1, op.rs2, op.imm
                ))
            }
        }
    }

    #[test]
    fn every_pattern_is_short_for_what_an_independent_disassembler_says() {
        let Some(expected) = oracle() else { return };
        let mut expected = expected.lines().peekable();
        for pattern in (0..1 << 16).filter(|pattern| pattern & 3 != 3) {
            let prefix = format!("{pattern} ");
            let line = expected.next_if(|line| line.starts_with(&prefix));
            let ours = words(pattern, decode(pattern));
            // Capstone leaves out most of those that the manual calls hints: they do nothing.
            if line.is_none()
                && ours
                    .as_ref()
                    .is_some_and(|ours| ours.ends_with(" nop 0 0 0 0"))
            {
                continue;
            }
            assert_eq!(ours.as_deref(), line, "{pattern:#06x}");
        }
        assert_eq!(
            expected.next(),
            None,
            "all that the oracle said was compared"
        );
    }
}
