//! The OpenCores Ethernet MAC, as Espressif's QEMU gives it to an ESP32-C3.
//!
//! No chip has it: it stands in for a radio where there is none. Registers and descriptors are those of the OpenCores
//! "Ethernet IP Core Specification" (chapters 3 and 4.2); QEMU puts them at [`BASE`], as ESP-IDF's openeth driver expects.
//! Frames are moved by the MAC itself, into and out of one buffer a descriptor. It is asked every millisecond or so
//! whether something came, which spares an interrupt and costs an emulated core little.

use core::cell::Cell;
use core::sync::atomic::{Ordering, compiler_fence};
use core::task::Context;

use embassy_executor::Spawner;
use embassy_net_driver::{Capabilities, Driver, HardwareAddress, LinkState, RxToken, TxToken};
use embassy_sync::waitqueue::AtomicWaker;
use embassy_time::{Duration, Timer};
use static_cell::ConstStaticCell;

use crate::{identity, spawn};

/// Largest frame with its head, without its checksum.
const FRAME: usize = 1514;
/// Bytes of a buffer: what the MAC takes for the largest frame by default (PACKETLEN, 0x600).
const BUFFER: usize = 1536;
/// Bytes of checksum the MAC counts with a frame it received.
const CHECKSUM: usize = 4;
/// Frames that may wait to be sent.
const SENDING: usize = 2;
/// Frames that may wait to be read: two windows of a download and what is said to all beside it.
const RECEIVING: usize = 8;

/// How often the MAC is asked while frames come.
const BUSY: Duration = Duration::from_millis(1);
/// How often it is asked otherwise.
const IDLE: Duration = Duration::from_millis(4);
/// Times it is asked as often without a frame before that counts as idle.
const PATIENCE: u32 = 50;

/// Where Espressif's QEMU has the registers.
const BASE: usize = 0x600c_d000;
/// Where the descriptors begin: first those of frames to be sent, then those of frames that came.
const DESCRIPTORS: usize = BASE + 0x400;
const MODER: usize = BASE;
const MODER_RESET: u32 = 1 << 11;
/// Pad short frames, append checksums: what the register holds after a reset.
const MODER_DEFAULT: u32 = 0xa000;
/// Receive whatever comes, as a multicast is in no other way without computing its hash.
const MODER_PROMISCUOUS: u32 = 1 << 5;
const MODER_SEND: u32 = 1 << 1;
const MODER_RECEIVE: u32 = 1;
/// How many descriptors send; the others receive.
const TX_BD_NUM: usize = BASE + 0x20;

/// Of a descriptor's first word: the MAC's turn (ready to be sent, or empty to be filled).
const TURN_OF_MAC: u32 = 1 << 15;
/// The last descriptor of its kind.
const WRAP: u32 = 1 << 13;
/// Pad this frame, append its checksum.
const PAD_AND_CHECKSUM: u32 = 0b11 << 11;
/// The length is in the upper half.
const LENGTH_SHIFT: u32 = 16;

/// Woken when a frame came, or may go.
static WAKER: AtomicWaker = AtomicWaker::new();

type Buffers = [[u8; BUFFER]; SENDING + RECEIVING];

#[repr(align(4))]
struct Aligned(Buffers);

/// One of the MAC's registers, or a word of a descriptor.
fn read(address: usize) -> u32 {
    // SAFETY: called with addresses of this MAC only, which reading does not change.
    let value = unsafe { (address as *const u32).read_volatile() };
    compiler_fence(Ordering::SeqCst);
    value
}

fn write(address: usize, value: u32) {
    compiler_fence(Ordering::SeqCst);
    // SAFETY: called with addresses of this MAC only. It is made to move no bytes but those of the buffers it was given
    // at start, which live for ever.
    unsafe { (address as *mut u32).write_volatile(value) }
}

/// Where the descriptor with this number lies.
fn descriptor(number: usize) -> usize {
    DESCRIPTORS + number * 8
}

fn is_turn_of_mac(number: usize) -> bool {
    read(descriptor(number)) & TURN_OF_MAC != 0
}

fn wrap(number: usize) -> u32 {
    let last = number == SENDING - 1 || number == SENDING + RECEIVING - 1;
    if last { WRAP } else { 0 }
}

/// The MAC behind embassy-net's driver trait.
pub struct OpenEth {
    buffers: *mut Buffers,
    address: [u8; 6],
    /// The descriptors whose turn is next.
    sending: Cell<usize>,
    receiving: Cell<usize>,
}

impl OpenEth {
    fn new(address: [u8; 6]) -> Self {
        static BUFFERS: ConstStaticCell<Aligned> =
            ConstStaticCell::new(Aligned([[0; BUFFER]; SENDING + RECEIVING]));
        let buffers: *mut Buffers = &mut BUFFERS.take().0;
        write(MODER, MODER_DEFAULT | MODER_RESET);
        write(MODER, MODER_DEFAULT);
        write(TX_BD_NUM, SENDING as u32);
        for number in 0..SENDING + RECEIVING {
            // Addresses have 32 bits on this chip.
            let buffer = buffers.cast::<u8>().wrapping_add(number * BUFFER);
            write(descriptor(number) + 4, buffer.expose_provenance() as u32);
            let turn = if number < SENDING { 0 } else { TURN_OF_MAC };
            write(descriptor(number), turn | wrap(number));
        }
        write(
            MODER,
            MODER_DEFAULT | MODER_PROMISCUOUS | MODER_SEND | MODER_RECEIVE,
        );
        Self {
            buffers,
            address,
            sending: Cell::new(0),
            receiving: Cell::new(SENDING),
        }
    }

    /// Has `act` use the first `length` bytes of the buffer of a descriptor whose turn is the program's.
    fn with_buffer<R>(&self, number: usize, length: usize, act: impl FnOnce(&mut [u8]) -> R) -> R {
        // SAFETY: `number` is one of the driver's own, below SENDING + RECEIVING. The MAC touches a buffer on its own turn
        // only, which the caller has seen it is not; and no two tokens are of one buffer, nor does `act` get at the driver.
        let buffer = unsafe { &mut (*self.buffers)[number] };
        act(&mut buffer[..length])
    }
}

/// What the network stack drives.
pub type NetDriver = OpenEth;

/// Starts the MAC and looks after it. To be called once.
pub fn start(spawner: Spawner) -> NetDriver {
    spawn(spawner, ask());
    OpenEth::new(identity::mac())
}

/// Looks for frames, for as long as the device runs.
#[embassy_executor::task]
async fn ask() {
    let mut without = 0;
    loop {
        if (SENDING..SENDING + RECEIVING).any(|number| !is_turn_of_mac(number)) {
            without = 0;
            WAKER.wake();
        } else if without < PATIENCE {
            without += 1;
            // The other reason to wait for the MAC: all it was given to send.
            WAKER.wake();
        }
        let wait = if without < PATIENCE { BUSY } else { IDLE };
        Timer::after(wait).await;
    }
}

impl Driver for OpenEth {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = ToSend<'a>;

    fn receive(&mut self, cx: &mut Context<'_>) -> Option<(Received<'_>, ToSend<'_>)> {
        WAKER.register(cx.waker());
        let waits = is_turn_of_mac(self.receiving.get()) || is_turn_of_mac(self.sending.get());
        (!waits).then_some((Received(self), ToSend(self)))
    }

    fn transmit(&mut self, cx: &mut Context<'_>) -> Option<ToSend<'_>> {
        WAKER.register(cx.waker());
        (!is_turn_of_mac(self.sending.get())).then_some(ToSend(self))
    }

    fn link_state(&mut self, _: &mut Context<'_>) -> LinkState {
        LinkState::Up
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.max_transmission_unit = FRAME;
        capabilities.max_burst_size = Some(SENDING);
        capabilities
    }

    fn hardware_address(&self) -> HardwareAddress {
        HardwareAddress::Ethernet(self.address)
    }
}

/// A frame that came.
pub struct Received<'d>(&'d OpenEth);

impl RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, act: F) -> R {
        let number = self.0.receiving.get();
        let length = (read(descriptor(number)) >> LENGTH_SHIFT) as usize;
        let length = length.saturating_sub(CHECKSUM).min(FRAME);
        let result = self.0.with_buffer(number, length, act);
        write(descriptor(number), TURN_OF_MAC | wrap(number));
        let next = if wrap(number) == 0 {
            number + 1
        } else {
            SENDING
        };
        self.0.receiving.set(next);
        result
    }
}

/// Room for a frame to be sent.
pub struct ToSend<'d>(&'d OpenEth);

impl TxToken for ToSend<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, act: F) -> R {
        let number = self.0.sending.get();
        let length = length.min(FRAME);
        let result = self.0.with_buffer(number, length, act);
        let flags = TURN_OF_MAC | PAD_AND_CHECKSUM | wrap(number);
        write(descriptor(number), (length as u32) << LENGTH_SHIFT | flags);
        let next = if wrap(number) == 0 { number + 1 } else { 0 };
        self.0.sending.set(next);
        result
    }
}
