//! `bitmap_histogram`: in how many sets each id is.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array, ListArray, StructArray};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields, Int64Type};
use datafusion::common::utils::take_function_args;
use datafusion::common::{Result, ScalarValue, exec_datafusion_err, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, Signature, Volatility};

use super::{from_bytes, is_set};

/// Possible ids for each one that is counted, up to which counts are laid out
/// by id: that takes about the memory of a map.
const SPREAD: u64 = 16;
/// Ids that are laid out in any case.
const LAID_OUT: u64 = 1 << 16;

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
        match is_set(found) {
            true => Ok(vec![DataType::BinaryView]),
            false => plan_err!("`{}` takes sets of `bitmap_agg`, not {found}", self.name()),
        }
    }

    fn accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Counts::default()))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let state = Field::new(args.name, DataType::List(one_count()), true);
        Ok(vec![Arc::new(state)])
    }
}

/// How often each id was seen.
#[derive(Debug, Default)]
struct Counts {
    /// By id, from 0 on.
    close: Vec<i64>,
    /// Those beyond.
    far: HashMap<u64, i64>,
    /// Ids seen at least, each counted once for the largest set.
    different: u64,
}

impl Counts {
    /// Makes room for ids up to `max`, of which `ids` at least are there.
    fn reach(&mut self, ids: u64, max: u64) {
        self.different = self.different.max(ids);
        let wanted = max.saturating_add(1);
        if wanted <= LAID_OUT.max(self.different.saturating_mul(SPREAD))
            && let Ok(wanted) = usize::try_from(wanted)
            && wanted > self.close.len()
        {
            self.close.resize(wanted, 0);
        }
    }

    fn add(&mut self, id: u64, sets: i64) {
        let at = usize::try_from(id).ok();
        match at.and_then(|at| self.close.get_mut(at)) {
            Some(count) => *count += sets,
            None => *self.far.entry(id).or_default() += sets,
        }
    }

    /// Every id with its count, in ascending order as signed numbers.
    fn all(&self) -> (Int64Array, Int64Array) {
        // What came before there was room for it has two counts.
        let mut far: BTreeMap<i64, i64> = BTreeMap::new();
        for (id, sets) in &self.far {
            *far.entry(id.cast_signed()).or_default() += sets;
        }
        let (mut ids, mut counts) = (Vec::new(), Vec::new());
        let mut push = |id, sets| {
            ids.push(id);
            counts.push(sets);
        };
        for (id, sets) in far.range(..0) {
            push(*id, *sets);
        }
        for (id, sets) in (0_i64..).zip(&self.close) {
            let sets = sets
                + if self.far.is_empty() {
                    0
                } else {
                    far.remove(&id).unwrap_or(0)
                };
            if sets > 0 {
                push(id, sets);
            }
        }
        for (id, sets) in far.range(0..) {
            push(*id, *sets);
        }
        (ids.into(), counts.into())
    }

    fn list(&self) -> Result<ScalarValue> {
        let (ids, counts) = self.all();
        let all = StructArray::new(COUNTED.clone(), vec![Arc::new(ids), Arc::new(counts)], None);
        let one = OffsetBuffer::from_lengths([all.len()]);
        let list = ListArray::try_new(one_count(), one, Arc::new(all), None)
            .map_err(|e| exec_datafusion_err!("counts of ids make no list: {e}"))?;
        Ok(ScalarValue::List(Arc::new(list)))
    }
}

impl Accumulator for Counts {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let [sets] = take_function_args("bitmap_histogram", values)?;
        for set in sets.as_binary_view().iter().flatten() {
            let set = from_bytes(set)?;
            self.reach(set.len(), set.max().unwrap_or(0));
            for id in &set {
                self.add(id, 1);
            }
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let [lists] = take_function_args("bitmap_histogram", states)?;
        for list in lists.as_list::<i32>().iter().flatten() {
            let counted = list.as_struct();
            let column = |at: usize| counted.column(at).as_primitive::<Int64Type>();
            let (ids, sets) = (column(0), column(1));
            let max = ids.values().last().map_or(0, |id| id.cast_unsigned());
            self.reach(ids.len() as u64, max);
            for (id, sets) in ids.values().iter().zip(sets.values()) {
                self.add(id.cast_unsigned(), *sets);
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
        size_of_val(self)
            + self.close.capacity() * size_of::<i64>()
            + self.far.capacity() * 2 * size_of::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::BinaryViewArray;
    use proptest::prelude::*;
    use roaring::RoaringTreemap;

    use super::super::to_bytes;
    use super::*;

    fn counts(sets: &[Vec<i64>]) -> Counts {
        let sets = sets.iter().map(|ids| {
            let ids = ids.iter().map(|id| id.cast_unsigned());
            to_bytes(&ids.collect::<RoaringTreemap>()).unwrap()
        });
        let sets: ArrayRef = Arc::new(BinaryViewArray::from_iter_values(sets));
        let mut counts = Counts::default();
        counts.update_batch(&[sets]).unwrap();
        counts
    }

    fn all(counts: &Counts) -> Vec<(i64, i64)> {
        let (ids, sets) = counts.all();
        ids.values()
            .iter()
            .copied()
            .zip(sets.values().iter().copied())
            .collect()
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
            let mut whole = Counts::default();
            for part in [one, two] {
                let states = counts(part).state().unwrap();
                let states = states.iter().map(|s| s.to_array().unwrap());
                whole.merge_batch(&states.collect::<Vec<_>>()).unwrap();
            }
            prop_assert_eq!(all(&whole), want);
        }
    }
}
