//! `bitmap_histogram`: in how many sets each id is.

use std::sync::{Arc, LazyLock};

use cinelake_kernels::Counts;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array, ListArray, StructArray};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields, Int64Type};
use datafusion::common::utils::take_function_args;
use datafusion::common::{Result, ScalarValue, exec_datafusion_err, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, Signature, Volatility};

use super::read;
use crate::engine::support::summaries::is_summary;

/// An id and the number of sets that have it.
static COUNTED: LazyLock<Fields> = LazyLock::new(|| {
    let field = |name: &str| Field::new(name, DataType::Int64, true);
    Fields::from(vec![field("id"), field("sets")])
});

fn one_count() -> FieldRef {
    let counted = DataType::Struct(COUNTED.clone());
    Arc::new(Field::new_list_field(counted, true))
}

/// `bitmap_histogram(set)`: a list of ids in ascending order, each with the
/// number of sets that have it. Nulls are left out; of no rows it is empty.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct BitmapHistogram {
    signature: Signature,
}

impl BitmapHistogram {
    pub(super) fn new() -> Self {
        Self {
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

impl AggregateUDFImpl for BitmapHistogram {
    fn name(&self) -> &'static str {
        "bitmap_histogram"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::List(one_count()))
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [found] = take_function_args(self.name(), types)?;
        match is_summary(found) {
            true => Ok(vec![DataType::BinaryView]),
            false => plan_err!("`{}` takes sets of `bitmap_agg`, not {found}", self.name()),
        }
    }

    fn accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Histogram::default()))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let state = Field::new(args.name, DataType::List(one_count()), true);
        Ok(vec![Arc::new(state)])
    }
}

/// In how many sets each id was seen.
#[derive(Debug, Default)]
struct Histogram(Counts);

impl Histogram {
    fn list(&self) -> Result<ScalarValue> {
        let (ids, counts) = self.0.all();
        let (ids, counts) = (Int64Array::from(ids), Int64Array::from(counts));
        let all = StructArray::new(COUNTED.clone(), vec![Arc::new(ids), Arc::new(counts)], None);
        let one = OffsetBuffer::from_lengths([all.len()]);
        let list = ListArray::try_new(one_count(), one, Arc::new(all), None)
            .map_err(|e| exec_datafusion_err!("counts of ids make no list: {e}"))?;
        Ok(ScalarValue::List(Arc::new(list)))
    }
}

impl Accumulator for Histogram {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let [sets] = take_function_args("bitmap_histogram", values)?;
        for set in sets.as_binary_view().iter().flatten() {
            let set = read(set)?;
            let max = set.bounds().map_or(0, |(_, max)| max);
            self.0.reach(set.count(), max.cast_signed());
            set.each(|id| self.0.add(id.cast_signed(), 1));
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let [lists] = take_function_args("bitmap_histogram", states)?;
        for list in lists.as_list::<i32>().iter().flatten() {
            let counted = list.as_struct();
            let column = |at: usize| counted.column(at).as_primitive::<Int64Type>();
            let (ids, sets) = (column(0), column(1));
            let max = ids.values().last().copied().unwrap_or(0);
            self.0.reach(ids.len() as u64, max);
            for (id, sets) in ids.values().iter().zip(sets.values()) {
                self.0.add(*id, *sets);
            }
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.list()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.list()?])
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.0.bytes()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use datafusion::arrow::array::BinaryViewArray;
    use proptest::prelude::*;
    use roaring::RoaringTreemap;

    use super::super::to_bytes;
    use super::*;

    fn counts(sets: &[Vec<i64>]) -> Histogram {
        let sets = sets.iter().map(|ids| {
            let ids = ids.iter().map(|id| id.cast_unsigned());
            to_bytes(&ids.collect::<RoaringTreemap>()).unwrap()
        });
        let sets: ArrayRef = Arc::new(BinaryViewArray::from_iter_values(sets));
        let mut counts = Histogram::default();
        counts.update_batch(&[sets]).unwrap();
        counts
    }

    fn all(counts: &Histogram) -> Vec<(i64, i64)> {
        let (ids, sets) = counts.0.all();
        ids.into_iter().zip(sets).collect()
    }

    proptest! {
        #[test]
        fn each_id_is_counted_once_a_set(
            sets in prop::collection::vec(
                prop::collection::vec(
                    prop_oneof![8 => 0_i64..300, 2 => 60_000_i64..200_000, 1 => any::<i64>()],
                    0..200,
                ),
                0..12,
            ),
            cut in 0_usize..12,
        ) {
            let mut want: BTreeMap<i64, i64> = BTreeMap::new();
            for ids in &sets {
                let different: std::collections::BTreeSet<i64> = ids.iter().copied().collect();
                for id in different {
                    *want.entry(id).or_default() += 1;
                }
            }
            let want: Vec<(i64, i64)> = want.into_iter().collect();
            prop_assert_eq!(all(&counts(&sets)), want.clone());
            // In parts, as several threads count.
            let (one, two) = sets.split_at(cut.min(sets.len()));
            let mut whole = Histogram::default();
            for part in [one, two] {
                let states = counts(part).state().unwrap();
                let states = states.iter().map(|s| s.to_array().unwrap());
                whole.merge_batch(&states.collect::<Vec<_>>()).unwrap();
            }
            prop_assert_eq!(all(&whole), want);
        }
    }
}
