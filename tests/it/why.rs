//! `why`: the files and lines behind a number, and no others.

use std::collections::BTreeSet;

use crate::support::{Project, real_data};

const FILES: &[(&str, &str)] = &[
    (
        "bronze/users.toml",
        "files = \"users*\"\nkey = [\"user_id\"]\nversion_by = \"changed_on\"\n[columns]\n\
         user_id = { type = \"bigint\", required = true }\ncountry = \"text\"\nchanged_on = \"date\"\n",
    ),
    (
        "bronze/payments.toml",
        "files = \"payments*\"\n[columns]\npayment_id = { type = \"bigint\", required = true }\n\
         user_id = { type = \"bigint\", required = true }\n\
         amount = { type = \"decimal(12,2)\", required = true }\n\
         paid_on = { type = \"date\", required = true }\nstatus = \"text\"\n",
    ),
    (
        "bronze/refunds.toml",
        "files = \"refunds*\"\n[columns]\nuser_id = { type = \"bigint\", required = true }\n\
         amount = { type = \"decimal(12,2)\", required = true }\n\
         paid_on = { type = \"date\", required = true }\n",
    ),
    (
        "silver/users.sql",
        "-- Users.\n--\n-- grain: user_id\nselect user_id, country from bronze.users where _current",
    ),
    (
        "silver/test_users.sql",
        "-- Accounts of ours.\n--\n-- grain: user_id\nselect user_id from silver.users where country = 'XX'",
    ),
    (
        "silver/payments.sql",
        "-- Payments.\n--\n-- grain: payment_id\n\
         select payment_id, user_id, amount, cast(date_trunc('month', paid_on) as date) as month, status\n\
         from bronze.payments\nwhere user_id not in (select user_id from silver.test_users)",
    ),
    (
        "silver/as_of.sql",
        "-- The latest day.\nselect max(paid_on) as as_of from bronze.payments",
    ),
    (
        "gold/revenue.sql",
        "-- Revenue by country and month.\n--\n-- grain: country, month\n\
         select\n    users.country,\n    payments.month,\n\
         \x20   sum(payments.amount) filter (where payments.status = 'ok') as revenue,\n\
         \x20   sum(case when payments.status = 'failed' then payments.amount else 0 end) as failed,\n\
         \x20   count(*) as attempts\n\
         from silver.payments\ninner join silver.users on payments.user_id = users.user_id\n\
         cross join silver.as_of\nwhere payments.month <= as_of.as_of\n\
         group by users.country, payments.month",
    ),
    (
        "gold/cash.sql",
        "-- Money in and out by month.\n--\n-- grain: month\n\
         select month, sum(amount) as cash\nfrom (\n\
         \x20   select month, amount from silver.payments where status = 'ok'\n    union all\n\
         \x20   select cast(date_trunc('month', paid_on) as date) as month, -amount as amount from bronze.refunds\n\
         ) as moved\ngroup by month",
    ),
    (
        "gold/growth.sql",
        "-- Growth by month: a view over a mart.\n--\n-- materialized: view\n-- grain: month\n\
         select month, cash, cash - lag(cash) over (order by month) as growth from gold.cash",
    ),
    (
        "gold/best.sql",
        "-- The country with the most revenue in each month; without a grain.\n\
         with ranked as (\n    select country, month, revenue,\n\
         \x20       row_number() over (partition by month order by revenue desc nulls last, country) as place\n\
         \x20   from gold.revenue\n)\n\
         select ranked.month, ranked.country, ranked.revenue, totals.payers\nfrom ranked\n\
         left join (select month, count(distinct user_id) as payers from silver.payments group by month) as totals\n\
         \x20   on ranked.month = totals.month\nwhere place = 1",
    ),
    (
        "gold/figures.sql",
        "-- Figures, one a row.\n--\n-- grain: figure\n\
         select 'silent users' as figure, count(*) as value\nfrom silver.users\n\
         left anti join silver.payments on users.user_id = payments.user_id\nunion all\n\
         select 'top two' as figure, sum(paid) as value\nfrom (\n\
         \x20   select user_id, sum(amount) as paid from silver.payments\n\
         \x20   group by user_id order by paid desc, user_id limit 2\n) as top",
    ),
    (
        "reports/revenue_by_month.sql",
        "-- Revenue by month.\nselect month, sum(revenue) as revenue from gold.revenue group by month",
    ),
];

const USERS: &str = "user_id,country,changed_on\n1,US,2023-01-01\n2,DE,2023-01-01\n3,US,2023-01-01\n\
                     4,FR,2023-01-01\n2,FR,2022-01-01\n99,XX,2023-01-01\n";
const PAYMENTS: &str = "payment_id,user_id,amount,paid_on,status\n1,1,9.99,2023-01-05,ok\n\
                        2,2,5.00,2023-01-09,ok\n3,3,7.00,2023-01-31,failed\n4,1,9.99,2023-02-05,ok\n\
                        5,99,100.00,2023-01-06,ok\n6,3,7.00,2023-01-30,ok\n7,3,seven,2023-01-29,ok\n\
                        8,1,eight,2023-02-28,ok\n9,2,2.50,2023-01-10,\n";
const REFUNDS: &str = "user_id,amount,paid_on\n1,1.00,2023-01-20\n2,5.00,2023-02-10\n";

fn project() -> Project {
    let project = Project::of(FILES);
    project.deliver("users.csv", USERS);
    project.deliver("payments.csv", PAYMENTS);
    project.deliver("refunds.csv", REFUNDS);
    project.ok(&["refresh"]);
    project
}

/// `role source:line` of each line listed, and what was said besides.
fn why(project: &Project, args: &[&str]) -> (Vec<String>, String) {
    let ran = project.ok(&[&["why", "-f", "csv"], args].concat());
    let mut rows = csv::Reader::from_reader(ran.stdout.as_bytes());
    let line = |r: csv::StringRecord| format!("{} {}:{}", &r[0], &r[1], &r[3]);
    (
        rows.records().map(|r| line(r.unwrap())).collect(),
        ran.stderr,
    )
}

fn values(project: &Project, args: &[&str]) -> BTreeSet<String> {
    let (lines, _) = why(project, args);
    let values = lines.iter().filter_map(|l| l.strip_prefix("value "));
    values.map(str::to_owned).collect()
}

#[test]
fn a_number_is_listed_with_files_lines_and_what_was_rejected() {
    let project = project();
    let ran = project.ok(&[
        "why",
        "gold.revenue",
        "--where",
        "country = 'US' and month = date '2023-01-01'",
        "--column",
        "revenue",
    ]);
    insta::assert_snapshot!(ran.stdout, @r#"
    ┌──────────┬──────────┬──────────────┬──────┬─────────────────────────────────────────────────────────────────────────────────┬────────────────────────────────────────────────────────┐
    │ role     ┆ source   ┆ file         ┆ line ┆ row                                                                             ┆ via                                                    │
    ╞══════════╪══════════╪══════════════╪══════╪═════════════════════════════════════════════════════════════════════════════════╪════════════════════════════════════════════════════════╡
    │ value    ┆ payments ┆ payments.csv ┆    2 ┆ {"payment_id":1,"user_id":1,"amount":9.99,"paid_on":"2023-01-05","status":"ok"} ┆ silver.payments > gold.revenue                         │
    │ value    ┆ payments ┆ payments.csv ┆    7 ┆ {"payment_id":6,"user_id":3,"amount":7.00,"paid_on":"2023-01-30","status":"ok"} ┆ silver.payments > gold.revenue                         │
    │ filter   ┆ users    ┆ users.csv    ┆    2 ┆ {"user_id":1,"country":"US","changed_on":"2023-01-01"}                          ┆ silver.users > gold.revenue                            │
    │ filter   ┆ users    ┆ users.csv    ┆    4 ┆ {"user_id":3,"country":"US","changed_on":"2023-01-01"}                          ┆ silver.users > gold.revenue                            │
    │ rejected ┆ payments ┆ payments.csv ┆    8 ┆ 7,3,seven,2023-01-29,ok                                                         ┆ column `amount`: expected decimal(12,2), found `seven` │
    └──────────┴──────────┴──────────────┴──────┴─────────────────────────────────────────────────────────────────────────────────┴────────────────────────────────────────────────────────┘
    "#);
    insta::assert_snapshot!(ran.stderr, @r#"
    `revenue` in 1 row of gold.revenue:
      computed from 2 rows of bronze.payments
      selected by 2 rows of bronze.users
    passed: silver.payments (2 rows), silver.users (2 rows)
    read whole: silver.as_of
    by absence: silver.payments leaves out what silver.test_users holds
    1 rejected line of these sources may have counted: the text holds a value of `--where`
    1 more rejected line of payments may have counted, nothing tells: `cinelake rejects --source payments`
    "#);
}

#[test]
fn one_row_answers_as_json() {
    let project = project();
    let args = [
        "why",
        "gold.cash",
        "--where",
        "month = date '2023-02-01'",
        "-f",
        "json",
    ];
    insta::assert_snapshot!(project.ok(&args).stdout, @r#"[{"role":"value","source":"payments","file":"payments.csv","line":5,"row":"{\"payment_id\":4,\"user_id\":1,\"amount\":9.99,\"paid_on\":\"2023-02-05\",\"status\":\"ok\"}","via":"silver.payments > gold.cash"},{"role":"value","source":"refunds","file":"refunds.csv","line":3,"row":"{\"user_id\":2,\"amount\":5.00,\"paid_on\":\"2023-02-10\"}","via":"gold.cash"},{"role":"rejected","source":"payments","file":"payments.csv","line":9,"row":"8,1,eight,2023-02-28,ok","via":"column `amount`: expected decimal(12,2), found `eight`"}]"#);
}

/// The strong one: taking a listed line out of its file changes the number,
/// taking out any other line of that source does not.
#[test]
fn the_listed_lines_and_no_others_make_the_number() {
    let project = project();
    let questions = [
        (
            "gold.revenue",
            "country = 'US' and month = date '2023-01-01'",
            "revenue",
        ),
        (
            "gold.revenue",
            "country = 'US' and month = date '2023-01-01'",
            "failed",
        ),
        (
            "gold.revenue",
            "country = 'DE' and month = date '2023-01-01'",
            "attempts",
        ),
        ("gold.cash", "month = date '2023-01-01'", "cash"),
        ("gold.cash", "month = date '2023-02-01'", "cash"),
        ("gold.growth", "month = date '2023-01-01'", "cash"),
        ("gold.best", "month = date '2023-01-01'", "revenue"),
        ("gold.figures", "figure = 'top two'", "value"),
    ];
    let number = |(table, condition, column): &(&str, &str, &str)| {
        project.rows(&format!("select {column} from {table} where {condition}"))
    };
    let before: Vec<Vec<String>> = questions.iter().map(number).collect();
    let mut changed_by: Vec<BTreeSet<String>> = vec![BTreeSet::new(); questions.len()];
    for (source, text) in [("payments", PAYMENTS), ("refunds", REFUNDS)] {
        let lines: Vec<&str> = text.lines().collect();
        for gone in 1..lines.len() {
            let kept: Vec<&str> = (0..lines.len())
                .filter(|i| *i != gone)
                .map(|i| lines[i])
                .collect();
            project.deliver(&format!("{source}.csv"), kept.join("\n"));
            project.ok(&["refresh"]);
            for (i, question) in questions.iter().enumerate() {
                if number(question) != before[i] {
                    changed_by[i].insert(format!("{source}:{}", gone + 1));
                }
            }
        }
        project.deliver(&format!("{source}.csv"), text);
        project.ok(&["refresh"]);
    }
    for ((table, condition, column), changed_by) in questions.iter().zip(changed_by) {
        let listed = values(&project, &[table, "--where", condition, "--column", column]);
        assert!(!listed.is_empty(), "{table}.{column}");
        assert_eq!(listed, changed_by, "{table}.{column} where {condition}");
    }
}

#[test]
fn a_view_is_followed_and_its_window_is_named() {
    let project = project();
    let args = [
        "gold.growth",
        "--where",
        "month = date '2023-02-01'",
        "--column",
        "growth",
    ];
    let (lines, said) = why(&project, &args);
    assert_eq!(
        lines,
        ["value payments:5", "value refunds:3", "rejected payments:9"]
    );
    insta::assert_snapshot!(said, @r#"
    `growth` in 1 row of gold.growth:
      computed from 1 row of bronze.payments
      computed from 1 row of bronze.refunds
    passed: gold.cash (1 row), silver.payments (1 row)
    by absence: silver.payments leaves out what silver.test_users holds
    not listed: rows with which a window function of gold.growth compares these
    1 rejected line of these sources may have counted: the text holds a value of `--where`
    1 more rejected line of payments may have counted, nothing tells: `cinelake rejects --source payments`
    "#);
}

#[test]
fn what_counts_by_absence_is_said() {
    let project = project();
    let (lines, said) = why(
        &project,
        &["gold.figures", "--where", "figure = 'silent users'"],
    );
    // User 4 never paid; what user 99 paid is no customer's payment.
    assert_eq!(lines, ["value users:5", "value users:7"]);
    insta::assert_snapshot!(said, @r#"
    1 row of gold.figures:
      computed from 2 rows of bronze.users
    passed: silver.users (2 rows)
    by absence: gold.figures leaves out what silver.payments holds
    "#);
}

#[test]
fn only_the_version_that_counts_is_listed() {
    let project = project();
    let (lines, _) = why(&project, &["silver.users", "--where", "user_id = 2"]);
    assert_eq!(lines, ["value users:3"]);
}

#[test]
fn landed_rows_are_listed_directly() {
    let project = project();
    let (lines, said) = why(&project, &["bronze.payments", "--where", "amount > 9.5"]);
    assert_eq!(
        lines,
        ["value payments:2", "value payments:5", "value payments:6"]
    );
    insta::assert_snapshot!(said, @r#"
    3 rows of bronze.payments:
      computed from 3 rows of bronze.payments
    2 rejected lines of payments may have counted, nothing tells: `cinelake rejects --source payments`
    "#);
}

#[test]
fn a_limit_lists_fewer_and_says_so() {
    let project = project();
    let ran = project.ok(&["why", "bronze.payments", "--limit", "2", "-f", "csv"]);
    assert_eq!(ran.stdout.lines().count(), 3);
    assert!(
        ran.stderr
            .contains("2 of 7 lines listed: `--limit` lists more"),
        "{}",
        ran.stderr
    );
}

#[test]
fn an_earlier_snapshot_answers_for_itself() {
    let project = project();
    project.deliver(
        "payments_2.csv",
        "payment_id,user_id,amount,paid_on,status\n10,1,1.00,2023-02-07,ok\n",
    );
    project.ok(&["refresh"]);
    let now = ["gold.cash", "--where", "month = date '2023-02-01'"];
    assert_eq!(values(&project, &now).len(), 3);
    let then = [&now[..], &["--at", "1"]].concat();
    assert_eq!(values(&project, &then).len(), 2);
}

#[test]
fn what_changed_without_a_refresh_is_said() {
    let project = project();
    project.deliver(
        "refunds_2.csv",
        "user_id,amount,paid_on\n3,1.00,2023-01-21\n",
    );
    project.ok(&["land"]);
    let (_, said) = why(
        &project,
        &["gold.cash", "--where", "month = date '2023-01-01'"],
    );
    assert!(
        said.contains(
            "warning: gold.cash was built before bronze.refunds changed; refresh, then ask again"
        ),
        "{said}"
    );
}

#[test]
fn mistakes_are_answered_in_one_voice() {
    let project = project();
    let mistakes: &[&[&str]] = &[
        &["gold.revenu"],
        &["revenue"],
        &["revenue_by_month"],
        &["gold.revenue", "--column", "revenues"],
        &["gold.revenue", "--where", "coutry = 'US'"],
        &["gold.revenue", "--where", "country ="],
        &["gold.revenue", "--where", "country = 'JP'"],
        &["gold.revenue", "--at", "9"],
        &["system.runs"],
    ];
    let answers: Vec<String> = mistakes
        .iter()
        .map(|args| project.fails(&[&["why"], *args].concat()))
        .collect();
    insta::assert_snapshot!(answers.join("\n"), @r#"
    exit 2
    error: no table `gold.revenu`
    hint: did you mean `gold.revenue`?

    exit 2
    error: no table `revenue`
    hint: did you mean `gold.revenue`?

    exit 2
    error: `revenue_by_month` is a report, not a table
    hint: ask about a table that it reads: `gold.revenue`

    exit 2
    error: `gold.revenue` has no column `revenues`
    hint: did you mean `revenue`?

    exit 2
    error: `--where coutry = 'US'`: no column `coutry`
    hint: did you mean `country`?

    exit 2
    error: `--where country =`: syntax error: expected an expression, found: )

    exit 2
    error: no row of `gold.revenue` meets `country = 'JP'`
    hint: `cinelake sql -c 'select * from gold.revenue limit 10'` shows what it holds

    exit 2
    error: there is no snapshot 9
    hint: `cinelake snapshots` lists them

    exit 2
    error: no table `system.runs`
    hint: did you mean `system.deliveries`?
    "#);
}

#[test]
fn a_table_built_by_another_text_is_refused_and_one_between_is_named() {
    let project = project();
    let path = project.path("queries/silver/payments.sql");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(
        &path,
        text.replace("select payment_id", "select 1 as one, payment_id"),
    )
    .unwrap();
    insta::assert_snapshot!(project.fails(&["why", "silver.payments"]), @r#"
    exit 2
    error: queries/silver/payments.sql: `silver.payments` was built by another text than its file has now
    hint: refresh first: rows are followed by the text that built them
    "#);
    let (lines, said) = why(
        &project,
        &["gold.cash", "--where", "month = date '2023-02-01'"],
    );
    assert_eq!(lines, ["value refunds:3"]);
    assert!(
        said.contains("warning: silver.payments was built by another text than queries/silver/payments.sql has now"),
        "{said}"
    );
}

#[test]
fn collected_mrr_of_january_is_january_s_payments() {
    let Some(data) = real_data("streamflix") else {
        return;
    };
    let project = Project::warehouse();
    project.deliver_real(&data);
    project.ok(&["refresh"]);
    let january = "month = date '2023-01-01'";
    let listed = values(
        &project,
        &[
            "gold.fct_mrr",
            "--where",
            january,
            "--column",
            "mrr_collected",
        ],
    );
    // Recomputed from the file: successful, in January, not the test account's.
    let text = std::fs::read_to_string(data.join("raw_payments.csv")).unwrap();
    let of_january: BTreeSet<String> = text
        .lines()
        .zip(1..)
        .filter(|(line, _)| {
            line.contains("2023-01") && line.contains("success") && !line.contains(",118,")
        })
        .map(|(_, number)| format!("payments:{number}"))
        .collect();
    assert_eq!(listed.len(), 15);
    assert_eq!(listed, of_january);
    // Another mart comes to the same lines.
    let monthly = values(
        &project,
        &[
            "gold.revenue_monthly",
            "--where",
            january,
            "--column",
            "recognized_revenue",
        ],
    );
    assert_eq!(monthly, listed);
}

#[test]
fn what_no_line_can_be_listed_for_is_told_from_what_has_none() {
    let project = Project::of(&[
        FILES[1],
        (
            "silver/as_of.sql",
            "-- The latest day.\nselect max(paid_on) as as_of from bronze.payments",
        ),
        (
            "gold/today.sql",
            "-- Today.\nselect as_of from silver.as_of",
        ),
        ("gold/one.sql", "-- One.\nselect 1 as n"),
    ]);
    project.deliver(
        "payments.csv",
        "payment_id,user_id,amount,paid_on,status\n1,1,2.00,2024-01-05,ok\n",
    );
    project.ok(&["refresh"]);
    let said = |table: &str| project.ok(&["why", table]).stderr;
    insta::assert_snapshot!(said("gold.today"), @r"
    1 row of gold.today:
      no landed row that can be listed
    read whole: silver.as_of
    ");
    insta::assert_snapshot!(said("gold.one"), @r"
    1 row of gold.one:
      no landed row stands behind it
    ");
}
