//! The aggregates of ids and sets; `bitmap_agg` and `bitmap_merge` themselves.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BinaryViewArray, BinaryViewBuilder, BooleanArray,
};
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::common::utils::take_function_args;
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
};
use roaring::RoaringTreemap;

use super::histogram::BitmapHistogram;
use super::{from_bytes, is_set, to_bytes};

/// The aggregates.
pub(in crate::engine) fn aggregates() -> Vec<Arc<AggregateUDF>> {
    let aggregate = |takes| Arc::new(AggregateUDF::from(Union::new(takes)));
    vec![
        aggregate(Takes::Ids),
        aggregate(Takes::Sets),
        Arc::new(AggregateUDF::from(BitmapHistogram::new())),
    ]
}

/// What an aggregate unites.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Takes {
    Ids,
    Sets,
}

/// `bitmap_agg` and `bitmap_merge`. Nulls are left out; of no rows the set is
/// empty.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Union {
    takes: Takes,
    signature: Signature,
}

impl Union {
    fn new(takes: Takes) -> Self {
        Self {
            takes,
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

impl AggregateUDFImpl for Union {
    fn name(&self) -> &str {
        match self.takes {
            Takes::Ids => "bitmap_agg",
            Takes::Sets => "bitmap_merge",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::BinaryView)
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [found] = take_function_args(self.name(), types)?;
        match self.takes {
            Takes::Ids if found.is_integer() || found.is_null() => Ok(vec![DataType::Int64]),
            Takes::Sets if is_set(found) => Ok(vec![DataType::BinaryView]),
            Takes::Ids => plan_err!("`bitmap_agg` takes whole numbers, not {found}"),
            Takes::Sets => plan_err!("`bitmap_merge` takes sets of `bitmap_agg`, not {found}"),
        }
    }

    fn accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(OneSet {
            takes: self.takes,
            set: RoaringTreemap::new(),
        }))
    }

    fn groups_accumulator_supported(&self, _: AccumulatorArgs<'_>) -> bool {
        true
    }

    fn create_groups_accumulator(
        &self,
        _: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Sets {
            takes: self.takes,
            sets: Vec::new(),
            bytes: 0,
        }))
    }

    fn default_value(&self, _: &DataType) -> Result<ScalarValue> {
        Ok(ScalarValue::BinaryView(Some(to_bytes(
            &RoaringTreemap::new(),
        )?)))
    }
}

/// The values of `rows` in `array` one after another, nulls left out.
fn each_value(
    takes: Takes,
    array: &ArrayRef,
    mut take: impl FnMut(usize, Value<'_>) -> Result<()>,
) -> Result<()> {
    match takes {
        Takes::Ids => {
            for (row, id) in array.as_primitive::<Int64Type>().iter().enumerate() {
                if let Some(id) = id {
                    take(row, Value::Id(id.cast_unsigned()))?;
                }
            }
        }
        Takes::Sets => {
            for (row, set) in array.as_binary_view().iter().enumerate() {
                if let Some(set) = set {
                    take(row, Value::Set(set))?;
                }
            }
        }
    }
    Ok(())
}

enum Value<'a> {
    Id(u64),
    Set(&'a [u8]),
}

impl Value<'_> {
    fn add_to(&self, set: &mut RoaringTreemap) -> Result<()> {
        match self {
            Self::Id(id) => {
                set.insert(*id);
            }
            Self::Set(bytes) => *set |= from_bytes(bytes)?,
        }
        Ok(())
    }
}

/// The set of one group, and of a window that grows.
#[derive(Debug)]
struct OneSet {
    takes: Takes,
    set: RoaringTreemap,
}

impl OneSet {
    fn unite(&mut self, takes: Takes, values: &[ArrayRef]) -> Result<()> {
        let [values] = take_function_args("bitmap", values)?;
        each_value(takes, values, |_, value| value.add_to(&mut self.set))
    }
}

impl Accumulator for OneSet {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.unite(self.takes, values)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.unite(Takes::Sets, states)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::BinaryView(Some(to_bytes(&self.set)?)))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.set.serialized_size()
    }
}

/// The sets of many groups.
#[derive(Debug)]
struct Sets {
    takes: Takes,
    sets: Vec<RoaringTreemap>,
    /// Bytes of what was taken in, about as much as the sets hold.
    bytes: usize,
}

impl Sets {
    fn unite(
        &mut self,
        takes: Takes,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        count: usize,
    ) -> Result<()> {
        let [values] = take_function_args("bitmap", values)?;
        self.sets.resize_with(count, RoaringTreemap::new);
        each_value(takes, values, |row, value| {
            if filter.is_some_and(|f| f.is_null(row) || !f.value(row)) {
                return Ok(());
            }
            self.bytes += match &value {
                Value::Id(_) => 2,
                Value::Set(bytes) => bytes.len(),
            };
            value.add_to(&mut self.sets[groups[row]])
        })
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
        self.unite(self.takes, values, groups, filter, count)
    }

    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], count: usize) -> Result<()> {
        self.unite(Takes::Sets, values, groups, None, count)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let [values] = take_function_args("bitmap", values)?;
        let mut states: Vec<Option<Vec<u8>>> = vec![None; values.len()];
        each_value(self.takes, values, |row, value| {
            if filter.is_none_or(|f| f.is_valid(row) && f.value(row)) {
                states[row] = Some(match value {
                    Value::Set(bytes) => bytes.to_vec(),
                    Value::Id(id) => to_bytes(&RoaringTreemap::from_iter([id]))?,
                });
            }
            Ok(())
        })?;
        Ok(vec![Arc::new(BinaryViewArray::from_iter(states))])
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let sets = emit_to.take_needed(&mut self.sets);
        let mut array = BinaryViewBuilder::with_capacity(sets.len());
        for set in &sets {
            array.append_value(to_bytes(set)?);
        }
        if self.sets.is_empty() {
            self.bytes = 0;
        }
        Ok(Arc::new(array.finish()))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.evaluate(emit_to)?])
    }

    fn size(&self) -> usize {
        self.sets.capacity() * (size_of::<RoaringTreemap>() + 64) + self.bytes
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::Int64Array;
    use proptest::prelude::*;

    use super::*;

    fn set(ids: &[i64]) -> RoaringTreemap {
        let mut one = OneSet {
            takes: Takes::Ids,
            set: RoaringTreemap::new(),
        };
        let ids: ArrayRef = Arc::new(Int64Array::from(ids.to_vec()));
        one.update_batch(&[ids]).unwrap();
        one.set
    }

    proptest! {
        #[test]
        fn the_same_ids_give_the_same_bytes(
            ids in prop::collection::vec(prop_oneof![0_i64..200_000, any::<i64>()], 0..6000),
            cut in 0_usize..6000,
        ) {
            let cut = cut.min(ids.len());
            let whole = to_bytes(&set(&ids)).unwrap();
            let mut turned = ids.clone();
            turned.reverse();
            prop_assert_eq!(&to_bytes(&set(&turned)).unwrap(), &whole);
            let parts = [to_bytes(&set(&ids[cut..])).unwrap(), to_bytes(&set(&ids[..cut])).unwrap()];
            let mut groups = Sets { takes: Takes::Sets, sets: Vec::new(), bytes: 0 };
            let parts: ArrayRef = Arc::new(BinaryViewArray::from_iter_values(parts));
            groups.update_batch(&[parts], &[0, 0], None, 1).unwrap();
            let merged = groups.evaluate(EmitTo::All).unwrap();
            prop_assert_eq!(merged.as_binary_view().value(0), whole.as_slice());
            let different: std::collections::BTreeSet<i64> = ids.into_iter().collect();
            prop_assert_eq!(from_bytes(&whole).unwrap().len(), different.len() as u64);
        }
    }
}
