//! ESP-IDF's second-stage bootloader: which app starts after a reset.
//!
//! [`boot`] does what the C code does (ESP-IDF master 2026-07, `bootloader_utility.c`), in its
//! order and with its side effects on otadata and eFuse, oddities included:
//!
//! - with rollback, any record left [`PendingVerify`] becomes
//!   [`Aborted`], before anything else and without looking at its CRC;
//! - a record of sequence 0 counts; of two equal sequences the first counts;
//! - without a factory app and without a valid record, `ota_0` starts even if its own record says
//!   it is invalid;
//! - falling back from a broken image leaves otadata alone, so the active record then names an app
//!   that does not run.
//!
//! Not modelled: the factory-reset and test pins, waking from deep sleep, signature checks.
//!
//! [`PendingVerify`]: updraft_flash::otadata::State::PendingVerify
//! [`Aborted`]: updraft_flash::otadata::State::Aborted

mod apps;
mod cache;
mod efuse;
mod fault;
mod image;
mod images;
mod load;
mod select;

use embedded_storage::nor_flash::NorFlash;
use updraft_flash::partition::Table;
use updraft_flash::slot::AppSlot;

pub use cache::CachedImages;
pub use efuse::Efuse;
pub use fault::ImageFault;
pub use images::{Images, VerifyImages};

use apps::Apps;

/// How the bootloader was built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BootConfig {
    /// `CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE`: a new app is on trial for one boot.
    pub rollback: bool,
    /// `CONFIG_BOOTLOADER_APP_ANTI_ROLLBACK`: apps below the eFuse's secure version do not start.
    /// ESP-IDF has it only together with `rollback` and without a factory app.
    pub anti_rollback: bool,
}

/// What came of a reset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Boot {
    /// The app that starts, or `None`: nothing boots, and the bootloader resets for ever.
    pub slot: Option<AppSlot>,
    /// What was decided, step by step, for people.
    pub log: Vec<String>,
}

/// Boots: chooses and verifies an app as the bootloader does, and changes otadata and eFuse with it.
///
/// `table` is the partition table on the flash. An error is the flash's own, such as lost power;
/// what was written until then is on the flash.
pub fn boot<F: NorFlash>(
    flash: &mut F,
    table: &Table,
    efuse: &mut Efuse,
    config: &BootConfig,
) -> Result<Boot, F::Error> {
    boot_with(flash, table, efuse, config, &mut VerifyImages::new())
}

/// [`boot`] with another judge of the images: [`CachedImages`] for many boots of the same flash.
pub fn boot_with<F: NorFlash>(
    flash: &mut F,
    table: &Table,
    efuse: &mut Efuse,
    config: &BootConfig,
    images: &mut impl Images<F>,
) -> Result<Boot, F::Error> {
    let apps = Apps::of(table);
    let mut run = Run {
        flash,
        apps,
        efuse,
        config,
        images,
        log: Vec::new(),
    };
    let slot = match run.select()? {
        Some(choice) => run.load(choice)?,
        None => None,
    };
    match slot {
        Some(slot) => run.say(format!("starting {slot}")),
        None => run.say("nothing to boot; resetting"),
    }
    Ok(Boot { slot, log: run.log })
}

/// One run of the bootloader.
struct Run<'a, F, I> {
    flash: &'a mut F,
    apps: Apps,
    efuse: &'a mut Efuse,
    config: &'a BootConfig,
    images: &'a mut I,
    log: Vec<String>,
}

impl<F, I> Run<'_, F, I> {
    fn say(&mut self, what: impl Into<String>) {
        self.log.push(what.into());
    }
}
