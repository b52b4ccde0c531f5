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
    /// others wait for, and of several the one that reads the most `rows` of
    /// its inputs. None once a model failed.
    pub(super) fn ready(&self, rows: impl Fn(&TableName) -> u64) -> Option<(usize, &'a Model)> {
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
                let read = model.statement.inputs.iter().map(|i| rows(&i.table));
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
