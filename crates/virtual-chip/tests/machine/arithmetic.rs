//! Results of instructions, compared with Rust's own arithmetic on the host.

use proptest::prelude::*;

use crate::support::assembler::{
    A1, A2, S0, branch, bytes, halt, i_type, li, r_type, send_byte, send_word,
};
use crate::support::program::run;

/// An instruction of two registers: name, `funct7`, `funct3`, and what it is to give.
type Case = (&'static str, u32, u32, fn(u32, u32) -> u32);

/// As the RISC-V manual's tables and text say, division's special cases included.
const CASES: [Case; 18] = [
    ("add", 0, 0, u32::wrapping_add),
    ("sub", 0x20, 0, u32::wrapping_sub),
    ("sll", 0, 1, |a, b| a.wrapping_shl(b)),
    ("slt", 0, 2, |a, b| {
        u32::from(a.cast_signed() < b.cast_signed())
    }),
    ("sltu", 0, 3, |a, b| u32::from(a < b)),
    ("xor", 0, 4, |a, b| a ^ b),
    ("srl", 0, 5, |a, b| a.wrapping_shr(b)),
    ("sra", 0x20, 5, |a, b| {
        a.cast_signed().wrapping_shr(b).cast_unsigned()
    }),
    ("or", 0, 6, |a, b| a | b),
    ("and", 0, 7, |a, b| a & b),
    ("mul", 1, 0, |a, b| (u64::from(a) * u64::from(b)) as u32),
    ("mulh", 1, 1, |a, b| {
        high(i128::from(a.cast_signed()) * i128::from(b.cast_signed()))
    }),
    ("mulhsu", 1, 2, |a, b| {
        high(i128::from(a.cast_signed()) * i128::from(b))
    }),
    ("mulhu", 1, 3, |a, b| high(i128::from(a) * i128::from(b))),
    ("div", 1, 4, |a, b| match b {
        0 => u32::MAX,
        _ => (i64::from(a.cast_signed()) / i64::from(b.cast_signed())).cast_unsigned() as u32,
    }),
    ("divu", 1, 5, |a, b| a.checked_div(b).unwrap_or(u32::MAX)),
    ("rem", 1, 6, |a, b| match b {
        0 => a,
        _ => (i64::from(a.cast_signed()) % i64::from(b.cast_signed())).cast_unsigned() as u32,
    }),
    ("remu", 1, 7, |a, b| a.checked_rem(b).unwrap_or(a)),
];

fn high(product: i128) -> u32 {
    (product >> 32).cast_unsigned() as u32
}

/// Numbers near the edges as often as any others.
fn operand() -> impl Strategy<Value = u32> {
    prop_oneof![
        any::<u32>(),
        prop::sample::select(vec![
            0,
            1,
            2,
            31,
            32,
            0x7FFF_FFFF,
            0x8000_0000,
            0x8000_0001,
            u32::MAX
        ]),
    ]
}

fn words(bytes: &[u8]) -> Vec<u32> {
    let (words, rest) = bytes.as_chunks::<4>();
    assert!(rest.is_empty(), "whole words only");
    words.iter().map(|word| u32::from_le_bytes(*word)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_instruction_of_two_registers(a in operand(), b in operand()) {
        let mut code = Vec::new();
        for (_, funct7, funct3, _) in CASES {
            code.extend(li(A1, a));
            code.extend(li(A2, b));
            code.push(r_type(funct7, A2, A1, funct3, S0));
            code.extend(send_word(S0));
        }
        code.push(halt());
        let results = words(&run(&code));
        prop_assert_eq!(results.len(), CASES.len());
        for ((name, _, _, expected), result) in CASES.iter().zip(results) {
            prop_assert_eq!(result, expected(a, b), "{} of {:#x} and {:#x}", name, a, b);
        }
    }

    #[test]
    fn every_instruction_with_a_constant(a in operand(), imm in -2048_i32..2048) {
        let wide = imm.cast_unsigned();
        let shift = wide & 31;
        let cases: [(u32, i32, u32); 9] = [
            (0, imm, a.wrapping_add(wide)),
            (2, imm, u32::from(a.cast_signed() < imm)),
            (3, imm, u32::from(a < wide)),
            (4, imm, a ^ wide),
            (6, imm, a | wide),
            (7, imm, a & wide),
            (1, shift.cast_signed(), a << shift),
            (5, shift.cast_signed(), a >> shift),
            (5, (shift | 0x400).cast_signed(), (a.cast_signed() >> shift).cast_unsigned()),
        ];
        let mut code = Vec::new();
        for (funct3, imm, _) in cases {
            code.extend(li(A1, a));
            code.push(i_type(imm, A1, funct3, S0, 0x13));
            code.extend(send_word(S0));
        }
        code.push(halt());
        let expected: Vec<u32> = cases.iter().map(|case| case.2).collect();
        prop_assert_eq!(words(&run(&code)), expected);
    }

    #[test]
    fn every_branch(a in operand(), b in operand()) {
        let cases = [
            (0, a == b),
            (1, a != b),
            (4, a.cast_signed() < b.cast_signed()),
            (5, a.cast_signed() >= b.cast_signed()),
            (6, a < b),
            (7, a >= b),
        ];
        let mut code = Vec::new();
        for (funct3, _) in cases {
            code.extend(li(A1, a));
            code.extend(li(A2, b));
            let not_taken = send_byte(b'n');
            code.push(branch(funct3, A1, A2, bytes(not_taken.len() + 1)));
            code.extend(not_taken);
            code.extend(send_byte(b'.'));
        }
        code.push(halt());
        let expected: Vec<u8> = cases
            .iter()
            .flat_map(|&(_, taken)| if taken { &b"."[..] } else { &b"n."[..] })
            .copied()
            .collect();
        prop_assert_eq!(run(&code), expected);
    }
}
