use updraft_protocol::DeviceId;
use updraft_protocol::api::relay::RelayedDevice;
use updraft_protocol::api::{Channel, DeviceType, Release};
use updraft_protocol::version;

use crate::devices::to_json;
use crate::id::unix_now;
use crate::releases::precedence;
use crate::store::Change;
use crate::{Result, RolloutRecord, Store, StoreError, TokenHash};

/// Why a release that the primary has no more is offered to nobody.
const GONE: &str = "the primary has it no more";

/// What a relay takes over from its primary.
#[derive(Debug)]
pub struct RelayImport<'a> {
    /// Which snapshot it is: a JSON object, which [`Store::setting`] gives back under [`RelayImport::SETTING`].
    pub head: String,
    /// Device types.
    pub types: &'a [DeviceType],
    /// Channels.
    pub channels: &'a [Channel],
    /// Releases.
    pub releases: &'a [Release],
    /// Rollouts as they stand at the primary.
    pub rollouts: &'a [RolloutRecord],
    /// Devices whose token or settings changed.
    pub devices: &'a [&'a RelayedDevice],
    /// Devices whose tokens open nothing any more.
    pub without_token: &'a [DeviceId],
}

impl RelayImport<'_> {
    /// The setting that holds [`head`](Self::head).
    pub const SETTING: &'static str = "relay_snapshot";
}

/// What a relay keeps for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelaySettings {
    /// A relay's own random name.
    Name,
    /// The public key of its primary.
    Key,
}

impl RelaySettings {
    const fn name(self) -> &'static str {
        match self {
            Self::Name => "relay_name",
            Self::Key => "relay_upstream_key",
        }
    }
}

impl Store {
    /// Takes over a snapshot: all of it, or nothing. Rollouts take the place of what was made of them here.
    pub async fn import(&self, import: &RelayImport<'_>) -> Result<()> {
        let mut change = self.change().await?;
        for device_type in import.types {
            take_type(&mut change, device_type).await?;
        }
        give_up_releases(&mut change, import.releases).await?;
        for release in import.releases {
            take_release(&mut change, release).await?;
        }
        sqlx::query("DELETE FROM channels")
            .execute(&mut *change)
            .await?;
        for channel in import.channels {
            take_channel(&mut change, channel).await?;
        }
        for rollout in import.rollouts {
            take_rollout(&mut change, rollout).await?;
        }
        for id in import.without_token {
            sqlx::query("UPDATE devices SET token_hash = NULL WHERE id = $1")
                .bind(id.as_str())
                .execute(&mut *change)
                .await?;
        }
        // A token may have gone from one device to another: first all are taken, then all given.
        for device in import.devices {
            sqlx::query("UPDATE devices SET token_hash = NULL WHERE id = $1")
                .bind(device.id.as_str())
                .execute(&mut *change)
                .await?;
        }
        for device in import.devices {
            take_device(&mut change, device).await?;
        }
        set(&mut change, RelayImport::SETTING, &import.head).await?;
        change.commit().await
    }

    /// A relay's setting, which is `make` from the first time on.
    pub async fn relay_setting(&self, which: RelaySettings, make: String) -> Result<String> {
        if let Some(known) = self.setting(which.name()).await? {
            return Ok(known.value);
        }
        let mut change = self.change().await?;
        set(&mut change, which.name(), &make).await?;
        change.commit().await?;
        Ok(make)
    }

    /// A relay's setting, if it was ever set.
    pub async fn find_relay_setting(&self, which: RelaySettings) -> Result<Option<String>> {
        let found = self.setting(which.name()).await?;
        Ok(found.map(|setting| setting.value))
    }
}

/// Sets a setting, whatever it was; how often it was set now.
pub(super) async fn set(change: &mut Change, name: &str, value: &str) -> Result<i64> {
    Ok(sqlx::query_scalar(
        "INSERT INTO settings (name, value, revision, updated_at) VALUES ($1, $2, 1, $3)
         ON CONFLICT (name) DO UPDATE SET
             value = excluded.value, revision = settings.revision + 1, updated_at = excluded.updated_at
         RETURNING revision",
    )
    .bind(name)
    .bind(value)
    .bind(unix_now())
    .fetch_one(&mut **change)
    .await?)
}

async fn take_type(change: &mut Change, device_type: &DeviceType) -> Result<()> {
    sqlx::query(
        "INSERT INTO device_types (name, chip, slot_size, created_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (name) DO UPDATE SET chip = excluded.chip, slot_size = excluded.slot_size",
    )
    .bind(device_type.name.as_str())
    .bind(&device_type.chip)
    .bind(i64::from(device_type.slot_size))
    .bind(unix_now())
    .execute(&mut **change)
    .await?;
    Ok(())
}

/// Blocks what is not among `releases`, and gives up its version: another release may have it now.
async fn give_up_releases(change: &mut Change, releases: &[Release]) -> Result<()> {
    let known: Vec<String> = sqlx::query_scalar("SELECT id FROM releases")
        .fetch_all(&mut **change)
        .await?;
    for id in known {
        if releases.iter().any(|release| release.id == id) {
            continue;
        }
        sqlx::query("UPDATE releases SET blocked = $1, precedence = $2 WHERE id = $3")
            .bind(GONE)
            .bind(format!("gone: {id}"))
            .bind(&id)
            .execute(&mut **change)
            .await?;
    }
    Ok(())
}

async fn take_release(change: &mut Change, release: &Release) -> Result<()> {
    let version = version::parse(&release.version).map_err(|_| StoreError::Unreadable {
        table: "releases",
        column: "version",
        value: release.version.clone(),
    })?;
    let sha256 = release.sha256.to_string();
    sqlx::query(
        "INSERT INTO artifacts (sha256, size, created_at) VALUES ($1, $2, $3) ON CONFLICT (sha256) DO NOTHING",
    )
    .bind(&sha256)
    .bind(i64::from(release.size))
    .bind(unix_now())
    .execute(&mut **change)
    .await?;
    sqlx::query(
        "INSERT INTO releases (id, device_type, version, precedence, status, blocked, required, description, chip,
             project, size, sha256, elf_sha256, secure_version, idf_version, compile_time, created_at, created_by,
             from_versions, stepping_stone)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
         ON CONFLICT (id) DO UPDATE SET
             precedence = excluded.precedence, status = excluded.status, blocked = excluded.blocked,
             required = excluded.required, description = excluded.description,
             from_versions = excluded.from_versions, stepping_stone = excluded.stepping_stone",
    )
    .bind(&release.id)
    .bind(release.device_type.as_str())
    .bind(&release.version)
    .bind(precedence(&version))
    .bind(release.status.as_str())
    .bind(&release.blocked)
    .bind(i64::from(release.required))
    .bind(&release.description)
    .bind(&release.chip)
    .bind(&release.project)
    .bind(i64::from(release.size))
    .bind(&sha256)
    .bind(release.elf_sha256.to_string())
    .bind(i64::from(release.secure_version))
    .bind(&release.idf_version)
    .bind(&release.compile_time)
    .bind(release.created_at)
    .bind(&release.created_by)
    .bind(&release.from_versions)
    .bind(i64::from(release.stepping_stone))
    .execute(&mut **change)
    .await?;
    Ok(())
}

async fn take_channel(change: &mut Change, channel: &Channel) -> Result<()> {
    sqlx::query(
        "INSERT INTO channels (device_type, name, release_id, previous_release_id, updated_at)
         VALUES ($1, $2, $3, NULL, $4)",
    )
    .bind(channel.device_type.as_str())
    .bind(&channel.name)
    .bind(&channel.release_id)
    .bind(unix_now())
    .execute(&mut **change)
    .await?;
    Ok(())
}

async fn take_rollout(change: &mut Change, rollout: &RolloutRecord) -> Result<()> {
    let plan = serde_json::to_string(&rollout.plan).map_err(|error| StoreError::Unreadable {
        table: "rollouts",
        column: "plan",
        value: error.to_string(),
    })?;
    sqlx::query(
        "INSERT INTO rollouts (id, device_type, release_id, name, state, plan, machine, revision, created_at,
             created_by, started_at, started_by, ended_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $9, $10, $11, $12)
         ON CONFLICT (id) DO UPDATE SET
             state = excluded.state, plan = excluded.plan, machine = excluded.machine,
             revision = rollouts.revision + 1, started_at = excluded.started_at,
             started_by = excluded.started_by, ended_at = excluded.ended_at",
    )
    .bind(&rollout.id)
    .bind(rollout.device_type.as_str())
    .bind(&rollout.release_id)
    .bind(&rollout.name)
    .bind(rollout.state.as_str())
    .bind(plan)
    .bind(&rollout.machine)
    .bind(rollout.created_at)
    .bind(&rollout.created_by)
    .bind(rollout.started_at)
    .bind(&rollout.started_by)
    .bind(rollout.ended_at)
    .execute(&mut **change)
    .await?;
    Ok(())
}

async fn take_device(change: &mut Change, device: &RelayedDevice) -> Result<()> {
    sqlx::query(
        "INSERT INTO devices (id, device_type, channel, token_hash, first_seen, said_attributes, set_attributes, pin,
             hold)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (id) DO UPDATE SET
             channel = excluded.channel, token_hash = excluded.token_hash,
             set_attributes = excluded.set_attributes, pin = excluded.pin, hold = excluded.hold",
    )
    .bind(device.id.as_str())
    .bind(device.device_type.as_str())
    .bind(&device.channel)
    .bind(device.token.map(|digest| TokenHash(digest.0).to_text()))
    .bind(unix_now())
    .bind(to_json(&device.said, device.said.is_empty())?)
    .bind(to_json(&device.set, device.set.is_empty())?)
    .bind(&device.pin)
    .bind(to_json(&device.hold, device.hold.is_none())?)
    .execute(&mut **change)
    .await?;
    Ok(())
}
