//! One contract for a family of files: values from paths, units, encodings.

use crate::support::Project;

const CONTRACT: &str = r#"
description = "Figures."
files = "**/figures/**/*.csv"
key = ["platform", "measure", "year"]
thousands = ","
encoding = ["utf-8", "windows-1252"]
unknown_columns = "refuse"

[columns]
platform = { type = "text", required = true, from = "folder_name", description = "the platform" }
measure = { type = "text", required = true, from = "file_name" }
year = { type = "text", required = true, aliases = ["Name"] }
value = { type = "decimal(9,3)", unit = "billions", aliases = ["Revenue", "Users"] }
"#;

fn figures() -> Project {
    let project = Project::of(&[
        ("bronze/figures.toml", CONTRACT),
        (
            "bronze/users.toml",
            "description = \"Users.\"\nfiles = \"users*\"\n[columns]\nuser_id = \"bigint\"\n",
        ),
    ]);
    project.write("cinelake.toml", "");
    project
}

const ROWS: &str = "select platform, measure, year, value from bronze.figures order by 1, 2, 3";

#[test]
fn folder_and_file_name_land_beside_the_rows() {
    let project = figures();
    project.deliver(
        "ott/figures/Hulu/Revenue.v2.csv",
        "Year,Revenue\r\n2020,4.4\r\n",
    );
    project.deliver(
        "figures/Netflix/Revenue.csv",
        "\u{feff}Year, Revenue\n2020,24.9\n",
    );
    project.ok(&["refresh"]);
    assert_eq!(
        project.rows(ROWS),
        [
            "Hulu,Revenue,2020,4400000000.000",
            "Netflix,Revenue,2020,24900000000.000"
        ]
    );
}

#[test]
fn a_file_in_a_named_folder_belongs_to_the_contract_that_names_the_folder() {
    let project = figures();
    project.deliver("figures/Tiktok/Users.csv", "Year,Users\n2020,0.7\n");
    project.deliver("users.csv", "user_id\n7\n");
    project.ok(&["refresh"]);
    assert_eq!(project.rows(ROWS), ["Tiktok,Users,2020,700000000.000"]);
    assert_eq!(project.row("select user_id from bronze.users"), "7");
}

#[test]
fn equal_files_of_two_folders_are_two_deliveries() {
    let project = figures();
    for platform in ["A", "B"] {
        let path = format!("figures/{platform}/Profit.csv");
        project.deliver(&path, "Year,Revenue\n2020,1\n");
    }
    // The same content in the same place under another roof is landed once.
    project.deliver("again/figures/A/Profit.csv", "Year,Revenue\n2020,1\n");
    project.ok(&["refresh"]);
    assert_eq!(
        project.rows(ROWS),
        [
            "A,Profit,2020,1000000000.000",
            "B,Profit,2020,1000000000.000"
        ]
    );
    assert_eq!(project.row("select count(*) from system.deliveries"), "2");
}

#[test]
fn thousands_are_read_where_marks_stand_right_and_rejected_elsewhere() {
    let project = figures();
    project.deliver(
        "figures/A/Size.csv",
        "Name,Revenue\na,\"26,300\"\nb,580\nc,\"2,63\"\nd,\"1,234.5\"\n",
    );
    project.ok(&["refresh"]);
    assert_eq!(
        project.rows("select year, value / 1000000000 from bronze.figures order by 1"),
        [
            "a,26300.0000000000000000",
            "b,580.0000000000000000",
            "d,1234.5000000000000000"
        ]
    );
    assert_eq!(
        project.row("select line, reason from bronze._rejects"),
        "4,\"expected decimal(9,3), found `2,63`\""
    );
}

#[test]
fn the_first_encoding_in_which_a_file_makes_sense_is_taken() {
    let project = figures();
    project.deliver("figures/A/Utf.csv", "Name,Revenue\nArgeș,1\n");
    project.deliver("figures/A/Ansi.csv", b"Name,Revenue\nTom Clancy\x92s,1\n");
    project.ok(&["refresh"]);
    assert_eq!(
        project.rows("select year from bronze.figures order by year"),
        ["Argeș", "Tom Clancy’s"]
    );
}

#[test]
fn an_unknown_measure_is_refused_rather_than_lost() {
    let project = figures();
    project.deliver("figures/A/Churn.csv", "Year,Churn\n2020,0.1\n");
    insta::assert_snapshot!(project.fails(&["refresh"]), @r#"
    exit 1
    error: ./lake/landing/figures/A/Churn.csv:1: the contract does not know `churn`
    hint: add them to queries/bronze/figures.toml, or set `unknown_columns = "keep"`
    "#);
}

#[test]
fn a_file_that_moves_to_another_folder_takes_its_rows_along() {
    let project = figures();
    project.deliver("figures/A/Profit.csv", "Year,Revenue\n2020,1\n");
    project.ok(&["refresh"]);
    let old = project.path("lake/landing/figures/A/Profit.csv");
    let new = project.path("lake/landing/figures/B/Profit.csv");
    std::fs::create_dir_all(new.parent().unwrap()).unwrap();
    std::fs::rename(old, new).unwrap();
    project.ok(&["refresh"]);
    assert_eq!(project.rows(ROWS), ["B,Profit,2020,1000000000.000"]);
}

#[test]
fn a_file_that_moved_lands_by_a_contract_that_reads_its_path_later() {
    let plain = CONTRACT
        .replace(
            "key = [\"platform\", \"measure\", \"year\"]",
            "key = [\"year\"]",
        )
        .replace(", from = \"folder_name\"", "")
        .replace(
            "required = true, description = \"the platform\"",
            "description = \"the platform\"",
        )
        .replace(
            "measure = { type = \"text\", required = true, from = \"file_name\" }",
            "measure = \"text\"",
        );
    let project = figures();
    project.write("queries/bronze/figures.toml", &plain);
    project.deliver("figures/A/Profit.csv", "Year,Revenue\n2020,1\n");
    project.ok(&["refresh"]);
    let new = project.path("lake/landing/figures/B/Profit.csv");
    std::fs::create_dir_all(new.parent().unwrap()).unwrap();
    std::fs::rename(project.path("lake/landing/figures/A/Profit.csv"), new).unwrap();
    project.ok(&["refresh"]);
    project.write("queries/bronze/figures.toml", CONTRACT);
    project.ok(&["refresh"]);
    assert_eq!(project.rows(ROWS), ["B,Profit,2020,1000000000.000"]);
}

#[test]
fn a_file_outside_every_folder_is_refused_where_the_folder_says_what_it_is() {
    let project = figures();
    let contract = CONTRACT.replace("**/figures/**/*.csv", "figures*");
    project.write("queries/bronze/figures.toml", &contract);
    project.deliver("figures.csv", "Year,Revenue\n2020,1\n");
    insta::assert_snapshot!(project.fails(&["refresh"]), @r"
    exit 1
    error: ./lake/landing/figures.csv: column `platform` is the folder's name, and the file lies in none
    hint: put the file into a folder of the landing folder
    ");
}

#[test]
fn a_file_that_fits_no_encoding_is_refused() {
    let project = figures();
    let contract = CONTRACT.replace("windows-1252", "shift_jis");
    project.write("queries/bronze/figures.toml", &contract);
    project.deliver("figures/A/Profit.csv", b"Year,Revenue\ncaf\xff,1\n");
    insta::assert_snapshot!(project.fails(&["refresh"]), @r"
    exit 1
    error: ./lake/landing/figures/A/Profit.csv: the file makes no sense as `UTF-8` or `Shift_JIS`
    hint: say in which `encoding` it is written in queries/bronze/figures.toml
    ");
}

#[test]
fn a_wrong_mark_or_origin_is_an_error_of_the_contract() {
    let mut said = Vec::new();
    for (right, wrong) in [
        ("thousands = \",\"", "thousands = \".\""),
        ("from = \"file_name\"", "from = \"file\""),
        (
            "encoding = [\"utf-8\", \"windows-1252\"]",
            "encoding = [\"utf-8\", \"ansi\"]",
        ),
    ] {
        let project = figures();
        project.write(
            "queries/bronze/figures.toml",
            &CONTRACT.replace(right, wrong),
        );
        said.push(project.fails(&["refresh"]));
    }
    insta::assert_snapshot!(said.join("\n"));
}
