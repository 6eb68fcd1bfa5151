//! Random changes, mounts between them, against a map of what should be there; and what we write,
//! read by another implementation.

mod nvs_chip;

use std::collections::BTreeMap;

use esp_nvs_partition_tool::{DataValue, EntryContent, NvsPartition};
use nvs_chip::Chip;
use nvs_chip::model::{Change, Contents, Value, contents};
use proptest::prelude::*;
use updraft_flash::nvs::{Nvs, NvsError};

const NAMESPACES: [&str; 3] = ["updraft", "www", "fifteen_letters"];
const KEYS: [&str; 5] = ["a", "b", "token", "log", "also_fifteen_ch"];

#[derive(Clone, Debug)]
enum Step {
    Change(Change),
    EraseNamespace(&'static str),
    Mount,
}

fn value() -> impl Strategy<Value = Value> {
    let blob = |length| proptest::collection::vec(any::<u8>(), length).prop_map(Value::Blob);
    prop_oneof![
        4 => any::<u8>().prop_map(Value::U8),
        2 => any::<i16>().prop_map(Value::I16),
        4 => any::<u32>().prop_map(Value::U32),
        2 => any::<i64>().prop_map(Value::I64),
        3 => "[a-z]{0,100}".prop_map(Value::Text),
        1 => (0..4000_usize).prop_map(|length| Value::Text("x".repeat(length))),
        3 => blob(0..200),
        1 => blob(0..9000),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let namespace = || proptest::sample::select(&NAMESPACES[..]);
    let key = || proptest::sample::select(&KEYS[..]);
    prop_oneof![
        30 => (namespace(), key(), value())
            .prop_map(|(namespace, key, value)| Step::Change(Change::Set(namespace, key, value))),
        4 => (namespace(), key()).prop_map(|(namespace, key)| Step::Change(Change::Erase(namespace, key))),
        1 => namespace().prop_map(Step::EraseNamespace),
        2 => Just(Step::Mount),
    ]
}

/// The contents as the other implementation reads them.
fn read_elsewhere(image: &[u8]) -> Contents {
    let read =
        NvsPartition::try_from_bytes(image).expect("the other implementation reads the image");
    let mut contents = BTreeMap::new();
    for entry in read.entries {
        let EntryContent::Data(value) = entry.content else {
            panic!("{entry:?} is not from a file")
        };
        let value = match value {
            DataValue::U8(number) => Value::U8(number),
            DataValue::I16(number) => Value::I16(number),
            DataValue::U32(number) => Value::U32(number),
            DataValue::I64(number) => Value::I64(number),
            DataValue::String(text) => Value::Text(text),
            DataValue::Binary(bytes) => Value::Blob(bytes),
            other => panic!("nothing here writes {other:?}"),
        };
        assert_eq!(contents.insert((entry.namespace, entry.key), value), None);
    }
    contents
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn holds_what_was_put_in(pages in 3..8_usize, steps in proptest::collection::vec(step(), 1..250)) {
        let mut chip = Chip::blank(pages);
        let size = chip.size();
        let mut expected = Contents::new();
        let mut nvs = Nvs::mount(&mut chip, size).unwrap();
        for step in &steps {
            match step {
                Step::Change(change) => match change.apply(&mut nvs) {
                    Ok(()) => change.apply_to(&mut expected),
                    Err(NvsError::NotEnoughSpace | NvsError::ValueTooLong { .. }) => {}
                    Err(error) => panic!("{change:?}: {error}"),
                },
                Step::EraseNamespace(namespace) => {
                    nvs.erase_namespace(namespace).unwrap();
                    expected.retain(|(of, _), _| of != namespace);
                }
                Step::Mount => {
                    let chip = nvs.release();
                    let operations = chip.log.len();
                    nvs = Nvs::mount(chip, size).unwrap();
                    let chip = nvs.release();
                    prop_assert_eq!(chip.log.len(), operations, "a mount writes nothing without a cut");
                    nvs = Nvs::mount(chip, size).unwrap();
                }
            }
            prop_assert_eq!(&contents(&mut nvs).unwrap(), &expected);
        }
        // What is there already is not written again.
        let chip = nvs.release();
        let operations = chip.log.len();
        let mut nvs = Nvs::mount(chip, size).unwrap();
        for ((namespace, key), value) in &expected {
            let known = |names: &'static [&'static str], name: &str| *names.iter().find(|known| **known == name).unwrap();
            Change::Set(known(&NAMESPACES, namespace), known(&KEYS, key), value.clone()).apply(&mut nvs).unwrap();
        }
        let chip = nvs.release();
        prop_assert_eq!(chip.log.len(), operations, "equal values write nothing");
        prop_assert_eq!(read_elsewhere(&chip.bytes), expected);
    }
}
