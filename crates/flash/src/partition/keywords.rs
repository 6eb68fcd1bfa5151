//! The names types and subtypes have in a partition CSV.
//!
//! Source: ESP-IDF `gen_esp32part.py` 1.5 and `esp_partition.h`.

use super::kind::{TYPE_APP, TYPE_BOOTLOADER, TYPE_DATA, TYPE_PARTITION_TABLE};

const TYPES: [(&str, u8); 4] = [
    ("app", TYPE_APP),
    ("data", TYPE_DATA),
    ("bootloader", TYPE_BOOTLOADER),
    ("partition_table", TYPE_PARTITION_TABLE),
];

/// Type, name, subtype.
const SUBTYPES: [(u8, &str, u8); 37] = [
    (TYPE_APP, "factory", 0x00),
    (TYPE_APP, "ota_0", 0x10),
    (TYPE_APP, "ota_1", 0x11),
    (TYPE_APP, "ota_2", 0x12),
    (TYPE_APP, "ota_3", 0x13),
    (TYPE_APP, "ota_4", 0x14),
    (TYPE_APP, "ota_5", 0x15),
    (TYPE_APP, "ota_6", 0x16),
    (TYPE_APP, "ota_7", 0x17),
    (TYPE_APP, "ota_8", 0x18),
    (TYPE_APP, "ota_9", 0x19),
    (TYPE_APP, "ota_10", 0x1a),
    (TYPE_APP, "ota_11", 0x1b),
    (TYPE_APP, "ota_12", 0x1c),
    (TYPE_APP, "ota_13", 0x1d),
    (TYPE_APP, "ota_14", 0x1e),
    (TYPE_APP, "ota_15", 0x1f),
    (TYPE_APP, "test", 0x20),
    (TYPE_APP, "tee_0", 0x30),
    (TYPE_APP, "tee_1", 0x31),
    (TYPE_DATA, "ota", 0x00),
    (TYPE_DATA, "phy", 0x01),
    (TYPE_DATA, "nvs", 0x02),
    (TYPE_DATA, "coredump", 0x03),
    (TYPE_DATA, "nvs_keys", 0x04),
    (TYPE_DATA, "efuse", 0x05),
    (TYPE_DATA, "undefined", 0x06),
    (TYPE_DATA, "esphttpd", 0x80),
    (TYPE_DATA, "fat", 0x81),
    (TYPE_DATA, "spiffs", 0x82),
    (TYPE_DATA, "littlefs", 0x83),
    (TYPE_DATA, "tee_ota", 0x90),
    (TYPE_BOOTLOADER, "primary", 0x00),
    (TYPE_BOOTLOADER, "ota", 0x01),
    (TYPE_BOOTLOADER, "recovery", 0x02),
    (TYPE_PARTITION_TABLE, "primary", 0x00),
    (TYPE_PARTITION_TABLE, "ota", 0x01),
];

/// The name of a type.
pub(super) fn type_name(type_byte: u8) -> Option<&'static str> {
    TYPES
        .iter()
        .find(|(_, value)| *value == type_byte)
        .map(|(name, _)| *name)
}

/// The name of a subtype of a type.
pub(super) fn subtype_name(type_byte: u8, subtype: u8) -> Option<&'static str> {
    SUBTYPES
        .iter()
        .find(|(of, _, value)| (*of, *value) == (type_byte, subtype))
        .map(|(_, name, _)| *name)
}

/// The type of a name, which is in lower case.
pub(super) fn type_named(name: &str) -> Option<u8> {
    TYPES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, value)| *value)
}

/// The subtype of a name, which is in lower case.
#[cfg(feature = "csv")]
pub(super) fn subtype_named(type_byte: u8, name: &str) -> Option<u8> {
    SUBTYPES
        .iter()
        .find(|(of, known, _)| *of == type_byte && *known == name)
        .map(|(_, _, value)| *value)
}

/// Whether a name is a keyword of another kind of partition than this: most likely a slip.
pub(super) fn names_another_kind(name: &str, type_byte: u8, subtype: u8) -> bool {
    let other_type = type_named(name).is_some_and(|named| named != type_byte);
    let is_subtype = SUBTYPES.iter().any(|(_, known, _)| *known == name);
    other_type || (is_subtype && subtype_name(type_byte, subtype) != Some(name))
}

/// The names of a type's subtypes, for messages.
#[cfg(feature = "csv")]
pub(super) fn subtype_names(type_byte: u8) -> impl Iterator<Item = &'static str> {
    SUBTYPES
        .iter()
        .filter(move |(of, _, _)| *of == type_byte)
        .map(|(_, name, _)| *name)
}

/// The names of all types, for messages.
#[cfg(feature = "csv")]
pub(super) fn type_names() -> impl Iterator<Item = &'static str> {
    TYPES.iter().map(|(name, _)| *name)
}
