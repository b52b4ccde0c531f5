//! Of which inputs a model's rows are made one by one.
//!
//! Where all that stands between an input's only scan and the answer keeps rows
//! apart (projections, filters, unions, and joins that ask the rest of the plan
//! about each row), rows that are added to the input add those to the answer
//! that come of them. What other branches of a union answer is there already.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DataFusionError, JoinType};
use datafusion::logical_expr::{EmptyRelation, LogicalPlan};
use datafusion::prelude::DataFrame;

use crate::engine::proofs::reach::scanned;
use crate::engine::session::{Answer, Session};
use crate::error::{Error, Result};
use crate::name::TableName;

impl Session {
    /// The tables to which rows can be added so that `sql` answers what it did,
    /// and besides that [`Session::rows_of`] the new ones.
    ///
    /// # Errors
    /// When the query cannot be planned.
    pub async fn additive(&self, sql: &str) -> Result<BTreeSet<TableName>> {
        let plan = self.optimized(sql).await?;
        let mut scans: BTreeMap<TableName, usize> = BTreeMap::new();
        plan.apply_with_subqueries(|node| {
            if let LogicalPlan::TableScan(scan) = node {
                *scans.entry(scanned(scan)).or_default() += 1;
            }
            Ok(TreeNodeRecursion::Continue)
        })
        .map_err(|e| Error::usage("the query cannot be planned").because(e))?;
        let mut additive = BTreeSet::new();
        row_by_row(&plan, &mut additive);
        additive.retain(|name| scans.get(name) == Some(&1));
        Ok(additive)
    }

    /// The rows of `sql`'s answer that come of rows of `table`, in which it is
    /// additive.
    ///
    /// # Errors
    /// When the query cannot be planned.
    pub async fn rows_of(&self, sql: &str, table: &TableName) -> Result<Answer> {
        let Answer { frame, wording } = self.model(sql).await?;
        let (state, plan) = frame.into_parts();
        let plan = state
            .optimize(&plan)
            .and_then(|plan| match holds(&plan, table)? {
                true => without_others(plan, table),
                false => Ok(no_rows(&plan)),
            });
        let frame = plan.map(|plan| DataFrame::new(state, plan));
        let frame = frame.map_err(|e| wording.error(e))?;
        Ok(Answer { frame, wording })
    }
}

/// `plan`, whose unions are left with the branch that scans `table`.
fn without_others(plan: LogicalPlan, table: &TableName) -> Result<LogicalPlan, DataFusionError> {
    let is_union = matches!(plan, LogicalPlan::Union(_));
    let children = plan.map_children(|child| {
        Ok(if holds(&child, table)? {
            Transformed::yes(without_others(child, table)?)
        } else if is_union {
            Transformed::yes(no_rows(&child))
        } else {
            Transformed::no(child)
        })
    });
    children.map(|plan| plan.data)
}

fn no_rows(plan: &LogicalPlan) -> LogicalPlan {
    LogicalPlan::EmptyRelation(EmptyRelation {
        produce_one_row: false,
        schema: Arc::clone(plan.schema()),
    })
}

fn holds(plan: &LogicalPlan, table: &TableName) -> Result<bool, DataFusionError> {
    plan.exists(|node| match node {
        LogicalPlan::TableScan(scan) => Ok(scanned(scan) == *table),
        _ => Ok(false),
    })
}

/// Adds the tables whose rows come through to `plan`'s answer one by one.
fn row_by_row(plan: &LogicalPlan, tables: &mut BTreeSet<TableName>) {
    match plan {
        LogicalPlan::TableScan(scan) if scan.fetch.is_none() => {
            tables.insert(scanned(scan));
        }
        LogicalPlan::Projection(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Union(_)
        | LogicalPlan::Unnest(_) => {
            for input in plan.inputs() {
                row_by_row(input, tables);
            }
        }
        LogicalPlan::Sort(sort) if sort.fetch.is_none() => row_by_row(&sort.input, tables),
        LogicalPlan::Join(join) => {
            use JoinType as J;
            if matches!(
                join.join_type,
                J::Inner | J::Left | J::LeftSemi | J::LeftAnti | J::LeftMark
            ) {
                row_by_row(&join.left, tables);
            }
            if matches!(
                join.join_type,
                J::Inner | J::Right | J::RightSemi | J::RightAnti | J::RightMark
            ) {
                row_by_row(&join.right, tables);
            }
        }
        _ => {}
    }
}
