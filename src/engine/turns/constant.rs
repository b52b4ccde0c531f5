//! The partition column, where it is one value a partition.
//!
//! Groups by month and title within one month are groups by title: rows are
//! hashed by one column less, and a single number is hashed much faster than a
//! pair. [`without`] takes the column out of the grouping, [`Constant`] puts its
//! value back into the rows that come of it.

use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::{JoinType, Result, ScalarValue, internal_err};
use datafusion::datasource::physical_plan::{FileGroup, FileSource, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::TaskContext;
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::projection::ProjectionExpr;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode, PhysicalGroupBy};
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::{HashJoinExec, PartitionMode};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties, PlanProperties};
use futures::StreamExt;

use crate::engine::over::{Keeps, Over, Rows, Step};

/// Adds a column that has one value in each partition.
#[derive(Debug)]
struct Constant {
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
    let by = grouping.group_expr();
    let is_plain = by.is_single()
        && *grouping.mode() == AggregateMode::SinglePartitioned
        && grouping.limit_options().is_none()
        // Without a column to group by, no rows would give one.
        && by.expr().len() > 1;
    if !is_plain {
        return Ok(None);
    }
    let constant = by.expr().iter().enumerate().find_map(|(at, (key, _))| {
        let column = key.downcast_ref::<Column>()?;
        Some((at, values(grouping.input(), column.index())?))
    });
    let Some((at, values)) = constant else {
        return Ok(None);
    };
    let mut keys = by.expr().to_vec();
    keys.remove(at);
    let lighter = AggregateExec::try_new(
        *grouping.mode(),
        PhysicalGroupBy::new_single(keys),
        grouping.aggr_expr().to_vec(),
        grouping.filter_expr().to_vec(),
        Arc::clone(grouping.input()),
        grouping.input_schema(),
    )?;
    let constant = Constant {
        schema: grouping.schema(),
        at,
        values,
    };
    let over = constant.over(Arc::new(lighter), grouping.properties());
    Ok(Some(Arc::new(over)))
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
        // The right side's rows stay in their partition.
        let is_lookup = *join.partition_mode() == PartitionMode::CollectLeft
            && matches!(join.join_type(), JoinType::Inner | JoinType::Right);
        let column = projected(join.projection.as_deref(), column)?;
        let column = column.checked_sub(join.left().schema().fields().len())?;
        return values(join.right(), column).filter(|_| is_lookup);
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
