//! What `deploy/` offers a Prometheus and a Grafana is about metrics that are there.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::fleet::{Fleet, at_once};

fn deploy(file: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy");
    root.join(file)
}

/// Every metric of ours that a text names.
fn named(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_lowercase() || c == '_';
    let mut names = BTreeSet::new();
    for (at, _) in text.match_indices("updraft_") {
        let before = text[..at].chars().next_back();
        let name: String = text[at..].chars().take_while(|c| is_part(*c)).collect();
        if !before.is_some_and(is_part) {
            names.insert(name);
        }
    }
    names
}

/// A fleet that went through what is measured: a success, failures of several kinds, a halt.
async fn seen() -> String {
    let fleet = Fleet::of(6).await;
    let mut plan = at_once();
    plan["trips"] = json!([{ "kinds": ["rolled_back"], "count": 1 }]);
    fleet.roll_out(plan).await;
    fleet.offered_of(&fleet.devices).await;
    fleet.clock.advance(20);
    fleet.confirm(&fleet.devices[..2]).await;
    let device = &fleet.devices[2];
    fleet.report(device, "downloading", json!({})).await;
    let failed = json!({ "reason": "checksum_mismatch" });
    fleet.report(device, "failed", failed).await;
    let device = &fleet.devices[3];
    fleet.report(device, "rebooting", json!({})).await;
    let back = json!({ "reason": "unhealthy" });
    fleet.report(device, "rolled_back", back).await;
    fleet.server.get("/metrics").await.text().await.unwrap()
}

#[tokio::test]
async fn seed_004_monitoring_every_metric_of_the_dashboard_and_the_alerts_is_there() {
    let text = seen().await;
    let there: BTreeSet<String> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(|line| named(line).into_iter().take(1))
        .collect();
    for file in [
        "grafana/updraft.json",
        "prometheus/alerts.yml",
        "prometheus/alerts_test.yml",
    ] {
        let wanted = named(&std::fs::read_to_string(deploy(file)).unwrap());
        assert!(wanted.len() > 3, "{file}: {wanted:?}");
        let missing: Vec<&String> = wanted.difference(&there).collect();
        assert!(missing.is_empty(), "{file}: {missing:?}\n{text}");
    }
    // How far an update had come when it failed, and why.
    for line in [
        "updraft_failures_total{stage=\"downloading\",reason=\"checksum_mismatch\"} 1",
        "updraft_failures_total{stage=\"rebooting\",reason=\"unhealthy\"} 1",
        "updraft_rollout_halts_total 1",
        "updraft_load_ratio 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    let of_rollout = text.lines().find(|line| {
        line.starts_with("updraft_rollout_devices{") && line.contains("state=\"confirmed\"")
    });
    assert!(of_rollout.unwrap().ends_with(" 2"), "{text}");
    // Every metric has its help and its type, once, as the format wants it.
    for name in &there {
        let family = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|end| name.strip_suffix(end))
            .filter(|family| text.contains(&format!("# TYPE {family} histogram")))
            .unwrap_or(name);
        for head in ["HELP", "TYPE"] {
            let heads = text.matches(&format!("# {head} {family} ")).count();
            assert_eq!(heads, 1, "{head} {family}");
        }
    }
}

#[test]
fn the_dashboard_is_one() {
    let text = std::fs::read_to_string(deploy("grafana/updraft.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<u64> = panels
        .iter()
        .filter_map(|panel| panel["id"].as_u64())
        .collect();
    assert_eq!(ids.len(), panels.len(), "each panel has an id of its own");
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        assert!(!panel["targets"].as_array().unwrap().is_empty(), "{panel}");
        assert!(
            panel["description"]
                .as_str()
                .is_some_and(|text| !text.is_empty())
        );
    }
}

/// Prometheus's own tool; none where it is not, which only CI does not accept.
fn promtool() -> Option<String> {
    let named = std::env::var("UPDRAFT_TEST_PROMTOOL").ok();
    let program = named.unwrap_or_else(|| "promtool".to_owned());
    if Command::new(&program).arg("--version").output().is_ok() {
        return Some(program);
    }
    let why = "there is no promtool; scripts/test-services installs one";
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{why}");
    let _ = writeln!(
        std::io::stderr(),
        "skipped: alert rules are not checked: {why}"
    );
    None
}

fn run(program: &str, arguments: &[&str], stdin: Option<&str>) {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(deploy("prometheus"));
    let mut child = command
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let _ = pipe.write_all(stdin.unwrap_or_default().as_bytes());
    drop(pipe);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
}

#[tokio::test]
async fn seed_004_monitoring_prometheus_takes_the_metrics_and_the_alerts_fire_when_they_should() {
    let Some(promtool) = promtool() else {
        return;
    };
    run(&promtool, &["check", "rules", "alerts.yml"], None);
    run(&promtool, &["test", "rules", "alerts_test.yml"], None);
    run(&promtool, &["check", "metrics"], Some(&seen().await));
}
