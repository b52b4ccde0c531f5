//! What a user's mistakes answer: one voice, the place, a hint.

use crate::support::Project;

const USERS: &str = "files = \"users*\"\n[columns]\nuser_id = { type = \"bigint\", required = true }\ncountry = \"text\"\n";

fn project_with(files: &[(&str, &str)]) -> Project {
    let mut all = vec![("bronze/users.toml", USERS)];
    all.extend_from_slice(files);
    let project = Project::of(&all);
    project.deliver("users.csv", "user_id,country\n1,US\n");
    project
}

#[test]
fn mistakes_in_the_project() {
    let cases: &[(&str, &[(&str, &str)])] = &[
        (
            "an unknown header key",
            &[("gold/a.sql", "-- A.\n-- partition: x\nselect 1 as n")],
        ),
        (
            "a missing table",
            &[("gold/a.sql", "select 1 as n\nfrom silver.userz")],
        ),
        (
            "a bare table",
            &[("gold/a.sql", "select 1 as n from users")],
        ),
        (
            "a cycle",
            &[
                ("gold/a.sql", "select n from gold.b"),
                ("gold/b.sql", "select n from gold.a"),
            ],
        ),
        (
            "the wall clock",
            &[(
                "gold/a.sql",
                "select user_id\nfrom bronze.users\nwhere now() > '2024-01-01'",
            )],
        ),
        (
            "a syntax error",
            &[("gold/a.sql", "select user_id,,\nfrom bronze.users")],
        ),
        (
            "two statements",
            &[("gold/a.sql", "select 1 as n; select 2 as n")],
        ),
        ("no statement", &[("gold/a.sql", "-- Nothing yet.\n")]),
        (
            "a statement that writes",
            &[("gold/a.sql", "create table x as select 1 as n")],
        ),
        ("an unknown folder", &[("glod/a.sql", "select 1 as n")]),
        (
            "a contract among models",
            &[("gold/a.toml", "files = \"x\"")],
        ),
        ("a name that is none", &[("gold/A-B.sql", "select 1 as n")]),
        (
            "an unknown contract key",
            &[(
                "bronze/b.toml",
                "files = \"b*\"\ndelimeter = \";\"\n[columns]\na = \"text\"\n",
            )],
        ),
        (
            "an unknown type",
            &[(
                "bronze/b.toml",
                "files = \"b*\"\n[columns]\na = \"text\"\nb = \"bigit\"\n",
            )],
        ),
        (
            "an unknown column key",
            &[(
                "bronze/b.toml",
                "files = \"b*\"\n[columns]\na = { type = \"text\", requird = true }\n",
            )],
        ),
        (
            "an unknown unit",
            &[(
                "bronze/b.toml",
                "files = \"b*\"\n[columns]\na = { type = \"double\", unit = \"procent\" }\n",
            )],
        ),
        (
            "a unit on a count",
            &[(
                "bronze/b.toml",
                "files = \"b*\"\n[columns]\na = { type = \"bigint\", unit = \"percent\" }\n",
            )],
        ),
        (
            "a key that is no column",
            &[(
                "bronze/b.toml",
                "files = \"b*\"\nkey = [\"ida\"]\n[columns]\nid = { type = \"text\", required = true }\n",
            )],
        ),
        (
            "a key without required",
            &[(
                "bronze/b.toml",
                "files = \"b*\"\nkey = [\"id\"]\n[columns]\nid = \"text\"\n",
            )],
        ),
        (
            "a partition of text",
            &[(
                "bronze/b.toml",
                "files = \"b*\"\npartition_by = { month = \"id\" }\n[columns]\nid = { type = \"text\", required = true }\n",
            )],
        ),
        (
            "an unknown zone",
            &[(
                "bronze/b.toml",
                "files = \"b*\"\nzone = \"Mars/Base\"\n[columns]\nid = \"text\"\n",
            )],
        ),
        (
            "broken TOML",
            &[("bronze/b.toml", "files = \"b*\n[columns]\n")],
        ),
        ("no columns", &[("bronze/b.toml", "files = \"b*\"\n")]),
    ];
    let mut all = String::new();
    for (what, files) in cases {
        let project = project_with(files);
        all.push_str(&format!("# {what}\n{}\n", project.fails(&["refresh"])));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn mistakes_that_show_when_a_model_is_built() {
    let cases: &[(&str, &str)] = &[
        (
            "an unknown column",
            "select\n    user_di\nfrom bronze.users",
        ),
        (
            "an unknown function",
            "select uper(country) as c from bronze.users",
        ),
        (
            "a column without a name",
            "select count(*) from bronze.users",
        ),
        (
            "two columns of one name",
            "select user_id, country as user_id from bronze.users",
        ),
        (
            "a column without a type",
            "select null as nothing from bronze.users",
        ),
        (
            "a list column",
            "select string_to_array(country, ',') as parts from bronze.users",
        ),
        (
            "a cast that fails",
            "select cast(country as bigint) as n from bronze.users",
        ),
        (
            "a partition that is no date",
            "-- A.\n-- partition_by: country\nselect user_id, country from bronze.users",
        ),
        (
            "an unknown partition column",
            "-- A.\n-- partition_by: month\nselect user_id from bronze.users",
        ),
        (
            "a check of an unknown column",
            "-- A.\n-- not_null: nope\nselect user_id from bronze.users",
        ),
        (
            "a check that does not plan",
            "-- A.\n--\n-- check: nope > 1\nselect user_id from bronze.users",
        ),
    ];
    let mut all = String::new();
    for (what, sql) in cases {
        let project = project_with(&[("gold/a.sql", sql)]);
        all.push_str(&format!(
            "# {what}\n{}\n",
            project.fails(&["-q", "refresh"])
        ));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn mistakes_in_files() {
    let cases: &[(&str, &str)] = &[
        ("an empty file", ""),
        ("a missing required column", "userid_x,country\n1,US\n"),
        (
            "another separator than declared columns know",
            "user_id^country\n1^US\n",
        ),
        ("one column twice", "user_id,USER_ID\n1,2\n"),
    ];
    let mut all = String::new();
    for (what, text) in cases {
        let project = project_with(&[]);
        project.deliver("users.csv", text);
        all.push_str(&format!("# {what}\n{}\n", project.fails(&["refresh"])));
    }
    let project = project_with(&[(
        "bronze/people.toml",
        "files = \"user*\"\n[columns]\nid = \"text\"\n",
    )]);
    all.push_str(&format!(
        "# two sources claim a file\n{}\n",
        project.fails(&["refresh"])
    ));
    insta::assert_snapshot!(all);
}

#[test]
fn mistakes_on_the_command_line() {
    let project = project_with(&[
        ("gold/a.sql", "select user_id from bronze.users"),
        (
            "reports/few.sql",
            "-- Few?\n-- param: limit bigint\nselect user_id from gold.a limit $limit",
        ),
    ]);
    let mut all = String::new();
    let mut case = |project: &Project, args: &[&str]| {
        let said = project.fails(args);
        all.push_str(&format!("$ cinelake {}\n{said}\n", args.join(" ")));
    };
    case(&project, &["sql", "-c", "select 1"]);
    case(&project, &["refresh", "--as-of", "2024-01-01"]);
    project.ok(&["refresh"]);
    for args in [
        &["sql", "-c", "select * from gold.b"][..],
        &["sql", "-c", "select * from a.b.c.d"],
        &["sql", "-c", "select * from users"],
        &["sql", "-c", "select usr_id from gold.a"],
        &["sql", "-c", "selct 1"],
        &["sql", "-c", "select 1 as n", "--param", "months=6"],
        &["sql", "-c", "select 1; select 2", "--output", "two.csv"],
        &["sql", "-c", ""],
        &["sql", "-c", "drop table gold.a"],
        &["sql", "-c", "select 1 / 0 as n"],
        &["sql", "-c", "select $x as n"],
        &["sql", "few"],
        &["sql", "few", "--param", "limit=many"],
        &["sql", "few", "--param", "limt=1"],
        &["sql", "few", "--param", "limit"],
        &["sql", "nothing.sql"],
        &["sql", "-c", "select 1 as n", "--at", "99"],
        &["sql", "-c", "select 1 as n", "--output", "x.unknown"],
        &["sql", "-c", "select 1 as n", "--output", "lake/x.csv"],
        &["describe", "gold.aa"],
        &["describe", "users"],
        &["refresh", "--select", "gold.z"],
        &["refresh", "--as-of", "tomorrow"],
        &["--memory", "lots", "ls"],
        &["--memory", "1MiB", "ls"],
        &["--threads", "0", "ls"],
        &["--lake", "ftp://x/y", "ls"],
        &["--lake", "nowhere", "ls"],
        &["--landing", "nowhere", "land"],
        &["--project", "nowhere", "refresh"],
        &["init", "."],
        &["generate", "--dirty", "2"],
    ] {
        case(&project, args);
    }
    insta::assert_snapshot!(all);
}

#[test]
fn a_mistake_in_the_project_file() {
    let project = project_with(&[]);
    project.write(
        "cinelake.toml",
        "lake = \"lake\"\n[engine]\nmemori = \"1GiB\"\n",
    );
    insta::assert_snapshot!(project.fails(&["refresh"]), @r"
    exit 2
    error: ./cinelake.toml:3: unknown key `memori`
    hint: did you mean `memory`?
    ");
}
