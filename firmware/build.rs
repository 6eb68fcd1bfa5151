//! Hands esp-hal's linker script to the linker.

fn main() {
    // Here and not in `.cargo/config.toml`, which cargo reads only when called from this directory.
    println!("cargo:rustc-link-arg-bins=-Tlinkall.x");
    println!("cargo:rerun-if-changed=build.rs");
}
