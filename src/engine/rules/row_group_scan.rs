//! Few row groups, whose rows are dealt out to the threads.
//!
//! A row group is decoded by one thread. DataFusion cuts files into parts of one
//! size, as many as there are threads; where a month is one row group, one part
//! has all of its rows, and what is joined and grouped of them is one thread's
//! work, too. [`ReadTogether`] has such files read as one part, or as few as are
//! of a size, and DataFusion then deals out the rows as they are decoded.

use std::cmp::Reverse;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::parquet::file::properties::DEFAULT_MAX_ROW_GROUP_ROW_COUNT;
use datafusion::physical_expr::Partitioning;
use datafusion::physical_plan::ExecutionPlan;

use crate::engine::support::each::Replace;

/// Scans of fewer row groups than threads, or of one that is larger than the
/// others together, are of as many parts as are of a size. It comes before the
/// rules that cut files.
#[derive(Debug)]
pub(in crate::engine) struct ReadTogether;

impl Replace for ReadTogether {
    const NAME: &'static str = "row_group_scan";

    fn replaced(
        &self,
        plan: &Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let scan = plan.downcast_ref::<DataSourceExec>();
        Ok(scan.and_then(|scan| together(scan, config.execution.target_partitions)))
    }
}

fn together(scan: &DataSourceExec, threads: usize) -> Option<Arc<dyn ExecutionPlan>> {
    let (config, _) = scan.downcast_to_file_source::<ParquetSource>()?;
    if config.output_partitioning.is_some() || !config.output_ordering.is_empty() {
        return None;
    }
    let files = config.file_groups.iter().flat_map(FileGroup::files);
    let files: Option<Vec<(usize, &PartitionedFile)>> =
        files.map(|file| Some((rows(file)?, file))).collect();
    let groups = parts(files?, threads)?;
    let groups = groups.into_iter().map(|files| {
        let files = files.into_iter().map(|(_, file)| file.clone());
        FileGroup::new(files.collect())
    });
    let groups: Vec<FileGroup> = groups.collect();
    let partitioning = Partitioning::UnknownPartitioning(groups.len());
    let config = FileScanConfigBuilder::from(config.clone())
        .with_file_groups(groups)
        // Which also keeps them from being cut.
        .with_output_partitioning(Some(partitioning))
        .build();
    Some(DataSourceExec::from_data_source(config))
}

fn rows(file: &PartitionedFile) -> Option<usize> {
    let rows = file.statistics.as_ref()?.num_rows;
    rows.get_value().copied().filter(|_| file.range.is_none())
}

/// The files, each with its rows, in parts of about one size; none where there
/// are enough row groups for all threads.
fn parts<T>(mut files: Vec<(usize, T)>, threads: usize) -> Option<Vec<Vec<(usize, T)>>> {
    let all: usize = files.iter().map(|(rows, _)| rows).sum();
    let largest = files.iter().map(|(rows, _)| *rows).max()?;
    let unit = largest.min(DEFAULT_MAX_ROW_GROUP_ROW_COUNT);
    // A thread with half more than its share is still better than dealing out.
    if unit == 0 || unit.saturating_mul(threads).saturating_mul(2) <= all.saturating_mul(3) {
        return None;
    }
    let mut parts: Vec<(usize, Vec<(usize, T)>)> = Vec::new();
    parts.resize_with((all / unit).clamp(1, threads), Default::default);
    files.sort_by_key(|(rows, _)| Reverse(*rows));
    for (rows, file) in files {
        if let Some((size, part)) = parts.iter_mut().min_by_key(|(size, _)| *size) {
            *size += rows;
            part.push((rows, file));
        }
    }
    Some(parts.into_iter().map(|(_, part)| part).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(rows: &[usize], threads: usize) -> Option<Vec<Vec<usize>>> {
        let files = rows.iter().map(|rows| (*rows, ())).collect();
        let parts = parts(files, threads)?.into_iter();
        Some(
            parts
                .map(|part| part.into_iter().map(|(rows, ())| rows).collect())
                .collect(),
        )
    }

    #[test]
    fn few_row_groups_make_few_parts() {
        assert_eq!(sizes(&[], 2), None);
        assert_eq!(sizes(&[9], 1), None);
        assert_eq!(sizes(&[9], 2), Some(vec![vec![9]]));
        assert_eq!(sizes(&[1, 9], 2), Some(vec![vec![9, 1]]));
        assert_eq!(sizes(&[6, 9], 2), None);
        assert_eq!(sizes(&[5, 5, 4], 8), Some(vec![vec![5, 4], vec![5]]));
        assert_eq!(sizes(&[5, 5, 5], 8), Some(vec![vec![5], vec![5], vec![5]]));
        // Two row groups in one file.
        assert_eq!(sizes(&[2 * DEFAULT_MAX_ROW_GROUP_ROW_COUNT], 2), None);
        assert_eq!(sizes(&[0, 0], 2), None);
    }
}
