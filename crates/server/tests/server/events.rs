//! The stream of events: what happens, as it happens, from where somebody stopped.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::fleet::{Fleet, at_once};
use crate::support::{TestServer, refusal, start, start_with};

/// Longest wait for what takes a moment.
const PATIENCE: Duration = Duration::from_secs(30);

/// Server-sent events as a client sees them, read by their own rules: lines, blocks, comments.
pub struct Follower {
    response: Response,
    text: String,
}

/// One block.
#[derive(Debug, Default)]
pub struct Frame {
    pub id: Option<i64>,
    pub event: String,
    pub data: Value,
}

impl Follower {
    pub async fn new(server: &TestServer, path: &str, token: &str, last: Option<i64>) -> Self {
        let mut request = server.bare(Method::GET, path).bearer_auth(token);
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        let kind = response.headers()["content-type"].to_str().unwrap();
        assert_eq!(kind, "text/event-stream");
        let mut follower = Self {
            response,
            text: String::new(),
        };
        // The opening comment: from here on nothing is missed.
        while !follower.text.contains("\n\n") {
            assert!(follower.more().await);
        }
        let rest = follower.text.split_once("\n\n").unwrap().1.to_owned();
        follower.text = rest;
        follower
    }

    async fn more(&mut self) -> bool {
        let chunk = tokio::time::timeout(PATIENCE, self.response.chunk()).await;
        let Some(chunk) = chunk.expect("nothing comes").unwrap() else {
            return false;
        };
        self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        true
    }

    /// The next event; none if the stream ended.
    pub async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let mut frame = Frame::default();
                for line in block.lines() {
                    match line.split_once(": ") {
                        Some(("id", id)) => frame.id = Some(id.parse().unwrap()),
                        Some(("event", event)) => event.clone_into(&mut frame.event),
                        Some(("data", data)) => frame.data = serde_json::from_str(data).unwrap(),
                        _ => {}
                    }
                }
                let rest = rest.to_owned();
                self.text = rest;
                if !frame.event.is_empty() {
                    return Some(frame);
                }
            } else if !self.more().await {
                return None;
            }
        }
    }

    /// So many events' kinds.
    async fn kinds(&mut self, count: usize) -> Vec<String> {
        let mut kinds = Vec::new();
        while kinds.len() < count {
            kinds.push(self.next().await.unwrap().event);
        }
        kinds
    }
}

#[tokio::test]
async fn seed_004_monitoring_a_rollouts_way_is_followed_as_it_goes() {
    let fleet = Fleet::of(3).await;
    let server = &fleet.server;
    let viewer = server.token("viewer").await;
    let mut plan = at_once();
    plan["trips"] = json!([{ "kinds": ["failed"], "count": 1 }]);
    let id = fleet.draft(plan).await;
    let path = format!("/api/events?rollout={id}");
    let mut follower = Follower::new(server, &path, &viewer, None).await;
    fleet.act(&id, "start", json!({})).await;
    fleet.offered_of(&fleet.devices).await;
    fleet.confirm(&fleet.devices[..1]).await;
    let failed = json!({ "reason": "checksum_mismatch" });
    fleet.report(&fleet.devices[1], "failed", failed).await;

    assert_eq!(
        follower.kinds(2).await,
        ["rollout.start", "rollout.step_open"]
    );
    let confirmed = follower.next().await.unwrap();
    assert_eq!(confirmed.event, "deployment.confirmed");
    assert_eq!(confirmed.id, confirmed.data["id"].as_i64());
    assert_eq!(confirmed.data["type"], "deployment.confirmed");
    assert_eq!(confirmed.data["subject"], fleet.devices[0]);
    assert_eq!(confirmed.data["rollout_id"], id);
    assert_eq!(confirmed.data["detail"]["version"], "1.1.0");
    let mut rest = [
        follower.next().await.unwrap(),
        follower.next().await.unwrap(),
    ];
    rest.sort_by(|one, other| one.event.cmp(&other.event));
    assert_eq!(rest[0].event, "deployment.failed");
    assert_eq!(rest[0].data["detail"]["reason"], "checksum_mismatch");
    assert_eq!(rest[1].event, "rollout.trip");
    assert_eq!(rest[1].data["actor"], "server");

    // Who was away goes on from where they were, also at another server on the same files.
    let seen = confirmed.id.unwrap();
    let fleet = fleet.restarted().await;
    let mut again = Follower::new(&fleet.server, &path, &viewer, Some(seen)).await;
    let mut late = again.kinds(2).await;
    late.sort();
    assert_eq!(late, ["deployment.failed", "rollout.trip"]);
    fleet.act(&id, "resume", json!({ "note": "go on" })).await;
    assert_eq!(again.kinds(1).await, ["rollout.resume"]);
}

#[tokio::test]
async fn viewers_see_no_tokens_and_kinds_are_chosen() {
    let server = start().await;
    let (viewer, operator) = (server.token("viewer").await, server.token("operator").await);
    let all = "/api/events?after=0";
    let mut by_operator = Follower::new(&server, all, &operator, None).await;
    let mut by_viewer = Follower::new(&server, all, &viewer, None).await;
    let mut only = Follower::new(&server, "/api/events?types=release", &viewer, None).await;
    server
        .publish("esp32c3", &crate::support::images::c3("1.0.0"))
        .await;
    assert!(
        by_operator
            .kinds(3)
            .await
            .contains(&"token.issue".to_owned())
    );
    assert_eq!(by_viewer.kinds(2).await, ["type.create", "release.publish"]);
    assert_eq!(only.kinds(1).await, ["release.publish"]);

    // The same as a list.
    let list = server
        .json("/api/events/list?types=release,type.create")
        .await;
    let kinds: Vec<&str> = list["events"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|event| event["type"].as_str())
        .collect();
    assert_eq!(kinds, ["type.create", "release.publish"]);
    assert_eq!((&list["more"], &list["oldest"]), (&json!(false), &json!(1)));
    let one = server.json("/api/events/list?after=0&limit=1").await;
    assert_eq!((&one["next"], &one["more"]), (&json!(1), &json!(true)));

    for (path, wanted) in [
        ("/api/events?types=DROP%20TABLE", "bad_types"),
        ("/api/events/list?after=x", "bad_query"),
    ] {
        let (status, code) = refusal(server.get(path).await).await;
        assert_eq!((status, code.as_str()), (400, wanted), "{path}");
    }
    let request = server
        .request(Method::GET, "/api/events")
        .header("Last-Event-ID", "yesterday");
    let (status, code) = refusal(request.send().await.unwrap()).await;
    assert_eq!((status, code.as_str()), (400, "bad_event_id"));
}

#[tokio::test]
async fn streams_are_bounded_and_end_with_the_server() {
    let mut server = start_with(|config| config.limits.max_streams = 2).await;
    let admin = server.admin.clone();
    let mut first = Follower::new(&server, "/api/events", &admin, None).await;
    let second = Follower::new(&server, "/api/events", &admin, None).await;
    let (status, code) = refusal(server.get("/api/events").await).await;
    assert_eq!((status, code.as_str()), (503, "too_many_streams"));
    // A place that is left is free.
    drop(second);
    let freed = tokio::time::timeout(PATIENCE, async {
        while server.get("/api/events").await.status() != 200 {
            tokio::task::yield_now().await;
        }
    });
    assert!(freed.await.is_ok());
    let stopping = tokio::spawn(server.running.take().unwrap().shutdown());
    let end = first.next().await.unwrap();
    assert_eq!(
        (end.event.as_str(), &end.data["code"]),
        ("end", &json!("server_stops"))
    );
    assert!(first.next().await.is_none());
    assert!(stopping.await.unwrap(), "nobody had to be cut off");
}

#[tokio::test]
async fn who_falls_behind_is_told_so_and_goes_on_by_connecting_again() {
    let fleet = Fleet::lagging(1).await;
    let server = &fleet.server;
    let id = fleet.draft(at_once()).await;
    let begin = server.json("/api/events/list").await["next"].as_i64();
    let mut follower = Follower::new(server, "/api/events", &server.admin, begin).await;
    // The start and the opening of its step are one commit: two events at once, where one is allowed.
    fleet.act(&id, "start", json!({})).await;
    let end = follower.next().await.unwrap();
    assert_eq!(
        (end.event.as_str(), &end.data["code"]),
        ("end", &json!("too_slow"))
    );
    assert!(follower.next().await.is_none());
    let mut again = Follower::new(server, "/api/events", &server.admin, begin).await;
    assert_eq!(again.kinds(2).await, ["rollout.start", "rollout.step_open"]);
}
