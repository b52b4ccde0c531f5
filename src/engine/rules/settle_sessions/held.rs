//! Sessions of groups that are held, with the groups' keys.

use std::sync::Arc;

use cinelake_kernels::{Session, Sessions, rows_of_groups};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array, UInt64Array};
use datafusion::arrow::compute::{concat, interleave, take_arrays};
use datafusion::arrow::datatypes::{DataType, Int64Type, Schema};
use datafusion::common::Result;
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::physical_plan::aggregates::group_values::{GroupValues, new_group_values};
use datafusion::physical_plan::aggregates::order::GroupOrdering;

use crate::engine::functions::sessionize::{column, numbers};
use crate::engine::rules::held_rows::own;

/// A session and the number of its group.
pub(super) type Keyed = (usize, Session);

/// Sessions of groups, and the keys of these.
pub(super) struct Held {
    groups: Box<dyn GroupValues>,
    keys: Keys,
    sessions: Sessions,
    memory: MemoryReservation,
    /// The group of each row of a batch.
    found: Vec<usize>,
}

impl Held {
    /// Of keys that are the first columns of `schema`, before a session and
    /// whether it is settled.
    pub(super) fn new(schema: &Schema, gap: i64, context: &TaskContext) -> Result<Self> {
        let width = schema.fields().len() - 2;
        let keys: Vec<_> = schema.fields().iter().take(width).cloned().collect();
        let groups = new_group_values(Arc::new(Schema::new(keys)), &GroupOrdering::None)?;
        Ok(Self {
            groups,
            keys: Keys::default(),
            sessions: Sessions::new(gap),
            memory: MemoryConsumer::new("Sessions").register(context.memory_pool()),
            found: Vec::new(),
        })
    }

    /// Adds an event for each time that is not null.
    pub(super) fn add_events(&mut self, keys: Vec<ArrayRef>, times: &Int64Array) -> Result<()> {
        self.find(keys)?;
        if times.null_count() == 0 {
            self.sessions.add_events(&self.found, times.values());
        } else {
            let rows = self.found.iter().zip(times);
            for (group, at) in rows.filter_map(|(group, at)| Some((*group, at?))) {
                self.sessions.add(group, Session::of_event(at));
            }
        }
        self.reserve()
    }

    /// Adds rows of keys and sessions.
    pub(super) fn add_sessions(&mut self, columns: &[ArrayRef]) -> Result<()> {
        let (keys, rest) = columns.split_at(columns.len() - 2);
        self.find(keys.to_vec())?;
        let sessions = rest[0].as_struct();
        let (starts, ends) = (numbers(sessions.column(0))?, numbers(sessions.column(1))?);
        let events = sessions.column(2).as_primitive::<Int64Type>();
        for (row, group) in self.found.iter().enumerate() {
            let session = Session {
                start: starts.value(row),
                end: ends.value(row),
                events: events.value(row),
            };
            self.sessions.add(*group, session);
        }
        self.reserve()
    }

    /// Numbers the groups of rows.
    fn find(&mut self, keys: Vec<ArrayRef>) -> Result<()> {
        self.groups.intern(&keys, &mut self.found)?;
        self.sessions.resize(self.groups.len());
        self.keys.add(&keys, &self.found, self.groups.len())
    }

    fn reserve(&mut self) -> Result<()> {
        let keys = self.groups.size() + self.keys.bytes;
        self.memory.try_resize(keys + self.sessions.bytes())
    }

    /// Takes out what no event from `watermark` on belongs to.
    pub(super) fn settled(&mut self, watermark: i64) -> Vec<Keyed> {
        self.sessions.settled(watermark)
    }

    /// Takes out all sessions.
    pub(super) fn all(&mut self) -> Vec<Keyed> {
        self.sessions.first(self.groups.len())
    }

    /// The keys of sessions, and these.
    pub(super) fn columns(&self, sessions: &[Keyed], at: &DataType) -> Result<Vec<ArrayRef>> {
        let mut columns = self.keys.of(sessions)?;
        let sessions: Vec<Session> = sessions.iter().map(|(_, session)| *session).collect();
        columns.push(Arc::new(column(&sessions, at)?));
        Ok(columns)
    }
}

/// The keys of groups, by the groups' numbers.
#[derive(Default)]
struct Keys {
    /// Those of the groups from a number on, column by column.
    parts: Vec<(usize, Vec<ArrayRef>)>,
    groups: usize,
    bytes: usize,
}

impl Keys {
    /// Takes the keys of groups that are new, up to `count`.
    fn add(&mut self, keys: &[ArrayRef], found: &[usize], count: usize) -> Result<()> {
        if count == self.groups {
            return Ok(());
        }
        let rows = UInt64Array::from(rows_of_groups(found, self.groups..count));
        let new = take_arrays(keys, &rows, None)?;
        self.parts.push((self.groups, owned(&new)?));
        self.groups = count;
        // Each part is less than half of the one before, so that there are few.
        while let [.., (from, one), (middle, other)] = self.parts.as_slice()
            && (count - middle) * 2 > middle - from
        {
            let (from, both) = (*from, one.iter().zip(other));
            let both = both.map(|(one, other)| concat(&[one.as_ref(), other.as_ref()]));
            let both = both.collect::<Result<Vec<_>, _>>()?;
            self.parts.truncate(self.parts.len() - 2);
            self.parts.push((from, owned(&both)?));
        }
        let columns = self.parts.iter().flat_map(|(_, columns)| columns);
        self.bytes = columns.map(|column| column.get_array_memory_size()).sum();
        Ok(())
    }

    /// The keys of each session's group, column by column.
    fn of(&self, sessions: &[Keyed]) -> Result<Vec<ArrayRef>> {
        let place = |(group, _): &Keyed| {
            let part = self.parts.partition_point(|(from, _)| from <= group) - 1;
            (part, group - self.parts[part].0)
        };
        let places: Vec<(usize, usize)> = sessions.iter().map(place).collect();
        let width = self.parts.first().map_or(0, |(_, columns)| columns.len());
        let columns = (0..width).map(|column| {
            let parts = self
                .parts
                .iter()
                .map(|(_, columns)| columns[column].as_ref());
            interleave(&parts.collect::<Vec<_>>(), &places)
        });
        Ok(columns.collect::<Result<_, _>>()?)
    }
}

fn owned(columns: &[ArrayRef]) -> Result<Vec<ArrayRef>> {
    columns.iter().map(own).collect()
}
