//! The user-mode network, from both sides: a second TCP/IP stack as the chip, and programs of the host on real sockets.

mod addresses;
mod datagrams;
mod forwards;
mod guest;
mod host;
mod hostile;
mod nowhere;
mod outward;
mod trouble;
