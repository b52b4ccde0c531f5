//! Branches: built beside main, read and compared, published whole or dropped.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, SystemTime};

use crate::support::payers::{USERS, late_payment, more_users, payers};
use crate::support::small;
use crate::support::{Project, steady};

const REVENUE: &str = "-- Revenue by month.\n--\n-- grain: month\n-- check: revenue >= 0\n\
     select month, sum(amount) as revenue, count(*) as payments from bronze.payments group by month";

fn project() -> Project {
    payers(&[
        ("gold/revenue.sql", REVENUE),
        (
            "gold/spenders.sql",
            "-- Users who pay.\n--\n-- grain: user_id\nselect distinct user_id from bronze.payments",
        ),
    ])
}

/// Another text for almost every model: a new one, one that is gone, other
/// columns, a view that is a table and a table that is a view.
fn other_models(project: &Project) {
    fs::remove_file(project.path("queries/gold/revenue.sql")).unwrap();
    project.write(
        "queries/gold/countries.sql",
        "-- Countries.\n--\n-- grain: country\nselect country, count(*) as users from silver.users group by country",
    );
    project.write(
        "queries/gold/spenders.sql",
        "-- Users who pay.\n--\n-- materialized: view\n-- grain: user_id\nselect distinct user_id from bronze.payments",
    );
    project.write(
        "queries/gold/revenue_by_country.sql",
        "-- Revenue.\n--\n-- grain: user_id\nselect user_id, sum(amount) as spent from bronze.payments group by user_id",
    );
    project.write("queries/gold/more.sql", "-- More.\nselect 1 as n");
}

/// Every row of every table, as main's newest snapshot or the one named shows
/// them.
fn content(project: &Project, at: &str) -> Vec<String> {
    let ran = project.ok(&["-q", "ls", "--at", at, "-f", "csv"]);
    let names = ran.stdout.lines().skip(1);
    let names = names.map(|line| line.split(',').next().unwrap().to_owned());
    names.map(|name| rows(project, &name, at)).collect()
}

fn rows(project: &Project, table: &str, at: &str) -> String {
    let from = match table {
        // When a file was landed differs from run to run.
        "system.deliveries" => {
            "(select delivery, source, path, rows_landed, replaced_by from system.deliveries) as d"
        }
        table => table,
    };
    let sql = format!("select * from {from}");
    let ran = project.ok(&["-q", "sql", "-f", "csv", "--at", at, "-c", &sql]);
    let mut lines: Vec<&str> = ran.stdout.lines().collect();
    lines[1..].sort_unstable();
    format!("{table}\n{}", lines.join("\n"))
}

/// What main is made of: snapshots and Delta logs.
fn main_files(project: &Project) -> Vec<(String, Vec<u8>)> {
    let files = project.lake_files().into_iter();
    let files = files.filter(|f| f.starts_with("_snapshots/") || f.contains("/_delta_log/"));
    files
        .map(|f| (f.clone(), fs::read(project.path("lake").join(f)).unwrap()))
        .collect()
}

fn data_files(project: &Project) -> BTreeSet<String> {
    let files = project.lake_files().into_iter();
    files.filter(|f| f.contains("/part-")).collect()
}

/// The tables in whose folders `after` has files that `before` lacks.
fn tables_of_new(before: &BTreeSet<String>, after: &BTreeSet<String>) -> Vec<String> {
    let table = |file: &String| file.split('/').take(2).collect::<Vec<_>>().join(".");
    let tables: BTreeSet<String> = after.difference(before).map(table).collect();
    tables.into_iter().collect()
}

fn branch_files(project: &Project) -> Vec<String> {
    let mut files = project.lake_files();
    files.retain(|f| f.starts_with("_branches/"));
    files
}

/// Whether other Delta readers, who look at the newest version of each table,
/// see main's newest snapshot.
fn heads_are_published(project: &Project) {
    let ids = project.lake_files().into_iter().filter_map(|f| {
        let name = f.strip_prefix("_snapshots/")?.strip_suffix(".json")?;
        name.parse::<u64>().ok()
    });
    let path = format!("lake/_snapshots/{}.json", ids.max().unwrap());
    let text = fs::read_to_string(project.path(&path)).unwrap();
    assert!(!text.contains("\"branch\""), "{text}");
    let snapshot: serde_json::Value = serde_json::from_str(&text).unwrap();
    for (name, entry) in snapshot["tables"].as_object().unwrap() {
        let Some(version) = entry["kind"]["table"]["version"].as_u64() else {
            assert!(entry["kind"]["view"].is_object(), "{name}: {entry}");
            continue;
        };
        let log = project.path(&format!("lake/{}/_delta_log", name.replace('.', "/")));
        let newest = fs::read_dir(log).unwrap().count() as u64 - 1;
        assert_eq!(version, newest, "{name}");
    }
}

fn age(project: &Project) {
    let old = SystemTime::now() - Duration::from_hours(48);
    for file in project.lake_files() {
        let file = fs::File::options()
            .write(true)
            .open(project.path("lake").join(file));
        file.unwrap().set_modified(old).unwrap();
    }
}

/// What `project` holds when the same is done to it without branches.
fn plainly(steps: &[fn(&Project)]) -> Vec<String> {
    let project = project();
    for step in steps {
        step(&project);
    }
    project.ok(&["refresh"]);
    content(&project, "main")
}

#[test]
fn what_is_built_on_a_branch_is_seen_there_and_nowhere_else() {
    let project = project();
    let (before, files, data) = (
        content(&project, "main"),
        main_files(&project),
        data_files(&project),
    );
    late_payment(&project);
    let ran = project.ok(&["refresh", "--branch", "dev"]);
    insta::assert_snapshot!(steady(&ran.stderr), @r"
    landed payments_late.csv as bronze.payments: 1 row
    built gold.revenue: 2 rows in [time] s
    built gold.revenue_by_country: 1 of 2 partitions, 1 row in [time] s
    built gold.spenders: 2 rows in [time] s, unchanged
    made snapshot 2 of branch `dev`: 4 tables changed, 6 checks made
    nothing is published: `cinelake diff dev` shows what differs, `cinelake publish dev` publishes it
    ");
    assert_eq!(content(&project, "main"), before);
    assert_eq!(main_files(&project), files);
    // What does not differ is not copied.
    insta::assert_snapshot!(tables_of_new(&data, &data_files(&project)).join(" "), @"bronze.payments gold.revenue gold.revenue_by_country system.deliveries");
    assert_eq!(content(&project, "dev"), plainly(&[late_payment]));
    assert_eq!(content(&project, "2"), content(&project, "dev"));
    let diff = project.ok(&["diff", "main", "dev"]);
    insta::assert_snapshot!(diff.stdout + &diff.stderr, @r"
    Files
    ┌───────────────────┬─────────────────┬────────┬──────┬──────────┬───────┐
    │ file              ┆ table           ┆ change ┆ rows ┆ rejected ┆ lines │
    ╞═══════════════════╪═════════════════╪════════╪══════╪══════════╪═══════╡
    │ payments_late.csv ┆ bronze.payments ┆ landed ┆    1 ┆        0 ┆ 2     │
    └───────────────────┴─────────────────┴────────┴──────┴──────────┴───────┘

    Tables
    ┌─────────────────────────┬─────────────┬────────────┬───────┬─────────┬─────────┬──────┐
    │ table                   ┆ rows_before ┆ rows_after ┆ added ┆ removed ┆ changed ┆ note │
    ╞═════════════════════════╪═════════════╪════════════╪═══════╪═════════╪═════════╪══════╡
    │ bronze.payments         ┆           2 ┆          3 ┆     1 ┆       0 ┆       0 ┆      │
    │ gold.revenue            ┆           2 ┆          2 ┆     0 ┆       0 ┆       1 ┆      │
    │ gold.revenue_by_country ┆           2 ┆          2 ┆     0 ┆       0 ┆       1 ┆      │
    └─────────────────────────┴─────────────┴────────────┴───────┴─────────┴─────────┴──────┘

    Metrics
    ┌─────────────────────────┬────────────┬──────────┬────────┬────────┐
    │ table                   ┆ month      ┆ metric   ┆ before ┆ after  │
    ╞═════════════════════════╪════════════╪══════════╪════════╪════════╡
    │ gold.revenue            ┆ 2024-01-01 ┆ revenue  ┆ 229.84 ┆ 279.84 │
    │ gold.revenue            ┆ 2024-01-01 ┆ payments ┆ 1      ┆ 2      │
    │ gold.revenue_by_country ┆ 2024-01-01 ┆ 1 row    ┆ ∅      ┆ ∅      │
    └─────────────────────────┴────────────┴──────────┴────────┴────────┘
    from snapshot 1 to snapshot 2 of branch `dev`: 1 file differs, 3 tables differ, 3 metric values differ
    ");
    let alone = project.ok(&["diff", "dev"]);
    assert_eq!(alone.stdout, project.ok(&["diff", "1", "2"]).stdout);
    assert_eq!(alone.stderr, project.ok(&["diff", "main", "dev"]).stderr);
    let back = project.ok(&["diff", "dev", "main", "--table", "gold.revenue"]);
    insta::assert_snapshot!(back.stdout + &back.stderr, @r"
    ┌─────────┬────────────┬──────────┬────────┬────────┐
    │ change  ┆ month      ┆ column   ┆ before ┆ after  │
    ╞═════════╪════════════╪══════════╪════════╪════════╡
    │ changed ┆ 2024-01-01 ┆ revenue  ┆ 279.84 ┆ 229.84 │
    │ changed ┆ 2024-01-01 ┆ payments ┆ 2      ┆ 1      │
    └─────────┴────────────┴──────────┴────────┴────────┘
    from snapshot 2 of branch `dev` to snapshot 1: rows of gold.revenue that differ: 1 of 1 shown
    ");
    insta::assert_snapshot!(project.ok(&["-q", "describe", "gold.revenue", "--at", "dev"]).stdout, @r"
    gold.revenue
    Revenue by month.

    2 rows in 1 file, 1,094 bytes, on a branch, changed in snapshot 2
    order by: month
    file: queries/gold/revenue.sql
    grain: month
    reads: bronze.payments
    ┌──────────┬───────────────┬──────────────────┬─────────────┐
    │ column   ┆ type          ┆ storage          ┆ description │
    ╞══════════╪═══════════════╪══════════════════╪═════════════╡
    │ month    ┆ date          ┆ dictionary, 33 % ┆             │
    │ revenue  ┆ decimal(22,2) ┆ plain, 28 %      ┆             │
    │ payments ┆ bigint        ┆ dictionary, 39 % ┆             │
    └──────────┴───────────────┴──────────────────┴─────────────┘
    ");
    let listed = "select branch, snapshot, began_at, behind, tables_differ from system.branches";
    assert_eq!(project.rows(listed), ["dev,2,1,false,4"]);
    assert_eq!(
        project.rows("select command, status, snapshot from system.runs order by started_at"),
        ["refresh,published,1", "refresh --branch dev,published,2"]
    );
    assert_eq!(project.rows("select snapshot from system.snapshots"), ["1"]);
    // Every other way of reading.
    project.ok(&["check", "--at", "dev"]);
    assert!(
        project
            .ok(&["verify", "--at", "dev"])
            .stderr
            .contains("all the same")
    );
    let why = [
        "-q",
        "why",
        "gold.revenue",
        "--where",
        "month = date '2024-01-01'",
        "--column",
        "revenue",
        "--at",
        "dev",
        "-f",
        "csv",
    ];
    let why = project.ok(&why).stdout;
    assert!(why.contains("payments_late.csv"), "{why}");
    let everything = project.lake_files();
    let impact = project.ok(&["plan", "--impact", "--branch", "dev"]);
    insta::assert_snapshot!(impact.stdout + &impact.stderr, @r"
    no difference
    from snapshot 2 of branch `dev` to what a refresh would publish: 0 files differ, 0 tables differ, 0 metric values differ
    nothing is kept: `cinelake refresh --branch dev` does it
    ");
    let again = project.ok(&["refresh", "--branch", "dev"]);
    assert_eq!(
        again.stderr,
        "nothing new: snapshot 2 of branch `dev` is up to date\n"
    );
    assert_eq!(project.lake_files(), everything);
}

#[test]
fn a_published_branch_is_main_and_is_gone() {
    let project = project();
    late_payment(&project);
    project.ok(&["refresh", "--branch", "dev"]);
    // It goes on from where it is, not from main.
    more_users(&project);
    let ran = project.ok(&["refresh", "--branch", "dev"]);
    insta::assert_snapshot!(steady(&ran.stderr), @r"
    landed users_2.csv as bronze.users: 2 rows
    built silver.users: 3 rows in [time] s
    built gold.countries: 3 rows in [time] s
    built gold.revenue_by_country: 2 rows in [time] s
    made snapshot 3 of branch `dev`: 5 tables changed, 5 checks made
    nothing is published: `cinelake diff dev` shows what differs, `cinelake publish dev` publishes it
    ");
    let branch = content(&project, "dev");
    let (files, data) = (project.lake_files(), data_files(&project));
    let dry = project.ok(&["publish", "dev", "--dry-run"]);
    insta::assert_snapshot!(dry.stdout + &dry.stderr, @r"
    change bronze.payments: 3 rows, now 2 rows
    change bronze.users: 4 rows, now 2 rows
    change gold.countries: a view, now a view
    change gold.revenue: 2 rows, now 2 rows
    change gold.revenue_by_country: 2 rows, now 2 rows
    change silver.users: 3 rows, now 2 rows
    change system.deliveries: 4 rows, now 2 rows
    7 tables would change
    ");
    assert_eq!(project.lake_files(), files, "a dry run writes nothing");
    let ran = project.ok(&["publish", "dev"]);
    insta::assert_snapshot!(ran.stderr, @"published branch `dev` as snapshot 4: 7 tables changed");
    assert_eq!(content(&project, "main"), branch);
    assert_eq!(
        content(&project, "main"),
        plainly(&[late_payment, more_users])
    );
    assert_eq!(data_files(&project), data, "nothing is written again");
    assert!(branch_files(&project).is_empty());
    heads_are_published(&project);
    assert_eq!(
        project.rows("select snapshot, command, tables_changed from system.snapshots order by 1"),
        ["1,refresh,9", "4,publish dev,7"]
    );
    assert!(project.ok(&["verify"]).stderr.contains("all the same"));
    assert!(
        project
            .ok(&["refresh"])
            .stderr
            .starts_with("nothing new: snapshot 4")
    );
    // What comes after is built on it, by partition, as on anything else.
    project.deliver(
        "payments_3.csv",
        "payment_id,user_id,amount,paid_on\n4,2,1.00,2024-02-29\n",
    );
    let ran = project.ok(&["refresh"]);
    assert!(
        ran.stderr
            .contains("gold.revenue_by_country: 1 of 2 partitions"),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr.contains("published snapshot 5"),
        "{}",
        ran.stderr
    );
    let sides = project.ok(&["diff"]).stderr;
    assert!(sides.contains("from snapshot 4 to snapshot 5"), "{sides}");
    // Back over the gap, and forward again.
    project.ok(&["rollback", "--to", "1"]);
    project.ok(&["rollback", "--to", "4"]);
    assert_eq!(content(&project, "main"), branch);
}

#[test]
fn every_kind_of_change_to_models_can_be_published() {
    let project = project();
    let before = content(&project, "main");
    let files = main_files(&project);
    other_models(&project);
    project.ok(&["refresh", "--branch", "dev"]);
    late_payment(&project);
    more_users(&project);
    project.ok(&["refresh", "--branch", "dev"]);
    assert_eq!(content(&project, "main"), before);
    assert_eq!(main_files(&project), files);
    let wanted = plainly(&[other_models, late_payment, more_users]);
    assert_eq!(content(&project, "dev"), wanted);
    let dry = project.ok(&["publish", "dev", "--dry-run"]);
    insta::assert_snapshot!(dry.stdout + &dry.stderr, @r"
    change bronze.payments: 3 rows, now 2 rows
    change bronze.users: 4 rows, now 2 rows
    change gold.countries: 3 rows, now a view
    add    gold.more: 1 row
    drop   gold.revenue: the branch lacks it
    change gold.revenue_by_country: 2 rows, now 2 rows
    change gold.spenders: a view, now 2 rows
    change silver.users: 3 rows, now 2 rows
    change system.deliveries: 4 rows, now 2 rows
    9 tables would change
    ");
    project.ok(&["publish", "dev"]);
    assert_eq!(content(&project, "main"), wanted);
    heads_are_published(&project);
    assert!(project.ok(&["refresh"]).stderr.starts_with("nothing new"));
    assert!(project.ok(&["verify"]).stderr.contains("all the same"));
    project.ok(&["rollback", "--to", "1"]);
    assert_eq!(content(&project, "main"), before);
}

#[test]
fn a_branch_that_main_left_behind_is_refused_and_begins_again() {
    let project = project();
    more_users(&project);
    project.ok(&["refresh", "--branch", "dev"]);
    let branch = content(&project, "dev");
    fs::remove_file(project.path("lake/landing/users_2.csv")).unwrap();
    late_payment(&project);
    project.ok(&["refresh"]);
    let main = content(&project, "main");
    let refused = project.fails(&["publish", "dev"]);
    insta::assert_snapshot!(refused, @r"
    exit 2
    error: main has moved: branch `dev` began at snapshot 1, the newest is 3
    hint: `cinelake refresh --branch dev` builds it again on what is published now
    ");
    assert_eq!(project.fails(&["publish", "dev", "--dry-run"]), refused);
    assert_eq!(content(&project, "main"), main);
    assert_eq!(content(&project, "dev"), branch);
    let listed = "select snapshot, began_at, behind, tables_differ from system.branches";
    assert_eq!(project.rows(listed), ["2,1,true,7"]);
    // Alone, a branch is compared with what it began at.
    let alone = project.ok(&["diff", "dev"]).stderr;
    assert!(
        alone.starts_with("from snapshot 1 to snapshot 2 of branch `dev`"),
        "{alone}"
    );
    more_users(&project);
    let plan = project.ok(&["plan", "--branch", "dev"]);
    insta::assert_snapshot!(plan.stdout + &plan.stderr, @r"
    land  users_2.csv -> bronze.users: new
    build silver.users: bronze.users changed
    build gold.countries: silver.users changed
    build gold.revenue_by_country: silver.users changed
    main has moved since snapshot 1: branch `dev` begins again at snapshot 3
    1 file to land, 3 models to build of 5
    ");
    let ran = project.ok(&["refresh", "--branch", "dev"]);
    insta::assert_snapshot!(steady(&ran.stderr), @r"
    main has moved since snapshot 1: branch `dev` begins again at snapshot 3
    landed users_2.csv as bronze.users: 2 rows
    built silver.users: 3 rows in [time] s
    built gold.countries: 3 rows in [time] s
    built gold.revenue_by_country: 2 rows in [time] s
    made snapshot 4 of branch `dev`: 5 tables changed, 5 checks made
    nothing is published: `cinelake diff dev` shows what differs, `cinelake publish dev` publishes it
    ");
    project.ok(&["publish", "dev"]);
    assert_eq!(
        content(&project, "main"),
        plainly(&[
            late_payment,
            |p| {
                p.ok(&["refresh"]);
            },
            more_users
        ])
    );
    assert!(project.ok(&["refresh"]).stderr.starts_with("nothing new"));
}

#[test]
fn two_branches_stand_beside_each_other() {
    let project = project();
    late_payment(&project);
    project.ok(&["refresh", "--branch", "late"]);
    other_models(&project);
    project.ok(&["refresh", "--branch", "models"]);
    more_users(&project);
    project.ok(&["refresh", "--branch", "late"]);
    let (late, models) = (content(&project, "late"), content(&project, "models"));
    assert_eq!(models, plainly(&[late_payment, other_models]));
    assert_eq!(late, plainly(&[late_payment, other_models, more_users]));
    let listed = "select branch, snapshot, began_at from system.branches order by 1";
    assert_eq!(project.rows(listed), ["late,4,1", "models,3,1"]);
    let between = project.ok(&["diff", "models", "late"]).stderr;
    assert!(
        between.starts_with("from snapshot 3 of branch `models` to snapshot 4 of branch `late`"),
        "{between}"
    );
    project.ok(&["publish", "late"]);
    assert_eq!(content(&project, "main"), late);
    assert_eq!(content(&project, "models"), models);
    assert!(
        project
            .fails(&["publish", "models"])
            .contains("main has moved")
    );
    // What main holds already, however it came there, need not be published.
    project.ok(&["refresh", "--branch", "models"]);
    let ran = project.ok(&["publish", "models"]);
    insta::assert_snapshot!(ran.stderr, @"nothing to do: snapshot 5 holds the tables of branch `models`; it is gone");
    assert!(branch_files(&project).is_empty());
}

#[test]
fn a_failed_check_leaves_a_branch_as_it_was() {
    let project = project();
    let files = main_files(&project);
    project.deliver(
        "payments_minus.csv",
        "payment_id,user_id,amount,paid_on\n9,1,-900.00,2024-03-31\n",
    );
    let red = project.run(&["refresh", "--branch", "dev"]);
    assert_eq!(red.code, Some(1));
    insta::assert_snapshot!(steady(&red.stderr), @r"
    landed payments_minus.csv as bronze.payments: 1 row
    built gold.revenue: 3 rows in [time] s
    built gold.revenue_by_country: 1 of 3 partitions, 1 row in [time] s
    built gold.spenders: 2 rows in [time] s, unchanged
    failed: gold.revenue: check: revenue >= 0: 1 failing row (queries/gold/revenue.sql:4)
    ┌────────────┬─────────┬──────────┐
    │ month      ┆ revenue ┆ payments │
    ╞════════════╪═════════╪══════════╡
    │ 2024-03-01 ┆ -900.00 ┆        1 │
    └────────────┴─────────┴──────────┘
    red: a check failed, nothing is published; branch `dev` is as it was
    ");
    assert!(
        project
            .fails(&["ls", "--at", "dev"])
            .contains("there is no branch `dev`")
    );
    fs::remove_file(project.path("lake/landing/payments_minus.csv")).unwrap();
    late_payment(&project);
    project.ok(&["refresh", "--branch", "dev"]);
    let branch = content(&project, "dev");
    project.deliver(
        "payments_minus.csv",
        "payment_id,user_id,amount,paid_on\n9,1,-900.00,2024-03-31\n",
    );
    assert_eq!(project.run(&["refresh", "--branch", "dev"]).code, Some(1));
    assert_eq!(content(&project, "dev"), branch);
    assert_eq!(main_files(&project), files);
}

#[test]
fn a_branch_without_differences_is_there_and_publishes_nothing() {
    let project = project();
    let ran = project.ok(&["refresh", "--branch", "ci"]);
    insta::assert_snapshot!(ran.stderr, @r"
    made snapshot 2 of branch `ci`: 0 tables changed
    nothing is published: `cinelake diff ci` shows what differs, `cinelake publish ci` publishes it
    ");
    assert_eq!(content(&project, "ci"), content(&project, "main"));
    assert!(
        project
            .ok(&["diff", "main", "ci"])
            .stdout
            .starts_with("no difference")
    );
    let ran = project.ok(&["publish", "ci"]);
    assert_eq!(
        ran.stderr,
        "nothing to do: snapshot 1 holds the tables of branch `ci`; it is gone\n"
    );
    assert!(branch_files(&project).is_empty());
    assert_eq!(project.rows("select snapshot from system.snapshots"), ["1"]);
}

#[test]
fn maintenance_keeps_what_a_branch_needs_until_it_is_dropped() {
    let project = project();
    project.write(
        "cinelake.toml",
        "[maintain]\nkeep_snapshots = 1\nkeep_days = 0\n",
    );
    other_models(&project);
    project.ok(&["refresh", "--branch", "dev"]);
    late_payment(&project);
    project.ok(&["refresh", "--branch", "dev"]);
    let branch = content(&project, "dev");
    // Main goes on, and what the branch began at is dropped.
    more_users(&project);
    project.ok(&["refresh"]);
    let main = content(&project, "main");
    age(&project);
    let ran = project.ok(&["maintain"]);
    insta::with_settings!({filters => [(r"published [\d: -]+", "published [time]"), (r"[\d.]+ (KiB|B)", "[size]")]}, {
        insta::assert_snapshot!(ran.stdout + &ran.stderr, @r"
        compact bronze.payments month=2024-01-01: 2 files, [size] into 1, [size]
        compact bronze.users: 2 files, [size] into 1, [size]
        drop    snapshot 1: refresh, published [time]
        drop    snapshot 2: refresh --branch dev, published [time]
        drop    snapshot 4: refresh, published [time]
        4 small files put together into 2, published as snapshot 5
        3 snapshots dropped
        files of dropped snapshots stay for 24 hours: readers may be at them
        ");
    });
    assert!(
        project
            .fails(&["ls", "--at", "2"])
            .contains("no longer kept")
    );
    for _ in 0..3 {
        age(&project);
        project.ok(&["maintain"]);
        assert_eq!(content(&project, "dev"), branch);
        assert_eq!(content(&project, "main"), main);
    }
    assert!(
        project
            .ok(&["verify", "--at", "dev"])
            .stderr
            .contains("all the same")
    );
    project.ok(&["doctor"]);
    insta::assert_snapshot!(project.fails(&["diff", "dev"]), @r"
    exit 2
    error: branch `dev` began at snapshot 1: snapshot 1 is no longer kept
    hint: `cinelake diff main dev` compares with what is published now
    ");
    let files = data_files(&project);
    insta::assert_snapshot!(project.ok(&["branches", "--drop", "dev"]).stderr, @"branch `dev` is gone; its files stay for 24 hours, then `cinelake maintain` removes them");
    // Readers may be at its files.
    project.ok(&["maintain"]);
    assert_eq!(data_files(&project), files);
    age(&project);
    project.ok(&["maintain"]);
    assert!(data_files(&project).len() < files.len());
    assert_eq!(content(&project, "main"), main);
    let doctor = project.ok(&["doctor"]);
    assert!(!(doctor.stdout + &doctor.stderr).contains("no snapshot"));
    assert_eq!(
        project.row("select command, status from system.runs where command like 'branches%'"),
        "branches --drop dev,done"
    );
}

#[test]
fn a_number_is_never_given_twice() {
    let project = project();
    project.write(
        "cinelake.toml",
        "[maintain]\nkeep_snapshots = 1\nkeep_days = 0\n",
    );
    late_payment(&project);
    project.ok(&["refresh", "--branch", "dev"]);
    project.ok(&["branches", "--drop", "dev"]);
    for _ in 0..2 {
        age(&project);
        project.ok(&["maintain"]);
    }
    assert!(
        project
            .fails(&["ls", "--at", "2"])
            .contains("snapshot 2 is no longer kept")
    );
    let ran = project.ok(&["refresh"]);
    assert!(
        ran.stderr.contains("published snapshot 3"),
        "{}",
        ran.stderr
    );
    age(&project);
    project.ok(&["maintain"]);
    age(&project);
    project.ok(&["maintain"]);
    let dropped = project.lake_files().into_iter();
    let dropped: Vec<String> = dropped.filter(|f| f.starts_with("_dropped")).collect();
    assert!(dropped.is_empty(), "{dropped:?}");
}

#[test]
fn the_doctor_looks_at_branches_too() {
    let project = project();
    late_payment(&project);
    project.ok(&["refresh", "--branch", "dev"]);
    let fine = project.ok(&["doctor"]);
    assert!(!(fine.stdout + &fine.stderr).contains("no snapshot"));
    let files = data_files(&project);
    let revenue = project.path("lake/_branches/dev/2.json");
    let snapshot: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(&revenue).unwrap()).unwrap();
    let file = &snapshot["tables"]["gold.revenue"]["kind"]["files"]["files"][0]["path"];
    let lost = format!("gold/revenue/{}", file.as_str().unwrap());
    assert!(files.contains(&lost), "{lost}");
    fs::remove_file(project.path("lake").join(&lost)).unwrap();
    let told = project.run(&["doctor"]);
    let lines: Vec<&str> = told
        .stdout
        .lines()
        .filter(|l| l.contains("branch"))
        .collect();
    let told = lines.join("\n").replace(&lost, "[file]");
    insta::assert_snapshot!(told, @"problem  gold.revenue of snapshot 2 of branch `dev`: 1 file is missing or of another size: [file]; `cinelake branches --drop dev` and `cinelake refresh --branch dev` build the branch again");
    insta::assert_snapshot!(project.fails(&["publish", "dev"]).replace(&lost, "[file]"), @r"
    exit 3
    error: snapshot 2 of branch `dev` cannot be published: 1 of 4 files to publish is missing: [file]
    hint: `cinelake branches --drop dev` and `cinelake refresh --branch dev` build it again
    ");
    fs::write(&revenue, "{").unwrap();
    let told = project.run(&["doctor"]);
    let lines: Vec<&str> = told
        .stdout
        .lines()
        .filter(|l| l.contains("branch"))
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @"problem  branch `dev`: snapshot 2 is damaged: EOF while parsing an object at line 1 column 1; delete `_branches/dev/2.json`: `cinelake refresh --branch dev` builds the branch again");
}

#[test]
fn a_publish_that_was_killed_is_carried_through_or_made_again() {
    for point in [
        "publish.staged",
        "publish.intended",
        "publish.committed",
        "publish.synced",
        "publish.visible",
        "branch.published",
        "maintain.drop",
        "maintain.dropped",
    ] {
        let project = project();
        let before = content(&project, "main");
        other_models(&project);
        project.ok(&["refresh", "--branch", "dev"]);
        let branch = content(&project, "dev");
        let killed = project
            .command(&["publish", "dev"])
            .env("CINELAKE_FAILPOINT", format!("{point}=abort"))
            .output()
            .unwrap();
        assert_eq!(
            killed.status.code(),
            None,
            "{point} did not fire: {killed:?}"
        );
        let is_visible = ![
            "publish.staged",
            "publish.intended",
            "publish.committed",
            "publish.synced",
        ]
        .contains(&point);
        let seen = if is_visible { &branch } else { &before };
        assert_eq!(
            &content(&project, "main"),
            seen,
            "{point}: what readers see"
        );
        let again = project.run(&["publish", "dev"]);
        if point == "maintain.dropped" {
            assert!(
                again.stderr.contains("there is no branch `dev`"),
                "{}",
                again.stderr
            );
        } else {
            assert_eq!(again.code, Some(0), "{point}: {}", again.stderr);
            let is_nothing = again.stderr.contains("nothing to do: snapshot 3 holds");
            assert_eq!(
                is_nothing,
                point != "publish.staged",
                "{point}: {}",
                again.stderr
            );
        }
        assert_eq!(
            content(&project, "main"),
            branch,
            "{point}: after the next run"
        );
        assert_eq!(
            project.row("select max(snapshot) from system.snapshots"),
            "3"
        );
        assert!(branch_files(&project).is_empty(), "{point}");
        heads_are_published(&project);
        assert!(
            project.ok(&["refresh"]).stderr.contains("nothing new"),
            "{point}"
        );
    }
}

#[test]
fn a_killed_refresh_of_a_branch_leaves_main_and_the_branch_whole() {
    let project = small::project();
    let lake = project.lake();
    lake.ok("first", &["refresh"]);
    lake.ok("second", &["refresh", "--branch", "dev"]);
    let (main, heads, old) = (lake.state(), lake.heads(), lake.state_at("dev"));
    let twin = lake.copy();
    twin.ok("third", &["refresh", "--branch", "dev"]);
    let new = twin.state_at("dev");
    assert_ne!(old, new);
    twin.ok("third", &["publish", "dev"]);
    assert_eq!(twin.state(), new);
    for point in [
        "stage.file",
        "audit.done",
        "branch.staged",
        "branch.visible",
        "run.recorded",
    ] {
        let lake = lake.copy();
        let at = format!("{point}=abort");
        let args = ["refresh", "--branch", "dev"];
        let killed = lake.run_with("third", &args, "CINELAKE_FAILPOINT", &at);
        assert_eq!(killed.code, None, "{point}: {}", killed.stderr);
        let is_visible = ["branch.visible", "run.recorded"].contains(&point);
        let seen = if is_visible { &new } else { &old };
        assert_eq!(&lake.state_at("dev"), seen, "{point}");
        assert_eq!(lake.state(), main, "{point}");
        assert_eq!(lake.heads(), heads, "{point}");
        lake.ok("third", &args);
        assert_eq!(lake.state_at("dev"), new, "{point}");
        assert_eq!(lake.state(), main, "{point}");
        lake.ok("third", &["publish", "dev"]);
        assert_eq!(lake.state(), new, "{point}");
        assert_eq!(lake.heads(), twin.heads(), "{point}");
    }
}

#[test]
fn mistakes_are_told() {
    let empty = Project::of(&[("bronze/users.toml", USERS)]);
    let mut said = String::new();
    let mut ask = |project: &Project, args: &[&str]| {
        said.push_str(&format!("$ {}\n{}\n", args.join(" "), project.fails(args)));
    };
    ask(&empty, &["refresh", "--branch", "dev"]);
    let project = project();
    late_payment(&project);
    project.ok(&["refresh", "--branch", "fix-prices"]);
    for args in [
        &["refresh", "--branch", "main"][..],
        &["refresh", "--branch", "7"],
        &["refresh", "--branch", "Dev"],
        &["sql", "--at", "fix-price", "-c", "select 1"],
        &["ls", "--at", "x"],
        &["ls", "--at", "Fix"],
        &["diff", "main", "fixprices"],
        &["publish", "fix-prizes"],
        &["publish", "main"],
        &["branches", "--drop", "dev"],
        &["branches", "--drop", "fix-prices", "-f", "csv"],
        &["rollback", "--to", "2"],
    ] {
        ask(&project, args);
    }
    insta::assert_snapshot!(said, @r"
    $ refresh --branch dev
    exit 2
    error: a branch begins at a snapshot of main, and nothing is published yet
    hint: `cinelake refresh` publishes the first

    $ refresh --branch main
    exit 2
    error: invalid value 'main' for '--branch <BRANCH>': `main` is what every branch begins at

    For more information, try '--help'.

    $ refresh --branch 7
    exit 2
    error: invalid value '7' for '--branch <BRANCH>': a branch's name is at most 64 lowercase letters, digits, `_` and `-`, and starts with a letter

    For more information, try '--help'.

    $ refresh --branch Dev
    exit 2
    error: invalid value 'Dev' for '--branch <BRANCH>': a branch's name is at most 64 lowercase letters, digits, `_` and `-`, and starts with a letter

    For more information, try '--help'.

    $ sql --at fix-price -c select 1
    exit 2
    error: there is no branch `fix-price`
    hint: did you mean `fix-prices`? `cinelake branches` lists them

    $ ls --at x
    exit 2
    error: there is no branch `x`
    hint: `cinelake branches` lists them, `cinelake refresh --branch x` makes this one

    $ ls --at Fix
    exit 2
    error: invalid value 'Fix' for '--at <SNAPSHOT>': a snapshot is named by its number, by `main` or by a branch's name

    For more information, try '--help'.

    $ diff main fixprices
    exit 2
    error: there is no branch `fixprices`
    hint: did you mean `fix-prices`? `cinelake branches` lists them

    $ publish fix-prizes
    exit 2
    error: there is no branch `fix-prizes`
    hint: did you mean `fix-prices`? `cinelake branches` lists them

    $ publish main
    exit 2
    error: invalid value 'main' for '<BRANCH>': `main` is what every branch begins at

    For more information, try '--help'.

    $ branches --drop dev
    exit 2
    error: there is no branch `dev`
    hint: `cinelake branches` lists them, `cinelake refresh --branch dev` makes this one

    $ branches --drop fix-prices -f csv
    exit 2
    error: the argument '--drop <BRANCH>' cannot be used with '--format <FORMAT>'

    Usage: cinelake branches --drop <BRANCH>

    For more information, try '--help'.

    $ rollback --to 2
    exit 2
    error: snapshot 2 of branch `fix-prices` is not of main
    hint: `cinelake publish fix-prices` publishes it
    ");
}
