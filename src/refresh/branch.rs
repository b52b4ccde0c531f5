//! Branches: where a refresh begins that is to be seen on one only, and how
//! what was built there becomes main's.

use std::sync::Arc;

use super::progress::{Event, Observer};
use super::record::Run;
use super::restate::Sides;
use super::run::Outcome;
use super::workspace::Workspace;
use crate::engine::Scope;
use crate::error::{Error, Result};
use crate::lake::{
    Becomes, Branch, BranchName, Lease, Publication, Restoration, Snapshot, TableEntry, failpoint,
};
use crate::name::TableName;

/// What publishing a branch did, or would do.
#[derive(Debug)]
pub struct Published {
    /// The snapshot of main visible before.
    pub main: Arc<Snapshot>,
    /// The newest snapshot of the branch.
    pub branch: Arc<Snapshot>,
    /// The tables that change, by name.
    pub tables: Vec<(TableName, Becomes)>,
    /// Whether main holds all of it already.
    pub is_nothing: bool,
    /// The snapshot published; `None` when there was nothing to do, or it was
    /// only planned.
    pub snapshot: Option<Arc<Snapshot>>,
}

/// Where a refresh begins.
pub(super) struct Start {
    /// The snapshot that it builds on.
    pub(super) base: Option<Arc<Snapshot>>,
    /// The branch on which it is to be seen; `None` for main.
    pub(super) branch: Option<Branch>,
}

impl Start {
    /// Whether the branch is made, or made anew, by this run.
    pub(super) fn makes_branch(&self) -> bool {
        let base = self.base.as_ref();
        self.branch.is_some() && base.is_none_or(|base| base.branch.is_none())
    }
}

impl Workspace {
    /// Where a refresh begins: at main's newest snapshot; on a branch at the
    /// branch's newest, unless main has moved since the branch began.
    ///
    /// # Errors
    /// When a branch is asked for and main has no snapshot yet.
    pub(super) async fn start(
        &self,
        branch: Option<&BranchName>,
        observer: &dyn Observer,
    ) -> Result<Start> {
        let main = self.lake().latest().await?.map(Arc::new);
        let Some(name) = branch else {
            return Ok(Start {
                base: main,
                branch: None,
            });
        };
        let main = main.ok_or_else(|| {
            Error::usage("a branch begins at a snapshot of main, and nothing is published yet")
                .hint("`cinelake refresh` publishes the first")
        })?;
        let newest = self.lake().branch(name).await?;
        let began_at = newest.as_ref().and_then(began_at);
        if let Some(was) = began_at.filter(|was| *was != main.id) {
            observer.event(Event::BeginsAgain {
                branch: name,
                was,
                now: main.id,
            });
        }
        let branch = Branch {
            name: name.clone(),
            began_at: main.id,
        };
        let continued = newest.filter(|_| began_at == Some(main.id));
        Ok(Start {
            base: Some(continued.map_or(main, Arc::new)),
            branch: Some(branch),
        })
    }

    /// Publishes the tables of a branch on main, and ends the branch.
    ///
    /// # Errors
    /// When there is no such branch, main has moved since it began, its files
    /// are gone, the lake is held by another run, or something cannot be read
    /// or written. Nothing is published then, or the next run carries it
    /// through.
    pub async fn publish_branch(
        &self,
        name: &BranchName,
        observer: &dyn Observer,
    ) -> Result<Published> {
        let command = format!("publish {name}");
        let (lease, run) = self.begin(&command, observer).await?;
        let mut outcome = Outcome::default();
        let result = self
            .bring_to_main(&run, &lease, name, &mut outcome, observer)
            .await;
        self.keep_record(&run, &outcome, result.as_ref().err())
            .await?;
        result
    }

    /// What [`Workspace::publish_branch`] would do; writes nothing.
    ///
    /// # Errors
    /// As it, but for the lake's holder.
    pub async fn plan_publish_branch(&self, name: &BranchName) -> Result<Published> {
        let published = self.branch_beside_main(name).await?;
        if !published.is_nothing {
            self.lake()
                .restoration(&published.main, &published.branch)
                .await?;
        }
        Ok(published)
    }

    /// Ends a branch without publishing it.
    ///
    /// # Errors
    /// When there is no such branch, the lake is held by another run, or
    /// something cannot be written.
    pub async fn drop_branch(&self, name: &BranchName, observer: &dyn Observer) -> Result<()> {
        let command = format!("branches --drop {name}");
        let (lease, run) = self.begin(&command, observer).await?;
        self.lake().drop_branch(&lease, name).await?;
        let record = run.record(self.clock.now(), None, None);
        self.lake().record_run(&record).await
    }

    async fn bring_to_main(
        &self,
        run: &Run,
        lease: &Lease,
        name: &BranchName,
        outcome: &mut Outcome,
        observer: &dyn Observer,
    ) -> Result<Published> {
        let mut published = self.branch_beside_main(name).await?;
        if published.is_nothing {
            self.lake().drop_branch(lease, name).await?;
            return Ok(published);
        }
        let (main, branch) = (&published.main, &published.branch);
        let restoration = self.lake().restoration(main, branch).await?;
        let snapshot = self
            .publish_state(run, lease, main, branch, restoration, observer)
            .await?;
        outcome.snapshot = Some(Arc::clone(&snapshot));
        published.snapshot = Some(snapshot);
        failpoint("branch.published")?;
        // It is main's now; what is left is an older way to name the same.
        if let Err(e) = self.lake().drop_branch(lease, name).await {
            observer.event(Event::Warning(format!("branch `{name}` stays: {e}")));
        }
        Ok(published)
    }

    /// Publishes the tables of `to` on top of main's newest snapshot `from`.
    pub(super) async fn publish_state(
        &self,
        run: &Run,
        lease: &Lease,
        from: &Arc<Snapshot>,
        to: &Arc<Snapshot>,
        restoration: Restoration,
        observer: &dyn Observer,
    ) -> Result<Arc<Snapshot>> {
        let restatements = self
            .restatements(&Sides {
                before: from,
                after: Scope {
                    snapshot: Some(Arc::clone(to)),
                    ..Scope::default()
                },
                tables: &to.tables,
            })
            .await?;
        observer.event(Event::Publishing);
        let publication = Publication {
            id: self.lake().next_id().await?,
            run: run.id.clone(),
            command: run.command.clone(),
            base: Some(from.as_ref().clone()),
            tables: restoration.tables,
            checks: to.checks.clone(),
            changes: restoration.changes,
            restatements,
        };
        let published = self.lake().publish(lease, publication, self.clock.as_ref());
        Ok(Arc::new(published.await?))
    }

    /// The branch and main's newest snapshot.
    ///
    /// # Errors
    /// When there is no such branch, or main has moved since it began and
    /// holds something else.
    async fn branch_beside_main(&self, name: &BranchName) -> Result<Published> {
        let branch = self.lake().require_branch(name).await?;
        let main = self.lake().require_latest().await?;
        let is_nothing = holds(&main, &branch);
        let began_at = began_at(&branch).unwrap_or_default();
        if !is_nothing && began_at != main.id {
            return Err(Error::usage(format!(
                "main has moved: branch `{name}` began at snapshot {began_at}, the newest is {}",
                main.id
            ))
            .hint(format!(
                "`cinelake refresh --branch {name}` builds it again on what is published now"
            )));
        }
        Ok(Published {
            tables: main.changed_to(&branch),
            is_nothing,
            main: Arc::new(main),
            branch: Arc::new(branch),
            snapshot: None,
        })
    }
}

fn began_at(snapshot: &Snapshot) -> Option<u64> {
    snapshot.branch.as_ref().map(|branch| branch.began_at)
}

/// Whether `main` holds everything that `branch` holds, be it named otherwise.
fn holds(main: &Snapshot, branch: &Snapshot) -> bool {
    let same = |now: &TableEntry, then: &TableEntry| {
        let renamed = TableEntry {
            kind: now.kind.clone(),
            ..then.clone()
        };
        now.is_stored() == then.is_stored() && renamed == *now
    };
    main.tables.len() == branch.tables.len()
        && main.checks == branch.checks
        && main.tables.iter().all(|(name, now)| {
            let then = branch.tables.get(name);
            then.is_some_and(|then| same(now, then))
        })
}
