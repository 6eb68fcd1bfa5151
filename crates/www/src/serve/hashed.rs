//! Which files may be kept for ever: those whose names have a hash of their contents in them.
//!
//! Taking a hash for a word costs a browser a question; taking a word for a hash would show old contents for a
//! year. So a hash must look like nothing else: letters and digits change about in it as in no word, number or date.

use crate::manifest::Cache;

/// Characters of the hash that Vite, Rollup and esbuild put behind a name: base64url or base32.
const SHORT_HASH: usize = 8;
/// Fewest changes between lower case, upper case and digits in such a hash. `Document` has one, `fetchOne` and
/// `Image001` two; of random ones nine in ten have three or more.
const SHORT_CHANGES: usize = 3;
/// Fewest characters of a hex hash, webpack's among them.
const HEX_HASH: usize = 8;
/// Fewest changes between letters and digits in a hex hash; `facade01` has one.
const HEX_CHANGES: usize = 2;

/// How long browsers may keep the file at `path`.
///
/// [`Cache::Immutable`] when its name has a hash behind a dash or dot, in front of its ending, such as
/// `index-Ab12Cd34.js` or `main.1f09c3d2.css`. Pages are never kept: their names do not change.
pub fn cache(path: &str) -> Cache {
    let name = path.rsplit('/').next().unwrap_or(path);
    let stem = match name.rsplit_once('.') {
        None | Some((_, "html" | "htm")) => return Cache::NoCache,
        // A source map has the name of its script, ending and all.
        Some((stem, "map")) => stem.rsplit_once('.').map_or(stem, |(stem, _)| stem),
        Some((stem, _)) => stem,
    };
    if has_short_hash(stem) || has_hex_hash(stem) {
        Cache::Immutable
    } else {
        Cache::NoCache
    }
}

fn has_short_hash(stem: &str) -> bool {
    let at = stem.len().checked_sub(SHORT_HASH);
    at.and_then(|at| stem.split_at_checked(at))
        .is_some_and(|(before, hash)| {
            before.ends_with(['-', '.'])
                && hash
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
                && changes(hash) >= SHORT_CHANGES
        })
}

fn has_hex_hash(stem: &str) -> bool {
    stem.rsplit_once(['-', '.']).is_some_and(|(_, hash)| {
        hash.len() >= HEX_HASH
            && hash
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
            && changes(hash) >= HEX_CHANGES
    })
}

/// How often the kind of character changes from one to the next. Dashes and underscores are none of the kinds.
fn changes(hash: &str) -> usize {
    let kind = |byte: u8| match byte {
        b'0'..=b'9' => Some(0),
        b'a'..=b'z' => Some(1),
        b'A'..=b'Z' => Some(2),
        _ => None,
    };
    hash.as_bytes()
        .windows(2)
        .filter(|pair| match pair {
            [first, second] => kind(*first)
                .zip(kind(*second))
                .is_some_and(|(first, second)| first != second),
            _ => false,
        })
        .count()
}
