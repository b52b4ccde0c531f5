//! The rules that a query goes through, in their order: DataFusion's and ours.

use std::sync::Arc;

use datafusion::optimizer::{Analyzer, AnalyzerRule, Optimizer, OptimizerRule};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;

use super::Joins;
use super::ahead::ComputeAhead;
use super::calendar::FirstDays;
use super::distinct::CountIds;
use super::doubles::Doubles;
use super::each::Each;
use super::eager::GroupBeforeJoin;
use super::ends::ValuesByOrder;
use super::firsts::FirstOfEach;
use super::intervals::{HoldIntervals, JoinIntervals};
use super::not_in::{NotIn, PlainNotIn};
use super::once::FindTwins;
use super::perfect::{ForgetOrder, GroupByPlace};
use super::quantiles::CountValues;
use super::ranks::RankInOrder;
use super::sessionize::InTime;
use super::spilling::JoinBySorting;
use super::together::ReadTogether;
use super::turns::{OneValue, TakeTurns};
use super::unshared::Unshare;

/// What makes a plan valid; before types become one, doubles stay doubles.
pub(super) fn analyzer_rules() -> Vec<Arc<dyn AnalyzerRule + Send + Sync>> {
    let mut rules = Analyzer::new().rules;
    let types = rules.iter().position(|rule| rule.name() == "type_coercion");
    rules.insert(types.unwrap_or(rules.len()), Arc::new(Doubles));
    rules
}

/// DataFusion's rules; before they make joins of subqueries what keeps the
/// answer right, and before they take distinct counts apart what is faster.
pub(super) fn logical_rules(own_rules: bool) -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    let mut rules = Optimizer::new().rules;
    let mut before = |name: &str, rule: Arc<dyn OptimizerRule + Send + Sync>| {
        let at = rules.iter().position(|rule| rule.name() == name);
        rules.insert(at.unwrap_or(rules.len()), rule);
    };
    before("decorrelate_predicate_subquery", Arc::new(NotIn));
    let aggregates = "single_distinct_aggregation_to_group_by";
    before(aggregates, Arc::new(CountValues));
    if own_rules {
        before(aggregates, Arc::new(CountIds::new()));
        before(aggregates, Arc::new(ValuesByOrder));
        rules.push(Arc::new(FirstDays::new()));
    }
    rules
}

/// DataFusion's rules. Before them what decides how rows are joined, after them
/// what does the same sooner.
pub(super) fn physical_rules(
    joins: Joins,
    own_rules: bool,
) -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let mut rules: Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> = Vec::new();
    if own_rules {
        rules.push(Arc::new(Each(PlainNotIn)));
    }
    match joins {
        Joins::Spilling => rules.push(Arc::new(Each(JoinBySorting))),
        Joins::Fastest if own_rules => rules.push(Arc::new(Each(HoldIntervals))),
        Joins::Fastest => {}
    }
    if own_rules {
        rules.push(Arc::new(Each(OneValue)));
        rules.push(Arc::new(ForgetOrder));
        rules.push(Arc::new(Each(ReadTogether)));
    }
    rules.extend(PhysicalOptimizer::new().rules);
    if !own_rules {
        return rules;
    }
    rules.push(Arc::new(TakeTurns));
    rules.push(Arc::new(ComputeAhead));
    rules.push(Arc::new(GroupBeforeJoin));
    rules.push(Arc::new(GroupByPlace));
    rules.push(Arc::new(Each(RankInOrder)));
    rules.push(Arc::new(Each(FirstOfEach)));
    if joins == Joins::Fastest {
        // What does not fit memory is done by what spills.
        rules.push(Arc::new(Each(JoinIntervals::default())));
        rules.push(Arc::new(Each(InTime)));
    }
    rules.push(Arc::new(Each(Unshare)));
    rules.push(Arc::new(FindTwins));
    rules
}
