//! The one way to read a table: a list of Parquet files with their partition
//! values and statistics, published or staged.
//!
//! Files that a filter rules out are not opened, row counts and bounds are
//! answered without reading, and the plan is a plain Parquet scan.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::DateTime;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, UInt64Array};
use datafusion::arrow::compute::SortOptions;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::stats::Precision;
use datafusion::common::{
    Column, ColumnStatistics, DFSchema, Result, ScalarValue, Statistics, project_schema,
};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::listing::helpers::expr_applicable_for_cols;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{
    FileGroup, FileScanConfig, FileScanConfigBuilder, ParquetSource,
};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{
    BinaryExpr, Expr, Operator, TableProviderFilterPushDown, TableType,
};
use datafusion::object_store::ObjectMeta;
use datafusion::object_store::path::Path;
use datafusion::physical_expr::expressions::{Column as PhysicalColumn, col};
use datafusion::physical_expr::{
    LexOrdering, Partitioning, PhysicalSortExpr, RangePartitioning, SplitPoint,
};
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;

use crate::lake::{DataFile, TableFiles, column_ranges};

/// Partitions from which on a table is scanned by them.
const FEWEST_PARTITIONS: usize = 4;

/// A table as the engine scans it.
#[derive(Debug)]
pub(in crate::engine) struct LakeTable {
    store: ObjectStoreUrl,
    /// The columns in the table's order.
    schema: SchemaRef,
    /// The columns in the scan's order: those in the files, then the partition.
    scanned: TableSchema,
    /// For each column of the table its place in the scan.
    places: Vec<usize>,
    files: Vec<PartitionedFile>,
    sort: Option<LexOrdering>,
}

impl LakeTable {
    /// A table over `files`, which lie in `store`.
    pub(in crate::engine) fn new(store: ObjectStoreUrl, files: &TableFiles) -> Result<Self> {
        let schema = Arc::clone(&files.schema);
        let is_partition = |f: &Field| Some(f.name()) == files.partition_by.as_ref();
        let inside: Vec<Field> = without(&schema, is_partition);
        let partition: Vec<Field> = without(&schema, |f| !is_partition(f));
        let inside = Arc::new(Schema::new(inside));
        let scanned = TableSchema::builder(Arc::clone(&inside))
            .with_table_partition_cols(partition)
            .build();
        let places = schema
            .fields()
            .iter()
            .map(|f| scanned.table_schema().index_of(f.name()))
            .collect::<Result<_, _>>()?;
        let folder = format!("{}/{}", files.name.layer, files.name.table);
        Ok(Self {
            sort: sort_order(&files.order_by, scanned.table_schema()),
            files: files
                .files
                .iter()
                .filter(|file| file.rows > 0)
                .map(|file| scanned_file(&folder, file, &inside, files.partition_by.is_some()))
                .collect::<Result<_>>()?,
            store,
            schema,
            scanned,
            places,
        })
    }

    /// The column by which the files are split.
    pub(in crate::engine) fn partition_name(&self) -> Option<&str> {
        self.partition_names().first().copied()
    }

    fn partition_names(&self) -> Vec<&str> {
        let columns = self.scanned.table_partition_cols().iter();
        columns.map(|f| f.name().as_str()).collect()
    }

    /// The files whose partition value can meet `filters`.
    fn prune_partitions(
        &self,
        state: &dyn Session,
        filters: &[Expr],
        files: Vec<PartitionedFile>,
    ) -> Result<Vec<PartitionedFile>> {
        let Some(predicate) = conjunction(filters.iter().cloned()) else {
            return Ok(files);
        };
        if files.is_empty() {
            return Ok(files);
        }
        let schema = Arc::new(Schema::new(self.scanned.table_partition_cols().clone()));
        let columns = (0..schema.fields().len())
            .map(|i| {
                ScalarValue::iter_to_array(files.iter().map(|f| f.partition_values[i].clone()))
            })
            .collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(files.len()));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options)?;
        let expr = state.create_physical_expr(predicate, &DFSchema::try_from(schema)?)?;
        let mask = expr.evaluate(&batch)?.into_array(files.len())?;
        let Some(mask) = mask.as_boolean_opt() else {
            return Ok(Vec::new());
        };
        let kept = |i: usize| mask.is_valid(i) && mask.value(i);
        let numbered = files.into_iter().enumerate();
        Ok(numbered.filter(|(i, _)| kept(*i)).map(|(_, f)| f).collect())
    }

    /// The files whose bounds can meet `filters`.
    fn prune_bounds(
        &self,
        state: &dyn Session,
        filters: &[Expr],
        files: Vec<PartitionedFile>,
    ) -> Result<Vec<PartitionedFile>> {
        let Some(predicate) = conjunction(filters.iter().cloned()) else {
            return Ok(files);
        };
        let schema = self.scanned.table_schema();
        let expr =
            state.create_physical_expr(predicate, &DFSchema::try_from(Arc::clone(schema))?)?;
        let builder = PruningPredicateBuilder::new().with_file_schema(Arc::clone(schema));
        let Some(pruning) = builder.build(expr) else {
            return Ok(files);
        };
        let bounds = Bounds {
            files: &files,
            schema,
        };
        // A predicate that cannot be decided from bounds keeps every file.
        let Ok(keep) = pruning.prune(&bounds) else {
            return Ok(files);
        };
        let pairs = files.into_iter().zip(keep);
        Ok(pairs.filter(|(_, keep)| *keep).map(|(f, _)| f).collect())
    }

    /// Files in groups: by the partition column where it can be, else each read
    /// in one order, else in parts of one size.
    fn grouped(&self, files: Vec<PartitionedFile>, target: usize) -> Result<Grouped> {
        let files = match self.by_partition(files, target)? {
            Ok(grouped) => return Ok(grouped),
            Err(files) => files,
        };
        if let Some(sort) = &self.sort {
            if files.len() <= target {
                let groups = files.into_iter().map(|f| FileGroup::new(vec![f])).collect();
                return Ok(Grouped::ordered(groups, sort.clone()));
            }
            // Bounds say nothing of nulls, which sort last.
            if null_free(sort, &files)
                && let Ok(groups) =
                    FileScanConfig::split_groups_by_statistics_with_target_partitions(
                        self.scanned.table_schema(),
                        &[FileGroup::new(files.clone())],
                        sort,
                        target,
                    )
                && groups.len() <= target
            {
                return Ok(Grouped::ordered(groups, sort.clone()));
            }
        }
        Ok(Grouped {
            groups: FileGroup::new(files).split_files(target),
            ordering: Vec::new(),
            partitioning: None,
        })
    }

    /// Files by the value of the partition column: what is grouped by it needs no
    /// shuffle then, and [`crate::engine::rules::partition_wise`] works off as many at once as there are
    /// threads. Gives the files back where partitions are too few, or one too
    /// large, to keep all threads busy.
    fn by_partition(
        &self,
        mut files: Vec<PartitionedFile>,
        target: usize,
    ) -> Result<Result<Grouped, Vec<PartitionedFile>>> {
        let [partition] = self.partition_names()[..] else {
            return Ok(Err(files));
        };
        let value = |file: &PartitionedFile| match file.partition_values.first() {
            Some(ScalarValue::Date32(day)) => *day,
            _ => None,
        };
        files.sort_by_key(|file| (value(file).is_none(), value(file)));
        let partitions = || files.chunk_by(|one, next| value(one) == value(next));
        let sizes = partitions().map(|files| files.iter().map(rows_of).sum::<usize>());
        let (all, largest) = (sizes.clone().sum::<usize>(), sizes.clone().max());
        let few = sizes.count() < target.max(FEWEST_PARTITIONS);
        if few || largest.unwrap_or(0) * target > all {
            return Ok(Err(files));
        }
        let names = [partition.to_owned()];
        let Some(order) = sort_order(&names, self.scanned.table_schema()) else {
            return Ok(Err(files));
        };
        let groups: Vec<FileGroup> = partitions().map(|p| FileGroup::new(p.to_vec())).collect();
        let first = |p: &[PartitionedFile]| p.first().and_then(value);
        let split_points = partitions()
            .skip(1)
            .map(|p| SplitPoint::new(vec![ScalarValue::Date32(first(p))]));
        let range = RangePartitioning::try_new(order, split_points.collect())?;
        Ok(Ok(Grouped {
            groups,
            ordering: Vec::new(),
            partitioning: Some(Partitioning::Range(range)),
        }))
    }
}

/// Files in groups, and what that says of their rows.
struct Grouped {
    groups: Vec<FileGroup>,
    /// The order of each group's rows.
    ordering: Vec<LexOrdering>,
    partitioning: Option<Partitioning>,
}

impl Grouped {
    fn ordered(groups: Vec<FileGroup>, ordering: LexOrdering) -> Self {
        Self {
            groups,
            ordering: vec![ordering],
            partitioning: None,
        }
    }
}

#[async_trait]
impl TableProvider for LakeTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        let names = self.partition_names();
        let support = |filter: &&Expr| {
            if on_partition(&names, filter) {
                TableProviderFilterPushDown::Exact
            } else {
                TableProviderFilterPushDown::Inexact
            }
        };
        Ok(filters.iter().map(support).collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let names = self.partition_names();
        let (partition, data): (Vec<Expr>, Vec<Expr>) = filters
            .iter()
            .cloned()
            .partition(|f| on_partition(&names, f));
        let files = self.prune_partitions(state, &partition, self.files.clone())?;
        let files = self.prune_bounds(state, &data, files)?;
        if files.is_empty() {
            return Ok(Arc::new(EmptyExec::new(project_schema(
                &self.schema,
                projection,
            )?)));
        }
        let scanned = self.scanned.table_schema();
        let merged = |files: &mut dyn Iterator<Item = &PartitionedFile>| {
            Statistics::try_merge_iter(files.filter_map(|f| f.statistics.as_deref()), scanned)
        };
        let statistics = merged(&mut files.iter())?;
        let target = state.config().target_partitions().max(1);
        let Grouped {
            groups,
            ordering,
            partitioning,
        } = self.grouped(files, target)?;
        let groups = groups
            .into_iter()
            .map(|group| {
                let statistics = merged(&mut group.iter())?;
                Ok(group.with_statistics(Arc::new(statistics)))
            })
            .collect::<Result<Vec<_>>>()?;
        let options = state.default_table_options().parquet;
        let store = state.runtime_env().object_store(&self.store)?;
        let cache = state.runtime_env().cache_manager.get_file_metadata_cache();
        let hint = options.global.metadata_size_hint;
        let pushed = options.global.pushdown_filters || data.iter().any(names_values);
        let mut source = ParquetSource::new(self.scanned.clone())
            .with_table_parquet_options(options)
            .with_pushdown_filters(pushed)
            .with_parquet_file_reader_factory(Arc::new(CachedParquetFileReaderFactory::new(
                store, cache,
            )));
        if let Some(hint) = hint {
            source = source.with_metadata_size_hint(hint);
        }
        let columns = match projection {
            Some(columns) => columns.iter().map(|i| self.places[*i]).collect(),
            None => self.places.clone(),
        };
        let config = FileScanConfigBuilder::new(self.store.clone(), Arc::new(source))
            .with_file_groups(groups)
            .with_statistics(statistics)
            .with_projection_indices(Some(columns))?
            .with_limit(limit)
            .with_output_ordering(ordering)
            .with_output_partitioning(partitioning)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}

/// Whether a filter names the values that it wants. Few rows have them as a rule,
/// and of the others only that column is decoded then. Other filters are cheaper
/// over whole batches.
fn names_values(filter: &Expr) -> bool {
    let is_column = |expr: &Expr| matches!(expr, Expr::Column(_));
    let is_value = |expr: &Expr| matches!(expr, Expr::Literal(..));
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            *op == Operator::Eq
                && ((is_column(left) && is_value(right)) || (is_value(left) && is_column(right)))
        }
        Expr::InList(list) => !list.negated && is_column(&list.expr),
        _ => false,
    }
}

fn rows_of(file: &PartitionedFile) -> usize {
    let rows = file.statistics.as_ref().map(|s| s.num_rows);
    rows.and_then(|rows| rows.get_value().copied()).unwrap_or(1)
}

fn without(schema: &Schema, left_out: impl Fn(&Field) -> bool) -> Vec<Field> {
    let fields = schema.fields().iter().map(|f| f.as_ref().clone());
    fields.filter(|f| !left_out(f)).collect()
}

fn on_partition(names: &[&str], filter: &Expr) -> bool {
    !names.is_empty() && expr_applicable_for_cols(names, filter)
}

fn sort_order(columns: &[String], schema: &SchemaRef) -> Option<LexOrdering> {
    let options = SortOptions {
        descending: false,
        nulls_first: false,
    };
    let sorts = columns
        .iter()
        .map(|name| Some(PhysicalSortExpr::new(col(name, schema).ok()?, options)))
        .collect::<Option<Vec<_>>>()?;
    LexOrdering::new(sorts)
}

fn null_free(sort: &LexOrdering, files: &[PartitionedFile]) -> bool {
    let none = |file: &PartitionedFile, column: usize| {
        let statistics = file.statistics.as_ref();
        statistics
            .and_then(|s| s.column_statistics.get(column))
            .is_some_and(|c| c.null_count == Precision::Exact(0))
    };
    sort.iter().all(|s| {
        s.expr
            .downcast_ref::<PhysicalColumn>()
            .is_some_and(|c| files.iter().all(|f| none(f, c.index())))
    })
}

fn scanned_file(
    folder: &str,
    file: &DataFile,
    inside: &SchemaRef,
    partitioned: bool,
) -> Result<PartitionedFile> {
    let meta = ObjectMeta {
        location: Path::parse(format!("{folder}/{}", file.path))?,
        last_modified: DateTime::from_timestamp_millis(file.modified).unwrap_or_default(),
        size: file.size,
        e_tag: None,
        version: None,
    };
    let partition = partitioned.then(|| ScalarValue::Date32(file.partition));
    // Partition values first: `with_statistics` appends what they imply.
    let mut scanned = PartitionedFile::from(meta)
        .with_partition_values(partition.into_iter().collect())
        .with_statistics(Arc::new(file_statistics(file, inside)));
    if partitioned && file.partition.is_none() {
        // What it implies for null is wrong: a distinct value, no nulls.
        let rows = usize::try_from(file.rows).unwrap_or(usize::MAX);
        let mut column = ColumnStatistics::new_unknown();
        column.null_count = Precision::Exact(rows);
        let mut statistics = scanned
            .statistics
            .as_deref()
            .cloned()
            .unwrap_or_else(|| file_statistics(file, inside));
        statistics.column_statistics.truncate(inside.fields().len());
        statistics.column_statistics.push(column);
        scanned.statistics = Some(Arc::new(statistics));
    }
    Ok(scanned)
}

fn file_statistics(file: &DataFile, inside: &SchemaRef) -> Statistics {
    let ranges = column_ranges(file.stats.as_deref().unwrap_or("{}"), inside);
    let column = |range: Option<crate::lake::ColumnRange>| {
        let mut statistics = ColumnStatistics::new_unknown();
        if let Some(range) = range {
            let precision = if range.exact {
                Precision::Exact
            } else {
                Precision::Inexact
            };
            statistics.min_value = precision(range.min);
            statistics.max_value = precision(range.max);
            statistics.null_count =
                Precision::Exact(usize::try_from(range.nulls).unwrap_or(usize::MAX));
        }
        statistics
    };
    Statistics {
        num_rows: Precision::Exact(usize::try_from(file.rows).unwrap_or(usize::MAX)),
        total_byte_size: Precision::Absent,
        column_statistics: ranges.into_iter().map(column).collect(),
    }
}

/// The files' bounds as the pruning predicate asks for them.
struct Bounds<'a> {
    files: &'a [PartitionedFile],
    schema: &'a SchemaRef,
}

impl Bounds<'_> {
    fn column(&self, name: &str) -> Option<(usize, &DataType)> {
        let (i, field) = self.schema.column_with_name(name)?;
        Some((i, field.data_type()))
    }

    fn bound(
        &self,
        column: &Column,
        get: impl Fn(&ColumnStatistics) -> &Precision<ScalarValue>,
    ) -> Option<ArrayRef> {
        let (i, kind) = self.column(column.name())?;
        let unknown = ScalarValue::try_new_null(kind).ok()?;
        let value = |file: &PartitionedFile| {
            let statistics = file.statistics.as_ref()?.column_statistics.get(i)?;
            get(statistics).get_value().cloned()
        };
        let values = self
            .files
            .iter()
            .map(|f| value(f).unwrap_or_else(|| unknown.clone()));
        ScalarValue::iter_to_array(values).ok()
    }
}

impl PruningStatistics for Bounds<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bound(column, |s| &s.min_value)
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bound(column, |s| &s.max_value)
    }

    fn num_containers(&self) -> usize {
        self.files.len()
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        let (i, _) = self.column(column.name())?;
        let count = |file: &PartitionedFile| {
            let statistics = file.statistics.as_ref()?.column_statistics.get(i)?;
            exact(statistics.null_count)
        };
        Some(Arc::new(
            self.files.iter().map(count).collect::<UInt64Array>(),
        ))
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        let count = |file: &PartitionedFile| exact(file.statistics.as_ref()?.num_rows);
        Some(Arc::new(
            self.files.iter().map(count).collect::<UInt64Array>(),
        ))
    }

    fn contained(&self, _: &Column, _: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}

fn exact(count: Precision<usize>) -> Option<u64> {
    match count {
        Precision::Exact(n) => Some(n as u64),
        _ => None,
    }
}
