//! The ESP32 program of Updraft: an app that does nothing but keep itself up to date.
//!
//! Everything of updating is the agent's (`updraft-agent`). What is here is what it needs of a chip, one file a part.
//! A product puts its own work beside the tasks that [`main`] starts, and its own checks into [`board::checks`].

#![no_std]
#![no_main]

extern crate alloc;

mod behaviour;
mod board;
mod clock;
mod config;
mod datagrams;
mod flash;
mod identity;
mod led;
mod memory;
mod network;
#[cfg(feature = "openeth")]
mod openeth;
mod panic;
mod record;
mod serial_log;
mod serve;
mod stack;
mod system;
mod watchdog;
#[cfg(not(feature = "openeth"))]
mod wifi;

use alloc::format;

use behaviour::Behaviour;
use board::ChipBoard;
use config::Config;
use embassy_executor::{SpawnError, SpawnToken, Spawner};
use esp_hal::clock::CpuClock;
use esp_hal::timer::timg::TimerGroup;
use esp_println::println;
use flash::Flash;
use network::Network;
use static_cell::StaticCell;
use system::ChipSystem;
use updraft_agent::settings::BOOT_ATTEMPTS;
use updraft_agent::{Boot, Parts, Updater, guard_boot};
use updraft_flash::slot::AppSlot;
use updraft_protocol::ResetReason;

#[esp_rtos::main]
async fn main(spawner: Spawner) -> ! {
    memory::paint();
    let last = record::begin();
    let peripherals = esp_hal::init(esp_hal::Config::default().with_cpu_clock(CpuClock::max()));
    let reset_reason = system::reset_reason(&last);
    identity::print(reset_reason, &last);
    let behaviour = Behaviour::of_this_image();
    println!("behaviour {behaviour:?}");
    watchdog::start(peripherals.TIMG1);
    memory::start_heap();

    let mut flash = Flash::new(peripherals.FLASH);
    let running = system::running_slot(&mut flash);
    // Before anything can fail: the boots of a new app are counted, and one that had its boots goes.
    let running = running.map(|running| (running, guard(&mut flash, running, reset_reason)));

    // A build that is to panic must do so before anything could fail for another reason.
    behaviour.at_boot();

    let timers = TimerGroup::new(peripherals.TIMG0);
    esp_rtos::start(timers.timer0, peripherals.FROM_CPU_INTR0);
    spawn(spawner, watchdog::feed());
    spawn(spawner, behaviour::later(behaviour));
    spawn(spawner, memory::watch());

    let (running, boot) = match running {
        Ok(guarded) => guarded,
        Err(why) => without_updates(&why).await,
    };
    let config = Config::read(&mut flash);
    config.print();

    #[cfg(feature = "openeth")]
    let driver = openeth::start(spawner);
    #[cfg(not(feature = "openeth"))]
    let driver = {
        let network = config.wifi.filter(|_| behaviour.has_network());
        wifi::start(spawner, peripherals.WIFI, network)
    };
    let stack = stack::start(spawner, driver, behaviour);

    let parts = Parts::<ChipBoard> {
        flash,
        network: Network::new(stack),
        clock: clock::ChipClock,
        system: ChipSystem {
            running,
            reset_reason,
        },
        checks: board::checks(stack),
        indicator: serial_log::SerialLog::default(),
        #[cfg(feature = "led")]
        leds: led::BoardLeds::new(peripherals.GPIO8),
        #[cfg(not(feature = "led"))]
        leds: (),
    };
    static UPDATER: StaticCell<Updater<ChipBoard>> = StaticCell::new();
    let updater = match Updater::new(boot, parts, config.settings) {
        Ok(updater) => UPDATER.init(updater),
        Err(failure) => without_updates(&format!("{failure}")).await,
    };
    serve::start(spawner, updater, stack, config.hostname);
    spawn(spawner, update(updater));
    // What was needed to start is large; it must not lie on the stack below what runs.
    core::future::pending().await
}

/// Keeps the device up to date.
#[embassy_executor::task]
async fn update(updater: &'static Updater<ChipBoard>) {
    match updater.run().await {}
}

/// Counts this boot, and restarts the chip if the app on trial had its boots.
fn guard(flash: &mut Flash, running: AppSlot, reset_reason: ResetReason) -> Boot {
    let system = ChipSystem {
        running,
        reset_reason,
    };
    let boot = guard_boot(flash, &system, BOOT_ATTEMPTS);
    println!("guard: {boot}");
    if boot.must_reset() {
        system::restart();
    }
    boot
}

/// Starts a task. There is room for each one that is started here, once.
fn spawn<S>(spawner: Spawner, task: Result<SpawnToken<S>, SpawnError>) {
    match task {
        Ok(token) => spawner.spawn(token),
        Err(error) => panic!("a task cannot be started: {error:?}"),
    }
}

/// Goes on without an updater: what else a product does, it would still do.
async fn without_updates(why: &str) -> ! {
    println!("updates are off: {why}");
    core::future::pending().await
}
