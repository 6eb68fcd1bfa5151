//! The device's flash as the updater sees it: otadata, its NVS namespace, and the slots.

use core::fmt;

use embedded_storage::nor_flash::{NorFlash, ReadNorFlash};
use updraft_flash::otadata::{OtaData, OtaDataPartition};
use updraft_flash::partition::{Entry, Kind, TABLE_OFFSET, Table};
use updraft_flash::region::Region;
use updraft_flash::slot::{AppSlot, MAX_OTA_SLOTS};
use updraft_image::{AppDescriptor, GATE_SIZE, Head};
use updraft_protocol::ReasonCode;

use crate::failure::Failure;

/// Where something lies: a start and a size in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) start: u32,
    pub(crate) size: u32,
}

impl From<&Entry> for Window {
    fn from(entry: &Entry) -> Self {
        Self {
            start: entry.offset,
            size: entry.size,
        }
    }
}

/// A flash whose partition table was read, with the slot that runs.
pub struct DeviceFlash<F> {
    flash: F,
    running: AppSlot,
    app: Window,
    otadata: Window,
    nvs: Window,
    factory: Option<Window>,
    slots: [Option<Window>; MAX_OTA_SLOTS as usize],
    slot_count: u8,
    www: Option<[Window; 2]>,
}

impl<F> fmt::Debug for DeviceFlash<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceFlash")
            .field("running", &self.running)
            .field("slots", &self.slot_count)
            .finish_non_exhaustive()
    }
}

fn missing(what: &str) -> Failure {
    Failure::new(
        ReasonCode::NoSlot,
        format_args!("the partition table has no {what}; flash one that has"),
    )
}

/// The data partitions labelled `www_0` and `www_1`, whatever their subtype: tools name it `littlefs`, `spiffs` or a
/// number. One of them alone could not be updated safely and is none.
fn www_slots(table: &Table) -> Option<[Window; 2]> {
    let slot = |label| {
        table
            .find(label)
            .filter(|entry| matches!(entry.kind, Kind::Data(_)))
            .map(Window::from)
    };
    Some([slot("www_0")?, slot("www_1")?])
}

impl<F: NorFlash> DeviceFlash<F> {
    /// Reads the partition table at its default place, 0x8000.
    pub fn open(mut flash: F, running: AppSlot) -> Result<Self, Failure> {
        let table = Table::read(&mut flash, TABLE_OFFSET)
            .map_err(|error| Failure::new(ReasonCode::NoSlot, error))?;
        let mut slots = [None; MAX_OTA_SLOTS as usize];
        for (index, slot) in (0..table.ota_slots()).zip(slots.iter_mut()) {
            *slot = table.ota(index).map(Window::from);
        }
        Ok(Self {
            running,
            app: table
                .app(running)
                .ok_or_else(|| missing("entry for the running slot"))?
                .into(),
            otadata: table
                .otadata()
                .ok_or_else(|| missing("otadata partition"))?
                .into(),
            nvs: table.nvs().ok_or_else(|| missing("NVS partition"))?.into(),
            factory: table.factory().map(Window::from),
            slots,
            slot_count: table.ota_slots(),
            www: www_slots(&table),
            flash,
        })
    }

    /// The slot that runs.
    pub const fn running(&self) -> AppSlot {
        self.running
    }

    /// Where the slots of web assets lie, if the table has both.
    pub(crate) const fn www(&self) -> Option<[Window; 2]> {
        self.www
    }

    pub(crate) fn region(&mut self, window: Window) -> Result<Region<'_, F>, Failure> {
        Region::new(&mut self.flash, window.start, window.size)
            .map_err(|error| Failure::new(ReasonCode::NoSlot, error))
    }

    /// Reads bytes of a window, whatever their alignment.
    pub(crate) fn read(
        &mut self,
        window: Window,
        offset: u32,
        bytes: &mut [u8],
    ) -> Result<(), Failure> {
        self.region(window)?
            .read(offset, bytes)
            .map_err(|error| Failure::new(ReasonCode::ReadFailed, format_args!("{error:?}")))
    }

    pub(crate) fn nvs_region(&mut self) -> Result<(Region<'_, F>, u32), Failure> {
        let window = self.nvs;
        Ok((self.region(window)?, window.size))
    }

    /// The slot the next update goes to, as `esp_ota_get_next_update_partition` chooses it, but one of those marked
    /// in `broken` only if there is no other.
    pub(crate) fn next_slot(&self, broken: u16) -> Result<(u8, Window), Failure> {
        let first = match self.running {
            AppSlot::Ota(running) => running + 1,
            AppSlot::Factory | AppSlot::Test => 0,
        };
        let candidates = || {
            (0..self.slot_count)
                .map(|step| (first + step) % self.slot_count)
                .filter(|&slot| self.running != AppSlot::Ota(slot))
                .filter_map(|slot| Some((slot, self.slots[usize::from(slot)]?)))
        };
        candidates()
            .find(|&(slot, _)| broken & (1 << slot) == 0)
            .or_else(|| candidates().next())
            .ok_or_else(|| missing("OTA slot besides the running one"))
    }

    /// Size in bytes of the smallest slot an update could go to.
    pub(crate) fn smallest_free_slot(&self) -> Option<u32> {
        (0..self.slot_count)
            .filter(|&slot| self.running != AppSlot::Ota(slot))
            .filter_map(|slot| self.slots[usize::from(slot)])
            .map(|window| window.size)
            .min()
    }

    /// The running app's own description.
    pub(crate) fn running_app(&mut self) -> Result<AppDescriptor, Failure> {
        let mut first = [0; GATE_SIZE];
        self.region(self.app)?
            .read(0, &mut first)
            .map_err(|error| Failure::new(ReasonCode::ReadFailed, format_args!("{error:?}")))?;
        Head::parse(&first)
            .map(|head| head.app)
            .map_err(|fault| Failure::new(ReasonCode::NotAnImage, fault))
    }

    /// Reads both boot records.
    pub fn otadata(&mut self) -> Result<OtaData, Failure> {
        let slots = self.slot_count;
        self.otadata_partition()?
            .read(slots)
            .map_err(|error| Failure::new(ReasonCode::ReadFailed, error))
    }

    pub(crate) fn otadata_partition(&mut self) -> Result<OtaDataPartition<Region<'_, F>>, Failure> {
        OtaDataPartition::new(self.region(self.otadata)?)
            .map_err(|error| Failure::new(ReasonCode::ActivationFailed, error))
    }

    /// Makes the boot records stop naming `slot`, which is about to be overwritten.
    pub(crate) fn release(&mut self, slot: u8) -> Result<(), Failure> {
        let failed = |error: &dyn fmt::Display| Failure::new(ReasonCode::ActivationFailed, error);
        let running = self.running;
        while let Some(change) = self
            .otadata()?
            .plan_release(slot, running)
            .map_err(|error| failed(&error))?
        {
            self.otadata_partition()?
                .apply(&change)
                .map_err(|error| failed(&error))?;
        }
        Ok(())
    }

    /// Makes the next boot start `slot`, on trial.
    pub(crate) fn activate(&mut self, slot: u8) -> Result<(), Failure> {
        let failed = |error: &dyn fmt::Display| Failure::new(ReasonCode::ActivationFailed, error);
        let change = self
            .otadata()?
            .plan_activate(slot, true)
            .map_err(|error| failed(&error))?;
        self.otadata_partition()?
            .apply(&change)
            .map_err(|error| failed(&error))
    }

    /// Confirms the running app. Does nothing if it is confirmed already.
    pub(crate) fn confirm(&mut self) -> Result<(), Failure> {
        let running = self.running;
        let plan = self.otadata()?.plan_confirm(running);
        match plan.map_err(|error| Failure::new(ReasonCode::Fallback, error))? {
            None => Ok(()),
            Some(change) => self
                .otadata_partition()?
                .apply(&change)
                .map_err(|error| Failure::new(ReasonCode::ActivationFailed, error)),
        }
    }

    /// Gives the app on trial one more boot.
    pub(crate) fn rearm(&mut self) -> Result<(), Failure> {
        let running = self.running;
        let failed = |error: &dyn fmt::Display| Failure::new(ReasonCode::ActivationFailed, error);
        let change = self
            .otadata()?
            .plan_rearm(running)
            .map_err(|error| failed(&error))?;
        self.otadata_partition()?
            .apply(&change)
            .map_err(|error| failed(&error))
    }

    /// Makes the next boot start another app than the running one. `possible` says whether there is one that
    /// verifies.
    pub(crate) fn reject(&mut self, possible: bool) -> Result<(), Failure> {
        let running = self.running;
        // A second record of the running app would start it again.
        if let AppSlot::Ota(slot) = running
            && let Some(forget) = self.otadata()?.plan_forget(slot)
        {
            self.otadata_partition()?
                .apply(&forget)
                .map_err(|error| Failure::new(ReasonCode::ActivationFailed, error))?;
        }
        let change = self
            .otadata()?
            .plan_roll_back(running, possible)
            .map_err(|error| Failure::new(ReasonCode::NoWayBack, error))?;
        self.otadata_partition()?
            .apply(&change)
            .map_err(|error| Failure::new(ReasonCode::ActivationFailed, error))
    }

    /// Where the app in `slot` lies.
    pub(crate) fn app_window(&self, slot: AppSlot) -> Option<Window> {
        match slot {
            AppSlot::Ota(index) => *self.slots.get(usize::from(index))?,
            AppSlot::Factory => self.factory,
            AppSlot::Test => None,
        }
    }
}
