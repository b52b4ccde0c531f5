"""Recomputes the marts about subscriptions, payments, MRR, churn and LTV."""

from collections import Counter, defaultdict
from datetime import date, timedelta
from decimal import Decimal

from marts import mart


# --- months and who is live in them -----------------------------------------------------------

def next_month(month):
    """The first day of the month after."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def months_between(first, last):
    """First days of the months from that of one day to that of another."""
    months, month = [], first.replace(day=1)
    while month <= last:
        months.append(month)
        month = next_month(month)
    return months


def a_year_later(day):
    """The same day twelve months on; 28 February after a 29th."""
    return day.replace(year=day.year + 1, day=28 if (day.month, day.day) == (2, 29) else day.day)


class Subscriptions:
    """Subscriptions month by month: all questions are about the last day of a month."""

    def __init__(self, w):
        self.as_of = w.as_of
        self.rows = w.fetch("""select subscription_id, user_id, plan, price, currency, start_date, end_date
            from subscriptions order by start_date, subscription_id""")
        first = min((row[5] for row in self.rows), default=None)
        self.months = months_between(first, w.as_of) if first else []
        self.live = {month: self.live_on(self.last_day(month)) for month in self.months}

    def last_day(self, month):
        """The day on which a month is looked at: its last, or that of as_of if sooner."""
        return min(next_month(month) - timedelta(days=1), self.as_of)

    def is_partial(self, month):
        """A month is complete when its last day is not after as_of."""
        return next_month(month) - timedelta(days=1) > self.as_of

    def live_on(self, day):
        """Live from the start date up to, and not on, the end date."""
        return [row for row in self.rows if row[5] <= day and (row[6] is None or day < row[6])]

    def before(self, month):
        """Subscriptions that were live at the end of the month before."""
        at = self.months.index(month)
        return self.live[self.months[at - 1]] if at else []


def rate(part, whole):
    """A fraction, null without a whole."""
    return None if not whole else float(Decimal(part) / Decimal(whole))


# --- dimensions ----------------------------------------------------------------------------------

@mart("subscription_id")
def dim_subscriptions(w):
    """Every subscription of a real user; a cancelled one without an end has an imputed end."""
    return """select subscription_id, user_id, plan, price, currency, subscription_status,
        start_date, end_date, is_end_imputed, source from subscriptions"""


@mart("plan")
def dim_subscription_plans(w):
    """Every plan with its price, and those with a live subscription of it at as_of."""
    return """
        select p.plan, any_value(p.plan_id) as plan_id, any_value(p.price) as price,
            any_value(p.currency) as currency, any_value(p.discount_rate) as discount_rate,
            any_value(p.price_source) as price_source,
            count(distinct s.user_id) filter (is_live) as live_subscribers,
            count(s.subscription_id) filter (is_live) as live_subscriptions,
            count(distinct s.user_id) as subscribers, count(s.subscription_id) as subscriptions
        from plans p left join (
            select *, start_date <= as_of and (end_date is null or end_date > as_of) as is_live
            from subscriptions, clock where start_date <= as_of) s using (plan)
        group by p.plan"""


@mart("user_id")
def dim_users(w):
    """Users with the current subscription (a live one, else the latest) and what they paid."""
    return """
        with current as (
            select s.* from subscriptions s, clock where s.start_date <= as_of
            qualify row_number() over (partition by user_id order by
                (end_date is null or end_date > as_of) desc, start_date desc, subscription_id desc) = 1
        ), counted as (
            select user_id, count(*) as subscription_count
            from subscriptions, clock where start_date <= as_of group by user_id
        ), paid as (
            select user_id, sum(amount) as total, count(*) as successful_payments,
                min(payment_date) as first_payment_date, max(payment_date) as last_payment_date,
                case when count(distinct currency) = 1 then min(currency) end as currency
            from payments where is_successful group by user_id
        )
        select u.user_id, u.name, u.first_name, u.last_name, u.company_name, u.email,
            u.joined_at as created_at, u.join_date, month_of(u.join_date) as join_month, u.birth_date,
            u.country, u.state, u.city, u.marketing_channel, u.account_status,
            c.subscription_status as current_subscription_status, c.plan as current_plan_type,
            c.subscription_id as current_subscription_id,
            c.start_date as current_subscription_start_date,
            coalesce(n.subscription_count, 0) as subscription_count, p.currency,
            case when p.user_id is null then 0 when p.currency is not null then p.total
                end::decimal(22, 2) as lifetime_value,
            coalesce(p.successful_payments, 0) as successful_payments,
            p.first_payment_date, p.last_payment_date
        from users u left join current c using (user_id) left join counted n using (user_id)
        left join paid p using (user_id)"""


# --- payments ------------------------------------------------------------------------------------

@mart("payment_id")
def fact_payments(w):
    """Every attempt to charge a real user's subscription."""
    return """select payment_id, payment_date as date_key, month, subscription_id, user_id, plan,
        amount, currency, paid_at, payment_method, payment_status, is_successful,
        is_before_start, is_after_end from payments"""


@mart("month", "subscription_id")
def mart_subscription_revenue_monthly(w):
    """What each subscription was charged in a month, told apart by what came of it."""
    return """
        select month, subscription_id, any_value(plan) as plan, any_value(currency) as currency,
            coalesce(sum(amount) filter (payment_status = 'completed'), 0) as recognized_revenue,
            coalesce(sum(amount) filter (payment_status = 'pending'), 0) as pending_amount,
            coalesce(sum(amount) filter (payment_status = 'failed'), 0) as failed_amount,
            count(*) as total_payments,
            count(*) filter (payment_status = 'completed') as completed_payments,
            count(*) filter (payment_status = 'pending') as pending_payments,
            count(*) filter (payment_status = 'failed') as failed_payments
        from payments group by month, subscription_id"""


@mart("month", "currency")
def revenue_monthly(w):
    """Successful payments of the month; ARPU is they over the users who paid."""
    return """
        with totals as (
            select month, currency,
                coalesce(sum(amount) filter (payment_status = 'completed'), 0) as recognized_revenue,
                count(distinct user_id) filter (payment_status = 'completed') as paying_users,
                coalesce(sum(amount) filter (payment_status = 'pending'), 0) as pending_amount,
                coalesce(sum(amount) filter (payment_status = 'failed'), 0) as failed_amount,
                count(*) filter (payment_status = 'completed') as completed_payments,
                count(*) as total_payments
            from payments group by month, currency
        )
        select t.*, month_end(month) > as_of as is_partial,
            case when paying_users > 0 then four_digits(recognized_revenue, paying_users) end as arpu
        from totals t, clock"""


@mart("month")
def payment_lapse_monthly(w):
    """Of those with a completed payment in m-1, who has none in m; from first to last payment."""
    payments = w.fetch("select user_id, month, is_successful from payments")
    payers = defaultdict(set)
    for user, month, successful in payments:
        if successful:
            payers[month].add(user)
    rows, ever, before = [], set(), set()
    subscriptions = Subscriptions(w)
    days = [month for _, month, _ in payments]
    for month in months_between(min(days), max(days)) if days else []:
        now = payers[month]
        rows.append((month, subscriptions.is_partial(month), len(before), len(now - ever),
                     len((now & ever) - before), len(before - now), len(now), rate(len(before - now), len(before))))
        ever |= now
        before = now
    return w.rows("payment_lapse_monthly", [
        "month date", "is_partial bool", "payers_before bigint", "new_payers bigint",
        "returned_payers bigint", "lapsed bigint", "payers bigint", "payment_lapse_rate double"], rows)


@mart("user_id", "month", "currency")
def fct_mrr(w):
    """Successful payments of each user and month, 0 where none: from a user's first subscription
    month to the last month that has payments. Whoever paid sooner has rows from then on, because
    all MRR collected must be all lifetime value."""
    paid = defaultdict(lambda: [Decimal(0), 0])
    for user, month, currency, amount in w.fetch(
            "select user_id, month, currency, amount from payments where is_successful"):
        paid[user, month, currency][0] += amount
        paid[user, month, currency][1] += 1
    first_payment = {}
    for user, month, currency in sorted(paid):
        first_payment.setdefault((user, currency), [month])
    last = max((month for _, month, _ in paid), default=None)
    firsts = w.fetch("select user_id, currency, min(start_date) from subscriptions group by all")
    rows = []
    for user, currency, first in firsts:
        first = min([first, *first_payment.get((user, currency), [])])
        for month in months_between(first, last) if last else []:
            total, count = paid.get((user, month, currency), (Decimal(0), 0))
            rows.append((user, month, currency, total, count))
    return w.rows("fct_mrr", ["user_id bigint", "month date", "currency text",
                              "mrr_collected money", "successful_payments bigint"], rows)


# --- list prices ------------------------------------------------------------------------------------

@mart("plan", "currency")
def estimated_plan_revenue(w):
    """List price times all users who ever had the plan."""
    return """
        select p.plan, p.currency, p.price, count(distinct s.user_id) as subscribers,
            p.price * count(distinct s.user_id) as estimated_plan_revenue
        from plans p join subscriptions s using (plan), clock
        where s.start_date <= as_of
        group by p.plan, p.currency, p.price"""


@mart("month", "plan", "currency")
def estimated_plan_revenue_monthly(w):
    """List price times the users with a live subscription on any day of the month up to as_of."""
    prices = {(plan, currency): price for plan, currency, price in
              w.fetch("select plan, currency, price from plans")}
    all_of_them = Subscriptions(w)
    users = defaultdict(set)
    for _, user, plan, _, currency, start, end in all_of_them.rows:
        last_live = min(w.as_of, end - timedelta(days=1)) if end else w.as_of
        for month in months_between(start, last_live) if start <= last_live else []:
            users[month, plan, currency].add(user)
    rows = [(month, plan, currency, all_of_them.is_partial(month), prices[plan, currency], len(who),
             None if prices[plan, currency] is None else prices[plan, currency] * len(who))
            for (month, plan, currency), who in users.items()]
    return w.rows("estimated_plan_revenue_monthly", [
        "month date", "plan text", "currency text", "is_partial bool", "price money",
        "subscribers bigint", "estimated_plan_revenue money"], rows)


# --- MRR: prices of the subscriptions live on the month's last day --------------------------------------

def priced(rows):
    """Sum of the known prices, null without any; and how many are unknown."""
    prices = [row[3] for row in rows if row[3] is not None]
    return (sum(prices, Decimal(0)) if prices else None), len(rows) - len(prices)


@mart("month", "user_id", "plan", "currency")
def mrr_by_user_monthly(w):
    """Prices of each user's subscriptions that are live on the month's last day."""
    subscriptions = Subscriptions(w)
    rows = []
    for month in subscriptions.months:
        groups = defaultdict(list)
        for row in subscriptions.live[month]:
            groups[row[1], row[2], row[4]].append(row)
        for (user, plan, currency), live in groups.items():
            mrr, unpriced = priced(live)
            rows.append((month, user, plan, currency, mrr, len(live), unpriced))
    return w.rows("mrr_by_user_monthly", [
        "month date", "user_id bigint", "plan text", "currency text", "mrr money",
        "subscriptions bigint", "unpriced_subscriptions bigint"], rows)


@mart("month", "plan", "currency")
def mrr_monthly(w):
    """Prices of the subscriptions of each plan that are live on the month's last day."""
    subscriptions = Subscriptions(w)
    rows = []
    for month in subscriptions.months:
        groups = defaultdict(list)
        for row in subscriptions.live[month]:
            groups[row[2], row[4]].append(row)
        for (plan, currency), live in groups.items():
            mrr, unpriced = priced(live)
            rows.append((month, plan, currency, subscriptions.is_partial(month), mrr,
                         len({row[1] for row in live}), len(live), unpriced))
    return w.rows("mrr_monthly", [
        "month date", "plan text", "currency text", "is_partial bool", "mrr money",
        "subscribers bigint", "subscriptions bigint", "unpriced_subscriptions bigint"], rows)


@mart("month", "currency")
def mrr_movements_monthly(w):
    """Each user's MRR at two month ends: new, expansion, contraction, churn, reactivation."""
    subscriptions = Subscriptions(w)
    first_paid, first_month = {}, {}
    for row in subscriptions.rows:
        first_month.setdefault(row[4], row[5].replace(day=1))
        if row[3]:
            first_paid.setdefault((row[1], row[4]), row[5])
    rows = []
    for month in subscriptions.months:
        for currency in (c for c, first in first_month.items() if first <= month):
            before = mrr_of_users(subscriptions.before(month), currency)
            now = mrr_of_users(subscriptions.live[month], currency)
            moved = Counter()
            for user in before.keys() | now.keys():
                old, new = before.get(user, Decimal(0)), now.get(user, Decimal(0))
                if new == old:
                    continue
                if not old:
                    is_new = first_paid[user, currency] >= month
                    moved["new" if is_new else "reactivation"] += new
                elif not new:
                    moved["churn"] += old
                else:
                    moved["expansion" if new > old else "contraction"] += abs(new - old)
            start, end = sum(before.values(), Decimal(0)), sum(now.values(), Decimal(0))
            lost = moved["churn"] + moved["contraction"]
            won = moved["expansion"] + moved["reactivation"]
            kinds = ("new", "expansion", "contraction", "churn", "reactivation")
            rows.append((month, currency, subscriptions.is_partial(month), start,
                         *(Decimal(moved[kind]) for kind in kinds), end,
                         rate(lost, start), rate(lost - won, start)))
            assert end == start + moved["new"] + won - lost
    return w.rows("mrr_movements_monthly", [
        "month date", "currency text", "is_partial bool", "mrr_start money", "new money",
        "expansion money", "contraction money", "churn money", "reactivation money", "mrr_end money",
        "gross_mrr_churn_rate double", "net_mrr_churn_rate double"], rows)


def mrr_of_users(live, currency):
    """Sum of prices by user, of one currency."""
    mrr = defaultdict(Decimal)
    for row in live:
        if row[4] == currency and row[3] is not None:
            mrr[row[1]] += row[3]
    return {user: total for user, total in mrr.items() if total}


# --- churn and retention of subscribers --------------------------------------------------------------

@mart("month")
def subscription_churn_monthly(w):
    """Of the users live at the end of m-1, the share not live at the end of m; and what the net
    rate takes off: those back within 12 months of their last end."""
    subscriptions = Subscriptions(w)
    by_user = defaultdict(list)
    for row in subscriptions.rows:
        by_user[row[1]].append(row)
    rows = []
    for month in subscriptions.months:
        day = subscriptions.last_day(month)
        before, now = subscriptions.before(month), subscriptions.live[month]
        users_before, users_now = {row[1] for row in before}, {row[1] for row in now}
        came = users_now - users_before
        returned = {user for user in came if by_user[user][0][5] < month}
        resubscribed = {user for user in returned if is_back_within_a_year(by_user[user], month, day)}
        churned = users_before - users_now
        ended = {row[0] for row in before} - {row[0] for row in now}
        rows.append((month, subscriptions.is_partial(month), len(users_before), len(came - returned),
                     len(returned), len(resubscribed), len(churned), len(users_now),
                     rate(len(churned), len(users_before)),
                     rate(len(churned) - len(resubscribed), len(users_before)),
                     len(before), len(ended), rate(len(ended), len(before))))
    return w.rows("subscription_churn_monthly", [
        "month date", "is_partial bool", "users_at_start bigint", "new_users bigint",
        "returned_users bigint", "resubscribed_users bigint", "churned_users bigint",
        "users_at_end bigint", "subscription_churn_rate double", "net_subscription_churn_rate double",
        "subscriptions_at_start bigint", "subscriptions_churned bigint",
        "subscription_churn_rate_by_subscription double"], rows)


def is_back_within_a_year(mine, month, day):
    """The subscription that brought a user back began at most 12 months after the last end."""
    back = min(row[5] for row in mine if row[5] <= day and (row[6] is None or day < row[6]))
    ends = [row[6] for row in mine if row[5] < back and row[6] is not None and row[6] <= back]
    return bool(ends) and back <= a_year_later(max(ends))


@mart("month", "currency")
def ltv_predicted_monthly(w):
    """ARPU over the subscription churn rate; null when that is 0 and in a month that is not over."""
    return f"""
        with revenue as ({revenue_monthly(w)}), churn as ({subscription_churn_monthly(w)})
        select r.month, r.currency, r.is_partial, r.arpu, c.subscription_churn_rate,
            case when not r.is_partial and c.subscription_churn_rate > 0 and r.paying_users > 0
                then r.recognized_revenue::double / r.paying_users / c.subscription_churn_rate end
                as ltv_predicted
        from revenue r left join churn c using (month)"""


@mart("cohort_month", "months_since_start", "currency")
def revenue_cohorts(w):
    """Users by the month of their first subscription: who is live at each later month's end, and
    what they paid in it and so far."""
    subscriptions = Subscriptions(w)
    cohorts = {}
    for row in subscriptions.rows:
        cohorts.setdefault((row[1], row[4]), row[5].replace(day=1))
    sizes = Counter((cohort, currency) for (_, currency), cohort in cohorts.items())
    live = defaultdict(set)
    for month in subscriptions.months:
        for row in subscriptions.live[month]:
            live[cohorts[row[1], row[4]], row[4], month].add(row[1])
    paid = defaultdict(Decimal)
    for user, month, currency, amount in w.fetch(
            "select user_id, month, currency, amount from payments where is_successful"):
        if (user, currency) in cohorts:
            paid[cohorts[user, currency], currency, month] += amount
    rows = []
    for (cohort, currency), size in sizes.items():
        to_date = sum((a for (c, k, m), a in paid.items() if c == cohort and k == currency and m < cohort),
                      Decimal(0))
        for since, month in enumerate(months_between(cohort, w.as_of)):
            revenue = paid[cohort, currency, month]
            to_date += revenue
            who = len(live[cohort, currency, month])
            rows.append((cohort, since, currency, month, subscriptions.is_partial(month), size, who,
                         rate(who, size), revenue, to_date))
    return w.rows("revenue_cohorts", [
        "cohort_month date", "months_since_start bigint", "currency text", "month date",
        "is_partial bool", "cohort_users bigint", "live_users bigint",
        "subscriber_retention_rate double", "recognized_revenue money",
        "recognized_revenue_to_date money"], rows)


# --- lifetime value -------------------------------------------------------------------------------------

@mart("user_id", "currency")
def ltv_by_user(w):
    """Sum of a user's successful payments, for every currency that is in use, zeros included."""
    return """
        with currencies as (
            select currency from subscriptions union select currency from payments
        ), paid as (
            select user_id, currency, sum(amount) as lifetime_value, count(*) as successful_payments,
                min(payment_date) as first_payment_date, max(payment_date) as last_payment_date
            from payments where is_successful group by user_id, currency
        )
        select u.user_id, c.currency, coalesce(p.lifetime_value, 0)::decimal(22, 2) as lifetime_value,
            coalesce(p.successful_payments, 0) as successful_payments,
            p.first_payment_date, p.last_payment_date
        from users u cross join currencies c left join paid p using (user_id, currency)"""


def ltv_by(w, column, value, users):
    """Mean lifetime value over all users of a group, those who never paid included."""
    by_user = ltv_by_user(w)
    return f"""
        select {value} as {column}, l.currency, count(*) as users,
            count(*) filter (l.successful_payments > 0) as paying_users,
            sum(l.lifetime_value) as lifetime_value,
            four_digits(sum(l.lifetime_value), count(*)) as avg_lifetime_value
        from ({users}) u join ({by_user}) l using (user_id)
        group by {value}, l.currency"""


@mart("country", "currency")
def ltv_by_country(w):
    """Mean lifetime value of the users of a country."""
    return ltv_by(w, "country", "coalesce(u.country, 'unknown')", "from users")


@mart("marketing_channel", "currency")
def ltv_by_marketing_channel(w):
    """Mean lifetime value of the users who came through a channel."""
    return ltv_by(w, "marketing_channel", "coalesce(u.marketing_channel, 'unknown')", "from users")


@mart("plan", "currency")
def ltv_by_plan(w):
    """Mean lifetime value of the users whose current plan it is; `none` without a subscription."""
    return ltv_by(w, "plan", "coalesce(u.current_plan_type, 'none')", dim_users(w))
