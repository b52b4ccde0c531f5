//! What operators declare of themselves.
//!
//! A rule that shares, repeats or holds rows must know what decides them. Each
//! operator of ours says so here, and what nobody vouched for is never shared,
//! repeated or assumed. `rules::operators` finds the declaration of a plan's
//! operator; a test holds every operator to be found there.

use std::sync::Arc;

use datafusion::common::ScalarValue;
use datafusion::logical_expr::AggregateUDF;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr_common::physical_expr::is_volatile;
use datafusion::physical_expr_common::sort_expr::PhysicalSortExpr;
use datafusion::physical_plan::ExecutionPlan;

/// An operator that says what it is.
pub(in crate::engine) trait Operator: ExecutionPlan {
    /// All that decides its rows beside its inputs; none where its rows are
    /// never those of another.
    fn identity(&self) -> Option<Identity>;

    /// Whether a partition that is executed again gives the same rows again,
    /// where its inputs do.
    fn repeats(&self) -> bool;

    /// Whether its rows cost more than to hold them: whether it joins or groups.
    fn computes(&self) -> bool;
}

/// All that decides the rows of an operator, beside its inputs, in a fixed order.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::engine) struct Identity(Vec<Mark>);

/// A part of an [`Identity`].
#[derive(Debug, Clone, PartialEq)]
enum Mark {
    Number(usize),
    Text(String),
    Value(ScalarValue),
    Expr(Arc<dyn PhysicalExpr>),
    Aggregate(AggregateUDF),
    /// What gives other values each time is like nothing else.
    Volatile,
}

impl Identity {
    /// That of an operator about which there is nothing more to say.
    pub(in crate::engine) fn of(name: &str) -> Self {
        Self(vec![Mark::Text(name.to_owned())])
    }

    /// Also decided by a number, or by a choice among some.
    #[must_use]
    pub(in crate::engine) fn number(mut self, number: usize) -> Self {
        self.0.push(Mark::Number(number));
        self
    }

    /// Also decided by a number that may be missing.
    #[must_use]
    pub(in crate::engine) fn maybe(self, number: Option<usize>) -> Self {
        match number {
            Some(number) => self.number(1).number(number),
            None => self.number(0),
        }
    }

    /// Also decided by a name, or by a choice that has one.
    #[must_use]
    pub(in crate::engine) fn text(mut self, text: impl Into<String>) -> Self {
        self.0.push(Mark::Text(text.into()));
        self
    }

    /// Also decided by numbers, however many.
    #[must_use]
    pub(in crate::engine) fn numbers(self, numbers: impl IntoIterator<Item = usize>) -> Self {
        let numbers: Vec<usize> = numbers.into_iter().collect();
        let all = self.number(numbers.len());
        numbers.into_iter().fold(all, Self::number)
    }

    /// Also decided by values, however many.
    #[must_use]
    pub(in crate::engine) fn values<'a>(
        self,
        values: impl IntoIterator<Item = &'a ScalarValue>,
    ) -> Self {
        let values: Vec<Mark> = values.into_iter().cloned().map(Mark::Value).collect();
        let mut all = self.number(values.len());
        all.0.extend(values);
        all
    }

    /// Also decided by expressions, however many.
    #[must_use]
    pub(in crate::engine) fn exprs<'a>(
        self,
        exprs: impl IntoIterator<Item = &'a Arc<dyn PhysicalExpr>>,
    ) -> Self {
        let exprs: Vec<Mark> = exprs
            .into_iter()
            .map(|expr| match is_volatile(expr) {
                true => Mark::Volatile,
                false => Mark::Expr(Arc::clone(expr)),
            })
            .collect();
        let mut all = self.number(exprs.len());
        all.0.extend(exprs);
        all
    }

    /// Also decided by an aggregate function.
    #[must_use]
    pub(in crate::engine) fn aggregate(mut self, function: &AggregateUDF) -> Self {
        self.0.push(Mark::Aggregate(function.clone()));
        self
    }

    /// Also decided by an order.
    #[must_use]
    pub(in crate::engine) fn order(self, order: &[PhysicalSortExpr]) -> Self {
        let all = self.exprs(order.iter().map(|sorted| &sorted.expr));
        order.iter().fold(all, |all, sorted| {
            let options = sorted.options;
            all.number(usize::from(options.descending) * 2 + usize::from(options.nulls_first))
        })
    }

    /// Whether two operators give the same rows of the same inputs.
    pub(in crate::engine) fn is_like(&self, other: &Self) -> bool {
        !self.0.contains(&Mark::Volatile) && self == other
    }
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::Operator as Op;
    use datafusion::physical_expr::expressions::{BinaryExpr, col, lit};

    use super::*;

    fn compared(op: Op, with: i64) -> Arc<dyn PhysicalExpr> {
        let schema = datafusion::arrow::datatypes::Schema::new(vec![
            datafusion::arrow::datatypes::Field::new(
                "x",
                datafusion::arrow::datatypes::DataType::Int64,
                true,
            ),
        ]);
        Arc::new(BinaryExpr::new(col("x", &schema).unwrap(), op, lit(with)))
    }

    #[test]
    fn whatever_differs_is_told_apart() {
        let all = [
            Identity::of("a"),
            Identity::of("b"),
            Identity::of("a").number(1),
            Identity::of("a").maybe(None),
            Identity::of("a").maybe(Some(1)),
            Identity::of("a").numbers([1, 2]),
            Identity::of("a").numbers([1]).number(2),
            Identity::of("a").exprs([&compared(Op::Lt, 1)]),
            Identity::of("a").exprs([&compared(Op::Lt, 2)]),
            Identity::of("a").exprs([&compared(Op::Gt, 1)]),
            Identity::of("a").values([&ScalarValue::from(1_i64)]),
            Identity::of("a").values([&ScalarValue::from(1_i32)]),
        ];
        for (at, one) in all.iter().enumerate() {
            for (other_at, other) in all.iter().enumerate() {
                assert_eq!(one.is_like(other), at == other_at, "{one:?} {other:?}");
            }
        }
    }
}
