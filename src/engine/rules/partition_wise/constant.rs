//! The partition column, where it is one value a partition.
//!
//! Groups by month and title within one month are groups by title: rows are
//! hashed by one column less, and a single number is hashed much faster than a
//! pair. [`without`] takes the column out of the grouping, [`Constant`] puts its
//! value back into the rows that come of it. Where all files are of one month,
//! [`OneValue`] does the same for plans that are not split by month.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::config::ConfigOptions;
use datafusion::common::{JoinType, Result, ScalarValue, internal_err};
use datafusion::datasource::physical_plan::{FileGroup, FileSource, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::TaskContext;
use datafusion::physical_expr::expressions::{Column, Literal};
use datafusion::physical_expr::projection::ProjectionExpr;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::aggregates::{
    AggregateExec, AggregateInputMode, AggregateMode, AggregateOutputMode, PhysicalGroupBy,
};
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::{HashJoinExec, PartitionMode};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties, PlanProperties};
use futures::StreamExt;

use crate::engine::support::each::Replace;
use crate::engine::support::operator::Identity;
use crate::engine::support::over::{Keeps, Over, Rows, Step};

/// Adds a column that has one value in each partition.
#[derive(Debug)]
pub(in crate::engine) struct Constant {
    schema: SchemaRef,
    /// The column's place in the rows.
    at: usize,
    /// Its value in each partition.
    values: Vec<ScalarValue>,
}

impl Constant {
    /// Partitioned like `properties`, which are the input's but for the column.
    fn over(self, input: Arc<dyn ExecutionPlan>, properties: &PlanProperties) -> Over<Self> {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&self.schema)),
            properties.partitioning.clone(),
            input.pipeline_behavior(),
            input.boundedness(),
        )
        .with_evaluation_type(input.properties().evaluation_type)
        .with_scheduling_type(input.properties().scheduling_type);
        Over::new(self, input, Arc::new(properties))
    }
}

impl Step for Constant {
    const NAME: &'static str = "Constant";
    const KEEPS: Keeps = Keeps::Count;

    fn identity(&self) -> Option<Identity> {
        Some(
            Identity::of(Self::NAME)
                .number(self.at)
                .values(&self.values),
        )
    }

    fn repeats(&self) -> bool {
        true
    }

    fn about(&self, _: &Over<Self>) -> Option<String> {
        Some(self.schema.field(self.at).name().clone())
    }

    fn renewed(&self, over: &Over<Self>, input: Arc<dyn ExecutionPlan>) -> Over<Self> {
        let same = Self {
            schema: Arc::clone(&self.schema),
            at: self.at,
            values: self.values.clone(),
        };
        same.over(input, over.properties())
    }

    fn rows(
        &self,
        input: &Arc<dyn ExecutionPlan>,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<Rows> {
        let Some(value) = self.values.get(partition).cloned() else {
            return internal_err!("Constant has no partition {partition}");
        };
        let (schema, at) = (Arc::clone(&self.schema), self.at);
        let rows = input.execute(partition, context)?.map(move |batch| {
            let batch = batch?;
            let mut columns = batch.columns().to_vec();
            columns.insert(at, value.to_array_of_size(batch.num_rows())?);
            Ok(RecordBatch::try_new(Arc::clone(&schema), columns)?)
        });
        Ok(rows.boxed())
    }
}

/// The plan with every grouping rid of the partition column.
pub(super) fn without(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let inputs = plan.children().into_iter().cloned();
    let inputs = inputs.map(without).collect::<Result<Vec<_>>>()?;
    let plan = replace_children_if_necessary(plan, inputs)?;
    let Some(grouping) = plan.downcast_ref::<AggregateExec>() else {
        return Ok(plan);
    };
    Ok(lighter(grouping)?.unwrap_or(plan))
}

fn lighter(grouping: &AggregateExec) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    if *grouping.mode() != AggregateMode::SinglePartitioned || !is_plain(grouping) {
        return Ok(None);
    }
    let constant = columns(grouping)
        .find_map(|(at, column)| Some((at, values(grouping.input(), column.index())?)));
    let Some((at, values)) = constant else {
        return Ok(None);
    };
    let constant = Constant {
        schema: grouping.schema(),
        at,
        values,
    };
    let lighter = without_keys(grouping, &[at], grouping.input())?;
    let over = constant.over(Arc::new(lighter), grouping.properties());
    Ok(Some(Arc::new(over)))
}

/// Whether a key can be left out.
fn is_plain(grouping: &AggregateExec) -> bool {
    let by = grouping.group_expr();
    // Without a column to group by, no rows would give one.
    by.is_single() && by.expr().len() > 1 && grouping.limit_options().is_none()
}

/// The keys that are columns, each with its place among the keys.
fn columns(grouping: &AggregateExec) -> impl Iterator<Item = (usize, &Column)> {
    let keys = grouping.group_expr().expr().iter().enumerate();
    keys.filter_map(|(at, (key, _))| Some((at, key.downcast_ref::<Column>()?)))
}

/// The grouping over `input`, without the keys in the places `left_out`.
fn without_keys(
    grouping: &AggregateExec,
    left_out: &[usize],
    input: &Arc<dyn ExecutionPlan>,
) -> Result<AggregateExec> {
    let keys = grouping.group_expr().expr().iter().enumerate();
    let keys = keys.filter(|(at, _)| !left_out.contains(at));
    AggregateExec::try_new(
        *grouping.mode(),
        PhysicalGroupBy::new_single(keys.map(|(_, key)| key.clone()).collect()),
        grouping.aggr_expr().to_vec(),
        grouping.filter_expr().to_vec(),
        Arc::clone(input),
        grouping.input_schema(),
    )
}

/// Groupings by a partition column that is one value in all files, and by more,
/// do without it. It comes before the rules that deal rows out to threads.
#[derive(Debug)]
pub(in crate::engine) struct OneValue;

impl Replace for OneValue {
    const NAME: &'static str = "one_value";

    fn replaced(
        &self,
        plan: &Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let Some(grouping) = plan.downcast_ref::<AggregateExec>() else {
            return Ok(None);
        };
        let states = match grouping.mode().input_mode() {
            AggregateInputMode::Raw => None,
            AggregateInputMode::Partial => grouping.input().downcast_ref::<AggregateExec>(),
        };
        let of_rows = states.unwrap_or(grouping);
        let modes = (of_rows.mode().input_mode(), grouping.mode().output_mode());
        let whole = modes == (AggregateInputMode::Raw, AggregateOutputMode::Final);
        if !whole || !is_plain(grouping) || !is_plain(of_rows) {
            return Ok(None);
        }
        let value = |(at, column): (usize, &Column)| {
            let values = values(of_rows.input(), column.index())?;
            Some((at, values.first().filter(|_| is_one(&values))?.clone()))
        };
        let constants: BTreeMap<usize, ScalarValue> = columns(of_rows).filter_map(value).collect();
        let left_out: Vec<usize> = constants.keys().copied().collect();
        let keys = of_rows.group_expr().expr().len();
        if left_out.is_empty() || left_out.len() == keys {
            return Ok(None);
        }
        let lighter = without_keys(of_rows, &left_out, of_rows.input())?;
        let lighter = match states {
            None => lighter,
            Some(_) => AggregateExec::try_new(
                *grouping.mode(),
                lighter.group_expr().as_final(),
                grouping.aggr_expr().to_vec(),
                grouping.filter_expr().to_vec(),
                Arc::new(lighter),
                grouping.input_schema(),
            )?,
        };
        let mut kept = 0..;
        let schema = grouping.schema();
        let fields = schema.fields().iter().enumerate();
        let exprs = fields.map(|(at, field)| {
            let expr: Arc<dyn PhysicalExpr> = match constants.get(&at) {
                Some(value) => Arc::new(Literal::new(value.clone())),
                None => Arc::new(Column::new(field.name(), kept.next()?)),
            };
            Some((expr, field.name().clone()))
        });
        let exprs: Option<Vec<_>> = exprs.collect();
        let Some(exprs) = exprs else {
            return Ok(None);
        };
        let whole = ProjectionExec::try_new(exprs, Arc::new(lighter))?;
        Ok(Some(Arc::new(whole)))
    }
}

fn is_one(values: &[ScalarValue]) -> bool {
    values.windows(2).all(|pair| pair[0] == pair[1])
}

/// The values of a column that has one in each partition.
fn values(plan: &Arc<dyn ExecutionPlan>, column: usize) -> Option<Vec<ScalarValue>> {
    if let Some(scan) = plan.downcast_ref::<DataSourceExec>() {
        return values_of_files(scan, column);
    }
    if let Some(constant) = plan.downcast_ref::<Over<Constant>>() {
        return match column.cmp(&constant.step.at) {
            std::cmp::Ordering::Less => values(&constant.input, column),
            std::cmp::Ordering::Equal => Some(constant.step.values.clone()),
            std::cmp::Ordering::Greater => values(&constant.input, column - 1),
        };
    }
    if let Some(filter) = plan.downcast_ref::<FilterExec>() {
        let column = projected(filter.projection().as_deref(), column)?;
        return values(filter.input(), column);
    }
    if let Some(projection) = plan.downcast_ref::<ProjectionExec>() {
        return values(projection.input(), source(projection.expr(), column)?);
    }
    if let Some(grouping) = plan.downcast_ref::<AggregateExec>() {
        let (key, _) = grouping.group_expr().expr().get(column)?;
        let is_plain = grouping.group_expr().is_single();
        let key = key.downcast_ref::<Column>().filter(|_| is_plain)?;
        return values(grouping.input(), key.index());
    }
    if let Some(join) = plan.downcast_ref::<HashJoinExec>() {
        let column = projected(join.projection.as_deref(), column)?;
        let left = join.left().schema().fields().len();
        let Some(column) = column.checked_sub(left) else {
            let keeps = matches!(join.join_type(), JoinType::Inner | JoinType::Left);
            return values(join.left(), column).filter(|values| keeps && is_one(values));
        };
        let keeps = matches!(join.join_type(), JoinType::Inner | JoinType::Right);
        // The right side's rows stay in their partition.
        let is_lookup = *join.partition_mode() == PartitionMode::CollectLeft;
        return values(join.right(), column)
            .filter(|values| keeps && (is_lookup || is_one(values)));
    }
    None
}

fn values_of_files(scan: &DataSourceExec, column: usize) -> Option<Vec<ScalarValue>> {
    let (config, source_of_files) = scan.downcast_to_file_source::<ParquetSource>()?;
    let table = config.file_source().table_schema();
    let column = match FileSource::projection(source_of_files) {
        Some(projection) => source(projection.as_ref(), column)?,
        None => column,
    };
    let name = table.table_schema().field(column).name();
    let partition = table.table_partition_cols();
    let at = partition.iter().position(|field| field.name() == name)?;
    let value = |group: &FileGroup| {
        let mut values = group.files().iter().map(|f| f.partition_values.get(at));
        let first = values.next()??;
        values
            .all(|value| value == Some(first))
            .then(|| first.clone())
    };
    config.file_groups.iter().map(value).collect()
}

/// The column that stands in the place `column` after a projection.
fn projected(projection: Option<&[usize]>, column: usize) -> Option<usize> {
    match projection {
        Some(columns) => columns.get(column).copied(),
        None => Some(column),
    }
}

fn source(projection: &[ProjectionExpr], column: usize) -> Option<usize> {
    let expr = &projection.get(column)?.expr;
    Some(expr.downcast_ref::<Column>()?.index())
}
