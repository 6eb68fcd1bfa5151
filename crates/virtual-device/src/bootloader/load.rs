//! Second half: the first app that verifies (`bootloader_utility_load_boot_image`).

use embedded_storage::nor_flash::NorFlash;
use updraft_flash::otadata::{Record, Sector, State};
use updraft_flash::slot::AppSlot;

use super::select::Choice;
use super::{Images, Run};

impl<F: NorFlash, I: Images<F>> Run<'_, F, I> {
    /// Tries the chosen app, then the OTA slots below it down to `factory`, then those above it,
    /// then `test`. otadata is left alone but for its very first record.
    pub(super) fn load(&mut self, choice: Choice) -> Result<Option<AppSlot>, F::Error> {
        let below = choice.first.ota_index().map_or(0, |index| index + 1);
        let order = (0..below)
            .rev()
            .map(AppSlot::Ota)
            .chain([AppSlot::Factory])
            .chain((below..self.apps.ota_count).map(AppSlot::Ota));
        for slot in order {
            if self.try_load(slot)? {
                if let AppSlot::Ota(index) = slot
                    && choice.initial
                {
                    self.write_first_record(index)?;
                }
                return Ok(Some(slot));
            }
        }
        let test = self.try_load(AppSlot::Test)?;
        Ok(test.then_some(AppSlot::Test))
    }

    fn try_load(&mut self, slot: AppSlot) -> Result<bool, F::Error> {
        let Some(entry) = self.apps.get(slot) else {
            return Ok(false);
        };
        if !self.recent_enough(slot)? {
            self.say(format!("{slot} is older than the eFuse allows"));
            return Ok(false);
        }
        match self.images.verify(self.flash, slot, &entry, self.efuse)? {
            Ok(()) => Ok(true),
            Err(fault) => {
                self.say(format!("{slot} does not verify: {fault}"));
                Ok(false)
            }
        }
    }

    fn write_first_record(&mut self, slot: u8) -> Result<(), F::Error> {
        if let Some(partition) = self.apps.otadata {
            self.say(format!("first record written: ota_{slot} is valid"));
            let record = Record::new(u32::from(slot) + 1, State::Valid);
            self.write_record(&partition, Sector::First, &record)?;
        }
        if self.config.anti_rollback {
            self.raise_efuse(AppSlot::Ota(slot))?;
        }
        Ok(())
    }
}
