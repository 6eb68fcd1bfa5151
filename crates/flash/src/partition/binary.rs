//! The table as bytes.

use embedded_storage::nor_flash::ReadNorFlash;
use md5::{Digest, Md5};

use super::entry::ENTRY_MAGIC;
use super::{ENTRY_SIZE, Entry, ReadError, TABLE_SIZE, Table, TableFault};

/// First bytes of the MD5 record; 14 bytes of 0xFF and the digest follow.
const MD5_MAGIC: [u8; 2] = [0xEB, 0xEB];
/// Where the digest begins in its record.
const MD5_START: usize = 16;
const BLANK: u8 = 0xFF;

/// Takes records one after the other, as the bootloader does.
struct Parser {
    table: Table,
    md5: Md5,
    capacity: u32,
    index: usize,
}

impl Parser {
    fn new(capacity: u32) -> Self {
        Self {
            table: Table::new().with_md5(false),
            md5: Md5::new(),
            capacity,
            index: 0,
        }
    }

    /// Takes a record; true when it was the end marker.
    fn take(&mut self, record: &[u8; ENTRY_SIZE]) -> Result<bool, TableFault> {
        let index = self.index;
        self.index += 1;
        let magic = [record[0], record[1]];
        match magic {
            ENTRY_MAGIC => self.take_entry(index, record)?,
            MD5_MAGIC => self.take_md5(index, record)?,
            // The bootloader looks at type and subtype too, not at the rest.
            [BLANK, BLANK] if record[2] == BLANK && record[3] == BLANK => {
                return if index == 0 {
                    Err(TableFault::Empty)
                } else {
                    Ok(true)
                };
            }
            found => return Err(TableFault::BadMagic { index, found }),
        }
        Ok(false)
    }

    fn take_entry(&mut self, index: usize, record: &[u8; ENTRY_SIZE]) -> Result<(), TableFault> {
        let entry = Entry::from_bytes(record);
        if entry.offset >= self.capacity || entry.end() > u64::from(self.capacity) {
            return Err(TableFault::OutsideFlash {
                index,
                offset: entry.offset,
                size: entry.size,
                capacity: self.capacity,
            });
        }
        self.md5.update(record);
        // More entries than a table holds leave no room for the end marker.
        self.table.push(entry).map_err(|_| TableFault::NoEndMarker)
    }

    fn take_md5(&mut self, index: usize, record: &[u8; ENTRY_SIZE]) -> Result<(), TableFault> {
        if self.table.has_md5 {
            return Err(TableFault::Md5Repeated { index });
        }
        let expected: [u8; 16] = self.md5.clone().finalize().into();
        let mut found = [0; 16];
        found.copy_from_slice(&record[MD5_START..]);
        if found != expected {
            return Err(TableFault::Md5Mismatch {
                index,
                found,
                expected,
            });
        }
        self.table.has_md5 = true;
        Ok(())
    }
}

impl Table {
    /// Parses a table from its bytes, for a flash of any size. Bytes after the end marker, and
    /// after [`TABLE_SIZE`], are not looked at.
    pub fn parse(bytes: &[u8]) -> Result<Self, TableFault> {
        Self::parse_within(bytes, u32::MAX)
    }

    /// Parses a table from its bytes for a flash of `capacity` bytes.
    pub fn parse_within(bytes: &[u8], capacity: u32) -> Result<Self, TableFault> {
        let mut parser = Parser::new(capacity);
        let (records, rest) = bytes.as_chunks::<ENTRY_SIZE>();
        for record in records.iter().take(TABLE_SIZE / ENTRY_SIZE) {
            if parser.take(record)? {
                return Ok(parser.table);
            }
        }
        if rest.is_empty() || bytes.len() > TABLE_SIZE {
            Err(TableFault::NoEndMarker)
        } else {
            Err(TableFault::Ragged { len: bytes.len() })
        }
    }

    /// Reads the table that lies at `offset` of a flash (usually
    /// [`TABLE_OFFSET`](super::TABLE_OFFSET)), 32 bytes at a time.
    pub fn read<F: ReadNorFlash>(flash: &mut F, offset: u32) -> Result<Self, ReadError<F::Error>> {
        let mut parser = Parser::new(u32::try_from(flash.capacity()).unwrap_or(u32::MAX));
        for index in 0..TABLE_SIZE / ENTRY_SIZE {
            let mut record = [0; ENTRY_SIZE];
            flash
                .read(
                    offset.saturating_add((index * ENTRY_SIZE) as u32),
                    &mut record,
                )
                .map_err(ReadError::Flash)?;
            if parser.take(&record).map_err(ReadError::Table)? {
                return Ok(parser.table);
            }
        }
        Err(ReadError::Table(TableFault::NoEndMarker))
    }

    /// The table as it lies on flash: entries, MD5 record if it has one, then 0xFF.
    pub fn to_bytes(&self) -> [u8; TABLE_SIZE] {
        let mut bytes = [BLANK; TABLE_SIZE];
        let mut md5 = Md5::new();
        let (records, _) = bytes.as_chunks_mut::<ENTRY_SIZE>();
        let mut records = records.iter_mut();
        for (entry, record) in self.entries().iter().zip(&mut records) {
            *record = entry.to_bytes();
            md5.update(&record[..]);
        }
        if let Some(record) = records.next().filter(|_| self.has_md5) {
            record[..MD5_MAGIC.len()].copy_from_slice(&MD5_MAGIC);
            record[MD5_START..].copy_from_slice(&md5.finalize());
        }
        bytes
    }
}
