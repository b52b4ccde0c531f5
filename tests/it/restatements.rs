//! Numbers of closed months that a publish changes, and what caused it.

use crate::support::{Project, real_data, steady};

const PAYMENTS: &str = "files = \"payments*\"\npartition_by = { month = \"paid_on\" }\n[columns]\n\
                        payment_id = { type = \"bigint\", required = true }\n\
                        country = { type = \"text\", required = true }\n\
                        amount = { type = \"decimal(12,2)\", required = true }\n\
                        paid_on = { type = \"date\", required = true }\n";
const REVENUE: &str = "-- Revenue by month.\n--\n-- grain: month\n\
    select month, sum(amount) as revenue, count(*) as payments from bronze.payments group by month";
const HEADER: &str = "payment_id,country,amount,paid_on\n";

/// Payments of January to March 2024, in which March is not over.
fn project() -> Project {
    let project = Project::of(&[
        ("bronze/payments.toml", PAYMENTS),
        (
            "silver/as_of.sql",
            "-- The day that counts.\nselect max(paid_on) as as_of from bronze.payments",
        ),
        ("gold/revenue.sql", REVENUE),
        (
            "gold/revenue_by_country.sql",
            "-- Revenue by month and country.\n--\n-- grain: month, country\n-- partition_by: month\n\
             select month, country, sum(amount) as revenue from bronze.payments group by month, country",
        ),
    ]);
    project.deliver(
        "payments.csv",
        format!("{HEADER}1,US,229.84,2024-01-05\n2,DE,5.00,2024-02-07\n3,US,7.00,2024-03-03\n"),
    );
    project.ok(&["refresh"]);
    project
}

/// What was restated, without times.
fn restated(project: &Project) -> Vec<String> {
    project.rows(
        "select snapshot, table_name, month, row, metric, before, after, rows, causes \
         from system.restatements order by 1, 2, 3, 4, 5",
    )
}

#[test]
fn a_late_payment_restates_its_month_and_names_its_line() {
    let project = project();
    assert_eq!(
        restated(&project),
        [""; 0],
        "the first publish says nothing anew"
    );
    project.deliver(
        "payments_late.csv",
        format!("{HEADER}4,US,50.00,2024-01-31\n5,DE,1.00,2024-03-04\n"),
    );
    let ran = project.ok(&["refresh"]);
    insta::assert_snapshot!(steady(&ran.stderr), @r#"
    landed payments_late.csv as bronze.payments: 2 rows
    built gold.revenue: 3 rows in [time] s
    built gold.revenue_by_country: 2 of 3 partitions, 3 rows in [time] s
    built silver.as_of: 1 row in [time] s
    published snapshot 2: 5 tables changed, 5 checks made
    restated: gold.revenue, 2024-01-01: revenue 229.84 -> 279.84 (payments_late.csv, lines 2, 3)
    restated: gold.revenue, 2024-01-01: payments 1 -> 2 (payments_late.csv, lines 2, 3)
    restated: gold.revenue_by_country, 2024-01-01 {"country":"US"}: revenue 229.84 -> 279.84 (payments_late.csv, lines 2, 3)
    "#);
    insta::assert_snapshot!(restated(&project).join("\n"), @r#"
    2,gold.revenue,2024-01-01,,payments,1,2,1,"payments_late.csv, lines 2, 3"
    2,gold.revenue,2024-01-01,,revenue,229.84,279.84,1,"payments_late.csv, lines 2, 3"
    2,gold.revenue_by_country,2024-01-01,"{""country"":""US""}",revenue,229.84,279.84,1,"payments_late.csv, lines 2, 3"
    "#);
}

#[test]
fn what_changes_in_the_open_month_is_no_restatement() {
    let project = project();
    project.deliver(
        "payments_new.csv",
        format!("{HEADER}4,US,50.00,2024-03-31\n5,US,9.00,2024-04-01\n"),
    );
    project.ok(&["refresh"]);
    assert_eq!(restated(&project), [""; 0]);
    // Now March is over.
    project.deliver(
        "payments_late.csv",
        format!("{HEADER}6,US,3.00,2024-03-31\n"),
    );
    project.ok(&["refresh"]);
    insta::assert_snapshot!(restated(&project).join("\n"), @r#"
    3,gold.revenue,2024-03-01,,payments,2,3,1,"payments_late.csv, line 2"
    3,gold.revenue,2024-03-01,,revenue,57.00,60.00,1,"payments_late.csv, line 2"
    3,gold.revenue_by_country,2024-03-01,"{""country"":""US""}",revenue,57.00,60.00,1,"payments_late.csv, line 2"
    "#);
}

#[test]
fn a_changed_model_a_replaced_file_and_a_rollback_are_causes() {
    let project = project();
    project.write(
        "queries/gold/revenue.sql",
        &REVENUE.replace("sum(amount)", "2 * sum(amount)"),
    );
    project.ok(&["refresh"]);
    project.deliver(
        "payments.csv",
        format!("{HEADER}1,US,229.84,2024-01-05\n2,DE,6.00,2024-02-07\n3,US,7.00,2024-03-03\n"),
    );
    project.ok(&["refresh"]);
    project.ok(&["rollback"]);
    insta::assert_snapshot!(restated(&project).join("\n"), @r#"
    2,gold.revenue,2024-01-01,,revenue,229.84,459.68,1,"queries/gold/revenue.sql, changed"
    2,gold.revenue,2024-02-01,,revenue,5.00,10.00,1,"queries/gold/revenue.sql, changed"
    3,gold.revenue,2024-02-01,,revenue,10.00,12.00,1,"payments.csv, replaced, line 3"
    3,gold.revenue_by_country,2024-02-01,"{""country"":""DE""}",revenue,5.00,6.00,1,"payments.csv, replaced, line 3"
    4,gold.revenue,2024-02-01,,revenue,12.00,10.00,1,"payments.csv, replaced, line 3"
    4,gold.revenue_by_country,2024-02-01,"{""country"":""DE""}",revenue,6.00,5.00,1,"payments.csv, replaced, line 3"
    "#);
    // A reader of an older snapshot sees what was known then.
    let older = project.ok(&[
        "-q",
        "sql",
        "--at",
        "2",
        "-c",
        "select count(*) from system.restatements",
        "-f",
        "csv",
    ]);
    assert_eq!(older.stdout.lines().nth(1), Some("2"));
}

#[test]
fn a_branch_restates_when_it_is_published() {
    let project = project();
    project.deliver(
        "payments_late.csv",
        format!("{HEADER}4,US,50.00,2024-01-31\n"),
    );
    project.ok(&["refresh", "--branch", "late"]);
    assert_eq!(restated(&project), [""; 0]);
    project.ok(&["publish", "late"]);
    insta::assert_snapshot!(restated(&project).join("\n"), @r#"
    3,gold.revenue,2024-01-01,,payments,1,2,1,"payments_late.csv, line 2"
    3,gold.revenue,2024-01-01,,revenue,229.84,279.84,1,"payments_late.csv, line 2"
    3,gold.revenue_by_country,2024-01-01,"{""country"":""US""}",revenue,229.84,279.84,1,"payments_late.csv, line 2"
    "#);
}

#[test]
fn a_table_with_many_changed_rows_tells_how_many() {
    let project = project();
    let rows: String = (0..300)
        .map(|i| format!("{},C{i},1.00,2024-01-{:02}\n", 100 + i, 1 + i % 28))
        .collect();
    project.deliver("payments_late.csv", format!("{HEADER}{rows}"));
    project.ok(&["refresh"]);
    insta::assert_snapshot!(restated(&project).join("\n"), @r#"
    2,gold.revenue,2024-01-01,,payments,1,301,1,"payments_late.csv, 300 rows"
    2,gold.revenue,2024-01-01,,revenue,229.84,529.84,1,"payments_late.csv, 300 rows"
    2,gold.revenue_by_country,2024-01-01,,,,,300,"payments_late.csv, 300 rows"
    "#);
}

#[test]
fn a_late_payment_of_streamflix_restates_january() {
    let Some(data) = real_data("streamflix") else {
        return;
    };
    let project = Project::warehouse();
    project.deliver_real(&data);
    project.ok(&["refresh"]);
    let january = "select recognized_revenue from gold.revenue_monthly where month = '2023-01-01'";
    assert_eq!(project.row(january), "209.85");
    project.deliver(
        "raw_payments_late.csv",
        "payment_id,subscription_id,amount,payment_date,status\n234,101,50.00,2023-01-31,success\n",
    );
    let ran = project.ok(&["refresh"]);
    assert_eq!(project.row(january), "259.85");
    insta::assert_snapshot!(
        project
            .rows(
                "select table_name, month, row, metric, before, after, causes \
                 from system.restatements \
                 where table_name in ('gold.fct_mrr', 'gold.revenue_monthly') order by 1, 2, 3, 4"
            )
            .join("\n"),
        @r#"
    gold.fct_mrr,2023-01-01,"{""currency"":""unstated"",""user_id"":""1""}",mrr_collected,9.99,59.99,"raw_payments_late.csv, line 2"
    gold.fct_mrr,2023-01-01,"{""currency"":""unstated"",""user_id"":""1""}",successful_payments,1,2,"raw_payments_late.csv, line 2"
    gold.revenue_monthly,2023-01-01,"{""currency"":""unstated""}",arpu,13.9900,17.3233,"raw_payments_late.csv, line 2"
    gold.revenue_monthly,2023-01-01,"{""currency"":""unstated""}",completed_payments,15,16,"raw_payments_late.csv, line 2"
    gold.revenue_monthly,2023-01-01,"{""currency"":""unstated""}",recognized_revenue,209.85,259.85,"raw_payments_late.csv, line 2"
    gold.revenue_monthly,2023-01-01,"{""currency"":""unstated""}",total_payments,15,16,"raw_payments_late.csv, line 2"
    "#
    );
    let restated = ran
        .stderr
        .lines()
        .filter(|line| line.starts_with("restated"));
    insta::assert_snapshot!(restated.collect::<Vec<_>>().join("\n"), @r#"
    restated: gold.ltv_predicted_monthly, 2023-01-01 {"currency":"unstated"}: arpu 13.9900 -> 17.3233 (raw_payments_late.csv, line 2)
    restated: gold.revenue_monthly, 2023-01-01 {"currency":"unstated"}: recognized_revenue 209.85 -> 259.85 (raw_payments_late.csv, line 2)
    restated: gold.revenue_monthly, 2023-01-01 {"currency":"unstated"}: arpu 13.9900 -> 17.3233 (raw_payments_late.csv, line 2)
    restated: gold.revenue_monthly, 2023-01-01 {"currency":"unstated"}: completed_payments 15 -> 16 (raw_payments_late.csv, line 2)
    restated: gold.revenue_monthly, 2023-01-01 {"currency":"unstated"}: total_payments 15 -> 16 (raw_payments_late.csv, line 2)
    restated: 10 more: `cinelake sql -c 'select * from system.restatements where snapshot = 2'`
    "#);
    let diff = project.ok(&["diff", "--limit", "5"]);
    assert!(
        diff.stdout.contains("raw_payments_late.csv"),
        "{}",
        diff.stdout
    );
}
