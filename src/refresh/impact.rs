//! What a refresh would change, found by staging all of it and publishing
//! nothing.

use std::sync::Arc;

use super::diff::{DiffOptions, Difference};
use super::progress::Observer;
use super::run::{Outcome, RefreshOptions};
use super::stage::Stage;
use super::workspace::Workspace;
use crate::engine::Scope;
use crate::error::Result;
use crate::lake::Snapshot;

/// What a refresh would do, and how the tables would differ.
#[derive(Debug)]
pub struct Impact {
    /// What was landed, built and checked aside.
    pub outcome: Outcome,
    /// The published tables against those staged.
    pub difference: Difference,
}

impl Workspace {
    /// Lands, builds and checks as a refresh would, compares the result with
    /// what is published, and deletes it.
    ///
    /// A failed check is no error: the outcome says so.
    ///
    /// # Errors
    /// As [`Workspace::refresh`] and [`Workspace::diff`].
    pub async fn impact(
        &self,
        options: &RefreshOptions,
        asked: &DiffOptions,
        observer: &dyn Observer,
    ) -> Result<Impact> {
        self.check_options(options)?;
        let (_lease, _) = self.begin("plan --impact", observer).await?;
        let base = self.start(options.branch.as_ref(), observer).await?.base;
        let mut outcome = Outcome {
            before: base.clone(),
            ..Outcome::default()
        };
        let mut stage = Stage::new(self, base, self.lake().next_id().await?);
        let compared = self
            .compare_stage(&mut stage, options, asked, &mut outcome, observer)
            .await;
        stage.discard().await;
        Ok(Impact {
            difference: compared?,
            outcome,
        })
    }

    async fn compare_stage(
        &self,
        stage: &mut Stage<'_>,
        options: &RefreshOptions,
        asked: &DiffOptions,
        outcome: &mut Outcome,
        observer: &dyn Observer,
    ) -> Result<Difference> {
        let (landing, known) = self.plan_landing(stage.base.as_ref()).await?;
        outcome.landing = landing;
        let published = stage.base.clone();
        let mut checks = published
            .as_ref()
            .map(|b| b.checks.clone())
            .unwrap_or_default();
        self.stage_all(stage, known, Some(options), outcome, observer)
            .await?;
        self.audit_models(stage, outcome, &mut checks, observer)
            .await?;
        let mut after = stage.scope().clone();
        after.snapshot = published.as_ref().map(|base| {
            let mut tables = base.tables.clone();
            tables.retain(|name, _| !outcome.dropped.contains(name));
            let base = base.as_ref().clone();
            Arc::new(Snapshot { tables, ..base })
        });
        let before = Scope {
            snapshot: published.clone(),
            ..Scope::default()
        };
        let difference = self.difference(before, after, asked).await?;
        Ok(Difference {
            before: published.map(|base| base.label()),
            ..difference
        })
    }
}
