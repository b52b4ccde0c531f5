//! The tables of a scope as the planner finds them: staged before published.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use datafusion::catalog::{CatalogProvider, SchemaProvider, TableProvider};
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::ViewTable;
use datafusion::execution::SessionState;

use crate::engine::scan::system;
use crate::engine::scan::table::LakeTable;
use crate::engine::{Engine, Scope, Staged, lake_url};
use crate::lake::{EntryKind, TableFiles};
use crate::name::TableName;

/// The schemas a session shows.
pub(in crate::engine) const SCHEMAS: [&str; 4] = ["bronze", "silver", "gold", "system"];

/// Gives the session's state, with which views are planned; set once the
/// session exists. Does not keep the session alive.
pub(in crate::engine) type StateOf = Box<dyn Fn() -> Option<SessionState> + Send + Sync>;

/// Everything a session can name.
#[derive(Clone)]
pub(in crate::engine) struct ScopeCatalog {
    engine: Arc<Engine>,
    scope: Arc<Scope>,
    state: Arc<OnceLock<StateOf>>,
}

impl ScopeCatalog {
    pub(in crate::engine) fn new(engine: Arc<Engine>, scope: Scope) -> Self {
        Self {
            engine,
            scope: Arc::new(scope),
            state: Arc::default(),
        }
    }

    /// Tells how to reach the session's state.
    pub(in crate::engine) fn connect(&self, state: StateOf) {
        // A second call would name the same session.
        let _ = self.state.set(state);
    }

    /// Every table's name.
    pub(in crate::engine) fn names(&self) -> BTreeSet<TableName> {
        let published = self.scope.snapshot.iter().flat_map(|s| s.tables.keys());
        let staged = self.scope.staged.keys();
        let system = system::TABLES.map(|t| TableName::new("system", t));
        published.chain(staged).cloned().chain(system).collect()
    }

    async fn provider(&self, name: &TableName) -> Result<Option<Arc<dyn TableProvider>>> {
        if let Some(staged) = self.scope.staged.get(name) {
            return match staged {
                Staged::Files(files) => self.lake_table(files).map(Some),
                Staged::View(sql) => self.view(sql).await.map(Some),
            };
        }
        let snapshot = self.scope.snapshot.as_ref();
        if let Some(entry) = snapshot.and_then(|s| s.tables.get(name)) {
            return match &entry.kind {
                EntryKind::View { sql } => self.view(sql).await.map(Some),
                EntryKind::Table { .. } | EntryKind::Files(_) => {
                    let files = self.engine.files(name, entry).await;
                    let files = files.map_err(|e| DataFusionError::External(Box::new(e)))?;
                    self.lake_table(&files).map(Some)
                }
            };
        }
        if name.layer == "system" {
            let seen = self.scope.snapshot.as_deref();
            return system::table(&name.table, self.engine.lake(), seen).await;
        }
        Ok(None)
    }

    fn lake_table(&self, files: &TableFiles) -> Result<Arc<dyn TableProvider>> {
        let store = lake_url().map_err(|e| DataFusionError::External(Box::new(e)))?;
        Ok(Arc::new(LakeTable::new(store, files)?))
    }

    async fn view(&self, sql: &str) -> Result<Arc<dyn TableProvider>> {
        let state = self.state.get().and_then(|state| state());
        let state = state.ok_or_else(|| DataFusionError::Plan("the session is gone".to_owned()))?;
        let plan = super::planned(&state, sql).await?;
        Ok(Arc::new(ViewTable::new(plan, Some(sql.to_owned()))))
    }
}

impl fmt::Debug for ScopeCatalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopeCatalog")
            .field("names", &self.names())
            .finish()
    }
}

impl CatalogProvider for ScopeCatalog {
    fn schema_names(&self) -> Vec<String> {
        SCHEMAS.map(str::to_owned).to_vec()
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        SCHEMAS.contains(&name).then(|| {
            Arc::new(ScopeSchema {
                catalog: self.clone(),
                layer: name.to_owned(),
            }) as Arc<dyn SchemaProvider>
        })
    }
}

/// One layer of a [`ScopeCatalog`].
#[derive(Debug)]
struct ScopeSchema {
    catalog: ScopeCatalog,
    layer: String,
}

#[async_trait]
impl SchemaProvider for ScopeSchema {
    fn table_names(&self) -> Vec<String> {
        let names = self.catalog.names().into_iter();
        names
            .filter(|n| n.layer == self.layer)
            .map(|n| n.table)
            .collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        self.catalog
            .provider(&TableName::new(&self.layer, name))
            .await
    }

    fn table_exist(&self, name: &str) -> bool {
        self.catalog
            .names()
            .contains(&TableName::new(&self.layer, name))
    }
}
