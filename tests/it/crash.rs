//! Runs that are killed: readers keep the old snapshot, the next run succeeds.
//!
//! The shipped binary aborts at a named failpoint, as a kill would; each test
//! asserts that it did, and that the end equals an undisturbed twin's.

use crate::support::Project;

const POINTS: [&str; 9] = [
    "stage.file",
    "land.file",
    "build.model",
    "audit.done",
    "publish.staged",
    "publish.intended",
    "publish.committed",
    "publish.synced",
    "publish.visible",
];

fn project() -> Project {
    let project = Project::of(&[
        (
            "bronze/users.toml",
            "files = \"users*\"\nkey = [\"user_id\"]\n[columns]\nuser_id = { type = \"bigint\", required = true }\ncountry = \"text\"\n",
        ),
        (
            "silver/users.sql",
            "-- Users.\n--\n-- grain: user_id\nselect user_id, country from bronze.users where _current",
        ),
        (
            "gold/countries.sql",
            "-- Countries.\n--\n-- grain: country\nselect country, count(*) as users from silver.users group by country",
        ),
    ]);
    project.deliver("users.csv", "user_id,country\n1,US\n2,DE\n");
    project
}

const CONTENT: &str = "select country, users from gold.countries order by 1";

#[test]
fn a_killed_refresh_leaves_the_old_snapshot_whole_and_the_next_one_succeeds() {
    for point in POINTS {
        let project = project();
        project.ok(&["refresh"]);
        let old = project.rows(CONTENT);
        project.deliver("users_2.csv", "user_id,country\n3,DE\n4,FR\n");
        let killed = project
            .command(&["refresh"])
            .env("CINELAKE_FAILPOINT", format!("{point}=abort"))
            .output()
            .unwrap();
        assert_eq!(
            killed.status.code(),
            None,
            "{point} did not fire: {killed:?}"
        );
        let seen = project.rows(CONTENT);
        let new = vec!["DE,2".to_owned(), "FR,1".to_owned(), "US,1".to_owned()];
        let visible = point == "publish.visible";
        assert_eq!(
            seen,
            if visible { new.clone() } else { old },
            "{point}: what readers see"
        );
        project.ok(&["refresh"]);
        assert_eq!(
            project.rows(CONTENT),
            new,
            "{point}: after the next refresh"
        );
        assert_eq!(
            project.row("select count(*), count(distinct user_id) from bronze.users"),
            "4,4",
            "{point}"
        );
        let again = project.ok(&["refresh"]);
        assert!(
            again.stderr.starts_with("nothing new"),
            "{point}: {}",
            again.stderr
        );
        assert!(
            !project.lake_files().contains(&"_intent.json".to_owned()),
            "{point}"
        );
    }
}

#[test]
fn a_first_refresh_that_is_killed_leaves_nothing_visible() {
    for point in POINTS.into_iter().filter(|p| *p != "publish.visible") {
        let project = project();
        let killed = project
            .command(&["refresh"])
            .env("CINELAKE_FAILPOINT", format!("{point}=abort"))
            .output()
            .unwrap();
        assert_eq!(killed.status.code(), None, "{point} did not fire");
        assert!(
            project
                .fails(&["sql", "-c", "select 1"])
                .contains("nothing is published"),
            "{point}"
        );
        project.ok(&["refresh"]);
        assert_eq!(project.rows(CONTENT), ["DE,1", "US,1"], "{point}");
    }
}

#[test]
fn a_step_that_fails_is_an_error_and_publishes_nothing() {
    let project = project();
    project.ok(&["refresh"]);
    project.deliver("users_2.csv", "user_id,country\n3,DE\n");
    let failed = project
        .command(&["refresh"])
        .env("CINELAKE_FAILPOINT", "publish.staged=error")
        .output()
        .unwrap();
    let failed = project.ran(failed);
    assert_eq!(failed.code, Some(3), "{}", failed.stderr);
    assert!(
        failed
            .stderr
            .ends_with("error: failpoint `publish.staged` fired\n"),
        "{}",
        failed.stderr
    );
    assert_eq!(project.rows(CONTENT), ["DE,1", "US,1"]);
    assert_eq!(
        project.row("select count(*) from system.runs where status = 'failed'"),
        "1"
    );
}

#[test]
fn a_second_writer_is_told_who_holds_the_lake() {
    let project = project();
    project.ok(&["refresh"]);
    let lease = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(project.path("lake/_lease"))
        .unwrap();
    lease.lock().unwrap();
    std::fs::write(
        project.path("lake/_lease"),
        "`cinelake refresh`, process 4711",
    )
    .unwrap();
    insta::assert_snapshot!(project.fails(&["refresh"]), @r"
    exit 75
    error: the lake is held by `cinelake refresh`, process 4711
    hint: wait until it is done; readers need not wait
    ");
    // Readers need not wait.
    assert_eq!(project.rows(CONTENT), ["DE,1", "US,1"]);
}
