//! Which rows of its inputs a model reads for one value of a column of its own,
//! derived from the optimized plan.
//!
//! The model is planned with a filter on the column, whose value is a
//! parameter: whatever the optimizer does, it does for every value. An input of
//! which every scan is left with that filter on a column of its own is *read
//! by* that column: since the optimized plan answers what the model answers, no
//! other row of the input can reach the model's rows of that value. Where the
//! two are partition columns the input is *aligned*.
//!
//! Rows of the model without a value are not spoken of: they can depend on any
//! row.

mod joins;

use std::collections::{BTreeMap, BTreeSet};

use datafusion::arrow::datatypes::Field;
use datafusion::common::Column;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::expr::Placeholder;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, Operator, TableScan, ident};

use self::joins::carried_across;
use crate::engine::scan::table::LakeTable;
use crate::engine::session::Session;
use crate::error::{Error, Result};
use crate::name::TableName;

/// The parameter that stands for a value; no text of a user can name it.
const ANY_VALUE: &str = "$_any_value";

/// How deeply joins within inputs of joins are followed.
const MOST_JOINED: usize = 4;

/// How one value of a model's column reaches into its inputs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// Inputs of which only rows of that value are read, and the columns that
    /// have it.
    pub by: BTreeMap<TableName, BTreeSet<String>>,
    /// Those among them of which one of the columns is their partition column.
    pub aligned: BTreeSet<TableName>,
    /// Read whole.
    pub whole: BTreeSet<TableName>,
}

impl Reach {
    /// Whether rows of `table` are read.
    #[must_use]
    pub fn reads(&self, table: &TableName) -> bool {
        self.by.contains_key(table) || self.whole.contains(table)
    }
}

impl Session {
    /// How a value of `column` of the table that `sql` answers reaches into the
    /// tables it reads. A table that the optimizer dropped from the plan is not
    /// there, nor is a view, whose tables are.
    ///
    /// # Errors
    /// When the query cannot be planned or has no such column.
    pub async fn reach(&self, sql: &str, column: &str) -> Result<Reach> {
        let failed = |e| Error::usage("the query cannot be planned by value").because(e);
        let frame = self.model(sql).await?.into_frame();
        let field = frame.schema().field_with_unqualified_name(column);
        let kind = field.map_err(failed)?.data_type().clone();
        let any = Expr::Placeholder(Placeholder::new_with_field(
            ANY_VALUE.to_owned(),
            Some(Field::new(column, kind, true).into()),
        ));
        let one = Expr::BinaryExpr(BinaryExpr::new(
            Box::new(ident(column)),
            Operator::Eq,
            Box::new(any.clone()),
        ));
        let (state, plan) = frame.filter(one).map_err(failed)?.into_parts();
        let mut plan = state.optimize(&plan).map_err(failed)?;
        for _ in 0..MOST_JOINED {
            let carried = carried_across(plan, &any).map_err(failed)?;
            plan = carried.data;
            if !carried.transformed {
                break;
            }
            plan = state.optimize(&plan).map_err(failed)?;
        }
        let mut reach = Reach::default();
        plan.apply_with_subqueries(|node| {
            if let LogicalPlan::TableScan(scan) = node {
                reach.add(scan);
            }
            Ok(TreeNodeRecursion::Continue)
        })
        .map_err(failed)?;
        Ok(reach)
    }

    /// The stored tables of which the query reads rows.
    ///
    /// # Errors
    /// When it cannot be planned.
    pub async fn reads(&self, sql: &str) -> Result<BTreeSet<TableName>> {
        let plan = self.optimized(sql).await?;
        let mut read = BTreeSet::new();
        plan.apply_with_subqueries(|node| {
            if let LogicalPlan::TableScan(scan) = node {
                read.insert(scanned(scan));
            }
            Ok(TreeNodeRecursion::Continue)
        })
        .map_err(|e| Error::usage("the query cannot be planned").because(e))?;
        Ok(read)
    }

    pub(in crate::engine) async fn optimized(&self, sql: &str) -> Result<LogicalPlan> {
        let (state, plan) = self.model(sql).await?.into_frame().into_parts();
        let optimized = state.optimize(&plan);
        optimized.map_err(|e| Error::usage("the query cannot be planned").because(e))
    }
}

impl Reach {
    fn add(&mut self, scan: &TableScan) {
        let name = scanned(scan);
        let filters = scan.filters.iter().flat_map(split_conjunction);
        let mut columns: BTreeSet<String> = filters
            .filter_map(has_the_value)
            .map(|column| column.name.clone())
            .collect();
        // Read twice: by what both are read by.
        if let Some(others) = self.by.remove(&name) {
            columns.retain(|column| others.contains(column));
        }
        self.aligned.remove(&name);
        if columns.is_empty() || self.whole.contains(&name) {
            self.whole.insert(name);
            return;
        }
        let provider = source_as_provider(&scan.source).ok();
        let table = provider
            .as_ref()
            .and_then(|p| p.downcast_ref::<LakeTable>());
        let partition = table.and_then(LakeTable::partition_name);
        if partition.is_some_and(|column| columns.contains(column)) {
            self.aligned.insert(name.clone());
        }
        self.by.insert(name, columns);
    }
}

/// The table of `scan`.
pub(in crate::engine) fn scanned(scan: &TableScan) -> TableName {
    let layer = scan.table_name.schema().unwrap_or_default();
    TableName::new(layer, scan.table_name.table())
}

/// The column that `filter` lets have the value, and no other.
fn has_the_value(filter: &Expr) -> Option<&Column> {
    let Expr::BinaryExpr(BinaryExpr {
        left,
        op: Operator::Eq,
        right,
    }) = filter
    else {
        return None;
    };
    match (left.as_ref(), right.as_ref()) {
        (Expr::Column(column), Expr::Placeholder(any))
        | (Expr::Placeholder(any), Expr::Column(column))
            if any.id == ANY_VALUE =>
        {
            Some(column)
        }
        _ => None,
    }
}
