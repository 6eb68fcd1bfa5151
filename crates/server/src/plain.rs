//! Words of devices and people, as they may be kept.

use updraft_protocol::Report;

/// The text with a space for every control character: whoever reads it later is not to be troubled by them, and
/// `PostgreSQL` takes no NUL.
pub(crate) fn plain(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// The same for all texts of a report.
pub(crate) fn plain_report(report: &Report) -> Report {
    let some = |text: &Option<String>| text.as_deref().map(plain);
    Report {
        firmware_version: plain(&report.firmware_version),
        previous_version: some(&report.previous_version),
        firmware_id: some(&report.firmware_id),
        detail: some(&report.detail),
        slot: some(&report.slot),
        checks: report.checks.iter().map(|name| plain(name)).collect(),
        ..report.clone()
    }
}
