//! Every report answers on every system's data, and on none.

use std::path::Path;

use crate::support::{Project, real_data};

/// Values for parameters that have no default.
const GIVEN: [&str; 2] = ["title=Nothing", "user_id=1"];

/// Runs every report; gives those that answered with a row.
fn run_all(project: &Project) -> Vec<String> {
    let listed = project.ok(&["-q", "ls", "reports", "-f", "json"]).stdout;
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let mut answered = Vec::new();
    for report in listed.as_array().unwrap() {
        let name = report["report"].as_str().unwrap();
        let answers = report["answers"].as_str().unwrap();
        assert!(answers.ends_with('?'), "`{name}` is no question: {answers}");
        let required: Vec<&str> = report["parameters"]
            .as_str()
            .unwrap()
            .split(", ")
            .filter(|p| !p.is_empty() && !p.contains('='))
            .collect();
        let mut args = vec!["-q", "sql", name, "-f", "csv"];
        for param in GIVEN {
            if required
                .iter()
                .any(|name| param.starts_with(&format!("{name}=")))
            {
                args.extend(["--param", param]);
            }
        }
        let rows = project.ok(&args).stdout.lines().count();
        if rows > 1 {
            answered.push(name.to_owned());
        }
    }
    answered
}

fn deliver_below(project: &Project, folder: &Path, below: &str) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let below = format!("{below}{name}");
        if path.is_dir() {
            deliver_below(project, &path, &format!("{below}/"));
        } else {
            project.deliver(&below, std::fs::read(&path).unwrap());
        }
    }
}

#[test]
fn every_report_answers_where_there_is_no_data() {
    let project = Project::warehouse();
    project.ok(&["refresh"]);
    project.ok(&["check"]);
    run_all(&project);
}

#[test]
fn every_report_answers_on_the_real_data_of_each_system() {
    for (system, some) in [
        ("movie_streaming", "most_watched_titles"),
        ("streamflix", "mrr_by_month"),
        ("ott", "market_share"),
        ("wowcinema", "titles_by_catalogue"),
    ] {
        let Some(data) = real_data(system) else {
            return;
        };
        let project = Project::warehouse();
        deliver_below(&project, &data, "");
        project.ok(&["refresh"]);
        let answered = run_all(&project);
        assert!(answered.iter().any(|r| r == some), "{system}: {answered:?}");
    }
}

#[test]
fn every_report_answers_on_generated_data() {
    let project = Project::warehouse();
    let landing = project.path("lake/landing");
    project.ok(&[
        "generate",
        "--sessions",
        "20000",
        "--output",
        landing.to_str().unwrap(),
    ]);
    project.ok(&["refresh"]);
    let answered = run_all(&project);
    // Users and subscriptions have no figures about platforms.
    for report in [
        "active_users_by_month",
        "retention_by_cohort",
        "mrr_movements",
        "top_features",
    ] {
        assert!(
            answered.iter().any(|r| r == report),
            "{report}: {answered:?}"
        );
    }
}
