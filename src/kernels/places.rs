//! A place for each whole number.

use std::collections::HashMap;

/// Places of whole numbers, one behind the other as they occur. Those between
/// two bounds are found by their distance from the lower one; those beyond, if
/// there are any, by a hash table.
#[derive(Debug)]
pub struct Places {
    min: i64,
    /// The places of the numbers between the bounds; `NONE` of one that has not
    /// occurred.
    close: Vec<u32>,
    beyond: HashMap<i64, u32>,
    missing: Option<u32>,
    /// The numbers by place.
    numbers: Vec<Option<i64>>,
}

const NONE: u32 = u32::MAX;
/// What `NONE` is among places.
const NOWHERE: usize = NONE as usize;

impl Places {
    /// Places for numbers of which most are the `count` from `min` on.
    #[must_use]
    pub fn new(min: i64, count: usize) -> Self {
        Self {
            min,
            close: vec![NONE; count],
            beyond: HashMap::new(),
            missing: None,
            numbers: Vec::new(),
        }
    }

    /// How many places are taken.
    #[must_use]
    pub fn count(&self) -> usize {
        self.numbers.len()
    }

    /// Puts the place of each of `numbers` in `places`.
    pub fn of_all(&mut self, numbers: &[i64], places: &mut Vec<usize>) {
        places.clear();
        let known = |number: &i64| match self.close.get(self.distance(*number)) {
            Some(place) => *place as usize,
            None => NOWHERE,
        };
        places.extend(numbers.iter().map(known));
        // One pass without a branch, and one for what occurs for the first time.
        if places.contains(&NOWHERE) {
            for (place, number) in places.iter_mut().zip(numbers) {
                if *place == NOWHERE {
                    *place = self.of(*number);
                }
            }
        }
    }

    /// Puts the place of each of `numbers` in `places`, where some are missing:
    /// these share one.
    pub fn of_some(&mut self, numbers: impl Iterator<Item = Option<i64>>, places: &mut Vec<usize>) {
        places.clear();
        places.extend(numbers.map(|number| match number {
            Some(number) => self.of(number),
            None => {
                let next = next(&self.numbers);
                let place = *self.missing.get_or_insert(next);
                if place == next {
                    self.numbers.push(None);
                }
                place as usize
            }
        }));
    }

    /// The numbers that have places, in their order.
    #[must_use]
    pub fn numbers(&self) -> &[Option<i64>] {
        &self.numbers
    }

    /// Bytes of memory beside the struct itself.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.close.capacity() * size_of::<u32>()
            + self.numbers.capacity() * size_of::<Option<i64>>()
            + self.beyond.capacity() * 4 * size_of::<i64>()
    }

    #[inline]
    fn distance(&self, number: i64) -> usize {
        // What lies below is far above, as there is no sign.
        let distance = number.wrapping_sub(self.min).cast_unsigned();
        usize::try_from(distance).unwrap_or(usize::MAX)
    }

    fn of(&mut self, number: i64) -> usize {
        let distance = self.distance(number);
        let next = next(&self.numbers);
        let place = match self.close.get_mut(distance) {
            Some(place) => place,
            None => self.beyond.entry(number).or_insert(NONE),
        };
        if *place == NONE {
            *place = next;
            self.numbers.push(Some(number));
        }
        *place as usize
    }
}

/// The place behind the last one; there is not memory for more than 32 bits.
fn next(numbers: &[Option<i64>]) -> u32 {
    u32::try_from(numbers.len()).unwrap_or(NONE)
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
            let found: Vec<Option<i64>> = whole.iter().map(|place| places.numbers()[*place]).collect();
            prop_assert_eq!(&found, &numbers);
            // A place is taken when its number occurs, and none is left out.
            let mut last = 0;
            for place in whole {
                prop_assert!(place <= last);
                last = last.max(place + 1);
            }
            prop_assert_eq!(last, places.count());
            let different: BTreeSet<_> = numbers.iter().collect();
            prop_assert_eq!(places.count(), different.len());
        }
    }
}
