//! How often a device asks, by what it does and not by what it says.

/// Gaps remembered: the median of five is not moved by two odd ones, such as a reboot and a night without power.
const GAPS: usize = 5;

/// Gaps before their median is a habit. Fewer are chance.
const ENOUGH: usize = 3;

/// The latest gaps between a device's questions, in seconds.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Habit {
    gaps: [u32; GAPS],
    known: u8,
    next: u8,
}

impl Habit {
    /// A habit known from before: it gives way as gaps are seen.
    pub(super) fn known(seconds: Option<u32>) -> Self {
        let mut habit = Self::default();
        if let Some(seconds) = seconds {
            for _ in 0..ENOUGH {
                habit.note(seconds);
            }
        }
        habit
    }

    /// The device asked again after so long. Asked twice within a second is one question.
    pub(super) fn note(&mut self, seconds: u32) {
        if seconds == 0 {
            return;
        }
        let next = usize::from(self.next);
        if let Some(gap) = self.gaps.get_mut(next) {
            *gap = seconds;
        }
        self.next = ((next + 1) % GAPS) as u8;
        self.known = self.known.saturating_add(1).min(GAPS as u8);
    }

    /// Seconds between two questions, once there are enough to tell.
    pub(super) fn seconds(&self) -> Option<u32> {
        let known = usize::from(self.known);
        if known < ENOUGH {
            return None;
        }
        let mut gaps = self.gaps;
        let gaps = gaps.get_mut(..known)?;
        gaps.sort_unstable();
        gaps.get(known / 2).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::Habit;

    fn after(gaps: &[u32]) -> Option<u32> {
        let mut habit = Habit::default();
        for gap in gaps {
            habit.note(*gap);
        }
        habit.seconds()
    }

    #[test]
    fn odd_gaps_do_not_move_the_habit() {
        assert_eq!(after(&[300, 300]), None, "too few to tell");
        assert_eq!(after(&[300, 0, 0, 301]), None, "one question asked thrice");
        assert_eq!(after(&[300, 2, 301]), Some(300));
        assert_eq!(after(&[300, 301, 2, 299, 604_800]), Some(300));
        // A new habit is learned, whatever was before.
        assert_eq!(after(&[300, 300, 300, 300, 300, 60, 61, 60]), Some(61));
        let mut kept = Habit::known(Some(3600));
        assert_eq!(kept.seconds(), Some(3600));
        for _ in 0..3 {
            kept.note(60);
        }
        assert_eq!(kept.seconds(), Some(60));
    }
}
