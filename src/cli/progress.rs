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
}

impl Progress {
    pub(super) fn new(console: Console) -> Self {
        Self {
            console,
            aside: false,
            bar: Mutex::new(None),
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
        *self.lock() = Some(bar);
    }

    fn end(&self) {
        if let Some(bar) = self.lock().take() {
            bar.finish_and_clear();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<ProgressBar>> {
        self.bar.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
                if let Some(bar) = self.lock().as_ref() {
                    bar.inc(bytes);
                }
            }
            Event::Landed(_) if self.aside => {}
            Event::Landed(file) => {
                let say = || {
                    for line in super::report::landed_lines(file) {
                        console.say(&line);
                    }
                };
                match self.lock().as_ref() {
                    Some(bar) => bar.suspend(say),
                    None => say(),
                }
            }
            Event::LandingDone => self.end(),
            Event::Building(step, number, of) => {
                let bar = ProgressBar::new_spinner().with_message(step.table.to_string());
                self.begin(
                    bar,
                    &format!("{{spinner}} building {{msg}} ({number}/{of}) {{elapsed}}"),
                );
                console.detail(&format!("building {}: {step}", step.table));
            }
            Event::Built(step, built, took) => {
                self.end();
                let part = match &step.extent {
                    Extent::Whole => String::new(),
                    Extent::Partitions { days, of, .. } => {
                        format!("{} of {of} partitions, ", days.len())
                    }
                };
                let unchanged = if built.changed { "" } else { ", unchanged" };
                console.say(&format!(
                    "built {}: {part}{} in {:.2} s{unchanged}",
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
