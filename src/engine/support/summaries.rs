//! Aggregates whose answer is a value that can be stored and united later.
//!
//! Each [`Summary`] has two: one of values, one of summaries. What a group is
//! summed up by is also the state that partial groups hand on, so the two are
//! one computation; whatever the order of rows, the same bytes come of it.

use std::fmt::Debug;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BinaryViewBuilder, BooleanArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::utils::take_function_args;
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
};

/// What values of a group are summed up by.
pub(in crate::engine) trait Summary:
    Debug + Default + Send + Sync + 'static
{
    /// A value as it is added.
    type Value: Copy;

    /// The aggregate of values.
    const AGG: &str;
    /// The aggregate of summaries.
    const MERGE: &str;
    /// What the first takes, in words.
    const TAKES: &str;
    /// What the second takes, in words.
    const SUMMARIES: &str;

    /// The type as which values of type `found` are handed to [`Self::each`];
    /// none where they cannot be summed up.
    fn input(found: &DataType) -> Option<DataType>;

    /// The values of `array`, each with its row; nulls are left out.
    fn each(array: &ArrayRef, take: impl FnMut(usize, Self::Value)) -> Result<()>;

    /// Adds a value; gives the bytes of memory that took, about.
    fn add(&mut self, value: Self::Value) -> usize;

    /// Adds what `summary` sums up; gives the bytes of memory that took, about.
    fn merge(&mut self, summary: &[u8]) -> Result<usize>;

    /// Appends what is stored to `bytes`: the same for the same values in any
    /// order.
    fn write(&mut self, bytes: &mut Vec<u8>) -> Result<()>;
}

/// Whether values of the type can be summaries, however they were stored.
pub(in crate::engine) fn is_summary(kind: &DataType) -> bool {
    matches!(
        kind,
        DataType::BinaryView | DataType::Binary | DataType::LargeBinary | DataType::Null
    )
}

/// The two aggregates of a summary.
pub(in crate::engine) fn aggregates<S: Summary>() -> [Arc<AggregateUDF>; 2] {
    [Takes::Values, Takes::Summaries]
        .map(|takes| Arc::new(AggregateUDF::from(Aggregate::<S>::new(takes))))
}

/// What an aggregate adds up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Takes {
    Values,
    Summaries,
}

/// One of a summary's aggregates. Nulls are left out; of no rows it is the
/// summary of nothing.
#[derive(Debug)]
struct Aggregate<S> {
    takes: Takes,
    signature: Signature,
    of: PhantomData<S>,
}

impl<S: Summary> Aggregate<S> {
    fn new(takes: Takes) -> Self {
        Self {
            takes,
            signature: Signature::user_defined(Volatility::Immutable),
            of: PhantomData,
        }
    }
}

impl<S> PartialEq for Aggregate<S> {
    fn eq(&self, other: &Self) -> bool {
        self.takes == other.takes
    }
}

impl<S> Eq for Aggregate<S> {}

impl<S> Hash for Aggregate<S> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.takes.hash(state);
    }
}

impl<S: Summary> AggregateUDFImpl for Aggregate<S> {
    fn name(&self) -> &str {
        match self.takes {
            Takes::Values => S::AGG,
            Takes::Summaries => S::MERGE,
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
        let (taken, words) = match self.takes {
            Takes::Values => (S::input(found), S::TAKES),
            Takes::Summaries => (
                is_summary(found).then_some(DataType::BinaryView),
                S::SUMMARIES,
            ),
        };
        match taken {
            Some(taken) => Ok(vec![taken]),
            None => plan_err!("`{}` takes {words}, not {found}", self.name()),
        }
    }

    fn accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(OneGroup(PerGroup::<S>::new(self.takes))))
    }

    fn groups_accumulator_supported(&self, _: AccumulatorArgs<'_>) -> bool {
        true
    }

    fn create_groups_accumulator(
        &self,
        _: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(PerGroup::<S>::new(self.takes)))
    }

    fn default_value(&self, _: &DataType) -> Result<ScalarValue> {
        Ok(ScalarValue::BinaryView(Some(written(&mut S::default())?)))
    }
}

fn written<S: Summary>(summary: &mut S) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    summary.write(&mut bytes)?;
    Ok(bytes)
}

/// The summaries of many groups.
#[derive(Debug)]
pub(in crate::engine) struct PerGroup<S> {
    takes: Takes,
    groups: Vec<S>,
    /// Bytes that they hold, about.
    bytes: usize,
}

impl<S: Summary> PerGroup<S> {
    fn new(takes: Takes) -> Self {
        Self {
            takes,
            groups: Vec::new(),
            bytes: 0,
        }
    }

    /// For an aggregate of values with an answer of its own.
    pub(in crate::engine) fn of_values() -> Self {
        Self::new(Takes::Values)
    }

    /// The summaries of groups that are done with.
    pub(in crate::engine) fn take(&mut self, emit_to: EmitTo) -> Vec<S> {
        let before = self.groups.len().max(1);
        let groups = emit_to.take_needed(&mut self.groups);
        // Its share, about.
        self.bytes -= self.bytes / before * groups.len();
        if self.groups.is_empty() {
            self.bytes = 0;
        }
        groups
    }

    fn add(
        &mut self,
        takes: Takes,
        values: &ArrayRef,
        groups: &[usize],
        filter: Option<&BooleanArray>,
    ) -> Result<()> {
        let counts = |row: usize| filter.is_none_or(|f| f.is_valid(row) && f.value(row));
        match takes {
            Takes::Values if filter.is_none() => S::each(values, |row, value| {
                self.bytes += self.groups[groups[row]].add(value);
            }),
            Takes::Values => S::each(values, |row, value| {
                if counts(row) {
                    self.bytes += self.groups[groups[row]].add(value);
                }
            }),
            Takes::Summaries => {
                for (row, summary) in values.as_binary_view().iter().enumerate() {
                    if let Some(summary) = summary.filter(|_| counts(row)) {
                        self.bytes += self.groups[groups[row]].merge(summary)?;
                    }
                }
                Ok(())
            }
        }
    }
}

fn stored<S: Summary>(summaries: &mut [S]) -> Result<ArrayRef> {
    let mut array = BinaryViewBuilder::with_capacity(summaries.len());
    let mut bytes = Vec::new();
    for summary in summaries {
        bytes.clear();
        summary.write(&mut bytes)?;
        array.append_value(&bytes);
    }
    Ok(Arc::new(array.finish()))
}

impl<S: Summary> GroupsAccumulator for PerGroup<S> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        count: usize,
    ) -> Result<()> {
        self.groups.resize_with(count, S::default);
        self.add(self.takes, &values[0], groups, filter)
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], count: usize) -> Result<()> {
        self.groups.resize_with(count, S::default);
        self.add(Takes::Summaries, &states[0], groups, None)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let rows = values[0].len();
        let groups: Vec<usize> = (0..rows).collect();
        let mut alone = Self::new(self.takes);
        alone.update_batch(values, &groups, filter, rows)?;
        Ok(vec![stored(&mut alone.groups)?])
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        stored(&mut self.take(emit_to))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.evaluate(emit_to)?])
    }

    fn size(&self) -> usize {
        self.groups.capacity() * size_of::<S>() + self.bytes
    }
}

/// The summary of all rows, and of a window that grows.
#[derive(Debug)]
pub(in crate::engine) struct OneGroup<S>(PerGroup<S>);

impl<S: Summary> OneGroup<S> {
    /// For an aggregate of values with an answer of its own.
    pub(in crate::engine) fn of_values() -> Self {
        Self(PerGroup::of_values())
    }

    /// The summary so far.
    pub(in crate::engine) fn summary(&mut self) -> &mut S {
        self.0.groups.resize_with(1, S::default);
        &mut self.0.groups[0]
    }
}

impl<S: Summary> Accumulator for OneGroup<S> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0
            .update_batch(values, &vec![0; values[0].len()], None, 1)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.0.merge_batch(states, &vec![0; states[0].len()], 1)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::BinaryView(Some(written(self.summary())?)))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.0.size()
    }
}

#[cfg(test)]
pub(in crate::engine) mod tests {
    use super::*;

    /// What comes of `values` in one piece, and of its parts.
    pub(in crate::engine) fn in_parts<S: Summary>(
        values: &ArrayRef,
        cut: usize,
    ) -> (Vec<u8>, Vec<u8>) {
        let cut = cut.min(values.len());
        let mut whole = OneGroup::<S>::of_values();
        whole.update_batch(&[Arc::clone(values)]).unwrap();
        // The second part first, and row by row.
        let mut alone = PerGroup::<S>::of_values();
        let later = values.slice(cut, values.len() - cut);
        let states = alone.convert_to_state(&[later], None).unwrap();
        alone
            .merge_batch(&states, &vec![0; values.len() - cut], 1)
            .unwrap();
        let mut parts = OneGroup::<S>::of_values();
        parts
            .merge_batch(&alone.state(EmitTo::All).unwrap())
            .unwrap();
        parts.update_batch(&[values.slice(0, cut)]).unwrap();
        (
            written(whole.summary()).unwrap(),
            written(parts.summary()).unwrap(),
        )
    }
}
