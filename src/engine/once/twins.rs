//! Which parts of a plan are alike down to the last expression.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::joins::{
    CrossJoinExec, HashJoinExec, NestedLoopJoinExec, SortMergeJoinExec,
};
use datafusion::physical_plan::recursive_query::RecursiveQueryExec;
use datafusion::physical_plan::{DisplayFormatType, ExecutionPlan, ExecutionPlanProperties};

use super::Once;
use crate::engine::intervals::IntervalJoin;
use crate::engine::over::Over;
use crate::engine::perfect::PerfectAggregate;
use crate::engine::sessionize::UniteSessions;

/// Puts [`Once`] over parts of a plan that are alike.
#[derive(Debug)]
pub(in crate::engine) struct FindTwins;

impl PhysicalOptimizerRule for FindTwins {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        // A round of a recursive query executes its parts anew.
        if plan.exists(|node| Ok(node.is::<RecursiveQueryExec>()))? {
            return Ok(plan);
        }
        let mut parts = Parts::default();
        let root = parts.know(&plan);
        match parts.all.iter().any(Part::is_shared) {
            true => parts.put(plan, &root),
            false => Ok(plan),
        }
    }

    fn name(&self) -> &'static str {
        "find_twins"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The different parts of a plan.
#[derive(Default)]
struct Parts {
    all: Vec<Part>,
    by_text: HashMap<String, Vec<usize>>,
}

/// A part of a plan, in whatever places it stands.
struct Part {
    plan: Arc<dyn ExecutionPlan>,
    /// Where its inputs are among all parts.
    inputs: Vec<usize>,
    /// Different parts that read it, each as often as it does.
    readers: usize,
    /// Whether rows are joined or grouped in it.
    computes: bool,
    once: Option<Arc<dyn ExecutionPlan>>,
}

impl Part {
    fn is_shared(&self) -> bool {
        self.readers > 1 && self.computes
    }
}

/// Which part stands in a place of the plan, and in those below.
struct Place {
    part: usize,
    below: Vec<Place>,
}

impl Parts {
    fn know(&mut self, plan: &Arc<dyn ExecutionPlan>) -> Place {
        let children = plan.children().into_iter();
        let below: Vec<Place> = children.map(|child| self.know(child)).collect();
        let inputs: Vec<usize> = below.iter().map(|place| place.part).collect();
        let text = Line(plan, DisplayFormatType::Default).to_string();
        let known = self.by_text.get(&text).into_iter().flatten().copied();
        let same = |part: &usize| {
            let known = &self.all[*part];
            known.inputs == inputs && is_same(&known.plan, plan)
        };
        let part = known.into_iter().find(same).unwrap_or_else(|| {
            let part = self.all.len();
            for input in &inputs {
                self.all[*input].readers += 1;
            }
            self.by_text.entry(text).or_default().push(part);
            self.all.push(Part {
                plan: Arc::clone(plan),
                computes: computes(plan) || inputs.iter().any(|input| self.all[*input].computes),
                inputs,
                readers: 0,
                once: None,
            });
            part
        });
        Place { part, below }
    }

    /// The plan with [`Once`] over shared parts. Other parts that are alike stay
    /// as many as they are: each can be executed only once.
    fn put(
        &mut self,
        plan: Arc<dyn ExecutionPlan>,
        place: &Place,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let part = &self.all[place.part];
        if let Some(once) = &part.once {
            return Ok(Arc::clone(once));
        }
        if !part.computes {
            return Ok(plan);
        }
        let children: Vec<_> = plan.children().into_iter().cloned().collect();
        let children = children
            .into_iter()
            .zip(&place.below)
            .map(|(child, place)| self.put(child, place))
            .collect::<Result<Vec<_>>>()?;
        let plan = replace_children_if_necessary(plan, children)?;
        let number = self.all.iter().filter(|part| part.once.is_some()).count() + 1;
        let part = &mut self.all[place.part];
        if !part.is_shared() {
            return Ok(plan);
        }
        let once: Arc<dyn ExecutionPlan> = Arc::new(Once::over(number, part.readers, plan));
        part.once = Some(Arc::clone(&once));
        Ok(once)
    }
}

/// Whether an operator joins or groups rows.
fn computes(plan: &Arc<dyn ExecutionPlan>) -> bool {
    plan.is::<AggregateExec>()
        || plan.is::<PerfectAggregate>()
        || plan.is::<IntervalJoin>()
        || plan.is::<Over<UniteSessions>>()
        || plan.is::<HashJoinExec>()
        || plan.is::<SortMergeJoinExec>()
        || plan.is::<NestedLoopJoinExec>()
        || plan.is::<CrossJoinExec>()
}

/// An operator without what is below it, as text.
struct Line<'a>(&'a Arc<dyn ExecutionPlan>, DisplayFormatType);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt_as(self.1, f)
    }
}

/// Whether two operators are alike, but for their inputs: files and expressions
/// are the same.
fn is_same(one: &Arc<dyn ExecutionPlan>, other: &Arc<dyn ExecutionPlan>) -> bool {
    let text = |plan| Line(plan, DisplayFormatType::Verbose).to_string();
    one.name() == other.name()
        && one.schema() == other.schema()
        && text(one) == text(other)
        && one.output_partitioning().partition_count()
            == other.output_partitioning().partition_count()
        && expressions(one) == expressions(other)
}

fn expressions(plan: &Arc<dyn ExecutionPlan>) -> Option<Vec<Arc<dyn PhysicalExpr>>> {
    // What a top-k learns while it runs is its own.
    let learnt = plan.dynamic_expressions_produced();
    let mut all = Vec::new();
    plan.apply_expressions(&mut |expression| {
        if !learnt.iter().any(|own| Arc::ptr_eq(own, expression)) {
            all.push(Arc::clone(expression));
        }
        Ok(TreeNodeRecursion::Continue)
    })
    .ok()?;
    Some(all)
}
