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
    insta::assert_snapshot!(doctor(&lake, &[]), @"");
    insta::assert_snapshot!(doctor(&lake, &["--repair"]), @"");
    let ran = lake.ok("first", &["doctor"]);
    assert!(ran.stdout.contains("memory: "), "{}", ran.stdout);
}

#[test]
fn before_the_first_refresh_there_is_only_the_project_to_look_at() {
    let project = small::project();
    let lake = project.lake();
    fs::remove_dir(lake.path()).unwrap();
    insta::assert_snapshot!(doctor(&lake, &[]), @"");
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
    insta::assert_snapshot!(lake.run("first", &["-q", "sql", "-c", "select * from gold.totals"]).stderr, @"");
    insta::assert_snapshot!(doctor(&lake, &[]), @"");
    insta::assert_snapshot!(doctor(&lake, &["--repair"]), @"");
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
    insta::assert_snapshot!(lake.run("first", &["-q", "sql", "-c", "select * from gold.totals"]).stderr, @"");
    insta::assert_snapshot!(doctor(&lake, &[]), @"");
    insta::assert_snapshot!(doctor(&lake, &["--repair"]), @"");
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
    insta::assert_snapshot!(doctor(&lake, &["--repair"]), @"");
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
    insta::assert_snapshot!(doctor(&lake, &["--repair"]), @"");
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
    insta::assert_snapshot!(name(doctor(&lake, &[])), @"");
    insta::assert_snapshot!(name(doctor(&lake, &["--repair"])), @"");
    insta::assert_snapshot!(name(doctor(&lake, &[])), @"");
    let ran = lake.ok("second", &["refresh"]);
    insta::assert_snapshot!(ran.stderr, @"");
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
    insta::assert_snapshot!(name(doctor(&lake, &["--repair"])), @"");
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
    insta::assert_snapshot!(name(doctor(&lake, &["--repair"])), @"");
    insta::assert_snapshot!(name(lake.run("second", &["refresh"]).stderr), @"");
    lake.write("_intent.json", "half");
    insta::assert_snapshot!(doctor(&lake, &["--repair"]), @"");
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
    insta::assert_snapshot!(doctor(&lake, &[]), @"");
}

#[test]
fn a_project_that_does_not_plan_is_a_problem_with_its_place() {
    let project = small::project();
    let lake = refreshed(&project);
    project.write(
        "queries/gold/broken.sql",
        "-- Broken.\nselect no_such_column from silver.sessions",
    );
    insta::assert_snapshot!(doctor(&lake, &[]), @"");
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
    insta::assert_snapshot!(doctor(&lake, &[]), @"");
    insta::assert_snapshot!(doctor(&lake, &["--repair"]), @"");
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
