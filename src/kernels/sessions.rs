//! The sessions of users.

/// A session: when it began, when its last event was, and how many there were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Session {
    /// Its first event.
    pub start: i64,
    /// Its last event.
    pub end: i64,
    /// How many it has.
    pub events: i64,
}

impl Session {
    /// One event.
    #[must_use]
    pub fn of_event(at: i64) -> Self {
        Self {
            start: at,
            end: at,
            events: 1,
        }
    }

    /// Whether no more than `gap` lies between the two.
    fn touches(&self, other: &Self, gap: i64) -> bool {
        other.start.saturating_sub(self.end) <= gap && self.start.saturating_sub(other.end) <= gap
    }

    fn unite(&mut self, other: &Self) {
        self.start = self.start.min(other.start);
        self.end = self.end.max(other.end);
        self.events += other.events;
    }
}

/// The sessions of many users as their events come. Of each user the latest
/// session is open and lies at hand; events in the order of time look at no
/// other. What came out of order is put in order when the others are asked for,
/// or when memory would grow, so that each costs no more than its share of a
/// sort.
#[derive(Debug)]
pub struct Sessions {
    gap: i64,
    /// Of each user; without events where there is none.
    open: Vec<Session>,
    /// Those before, each with its user: a user's one after another, unless one
    /// came out of order.
    closed: Vec<(usize, Session)>,
    out_of_order: bool,
}

impl Sessions {
    /// Sessions whose events lie no further apart than `gap`.
    #[must_use]
    pub fn new(gap: i64) -> Self {
        Self {
            gap,
            open: Vec::new(),
            closed: Vec::new(),
            out_of_order: false,
        }
    }

    /// Makes room for users below `count`.
    pub fn resize(&mut self, count: usize) {
        self.open.resize(count, Session::default());
    }

    /// Adds an event to each of `users`; both are of one length.
    pub fn add_events(&mut self, users: &[usize], times: &[i64]) {
        for (user, at) in users.iter().zip(times) {
            self.add(*user, Session::of_event(*at));
        }
    }

    /// Adds events of a user that lie no further apart than the gap.
    #[inline]
    pub fn add(&mut self, user: usize, session: Session) {
        let open = &mut self.open[user];
        if open.events == 0 {
            // Who has closed sessions has an open one.
            *open = session;
        } else if open.touches(&session, self.gap) {
            // It may now touch those before it.
            self.out_of_order |= session.start < open.start && !self.closed.is_empty();
            open.unite(&session);
        } else {
            self.out_of_order |= session.start < open.start;
            let closed = std::mem::replace(open, session);
            self.close(user, closed);
        }
    }

    fn close(&mut self, user: usize, session: Session) {
        if self.out_of_order && self.closed.len() == self.closed.capacity() {
            self.put_in_order();
            // Half of it is free, or it doubles.
            if self.closed.len() * 2 > self.closed.capacity() {
                self.closed.reserve(self.closed.len());
            }
            self.out_of_order = true;
        }
        self.closed.push((user, session));
    }

    /// Takes out the sessions that no event from `watermark` on belongs to, but
    /// for open ones; a user's in their order.
    pub fn settled(&mut self, watermark: i64) -> Vec<(usize, Session)> {
        self.put_in_order();
        let gap = self.gap;
        let is_settled = |session: &Session| watermark.saturating_sub(session.end) > gap;
        if self.closed.iter().all(|(_, session)| is_settled(session)) {
            return std::mem::take(&mut self.closed);
        }
        let settled = self
            .closed
            .extract_if(.., |(_, session)| is_settled(session));
        settled.collect()
    }

    /// Takes out all sessions of the users below `count`; a user's in their
    /// order. The others' numbers become less by so many.
    pub fn first(&mut self, count: usize) -> Vec<(usize, Session)> {
        self.put_in_order();
        let mut first = match count == self.open.len() {
            true => std::mem::take(&mut self.closed),
            false => self
                .closed
                .extract_if(.., |(user, _)| *user < count)
                .collect(),
        };
        for (user, _) in &mut self.closed {
            *user -= count;
        }
        let open = self.open.drain(..count).enumerate();
        first.extend(open.filter(|(_, session)| session.events > 0));
        first
    }

    /// A user's sessions, one after another.
    pub fn of(&mut self, user: usize) -> impl Iterator<Item = Session> {
        self.put_in_order();
        let closed = self.closed.iter().filter(move |(of, _)| *of == user);
        let closed = closed.map(|(_, session)| *session);
        let open = self.open.get(user).copied();
        closed.chain(open.filter(|session| session.events > 0))
    }

    /// Bytes that they take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.open.capacity() * size_of::<Session>()
            + self.closed.capacity() * size_of::<(usize, Session)>()
    }

    fn put_in_order(&mut self) {
        if !std::mem::take(&mut self.out_of_order) {
            return;
        }
        // What is open may touch what is not, of the same user.
        for at in 0..self.closed.len() {
            let user = self.closed[at].0;
            let open = std::mem::take(&mut self.open[user]);
            if open.events > 0 {
                self.closed.push((user, open));
            }
        }
        let (gap, closed) = (self.gap, &mut self.closed);
        closed.sort_unstable_by_key(|(user, session)| (*user, session.start));
        closed.dedup_by(|(user, later), (of, earlier)| {
            let one = user == of && earlier.touches(later, gap);
            if one {
                earlier.unite(later);
            }
            one
        });
        // The last of each is open.
        let mut kept = 0;
        for at in 0..closed.len() {
            let (user, session) = closed[at];
            if closed.get(at + 1).is_some_and(|(next, _)| *next == user) {
                closed[kept] = closed[at];
                kept += 1;
            } else {
                self.open[user] = session;
            }
        }
        closed.truncate(kept);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Sorted = Vec<(usize, i64, i64, i64)>;

    fn sorted(sessions: impl IntoIterator<Item = (usize, Session)>) -> Sorted {
        let columns = |(user, of): (usize, Session)| (user, of.start, of.end, of.events);
        let mut sessions: Sorted = sessions.into_iter().map(columns).collect();
        sessions.sort_unstable();
        sessions
    }

    const USERS: usize = 3;

    /// By the definition: sorted, a longer pause than `gap` begins a session.
    fn expected(events: &[(usize, i64)], gap: i64) -> Sorted {
        let mut events = events.to_vec();
        events.sort_unstable();
        let mut sessions: Vec<(usize, Session)> = Vec::new();
        for (user, at) in events {
            match sessions.last_mut() {
                Some((of, last)) if *of == user && at - last.end <= gap => {
                    last.end = at;
                    last.events += 1;
                }
                _ => sessions.push((user, Session::of_event(at))),
            }
        }
        sorted(sessions)
    }

    fn of_events(events: &[(usize, i64)], gap: i64) -> Sessions {
        let mut sessions = Sessions::new(gap);
        sessions.resize(USERS);
        let (users, times): (Vec<usize>, Vec<i64>) = events.iter().copied().unzip();
        sessions.add_events(&users, &times);
        sessions
    }

    fn in_order(sessions: &[(usize, Session)]) -> bool {
        (0..USERS).all(|user| {
            let own = sessions.iter().filter(|(of, _)| *of == user);
            own.map(|(_, session)| session.start).is_sorted()
        })
    }

    proptest! {
        #[test]
        fn sessions_are_the_same_in_any_order_and_in_parts(
            events in prop::collection::vec((0..USERS, 0_i64..2000), 0..300),
            gap in 0_i64..20,
            cut in 0_usize..300,
        ) {
            let want = expected(&events, gap);
            let mut whole = of_events(&events, gap);
            let each: Vec<_> = (0..USERS).flat_map(|user| whole.of(user).map(move |s| (user, s)).collect::<Vec<_>>()).collect();
            prop_assert!(in_order(&each));
            prop_assert_eq!(sorted(each), want.clone());
            let cut = cut.min(events.len());
            let (one, two) = events.split_at(cut);
            // Added after what there was has been looked at, and united.
            let mut parts = of_events(one, gap);
            let _ = parts.of(0).count();
            for (user, session) in of_events(two, gap).first(USERS) {
                parts.add(user, session);
            }
            // The first users, then the others.
            let mut taken = parts.first(1);
            taken.extend(parts.first(USERS - 1).into_iter().map(|(user, session)| (user + 1, session)));
            prop_assert!(in_order(&taken));
            prop_assert_eq!(sorted(taken), want.clone());
            for reversed in [false, true] {
                let mut ordered = events.clone();
                ordered.sort_unstable_by_key(|(_, at)| *at);
                if reversed {
                    ordered.reverse();
                }
                prop_assert_eq!(sorted(of_events(&ordered, gap).first(USERS)), want.clone());
            }
        }

        #[test]
        fn what_is_settled_is_as_it_stays(
            events in prop::collection::vec((0..USERS, 0_i64..2000), 0..300),
            gap in 0_i64..20,
            width in 1_i64..500,
        ) {
            // Events come period by period, in any order within one.
            let mut sessions = of_events(&[], gap);
            let mut taken = Vec::new();
            for from in (0..2000).step_by(usize::try_from(width).unwrap_or(1)) {
                for (user, at) in &events {
                    if (from..from + width).contains(at) {
                        sessions.add(*user, Session::of_event(*at));
                    }
                }
                let settled = sessions.settled(from + width);
                prop_assert!(settled.iter().all(|(_, session)| from + width - session.end > gap));
                taken.extend(settled);
            }
            taken.extend(sessions.first(USERS));
            prop_assert!(in_order(&taken));
            prop_assert_eq!(sorted(taken), expected(&events, gap));
        }
    }
}
