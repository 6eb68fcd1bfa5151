//! What devices and the server say over MQTT.

mod payloads;
mod topics;
