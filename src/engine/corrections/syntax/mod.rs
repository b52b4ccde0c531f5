//! What is written, before it is planned: DataFusion's planner takes some of it
//! for something else, or forgets it.

mod dialect;
mod formats;
mod joins;
mod literals;
mod walk;
mod windows;
mod words;

use std::collections::VecDeque;

use datafusion::common::{Result, not_impl_err, plan_datafusion_err};
use datafusion::sql::parser::{DFParserBuilder, Statement};

use self::dialect::Sql;
use self::walk::walk;
use self::words::Corrected;

/// Levels that expressions and queries may be nested in.
const DEPTH: usize = 256;

/// The one statement that `sql` holds, corrected.
///
/// # Errors
/// When the text is no statement, or several, or says what is not possible.
pub(in crate::engine) fn statement(sql: &str) -> Result<Statement> {
    let mut statements: VecDeque<Statement> = DFParserBuilder::new(sql)
        .with_dialect(&Sql)
        .with_recursion_limit(DEPTH)
        .build()?
        .parse_statements()?;
    if statements.len() > 1 {
        return not_impl_err!("The context currently only supports a single SQL statement");
    }
    let mut statement = statements.pop_front().ok_or_else(|| {
        plan_datafusion_err!("No SQL statements were provided in the query string")
    })?;
    correct(&mut statement)?;
    Ok(statement)
}

fn correct(statement: &mut Statement) -> Result<()> {
    let sql = match statement {
        Statement::Statement(sql) => sql,
        Statement::Explain(explain) => return correct(&mut explain.statement),
        _ => return Ok(()),
    };
    let mut corrected = Corrected::default();
    walk(sql.as_mut(), &mut corrected);
    match corrected.refused {
        Some(refused) => Err(refused),
        None => Ok(()),
    }
}
