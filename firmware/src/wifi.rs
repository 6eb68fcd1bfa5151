//! Wi-Fi as a station: joins the network, and joins it again whenever it was lost.

use embassy_executor::Spawner;
use embassy_time::{Duration, Timer};
use esp_hal::peripherals::WIFI;
use esp_println::println;
use esp_radio::wifi::sta::StationConfig;
use esp_radio::wifi::{
    AuthenticationMethodConfig, Config, ControllerConfig, Interface, Password, Ssid,
    WifiController, WifiError,
};

use crate::config::Credentials;
use crate::spawn;

/// Pause after a network could not be joined, or was lost: an access point that restarts takes some seconds.
const PAUSE: Duration = Duration::from_secs(5);

/// What the network stack drives.
pub type NetDriver = Interface;

/// Joins this network and looks after it. To be called once.
pub fn start(spawner: Spawner, wifi: WIFI<'static>, network: Option<Credentials>) -> NetDriver {
    match network {
        Some(credentials) => spawn(spawner, run(wifi, credentials)),
        None => println!("wifi: off: no network is known (wifi_ssid, wifi_password in NVS)"),
    }
    Interface::station()
}

/// Keeps the station joined for as long as the device runs.
///
/// A radio that fails ends this task and nothing else: the device still does its work, and an app on trial is not
/// confirmed without a network.
#[embassy_executor::task]
async fn run(wifi: WIFI<'static>, credentials: Credentials) {
    if let Err(error) = join_forever(wifi, &credentials).await {
        println!("wifi: stopped: {error:?}");
    }
}

async fn join_forever(wifi: WIFI<'static>, credentials: &Credentials) -> Result<(), WifiError> {
    let authentication = match credentials.password.as_deref() {
        Some(password) => AuthenticationMethodConfig::Wpa2Personal(Password::try_from(password)?),
        None => AuthenticationMethodConfig::Open,
    };
    let station = StationConfig::default()
        .with_ssid(Ssid::try_from(&*credentials.ssid)?)
        .with_authentication(authentication);
    let config = ControllerConfig::default().with_initial_config(Config::Station(station));
    // Creating the controller starts the radio.
    let mut controller = WifiController::new(wifi, config)?;
    loop {
        println!("wifi: joining {}", credentials.ssid);
        match controller.connect_async().await {
            Ok(joined) => {
                println!("wifi: joined on channel {}", joined.channel);
                match controller.wait_for_disconnect_async().await {
                    Ok(lost) => println!("wifi: lost: {:?}", lost.reason),
                    Err(error) => println!("wifi: lost: {error:?}"),
                }
            }
            Err(error) => println!("wifi: could not join: {error:?}"),
        }
        Timer::after(PAUSE).await;
    }
}
