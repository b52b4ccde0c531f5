//! Engagement: active users, retention, completion, genres, recommendations;
//! system B's star on the real files, and what each definition means on small
//! invented ones.

use crate::support::{Project, real_data};

fn movie_streaming() -> Option<Project> {
    let data = real_data("movie_streaming")?;
    let project = Project::warehouse();
    project.deliver_real(&data);
    project.ok(&["refresh"]);
    Some(project)
}

#[test]
fn the_star_of_movie_streaming_is_right() {
    let Some(project) = movie_streaming() else {
        return;
    };
    assert_eq!(
        project.row("select count(*), sum(watch_duration_minutes) from gold.fact_user_activity"),
        "10000,648492"
    );
    assert_eq!(
        project.row(
            "select count(*), sum(total_watch_count), sum(total_watch_time_minutes) \
             from gold.fact_movie_popularity"
        ),
        "9843,10000,648492"
    );
    assert_eq!(
        project.row("select count(*), sum(total_ratings) from gold.mart_movie_rating_monthly"),
        "1835,2000"
    );
    assert_eq!(
        project.row(
            "select count(*), sum(total_sessions), sum(total_watch_time_minutes), sum(completed_sessions) \
             from gold.mart_user_activity_monthly"
        ),
        "7898,10000,648492,1639"
    );
    assert_eq!(project.row("select count(*) from gold.dim_movies"), "600");
    // Activity before joining is flagged, and counts.
    assert_eq!(
        project.row(
            "select count(*), count(*) filter (where is_before_joining) from gold.fact_ratings"
        ),
        "2000,993"
    );
    // A title that was rated several times in several months: sums, not means of means.
    assert_eq!(
        project.row(
            "select sum(sum_of_scores) = (select sum(rating_score) from silver.ratings) \
             from gold.mart_movie_rating_monthly"
        ),
        "true"
    );
}

#[test]
fn the_engagement_of_movie_streaming_is_right() {
    let Some(project) = movie_streaming() else {
        return;
    };
    assert_eq!(
        project.row("select as_of, users, inactive_users, accounts_live, inactive_accounts from gold.inactivity"),
        "2025-09-19,1000,596,321,194"
    );
    let report = project.ok(&["-q", "sql", "-f", "csv", "inactive_users"]);
    assert_eq!(report.stdout.lines().count(), 1 + 596);
    assert_eq!(
        project.row(
            "select genre, watch_minutes_full, round(100 * genre_watch_share, 4) \
             from gold.genre_watch_time where rank = 1"
        ),
        "Drama,98023,15.1155"
    );
    assert_eq!(
        project.rows(
            "select month, mau, mau_28d, new_viewers, sessions, watch_minutes, is_partial, days \
             from gold.active_users_monthly \
             where month in (date '2024-01-01', date '2024-02-01', date '2025-09-01') order by 1"
        ),
        [
            "2024-01-01,402,364,402,510,33196,false,31",
            "2024-02-01,360,351,214,461,29380,false,29",
            "2025-09-01,275,380,0,323,20634,true,19",
        ]
    );
    assert_eq!(
        project.row("select count(*), sum(sessions), max(dau) from gold.active_users_daily"),
        "628,10000,31"
    );
}

#[test]
fn a_percentage_is_not_compared_with_a_fraction() {
    // 85 percent is 0.85: against the raw column all 10,000 would be completed.
    let Some(project) = movie_streaming() else {
        return;
    };
    assert_eq!(
        project.row(
            "select count(*) filter (where completed_flag), count(*) filter (where not completed_flag) \
             from gold.fact_user_activity"
        ),
        "1639,8361"
    );
    assert_eq!(
        project.row("select sum(completed_sessions), sum(sessions_of_known_length) from gold.completion_by_title"),
        "1639,10000"
    );
    assert_eq!(
        project.row(
            "select count(*) from gold.active_users_monthly \
             where completion_rate is null or completion_rate not between 0.1 and 0.25"
        ),
        "0"
    );
}

#[test]
fn viewers_and_averages_of_a_month_are_not_made_from_those_of_its_days() {
    let Some(project) = movie_streaming() else {
        return;
    };
    assert_eq!(
        project.row(
            "select count(*) filter (where mart.viewers <> days.viewers), \
             count(*) filter (where abs(mart.avg_watch_minutes - days.avg_watch_minutes) > 0.000001) \
             from gold.mart_movie_popularity_monthly as mart \
             join ( \
               select month, title_id, sum(unique_viewers) as viewers, \
               avg(avg_watch_duration) as avg_watch_minutes \
               from gold.fact_movie_popularity group by 1, 2 \
             ) as days using (month, title_id)"
        ),
        "1,78"
    );
    assert_eq!(
        project.row(
            "select count(*) from gold.mart_user_activity_monthly \
             where abs(avg_watch_duration * total_sessions - total_watch_time_minutes) > 0.000001"
        ),
        "0"
    );
}

#[test]
fn every_day_of_a_fact_is_in_the_calendar() {
    let Some(project) = movie_streaming() else {
        return;
    };
    assert_eq!(
        project.row("select min(date_key), max(date_key), count(*) from gold.dim_date"),
        "2024-01-01,2025-12-31,731"
    );
    for fact in [
        "gold.fact_user_activity",
        "gold.fact_movie_popularity",
        "gold.fact_ratings",
    ] {
        assert_eq!(
            project.row(&format!(
                "select count(*) from {fact} where date_key not in (select date_key from gold.dim_date)"
            )),
            "0",
            "{fact}"
        );
    }
    assert_eq!(
        project.rows(
            "select date_key, day_of_week, is_weekend, month, month_name, quarter, year, month_start \
             from gold.dim_date \
             where date_key in (date '2024-02-29', date '2024-03-02', date '2024-03-03') order by 1"
        ),
        [
            "2024-02-29,5,false,2,Feb,1,2024,2024-02-01",
            "2024-03-02,7,true,3,Mar,1,2024,2024-03-01",
            "2024-03-03,1,true,3,Mar,1,2024,2024-03-01",
        ]
    );
}

/// Users 1, 2, … who joined on 2024-01-01, and films 1 and 2 of 100 minutes.
fn small() -> Project {
    let project = Project::warehouse();
    let mut users = "user_id,join_date\n".to_owned();
    for user in 1..=10 {
        users.push_str(&format!("{user},2024-01-01\n"));
    }
    project.deliver("users.csv", users);
    project.deliver(
        "movies.csv",
        "movie_id,title,genre,duration_min\n1,One,Drama,100\n2,Two,Comedy,100\n",
    );
    project
}

/// Sessions of an hour at noon: user, film, day.
fn sessions(project: &Project, rows: &[(u32, u32, &str)]) {
    let mut text = "session_id,user_id,movie_id,start_time,end_time\n".to_owned();
    for (number, (user, film, day)) in rows.iter().enumerate() {
        text.push_str(&format!(
            "{number},{user},{film},{day} 12:00:00,{day} 13:00:00\n"
        ));
    }
    project.deliver("watch_sessions.csv", text);
}

#[test]
fn day_30_is_active_and_day_31_is_not() {
    let project = small();
    sessions(
        &project,
        &[
            (1, 1, "2024-03-31"),
            (2, 1, "2024-03-01"),
            (3, 1, "2024-02-29"),
        ],
    );
    project.ok(&["refresh"]);
    assert_eq!(
        project.rows(
            "select user_id, days_since_last_session, is_active_30d, is_ever_active, is_subscribed \
             from gold.user_activity where user_id <= 4 order by 1"
        ),
        [
            "1,0,true,true,false",
            "2,30,true,true,false",
            "3,31,false,true,false",
            "4,,false,false,false",
        ]
    );
    // Without any subscription every user has a live account.
    assert_eq!(
        project.row(
            "select accounts_live, inactive_accounts, inactivity_rate_30d, users, inactive_users \
             from gold.inactivity"
        ),
        "10,8,0.8,10,8"
    );
    let inactive = |params: &[&str]| {
        let mut args = vec!["-q", "sql", "-f", "csv", "inactive_users"];
        for param in params {
            args.extend(["--param", *param]);
        }
        project.ok(&args).stdout.lines().count() - 1
    };
    assert_eq!(inactive(&[]), 8);
    assert_eq!(inactive(&["days=31"]), 7);
    assert_eq!(inactive(&["days=15"]), 9);
    // On that day users 1 and 2 had not watched yet.
    assert_eq!(inactive(&["as_of=2024-02-29"]), 9);
}

#[test]
fn an_inactive_account_is_one_that_still_pays() {
    let project = small();
    project.deliver(
        "subscriptions.csv",
        "subscription_id,user_id,plan_type,start_date,end_date,price,status\n\
         1,1,Basic,2024-01-01,,5.00,active\n\
         2,2,Basic,2024-01-01,,5.00,active\n\
         3,3,Basic,2024-01-01,2024-03-31,5.00,active\n\
         4,4,Basic,2024-01-01,2024-04-01,5.00,expired\n",
    );
    sessions(&project, &[(1, 1, "2024-03-31"), (3, 1, "2024-03-31")]);
    project.ok(&["refresh"]);
    // Dates decide, not the flag; the end day itself is not live.
    assert_eq!(
        project.rows("select user_id from gold.user_activity where is_subscribed order by 1"),
        ["1", "2", "4"]
    );
    assert_eq!(
        project.row(
            "select accounts_live, inactive_accounts, users, inactive_users from gold.inactivity"
        ),
        "3,2,10,8"
    );
}

#[test]
fn without_sessions_nobody_is_called_inactive() {
    let project = small();
    project.ok(&["refresh"]);
    assert!(project.rows("select as_of from gold.inactivity").is_empty());
    assert_eq!(project.row("select count(*) from gold.user_activity"), "10");
    assert_eq!(
        project.row("select count(*) from gold.active_users_monthly"),
        "0"
    );
}

#[test]
fn retention_counts_a_gap_as_away_or_not_yet_gone() {
    let project = Project::warehouse();
    project.deliver(
        "users.csv",
        "user_id,join_date\n1,2024-01-10\n2,2024-01-20\n3,2024-02-05\n4,\n",
    );
    project.deliver("movies.csv", "movie_id,title\n1,One\n");
    // User 1 is away in February; user 2 watched before joining only.
    sessions(
        &project,
        &[
            (1, 1, "2024-01-10"),
            (1, 1, "2024-03-02"),
            (2, 1, "2024-01-19"),
            (3, 1, "2024-01-31"),
            (3, 1, "2024-02-05"),
            (4, 1, "2024-03-02"),
        ],
    );
    let ran = project.ok(&["refresh"]);
    assert!(
        ran.stderr
            .contains("warning: silver.users: not_null: joined_at")
    );
    assert_eq!(
        project.rows(
            "select cohort_month, months_since_joining, cohort_users, active_users, retention_rate, \
             active_users_unbounded, retention_rate_unbounded, is_partial \
             from gold.cohort_retention order by 1, 2"
        ),
        [
            "2024-01-01,0,2,1,0.5,1,0.5,false",
            "2024-01-01,1,2,0,0.0,1,0.5,false",
            "2024-01-01,2,2,1,0.5,1,0.5,true",
            "2024-02-01,0,1,1,1.0,1,1.0,false",
            "2024-02-01,1,1,0,0.0,0,0.0,true",
        ]
    );
    let report = project.ok(&[
        "-q",
        "sql",
        "-f",
        "csv",
        "retention_by_cohort",
        "--param",
        "cohorts=1",
        "--param",
        "months=0",
    ]);
    assert_eq!(
        report.stdout.lines().skip(1).collect::<Vec<_>>(),
        ["2024-02-01,0,false,1,1,1.0,1,1.0"]
    );
}

#[test]
fn days_without_a_session_are_listed_and_count_in_the_mean() {
    let project = small();
    sessions(
        &project,
        &[
            (1, 1, "2024-01-30"),
            (1, 1, "2024-01-30"),
            (2, 1, "2024-01-30"),
            (1, 1, "2024-02-02"),
        ],
    );
    project.ok(&["refresh"]);
    assert_eq!(
        project.rows(
            "select day, dau, sessions, watch_minutes from gold.active_users_daily order by day"
        ),
        [
            "2024-01-30,2,3,180",
            "2024-01-31,0,0,0",
            "2024-02-01,0,0,0",
            "2024-02-02,1,1,60",
        ]
    );
    // January has 31 days; of February two have passed.
    assert_eq!(
        project.rows(
            "select month, is_partial, days, mau, round(avg_dau, 6), stickiness, new_viewers \
             from gold.active_users_monthly order by month"
        ),
        [
            "2024-01-01,false,31,2,0.064516,0.03225806451612903,2",
            "2024-02-01,true,2,1,0.5,0.5,0",
        ]
    );
}

#[test]
fn a_week_around_new_year_is_one_week() {
    let project = small();
    // Monday 30 December 2024 to Sunday 5 January 2025.
    sessions(
        &project,
        &[
            (3, 1, "2024-12-29"),
            (1, 1, "2024-12-30"),
            (1, 1, "2025-01-05"),
            (2, 1, "2025-01-01"),
            (2, 1, "2025-01-06"),
        ],
    );
    project.ok(&["refresh"]);
    assert_eq!(
        project.rows(
            "select week_start, wau, sessions, is_partial from gold.active_users_weekly order by 1"
        ),
        [
            "2024-12-23,1,1,false",
            "2024-12-30,2,3,false",
            "2025-01-06,1,1,true",
        ]
    );
}

#[test]
fn the_28_days_of_a_partial_month_begin_in_the_month_before() {
    let project = small();
    // As of 10 March the 28 days are 12 February to 10 March.
    sessions(
        &project,
        &[
            (1, 1, "2024-01-03"),
            (1, 1, "2024-02-11"),
            (2, 1, "2024-02-12"),
            (3, 1, "2024-02-20"),
            (3, 1, "2024-03-09"),
            (4, 1, "2024-03-10"),
        ],
    );
    project.ok(&["refresh"]);
    assert_eq!(
        project.rows(
            "select month, mau, mau_28d, is_partial from gold.active_users_monthly order by month"
        ),
        [
            "2024-01-01,1,0,false",
            "2024-02-01,3,3,false",
            "2024-03-01,2,3,true",
        ]
    );
    // Another date for today: what comes after it does not count anywhere.
    project.ok(&["refresh", "--as-of", "2024-02-15"]);
    assert_eq!(
        project.rows(
            "select month, mau, mau_28d, is_partial, days from gold.active_users_monthly order by month"
        ),
        ["2024-01-01,1,0,false,31", "2024-02-01,2,2,true,15"]
    );
    assert_eq!(
        project.rows(
            "select user_id, sessions, days_since_last_session, distinct_titles \
             from gold.user_activity where user_id <= 4 order by 1"
        ),
        ["1,2,4,1", "2,1,3,1", "3,0,,0", "4,0,,0"]
    );
}

#[test]
fn lift_is_as_by_hand() {
    let project = small();
    // Film 1: users 1 to 6. Film 2: users 1 to 5 and 7. All ten watch something.
    let mut rows = vec![(1, 1, "2024-03-02"), (1, 3, "2024-03-02")];
    for user in 1..=6 {
        rows.push((user, 1, "2024-03-01"));
    }
    for user in [1, 2, 3, 4, 5, 7] {
        rows.push((user, 2, "2024-03-01"));
    }
    for user in [7, 8, 9, 10] {
        rows.push((user, 3, "2024-03-01"));
    }
    sessions(&project, &rows);
    // No catalogue has film 3.
    project.ok(&["refresh"]);
    assert_eq!(
        project.rows(
            "select title_id, recommended_title_id, rank, both_viewers, viewers, recommended_viewers, \
             round(confidence, 6), round(lift, 6) from gold.title_recommendations order by 1, 2"
        ),
        ["1,2,1,5,6,6,0.833333,1.388889", "2,1,1,5,6,6,0.833333,1.388889"]
    );
    let recommended = |report: &str, param: &str| {
        let ran = project.ok(&["-q", "sql", "-f", "csv", report, "--param", param]);
        ran.stdout
            .lines()
            .skip(1)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        recommended("recommendations_for_title", "title=one").len(),
        1
    );
    assert_eq!(
        recommended("recommendations_for_user", "user_id=6"),
        ["2,Two,Comedy,1,1.388889"]
    );
    // User 1 has watched both.
    assert!(recommended("recommendations_for_user", "user_id=1").is_empty());
}

#[test]
fn minutes_of_a_title_with_two_genres_count_in_full_or_divided() {
    let project = Project::warehouse();
    project.deliver(
        "users.csv",
        "user_id,join_date\n1,2024-01-01\n2,2024-01-01\n",
    );
    project.deliver(
        "netflix_titles.csv",
        "show_id,type,title,duration,listed_in\n\
         s1,Movie,One,90 min,\"Dramas, Comedies\"\n\
         s2,TV Show,Two,2 Seasons,Dramas\n\
         s3,Movie,Three,,\n",
    );
    // s9 is in no catalogue, user 7 is not registered.
    project.deliver(
        "log_system.csv",
        "id_log,id_user,show_id,session_start,session_end,country_code\n\
         a,1,s1,2024-05-01 20:00:00,2024-05-01 21:00:00,ro\n\
         b,1,s2,2024-05-02 20:00:00,2024-05-02 20:30:00,RO\n\
         c,2,s3,2024-05-02 20:00:00,2024-05-02 20:06:00,\n\
         d,2,s9,2024-05-03 20:00:00,2024-05-03 20:04:00,\n\
         e,7,s1,2024-05-03 20:00:00,2024-05-03 23:00:00,DE\n",
    );
    project.ok(&["refresh"]);
    assert_eq!(
        project.rows(
            "select genre, sessions, watch_minutes_full, watch_minutes_split, round(genre_watch_share, 6), rank \
             from gold.genre_watch_time order by rank"
        ),
        [
            "Dramas,3,180,105.0,0.552632,1",
            "Comedies,2,150,75.0,0.394737,2",
            "unknown,2,10,10.0,0.052632,3",
        ]
    );
    assert_eq!(
        project.rows(
            "select month, country, genre, watch_minutes_full, watch_minutes_split, genre_watch_share, rank \
             from gold.genre_watch_by_country_monthly order by country, rank"
        ),
        [
            "2024-05-01,DE,Comedies,90,45.0,0.5,1",
            "2024-05-01,DE,Dramas,90,45.0,0.5,2",
            "2024-05-01,RO,Dramas,90,60.0,0.6666666666666666,1",
            "2024-05-01,RO,Comedies,60,30.0,0.3333333333333333,2",
            "2024-05-01,unknown,unknown,10,10.0,1.0,1",
        ]
    );
    // A series, a film of unknown length and an unknown title can never complete.
    assert_eq!(
        project.rows(
            "select title_id, sessions, sessions_of_known_length, completed_sessions, completion_rate, \
             completion_rate_all_sessions, round(avg_completion_ratio, 4) \
             from gold.completion_by_title order by 1"
        ),
        [
            "1000000001,2,2,1,0.5,0.5,0.8333",
            "1000000002,1,0,0,,0.0,",
            "1000000003,1,0,0,,0.0,",
            "1000000009,1,0,0,,0.0,",
        ]
    );
    // User 7 counts with titles, not with users.
    assert_eq!(
        project.row("select mau, sessions, completed_sessions, completion_rate, completion_rate_all_sessions, avg_session_minutes from gold.active_users_monthly"),
        "2,4,0,0.0,0.0,25.0"
    );
    assert_eq!(
        project.rows("select user_id, favourite_genre, distinct_titles, avg_completion_ratio from gold.user_activity order by 1"),
        ["1,Dramas,2,0.666667", "2,,2,"]
    );
    assert_eq!(
        project.rows("select title_id, rank_in_month, completed_sessions from gold.top_completed_titles_monthly"),
        ["1000000001,1,1"]
    );
    assert_eq!(
        project.row(
            "select device_type, sessions, viewers, watch_minutes from gold.watch_by_device_monthly"
        ),
        "unknown,5,3,190"
    );
}

#[test]
fn equal_minutes_of_two_genres_are_settled_by_name() {
    let project = small();
    sessions(&project, &[(1, 1, "2024-03-01"), (1, 2, "2024-03-01")]);
    project.ok(&["refresh"]);
    assert_eq!(
        project.row("select favourite_genre from gold.user_activity where user_id = 1"),
        "Comedy"
    );
    assert_eq!(
        project.rows("select genre, rank from gold.genre_watch_time order by rank"),
        ["Comedy,1", "Drama,2"]
    );
}

#[test]
fn a_lake_without_files_answers_every_question_with_nothing() {
    let project = Project::warehouse();
    project.ok(&["refresh"]);
    for report in [
        "active_users_by_day",
        "active_users_by_month",
        "completion_by_title",
        "genre_watch_share",
        "inactive_users",
        "retention_by_cohort",
        "sessions_by_device",
        "top_completed_titles_by_month",
        "top_genres_by_watch_time",
        "top_rated_titles",
        "trending_genres_by_country",
        "watch_time_by_user",
    ] {
        let ran = project.ok(&["-q", "sql", "-f", "csv", report]);
        assert_eq!(ran.stdout.lines().count(), 1, "{report}");
    }
}
