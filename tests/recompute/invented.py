"""Writes a small landing folder of the awkward cases that real files have too few of.

Users who change plan, overlap, pause for months or for more than a year, come
back the same day, cancel without an end, subscribe in two currencies, never
subscribe or never watch; payments that fail, stay open, come early or late;
sessions at the boundaries (30 and 31 days back, exactly 0.85 of the film, over
midnight and month ends), longer than the film, without an end, of unknown users
and titles; titles of unknown length, without or with several genres; duplicate
rows of which the newest counts; a test account with everything; interactions
from before registration, of unknown users, with repeated features.
"""

import csv
import random
from datetime import datetime, timedelta
from pathlib import Path

FIRST, LAST = datetime(2022, 11, 3, 9, 15), datetime(2024, 6, 17, 20, 30)
QUIET = datetime(2023, 7, 20), datetime(2023, 9, 12)
PLANS = {"Basic": ("7.50", "EUR"), "Standard": ("12.00", "EUR"), "Family": ("19.90", "USD"),
         "Trial": (None, None)}
TEST_USER, UNKNOWN_USER, UNKNOWN_TITLE = 90, 4711, 999


def write(folder):
    """Writes the files; the same ones each time."""
    folder = Path(folder)
    folder.mkdir(parents=True)
    chance = random.Random(20240617)
    users = make_users(chance)
    subscriptions = make_subscriptions(chance)
    tables = {
        "users": users, "plans": make_plans(), "subscriptions": subscriptions,
        "payments": make_payments(chance, subscriptions), "movies": make_movies(chance),
        "watch_sessions": make_sessions(chance), "ratings": make_ratings(chance),
        "interactions": make_interactions(chance),
    }
    for name, rows in tables.items():
        with open(folder / f"{name}.csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    return folder


def moment(chance, first=FIRST, last=LAST):
    """Any second between two."""
    return first + timedelta(seconds=chance.randrange(int((last - first).total_seconds()) + 1))


def busy_moment(chance):
    """Any second outside the weeks in which nobody did anything, a whole month among them."""
    while True:
        when = moment(chance)
        if not QUIET[0] <= when < QUIET[1]:
            return when


def make_users(chance):
    rows = []
    for user in [*range(1, 81), TEST_USER]:
        joined = moment(chance, FIRST, LAST - timedelta(days=20))
        rows.append({
            "user_id": user, "name": f"ada neil-{user}", "email": f" User.{user}@Example.COM",
            "country": chance.choice(["Italy", "Chile", ""]), "city": chance.choice(["", "new york", "Łódź"]),
            "marketing_channel": "Test" if user == TEST_USER else chance.choice(["Organic", "Referral", ""]),
            "join_date": joined, "subscription_status": chance.choice(["active", "inactive"]),
            "created_at": joined})
    # The same users once more: older rows must lose, newer ones win.
    for row in chance.sample(rows[:80], 12):
        shift = timedelta(days=chance.choice([-3, 3]))
        rows.append({**row, "name": "Other Name", "country": "Peru", "created_at": row["created_at"] + shift})
    return rows


def make_plans():
    return [{"plan": plan, "plan_id": number, "price": price or "", "currency": currency or "",
             "discount": 15 * number}
            for number, (plan, (price, currency)) in enumerate(PLANS.items(), 1) if price]


def make_subscriptions(chance):
    rows, number = [], 0
    for user in [*range(1, 71), TEST_USER]:
        start = moment(chance, FIRST, LAST - timedelta(days=60))
        for _ in range(chance.choice([1, 1, 2, 3, 4])):
            number += 1
            # Most often a month or some; a day, nothing at all, or to an end that lies ahead.
            days = chance.choice([0, 1, 20, 28, 31, 31, 61, 92, 200, 500])
            end = start + timedelta(days=days)
            status = chance.choice(["active", "cancelled", "expired"])
            has_end = chance.random() < 0.8
            rows.append({
                "subscription_id": number, "user_id": user, "plan_type": chance.choice(list(PLANS)),
                "start_date": start, "end_date": end if has_end else "",
                "price": chance.choice(["", "", "9.99", "4.00"]), "status": status, "created_at": start})
            # The next begins the same day, later, a year later, or before this one is over.
            start = end + timedelta(days=chance.choice([0, 0, 1, 14, 45, 365, 366, 400, -10]))
            if not start < LAST:
                break
    return rows


def make_payments(chance, subscriptions):
    rows = []
    for subscription in subscriptions:
        for _ in range(chance.choice([0, 1, 3, 6])):
            paid = subscription["start_date"] + timedelta(days=chance.randrange(-40, 150),
                                                          seconds=chance.randrange(86400))
            if FIRST < paid < LAST:
                rows.append({
                    "payment_id": len(rows) + 1, "user_id": subscription["user_id"],
                    "subscription_id": subscription["subscription_id"],
                    "amount": chance.choice(["7.50", "12.00", "19.90", "0.01"]), "payment_date": paid,
                    "method": "card", "created_at": paid,
                    "status": chance.choice(["completed", "success", "completed", "failed", "pending"])})
    return rows


def make_movies(chance):
    return [{
        "movie_id": number, "title": f"Film {number % 37}",
        "genre": chance.choice(["sci-fi", "Drama", "Drama, Comedy", "Horror,Drama, Comedy", ""]),
        "release_year": 1990 + number % 30, "duration_min": chance.choice([100, 100, 60, 87, 0, ""]),
        "language": "english", "created_at": FIRST} for number in range(1, 41)]


def make_sessions(chance):
    rows = []

    def add(user, title, start, minutes, seconds=0, device="tv"):
        end = "" if minutes is None else start + timedelta(minutes=minutes, seconds=seconds)
        rows.append({"session_id": len(rows) + 1, "user_id": user, "movie_id": title,
                     "device_type": device, "start_time": start, "end_time": end,
                     "completion_rate": "", "created_at": start})

    for _ in range(3000):
        user = chance.choice([*range(1, 76), *range(1, 10), TEST_USER, UNKNOWN_USER])
        title = min(int(chance.expovariate(0.08)) + 1, 40) if chance.random() > 0.01 else UNKNOWN_TITLE
        minutes = chance.choice([None, 0, 1, 30, 50, 51, 60, 74, 85, 86, 99, 100, 101, 240, -5])
        add(user, title, busy_moment(chance), minutes, device=chance.choice(["tv", "mobile", ""]))
    midnight = LAST.replace(hour=0, minute=0)
    for user, back in ((76, 30), (77, 31), (78, 0), (79, 29)):
        add(user, 1, midnight - timedelta(days=back), 85)
    add(80, 1, datetime(2024, 2, 29, 23, 59, 59), 85)
    add(80, 1, datetime(2023, 12, 31, 23, 30), 90)
    add(80, 1, datetime(2024, 6, 1), 84)
    # A correction: the newer row of one session counts.
    rows.append({**rows[0], "movie_id": 2, "created_at": LAST})
    return rows


def make_ratings(chance):
    rows = []
    for number in range(1, 301):
        when = busy_moment(chance)
        rows.append({"rating_id": number, "user_id": chance.choice([*range(1, 81), TEST_USER, UNKNOWN_USER]),
                     "movie_id": chance.choice([*range(1, 41), UNKNOWN_TITLE]),
                     "rating_score": chance.randrange(1, 6),
                     "rating_date": when, "review_text": "", "created_at": when})
    return rows


def make_interactions(chance):
    rows = []
    for number in range(1, 601):
        when = busy_moment(chance)
        rows.append({
            "interaction_id": f"i{number}", "user_id": chance.choice([*range(1, 78), UNKNOWN_USER]),
            "interaction_date": when, "interaction_type": "click", "channel": "app",
            "duration_minutes": chance.choice(["", "0.50", "12.25"]),
            "features_used": chance.choice(["search", "search, search", "list,share", "share , search", ""]),
            "created_at": when})
    midnight = LAST.replace(hour=0, minute=0)
    for user, back in ((78, 30), (79, 31), (80, 0)):
        rows.append({**rows[0], "interaction_id": f"b{user}", "user_id": user,
                     "interaction_date": midnight - timedelta(days=back)})
    rows.append({**rows[1], "features_used": "share", "created_at": LAST})
    return rows
