//! The benches: landing, monthly aggregation, refresh, on a generated lake.
//!
//! `CINELAKE_BENCH_SESSIONS` sets the size (100,000 where left out). See
//! `benches/README.md`.
#![allow(missing_docs, clippy::unwrap_used, clippy::disallowed_methods)]

use std::path::Path;
use std::sync::Arc;

use cinelake::clock::SystemClock;
use cinelake::config::{Config, Overrides};
use cinelake::generate::{Request, generate};
use cinelake::lake::Lake;
use cinelake::model::QueryFiles;
use cinelake::refresh::{RefreshOptions, Silent, Workspace};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use tempfile::TempDir;
use tokio::runtime::Runtime;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const MONTHLY: &str = "select month, title_id, count(*) as sessions, count(distinct user_id) as viewers, \
                       sum(watch_minutes) as watch_minutes from silver.watch_sessions group by month, title_id";

struct Generated {
    dir: TempDir,
    sessions: u64,
    bytes: u64,
}

fn generated() -> Generated {
    let sessions = std::env::var("CINELAKE_BENCH_SESSIONS").ok();
    let sessions = sessions.and_then(|n| n.parse().ok()).unwrap_or(100_000);
    let dir = tempfile::tempdir().unwrap();
    let request = Request {
        sessions,
        ..Request::default()
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

/// The embedded warehouse over a fresh lake in `folder`.
fn workspace(landing: &Path, folder: &Path) -> Workspace {
    let overrides = Overrides {
        project: Some(folder.to_path_buf()),
        landing: Some(landing.to_path_buf()),
        ..Overrides::default()
    };
    let config = Config::load(&overrides).unwrap();
    let lake = Lake::open_or_create(&config.lake).unwrap();
    Workspace::new(config, QueryFiles::embedded(), lake, Arc::new(SystemClock)).unwrap()
}

fn fresh(data: &Generated) -> (TempDir, Workspace) {
    let folder = tempfile::tempdir().unwrap();
    let workspace = workspace(&data.dir.path().join("landing"), folder.path());
    (folder, workspace)
}

fn landing(criterion: &mut Criterion) {
    let (data, runtime) = (generated(), Runtime::new().unwrap());
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
    let (data, runtime) = (generated(), Runtime::new().unwrap());
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
    group.finish();
}

fn aggregation(criterion: &mut Criterion) {
    let (data, runtime) = (generated(), Runtime::new().unwrap());
    let (_folder, workspace) = fresh(&data);
    runtime
        .block_on(workspace.refresh(&RefreshOptions::default(), &Silent))
        .unwrap();
    let mut group = criterion.benchmark_group("aggregation");
    group
        .sample_size(20)
        .throughput(Throughput::Elements(data.sessions));
    group.bench_function("monthly popularity", |bencher| {
        bencher.iter(|| {
            runtime.block_on(async {
                let (session, _) = workspace.session(None).await.unwrap();
                session
                    .query(MONTHLY, &[])
                    .await
                    .unwrap()
                    .collect()
                    .await
                    .unwrap()
            })
        });
    });
    group.finish();
}

criterion_group!(benches, landing, aggregation, refresh);
criterion_main!(benches);
