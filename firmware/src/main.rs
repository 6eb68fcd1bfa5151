//! The ESP32 program of Updraft: an app that does nothing but keep itself up to date.
//!
//! Everything of updating is the agent's (`updraft-agent`). What is here is what it needs of a chip, one file a part:
//! the network ([`network`], [`wifi`] or [`openeth`]), the flash ([`flash`]), the clock, the reset. A product puts its own
//! work beside the tasks that [`main`] spawns, and its own checks into [`board::checks`].

#![no_std]
#![no_main]

extern crate alloc;

mod behaviour;
mod board;
mod clock;
mod config;
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
mod system;
mod watchdog;
#[cfg(not(feature = "openeth"))]
mod wifi;

use alloc::boxed::Box;

use behaviour::Behaviour;
use board::ChipBoard;
use config::Config;
use embassy_executor::Spawner;
use embassy_net::{Stack, StackResources};
use esp_hal::clock::CpuClock;
use esp_hal::rng::Rng;
use esp_hal::timer::timg::TimerGroup;
use esp_println::println;
use flash::Flash;
use network::Network;
use record::Last;
use static_cell::StaticCell;
use system::ChipSystem;
use updraft_agent::{Parts, Updater};
use updraft_flash::partition::{TABLE_OFFSET, Table};

#[cfg(feature = "openeth")]
type Driver = openeth::OpenEth;
#[cfg(not(feature = "openeth"))]
type Driver = esp_radio::wifi::Interface;

/// Sockets of the network stack: the listeners, two to the outside, espota, mDNS, and the stack's own for DHCP and DNS.
const SOCKETS: usize = serve::PORTS.len() + 6;

#[esp_rtos::main]
async fn main(spawner: Spawner) -> ! {
    memory::paint();
    let last = record::begin();
    let peripherals = esp_hal::init(esp_hal::Config::default().with_cpu_clock(CpuClock::max()));
    let reset_reason = system::reset_reason(&last);
    let last_words = match &last {
        Last::Panicked(words) => Some(words.as_str()),
        _ => None,
    };
    identity::print(reset_reason, last_words);
    let behaviour = Behaviour::of_this_image();
    println!("behaviour {behaviour:?}");
    let watchdog = watchdog::start(peripherals.TIMG1);

    esp_alloc::heap_allocator!(#[esp_hal::ram(reclaimed)] size: memory::RECLAIMED_HEAP);
    esp_alloc::heap_allocator!(size: memory::HEAP);

    // A build that is to panic must panic before anything could fail for another reason.
    behaviour.at_boot();

    let timers = TimerGroup::new(peripherals.TIMG0);
    esp_rtos::start(timers.timer0, peripherals.FROM_CPU_INTR0);
    spawn(spawner, watchdog::feed(watchdog));
    spawn(spawner, behaviour::later(behaviour));
    spawn(spawner, memory::watch());

    let mut flash = Flash::new(peripherals.FLASH);
    let table = match Table::read(&mut flash, TABLE_OFFSET) {
        Ok(table) => table,
        Err(fault) => without_updates(&fault).await,
    };
    let Config {
        settings,
        hostname,
        wifi: _wifi,
    } = Config::read(&mut flash, &table);
    println!(
        "{} ({}), server {}, poll every {} s",
        settings.device_id,
        identity::mac_text(),
        settings.server.as_deref().unwrap_or("none"),
        settings.poll_seconds
    );

    #[cfg(feature = "openeth")]
    let driver = {
        spawn(spawner, openeth::ask());
        openeth::OpenEth::new(identity::mac())
    };
    #[cfg(not(feature = "openeth"))]
    let driver = wifi::interface();
    let stack = start_network(spawner, driver, behaviour);
    #[cfg(not(feature = "openeth"))]
    match _wifi {
        _ if !behaviour.has_network() => {}
        Some(credentials) => spawn(spawner, wifi::run(peripherals.WIFI, credentials)),
        None => println!("wifi: no network is known; set wifi_ssid and wifi_password in NVS"),
    }

    let Some(running) = system::running_slot(&table) else {
        without_updates(&"the running code is in no slot of the partition table").await
    };
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
    let updater = match Updater::new(parts, settings) {
        Ok(updater) => updater,
        Err(failure) => without_updates(&failure).await,
    };
    static UPDATER: StaticCell<Updater<ChipBoard>> = StaticCell::new();
    let updater: &'static Updater<ChipBoard> = UPDATER.init(updater);
    updater.say_who_may_push();
    for (port, buffers) in serve::PORTS.into_iter().zip(serve::buffers()) {
        spawn(spawner, serve::http(updater, stack, port, buffers));
    }
    spawn(spawner, serve::espota(updater, stack));
    let hostname: &'static str = Box::leak(hostname.into_boxed_str());
    spawn(spawner, serve::found(updater, stack, hostname));
    match updater.run().await {}
}

/// Starts a task. There is room for every one that is started here.
fn spawn<S>(
    spawner: Spawner,
    task: Result<embassy_executor::SpawnToken<S>, embassy_executor::SpawnError>,
) {
    match task {
        Ok(token) => spawner.spawn(token),
        Err(error) => panic!("a task cannot be started: {error:?}"),
    }
}

/// The network stack over this driver. With a build that is to have no network it never runs.
fn start_network(spawner: Spawner, driver: Driver, behaviour: Behaviour) -> Stack<'static> {
    static RESOURCES: StaticCell<StackResources<SOCKETS>> = StaticCell::new();
    let random = Rng::new();
    let seed = u64::from(random.random()) << 32 | u64::from(random.random());
    let (stack, runner) = embassy_net::new(
        driver,
        embassy_net::Config::dhcpv4(embassy_net::DhcpConfig::default()),
        RESOURCES.init(StackResources::new()),
        seed,
    );
    if behaviour.has_network() {
        spawn(spawner, run_network(runner));
        spawn(spawner, tell_address(stack));
    }
    stack
}

#[embassy_executor::task]
async fn run_network(mut runner: embassy_net::Runner<'static, Driver>) {
    runner.run().await
}

/// Says which address the device has, each time it gets one.
#[embassy_executor::task]
async fn tell_address(stack: Stack<'static>) {
    loop {
        stack.wait_config_up().await;
        if let Some(config) = stack.config_v4() {
            println!("network: address {}", config.address);
        }
        stack.wait_config_down().await;
        println!("network: no address any more");
    }
}

/// Goes on without an updater: the rest of a product would still do its work.
async fn without_updates(why: &dyn core::fmt::Display) -> ! {
    println!("updates are off: {why}");
    core::future::pending().await
}
