//! The ESP32 program of Updraft: prints what it is, brings up Wi-Fi, and says once a second that it is alive.
//!
//! Small on purpose. What a release must have is all here: a true descriptor ([`identity`]), a declared behaviour
//! ([`Behaviour`]), a radio in use ([`radio`]) and a panic that ends in a reset, so that the bootloader can roll back
//! ([`mod@panic`]).

#![no_std]
#![no_main]

mod behaviour;
mod identity;
mod panic;
mod radio;

use behaviour::Behaviour;
use embassy_executor::Spawner;
use embassy_time::{Duration, Ticker};
use esp_hal::clock::CpuClock;
use esp_hal::rtc_cntl::{Rtc, RwdtStage};
use esp_hal::timer::timg::TimerGroup;
use esp_println::println;

/// Heap in the RAM that the bootloader used and leaves behind, in bytes. The C3 has 64.7 KiB of it.
const RECLAIMED_HEAP_BYTES: usize = 64 * 1024;
/// Heap in ordinary RAM, in bytes. With the reclaimed part it holds Wi-Fi's buffers (about 60 KiB) and room to spare.
const HEAP_BYTES: usize = 48 * 1024;
/// How often the program says that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// A program whose heartbeat stays away for so long hangs, and is reset. Ten beats: starting the radio holds one up for
/// well under a second.
const WATCHDOG: esp_hal::time::Duration = esp_hal::time::Duration::from_secs(10);

#[esp_rtos::main]
async fn main(spawner: Spawner) -> ! {
    let peripherals = esp_hal::init(esp_hal::Config::default().with_cpu_clock(CpuClock::max()));
    let behaviour = Behaviour::of_this_image();
    identity::print();
    println!("behaviour {behaviour:?}");

    let mut watchdog = Rtc::new(peripherals.RTC_TIMER).rwdt;
    watchdog.set_timeout(RwdtStage::Stage0, WATCHDOG);
    watchdog.enable();

    // Before anything that could fail for another reason: a build that is to panic must panic.
    behaviour.at_boot();

    esp_alloc::heap_allocator!(#[esp_hal::ram(reclaimed)] size: RECLAIMED_HEAP_BYTES);
    esp_alloc::heap_allocator!(size: HEAP_BYTES);

    // The radio's tasks need the scheduler, so it starts first.
    let timers = TimerGroup::new(peripherals.TIMG0);
    esp_rtos::start(timers.timer0, peripherals.FROM_CPU_INTR0);

    match radio::run(peripherals.WIFI, behaviour) {
        Ok(task) => spawner.spawn(task),
        Err(error) => println!("radio: could not start its task: {error:?}"),
    }

    let mut heartbeat = Ticker::every(HEARTBEAT);
    let mut seconds: u32 = 0;
    loop {
        println!(
            "{} {} up {seconds} s, heap {} bytes free",
            identity::PROJECT,
            identity::VERSION,
            esp_alloc::HEAP.free()
        );
        watchdog.feed();
        behaviour.each_second(seconds);
        heartbeat.next().await;
        seconds = seconds.saturating_add(1);
    }
}
