//! The `OpenCores` Ethernet MAC, as QEMU has it (its `hw/net/opencores_eth.c`): registers at
//! 0x600CD000, 128 descriptors of eight bytes at 0x600CD400.

mod phy;

use crate::ethernet::EthernetPort;
use crate::memory::Memory;
use phy::Phy;

const DESCRIPTORS: usize = 128;
const DESCRIPTOR_BASE: u32 = 0x400;
/// Registers by their index.
const MODER: usize = 0;
const INT_SOURCE: usize = 1;
const INT_MASK: usize = 2;
const PACKETLEN: usize = 6;
const TX_BD_NUM: usize = 8;
const MIICOMMAND: usize = 11;
const MIIADDRESS: usize = 12;
const MIITX_DATA: usize = 13;
const MIIRX_DATA: usize = 14;
const MIISTATUS: usize = 15;
const MAC_ADDR0: usize = 16;
const MAC_ADDR1: usize = 17;
const HASH0: usize = 18;
const REGISTERS: usize = 21;

mod moder {
    pub(super) const RXEN: u32 = 1;
    pub(super) const TXEN: u32 = 1 << 1;
    pub(super) const BRO: u32 = 1 << 3;
    pub(super) const IAM: u32 = 1 << 4;
    pub(super) const PRO: u32 = 1 << 5;
    pub(super) const RST: u32 = 1 << 11;
    pub(super) const HUGEN: u32 = 1 << 14;
    pub(super) const PAD: u32 = 1 << 15;
}
const INT_TXB: u32 = 1;
const INT_RXB: u32 = 1 << 2;
const INT_BUSY: u32 = 1 << 4;
/// In a descriptor: it is the MAC's to fill or send; ask for an interrupt; the ring ends here.
const READY: u32 = 1 << 15;
const IRQ: u32 = 1 << 14;
const WRAP: u32 = 1 << 13;
/// In a descriptor for sending: pad short frames.
const TX_PAD: u32 = 1 << 12;
/// In a descriptor for sending: what became of the frame.
const TX_STATUS: u32 = 0x1FF;
/// In a descriptor for receiving: the frame was not for us, it was too long; and all such bits.
const RX_MISS: u32 = 1 << 7;
const RX_TOO_LONG: u32 = 1 << 3;
const RX_STATUS: u32 = 0x1FF;
/// Frames let in at one look at the network, so that a flood cannot stop the chip.
const FRAMES_A_POLL: usize = 32;

/// The MAC with its cable.
pub(crate) struct OpenEth {
    port: Box<dyn EthernetPort>,
    registers: [u32; REGISTERS],
    descriptors: [u32; 2 * DESCRIPTORS],
    tx: usize,
    rx: usize,
    phy: Phy,
}

impl OpenEth {
    pub(super) fn new(port: Box<dyn EthernetPort>) -> OpenEth {
        let mut mac = OpenEth {
            port,
            registers: [0; REGISTERS],
            descriptors: [0; 2 * DESCRIPTORS],
            tx: 0,
            rx: 0,
            phy: Phy::new(),
        };
        mac.reset();
        mac
    }

    /// Registers as they are after a reset. Descriptors are memory and stay.
    pub(super) fn reset(&mut self) {
        self.registers = [0; REGISTERS];
        self.registers[MODER] = 0xA000;
        self.registers[3] = 0x12;
        self.registers[4] = 0x0C;
        self.registers[5] = 0x12;
        self.registers[PACKETLEN] = 0x0040_0600;
        self.registers[7] = 0x000F_003F;
        self.registers[TX_BD_NUM] = 0x40;
        self.registers[10] = 0x64;
        self.tx = 0;
        self.rx = 0x40;
        self.phy = Phy::new();
    }

    pub(super) fn read(&self, offset: u32) -> u32 {
        let word = |words: &[u32], at: u32| words.get(at as usize / 4).copied().unwrap_or(0);
        match offset {
            DESCRIPTOR_BASE..=0x7FC => word(&self.descriptors, offset - DESCRIPTOR_BASE),
            _ => word(&self.registers, offset),
        }
    }

    pub(super) fn write(&mut self, memory: &mut Memory, offset: u32, value: u32) {
        if let DESCRIPTOR_BASE..=0x7FC = offset {
            let at = (offset - DESCRIPTOR_BASE) as usize / 4;
            self.descriptors[at] = value;
            self.send_ready(memory);
            return;
        }
        let index = offset as usize / 4;
        match index {
            MODER => self.write_moder(memory, value),
            INT_SOURCE => self.registers[INT_SOURCE] &= !value,
            TX_BD_NUM if value >= 0x80 => {}
            MIICOMMAND => self.mii_command(value),
            MIITX_DATA => {
                self.registers[MIITX_DATA] = value & 0xFFFF;
                self.phy.write(self.registers[MIIADDRESS], value as u16);
            }
            MIISTATUS => {}
            _ => {
                if let Some(register) = self.registers.get_mut(index) {
                    *register = value;
                }
            }
        }
    }

    fn write_moder(&mut self, memory: &mut Memory, value: u32) {
        let set = value & !self.registers[MODER];
        if set & moder::RST != 0 {
            self.reset();
        }
        self.registers[MODER] = value;
        if set & moder::RXEN != 0 {
            self.rx = self.registers[TX_BD_NUM] as usize;
        }
        if set & moder::TXEN != 0 {
            self.tx = 0;
            self.send_ready(memory);
        }
    }

    fn mii_command(&mut self, value: u32) {
        let address = self.registers[MIIADDRESS];
        if value & 4 != 0 {
            self.phy.write(address, self.registers[MIITX_DATA] as u16);
        }
        if value & 2 != 0 {
            self.registers[MIIRX_DATA] = u32::from(self.phy.read(address));
            self.registers[MIISTATUS] = 0;
        }
    }

    /// Whether the MAC asks for an interrupt.
    pub(super) fn level(&self) -> bool {
        self.registers[INT_SOURCE] & self.registers[INT_MASK] != 0
    }

    /// Sends the frame of the next descriptor, if it is ready. One at a time, as in QEMU: the next
    /// is looked at when the next descriptor is written.
    fn send_ready(&mut self, memory: &Memory) {
        let flags = self.descriptors[2 * self.tx];
        let length = (flags >> 16) as usize;
        let ring = self.registers[TX_BD_NUM] as usize;
        if self.registers[MODER] & moder::TXEN == 0
            || ring == 0
            || flags & READY == 0
            || length <= 4
        {
            return;
        }
        let (shortest, longest) = self.lengths();
        let mut sent = length;
        if flags & TX_PAD != 0 {
            sent = sent.max(shortest);
        }
        if self.registers[MODER] & moder::HUGEN == 0 {
            sent = sent.min(longest);
        }
        let buffer = self.descriptors[2 * self.tx + 1];
        let mut frame = memory
            .slice(buffer, length.min(sent))
            .map(<[u8]>::to_vec)
            .unwrap_or_default();
        frame.resize(sent, 0);
        self.port.send(&frame);
        let done = flags & !(READY | TX_STATUS);
        self.descriptors[2 * self.tx] = done;
        self.tx = if flags & WRAP != 0 || self.tx + 1 >= ring {
            0
        } else {
            self.tx + 1
        };
        if flags & IRQ != 0 {
            self.registers[INT_SOURCE] |= INT_TXB;
        }
    }

    /// The shortest and the longest frame, in bytes.
    fn lengths(&self) -> (usize, usize) {
        let lengths = self.registers[PACKETLEN];
        ((lengths >> 16) as usize, (lengths & 0xFFFF) as usize)
    }

    /// Lets frames in; tells whether any came. One without a free descriptor is lost, as in QEMU.
    pub(super) fn poll(&mut self, memory: &mut Memory) -> bool {
        let mut any = false;
        for _ in 0..FRAMES_A_POLL {
            if self.registers[MODER] & moder::RXEN == 0 {
                break;
            }
            let Some(frame) = self.port.receive() else {
                break;
            };
            any |= self.receive(memory, &frame);
        }
        any
    }

    fn receive(&mut self, memory: &mut Memory, frame: &[u8]) -> bool {
        let miss = self.misses(frame);
        if miss && self.registers[MODER] & moder::PRO == 0 {
            return false;
        }
        let flags = self.descriptors[2 * self.rx];
        if flags & READY == 0 {
            self.registers[INT_SOURCE] |= INT_BUSY;
            return true;
        }
        let mut flags = flags & !RX_STATUS;
        let (shortest, longest) = self.lengths();
        let huge = self.registers[MODER] & moder::HUGEN != 0;
        let limit = if huge { 65_536 } else { longest };
        if miss {
            flags |= RX_MISS;
        }
        if huge && frame.len() > longest {
            flags |= RX_TOO_LONG;
        }
        let mut stored = frame.to_vec();
        // The frame check sequence, which nobody computes, is stored as zeros: not of a frame
        // that was cut, and less of one that is padded.
        let mut check = if limit > stored.len() { 4 } else { 0 };
        stored.truncate(limit);
        if self.registers[MODER] & moder::PAD != 0 && stored.len() < shortest {
            check = 4_usize.saturating_sub(shortest - stored.len());
            stored.resize(shortest, 0);
        }
        stored.resize(stored.len() + check, 0);
        // A buffer outside of memory: the frame goes nowhere, as on a bus that nobody answers.
        let _ = memory.write(self.descriptors[2 * self.rx + 1], &stored);
        let at = self.rx;
        self.rx = if flags & WRAP != 0 || at == DESCRIPTORS - 1 {
            self.registers[TX_BD_NUM] as usize
        } else {
            at + 1
        };
        self.descriptors[2 * at] = (flags & 0xFFFF & !READY) | ((stored.len() as u32) << 16);
        if flags & IRQ != 0 {
            self.registers[INT_SOURCE] |= INT_RXB;
        }
        true
    }

    /// Whether a frame is for somebody else.
    fn misses(&self, frame: &[u8]) -> bool {
        let Some(&destination) = frame.first_chunk::<6>() else {
            return true;
        };
        let mode = self.registers[MODER];
        if destination == [0xFF; 6] {
            mode & moder::BRO != 0
        } else if destination[0] & 1 != 0 || mode & moder::IAM != 0 {
            let bucket = (crc32(&destination) >> 26) as usize;
            self.registers[HASH0 + bucket / 32] & (1 << (bucket % 32)) == 0
        } else {
            let own = (u64::from(self.registers[MAC_ADDR1] & 0xFFFF) << 32)
                | u64::from(self.registers[MAC_ADDR0]);
            own.to_be_bytes()[2..] != destination
        }
    }
}

/// The CRC that picks a multicast bucket: Ethernet's, most significant bit first, not inverted.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        for bit in 0..8 {
            let carry = (crc >> 31) ^ u32::from((byte >> bit) & 1);
            crc = (crc << 1) ^ (0x04C1_1DB7 * carry);
        }
    }
    crc
}
