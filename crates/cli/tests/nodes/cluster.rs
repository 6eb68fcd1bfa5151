//! Three nodes and what they share.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::balancer::Balancer;
use crate::s3::{BUCKET, S3Server};
use crate::support::server::Server;
use crate::support::{Updraft, fixture, json};
use crate::test_database::TestDatabase;

/// How many nodes there are.
pub(crate) const NODES: usize = 3;

/// Far longer than any step takes. A failed expectation, not a measurement.
const PATIENCE: Duration = Duration::from_mins(5);

/// How often a condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The nodes, their database and bucket, and a balancer before them.
pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Server>,
    pub(crate) balancer: Balancer,
    /// The administrator's token, good at every node.
    pub(crate) admin: String,
    /// The fleet's key.
    pub(crate) enrolment_key: String,
    _s3: S3Server,
    // Dropped last: the nodes hold connections.
    _database: TestDatabase,
}

impl Cluster {
    /// Starts it, with these further arguments at each node; `None` where there is no database.
    pub(crate) fn start(arguments: &[&str]) -> Option<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let database = runtime.block_on(TestDatabase::create())?;
        let s3 = S3Server::start();
        let (bucket, endpoint) = (format!("s3://{BUCKET}/nodes"), s3.endpoint());
        let credentials = s3.credentials_file();
        let mut all = vec![
            "--database",
            database.url(),
            "--artifacts",
            &bucket,
            "--s3-endpoint",
            &endpoint,
            "--s3-credentials-file",
            credentials.to_str().expect("text"),
        ];
        all.extend(arguments);
        let nodes: Vec<Server> = (0..NODES).map(|_| Server::start(&all)).collect();
        let secret = |name: &str| {
            let text = std::fs::read_to_string(nodes[0].data().join(name)).expect("a secret");
            text.trim().to_owned()
        };
        let addresses = nodes
            .iter()
            .map(|node| node.url.strip_prefix("http://").expect("a URL"))
            .map(|address| address.parse().expect("an address"))
            .collect();
        Some(Self {
            balancer: Balancer::start(addresses),
            admin: secret("admin-token"),
            enrolment_key: secret("enrolment-key"),
            nodes,
            _s3: s3,
            _database: database,
        })
    }

    /// A command line that talks to whichever node is next.
    fn command(&self) -> Updraft {
        Updraft::new()
            .env(
                "UPDRAFT_SERVER",
                format!("http://{}", self.balancer.address),
            )
            .env("UPDRAFT_TOKEN", &self.admin)
    }

    /// Runs a command until it is answered: the node that took it may be killed at it, as in life.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Value {
        let arguments = [&["--json"], arguments].concat();
        let began = Instant::now();
        loop {
            let run = self.command().run(&arguments);
            if run.code == 0 {
                return json(&run.stdout);
            }
            assert!(began.elapsed() < PATIENCE, "{arguments:?}: {}", run.stderr);
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Publishes a version that is meant for a rollout.
    pub(crate) fn publish(&self, version: &str) -> Value {
        let file = fixture(&format!("updraft-c3-{version}.bin"));
        self.ask(&[
            "release",
            "publish",
            &file,
            "--type",
            "esp32c3",
            "--testing",
        ])
    }

    /// Waits until this holds.
    pub(crate) fn until<T>(&self, what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
        let began = Instant::now();
        loop {
            match look() {
                Ok(found) => return found,
                Err(instead) => assert!(
                    began.elapsed() < PATIENCE,
                    "{what} never came: {instead}\n{}",
                    self.nodes[0].log()
                ),
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }
}
