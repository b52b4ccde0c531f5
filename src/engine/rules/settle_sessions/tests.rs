use std::collections::BTreeMap;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringViewArray,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    FieldRef, Int64Type, SchemaRef, TimeUnit, TimestampMicrosecondType,
};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::execution::TaskContext;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{EquivalenceProperties, Partitioning};
use datafusion::physical_expr_common::physical_expr::PhysicalExprRef;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::{ExecutionPlan, PlanProperties, collect};
use datafusion::prelude::SessionConfig;
use proptest::prelude::*;

use super::steps::{SettleSessions, Span, UniteSessions};
use super::*;

/// A number, a text and a time.
type Event = (Option<i64>, u8, Option<i64>);
/// A number, a text, the first and the last event and how many there are.
type Row = (Option<i64>, u8, i64, i64, i64);

const WIDTH: i64 = 100;

fn at_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn text(number: u8) -> String {
    format!("a text that is longer than a view {number}")
}

fn rows(events: &[Event]) -> RecordBatch {
    let numbers: Int64Array = events.iter().map(|event| event.0).collect();
    let texts: StringViewArray = events.iter().map(|event| Some(text(event.1))).collect();
    let times: Int64Array = events.iter().map(|event| event.2).collect();
    let columns: [(&str, ArrayRef); 3] = [
        ("n", Arc::new(numbers)),
        ("t", Arc::new(texts)),
        ("at", cast(&times, &at_type()).unwrap()),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, values)| (name, values, true)))
        .unwrap()
}

/// Sessions of partitions, which are whatever events they are said to be.
fn plan(
    parts: &[(Span, Vec<Event>)],
    gap: i64,
    outputs: usize,
    size: usize,
) -> Arc<dyn ExecutionPlan> {
    let schema = rows(&[]).schema();
    let batches: Vec<Vec<RecordBatch>> = parts
        .iter()
        .map(|(_, events)| events.chunks(size).map(rows).collect())
        .collect();
    let input = MemorySourceConfig::try_new_exec(&batches, Arc::clone(&schema), None).unwrap();
    let keys: Vec<PhysicalExprRef> =
        vec![Arc::new(Column::new("n", 0)), Arc::new(Column::new("t", 1))];
    let session = Field::new("session", DataType::Struct(fields(&at_type())), false);
    let mut columns: Vec<FieldRef> = schema.fields()[..2].to_vec();
    columns.push(Arc::new(session));
    let answer: SchemaRef = Arc::new(Schema::new(
        [2, 0, 1]
            .map(|column| Arc::clone(&columns[column]))
            .to_vec(),
    ));
    columns.push(Arc::new(Field::new("settled", DataType::Boolean, false)));
    let settle = SettleSessions {
        keys: keys.clone(),
        at: 2,
        kind: at_type(),
        gap,
        spans: parts.iter().map(|(span, _)| *span).collect(),
        outputs,
        schema: Arc::new(Schema::new(columns)),
    };
    let dealt = Partitioning::Hash(keys, outputs);
    let settled = RepartitionExec::try_new(Arc::new(settle.over(input)), dealt).unwrap();
    let unite = UniteSessions {
        gap,
        kind: at_type(),
        columns: vec![2, 0, 1],
        properties: Arc::new(PlanProperties::new(
            EquivalenceProperties::new(answer),
            Partitioning::UnknownPartitioning(outputs),
            EmissionType::Incremental,
            Boundedness::Bounded,
        )),
    };
    Arc::new(unite.over(Arc::new(settled)))
}

fn answered(plan: Arc<dyn ExecutionPlan>, batch_size: usize) -> Result<Vec<Row>> {
    let config = SessionConfig::new().with_batch_size(batch_size);
    let context = Arc::new(TaskContext::default().with_session_config(config));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let mut answer = Vec::new();
    for batch in runtime.block_on(collect(plan, context))? {
        let session = batch.column(0).as_struct();
        let times = |column: usize| {
            session
                .column(column)
                .as_primitive::<TimestampMicrosecondType>()
        };
        let (numbers, texts) = (batch.column(1).as_primitive::<Int64Type>(), batch.column(2));
        for row in 0..batch.num_rows() {
            let text = texts.as_string_view().value(row);
            answer.push((
                numbers.is_valid(row).then(|| numbers.value(row)),
                text[text.len() - 1..].parse().unwrap(),
                times(0).value(row),
                times(1).value(row),
                session.column(2).as_primitive::<Int64Type>().value(row),
            ));
        }
    }
    answer.sort_unstable();
    Ok(answer)
}

/// By the definition: sorted, a longer pause than `gap` begins a session.
fn expected(events: &[Event], gap: i64) -> Vec<Row> {
    let mut users: BTreeMap<(Option<i64>, u8), Vec<i64>> = BTreeMap::new();
    for (number, text, at) in events {
        users.entry((*number, *text)).or_default().extend(at);
    }
    let mut rows: Vec<Row> = Vec::new();
    for ((number, text), mut times) in users {
        times.sort_unstable();
        let sessions = times.chunk_by(|one, next| next - one <= gap);
        rows.extend(sessions.map(|times| {
            let events = i64::try_from(times.len()).unwrap();
            (number, text, times[0], times[times.len() - 1], events)
        }));
    }
    rows.sort_unstable();
    rows
}

/// Events by the period in which they were, but for some that came late.
fn parts(events: &[(Event, bool)]) -> Vec<(Span, Vec<Event>)> {
    let mut parts: BTreeMap<i64, Vec<Event>> = BTreeMap::new();
    for ((number, text, at), late) in events {
        let part = at.unwrap_or(0) / WIDTH + if *late { 3 } else { 0 };
        parts.entry(part).or_default().push((*number, *text, *at));
    }
    let told = parts.into_values().filter_map(|events| {
        let times = || events.iter().filter_map(|event| event.2);
        let span = Span {
            first: times().min()?,
            last: times().max()?,
            rows: events.len(),
        };
        Some((span, events))
    });
    let mut parts: Vec<(Span, Vec<Event>)> = told.collect();
    parts.sort_by_key(|(span, _)| (span.first, span.last));
    parts
}

fn event() -> impl Strategy<Value = (Event, bool)> {
    let number = prop_oneof![3 => (0_i64..4).prop_map(Some), 1 => Just(None)];
    let at = prop_oneof![12 => (0_i64..1500).prop_map(Some), 1 => Just(None)];
    ((number, 0_u8..2, at), prop::bool::weighted(0.05))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn sessions_of_parts_are_those_of_all_events(
        events in prop::collection::vec(event(), 1..300),
        gap in prop_oneof![0_i64..40, Just(WIDTH), Just(1000)],
        outputs in 1_usize..5,
        size in 1_usize..40,
    ) {
        let parts = parts(&events);
        let all: Vec<Event> = parts.iter().flat_map(|(_, events)| events.clone()).collect();
        let answer = answered(plan(&parts, gap, outputs, size), size).unwrap();
        prop_assert_eq!(answer, expected(&all, gap));
    }
}

#[test]
fn times_outside_the_bounds_are_told() {
    let events = [
        ((Some(1), 0, Some(5)), false),
        ((Some(1), 0, Some(150)), false),
    ];
    let mut parts = parts(&events);
    parts[1].1[0].2 = Some(90);
    let error = answered(plan(&parts, 10, 2, 8), 8).unwrap_err();
    insta::assert_snapshot!(error.strip_backtrace(), @"Execution error: a file has times outside the bounds that the table tells of it: `cinelake doctor` looks for damaged files");
}
