//! What limits and times may be. A server with others would start and then serve nobody.

use std::time::Duration;

use tokio::sync::Semaphore;

use crate::config::Config;
use crate::server::StartError;

/// The smallest request head in bytes: a token, a host and a few headers of a proxy.
const MIN_HEAD: usize = 1024;

/// How often devices may be told to check in. Less than a second is a flood; after a day without one, nobody can
/// say any more whether a device lives. The device is told whole seconds.
pub(crate) const POLL_INTERVALS: (Duration, Duration) =
    (Duration::from_secs(1), Duration::from_hours(24));

/// How long a signed URL may be good. Less than a second is over before anybody has asked; more than a day is a
/// password.
const URL_LIFETIMES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_hours(24));

/// Refuses what cannot work, by the field's name.
pub(crate) fn check_limits(config: &Config) -> Result<(), StartError> {
    let limits = &config.limits;
    let bad = |what, given: String, bound: String| StartError::BadLimit { what, given, bound };
    // More than a semaphore can count would end the server.
    let most = Semaphore::MAX_PERMITS;
    for (what, given, least) in [
        ("max_connections", limits.max_connections, 1),
        ("max_uploads", limits.max_uploads, 1),
        ("max_devices", limits.max_devices, 1),
        ("max_check_ins", limits.max_check_ins, 1),
        ("max_streams", limits.max_streams, 1),
        ("max_head", limits.max_head, MIN_HEAD),
    ] {
        if !(least..=most).contains(&given) {
            return Err(bad(what, given.to_string(), format!("{least} to {most}")));
        }
    }
    for (what, given) in [
        ("header_read_timeout", limits.header_read_timeout),
        ("body_timeout", limits.body_timeout),
        ("stall_window", limits.stall_window),
        ("upload_timeout", limits.upload_timeout),
        ("write_behind", limits.write_behind),
        ("artifacts_poll", config.artifacts_poll),
        ("relay_validity", config.relay_validity),
        (
            "relay.poll",
            config
                .relay
                .as_ref()
                .map_or(config.artifacts_poll, |relay| relay.poll),
        ),
    ] {
        if given.is_zero() {
            return Err(bad(what, "0 s".to_owned(), "more than 0 s".to_owned()));
        }
    }
    let (least, most) = POLL_INTERVALS;
    if let Some(given) = config.poll_interval
        && !(least..=most).contains(&given)
    {
        let bound = format!("{least:?} to {most:?}");
        return Err(bad("poll_interval", format!("{given:?}"), bound));
    }
    let (least, most) = URL_LIFETIMES;
    let lifetime = config.signed_urls.lifetime;
    if !(least..=most).contains(&lifetime) {
        let bound = format!("{least:?} to {most:?}");
        return Err(bad("signed_urls.lifetime", format!("{lifetime:?}"), bound));
    }
    Ok(())
}
