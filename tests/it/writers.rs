//! Several processes on one lake: one holds it, the others are told who;
//! readers see whole snapshots all the while.
//!
//! A few rounds run with the tests. For two minutes:
//! `CINELAKE_TEST_SECONDS=120 cargo test --release --test it -- writers`

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::support::small::{self, Lake};

/// Rounds of each writer where no time is set.
const ROUNDS: u64 = 6;

/// Nothing where the tables of a snapshot belong together, else what differs.
const INVARIANT: &str = "
with sums as (
    select
        (select coalesce(sum(minutes), 0) from silver.sessions) as silver,
        (select coalesce(sum(minutes), 0) from gold.title_months) as months,
        (select coalesce(sum(minutes), 0) from gold.totals) as totals,
        (select count(*) from bronze.watched) as landed,
        (select coalesce(sum(rows_landed), 0) from system.deliveries where source = 'watched' and replaced_by is null) as delivered,
        (select count(*) from bronze._rejects) as rejects,
        (select coalesce(sum(rows_rejected), 0) from system.deliveries where replaced_by is null) as rejected
)
select * from sums where silver <> months or silver <> totals or landed <> delivered or rejects <> rejected";

/// What the processes did.
#[derive(Default)]
struct Seen {
    published: Mutex<Vec<u64>>,
    refused: AtomicU64,
    killed: AtomicU64,
    reads: AtomicU64,
}

#[test]
fn writers_and_readers_at_once_never_break_a_snapshot() {
    let project = small::project();
    let lake = project.lake();
    project.write(
        "cinelake.toml",
        &format!(
            "{}[maintain]\nkeep_snapshots = 5\nkeep_days = 0\n",
            small::BY_ROWS
        ),
    );
    lake.ok("first", &["refresh"]);
    let seconds = std::env::var("CINELAKE_TEST_SECONDS").ok();
    let seconds: Option<u64> = seconds.map(|text| text.parse().unwrap());
    let started = Instant::now();
    let goes_on = |round: u64| match seconds {
        Some(seconds) => started.elapsed() < Duration::from_secs(seconds),
        None => round < ROUNDS,
    };
    let seen = Seen::default();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writers = [
            // New deliveries, landed and built.
            scope.spawn(|| {
                for round in (1..).take_while(|round| goes_on(*round)) {
                    let day = 1 + round % 28;
                    project.deliver(
                        &format!("watched_r{round}.csv"),
                        &format!(
                            "session_id,day,title_id,minutes,seen_at\n{},2024-02-{day:02},1,{},2024-06-01\nbad,2024-02-01,1,1,2024-06-01\n",
                            1_000 + round,
                            round % 90,
                        ),
                    );
                    write(&lake, &["refresh"], &seen);
                }
            }),
            scope.spawn(|| {
                for _ in (1..).take_while(|round| goes_on(*round)) {
                    write(&lake, &["land"], &seen);
                    write(&lake, &["rollback"], &seen);
                }
            }),
            // Maintenance, which keeps the five newest snapshots.
            scope.spawn(|| {
                for _ in (1..).take_while(|round| goes_on(*round)) {
                    write(&lake, &["maintain"], &seen);
                }
            }),
            // Runs that are killed, as soon as they hold the lake.
            scope.spawn(|| {
                for _ in (1..).take_while(|round| goes_on(*round)) {
                    kill(&lake, &["refresh", "--full"], &seen);
                    kill(&lake, &["maintain"], &seen);
                    write(&lake, &["refresh"], &seen);
                    write(&lake, &["doctor", "--repair"], &seen);
                }
            }),
        ];
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let broken = lake.rows(INVARIANT);
                    assert!(broken.is_empty(), "a reader saw a mix: {broken:?}");
                    seen.reads.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for writer in writers {
            let ended = writer.join();
            done.store(!goes_on(u64::MAX) || ended.is_err(), Ordering::Relaxed);
            ended.unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    // A run that was killed may have left a publish to be carried through.
    lake.ok("third", &["refresh"]);
    let published = seen.published.lock().unwrap();
    let distinct: BTreeSet<u64> = published.iter().copied().collect();
    assert_eq!(distinct.len(), published.len(), "a number was taken twice");
    let there: BTreeSet<u64> = lake.snapshots().into_iter().collect();
    let dropped = lake.dropped().into_iter();
    let known: BTreeSet<u64> = there.iter().copied().chain(dropped).collect();
    assert!(distinct.is_subset(&known), "{distinct:?} in {known:?}");
    let sample = there.iter().rev().take(20);
    for id in sample {
        let broken = lake.rows_at(INVARIANT, *id);
        assert!(broken.is_empty(), "snapshot {id}: {broken:?}");
    }
    let verified = lake.ok("third", &["verify"]);
    assert!(
        verified.stderr.contains("all the same"),
        "{}",
        verified.stderr
    );
    lake.ok("third", &["doctor", "--repair"]);
    lake.ok("third", &["doctor"]);
    eprintln!(
        "{} published, {} refused, {} killed, {} reads",
        published.len(),
        seen.refused.load(Ordering::Relaxed),
        seen.killed.load(Ordering::Relaxed),
        seen.reads.load(Ordering::Relaxed),
    );
}

/// Runs a command that may be told to wait.
fn write(lake: &Lake<'_>, args: &[&str], seen: &Seen) {
    let ran = lake.run("third", args);
    match ran.code {
        Some(0) => {}
        Some(75) => {
            seen.refused.fetch_add(1, Ordering::Relaxed);
            assert!(names_holder(&ran.stderr), "{args:?}: {}", ran.stderr);
        }
        // There may be no older snapshot yet.
        Some(2) if args == ["rollback"] => {}
        code => panic!("{args:?}: {code:?}\n{}\n{}", ran.stdout, ran.stderr),
    }
    for word in ["\npublished snapshot ", "published as snapshot "] {
        let text = format!("\n{}", ran.stderr);
        for part in text.split(word).skip(1) {
            let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
            seen.published.lock().unwrap().push(digits.parse().unwrap());
        }
    }
}

/// Starts a command and kills it as soon as it says something.
fn kill(lake: &Lake<'_>, args: &[&str], seen: &Seen) {
    let mut command = lake.command("third", args);
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let first = lines.next();
    child.kill().unwrap();
    let ended = child.wait().unwrap();
    if first.is_some() && ended.code().is_none() {
        seen.killed.fetch_add(1, Ordering::Relaxed);
    }
}

/// Whether the loser is told command, process, machine and since when.
fn names_holder(stderr: &str) -> bool {
    let error = stderr.lines().find(|line| line.starts_with("error: "));
    error.is_some_and(|line| {
        line.starts_with("error: the lake is held by `cinelake ")
            && line.contains("`, process ")
            && line.contains(" on ")
            && line.contains(", since 20")
            && line.ends_with(" UTC")
    })
}

#[test]
fn the_lake_is_held_while_its_holder_lives_and_free_when_it_is_killed() {
    let project = small::project();
    let lake = project.lake();
    lake.ok("first", &["refresh"]);
    let mut command = lake.command("second", &["refresh"]);
    let mut child = command
        .env("CINELAKE_FAULT", "slow@100")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It says what it landed, and has most of its work before it.
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    assert!(
        first.starts_with("landed") || first.starts_with("replaced"),
        "{first}"
    );
    let holder = format!("`cinelake refresh`, process {}", child.id());
    let others: [&[&str]; 5] = [
        &["refresh"],
        &["land"],
        &["rollback"],
        &["plan", "--impact"],
        &["doctor", "--repair"],
    ];
    for args in others {
        let refused = lake.run("second", args);
        assert_eq!(refused.code, Some(75), "{args:?}: {}", refused.stderr);
        assert!(names_holder(&refused.stderr), "{}", refused.stderr);
        assert!(refused.stderr.contains(&holder), "{}", refused.stderr);
    }
    let looked = lake.run("second", &["doctor"]);
    assert!(
        looked.stdout.contains(&format!("held by {holder}")),
        "{}",
        looked.stdout
    );
    assert_eq!(lake.snapshots(), [1]);
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().code(), None, "it was done too soon");
    let next = lake.ok("second", &["refresh"]);
    assert!(
        next.stderr.contains("published snapshot 2"),
        "{}",
        next.stderr
    );
}

#[test]
fn a_run_whose_lease_was_taken_away_publishes_nothing() {
    let project = small::project();
    let lake = project.lake();
    lake.ok("first", &["refresh"]);
    let before = lake.state();
    let mut command = lake.command("second", &["refresh"]);
    let mut child = command
        .env("CINELAKE_FAULT", "slow@50")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    lines.next().unwrap().unwrap();
    std::fs::remove_file(lake.path().join("_lease")).unwrap();
    let said: Vec<String> = lines.map(Result::unwrap).collect();
    assert_eq!(child.wait().unwrap().code(), Some(75), "{said:#?}");
    let error = said.iter().skip_while(|line| !line.starts_with("error: "));
    let error: Vec<&str> = error.map(String::as_str).collect();
    let error = error
        .join("\n")
        .replace(lake.path().to_str().unwrap(), "[lake]");
    insta::assert_snapshot!(error, @r"
    error: [lake]/_lease: the lease's file was taken away during the run
    hint: nothing of this run is visible; leave the file alone and run again
    ");
    assert_eq!(lake.state(), before);
    lake.ok("second", &["refresh"]);
}
