//! The system timer: two counters of 16 MHz, three alarms.

/// Counters count so often in a millisecond.
const TICKS_PER_MS: u64 = 16_000;
const NS_PER_MS: u64 = 1_000_000;
/// Counters have 52 bits.
const MASK: u64 = (1 << 52) - 1;
/// An alarm this far behind the counter was missed; farther, the counter has to come around.
const MISSED: u64 = (1 << 51) - 1;

#[derive(Debug)]
pub(super) struct Systimer {
    conf: u32,
    counters: [Counter; 2],
    alarms: [Alarm; 3],
}

#[derive(Debug, Default)]
struct Counter {
    on: bool,
    /// Ticks at `since`.
    value: u64,
    since: u64,
    /// What was asked for last, for reading.
    shown: u64,
    to_load: u64,
}

/// The configuration after a reset: the first counter counts, as on hardware.
const AFTER_RESET: u32 = 0x4600_0000;

impl Default for Systimer {
    fn default() -> Systimer {
        let mut timer = Systimer {
            conf: 0,
            counters: Default::default(),
            alarms: Default::default(),
        };
        timer.configure(AFTER_RESET, 0);
        timer
    }
}

#[derive(Debug)]
struct Alarm {
    on: bool,
    periodic: bool,
    counter: usize,
    target: u64,
    period: u32,
    target_to_load: u64,
    period_to_load: u32,
    raised: bool,
    enabled: bool,
    /// Nanoseconds, or `u64::MAX`.
    at: u64,
}

impl Default for Alarm {
    fn default() -> Alarm {
        Alarm {
            on: false,
            periodic: false,
            counter: 0,
            target: 0,
            period: 0,
            target_to_load: 0,
            period_to_load: 0,
            raised: false,
            enabled: false,
            at: u64::MAX,
        }
    }
}

impl Counter {
    fn ticks(&self, now: u64) -> u64 {
        if !self.on {
            return self.value;
        }
        // In two steps, so that a month of nanoseconds does not overflow.
        let elapsed = now.saturating_sub(self.since);
        let ticks =
            elapsed / NS_PER_MS * TICKS_PER_MS + elapsed % NS_PER_MS * TICKS_PER_MS / NS_PER_MS;
        (self.value + ticks) & MASK
    }

    fn set(&mut self, value: u64, now: u64) {
        self.value = value & MASK;
        self.since = now;
    }
}

/// Nanoseconds until so many ticks went by, rounded up: an alarm must not find its time not yet
/// come.
fn duration(ticks: u64) -> u64 {
    ticks / TICKS_PER_MS * NS_PER_MS + (ticks % TICKS_PER_MS * NS_PER_MS).div_ceil(TICKS_PER_MS)
}

fn low(value: &mut u64, part: u32) {
    *value = (*value & !0xFFFF_FFFF) | u64::from(part);
}

fn high(value: &mut u64, part: u32) {
    *value = (*value & 0xFFFF_FFFF) | (u64::from(part & 0xF_FFFF) << 32);
}

impl Systimer {
    /// A reset: alarms are gone, counters count on.
    pub(super) fn reset(&mut self) {
        self.conf = AFTER_RESET;
        self.alarms = Default::default();
    }

    pub(super) fn read(&self, offset: u32) -> u32 {
        let index = (offset / 4) as usize;
        match offset {
            0x00 => self.conf,
            // Values are valid at once.
            0x04 | 0x08 => 1 << 29,
            0x0C | 0x14 => (self.counters[(index - 3) / 2].to_load >> 32) as u32,
            0x10 | 0x18 => self.counters[(index - 4) / 2].to_load as u32,
            0x1C | 0x24 | 0x2C => (self.alarms[(index - 7) / 2].target_to_load >> 32) as u32,
            0x20 | 0x28 | 0x30 => self.alarms[(index - 8) / 2].target_to_load as u32,
            0x34 | 0x38 | 0x3C => {
                let alarm = &self.alarms[index - 13];
                alarm.period | (u32::from(alarm.periodic) << 30) | ((alarm.counter as u32) << 31)
            }
            0x40 | 0x48 => (self.counters[(index - 16) / 2].shown >> 32) as u32,
            0x44 | 0x4C => self.counters[(index - 17) / 2].shown as u32,
            0x64 => self.bits(|alarm| alarm.enabled),
            0x68 => self.bits(|alarm| alarm.raised),
            0x70 => self.levels(),
            _ => 0,
        }
    }

    pub(super) fn write(&mut self, offset: u32, value: u32, now: u64) {
        let index = (offset / 4) as usize;
        match offset {
            0x00 => self.configure(value, now),
            0x04 | 0x08 if value & (1 << 30) != 0 => {
                let counter = &mut self.counters[index - 1];
                counter.shown = counter.ticks(now);
            }
            0x0C | 0x14 => high(&mut self.counters[(index - 3) / 2].to_load, value),
            0x10 | 0x18 => low(&mut self.counters[(index - 4) / 2].to_load, value),
            0x1C | 0x24 | 0x2C => high(&mut self.alarms[(index - 7) / 2].target_to_load, value),
            0x20 | 0x28 | 0x30 => low(&mut self.alarms[(index - 8) / 2].target_to_load, value),
            0x34 | 0x38 | 0x3C => {
                let alarm = &mut self.alarms[index - 13];
                alarm.periodic = value & (1 << 30) != 0;
                alarm.counter = (value >> 31) as usize;
                alarm.period_to_load = value & 0x03FF_FFFF;
            }
            0x50 | 0x54 | 0x58 => {
                let number = index - 20;
                let alarm = &mut self.alarms[number];
                alarm.period = alarm.period_to_load;
                alarm.target = alarm.target_to_load & MASK;
                self.arm(number, now);
            }
            0x5C | 0x60 => {
                let number = index - 23;
                let counter = &mut self.counters[number];
                counter.set(counter.to_load, now);
                self.arm_all(number, now);
            }
            0x64 => {
                for (bit, alarm) in self.alarms.iter_mut().enumerate() {
                    alarm.enabled = value & (1 << bit) != 0;
                }
            }
            0x6C => {
                for (bit, alarm) in self.alarms.iter_mut().enumerate() {
                    alarm.raised &= value & (1 << bit) == 0;
                }
            }
            _ => {}
        }
    }

    fn configure(&mut self, value: u32, now: u64) {
        self.conf = value;
        for number in 0..2 {
            let on = value & (1 << (30 - number)) != 0;
            let counter = &mut self.counters[number];
            if counter.on != on {
                let ticks = counter.ticks(now);
                counter.set(ticks, now);
                counter.on = on;
                self.arm_all(number, now);
            }
        }
        for number in 0..3 {
            let on = value & (1 << (24 - number)) != 0;
            if self.alarms[number].on != on {
                self.alarms[number].on = on;
                self.arm(number, now);
            }
        }
    }

    fn arm_all(&mut self, counter: usize, now: u64) {
        for number in 0..3 {
            if self.alarms[number].counter == counter {
                self.arm(number, now);
            }
        }
    }

    /// Works out when an alarm comes.
    fn arm(&mut self, number: usize, now: u64) {
        let alarm = &mut self.alarms[number];
        let counter = &self.counters[alarm.counter];
        alarm.at = u64::MAX;
        if !alarm.on || !counter.on {
            return;
        }
        let ticks = counter.ticks(now);
        if alarm.periodic {
            alarm.at = now + duration(u64::from(alarm.period));
        } else if alarm.target <= ticks && ticks - alarm.target < MISSED {
            alarm.raised = true;
        } else {
            // From when the counter was set, so that rounding does not add up.
            let from_set = alarm.target.wrapping_sub(counter.value) & MASK;
            alarm.at = (counter.since + duration(from_set)).max(now);
        }
    }

    pub(super) fn tick(&mut self, now: u64) {
        for alarm in &mut self.alarms {
            if alarm.at > now {
                continue;
            }
            alarm.raised = true;
            let period = duration(u64::from(alarm.period));
            alarm.at = if alarm.periodic && period > 0 {
                alarm.at + period
            } else {
                u64::MAX
            };
        }
    }

    pub(super) fn next_event(&self) -> u64 {
        self.alarms
            .iter()
            .map(|alarm| alarm.at)
            .min()
            .unwrap_or(u64::MAX)
    }

    /// Alarms that ask for an interrupt, a bit each.
    pub(super) fn levels(&self) -> u32 {
        self.bits(|alarm| alarm.raised && alarm.enabled)
    }

    fn bits(&self, of: impl Fn(&Alarm) -> bool) -> u32 {
        let bit = |number: usize| u32::from(of(&self.alarms[number])) << number;
        bit(0) | bit(1) | bit(2)
    }
}
