//! `cinelake doctor`: what is found, what is repaired, what a person decides.

use std::fs;

use crate::support::Ran;
use crate::support::small::{self, Lake, Small};

fn refreshed(project: &Small) -> Lake<'_> {
    let lake = project.lake();
    lake.ok("first", &["refresh"]);
    lake
}

/// What the doctor says, without what is of this machine.
fn said(ran: &Ran) -> String {
    let own = |line: &&str| {
        let subject = line.get(9..).unwrap_or_default();
        !subject.starts_with("memory: ") && !subject.starts_with("disk: ")
    };
    let lines: Vec<&str> = ran.stdout.lines().filter(own).collect();
    let code = ran.code.unwrap();
    format!("exit {code}\n{}\n{}", lines.join("\n"), ran.stderr)
}

fn doctor(lake: &Lake<'_>, args: &[&str]) -> String {
    said(&lake.run("first", &[&["doctor"], args].concat()))
}

const LOG: &str = "gold/totals/_delta_log";

#[test]
fn a_lake_in_order_has_nothing_to_repair() {
    let project = small::project();
    let lake = refreshed(&project);
    insta::assert_snapshot!(doctor(&lake, &[]), @r"
    exit 0
    note     lake: 1 snapshot published
    note     project: 2 sources, 4 models and 0 reports planned
    nothing is wrong
    ");
    insta::assert_snapshot!(doctor(&lake, &["--repair"]), @r"
    exit 0
    note     lake: 1 snapshot published
    note     project: 2 sources, 4 models and 0 reports planned
    nothing is wrong
    ");
    let ran = lake.ok("first", &["doctor"]);
    assert!(ran.stdout.contains("memory: "), "{}", ran.stdout);
}

#[test]
fn before_the_first_refresh_there_is_only_the_project_to_look_at() {
    let project = small::project();
    let lake = project.lake();
    fs::remove_dir(lake.path()).unwrap();
    insta::assert_snapshot!(doctor(&lake, &[]), @r"
    exit 0
    note     [lake]: nothing is there yet: `cinelake refresh` builds it
    note     project: 2 sources, 4 models and 0 reports planned
    nothing is wrong
    ");
    assert!(!lake.path().exists());
    fs::create_dir(lake.path()).unwrap();
}

#[test]
fn a_hint_at_a_checkpoint_that_is_gone_is_deleted() {
    let project = small::project();
    let lake = refreshed(&project);
    let state = lake.state();
    lake.write(
        &format!("{LOG}/_last_checkpoint"),
        "{\"version\":0,\"size\":5}",
    );
    insta::assert_snapshot!(lake.run("first", &["-q", "sql", "-c", "select * from gold.totals"]).stderr, @r"
    error: could not read the Delta log of `gold.totals`: Kernel error: Invalid Checkpoint: Had a _last_checkpoint hint but didn't find any checkpoints
    hint: `cinelake doctor` says what is damaged, and repairs what it can
    ");
    insta::assert_snapshot!(doctor(&lake, &[]), @r"
    exit 1
    note     lake: 1 snapshot published
    problem  gold.totals: the hint at its newest checkpoint, `_last_checkpoint`, names that of version 0, which is missing; `--repair` deletes the hint: the log is whole
    note     project: 2 sources, 4 models and 0 reports planned
    1 problem, of which `cinelake doctor --repair` repairs 1
    ");
    insta::assert_snapshot!(doctor(&lake, &["--repair"]), @r"
    exit 0
    note     lake: 1 snapshot published
    repaired gold.totals: the hint at its newest checkpoint, `_last_checkpoint`, names that of version 0, which is missing; deleted the hint: the log is whole
    note     project: 2 sources, 4 models and 0 reports planned
    nothing is wrong; 1 repaired
    ");
    assert_eq!(lake.state(), state);
    assert!(!lake.path().join(LOG).join("_last_checkpoint").exists());
    lake.ok("first", &["doctor"]);
}

#[test]
fn a_damaged_checkpoint_is_set_aside_and_the_hint_at_it_goes() {
    let project = small::project();
    let lake = refreshed(&project);
    let state = lake.state();
    let checkpoint = format!("{LOG}/00000000000000000000.checkpoint.parquet");
    lake.write(&checkpoint, "PAR1");
    lake.write(
        &format!("{LOG}/_last_checkpoint"),
        "{\"version\":0,\"size\":5}",
    );
    insta::assert_snapshot!(lake.run("first", &["-q", "sql", "-c", "select * from gold.totals"]).stderr, @r"
    error: could not read the Delta log of `gold.totals`: Kernel error: Arrow error: EOF: file size of 4 is less than footer
    hint: `cinelake doctor` says what is damaged, and repairs what it can
    ");
    insta::assert_snapshot!(doctor(&lake, &[]), @r"
    exit 1
    note     lake: 1 snapshot published
    problem  gold.totals: the hint at its newest checkpoint, `_last_checkpoint`, names that of version 0, which is damaged; `--repair` deletes the hint: the log is whole
    problem  gold.totals: its checkpoint of version 0 is damaged; `--repair` sets it aside in `_damaged`: the log is whole
    note     project: 2 sources, 4 models and 0 reports planned
    2 problems, of which `cinelake doctor --repair` repairs 2
    ");
    insta::assert_snapshot!(doctor(&lake, &["--repair"]), @r"
    exit 0
    note     lake: 1 snapshot published
    repaired gold.totals: the hint at its newest checkpoint, `_last_checkpoint`, names that of version 0, which is damaged; deleted the hint: the log is whole
    repaired gold.totals: its checkpoint of version 0 is damaged; set aside in `_damaged`: the log is whole
    note     project: 2 sources, 4 models and 0 reports planned
    nothing is wrong; 2 repaired
    ");
    assert_eq!(lake.state(), state);
    assert!(lake.path().join("_damaged").join(&checkpoint).exists());
    lake.ok("first", &["doctor"]);
    lake.ok("second", &["refresh"]);
}

#[test]
fn a_damaged_hint_is_deleted() {
    let project = small::project();
    let lake = refreshed(&project);
    lake.write(&format!("{LOG}/_last_checkpoint"), "");
    insta::assert_snapshot!(doctor(&lake, &["--repair"]), @r"
    exit 0
    note     lake: 1 snapshot published
    repaired gold.totals: the hint at its newest checkpoint, `_last_checkpoint`, is damaged; deleted the hint: the log is whole
    note     project: 2 sources, 4 models and 0 reports planned
    nothing is wrong; 1 repaired
    ");
    lake.ok("first", &["doctor"]);
}

#[test]
fn a_checkpoint_that_the_log_needs_is_left_to_a_person() {
    let project = small::project();
    let lake = refreshed(&project);
    let log = lake.path().join(LOG);
    lake.write(
        &format!("{LOG}/00000000000000000000.checkpoint.parquet"),
        "PAR1",
    );
    fs::remove_file(log.join("00000000000000000000.json")).unwrap();
    insta::assert_snapshot!(doctor(&lake, &["--repair"]), @r"
    exit 1
    note     lake: 1 snapshot published
    problem  gold.totals: its checkpoint of version 0 is damaged; older commits are gone, so the log is not whole without it: bring it back from a backup
    note     project: 2 sources, 4 models and 0 reports planned
    1 problem
    ");
    assert!(log.join("00000000000000000000.checkpoint.parquet").exists());
}

#[test]
fn what_a_run_that_died_left_is_finished_or_deleted() {
    let project = small::project();
    let lake = refreshed(&project);
    let died = |at: &str| {
        let killed = lake.run_with("second", &["refresh"], "CINELAKE_FAILPOINT", at);
        assert_eq!(killed.code, None, "{at}: {}", killed.stderr);
    };
    // The intent's own file, written and without its name.
    died("store.name=abort");
    died("publish.committed@2=abort");
    let name = |text: String| crate::faults::steady_names(&text);
    insta::assert_snapshot!(name(doctor(&lake, &[])), @r"
    exit 1
    note     lake: 1 snapshot published
    problem  lake: 1 file is half written: _intent.json#[id]; `--repair` deletes what is half written
    problem  publish: a run that died had begun to publish snapshot 2; `--repair` carries it through, as the next run does
    note     project: 2 sources, 4 models and 0 reports planned
    2 problems, of which `cinelake doctor --repair` repairs 2
    ");
    insta::assert_snapshot!(name(doctor(&lake, &["--repair"])), @r"
    exit 0
    note     lake: 2 snapshots published
    repaired lake: 1 file is half written: _intent.json#[id]; deleted
    repaired publish: a run that died had begun to publish snapshot 2; carried through: snapshot 2 is published
    note     lake: 11 files are named by no snapshot, [id] bytes: runs that died left them; `cinelake maintain` removes them
    note     project: 2 sources, 4 models and 0 reports planned
    nothing is wrong; 2 repaired
    ");
    insta::assert_snapshot!(name(doctor(&lake, &[])), @r"
    exit 0
    note     lake: 2 snapshots published
    note     lake: 11 files are named by no snapshot, [id] bytes: runs that died left them; `cinelake maintain` removes them
    note     project: 2 sources, 4 models and 0 reports planned
    nothing is wrong
    ");
    let ran = lake.ok("second", &["refresh"]);
    insta::assert_snapshot!(ran.stderr, @"nothing new: snapshot 2 is up to date");
}

#[test]
fn files_that_are_gone_or_cut_short_are_named() {
    let project = small::project();
    let lake = refreshed(&project);
    let files = lake.data_files();
    let of = |table: &str| {
        let file = files.iter().find(|f| f.starts_with(table)).unwrap();
        lake.path().join(file)
    };
    fs::remove_file(of("gold/totals")).unwrap();
    fs::write(of("silver/sessions/month=2024-01-01"), "PAR1").unwrap();
    fs::remove_dir_all(lake.path().join("bronze/titles/_delta_log")).unwrap();
    lake.write("_snapshots/7.json", "{}");
    let name = |text: String| crate::faults::steady_names(&text);
    insta::assert_snapshot!(name(doctor(&lake, &["--repair"])), @r"
    exit 1
    note     lake: 2 snapshots published
    problem  lake: snapshot 7 is damaged: missing field `format` at line 1 column 2; bring `_snapshots/7.json` back from a backup
    problem  bronze.titles of snapshot 1: the Delta log of `bronze.titles` is gone; restore the lake's folder from a backup
    problem  gold.totals of snapshot 1: 1 file is missing or of another size: gold/totals/part-[id].parquet; bring back what is missing from a backup, or go back to an older snapshot: `cinelake rollback`
    problem  silver.sessions of snapshot 1: 1 file is missing or of another size: silver/sessions/month=2024-01-01/part-[id].parquet; bring back what is missing from a backup, or go back to an older snapshot: `cinelake rollback`
    note     project: 2 sources, 4 models and 0 reports planned
    4 problems
    ");
}

#[test]
fn an_intent_that_cannot_be_carried_through_is_left_to_a_person() {
    let project = small::project();
    let lake = refreshed(&project);
    let before = lake.data_files();
    let at = "publish.intended=abort";
    let killed = lake.run_with("second", &["refresh"], "CINELAKE_FAILPOINT", at);
    assert_eq!(killed.code, None);
    let files = lake.data_files();
    let mut new = files.iter().filter(|f| !before.contains(f));
    let staged = new.find(|f| f.starts_with("gold/totals")).unwrap();
    fs::remove_file(lake.path().join(staged)).unwrap();
    let name = |text: String| crate::faults::steady_names(&text);
    insta::assert_snapshot!(name(doctor(&lake, &["--repair"])), @r"
    exit 1
    note     lake: 1 snapshot published
    problem  publish: _intent.json: a run that died was to publish `gold/totals/part-[id].parquet`, which is missing or cut short; nothing of that run is visible; delete the file and run again
    note     project: 2 sources, 4 models and 0 reports planned
    1 problem
    ");
    insta::assert_snapshot!(name(lake.run("second", &["refresh"]).stderr), @r"
    error: _intent.json: a run that died was to publish `gold/totals/part-[id].parquet`, which is missing or cut short
    hint: nothing of that run is visible; delete the file and run again
    ");
    lake.write("_intent.json", "half");
    insta::assert_snapshot!(doctor(&lake, &["--repair"]), @r"
    exit 1
    note     lake: 1 snapshot published
    problem  publish: _intent.json: the intent of a run that died is damaged: expected value at line 1 column 1; nothing of that run is visible; delete the file and run again
    note     project: 2 sources, 4 models and 0 reports planned
    1 problem
    ");
    // What the hint says, done.
    fs::remove_file(lake.path().join("_intent.json")).unwrap();
    lake.ok("second", &["refresh"]);
    lake.ok("second", &["verify"]);
}

#[test]
fn a_log_that_another_program_went_on_with_is_noted() {
    let project = small::project();
    let lake = refreshed(&project);
    let log = lake.path().join(LOG);
    fs::write(
        log.join("00000000000000000001.json"),
        "{\"commitInfo\":{}}\n",
    )
    .unwrap();
    insta::assert_snapshot!(doctor(&lake, &[]), @r"
    exit 0
    note     lake: 1 snapshot published
    note     gold.totals: its Delta log goes on to version 1, the newest snapshot holds version 0: another program wrote to it; readers here do not see that, and the next run that changes the table takes it back
    note     project: 2 sources, 4 models and 0 reports planned
    nothing is wrong
    ");
}

#[test]
fn a_project_that_does_not_plan_is_a_problem_with_its_place() {
    let project = small::project();
    let lake = refreshed(&project);
    project.write(
        "queries/gold/broken.sql",
        "-- Broken.\nselect no_such_column from silver.sessions",
    );
    insta::assert_snapshot!(doctor(&lake, &[]), @r"
    exit 1
    note     lake: 1 snapshot published
    problem  project: queries/gold/broken.sql:2: no column `no_such_column`; columns are month, session_id, title_id, minutes
    1 problem
    ");
}

#[test]
fn a_repair_needs_the_lease_and_a_look_does_not() {
    let project = small::project();
    let lake = refreshed(&project);
    let lease = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(lake.path().join("_lease"))
        .unwrap();
    lease.lock().unwrap();
    fs::write(
        lake.path().join("_lease"),
        "`cinelake refresh`, process 4711",
    )
    .unwrap();
    insta::assert_snapshot!(doctor(&lake, &[]), @r"
    exit 0
    note     lake: 1 snapshot published
    note     lease: held by `cinelake refresh`, process 4711
    note     project: 2 sources, 4 models and 0 reports planned
    nothing is wrong
    ");
    insta::assert_snapshot!(doctor(&lake, &["--repair"]), @r"
    exit 75

    error: the lake is held by `cinelake refresh`, process 4711
    hint: wait until it is done; readers need not wait
    ");
}

#[test]
fn more_memory_than_there_is_is_a_problem() {
    let project = small::project();
    let lake = refreshed(&project);
    let ran = lake.run("first", &["doctor", "--memory", "100000GiB"]);
    assert_eq!(ran.code, Some(1));
    let line = ran.stdout.lines().find(|l| l.contains("memory: ")).unwrap();
    assert!(
        line.starts_with("problem  memory: 97.66 TiB of memory may be used, and there are ")
            && line.ends_with("lower `memory` in `cinelake.toml`, `CINELAKE_MEMORY` or `--memory`"),
        "{line}"
    );
}
