//! What the engine does by itself: plans of its own, and the answers of plain ones.

use std::fmt::Write;

use crate::support::Project;

/// Sessions of six months, and some without one; titles with lists of genres.
fn project() -> Project {
    let project = Project::of(&[
        (
            "bronze/sessions.toml",
            "description = \"Sessions.\"\nfiles = \"sessions*\"\n[columns]\nsession_id = \"bigint\"\n\
             user_id = \"integer\"\ntitle_id = \"integer\"\nday = \"date\"\n",
        ),
        (
            "bronze/titles.toml",
            "description = \"Titles.\"\nfiles = \"titles*\"\n[columns]\ntitle_id = \"integer\"\ngenres = \"text\"\n",
        ),
        (
            "silver/sessions.sql",
            "-- Sessions.\n--\n-- partition_by: month\n-- grain: session_id\n-- order_by: title_id, user_id, session_id\n\
             select cast(date_trunc('month', day) as date) as month, session_id, user_id, title_id, day, cast(day as timestamp) as at\n\
             from bronze.sessions",
        ),
        (
            "silver/titles.sql",
            "-- Titles.\n--\n-- grain: title_id\nselect title_id, genres from bronze.titles",
        ),
        (
            "silver/visits.sql",
            "-- Visits, whose numbers grow from month to month.\n--\n-- partition_by: month\n\
             select cast(date_trunc('month', day) as date) as month, user_id, \
             cast(date_part('month', day) as bigint) * 10000000 + session_id % 700 as visit_id \
             from bronze.sessions where day is not null",
        ),
    ]);
    let mut sessions = String::from("session_id,user_id,title_id,day\n");
    for i in 0..3_000_u32 {
        let (user, title) = (i * 7_919 % 211, i * 104_729 % 37);
        let day = match i % 50 {
            0 => String::new(),
            _ => format!("2024-{:02}-{:02}", i % 6 + 1, i % 28 + 1),
        };
        writeln!(sessions, "{i},{user},{title},{day}").unwrap();
    }
    let genres = ["Drama", "Drama;War", "War;Comedy;Drama", "Comedy"];
    let mut titles = String::from("title_id,genres\n");
    for i in 0..37 {
        writeln!(titles, "{i},{}", genres[i % 4]).unwrap();
    }
    project.deliver("sessions.csv", sessions);
    project.deliver("titles.csv", titles);
    project.ok(&["refresh"]);
    project
}

fn explained(project: &Project, sql: &str) -> String {
    let args = [
        "-q",
        "--threads",
        "2",
        "sql",
        "--explain",
        "-f",
        "json",
        "-c",
        sql,
    ];
    let answer: serde_json::Value = serde_json::from_str(&project.ok(&args).stdout).unwrap();
    answer[1]["plan"].as_str().unwrap().to_owned()
}

/// The operators of a query's plan, each with what it is followed by, less
/// files and columns.
fn operators(project: &Project, sql: &str) -> String {
    let plan = explained(project, sql);
    let shown = |line: &str| {
        let (name, rest) = line.split_once(':').unwrap_or((line, ""));
        match name.trim() {
            "InTurns" | "RepartitionExec" => line.to_owned(),
            "DataSourceExec" => {
                let groups = rest.split('{').nth(1).and_then(|r| r.split(':').next());
                let table = rest
                    .split("silver/")
                    .nth(1)
                    .and_then(|r| r.split('/').next());
                format!("{name}: {} of {}", groups.unwrap(), table.unwrap())
            }
            "AggregateExec" | "PerfectAggregateExec" | "HashJoinExec" => {
                format!("{name}: {}", rest.trim().split(',').next().unwrap())
            }
            _ => name.to_owned(),
        }
    };
    plan.lines().map(|line| shown(line) + "\n").collect()
}

#[test]
fn groups_by_month_are_built_a_month_at_a_time() {
    let project = project();
    let by_title =
        "select month, title_id, count(*), max(day) from silver.sessions group by month, title_id";
    insta::assert_snapshot!(operators(&project, by_title), @r"
    ProjectionExec
      InTurns: 7 partitions, 2 at once
        Constant
          PerfectAggregateExec: mode=SinglePartitioned
            DataSourceExec: 7 groups of sessions
    ");
    let distinct = "select month, count(distinct user_id) from silver.sessions group by month";
    insta::assert_snapshot!(operators(&project, distinct), @r"
    InTurns: 7 partitions, 2 at once
      AggregateExec: mode=SinglePartitioned
        DataSourceExec: 7 groups of sessions
    ");
}

#[test]
fn a_question_about_one_month_is_not_grouped_by_it() {
    let project = project();
    let of_march = |select: &str, more: &str| {
        format!("{select} from silver.sessions where month = date '2024-03-01' {more}")
    };
    let by_title = of_march(
        "select month, title_id, count(*), max(day)",
        "group by month, title_id",
    );
    // Files are ordered by title, and nobody asks for that.
    insta::assert_snapshot!(operators(&project, &by_title), @r"
    ProjectionExec
      PerfectAggregateExec: mode=FinalPartitioned
        RepartitionExec: partitioning=Hash([title_id@0], 2), input_partitions=1
          PerfectAggregateExec: mode=Partial
            DataSourceExec: 1 group of sessions
    ");
    // Here somebody does.
    let in_order = of_march(
        "select title_id, month, count(*)",
        "group by month, title_id order by title_id",
    );
    insta::assert_snapshot!(operators(&project, &in_order), @r"
    SortPreservingMergeExec
      ProjectionExec
        AggregateExec: mode=FinalPartitioned
          RepartitionExec: partitioning=Hash([title_id@0], 2), input_partitions=1, maintains_sort_order=true
            AggregateExec: mode=Partial
              DataSourceExec: 1 group of sessions
    ");
    // `{m}` is the month: the column, or an expression of which nothing is known.
    let more = [
        of_march("select {m} as m, count(*)", "group by 1"),
        of_march(
            "select count(*), user_id, {m} as m",
            "and user_id < 9 group by 2, 3",
        ),
        of_march(
            "select {m} as m, user_id, day, count(distinct title_id)",
            "group by 1, 2, 3",
        ),
        of_march("select distinct {m} as m, title_id", ""),
        of_march("select {m} as m, user_id, count(*)", "group by rollup ({m}, user_id)"),
        "select {m} as m, genres, count(*) from silver.titles as t left join (select * from silver.sessions \
         where month = date '2024-03-01' and title_id < 9) as s on s.title_id = t.title_id group by 1, 2"
            .to_owned(),
        "select {m} as m, genres, count(*) from (select * from silver.sessions where month is null) as s \
         left join silver.titles as t on s.title_id = t.title_id and genres = 'Drama' group by 1, 2"
            .to_owned(),
    ];
    for question in more {
        let plain = question.replace("{m}", "cast(date_trunc('month', month) as date)");
        assert_same(&project, &question.replace("{m}", "month"), &plain);
    }
    let none = of_march(
        "select month, user_id, count(*)",
        "and user_id < 0 group by 1, 2",
    );
    assert_eq!(sorted(&project, "2", &none), ["0"]);
}

#[test]
fn a_month_that_is_one_row_group_is_dealt_out_as_it_is_read() {
    let project = project();
    let sessions = |from: u32, count: u32| {
        let mut rows = String::from("session_id,user_id,title_id,day\n");
        for i in from..from + count {
            writeln!(rows, "{i},{},{},2024-09-{:02}", i % 997, i % 37, i % 28 + 1).unwrap();
        }
        rows
    };
    project.write("cinelake.toml", "[engine]\nby_rows_from = 0\n");
    project.deliver("sessions_2.csv", sessions(10_000, 20_000));
    project.ok(&["refresh"]);
    project.deliver("sessions_3.csv", sessions(40_000, 500));
    project.ok(&["refresh"]);
    let of_days = "select day, count(distinct user_id), max(title_id) from silver.sessions \
                   where month = date '2024-09-01' group by day";
    insta::assert_snapshot!(operators(&project, of_days), @r"
    PerfectAggregateExec: mode=FinalPartitioned
      RepartitionExec: partitioning=Hash([day@0], 2), input_partitions=2
        PerfectAggregateExec: mode=Partial
          RepartitionExec: partitioning=RoundRobinBatch(2), input_partitions=1
            DataSourceExec: 1 group of sessions
    ");
    assert_same(
        &project,
        of_days,
        &of_days.replace("month =", "date_trunc('month', month) ="),
    );
}

#[test]
fn other_questions_deal_the_files_out_to_the_threads() {
    let project = project();
    let by_user = "select user_id, count(*) from silver.sessions group by user_id";
    insta::assert_snapshot!(operators(&project, by_user), @r"
    ProjectionExec
      PerfectAggregateExec: mode=FinalPartitioned
        RepartitionExec: partitioning=Hash([user_id@0], 2), input_partitions=2
          PerfectAggregateExec: mode=Partial
            DataSourceExec: 2 groups of sessions
    ");
    // Fewer months than are worth it.
    let few = "select month, user_id, count(*) from silver.sessions where month >= date '2024-05-01' group by 1, 2";
    insta::assert_snapshot!(operators(&project, few), @r"
    ProjectionExec
      PerfectAggregateExec: mode=FinalPartitioned
        RepartitionExec: partitioning=Hash([month@0, user_id@1], 2), input_partitions=2
          PerfectAggregateExec: mode=Partial
            DataSourceExec: 2 groups of sessions
    ");
}

#[test]
fn a_join_holds_the_lists_rather_than_the_sessions() {
    let project = project();
    let sql = "select genre, count(*) from silver.sessions as s inner join \
               (select title_id, unnest(string_to_array(genres, ';')) as genre from silver.titles) as g \
               on s.title_id = g.title_id group by genre";
    insta::assert_snapshot!(operators(&project, sql), @r"
    ProjectionExec
      AggregateExec: mode=FinalPartitioned
        RepartitionExec: partitioning=Hash([genre@0], 2), input_partitions=2
          AggregateExec: mode=PartialReduce
            ProjectionExec
              HashJoinExec: mode=CollectLeft
                ProjectionExec
                  UnnestExec
                    DataSourceExec: 1 group of titles
                PerfectAggregateExec: mode=Partial
                  DataSourceExec: 2 groups of sessions
    ");
}

#[test]
fn the_answers_are_those_of_plain_plans() {
    let project = project();
    // `{m}` is the month: the column, or an expression that says nothing of how
    // the table is split.
    let questions = [
        "select {m} as m, title_id, count(*), count(distinct user_id), sum(session_id) from silver.sessions group by 1, 2",
        "select {m} as m, count(distinct user_id), count(distinct day) from silver.sessions group by 1",
        "select m, avg(n) from (select {m} as m, day, count(distinct user_id) as n from silver.sessions group by 1, 2) as d group by m",
        "select m, session_id, row_number() over (partition by m order by title_id, session_id) from \
         (select *, {m} as m from silver.sessions) as s",
        "select m, session_id, sum(session_id) over (partition by m, user_id order by session_id) from \
         (select *, {m} as m from silver.sessions) as s order by m, session_id",
        "select m, sum(n) from (select {m} as m, count(*) as n from silver.sessions group by 1 union all \
         select {m} as m, count(distinct title_id) as n from silver.sessions group by 1) as u group by m",
        "select a.m, a.title_id, n, users from (select {m} as m, title_id, count(*) as n from silver.sessions group by 1, 2) as a \
         inner join (select {m} as m, count(distinct user_id) as users from silver.sessions group by 1) as b on a.m = b.m",
        "select {m} as m, genres, count(*) from silver.sessions as s inner join silver.titles as t on s.title_id = t.title_id group by 1, 2",
        "select {m} as m, genres, count(s.session_id) from silver.titles as t left join silver.sessions as s \
         on s.title_id = t.title_id and s.user_id < 9 group by 1, 2",
        "select m, n from (select {m} as m, count(*) as n from silver.sessions group by 1) as c order by m limit 3",
        "select distinct {m} as m, user_id from silver.sessions where user_id in (select user_id from silver.sessions where title_id = 5)",
        "select {m} as m, title_id, count(*) from silver.sessions group by rollup ({m}, title_id)",
        "select count(*) from (select {m} as m, user_id from silver.sessions intersect \
         select {m} as m, user_id from silver.sessions where title_id < 9) as i",
    ];
    for question in questions {
        let plain = question.replace("{m}", "cast(date_trunc('month', day) as date)");
        let own = question.replace("{m}", "month");
        assert_same(&project, &own, &plain);
    }
}

#[test]
fn ends_of_an_order_are_found_by_numbers() {
    let project = project();
    let ends = "select user_id, last_value(title_id order by day nulls first, session_id) as title, \
                first_value(day order by session_id desc) filter (where title_id > 3) as day, \
                first_value(day order by session_id) ignore nulls as dated from silver.sessions group by user_id";
    assert!(explained(&project, ends).contains("value_of_first"));
    let ranked = "select user_id, max(case when last = 1 then title_id end) as title, \
                  max(case when title_id > 3 and high = 1 then day end) as day, \
                  max(case when day is not null and dated = 1 then day end) as dated from (select *, \
                  row_number() over (partition by user_id order by day desc nulls last, session_id desc) as last, \
                  row_number() over (partition by user_id, title_id > 3 order by session_id desc) as high, \
                  row_number() over (partition by user_id, day is null order by session_id) as dated \
                  from silver.sessions) as s group by user_id";
    assert_same(&project, ends, ranked);
    // The end of no rows is null.
    let of_all = "select last_value(title_id order by at, session_id) as title from silver.sessions where user_id < 0";
    assert!(explained(&project, of_all).contains("value_of_first"));
    assert_same(&project, of_all, "select cast(null as integer) as title");
}

#[test]
fn ranks_of_rows_in_order_take_no_window() {
    let project = project();
    let favourites = "select user_id, title_id from (select user_id, title_id, row_number() over (partition by user_id \
                      order by n desc, title_id) as place, rank() over (partition by user_id order by n desc, title_id) as r \
                      from (select user_id, title_id, count(*) as n from silver.sessions group by 1, 2) as g) as f \
                      where place = 1 and r = 1";
    insta::assert_snapshot!(operators(&project, favourites), @r"
    FilterExec
      ProjectionExec
        RankRows
          SortExec
            Unshared
              FirstRows
                RepartitionExec: partitioning=Hash([user_id@0], 2), input_partitions=2
                  ProjectionExec
                    AggregateExec: mode=FinalPartitioned
                      RepartitionExec: partitioning=Hash([user_id@0, title_id@1], 2), input_partitions=2
                        AggregateExec: mode=Partial
                          DataSourceExec: 2 groups of sessions
    ");
    let others = [
        // The rows after it count, too.
        "select ntile(4) over (partition by user_id order by session_id) from silver.sessions",
        "select lag(title_id) over (partition by user_id order by session_id), row_number() over \
         (partition by user_id order by session_id) from silver.sessions",
        // Values in values are compared in parts.
        "select row_number() over (partition by make_array(user_id) order by session_id) from silver.sessions",
    ];
    for other in others {
        let plan = operators(&project, other);
        assert!(!plan.contains("RankRows"), "{plan}");
    }
    assert_same(&project, favourites, favourites);
}

#[test]
fn not_in_holds_the_set_where_nothing_is_null() {
    let project = project();
    let not_in = |column: &str, set: &str| {
        format!("select session_id from silver.sessions where {column} not in ({set})")
    };
    let few = "select title_id from silver.titles where genres = 'War;Comedy;Drama'";
    insta::assert_snapshot!(operators(&project, &not_in("title_id", few)), @r"
    HashJoinExec: mode=CollectLeft
      DataSourceExec: 1 group of titles
      DataSourceExec: 2 groups of sessions
    ");
    // Some days are not known: of those no row comes, and a set of them is waited for.
    let of_days = not_in("day", "select day from silver.sessions where title_id = 3");
    insta::assert_snapshot!(operators(&project, &of_days), @r"
    HashJoinExec: mode=CollectLeft
      CoalescePartitionsExec
        DataSourceExec: 2 groups of sessions
      DataSourceExec: 2 groups of sessions
    ");
    for (own, plain) in [
        (not_in("title_id", few), format!("select session_id from silver.sessions where (title_id in ({few})) is not true")),
        (
            not_in("title_id", "select title_id from silver.sessions where user_id < 5 group by title_id"),
            "select session_id from silver.sessions where title_id not in (select coalesce(title_id, 0) from silver.sessions where user_id < 5)".to_owned(),
        ),
    ] {
        assert!(!explained(&project, &own).contains("null_aware"), "{own}");
        assert_same(&project, &own, &plain);
    }
}

/// Which of three rates was valid on each day of 2024: they change daily, and
/// the last one is open.
const RATES: &str = "rates as (select title_id, day as valid_from, lead(day) over (partition by title_id order by day) as valid_to, \
    row_number() over (partition by title_id order by day) * 7 % 11 as rate from (select unnest([1, 2, 3]) as title_id) as t \
    cross join (select cast(unnest(generate_series(timestamp '2024-01-01', timestamp '2024-07-01', interval '1 day')) as date) as day) as d)";

#[test]
fn what_was_valid_at_a_time_is_found_by_its_order() {
    let project = project();
    let rated = |join: &str| {
        format!(
            "with {RATES} select s.session_id, rates.rate, rates.valid_from from silver.sessions as s {join}"
        )
    };
    let of_title = "left join rates on s.title_id = rates.title_id and s.day >= rates.valid_from \
                    and (rates.valid_to is null or s.day < rates.valid_to)";
    insta::assert_snapshot!(operators(&project, &rated(of_title)), @r"
    IntervalJoin
      CoalescePartitionsExec
        ProjectionExec
          BoundedWindowAggExec
            SortExec
              Unshared
                RepartitionExec: partitioning=Hash([title_id@0], 2), input_partitions=2
                  ProjectionExec
                    CrossJoinExec
                      Unshared
                        CoalescePartitionsExec
                          ProjectionExec
                            RepartitionExec: partitioning=RoundRobinBatch(2), input_partitions=1
                              UnnestExec
                                ProjectionExec
                                  PlaceholderRowExec
                      RepartitionExec: partitioning=RoundRobinBatch(2), input_partitions=1
                        ProjectionExec
                          UnnestExec
                            ProjectionExec
                              PlaceholderRowExec
      DataSourceExec: 2 groups of sessions
    ");
    // Where conditions are not comparisons, each pair is asked.
    for (own, plain) in [
        (
            of_title,
            "left join rates on s.title_id = rates.title_id and not (s.day < rates.valid_from) \
             and coalesce(not (s.day >= rates.valid_to), true) is true",
        ),
        (
            "inner join rates on s.day >= rates.valid_from and s.day < rates.valid_to and rates.rate <> s.user_id",
            "inner join rates on (s.day < rates.valid_from) is false and (s.day >= rates.valid_to) is false \
             and rates.rate <> s.user_id",
        ),
        (
            "inner join rates on s.title_id = rates.title_id and s.at between rates.valid_from and rates.valid_to",
            "inner join rates on s.title_id = rates.title_id and (s.at < rates.valid_from) is false \
             and (s.at > rates.valid_to) is false",
        ),
    ] {
        let (own, plain) = (rated(own), rated(plain));
        assert!(explained(&project, &own).contains("IntervalJoin"), "{own}");
        assert!(
            !explained(&project, &plain).contains("IntervalJoin"),
            "{plain}"
        );
        assert_same(&project, &own, &plain);
    }
}

#[test]
fn groups_by_a_number_are_found_by_place() {
    let project = project();
    let by_user = "select user_id, count(*), max(day) from silver.sessions group by user_id";
    insta::assert_snapshot!(operators(&project, by_user), @r"
    ProjectionExec
      PerfectAggregateExec: mode=FinalPartitioned
        RepartitionExec: partitioning=Hash([user_id@0], 2), input_partitions=2
          PerfectAggregateExec: mode=Partial
            DataSourceExec: 2 groups of sessions
    ");
    let others = [
        // A set a group may take any memory.
        "select user_id, bitmap_agg(title_id) from silver.sessions group by user_id",
        "select user_id, string_agg(genres, '') from silver.sessions as s inner join silver.titles as t \
         on s.title_id = t.title_id group by user_id",
        // More places than rows, more numbers than rows, no bounds.
        "select user_id, title_id, count(*) from silver.sessions group by 1, 2",
        "select session_id, count(*) from (select session_id from silver.sessions limit 5) as five group by 1",
        "select user_id + 1, count(*) from silver.sessions group by 1",
    ];
    for other in others {
        assert!(!operators(&project, other).contains("Perfect"), "{other}");
    }
    let several = [
        "select title_id, user_id < 4 as few, count(*) from silver.sessions group by 1, 2",
        "select title_id, users.name, count(*) from silver.sessions as s inner join \
         (select user_id, 'user ' || cast(user_id % 9 as text) as name from silver.sessions where session_id < 50) as users \
         on s.user_id = users.user_id group by 1, 2",
    ];
    for keys in several {
        let plan = operators(&project, keys);
        assert!(plan.contains("Perfect"), "{keys}: {plan}");
        assert_same(&project, keys, keys);
    }
}

#[test]
fn groups_found_by_place_are_those_of_a_hash_table() {
    let project = project();
    // `{k}` is the key: the column, or an expression of which nothing is known.
    let questions = [
        (
            "user_id",
            "select {k} as k, count(*), sum(session_id), min(day), max(day), avg(session_id), count(day), \
          count(*) filter (where title_id < 9), sum(title_id) filter (where user_id = 4), round(stddev(title_id), 6) \
          from silver.sessions group by 1",
        ),
        (
            "day",
            "select {k} as k, count(*), sum(user_id), avg(title_id) from silver.sessions where month is not null group by 1",
        ),
        (
            "title_id",
            "select month, {k} as k, count(*), sum(user_id) from silver.sessions group by 1, 2",
        ),
        // The day of an instant, the month of a day.
        (
            "at",
            "select cast({k} as date) as k, count(*), sum(user_id) from silver.sessions where month is not null group by 1",
        ),
        (
            "day",
            "select cast(date_trunc('week', {k}) as date) as k, count(*), max(day) from silver.sessions where month is not null group by 1",
        ),
        (
            "title_id",
            "select k, n from (select {k} as k, count(*) as n from silver.sessions group by 1) as c order by n desc, k limit 5",
        ),
        ("user_id", "select distinct {k} as k from silver.sessions"),
        // In each month by bounds of its own.
        (
            "visit_id",
            "select month, {k} as k, count(*), sum(user_id) from silver.visits group by 1, 2",
        ),
        // Several keys.
        (
            "title_id",
            "select user_id < 99 as u, {k} as k, count(*), sum(session_id), min(day) filter (where session_id % 2 = 0) \
             from silver.sessions where month is not null group by 1, 2",
        ),
        (
            "title_id",
            "select 'title ' || cast(session_id % 5 as text) as t, {k} as k, user_id < 4 as few, count(*), avg(session_id) \
             from silver.sessions where month is not null group by 1, 2, 3",
        ),
        (
            "title_id",
            "select cast(session_id as text) as t, {k} as k, count(*) from silver.sessions where month is not null group by 1, 2",
        ),
        (
            "user_id",
            "with c as (select {k} as k, count(*) as n from silver.sessions group by 1) \
          select a.k, a.n, b.n from c as a inner join c as b on a.k = b.k + 1",
        ),
    ];
    let texts = [
        (
            "genres",
            "select {k} as k, count(*), sum(title_id) from silver.titles group by 1",
        ),
        // Of how many rows is not known.
        (
            "genre",
            "with title_genres as (select title_id, unnest(string_to_array(genres, ';')) as genre from silver.titles) \
             select month, {k} as k, count(distinct user_id), sum(length(genre) + user_id) from silver.sessions as s \
             inner join title_genres as t on s.title_id = t.title_id group by 1, 2",
        ),
    ];
    let questions =
        questions.map(|(key, question)| (key, question, format!("coalesce({key}, null)")));
    let texts = texts.map(|(key, question)| (key, question, format!("arrow_cast({key}, 'Utf8')")));
    for (key, question, plain) in questions.into_iter().chain(texts) {
        let own = question.replace("{k}", key);
        let plain = question.replace("{k}", &plain);
        assert!(operators(&project, &own).contains("Perfect"), "{own}");
        assert!(!operators(&project, &plain).contains("Perfect"), "{plain}");
        assert_same(&project, &own, &plain);
    }
}

#[test]
fn many_rows_are_grouped_before_they_are_joined() {
    let project = project();
    let lists =
        "(select title_id, unnest(string_to_array(genres, ';')) as genre from silver.titles)";
    let question = |key: &str, aggregates: &str, keys: &str| {
        format!(
            "select {keys}, {aggregates} from silver.sessions as s inner join {lists} as g \
             on {key} = g.title_id group by {keys}"
        )
    };
    let monthly = question("s.title_id", "count(distinct user_id)", "month, genre");
    insta::assert_snapshot!(operators(&project, &monthly), @r"
    InTurns: 7 partitions, 2 at once
      Constant
        AggregateExec: mode=FinalPartitioned
          ProjectionExec
            HashJoinExec: mode=CollectLeft
              ProjectionExec
                UnnestExec
                  DataSourceExec: 1 group of titles
              PerfectAggregateExec: mode=Partial
                DataSourceExec: 7 groups of sessions
    ");
    let questions = [
        (
            "count(*), sum(session_id), count(distinct user_id), avg(user_id)",
            "genre",
        ),
        (
            "count(*) filter (where user_id < 9), max(day), round(stddev(user_id), 6), count(day)",
            "genre",
        ),
        (
            "count(*), bitmap_count(bitmap_agg(user_id))",
            "month, genre",
        ),
        (
            "count(*), count(distinct user_id * 3 - 1), sum(case when user_id in (1, 2, 3) then session_id end)",
            "genre",
        ),
        ("min(session_id)", "upper(genre), s.title_id"),
        (
            "sum(session_id - user_id)",
            "concat(genre, cast(s.title_id % 2 as text))",
        ),
    ];
    for (aggregates, keys) in questions {
        let own = question("s.title_id", aggregates, keys);
        // An expression has no bounds, so nobody knows that it is worth it.
        let plain = question("coalesce(s.title_id, null)", aggregates, keys);
        let below = |sql: &str| {
            let plan = operators(&project, sql);
            let (_, below) = plan.split_once("HashJoinExec").unwrap();
            below.contains("Aggregate")
        };
        assert!(below(&own), "{}", operators(&project, &own));
        assert!(!below(&plain), "{plain}");
        assert_same(&project, &own, &plain);
    }
    // The other side decides what is counted, or the titles are too many.
    let others = [
        question("s.title_id", "count(distinct genre)", "s.user_id"),
        question(
            "s.title_id",
            "count(*) filter (where genre = 'War')",
            "s.user_id",
        ),
        question("s.title_id", "count(*)", "session_id"),
        // It may fail, also of rows that the join leaves out.
        question("s.title_id", "sum(user_id / (s.title_id - 5))", "genre"),
        question(
            "s.title_id",
            "count(*) filter (where user_id % (s.title_id - 5) = 0)",
            "genre",
        ),
        question("s.title_id", "count(*)", "genre, random() < 0.5"),
    ];
    for other in others {
        let plan = operators(&project, &other);
        let (_, below) = plan.split_once("HashJoinExec").unwrap();
        assert!(!below.contains("Aggregate"), "{plan}");
    }
}

#[test]
fn what_a_held_row_decides_is_computed_before_the_join() {
    let project = project();
    let of_titles = "select s.session_id, upper(t.genres) as genres, s.user_id from silver.sessions as s \
                     inner join silver.titles as t on s.title_id = t.title_id";
    insta::assert_snapshot!(operators(&project, of_titles), @r"
    ProjectionExec
      HashJoinExec: mode=CollectLeft
        ProjectionExec
          DataSourceExec: 1 group of titles
        DataSourceExec: 2 groups of sessions
    ");
    // `{g}` is a title's genres: the column, or one that needs the session, too.
    let two = "silver.sessions as s inner join silver.titles as t on s.title_id = t.title_id \
               inner join silver.titles as u on s.user_id = u.title_id + 30";
    let some = "silver.sessions as s {} join (select * from silver.titles where title_id < 30) as t \
                on s.title_id = t.title_id";
    let questions = [
        format!("select session_id, lower({{g}}) as l, u.genres as u from {two}"),
        format!("select concat(lower({{g}}), u.genres) as both, count(*) from {two} group by 1"),
        format!("select upper({{g}}) as g, min(genres), count(*) from (select s.*, t.genres from {two}) as s group by 1")
            .replace("{g}", "{s.g}"),
        format!("select length(upper({{g}})) + s.title_id, max(s.day) from {two} group by 1"),
        format!(
            "select session_id, lower({{g}}) as a, upper({{g}}) as b from {}",
            some.replace("{}", "inner")
        ),
    ];
    for question in questions {
        let own = question
            .replace("{g}", "t.genres")
            .replace("{s.g}", "genres");
        let plain = question
            .replace("{g}", "concat(t.genres, repeat('x', s.title_id * 0))")
            .replace("{s.g}", "concat(genres, repeat('x', user_id * 0))");
        assert!(is_ahead(&project, &own), "{}", operators(&project, &own));
        assert!(!is_ahead(&project, &plain), "{plain}");
        assert_same(&project, &own, &plain);
    }
    let others = [
        // A session without such a title has no genres, and `coalesce` has a value.
        format!(
            "select session_id, coalesce({{g}}, 'none') as g from {}",
            some.replace("{}", "left")
        ),
        // It may fail, also of titles without a session.
        format!(
            "select session_id, upper(cast(100 / (t.title_id - 40) as text)) as g from {}",
            some.replace("{}", "inner")
        ),
        // Chance falls anew for each session.
        format!(
            "select session_id, concat({{g}}, case when random() < 2 then '' end) as g from {}",
            some.replace("{}", "inner")
        ),
        // Handing it on costs as much.
        format!(
            "select session_id, t.title_id + 1 as g from {}",
            some.replace("{}", "inner")
        ),
    ];
    for other in others {
        let own = other.replace("{g}", "t.genres");
        let plain = other.replace("{g}", "concat(t.genres, repeat('x', s.title_id * 0))");
        assert!(!is_ahead(&project, &own), "{}", operators(&project, &own));
        let plain = plain
            .replace("coalesce(concat", "coalesce(nullif(concat")
            .replace("* 0)), 'none'", "* 0)), ''), 'none'");
        assert_same(&project, &own, &plain);
    }
}

/// Whether something is computed below the first join.
fn is_ahead(project: &Project, sql: &str) -> bool {
    explained(project, sql).contains(" as ahead_")
}

#[test]
fn what_a_query_reads_twice_is_computed_once() {
    let project = project();
    let pairs = "with watched as (select distinct user_id, title_id from silver.sessions) \
                 select a.title_id, b.title_id, count(*) from watched as a inner join watched as b \
                 on a.user_id = b.user_id and a.title_id < b.title_id group by 1, 2";
    insta::assert_snapshot!(operators(&project, pairs), @r"
    ProjectionExec
      PerfectAggregateExec: mode=FinalPartitioned
        RepartitionExec: partitioning=Hash([title_id@0, title_id@1], 2), input_partitions=2
          PerfectAggregateExec: mode=Partial
            HashJoinExec: mode=CollectLeft
              CoalescePartitionsExec
                Once
                  AggregateExec: mode=FinalPartitioned
                    RepartitionExec: partitioning=Hash([user_id@0, title_id@1], 2), input_partitions=2
                      AggregateExec: mode=Partial
                        DataSourceExec: 2 groups of sessions
              Once
                AggregateExec: mode=FinalPartitioned
                  RepartitionExec: partitioning=Hash([user_id@0, title_id@1], 2), input_partitions=2
                    AggregateExec: mode=Partial
                      DataSourceExec: 2 groups of sessions
    ");
    // Plain scans are read again; what differs in a condition is computed twice.
    let others = [
        "select count(*) from silver.sessions as a inner join silver.sessions as b on a.session_id = b.session_id",
        "with s as (select user_id, count(*) as n from silver.sessions group by user_id) \
         select * from s where user_id < 3 union all select * from s",
    ];
    for other in others {
        assert!(!operators(&project, other).contains("Once"), "{other}");
    }
}

#[test]
fn what_is_computed_once_is_what_each_place_would_have_computed() {
    let project = project();
    // `{2}` makes the second place differ in a condition that is always true.
    let questions = [
        "with w as (select distinct user_id, title_id from silver.sessions) \
         select a.title_id, b.title_id, count(*) from w as a inner join (select * from w {2}) as b \
         on a.user_id = b.user_id group by 1, 2",
        "with w as (select month, user_id, count(*) as n from silver.sessions group by 1, 2) \
         select 'one', * from w union all select 'two', * from w {2} union all select 'three', * from w",
        "with w as (select month, count(*) as n from silver.sessions group by 1) \
         select a.month, a.n, (select sum(n) from w {2}) from w as a",
        "with w as (select user_id, max(day) as day from silver.sessions group by user_id order by 2, 1 limit 50) \
         select * from w where user_id in (select user_id + 1 from w {2})",
        // One within another.
        "with v as (select user_id, count(*) as n from silver.sessions group by user_id), \
         w as (select v.n, count(*) as users from v group by v.n) \
         select 1, n, users from w union all select 2, n, users from (select * from w {2}) as b \
         union all select 3, user_id, n from v",
        "with w as (select s.user_id, t.genres from silver.sessions as s inner join silver.titles as t \
         on s.title_id = t.title_id) select 1, user_id, genres from w union all select 2, user_id, genres from (select * from w {2}) as b",
    ];
    for question in questions {
        let own = question.replace("{2}", "");
        let plain = question.replace("{2}", "where coalesce(nullif(1, 2), 3) < 4 + random() ");
        assert!(operators(&project, &own).contains("Once"), "{own}");
        assert!(
            !operators(&project, &plain).contains("Once: #1, read 2 times"),
            "{plain}"
        );
        assert_same(&project, &own, &plain);
    }
}

#[test]
fn periods_begin_whenever_they_lie() {
    let project = project();
    let days = "(values ('9999-12-31'), ('2024-02-29'), ('1969-12-31'), ('1600-05-05'), (null)) as d (day)";
    let question = format!(
        "select period, cast(date_trunc('month', cast(day as date)) as date) as month, \
         date_trunc('quarter', cast(day as date)) as quarter, DateTrunc('Week', cast(day as date)) as week, \
         date_trunc('minute', cast(day as date)) as minute \
         from {days} cross join (select date_trunc('year', date '9999-12-31') as period) as p order by day"
    );
    insta::assert_snapshot!(project.ok(&["-q", "sql", "-f", "csv", "-c", &question]).stdout, @r"
    period,month,quarter,week,minute
    9999-01-01T00:00:00,1600-05-01,1600-04-01T00:00:00,1600-05-01T00:00:00,1600-05-05T00:00:00
    9999-01-01T00:00:00,1969-12-01,1969-10-01T00:00:00,1969-12-29T00:00:00,1969-12-31T00:00:00
    9999-01-01T00:00:00,2024-02-01,2024-01-01T00:00:00,2024-02-26T00:00:00,2024-02-29T00:00:00
    9999-01-01T00:00:00,9999-12-01,9999-10-01T00:00:00,9999-12-27T00:00:00,9999-12-31T00:00:00
    9999-01-01T00:00:00,,,,
    ");
    let unknown = project.run(&[
        "-q",
        "sql",
        "-c",
        "select date_trunc('decade', date '2024-01-01')",
    ]);
    insta::assert_snapshot!(unknown.stderr, @"error: the query failed: Unsupported date_trunc granularity: 'decade'. Supported values are: microsecond, millisecond, second, minute, hour, day, week, month, quarter, year");
    // One step, which has a value for any day, or two.
    let own = "select date_trunc('month', at) as a, cast(date_trunc('quarter', at) as date) as b, \
               cast(date_trunc('week', at) as date) as c, cast(date_trunc('year', day) as date) as d from \
               (select cast(day as timestamp) + cast(concat(session_id * 37 % 1440, ' minutes') as interval) as at, day \
               from silver.sessions) as s";
    assert!(
        explained(&project, own).contains("first_day(year, day"),
        "{}",
        explained(&project, own)
    );
    let plain = own.replace(") as date", ") + interval '0 days' as date");
    assert!(!explained(&project, &plain).contains("first_day(quarter"));
    assert_same(&project, own, &plain);
}

#[test]
fn sessions_end_with_a_pause() {
    let project = project();
    // Each user's events: some in a row, some far apart, some at once, some without a time.
    let events = "(select user_id, case when session_id % 97 > 0 then cast(day as timestamp) \
                  + cast(concat(session_id * 37 % 1440, ' minutes') as interval) end as at from silver.sessions)";
    let own = format!(
        "select user_id, s['started_at'], s['ended_at'], s['events'] from (select user_id, \
         unnest(sessionize(at, interval '12 hours')) as s from {events} as e group by user_id) as x"
    );
    let plain = format!(
        "select user_id, min(at), max(at), count(*) from (select *, sum(begins) over (partition by user_id \
         order by at rows unbounded preceding) as number from (select *, case when at - lag(at) over \
         (partition by user_id order by at) <= interval '12 hours' then 0 else 1 end as begins \
         from {events} as e where at is not null) as x) as y group by user_id, number"
    );
    assert_same(&project, &own, &plain);
    let of_all = format!(
        "select s['events'] from (select unnest(sessionize(at, interval '1 day') filter (where user_id < 3)) as s from {events} as e) as x"
    );
    insta::assert_snapshot!(sorted(&project, "2", &of_all).join(" "), @"34 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 2 2 2 2 2 2 2 2");
    let mut messages = String::new();
    for wrong in [
        "select sessionize(day, interval '1 month') from silver.sessions",
        "select sessionize(day, interval '-1 day') from silver.sessions",
        "select sessionize(day, title_id) from silver.sessions",
        "select sessionize(title_id, interval '1 day') from silver.sessions",
        "select sessionize(day) from silver.sessions",
        "select sessionize(day, case when title_id > 1 then interval '1 day' end) from silver.sessions group by title_id",
    ] {
        let error = project.fails(&["-q", "sql", "-c", wrong]);
        messages.push_str(&error);
    }
    insta::assert_snapshot!(messages, @r"
    exit 2
    error: the longest pause of `sessionize` is in days or less: months differ in length
    exit 2
    error: the longest pause of `sessionize` cannot be negative
    exit 2
    error: `sessionize` takes the longest pause as an interval, such as interval '30 minutes', not Int32
    exit 2
    error: `sessionize` takes times, not Int32
    exit 2
    error: sessionize function requires 2 arguments, got 1
    exit 2
    error: the longest pause of `sessionize` is one interval for all rows
    ");
}

#[test]
fn sessions_are_settled_file_by_file() {
    let project = project();
    let of = |at: &str, keys: &str, wanted: &str| {
        format!(
            "select {keys}, s['started_at'], s['ended_at'], s['events'] from (select {keys}, \
             unnest(sessionize({at}, interval '3 days')) as s from (select *, title_id % 3 as third, \
             concat('user number ', user_id) as name from silver.sessions where month is not null) as e \
             where {wanted} group by {keys}) as x"
        )
    };
    // A time that is computed has no bounds.
    let (own, plain) = ("at", "at + interval '0 days'");
    insta::assert_snapshot!(operators(&project, &of(own, "user_id", "true")), @r"
    ProjectionExec
      UniteSessions
        RepartitionExec: partitioning=Hash([user_id@0], 2), input_partitions=2
          SettleSessions
            DataSourceExec: 6 groups of sessions
    ");
    assert!(!explained(&project, &of(plain, "user_id", "true")).contains("SettleSessions"));
    for (keys, wanted) in [
        ("user_id", "true"),
        ("user_id, third", "title_id < 30"),
        ("name", "user_id > 5"),
        ("day", "at > timestamp '2024-02-10'"),
    ] {
        assert_same(&project, &of(own, keys, wanted), &of(plain, keys, wanted));
    }
    // As many as are asked for, and what is read twice is computed once.
    let some = format!("{} limit 7", of(own, "user_id", "true"));
    assert_eq!(sorted(&project, "2", &some)[0], "7");
    let pairs = |at: &str| {
        format!(
            "with s as ({}) select a.user_id, count(*) from s as a join s as b using (user_id) group by a.user_id",
            of(at, "user_id", "true")
        )
    };
    assert_eq!(explained(&project, &pairs(own)).matches("Once").count(), 2);
    assert_same(&project, &pairs(own), &pairs(plain));
    // A file of which all times are missing tells no bounds.
    let all = of(own, "user_id", "true").replace("where month is not null", "");
    assert!(!explained(&project, &all).contains("SettleSessions"));
}

#[test]
fn quantiles_are_those_of_the_sorted_values() {
    let project = project();
    // Values that repeat, that hardly do, and none.
    let values = [
        "cast(user_id as double) / 7",
        "cast(session_id * 7919 % 2999 as double) / 3 - 400",
        "case when session_id % 3 = 0 then cast(title_id as double) end",
    ];
    for (values, by) in values.into_iter().zip(["title_id % 5", "month", "user_id"]) {
        for quantile in ["0.5", "0.9", "0.003"] {
            let own = format!(
                "select {by} as k, percentile_cont({quantile}) within group (order by {values}) as a, count(*), \
                 median({values}) as b, percentile_cont({quantile}) within group (order by {values} desc) as c, \
                 percentile_cont({quantile}) within group (order by {values}) filter (where title_id < 4) as d \
                 from silver.sessions group by {by}"
            );
            let at = |quantile: &str, on: &str| {
                let rank = format!("({quantile} * ({on}n - 1))");
                let value = |side: &str| {
                    format!(
                        "max(case when {on}r - 1 = {side}({rank}) and {on}r is not null then x end)"
                    )
                };
                let (lower, upper) = (value("floor"), value("ceil"));
                format!("{lower} + ({upper} - {lower}) * max({rank} - floor({rank}))")
            };
            let double = |quantile: &str| format!("cast({quantile} as double)");
            let plain = format!(
                "select k, {} as a, count(*), {} as b, {} as c, {} as d from (select *, row_number() over (partition by k, x is null order by x) \
                 as all_r, count(x) over (partition by k) as all_n, row_number() over (partition by k, x is null order by x desc) as top_r, \
                 count(x) over (partition by k) as top_n, case when few then row_number() over \
                 (partition by k, x is null, few order by x) end as few_r, count(case when few then x end) over (partition by k) as few_n \
                 from (select {by} as k, {values} as x, title_id < 4 as few from silver.sessions) as v) as r group by k",
                at(&double(quantile), "all_"),
                at(&double("0.5"), "all_"),
                at(&double(quantile), "top_"),
                at(&double(quantile), "few_"),
            );
            assert_same(&project, &own, &plain);
        }
    }
    let rolled = "select title_id % 2 as k, median(cast(user_id as double)) from silver.sessions group by rollup (title_id % 2)";
    insta::assert_snapshot!(sorted(&project, "2", rolled).join(" "), @"3 ,105.0 0,104.5 1,105.0");
    // What is no number comes last whatever its sign, endless ones are equal, of
    // each value once, from the top.
    let few = "select median(cast(a as double) / b), median(case when b > 0 then cast('inf' as double) end), \
               percentile_cont(distinct cast(a as double), 0.25), percentile_cont(0.9) within group (order by cast(a as double) desc), \
               percentile_cont(0.37) within group (order by cast(a as double) * 1000001) \
               from (values (0, 0), (1, 1), (2, 1), (3, 1), (3, 1)) as t(a, b)";
    insta::assert_snapshot!(sorted(&project, "2", few).join(" "), @"1 3.0,inf,0.75,0.3999999999999999,1480001.48");
    let none = "select median(cast(user_id as double)), percentile_cont(0.1) within group (order by 1.0 * title_id) from silver.sessions where title_id > 99";
    insta::assert_snapshot!(sorted(&project, "2", none).join(" "), @"1 ,");
}

#[test]
fn a_window_that_grows_keeps_what_it_has_seen() {
    let project = project();
    let at =
        "cast(day as timestamp) + cast(concat(session_id * 37 % 1440, ' minutes') as interval)";
    let own = format!(
        "select session_id, bitmap_count(bitmap_agg(user_id) over w), hll_count(hll_agg(user_id) over w), \
         ddsketch_count(ddsketch_agg(user_id) over w), cardinality(sessionize({at}, interval '3 days') over w), \
         median(cast(user_id as double)) over w from silver.sessions where title_id < 6 and day is not null \
         window w as (partition by title_id order by session_id)"
    );
    let plain = format!(
        "select b.session_id, count(distinct a.user_id) as x, count(distinct a.user_id) as y, count(*), \
         cardinality(sessionize({}, interval '3 days')), median(cast(a.user_id as double)) from silver.sessions as a \
         inner join silver.sessions as b on a.title_id = b.title_id and a.session_id <= b.session_id \
         where a.title_id < 6 and a.day is not null and b.day is not null group by b.session_id",
        at.replace("day as", "a.day as")
            .replace("session_id", "a.session_id")
    );
    assert_same(&project, &own, &plain);
}

#[test]
fn sketches_add_up() {
    let project = project();
    let sql = "select hll_count(hll_merge(users)) - count(*) as users, ddsketch_count(ddsketch_merge(ids)) as ids, \
               abs(ddsketch_quantile(ddsketch_merge(ids), 0.5) - 105) <= 1.05 as middle, \
               ddsketch_quantile(ddsketch_merge(ids), 1) as last from (select month, hll_agg(cast(user_id as text)) as users, \
               ddsketch_agg(user_id) as ids from silver.sessions group by month) as m";
    insta::assert_snapshot!(sorted(&project, "2", sql).join(" "), @"1 204,3000,true,210.63532939327294");
    let mut messages = String::new();
    for wrong in [
        "select hll_agg(1.5)",
        "select ddsketch_agg('a')",
        "select hll_merge(user_id) from silver.sessions",
        "select hll_count(bitmap_agg(user_id)) from silver.sessions",
        "select ddsketch_quantile(bitmap_agg(user_id), 0.5) from silver.sessions",
        "select ddsketch_quantile(ddsketch_agg(user_id), 50) from silver.sessions",
        "select percentile_cont(cast(user_id as double), 0.3) over () from silver.sessions",
        "select user_id, cast(user_id as text) from silver.sessions",
    ] {
        messages.push_str(&project.fails(&["-q", "sql", "-c", wrong]));
    }
    insta::assert_snapshot!(messages, @r"
    exit 2
    error: `hll_agg` takes whole numbers, texts, dates and times, not Decimal128(2, 1)
    exit 2
    error: `ddsketch_agg` takes numbers, not Utf8
    exit 2
    error: `hll_merge` takes sketches of `hll_agg`, not Int32
    exit 1
    error: the query failed: this is no sketch of `hll_agg`: InvalidData => invalid family: expected 7 (HLL), got 0
    exit 1
    error: the query failed: this is no sketch of `ddsketch_agg`
    exit 1
    error: the query failed: a quantile is between 0 and 1, not 50
    exit 2
    error: `percentile_cont` of a window is not supported: group by what it is partitioned by, and join
    exit 2
    error: two columns have one name: `silver.sessions.user_id` and `CAST(silver.sessions.user_id AS Utf8View)`
    hint: give one of them another name with `as`
    ");
}

/// Both questions have the same answer, on any number of threads.
fn assert_same(project: &Project, own: &str, plain: &str) {
    let expected = sorted(project, "1", plain);
    assert!(expected.len() > 1, "{plain}");
    for threads in ["1", "2", "5"] {
        let found = sorted(project, threads, own);
        let mut pairs = found.iter().zip(&expected);
        let first = pairs.find(|(found, expected)| found != expected);
        assert_eq!(first, None, "{threads}: {own}");
        assert_eq!(found.len(), expected.len(), "{threads}: {own}");
    }
}

/// The number of rows of an answer, and the rows in order of their text.
fn sorted(project: &Project, threads: &str, sql: &str) -> Vec<String> {
    let args = ["-q", "--threads", threads, "sql", "-f", "csv", "-c", sql];
    let answer = project.ok(&args).stdout;
    let mut rows: Vec<String> = answer.lines().skip(1).map(str::to_owned).collect();
    rows.sort();
    rows.insert(0, rows.len().to_string());
    rows
}
