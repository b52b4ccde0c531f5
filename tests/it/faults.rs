//! A disk that fails: at every operation of a refresh, a recovery and a
//! rollback, with an error, a short write, or power loss.
//!
//! Whatever happens, the command ends well or says clearly why it did not,
//! readers see one whole snapshot, what was reported as published is there,
//! and the next run, on a disk that works, ends as if nothing had happened.
//!
//! A spread of the cases runs with the tests. All of them:
//! `CINELAKE_TEST_CRASHES=all cargo test --release --test it -- faults`

use crate::support::Ran;
use crate::support::small::{self, Lake, Small};

/// Cases of each kind and run that go with the tests.
const SPREAD: usize = 4;

/// A run on a disk that fails.
struct Run {
    name: &'static str,
    /// Prepares the lake.
    before: fn(&Small) -> Lake<'_>,
    args: &'static [&'static str],
    /// Where the result is to be seen: main, or a branch.
    at: &'static str,
}

const RUNS: [Run; 6] = [
    Run {
        name: "first refresh",
        before: |project| project.lake(),
        args: &["refresh"],
        at: "main",
    },
    Run {
        name: "refresh",
        before: |project| {
            let lake = project.lake();
            lake.ok("first", &["refresh"]);
            lake
        },
        args: &["refresh"],
        at: "main",
    },
    Run {
        name: "recovery",
        before: |project| {
            let lake = project.lake();
            lake.ok("first", &["refresh"]);
            let at = "publish.committed@3=abort";
            let killed = lake.run_with("second", &["refresh"], "CINELAKE_FAILPOINT", at);
            assert_eq!(killed.code, None, "{}", killed.stderr);
            lake
        },
        args: &["refresh"],
        at: "main",
    },
    Run {
        name: "rollback",
        before: |project| {
            let lake = project.lake();
            lake.ok("first", &["refresh"]);
            lake.ok("second", &["refresh"]);
            lake
        },
        args: &["rollback", "--to", "1"],
        at: "main",
    },
    Run {
        name: "branch",
        before: |project| {
            let lake = project.lake();
            lake.ok("first", &["refresh"]);
            lake
        },
        args: &["refresh", "--branch", "dev"],
        at: "dev",
    },
    Run {
        name: "maintain",
        before: |project| {
            let lake = project.lake();
            lake.ok("first", &["refresh"]);
            lake.ok("second", &["refresh"]);
            lake.grow_old();
            lake
        },
        args: &["maintain"],
        at: "main",
    },
];

#[test]
fn an_operation_that_fails_is_an_error_or_does_no_harm() {
    every_position("error");
}

#[test]
fn an_operation_that_takes_place_and_is_reported_as_failed_does_no_harm() {
    every_position("late");
}

#[test]
fn a_short_write_is_an_error() {
    every_position("short");
}

#[test]
fn power_loss_that_undoes_what_was_not_synced_leaves_a_whole_snapshot() {
    every_position("lose");
}

#[test]
fn power_loss_that_keeps_names_and_zeroes_bytes_leaves_a_whole_snapshot() {
    every_position("zero");
}

#[test]
fn power_loss_that_does_both_leaves_a_whole_snapshot() {
    every_position("mix");
}

#[test]
fn what_was_reported_as_published_survives_power_loss_right_after() {
    let project = small::project();
    for run in &RUNS {
        let before = (run.before)(&project);
        let twin = before.copy();
        twin.ok("second", run.args);
        for fault in ["lose@0", "zero@0", "mix@0"] {
            let lake = before.copy();
            let ran = lake.run_with("second", run.args, "CINELAKE_FAULT", fault);
            assert_eq!(ran.code, None, "{}: {fault}: {}", run.name, ran.stderr);
            assert!(
                !reported(&ran).is_empty(),
                "{}: {fault}: {}",
                run.name,
                ran.stderr
            );
            let (seen, wanted) = (lake.state_at(run.at), twin.state_at(run.at));
            assert_eq!(seen, wanted, "{}: {fault}", run.name);
            let runs =
                |lake: &Lake<'_>| lake.rows("select command, status from system.runs order by run");
            assert_eq!(runs(&lake), runs(&twin), "{}: {fault}", run.name);
        }
    }
}

#[test]
fn a_full_disk_is_named_and_staged_files_go() {
    let project = small::project();
    let lake = project.lake();
    lake.ok("first", &["refresh"]);
    let files = lake.data_files();
    let ran = lake.run_with("second", &["refresh"], "CINELAKE_FAULT", "short@3");
    assert_eq!(ran.code, Some(3));
    let error = ran.stderr.find("\nerror: ").unwrap() + 1;
    // The months' files are written at the same time: either may be the third.
    let message = steady_names(&ran.stderr[error..]).replace("2024-03-01", "2024-02-01");
    insta::assert_snapshot!(message, @r"
    error: could not write 2488 bytes to `bronze/watched/month=2024-02-01/part-[id].parquet`: Generic lake error: bronze/watched/month=2024-02-01/part-[id].parquet: No space left on device (os error 28)
    hint: the disk is full; what was published stays as it is, free space and run again
    ");
    assert_eq!(lake.data_files(), files, "what was staged is deleted");
}

/// The text without the chance in the names of files.
pub(crate) fn steady_names(text: &str) -> String {
    let mut out = text.to_owned();
    for (mark, length) in [("part-", 36), ("#", 32), (" snapshot, ", 5)] {
        let parts: Vec<String> = out.split(mark).map(str::to_owned).collect();
        let tails = parts.iter().skip(1).map(|part| {
            let id = part.len().min(length);
            let is_id = part[..id]
                .chars()
                .all(|c| c.is_ascii_hexdigit() || c == '-');
            let tail = if is_id { &part[id..] } else { part };
            format!("{mark}[id]{tail}")
        });
        out = parts[0].clone() + &tails.collect::<String>();
    }
    out
}

fn every_position(kind: &str) {
    let project = small::project();
    let all = std::env::var_os("CINELAKE_TEST_CRASHES").is_some_and(|v| v == "all");
    for run in &RUNS {
        let before = (run.before)(&project);
        let twin = before.copy();
        twin.ok("second", run.args);
        let states = States {
            before: before.state_at(run.at),
            after: twin.state_at(run.at),
        };
        let operations = undisturbed(run, &before, kind);
        let step = if all { 1 } else { operations.div_ceil(SPREAD) };
        let mut struck = 0;
        for at in (1..=operations).step_by(step) {
            struck += usize::from(strike(
                run,
                &before,
                &twin,
                &format!("{kind}@{at}"),
                &states,
            ));
        }
        eprintln!(
            "{}: {kind}: {operations} operations, {struck} struck",
            run.name
        );
        assert!(struck > 0, "{}: {kind}: nothing struck", run.name);
    }
}

/// What the tables may be.
struct States {
    before: Vec<String>,
    after: Vec<String>,
}

/// How many operations an undisturbed run makes.
fn undisturbed(run: &Run, before: &Lake<'_>, kind: &str) -> usize {
    let fault = format!("{kind}@1000000");
    let ran = before
        .copy()
        .run_with("second", run.args, "CINELAKE_FAULT", &fault);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let told = ran.stderr.split("no fault struck in ").nth(1);
    let number = told.and_then(|text| text.split(' ').next()?.parse().ok());
    number.unwrap_or_else(|| panic!("{}", ran.stderr))
}

/// Whether the fault struck.
fn strike(run: &Run, before: &Lake<'_>, twin: &Lake<'_>, fault: &str, states: &States) -> bool {
    let lake = before.copy();
    let case = format!("{} with {fault}", run.name);
    let ran = lake.run_with("second", run.args, "CINELAKE_FAULT", fault);
    let is_power_loss = ["lose", "zero", "mix"].iter().any(|k| fault.starts_with(k));
    match ran.code {
        None => assert!(is_power_loss, "{case}: {}", ran.stderr),
        Some(0) => {}
        Some(code) => {
            assert_eq!(code, 3, "{case}: {}", ran.stderr);
            assert!(
                ran.stderr.contains("\nerror: ") || ran.stderr.starts_with("error: "),
                "{case}: {}",
                ran.stderr
            );
        }
    }
    let seen = lake.state_at(run.at);
    assert!(
        seen == states.before || seen == states.after,
        "{case}: readers see a mix:\n{}\n{seen:#?}",
        ran.stderr
    );
    for id in reported(&ran) {
        assert!(lake.snapshots().contains(&id), "{case}: {}", ran.stderr);
        assert_eq!(seen, states.after, "{case}: {}", ran.stderr);
    }
    lake.ok("second", run.args);
    assert_eq!(
        lake.state_at(run.at),
        states.after,
        "{case}: {}",
        ran.stderr
    );
    assert_eq!(
        lake.heads(),
        twin.heads(),
        "{case}: the Delta heads: {}",
        ran.stderr
    );
    let verified = lake.ok("second", &["verify", "--at", run.at]);
    assert!(
        verified.stderr.contains("all the same"),
        "{case}: {}",
        verified.stderr
    );
    lake.ok("second", &["doctor", "--repair"]);
    ran.code.is_none() || ran.stderr.contains("fault struck")
}

/// The snapshots that a run said it published.
fn reported(ran: &Ran) -> Vec<u64> {
    let words = [
        "published snapshot ",
        "made snapshot ",
        "published as snapshot ",
        "carried through: snapshot ",
    ];
    let parts = words.iter().flat_map(|word| ran.stderr.split(word).skip(1));
    let number = |text: &str| -> Option<u64> {
        let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    };
    parts.filter_map(number).collect()
}
