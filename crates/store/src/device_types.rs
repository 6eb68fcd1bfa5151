use serde_json::json;
use updraft_protocol::DeviceTypeName;
use updraft_protocol::api::{DeviceType, DeviceTypeChange};

use crate::audit;
use crate::id::unix_now;
use crate::store::Change;
use crate::{Result, Store, StoreError};

/// The slot size a device type begins with, in bytes: seed 004's limit for an image.
pub const DEFAULT_SLOT_SIZE: u32 = 2 * 1024 * 1024;

#[derive(sqlx::FromRow)]
struct Row {
    name: String,
    chip: String,
    slot_size: i64,
}

impl TryFrom<Row> for DeviceType {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            slot_size: number("device_types", "slot_size", row.slot_size)?,
            name: text("device_types", "name", row.name)?,
            chip: row.chip,
        })
    }
}

/// Reads a column's number.
pub(crate) fn number(table: &'static str, column: &'static str, value: i64) -> Result<u32> {
    value.try_into().map_err(|_| StoreError::Unreadable {
        table,
        column,
        value: value.to_string(),
    })
}

/// Reads a column's text.
pub(crate) fn text<T: std::str::FromStr>(
    table: &'static str,
    column: &'static str,
    value: String,
) -> Result<T> {
    value.parse().map_err(|_| StoreError::Unreadable {
        table,
        column,
        value,
    })
}

impl Store {
    /// Every device type, by name.
    pub async fn device_types(&self) -> Result<Vec<DeviceType>> {
        sqlx::query_as::<_, Row>("SELECT name, chip, slot_size FROM device_types ORDER BY name")
            .fetch_all(self.reader())
            .await?
            .into_iter()
            .map(TryInto::try_into)
            .collect()
    }

    /// One device type.
    pub async fn device_type(&self, name: &str) -> Result<DeviceType> {
        sqlx::query_as::<_, Row>("SELECT name, chip, slot_size FROM device_types WHERE name = $1")
            .bind(name)
            .fetch_optional(self.reader())
            .await?
            .ok_or_else(|| StoreError::NotFound {
                what: "device type",
                name: name.to_owned(),
            })?
            .try_into()
    }

    /// Changes a device type.
    pub async fn change_device_type(
        &self,
        name: &DeviceTypeName,
        wanted: &DeviceTypeChange,
        actor: &str,
    ) -> Result<DeviceType> {
        let mut change = self.change().await?;
        let mut device_type =
            find(&mut change, name)
                .await?
                .ok_or_else(|| StoreError::NotFound {
                    what: "device type",
                    name: name.to_string(),
                })?;
        if let Some(slot_size) = wanted.slot_size {
            sqlx::query("UPDATE device_types SET slot_size = $1 WHERE name = $2")
                .bind(i64::from(slot_size))
                .bind(name.as_str())
                .execute(&mut *change)
                .await?;
            let detail = json!({ "slot_size": slot_size, "was": device_type.slot_size });
            audit::record(&mut change, actor, "type.change", name.as_str(), detail).await?;
            device_type.slot_size = slot_size;
        }
        change.commit().await?;
        Ok(device_type)
    }
}

/// One device type, as this transaction sees it.
pub(crate) async fn find(change: &mut Change, name: &DeviceTypeName) -> Result<Option<DeviceType>> {
    sqlx::query_as::<_, Row>("SELECT name, chip, slot_size FROM device_types WHERE name = $1")
        .bind(name.as_str())
        .fetch_optional(&mut **change)
        .await?
        .map(TryInto::try_into)
        .transpose()
}

/// Brings a device type into being.
pub(crate) async fn insert(change: &mut Change, device_type: &DeviceType) -> Result<()> {
    sqlx::query(
        "INSERT INTO device_types (name, chip, slot_size, created_at) VALUES ($1, $2, $3, $4)",
    )
    .bind(device_type.name.as_str())
    .bind(&device_type.chip)
    .bind(i64::from(device_type.slot_size))
    .bind(unix_now())
    .execute(&mut **change)
    .await?;
    Ok(())
}
