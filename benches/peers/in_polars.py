"""The questions as Polars' users write them."""
from datetime import date

import polars as pl


def answers(lake, files):
    """A function from a question's name to its rows."""
    scan = {
        table: pl.scan_parquet(
            files(lake, table), hive_partitioning=table in ("watch_sessions", "heartbeats"),
            try_parse_hive_dates=True)
        for table in ("users", "titles", "subscriptions", "watch_sessions", "heartbeats")
    }
    users, titles, subscriptions, sessions, heartbeats = scan.values()
    count = pl.len().cast(pl.Int64)
    minutes = (pl.col("end_time").cast(pl.Int64) - pl.col("start_time").cast(pl.Int64)).alias("us")
    watched = (pl.col("us").sum() / 60_000_000).alias("watch_minutes")
    rate = pl.col("completion_rate").mean()
    genres = titles.select("title_id", pl.col("genres").str.split(", ").alias("genre")).explode("genre")

    def q01():
        return sessions.with_columns(minutes).group_by("month", "title_id").agg(
            count.alias("sessions"), pl.col("user_id").n_unique().alias("viewers"), watched, rate)

    def q02():
        return sessions.with_columns(minutes).group_by("month", "user_id").agg(
            count.alias("sessions"), watched, rate, pl.col("start_time").max().alias("last_started_at"))

    def q03():
        monthly = sessions.group_by("month", "title_id").agg(count.alias("sessions"), rate)
        ranked = monthly.filter(pl.col("sessions") >= 20).with_columns(
            pl.col("completion_rate").round(6).alias("rounded"))
        ranked = ranked.sort(
            "month", "rounded", "sessions", "title_id", descending=[False, True, True, False])
        ranked = ranked.with_columns(pl.int_range(1, pl.len() + 1).over("month").alias("place"))
        return ranked.filter(pl.col("place") <= 10).select(
            "month", "title_id", "sessions", "completion_rate", "place")

    def q04():
        return sessions.with_columns(minutes).join(genres, on="title_id").group_by("genre").agg(
            count.alias("sessions"), watched)

    def q05():
        both = sessions.with_columns(minutes).join(genres, on="title_id").join(
            users.select("user_id", "country"), on="user_id")
        return both.group_by("genre", "country").agg(
            count.alias("sessions"), pl.col("user_id").n_unique().alias("viewers"), watched)

    def q06():
        # An interval join is a join by user and a filter there.
        viewed = sessions.with_columns(minutes).select(
            "user_id", "day", (pl.col("us") / 60_000_000).alias("minutes"))
        both = viewed.join(subscriptions, on="user_id").filter(
            (pl.col("day") >= pl.col("start_date"))
            & (pl.col("end_date").is_null() | (pl.col("day") < pl.col("end_date"))))
        return both.group_by("plan").agg(
            count.alias("sessions"), pl.col("minutes").mean().alias("mean_minutes"),
            pl.col("minutes").quantile(0.5, "linear").alias("median_minutes"),
            pl.col("minutes").quantile(0.95, "linear").alias("p95_minutes"))

    def q07():
        days = sessions.group_by("month", "day").agg(pl.col("user_id").n_unique().alias("dau"))
        means = days.group_by("month").agg(pl.col("dau").mean().alias("mean_dau"))
        months = sessions.group_by("month").agg(pl.col("user_id").n_unique().alias("mau"))
        both = months.join(means, on="month")
        return both.with_columns((pl.col("mean_dau") / pl.col("mau")).alias("stickiness"))

    def q08():
        since = lambda day, name: (pl.col("day") >= day).sum().cast(pl.Int64).alias(name)
        viewing = sessions.group_by("user_id").agg(
            pl.col("start_time").max().alias("last_started_at"), pl.col("day").max().alias("last_day"),
            since(date(2025, 12, 2), "sessions_30"), since(date(2025, 11, 2), "sessions_60"),
            since(date(2025, 10, 3), "sessions_90"), count.alias("sessions"))
        both = users.select("user_id", "country").join(viewing, on="user_id")
        return both.filter(pl.col("last_day") < date(2025, 12, 2)).drop("last_day")

    def q09():
        active = sessions.select("user_id", "month").unique().sort("user_id", "month")
        active = active.with_columns(
            pl.col("month").shift(1).over("user_id").alias("before"),
            pl.col("month").shift(-1).over("user_id").alias("after"))
        month = pl.col("month")
        return active.group_by("month").agg(
            count.alias("active_users"), pl.col("before").is_null().sum().alias("new_users"),
            (pl.col("before") < month.dt.offset_by("-1mo")).sum().alias("returning_users"),
            (pl.col("after").is_null() | (pl.col("after") > month.dt.offset_by("1mo"))).sum()
            .alias("churned_users"))

    def q10():
        months = pl.LazyFrame({"month": pl.date_range(date(2024, 1, 1), date(2025, 12, 1), "1mo", eager=True)})
        both = months.join(subscriptions, how="cross").filter(
            (pl.col("start_date") < pl.col("month").dt.offset_by("1mo"))
            & (pl.col("end_date").is_null() | (pl.col("end_date") > pl.col("month"))))
        return both.group_by("month", "user_id").agg(
            pl.col("price").sum().alias("mrr"), count.alias("subscriptions"))

    def q11():
        joined = users.select("user_id", pl.col("join_date").dt.truncate("1mo").alias("cohort"))
        both = sessions.select("user_id", "month").join(joined, on="user_id")
        both = both.with_columns(
            ((pl.col("month").dt.year() - pl.col("cohort").dt.year()) * 12
             + pl.col("month").dt.month().cast(pl.Int32) - pl.col("cohort").dt.month().cast(pl.Int32))
            .alias("months_since_joining"))
        return both.group_by("cohort", "months_since_joining").agg(
            pl.col("user_id").n_unique().alias("active_users"))

    def q12():
        at = pl.col("event_time")
        numbered = heartbeats.select("user_id", "event_time").sort("user_id", "event_time").with_columns(
            (at - at.shift(1).over("user_id") > pl.duration(minutes=30)).fill_null(True).alias("begins"))
        numbered = numbered.with_columns(pl.col("begins").cum_sum().alias("number"))
        viewed = numbered.group_by("user_id", "number").agg(
            at.min().alias("started_at"), at.max().alias("ended_at"), count.alias("events"))
        lasting = pl.col("ended_at").cast(pl.Int64) - pl.col("started_at").cast(pl.Int64)
        return viewed.group_by(pl.col("started_at").dt.date().alias("day")).agg(
            count.alias("sessions"), pl.col("user_id").n_unique().alias("users"),
            pl.col("events").sum(), (lasting.sum() / 60_000_000).alias("minutes"))

    def q13():
        top = sessions.group_by("title_id").agg(count.alias("sessions")).sort(
            "sessions", "title_id", descending=[True, False]).head(200).select("title_id")
        watched_by = sessions.filter(pl.col("user_id") % 10 == 0).join(top, on="title_id").select(
            "user_id", "title_id").unique()
        pairs = watched_by.join(watched_by, on="user_id", suffix="_other").filter(
            pl.col("title_id") < pl.col("title_id_other"))
        counted = pairs.group_by("title_id", "title_id_other").agg(count.alias("users"))
        return counted.sort(
            "users", "title_id", "title_id_other", descending=[True, False, False]).head(100)

    def q14():
        return sessions.filter(pl.col("user_id") == 4242).sort("start_time", "session_id").select(
            "session_id", "title_id", "device_type", "start_time", "end_time", "completion_rate")

    written = locals()
    return lambda name: written[name]().collect(engine="streaming").to_arrow()
