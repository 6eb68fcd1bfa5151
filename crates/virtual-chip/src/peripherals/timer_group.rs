//! A timer group: one timer, one watchdog, and the measuring of slow clocks.

use super::watchdog::Watchdog;

const APB_HZ: u64 = 80_000_000;
const XTAL_HZ: u64 = 40_000_000;
/// What slow clocks run at, by their number: the RC oscillator, the fast one divided by 256, a
/// crystal, and nothing.
const SLOW_HZ: [u32; 4] = [136_000, 17_500_000 / 256, 32_000, 32_000];
/// The timer has 54 bits.
const MASK: u64 = (1 << 54) - 1;

const ENABLE: u32 = 1 << 31;
const INCREASE: u32 = 1 << 30;
const AUTORELOAD: u32 = 1 << 29;
const ALARM: u32 = 1 << 10;
const USE_XTAL: u32 = 1 << 9;

#[derive(Debug)]
pub(super) struct TimerGroup {
    watchdog: Watchdog,
    config: u32,
    /// Ticks at `since`.
    value: u64,
    since: u64,
    shown: u64,
    to_load: u64,
    alarm: u64,
    /// Nanoseconds, or `u64::MAX`.
    at: u64,
    raised: bool,
    enabled: bool,
    calibration: [u32; 3],
}

impl TimerGroup {
    pub(super) fn new() -> TimerGroup {
        TimerGroup {
            watchdog: Watchdog::new(),
            config: 1 << 13,
            value: 0,
            since: 0,
            shown: 0,
            to_load: 0,
            alarm: 0,
            at: u64::MAX,
            raised: false,
            enabled: false,
            calibration: [0x0001_3000, 0, 0],
        }
    }

    pub(super) fn read(&self, offset: u32) -> u32 {
        match offset {
            0x00 => self.config,
            0x04 => self.shown as u32,
            0x08 => (self.shown >> 32) as u32,
            0x10 => self.alarm as u32,
            0x14 => (self.alarm >> 32) as u32,
            0x18 => self.to_load as u32,
            0x1C => (self.to_load >> 32) as u32,
            0x48..=0x64 => self.watchdog.read(offset),
            0x68 => self.calibration[0],
            0x6C => self.calibration[1],
            0x80 => self.calibration[2],
            0x70 => u32::from(self.enabled) | (u32::from(self.watchdog.enabled) << 1),
            0x74 => u32::from(self.raised) | (u32::from(self.watchdog.raised) << 1),
            0x78 => u32::from(self.timer_level()) | (u32::from(self.watchdog_level()) << 1),
            _ => 0,
        }
    }

    pub(super) fn write(&mut self, offset: u32, value: u32, now: u64) {
        match offset {
            0x00 => {
                self.set(self.ticks(now), now);
                self.config = value & !(1 << 12);
                self.arm(now);
            }
            0x0C => self.shown = self.ticks(now),
            0x10 => {
                self.alarm = (self.alarm & !0xFFFF_FFFF) | u64::from(value);
                self.arm(now);
            }
            0x14 => {
                self.alarm = (self.alarm & 0xFFFF_FFFF) | (u64::from(value & 0x3F_FFFF) << 32);
                self.arm(now);
            }
            0x18 => self.to_load = (self.to_load & !0xFFFF_FFFF) | u64::from(value),
            0x1C => {
                self.to_load = (self.to_load & 0xFFFF_FFFF) | (u64::from(value & 0x3F_FFFF) << 32);
            }
            0x20 => {
                self.set(self.to_load, now);
                self.arm(now);
            }
            0x48..=0x64 => self.watchdog.write(offset, value, now),
            0x68 => self.calibrate(value),
            0x80 => {
                // As in QEMU: with little patience, measuring times out at once.
                let patience = (value >> 3) & 15;
                let cycles = (self.calibration[0] >> 16) & 0x7FFF;
                let timeout = patience == 0 || patience < cycles / 10;
                self.calibration[2] = (value & !1) | u32::from(timeout);
            }
            0x70 => {
                self.enabled = value & 1 != 0;
                self.watchdog.enabled = value & 2 != 0;
            }
            0x7C => {
                self.raised &= value & 1 == 0;
                self.watchdog.raised &= value & 2 == 0;
            }
            _ => {}
        }
    }

    /// Ticks of the timer in a second.
    fn hertz(&self) -> u64 {
        let clock = if self.config & USE_XTAL != 0 {
            XTAL_HZ
        } else {
            APB_HZ
        };
        let divider = match u64::from((self.config >> 13) & 0xFFFF) {
            0 => 65_536,
            1 => 2,
            divider => divider,
        };
        clock / divider
    }

    fn ticks(&self, now: u64) -> u64 {
        if self.config & ENABLE == 0 {
            return self.value;
        }
        let elapsed = u128::from(now.saturating_sub(self.since));
        let ticks = (elapsed * u128::from(self.hertz()) / 1_000_000_000) as u64;
        if self.config & INCREASE != 0 {
            self.value.wrapping_add(ticks) & MASK
        } else {
            self.value.wrapping_sub(ticks) & MASK
        }
    }

    fn set(&mut self, value: u64, now: u64) {
        self.value = value & MASK;
        self.since = now;
    }

    /// Works out when the alarm comes.
    fn arm(&mut self, now: u64) {
        self.at = u64::MAX;
        if self.config & ENABLE == 0 || self.config & ALARM == 0 {
            return;
        }
        let value = self.ticks(now);
        let ahead = if self.config & INCREASE != 0 {
            self.alarm.wrapping_sub(value) & MASK
        } else {
            value.wrapping_sub(self.alarm) & MASK
        };
        // More than half the range ahead is behind: it was programmed too late.
        let ahead = if ahead > MASK / 2 { 0 } else { ahead };
        let wait = (u128::from(ahead) * 1_000_000_000).div_ceil(u128::from(self.hertz()));
        self.at = now.saturating_add(u64::try_from(wait).unwrap_or(u64::MAX));
        if ahead == 0 {
            self.ring(now);
        }
    }

    fn ring(&mut self, now: u64) {
        self.raised = true;
        self.config &= !ALARM;
        self.at = u64::MAX;
        if self.config & AUTORELOAD != 0 {
            self.set(self.to_load, now);
        }
    }

    /// Measures a slow clock: so many of its cycles last so many of the crystal's.
    fn calibrate(&mut self, value: u32) {
        let mut value = value & !(1 << 15);
        if value & ((1 << 31) | (1 << 12)) != 0 {
            let cycles = u64::from((value >> 16) & 0x7FFF);
            let clock = SLOW_HZ[((value >> 13) & 3) as usize];
            let crystal = (cycles * XTAL_HZ / u64::from(clock)) as u32;
            // The low bit says that the result of a running measurement is valid.
            self.calibration[1] = (crystal << 7) | 1;
            self.calibration[2] &= !1;
            value |= 1 << 15;
        }
        self.calibration[0] = value;
    }

    /// Lets happen what time has come for; tells whether the watchdog resets the chip.
    pub(super) fn tick(&mut self, now: u64) -> bool {
        if self.at <= now {
            self.ring(now);
        }
        self.watchdog.tick(now)
    }

    pub(super) fn next_event(&self) -> u64 {
        self.at.min(self.watchdog.next_event())
    }

    pub(super) fn timer_level(&self) -> bool {
        self.raised && self.enabled
    }

    pub(super) fn watchdog_level(&self) -> bool {
        self.watchdog.raised && self.watchdog.enabled
    }
}
