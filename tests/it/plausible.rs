//! Data that fits its contracts and still cannot be right: red, or a warning.

use crate::support::Project;

#[test]
fn a_plan_in_two_currencies_is_red() {
    let project = Project::warehouse();
    project.deliver(
        "plans.csv",
        "plan,price,currency\nBasic,9.99,USD\nBasic,8.99,EUR\n",
    );
    let said = project.fails(&["refresh"]);
    assert!(
        said.contains("plans_have_one_currency: 1 failing row"),
        "{said}"
    );
}

#[test]
fn a_file_of_which_nothing_fits_is_refused() {
    let project = Project::warehouse();
    project.deliver(
        "users.csv",
        "user_id,join_date\nanna,2024-01-01\nben,2024-01-01\n",
    );
    let said = project.fails(&["refresh"]);
    assert!(
        said.contains("2 of 2 rows do not fit the contract"),
        "{said}"
    );
}

#[test]
fn what_contradicts_itself_is_warned_of() {
    let project = Project::warehouse();
    project.deliver(
        "users.csv",
        "user_id,join_date,email\n1,2024-03-01,a@example.com\n",
    );
    project.deliver(
        "subscriptions.csv",
        "subscription_id,user_id,plan_type,start_date,end_date,price,status\n\
         1,1,Basic,2024-01-01,2024-02-01,5.00,active\n",
    );
    project.deliver("movies.csv", "movie_id,title,duration_min\n1,One,100\n");
    project.deliver(
        "watch_sessions.csv",
        "session_id,user_id,movie_id,start_time,end_time\n\
         1,1,1,2024-02-01 10:00:00,2024-02-01 11:00:00\n",
    );
    project.deliver(
        "interactions.csv",
        "interaction_id,user_id,interaction_date\na,1,2024-03-02\nb,9,2024-03-02\n",
    );
    let said = project.ok(&["refresh"]).stderr;
    for warning in [
        "warning: statuses_fit_dates: 1 failing row",
        "warning: rows_fit_their_time: 1 failing row",
        "warning: interactions_set_aside: 1 failing row",
    ] {
        assert!(said.contains(warning), "{warning} is missing:\n{said}");
    }
}

#[test]
fn an_address_that_two_users_have_is_red() {
    let project = Project::warehouse();
    project.deliver(
        "users.csv",
        "user_id,join_date,email\n1,2024-03-01,a@example.com\n2,2024-03-01,A@example.com \n",
    );
    let said = project.fails(&["refresh"]);
    assert!(said.contains("emails_are_unique: 1 failing row"), "{said}");
}
