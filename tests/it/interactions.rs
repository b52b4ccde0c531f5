//! System E, who is active and what they use: the boundary cases, each on one
//! invented data set that is looked at on 2024-12-31.

use crate::support::Project;

const CUSTOMERS: &str = "\
customer_id,company_name,registration_date,subscription_plan
1,Acme,2024-01-10,Basic
2,Bolt,2024-01-10,Pro
3,Core,2024-03-01,Basic
4,Dune,2024-01-10,Pro
5,Echo,2024-01-10,
6,Fern,2024-01-10,Basic
7,Gale,2024-01-10,Pro
7,Gale,2024-01-10,Pro
8,Hill,2024-01-10,Pro
9,Iris,2025-01-02,Basic
";

const INTERACTIONS: &str = "\
interaction_id,customer_id,interaction_date,interaction_type,channels,duration_minutes,features_used
i01,1,2024-11-05 09:00:00,Login,Web,10,Dashboard
i02,1,2024-12-01 23:30:00,Report,Web,20,\"Dashboard, Export\"
i03,2,2024-11-30 10:00:00,Login,Mobile,5,Dashboard
i04,3,2024-02-29 10:00:00,Login,Web,5,Export
i05,3,2024-03-01 08:00:00,Login,Web,5,Export
i06,3,2024-12-20 10:00:00,Login,Web,,
i07,4,2024-06-01 10:00:00,Report,Web,30,\"Export,Alerts,Export\"
i08,4,2025-01-03 10:00:00,Report,Web,30,Alerts
i09,5,2024-12-31 23:59:00,Login,Web,1,Dashboard
i10,7,2024-12-05 10:00:00,Login,Web,15,Dashboard
i10,7,2024-12-05 10:00:00,Login,Web,15,Dashboard
i11,8,2025-01-02 10:00:00,Login,Web,15,Dashboard
i12,99,2024-12-05 10:00:00,Login,Web,15,Dashboard
i13,7,2024-12-05 12:00:00,Login,Mobile,5,
";

fn refreshed() -> Project {
    let project = Project::warehouse();
    project.deliver("customers.csv", CUSTOMERS);
    project.deliver("interactions.csv", INTERACTIONS);
    project.ok(&["refresh", "--as-of", "2024-12-31"]);
    project
}

/// What `gold.active_and_inactive_user` says of one user.
fn activity(project: &Project, user: u32) -> String {
    project.row(&format!(
        "select company_name, subscription_plan, total_interactions, last_interaction, \
         days_since_last_activity, activity from gold.active_and_inactive_user \
         where user_id = {user}"
    ))
}

fn report(project: &Project, name: &str, params: &[&str]) -> Vec<String> {
    let mut args = vec!["-q", "sql", "-f", "csv", name];
    for param in params {
        args.extend(["--param", *param]);
    }
    let ran = project.ok(&args);
    ran.stdout.lines().skip(1).map(str::to_owned).collect()
}

#[test]
fn day_30_is_active() {
    let project = refreshed();
    assert_eq!(activity(&project, 1), "Acme,Basic,2,2024-12-01,30,Active");
}

#[test]
fn day_31_is_inactive() {
    let project = refreshed();
    assert_eq!(activity(&project, 2), "Bolt,Pro,1,2024-11-30,31,Inactive");
}

#[test]
fn an_interaction_before_registration_is_rejected_with_its_reason() {
    let project = refreshed();
    // The day of registration itself counts.
    assert_eq!(activity(&project, 3), "Core,Basic,2,2024-12-20,11,Active");
    assert_eq!(
        project.row("select reason from silver.rejected_interactions where interaction_id = 'i04'"),
        "before registration"
    );
    assert_eq!(
        project.row("select count(*) from gold.fact_interactions where interaction_id = 'i04'"),
        "0"
    );
}

#[test]
fn an_interaction_after_as_of_does_not_count() {
    let project = refreshed();
    assert_eq!(activity(&project, 4), "Dune,Pro,1,2024-06-01,213,Inactive");
    assert_eq!(activity(&project, 8), "Hill,Pro,0,,,Inactive");
    assert_eq!(
        project.row(
            "select count(*) from gold.monthly_active_users_by_plan where month > date '2024-12-31'"
        ),
        "0"
    );
    assert_eq!(
        project.row("select count(*) from gold.daily_interactions where day > date '2024-12-31'"),
        "0"
    );
    assert_eq!(
        project.row("select interactions from gold.feature_usage where feature = 'Alerts'"),
        "1"
    );
    // It is a fact all the same, and counts on a later date.
    assert_eq!(
        project
            .row("select count(*) from gold.fact_interactions where date_key > date '2024-12-31'"),
        "2"
    );
    project.ok(&["refresh"]);
    assert_eq!(activity(&project, 4), "Dune,Pro,2,2025-01-03,0,Active");
}

#[test]
fn an_interaction_of_an_unknown_user_is_rejected_with_its_reason() {
    let project = refreshed();
    assert_eq!(
        project.rows(
            "select interaction_id, user_id, reason from silver.rejected_interactions order by 1"
        ),
        ["i04,3,before registration", "i12,99,unknown user"]
    );
    assert_eq!(
        project.row("select count(*) from gold.active_and_inactive_user where user_id = 99"),
        "0"
    );
}

#[test]
fn a_duplicate_interaction_counts_once() {
    let project = refreshed();
    assert_eq!(activity(&project, 7), "Gale,Pro,2,2024-12-05,26,Active");
    assert_eq!(
        project.row("select count(*) from gold.fact_interactions where interaction_id = 'i10'"),
        "1"
    );
}

#[test]
fn a_duplicate_user_row_is_one_user() {
    let project = refreshed();
    assert_eq!(
        project.row("select count(*) from gold.active_and_inactive_user where user_id = 7"),
        "1"
    );
    assert_eq!(
        project.row("select count(*) from bronze.users where user_id = 7"),
        "2"
    );
}

#[test]
fn a_user_without_a_plan_is_kept_as_none() {
    let project = refreshed();
    assert_eq!(activity(&project, 5), "Echo,,1,2024-12-31,0,Active");
    assert_eq!(
        project.rows(
            "select month, users, interactions from gold.monthly_active_users_by_plan \
             where plan = 'none'"
        ),
        ["2024-12-01,1,1"]
    );
}

#[test]
fn a_user_without_any_interaction_is_inactive_and_not_missing() {
    let project = refreshed();
    assert_eq!(activity(&project, 6), "Fern,Basic,0,,,Inactive");
}

#[test]
fn a_user_who_registers_after_as_of_is_not_yet_a_user() {
    let project = refreshed();
    assert_eq!(
        project.row("select count(*), max(user_id) from gold.active_and_inactive_user"),
        "8,8"
    );
}

#[test]
fn landed_interactions_are_counted_or_rejected() {
    let project = refreshed();
    assert_eq!(
        project.row(
            "select (select count(*) from bronze.interactions) as landed, \
             (select count(*) from bronze.interactions where _current) as current, \
             (select count(*) from silver.interactions) as counted, \
             (select count(*) from silver.rejected_interactions) as rejected"
        ),
        "14,13,11,2"
    );
    assert_eq!(
        project.rows(
            "select check_name, severity, outcome from system.checks where check_name in \
             ('interactions_balance', 'no_interaction_before_registration') order by 1"
        ),
        [
            "interactions_balance,error,passed",
            "no_interaction_before_registration,error,passed",
        ]
    );
}

#[test]
fn monthly_active_users_are_different_users() {
    let project = refreshed();
    assert_eq!(
        project.rows(
            "select month, plan, users, interactions, is_partial \
             from gold.monthly_active_users_by_plan order by month, plan"
        ),
        [
            "2024-03-01,Basic,1,1,false",
            "2024-06-01,Pro,1,1,false",
            "2024-11-01,Basic,1,1,false",
            "2024-11-01,Pro,1,1,false",
            "2024-12-01,Basic,2,2,false",
            "2024-12-01,Pro,1,2,false",
            "2024-12-01,none,1,1,false",
        ]
    );
}

#[test]
fn days_stand_beside_the_total_of_their_month() {
    let project = refreshed();
    assert_eq!(
        project.rows(
            "select day, interactions, users, month_interactions \
             from gold.daily_interactions order by day"
        ),
        [
            "2024-03-01,1,1,1",
            "2024-06-01,1,1,1",
            "2024-11-05,1,1,2",
            "2024-11-30,1,1,2",
            "2024-12-01,1,1,5",
            "2024-12-05,2,1,5",
            "2024-12-20,1,1,5",
            "2024-12-31,1,1,5",
        ]
    );
}

#[test]
fn features_count_in_full_and_once_an_interaction() {
    let project = refreshed();
    assert_eq!(
        project.rows(
            "select feature, interactions, users, minutes, round(interaction_share, 4), place \
             from gold.feature_usage order by place"
        ),
        [
            "Dashboard,5,4,51.00,0.5556,1",
            "Export,3,3,55.00,0.3333,2",
            "Alerts,1,1,30.00,0.1111,3",
        ]
    );
    assert_eq!(
        project.rows(
            "select plan, feature, interactions, users, minutes, interaction_share \
             from gold.feature_usage_by_plan order by plan, feature"
        ),
        [
            "Basic,Dashboard,2,1,30.00,0.5",
            "Basic,Export,2,2,25.00,0.5",
            "Pro,Alerts,1,1,30.00,0.25",
            "Pro,Dashboard,2,2,20.00,0.5",
            "Pro,Export,1,1,30.00,0.25",
            "none,Dashboard,1,1,1.00,1.0",
        ]
    );
}

#[test]
fn plans_that_only_customers_name_are_plans() {
    let project = refreshed();
    assert_eq!(
        project.rows("select plan, price, price_source from silver.plans order by plan"),
        ["Basic,,", "Pro,,"]
    );
}

#[test]
fn the_three_questions_are_answered() {
    let project = refreshed();
    assert_eq!(
        report(
            &project,
            "active_and_inactive_users",
            &["activity=inactive"]
        ),
        [
            "6,Fern,Basic,0,,,Inactive",
            "8,Hill,Pro,0,,,Inactive",
            "4,Dune,Pro,1,2024-06-01,213,Inactive",
            "2,Bolt,Pro,1,2024-11-30,31,Inactive",
        ]
    );
    assert_eq!(
        report(
            &project,
            "active_and_inactive_users",
            &["as_of=2025-01-03", "plan=pro", "limit=2"]
        ),
        [
            "2,Bolt,Pro,1,2024-11-30,34,Inactive",
            "7,Gale,Pro,2,2024-12-05,29,Active",
        ]
    );
    assert_eq!(
        report(&project, "behaviour_by_plan", &[]),
        [
            "Basic,3,2,2,0.6666666666666666,4,1.3333333333333333,11.666666666666666",
            "Pro,4,3,1,0.25,4,1.0,13.75",
            "none,1,1,1,1.0,1,1.0,1.0",
        ]
    );
    assert_eq!(
        report(
            &project,
            "top_features",
            &["plan=Basic", "as_of=2024-11-30"]
        ),
        ["Dashboard,1,1,10.00,0.5", "Export,1,1,5.00,0.5"]
    );
    assert_eq!(
        report(&project, "active_users_by_plan", &["plan=none"]),
        ["2024-12-01,none,1,1,1.0,false"]
    );
}
