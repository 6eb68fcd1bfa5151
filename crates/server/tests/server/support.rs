//! A real server on a free port, with a client that speaks for whoever is needed.

pub mod images;
pub mod raw;

use std::path::{Path, PathBuf};

use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use tempfile::TempDir;
use updraft_server::{Config, DeviceAuth, Running, Server};

/// A server with its own directory.
pub struct TestServer {
    pub running: Option<Running>,
    pub dir: TempDir,
    pub base: String,
    pub admin: String,
    pub key: String,
    pub http: reqwest::Client,
}

pub async fn start() -> TestServer {
    start_with(|_| {}).await
}

pub async fn start_open() -> TestServer {
    start_with(|config| config.device_auth = DeviceAuth::Open).await
}

pub async fn start_with(tune: impl FnOnce(&mut Config)) -> TestServer {
    start_in(TempDir::new().unwrap(), tune).await
}

pub async fn start_in(dir: TempDir, tune: impl FnOnce(&mut Config)) -> TestServer {
    let mut config = Config::new(dir.path().join("data"));
    tune(&mut config);
    let running = Server::start(config).await.unwrap();
    TestServer {
        base: format!("http://{}", running.local_addr),
        admin: running.admin_token.reveal().to_owned(),
        key: running.enrolment_key.reveal().to_owned(),
        http: client(),
        running: Some(running),
        dir,
    }
}

/// A client that follows nothing.
pub fn client() -> reqwest::Client {
    // Twice is no harm: every test comes by here.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap()
}

impl TestServer {
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// A request without a token.
    pub fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, self.url(path))
    }

    /// A request of the admin.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.bare(method, path).bearer_auth(&self.admin)
    }

    pub async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    pub async fn post(&self, path: &str, body: &Value) -> Response {
        self.request(Method::POST, path)
            .json(body)
            .send()
            .await
            .unwrap()
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Response {
        self.request(Method::PATCH, path)
            .json(body)
            .send()
            .await
            .unwrap()
    }

    pub async fn delete(&self, path: &str) -> Response {
        self.request(Method::DELETE, path).send().await.unwrap()
    }

    /// What a 200 answer says.
    pub async fn json(&self, path: &str) -> Value {
        let response = self.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.json().await.unwrap()
    }

    /// Uploads a form of text fields and, if there are any, the image's bytes.
    pub async fn upload(&self, fields: &[(&str, &str)], binary: Option<Vec<u8>>) -> Response {
        let mut form = Form::new();
        for (name, value) in fields {
            form = form.text((*name).to_owned(), (*value).to_owned());
        }
        if let Some(binary) = binary {
            form = form.part("binary", Part::bytes(binary).file_name("firmware.bin"));
        }
        self.request(Method::POST, "/api/firmwares/upload")
            .multipart(form)
            .send()
            .await
            .unwrap()
    }

    /// Publishes an image for a type; returns the release.
    pub async fn publish(&self, device_type: &str, image: &[u8]) -> Value {
        self.publish_as(&[("device_type", device_type)], image)
            .await
    }

    pub async fn publish_as(&self, fields: &[(&str, &str)], image: &[u8]) -> Value {
        let response = self.upload(fields, Some(image.to_vec())).await;
        let status = response.status();
        let body: Value = response.json().await.unwrap();
        assert_eq!(status, StatusCode::CREATED, "{body}");
        body
    }

    /// Enrols a device; returns its token.
    pub async fn enrol(&self, id: &str, device_type: &str) -> String {
        let token = random_token();
        let response = self
            .bare(Method::POST, "/api/devices/enrol")
            .json(&serde_json::json!({
                "device_id": id, "device_type": device_type, "enrolment_key": self.key, "token": token,
            }))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::CREATED);
        token
    }

    /// Issues a token of this role.
    pub async fn token(&self, role: &str) -> String {
        let body = serde_json::json!({ "name": format!("a {role}"), "role": role });
        let response = self.post("/api/tokens", &body).await;
        assert_eq!(response.status(), StatusCode::CREATED);
        let issued: Value = response.json().await.unwrap();
        issued["secret"].as_str().unwrap().to_owned()
    }

    /// Stops the server gracefully and starts another in the same directory.
    pub async fn restart(mut self, tune: impl FnOnce(&mut Config)) -> Self {
        assert!(self.running.take().unwrap().shutdown().await);
        start_in(self.dir, tune).await
    }

    /// A counter or gauge without labels.
    pub async fn metric(&self, name: &str) -> u64 {
        let text = self.get("/metrics").await.text().await.unwrap();
        let name = format!("updraft_{name} ");
        let value = text.lines().find_map(|line| line.strip_prefix(&name));
        value.unwrap().parse().unwrap()
    }

    pub fn incoming(&self) -> Vec<PathBuf> {
        files(&self.data().join("artifacts/incoming"))
    }

    /// Every artifact's file.
    pub fn artifacts(&self) -> Vec<PathBuf> {
        artifacts(&self.data())
    }

    /// That there is no release and no file.
    pub async fn assert_nothing_left(&self, context: &str) {
        assert_eq!(
            self.json("/api/releases").await["releases"],
            serde_json::json!([]),
            "{context}"
        );
        assert_eq!(self.artifacts(), Vec::<PathBuf>::new(), "{context}");
        self.wait_for_no_incoming(context).await;
    }

    /// A file aside goes when its handler is dropped, which follows the answer or the cut.
    pub async fn wait_for_no_incoming(&self, context: &str) {
        let gone = async {
            while !self.incoming().is_empty() {
                tokio::task::yield_now().await;
            }
        };
        let limit = std::time::Duration::from_secs(20);
        assert!(
            tokio::time::timeout(limit, gone).await.is_ok(),
            "{context}: {:?} stays",
            self.incoming()
        );
    }
}

pub fn artifacts(data: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(data.join("artifacts"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir() && !path.ends_with("incoming"))
        .flat_map(|folder| files(&folder))
        .collect();
    found.sort();
    found
}

pub fn files(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect()
}

/// 64 random hexadecimal digits.
pub fn random_token() -> String {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).unwrap();
    updraft_protocol::Digest(bytes).to_string()
}

/// An answer's status and error code.
pub async fn refusal(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    let body: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status}: {text:?}"));
    assert!(
        body["message"].as_str().is_some_and(|m| !m.is_empty()),
        "{body}"
    );
    (status, body["code"].as_str().unwrap_or_default().to_owned())
}
