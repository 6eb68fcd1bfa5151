//! Web assets in two slots: uploaded, tried, served and returned, over real sockets; and the power cut at every flash
//! operation of it, in memory.

#[allow(dead_code, reason = "each test binary uses a part of it")]
#[path = "../support/mod.rs"]
mod support;
use support::images;

#[allow(dead_code, reason = "shared with the pushes")]
#[path = "../push/device.rs"]
mod device;
#[allow(dead_code, reason = "shared with the pushes")]
#[path = "../push/http.rs"]
mod http;

mod bench;
mod broken;
mod browsers;
mod memory;
mod power_cuts;
mod site;
mod trial;
mod upload;
