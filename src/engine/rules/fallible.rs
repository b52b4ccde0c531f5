//! Which expressions have a value for any row.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{
    BinaryExpr, CaseExpr, CastExpr, Column, InListExpr, IsNotNullExpr, IsNullExpr, Literal, NotExpr,
};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};

use crate::engine::functions::first_day::FIRST_DAY;
use crate::engine::support::exprs::compares;

/// Whole numbers computed with.
const ARITHMETIC: [&str; 3] = ["checked_minus", "checked_plus", "checked_times"];

type Expr = Arc<dyn PhysicalExpr>;

/// Functions with a value for whatever they are asked.
const TOTAL: [&str; 10] = [
    FIRST_DAY,
    "btrim",
    "character_length",
    "coalesce",
    "concat",
    "local_date",
    "local_month",
    "lower",
    "stable_id",
    "upper",
];

/// Whether the expression has a value for any row: it is computed of rows, too,
/// that the join leaves out, and what fails of them must not fail the query.
pub(in crate::engine) fn never_fails(expression: &Expr, rows: &Schema) -> bool {
    let kind = |part: &Expr| part.data_type(rows).unwrap_or(DataType::Null);
    let own = match expression.downcast_ref::<BinaryExpr>() {
        Some(binary) => match binary.op() {
            // Those of decimals and days may overflow.
            Operator::Plus | Operator::Minus | Operator::Multiply => {
                [binary.left(), binary.right()]
                    .iter()
                    .all(|side| kind(side).is_integer() || kind(side).is_floating())
            }
            operator => operator.is_logic_operator() || compares(*operator),
        },
        None => match expression.downcast_ref::<CastExpr>() {
            // A text may be no number, and a large one no whole number of 64 bits.
            Some(cast) => {
                let from = kind(cast.expr());
                match cast.cast_type() {
                    DataType::Float64 => from.is_numeric(),
                    DataType::Int64 => {
                        from.is_signed_integer() || from.is_temporal() || from == DataType::UInt32
                    }
                    _ => false,
                }
            }
            None => {
                let function = expression.downcast_ref::<ScalarFunctionExpr>();
                function.is_some_and(|function| {
                    TOTAL.contains(&function.name())
                        // They fail of numbers near the ends of 64 bits, in words.
                        || (ARITHMETIC.contains(&function.name()) && kind(expression).is_integer())
                }) || expression.is::<Column>()
                    || expression.is::<Literal>()
                    || expression.is::<CaseExpr>()
                    || expression.is::<InListExpr>()
                    || expression.is::<IsNullExpr>()
                    || expression.is::<IsNotNullExpr>()
                    || expression.is::<NotExpr>()
            }
        },
    };
    let mut parts = expression.children().into_iter();
    own && parts.all(|part| never_fails(part, rows))
}
