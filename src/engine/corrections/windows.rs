//! Window functions whose answers DataFusion has wrong, or of a type that wraps.
//!
//! `lead … ignore nulls` of rows that come one by one forgets nulls in between
//! (apache/datafusion#25471), so it sees its whole partition here. Ranks are
//! unsigned there, and their differences wrap around: here they are `bigint`.

use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::compute::{SortOptions, cast};
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::execution::SessionStateDefaults;
use datafusion::logical_expr::function::{
    ExpressionArgs, PartitionEvaluatorArgs, WindowFunctionSimplification, WindowUDFFieldArgs,
};
use datafusion::logical_expr::window_state::WindowAggState;
use datafusion::logical_expr::{
    Documentation, LimitEffect, PartitionEvaluator, ReversedUDWF, Signature, WindowUDF,
    WindowUDFImpl,
};
use datafusion::physical_expr::PhysicalExpr;

/// DataFusion's window functions, some of them with another in their place.
pub(in crate::engine) fn windows() -> Vec<Arc<WindowUDF>> {
    let all = SessionStateDefaults::default_window_functions().into_iter();
    let corrected = all.map(|inner| {
        let how = match inner.name() {
            "row_number" | "rank" | "dense_rank" | "ntile" => How::Signed,
            "lead" | "lag" => How::Whole,
            _ => return inner,
        };
        Arc::new(WindowUDF::from(Corrected { inner, how }))
    });
    corrected.collect()
}

/// What is another than with DataFusion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum How {
    /// Its numbers are `bigint`.
    Signed,
    /// Where it ignores nulls, it sees its partition whole.
    Whole,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Corrected {
    inner: Arc<WindowUDF>,
    how: How,
}

impl WindowUDFImpl for Corrected {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn expressions(&self, args: ExpressionArgs) -> Vec<Arc<dyn PhysicalExpr>> {
        self.inner.expressions(args)
    }

    fn partition_evaluator(
        &self,
        args: PartitionEvaluatorArgs,
    ) -> Result<Box<dyn PartitionEvaluator>> {
        let ignores_nulls = args.ignore_nulls();
        let inner = self.inner.partition_evaluator_factory(args)?;
        Ok(match self.how {
            How::Whole if !ignores_nulls => inner,
            how => Box::new(Evaluator { inner, how }),
        })
    }

    fn simplify(&self) -> Option<WindowFunctionSimplification> {
        self.inner.simplify()
    }

    fn field(&self, args: WindowUDFFieldArgs) -> Result<FieldRef> {
        let field = self.inner.field(args)?;
        Ok(match self.how {
            How::Signed => Arc::new(field.as_ref().clone().with_data_type(DataType::Int64)),
            How::Whole => field,
        })
    }

    fn sort_options(&self) -> Option<SortOptions> {
        self.inner.sort_options()
    }

    fn coerce_types(&self, kinds: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(kinds)
    }

    fn reverse_expr(&self) -> ReversedUDWF {
        match (self.how, self.inner.reverse_expr()) {
            (How::Signed, ReversedUDWF::Identical) => ReversedUDWF::Identical,
            // That of `lead` is a `lag` which is not in its place.
            _ => ReversedUDWF::NotSupported,
        }
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }

    fn limit_effect(&self, args: &[Arc<dyn PhysicalExpr>]) -> LimitEffect {
        match self.how {
            How::Signed => self.inner.inner().limit_effect(args),
            // Which rows it looks at, nulls decide.
            How::Whole => LimitEffect::Unknown,
        }
    }
}

/// The function of one partition.
#[derive(Debug)]
struct Evaluator {
    inner: Box<dyn PartitionEvaluator>,
    how: How,
}

impl Evaluator {
    fn column(&self, numbers: ArrayRef) -> Result<ArrayRef> {
        match self.how {
            How::Signed => Ok(cast(&numbers, &DataType::Int64)?),
            How::Whole => Ok(numbers),
        }
    }
}

impl PartitionEvaluator for Evaluator {
    fn memoize(&mut self, state: &mut WindowAggState) -> Result<()> {
        self.inner.memoize(state)
    }

    fn get_range(&self, at: usize, rows: usize) -> Result<Range<usize>> {
        self.inner.get_range(at, rows)
    }

    fn is_causal(&self) -> bool {
        self.inner.is_causal()
    }

    fn evaluate_all(&mut self, values: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        let all = self.inner.evaluate_all(values, rows)?;
        self.column(all)
    }

    fn evaluate(&mut self, values: &[ArrayRef], range: &Range<usize>) -> Result<ScalarValue> {
        let value = self.inner.evaluate(values, range)?;
        match self.how {
            How::Signed => value.cast_to(&DataType::Int64),
            How::Whole => Ok(value),
        }
    }

    fn evaluate_all_with_rank(&self, rows: usize, ranks: &[Range<usize>]) -> Result<ArrayRef> {
        let all = self.inner.evaluate_all_with_rank(rows, ranks)?;
        self.column(all)
    }

    fn supports_bounded_execution(&self) -> bool {
        self.how == How::Signed && self.inner.supports_bounded_execution()
    }

    fn uses_window_frame(&self) -> bool {
        self.inner.uses_window_frame()
    }

    fn include_rank(&self) -> bool {
        self.inner.include_rank()
    }
}
