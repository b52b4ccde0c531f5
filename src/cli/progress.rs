//! Progress on stderr: bars on a terminal, one line a step elsewhere.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

use super::console::Console;
use super::report::counted;
use crate::refresh::{Event, Extent, Observer};

/// Shows a run's events.
pub(super) struct Progress {
    console: Console,
    /// Whether nothing of what is done stays.
    aside: bool,
    bar: Mutex<Option<ProgressBar>>,
    /// The tables that are being built.
    building: Mutex<Vec<String>>,
}

impl Progress {
    pub(super) fn new(console: Console) -> Self {
        Self {
            console,
            aside: false,
            bar: Mutex::default(),
            building: Mutex::default(),
        }
    }

    /// Of work that is done to see what it would give: bars and warnings only.
    pub(super) fn aside(console: Console) -> Self {
        Self {
            aside: true,
            ..Self::new(console)
        }
    }

    fn begin(&self, bar: ProgressBar, template: &str) {
        if !self.console.draws() {
            return;
        }
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        *lock(&self.bar) = Some(bar);
    }

    fn end(&self) {
        if let Some(bar) = lock(&self.bar).take() {
            bar.finish_and_clear();
        }
    }

    /// Shows on the bar which tables are being built; without any it goes.
    fn name_tables(&self) {
        let tables = lock(&self.building).join(", ");
        if tables.is_empty() {
            self.end();
        } else if let Some(bar) = lock(&self.bar).as_ref() {
            bar.set_message(tables);
        }
    }

    fn above_bar(&self, line: &str) {
        match lock(&self.bar).as_ref() {
            Some(bar) => bar.suspend(|| self.console.say(line)),
            None => self.console.say(line),
        }
    }
}

fn lock<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Observer for Progress {
    fn event(&self, event: Event<'_>) {
        let console = &self.console;
        match event {
            Event::Recovered(snapshot) => {
                console.say(&format!(
                    "a run that had died is carried through: snapshot {snapshot}"
                ));
            }
            Event::BeginsAgain { branch, was, now } => console.say(&format!(
                "main has moved since snapshot {was}: branch `{branch}` begins again at snapshot {now}"
            )),
            Event::Warning(text) => console.warn(&text),
            Event::Landing(files, bytes) => {
                let bar = ProgressBar::new(bytes).with_message(counted(files, "file"));
                self.begin(
                    bar,
                    "{spinner} landing {msg} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec}",
                );
            }
            Event::LandingBytes(bytes) => {
                if let Some(bar) = lock(&self.bar).as_ref() {
                    bar.inc(bytes);
                }
            }
            Event::Landed(_) if self.aside => {}
            Event::Landed(file) => {
                for line in super::report::landed_lines(file) {
                    self.above_bar(&line);
                }
            }
            Event::LandingDone => self.end(),
            Event::Building(step, number, of) => {
                console.detail(&format!("building {}: {step}", step.table));
                lock(&self.building).push(step.table.to_string());
                if lock(&self.bar).is_none() {
                    let bar = ProgressBar::new_spinner();
                    self.begin(bar, "{spinner} building {msg} ({prefix}) {elapsed}");
                }
                if let Some(bar) = lock(&self.bar).as_ref() {
                    bar.set_prefix(format!("{number}/{of}"));
                }
                self.name_tables();
            }
            Event::Built(step, built, took) => {
                let table = step.table.to_string();
                lock(&self.building).retain(|t| *t != table);
                self.name_tables();
                let part = match (&step.extent, built.anew) {
                    (_, Some(rows)) => format!("{} of ", super::report::thousands(rows)),
                    (Extent::Whole, None) => String::new(),
                    (Extent::Partitions { days, of, .. }, None) => {
                        format!("{} of {of} partitions, ", days.len())
                    }
                };
                let unchanged = if built.changed { "" } else { ", unchanged" };
                let again = match built.again {
                    true => ", tried again because memory was short",
                    false => "",
                };
                self.above_bar(&format!(
                    "built {}: {part}{} in {:.2} s{unchanged}{again}",
                    step.table,
                    counted(built.rows, "row"),
                    took.as_secs_f64()
                ));
            }
            Event::Checking(table) => console.detail(&format!("checking {table}")),
            Event::Publishing => console.detail("publishing"),
        }
    }
}

/// Bytes for people.
pub(super) fn human_bytes(bytes: u64) -> String {
    HumanBytes(bytes).to_string()
}
