//! The network stack: embassy-net, over whichever network this build has.

use embassy_executor::Spawner;
use embassy_net::{Config, DhcpConfig, Runner, Stack, StackResources};
use esp_hal::rng::Rng;
use esp_println::println;
use static_cell::StaticCell;

use crate::behaviour::Behaviour;
#[cfg(feature = "openeth")]
use crate::openeth::NetDriver;
#[cfg(not(feature = "openeth"))]
use crate::wifi::NetDriver;
use crate::{network, serve, spawn};

/// espota, mDNS, and the stack's own for DHCP and DNS.
const OTHERS: usize = 4;
const SOCKETS: usize = serve::PORTS.len() + network::CONNECTIONS + OTHERS;

/// Starts the stack; its address comes by DHCP. With a build that is to have no network it never gets one.
pub fn start(spawner: Spawner, driver: NetDriver, behaviour: Behaviour) -> Stack<'static> {
    static RESOURCES: StaticCell<StackResources<SOCKETS>> = StaticCell::new();
    let random = Rng::new();
    // Ports and sequence numbers begin at random.
    let seed = u64::from(random.random()) << 32 | u64::from(random.random());
    let (stack, runner) = embassy_net::new(
        driver,
        Config::dhcpv4(DhcpConfig::default()),
        RESOURCES.init(StackResources::new()),
        seed,
    );
    if behaviour.has_network() {
        spawn(spawner, run(runner));
        spawn(spawner, tell_address(stack));
    }
    stack
}

#[embassy_executor::task]
async fn run(mut runner: Runner<'static, NetDriver>) {
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
