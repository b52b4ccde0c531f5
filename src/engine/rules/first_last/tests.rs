use datafusion::arrow::array::{
    ArrayRef, Decimal128Array, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray,
    UInt64Array,
};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::datasource::MemTable;
use datafusion::execution::SessionStateBuilder;
use datafusion::optimizer::Optimizer;
use datafusion::prelude::{SessionConfig, SessionContext};
use proptest::prelude::*;

use super::*;

async fn answer(
    rows: &RecordBatch,
    (batch_size, threads): (usize, usize),
    own: bool,
    sql: &str,
) -> (String, bool) {
    let config = SessionConfig::new()
        .with_batch_size(batch_size)
        .with_target_partitions(threads);
    let mut state = SessionStateBuilder::new_with_default_features().with_config(config);
    if own {
        let mut rules = Optimizer::new().rules;
        rules.push(Arc::new(ValuesByOrder));
        state = state.with_optimizer_rules(rules);
    }
    let context = SessionContext::new_with_state(state.build());
    let batches: Vec<RecordBatch> = (0..rows.num_rows())
        .step_by(batch_size)
        .map(|from| rows.slice(from, batch_size.min(rows.num_rows() - from)))
        .collect();
    let table = MemTable::try_new(rows.schema(), vec![batches]).unwrap();
    context.register_table("t", Arc::new(table)).unwrap();
    let frame = context.sql(sql).await.unwrap();
    let plan = frame.clone().create_physical_plan().await.unwrap();
    let shown = datafusion::physical_plan::displayable(plan.as_ref()).indent(false);
    let is_own = !shown.to_string().contains("SortExec: expr=[o");
    let is_own = is_own && format!("{plan:?}").contains("ValueOfFirst");
    let rows = frame.collect().await.unwrap();
    (pretty_format_batches(&rows).unwrap().to_string(), is_own)
}

/// Group, order and value.
type Row = (Option<i64>, Option<i64>, Option<i64>);

/// Extremes among them, and what is close to them.
fn order() -> impl Strategy<Value = Option<i64>> {
    let number = prop_oneof![
        -2_i64..3,
        Just(i64::MIN),
        Just(i64::MAX),
        Just(i64::MAX - 1)
    ];
    prop::option::of(number)
}

fn table(rows: &[Row]) -> RecordBatch {
    let column = |of: fn(&Row) -> Option<i64>| rows.iter().map(of);
    let k: ArrayRef = Arc::new(column(|row| row.0).collect::<Int64Array>());
    let o: ArrayRef = Arc::new(column(|row| row.1).collect::<Int64Array>());
    let t: ArrayRef = Arc::new(column(|row| row.1).collect::<TimestampMicrosecondArray>());
    let u = column(|row| row.1).map(|o| o.map(|o| 5_u64.wrapping_add_signed(o)));
    let u: ArrayRef = Arc::new(u.collect::<UInt64Array>());
    #[expect(clippy::cast_precision_loss, reason = "any doubles")]
    let f = column(|row| row.1).map(|o| o.map(|o| if o == 2 { f64::NAN } else { o as f64 / 4.0 }));
    let f: ArrayRef = Arc::new(f.collect::<Float64Array>());
    let d = column(|row| row.1).map(|o| o.map(|o| i128::from(o % 1000)));
    let d = d.collect::<Decimal128Array>();
    let d: ArrayRef = Arc::new(d.with_precision_and_scale(10, 2).unwrap());
    let v = column(|row| row.2).map(|v| v.map(|v| format!("a text of some length, {v}")));
    let v: ArrayRef = Arc::new(v.collect::<StringArray>());
    let id: ArrayRef = Arc::new((0..).take(rows.len()).collect::<Int64Array>());
    let columns = [
        ("k", k),
        ("o", o),
        ("t", t),
        ("u", u),
        ("f", f),
        ("d", d),
        ("v", v),
        ("id", id),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, values)| (name, values, true)))
        .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn values_are_those_of_the_plain_plan(
        rows in prop::collection::vec((prop::option::of(0_i64..5), order(), prop::option::of(0_i64..4)), 0..120),
        batch_size in 1_usize..40,
        threads in 1_usize..3,
    ) {
        let batch = table(&rows);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for order in [
            "o, id", "o desc, id desc", "t nulls first, id", "u desc nulls last, id", "f, id",
            "f desc nulls first, id desc", "d nulls first, id", "id desc",
        ] {
            for values in [
                format!("first_value(v order by {order}) as a, last_value(v order by {order}) as b"),
                format!("last_value(v order by {order}) filter (where o > 0) as a, first_value(o order by {order}) as b"),
                format!("first_value(v order by {order}) ignore nulls as a"),
            ] {
                let grouped = format!("select k, {values} from t group by k order by k");
                let all = format!("select {values} from t");
                for sql in [grouped, all] {
                    let of = (batch_size, threads);
                    let (want, no) = runtime.block_on(answer(&batch, of, false, &sql));
                    let (own, yes) = runtime.block_on(answer(&batch, of, true, &sql));
                    prop_assert!(yes && !no, "{}", sql);
                    prop_assert_eq!(own, want, "{}", sql);
                }
            }
        }
    }
}

#[tokio::test]
async fn many_values_are_kept_once() {
    // Each row leads for a while: what led before is dropped.
    let rows: Vec<Row> = (0..200_000)
        .map(|row| (Some(row % 3), Some(row), Some(row)))
        .collect();
    let batch = table(&rows);
    let sql = "select k, last_value(v order by o) as a from t group by k order by k";
    let (want, _) = answer(&batch, (10, 1), false, sql).await;
    let (own, yes) = answer(&batch, (10, 1), true, sql).await;
    assert!(yes);
    assert_eq!(own, want);
}

#[tokio::test]
async fn an_order_of_texts_stays_plain() {
    let batch = table(&[(Some(1), Some(2), Some(3))]);
    for values in [
        "first_value(o order by v)",
        "first_value(o)",
        "first_value(o order by o, v)",
    ] {
        let (_, own) = answer(&batch, (8, 2), true, &format!("select {values} from t")).await;
        assert!(!own, "{values}");
    }
}
