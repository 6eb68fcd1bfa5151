use updraft_protocol::DeviceId;
use updraft_protocol::mqtt::Format;

use crate::device_types::text;
use crate::store::Change;
use crate::{Result, Store, StoreError};

/// How often a transaction is tried that others were in the way of.
const TRIES: u32 = 5;

const TABLE: &str = "mqtt_devices";

/// A device that is connected over MQTT, as far as any node has heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MqttDevice {
    /// Which.
    pub id: DeviceId,
    /// In what form it wants its orders.
    pub format: Format,
    /// The release it was told last since it came, and when, Unix seconds.
    pub ordered: Option<(String, i64)>,
}

#[derive(sqlx::FromRow)]
struct Row {
    device_id: String,
    format: String,
    ordered: Option<String>,
    ordered_at: Option<i64>,
}

impl TryFrom<Row> for MqttDevice {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: text(TABLE, "device_id", row.device_id)?,
            format: match row.format.as_str() {
                "json" => Format::Json,
                _ => Format::Url,
            },
            ordered: row.ordered.zip(row.ordered_at),
        })
    }
}

/// A device came or went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It came, and said in what form it wants its orders.
    Came(Format),
    /// It went.
    Gone,
}

impl Store {
    /// Every device that is connected over MQTT.
    pub async fn mqtt_devices(&self) -> Result<Vec<MqttDevice>> {
        sqlx::query_as::<_, Row>("SELECT device_id, format, ordered, ordered_at FROM mqtt_devices")
            .fetch_all(self.reader())
            .await?
            .into_iter()
            .map(TryInto::try_into)
            .collect()
    }

    /// The device, if it is connected over MQTT.
    pub async fn mqtt_device(&self, id: &DeviceId) -> Result<Option<MqttDevice>> {
        sqlx::query_as::<_, Row>(
            "SELECT device_id, format, ordered, ordered_at FROM mqtt_devices WHERE device_id = $1",
        )
        .bind(id.as_str())
        .fetch_optional(self.reader())
        .await?
        .map(TryInto::try_into)
        .transpose()
    }

    /// Notes who came and who went, and when it was heard, Unix seconds. One who went is forgotten unless it came
    /// back since, to whichever node.
    pub async fn note_presence(&self, heard: &[(DeviceId, Presence, i64)]) -> Result<()> {
        let mut tries = 1;
        loop {
            match self.try_note_presence(heard).await {
                Err(error) if error.is_retryable() && tries < TRIES => tries += 1,
                result => return result,
            }
        }
    }

    async fn try_note_presence(&self, heard: &[(DeviceId, Presence, i64)]) -> Result<()> {
        // Other nodes write beside: in one order nobody waits for somebody who waits.
        let mut sorted: Vec<_> = heard.iter().collect();
        sorted.sort_by(|(a, ..), (b, ..)| a.cmp(b));
        let mut change = self.beside().await?;
        for (id, presence, at) in sorted {
            note(&mut change, id, *presence, *at).await?;
        }
        change.commit().await
    }

    /// Takes it upon this node to tell these devices, which are there, to install these releases, at `now`. Says for
    /// each whether this node is to do it: not if the device was told the same after `since` (both Unix seconds).
    pub async fn claim_orders(
        &self,
        orders: &[(DeviceId, String)],
        now: i64,
        since: i64,
    ) -> Result<Vec<bool>> {
        let mut tries = 1;
        loop {
            match self.try_claim_orders(orders, now, since).await {
                Err(error) if error.is_retryable() && tries < TRIES => tries += 1,
                result => return result,
            }
        }
    }

    async fn try_claim_orders(
        &self,
        orders: &[(DeviceId, String)],
        now: i64,
        since: i64,
    ) -> Result<Vec<bool>> {
        let mut sorted: Vec<_> = orders.iter().enumerate().collect();
        sorted.sort_by(|(_, (a, _)), (_, (b, _))| a.cmp(b));
        let mut change = self.beside().await?;
        let mut ours = vec![false; orders.len()];
        for (index, (id, release)) in sorted {
            let is_ours = claim(&mut change, id, release, now, since).await?;
            if let Some(ours) = ours.get_mut(index) {
                *ours = is_ours;
            }
        }
        change.commit().await?;
        Ok(ours)
    }

    /// Gives an order back that could not be sent after all.
    pub async fn disclaim_order(&self, id: &DeviceId) -> Result<()> {
        let mut change = self.beside().await?;
        sqlx::query(
            "UPDATE mqtt_devices SET ordered = NULL, ordered_at = NULL WHERE device_id = $1",
        )
        .bind(id.as_str())
        .execute(&mut *change)
        .await?;
        change.commit().await
    }
}

async fn note(change: &mut Change, id: &DeviceId, presence: Presence, at: i64) -> Result<()> {
    let query = match presence {
        Presence::Gone => {
            sqlx::query("DELETE FROM mqtt_devices WHERE device_id = $1 AND there_at < $2")
                .bind(id.as_str())
                .bind(at)
        }
        Presence::Came(format) => sqlx::query(
            "INSERT INTO mqtt_devices (device_id, format, there_at) VALUES ($1, $2, $3)
             ON CONFLICT (device_id) DO UPDATE SET format = excluded.format, there_at = excluded.there_at",
        )
        .bind(id.as_str())
        .bind(match format {
            Format::Json => "json",
            _ => "url",
        })
        .bind(at),
    };
    query.execute(&mut **change).await?;
    Ok(())
}

async fn claim(
    change: &mut Change,
    id: &DeviceId,
    release: &str,
    now: i64,
    since: i64,
) -> Result<bool> {
    let done = sqlx::query(
        "INSERT INTO mqtt_devices (device_id, format, there_at, ordered, ordered_at)
         VALUES ($1, 'url', $3, $2, $3)
         ON CONFLICT (device_id) DO UPDATE SET
             ordered = excluded.ordered, ordered_at = excluded.ordered_at, there_at = excluded.there_at
         WHERE mqtt_devices.ordered IS NULL OR mqtt_devices.ordered <> excluded.ordered
             OR mqtt_devices.ordered_at <= $4",
    )
    .bind(id.as_str())
    .bind(release)
    .bind(now)
    .bind(since)
    .execute(&mut **change)
    .await?;
    Ok(done.rows_affected() > 0)
}
