//! `LittleFS` images: any bytes mount or are refused, within bounds and with bounded work.
#![no_main]

use std::sync::OnceLock;

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use sha2::{Digest, Sha256};
use updraft_fuzz::{Memory, crc_from_ones, seed};
use updraft_www::littlefs::{
    BLOCK_SIZE, Builder, MAX_DEPTH, MAX_PATH, Mount, MountFault, Node, Progress, ReadAll,
};
use updraft_www::manifest::{self, Check};
use updraft_www::serve::Site;

const BLOCK: usize = BLOCK_SIZE as usize;
const BLOCKS: usize = 24;
/// Most bytes that one way of reading all of an image may read, for each byte it has; as in the crate's own tests.
const READS_PER_BYTE: u64 = 2000;

/// A sound image with changes: bytes of it, and whole commits of made-up tags.
#[derive(Arbitrary, Debug)]
struct Changes {
    bytes: Vec<(u8, u16, u8)>,
    commits: Vec<Commit>,
    /// Whether the checksums are put right after bytes were changed.
    believed: bool,
}

#[derive(Arbitrary, Debug)]
struct Commit {
    block: u8,
    revision: u8,
    /// Behind the superblock, or without one.
    behind_superblock: bool,
    tags: Vec<MadeTag>,
}

#[derive(Arbitrary, Debug)]
struct MadeTag {
    kind: u8,
    id: u8,
    data: Data,
}

#[derive(Arbitrary, Debug)]
enum Data {
    /// As a name, or a small file.
    Text(u8),
    /// As a pointer to a pair, or a long file's head and size.
    Pointers(u8, u8),
    LongFile(u8, u16),
    Bytes(Vec<u8>),
    /// A tag of a deletion has a length and no data.
    Deleted,
}

const KINDS: [u32; 14] = [
    0x001, 0x002, 0x0FF, 0x200, 0x201, 0x202, 0x300, 0x401, 0x4FF, 0x5FF, 0x600, 0x601, 0x7FF,
    0x401,
];

fn image() -> &'static [u8] {
    static IMAGE: OnceLock<Vec<u8>> = OnceLock::new();
    IMAGE.get_or_init(|| {
        let mut builder = Builder::new();
        let mut files: Vec<(String, Vec<u8>)> = (0..10_usize)
            .map(|index| {
                (
                    format!("{}/f{index}.js", ["a", "a/b", "d"][index % 3]),
                    vec![index as u8; index * 37],
                )
            })
            .collect();
        files.push(("index.html".into(), b"<!doctype html>".to_vec()));
        files.push(("long.bin".into(), vec![9; 20_000]));
        files.sort();
        let mut list = format!("{}\n", manifest::FORMAT);
        for (path, bytes) in &files {
            let digest = Sha256::digest(bytes);
            let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            list += &format!(
                "{hex} {} identity text/plain no-cache {path}\n",
                bytes.len()
            );
        }
        files.push((manifest::PATH.into(), list.into_bytes()));
        for (path, bytes) in files {
            builder.add(&path, bytes).expect("a file that fits");
        }
        builder
            .image(BLOCKS as u32 * BLOCK_SIZE)
            .expect("an image that fits")
    })
}

/// Puts the right checksum behind whatever was changed in each commit of a block, so that the change is believed.
fn forge(block: &mut [u8]) {
    let mut previous = u32::MAX;
    let mut start = 0;
    let mut at = 4;
    while at + 8 <= block.len() {
        let stored = u32::from_be_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]]);
        let tag = stored ^ previous;
        if tag >> 31 == 1 {
            return;
        }
        let length = if tag & 0x3FF == 0x3FF { 0 } else { tag & 0x3FF } as usize;
        previous = tag;
        if (tag >> 20) & 0x780 == 0x500 {
            let crc = crc_from_ones(&[&block[start..at + 4]]);
            block[at + 4..at + 8].copy_from_slice(&crc.to_le_bytes());
            start = at + 4 + length;
            previous ^= (tag >> 20 & 1) << 31;
        }
        at += 4 + length;
    }
}

impl Data {
    fn bytes(&self) -> Vec<u8> {
        let words = |words: [u32; 2]| words.iter().flat_map(|word| word.to_le_bytes()).collect();
        match self {
            Self::Text(length) => b"name/.\\x"
                .iter()
                .copied()
                .cycle()
                .take(usize::from(*length % 70))
                .collect(),
            Self::Pointers(a, b) => words([pointer(*a), pointer(*b)]),
            Self::LongFile(head, size) => words([pointer(*head), u32::from(*size) * 4]),
            Self::Bytes(bytes) => bytes.iter().copied().take(0x3FE).collect(),
            Self::Deleted => Vec::new(),
        }
    }
}

/// A block in the image or just behind it, or none.
fn pointer(number: u8) -> u32 {
    match number {
        255 => u32::MAX,
        number => u32::from(number) % (BLOCKS as u32 + 2),
    }
}

impl Commit {
    fn put(&self, image: &mut [u8]) {
        let start = usize::from(self.block) % BLOCKS * BLOCK;
        let mut previous = u32::MAX;
        let mut bytes = u32::from(self.revision).to_le_bytes().to_vec();
        if self.behind_superblock {
            previous = 0x2010_0018;
            bytes.extend_from_slice(&self::image()[4..44]);
        }
        let mut put = |kind: u32, id: u32, data: Option<&[u8]>, bytes: &mut Vec<u8>| {
            let length = data.map_or(0x3FF, |data| data.len() as u32);
            let tag = kind << 20 | id << 10 | length;
            bytes.extend_from_slice(&(tag ^ previous).to_be_bytes());
            bytes.extend_from_slice(data.unwrap_or_default());
            previous = tag;
        };
        for tag in &self.tags {
            let kind = KINDS.get(usize::from(tag.kind)).copied();
            let kind = kind.unwrap_or(u32::from(tag.kind) << 3);
            let id = if tag.id == 255 {
                0x3FF
            } else {
                u32::from(tag.id)
            };
            let data = tag.data.bytes();
            let data = (!matches!(tag.data, Data::Deleted)).then_some(&data[..]);
            if bytes.len() + data.map_or(0, <[u8]>::len) + 16 > BLOCK {
                break;
            }
            put(kind, id, data, &mut bytes);
        }
        put(0x500, 0x3FF, Some(&[0; 4]), &mut bytes);
        let end = bytes.len() - 4;
        let crc = crc_from_ones(&[&bytes[..end]]);
        bytes[end..].copy_from_slice(&crc.to_le_bytes());
        image[start..start + bytes.len()].copy_from_slice(&bytes);
    }
}

/// Everything one can ask of an image, each within bounds and with bounded reading. [`Memory`] panics on an access
/// outside the partition.
fn exercise(bytes: Vec<u8>) {
    let size = bytes.len() as u64;
    let flash = &mut Memory::new(bytes);
    let mount = match Mount::open(flash) {
        Ok(mount) => mount,
        Err(fault) => return describe(&fault),
    };
    bounded(flash, size, "open");

    let mut walk = mount.walk();
    let mut files = Vec::new();
    let mut total = 0;
    while let Ok(Some(entry)) = walk.next(flash) {
        assert!(entry.path.len() <= MAX_PATH && entry.path.split('/').count() <= MAX_DEPTH + 1);
        let safe =
            |name: &str| !name.is_empty() && name != "." && name != ".." && !name.contains('\\');
        assert!(entry.path.split('/').all(safe), "{:?}", entry.path);
        if let Node::File(file) = entry.node {
            total += u64::from(file.size);
            files.push((entry.path.to_owned(), file));
        }
    }
    assert!(
        total <= 2 * size,
        "{total} bytes in files of {size} bytes of flash"
    );
    bounded(flash, size, "walk");
    let mut buffer = vec![0; BLOCK];
    for (_, file) in &files {
        for position in (0..file.size).step_by(BLOCK) {
            match mount.read(flash, file, position, &mut buffer) {
                Ok(read) => assert_eq!(read, buffer.len().min((file.size - position) as usize)),
                Err(_) => break,
            }
        }
        let _ = mount.read(flash, file, u32::MAX, &mut buffer);
    }
    bounded(flash, size, "read");

    let mut all = ReadAll::new(mount);
    while let Ok(Progress::More) = all.step(flash) {}
    bounded(flash, size, "read all");
    if let Ok(mut check) = Check::new(mount, flash) {
        while let Ok(manifest::Progress::More) = check.step(flash) {}
    }
    bounded(flash, size, "check");
    if let Ok(site) = Site::open(mount, flash) {
        for target in ["/", "/a/f3.js", "/long.bin?x=1", "/%61/b/f4.js", "/nowhere"] {
            let _ = site.find(flash, target);
        }
        for (path, _) in files.iter().take(3) {
            let _ = site.find(flash, path);
        }
    }
    bounded(flash, size, "site");
}

fn describe<E: std::fmt::Debug>(fault: &MountFault<E>) {
    assert!(!fault.code().is_empty() && !fault.to_string().is_empty());
}

fn bounded(flash: &mut Memory, size: u64, what: &str) {
    assert!(
        flash.read < READS_PER_BYTE * size,
        "{what}: {} bytes read of {size}",
        flash.read
    );
    flash.read = 0;
}

fn run(input: &[u8]) -> Option<()> {
    let mut rest = Unstructured::new(input);
    let mode: u8 = rest.arbitrary().ok()?;
    let mut bytes;
    if mode & 1 == 0 {
        let changes: Changes = rest.arbitrary().ok()?;
        bytes = image().to_vec();
        for commit in &changes.commits {
            commit.put(&mut bytes);
        }
        for (block, at, value) in &changes.bytes {
            let at = usize::from(*block) % BLOCKS * BLOCK + usize::from(*at) % BLOCK;
            bytes[at] = *value;
        }
        if changes.believed {
            bytes.chunks_exact_mut(BLOCK).for_each(forge);
        }
    } else {
        bytes = rest.take_rest().to_vec();
        let blocks = bytes.len().div_ceil(BLOCK).clamp(2, BLOCKS);
        bytes.resize(blocks * BLOCK, 0xFF);
        if mode & 2 != 0 {
            bytes.chunks_exact_mut(BLOCK).for_each(forge);
        }
    }
    exercise(bytes);
    Some(())
}

/// A small image as it is, and changes to the large one.
fn seeds() {
    let flash = &mut Memory::new(image().to_vec());
    let mount = Mount::open(flash).expect("the image is sound");
    let mut check = Check::new(mount, flash).expect("it has a manifest");
    while check.step(flash).expect("it is what the manifest says") == manifest::Progress::More {}
    let mut builder = Builder::new();
    builder
        .add("index.html", b"<!doctype html>".to_vec())
        .expect("a file that fits");
    builder
        .add("a/b.js", vec![7; 200])
        .expect("a file that fits");
    let small = builder.image(8 * BLOCK_SIZE).expect("an image that fits");
    seed("small", &[&[1], &small[..]].concat());
    seed("small-forged", &[&[3], &small[..]].concat());
    seed("unchanged", &[0]);
    for first in 0..8_u8 {
        let bytes: Vec<u8> = (0..300_u16)
            .map(|at| (at as u8).wrapping_mul(29 + first) & 0x1F)
            .collect();
        seed(&format!("changes-{first}"), &[&[0], &bytes[..]].concat());
    }
}

fuzz_target!(init: seeds(), |input: &[u8]| {
    run(input);
});
