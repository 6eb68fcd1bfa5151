//! Reading a manifest line by line.

use core::str;

use embedded_storage::nor_flash::ReadNorFlash;

use super::{FORMAT, Line, MAX_LINE, ManifestFault, PATH, Version, is_version};
use crate::littlefs::{File, Mount};

/// A manifest being read: about 640 bytes, with no hold on the flash between lines.
#[derive(Clone, Debug)]
pub struct Reader {
    mount: Mount,
    file: File,
    /// Where in the file the next line begins.
    position: u32,
    /// Lines read.
    number: u32,
    version: Option<Version>,
    buffer: [u8; MAX_LINE],
}

impl Reader {
    /// Opens the manifest of an image and reads its first line.
    pub fn open<F: ReadNorFlash>(
        mount: Mount,
        flash: &mut F,
    ) -> Result<Self, ManifestFault<F::Error>> {
        let file = mount.file(flash, PATH)?.ok_or(ManifestFault::Missing)?;
        let mut reader = Self {
            mount,
            file,
            position: 0,
            number: 0,
            version: None,
            buffer: [0; MAX_LINE],
        };
        let Ok(Some(line)) = reader.text(flash) else {
            return Err(ManifestFault::Format);
        };
        let version = match line.strip_prefix(FORMAT) {
            Some("") => None,
            Some(rest) => {
                let version = rest.strip_prefix(' ').filter(|version| is_version(version));
                Some(
                    version
                        .and_then(Version::new)
                        .ok_or(ManifestFault::Format)?,
                )
            }
            None => return Err(ManifestFault::Format),
        };
        reader.version = version;
        Ok(reader)
    }

    /// The frontend's own version, if it was given one.
    pub const fn version(&self) -> Option<&Version> {
        self.version.as_ref()
    }

    /// The next file, or `None` after the last.
    pub fn next<F: ReadNorFlash>(
        &mut self,
        flash: &mut F,
    ) -> Result<Option<Line<'_>>, ManifestFault<F::Error>> {
        let number = self.number + 1;
        match self.text(flash)? {
            None => Ok(None),
            Some(text) => {
                let line = Line::parse(text).ok_or(ManifestFault::Line { number })?;
                Ok(Some(line))
            }
        }
    }

    /// The next line's text, or `None` at the end.
    fn text<F: ReadNorFlash>(
        &mut self,
        flash: &mut F,
    ) -> Result<Option<&str>, ManifestFault<F::Error>> {
        if self.position >= self.file.size {
            return Ok(None);
        }
        let read = self
            .mount
            .read(flash, &self.file, self.position, &mut self.buffer)?;
        self.number += 1;
        let number = self.number;
        let bytes = self.buffer.get(..read).unwrap_or_default();
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let line = end.and_then(|end| bytes.get(..end));
        let line = line.ok_or(ManifestFault::Line { number })?;
        self.position += line.len() as u32 + 1;
        let text = str::from_utf8(line).map_err(|_| ManifestFault::Line { number })?;
        Ok(Some(text))
    }
}
