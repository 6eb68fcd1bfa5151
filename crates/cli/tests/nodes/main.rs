//! Three nodes over one `PostgreSQL` and one S3 bucket, a Mosquitto, a virtual fleet, and a node that is killed every few seconds.
//!
//! `scripts/test-services` starts database and broker; the S3 server comes with the test.

#[path = "../proof/report.rs"]
mod report;
#[path = "../../../store/tests/depot/s3.rs"]
#[allow(
    dead_code,
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    reason = "shared with other tests"
)]
mod s3;
#[path = "../support/mod.rs"]
mod support;
#[path = "../../../store/tests/store/test_database.rs"]
#[allow(unreachable_pub, reason = "shared with other tests")]
mod test_database;

mod balancer;
mod cluster;
mod killed;
mod outcomes;
