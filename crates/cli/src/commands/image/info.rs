//! `updraft image info FILE`.

use std::path::PathBuf;

use clap::Args;
use updraft_image::Expect;

use super::report::{AppReport, Contents, HeaderReport, Report};
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::firmware::{inspect, refused};
use crate::table::{Details, Table};
use crate::text::{NONE, size};

/// Shows the header, the app descriptor, the segments and the hashes. Of a faulty file it shows what is
/// there, then the fault, and ends with exit code 6.
#[derive(Debug, Args)]
pub(crate) struct Info {
    /// The app's .bin file, or - for stdin
    file: PathBuf,
}

impl Info {
    pub(crate) fn run(&self, context: &Context) -> Result<Exit, Failure> {
        let inspected = inspect(&self.file, Expect::new())?;
        let report = Report::new(self.file.display().to_string(), &inspected);
        context.output.data(&report, lines)?;
        match &inspected.verdict {
            Ok(_) => Ok(Exit::Ok),
            Err(fault) => Err(refused(&self.file, fault)),
        }
    }
}

fn lines(report: &Report) -> String {
    let mut details = Details::new();
    if let Some(app) = &report.app {
        app_lines(&mut details, app);
    }
    if let Some(header) = &report.header {
        header_lines(&mut details, header);
    }
    if let Some(contents) = &report.contents {
        content_lines(&mut details, contents);
    }
    let mut text = details.render();
    if let Some(contents) = &report.contents {
        text.push('\n');
        text.push_str(&segments(contents));
    }
    text
}

fn app_lines(details: &mut Details, app: &AppReport) {
    let text = |text: &Option<String>| match text.as_deref() {
        None => "(not text)".to_owned(),
        Some("") => NONE.to_owned(),
        Some(text) => text.to_owned(),
    };
    details.line("project", text(&app.project_name));
    details.line("version", text(&app.version));
    details.line("secure version", app.secure_version.to_string());
    details.line(
        "compiled",
        format!("{} {}", text(&app.compile_date), text(&app.compile_time)),
    );
    details.line("idf version", text(&app.idf_version));
    details.line("elf sha256", app.elf_sha256.to_string());
    let (min, max) = (app.min_efuse_block_revision, app.max_efuse_block_revision);
    details.line("efuse block", revisions(min, max));
}

fn header_lines(details: &mut Details, header: &HeaderReport) {
    details.line("chip", format!("{} (id {})", header.chip, header.chip_id));
    let (min, max) = (header.min_chip_revision, header.max_chip_revision);
    details.line("chip revision", revisions(min, max));
    details.line("entry address", format!("{:#010x}", header.entry_address));
    let unknown = || "unknown".to_owned();
    let flash = header.flash_size.map_or_else(unknown, size);
    details.line("flash size", flash);
    details.line("flash mode", header.spi_mode.unwrap_or("unknown"));
    details.line("mmu page", size(header.mmu_page_size));
}

fn content_lines(details: &mut Details, contents: &Contents) {
    details.line("size", size(contents.size));
    details.line("checksum", format!("{:#04x} (valid)", contents.checksum));
    details.line("image sha256", format!("{} (valid)", contents.image_sha256));
    details.line("file sha256", contents.file_sha256.to_string());
    let signature = &contents.signature;
    let mut text = signature.kind.to_owned();
    for scheme in &signature.schemes {
        text.push_str(", ");
        text.push_str(scheme);
    }
    if signature.kind != "none" {
        text.push_str(" (recognised, not verified)");
    }
    details.line("signature", text);
}

/// Revisions as esptool writes them.
fn revisions(min: u16, max: Option<u16>) -> String {
    let dotted = |revision: u16| format!("v{}.{}", revision / 100, revision % 100);
    match max {
        Some(max) => format!("{} to {}", dotted(min), dotted(max)),
        None => format!("{} and later", dotted(min)),
    }
}

fn segments(contents: &Contents) -> String {
    let mut table = Table::new(["SEGMENT", "KIND", "LOAD ADDRESS", "FILE OFFSET", "LENGTH"]);
    for segment in &contents.segments {
        table.row([
            segment.index.to_string(),
            segment.kind.to_owned(),
            format!("{:#010x}", segment.load_address),
            format!("{:#010x}", segment.offset),
            segment.length.to_string(),
        ]);
    }
    table.render()
}
