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

/// A node that is slow to fetch an image does not deploy it after another has taken it back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_node_does_not_undo_a_rollback() {
    let Some(database) = TestDatabase::create().await else {
        return;
    };
    let s3 = S3Server::start();
    let gate = Gate::before(s3.address, "releases/v1.1.0/firmware.bin").await;
    let admin = random_token();
    let node = async |dir: TempDir, address: SocketAddr| {
        let tune = |config: &mut Config| {
            config.device_auth = DeviceAuth::Open;
            config.database = Some(database.url().parse().unwrap());
            config.artifacts = Some(at(&s3, address));
            config.artifacts_poll = Duration::from_hours(24);
            config.admin_token = Some(admin.clone());
        };
        start_in(dir, tune).await
    };
    let mut quick = node(TempDir::new().unwrap(), s3.address).await;
    quick.publish("esp32c3", &c3("1.0.0")).await;
    let testing = [("device_type", "esp32c3"), ("status", "testing")];
    quick.publish_as(&testing, &c3("1.1.0")).await;
    sync(&quick).await;
    assert!(quick.running.take().unwrap().shutdown().await);

    let slow = node(TempDir::new().unwrap(), gate.address).await;
    sync(&slow).await;
    promote(&slow, "1.1.0").await;
    gate.holds().await;
    let quick = node(quick.dir, s3.address).await;
    let mut connection = PgConnection::connect(database.url()).await.unwrap();
    // Until the quick node has done all that it may.
    let mut has_done = async |version: &str| {
        let query = "SELECT EXISTS (SELECT 1 FROM depot_agreed WHERE production = $1)
            OR EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))";
        let found: bool = sqlx::query_scalar(query)
            .bind(version)
            .fetch_one(&mut connection)
            .await
            .unwrap();
        found
    };
    wait_for("the quick node", async || has_done("1.1.0").await).await;
    promote(&quick, "1.0.0").await;
    wait_for("the rollback", async || has_done("1.0.0").await).await;
    gate.open();
    for node in [&slow, &quick, &slow, &quick] {
        sync(node).await;
    }
    let version = s3.object("sds/esp32c3/production/version.txt");
    assert_eq!(std::fs::read_to_string(version).unwrap(), "1.0.0\n");
    for node in [&slow, &quick] {
        wait_for("the rollback everywhere", async || {
            stable(node).await == "1.0.0"
        })
        .await;
    }
}
