//! Webhooks: what happens is posted, signed, in order, again and again, by one node.

pub mod receiver;
mod verifier;

use reqwest::Method;
use serde_json::{Value, json};

use crate::fleet::{BEGIN, HOUR, tune};
use crate::support::images::c3;
use crate::support::{TestServer, refusal, start, start_with};
use receiver::Receiver;
use updraft_server::Clock;

async fn add(server: &TestServer, url: &str, types: &[&str]) -> Value {
    let body = json!({ "url": url, "types": types });
    let response = server.post("/api/webhooks", &body).await;
    assert_eq!(response.status(), 201);
    response.json().await.unwrap()
}

async fn hook(server: &TestServer) -> Value {
    server.json("/api/webhooks").await["webhooks"][0].clone()
}

async fn until(server: &TestServer, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    let reached = tokio::time::timeout(receiver::PATIENCE, async {
        loop {
            last = hook(server).await;
            if wanted(&last) {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    });
    assert!(reached.await.is_ok(), "{what}: {last:#}");
    last
}

/// Something happens that a hook for releases is told: the type, the release, its channel.
async fn happen(server: &TestServer, version: &str) {
    server.publish("esp32c3", &c3(version)).await;
}

#[tokio::test]
async fn what_happens_is_posted_in_order_and_another_implementation_verifies_the_signature() {
    let server = start().await;
    let mut receiver = Receiver::start().await;
    let added = add(&server, &receiver.url, &["release.publish", "type"]).await;
    let secret = added["secret"].as_str().unwrap();
    happen(&server, "1.0.0").await;
    happen(&server, "1.1.0").await;
    let mut kinds = Vec::new();
    let mut ids = Vec::new();
    for _ in 0..3 {
        let delivery = receiver.next().await;
        let body: Value = serde_json::from_slice(&delivery.body).unwrap();
        let id = delivery.header("webhook-id");
        assert_eq!(id, format!("evt_{}", body["data"]["id"]));
        ids.push(id);
        kinds.push(body["type"].as_str().unwrap().to_owned());
        if let Some(verified) = verifier::verify(secret, &delivery) {
            assert_eq!(verified, body);
            let other = Receiver::forged(&delivery);
            assert_eq!(
                verifier::verify(secret, &other),
                Some(Value::Null),
                "forged"
            );
        }
    }
    assert_eq!(kinds, ["type.create", "release.publish", "release.publish"]);
    assert!(ids.is_sorted_by_key(|id| id[4..].parse::<i64>().unwrap()));
    let shown = until(&server, "delivered", |hook| hook["delivered_at"].is_i64()).await;
    assert!(!shown.to_string().contains("whsec_"), "{shown}");
    let audit = server.json("/api/audit?limit=1000").await;
    assert!(audit.to_string().contains("webhook.add"));
    assert!(!audit.to_string().contains("whsec_"));
}

#[tokio::test]
async fn what_is_not_taken_is_tried_again_later_before_what_came_after_it_and_across_restarts() {
    let clock = Clock::manual(BEGIN);
    let server = start_with(tune(&clock)).await;
    let mut receiver = Receiver::start().await;
    add(&server, &receiver.url, &["release.publish"]).await;
    receiver.answer(503);
    happen(&server, "1.0.0").await;
    let first = receiver.next().await;
    until(&server, "a try", |hook| hook["tries"] == 1).await;
    happen(&server, "1.1.0").await;
    // Not before its time, whatever happens meanwhile; and then by a server that was started since.
    let server = server.restart(tune(&clock)).await;
    assert_eq!(hook(&server).await["tries"], 1);
    clock.advance(6);
    let second = receiver.next().await;
    assert_eq!(first.header("webhook-id"), second.header("webhook-id"));
    assert_eq!(first.body, second.body);
    assert_ne!(
        first.header("webhook-signature"),
        second.header("webhook-signature"),
        "the time is another"
    );
    let stands = until(&server, "another try", |hook| hook["tries"] == 2).await;
    assert_eq!(stands["failing_since"], BEGIN);
    assert!(
        stands["last_error"].as_str().unwrap().contains("503"),
        "{stands}"
    );
    receiver.answer(200);
    clock.advance(66);
    let third = receiver.next().await;
    assert_eq!(third.header("webhook-id"), first.header("webhook-id"));
    let next = receiver.next().await;
    assert_ne!(next.header("webhook-id"), first.header("webhook-id"));
    assert!(next.text().contains("1.1.0"));
    let stands = until(&server, "all is well", |hook| hook["tries"] == 0).await;
    assert_eq!(stands.get("failing_since"), None, "{stands}");
}

#[tokio::test]
async fn an_event_is_given_up_after_a_day_and_a_hook_after_days() {
    let clock = Clock::manual(BEGIN);
    let server = start_with(tune(&clock)).await;
    let mut receiver = Receiver::start().await;
    add(&server, &receiver.url, &["release.publish"]).await;
    receiver.answer(500);
    happen(&server, "1.0.0").await;
    for tries in 1..10 {
        receiver.next().await;
        until(&server, "a try", |hook| hook["tries"] == tries).await;
        clock.advance(11 * HOUR);
    }
    receiver.next().await;
    let kind = "/api/events/list?types=webhook.gave_up,webhook.disable";
    until(&server, "given up", |hook| hook["tries"] == 0).await;
    let told = server.json(kind).await;
    assert_eq!(told["events"][0]["type"], "webhook.gave_up", "{told}");
    // The next one is tried, and the fifth day is over.
    clock.advance(2 * 24 * HOUR);
    happen(&server, "1.1.0").await;
    receiver.next().await;
    let stands = until(&server, "disabled", |hook| hook["disabled"].is_string()).await;
    assert!(
        stands["disabled"].as_str().unwrap().contains("5 days"),
        "{stands}"
    );
    let told = server.json(kind).await;
    assert_eq!(told["events"][1]["type"], "webhook.disable", "{told}");
    // A person lets it go on: where it stopped.
    receiver.answer(204);
    let path = format!("/api/webhooks/{}/enable", stands["id"].as_str().unwrap());
    assert_eq!(server.post(&path, &json!({})).await.status(), 204);
    assert!(receiver.next().await.text().contains("1.1.0"));
    // By the convention, 410 ends it at once.
    receiver.answer(410);
    happen(&server, "1.2.0").await;
    receiver.next().await;
    until(&server, "gone", |hook| hook["disabled"].is_string()).await;
}

#[tokio::test]
async fn no_redirect_is_followed_and_a_test_says_what_came_of_it() {
    let server = start().await;
    let mut receiver = Receiver::start().await;
    let added = add(&server, &receiver.url, &[]).await;
    let id = added["webhook"]["id"].as_str().unwrap();
    let test = format!("/api/webhooks/{id}/test");
    let ask = async || -> Value {
        let response = server.post(&test, &json!({})).await;
        assert_eq!(response.status(), 200);
        response.json().await.unwrap()
    };
    let came = ask().await;
    assert_eq!((&came["ok"], &came["status"]), (&json!(true), &json!(200)));
    let delivery = receiver.next().await;
    assert!(delivery.text().contains("webhook.test"));
    if let Some(verified) = verifier::verify(added["secret"].as_str().unwrap(), &delivery) {
        assert_eq!(verified["type"], "webhook.test");
    }
    receiver.answer(307);
    let came = ask().await;
    assert_eq!((&came["ok"], &came["status"]), (&json!(false), &json!(307)));
    receiver.next().await;
    receiver.stop();
    let came = ask().await;
    assert_eq!((&came["ok"], came.get("status")), (&json!(false), None));
    let removed = server.delete(&format!("/api/webhooks/{id}")).await;
    assert_eq!(removed.status(), 204);
    let gone = server.post(&test, &json!({})).await;
    assert_eq!(refusal(gone).await, (404, "webhook_not_found".to_owned()));
}

#[tokio::test]
async fn where_nothing_may_be_posted_no_hook_is_added() {
    let server = start_with(|config| config.limits.max_webhooks = 1).await;
    for (body, wanted) in [
        (json!({ "url": "http://169.254.169.254/latest" }), "bad_url"),
        (
            json!({ "url": "http://[::ffff:169.254.169.254]/" }),
            "bad_url",
        ),
        (json!({ "url": "file:///etc/passwd" }), "bad_url"),
        (json!({ "url": "http://a:b@127.0.0.1/" }), "bad_url"),
        (
            json!({ "url": "http://127.0.0.1/", "secret": "whsec_c2hvcnQ=" }),
            "bad_secret",
        ),
        (
            json!({ "url": "http://127.0.0.1/", "types": ["No Kind"] }),
            "bad_types",
        ),
    ] {
        let response = server.post("/api/webhooks", &body).await;
        assert_eq!(refusal(response).await, (400, wanted.to_owned()), "{body}");
    }
    add(&server, "http://127.0.0.1:1/", &[]).await;
    let second = server
        .request(Method::POST, "/api/webhooks")
        .json(&json!({ "url": "http://127.0.0.1:1/" }));
    let (status, code) = refusal(second.send().await.unwrap()).await;
    assert_eq!((status, code.as_str()), (409, "too_many_webhooks"));
}
