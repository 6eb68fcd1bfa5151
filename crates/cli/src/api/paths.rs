//! The API's questions that more than one command asks.

use updraft_protocol::api::{Channel, Device, DeviceType, Release, ReleaseList};

use super::{ApiError, Client};

impl Client {
    /// Every release, or those of one type, newest version first.
    pub(crate) async fn releases(
        &self,
        device_type: Option<&str>,
    ) -> Result<Vec<Release>, ApiError> {
        let query: Vec<_> = device_type
            .map(|name| ("device_type", name))
            .into_iter()
            .collect();
        let list: ReleaseList = self.get(&["api", "releases"], &query).await?;
        Ok(list.releases)
    }

    /// One release.
    pub(crate) async fn release(&self, id: &str) -> Result<Release, ApiError> {
        self.get(&["api", "releases", id], &[]).await
    }

    /// The channels, or those of one type.
    pub(crate) async fn channels(
        &self,
        device_type: Option<&str>,
    ) -> Result<Vec<Channel>, ApiError> {
        let query: Vec<_> = device_type
            .map(|name| ("device_type", name))
            .into_iter()
            .collect();
        self.get(&["api", "channels"], &query).await
    }

    /// One device type, if the server knows it.
    pub(crate) async fn device_type(&self, name: &str) -> Result<Option<DeviceType>, ApiError> {
        match self.get(&["api", "types", name], &[]).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// One device with all its deployments.
    pub(crate) async fn device(&self, id: &str) -> Result<Device, ApiError> {
        self.get(&["api", "devices", id], &[]).await
    }
}
