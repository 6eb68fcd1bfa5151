//! A device's life in virtual time: bootloader, updater, reset, over and over, with no waiting.

use std::cell::RefCell;
use std::rc::Rc;

use updraft_agent::{Failure, Settings};
use updraft_flash::partition::{TABLE_OFFSET, Table};
use updraft_flash::slot::AppSlot;
use updraft_image::Chip;
use updraft_protocol::ResetReason;
use updraft_virtual_device::behaviour::Behaviour;
use updraft_virtual_device::bootloader::{self, BootConfig, Efuse};
use updraft_virtual_device::nor_flash::VirtualFlash;

use super::app::{Act, App, Ended, Hand, HealthAt, Random, Shown, Stop};
use super::flash::{Moment, RecordedFlash};
use super::seen::Seen;
use super::server::Server;

/// How a stretch of life ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// What was waited for has come, while the app in this slot ran.
    Stopped(AppSlot),
    /// The flash lost its power.
    PowerLost,
    /// The app in this slot runs without an updater.
    NoUpdater(AppSlot, Failure),
}

/// Resets after which a device that has not come to rest never will.
const MAX_BOOTS: usize = 16;

/// Everything of a device but its flash.
pub(crate) struct Life {
    pub(crate) server: Rc<RefCell<Server>>,
    pub(crate) settings: Settings,
    pub(crate) chip: Chip,
    pub(crate) secure_version: u32,
    /// Whether the bootloader rolls back.
    pub(crate) rollback: bool,
    /// Whether apps that panic or hang at once come as far as their guard.
    pub(crate) guarded: bool,
    /// What the chip says of every reset; the truth if absent.
    pub(crate) always_says: Option<ResetReason>,
    /// Why the chip was reset before its next boot.
    pub(crate) reset_reason: ResetReason,
    pub(crate) health: HealthAt,
    pub(crate) random: Random,
    /// What a person does, once, to the app in this slot, so many milliseconds after it booted.
    pub(crate) hand: Option<(AppSlot, u64, Act)>,
    /// What the LEDs showed since the device was made.
    pub(crate) leds: Shown,
    /// How it went.
    pub(crate) by_hand: Rc<RefCell<Option<Result<(), Failure>>>>,
    /// What was seen since the last boot.
    pub(crate) seen: Rc<RefCell<Vec<(u64, Seen)>>>,
    /// What was seen before it.
    pub(crate) past: Vec<Seen>,
    /// The slots that were booted, in order.
    pub(crate) boots: Vec<AppSlot>,
}

impl Life {
    /// A well-kept ESP32-C3 that checks in as soon as it runs.
    pub(crate) fn new(server: &Rc<RefCell<Server>>) -> Self {
        let id = "cut-device".parse().expect("a name");
        let device_type = "esp32c3".parse().expect("a name");
        let mut settings = Settings::new("http://server", id, device_type);
        settings.min_uptime_seconds = 0;
        Self {
            server: Rc::clone(server),
            settings,
            chip: Chip::Esp32c3,
            secure_version: 0,
            rollback: true,
            guarded: true,
            always_says: None,
            reset_reason: ResetReason::PowerOn,
            health: Rc::new(|_| Ok(())),
            random: Rc::new(|bytes| bytes.fill(0)),
            leds: Rc::default(),
            hand: None,
            by_hand: Rc::default(),
            seen: Rc::default(),
            past: Vec::new(),
            boots: Vec::new(),
        }
    }

    /// Lets the device live from its next boot until `stop` says so of what was seen since the last boot, or
    /// its power is cut.
    pub(crate) fn live(
        &mut self,
        flash: &mut VirtualFlash,
        moments: Option<&RefCell<Vec<Moment>>>,
        stop: Stop<'_>,
    ) -> Result<End, String> {
        for _ in 0..MAX_BOOTS {
            let before = self.seen.take();
            self.past.extend(before.into_iter().map(|(_, seen)| seen));
            let Some((slot, behaviour)) = self.boot(flash, moments)? else {
                return Ok(End::PowerLost);
            };
            self.boots.push(slot);
            let dies_at_once = matches!(behaviour, Behaviour::PanicOnBoot | Behaviour::Hang);
            let down = behaviour == Behaviour::NoNetwork;
            let app = App {
                flash,
                moments,
                server: &self.server,
                settings: self.settings.clone(),
                chip: self.chip,
                secure_version: self.secure_version,
                slot,
                reset_reason: self.reset_reason,
                health: if down {
                    Rc::new(|_| Err("Wi-Fi not connected".to_owned()))
                } else {
                    Rc::clone(&self.health)
                },
                random: Rc::clone(&self.random),
                network_up: !down,
                leds: Rc::clone(&self.leds),
                hand: self
                    .hand
                    .take_if(|hand| hand.0 == slot)
                    .map(|(_, at_ms, act)| Hand {
                        at_ms,
                        act,
                        outcome: Rc::clone(&self.by_hand),
                    }),
                panics_at: (behaviour == Behaviour::PanicAfter10s).then_some(10_000),
                panics_at_once: dies_at_once,
            };
            let reset_reason = match behaviour {
                Behaviour::PanicOnBoot if !self.guarded => ResetReason::Panic,
                Behaviour::Hang if !self.guarded => ResetReason::Watchdog,
                _ => {
                    let ended = app.run(&self.seen, stop);
                    if !flash.is_powered() {
                        return Ok(End::PowerLost);
                    }
                    match ended {
                        Err(failure) => return Ok(End::NoUpdater(slot, failure)),
                        Ok(Ended::Stopped) => return Ok(End::Stopped(slot)),
                        Ok(Ended::Reset) => ResetReason::Software,
                        Ok(Ended::Panicked) if behaviour == Behaviour::Hang => {
                            ResetReason::Watchdog
                        }
                        Ok(Ended::Panicked) => ResetReason::Panic,
                        Ok(Ended::Stuck) => {
                            return Err(format!(
                                "the app in {slot} neither comes to rest nor resets: {:?}",
                                self.seen.borrow().last()
                            ));
                        }
                    }
                }
            };
            self.reset_reason = self.always_says.unwrap_or(reset_reason);
        }
        Err(format!("not at rest after {MAX_BOOTS} boots"))
    }

    /// The app the bootloader starts; `None` if the power goes meanwhile.
    fn boot(
        &self,
        flash: &mut VirtualFlash,
        moments: Option<&RefCell<Vec<Moment>>>,
    ) -> Result<Option<(AppSlot, Behaviour)>, String> {
        let mut recorded = RecordedFlash { flash, moments };
        let table = match Table::read(&mut recorded, TABLE_OFFSET) {
            Ok(table) => table,
            Err(_) if !recorded.flash.is_powered() => return Ok(None),
            Err(error) => return Err(format!("partition table: {error}")),
        };
        let config = BootConfig {
            rollback: self.rollback,
            anti_rollback: false,
        };
        let mut efuse = Efuse::new(self.chip);
        let boot = match bootloader::boot(&mut recorded, &table, &mut efuse, &config) {
            Ok(boot) => boot,
            Err(_) if !recorded.flash.is_powered() => return Ok(None),
            Err(error) => return Err(format!("bootloader: {error}")),
        };
        let Some(slot) = boot.slot else {
            return Err(format!("nothing boots: {:?}", boot.log));
        };
        let entry = table.app(slot).ok_or("booted a slot of no entry")?;
        let behaviour = Behaviour::of_image(flash, entry.offset, entry.size)
            .map_err(|error| error.to_string())?;
        Ok(Some((slot, behaviour)))
    }
}

/// Whether the device has nothing more to do.
pub(crate) fn at_rest(seen: &[(u64, Seen)]) -> bool {
    let up_to_date = seen.iter().rev().find_map(|(_, seen)| match seen {
        Seen::CheckedIn { offer } => Some(offer.is_none()),
        _ => None,
    });
    up_to_date == Some(true) && matches!(seen.last(), Some((_, Seen::Waiting { .. })))
}
