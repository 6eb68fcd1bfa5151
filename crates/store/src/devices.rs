use serde_json::{Value, json};
use updraft_protocol::api::{Attributes, Device, SetAttributes};
use updraft_protocol::{DeviceId, DeviceTypeName};

use crate::changes::Changed;
use crate::device_types::{number, text};
use crate::store::Change;
use crate::tokens::refuse_known;
use crate::{
    DeploymentKey, KeptWord, Outcome, Relayed, Result, Store, StoreError, TokenHash, audit,
    deployments, relay,
};

/// How often devices' news are tried to be written when others are in the way. Each time is the others' success.
const TRIES: u32 = 5;

/// All that is kept of one device.
#[derive(Debug, Clone)]
pub struct DeviceRecord {
    /// What is shown of it, with all its deployments.
    pub device: Device,
    /// Where it is and what it belongs to, in its own words.
    pub said: Attributes,
    /// The same as an operator set it; together they are [`Device::attributes`].
    pub set: SetAttributes,
    /// Its chip, in its own words.
    pub chip: Option<String>,
    /// The lowest secure version it accepts.
    pub secure_version: Option<u32>,
    /// Size in bytes of the smallest slot an update could go to.
    pub slot_size: Option<u32>,
    /// SHA-256 of its own token, if it has one.
    pub token_hash: Option<TokenHash>,
    /// The last report that named no known release, in short.
    pub unmatched_report: Option<String>,
    /// What was taken of its words that came by relays.
    pub relayed: Relayed,
    /// How often its news were written; 0 if never. A write must know the last.
    pub revision: i64,
}

/// A device's news, to be written.
#[derive(Debug, Clone)]
pub struct DeviceWrite {
    /// The device. Of its deployments, those that changed are enough. Its token and what an
    /// operator set are not written from here: those change only by [`Store::enrol`],
    /// [`Store::set_device_token`] and [`Store::change_device`].
    pub record: DeviceRecord,
    /// Deployments that are to be forgotten.
    pub forgotten: Vec<DeploymentKey>,
    /// On a relay: its words that are kept for the primary.
    pub words: Vec<KeptWord>,
    /// What deployments came to, for those who follow events.
    pub outcomes: Vec<Outcome>,
}

/// What came of an enrolment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enrolled {
    /// The device has this token now.
    New,
    /// It had this token already: an answer got lost, and the device asked again.
    Again,
}

#[derive(sqlx::FromRow)]
pub(crate) struct Row {
    id: String,
    device_type: String,
    channel: String,
    version: Option<String>,
    elf_sha256: Option<String>,
    slot: Option<String>,
    state: Option<String>,
    reset_reason: Option<String>,
    chip: Option<String>,
    secure_version: Option<i64>,
    slot_size: Option<i64>,
    token_hash: Option<String>,
    first_seen: i64,
    last_seen: Option<i64>,
    unmatched_report: Option<String>,
    said_attributes: Option<String>,
    set_attributes: Option<String>,
    pin: Option<String>,
    hold: Option<String>,
    poll_seconds: Option<i64>,
    relayed: Option<String>,
    revision: i64,
}

/// Reads a column's JSON.
pub(crate) fn json_of<T: serde::de::DeserializeOwned>(
    column: &'static str,
    value: Option<String>,
) -> Result<Option<T>> {
    let Some(value) = value else {
        return Ok(None);
    };
    serde_json::from_str(&value)
        .map(Some)
        .map_err(|_| StoreError::Unreadable {
            table: "devices",
            column,
            value,
        })
}

/// Reads a word of the wire, such as a slot state; words this version does not know are none.
fn word<T: serde::de::DeserializeOwned>(word: Option<String>) -> Option<T> {
    serde_json::from_value(Value::String(word?)).ok()
}

/// A value of the wire as its word.
fn to_word(value: Option<impl serde::Serialize>) -> Option<String> {
    match serde_json::to_value(value?) {
        Ok(Value::String(word)) => Some(word),
        _ => None,
    }
}

impl TryFrom<Row> for DeviceRecord {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        const TABLE: &str = "devices";
        let said: Attributes = json_of("said_attributes", row.said_attributes)?.unwrap_or_default();
        let set: SetAttributes = json_of("set_attributes", row.set_attributes)?.unwrap_or_default();
        Ok(Self {
            device: Device {
                id: text(TABLE, "id", row.id)?,
                device_type: text(TABLE, "device_type", row.device_type)?,
                channel: row.channel,
                version: row.version,
                elf_sha256: row
                    .elf_sha256
                    .map(|value| text(TABLE, "elf_sha256", value))
                    .transpose()?,
                slot: row.slot,
                state: word(row.state),
                reset_reason: word(row.reset_reason),
                enrolled: row.token_hash.is_some(),
                first_seen: row.first_seen,
                last_seen: row.last_seen,
                poll_seconds: row
                    .poll_seconds
                    .map(|value| number(TABLE, "poll_seconds", value))
                    .transpose()?,
                attributes: set.over(&said),
                pin: row.pin,
                hold: json_of("hold", row.hold)?,
                deployments: Vec::new(),
            },
            said,
            set,
            chip: row.chip,
            secure_version: row
                .secure_version
                .map(|value| number(TABLE, "secure_version", value))
                .transpose()?,
            slot_size: row
                .slot_size
                .map(|value| number(TABLE, "slot_size", value))
                .transpose()?,
            token_hash: row
                .token_hash
                .map(|value| TokenHash::from_text(TABLE, "token_hash", value))
                .transpose()?,
            unmatched_report: row.unmatched_report,
            relayed: json_of("relayed", row.relayed)?.unwrap_or_default(),
            revision: row.revision,
        })
    }
}

impl Store {
    /// Writes the news of many devices in one transaction: all are durable when this returns, or none. It is none
    /// with [`StoreError::Outdated`] if another node wrote one of them since [`DeviceRecord::revision`].
    pub async fn write_devices(&self, writes: &[DeviceWrite]) -> Result<()> {
        let mut tries = 1;
        loop {
            match self.try_write_devices(writes).await {
                Err(error) if error.is_retryable() && tries < TRIES => tries += 1,
                result => return result,
            }
        }
    }

    async fn try_write_devices(&self, writes: &[DeviceWrite]) -> Result<()> {
        let mut change = self.beside().await?;
        write_all(&mut change, writes).await?;
        change.commit().await
    }

    /// Gives a device the token it made for itself. A device that has another one keeps it.
    pub async fn enrol(
        &self,
        id: &DeviceId,
        device_type: &DeviceTypeName,
        hash: TokenHash,
        now: i64,
    ) -> Result<Enrolled> {
        let mut change = self.change().await?;
        let current: Option<Option<String>> =
            sqlx::query_scalar("SELECT token_hash FROM devices WHERE id = $1")
                .bind(id.as_str())
                .fetch_optional(&mut *change)
                .await?;
        match current.flatten() {
            Some(current) if current == hash.to_text() => return Ok(Enrolled::Again),
            Some(_) => {
                return Err(StoreError::AlreadyEnrolled {
                    device: id.to_string(),
                });
            }
            None => {}
        }
        set_token(&mut change, id, device_type, hash, now).await?;
        let detail = json!({ "device_type": device_type });
        let actor = format!("device {id}");
        audit::record(&mut change, &actor, "device.enrol", id.as_str(), detail).await?;
        change.commit().await?;
        Ok(Enrolled::New)
    }

    /// Gives a device a token, replacing the one it had.
    pub async fn set_device_token(
        &self,
        id: &DeviceId,
        device_type: &DeviceTypeName,
        hash: TokenHash,
        now: i64,
        actor: &str,
    ) -> Result<()> {
        let mut change = self.change().await?;
        set_token(&mut change, id, device_type, hash, now).await?;
        let detail = json!({ "device_type": device_type });
        audit::record(&mut change, actor, "device.token", id.as_str(), detail).await?;
        change.commit().await?;
        Ok(())
    }
}

/// An object as its column keeps it: nothing where there is nothing to keep.
pub(crate) fn to_json(value: &impl serde::Serialize, is_empty: bool) -> Result<Option<String>> {
    if is_empty {
        return Ok(None);
    }
    serde_json::to_string(value).map(Some).map_err(|error| {
        // Strings and numbers under fixed keys always serialise.
        StoreError::Unreadable {
            table: "devices",
            column: "attributes",
            value: error.to_string(),
        }
    })
}

/// Writes devices' news; all or, if another node wrote one of them since, none.
pub(crate) async fn write_all(change: &mut Change, writes: &[DeviceWrite]) -> Result<()> {
    // Other nodes write beside: in one order nobody waits for somebody who waits.
    let mut sorted: Vec<&DeviceWrite> = writes.iter().collect();
    sorted.sort_by(|a, b| a.record.device.id.cmp(&b.record.device.id));
    let mut outdated = Vec::new();
    for write in sorted {
        if !write_device(change, write).await? {
            outdated.push(write.record.device.id.clone());
        }
    }
    if !outdated.is_empty() {
        return Err(StoreError::Outdated { devices: outdated });
    }
    if !writes.is_empty() {
        let ids = writes
            .iter()
            .map(|write| write.record.device.id.to_string());
        change.tell(Changed::Devices(ids.collect()));
    }
    Ok(())
}

/// Writes one device's news, unless another node wrote since; says whether it did.
async fn write_device(change: &mut Change, write: &DeviceWrite) -> Result<bool> {
    let record = &write.record;
    let device = &record.device;
    let done = sqlx::query(
        "INSERT INTO devices (id, device_type, channel, version, elf_sha256, slot, state, reset_reason, chip,
             secure_version, slot_size, first_seen, last_seen, unmatched_report, said_attributes, poll_seconds,
             revision, relayed)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
         ON CONFLICT (id) DO UPDATE SET
             device_type = excluded.device_type, version = excluded.version,
             elf_sha256 = excluded.elf_sha256, slot = excluded.slot, state = excluded.state,
             reset_reason = excluded.reset_reason, chip = excluded.chip,
             secure_version = excluded.secure_version, slot_size = excluded.slot_size,
             last_seen = excluded.last_seen, unmatched_report = excluded.unmatched_report,
             said_attributes = excluded.said_attributes, poll_seconds = excluded.poll_seconds,
             revision = excluded.revision, relayed = excluded.relayed
         WHERE devices.revision = excluded.revision - 1",
    )
    .bind(device.id.as_str())
    .bind(device.device_type.as_str())
    .bind(&device.channel)
    .bind(&device.version)
    .bind(device.elf_sha256.map(|digest| digest.to_string()))
    .bind(&device.slot)
    .bind(to_word(device.state))
    .bind(to_word(device.reset_reason))
    .bind(&record.chip)
    .bind(record.secure_version.map(i64::from))
    .bind(record.slot_size.map(i64::from))
    .bind(device.first_seen)
    .bind(device.last_seen)
    .bind(&record.unmatched_report)
    .bind(to_json(&record.said, record.said.is_empty())?)
    .bind(device.poll_seconds.map(i64::from))
    .bind(record.revision + 1)
    .bind(to_json(&record.relayed, record.relayed.is_empty())?)
    .execute(&mut **change)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    for key in &write.forgotten {
        deployments::forget(change, device.id.as_str(), key).await?;
    }
    for deployment in &device.deployments {
        deployments::write(change, device.id.as_str(), deployment).await?;
    }
    relay::insert(change, (&device.id, &device.device_type), &write.words).await?;
    for outcome in &write.outcomes {
        change.happens(outcome.event(device.id.as_str()));
    }
    Ok(true)
}

async fn set_token(
    change: &mut Change,
    id: &DeviceId,
    device_type: &DeviceTypeName,
    hash: TokenHash,
    now: i64,
) -> Result<()> {
    refuse_known(change, hash).await?;
    sqlx::query(
        "INSERT INTO devices (id, device_type, channel, token_hash, first_seen)
         VALUES ($1, $2, 'stable', $3, $4)
         ON CONFLICT (id) DO UPDATE SET token_hash = excluded.token_hash",
    )
    .bind(id.as_str())
    .bind(device_type.as_str())
    .bind(hash.to_text())
    .bind(now)
    .execute(&mut **change)
    .await?;
    Ok(())
}
