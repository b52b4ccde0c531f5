use datafusion::arrow::array::{
    ArrayRef, Date32Array, Int64Array, StringArray, TimestampMicrosecondArray,
};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::datasource::MemTable;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::displayable;
use datafusion::prelude::{SessionConfig, SessionContext};
use proptest::prelude::*;

use super::*;
use crate::engine::support::each::Each;

/// A value of a column: a small number, or null.
type Value = Option<i64>;
/// Two keys, two times.
type Row = (Value, Value, Value, Value);

fn rows(most: usize) -> impl Strategy<Value = Vec<Row>> {
    let key = prop::option::weighted(0.9, 0_i64..3);
    let time = prop_oneof![
        8 => prop::option::weighted(0.8, -6_i64..6).boxed(),
        1 => Just(Some(i64::MIN)).boxed(),
        1 => Just(Some(i64::MAX)).boxed(),
    ];
    prop::collection::vec((key.clone(), key, time.clone(), time), 0..most)
}

fn table(rows: &[Row]) -> RecordBatch {
    let numbers = |of: fn(&Row) -> Value| -> Int64Array { rows.iter().map(of).collect() };
    let day = |of: fn(&Row) -> Value| -> Date32Array {
        let days = rows.iter().map(of);
        let near = days.map(|day| day.map(|day| day.clamp(-90, 90) as i32));
        near.collect()
    };
    let at = day(|row| row.2);
    let at: TimestampMicrosecondArray = at
        .iter()
        .map(|day| day.map(|day| i64::from(day) * 86_400_000_000))
        .collect();
    let text: StringArray = rows
        .iter()
        .map(|row| row.1.map(|k| format!("k{k}")))
        .collect();
    let columns: [(&str, ArrayRef); 7] = [
        ("k", Arc::new(numbers(|row| row.0))),
        ("t", Arc::new(text)),
        ("f", Arc::new(numbers(|row| row.2))),
        ("u", Arc::new(numbers(|row| row.3))),
        ("d", Arc::new(day(|row| row.2))),
        ("e", Arc::new(day(|row| row.3))),
        ("at", Arc::new(at)),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, all)| (name, all, true))).unwrap()
}

struct Asked {
    batch_size: usize,
    threads: usize,
    /// Of the rule; none where there is none.
    few: Option<usize>,
}

fn context(held: &RecordBatch, asked: &RecordBatch, how: &Asked) -> SessionContext {
    let mut config = SessionConfig::new()
        .with_batch_size(how.batch_size)
        .with_target_partitions(how.threads);
    // As the engine has it.
    config
        .options_mut()
        .optimizer
        .enable_join_dynamic_filter_pushdown = false;
    let mut state = SessionStateBuilder::new_with_default_features().with_config(config);
    if let Some(few) = how.few {
        let mut rules = PhysicalOptimizer::new().rules;
        rules.insert(0, Arc::new(Each(HoldIntervals)));
        state = state
            .with_physical_optimizer_rules(rules)
            .with_physical_optimizer_rule(Arc::new(Each(JoinIntervals { few })));
    }
    let context = SessionContext::new_with_state(state.build());
    for (name, rows) in [("held", held), ("asked", asked)] {
        let parts = [
            rows.slice(0, rows.num_rows() / 2),
            rows.slice(rows.num_rows() / 2, rows.num_rows().div_ceil(2)),
        ];
        let table = MemTable::try_new(rows.schema(), parts.map(|part| vec![part]).to_vec());
        context
            .register_table(name, Arc::new(table.unwrap()))
            .unwrap();
    }
    context
}

/// The answer, in order, and how often the plan joins by intervals.
async fn answer(context: &SessionContext, sql: &str) -> (Result<String>, usize) {
    let frame = context.sql(sql).await.unwrap();
    let plan = frame.clone().create_physical_plan().await.unwrap();
    let shown = displayable(plan.as_ref()).indent(false).to_string();
    let schema = Arc::new(frame.schema().as_arrow().clone());
    let rows = frame.collect().await;
    let text = rows.map(|mut rows| {
        // So that an answer without rows has columns, too.
        rows.push(RecordBatch::new_empty(schema));
        let text = pretty_format_batches(&rows).unwrap().to_string();
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_unstable();
        lines.join("\n")
    });
    (text, shown.matches("IntervalJoin").count())
}

const JOINS: [&str; 13] = [
    "inner join held as h on a.k = h.k and a.f >= h.f and a.f < h.u",
    "left join held as h on a.k = h.k and h.f <= a.f and (h.u is null or h.u > a.f)",
    "left join held as h on a.k = h.k and a.t = h.t and h.f < a.f and h.u >= a.f",
    "inner join held as h on a.t = h.t and a.f between h.f and h.u",
    // Two intervals that overlap; nothing is equal.
    "inner join held as h on a.f <= h.u and a.u > h.f",
    "left join held as h on (a.u is null or h.f < a.u) and (h.u is null or h.u > a.f)",
    // The rest of the condition is asked of each pair.
    "left join held as h on a.k = h.k and h.f <= a.f and a.f < h.u and a.u <> h.u",
    "inner join held as h on a.k = h.k and h.f + 1 <= a.f and a.f * 2 < h.u",
    // Days and instants.
    "left join held as h on a.k = h.k and a.at >= h.d and (a.at < h.e or h.e is null)",
    "left join held as h on a.k = h.k and a.d >= h.d and coalesce(h.e, date '9999-12-31') > a.d",
    "left join held as h on a.k = h.k and a.d >= h.d and a.d < h.e and h.t = 'k1'",
    "inner join held as h on a.f > h.f and a.f < h.u and a.k < 2",
    "left join held as h on a.k = h.k and a.f >= h.f and (a.f < h.u or h.u = 3 or a.t = 'k0')",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn joined_as_by_asking_every_pair(
        held in rows(40),
        asked in rows(60),
        batch_size in 1_usize..20,
        threads in 1_usize..3,
        few in 0_usize..12,
    ) {
        let (held, asked) = (table(&held), table(&asked));
        let [own, plain] = [Some(few), None].map(|few| {
            context(&held, &asked, &Asked { batch_size, threads, few })
        });
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let ask = |sql: &str| {
            let (want, none) = runtime.block_on(answer(&plain, sql));
            let (got, some) = runtime.block_on(answer(&own, sql));
            assert_eq!(none, 0);
            (got.map_err(|e| e.to_string()), want.map_err(|e| e.to_string()), some)
        };
        for join in JOINS {
            let sql = format!("select a.*, h.* from asked as a {join}");
            let (got, want, _) = ask(&sql);
            prop_assert_eq!(got.is_err(), want.is_err(), "{}", sql);
            if want.is_ok() {
                prop_assert_eq!(got, want, "{}", sql);
            }
        }
        for (exists, on) in [
            ("exists", "h.k = a.k and h.f <= a.f and h.u > a.f"),
            ("not exists", "h.k = a.k and h.f <= a.f and h.u > a.f"),
            ("not exists", "h.k = a.k and h.f <= a.f and h.u > a.f and h.u <> a.u"),
        ] {
            let sql = format!("select * from asked as a where {exists} (select 1 from held as h where {on})");
            let (got, want, _) = ask(&sql);
            prop_assert_eq!(got, want, "{}", sql);
        }
    }
}

fn many(rows: i64, step: i64) -> RecordBatch {
    let rows = (0..rows).map(|n| {
        (
            Some(n % 3),
            Some(n % 2),
            Some(n / 3 * step),
            Some(n / 3 * step + step),
        )
    });
    table(&rows.collect::<Vec<Row>>())
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(future)
}

#[test]
fn each_of_these_joins_is_by_intervals() {
    let (held, asked) = (many(30, 4), many(600, 1));
    for threads in [1, 2] {
        let context = context(
            &held,
            &asked,
            &Asked {
                batch_size: 64,
                threads,
                few: Some(0),
            },
        );
        for join in JOINS {
            let sql = format!("select a.*, h.* from asked as a {join}");
            let (_, joins) = block_on(answer(&context, &sql));
            assert_eq!(joins, 1, "{sql}");
        }
    }
}

#[test]
fn what_bounds_one_side_only_or_other_types_is_left_alone() {
    let (held, asked) = (many(30, 4), many(600, 1));
    let context = context(
        &held,
        &asked,
        &Asked {
            batch_size: 64,
            threads: 1,
            few: Some(0),
        },
    );
    for on in [
        "a.k = h.k and a.f >= h.f",
        "a.k = h.k and a.f >= h.f or a.f < h.u",
        "a.k = h.k and cast(a.f as double) >= h.f and cast(a.f as double) < h.u",
        "a.k = h.k and a.t >= h.t and a.t < h.t || 'x'",
        "a.k = h.k and a.f >= h.f and (a.f < h.u or a.u < h.u)",
        "a.k = h.k and a.f >= h.f and (a.f < h.u or a.k <> h.f)",
        "cast(a.k as double) = h.k and a.f >= h.f and a.f < h.u",
    ] {
        let sql = format!("select * from asked as a inner join held as h on {on}");
        let (_, joins) = block_on(answer(&context, &sql));
        assert_eq!(joins, 0, "{sql}");
    }
}

#[test]
fn held_rows_are_counted() {
    let (held, asked) = (many(60_000, 4), many(70_000, 1));
    let how = Asked {
        batch_size: 8192,
        threads: 1,
        few: Some(0),
    };
    let sql = "select count(*) from asked as a inner join held as h on a.k = h.k and a.f >= h.f and a.f < h.u";
    let plain = context(&held, &asked, &how);
    let (rows, joins) = block_on(answer(&plain, sql));
    assert!(joins == 1 && rows.unwrap().contains("70000"));
    let pool = Arc::new(GreedyMemoryPool::new(1 << 20));
    let runtime = RuntimeEnvBuilder::new().with_memory_pool(pool).build_arc();
    let state =
        SessionStateBuilder::new_from_existing(plain.state()).with_runtime_env(runtime.unwrap());
    let small = SessionContext::new_with_state(state.build());
    let (rows, _) = block_on(answer(&small, sql));
    let refused = rows.unwrap_err();
    assert!(refused.to_string().contains("IntervalJoin"), "{refused}");
}
