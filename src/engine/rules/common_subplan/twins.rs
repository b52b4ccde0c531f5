//! Which parts of a plan are alike: what decides their rows is the same, and so
//! is what they read.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::TreeNode;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::joins::{
    CrossJoinExec, HashJoinExec, NestedLoopJoinExec, SortMergeJoinExec,
};
use datafusion::physical_plan::recursive_query::RecursiveQueryExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

use super::Once;
use super::identity::{identity, is_same_source};
use crate::engine::rules::operators::declared;
use crate::engine::support::operator::Identity;

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
        "common_subplan"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The different parts of a plan.
#[derive(Default)]
struct Parts {
    all: Vec<Part>,
    /// By the operator's name and the parts that it reads.
    by_place: HashMap<(String, Vec<usize>), Vec<usize>>,
}

/// A part of a plan, in whatever places it stands.
struct Part {
    plan: Arc<dyn ExecutionPlan>,
    /// All that decides its rows beside its inputs; none where nobody vouches
    /// for it.
    identity: Option<Identity>,
    /// Where its inputs are among all parts.
    inputs: Vec<usize>,
    /// Different parts that read it, each as often as it does.
    readers: usize,
    /// Whether rows are joined or grouped in it.
    computes: bool,
    once: Option<Arc<dyn ExecutionPlan>>,
}

impl Part {
    /// Whether an operator over the same inputs gives the same rows.
    fn is(&self, plan: &Arc<dyn ExecutionPlan>, identity: Option<&Identity>) -> bool {
        let alike = self.identity.as_ref().zip(identity);
        alike.is_some_and(|(one, other)| one.is_like(other))
            && self.plan.schema() == plan.schema()
            && self.plan.output_partitioning().partition_count()
                == plan.output_partitioning().partition_count()
            && (!self.inputs.is_empty() || is_same_source(&self.plan, plan))
    }

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
        let identity = identity(plan);
        let place = (plan.name().to_owned(), inputs.clone());
        let known = self.by_place.get(&place).into_iter().flatten().copied();
        let same = |part: &usize| self.all[*part].is(plan, identity.as_ref());
        let part = known.into_iter().find(same).unwrap_or_else(|| {
            let part = self.all.len();
            for input in &inputs {
                self.all[*input].readers += 1;
            }
            self.by_place.entry(place).or_default().push(part);
            self.all.push(Part {
                plan: Arc::clone(plan),
                identity,
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
    match declared(plan) {
        Some(own) => own.computes(),
        None => {
            plan.is::<AggregateExec>()
                || plan.is::<HashJoinExec>()
                || plan.is::<SortMergeJoinExec>()
                || plan.is::<NestedLoopJoinExec>()
                || plan.is::<CrossJoinExec>()
        }
    }
}
