//! What operators of one input have in common.
//!
//! An operator that hands on the rows of one input says in a [`Step`] what is
//! its own; [`Over`] is the operator.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, Statistics, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::execution_plan::CardinalityEffect;
use datafusion::physical_plan::statistics::{ChildStats, StatisticsArgs};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::stream::BoxStream;

use crate::engine::support::operator::{Identity, Operator};

/// The rows that an operator hands on.
pub(in crate::engine) type Rows = BoxStream<'static, Result<RecordBatch>>;

/// What becomes of the input's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum Keeps {
    /// They stay as they are, in their partition and in their order.
    Places,
    /// They stay as they are, in other partitions.
    Values,
    /// Each becomes a row of other columns, in its partition.
    Count,
    /// Some of them stay as they are, in their partition and in their order.
    Some,
    /// Others come of them.
    Nothing,
}

/// An operator's own part.
pub(in crate::engine) trait Step:
    fmt::Debug + Send + Sync + Sized + 'static
{
    /// Its name in plans.
    const NAME: &'static str;
    /// What it keeps of the input.
    const KEEPS: Keeps;

    /// All that decides its rows beside its input; none where they are never
    /// those of another.
    fn identity(&self) -> Option<Identity>;

    /// Whether a partition that is executed again gives the same rows again.
    fn repeats(&self) -> bool;

    /// Whether it joins or groups rows.
    fn computes(&self) -> bool {
        false
    }

    /// What a plan says of it after its name; none where there is nothing to say.
    fn about(&self, _: &Over<Self>) -> Option<String> {
        None
    }

    /// The same over another input.
    fn renewed(&self, over: &Over<Self>, input: Arc<dyn ExecutionPlan>) -> Over<Self>;

    /// The rows of one partition.
    ///
    /// # Errors
    /// When the input cannot be executed.
    fn rows(
        &self,
        input: &Arc<dyn ExecutionPlan>,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<Rows>;
}

/// A [`Step`] over its input.
#[derive(Debug)]
pub(in crate::engine) struct Over<S> {
    pub(in crate::engine) step: S,
    pub(in crate::engine) input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
}

impl<S: Step> Over<S> {
    /// `step` over `input`; its rows are partitioned and ordered as `properties`
    /// say.
    pub(in crate::engine) fn new(
        step: S,
        input: Arc<dyn ExecutionPlan>,
        properties: Arc<PlanProperties>,
    ) -> Self {
        Self {
            step,
            input,
            properties,
        }
    }
}

impl<S: Step> Operator for Over<S> {
    fn identity(&self) -> Option<Identity> {
        self.step.identity()
    }

    fn repeats(&self) -> bool {
        self.step.repeats()
    }

    fn computes(&self) -> bool {
        self.step.computes()
    }
}

impl<S: Step> DisplayAs for Over<S> {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.step.about(self) {
            Some(about) => write!(f, "{}: {about}", S::NAME),
            None => f.write_str(S::NAME),
        }
    }
}

impl<S: Step> ExecutionPlan for Over<S> {
    fn name(&self) -> &'static str {
        S::NAME
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![matches!(S::KEEPS, Keeps::Places | Keeps::Some)]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
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
            (Some(input), true) => Ok(Arc::new(self.step.renewed(&self, input))),
            _ => internal_err!("{} has one input", S::NAME),
        }
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let rows = self.step.rows(&self.input, partition, context)?;
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        vec![match S::KEEPS {
            Keeps::Places | Keeps::Some => ChildStats::At(partition),
            Keeps::Values => ChildStats::At(None),
            Keeps::Count | Keeps::Nothing => ChildStats::Skip,
        }]
    }

    fn statistics_from_inputs(
        &self,
        inputs: &[Arc<Statistics>],
        _: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        match (S::KEEPS, inputs) {
            (Keeps::Places | Keeps::Values, [input]) => Ok(Arc::clone(input)),
            (Keeps::Some, [input]) => Ok(Arc::new(input.as_ref().clone().to_inexact())),
            _ => Ok(Arc::new(Statistics::new_unknown(&self.schema()))),
        }
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        match S::KEEPS {
            Keeps::Some => CardinalityEffect::LowerEqual,
            Keeps::Nothing => CardinalityEffect::Unknown,
            _ => CardinalityEffect::Equal,
        }
    }
}
