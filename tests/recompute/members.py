"""Recomputes the marts about how users are spread, how engaged they are and who may be lost."""

from datetime import date, timedelta

from engagement import KNOWN
from marts import mart
from revenue import Subscriptions, dim_users, months_between, next_month, rate
from sources import (ACTIVE_DAYS, ENGAGED_DAYS, LOW_ENGAGEMENT_COMPLETION,
                     LOW_ENGAGEMENT_SESSIONS)

# --- engagement ------------------------------------------------------------------------------------------

@mart("user_id")
def user_churn_risk(w):
    """Inactive: no session, or the last more than 30 days before as_of. Low engagement: active, but
    fewer than 2 sessions or a mean completion under 0.30 in the last 30 days. Else ok."""
    return f"""
        with watched as (
            select s.user_id, count(*) as sessions, max(s.day) as last_day,
                count(*) filter (as_of - s.day <= {ACTIVE_DAYS}) as lately,
                count(distinct s.day) filter (as_of - s.day <= {ACTIVE_DAYS}) as days_lately,
                sum(s.completion_ratio) filter (as_of - s.day <= {ACTIVE_DAYS})::double
                    / nullif(count(s.completion_ratio) filter (as_of - s.day <= {ACTIVE_DAYS}), 0)
                    as completion_lately,
                arg_max(s.country, (s.started_at, s.session_id)) as last_country
            from {KNOWN} s, clock group by s.user_id
        ), judged as (
            select u.user_id, coalesce(d.current_plan_type, 'none') as plan,
                exists (from subscriptions x where x.user_id = u.user_id and x.start_date <= as_of
                    and (x.end_date is null or x.end_date > as_of)) as is_subscribed,
                null::varchar as last_region, s.last_country,
                coalesce(s.sessions, 0) as sessions, s.last_day as last_session_date,
                as_of - s.last_day as days_since_last_session,
                coalesce(s.lately, 0) as sessions_last_30_days,
                coalesce(s.days_lately, 0) as active_days_last_30_days,
                s.completion_lately as avg_completion_ratio_last_30_days,
                case when s.sessions is null then 'no session yet'
                    when as_of - s.last_day > {ACTIVE_DAYS} then 'no session lately'
                    when s.lately < {LOW_ENGAGEMENT_SESSIONS} then 'few sessions'
                    when s.completion_lately < {LOW_ENGAGEMENT_COMPLETION} then 'little of each title'
                end as reason
            from users u left join watched s using (user_id)
            left join ({dim_users(w)}) d using (user_id), clock
        )
        select *, case when reason is null then 'ok' when reason like 'no session%' then 'inactive'
            else 'low_engagement' end as risk from judged"""


@mart("user_id")
def user_engagement_score(w):
    """Mean of recency (1 on as_of, 0 on the day that makes inactive), frequency (days with a session
    over 8, at most 1) and mean completion, of the last 30 days."""
    gone = ACTIVE_DAYS + 1
    return f"""
        with parts as (
            select user_id, plan, risk,
                greatest({gone} - coalesce(days_since_last_session, {gone}), 0) / {gone} as recency_score,
                least(active_days_last_30_days, {ENGAGED_DAYS}) / {ENGAGED_DAYS} as frequency_score,
                avg_completion_ratio_last_30_days as completion_score
            from ({user_churn_risk(w)})
        )
        select *, (recency_score + frequency_score + coalesce(completion_score, 0))
            / case when completion_score is null then 2 else 3 end as user_engagement_score
        from parts"""


# --- plans -----------------------------------------------------------------------------------------------

PLANS = """(select plan, price, currency from plans)"""


@mart("plan")
def user_distribution_by_plan(w):
    """Users by the plan of the live subscription, else of the latest; plans without users too."""
    return f"""
        with members as (
            select r.plan, r.is_subscribed, r.sessions > 0 as is_ever_active,
                r.risk <> 'inactive' as is_active
            from ({user_churn_risk(w)}) r
        ), listed as (
            select plan from plans union select plan from members
        )
        select l.plan, count(m.plan) as users,
            count(m.plan) / nullif((select count(*) from users), 0) as user_share,
            count(*) filter (m.is_subscribed) as subscribed_users,
            count(*) filter (m.is_ever_active) as ever_active_users,
            count(*) filter (m.is_active) as active_users
        from listed l left join members m using (plan) group by l.plan"""


@mart("status")
def act_inact_user_report(w):
    """Active users are those with at least one session ever, inactive ones the others."""
    return f"""
        select 'active users' as status, count(*) filter (sessions > 0) as users
        from ({user_churn_risk(w)})
        union all
        select 'inactive users', count(*) filter (sessions = 0) from ({user_churn_risk(w)})"""


@mart("plan", "status")
def active_and_inactive_users_by_subscription_plan(w):
    """The same by plan, with the share of the plan's users."""
    spread = user_distribution_by_plan(w)
    return f"""
        select plan, status, case when status = 'active users' then ever_active_users
                else users - ever_active_users end as users,
            d.users as users_of_plan,
            (case when status = 'active users' then ever_active_users
                else d.users - ever_active_users end) / d.users as user_share
        from ({spread}) d cross join (values ('active users'), ('inactive users')) s (status)
        where d.users > 0"""


@mart("plan")
def revenue_per_subscription_tier(w):
    """List price times all users of the plan, and times those with a live subscription."""
    return f"""
        select p.plan, p.price, p.currency, d.users, p.price * d.users as revenue, d.subscribed_users,
            p.price * d.subscribed_users as estimated_plan_revenue
        from {PLANS} p join ({user_distribution_by_plan(w)}) d using (plan)"""


@mart("plan")
def tier_effectiveness(w):
    """Mean of the share of active users, their mean engagement, and estimated revenue over that of
    the best plan of the currency."""
    return f"""
        with scores as (
            select plan, fsum(user_engagement_score) / count(*) as avg_engagement_score
            from ({user_engagement_score(w)}) group by plan
        ), parts as (
            select d.plan, d.users, d.active_users / d.users as active_share, s.avg_engagement_score,
                r.estimated_plan_revenue::double / nullif(max(r.estimated_plan_revenue)
                    over (partition by r.currency), 0) as revenue_score
            from ({user_distribution_by_plan(w)}) d join scores s using (plan)
            left join ({revenue_per_subscription_tier(w)}) r using (plan)
            where d.users > 0
        )
        select *, (active_share + avg_engagement_score + coalesce(revenue_score, 0))
            / case when revenue_score is null then 2 else 3 end as tier_effectiveness
        from parts"""


@mart("id_user")
def cleaned_users_and_subscriptions(w):
    """Every user with the latest plan, live or not, and its price."""
    return """
        with latest as (
            select s.* from subscriptions s, clock where s.start_date <= as_of
            qualify row_number() over (partition by user_id
                order by start_date desc, subscription_id desc) = 1
        )
        select u.user_id as id_user, u.first_name, u.last_name, u.birth_date, p.plan_id as id_plan,
            s.start_date as subscription_start_date, s.plan as subscription_plan, p.price as subscription_price,
            p.currency as currency_code, (p.discount_rate * 100)::decimal(9, 2) as discount_procentual
        from users u left join latest s using (user_id) left join plans p on p.plan = s.plan"""


# --- who is lost -----------------------------------------------------------------------------------------

@mart("segment_kind", "segment")
def inactivity_by_segment(w):
    """Inactive users over users, by country, region, city, plan and in all; a kind of which nothing is
    known of anybody is left out. (Ages cannot be told: no file here has dates of birth.)"""
    return f"""
        with members as (
            select r.user_id, r.risk = 'inactive' as is_inactive, r.is_subscribed, r.plan,
                coalesce(u.country, r.last_country) as country, coalesce(u.state, r.last_region) as region,
                u.city
            from ({user_churn_risk(w)}) r join users u using (user_id)
        ), segments as (
            select *, 'all' as segment_kind, 'all' as segment, true as is_known from members
            union all select *, 'country', coalesce(country, 'unknown'), country is not null from members
            union all select *, 'region', coalesce(region, 'unknown'), region is not null from members
            union all select *, 'city', coalesce(city, 'unknown'), city is not null from members
            union all select *, 'plan', plan, plan <> 'none' from members
        )
        select segment_kind, segment, count(*) as users, count(*) filter (is_inactive) as inactive_users,
            count(*) filter (is_subscribed) as subscribed_users,
            count(*) filter (is_subscribed and is_inactive) as inactive_subscribed_users,
            inactive_subscribed_users / nullif(subscribed_users, 0) as inactivity_rate_30d,
            inactive_users / count(*) as inactivity_rate_30d_all_users
        from segments
        where segment_kind in (select segment_kind from segments where is_known)
        group by segment_kind, segment"""


@mart("month")
def new_and_churned_users_monthly(w):
    """New: the first subscription began in m. Churned in m: a session within 30 days before the first
    of m and none within 30 days before the first of m+1 (before the day after as_of if sooner)."""
    days = [(user, day) for user, day in w.fetch(f"select distinct user_id, day from {KNOWN}")]
    subscriptions = Subscriptions(w)
    firsts = {}
    for row in subscriptions.rows:
        firsts.setdefault(row[1], row[5].replace(day=1))
    starts = [day for _, day in days] + [row[5] for row in subscriptions.rows]
    active_on = {}
    for user, day in days:
        active_on.setdefault(day, set()).add(user)

    def active_before(day):
        """Users with a session in the 30 days before a day."""
        users = set()
        for back in range(1, ACTIVE_DAYS + 1):
            users |= active_on.get(day - timedelta(days=back), set())
        return users

    rows = []
    for month in months_between(min(starts), w.as_of) if starts else []:
        before = active_before(month)
        now = active_before(min(next_month(month), w.as_of + timedelta(days=1)))
        rows.append((month, subscriptions.is_partial(month),
                     sum(1 for first in firsts.values() if first == month), len(before),
                     len(now - before), len(before - now), len(now), rate(len(before - now), len(before))))
    return w.rows("new_and_churned_users_monthly", [
        "month date", "is_partial bool", "new_users bigint", "active_users_at_start bigint",
        "activated_users bigint", "churned_users bigint", "active_users_at_end bigint",
        "inactivity_rate double"], rows)


# --- figures for managers ----------------------------------------------------------------------------------

@mart("kpi", "subject", not_compared={"definition": "prose"})
def kpis(w):
    """Active users, completion, inactivity, MAU of the latest complete month, the genre and the plan
    that lead, and estimated revenue over active users; null where nothing is known."""
    if w.as_of is None:
        return w.rows("kpis", KPI_COLUMNS, [])
    one = lambda query: w.fetch(query)[0]  # noqa: E731
    active, subscribed, inactive = one(f"""select count(*) filter (risk <> 'inactive'),
        count(*) filter (is_subscribed), count(*) filter (is_subscribed and risk = 'inactive')
        from ({user_churn_risk(w)})""")
    sessions, known, completed, ratios, minutes = one(f"""select count(*), count(completion_ratio),
        count(*) filter (is_completed), sum(completion_ratio),
        sum(session_seconds) / nullif(count(session_seconds), 0) / 60 from {KNOWN}""")
    month = latest_complete_month(w.as_of)
    viewers, = one(f"select count(distinct user_id) from {KNOWN} where month = date '{month}'")
    lately, so_far, now = f"30 days up to {w.as_of}", f"up to {w.as_of}", f"a month, at {w.as_of}"
    rows = [
        ("active_users_30d", "all", active if sessions else None, "users", lately),
        ("avg_completion_ratio", "all", rate(ratios, known) if known else None, "share", so_far),
        ("avg_session_minutes", "all", minutes, "minutes", so_far),
        ("completion_rate", "all", rate(completed, known), "share", so_far),
        ("completion_rate_all_sessions", "all", rate(completed, sessions), "share", so_far),
        ("inactivity_rate_30d", "all", rate(inactive, subscribed) if sessions else None, "share", lately),
        ("mau", "all", viewers if sessions else None, "users", f"{month:%Y-%m}"),
    ]
    for genre, share in w.fetch(f"""
            select genre, minutes / (select sum(watch_minutes) from {KNOWN}) from (
                select g.genre, sum(s.watch_minutes / n.genres) as minutes, sum(s.watch_minutes) as full_minutes
                from {KNOWN} s join title_genres g using (title_id)
                join (select title_id, count(*) as genres from title_genres group by all) n using (title_id)
                group by g.genre)
            order by full_minutes desc, genre limit 1"""):
        rows.append(("top_genre_watch_share", genre, share, "share", so_far))
    tiers = w.fetch(f"""select currency, plan, estimated_plan_revenue from
        ({revenue_per_subscription_tier(w)}) order by estimated_plan_revenue desc, plan""")
    for currency in sorted({tier[0] for tier in tiers}):
        mine = [tier for tier in tiers if tier[0] == currency]
        rows.append(("top_plan_estimated_revenue", mine[0][1], mine[0][2], currency, now))
        rows.append(("estimated_revenue_per_active_user", currency,
                     rate(sum(tier[2] for tier in mine), active), currency, now))
    return w.rows("kpis", KPI_COLUMNS, [
        (kpi, subject, None if value is None else float(value), unit, period)
        for kpi, subject, value, unit, period in rows])


KPI_COLUMNS = ["kpi text", "subject text", "value double", "unit text", "period text"]


def latest_complete_month(as_of):
    """The latest month whose last day is not after as_of."""
    month = as_of.replace(day=1)
    if next_month(month) - timedelta(days=1) <= as_of:
        return month
    return date(month.year - (month.month == 1), (month.month - 2) % 12 + 1, 1)
