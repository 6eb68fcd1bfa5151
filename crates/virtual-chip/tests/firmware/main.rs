//! The real firmware on the chip, a real server beside it: `make firmware-qemu` builds the images.

mod diary;
mod frontend;
mod good_release;
mod images;
mod peaks;
mod power;
mod stage;
mod trials;
