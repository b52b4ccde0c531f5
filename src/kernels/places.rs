//! Groups found by place: the keys of a row are digits of one number.

use std::ops::Range;

/// Slots of the table by which texts are found.
const SLOTS: usize = 256;
/// Slots of the table by which views are.
const VIEWS: usize = 4096;
/// No text is that long.
const NO_VIEW: u128 = u128::MAX;
/// Bytes of a text that lie in its view.
const INLINE: usize = 12;

/// The groups at places below a number, numbered as they occur.
#[derive(Debug)]
pub struct Places {
    /// The group at each place; `NONE` where there is none.
    groups: Vec<u32>,
    /// The place of each group.
    taken: Vec<u32>,
}

const NONE: u32 = u32::MAX;
/// What `NONE` is among groups.
const NOWHERE: usize = NONE as usize;

impl Places {
    /// No groups yet, at places below `count`.
    #[must_use]
    pub fn new(count: usize) -> Self {
        Self {
            groups: vec![NONE; count],
            taken: Vec::new(),
        }
    }

    /// Bytes that `count` places take.
    #[must_use]
    pub fn bytes_of(count: usize) -> usize {
        count.saturating_mul(size_of::<u32>())
    }

    /// How many groups there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.taken.len()
    }

    /// Puts the group at each of `places` in `groups`.
    ///
    /// # Panics
    /// When a place is none of those that there are.
    pub fn groups(&mut self, places: &[u32], groups: &mut Vec<usize>) {
        groups.clear();
        if let Some(place) = only(places) {
            let group = self.group(place);
            groups.resize(places.len(), group);
            return;
        }
        groups.extend(places.iter().map(|at| self.groups[*at as usize] as usize));
        // One pass without a branch, and one for what occurs for the first time.
        if groups.contains(&NOWHERE) {
            for (group, place) in groups.iter_mut().zip(places) {
                if *group == NOWHERE {
                    *group = self.group(*place);
                }
            }
        }
    }

    fn group(&mut self, place: u32) -> usize {
        let group = &mut self.groups[place as usize];
        if *group == NONE {
            // There are no more groups than places.
            *group = u32::try_from(self.taken.len()).unwrap_or(NONE);
            self.taken.push(place);
        }
        *group as usize
    }

    /// The place of each group.
    #[must_use]
    pub fn taken(&self) -> &[u32] {
        &self.taken
    }
}

/// The place that all rows have, where they have one.
fn only(places: &[u32]) -> Option<u32> {
    let (first, last) = (places.first()?, places.last()?);
    let same = first == last && places.iter().fold(0, |any, place| any | place ^ first) == 0;
    same.then_some(*first)
}

/// Whole numbers between bounds, as digits: 0 is a missing one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    min: i64,
    count: u32,
}

impl Span {
    /// The `count` numbers from `min` on.
    #[must_use]
    pub fn new(min: i64, count: u32) -> Self {
        Self { min, count }
    }

    /// How many digits there are.
    #[must_use]
    pub fn digits(&self) -> u32 {
        self.count + 1
    }

    /// Appends the digit of each number to its place, where `missing` says that
    /// none is missing. Whether all lie between the bounds; places are of no
    /// use where they do not.
    #[must_use]
    pub fn append(&self, numbers: &[i64], missing: Option<&[bool]>, places: &mut [u32]) -> bool {
        let (digits, count) = (self.digits(), u64::from(self.count));
        let mut within = true;
        let mut digit = |number: i64| {
            // What lies below is far above, as there is no sign.
            let distance = number.wrapping_sub(self.min).cast_unsigned();
            within &= distance < count;
            u32::try_from(distance.min(count)).unwrap_or(0) + 1
        };
        match missing {
            None if count == 1 => {
                within = numbers.iter().fold(0, |any, n| any | n ^ self.min) == 0;
                for place in places {
                    *place = place.wrapping_mul(digits).wrapping_add(1);
                }
            }
            None => {
                for (place, number) in places.iter_mut().zip(numbers) {
                    *place = place.wrapping_mul(digits).wrapping_add(digit(*number));
                }
            }
            Some(missing) => {
                for ((place, number), missing) in places.iter_mut().zip(numbers).zip(missing) {
                    let digit = if *missing { 0 } else { digit(*number) };
                    *place = place.wrapping_mul(digits).wrapping_add(digit);
                }
            }
        }
        within
    }

    /// The number of a digit.
    #[must_use]
    pub fn number(&self, digit: u32) -> Option<i64> {
        Some(self.min.wrapping_add(i64::from(digit.checked_sub(1)?)))
    }
}

/// A few texts, as digits in the order in which they occur: 0 is a missing one.
#[derive(Debug)]
pub struct Texts {
    most: u32,
    /// The digit of the text with a hash, or of one before it.
    slots: Vec<u32>,
    texts: Vec<Text>,
    /// The digit whose view was the last with a hash.
    seen: Box<[u8; VIEWS]>,
    /// The last view of each digit: one that occurs again needs no text.
    views: Vec<u128>,
}

#[derive(Debug)]
struct Text {
    hash: u64,
    view: u128,
    bytes: Box<[u8]>,
}

impl Texts {
    /// Texts that are told apart at most.
    pub const MOST: u32 = 64;

    /// No texts yet, and up to `most`.
    #[must_use]
    pub fn new(most: u32) -> Self {
        Self {
            most: most.min(Self::MOST),
            slots: vec![0; SLOTS],
            texts: Vec::new(),
            seen: Box::new([0; VIEWS]),
            views: vec![NO_VIEW; 1 + most.min(Self::MOST) as usize],
        }
    }

    /// How many digits there are.
    #[must_use]
    pub fn digits(&self) -> u32 {
        self.most + 1
    }

    /// Appends the digit of each text to its place, as [`Span::append`] does;
    /// false where there are too many texts.
    ///
    /// A view is Arrow's: the length, and either the text or four bytes of it
    /// with the buffer and the place in it where it begins.
    #[must_use]
    pub fn append(
        &mut self,
        views: &[u128],
        buffers: &[&[u8]],
        missing: Option<&[bool]>,
        places: &mut [u32],
    ) -> bool {
        let digits = self.digits();
        // The view of a longer text says where it lies in these buffers only.
        for (view, text) in self.views[1..].iter_mut().zip(&self.texts) {
            if text.bytes.len() > INLINE {
                *view = NO_VIEW;
            }
        }
        for (row, (place, view)) in places.iter_mut().zip(views).enumerate() {
            let digit = match missing {
                Some(missing) if missing[row] => 0,
                _ => match self.digit(*view, buffers) {
                    Some(digit) => digit,
                    None => return false,
                },
            };
            *place = place.wrapping_mul(digits).wrapping_add(digit);
        }
        true
    }

    fn digit(&mut self, view: u128, buffers: &[&[u8]]) -> Option<u32> {
        let [one, other] = halves(view);
        let hash = (one ^ other.rotate_left(32)).wrapping_mul(ODD);
        let slot = usize::try_from(hash >> 52).unwrap_or(0);
        let seen = self.seen[slot];
        if self.views[usize::from(seen)] == view {
            return Some(u32::from(seen));
        }
        let digit = self.digit_of_text(view, buffers)?;
        self.seen[slot] = u8::try_from(digit).unwrap_or(0);
        self.views[digit as usize] = view;
        Some(digit)
    }

    fn digit_of_text(&mut self, view: u128, buffers: &[&[u8]]) -> Option<u32> {
        let (bytes, hash): (&[u8], u64) = match length(view) {
            ..=INLINE => (&[], mixed(halves(view))),
            _ => {
                let bytes = outside(view, buffers)?;
                (bytes, hash(bytes))
            }
        };
        let mut slot = usize::try_from(hash >> 56).unwrap_or(0);
        loop {
            match self.slots[slot] {
                0 => break,
                digit => {
                    let known = &self.texts[digit as usize - 1];
                    let same = match length(view) {
                        ..=INLINE => known.view == view,
                        _ => known.hash == hash && *known.bytes == *bytes,
                    };
                    if same {
                        return Some(digit);
                    }
                }
            }
            slot = (slot + 1) % SLOTS;
        }
        let digit = u32::try_from(self.texts.len() + 1).unwrap_or(NONE);
        if digit > self.most {
            return None;
        }
        self.slots[slot] = digit;
        self.texts.push(Text {
            hash,
            view,
            bytes: match length(view) {
                length @ ..=INLINE => view.to_le_bytes()[4..4 + length].into(),
                _ => bytes.into(),
            },
        });
        Some(digit)
    }

    /// The text of a digit, as UTF-8.
    #[must_use]
    pub fn text(&self, digit: u32) -> Option<&[u8]> {
        let at = usize::try_from(digit.checked_sub(1)?).ok()?;
        self.texts.get(at).map(|text| &*text.bytes)
    }
}

fn halves(view: u128) -> [u64; 2] {
    [0, 64].map(|from| u64::try_from(view >> from & u128::from(u64::MAX)).unwrap_or(0))
}

fn length(view: u128) -> usize {
    usize::try_from(view & u128::from(u32::MAX)).unwrap_or(0)
}

/// The bytes of a text that does not lie in its view.
fn outside<'a>(view: u128, buffers: &[&'a [u8]]) -> Option<&'a [u8]> {
    let part = |from: u32| usize::try_from(view >> from & u128::from(u32::MAX)).ok();
    let (buffer, from) = (buffers.get(part(64)?)?, part(96)?);
    buffer.get(from..from.checked_add(length(view))?)
}

const ODD: u64 = 0x9e37_79b9_7f4a_7c15;

/// The upper bits depend on all bits of both.
fn mixed([one, other]: [u64; 2]) -> u64 {
    let both = (one ^ other.rotate_left(32)).wrapping_mul(ODD);
    (both ^ both >> 32).wrapping_mul(ODD)
}

fn hash(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let words = words.iter().chain([&last]);
    words.fold(bytes.len() as u64, |hash, word| {
        mixed([hash, u64::from_le_bytes(*word)])
    })
}

/// A row of each of `groups`, where row by row the group is told.
#[must_use]
pub fn rows_of_groups(found: &[usize], groups: Range<usize>) -> Vec<u64> {
    let mut rows = vec![0; groups.len()];
    for (row, group) in (0..).zip(found) {
        if let Some(of) = rows.get_mut(group.wrapping_sub(groups.start)) {
            *of = row;
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// A view of `text`, at the end of the buffer.
    fn view(text: &str, buffer: &mut Vec<u8>) -> u128 {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&u32::try_from(text.len()).unwrap().to_le_bytes());
        if text.len() <= INLINE {
            bytes[4..4 + text.len()].copy_from_slice(text.as_bytes());
        } else {
            bytes[4..8].copy_from_slice(&text.as_bytes()[..4]);
            bytes[8..12].copy_from_slice(&1_u32.to_le_bytes());
            bytes[12..].copy_from_slice(&u32::try_from(buffer.len()).unwrap().to_le_bytes());
            buffer.extend(text.as_bytes());
        }
        u128::from_le_bytes(bytes)
    }

    proptest! {
        #[test]
        fn each_pair_has_a_group_of_its_own(
            rows in prop::collection::vec(
                (
                    prop::option::weighted(0.9, -20_i64..20),
                    prop::option::weighted(0.9, prop_oneof![
                        "[a-d]{0,2}", "[ab]{12,13}", "the same beginning [a-c]{1,3}",
                    ]),
                ),
                0..400,
            ),
        ) {
            let different: BTreeSet<_> = rows.iter().filter_map(|(_, text)| text.clone()).collect();
            let span = Span::new(-20, 40);
            let mut texts = Texts::new(Texts::MOST);
            let mut places = Places::new((span.digits() * texts.digits()) as usize);
            let (mut whole, mut groups) = (Vec::new(), Vec::new());
            let mut fits = true;
            for part in rows.chunks(64) {
                let numbers: Vec<i64> = part.iter().map(|(n, _)| n.unwrap_or(999)).collect();
                let missing: Vec<bool> = part.iter().map(|(n, _)| n.is_none()).collect();
                let missing = missing.contains(&true).then_some(missing);
                let mut at = vec![0; part.len()];
                prop_assert!(span.append(&numbers, missing.as_deref(), &mut at));
                let mut buffer = Vec::new();
                let views: Vec<u128> = part
                    .iter()
                    .map(|(_, text)| view(text.as_deref().unwrap_or("missing"), &mut buffer))
                    .collect();
                let missing: Vec<bool> = part.iter().map(|(_, text)| text.is_none()).collect();
                fits = texts.append(&views, &[&[], &buffer], Some(&missing), &mut at);
                if !fits {
                    break;
                }
                places.groups(&at, &mut groups);
                whole.extend_from_slice(&groups);
            }
            prop_assert_eq!(fits, different.len() <= Texts::MOST as usize);
            if !fits {
                return Ok(());
            }
            let keys = |group: usize| {
                let place = places.taken()[group];
                let (number, text) = (place / texts.digits(), place % texts.digits());
                let text = texts.text(text).map(|text| String::from_utf8(text.to_vec()).unwrap());
                (span.number(number), text)
            };
            let found: Vec<_> = whole.iter().map(|group| keys(*group)).collect();
            prop_assert_eq!(&found, &rows);
            // A group begins when it occurs, and none is left out.
            let mut last = 0;
            for group in whole {
                prop_assert!(group <= last);
                last = last.max(group + 1);
            }
            prop_assert_eq!(last, places.count());
            prop_assert_eq!(places.count(), rows.iter().collect::<BTreeSet<_>>().len());
        }

        #[test]
        fn what_lies_beyond_is_noticed(
            numbers in prop::collection::vec(prop_oneof![0_i64..50, any::<i64>()], 0..20),
            min in prop_oneof![-5_i64..5, Just(i64::MIN), Just(i64::MAX)],
            count in 0_u32..60,
        ) {
            let mut places = vec![0; numbers.len()];
            let within = Span::new(min, count).append(&numbers, None, &mut places);
            let is_within = |number: &i64| {
                let distance = i128::from(*number) - i128::from(min);
                (0..i128::from(count)).contains(&distance)
            };
            prop_assert_eq!(within, numbers.iter().all(is_within));
        }
    }

    #[test]
    fn one_view_of_two_buffers_is_two_texts() {
        let mut texts = Texts::new(2);
        let (mut one, mut other) = (Vec::new(), Vec::new());
        let seen = view("the first of them", &mut one);
        assert_eq!(view("the other of them", &mut other), seen);
        let mut digits = |buffer: &[u8]| {
            let mut places = vec![0; 2];
            assert!(texts.append(&[seen, seen], &[&[], buffer], None, &mut places));
            places
        };
        assert_eq!(digits(&one), [1, 1]);
        assert_eq!(digits(&other), [2, 2]);
        assert_eq!(digits(&one), [1, 1]);
    }

    #[test]
    fn one_number_and_one_place_take_no_looking_up() {
        let span = Span::new(-5, 1);
        let mut places = vec![0, 0, 3];
        assert!(span.append(&[-5, -5, -5], None, &mut places));
        assert_eq!(places, [1, 1, 7]);
        assert!(!span.append(&[-5, -4, -5], None, &mut places));
        let (mut groups, mut found) = (Places::new(9), Vec::new());
        groups.groups(&[4, 4, 4], &mut found);
        groups.groups(&[7, 7], &mut found);
        assert_eq!(found, [1, 1]);
        groups.groups(&[7, 4, 7], &mut found);
        assert_eq!(
            (found.as_slice(), groups.taken()),
            ([1, 0, 1].as_slice(), [4, 7].as_slice())
        );
        groups.groups(&[], &mut found);
        assert!(found.is_empty() && groups.count() == 2);
    }
}
