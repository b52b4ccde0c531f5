//! The benches: landing, refresh, the questions that other engines are asked
//! too, the hot loops, and the whole process, on a generated lake.
//!
//! `CINELAKE_BENCH_SESSIONS` sets the size (100,000 where left out). See
//! `benches/README.md`.
#![allow(missing_docs, clippy::unwrap_used, clippy::disallowed_methods)]

use std::fs::File;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use chrono::Datelike;
use cinelake::clock::SystemClock;
use cinelake::config::{Config, Overrides};
use cinelake::generate::{Chance, More, Request, generate, generate_more};
use cinelake::lake::Lake;
use cinelake::model::QueryFiles;
use cinelake::refresh::{RefreshOptions, Silent, VerifyOptions, Workspace};
use cinelake_kernels::{
    Bits, Cells, Column, Encode, Firsts, Ids, Intervals, Leaders, Looked, Pairs, Places, Progress,
    Sessions, Span, Whole, order_of, runs, split, width_of,
};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::datatypes::{Date32Type, Float64Type, Int32Type, TimestampMicrosecondType};
use datafusion::parquet::arrow::ProjectionMask;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;
use tokio::runtime::Runtime;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Generated {
    dir: TempDir,
    sessions: u64,
    bytes: u64,
}

fn request(sessions: u64) -> Request {
    Request {
        sessions,
        ..Request::default()
    }
}

fn generated(heartbeats: bool) -> Generated {
    let sessions = std::env::var("CINELAKE_BENCH_SESSIONS").ok();
    let sessions = sessions.and_then(|n| n.parse().ok()).unwrap_or(100_000);
    let dir = tempfile::tempdir().unwrap();
    let request = Request {
        heartbeats,
        ..request(sessions)
    };
    let written = generate(&request, &dir.path().join("landing"), 2).unwrap();
    let bytes = written
        .iter()
        .map(|f| f.path.metadata().unwrap().len())
        .sum();
    Generated {
        dir,
        sessions,
        bytes,
    }
}

/// `queries` over a fresh lake in `folder`.
fn workspace(landing: &Path, folder: &Path, queries: QueryFiles) -> Workspace {
    let overrides = Overrides {
        project: Some(folder.to_path_buf()),
        landing: Some(landing.to_path_buf()),
        ..Overrides::default()
    };
    let config = Config::load(&overrides).unwrap();
    let lake = Lake::open_or_create(&config.lake).unwrap();
    Workspace::new(config, queries, lake, Arc::new(SystemClock)).unwrap()
}

fn fresh(data: &Generated) -> (TempDir, Workspace) {
    let folder = tempfile::tempdir().unwrap();
    let landing = data.dir.path().join("landing");
    let workspace = workspace(&landing, folder.path(), QueryFiles::embedded());
    (folder, workspace)
}

fn landing(criterion: &mut Criterion) {
    let (data, runtime) = (generated(false), Runtime::new().unwrap());
    let mut group = criterion.benchmark_group("landing");
    group
        .sample_size(10)
        .throughput(Throughput::Bytes(data.bytes));
    group.bench_function("csv to bronze", |bencher| {
        bencher.iter_batched(
            || fresh(&data),
            |(folder, workspace)| {
                runtime.block_on(workspace.land(&Silent)).unwrap();
                (folder, workspace)
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

fn refresh(criterion: &mut Criterion) {
    let (data, runtime) = (generated(false), Runtime::new().unwrap());
    let options = RefreshOptions::default();
    let mut group = criterion.benchmark_group("refresh");
    group
        .sample_size(10)
        .throughput(Throughput::Elements(data.sessions));
    group.bench_function("full", |bencher| {
        bencher.iter_batched(
            || fresh(&data),
            |(folder, workspace)| {
                runtime
                    .block_on(workspace.refresh(&options, &Silent))
                    .unwrap();
                (folder, workspace)
            },
            BatchSize::PerIteration,
        );
    });
    let (_folder, workspace) = fresh(&data);
    runtime
        .block_on(workspace.refresh(&options, &Silent))
        .unwrap();
    group.bench_function("nothing new", |bencher| {
        bencher.iter(|| {
            runtime
                .block_on(workspace.refresh(&options, &Silent))
                .unwrap()
        });
    });
    let landing = data.dir.path().join("landing");
    let mut number = 0;
    group.throughput(Throughput::Elements(data.sessions / 100));
    group.bench_function("one percent new", |bencher| {
        bencher.iter_batched(
            || {
                number += 1;
                let more = More {
                    month: chrono::NaiveDate::from_ymd_opt(2025, 12, 1).unwrap(),
                    sessions: data.sessions / 100,
                    corrected: 0,
                    number,
                };
                generate_more(&request(data.sessions), &more, &landing).unwrap()
            },
            |_| {
                runtime
                    .block_on(workspace.refresh(&options, &Silent))
                    .unwrap()
            },
            BatchSize::PerIteration,
        );
    });
    group.throughput(Throughput::Elements(data.sessions));
    group.bench_function("verify ten partitions", |bencher| {
        let sample = VerifyOptions {
            sample: Some(10),
            ..VerifyOptions::default()
        };
        bencher.iter(|| {
            runtime
                .block_on(workspace.verify(&sample, &Silent))
                .unwrap()
        });
    });
    group.finish();
}

/// A question of `peers/questions` as it is asked of cinelake.
fn question(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers/questions");
    let own = folder.join(format!("{name}.cinelake.sql"));
    let any = folder.join(format!("{name}.sql"));
    let text = std::fs::read_to_string(if own.is_file() { own } else { any }).unwrap();
    let mut sql = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once('{') {
        let (word, after) = after.split_once('}').unwrap();
        let parts: Vec<&str> = word.split(':').collect();
        sql.push_str(before);
        sql.push_str(&match parts.as_slice() {
            ["us", at] => format!("cast({at} as bigint)"),
            ["date", at] => format!("cast({at} as date)"),
            ["month", at] => format!("cast(date_trunc('month', {at}) as date)"),
            ["split", list] => format!("unnest(string_to_array({list}, ', '))"),
            ["months", from, to] => {
                format!("unnest(generate_series(date '{from}', date '{to}', interval '1' month))")
            }
            ["quantile", share, of] => {
                format!("percentile_cont({share}) within group (order by {of})")
            }
            _ => unreachable!("{name}: {word}"),
        });
        rest = after;
    }
    sql.push_str(rest);
    for table in [
        "users",
        "titles",
        "subscriptions",
        "watch_sessions",
        "heartbeats",
    ] {
        for word in ["from", "join"] {
            for end in ["\n", " ", ")"] {
                sql = sql.replace(
                    &format!("{word} {table}{end}"),
                    &format!("{word} silver.{table} as {table}{end}"),
                );
            }
        }
    }
    sql
}

fn questions(criterion: &mut Criterion) {
    let (data, runtime) = (generated(true), Runtime::new().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers/project");
    let workspace = workspace(
        &data.dir.path().join("landing"),
        folder.path(),
        QueryFiles::read(&project).unwrap(),
    );
    runtime
        .block_on(workspace.refresh(&RefreshOptions::default(), &Silent))
        .unwrap();
    let mut group = criterion.benchmark_group("questions");
    group
        .sample_size(10)
        .throughput(Throughput::Elements(data.sessions));
    for number in 1..=14 {
        let name = format!("q{number:02}");
        let sql = question(&name);
        group.bench_function(&name, |bencher| {
            bencher.iter(|| {
                runtime.block_on(async {
                    let (session, _) = workspace.session(None).await.unwrap();
                    let answer = session.query(&sql, &[]).await.unwrap();
                    answer.collect().await.unwrap()
                })
            });
        });
    }
    // What decoding alone takes, and with it what is added up in the plainest way:
    // no answer can come sooner.
    let files = parquet_files(&folder.path().join("lake/silver/watch_sessions"));
    let by_file = |work: &(dyn Fn(&Path) -> u64 + Sync)| {
        let (next, done) = (AtomicUsize::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            let threads = std::thread::available_parallelism().unwrap().get();
            for _ in 0..threads {
                scope.spawn(|| {
                    while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                        done.fetch_add(work(file), Ordering::Relaxed);
                    }
                });
            }
        });
        done.into_inner()
    };
    for (name, columns) in [
        (
            "q01, decoding",
            &[
                "title_id",
                "user_id",
                "start_time",
                "end_time",
                "completion_rate",
            ][..],
        ),
        (
            "q02, decoding",
            &["user_id", "start_time", "end_time", "completion_rate"],
        ),
        ("q07, decoding", &["day", "user_id"]),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                by_file(&|file| {
                    let rows = batches(file, columns).map(|batch| black_box(batch).num_rows());
                    rows.sum::<usize>() as u64
                })
            });
        });
    }
    for (name, work) in [
        ("q01, decoding and counting", titles as fn(&Path) -> u64),
        ("q02, decoding and counting", users),
        ("q07, decoding and counting", users_of_days),
    ] {
        group.bench_function(name, |bencher| bencher.iter(|| by_file(&work)));
    }
    group.finish();
}

fn parquet_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(parquet_files(&path)),
            false if path.extension().is_some_and(|end| end == "parquet") => files.push(path),
            false => {}
        }
    }
    files
}

/// Some columns of a file, in its order.
fn batches(file: &Path, columns: &[&str]) -> impl Iterator<Item = RecordBatch> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(file).unwrap()).unwrap();
    let wanted = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
    let batches = builder
        .with_projection(wanted)
        .with_batch_size(8192)
        .build()
        .unwrap();
    batches.map(Result::unwrap)
}

/// What q01 and q02 add up.
#[derive(Clone, Default)]
struct Viewing {
    sessions: u64,
    minutes: i64,
    completion: f64,
    last: i64,
    users: Ids,
}

/// What was watched of each title in a month's file; different users of titles.
fn titles(file: &Path) -> u64 {
    let columns = [
        "user_id",
        "title_id",
        "start_time",
        "end_time",
        "completion_rate",
    ];
    let add = |viewing: &mut Viewing, user: i32| {
        viewing.users.insert(i64::from(user));
    };
    let titles = viewing(file, &columns, 1, add);
    titles
        .into_iter()
        .map(|mut title| title.users.count())
        .sum()
}

/// What each user watched in a month's file; how many did.
fn users(file: &Path) -> u64 {
    let columns = ["user_id", "start_time", "end_time", "completion_rate"];
    let users = viewing(file, &columns, 0, |_, _| {});
    users.iter().filter(|user| user.sessions > 0).count() as u64
}

/// What was watched, by the number in the column `key`.
fn viewing(
    file: &Path,
    columns: &[&str],
    key: usize,
    more: impl Fn(&mut Viewing, i32),
) -> Vec<Viewing> {
    let mut all = Vec::new();
    for batch in batches(file, columns) {
        let column = |name: &str| batch.column_by_name(name).unwrap();
        let [from, until] = ["start_time", "end_time"].map(|name| {
            column(name)
                .as_primitive::<TimestampMicrosecondType>()
                .values()
        });
        let completion = column("completion_rate").as_primitive::<Float64Type>();
        let keys = batch.column(key).as_primitive::<Int32Type>();
        let users = column("user_id").as_primitive::<Int32Type>();
        for row in 0..batch.num_rows() {
            let at = usize::try_from(keys.value(row)).unwrap();
            if at >= all.len() {
                all.resize(2 * at + 1, Viewing::default());
            }
            let viewing = &mut all[at];
            viewing.sessions += 1;
            viewing.minutes += until[row] - from[row];
            viewing.completion += completion.value(row);
            viewing.last = viewing.last.max(from[row]);
            more(viewing, users.value(row));
        }
    }
    black_box(all)
}

/// The different users of a month's file and of each of its days, added up.
fn users_of_days(file: &Path) -> u64 {
    let (mut month, mut days) = (Ids::default(), vec![Ids::default(); 31]);
    let mut first = None;
    for batch in batches(file, &["user_id", "day"]) {
        let users = batch.column(0).as_primitive::<Int32Type>();
        let day = batch.column(1).as_primitive::<Date32Type>();
        let first = *first.get_or_insert_with(|| {
            let day = Date32Type::to_naive_date_opt(day.value(0)).unwrap();
            Date32Type::from_naive_date(day.with_day(1).unwrap())
        });
        for (user, day) in users.values().iter().zip(day.values()) {
            let user = i64::from(*user);
            month.insert(user);
            days[usize::try_from(day - first).unwrap()].insert(user);
        }
    }
    month.count() + days.iter_mut().map(Ids::count).sum::<u64>()
}

/// The hot loops on a million events of ten thousand users.
fn kernels(criterion: &mut Criterion) {
    const EVENTS: u64 = 1_000_000;
    const USERS: u64 = 10_000;
    let chance = Chance::new(1);
    let users: Vec<usize> = (0..EVENTS)
        .map(|event| usize::try_from(chance.below(1, event, USERS)).unwrap())
        .collect();
    let ids: Vec<i64> = users
        .iter()
        .map(|user| i64::try_from(*user).unwrap())
        .collect();
    let days: Vec<usize> = (0..EVENTS)
        .map(|event| usize::try_from(chance.below(2, event, 30)).unwrap())
        .collect();
    let in_order: Vec<i64> = (0..EVENTS)
        .map(|event| i64::try_from(event * 2).unwrap())
        .collect();
    let shuffled: Vec<i64> = (0..EVENTS)
        .map(|event| i64::try_from(chance.below(3, event, EVENTS * 2)).unwrap())
        .collect();
    let mut group = criterion.benchmark_group("kernels");
    group
        .sample_size(10)
        .throughput(Throughput::Elements(EVENTS));
    for (name, times) in [
        ("sessionize in order", &in_order),
        ("sessionize shuffled", &shuffled),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let mut sessions = Sessions::new(30_000);
                sessions.resize(10_000);
                sessions.add_events(&users, times);
                sessions.first(10_000).len()
            });
        });
    }
    for (name, groups, ids, count) in [
        ("users of a day", &days, &ids, 30),
        (
            "days of a user",
            &users,
            &days
                .iter()
                .map(|day| i64::try_from(*day).unwrap())
                .collect(),
            10_000,
        ),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let mut sets = vec![Ids::default(); count];
                Ids::insert_all(&mut sets, groups, ids);
                sets.iter_mut().map(Ids::count).sum::<u64>()
            });
        });
    }
    let records: Vec<String> = (users.iter().zip(&shuffled).enumerate())
        .map(|(event, (user, at))| {
            let (minute, second) = (at / 60 % 60, at % 60);
            format!(
                "{event},{user},2025-12-01 12:{minute:02}:{second:02},{}.50",
                at % 100
            )
        })
        .collect();
    let text = records.join("\n");
    group.bench_function("fields of records", |bencher| {
        bencher.iter(|| {
            let mut pieces = Vec::new();
            let mut start = 0;
            for record in &records {
                let end = start + record.len();
                split(text.as_bytes(), start, end, b',', &mut pieces);
                start = end + 1;
            }
            let cells = |column| Cells {
                bytes: text.as_bytes(),
                pieces: &pieces,
                width: 4,
                column,
            };
            let odd = cells(0).bigints().odd.len() + cells(1).integers().odd.len();
            odd + cells(2).timestamps().odd.len() + cells(3).doubles().odd.len()
        });
    });
    group.bench_function("places of users", |bencher| {
        bencher.iter(|| {
            let span = Span::new(0, 10_000);
            let (mut places, mut found) = (Places::new(10_001), Vec::new());
            for part in ids.chunks(8192) {
                let mut at = vec![0; part.len()];
                assert!(span.append(part, None, &mut at));
                places.groups(&at, &mut found);
                black_box(&found);
            }
            places.count()
        });
    });
    group.bench_function("order by user and day", |bencher| {
        let days: Vec<i64> = days
            .iter()
            .map(|day| i64::try_from(*day).unwrap())
            .collect();
        bencher.iter(|| order_of(&[&ids, &days]).unwrap().len());
    });
    group.bench_function("users by a dictionary", |bencher| {
        let mut out = Vec::new();
        bencher.iter(|| {
            let found = i64::dictionary(&ids, 10_000).unwrap();
            out.clear();
            runs(
                &found.indices,
                width_of(found.values.len() as u64),
                &mut out,
            );
            out.len()
        });
    });
    group.bench_function("numbers by differences", |bencher| {
        let mut out = Vec::new();
        bencher.iter(|| {
            out.clear();
            i64::differences(&shuffled, &mut out);
            out.len()
        });
    });
    // Ten groups of a thousand intervals that follow each other.
    let (of, from): (Vec<u32>, Vec<i64>) = (0..10_000).map(|n| (n % 10, i64::from(n / 10))).unzip();
    let until: Vec<i64> = from.iter().map(|from| from + 1).collect();
    let intervals = Intervals::new(&of, 10, &from, &until);
    let of: Vec<u32> = (0..EVENTS)
        .map(|event| u32::try_from(chance.below(4, event, 10)).unwrap())
        .collect();
    let at: Vec<i64> = (0..EVENTS)
        .map(|event| i64::try_from(chance.below(5, event, 1000)).unwrap())
        .collect();
    let ends: Vec<i64> = at.iter().map(|at| at + 1).collect();
    group.bench_function("intervals that hold a time", |bencher| {
        bencher.iter(|| {
            let (mut progress, mut found) = (Progress::default(), 0);
            let looked = Looked {
                groups: &of,
                from: &at,
                until: &ends,
            };
            while progress.row < at.len() {
                let mut pairs = Pairs::default();
                intervals.look(looked, &mut progress, 8192, &mut pairs);
                found += pairs.values.len();
            }
            found
        });
    });
    // A hundred rows of each group, in chance's order.
    let groups: Vec<usize> = (0..EVENTS)
        .map(|event| usize::try_from(chance.below(6, event, EVENTS / 100)).unwrap())
        .collect();
    group.bench_function("first rows of groups", |bencher| {
        bencher.iter(|| {
            let mut firsts = Firsts::new(1);
            let count = groups.len() / 100;
            let chunks = groups.chunks(8192).zip(at.chunks(8192));
            chunks
                .map(|(groups, numbers)| firsts.take(groups, count, numbers).len())
                .sum::<usize>()
        });
    });
    group.bench_function("leading rows of groups", |bencher| {
        bencher.iter(|| {
            let mut leaders = Leaders::new(1);
            leaders.grow(groups.len() / 100);
            let chunks = (0..).zip(groups.chunks(8192).zip(at.chunks(8192)));
            chunks
                .map(|(batch, (groups, numbers))| {
                    let numbers = [Column::Small(numbers, None)];
                    leaders.take(batch, groups, &numbers, None).len()
                })
                .sum::<usize>()
        });
    });
    // As many words as there are events.
    let sets: Vec<Bits> = (0..100)
        .map(|set| {
            let mut bits = Bits::with_room(0, 100 * 64 * 100 - 1).unwrap();
            (0..10_000).for_each(|id| bits.insert(chance.below(set, id, 100 * 64 * 100)));
            bits
        })
        .collect();
    let pairs: Vec<_> = sets.iter().zip(sets.iter().rev()).collect();
    group.bench_function("words that sets share", |bencher| {
        bencher.iter(|| Bits::shared(&pairs));
    });
    group.finish();
}

/// From the start of the process to its end.
fn process(criterion: &mut Criterion) {
    let (data, runtime) = (generated(false), Runtime::new().unwrap());
    let (folder, workspace) = fresh(&data);
    runtime
        .block_on(workspace.refresh(&RefreshOptions::default(), &Silent))
        .unwrap();
    let mut group = criterion.benchmark_group("process");
    group.sample_size(10);
    for (name, sql) in [
        ("select 1", "select 1"),
        (
            "a report on a mart",
            "select * from gold.top_10_movie_watched",
        ),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let ran = std::process::Command::new(env!("CARGO_BIN_EXE_cinelake"))
                    .args(["-q", "--project", env!("CARGO_MANIFEST_DIR"), "--lake"])
                    .arg(folder.path().join("lake"))
                    .args(["sql", "-c", sql])
                    .output()
                    .unwrap();
                assert!(
                    ran.status.success(),
                    "{}",
                    String::from_utf8_lossy(&ran.stderr)
                );
            });
        });
    }
    group.finish();
}

criterion_group!(benches, kernels, landing, questions, refresh, process);
criterion_main!(benches);
