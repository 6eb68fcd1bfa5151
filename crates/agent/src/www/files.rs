//! Files of the served slot, for whoever sends them.

use alloc::borrow::ToOwned as _;
use alloc::string::ToString;

use updraft_protocol::ReasonCode;
use updraft_protocol::local::LocalWww;
use updraft_www::serve::Asset;

use super::Served;
use super::check::of_fault;
use crate::board::Board;
use crate::failure::Failure;
use crate::updater::Updater;

/// The first page, which also stands for every path of the frontend's own.
const FIRST_PAGE: &str = "/";

/// A file of a slot: where it is, and of which of the slot's images.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WwwFile {
    pub(crate) asset: Asset,
    served: Served,
    writes: u32,
}

/// What there is at a path.
#[derive(Debug, Clone, Copy)]
#[expect(
    clippy::large_enum_variant,
    reason = "lives on the stack of one request"
)]
pub(crate) enum Found {
    /// A file.
    File(WwwFile),
    /// Nothing.
    Nothing,
    /// There are slots, and nothing in them can be served.
    Unserved,
    /// The device has no such slots.
    NoSlots,
}

/// Whether a path could be one of the frontend's own pages: its last part has no ending.
pub(crate) fn may_be_page(target: &str) -> bool {
    let path = target.split(['?', '#']).next().unwrap_or_default();
    path.rsplit('/')
        .next()
        .is_some_and(|name| !name.contains('.'))
}

/// Whether a request asks for the first page itself.
fn is_first_page(target: &str) -> bool {
    let path = target.split(['?', '#']).next().unwrap_or_default();
    matches!(path, "/" | "/index.html")
}

impl<B: Board> Updater<B> {
    /// The file for the target of a request. What is not found and has no ending is a page of the frontend, which
    /// finds its way from the first page.
    ///
    /// `loads` says whether the file's contents are asked for, so that sending the first page counts for its trial.
    pub(crate) fn www_file(&self, target: &str, loads: bool) -> Result<Found, Failure> {
        if self.flash.borrow().www().is_none() {
            return Ok(Found::NoSlots);
        }
        let Some(served) = self.www.served.get() else {
            return Ok(Found::Unserved);
        };
        let Served { slot, site } = served;
        let mut page = is_first_page(target);
        let asset = self.on_www(slot, |flash| {
            let found = site.find(flash, target);
            if found.as_ref().is_ok_and(Option::is_none) && may_be_page(target) {
                page = true;
                return site
                    .find(flash, FIRST_PAGE)
                    .map_err(|fault| of_fault(slot, &fault));
            }
            found.map_err(|fault| of_fault(slot, &fault))
        })?;
        if loads && page && asset.is_some() {
            self.www.loaded.set(true);
        }
        let writes = self.www.writes(slot);
        Ok(asset.map_or(Found::Nothing, |asset| {
            Found::File(WwwFile {
                asset,
                served,
                writes,
            })
        }))
    }

    /// Reads a file from `position` on; fewer bytes than asked for only at its end.
    ///
    /// [`ReasonCode::Busy`] if its slot has begun to take another image.
    pub(crate) fn read_www(
        &self,
        file: &WwwFile,
        position: u32,
        bytes: &mut [u8],
    ) -> Result<usize, Failure> {
        let Served { slot, site } = file.served;
        if self.www.writes(slot) != file.writes {
            return Err(Failure::new(
                ReasonCode::Busy,
                format_args!("www_{slot} takes another image now"),
            ));
        }
        self.on_www(slot, |flash| {
            site.mount()
                .read(flash, &file.asset.file, position, bytes)
                .map_err(|fault| of_fault(slot, &fault))
        })
    }

    /// The slot that is served, or else the indexed one; none without such slots.
    pub(crate) fn www_slot(&self) -> Option<u8> {
        self.flash.borrow().www()?;
        let served = self.www.served.get().map(|served| served.slot);
        Some(served.unwrap_or(self.www.index.get()))
    }

    /// How the web assets stand; none without such slots.
    pub(crate) fn www_status(&self) -> Option<LocalWww> {
        self.flash.borrow().www()?;
        let served = self.www.served.get();
        let state = match served {
            Some(served) if served.slot == self.www.index.get() => "served",
            Some(_) => "other",
            None => "none",
        };
        let trial = match self.www.trial.get() {
            None => "confirmed",
            Some(trial) if trial.browser => "waiting",
            Some(_) => "on_trial",
        };
        let version = served.and_then(|served| served.site.version().map(ToString::to_string));
        Some(LocalWww {
            state: state.to_owned(),
            trial: trial.to_owned(),
            version,
        })
    }
}
