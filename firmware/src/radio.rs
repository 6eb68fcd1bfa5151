//! Wi-Fi as a station: brings the radio up and looks around, again and again.

use embassy_time::{Duration, Timer};
use esp_hal::peripherals::WIFI;
use esp_println::println;
use esp_radio::wifi::scan::ScanConfig;
use esp_radio::wifi::{ControllerConfig, WifiController, WifiError};

use crate::behaviour::Behaviour;

/// Pause between two scans: each takes the radio for about a third of a second.
const SCAN_PAUSE: Duration = Duration::from_secs(30);
/// Most networks listed for one scan; each takes heap while it is listed.
const MAX_NETWORKS: usize = 16;

/// Runs the radio for as long as the device runs.
///
/// A radio that fails ends this task and nothing else: a device that cannot update still does its work, and whoever
/// judges its health sees that it has no network.
#[embassy_executor::task]
pub async fn run(wifi: WIFI<'static>, behaviour: Behaviour) {
    if let Err(error) = scan_forever(wifi, behaviour).await {
        println!("radio: stopped: {error:?}");
    }
}

async fn scan_forever(wifi: WIFI<'static>, behaviour: Behaviour) -> Result<(), WifiError> {
    // The default configuration is a station; creating the controller starts it.
    let mut controller = WifiController::new(wifi, ControllerConfig::default())?;
    let scan = ScanConfig::default().with_max(MAX_NETWORKS);
    loop {
        let networks = controller.scan_async(&scan).await?;
        println!("radio: {} networks", networks.len());
        for network in &networks {
            println!(
                "radio: channel {:2}, {:4} dBm, {}",
                network.channel,
                network.signal_strength,
                network.ssid.as_str()
            );
        }
        if !behaviour.keeps_network() {
            println!("radio: built with no-network, going off");
            return Ok(()); // dropping the controller stops the radio
        }
        Timer::after(SCAN_PAUSE).await;
    }
}
