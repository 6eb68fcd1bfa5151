//! `updraft image flash`.

mod bootloader;
mod settings;
mod table;

use std::fs::File;
use std::io::{self, Read as _};
use std::mem;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use updraft_flash::partition::{Entry, TABLE_OFFSET, TABLE_SECTOR};
use updraft_image::{Expect, MAX_IMAGE_SIZE, verify};

use crate::aside;
use crate::commands::www::Image;
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::firmware::refused;
use crate::size::Size;
use crate::table::Table;

use settings::{Assignment, Settings};

/// Most bytes read of any file given: one more than an app may have, so that too large a one is seen to be.
const MAX_FILE: u64 = MAX_IMAGE_SIZE as u64 + 1;
/// The label of the partition that holds the frontend a device begins with.
const WWW: &str = "www_0";

/// Builds a whole flash image for the factory: bootloader, partition table, the app in `factory` or else `ota_0`, and
/// the frontend in `www_0`. All else is blank: otadata, and NVS unless settings are given.
///
/// Write it to offset 0: esptool write-flash 0 flash.bin
#[derive(Debug, Args)]
pub(crate) struct Flash {
    /// The partition table, CSV or binary
    #[arg(long, value_name = "FILE")]
    partitions: PathBuf,
    /// The app's .bin file; its chip is the image's
    #[arg(long, value_name = "FILE")]
    app: PathBuf,
    /// The frontend's image, made by updraft www pack
    #[arg(long, value_name = "FILE")]
    www: Option<PathBuf>,
    /// The bootloader; Espressif's for the ESP32-C3, C6 and S3, without rollback, unless given
    #[arg(long, value_name = "FILE")]
    bootloader: Option<PathBuf>,
    /// Where the image goes
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Bytes of flash there are: 4M, 16M; the smallest that holds the partitions unless given
    #[arg(long = "flash-size", value_name = "SIZE")]
    size: Option<Size>,
    /// A setting the device starts with, in its NVS: `server=host:8080`, `wifi_ssid=name`; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<Assignment>,
    /// The same with the value in a file, for secrets: `wifi_password=FILE`, `enrolment_key=FILE`
    #[arg(long, value_name = "KEY=FILE")]
    set_file: Vec<Assignment>,
}

/// What was built, as `--json` prints it.
#[derive(Debug, Serialize)]
struct Report {
    /// The image's path.
    output: String,
    chip: &'static str,
    /// Bytes of flash, and of the image.
    flash_size: u32,
    parts: Vec<Part>,
    /// The keys of the settings in it.
    settings: Vec<&'static str>,
}

/// One part of the image.
#[derive(Debug, Serialize)]
struct Part {
    /// The partition's label, or what it is.
    name: String,
    /// Where it begins, in bytes.
    offset: u32,
    /// Bytes written there.
    bytes: u32,
}

impl Flash {
    pub(crate) fn run(mut self, context: &Context) -> Result<Exit, Failure> {
        let (set, set_file) = (mem::take(&mut self.set), mem::take(&mut self.set_file));
        let settings = Settings::gather(set, set_file, context.output)?;
        let app = read(&self.app)?;
        let refuse = |fault| refused(&self.app, &fault);
        let facts = verify(&app, Expect::new()).map_err(refuse)?;
        let chip = facts.head.chip;
        let (table, flash_size) = table::table(
            &self.partitions,
            &read(&self.partitions)?,
            chip,
            self.size.map(|Size(size)| size),
            context.output,
        )?;
        let slot = table.factory().or_else(|| table.ota(0));
        let slot =
            slot.ok_or_else(|| self.missing("no_app_partition", "neither factory nor ota_0"))?;
        let expect = Expect::new().chip(chip).max_size(slot.size);
        verify(&app, expect).map_err(refuse)?;
        let own = match &self.bootloader {
            Some(path) => Some((path.as_path(), read(path)?)),
            None => None,
        };
        let loader = bootloader::bootloader(chip, flash_size, own)?;

        let mut image = Composed::new(flash_size);
        // Up to the table, and not a byte further.
        let room = TABLE_OFFSET.saturating_sub(chip.bootloader_offset());
        image.put("bootloader", chip.bootloader_offset(), room, &loader)?;
        image.put(
            "partition table",
            TABLE_OFFSET,
            TABLE_SECTOR,
            &table.to_bytes(),
        )?;
        image.put_into(slot, &app)?;
        if let Some(path) = &self.www {
            let partition = table.find(WWW);
            let partition =
                partition.ok_or_else(|| self.missing("no_www_partition", "no www_0"))?;
            let mut www = Image::open(path)?;
            www.check()?;
            www.fits(partition.size)?;
            image.put_into(partition, www.bytes())?;
        }
        if !settings.keys().is_empty() {
            let nvs = table.nvs();
            let nvs = nvs.ok_or_else(|| self.missing("no_nvs_partition", "no nvs"))?;
            image.put_into(nvs, &settings.nvs(nvs)?)?;
        }
        if settings.has_secret() {
            aside::write_private(&self.output, &image.bytes)?;
        } else {
            aside::write(&self.output, &image.bytes)?;
        }
        let report = Report {
            output: self.output.display().to_string(),
            chip: chip.name(),
            flash_size,
            parts: image.parts,
            settings: settings.keys(),
        };
        context.output.data(&report, Report::text)?;
        Ok(Exit::Ok)
    }

    fn missing(&self, code: &'static str, what: &str) -> Failure {
        let path = self.partitions.display();
        Failure::new(Exit::Refused, code, format!("{path} has {what}"))
            .hint("firmware/partitions has tables to start from")
    }
}

impl Report {
    fn text(&self) -> String {
        let mut table = Table::new(["OFFSET", "BYTES", "PART"]);
        for part in &self.parts {
            table.row([
                format!("{:#x}", part.offset),
                part.bytes.to_string(),
                part.name.clone(),
            ]);
        }
        let Self {
            output,
            chip,
            flash_size,
            settings,
            ..
        } = self;
        let mut sum = format!("{output}: {} MB of flash for {chip}", flash_size >> 20);
        if !settings.is_empty() {
            sum = format!("{sum}, with {}", settings.join(", "));
        }
        table.render() + &crate::text::clean(&sum) + "\n"
    }
}

/// Flash that is blank but for the parts put into it.
struct Composed {
    bytes: Vec<u8>,
    parts: Vec<Part>,
}

impl Composed {
    fn new(size: u32) -> Self {
        Self {
            bytes: vec![0xFF; size as usize],
            parts: Vec::new(),
        }
    }

    fn put_into(&mut self, partition: &Entry, part: &[u8]) -> Result<(), Failure> {
        let name = partition.label.as_str().unwrap_or("(unnamed)");
        self.put(name, partition.offset, partition.size, part)
    }

    /// Puts a part where there is `room` for it.
    fn put(&mut self, name: &str, offset: u32, room: u32, part: &[u8]) -> Result<(), Failure> {
        let bytes = part.len() as u32;
        let from = offset as usize;
        let place = self.bytes.get_mut(from..from + part.len());
        match place {
            Some(place) if bytes <= room => place.copy_from_slice(part),
            _ => {
                return Err(Failure::new(
                    Exit::Refused,
                    "part_too_big",
                    format!("{name}: {bytes} bytes do not fit the {room} at {offset:#x}"),
                ));
            }
        }
        self.parts.push(Part {
            name: name.to_owned(),
            offset,
            bytes,
        });
        Ok(())
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_FILE).read_to_end(&mut bytes));
    match read {
        Ok(_) => Ok(bytes),
        Err(error) => {
            let exit = match error.kind() {
                io::ErrorKind::NotFound => Exit::NotFound,
                _ => Exit::Unexpected,
            };
            let message = format!("cannot read {}: {error}", path.display());
            Err(Failure::new(exit, "file_unreadable", message))
        }
    }
}
