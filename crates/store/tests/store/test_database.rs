//! A `PostgreSQL` database for one test. Other crates' tests take this file in, too.

use std::io::Write as _;

use sqlx::Postgres;
use sqlx::migrate::MigrateDatabase as _;

/// A new, empty database, gone after the test.
#[derive(Debug)]
pub struct TestDatabase {
    url: String,
}

impl TestDatabase {
    /// Makes one beside the database that `UPDRAFT_TEST_POSTGRES` names. Without it the test is skipped, and
    /// says so; under `CI=true` it fails.
    pub async fn create() -> Option<Self> {
        let Ok(server) = std::env::var("UPDRAFT_TEST_POSTGRES") else {
            let why = "UPDRAFT_TEST_POSTGRES names no database; scripts/test-services starts one";
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{why}");
            let name = std::thread::current().name().unwrap_or_default().to_owned();
            let _ = writeln!(std::io::stderr(), "skipped: {name}: {why}");
            return None;
        };
        let (before, _) = server.rsplit_once('/').unwrap();
        let url = format!("{before}/updraft_test_{}", updraft_store::new_id());
        Postgres::create_database(&url).await.unwrap();
        Some(Self { url })
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let url = self.url.clone();
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(Postgres::force_drop_database(&url))
        });
        // What stays goes with its server. The test has its verdict already.
        let _ = dropping.join();
    }
}
