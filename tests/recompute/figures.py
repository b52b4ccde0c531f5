"""The published figures about streaming platforms, read from their small files.

Every file is one measure of one platform (its folder), or of the apps of a
country (an overview's folder), or of all platforms (the root). `read` makes
the tables

    figures    platform, metric, region, period, period_grain, period_start,
               segment, value, unit, file: one figure a row, in whole units
    overviews  platform, overview: prose
    spellings  spelling, platform: every way a platform is written
    figure_files  file, rows: what was there, for counting
"""

from datetime import date
from decimal import Decimal
from pathlib import Path

from files import csv_rows, insert

ONE, MILLION, BILLION, PERCENT = Decimal(1), Decimal(10) ** 6, Decimal(10) ** 9, Decimal("0.01")

# One name for each platform, however files spell it.
ONE_NAME = {
    "Youtube": "YouTube", "Tiktok": "TikTok", "Disney+": "Disney Plus",
    "Amazon Prime Video": "Amazon Prime", "Peacock Premium": "Peacock",
    "NBC Universal Peacock": "Peacock", "ITV Hub+": "ITV Hub", "Douyin (TikTok)": "Douyin",
}

# File: column, metric, unit, scale of the printed number.
MEASURES = {
    "Revenue": [("Revenue", "reported_revenue", "USD", BILLION)],
    "AdRevenue": [("Ad Revenue", "ad_revenue", "USD", BILLION), ("Revenue", "ad_revenue", "USD", BILLION)],
    "SubscriptionRevenue": [("Subscription Revenue", "subscription_revenue", "USD", BILLION)],
    "Profit": [("Profit", "profit", "USD", BILLION)],
    "Valuation": [("Valuation", "valuation", "USD", BILLION)],
    "ContentSpend": [("Content spend", "content_spend", "USD", BILLION)],
    "NumSubscribers": [("Subscribers", "subscribers", "subscribers", MILLION),
                       ("Spp Subscribers", "subscribers", "subscribers", MILLION)],
    "LiveTVSubscribers": [("Live TV Subscribers", "live_tv_subscribers", "subscribers", MILLION)],
    "PremiumSubscribers": [("PremiumSubscribers", "premium_subscribers", "subscribers", MILLION)],
    "Users": [("Users", "users", "users", BILLION)],
    "AppUsage": [("App Usage", "app_users", "users", MILLION), ("Usage", "app_users", "users", MILLION)],
    "ConcurrentViewers": [("Concurrent viewers", "concurrent_viewers", "viewers", MILLION)],
    "HoursWatched": [("Hours watched", "hours_watched", "hours", BILLION)],
    "TwitchStreamers": [("Active channels", "active_channels", "channels", MILLION)],
    "MostViewedGamesOnTwitch": [("All-time viewers", "game_hours_watched", "hours", BILLION)],
    "TwitchAgeDemographics": [("Percentage of users", "user_share", "share", PERCENT)],
    "TwitchGenderDemographics": [("Percentage of users", "user_share", "share", PERCENT)],
    "MinuteSharing": [("Percentage of streaming", "streaming_share", "share", PERCENT)],
    "LibrarySize": [("Movies", "movies", "titles", ONE), ("TV Shows", "tv_shows", "titles", ONE)],
}
REGIONS = ("US & Canada", "EMEA", "Latin America", "Asia-Pacific")
MEASURES["RevenueByRegion"] = [(r, "reported_revenue", "USD", BILLION) for r in REGIONS]
MEASURES["NumSubscribersByRegion"] = [(r, "subscribers", "subscribers", MILLION) for r in REGIONS]

# What the first column of a file is about.
PERIODS, PLATFORMS, SEGMENTS = {"Year"}, {"App Name", "Name", "Streaming platform"}, {"Games", "Age", "Gender"}

OVERVIEW_FOLDER = " Video Streaming Apps Overview"
ROOT = "platform_metrics"


def read(con, raw):
    """Reads all files below the folder of figures, if there is one."""
    figures, overviews, spellings, files = [], [], set(), []
    for path in sorted(Path(raw).glob(f"**/{ROOT}/**/*.csv")):
        rows = csv_rows(path.read_bytes())
        files.append((path.stem, len(rows)))
        for row in rows:
            label_column = next(iter(row))
            platform = platform_of(path.parent.name, label_column, row)
            spellings.add((platform, ONE_NAME.get(platform, platform)))
            if "Overview" in row:
                overviews.append((ONE_NAME.get(platform, platform), row["Overview"].strip("\u00a0 ")))
                continue
            figures += figures_of(path, platform, label_column, row)
    con.execute("""
        create table figures (platform text, metric text, region text, period text, period_grain text,
            period_start date, segment text, value decimal(24, 6), unit text, file text);
        create table overviews (platform text, overview text);
        create table spellings (spelling text, platform text);
        create table figure_files (file text, rows bigint);
    """)
    for table, values in (("figures", figures), ("overviews", overviews),
                          ("spellings", sorted(spellings)), ("figure_files", files)):
        if values:
            insert(con, table, values)


def platform_of(folder, label_column, row):
    """The platform as spelled: the row's own, a country's total, or the folder's."""
    if label_column in PLATFORMS:
        return row[label_column]
    return "All platforms" if folder.endswith(OVERVIEW_FOLDER) else folder


def figures_of(path, platform, label_column, row):
    """The figures of one row of a file."""
    label = row[label_column]
    country = path.parent.name.removesuffix(OVERVIEW_FOLDER)
    period = label if label_column in PERIODS else "undated"
    found = []
    for column, metric, unit, scale in MEASURES[path.stem]:
        if column not in row:
            continue
        region = column if column in REGIONS else country if country != path.parent.name else "World"
        grain, start = grain_and_start(period)
        segment = label if label_column in SEGMENTS else "all"
        value = Decimal(row[column].replace(",", "")) * scale
        found.append((ONE_NAME.get(platform, platform), metric, region, period, grain, start,
                      segment, value, unit, path.stem))
    if not found:
        raise ValueError(f"{path}: no known column in {list(row)}")
    return found


def grain_and_start(period):
    """`2020`, `H1 2020`, `Q3 2020`: how long the period is and when it begins."""
    if period == "undated":
        return "undated", None
    if period.isdigit():
        return "year", date(int(period), 1, 1)
    part, year = period.split()
    months, grain = (6, "half") if part[0] == "H" else (3, "quarter")
    return grain, date(int(year), 1 + months * (int(part[1]) - 1), 1)
