//! The two CRC-32 variants of what lies on an ESP32's flash.

/// The ROM's, as NVS and otadata use it: the register starts at zero and is inverted at the end.
pub fn crc_from_zero(parts: &[&[u8]]) -> u32 {
    !crc(0, parts)
}

/// littlefs's: the register starts at all ones and stays as it is at the end. Inverted, it is zlib's, which secure boot
/// signatures use.
pub fn crc_from_ones(parts: &[&[u8]]) -> u32 {
    crc(u32::MAX, parts)
}

fn crc(start: u32, parts: &[&[u8]]) -> u32 {
    let bytes = parts.iter().flat_map(|part| part.iter());
    bytes.fold(start, |register, byte| {
        TABLE[usize::from(register as u8 ^ byte)] ^ (register >> 8)
    })
}

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut register = index as u32;
        let mut bit = 0;
        while bit < 8 {
            let low = register & 1;
            register >>= 1;
            if low == 1 {
                register ^= 0xEDB8_8320;
            }
            bit += 1;
        }
        table[index] = register;
        index += 1;
    }
    table
};
