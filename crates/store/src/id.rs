use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970, by this machine's clock.
pub fn unix_now() -> i64 {
    since_epoch().as_secs().try_into().unwrap_or(i64::MAX)
}

fn since_epoch() -> std::time::Duration {
    // A clock before 1970 reads as 1970: wrong, but harmless.
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

/// A new id: 24 hexadecimal digits, the form that the documented clients know. The first 16 hold milliseconds
/// and a counter, so ids made by one process grow; the last 8 are random, so that two processes do not meet.
pub fn new_id() -> String {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let counter = COUNTER.fetch_add(1, Ordering::Relaxed) & 0xffff;
    let millis = since_epoch().as_millis() as u64 & 0xffff_ffff_ffff;
    let random = getrandom::u32().unwrap_or_else(|_| std::process::id());
    format!("{millis:012x}{counter:04x}{random:08x}")
}

#[cfg(test)]
mod tests {
    use super::new_id;

    #[test]
    fn ids_are_24_hexadecimal_digits_and_differ() {
        let ids: std::collections::HashSet<String> = (0..1000).map(|_| new_id()).collect();
        assert_eq!(ids.len(), 1000);
        assert!(
            ids.iter()
                .all(|id| id.len() == 24 && id.bytes().all(|b| b.is_ascii_hexdigit()))
        );
    }
}
