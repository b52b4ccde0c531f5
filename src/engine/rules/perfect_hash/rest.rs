//! What is left when places do not do: too many texts, a number beyond its
//! bounds, or too little memory.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::{Result, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::{
    AggregateExec, AggregateInputMode, AggregateMode, AggregateOutputMode,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use futures::{Stream, StreamExt, stream};

/// The answer of `grouping` for the groups whose states are `states` and for the
/// rows of `rest`, which a hash table groups.
pub(super) fn with_rest(
    grouping: &AggregateExec,
    states: impl Stream<Item = Result<RecordBatch>> + Send + 'static,
    rest: impl Stream<Item = Result<RecordBatch>> + Send + 'static,
    context: &Arc<TaskContext>,
) -> Result<SendableRecordBatchStream> {
    let (rest, schema) = match grouping.mode().input_mode() {
        AggregateInputMode::Partial => (rest.boxed(), grouping.input().schema()),
        AggregateInputMode::Raw => {
            let partial = partial(grouping, rest)?;
            let rest = partial.execute(0, Arc::clone(context))?;
            (rest.boxed(), partial.schema())
        }
    };
    let both = states.chain(rest);
    if grouping.mode().output_mode() == AggregateOutputMode::Partial {
        return Ok(Box::pin(RecordBatchStreamAdapter::new(schema, both)));
    }
    let aggregates = grouping.aggr_expr();
    AggregateExec::try_new(
        AggregateMode::Final,
        grouping.group_expr().as_final(),
        aggregates.to_vec(),
        vec![None; aggregates.len()],
        once(schema, both)?,
        grouping.input_schema(),
    )?
    .execute(0, Arc::clone(context))
}

/// What the states of the groups of `grouping` look like.
pub(super) fn states_schema(grouping: &AggregateExec) -> Result<SchemaRef> {
    Ok(match grouping.mode().input_mode() {
        AggregateInputMode::Partial => grouping.input().schema(),
        AggregateInputMode::Raw => partial(grouping, stream::empty())?.schema(),
    })
}

fn partial(
    grouping: &AggregateExec,
    rows: impl Stream<Item = Result<RecordBatch>> + Send + 'static,
) -> Result<AggregateExec> {
    AggregateExec::try_new(
        AggregateMode::Partial,
        grouping.group_expr().clone(),
        grouping.aggr_expr().to_vec(),
        grouping.filter_expr().to_vec(),
        once(grouping.input().schema(), rows)?,
        grouping.input_schema(),
    )
}

/// A plan of rows that come once.
fn once(
    schema: SchemaRef,
    rows: impl Stream<Item = Result<RecordBatch>> + Send + 'static,
) -> Result<Arc<dyn ExecutionPlan>> {
    let rows = RecordBatchStreamAdapter::new(Arc::clone(&schema), rows);
    let once = Rows {
        schema: Arc::clone(&schema),
        rows: Mutex::new(Some(Box::pin(rows))),
    };
    let plan = StreamingTableExec::try_new(schema, vec![Arc::new(once)], None, [], false, None)?;
    Ok(Arc::new(plan))
}

struct Rows {
    schema: SchemaRef,
    rows: Mutex<Option<SendableRecordBatchStream>>,
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rows")
    }
}

impl PartitionStream for Rows {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let rows = self
            .rows
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        rows.unwrap_or_else(|| {
            let again = stream::iter([internal_err!("rows that come once were asked for again")]);
            Box::pin(RecordBatchStreamAdapter::new(
                Arc::clone(&self.schema),
                again,
            ))
        })
    }
}
