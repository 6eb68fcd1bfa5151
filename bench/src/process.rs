//! What the system knows of a process.

use std::fs;
use std::time::Duration;

use crate::Result;
use crate::figure::Quantity;

/// One of Linux's clock ticks in `/proc`: `USER_HZ` is 100 wherever Linux runs.
const TICK: Duration = Duration::from_millis(10);

/// Processor time of a process and its children so far.
pub(crate) fn processor_time(pid: u32) -> Result<Duration> {
    let mut ticks = ticks(pid)?;
    // Not every kernel tells; then a process counts alone.
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    for child in children.unwrap_or_default().split_whitespace() {
        ticks += self::ticks(child.parse()?)?;
    }
    Ok(TICK * ticks)
}

fn ticks(pid: u32) -> Result<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name, in parentheses, may hold anything; user and system time are the 12th and 13th field behind it.
    let (_, fields) = stat.rsplit_once(')').ok_or("a process has a name")?;
    let mut times = fields.split_whitespace().skip(11);
    let mut next = || -> Result<u32> { Ok(times.next().ok_or("a process has times")?.parse()?) };
    Ok(next()? + next()?)
}

/// A line of the process's status, in MB.
pub(crate) fn memory(pid: u32, field: &str) -> Result<Quantity> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kib: f64 = status
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))
        .and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse().ok())
        .ok_or_else(|| format!("/proc/{pid}/status has no {field}"))?;
    Ok(Quantity {
        value: kib * 1024.0 / 1e6,
        unit: "MB",
    })
}
