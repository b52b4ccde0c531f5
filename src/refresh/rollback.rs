//! Going back: an older snapshot's tables, published again as a new snapshot.
//!
//! A table's `changed_in` names its rows: two entries of one table with the
//! same `changed_in` hold the same rows. So entries come back whole, and what
//! they say of their inputs stays true among them; whatever changes later gets
//! the number of a later snapshot, which no entry has named yet.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::deliveries::{self, Delivery};
use super::progress::Observer;
use super::record::Run;
use super::run::Outcome;
use super::workspace::Workspace;
use crate::error::{Error, Result};
use crate::lake::{Becomes, Lease, Restoration, Snapshot, failpoint};
use crate::name::TableName;

/// What a rollback did, or would do.
#[derive(Debug)]
pub struct Rollback {
    /// The snapshot visible before.
    pub from: Arc<Snapshot>,
    /// The snapshot whose tables come back.
    pub to: Arc<Snapshot>,
    /// The tables that change, by name.
    pub tables: Vec<(TableName, Becomes)>,
    /// The files that are no longer landed.
    pub unlanded: Vec<Unlanded>,
    /// The snapshot published; `None` when there was nothing to do, or it was
    /// only planned.
    pub snapshot: Option<Arc<Snapshot>>,
}

/// A file whose rows go with a rollback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unlanded {
    /// Its source.
    pub source: String,
    /// Its path below the landing folder.
    pub path: String,
    /// Whether it still lies there, so that the next refresh lands it again.
    pub is_there: bool,
}

impl Workspace {
    /// Publishes the tables of the snapshot `to` again; of the one before the
    /// newest where left out.
    ///
    /// # Errors
    /// When there is no such snapshot, its files are gone, the lake is held
    /// by another run, or something cannot be read or written.
    pub async fn rollback(&self, to: Option<u64>, observer: &dyn Observer) -> Result<Rollback> {
        let (lease, mut run) = self.begin("rollback", observer).await?;
        let (from, to) = self.rollback_ends(to).await?;
        run.command = format!("rollback to {}", to.id);
        let mut outcome = Outcome {
            before: Some(Arc::clone(&from)),
            ..Outcome::default()
        };
        let result = self
            .go_back(&run, &lease, from, to, &mut outcome, observer)
            .await;
        self.keep_record(&run, &outcome, result.as_ref().err())
            .await?;
        result
    }

    /// What [`Workspace::rollback`] would do; writes nothing.
    ///
    /// # Errors
    /// As it, but for the lake's holder.
    pub async fn plan_rollback(&self, to: Option<u64>) -> Result<Rollback> {
        let (from, to) = self.rollback_ends(to).await?;
        Ok(self.compare_ends(from, to).await?.0)
    }

    async fn go_back(
        &self,
        run: &Run,
        lease: &Lease,
        from: Arc<Snapshot>,
        to: Arc<Snapshot>,
        outcome: &mut Outcome,
        observer: &dyn Observer,
    ) -> Result<Rollback> {
        let (mut rollback, restoration) = self.compare_ends(from, to).await?;
        if rollback.tables.is_empty() {
            return Ok(rollback);
        }
        failpoint("rollback.planned")?;
        let (from, to) = (&rollback.from, &rollback.to);
        let snapshot = self
            .publish_state(run, lease, from, to, restoration, observer)
            .await?;
        outcome.snapshot = Some(Arc::clone(&snapshot));
        rollback.snapshot = Some(snapshot);
        Ok(rollback)
    }

    /// The newest snapshot, and the one to go back to.
    async fn rollback_ends(&self, to: Option<u64>) -> Result<(Arc<Snapshot>, Arc<Snapshot>)> {
        let from = self.lake().require_latest().await?;
        let to = match to {
            Some(id) => self.lake().snapshot(id).await?,
            None => self.lake().snapshot(self.before(from.id).await?).await?,
        };
        if let Some(branch) = &to.branch {
            return Err(Error::usage(format!("{} is not of main", to.label()))
                .hint(format!("`cinelake publish {}` publishes it", branch.name)));
        }
        Ok((Arc::new(from), Arc::new(to)))
    }

    /// The snapshot before `id` that held other rows, past those that
    /// maintenance published; the one just before where none did.
    pub(super) async fn before(&self, id: u64) -> Result<u64> {
        let snapshots = self.lake().snapshots().await?;
        let mut earlier = snapshots.iter().rev().filter(|s| s.id <= id).peekable();
        while let Some(at) = earlier.next() {
            match earlier.peek() {
                Some(before) if at.command != "maintain" => return Ok(before.id),
                _ => {}
            }
        }
        let just_before = snapshots.iter().rev().find(|other| other.id < id);
        just_before.map(|before| before.id).ok_or_else(|| {
            Error::usage(format!(
                "snapshot {id} is the first: there is none before it"
            ))
            .hint("`cinelake snapshots` lists them")
        })
    }

    async fn compare_ends(
        &self,
        from: Arc<Snapshot>,
        to: Arc<Snapshot>,
    ) -> Result<(Rollback, Restoration)> {
        let restoration = self.lake().restoration(&from, &to).await?;
        let rollback = Rollback {
            tables: from.changed_to(&to),
            unlanded: self.unlanded(&from, &to).await?,
            from,
            to,
            snapshot: None,
        };
        Ok((rollback, restoration))
    }

    async fn unlanded(&self, from: &Arc<Snapshot>, to: &Arc<Snapshot>) -> Result<Vec<Unlanded>> {
        let landed = |snapshot: &Arc<Snapshot>| {
            let snapshot = Arc::clone(snapshot);
            async move { deliveries::of_snapshot(self, Some(snapshot)).await }
        };
        let (now, then) = (landed(from).await?, landed(to).await?);
        let is_current = |d: &&Delivery| d.replaced_by.is_none();
        let file = |d: &Delivery| (d.path.clone(), d.content_key().map(str::to_owned));
        let stays: BTreeSet<_> = then.iter().filter(is_current).map(file).collect();
        let going = now
            .iter()
            .filter(is_current)
            .filter(|d| !stays.contains(&file(d)));
        let unlanded = going.map(|d| Unlanded {
            source: d.source.clone(),
            path: d.path.clone(),
            is_there: self.config.landing.join(&d.path).is_file(),
        });
        Ok(unlanded.collect())
    }
}
