//! The aggregates of ids and sets; `bitmap_agg` and `bitmap_merge` themselves.

use std::sync::Arc;

use cinelake_kernels::Ids;
use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::common::Result;
use datafusion::logical_expr::AggregateUDF;

use super::histogram::BitmapHistogram;
use super::read;
use crate::engine::support::summaries::{self, Summary};

/// The aggregates.
pub(in crate::engine) fn aggregates() -> Vec<Arc<AggregateUDF>> {
    let mut aggregates = summaries::aggregates::<Ids>().to_vec();
    aggregates.push(Arc::new(AggregateUDF::from(BitmapHistogram::new())));
    aggregates
}

impl Summary for Ids {
    type Value = i64;

    const AGG: &str = "bitmap_agg";
    const MERGE: &str = "bitmap_merge";
    const TAKES: &str = "whole numbers";
    const SUMMARIES: &str = "sets of `bitmap_agg`";

    fn input(found: &DataType) -> Option<DataType> {
        (found.is_integer() || found.is_null()).then_some(DataType::Int64)
    }

    fn each(array: &ArrayRef, mut take: impl FnMut(usize, i64)) -> Result<()> {
        for (row, id) in array.as_primitive::<Int64Type>().iter().enumerate() {
            if let Some(id) = id {
                take(row, id);
            }
        }
        Ok(())
    }

    fn add(&mut self, id: i64) -> usize {
        self.insert(id)
    }

    fn merge(&mut self, summary: &[u8]) -> Result<usize> {
        Ok(self.merge_stored(&read(summary)?))
    }

    fn write(&mut self, bytes: &mut Vec<u8>) -> Result<()> {
        self.store(bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::Int64Array;
    use proptest::prelude::*;
    use roaring::RoaringTreemap;

    use super::super::to_bytes;
    use super::*;
    use crate::engine::support::summaries::tests::in_parts;

    proptest! {
        #[test]
        fn the_same_ids_give_the_same_bytes(
            ids in prop::collection::vec(prop_oneof![0_i64..200_000, any::<i64>()], 0..6000),
            cut in 0_usize..6000,
        ) {
            let array: ArrayRef = Arc::new(Int64Array::from(ids.clone()));
            let (whole, parts) = in_parts::<Ids>(&array, cut);
            prop_assert_eq!(&parts, &whole);
            // As others write it.
            let set: RoaringTreemap = ids.into_iter().map(i64::cast_unsigned).collect();
            prop_assert_eq!(to_bytes(&set).unwrap(), whole);
        }
    }
}
