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
//! and `session['events']`. Where files follow each other in time, [`InTime`]
//! hands on such rows as soon as no event can belong to them any more.

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
pub(in crate::engine) fn sessionize() -> Arc<AggregateUDF> {
    Arc::new(AggregateUDF::from(Sessionize {
        signature: Signature::user_defined(Volatility::Immutable),
    }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
pub(in crate::engine) struct Sessionize {
    signature: Signature,
}

/// What a session is told by, where its times are of the type `at`.
pub(in crate::engine) fn fields(at: &DataType) -> Fields {
    Fields::from(vec![
        Field::new("started_at", at.clone(), true),
        Field::new("ended_at", at.clone(), true),
        Field::new("events", DataType::Int64, true),
    ])
}

fn item(at: &DataType) -> FieldRef {
    Arc::new(Field::new_list_field(DataType::Struct(fields(at)), true))
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
pub(in crate::engine) fn longest_pause(gap: &Arc<dyn PhysicalExpr>, at: TimeUnit) -> Result<i64> {
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
    sessions: Sessions,
    groups: usize,
}

impl PerGroup {
    fn new(args: &AccumulatorArgs<'_>) -> Result<Self> {
        let [at, gap] = take_function_args("sessionize", args.exprs)?;
        let at = at.data_type(args.schema)?;
        let DataType::Timestamp(unit, _) = &at else {
            return plan_err!("`sessionize` takes times, not {at}");
        };
        Ok(Self {
            sessions: Sessions::new(longest_pause(gap, *unit)?),
            at,
            groups: 0,
        })
    }

    fn resize(&mut self, groups: usize) {
        self.sessions.resize(groups);
        self.groups = groups;
    }

    /// One list a group.
    fn lists(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let groups = match emit_to {
            EmitTo::All => self.groups,
            EmitTo::First(groups) => groups,
        };
        self.groups -= groups;
        let sessions = self.sessions.first(groups);
        let mut lengths = vec![0; groups];
        for (group, _) in &sessions {
            lengths[*group] += 1;
        }
        // Where each group's next session goes.
        let starts = lengths.iter().scan(0, |next, length| {
            let start = *next;
            *next += length;
            Some(start)
        });
        let mut next: Vec<usize> = starts.collect();
        let mut in_order = vec![Session::default(); sessions.len()];
        for (group, session) in sessions {
            in_order[next[group]] = session;
            next[group] += 1;
        }
        lists(&in_order, lengths, &self.at)
    }
}

/// Sessions as a column.
pub(in crate::engine) fn column(sessions: &[Session], at: &DataType) -> Result<StructArray> {
    let times =
        |of: fn(&Session) -> i64| cast(&sessions.iter().map(of).collect::<Int64Array>(), at);
    let columns = || {
        let events: Int64Array = sessions.iter().map(|session| session.events).collect();
        let values: Vec<ArrayRef> = vec![
            times(|session| session.start)?,
            times(|session| session.end)?,
            Arc::new(events),
        ];
        StructArray::try_new(fields(at), values, None)
    };
    columns().map_err(|e| exec_datafusion_err!("sessions make no column: {e}"))
}

/// Lists of so many sessions each.
fn lists(sessions: &[Session], lengths: Vec<usize>, at: &DataType) -> Result<ArrayRef> {
    let sessions = Arc::new(column(sessions, at)?);
    let lists = ListArray::try_new(
        item(at),
        OffsetBuffer::from_lengths(lengths),
        sessions,
        None,
    );
    Ok(Arc::new(lists.map_err(|e| {
        exec_datafusion_err!("sessions make no list: {e}")
    })?))
}

fn is_kept(filter: Option<&BooleanArray>, row: usize) -> bool {
    filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row))
}

pub(in crate::engine) fn numbers(array: &ArrayRef) -> Result<Int64Array> {
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
        self.resize(count);
        if filter.is_none() && at.null_count() == 0 {
            self.sessions.add_events(groups, at.values());
            return Ok(());
        }
        for (row, group) in groups.iter().enumerate() {
            if at.is_valid(row) && is_kept(filter, row) {
                self.sessions.add(*group, Session::of_event(at.value(row)));
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
        self.resize(count);
        for (group, list) in groups.iter().zip(lists.offsets().windows(2)) {
            // Lists of this aggregate are never null.
            let [from, to] = [list[0], list[1]].map(|at| usize::try_from(at).unwrap_or(0));
            for row in from..to {
                let session = Session {
                    start: starts.value(row),
                    end: ends.value(row),
                    events: events.value(row),
                };
                self.sessions.add(*group, session);
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
        let counts = |row: &usize| at.is_valid(*row) && is_kept(filter, *row);
        let lengths = (0..at.len()).map(|row| usize::from(counts(&row)));
        let events = (0..at.len()).filter(counts);
        let events: Vec<Session> = events.map(|row| Session::of_event(at.value(row))).collect();
        Ok(vec![lists(&events, lengths.collect(), &self.at)?])
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        self.lists(emit_to)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.lists(emit_to)?])
    }

    fn size(&self) -> usize {
        self.sessions.bytes()
    }
}

/// The sessions of all rows, and of a window that grows.
#[derive(Debug)]
struct OneUser(PerGroup);

impl OneUser {
    fn list(&mut self) -> Result<ScalarValue> {
        self.0.resize(1);
        let sessions: Vec<Session> = self.0.sessions.of(0).collect();
        let lengths = vec![sessions.len()];
        ScalarValue::try_from_array(&lists(&sessions, lengths, &self.0.at)?, 0)
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
