"""Recomputes the marts about users' interactions with the product."""

from marts import mart
from sources import ACTIVE_DAYS

UP_TO_AS_OF = "(select i.* from interactions i, clock where i.day <= as_of)"


@mart("interaction_id")
def fact_interactions(w):
    """Every interaction of a known user, not from before registration, with the plan at the time."""
    return """select month, interaction_id, user_id, plan, day as date_key, interacted_at,
        interaction_type, channel, duration_minutes, action_taken, product, features, outcome,
        country, state, city from interactions"""


@mart("user_id")
def active_and_inactive_user(w):
    """Every user: interactions so far, and Active when the last is at most 30 days before as_of."""
    return f"""
        with counted as (
            select user_id, count(*) as n, min(day) as first_day, max(day) as last_day
            from {UP_TO_AS_OF} group by user_id
        ), plans_now as (
            select user_id, max_by(plan, start_date) as plan from subscriptions, clock
            where start_date <= as_of and (end_date is null or end_date > as_of) group by user_id
        )
        select u.user_id, u.company_name, p.plan as subscription_plan,
            coalesce(c.n, 0) as total_interactions, c.first_day as first_interaction,
            c.last_day as last_interaction, as_of - c.last_day as days_since_last_activity,
            case when as_of - c.last_day <= {ACTIVE_DAYS} then 'Active' else 'Inactive' end as activity
        from users u left join counted c using (user_id) left join plans_now p using (user_id), clock
        where u.join_date <= as_of"""


@mart("day")
def daily_interactions(w):
    """Interactions and distinct users of each day, beside the month's interactions."""
    return f"""
        select day, any_value(month) as month, count(*) as interactions,
            count(distinct user_id) as users,
            sum(count(*)) over (partition by any_value(month)) as month_interactions
        from {UP_TO_AS_OF} group by day"""


@mart("month", "plan")
def monthly_active_users_by_plan(w):
    """Distinct users of each month and plan, the plan being the one at the time."""
    return f"""
        select month, coalesce(plan, 'none') as plan, count(distinct user_id) as users,
            count(*) as interactions, count(*) / count(distinct user_id) as interactions_per_user,
            month_end(month) > any_value(as_of) as is_partial
        from {UP_TO_AS_OF}, clock group by month, coalesce(plan, 'none')"""


@mart("feature")
def feature_usage(w):
    """Interactions that used a feature, over all interactions; one counts in full for each feature."""
    return f"""
        select feature, count(*) as interactions, count(distinct user_id) as users,
            coalesce(sum(duration_minutes), 0) as minutes,
            count(*) / (select count(*) from {UP_TO_AS_OF}) as interaction_share,
            rank() over (order by count(*) desc) as place
        from {UP_TO_AS_OF} join interaction_features using (interaction_id) group by feature"""


@mart("plan", "feature")
def feature_usage_by_plan(w):
    """The same on each plan, over all interactions of the plan."""
    return f"""
        with interactions_of_plans as (
            select *, coalesce(plan, 'none') as on_plan from {UP_TO_AS_OF}
        ), totals as (
            select on_plan, count(*) as total from interactions_of_plans group by on_plan
        )
        select i.on_plan as plan, f.feature, count(*) as interactions,
            count(distinct i.user_id) as users, coalesce(sum(i.duration_minutes), 0) as minutes,
            count(*) / any_value(t.total) as interaction_share,
            rank() over (partition by i.on_plan order by count(*) desc) as place
        from interactions_of_plans i join interaction_features f using (interaction_id)
        join totals t using (on_plan) group by i.on_plan, f.feature"""
