//! The rows that come first in their group.

/// Which rows may be among the first so many of their group, by a number of
/// each row; the greatest comes first.
///
/// A group keeps the numbers of the first rows so far, so a row that comes after
/// so many is known at once to be none of them, and is never one again.
#[derive(Debug)]
pub struct Firsts {
    most: usize,
    /// Of each group `most` numbers, the greatest first; where there are not so
    /// many yet, the least of all.
    best: Vec<i64>,
}

impl Firsts {
    /// Looks for the first `most` rows, at least one.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            most: most.max(1),
            best: Vec::new(),
        }
    }

    /// The bytes that it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.best.capacity() * size_of::<i64>()
    }

    /// Takes in rows of groups below `count`, with the number of each; tells of
    /// each row whether it may be among the first. Those that are equal to the
    /// last of the first may be. Both columns are of one length.
    pub fn take(&mut self, groups: &[usize], count: usize, numbers: &[i64]) -> Vec<bool> {
        self.best.resize(count * self.most, i64::MIN);
        let rows = groups.iter().zip(numbers);
        if self.most == 1 {
            let best = self.best.as_mut_slice();
            let take = |(group, number): (&usize, &i64)| {
                let best = &mut best[*group];
                let first = *number >= *best;
                *best = (*best).max(*number);
                first
            };
            return rows.map(take).collect();
        }
        let take = |(group, number): (&usize, &i64)| {
            let best = &mut self.best[group * self.most..][..self.most];
            let last = best.len() - 1;
            if *number < best[last] {
                return false;
            }
            let place = best.partition_point(|other| other >= number);
            if place <= last {
                best[place..].rotate_right(1);
                best[place] = *number;
            }
            true
        };
        rows.map(take).collect()
    }

    /// Of rows that were taken in, which are among the first still.
    #[must_use]
    pub fn still(&self, groups: &[usize], numbers: &[i64]) -> Vec<bool> {
        let last = |group: &usize| self.best[group * self.most + self.most - 1];
        let rows = groups.iter().zip(numbers);
        rows.map(|(group, number)| *number >= last(group)).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_first_rows_are_those_of_a_sort(
            rows in prop::collection::vec((0_usize..5, prop_oneof![-3_i64..4, Just(i64::MIN), Just(i64::MAX)]), 0..80),
            most in 1_usize..4,
            batch in 1_usize..9,
        ) {
            let (groups, numbers): (Vec<usize>, Vec<i64>) = rows.iter().copied().unzip();
            let mut firsts = Firsts::new(most);
            let mut may_be = Vec::new();
            for (groups, numbers) in groups.chunks(batch).zip(numbers.chunks(batch)) {
                may_be.extend(firsts.take(groups, 5, numbers));
            }
            let still = firsts.still(&groups, &numbers);
            for (row, (group, number)) in rows.iter().enumerate() {
                let before = rows.iter().filter(|(g, n)| g == group && n > number).count();
                // Among the first, whatever decides between equal ones.
                prop_assert_eq!(still[row], before < most, "row {}", row);
                prop_assert!(may_be[row] || !still[row], "row {}", row);
            }
        }
    }
}
