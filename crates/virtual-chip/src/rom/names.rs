//! Names of the ROM's functions, for people who read that one is missing.

/// One `address name` a line, sorted.
const NAMES: &str = include_str!("names.txt");

/// All functions: address and name, in the order of addresses.
pub(super) fn all() -> impl Iterator<Item = (u32, &'static str)> {
    NAMES.lines().filter_map(|line| {
        let (hex, name) = line.split_once(' ')?;
        Some((u32::from_str_radix(hex, 16).ok()?, name))
    })
}

/// The name of the function at `address`, or of the last one before it.
pub(crate) fn name(address: u32) -> String {
    match all().take_while(|&(at, _)| at <= address).last() {
        Some((at, name)) if at == address => name.to_owned(),
        Some((_, name)) => format!("a place behind {name}"),
        None => "the ROM's start".to_owned(),
    }
}
