//! The crash matrix: kill -9 at every failpoint hit of every kind of run.
//!
//! Each case copies a small lake, runs a command of the shipped binary that
//! aborts at one hit, and reads: the tables are those before the run, or
//! those after it, never a mix. Then the command runs again, undisturbed, and
//! every table, the Delta heads and `verify` are as in a twin that never
//! crashed. A third of the cases crash a second time, in the run that
//! recovers. What a case goes through is listed by `CINELAKE_FAILPOINT=trace`,
//! so new failpoints join by themselves, and a new kind of run is one more
//! entry of [`RUNS`].
//!
//! A spread of the cases runs with the tests. All of them:
//! `CINELAKE_TEST_CRASHES=all cargo test --release --test it -- crash_matrix`
//! (with `TMPDIR` on a memory disk, where there is one, in half the time).

use std::collections::{BTreeMap, BTreeSet};

use crate::support::small::{self, Lake};

/// A kind of run: what lands before, what is run, and again after a crash.
struct Run {
    name: &'static str,
    /// The run of [`RUNS`] that this one goes on from; the empty lake if none.
    after: Option<&'static str>,
    /// The landing folder of that stage, see `support::small`.
    landing: &'static str,
    args: &'static [&'static str],
    /// What is run after a crash, until it succeeds.
    again: &'static [&'static str],
    /// Where the result is to be seen: main, or a branch.
    at: &'static str,
    /// What happens to the lake before, besides.
    prepare: fn(&Lake<'_>),
}

const RUNS: [Run; 8] = [
    Run {
        name: "first",
        after: None,
        landing: "first",
        args: &["refresh"],
        again: &["refresh"],
        at: "main",
        prepare: nothing,
    },
    Run {
        name: "incremental",
        after: Some("first"),
        landing: "second",
        args: &["refresh"],
        again: &["refresh"],
        at: "main",
        prepare: nothing,
    },
    Run {
        name: "land",
        after: Some("first"),
        landing: "second",
        args: &["land"],
        again: &["land"],
        at: "main",
        prepare: nothing,
    },
    Run {
        name: "full",
        after: Some("incremental"),
        landing: "second",
        args: &["refresh", "--full"],
        again: &["refresh", "--full"],
        at: "main",
        prepare: nothing,
    },
    Run {
        name: "rollback",
        after: Some("incremental"),
        landing: "second",
        args: &["rollback", "--to", "1"],
        again: &["rollback", "--to", "1"],
        at: "main",
        prepare: nothing,
    },
    Run {
        name: "branch",
        after: Some("first"),
        landing: "second",
        args: &["refresh", "--branch", "dev"],
        again: &["refresh", "--branch", "dev"],
        at: "dev",
        prepare: nothing,
    },
    // A refresh of main gives what the branch holds.
    Run {
        name: "publish",
        after: Some("branch"),
        landing: "second",
        args: &["publish", "dev"],
        again: &["refresh"],
        at: "main",
        prepare: nothing,
    },
    Run {
        name: "maintain",
        after: Some("incremental"),
        landing: "third",
        args: &["maintain"],
        again: &["maintain"],
        at: "main",
        prepare: |lake| lake.grow_old(),
    },
];

fn nothing(_: &Lake<'_>) {}

/// Cases of each run that go with the tests; a few of them crash twice.
const SPREAD: usize = 9;

#[test]
fn a_first_refresh_survives_kill_9_at_every_step() {
    matrix("first");
}

#[test]
fn an_incremental_refresh_survives_kill_9_at_every_step() {
    matrix("incremental");
}

#[test]
fn landing_survives_kill_9_at_every_step() {
    matrix("land");
}

#[test]
fn a_full_refresh_survives_kill_9_at_every_step() {
    matrix("full");
}

#[test]
fn a_rollback_survives_kill_9_at_every_step() {
    matrix("rollback");
}

#[test]
fn a_refresh_of_a_branch_survives_kill_9_at_every_step() {
    matrix("branch");
}

#[test]
fn publishing_a_branch_survives_kill_9_at_every_step() {
    matrix("publish");
}

#[test]
fn maintenance_survives_kill_9_at_every_step() {
    matrix("maintain");
}

#[test]
fn every_step_between_two_writes_has_a_failpoint() {
    let project = small::project();
    let names: BTreeSet<String> = RUNS
        .iter()
        .flat_map(|run| trace(run, &before(run, &project)))
        .map(|hit| hit.split('@').next().unwrap().to_owned())
        .collect();
    let names: Vec<String> = names.into_iter().collect();
    insta::assert_snapshot!(names.join(" "), @"audit.done branch.published branch.staged branch.visible build.model land.deliveries land.file land.keys land.rejects lease.taken maintain.compacted maintain.compare maintain.drop maintain.dropped maintain.remove maintain.removed maintain.staged publish.committed publish.forgotten publish.intended publish.staged publish.synced publish.visible rollback.planned run.recorded stage.file store.delete store.name store.put store.sync");
}

/// The lake before `run`, from undisturbed runs.
fn before<'a>(run: &Run, project: &'a small::Small) -> Lake<'a> {
    let Some(name) = run.after else {
        return project.lake();
    };
    let earlier = RUNS.iter().find(|r| r.name == name).unwrap();
    let lake = before(earlier, project);
    lake.ok(earlier.landing, earlier.args);
    (run.prepare)(&lake);
    lake
}

/// Every hit of an undisturbed run.
fn trace(run: &Run, before: &Lake<'_>) -> Vec<String> {
    let ran = before
        .copy()
        .run_with(run.landing, run.args, "CINELAKE_FAILPOINT", "trace");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let hits = ran.stderr.lines();
    hits.filter_map(|line| line.strip_prefix("failpoint ").map(str::to_owned))
        .collect()
}

fn matrix(name: &str) {
    let run = RUNS.iter().find(|r| r.name == name).unwrap();
    let project = small::project();
    let before = before(run, &project);
    let hits = trace(run, &before);
    let twin = before.copy();
    twin.ok(run.landing, run.args);
    let states = States {
        before: before.state_at(run.at),
        after: twin.state_at(run.at),
        heads: twin.heads(),
    };
    let all = std::env::var_os("CINELAKE_TEST_CRASHES").is_some_and(|v| v == "all");
    let step = if all { 1 } else { hits.len().div_ceil(SPREAD) };
    let mut cases: Vec<(usize, Option<usize>)> = Vec::new();
    for at in (0..hits.len()).step_by(step.max(1)) {
        cases.push((at, None));
        if all || at % 3 == 0 {
            // A second crash somewhere in the run that recovers.
            cases.push((at, Some(1 + at * 7 % hits.len())));
        }
        if all {
            cases.push((at, Some(2)));
        }
    }
    let mut crashes = 0;
    for (at, second) in &cases {
        crashes += crash(run, &before, &hits[*at], *second, &states);
    }
    eprintln!("{name}: {} hits, {crashes} crashes", hits.len());
    assert!(crashes >= cases.len());
}

/// What the tables may be.
struct States {
    before: Vec<String>,
    after: Vec<String>,
    heads: BTreeMap<String, u64>,
}

/// Crashes at `hit`, and at the `second` hit of the run after; the number of
/// crashes.
fn crash(run: &Run, before: &Lake<'_>, hit: &str, second: Option<usize>, states: &States) -> usize {
    let lake = before.copy();
    let case = format!("{} killed at {hit}, then at {second:?}", run.name);
    let at = format!("{hit}=abort");
    let killed = lake.run_with(run.landing, run.args, "CINELAKE_FAILPOINT", &at);
    assert_eq!(killed.code, None, "{case}: did not die: {killed:?}");
    let mut crashes = 1;
    let mut seen = lake.state_at(run.at);
    let whole = |seen: &Vec<String>| *seen == states.before || *seen == states.after;
    assert!(whole(&seen), "{case}: readers see a mix:\n{seen:#?}");
    if let Some(second) = second {
        let at = format!("any@{second}=abort");
        let killed = lake.run_with(run.landing, run.again, "CINELAKE_FAILPOINT", &at);
        assert!(
            killed.code.is_none_or(|code| code == 0),
            "{case}: {killed:?}"
        );
        crashes += usize::from(killed.code.is_none());
        let then = lake.state_at(run.at);
        assert!(whole(&then), "{case}: readers see a mix:\n{then:#?}");
        let went_back =
            states.before != states.after && seen == states.after && then == states.before;
        assert!(!went_back, "{case}: what was visible is gone");
        seen = then;
    }
    drop(seen);
    lake.ok(run.landing, run.again);
    assert_eq!(lake.state_at(run.at), states.after, "{case}");
    assert_eq!(lake.heads(), states.heads, "{case}: the Delta heads");
    assert!(!lake.path().join("_intent.json").exists(), "{case}");
    if run.args[0] != "land" {
        let verified = lake.ok(run.landing, &["verify", "--at", run.at]);
        assert!(
            verified.stderr.contains("all the same"),
            "{case}: {}",
            verified.stderr
        );
    }
    crashes
}
