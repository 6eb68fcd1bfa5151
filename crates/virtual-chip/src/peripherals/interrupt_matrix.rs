//! The interrupt matrix: 62 sources onto 31 lines of the processor, each with a priority.

/// Sources that can be routed.
const SOURCES: usize = 62;
/// Lines of the processor, 1 to 31; 0 leads nowhere.
const LINES: u32 = 32;

/// All interrupts are levels, as in QEMU: a line asks as long as a source on it does.
#[derive(Debug)]
pub(super) struct InterruptMatrix {
    map: [u8; SOURCES],
    priority: [u8; LINES as usize],
    enabled: u32,
    threshold: u32,
    levels: u64,
    /// The line to interrupt with, kept until something changes.
    line: Option<u32>,
}

impl InterruptMatrix {
    pub(super) fn new() -> InterruptMatrix {
        InterruptMatrix {
            map: [0; SOURCES],
            priority: [0; LINES as usize],
            enabled: 0,
            threshold: 0,
            levels: 0,
            line: None,
        }
    }

    pub(super) fn read(&self, offset: u32, levels: u64) -> u32 {
        let index = (offset / 4) as usize;
        match offset {
            0x0F8 => levels as u32,
            0x0FC => (levels >> 32) as u32,
            0x104 => self.enabled,
            0x110 => self.asking(levels),
            0x114..=0x190 => self
                .priority
                .get(index - 0x114 / 4)
                .map_or(0, |&priority| u32::from(priority)),
            0x194 => self.threshold,
            _ => self.map.get(index).map_or(0, |&line| u32::from(line)),
        }
    }

    pub(super) fn write(&mut self, offset: u32, value: u32) {
        let index = (offset / 4) as usize;
        match offset {
            0x104 => self.enabled = value,
            0x114..=0x190 => {
                if let Some(priority) = self.priority.get_mut(index - 0x114 / 4) {
                    *priority = (value & 15) as u8;
                }
            }
            0x194 => self.threshold = value & 15,
            _ => {
                if let Some(line) = self.map.get_mut(index) {
                    *line = (value & 31) as u8;
                }
            }
        }
        self.update(self.levels);
    }

    /// Takes what the sources ask for now.
    pub(super) fn update(&mut self, levels: u64) {
        self.levels = levels;
        self.line = self.most_urgent();
    }

    /// The enabled line with the highest priority not below the threshold; of equal ones the
    /// lowest number.
    pub(super) fn line(&self) -> Option<u32> {
        self.line
    }

    fn most_urgent(&self) -> Option<u32> {
        if self.levels == 0 {
            return None;
        }
        let asking = self.asking(self.levels) & self.enabled;
        (1..LINES)
            .filter(|line| asking & (1 << line) != 0)
            .map(|line| (line, u32::from(self.priority[line as usize])))
            .filter(|&(_, priority)| priority >= self.threshold)
            .max_by_key(|&(line, priority)| (priority, LINES - line))
            .map(|(line, _)| line)
    }

    /// Lines that a source asks on, enabled or not.
    fn asking(&self, levels: u64) -> u32 {
        let mut left = levels;
        let mut lines = 0;
        while left != 0 {
            let source = left.trailing_zeros() as usize;
            lines |= self.map.get(source).map_or(0, |&line| 1 << line);
            left &= left - 1;
        }
        lines & !1
    }
}
