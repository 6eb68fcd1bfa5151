//! What an app on trial must fulfil before it is confirmed.

use alloc::borrow::ToOwned as _;
use alloc::string::String;

/// The name under which reaching the server is reported. The updater checks that itself.
pub const SERVER: &str = "server";

/// Most checks a board may have: each one is named in the report of a confirmation.
pub const MAX_CHECKS: usize = 16;

/// One thing that must hold while a new app is on trial, from the first second of its stability window to the
/// last: Wi-Fi connected, modules initialised, heap above a floor, or whatever makes the app worth keeping.
///
/// ```
/// use updraft_agent::Check;
///
/// struct Sensor {
///     readings: u32,
/// }
///
/// impl Check for Sensor {
///     fn name(&self) -> &'static str {
///         "sensor"
///     }
///
///     fn check(&mut self) -> Result<(), String> {
///         match self.readings {
///             0 => Err("no reading yet".into()),
///             _ => Ok(()),
///         }
///     }
/// }
/// ```
pub trait Check {
    /// What is checked, in one word that reports carry: `wifi`, `modules`, `heap`.
    fn name(&self) -> &'static str;

    /// Asked once a second. `Err` says what is wrong in a few words: "not connected".
    fn check(&mut self) -> Result<(), String>;
}

/// A check by a function.
pub struct Probe<F> {
    name: &'static str,
    probe: F,
}

impl<F: FnMut() -> Result<(), String>> Probe<F> {
    /// Checks `name` by calling `probe`.
    pub const fn new(name: &'static str, probe: F) -> Self {
        Self { name, probe }
    }
}

impl<F> core::fmt::Debug for Probe<F> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("Probe").field(&self.name).finish()
    }
}

impl<F: FnMut() -> Result<(), String>> Check for Probe<F> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn check(&mut self) -> Result<(), String> {
        (self.probe)()
    }
}

/// Wi-Fi must be connected; `connected` tells.
pub fn wifi(mut connected: impl FnMut() -> bool) -> impl Check {
    Probe::new("wifi", move || {
        if connected() {
            Ok(())
        } else {
            Err("not connected".to_owned())
        }
    })
}

/// All modules must be initialised; `problem` names the first that is not.
pub fn modules(mut problem: impl FnMut() -> Option<String>) -> impl Check {
    Probe::new("modules", move || problem().map_or(Ok(()), Err))
}

/// At least `floor` bytes of heap must be free; `free` tells how many are.
pub fn heap(floor: u32, mut free: impl FnMut() -> u32) -> impl Check {
    Probe::new("heap", move || match free() {
        enough if enough >= floor => Ok(()),
        free => Err(alloc::format!("{free} bytes are free, {floor} are wanted")),
    })
}
