//! The only builder of query sessions.
//!
//! A [`Session`] sees one [`Scope`]: a snapshot, with staged tables in front
//! of the published ones while a refresh audits them. Its schemas are
//! `bronze`, `silver`, `gold` and `system`; every statement is read-only.
//! Start reading at [`Engine::session`]; files are scanned by
//! [`LakeTable`](scan::table::LakeTable).

mod compare;
mod corrections;
mod functions;
mod proofs;
mod rules;
mod scan;
mod session;
mod support;
mod trace;

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use chrono_tz::Tz;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};

use crate::config::EngineLimits;
use crate::error::{Error, Result};
use crate::lake::{Lake, Snapshot, TableEntry, TableFiles};
use crate::name::TableName;

pub use compare::{ChangedRows, Comparison, Counts, SharedColumn, Standing, TablePair};
pub use proofs::reach::Reach;
pub use session::params::parse_value;
pub use session::wording::is_short_of_memory;
pub use session::{Answer, Condition, Rows, Session};
pub use support::types::sql_type;
pub use trace::{Gap, Picked, Role, Trace, TracedInput};

/// What a session reads.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// The published tables.
    pub snapshot: Option<Arc<Snapshot>>,
    /// Tables that stand in front of the published ones.
    pub staged: HashMap<TableName, Staged>,
}

/// A table that is not published yet.
#[derive(Debug, Clone)]
pub enum Staged {
    /// Its files.
    Files(Arc<TableFiles>),
    /// Its query.
    View(String),
}

/// How a query is carried out. The answer is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// Whatever is fastest; a hash table must fit into memory.
    Fastest,
    /// Joins by sorting, which spills to disk, and on one thread, which leaves each
    /// step the whole memory.
    Spilling,
    /// Without rules of our own, in batches and parts of other sizes: another plan
    /// than that of [`Strategy::Fastest`], which has to agree with it.
    Plain,
}

/// Memory, threads and caches that sessions share.
#[derive(Debug)]
pub struct Engine {
    lake: Lake,
    limits: EngineLimits,
    zone: Tz,
    runtime: Arc<RuntimeEnv>,
    files: Mutex<HashMap<(TableName, u64), Arc<TableFiles>>>,
}

impl Engine {
    /// Prepares an engine over `lake` within `limits`, for a company in `zone`.
    ///
    /// # Errors
    /// When no folder for spilled data can be made.
    pub fn new(lake: Lake, limits: EngineLimits, zone: Tz) -> Result<Arc<Self>> {
        let pool =
            FairSpillPool::new(usize::try_from(limits.memory / 10 * 6).unwrap_or(usize::MAX));
        let most_named = NonZeroUsize::new(3).unwrap_or(NonZeroUsize::MIN);
        let disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::OsTmpDirectory);
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(TrackConsumersPool::new(pool, most_named)))
            .with_disk_manager_builder(disk)
            .build_arc()
            .map_err(|e| Error::io("could not prepare the query engine").because(e))?;
        runtime.register_object_store(lake_url()?.as_ref(), lake.store());
        Ok(Arc::new(Self {
            lake,
            limits,
            zone,
            runtime,
            files: Mutex::default(),
        }))
    }

    /// The lake that sessions read.
    #[must_use]
    pub fn lake(&self) -> &Lake {
        &self.lake
    }

    /// Bytes that a writer may hold back while it collects rows.
    #[must_use]
    pub fn write_budget(&self) -> usize {
        usize::try_from(self.limits.memory / 8).unwrap_or(usize::MAX)
    }

    /// Waits until queries that were given up have let go of their memory: they
    /// do so when their threads find out. To be asked when no other runs.
    pub async fn memory_is_free(&self) {
        // Some seconds' worth.
        let mut patience = 10_000_000;
        while self.runtime.memory_pool.reserved() > 0 && patience > 0 {
            tokio::task::yield_now().await;
            patience -= 1;
        }
    }

    /// Rows from which on a table is built row by row.
    #[must_use]
    pub fn by_rows_from(&self) -> u64 {
        self.limits.by_rows_from
    }

    /// Threads that work may use.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.limits.threads
    }

    /// Pieces of work that may share the threads and the memory at once: no more
    /// than memory can usually be shared by.
    #[must_use]
    pub fn at_once(&self) -> usize {
        self.limits.threads.clamp(1, 4)
    }

    /// Opens a session over `scope`.
    ///
    /// # Errors
    /// Only when the engine refuses its own settings, which is a bug.
    pub fn session(self: &Arc<Self>, scope: Scope, strategy: Strategy) -> Result<Session> {
        Session::open(Arc::clone(self), scope, strategy)
    }

    /// The files of a published table; read from its log once. A branch's
    /// entry names them itself.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn files(&self, name: &TableName, entry: &TableEntry) -> Result<Arc<TableFiles>> {
        let Some(version) = entry.version() else {
            return Ok(Arc::new(self.lake.files(name, entry).await?));
        };
        let key = (name.clone(), version);
        let known = self.cache().get(&key).cloned();
        if let Some(files) = known {
            return Ok(files);
        }
        let files = Arc::new(self.lake.files(name, entry).await?);
        self.cache().insert(key, Arc::clone(&files));
        Ok(files)
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, HashMap<(TableName, u64), Arc<TableFiles>>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the lake's store is registered.
fn lake_url() -> Result<ObjectStoreUrl> {
    ObjectStoreUrl::parse("lake://main/").map_err(|e| Error::io("no store").because(e))
}
