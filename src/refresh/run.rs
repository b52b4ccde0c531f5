//! One run: lands, builds, audits and publishes, or leaves everything as it
//! was and says why.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::AsArray;

use super::audit::{CheckOutcome, CheckReport};
use super::branch::Start;
use super::deliveries::{Delivery, LandingPlan};
use super::land::land;
use super::plan::{Step, is_as_of, selection};
use super::progress::{Event, Observer};
use super::record::Run;
use super::restate::Sides;
use super::stage::Stage;
use super::workspace::Workspace;
use crate::engine::Strategy;
use crate::error::{Error, Result, did_you_mean};
use crate::lake::{BranchName, Lease, Publication, Restatement, Snapshot};
use crate::model::TableName;
use crate::source::Reject;

/// What a refresh is asked to do.
#[derive(Debug, Clone, Default)]
pub struct RefreshOptions {
    /// Build every model, changed or not.
    pub full: bool,
    /// Only these models (`gold.dim_users`, `gold.*`) and what they read.
    pub select: Vec<String>,
    /// The date that stands for today, `YYYY-MM-DD`.
    pub as_of: Option<String>,
    /// Make the result visible on this branch only.
    pub branch: Option<BranchName>,
}

/// What landing a file gave.
#[derive(Debug, Clone)]
pub struct LandedFile {
    /// Its source.
    pub source: String,
    /// Its path below the landing folder.
    pub path: String,
    /// Rows in the file.
    pub rows_in: u64,
    /// Rows landed.
    pub rows_landed: u64,
    /// Rows rejected.
    pub rows_rejected: u64,
    /// Columns that the contract does not know.
    pub unknown_columns: Vec<String>,
    /// Contract columns that the file lacks.
    pub missing_columns: Vec<String>,
    /// The first rejected row.
    pub first_reject: Option<Reject>,
    /// Whether it replaced an earlier delivery of that name.
    pub replaces: bool,
}

/// What a run did.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What the landing folder held.
    pub landing: LandingPlan,
    /// The files landed.
    pub landed: Vec<LandedFile>,
    /// The models built, and why.
    pub built: Vec<Step>,
    /// The tables that are gone because their model is.
    pub dropped: Vec<TableName>,
    /// Every check made.
    pub checks: Vec<CheckReport>,
    /// Numbers of closed months that the publish changed.
    pub restatements: Vec<Restatement>,
    /// The snapshot published; `None` when nothing changed or a check failed.
    pub snapshot: Option<Arc<Snapshot>>,
    /// The snapshot visible before; of a branch that is made, main's.
    pub before: Option<Arc<Snapshot>>,
    /// The branch that it is about; `None` for main.
    pub branch: Option<BranchName>,
}

/// What a refresh would do.
#[derive(Debug)]
pub struct Planned {
    /// What would happen to the files of the landing folder.
    pub landing: LandingPlan,
    /// The models that would be built.
    pub steps: Vec<Step>,
    /// The tables that would go, because their model is gone.
    pub dropped: Vec<TableName>,
}

impl Outcome {
    /// Whether a check forbids to publish.
    #[must_use]
    pub fn is_red(&self) -> bool {
        self.checks
            .iter()
            .any(|c| c.outcome == CheckOutcome::Failed)
    }

    fn changes_anything(&self) -> bool {
        !(self.landed.is_empty()
            && self.built.is_empty()
            && self.dropped.is_empty()
            && self.checks.is_empty())
            || self.before.is_none()
    }
}

impl Workspace {
    /// Lands what is new, builds what changed, checks it, publishes it.
    ///
    /// A failed check is no error: the outcome says so, and nothing is
    /// published.
    ///
    /// # Errors
    /// When the lake is held by another run, a file or model is wrong, or
    /// something cannot be read or written. Nothing is published then.
    pub async fn refresh(
        &self,
        options: &RefreshOptions,
        observer: &dyn Observer,
    ) -> Result<Outcome> {
        self.check_options(options)?;
        let command = match &options.branch {
            None => "refresh".to_owned(),
            Some(name) => format!("refresh --branch {name}"),
        };
        self.run(&command, Some(options), observer).await
    }

    /// Lands what is new and publishes it, building nothing.
    ///
    /// # Errors
    /// As [`Workspace::refresh`].
    pub async fn land(&self, observer: &dyn Observer) -> Result<Outcome> {
        self.run("land", None, observer).await
    }

    /// What a refresh would do. New files are landed aside, to see which
    /// partitions they touch; nothing is written.
    ///
    /// # Errors
    /// When a file cannot be landed, or the lake cannot be read.
    pub async fn plan(&self, options: &RefreshOptions, observer: &dyn Observer) -> Result<Planned> {
        self.check_options(options)?;
        let aside = self.aside()?;
        let base = self.start(options.branch.as_ref(), observer).await?.base;
        let (landing, known) = aside.plan_landing(base.as_ref()).await?;
        let mut stage = Stage::new(&aside, base.clone(), self.lake().next_id().await?);
        if base.is_some() {
            land(&mut stage, &landing, known, observer).await?;
        }
        Ok(Planned {
            steps: aside.foresee(&mut stage, options).await?,
            dropped: match options.select.is_empty() {
                true => self.gone(base.as_deref()),
                false => Vec::new(),
            },
            landing,
        })
    }

    /// What landing would do.
    ///
    /// # Errors
    /// When the landing folder or the lake cannot be read.
    pub async fn plan_land(&self) -> Result<LandingPlan> {
        let base = self.lake().latest().await?.map(Arc::new);
        Ok(self.plan_landing(base.as_ref()).await?.0)
    }

    async fn run(
        &self,
        command: &str,
        options: Option<&RefreshOptions>,
        observer: &dyn Observer,
    ) -> Result<Outcome> {
        let (lease, run) = self.begin(command, observer).await?;
        let mut outcome = Outcome::default();
        let result = self
            .work(&run, &lease, options, &mut outcome, observer)
            .await;
        self.keep_record(&run, &outcome, result.as_ref().err())
            .await?;
        result.map(|()| outcome)
    }

    async fn work(
        &self,
        run: &Run,
        lease: &Lease,
        options: Option<&RefreshOptions>,
        outcome: &mut Outcome,
        observer: &dyn Observer,
    ) -> Result<()> {
        let branch = options.and_then(|options| options.branch.as_ref());
        let start = self.start(branch, observer).await?;
        let makes_branch = start.makes_branch();
        let Start { base, branch } = start;
        outcome.before.clone_from(&base);
        outcome.branch = branch.as_ref().map(|branch| branch.name.clone());
        let id = self.lake().next_id().await?;
        let mut stage = Stage::new(self, base.clone(), id);
        let (landing, known) = self.plan_landing(base.as_ref()).await?;
        outcome.landing = landing;
        let mut checks = base.as_ref().map(|b| b.checks.clone()).unwrap_or_default();
        let mut staged = self
            .stage_all(&mut stage, known, options, outcome, observer)
            .await;
        if staged.is_ok() && options.is_some() {
            let is_main = branch.is_none();
            staged = self
                .judge(&mut stage, is_main, outcome, &mut checks, observer)
                .await;
        }
        let nothing_new =
            !outcome.changes_anything() && stage.changed().is_empty() && !makes_branch;
        if staged.is_err() || outcome.is_red() || nothing_new {
            stage.discard().await;
            return staged;
        }
        let (tables, changes) = stage.into_parts(&outcome.dropped);
        observer.event(Event::Publishing);
        let publication = Publication {
            id,
            run: run.id.clone(),
            command: run.command.clone(),
            base: base.as_deref().cloned(),
            tables,
            checks,
            changes,
            restatements: outcome.restatements.clone(),
        };
        let (lake, clock) = (self.lake(), self.clock.as_ref());
        let snapshot = match branch {
            None => lake.publish(lease, publication, clock).await?,
            Some(branch) => {
                lake.publish_on_branch(lease, publication, branch, clock)
                    .await?
            }
        };
        outcome.snapshot = Some(Arc::new(snapshot));
        Ok(())
    }

    /// Lands what is new and, as `options` ask for it, builds models.
    pub(super) async fn stage_all(
        &self,
        stage: &mut Stage<'_>,
        known: Vec<Delivery>,
        options: Option<&RefreshOptions>,
        outcome: &mut Outcome,
        observer: &dyn Observer,
    ) -> Result<()> {
        outcome.landed = land(stage, &outcome.landing, known, observer).await?;
        let Some(options) = options else {
            return Ok(());
        };
        if options.select.is_empty() {
            outcome.dropped = self.gone(stage.base.as_deref());
        }
        self.build_models(stage, options, outcome, observer).await?;
        match options.as_of {
            None => self.refuse_the_future(stage).await,
            Some(_) => Ok(()),
        }
    }

    /// Checks what is staged, and meanwhile finds which numbers of closed
    /// months it would change on main.
    async fn judge(
        &self,
        stage: &mut Stage<'_>,
        is_main: bool,
        outcome: &mut Outcome,
        passed: &mut BTreeMap<String, String>,
        observer: &dyn Observer,
    ) -> Result<()> {
        let (after, tables) = (stage.scope().clone(), stage.tables(&outcome.dropped));
        let before = stage.base.clone();
        let before = before.filter(|_| is_main && !stage.changed().is_empty());
        let restating = async {
            let Some(before) = &before else {
                return Ok(Vec::new());
            };
            let sides = Sides {
                before,
                after,
                tables: &tables,
            };
            self.restatements(&sides).await
        };
        let auditing = self.audit_models(stage, outcome, passed, observer);
        let (audited, restated) = tokio::join!(auditing, restating);
        audited?;
        if !outcome.is_red() {
            outcome.restatements = restated?;
        }
        Ok(())
    }

    /// Refuses data whose latest event lies after today: one wrong date would
    /// move every number that depends on `silver.as_of`.
    async fn refuse_the_future(&self, stage: &Stage<'_>) -> Result<()> {
        if !stage.changed().iter().any(is_as_of) {
            return Ok(());
        }
        let tomorrow = self.clock.now().date_naive() + chrono::Days::new(1);
        let sql = format!(
            "select cast(as_of as text) as as_of from silver.as_of where as_of > date '{tomorrow}'"
        );
        let session = stage.session(Strategy::Fastest)?;
        let rows = session.query(&sql, &[]).await?.collect().await?;
        let Some(batch) = rows.iter().find(|batch| batch.num_rows() > 0) else {
            return Ok(());
        };
        let as_of = batch.column(0).as_string_view().value(0);
        Err(Error::data(format!(
            "the data's latest event, `silver.as_of`, lies in the future: {as_of}"
        ))
        .hint("mend the wrong date in the latest files, or say which date counts: `--as-of DATE`"))
    }

    /// Published models whose file is gone.
    fn gone(&self, base: Option<&Snapshot>) -> Vec<TableName> {
        let published = base.iter().flat_map(|b| b.tables.keys());
        let is_model = |name: &&TableName| matches!(name.layer.as_str(), "silver" | "gold");
        published
            .filter(is_model)
            .filter(|name| !self.project.models.contains_key(name))
            .cloned()
            .collect()
    }

    pub(super) fn check_options(&self, options: &RefreshOptions) -> Result<()> {
        // Refuses a selection that matches nothing before anything is landed.
        selection(&self.project, &options.select)?;
        let Some(date) = &options.as_of else {
            return Ok(());
        };
        if chrono::NaiveDate::parse_from_str(date, "%Y-%m-%d").is_err() {
            return Err(Error::usage(format!("`--as-of {date}` is no date"))
                .hint("write a date as 2024-01-31"));
        }
        if !self.project.models.keys().any(is_as_of) {
            let names: Vec<String> = self
                .project
                .models
                .keys()
                .map(ToString::to_string)
                .collect();
            return Err(
                Error::usage("this project has no `silver.as_of` for `--as-of` to set").maybe_hint(
                    did_you_mean("silver.as_of", names.iter().map(String::as_str)).or_else(|| {
                        Some(
                            "write `queries/silver/as_of.sql`, one row with the column `as_of`"
                                .to_owned(),
                        )
                    }),
                ),
            );
        }
        Ok(())
    }
}
