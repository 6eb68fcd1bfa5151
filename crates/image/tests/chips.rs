//! Names, identifiers and properties of the chips.

use updraft_image::{Chip, DEFAULT_MMU_PAGE};

#[test]
fn identifiers_and_names_are_unique_and_lead_back() {
    for chip in Chip::ALL {
        assert_eq!(Chip::from_id(chip.id()), Some(chip));
        assert_eq!(chip.name().parse(), Ok(chip));
        assert_eq!(chip.to_string(), chip.name());
        assert!(chip.mmu_pages().contains(&DEFAULT_MMU_PAGE));
    }
    assert!(Chip::ALL.is_sorted_by(|a, b| a.id() < b.id()));
    assert_eq!(Chip::from_id(0xFFFF), None);
}

#[test]
fn names_are_read_as_people_write_them() {
    for text in ["esp32c3", "ESP32-C3", "Esp32_C3", "esp32-c3"] {
        assert_eq!(text.parse(), Ok(Chip::Esp32c3), "{text}");
    }
    for text in ["", "esp32c", "esp32c33", "esp8266", "c3"] {
        let error = text.parse::<Chip>().unwrap_err();
        assert!(error.to_string().contains("esp32c3, "), "{error}");
    }
}
