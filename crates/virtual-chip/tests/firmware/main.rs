//! The real firmware on the chip, a real server beside it: `make firmware-qemu` builds the images.

mod forward;
mod good_release;
mod images;
mod stage;
mod trials;
