//! Queries: formats, parameters, snapshots; and that they only read.

use std::io::Write;
use std::process::Stdio;

use crate::support::{Project, steady};

pub fn project() -> Project {
    let project = Project::of(&[
        (
            "bronze/users.toml",
            "description = \"Users.\"\nfiles = \"users*\"\n[columns]\nuser_id = { type = \"bigint\", required = true }\n\
             country = \"text\"\nspent = \"decimal(8,2)\"\n",
        ),
        (
            "gold/users.sql",
            "-- Users with what they spent.\n--\n-- Nobody is left out.\n--\n-- grain: user_id\n-- owner: finance\n\
             select\n    user_id, -- the number\n    country, -- where from\n    spent -- money\nfrom bronze.users",
        ),
        (
            "reports/rich.sql",
            "-- Who spent the most?\n--\n-- param: least double = 1\n-- param: country text = null\n\
             select user_id, spent from gold.users where spent >= $least and ($country is null or country = $country) order by 1",
        ),
    ]);
    project.deliver(
        "users.csv",
        "user_id,country,spent\n1,US,9.99\n2,\"D|E\",\n3,,0.50\n",
    );
    project.ok(&["refresh"]);
    project
}

const ALL: &str = "select user_id, country, spent from gold.users order by 1";

#[test]
fn every_format_says_the_same() {
    let project = project();
    let text = |format: &str| project.ok(&["-q", "sql", "-f", format, "-c", ALL]).stdout;
    insta::assert_snapshot!(text("table"), @r"
    ┌─────────┬─────────┬───────┐
    │ user_id ┆ country ┆ spent │
    ╞═════════╪═════════╪═══════╡
    │       1 ┆ US      ┆  9.99 │
    │       2 ┆ D|E     ┆     ∅ │
    │       3 ┆ ∅       ┆  0.50 │
    └─────────┴─────────┴───────┘
    ");
    insta::assert_snapshot!(text("csv"), @r"
    user_id,country,spent
    1,US,9.99
    2,D|E,
    3,,0.50
    ");
    insta::assert_snapshot!(text("tsv"), @r"
    user_id	country	spent
    1	US	9.99
    2	D|E	
    3		0.50
    ");
    insta::assert_snapshot!(text("json"), @r#"[{"user_id":1,"country":"US","spent":9.99},{"user_id":2,"country":"D|E","spent":null},{"user_id":3,"country":null,"spent":0.50}]"#);
    insta::assert_snapshot!(text("markdown"), @r"
    | user_id | country | spent |
    |---------|---------|-------|
    |       1 | US      |  9.99 |
    |       2 | D\|E    |       |
    |       3 |         |  0.50 |
    ");
    assert_eq!(text("ndjson").lines().filter(|l| !l.is_empty()).count(), 3);
}

#[test]
fn results_go_to_files_by_their_ending() {
    let project = project();
    for name in ["out.csv", "out.parquet", "out.arrow", "out.json", "out.md"] {
        project.ok(&["sql", "-c", ALL, "--output", name]);
        assert!(project.path(name).metadata().unwrap().len() > 20, "{name}");
        assert!(!project.path(&format!("{name}.part")).exists());
    }
    let parquet = std::fs::read(project.path("out.parquet")).unwrap();
    assert_eq!(&parquet[..4], b"PAR1");
}

#[test]
fn an_empty_result_still_has_its_header() {
    let project = project();
    let empty = "select user_id from gold.users where user_id > 9";
    assert_eq!(
        project.ok(&["-q", "sql", "-f", "csv", "-c", empty]).stdout,
        "user_id\n"
    );
    assert_eq!(
        project.ok(&["-q", "sql", "-f", "json", "-c", empty]).stdout,
        "[]\n"
    );
}

#[test]
fn reports_have_typed_parameters_with_defaults() {
    let project = project();
    let run = |args: &[&str]| {
        let mut all = vec!["-q", "sql", "-f", "csv", "rich"];
        all.extend_from_slice(args);
        project.ok(&all).stdout
    };
    assert_eq!(run(&[]), "user_id,spent\n1,9.99\n");
    assert_eq!(
        run(&["--param", "least=0.1"]),
        "user_id,spent\n1,9.99\n3,0.50\n"
    );
    assert_eq!(
        run(&["--param", "least=0", "--param", "country=US"]),
        "user_id,spent\n1,9.99\n"
    );
}

#[test]
fn sql_comes_from_a_file_stdin_or_the_command_line() {
    let project = project();
    project.write("ask.sql", "select count(*) as n from gold.users");
    assert_eq!(
        project.ok(&["-q", "sql", "-f", "csv", "ask.sql"]).stdout,
        "n\n3\n"
    );
    let mut child = project
        .command(&["-q", "sql", "-f", "csv", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"select 1 + 1 as n")
        .unwrap();
    assert_eq!(
        project.ran(child.wait_with_output().unwrap()).stdout,
        "n\n2\n"
    );
}

#[test]
fn a_function_says_what_it_takes() {
    let project = project();
    let calls = [
        "sum(country)",
        "sum(user_id, 2)",
        "date_trunc('month', user_id)",
        "date_trunc('month')",
        "round('x')",
        "lower(user_id)",
        "abs(current_date)",
        "abs(make_array(1, 2), cast(1 as decimal(5, 2)))",
        "row_number(5) over ()",
        "lag() over ()",
        "date_trunc('mnth', current_date)",
    ];
    let told = calls.map(|call| {
        let sql = format!("select {call} as x from gold.users");
        let ran = project.run(&["-q", "sql", "-c", &sql]);
        assert!(matches!(ran.code, Some(1 | 2)), "{call}: {}", ran.stderr);
        format!("{call}\n{}", ran.stderr)
    });
    insta::assert_snapshot!(told.join("\n"), @r"
    sum(country)
    error: no function `sum(text)`
    hint: it takes bigint or decimal or double or interval; `cast(x as …)` makes one type of another

    sum(user_id, 2)
    error: no function `sum(bigint, bigint)`
    hint: arguments that it takes: 1

    date_trunc('month', user_id)
    error: no function `date_trunc(text, bigint)`
    hint: it takes date or time or timestamp; `cast(x as …)` makes one type of another

    date_trunc('month')
    error: no function `date_trunc(text)`
    hint: arguments that it takes: 2

    round('x')
    error: no function `round(text)`
    hint: it takes decimal or double or integer; `cast(x as …)` makes one type of another

    lower(user_id)
    error: no function `lower(bigint)`
    hint: it takes text; `cast(x as …)` makes one type of another

    abs(current_date)
    error: no function `abs(date)`
    hint: it takes numbers; `cast(x as …)` makes one type of another

    abs(make_array(1, 2), cast(1 as decimal(5, 2)))
    error: no function `abs(list(int64), decimal(5, 2))`
    hint: arguments that it takes: 1

    row_number(5) over ()
    error: no function `row_number(bigint)`
    hint: The function 'row_number' expected zero argument but received 1

    lag() over ()
    error: no function `lag()`
    hint: 'lag' does not support zero arguments

    date_trunc('mnth', current_date)
    error: the query failed: Unsupported date_trunc granularity: 'mnth'. Supported values are: microsecond, millisecond, second, minute, hour, day, week, month, quarter, year
    ");
}

#[test]
fn a_plan_is_shown_line_by_line() {
    let project = project();
    let sql = "select count(*) as users from (values (1), (2)) as users";
    let shown = project.ok(&["-q", "sql", "--explain", "-c", sql]).stdout;
    insta::assert_snapshot!(shown, @r"
    logical_plan
      Projection: count(Int64(1)) AS count(*) AS users
        Aggregate: groupBy=[[]], aggr=[[count(Int64(1))]]
          SubqueryAlias: users
            Projection:
              Values: (Int64(1)), (Int64(2))
    physical_plan
      ProjectionExec: expr=[2 as users]
        PlaceholderRowExec
    ");
    // What other programs read has its columns.
    let json = project
        .ok(&["-q", "sql", "--explain", "-f", "json", "-c", sql])
        .stdout;
    assert!(
        json.starts_with("[{\"plan_type\":\"logical_plan\",\"plan\":"),
        "{json}"
    );
    // A table of these names is none.
    let other = "select 'a' as plan_type, 1 as plan";
    assert!(
        project
            .ok(&["-q", "sql", "-c", other])
            .stdout
            .contains("│ plan_type")
    );
}

#[test]
fn statements_only_read() {
    let project = project();
    let before = project.lake_files();
    let statements = [
        "create table gold.x as select 1 as n",
        "create view gold.x as select 1 as n",
        "drop table gold.users",
        "insert into gold.users values (9, 'XX', 1)",
        "delete from gold.users",
        "update gold.users set country = 'XX'",
        "copy gold.users to 'out.csv'",
        "copy (select 1 as n) to 'out.parquet'",
        "explain analyze insert into gold.users values (9, 'XX', 1)",
        "create external table t stored as csv location '/etc/passwd'",
        "set datafusion.execution.target_partitions = 1",
        "select * from '/etc/passwd'",
        "select * from 'lake/landing/users.csv'",
    ];
    for sql in statements {
        let ran = project.run(&["sql", "-c", sql]);
        assert_eq!(ran.code, Some(2), "{sql}: {}{}", ran.stdout, ran.stderr);
    }
    assert_eq!(project.lake_files(), before);
    assert!(!project.path("out.csv").exists() && !project.path("out.parquet").exists());
    assert_eq!(project.row("select count(*) from gold.users"), "3");
}

#[test]
fn listings_and_descriptions_come_from_the_files() {
    let project = project();
    let listed = project.ok(&["ls", "-f", "csv"]).stdout;
    let names: Vec<&str> = listed
        .lines()
        .skip(1)
        .filter_map(|l| l.split(',').next())
        .collect();
    assert_eq!(
        names,
        [
            "bronze._rejects",
            "bronze.users",
            "gold.users",
            "system.deliveries"
        ]
    );
    assert!(listed.contains("Users with what they spent."), "{listed}");
    insta::assert_snapshot!(project.ok(&["ls", "reports", "-f", "csv"]).stdout, @r#"
    report,answers,parameters
    rich,Who spent the most?,"least = 1, country = null"
    "#);
    insta::assert_snapshot!(project.ok(&["describe", "gold.users", "-f", "csv"]).stdout, @r#"
    column,type,storage,description
    user_id,bigint,"dictionary, 37 %",the number
    country,text,"dictionary, 32 %",where from
    spent,"decimal(8,2)","dictionary, 30 %",money
    "#);
    let described = project.ok(&["describe", "gold.users"]).stdout;
    assert!(
        described.contains("Users with what they spent.")
            && described.contains("reads: bronze.users")
    );
    assert!(
        project
            .ok(&["check"])
            .stdout
            .starts_with("passed gold.users: unique: user_id\n")
    );
    assert!(
        project
            .ok(&["snapshots", "-f", "csv"])
            .stdout
            .lines()
            .count()
            == 2
    );
}

#[test]
fn completions_and_json_messages_are_there() {
    let project = project();
    assert!(
        project
            .ok(&["completions", "bash"])
            .stdout
            .contains("complete -F _cinelake")
    );
    let ran = project.run(&[
        "--log-format",
        "json",
        "sql",
        "-c",
        "select nope from gold.users",
    ]);
    let error: serde_json::Value = serde_json::from_str(ran.stderr.trim()).unwrap();
    assert_eq!(error["kind"], "usage");
    assert_eq!(
        error["message"],
        ":1: no column `nope`".trim_start_matches(":1: ")
    );
}

#[test]
fn memory_may_be_small() {
    let project = project();
    let ran = project.ok(&["--memory", "64MiB", "--threads", "1", "sql", "-c", ALL]);
    assert!(
        steady(&ran.stderr).contains("3 rows in [time]"),
        "{}",
        ran.stderr
    );
}

#[test]
fn what_does_not_fit_into_memory_is_asked_again() {
    let project = project();
    // One side of the join, held whole, is larger than the memory.
    let sql = "select count(*) as n, sum(a.value) as sum from generate_series(1, 3000000) as a \
               inner join generate_series(1, 3000000) as b on a.value = b.value";
    let small = [
        "--memory",
        "64MiB",
        "--threads",
        "2",
        "sql",
        "-f",
        "csv",
        "-c",
        sql,
    ];
    let ran = project.ok(&small);
    assert_eq!(ran.stdout, "n,sum\n3000000,4500001500000\n");
    insta::assert_snapshot!(steady(&ran.stderr), @r"
    not enough memory; asking again, on one thread and by sorting, which needs less
    1 row in [time] s
    ");
    let timed = project.ok(&[&small[..], &["--timing"]].concat());
    assert_eq!(timed.stdout, ran.stdout);
    assert!(timed.stderr.contains("asking again"), "{}", timed.stderr);
    // Rows that a join by nested loops holds, dealt out to the threads before.
    let nested = "select count(*) as n from \
        (select k, repeat('x', 2000) as t from \
            (select value % 40000 as k from generate_series(1, 80000) group by 1) as keys) as a \
        inner join generate_series(1, 3) as b \
        on a.k < b.value * 10000 and a.t > cast(b.value as text)";
    let ran = project.ok(&[&small[..small.len() - 1], &[nested]].concat());
    assert_eq!(ran.stdout, "n\n60000\n");
    assert!(ran.stderr.contains("asking again"), "{}", ran.stderr);
    // Joins that DataFusion sorts wrongly are red rather than wrong: a condition
    // beside the keys where a row may lack a partner, floats, and `in`.
    let rows = "(select nullif(value, 0) as v, value % 17 as l, value % 23 as w from generate_series(1, 2000000))";
    let inner = format!(
        "select count(*) as n, sum(aw) as aw, sum(bw) as bw from (select a.w as aw, b.w as bw \
         from {rows} as a inner join (select v + 1 as v, l, w from {rows}) as b on a.v = b.v and a.l < b.l)"
    );
    let small = |sql: &str| {
        project.run(&[
            "-q",
            "--memory",
            "64MiB",
            "--threads",
            "2",
            "sql",
            "-f",
            "csv",
            "-c",
            sql,
        ])
    };
    assert_eq!(small(&inner).stdout, "n,aw,bw\n117647,1294123,1294121\n");
    for red in [
        inner.replace("inner join", "left join"),
        format!(
            "select count(*) from {rows} as a inner join {rows} as b on cast(a.v as double) = cast(b.v as double)"
        ),
        format!("select count(*) from {rows} as a where v in (select v * 2 from {rows})"),
    ] {
        // So many that they do not fit in whatever order they come.
        let red = red.replace("2000000", "6000000");
        let ran = small(&red);
        assert!(
            ran.stderr.contains("needs more memory"),
            "{red}: {}",
            ran.stderr
        );
    }
    // Nothing helps an array that is larger than the memory.
    let never =
        "select array_agg(value order by value) as all from generate_series(1, 30000000) as a";
    let ran = project.run(&["--memory", "64MiB", "sql", "-c", never]);
    insta::assert_snapshot!(steady(&ran.stderr), @r"
    not enough memory; asking again, on one thread and by sorting, which needs less
    error: the query needs more memory than it may use
    hint: give more with `--memory`, or ask for fewer rows or groups
    ");
}

#[test]
fn a_reader_that_stops_listening_is_no_error() {
    let project = project();
    for format in ["csv", "tsv", "json", "ndjson", "markdown", "table", "arrow"] {
        let sql =
            "select value, 'some text to fill the pipe' as filler from generate_series(1, 200000)";
        let mut child = project
            .command(&["-q", "sql", "-f", format, "-c", sql])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let ran = project.ran(child.wait_with_output().unwrap());
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{format}");
    }
}

#[test]
fn nulls_in_the_partition_column_are_counted_and_found() {
    let project = Project::of(&[
        (
            "bronze/users.toml",
            "files = \"users*\"\n[columns]\nuser_id = { type = \"bigint\", required = true }\njoined = \"date\"\n",
        ),
        (
            "gold/joins.sql",
            "-- Joins.\n--\n-- partition_by: month\nselect user_id, \
             cast(date_trunc('month', joined) as date) as month from bronze.users",
        ),
    ]);
    project.deliver("users.csv", "user_id,joined\n1,2024-01-05\n2,\n3,\n");
    project.ok(&["refresh"]);
    assert_eq!(
        project.row("select count(*), count(month), count(distinct month) from gold.joins"),
        "3,1,1"
    );
    assert_eq!(
        project
            .rows("select user_id from gold.joins where month is null or user_id = 1 order by 1"),
        ["1", "2", "3"]
    );
}

#[test]
fn results_pass_through_what_is_no_regular_file() {
    let project = project();
    project.write("target.csv", "");
    std::os::unix::fs::symlink(project.path("target.csv"), project.path("link.csv")).unwrap();
    project.ok(&["sql", "-c", ALL, "--output", "link.csv"]);
    assert!(
        project
            .path("link.csv")
            .symlink_metadata()
            .unwrap()
            .is_symlink()
    );
    assert!(
        std::fs::read_to_string(project.path("target.csv"))
            .unwrap()
            .starts_with("user_id,")
    );
}

#[test]
fn timing_tells_each_run_and_shows_the_rows_once() {
    let project = project();
    let ran = project.ok(&[
        "sql",
        "-c",
        "select 1 as one",
        "-f",
        "csv",
        "--timing",
        "--repeat",
        "3",
    ]);
    assert_eq!(ran.stdout, "one\n1\n");
    let words: Vec<String> = ran
        .stderr
        .lines()
        .map(|line| line.replace(|c: char| c.is_ascii_digit(), "0"))
        .collect();
    assert_eq!(words.len(), 3);
    for line in words {
        assert!(
            line.starts_with("0 row: planned in 0.0000 s, ran in 0.0000 s, at most "),
            "{line}"
        );
    }
    let error = project.fails(&["sql", "-c", "select 1", "--repeat", "3"]);
    insta::assert_snapshot!(error, @r"
    exit 2
    error: the following required arguments were not provided:
      --timing

    Usage: cinelake sql --timing --command <SQL> --repeat <TIMES> [FILE]

    For more information, try '--help'.
    ");
    let runs = project.row("select peak_memory > 0 from system.runs");
    assert_eq!(runs, "true");
}

#[test]
fn what_is_published_can_be_read_while_a_model_is_wrong() {
    let project = Project::of(&[("gold/one.sql", "-- One row.\nselect 1 as one")]);
    project.ok(&["refresh"]);
    project.write("queries/gold/two.sql", "-- Two rows.\nselect from where");
    let ran = project.ok(&["sql", "-f", "csv", "-c", "select one from gold.one"]);
    assert_eq!(ran.stdout, "one\n1\n");
    insta::assert_snapshot!(project.fails(&["sql", "a report"]), @r"
    exit 2
    error: queries/gold/two.sql:2: `where` is neither a table nor a CTE of this file
    hint: a table is named by layer and file, such as `silver.where`; layers are `bronze`, `silver`, `gold`
    ");
}
