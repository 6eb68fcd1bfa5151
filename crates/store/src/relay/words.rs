use updraft_protocol::api::relay::RelayWord;
use updraft_protocol::{DeviceId, DeviceTypeName};

use super::import::set;
use crate::device_types::text;
use crate::store::Change;
use crate::{Result, Store, StoreError};

/// A device's word, kept for the primary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptWord {
    /// The word.
    pub word: RelayWord,
    /// Whether it says no more than that the device lives and what it runs: the next such word takes its place.
    pub plain: bool,
}

/// How many words wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitingWords {
    /// So many.
    pub count: u64,
    /// The highest number among them and those that were told; 0 if there never was a word.
    pub last: i64,
}

/// The setting that holds the highest number that was told and is forgotten: the primary takes no word with a lower
/// one for news.
const TOLD: &str = "relay_words_told";

#[derive(sqlx::FromRow)]
struct Row {
    seq: i64,
    device_id: String,
    device_type: String,
    at: i64,
    said: String,
}

impl TryFrom<Row> for RelayWord {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        const TABLE: &str = "relay_words";
        Ok(Self {
            seq: row.seq,
            at: row.at,
            device_id: text(TABLE, "device_id", row.device_id)?,
            device_type: text(TABLE, "device_type", row.device_type)?,
            said: serde_json::from_str(&row.said).map_err(|_| StoreError::Unreadable {
                table: TABLE,
                column: "said",
                value: row.said,
            })?,
        })
    }
}

impl Store {
    /// The first words that wait for the primary, at most so many.
    pub async fn relay_words(&self, limit: usize) -> Result<Vec<RelayWord>> {
        sqlx::query_as::<_, Row>(
            "SELECT seq, device_id, device_type, at, said FROM relay_words ORDER BY seq LIMIT $1",
        )
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(self.reader())
        .await?
        .into_iter()
        .map(TryInto::try_into)
        .collect()
    }

    /// Forgets words that the primary has on disk, except for the highest number.
    pub async fn forget_relay_words(&self, seqs: &[i64]) -> Result<()> {
        let mut change = self.change().await?;
        let before: Option<String> =
            sqlx::query_scalar("SELECT value FROM settings WHERE name = $1")
                .bind(TOLD)
                .fetch_optional(&mut *change)
                .await?;
        let before = before.map_or(Ok(0), number)?;
        let last = seqs.iter().copied().fold(before, i64::max);
        if last > before {
            set(&mut change, TOLD, &last.to_string()).await?;
        }
        for seq in seqs {
            sqlx::query("DELETE FROM relay_words WHERE seq = $1")
                .bind(seq)
                .execute(&mut *change)
                .await?;
        }
        change.commit().await
    }

    /// How many words wait.
    pub async fn waiting_relay_words(&self) -> Result<WaitingWords> {
        let (count, last): (i64, i64) =
            sqlx::query_as("SELECT COUNT(*), COALESCE(MAX(seq), 0) FROM relay_words")
                .fetch_one(self.reader())
                .await?;
        let told = self.setting(TOLD).await?;
        let told = told.map_or(Ok(0), |setting| number(setting.value))?;
        Ok(WaitingWords {
            count: count.unsigned_abs(),
            last: last.max(told),
        })
    }

    /// The devices whose words wait, each with the number of its last.
    pub async fn devices_with_relay_words(&self) -> Result<Vec<(DeviceId, i64)>> {
        let rows: Vec<(String, i64)> =
            sqlx::query_as("SELECT device_id, MAX(seq) FROM relay_words GROUP BY device_id")
                .fetch_all(self.reader())
                .await?;
        rows.into_iter()
            .map(|(id, last)| Ok((text("relay_words", "device_id", id)?, last)))
            .collect()
    }
}

fn number(value: String) -> Result<i64> {
    text("settings", "value", value)
}

/// Keeps a device's words, in the transaction of what they changed.
pub(crate) async fn insert(
    change: &mut Change,
    (id, device_type): (&DeviceId, &DeviceTypeName),
    words: &[KeptWord],
) -> Result<()> {
    for KeptWord { word, plain } in words {
        if *plain {
            sqlx::query("DELETE FROM relay_words WHERE device_id = $1 AND plain = 1")
                .bind(id.as_str())
                .execute(&mut **change)
                .await?;
        }
        let said = serde_json::to_string(&word.said).map_err(|error| StoreError::Unreadable {
            table: "relay_words",
            column: "said",
            value: error.to_string(),
        })?;
        sqlx::query(
            "INSERT INTO relay_words (seq, device_id, device_type, at, plain, said)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(word.seq)
        .bind(id.as_str())
        .bind(device_type.as_str())
        .bind(word.at)
        .bind(i64::from(*plain))
        .bind(said)
        .execute(&mut **change)
        .await?;
    }
    Ok(())
}
