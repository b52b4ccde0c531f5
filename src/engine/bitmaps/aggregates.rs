//! The aggregates of ids and sets; `bitmap_agg` and `bitmap_merge` themselves.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::logical_expr::AggregateUDF;
use roaring::RoaringTreemap;

use super::super::summaries::{self, Summary};
use super::from_bytes;
use super::histogram::BitmapHistogram;

/// The aggregates.
pub(in crate::engine) fn aggregates() -> Vec<Arc<AggregateUDF>> {
    let mut aggregates = summaries::aggregates::<RoaringTreemap>().to_vec();
    aggregates.push(Arc::new(AggregateUDF::from(BitmapHistogram::new())));
    aggregates
}

impl Summary for RoaringTreemap {
    type Value = u64;

    const AGG: &str = "bitmap_agg";
    const MERGE: &str = "bitmap_merge";
    const TAKES: &str = "whole numbers";
    const SUMMARIES: &str = "sets of `bitmap_agg`";

    fn input(found: &DataType) -> Option<DataType> {
        (found.is_integer() || found.is_null()).then_some(DataType::Int64)
    }

    fn each(array: &ArrayRef, mut take: impl FnMut(usize, u64)) -> Result<()> {
        for (row, id) in array.as_primitive::<Int64Type>().iter().enumerate() {
            if let Some(id) = id {
                take(row, id.cast_unsigned());
            }
        }
        Ok(())
    }

    fn add(&mut self, id: u64) -> usize {
        self.insert(id);
        2
    }

    fn merge(&mut self, summary: &[u8]) -> Result<usize> {
        *self |= from_bytes(summary)?;
        Ok(summary.len())
    }

    fn write(&self, bytes: &mut Vec<u8>) -> Result<()> {
        bytes.reserve(self.serialized_size());
        self.serialize_into(bytes)
            .map_err(|e| exec_datafusion_err!("a set of ids cannot be written: {e}"))
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::Int64Array;
    use proptest::prelude::*;

    use super::super::super::summaries::tests::in_parts;
    use super::*;

    proptest! {
        #[test]
        fn the_same_ids_give_the_same_bytes(
            ids in prop::collection::vec(prop_oneof![0_i64..200_000, any::<i64>()], 0..6000),
            cut in 0_usize..6000,
        ) {
            let array: ArrayRef = Arc::new(Int64Array::from(ids.clone()));
            let (whole, parts) = in_parts::<RoaringTreemap>(&array, cut);
            prop_assert_eq!(&parts, &whole);
            let different: std::collections::BTreeSet<i64> = ids.into_iter().collect();
            prop_assert_eq!(from_bytes(&whole).unwrap().len(), different.len() as u64);
        }
    }
}
