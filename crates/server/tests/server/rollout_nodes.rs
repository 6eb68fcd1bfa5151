//! What a rollout does beside offering, where several nodes share its database and any of them may be killed.
//!
//! Where a moment matters, another node is played by its hand: it writes to the database what a node writes, tells or does
//! not tell, and does nothing more, as if it was killed then.

use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection, query, query_scalar};

use crate::fleet::{BEGIN, Fleet, at_once};
use crate::nodes::{Nodes, check_in, report, state, until};
use crate::support::TestServer;
use crate::support::images::c3;
use crate::test_database::TestDatabase;

/// Another node's hand.
struct Hand(PgConnection);

impl Hand {
    async fn on(database: &TestDatabase) -> Self {
        Self(PgConnection::connect(database.url()).await.unwrap())
    }

    /// Tells the nodes what changed.
    async fn tells(&mut self, changed: Value) {
        let told = json!({ "node": "another", "changed": changed }).to_string();
        query("SELECT pg_notify('updraft', $1)")
            .bind(told)
            .execute(&mut self.0)
            .await
            .unwrap();
    }

    /// Where a rollout's machine stands.
    async fn machine(&mut self, id: &str) -> Value {
        let machine: String = query_scalar("SELECT machine FROM rollouts WHERE id = $1")
            .bind(id)
            .fetch_one(&mut self.0)
            .await
            .unwrap();
        serde_json::from_str(&machine).unwrap()
    }

    /// Halts a rollout with this action.
    async fn halts(&mut self, id: &str, action: &str) {
        let mut machine = self.machine(id).await;
        machine["state"] = json!("halted");
        machine["trip"] = json!({
            "rule": 0, "reason": "it hums", "action": action, "at": BEGIN, "failures": 1, "evaluated": 1,
        });
        query("UPDATE rollouts SET state = 'halted', machine = $1, revision = revision + 1 WHERE id = $2")
            .bind(machine.to_string())
            .bind(id)
            .execute(&mut self.0)
            .await
            .unwrap();
    }

    /// Writes a device's row.
    async fn writes(&mut self, device: &str) {
        query("UPDATE devices SET revision = revision + 1 WHERE id = $1")
            .bind(device)
            .execute(&mut self.0)
            .await
            .unwrap();
    }

    /// How many rollouts take devices back.
    async fn backs(&mut self) -> i64 {
        query_scalar("SELECT COUNT(*) FROM rollouts WHERE plan LIKE '%confirmed_in%'")
            .fetch_one(&mut self.0)
            .await
            .unwrap()
    }
}

async fn until_deployment(fleet: &Fleet, id: &str, state: &str) {
    until(&format!("{id} {state}"), async || {
        fleet.deployment(id).await["state"] == state
    })
    .await;
}

/// Drafts and starts a rollout of 1.1.0 for all at once; its id.
async fn roll_out(node: &TestServer) -> String {
    let body = json!({ "device_type": "esp32c3", "version": "1.1.0", "plan": at_once() });
    let drafted = node.post("/api/rollouts", &body).await;
    let rollout: Value = drafted.json().await.unwrap();
    let id = rollout["id"].as_str().unwrap().to_owned();
    let path = format!("/api/rollouts/{id}/start");
    assert_eq!(node.post(&path, &json!({})).await.status(), 200);
    id
}

async fn publish_both(node: &TestServer) {
    node.publish("esp32c3", &c3("1.0.0")).await;
    let testing = [("device_type", "esp32c3"), ("status", "testing")];
    node.publish_as(&testing, &c3("1.1.0")).await;
}

async fn until_rollout(node: &TestServer, id: &str, state: &str) {
    until(&format!("{id} {state}"), async || {
        let answer = node.get(&format!("/api/rollouts/{id}")).await;
        let rollout: Value = answer.json().await.unwrap();
        rollout["state"] == state
    })
    .await;
}

/// The rollouts that take devices back, as a node knows them.
async fn backs_at(node: &TestServer) -> usize {
    let list = node.json("/api/rollouts").await;
    let rollouts = list["rollouts"].as_array().unwrap().iter();
    rollouts
        .filter(|rollout| !rollout["plan"]["target"]["confirmed_in"].is_null())
        .count()
}

#[tokio::test]
async fn survivors_do_what_a_killed_node_has_only_noted() {
    let Some(database) = TestDatabase::create().await else {
        return;
    };
    let fleet = Fleet::over(database.url(), 3).await;
    let id = fleet.roll_out(at_once()).await;
    fleet.offered_of(&fleet.devices).await;
    fleet.confirm(&fleet.devices[..1]).await;
    fleet.report("d001", "downloading", json!({})).await;
    let mut hand = Hand::on(&database).await;
    hand.halts(&id, "rollback").await;
    hand.tells(json!({ "rollouts": [id] })).await;
    until_deployment(&fleet, "d001", "cancelled").await;
    until_deployment(&fleet, "d002", "cancelled").await;
    let back = fleet.until_back_from(&id).await;
    assert_eq!(back["version"], "1.0.0");
    assert_eq!(fleet.offer_to_new("d000").await.as_deref(), Some("1.0.0"));
    let counted = fleet
        .until(&id, "both are counted", |rollout| {
            rollout["counts"]["cancelled"] == 2
        })
        .await;
    assert_eq!(counted["counts"]["confirmed"], 1);
}

#[tokio::test]
async fn a_draft_that_a_killed_server_left_of_a_rollback_is_started() {
    let Some(database) = TestDatabase::create().await else {
        return;
    };
    let mut fleet = Fleet::over(database.url(), 1).await;
    let id = fleet.roll_out(at_once()).await;
    fleet.offered_of(&fleet.devices).await;
    fleet.confirm(&fleet.devices).await;
    // As a server of the version before made it, up to the moment between its two steps.
    let mut plan = at_once();
    plan["target"] = json!({ "confirmed_in": id });
    plan["allow_downgrade"] = json!(true);
    let body = json!({ "device_type": "esp32c3", "version": "1.0.0", "plan": plan });
    let draft: Value = fleet
        .server
        .post("/api/rollouts", &body)
        .await
        .json()
        .await
        .unwrap();
    let mut hand = Hand::on(&database).await;
    query("UPDATE rollouts SET created_by = 'server' WHERE id = $1")
        .bind(draft["id"].as_str().unwrap())
        .execute(&mut hand.0)
        .await
        .unwrap();
    hand.halts(&id, "rollback").await;
    fleet = fleet.restarted().await;
    let back = fleet.until_back_from(&id).await;
    assert_eq!(back["id"], draft["id"]);
    assert_eq!(hand.backs().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_nodes_that_take_over_a_rollback_one_begins_it() {
    let Some(mut nodes) = Nodes::start().await else {
        return;
    };
    let [a, b, c] = nodes.three();
    publish_both(a).await;
    check_in(a, "d", json!({ "version": "1.0.0" })).await;
    let mut hand = Hand::on(&nodes.database).await;
    for round in 1..4 {
        let id = roll_out(a).await;
        for node in [b, c] {
            until_rollout(node, &id, "running").await;
        }
        hand.halts(&id, "rollback").await;
        hand.tells(json!({ "rollouts": [id] })).await;
        for node in [a, b, c] {
            until("the rollback", async || backs_at(node).await == round).await;
        }
        assert_eq!(hand.backs().await, i64::try_from(round).unwrap());
    }
    // So it is of nodes that start together.
    let id = roll_out(a).await;
    hand.halts(&id, "rollback").await;
    let late = tokio::join!(nodes.another(), nodes.another());
    for node in [&late.0, &late.1] {
        until("the rollback", async || backs_at(node).await == 4).await;
    }
    nodes.all.extend([late.0, late.1]);
    for mut node in nodes.all.drain(..) {
        assert!(node.running.take().unwrap().shutdown().await);
    }
    assert_eq!(hand.backs().await, 4);
}

#[tokio::test]
async fn what_one_node_calls_off_is_called_off_for_devices_of_another() {
    let Some(nodes) = Nodes::start().await else {
        return;
    };
    let [a, b, c] = nodes.three();
    publish_both(a).await;
    // Without anybody, the rollout would be completed at once.
    check_in(a, "somebody", json!({ "version": "1.0.0" })).await;
    let id = roll_out(a).await;
    until_rollout(b, &id, "running").await;
    for number in 0..20 {
        let answer = check_in(b, &format!("d{number}"), json!({ "version": "1.0.0" })).await;
        assert_eq!(answer["offer"]["version"], "1.1.0");
    }
    // The first has not heard of any of them.
    let path = format!("/api/rollouts/{id}/revoke");
    let revoked = a.post(&path, &json!({ "note": "wrong build" })).await;
    assert_eq!(revoked.status(), 200);
    for node in [b, a, c] {
        for number in 0..20 {
            let device = format!("d{number}");
            until(&device, async || {
                state(node, &device).await.as_deref() == Some("cancelled")
            })
            .await;
        }
    }
    let mut hand = Hand::on(&nodes.database).await;
    let counts = hand.machine(&id).await["overall"].clone();
    assert_eq!(
        (&counts["cancelled"], &counts["offered"]),
        (&json!(20), &json!(0))
    );
    // It is called off for whoever says later that it began.
    report(b, "d0", "downloading", None).await;
    assert_eq!(state(b, "d0").await.as_deref(), Some("cancelled"));
    nodes.stop().await;
}

#[tokio::test]
async fn a_revocation_outlives_a_race_with_another_node() {
    let Some(database) = TestDatabase::create().await else {
        return;
    };
    let fleet = Fleet::over(database.url(), 1).await;
    let id = fleet.roll_out(at_once()).await;
    fleet.offered_of(&fleet.devices).await;
    fleet.report("d000", "downloading", json!({})).await;
    // Another node hears that it is further, and has not told this one yet.
    let mut hand = Hand::on(&database).await;
    query("UPDATE deployments SET detail = 'half of it' WHERE device_id = 'd000'")
        .execute(&mut hand.0)
        .await
        .unwrap();
    hand.writes("d000").await;
    fleet
        .act(&id, "revoke", json!({ "note": "wrong build" }))
        .await;
    until_deployment(&fleet, "d000", "cancelled").await;
    fleet
        .until(&id, "it is counted", |rollout| {
            rollout["counts"]["cancelled"] == 1
        })
        .await;
}

/// The connection breaks in the middle of the commit, and the change is made: the server learns that only by its next try.
#[tokio::test]
async fn a_trip_whose_commit_was_not_acknowledged_stops_offers() {
    let Some(database) = TestDatabase::create().await else {
        return;
    };
    let fleet = Fleet::over(database.url(), 3).await;
    let id = fleet.roll_out(at_once()).await;
    fleet.offered_of(&fleet.devices[..2]).await;
    fleet.report("d000", "downloading", json!({})).await;
    let mut hand = Hand::on(&database).await;
    hand.halts(&id, "cancel").await;
    hand.writes("d000").await;
    fleet
        .report("d000", "failed", json!({ "reason": "too_big" }))
        .await;
    assert_eq!(fleet.rollout(&id).await["state"], "halted");
    assert_eq!(fleet.offer("d002").await, None);
    until_deployment(&fleet, "d001", "cancelled").await;
}

#[tokio::test]
async fn devices_of_a_rollout_that_the_node_has_not_heard_of_are_counted() {
    let Some(database) = TestDatabase::create().await else {
        return;
    };
    let fleet = Fleet::over(database.url(), 1).await;
    let id = fleet.roll_out(at_once()).await;
    fleet.offered_of(&fleet.devices).await;
    fleet.report("d000", "downloading", json!({})).await;
    let mut hand = Hand::on(&database).await;
    query(
        "INSERT INTO rollouts (id, device_type, release_id, name, state, plan, machine, revision, created_at,
             created_by, started_at, started_by, ended_at)
         SELECT 'ffffffffffffffffffffffff', device_type, release_id, name, state, plan, machine, revision, created_at,
             created_by, started_at, started_by, ended_at
         FROM rollouts WHERE id = $1",
    )
    .bind(&id)
    .execute(&mut hand.0)
    .await
    .unwrap();
    let other = "ffffffffffffffffffffffff";
    query("UPDATE deployments SET rollout_id = $1 WHERE device_id = 'd000'")
        .bind(other)
        .execute(&mut hand.0)
        .await
        .unwrap();
    hand.writes("d000").await;
    hand.tells(json!({ "devices": ["d000"] })).await;
    until("its deployment", async || {
        fleet.deployment("d000").await["rollout_id"] == other
    })
    .await;
    fleet.report("d000", "downloaded", json!({})).await;
    let counts = fleet.rollout(other).await["counts"].clone();
    assert_eq!(
        (&counts["downloading"], &counts["downloaded"]),
        (&json!(0), &json!(1))
    );
}

#[tokio::test]
async fn every_node_shows_what_the_others_counted() {
    let Some(nodes) = Nodes::start().await else {
        return;
    };
    let [a, b, c] = nodes.three();
    a.publish("esp32c3", &c3("1.0.0")).await;
    let testing = [("device_type", "esp32c3"), ("status", "testing")];
    a.publish_as(&testing, &c3("1.1.0")).await;
    let body = json!({ "device_type": "esp32c3", "version": "1.1.0", "plan": at_once() });
    let drafted: Value = a.post("/api/rollouts", &body).await.json().await.unwrap();
    let id = drafted["id"].as_str().unwrap();
    let started = a
        .post(&format!("/api/rollouts/{id}/start"), &json!({}))
        .await;
    assert_eq!(started.status(), 200);
    until("the offer at b", async || {
        let answer = check_in(b, "d", json!({ "version": "1.0.0" })).await;
        answer["offer"]["version"] == "1.1.0"
    })
    .await;
    report(b, "d", "downloading", None).await;
    // Nobody changes the rollout meanwhile: devices are counted, and that is all.
    for node in [a, c] {
        until("the count at the others", async || {
            let shown = node.json(&format!("/api/rollouts/{id}")).await;
            let listed = node.json("/api/rollouts").await;
            shown["counts"]["downloading"] == 1
                && listed["rollouts"][0]["counts"]["downloading"] == 1
        })
        .await;
    }
    nodes.stop().await;
}
