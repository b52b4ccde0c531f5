//! One session: read-only SQL over one scope.

pub(in crate::engine) mod catalog;
pub(in crate::engine) mod order;
pub(in crate::engine) mod params;
pub(in crate::engine) mod wording;

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::{DataType, Int64Type, Schema, SchemaRef, TimeUnit};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::catalog::{CatalogProviderList, MemoryCatalogProviderList};
use datafusion::common::config::ConfigOptions;
use datafusion::common::{DFSchema, DataFusionError, ScalarValue};
use datafusion::execution::{
    SendableRecordBatchStream, SessionState, SessionStateBuilder, SessionStateDefaults,
};
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, LogicalPlan, cast, ident, lit};
use datafusion::prelude::{DataFrame, SQLOptions, SessionConfig, SessionContext};
use futures::TryStreamExt;

use self::order::{Switches, analyzer_rules, logical_rules, physical_rules};
use crate::config::engine_options;
use crate::engine::corrections::averages::avg;
use crate::engine::corrections::extremes::extremes;
use crate::engine::corrections::multisets::number_copies;
use crate::engine::corrections::sums::sum;
use crate::engine::corrections::syntax;
use crate::engine::corrections::windows::windows;
use crate::engine::functions::bitmaps;
use crate::engine::functions::calendar;
use crate::engine::functions::local::functions;
use crate::engine::functions::sessionize::sessionize;
use crate::engine::functions::signed::{signed, signed_aggregates};
use crate::engine::functions::similar::similar_to;
use crate::engine::functions::sketches;
use crate::engine::functions::zones::at_time_zone;
use crate::engine::session::catalog::ScopeCatalog;
use crate::engine::session::wording::{Wording, two_columns};
use crate::engine::support::estimates::estimates;
use crate::engine::{Engine, Scope, Strategy};
use crate::error::{Error, Result};
use crate::name::TableName;

/// The side of a join that is held whole by every thread: at most so large.
const LOOKUP_BYTES: usize = 64 << 20;
const LOOKUP_ROWS: usize = 2_000_000;
/// What is read of a file's end at once: the footer and the bounds of pages take
/// some kilobytes a row group.
const FOOTER_BYTES: usize = 64 << 10;

/// Rows of a batch where another plan is wanted.
const PLAIN_BATCH: &str = "5000";

/// Read-only SQL over one scope.
pub struct Session {
    pub(in crate::engine) context: SessionContext,
    pub(in crate::engine) names: BTreeSet<TableName>,
}

/// A planned query.
pub struct Answer {
    pub(in crate::engine) frame: DataFrame,
    pub(in crate::engine) wording: Wording,
}

impl Session {
    pub(in crate::engine) fn open(
        engine: Arc<Engine>,
        scope: Scope,
        strategy: Strategy,
    ) -> Result<Self> {
        Self::over(engine, vec![("cinelake", scope)], strategy)
    }

    /// A session over several scopes, each a catalog with a name of its own;
    /// a name without a catalog is of the last one.
    pub(in crate::engine) fn over(
        engine: Arc<Engine>,
        scopes: Vec<(&'static str, Scope)>,
        strategy: Strategy,
    ) -> Result<Self> {
        let Some((default, _)) = scopes.last() else {
            return Err(Error::usage("a session needs a scope"));
        };
        let mut config = SessionConfig::new()
            .with_default_catalog_and_schema(*default, "gold")
            .with_create_default_catalog_and_schema(false)
            .with_information_schema(true)
            .with_target_partitions(match strategy {
                Strategy::Fastest => engine.threads(),
                Strategy::Spilling => 1,
                Strategy::Plain => engine.threads() + 1,
            });
        let options = config.options_mut();
        options.sql_parser.collect_spans = true;
        if strategy == Strategy::Plain {
            options
                .set("datafusion.execution.batch_size", PLAIN_BATCH)
                .map_err(|e| Error::usage("the engine refuses a size of batches").because(e))?;
        }
        // A join that tells its other side what it looks for waits for all its
        // partitions; joins nested in its inputs can wait for each other then,
        // without end.
        options.optimizer.enable_join_dynamic_filter_pushdown = false;
        // It leaves out rows that another aggregate of the same query needs
        // (apache/datafusion#24816, #25147).
        options.optimizer.enable_aggregate_dynamic_filter_pushdown = false;
        options.optimizer.use_statistics_registry = true;
        // It reads too few rows where a window looks further than it says
        // (apache/datafusion#25471).
        options.optimizer.enable_window_limits = false;
        // With one thread there is nobody to share files with, and a scan gives
        // its rows again to who asks again.
        options.execution.enable_file_stream_work_stealing = strategy != Strategy::Spilling;
        // Millions of sessions look their user or title up where they are rather
        // than being dealt out by it first.
        options.optimizer.hash_join_single_partition_threshold = LOOKUP_BYTES;
        options.optimizer.hash_join_single_partition_threshold_rows = LOOKUP_ROWS;
        options.execution.parquet.metadata_size_hint = Some(FOOTER_BYTES);
        // 0.85 is a decimal: comparing money and rates with literals is exact.
        options.sql_parser.parse_float_as_decimal = true;
        options.execution.time_zone = Some("UTC".to_owned());
        options.execution.spill_compression = datafusion::config::SpillCompression::Lz4Frame;
        let switches = tried(options, strategy)?;
        let runtime = Arc::clone(&engine.runtime);
        let mut scalar_functions = signed(SessionStateDefaults::default_scalar_functions());
        scalar_functions.extend(functions(engine.zone));
        scalar_functions.extend(calendar::functions());
        scalar_functions.extend(bitmaps::functions());
        scalar_functions.extend(sketches::functions());
        scalar_functions.extend([similar_to(), at_time_zone()]);
        let mut aggregates = signed_aggregates(SessionStateDefaults::default_aggregate_functions());
        aggregates.extend(bitmaps::aggregates());
        aggregates.extend(sketches::aggregates());
        aggregates.push(sessionize());
        // In the place of DataFusion's.
        aggregates.extend(extremes());
        aggregates.extend([sum(), avg()]);
        let catalogs = MemoryCatalogProviderList::new();
        let scopes: Vec<(&'static str, ScopeCatalog)> = scopes
            .into_iter()
            .map(|(name, scope)| (name, ScopeCatalog::new(Arc::clone(&engine), scope)))
            .collect();
        for (name, catalog) in &scopes {
            catalogs.register_catalog((*name).to_owned(), Arc::new(catalog.clone()));
        }
        // No table factories and file formats: CREATE EXTERNAL TABLE and COPY
        // cannot even be planned.
        let state = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(runtime)
            .with_catalog_list(Arc::new(catalogs))
            .with_expr_planners(SessionStateDefaults::default_expr_planners())
            .with_scalar_functions(scalar_functions)
            .with_higher_order_functions(SessionStateDefaults::default_higher_order_functions())
            .with_aggregate_functions(aggregates)
            .with_window_functions(windows())
            .with_table_function_list(SessionStateDefaults::default_table_functions())
            .with_analyzer_rules(analyzer_rules()?)
            .with_optimizer_rules(logical_rules(&switches)?)
            .with_statistics_registry(estimates())
            .with_physical_optimizer_rules(physical_rules(strategy, &switches));
        let state = state.build();
        let context = SessionContext::new_with_state(state);
        for (name, catalog) in &scopes {
            let (weak, name) = (context.state_weak_ref(), *name);
            catalog.connect(Box::new(move || {
                let mut state = weak.upgrade().map(|state| state.read().clone())?;
                // A view reads the tables of its own scope.
                let options = state.config_mut().options_mut();
                options.catalog.default_catalog = name.to_owned();
                Some(state)
            }));
        }
        let names = scopes.iter().flat_map(|(_, catalog)| catalog.names());
        Ok(Self {
            context,
            names: names.collect(),
        })
    }

    /// Plans one statement that only reads.
    ///
    /// # Errors
    /// A usage error with the line where the text is wrong, and a hint.
    pub async fn query(&self, sql: &str, params: &[(String, ScalarValue)]) -> Result<Answer> {
        let wording = Wording::new(self.names.clone());
        let frame = self.plan(sql, params).await.map_err(|e| wording.error(e))?;
        Ok(Answer { frame, wording })
    }

    /// Plans a model: as [`Session::query`], with columns as they are stored.
    ///
    /// # Errors
    /// Also when a column has a type that cannot be stored.
    pub async fn model(&self, sql: &str) -> Result<Answer> {
        let Answer { frame, wording } = self.query(sql, &[]).await?;
        let schema = frame.schema().clone();
        let columns = schema
            .iter()
            .map(|(qualifier, field)| {
                let stored = stored_type(field.data_type()).ok_or_else(|| unstorable(field))?;
                let column = Expr::from((qualifier, field));
                if stored == *field.data_type() {
                    return Ok(column);
                }
                Ok(cast(column, stored).alias(field.name()))
            })
            .collect::<Result<Vec<_>>>()?;
        check_names(&schema)?;
        let frame = frame.select(columns).map_err(|e| wording.error(e))?;
        Ok(Answer { frame, wording })
    }

    /// Every table that can be read.
    #[must_use]
    pub fn tables(&self) -> &BTreeSet<TableName> {
        &self.names
    }

    /// The columns of `table`, in order.
    ///
    /// # Errors
    /// When there is no such table, or it cannot be read.
    pub async fn columns(&self, table: &TableName) -> Result<Vec<String>> {
        let sql = format!("select * from \"{}\".\"{}\"", table.layer, table.table);
        let answer = self.query(&sql, &[]).await?;
        let fields = answer.frame.schema().fields().iter();
        Ok(fields.map(|field| field.name().clone()).collect())
    }

    /// The functions that a query may call, aggregates and windows among them.
    #[must_use]
    pub fn functions(&self) -> BTreeSet<String> {
        let state = self.context.state();
        let scalar = state.scalar_functions().keys();
        let aggregates = state.aggregate_functions().keys();
        let windows = state.window_functions().keys();
        scalar.chain(aggregates).chain(windows).cloned().collect()
    }

    /// The single number that `sql` asks for.
    ///
    /// # Errors
    /// When the query fails or answers something else.
    pub async fn number(&self, sql: &str) -> Result<i64> {
        let batches = self.query(sql, &[]).await?.collect().await?;
        let first = batches.iter().find(|b| b.num_rows() > 0);
        let value = first.and_then(|b| b.column(0).as_primitive_opt::<Int64Type>());
        value
            .map(|v| v.value(0))
            .ok_or_else(|| Error::usage(format!("expected one whole number from `{sql}`")))
    }

    async fn plan(
        &self,
        sql: &str,
        params: &[(String, ScalarValue)],
    ) -> Result<DataFrame, DataFusionError> {
        let read_only = SQLOptions::new()
            .with_allow_ddl(false)
            .with_allow_dml(false)
            .with_allow_statements(false);
        let plan = planned(&self.context.state(), sql).await?;
        read_only.verify_plan(&plan)?;
        let frame = self.context.execute_logical_plan(plan).await?;
        let wanted = frame.logical_plan().get_parameter_names()?;
        for name in &wanted {
            let bare = name.trim_start_matches('$');
            if !params.iter().any(|(given, _)| given == bare) {
                return Err(DataFusionError::External(Box::new(
                    Error::usage(format!("parameter `{bare}` has no value"))
                        .hint(format!("give it: `--param {bare}=…`")),
                )));
            }
        }
        if wanted.is_empty() {
            return Ok(frame);
        }
        frame.with_param_values(params.to_vec())
    }
}

/// The plan of a statement as it is written.
pub(in crate::engine) async fn planned(
    state: &SessionState,
    sql: &str,
) -> Result<LogicalPlan, DataFusionError> {
    number_copies(state.statement_to_plan(syntax::statement(sql)?).await?)
}

/// What rows of an answer have to meet.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// The column has one of these values.
    Among(String, Vec<ScalarValue>),
    /// The column is null.
    Missing(String),
    /// None of these holds, each of them all of its conditions together.
    Neither(Vec<Vec<Condition>>),
}

impl Condition {
    /// The column is one of these days since 1970.
    #[must_use]
    pub fn days(column: &str, days: &[i32]) -> Self {
        let days = days.iter().map(|day| ScalarValue::Date32(Some(*day)));
        Self::Among(column.to_owned(), days.collect())
    }

    fn expression(&self) -> Expr {
        match self {
            Self::Among(column, values) => {
                let values = values.iter().cloned().map(lit).collect();
                ident(column).in_list(values, false)
            }
            Self::Missing(column) => ident(column).is_null(),
            Self::Neither(others) => {
                let others = others.iter().filter_map(|all| all_of(all));
                conjunction(others.map(Expr::is_not_true)).unwrap_or_else(|| lit(true))
            }
        }
    }
}

fn all_of(conditions: &[Condition]) -> Option<Expr> {
    conjunction(conditions.iter().map(Condition::expression))
}

impl Answer {
    /// Of the rows only those that meet all `conditions`.
    ///
    /// # Errors
    /// When the answer lacks a column of theirs.
    pub fn only(self, conditions: &[Condition]) -> Result<Self> {
        let Self { frame, wording } = self;
        let frame = match all_of(conditions) {
            Some(all) => frame.filter(all).map_err(|e| wording.error(e))?,
            None => frame,
        };
        Ok(Self { frame, wording })
    }

    /// At most `limit` of the rows that `other` does not answer, each once.
    ///
    /// # Errors
    /// When the two have other columns.
    pub fn except(self, other: Self, limit: usize) -> Result<Self> {
        let Self { frame, wording } = self;
        let frame = frame
            .except_distinct(other.frame)
            .and_then(|frame| frame.limit(0, Some(limit)))
            .map_err(|e| wording.error(e))?;
        Ok(Self { frame, wording })
    }

    /// The query as DataFusion holds it.
    pub(in crate::engine) fn into_frame(self) -> DataFrame {
        self.frame
    }

    /// The plan as the optimizer sees it first.
    #[must_use]
    pub fn logical_plan(&self) -> &LogicalPlan {
        self.frame.logical_plan()
    }

    /// Runs the query and gives its rows as they come.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn stream(self) -> Result<Rows> {
        let Self { frame, wording } = self;
        let stream = frame.execute_stream().await.map_err(|e| wording.error(e))?;
        Ok(Rows { stream, wording })
    }

    /// Runs the query and gives all its rows.
    ///
    /// # Errors
    /// When it fails.
    pub async fn collect(self) -> Result<Vec<RecordBatch>> {
        let mut rows = self.stream().await?;
        let mut batches = Vec::new();
        while let Some(batch) = rows.next().await? {
            batches.push(batch);
        }
        Ok(batches)
    }
}

/// The rows of a running query.
pub struct Rows {
    stream: SendableRecordBatchStream,
    wording: Wording,
}

impl Rows {
    /// The rows' columns. Only here are types certain: a logical plan calls
    /// `case … then 0 else 1.5 end` an integer.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        self.stream.schema()
    }

    /// The next rows; `None` at the end.
    ///
    /// # Errors
    /// When the query fails.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>> {
        self.stream
            .try_next()
            .await
            .map_err(|e| self.wording.error(e))
    }
}

/// The type as which a column is stored; `None` when it cannot be.
fn stored_type(kind: &DataType) -> Option<DataType> {
    Some(match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8View,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => DataType::BinaryView,
        DataType::Dictionary(_, values) => stored_type(values)?,
        DataType::Int8 | DataType::UInt8 | DataType::Int16 => DataType::Int16,
        DataType::UInt16 | DataType::Int32 => DataType::Int32,
        DataType::UInt32 | DataType::UInt64 | DataType::Int64 => DataType::Int64,
        DataType::Float16 | DataType::Float32 | DataType::Float64 => DataType::Float64,
        DataType::Decimal32(p, s) | DataType::Decimal64(p, s) | DataType::Decimal128(p, s)
            if *s >= 0 =>
        {
            DataType::Decimal128(*p, *s)
        }
        DataType::Boolean => DataType::Boolean,
        DataType::Date32 | DataType::Date64 => DataType::Date32,
        DataType::Timestamp(_, _) => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        _ => return None,
    })
}

fn unstorable(field: &datafusion::arrow::datatypes::Field) -> Error {
    let error = Error::usage(format!(
        "column `{}` is {}, which cannot be stored",
        field.name(),
        field.data_type()
    ));
    match field.data_type() {
        DataType::Null => error.hint("say what it would be: `cast(null as bigint)`"),
        DataType::List(_) | DataType::LargeList(_) => {
            error.hint("make it a table of its own with `unnest`, one row a value")
        }
        _ => error.hint("cast it to text, a number, a boolean, a date or a timestamp"),
    }
}

fn check_names(schema: &DFSchema) -> Result<()> {
    let schema: &Schema = schema.as_arrow();
    for (i, field) in schema.fields().iter().enumerate() {
        let name = field.name();
        let plain = name.chars().all(|c| c.is_alphanumeric() || c == '_');
        if !plain {
            return Err(
                Error::usage(format!("the column `{name}` has no name of its own"))
                    .hint("name it with `as`"),
            );
        }
        let same = |f: &std::sync::Arc<datafusion::arrow::datatypes::Field>| {
            f.name().eq_ignore_ascii_case(name)
        };
        if schema.fields()[..i].iter().any(same) {
            return Err(two_columns(name));
        }
    }
    Ok(())
}

/// Sets what a test tries; the optimizer's rules of our own that apply.
fn tried(options: &mut ConfigOptions, strategy: Strategy) -> Result<Switches> {
    let mut switches = match strategy {
        Strategy::Plain => Switches::none(),
        _ => Switches::default(),
    };
    for (name, value) in engine_options() {
        let on = value != "false";
        match (name.as_str(), name.strip_prefix("cinelake.rules.")) {
            ("cinelake.own_rules", _) if !on => switches = Switches::none(),
            ("cinelake.own_rules", _) => switches = Switches::default(),
            (_, Some(rule)) => switches.turn(rule, on)?,
            _ => options
                .set(&name, &value)
                .map_err(|e| Error::usage(format!("CINELAKE_ENGINE_OPTIONS: {e}")))?,
        }
    }
    Ok(switches)
}
