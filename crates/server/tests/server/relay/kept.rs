//! What the primary acknowledges is on its disk, and what was acknowledged never counts against what comes later.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection, SqliteConnection};
use tempfile::TempDir;
use updraft_server::{Clock, Config, DeviceAuth};

use super::{Site, report, state, until};
use crate::fleet::BEGIN;
use crate::support::images::c3;
use crate::support::{TestServer, start_in};
use crate::test_database::TestDatabase;

/// A word that came to a relay: the device fetched 1.1.0 and starts anew.
fn words() -> Value {
    let report = json!({ "firmware_version": "1.1.0", "update_status": "rebooting" });
    json!({ "relay": "r", "told_until": BEGIN, "words": [{
        "seq": 1, "at": BEGIN, "device_id": "d", "device_type": "esp32c3", "said": { "reported": report },
    }] })
}

async fn tell(primary: &TestServer) -> (StatusCode, Value) {
    let response = primary.post("/api/relay/words", &words()).await;
    (response.status(), response.json().await.unwrap())
}

/// A primary that writes news only when somebody waits for them.
async fn primary(tune: impl FnOnce(&mut Config)) -> TestServer {
    let primary = start_in(TempDir::new().unwrap(), |config| {
        config.device_auth = DeviceAuth::Open;
        config.clock = Clock::manual(BEGIN);
        config.limits.write_behind = Duration::from_hours(1);
        tune(config);
    })
    .await;
    primary.publish("esp32c3", &c3("1.1.0")).await;
    primary
}

/// The relay sends its words again when they were not acknowledged: then they are known, and still not on disk.
#[tokio::test]
async fn words_that_could_not_be_written_are_not_acknowledged_when_they_come_again() {
    let primary = primary(|_| {}).await;
    let file = primary.data().join("updraft.db");
    let mut database = SqliteConnection::connect(file.to_str().unwrap())
        .await
        .unwrap();
    let refuse =
        "CREATE TRIGGER refuse BEFORE INSERT ON devices BEGIN SELECT RAISE(ABORT, 'no more'); END";
    sqlx::query(refuse).execute(&mut database).await.unwrap();
    for time in 1..=3 {
        let (status, body) = tell(&primary).await;
        assert_eq!(status, 503, "time {time}: {body}");
        assert_eq!(body["code"], "not_kept");
    }
    sqlx::query("DROP TRIGGER refuse")
        .execute(&mut database)
        .await
        .unwrap();
    let (status, body) = tell(&primary).await;
    assert_eq!(status, 200, "{body}");
    let kept: String = sqlx::query_scalar("SELECT relayed FROM devices WHERE id = 'd'")
        .fetch_one(&mut database)
        .await
        .unwrap();
    assert!(kept.contains(r#""r":1"#), "{kept}");
    assert_eq!(state(&primary, "d").await.as_deref(), Some("rebooting"));
}

/// What was taken of words and not written gives way to what another node wrote: then the words are applied anew.
#[tokio::test]
async fn words_that_gave_way_to_another_nodes_write_are_applied_anew() {
    let Some(database) = TestDatabase::create().await else {
        return;
    };
    let primary = primary(|config| config.database = Some(database.url().parse().unwrap())).await;
    let check_in = json!({ "device_type": "esp32c3", "version": "1.0.0" });
    let answer = primary.post("/api/devices/d/check-in", &check_in).await;
    assert_eq!(
        answer.json::<Value>().await.unwrap()["offer"]["version"],
        "1.1.0"
    );
    // The offer, on disk.
    let body = json!({ "firmware_version": "1.1.0", "update_status": "downloading" });
    let answer = primary.post("/api/devices/d/reports", &body).await;
    assert_eq!(answer.status(), 200);
    let mut connection = PgConnection::connect(database.url()).await.unwrap();
    for statement in [
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no more'; END $$",
        "CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON deployments FOR EACH ROW EXECUTE FUNCTION refuse()",
    ] {
        sqlx::query(statement)
            .execute(&mut connection)
            .await
            .unwrap();
    }
    let (status, body) = tell(&primary).await;
    assert_eq!(status, 503, "{body}");
    for statement in [
        "DROP TRIGGER refuse ON deployments",
        // Another node writes of the device.
        "UPDATE devices SET revision = revision + 1 WHERE id = 'd'",
    ] {
        sqlx::query(statement)
            .execute(&mut connection)
            .await
            .unwrap();
    }
    let (status, body) = tell(&primary).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(body, json!({ "taken": 1, "known": 0, "refused": 0 }));
    let kept: String = sqlx::query_scalar("SELECT relayed FROM devices WHERE id = 'd'")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert!(kept.contains(r#""r":1"#), "{kept}");
    let kept: String = sqlx::query_scalar("SELECT state FROM deployments WHERE device_id = 'd'")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(kept, "rebooting");
}

/// A relay's clock is set back while it has nothing to tell: its next word is news all the same.
#[tokio::test]
async fn a_word_said_after_the_relays_clock_went_back_is_not_taken_for_a_known_one() {
    let mut site = Site::start().await;
    report(&site.relay, "d", "downloading").await;
    until("the first word", async || {
        state(&site.primary, "d").await.as_deref() == Some("downloading")
    })
    .await;
    site.caught_up().await;
    site.clock = Clock::manual(BEGIN - 60);
    let config = site.config();
    let site = site.restart_relay(config, |_| {}).await;
    report(&site.relay, "d", "rebooting").await;
    until("the word to be told", async || {
        site.relay.metric("relay_words_told_total").await >= 1
            && site.health().await["words_waiting"] == 0
    })
    .await;
    assert_eq!(
        state(&site.primary, "d").await.as_deref(),
        Some("rebooting")
    );
}
