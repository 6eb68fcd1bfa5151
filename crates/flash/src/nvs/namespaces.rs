//! Namespaces: an entry of namespace 0 gives each name its number.

use embedded_storage::nor_flash::NorFlash;

use super::entry::Item;
use super::name::Name;
use super::scan::Cursor;
use super::store::{Nvs, NvsResult};
use super::{Kind, NvsError};

/// The namespace of the namespaces' own entries.
pub(super) const NAMESPACES: u8 = 0;

impl<F: NorFlash> Nvs<F> {
    /// The number of a namespace; `None` when nothing was ever stored in it.
    pub(super) fn namespace(&mut self, name: Name) -> NvsResult<Option<u8>, F> {
        let found =
            self.find(|item| item.is_head_of(NAMESPACES, name) && item.kind() == Some(Kind::U8))?;
        Ok(found
            .map(|(_, item)| item.data()[0])
            .filter(|number| *number != NAMESPACES))
    }

    /// The name of a namespace.
    pub(super) fn namespace_name(&mut self, number: u8) -> NvsResult<Option<Name>, F> {
        let found = self.find(|item| {
            item.ns() == NAMESPACES && item.kind() == Some(Kind::U8) && item.data()[0] == number
        })?;
        Ok(found.map(|(_, item)| item.key()))
    }

    /// The number of a namespace, which is created if need be.
    pub(super) fn namespace_or_new(&mut self, name: Name) -> NvsResult<u8, F> {
        if let Some(number) = self.namespace(name)? {
            return Ok(number);
        }
        let number = self.free_namespace()?.ok_or(NvsError::TooManyNamespaces)?;
        self.make_room(1)?;
        let item = Item::number(
            NAMESPACES,
            Kind::U8,
            name,
            [number, 255, 255, 255, 255, 255, 255, 255],
        );
        self.append(&item, &[], &[])?;
        Ok(number)
    }

    /// The lowest number no namespace has. A number that entries still have counts as taken, even
    /// if its name was lost: the next namespace must not inherit them.
    fn free_namespace(&mut self) -> NvsResult<Option<u8>, F> {
        let mut taken = [0_u8; 32];
        let mut take = |number: u8| {
            if let Some(byte) = taken.get_mut(usize::from(number / 8)) {
                *byte |= 1 << (number % 8);
            }
        };
        let mut cursor = Cursor::all();
        while let Some((_, item)) = cursor.next(self)? {
            take(item.ns());
            if item.ns() == NAMESPACES {
                take(item.data()[0]);
            }
        }
        Ok((1..=254_u8).find(|number| {
            taken
                .get(usize::from(number / 8))
                .is_some_and(|byte| byte >> (number % 8) & 1 == 0)
        }))
    }
}
