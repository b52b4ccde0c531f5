//! Lands files: every row of every new file becomes a row of bronze or a
//! reject, and the two add up.

use std::collections::BTreeSet;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use futures::{Stream, StreamExt};

use super::deliveries::{self, Delivery, FileAction, LandingPlan, PlannedFile, deliveries_table};
use super::keys;
use super::progress::{Event, Observer};
use super::read::{begin, decode_blocks};
use super::rejects::{RejectFiles, RejectWriter};
use super::replace::Delivered;
use super::run::LandedFile;
use super::stage::{Provenance, Stage};
use super::workspace::{Workspace, fingerprint};
use crate::error::{Error, Result};
use crate::lake::{DataFile, TableLayout, TableWriter, failpoint};
use crate::name::TableName;
use crate::source::{Candidate, Contract, DELIVERY, Decoder, Reject, UnknownColumns, open};

/// Files that are landed at once.
const FILES_AT_ONCE: usize = 2;

/// Stages what the plan says, and the empty tables of new sources.
pub(super) async fn land(
    stage: &mut Stage<'_>,
    plan: &LandingPlan,
    known: Vec<Delivery>,
    observer: &dyn Observer,
) -> Result<Vec<LandedFile>> {
    let workspace = stage.workspace;
    let mut deliveries = known;
    let moved = note_moves(plan, &mut deliveries);
    let mut landed = Vec::new();
    let mut rejects = RejectFiles::new(stage).await?;
    let files = plan.to_land().count() as u64;
    if files > 0 {
        let bytes = plan.to_land().map(|f| f.file.size).sum();
        observer.event(Event::Landing(files, bytes));
    }
    let first = deliveries.iter().map(|d| d.id).max().unwrap_or(0) + 1;
    let sources = workspace.contracts.iter();
    let sources: Vec<_> = sources.map(|c| (c, files_of(plan, c))).collect();
    let all = sources.iter().flat_map(|(contract, files)| {
        let files = files.iter();
        files.map(move |planned| (*contract, *planned))
    });
    // While one file's rows are encoded the next one is read.
    let landing = futures::stream::iter(all.zip(first..))
        .map(|((contract, file), id)| land_file(workspace, contract, file, id, observer))
        .buffered(FILES_AT_ONCE);
    let mut landing = std::pin::pin!(landing);
    for (contract, files) in &sources {
        land_source(
            stage,
            contract,
            landing.by_ref().take(files.len()),
            &mut deliveries,
            &mut rejects,
            &mut landed,
            observer,
        )
        .await?;
    }
    observer.event(Event::LandingDone);
    rejects.stage(stage, &live(deliveries.iter())).await?;
    failpoint("land.rejects")?;
    if !landed.is_empty() || moved || stage.base.is_none() {
        stage_deliveries(stage, &deliveries).await?;
        failpoint("land.deliveries")?;
    }
    Ok(landed)
}

/// Keeps the new names of files that were renamed; whether there are any.
fn note_moves(plan: &LandingPlan, deliveries: &mut [Delivery]) -> bool {
    let mut any = false;
    for planned in &plan.files {
        let FileAction::Moved(id) = planned.action else {
            continue;
        };
        for delivery in deliveries.iter_mut().filter(|d| d.id == id) {
            delivery.path.clone_from(&planned.file.path);
            delivery.modified = planned.file.modified;
            any = true;
        }
    }
    any
}

/// What is to be landed of a source, in order.
fn files_of<'a>(plan: &'a LandingPlan, contract: &Contract) -> Vec<&'a PlannedFile> {
    let files = plan.to_land().filter(|f| f.file.source == contract.name);
    let mut files: Vec<&PlannedFile> = files.collect();
    // Files that land again keep their order, so that of two rows with one key
    // and version the same one counts as before.
    files.sort_by_key(|f| match f.action {
        FileAction::Again { old } => (0, old),
        _ => (1, 0),
    });
    files
}

/// Stages a source's table with the files of `landing`, in order.
async fn land_source(
    stage: &mut Stage<'_>,
    contract: &Contract,
    landing: impl Stream<Item = Result<LandedDelivery>> + Unpin,
    deliveries: &mut Vec<Delivery>,
    rejects: &mut RejectFiles,
    landed: &mut Vec<LandedFile>,
    observer: &dyn Observer,
) -> Result<()> {
    let name = TableName::bronze(&contract.name);
    let published = stage.base.as_ref().and_then(|base| base.tables.get(&name));
    let as_agreed =
        published.is_some_and(|t| t.fingerprint == fingerprint(&contract.landing_text()));
    let mut landing = landing.peekable();
    if as_agreed && Pin::new(&mut landing).peek().await.is_none() {
        return Ok(());
    }
    let mut unknown = BTreeSet::new();
    let mut adds = Vec::new();
    let mut gone = BTreeSet::new();
    let workspace = stage.workspace;
    while let Some(one) = landing.next().await {
        let one = one?;
        rejects.add(one.rejects);
        if let Some(old) = one.replaces {
            rejects.drop_delivery(old);
            for delivery in deliveries.iter_mut().filter(|d| d.id == old) {
                delivery.replaced_by = Some(one.delivery.id);
            }
            gone.insert(old);
        }
        observer.event(Event::Landed(&one.report));
        deliveries.push(one.delivery);
        adds.extend(one.files);
        landed.push(one.report);
    }
    let current = deliveries
        .iter()
        .filter(|d| d.source == contract.name && d.replaced_by.is_none());
    for delivery in current {
        unknown.extend(
            delivery
                .unknown_columns
                .split(',')
                .filter(|c| !c.is_empty())
                .map(str::to_owned),
        );
    }
    let layout = TableLayout {
        schema: contract.schema(&unknown.into_iter().collect::<Vec<_>>()),
        partition_by: contract.partition.as_ref().map(|p| p.column.clone()),
        order_by: contract.order_by.clone(),
    };
    let published = stage.published(&name).await?;
    let delivered = Delivered {
        workspace,
        name: &name,
        layout: &layout,
        column: DELIVERY,
    };
    let live = live(deliveries.iter().filter(|d| d.source == contract.name));
    let replaced = delivered.without(published, &gone, &live).await?;
    let (kept, removes) = (replaced.kept, replaced.removes);
    adds.extend(replaced.adds);
    let provenance = Provenance {
        fingerprint: fingerprint(&contract.landing_text()),
        inputs: BTreeSet::new(),
    };
    stage.table(&name, layout, kept, adds, removes, provenance);
    keys::settle(stage, contract, !gone.is_empty()).await?;
    failpoint("land.keys")
}

/// Those whose rows are in the lake.
fn live<'a>(deliveries: impl Iterator<Item = &'a Delivery>) -> BTreeSet<i64> {
    let live = deliveries.filter(|d| d.replaced_by.is_none());
    live.map(|d| d.id).collect()
}

struct LandedDelivery {
    delivery: Delivery,
    /// The delivery whose rows go.
    replaces: Option<i64>,
    files: Vec<DataFile>,
    rejects: Vec<DataFile>,
    report: LandedFile,
}

async fn land_file(
    workspace: &Workspace,
    contract: &Contract,
    planned: &PlannedFile,
    id: i64,
    observer: &dyn Observer,
) -> Result<LandedDelivery> {
    let file = &planned.file;
    let mut rejects = RejectWriter::new(workspace, contract, file, id);
    contract.check_path(&file.path, &file.full)?;
    let opened = open(&file.full, contract)?;
    let stored = Arc::clone(&opened.stored);
    let (reader, dialect, header) = begin(opened.text, contract, &file.full)?;
    let missing = header.missing_names(contract);
    let unknown = match contract.unknown_columns {
        UnknownColumns::Keep => header.unknown_names(),
        _ => Vec::new(),
    };
    let decoder = Decoder::new(
        Arc::new(contract.clone()),
        &file.path,
        &dialect,
        header.clone(),
        id,
    );
    let layout = TableLayout {
        schema: Arc::clone(decoder.schema()),
        partition_by: contract.partition.as_ref().map(|p| p.column.clone()),
        order_by: contract.order_by.clone(),
    };
    let engine = &workspace.engine;
    let mut writer = TableWriter::new(
        engine.lake(),
        Arc::clone(&workspace.clock),
        &TableName::bronze(&contract.name),
        layout,
        engine.write_budget() / FILES_AT_ONCE,
        engine.threads(),
    )?;
    let mut rows_in = 0;
    let mut rejected = 0;
    let mut first_reject = None;
    let mut shown = 0;
    let mut decoded = Box::pin(decode_blocks(
        reader,
        decoder,
        engine.threads(),
        file.full.clone(),
    ));
    while let Some(block) = decoded.next().await {
        let (records, block) = block?;
        rows_in += records;
        rejected += block.rejects.len() as u64;
        first_reject = first_reject.or_else(|| block.rejects.first().cloned());
        rejects.write(&block.rejects).await?;
        writer.write(block.batch).await?;
        let read = stored.bytes();
        observer.event(Event::LandingBytes(read - shown));
        shown = read;
    }
    let files = writer.finish().await?;
    let rejects = rejects.finish().await?;
    failpoint("land.file")?;
    let rows_landed: u64 = files.iter().map(|f| f.rows).sum();
    let kept: u64 = rejects.iter().map(|f| f.rows).sum();
    let content_hash = stored.hash();
    let as_compared = planned
        .content_hash
        .as_ref()
        .is_none_or(|h| *h == content_hash);
    if !(as_compared && stored.bytes() == file.size && is_as_found(file)?) {
        return Err(changed(file));
    }
    if rows_landed + rejected != rows_in || kept != rejected {
        return Err(Error::data(format!(
            "{rows_in} rows read, {rows_landed} landed and {rejected} rejected: they do not add up"
        ))
        .file(&file.full));
    }
    if !contract.tolerance.allows(rejected, rows_in) {
        return Err(too_many_rejects(
            contract,
            &file.full,
            rejected,
            rows_in,
            first_reject,
        ));
    }
    let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    Ok(LandedDelivery {
        replaces: planned.action.replaced(),
        files,
        rejects,
        delivery: Delivery {
            id,
            source: contract.name.clone(),
            path: file.path.clone(),
            size: count(file.size),
            modified: file.modified,
            content_hash,
            contract_hash: fingerprint(&contract.landing_text()),
            landed_at: workspace.clock.now().timestamp_micros(),
            rows_in: count(rows_in),
            rows_landed: count(rows_landed),
            rows_rejected: count(rejected),
            unknown_columns: unknown.join(","),
            replaced_by: None,
        },
        report: LandedFile {
            source: contract.name.clone(),
            path: file.path.clone(),
            rows_in,
            rows_landed,
            rows_rejected: rejected,
            unknown_columns: header.unknown_names(),
            missing_columns: missing,
            first_reject,
            replaces: matches!(planned.action, FileAction::Replace { .. }),
        },
    })
}

/// Whether size and time of a file are those that it was found with.
fn is_as_found(file: &Candidate) -> Result<bool> {
    let now = std::fs::metadata(&file.full)
        .map_err(|e| Error::io("could not read").file(&file.full).because(e))?;
    let modified = now.modified().ok().and_then(|t| {
        let since = t.duration_since(std::time::SystemTime::UNIX_EPOCH).ok()?;
        i64::try_from(since.as_micros()).ok()
    });
    Ok(now.len() == file.size && modified.is_none_or(|m| m == file.modified))
}

fn changed(file: &Candidate) -> Error {
    Error::data("the file changed while it was read")
        .file(&file.full)
        .hint("deliver under another name and rename when complete; then run again")
}

fn too_many_rejects(
    contract: &Contract,
    path: &Path,
    rejected: u64,
    rows: u64,
    first: Option<Reject>,
) -> Error {
    let error =
        Error::data(format!("{rejected} of {rows} rows do not fit the contract")).file(path);
    let error = match &first {
        Some(reject) => error.line(reject.line),
        None => error,
    };
    let why = first.map_or(String::new(), |r| match r.column {
        Some(column) => format!("the first: column `{column}`: {}; ", r.reason),
        None => format!("the first: {}; ", r.reason),
    });
    error.hint(format!(
        "{why}mend {} (types, formats, delimiter), or raise its `max_rejected`",
        contract.path.display()
    ))
}

async fn stage_deliveries(stage: &mut Stage<'_>, deliveries: &[Delivery]) -> Result<()> {
    let name = deliveries_table();
    let layout = TableLayout {
        schema: deliveries::schema()?,
        partition_by: None,
        order_by: vec!["delivery".to_owned()],
    };
    let removes = stage.published(&name).await?;
    let adds = write_small(stage, &name, &layout, deliveries::to_batch(deliveries)?).await?;
    let provenance = Provenance::default();
    stage.table(&name, layout, Vec::new(), adds, removes, provenance);
    Ok(())
}

async fn write_small(
    stage: &Stage<'_>,
    name: &TableName,
    layout: &TableLayout,
    batch: RecordBatch,
) -> Result<Vec<DataFile>> {
    let workspace = stage.workspace;
    let engine = &workspace.engine;
    let mut writer = TableWriter::new(
        engine.lake(),
        Arc::clone(&workspace.clock),
        name,
        layout.clone(),
        engine.write_budget(),
        1,
    )?;
    writer.write(batch).await?;
    writer.finish().await
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::progress::Silent;
    use super::super::workspace::Access;
    use super::*;
    use crate::clock::SystemClock;
    use crate::config::{Config, Overrides};

    const CONTRACT: &str =
        "description = \"Clicks.\"\nfiles = \"*.csv\"\n[columns]\nid = \"integer\"\n";

    /// Finds the file `b.csv`, writes `then` into it with the time it had, and
    /// lands what was found.
    async fn lands(found: &[(&str, &str)], then: &str) -> Result<Vec<LandedFile>> {
        let dir = tempfile::tempdir().unwrap();
        let (bronze, landing) = (
            dir.path().join("queries/bronze"),
            dir.path().join("landing"),
        );
        fs::create_dir_all(&bronze).unwrap();
        fs::create_dir_all(&landing).unwrap();
        fs::write(dir.path().join("cinelake.toml"), "").unwrap();
        fs::write(bronze.join("clicks.toml"), CONTRACT).unwrap();
        for (name, text) in found {
            fs::write(landing.join(name), text).unwrap();
        }
        let config = Config::load(&Overrides {
            project: Some(dir.path().to_path_buf()),
            landing: Some(landing.clone()),
            ..Overrides::default()
        })?;
        let workspace = Workspace::open(config, Access::Write, Arc::new(SystemClock))?;
        let (plan, known) = workspace.plan_landing(None).await?;
        let changed = landing.join("b.csv");
        let modified = fs::metadata(&changed).unwrap().modified().unwrap();
        fs::write(&changed, then).unwrap();
        let file = fs::File::options().write(true).open(&changed).unwrap();
        file.set_modified(modified).unwrap();
        let mut stage = Stage::new(&workspace, None, 1);
        land(&mut stage, &plan, known, &Silent).await
    }

    #[tokio::test]
    async fn a_file_that_changes_between_being_compared_and_read_does_not_land() {
        let alike = [("a.csv", "id\n1\n"), ("b.csv", "id\n2\n")];
        assert_eq!(lands(&alike, "id\n2\n").await.unwrap().len(), 2);
        // Size and time are as they were, and `a.csv` has this content.
        let error = lands(&alike, "id\n1\n").await.unwrap_err();
        assert!(
            error.to_string().contains("changed while it was read"),
            "{error}"
        );
        let error = lands(&[("b.csv", "id\n2\n")], "id\n22\n")
            .await
            .unwrap_err();
        assert!(
            error.to_string().contains("changed while it was read"),
            "{error}"
        );
    }
}
