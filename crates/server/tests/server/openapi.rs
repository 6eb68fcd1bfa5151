//! The document agrees with the routes, and every route fails closed.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::Value;

use crate::support::{self, refusal, start};

/// The only routes that need no token. Metrics are open because the test listens on loopback.
const OPEN: [&str; 5] = [
    "get /api/openapi.json",
    "get /healthz",
    "get /metrics",
    "get /readyz",
    "post /api/devices/enrol",
];

/// The routes whose path is the credential.
const SIGNED: [&str; 2] = [
    "get /d/{device}/{token}",
    "get /signed/{device}/{release}/firmware.bin",
];

/// Every operation of the document: method, path, description.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let mut found = Vec::new();
    for (path, item) in paths {
        for (method, operation) in item.as_object().unwrap() {
            found.push((method.clone(), path.clone(), operation.clone()));
        }
    }
    found
}

/// A path with something in its blanks.
fn filled(path: &str) -> String {
    path.replace("{device_type}", "esp32c3")
        .replace("{name}", "esp32c3")
        .replace("{id}", "000000000000000000000000")
        .replace("{device}", "d")
        .replace("{token}", &"A".repeat(48))
        .replace("{release}", "000000000000000000000000")
}

fn method(name: &str) -> Method {
    name.to_uppercase().parse().unwrap()
}

#[tokio::test]
async fn the_document_is_as_committed() {
    let server = start().await;
    let document: Value = server.json("/api/openapi.json").await;
    insta::assert_json_snapshot!(document);
}

#[tokio::test]
async fn every_route_but_the_listed_needs_a_token() {
    let server = support::start_with(|config| config.limits.max_auth_failures = u32::MAX).await;
    let document: Value = server.json("/api/openapi.json").await;
    let mut open = BTreeSet::new();
    for (name, path, operation) in operations(&document) {
        let bare = server.bare(method(&name), &filled(&path));
        let response = bare.send().await.unwrap();
        let route = format!("{name} {path}");
        if OPEN.contains(&route.as_str()) {
            assert_ne!(response.status(), 403, "{route}");
            open.insert(route);
            continue;
        }
        if SIGNED.contains(&route.as_str()) {
            assert!(operation["security"].is_null(), "{route}");
            let zeros = "0".repeat(64);
            let query = format!("?expires=4000000000&key=1&signature={zeros}");
            let forged = server.bare(method(&name), &(filled(&path) + &query));
            let (status, code) = refusal(forged.send().await.unwrap()).await;
            assert_eq!((status, code.as_str()), (403, "url_not_signed"), "{route}");
            continue;
        }
        let (status, code) = refusal(response).await;
        assert_eq!((status, code.as_str()), (401, "token_required"), "{route}");
        assert!(operation["security"].is_array(), "{route}");

        let wrong = server
            .bare(method(&name), &filled(&path))
            .bearer_auth(support::random_token());
        let (status, code) = refusal(wrong.send().await.unwrap()).await;
        assert_eq!((status, code.as_str()), (401, "unknown_token"), "{route}");

        let basic = server
            .bare(method(&name), &filled(&path))
            .basic_auth("admin", Some(&server.admin));
        let (status, code) = refusal(basic.send().await.unwrap()).await;
        assert_eq!(
            (status, code.as_str()),
            (401, "bad_authorization"),
            "{route}"
        );
    }
    assert_eq!(open, OPEN.map(str::to_owned).into());
}

#[tokio::test]
async fn every_role_stops_where_the_document_says() {
    let server = start().await;
    let document: Value = server.json("/api/openapi.json").await;
    let order = ["relay", "viewer", "publisher", "operator", "admin"];
    let mut tokens = Vec::new();
    for role in order {
        tokens.push((role, server.token(role).await));
    }
    let device = server.enrol("some-device", "esp32c3").await;
    for (name, path, operation) in operations(&document) {
        let route = format!("{name} {path}");
        let needed = operation["x-role"].as_str().unwrap();
        let level = match needed {
            "none" | "enrolment key" | "viewer, unless metrics are open" => continue,
            "device or operator" => 3,
            role => order.iter().position(|one| *one == role).unwrap(),
        };
        let ask = async |token: &str| {
            let request = server
                .bare(method(&name), &filled(&path))
                .bearer_auth(token);
            request.send().await.unwrap()
        };
        for (index, (role, token)) in tokens.iter().enumerate() {
            let response = ask(token).await;
            let status = response.status().as_u16();
            // Relays' routes are theirs and the admin's.
            let is_others = needed == "relay" && !matches!(*role, "relay" | "admin");
            if index < level || is_others {
                let refused = refusal(response).await;
                assert_eq!(refused, (403, "role_too_low".to_owned()), "{role} {route}");
            } else {
                assert!(status != 401 && status != 403, "{role} {route}: {status}");
            }
        }
        // A device's token opens device routes, and there only its own.
        let (status, code) = match ask(&device).await {
            response if response.status().is_success() => (200, String::new()),
            response => refusal(response).await,
        };
        match needed {
            "device or operator" => assert_ne!(code, "role_too_low", "{route}"),
            _ => assert_eq!((status, code.as_str()), (403, "role_too_low"), "{route}"),
        }
    }
}
