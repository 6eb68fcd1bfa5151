//! NVS: any pages are mounted or refused, what is written is read back, and after a mount nothing is left to repair.
#![no_main]

use std::collections::BTreeMap;

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use updraft_flash::nvs::{Entry, Kind, Nvs, NvsError};
use updraft_fuzz::{Memory, crc_from_zero, seed};

const PAGE: usize = 4096;
const PAGES: usize = 3;
const ENTRY: usize = 32;
const ENTRIES: usize = 126;
/// Mounts until pages that contradict each other have settled. What a cut leaves takes one.
const SETTLES_IN: usize = 8;

/// A partition described in few bytes, so that a mutation is a change of one field.
#[derive(Arbitrary, Debug)]
struct Made {
    pages: [MadePage; PAGES],
}

#[derive(Arbitrary, Debug)]
struct MadePage {
    state: u8,
    sequence: u8,
    version: u8,
    /// Written up to here; `states` lie over it.
    written: u8,
    states: Vec<(u8, u8)>,
    entries: Vec<MadeEntry>,
}

#[derive(Arbitrary, Debug)]
struct MadeEntry {
    namespace: u8,
    kind: u8,
    span: u8,
    chunk: u8,
    key: u8,
    size: u16,
    data: [u8; 6],
    /// What follows it, if it has a payload: so many bytes of this value, and the right checksum of them.
    payload: Option<u8>,
}

/// What is done with a mounted partition.
#[derive(Arbitrary, Debug)]
enum Step {
    Number { name: u8, value: u32 },
    Text { name: u8, length: u8 },
    Blob { name: u8, length: u16, fill: u8 },
    Erase { name: u8 },
    Mount,
}

const KINDS: [u8; 16] = [
    0x01, 0x02, 0x04, 0x08, 0x11, 0x12, 0x14, 0x18, 0x21, 0x21, 0x41, 0x42, 0x42, 0x48, 0x48, 0x24,
];

impl MadeEntry {
    fn bytes(&self) -> Vec<u8> {
        let kind = KINDS
            .get(usize::from(self.kind))
            .copied()
            .unwrap_or(self.kind);
        let mut entry = vec![self.namespace % 4, kind, self.span, self.chunk];
        entry.resize(ENTRY, 0);
        entry[8] = b'a' + self.key % 3;
        entry[24..26].copy_from_slice(&self.size.to_le_bytes());
        entry[26..].copy_from_slice(&self.data);
        let mut payload = Vec::new();
        if let Some(fill) = self.payload {
            let length = usize::from(self.size % 512);
            payload = vec![fill; length];
            if kind == 0x21
                && let Some(last) = payload.last_mut()
            {
                *last = 0;
            }
            entry[2] = 1 + length.div_ceil(ENTRY) as u8;
            entry[24..26].copy_from_slice(&(length as u16).to_le_bytes());
            entry[26..28].fill(0xFF);
            entry[28..].copy_from_slice(&crc_from_zero(&[&payload]).to_le_bytes());
            payload.resize(length.next_multiple_of(ENTRY), 0xFF);
        }
        forge_entry(&mut entry);
        entry.extend(payload);
        entry
    }
}

impl MadePage {
    fn bytes(&self) -> Vec<u8> {
        let mut page = vec![0xFF; PAGE];
        let states = [0xFFFF_FFFE_u32, 0xFFFF_FFFC, 0xFFFF_FFF8, 0xFFFF_FFFF, 0];
        let state = states[usize::from(self.state) % states.len()];
        page[..4].copy_from_slice(&state.to_le_bytes());
        let sequence = i32::from(self.sequence as i8) as u32;
        page[4..8].copy_from_slice(&sequence.to_le_bytes());
        page[8] = if self.version == 0x55 { 0xFD } else { 0xFE };
        forge_header(&mut page);
        for index in 0..usize::from(self.written).min(ENTRIES) {
            set_state(&mut page, index, 0b10);
        }
        for (index, state) in &self.states {
            set_state(&mut page, usize::from(*index) % ENTRIES, state % 4);
        }
        let entries: Vec<u8> = self.entries.iter().flat_map(MadeEntry::bytes).collect();
        for (to, from) in page[64..].iter_mut().zip(entries) {
            *to = from;
        }
        page
    }
}

fn set_state(page: &mut [u8], index: usize, state: u8) {
    let (byte, shift) = (32 + index / 4, index % 4 * 2);
    page[byte] = page[byte] & !(3 << shift) | state << shift;
}

fn forge_header(page: &mut [u8]) {
    let crc = crc_from_zero(&[&page[4..28]]);
    page[28..32].copy_from_slice(&crc.to_le_bytes());
}

fn forge_entry(entry: &mut [u8]) {
    let crc = crc_from_zero(&[&entry[..4], &entry[8..32]]);
    entry[4..8].copy_from_slice(&crc.to_le_bytes());
}

/// Pages as they are, with checksums put right as `which` says.
fn raw(bytes: &[u8], which: u8) -> Vec<u8> {
    let mut image = bytes.to_vec();
    image.resize(PAGES * PAGE, 0xFF);
    for page in image.chunks_exact_mut(PAGE) {
        if which & 1 != 0 {
            forge_header(page);
        }
        for entry in page[64..].chunks_exact_mut(ENTRY) {
            if which & 2 != 0 && entry.iter().any(|byte| *byte != 0xFF) {
                forge_entry(entry);
            }
        }
    }
    image
}

type Contents = BTreeMap<(String, String), Vec<u8>>;

/// All that can be read; what is damaged is left out.
fn contents(nvs: &mut Nvs<&mut Memory>) -> Contents {
    let mut buffer = vec![0; 70_000];
    let entries: Vec<Entry> = nvs.entries().map(|entry| entry.expect("listing")).collect();
    let mut contents = Contents::new();
    for entry in entries {
        assert!(
            entry.size <= PAGES * PAGE || entry.kind == Kind::Blob,
            "{entry:?}"
        );
        let (Some(namespace), Some(key)) = (entry.namespace.as_str(), entry.key.as_str()) else {
            continue;
        };
        if let Some(value) = value(nvs, &entry, namespace, key, &mut buffer) {
            contents.insert((namespace.into(), key.into()), value);
        }
    }
    contents
}

fn value(
    nvs: &mut Nvs<&mut Memory>,
    entry: &Entry,
    namespace: &str,
    key: &str,
    buffer: &mut [u8],
) -> Option<Vec<u8>> {
    let kind = |kind: Kind| vec![kind as u8];
    let read = match entry.kind {
        Kind::Text => nvs
            .get_str(namespace, key, buffer)
            .map(|text| text.map(|text| [kind(Kind::Text), text.into()].concat())),
        Kind::Blob | Kind::OldBlob => nvs
            .get_blob(namespace, key, buffer)
            .map(|blob| blob.map(|blob| [kind(Kind::Blob), blob.into()].concat())),
        _ => nvs
            .get_raw(namespace, key)
            .map(|raw| raw.map(|(found, raw)| [kind(found), raw.into()].concat())),
    };
    match read {
        Ok(value) => value,
        Err(
            NvsError::Damaged
            | NvsError::NotUtf8
            | NvsError::WrongType { .. }
            | NvsError::Name
            | NvsError::BufferTooSmall { .. },
        ) => None,
        Err(error) => panic!("{entry:?}: {error}"),
    }
}

fn name(number: u8) -> (&'static str, &'static str) {
    let namespaces = ["a", "updraft", "www"];
    let keys = ["a", "b", "slot", "fifteen_letters"];
    (
        namespaces[usize::from(number) % 3],
        keys[usize::from(number / 3) % 4],
    )
}

/// Takes a step, and says what it stored: a value, or none any more.
fn step(
    nvs: &mut Nvs<&mut Memory>,
    step: &Step,
) -> Result<Option<Vec<u8>>, NvsError<impl std::fmt::Debug + use<>>> {
    Ok(match step {
        Step::Number { name: at, value } => {
            let (namespace, key) = name(*at);
            nvs.set(namespace, key, *value)?;
            assert_eq!(nvs.get(namespace, key), Ok(Some(*value)));
            let mut raw = [0xFF; 8];
            raw[..4].copy_from_slice(&value.to_le_bytes());
            Some([&[Kind::U32 as u8], &raw[..]].concat())
        }
        Step::Text { name: at, length } => {
            let (namespace, key) = name(*at);
            let text = "t".repeat(usize::from(*length) * 4);
            nvs.set_str(namespace, key, &text)?;
            Some([&[Kind::Text as u8], text.as_bytes()].concat())
        }
        Step::Blob {
            name: at,
            length,
            fill,
        } => {
            let (namespace, key) = name(*at);
            let blob = vec![*fill; usize::from(*length % 8200)];
            nvs.set_blob(namespace, key, &blob)?;
            Some([&[Kind::Blob as u8], &blob[..]].concat())
        }
        Step::Erase { name: at } => {
            let (namespace, key) = name(*at);
            nvs.erase_key(namespace, key)?;
            None
        }
        Step::Mount => None,
    })
}

fn run(input: &[u8]) -> Option<()> {
    let mut rest = Unstructured::new(input);
    let which: u8 = rest.arbitrary().ok()?;
    // On a sound partition every value must stay; in a forged one entries may contradict each other.
    let sound = which & 8 != 0;
    let (image, steps) = if sound {
        (
            vec![0xFF; PAGES * PAGE],
            Vec::<Step>::arbitrary_take_rest(rest).unwrap_or_default(),
        )
    } else if which & 4 == 0 {
        let made: Made = rest.arbitrary().ok()?;
        let pages: Vec<u8> = made.pages.iter().flat_map(MadePage::bytes).collect();
        (
            pages,
            Vec::<Step>::arbitrary_take_rest(rest).unwrap_or_default(),
        )
    } else {
        let bytes = rest.take_rest();
        let (pages, steps) = bytes.split_at(bytes.len().min(PAGES * PAGE));
        (
            raw(pages, which),
            Vec::<Step>::arbitrary_take_rest(Unstructured::new(steps)).unwrap_or_default(),
        )
    };
    let mut flash = Memory::new(image);
    let size = flash.bytes.len() as u32;
    let mut nvs = match Nvs::mount(&mut flash, size) {
        Ok(nvs) => nvs,
        Err(NvsError::NoFreePages | NvsError::NewVersion { .. } | NvsError::SequenceExhausted) => {
            return None;
        }
        Err(error) => panic!("mount: {error}"),
    };
    contents(&mut nvs);
    settle(&mut flash);
    let mut nvs = Nvs::mount(&mut flash, size).expect("it mounted before");
    let mut model = contents(&mut nvs);
    for it in steps {
        match step(&mut nvs, &it) {
            Ok(stored) => note(&mut model, &it, stored),
            Err(
                NvsError::NotEnoughSpace
                | NvsError::SequenceExhausted
                | NvsError::ValueTooLong { .. },
            ) => {}
            Err(error) => panic!("{it:?}: {error}"),
        }
        if matches!(it, Step::Mount) {
            nvs = Nvs::mount(nvs.release(), size).expect("it mounted before");
        }
    }
    let found = contents(&mut nvs);
    if sound {
        same(&found, &model, "while mounted");
    }
    let mut nvs = Nvs::mount(nvs.release(), size).expect("it mounted before");
    let found = contents(&mut nvs);
    if sound {
        same(&found, &model, "after a mount");
    }
    Some(())
}

fn same(found: &Contents, model: &Contents, when: &str) {
    for (at, value) in model {
        let other = found.get(at);
        let sizes = (other.map(Vec::len), value.len());
        assert!(
            other == Some(value),
            "{when}: {at:?} is lost or another: bytes {sizes:?}"
        );
    }
    let more: Vec<_> = found.keys().filter(|at| !model.contains_key(*at)).collect();
    assert!(more.is_empty(), "{when}: {more:?} came from nowhere");
}

fn note(model: &mut Contents, step: &Step, stored: Option<Vec<u8>>) {
    let at = match step {
        Step::Mount => return,
        Step::Number { name, .. }
        | Step::Text { name, .. }
        | Step::Blob { name, .. }
        | Step::Erase { name } => *name,
    };
    let (namespace, key) = name(at);
    let at = (namespace.to_owned(), key.to_owned());
    match stored {
        Some(value) => model.insert(at, value),
        None => model.remove(&at),
    };
}

/// Mounts until nothing is repaired any more.
fn settle(flash: &mut Memory) {
    let size = flash.bytes.len() as u32;
    for _ in 0..SETTLES_IN {
        flash.touched.clear();
        Nvs::mount(&mut *flash, size)
            .map(drop)
            .expect("it mounted before");
        if flash.touched.is_empty() {
            return;
        }
    }
    panic!("mount {SETTLES_IN} still repairs");
}

/// A partition with some of everything on it, read as it is and with its checksums put right; then described ones.
fn seeds() {
    let mut flash = Memory::new(vec![0xFF; PAGES * PAGE]);
    let mut nvs = Nvs::mount(&mut flash, (PAGES * PAGE) as u32).expect("a blank partition");
    for round in 0..40_u8 {
        let done = nvs
            .set("updraft", "a", u32::from(round))
            .and_then(|()| nvs.set_str("www", "slot", &"t".repeat(usize::from(round))))
            .and_then(|()| nvs.set_blob("a", "b", &vec![round; 1500]));
        done.expect("there is room");
        if round % 8 == 7 {
            let image = nvs.release();
            for which in [4, 7] {
                seed(
                    &format!("real-{round}-{which}"),
                    &[&[which], &image.bytes[..], &[0, 1, 2, 3, 4, 5, 6, 7]].concat(),
                );
            }
            nvs = Nvs::mount(image, (PAGES * PAGE) as u32).expect("a sound partition");
        }
    }
    for first in 0..8_u8 {
        let steps: Vec<u8> = (0..300_u16)
            .map(|at| (at as u8).wrapping_mul(53 + first))
            .collect();
        seed(&format!("sound-{first}"), &[&[8], &steps[..]].concat());
        let bytes: Vec<u8> = (0..400_u16)
            .map(|at| (at as u8).wrapping_mul(31 + first) & 0x1F)
            .collect();
        seed(&format!("made-{first}"), &[&[0], &bytes[..]].concat());
    }
}

fuzz_target!(init: seeds(), |input: &[u8]| {
    run(input);
});
