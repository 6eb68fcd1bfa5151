"""What each instruction of two bytes is short for, by Capstone's disassembler and the table of expansions in the RISC-V
manual (chapter "C"): a line for each of the patterns that exist in RV32C without floating point:

    PATTERN KIND RD RS1 RS2 IMMEDIATE

An instruction that changes nothing is `nop`, however it is written.
"""

import re

import capstone

NAMES = (
    "zero ra sp gp tp t0 t1 t2 s0 s1 a0 a1 a2 a3 a4 a5 a6 a7 s2 s3 s4 s5 s6 s7 s8 s9 s10 s11 t3 t4 t5 t6".split()
)


# Instructions that Capstone knows and the chip has not: floating point, and the one that is defined to be none.
FOREIGN = "unimp flw fsw flwsp fswsp fld fsd fldsp fsdsp".split()


def operand(text):
    return NAMES.index(text) if text in NAMES else int(text, 0)


def expansion(name, operands):
    """KIND, RD, RS1, RS2, IMMEDIATE."""
    match name, operands:
        case "nop", _:
            return "nop", 0, 0, 0, 0
        case "addi4spn", [rd, sp, value]:
            return "addi", rd, sp, 0, value
        case "addi16sp", [sp, value]:
            return "addi", sp, sp, 0, value
        case ("lw" | "lwsp"), [rd, offset, base]:
            return "lw", rd, base, 0, offset
        case ("sw" | "swsp"), [source, offset, base]:
            return "sw", 0, base, source, offset
        case "li", [rd, value]:
            return "constant", rd, 0, 0, value
        case "lui", [_, 0]:
            return None  # reserved, which Capstone does not tell
        case "lui", [rd, value]:
            value = (value & 0xFFFFF) << 12
            return "constant", rd, 0, 0, value - (value >> 31 << 32)
        case ("slli" | "srli" | "srai"), [_, value] if value > 31:
            return None  # 64-bit processors only, which Capstone does not tell
        case ("slli" | "srli" | "srai"), [_, 0]:
            return "nop", 0, 0, 0, 0
        case ("addi" | "andi" | "slli" | "srli" | "srai"), [rd, value]:
            return name, rd, rd, 0, value
        case ("sub" | "xor" | "or" | "and" | "add"), [rd, source]:
            return name, rd, rd, source, 0
        case "mv", [rd, source]:
            return "add", rd, 0, source, 0
        case "jal", [offset]:
            return "jal", 1, 0, 0, offset
        case "j", [offset]:
            return "jal", 0, 0, 0, offset
        case "jr", [target]:
            return "jalr", 0, target, 0, 0
        case "jalr", [target]:
            return "jalr", 1, target, 0, 0
        case "beqz", [source, offset]:
            return "beq", 0, source, 0, offset
        case "bnez", [source, offset]:
            return "bne", 0, source, 0, offset
        case "ebreak", []:
            return "ebreak", 0, 0, 0, 0
    raise ValueError(f"{name} {operands}")


def main():
    disassembler = capstone.Cs(capstone.CS_ARCH_RISCV, capstone.CS_MODE_RISCV32 | capstone.CS_MODE_RISCVC)
    for pattern in range(1 << 16):
        if pattern & 3 == 3:
            continue
        decoded = next(disassembler.disasm_lite(pattern.to_bytes(2, "little"), 0), None)
        if decoded is None:
            continue
        _, _, mnemonic, text = decoded
        name = mnemonic.removeprefix("c.")
        if name in FOREIGN:
            continue
        expanded = expansion(name, [operand(part) for part in re.split(r"[\s,()]+", text) if part])
        if expanded is None:
            continue
        kind, rd, *rest = expanded
        if rd == 0 and kind in ("constant", "addi", "slli", "add"):
            kind, rest = "nop", [0, 0, 0]
        print(pattern, kind, rd, *rest)


main()
