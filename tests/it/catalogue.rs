//! The Netflix catalogue on the real file: counts, repairs, titles that look
//! like numbers.

use crate::support::{Project, real_data};

#[test]
fn the_netflix_catalogue_is_right() {
    let Some(data) = real_data("wowcinema") else {
        return;
    };
    let project = Project::warehouse();
    project.deliver(
        "netflix_titles.csv",
        std::fs::read(data.join("netflix_titles.csv")).unwrap(),
    );
    project.ok(&["refresh"]);

    assert_eq!(
        project.row("select rows_in, rows_landed, rows_rejected from system.deliveries"),
        "8807,8807,0"
    );
    assert_eq!(
        project.rows("select title_type, count(*) from silver.titles group by 1 order by 1"),
        ["movie,6131", "series,2676"]
    );
    assert_eq!(
        project.row(
            "select count(*) - count(directors), count(*) - count(actors), count(*) - count(countries), \
             count(*) - count(added_date), count(*) - count(age_rating) from silver.titles"
        ),
        "2634,825,831,10,7"
    );
    assert_eq!(
        project.rows(
            "select source_id, duration_minutes from silver.titles where is_repaired order by 1"
        ),
        ["s5542,74", "s5795,84", "s5814,66"]
    );
    assert_eq!(
        project.row(
            "select min(duration_minutes), max(duration_minutes), round(avg(duration_minutes), 3), \
             min(seasons), max(seasons), round(avg(seasons), 3), \
             count(*) filter (where duration_minutes is null and seasons is null) from silver.titles"
        ),
        "3,312,99.565,1,17,1.765,0"
    );
    assert_eq!(
        project.row("select min(added_date), max(added_date) from silver.titles"),
        "2008-01-01,2021-09-25"
    );
    assert_eq!(
        project.row("select count(*), count(distinct country), count(distinct title_id) from silver.title_countries"),
        "10012,122,7976"
    );
    assert_eq!(
        project.row("select count(*), count(distinct genre) from silver.title_genres"),
        "19323,42"
    );
    assert_eq!(
        project.rows("select title from silver.titles where title in ('2012', '23:59', '1983', '9', '21') order by 1"),
        ["1983", "2012", "21", "23:59", "9"]
    );
    // Line ends inside quotes do not break records, and lines are counted.
    assert_eq!(
        project.row("select count(distinct _line), max(_line) from bronze.netflix_titles"),
        "8807,8810"
    );

    assert_eq!(
        project.row("select titles, movies, series from gold.catalogue_by_country where country = 'United States'"),
        project.row(
            "select count(*), count(*) filter (where title_type = 'movie'), \
             count(*) filter (where title_type = 'series') from silver.titles \
             where title_id in (select title_id from silver.title_countries where country = 'United States')"
        )
    );
    assert_eq!(
        project.row("select count(*), sum(titles) from gold.catalogue_by_genre"),
        "42,19323"
    );
}
