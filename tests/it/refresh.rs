//! The refresh: only what changed is built, and nothing wrong is published.

use crate::support::{Project, steady};

const USERS: &str = "files = \"users*\"\n[columns]\nuser_id = { type = \"bigint\", required = true }\ncountry = \"text\"\n";
const PAYMENTS: &str = "files = \"payments*\"\n[columns]\npayment_id = { type = \"bigint\", required = true }\n\
                        user_id = { type = \"bigint\", required = true }\namount = { type = \"decimal(12,2)\", required = true }\n";

fn project() -> Project {
    let project = Project::of(&[
        ("bronze/users.toml", USERS),
        ("bronze/payments.toml", PAYMENTS),
        (
            "silver/users.sql",
            "-- Users.\n--\n-- grain: user_id\nselect user_id, country from bronze.users",
        ),
        (
            "silver/payments.sql",
            "-- Payments.\n--\n-- grain: payment_id\n-- check: amount > 0\n-- references: user_id -> silver.users.user_id\n\
             select payment_id, user_id, amount from bronze.payments",
        ),
        (
            "gold/revenue.sql",
            "-- Revenue by country.\n--\n-- grain: country\n\
             select country, sum(amount) as revenue from silver.payments join silver.users using (user_id) group by country",
        ),
        (
            "gold/countries.sql",
            "-- Countries.\n--\n-- grain: country\nselect distinct country from silver.users",
        ),
    ]);
    project.deliver("users.csv", "user_id,country\n1,US\n2,DE\n");
    project.deliver(
        "payments.csv",
        "payment_id,user_id,amount\n1,1,9.99\n2,2,5.00\n",
    );
    project
}

#[test]
fn a_second_refresh_with_nothing_new_writes_nothing_and_says_so() {
    let project = project();
    let first = project.ok(&["refresh"]);
    insta::assert_snapshot!(steady(&first.stderr), @r"
    landed payments.csv as bronze.payments: 2 rows
    landed users.csv as bronze.users: 2 rows
    built silver.users: 2 rows in [time] s
    built gold.countries: 2 rows in [time] s
    built silver.payments: 2 rows in [time] s
    built gold.revenue: 2 rows in [time] s
    published snapshot 1: 8 tables changed, 10 checks made
    ");
    let before = project.lake_files();
    let second = project.ok(&["refresh"]);
    assert_eq!(second.stderr, "nothing new: snapshot 1 is up to date\n");
    assert_eq!(project.lake_files(), before);
}

#[test]
fn only_what_depends_on_a_new_file_is_built() {
    let project = project();
    project.ok(&["refresh"]);
    project.deliver("payments_2.csv", "payment_id,user_id,amount\n3,1,1.00\n");
    let plan = project.ok(&["plan"]);
    insta::assert_snapshot!(plan.stdout, @r"
    land  payments_2.csv -> bronze.payments: new
    build silver.payments: bronze.payments changed
    build gold.revenue: silver.payments changed
    ");
    let ran = project.ok(&["refresh"]);
    insta::assert_snapshot!(steady(&ran.stderr), @r"
    landed payments_2.csv as bronze.payments: 1 row
    built silver.payments: 3 rows in [time] s
    built gold.revenue: 2 rows in [time] s
    published snapshot 2: 4 tables changed, 6 checks made
    ");
    assert_eq!(
        project.rows("select country, revenue from gold.revenue order by 1"),
        ["DE,5.00", "US,10.99"]
    );
    let unchanged = project
        .rows("select table_name from information_schema.tables where table_name = 'countries'");
    assert_eq!(unchanged, ["countries"]);
}

#[test]
fn a_changed_model_is_built_with_what_reads_it_and_a_comment_is_no_change() {
    let project = project();
    project.ok(&["refresh"]);
    let text = std::fs::read_to_string(project.path("queries/silver/users.sql")).unwrap();
    project.write("queries/silver/users.sql", &format!("{text} -- a remark\n"));
    assert_eq!(project.ok(&["plan"]).stdout, "nothing to do\n");
    project.write(
        "queries/silver/users.sql",
        &text.replace("country from", "upper(country) as country from"),
    );
    insta::assert_snapshot!(project.ok(&["plan"]).stdout, @r"
    build silver.users: its text changed
    build gold.countries: silver.users changed
    build gold.revenue: silver.users changed
    ");
}

#[test]
fn a_failed_check_publishes_nothing_and_shows_the_rows() {
    let project = project();
    project.ok(&["refresh"]);
    project.deliver("users_2.csv", "user_id,country\n2,FR\n");
    let before = project.lake_files();
    let ran = project.run(&["refresh"]);
    assert_eq!(ran.code, Some(1));
    let new = project
        .lake_files()
        .into_iter()
        .filter(|f| !before.contains(f));
    assert!(
        new.into_iter().all(|f| f.starts_with("_runs/")),
        "staged files stay behind"
    );
    insta::assert_snapshot!(steady(&ran.stderr), @r"
    landed users_2.csv as bronze.users: 1 row
    built silver.users: 3 rows in [time] s
    built gold.countries: 3 rows in [time] s
    built gold.revenue: 3 rows in [time] s
    failed: silver.users: unique: user_id: 1 failing row (queries/silver/users.sql)
    ┌─────────┬────────────────────┐
    │ user_id ┆ rows_with_this_key │
    ╞═════════╪════════════════════╡
    │       2 ┆                  2 │
    └─────────┴────────────────────┘
    red: a check failed, nothing is published; snapshot 1 stays visible
    ");
    assert_eq!(project.row("select count(*) from silver.users"), "2");
    assert_eq!(project.row("select count(*) from bronze.users"), "2");
    assert_eq!(
        project.row("select table_name, check_name, failing_rows, samples from system.checks where outcome = 'failed'"),
        "silver.users,unique: user_id,1,\"[{\"\"user_id\"\":2,\"\"rows_with_this_key\"\":2}]\""
    );
    assert_eq!(
        project.row("select status from system.runs order by started_at desc limit 1"),
        "failed"
    );
    // Mended, it is green again.
    project.deliver("users_2.csv", "user_id,country\n3,FR\n");
    project.ok(&["refresh"]);
    assert_eq!(project.row("select count(*) from silver.users"), "3");
}

#[test]
fn every_kind_of_check_fails_when_it_should() {
    let project = Project::of(&[
        ("bronze/users.toml", USERS),
        (
            "silver/parents.sql",
            "-- P.\n--\n-- grain: id\nselect 1 as id",
        ),
        (
            "silver/users.sql",
            "-- Users.\n--\n-- grain: user_id\n-- not_null: country\n-- accepted: country in (US, DE)\n\
             -- references: user_id -> silver.parents.id\n-- check: length(country) = 2\n-- check: user_id < 3 (warn)\n\
             select user_id, country from bronze.users",
        ),
        (
            "checks/no_french.sql",
            "-- Nobody from FR.\nselect user_id from silver.users where country = 'FR'",
        ),
    ]);
    project.deliver("users.csv", "user_id,country\n1,US\n1,\n5,FR\n6,FRA\n");
    let ran = project.run(&["refresh"]);
    assert_eq!(ran.code, Some(1));
    let failed: Vec<&str> = ran
        .stderr
        .lines()
        .filter(|l| l.starts_with("failed:") || l.starts_with("warning:"))
        .collect();
    insta::assert_snapshot!(failed.join("\n"), @r"
    failed: silver.users: unique: user_id: 1 failing row (queries/silver/users.sql)
    failed: silver.users: not_null: country: 1 failing row (queries/silver/users.sql:4)
    failed: silver.users: accepted: country in (US, DE): 2 failing rows (queries/silver/users.sql:5)
    failed: silver.users: references: user_id -> silver.parents.id: 2 failing rows (queries/silver/users.sql:6)
    failed: silver.users: check: length(country) = 2: 2 failing rows (queries/silver/users.sql:7)
    warning: silver.users: check: user_id < 3: 2 failing rows (queries/silver/users.sql:8)
    failed: no_french: 1 failing row (queries/checks/no_french.sql)
    ");
}

#[test]
fn a_new_check_is_made_on_what_is_published() {
    let project = project();
    project.ok(&["refresh"]);
    let text = std::fs::read_to_string(project.path("queries/silver/users.sql")).unwrap();
    project.write(
        "queries/silver/users.sql",
        &text.replace("-- grain", "-- check: country <> 'DE'\n-- grain"),
    );
    let ran = project.run(&["refresh"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(!ran.stderr.contains("built"), "{}", ran.stderr);
}

#[test]
fn a_removed_parent_breaks_the_reference_of_an_unchanged_child() {
    let project = project();
    project.ok(&["refresh"]);
    project.deliver("users.csv", "user_id,country\n1,US\n");
    let ran = project.run(&["refresh"]);
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.stderr
            .contains("failed: silver.payments: references: user_id"),
        "{}",
        ran.stderr
    );
}

#[test]
fn select_builds_the_chosen_models_and_what_they_read() {
    let project = project();
    let ran = project.ok(&["refresh", "--select", "gold.countries"]);
    assert!(
        ran.stderr.contains("built silver.users") && ran.stderr.contains("built gold.countries")
    );
    assert!(!ran.stderr.contains("gold.revenue"), "{}", ran.stderr);
    project.ok(&["refresh"]);
    assert_eq!(project.row("select count(*) from gold.revenue"), "2");
}

#[test]
fn a_removed_model_is_gone_from_the_next_snapshot() {
    let project = project();
    project.ok(&["refresh"]);
    std::fs::remove_file(project.path("queries/gold/countries.sql")).unwrap();
    let ran = project.ok(&["refresh"]);
    assert!(
        ran.stderr.contains("gold.countries is gone"),
        "{}",
        ran.stderr
    );
    assert!(
        project
            .fails(&["sql", "-c", "select * from gold.countries"])
            .contains("no table `gold.countries`")
    );
    project.ok(&["sql", "--at", "1", "-c", "select * from gold.countries"]);
}

#[test]
fn a_view_is_computed_when_read() {
    let project = project();
    project.write(
        "queries/gold/big.sql",
        "-- Big payments.\n--\n-- materialized: view\nselect payment_id from silver.payments where amount > 6",
    );
    project.ok(&["refresh"]);
    assert_eq!(project.rows("select payment_id from gold.big"), ["1"]);
    project.deliver("payments_2.csv", "payment_id,user_id,amount\n3,1,7.00\n");
    project.ok(&["refresh"]);
    assert_eq!(
        project.rows("select payment_id from gold.big order by 1"),
        ["1", "3"]
    );
}

#[test]
fn a_source_without_files_is_an_empty_table() {
    let project = project();
    std::fs::remove_file(project.path("lake/landing/payments.csv")).unwrap();
    project.ok(&["refresh"]);
    assert_eq!(project.row("select count(*) from silver.payments"), "0");
    assert_eq!(project.row("select count(*) from gold.revenue"), "0");
}

#[test]
fn columns_may_come_and_go() {
    let project = project();
    project.ok(&["refresh"]);
    project.write(
        "queries/gold/countries.sql",
        "-- Countries.\n--\n-- grain: country\nselect country, count(*) as users from silver.users group by country",
    );
    project.ok(&["refresh"]);
    assert_eq!(
        project.rows("select country, users from gold.countries order by 1"),
        ["DE,1", "US,1"]
    );
}

#[test]
fn what_landed_alone_is_checked_by_the_next_refresh() {
    let project = project();
    project.write(
        "queries/checks/no_rejects.sql",
        "-- Payments that were rejected.\nselect line from bronze._rejects where source = 'payments'",
    );
    project.ok(&["refresh"]);
    project.deliver(
        "payments_2.csv",
        "payment_id,user_id,amount\n3,1,1.00\n4,1,free\n",
    );
    project.ok(&["land"]);
    let ran = project.run(&["refresh"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("failed: no_rejects: 1 failing row"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_view_that_fails_when_read_is_not_published() {
    let project = project();
    project.write(
        "queries/gold/broken.sql",
        "-- Broken.\n--\n-- materialized: view\nselect 1 / (user_id - 1) as n from silver.users",
    );
    let said = project.fails(&["-q", "refresh"]);
    assert_eq!(
        said,
        "exit 1\nerror: queries/gold/broken.sql: the query failed: division by zero\n"
    );
}

#[test]
fn a_quiet_refresh_says_why_it_is_red() {
    let project = project();
    project.write(
        "queries/gold/late.sql",
        "-- Late.\n--\n-- check: user_id > 1000\nselect user_id from silver.users where user_id = 1",
    );
    insta::assert_snapshot!(project.fails(&["-q", "refresh"]), @r"
    exit 1
    failed: gold.late: check: user_id > 1000: 1 failing row (queries/gold/late.sql:3)
    ┌─────────┐
    │ user_id │
    ╞═════════╡
    │       1 │
    └─────────┘
    red: a check failed, nothing is published; nothing is visible yet
    ");
}

#[test]
fn a_table_that_comes_back_with_a_partition_has_its_values() {
    let project = project();
    let plain =
        "-- Months.\n--\nselect payment_id, date '2024-01-01' as month from silver.payments";
    project.write("queries/gold/months.sql", plain);
    project.ok(&["refresh"]);
    std::fs::remove_file(project.path("queries/gold/months.sql")).unwrap();
    project.ok(&["refresh"]);
    project.write(
        "queries/gold/months.sql",
        &plain.replace("--\nselect", "--\n-- partition_by: month\nselect"),
    );
    project.ok(&["refresh"]);
    assert_eq!(
        project.rows("select distinct month from gold.months"),
        ["2024-01-01"]
    );
}

#[test]
fn an_event_in_the_future_is_red_unless_a_date_is_given() {
    let project = project();
    project.write(
        "queries/silver/as_of.sql",
        "-- Today.\nselect date '2999-01-01' as as_of",
    );
    let said = project.fails(&["refresh"]);
    assert!(
        said.ends_with(
            "error: the data's latest event, `silver.as_of`, lies in the future: 2999-01-01\n\
             hint: mend the wrong date in the latest files, or say which date counts: `--as-of DATE`\n"
        ),
        "{said}"
    );
    project.ok(&["refresh", "--as-of", "2024-01-31"]);
}

#[test]
fn plan_names_what_would_go() {
    let project = project();
    project.ok(&["refresh"]);
    std::fs::remove_file(project.path("queries/gold/countries.sql")).unwrap();
    assert_eq!(
        project.ok(&["plan"]).stdout,
        "drop  gold.countries: its file was removed\n"
    );
}

#[test]
fn what_does_not_fit_into_memory_is_built_again() {
    let big = "-- More than fits.\nselect a.value as n, b.value as m from generate_series(1, 2000000) as a \
               join generate_series(1, 2000000) as b on a.value = b.value";
    let project = Project::of(&[("gold/one.sql", big), ("gold/other.sql", big)]);
    let ran = project.ok(&["--memory", "64MiB", "--threads", "2", "refresh"]);
    assert_eq!(
        steady(&ran.stderr)
            .matches("2,000,000 rows in [time] s, tried again because memory was short")
            .count(),
        2,
        "{}",
        ran.stderr
    );
    for table in ["gold.one", "gold.other"] {
        let sums = format!("select count(*), sum(n), sum(m) from {table}");
        assert_eq!(project.rows(&sums), ["2000000,2000001000000,2000001000000"]);
    }
}

#[test]
fn of_models_that_fail_at_once_the_first_in_order_is_named() {
    let project = Project::of(&[
        (
            "gold/a.sql",
            "-- Fails late.\nselect sum(value) / 0 as n from generate_series(1, 1000000)",
        ),
        (
            "gold/b.sql",
            "-- Fails at once.\nselect cast('x' as int) as n",
        ),
    ]);
    for _ in 0..3 {
        assert_eq!(
            project.fails(&["--threads", "2", "refresh"]),
            "exit 1\nerror: queries/gold/a.sql: the query failed: division by zero\n"
        );
    }
    project.write("queries/gold/a.sql", "-- One.\nselect 1 as n");
    project.write("queries/gold/b.sql", "-- Two.\nselect 2 as n");
    project.ok(&["refresh"]);
}

#[test]
fn models_that_do_not_wait_for_each_other_are_built_at_once() {
    let said = |threads: &str| {
        let project = Project::of(&[
            ("gold/a.sql", "-- One.\nselect 1 as n"),
            ("gold/b.sql", "-- Two.\nselect 2 as n"),
            (
                "gold/c.sql",
                "-- Both.\nselect n from gold.a union all select n from gold.b",
            ),
        ]);
        let ran = project.ok(&["--threads", threads, "--verbose", "refresh"]);
        let steps = steady(&ran.stderr);
        let steps = steps.lines().filter(|line| line.contains("buil"));
        steps.collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(said("1"), @r"
    building gold.a: not published yet
    built gold.a: 1 row in [time] s
    building gold.b: not published yet
    built gold.b: 1 row in [time] s
    building gold.c: not published yet
    built gold.c: 2 rows in [time] s
    ");
    insta::assert_snapshot!(said("2"), @r"
    building gold.a: not published yet
    building gold.b: not published yet
    built gold.a: 1 row in [time] s
    built gold.b: 1 row in [time] s
    building gold.c: not published yet
    built gold.c: 2 rows in [time] s
    ");
}
