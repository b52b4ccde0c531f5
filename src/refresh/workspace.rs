//! A project and its lake, opened together.

use std::sync::Arc;

use crate::clock::Clock;
use crate::config::Config;
use crate::engine::{Engine, Scope, Session, Strategy};
use crate::error::Result;
use crate::lake::{Lake, Snapshot, SnapshotRef};
use crate::model::{Project, QueryFiles};
use crate::source::Contract;

/// What a command does with the lake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// It reads; the lake must be there.
    Read,
    /// It may change the lake; a missing folder is made.
    Write,
}

/// A project and its lake.
#[derive(Debug)]
pub struct Workspace {
    /// Where things are and what may be used.
    pub config: Config,
    /// What `queries/` says.
    pub project: Project,
    /// The sources' contracts, by name.
    pub contracts: Vec<Contract>,
    /// The engine over the lake.
    pub engine: Arc<Engine>,
    /// What tells the time.
    pub clock: Arc<dyn Clock>,
}

impl Workspace {
    /// Opens the project that `config` names and its lake.
    ///
    /// # Errors
    /// When the project does not parse, the lake cannot be reached, or there
    /// is none and `access` is to read.
    pub fn open(config: Config, access: Access, clock: Arc<dyn Clock>) -> Result<Self> {
        config.require_project()?;
        let files = QueryFiles::read(&config.project)?;
        let lake = match access {
            Access::Read => Lake::open(&config.lake)?,
            Access::Write => Lake::open_or_create(&config.lake)?,
        };
        Self::new(config, files, lake, clock)
    }

    /// Opens the lake of the project that `config` names, without what its
    /// `queries/` say: what is published can be read while a file there is wrong,
    /// and sooner.
    ///
    /// # Errors
    /// When there is no lake, or it cannot be reached.
    pub fn published(config: Config, clock: Arc<dyn Clock>) -> Result<Self> {
        config.require_project()?;
        let lake = Lake::open(&config.lake)?;
        Self::new(config, QueryFiles::default(), lake, clock)
    }

    /// Opens a project given as texts, over `lake`.
    ///
    /// # Errors
    /// When the project does not parse.
    pub fn new(
        config: Config,
        files: QueryFiles,
        lake: Lake,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let project = Project::parse(files)?;
        let contracts = project
            .sources
            .values()
            .map(|file| Contract::parse(&file.name, &file.path, &file.text, config.zone))
            .collect::<Result<_>>()?;
        Ok(Self {
            engine: Engine::new(lake, config.engine, config.zone)?,
            config,
            project,
            contracts,
            clock,
        })
    }

    /// The same workspace over the same lake, whose writes stay in memory:
    /// what it stages is seen by nobody and is gone with it.
    ///
    /// # Errors
    /// As [`Engine::new`].
    pub(super) fn aside(&self) -> Result<Self> {
        Ok(Self {
            engine: Engine::new(self.lake().aside(), self.config.engine, self.config.zone)?,
            config: self.config.clone(),
            project: self.project.clone(),
            contracts: self.contracts.clone(),
            clock: Arc::clone(&self.clock),
        })
    }

    /// The lake.
    #[must_use]
    pub fn lake(&self) -> &Lake {
        self.engine.lake()
    }

    /// The snapshot `at`, or main's newest.
    ///
    /// # Errors
    /// When nothing is published, or there is no snapshot `at`.
    pub async fn snapshot(&self, at: Option<&SnapshotRef>) -> Result<Snapshot> {
        self.lake()
            .snapshot_of(at.unwrap_or(&SnapshotRef::Main))
            .await
    }

    /// A session over the tables of the snapshot `at`, or of main's newest.
    ///
    /// # Errors
    /// When nothing is published, or there is no snapshot `at`.
    pub async fn session(&self, at: Option<&SnapshotRef>) -> Result<(Session, Arc<Snapshot>)> {
        self.session_by(at, Strategy::Fastest).await
    }

    /// The same, carried out as `strategy` says.
    ///
    /// # Errors
    /// As [`Workspace::session`].
    pub async fn session_by(
        &self,
        at: Option<&SnapshotRef>,
        strategy: Strategy,
    ) -> Result<(Session, Arc<Snapshot>)> {
        let snapshot = Arc::new(self.snapshot(at).await?);
        let scope = Scope {
            snapshot: Some(Arc::clone(&snapshot)),
            ..Scope::default()
        };
        Ok((self.engine.session(scope, strategy)?, snapshot))
    }
}

/// A hash of `text`, to tell whether it changed.
pub(super) fn fingerprint(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex()[..16].to_owned()
}
