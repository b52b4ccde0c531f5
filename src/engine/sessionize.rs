//! `sessionize(at, gap)`: the sessions that events make up.
//!
//! Two events belong to one session when no pause between them, event after
//! event, is longer than `gap`. So sessions are what is connected, whatever
//! the order in which events come, and the sessions of two parts of the events
//! can be united: `sessionize` is an aggregate like any other.
//!
//! ```sql
//! select user_id, unnest(sessionize(at, interval '30 minutes')) as session
//! from silver.heartbeats group by user_id
//! ```
//!
//! gives a row a session, with `session['started_at']`, `session['ended_at']`
//! and `session['events']`.

use std::sync::Arc;

use cinelake_kernels::{Session, Sessions};
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, ListArray, StructArray,
};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Field, FieldRef, Fields, Int64Type, IntervalUnit, TimeUnit,
};
use datafusion::common::utils::take_function_args;
use datafusion::common::{Result, ScalarValue, exec_datafusion_err, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Literal;

/// The aggregate.
pub(super) fn sessionize() -> Arc<AggregateUDF> {
    Arc::new(AggregateUDF::from(Sessionize {
        signature: Signature::user_defined(Volatility::Immutable),
    }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Sessionize {
    signature: Signature,
}

/// What a session is told by, where its times are of the type `at`.
fn columns(at: &DataType) -> Fields {
    Fields::from(vec![
        Field::new("started_at", at.clone(), true),
        Field::new("ended_at", at.clone(), true),
        Field::new("events", DataType::Int64, true),
    ])
}

fn item(at: &DataType) -> FieldRef {
    Arc::new(Field::new_list_field(DataType::Struct(columns(at)), true))
}

impl AggregateUDFImpl for Sessionize {
    fn name(&self) -> &'static str {
        "sessionize"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [at, gap] = take_function_args(self.name(), types)?;
        let at = match at {
            DataType::Timestamp(..) => at.clone(),
            DataType::Date32 | DataType::Null => DataType::Timestamp(TimeUnit::Microsecond, None),
            other => return plan_err!("`sessionize` takes times, not {other}"),
        };
        match gap {
            DataType::Interval(_) | DataType::Duration(_) => {
                Ok(vec![at, DataType::Interval(IntervalUnit::MonthDayNano)])
            }
            other => plan_err!(
                "`sessionize` takes the longest pause as an interval, such as interval '30 minutes', not {other}"
            ),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let [at, _] = take_function_args(self.name(), types)?;
        Ok(DataType::List(item(at)))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let kind = args.return_field.data_type().clone();
        Ok(vec![Arc::new(Field::new(args.name, kind, true))])
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(OneUser(PerGroup::new(&args)?)))
    }

    fn groups_accumulator_supported(&self, _: AccumulatorArgs<'_>) -> bool {
        true
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(PerGroup::new(&args)?))
    }
}

/// The longest pause in the unit of `at`.
fn longest_pause(gap: &Arc<dyn PhysicalExpr>, at: TimeUnit) -> Result<i64> {
    let gap = gap.downcast_ref::<Literal>().map(Literal::value);
    let Some(ScalarValue::IntervalMonthDayNano(Some(gap))) = gap else {
        return plan_err!("the longest pause of `sessionize` is one interval for all rows");
    };
    let per_unit = match at {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1000,
        TimeUnit::Nanosecond => 1,
    };
    let nanoseconds = i128::from(gap.days) * 86_400_000_000_000 + i128::from(gap.nanoseconds);
    match i64::try_from(nanoseconds / per_unit) {
        _ if gap.months != 0 => {
            plan_err!(
                "the longest pause of `sessionize` is in days or less: months differ in length"
            )
        }
        Ok(gap) if nanoseconds >= 0 => Ok(gap),
        _ => plan_err!("the longest pause of `sessionize` cannot be negative"),
    }
}

/// The sessions of each group.
#[derive(Debug)]
struct PerGroup {
    /// The type of times.
    at: DataType,
    gap: i64,
    groups: Vec<Sessions>,
    /// Bytes of all the groups' sessions.
    bytes: usize,
}

impl PerGroup {
    fn new(args: &AccumulatorArgs<'_>) -> Result<Self> {
        let [at, gap] = take_function_args("sessionize", args.exprs)?;
        let at = at.data_type(args.schema)?;
        let DataType::Timestamp(unit, _) = &at else {
            return plan_err!("`sessionize` takes times, not {at}");
        };
        Ok(Self {
            gap: longest_pause(gap, *unit)?,
            at,
            groups: Vec::new(),
            bytes: 0,
        })
    }

    fn add(&mut self, group: usize, session: Session) {
        self.bytes += self.groups[group].add(session, self.gap);
    }

    /// One list a group.
    fn lists(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let groups = emit_to.take_needed(&mut self.groups);
        let mut lists = Lists::default();
        for mut sessions in groups {
            self.bytes = self.bytes.saturating_sub(sessions.bytes());
            lists.push(sessions.in_order(self.gap));
        }
        lists.finish(&self.at)
    }
}

/// Lists of sessions, column by column.
#[derive(Default)]
struct Lists {
    starts: Vec<i64>,
    ends: Vec<i64>,
    events: Vec<i64>,
    lengths: Vec<usize>,
}

impl Lists {
    fn push(&mut self, sessions: &[Session]) {
        self.lengths.push(sessions.len());
        for session in sessions {
            self.starts.push(session.start);
            self.ends.push(session.end);
            self.events.push(session.events);
        }
    }

    fn finish(self, at: &DataType) -> Result<ArrayRef> {
        let times = |values: Vec<i64>| cast(&Int64Array::from(values), at);
        let lists = || {
            let events = Arc::new(Int64Array::from(self.events));
            let values: Vec<ArrayRef> = vec![times(self.starts)?, times(self.ends)?, events];
            let sessions = StructArray::try_new(columns(at), values, None)?;
            let lengths = OffsetBuffer::from_lengths(self.lengths);
            ListArray::try_new(item(at), lengths, Arc::new(sessions), None)
        };
        let lists = lists().map_err(|e| exec_datafusion_err!("sessions make no list: {e}"))?;
        Ok(Arc::new(lists))
    }
}

fn is_kept(filter: Option<&BooleanArray>, row: usize) -> bool {
    filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row))
}

fn numbers(array: &ArrayRef) -> Result<Int64Array> {
    Ok(cast(array, &DataType::Int64)?
        .as_primitive::<Int64Type>()
        .clone())
}

impl GroupsAccumulator for PerGroup {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        count: usize,
    ) -> Result<()> {
        let [at, _] = take_function_args("sessionize", values)?;
        let at = numbers(at)?;
        self.groups.resize_with(count, Sessions::default);
        if filter.is_none() && at.null_count() == 0 {
            for (at, group) in at.values().iter().zip(groups) {
                self.add(*group, Session::of_event(*at));
            }
            return Ok(());
        }
        for (row, group) in groups.iter().enumerate() {
            if at.is_valid(row) && is_kept(filter, row) {
                self.add(*group, Session::of_event(at.value(row)));
            }
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], count: usize) -> Result<()> {
        let [lists] = take_function_args("sessionize", states)?;
        let lists = lists.as_list::<i32>();
        let sessions = lists.values().as_struct();
        let (starts, ends) = (numbers(sessions.column(0))?, numbers(sessions.column(1))?);
        let events = sessions.column(2).as_primitive::<Int64Type>();
        self.groups.resize_with(count, Sessions::default);
        for (group, list) in groups.iter().zip(lists.offsets().windows(2)) {
            // Lists of this aggregate are never null.
            let [from, to] = [list[0], list[1]].map(|at| usize::try_from(at).unwrap_or(0));
            for row in from..to {
                let session = Session {
                    start: starts.value(row),
                    end: ends.value(row),
                    events: events.value(row),
                };
                self.add(*group, session);
            }
        }
        Ok(())
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let [at, _] = take_function_args("sessionize", values)?;
        let at = numbers(at)?;
        let mut lists = Lists::default();
        for row in 0..at.len() {
            let counts = at.is_valid(row) && is_kept(filter, row);
            let event = counts.then(|| Session::of_event(at.value(row)));
            lists.push(event.as_slice());
        }
        Ok(vec![lists.finish(&self.at)?])
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        self.lists(emit_to)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.lists(emit_to)?])
    }

    fn size(&self) -> usize {
        self.groups.capacity() * size_of::<Sessions>() + self.bytes
    }
}

/// The sessions of all rows, and of a window that grows.
#[derive(Debug)]
struct OneUser(PerGroup);

impl OneUser {
    fn list(&mut self) -> Result<ScalarValue> {
        self.0.groups.resize_with(1, Sessions::default);
        let mut lists = Lists::default();
        lists.push(self.0.groups[0].in_order(self.0.gap));
        ScalarValue::try_from_array(&lists.finish(&self.0.at)?, 0)
    }
}

impl Accumulator for OneUser {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let rows = values.first().map_or(0, |values| values.len());
        self.0.update_batch(values, &vec![0; rows], None, 1)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let rows = states.first().map_or(0, |states| states.len());
        self.0.merge_batch(states, &vec![0; rows], 1)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.list()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.list()?])
    }

    fn size(&self) -> usize {
        self.0.size()
    }
}
