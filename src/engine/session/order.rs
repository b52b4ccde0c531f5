//! The rules that a query goes through, in their order: DataFusion's,
//! corrections, and rules of our own, which can be turned off by name.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::optimizer::{Analyzer, AnalyzerRule, Optimizer, OptimizerRule};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;

use crate::engine::Strategy;
use crate::engine::corrections::casts::RoundCasts;
use crate::engine::corrections::correlated::RefuseCorrelated;
use crate::engine::corrections::cross_joins::KeepNullSafe;
use crate::engine::corrections::division::DivideExactly;
use crate::engine::corrections::doubles::Doubles;
use crate::engine::corrections::filters::FilterFirst;
use crate::engine::corrections::guards::Guard;
use crate::engine::corrections::instants::ReadInstants;
use crate::engine::corrections::intervals::IntervalOrder;
use crate::engine::corrections::not_in::NotIn;
use crate::engine::corrections::overflow::CheckOverflow;
use crate::engine::corrections::quantiles::CountValues;
use crate::engine::corrections::recursion::RefuseNarrowing;
use crate::engine::corrections::spans::Spans;
use crate::engine::corrections::zeros::OneZero;
use crate::engine::functions::first_day::FirstDays;
use crate::engine::rules::common_subplan::FindTwins;
use crate::engine::rules::distinct_ids::CountIds;
use crate::engine::rules::eager_aggregation::GroupBeforeJoin;
use crate::engine::rules::early_projection::ComputeAhead;
use crate::engine::rules::fence::FenceFilters;
use crate::engine::rules::first_last::ValuesByOrder;
use crate::engine::rules::held_rows::HoldOwnRows;
use crate::engine::rules::interval_join::{HoldIntervals, JoinIntervals};
use crate::engine::rules::partition_wise::{OneValue, TakeTurns};
use crate::engine::rules::perfect_hash::{ForgetOrder, GroupByPlace};
use crate::engine::rules::plain_anti_join::PlainNotIn;
use crate::engine::rules::rank_in_order::RankInOrder;
use crate::engine::rules::row_group_scan::ReadTogether;
use crate::engine::rules::settle_sessions::InTime;
use crate::engine::rules::sort_merge_join::JoinBySorting;
use crate::engine::rules::window_top_n::FirstOfEach;
use crate::engine::support::each::Each;
use crate::error::{Error, Result, did_you_mean};

type Logical = Arc<dyn OptimizerRule + Send + Sync>;
type Physical = Arc<dyn PhysicalOptimizerRule + Send + Sync>;

/// Rules of our own that answer the same sooner.
pub(in crate::engine) const RULES: [&str; 17] = [
    "common_subplan",
    "distinct_ids",
    "eager_aggregation",
    "early_projection",
    "first_day",
    "first_last",
    "forget_order",
    "hold_intervals",
    "interval_join",
    "one_value",
    "partition_wise",
    "perfect_hash",
    "plain_anti_join",
    "rank_in_order",
    "row_group_scan",
    "settle_sessions",
    "window_top_n",
];

/// Which of the [`RULES`] apply.
#[derive(Debug, Clone, Default)]
pub(in crate::engine) struct Switches {
    off: BTreeSet<&'static str>,
}

impl Switches {
    /// None of them.
    pub(in crate::engine) fn none() -> Self {
        Self {
            off: RULES.into_iter().collect(),
        }
    }

    /// Turns one on or off.
    ///
    /// # Errors
    /// When there is no such rule.
    pub(in crate::engine) fn turn(&mut self, name: &str, on: bool) -> Result<()> {
        let Some(known) = RULES.into_iter().find(|rule| *rule == name) else {
            return Err(
                Error::usage(format!("no rule `{name}`")).maybe_hint(did_you_mean(name, RULES))
            );
        };
        match on {
            true => self.off.remove(known),
            false => self.off.insert(known),
        };
        Ok(())
    }

    fn has(&self, name: &str) -> bool {
        !self.off.contains(name)
    }
}

/// What makes a plan valid: before types become one, what decides them; after it
/// what computes with them.
///
/// # Errors
/// When DataFusion lacks a rule that one of ours is placed by.
pub(in crate::engine) fn analyzer_rules() -> Result<Vec<Arc<dyn AnalyzerRule + Send + Sync>>> {
    let mut rules = Analyzer::new().rules;
    let types = place("type_coercion", rules.iter().map(|rule| rule.name()))?;
    let before: [Arc<dyn AnalyzerRule + Send + Sync>; 7] = [
        Arc::new(RefuseCorrelated),
        Arc::new(RefuseNarrowing),
        Arc::new(ReadInstants),
        Arc::new(Spans),
        Arc::new(IntervalOrder),
        Arc::new(DivideExactly),
        Arc::new(Doubles),
    ];
    rules.splice(types..types, before);
    rules.push(Arc::new(RoundCasts));
    rules.push(Arc::new(CheckOverflow));
    rules.push(Arc::new(OneZero));
    // What can fail is known by now.
    rules.push(Arc::new(Guard));
    Ok(rules)
}

/// DataFusion's rules; before they make joins of subqueries what keeps the
/// answer right, and before they take distinct counts apart what is faster.
///
/// # Errors
/// When DataFusion lacks a rule that one of ours is placed by.
pub(in crate::engine) fn logical_rules(switches: &Switches) -> Result<Vec<Logical>> {
    const SUBQUERIES: &str = "decorrelate_predicate_subquery";
    const DISTINCT: &str = "single_distinct_aggregation_to_group_by";
    let mut rules = Optimizer::new().rules;
    let joins = place("eliminate_cross_join", rules.iter().map(|rule| rule.name()))?;
    rules[joins] = Arc::new(KeepNullSafe::default());
    let mut before = |name: &str, rule: Logical| -> Result<()> {
        let at = place(name, rules.iter().map(|rule| rule.name()))?;
        rules.insert(at, rule);
        Ok(())
    };
    before(SUBQUERIES, Arc::new(NotIn))?;
    before(DISTINCT, Arc::new(CountValues))?;
    let own: [(&str, Logical); 2] = [
        (DISTINCT, Arc::new(CountIds::new())),
        (DISTINCT, Arc::new(ValuesByOrder)),
    ];
    for (name, rule) in own {
        if switches.has(rule.name()) {
            before(name, rule)?;
        }
    }
    let last: Logical = Arc::new(FirstDays::new());
    rules.extend(switches.has(last.name()).then_some(last));
    Ok(rules)
}

/// Where the rule `name` stands.
fn place<'a>(name: &str, mut rules: impl Iterator<Item = &'a str>) -> Result<usize> {
    rules
        .position(|rule| rule == name)
        .ok_or_else(|| Error::usage(format!("the engine has no rule `{name}` any more")))
}

/// DataFusion's rules. Before them what decides how rows are joined, after them
/// what does the same sooner.
pub(in crate::engine) fn physical_rules(strategy: Strategy, switches: &Switches) -> Vec<Physical> {
    let mut rules: Vec<Physical> = vec![Arc::new(Each(FenceFilters)), Arc::new(Each(PlainNotIn))];
    match strategy {
        Strategy::Spilling => rules.push(Arc::new(Each(JoinBySorting))),
        Strategy::Fastest | Strategy::Plain => rules.push(Arc::new(Each(HoldIntervals))),
    }
    rules.push(Arc::new(Each(OneValue)));
    rules.push(Arc::new(ForgetOrder));
    rules.push(Arc::new(Each(ReadTogether)));
    rules.extend(PhysicalOptimizer::new().rules);
    rules.push(Arc::new(Each(FilterFirst)));
    rules.push(Arc::new(TakeTurns));
    rules.push(Arc::new(ComputeAhead));
    rules.push(Arc::new(GroupBeforeJoin));
    rules.push(Arc::new(GroupByPlace));
    rules.push(Arc::new(Each(RankInOrder)));
    rules.push(Arc::new(Each(FirstOfEach)));
    if strategy != Strategy::Spilling {
        // What does not fit memory is done by what spills.
        rules.push(Arc::new(Each(JoinIntervals::default())));
        rules.push(Arc::new(Each(InTime)));
    }
    rules.push(Arc::new(Each(HoldOwnRows)));
    rules.push(Arc::new(FindTwins));
    rules.retain(|rule| switches.has(rule.name()));
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_can_be_turned_off_by_name() {
        let names = |switches: &Switches| -> BTreeSet<String> {
            let logical = logical_rules(switches).unwrap();
            let logical = logical.iter().map(|rule| rule.name().to_owned());
            let physical = physical_rules(Strategy::Fastest, switches);
            let physical = physical.iter().map(|rule| rule.name().to_owned());
            logical.chain(physical).collect()
        };
        let all = names(&Switches::default());
        for rule in RULES {
            let mut switches = Switches::default();
            switches.turn(rule, false).unwrap();
            let without = names(&switches);
            let gone: Vec<&String> = all.difference(&without).collect();
            assert_eq!(gone, [rule]);
        }
        let gone: Vec<String> = all.difference(&names(&Switches::none())).cloned().collect();
        assert_eq!(gone, RULES);
    }

    #[test]
    fn a_rule_that_is_gone_is_an_error() {
        let gone = place("type_coercion", ["other"].into_iter());
        assert!(gone.is_err());
        assert!(Switches::default().turn("perfect_hsh", false).is_err());
    }
}
