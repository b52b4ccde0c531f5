//! System A in both its forms, on invented files: viewing rows with everything
//! beside them, and normalised tables with IMDb's titles; each trap of its data
//! and each fault of its older reports. Netflix's titles are the real ones where
//! they are at hand.

use std::fmt::Write;

use crate::support::{Project, real_data};

/// Netflix titles: two of one name but for case, names like numbers and times,
/// a series, a repaired running time, several directors.
const NETFLIX: &str = "\
show_id,type,title,director,cast,country,date_added,release_year,rating,duration,listed_in,description
s1,Movie,Death Note,Adam Wingard,,,\"September 1, 2017\",2017,TV-MA,100 min,\"Horror Movies, Thrillers\",A notebook.
s2,TV Show,DEATH NOTE,,,,\"September 1, 2017\",2006,TV-14,1 Season,Anime Series,A notebook.
s3,Movie,2012,Roland Emmerich,,,\"May 1, 2012\",2009,PG-13,120 min,Thrillers,The end.
s4,Movie,23:59,\" Gilbert Chan , Ana  Maria Pop,Gilbert Chan\",,,\"May 1, 2012\",2011,,80 min,Horror Movies,At night.
s5,Movie,9,,,,\"May 1, 2012\",2009,74 min,,Thrillers,A number.
";

/// Plans of the first form, and of the second.
const PLANS: &str = "\
subscription_plan_id,subscription_plan,subscription_price,currency_code
1,Basic,4.99,USD
2,Standard,9.99,USD
3,Premium,13.99,USD
";
const TIERS: &str = "\
subscription_plan_id,subscription_plan,subscription_price,currency_code
1,Bronze,3.99,USD
2,Silver,5.99,USD
3,Gold,11.99,USD
";

const LOGGED: &str = "log_id,username,first_name,last_name,birth_date,subscription_status,\
subscription_plan,subscription_start_date,iban,title_name,watch_start_time,watch_end_time,\
session_duration_min,rating_given,reaction_type,country_code\n";

/// IMDb's files: no quoting, `\N` for nothing, comma lists of ids.
const BASICS: &str = "\
tconst\ttitleType\tprimaryTitle\toriginalTitle\tisAdult\tstartYear\tendYear\truntimeMinutes\tgenres
tt0000001\tmovie\t\"Quoted\t\"Quoted\t0\t2001\t\\N\t100\tDrama,Comedy
tt0000002\tmovie\tHe said \"Go\"\tHe said \"Go\"\t0\t2002\t\\N\t60\tDrama
tt0000003\ttvSeries\tEndless\tEndless\t0\t2003\t\\N\t45\tComedy
tt0000004\tmovie\tNo Year\tNo Year\t0\t\\N\t\\N\t\\N\tHorror
tt0000005\ttvEpisode\tPart One\tPart One\t0\t2004\t\\N\t30\t\\N
tt0000006\tmovie\tUnrated\tUnrated\t0\t2005\t\\N\t0\tDrama
";
const RATINGS: &str = "\
tconst\taverageRating\tnumVotes
tt0000001\t8.1\t1000
tt0000002\t6.0\t500
tt0000003\t7.0\t400
tt0000004\t5.5\t300
";
const CREW: &str = "\
tconst\tdirectors\twriters
tt0000001\tnm0000002,nm0000001\t\\N
tt0000002\tnm0000003\t\\N
tt0000003\t\\N\t\\N
tt0000004\tnm0000009\t\\N
tt0000005\tnm0000001\tnm0000002
";
const NAMES: &str = "\
nconst\tprimaryName\tbirthYear\tdeathYear\tprimaryProfession\tknownForTitles
nm0000001\t Ada  van Dyke \t1950\t\\N\tdirector\ttt0000001
nm0000002\tIon Pop\t\\N\t\\N\tdirector\t\\N
nm0000003\tCher\t\\N\t\\N\tdirector\t\\N
";
const REGIONS: &str = "id,judet\n1,Alba\n2,Argeș\n3,București\n";

const USERS: &str = "\
id_user,first_name,last_name,birth_date,subscription_plan,subscription_start_date,iban
1,Ana , Pop,1990-03-10 00:00:00,1,2024-01-05 08:00:00,RO01
2,Ion,Rus,2006-03-31 00:00:00,2,2024-01-10 08:00:00,RO02
3,Eva,Dan,2006-04-01 00:00:00,3,2024-02-01 08:00:00,RO03
4,Dan,Luca,,3,2024-03-01 08:00:00,RO04
";
const LOG_SYSTEM: &str =
    "id_log,id_user,titleconst,session_start,session_end,rating_given,reaction_type,region_code\n";

/// The first form, refreshed: one row a log, without the columns' names.
fn first_form(logs: &str) -> Project {
    let project = Project::warehouse();
    project.deliver("netflix_titles.csv", NETFLIX);
    project.deliver("subscription_plan.csv", PLANS);
    project.deliver("wowcinema_data.csv", format!("{LOGGED}{logs}"));
    project.ok(&["refresh"]);
    project
}

/// The second form, refreshed: one row a log, without the columns' names.
fn second_form(logs: &str) -> Project {
    let project = Project::warehouse();
    project.deliver("users.csv", USERS);
    project.deliver("subscription_plan.csv", TIERS);
    project.deliver("judete_romania.txt", REGIONS);
    project.deliver("title.basics.tsv", BASICS);
    project.deliver("title.ratings.tsv", RATINGS);
    project.deliver("title.crew.tsv", CREW);
    project.deliver("name.basics.tsv", NAMES);
    project.deliver("log_system.csv", format!("{LOG_SYSTEM}{logs}"));
    project.ok(&["refresh"]);
    project
}

/// Rows of the first form for `names`, each watched for an hour.
fn hour_with_each(names: &[&str]) -> String {
    let mut rows = String::new();
    for (at, name) in names.iter().enumerate() {
        writeln!(
            rows,
            "log{at},user{at},Ana,Pop,,1,1,2020-01-01,RO,\"{name}\",\
             2024-03-01 10:00:00,2024-03-01 11:00:00,60,5.00,1,RO"
        )
        .unwrap();
    }
    rows
}

#[test]
fn titles_2012_and_23_59_stay_text() {
    let project = first_form(&hour_with_each(&["2012", "23:59", "9"]));
    assert_eq!(
        project.rows(
            "select title_name, logs, cleaned_titles.title_duration from gold.title_logs \
             join gold.cleaned_titles on title_id = id_title where logs > 0 order by 1"
        ),
        ["2012,1,120", "23:59,1,80", "9,1,74"]
    );
    assert_eq!(
        project.row("select count(*) filter (where is_unknown_title) from silver.watch_sessions"),
        "0"
    );
}

#[test]
fn a_title_name_that_two_titles_share_does_not_fan_out() {
    let project = first_form(&hour_with_each(&["Death Note", "DEATH NOTE", "Death Note"]));
    assert_eq!(
        project.rows(
            "select title, title_type, logs from gold.title_logs where logs > 0 order by logs desc"
        ),
        ["Death Note,movie,2", "DEATH NOTE,series,1"]
    );
    assert_eq!(
        project.row("select count(*), count(distinct id_log) from gold.cleaned_fact_table"),
        "3,3"
    );
}

#[test]
fn every_title_of_the_real_catalogue_is_found_by_its_name() {
    let Some(data) = real_data("wowcinema") else {
        return;
    };
    let names = [
        "Death Note",
        "DEATH NOTE",
        "2012",
        "23:59",
        "1983",
        "9",
        "21",
        "15 August",
        "22 July",
        "February 9",
        "7:19",
    ];
    let project = Project::warehouse();
    project.deliver_real(&data);
    project.deliver("subscription_plan.csv", PLANS);
    project.deliver(
        "wowcinema_data.csv",
        format!("{LOGGED}{}", hour_with_each(&names)),
    );
    project.ok(&["refresh"]);
    assert_eq!(
        project.row(
            "select count(*), count(distinct title_id), count(*) filter (where is_unknown_title) \
             from silver.watch_sessions"
        ),
        "11,11,0"
    );
    assert_eq!(
        project.row("select count(*), count(distinct id_title) from gold.cleaned_titles"),
        "8807,8807"
    );
    assert_eq!(
        project.row(
            "select count(*) from silver.dim_regions where region_name in ('Argeș', 'București')"
        ),
        "2"
    );
}

#[test]
fn imdb_quotes_open_nothing() {
    let project = second_form("a,1,tt0000001,2024-03-01 10:00:00,2024-03-01 11:00:00,8,1,1\n");
    assert_eq!(
        project.rows("select title_name from gold.cleaned_titles order by id_title limit 2"),
        ["\"\"\"Quoted\"", "\"He said \"\"Go\"\"\""]
    );
    assert_eq!(project.row("select count(*) from gold.cleaned_titles"), "6");
}

#[test]
fn null_marker_in_start_year() {
    let project = second_form("a,1,tt0000004,2024-03-01 10:00:00,2024-03-01 11:00:00,8,1,1\n");
    assert_eq!(
        project.row(
            "select title_name, title_start_year, title_duration from gold.cleaned_titles \
             where id_title = 4000000004"
        ),
        "No Year,,"
    );
}

#[test]
fn later_sessions_of_known_users_are_kept() {
    let project = second_form("a,1,tt0000001,2024-03-01 10:00:00,2024-03-01 11:00:00,8,1,1\n");
    project.deliver(
        "log_system_later.csv",
        format!(
            "{LOG_SYSTEM}\
             a,1,tt0000001,2024-03-01 10:00:00,2024-03-01 11:00:00,8,1,1\n\
             b,1,tt0000002,2024-03-02 10:00:00,2024-03-02 11:00:00,9,1,1\n\
             c,7,tt0000002,2024-03-02 10:00:00,2024-03-02 11:00:00,9,1,1\n"
        ),
    );
    project.ok(&["refresh"]);
    // Nobody has the number 7.
    assert_eq!(
        project.rows("select id_log, id_user, region_name from gold.cleaned_fact_table order by 1"),
        ["a,1,Alba", "b,1,Alba"]
    );
}

#[test]
fn several_directors_are_kept() {
    let project = second_form("");
    assert_eq!(
        project.rows(
            "select title_name, title_director_first_name, title_director_last_name, director_count, \
             has_director from silver.dim_titles where id_title <> 4000000001 order by id_title"
        ),
        [
            "\"He said \"\"Go\"\"\",Cher,,1,true",
            "Endless,,,0,false",
            "No Year,,,0,false",
            "Part One,Ada,van Dyke,1,true",
            "Unrated,,,0,false",
        ]
    );
    assert_eq!(
        project.row(
            "select title_directors, title_director_first_name, title_director_last_name, director_count \
             from silver.dim_titles where id_title = 4000000001"
        ),
        "\"Ion Pop, Ada  van Dyke\",Ion,Pop,2"
    );
}

#[test]
fn names_have_no_outer_blanks() {
    let project = second_form("");
    assert_eq!(
        project.row("select first_name, last_name from gold.cleaned_users_and_subscriptions where id_user = 1"),
        "Ana,Pop"
    );
    assert_eq!(
        project.row(
            "select count(*) from silver.dim_titles \
             where title_director_first_name <> trim(title_director_first_name) \
             or title_director_last_name <> trim(title_director_last_name)"
        ),
        "0"
    );
    let project = first_form("");
    assert_eq!(
        project.row(
            "select title_director_first_name, title_director_last_name, title_directors, director_count \
             from silver.dim_titles where title_name = '23:59'"
        ),
        "Gilbert,Chan,\"Gilbert Chan, Ana  Maria Pop\",2"
    );
}

#[test]
fn unknown_runtime_is_not_complete() {
    // A title of unknown length, one of length 0, a series, and half of a film.
    let project = second_form(
        "a,1,tt0000004,2024-03-01 10:00:00,2024-03-01 11:00:00,8,1,1\n\
         b,1,tt0000006,2024-03-02 10:00:00,2024-03-02 11:00:00,8,1,1\n\
         c,1,tt0000003,2024-03-03 10:00:00,2024-03-03 11:00:00,8,1,1\n\
         d,1,tt0000001,2024-03-04 10:00:00,2024-03-04 10:50:00,8,1,1\n",
    );
    assert_eq!(
        project.row("select * from gold.movie_completion_ratio_raport"),
        "0.5,1,4"
    );
    assert_eq!(
        project.rows(
            "select title, completion_rate, avg_completion_ratio from gold.title_logs where logs > 0 \
             order by title_id"
        ),
        ["\"\"\"Quoted\",0.0,0.5", "Endless,,", "No Year,,", "Unrated,,"]
    );
}

#[test]
fn a_title_without_ratings_has_null_not_zero() {
    let project = second_form(
        "a,1,tt0000001,2024-03-01 10:00:00,2024-03-01 11:00:00,6.50,1,1\n\
         b,2,tt0000001,2024-03-01 10:00:00,2024-03-01 11:00:00,0,1,1\n\
         c,2,tt0000002,2024-03-02 10:00:00,2024-03-02 11:00:00,,,1\n\
         d,2,tt0000006,2024-03-03 10:00:00,2024-03-03 11:00:00,4.00,-1,1\n",
    );
    // A rating of 0 is one; a log without a rating is none.
    assert_eq!(
        project.rows(
            "select title_id, imdb_rating, platform_rating, ratings, round(rating_difference, 2) \
             from gold.rating_comaprison_plat_imdb order by 1"
        ),
        [
            "4000000001,8.10,3.25,2,-4.85",
            "4000000002,6.00,,0,",
            "4000000003,7.00,,0,",
            "4000000004,5.50,,0,",
            "4000000006,,4.0,1,",
        ]
    );
}

#[test]
fn time_on_platform_is_in_minutes() {
    let project = second_form(
        "a,1,tt0000001,2024-03-01 10:00:00,2024-03-01 16:00:00,8,1,1\n\
         b,2,tt0000004,2024-03-01 10:00:00,2024-03-01 14:00:00,8,1,1\n\
         c,2,tt0000001,2024-03-02 10:00:00,,8,1,1\n",
    );
    // Six hours and four hours; not 60 and 1, and not an unended session's nothing.
    assert_eq!(
        project.row("select * from gold.average_time_spent_on_platform"),
        "300.0,2,3"
    );
}

#[test]
fn sessions_longer_than_the_film_count_only_its_length() {
    let project = second_form(
        "a,1,tt0000001,2024-03-01 10:00:00,2024-03-01 16:00:00,8,1,1\n\
         b,1,tt0000003,2024-03-02 10:00:00,2024-03-02 16:00:00,8,1,1\n",
    );
    assert_eq!(
        project.rows("select title_id, session_minutes, watch_minutes, completion_ratio from silver.watch_sessions order by 1"),
        ["4000000001,360,100,1.000000", "4000000003,360,360,"]
    );
    // The film's two genres get 100 minutes each for ranks, and 50 for shares.
    assert_eq!(
        project.rows(
            "select genre, rank, rank_from_bottom, watch_minutes_full, watch_minutes_split \
             from gold.genres_by_region where region = 'Alba' order by rank"
        ),
        ["Comedy,1,2,460,410.0", "Drama,2,1,100,50.0"]
    );
}

#[test]
fn completion_is_measured_to_the_second() {
    // 84.99 and 85 of 100 minutes.
    let project = second_form(
        "a,1,tt0000001,2024-03-01 10:00:00,2024-03-01 11:24:59,8,1,1\n\
         b,1,tt0000001,2024-03-02 10:00:00,2024-03-02 11:25:00,8,1,1\n\
         c,1,tt0000002,2024-03-03 10:00:00,2024-03-03 10:00:30,8,1,1\n",
    );
    assert_eq!(
        project.rows("select log_id, session_seconds, session_minutes, completion_ratio, is_completed from silver.watch_sessions order by 1"),
        ["a,5099,84,0.849833,false", "b,5100,85,0.850000,true", "c,30,0,0.008333,false"]
    );
}

#[test]
fn personal_bank_accounts_stay_in_bronze() {
    let project = second_form("");
    assert_eq!(
        project.rows(
            "select table_schema, table_name from information_schema.columns \
             where column_name = 'iban' order by 1, 2"
        ),
        ["bronze,users", "bronze,wowcinema_data"]
    );
}

#[test]
fn published_dashboard_figures() {
    let mut users =
        "id_user,first_name,last_name,subscription_plan,subscription_start_date\n".to_owned();
    let mut logs = LOG_SYSTEM.to_owned();
    let mut id = 0;
    for (plan, count, watching) in [(1, 77, 76), (2, 75, 72), (3, 58, 56)] {
        for place in 0..count {
            id += 1;
            writeln!(users, "{id},Ana,Pop,{plan},2024-01-01 00:00:00").unwrap();
            if place < watching {
                writeln!(
                    logs,
                    "log{id},{id},tt0000001,2024-02-01 10:00:00,2024-02-01 11:00:00,5,0,1"
                )
                .unwrap();
            }
        }
    }
    let project = Project::warehouse();
    project.deliver("users.csv", users);
    project.deliver("subscription_plan.csv", TIERS);
    project.deliver("title.basics.tsv", BASICS);
    project.deliver("log_system.csv", logs);
    project.ok(&["refresh"]);
    assert_eq!(
        project.rows("select plan, users, revenue, estimated_plan_revenue, currency from gold.revenue_per_subscription_tier order by price"),
        [
            "Bronze,77,307.23,307.23,USD",
            "Silver,75,449.25,449.25,USD",
            "Gold,58,695.42,695.42,USD",
        ]
    );
    assert_eq!(
        project.rows("select status, users from gold.act_inact_user_report order by 1"),
        ["active users,204", "inactive users,6"]
    );
    assert_eq!(
        project.rows(
            "select plan, users, users_of_plan, round(100 * user_share, 2) \
             from gold.active_and_inactive_users_by_subscription_plan \
             where status = 'active users' order by 1"
        ),
        ["Bronze,76,77,98.7", "Gold,56,58,96.55", "Silver,72,75,96.0"]
    );
    assert_eq!(
        project.rows("select plan, users from gold.user_distribution_by_plan order by users desc"),
        ["Bronze,77", "Silver,75", "Gold,58"]
    );
    assert_eq!(
        project.row(
            "select subject, value, unit from gold.kpis where kpi = 'top_plan_estimated_revenue'"
        ),
        "Gold,695.42,USD"
    );
}

#[test]
fn imdb_titles_match_by_title_and_year() {
    let project = first_form("");
    project.deliver(
        "title.basics.tsv",
        "tconst\ttitleType\tprimaryTitle\tstartYear\truntimeMinutes\n\
         tt0000001\tmovie\tdeath  note\t2017\t101\n\
         tt0000002\tmovie\tDeath Note\t2016\t90\n\
         tt0000003\tvideo\tDeathNote\t2017\t99\n\
         tt0000004\ttvEpisode\t2012\t2009\t50\n\
         tt0000005\tmovie\t23:59\t\\N\t78\n",
    );
    project.deliver(
        "title.ratings.tsv",
        "tconst\taverageRating\tnumVotes\ntt0000001\t4.4\t900\ntt0000003\t9.9\t7\n",
    );
    project.ok(&["refresh"]);
    // Of two that match, the one with more votes; episodes and titles without a year never.
    assert_eq!(
        project.rows("select title_id, tconst, imdb_rating from silver.imdb_matches"),
        ["1000000001,tt0000001,4.40"]
    );
    // IMDb lends the catalogue its ratings, and adds no title to it.
    assert_eq!(
        project.rows("select title_name, title_duration, title_rating, title_numvot_imdb from gold.cleaned_titles where title_rating is not null"),
        ["Death Note,100,4.40,900"]
    );
    assert_eq!(project.row("select count(*) from gold.cleaned_titles"), "5");
}

#[test]
fn sessions_before_the_subscription() {
    // First form: the row itself says which plan the viewer has.
    let project = first_form(
        "a,ana,Ana,Pop,,1,3,2024-06-01,RO,2012,2024-03-01 10:00:00,2024-03-01 11:00:00,60,5,1,RO\n",
    );
    assert_eq!(
        project.row("select plan, is_before_joining from silver.watch_sessions"),
        "Premium,true"
    );
    // The subscription's start is the latest event, and so today.
    assert_eq!(project.row("select as_of from silver.as_of"), "2024-06-01");
    assert_eq!(
        project.row("select plan, users from gold.user_distribution_by_plan where users > 0"),
        "Premium,1"
    );
    // Second form: nobody is on a plan before it begins.
    let project = second_form("a,3,tt0000001,2024-01-15 10:00:00,2024-01-15 11:00:00,8,1,1\n");
    assert_eq!(
        project.rows("select plan, sessions from gold.session_duration_by_plan"),
        ["none,1"]
    );
}

#[test]
fn a_plan_without_a_start_begins_with_the_first_session() {
    let project = first_form(
        "a,ana,Ana,Pop,,1,1,,RO,2012,2024-03-01 10:00:00,2024-03-01 11:00:00,60,5,1,RO\n\
         b,ana,Ana,Pop,,1,1,,RO,2012,2024-04-01 10:00:00,2024-04-01 11:00:00,60,5,1,RO\n",
    );
    assert_eq!(
        project.row("select plan, start_date, end_date from silver.subscriptions"),
        "Basic,2024-03-01,"
    );
}

#[test]
fn an_inactive_flag_ends_the_subscription_and_keeps_the_user() {
    let project = first_form(
        "a,ana,Ana,Pop,,1,1,2024-01-01,RO,2012,2024-03-01 10:00:00,2024-03-01 11:00:00,60,5,1,RO\n\
         b,ion,Ion,Rus,,0,1,2024-01-01,RO,2012,2024-03-01 10:00:00,2024-03-01 11:00:00,60,5,1,RO\n",
    );
    assert_eq!(
        project.row("select users, revenue, subscribed_users, estimated_plan_revenue from gold.revenue_per_subscription_tier where plan = 'Basic'"),
        "2,9.98,1,4.99"
    );
}

#[test]
fn completion_is_over_sessions_of_known_length_and_over_all() {
    let project = second_form(
        "a,1,tt0000001,2024-03-01 10:00:00,2024-03-01 11:40:00,8,1,1\n\
         b,1,tt0000001,2024-03-02 10:00:00,2024-03-02 10:10:00,8,1,1\n\
         c,2,tt0000003,2024-03-03 10:00:00,2024-03-03 11:00:00,8,1,1\n\
         d,2,tt0000003,2024-03-04 10:00:00,2024-03-04 11:00:00,8,1,1\n",
    );
    assert_eq!(
        project.rows("select kpi, value from gold.kpis where kpi like '%completion%' order by 1"),
        [
            "avg_completion_ratio,0.55",
            "completion_rate,0.5",
            "completion_rate_all_sessions,0.25",
        ]
    );
    assert_eq!(
        project.rows(
            "select genre, sessions, sessions_of_known_length, completion_rate, completion_rate_all_sessions \
             from gold.completion_by_genre_and_region order by 1"
        ),
        ["Comedy,4,2,0.5,0.25", "Drama,2,2,0.5,0.5"]
    );
}

#[test]
fn day_30_is_active_and_day_31_is_not() {
    // The last event is on 31 March: 30 and 31 days after those of users 1 and 2.
    let project = second_form(
        "a,1,tt0000001,2024-03-01 23:59:59,2024-03-02 01:00:00,8,1,1\n\
         b,1,tt0000001,2024-03-01 10:00:00,2024-03-01 11:00:00,8,1,1\n\
         c,2,tt0000001,2024-02-29 23:59:59,2024-03-01 01:00:00,8,1,1\n\
         d,3,tt0000001,2024-03-31 00:00:00,2024-03-31 01:00:00,8,1,2\n",
    );
    assert_eq!(
        project.rows(
            "select user_id, risk, reason, days_since_last_session, sessions_last_30_days, last_region \
             from gold.user_churn_risk order by 1"
        ),
        [
            "1,ok,,30,2,Alba",
            "2,inactive,no session lately,31,0,Alba",
            "3,low_engagement,few sessions,0,1,Argeș",
            "4,inactive,no session yet,,0,",
        ]
    );
    // User 3 is 17 until the day after.
    assert_eq!(
        project.rows(
            "select segment, users, inactive_users, inactivity_rate_30d from gold.inactivity_by_segment \
             where segment_kind = 'age group' order by 1"
        ),
        ["18-24,1,1,1.0", "25-34,1,0,0.0", "under 18,1,0,0.0", "unknown,1,1,1.0"]
    );
    assert_eq!(
        project.row("select inactivity_rate_30d, inactive_subscribed_users, subscribed_users from gold.inactivity_by_segment where segment_kind = 'all'"),
        "0.5,2,4"
    );
    // Nothing is known of countries or cities.
    assert_eq!(
        project.rows("select distinct segment_kind from gold.inactivity_by_segment order by 1"),
        ["age group", "all", "plan", "region"]
    );
    let report = project.ok(&[
        "-q",
        "sql",
        "-f",
        "csv",
        "user_churn_risk",
        "--param",
        "risk=inactive",
    ]);
    assert_eq!(report.stdout.lines().count(), 1 + 2);
}

#[test]
fn little_of_each_title_is_low_engagement_and_series_are_no_proof() {
    let project = second_form(
        "a,1,tt0000001,2024-03-01 10:00:00,2024-03-01 10:29:59,8,1,1\n\
         b,1,tt0000001,2024-03-02 10:00:00,2024-03-02 10:29:59,8,1,1\n\
         c,2,tt0000001,2024-03-01 10:00:00,2024-03-01 10:30:00,8,1,1\n\
         d,2,tt0000001,2024-03-02 10:00:00,2024-03-02 10:30:00,8,1,1\n\
         e,3,tt0000003,2024-03-01 10:00:00,2024-03-01 10:01:00,8,1,1\n\
         f,3,tt0000003,2024-03-02 10:00:00,2024-03-02 10:01:00,8,1,1\n",
    );
    assert_eq!(
        project.rows(
            "select user_id, risk, reason from gold.user_churn_risk where user_id < 4 order by 1"
        ),
        ["1,low_engagement,little of each title", "2,ok,", "3,ok,"]
    );
    // Completion says nothing of user 3: the score is the mean of the other two parts.
    assert_eq!(
        project.rows(
            "select user_id, recency_score, frequency_score, round(completion_score, 4), \
             round(user_engagement_score, 4) from gold.user_engagement_score where user_id > 1 order by 1"
        ),
        ["2,1.0,0.25,0.3,0.5167", "3,1.0,0.25,,0.625", "4,0.0,0.0,,0.0"]
    );
}

#[test]
fn churned_users_watched_before_the_month_and_not_in_its_last_30_days() {
    // User 1 returns on the last day, user 2 comes on 1 March only, user 3 never again.
    let project = second_form(
        "a,1,tt0000001,2024-02-10 10:00:00,2024-02-10 11:00:00,8,1,1\n\
         b,1,tt0000001,2024-03-31 10:00:00,2024-03-31 11:00:00,8,1,1\n\
         c,2,tt0000001,2024-02-10 10:00:00,2024-02-10 11:00:00,8,1,1\n\
         d,2,tt0000001,2024-03-01 10:00:00,2024-03-01 11:00:00,8,1,1\n\
         e,3,tt0000001,2024-01-31 10:00:00,2024-01-31 11:00:00,8,1,1\n\
         f,4,tt0000001,2024-04-02 10:00:00,2024-04-02 11:00:00,8,1,1\n",
    );
    // 31 January is one of the 30 days before 1 March; 1 March is none of those before 1 April.
    assert_eq!(
        project.rows(
            "select month, is_partial, new_users, active_users_at_start, activated_users, churned_users, \
             active_users_at_end from gold.new_and_churned_users_monthly order by 1"
        ),
        [
            "2024-01-01,false,2,0,1,0,1",
            "2024-02-01,false,1,1,2,0,3",
            "2024-03-01,false,1,3,0,2,1",
            "2024-04-01,true,0,1,1,0,2",
        ]
    );
}

#[test]
fn session_lengths_of_a_plan_are_means_and_medians() {
    let project = second_form(
        "a,1,tt0000002,2024-03-01 10:00:00,2024-03-01 10:10:00,8,1,1\n\
         b,1,tt0000002,2024-03-02 10:00:00,2024-03-02 10:20:30,8,1,1\n\
         c,1,tt0000002,2024-03-03 10:00:00,2024-03-03 11:00:00,8,1,1\n\
         d,1,tt0000002,2024-03-04 10:00:00,2024-03-04 15:00:00,8,1,1\n\
         e,2,tt0000002,2024-03-04 10:00:00,2024-03-04 10:07:00,8,1,1\n\
         f,2,tt0000002,2024-03-05 10:00:00,,8,1,1\n",
    );
    assert_eq!(
        project.rows("select * from gold.session_duration_by_plan order by plan"),
        [
            "Bronze,4,4,97.625,40.25,37.625,40.25",
            "Silver,2,1,7.0,7.0,7.0,7.0"
        ]
    );
}

#[test]
fn titles_of_equal_logs_are_ordered() {
    let project = second_form(
        "a,1,tt0000006,2024-03-01 10:00:00,2024-03-01 11:00:00,8,1,1\n\
         b,1,tt0000002,2024-03-02 10:00:00,2024-03-02 11:00:00,8,1,1\n\
         c,2,tt0000003,2024-03-03 10:00:00,2024-03-03 11:01:00,8,1,1\n",
    );
    assert_eq!(
        project.rows("select place, title_id, logs from gold.top_10_movie_watched order by 1"),
        ["1,4000000003,1", "2,4000000002,1", "3,4000000006,1"]
    );
    assert_eq!(
        project.rows("select place, title_id, logs, titles_with_as_many_logs from gold.bottom_10_least_watched_movies order by 1"),
        [
            "1,4000000001,0,3",
            "2,4000000004,0,3",
            "3,4000000005,0,3",
            "4,4000000002,1,3",
            "5,4000000006,1,3",
            "6,4000000003,1,3",
        ]
    );
}

#[test]
fn genres_are_ranked_by_region_and_by_plan() {
    let project = second_form(
        "a,1,tt0000001,2024-03-01 10:00:00,2024-03-01 11:00:00,8,1,3\n\
         b,2,tt0000004,2024-03-02 10:00:00,2024-03-02 12:00:00,8,1,3\n\
         c,2,tt0000005,2024-03-03 10:00:00,2024-03-03 10:30:00,8,1,\n",
    );
    // A title without genres makes `unknown`, and a log without a region likewise.
    assert_eq!(
        project.rows("select region_level, region, genre, rank, rank_from_bottom, round(genre_watch_share, 4) from gold.genres_by_region order by 1, 2, 4"),
        [
            "region,București,Horror,1,3,0.6667",
            "region,București,Comedy,2,1,0.1667",
            "region,București,Drama,3,2,0.1667",
            "unknown,unknown,unknown,,,1.0",
        ]
    );
    assert_eq!(
        project.rows("select plan, genre, rank, watch_minutes_full from gold.genres_by_plan where rank = 1 order by 1"),
        ["Bronze,Comedy,1,60", "Silver,Horror,1,120"]
    );
    let report = project.ok(&[
        "-q",
        "sql",
        "-f",
        "csv",
        "bottom_genres_by_region",
        "--param",
        "region=bucurești",
        "--param",
        "limit=1",
    ]);
    assert!(
        report.stdout.contains("București,1,Comedy"),
        "{}",
        report.stdout
    );
}

#[test]
fn the_first_form_has_countries_for_regions() {
    let project = first_form(&hour_with_each(&["2012", "9"]));
    assert_eq!(
        project.rows("select region_level, region, genre, sessions from gold.genres_by_region"),
        ["country,RO,Thrillers,2"]
    );
    assert_eq!(
        project.rows("select segment_kind, segment, users from gold.inactivity_by_segment where segment_kind = 'country'"),
        ["country,RO,2"]
    );
}

#[test]
fn indices_are_means_of_what_is_known() {
    let project = second_form(
        "a,1,tt0000001,2024-03-01 10:00:00,2024-03-01 10:50:00,5,1,1\n\
         b,2,tt0000001,2024-03-01 10:00:00,2024-03-01 10:50:00,7,-1,1\n\
         c,2,tt0000006,2024-03-01 10:00:00,2024-03-01 10:50:00,,0,1\n",
    );
    // Title 6: neither rated here nor on IMDb, of unknown length, neither liked nor disliked.
    assert_eq!(
        project.rows("select title_id, known_parts, round(movie_quality_index, 4) from gold.movie_quality_index where logs > 0"),
        ["4000000001,4,0.6025"]
    );
    assert_eq!(
        project.rows("select genre, minutes_score, round(sessions_score, 4), rating_score, round(genre_popularity_index, 4) from gold.genre_popularity_index order by 1"),
        ["Comedy,0.6666666666666666,0.6667,0.6,0.6444", "Drama,1.0,1.0,0.6,0.8667"]
    );
    assert_eq!(
        project.rows("select plan, active_share, round(revenue_score, 4) from gold.tier_effectiveness order by 1"),
        ["Bronze,1.0,0.1664", "Gold,0.0,1.0", "Silver,1.0,0.2498"]
    );
}

#[test]
fn episodes_of_imdb_are_titles_of_neither_kind() {
    let project = second_form("a,1,tt0000005,2024-03-01 10:00:00,2024-03-01 11:00:00,8,1,1\n");
    assert_eq!(
        project.rows("select title_type, count(*) from gold.cleaned_titles group by 1 order by 1"),
        ["episode,1", "movie,4", "series,1"]
    );
    assert_eq!(
        project.row("select plan, price, currency, users from gold.revenue_per_subscription_tier where plan = 'Gold'"),
        "Gold,11.99,USD,2"
    );
}

#[test]
fn the_normalised_schema_has_its_names() {
    let project = second_form("a,2,tt0000002,2024-03-01 10:00:00,2024-03-01 11:00:00,8.25,-1,2\n");
    assert_eq!(
        project.row("select * from gold.cleaned_users_and_subscriptions where id_user = 2"),
        "2,Ion,Rus,2006-03-31,2,2024-01-10,Silver,5.99,USD,30.00"
    );
    assert_eq!(
        project.row("select id_log, id_user, id_title, rating_given, id_reaction, reaction_name, id_region, region_name from gold.cleaned_fact_table join silver.dim_reactions using (id_reaction)"),
        "a,2,4000000002,8.25,-1,dislike,2,Argeș"
    );
    assert_eq!(
        project.rows(
            "select id_subscription, discount_procentual from silver.dim_subscriptions order by 1"
        ),
        ["1,15.00", "2,30.00", "3,45.00"]
    );
}
