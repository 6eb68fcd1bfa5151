//! Plays a case.

use embedded_storage::nor_flash::ReadNorFlash;
use updraft_flash::otadata::{IdfError, OtaData, OtaDataPartition, PARTITION_SIZE, RECORD_SIZE};
use updraft_flash::partition::{AppKind, DataKind, Entry, Kind, Label, TABLE_OFFSET, Table};
use updraft_flash::region::Region;
use updraft_flash::slot::AppSlot;

use super::marked::Marked;
use super::{Case, Expected, Op};
use crate::bootloader::{BootConfig, Efuse, boot_with};
use crate::nor_flash::{FlashSize, SECTOR_SIZE, VirtualFlash};

/// Where otadata lies, in bytes.
const OTADATA: u32 = 0xD000;
/// Where the apps begin, and the size of each, in bytes.
const APP: u32 = 0x1_0000;

/// What was done, in the file's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The slot booted; `nothing` if none or if it was not a boot.
    pub booted: String,
    /// The result of a call; `nothing` for a boot.
    pub result: String,
    /// The records afterwards, in hex.
    pub otadata: [String; 2],
    /// The eFuse's secure version afterwards.
    pub efuse: String,
    /// The bootloader's log.
    pub log: Vec<String>,
}

const NOTHING: &str = "nothing";

impl Outcome {
    pub(super) fn of(expected: &Expected) -> Self {
        let or_nothing = |text: &Option<String>| text.as_deref().unwrap_or(NOTHING).to_owned();
        Self {
            booted: or_nothing(&expected.booted),
            result: or_nothing(&expected.result),
            otadata: expected.otadata.clone(),
            efuse: expected.efuse_secure_version.to_string(),
            log: Vec::new(),
        }
    }

    pub(super) fn agrees_with(&self, expected: &Expected) -> bool {
        let log = self.log.clone();
        *self
            == Self {
                log,
                ..Self::of(expected)
            }
    }
}

/// Plays a case on a flash of its own. An error says what about the case makes no sense.
pub fn run(case: &Case) -> Result<Outcome, String> {
    let table = table(case)?;
    let mut flash = VirtualFlash::new(FlashSize::Mb4);
    let fail = |what: &dyn std::fmt::Display| what.to_string();
    flash
        .preload(TABLE_OFFSET, &table.to_bytes())
        .map_err(|e| fail(&e))?;
    for (record, at) in case.otadata.iter().zip([OTADATA, OTADATA + SECTOR_SIZE]) {
        flash
            .preload(at, &from_hex(record)?)
            .map_err(|e| fail(&e))?;
    }
    let mut efuse = Efuse::default().with_secure_version(case.efuse_secure_version);
    let mut outcome = Outcome {
        booted: NOTHING.to_owned(),
        result: NOTHING.to_owned(),
        otadata: Default::default(),
        efuse: String::new(),
        log: Vec::new(),
    };
    if case.op == Op::Boot {
        let config = BootConfig {
            rollback: case.rollback,
            anti_rollback: case.anti_rollback,
        };
        let boot = boot_with(&mut flash, &table, &mut efuse, &config, &mut Marked(case))
            .map_err(|e| fail(&e))?;
        if let Some(slot) = boot.slot {
            outcome.booted = slot.to_string();
        }
        outcome.log = boot.log;
    } else {
        outcome.result = match call(case, &mut flash, &mut efuse, &table)? {
            Ok(()) => "ok".to_owned(),
            Err(error) => error.code().to_owned(),
        };
    }
    for (place, at) in outcome
        .otadata
        .iter_mut()
        .zip([OTADATA, OTADATA + SECTOR_SIZE])
    {
        let mut bytes = [0; RECORD_SIZE];
        flash.read(at, &mut bytes).map_err(|e| fail(&e))?;
        *place = bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<Vec<_>>()
            .concat();
    }
    outcome.efuse = efuse.secure_version().to_string();
    Ok(outcome)
}

/// An application's call of ESP-IDF.
fn call(
    case: &Case,
    flash: &mut VirtualFlash,
    efuse: &mut Efuse,
    table: &Table,
) -> Result<Result<(), IdfError>, String> {
    let region = Region::new(flash, OTADATA, PARTITION_SIZE).map_err(|e| e.to_string())?;
    let mut partition = OtaDataPartition::new(region).map_err(|e| e.to_string())?;
    let data = partition
        .read(table.ota_slots())
        .map_err(|e| e.to_string())?;
    let plan = match case.op {
        Op::SetBoot => match slot(case.target.as_deref())? {
            AppSlot::Ota(target) => data.idf_set_boot(target, case.rollback).map(Some),
            other => return Err(format!("set_boot of {other} is not one of the cases")),
        },
        Op::MarkValid => mark_valid(case, &data, efuse)?,
        Op::MarkInvalid => {
            let images = Marked(case);
            let recent = |slot| {
                !case.anti_rollback
                    || images
                        .version(slot)
                        .is_some_and(|v| v >= efuse.secure_version())
            };
            let possible = data.idf_rollback_possible(case.anti_rollback, |slot| {
                images.is_ok(slot) && recent(slot)
            });
            data.idf_mark_invalid(possible).map(Some)
        }
        Op::Boot => return Err("a boot is no call".to_owned()),
    };
    match plan {
        Ok(Some(change)) => partition.apply(&change).map_err(|e| e.to_string()).map(Ok),
        Ok(None) => Ok(Ok(())),
        Err(error) => Ok(Err(error)),
    }
}

type Plan = Result<Option<updraft_flash::otadata::Change>, IdfError>;

fn mark_valid(case: &Case, data: &OtaData, efuse: &mut Efuse) -> Result<Plan, String> {
    let running = slot(case.running.as_deref())?;
    Ok(data.idf_mark_valid().map(|marked| {
        if marked.raises_efuse
            && case.anti_rollback
            && let Some(version) = Marked(case).version(running)
        {
            efuse.raise_secure_version(version);
        }
        marked.change
    }))
}

fn slot(name: Option<&str>) -> Result<AppSlot, String> {
    let name = name.ok_or("a slot is missing")?;
    name.parse().map_err(|error| format!("{name}: {error}"))
}

/// The partition table of a case: otadata, then 64 KiB for each app.
fn table(case: &Case) -> Result<Table, String> {
    let label = |name: &str| Label::new(name).map_err(|error| error.to_string());
    let otadata = Kind::Data(DataKind::Ota);
    let mut entries = vec![Entry::new(
        label("otadata")?,
        otadata,
        OTADATA,
        PARTITION_SIZE,
    )];
    if case.factory {
        let kind = Kind::App(AppKind::Factory);
        entries.push(Entry::new(label("factory")?, kind, APP, APP));
    }
    for index in 0..case.ota_slots {
        let name = label(&format!("ota_{index}"))?;
        let offset = APP * (u32::from(index) + 2);
        entries.push(Entry::new(
            name,
            Kind::App(AppKind::Ota(index)),
            offset,
            APP,
        ));
    }
    Table::from_entries(&entries, FlashSize::Mb4.bytes()).map_err(|error| error.to_string())
}

fn from_hex(text: &str) -> Result<Vec<u8>, String> {
    let bad = || format!("{text} is not {RECORD_SIZE} bytes in hex");
    if text.len() != 2 * RECORD_SIZE || !text.is_ascii() {
        return Err(bad());
    }
    (0..RECORD_SIZE)
        .map(|index| {
            text.get(2 * index..2 * index + 2)
                .and_then(|digits| u8::from_str_radix(digits, 16).ok())
                .ok_or_else(bad)
        })
        .collect()
}
