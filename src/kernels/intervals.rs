//! Which intervals hold a value, group by group.

/// A number that is no group.
pub const NO_GROUP: u32 = u32::MAX;

/// Rows that are intervals, each in a group.
///
/// Of a group they lie in the order in which they begin, and each knows the
/// latest end of those up to it. So the ones that hold a value are looked for
/// backwards from the last that has begun, until none before can reach it: of
/// intervals that do not overlap, that is one step.
#[derive(Debug)]
pub struct Intervals {
    /// Where each group's entries begin, and where the last one's end.
    begins: Vec<usize>,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    from: i64,
    until: i64,
    /// The greatest `until` of the group's entries up to this one.
    latest: i64,
    row: u32,
}

/// Values that intervals are looked for: those of the group with
/// `interval.from <= from` and `interval.until >= until`. All of one length.
#[derive(Debug, Clone, Copy)]
pub struct Looked<'a> {
    /// The group of each, or [`NO_GROUP`].
    pub groups: &'a [u32],
    /// Where an interval has begun at the latest.
    pub from: &'a [i64],
    /// Where it ends at the earliest.
    pub until: &'a [i64],
}

/// How far values have been looked for.
#[derive(Debug, Default, Clone, Copy)]
pub struct Progress {
    /// The values before this one are done.
    pub row: usize,
    /// Of this one's entries as many are left.
    left: Option<usize>,
}

/// Intervals and the values that they hold, pair by pair.
#[derive(Debug, Default)]
pub struct Pairs {
    /// Rows of intervals.
    pub intervals: Vec<u32>,
    /// Rows of values, ascending.
    pub values: Vec<u32>,
}

impl Intervals {
    /// The bytes that an interval takes here.
    pub const ROW_BYTES: usize = size_of::<Entry>();

    /// Rows `0..groups.len()`, each of the group of its place, or of none; groups
    /// are `0..count`. All columns are of one length, of at most 2³² rows.
    #[must_use]
    pub fn new(groups: &[u32], count: usize, from: &[i64], until: &[i64]) -> Self {
        let mut begins = vec![0; count + 1];
        for group in groups.iter().filter(|group| **group != NO_GROUP) {
            begins[*group as usize + 1] += 1;
        }
        for group in 0..count {
            begins[group + 1] += begins[group];
        }
        let empty = Entry {
            from: 0,
            until: 0,
            latest: 0,
            row: 0,
        };
        let mut entries = vec![empty; begins[count]];
        let mut next = begins.clone();
        let columns = groups.iter().zip(from).zip(until);
        for (row, ((group, from), until)) in (0_u32..).zip(columns) {
            if *group == NO_GROUP {
                continue;
            }
            let place = &mut next[*group as usize];
            entries[*place] = Entry {
                from: *from,
                until: *until,
                latest: *until,
                row,
            };
            *place += 1;
        }
        for group in 0..count {
            let entries = &mut entries[begins[group]..begins[group + 1]];
            entries.sort_unstable_by_key(|entry| (entry.from, entry.row));
            let mut latest = i64::MIN;
            for entry in entries {
                latest = latest.max(entry.until);
                entry.latest = latest;
            }
        }
        Self { begins, entries }
    }

    /// Puts the next pairs into `pairs`, until there are `most` or all values are
    /// done.
    pub fn look(
        &self,
        values: Looked<'_>,
        progress: &mut Progress,
        most: usize,
        pairs: &mut Pairs,
    ) {
        let Looked {
            groups,
            from,
            until,
        } = values;
        let mut row = progress.row;
        let mut left = progress.left.take();
        while row < groups.len() && pairs.values.len() < most {
            let group = groups[row] as usize;
            if group >= self.begins.len() - 1 {
                row += 1;
                continue;
            }
            let entries = &self.entries[self.begins[group]..self.begins[group + 1]];
            let (from, until) = (from[row], until[row]);
            let begun = || entries.partition_point(|entry| entry.from <= from);
            let mut at = left.take().unwrap_or_else(begun);
            while at > 0 && pairs.values.len() < most {
                at -= 1;
                let entry = &entries[at];
                if entry.latest < until {
                    at = 0;
                } else if entry.until >= until {
                    pairs.intervals.push(entry.row);
                    #[expect(clippy::cast_possible_truncation, reason = "rows of a batch")]
                    pairs.values.push(row as u32);
                }
            }
            if at > 0 {
                left = Some(at);
                break;
            }
            row += 1;
        }
        *progress = Progress { row, left };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value() -> impl Strategy<Value = i64> {
        prop_oneof![
            4 => -8_i64..8,
            1 => Just(i64::MIN),
            1 => Just(i64::MAX),
        ]
    }

    fn rows() -> impl Strategy<Value = Vec<(u32, i64, i64)>> {
        let group = prop_oneof![5 => 0_u32..3, 1 => Just(NO_GROUP)];
        prop::collection::vec((group, value(), value()), 0..40)
    }

    proptest! {
        #[test]
        fn each_pair_is_found_once(held in rows(), asked in rows(), most in 1_usize..9) {
            let split = |rows: &[(u32, i64, i64)]| {
                let groups: Vec<u32> = rows.iter().map(|row| row.0).collect();
                let from: Vec<i64> = rows.iter().map(|row| row.1).collect();
                let until: Vec<i64> = rows.iter().map(|row| row.2).collect();
                (groups, from, until)
            };
            let (groups, from, until) = split(&held);
            let intervals = Intervals::new(&groups, 3, &from, &until);
            let (groups, from, until) = split(&asked);
            let looked = Looked { groups: &groups, from: &from, until: &until };
            let (mut progress, mut found) = (Progress::default(), Vec::new());
            while progress.row < asked.len() {
                let mut pairs = Pairs::default();
                intervals.look(looked, &mut progress, most, &mut pairs);
                prop_assert!(pairs.values.len() <= most);
                prop_assert!(pairs.values.len() == most || progress.row == asked.len());
                prop_assert!(pairs.values.is_sorted());
                found.extend(pairs.values.into_iter().zip(pairs.intervals));
            }
            prop_assert!(found.is_sorted_by_key(|pair| pair.0));
            found.sort_unstable();
            let mut want = Vec::new();
            for (a, asked) in (0_u32..).zip(&asked) {
                for (h, held) in (0_u32..).zip(&held) {
                    let holds = held.1 <= asked.1 && held.2 >= asked.2;
                    if asked.0 != NO_GROUP && asked.0 == held.0 && holds {
                        want.push((a, h));
                    }
                }
            }
            prop_assert_eq!(found, want);
        }
    }
}
