//! The aggregate beneath: values counted, some quantiles as a struct.

use std::sync::Arc;

use cinelake_kernels::{Ranks, Tally};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, StructArray};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields, Float64Type};
use datafusion::common::{Result, ScalarValue, exec_datafusion_err, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
};

use crate::engine::support::summaries::{OneGroup, PerGroup, Summary};

/// A share of the values, and from which end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quantile {
    pub(super) share: f64,
    pub(super) descending: bool,
}

/// How the aggregate is called in plans.
pub(super) const NAME: &str = "quantiles";

/// The field of the quantile at this place.
pub(super) fn field_name(at: usize) -> String {
    format!("q{at}")
}

/// Some quantiles of one column, as a struct.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Quantiles {
    /// The bits of each share, and whether it is from the top.
    quantiles: Vec<(u64, bool)>,
    distinct: bool,
    signature: Signature,
}

impl Quantiles {
    pub(super) fn new(quantiles: &[Quantile], distinct: bool) -> Self {
        let told = quantiles.iter().map(|q| (q.share.to_bits(), q.descending));
        Self {
            quantiles: told.collect(),
            distinct,
            signature: Signature::exact(vec![DataType::Float64], Volatility::Immutable),
        }
    }

    fn fields(&self) -> Fields {
        let field = |at| Field::new(field_name(at), DataType::Float64, true);
        (0..self.quantiles.len()).map(field).collect()
    }

    fn answer(&self) -> Answer {
        Answer {
            quantiles: self
                .quantiles
                .iter()
                .map(|(share, descending)| Quantile {
                    share: f64::from_bits(*share),
                    descending: *descending,
                })
                .collect(),
            distinct: self.distinct,
            fields: self.fields(),
        }
    }
}

impl AggregateUDFImpl for Quantiles {
    fn name(&self) -> &'static str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [DataType::Float64] => Ok(DataType::Struct(self.fields())),
            _ => plan_err!("quantiles are of doubles"),
        }
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let tally = Field::new(args.name, DataType::BinaryView, true);
        Ok(vec![Arc::new(tally)])
    }

    fn accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(OfAll(OneGroup::of_values(), self.answer())))
    }

    fn groups_accumulator_supported(&self, _: AccumulatorArgs<'_>) -> bool {
        true
    }

    fn create_groups_accumulator(
        &self,
        _: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(OfGroups(PerGroup::of_values(), self.answer())))
    }
}

/// A double as a number that has its place in the order of doubles; zero has no
/// sign, and what is no number comes last.
fn key_of(value: f64) -> i64 {
    let value = if value.is_nan() {
        f64::NAN
    } else {
        value + 0.0
    };
    let bits = value.to_bits().cast_signed();
    bits ^ ((bits >> 63).cast_unsigned() >> 1).cast_signed()
}

fn value_of(key: i64) -> f64 {
    f64::from_bits((key ^ ((key >> 63).cast_unsigned() >> 1).cast_signed()).cast_unsigned())
}

/// Bytes of a counted value.
const COUNTED: usize = 16;

impl Summary for Tally {
    type Value = i64;

    const AGG: &str = NAME;
    const MERGE: &str = NAME;
    const TAKES: &str = "doubles";
    const SUMMARIES: &str = "counts of values";

    fn input(found: &DataType) -> Option<DataType> {
        (*found == DataType::Float64).then_some(DataType::Float64)
    }

    fn each(array: &ArrayRef, mut take: impl FnMut(usize, i64)) -> Result<()> {
        let values = array.as_primitive::<Float64Type>();
        if values.null_count() == 0 {
            for (row, value) in values.values().iter().enumerate() {
                take(row, key_of(*value));
            }
            return Ok(());
        }
        for (row, value) in values.iter().enumerate() {
            if let Some(value) = value {
                take(row, key_of(value));
            }
        }
        Ok(())
    }

    fn add(&mut self, key: i64) -> usize {
        Tally::add(self, key, 1)
    }

    fn merge(&mut self, summary: &[u8]) -> Result<usize> {
        let grown = read(self, summary);
        grown.ok_or_else(|| exec_datafusion_err!("these are no counts of values"))
    }

    /// How many values are counted, those with their counts, and the others.
    /// Unlike other summaries these bytes are never stored, and in no order.
    fn write(&mut self, bytes: &mut Vec<u8>) -> Result<()> {
        let (counted, single) = self.parts();
        let start = bytes.len();
        bytes.extend([0; 8]);
        let mut different = 0_u64;
        for (value, times) in counted {
            bytes.extend(value.to_le_bytes());
            bytes.extend(times.to_le_bytes());
            different += 1;
        }
        bytes[start..start + 8].copy_from_slice(&different.to_le_bytes());
        bytes.reserve(8 * single.len());
        single
            .iter()
            .for_each(|value| bytes.extend(value.to_le_bytes()));
        Ok(())
    }
}

/// Adds what [`Summary::write`] wrote; gives the bytes that took.
fn read(tally: &mut Tally, bytes: &[u8]) -> Option<usize> {
    let (different, rest) = bytes.split_first_chunk::<8>()?;
    let different = usize::try_from(u64::from_le_bytes(*different)).ok()?;
    let (counted, single) = rest.split_at_checked(different.checked_mul(COUNTED)?)?;
    let mut grown = 0;
    for pair in counted.as_chunks::<COUNTED>().0 {
        let (value, times) = pair.split_first_chunk::<8>()?;
        let times = u64::from_le_bytes(*times.first_chunk::<8>()?);
        grown += tally.add(i64::from_le_bytes(*value), times);
    }
    for value in single.as_chunks::<8>().0 {
        grown += tally.add(i64::from_le_bytes(*value), 1);
    }
    Some(grown)
}

/// Which quantiles are answered.
#[derive(Debug)]
struct Answer {
    quantiles: Vec<Quantile>,
    distinct: bool,
    fields: Fields,
}

impl Answer {
    fn of(&self, tallies: Vec<Tally>) -> Result<ArrayRef> {
        let mut columns = vec![Vec::with_capacity(tallies.len()); self.quantiles.len()];
        for tally in tallies {
            let tally = if self.distinct {
                tally.distinct()
            } else {
                tally
            };
            let mut ranks = tally.into_ranks();
            for (column, quantile) in columns.iter_mut().zip(&self.quantiles) {
                column.push(quantile_of(&mut ranks, *quantile));
            }
        }
        let columns = columns
            .into_iter()
            .map(|column| Arc::new(Float64Array::from(column)) as ArrayRef);
        let answers = StructArray::try_new(self.fields.clone(), columns.collect(), None)
            .map_err(|e| exec_datafusion_err!("quantiles make no struct: {e}"))?;
        Ok(Arc::new(answers))
    }
}

/// The value at rank q (n - 1), between its neighbours in proportion; null of
/// no values.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a rank is between 0 and the count"
)]
fn quantile_of(ranks: &mut Ranks, quantile: Quantile) -> Option<f64> {
    let last = ranks.len().checked_sub(1)?;
    let rank = quantile.share * last as f64;
    let mut at = |rank: f64| {
        let rank = (rank as u64).min(last);
        let from_least = if quantile.descending {
            last - rank
        } else {
            rank
        };
        ranks.at(from_least).map(value_of)
    };
    let (lower, upper) = (at(rank.floor())?, at(rank.ceil())?);
    let (share, between) = (rank.fract(), upper - lower);
    Some(if lower == upper {
        lower
    } else if between.is_finite() {
        lower + between * share
    } else {
        lower * (1.0 - share) + upper * share
    })
}

/// The values of each group.
#[derive(Debug)]
struct OfGroups(PerGroup<Tally>, Answer);

impl GroupsAccumulator for OfGroups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        count: usize,
    ) -> Result<()> {
        self.0.update_batch(values, groups, filter, count)
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], count: usize) -> Result<()> {
        self.0.merge_batch(states, groups, count)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        self.0.convert_to_state(values, filter)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let tallies = self.0.take(emit_to);
        self.1.of(tallies)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        self.0.state(emit_to)
    }

    fn size(&self) -> usize {
        self.0.size()
    }
}

/// The values of all rows.
#[derive(Debug)]
struct OfAll(OneGroup<Tally>, Answer);

impl Accumulator for OfAll {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0.update_batch(values)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.0.merge_batch(states)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        // Windows that grow ask again.
        let tally = self.0.summary().clone();
        ScalarValue::try_from_array(&self.1.of(vec![tally])?, 0)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.0.state()
    }

    fn size(&self) -> usize {
        self.0.size()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn keys_are_in_the_order_of_values(one in any::<f64>(), other in any::<f64>()) {
            let order = match (one.is_nan(), other.is_nan()) {
                (false, false) => one.partial_cmp(&other).unwrap(),
                (one, other) => one.cmp(&other),
            };
            prop_assert_eq!(key_of(one).cmp(&key_of(other)), order);
            let back = value_of(key_of(one));
            prop_assert!(back == one || back.is_nan() && one.is_nan());
        }
    }
}
