use alloc::string::String;
use core::convert::Infallible;
use core::fmt;

use updraft_flash::otadata::State;
use updraft_flash::slot::AppSlot;
use updraft_protocol::{Digest, Offer, ReasonCode, SlotState};

use crate::backoff::with_jitter;
use crate::board::{Board, Clock, Indicator, Parts, System};
use crate::event::Event;
use crate::failure::Failure;
use crate::flash::DeviceFlash;
use crate::memory::Memory;
use crate::settings::{MAX_POLL_SECONDS, MIN_POLL_SECONDS, Settings};

/// The app that runs, as its descriptor and its boot record describe it.
#[derive(Debug, Clone)]
pub(crate) struct RunningApp {
    pub(crate) version: String,
    pub(crate) elf_sha256: Digest,
    pub(crate) slot: AppSlot,
    pub(crate) state: SlotState,
}

/// The updater of one device.
pub struct Updater<B: Board> {
    pub(crate) flash: DeviceFlash<B::Flash>,
    pub(crate) network: B::Network,
    pub(crate) clock: B::Clock,
    pub(crate) system: B::System,
    pub(crate) health: B::Health,
    pub(crate) indicator: B::Indicator,
    pub(crate) settings: Settings,
    pub(crate) app: RunningApp,
    pub(crate) token: Option<String>,
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
    pub fn new(parts: Parts<B>, settings: Settings) -> Result<Self, Failure> {
        let mut flash = DeviceFlash::open(parts.flash, parts.system.running_slot())?;
        let descriptor = flash.running_app()?;
        let version = descriptor
            .version()
            .map_err(|fault| Failure::new(ReasonCode::NotAnImage, fault))?;
        let app = RunningApp {
            version: version.into(),
            elf_sha256: Digest(descriptor.app_elf_sha256),
            slot: flash.running(),
            state: slot_state(&mut flash)?,
        };
        Ok(Self {
            flash,
            network: parts.network,
            clock: parts.clock,
            system: parts.system,
            health: parts.health,
            indicator: parts.indicator,
            token: settings.token.clone(),
            settings,
            app,
        })
    }

    /// Keeps the device up to date. Returns only by resetting the chip.
    ///
    /// No failure of updating ends it: the app beside it runs on, and the next poll tries again.
    pub async fn run(&mut self) -> Infallible {
        self.indicator.show(&Event::Started {
            version: &self.app.version,
            slot: self.app.slot,
            on_trial: self.is_on_trial(),
        });
        if let Err(failure) = self.settle().await {
            self.show_failure(&failure);
        }
        let uptime = u64::from(self.settings.min_uptime_seconds) * 1000;
        self.wait(uptime).await;
        loop {
            let poll_seconds = match self.poll().await {
                Ok(seconds) => seconds,
                Err(failure) => {
                    self.show_failure(&failure);
                    self.settings.poll_seconds
                }
            };
            let poll = u64::from(poll_seconds.clamp(MIN_POLL_SECONDS, MAX_POLL_SECONDS)) * 1000;
            let spread = with_jitter(&mut self.system, poll, self.settings.jitter_percent);
            self.wait(spread).await;
        }
    }

    /// One poll: hand over what is still to be reported, check in, install what is offered. Returns the
    /// seconds until the next poll.
    async fn poll(&mut self) -> Result<u32, Failure> {
        self.send_kept_report().await?;
        let reply = self.check_in().await?;
        if let Some(offer) = &reply.offer {
            self.follow(offer).await;
        }
        Ok(reply.poll_after_seconds)
    }

    /// Installs an offer and starts it; or says why not.
    async fn follow(&mut self, offer: &Offer) {
        match self.install(offer).await {
            Ok(()) => self.reboot().await,
            Err(failure) => {
                self.show_failure(&failure);
                self.keep_failure(&offer.into(), &failure);
                if let Err(failure) = self.send_kept_report().await {
                    self.show_failure(&failure);
                }
            }
        }
    }

    pub(crate) async fn reboot(&mut self) {
        self.indicator.show(&Event::Rebooting);
        let never: Infallible = self.system.reboot().await;
        match never {}
    }

    pub(crate) fn is_on_trial(&self) -> bool {
        // A bootloader without rollback leaves NEW as it is; the app is unconfirmed all the same.
        matches!(self.app.state, SlotState::PendingVerify | SlotState::New)
    }

    pub(crate) fn memory(&mut self) -> Result<Memory<'_, B::Flash>, Failure> {
        Memory::open(&mut self.flash)
    }

    pub(crate) fn show_failure(&mut self, failure: &Failure) {
        self.indicator.show(&Event::Failed { failure });
    }

    async fn wait(&mut self, milliseconds: u64) {
        if milliseconds > 0 {
            self.indicator.show(&Event::Waiting { milliseconds });
            self.clock.sleep_ms(milliseconds).await;
        }
    }
}
