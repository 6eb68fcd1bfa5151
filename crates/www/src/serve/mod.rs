//! Serving files: from the path of an HTTP request to a file, and what HTTP says of it.
//!
//! With a manifest that is the manifest's word; for images of other makers, what the file's name tells.

mod asset;
mod content_type;
mod etag;
mod hashed;
mod site;
mod target;

pub use asset::Asset;
pub use content_type::{content_type, is_compressible};
pub use etag::Etag;
pub use hashed::cache;
pub use site::Site;
