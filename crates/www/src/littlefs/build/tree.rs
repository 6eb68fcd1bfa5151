//! Folders and files, in the order littlefs keeps them in: by the bytes of their names.

use alloc::collections::BTreeMap;
use alloc::collections::btree_map::Entry;
use alloc::string::String;
use alloc::vec::Vec;

use super::{BuildFault, FILE_MAX, named};
use crate::littlefs::path::is_name;
use crate::littlefs::{MAX_DEPTH, MAX_PATH, NAME_MAX};

/// A folder's contents.
#[derive(Debug, Default)]
pub(super) struct Folder {
    pub(super) items: BTreeMap<String, Item>,
}

/// What stands in a folder.
#[derive(Debug)]
pub(super) enum Item {
    Folder(Folder),
    File(Vec<u8>),
}

impl Folder {
    pub(super) fn add(&mut self, path: &str, contents: Vec<u8>) -> Result<(), BuildFault> {
        check(path)?;
        if contents.len() > FILE_MAX as usize {
            let path = named(path);
            return Err(BuildFault::FileSize { path });
        }
        let taken = || BuildFault::Taken { path: named(path) };
        let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
        let mut here = self;
        for folder in folders.split('/').filter(|folder| !folder.is_empty()) {
            let new = || Item::Folder(Self::default());
            match here.items.entry(named(folder)).or_insert_with(new) {
                Item::Folder(folder) => here = folder,
                Item::File(_) => return Err(taken()),
            }
        }
        match here.items.entry(named(name)) {
            Entry::Vacant(place) => {
                place.insert(Item::File(contents));
                Ok(())
            }
            Entry::Occupied(_) => Err(taken()),
        }
    }
}

fn check(path: &str) -> Result<(), BuildFault> {
    let path_of = || named(path);
    if !path.split('/').all(is_name) {
        Err(BuildFault::Name { path: path_of() })
    } else if path.split('/').any(|name| name.len() > NAME_MAX) {
        Err(BuildFault::NameTooLong { path: path_of() })
    } else if path.len() > MAX_PATH {
        Err(BuildFault::PathTooLong { path: path_of() })
    } else if path.split('/').count() > MAX_DEPTH + 1 {
        Err(BuildFault::TooDeep { path: path_of() })
    } else {
        Ok(())
    }
}
