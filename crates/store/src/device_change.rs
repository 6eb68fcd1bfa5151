use serde_json::json;
use updraft_protocol::DeviceId;
use updraft_protocol::api::{DeviceChange, DeviceField, Hold, SetAttributes};

use crate::devices::{json_of, to_json};
use crate::{Result, Store, StoreError, audit};

/// All that an operator can set of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceSettings {
    /// The channel it follows.
    pub channel: String,
    /// Where it is and what it belongs to.
    pub set: SetAttributes,
    /// The only version it is to run.
    pub pin: Option<String>,
    /// Why it is offered nothing.
    pub hold: Option<Hold>,
}

#[derive(sqlx::FromRow)]
struct Row {
    channel: String,
    set_attributes: Option<String>,
    pin: Option<String>,
    hold: Option<String>,
}

impl TryFrom<Row> for DeviceSettings {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            channel: row.channel,
            set: json_of("set_attributes", row.set_attributes)?.unwrap_or_default(),
            pin: row.pin,
            hold: json_of("hold", row.hold)?,
        })
    }
}

impl DeviceSettings {
    fn changed(&self, wanted: &DeviceChange) -> Result<Self> {
        let cleared = |field| wanted.clear.contains(&field);
        let pin = self.pin.clone().filter(|_| !cleared(DeviceField::Pin));
        let hold = self.hold.clone().filter(|_| !cleared(DeviceField::Hold));
        Ok(Self {
            channel: wanted.channel.as_ref().unwrap_or(&self.channel).clone(),
            set: self.set.changed(wanted)?,
            pin: wanted.pin.clone().or(pin),
            hold: wanted.hold.clone().or(hold),
        })
    }

    fn shown(&self) -> serde_json::Value {
        json!({ "channel": self.channel, "attributes": self.set, "pin": self.pin, "hold": self.hold })
    }
}

impl Store {
    /// Changes what an operator sets of a device, and returns all of it as it is then. The device must have
    /// been written before. What is so already is no change and leaves no audit record.
    pub async fn change_device(
        &self,
        id: &DeviceId,
        wanted: &DeviceChange,
        actor: &str,
    ) -> Result<DeviceSettings> {
        let mut change = self.change().await?;
        let was: DeviceSettings = sqlx::query_as::<_, Row>(
            "SELECT channel, set_attributes, pin, hold FROM devices WHERE id = $1",
        )
        .bind(id.as_str())
        .fetch_optional(&mut *change)
        .await?
        .ok_or_else(|| StoreError::NotFound {
            what: "device",
            name: id.to_string(),
        })?
        .try_into()?;
        let settings = was.changed(wanted)?;
        if settings == was {
            return Ok(settings);
        }
        let hold = settings.hold.as_ref();
        sqlx::query(
            "UPDATE devices SET channel = $1, set_attributes = $2, pin = $3, hold = $4 WHERE id = $5",
        )
        .bind(&settings.channel)
        .bind(to_json(&settings.set, settings.set.is_empty())?)
        .bind(&settings.pin)
        .bind(to_json(&hold, hold.is_none())?)
        .bind(id.as_str())
        .execute(&mut *change)
        .await?;
        let detail = json!({ "to": settings.shown(), "was": was.shown() });
        audit::record(&mut change, actor, "device.change", id.as_str(), detail).await?;
        change.commit().await?;
        Ok(settings)
    }
}
