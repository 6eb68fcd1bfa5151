//! A real server and real virtual devices: from a published image to what the server knows of it.

mod bad_releases;
mod good_release;
mod interruptions;
mod mosquitto;
mod mqtt;
mod relay;
mod scene;
