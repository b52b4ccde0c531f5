//! Texts that are compared with days and times.
//!
//! DataFusion makes nanoseconds of both, which hold no year after 2262:
//! `ended_at < '9999-12-31'` fails. Here the text becomes what the other side is,
//! and a text that is none is told before the query runs.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{Between, BinaryExpr, Expr, ExprSchemable, LogicalPlan};
use datafusion::optimizer::AnalyzerRule;

use crate::engine::support::exprs::compares;
use crate::engine::support::plans::with_parts;
use crate::engine::support::types::sql_type;
use crate::error::Error;

/// Has texts beside days and times become such. It comes before the types are
/// settled.
#[derive(Debug)]
pub(in crate::engine) struct ReadInstants;

impl AnalyzerRule for ReadInstants {
    fn name(&self) -> &'static str {
        "read_instants"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        with_parts(plan, &mut within)
    }
}

fn within(mut expr: Expr, rows: &DFSchema) -> Result<Transformed<Expr>> {
    let changed = match &mut expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if compares(*op) => {
            alike(&mut [left.as_mut(), right.as_mut()], rows)?
        }
        Expr::Between(Between {
            expr, low, high, ..
        }) => alike(&mut [expr.as_mut(), low.as_mut(), high.as_mut()], rows)?,
        Expr::InList(InList { expr, list, .. }) => {
            let values = list.iter_mut().chain([expr.as_mut()]);
            alike(&mut values.collect::<Vec<_>>(), rows)?
        }
        _ => false,
    };
    Ok(Transformed::new_transformed(expr, changed))
}

/// Makes days or times of the texts among values, where another is one.
fn alike(values: &mut [&mut Expr], rows: &DFSchema) -> Result<bool> {
    let kinds = values.iter().filter_map(|value| value.get_type(rows).ok());
    let mut kinds = kinds.filter(|kind| matches!(kind, DataType::Date32 | DataType::Timestamp(..)));
    let Some(kind) = kinds.next() else {
        return Ok(false);
    };
    if kinds.any(|other| other != kind) {
        return Ok(false);
    }
    let mut any = false;
    for value in values {
        let Expr::Literal(literal, _) = &**value else {
            continue;
        };
        let Some(Some(text)) = literal.try_as_str() else {
            continue;
        };
        // A day beside a time may have one.
        let as_time = match (&kind, text.len() > "2024-01-31".len()) {
            (DataType::Date32, true) => continue,
            _ => ScalarValue::try_from_string(text.to_owned(), &kind),
        };
        match as_time {
            Ok(at) if !at.is_null() => **value = Expr::Literal(at, None),
            _ => {
                let error = Error::usage(format!("`{text}` is no {}", sql_type(&kind)))
                    .hint("write a date as 2024-01-31, a timestamp as 2024-01-31 23:59:59");
                return Err(DataFusionError::External(Box::new(error)));
            }
        }
        any = true;
    }
    Ok(any)
}
