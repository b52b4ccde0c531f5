//! A place for each whole number.

use std::collections::HashMap;

/// Places of numbers that lie between two bounds: a number's distance from the
/// lower one. Those beyond, if there are any, get the places behind.
#[derive(Debug)]
pub struct Places {
    min: i64,
    /// Which numbers between the bounds have occurred.
    seen: Vec<bool>,
    /// Whether there is a missing one among them.
    missing: Option<usize>,
    beyond: HashMap<i64, usize>,
    others: Vec<Option<i64>>,
}

impl Places {
    /// Places for `count` numbers from `min` on.
    #[must_use]
    pub fn new(min: i64, count: usize) -> Self {
        Self {
            min,
            seen: vec![false; count],
            missing: None,
            beyond: HashMap::new(),
            others: Vec::new(),
        }
    }

    /// How many places there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.seen.len() + self.others.len()
    }

    /// Puts the place of each of `numbers` in `places`.
    pub fn of_all(&mut self, numbers: &[i64], places: &mut Vec<usize>) {
        places.clear();
        places.extend(numbers.iter().map(|number| self.close(*number)));
        if places.contains(&usize::MAX) {
            for (place, number) in places.iter_mut().zip(numbers) {
                if *place == usize::MAX {
                    *place = self.far(*number);
                }
            }
        }
    }

    /// Puts the place of each of `numbers` in `places`, where some are missing:
    /// these share one.
    pub fn of_some(&mut self, numbers: impl Iterator<Item = Option<i64>>, places: &mut Vec<usize>) {
        places.clear();
        places.extend(numbers.map(|number| match number {
            Some(number) => match self.close(number) {
                usize::MAX => self.far(number),
                place => place,
            },
            None => *self.missing.get_or_insert_with(|| {
                self.others.push(None);
                self.seen.len() + self.others.len() - 1
            }),
        }));
    }

    /// Which places are taken, and the numbers that take them, in order of the
    /// places.
    #[must_use]
    pub fn taken(&self) -> (Vec<bool>, Vec<Option<i64>>) {
        let mut taken = self.seen.clone();
        taken.resize(self.count(), true);
        let close = (0_u64..).zip(&self.seen).filter(|(_, seen)| **seen);
        let close = close.map(|(distance, _)| Some(self.min.wrapping_add_unsigned(distance)));
        let numbers = close.chain(self.others.iter().copied());
        (taken, numbers.collect())
    }

    /// Bytes of memory beside the struct itself.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.seen.capacity() + self.others.capacity() * 4 * size_of::<i64>()
    }

    #[inline]
    fn close(&mut self, number: i64) -> usize {
        // What lies below is far above, as there is no sign.
        let distance = number.wrapping_sub(self.min).cast_unsigned();
        let place = usize::try_from(distance).unwrap_or(usize::MAX);
        match self.seen.get_mut(place) {
            Some(seen) => {
                *seen = true;
                place
            }
            None => usize::MAX,
        }
    }

    #[cold]
    fn far(&mut self, number: i64) -> usize {
        *self.beyond.entry(number).or_insert_with(|| {
            self.others.push(Some(number));
            self.seen.len() + self.others.len() - 1
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_number_has_a_place_of_its_own(
            numbers in prop::collection::vec(
                prop_oneof![
                    20 => (0_i64..300).prop_map(Some),
                    1 => any::<i64>().prop_map(Some),
                    1 => prop_oneof![Just(Some(i64::MIN)), Just(Some(i64::MAX)), Just(None)],
                ],
                0..500,
            ),
            min in prop_oneof![-50_i64..100, Just(i64::MIN), Just(i64::MAX)],
            count in 0_usize..300,
        ) {
            let mut places = Places::new(min, count);
            let (mut all, mut whole) = (Vec::new(), Vec::new());
            for part in numbers.chunks(64) {
                match part.iter().copied().collect::<Option<Vec<i64>>>() {
                    Some(known) => places.of_all(&known, &mut all),
                    None => places.of_some(part.iter().copied(), &mut all),
                }
                whole.extend_from_slice(&all);
            }
            let (taken, values) = places.taken();
            prop_assert_eq!(taken.len(), places.count());
            let mut by_place = vec![Some(None); taken.len()];
            let mut values = values.into_iter();
            for (place, taken) in by_place.iter_mut().zip(taken) {
                *place = taken.then(|| values.next().unwrap());
            }
            prop_assert_eq!(values.next(), None);
            let found: Vec<Option<i64>> = whole.iter().map(|place| by_place[*place].unwrap()).collect();
            prop_assert_eq!(&found, &numbers);
            let different: BTreeSet<_> = numbers.iter().collect();
            prop_assert_eq!(by_place.iter().flatten().count(), different.len());
        }
    }
}
