//! First half: which app the records ask for (`bootloader_utility_get_selected_boot_partition`).

use embedded_storage::nor_flash::NorFlash;
use updraft_flash::SECTOR_SIZE;
use updraft_flash::otadata::{OtaData, PARTITION_SIZE, RECORD_SIZE, Record, Sector, State};
use updraft_flash::partition::Entry;
use updraft_flash::slot::AppSlot;

use super::{Images, Run};

/// What is to be tried first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choice {
    /// `factory` or an OTA slot.
    pub(super) first: AppSlot,
    /// otadata says nothing at all: the slot that boots gets the first record.
    pub(super) initial: bool,
}

impl Choice {
    const FACTORY: Self = Self {
        first: AppSlot::Factory,
        initial: false,
    };
}

impl<F: NorFlash, I: Images<F>> Run<'_, F, I> {
    /// The first app to try, or `None` if otadata cannot be read at all.
    pub(super) fn select(&mut self) -> Result<Option<Choice>, F::Error> {
        let Some(partition) = self.apps.otadata else {
            self.say("no otadata partition: factory first");
            return Ok(Some(Choice::FACTORY));
        };
        if partition.size < PARTITION_SIZE {
            self.say(format!(
                "otadata of {:#x} bytes is unusable",
                partition.size
            ));
            return Ok(None);
        }
        let mut data = self.read_records(&partition)?;
        if self.config.rollback {
            self.abort_trials(&partition, &mut data)?;
        }
        let choice = if self.config.anti_rollback {
            self.choose_with_anti_rollback(&data)?
        } else {
            self.choose(&data)
        };
        let active = match choice {
            Chosen::Record(active) => active,
            Chosen::Fixed(choice) => return Ok(Some(choice)),
        };
        let Some(slot) = data.slot_of(active) else {
            return Ok(Some(Choice::FACTORY));
        };
        let record = *data.record(active);
        self.say(format!(
            "record {} is active: ota_{slot}, {}",
            active.index(),
            record.state
        ));
        if self.config.rollback && record.state == State::New {
            self.say(format!("ota_{slot} is new: on trial from this boot"));
            self.write_record(&partition, active, &record.with_state(State::PendingVerify))?;
        }
        if self.config.anti_rollback && record.state == State::Valid {
            self.raise_efuse(AppSlot::Ota(slot))?;
        }
        Ok(Some(Choice {
            first: AppSlot::Ota(slot),
            initial: false,
        }))
    }

    /// A trial that is still pending was not confirmed before this reset. Looks at the state alone.
    fn abort_trials(&mut self, partition: &Entry, data: &mut OtaData) -> Result<(), F::Error> {
        for sector in Sector::BOTH {
            let record = *data.record(sector);
            if record.state == State::PendingVerify {
                self.say(format!("record {} was on trial: aborted", sector.index()));
                let aborted = record.with_state(State::Aborted);
                self.write_record(partition, sector, &aborted)?;
                if let Some(place) = data.records.get_mut(sector.index()) {
                    *place = aborted;
                }
            }
        }
        Ok(())
    }

    fn choose(&mut self, data: &OtaData) -> Chosen {
        let [first, second] = &data.records;
        if (first.is_ruled_out() && second.is_ruled_out()) || data.slots == 0 {
            if self.apps.factory.is_some() {
                self.say("no record to follow: factory first");
                return Chosen::Fixed(Choice::FACTORY);
            }
            self.say("no record to follow and no factory app: ota_0 first");
            return Chosen::Fixed(Choice {
                first: AppSlot::Ota(0),
                initial: data.is_initial(),
            });
        }
        self.follow(data.active())
    }

    /// With anti-rollback only records count whose app is recent enough.
    fn choose_with_anti_rollback(&mut self, data: &OtaData) -> Result<Chosen, F::Error> {
        if data.is_initial() {
            self.say("otadata says nothing: trying every app");
            return Ok(Chosen::Fixed(Choice {
                first: AppSlot::Factory,
                initial: true,
            }));
        }
        let mut eligible = [false; 2];
        for (sector, eligible) in Sector::BOTH.into_iter().zip(&mut eligible) {
            if let Some(slot) = data.slot_of(sector)
                && data.record(sector).is_valid()
            {
                *eligible = self.recent_enough(AppSlot::Ota(slot))?;
                if !*eligible {
                    self.say(format!("ota_{slot} is older than the eFuse allows"));
                }
            }
        }
        Ok(self.follow(data.select(eligible)))
    }

    fn follow(&mut self, active: Option<Sector>) -> Chosen {
        if let Some(active) = active {
            return Chosen::Record(active);
        }
        self.say("no record is valid: factory first");
        Chosen::Fixed(Choice::FACTORY)
    }

    /// Whether a slot's app may start as far as its secure version goes.
    pub(super) fn recent_enough(&mut self, slot: AppSlot) -> Result<bool, F::Error> {
        if !self.config.anti_rollback {
            return Ok(true);
        }
        let version = self.secure_version(slot)?;
        Ok(version.is_some_and(|version| version >= self.efuse.secure_version()))
    }

    /// Burns a slot's secure version if it is higher.
    pub(super) fn raise_efuse(&mut self, slot: AppSlot) -> Result<(), F::Error> {
        if let Some(version) = self.secure_version(slot)?
            && self.efuse.raise_secure_version(version)
        {
            self.say(format!("secure version raised to {version} by {slot}"));
        }
        Ok(())
    }

    fn secure_version(&mut self, slot: AppSlot) -> Result<Option<u32>, F::Error> {
        match self.apps.get(slot) {
            Some(entry) => self.images.secure_version(self.flash, slot, &entry),
            None => Ok(None),
        }
    }

    fn read_records(&mut self, partition: &Entry) -> Result<OtaData, F::Error> {
        let mut records = [Record::ERASED; 2];
        for (sector, record) in Sector::BOTH.into_iter().zip(&mut records) {
            let mut bytes = [0; RECORD_SIZE];
            self.flash
                .read(partition.offset + sector.offset(), &mut bytes)?;
            *record = Record::from_bytes(&bytes);
        }
        Ok(OtaData::new(records, self.apps.ota_count))
    }

    /// Writes a record as the bootloader does: erase, then 32 bytes at once.
    pub(super) fn write_record(
        &mut self,
        partition: &Entry,
        sector: Sector,
        record: &Record,
    ) -> Result<(), F::Error> {
        let start = partition.offset + sector.offset();
        self.flash.erase(start, start + SECTOR_SIZE)?;
        self.flash.write(start, &record.to_bytes())
    }
}

/// The outcome of looking at the records.
enum Chosen {
    /// This record is followed.
    Record(Sector),
    /// None is.
    Fixed(Choice),
}
