//! Which rows of a step are selected: by conditions, and by belonging to sets.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, NullEquality, Result, ScalarValue};
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{
    Expr, Filter, Join, JoinConstraint, JoinType, LogicalPlan, LogicalPlanBuilder,
};

use super::Picked;

/// A row is selected when it meets every condition and is among every set.
#[derive(Debug, Clone, Default)]
pub(super) struct Selection {
    pub(super) conditions: Vec<Expr>,
    pub(super) among: Vec<Among>,
}

/// A set that rows belong to: their `exprs` equal the columns of one of `rows`,
/// null being equal to null.
#[derive(Debug, Clone)]
pub(super) struct Among {
    exprs: Vec<Expr>,
    rows: Arc<LogicalPlan>,
    /// The rows, where they are at hand.
    pub(super) values: Option<Arc<Picked>>,
}

/// Rows up to which a set is looked through for a constant.
const LOOKED_THROUGH: usize = 1000;

impl Among {
    /// `rows` has as many columns as there are `exprs`; `name` is its own.
    pub(super) fn new(exprs: Vec<Expr>, rows: LogicalPlan, name: String) -> Result<Self> {
        let columns = rows.schema().columns().into_iter().enumerate();
        let columns = columns.map(|(i, c)| Expr::Column(c).alias(format!("k{i}")));
        let rows = LogicalPlanBuilder::from(rows)
            .project(columns.collect::<Vec<_>>())?
            .alias(name)?
            .build()?;
        Ok(Self {
            exprs,
            rows: Arc::new(rows),
            values: None,
        })
    }

    fn semi_join(&self, plan: LogicalPlan) -> Result<LogicalPlan> {
        let columns = self.rows.schema().columns().into_iter().map(Expr::Column);
        let on = self.exprs.iter().cloned().zip(columns).collect();
        Join::try_new(
            Arc::new(plan),
            Arc::clone(&self.rows),
            on,
            None,
            JoinType::LeftSemi,
            JoinConstraint::On,
            NullEquality::NullEqualsNull,
            false,
        )
        .map(LogicalPlan::Join)
    }

    /// Whether it is certain that no row is among these: where the query says
    /// a constant, none of them has it.
    fn excludes_all(&self) -> bool {
        let Some(values) = self.values.as_deref() else {
            return false;
        };
        let constants: Vec<(usize, &ScalarValue)> = self
            .exprs
            .iter()
            .enumerate()
            .filter_map(|(i, e)| Some((i, constant(e)?)))
            .collect();
        if constants.is_empty() || values.rows() > LOOKED_THROUGH {
            return false;
        }
        let agrees = |batch: &datafusion::arrow::array::RecordBatch, row: usize| {
            constants.iter().all(|(i, wanted)| {
                let found = ScalarValue::try_from_array(batch.column(*i), row);
                let wanted = wanted.cast_to(batch.column(*i).data_type());
                // What cannot be compared may agree.
                !matches!((found, wanted), (Ok(found), Ok(wanted)) if found != wanted)
            })
        };
        !values
            .batches
            .iter()
            .any(|b| (0..b.num_rows()).any(|row| agrees(b, row)))
    }
}

fn constant(expr: &Expr) -> Option<&ScalarValue> {
    match expr {
        Expr::Literal(value, _) => Some(value),
        Expr::Alias(alias) => constant(&alias.expr),
        Expr::Cast(cast) => constant(&cast.expr),
        _ => None,
    }
}

impl Selection {
    pub(super) fn among(among: Among) -> Self {
        Self {
            conditions: Vec::new(),
            among: vec![among],
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.conditions.is_empty() && self.among.is_empty()
    }

    /// Whether it depends on the selected rows which rows these are.
    pub(super) fn narrows(&self) -> bool {
        let narrows = |among: &Among| among.exprs.iter().any(Expr::any_column_refs);
        self.among.iter().any(narrows)
    }

    /// Whether it is certain that no row is selected.
    pub(super) fn excludes_all(&self) -> bool {
        self.among.iter().any(Among::excludes_all)
    }

    /// The part that costs next to nothing to repeat: it stays where a set says
    /// the same, so that files can be passed over. Were all of it repeated at
    /// each step, the plan would double with each.
    pub(super) fn light(&self) -> Self {
        let at_hand = |among: &&Among| among.values.is_some();
        Self {
            conditions: self.conditions.clone(),
            among: self.among.iter().filter(at_hand).cloned().collect(),
        }
    }

    /// The selected rows of `plan`.
    pub(super) fn apply(&self, plan: LogicalPlan) -> Result<LogicalPlan> {
        let filtered = match conjunction(self.conditions.iter().cloned()) {
            Some(condition) => LogicalPlan::Filter(Filter::try_new(condition, Arc::new(plan))?),
            None => plan,
        };
        self.among
            .iter()
            .try_fold(filtered, |plan, among| among.semi_join(plan))
    }

    /// The same selection in terms of a step's input: `to` says what the
    /// column at an index of `from` is there.
    pub(super) fn rebased(&self, from: &DFSchema, to: impl Fn(usize) -> Expr) -> Result<Self> {
        let rebase = |e: &Expr| substitute(e, from, &to);
        Ok(Self {
            conditions: self.conditions.iter().map(rebase).collect::<Result<_>>()?,
            among: self
                .among
                .iter()
                .map(|among| {
                    Ok(Among {
                        exprs: among.exprs.iter().map(rebase).collect::<Result<_>>()?,
                        rows: Arc::clone(&among.rows),
                        values: among.values.clone(),
                    })
                })
                .collect::<Result<_>>()?,
        })
    }

    /// The parts that look only at columns of which `inside` is true, and the
    /// others.
    pub(super) fn split(
        self,
        schema: &DFSchema,
        inside: impl Fn(usize) -> bool,
    ) -> Result<(Self, Self)> {
        let (mut own, mut rest) = (Self::default(), Self::default());
        for condition in self.conditions {
            let all = indices([&condition], schema)?.into_iter().all(&inside);
            let part = if all { &mut own } else { &mut rest };
            part.conditions.push(condition);
        }
        for among in self.among {
            let all = indices(&among.exprs, schema)?.into_iter().all(&inside);
            let part = if all { &mut own } else { &mut rest };
            part.among.push(among);
        }
        Ok((own, rest))
    }

    /// The columns it looks at.
    pub(super) fn looks_at(&self, schema: &DFSchema) -> Result<BTreeSet<usize>> {
        let among = self.among.iter().flat_map(|a| &a.exprs);
        indices(self.conditions.iter().chain(among), schema)
    }

    pub(super) fn and(mut self, other: Self) -> Self {
        self.conditions.extend(other.conditions);
        self.among.extend(other.among);
        self
    }
}

/// The columns of `schema` that `exprs` look at.
pub(super) fn indices<'a>(
    exprs: impl IntoIterator<Item = &'a Expr>,
    schema: &DFSchema,
) -> Result<BTreeSet<usize>> {
    let columns = exprs.into_iter().flat_map(Expr::column_refs);
    columns
        .map(|c: &Column| schema.index_of_column(c))
        .collect()
}

fn substitute(expr: &Expr, from: &DFSchema, to: &impl Fn(usize) -> Expr) -> Result<Expr> {
    let replaced = expr.clone().transform(|e| match e {
        Expr::Column(column) => {
            let new = to(from.index_of_column(&column)?);
            Ok(Transformed::new(new, true, TreeNodeRecursion::Jump))
        }
        other => Ok(Transformed::no(other)),
    })?;
    Ok(replaced.data)
}

/// Whether `expr` asks a query of its own.
pub(super) fn has_subquery(expr: &Expr) -> bool {
    let asks = expr.exists(|e| {
        Ok(matches!(
            e,
            Expr::InSubquery(_)
                | Expr::Exists(_)
                | Expr::ScalarSubquery(_)
                | Expr::SetComparison(_)
                | Expr::OuterReferenceColumn(..)
        ))
    });
    // The closure never fails.
    asks.unwrap_or(true)
}
