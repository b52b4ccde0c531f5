//! An aggregate that is DataFusion's but for what a correction replaces.

/// Has the methods of an `AggregateUDFImpl` that a correction leaves alone answered
/// by the aggregate in the field `inner`.
macro_rules! as_inner {
    () => {
        fn name(&self) -> &str {
            self.inner.name()
        }

        fn aliases(&self) -> &[String] {
            self.inner.aliases()
        }

        fn return_field(
            &self,
            fields: &[datafusion::arrow::datatypes::FieldRef],
        ) -> datafusion::common::Result<datafusion::arrow::datatypes::FieldRef> {
            datafusion::logical_expr::udaf_default_return_field(self, fields)
        }

        fn is_nullable(&self) -> bool {
            self.inner.is_nullable()
        }

        fn order_sensitivity(&self) -> datafusion::logical_expr::utils::AggregateOrderSensitivity {
            self.inner.order_sensitivity()
        }

        fn reverse_expr(&self) -> datafusion::logical_expr::ReversedUDAF {
            datafusion::logical_expr::ReversedUDAF::Identical
        }

        fn is_descending(&self) -> Option<bool> {
            self.inner.is_descending()
        }

        fn documentation(&self) -> Option<&datafusion::logical_expr::Documentation> {
            self.inner.documentation()
        }
    };
}

pub(super) use as_inner;
