//! System B on the real files: sessions, completion, monthly popularity.

use crate::support::{Project, real_data};

#[test]
fn movie_streaming_is_right() {
    let Some(data) = real_data("movie_streaming") else {
        return;
    };
    let project = Project::warehouse();
    project.deliver_real(&data);
    project.ok(&["refresh"]);

    assert_eq!(
        project.row(
            "select count(*), sum(watch_minutes), count(*) filter (where is_completed), \
             count(*) filter (where reported_completion_ratio >= 0.85) from silver.watch_sessions"
        ),
        "10000,648492,1639,1639"
    );
    assert_eq!(
        project.row(
            "select count(*) filter (where is_before_joining), count(*) filter (where is_before_added) \
             from silver.watch_sessions"
        ),
        "5097,4910"
    );
    assert_eq!(project.row("select count(*), sum(sessions), sum(watch_minutes) from gold.mart_movie_popularity_monthly"), "6898,10000,648492");
    // Distinct viewers are counted over the month, not summed over its days.
    assert_eq!(
        project.row(
            "select count(*) from ( \
               select month, title_id, count(distinct user_id) as viewers \
               from silver.watch_sessions group by 1, 2 \
             ) as recounted \
             join gold.mart_movie_popularity_monthly as mart using (month, title_id) \
             where recounted.viewers <> mart.viewers"
        ),
        "0"
    );
    assert_eq!(
        project.row("select sum(amount) from silver.payments where is_successful"),
        "103350000.00"
    );
    assert_eq!(project.row("select count(*) from silver.users"), "1000");
    assert_eq!(project.row("select count(*) from silver.titles"), "600");
    assert_eq!(
        project.row("select count(*) from silver.titles where genres = 'Sci-Fi'"),
        project.row("select count(*) from bronze.movies where genre = 'Sci-Fi'")
    );
    assert_eq!(project.row("select as_of from silver.as_of"), "2025-09-19");
    // The inner layout: one folder a month.
    assert_eq!(
        project.row("select count(distinct month) from silver.watch_sessions"),
        "21"
    );
}

#[test]
fn sessions_of_unknown_length_or_without_an_end_count_as_nothing_they_are_not() {
    let project = Project::warehouse();
    project.deliver("users.csv", "user_id,created_at\n1,2024-01-01\n");
    project.deliver(
        "movies.csv",
        "movie_id,title,duration_min\n1,Known,100\n2,Unknown,\n",
    );
    project.deliver(
        "watch_sessions.csv",
        "session_id,user_id,movie_id,start_time,end_time\n\
         1,1,1,2024-01-01 10:00:00,2024-01-01 11:25:00\n\
         2,1,1,2024-01-01 10:00:00,2024-01-01 13:00:00\n\
         3,1,1,2024-01-01 10:00:00,\n\
         4,1,1,2024-01-01 10:00:00,2024-01-01 09:00:00\n\
         5,1,2,2024-01-01 10:00:00,2024-01-01 10:30:00\n",
    );
    let ran = project.ok(&["refresh"]);
    assert!(
        ran.stderr.contains(
            "warning: silver.watch_sessions: check: not is_end_before_start: 1 failing row"
        )
    );
    assert_eq!(
        project.rows(
            "select session_id, session_minutes, watch_minutes, completion_ratio, is_completed, \
             is_end_before_start from silver.watch_sessions order by 1"
        ),
        [
            "1,85,85,0.850000,true,false",
            "2,180,100,1.000000,true,false",
            "3,,,,,false",
            "4,,,,,true",
            "5,30,30,,,false",
        ]
    );
}
