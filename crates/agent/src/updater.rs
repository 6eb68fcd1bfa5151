use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::convert::Infallible;
use core::fmt;
use core::num::NonZeroU32;

use embassy_futures::join::join;
use embassy_futures::select::{Either, select};
use updraft_flash::otadata::State;
use updraft_flash::slot::AppSlot;
use updraft_protocol::mqtt::Order;
use updraft_protocol::{Bootloader, Digest, Offer, ReasonCode, SlotState};

use crate::backoff::{RETRY_SECONDS, with_jitter};
use crate::board::{Board, Clock, Indicator, Parts, System};
use crate::check::Check;
use crate::event::Event;
use crate::failure::Failure;
use crate::flash::DeviceFlash;
use crate::guard::Boot;
use crate::lights::Lights;
use crate::log::{LogEntry, LogEvent};
use crate::memory::Memory;
use crate::mqtt::Orders;
use crate::session::SessionLock;
use crate::settings::{MAX_POLL_SECONDS, MIN_POLL_SECONDS, Settings};
use crate::window::Held;
use crate::www::Www;

/// The app that runs, as its descriptor and its boot record describe it.
#[derive(Debug, Clone)]
pub(crate) struct RunningApp {
    pub(crate) version: String,
    pub(crate) elf_sha256: Digest,
    pub(crate) slot: AppSlot,
    /// What its boot record says, as far as the updater knows.
    pub(crate) state: Cell<SlotState>,
}

/// The updater of one device.
///
/// Everything is done through `&self`, so that the polling loop, the push servers and the pages can run as tasks
/// side by side on one executor. The flash is borrowed for one operation at a time and never across an await.
pub struct Updater<B: Board> {
    pub(crate) flash: RefCell<DeviceFlash<B::Flash>>,
    pub(crate) network: B::Network,
    pub(crate) clock: B::Clock,
    pub(crate) system: B::System,
    pub(crate) checks: RefCell<Vec<Box<dyn Check>>>,
    pub(crate) indicator: RefCell<B::Indicator>,
    pub(crate) settings: Settings,
    pub(crate) app: RunningApp,
    /// What the guard found at this boot.
    pub(crate) boot: Boot,
    /// Which kind of bootloader the device has, as far as was seen yet.
    pub(crate) bootloader: Cell<Bootloader>,
    pub(crate) token: RefCell<Option<String>>,
    pub(crate) session: SessionLock,
    pub(crate) lights: Lights<B::Leds>,
    pub(crate) www: Www,
    /// What came over MQTT, and what is to leave by it.
    pub(crate) orders: Orders,
    /// Why the last update since boot did not work.
    pub(crate) last_failure: RefCell<Option<Failure>>,
    /// Whether the espota password is another one since the last datagram.
    pub(crate) espota_changed: Cell<bool>,
    /// The number of the next event in the log; none before it was looked up.
    next_entry: Cell<Option<u32>>,
}

/// When to poll again.
#[derive(Debug, Clone, Copy)]
struct NextPoll {
    /// As the server has it, or the settings.
    seconds: u32,
    /// An app that waits for its window, whose opening is no time to be asleep.
    held: Option<Held>,
}

impl NextPoll {
    fn after(seconds: u32) -> Self {
        Self {
            seconds,
            held: None,
        }
    }
}

impl<B: Board> fmt::Debug for Updater<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Updater")
            .field("settings", &self.settings)
            .field("app", &self.app)
            .finish_non_exhaustive()
    }
}

/// The state of the running slot: what the records say, checked against what really runs.
fn slot_state<F: embedded_storage::nor_flash::NorFlash>(
    flash: &mut DeviceFlash<F>,
) -> Result<SlotState, Failure> {
    let otadata = flash.otadata()?;
    Ok(match (flash.running(), otadata.slot()) {
        (AppSlot::Factory | AppSlot::Test, None) => SlotState::Factory,
        (AppSlot::Ota(running), Some(active)) if running == active => {
            match otadata.active_record().map(|record| record.state) {
                Some(State::New) => SlotState::New,
                Some(State::PendingVerify) => SlotState::PendingVerify,
                Some(State::Valid) => SlotState::Valid,
                Some(State::Undefined) => SlotState::Undefined,
                _ => SlotState::Unknown,
            }
        }
        // Without a factory app and without a valid record the bootloader starts ota_0.
        (AppSlot::Ota(0), None) => SlotState::Undefined,
        _ => SlotState::Fallback,
    })
}

impl<B: Board> Updater<B> {
    /// An updater on this board. Reads the partition table and the running app's descriptor.
    ///
    /// `boot` is what [`guard_boot`](crate::guard_boot) found, first of all at this boot.
    pub fn new(boot: Boot, parts: Parts<B>, settings: Settings) -> Result<Self, Failure> {
        let mut flash = DeviceFlash::open(parts.flash, parts.system.running_slot())?;
        let descriptor = flash.running_app()?;
        let version = descriptor
            .version()
            .map_err(|fault| Failure::new(ReasonCode::NotAnImage, fault))?;
        let app = RunningApp {
            version: version.into(),
            elf_sha256: Digest(descriptor.app_elf_sha256),
            slot: flash.running(),
            state: Cell::new(slot_state(&mut flash)?),
        };
        Ok(Self {
            flash: RefCell::new(flash),
            network: parts.network,
            clock: parts.clock,
            system: parts.system,
            checks: RefCell::new(parts.checks),
            indicator: RefCell::new(parts.indicator),
            token: RefCell::new(settings.token.clone()),
            session: SessionLock::default(),
            lights: Lights::new(parts.leds),
            www: Www::default(),
            orders: Orders::default(),
            last_failure: RefCell::new(None),
            espota_changed: Cell::new(false),
            next_entry: Cell::new(None),
            bootloader: Cell::new(boot.bootloader),
            boot,
            settings,
            app,
        })
    }

    /// Keeps the device up to date. Returns only by resetting the chip.
    ///
    /// No failure of updating ends it: the app beside it runs on, and the next poll tries again.
    pub async fn run(&self) -> Infallible {
        self.show(&Event::Started {
            version: &self.app.version,
            slot: self.app.slot,
            on_trial: self.is_on_trial(),
        });
        self.say_boot();
        if self.boot.must_reset() {
            self.reboot().await;
        }
        if self.app.state.get() == SlotState::Fallback {
            self.say_fallback();
        }
        self.open_www().await;
        match select(self.keep_up(), self.watch_www()).await {
            Either::First(never) | Either::Second(never) => never,
        }
    }

    /// Says what the guard found and did.
    fn say_boot(&self) {
        if let Some(failure) = &self.boot.failure {
            self.show_failure(failure);
        }
        let Some(trial) = &self.boot.trial else {
            return;
        };
        let (boots, limit) = (trial.boots, self.boot.limit);
        let bootloader = self.boot.bootloader;
        self.show(&Event::OnTrial {
            boots,
            limit,
            bootloader,
        });
        if self.boot.rearmed {
            self.log(
                LogEvent::Rearmed,
                &alloc::format!("boot {boots} of {limit}"),
            );
            self.show(&Event::Rearmed { boots, limit });
        }
    }

    /// Settles the last update, then polls for ever.
    async fn keep_up(&self) -> Infallible {
        if let Err(failure) = self.settle().await {
            self.show_failure(&failure);
        }
        if self.settings.server.is_none() {
            return core::future::pending().await;
        }
        self.settle_in().await;
        loop {
            // The check-in tells what holds now.
            self.orders.clear();
            let next = match self.poll().await {
                Ok(next) => next,
                Err(failure) => {
                    self.show_failure(&failure);
                    // A server that is short of time says when it will have some.
                    let told = failure.retry_after.map(NonZeroU32::get);
                    let seconds = told.unwrap_or(self.settings.poll_seconds);
                    NextPoll::after(seconds)
                }
            };
            let poll = u64::from(next.seconds.clamp(MIN_POLL_SECONDS, MAX_POLL_SECONDS)) * 1000;
            let spread = with_jitter(&self.system, poll, self.settings.jitter_percent);
            let opens_in_ms = next.held.and_then(|held| held.opens_in_ms);
            let wait = self.wait(opens_in_ms.map_or(spread, |opens| spread.min(opens)));
            if let Either::Second(order) = select(wait, self.orders.next()).await {
                self.obey(&order).await;
            }
        }
    }

    /// Follows an order. A bare URL says no more than that it is worth asking now, which is what comes next anyway.
    async fn obey(&self, order: &Order) {
        if let Order::Offer(offer) = order {
            self.show(&Event::Ordered {
                offer: Some(&offer.version),
            });
            // The check-in that follows tells when a window opens.
            let _held = self.follow(offer).await;
        } else {
            self.show(&Event::Ordered { offer: None });
        }
    }

    /// Waits for the first check-in, and meanwhile hands over what the reset left to be reported: who watches a rollout
    /// must learn of a rollback sooner, and right after a reset there is no network yet.
    async fn settle_in(&self) {
        let uptime = u64::from(self.settings.min_uptime_seconds) * 1000;
        let until = self.clock.now_ms().saturating_add(uptime);
        let left = || until.saturating_sub(self.clock.now_ms());
        for seconds in RETRY_SECONDS {
            let Err(failure) = self.send_kept_report().await else {
                break;
            };
            self.show(&Event::ReportWaits { failure: &failure });
            self.clock
                .sleep_ms(left().min(u64::from(seconds) * 1000))
                .await;
            if left() == 0 {
                return;
            }
        }
        self.wait(left()).await;
    }

    /// One poll: hand over what is still to be reported, check in, install what is offered.
    async fn poll(&self) -> Result<NextPoll, Failure> {
        self.send_kept_report().await?;
        let reply = self.check_in().await?;
        let mut next = NextPoll::after(reply.poll_after_seconds);
        if let Some(offer) = &reply.offer {
            next.held = self.follow(offer).await;
        }
        Ok(next)
    }

    /// Installs an offer and starts it; or says why not. Returns only if there was no reset.
    async fn follow(&self, offer: &Offer) -> Option<Held> {
        match self.install(offer).await {
            Ok(held) => Some(held),
            Err(failure) => {
                self.keep_failure(&offer.into(), &failure);
                self.lights.blink_due.set(true);
                if let Err(failure) = self.send_kept_report().await {
                    self.show_failure(&failure);
                }
                None
            }
        }
    }

    pub(crate) async fn reboot(&self) -> Infallible {
        self.show(&Event::Rebooting);
        self.system.reboot().await
    }

    pub(crate) fn is_on_trial(&self) -> bool {
        // A bootloader without rollback leaves NEW as it is; the app is unconfirmed all the same.
        matches!(
            self.app.state.get(),
            SlotState::PendingVerify | SlotState::New
        )
    }

    /// Does something with what the updater remembers, the flash being borrowed meanwhile.
    pub(crate) fn memory<T>(
        &self,
        act: impl FnOnce(&mut Memory<'_, B::Flash>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        act(&mut Memory::open(&mut self.flash.borrow_mut())?)
    }

    pub(crate) fn show(&self, event: &Event<'_>) {
        self.indicator.borrow_mut().show(event);
    }

    pub(crate) fn show_failure(&self, failure: &Failure) {
        self.show(&Event::Failed { failure });
    }

    /// Keeps an event in the log. A log that cannot be written stops nothing.
    pub(crate) fn log(&self, event: LogEvent, subject: &str) {
        self.add_log(event, subject, None);
    }

    /// Keeps an event in the log, with why.
    pub(crate) fn log_failure(&self, event: LogEvent, subject: &str, failure: &Failure) {
        self.add_log(event, subject, Some(failure));
    }

    fn add_log(&self, event: LogEvent, subject: &str, failure: Option<&Failure>) {
        let added = self.memory(|memory| {
            let number = match self.next_entry.get() {
                Some(number) => number,
                None => memory
                    .log()?
                    .last()
                    .map_or(0, |entry| entry.number.wrapping_add(1)),
            };
            memory.add_log(&LogEntry {
                number,
                time: self.clock.unix_time(),
                uptime_seconds: u32::try_from(self.clock.now_ms() / 1000).unwrap_or(u32::MAX),
                event,
                subject: subject.into(),
                reason: failure.map(|failure| failure.reason),
                detail: failure.map_or_else(String::new, |failure| failure.detail.clone()),
            })?;
            self.next_entry.set(Some(number.wrapping_add(1)));
            Ok(())
        });
        if let Err(failure) = added {
            self.show_failure(&failure);
        }
    }

    /// Keeps in the log that the bootloader started another slot than the records name; once, not at every boot.
    fn say_fallback(&self) {
        let last = self.memory(|memory| Ok(memory.log()?.pop()));
        if !last.is_ok_and(|last| last.is_some_and(|last| last.event == LogEvent::Fallback)) {
            let running = alloc::format!("{} {}", self.app.slot, self.app.version);
            self.log(LogEvent::Fallback, &running);
        }
    }

    async fn wait(&self, milliseconds: u64) {
        if milliseconds > 0 {
            self.show(&Event::Waiting { milliseconds });
            join(
                self.lights.blink_if_due(&self.clock),
                self.clock.sleep_ms(milliseconds),
            )
            .await;
        }
    }
}
