//! What the server says of every device of a rollout.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::json;
use crate::support::server::Server;

/// States of devices that are under way.
const OPEN: [&str; 4] = ["offered", "downloading", "downloaded", "rebooting"];

/// One device of the report.
#[derive(Debug)]
pub(crate) struct Row {
    /// Where it stands.
    pub(crate) state: String,
    /// When it was first offered the release, Unix seconds; none if it never was.
    pub(crate) started_at: Option<i64>,
}

/// Every device of a rollout's target, by id.
pub(crate) struct Report {
    pub(crate) rows: BTreeMap<String, Row>,
}

impl Report {
    /// Reads all pages.
    pub(crate) fn read(server: &Server, token: &str, rollout: &str) -> Self {
        let mut rows = BTreeMap::new();
        let mut after = String::new();
        loop {
            let path = format!("/api/rollouts/{rollout}/devices?limit=1000{after}");
            let page = json(&server.get(&path, token));
            for device in page["devices"].as_array().expect("devices") {
                let id = device["device_id"].as_str().expect("an id").to_owned();
                let row = Row {
                    state: device["state"].as_str().expect("a state").to_owned(),
                    started_at: device["deployment"]["started_at"].as_i64(),
                };
                let twice = rows.insert(id, row);
                assert!(twice.is_none(), "a device has two rows: {device}");
            }
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => return Self { rows },
            }
        }
    }

    /// Devices in all.
    pub(crate) fn total(&self) -> usize {
        self.rows.len()
    }

    /// Devices by state.
    pub(crate) fn states(&self) -> BTreeMap<&str, usize> {
        let mut states = BTreeMap::new();
        for row in self.rows.values() {
            *states.entry(row.state.as_str()).or_default() += 1;
        }
        states
    }

    /// Devices under way.
    pub(crate) fn open(&self) -> usize {
        let states = self.states();
        OPEN.iter().filter_map(|state| states.get(state)).sum()
    }

    /// Devices that were ever offered the release.
    pub(crate) fn begun(&self) -> usize {
        let begun = |row: &&Row| row.started_at.is_some();
        self.rows.values().filter(begun).count()
    }

    /// The rollout's own counts are those of its devices.
    pub(crate) fn agrees_with(&self, counts: &Value) {
        let states = self.states();
        for (state, count) in counts.as_object().expect("counts") {
            let listed = states.get(state.as_str()).copied().unwrap_or_default();
            assert_eq!(
                count.as_u64(),
                Some(listed as u64),
                "{state}: {counts} {states:?}"
            );
        }
    }
}
