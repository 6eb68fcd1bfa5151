//! What tests of the chip share.

pub(crate) mod assembler;
pub(crate) mod program;
