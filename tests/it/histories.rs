//! Random histories of the whole warehouse: whatever came, in whatever order,
//! the lake that was refreshed step by step, on main or on a branch that is
//! published then or later, equals one built at once.
//!
//! Each history delivers files of every kind (new, late, corrected, outdated,
//! doubled, shortened, with rows that do not fit), and edits models in between.
//! `CINELAKE_TEST_HISTORIES` sets how many are tried, `CINELAKE_TEST_SEED` the
//! first one's number; a failure names its own.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::support::Project;

/// Numbers without pattern, the same for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.roll() % n
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[usize::try_from(self.below(from.len() as u64)).unwrap()]
    }
}

/// What lies in the landing folder, and what the models say.
struct Company {
    dice: Dice,
    files: BTreeMap<String, Vec<String>>,
    edits: BTreeMap<&'static str, String>,
    /// Counts rows, so that ids and versions are never used twice.
    count: u64,
    /// What happened, for a failure's message.
    story: String,
}

const SESSIONS: &str =
    "session_id,user_id,movie_id,device_type,start_time,end_time,completion_rate,created_at";
const USERS: &str =
    "user_id,name,email,country,city,marketing_channel,join_date,subscription_status,created_at";
const MOVIES: &str = "movie_id,title,genre,release_year,duration_min,language,created_at";
const SUBSCRIPTIONS: &str =
    "subscription_id,user_id,plan_type,start_date,end_date,price,status,created_at";
const PAYMENTS: &str =
    "payment_id,user_id,subscription_id,amount,payment_date,method,status,created_at";
const RATINGS: &str = "rating_id,user_id,movie_id,rating_score,rating_date,created_at";
const INTERACTIONS: &str = "interaction_id,user_id,interaction_date,interaction_type,channel,duration_minutes,features_used,created_at";

const MONTHS: [&str; 5] = ["2024-01", "2024-02", "2024-03", "2024-04", "2024-05"];

/// Edits of models: file, what stands there, what stands there then.
const EDITS: [(&str, &str, &str); 5] = [
    (
        "silver/settings.sql",
        "30 as active_days",
        "21 as active_days",
    ),
    (
        "silver/settings.sql",
        "0.85 as completed_at",
        "0.60 as completed_at",
    ),
    (
        "gold/mart_movie_popularity_monthly.sql",
        "order by watch_minutes desc, title_id",
        "order by sessions desc, title_id",
    ),
    (
        "silver/user_days.sql",
        "where not is_unknown_user",
        "where not is_unknown_user and true",
    ),
    // Another layout is no other query.
    (
        "gold/watch_by_device_monthly.sql",
        "select\n    month,",
        "select\n\n    month,",
    ),
];

impl Company {
    fn new(seed: u64) -> Self {
        let mut company = Self {
            dice: Dice(seed),
            files: BTreeMap::new(),
            edits: BTreeMap::new(),
            count: 0,
            story: String::new(),
        };
        let users = (1..=12).map(|id| company.user(id)).collect();
        let movies = (1..=8).map(|id| company.movie(id)).collect();
        let subscriptions: Vec<String> = (1..=10).map(|id| company.subscription(id, id)).collect();
        let payments = (1..=20).map(|id| company.payment(id)).collect();
        company.file("users.csv", USERS, users);
        company.file("movies.csv", MOVIES, movies);
        company.file("subscriptions.csv", SUBSCRIPTIONS, subscriptions);
        company.file("payments.csv", PAYMENTS, payments);
        for month in &MONTHS[..3] {
            let rows = (0..15).map(|_| company.new_session(month)).collect();
            company.file(&format!("watch_sessions_{month}.csv"), SESSIONS, rows);
        }
        let ratings = (0..6).map(|_| company.rating()).collect();
        company.file("ratings.csv", RATINGS, ratings);
        let interactions = (0..8).map(|_| company.interaction()).collect();
        company.file("interactions.csv", INTERACTIONS, interactions);
        company
    }

    fn file(&mut self, name: &str, header: &str, rows: Vec<String>) {
        let lines = std::iter::once(header.to_owned()).chain(rows).collect();
        self.files.insert(name.to_owned(), lines);
    }

    fn next(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    /// A time of writing that no row had before, later than all.
    fn version(&mut self) -> String {
        let n = self.next();
        format!(
            "2026-01-{:02} {:02}:{:02}:{:02}",
            1 + n / 86_400,
            n / 3_600 % 24,
            n / 60 % 60,
            n % 60
        )
    }

    fn instant(&mut self, month: &str) -> String {
        let (day, hour, minute) = (
            1 + self.dice.below(28),
            self.dice.below(24),
            self.dice.below(60),
        );
        format!("{month}-{day:02} {hour:02}:{minute:02}:00")
    }

    fn session(&mut self, id: u64, month: &str) -> String {
        // Some users and titles that nobody knows.
        let (user, title) = (1 + self.dice.below(14), 1 + self.dice.below(9));
        let device = *self.dice.pick(&["tv", "mobile", "", "web"]);
        let (day, hour) = (1 + self.dice.below(28), self.dice.below(22));
        let (minute, longer) = (self.dice.below(60), self.dice.below(59));
        let start = format!("{month}-{day:02} {hour:02}:{minute:02}:00");
        let end = match self.dice.below(8) {
            0 => String::new(),
            1 => format!("{month}-{day:02} {hour:02}:00:00"),
            _ => format!("{month}-{day:02} {:02}:{longer:02}:30", hour + 1),
        };
        let version = self.version();
        format!("{id},{user},{title},{device},{start},{end},50.00,{version}")
    }

    fn new_session(&mut self, month: &str) -> String {
        let id = 1000 + self.next();
        self.session(id, month)
    }

    fn user(&mut self, id: u64) -> String {
        let country = *self.dice.pick(&["Germany", "France", "Japan", ""]);
        let channel = *self.dice.pick(&["Referral", "Search", "Social"]);
        let month = *self
            .dice
            .pick(&["2023-11", "2023-12", "2024-01", "2024-02"]);
        let joined = self.instant(month);
        let version = self.version();
        format!(
            "{id},User {id},u{id}@example.com,{country},City,{channel},{joined},active,{version}"
        )
    }

    fn movie(&mut self, id: u64) -> String {
        let genre = *self.dice.pick(&["Drama", "Comedy", "Thriller", ""]);
        let minutes = match self.dice.below(6) {
            0 => String::new(),
            n => (40 + 15 * n).to_string(),
        };
        let version = self.version();
        format!("{id},Film {id},{genre},2001,{minutes},English,{version}")
    }

    fn subscription(&mut self, id: u64, user: u64) -> String {
        let (plan, price) = *self.dice.pick(&[("Basic", "7.99"), ("Premium", "15.99")]);
        let start = self.instant("2023-12");
        let (end, status) = match self.dice.below(3) {
            0 => {
                let month = *self.dice.pick(&MONTHS);
                (self.instant(month), "cancelled")
            }
            _ => (String::new(), "active"),
        };
        let version = self.version();
        format!("{id},{user},{plan},{start},{end},{price},{status},{version}")
    }

    fn payment(&mut self, id: u64) -> String {
        let subscription = 1 + self.dice.below(10);
        let amount = *self.dice.pick(&["7.99", "15.99", "3.50"]);
        let status = *self.dice.pick(&["completed", "completed", "failed"]);
        let month = *self.dice.pick(&MONTHS);
        let paid = self.instant(month);
        let version = self.version();
        format!("{id},{subscription},{subscription},{amount},{paid},card,{status},{version}")
    }

    fn rating(&mut self) -> String {
        let (id, user, title) = (self.next(), 1 + self.dice.below(12), 1 + self.dice.below(8));
        let score = 1 + self.dice.below(5);
        let month = *self.dice.pick(&MONTHS);
        let rated = self.instant(month);
        let version = self.version();
        format!("{id},{user},{title},{score},{rated},{version}")
    }

    fn interaction(&mut self) -> String {
        let (id, user) = (self.next(), 1 + self.dice.below(12));
        let kind = *self.dice.pick(&["search", "save", "share"]);
        let month = *self.dice.pick(&MONTHS);
        let at = self.instant(month);
        let version = self.version();
        format!("i{id},{user},{at},{kind},tv,2.50,watchlist,{version}")
    }

    /// A row of a file of `kind`, the header left out; and the file's name.
    fn known_row(&mut self, kind: &str) -> Option<(String, String)> {
        let rows: Vec<(String, String)> = self
            .files
            .iter()
            .filter(|(name, _)| name.starts_with(kind))
            .flat_map(|(name, lines)| lines[1..].iter().map(move |l| (name.clone(), l.clone())))
            .filter(|(_, line)| line.matches(',').count() > 3)
            .collect();
        (!rows.is_empty()).then(|| self.dice.pick(&rows).clone())
    }

    fn id_of(row: &str) -> u64 {
        row.split(',').next().unwrap().parse().unwrap()
    }

    /// Something happens to the landing folder or the models.
    fn happen(&mut self) {
        let number = self.next();
        let what = match self.dice.below(13) {
            0 | 1 => {
                let month = *self.dice.pick(&MONTHS);
                let n = 1 + self.dice.below(5);
                let mut rows: Vec<String> = (0..n).map(|_| self.new_session(month)).collect();
                if self.dice.below(3) == 0 {
                    rows.push("7,not,a,session".to_owned());
                }
                self.file(&format!("watch_sessions_n{number}.csv"), SESSIONS, rows);
                format!("{n} sessions in {month}")
            }
            2 | 3 => {
                let Some((_, row)) = self.known_row("watch_sessions") else {
                    return;
                };
                let month = *self.dice.pick(&MONTHS);
                let rows = vec![self.session(Self::id_of(&row), month)];
                self.file(&format!("watch_sessions_c{number}.csv"), SESSIONS, rows);
                format!("session {} corrected, in {month}", Self::id_of(&row))
            }
            4 => {
                let Some((_, row)) = self.known_row("watch_sessions") else {
                    return;
                };
                let month = *self.dice.pick(&MONTHS);
                let new = self.session(Self::id_of(&row), month);
                let fields: Vec<&str> = new.split(',').collect();
                let old = format!(
                    "{},2020-01-01 00:00:{:02}",
                    fields[..7].join(","),
                    number % 60
                );
                self.file(
                    &format!("watch_sessions_o{number}.csv"),
                    SESSIONS,
                    vec![old],
                );
                format!("an outdated version of session {}", Self::id_of(&row))
            }
            5 => {
                let Some((name, row)) = self.known_row("watch_sessions") else {
                    return;
                };
                let rows = vec![row.clone(), row];
                self.file(&format!("watch_sessions_d{number}.csv"), SESSIONS, rows);
                format!("a row of {name} doubled")
            }
            6 => {
                let names: Vec<String> = self.files.keys().cloned().collect();
                let name = self.dice.pick(&names).clone();
                let kind = name.trim_end_matches(".csv").to_owned();
                let lines = self.files[&name].clone();
                self.files.insert(format!("{kind}_copy{number}.csv"), lines);
                format!("{name} copied")
            }
            7 => {
                let names: Vec<String> = self
                    .files
                    .keys()
                    .filter(|n| n.starts_with("watch_sessions") || n.starts_with("payments"))
                    .cloned()
                    .collect();
                let name = self.dice.pick(&names).clone();
                let mut lines = self.files[&name].clone();
                let keep = 1 + self.dice.below(lines.len() as u64);
                lines.truncate(usize::try_from(keep).unwrap());
                let left = lines.len() - 1;
                self.files.insert(name.clone(), lines);
                format!("{name} shortened to {left} rows")
            }
            8 => {
                let id = 1 + self.dice.below(22);
                let rows = vec![self.payment(id)];
                self.file(&format!("payments_{number}.csv"), PAYMENTS, rows);
                format!("payment {id}, new or corrected")
            }
            9 => {
                let id = 1 + self.dice.below(13);
                let rows = vec![self.user(id)];
                self.file(&format!("users_{number}.csv"), USERS, rows);
                format!("user {id}, new or corrected")
            }
            10 => {
                let id = 1 + self.dice.below(9);
                let rows = vec![self.movie(id)];
                self.file(&format!("movies_{number}.csv"), MOVIES, rows);
                format!("movie {id}, new or corrected")
            }
            11 => {
                let id = 1 + self.dice.below(10);
                let rows = vec![self.subscription(id, id)];
                self.file(&format!("subscriptions_{number}.csv"), SUBSCRIPTIONS, rows);
                format!("subscription {id} corrected")
            }
            _ => {
                let (file, from, to) = *self.dice.pick(&EDITS);
                let text = self.edits.get(file).cloned().unwrap_or_else(|| model(file));
                let edited = match text.contains(to) && to != from {
                    true => text.replacen(to, from, 1),
                    false => text.replacen(from, to, 1),
                };
                assert_ne!(text, edited, "{file} has no `{from}`");
                self.edits.insert(file, edited);
                format!("{file} edited")
            }
        };
        let _ = writeln!(self.story, "  {what}");
    }

    /// Puts everything where `project` finds it; untouched files stay.
    fn deliver(&self, project: &Project) {
        for (name, lines) in &self.files {
            let text = lines.join("\n") + "\n";
            let path = project.path("lake/landing").join(name);
            if std::fs::read_to_string(&path).is_ok_and(|known| known == text) {
                continue;
            }
            project.deliver(name, text);
        }
        for (file, text) in &self.edits {
            project.write(&format!("queries/{file}"), text);
        }
    }
}

fn model(file: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("queries")
        .join(file);
    std::fs::read_to_string(path).unwrap()
}

/// Rows and content of every partition of every table that is built.
const CONTENT: &str = "select table_name, partition, rows, content_hash from system.partitions \
     where table_name like 'silver.%' or table_name like 'gold.%' order by 1, 2";

/// Rows of every landed table, and how many of them count.
const LANDED: &str = "select 'sessions' as source, count(*) as n, count(*) filter (where _current) as counting from bronze.watch_sessions \
     union all select 'payments', count(*), count(*) filter (where _current) from bronze.payments \
     union all select 'users', count(*), count(*) filter (where _current) from bronze.users \
     union all select 'rejects', count(*), 0 from bronze._rejects order by 1";

/// How a step is taken: on main, on a branch, or there and then published.
fn way(turn: u64, is_last: bool) -> &'static [&'static [&'static str]] {
    match turn % 3 {
        0 => &[&["-q", "refresh"]],
        1 if !is_last => &[&["-q", "refresh", "--branch", "dev"]],
        _ => &[
            &["-q", "refresh", "--branch", "dev"],
            &["-q", "publish", "dev"],
        ],
    }
}

fn play(seed: u64) {
    let mut company = Company::new(seed);
    let project = Project::warehouse();
    // Few rows: only when it is asked for are some of them built by row.
    if !seed.is_multiple_of(4) {
        project.write("cinelake.toml", "[engine]\nby_rows_from = 0\n");
    }
    company.deliver(&project);
    let told = |company: &Company, ran: &crate::support::Ran| {
        format!(
            "history {seed}:\n{}\n{}\n{}",
            company.story, ran.stdout, ran.stderr
        )
    };
    let first = project.run(&["refresh"]);
    assert_eq!(first.code, Some(0), "{}", told(&company, &first));
    for step in 1..=4 {
        let _ = writeln!(company.story, "step {step}");
        for _ in 0..=company.dice.below(3) {
            company.happen();
        }
        company.deliver(&project);
        for command in way(seed + step, step == 4) {
            let ran = project.run(command);
            assert_eq!(ran.code, Some(0), "{}", told(&company, &ran));
        }
    }
    let verified = project.run(&["verify"]);
    assert_eq!(verified.code, Some(0), "{}", told(&company, &verified));
    let at_once = Project::warehouse();
    company.deliver(&at_once);
    let ran = at_once.run(&["refresh"]);
    assert_eq!(ran.code, Some(0), "{}", told(&company, &ran));
    for sql in [LANDED, CONTENT] {
        let (steps, once) = (project.rows(sql), at_once.rows(sql));
        let only = |rows: &[String], others: &[String]| -> Vec<String> {
            rows.iter()
                .filter(|row| !others.contains(row))
                .cloned()
                .collect()
        };
        assert!(
            steps == once,
            "history {seed}:\n{}step by step: {:#?}\nat once: {:#?}",
            company.story,
            only(&steps, &once),
            only(&once, &steps)
        );
    }
}

#[test]
fn step_by_step_equals_at_once() {
    let number = |name: &str, default: u64| {
        std::env::var(name).map_or(default, |text| text.parse().unwrap())
    };
    let first = number("CINELAKE_TEST_SEED", 1);
    for seed in first..first + number("CINELAKE_TEST_HISTORIES", 4) {
        play(seed);
    }
}
