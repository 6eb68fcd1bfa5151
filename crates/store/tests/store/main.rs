//! What the store keeps, refuses and sweeps, over a real folder and real databases: each test on `SQLite` and on
//! `PostgreSQL`.
#![allow(unreachable_pub, reason = "a test's modules have no outside")]

mod events;
mod kept;
mod nodes;
mod place;
mod relay;
mod rollouts;
mod test_database;
