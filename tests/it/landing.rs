//! Landing: every row becomes a row or a reject, and deliveries are told apart.

use std::io::Write;

use crate::support::Project;

const CONTRACT: &str = r#"
description = "One row per click."
files = "clicks*"
key = ["id"]
version_by = "at"

[columns]
id = { type = "bigint", required = true, aliases = ["click_id"] }
at = { type = "timestamp", required = true }
amount = { type = "decimal(8,2)" }
share = { type = "decimal(5,2)", unit = "percent" }
note = { type = "text" }
"#;

fn project() -> Project {
    Project::of(&[("bronze/clicks.toml", CONTRACT)])
}

const HEADER: &str = "id,at,amount,share,note\n";

fn deliver(project: &Project, name: &str, rows: &str) {
    project.deliver(name, format!("{HEADER}{rows}"));
}

#[test]
fn values_are_typed_scaled_and_know_their_line() {
    let project = project();
    deliver(
        &project,
        "clicks.csv",
        "1,2024-01-31 10:00:00,9.99,86.17,\"a \"\"b\"\"\nc\"\n2,2024-02-01T00:00:00Z,,,\"\"\n",
    );
    project.ok(&["land"]);
    assert_eq!(
        project.rows("select id, at, amount, share, length(note), _line, _delivery from bronze.clicks order by id"),
        ["1,2024-01-31T10:00:00Z,9.99,0.8617,7,2,1", "2,2024-02-01T00:00:00Z,,,0,4,1"]
    );
}

#[test]
fn rows_that_do_not_fit_are_rejected_with_their_reason() {
    let project = project();
    deliver(
        &project,
        "clicks.csv",
        "1,2024-01-01,1.00,50,fine\n\
         two,2024-01-01,1.00,50,no number\n\
         3,01/02/2024,1.00,50,ambiguous date\n\
         4,2024-01-01,1.005,50,too many digits\n\
         5,2024-01-01,1.00\n\
         ,2024-01-01,1.00,50,no key\n\
         7,2024-01-01,1.00,50,\"x\"y\n",
    );
    let ran = project.ok(&["land"]);
    insta::assert_snapshot!(ran.stderr, @r"
    landed clicks.csv as bronze.clicks: 1 row of 7, 6 rejected
      first reject: clicks.csv:3: column `id`: expected bigint, found `two`
    6 rejected rows: `cinelake rejects` shows them
    published snapshot 1: 3 tables changed
    ");
    let ran = project.ok(&["-q", "rejects", "-f", "csv"]);
    insta::assert_snapshot!(ran.stdout, @r#"
    source,path,line,column,reason,raw
    clicks,clicks.csv,3,id,"expected bigint, found `two`","two,2024-01-01,1.00,50,no number"
    clicks,clicks.csv,4,at,"expected timestamp, found `01/02/2024`","3,01/02/2024,1.00,50,ambiguous date"
    clicks,clicks.csv,5,amount,"expected decimal(8,2), found `1.005`","4,2024-01-01,1.005,50,too many digits"
    clicks,clicks.csv,6,,"expected 5 fields, found 3","5,2024-01-01,1.00"
    clicks,clicks.csv,7,id,"a value is required, found none",",2024-01-01,1.00,50,no key"
    clicks,clicks.csv,8,,text follows a closing quote: `y`,"7,2024-01-01,1.00,50,""x""y"
    "#);
    assert_eq!(
        project.row("select rows_in, rows_landed, rows_rejected from system.deliveries"),
        "7,1,6"
    );
}

#[test]
fn the_same_content_lands_once_under_any_name() {
    let project = project();
    deliver(&project, "clicks_1.csv", "1,2024-01-01,1.00,50,x\n");
    project.ok(&["land"]);
    deliver(&project, "clicks_copy.csv", "1,2024-01-01,1.00,50,x\n");
    let before = project.lake_files();
    let ran = project.ok(&["land"]);
    insta::assert_snapshot!(ran.stderr, @r"
    clicks_copy.csv: the same content as clicks_1.csv, nothing to land
    nothing new: snapshot 1 is up to date
    ");
    assert_eq!(project.lake_files(), before);
    assert_eq!(project.row("select count(*) from bronze.clicks"), "1");
}

#[test]
fn changed_content_under_a_known_name_replaces_rows_and_rejects() {
    let project = project();
    deliver(
        &project,
        "clicks.csv",
        "1,2024-01-01,1.00,50,old\nbad,2024-01-01,,,\n",
    );
    project.ok(&["land"]);
    deliver(&project, "clicks.csv", "2,2024-01-02,2.00,50,new\n");
    project.ok(&["land"]);
    assert_eq!(
        project.rows("select id, note, _delivery from bronze.clicks"),
        ["2,new,2"]
    );
    assert_eq!(project.row("select count(*) from bronze._rejects"), "0");
    assert_eq!(
        project.rows("select delivery, replaced_by from system.deliveries order by 1"),
        ["1,2", "2,"]
    );
    // The old rows are still what snapshot 1 says.
    let old = project.ok(&[
        "-q",
        "sql",
        "--at",
        "1",
        "-f",
        "csv",
        "-c",
        "select note from bronze.clicks",
    ]);
    assert_eq!(old.stdout, "note\nold\n");
}

#[test]
fn of_several_rows_with_one_key_the_newest_counts() {
    let project = project();
    deliver(
        &project,
        "clicks_1.csv",
        "1,2024-01-01,1.00,50,first\n1,2024-01-03,3.00,50,third\n2,2024-01-01,1.00,50,only\n",
    );
    project.ok(&["land"]);
    let current = "select id, note from bronze.clicks where _current order by id";
    assert_eq!(project.rows(current), ["1,third", "2,only"]);

    // An older version that arrives later does not count, a newer one does.
    deliver(
        &project,
        "clicks_2.csv",
        "1,2024-01-02,2.00,50,second\n2,2024-01-09,9.00,50,newer\n",
    );
    project.ok(&["land"]);
    assert_eq!(project.rows(current), ["1,third", "2,newer"]);
    assert_eq!(project.row("select count(*) from bronze.clicks"), "5");

    // When the newest version goes, the one before counts again.
    deliver(&project, "clicks_2.csv", "3,2024-01-01,1.00,50,other\n");
    project.ok(&["land"]);
    assert_eq!(project.rows(current), ["1,third", "2,only", "3,other"]);
}

#[test]
fn a_tie_goes_to_the_later_row() {
    let project = project();
    deliver(
        &project,
        "clicks.csv",
        "1,2024-01-01,1.00,50,a\n1,2024-01-01,1.00,50,b\n",
    );
    project.ok(&["land"]);
    assert_eq!(
        project.rows("select note from bronze.clicks where _current"),
        ["b"]
    );
}

#[test]
fn headers_are_found_by_name_alias_and_in_any_order() {
    let project = project();
    project.deliver(
        "clicks.csv",
        "Note;Click ID;AT;surprise\nhello;1;2024-01-01;what\n",
    );
    let ran = project.ok(&["land"]);
    insta::assert_snapshot!(ran.stderr, @r"
    landed clicks.csv as bronze.clicks: 1 row
      columns the contract does not name, kept as text: surprise
      columns of the contract that the file lacks, null in every row: amount, share
    published snapshot 1: 3 tables changed
    ");
    assert_eq!(
        project.row("select id, note, surprise, amount from bronze.clicks"),
        "1,hello,what,"
    );
    // A later file without the column has null there.
    deliver(&project, "clicks_2.csv", "2,2024-01-01,,,x\n");
    project.ok(&["land"]);
    assert_eq!(
        project.rows("select id, surprise from bronze.clicks order by 1"),
        ["1,what", "2,"]
    );
}

#[test]
fn packed_files_land_like_plain_ones() {
    let rows = format!("{HEADER}1,2024-01-01,1.00,50,x\n");
    let project = project();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(rows.as_bytes()).unwrap();
    project.deliver("clicks_1.csv.gz", gzip.finish().unwrap());
    let other = rows.replace("1,2024", "2,2024");
    project.deliver(
        "clicks_2.csv.zst",
        zstd::encode_all(other.as_bytes(), 3).unwrap(),
    );
    project.ok(&["land"]);
    assert_eq!(
        project.rows("select id from bronze.clicks order by 1"),
        ["1", "2"]
    );
}

#[test]
fn a_packed_file_that_ends_early_is_refused_and_nothing_lands() {
    let project = project();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    gzip.write_all(format!("{HEADER}{}", "1,2024-01-01,1.00,50,x\n".repeat(50)).as_bytes())
        .unwrap();
    let whole = gzip.finish().unwrap();
    project.deliver("clicks.csv.gz", &whole[..whole.len() / 2]);
    insta::assert_snapshot!(project.fails(&["land"]), @r"
    exit 1
    error: ./lake/landing/clicks.csv.gz: the file cannot be read to its end: incomplete deflate stream
    hint: a packed file that ends early is incomplete; deliver it again
    ");
}

#[test]
fn encodings_and_line_ends_are_read_as_they_are() {
    let project = project();
    project.deliver(
        "clicks_bom.csv",
        "\u{feff}id,at,note\r\n1,2024-01-01,bom\r\n",
    );
    project.deliver(
        "clicks_cr.csv",
        "id,at,note\r2,2024-01-01,mac\r3,2024-01-01,mac\r",
    );
    let utf16: Vec<u8> = "\u{feff}id,at,note\n4,2024-01-01,Argeș\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    project.deliver("clicks_utf16.csv", utf16);
    project.deliver(
        "clicks_latin.csv",
        b"id,at,note\n5,2024-01-01,caf\xe9\n6,2024-01-01,fine\n",
    );
    project.ok(&["land"]);
    assert_eq!(
        project.rows("select id, note from bronze.clicks order by 1"),
        ["1,bom", "2,mac", "3,mac", "4,Argeș", "6,fine"]
    );
    assert_eq!(
        project.row("select path, line, reason from bronze._rejects"),
        "clicks_latin.csv,2,not UTF-8 at byte 17 of the row"
    );
}

#[test]
fn a_declared_encoding_is_used() {
    let contract = CONTRACT.replace("key =", "encoding = \"windows-1252\"\nkey =");
    let project = Project::of(&[("bronze/clicks.toml", &contract)]);
    project.deliver("clicks.csv", b"id,at,note\n1,2024-01-01,caf\xe9 \x92\n");
    project.ok(&["land"]);
    assert_eq!(project.row("select note from bronze.clicks"), "café ’");
}

#[test]
fn without_quoting_a_quote_is_an_ordinary_character() {
    let contract = "files = \"basics*\"\nquote = \"none\"\nnull = [\"\\\\N\"]\n[columns]\n\
                    id = { type = \"text\", required = true }\ntitle = \"text\"\nyear = \"smallint\"\n";
    let project = Project::of(&[("bronze/basics.toml", contract)]);
    project.deliver(
        "basics.tsv",
        "id\ttitle\tyear\ntt1\t\"Open\t1999\ntt2\tPlain\t\\N\n",
    );
    project.ok(&["land"]);
    assert_eq!(
        project.rows("select id, title, year from bronze.basics order by 1"),
        ["tt1,\"\"\"Open\",1999", "tt2,Plain,"]
    );
}

#[test]
fn a_delivery_with_too_many_rejects_is_refused_whole() {
    let project = project();
    let rows: String = (0..40)
        .map(|i| format!("{i},31.12.2024,1.00,50,x\n"))
        .collect();
    deliver(&project, "clicks.csv", &rows);
    insta::assert_snapshot!(project.fails(&["land"]), @r"
    exit 1
    error: ./lake/landing/clicks.csv:2: 40 of 40 rows do not fit the contract
    hint: the first: column `at`: expected timestamp, found `31.12.2024`; mend queries/bronze/clicks.toml (types, formats, delimiter), or raise its `max_rejected`
    ");
    assert!(
        project
            .lake_files()
            .iter()
            .all(|f| !f.starts_with("_snapshots"))
    );
}

#[test]
fn a_changed_contract_lands_its_files_again() {
    let project = project();
    deliver(&project, "clicks.csv", "1,2024-01-01,1.00,50,x\n");
    project.ok(&["land"]);
    project.write(
        "queries/bronze/clicks.toml",
        &CONTRACT.replace(
            "amount = { type = \"decimal(8,2)\" }",
            "amount = { type = \"double\" }",
        ),
    );
    project.ok(&["land"]);
    assert_eq!(
        project.row("select arrow_typeof(amount) from bronze.clicks"),
        "Float64"
    );
    assert_eq!(project.row("select count(*) from bronze.clicks"), "1");
}

#[test]
fn a_dry_run_shows_what_would_land_and_writes_nothing() {
    let project = project();
    project.deliver(
        "clicks.csv",
        "click_id|at|extra\n1|2024-01-01|x\nbad|2024-01-01|x\n",
    );
    let ran = project.run(&["land", "--dry-run"]);
    assert_eq!(ran.code, Some(1));
    insta::assert_snapshot!(ran.stdout, @r#"
    clicks.csv (50 B) is new
      source bronze.clicks (queries/bronze/clicks.toml), separator '|', quote "
      id bigint, from `click_id`
      at timestamp
      amount decimal(8,2), not in this file: null
      share decimal(5,2), not in this file: null
      note text, not in this file: null
      extra text, not named by the contract
      2 rows: 1 would land, 1 would be rejected
        clicks.csv:3: column `id`: expected bigint, found `bad`
    "#);
    assert!(project.lake_files().is_empty());
}

#[test]
fn partitions_are_months_of_the_configured_zone() {
    let contract = CONTRACT.replace(
        "key =",
        "zone = \"Asia/Jakarta\"\npartition_by = { month = \"at\" }\nkey =",
    );
    let project = Project::of(&[("bronze/clicks.toml", &contract)]);
    // Midnight in Jakarta is 17:00 UTC of the day before.
    deliver(
        &project,
        "clicks.csv",
        "1,2024-03-01 00:00:00,1.00,50,x\n2,2024-02-29 23:59:59,1.00,50,x\n",
    );
    project.ok(&["land"]);
    assert_eq!(
        project.rows("select id, at, month from bronze.clicks order by id"),
        [
            "1,2024-02-29T17:00:00Z,2024-03-01",
            "2,2024-02-29T16:59:59Z,2024-02-01"
        ]
    );
}

#[test]
fn files_of_no_source_are_named() {
    let project = project();
    project.deliver("other.csv", "a\n1\n");
    project.deliver("clicks.csv.part", "id,at\n");
    let ran = project.ok(&["land", "-v"]);
    assert!(
        ran.stderr
            .contains("other.csv: left alone: no contract in `queries/bronze/` names it"),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr
            .contains("clicks.csv.part: left alone: still being written, by its name"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_rotated_file_keeps_its_rows() {
    let project = project();
    deliver(&project, "clicks.csv", "1,2024-01-01,1.00,50,old\n");
    project.ok(&["land"]);
    std::fs::rename(
        project.path("lake/landing/clicks.csv"),
        project.path("lake/landing/clicks_old.csv"),
    )
    .unwrap();
    deliver(&project, "clicks.csv", "2,2024-01-02,2.00,50,new\n");
    let ran = project.ok(&["land"]);
    insta::assert_snapshot!(ran.stderr, @r"
    landed clicks.csv as bronze.clicks: 1 row
    clicks_old.csv: the new name of delivery 1, nothing to land
    published snapshot 2: 2 tables changed
    ");
    let all = "select id, _delivery from bronze.clicks order by id";
    assert_eq!(project.rows(all), ["1,1", "2,2"]);
    let again = project.ok(&["land"]);
    assert!(again.stderr.starts_with("nothing new"), "{}", again.stderr);
    // Another contract lands both again, in the same order.
    project.write(
        "queries/bronze/clicks.toml",
        &CONTRACT.replace("decimal(8,2)", "double"),
    );
    project.ok(&["land"]);
    assert_eq!(project.rows(all), ["1,3", "2,4"]);
}

#[test]
fn new_content_under_a_known_and_a_new_name_lands_once() {
    let contract = CONTRACT.replace("key = [\"id\"]\n", "");
    let project = Project::of(&[("bronze/clicks.toml", &contract)]);
    deliver(&project, "clicks_latest.csv", "1,2024-01-01,1.00,50,a\n");
    project.ok(&["land"]);
    deliver(&project, "clicks_latest.csv", "2,2024-02-01,1.00,50,b\n");
    deliver(&project, "clicks_2024-02.csv", "2,2024-02-01,1.00,50,b\n");
    project.ok(&["land"]);
    assert_eq!(project.rows("select id from bronze.clicks"), ["2"]);
}

#[test]
fn a_wide_table_replaces_its_rows_too() {
    let names: Vec<String> = (0..40).map(|i| format!("c{i}")).collect();
    let columns: String = names.iter().map(|n| format!("{n} = \"text\"\n")).collect();
    let contract = format!(
        "files = \"wide*\"\nkey = [\"id\"]\n[columns]\nid = {{ type = \"bigint\", required = true }}\n{columns}"
    );
    let project = Project::of(&[("bronze/wide.toml", &contract)]);
    let file = |id: &str, value: &str| {
        format!(
            "id,{}\n{id},{}\n",
            names.join(","),
            vec![value; 40].join(",")
        )
    };
    project.deliver("wide.csv", file("1", "old"));
    project.ok(&["land"]);
    project.deliver("wide.csv", file("1", "new"));
    project.deliver("wide_2.csv", file("1", "newer"));
    project.ok(&["land"]);
    assert_eq!(
        project.rows("select c39, _current from bronze.wide order by 1"),
        ["new,false", "newer,true"]
    );
}

#[test]
fn lone_carriage_returns_end_lines_even_beside_line_feeds_in_cells() {
    let project = project();
    project.deliver(
        "clicks.csv",
        "id,at,note\r1,2024-01-01,\"a\nb\"\r2,2024-01-01,x\r",
    );
    project.ok(&["land"]);
    assert_eq!(
        project.row("select count(*), max(length(note)) from bronze.clicks"),
        "2,3"
    );
}
