//! The chip as the agent's board, and what must hold before a new app is confirmed.

use alloc::boxed::Box;
use alloc::vec::Vec;

use embassy_net::Stack;
use updraft_agent::check::{self, Probe};
use updraft_agent::{Board, Check};

use crate::clock::ChipClock;
use crate::flash::Flash;
use crate::led::BoardLeds;
use crate::memory;
use crate::network::Network;
use crate::serial_log::SerialLog;
use crate::system::ChipSystem;

/// The types behind the agent's traits.
pub struct ChipBoard;

impl Board for ChipBoard {
    type Flash = Flash;
    type Network = Network;
    type Clock = ChipClock;
    type System = ChipSystem;
    type Indicator = SerialLog;
    type Leds = BoardLeds;
}

/// The name of the network's check in reports.
const NETWORK: &str = if cfg!(feature = "openeth") {
    "ethernet"
} else {
    "wifi"
};

/// What must hold for as long as the stability window, besides reaching the server, which the agent checks by itself.
/// A product adds its own here: a sensor that reads, a motor that answers.
pub fn checks(stack: Stack<'static>) -> Vec<Box<dyn Check>> {
    let network = Probe::new(NETWORK, move || match stack.is_config_up() {
        true => Ok(()),
        false if stack.is_link_up() => Err("no address yet".into()),
        false => Err("not connected".into()),
    });
    let modules = check::modules(|| None);
    let heap = check::heap(memory::FLOOR, memory::free_heap);
    alloc::vec![Box::new(network), Box::new(heap), Box::new(modules)]
}
