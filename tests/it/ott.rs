//! System D: published figures about streaming platforms, on the real files
//! and, trap by trap, on small invented ones.

use std::path::Path;

use crate::support::{Project, real_data};

/// Copies every file below `folder` into the landing folder, folders kept.
fn deliver_tree(project: &Project, folder: &Path, below: &str) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{below}/{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            deliver_tree(project, &path, &name);
        } else {
            project.deliver(&name, std::fs::read(&path).unwrap());
        }
    }
}

fn delivered() -> Option<Project> {
    let data = real_data("ott")?;
    let project = Project::warehouse();
    deliver_tree(&project, &data.join("platform_metrics"), "platform_metrics");
    Some(project)
}

fn refreshed() -> Option<Project> {
    let project = delivered()?;
    project.ok(&["refresh"]);
    Some(project)
}

fn report(project: &Project, name: &str, params: &[&str]) -> Vec<String> {
    let mut args = vec!["-q", "sql", "-f", "csv", name];
    for param in params {
        args.extend(["--param", *param]);
    }
    let ran = project.ok(&args);
    ran.stdout.lines().skip(1).map(str::to_owned).collect()
}

#[test]
fn ott_is_right() {
    let Some(project) = refreshed() else { return };

    // Every file and every row, and where each figure went.
    assert_eq!(
        project.row(
            "select count(*), sum(rows_in), sum(rows_landed), sum(rows_rejected) \
             from system.deliveries"
        ),
        "39,275,275,0"
    );
    assert_eq!(
        project.row("select count(*) from silver.platform_metrics"),
        "283"
    );
    assert_eq!(
        project.row(
            "select count(*), count(*) filter (where is_platform), \
             count(*) filter (where overview is not null) from gold.dim_platform"
        ),
        "28,26,16"
    );
    assert_eq!(
        project.rows("select level, count(*) from gold.dim_geography group by 1 order by 1"),
        ["country,3", "world,1", "world region,4"]
    );
    assert_eq!(
        project.rows("select period_grain, count(*) from gold.dim_period group by 1 order by 1"),
        ["half,4", "quarter,7", "undated,1", "year,12"]
    );

    // Libraries and the strategies behind them.
    assert_eq!(
        project.rows(
            "select platform, movies, tv_shows, total_content, round(content_ratio, 4), \
             content_strategy from gold.fct_platform_content order by total_content desc"
        ),
        [
            "Amazon Prime,26300,2700,29000,9.7407,Movie-Heavy",
            "Netflix,3600,1800,5400,2.0,Balanced",
            "HBO Max,2000,580,2580,3.4483,Movie-Heavy",
            "Hulu,1230,1300,2530,0.9462,Balanced",
            "Peacock,910,345,1255,2.6377,Movie-Heavy",
            "Disney Plus,740,280,1020,2.6429,Movie-Heavy",
        ]
    );

    // Nine intervals in ten years; the mean of rates is not what compounds.
    assert_eq!(
        project.row(
            "select first_period, last_period, periods, intervals, \
             round(100 * total_growth_rate, 4), round(100 * cagr, 4), \
             round(100 * mean_growth_rate, 4) from gold.platform_growth \
             where platform = 'Netflix' and metric = 'reported_revenue' and region = 'World'"
        ),
        "2011,2020,10,9,703.2258,26.0485,26.2031"
    );
    assert_eq!(
        project.rows(
            "select year, round(100 * yoy_growth_rate, 4) from gold.platform_growth_yearly \
             where platform = 'Netflix' and metric = 'reported_revenue' and region = 'World' \
             and year in (2011, 2012, 2020) order by 1"
        ),
        ["2011,", "2012,12.9032", "2020,23.8806"]
    );

    // Both sides of a share are of one year.
    assert_eq!(
        project.rows(
            "select platform, platforms, round(100 * market_share, 4) from gold.market_share \
             where metric = 'subscribers' and year = 2020 order by place"
        ),
        ["Netflix,2,83.1824", "Hulu,2,16.8176"]
    );
    assert_eq!(
        project.row(
            "select count(*) from gold.market_share where metric = 'subscribers' and year = 2021"
        ),
        "0"
    );

    // A year of four quarters beside years as published; no year of three.
    assert_eq!(
        project.rows(
            "select year, period_grain, cast(value as bigint) from gold.platform_metrics_yearly \
             where platform = 'Disney Plus' and metric = 'reported_revenue'"
        ),
        ["2020,quarter,2802000000"]
    );
    assert_eq!(
        project.rows(
            "select platform, reported_revenue from gold.platform_comparison \
             where year = 2020 and reported_revenue is not null order by 2 desc"
        ),
        [
            "Netflix,24900000000.00",
            "YouTube,19700000000.00",
            "Hulu,4400000000.00",
            "Disney Plus,2802000000.00",
            "Twitch,2300000000.00",
            "TikTok,1900000000.00",
        ]
    );

    // Content spend against revenue: 2021 has no revenue.
    assert_eq!(
        project.rows(
            "select year, content_spend, reported_revenue, round(content_spend_ratio, 4) \
             from gold.content_spend_against_revenue order by year"
        ),
        [
            "2016,6880000000.00,8800000000.00,0.7818",
            "2017,8910000000.00,11600000000.00,0.7681",
            "2018,12000000000.00,15700000000.00,0.7643",
            "2019,13900000000.00,20100000000.00,0.6915",
            "2020,11800000000.00,24900000000.00,0.4739",
            "2021,17000000000.00,,",
        ]
    );

    // Regions do not add up to what is published for the world.
    assert_eq!(
        project.rows(
            "select metric, year, round(cast(max(sum_of_regions) as double) / 1e6, 1), \
             round(cast(max(world_value) as double) / 1e6, 1), count(*) \
             from gold.platform_regions group by metric, year order by 1, 2"
        ),
        [
            "reported_revenue,2018,15390.0,15700.0,4",
            "reported_revenue,2019,19830.0,20100.0,4",
            "reported_revenue,2020,24720.0,24900.0,4",
            "subscribers,2018,139.1,124.3,4",
            "subscribers,2019,166.9,151.5,4",
            "subscribers,2020,203.5,192.9,4",
        ]
    );
}

#[test]
fn headlines_are_confirmed_or_corrected() {
    let Some(project) = refreshed() else { return };
    assert_eq!(
        project.rows(
            "select headline, published, round(value, 6), period, is_confirmed \
             from gold.platform_headlines order by place"
        ),
        [
            "amazon prime titles,29000.0,29000.0,undated,true",
            "titles of all platforms,41785.0,41785.0,undated,true",
            "titles a platform,,6964.166667,undated,",
            "platforms,6.0,6.0,undated,true",
            "movie-heavy platforms,4.0,4.0,undated,true",
            "balanced platforms,2.0,2.0,undated,true",
            "netflix revenue growth,7.03,7.032258,2011 to 2020,true",
            "netflix revenue growth intervals,10.0,9.0,2011 to 2020,false",
            "netflix revenue cagr,,0.260485,2011 to 2020,",
            "netflix revenue mean yearly growth,,0.262031,2011 to 2020,",
            "netflix subscribers,192900000.0,192900000.0,2020,true",
            "netflix revenue sum,104100000000.0,104100000000.0,2011 to 2020,true",
            "hulu revenue sum,20300000000.0,20300000000.0,2010 to 2020,true",
            "\"subscribers of two platforms, years mixed\",235900000.0,235900000.0,\"Netflix 2020, Hulu 2021\",true",
            "\"netflix share of two, years mixed\",0.818,0.817719,\"Netflix 2020, Hulu 2021\",true",
            "\"hulu share of two, years mixed\",0.182,0.182281,\"Netflix 2020, Hulu 2021\",true",
            "\"subscribers of two platforms, same year\",,231900000.0,2020,",
            "\"netflix share of two, same year\",,0.831824,2020,",
            "\"hulu share of two, same year\",,0.168176,2020,",
            "files of figures,33.0,39.0,undated,false",
            "rows of figures,227.0,275.0,undated,false",
        ]
    );
}

#[test]
fn ott_reports_answer() {
    let Some(project) = refreshed() else { return };
    assert_eq!(
        report(&project, "market_share", &[]),
        [
            "2020,Netflix,192900000.000000,231900000.000000,0.8318240620957309",
            "2020,Hulu,39000000.000000,231900000.000000,0.16817593790426907",
        ]
    );
    assert_eq!(
        report(
            &project,
            "market_share",
            &[
                "metric=reported_revenue",
                "year=2019",
                "platforms=Netflix, Hulu"
            ]
        ),
        [
            "2019,Netflix,20100000000.000000,23600000000.000000,0.8516949152542372",
            "2019,Hulu,3500000000.000000,23600000000.000000,0.1483050847457627",
        ]
    );
    assert_eq!(
        report(&project, "top_apps", &["country=China", "limit=2"]),
        [
            "China,1,Tencent Video,900000000,115000000",
            "China,2,Youku,500000000,85000000",
            "China,2,iQiyi,500000000,105000000",
        ]
    );
    assert_eq!(
        report(&project, "revenue_by_country", &["country=United Kingdom"]).len(),
        6
    );
    assert_eq!(report(&project, "platform_comparison", &[]).len(), 6);
    assert_eq!(
        report(&project, "platform_comparison", &["year=2021"]).len(),
        4
    );
    assert_eq!(
        report(&project, "growth_by_platform", &["platform=Hulu"]).len(),
        7
    );
    assert_eq!(
        report(&project, "growth_by_year", &["platform=Twitch"]).len(),
        5
    );
    assert_eq!(report(&project, "quarterly_revenue", &[]).len(), 7);
    assert_eq!(
        report(&project, "regional_revenue", &["year=2020"]).len(),
        4
    );
    assert_eq!(report(&project, "subscribers_by_region", &[]).len(), 12);
    assert_eq!(report(&project, "content_strategy", &[]).len(), 6);
    assert_eq!(
        report(&project, "content_spend_against_revenue", &[]).len(),
        6
    );
    assert_eq!(report(&project, "twitch_audience", &[]).len(), 17);
    assert_eq!(
        report(&project, "engagement_by_year", &["platform=YouTube"]).len(),
        9
    );
    assert_eq!(report(&project, "platform_headlines", &[]).len(), 21);
    assert_eq!(report(&project, "platform_targets", &[]).len(), 6);
    assert!(report(&project, "titles_by_catalogue", &[]).is_empty());
}

#[test]
fn cross_checks_warn_and_do_not_fail() {
    let Some(project) = delivered() else { return };
    let ran = project.ok(&["refresh"]);
    for warning in [
        "warning: regional_subscribers_match_totals: 3 failing rows",
        "warning: regional_revenue_matches_totals: 3 failing rows",
        "warning: revenue_parts_match_totals: 1 failing row",
    ] {
        assert!(ran.stderr.contains(warning), "{warning}\n{}", ran.stderr);
    }
    assert!(!ran.stderr.contains("warning: audience_shares_add_up"));
    assert!(!ran.stderr.contains("warning: platforms_are_spelled_once"));
    assert_eq!(
        project.row(
            "select period, subscription_revenue + ad_revenue, reported_revenue \
             from gold.fct_platform_revenue \
             where subscription_revenue + ad_revenue <> reported_revenue"
        ),
        "2017,2300000000.00,2400000000.00"
    );
}

#[test]
fn one_bad_file_does_not_lose_its_folder() {
    let Some(project) = refreshed() else { return };
    // What a reader keeps that knows only UTF-8 and gives a folder up at the
    // first file it cannot read, beside what is there.
    assert_eq!(
        project.row(
            "with files as ( \
               select folder, file, count(*) as rows, \
                 folder = 'Twitch' and file = 'MostViewedGamesOnTwitch' \
                 or file = 'TopPlatforms' as is_unreadable \
               from bronze.platform_metrics group by folder, file \
             ), read as ( \
               select rows, not bool_or(is_unreadable) \
                 over (partition by folder order by file) as is_kept \
               from files \
             ) \
             select count(*), sum(rows), count(*) filter (where is_kept), \
               sum(rows) filter (where is_kept) from read"
        ),
        "39,275,33,227"
    );
}

#[test]
fn three_catalogues_are_one_dimension() {
    let (Some(ott), Some(wowcinema)) = (real_data("ott"), real_data("wowcinema")) else {
        return;
    };
    let project = Project::warehouse();
    deliver_tree(&project, &ott.join("titles"), "titles");
    project.deliver(
        "netflix_titles.csv",
        std::fs::read(wowcinema.join("netflix_titles.csv")).unwrap(),
    );
    project.ok(&["refresh"]);
    assert_eq!(
        project.row("select count(*), count(distinct title_id) from gold.dim_content"),
        "19925,19925"
    );
    assert_eq!(
        project.rows(
            "select platform, title_type, count(*) from gold.dim_content group by 1, 2 order by 1, 2"
        ),
        [
            "Amazon Prime,movie,7814",
            "Amazon Prime,series,1854",
            "Disney Plus,movie,1052",
            "Disney Plus,series,398",
            "Netflix,movie,6131",
            "Netflix,series,2676",
        ]
    );
    assert_eq!(
        project.rows("select platform, catalogue_titles from gold.dim_platform order by 1"),
        ["Amazon Prime,9668", "Disney Plus,1450", "Netflix,8807"]
    );
    // What the sources leave empty stays empty; 0 minutes is no length.
    assert_eq!(
        project.row(
            "select count(*) filter (where added_date is null), \
             count(*) filter (where countries is null), \
             count(*) filter (where age_rating is null), \
             count(*) filter (where title_type = 'movie' and duration_minutes is null), \
             count(distinct lower(title)) \
             from gold.dim_content where platform = 'Amazon Prime'"
        ),
        "9513,8996,337,10,9651"
    );
    assert_eq!(
        report(&project, "titles_by_catalogue", &[]),
        [
            "Amazon Prime,9668,7814,1854,,19925",
            "Netflix,8807,6131,2676,,19925",
            "Disney Plus,1450,1052,398,,19925",
        ]
    );
}

#[test]
fn windows_1252_files_are_read_whole() {
    let project = Project::warehouse();
    project.deliver(
        "platform_metrics/Twitch/MostViewedGamesOnTwitch.csv",
        b"Games,All-time viewers\r\nMinecraft,9.4\r\nTom Clancy\x92s Rainbow Six Siege,3.9\r\n",
    );
    project.deliver(
        "platform_metrics/USA Video Streaming Apps Overview/TopPlatforms.csv",
        b"Name,Overview\r\nHotstar,India\x92s most popular\xa0\r\n",
    );
    project.ok(&["refresh"]);
    assert_eq!(
        project
            .rows("select segment, hours_watched from gold.fct_platform_audience order by 2 desc"),
        [
            "Minecraft,9400000000",
            "Tom Clancy\u{2019}s Rainbow Six Siege,3900000000",
        ]
    );
    assert_eq!(
        project.row("select overview from gold.dim_platform where platform = 'Hotstar'"),
        "India\u{2019}s most popular"
    );
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_header() {
    let project = Project::warehouse();
    project.deliver(
        "platform_metrics/Tiktok/Revenue.csv",
        b"\xef\xbb\xbfYear,Revenue\r\n2017,0.063\r\n2018,0.15\r\n",
    );
    project.ok(&["refresh"]);
    assert_eq!(
        project.rows(
            "select platform, period, reported_revenue from gold.fct_platform_revenue order by 2"
        ),
        ["TikTok,2017,63000000.00", "TikTok,2018,150000000.00"]
    );
}

#[test]
fn a_header_with_a_leading_blank_is_its_column() {
    let project = Project::warehouse();
    project.deliver(
        "platform_metrics/China Video Streaming Apps Overview/Revenue.csv",
        "Year, Revenue\r\n2019,15.5\r\n2020,18.1\r\n",
    );
    project.ok(&["refresh"]);
    assert_eq!(
        project.rows(
            "select platform, region, period, reported_revenue \
             from gold.fct_platform_revenue order by 3"
        ),
        [
            "All platforms,China,2019,15500000000.00",
            "All platforms,China,2020,18100000000.00",
        ]
    );
    // A country's total is no platform's.
    assert_eq!(project.row("select count(*) from gold.market_share"), "0");
}

#[test]
fn quoted_thousands_are_numbers_and_exactly_two_is_balanced() {
    let project = Project::warehouse();
    project.deliver(
        "platform_metrics/LibrarySize.csv",
        "Streaming platform,Movies,TV Shows\r\n\
         Netflix,\"3,600\",\"1,800\"\r\n\
         HBO Max,\"2,001\",\"1,000\"\r\n\
         Peacock Premium,345,690\r\n\
         Hulu,344,690\r\n\
         Disney+,740,0\r\n",
    );
    project.ok(&["refresh"]);
    assert_eq!(
        project.rows(
            "select platform, total_content, content_ratio, content_strategy \
             from gold.fct_platform_content order by total_content desc, platform"
        ),
        [
            "Netflix,5400,2.0,Balanced",
            "HBO Max,3001,2.001,Movie-Heavy",
            "Peacock,1035,0.5,Balanced",
            "Hulu,1034,0.4985507246376812,TV-Heavy",
            "Disney Plus,740,,Movie-Heavy",
        ]
    );
}

#[test]
fn billions_and_millions_are_normalised() {
    let project = Project::warehouse();
    project.deliver(
        "platform_metrics/Youtube/Users.csv",
        "Year,Users\r\n2020,2.3\r\n",
    );
    project.deliver(
        "platform_metrics/Youtube/PremiumSubscribers.csv",
        "Year,PremiumSubscribers\r\n2020,30\r\n",
    );
    project.deliver(
        "platform_metrics/Twitch/HoursWatched.csv",
        "Year,Hours watched\r\n2020,18.6\r\n",
    );
    project.deliver(
        "platform_metrics/Netflix/RevenueByRegion.csv",
        "Year,US & Canada,EMEA,Latin America,Asia-Pacific\r\n2020,11.45,7.77,3.13,2.37\r\n",
    );
    project.deliver(
        "platform_metrics/Netflix/NumSubscribersByRegion.csv",
        "Year,US & Canada,EMEA,Latin America,Asia-Pacific\r\n2020,73.9,66.7,37.5,25.4\r\n",
    );
    // Two columns of the same name: the file's name says which revenue it is.
    project.deliver(
        "platform_metrics/Twitch/AdRevenue.csv",
        "Year,Revenue\r\n2020,0.75\r\n",
    );
    project.ok(&["refresh"]);
    assert_eq!(
        project.rows(
            "select platform, metric, region, cast(value as bigint), unit \
             from silver.platform_metrics order by platform, metric, region"
        ),
        [
            "Netflix,reported_revenue,Asia-Pacific,2370000000,USD",
            "Netflix,reported_revenue,EMEA,7770000000,USD",
            "Netflix,reported_revenue,Latin America,3130000000,USD",
            "Netflix,reported_revenue,US & Canada,11450000000,USD",
            "Netflix,subscribers,Asia-Pacific,25400000,subscribers",
            "Netflix,subscribers,EMEA,66700000,subscribers",
            "Netflix,subscribers,Latin America,37500000,subscribers",
            "Netflix,subscribers,US & Canada,73900000,subscribers",
            "Twitch,ad_revenue,World,750000000,USD",
            "Twitch,hours_watched,World,18600000000,hours",
            "YouTube,premium_subscribers,World,30000000,subscribers",
            "YouTube,users,World,2300000000,users",
        ]
    );
}

#[test]
fn quarters_and_halves_are_not_years() {
    let project = Project::warehouse();
    project.deliver(
        "platform_metrics/Disney Plus/Revenue.csv",
        "Year,Revenue\r\nQ1 2020,0.442\r\nQ2 2020,0.565\r\nQ3 2020,0.796\r\nQ4 2020,0.999\r\n\
         Q1 2021,1.11\r\nQ2 2021,1.24\r\nQ3 2021,1.44\r\n",
    );
    project.deliver(
        "platform_metrics/Hulu/LiveTVSubscribers.csv",
        "Year,Live TV Subscribers\r\nH1 2019,2\r\nH2 2019,2.7\r\nH1 2020,3.4\r\n",
    );
    project.deliver(
        "platform_metrics/Hulu/Revenue.csv",
        "Year,Revenue\r\n2020,4.4\r\n2021,5\r\n",
    );
    project.ok(&["refresh"]);
    assert_eq!(
        project.rows(
            "select period, period_grain, period_start, period_end, year from gold.dim_period \
             where period in ('2020', 'H2 2019', 'Q3 2021') order by 1"
        ),
        [
            "2020,year,2020-01-01,2020-12-31,2020",
            "H2 2019,half,2019-07-01,2019-12-31,2019",
            "Q3 2021,quarter,2021-07-01,2021-09-30,2021",
        ]
    );
    // Money of four quarters is a year's; of three it is not. Subscribers of
    // two halves never are.
    assert_eq!(
        project.rows(
            "select platform, metric, year, cast(value as bigint), period_grain \
             from gold.platform_metrics_yearly order by 1, 3"
        ),
        [
            "Disney Plus,reported_revenue,2020,2802000000,quarter",
            "Hulu,reported_revenue,2020,4400000000,year",
            "Hulu,reported_revenue,2021,5000000000,year",
        ]
    );
    assert_eq!(
        project.rows("select year, platform from gold.market_share order by place"),
        ["2020,Hulu", "2020,Disney Plus"]
    );
    // Growth stays within its grain.
    assert_eq!(
        project.rows(
            "select period, round(reported_revenue_growth_rate, 4), \
             round(reported_revenue_yoy_growth_rate, 4) from gold.fct_platform_revenue \
             where platform = 'Disney Plus' and period in ('Q1 2020', 'Q4 2020', 'Q1 2021') \
             order by period_start"
        ),
        ["Q1 2020,,", "Q4 2020,0.255,", "Q1 2021,0.1111,1.5113"]
    );
    assert_eq!(
        project.rows(
            "select period, subscribers, previous_subscribers, subscriber_growth \
             from gold.fct_platform_subscribers order by period_start"
        ),
        [
            "H1 2019,2000000,,",
            "H2 2019,2700000,2000000,700000",
            "H1 2020,3400000,2700000,700000",
        ]
    );
}

#[test]
fn platforms_have_one_spelling() {
    let project = Project::warehouse();
    project.deliver(
        "platform_metrics/Youtube/Users.csv",
        "Year,Users\r\n2020,2.3\r\n",
    );
    project.deliver(
        "platform_metrics/MinuteSharing.csv",
        "Streaming platform,Percentage of streaming\r\nYouTube,60\r\nDisney Plus,15\r\nOther,25\r\n",
    );
    project.deliver(
        "platform_metrics/UK Video Streaming Apps Overview/NumSubscribers.csv",
        "App Name,Spp Subscribers\r\nDisney+,4.6\r\nAmazon Prime Video,7.6\r\nITV Hub+,0.5\r\n",
    );
    project.deliver(
        "platform_metrics/UK Video Streaming Apps Overview/AppUsage.csv",
        "App Name,App Usage\r\nITV Hub,30\r\nTikTok,6\r\n",
    );
    project.deliver(
        "platform_metrics/USA Video Streaming Apps Overview/NumSubscribers.csv",
        "App Name,Subscribers\r\nNBC Universal Peacock,15\r\n",
    );
    project.deliver(
        "platform_metrics/Tiktok/Users.csv",
        "Year,Users\r\n2020,0.7\r\n",
    );
    project.deliver(
        "platform_metrics/LibrarySize.csv",
        "Streaming platform,Movies,TV Shows\r\nPeacock Premium,910,345\r\nAmazon Prime,\"26,300\",\"2,700\"\r\n",
    );
    project.ok(&["refresh"]);
    assert_eq!(
        project.rows("select platform, figures, is_platform from gold.dim_platform order by 1"),
        [
            "Amazon Prime,3,true",
            "Disney Plus,2,true",
            "ITV Hub,2,true",
            "Other,1,false",
            "Peacock,3,true",
            "TikTok,2,true",
            "YouTube,2,true",
        ]
    );
}

#[test]
fn market_share_compares_the_same_year() {
    let project = Project::warehouse();
    project.deliver(
        "platform_metrics/Netflix/NumSubscribers.csv",
        "Year,Subscribers\r\n2019,151.5\r\n2020,192.9\r\n",
    );
    project.deliver(
        "platform_metrics/Hulu/NumSubscribers.csv",
        "Year,Subscribers\r\n2020,39\r\n2021,43\r\n",
    );
    // A country's subscribers are not the world's.
    project.deliver(
        "platform_metrics/USA Video Streaming Apps Overview/NumSubscribers.csv",
        "App Name,Subscribers\r\nNetflix,75\r\nHBO Max,8.5\r\n",
    );
    project.ok(&["refresh"]);
    assert_eq!(
        project.rows(
            "select year, platform, platforms, round(100 * market_share, 4), place \
             from gold.market_share order by year, place"
        ),
        ["2020,Netflix,2,83.1824,1", "2020,Hulu,2,16.8176,2"]
    );
}

#[test]
fn cagr_counts_intervals() {
    let project = Project::warehouse();
    // Doubled each year, with a year missing; a year alone has no growth.
    project.deliver(
        "platform_metrics/Hulu/Valuation.csv",
        "Year,Valuation\r\n2015,1\r\n2016,2\r\n2018,8\r\n",
    );
    project.deliver(
        "platform_metrics/Hulu/Profit.csv",
        "Year,Profit\r\n2017,-1\r\n2018,1\r\n",
    );
    project.deliver(
        "platform_metrics/Hulu/Revenue.csv",
        "Year,Revenue\r\n2018,3.1\r\n",
    );
    // Doubled each half is four times a year.
    project.deliver(
        "platform_metrics/Hulu/LiveTVSubscribers.csv",
        "Year,Live TV Subscribers\r\nH1 2019,1\r\nH2 2019,2\r\nH1 2020,4\r\n",
    );
    project.ok(&["refresh"]);
    assert_eq!(
        project.rows(
            "select metric, period_grain, periods, intervals, round(total_growth_rate, 9), \
             round(cagr, 9), round(mean_growth_rate, 9) from gold.platform_growth order by metric"
        ),
        [
            "live_tv_subscribers,half,3,2,3.0,3.0,1.0",
            "profit,year,2,1,,,",
            "valuation,year,3,3,7.0,1.0,1.0",
        ]
    );
    assert_eq!(
        project.rows(
            "select year, yoy_growth_rate from gold.platform_growth_yearly \
             where metric = 'valuation' order by year"
        ),
        ["2015,", "2016,1.0", "2018,"]
    );
}
