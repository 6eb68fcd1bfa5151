//! When something is tried again.

/// Seconds from each try to the next: the tenth and last comes some 23 hours after the first, so that an outage of a night
/// or a working day loses nothing.
const PAUSES: [i64; 9] = [5, 60, 300, 900, 3600, 7200, 14_400, 21_600, 36_000];

/// A hook that took nothing for so long, in seconds, is disabled: five days, a long weekend and a day to notice.
pub(super) const PATIENCE_S: i64 = 5 * 24 * 3600;

/// The longest pause that a receiver may ask for, in seconds.
const LONGEST: i64 = 24 * 3600;

/// Seconds until the next try after so many in vain; none if that was the last. Up to a tenth is added by chance, so that what
/// failed together is not tried together.
pub(super) fn pause(tries: i64, asked: Option<i64>, chance: u32) -> Option<i64> {
    let index = usize::try_from(tries).ok()?.checked_sub(1)?;
    let pause = PAUSES.get(index)?;
    let spread = (pause / 10).max(1);
    let pause = pause + i64::from(chance) % (spread + 1);
    Some(pause.max(asked.unwrap_or_default().min(LONGEST)))
}

#[cfg(test)]
mod tests {
    use super::pause;

    #[test]
    fn ten_tries_in_about_a_day() {
        let all: Vec<i64> = (1..).map_while(|tries| pause(tries, None, 0)).collect();
        assert_eq!(all.len() + 1, 10);
        assert!(all.is_sorted());
        let hours = all.iter().sum::<i64>() / 3600;
        assert!((20..=24).contains(&hours), "{hours}");
        assert_eq!(pause(0, None, 0), None, "nothing failed");
        assert_eq!(pause(1, Some(120), 7), Some(120), "as the receiver asks");
        assert_eq!(pause(1, Some(1_000_000), 0), Some(24 * 3600));
        for chance in [0, 1, 59, u32::MAX] {
            assert!((3600..=3960).contains(&pause(5, None, chance).unwrap()));
        }
    }
}
