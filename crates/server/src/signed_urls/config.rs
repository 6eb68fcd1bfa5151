use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use updraft_protocol::DeviceTypeName;

/// How long a signed URL is good. Seed 003's 300 s: a device that is triggered begins at once, and what has begun may
/// finish.
pub const URL_LIFETIME: Duration = Duration::from_mins(5);

/// What a device of one class is sent, and what it gets there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Delivery {
    /// The short URL; this server sends the bytes. Any client can do it.
    #[default]
    Short,
    /// A URL that shows type, version and expiry; this server sends the bytes.
    Full,
    /// The short URL; this server answers 302 with the bucket's own presigned URL, and sends the bytes itself where
    /// there is no bucket.
    Redirect,
    /// The bucket's own presigned URL, as seed 003's backend sends it; the short URL where there is no bucket.
    Direct,
}

impl Delivery {
    /// The word for it on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Short => "short",
            Self::Full => "full",
            Self::Redirect => "redirect",
            Self::Direct => "direct",
        }
    }
}

/// The text is none of `short`, `full`, `redirect`, `direct`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a delivery is one of short, full, redirect, direct")]
pub struct UnknownDelivery;

impl FromStr for Delivery {
    type Err = UnknownDelivery;

    fn from_str(text: &str) -> Result<Self, UnknownDelivery> {
        [Self::Short, Self::Full, Self::Redirect, Self::Direct]
            .into_iter()
            .find(|delivery| delivery.as_str() == text)
            .ok_or(UnknownDelivery)
    }
}

/// How signed URLs are made.
#[derive(Debug, Clone)]
pub struct SignedUrls {
    /// Where devices reach this server, such as `http://updates.example:8080`. Without it, the address it listens on.
    pub public_url: Option<String>,
    /// How long a URL is good. One second to one day.
    pub lifetime: Duration,
    /// What devices get whose type says nothing else.
    pub delivery: Delivery,
    /// What devices of these types get.
    pub delivery_of: BTreeMap<DeviceTypeName, Delivery>,
}

impl Default for SignedUrls {
    fn default() -> Self {
        Self {
            public_url: None,
            lifetime: URL_LIFETIME,
            delivery: Delivery::default(),
            delivery_of: BTreeMap::new(),
        }
    }
}

impl SignedUrls {
    /// What devices of this type get.
    pub(crate) fn delivery(&self, device_type: &DeviceTypeName) -> Delivery {
        self.delivery_of
            .get(device_type)
            .copied()
            .unwrap_or(self.delivery)
    }
}
