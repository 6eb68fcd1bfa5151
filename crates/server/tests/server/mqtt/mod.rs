//! Devices over MQTT: Mosquitto, and a device as seed 003 has it.

mod external;
mod mosquitto;
mod nodes;
mod scene;
mod seed_003;
