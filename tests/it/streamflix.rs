//! System C on the real files: MRR, churn, lifetime value.

use crate::support::{Project, real_data};

fn refreshed() -> Option<Project> {
    let data = real_data("streamflix")?;
    let project = Project::warehouse();
    project.deliver_real(&data);
    project.ok(&["refresh"]);
    Some(project)
}

#[test]
fn streamflix_is_right() {
    let Some(project) = refreshed() else { return };

    // Row counts, and where the rest went.
    assert_eq!(project.row("select count(*) from bronze.users"), "17");
    assert_eq!(
        project.row("select count(*) from bronze.users where not _current"),
        "1"
    );
    assert_eq!(project.row("select count(*) from silver.users"), "15");
    assert_eq!(
        project.row("select count(*) from bronze.subscriptions"),
        "18"
    );
    assert_eq!(
        project.row("select count(*) from silver.subscriptions"),
        "17"
    );
    assert_eq!(project.row("select count(*) from bronze.payments"), "33");
    assert_eq!(
        project.row("select count(*), sum(cast(is_successful as int)) from silver.payments"),
        "32,30"
    );
    assert_eq!(project.row("select user_id from silver.test_users"), "999");
    assert_eq!(
        project.row(
            "select sum(rows_in), sum(rows_landed), sum(rows_rejected) from system.deliveries"
        ),
        "68,68,0"
    );
    assert_eq!(project.row("select as_of from silver.as_of"), "2023-04-01");

    // Subscription 110 was cancelled without an end.
    assert_eq!(
        project
            .row("select subscription_id, end_date from silver.subscriptions where is_end_imputed"),
        "110,2023-02-10"
    );

    // dim_users: current subscription, not the latest row, not any cancelled.
    assert_eq!(
        project.rows(
            "select current_subscription_status, count(*) from gold.dim_users group by 1 order by 1"
        ),
        ["active,14", "cancelled,1"]
    );
    assert_eq!(
        project.rows(
            "select user_id, current_subscription_status, current_plan_type, current_subscription_id, \
             subscription_count, lifetime_value, successful_payments \
             from gold.dim_users where user_id in (2, 6, 10) order by 1"
        ),
        ["2,active,Basic,116,2,39.97,3", "6,active,Pro,117,2,19.98,2", "10,cancelled,Basic,110,1,9.99,1"]
    );
    assert_eq!(
        project.row("select sum(lifetime_value) from gold.dim_users"),
        "419.70"
    );

    // fct_mrr: dense, and the equal totals are no accident.
    assert_eq!(
        project.rows(
            "select month, count(*), sum(mrr_collected), count(*) filter (where mrr_collected > 0) \
             from gold.fct_mrr group by 1 order by 1"
        ),
        ["2023-01-01,15,209.85,15", "2023-02-01,15,209.85,14"]
    );
    assert_eq!(
        project.row(
            "select mrr_collected from gold.fct_mrr where user_id = 2 and month = date '2023-02-01'"
        ),
        "24.98"
    );
}

#[test]
fn streamflix_churn_and_channels_are_right() {
    let Some(project) = refreshed() else { return };
    assert_eq!(
        project.rows(
            "select month, users_at_start, churned_users, round(100 * subscription_churn_rate, 4), \
             subscriptions_at_start, subscriptions_churned, is_partial \
             from gold.subscription_churn_monthly order by month"
        ),
        [
            "2023-01-01,0,0,,0,0,false",
            "2023-02-01,15,1,6.6667,15,2,false",
            "2023-03-01,14,1,7.1429,14,1,false",
            "2023-04-01,13,0,0.0,13,0,true",
        ]
    );
    let report = project
        .ok(&["-q", "sql", "-f", "csv", "churn_last_3_months"])
        .stdout;
    let pooled = report.lines().last().unwrap();
    assert!(
        pooled.starts_with("all complete,false,29,2,0.0689"),
        "{report}"
    );

    assert_eq!(
        project.rows(
            "select marketing_channel, users, lifetime_value, avg_lifetime_value \
             from gold.ltv_by_marketing_channel order by avg_lifetime_value desc"
        ),
        [
            "Social Media,3,99.94,33.3133",
            "Organic,5,149.90,29.9800",
            "Referral,3,79.94,26.6467",
            "Paid Search,4,89.92,22.4800",
        ]
    );
    let report = project.ok(&[
        "-q",
        "sql",
        "-f",
        "csv",
        "top_marketing_channel",
        "--param",
        "limit=1",
    ]);
    assert!(report.stdout.contains("Social Media"), "{}", report.stdout);
}

#[test]
fn another_as_of_moves_what_counts_as_today() {
    let Some(project) = refreshed() else { return };
    project.ok(&["refresh", "--as-of", "2023-03-20"]);
    // User 6 has not come back yet.
    assert_eq!(
        project.row("select current_subscription_status from gold.dim_users where user_id = 6"),
        "cancelled"
    );
    assert_eq!(
        project.row("select max(month) from gold.subscription_churn_monthly"),
        "2023-03-01"
    );
    project.ok(&["refresh"]);
    assert_eq!(project.row("select as_of from silver.as_of"), "2023-04-01");
}
