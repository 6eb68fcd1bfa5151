use std::collections::HashMap;
use std::sync::LazyLock;

use sqlx::Any;
use sqlx::any::AnyArguments;
use sqlx::query::QueryAs;
use updraft_protocol::api::Deployment;

use crate::devices::Row;
use crate::{DeviceRecord, Result, Store, deployments};

/// Devices read with one statement.
const PIECE: usize = 100;

static ALL_DEPLOYMENTS: LazyLock<String> =
    LazyLock::new(|| format!("{}{}", deployments::SELECT, deployments::ORDER));

static ROWS: LazyLock<String> =
    LazyLock::new(|| format!("SELECT * FROM devices WHERE id IN ({})", places()));

static DEPLOYMENTS: LazyLock<String> = LazyLock::new(|| {
    let (select, places, order) = (deployments::SELECT, places(), deployments::ORDER);
    format!("{select} WHERE a.device_id IN ({places}){order}")
});

fn places() -> String {
    let places: Vec<String> = (1..=PIECE).map(|n| format!("${n}")).collect();
    places.join(", ")
}

type Query<T> = QueryAs<'static, Any, T, AnyArguments>;

/// A query for the devices of one piece. Places left over hold nothing, which equals nothing.
fn piece_of<T>(query: Query<T>, piece: &[String]) -> Query<T> {
    (0..PIECE).fold(query, |query, place| query.bind(piece.get(place).cloned()))
}

impl Store {
    /// Every device with its deployments, each device's latest deployment first.
    pub async fn devices(&self) -> Result<Vec<DeviceRecord>> {
        // The rows first: with older deployments beside a newer revision, a later write would undo what it never saw.
        let rows = sqlx::query_as("SELECT * FROM devices ORDER BY id")
            .fetch_all(self.reader())
            .await?;
        let deployments = sqlx::query_as(ALL_DEPLOYMENTS.as_str())
            .fetch_all(self.reader())
            .await?;
        records(rows, deployments)
    }

    /// Those of these devices that there are, with their deployments.
    pub async fn devices_by_id(&self, ids: &[String]) -> Result<Vec<DeviceRecord>> {
        let mut found = Vec::with_capacity(ids.len());
        for piece in ids.chunks(PIECE) {
            let rows = piece_of(sqlx::query_as(ROWS.as_str()), piece)
                .fetch_all(self.reader())
                .await?;
            let deployments = piece_of(sqlx::query_as(DEPLOYMENTS.as_str()), piece)
                .fetch_all(self.reader())
                .await?;
            found.extend(records(rows, deployments)?);
        }
        Ok(found)
    }
}

/// Rows and their deployments, put together.
fn records(rows: Vec<Row>, deployments: Vec<deployments::Row>) -> Result<Vec<DeviceRecord>> {
    let mut by_device: HashMap<String, Vec<Deployment>> = HashMap::new();
    for row in deployments {
        let device_id = row.device_id.clone();
        by_device
            .entry(device_id)
            .or_default()
            .push(row.try_into()?);
    }
    rows.into_iter()
        .map(|row| {
            let mut record = DeviceRecord::try_from(row)?;
            if let Some(deployments) = by_device.remove(record.device.id.as_str()) {
                record.device.deployments = deployments;
            }
            Ok(record)
        })
        .collect()
}
