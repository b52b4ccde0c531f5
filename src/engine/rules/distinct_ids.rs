//! `count(distinct id)` of whole numbers, by sets of bits.
//!
//! DataFusion hashes each pair of group and id, or holds a hash set a group.
//! Ids of users and titles lie close together: [`CountIds`] has them counted by
//! [`Ids`], which take a bit for each possible id where many are there and a
//! short list where few are. Sets can be united, so parts of the rows may be
//! counted apart. Counts of text and fractions stay DataFusion's.

use std::any::Any;
use std::sync::Arc;

use cinelake_kernels::Ids;
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BinaryViewBuilder, BooleanArray, Int64Array,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Int64Type};
use datafusion::common::tree_node::Transformed;
use datafusion::common::utils::take_function_args;
use datafusion::common::{ExprSchema, Result, ScalarValue, exec_err};
use datafusion::logical_expr::expr::{AggregateFunction, AggregateFunctionParams};

use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, ExprSchemable, GroupsAccumulator,
    LogicalPlan, Signature, Volatility,
};
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;

use crate::engine::support::aggregates::replaced;

/// Counts different whole numbers by their sets.
#[derive(Debug)]
pub(in crate::engine) struct CountIds(Arc<AggregateUDF>);

impl CountIds {
    pub(in crate::engine) fn new() -> Self {
        Self(Arc::new(AggregateUDF::from(CountDistinct {
            signature: Signature::any(1, Volatility::Immutable),
        })))
    }

    /// The same by sets; none where it is no such count.
    fn counted(
        &self,
        function: &AggregateFunction,
        schema: &dyn ExprSchema,
    ) -> Option<AggregateFunction> {
        let AggregateFunction { func, params } = function;
        let [id] = params.args.as_slice() else {
            return None;
        };
        if func.name() != "count" || !params.distinct || !params.order_by.is_empty() {
            return None;
        }
        is_whole(&id.get_type(schema).ok()?).then(|| AggregateFunction {
            func: Arc::clone(&self.0),
            params: AggregateFunctionParams {
                distinct: false,
                ..params.clone()
            },
        })
    }
}

/// Whether values of the type are whole numbers of at most 64 bits and a sign.
fn is_whole(kind: &DataType) -> bool {
    kind.is_signed_integer()
        || matches!(kind, DataType::UInt8 | DataType::UInt16 | DataType::UInt32)
        || *kind == DataType::Date32
}

impl OptimizerRule for CountIds {
    fn name(&self) -> &'static str {
        "distinct_ids"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        replaced(plan, |function, schema| self.counted(function, schema))
    }
}

/// The number of different values of a column.
#[derive(Debug, PartialEq, Eq, Hash)]
struct CountDistinct {
    signature: Signature,
}

impl AggregateUDFImpl for CountDistinct {
    fn name(&self) -> &'static str {
        "count_distinct"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn is_nullable(&self) -> bool {
        false
    }

    fn default_value(&self, _: &DataType) -> Result<ScalarValue> {
        Ok(ScalarValue::Int64(Some(0)))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        Ok(vec![Arc::new(Field::new(
            args.name,
            DataType::BinaryView,
            true,
        ))])
    }

    fn accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(OneSet::default()))
    }

    fn groups_accumulator_supported(&self, _: AccumulatorArgs<'_>) -> bool {
        true
    }

    fn create_groups_accumulator(
        &self,
        _: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Sets::default()))
    }
}

/// Whether the sets of a grouping are those of a count of different numbers,
/// which know their bytes.
pub(in crate::engine) fn counts_ids(aggregate: &AggregateFunctionExpr) -> bool {
    (aggregate.fun().inner().as_ref() as &dyn Any).is::<CountDistinct>()
}

fn numbers(values: &[ArrayRef]) -> Result<Int64Array> {
    let [ids] = take_function_args("count_distinct", values)?;
    let ids = match ids.data_type() {
        // Days since 1970.
        DataType::Date32 => cast(ids, &DataType::Int32)?,
        _ => Arc::clone(ids),
    };
    Ok(cast(&ids, &DataType::Int64)?
        .as_primitive::<Int64Type>()
        .clone())
}

fn count_of(set: &mut Ids) -> i64 {
    i64::try_from(set.count()).unwrap_or(i64::MAX)
}

/// The ids of each group.
#[derive(Debug, Default)]
struct Sets {
    sets: Vec<Ids>,
    /// Bytes of all the sets.
    bytes: usize,
}

impl Sets {
    fn take(&mut self, emit_to: EmitTo) -> Vec<Ids> {
        let sets = emit_to.take_needed(&mut self.sets);
        let bytes: usize = sets.iter().map(Ids::bytes).sum();
        self.bytes = self.bytes.saturating_sub(bytes);
        sets
    }
}

impl GroupsAccumulator for Sets {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        count: usize,
    ) -> Result<()> {
        let ids = numbers(values)?;
        self.sets.resize_with(count, Ids::default);
        if filter.is_none() && ids.null_count() == 0 {
            self.bytes += Ids::insert_all(&mut self.sets, groups, ids.values());
            return Ok(());
        }
        for (row, group) in groups.iter().enumerate() {
            let kept = filter.is_none_or(|f| f.is_valid(row) && f.value(row));
            if kept && ids.is_valid(row) {
                self.bytes += self.sets[*group].insert(ids.value(row));
            }
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], count: usize) -> Result<()> {
        let [states] = take_function_args("count_distinct", states)?;
        self.sets.resize_with(count, Ids::default);
        for (group, state) in groups.iter().zip(states.as_binary_view()) {
            let set = &mut self.sets[*group];
            let before = set.bytes();
            if state.is_some_and(|state| set.merge(state).is_none()) {
                return exec_err!("this is no set of ids");
            }
            self.bytes = (self.bytes + set.bytes()).saturating_sub(before);
        }
        Ok(())
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let ids = numbers(values)?;
        let mut states = BinaryViewBuilder::with_capacity(ids.len());
        let mut bytes = Vec::new();
        for row in 0..ids.len() {
            let kept = filter.is_none_or(|f| f.is_valid(row) && f.value(row));
            if kept && ids.is_valid(row) {
                let mut set = Ids::default();
                set.insert(ids.value(row));
                bytes.clear();
                set.write(&mut bytes);
                states.append_value(&bytes);
            } else {
                states.append_null();
            }
        }
        Ok(vec![Arc::new(states.finish())])
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let mut sets = self.take(emit_to);
        let counts: Int64Array = sets.iter_mut().map(|set| Some(count_of(set))).collect();
        Ok(Arc::new(counts))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let mut states = BinaryViewBuilder::new();
        let mut bytes = Vec::new();
        for mut set in self.take(emit_to) {
            bytes.clear();
            set.write(&mut bytes);
            states.append_value(&bytes);
        }
        Ok(vec![Arc::new(states.finish())])
    }

    fn size(&self) -> usize {
        self.sets.capacity() * size_of::<Ids>() + self.bytes
    }
}

/// The ids of all rows.
#[derive(Debug, Default)]
struct OneSet(Ids);

impl Accumulator for OneSet {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for id in numbers(values)?.iter().flatten() {
            self.0.insert(id);
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let [states] = take_function_args("count_distinct", states)?;
        for state in states.as_binary_view().iter().flatten() {
            if self.0.merge(state).is_none() {
                return exec_err!("this is no set of ids");
            }
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Int64(Some(count_of(&mut self.0))))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let mut bytes = Vec::new();
        self.0.write(&mut bytes);
        Ok(vec![ScalarValue::BinaryView(Some(bytes))])
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.0.bytes()
    }
}
