//! Devices over MQTT: the embedded broker, Mosquitto, and a device as seed 003 has it.

mod acl;
mod embedded;
mod external;
mod intruder;
mod mosquitto;
mod nodes;
mod scene;
mod seed_003;
mod takeover;
