//! A company in four models: users of countries who pay.

use super::Project;

pub const USERS: &str = "files = \"users*\"\nkey = [\"user_id\"]\n[columns]\nuser_id = { type = \"bigint\", required = true }\ncountry = \"text\"\n";
const PAYMENTS: &str = "files = \"payments*\"\npartition_by = { month = \"paid_on\" }\n[columns]\n\
                        payment_id = { type = \"bigint\", required = true }\n\
                        user_id = { type = \"bigint\", required = true }\n\
                        amount = { type = \"decimal(12,2)\", required = true }\n\
                        paid_on = { type = \"date\", required = true }\n";

/// The company, its models beside `more` ones, published as snapshot 1.
pub fn payers(more: &[(&str, &str)]) -> Project {
    let project = Project::of(&[
        ("bronze/users.toml", USERS),
        ("bronze/payments.toml", PAYMENTS),
        (
            "silver/users.sql",
            "-- Users.\n--\n-- grain: user_id\nselect user_id, country from bronze.users where _current",
        ),
        (
            "gold/revenue.sql",
            "-- Revenue by month.\n--\n-- grain: month\n\
             select month, sum(amount) as revenue, count(*) as payments from bronze.payments group by month",
        ),
        (
            "gold/revenue_by_country.sql",
            "-- Revenue by month and country.\n--\n-- grain: month, country\n-- partition_by: month\n\
             select month, country, sum(amount) as revenue from bronze.payments \
             join silver.users using (user_id) group by month, country",
        ),
        (
            "gold/countries.sql",
            "-- Countries.\n--\n-- materialized: view\nselect distinct country from silver.users",
        ),
    ]);
    for (path, text) in more {
        project.write(&format!("queries/{path}"), text);
    }
    project.deliver("users.csv", "user_id,country\n1,US\n2,DE\n");
    project.deliver(
        "payments.csv",
        "payment_id,user_id,amount,paid_on\n1,1,229.84,2024-01-05\n2,2,5.00,2024-02-07\n",
    );
    project.ok(&["refresh"]);
    project
}

/// A payment of January that arrives late.
pub fn late_payment(project: &Project) {
    project.deliver(
        "payments_late.csv",
        "payment_id,user_id,amount,paid_on\n3,1,50.00,2024-01-31\n",
    );
}

/// A user who moved, and a new one.
pub fn more_users(project: &Project) {
    project.deliver("users_2.csv", "user_id,country\n2,AT\n3,FR\n");
}
