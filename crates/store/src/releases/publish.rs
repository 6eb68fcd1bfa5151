use semver::{BuildMetadata, Version};
use serde_json::json;
use updraft_protocol::api::{DeviceType, Release, ReleaseStatus};
use updraft_protocol::{DeviceTypeName, Digest, version};

use super::row;
use crate::artifacts::Incoming;
use crate::id::{new_id, unix_now};
use crate::store::Change;
use crate::{DEFAULT_SLOT_SIZE, Result, Store, StoreError, audit, channels, device_types};

/// The channel that stable releases move forward.
const STABLE: &str = "stable";

/// A release about to be published: what its image says of itself, and what its publisher adds.
#[derive(Debug, Clone)]
pub struct NewRelease {
    /// What it is for. A type that does not exist comes into being.
    pub device_type: DeviceTypeName,
    /// The image's own version.
    pub version: Version,
    /// How far it is trusted.
    pub status: ReleaseStatus,
    /// A channel to point at it, besides `stable`.
    pub channel: Option<String>,
    /// Whether devices install it at once.
    pub required: bool,
    /// Which versions it can be installed over, a semver requirement; any without it.
    pub from_versions: Option<String>,
    /// Whether devices below it must pass through it.
    pub stepping_stone: bool,
    /// What it is about.
    pub description: String,
    /// The chip the image is for.
    pub chip: String,
    /// The project name in the image.
    pub project: String,
    /// Size of the file in bytes.
    pub size: u32,
    /// SHA-256 of the file.
    pub sha256: Digest,
    /// SHA-256 of the ELF the image was made from.
    pub elf_sha256: Digest,
    /// The image's secure version.
    pub secure_version: u32,
    /// The ESP-IDF version named in the image.
    pub idf_version: String,
    /// When the image was compiled, as the image says.
    pub compile_time: String,
}

impl NewRelease {
    /// What was once published as this release, without a channel; none if its version cannot be read.
    pub fn again(release: &Release) -> Option<Self> {
        Some(Self {
            device_type: release.device_type.clone(),
            version: version::parse(&release.version).ok()?,
            status: release.status,
            channel: None,
            required: release.required,
            from_versions: release.from_versions.clone(),
            stepping_stone: release.stepping_stone,
            description: release.description.clone(),
            chip: release.chip.clone(),
            project: release.project.clone(),
            size: release.size,
            sha256: release.sha256,
            elf_sha256: release.elf_sha256,
            secure_version: release.secure_version,
            idf_version: release.idf_version.clone(),
            compile_time: release.compile_time.clone(),
        })
    }
}

/// What came of publishing.
#[derive(Debug, Clone)]
pub struct Published {
    /// The release.
    pub release: Release,
    /// Whether it is new. The same bytes under the same version again are success, and change nothing.
    pub created: bool,
}

impl Store {
    /// Publishes a verified image. When this returns, file and row are durable; when it fails, neither is
    /// there. Run it in a task of its own: dropped half-way, it leaves a file that only the next start removes.
    pub async fn publish(
        &self,
        incoming: Incoming,
        new: NewRelease,
        actor: &str,
    ) -> Result<Published> {
        let _files = self.lock_files().await?;
        // Refuse before the file becomes visible.
        let mut change = self.change().await?;
        if let Some(release) = existing(&mut change, &new).await? {
            drop(change);
            // Whoever uploads the same again may do so because the file was lost.
            self.blocking(move |artifacts| artifacts.keep(incoming, new.sha256))
                .await?;
            return Ok(Published {
                release,
                created: false,
            });
        }
        check_fit(&mut change, &new).await?;
        drop(change);

        let sha256 = new.sha256;
        self.blocking(move |artifacts| artifacts.keep(incoming, sha256))
            .await?;
        let inserted = self.insert(&new, actor).await;
        if inserted.is_err() && !self.known_artifacts().await?.contains(&sha256) {
            self.blocking(move |artifacts| artifacts.remove(sha256))
                .await?;
        }
        inserted
    }

    /// Refuses what [`publish`](Self::publish) would refuse, before anything is written anywhere.
    pub async fn check_publish(&self, new: &NewRelease) -> Result<()> {
        let mut change = self.beside().await?;
        if existing(&mut change, new).await?.is_none() {
            check_fit(&mut change, new).await?;
        }
        Ok(())
    }

    async fn insert(&self, new: &NewRelease, actor: &str) -> Result<Published> {
        let mut change = self.change().await?;
        // Another server on the same database may have been faster.
        if let Some(release) = existing(&mut change, new).await? {
            return Ok(Published {
                release,
                created: false,
            });
        }
        if check_fit(&mut change, new).await?.is_none() {
            let device_type = DeviceType {
                name: new.device_type.clone(),
                chip: new.chip.clone(),
                slot_size: DEFAULT_SLOT_SIZE,
            };
            device_types::insert(&mut change, &device_type).await?;
            let detail = json!({ "chip": new.chip, "slot_size": DEFAULT_SLOT_SIZE });
            audit::record(
                &mut change,
                actor,
                "type.create",
                new.device_type.as_str(),
                detail,
            )
            .await?;
        }
        let id = insert_rows(&mut change, new, actor).await?;
        if new.status == ReleaseStatus::Stable && moves_forward(&mut change, new).await? {
            channels::point(&mut change, &new.device_type, STABLE, &id).await?;
        }
        if let Some(channel) = &new.channel {
            channels::point(&mut change, &new.device_type, channel, &id).await?;
        }
        let detail = json!({
            "device_type": new.device_type, "version": new.version.to_string(), "status": new.status,
            "sha256": new.sha256, "channel": new.channel,
        });
        audit::record(&mut change, actor, "release.publish", &id, detail).await?;
        let release = row::find(&mut change, &id).await?;
        change.commit().await?;
        Ok(Published {
            release,
            created: true,
        })
    }
}

/// The version without what does not count when versions are compared.
pub(crate) fn precedence(version: &Version) -> String {
    Version {
        build: BuildMetadata::EMPTY,
        ..version.clone()
    }
    .to_string()
}

/// The release with this version, if its bytes are these.
async fn existing(change: &mut Change, new: &NewRelease) -> Result<Option<Release>> {
    let found =
        row::find_version(change, new.device_type.as_str(), &precedence(&new.version)).await?;
    match found {
        Some(release) if release.sha256 != new.sha256 => Err(StoreError::VersionExists {
            existing: Box::new(release),
        }),
        found => Ok(found),
    }
}

/// Checks the image against its device type, and returns the type if it exists.
async fn check_fit(change: &mut Change, new: &NewRelease) -> Result<Option<DeviceType>> {
    let device_type = device_types::find(change, &new.device_type).await?;
    if let Some(device_type) = &device_type
        && device_type.chip != new.chip
    {
        return Err(StoreError::WrongChip {
            device_type: new.device_type.clone(),
            expected: device_type.chip.clone(),
            found: new.chip.clone(),
        });
    }
    let slot_size = device_type
        .as_ref()
        .map_or(DEFAULT_SLOT_SIZE, |device_type| device_type.slot_size);
    if new.size > slot_size {
        return Err(StoreError::TooBig {
            device_type: new.device_type.clone(),
            size: new.size,
            slot_size,
        });
    }
    Ok(device_type)
}

/// Whether this release is newer than the one `stable` points at. A patch of an old line is published
/// without moving the channel back.
async fn moves_forward(change: &mut Change, new: &NewRelease) -> Result<bool> {
    let current = channels::version(change, &new.device_type, STABLE).await?;
    Ok(match current.as_deref().map(version::parse) {
        Some(Ok(current)) => version::is_newer(&new.version, &current),
        _ => true,
    })
}

async fn insert_rows(change: &mut Change, new: &NewRelease, actor: &str) -> Result<String> {
    let id = new_id();
    let sha256 = new.sha256.to_string();
    sqlx::query(
        "INSERT INTO artifacts (sha256, size, created_at) VALUES ($1, $2, $3)
         ON CONFLICT (sha256) DO NOTHING",
    )
    .bind(&sha256)
    .bind(i64::from(new.size))
    .bind(unix_now())
    .execute(&mut **change)
    .await?;
    sqlx::query(
        "INSERT INTO releases (id, device_type, version, precedence, status, required, description, chip,
             project, size, sha256, elf_sha256, secure_version, idf_version, compile_time, created_at, created_by,
             from_versions, stepping_stone)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)",
    )
    .bind(&id)
    .bind(new.device_type.as_str())
    .bind(new.version.to_string())
    .bind(precedence(&new.version))
    .bind(new.status.as_str())
    .bind(i64::from(new.required))
    .bind(&new.description)
    .bind(&new.chip)
    .bind(&new.project)
    .bind(i64::from(new.size))
    .bind(&sha256)
    .bind(new.elf_sha256.to_string())
    .bind(i64::from(new.secure_version))
    .bind(&new.idf_version)
    .bind(&new.compile_time)
    .bind(unix_now())
    .bind(actor)
    .bind(&new.from_versions)
    .bind(i64::from(new.stepping_stone))
    .execute(&mut **change)
    .await?;
    Ok(id)
}
