//! The sessions of one user.

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

/// Sessions as they come: events in the order of time only look at the last
/// one, which lies at hand. Others may lie anywhere and are put in order when
/// the list is full, so that each costs no more than its share of a sort.
#[derive(Debug, Default)]
pub struct Sessions {
    /// Without events where there is none.
    last: Session,
    /// Those before.
    list: Vec<Session>,
    out_of_order: bool,
}

impl Sessions {
    /// Adds events that lie no further apart than `gap`; gives the bytes that
    /// the list grows by.
    pub fn add(&mut self, session: Session, gap: i64) -> usize {
        let last = &mut self.last;
        if last.events == 0 {
            *last = session;
            // It may touch one in the list.
            self.out_of_order |= !self.list.is_empty();
            return 0;
        }
        if last.touches(&session, gap) {
            // It may now touch those before it.
            self.out_of_order |= session.start < last.start && !self.list.is_empty();
            last.unite(&session);
            return 0;
        }
        self.out_of_order |= session.start < last.start;
        let before = self.bytes();
        if self.out_of_order && self.list.len() == self.list.capacity() {
            self.put_in_order(gap);
            // Half of it is free, or it doubles.
            if self.list.len() * 2 > self.list.capacity() {
                self.list.reserve(self.list.len());
            }
            self.out_of_order = true;
        }
        self.list.push(std::mem::replace(&mut self.last, session));
        self.bytes() - before
    }

    /// The sessions one after another, all further apart than `gap`.
    pub fn in_order(&mut self, gap: i64) -> &[Session] {
        if self.last.events > 0 {
            self.list.push(std::mem::take(&mut self.last));
        }
        if self.out_of_order {
            self.put_in_order(gap);
            self.out_of_order = false;
        }
        &self.list
    }

    /// Bytes that the list takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.list.capacity() * size_of::<Session>()
    }

    fn put_in_order(&mut self, gap: i64) {
        self.list.sort_unstable_by_key(|session| session.start);
        self.list.dedup_by(|later, earlier| {
            let one = earlier.touches(later, gap);
            if one {
                earlier.unite(later);
            }
            one
        });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sessions(parts: &[&[i64]], gap: i64) -> Vec<Session> {
        let mut whole = Sessions::default();
        for part in parts {
            let mut own = Sessions::default();
            let mut bytes = 0;
            for at in *part {
                bytes += own.add(Session::of_event(*at), gap);
            }
            assert_eq!(bytes, own.bytes());
            for session in own.in_order(gap) {
                whole.add(*session, gap);
            }
        }
        whole.in_order(gap).to_vec()
    }

    /// By the definition: sorted, a longer pause than `gap` begins a session.
    fn expected(events: &[i64], gap: i64) -> Vec<Session> {
        let mut events = events.to_vec();
        events.sort_unstable();
        let mut sessions: Vec<Session> = Vec::new();
        for at in events {
            match sessions.last_mut() {
                Some(last) if at - last.end <= gap => {
                    last.end = at;
                    last.events += 1;
                }
                _ => sessions.push(Session::of_event(at)),
            }
        }
        sessions
    }

    proptest! {
        #[test]
        fn sessions_are_the_same_in_any_order_and_in_parts(
            events in prop::collection::vec(0_i64..2000, 0..300),
            gap in 0_i64..20,
            cut in 0_usize..300,
        ) {
            let want = expected(&events, gap);
            prop_assert_eq!(&sessions(&[&events], gap), &want);
            let (one, two) = events.split_at(cut.min(events.len()));
            prop_assert_eq!(&sessions(&[one, two], gap), &want);
            let mut ordered = events.clone();
            ordered.sort_unstable();
            prop_assert_eq!(&sessions(&[&ordered], gap), &want);
            ordered.reverse();
            prop_assert_eq!(&sessions(&[&ordered], gap), &want);
        }
    }
}
