//! Web assets in two slots: uploaded, tried, served and returned, over real sockets; and the power cut at every flash
//! operation of it, in memory.

#[allow(dead_code, reason = "each test binary uses a part of it")]
#[path = "../support/mod.rs"]
mod support;
use support::images;

mod bench;
mod broken;
mod browsers;
mod device;
#[allow(dead_code, reason = "each test binary uses a part of it")]
#[path = "../push/http.rs"]
mod http;
mod memory;
mod power_cuts;
mod site;
mod trial;
mod upload;
