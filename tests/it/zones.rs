//! Days and months by the clocks of the company's zone, minutes by the sun's.

use crate::support::Project;

/// A company in a zone with summer time.
fn in_bucharest() -> Project {
    let project = Project::warehouse();
    project.write("cinelake.toml", "zone = \"Europe/Bucharest\"\n");
    project.deliver("users.csv", "user_id,join_date\n1,2023-01-01\n");
    project.deliver("movies.csv", "movie_id,title,duration_min\n1,Long,600\n");
    project
}

fn deliver_sessions(project: &Project, sessions: &[(&str, &str)]) {
    let mut text = "session_id,user_id,movie_id,start_time,end_time\n".to_owned();
    for (i, (start, end)) in sessions.iter().enumerate() {
        text.push_str(&format!("{},1,1,{start},{end}\n", i + 1));
    }
    project.deliver("watch_sessions.csv", text);
}

const SESSIONS: &str =
    "select session_id, session_minutes, session_date, month from silver.watch_sessions order by 1";

#[test]
fn a_session_across_midnight_month_and_year_ends_belongs_to_where_it_began() {
    let project = in_bucharest();
    deliver_sessions(
        &project,
        &[
            ("2024-02-10 23:30:00", "2024-02-11 00:45:00"),
            ("2024-02-29 23:00:00", "2024-03-01 01:00:00"),
            ("2023-12-31 23:30:00", "2024-01-01 00:45:00"),
            // Still 2023 in UTC.
            ("2024-01-01 00:15:00", "2024-01-01 01:00:00"),
        ],
    );
    project.ok(&["refresh"]);
    assert_eq!(
        project.rows(SESSIONS),
        [
            "1,75,2024-02-10,2024-02-01",
            "2,120,2024-02-29,2024-02-01",
            "3,75,2023-12-31,2023-12-01",
            "4,45,2024-01-01,2024-01-01",
        ]
    );
    // The files lie by the same months as the rows say.
    assert_eq!(
        project.row("select count(*) from bronze.watch_sessions where month = date '2024-01-01'"),
        "1"
    );
    assert_eq!(
        project.rows("select day, user_id from silver.user_days order by day"),
        [
            "2023-12-31,1",
            "2024-01-01,1",
            "2024-02-10,1",
            "2024-02-29,1"
        ]
    );
    assert_eq!(project.row("select as_of from silver.as_of"), "2024-02-29");
}

#[test]
fn a_session_across_the_change_of_clocks_has_the_minutes_that_passed() {
    let project = in_bucharest();
    deliver_sessions(
        &project,
        &[
            // Three o'clock became four.
            ("2024-03-31 02:30:00", "2024-03-31 04:30:00"),
            // Four o'clock became three.
            ("2024-10-27 02:30:00", "2024-10-27 05:30:00"),
            ("2024-10-27T03:30:00+03:00", "2024-10-27T03:30:00+02:00"),
        ],
    );
    project.ok(&["refresh"]);
    assert_eq!(
        project.rows(SESSIONS),
        [
            "1,60,2024-03-31,2024-03-01",
            "2,240,2024-10-27,2024-10-01",
            "3,60,2024-10-27,2024-10-01",
        ]
    );
}

#[test]
fn a_local_time_that_happened_twice_or_never_is_rejected_with_its_reason() {
    let project = in_bucharest();
    deliver_sessions(
        &project,
        &[
            ("2024-10-27 03:30:00", "2024-10-27 05:30:00"),
            ("2024-03-31 03:30:00", "2024-03-31 05:30:00"),
            ("2024-06-01 20:00:00", "2024-06-01 21:00:00"),
        ],
    );
    project.ok(&["refresh"]);
    assert_eq!(project.rows(SESSIONS), ["3,60,2024-06-01,2024-06-01"]);
    let reasons = project.rows("select line, reason from bronze._rejects order by line");
    insta::assert_snapshot!(reasons.join("\n"), @r#"
    2,"`2024-10-27 03:30:00` happened twice in Europe/Bucharest, when clocks were set back; `ambiguous_times` in the contract says which is meant"
    3,"`2024-03-31 03:30:00` never happened in Europe/Bucharest, where clocks were set forward"
    "#);
}

#[test]
fn a_contract_can_say_which_of_two_times_is_meant() {
    for (which, minutes) in [("earlier", "180"), ("later", "120")] {
        let project = in_bucharest();
        let contract = std::fs::read_to_string(project.path("queries/bronze/watch_sessions.toml"));
        let contract = format!("ambiguous_times = \"{which}\"\n{}", contract.unwrap());
        project.write("queries/bronze/watch_sessions.toml", &contract);
        deliver_sessions(&project, &[("2024-10-27 03:30:00", "2024-10-27 05:30:00")]);
        project.ok(&["refresh"]);
        assert_eq!(
            project.row("select session_minutes from silver.watch_sessions"),
            minutes
        );
    }
}

#[test]
fn another_zone_builds_everything_again() {
    let project = in_bucharest();
    deliver_sessions(&project, &[("2024-01-01 00:15:00", "2024-01-01 01:00:00")]);
    project.ok(&["refresh"]);
    project.write("cinelake.toml", "zone = \"UTC\"\n");
    project.ok(&["refresh"]);
    assert_eq!(
        project.row("select started_at, month from silver.watch_sessions"),
        "2024-01-01T00:15:00Z,2024-01-01"
    );
    project.write("cinelake.toml", "zone = \"Mars/Base\"\n");
    insta::assert_snapshot!(project.fails(&["refresh"]), @r"
    exit 2
    error: ./cinelake.toml: unknown time zone `Mars/Base`
    hint: zones are named as in the IANA database, such as `Europe/Bucharest`
    ");
}
