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
        &format!("{HEADER}1,US,229.84,2024-01-05\n2,DE,5.00,2024-02-07\n3,US,7.00,2024-03-03\n"),
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
    assert_eq!(restated(&project), [""; 0], "the first publish says nothing anew");
    project.deliver(
        "payments_late.csv",
        &format!("{HEADER}4,US,50.00,2024-01-31\n5,DE,1.00,2024-03-04\n"),
    );
    let ran = project.ok(&["refresh"]);
    insta::assert_snapshot!(steady(&ran.stderr), @"");
    insta::assert_snapshot!(restated(&project).join("\n"), @"");
}

#[test]
fn what_changes_in_the_open_month_is_no_restatement() {
    let project = project();
    project.deliver(
        "payments_new.csv",
        &format!("{HEADER}4,US,50.00,2024-03-31\n5,US,9.00,2024-04-01\n"),
    );
    project.ok(&["refresh"]);
    assert_eq!(restated(&project), [""; 0]);
    // Now March is over.
    project.deliver("payments_late.csv", &format!("{HEADER}6,US,3.00,2024-03-31\n"));
    project.ok(&["refresh"]);
    insta::assert_snapshot!(restated(&project).join("\n"), @"");
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
        &format!("{HEADER}1,US,229.84,2024-01-05\n2,DE,6.00,2024-02-07\n3,US,7.00,2024-03-03\n"),
    );
    project.ok(&["refresh"]);
    project.ok(&["rollback"]);
    insta::assert_snapshot!(restated(&project).join("\n"), @"");
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
    assert_eq!(older.stdout.lines().nth(1), Some("3"));
}

#[test]
fn a_branch_restates_when_it_is_published() {
    let project = project();
    project.deliver("payments_late.csv", &format!("{HEADER}4,US,50.00,2024-01-31\n"));
    project.ok(&["refresh", "--branch", "late"]);
    assert_eq!(restated(&project), [""; 0]);
    project.ok(&["publish", "late"]);
    insta::assert_snapshot!(restated(&project).join("\n"), @"");
}

#[test]
fn a_table_with_many_changed_rows_tells_how_many() {
    let project = project();
    let rows: String = (0..300)
        .map(|i| format!("{},C{i},1.00,2024-01-{:02}\n", 100 + i, 1 + i % 28))
        .collect();
    project.deliver("payments_late.csv", &format!("{HEADER}{rows}"));
    project.ok(&["refresh"]);
    insta::assert_snapshot!(restated(&project).join("\n"), @"");
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
        @""
    );
    let restated = ran.stderr.lines().filter(|line| line.starts_with("restated"));
    insta::assert_snapshot!(restated.collect::<Vec<_>>().join("\n"), @"");
    let diff = project.ok(&["diff", "--limit", "5"]);
    assert!(diff.stdout.contains("raw_payments_late.csv"), "{}", diff.stdout);
}
