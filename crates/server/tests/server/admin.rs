//! Tokens, secrets, and the record of who did what.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use updraft_server::{Config, SecretSource, Server};

use crate::support::images::c3;
use crate::support::{random_token, refusal, start, start_with};

#[tokio::test]
async fn the_first_start_makes_secrets_and_keeps_them_to_itself() {
    let server = start().await;
    let running = server.running.as_ref().unwrap();
    let file = server.data().join("admin-token");
    assert_eq!(
        running.admin_token.source,
        SecretSource::Generated(file.clone())
    );
    for name in ["admin-token", "enrolment-key"] {
        let file = server.data().join(name);
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let written = std::fs::read_to_string(&file).unwrap();
    assert_eq!(written.trim(), server.admin);
    assert_eq!(server.admin.len(), 43);
    let database = std::fs::read(server.data().join("updraft.db-wal")).unwrap();
    let secret = server.admin.as_bytes();
    assert!(!database.windows(secret.len()).any(|w| w == secret));

    let admin = server.admin.clone();
    let server = server.restart(|_| {}).await;
    let running = server.running.as_ref().unwrap();
    assert_eq!(running.admin_token.source, SecretSource::Kept(file));
    assert_eq!(server.admin, admin);
    assert_eq!(server.get("/api/tokens").await.status(), 200);
}

#[tokio::test]
async fn a_given_admin_token_replaces_the_one_given_before() {
    let (first, second) = (random_token(), random_token());
    let given = first.clone();
    let server = start_with(|config| config.admin_token = Some(given)).await;
    assert!(!server.data().join("admin-token").exists());
    let given = second.clone();
    let server = server
        .restart(|config| config.admin_token = Some(given))
        .await;
    assert_eq!(server.get("/api/tokens").await.status(), 200);
    let old = server.bare(Method::GET, "/api/tokens").bearer_auth(first);
    assert_eq!(
        refusal(old.send().await.unwrap()).await,
        (401, "unknown_token".to_owned())
    );
}

#[tokio::test]
async fn a_short_secret_is_refused_at_start() {
    let dir = tempfile::TempDir::new().unwrap();
    let mut config = Config::new(dir.path());
    config.admin_token = Some("secret".to_owned());
    assert_eq!(
        Server::start(config).await.unwrap_err().code(),
        "weak_secret"
    );
}

#[tokio::test]
async fn a_data_directory_has_one_server() {
    let server = start().await;
    let error = Server::start(Config::new(server.data())).await.unwrap_err();
    assert_eq!(error.code(), "data_dir_in_use");
}

/// The id of the first token of this role.
fn token_id<'a>(tokens: &'a Value, role: &str) -> &'a str {
    let mut tokens = tokens.as_array().unwrap().iter();
    let token = tokens.find(|token| token["role"] == role).unwrap();
    token["id"].as_str().unwrap()
}

#[tokio::test]
async fn tokens_are_issued_listed_and_revoked() {
    let server = start().await;
    let operator = server.token("operator").await;
    let as_operator = || {
        server
            .bare(Method::GET, "/api/audit")
            .bearer_auth(&operator)
    };
    assert_eq!(as_operator().send().await.unwrap().status(), 200);
    let tokens = server.json("/api/tokens").await;
    assert!(!tokens.to_string().contains(&operator));

    let id = token_id(&tokens, "operator");
    assert_eq!(
        server.delete(&format!("/api/tokens/{id}")).await.status(),
        204
    );
    assert_eq!(
        refusal(as_operator().send().await.unwrap()).await,
        (401, "unknown_token".to_owned())
    );
    let again = server.delete(&format!("/api/tokens/{id}")).await;
    assert_eq!(refusal(again).await, (404, "not_found".to_owned()));

    let last = token_id(&tokens, "admin");
    let refused = server.delete(&format!("/api/tokens/{last}")).await;
    assert_eq!(refusal(refused).await, (409, "last_admin".to_owned()));
    for bad in [
        json!({ "name": "", "role": "viewer" }),
        json!({ "name": "x".repeat(65), "role": "viewer" }),
    ] {
        let refused = server.post("/api/tokens", &bad).await;
        assert_eq!(refusal(refused).await, (400, "bad_token_name".to_owned()));
    }
}

#[tokio::test]
async fn a_revoked_generated_token_stays_revoked() {
    let server = start().await;
    let generated = server.admin.clone();
    let tokens = server.json("/api/tokens").await;
    let other = server.token("admin").await;
    let id = token_id(&tokens, "admin");
    assert_eq!(id, "generated-admin-token");
    assert_eq!(
        server.delete(&format!("/api/tokens/{id}")).await.status(),
        204
    );
    let server = server.restart(|_| {}).await;
    let status = async |token: &str| {
        let request = server.bare(Method::GET, "/api/tokens").bearer_auth(token);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(status(&generated).await, 401);
    assert_eq!(status(&other).await, 200);
}

#[tokio::test]
async fn failed_attempts_are_bounded_and_lock_nobody_out() {
    let server = start_with(|config| config.limits.max_auth_failures = 3).await;
    let device = server.enrol("d1", "esp32c3").await;
    for _ in 0..3 {
        let request = server
            .bare(Method::GET, "/api/types")
            .bearer_auth(random_token());
        assert_eq!(request.send().await.unwrap().status(), 401);
    }
    let request = server
        .bare(Method::GET, "/api/types")
        .bearer_auth(random_token());
    let response = request.send().await.unwrap();
    let wait: u32 = response.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(
        refusal(response).await,
        (429, "too_many_failures".to_owned())
    );
    let enrolment = server.bare(Method::POST, "/api/devices/enrol").json(&json!({
        "device_id": "d2", "device_type": "esp32c3", "enrolment_key": server.key, "token": random_token(),
    }));
    assert_eq!(
        enrolment.send().await.unwrap().status(),
        201,
        "a right key passes: a fleet may share its address with whoever guesses"
    );
    let enrolment = server.bare(Method::POST, "/api/devices/enrol").json(&json!({
        "device_id": "d3", "device_type": "esp32c3", "enrolment_key": random_token(), "token": random_token(),
    }));
    assert_eq!(refusal(enrolment.send().await.unwrap()).await.0, 429);
    assert_eq!(
        server.get("/api/types").await.status(),
        200,
        "and so does a right token"
    );
    let own = server
        .bare(Method::GET, "/firmwares/latest/esp32c3")
        .bearer_auth(device);
    assert_eq!(own.send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn every_change_is_recorded_with_who_did_it() {
    let server = start().await;
    let release = server.publish("esp32c3", &c3("1.0.0")).await;
    let id = release["id"].as_str().unwrap();
    let operator = server.token("operator").await;
    let request = server
        .bare(Method::POST, &format!("/api/releases/{id}/block"))
        .bearer_auth(&operator)
        .json(&json!({ "reason": "bad Wi-Fi" }));
    assert_eq!(request.send().await.unwrap().status(), 200);
    server
        .post(&format!("/api/releases/{id}/unblock"), &json!({}))
        .await;
    server
        .post(
            &format!("/api/releases/{id}/promote"),
            &json!({ "channel": "beta" }),
        )
        .await;
    server
        .patch(
            &format!("/api/releases/{id}"),
            &json!({ "status": "deprecated" }),
        )
        .await;
    server
        .patch("/api/types/esp32c3", &json!({ "slot_size": 1_048_576 }))
        .await;
    server.enrol("d1", "esp32c3").await;
    server
        .patch("/api/devices/d1", &json!({ "channel": "beta" }))
        .await;
    server
        .post(
            "/api/devices/d2/token",
            &json!({ "device_type": "esp32c3" }),
        )
        .await;
    server.delete(&format!("/api/releases/{id}")).await;

    let audit = server.json("/api/audit").await;
    let records: Vec<(&str, &str)> = audit
        .as_array()
        .unwrap()
        .iter()
        .map(|record| {
            (
                record["action"].as_str().unwrap(),
                record["actor"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        records,
        [
            ("token.issue", "server"),
            ("type.create", "admin"),
            ("release.publish", "admin"),
            ("token.issue", "admin"),
            ("release.block", "a operator"),
            ("release.unblock", "admin"),
            ("release.promote", "admin"),
            ("release.change", "admin"),
            ("type.change", "admin"),
            ("device.enrol", "device d1"),
            ("device.change", "admin"),
            ("device.token", "admin"),
            ("release.delete", "admin"),
        ]
    );
    let blocked = json!({
        "device_type": "esp32c3", "version": "1.0.0", "reason": "bad Wi-Fi", "was": null,
    });
    assert_eq!(audit[4]["detail"], blocked);
    assert_eq!(audit[4]["subject"], id);

    // A page at a time.
    let mut after = String::new();
    let mut paged = Vec::new();
    loop {
        let page = server
            .json(&format!("/api/audit?limit=4&after={after}"))
            .await;
        let Some(last) = page.as_array().unwrap().last() else {
            break;
        };
        last["id"].as_str().unwrap().clone_into(&mut after);
        paged.extend(page.as_array().unwrap().clone());
    }
    assert_eq!(Value::Array(paged), audit);
}

#[tokio::test]
async fn an_admin_token_not_given_any_more_opens_nothing() {
    let given = random_token();
    let admin = given.clone();
    let server = start_with(|config| config.admin_token = Some(admin)).await;
    let refused = async |server: &crate::support::TestServer| {
        let old = server.bare(Method::GET, "/api/tokens").bearer_auth(&given);
        refusal(old.send().await.unwrap()).await
    };
    // Without it, the server makes one.
    let server = server.restart(|_| {}).await;
    assert_eq!(server.get("/api/tokens").await.status(), 200);
    assert_eq!(refused(&server).await, (401, "unknown_token".to_owned()));
    // With it, the made one is revoked; without it again, there must still be an admin.
    let admin = given.clone();
    let server = server
        .restart(|config| config.admin_token = Some(admin))
        .await;
    let tokens = server.json("/api/tokens").await;
    assert_eq!(tokens.as_array().unwrap().len(), 2);
    let revoked = server.delete("/api/tokens/generated-admin-token").await;
    assert_eq!(revoked.status(), 204);
    let server = server.restart(|_| {}).await;
    assert_eq!(server.get("/api/tokens").await.status(), 200);
    assert_eq!(refused(&server).await, (401, "unknown_token".to_owned()));
}

#[tokio::test]
async fn limits_with_which_nobody_is_served_are_refused_at_start() {
    type Tune = fn(&mut Config);
    let bad: [(&str, Tune); 14] = [
        ("max_connections", |c| c.limits.max_connections = 0),
        ("max_connections", |c| c.limits.max_connections = usize::MAX),
        ("max_uploads", |c| c.limits.max_uploads = 0),
        ("max_uploads", |c| c.limits.max_uploads = usize::MAX),
        ("max_devices", |c| c.limits.max_devices = 0),
        ("max_head", |c| c.limits.max_head = 1023),
        ("header_read_timeout", |c| {
            c.limits.header_read_timeout = Duration::ZERO;
        }),
        ("body_timeout", |c| c.limits.body_timeout = Duration::ZERO),
        ("stall_window", |c| c.limits.stall_window = Duration::ZERO),
        ("upload_timeout", |c| {
            c.limits.upload_timeout = Duration::ZERO;
        }),
        ("write_behind", |c| c.limits.write_behind = Duration::ZERO),
        ("poll_interval", |c| {
            c.poll_interval = Some(Duration::from_millis(999));
        }),
        ("poll_interval", |c| {
            c.poll_interval = Some(Duration::from_secs(24 * 3600 + 1));
        }),
        ("poll_interval", |c| {
            c.poll_interval = Some(Duration::from_secs(1 << 32));
        }),
    ];
    for (what, tune) in bad {
        let dir = tempfile::TempDir::new().unwrap();
        let mut config = Config::new(dir.path().join("data"));
        tune(&mut config);
        let error = Server::start(config).await.unwrap_err();
        assert_eq!(error.code(), "bad_limit", "{what}");
        assert!(error.to_string().starts_with(what), "{error}");
        assert!(
            !dir.path().join("data").exists(),
            "{what}: nothing is touched"
        );
    }
    let server = start_with(|config| {
        config.limits.max_head = 1024;
        config.limits.max_devices = 1;
        config.poll_interval = Some(Duration::from_hours(24));
    })
    .await;
    assert_eq!(server.get("/healthz").await.status(), 200);
}
