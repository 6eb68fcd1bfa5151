//! Text: one item, on one page, with a NUL at its end.

use embedded_storage::nor_flash::NorFlash;

use super::entry::{Item, NOT_A_CHUNK, PAYLOAD_MAX};
use super::store::{Nvs, NvsResult};
use super::values::wanted;
use super::{Kind, NvsError};

const NUL: &[u8] = &[0];

/// The longest text, in bytes: 4,000 with its NUL.
pub const TEXT_MAX: usize = PAYLOAD_MAX - NUL.len();

impl<F: NorFlash> Nvs<F> {
    /// The text stored under a key, read into `buffer`; `None` when there is none. The buffer
    /// needs room for the text alone, without a NUL.
    pub fn get_str<'b>(
        &mut self,
        namespace: &str,
        key: &str,
        buffer: &'b mut [u8],
    ) -> NvsResult<Option<&'b str>, F> {
        let Some((at, item)) = self.lookup(namespace, key)? else {
            return Ok(None);
        };
        wanted(&item, Kind::Text)?;
        let needed = item
            .payload_size()
            .checked_sub(NUL.len())
            .ok_or(NvsError::Damaged)?;
        let text = buffer
            .get_mut(..needed)
            .ok_or(NvsError::BufferTooSmall { needed })?;
        let sound = self.read_payload(at, &item, |offset, bytes| {
            for (to, from) in text.iter_mut().skip(offset).zip(bytes) {
                *to = *from;
            }
        })?;
        if !sound {
            return Err(NvsError::Damaged);
        }
        core::str::from_utf8(text)
            .map(Some)
            .map_err(|_| NvsError::NotUtf8)
    }

    /// Stores text of at most [`TEXT_MAX`] bytes, in place of whatever the key held. The same text
    /// again writes nothing.
    pub fn set_str(&mut self, namespace: &str, key: &str, text: &str) -> NvsResult<(), F> {
        let text = text.as_bytes();
        if text.len() > TEXT_MAX {
            return Err(NvsError::ValueTooLong {
                len: text.len(),
                max: TEXT_MAX,
            });
        }
        if text.contains(&0) {
            return Err(NvsError::NulInText);
        }
        let (ns, key) = self.target(namespace, key)?;
        if let Some((at, item)) = self.find_head(ns, key)?
            && item.kind() == Some(Kind::Text)
            && self.payload_is(at, &item, text, NUL)?
        {
            return Ok(());
        }
        let item = Item::payload(ns, Kind::Text, key, NOT_A_CHUNK, [text, NUL]);
        self.make_room(item.span())?;
        let at = self.append(&item, text, NUL)?;
        self.erase_others(ns, key, Some((at, None)))
    }
}
