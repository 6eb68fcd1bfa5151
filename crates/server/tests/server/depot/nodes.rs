//! Several servers over one database and one artifact store.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;
use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;
use updraft_server::{Config, DepotAt, DeviceAuth, S3Options};

use super::gate::Gate;
use super::s3::{BUCKET, S3Server};
use super::{sync, wait_for};
use crate::support::images::c3;
use crate::support::{TestServer, random_token, start_in};
use crate::test_database::TestDatabase;

/// The artifact store as a node reaches it at this address.
fn at(s3: &S3Server, address: SocketAddr) -> DepotAt {
    let options = S3Options {
        endpoint: Some(format!("http://{address}")),
        credentials_file: Some(s3.credentials_file()),
        ..S3Options::default()
    };
    DepotAt::read(&format!("s3://{BUCKET}/sds"), options).unwrap()
}

async fn promote(node: &TestServer, version: &str) {
    let release = super::id(node, version).await;
    let path = format!("/api/releases/{release}/promote");
    let promoted = node.post(&path, &json!({ "channel": "stable" })).await;
    assert_eq!(promoted.status(), 200);
}

async fn stable(node: &TestServer) -> String {
    let channels = node.json("/api/channels").await;
    let mut channels = channels.as_array().unwrap().iter();
    let stable = channels.find(|channel| channel["name"] == "stable");
    stable.unwrap()["version"].as_str().unwrap().to_owned()
}

/// What several nodes share. One of them may be slow to fetch 1.1.0.
struct Scene {
    database: TestDatabase,
    s3: S3Server,
    gate: Gate,
    admin: String,
}

impl Scene {
    async fn new() -> Option<Self> {
        let database = TestDatabase::create().await?;
        let s3 = S3Server::start();
        Some(Self {
            gate: Gate::before(s3.address, "releases/v1.1.0/firmware.bin").await,
            admin: random_token(),
            database,
            s3,
        })
    }

    /// A node that reaches the artifact store here.
    async fn node(&self, dir: TempDir, address: SocketAddr) -> TestServer {
        let tune = |config: &mut Config| {
            config.device_auth = DeviceAuth::Open;
            config.database = Some(self.database.url().parse().unwrap());
            config.artifacts = Some(at(&self.s3, address));
            config.artifacts_poll = Duration::from_hours(24);
            config.admin_token = Some(self.admin.clone());
        };
        start_in(dir, tune).await
    }

    /// A slow node that deploys 1.1.0 and does not get on with it, and what the quick one that published it left.
    async fn deploying(&self) -> (TestServer, TempDir) {
        let mut quick = self.node(TempDir::new().unwrap(), self.s3.address).await;
        quick.publish("esp32c3", &c3("1.0.0")).await;
        let testing = [("device_type", "esp32c3"), ("status", "testing")];
        quick.publish_as(&testing, &c3("1.1.0")).await;
        sync(&quick).await;
        assert!(quick.running.take().unwrap().shutdown().await);
        let slow = self.node(TempDir::new().unwrap(), self.gate.address).await;
        sync(&slow).await;
        promote(&slow, "1.1.0").await;
        self.gate.holds().await;
        (slow, quick.dir)
    }

    /// Waits until this is deployed, or a node waits for its turn.
    async fn until_deployed_or_waiting(&self, version: &str) {
        let mut connection = PgConnection::connect(self.database.url()).await.unwrap();
        let query = "SELECT EXISTS (SELECT 1 FROM depot_agreed WHERE production = $1)
            OR EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))";
        wait_for("the quick node", async || -> bool {
            let found = sqlx::query_scalar(query).bind(version);
            found.fetch_one(&mut connection).await.unwrap()
        })
        .await;
    }
}

/// A node that is slow to fetch an image does not deploy it after another has taken it back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_node_does_not_undo_a_rollback() {
    let Some(scene) = Scene::new().await else {
        return;
    };
    let (slow, dir) = scene.deploying().await;
    let quick = scene.node(dir, scene.s3.address).await;
    // The quick node does all that it may.
    scene.until_deployed_or_waiting("1.1.0").await;
    promote(&quick, "1.0.0").await;
    scene.until_deployed_or_waiting("1.0.0").await;
    scene.gate.open();
    for node in [&slow, &quick, &slow, &quick] {
        sync(node).await;
    }
    let version = scene.s3.object("sds/esp32c3/production/version.txt");
    assert_eq!(std::fs::read_to_string(version).unwrap(), "1.0.0\n");
    for node in [&slow, &quick] {
        wait_for("the rollback everywhere", async || {
            stable(node).await == "1.0.0"
        })
        .await;
    }
}
