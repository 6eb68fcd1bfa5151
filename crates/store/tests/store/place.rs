//! Where a test's store is: a folder, with its rows in `SQLite` or in `PostgreSQL`.

use std::path::Path;

use sqlx::Connection as _;
use tempfile::TempDir;
use updraft_store::{Store, StoreOptions};

use crate::test_database::TestDatabase;

/// A place for stores that share rows and files.
#[derive(Debug)]
pub struct Place {
    dir: TempDir,
    database: Option<TestDatabase>,
}

impl Place {
    /// One with a `SQLite` file.
    pub fn sqlite() -> Self {
        Self {
            dir: TempDir::new().unwrap(),
            database: None,
        }
    }

    /// One with a `PostgreSQL` database, if there is a server for it.
    pub async fn postgres() -> Option<Self> {
        Some(Self {
            dir: TempDir::new().unwrap(),
            database: Some(TestDatabase::create().await?),
        })
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Opens the first node's store.
    pub async fn open(&self) -> Store {
        self.node("first").await.unwrap()
    }

    /// Opens the store of this node, with a directory of its own.
    pub async fn node(&self, name: &str) -> updraft_store::Result<Store> {
        let data_dir = self.path().join(name);
        let shared = self.path().join("artifacts");
        std::fs::create_dir_all(&data_dir).unwrap();
        std::fs::create_dir_all(&shared).unwrap();
        // Made at this node's first start.
        let _ = std::os::unix::fs::symlink(shared, data_dir.join("artifacts"));
        let mut options = StoreOptions::new(data_dir);
        if let Some(database) = &self.database {
            options.database = Some(database.url().parse().unwrap());
        }
        Store::open_with(&options).await
    }

    /// Ends every connection to the database, as a network that fails does.
    pub async fn cut_connections(&self) {
        let Some(database) = &self.database else {
            return;
        };
        let mut connection = sqlx::PgConnection::connect(database.url()).await.unwrap();
        sqlx::query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .execute(&mut connection)
        .await
        .unwrap();
    }

    /// Ends the connections that hold a lock of all nodes.
    pub async fn cut_lock_holders(&self) {
        let Some(database) = &self.database else {
            return;
        };
        let mut connection = sqlx::PgConnection::connect(database.url()).await.unwrap();
        sqlx::query(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        )
        .execute(&mut connection)
        .await
        .unwrap();
    }

    /// From now on commits fail that write devices: only then, not before.
    pub async fn fail_commits_of_devices(&self) {
        let Some(database) = &self.database else {
            return;
        };
        let mut connection = sqlx::PgConnection::connect(database.url()).await.unwrap();
        sqlx::raw_sql(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
                 $$ BEGIN RAISE EXCEPTION 'refused at the commit'; END $$;
             CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON devices
                 DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse();",
        )
        .execute(&mut connection)
        .await
        .unwrap();
    }

    /// Waits until somebody waits for a lock of all nodes.
    pub async fn until_a_lock_is_waited_for(&self) {
        let Some(database) = &self.database else {
            return;
        };
        let mut connection = sqlx::PgConnection::connect(database.url()).await.unwrap();
        let waiting =
            "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))";
        while !sqlx::query_scalar::<_, bool>(waiting)
            .fetch_one(&mut connection)
            .await
            .unwrap()
        {
            tokio::task::yield_now().await;
        }
    }

    pub fn is_shared(&self) -> bool {
        self.database.is_some()
    }
}

/// Makes a test of each function, on both databases.
#[macro_export]
macro_rules! on_both {
    ($($(#[$meta:meta])* $name:ident,)+) => {
        mod on_sqlite {
            $($(#[$meta])* #[tokio::test] async fn $name() {
                super::$name($crate::place::Place::sqlite()).await;
            })+
        }
        mod on_postgres {
            $($(#[$meta])* #[tokio::test] async fn $name() {
                if let Some(place) = $crate::place::Place::postgres().await {
                    super::$name(place).await;
                }
            })+
        }
    };
}
