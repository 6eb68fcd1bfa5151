//! A timer group's watchdog: four stages, one after the other, each of which may reset the chip.

/// What opens the registers for writing.
const KEY: u32 = 0x50D8_3AA1;
/// The clocks to count, in hertz: APB, and the crystal's.
const APB_HZ: u64 = 80_000_000;
const XTAL_HZ: u64 = 40_000_000;

/// In the first configuration register: the watchdog runs.
const ENABLE: u32 = 1 << 31;
/// In the first configuration register: what was written before takes effect.
const UPDATE: u32 = 1 << 22;
const USE_XTAL: u32 = 1 << 21;

/// The main watchdog of one group. Like QEMU's it keeps written values aside until the update bit.
#[derive(Debug)]
pub(super) struct Watchdog {
    config: u32,
    key: u32,
    prescaler: u32,
    hertz: u64,
    written_prescaler: u32,
    written_ticks: [u32; 4],
    ticks: [u32; 4],
    actions: u32,
    stage: usize,
    /// When the stage began, in nanoseconds.
    since: u64,
    /// When it ends, in nanoseconds; `u64::MAX` while the watchdog is off.
    at: u64,
    pub(super) raised: bool,
    pub(super) enabled: bool,
}

/// What a stage does when its time is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Nothing,
    Interrupt,
    Reset,
}

impl Watchdog {
    pub(super) fn new() -> Watchdog {
        Watchdog {
            config: 0,
            key: KEY,
            prescaler: 1,
            hertz: APB_HZ,
            written_prescaler: 1 << 16,
            written_ticks: [0; 4],
            ticks: [26_000_000, 0x7FFF_FFFF, 0x0FFF_FFFF, 0x0FFF_FFFF],
            actions: 0,
            stage: 0,
            since: 0,
            at: u64::MAX,
            raised: false,
            enabled: false,
        }
    }

    pub(super) fn read(&self, offset: u32) -> u32 {
        match offset {
            0x48 => self.config,
            0x4C => self.written_prescaler & !1,
            0x50..=0x5C => self.written_ticks[(offset as usize - 0x50) / 4],
            0x64 => self.key,
            _ => 0,
        }
    }

    pub(super) fn write(&mut self, offset: u32, value: u32, now: u64) {
        match offset {
            0x64 => self.key = value,
            // QEMU protects the first register only; real hardware protects them all, and
            // programs that work there open the lock before either.
            0x48 if self.key == KEY => self.configure(value, now),
            0x4C => self.written_prescaler = value,
            0x50..=0x5C => self.written_ticks[(offset as usize - 0x50) / 4] = value,
            0x60 => self.feed(now),
            _ => {}
        }
    }

    fn configure(&mut self, value: u32, now: u64) {
        let was_on = self.config & ENABLE != 0;
        let on = value & ENABLE != 0;
        let clock_changed = (self.config ^ value) & USE_XTAL != 0;
        self.config = value & !(UPDATE | 0x7FF);
        if value & UPDATE != 0 {
            let prescaler = (self.written_prescaler >> 16).max(1);
            if prescaler != self.prescaler || clock_changed {
                self.prescaler = prescaler;
                let clock = if value & USE_XTAL != 0 {
                    XTAL_HZ
                } else {
                    APB_HZ
                };
                self.hertz = (clock / u64::from(prescaler)).max(1);
            }
            self.actions = value;
            self.ticks = self.written_ticks;
            if on && was_on {
                self.at = self.since.saturating_add(self.duration());
            }
        }
        if on && !was_on {
            self.begin(0, now);
        } else if !on {
            self.at = u64::MAX;
        }
    }

    fn feed(&mut self, now: u64) {
        if self.config & ENABLE != 0 {
            self.begin(0, now);
        }
    }

    fn begin(&mut self, stage: usize, now: u64) {
        self.stage = stage;
        self.since = now;
        self.at = now.saturating_add(self.duration());
    }

    /// How long the stage lasts, in nanoseconds.
    fn duration(&self) -> u64 {
        u64::from(self.ticks[self.stage]) * 1_000_000_000 / self.hertz
    }

    fn action(&self) -> Action {
        match (self.actions >> (29 - 2 * self.stage)) & 3 {
            0 => Action::Nothing,
            1 => Action::Interrupt,
            _ => Action::Reset,
        }
    }

    /// Lets stages end whose time is over; tells whether the chip is to be reset.
    pub(super) fn tick(&mut self, now: u64) -> bool {
        if self.at > now {
            return false;
        }
        match self.action() {
            Action::Nothing => {}
            Action::Interrupt => self.raised = true,
            Action::Reset => {
                self.at = u64::MAX;
                return true;
            }
        }
        self.begin((self.stage + 1) % 4, now);
        // A stage of no length would never let time go on.
        self.at = self.at.max(now + 1);
        false
    }

    pub(super) fn next_event(&self) -> u64 {
        self.at
    }
}
