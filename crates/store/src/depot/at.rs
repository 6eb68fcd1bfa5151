use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path;
use object_store::{ClientOptions, RetryConfig};

use super::{DepotError, Result, credentials};

/// The region where none is given: where buckets are unless somebody chose, and what other S3 servers ignore.
const DEFAULT_REGION: &str = "us-east-1";

/// The profile of a credentials file unless `AWS_PROFILE` names another.
const DEFAULT_PROFILE: &str = "default";

/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest silence within one exchange.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Longest exchange: 16 MiB at 140 KB/s.
const EXCHANGE_TIMEOUT: Duration = Duration::from_mins(2);

/// How often an exchange that failed for a reason that may pass is tried again, and for how long. Whoever waits for a
/// publish should hear within half a minute that the store is away.
const RETRIES: usize = 3;
const RETRY_FOR: Duration = Duration::from_secs(20);

/// How to reach an S3 API. What is not said here is taken from the `AWS_…` variables of the environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct S3Options {
    /// The server's address; AWS's own without one.
    pub endpoint: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// Whether the bucket is the first part of the host's name (`bucket.host/key`) and not of the path
    /// (`host/bucket/key`), which every S3 API has.
    pub virtual_hosts: bool,
    /// A credentials file as the AWS tools have it, which then counts instead of the environment.
    pub credentials_file: Option<PathBuf>,
}

/// Where a depot is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DepotAt {
    /// A folder of this machine, or one that is mounted.
    Folder(PathBuf),
    /// A bucket.
    S3 {
        /// Its name.
        bucket: String,
        /// What all keys begin with; may be empty.
        prefix: Path,
        /// How it is reached.
        options: S3Options,
    },
}

impl DepotAt {
    /// Reads `s3://BUCKET/PREFIX`, or a folder's path.
    pub fn read(given: &str, options: S3Options) -> Result<Self> {
        let wrong = |why: &str| DepotError::Place {
            given: given.to_owned(),
            why: why.to_owned(),
        };
        let Some(rest) = given.strip_prefix("s3://") else {
            if given.contains("://") {
                return Err(wrong("write s3://BUCKET/PREFIX, or the path of a folder"));
            }
            if given.is_empty() {
                return Err(wrong("it is empty"));
            }
            return Ok(Self::Folder(given.into()));
        };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let harmless = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        if bucket.is_empty() || !bucket.chars().all(harmless) {
            return Err(wrong("a bucket's name has letters, digits, '-' and '.'"));
        }
        let prefix = Path::parse(prefix).map_err(|error| wrong(&error.to_string()))?;
        Ok(Self::S3 {
            bucket: bucket.to_owned(),
            prefix,
            options,
        })
    }
}

impl fmt::Display for DepotAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => write!(f, "{}", folder.display()),
            Self::S3 { bucket, prefix, .. } if prefix.is_root() => write!(f, "s3://{bucket}"),
            Self::S3 { bucket, prefix, .. } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

/// A client of the bucket. Nothing is sent yet.
pub(super) fn connect(bucket: &str, options: &S3Options) -> Result<AmazonS3> {
    // Fails only where a provider is installed already, which is then used.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = ClientOptions::new()
        .with_connect_timeout(CONNECT_TIMEOUT)
        .with_read_timeout(READ_TIMEOUT)
        .with_timeout(EXCHANGE_TIMEOUT);
    // With a file, the environment's are not meant: a session token left there would spoil the file's key.
    let s3 = match options.credentials_file {
        Some(_) => AmazonS3Builder::new(),
        None => AmazonS3Builder::from_env(),
    };
    let mut s3 = s3
        .with_bucket_name(bucket)
        .with_virtual_hosted_style_request(options.virtual_hosts)
        .with_client_options(client)
        .with_retry(RetryConfig {
            max_retries: RETRIES,
            retry_timeout: RETRY_FOR,
            ..RetryConfig::default()
        });
    if let Some(endpoint) = &options.endpoint {
        s3 = s3.with_endpoint(endpoint);
        // Otherwise AWS_ENDPOINT_URL_S3 would win over what was said here.
        if let Ok(key) = "aws_endpoint_url_s3".parse() {
            s3 = s3.with_config(key, endpoint);
        }
        s3 = s3.with_allow_http(endpoint.starts_with("http://"));
    }
    match &options.region {
        Some(region) => s3 = s3.with_region(region),
        None if s3.get_config_value(&AmazonS3ConfigKey::Region).is_none() => {
            s3 = s3.with_region(DEFAULT_REGION);
        }
        None => {}
    }
    if let Some(file) = &options.credentials_file {
        let profile = std::env::var("AWS_PROFILE");
        let found = credentials::read(file, profile.as_deref().unwrap_or(DEFAULT_PROFILE))?;
        s3 = s3
            .with_access_key_id(found.key_id)
            .with_secret_access_key(found.secret);
        if let Some(token) = found.token {
            s3 = s3.with_token(token);
        }
    }
    s3.build()
        .map_err(DepotError::failed("open", &format!("s3://{bucket}")))
}
