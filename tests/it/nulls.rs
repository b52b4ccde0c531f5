//! Sets with nulls, and extremes beside other aggregates: where the engine
//! beneath would answer without an error, and wrongly.

use crate::support::Project;

/// Whether `value` is among `set`, with SQL's third answer.
fn is_in(value: Option<i32>, set: &[Option<i32>]) -> Option<bool> {
    let found = value.is_some() && set.contains(&value);
    let unknown = !set.is_empty() && (value.is_none() || set.contains(&None));
    match (found, unknown) {
        (true, _) => Some(true),
        (false, true) => None,
        (false, false) => Some(false),
    }
}

fn both(one: Option<bool>, other: Option<bool>) -> Option<bool> {
    match (one, other) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

fn written(value: Option<i32>) -> String {
    value.map_or("null".to_owned(), |v| v.to_string())
}

/// Views of nine months, of which the seventh alone has a television.
fn views() -> Project {
    let project = Project::of(&[
        (
            "bronze/views.toml",
            "description = \"Views.\"\nfiles = \"views*\"\n[columns]\nday = \"date\"\ndevice = \"text\"\n",
        ),
        (
            "silver/views.sql",
            "-- Views.\n--\n-- partition_by: month\n\
             select cast(date_trunc('month', day) as date) as month, day, device from bronze.views",
        ),
    ]);
    let mut views = String::from("day,device\n");
    for month in 1..=9 {
        let device = if month == 7 { "tv" } else { "phone" };
        for day in 1..=20 {
            views.push_str(&format!("2024-{month:02}-{day:02},{device}\n"));
        }
    }
    project.deliver("views.csv", views);
    project.ok(&["refresh"]);
    project
}

fn rows(project: &Project, sql: &str) -> Vec<String> {
    let answer = project.ok(&["-q", "sql", "-f", "csv", "-c", sql]).stdout;
    answer.lines().skip(1).map(ToOwned::to_owned).collect()
}

#[test]
fn a_condition_on_a_set_has_three_answers() {
    let project = views();
    let values = [Some(1), Some(2), None];
    let sets: [&[Option<i32>]; 5] = [
        &[],
        &[Some(2)],
        &[Some(2), None],
        &[None],
        &[Some(7), Some(1)],
    ];
    type Holds = fn(Option<i32>, &[Option<i32>]) -> bool;
    // `S` stands for the set, `M` for those of its values that the row's own
    // columns let through: all.
    let conditions: [(&str, Holds); 9] = [
        ("x not in S", |x, s| is_in(x, s) == Some(false)),
        ("x not in S or x > 100", |x, s| is_in(x, s) == Some(false)),
        ("x in S or x > 100", |x, s| is_in(x, s) == Some(true)),
        ("(x in S) is null", |x, s| is_in(x, s).is_none()),
        ("(x not in S) is not true", |x, s| {
            is_in(x, s) != Some(false)
        }),
        ("not (x in S and x < 2)", |x, s| {
            both(is_in(x, s), x.map(|x| x < 2)) == Some(false)
        }),
        ("x + 0 not in S", |x, s| is_in(x, s) == Some(false)),
        ("x not in M", |x, s| is_in(x, s) == Some(false)),
        ("(x in M) is null", |x, s| is_in(x, s).is_none()),
    ];
    for set in sets {
        let listed: Vec<String> = set.iter().map(|v| format!("({})", written(*v))).collect();
        let set_of = match listed.as_slice() {
            [] => "select y from (values (1)) as s(y) where y > 1".to_owned(),
            listed => format!("select y from (values {}) as s(y)", listed.join(", ")),
        };
        let all = match listed.len() {
            0 => format!("({set_of} and y + t.n > 0)"),
            _ => format!("({set_of} where y is null or y + t.n > 0)"),
        };
        for (condition, holds) in conditions {
            let condition = condition.replace('S', &format!("({set_of})"));
            let condition = condition.replace('M', &all);
            let sql = format!(
                "select coalesce(cast(x as text), 'null') as x \
                 from (values (1, 5), (2, 5), (null, 5)) as t(x, n) where {condition} order by 1"
            );
            let expected: Vec<String> = values
                .into_iter()
                .filter(|x| holds(*x, set))
                .map(written)
                .collect();
            assert_eq!(rows(&project, &sql), expected, "{sql}");
        }
    }
}

#[test]
fn subqueries_that_would_be_joined_wrongly_are_refused() {
    let project = views();
    let rows_of = "from (values (2, 20), (null, 30), (7, 10)) as s(y, m) where m = t.n";
    let mut messages = String::new();
    for condition in [
        format!("x not in (select max(y) {rows_of})"),
        format!("x in (select count(*) {rows_of})"),
        format!("exists (select max(y) {rows_of})"),
        format!("x in (select y {rows_of} limit 1)"),
        format!("exists (select y {rows_of} offset 1)"),
        format!("x in (select row_number() over (order by y) {rows_of})"),
        format!(
            "x in (select a.y from (values (1)) as a(y) left join (select y {rows_of}) as b on a.y = b.y)"
        ),
    ] {
        let sql = format!("select x from (values (1, 10), (2, 20)) as t(x, n) where {condition}");
        messages.push_str(&project.fails(&["-q", "sql", "-c", &sql]));
    }
    insta::assert_snapshot!(messages, @r"
    exit 2
    error: a subquery that refers to the row outside cannot have an aggregate of all its rows: write it as a join
    exit 2
    error: a subquery that refers to the row outside cannot have an aggregate of all its rows: write it as a join
    exit 2
    error: a subquery that refers to the row outside cannot have an aggregate of all its rows: write it as a join
    exit 2
    error: a subquery that refers to the row outside cannot have `limit`: write it as a join
    exit 2
    error: a subquery that refers to the row outside cannot have `limit`: write it as a join
    exit 2
    error: a window function in a subquery that refers to the row beside it is not possible: compute it in a `with` query for all rows, and join that
    exit 2
    error: the outer side of a join in a subquery that refers to the row beside it is not possible: compute it in a `with` query for all rows, and join that
    ");
    for (condition, expected) in [
        (
            format!("x not in (select max(y) {rows_of} group by m)"),
            vec!["1"],
        ),
        (
            format!("exists (select y {rows_of} limit 1)"),
            vec!["1", "2"],
        ),
        (format!("x = (select max(y) {rows_of})"), vec!["2"]),
        (
            "x in (select max(y) from (values (2)) as s(y)) or n > 99".to_owned(),
            vec!["2"],
        ),
    ] {
        let sql = format!(
            "select x from (values (1, 10), (2, 20)) as t(x, n) where {condition} order by 1"
        );
        assert_eq!(rows(&project, &sql), expected, "{sql}");
    }
}

#[test]
fn an_extreme_leaves_no_row_to_itself() {
    let project = views();
    let sql = "select min(month), max(nullif(device, 'phone')), min(day) filter (where device = 'tv'), max(concat(device, '!')) from silver.views";
    for _ in 0..5 {
        assert_eq!(rows(&project, sql), ["2024-01-01,tv,2024-07-01,tv!"]);
    }
}
