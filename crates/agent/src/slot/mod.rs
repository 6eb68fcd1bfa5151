//! Writing one image into one slot that is not in use.

mod app;
mod content;
mod medium;
mod writer;
mod www;

pub(crate) use app::{AppContent, Wanted};
pub use content::Target;
pub(crate) use content::{Content, Size};
pub use writer::PIECE;
pub(crate) use writer::{Pushed, SlotWriter};
pub(crate) use www::WwwContent;
