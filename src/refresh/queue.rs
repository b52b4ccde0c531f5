//! The models of a run that wait for their inputs, are being built or are
//! settled.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::build::Built;
use super::plan::Step;
use crate::error::{Error, Result};
use crate::model::{Model, Project, TableName};

/// Models in an order in which each comes after its inputs.
pub(super) struct Queue<'a> {
    models: Vec<(&'a Model, State)>,
    /// How many models wait for each, be it by way of others.
    waited_for: BTreeMap<&'a TableName, usize>,
    /// Those that are not settled: what reads them has to wait.
    open: BTreeSet<&'a TableName>,
    /// So many were told of.
    told: usize,
    /// What went wrong, and the first model with which something did.
    failed: Option<(usize, Error)>,
}

/// A model that was built: how, what that gave, and how long it took.
type Done = (Step, Built, Duration);

enum State {
    Waiting,
    Building,
    /// Built, or up to date.
    Settled(Option<Box<Done>>),
}

impl<'a> Queue<'a> {
    /// The `selected` models of `project`, all waiting.
    pub(super) fn new(project: &'a Project, selected: &BTreeSet<TableName>) -> Self {
        let names = project
            .build_order
            .iter()
            .filter(|name| selected.contains(*name));
        let models: Vec<&Model> = names.filter_map(|name| project.models.get(name)).collect();
        Self {
            waited_for: waited_for(&models),
            open: models.iter().map(|model| &model.name).collect(),
            models: models.into_iter().map(|m| (m, State::Waiting)).collect(),
            told: 0,
            failed: None,
        }
    }

    /// The next model to be built, whose inputs are settled: the one that most
    /// others wait for, and of several the one whose inputs are the largest, as
    /// `bytes` says. None once a model failed.
    pub(super) fn ready(&self, bytes: impl Fn(&TableName) -> u64) -> Option<(usize, &'a Model)> {
        if self.failed.is_some() {
            return None;
        }
        let is_ready = |model: &Model| {
            let mut inputs = model.statement.inputs.iter();
            inputs.all(|input| !self.open.contains(&input.table))
        };
        let models = self.models.iter().enumerate();
        models
            .filter(|(_, (model, state))| matches!(state, State::Waiting) && is_ready(model))
            .map(|(at, (model, _))| (at, *model))
            .max_by_key(|(at, model)| {
                let read = model.statement.inputs.iter().map(|i| bytes(&i.table));
                let waited_for = self.waited_for.get(&model.name);
                (waited_for.copied(), read.sum::<u64>(), Reverse(*at))
            })
    }

    /// The model is being built.
    pub(super) fn begin(&mut self, at: usize) {
        if let Some((_, state)) = self.models.get_mut(at) {
            *state = State::Building;
        }
    }

    /// The model was built, was found up to date (`None`), or failed.
    pub(super) fn settle(&mut self, at: usize, done: Result<Option<Done>>) {
        match (done, self.models.get_mut(at)) {
            (Ok(done), Some((model, state))) => {
                self.open.remove(&model.name);
                *state = State::Settled(done.map(Box::new));
            }
            (Err(e), _) if self.failed.as_ref().is_none_or(|(first, _)| at < *first) => {
                self.failed = Some((at, e));
            }
            _ => {}
        }
    }

    /// The models built since this was asked last, as far as all before them
    /// are settled.
    pub(super) fn tell(&mut self) -> Vec<Done> {
        let mut done = Vec::new();
        while let Some((_, State::Settled(now))) = self.models.get_mut(self.told) {
            done.extend(now.take().map(|done| *done));
            self.told += 1;
        }
        done
    }

    /// What went wrong with the first model that failed.
    pub(super) fn finish(self) -> Result<()> {
        match self.failed {
            Some((_, e)) => Err(e),
            None => Ok(()),
        }
    }
}

/// How many of `models`, each of which comes after its inputs, read each.
fn waited_for<'a>(models: &[&'a Model]) -> BTreeMap<&'a TableName, usize> {
    let mut readers: BTreeMap<&TableName, BTreeSet<&'a TableName>> = BTreeMap::new();
    for model in models.iter().rev() {
        let mut own = readers.get(&model.name).cloned().unwrap_or_default();
        own.insert(&model.name);
        for input in &model.statement.inputs {
            readers.entry(&input.table).or_default().extend(&own);
        }
    }
    let count = |name| readers.get(name).map_or(0, BTreeSet::len);
    models.iter().map(|m| (&m.name, count(&m.name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::QueryFiles;
    use crate::refresh::plan::{Extent, Reason};

    fn project() -> Project {
        let files = QueryFiles::of(&[
            ("gold/a.sql", "select n from silver.few"),
            ("gold/b.sql", "select n from silver.many"),
            ("gold/c.sql", "select n from gold.b"),
            ("silver/few.sql", "select 1 as n"),
            ("silver/many.sql", "select 2 as n"),
        ]);
        Project::parse(files).unwrap()
    }

    fn gold(table: &str) -> TableName {
        TableName::new("gold", table)
    }

    fn done(table: &TableName) -> Done {
        let step = Step {
            table: table.clone(),
            extent: Extent::Whole,
            reason: Reason::New,
        };
        let built = Built {
            rows: 1,
            changed: true,
            again: false,
            anew: None,
        };
        (step, built, Duration::ZERO)
    }

    fn told(queue: &mut Queue<'_>) -> Vec<String> {
        let done = queue.tell().into_iter();
        done.map(|(step, ..)| step.table.to_string()).collect()
    }

    #[test]
    fn what_most_wait_for_comes_first_and_nothing_before_its_inputs() {
        let project = project();
        let all = project.build_order.iter().cloned().collect();
        let mut queue = Queue::new(&project, &all);
        let mut begun = Vec::new();
        let mut running = Vec::new();
        // Two at once; of those that run, the last is done first.
        loop {
            while running.len() < 2
                && let Some((at, model)) = queue.ready(|_| 1)
            {
                queue.begin(at);
                begun.push(model.name.to_string());
                running.push((at, &model.name));
            }
            let Some((at, name)) = running.pop() else {
                break;
            };
            queue.settle(at, Ok(Some(done(name))));
        }
        assert_eq!(
            begun,
            ["silver.many", "silver.few", "gold.a", "gold.b", "gold.c"]
        );
        let order: Vec<String> = project
            .build_order
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(told(&mut queue), order);
        queue.finish().unwrap();
    }

    #[test]
    fn of_those_that_nothing_waits_for_what_reads_most_comes_first() {
        let project = project();
        let all = [gold("a"), gold("c")].into();
        let queue = Queue::new(&project, &all);
        let rows = |table: &TableName| u64::from(table.table == "b");
        assert_eq!(queue.ready(rows).unwrap().1.name, gold("c"));
        assert_eq!(queue.ready(|_| 0).unwrap().1.name, gold("a"));
    }

    #[test]
    fn nothing_begins_after_a_failure_and_the_first_in_order_is_named() {
        let project = project();
        let all = project.build_order.iter().cloned().collect();
        let mut queue = Queue::new(&project, &all);
        let (later, _) = queue.ready(|_| 1).unwrap();
        queue.begin(later);
        let (earlier, _) = queue.ready(|_| 1).unwrap();
        queue.begin(earlier);
        queue.settle(later, Err(Error::data("later")));
        assert!(queue.ready(|_| 1).is_none());
        queue.settle(earlier, Err(Error::data("earlier")));
        assert!(told(&mut queue).is_empty());
        let first = if earlier < later { "earlier" } else { "later" };
        assert_eq!(queue.finish().unwrap_err().message(), first);
    }
}
