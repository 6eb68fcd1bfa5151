//! What the updater knows of the device it runs on.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString as _};
use core::net::Ipv4Addr;

use super::Advertisement;
use crate::board::Board;
use crate::failure::Failure;
use crate::updater::Updater;

/// What is advertised of the app that runs. It holds until the next reset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    board: String,
    version: String,
    project: Option<String>,
    slot: String,
    auth: bool,
}

/// Where a device is found: its names, its address and its ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// See [`Advertisement::hostname`]; also the name people see.
    pub hostname: &'a str,
    /// See [`Advertisement::ipv4`].
    pub ipv4: Ipv4Addr,
    /// See [`Advertisement::prefix`].
    pub prefix: u8,
    /// See [`Advertisement::http_port`].
    pub http_port: u16,
    /// See [`Advertisement::ota_port`].
    pub ota_port: u16,
}

impl About {
    /// The advertisement of a device at this place.
    pub fn at<'a>(&'a self, place: &Place<'a>) -> Advertisement<'a> {
        Advertisement {
            hostname: place.hostname,
            instance: place.hostname,
            ipv4: place.ipv4,
            prefix: place.prefix,
            http_port: place.http_port,
            ota_port: place.ota_port,
            board: &self.board,
            version: &self.version,
            auth: self.auth,
            slot: &self.slot,
            project: self.project.as_deref(),
        }
    }
}

impl<B: Board> Updater<B> {
    /// What [`serve`](super::serve) is to say of this device. A push counts as needing a token or a password if
    /// either is set, or if none is taken without. An error if the flash cannot be read.
    pub fn about(&self) -> Result<About, Failure> {
        let descriptor = self.flash.borrow_mut().running_app()?;
        let project = descriptor.project_name().ok();
        let secured = self.memory(|memory| {
            let token = memory.push_token()?.is_some();
            Ok(token || memory.espota_password().is_ok_and(|hash| hash.is_some()))
        })?;
        Ok(About {
            board: self.settings.device_type.to_string(),
            version: self.app.version.clone(),
            project: project
                .filter(|name| !name.is_empty())
                .map(ToOwned::to_owned),
            slot: self.app.slot.to_string(),
            auth: secured || self.settings.push_needs_token,
        })
    }
}
