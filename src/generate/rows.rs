//! The rows of each file, by row number.

use std::io::{self, Write};

use chrono::{Datelike, Days, Months, NaiveDate, NaiveDateTime, TimeDelta};

use super::chance::{Chance, floor, to_f64};
use super::people::{
    APPS, CHANNELS, DEVICES, FIRST_NAMES, GENRES, HOURS, INTERACTIONS, LANGUAGES, LAST_NAMES,
    METHODS, PLACES, PLANS, TITLE_ENDS, TITLE_STARTS,
};
use super::{More, Request};

/// One column of chance a value; the numbers only have to differ.
mod column {
    pub(super) const FIRST: u64 = 1;
    pub(super) const LAST: u64 = 2;
    pub(super) const COUNTRY: u64 = 3;
    pub(super) const CITY: u64 = 4;
    pub(super) const JOIN_TIME: u64 = 5;
    pub(super) const CHANNEL: u64 = 6;
    pub(super) const TITLE_START: u64 = 10;
    pub(super) const TITLE_END: u64 = 11;
    pub(super) const GENRE: u64 = 12;
    pub(super) const YEAR: u64 = 13;
    pub(super) const LENGTH: u64 = 14;
    pub(super) const LANGUAGE: u64 = 15;
    pub(super) const PLAN: u64 = 20;
    pub(super) const TERM: u64 = 21;
    pub(super) const ENDS: u64 = 22;
    pub(super) const PAID: u64 = 23;
    pub(super) const METHOD: u64 = 24;
    pub(super) const USER: u64 = 30;
    pub(super) const TITLE: u64 = 31;
    pub(super) const DAY: u64 = 32;
    pub(super) const WEEKEND: u64 = 33;
    pub(super) const HOUR: u64 = 34;
    pub(super) const SECOND: u64 = 35;
    pub(super) const DEVICE: u64 = 36;
    pub(super) const WHOLE: u64 = 37;
    pub(super) const PART: u64 = 38;
    pub(super) const DIRTY: u64 = 39;
    pub(super) const DIRT: u64 = 40;
    pub(super) const BEAT: u64 = 41;
    pub(super) const SCORE: u64 = 50;
    pub(super) const INTERACTION: u64 = 51;
    pub(super) const APP: u64 = 52;
    pub(super) const SPENT: u64 = 53;
}

/// The company whose exports are written.
pub(super) struct Company {
    request: Request,
    chance: Chance,
    users: u64,
    titles: u64,
    /// Sessions before each month, and in all.
    before: Vec<u64>,
    /// For each of the day's hours the sum of the weights up to it.
    hours: Vec<u64>,
}

const SESSION_COLUMNS: &str =
    "session_id,user_id,movie_id,device_type,start_time,end_time,completion_rate,created_at";

/// Months of joining before the first month watched.
const EARLIER_MONTHS: u32 = 12;

impl Company {
    pub(super) fn new(request: &Request) -> Self {
        let weights: Vec<u64> = (0..u64::from(request.months))
            .map(|m| 100 + 4 * m)
            .collect();
        let all: u64 = weights.iter().sum();
        let mut before = vec![0];
        let mut sum = 0;
        for weight in weights {
            sum += weight;
            before.push((u128::from(request.sessions) * u128::from(sum) / u128::from(all)) as u64);
        }
        let mut total = 0;
        let hours = HOURS.iter().map(|w| {
            total += w;
            total
        });
        Self {
            hours: hours.collect(),
            request: *request,
            chance: Chance::new(request.seed),
            users: (request.sessions / 50).max(20),
            titles: (request.sessions / 500).clamp(50, 20_000),
            before,
        }
    }

    /// The first day of the month `number`, counted from 0.
    pub(super) fn month_start(&self, number: u32) -> NaiveDate {
        self.request.start + Months::new(number)
    }

    /// Users join in the order of their numbers, evenly over the time.
    fn joined(&self, user: u64) -> NaiveDateTime {
        let first = self.request.start - Months::new(EARLIER_MONTHS);
        let last = self.month_start(self.request.months);
        let days = u64::try_from((last - first).num_days()).unwrap_or(1);
        let day = (user - 1) * days / self.users;
        let seconds = self.chance.below(column::JOIN_TIME, user, 86_400);
        at(first + Days::new(day), seconds)
    }

    /// How many users had joined when the month `number` began.
    fn members(&self, number: u32) -> u64 {
        let first = self.request.start - Months::new(EARLIER_MONTHS);
        let last = self.month_start(self.request.months);
        let elapsed = (self.month_start(number) - first).num_days();
        let all = (last - first).num_days().max(1);
        let share = u64::try_from(elapsed).unwrap_or(0) * self.users;
        (share / u64::try_from(all).unwrap_or(1)).max(1)
    }

    fn plan(&self, user: u64) -> (&'static str, u64) {
        PLANS[index(self.chance.zipf(column::PLAN, user, 3, 0.5))]
    }

    /// When a user's subscription ends, if it does.
    fn ended(&self, user: u64) -> Option<NaiveDateTime> {
        let term = 30 + self.chance.below(column::TERM, user, 500);
        let ends = self.chance.unit(column::ENDS, user) < 0.45;
        let end = self.joined(user) + Days::new(term);
        let last = at(self.month_start(self.request.months), 0);
        (ends && end < last).then_some(end)
    }

    fn length(&self, title: u64) -> u64 {
        60 + self.chance.below(column::LENGTH, title, 121)
    }

    pub(super) fn write_users(&self, out: &mut impl Write) -> io::Result<u64> {
        writeln!(
            out,
            "user_id,name,email,country,city,marketing_channel,join_date,subscription_status,created_at"
        )?;
        for user in 1..=self.users {
            let first = pick(&FIRST_NAMES, self.chance.bits(column::FIRST, user));
            let last = pick(&LAST_NAMES, self.chance.bits(column::LAST, user));
            let (country, cities) = PLACES[index(self.chance.zipf(column::COUNTRY, user, 16, 0.8))];
            let city =
                cities[index(
                    self.chance
                        .zipf(column::CITY, user, cities.len() as u64, 0.7),
                )];
            let channel = CHANNELS[index(self.chance.zipf(column::CHANNEL, user, 5, 0.4))];
            let joined = self.joined(user);
            let status = if self.ended(user).is_some() {
                "inactive"
            } else {
                "active"
            };
            writeln!(
                out,
                "{user},{first} {last},{}.{}.{user}@example.com,{country},{city},{channel},{joined},{status},{joined}",
                first.to_lowercase(),
                last.to_lowercase(),
            )?;
        }
        Ok(self.users)
    }

    pub(super) fn write_movies(&self, out: &mut impl Write) -> io::Result<u64> {
        writeln!(
            out,
            "movie_id,title,genre,release_year,duration_min,language,created_at"
        )?;
        let created = at(self.request.start - Months::new(EARLIER_MONTHS), 0);
        let newest = u64::try_from(self.request.start.year()).unwrap_or(2024);
        for title in 1..=self.titles {
            let start = pick(&TITLE_STARTS, self.chance.bits(column::TITLE_START, title));
            let end = pick(&TITLE_ENDS, self.chance.bits(column::TITLE_END, title));
            let genre = GENRES[index(self.chance.zipf(column::GENRE, title, 12, 0.6))];
            let language = LANGUAGES[index(self.chance.zipf(column::LANGUAGE, title, 10, 1.2))];
            let age = floor(self.chance.unit(column::YEAR, title).powi(2) * 50.0);
            let (year, length) = (newest - age, self.length(title));
            writeln!(
                out,
                "{title},{start} {end},{genre},{year},{length},{language},{created}"
            )?;
        }
        Ok(self.titles)
    }

    pub(super) fn write_subscriptions(&self, out: &mut impl Write) -> io::Result<u64> {
        writeln!(
            out,
            "subscription_id,user_id,plan_type,start_date,end_date,price,status,created_at"
        )?;
        for user in 1..=self.users {
            let (plan, cents) = self.plan(user);
            let joined = self.joined(user);
            let end = self.ended(user).map(|e| e.to_string()).unwrap_or_default();
            let status = if end.is_empty() {
                "active"
            } else {
                "cancelled"
            };
            let price = money(cents);
            writeln!(
                out,
                "{user},{user},{plan},{joined},{end},{price},{status},{joined}"
            )?;
        }
        Ok(self.users)
    }

    pub(super) fn write_payments(&self, out: &mut impl Write) -> io::Result<u64> {
        writeln!(
            out,
            "payment_id,user_id,subscription_id,amount,payment_date,method,status,created_at"
        )?;
        let last = at(self.month_start(self.request.months), 0);
        let mut payment = 0;
        for user in 1..=self.users {
            let (joined, end) = (self.joined(user), self.ended(user).unwrap_or(last));
            let amount = money(self.plan(user).1);
            let method = pick(&METHODS, self.chance.bits(column::METHOD, user));
            let mut due = joined;
            let mut months = 0;
            while due < end {
                payment += 1;
                let status = match self.chance.below(column::PAID, payment, 100) {
                    0..92 => "completed",
                    92..97 => "failed",
                    _ => "pending",
                };
                writeln!(
                    out,
                    "{payment},{user},{user},{amount},{due},{method},{status},{due}"
                )?;
                months += 1;
                due = joined + Months::new(months);
            }
        }
        Ok(payment)
    }

    pub(super) fn write_sessions(&self, month: u32, out: &mut impl Write) -> io::Result<u64> {
        writeln!(out, "{SESSION_COLUMNS}")?;
        let at = month as usize;
        let (first, last) = (self.before[at], self.before[at + 1]);
        let members = self.members(month);
        let start = self.month_start(month);
        let days = self.days(month);
        let mut line = Vec::with_capacity(128);
        for number in first..last {
            line.clear();
            self.session(number + 1, members, start, days, &mut line)?;
            out.write_all(&line)?;
        }
        Ok(last - first)
    }

    /// Further sessions of one month, and corrections of some that it has: the
    /// same session, recorded a day later, ending when its title does.
    pub(super) fn write_more(
        &self,
        month: u32,
        more: &More,
        out: &mut impl Write,
    ) -> io::Result<u64> {
        writeln!(out, "{SESSION_COLUMNS}")?;
        let at = month as usize;
        let (members, start) = (self.members(month), self.month_start(month));
        let days = self.days(month);
        // Far from the ids of other deliveries.
        let first = self.request.sessions + u64::from(more.number) * 1_000_000_000;
        let mut line = Vec::with_capacity(128);
        for id in first + 1..=first + more.sessions {
            line.clear();
            self.session(id, members, start, days, &mut line)?;
            out.write_all(&line)?;
        }
        let (known, end) = (self.before[at], self.before[at + 1]);
        let corrected = more.corrected.min(end - known);
        for number in 0..corrected {
            let id = known + 1 + number * (end - known) / corrected;
            let seen = self.viewing_in(id, members, start, days);
            let whole = seen.start + TimeDelta::minutes(i64::try_from(seen.length).unwrap_or(0));
            let (user, title, recorded) = (seen.user, seen.title, seen.start + TimeDelta::days(1));
            writeln!(
                out,
                "{id},{user},{title},tv,{},{whole},100.00,{recorded}",
                seen.start
            )?;
        }
        Ok(more.sessions + corrected)
    }

    /// What players send once a minute, some seconds late, as long as a session
    /// runs: what of the last month's sessions falls on `day`, in its order.
    pub(super) fn write_heartbeats(&self, day: NaiveDate, out: &mut impl Write) -> io::Result<u64> {
        writeln!(out, "user_id,movie_id,device_type,event_time")?;
        let month = self.request.months - 1;
        let start = self.month_start(month);
        let (members, days) = (self.members(month), self.days(month));
        let (first, last) = (self.before[month as usize], self.before[month as usize + 1]);
        let (from, to) = (at(day, 0), at(day + Days::new(1), 0));
        let mut beats = Vec::new();
        for id in first + 1..=last {
            let seen = self.viewing_in(id, members, start, days);
            if seen.start >= to || seen.start + seen.lasting() + TimeDelta::minutes(1) < from {
                continue;
            }
            for minute in 0..=seen.watched {
                let late = self.chance.below(column::BEAT, id * 256 + minute, 20);
                let seconds = i64::try_from(minute * 60 + late).unwrap_or(0);
                let beat = seen.start + TimeDelta::seconds(seconds);
                if beat >= from && beat < to {
                    beats.push((beat, seen.user, seen.title, id));
                }
            }
        }
        beats.sort_unstable();
        let mut line = Vec::with_capacity(64);
        for (beat, user, title, id) in &beats {
            line.clear();
            write!(line, "{user},{title},{},", self.device(*id))?;
            instant(*beat, &mut line);
            line.push(b'\n');
            out.write_all(&line)?;
        }
        Ok(beats.len() as u64)
    }

    fn device(&self, id: u64) -> &'static str {
        DEVICES[index(self.chance.zipf(column::DEVICE, id, 5, 0.7))]
    }

    /// The days of the month `number`.
    fn days(&self, number: u32) -> u64 {
        let start = self.month_start(number);
        u64::try_from((start + Months::new(1) - start).num_days()).unwrap_or(28)
    }

    /// One session in twenty is rated when it ends, the longer ones better.
    pub(super) fn write_ratings(&self, out: &mut impl Write) -> io::Result<u64> {
        writeln!(
            out,
            "rating_id,user_id,movie_id,rating_score,rating_date,created_at"
        )?;
        let last = at(self.month_start(self.request.months), 0) - TimeDelta::seconds(1);
        let ratings = self.request.sessions / 20;
        for rating in 1..=ratings {
            let seen = self.viewing(rating * 20);
            let kind = self.chance.below(column::SCORE, rating, 3);
            let score = 1 + kind + 2 * seen.watched / seen.length;
            let rated = (seen.start + seen.lasting()).min(last);
            writeln!(
                out,
                "{rating},{},{},{score},{rated},{rated}",
                seen.user, seen.title
            )?;
        }
        Ok(ratings)
    }

    /// One session in ten begins with something else that its viewer does.
    pub(super) fn write_interactions(&self, out: &mut impl Write) -> io::Result<u64> {
        writeln!(
            out,
            "interaction_id,user_id,interaction_date,interaction_type,channel,duration_minutes,features_used"
        )?;
        let interactions = self.request.sessions / 10;
        for number in 1..=interactions {
            let seen = self.viewing(number * 10);
            let kind = self.chance.zipf(column::INTERACTION, number, 6, 0.8);
            let (kind, features) = INTERACTIONS[index(kind)];
            let app = APPS[index(self.chance.zipf(column::APP, number, 3, 0.6))];
            let minutes = money(20 + self.chance.below(column::SPENT, number, 1_200));
            let (user, when) = (seen.user, seen.start);
            writeln!(
                out,
                "i{number},{user},{when},{kind},{app},{minutes},\"{features}\""
            )?;
        }
        Ok(interactions)
    }

    /// The session `id`, which may lie in any month.
    fn viewing(&self, id: u64) -> Viewing {
        let month = self.before.partition_point(|before| *before < id).max(1) - 1;
        let month = u32::try_from(month).unwrap_or(0);
        let (start, days) = (self.month_start(month), self.days(month));
        self.viewing_in(id, self.members(month), start, days)
    }

    fn viewing_in(&self, id: u64, members: u64, month: NaiveDate, days: u64) -> Viewing {
        let chance = self.chance;
        // Heavy users are spread over all numbers.
        let rank = floor(chance.unit(column::USER, id).powf(2.2) * to_f64(members));
        let title = 1 + chance.zipf(column::TITLE, id, self.titles, 0.9);
        let length = self.length(title);
        let watched = if chance.unit(column::WHOLE, id) < 0.35 {
            length
        } else {
            let share = chance.unit(column::PART, id).powf(0.7) * 0.99;
            floor(to_f64(length) * share).max(1)
        };
        Viewing {
            user: 1 + (rank * 7_919) % members,
            title,
            start: self.start_time(id, month, days),
            length,
            watched,
        }
    }

    fn session(
        &self,
        id: u64,
        members: u64,
        month: NaiveDate,
        days: u64,
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        let chance = self.chance;
        let seen = self.viewing_in(id, members, month, days);
        let end = seen.start + seen.lasting();
        let Viewing {
            user,
            title,
            start,
            length,
            watched,
        } = seen;
        let device = self.device(id);
        let hundredths = (watched * 10_000 + length / 2) / length;
        if chance.unit(column::DIRTY, id) < self.request.dirty {
            return dirty_row(id, chance.below(column::DIRT, id, 4), user, title, out);
        }
        write!(out, "{id},{user},{title},{device},")?;
        instant(start, out);
        out.push(b',');
        instant(end, out);
        write!(out, ",{}.{:02},", hundredths / 100, hundredths % 100)?;
        instant(start, out);
        out.push(b'\n');
        Ok(())
    }

    fn start_time(&self, id: u64, month: NaiveDate, days: u64) -> NaiveDateTime {
        let chance = self.chance;
        let mut day = chance.below(column::DAY, id, days);
        let date = month + Days::new(day);
        // Some of a weekday's watching moves to the weekend after it.
        let weekday = u64::from(date.weekday().num_days_from_monday());
        if weekday < 5 && chance.unit(column::WEEKEND, id) < 0.15 {
            day = (day + 5 - weekday).min(days - 1);
        }
        let total = self.hours.last().copied().unwrap_or(1);
        let slot = chance.below(column::HOUR, id, total);
        let hour = self.hours.partition_point(|sum| *sum <= slot) as u64;
        at(
            month + Days::new(day),
            hour * 3_600 + chance.below(column::SECOND, id, 3_600),
        )
    }
}

/// One session: who watched what, from when on, for how many minutes.
struct Viewing {
    user: u64,
    title: u64,
    start: NaiveDateTime,
    /// The title's minutes.
    length: u64,
    /// Minutes watched.
    watched: u64,
}

impl Viewing {
    fn lasting(&self) -> TimeDelta {
        TimeDelta::minutes(i64::try_from(self.watched).unwrap_or(0))
    }
}

/// A row with something wrong in it.
fn dirty_row(id: u64, kind: u64, user: u64, title: u64, out: &mut Vec<u8>) -> io::Result<()> {
    match kind {
        0 => writeln!(
            out,
            "{id},{user},{title},mobile,not a time,not a time,50.00,"
        ),
        1 => writeln!(out, "{id},{user},{title}"),
        2 => writeln!(
            out,
            "{id},,{title},mobile,2024-01-01 00:00:00,2024-01-01 01:00:00,50.00,"
        ),
        _ => writeln!(out, "{id},{user},{title},mobile,2024-13-45 25:61:00,,n/a,"),
    }
}

fn at(date: NaiveDate, seconds: u64) -> NaiveDateTime {
    let seconds = TimeDelta::seconds(i64::try_from(seconds).unwrap_or(0));
    date.and_time(chrono::NaiveTime::MIN) + seconds
}

/// `2024-01-31 23:59:59`, without the machinery of formatting.
fn instant(at: NaiveDateTime, out: &mut Vec<u8>) {
    use chrono::Timelike;
    let year = u32::try_from(at.year()).unwrap_or(0);
    digits(year / 100, out);
    digits(year % 100, out);
    out.push(b'-');
    digits(at.month(), out);
    out.push(b'-');
    digits(at.day(), out);
    out.push(b' ');
    digits(at.hour(), out);
    out.push(b':');
    digits(at.minute(), out);
    out.push(b':');
    digits(at.second(), out);
}

fn digits(n: u32, out: &mut Vec<u8>) {
    let digit = |n: u32| b'0' + u8::try_from(n % 10).unwrap_or(0);
    out.push(digit(n / 10));
    out.push(digit(n));
}

fn money(cents: u64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

fn pick<'a>(words: &[&'a str], bits: u64) -> &'a str {
    words[index(bits % words.len() as u64)]
}

fn index(n: u64) -> usize {
    usize::try_from(n).unwrap_or(0)
}
