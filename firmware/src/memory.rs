//! How much memory the program takes: its stack, painted at boot, and its heap.

use embassy_time::{Duration, Timer};
use esp_println::println;

/// Heap in the RAM that the bootloader used and leaves behind, in bytes. The C3 has 64.7 KiB of it.
const RECLAIMED_HEAP_BYTES: usize = 64 * 1024;
/// Heap in ordinary RAM, in bytes. With the reclaimed part it holds Wi-Fi's buffers (about 60 KiB), the agent's
/// (12 KiB), four connections (16 KiB each at the most), and room to spare.
#[cfg(not(feature = "openeth"))]
const HEAP_BYTES: usize = 96 * 1024;
/// Heap in ordinary RAM, in bytes: there is no radio to feed.
#[cfg(feature = "openeth")]
const HEAP_BYTES: usize = 16 * 1024;

/// Least free heap with which a new app is confirmed, in bytes: what one more connection takes.
pub const FLOOR: u32 = 16 * 1024;

/// How often the figures are printed.
const EVERY: Duration = Duration::from_secs(60);

/// What unused stack is painted with.
const PAINT: u32 = 0xa5a5_a5a5;
/// Bytes at the stack's far end left alone: esp-hal watches a word in there for an overflow.
const GUARD: usize = 128;
/// Bytes below the stack's top left alone while painting: this very function's.
const IN_USE: usize = 1024;

unsafe extern "C" {
    static _stack_start_cpu0: u32;
    static _stack_end_cpu0: u32;
}

/// Gives the allocator its memory. To be called once.
pub fn start_heap() {
    esp_alloc::heap_allocator!(#[esp_hal::ram(reclaimed)] size: RECLAIMED_HEAP_BYTES);
    esp_alloc::heap_allocator!(size: HEAP_BYTES);
}

/// The stack that may be painted: the far end (lowest address) and the near end.
fn stack() -> (usize, usize) {
    let end = (&raw const _stack_end_cpu0).addr() + GUARD;
    let start = (&raw const _stack_start_cpu0).addr();
    (end.next_multiple_of(size_of::<u32>()), start)
}

/// Paints the stack below the caller's. To be called first thing, when little of it was used.
#[inline(never)] // within its caller, the marker could lie anywhere in the caller's frame
pub fn paint() {
    let marker = 0_u32;
    let until = core::hint::black_box(&raw const marker).addr();
    let until = until.saturating_sub(IN_USE);
    let (end, _) = stack();
    for address in (end..until).step_by(size_of::<u32>()) {
        // SAFETY: below everything in use, above the word that is watched, and nothing else runs on this stack. An
        // interrupt that comes meanwhile uses less than IN_USE; none is set up yet.
        unsafe { core::ptr::with_exposed_provenance_mut::<u32>(address).write_volatile(PAINT) }
    }
}

/// Most bytes of stack used since boot, and how many there are.
fn stack_peak() -> (usize, usize) {
    let (end, start) = stack();
    let painted = (end..start)
        .step_by(size_of::<u32>())
        .take_while(|&address| {
            // SAFETY: within the stack, whose words may be read whatever they hold.
            unsafe { core::ptr::with_exposed_provenance::<u32>(address).read_volatile() == PAINT }
        })
        .count();
    let whole = start - end;
    (whole - painted * size_of::<u32>(), whole)
}

/// Free heap, in bytes.
pub fn free_heap() -> u32 {
    esp_alloc::HEAP.free() as u32
}

/// Prints the figures as one line.
pub fn print() {
    let (stack_peak, stack) = stack_peak();
    let heap = esp_alloc::HEAP.stats();
    println!(
        "memory: stack {} of {}, heap {} of {} bytes at the peak",
        Grouped(stack_peak),
        Grouped(stack),
        Grouped(heap.max_usage),
        Grouped(heap.size)
    );
}

/// Prints the figures again and again.
#[embassy_executor::task]
pub async fn watch() {
    loop {
        Timer::after(EVERY).await;
        print();
    }
}

/// A number with a comma between thousands.
struct Grouped(usize);

impl core::fmt::Display for Grouped {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match (self.0 / 1_000_000, self.0 / 1000 % 1000, self.0 % 1000) {
            (0, 0, ones) => write!(f, "{ones}"),
            (0, thousands, ones) => write!(f, "{thousands},{ones:03}"),
            (millions, thousands, ones) => write!(f, "{millions},{thousands:03},{ones:03}"),
        }
    }
}
