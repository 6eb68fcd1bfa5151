//! Pushing to a virtual device over real sockets, and everything that must not harm it.

#[expect(dead_code, reason = "other tests use all of it")]
#[path = "../support/images.rs"]
mod images;

mod auth;
mod clients;
mod device;
mod http;
mod lies;
mod many;
mod refusals;
mod routes;
