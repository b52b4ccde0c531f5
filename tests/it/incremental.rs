//! Incremental by proof: which partitions a refresh builds, and that what it
//! publishes is what building everything at once gives.

use crate::support::{Project, steady};

const WATCHED: &str = "files = \"watched*\"\nkey = [\"session_id\"]\nversion_by = \"seen_at\"\npartition_by = { month = \"day\" }\n\
    [columns]\nsession_id = { type = \"bigint\", required = true }\nday = { type = \"date\", required = true }\n\
    title_id = { type = \"bigint\", required = true }\nminutes = { type = \"bigint\", required = true }\nseen_at = \"timestamp\"\n";
const TITLES: &str = "files = \"titles*\"\nkey = [\"title_id\"]\nversion_by = \"seen_at\"\n[columns]\ntitle_id = { type = \"bigint\", required = true }\n\
    genre = \"text\"\nposter = \"text\"\nseen_at = \"timestamp\"\n";
const HEADER: &str = "session_id,day,title_id,minutes,seen_at\n";

fn project() -> Project {
    let project = Project::of(&[
        ("bronze/watched.toml", WATCHED),
        ("bronze/titles.toml", TITLES),
        (
            "silver/titles.sql",
            "-- Titles.\n--\n-- grain: title_id\nselect title_id, genre from bronze.titles where _current",
        ),
        (
            "silver/sessions.sql",
            "-- Sessions.\n--\n-- partition_by: month\n-- grain: month, session_id\n-- check: minutes >= 0\n\
             select month, session_id, title_id, minutes from bronze.watched where _current",
        ),
        (
            "gold/title_months.sql",
            "-- Minutes by title and month.\n--\n-- partition_by: month\n-- grain: month, title_id\n-- references: title_id -> silver.titles.title_id\n\
             select month, title_id, sum(minutes) as minutes from silver.sessions group by month, title_id",
        ),
        (
            "gold/ranks.sql",
            "-- Ranks by month.\n--\n-- partition_by: month\n-- grain: month, title_id\n\
             select month, title_id, rank() over (partition by month order by minutes desc) as place from gold.title_months",
        ),
        (
            "gold/genre_months.sql",
            "-- Minutes by genre and month.\n--\n-- partition_by: month\n-- grain: month, genre\n\
             select month, genre, sum(minutes) as minutes from gold.title_months join silver.titles using (title_id) group by month, genre",
        ),
        (
            "gold/totals.sql",
            "-- Minutes by title.\n--\n-- grain: title_id\nselect title_id, sum(minutes) as minutes from gold.title_months group by title_id",
        ),
    ]);
    project.deliver(
        "titles.csv",
        "title_id,genre,poster,seen_at\n1,drama,a.png,2024-01-01\n2,comedy,b.png,2024-01-01\n",
    );
    project.deliver(
        "watched_1.csv",
        format!("{HEADER}1,2024-01-05,1,10,2024-01-05\n2,2024-01-06,2,30,2024-01-06\n3,2024-02-01,1,20,2024-02-01\n4,2024-03-01,2,40,2024-03-01\n"),
    );
    project.ok(&["refresh"]);
    project
}

const TITLE_MONTHS: &str = "select * from gold.title_months order by 1, 2";

/// Every table is what building it at once gives.
fn verified(project: &Project) {
    let ran = project.ok(&["verify"]);
    assert!(ran.stderr.ends_with("all the same\n"), "{}", ran.stderr);
}

#[test]
fn a_late_row_builds_its_month_and_what_reads_it_there() {
    let project = project();
    project.deliver(
        "watched_2.csv",
        format!("{HEADER}5,2024-02-09,1,7,2024-04-01\n"),
    );
    insta::assert_snapshot!(project.ok(&["plan"]).stdout, @r"
    land  watched_2.csv -> bronze.watched: new
    build silver.sessions: 1 of 3 partitions (2024-02), because bronze.watched changed there
    build gold.title_months: 1 of 3 partitions (2024-02), because silver.sessions changed there
    build gold.genre_months: 1 of 3 partitions (2024-02), because gold.title_months changed there
    build gold.ranks: 1 of 3 partitions (2024-02), because gold.title_months changed there
    build gold.totals: gold.title_months changed
    ");
    let ran = project.ok(&["refresh"]);
    insta::assert_snapshot!(steady(&ran.stderr), @r#"
    landed watched_2.csv as bronze.watched: 1 row
    built silver.sessions: 1 of 3 partitions, 2 rows in [time] s
    built gold.title_months: 1 of 3 partitions, 1 row in [time] s
    built gold.genre_months: 1 of 3 partitions, 1 row in [time] s
    built gold.ranks: 1 of 3 partitions, 1 row in [time] s, unchanged
    built gold.totals: 2 rows in [time] s
    published snapshot 2: 6 tables changed, 13 checks made
    restated: gold.genre_months, 2024-02-01 {"genre":"drama"}: minutes 20 -> 27 (watched_2.csv, line 2)
    restated: gold.title_months, 2024-02-01 {"title_id":"1"}: minutes 20 -> 27 (watched_2.csv, line 2)
    "#);
    assert_eq!(
        project.rows(TITLE_MONTHS),
        [
            "2024-01-01,1,10",
            "2024-01-01,2,30",
            "2024-02-01,1,27",
            "2024-03-01,2,40"
        ]
    );
    verified(&project);
}

#[test]
fn a_corrected_row_that_moves_leaves_one_row_and_builds_both_months() {
    let project = project();
    project.deliver(
        "watched_2.csv",
        format!("{HEADER}3,2024-03-02,1,20,2024-04-01\n"),
    );
    insta::assert_snapshot!(project.ok(&["plan"]).stdout, @r"
    land  watched_2.csv -> bronze.watched: new
    build silver.sessions: 2 of 3 partitions (2024-02, 2024-03), because bronze.watched changed there
    build gold.title_months: 2 of 3 partitions (2024-02, 2024-03), because silver.sessions changed there
    build gold.genre_months: 2 of 3 partitions (2024-02, 2024-03), because gold.title_months changed there
    build gold.ranks: 2 of 3 partitions (2024-02, 2024-03), because gold.title_months changed there
    build gold.totals: gold.title_months changed
    ");
    let ran = project.ok(&["refresh"]);
    insta::assert_snapshot!(steady(&ran.stderr), @r#"
    landed watched_2.csv as bronze.watched: 1 row
    built silver.sessions: 2 of 3 partitions, 2 rows in [time] s
    built gold.title_months: 2 of 3 partitions, 2 rows in [time] s
    built gold.genre_months: 2 of 3 partitions, 2 rows in [time] s
    built gold.ranks: 2 of 3 partitions, 2 rows in [time] s
    built gold.totals: 2 rows in [time] s, unchanged
    published snapshot 2: 6 tables changed, 14 checks made
    restated: gold.genre_months, 2024-02-01 {"genre":"drama"}: minutes 20 -> null (watched_2.csv, line 2)
    restated: gold.genre_months, 2024-03-01 {"genre":"drama"}: minutes null -> 20 (watched_2.csv, line 2)
    restated: gold.ranks, 2024-02-01 {"title_id":"1"}: place 1 -> null (watched_2.csv, line 2)
    restated: gold.ranks, 2024-03-01 {"title_id":"1"}: place null -> 2 (watched_2.csv, line 2)
    restated: gold.title_months, 2024-02-01 {"title_id":"1"}: minutes 20 -> null (watched_2.csv, line 2)
    restated: 1 more: `cinelake sql -c 'select * from system.restatements where snapshot = 2'`
    "#);
    // February lost its only row, and so its partition.
    assert_eq!(
        project.rows(TITLE_MONTHS),
        [
            "2024-01-01,1,10",
            "2024-01-01,2,30",
            "2024-03-01,1,20",
            "2024-03-01,2,40"
        ]
    );
    assert_eq!(
        project.rows(
            "select partition from system.partitions where table_name = 'gold.ranks' order by 1"
        ),
        ["2024-01-01", "2024-03-01"]
    );
    verified(&project);
    // The month comes back.
    project.deliver(
        "watched_3.csv",
        format!("{HEADER}9,2024-02-20,2,1,2024-04-01\n"),
    );
    project.ok(&["refresh"]);
    assert_eq!(
        project.row("select * from gold.ranks where month = date '2024-02-01'"),
        "2024-02-01,2,1"
    );
    verified(&project);
}

#[test]
fn equal_content_stops_the_wave() {
    let project = project();
    // An older version of a session that is known: it does not count.
    project.deliver(
        "watched_2.csv",
        format!("{HEADER}3,2024-02-01,1,99,2023-01-01\n"),
    );
    insta::assert_snapshot!(steady(&project.ok(&["refresh"]).stderr), @r"
    landed watched_2.csv as bronze.watched: 1 row
    built silver.sessions: 1 of 3 partitions, 1 row in [time] s, unchanged
    published snapshot 2: 2 tables changed
    ");
    assert_eq!(
        project.rows(
            "select distinct changed_in from system.partitions where table_name like 'gold.%'"
        ),
        ["1"]
    );
    // A column that nobody reads.
    project.deliver(
        "titles_2.csv",
        "title_id,genre,poster,seen_at\n1,drama,new.png,2024-05-01\n",
    );
    insta::assert_snapshot!(steady(&project.ok(&["refresh"]).stderr), @r"
    landed titles_2.csv as bronze.titles: 1 row
    built silver.titles: 2 rows in [time] s, unchanged
    published snapshot 3: 2 tables changed
    ");
    verified(&project);
    assert_eq!(
        project.ok(&["refresh"]).stderr,
        "nothing new: snapshot 3 is up to date\n"
    );
}

#[test]
fn an_input_that_is_read_whole_builds_everything_that_reads_it() {
    let project = project();
    project.deliver(
        "titles_2.csv",
        "title_id,genre,poster,seen_at\n2,drama,b.png,2024-05-01\n",
    );
    project.deliver(
        "watched_2.csv",
        format!("{HEADER}5,2024-02-09,1,7,2024-04-01\n"),
    );
    insta::assert_snapshot!(project.ok(&["plan"]).stdout, @r"
    land  titles_2.csv -> bronze.titles: new
    land  watched_2.csv -> bronze.watched: new
    build silver.sessions: 1 of 3 partitions (2024-02), because bronze.watched changed there
    build gold.title_months: 1 of 3 partitions (2024-02), because silver.sessions changed there
    build silver.titles: bronze.titles changed
    build gold.genre_months: silver.titles changed
    build gold.ranks: 1 of 3 partitions (2024-02), because gold.title_months changed there
    build gold.totals: gold.title_months changed
    ");
    project.ok(&["refresh"]);
    // Comedy has no minutes any more.
    assert_eq!(
        project.rows("select * from gold.genre_months order by 1, 2"),
        [
            "2024-01-01,drama,40",
            "2024-02-01,drama,27",
            "2024-03-01,drama,40"
        ]
    );
    verified(&project);
}

#[test]
fn an_input_that_the_optimizer_drops_is_not_read() {
    let project = project();
    project.write(
        "queries/gold/title_months.sql",
        "-- Minutes by title and month.\n--\n-- partition_by: month\n-- grain: month, title_id\n\
         select month, title_id, sum(minutes) as minutes from silver.sessions group by month, title_id\n\
         union all select month, 0, 0 from silver.sessions join silver.titles using (title_id) where false",
    );
    project.ok(&["refresh"]);
    project.deliver(
        "titles_2.csv",
        "title_id,genre,poster,seen_at\n2,drama,b.png,2024-05-01\n",
    );
    project.deliver(
        "watched_2.csv",
        format!("{HEADER}5,2024-02-09,1,7,2024-04-01\n"),
    );
    let plan = project.ok(&["plan"]).stdout;
    let line = plan
        .lines()
        .find(|l| l.contains("gold.title_months"))
        .unwrap();
    insta::assert_snapshot!(line, @"build gold.title_months: silver.sessions changed; silver.titles changed but is not read");
    project.ok(&["refresh"]);
    verified(&project);
}

#[test]
fn a_changed_model_with_the_same_rows_changes_nothing_after_it() {
    let project = project();
    project.write(
        "queries/silver/sessions.sql",
        "-- Sessions.\n--\n-- partition_by: month\n-- grain: month, session_id\n-- check: minutes >= 0\n\
         select month, session_id, title_id, minutes + 0 as minutes from bronze.watched where _current",
    );
    insta::assert_snapshot!(steady(&project.ok(&["refresh"]).stderr), @r"
    built silver.sessions: 4 rows in [time] s, unchanged
    published snapshot 2: 0 tables changed
    ");
    // The rows of one month change with it.
    project.write(
        "queries/silver/sessions.sql",
        "-- Sessions.\n--\n-- partition_by: month\n-- grain: month, session_id\n-- check: minutes >= 0\n\
         select month, session_id, title_id, case when session_id = 4 then 41 else minutes end as minutes from bronze.watched where _current",
    );
    insta::assert_snapshot!(steady(&project.ok(&["refresh"]).stderr), @r#"
    built silver.sessions: 4 rows in [time] s
    built gold.title_months: 1 of 3 partitions, 1 row in [time] s
    built gold.genre_months: 1 of 3 partitions, 1 row in [time] s
    built gold.ranks: 1 of 3 partitions, 1 row in [time] s, unchanged
    built gold.totals: 2 rows in [time] s
    published snapshot 3: 4 tables changed, 13 checks made
    restated: gold.genre_months, 2024-03-01 {"genre":"comedy"}: minutes 40 -> 41 (queries/silver/sessions.sql, changed)
    restated: gold.title_months, 2024-03-01 {"title_id":"2"}: minutes 40 -> 41 (queries/silver/sessions.sql, changed)
    "#);
    verified(&project);
}

#[test]
fn a_check_that_looks_at_changed_months_still_finds_what_is_wrong() {
    let project = project();
    project.deliver(
        "watched_2.csv",
        format!("{HEADER}5,2024-02-09,1,-7,2024-04-01\n"),
    );
    insta::assert_snapshot!(project.fails(&["refresh"]), @r"
    exit 1
    landed watched_2.csv as bronze.watched: 1 row
    built silver.sessions: 1 of 3 partitions, 2 rows in [time] s
    built gold.title_months: 1 of 3 partitions, 1 row in [time] s
    built gold.genre_months: 1 of 3 partitions, 1 row in [time] s
    built gold.ranks: 1 of 3 partitions, 1 row in [time] s, unchanged
    built gold.totals: 2 rows in [time] s
    failed: silver.sessions: check: minutes >= 0: 1 failing row (queries/silver/sessions.sql:5)
    ┌────────────┬────────────┬──────────┬─────────┐
    │ month      ┆ session_id ┆ title_id ┆ minutes │
    ╞════════════╪════════════╪══════════╪═════════╡
    │ 2024-02-01 ┆          5 ┆        1 ┆      -7 │
    └────────────┴────────────┴──────────┴─────────┘
    red: a check failed, nothing is published; snapshot 1 stays visible
    ");
    // A title that no catalogue has, in a month that changed; and one whose
    // catalogue entry goes.
    project.deliver(
        "watched_2.csv",
        format!("{HEADER}5,2024-02-09,9,7,2024-04-01\n"),
    );
    assert!(project.fails(&["refresh"]).contains("references: title_id"));
    project.deliver(
        "watched_2.csv",
        format!("{HEADER}5,2024-02-09,1,7,2024-04-01\n"),
    );
    project.ok(&["refresh"]);
    project.deliver(
        "titles.csv",
        "title_id,genre,poster,seen_at\n1,drama,a.png,2024-01-01\n",
    );
    assert!(project.fails(&["refresh"]).contains("references: title_id"));
}

#[test]
fn a_row_that_counts_no_more_stays_so_when_its_neighbours_change() {
    let project = project();
    let deliver = |number: u32, rows: &str| {
        project.deliver(&format!("watched_{number}.csv"), format!("{HEADER}{rows}"));
        project.ok(&["refresh"]);
    };
    deliver(
        2,
        "100,2024-02-01,1,10,2024-04-01\n105,2024-02-01,1,10,2024-04-01\n109,2024-02-01,1,10,2024-04-01\n",
    );
    // 105 is corrected in a file of its own; 107 comes between, in one that says
    // nothing of 105; 109 is corrected; an older version of 105 comes late.
    deliver(3, "105,2024-02-01,1,11,2024-05-01\n");
    deliver(4, "107,2024-02-01,1,12,2024-04-01\n");
    deliver(5, "109,2024-02-01,1,13,2024-06-01\n");
    deliver(6, "105,2024-02-01,1,14,2024-03-01\n");
    let current = "select session_id, minutes, _current from bronze.watched where session_id >= 100 \
                   order by session_id, minutes";
    insta::assert_snapshot!(project.ok(&["-q", "sql", "-f", "csv", "-c", current]).stdout, @r"
    session_id,minutes,_current
    100,10,true
    105,10,false
    105,11,true
    105,14,false
    107,12,true
    109,10,false
    109,13,true
    ");
    verified(&project);
}

/// Visits as they are sent, and what is built of them row by row.
fn visits(keys: &str) -> Project {
    let project = Project::of(&[
        (
            "bronze/visits.toml",
            "description = \"Visits.\"\nfiles = \"visits*\"\n[columns]\nvisit_id = \"bigint\"\n\
             who = \"text\"\nday = \"date\"\n",
        ),
        (
            "silver/visits.sql",
            &format!(
                "-- Visits.\n--\n-- partition_by: month\n-- unique: {keys}\n-- not_null: who (warn)\n\
                 select cast(date_trunc('month', day) as date) as month, visit_id, who from bronze.visits"
            ),
        ),
    ]);
    project.write("cinelake.toml", "[engine]\nby_rows_from = 0\n");
    project
}

#[test]
fn a_key_of_new_rows_is_looked_for_wherever_it_may_be() {
    // Rows of each delivery, and whether the last one repeats a key.
    let told = [
        (
            "month, visit_id",
            "1,a,2024-01-05\n2,b,2024-02-05\n",
            "3,c,2024-01-09\n",
            false,
        ),
        (
            "month, visit_id",
            "1,a,2024-01-05\n2,b,2024-02-05\n",
            "1,c,2024-01-09\n",
            true,
        ),
        (
            "month, visit_id",
            "1,a,2024-01-05\n9,b,2024-01-06\n",
            "5,c,2024-01-09\n",
            false,
        ),
        // In the new file alone, and in another month.
        (
            "month, visit_id",
            "1,a,2024-01-05\n",
            "7,c,2024-01-09\n7,d,2024-01-10\n",
            true,
        ),
        (
            "month, visit_id",
            "1,a,2024-01-05\n",
            "1,c,2024-02-09\n",
            false,
        ),
        ("visit_id", "1,a,2024-01-05\n", "1,c,2024-02-09\n", true),
        (
            "visit_id",
            "1,a,2024-01-05\n4,b,2024-01-05\n",
            "2,c,2024-02-09\n",
            false,
        ),
        // Keys without a value are alike, and bounds say nothing of them.
        (
            "month, visit_id",
            ",a,2024-01-05\n8,b,2024-01-05\n",
            ",c,2024-01-09\n",
            true,
        ),
        (
            "month, visit_id",
            ",a,2024-01-05\n1,b,2024-01-05\n",
            ",c,2024-01-09\n7,d,2024-01-09\n",
            true,
        ),
        ("visit_id", ",a,2024-01-05\n8,b,2024-01-05\n", ",c,\n", true),
        ("month, visit_id", "1,a,\n", "1,c,\n", true),
        ("month, visit_id", "1,a,\n", "2,c,\n", false),
        // Texts have bounds of a few characters.
        (
            "who",
            "1,aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaz,2024-01-05\n",
            "2,aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaz,2024-02-05\n",
            true,
        ),
        (
            "who",
            "1,m,2024-01-05\n2,z,2024-01-05\n",
            "3,n,2024-01-05\n4,,2024-01-05\n",
            false,
        ),
        (
            "who",
            "1,m,2024-01-05\n2,,2024-01-05\n",
            "3,zz,2024-02-05\n4,,2024-02-05\n",
            true,
        ),
    ];
    for (keys, first, more, repeats) in told {
        let project = visits(keys);
        project.deliver("visits_1.csv", format!("visit_id,who,day\n{first}"));
        project.ok(&["refresh"]);
        project.deliver("visits_2.csv", format!("visit_id,who,day\n{more}"));
        let output = project.run(&["refresh"]);
        let about = format!("{keys}: {first}{more}{}", output.stderr);
        let red = output.stderr.contains("red: a check failed");
        assert_eq!(
            (red, output.code),
            (repeats, Some(i32::from(repeats))),
            "{about}"
        );
    }
}

#[test]
fn rows_that_passed_are_not_checked_again_when_others_come() {
    let project = visits("month, visit_id");
    project.deliver("visits_1.csv", "visit_id,who,day\n1,a,2024-01-05\n");
    project.ok(&["refresh"]);
    project.deliver("visits_2.csv", "visit_id,who,day\n2,b,2024-01-06\n");
    project.ok(&["refresh"]);
    // A new row that fails is told, of two files that did not.
    project.deliver("visits_3.csv", "visit_id,who,day\n3,,2024-01-07\n");
    let told = project.ok(&["refresh"]).stderr;
    assert!(told.contains("not_null: who: 1 failing row"), "{told}");
    // It is still there, and so the check looks at all rows.
    project.deliver("visits_4.csv", "visit_id,who,day\n4,d,2024-02-07\n");
    let told = project.ok(&["refresh"]).stderr;
    assert!(told.contains("not_null: who: 1 failing row"), "{told}");
}

#[test]
fn a_warning_elsewhere_stays_while_other_months_change() {
    let project = project();
    project.write(
        "queries/silver/sessions.sql",
        "-- Sessions.\n--\n-- partition_by: month\n-- grain: month, session_id\n-- check: minutes < 40 (warn)\n\
         select month, session_id, title_id, minutes from bronze.watched where _current",
    );
    assert!(
        project
            .ok(&["refresh"])
            .stderr
            .contains("check: minutes < 40: 1 failing row")
    );
    project.deliver(
        "watched_2.csv",
        format!("{HEADER}5,2024-01-09,1,7,2024-04-01\n"),
    );
    assert!(
        project
            .ok(&["refresh"])
            .stderr
            .contains("check: minutes < 40: 1 failing row")
    );
}

#[test]
fn verify_finds_rows_that_are_not_those_published() {
    let project = project();
    // What a fault of a disk, or of ours, could do: another file's rows under
    // a published name.
    let file = |month: &str| {
        let folder = project.path(&format!("lake/silver/sessions/month={month}"));
        std::fs::read_dir(folder)
            .unwrap()
            .next()
            .unwrap()
            .unwrap()
            .path()
    };
    std::fs::copy(file("2024-02-01"), file("2024-03-01")).unwrap();
    let ran = project.run(&["verify", "silver.sessions"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    insta::assert_snapshot!(ran.stdout + &ran.stderr, @r"
    different silver.sessions: 1 of 3 partitions
    silver.sessions at 2024-03-01: the stored rows are not those that were published: 1 row recorded, 1 stored
    1 table built again: 3 partitions and 4 rows compared, 1 differ
    ");
}

#[test]
fn verify_says_what_it_cannot_do() {
    let project = project();
    insta::assert_snapshot!(project.ok(&["verify", "--partition", "2024-02"]).stdout, @r"
    same silver.sessions: 1 partition, 1 row
    same gold.title_months: 1 partition, 1 row
    same gold.genre_months: 1 partition, 1 row
    same gold.ranks: 1 partition, 1 row
    ");
    insta::assert_snapshot!(project.ok(&["verify", "--sample", "3"]).stdout, @r"
    same gold.genre_months: 2 partitions, 3 rows
    same gold.ranks: 1 partition, 2 rows
    ");
    insta::assert_snapshot!(project.fails(&["verify", "gold.nothing"]), @r"
    exit 2
    error: `--select gold.nothing` matches no model
    hint: did you mean `gold.genre_months`?
    ");
    insta::assert_snapshot!(project.fails(&["verify", "--partition", "spring"]), @r"
    exit 2
    error: invalid value 'spring' for '--partition <DATE>': write a month as 2024-03, a day as 2024-03-31

    For more information, try '--help'.
    ");
    project.write(
        "queries/gold/totals.sql",
        "-- Minutes by title.\n--\n-- grain: title_id\nselect title_id, sum(minutes) + 1 as minutes from gold.title_months group by title_id",
    );
    insta::assert_snapshot!(project.ok(&["verify", "gold.totals"]).stdout, @"left out gold.totals: its text changed since it was built");
}
