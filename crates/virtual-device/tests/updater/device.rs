//! A device that runs 1.0.0 from `ota_0`, confirmed, and what a test asks of it.

use std::cell::RefCell;

use embedded_storage::nor_flash::ReadNorFlash as _;
use updraft_flash::otadata::{OtaData, OtaDataPartition};
use updraft_flash::partition::{Entry, Table, layout};
use updraft_flash::region::Region;
use updraft_flash::slot::AppSlot;
use updraft_protocol::{ReasonCode, Report, ResetReason, UpdateStatus};
use updraft_virtual_device::device::manufacture;
use updraft_virtual_device::nor_flash::{FlashSize, VirtualFlash};

use crate::support::app::Stop;
use crate::support::flash::Moment;
use crate::support::images::{Release, release};
use crate::support::life::{End, Life};
use crate::support::reply::Reply;
use crate::support::seen::Seen;
use crate::support::server::{Request, Server};

pub(crate) struct Device {
    pub(crate) flash: VirtualFlash,
    pub(crate) table: Table,
    pub(crate) life: Life,
}

/// Everything of the flash but what the updater may write without having accepted an image.
#[derive(PartialEq, Eq)]
pub(crate) struct Untouched {
    bytes: Vec<u8>,
    wear: Vec<u32>,
}

impl Device {
    /// A device that has never been updated, and a server that wants it to run `wanted`.
    pub(crate) fn wanting(wanted: Release) -> Self {
        Self::with_table(&layout::two_slots_4mb(), wanted)
    }

    pub(crate) fn with_table(table: &Table, wanted: Release) -> Self {
        let mut flash = VirtualFlash::new(FlashSize::Mb4);
        manufacture(&mut flash, table, release("1.0.0").bytes).expect("it fits");
        // The free slot holds an older app, as in use: there is something to lose, and to erase.
        let older = release("1.5.0").bytes;
        for slot in (0..table.ota_slots()).filter_map(|slot| table.ota(slot)) {
            if Some(slot) != table.factory().or_else(|| table.ota(0)) {
                let kept = older.len().min(slot.size as usize);
                flash.preload(slot.offset, &older[..kept]).expect("it fits");
            }
        }
        // Its first boot: without a factory app the bootloader writes the first record then.
        let mut first = Life::new(&Server::new(release("1.0.0")));
        let end = first.live(&mut flash, None, &|seen| waits(seen) == 1);
        assert!(matches!(end, Ok(End::Stopped(_))), "{end:?}");
        Self {
            flash,
            table: *table,
            life: Life::new(&Server::new(wanted)),
        }
    }

    pub(crate) fn server(&self) -> std::cell::RefMut<'_, Server> {
        self.life.server.borrow_mut()
    }

    /// Another release takes the wanted one's place; what was heard stays.
    pub(crate) fn wants(&self, wanted: Release) {
        let fresh = Server::new(wanted);
        let fresh = fresh.borrow();
        let mut server = self.server();
        server.wanted = fresh.wanted.clone();
        server.offer = fresh.offer.clone();
    }

    /// Answers in the server's place from now on.
    pub(crate) fn intercept(&self, answer: impl FnMut(&Request) -> Option<Reply> + 'static) {
        self.server().intercept = Some(Box::new(answer));
    }

    /// Boots and lives until so many polls are over without a reset between them.
    pub(crate) fn polls(&mut self, count: usize) -> End {
        self.lives_until(&move |seen| waits(seen) >= count)
    }

    /// Boots and lives until one poll is over.
    pub(crate) fn poll(&mut self) -> End {
        self.polls(1)
    }

    pub(crate) fn lives_until(&mut self, stop: Stop<'_>) -> End {
        self.life
            .live(&mut self.flash, None, stop)
            .unwrap_or_else(|problem| panic!("{problem}\n{:#?}", self.life.seen.borrow()))
    }

    /// As [`Device::poll`], keeping every call that changed the flash.
    pub(crate) fn poll_recorded(&mut self) -> (End, Vec<Moment>) {
        let moments = RefCell::new(Vec::new());
        let end = self
            .life
            .live(&mut self.flash, Some(&moments), &|seen| waits(seen) >= 1)
            .unwrap_or_else(|problem| panic!("{problem}"));
        (end, moments.into_inner())
    }

    /// The next boot is after a loss of power.
    pub(crate) fn loses_power(&mut self) {
        self.flash.cut_power();
        self.flash.restore_power();
        self.life.reset_reason = ResetReason::PowerOn;
    }

    /// What was seen since the last boot, without the times.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.life
            .seen
            .borrow()
            .iter()
            .map(|(_, seen)| seen.clone())
            .collect()
    }

    /// What was seen since the device was made.
    pub(crate) fn all_seen(&self) -> Vec<Seen> {
        let mut all = self.life.past.clone();
        all.extend(self.seen());
        all
    }

    /// Why something failed, in the order it did.
    pub(crate) fn failures(&self) -> Vec<ReasonCode> {
        self.seen()
            .iter()
            .filter_map(|seen| match seen {
                Seen::Failed(failure) => Some(failure.reason),
                _ => None,
            })
            .collect()
    }

    /// The reports of outcomes, without those that only mention progress.
    pub(crate) fn outcomes(&self) -> Vec<Report> {
        self.server()
            .reports
            .iter()
            .filter(|report| {
                !matches!(
                    report.update_status,
                    UpdateStatus::Downloading | UpdateStatus::Rebooting
                )
            })
            .cloned()
            .collect()
    }

    /// The only outcome that was reported.
    pub(crate) fn outcome(&self) -> (UpdateStatus, Option<ReasonCode>) {
        let outcomes = self.outcomes();
        assert_eq!(outcomes.len(), 1, "{outcomes:#?}");
        (outcomes[0].update_status, outcomes[0].reason)
    }

    /// The first bytes that the downloads asked for, in their order.
    pub(crate) fn downloads(&self) -> Vec<usize> {
        self.server()
            .requests
            .iter()
            .filter(|request| request.is_download())
            .map(Request::first_byte)
            .collect()
    }

    pub(crate) fn read(&self, entry: &Entry) -> Vec<u8> {
        let mut bytes = vec![0; entry.size as usize];
        let mut flash = self.flash.clone();
        flash.read(entry.offset, &mut bytes).expect("in the flash");
        bytes
    }

    pub(crate) fn otadata(&mut self) -> OtaData {
        let entry = *self.table.otadata().expect("otadata");
        let region = Region::new(&mut self.flash, entry.offset, entry.size).expect("a region");
        OtaDataPartition::new(region)
            .and_then(|mut partition| partition.read(self.table.ota_slots()))
            .expect("records")
    }

    /// All of the flash but NVS and otadata.
    pub(crate) fn untouched(&self) -> Untouched {
        let mut bytes = vec![0; self.flash.capacity()];
        self.flash.clone().read(0, &mut bytes).expect("all of it");
        let mut wear = self.flash.wear().to_vec();
        for entry in [self.table.nvs(), self.table.otadata()]
            .into_iter()
            .flatten()
        {
            let (from, to) = (entry.offset as usize, (entry.offset + entry.size) as usize);
            bytes[from..to].fill(0);
            wear[from / 4096..to / 4096].fill(0);
        }
        Untouched { bytes, wear }
    }

    /// The device runs this release from this slot, confirmed, and the server knows it.
    pub(crate) fn assert_confirmed(&mut self, slot: u8, version: &str) {
        let entry = *self.table.ota(slot).expect("the slot");
        let bytes = release(version).bytes;
        assert!(
            self.read(&entry).starts_with(bytes),
            "ota_{slot} is not {version}"
        );
        let records = self.otadata();
        assert_eq!(records.slot(), Some(slot));
        let state = records.active_record().map(|record| record.state);
        assert_eq!(state, Some(updraft_flash::otadata::State::Valid));
        let outcomes = self.outcomes();
        let last = outcomes.last().expect("an outcome");
        assert_eq!(last.update_status, UpdateStatus::Confirmed);
        assert_eq!(last.firmware_version, version);
        assert_eq!(last.elf_sha256, Some(release(version).elf_sha256));
    }

    /// The device runs 1.0.0 from `ota_0`, as it did from the start, and would after a reset.
    pub(crate) fn assert_as_it_was(&mut self, end: &End) {
        assert_eq!(*end, End::Stopped(AppSlot::Ota(0)));
        assert_eq!(self.otadata().slot(), Some(0));
        let check_in = self.server().check_ins.last().cloned().expect("a check-in");
        assert_eq!(check_in.version, "1.0.0");
        assert_eq!(check_in.elf_sha256, Some(release("1.0.0").elf_sha256));
        assert_eq!(check_in.slot.as_deref(), Some("ota_0"));
    }
}

/// How many polls are over.
pub(crate) fn waits(seen: &[(u64, Seen)]) -> usize {
    seen.iter()
        .filter(|(_, seen)| matches!(seen, Seen::Waiting { .. }))
        .count()
}
