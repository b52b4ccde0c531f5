use datafusion::arrow::array::{Float64Array, Int64Array};
use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::datasource::MemTable;
use datafusion::execution::SessionStateBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};
use proptest::prelude::*;

use super::*;
use crate::engine::support::each::Each;

async fn answer(rows: &RecordBatch, batch_size: usize, own: bool, sql: &str) -> (String, bool) {
    let config = SessionConfig::new()
        .with_batch_size(batch_size)
        .with_target_partitions(2);
    let mut state = SessionStateBuilder::new_with_default_features().with_config(config);
    if own {
        state = state.with_physical_optimizer_rule(Arc::new(Each(RankInOrder)));
    }
    let context = SessionContext::new_with_state(state.build());
    let table = MemTable::try_new(rows.schema(), vec![vec![rows.clone()]]).unwrap();
    context.register_table("t", Arc::new(table)).unwrap();
    let frame = context.sql(sql).await.unwrap();
    let plan = frame.clone().create_physical_plan().await.unwrap();
    let shown = datafusion::physical_plan::displayable(plan.as_ref()).indent(false);
    let is_own = shown.to_string().contains("RankRows");
    let rows = frame.collect().await.unwrap();
    (pretty_format_batches(&rows).unwrap().to_string(), is_own)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn ranks_are_those_of_the_window(
        rows in prop::collection::vec(
            (prop::option::of(0_i64..5), prop::option::of(0_i64..4), any::<bool>()),
            0..120,
        ),
        batch_size in 1_usize..40,
    ) {
        let keys: ArrayRef = Arc::new(rows.iter().map(|row| row.0).collect::<Int64Array>());
        let order: ArrayRef = Arc::new(rows.iter().map(|row| row.1).collect::<Int64Array>());
        // Zeros of either sign, and what is no number.
        let float = |(_, by, odd): &(Option<i64>, Option<i64>, bool)| match by {
            Some(0) => Some(if *odd { -0.0 } else { 0.0 }),
            Some(1) => Some(f64::NAN),
            by => by.map(|_| 2.5),
        };
        let floats: ArrayRef = Arc::new(rows.iter().map(float).collect::<Float64Array>());
        let ids: ArrayRef = Arc::new((0..).take(rows.len()).collect::<Int64Array>());
        let batch = RecordBatch::try_from_iter_with_nullable([
            ("k", keys, true),
            ("o", order, true),
            ("f", floats, true),
            ("id", ids, true),
        ]).unwrap();
        let windows = [
            "partition by k order by o, id",
            "partition by k, f order by o desc nulls last, id",
            "partition by f order by k, id",
            "order by o, id",
        ];
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for window in windows {
            let peers = window.replace(", id", "");
            let sql = format!(
                "select *, row_number() over ({window}) as r, rank() over ({peers}) as p, \
                 dense_rank() over ({peers}) as d from t order by id"
            );
            let (want, no) = runtime.block_on(answer(&batch, batch_size, false, &sql));
            let (own, yes) = runtime.block_on(answer(&batch, batch_size, true, &sql));
            prop_assert!(yes && !no, "{}", sql);
            prop_assert_eq!(own, want, "{}", sql);
        }
    }
}
