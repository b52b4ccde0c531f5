use datafusion::arrow::array::{BooleanArray, Date32Array, StringViewArray};
use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::common::config::ConfigOptions;
use datafusion::common::resources_err;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::datasource::MemTable;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::memory_pool::{GreedyMemoryPool, MemoryPool};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::physical_expr::aggregate::AggregateExprBuilder;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::{AggregateMode, PhysicalGroupBy};
use datafusion::physical_plan::collect;
use datafusion::prelude::{SessionConfig, SessionContext};
use proptest::prelude::*;

use super::*;
use crate::engine::session::order::{Switches, logical_rules};

fn rows(numbers: impl Iterator<Item = Option<i64>>) -> RecordBatch {
    pairs(numbers.map(|key| (key, Some(key.unwrap_or(7)))))
}

fn pairs(pairs: impl Iterator<Item = (Option<i64>, Option<i64>)>) -> RecordBatch {
    let (keys, values): (Vec<_>, Vec<_>) = pairs.unzip();
    let (keys, values) = (Int64Array::from(keys), Int64Array::from(values));
    let columns: [(&str, ArrayRef); 2] = [("key", Arc::new(keys)), ("value", Arc::new(values))];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true)))
        .unwrap()
}

fn sums(batches: &[RecordBatch]) -> AggregateExec {
    let schema = batches[0].schema();
    let input = MemorySourceConfig::try_new_exec(&[batches.to_vec()], Arc::clone(&schema), None);
    let column = |name: &str, at| -> PhysicalExprRef { Arc::new(Column::new(name, at)) };
    let sum = AggregateExprBuilder::new(sum_udaf(), vec![column("value", 1)])
        .schema(Arc::clone(&schema))
        .alias("sum")
        .build();
    AggregateExec::try_new(
        AggregateMode::Single,
        PhysicalGroupBy::new_single(vec![(column("key", 0), "key".to_owned())]),
        vec![Arc::new(sum.unwrap())],
        vec![None],
        input.unwrap(),
        schema,
    )
    .unwrap()
}

async fn answer(plan: &dyn ExecutionPlan, memory: usize) -> Vec<(Option<i64>, Option<i64>)> {
    let pool = Arc::new(GreedyMemoryPool::new(memory));
    let runtime = RuntimeEnvBuilder::new().with_memory_pool(pool).build_arc();
    let context = Arc::new(TaskContext::default().with_runtime(runtime.unwrap()));
    let batches = plan.execute(0, Arc::clone(&context)).unwrap();
    let batches: Vec<RecordBatch> = batches.try_collect().await.unwrap();
    assert_eq!(context.memory_pool().reserved(), 0);
    let column = |batch: &RecordBatch, at| numbers(batch.column(at)).unwrap();
    let mut rows: Vec<_> = batches
        .iter()
        .flat_map(|b| {
            column(b, 0)
                .iter()
                .zip(column(b, 1).iter())
                .collect::<Vec<_>>()
        })
        .collect();
    rows.sort_unstable();
    rows
}

fn between(min: i64, count: u32) -> Vec<Key> {
    vec![Key::Number(Span::new(min, count))]
}

#[tokio::test]
async fn a_group_without_a_value_has_no_sum() {
    // As long as no value is missing, accumulators take every group that
    // they were told of for one that has some.
    let first = pairs((0..9).map(|n| (Some(n % 3), Some(n))));
    let later = pairs((0..9).map(|n| (Some(n), (n % 3 == 0).then_some(1))));
    let grouping = sums(&[first, later]);
    let perfect = PerfectAggregate::new(grouping.clone(), vec![between(0, 9)]);
    let sums = answer(&perfect, 1 << 30).await;
    assert_eq!(sums, answer(&grouping, 1 << 30).await);
    assert!(sums.contains(&(Some(4), None)) && sums.contains(&(Some(6), Some(1))));
}

#[tokio::test]
async fn bounds_may_be_wrong_and_memory_short() {
    let numbers = |from: i64| (from..from + 3000).map(|n| (n % 13 > 0).then_some(n % 997 - 40));
    let batches = [rows(numbers(0)), rows(numbers(5000))];
    let grouping = sums(&batches);
    let expected = answer(&grouping, 1 << 30).await;
    assert!(expected.len() > 990);
    for (min, count) in [(-40, 997), (0, 100), (5000, 10), (-100, 200_000)] {
        for memory in [1 << 30, 700 << 10, 300 << 10] {
            let perfect = PerfectAggregate::new(grouping.clone(), vec![between(min, count)]);
            let found = answer(&perfect, memory).await;
            assert_eq!(found, expected, "{min} {count} {memory}");
            let used = perfect.metrics().and_then(|metrics| metrics.output_rows());
            // 200,000 places and 6,000 groups take more than 700 kB.
            let fits = min == -40 || (min == -100 && memory > 700 << 10);
            assert_eq!(
                used.is_some_and(|rows| rows > 0),
                fits,
                "{min} {count} {memory}"
            );
        }
    }
}

/// Memory of which groups by place get no more than this.
#[derive(Debug)]
struct Refusing(usize);

impl fmt::Display for Refusing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "refusing")
    }
}

impl MemoryPool for Refusing {
    fn name(&self) -> &'static str {
        "refusing"
    }

    fn grow(&self, _: &MemoryReservation, _: usize) {}

    fn shrink(&self, _: &MemoryReservation, _: usize) {}

    fn try_grow(&self, held: &MemoryReservation, more: usize) -> Result<()> {
        match held.consumer().name() {
            "PerfectAggregate" if held.size() + more > self.0 => {
                resources_err!("no more than {}", self.0)
            }
            _ => Ok(()),
        }
    }

    fn reserved(&self) -> usize {
        0
    }
}

/// A context that groups by place where that is `own`, and what it answers.
async fn grouped(
    batches: &[Vec<RecordBatch>],
    own: bool,
    memory: usize,
    sql: &str,
) -> (String, usize, usize) {
    let config = SessionConfig::new()
        .with_batch_size(64)
        .with_target_partitions(batches.len());
    let pool = Arc::new(Refusing(memory));
    let runtime = RuntimeEnvBuilder::new().with_memory_pool(pool).build_arc();
    let mut state = SessionStateBuilder::new_with_default_features()
        .with_config(config)
        .with_runtime_env(runtime.unwrap());
    if own {
        state = state
            .with_optimizer_rules(logical_rules(&Switches::default()).unwrap())
            .with_physical_optimizer_rule(Arc::new(Everywhere));
    }
    let context = SessionContext::new_with_state(state.build());
    let table = MemTable::try_new(batches[0][0].schema(), batches.to_vec()).unwrap();
    context.register_table("t", Arc::new(table)).unwrap();
    let plan = context
        .sql(sql)
        .await
        .unwrap()
        .create_physical_plan()
        .await
        .unwrap();
    let rows = collect(Arc::clone(&plan), context.task_ctx())
        .await
        .unwrap();
    let (mut groupings, mut by_place) = (0, 0);
    plan.apply(|plan| {
        if plan.is::<PerfectAggregate>() {
            groupings += 1;
            let rows = plan.metrics().and_then(|metrics| metrics.output_rows());
            by_place += usize::from(rows.is_some_and(|rows| rows > 0));
        }
        Ok(TreeNodeRecursion::Continue)
    })
    .unwrap();
    let shown = pretty_format_batches(&rows).unwrap().to_string();
    let mut lines: Vec<&str> = shown.lines().collect();
    lines.sort_unstable();
    (lines.join("\n"), groupings, by_place)
}

type Row = (Option<i64>, Option<String>, Option<bool>, Option<i64>);

/// The first days of January to March 2024.
const MONTHS: [i32; 3] = [19_723, 19_754, 19_783];

/// Groups by place with bounds that are known here, and not from statistics.
#[derive(Debug)]
struct Everywhere;

impl PhysicalOptimizerRule for Everywhere {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|plan| {
            let Some(grouping) = plan.downcast_ref::<AggregateExec>() else {
                return Ok(Transformed::no(plan));
            };
            let key = |(key, _): &(PhysicalExprRef, String)| match key
                .data_type(&grouping.input().schema())
                .unwrap()
            {
                DataType::Utf8View => Key::Text(16),
                DataType::Boolean => Key::Number(Span::new(0, 2)),
                DataType::Date32 => Key::Month {
                    first: MONTHS[0],
                    last: MONTHS[2],
                },
                _ => Key::Number(Span::new(-3, 40)),
            };
            let keys = grouping.group_expr().expr().iter().map(key).collect();
            let perfect = PerfectAggregate::new(grouping.clone(), vec![keys]);
            Ok(Transformed::yes(Arc::new(perfect)))
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "everywhere"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn groups_are_those_of_a_hash_table(
        rows in prop::collection::vec(
            (
                prop::option::weighted(0.9, prop_oneof![200 => -3_i64..37, 1 => 30_i64..99]),
                prop::option::weighted(0.9, "(a title that is long )?[a-c]{1,2}"),
                prop::option::weighted(0.9, any::<bool>()),
                prop::option::weighted(0.8, -1000_i64..1000),
            ),
            1..600,
        ),
        texts in prop_oneof![Just(3_usize), Just(7)],
        parts in 1_usize..3,
        memory in prop_oneof![Just(1_usize << 30), 3000_usize..60_000],
    ) {
        let batch = |rows: &[Row]| {
            // Few texts or many.
            let texts = rows.iter().map(|row| row.1.as_ref().map(|text| &text[text.len().saturating_sub(texts)..]));
            // Now and then another day.
            let day = |n: i64| if n < 37 { MONTHS[n.unsigned_abs() as usize % 3] } else { MONTHS[0] + 1 };
            let days = rows.iter().map(|row| row.0.map(day));
            let columns: [(&str, ArrayRef); 5] = [
                ("day", Arc::new(days.collect::<Date32Array>())),
                ("n", Arc::new(rows.iter().map(|row| row.0).collect::<Int64Array>())),
                ("t", Arc::new(texts.collect::<StringViewArray>())),
                ("b", Arc::new(rows.iter().map(|row| row.2).collect::<BooleanArray>())),
                ("v", Arc::new(rows.iter().map(|row| row.3).collect::<Int64Array>())),
            ];
            RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true))).unwrap()
        };
        let batches: Vec<RecordBatch> = rows.chunks(50).map(batch).collect();
        let share = batches.len().div_ceil(parts);
        let batches: Vec<Vec<RecordBatch>> = batches.chunks(share).map(<[_]>::to_vec).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for keys in ["n, t", "t, b", "b, n, t", "n", "t", "day", "day, n", "t, day"] {
            let sql = format!(
                "select {keys}, count(*) as c, sum(v) as s, min(v) as m, avg(v) filter (where b) as a, \
                 count(distinct v) as d, count(distinct v) filter (where b) as e \
                 from t group by {keys}"
            );
            let (want, none, _) = runtime.block_on(grouped(&batches, false, 1 << 30, &sql));
            let (found, some, _) = runtime.block_on(grouped(&batches, true, memory, &sql));
            prop_assert!(none == 0 && some > 0);
            prop_assert!(found == want, "{}", sql);
        }
    }
}

#[tokio::test]
async fn many_texts_are_hashed() {
    for (different, fits) in [(16, true), (17, false), (900, false)] {
        let numbers = Int64Array::from_iter((0..1000).map(|n| n % 7));
        let texts = (0..1000).map(|n| Some(format!("text {}", n % different)));
        let columns: [(&str, ArrayRef); 2] = [
            ("n", Arc::new(numbers)),
            ("t", Arc::new(texts.collect::<StringViewArray>())),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let parts: Vec<_> = (0..10).map(|part| batch.slice(part * 100, 100)).collect();
        for parts in [vec![parts.clone()], vec![parts.clone(), parts]] {
            let sql = "select t, n, count(*) as c from t group by t, n";
            let (want, ..) = grouped(&parts, false, 1 << 30, sql).await;
            let (found, groupings, by_place) = grouped(&parts, true, 1 << 30, sql).await;
            assert!(found == want, "{different}");
            assert_eq!(by_place, if fits { groupings } else { 0 }, "{different}");
        }
    }
}

#[tokio::test]
async fn sets_that_outgrow_the_memory_are_hashed() {
    let keys = Int64Array::from_iter((0..1000).map(|n| n % 3));
    let ids = Int64Array::from_iter((0..1000).map(|n| n * 1_000_003));
    let columns: [(&str, ArrayRef); 2] = [("n", Arc::new(keys)), ("v", Arc::new(ids))];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let parts = (0..10).map(|part| batch.slice(part * 100, 100)).collect();
    let sql = "select n, count(distinct v) as d from t group by n";
    let parts = [parts];
    let (want, ..) = grouped(&parts, false, 1 << 30, sql).await;
    for (memory, fits) in [(1 << 30, true), (8000, false)] {
        let (found, groupings, by_place) = grouped(&parts, true, memory, sql).await;
        assert_eq!(found, want, "{memory}");
        assert_eq!((groupings, by_place), (1, usize::from(fits)), "{memory}");
    }
}
