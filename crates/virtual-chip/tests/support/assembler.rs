//! Just enough of an assembler to write test programs with.

/// Registers that programs here use.
pub(crate) const ZERO: u32 = 0;
pub(crate) const RA: u32 = 1;
pub(crate) const T0: u32 = 5;
pub(crate) const T1: u32 = 6;
pub(crate) const T2: u32 = 7;
pub(crate) const S0: u32 = 8;
pub(crate) const S1: u32 = 9;
pub(crate) const A0: u32 = 10;
pub(crate) const A1: u32 = 11;
pub(crate) const A2: u32 = 12;

/// `uart_tx_one_char` of the mask ROM.
pub(crate) const UART_TX_ONE_CHAR: u32 = 0x4000_0068;
/// `software_reset` of the mask ROM.
pub(crate) const SOFTWARE_RESET: u32 = 0x4000_0090;

pub(crate) const fn r_type(funct7: u32, rs2: u32, rs1: u32, funct3: u32, rd: u32) -> u32 {
    (funct7 << 25) | (rs2 << 20) | (rs1 << 15) | (funct3 << 12) | (rd << 7) | 0x33
}

pub(crate) const fn i_type(imm: i32, rs1: u32, funct3: u32, rd: u32, opcode: u32) -> u32 {
    ((imm.cast_unsigned() & 0xFFF) << 20) | (rs1 << 15) | (funct3 << 12) | (rd << 7) | opcode
}

pub(crate) const fn addi(rd: u32, rs1: u32, imm: i32) -> u32 {
    i_type(imm, rs1, 0, rd, 0x13)
}

pub(crate) const fn lui(rd: u32, upper: u32) -> u32 {
    (upper & 0xFFFF_F000) | (rd << 7) | 0x37
}

/// `li`: any constant.
pub(crate) fn li(rd: u32, value: u32) -> [u32; 2] {
    let low = (value.cast_signed() << 20) >> 20;
    let high = value.wrapping_sub(low.cast_unsigned());
    [lui(rd, high), addi(rd, rd, low)]
}

pub(crate) const fn lw(rd: u32, rs1: u32, imm: i32) -> u32 {
    i_type(imm, rs1, 2, rd, 0x03)
}

pub(crate) const fn sw(rs2: u32, rs1: u32, imm: i32) -> u32 {
    let imm = imm.cast_unsigned();
    ((imm >> 5 & 0x7F) << 25) | (rs2 << 20) | (rs1 << 15) | (2 << 12) | ((imm & 31) << 7) | 0x23
}

pub(crate) const fn jalr(rd: u32, rs1: u32, imm: i32) -> u32 {
    i_type(imm, rs1, 0, rd, 0x67)
}

pub(crate) const fn jal(rd: u32, offset: i32) -> u32 {
    let o = offset.cast_unsigned();
    ((o >> 20 & 1) << 31)
        | ((o >> 1 & 0x3FF) << 21)
        | ((o >> 11 & 1) << 20)
        | (o & 0xF_F000)
        | (rd << 7)
        | 0x6F
}

/// A branch: `funct3` 0 beq, 1 bne, 4 blt, 5 bge, 6 bltu, 7 bgeu.
pub(crate) const fn branch(funct3: u32, rs1: u32, rs2: u32, offset: i32) -> u32 {
    let o = offset.cast_unsigned();
    ((o >> 12 & 1) << 31)
        | ((o >> 5 & 0x3F) << 25)
        | (rs2 << 20)
        | (rs1 << 15)
        | (funct3 << 12)
        | ((o >> 1 & 15) << 8)
        | ((o >> 11 & 1) << 7)
        | 0x63
}

/// `csrrw`, `csrrs`, `csrrc` by `funct3` 1, 2, 3.
pub(crate) const fn csr(funct3: u32, rd: u32, number: i32, rs1: u32) -> u32 {
    i_type(number, rs1, funct3, rd, 0x73)
}

pub(crate) const WFI: u32 = 0x1050_0073;
pub(crate) const MRET: u32 = 0x3020_0073;

/// Calls `address`.
pub(crate) fn call(address: u32) -> Vec<u32> {
    let mut code = li(T0, address).to_vec();
    code.push(jalr(RA, T0, 0));
    code
}

/// Sends the four bytes of `register`, lowest first, over the serial line; `A0` and `T0` are lost.
pub(crate) fn send_word(register: u32) -> Vec<u32> {
    let mut code = vec![addi(S1, register, 0)];
    for _ in 0..4 {
        code.push(addi(A0, S1, 0));
        code.extend(call(UART_TX_ONE_CHAR));
        code.push(i_type(8, S1, 5, S1, 0x13));
    }
    code
}

/// Sends one byte.
pub(crate) fn send_byte(byte: u8) -> Vec<u32> {
    let mut code = vec![addi(A0, ZERO, i32::from(byte))];
    code.extend(call(UART_TX_ONE_CHAR));
    code
}

/// Stays here for ever.
pub(crate) const fn halt() -> u32 {
    jal(ZERO, 0)
}

/// So many bytes as instructions take, for offsets.
pub(crate) fn bytes(instructions: usize) -> i32 {
    i32::try_from(4 * instructions).expect("programs here are short")
}

/// Writes `value` to the register at `address`.
pub(crate) fn poke(address: u32, value: u32) -> Vec<u32> {
    let mut code = li(T1, address).to_vec();
    code.extend(li(T2, value));
    code.push(sw(T2, T1, 0));
    code
}
