//! One app, from boot to reset, with the updater in it.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use updraft_agent::check::Probe;
use updraft_agent::{
    Board, Clock as _, Event, Failure, Indicator, Leds, Parts, Settings, System, Updater,
    guard_boot,
};
use updraft_flash::slot::AppSlot;
use updraft_image::Chip;
use updraft_protocol::{ReasonCode, ResetReason};
use updraft_virtual_device::nor_flash::VirtualFlash;

use super::clock::VirtualClock;
use super::flash::{Moment, RecordedFlash};
use super::network::MemoryNetwork;
use super::seen::Seen;
use super::server::Server;
use super::upload::Upload;

/// How the app is, so many milliseconds after its boot.
pub(crate) type HealthAt = Rc<dyn Fn(u64) -> Result<(), String>>;

/// Where random bytes come from.
pub(crate) type Random = Rc<dyn Fn(&mut [u8])>;

/// What a person does to a running app, and how that went.
pub(crate) struct Hand {
    /// So many milliseconds after its boot.
    pub(crate) at_ms: u64,
    pub(crate) act: Act,
    pub(crate) outcome: Rc<RefCell<Option<Result<(), Failure>>>>,
}

/// What a person may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    Confirm,
    RollBack,
    /// Sends this to `POST /update`.
    Push(&'static [u8]),
}

/// Says of the events since boot, with their milliseconds, whether what was waited for has come.
pub(crate) type Stop<'a> = &'a dyn Fn(&[(u64, Seen)]) -> bool;

/// Jumps of the clock after which an app that neither stops nor resets never will: a trial takes up to 200,
/// a download that crawls for five minutes 500.
const MAX_JUMPS: usize = 5000;

pub(crate) struct TestSystem {
    chip: Chip,
    secure_version: u32,
    slot: AppSlot,
    reset_reason: ResetReason,
    random: Random,
    reset: Rc<Cell<bool>>,
}

impl System for TestSystem {
    fn chip(&self) -> Chip {
        self.chip
    }

    fn running_slot(&self) -> AppSlot {
        self.slot
    }

    fn reset_reason(&self) -> ResetReason {
        self.reset_reason
    }

    fn secure_version(&self) -> u32 {
        self.secure_version
    }

    fn random(&self, bytes: &mut [u8]) {
        (self.random)(bytes);
    }

    async fn reboot(&self) -> Infallible {
        self.reset.set(true);
        std::future::pending().await
    }
}

pub(crate) struct Watch {
    clock: VirtualClock,
    seen: Rc<RefCell<Vec<(u64, Seen)>>>,
}

/// What the LEDs showed: when, which one, and whether it was lit.
pub(crate) type Shown = Rc<RefCell<Vec<(u64, Led, bool)>>>;

/// An LED of the board.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Led {
    Modules,
    Link,
}

pub(crate) struct TestLeds {
    clock: VirtualClock,
    shown: Shown,
}

impl Leds for TestLeds {
    fn modules(&mut self, lit: bool) {
        let now = self.clock.now_ms();
        self.shown.borrow_mut().push((now, Led::Modules, lit));
    }

    fn link(&mut self, lit: bool) {
        let now = self.clock.now_ms();
        self.shown.borrow_mut().push((now, Led::Link, lit));
    }
}

impl Indicator for Watch {
    fn show(&mut self, event: &Event<'_>) {
        let entry = (self.clock.now_ms(), Seen::from(event));
        self.seen.borrow_mut().push(entry);
    }
}

pub(crate) struct TestBoard<'f>(std::marker::PhantomData<&'f ()>);

impl<'f> Board for TestBoard<'f> {
    type Flash = RecordedFlash<'f>;
    type Network = MemoryNetwork;
    type Clock = VirtualClock;
    type System = TestSystem;
    type Indicator = Watch;
    type Leds = TestLeds;
}

/// An app that was started.
pub(crate) struct App<'a> {
    pub(crate) flash: &'a mut VirtualFlash,
    pub(crate) moments: Option<&'a RefCell<Vec<Moment>>>,
    pub(crate) server: &'a Rc<RefCell<Server>>,
    pub(crate) settings: Settings,
    pub(crate) chip: Chip,
    pub(crate) secure_version: u32,
    pub(crate) slot: AppSlot,
    pub(crate) reset_reason: ResetReason,
    pub(crate) health: HealthAt,
    pub(crate) random: Random,
    /// Whether it gets its network up.
    pub(crate) network_up: bool,
    /// Where its LEDs are watched.
    pub(crate) leds: Shown,
    /// What a person does to it.
    pub(crate) hand: Option<Hand>,
    /// When it panics, in milliseconds after its boot.
    pub(crate) panics_at: Option<u64>,
    /// Whether it panics as soon as its guard has counted the boot.
    pub(crate) panics_at_once: bool,
}

/// How an app ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ended {
    /// What was waited for has come.
    Stopped,
    /// The updater reset the chip.
    Reset,
    /// The app panicked.
    Panicked,
    /// Nothing will ever happen again, or too much does.
    Stuck,
}

impl App<'_> {
    /// Runs it until `stop` says so of what was seen, or it ends by itself. `seen` gets every event with the
    /// milliseconds since boot. An error means that there is no updater.
    pub(crate) fn run(
        self,
        seen: &Rc<RefCell<Vec<(u64, Seen)>>>,
        stop: Stop<'_>,
    ) -> Result<Ended, Failure> {
        let clock = VirtualClock::default();
        let reset = Rc::new(Cell::new(false));
        let system = TestSystem {
            chip: self.chip,
            secure_version: self.secure_version,
            slot: self.slot,
            reset_reason: self.reset_reason,
            random: self.random,
            reset: Rc::clone(&reset),
        };
        let mut flash = RecordedFlash {
            flash: self.flash,
            moments: self.moments,
        };
        let boot = guard_boot(&mut flash, &system, self.settings.boot_attempts);
        let guarded = Seen::Guarded {
            on_trial: boot.is_on_trial(),
            must_reset: boot.must_reset(),
            words: boot.to_string(),
        };
        seen.borrow_mut().push((0, guarded));
        if boot.must_reset() {
            return Ok(Ended::Reset);
        }
        if self.panics_at_once {
            return Ok(Ended::Panicked);
        }
        let parts = Parts::<TestBoard<'_>> {
            flash,
            network: MemoryNetwork {
                server: Rc::clone(self.server),
                clock: clock.clone(),
                up: self.network_up,
            },
            clock: clock.clone(),
            system,
            checks: vec![Box::new(Probe::new("wifi", {
                let (health, clock) = (self.health, clock.clone());
                move || health(clock.now_ms())
            }))],
            leds: TestLeds {
                clock: clock.clone(),
                shown: self.leds,
            },
            indicator: Watch {
                clock: clock.clone(),
                seen: Rc::clone(seen),
            },
        };
        let updater = Updater::new(boot, parts, self.settings)?;
        let by_hand = async {
            let Some(hand) = &self.hand else { return };
            clock.sleep_ms(hand.at_ms).await;
            let outcome = match hand.act {
                Act::Confirm => updater.confirm_by_hand().map(|_| ()),
                Act::RollBack => updater.roll_back_by_hand().await,
                Act::Push(image) => {
                    // Ends with the reset, if all goes well.
                    let mut upload = Upload::of(image);
                    let peer = std::net::Ipv4Addr::LOCALHOST.into();
                    updater.serve_http(&mut upload, peer).await;
                    Err(Failure::new(ReasonCode::ServerRefused, upload.answer()))
                }
            };
            let goes_back = outcome.is_ok() && hand.act == Act::RollBack;
            *hand.outcome.borrow_mut() = Some(outcome);
            if goes_back {
                updater.restart().await;
            }
        };
        let mut life = pin!(async {
            let (never, ()) = embassy_futures::join::join(updater.run(), by_hand).await;
            never
        });
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..MAX_JUMPS {
            let Poll::Pending = life.as_mut().poll(&mut context);
            if reset.get() {
                return Ok(Ended::Reset);
            }
            if stop(&seen.borrow()) {
                return Ok(Ended::Stopped);
            }
            if !clock.jump() {
                return Ok(Ended::Stuck);
            }
            if self.panics_at.is_some_and(|at| clock.now_ms() >= at) {
                return Ok(Ended::Panicked);
            }
        }
        Ok(Ended::Stuck)
    }
}
