//! What devices are sent to fetch an image by, as it is written on the command line.

use std::collections::BTreeMap;
use std::str::FromStr;

use updraft_protocol::DeviceTypeName;
use updraft_server::Delivery;

/// One delivery for all, and others for some types: `short,esp32s3=direct`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Deliveries {
    /// For all others.
    pub(crate) all: Delivery,
    /// By type.
    pub(crate) by_type: BTreeMap<DeviceTypeName, Delivery>,
}

impl FromStr for Deliveries {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut deliveries = Self::default();
        for part in text.split(',').map(str::trim) {
            let delivery = |word: &str| {
                word.parse::<Delivery>()
                    .map_err(|error| format!("{word:?}: {error}"))
            };
            match part.split_once('=') {
                Some((device_type, word)) => {
                    let device_type = device_type
                        .parse::<DeviceTypeName>()
                        .map_err(|error| error.to_string())?;
                    deliveries.by_type.insert(device_type, delivery(word)?);
                }
                None => deliveries.all = delivery(part)?,
            }
        }
        Ok(deliveries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_for_all_and_others_for_some() {
        let read: Deliveries = "full, esp32s3=direct,esp32c3=redirect".parse().unwrap();
        assert_eq!(read.all, Delivery::Full);
        let by_type: Vec<_> = read.by_type.values().copied().collect();
        assert_eq!(by_type, [Delivery::Redirect, Delivery::Direct]);
        assert_eq!("".parse::<Deliveries>().ok(), None);
        assert_eq!("esp32=".parse::<Deliveries>().ok(), None);
        assert_eq!("=short".parse::<Deliveries>().ok(), None);
    }
}
