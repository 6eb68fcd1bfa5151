//! The server from outside: a real one on a free port, real images, a real client.
//!
//! One program for all, because linking is most of what a test costs. The modules follow the routes.
#![allow(unreachable_pub, reason = "a test's modules have no outside")]

mod admin;
mod attributes;
mod called_off;
mod compat_002;
mod compat_004;
mod connections;
mod departed;
mod depot;
mod devices;
mod disk_full;
mod downloads;
mod events;
mod firmware_dir;
mod fleet;
mod habits;
mod killed;
mod lifecycle;
mod load;
mod monitoring;
mod mqtt;
mod nodes;
mod open;
mod openapi;
mod operators;
mod peers;
mod rehearsals;
mod relay;
mod releases;
mod reports;
mod rollout_effects;
mod rollout_nodes;
mod rollout_people;
mod rollout_rules;
mod rollouts;
mod signed_urls;
mod support;
#[path = "../../../store/tests/store/test_database.rs"]
mod test_database;
mod uploads;
mod webhooks;
