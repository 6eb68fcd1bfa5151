//! How a file comes in: verified as it arrives, written aside, published when it is whole.

mod declared;
mod receiver;

pub(crate) use declared::{Declared, missing};
pub(crate) use receiver::Receiver;
