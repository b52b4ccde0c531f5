//! Builds of only those rows that changed inputs reach: which they are, that
//! they are all, and that equal rows stop the wave.

use std::fmt::Write as _;

use crate::support::{Project, steady};

const WATCHED: &str = "files = \"watched*\"\nkey = [\"session_id\"]\nversion_by = \"seen_at\"\npartition_by = { month = \"day\" }\n\
    [columns]\nsession_id = { type = \"bigint\", required = true }\nday = { type = \"date\", required = true }\n\
    user_id = \"bigint\"\nminutes = { type = \"bigint\", required = true }\nseen_at = \"timestamp\"\n";
const LOGGED: &str = "files = \"logged*\"\nkey = [\"log_id\"]\npartition_by = { month = \"day\" }\n\
    [columns]\nlog_id = { type = \"bigint\", required = true }\nday = { type = \"date\", required = true }\n\
    user_id = \"bigint\"\nminutes = { type = \"bigint\", required = true }\n";
const USERS: &str = "files = \"users*\"\nkey = [\"user_id\"]\nversion_by = \"seen_at\"\n\
    [columns]\nuser_id = { type = \"bigint\", required = true }\nplan = \"text\"\nseen_at = \"timestamp\"\n";
const HEADER: &str = "session_id,day,user_id,minutes,seen_at\n";

/// Two sources of sessions, users, and tables by month and by user of them.
fn project() -> Project {
    let project = Project::of(&[
        ("bronze/watched.toml", WATCHED),
        ("bronze/logged.toml", LOGGED),
        ("bronze/users.toml", USERS),
        (
            "silver/users.sql",
            "-- Users.\n--\n-- grain: user_id\nselect user_id, plan from bronze.users where _current",
        ),
        (
            "silver/sessions.sql",
            "-- Sessions of both sources, with the viewer's plan.\n--\n-- partition_by: month\n-- grain: month, session_id\n\
             select seen.month, seen.session_id, seen.user_id, seen.minutes, coalesce(users.plan, 'none') as plan\n\
             from (\n\
             select month, session_id, user_id, minutes from bronze.watched where _current\n\
             union all select month, -log_id as session_id, user_id, minutes from bronze.logged where _current\n\
             ) as seen left join silver.users on seen.user_id = users.user_id",
        ),
        (
            "gold/user_months.sql",
            "-- Minutes by user and month.\n--\n-- partition_by: month\n-- grain: month, viewer\n\
             select month, coalesce(user_id, 0) as viewer, sum(minutes) as minutes from silver.sessions group by month, coalesce(user_id, 0)",
        ),
        (
            "gold/user_totals.sql",
            "-- Minutes by user, users without a session among them.\n--\n-- grain: user_id\n\
             select users.user_id, users.plan, coalesce(watched.minutes, 0) as minutes, watched.months\n\
             from silver.users left join (\n\
             select user_id, sum(minutes) as minutes, count(distinct month) as months from silver.sessions group by user_id\n\
             ) as watched on users.user_id = watched.user_id",
        ),
        (
            "gold/seen_by.sql",
            "-- Minutes by viewer, those of nobody in a row of their own.\n--\n-- check: minutes > 0\n\
             select sessions.user_id, users.plan, sum(sessions.minutes) as minutes\n\
             from silver.sessions left join silver.users on sessions.user_id = users.user_id group by sessions.user_id, users.plan",
        ),
    ]);
    project.write("cinelake.toml", "[engine]\nby_rows_from = 0\n");
    let mut users = "user_id,plan,seen_at\n".to_owned();
    let mut watched = HEADER.to_owned();
    let mut logged = "log_id,day,user_id,minutes\n".to_owned();
    for user in 1..=120 {
        let _ = writeln!(users, "{user},basic,2024-01-01");
        for month in 1..=3 {
            let id = user * 10 + month;
            let _ = writeln!(watched, "{id},2024-0{month}-05,{user},{id},2024-01-01");
        }
    }
    for log in 1..=6 {
        let _ = writeln!(logged, "{log},2024-01-09,{log},5");
    }
    logged.push_str("7,2024-02-09,,3\n");
    project.deliver("users_1.csv", users);
    project.deliver("watched_1.csv", watched);
    project.deliver("logged_1.csv", logged);
    project.ok(&["refresh"]);
    project
}

/// What the last refresh built, and that it is what building at once gives.
fn refreshed(project: &Project) -> String {
    let ran = project.ok(&["refresh"]);
    let verified = project.ok(&["verify"]);
    assert!(
        verified.stderr.ends_with("all the same\n"),
        "{}",
        verified.stderr
    );
    let built = |line: &&str| line.starts_with("built");
    let said = steady(&ran.stderr);
    said.lines().filter(built).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_late_row_adds_a_row_and_reaches_those_of_its_user() {
    let project = project();
    project.deliver(
        "watched_2.csv",
        format!("{HEADER}5000,2024-02-20,7,40,2024-05-01\n"),
    );
    insta::assert_snapshot!(refreshed(&project), @r"
    built silver.sessions: 1 of 368 rows in [time] s
    built gold.seen_by: 121 rows in [time] s
    built gold.user_months: 1 of 3 partitions, 121 rows in [time] s
    built gold.user_totals: 1 of 120 rows in [time] s
    ");
    assert_eq!(
        project.rows("select * from gold.user_totals where user_id = 7"),
        ["7,basic,256,3"]
    );
    // What the other source says is there once.
    assert_eq!(
        project.rows("select count(*), sum(minutes) from silver.sessions"),
        ["368,218593"]
    );
}

#[test]
fn a_new_user_reaches_the_sessions_that_are_known_already() {
    let project = project();
    project.deliver(
        "watched_2.csv",
        format!("{HEADER}5000,2024-02-20,777,40,2024-05-01\n"),
    );
    project.ok(&["refresh"]);
    project.deliver(
        "users_2.csv",
        "user_id,plan,seen_at\n777,premium,2024-06-01\n",
    );
    insta::assert_snapshot!(refreshed(&project), @r"
    built silver.users: 1 of 121 rows in [time] s
    built silver.sessions: 2 of 368 rows in [time] s
    built gold.seen_by: 2 of 122 rows in [time] s
    built gold.user_months: 1 of 3 partitions, 122 rows in [time] s, unchanged
    built gold.user_totals: 1 of 121 rows in [time] s
    ");
    assert_eq!(
        project.rows("select month, plan from silver.sessions where user_id = 777"),
        ["2024-02-01,premium"]
    );
}

#[test]
fn a_corrected_row_leaves_where_it_was() {
    let project = project();
    // Of user 3 and February, now of user 4 and March.
    project.deliver(
        "watched_2.csv",
        format!("{HEADER}32,2024-03-07,4,32,2024-05-01\n"),
    );
    insta::assert_snapshot!(refreshed(&project), @r"
    built silver.sessions: 1 of 367 rows in [time] s
    built gold.seen_by: 121 rows in [time] s
    built gold.user_months: 2 of 3 partitions, 240 rows in [time] s
    built gold.user_totals: 2 of 120 rows in [time] s
    ");
    assert_eq!(
        project.rows("select * from gold.user_totals where user_id in (3, 4) order by 1"),
        ["3,basic,69,2", "4,basic,163,3"]
    );
    assert_eq!(
        project.rows("select month, user_id from silver.sessions where session_id = 32"),
        ["2024-03-01,4"]
    );
}

#[test]
fn rows_of_nobody_are_built_again_with_whatever_changed() {
    let project = project();
    project.deliver(
        "watched_2.csv",
        format!("{HEADER}5000,2024-02-20,,40,2024-05-01\n5001,2024-02-21,5,1,2024-05-01\n"),
    );
    project.deliver(
        "users_2.csv",
        "user_id,plan,seen_at\n5,premium,2024-06-01\n",
    );
    insta::assert_snapshot!(refreshed(&project), @r"
    built silver.users: 1 of 120 rows in [time] s
    built silver.sessions: 7 of 369 rows in [time] s
    built gold.seen_by: 2 of 121 rows in [time] s
    built gold.user_months: 3 of 3 partitions, 361 rows in [time] s
    built gold.user_totals: 1 of 120 rows in [time] s
    ");
    assert_eq!(
        project.rows("select user_id, minutes from gold.seen_by where user_id is null or user_id = 5 order by 1"),
        ["5,162", ",43"]
    );
}

#[test]
fn a_change_that_changes_nothing_stops_there() {
    let project = project();
    // A newer version of a user with the same plan, and one of a session.
    project.deliver("users_2.csv", "user_id,plan,seen_at\n5,basic,2024-06-01\n");
    project.deliver(
        "watched_2.csv",
        format!("{HEADER}51,2024-01-05,5,51,2024-05-01\n"),
    );
    insta::assert_snapshot!(refreshed(&project), @r"
    built silver.users: 1 of 120 rows in [time] s, unchanged
    built silver.sessions: 1 of 367 rows in [time] s, unchanged
    ");
}

#[test]
fn a_removed_delivery_takes_its_rows_along() {
    let project = project();
    project.deliver(
        "watched_2.csv",
        format!("{HEADER}5000,2024-02-20,7,40,2024-05-01\n5001,2024-02-21,8,1,2024-05-01\n"),
    );
    project.ok(&["refresh"]);
    project.deliver(
        "watched_2.csv",
        format!("{HEADER}5001,2024-02-21,8,1,2024-05-01\n"),
    );
    insta::assert_snapshot!(refreshed(&project), @r"
    built silver.sessions: 1 of 368 rows in [time] s
    built gold.seen_by: 121 rows in [time] s
    built gold.user_months: 1 of 3 partitions, 121 rows in [time] s
    built gold.user_totals: 1 of 120 rows in [time] s
    ");
    assert_eq!(
        project.rows("select * from gold.user_totals where user_id in (7, 8) order by 1"),
        ["7,basic,216,3", "8,basic,247,3"]
    );
}

#[test]
fn rows_without_a_month_are_built_with_every_month() {
    let project = Project::of(&[
        ("bronze/watched.toml", WATCHED),
        (
            "silver/known.sql",
            "-- Months that are known.\n--\n-- partition_by: month\nselect month, count(*) as sessions from bronze.watched where _current and minutes > 5 group by month",
        ),
        (
            "silver/sessions.sql",
            "-- Sessions, with their month where it is known.\n--\n-- partition_by: month\n\
             select known.month, watched.session_id from bronze.watched left join silver.known on watched.month = known.month where watched._current",
        ),
    ]);
    project.deliver(
        "watched_1.csv",
        format!("{HEADER}1,2024-01-05,1,10,2024-01-05\n2,2024-02-06,2,3,2024-01-06\n"),
    );
    project.ok(&["refresh"]);
    project.deliver(
        "watched_2.csv",
        format!("{HEADER}3,2024-02-09,1,4,2024-04-01\n"),
    );
    refreshed(&project);
    assert_eq!(
        project.rows("select * from silver.sessions order by 2"),
        ["2024-01-01,1", ",2", ",3"]
    );
}

#[test]
fn a_table_needs_a_column_beside_its_partition() {
    let project = Project::of(&[
        ("bronze/watched.toml", WATCHED),
        (
            "silver/known.sql",
            "-- Months.\n--\n-- partition_by: month\nselect distinct month from bronze.watched",
        ),
    ]);
    project.deliver(
        "watched_1.csv",
        format!("{HEADER}1,2024-01-05,1,10,2024-01-05\n"),
    );
    insta::assert_snapshot!(project.fails(&["-q", "refresh"]), @r"
    exit 2
    error: queries/silver/known.sql: `silver.known` has no column beside the one it is split by
    hint: files hold the other columns: add one, or leave `partition_by` out
    ");
}
