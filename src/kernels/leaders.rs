//! The row that leads each group.

/// Where the leading row of a group is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Of which batch, as it was numbered; [`Kept::NOWHERE`] of a group without
    /// rows.
    pub batch: u32,
    /// Its row there.
    pub row: u32,
}

impl Kept {
    /// The batch of groups without rows.
    pub const NOWHERE: u32 = u32::MAX;
}

/// A column of numbers by which rows are compared.
#[derive(Debug, Clone, Copy)]
pub enum Column<'a> {
    /// Numbers, and where there are any, what counts before they do.
    Small(&'a [i64], Option<&'a [i8]>),
    /// As [`Leaders::best`] gives them.
    Wide(&'a [i128]),
}

impl Column<'_> {
    /// What row `row` is compared by.
    #[must_use]
    pub fn at(&self, row: usize) -> i128 {
        match self {
            Self::Small(numbers, None) => i128::from(numbers[row]),
            Self::Small(numbers, Some(before)) => {
                i128::from(numbers[row]) + (i128::from(before[row]) << 65)
            }
            Self::Wide(numbers) => numbers[row],
        }
    }
}

/// Of each group the row with the greatest numbers, compared one after the other;
/// of equal rows the one that came first.
#[derive(Debug)]
pub struct Leaders {
    columns: usize,
    /// Of each group about where its first number is: of what is less, the row
    /// does not lead, and no more has to be read.
    about: Vec<i64>,
    /// Of each group `columns` numbers; the least of all without rows.
    best: Vec<i128>,
    kept: Vec<Kept>,
}

impl Leaders {
    /// Rows have so many numbers each, at least one.
    #[must_use]
    pub fn new(columns: usize) -> Self {
        Self {
            columns: columns.max(1),
            about: Vec::new(),
            best: Vec::new(),
            kept: Vec::new(),
        }
    }

    /// The bytes that it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.about.capacity() * size_of::<i64>()
            + self.best.capacity() * size_of::<i128>()
            + self.kept.capacity() * size_of::<Kept>()
    }

    /// Where the leading rows are kept, group by group.
    #[must_use]
    pub fn kept(&self) -> &[Kept] {
        &self.kept
    }

    /// The same, to be changed when rows move.
    pub fn kept_mut(&mut self) -> &mut [Kept] {
        &mut self.kept
    }

    /// The numbers of the leading row of `group`.
    #[must_use]
    pub fn best(&self, group: usize) -> &[i128] {
        &self.best[group * self.columns..][..self.columns]
    }

    /// Makes room for groups below `count`.
    pub fn grow(&mut self, count: usize) {
        self.about.resize(count, i64::MIN);
        self.best.resize(count * self.columns, i128::MIN);
        let nowhere = Kept {
            batch: Kept::NOWHERE,
            row: 0,
        };
        self.kept.resize(count, nowhere);
    }

    /// Forgets the first `count` groups; the others move to their places.
    pub fn forget(&mut self, count: usize) {
        self.about.drain(..count);
        self.best.drain(..count * self.columns);
        self.kept.drain(..count);
    }

    /// Takes in the rows of batch number `batch` but those that are `left_out`:
    /// their groups, and their numbers column by column. Gives the groups that
    /// have a new leading row, each once. All columns are of one length, and no
    /// number is the least of all.
    pub fn take(
        &mut self,
        batch: u32,
        groups: &[usize],
        numbers: &[Column<'_>],
        left_out: Option<&[bool]>,
    ) -> Vec<usize> {
        match numbers {
            [Column::Small(first, None), ..] => {
                self.take_by(batch, groups, numbers, left_out, |row| first[row])
            }
            [Column::Small(first, Some(before)), ..] => {
                self.take_by(batch, groups, numbers, left_out, |row| match before[row] {
                    0 => first[row],
                    1.. => i64::MAX,
                    _ => i64::MIN,
                })
            }
            [Column::Wide(first), ..] => {
                let limits = (i128::from(i64::MIN), i128::from(i64::MAX));
                #[expect(clippy::cast_possible_truncation, reason = "within the limits")]
                let about = |row: usize| first[row].clamp(limits.0, limits.1) as i64;
                self.take_by(batch, groups, numbers, left_out, about)
            }
            [] => Vec::new(),
        }
    }

    /// The same, where `about` gives the place of a row's first number among the
    /// numbers of 64 bits: not less where the number is not less.
    fn take_by(
        &mut self,
        batch: u32,
        groups: &[usize],
        numbers: &[Column<'_>],
        left_out: Option<&[bool]>,
        about: impl Fn(usize) -> i64,
    ) -> Vec<usize> {
        let mut led = Vec::new();
        for (row, group) in groups.iter().enumerate() {
            let ours = about(row);
            if ours < self.about[*group] || left_out.is_some_and(|left_out| left_out[row]) {
                continue;
            }
            let best = &mut self.best[group * self.columns..][..self.columns];
            let numbers = numbers.iter().map(|column| column.at(row));
            if numbers.clone().gt(best.iter().copied()) {
                self.about[*group] = ours;
                for (best, number) in best.iter_mut().zip(numbers) {
                    *best = number;
                }
                #[expect(clippy::cast_possible_truncation, reason = "rows of a batch")]
                let kept = Kept {
                    batch,
                    row: row as u32,
                };
                self.lead(kept, *group, &mut led);
            }
        }
        led
    }

    fn lead(&mut self, kept: Kept, group: usize, led: &mut Vec<usize>) {
        let before = std::mem::replace(&mut self.kept[group], kept);
        if before.batch != kept.batch {
            led.push(group);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Row = (usize, [(i64, i8); 2], bool);

    fn row() -> impl Strategy<Value = Row> {
        let number = || prop_oneof![-2_i64..3, Just(i64::MIN), Just(i64::MAX)];
        let pair = [(number(), -1_i8..2), (number(), -1_i8..2)];
        (0_usize..5, pair, any::<bool>())
    }

    proptest! {
        #[test]
        fn the_greatest_row_leads(
            rows in prop::collection::vec(row(), 0..60),
            columns in 1_usize..3,
            (batch, plain, wide) in (1_usize..9, any::<bool>(), any::<bool>()),
        ) {
            let mut leaders = Leaders::new(columns);
            leaders.grow(5);
            let of = |row: &Row| -> Vec<i128> {
                let number = |(number, before): (i64, i8)| {
                    i128::from(number) + if plain { 0 } else { i128::from(before) << 65 }
                };
                row.1[..columns].iter().copied().map(number).collect()
            };
            for (number, rows) in (0_u32..).zip(rows.chunks(batch)) {
                let groups: Vec<usize> = rows.iter().map(|row| row.0).collect();
                let each = |at: usize| rows.iter().map(move |row| row.1[at]);
                let small: Vec<(Vec<i64>, Vec<i8>)> = (0..columns).map(|at| each(at).unzip()).collect();
                let large: Vec<Vec<i128>> =
                    (0..columns).map(|at| rows.iter().map(|row| of(row)[at]).collect()).collect();
                let numbers: Vec<Column<'_>> = small.iter().zip(&large).map(|((numbers, before), large)| {
                    if wide {
                        Column::Wide(large)
                    } else {
                        Column::Small(numbers, (!plain).then_some(before))
                    }
                }).collect();
                let left_out: Vec<bool> = rows.iter().map(|row| row.2).collect();
                let left_out = left_out.contains(&true).then_some(left_out);
                let led = leaders.take(number, &groups, &numbers, left_out.as_deref());
                for group in 0..5 {
                    let new = leaders.kept()[group].batch == number;
                    prop_assert_eq!(led.iter().filter(|led| **led == group).count(), usize::from(new));
                }
            }
            for group in 0..5 {
                let of_group = rows.iter().enumerate().filter(|(_, row)| row.0 == group && !row.2);
                // Of equal ones `max_by_key` gives the last.
                let first = of_group.rev().max_by_key(|(_, row)| of(row));
                let kept = leaders.kept()[group];
                match first {
                    Some((row, values)) => {
                        prop_assert_eq!((kept.batch as usize) * batch + kept.row as usize, row);
                        prop_assert_eq!(leaders.best(group), of(values));
                    }
                    None => prop_assert_eq!(kept.batch, Kept::NOWHERE),
                }
            }
        }
    }
}
