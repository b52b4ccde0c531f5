//! Which rows of its inputs a model reads for one of its partitions, derived
//! from the optimized plan.
//!
//! The model is planned with a filter on its partition column, whose value is
//! a parameter: whatever the optimizer does, it does for every value. An input
//! of which every scan is left with that filter on its own partition column is
//! *aligned*: since the optimized plan answers what the model answers, no row
//! outside that partition of the input can reach the model's partition.

use std::collections::BTreeSet;

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::expr::Placeholder;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, Operator, TableScan, ident};

use super::session::Session;
use super::table::LakeTable;
use crate::error::{Error, Result};
use crate::name::TableName;

/// The parameter that stands for a partition; no text of a user can name it.
const ANY_PARTITION: &str = "$_any_partition";

/// How a model's partitions reach into its inputs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// Read partition by partition, as the model's own.
    pub aligned: BTreeSet<TableName>,
    /// Read whole.
    pub whole: BTreeSet<TableName>,
}

impl Session {
    /// How the partitions by `column` of the table that `sql` answers reach
    /// into the tables it reads. A table that the optimizer dropped from the
    /// plan is in neither set, nor is a view, whose tables are.
    ///
    /// # Errors
    /// When the query cannot be planned or has no such column.
    pub async fn reach(&self, sql: &str, column: &str) -> Result<Reach> {
        let failed = |e| Error::usage("the query cannot be planned by partition").because(e);
        let frame = self.model(sql).await?.into_frame();
        let any = Expr::Placeholder(Placeholder::new_with_field(
            ANY_PARTITION.to_owned(),
            Some(Field::new(column, DataType::Date32, true).into()),
        ));
        let one = Expr::BinaryExpr(BinaryExpr::new(
            Box::new(ident(column)),
            Operator::Eq,
            Box::new(any),
        ));
        let (state, plan) = frame.filter(one).map_err(failed)?.into_parts();
        let plan = state.optimize(&plan).map_err(failed)?;
        let mut reach = Reach::default();
        plan.apply_with_subqueries(|node| {
            if let LogicalPlan::TableScan(scan) = node {
                let (name, aligned) = scanned(scan);
                if aligned {
                    reach.aligned.insert(name);
                } else {
                    reach.whole.insert(name);
                }
            }
            Ok(TreeNodeRecursion::Continue)
        })
        .map_err(failed)?;
        // Read twice, once whole: whole.
        let whole = &reach.whole;
        reach.aligned.retain(|name| !whole.contains(name));
        Ok(reach)
    }
}

/// The table of `scan`, and whether it reads the one partition only.
fn scanned(scan: &TableScan) -> (TableName, bool) {
    let layer = scan.table_name.schema().unwrap_or_default();
    let name = TableName::new(layer, scan.table_name.table());
    let provider = source_as_provider(&scan.source).ok();
    let partition = provider
        .as_ref()
        .and_then(|p| p.downcast_ref::<LakeTable>())
        .and_then(LakeTable::partition_name);
    let aligned = partition.is_some_and(|column| {
        scan.filters
            .iter()
            .flat_map(split_conjunction)
            .any(|filter| is_the_partition(filter, column))
    });
    (name, aligned)
}

fn is_the_partition(filter: &Expr, column: &str) -> bool {
    let Expr::BinaryExpr(BinaryExpr {
        left,
        op: Operator::Eq,
        right,
    }) = filter
    else {
        return false;
    };
    let is_column = |e: &Expr| matches!(e, Expr::Column(c) if c.name == column);
    let is_any = |e: &Expr| matches!(e, Expr::Placeholder(p) if p.id == ANY_PARTITION);
    (is_column(left) && is_any(right)) || (is_column(right) && is_any(left))
}
