//! Money: MRR and its movements, recognized and estimated revenue, lapses,
//! lifetime value. Systems C and B on the real files, traps on invented ones.

use crate::support::{Project, real_data};

fn refreshed(system: &str) -> Option<Project> {
    let data = real_data(system)?;
    let project = Project::warehouse();
    project.deliver_real(&data);
    project.ok(&["refresh"]);
    Some(project)
}

/// A report's rows as CSV without the header.
fn report(project: &Project, args: &[&str]) -> Vec<String> {
    let mut all = vec!["-q", "sql", "-f", "csv"];
    all.extend_from_slice(args);
    let ran = project.ok(&all);
    ran.stdout.lines().skip(1).map(str::to_owned).collect()
}

#[test]
fn mrr_is_made_of_prices_and_not_of_payments() {
    let Some(project) = refreshed("streamflix") else {
        return;
    };
    // In March and April nobody paid; in February user 2 paid twice.
    assert_eq!(
        project.rows(
            "select month, plan, mrr, subscribers, is_partial from gold.mrr_monthly order by month, plan"
        ),
        [
            "2023-01-01,Basic,69.93,7,false",
            "2023-01-01,Premium,79.96,4,false",
            "2023-01-01,Pro,59.96,4,false",
            "2023-02-01,Basic,69.93,7,false",
            "2023-02-01,Premium,79.96,4,false",
            "2023-02-01,Pro,44.97,3,false",
            "2023-03-01,Basic,59.94,6,false",
            "2023-03-01,Premium,79.96,4,false",
            "2023-03-01,Pro,44.97,3,false",
            "2023-04-01,Basic,59.94,6,true",
            "2023-04-01,Premium,79.96,4,true",
            "2023-04-01,Pro,59.96,4,true",
        ]
    );
    assert_eq!(
        project.rows(
            "select month, recognized_revenue, paying_users, arpu, failed_amount, pending_amount \
             from gold.revenue_monthly order by month"
        ),
        [
            "2023-01-01,209.85,15,13.9900,0.00,0.00",
            "2023-02-01,209.85,14,14.9893,29.98,0.00",
        ]
    );
}

#[test]
fn a_change_of_plan_is_contraction_and_a_return_is_reactivation() {
    let Some(project) = refreshed("streamflix") else {
        return;
    };
    // User 2 goes from Pro to Basic in February, user 10 leaves in February,
    // user 6 leaves as Basic in March and returns as Pro in April.
    assert_eq!(
        project.rows(
            "select month, mrr_start, new, expansion, contraction, churn, reactivation, mrr_end, \
             round(100 * gross_mrr_churn_rate, 4), round(100 * net_mrr_churn_rate, 4), is_partial \
             from gold.mrr_movements_monthly order by month"
        ),
        [
            "2023-01-01,0.00,209.85,0.00,0.00,0.00,0.00,209.85,,,false",
            "2023-02-01,209.85,0.00,0.00,5.00,9.99,0.00,194.86,7.1432,7.1432,false",
            "2023-03-01,194.86,0.00,0.00,0.00,9.99,0.00,184.87,5.1268,5.1268,false",
            "2023-04-01,184.87,0.00,0.00,0.00,0.00,14.99,199.86,0.0,-8.1084,true",
        ]
    );
    assert_eq!(
        project.rows(
            "select user_id, month, plan, mrr from gold.mrr_by_user_monthly \
             where user_id in (2, 6, 10) order by user_id, month"
        ),
        [
            "2,2023-01-01,Pro,14.99",
            "2,2023-02-01,Basic,9.99",
            "2,2023-03-01,Basic,9.99",
            "2,2023-04-01,Basic,9.99",
            "6,2023-01-01,Basic,9.99",
            "6,2023-02-01,Basic,9.99",
            "6,2023-04-01,Pro,14.99",
            "10,2023-01-01,Basic,9.99",
        ]
    );
    assert_eq!(
        project.rows(
            "select month, live_users, recognized_revenue, recognized_revenue_to_date \
             from gold.revenue_cohorts order by months_since_start"
        ),
        [
            "2023-01-01,15,209.85,209.85",
            "2023-02-01,14,209.85,419.70",
            "2023-03-01,13,0.00,419.70",
            "2023-04-01,14,0.00,419.70",
        ]
    );
}

#[test]
fn churn_is_not_read_from_payments_that_stop() {
    let Some(project) = refreshed("streamflix") else {
        return;
    };
    assert_eq!(
        report(&project, &["subscription_churn"]),
        [
            "users,2023-01,2023-03,29,2,0.06896551724137931,0.06904761904761905",
            "subscriptions,2023-01,2023-03,29,3,0.10344827586206896,0.10238095238095238",
        ]
    );
    // The return of user 6 makes April's net rate negative; the gross one stays.
    assert_eq!(
        project.row(
            "select subscription_churn_rate, round(100 * net_subscription_churn_rate, 4), resubscribed_users \
             from gold.subscription_churn_monthly where month = date '2023-04-01'"
        ),
        "0.0,-7.6923,1"
    );
    // Lapses end with the last payment: March is not known, rather than 100 %.
    assert_eq!(
        project.rows(
            "select month, payers_before, lapsed, round(100 * payment_lapse_rate, 4), new_payers, payers \
             from gold.payment_lapse_monthly order by month"
        ),
        ["2023-01-01,0,0,,15,15", "2023-02-01,15,1,6.6667,0,14"]
    );
    // Revenue per paying user over the share lost; nobody was at risk in January.
    assert_eq!(
        project.rows(
            "select month, round(ltv_predicted, 4) from gold.ltv_predicted_monthly order by month"
        ),
        ["2023-01-01,", "2023-02-01,224.8393"]
    );
}

#[test]
fn lifetime_values_add_up_in_every_dimension() {
    let Some(project) = refreshed("streamflix") else {
        return;
    };
    assert_eq!(
        report(&project, &["lifetime_value"]),
        [
            "Premium,unstated,4,4,159.92,39.9800",
            "Pro,unstated,4,4,109.92,27.4800",
            "Basic,unstated,7,7,149.86,21.4086",
        ]
    );
    assert_eq!(
        report(
            &project,
            &["lifetime_value", "--param", "dimension=country"]
        ),
        [
            "FR,unstated,2,2,79.96,39.9800",
            "UK,unstated,2,2,69.95,34.9750",
            "CA,unstated,2,2,59.96,29.9800",
            "US,unstated,7,7,169.87,24.2671",
            "DE,unstated,2,2,39.96,19.9800",
        ]
    );
    // Organic would win were user 1 counted twice.
    let channels = report(
        &project,
        &["lifetime_value", "--param", "dimension=marketing_channel"],
    );
    assert_eq!(channels[0], "Social Media,unstated,3,3,99.94,33.3133");
    assert_eq!(channels[1], "Organic,unstated,5,5,149.90,29.9800");
    for table in ["ltv_by_plan", "ltv_by_country", "ltv_by_marketing_channel"] {
        assert_eq!(
            project.row(&format!(
                "select sum(users), sum(lifetime_value) from gold.{table}"
            )),
            "15,419.70",
            "{table}"
        );
    }

    assert_eq!(
        report(
            &project,
            &["users_created_since", "--param", "since=2023-01-01"]
        ),
        ["2023-01-01,15"]
    );
    assert_eq!(
        report(
            &project,
            &["users_created_since", "--param", "since=2023-01-10"]
        ),
        ["2023-01-10,6"]
    );
    // Payment 218 was retried the next day, 226 never was.
    assert_eq!(
        report(&project, &["failed_payments"]),
        [
            "226,2023-02-10,110,10,Basic,9.99,unstated,,",
            "218,2023-02-03,103,3,Premium,19.99,unstated,,2023-02-04",
        ]
    );
}

#[test]
fn only_completed_payments_are_revenue() {
    let Some(project) = refreshed("movie_streaming") else {
        return;
    };
    assert_eq!(
        project.row(
            "select count(*), sum(recognized_revenue), sum(failed_amount), sum(pending_amount), \
             sum(completed_payments), sum(failed_payments), sum(pending_payments), sum(total_payments) \
             from gold.mart_subscription_revenue_monthly"
        ),
        "2792,103350000.00,101050000.00,97550000.00,1015,1011,974,3000"
    );
    assert_eq!(
        project.row(
            "select count(*), sum(recognized_revenue), sum(failed_amount), sum(pending_amount) \
             from gold.revenue_monthly"
        ),
        "21,103350000.00,101050000.00,97550000.00"
    );
    assert_eq!(
        project.row(
            "select recognized_revenue, paying_users, arpu from gold.revenue_monthly \
             where month = date '2024-12-01'"
        ),
        "6000000.00,60,100000.0000"
    );
    // Also what was paid before the subscription began is in the cohorts.
    assert_eq!(
        project.row(
            "select sum(recognized_revenue_to_date) from gold.revenue_cohorts \
             where month = date '2025-09-01'"
        ),
        "103350000.00"
    );
    assert_eq!(
        project.rows(
            "select month, plan, mrr, subscribers from gold.mrr_monthly \
             where month in (date '2024-12-01', date '2025-08-01', date '2025-09-01') order by month, plan"
        ),
        [
            "2024-12-01,Basic,4400000.00,88",
            "2024-12-01,Premium,16350000.00,109",
            "2024-12-01,Standard,9800000.00,98",
            "2025-08-01,Basic,5650000.00,113",
            "2025-08-01,Premium,17400000.00,116",
            "2025-08-01,Standard,9900000.00,99",
            "2025-09-01,Basic,5600000.00,112",
            "2025-09-01,Premium,15750000.00,105",
            "2025-09-01,Standard,10400000.00,104",
        ]
    );
    assert_eq!(
        report(&project, &["top_plan_by_revenue"]),
        [
            "1,Premium,unstated,150000.00,354,53100000.00,54900000.00",
            "2,Standard,unstated,100000.00,325,32500000.00,32000000.00",
            "3,Basic,unstated,50000.00,321,16050000.00,16450000.00",
        ]
    );
    // A plan's month is one day on it; MRR looks at the last day.
    assert_eq!(
        report(
            &project,
            &[
                "estimated_revenue_by_plan",
                "--param",
                "plan=Premium",
                "--param",
                "since=2025-09-01"
            ]
        ),
        [project.row(
            "select '2025-09', 'Premium', 'unstated', true, cast(150000 as decimal(12,2)), count(*), \
             cast(150000 * count(*) as decimal(22,2)) from bronze.subscriptions \
             where plan_type = 'Premium' and cast(end_date as date) > date '2025-09-01'"
        )]
    );
}

#[test]
fn payment_lapses_are_not_constant() {
    let Some(project) = refreshed("movie_streaming") else {
        return;
    };
    assert_eq!(
        project.row(
            "select count(*), count(distinct payment_lapse_rate), sum(lapsed), sum(new_payers) \
             from gold.payment_lapse_monthly"
        ),
        "21,17,926,639"
    );
    assert_eq!(
        project.rows(
            "select month, payers_before, lapsed, round(100 * payment_lapse_rate, 4), new_payers, \
             returned_payers, payers, is_partial from gold.payment_lapse_monthly \
             where month in (date '2024-02-01', date '2024-12-01', date '2025-09-01') order by month"
        ),
        [
            "2024-02-01,54,50,92.5926,52,0,56,false",
            "2024-12-01,50,45,90.0,34,21,60,false",
            "2025-09-01,53,52,98.1132,7,15,23,true",
        ]
    );
    // First payments are the first of the whole history.
    assert_eq!(
        project.row("select count(distinct user_id) from silver.payments where is_successful"),
        "639"
    );
}

#[test]
fn payments_outside_their_subscription_are_flagged_and_counted() {
    let Some(project) = refreshed("movie_streaming") else {
        return;
    };
    // By the clock: one of the 1,546 came on the very day, before the hour.
    assert_eq!(
        project.row(
            "select count(*), count(*) filter (where is_before_start), count(*) filter (where is_after_end) \
             from gold.fact_payments"
        ),
        "3000,1546,708"
    );
}

#[test]
fn estimated_revenue_is_list_price_times_users() {
    let project = Project::warehouse();
    project.deliver(
        "subscription_plan.csv",
        "subscription_plan_id,subscription_plan,subscription_price,currency_code\n\
         1,Bronze,3.99,USD\n2,Silver,5.99,USD\n3,Gold,11.99,USD\n4,Unsold,1.00,USD\n",
    );
    let mut users =
        "id_user,first_name,last_name,subscription_plan,subscription_start_date\n".to_owned();
    for id in 1..=210 {
        let plan = match id {
            1..=77 => 1,
            78..=152 => 2,
            _ => 3,
        };
        users.push_str(&format!("{id},A,B,{plan},2024-01-10\n"));
    }
    project.deliver("users.csv", users);
    project.ok(&["refresh"]);
    assert_eq!(
        project.rows(
            "select plan, currency, subscribers, estimated_plan_revenue \
             from gold.estimated_plan_revenue order by plan"
        ),
        [
            "Bronze,USD,77,307.23",
            "Gold,USD,58,695.42",
            "Silver,USD,75,449.25",
            "Unsold,USD,0,0.00",
        ]
    );
    assert_eq!(
        project.row(
            "select sum(estimated_plan_revenue), min(is_partial) from gold.estimated_plan_revenue_monthly"
        ),
        "1451.90,true"
    );
}

#[test]
fn currencies_are_never_added() {
    let project = Project::warehouse();
    project.deliver(
        "plans.csv",
        "plan,price,currency\nBasic,10,USD\nPro,15,USD\nEuro,7,EUR\n",
    );
    project.deliver(
        "users.csv",
        "user_id,created_at,country\n1,2024-01-01,DE\n2,2024-01-01,DE\n3,2024-01-01,US\n",
    );
    project.deliver(
        "subscriptions.csv",
        "subscription_id,user_id,plan_type,start_date,end_date,status\n\
         1,1,Basic,2024-01-01,2024-02-10,cancelled\n\
         2,1,Euro,2024-02-10,,active\n\
         3,2,Pro,2024-01-31,2024-03-01,cancelled\n",
    );
    project.deliver(
        "payments.csv",
        "payment_id,subscription_id,amount,payment_date,status\n\
         1,1,10,2024-01-05,success\n\
         2,2,7,2024-02-10,success\n\
         3,3,15,2024-01-31,success\n\
         4,3,15,2024-03-31,failed\n",
    );
    project.ok(&["refresh"]);
    assert_eq!(
        project.rows(
            "select month, currency, mrr_start, new, churn, mrr_end \
             from gold.mrr_movements_monthly order by month, currency"
        ),
        [
            "2024-01-01,USD,0.00,25.00,0.00,25.00",
            "2024-02-01,EUR,0.00,7.00,0.00,7.00",
            "2024-02-01,USD,25.00,0.00,10.00,15.00",
            "2024-03-01,EUR,7.00,0.00,0.00,7.00",
            "2024-03-01,USD,15.00,0.00,15.00,0.00",
        ]
    );
    // Changing currency is no churn of the user.
    assert_eq!(
        project.row(
            "select churned_users, subscriptions_churned from gold.subscription_churn_monthly \
             where month = date '2024-02-01'"
        ),
        "0,1"
    );
    assert_eq!(
        project.rows(
            "select user_id, currency, lifetime_value, successful_payments \
             from gold.dim_users order by user_id"
        ),
        ["1,,,2", "2,USD,15.00,1", "3,,0.00,0"]
    );
    assert_eq!(
        project.rows(
            "select country, currency, users, paying_users, lifetime_value, avg_lifetime_value \
             from gold.ltv_by_country order by country, currency"
        ),
        [
            "DE,EUR,2,1,7.00,3.5000",
            "DE,USD,2,2,25.00,12.5000",
            "US,EUR,1,0,0.00,0.0000",
            "US,USD,1,0,0.00,0.0000",
        ]
    );
    assert_eq!(
        project.rows(
            "select month, currency, recognized_revenue, paying_users, arpu, failed_amount \
             from gold.revenue_monthly order by month, currency"
        ),
        [
            "2024-01-01,USD,25.00,2,12.5000,0.00",
            "2024-02-01,EUR,7.00,1,7.0000,0.00",
            "2024-03-01,USD,0.00,0,,15.00",
        ]
    );
}

#[test]
fn month_ends_returns_and_missing_prices_are_told_apart() {
    let project = Project::warehouse();
    project.deliver(
        "users.csv",
        "user_id,created_at\n1,2023-01-01\n2,2023-01-01\n3,2023-01-01\n4,2023-01-01\n\
         5,2023-01-01\n6,2023-01-01\n7,2023-01-01\n",
    );
    project.deliver(
        "subscriptions.csv",
        "subscription_id,user_id,plan_type,start_date,end_date,price,status\n\
         1,1,Basic,2023-01-05,2023-02-10,10,cancelled\n\
         2,1,Basic,2024-02-10,,10,active\n\
         3,2,Basic,2023-01-05,2023-02-10,10,cancelled\n\
         4,2,Basic,2024-02-11,,10,active\n\
         5,3,Basic,2023-12-01,2024-02-29,10,cancelled\n\
         6,4,Free,2024-01-01,2024-02-01,0,cancelled\n\
         7,4,Pro,2024-02-01,,15,active\n\
         8,5,Gift,2024-02-01,,,active\n\
         9,6,Basic,2023-12-31,2024-03-01,10,cancelled\n\
         10,7,Basic,2024-03-31,,10,active\n",
    );
    project.ok(&["refresh"]);
    // 1 is back 12 months after the end, 2 a day later. 3 ends on the last day
    // of February and is not live on it, 6 a day later and is. 4 pays for the
    // first time in February.
    assert_eq!(
        project.rows(
            "select month, users_at_start, new_users, returned_users, resubscribed_users, churned_users, \
             users_at_end from gold.subscription_churn_monthly where month >= date '2024-02-01' order by month"
        ),
        ["2024-02-01,3,1,2,1,1,5", "2024-03-01,5,1,0,0,1,5"]
    );
    assert_eq!(
        project.rows(
            "select month, mrr_start, new, contraction, churn, reactivation, mrr_end, is_partial \
             from gold.mrr_movements_monthly where month >= date '2024-02-01' order by month"
        ),
        [
            "2024-02-01,20.00,15.00,0.00,10.00,20.00,45.00,false",
            "2024-03-01,45.00,10.00,0.00,10.00,0.00,45.00,false",
        ]
    );
    // A month after everybody left is there, and has no rate.
    assert_eq!(
        project.row(
            "select mrr_start, mrr_end, gross_mrr_churn_rate, net_mrr_churn_rate \
             from gold.mrr_movements_monthly where month = date '2023-06-01'"
        ),
        "0.00,0.00,,"
    );
    // No price is not a price of nothing.
    assert_eq!(
        project.rows(
            "select plan, mrr, subscribers, unpriced_subscriptions from gold.mrr_monthly \
             where month = date '2024-02-01' order by plan"
        ),
        ["Basic,30.00,3,0", "Gift,,1,1", "Pro,15.00,1,0"]
    );
    assert_eq!(
        project.row("select plan, estimated_plan_revenue from gold.estimated_plan_revenue where plan = 'Gift'"),
        "Gift,"
    );
}
