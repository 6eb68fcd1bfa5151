//! One server, and how to ask it.

use std::net::IpAddr;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use updraft_protocol::api::ErrorBody;

use super::ApiError;
use crate::settings::Secret;

/// Longest wait for a connection: across the world it takes a second, so ten mean that nobody is there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest silence from the server within one exchange. A publish is answered after the server has synced
/// the file to its disk, which on a busy one takes several seconds.
const READ_TIMEOUT: Duration = Duration::from_mins(1);

/// A client of one server.
#[derive(Debug)]
pub(crate) struct Client {
    pub(super) http: reqwest::Client,
    base: Url,
}

impl Client {
    /// A client of the server at `server`, showing `token` with every request.
    pub(crate) fn new(server: &str, token: Option<Secret>) -> Result<Self, ApiError> {
        let base = address(server)?;
        // Fails only where a provider is installed already, which is then used.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("updraft/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            // The API has none, and a token should not follow one.
            .redirect(Policy::none());
        if is_loopback(&base) {
            // A company's proxy cannot know this machine's own server.
            builder = builder.no_proxy();
        }
        if let Some(token) = token {
            builder = builder.default_headers(bearer(&token));
        }
        let http = builder.build().map_err(ApiError::Setup)?;
        Ok(Self { http, base })
    }

    /// The server's address, for messages.
    pub(crate) fn server(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Asks for something.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<T, ApiError> {
        let request = self.request(Method::GET, path).query(query);
        self.answer(request).await
    }

    /// Sends a body and reads what came of it.
    pub(crate) async fn send<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        body: &B,
    ) -> Result<T, ApiError> {
        self.answer(self.request(method, path).json(body)).await
    }

    /// Asks without a body and reads what came of it.
    pub(crate) async fn post<T: DeserializeOwned>(&self, path: &[&str]) -> Result<T, ApiError> {
        self.answer(self.request(Method::POST, path)).await
    }

    /// Asks without a body for something that is answered by nothing.
    pub(crate) async fn post_only(&self, path: &[&str]) -> Result<(), ApiError> {
        let response = self.exchange(self.request(Method::POST, path)).await?;
        self.accept(response).await.map(drop)
    }

    /// Removes something.
    pub(crate) async fn delete(&self, path: &[&str]) -> Result<(), ApiError> {
        let response = self.exchange(self.request(Method::DELETE, path)).await?;
        self.accept(response).await.map(drop)
    }

    /// A request to a path, each segment escaped as needed.
    pub(super) fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        self.http.request(method, url)
    }

    /// Sends a request and takes a good answer apart.
    async fn answer<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ApiError> {
        let response = self.exchange(request).await?;
        let response = self.accept(response).await?;
        self.body(response).await
    }

    /// Sends a request, whatever the answer's status.
    pub(super) async fn exchange(&self, request: RequestBuilder) -> Result<Response, ApiError> {
        request.send().await.map_err(|error| self.failed(error))
    }

    /// Lets a good answer through and turns any other into the error it carries.
    pub(super) async fn accept(&self, response: Response) -> Result<Response, ApiError> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let bytes = response.bytes().await.map_err(|error| self.failed(error))?;
        match serde_json::from_slice::<ErrorBody>(&bytes) {
            Ok(body) => Err(ApiError::Refused { status, body }),
            Err(_) => Err(self.foreign(status)),
        }
    }

    /// Reads an answer's body.
    pub(super) async fn body<T: DeserializeOwned>(
        &self,
        response: Response,
    ) -> Result<T, ApiError> {
        let status = response.status();
        let bytes = response.bytes().await.map_err(|error| self.failed(error))?;
        serde_json::from_slice(&bytes).map_err(|_| self.foreign(status))
    }

    fn foreign(&self, status: StatusCode) -> ApiError {
        ApiError::Foreign {
            server: self.server().to_owned(),
            status,
        }
    }

    fn failed(&self, error: reqwest::Error) -> ApiError {
        ApiError::unanswered(self.server(), error)
    }
}

/// Reads a server's address. A path is kept, for a server behind a proxy.
fn address(server: &str) -> Result<Url, ApiError> {
    let error = |reason: String| ApiError::Address {
        url: server.to_owned(),
        reason,
    };
    let url = Url::parse(server).map_err(|cause| error(cause.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(error("it must begin with http:// or https://".into()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(error(
            "a password does not belong into it; use a token".into(),
        ));
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || bare
            .parse()
            .is_ok_and(|address: IpAddr| address.is_loopback())
}

fn bearer(token: &Secret) -> HeaderMap {
    let mut headers = HeaderMap::new();
    // A `Secret` holds visible ASCII only, which is always a header value.
    if let Ok(mut value) = HeaderValue::from_str(&format!("Bearer {}", token.expose())) {
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    headers
}
