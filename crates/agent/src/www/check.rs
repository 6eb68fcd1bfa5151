//! Whether the image in a slot can be served: a look at its first page, or at every file.

use alloc::boxed::Box;
use core::fmt;

use updraft_flash::region::Region;
use updraft_protocol::ReasonCode;
use updraft_www::littlefs::{Fault, Mount, MountFault, Progress, ReadAll};
use updraft_www::manifest::{self, Check, CheckFault, ManifestFault};
use updraft_www::serve::Site;

use crate::board::{Board, Clock};
use crate::failure::Failure;
use crate::updater::Updater;

/// Bytes of the first page read at a time, on the stack.
const READ: usize = 512;

fn of_mount<E: fmt::Debug>(slot: u8, fault: &MountFault<E>) -> Failure {
    let reason = match fault {
        MountFault::NoSuperblock => ReasonCode::NotAnImage,
        MountFault::Broken(Fault::Flash(_)) => ReasonCode::ReadFailed,
        _ => ReasonCode::ImageInvalid,
    };
    Failure::new(reason, format_args!("www_{slot} does not mount: {fault}"))
}

pub(super) fn of_fault<E: fmt::Debug>(slot: u8, fault: &Fault<E>) -> Failure {
    let reason = match fault {
        Fault::Flash(_) => ReasonCode::ReadFailed,
        _ => ReasonCode::ImageInvalid,
    };
    Failure::new(reason, format_args!("www_{slot}: {fault}"))
}

fn of_check<E: fmt::Debug>(slot: u8, path: &str, fault: &CheckFault<E>) -> Failure {
    let reason = match fault {
        CheckFault::Manifest(ManifestFault::Image(Fault::Flash(_))) => ReasonCode::ReadFailed,
        _ => ReasonCode::ImageInvalid,
    };
    let colon = if path.is_empty() { "" } else { ": " };
    Failure::new(reason, format_args!("www_{slot}: {path}{colon}{fault}"))
}

impl<B: Board> Updater<B> {
    /// Does something with the flash of a slot, which is borrowed meanwhile.
    pub(super) fn on_www<T>(
        &self,
        slot: u8,
        act: impl FnOnce(&mut Region<'_, B::Flash>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut flash = self.flash.borrow_mut();
        let windows = flash.www().ok_or_else(no_slots)?;
        let mut region = flash.region(windows[usize::from(slot & 1)])?;
        act(&mut region)
    }

    /// Mounts a slot and reads its first page.
    pub(super) async fn look_at_www(&self, slot: u8) -> Result<Site, Failure> {
        let (site, page) = self.on_www(slot, |flash| {
            let mount = Mount::open(flash).map_err(|fault| of_mount(slot, &fault))?;
            let of = |fault: &_| of_fault(slot, fault);
            let site = Site::open(mount, flash).map_err(|fault| of(&fault))?;
            let page = site.find(flash, "/").map_err(|fault| of(&fault))?;
            let page = page.ok_or_else(|| {
                Failure::new(
                    ReasonCode::ImageInvalid,
                    format_args!(
                        "www_{slot} has no index.html, the first page; build the frontend with one"
                    ),
                )
            })?;
            Ok((site, page))
        })?;
        let mut position = 0;
        let mut bytes = [0; READ];
        while position < page.file.size {
            let read = self.on_www(slot, |flash| {
                site.mount()
                    .read(flash, &page.file, position, &mut bytes)
                    .map_err(|fault| of_fault(slot, &fault))
            })?;
            position = position.saturating_add(read.max(1) as u32);
            self.clock.sleep_ms(0).await;
        }
        Ok(site)
    }

    /// Mounts a slot and reads every file of it, against the manifest if there is one, other tasks running between.
    pub(super) async fn check_www(&self, slot: u8) -> Result<Site, Failure> {
        let site = self.look_at_www(slot).await?;
        let mount = site.mount();
        // On the heap, for as long as it takes: 2 KiB that few futures would otherwise need.
        let check = self.on_www(slot, |flash| {
            let listed = mount
                .file(flash, manifest::PATH)
                .map_err(|fault| of_fault(slot, &fault))?;
            if listed.is_none() {
                return Ok(None);
            }
            Check::new(mount, flash)
                .map(|check| Some(Box::new(check)))
                .map_err(|fault| of_check(slot, "", &fault))
        })?;
        let Some(mut check) = check else {
            return self.read_all_www(slot, mount).await.map(|()| site);
        };
        loop {
            let progress = self.on_www(slot, |flash| {
                let step = check.step(flash);
                step.map_err(|fault| of_check(slot, check.path(), &fault))
            })?;
            self.clock.sleep_ms(0).await;
            if matches!(progress, manifest::Progress::Done { .. }) {
                return Ok(site);
            }
        }
    }

    /// Reads every file of a slot whose image has no manifest.
    async fn read_all_www(&self, slot: u8, mount: Mount) -> Result<(), Failure> {
        let mut all = Box::new(ReadAll::new(mount));
        loop {
            let progress = self.on_www(slot, |flash| {
                all.step(flash).map_err(|fault| of_fault(slot, &fault))
            })?;
            self.clock.sleep_ms(0).await;
            if matches!(progress, Progress::Done { .. }) {
                return Ok(());
            }
        }
    }
}

pub(super) fn no_slots() -> Failure {
    Failure::new(
        ReasonCode::NoSlot,
        "the partition table has no www_0 and www_1; flash one that has both",
    )
}
