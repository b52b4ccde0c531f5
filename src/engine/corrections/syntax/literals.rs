//! `date '2024-13-45'`: a day that there is not is told when the text is read,
//! with its line, not when the query runs.

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::sql::sqlparser::ast::{DataType as SqlType, Expr, TypedString};

use crate::error::Error;

/// Has timestamps be of microseconds, as the lake stores them, where the text says
/// nothing else: nanoseconds hold no year after 2262.
pub(super) fn in_microseconds(expr: &mut Expr) {
    let (Expr::Cast { data_type, .. } | Expr::TypedString(TypedString { data_type, .. })) = expr
    else {
        return;
    };
    if let SqlType::Timestamp(digits @ None, _) = data_type {
        *digits = Some(6);
    }
}

/// Whether a literal with a type is of that type.
pub(super) fn check(literal: &Expr) -> Result<()> {
    let Expr::TypedString(TypedString {
        data_type, value, ..
    }) = literal
    else {
        return Ok(());
    };
    let (kind, name, hint) = match data_type {
        SqlType::Date => (DataType::Date32, "date", "write a date as 2024-01-31"),
        SqlType::Timestamp(..) => (
            DataType::Timestamp(TimeUnit::Microsecond, None),
            "timestamp",
            "write a timestamp as 2024-01-31 23:59:59",
        ),
        _ => return Ok(()),
    };
    let Some(text) = value.value.clone().into_string() else {
        return Ok(());
    };
    match ScalarValue::try_from_string(text.clone(), &kind) {
        Ok(value) if !value.is_null() => Ok(()),
        _ => {
            let error = Error::usage(format!("`{text}` is no {name}")).hint(hint);
            let error = error.line(value.span.start.line);
            Err(DataFusionError::External(Box::new(error)))
        }
    }
}
