//! The data dictionary and lineage: complete, self-contained, never by hand.

use std::fs;

use crate::support::Project;

fn small() -> Project {
    Project::of(&[
        (
            "bronze/plays.toml",
            "description = \"One row per play <b>.\"\nfiles = \"plays*\"\n\
             [columns]\nid = { type = \"bigint\", required = true, description = \"the play's number\" }\n\
             title = { type = \"text\" }\n",
        ),
        (
            "silver/plays.sql",
            "-- Every play, once.\n--\n-- A paragraph with `code` & more.\n--\n-- grain: id\n\
             -- check: title <> '' (warn)\n-- owner: content\n\
             select\n    id, -- the play's number\n    title -- what was <i>played</i>\nfrom bronze.plays\n",
        ),
        (
            "gold/titles.sql",
            "-- How often each title was played.\n--\n-- materialized: view\n-- grain: title\n\
             select title, -- one title\n    count(*) as plays -- times played\n\
             from silver.plays group by title\n",
        ),
        (
            "reports/top.sql",
            "-- What was played the most?\n--\n-- param: limit bigint = 3\n\
             select title, -- one title\n    plays -- times played\nfrom gold.titles order by plays desc limit $limit\n",
        ),
        (
            "checks/played.sql",
            "-- Titles never played.\nselect title from gold.titles where plays = 0\n",
        ),
    ])
}

#[test]
fn the_dictionary_says_what_the_files_say() {
    let project = small();
    let ran = project.ok(&["docs"]);
    assert!(
        ran.stderr.contains("wrote docs/index.html"),
        "{}",
        ran.stderr
    );
    insta::assert_snapshot!(fs::read_to_string(project.path("docs/dictionary.md")).unwrap());
}

#[test]
fn the_page_stands_alone_and_shows_text_as_text() {
    let project = small();
    project.deliver("plays.csv", "id,title\n1,A\n");
    project.ok(&["refresh"]);
    project.ok(&["docs", "--output", "pages", "--format", "html"]);
    assert!(!project.path("pages/dictionary.md").exists());
    let page = fs::read_to_string(project.path("pages/index.html")).unwrap();
    for reference in ["http://", "https://", "src=", "@import", "url("] {
        assert!(!page.contains(reference), "the page refers to {reference}");
    }
    assert!(page.contains("what was &lt;i&gt;played&lt;/i&gt;"));
    assert!(page.contains("One row per play &lt;b&gt;."));
    assert!(page.contains("A paragraph with <code>code</code> &amp; more."));
    assert!(page.contains("Row counts are those of snapshot 1."));
    for name in [
        "bronze.plays",
        "silver.plays",
        "gold.titles",
        "reports.top",
        "checks.played",
    ] {
        assert!(page.contains(&format!("<section id=\"{name}\">")), "{name}");
    }
    // The same project gives the same bytes.
    project.ok(&["docs", "--output", "again"]);
    assert_eq!(
        page,
        fs::read_to_string(project.path("again/index.html")).unwrap()
    );
}

#[test]
fn every_table_and_column_of_the_warehouse_is_described() {
    let project = Project::warehouse();
    project.ok(&["docs"]);
    let page = fs::read_to_string(project.path("docs/dictionary.md")).unwrap();
    let bare: Vec<&str> = page.lines().filter(|line| line.ends_with("|  |")).collect();
    // What the lake keeps of itself is described by its names.
    let bare: Vec<&&str> = bare
        .iter()
        .filter(|line| {
            !SYSTEM_COLUMNS
                .iter()
                .any(|c| line.starts_with(&format!("| {c} |")))
        })
        .collect();
    assert!(bare.is_empty(), "columns without a description: {bare:#?}");
    let sentences = page
        .lines()
        .filter(|line| line.starts_with("- ["))
        .filter(|line| line.ends_with("): "));
    assert_eq!(sentences.collect::<Vec<_>>(), Vec::<&str>::new());
}

/// The columns of `bronze._rejects` and `system.deliveries`.
const SYSTEM_COLUMNS: [&str; 19] = [
    "source",
    "delivery",
    "path",
    "line",
    "column",
    "reason",
    "raw",
    "size_bytes",
    "modified_at",
    "content_hash",
    "contract_hash",
    "landed_at",
    "rows_in",
    "rows_landed",
    "rows_rejected",
    "unknown_columns",
    "replaced_by",
    "loaded_at",
    "title",
];

#[test]
fn lineage_goes_both_ways_in_every_format() {
    let project = small();
    let mut shown = Vec::new();
    for format in ["text", "mermaid", "dot", "json"] {
        shown.push(
            project
                .ok(&["lineage", "silver.plays", "--format", format])
                .stdout,
        );
    }
    insta::assert_snapshot!(shown.join("\n"));
    insta::assert_snapshot!(project.fails(&["lineage", "silver.playz"]), @r"
    exit 2
    error: no table or report `silver.playz`
    hint: did you mean `silver.plays`?
    ");
}

#[test]
fn a_report_that_cannot_run_shows_in_check_and_docs() {
    let project = small();
    project.deliver("plays.csv", "id,title\n1,A\n");
    project.ok(&["refresh"]);
    project.write(
        "queries/reports/top.sql",
        "-- What was played the most?\nselect title,\n    playz\nfrom gold.titles\n",
    );
    let said = [project.fails(&["check"]), project.fails(&["docs"])];
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn a_metric_that_never_varies_is_a_warning() {
    let constant = |months: &[&str]| {
        let rows: Vec<String> = months
            .iter()
            .map(|m| format!("(date '{m}', 1.0)"))
            .collect();
        format!(
            "-- Rates.\n--\n-- grain: month\n-- varies: completion_rate over month\n\
             select column1 as month, -- month\n    column2 as completion_rate -- rate\n\
             from (values {}) as rates\n",
            rows.join(", ")
        )
    };
    let project = Project::of(&[]);
    project.write(
        "queries/gold/rates.sql",
        &constant(&["2024-01-01", "2024-02-01"]),
    );
    assert!(!project.ok(&["refresh"]).stderr.contains("warning"));
    project.write(
        "queries/gold/rates.sql",
        &constant(&["2024-01-01", "2024-02-01", "2024-03-01"]),
    );
    let ran = project.ok(&["refresh"]);
    assert!(
        ran.stderr
            .contains("warning: gold.rates: varies: completion_rate over month"),
        "{}",
        ran.stderr
    );
    let text = constant(&["2024-01-01", "2024-02-01", "2024-03-01"])
        .replace("2024-03-01', 1.0", "2024-03-01', 0.9");
    project.write("queries/gold/rates.sql", &text);
    assert!(!project.ok(&["refresh"]).stderr.contains("warning"));
}
