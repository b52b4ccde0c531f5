//! Maintenance: the same rows in fewer files, snapshots that are dropped, and
//! files that nobody needs.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use crate::support::{Project, steady};

const USERS: &str = "files = \"users*\"\nkey = [\"user_id\"]\nversion_by = \"seen\"\n[columns]\n\
                     user_id = { type = \"bigint\", required = true }\ncountry = \"text\"\nseen = \"date\"\n";
const PAYMENTS: &str = "files = \"payments*\"\npartition_by = { month = \"paid_on\" }\nmax_rejected = \"90%\"\n[columns]\n\
                        payment_id = { type = \"bigint\", required = true }\n\
                        user_id = { type = \"bigint\", required = true }\n\
                        amount = { type = \"decimal(12,2)\", required = true }\n\
                        paid_on = { type = \"date\", required = true }\n";
const PAYMENTS_HEADER: &str = "payment_id,user_id,amount,paid_on\n";
const USERS_HEADER: &str = "user_id,country,seen\n";

fn files() -> Project {
    Project::of(&[
        ("bronze/users.toml", USERS),
        ("bronze/payments.toml", PAYMENTS),
        (
            "silver/users.sql",
            "-- Users.\n--\n-- grain: user_id\nselect user_id, country from bronze.users where _current",
        ),
        (
            "silver/payments.sql",
            "-- Payments.\n--\n-- partition_by: month\n-- grain: month, payment_id\n\
             select month, payment_id, user_id, amount from bronze.payments",
        ),
        (
            "gold/revenue.sql",
            "-- Revenue by month.\n--\n-- grain: month\n\
             select month, sum(amount) as revenue, count(*) as payments from silver.payments group by month",
        ),
    ])
}

/// The file of the day `day`, with a row that does not fit.
fn deliver_day(project: &Project, day: u32) {
    project.deliver(
        &format!("payments_{day}.csv"),
        format!(
            "{PAYMENTS_HEADER}{day}1,1,{day}.50,2024-01-{day:02}\n{day}2,2,1.25,2024-02-{day:02}\n{day}3,2,much,2024-02-01\n"
        ),
    );
    project.deliver(
        &format!("users_{day}.csv"),
        format!("{USERS_HEADER}1,US,2024-01-{day:02}\n{day}0,DE,2024-01-{day:02}\n"),
    );
}

/// Five days, each landed by a refresh of its own.
fn project() -> Project {
    project_of(5)
}

fn project_of(days: u32) -> Project {
    let project = files();
    for day in 1..=days {
        deliver_day(&project, day);
        project.ok(&["refresh"]);
    }
    project
}

/// Every table's rows.
fn content(project: &Project) -> Vec<String> {
    [
        "select * from bronze.payments order by _delivery, _line",
        "select * from bronze.users order by _delivery, _line",
        "select * from bronze._rejects order by delivery, line",
        "select delivery, path, rows_landed, rows_rejected, replaced_by from system.deliveries order by 1",
        "select * from silver.users order by 1",
        "select * from silver.payments order by 1, 2",
        "select * from gold.revenue order by 1",
    ]
    .map(|sql| format!("{sql}\n{}", project.rows(sql).join("\n")))
    .to_vec()
}

const PARTITIONS: &str = "select table_name, partition, changed_in, rows, content_hash from system.partitions order by 1, 2";

/// Makes every file of the lake look two days old.
fn age(project: &Project) {
    let old = SystemTime::now() - Duration::from_hours(48);
    for file in project.lake_files() {
        set_modified(&project.path("lake").join(file), old);
    }
}

fn set_modified(path: &Path, to: SystemTime) {
    fs::File::options()
        .write(true)
        .open(path)
        .unwrap()
        .set_modified(to)
        .unwrap();
}

/// Keep little, so that a test need not publish thirty snapshots.
fn keep(project: &Project, snapshots: u64) {
    project.write(
        "cinelake.toml",
        &format!("[maintain]\nkeep_snapshots = {snapshots}\nkeep_days = 0\n"),
    );
}

/// Whether other Delta readers see the newest snapshot.
fn heads_are_published(project: &Project) {
    let snapshot = newest(project);
    for (name, entry) in snapshot["tables"].as_object().unwrap() {
        let Some(version) = entry["kind"]["table"]["version"].as_u64() else {
            continue;
        };
        let log = project.path(&format!("lake/{}/_delta_log", name.replace('.', "/")));
        let commits = fs::read_dir(log).unwrap().filter(|entry| {
            let name = entry.as_ref().unwrap().file_name();
            name.to_str().unwrap().ends_with(".json")
        });
        assert_eq!(version, commits.count() as u64 - 1, "{name}");
    }
}

fn newest(project: &Project) -> serde_json::Value {
    let ids = project.lake_files().into_iter().filter_map(|f| {
        f.strip_prefix("_snapshots/")?
            .strip_suffix(".json")?
            .parse::<u64>()
            .ok()
    });
    let id = ids.max().unwrap();
    let text = fs::read_to_string(project.path(&format!("lake/_snapshots/{id}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn data_files(project: &Project) -> usize {
    let files = project.lake_files();
    files.iter().filter(|f| f.contains("/part-")).count()
}

#[test]
fn small_files_are_put_together_and_nothing_else_changes() {
    let project = project();
    let (before, partitions) = (content(&project), project.rows(PARTITIONS));
    let files = project.lake_files();
    let dry = project.ok(&["maintain", "--dry-run"]);
    insta::with_settings!({filters => sizes()}, {
        insta::assert_snapshot!(dry.stdout + &dry.stderr, @r"
        compact bronze._rejects: 5 files, [size]
        compact bronze.payments month=2024-01-01: 5 files, [size]
        compact bronze.payments month=2024-02-01: 5 files, [size]
        compact bronze.users: 5 files, [size]
        20 small files would be put together into 4
        ");
    });
    assert_eq!(project.lake_files(), files, "a dry run writes nothing");
    let ran = project.ok(&["maintain"]);
    insta::with_settings!({filters => sizes()}, {
        insta::assert_snapshot!(ran.stdout + &ran.stderr, @r"
        compact bronze._rejects: 5 files, [size] into 1, [size]
        compact bronze.payments month=2024-01-01: 5 files, [size] into 1, [size]
        compact bronze.payments month=2024-02-01: 5 files, [size] into 1, [size]
        compact bronze.users: 5 files, [size] into 1, [size]
        20 small files put together into 4, published as snapshot 6
        ");
    });
    assert_eq!(content(&project), before);
    assert_eq!(project.rows(PARTITIONS), partitions);
    assert_eq!(project.row("select max(files) from system.partitions"), "1");
    heads_are_published(&project);
    // Programs that follow the log are told that no row changed.
    let log = project.path("lake/bronze/users/_delta_log/00000000000000000005.json");
    let commit = fs::read_to_string(log).unwrap();
    assert!(commit.contains("\"dataChange\":false") && !commit.contains("\"dataChange\":true"));
    assert!(project.ok(&["verify"]).stderr.ends_with("all the same\n"));
    assert_eq!(
        project.ok(&["refresh"]).stderr,
        "nothing new: snapshot 6 is up to date\n"
    );
    assert_eq!(project.ok(&["maintain"]).stderr, "nothing to maintain\n");
    assert_eq!(
        project.rows(
            "select command, status, snapshot from system.runs order by started_at desc limit 1"
        ),
        ["maintain,published,6"]
    );
    assert_eq!(
        project.rows(
            "select command, tables_changed from system.snapshots order by snapshot desc limit 1"
        ),
        ["maintain,0"]
    );
    // What the last refresh changed is still what `diff` and `rollback` mean.
    assert!(
        project.ok(&["diff"]).stderr.contains("snapshot 4"),
        "{}",
        project.ok(&["diff"]).stderr
    );
    let back = project.ok(&["rollback"]).stderr;
    assert!(
        back.starts_with("rolled back to snapshot 4, published as snapshot 7"),
        "{back}"
    );
    heads_are_published(&project);
    project.ok(&["refresh"]);
    project.ok(&["maintain"]);
    let numbers = |rows: &[String]| rows[4..].to_vec();
    assert_eq!(numbers(&content(&project)), numbers(&before));
}

/// Filters that hide the names and sizes of files, and times.
fn sizes() -> Vec<(&'static str, &'static str)> {
    vec![
        (r"part-[0-9a-f-]{36}", "[file]"),
        (r"[0-9.]+ (B|KiB|MiB)", "[size]"),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d", "[time]"),
    ]
}

#[test]
fn deliveries_are_replaced_and_keys_settled_within_files_of_several() {
    let project = project();
    project.ok(&["maintain"]);
    assert_eq!(
        project.row("select count(distinct delivery) from bronze._rejects"),
        "5"
    );
    // Another content under a known name: without rejects, without February.
    project.deliver(
        "payments_2.csv",
        format!("{PAYMENTS_HEADER}21,1,7.00,2024-01-02\n"),
    );
    // A newer version of a user, and one that counted goes.
    project.deliver("users_9.csv", format!("{USERS_HEADER}30,FR,2024-03-01\n"));
    project.deliver("users_5.csv", format!("{USERS_HEADER}50,AT,2024-01-05\n"));
    project.ok(&["refresh"]);
    assert_eq!(
        project.rows(
            "select payment_id, amount from bronze.payments where payment_id in (21, 22) order by 1"
        ),
        ["21,7.00"]
    );
    assert_eq!(project.row("select count(*) from bronze.payments"), "9");
    assert_eq!(
        project.rows("select line, path from bronze._rejects order by path"),
        [
            "4,payments_1.csv",
            "4,payments_3.csv",
            "4,payments_4.csv",
            "4,payments_5.csv"
        ]
    );
    assert_eq!(
        project.rows("select user_id, country, seen, _current from bronze.users where user_id in (1, 30, 50) order by 1, 3"),
        [
            "1,US,2024-01-01,false",
            "1,US,2024-01-02,false",
            "1,US,2024-01-03,false",
            "1,US,2024-01-04,true",
            "30,DE,2024-01-03,false",
            "30,FR,2024-03-01,true",
            "50,AT,2024-01-05,true"
        ]
    );
    assert_eq!(
        project.row("select revenue from gold.revenue where month = date '2024-01-01'"),
        "22.00"
    );
    assert!(project.ok(&["verify"]).stderr.ends_with("all the same\n"));
}

#[test]
fn a_source_whose_contract_changes_lands_again_out_of_files_of_several() {
    let project = project();
    project.ok(&["maintain"]);
    project.write(
        "queries/bronze/payments.toml",
        &PAYMENTS.replace(
            "payment_id = { type = \"bigint\"",
            "payment_id = { type = \"text\"",
        ),
    );
    project.ok(&["refresh"]);
    assert_eq!(
        project
            .row("select count(*), count(distinct _delivery), max(_delivery) from bronze.payments"),
        "10,5,15"
    );
    assert_eq!(project.row("select count(*) from bronze._rejects"), "5");
    assert!(project.ok(&["verify"]).stderr.ends_with("all the same\n"));
}

/// Numbers that look like chance and are the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// A story of deliveries, replacements and corrections; maintained at some
/// points, or never.
fn story(seed: u64, maintained: bool) -> Vec<String> {
    let project = files();
    let mut chance = Chance(seed);
    for step in 1..=7_u64 {
        for part in 0..=chance.below(2) {
            let (name, rows) = (chance.below(4), chance.below(4));
            let mut text = PAYMENTS_HEADER.to_owned();
            for row in 0..rows {
                // A file of rejects only is refused.
                let amount = match chance.below(4) {
                    0 if row > 0 => "none".to_owned(),
                    n => n.to_string(),
                };
                let month = chance.below(3) + 1;
                text.push_str(&format!(
                    "{step}{part}{row},1,{amount},2024-{month:02}-01\n"
                ));
            }
            project.deliver(&format!("payments_{name}.csv"), text);
            let name = chance.below(4);
            let mut text = USERS_HEADER.to_owned();
            for _ in 0..chance.below(4) {
                let (user, seen) = (chance.below(4), chance.below(5) + 1);
                text.push_str(&format!("{user},{step},2024-01-{seen:02}\n"));
            }
            project.deliver(&format!("users_{name}.csv"), text);
        }
        project.ok(&["refresh"]);
        if chance.below(2) == 0 && maintained {
            project.ok(&["maintain"]);
            age(&project);
        }
    }
    if maintained {
        assert!(project.ok(&["verify"]).stderr.ends_with("all the same\n"));
    }
    content(&project)
}

#[test]
fn whatever_is_delivered_and_whenever_it_is_maintained_the_rows_are_the_same() {
    for seed in [1_u64, 4711, 0x00c0_ffee, 987_654_321] {
        let seed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        assert_eq!(story(seed, true), story(seed, false), "seed {seed}");
    }
}

#[test]
fn snapshots_beyond_retention_go_and_their_files_after_the_safe_age() {
    let project = project();
    keep(&project, 2);
    let rows = content(&project);
    let dry = project.ok(&["maintain", "--dry-run"]);
    assert!(dry.stdout.contains("drop    snapshot 3"), "{}", dry.stdout);
    let all = data_files(&project);
    let ran = project.ok(&["maintain"]);
    insta::with_settings!({filters => sizes()}, {
        insta::assert_snapshot!(ran.stdout.lines().filter(|l| !l.starts_with("compact")).collect::<Vec<_>>().join("\n") + "\n" + &ran.stderr, @r"
        drop    snapshot 1: refresh, published [time]
        drop    snapshot 2: refresh, published [time]
        drop    snapshot 3: refresh, published [time]
        drop    snapshot 4: refresh, published [time]
        20 small files put together into 4, published as snapshot 6
        4 snapshots dropped
        files of dropped snapshots stay for 24 hours: readers may be at them
        ");
    });
    assert_eq!(
        project.rows("select snapshot from system.snapshots order by 1"),
        ["5", "6"]
    );
    let mut said = String::new();
    for args in [
        vec!["rollback", "--to", "3"],
        vec!["sql", "-c", "select 1", "--at", "3"],
        vec!["sql", "-c", "select 1", "--at", "7"],
        vec!["diff", "1", "5"],
    ] {
        said.push_str(&format!("$ {}\n{}\n", args.join(" "), project.fails(&args)));
    }
    insta::assert_snapshot!(said, @r"
    $ rollback --to 3
    exit 2
    error: snapshot 3 is no longer kept
    hint: `cinelake snapshots` lists those that are; `[maintain]` in `cinelake.toml` says how many stay

    $ sql -c select 1 --at 3
    exit 2
    error: snapshot 3 is no longer kept
    hint: `cinelake snapshots` lists those that are; `[maintain]` in `cinelake.toml` says how many stay

    $ sql -c select 1 --at 7
    exit 2
    error: there is no snapshot 7
    hint: `cinelake snapshots` lists them

    $ diff 1 5
    exit 2
    error: snapshot 1 is no longer kept
    hint: `cinelake snapshots` lists those that are; `[maintain]` in `cinelake.toml` says how many stay
    ");
    // Readers that opened them may still be at their files.
    assert!(data_files(&project) > all);
    assert_eq!(project.ok(&["maintain"]).stderr, "nothing to maintain\n");
    // Old files alone do not suffice: the snapshots were dropped just now.
    for file in project.lake_files() {
        if !file.starts_with("_dropped/") {
            set_modified(
                &project.path("lake").join(file),
                SystemTime::now() - Duration::from_hours(48),
            );
        }
    }
    assert_eq!(project.ok(&["maintain"]).stderr, "nothing to maintain\n");
    age(&project);
    let before = project.lake_files();
    let dry = project.ok(&["maintain", "--dry-run"]);
    assert_eq!(project.lake_files(), before);
    let ran = project.ok(&["maintain"]);
    assert_eq!(dry.stdout, ran.stdout);
    insta::with_settings!({filters => sizes()}, {
        insta::assert_snapshot!(ran.stdout + &ran.stderr, @r"
        remove  bronze/users/[file].parquet: [size]
        remove  bronze/users/[file].parquet: [size]
        remove  bronze/users/[file].parquet: [size]
        remove  bronze/users/[file].parquet: [size]
        remove  gold/revenue/[file].parquet: [size]
        remove  gold/revenue/[file].parquet: [size]
        remove  gold/revenue/[file].parquet: [size]
        remove  gold/revenue/[file].parquet: [size]
        remove  silver/payments/month=2024-01-01/[file].parquet: [size]
        remove  silver/payments/month=2024-01-01/[file].parquet: [size]
        remove  silver/payments/month=2024-01-01/[file].parquet: [size]
        remove  silver/payments/month=2024-01-01/[file].parquet: [size]
        remove  silver/payments/month=2024-02-01/[file].parquet: [size]
        remove  silver/payments/month=2024-02-01/[file].parquet: [size]
        remove  silver/payments/month=2024-02-01/[file].parquet: [size]
        remove  silver/payments/month=2024-02-01/[file].parquet: [size]
        remove  silver/users/[file].parquet: [size]
        remove  silver/users/[file].parquet: [size]
        remove  silver/users/[file].parquet: [size]
        remove  silver/users/[file].parquet: [size]
        remove  system/deliveries/[file].parquet: [size]
        remove  system/deliveries/[file].parquet: [size]
        remove  system/deliveries/[file].parquet: [size]
        remove  system/deliveries/[file].parquet: [size]
        24 files removed, [size]
        ");
    });
    assert_eq!(content(&project), rows);
    assert_eq!(
        project.rows("select command, status from system.runs order by started_at desc limit 1"),
        ["maintain,done"]
    );
    assert!(
        !project
            .lake_files()
            .iter()
            .any(|f| f.starts_with("_dropped"))
    );
    // The snapshots that are kept are whole.
    assert_eq!(
        project
            .ok(&[
                "-q",
                "sql",
                "-f",
                "csv",
                "-c",
                "select count(*) from bronze.payments",
                "--at",
                "5"
            ])
            .stdout,
        "count(*)\n10\n"
    );
    project.ok(&["rollback", "--to", "5"]);
    assert_eq!(content(&project), rows);
    heads_are_published(&project);
    assert!(project.ok(&["verify"]).stderr.ends_with("all the same\n"));
    assert_eq!(
        project.ok(&["refresh"]).stderr,
        "nothing new: snapshot 6 is up to date\n"
    );
}

#[test]
fn what_killed_runs_left_goes_and_what_is_not_ours_stays() {
    let project = project();
    deliver_day(&project, 6);
    let killed = project
        .command(&["refresh"])
        .env("CINELAKE_FAILPOINT", "audit.done=abort")
        .output()
        .unwrap();
    assert_eq!(killed.status.code(), None);
    let id = "0198c0de-0000-7000-8000-000000000000";
    let kept = [
        "gold/revenue/notes.txt".to_owned(),
        "gold/revenue/data.parquet".to_owned(),
        "gold/theirs/_delta_log/00000000000000000000.json".to_owned(),
        format!("gold/theirs/part-{id}.parquet"),
        "landing/note#1".to_owned(),
    ];
    for file in &kept {
        project.write(&format!("lake/{file}"), "theirs");
    }
    let begun = [
        format!("gold/revenue/part-{id}.parquet#3"),
        "_snapshots/9.json#0198c0de000070008000000000000000".to_owned(),
        "_intent.json#0198c0de000070008000000000000000".to_owned(),
    ];
    for file in &begun {
        project.write(&format!("lake/{file}"), "half");
    }
    let rows = content(&project);
    let ran = project.ok(&["maintain"]);
    assert!(
        !ran.stdout.contains("remove"),
        "all is too young: {}",
        ran.stdout
    );
    age(&project);
    let ran = project.ok(&["maintain"]);
    insta::with_settings!({filters => sizes()}, {
        insta::assert_snapshot!(ran.stdout + &ran.stderr, @r"
        remove  bronze/_rejects/[file].parquet: [size]
        remove  bronze/payments/month=2024-01-01/[file].parquet: [size]
        remove  bronze/payments/month=2024-02-01/[file].parquet: [size]
        remove  bronze/users/[file].parquet: [size]
        remove  bronze/users/[file].parquet: [size]
        remove  gold/revenue/[file].parquet: [size]
        remove  silver/payments/month=2024-01-01/[file].parquet: [size]
        remove  silver/payments/month=2024-02-01/[file].parquet: [size]
        remove  silver/users/[file].parquet: [size]
        remove  system/deliveries/[file].parquet: [size]
        remove  gold/revenue/[file].parquet#3: [size], begun by a run that died
        remove  _snapshots/9.json#0198c0de000070008000000000000000: [size], begun by a run that died
        remove  _intent.json#0198c0de000070008000000000000000: [size], begun by a run that died
        13 files removed, [size]
        ");
    });
    for file in &kept {
        assert!(project.path("lake").join(file).exists(), "{file}");
    }
    assert_eq!(content(&project), rows);
    project.ok(&["refresh"]);
    assert_eq!(project.row("select count(*) from bronze.payments"), "12");
}

#[test]
fn a_table_that_is_gone_goes_with_the_last_snapshot_that_has_it() {
    let project = project();
    fs::remove_file(project.path("queries/gold/revenue.sql")).unwrap();
    project.ok(&["refresh"]);
    let has = |project: &Project| {
        project
            .lake_files()
            .iter()
            .any(|f| f.starts_with("gold/revenue"))
    };
    project.ok(&["maintain"]);
    age(&project);
    assert!(project.ok(&["maintain"]).stderr.contains("nothing"));
    assert!(has(&project), "older snapshots have it");
    keep(&project, 1);
    project.ok(&["maintain"]);
    assert!(has(&project), "readers may be at it");
    age(&project);
    let killed = project
        .command(&["maintain"])
        .env("CINELAKE_FAILPOINT", "maintain.remove@4=abort")
        .output()
        .unwrap();
    assert_eq!(killed.status.code(), None);
    // What is left of its log can be built upon.
    project.write(
        "queries/gold/revenue.sql",
        "-- Revenue.\n--\n-- grain: month\nselect month, sum(amount) as total from silver.payments group by month",
    );
    project.ok(&["refresh"]);
    assert_eq!(project.row("select count(*) from gold.revenue"), "2");
    heads_are_published(&project);
    fs::remove_file(project.path("queries/gold/revenue.sql")).unwrap();
    project.ok(&["refresh"]);
    project.ok(&["maintain"]);
    age(&project);
    project.ok(&["maintain"]);
    assert!(!has(&project));
    assert!(!project.path("lake/gold/revenue").exists());
    assert!(project.path("lake/gold").exists());
    assert!(project.ok(&["verify"]).stderr.ends_with("all the same\n"));
}

#[test]
fn logs_get_checkpoints_that_say_what_the_commits_say() {
    let project = files();
    for day in 1..=22 {
        project.deliver(
            "payments.csv",
            format!("{PAYMENTS_HEADER}1,1,{day}.00,2024-01-{day:02}\n"),
        );
        project.ok(&["refresh"]);
    }
    let before = project.rows(PARTITIONS);
    let dry = project.ok(&["maintain", "--dry-run"]);
    assert!(
        dry.stdout
            .contains("checkpoint silver.payments: version 21"),
        "{}",
        dry.stdout
    );
    for point in ["maintain.checkpoint", "maintain.checkpointed"] {
        let killed = project
            .command(&["maintain"])
            .env("CINELAKE_FAILPOINT", format!("{point}=abort"))
            .output()
            .unwrap();
        assert_eq!(killed.status.code(), None, "{point}");
        assert_eq!(project.rows(PARTITIONS), before, "{point}");
    }
    let ran = project.ok(&["maintain"]);
    insta::assert_snapshot!(ran.stdout + &ran.stderr, @r"
    checkpoint silver.payments: version 21
    checkpoint system.deliveries: version 21
    2 checkpoints written
    ");
    let log = project.path("lake/silver/payments/_delta_log");
    let hint = fs::read_to_string(log.join("_last_checkpoint")).unwrap();
    assert!(hint.contains("\"version\":21"), "{hint}");
    assert_eq!(project.row("select amount from silver.payments"), "22.00");
    assert_eq!(
        project
            .ok(&[
                "-q",
                "sql",
                "-f",
                "csv",
                "-c",
                "select amount from silver.payments",
                "--at",
                "3"
            ])
            .stdout,
        "amount\n3.00\n"
    );
    project.deliver(
        "payments.csv",
        format!("{PAYMENTS_HEADER}1,1,99.00,2024-01-01\n"),
    );
    project.ok(&["refresh"]);
    assert_eq!(project.row("select amount from silver.payments"), "99.00");
    assert_eq!(project.ok(&["maintain"]).stderr, "nothing to maintain\n");
    // From the checkpoint alone: the hint and old commits may be lost.
    keep(&project, 1);
    project.ok(&["maintain"]);
    age(&project);
    project.ok(&["maintain"]);
    assert_eq!(project.row("select amount from silver.payments"), "99.00");
    project.ok(&["rollback", "--to", "23"]);
}

#[test]
fn a_killed_maintenance_changes_no_row_and_the_next_one_ends_it() {
    for point in [
        "maintain.compare",
        "maintain.compacted",
        "maintain.staged",
        "publish.staged",
        "publish.intended",
        "publish.committed",
        "publish.synced",
        "publish.visible",
        "maintain.drop",
        "maintain.drop@2",
        "maintain.dropped",
        "maintain.remove",
        "maintain.remove@3",
        "maintain.removed",
    ] {
        let project = project_of(3);
        keep(&project, 2);
        let rows = content(&project);
        if point.starts_with("maintain.remove") {
            project.ok(&["maintain"]);
            age(&project);
        }
        let killed = project
            .command(&["maintain"])
            .env("CINELAKE_FAILPOINT", format!("{point}=abort"))
            .output()
            .unwrap();
        assert_eq!(
            killed.status.code(),
            None,
            "{point} did not fire: {killed:?}"
        );
        assert_eq!(content(&project), rows, "{point}: what readers see");
        for _ in 0..2 {
            project.ok(&["maintain"]);
            age(&project);
        }
        project.ok(&["maintain"]);
        assert_eq!(content(&project), rows, "{point}: in the end");
        assert_eq!(project.row("select max(files) from system.partitions"), "1");
        assert_eq!(
            project.row("select count(*) from system.snapshots"),
            "2",
            "{point}"
        );
        assert_eq!(
            project.ok(&["refresh"]).stderr.split(':').next(),
            Some("nothing new"),
            "{point}"
        );
        let dry = project.ok(&["maintain", "--dry-run"]);
        assert_eq!(
            dry.stderr, "nothing to maintain\n",
            "{point}: {}",
            dry.stdout
        );
    }
}

#[test]
fn a_step_of_maintenance_that_fails_is_recorded_and_publishes_nothing() {
    let project = project();
    let failed = project
        .command(&["maintain"])
        .env("CINELAKE_FAILPOINT", "maintain.compare@2=error")
        .output()
        .unwrap();
    let failed = project.ran(failed);
    assert_eq!(failed.code, Some(3), "{}", failed.stderr);
    assert_eq!(
        project.row("select max(snapshot) from system.snapshots"),
        "5"
    );
    assert_eq!(
        project.row(
            "select count(*) from system.runs where command = 'maintain' and status = 'failed'"
        ),
        "1"
    );
    age(&project);
    let dry = project.ok(&["maintain", "--dry-run"]);
    assert!(
        !dry.stdout.contains("remove"),
        "nothing stays staged: {}",
        dry.stdout
    );
}

#[test]
fn a_damaged_file_is_found_and_nothing_is_published() {
    let project = project();
    let file = |month: &str| {
        let folder = project.path(&format!("lake/bronze/payments/month={month}"));
        let mut files: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|f| f.unwrap().path())
            .collect();
        files.sort();
        files
    };
    // Another file's rows, and one row too many.
    let january = file("2024-01-01");
    project.deliver(
        "payments_6.csv",
        format!("{PAYMENTS_HEADER}61,1,1,2024-03-01\n62,1,2,2024-03-01\n"),
    );
    project.ok(&["refresh"]);
    fs::copy(&file("2024-03-01")[0], &january[1]).unwrap();
    insta::assert_snapshot!(project.fails(&["maintain", "--table", "bronze.payments"]), @r"
    exit 1
    error: files of `bronze.payments` hold 6 rows, their record says 5
    hint: `cinelake verify` compares the whole table; nothing was put together
    ");
    fs::write(&january[1], "PAR1").unwrap();
    let said = project.fails(&["maintain"]);
    assert!(
        said.starts_with("exit 1\nerror: `bronze/payments/month=2024-01-01/part-"),
        "{said}"
    );
    assert_eq!(
        project.row("select max(snapshot) from system.snapshots"),
        "6"
    );
}

#[test]
fn readers_see_whole_snapshots_while_the_lake_is_maintained() {
    let project = project();
    keep(&project, 1);
    let revenue = "select revenue from gold.revenue order by 1";
    let both = "select (select sum(amount) from silver.payments) - (select sum(revenue) from gold.revenue) as d, \
                (select count(*) from bronze.payments) as n, (select count(*) > 0 from system.snapshots) as s";
    let expected = project.rows(revenue);
    let stop = AtomicBool::new(false);
    std::thread::scope(|threads| {
        let readers: Vec<_> = (0..3)
            .map(|_| {
                threads.spawn(|| {
                    let mut times = 0;
                    while !stop.load(Ordering::Relaxed) || times < 2 {
                        assert_eq!(project.rows(revenue), expected);
                        assert_eq!(project.row(both), "0.00,10,true");
                        times += 1;
                    }
                    times
                })
            })
            .collect();
        for _ in 0..2 {
            project.ok(&["maintain"]);
            age(&project);
        }
        project.ok(&["maintain"]);
        stop.store(true, Ordering::Relaxed);
        for reader in readers {
            assert!(reader.join().unwrap() >= 2);
        }
    });
    assert_eq!(project.row("select count(*) from system.snapshots"), "1");
}

#[test]
fn some_tables_only_and_mistakes() {
    let project = project();
    let ran = project.ok(&["maintain", "--table", "bronze.*"]);
    insta::with_settings!({filters => sizes()}, {
        insta::assert_snapshot!(ran.stdout + &ran.stderr, @r"
        compact bronze._rejects: 5 files, [size] into 1, [size]
        compact bronze.payments month=2024-01-01: 5 files, [size] into 1, [size]
        compact bronze.payments month=2024-02-01: 5 files, [size] into 1, [size]
        compact bronze.users: 5 files, [size] into 1, [size]
        20 small files put together into 4, published as snapshot 6
        ");
    });
    let mut said = String::new();
    let mut ask = |project: &Project, args: &[&str]| {
        said.push_str(&format!("$ {}\n{}\n", args.join(" "), project.fails(args)));
    };
    ask(&project, &["maintain", "--table", "bronze.payment"]);
    ask(&project, &["maintain", "--dry-run", "--table", "x"]);
    ask(&project, &["maintain", "bronze.payments"]);
    let lease = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(project.path("lake/_lease"))
        .unwrap();
    lease.lock().unwrap();
    fs::write(
        project.path("lake/_lease"),
        "`cinelake refresh`, process 4711",
    )
    .unwrap();
    ask(&project, &["maintain"]);
    project.ok(&["maintain", "--dry-run"]);
    let none = files();
    fs::create_dir_all(none.path("lake")).unwrap();
    ask(&none, &["maintain"]);
    for line in [
        "safe_hours = 0",
        "keep_snapshots = 0",
        "keep_days = 40000",
        "keep_days = -1",
        "small_file = \"tiny\"",
        "small_file = 8",
        "keep_snapshot = 3",
    ] {
        none.write(
            "cinelake.toml",
            &format!("zone = \"UTC\"\n[maintain]\n{line}\n"),
        );
        ask(&none, &["maintain"]);
    }
    insta::assert_snapshot!(steady(&said), @r"
    $ maintain --table bronze.payment
    exit 2
    error: `--table bronze.payment` matches no table
    hint: did you mean `bronze.payments`?

    $ maintain --dry-run --table x
    exit 2
    error: `--table x` matches no table
    hint: write `bronze.payments` or `gold.*`

    $ maintain bronze.payments
    exit 2
    error: unexpected argument 'bronze.payments' found

    Usage: cinelake maintain [OPTIONS]

    For more information, try '--help'.

    $ maintain
    exit 75
    error: the lake is held by `cinelake refresh`, process 4711
    hint: wait until it is done; readers need not wait

    $ maintain
    exit 2
    error: nothing is published in `./lake` yet
    hint: `cinelake refresh` lands, builds and publishes

    $ maintain
    exit 2
    error: ./cinelake.toml:3: `safe_hours` is at least 1, found 0
    hint: readers that are at a file must be able to end; 24 is a good choice

    $ maintain
    exit 2
    error: ./cinelake.toml:3: `keep_snapshots` is at least 1, found 0
    hint: the newest snapshot is what readers see

    $ maintain
    exit 2
    error: ./cinelake.toml:3: `keep_days` is at most 36500, found 40000
    hint: 0 keeps snapshots by their number only

    $ maintain
    exit 2
    error: ./cinelake.toml:3: invalid value: integer `-1`, expected u64

    $ maintain
    exit 2
    error: ./cinelake.toml:3: `small_file` is no size: `tiny`
    hint: write for example `8MiB`; `0` puts no files together

    $ maintain
    exit 2
    error: ./cinelake.toml:3: invalid type: integer `8`, expected a string

    $ maintain
    exit 2
    error: ./cinelake.toml:3: unknown key `keep_snapshot`
    hint: did you mean `keep_snapshots`?
    ");
}

#[test]
fn a_size_of_zero_puts_nothing_together() {
    let project = project();
    project.write("cinelake.toml", "[maintain]\nsmall_file = \"0\"\n");
    assert_eq!(project.ok(&["maintain"]).stderr, "nothing to maintain\n");
}
