use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Decimal128Array, Float64Array, Int64Array, StringArray, UInt64Array,
};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::datasource::MemTable;
use datafusion::execution::SessionStateBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};
use proptest::prelude::*;

use super::*;
use crate::engine::rules::rank_in_order::RankInOrder;
use crate::engine::support::each::Each;

async fn answer(
    rows: &RecordBatch,
    batch_size: usize,
    threads: usize,
    own: bool,
    sql: &str,
) -> (String, bool) {
    let config = SessionConfig::new()
        .with_batch_size(batch_size)
        .with_target_partitions(threads);
    let mut state = SessionStateBuilder::new_with_default_features()
        .with_config(config)
        .with_physical_optimizer_rule(Arc::new(Each(RankInOrder)));
    if own {
        state = state.with_physical_optimizer_rule(Arc::new(Each(FirstOfEach)));
    }
    let context = SessionContext::new_with_state(state.build());
    let table = MemTable::try_new(rows.schema(), vec![vec![rows.clone()]]).unwrap();
    context.register_table("t", Arc::new(table)).unwrap();
    let frame = context.sql(sql).await.unwrap();
    let plan = frame.clone().create_physical_plan().await.unwrap();
    let shown = datafusion::physical_plan::displayable(plan.as_ref()).indent(false);
    let is_own = shown.to_string().contains("FirstRows");
    let rows = frame.collect().await.unwrap();
    (pretty_format_batches(&rows).unwrap().to_string(), is_own)
}

/// Partition, order and a bit.
type Row = (Option<i64>, Option<i64>, bool);

fn table(rows: &[Row]) -> RecordBatch {
    let by = |of: fn(&Row) -> Option<i64>| rows.iter().map(of);
    let k: ArrayRef = Arc::new(by(|row| row.0).collect::<Int64Array>());
    let o: ArrayRef = Arc::new(by(|row| row.1).collect::<Int64Array>());
    let u: ArrayRef = Arc::new(
        by(|row| row.1)
            .map(|o| {
                Some(u64::MAX / 2 + 2)
                    .zip(o)
                    .map(|(m, o)| m.wrapping_add_signed(o - 3))
            })
            .collect::<UInt64Array>(),
    );
    let float = |(_, by, odd): &Row| match by {
        Some(0) => Some(if *odd { -0.0 } else { 0.0 }),
        Some(1) => Some(f64::NAN),
        by => by.map(|_| 2.5),
    };
    let f: ArrayRef = Arc::new(rows.iter().map(float).collect::<Float64Array>());
    let wide = |by: Option<i64>| Some(i128::from(by?) * 10_i128.pow(20));
    let d: ArrayRef = Arc::new(by(|row| row.1).map(wide).collect::<Decimal128Array>());
    let text = |by: Option<i64>| Some(format!("of equal beginnings {}", by?));
    let s: ArrayRef = Arc::new(by(|row| row.1).map(text).collect::<StringArray>());
    let b: ArrayRef = Arc::new(rows.iter().map(|row| Some(row.2)).collect::<BooleanArray>());
    let id: ArrayRef = Arc::new((0..).take(rows.len()).collect::<Int64Array>());
    let columns = [
        ("k", k),
        ("o", o),
        ("u", u),
        ("f", f),
        ("d", d),
        ("s", s),
        ("b", b),
        ("id", id),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, values)| (name, values, true)))
        .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_first_rows_are_those_of_the_window(
        rows in prop::collection::vec(
            (prop::option::of(0_i64..5), prop::option::of(0_i64..6), any::<bool>()),
            0..120,
        ),
        batch_size in 1_usize..40,
        threads in 1_usize..3,
    ) {
        let batch = table(&rows);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let windows = [
            ("partition by k order by o, id", "row_number", "= 1"),
            ("partition by k, b order by o desc, id desc", "row_number", "<= 2"),
            ("partition by s order by u desc nulls last, id", "row_number", "< 3"),
            ("partition by k order by f, id", "row_number", "= 2"),
            ("partition by k order by d desc nulls last", "rank", "<= 2"),
            ("partition by k order by s, o", "rank", "= 1"),
            ("partition by s, b order by b desc, k", "dense_rank", "= 1"),
        ];
        // A grouping's columns get their names above the sort.
        let grouped = "select k, o, max(u) as u, max(f) as f, max(d) as d, max(s) as s, b, id \
                       from t group by k, o, b, id";
        let windows = windows.iter().flat_map(|window| [("select * from t", window), (grouped, window)]);
        for (rows, (window, function, condition)) in windows {
            let sql = format!(
                "select k, o, b, id, r from (select *, {function}() over ({window}) as r from ({rows})) \
                 where r {condition} and coalesce(o, 0) < 5 order by id"
            );
            let (want, no) = runtime.block_on(answer(&batch, batch_size, threads, false, &sql));
            let (own, yes) = runtime.block_on(answer(&batch, batch_size, threads, true, &sql));
            prop_assert!(yes && !no, "{}", sql);
            prop_assert_eq!(own, want, "{}", sql);
        }
    }
}

#[tokio::test]
async fn other_conditions_keep_all_rows() {
    let batch = table(&[(Some(1), Some(2), true), (Some(1), Some(3), false)]);
    for (window, condition) in [
        ("row_number() over (partition by k order by o)", "> 1"),
        ("row_number() over (partition by k order by o)", "<= 100"),
        ("row_number() over (order by o)", "= 1"),
        ("dense_rank() over (partition by k order by o)", "<= 2"),
        ("row_number() over (partition by f order by o)", "= 1"),
    ] {
        let sql = format!("select * from (select *, {window} as r from t) where r {condition}");
        let (_, own) = answer(&batch, 8, 2, true, &sql).await;
        assert!(!own, "{sql}");
    }
}
