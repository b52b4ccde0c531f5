//! Going back to older snapshots, and what differs between two of them.

use crate::support::payers::{USERS, late_payment, more_users, payers};
use crate::support::{Project, steady};

fn project() -> Project {
    payers(&[])
}

/// A late payment, a user who moved, another country.
fn more(project: &Project) {
    late_payment(project);
    more_users(project);
}

const TABLES: [&str; 7] = [
    "bronze.users",
    "bronze.payments",
    "silver.users",
    "gold.revenue",
    "gold.revenue_by_country",
    "gold.countries",
    "(select source, path, rows_landed, replaced_by from system.deliveries)",
];

/// Every table's rows, as a snapshot or the newest shows them.
fn content(project: &Project, at: Option<&str>) -> Vec<String> {
    let mut all = Vec::new();
    for table in TABLES {
        let sql = format!("select * from {table} as t order by 1, 2");
        let sql = match table {
            "gold.countries" => sql.replace(", 2", ""),
            _ => sql,
        };
        let mut args = vec!["-q", "sql", "-f", "csv", "-c", &sql];
        args.extend(at.iter().flat_map(|at| ["--at", at]));
        all.push(format!("{table}\n{}", project.ok(&args).stdout));
    }
    all
}

/// Whether other Delta readers, who look at the newest version of each table,
/// see the snapshot `id`.
fn heads_are_published(project: &Project, id: u64) {
    let read = |path: &str| std::fs::read_to_string(project.path(path)).unwrap();
    let snapshot: serde_json::Value =
        serde_json::from_str(&read(&format!("lake/_snapshots/{id}.json"))).unwrap();
    for (name, entry) in snapshot["tables"].as_object().unwrap() {
        let Some(version) = entry["kind"]["table"]["version"].as_u64() else {
            continue;
        };
        let log = project.path(&format!("lake/{}/_delta_log", name.replace('.', "/")));
        let newest = std::fs::read_dir(log).unwrap().count() as u64 - 1;
        assert_eq!(version, newest, "{name}");
    }
}

#[test]
fn after_a_rollback_every_table_reads_as_it_did_and_a_refresh_lands_the_files_again() {
    let project = project();
    let first = content(&project, None);
    more(&project);
    project.ok(&["refresh"]);
    let second = content(&project, None);
    assert_ne!(first, second);
    let before = project.lake_files();
    let dry = project.ok(&["rollback", "--dry-run"]);
    insta::assert_snapshot!(format!("{}{}", dry.stdout, dry.stderr), @r"
    restore bronze.payments: 2 rows, now 3 rows
    restore bronze.users: 2 rows, now 4 rows
    restore gold.countries: a view, now a view
    restore gold.revenue: 2 rows, now 2 rows
    restore gold.revenue_by_country: 2 rows, now 2 rows
    restore silver.users: 2 rows, now 3 rows
    restore system.deliveries: 2 rows, now 4 rows
    7 tables would change
    no longer landed in bronze.payments: payments_late.csv
    no longer landed in bronze.users: users_2.csv
    hint: the next refresh lands 2 files again; what should stay out must leave the landing folder
    ");
    assert_eq!(project.lake_files(), before, "a dry run writes nothing");
    let ran = project.ok(&["rollback"]);
    insta::assert_snapshot!(ran.stderr, @r"
    rolled back to snapshot 1, published as snapshot 3: 7 tables changed
    no longer landed in bronze.payments: payments_late.csv
    no longer landed in bronze.users: users_2.csv
    hint: the next refresh lands 2 files again; what should stay out must leave the landing folder
    ");
    assert_eq!(content(&project, None), first);
    assert_eq!(content(&project, Some("1")), first);
    assert_eq!(content(&project, Some("2")), second);
    assert_eq!(
        project.rows("select snapshot, command, tables_changed from system.snapshots order by 1"),
        ["1,refresh,8", "2,refresh,7", "3,rollback to 1,7"]
    );
    assert_eq!(
        project.rows("select command, status, snapshot from system.runs order by started_at"),
        [
            "refresh,published,1",
            "refresh,published,2",
            "rollback to 1,published,3"
        ]
    );
    heads_are_published(&project, 3);
    let again = project.ok(&["rollback", "--to", "1"]);
    insta::assert_snapshot!(again.stderr, @"nothing to do: snapshot 3 holds the tables of snapshot 1");
    let ran = project.ok(&["refresh"]);
    insta::assert_snapshot!(steady(&ran.stderr), @r#"
    landed payments_late.csv as bronze.payments: 1 row
    landed users_2.csv as bronze.users: 2 rows
    built silver.users: 3 rows in [time] s
    built gold.countries: 3 rows in [time] s
    built gold.revenue: 2 rows in [time] s
    built gold.revenue_by_country: 2 rows in [time] s
    published snapshot 4: 7 tables changed, 7 checks made
    restated: gold.revenue, 2024-01-01: revenue 229.84 -> 279.84 (payments_late.csv, line 2)
    restated: gold.revenue, 2024-01-01: payments 1 -> 2 (payments_late.csv, line 2)
    restated: gold.revenue_by_country, 2024-01-01 {"country":"US"}: revenue 229.84 -> 279.84 (payments_late.csv, line 2; users_2.csv, lines 2, 3)
    restated: gold.revenue_by_country, 2024-02-01 {"country":"AT"}: revenue null -> 5.00 (payments_late.csv, line 2; users_2.csv, lines 2, 3)
    restated: gold.revenue_by_country, 2024-02-01 {"country":"DE"}: revenue 5.00 -> null (payments_late.csv, line 2; users_2.csv, lines 2, 3)
    "#);
    assert_eq!(content(&project, None), second);
    assert_eq!(content(&project, Some("3")), first);
    assert!(project.ok(&["refresh"]).stderr.starts_with("nothing new"));
    // And forward again, to a state that was left behind.
    project.ok(&["rollback", "--to", "3"]);
    project.ok(&["rollback", "--to", "2"]);
    assert_eq!(content(&project, None), second);
    assert!(project.ok(&["refresh"]).stderr.starts_with("nothing new"));
}

#[test]
fn what_changes_after_a_rollback_is_built_again_although_its_inputs_came_back() {
    let project = project();
    more(&project);
    project.ok(&["refresh"]);
    // The late payment stays out; another one arrives in its place.
    std::fs::remove_file(project.path("lake/landing/payments_late.csv")).unwrap();
    insta::assert_snapshot!(project.ok(&["rollback"]).stderr, @r"
    rolled back to snapshot 1, published as snapshot 3: 7 tables changed
    no longer landed in bronze.payments: payments_late.csv, and gone from the landing folder
    no longer landed in bronze.users: users_2.csv
    hint: the next refresh lands 1 file again; what should stay out must leave the landing folder
    hint: 1 file cannot land again unless put back; snapshot 2 still holds the rows
    ");
    std::fs::remove_file(project.path("lake/landing/users_2.csv")).unwrap();
    project.deliver(
        "payments_3.csv",
        "payment_id,user_id,amount,paid_on\n4,2,1.00,2024-01-31\n",
    );
    let ran = project.ok(&["refresh"]);
    insta::assert_snapshot!(steady(&ran.stderr), @r#"
    landed payments_3.csv as bronze.payments: 1 row
    built gold.revenue: 2 rows in [time] s
    built gold.revenue_by_country: 1 of 2 partitions, 2 rows in [time] s
    published snapshot 4: 4 tables changed, 5 checks made
    restated: gold.revenue, 2024-01-01: revenue 229.84 -> 230.84 (payments_3.csv, line 2)
    restated: gold.revenue, 2024-01-01: payments 1 -> 2 (payments_3.csv, line 2)
    restated: gold.revenue_by_country, 2024-01-01 {"country":"DE"}: revenue null -> 1.00 (payments_3.csv, line 2)
    "#);
    assert_eq!(
        project.rows("select month, revenue from gold.revenue order by 1"),
        ["2024-01-01,230.84", "2024-02-01,5.00"]
    );
    // Back over both: each snapshot is as it was.
    project.ok(&["rollback", "--to", "2"]);
    assert_eq!(
        project.rows("select month, revenue from gold.revenue order by 1"),
        ["2024-01-01,279.84", "2024-02-01,5.00"]
    );
    // The file that only snapshot 4 had is landed again, on top of 2.
    project.ok(&["refresh"]);
    assert_eq!(
        project.rows("select month, revenue from gold.revenue order by 1"),
        ["2024-01-01,280.84", "2024-02-01,5.00"]
    );
}

#[test]
fn a_rollback_brings_back_dropped_tables_old_columns_and_views() {
    let project = project();
    let first = content(&project, None);
    std::fs::remove_file(project.path("queries/gold/revenue.sql")).unwrap();
    project.write(
        "queries/gold/countries.sql",
        "-- Countries.\n--\n-- grain: country\nselect country, count(*) as users from silver.users group by country",
    );
    project.write(
        "queries/gold/revenue_by_country.sql",
        "-- Revenue.\n--\n-- grain: user_id\nselect user_id, sum(amount) as spent from bronze.payments group by user_id",
    );
    project.write("queries/gold/more.sql", "-- More.\nselect 1 as n");
    project.ok(&["refresh"]);
    let dry = project.ok(&["rollback", "--to", "1", "--dry-run"]);
    insta::assert_snapshot!(format!("{}{}", dry.stdout, dry.stderr), @r"
    restore gold.countries: a view, now 2 rows
    drop    gold.more: snapshot 1 lacks it
    restore gold.revenue: 2 rows, now gone
    restore gold.revenue_by_country: 2 rows, now 2 rows
    4 tables would change
    ");
    project.ok(&["rollback", "--to", "1"]);
    assert_eq!(content(&project, None), first);
    assert!(
        project
            .fails(&["sql", "-c", "select * from gold.more"])
            .contains("no table `gold.more`")
    );
    // The project is as it was left: the next refresh builds what differs.
    let ran = project.ok(&["refresh"]);
    assert!(
        ran.stderr.contains("gold.revenue is gone"),
        "{}",
        ran.stderr
    );
    assert_eq!(
        project.rows("select user_id, spent from gold.revenue_by_country order by 1"),
        ["1,229.84", "2,5.00"]
    );
}

#[test]
fn a_killed_rollback_is_all_or_nothing() {
    for point in [
        "publish.staged",
        "publish.intended",
        "publish.committed",
        "publish.synced",
        "publish.visible",
    ] {
        let project = project();
        let first = content(&project, None);
        more(&project);
        project.ok(&["refresh"]);
        let second = content(&project, None);
        let killed = project
            .command(&["rollback", "--to", "1"])
            .env("CINELAKE_FAILPOINT", format!("{point}=abort"))
            .output()
            .unwrap();
        assert_eq!(
            killed.status.code(),
            None,
            "{point} did not fire: {killed:?}"
        );
        let visible = if point == "publish.visible" {
            &first
        } else {
            &second
        };
        assert_eq!(
            &content(&project, None),
            visible,
            "{point}: what readers see"
        );
        // The next run carries it through, or finds nothing of it.
        let again = project.ok(&["rollback", "--to", "1"]);
        assert_eq!(
            again.stderr.contains("nothing to do"),
            point != "publish.staged",
            "{point}: {}",
            again.stderr
        );
        assert_eq!(
            content(&project, None),
            first,
            "{point}: after the next run"
        );
        assert_eq!(
            project.row("select max(snapshot) from system.snapshots"),
            "3"
        );
        assert!(!project.lake_files().contains(&"_intent.json".to_owned()));
        project.ok(&["refresh"]);
        assert_eq!(content(&project, None), second, "{point}: after a refresh");
    }
}

#[test]
fn a_rollback_that_cannot_be_says_why_and_changes_nothing() {
    let project = project();
    let mut said = String::new();
    let mut ask = |project: &Project, args: &[&str]| {
        said.push_str(&format!("$ {}\n{}\n", args.join(" "), project.fails(args)));
    };
    ask(&project, &["rollback"]);
    ask(&project, &["rollback", "--to", "9"]);
    ask(&project, &["rollback", "--to", "first"]);
    more(&project);
    project.ok(&["refresh"]);
    let newest = project.ok(&["rollback", "--to", "2"]);
    assert_eq!(newest.stderr, "nothing to do: snapshot 2 is the newest\n");
    let before = project.lake_files();
    let old: Vec<String> = before
        .iter()
        .filter(|f| f.starts_with("gold/revenue/") && f.ends_with(".parquet"))
        .cloned()
        .collect();
    let text = std::fs::read_to_string(
        project.path("lake/gold/revenue/_delta_log/00000000000000000000.json"),
    )
    .unwrap();
    let gone = old
        .iter()
        .find(|f| text.contains(f.rsplit('/').next().unwrap()))
        .unwrap();
    std::fs::remove_file(project.path("lake").join(gone)).unwrap();
    ask(&project, &["rollback"]);
    let said = said.replace(gone.rsplit('/').next().unwrap(), "[file]");
    insta::assert_snapshot!(said, @r"
    $ rollback
    exit 2
    error: snapshot 1 is the first: there is none before it
    hint: `cinelake snapshots` lists them

    $ rollback --to 9
    exit 2
    error: there is no snapshot 9
    hint: `cinelake snapshots` lists them

    $ rollback --to first
    exit 2
    error: invalid value 'first' for '--to <SNAPSHOT>': invalid digit found in string

    For more information, try '--help'.

    $ rollback
    exit 3
    error: snapshot 1 cannot come back: 1 of 6 files to bring back is missing: gold/revenue/[file]
    hint: bring them back from a backup, or go back to another snapshot: `cinelake snapshots` lists them
    ");
    assert_eq!(project.row("select count(*) from system.snapshots"), "2");
    let empty = Project::of(&[("bronze/users.toml", USERS)]);
    insta::assert_snapshot!(empty.fails(&["rollback"]), @r"
    exit 2
    error: nothing is published in `./lake` yet
    hint: `cinelake refresh` lands, builds and publishes
    ");
}

#[test]
fn every_reading_command_reads_an_older_snapshot() {
    let project = project();
    more(&project);
    project.deliver("users_3.csv", "user_id,country\nx,US\n7,US\n8,US\n");
    project.write(
        "queries/gold/later.sql",
        "-- Later.\nselect country from gold.countries",
    );
    project.write(
        "queries/checks/none.sql",
        "-- None.\nselect country from gold.later where country = 'XX'",
    );
    project.ok(&["refresh"]);
    let out = |args: &[&str]| project.ok(args).stdout;
    assert!(!out(&["ls", "--at", "1"]).contains("gold.later"));
    assert!(out(&["ls"]).contains("gold.later"));
    assert!(out(&["describe", "silver.users", "--at", "1"]).contains("\n2 rows in 1 file"));
    assert!(out(&["describe", "silver.users"]).contains("\n5 rows in 1 file"));
    assert_eq!(
        out(&["-q", "rejects", "--at", "1", "-f", "csv"])
            .lines()
            .count(),
        1
    );
    assert_eq!(out(&["-q", "rejects", "-f", "csv"]).lines().count(), 2);
    insta::assert_snapshot!(out(&["lineage", "gold.countries", "--at", "1"]), @r"
    gold.countries
    reads
      silver.users
        bronze.users
    ");
    insta::assert_snapshot!(out(&["lineage", "gold.countries"]), @r"
    gold.countries
    reads
      silver.users
        bronze.users
    read by
      gold.later
    ");
    let checked = project.ok(&["check", "--at", "1"]);
    insta::assert_snapshot!(format!("{}{}", checked.stdout, checked.stderr), @r"
    passed gold.revenue: unique: month
    passed gold.revenue: not_null: month
    passed gold.revenue_by_country: unique: month, country
    passed gold.revenue_by_country: not_null: month
    passed gold.revenue_by_country: not_null: country
    passed silver.users: unique: user_id
    passed silver.users: not_null: user_id
    warning: check `none` not made: snapshot 1 has no `gold.later`
    7 checks: 7 passed, 0 warned, 0 failed
    ");
    project.ok(&["docs", "--at", "1", "--format", "markdown"]);
    let pages = std::fs::read_to_string(project.path("docs/dictionary.md")).unwrap();
    assert!(
        pages.contains("snapshot 1") && !pages.contains("snapshot 2"),
        "{pages}"
    );
    let mut said = String::new();
    for command in [
        vec!["sql", "-c", "select 1", "--at", "9"],
        vec!["ls", "--at", "9"],
        vec!["ls", "reports", "--at", "1"],
        vec!["describe", "gold.later", "--at", "1"],
        vec!["lineage", "--at", "9"],
        vec!["lineage", "gold.later", "--at", "1"],
        vec!["check", "--at", "9"],
        vec!["docs", "--at", "9"],
        vec!["rejects", "--at", "9"],
    ] {
        said.push_str(&format!(
            "$ {}\n{}",
            command.join(" "),
            project.fails(&command)
        ));
    }
    insta::assert_snapshot!(said, @r"
    $ sql -c select 1 --at 9
    exit 2
    error: there is no snapshot 9
    hint: `cinelake snapshots` lists them
    $ ls --at 9
    exit 2
    error: there is no snapshot 9
    hint: `cinelake snapshots` lists them
    $ ls reports --at 1
    exit 2
    error: `--at` goes with tables
    hint: reports, sources and checks are files of the project; no snapshot keeps them
    $ describe gold.later --at 1
    exit 2
    error: no table `gold.later`
    hint: did you mean `gold.countries`?
    $ lineage --at 9
    exit 2
    error: there is no snapshot 9
    hint: `cinelake snapshots` lists them
    $ lineage gold.later --at 1
    exit 2
    error: no table or report `gold.later`
    hint: did you mean `gold.countries`?
    $ check --at 9
    exit 2
    error: there is no snapshot 9
    hint: `cinelake snapshots` lists them
    $ docs --at 9
    exit 2
    error: there is no snapshot 9
    hint: `cinelake snapshots` lists them
    $ rejects --at 9
    exit 2
    error: there is no snapshot 9
    hint: `cinelake snapshots` lists them
    ");
    for command in [
        "sql", "ls", "describe", "lineage", "check", "docs", "rejects", "verify", "why",
    ] {
        let help = out(&[command, "--help"]);
        assert!(
            help.contains("--at <SNAPSHOT>")
                && help.contains("The snapshot to read: a number, `main` or a branch"),
            "{command}: {help}"
        );
    }
}

/// What a command prints, results before messages.
fn said(project: &Project, args: &[&str]) -> String {
    let ran = project.ok(args);
    format!("{}{}", ran.stdout, steady(&ran.stderr))
}

#[test]
fn a_diff_says_which_files_rows_and_numbers_changed() {
    let project = project();
    more(&project);
    project.ok(&["refresh"]);
    insta::assert_snapshot!(said(&project, &["diff"]), @r"
    Files
    ┌───────────────────┬─────────────────┬────────┬──────┬──────────┬───────┐
    │ file              ┆ table           ┆ change ┆ rows ┆ rejected ┆ lines │
    ╞═══════════════════╪═════════════════╪════════╪══════╪══════════╪═══════╡
    │ payments_late.csv ┆ bronze.payments ┆ landed ┆    1 ┆        0 ┆ 2     │
    │ users_2.csv       ┆ bronze.users    ┆ landed ┆    2 ┆        0 ┆ 2-3   │
    └───────────────────┴─────────────────┴────────┴──────┴──────────┴───────┘

    Tables
    ┌─────────────────────────┬─────────────┬────────────┬───────┬─────────┬─────────┬───────────────────────────────────────────────┐
    │ table                   ┆ rows_before ┆ rows_after ┆ added ┆ removed ┆ changed ┆ note                                          │
    ╞═════════════════════════╪═════════════╪════════════╪═══════╪═════════╪═════════╪═══════════════════════════════════════════════╡
    │ bronze.payments         ┆           2 ┆          3 ┆     1 ┆       0 ┆       0 ┆                                               │
    │ bronze.users            ┆           2 ┆          4 ┆     2 ┆       0 ┆       1 ┆                                               │
    │ gold.countries          ┆           2 ┆          3 ┆     2 ┆       1 ┆       0 ┆ view; compared by whole rows: no common grain │
    │ gold.revenue            ┆           2 ┆          2 ┆     0 ┆       0 ┆       1 ┆                                               │
    │ gold.revenue_by_country ┆           2 ┆          2 ┆     1 ┆       1 ┆       1 ┆                                               │
    │ silver.users            ┆           2 ┆          3 ┆     1 ┆       0 ┆       1 ┆                                               │
    └─────────────────────────┴─────────────┴────────────┴───────┴─────────┴─────────┴───────────────────────────────────────────────┘

    Metrics
    ┌─────────────────────────┬────────────┬──────────┬────────┬────────┐
    │ table                   ┆ month      ┆ metric   ┆ before ┆ after  │
    ╞═════════════════════════╪════════════╪══════════╪════════╪════════╡
    │ gold.revenue            ┆ 2024-01-01 ┆ revenue  ┆ 229.84 ┆ 279.84 │
    │ gold.revenue            ┆ 2024-01-01 ┆ payments ┆ 1      ┆ 2      │
    │ gold.revenue_by_country ┆ 2024-01-01 ┆ 1 row    ┆ ∅      ┆ ∅      │
    │ gold.revenue_by_country ┆ 2024-02-01 ┆ 2 rows   ┆ ∅      ┆ ∅      │
    └─────────────────────────┴────────────┴──────────┴────────┴────────┘
    from snapshot 1 to snapshot 2: 2 files differ, 6 tables differ, 4 metric values differ
    ");
    insta::assert_snapshot!(said(&project, &["diff", "1", "2", "-f", "csv"]), @r"
    what,table,change,month,column,before,after,rows,detail
    file,bronze.payments,landed,,,,,1,payments_late.csv:2
    file,bronze.users,landed,,,,,2,users_2.csv:2-3
    table,bronze.payments,added,,,,,1,
    table,bronze.users,added,,,,,2,
    table,bronze.users,changed,,,,,1,
    table,gold.countries,added,,,,,2,
    table,gold.countries,removed,,,,,1,
    table,gold.countries,note,,,,,,view
    table,gold.countries,note,,,,,,compared by whole rows: no common grain
    table,gold.revenue,changed,,,,,1,
    table,gold.revenue_by_country,added,,,,,1,
    table,gold.revenue_by_country,removed,,,,,1,
    table,gold.revenue_by_country,changed,,,,,1,
    table,silver.users,added,,,,,1,
    table,silver.users,changed,,,,,1,
    metric,gold.revenue,changed,2024-01-01,revenue,229.84,279.84,1,
    metric,gold.revenue,changed,2024-01-01,payments,1,2,1,
    metric,gold.revenue_by_country,changed,2024-01-01,,,,1,
    metric,gold.revenue_by_country,changed,2024-02-01,,,,2,
    from snapshot 1 to snapshot 2: 2 files differ, 6 tables differ, 4 metric values differ
    ");
    let rows = |table: &str| said(&project, &["diff", "1", "--table", table]);
    insta::assert_snapshot!(rows("gold.revenue"), @r"
    ┌─────────┬────────────┬──────────┬────────┬────────┐
    │ change  ┆ month      ┆ column   ┆ before ┆ after  │
    ╞═════════╪════════════╪══════════╪════════╪════════╡
    │ changed ┆ 2024-01-01 ┆ revenue  ┆ 229.84 ┆ 279.84 │
    │ changed ┆ 2024-01-01 ┆ payments ┆ 1      ┆ 2      │
    └─────────┴────────────┴──────────┴────────┴────────┘
    from snapshot 1 to snapshot 2: rows of gold.revenue that differ: 1 of 1 shown
    ");
    insta::assert_snapshot!(rows("silver.users"), @r"
    ┌─────────┬─────────┬─────────┬────────┬───────┐
    │ change  ┆ user_id ┆ column  ┆ before ┆ after │
    ╞═════════╪═════════╪═════════╪════════╪═══════╡
    │ changed ┆       2 ┆ country ┆ DE     ┆ AT    │
    │ added   ┆       3 ┆ country ┆ ∅      ┆ FR    │
    └─────────┴─────────┴─────────┴────────┴───────┘
    from snapshot 1 to snapshot 2: rows of silver.users that differ: 2 of 2 shown
    ");
    insta::assert_snapshot!(rows("gold.countries"), @r"
    ┌─────────┬──────┬─────────┐
    │ change  ┆ rows ┆ country │
    ╞═════════╪══════╪═════════╡
    │ added   ┆    1 ┆ AT      │
    │ removed ┆    1 ┆ DE      │
    │ added   ┆    1 ┆ FR      │
    └─────────┴──────┴─────────┘
    from snapshot 1 to snapshot 2: rows of gold.countries that differ: 3 of 3 shown; view; compared by whole rows: no common grain
    ");
    insta::assert_snapshot!(rows("bronze.payments"), @r"
    ┌────────┬───────────┬───────┬────────────┬────────┬────────────┐
    │ change ┆ _delivery ┆ _line ┆ column     ┆ before ┆ after      │
    ╞════════╪═══════════╪═══════╪════════════╪════════╪════════════╡
    │ added  ┆         3 ┆     2 ┆ payment_id ┆ ∅      ┆ 3          │
    │ added  ┆         3 ┆     2 ┆ user_id    ┆ ∅      ┆ 1          │
    │ added  ┆         3 ┆     2 ┆ amount     ┆ ∅      ┆ 50.00      │
    │ added  ┆         3 ┆     2 ┆ paid_on    ┆ ∅      ┆ 2024-01-31 │
    │ added  ┆         3 ┆     2 ┆ month      ┆ ∅      ┆ 2024-01-01 │
    └────────┴───────────┴───────┴────────────┴────────┴────────────┘
    from snapshot 1 to snapshot 2: rows of bronze.payments that differ: 1 of 1 shown
    ");
    insta::assert_snapshot!(
        said(&project, &["diff", "2", "1", "--table", "gold.revenue_by_country", "--limit", "1", "-f", "json"]),
        @r#"
    [{"change":"changed","month":"2024-01-01","country":"US","column":"revenue","before":"279.84","after":"229.84"}]
    from snapshot 2 to snapshot 1: rows of gold.revenue_by_country that differ: 1 of 3 shown
    "#
    );
    insta::assert_snapshot!(said(&project, &["diff", "--limit", "1"]), @r"
    Files
    ┌───────────────────┬─────────────────┬────────┬──────┬──────────┬───────┐
    │ file              ┆ table           ┆ change ┆ rows ┆ rejected ┆ lines │
    ╞═══════════════════╪═════════════════╪════════╪══════╪══════════╪═══════╡
    │ payments_late.csv ┆ bronze.payments ┆ landed ┆    1 ┆        0 ┆ 2     │
    └───────────────────┴─────────────────┴────────┴──────┴──────────┴───────┘

    Tables
    ┌─────────────────┬─────────────┬────────────┬───────┬─────────┬─────────┬──────┐
    │ table           ┆ rows_before ┆ rows_after ┆ added ┆ removed ┆ changed ┆ note │
    ╞═════════════════╪═════════════╪════════════╪═══════╪═════════╪═════════╪══════╡
    │ bronze.payments ┆           2 ┆          3 ┆     1 ┆       0 ┆       0 ┆      │
    └─────────────────┴─────────────┴────────────┴───────┴─────────┴─────────┴──────┘

    Metrics
    ┌──────────────┬────────────┬─────────┬────────┬────────┐
    │ table        ┆ month      ┆ metric  ┆ before ┆ after  │
    ╞══════════════╪════════════╪═════════╪════════╪════════╡
    │ gold.revenue ┆ 2024-01-01 ┆ revenue ┆ 229.84 ┆ 279.84 │
    └──────────────┴────────────┴─────────┴────────┴────────┘
    from snapshot 1 to snapshot 2: 2 files differ, 6 tables differ, 4 metric values differ
    the first 1 of each are shown; `--limit` shows more
    ");
    // A state that came back differs in nothing, whatever its versions are.
    project.ok(&["rollback"]);
    insta::assert_snapshot!(said(&project, &["diff", "1", "3"]), @r"
    no difference
    from snapshot 1 to snapshot 3: 0 files differ, 0 tables differ, 0 metric values differ
    ");
    insta::assert_snapshot!(said(&project, &["diff", "1", "--table", "gold.revenue"]), @"from snapshot 1 to snapshot 3: no difference in gold.revenue");
    insta::assert_snapshot!(said(&project, &["diff"]), @r"
    Files
    ┌───────────────────┬─────────────────┬────────┬──────┬──────────┬───────┐
    │ file              ┆ table           ┆ change ┆ rows ┆ rejected ┆ lines │
    ╞═══════════════════╪═════════════════╪════════╪══════╪══════════╪═══════╡
    │ payments_late.csv ┆ bronze.payments ┆ gone   ┆    1 ┆        0 ┆       │
    │ users_2.csv       ┆ bronze.users    ┆ gone   ┆    2 ┆        0 ┆       │
    └───────────────────┴─────────────────┴────────┴──────┴──────────┴───────┘

    Tables
    ┌─────────────────────────┬─────────────┬────────────┬───────┬─────────┬─────────┬───────────────────────────────────────────────┐
    │ table                   ┆ rows_before ┆ rows_after ┆ added ┆ removed ┆ changed ┆ note                                          │
    ╞═════════════════════════╪═════════════╪════════════╪═══════╪═════════╪═════════╪═══════════════════════════════════════════════╡
    │ bronze.payments         ┆           3 ┆          2 ┆     0 ┆       1 ┆       0 ┆                                               │
    │ bronze.users            ┆           4 ┆          2 ┆     0 ┆       2 ┆       1 ┆                                               │
    │ gold.countries          ┆           3 ┆          2 ┆     1 ┆       2 ┆       0 ┆ view; compared by whole rows: no common grain │
    │ gold.revenue            ┆           2 ┆          2 ┆     0 ┆       0 ┆       1 ┆                                               │
    │ gold.revenue_by_country ┆           2 ┆          2 ┆     1 ┆       1 ┆       1 ┆                                               │
    │ silver.users            ┆           3 ┆          2 ┆     0 ┆       1 ┆       1 ┆                                               │
    └─────────────────────────┴─────────────┴────────────┴───────┴─────────┴─────────┴───────────────────────────────────────────────┘

    Metrics
    ┌─────────────────────────┬────────────┬──────────┬────────┬────────┐
    │ table                   ┆ month      ┆ metric   ┆ before ┆ after  │
    ╞═════════════════════════╪════════════╪══════════╪════════╪════════╡
    │ gold.revenue            ┆ 2024-01-01 ┆ revenue  ┆ 279.84 ┆ 229.84 │
    │ gold.revenue            ┆ 2024-01-01 ┆ payments ┆ 2      ┆ 1      │
    │ gold.revenue_by_country ┆ 2024-01-01 ┆ 1 row    ┆ ∅      ┆ ∅      │
    │ gold.revenue_by_country ┆ 2024-02-01 ┆ 2 rows   ┆ ∅      ┆ ∅      │
    └─────────────────────────┴────────────┴──────────┴────────┴────────┘
    from snapshot 2 to snapshot 3: 2 files differ, 6 tables differ, 4 metric values differ
    ");
}

#[test]
fn a_diff_names_the_lines_of_a_file_that_was_delivered_again() {
    let project = Project::of(&[
        ("bronze/users.toml", USERS),
        (
            "gold/all.sql",
            "-- All.\nselect country, user_id > 100 as late from bronze.users",
        ),
    ]);
    let file = |from: i64, to: i64, country: &str| -> String {
        let rows = (from..=to).map(|id| format!("{id},{country}\n"));
        format!("user_id,country\n{}", rows.collect::<String>())
    };
    project.deliver("users.csv", file(1, 60, "US"));
    project.deliver("users_old.csv", file(101, 105, "US"));
    project.deliver("users_gone.csv", file(201, 203, "US"));
    project.ok(&["refresh"]);
    // Three lines differ, one is new; a renamed file, whose old name another
    // takes; a long new file.
    let text = file(1, 60, "US").replace("\n7,US\n8,US", "\n7,DE\n8,DE");
    project.deliver("users.csv", text.replace("\n30,US", "\n30,FR") + "61,US\n");
    project.deliver("users_moved.csv", file(101, 105, "US"));
    project.deliver("users_old.csv", file(301, 330, "US"));
    project.ok(&["refresh"]);
    insta::assert_snapshot!(said(&project, &["diff"]), @r"
    Files
    ┌─────────────────┬──────────────┬────────────────────────────┬──────┬──────────┬─────────────┐
    │ file            ┆ table        ┆ change                     ┆ rows ┆ rejected ┆ lines       │
    ╞═════════════════╪══════════════╪════════════════════════════╪══════╪══════════╪═════════════╡
    │ users.csv       ┆ bronze.users ┆ replaced                   ┆   61 ┆        0 ┆ 8-9, 31, 62 │
    │ users_moved.csv ┆ bronze.users ┆ renamed from users_old.csv ┆    5 ┆        0 ┆             │
    │ users_old.csv   ┆ bronze.users ┆ landed                     ┆   30 ┆        0 ┆             │
    └─────────────────┴──────────────┴────────────────────────────┴──────┴──────────┴─────────────┘

    Tables
    ┌──────────────┬─────────────┬────────────┬───────┬─────────┬─────────┬─────────────────────────────────────────┐
    │ table        ┆ rows_before ┆ rows_after ┆ added ┆ removed ┆ changed ┆ note                                    │
    ╞══════════════╪═════════════╪════════════╪═══════╪═════════╪═════════╪═════════════════════════════════════════╡
    │ bronze.users ┆          68 ┆         99 ┆    91 ┆      60 ┆       0 ┆                                         │
    │ gold.all     ┆          68 ┆         99 ┆    33 ┆       2 ┆       0 ┆ compared by whole rows: no common grain │
    └──────────────┴─────────────┴────────────┴───────┴─────────┴─────────┴─────────────────────────────────────────┘
    from snapshot 1 to snapshot 2: 3 files differ, 2 tables differ, 0 metric values differ
    ");
    // Another contract lands every file again; a type changes.
    project.write(
        "queries/bronze/users.toml",
        &USERS.replace("country = \"text\"", "country = \"text\"\nage = \"bigint\""),
    );
    project.ok(&["refresh"]);
    insta::assert_snapshot!(said(&project, &["diff"]), @r"
    Files
    ┌─────────────────┬──────────────┬──────────────┬──────┬──────────┬───────┐
    │ file            ┆ table        ┆ change       ┆ rows ┆ rejected ┆ lines │
    ╞═════════════════╪══════════════╪══════════════╪══════╪══════════╪═══════╡
    │ users.csv       ┆ bronze.users ┆ landed again ┆   61 ┆        0 ┆       │
    │ users_gone.csv  ┆ bronze.users ┆ landed again ┆    3 ┆        0 ┆       │
    │ users_moved.csv ┆ bronze.users ┆ landed again ┆    5 ┆        0 ┆       │
    │ users_old.csv   ┆ bronze.users ┆ landed again ┆   30 ┆        0 ┆       │
    └─────────────────┴──────────────┴──────────────┴──────┴──────────┴───────┘

    Tables
    ┌──────────────┬─────────────┬────────────┬───────┬─────────┬─────────┬────────────────────┐
    │ table        ┆ rows_before ┆ rows_after ┆ added ┆ removed ┆ changed ┆ note               │
    ╞══════════════╪═════════════╪════════════╪═══════╪═════════╪═════════╪════════════════════╡
    │ bronze.users ┆          99 ┆         99 ┆    99 ┆      99 ┆       0 ┆ columns added: age │
    └──────────────┴─────────────┴────────────┴───────┴─────────┴─────────┴────────────────────┘
    from snapshot 2 to snapshot 3: 4 files differ, 1 table differs, 0 metric values differ
    ");
    // A number that a rollback freed stands for another file.
    project.ok(&["rollback", "--to", "1"]);
    insta::assert_snapshot!(said(&project, &["diff", "2"]), @r"
    Files
    ┌───────────────┬──────────────┬──────────────────────────────┬──────┬──────────┬─────────┐
    │ file          ┆ table        ┆ change                       ┆ rows ┆ rejected ┆ lines   │
    ╞═══════════════╪══════════════╪══════════════════════════════╪══════╪══════════╪═════════╡
    │ users.csv     ┆ bronze.users ┆ replaced                     ┆   60 ┆        0 ┆ 8-9, 31 │
    │ users_old.csv ┆ bronze.users ┆ renamed from users_moved.csv ┆    5 ┆        0 ┆         │
    │ users_old.csv ┆ bronze.users ┆ gone                         ┆   30 ┆        0 ┆         │
    └───────────────┴──────────────┴──────────────────────────────┴──────┴──────────┴─────────┘

    Tables
    ┌──────────────┬─────────────┬────────────┬───────┬─────────┬─────────┬─────────────────────────────────────────┐
    │ table        ┆ rows_before ┆ rows_after ┆ added ┆ removed ┆ changed ┆ note                                    │
    ╞══════════════╪═════════════╪════════════╪═══════╪═════════╪═════════╪═════════════════════════════════════════╡
    │ bronze.users ┆          99 ┆         68 ┆    60 ┆      91 ┆       0 ┆                                         │
    │ gold.all     ┆          99 ┆         68 ┆     2 ┆      33 ┆       0 ┆ compared by whole rows: no common grain │
    └──────────────┴─────────────┴────────────┴───────┴─────────┴─────────┴─────────────────────────────────────────┘
    from snapshot 2 to snapshot 4: 3 files differ, 2 tables differ, 0 metric values differ
    ");
    project.write("queries/bronze/users.toml", USERS);
    std::fs::remove_file(project.path("lake/landing/users_moved.csv")).unwrap();
    project.deliver("users.csv", file(1, 60, "US"));
    project.deliver("users_old.csv", file(101, 105, "US"));
    project.deliver("users_new.csv", file(401, 402, "CH"));
    project.ok(&["refresh"]);
    insta::assert_snapshot!(said(&project, &["diff", "2", "5"]), @r"
    Files
    ┌───────────────┬──────────────┬──────────────────────────────┬──────┬──────────┬─────────┐
    │ file          ┆ table        ┆ change                       ┆ rows ┆ rejected ┆ lines   │
    ╞═══════════════╪══════════════╪══════════════════════════════╪══════╪══════════╪═════════╡
    │ users.csv     ┆ bronze.users ┆ replaced                     ┆   60 ┆        0 ┆ 8-9, 31 │
    │ users_new.csv ┆ bronze.users ┆ landed                       ┆    2 ┆        0 ┆ 2-3     │
    │ users_old.csv ┆ bronze.users ┆ renamed from users_moved.csv ┆    5 ┆        0 ┆         │
    │ users_old.csv ┆ bronze.users ┆ gone                         ┆   30 ┆        0 ┆         │
    └───────────────┴──────────────┴──────────────────────────────┴──────┴──────────┴─────────┘

    Tables
    ┌──────────────┬─────────────┬────────────┬───────┬─────────┬─────────┬─────────────────────────────────────────┐
    │ table        ┆ rows_before ┆ rows_after ┆ added ┆ removed ┆ changed ┆ note                                    │
    ╞══════════════╪═════════════╪════════════╪═══════╪═════════╪═════════╪═════════════════════════════════════════╡
    │ bronze.users ┆          99 ┆         70 ┆    62 ┆      91 ┆       0 ┆ compared by whole rows: no common grain │
    │ gold.all     ┆          99 ┆         70 ┆     4 ┆      33 ┆       0 ┆ compared by whole rows: no common grain │
    └──────────────┴─────────────┴────────────┴───────┴─────────┴─────────┴─────────────────────────────────────────┘
    from snapshot 2 to snapshot 5: 4 files differ, 2 tables differ, 0 metric values differ
    ");
    insta::assert_snapshot!(
        said(&project, &["diff", "2", "5", "--table", "bronze.users", "--limit", "3"]), @r"
    ┌─────────┬──────┬─────────┬─────────┬───────────┬───────┬──────────┐
    │ change  ┆ rows ┆ user_id ┆ country ┆ _delivery ┆ _line ┆ _current │
    ╞═════════╪══════╪═════════╪═════════╪═══════════╪═══════╪══════════╡
    │ added   ┆    1 ┆       1 ┆ US      ┆         1 ┆     2 ┆ true     │
    │ removed ┆    1 ┆       1 ┆ US      ┆         4 ┆     2 ┆ true     │
    │ added   ┆    1 ┆       2 ┆ US      ┆         1 ┆     3 ┆ true     │
    └─────────┴──────┴─────────┴─────────┴───────────┴───────┴──────────┘
    from snapshot 2 to snapshot 5: rows of bronze.users that differ: 3 of 153 shown; compared by whole rows: no common grain
    "
    );
}

#[test]
fn a_diff_says_what_else_became_of_tables() {
    let project = Project::of(&[
        ("bronze/users.toml", USERS),
        (
            "silver/a.sql",
            "-- A.\n--\n-- grain: user_id\nselect user_id, country, cast(1.50 as decimal(12,2)) as fee, 1 as n from bronze.users",
        ),
        ("silver/gone.sql", "-- Gone.\nselect 1 as n"),
        (
            "silver/gone_view.sql",
            "-- Gone.\n--\n-- materialized: view\nselect 1 as n",
        ),
        (
            "silver/becomes_view.sql",
            "-- V.\n--\n-- grain: n\nselect 1 as n",
        ),
        (
            "silver/becomes_table.sql",
            "-- T.\n--\n-- materialized: view\n-- grain: n\nselect 1 as n",
        ),
        (
            "silver/other_query.sql",
            "-- Q.\n--\n-- materialized: view\nselect n from silver.becomes_view",
        ),
        ("silver/other_text.sql", "-- S.\nselect 1 as n"),
        (
            "silver/other_grain.sql",
            "-- G.\n--\n-- grain: user_id\nselect user_id, country from bronze.users",
        ),
        (
            "silver/twice.sql",
            "-- D.\nselect country from bronze.users",
        ),
    ]);
    project.deliver("users.csv", "user_id,country\n1,US\n2,US\n3,US\n4,DE\n");
    project.ok(&["refresh"]);
    for (path, text) in [
        (
            "silver/a.sql",
            "-- A.\n--\n-- grain: user_id\nselect user_id, country, cast(1.5 as decimal(14,3)) as fee, 'one' as n, true as is_new from bronze.users",
        ),
        (
            "silver/becomes_view.sql",
            "-- V.\n--\n-- materialized: view\n-- grain: n\nselect 1 as n",
        ),
        (
            "silver/becomes_table.sql",
            "-- T.\n--\n-- grain: n\nselect 2 as n",
        ),
        (
            "silver/other_query.sql",
            "-- Q.\n--\n-- materialized: view\nselect n + 0 as n from silver.becomes_view",
        ),
        ("silver/other_text.sql", "-- S.\nselect 2 - 1 as n"),
        (
            "silver/other_grain.sql",
            "-- G.\n--\n-- grain: country\nselect country, count(*) as users from bronze.users group by country",
        ),
        ("silver/new.sql", "-- N.\nselect 1 as n"),
        (
            "silver/new_view.sql",
            "-- N.\n--\n-- materialized: view\nselect 1 as n",
        ),
    ] {
        project.write(&format!("queries/{path}"), text);
    }
    for path in ["gone", "gone_view"] {
        std::fs::remove_file(project.path(&format!("queries/silver/{path}.sql"))).unwrap();
    }
    project.deliver("users_2.csv", "user_id,country\n5,US\n6,US\n");
    project.ok(&["refresh"]);
    insta::assert_snapshot!(said(&project, &["diff"]), @r"
    Files
    ┌─────────────┬──────────────┬────────┬──────┬──────────┬───────┐
    │ file        ┆ table        ┆ change ┆ rows ┆ rejected ┆ lines │
    ╞═════════════╪══════════════╪════════╪══════╪══════════╪═══════╡
    │ users_2.csv ┆ bronze.users ┆ landed ┆    2 ┆        0 ┆ 2-3   │
    └─────────────┴──────────────┴────────┴──────┴──────────┴───────┘

    Tables
    ┌──────────────────────┬─────────────┬────────────┬───────┬─────────┬─────────┬───────────────────────────────────────────────────────────────────────────────────────┐
    │ table                ┆ rows_before ┆ rows_after ┆ added ┆ removed ┆ changed ┆ note                                                                                  │
    ╞══════════════════════╪═════════════╪════════════╪═══════╪═════════╪═════════╪═══════════════════════════════════════════════════════════════════════════════════════╡
    │ bronze.users         ┆           4 ┆          6 ┆     2 ┆       0 ┆       0 ┆                                                                                       │
    │ silver.a             ┆           4 ┆          6 ┆     2 ┆       0 ┆       4 ┆ columns added: is_new; fee is decimal(14,3), was decimal(12,2); n is text, was bigint │
    │ silver.becomes_table ┆           1 ┆          1 ┆     1 ┆       1 ┆       0 ┆ a stored table now                                                                    │
    │ silver.becomes_view  ┆           1 ┆          1 ┆     0 ┆       0 ┆       0 ┆ a view now                                                                            │
    │ silver.gone          ┆           1 ┆          ∅ ┆     0 ┆       1 ┆       0 ┆ dropped                                                                               │
    │ silver.gone_view     ┆           1 ┆          ∅ ┆     0 ┆       1 ┆       0 ┆ view, dropped                                                                         │
    │ silver.new           ┆           ∅ ┆          1 ┆     1 ┆       0 ┆       0 ┆ new                                                                                   │
    │ silver.new_view      ┆           ∅ ┆          1 ┆     1 ┆       0 ┆       0 ┆ new view                                                                              │
    │ silver.other_grain   ┆           4 ┆          2 ┆     0 ┆       2 ┆       0 ┆ columns added: users; columns removed: user_id                                        │
    │ silver.other_query   ┆           1 ┆          1 ┆     0 ┆       0 ┆       0 ┆ view with another query                                                               │
    │ silver.twice         ┆           4 ┆          6 ┆     2 ┆       0 ┆       0 ┆ compared by whole rows: no common grain                                               │
    └──────────────────────┴─────────────┴────────────┴───────┴─────────┴─────────┴───────────────────────────────────────────────────────────────────────────────────────┘
    from snapshot 1 to snapshot 2: 1 file differs, 11 tables differ, 0 metric values differ
    ");
    insta::assert_snapshot!(said(&project, &["diff", "--table", "silver.twice"]), @r"
    ┌────────┬──────┬─────────┐
    │ change ┆ rows ┆ country │
    ╞════════╪══════╪═════════╡
    │ added  ┆    2 ┆ US      │
    └────────┴──────┴─────────┘
    from snapshot 1 to snapshot 2: rows of silver.twice that differ: 2 of 2 shown; compared by whole rows: no common grain
    ");
    insta::assert_snapshot!(said(&project, &["diff", "--table", "silver.a", "--limit", "3"]), @r"
    ┌─────────┬─────────┬────────┬────────┬───────┐
    │ change  ┆ user_id ┆ column ┆ before ┆ after │
    ╞═════════╪═════════╪════════╪════════╪═══════╡
    │ changed ┆       1 ┆ n      ┆ 1      ┆ one   │
    │ changed ┆       2 ┆ n      ┆ 1      ┆ one   │
    │ changed ┆       3 ┆ n      ┆ 1      ┆ one   │
    └─────────┴─────────┴────────┴────────┴───────┘
    from snapshot 1 to snapshot 2: rows of silver.a that differ: 3 of 6 shown; columns added: is_new; fee is decimal(14,3), was decimal(12,2); n is text, was bigint
    ");
    insta::assert_snapshot!(said(&project, &["diff", "--table", "silver.other_grain"]), @r"
    ┌──────────────┬─────────┬────────┬────────┬────────┐
    │ change       ┆ country ┆ column ┆ before ┆ after  │
    ╞══════════════╪═════════╪════════╪════════╪════════╡
    │ several rows ┆ US      ┆ ∅      ┆ 2 rows ┆ 0 rows │
    └──────────────┴─────────┴────────┴────────┴────────┘
    from snapshot 1 to snapshot 2: rows of silver.other_grain that differ: 2 of 2 shown; columns added: users; columns removed: user_id
    ");
    insta::assert_snapshot!(said(&project, &["diff", "--table", "silver.gone"]), @r"
    ┌─────────┬──────┬───┐
    │ change  ┆ rows ┆ n │
    ╞═════════╪══════╪═══╡
    │ removed ┆    1 ┆ 1 │
    └─────────┴──────┴───┘
    from snapshot 1 to snapshot 2: rows of silver.gone that differ: 1 of 1 shown; dropped
    ");
    let deliveries = said(
        &project,
        &["diff", "--table", "system.deliveries", "-f", "csv"],
    );
    assert!(
        deliveries.contains("\nadded,2,path,,users_2.csv\n"),
        "{deliveries}"
    );
    project.ok(&["diff", "--output", "diff.parquet"]);
    assert_eq!(
        &std::fs::read(project.path("diff.parquet")).unwrap()[..4],
        b"PAR1"
    );
}

#[test]
fn a_comparison_that_cannot_be_says_why() {
    let project = project();
    let mut all = String::new();
    for args in [
        &["diff"][..],
        &["diff", "1", "9"],
        &["diff", "9"],
        &["diff", "one"],
        &["diff", "1", "1", "--table", "revenue"],
        &["diff", "1", "1", "--table", "gold.revenu"],
        &["diff", "1", "1", "--table", "zzz"],
        &["diff", "1", "1", "-o", "x.zip"],
        &["plan", "--table", "gold.revenue"],
        &["plan", "--impact", "--table", "gold.revenu"],
        &["plan", "--impact", "--select", "gold.nope"],
    ] {
        all.push_str(&format!("$ {}\n{}\n", args.join(" "), project.fails(args)));
    }
    insta::assert_snapshot!(all, @r"
    $ diff
    exit 2
    error: snapshot 1 is the first: there is none before it
    hint: `cinelake snapshots` lists them

    $ diff 1 9
    exit 2
    error: there is no snapshot 9
    hint: `cinelake snapshots` lists them

    $ diff 9
    exit 2
    error: there is no snapshot 9
    hint: `cinelake snapshots` lists them

    $ diff one
    exit 2
    error: there is no branch `one`
    hint: `cinelake branches` lists them, `cinelake refresh --branch one` makes this one

    $ diff 1 1 --table revenue
    exit 2
    error: no table `revenue` on either side
    hint: did you mean `gold.revenue`?

    $ diff 1 1 --table gold.revenu
    exit 2
    error: no table `gold.revenu` on either side
    hint: did you mean `gold.revenue`?

    $ diff 1 1 --table zzz
    exit 2
    error: no table `zzz` on either side
    hint: `cinelake ls` lists the tables

    $ diff 1 1 -o x.zip
    exit 2
    error: x.zip: the file's ending names no format
    hint: say `--format csv`, or end the name in `.csv`, `.json`, `.parquet`, …

    $ plan --table gold.revenue
    exit 2
    error: `--table`, `--limit`, `--format` and `--output` go with `--impact`
    hint: `cinelake plan --impact` shows which rows and metrics would change

    $ plan --impact --table gold.revenu
    exit 2
    error: no table `gold.revenu` on either side
    hint: did you mean `gold.revenue`?

    $ plan --impact --select gold.nope
    exit 2
    error: `--select gold.nope` matches no model
    hint: did you mean `gold.countries`?
    ");
    assert_eq!(
        said(&project, &["diff", "1", "1"]),
        "no difference\nfrom snapshot 1 to snapshot 1: 0 files differ, 0 tables differ, 0 metric values differ\n"
    );
}

#[test]
fn plan_shows_the_impact_of_a_refresh_and_leaves_nothing_behind() {
    let project = project();
    more(&project);
    // A user's newer row makes an older file be written anew.
    let before = project.lake_files();
    let impact = project.ok(&["plan", "--impact"]);
    insta::assert_snapshot!(steady(&impact.stderr), @r"
    landed payments_late.csv as bronze.payments: 1 row
    landed users_2.csv as bronze.users: 2 rows
    built silver.users: 3 rows in [time] s
    built gold.countries: 3 rows in [time] s
    built gold.revenue: 2 rows in [time] s
    built gold.revenue_by_country: 2 rows in [time] s
    from snapshot 1 to what a refresh would publish: 2 files differ, 6 tables differ, 4 metric values differ
    nothing is published: `cinelake refresh` does it
    ");
    insta::assert_snapshot!(
        said(&project, &["-q", "plan", "--impact", "--table", "gold.revenue", "-f", "csv"]), @r"
    change,month,column,before,after
    changed,2024-01-01,revenue,229.84,279.84
    changed,2024-01-01,payments,1,2
    "
    );
    assert_eq!(project.lake_files(), before);
    // A view that is not selected shows what it reads.
    let selected = [
        "-q",
        "plan",
        "--impact",
        "--select",
        "silver.users",
        "-f",
        "csv",
    ];
    let selected = project.ok(&selected).stdout;
    assert!(
        selected.contains("table,gold.countries,added,,,,,2,\n"),
        "{selected}"
    );
    assert!(!selected.contains("gold.revenue"), "{selected}");
    let staged = project.ok(&["-q", "plan", "--impact", "-f", "csv"]).stdout;
    project.ok(&["refresh"]);
    assert_eq!(project.ok(&["-q", "diff", "-f", "csv"]).stdout, staged);
    assert_eq!(
        said(&project, &["plan", "--impact"]),
        "no difference\nfrom snapshot 2 to what a refresh would publish: 0 files differ, 0 tables differ, \
         0 metric values differ\nnothing is published: `cinelake refresh` does it\n"
    );
    // Red: a check fails.
    let text = std::fs::read_to_string(project.path("queries/gold/revenue.sql")).unwrap();
    let text = text.replace("-- grain", "-- check: revenue < 280\n-- grain");
    project.write("queries/gold/revenue.sql", &text);
    std::fs::remove_file(project.path("queries/gold/countries.sql")).unwrap();
    project.deliver(
        "payments_late.csv",
        "payment_id,user_id,amount,paid_on\n3,1,51.00,2024-01-31\n",
    );
    let before = project.lake_files();
    let ran = project.run(&["plan", "--impact"]);
    assert_eq!(ran.code, Some(1));
    insta::assert_snapshot!(format!("{}{}", ran.stdout, steady(&ran.stderr)), @r"
    Files
    ┌───────────────────┬─────────────────┬──────────┬──────┬──────────┬───────┐
    │ file              ┆ table           ┆ change   ┆ rows ┆ rejected ┆ lines │
    ╞═══════════════════╪═════════════════╪══════════╪══════╪══════════╪═══════╡
    │ payments_late.csv ┆ bronze.payments ┆ replaced ┆    1 ┆        0 ┆ 2     │
    └───────────────────┴─────────────────┴──────────┴──────┴──────────┴───────┘

    Tables
    ┌─────────────────────────┬─────────────┬────────────┬───────┬─────────┬─────────┬───────────────┐
    │ table                   ┆ rows_before ┆ rows_after ┆ added ┆ removed ┆ changed ┆ note          │
    ╞═════════════════════════╪═════════════╪════════════╪═══════╪═════════╪═════════╪═══════════════╡
    │ bronze.payments         ┆           3 ┆          3 ┆     1 ┆       1 ┆       0 ┆               │
    │ gold.countries          ┆           3 ┆          ∅ ┆     0 ┆       3 ┆       0 ┆ view, dropped │
    │ gold.revenue            ┆           2 ┆          2 ┆     0 ┆       0 ┆       1 ┆               │
    │ gold.revenue_by_country ┆           2 ┆          2 ┆     0 ┆       0 ┆       1 ┆               │
    └─────────────────────────┴─────────────┴────────────┴───────┴─────────┴─────────┴───────────────┘

    Metrics
    ┌─────────────────────────┬────────────┬─────────┬────────┬────────┐
    │ table                   ┆ month      ┆ metric  ┆ before ┆ after  │
    ╞═════════════════════════╪════════════╪═════════╪════════╪════════╡
    │ gold.revenue            ┆ 2024-01-01 ┆ revenue ┆ 279.84 ┆ 280.84 │
    │ gold.revenue_by_country ┆ 2024-01-01 ┆ 1 row   ┆ ∅      ┆ ∅      │
    └─────────────────────────┴────────────┴─────────┴────────┴────────┘
    replaced payments_late.csv as bronze.payments: 1 row
    built gold.revenue: 2 rows in [time] s
    built gold.revenue_by_country: 1 of 2 partitions, 1 row in [time] s
    failed: gold.revenue: check: revenue < 280: 1 failing row (queries/gold/revenue.sql:3)
    ┌────────────┬─────────┬──────────┐
    │ month      ┆ revenue ┆ payments │
    ╞════════════╪═════════╪══════════╡
    │ 2024-01-01 ┆  280.84 ┆        2 │
    └────────────┴─────────┴──────────┘
    from snapshot 2 to what a refresh would publish: 1 file differs, 4 tables differ, 2 metric values differ
    red: a check failed, a refresh would publish nothing
    ");
    assert_eq!(project.lake_files(), before);
    // An error leaves nothing behind either.
    project.write(
        "queries/gold/z.sql",
        "-- Z.\nselect 1 / (user_id - 1) as n from silver.users",
    );
    insta::assert_snapshot!(project.fails(&["-q", "plan", "--impact"]), @r"
    exit 1
    error: queries/gold/z.sql: the query failed: division by zero
    ");
    assert_eq!(project.lake_files(), before);
}

#[test]
fn the_impact_of_the_first_refresh_is_everything() {
    let project = Project::of(&[
        ("bronze/users.toml", USERS),
        (
            "gold/users.sql",
            "-- Users.\n--\n-- grain: user_id\nselect user_id from bronze.users",
        ),
    ]);
    project.deliver("users.csv", "user_id,country\n1,US\n");
    insta::assert_snapshot!(said(&project, &["plan", "--impact"]), @r"
    Files
    ┌───────────┬──────────────┬────────┬──────┬──────────┬───────┐
    │ file      ┆ table        ┆ change ┆ rows ┆ rejected ┆ lines │
    ╞═══════════╪══════════════╪════════╪══════╪══════════╪═══════╡
    │ users.csv ┆ bronze.users ┆ landed ┆    1 ┆        0 ┆ 2     │
    └───────────┴──────────────┴────────┴──────┴──────────┴───────┘

    Tables
    ┌─────────────────┬─────────────┬────────────┬───────┬─────────┬─────────┬──────┐
    │ table           ┆ rows_before ┆ rows_after ┆ added ┆ removed ┆ changed ┆ note │
    ╞═════════════════╪═════════════╪════════════╪═══════╪═════════╪═════════╪══════╡
    │ bronze._rejects ┆           ∅ ┆          0 ┆     0 ┆       0 ┆       0 ┆ new  │
    │ bronze.users    ┆           ∅ ┆          1 ┆     1 ┆       0 ┆       0 ┆ new  │
    │ gold.users      ┆           ∅ ┆          1 ┆     1 ┆       0 ┆       0 ┆ new  │
    └─────────────────┴─────────────┴────────────┴───────┴─────────┴─────────┴──────┘
    landed users.csv as bronze.users: 1 row
    built gold.users: 1 row in [time] s
    from nothing to what a refresh would publish: 1 file differs, 3 tables differ, 0 metric values differ
    nothing is published: `cinelake refresh` does it
    ");
    assert_eq!(project.lake_files(), Vec::<String>::new());
}
