//! Strategy: a row is selected when it stands in a selected pair.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::logical_expr::{Join, JoinType, LogicalPlan};

use super::flow::{Flow, counted_sides, is_looked_up};
use super::selection::{Selection, indices};
use super::walk::{Walk, tables_of, telling};
use super::{Gap, column};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

impl Walk<'_> {
    pub(super) fn join(
        &mut self,
        join: &Join,
        plan: &LogicalPlan,
        selection: Selection,
        flow: Option<Flow>,
    ) -> Result<()> {
        match join.join_type {
            JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full => {
                self.pairs(join, plan, &selection, flow)
            }
            JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => {
                self.tested(join, plan, selection, flow)
            }
            _ => self.give_up("a join that looks from right to left", plan),
        }
    }

    fn pairs(
        &mut self,
        join: &Join,
        plan: &LogicalPlan,
        selection: &Selection,
        flow: Option<Flow>,
    ) -> Result<()> {
        let at = join.left.schema().fields().len();
        let counted = match flow.as_ref().is_some_and(|f| f.counted) {
            true => counted_sides(join, self.grains)?,
            false => (false, false),
        };
        let (left_flow, right_flow) = match flow {
            None => (None, None),
            Some(flow) => {
                let (left, right): (BTreeSet<usize>, BTreeSet<usize>) =
                    flow.columns.into_iter().partition(|i| *i < at);
                let left = Flow {
                    columns: left,
                    counted: counted.0,
                };
                let right = Flow {
                    columns: right.into_iter().map(|i| i - at).collect(),
                    counted: counted.1,
                };
                (left.unless_empty(), right.unless_empty())
            }
        };
        let decides = selection
            .looks_at(plan.schema())?
            .into_iter()
            .any(|i| i >= at);
        // What is looked up and not asked about has no say.
        let idle = right_flow.is_none() && !decides && is_looked_up(join, self.grains)?;
        for (side, flow) in [(Side::Left, left_flow), (Side::Right, right_flow)] {
            if side == Side::Right && idle {
                continue;
            }
            let below = self.rows_in_pairs(join, plan, selection, side)?;
            let input = match side {
                Side::Left => &join.left,
                Side::Right => &join.right,
            };
            self.step(input, below, flow)?;
        }
        Ok(())
    }

    /// The rows of one side that stand in selected rows of the join.
    fn rows_in_pairs(
        &mut self,
        join: &Join,
        plan: &LogicalPlan,
        selection: &Selection,
        side: Side,
    ) -> Result<Selection> {
        let schema = plan.schema();
        let at = join.left.schema().fields().len();
        let (input, start) = match side {
            Side::Left => (&join.left, 0),
            Side::Right => (&join.right, at),
        };
        let own = |i: usize| (i < at) == (side == Side::Left);
        let (mine, rest) = selection.clone().split(schema, own)?;
        let below = mine.rebased(schema, |i| column(input, i - start))?;
        let kept_without_a_pair = matches!(
            (side, join.join_type),
            (_, JoinType::Full) | (Side::Left, JoinType::Left) | (Side::Right, JoinType::Right)
        );
        let meets_all = join.on.is_empty() && join.filter.is_none();
        if rest.is_empty() && (kept_without_a_pair || meets_all) {
            return Ok(below);
        }
        // Whether a row pairs is told by the columns that are compared.
        let mut compared: BTreeSet<usize> = keys(join, side)?;
        compared.extend(below.looks_at(input.schema())?);
        for i in indices(join.filter.iter(), schema)?
            .into_iter()
            .chain(rest.looks_at(schema)?)
        {
            if own(i) {
                compared.insert(i - start);
            }
        }
        let compared = match compared.is_empty() {
            true => telling(input.schema(), (0..input.schema().fields().len()).collect()),
            false => compared.into_iter().collect(),
        };
        let pairs = with_type(join, paired(join.join_type, side))?;
        let inside = compared.iter().map(|i| column(input, *i)).collect();
        let outside = compared
            .iter()
            .map(|i| column(&pairs, start + *i))
            .collect();
        let set = self.set(inside, &pairs, selection, outside)?;
        Ok(below.light().and(Selection::among(set)))
    }

    /// A join that only tests whether rows of its right side are there.
    fn tested(
        &mut self,
        join: &Join,
        plan: &LogicalPlan,
        selection: Selection,
        flow: Option<Flow>,
    ) -> Result<()> {
        let (left, right) = (&join.left, &join.right);
        let own = left.schema().fields().len();
        let (mine, rest) = selection.clone().split(plan.schema(), |i| i < own)?;
        let mine = mine.rebased(plan.schema(), |i| column(left, i))?;
        let flow = flow.and_then(|f| {
            let marked = f.columns.iter().any(|i| *i >= own);
            let columns = f.columns.into_iter().filter(|i| *i < own).collect();
            // What is said of a row is said of it, not of those it met.
            let counted = f.counted || marked;
            Flow { columns, counted }.unless_empty()
        });
        let marks_only = join.join_type == JoinType::LeftMark && rest.is_empty();
        let below = match marks_only {
            true => mine.clone(),
            false => {
                let mut compared = keys(join, Side::Left)?;
                compared.extend(mine.looks_at(left.schema())?);
                let filter = indices(join.filter.iter(), joined_schema(join)?.as_ref())?;
                compared.extend(filter.into_iter().filter(|i| *i < own));
                if compared.is_empty() {
                    compared.extend(telling(left.schema(), (0..own).collect()));
                }
                let inside = compared.iter().map(|i| column(left, *i)).collect();
                let outside = compared.iter().map(|i| column(plan, *i)).collect();
                let set = self.set(inside, plan, &selection, outside)?;
                mine.light().and(Selection::among(set))
            }
        };
        if join.join_type == JoinType::LeftAnti {
            let gap = Gap::Absent(tables_of(right)?);
            return self.step_past(Some(gap), left, below, flow);
        }
        self.step(left, below, flow)?;
        let pairs = with_type(join, JoinType::Inner)?;
        let mut compared = keys(join, Side::Right)?;
        let filter = indices(join.filter.iter(), pairs.schema())?;
        compared.extend(filter.into_iter().filter(|i| *i >= own).map(|i| i - own));
        let below = match compared.is_empty() {
            true => Selection::default(),
            false => {
                let inside = compared.iter().map(|i| column(right, *i)).collect();
                let outside = compared.iter().map(|i| column(&pairs, own + *i)).collect();
                Selection::among(self.set(inside, &pairs, &mine, outside)?)
            }
        };
        self.step(right, below, None)
    }
}

/// The columns of one side that the join sets equal.
fn keys(join: &Join, side: Side) -> Result<BTreeSet<usize>> {
    match side {
        Side::Left => indices(join.on.iter().map(|(l, _)| l), join.left.schema()),
        Side::Right => indices(join.on.iter().map(|(_, r)| r), join.right.schema()),
    }
}

/// The join that keeps just the rows in which `side` has a part.
fn paired(join_type: JoinType, side: Side) -> JoinType {
    match (join_type, side) {
        (JoinType::Left | JoinType::Full, Side::Left) => JoinType::Left,
        (JoinType::Right | JoinType::Full, Side::Right) => JoinType::Right,
        _ => JoinType::Inner,
    }
}

fn with_type(join: &Join, join_type: JoinType) -> Result<LogicalPlan> {
    Join::try_new(
        Arc::clone(&join.left),
        Arc::clone(&join.right),
        join.on.clone(),
        join.filter.clone(),
        join_type,
        join.join_constraint,
        join.null_equality,
        false,
    )
    .map(LogicalPlan::Join)
}

fn joined_schema(join: &Join) -> Result<datafusion::common::DFSchemaRef> {
    Ok(Arc::clone(with_type(join, JoinType::Inner)?.schema()))
}
