//! Deterministic demo data: the exports of a streaming company.
//!
//! The same seed and size give the same bytes on any machine. Every row
//! depends on its number only, so files are written in parallel. Titles are
//! watched with Zipf-like skew, some users watch far more than others, evenings
//! more than mornings, later months more than earlier ones; nobody watches
//! before joining. Start reading at [`generate`].

mod chance;
mod people;
mod rows;

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use chrono::{Datelike, NaiveDate};

use crate::error::{Error, Result};
pub use chance::Chance;
use rows::Company;

/// What to generate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Request {
    /// Watch sessions, over all months.
    pub sessions: u64,
    /// Decides every value.
    pub seed: u64,
    /// The first month's first day.
    pub start: NaiveDate,
    /// Calendar months.
    pub months: u32,
    /// Share of the session rows that do not fit their contract, 0 to 1.
    pub dirty: f64,
    /// Whether to write what players send while the last month's sessions run.
    pub heartbeats: bool,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            sessions: 100_000,
            seed: 42,
            start: NaiveDate::from_ymd_opt(2024, 1, 1).unwrap_or_default(),
            months: 24,
            dirty: 0.0,
            heartbeats: false,
        }
    }
}

/// A later delivery of one month's sessions: late ones, and corrections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct More {
    /// The month's first day.
    pub month: NaiveDate,
    /// Sessions that no earlier delivery has.
    pub sessions: u64,
    /// Sessions that an earlier delivery has otherwise.
    pub corrected: u64,
    /// Tells deliveries apart: the same number gives the same rows.
    pub number: u32,
}

/// A written file and its rows, the header left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Where it is.
    pub path: PathBuf,
    /// Its rows.
    pub rows: u64,
}

/// Writes `users.csv`, `movies.csv`, `subscriptions.csv`, `payments.csv`,
/// `ratings.csv`, `interactions.csv` and one `watch_sessions_<month>.csv` a
/// month to `dir`; where asked for one `heartbeats_<day>.csv` a day of the last
/// month too.
///
/// # Errors
/// When the request makes no sense or a file cannot be written.
pub fn generate(request: &Request, dir: &Path, threads: usize) -> Result<Vec<Written>> {
    if request.months == 0 || request.months > 600 {
        return Err(
            Error::usage(format!("`{}` months cannot be generated", request.months))
                .hint("from 1 to 600"),
        );
    }
    if !(0.0..=1.0).contains(&request.dirty) {
        return Err(Error::usage(format!("`{}` is no share", request.dirty))
            .hint("a share lies between 0 and 1, such as 0.001"));
    }
    fs::create_dir_all(dir).map_err(|e| Error::io("could not make").file(dir).because(e))?;
    let company = Company::new(request);
    let mut jobs: Vec<Job> = vec![
        Job::Users,
        Job::Movies,
        Job::Subscriptions,
        Job::Payments,
        Job::Ratings,
        Job::Interactions,
    ];
    jobs.extend((0..request.months).map(Job::Sessions));
    if request.heartbeats {
        let first = company.month_start(request.months - 1);
        let days = first
            .iter_days()
            .take_while(|day| day.month() == first.month());
        jobs.extend(days.map(Job::Heartbeats));
    }
    let next = std::sync::atomic::AtomicUsize::new(0);
    let mut written = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.max(1))
            .map(|_| {
                scope.spawn(|| {
                    let mut done = Vec::new();
                    loop {
                        let at = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        let Some(job) = jobs.get(at) else {
                            return Ok(done);
                        };
                        done.push(job.write(&company, dir)?);
                    }
                })
            })
            .collect();
        let mut all = Vec::new();
        for worker in workers {
            let done = worker.join().map_err(|_| Error::io("a writer stopped"))?;
            all.extend(done?);
        }
        Ok::<_, Error>(all)
    })?;
    written.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(written)
}

/// Writes one more file of sessions to `dir`, after [`generate`] with the same
/// `request`.
///
/// # Errors
/// When the month is none of the request's, or the file cannot be written.
pub fn generate_more(request: &Request, more: &More, dir: &Path) -> Result<Written> {
    let company = Company::new(request);
    let months = 0..request.months;
    let Some(month) = months
        .into_iter()
        .find(|number| company.month_start(*number) == more.month)
    else {
        return Err(Error::usage(format!(
            "there are no sessions of {} to add to",
            more.month.format("%Y-%m")
        ))
        .hint(format!(
            "the months are {} to {}",
            request.start.format("%Y-%m"),
            company
                .month_start(request.months.saturating_sub(1))
                .format("%Y-%m")
        )));
    };
    fs::create_dir_all(dir).map_err(|e| Error::io("could not make").file(dir).because(e))?;
    let name = format!(
        "watch_sessions_{}_more_{}.csv",
        more.month.format("%Y-%m"),
        more.number
    );
    let path = dir.join(name);
    let failed = |e| Error::io("could not write").file(&path).because(e);
    let file = File::create(&path).map_err(failed)?;
    let mut out = BufWriter::with_capacity(1 << 20, file);
    let rows = company
        .write_more(month, more, &mut out)
        .and_then(|rows| out.flush().map(|()| rows))
        .map_err(failed)?;
    Ok(Written { path, rows })
}

/// One file to write.
#[derive(Debug, Clone, Copy)]
enum Job {
    Users,
    Movies,
    Subscriptions,
    Payments,
    Ratings,
    Interactions,
    Sessions(u32),
    Heartbeats(NaiveDate),
}

impl Job {
    fn write(self, company: &Company, dir: &Path) -> Result<Written> {
        let name = match self {
            Self::Users => "users.csv".to_owned(),
            Self::Movies => "movies.csv".to_owned(),
            Self::Subscriptions => "subscriptions.csv".to_owned(),
            Self::Payments => "payments.csv".to_owned(),
            Self::Ratings => "ratings.csv".to_owned(),
            Self::Interactions => "interactions.csv".to_owned(),
            Self::Sessions(month) => {
                let first = company.month_start(month);
                format!(
                    "watch_sessions_{:04}-{:02}.csv",
                    first.year(),
                    first.month()
                )
            }
            Self::Heartbeats(day) => format!("heartbeats_{day}.csv"),
        };
        let path = dir.join(name);
        let failed = |e| Error::io("could not write").file(&path).because(e);
        let file = File::create(&path).map_err(failed)?;
        let mut out = BufWriter::with_capacity(1 << 20, file);
        let rows = match self {
            Self::Users => company.write_users(&mut out),
            Self::Movies => company.write_movies(&mut out),
            Self::Subscriptions => company.write_subscriptions(&mut out),
            Self::Payments => company.write_payments(&mut out),
            Self::Ratings => company.write_ratings(&mut out),
            Self::Interactions => company.write_interactions(&mut out),
            Self::Sessions(month) => company.write_sessions(month, &mut out),
            Self::Heartbeats(day) => company.write_heartbeats(day, &mut out),
        };
        let rows = rows
            .and_then(|rows| out.flush().map(|()| rows))
            .map_err(failed)?;
        Ok(Written { path, rows })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(seed: u64, threads: usize) -> Vec<(String, String)> {
        let dir = tempfile::tempdir().unwrap();
        let request = Request {
            sessions: 2_000,
            seed,
            months: 3,
            dirty: 0.01,
            ..Request::default()
        };
        let written = generate(&request, dir.path(), threads).unwrap();
        let text = |w: &Written| {
            let name = w.path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(&w.path).unwrap())
        };
        written.iter().map(text).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes_on_any_number_of_threads() {
        assert_eq!(texts(7, 1), texts(7, 4));
        assert_ne!(texts(7, 1), texts(8, 1));
    }

    #[test]
    fn the_months_hold_all_the_sessions() {
        let texts = texts(7, 2);
        let sessions = texts
            .iter()
            .filter(|(name, _)| name.starts_with("watch_sessions_"));
        let rows: usize = sessions.map(|(_, text)| text.lines().count() - 1).sum();
        assert_eq!(rows, 2_000);
    }

    #[test]
    fn heartbeats_are_the_minutes_of_the_last_months_sessions_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let request = Request {
            sessions: 3_000,
            months: 2,
            heartbeats: true,
            ..Request::default()
        };
        let written = generate(&request, dir.path(), 2).unwrap();
        let days = written.iter().filter(|w| {
            let name = w.path.file_name().unwrap().to_str().unwrap();
            name.starts_with("heartbeats_2024-02-")
        });
        let (mut files, mut rows) = (0, 0);
        for day in days {
            let text = fs::read_to_string(&day.path).unwrap();
            let times: Vec<&str> = text
                .lines()
                .skip(1)
                .map(|line| line.rsplit(',').next().unwrap())
                .collect();
            let name = day.path.file_stem().unwrap().to_str().unwrap();
            let date = name.strip_prefix("heartbeats_").unwrap();
            assert!(times.iter().all(|at| at.starts_with(date)), "{name}");
            assert!(times.is_sorted());
            assert_eq!(times.len() as u64, day.rows);
            files += 1;
            rows += day.rows;
        }
        assert_eq!(files, 29);
        // Half of the sessions, about an hour each.
        assert!((60_000..160_000).contains(&rows), "{rows}");
    }

    #[test]
    fn more_sessions_are_new_ones_and_corrections_of_old_ones() {
        let dir = tempfile::tempdir().unwrap();
        let request = Request {
            sessions: 2_000,
            months: 3,
            ..Request::default()
        };
        generate(&request, dir.path(), 1).unwrap();
        let more = More {
            month: request.start,
            sessions: 5,
            corrected: 3,
            number: 1,
        };
        let written = generate_more(&request, &more, dir.path()).unwrap();
        assert_eq!(written.rows, 8);
        let ids = |path: &Path| -> Vec<u64> {
            let text = fs::read_to_string(path).unwrap();
            let id = |line: &str| line.split(',').next().unwrap().parse().unwrap();
            text.lines().skip(1).map(id).collect()
        };
        let known = ids(&dir.path().join("watch_sessions_2024-01.csv"));
        let (new, corrected): (Vec<u64>, Vec<u64>) =
            ids(&written.path).into_iter().partition(|id| *id > 2_000);
        assert_eq!((new.len(), corrected.len()), (5, 3));
        assert!(corrected.iter().all(|id| known.contains(id)));
        let error = generate_more(
            &request,
            &More {
                month: NaiveDate::from_ymd_opt(2030, 1, 1).unwrap(),
                ..more
            },
            dir.path(),
        );
        assert!(error.is_err());
    }

    #[test]
    fn a_request_that_makes_no_sense_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let request = Request {
            dirty: 1.5,
            ..Request::default()
        };
        assert!(generate(&request, dir.path(), 1).is_err());
    }
}
