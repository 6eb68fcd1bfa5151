//! A fleet that asks and reports over HTTP, and a clock that is turned by hand.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::{Value, json};
use updraft_server::{Clock, Config, DeviceAuth};

use crate::support::images::{c3, elf_sha256};
use crate::support::{TestServer, start_with};

/// When the tests begin: a Monday, 00:00 UTC.
pub const BEGIN: i64 = 1_767_571_200;

/// An hour in seconds.
pub const HOUR: i64 = 3600;

/// Everybody at once, judged strictly.
pub fn at_once() -> Value {
    json!({ "stages": [{ "size": { "share_bp": 10_000 } }] })
}

/// A server with 1.0.0 and 1.1.0, and devices that run 1.0.0.
pub struct Fleet {
    pub server: TestServer,
    pub clock: Clock,
    pub devices: Vec<String>,
    /// The `PostgreSQL` database, if it is in one.
    database: Option<String>,
    old: String,
    new: String,
}

/// What the server starts with.
pub fn tune(clock: &Clock) -> impl FnOnce(&mut Config) + use<> {
    let clock = clock.clone();
    move |config| {
        config.clock = clock;
        config.device_auth = DeviceAuth::Open;
    }
}

impl Fleet {
    /// So many devices, which have asked once. 1.1.0 is in testing: nobody gets it but by a rollout.
    pub async fn of(count: usize) -> Self {
        Self::with(count, |_| json!({})).await
    }

    /// The same, where each device says more of itself.
    pub async fn with(count: usize, says: impl Fn(usize) -> Value) -> Self {
        Self::tuned(count, says, |_| {}).await
    }

    /// So many devices of a server whose database is `PostgreSQL`, so that others may write to it.
    pub async fn over(database: &str, count: usize) -> Self {
        let url = database.to_owned();
        let more = move |config: &mut Config| config.database = Some(url.parse().unwrap());
        let fleet = Self::tuned(count, |_| json!({}), more).await;
        Self {
            database: Some(database.to_owned()),
            ..fleet
        }
    }

    /// The same at a server whose streams of events may be one event behind.
    pub async fn lagging(count: usize) -> Self {
        Self::tuned(
            count,
            |_| json!({}),
            |config| config.limits.max_stream_lag = 1,
        )
        .await
    }

    async fn tuned(
        count: usize,
        says: impl Fn(usize) -> Value,
        more: impl FnOnce(&mut Config),
    ) -> Self {
        let clock = Clock::manual(BEGIN);
        let usual = tune(&clock);
        let server = start_with(|config| {
            usual(config);
            more(config);
        })
        .await;
        let old = c3("1.0.0");
        let new = c3("1.1.0");
        server.publish("esp32c3", &old).await;
        let testing = [("device_type", "esp32c3"), ("status", "testing")];
        server.publish_as(&testing, &new).await;
        let fleet = Self {
            server,
            clock,
            database: None,
            devices: (0..count).map(|index| format!("d{index:03}")).collect(),
            old: elf_sha256(&old),
            new: elf_sha256(&new),
        };
        join_all(fleet.devices.iter().enumerate().map(async |(index, id)| {
            let mut body = says(index);
            body["version"] = json!("1.0.0");
            body["elf_sha256"] = json!(fleet.old);
            assert_eq!(fleet.ask(id, body).await.get("offer"), None, "{id}");
        }))
        .await;
        fleet
    }

    /// Stops the server and starts another on the same files.
    pub async fn restarted(mut self) -> Self {
        let usual = tune(&self.clock);
        let database = self.database.clone();
        let restarting = self.server.restart(|config| {
            usual(config);
            config.database = database.map(|url| url.parse().unwrap());
        });
        self.server = restarting.await;
        self
    }

    async fn ask(&self, id: &str, mut body: Value) -> Value {
        body["device_type"] = json!("esp32c3");
        body["state"] = json!("valid");
        let path = format!("/api/devices/{id}/check-in");
        let response = self.server.post(&path, &body).await;
        assert_eq!(response.status(), 200);
        response.json().await.unwrap()
    }

    /// A device that runs 1.0.0 asks; the version it is offered, if any.
    pub async fn offer(&self, id: &str) -> Option<String> {
        let reply = self
            .ask(id, json!({ "version": "1.0.0", "elf_sha256": self.old }))
            .await;
        reply["offer"]["version"].as_str().map(str::to_owned)
    }

    /// A device that runs 1.1.0 asks; the version it is offered, if any.
    pub async fn offer_to_new(&self, id: &str) -> Option<String> {
        let reply = self
            .ask(id, json!({ "version": "1.1.0", "elf_sha256": self.new }))
            .await;
        reply["offer"]["version"].as_str().map(str::to_owned)
    }

    /// All of these ask; who was offered something.
    pub async fn offered_of(&self, ids: impl IntoIterator<Item = &String>) -> BTreeSet<String> {
        let asked = ids.into_iter().map(async |id| {
            let offer = self.offer(id).await;
            offer.map(|_| id.clone())
        });
        join_all(asked).await.into_iter().flatten().collect()
    }

    /// Everybody who is not in `done` asks; who was offered something.
    pub async fn offered_but(&self, done: &BTreeSet<String>) -> BTreeSet<String> {
        self.offered_of(self.devices.iter().filter(|id| !done.contains(*id)))
            .await
    }

    /// The new app proves itself on these.
    pub async fn confirm(&self, ids: impl IntoIterator<Item = &String>) {
        join_all(ids.into_iter().map(async |id| {
            self.ask(id, json!({ "version": "1.1.0", "elf_sha256": self.new }))
                .await;
        }))
        .await;
    }

    /// A device says how an update goes.
    pub async fn report(&self, id: &str, status: &str, more: Value) {
        let mut body = more;
        body["firmware_version"] = json!("1.1.0");
        body["update_status"] = json!(status);
        let path = format!("/api/devices/{id}/reports");
        assert_eq!(self.server.post(&path, &body).await.status(), 200);
    }

    /// Drafts a rollout of 1.1.0; its id.
    pub async fn draft(&self, plan: Value) -> String {
        let body = json!({ "device_type": "esp32c3", "version": "1.1.0", "plan": plan });
        let response = self.server.post("/api/rollouts", &body).await;
        let status = response.status();
        let rollout: Value = response.json().await.unwrap();
        assert_eq!(status, 201, "{rollout}");
        assert_eq!(rollout["state"], "draft");
        rollout["id"].as_str().unwrap().to_owned()
    }

    /// Drafts and starts one; its id.
    pub async fn roll_out(&self, plan: Value) -> String {
        let id = self.draft(plan).await;
        self.act(&id, "start", json!({})).await;
        id
    }

    /// Does something to a rollout.
    pub async fn act(&self, id: &str, verb: &str, body: Value) -> Value {
        let response = self
            .server
            .post(&format!("/api/rollouts/{id}/{verb}"), &body)
            .await;
        let status = response.status();
        let answer: Value = response.json().await.unwrap();
        assert_eq!(status, 200, "{verb}: {answer}");
        answer
    }

    /// A rollout as it stands.
    pub async fn rollout(&self, id: &str) -> Value {
        self.server.json(&format!("/api/rollouts/{id}")).await
    }

    /// Waits until a rollout is as wanted: timers work beside the requests.
    pub async fn until(&self, id: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let limit = std::time::Duration::from_mins(1);
        let mut last = Value::Null;
        let reached = tokio::time::timeout(limit, async {
            loop {
                last = self.rollout(id).await;
                if wanted(&last) {
                    break;
                }
                tokio::task::yield_now().await;
            }
        });
        assert!(reached.await.is_ok(), "{what}: {last:#}");
        last
    }

    /// Every rollout that takes back what this one confirmed, the latest first.
    pub async fn back_from(&self, id: &str) -> Vec<Value> {
        let list = self.server.json("/api/rollouts").await;
        let rollouts = list["rollouts"].as_array().unwrap().iter();
        let is_back = |rollout: &&Value| {
            let plan = &rollout["plan"];
            plan["allow_downgrade"] == true && plan["target"]["confirmed_in"] == id
        };
        rollouts.filter(is_back).cloned().collect()
    }

    /// Waits until there is a rollout that takes them back, and it runs or found nobody.
    pub async fn until_back_from(&self, id: &str) -> Value {
        let limit = std::time::Duration::from_mins(1);
        let found = tokio::time::timeout(limit, async {
            loop {
                let mut all = self.back_from(id).await.into_iter();
                let is_going =
                    |one: &Value| one["state"] == "running" || one["state"] == "completed";
                if let Some(one) = all.find(is_going) {
                    break one;
                }
                tokio::task::yield_now().await;
            }
        });
        found
            .await
            .unwrap_or_else(|_| panic!("nobody takes back what {id} confirmed"))
    }

    /// Waits until the step of this number, from 0, is open.
    pub async fn until_step(&self, id: &str, step: usize) -> Value {
        self.until(id, &format!("step {step} opens"), |rollout| {
            rollout["steps"][step]["state"] == "open"
        })
        .await
    }

    /// Waits until it is in this state.
    pub async fn until_state(&self, id: &str, state: &str) -> Value {
        self.until(id, state, |rollout| rollout["state"] == state)
            .await
    }

    /// Waits until a device's offer is taken back.
    pub async fn until_no_deployment(&self, id: &str) {
        let limit = std::time::Duration::from_mins(1);
        let gone = tokio::time::timeout(limit, async {
            while !self.deployment(id).await.is_null() {
                tokio::task::yield_now().await;
            }
        });
        assert!(gone.await.is_ok(), "{id} keeps its offer");
    }

    /// A device's latest deployment.
    pub async fn deployment(&self, id: &str) -> Value {
        let device = self.server.json(&format!("/api/devices/{id}")).await;
        device["deployments"][0].clone()
    }
}
