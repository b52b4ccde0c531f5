//! The partition column, where it is one value a partition.
//!
//! Groups by month and title within one month are groups by title: rows are
//! hashed by one column less, and a single number is hashed much faster than a
//! pair. [`without`] takes the column out of the grouping, [`Constant`] puts its
//! value back into the rows that come of it.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{JoinType, Result, ScalarValue, internal_err};
use datafusion::datasource::physical_plan::ParquetSource;
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::projection::ProjectionExpr;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode, PhysicalGroupBy};
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::{HashJoinExec, PartitionMode};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
};
use futures::StreamExt;

/// Adds a column that has one value in each partition.
#[derive(Debug)]
pub(super) struct Constant {
    input: Arc<dyn ExecutionPlan>,
    /// The column's place in the rows.
    at: usize,
    /// Its value in each partition.
    values: Vec<ScalarValue>,
    properties: Arc<PlanProperties>,
}

impl Constant {
    /// Rows of `schema` and partitioned like `properties`, which are the input's
    /// but for the column.
    fn new(
        input: Arc<dyn ExecutionPlan>,
        at: usize,
        values: Vec<ScalarValue>,
        schema: SchemaRef,
        properties: &PlanProperties,
    ) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            properties.partitioning.clone(),
            input.pipeline_behavior(),
            input.boundedness(),
        )
        .with_evaluation_type(input.properties().evaluation_type)
        .with_scheduling_type(input.properties().scheduling_type);
        Self {
            input,
            at,
            values,
            properties: Arc::new(properties),
        }
    }
}

impl DisplayAs for Constant {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Constant: {}", self.schema().field(self.at).name())
    }
}

impl ExecutionPlan for Constant {
    fn name(&self) -> &'static str {
        "Constant"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match (children.pop(), children.is_empty()) {
            (Some(input), true) => Ok(Arc::new(Self::new(
                input,
                self.at,
                self.values.clone(),
                self.schema(),
                &self.properties,
            ))),
            _ => internal_err!("Constant has one input"),
        }
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let Some(value) = self.values.get(partition).cloned() else {
            return internal_err!("Constant has no partition {partition}");
        };
        let (schema, at) = (self.schema(), self.at);
        let rows = self.input.execute(partition, context)?.map(move |batch| {
            let batch = batch?;
            let mut columns = batch.columns().to_vec();
            columns.insert(at, value.to_array_of_size(batch.num_rows())?);
            Ok(RecordBatch::try_new(Arc::clone(&schema), columns)?)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }
}

/// The plan with every grouping rid of the partition column.
pub(super) fn without(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let inputs = plan.children().into_iter().cloned();
    let inputs = inputs.map(without).collect::<Result<Vec<_>>>()?;
    let plan =
        datafusion::physical_plan::execution_plan::replace_children_if_necessary(plan, inputs)?;
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
    Ok(Some(Arc::new(Constant::new(
        Arc::new(lighter),
        at,
        values,
        grouping.schema(),
        grouping.properties(),
    ))))
}

/// The values of a column that has one in each partition.
fn values(plan: &Arc<dyn ExecutionPlan>, column: usize) -> Option<Vec<ScalarValue>> {
    if let Some(scan) = plan.downcast_ref::<DataSourceExec>() {
        return values_of_files(scan, column);
    }
    if let Some(constant) = plan.downcast_ref::<Constant>() {
        return match column.cmp(&constant.at) {
            std::cmp::Ordering::Less => values(&constant.input, column),
            std::cmp::Ordering::Equal => Some(constant.values.clone()),
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
    let column =
        match datafusion::datasource::physical_plan::FileSource::projection(source_of_files) {
            Some(projection) => source(projection.as_ref(), column)?,
            None => column,
        };
    let name = table.table_schema().field(column).name();
    let partition = table.table_partition_cols();
    let at = partition.iter().position(|field| field.name() == name)?;
    let value = |group: &datafusion::datasource::physical_plan::FileGroup| {
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
