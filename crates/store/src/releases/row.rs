use updraft_protocol::api::Release;

use crate::device_types::{number, text};
use crate::store::Change;
use crate::{Result, StoreError};

/// A release as it is kept.
#[derive(sqlx::FromRow)]
pub(super) struct Row {
    id: String,
    device_type: String,
    version: String,
    status: String,
    blocked: Option<String>,
    required: i64,
    description: String,
    chip: String,
    project: String,
    size: i64,
    sha256: String,
    elf_sha256: String,
    secure_version: i64,
    idf_version: String,
    compile_time: String,
    created_at: i64,
    created_by: String,
    offered: i64,
    from_versions: Option<String>,
    stepping_stone: i64,
}

impl TryFrom<Row> for Release {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        const TABLE: &str = "releases";
        Ok(Self {
            download_url: format!("/firmwares/{}/download", row.id),
            id: row.id,
            device_type: text(TABLE, "device_type", row.device_type)?,
            version: row.version,
            status: text(TABLE, "status", row.status)?,
            blocked: row.blocked,
            required: row.required != 0,
            from_versions: row.from_versions,
            stepping_stone: row.stepping_stone != 0,
            description: row.description,
            chip: row.chip,
            project: row.project,
            size: number(TABLE, "size", row.size)?,
            sha256: text(TABLE, "sha256", row.sha256)?,
            elf_sha256: text(TABLE, "elf_sha256", row.elf_sha256)?,
            secure_version: number(TABLE, "secure_version", row.secure_version)?,
            idf_version: row.idf_version,
            compile_time: row.compile_time,
            created_at: row.created_at,
            created_by: row.created_by,
            offered: row.offered != 0,
        })
    }
}

/// One release, as this transaction sees it.
pub(super) async fn find(change: &mut Change, id: &str) -> Result<Release> {
    sqlx::query_as::<_, Row>("SELECT * FROM releases WHERE id = $1")
        .bind(id)
        .fetch_optional(&mut **change)
        .await?
        .ok_or_else(|| super::not_found(id))?
        .try_into()
}

/// The release of this device type whose version has this precedence.
pub(super) async fn find_version(
    change: &mut Change,
    device_type: &str,
    precedence: &str,
) -> Result<Option<Release>> {
    sqlx::query_as::<_, Row>("SELECT * FROM releases WHERE device_type = $1 AND precedence = $2")
        .bind(device_type)
        .bind(precedence)
        .fetch_optional(&mut **change)
        .await?
        .map(TryInto::try_into)
        .transpose()
}
