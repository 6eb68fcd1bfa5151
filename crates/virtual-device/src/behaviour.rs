//! What an app does once it runs, read from its image.
//!
//! A virtual device cannot execute RISC-V code. Updraft's own firmware says in its image how that build
//! behaves (`firmware/src/behaviour.rs`): the text `updraft.behaviour=`, a word and a NUL. Any other
//! firmware is taken to be healthy.

use embedded_storage::nor_flash::ReadNorFlash;

const MARKER: &[u8] = b"updraft.behaviour=";

/// Longest word, in bytes.
const MAX_WORD: usize = 32;

/// Bytes read at a time; each read overlaps the one before by a whole marker.
const READ: usize = 16 * 1024;

/// What an app does after boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Behaviour {
    /// Works, and runs the updater.
    Healthy,
    /// Panics before it does anything else.
    PanicOnBoot,
    /// Works for ten seconds, then panics.
    PanicAfter10s,
    /// Hangs until the watchdog bites.
    Hang,
    /// Works, but never gets its network up.
    NoNetwork,
}

impl Behaviour {
    /// The behaviour the image at `start` of `flash` says it has, looking at `size` bytes.
    pub fn of_image<F: ReadNorFlash>(
        flash: &mut F,
        start: u32,
        size: u32,
    ) -> Result<Self, F::Error> {
        let overlap = MARKER.len() + MAX_WORD;
        let mut window = vec![0; READ + overlap];
        let mut offset = 0;
        while offset < size {
            let length = window.len().min((size - offset) as usize);
            flash.read(start + offset, &mut window[..length])?;
            if let Some(behaviour) = Self::find(&window[..length]) {
                return Ok(behaviour);
            }
            offset += READ as u32;
        }
        Ok(Self::Healthy)
    }

    fn find(bytes: &[u8]) -> Option<Self> {
        let at = bytes
            .windows(MARKER.len())
            .position(|window| window == MARKER)?;
        let rest = &bytes[at + MARKER.len()..];
        let end = rest.iter().take(MAX_WORD).position(|&byte| byte == 0)?;
        match &rest[..end] {
            b"healthy" => Some(Self::Healthy),
            b"panic-on-boot" => Some(Self::PanicOnBoot),
            b"panic-after-10s" => Some(Self::PanicAfter10s),
            b"hang" => Some(Self::Hang),
            b"no-network" => Some(Self::NoNetwork),
            _ => None,
        }
    }
}
