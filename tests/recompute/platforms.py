"""Recomputes the marts about published figures of streaming platforms.

The figures are few, so most of this is plain Python over a list of them.
"""

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from catalogues import dim_content
from marts import mart

PERIODS_PER_YEAR = {"year": 1, "half": 2, "quarter": 4}
# Figures that add up over time, so that four quarters make a year.
ADDS_UP = {"reported_revenue", "ad_revenue", "subscription_revenue", "profit", "content_spend", "hours_watched"}
WORLD_REGIONS = ("US & Canada", "EMEA", "Latin America", "Asia-Pacific")
COUNTRIES = {"China": ("Asia-Pacific", "China"), "UK": ("EMEA", "United Kingdom"),
             "USA": ("US & Canada", "United States")}
SUMS_OF_SEVERAL = ("All platforms", "Other")


class Figure(NamedTuple):
    """One published figure."""

    platform: str
    metric: str
    region: str
    period: str
    grain: str
    start: date
    segment: str
    value: Decimal
    unit: str

    def number(self):
        """Periods of one grain counted up: neighbours differ by 1."""
        per_year = PERIODS_PER_YEAR[self.grain]
        return self.start.year * per_year + (self.start.month - 1) * per_year // 12


def all_figures(w):
    """Every figure, in whole units."""
    return [Figure(*row) for row in w.fetch("""select platform, metric, region, period, period_grain,
        period_start, segment, value, unit from figures""")]


def ratio(part, whole):
    """A fraction; null when either is unknown or there is nothing to divide by."""
    return None if part is None or not whole else float(Decimal(part) / Decimal(whole))


def growth_rate(value, previous):
    """Growth over what was before; null unless that is more than nothing."""
    return None if value is None or previous is None or previous <= 0 else ratio(value - previous, previous)


def whole(value):
    """A count as a whole number."""
    return None if value is None else int(value)


# --- dimensions --------------------------------------------------------------------------------------

@mart("region")
def dim_geography(w):
    """Every place that a figure is about: the world, its regions, countries within them."""
    rows = []
    for region in sorted({figure.region for figure in all_figures(w)}):
        if region == "World":
            rows.append((region, "world", None, None))
        elif region in WORLD_REGIONS:
            rows.append((region, "world region", "World", None))
        else:
            rows.append((region, "country", *COUNTRIES[region]))
    return w.rows("dim_geography", ["region text", "level text", "parent_region text", "country text"], rows)


@mart("period")
def dim_period(w):
    """Every period that a figure is about, with its first and last day."""
    rows = []
    for period, grain, start in sorted({(f.period, f.grain, f.start) for f in all_figures(w)}, key=str):
        if grain == "undated":
            rows.append((period, grain, None, None, None, None, None))
            continue
        per_year = PERIODS_PER_YEAR[grain]
        after = start.month + 12 // per_year
        end = date(start.year + after // 13, (after - 1) % 12 + 1, 1) - timedelta(days=1)
        rows.append((period, grain, start, end, start.year, per_year,
                     Figure(*[None] * 4, grain, start, None, None, None).number()))
    return w.rows("dim_period", ["period text", "period_grain text", "period_start date", "period_end date",
                                 "year bigint", "periods_per_year bigint", "period_number bigint"], rows)


@mart("platform")
def dim_platform(w):
    """Every platform that figures, overviews or catalogues speak of, under one name."""
    figures = all_figures(w)
    overviews = dict(w.fetch("from overviews"))
    titles = dict(w.fetch(f"""select platform, count(*) from
        ({dim_content(w)}) group by platform"""))
    spellings = defaultdict(set)
    for spelling, platform in w.fetch("from spellings"):
        spellings[platform].add(spelling)
    rows = []
    for platform in sorted({f.platform for f in figures} | overviews.keys() | titles.keys()):
        mine = [f for f in figures if f.platform == platform]
        years = [f.start.year for f in mine if f.start]
        others = sorted(spellings[platform] - {platform})
        rows.append((platform, platform not in SUMS_OF_SEVERAL, ", ".join(others) or None,
                     overviews.get(platform), len(mine), min(years, default=None),
                     max(years, default=None), titles.get(platform, 0)))
    return w.rows("dim_platform", [
        "platform text", "is_platform bool", "other_spellings text", "overview text", "figures bigint",
        "first_year bigint", "last_year bigint", "catalogue_titles bigint"], rows)




# --- facts, one row a platform, region and period --------------------------------------------------------

def side_by_side(w, metrics):
    """Figures of the named metrics: {(platform, region, period): {metric: figure}}."""
    rows = defaultdict(dict)
    for figure in all_figures(w):
        if figure.metric in metrics and figure.segment == "all":
            rows[figure.platform, figure.region, figure.period][figure.metric] = figure
    return rows


def values_of(metrics, row):
    """Their values in the order of the names, null where there is no figure."""
    return [row[metric].value if metric in row else None for metric in metrics]


def earlier(w, metric, figure, steps):
    """The value of the same figure some periods of the same grain before."""
    if figure is None or figure.start is None:
        return None
    for other in all_figures(w):
        if (other.metric == metric and other.platform == figure.platform and other.region == figure.region
                and other.grain == figure.grain and other.segment == figure.segment
                and other.number() == figure.number() - steps):
            return other.value
    return None


@mart("platform", "region", "period")
def fct_platform_revenue(w):
    """Money reported for a period; growth over the period just before and the one a year before."""
    metrics = ("reported_revenue", "ad_revenue", "subscription_revenue", "profit", "content_spend", "valuation")
    rows = []
    for (platform, region, period), row in side_by_side(w, metrics).items():
        any_figure = next(iter(row.values()))
        revenue = row.get("reported_revenue")
        value = revenue.value if revenue else None
        profit = row["profit"].value if "profit" in row else None
        before = earlier(w, "reported_revenue", revenue, 1)
        year_before = earlier(w, "reported_revenue", revenue, PERIODS_PER_YEAR.get(any_figure.grain, 1))
        rows.append((platform, region, period, any_figure.grain, any_figure.start, *values_of(metrics, row),
                     ratio(profit, value), growth_rate(value, before), growth_rate(value, year_before)))
    return w.rows("fct_platform_revenue", [
        "platform text", "region text", "period text", "period_grain text", "period_start date",
        *(f"{metric} money" for metric in metrics), "profit_margin_rate double",
        "reported_revenue_growth_rate double", "reported_revenue_yoy_growth_rate double"], rows)


@mart("platform", "region", "period", "subscriber_type")
def fct_platform_subscribers(w):
    """Subscribers of a period beside those of the period just before."""
    kinds = {"subscribers": "all", "live_tv_subscribers": "live tv", "premium_subscribers": "premium"}
    rows = []
    for figure in all_figures(w):
        if figure.metric in kinds:
            before = earlier(w, figure.metric, figure, 1)
            rows.append((figure.platform, figure.region, figure.period, figure.grain, figure.start,
                         kinds[figure.metric], whole(figure.value), whole(before),
                         None if before is None else whole(figure.value - before),
                         growth_rate(figure.value, before)))
    return w.rows("fct_platform_subscribers", [
        "platform text", "region text", "period text", "period_grain text", "period_start date",
        "subscriber_type text", "subscribers bigint", "previous_subscribers bigint",
        "subscriber_growth bigint", "subscriber_growth_rate double"], rows)


@mart("platform", "region", "period")
def fct_platform_content(w):
    """Films and series of a library; more than two films a series is Movie-Heavy, under half TV-Heavy."""
    rows = []
    for (platform, region, period), row in side_by_side(w, ("movies", "tv_shows")).items():
        movies, shows = values_of(("movies", "tv_shows"), row)
        films_a_series = movies / shows if movies is not None and shows else None
        strategy = None
        if films_a_series is not None:
            strategy = ("Movie-Heavy" if films_a_series > 2
                        else "TV-Heavy" if films_a_series < Decimal("0.5") else "Balanced")
        rows.append((platform, region, period, whole(movies), whole(shows),
                     None if movies is None or shows is None else whole(movies + shows),
                     ratio(movies, shows), strategy))
    return w.rows("fct_platform_content", [
        "platform text", "region text", "period text", "movies bigint", "tv_shows bigint",
        "total_content bigint", "content_ratio double", "content_strategy text"], rows)


@mart("platform", "region", "period")
def fct_platform_engagement(w):
    """Users, hours, viewers, channels and the share of streamed minutes of a period."""
    counts = ("users", "app_users", "hours_watched", "concurrent_viewers", "active_channels")
    rows = []
    for (platform, region, period), row in side_by_side(w, (*counts, "streaming_share")).items():
        any_figure = next(iter(row.values()))
        share, = values_of(("streaming_share",), row)
        rows.append((platform, region, period, any_figure.grain, any_figure.start,
                     *map(whole, values_of(counts, row)), None if share is None else float(share)))
    return w.rows("fct_platform_engagement", [
        "platform text", "region text", "period text", "period_grain text", "period_start date",
        *(f"{metric} bigint" for metric in counts), "streaming_share double"], rows)


@mart("platform", "segment_kind", "segment")
def fct_platform_audience(w):
    """Shares of users by age and gender, hours by game."""
    rows = []
    for figure in all_figures(w):
        if figure.metric == "game_hours_watched":
            rows.append((figure.platform, "game", figure.segment, None, whole(figure.value)))
        elif figure.metric == "user_share":
            kind = "age" if figure.segment[0].isdigit() else "gender"
            rows.append((figure.platform, kind, figure.segment, float(figure.value), None))
    return w.rows("fct_platform_audience", ["platform text", "segment_kind text", "segment text",
                                            "user_share double", "hours_watched bigint"], rows)


# --- years -----------------------------------------------------------------------------------------------

class Year(NamedTuple):
    """A figure that holds for a whole year."""

    metric: str
    platform: str
    region: str
    year: int
    value: Decimal
    unit: str
    made_of: str


def years(w):
    """Figures of years, and sums of whole sets of quarters or halves of a year without one."""
    found = {}
    parts = defaultdict(dict)
    for f in all_figures(w):
        if f.segment != "all" or f.start is None:
            continue
        key = f.metric, f.platform, f.region, f.start.year
        if f.grain == "year":
            found[key] = Year(*key, f.value, f.unit, "year")
        else:
            parts[key, f.grain][f.start] = f
    for (key, grain), pieces in sorted(parts.items()):
        if key not in found and key[0] in ADDS_UP and len(pieces) == PERIODS_PER_YEAR[grain]:
            total = sum(piece.value for piece in pieces.values())
            found[key] = Year(*key, total, next(iter(pieces.values())).unit, grain)
    return found


@mart("metric", "platform", "region", "year")
def platform_metrics_yearly(w):
    """Figures of whole years: published ones, and what quarters or halves of money and hours add up to."""
    rows = [(y.metric, y.platform, y.region, y.year, y.value, y.unit, y.made_of) for y in years(w).values()]
    return w.rows("platform_metrics_yearly", [
        "metric text", "platform text", "region text", "year bigint", "value figure", "unit text",
        "period_grain text"], rows)


@mart("metric", "platform", "region", "year")
def platform_growth_yearly(w):
    """Growth over the calendar year just before: same metric, platform and place."""
    found = years(w)
    rows = []
    for key, y in found.items():
        before = found.get((*key[:3], y.year - 1))
        previous = before.value if before else None
        rows.append((y.metric, y.platform, y.region, y.year, y.value, y.unit, previous,
                     None if before is None else y.value - previous, growth_rate(y.value, previous)))
    return w.rows("platform_growth_yearly", [
        "metric text", "platform text", "region text", "year bigint", "value figure", "unit text",
        "previous_value figure", "growth figure", "yoy_growth_rate double"], rows)


@mart("metric", "platform", "region", "period_grain")
def platform_growth(w):
    """From the first period to the last: total growth, CAGR a year over the intervals, and the plain
    mean of the rates from period to period."""
    series = defaultdict(list)
    for figure in all_figures(w):
        if figure.segment == "all" and figure.start is not None:
            series[figure.metric, figure.platform, figure.region, figure.grain].append(figure)
    rows = []
    for (metric, platform, region, grain), figures in series.items():
        figures.sort(key=Figure.number)
        first, last = figures[0], figures[-1]
        if len(figures) < 2:
            continue
        intervals = last.number() - first.number()
        rates = [growth_rate(b.value, a.value) for a, b in zip(figures, figures[1:])
                 if b.number() == a.number() + 1]
        rates = [r for r in rates if r is not None]
        cagr = None
        if first.value > 0 and last.value >= 0:
            cagr = float(last.value / first.value) ** (PERIODS_PER_YEAR[grain] / intervals) - 1
        rows.append((metric, platform, region, grain, first.unit, first.period, first.value, last.period,
                     last.value, len(figures), intervals, last.value - first.value,
                     growth_rate(last.value, first.value), cagr,
                     sum(rates) / len(rates) if rates else None))
    return w.rows("platform_growth", [
        "metric text", "platform text", "region text", "period_grain text", "unit text",
        "first_period text", "first_value figure", "last_period text", "last_value figure",
        "periods bigint", "intervals bigint", "total_growth figure", "total_growth_rate double",
        "cagr double", "mean_growth_rate double"], rows)


@mart("metric", "year", "platform")
def market_share(w):
    """A platform's part of what all platforms report for one metric and year, over the world; years
    that only one reports are left out. Profit is no market: losses would make shares of nothing."""
    markets = defaultdict(list)
    for y in years(w).values():
        if y.region == "World" and y.metric != "profit" and y.platform not in SUMS_OF_SEVERAL:
            markets[y.metric, y.year].append(y)
    rows = []
    for (metric, year), sellers in markets.items():
        if len(sellers) < 2:
            continue
        total = sum(y.value for y in sellers)
        sellers.sort(key=lambda y: (-y.value, y.platform))
        for place, y in enumerate(sellers, 1):
            rows.append((metric, year, y.platform, y.value, y.unit, len(sellers), total,
                         ratio(y.value, total), place))
    return w.rows("market_share", [
        "metric text", "year bigint", "platform text", "value figure", "unit text", "platforms bigint",
        "total_value figure", "market_share double", "place bigint"], rows)


@mart("platform", "year")
def content_spend_against_revenue(w):
    """What a platform spent on content in a year, over that year's revenue."""
    found = years(w)
    rows = []
    for (metric, platform, region, year), y in found.items():
        if metric != "content_spend":
            continue
        revenue = found.get(("reported_revenue", platform, region, year))
        revenue = revenue.value if revenue else None
        rows.append((platform, year, y.value, revenue, ratio(y.value, revenue), ratio(revenue, y.value)))
    return w.rows("content_spend_against_revenue", [
        "platform text", "year bigint", "content_spend money", "reported_revenue money",
        "content_spend_ratio double", "revenue_per_spend double"], rows)


@mart("metric", "platform", "year", "region")
def platform_regions(w):
    """Figures of world regions beside the figure that is published for the world."""
    found = years(w)
    regional = [y for y in found.values() if y.region in WORLD_REGIONS]
    rows = []
    for y in regional:
        together = sum(o.value for o in regional
                       if (o.metric, o.platform, o.year) == (y.metric, y.platform, y.year))
        world = found.get((y.metric, y.platform, "World", y.year))
        before = found.get((y.metric, y.platform, y.region, y.year - 1))
        rows.append((y.metric, y.platform, y.year, y.region, y.value, y.unit, ratio(y.value, together),
                     growth_rate(y.value, before.value if before else None), together,
                     world.value if world else None, together - world.value if world else None))
    return w.rows("platform_regions", [
        "metric text", "platform text", "year bigint", "region text", "value figure", "unit text",
        "region_share double", "yoy_growth_rate double", "sum_of_regions figure", "world_value figure",
        "difference figure"], rows)


@mart("platform", "year")
def platform_comparison(w):
    """Platforms side by side by year, over the world: money, people, hours, and the library's size.
    A row for every year of which anything is published, also where that is in no column here."""
    found = years(w)
    compared = ("reported_revenue", "profit", "content_spend", "subscribers", "users", "hours_watched")
    library = {f.platform: Decimal(0) for f in all_figures(w) if f.metric == "movies"}
    for f in all_figures(w):
        if f.metric in ("movies", "tv_shows"):
            library[f.platform] += f.value
    keys = {(y.platform, y.year) for y in found.values()
            if y.region == "World" and y.platform not in SUMS_OF_SEVERAL}
    rows = []
    for platform, year in sorted(keys):
        row = {metric: found.get((metric, platform, "World", year)) for metric in compared}
        value = {metric: y.value if y else None for metric, y in row.items()}
        revenue, before = row["reported_revenue"], found.get(("reported_revenue", platform, "World", year - 1))
        total = library.get(platform)
        rows.append((platform, year, value["reported_revenue"], revenue.made_of if revenue else None,
                     growth_rate(value["reported_revenue"], before.value if before else None),
                     value["profit"], ratio(value["profit"], value["reported_revenue"]),
                     value["content_spend"], whole(value["subscribers"]), whole(value["users"]),
                     whole(value["hours_watched"]), ratio(value["reported_revenue"], value["subscribers"]),
                     whole(total), ratio(value["reported_revenue"], total)))
    return w.rows("platform_comparison", [
        "platform text", "year bigint", "reported_revenue money", "revenue_made_of text",
        "reported_revenue_yoy_growth_rate double", "profit money", "profit_margin_rate double",
        "content_spend money", "subscribers bigint", "users bigint", "hours_watched bigint",
        "reported_revenue_per_subscriber double", "total_content bigint",
        "reported_revenue_per_title double"], rows)


# --- headlines ---------------------------------------------------------------------------------------------

@mart("headline", not_compared={"remark": "prose", "place": "only the order to read them in"})
def platform_headlines(w):
    """The headline numbers that were published about these figures, beside what the figures say."""
    found = years(w)
    if not found:
        return w.rows("platform_headlines", HEADLINE_COLUMNS, [])

    def of(metric, platform):
        return {y.year: y.value for y in found.values()
                if (y.metric, y.platform, y.region) == (metric, platform, "World")}

    libraries = defaultdict(Decimal)
    for f in all_figures(w):
        if f.metric in ("movies", "tv_shows"):
            libraries[f.platform] += f.value
    strategies = [row[0] for row in w.fetch(
        f"select content_strategy from ({fct_platform_content(w)})")]
    netflix, hulu = of("reported_revenue", "Netflix"), of("reported_revenue", "Hulu")
    netflix_people, hulu_people = of("subscribers", "Netflix"), of("subscribers", "Hulu")
    first, last = min(netflix), max(netflix)
    steps = last - first
    rates = [growth_rate(netflix[y], netflix[y - 1]) for y in netflix if y - 1 in netflix]
    n_year, h_year = max(netflix_people), max(hulu_people)
    common = max(netflix_people.keys() & hulu_people.keys())
    mixed = netflix_people[n_year] + hulu_people[h_year]
    same = netflix_people[common] + hulu_people[common]
    files = w.fetch("select count(*), sum(rows) from figure_files")[0]
    total = sum(libraries.values())
    span, hulu_span = f"{first} to {last}", f"{min(hulu)} to {max(hulu)}"
    mixed_years = f"Netflix {n_year}, Hulu {h_year}"
    rows = [
        ("amazon prime titles", 29000, libraries["Amazon Prime"], "titles", "undated"),
        ("titles of all platforms", 41785, total, "titles", "undated"),
        ("titles a platform", None, total / len(libraries), "titles", "undated"),
        ("platforms", 6, len(libraries), "platforms", "undated"),
        ("movie-heavy platforms", 4, strategies.count("Movie-Heavy"), "platforms", "undated"),
        ("balanced platforms", 2, strategies.count("Balanced"), "platforms", "undated"),
        ("netflix revenue growth", 7.03, netflix[last] / netflix[first] - 1, "rate", span),
        ("netflix revenue growth intervals", 10, steps, "years", span),
        ("netflix revenue cagr", None, float(netflix[last] / netflix[first]) ** (1 / steps) - 1, "rate", span),
        ("netflix revenue mean yearly growth", None, sum(rates) / len(rates), "rate", span),
        ("netflix subscribers", 192900000, netflix_people[n_year], "subscribers", str(n_year)),
        ("netflix revenue sum", 104100000000, sum(netflix.values()), "USD", span),
        ("hulu revenue sum", 20300000000, sum(hulu.values()), "USD", hulu_span),
        ("subscribers of two platforms, years mixed", 235900000, mixed, "subscribers", mixed_years),
        ("netflix share of two, years mixed", 0.818, netflix_people[n_year] / mixed, "share", mixed_years),
        ("hulu share of two, years mixed", 0.182, hulu_people[h_year] / mixed, "share", mixed_years),
        ("subscribers of two platforms, same year", None, same, "subscribers", str(common)),
        ("netflix share of two, same year", None, netflix_people[common] / same, "share", str(common)),
        ("hulu share of two, same year", None, hulu_people[common] / same, "share", str(common)),
        ("files of figures", 33, files[0], "files", "undated"),
        ("rows of figures", 227, files[1], "rows", "undated"),
    ]
    return w.rows("platform_headlines", HEADLINE_COLUMNS, [
        (name, None if published is None else float(published), float(value), unit, period,
         None if published is None else confirmed(published, value))
        for name, published, value, unit, period in rows])


HEADLINE_COLUMNS = ["headline text", "published double", "value double", "unit text", "period text",
                    "is_confirmed bool"]


def confirmed(published, value):
    """Equal to the last digit printed: 7.03 stands for anything from 7.025 to 7.035, and large numbers
    were printed in millions or billions with one digit behind the point."""
    digit = {7.03: 2, 0.818: 3, 0.182: 3, 192900000: -5, 235900000: -5, 104100000000: -8,
             20300000000: -8}.get(published, 0)
    return round(float(value), digit) == round(float(published), digit)
