//! Which snapshots are kept, and what becomes of the others.
//!
//! A snapshot that is dropped is no longer there for readers who come; its
//! file moves to `_dropped/`, and its age there says how long readers who had
//! opened it may still be at its data files.

use chrono::{DateTime, TimeDelta, Utc};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStoreExt, PutPayload};

use super::branch::newest_of_each;
use super::{Lake, Lease, Snapshot, failpoint, store_error};
use crate::config::MaintainSettings;
use crate::error::{Error, Kind, Result};

/// A snapshot that was dropped.
pub(super) struct Dropped {
    pub(super) snapshot: Snapshot,
    pub(super) at: DateTime<Utc>,
    path: Path,
}

impl Lake {
    /// Every snapshot of main, oldest first.
    ///
    /// # Errors
    /// When one cannot be read.
    pub async fn snapshots(&self) -> Result<Vec<Snapshot>> {
        let mut all = Vec::new();
        for id in self.snapshot_ids().await? {
            // One that is not there was dropped since it was listed.
            all.extend(self.read_snapshot(None, id).await?);
        }
        Ok(all)
    }

    /// The snapshots that are not kept at `now`, oldest first: those of main
    /// that `settings` do not keep, never the newest; and all but the newest of
    /// each branch.
    ///
    /// # Errors
    /// When a snapshot cannot be read.
    pub async fn unkept(
        &self,
        settings: &MaintainSettings,
        now: DateTime<Utc>,
    ) -> Result<Vec<Snapshot>> {
        let mut all = self.snapshots().await?;
        let newest = usize::try_from(settings.keep_snapshots.max(1)).unwrap_or(usize::MAX);
        all.truncate(all.len().saturating_sub(newest));
        let days = i64::try_from(settings.keep_days).unwrap_or(i64::MAX);
        let young = TimeDelta::try_days(days).unwrap_or(TimeDelta::MAX);
        // What is newer than a kept one is kept, whatever the clock said.
        let old = all
            .iter()
            .take_while(|s| now.signed_duration_since(s.published_at) > young)
            .count();
        all.truncate(old);
        let on_branches = self.branch_snapshots().await?;
        let newest = newest_of_each(&on_branches);
        let outrun = on_branches.into_iter().filter(|s| !newest.contains(&s.id));
        all.extend(outrun);
        all.sort_by_key(|snapshot| snapshot.id);
        Ok(all)
    }

    /// Takes `snapshots` from readers who come, in that order.
    ///
    /// # Errors
    /// When a file cannot be written or deleted. Those already dropped stay so.
    pub async fn drop_snapshots(&self, _lease: &Lease, snapshots: &[Snapshot]) -> Result<()> {
        for snapshot in snapshots {
            let bytes = serde_json::to_vec_pretty(snapshot)
                .map_err(|e| Error::data("could not write a snapshot").because(e))?;
            let to = dropped_path(snapshot);
            let written = self.store.put(&to, PutPayload::from(bytes)).await;
            written.map_err(|e| store_error(format!("could not write `{to}`"), e))?;
        }
        self.sync().await?;
        for snapshot in snapshots {
            failpoint("maintain.drop")?;
            self.delete(&snapshot.path()).await?;
        }
        self.sync().await?;
        failpoint("maintain.dropped")
    }

    /// The snapshots that were dropped and whose files may still be there.
    pub(super) async fn dropped(&self) -> Result<Vec<Dropped>> {
        let mut all = Vec::new();
        for ObjectMeta {
            location,
            last_modified,
            ..
        } in self.list("_dropped").await?
        {
            let failed = |e| store_error(format!("could not read `{location}`"), e);
            let got = match self.store.get(&location).await {
                // Another process forgot it: nobody needs its files.
                Err(object_store::Error::NotFound { .. }) => continue,
                got => got.map_err(failed)?,
            };
            let bytes = got.bytes().await.map_err(failed)?;
            let snapshot = serde_json::from_slice(&bytes).map_err(|e| {
                Error::data("a dropped snapshot is damaged")
                    .file(location.as_ref())
                    .because(e)
                    .hint("nothing is removed; delete the file if no reader has it open")
            })?;
            all.push(Dropped {
                snapshot,
                at: last_modified,
                path: location,
            });
        }
        Ok(all)
    }

    /// Forgets the snapshots that were dropped before `safe`; their files are
    /// gone. One with the highest number of all stays, so that the number is
    /// not given again.
    ///
    /// # Errors
    /// When a file cannot be deleted.
    pub async fn forget_dropped(&self, _lease: &Lease, safe: DateTime<Utc>) -> Result<()> {
        let next = self.next_id().await?;
        for dropped in self.dropped().await? {
            if dropped.at < safe && dropped.snapshot.id + 1 < next {
                self.delete(&dropped.path).await?;
            }
        }
        self.sync().await
    }

    /// Deletes a file, which may be gone already; the next sync makes it last.
    pub(super) async fn delete(&self, path: &Path) -> Result<()> {
        match self.store.delete(path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
            Err(e) => return Err(store_error(format!("could not delete `{path}`"), e)),
        }
        self.store.mark_unsynced(path);
        Ok(())
    }

    /// Says why there is no snapshot `id`.
    pub(super) async fn no_snapshot(&self, id: u64) -> Error {
        let next = self.next_id().await.ok();
        let was_there = id > 0 && next.is_some_and(|next| id < next);
        let error = match was_there {
            true => format!("snapshot {id} is no longer kept"),
            false => format!("there is no snapshot {id}"),
        };
        Error::new(Kind::Usage, error).hint(match was_there {
            true => {
                "`cinelake snapshots` lists those that are; `[maintain]` in `cinelake.toml` \
                 says how many stay"
            }
            false => "`cinelake snapshots` lists them",
        })
    }
}

fn dropped_path(snapshot: &Snapshot) -> Path {
    let id = snapshot.id;
    Path::from(match &snapshot.branch {
        None => format!("_dropped/{id}.json"),
        Some(branch) => format!("_dropped/{}/{id}.json", branch.name),
    })
}
