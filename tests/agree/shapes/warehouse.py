"""Questions to the lake's tables, as an analyst puts them: sessions, users, titles, plans.

Columns have the names of the queries. Words such as `{month:s.day}` are those of
the peers' questions.
"""

from cases import query, shape

GENRES = "(select title_id, {split:genres} as genre from titles)"
# From one sign-up in a country to the next: many periods that follow each other, the last one open.
PERIODS = (
    "(select country, user_id as period, join_date as began,"
    " lead(join_date) over (partition by country order by join_date, user_id) as ended from users)"
)
# What rows can be taken from: a name, the text, and its columns by kind.
SESSIONS = {
    "int": ["s.user_id", "s.title_id", "s.session_id", "{us:s.start_time} % 1000003"],
    "key": ["s.user_id", "s.title_id", "s.day", "s.month", "s.device_type", "s.user_id % 7", "nullif(s.title_id, 7)", "{month:s.day}"],
    "text": ["s.device_type", "nullif(s.device_type, 'tablet')"],
    "float": ["s.completion_rate"],
    "date": ["s.day", "s.month"],
}
SOURCES = [
    ("watch_sessions as s", SESSIONS, {}),
    (
        "watch_sessions as s inner join users as u on s.user_id = u.user_id",
        SESSIONS,
        {
            "key": ["u.country", "u.join_date", "{month:u.join_date}", "upper(u.city)"],
            "text": ["u.country", "u.city"],
            "date": ["u.join_date"],
        },
    ),
    (
        "watch_sessions as s inner join titles as t on s.title_id = t.title_id",
        SESSIONS,
        {"key": ["t.release_year", "t.duration_minutes"], "int": ["t.duration_minutes"], "text": ["t.title"]},
    ),
    (f"watch_sessions as s inner join {GENRES} as g on s.title_id = g.title_id", SESSIONS, {"key": ["g.genre"], "text": ["g.genre"]}),
    (
        f"watch_sessions as s inner join {GENRES} as g on s.title_id = g.title_id inner join users as u on s.user_id = u.user_id",
        SESSIONS,
        {
            "key": ["g.genre", "u.country", "concat(u.country, g.genre)", "lower(concat(g.genre, u.city))", "{month:u.join_date}"],
            "text": ["g.genre"],
        },
    ),
    (
        (
            "watch_sessions as s left join subscriptions as p on s.user_id = p.user_id and s.day >= p.start_date"
            " and (p.end_date is null or s.day < p.end_date)"
        ),
        SESSIONS,
        {
            "key": ["p.plan", "p.start_date", "coalesce(upper(p.plan), '-')", "{month:p.start_date}"],
            "float": ["p.price"],
            "text": ["p.plan"],
        },
    ),
    (
        (
            f"watch_sessions as s inner join users as u on s.user_id = u.user_id left join {PERIODS} as r"
            " on u.country = r.country and s.day >= r.began and (r.ended is null or s.day < r.ended)"
        ),
        SESSIONS,
        {"key": ["r.period", "u.country", "r.began", "{month:r.ended}"], "int": ["r.period"], "text": ["r.country"], "date": ["r.ended"]},
    ),
    (
        f"watch_sessions as s inner join {PERIODS} as r on s.day between r.began and r.ended and s.user_id % 50 = r.period % 50",
        SESSIONS,
        {"key": ["r.country", "r.period % 9", "{month:r.began}"], "int": ["r.period"], "text": ["r.country"], "date": ["r.began"]},
    ),
    (
        f"watch_sessions as s left join {PERIODS} as r on s.day > r.began and s.day <= r.ended and r.country = 'Germany'",
        SESSIONS,
        {"key": ["r.period % 5", "r.began"], "int": ["r.period"], "date": ["r.ended"]},
    ),
    (
        (
            "(select user_id, title_id, min(session_id) as session_id, min(day) as day, min(month) as month, min(device_type) as"
            " device_type, max(completion_rate) as completion_rate, min(start_time) as start_time from watch_sessions group by user_id,"
            " title_id) as s"
        ),
        SESSIONS,
        {},
    ),
    (
        "users as u left join watch_sessions as s on s.user_id = u.user_id and s.title_id < 400",
        SESSIONS,
        {"key": ["u.country", "coalesce(lower(u.country), '-')"], "text": ["u.city"]},
    ),
]


class Questions:
    """Makes questions by a maker's chance."""

    def __init__(self, maker):
        self.chance, self.pick, self.some = maker.chance, maker.pick, maker.some

    def source(self):
        text, columns, more = self.pick(SOURCES)
        return text, {kind: columns.get(kind, []) + more.get(kind, []) for kind in {*columns, *more}}

    def condition(self, columns):
        return self.pick([self.on_user, self.on_title, self.on_day, self.on_text, self.on_rate, self.in_query])(columns)

    def on_user(self, _):
        low = self.chance.randint(1, 2000)
        return self.pick(
            [
                f"s.user_id = {low}",
                f"s.user_id <= {low}",
                f"s.user_id between {low} and {low + self.chance.randint(0, 300)}",
                f"s.user_id in ({', '.join(str(self.chance.randint(1, 2000)) for _ in range(self.chance.randint(1, 40)))})",
                f"s.user_id % {self.chance.randint(2, 9)} = 1",
                f"s.user_id <> {low}",
            ]
        )

    def on_title(self, _):
        low = self.chance.randint(1, 220)
        return self.pick([f"s.title_id = {low}", f"s.title_id < {low}", f"not (s.title_id > {low})", f"s.title_id + s.user_id > {low}"])

    def on_day(self, _):
        month, day = self.chance.randint(1, 12), self.chance.randint(1, 28)
        year = self.pick([2024, 2025])
        return self.pick(
            [
                f"s.month = date '{year}-{month:02}-01'",
                f"s.month >= date '{year}-{month:02}-01'",
                f"s.day between date '{year}-{month:02}-{day:02}' and date '2025-10-05'",
                f"s.day = date '{year}-{month:02}-{day:02}'",
                f"s.month in (date '{year}-{month:02}-01', date '2025-01-01')",
            ]
        )

    def on_text(self, columns):
        column = self.pick(columns["text"])
        return self.pick(
            [f"{column} is not null", f"{column} >= 'M'", f"{column} like '%a%'", f"{column} in ('tablet', 'Drama', 'DE', 'tv', 'Germany')"]
        )

    def on_rate(self, _):
        return self.pick([f"s.completion_rate > {self.chance.random():.3f}", "s.completion_rate is null", "s.completion_rate is not null"])

    def in_query(self, _):
        word = self.pick(["in", "not in"])
        value = self.pick(["s.title_id", "s.title_id", "nullif(s.title_id, 7)", "s.title_id + 1"])
        found = self.pick(
            [
                f"s.user_id {word} (select user_id from users where country in ('DE', 'US', 'FR', 'India', 'Germany'))",
                f"{value} {word} (select title_id from titles where duration_minutes > {self.chance.randint(60, 150)})",
                f"{value} {word} (select title_id from watch_sessions group by title_id having count(*) > {self.chance.randint(2, 60)})",
                (
                    f"{value} {word} (select nullif(title_id, {self.chance.randint(1, 2000)}) from titles where title_id <"
                    f" {self.chance.randint(0, 300)})"
                ),
                f"{value} {word} (select t.title_id from titles as t where t.title_id % 7 = s.user_id % 7)",
            ]
        )
        return self.pick([found, found, f"not ({found} and {self.on_title(None)})", f"({found}) is null"])

    def where(self, columns):
        conditions = [self.condition(columns) for _ in range(self.pick([0, 0, 1, 1, 2]))]
        if len(conditions) == 2 and self.chance.random() < 0.3:
            return f" where {conditions[0]} or {conditions[1]}"
        return " where " + " and ".join(conditions) if conditions else ""

    def aggregate(self, columns):
        number, any_key = self.pick(columns["int"]), self.pick(columns["key"])
        text = self.pick(
            [
                "count(*)",
                "count(*)",
                f"count({any_key})",
                f"count(distinct {any_key})",
                f"count(distinct {number})",
                "count(distinct s.user_id)",
                f"sum({number})",
                f"min({number})",
                f"max({number})",
                f"min({any_key})",
                f"max({any_key})",
                f"avg({number})",
                f"avg({self.pick(columns['float'])})",
                f"sum({self.pick(columns['float'])})",
                f"min({self.pick(columns['date'])})",
                f"max({self.pick(columns['text'])})",
                f"sum(case when {self.on_day(None)} then 1 else 0 end)",
                (
                    f"{{quantile:{self.pick(['0.5', '0.95', '0.01'])}:cast({self.pick(['s.title_id', 's.user_id', 's.completion_rate'])} as"
                    " double)}"
                ),
                self.of_an_end(),
            ]
        )
        return f"{text} filter (where {self.condition_of_rows(columns)})" if self.chance.random() < 0.2 else text

    def of_an_end(self):
        order = self.pick(["s.start_time", "s.completion_rate", "s.day", "s.title_id", "s.start_time desc", "s.completion_rate desc"])
        value = self.pick(["s.title_id", "s.device_type", "s.completion_rate", "s.day"])
        return f"{{{self.pick(['first', 'last'])}:{value}:{order} nulls {self.pick(['first', 'last'])}, s.session_id}}"

    def condition_of_rows(self, columns):
        return self.pick([self.on_user, self.on_title, self.on_day, self.on_text, self.on_rate])(columns)

    def grouped(self):
        source, columns = self.source()
        keys = self.some(columns["key"], 0, 3)
        answers = [self.aggregate(columns) for _ in range(self.chance.randint(1, 4))]
        named = [f"{key} as k{at}" for at, key in enumerate(keys)] + [f"{answer} as a{at}" for at, answer in enumerate(answers)]
        text = f"select {', '.join(named)} from {source}{self.where(columns)}"
        if keys:
            text += f" group by {', '.join(keys)}"
            if self.chance.random() < 0.2:
                text += f" having count(*) > {self.chance.randint(1, 5)}"
        return text, len(keys), len(answers)

    def regrouped(self):
        inner, keys, _ = self.grouped()
        key = f"k{self.chance.randrange(keys)}" if keys else "1"
        return f"select {key} as k, count(*) as n, count(a0) as a, min(a0) as least from ({inner}) as i group by {key}"

    def twice(self):
        inner, keys, _ = self.grouped()
        if not keys:
            return inner
        on = " and ".join(f"x.k{at} = y.k{at}" for at in range(keys))
        shape = self.pick(
            [
                f"select x.*, y.a0 as other from c as x {self.pick(['inner', 'left'])} join c as y on {on}",
                "select 1 as part, * from c union all select 2 as part, * from c where k0 is not null",
                "select count(*) as n from c as x where x.k0 in (select k0 from c where a0 is not null)",
            ]
        )
        return f"with c as ({inner}) {shape}"

    def windowed(self):
        condition = self.where(SESSIONS)
        by = self.pick(["s.user_id", "s.title_id", "s.month, s.device_type", "s.day", "s.month"])
        answer = self.pick(
            [
                f"row_number() over (partition by {by} order by s.start_time, s.session_id)",
                f"sum(s.title_id) over (partition by {by} order by s.session_id)",
                f"lag(s.session_id) over (partition by {by} order by s.session_id)",
                f"count(*) over (partition by {by})",
                f"max(s.day) over (partition by {by} order by s.session_id rows between 2 preceding and 1 following)",
            ]
        )
        inner = f"select s.session_id, s.user_id, {answer} as w from watch_sessions as s{condition}"
        some = f"select * from ({inner}) as i where session_id % 29 = {self.chance.randrange(29)}"
        return self.pick([some, f"select w, count(*) as n, sum(session_id) as ids from ({inner}) as i group by w"])

    def firsts(self):
        condition = self.where(SESSIONS)
        by = self.pick(["s.user_id", "s.title_id", "s.month, s.device_type", "s.day", "s.device_type", "s.user_id, s.title_id"])
        first = self.pick(["s.start_time", "s.completion_rate", "s.device_type", "s.title_id", "s.day", "s.session_id"])
        nulls = self.pick([" nulls last", " desc nulls last", " nulls first", " desc nulls first"])
        function, order = self.pick(
            [("row_number", f"{first}{nulls}, s.session_id"), ("rank", f"{first}{nulls}"), ("dense_rank", f"{first}{nulls}")]
        )
        bound = self.pick(["r = 1", "r = 1", "r <= 3", "r < 10", "3 >= r", "r = 2"])
        inner = (
            f"select s.session_id, s.user_id, s.title_id, {function}() over (partition by {by} order by {order}) as r "
            f"from watch_sessions as s{condition}"
        )
        return f"select r, count(*) as n, sum(session_id) as ids, min(title_id) as least from ({inner}) as i where {bound} group by r"

    def visits(self):
        table, at = self.pick([("heartbeats", "event_time"), ("watch_sessions", "start_time")])
        month, day = self.chance.randint(1, 12), self.chance.randint(1, 28)
        condition = self.pick(
            [
                "",
                f" where day > date '2025-{month:02}-{day:02}'",
                f" where user_id % {self.chance.randint(2, 9)} = 1",
                " where device_type in ('tv', 'tablet')",
            ]
        )
        key = self.pick(["user_id", "user_id", "title_id", "device_type", "user_id, device_type", "title_id, day"])
        seconds = self.pick([0, 45, 60, 600, 1800, 86400, 864000])
        visits = f"{{visits:{key}:{table}{condition}:{at}:{seconds}}}"
        return self.pick(
            [
                (
                    f"select {key}, {{us:v.started_at}} % 1000003 as a, {{us:v.ended_at}} % 1000003 as b, v.events from {visits} where"
                    " v.events > 2"
                ),
                f"select v.events, count(*) as n, sum({{us:v.ended_at}} - {{us:v.started_at}}) as length from {visits} group by v.events",
            ]
        )

    def sets(self):
        one, two = (f"select s.user_id, s.month from watch_sessions as s{self.where(SESSIONS)}" for _ in range(2))
        word = self.pick(["union", "intersect", "except"])
        return f"select month, count(*) as n, sum(user_id) as ids from ({one} {word} {two}) as i group by month"

    def ordered(self):
        condition = self.where(SESSIONS)
        columns = self.some(["s.user_id", "s.title_id", "s.device_type", "s.completion_rate", "s.month"], 1, 3)
        direction = self.pick(["", " desc"])
        order = ", ".join(f"{column}{direction} nulls last" for column in columns)
        return (
            f"select s.session_id, {', '.join(columns)} from watch_sessions as s{condition} order by {order}, s.session_id limit"
            f" {self.chance.randint(1, 300)}"
        )


@shape("warehouse", weight=3)
def warehouse_groups(maker):
    return query(Questions(maker).grouped()[0])


@shape("warehouse")
def warehouse_groups_of_groups(maker):
    return query(Questions(maker).regrouped())


@shape("warehouse")
def warehouse_read_twice(maker):
    return query(Questions(maker).twice())


@shape("warehouse")
def warehouse_windows(maker):
    return query(Questions(maker).windowed())


@shape("warehouse")
def warehouse_first_rows(maker):
    return query(Questions(maker).firsts())


@shape("warehouse")
def warehouse_visits(maker):
    return query(Questions(maker).visits())


@shape("warehouse")
def warehouse_sets(maker):
    return query(Questions(maker).sets())


@shape("warehouse")
def warehouse_orders(maker):
    return query(Questions(maker).ordered())
