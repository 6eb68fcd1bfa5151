//! What a table as a whole lacks for updates to work.

use super::kind::{AppKind, DataKind};
use super::{Entry, FLAG_READONLY, Kind, LayoutFault};
use crate::slot::MAX_OTA_SLOTS;

/// Labels of the two file systems a device's pages are updated in turns.
const WWW: [&[u8]; 2] = [b"www_0", b"www_1"];

/// Looks at what is there together.
pub(super) fn whole(entries: &[Entry], found: &mut dyn FnMut(LayoutFault)) {
    if !entries.iter().any(|entry| entry.kind.is_app()) {
        found(LayoutFault::NoApp);
    }
    slots(entries, found);
    let nvs =
        |entry: &Entry| entry.kind == Kind::Data(DataKind::Nvs) && entry.flags & FLAG_READONLY == 0;
    if !entries.iter().any(nvs) {
        found(LayoutFault::NoNvs);
    }
    www(entries, found);
}

fn slots(entries: &[Entry], found: &mut dyn FnMut(LayoutFault)) {
    let has = |kind: Kind| entries.iter().any(|entry| entry.kind == kind);
    let slot = |index: u8| has(Kind::App(AppKind::Ota(index)));
    let missing = (0..MAX_OTA_SLOTS).find(|&index| !slot(index));
    if let Some(missing) = missing
        && let Some(beyond) = (missing..MAX_OTA_SLOTS).find(|&index| slot(index))
    {
        found(LayoutFault::OtaGap { missing, beyond });
    }
    let ota = || {
        entries
            .iter()
            .enumerate()
            .filter(|(_, entry)| matches!(entry.kind, Kind::App(AppKind::Ota(_))))
    };
    match (ota().next(), has(Kind::Data(DataKind::Ota))) {
        (Some(_), false) => found(LayoutFault::NoOtadata),
        (None, true) => found(LayoutFault::NoSlots),
        _ => {}
    }
    if let (Some((index, _)), 1) = (ota().next(), ota().count()) {
        found(LayoutFault::SingleSlot { index });
    }
    if let (Some((smallest, least)), Some((largest, most))) = (
        ota().min_by_key(|(_, entry)| entry.size),
        ota().max_by_key(|(_, entry)| entry.size),
    ) && least.size != most.size
    {
        found(LayoutFault::SlotSizes { smallest, largest });
    }
}

fn www(entries: &[Entry], found: &mut dyn FnMut(LayoutFault)) {
    let place = |label: &[u8]| {
        entries
            .iter()
            .enumerate()
            .find(|(_, entry)| entry.label.as_bytes() == label)
    };
    let halves = WWW.map(place);
    for (index, entry) in halves.iter().flatten() {
        if entry.kind != Kind::Data(DataKind::LittleFs) {
            found(LayoutFault::WwwKind { index: *index });
        }
    }
    match halves {
        [Some((first, zero)), Some((second, one))] if zero.size != one.size => {
            found(LayoutFault::WwwSizes { first, second });
        }
        [Some((index, _)), None] | [None, Some((index, _))] => {
            found(LayoutFault::WwwAlone { index });
        }
        _ => {}
    }
}
