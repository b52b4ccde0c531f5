//! Doubles beside decimals: an exact number that meets an approximate one
//! becomes approximate, wherever values have to be of one type.

use crate::support::Project;

/// Doubles that 15 places of a decimal do not hold, and some that they do.
const ROWS: &str = "(select cast(column1 as double) as x from (values ('0.42700000000000005'), ('0.427'), \
                    ('1e300'), ('-1e300'), ('NaN'), ('inf'), (null))) as t";

fn project() -> Project {
    let project = Project::of(&[(
        "bronze/users.toml",
        "description = \"Users.\"\nfiles = \"users*\"\n[columns]\nuser_id = \"integer\"\n",
    )]);
    project.deliver("users.csv", "user_id\n1\n");
    project.ok(&["refresh"]);
    project
}

fn answer(project: &Project, sql: &str) -> String {
    let sql = sql.replace("{rows}", ROWS);
    project.ok(&["-q", "sql", "-f", "csv", "-c", &sql]).stdout
}

#[test]
fn a_double_is_compared_as_it_is() {
    let project = project();
    let compared = "select x, x > 0.427 as above, x <= -0.1 as below, 0.427 = x as same, \
                    x is distinct from 0.427 as other, x in (0.427, 0.5) as listed, \
                    x between 0.1 and 0.427 as between, case x when 0.427 then 'it' end as one from {rows}";
    insta::assert_snapshot!(answer(&project, compared), @r"
    x,above,below,same,other,listed,between,one
    0.42700000000000005,true,false,false,true,false,false,
    0.427,false,false,true,false,true,true,it
    1e300,true,false,false,true,false,false,
    -1e300,false,true,false,true,false,false,
    NaN,true,false,false,true,false,false,
    inf,true,false,false,true,false,false,
    ,,,,true,,,
    ");
    // As it is shown, so it is found.
    let shown = "select x from {rows} where x = 0.42700000000000005";
    insta::assert_snapshot!(answer(&project, shown), @r"
    x
    0.42700000000000005
    ");
    let found = [
        "select x from {rows} where x in (select 0.427)",
        "select max(0.427) as x from {rows} where 0.427 in (select x from {rows})",
        "select x from {rows} inner join (select 0.427 as y) as b on t.x = b.y",
        "select x from {rows} intersect select 0.427",
        "select x from {rows} where x = (select 0.427)",
        "select x from {rows} where x = any (select 0.427)",
    ];
    for sql in found {
        assert_eq!(answer(&project, sql), "x\n0.427\n", "{sql}");
    }
}

#[test]
fn what_may_be_a_double_is_one() {
    let project = project();
    let picked = "select coalesce(x, 0.25) as a, nullif(x, 0.427) as b, greatest(x, 0.5) as c, least(x, 0.5) as d, \
                  nvl2(x, x, 1.5) as e, case when x < 1 then x else 0.75 end as f from {rows}";
    insta::assert_snapshot!(answer(&project, picked), @r"
    a,b,c,d,e,f
    0.42700000000000005,0.42700000000000005,0.5,0.42700000000000005,0.42700000000000005,0.42700000000000005
    0.427,,0.5,0.427,0.427,0.427
    1e300,1e300,1e300,0.5,1e300,0.75
    -1e300,-1e300,0.5,-1e300,-1e300,-1e300
    NaN,NaN,NaN,0.5,NaN,0.75
    inf,inf,inf,0.5,inf,0.75
    0.25,,0.5,0.5,1.5,0.75
    ");
    let united = "select x from (select 0.5 as x union select x from {rows}) as u order by x";
    insta::assert_snapshot!(answer(&project, united), @r#"
    x
    -1e300
    0.427
    0.42700000000000005
    0.5
    1e300
    inf
    NaN
    ""
    "#);
    let grouped = "select x > 0.427 as above, count(*) as n from {rows} group by rollup (x > 0.427) order by 1, 2";
    insta::assert_snapshot!(answer(&project, grouped), @r"
    above,n
    false,2
    true,4
    ,1
    ,7
    ");
    let kept = "select arrow_typeof(coalesce(cast(1.50 as decimal(10, 2)), 0.5)) as money, \
                arrow_typeof(coalesce(cast(1 as double), 0.5)) as rate";
    insta::assert_snapshot!(answer(&project, kept), @r#"
    money,rate
    "Decimal128(10, 2)",Float64
    "#);
}

#[test]
fn what_is_read_from_elsewhere_is_a_double_there_too() {
    let project = project();
    let rated =
        "with r as (select 1 as id, coalesce(max(x), 0.0) as rate from {rows} where x < 1) ";
    let answers = [
        // A subquery that refers to the row outside, and a lateral join.
        (
            "select rate from r where exists (select 1 from bronze.users as u where u.user_id = r.id and r.rate > 0.4)",
            "rate\n0.42700000000000005\n",
        ),
        (
            "select rate from r where id in (select u.user_id from bronze.users as u where r.rate * 2 between 0.5 and 0.9)",
            "rate\n0.42700000000000005\n",
        ),
        (
            "select l.twice from r cross join lateral (select u.user_id as twice from bronze.users as u where r.rate > u.user_id - 0.9) as l",
            "twice\n1\n",
        ),
        (
            "select grouping(rate > 0.5) as g, rate > 0.5 as above, count(*) as n from r group by rollup (rate > 0.5) order by 1",
            "g,above,n\n0,false,1\n1,,1\n",
        ),
        (
            "select array_has([0.5, 1.0], coalesce(rate, 0.0)) as has from r",
            "has\nfalse\n",
        ),
        // A single is compared as one.
        (
            "select cast(0.1 as real) = 0.1 as same, coalesce(cast(0.1 as real), 0.0) as kept",
            "same,kept\ntrue,0.1\n",
        ),
    ];
    for (sql, expected) in answers {
        assert_eq!(
            answer(&project, &format!("{rated}{sql}")),
            expected,
            "{sql}"
        );
    }
    // A recursion keeps the types that it was planned with.
    let recursion = "with recursive t as (select coalesce(max(x), 0.0) as x, 1 as i from {rows} where x < 1 \
                     union all select x * 2, i + 1 from t where i < 3) select x, i from t";
    insta::assert_snapshot!(answer(&project, recursion), @r"
    x,i
    0.427000000000000,1
    0.854000000000000,2
    1.708000000000000,3
    ");
}
