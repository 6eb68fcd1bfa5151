//! The PHY behind the MAC: a DP83848C whose link is always up.

/// Its address on the MII bus.
const ADDRESS: u32 = 1;
const CONTROL: usize = 0;
const STATUS: usize = 1;
const IDENTITY_1: usize = 2;
const IDENTITY_2: usize = 3;
const ADVERTISED: usize = 4;
const PARTNER: usize = 5;

#[derive(Debug)]
pub(super) struct Phy {
    registers: [u16; 16],
}

impl Phy {
    pub(super) fn new() -> Phy {
        let mut registers = [0; 16];
        registers[CONTROL] = 0x1000;
        // 100 and 10 Mbit/s, half and full duplex; negotiation done; the link is up.
        registers[STATUS] = 0x786C;
        registers[IDENTITY_1] = 0x2000;
        registers[IDENTITY_2] = 0x5C90;
        registers[ADVERTISED] = 0x01E1;
        registers[PARTNER] = 0x01E1;
        Phy { registers }
    }

    /// Reads the register that a MIIADDRESS names: bus address below, register above.
    pub(super) fn read(&self, address: u32) -> u16 {
        if address & 0x1F != ADDRESS {
            return 0xFFFF;
        }
        let register = (address >> 8) as usize & 0x1F;
        self.registers.get(register).copied().unwrap_or(0)
    }

    pub(super) fn write(&mut self, address: u32, value: u16) {
        let register = (address >> 8) as usize & 0x1F;
        match register {
            _ if address & 0x1F != ADDRESS => {}
            CONTROL if value & 0x8000 != 0 => *self = Phy::new(),
            STATUS | IDENTITY_1 | IDENTITY_2 => {}
            _ => {
                if let Some(place) = self.registers.get_mut(register) {
                    *place = value;
                }
            }
        }
    }
}
