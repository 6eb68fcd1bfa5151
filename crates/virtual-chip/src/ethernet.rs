//! What the chip's Ethernet is plugged into: a network that takes and gives whole frames.

/// Shortest frame on an Ethernet, in bytes, without the frame check sequence. Senders pad to it.
pub const MIN_FRAME: usize = 60;
/// Longest frame without a VLAN tag, in bytes, without the frame check sequence: 14 of header and 1500 of payload.
pub const MAX_FRAME: usize = 1514;

/// The other end of the chip's Ethernet cable.
///
/// Both methods are called on the chip's own thread, between instructions: they must return at
/// once and never wait for a peer. A frame begins with the destination's address and has no
/// preamble and no frame check sequence.
pub trait EthernetPort: Send {
    /// Takes a frame the chip sent, at most [`MAX_FRAME`] bytes; one shorter than [`MIN_FRAME`]
    /// comes padded with zeros. What a network cannot take is lost, as on a real cable.
    fn send(&mut self, frame: &[u8]);

    /// The next frame for the chip, if there is one.
    ///
    /// It is called only when the chip has room for a frame, and often: at least every
    /// millisecond of the host's time while the chip runs. Frames addressed to others may be given,
    /// the chip filters them as its registers say.
    fn receive(&mut self) -> Option<Vec<u8>>;
}

/// A cable that leads nowhere: what is sent is lost, and nothing ever comes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unplugged;

impl EthernetPort for Unplugged {
    fn send(&mut self, _frame: &[u8]) {}

    fn receive(&mut self) -> Option<Vec<u8>> {
        None
    }
}
