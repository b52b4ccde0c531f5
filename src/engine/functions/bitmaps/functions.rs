//! The functions of one or two sets.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, AsArray, BinaryViewArray, Int64Array, Int64Builder, ListBuilder,
};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::utils::take_function_args;
use datafusion::common::{Result, exec_datafusion_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::pairs::{Overlaps, combined};
use super::{read, to_bytes};
use crate::engine::support::summaries::is_summary;

/// The functions of sets.
pub(in crate::engine) fn functions() -> Vec<Arc<ScalarUDF>> {
    let operations = [
        Operation::Count,
        Operation::And,
        Operation::Or,
        Operation::AndNot,
        Operation::Overlap,
        Operation::Values,
    ];
    operations
        .map(|operation| Arc::new(ScalarUDF::from(SetFunction::new(operation))))
        .to_vec()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Operation {
    Count,
    And,
    Or,
    AndNot,
    Overlap,
    Values,
}

/// A function of one or two sets.
#[derive(Debug)]
struct SetFunction {
    operation: Operation,
    signature: Signature,
    overlaps: Overlaps,
}

impl PartialEq for SetFunction {
    fn eq(&self, other: &Self) -> bool {
        self.operation == other.operation
    }
}

impl Eq for SetFunction {}

impl Hash for SetFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.operation.hash(state);
    }
}

impl SetFunction {
    fn new(operation: Operation) -> Self {
        Self {
            operation,
            signature: Signature::user_defined(Volatility::Immutable),
            overlaps: Overlaps::default(),
        }
    }
}

impl ScalarUDFImpl for SetFunction {
    fn name(&self) -> &str {
        match self.operation {
            Operation::Count => "bitmap_count",
            Operation::And => "bitmap_and",
            Operation::Or => "bitmap_or",
            Operation::AndNot => "bitmap_and_not",
            Operation::Overlap => "bitmap_overlap",
            Operation::Values => "bitmap_values",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(match self.operation {
            Operation::Count | Operation::Overlap => DataType::Int64,
            Operation::And | Operation::Or | Operation::AndNot => DataType::BinaryView,
            Operation::Values => DataType::new_list(DataType::Int64, true),
        })
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match self.operation {
            Operation::Count | Operation::Values => {
                let [_] = take_function_args(self.name(), types)?;
            }
            _ => {
                let [_, _] = take_function_args(self.name(), types)?;
            }
        }
        match types.iter().find(|kind| !is_summary(kind)) {
            Some(found) => plan_err!("`{}` takes sets of `bitmap_agg`, not {found}", self.name()),
            None => Ok(vec![DataType::BinaryView; types.len()]),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let sets: Vec<&BinaryViewArray> = arrays.iter().map(|a| a.as_binary_view()).collect();
        let result: ArrayRef = match (self.operation, sets.as_slice()) {
            (Operation::Count, [sets]) => {
                let count = |set: &[u8]| read(set).and_then(|set| counted(set.count()));
                let counts = sets.iter().map(|set| set.map(count).transpose());
                Arc::new(counts.collect::<Result<Int64Array>>()?)
            }
            (Operation::Values, [sets]) => {
                let mut lists = ListBuilder::new(Int64Builder::new());
                for set in *sets {
                    match set {
                        Some(set) => {
                            let values = lists.values();
                            read(set)?.each(|id| values.append_value(id.cast_signed()));
                            lists.append(true);
                        }
                        None => lists.append_null(),
                    }
                }
                Arc::new(lists.finish())
            }
            (Operation::Overlap, [left, right]) => {
                let shared = self.overlaps.count(left, right)?.into_iter();
                let counts = shared.map(|n| n.map(counted).transpose());
                Arc::new(counts.collect::<Result<Int64Array>>()?)
            }
            (operation, [left, right]) => {
                let sets = combined(left, right, |l, r| {
                    to_bytes(&match operation {
                        Operation::And => l & r,
                        Operation::Or => l | r,
                        _ => l - r,
                    })
                })?;
                Arc::new(sets.into_iter().collect::<BinaryViewArray>())
            }
            _ => return plan_err!("`{}` was given other arguments", self.name()),
        };
        Ok(ColumnarValue::Array(result))
    }
}

fn counted(n: u64) -> Result<i64> {
    i64::try_from(n).map_err(|_| exec_datafusion_err!("a set has more than 2^63 ids"))
}
