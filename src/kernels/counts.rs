//! How often each number occurs.

use std::collections::{BTreeMap, HashMap};

/// Possible numbers for each one that is counted, up to which counts are laid
/// out by number: that takes about the memory of a map.
const SPREAD: u64 = 16;
/// Numbers that are laid out in any case.
const LAID_OUT: u64 = 1 << 16;

/// Counts by number.
#[derive(Debug, Default)]
pub struct Counts {
    /// By number, from 0 on.
    close: Vec<i64>,
    /// Those beyond.
    far: HashMap<i64, i64>,
    /// Different numbers at least.
    different: u64,
}

impl Counts {
    /// Makes room for `ids` different numbers up to `max`, which come next.
    pub fn reach(&mut self, ids: u64, max: i64) {
        self.different = self.different.max(ids);
        let wanted = u64::try_from(max).map_or(0, |max| max + 1);
        if wanted <= LAID_OUT.max(self.different.saturating_mul(SPREAD))
            && let Ok(wanted) = usize::try_from(wanted)
            && wanted > self.close.len()
        {
            self.close.resize(wanted, 0);
        }
    }

    /// Counts `id` so many times.
    pub fn add(&mut self, id: i64, times: i64) {
        let at = usize::try_from(id).ok();
        match at.and_then(|at| self.close.get_mut(at)) {
            Some(count) => *count += times,
            None => *self.far.entry(id).or_default() += times,
        }
    }

    /// Every number with its count, in ascending order.
    #[must_use]
    pub fn all(&self) -> (Vec<i64>, Vec<i64>) {
        // What came before there was room for it has two counts.
        let mut far: BTreeMap<i64, i64> = self.far.iter().map(|(id, n)| (*id, *n)).collect();
        let close = (0_i64..).zip(&self.close).filter(|(_, count)| **count > 0);
        if far.is_empty() {
            return close.unzip();
        }
        for (id, count) in close {
            *far.entry(id).or_default() += count;
        }
        far.into_iter().unzip()
    }

    /// Bytes of memory beside the struct itself.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.close.capacity() * size_of::<i64>() + self.far.capacity() * 2 * size_of::<i64>()
    }
}
