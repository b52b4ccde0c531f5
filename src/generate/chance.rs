//! Values by number: chance that can be asked for any row, in any order.

/// Uniform values decided by seed, column and row.
#[derive(Debug, Clone, Copy)]
pub struct Chance {
    seed: u64,
}

impl Chance {
    /// Chance decided by `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// Uniform 64 bits for `row` of `column`.
    /// SplitMix64's finalizer (Steele, Lea, Flood 2014) over a mixed counter.
    #[must_use]
    pub fn bits(self, column: u64, row: u64) -> u64 {
        let mut z = self
            .seed
            .wrapping_mul(0xa076_1d64_78bd_642f)
            .wrapping_add(column.wrapping_mul(0xe703_7ed1_a0b4_28db))
            .wrapping_add(row.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in 0..1.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "53 bits fit a double")]
    pub fn unit(self, column: u64, row: u64) -> f64 {
        (self.bits(column, row) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform in `0..n`.
    #[must_use]
    pub fn below(self, column: u64, row: u64, n: u64) -> u64 {
        ((u128::from(self.bits(column, row)) * u128::from(n)) >> 64) as u64
    }

    /// A rank in `0..n`, low ranks more often: a bounded Zipf distribution
    /// with exponent `a` (not 1), by its inverse cumulative distribution.
    #[must_use]
    pub fn zipf(self, column: u64, row: u64, n: u64, a: f64) -> u64 {
        let b = 1.0 - a;
        let rank = ((to_f64(n + 1).powf(b) - 1.0) * self.unit(column, row) + 1.0).powf(1.0 / b);
        floor(rank).saturating_sub(1).min(n.saturating_sub(1))
    }
}

/// A count as a float.
#[allow(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
pub(super) fn to_f64(n: u64) -> f64 {
    n as f64
}

/// The whole part of a value that is not negative.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative"
)]
pub(super) fn floor(value: f64) -> u64 {
    value.max(0.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_spread_and_ranks_are_skewed() {
        let chance = Chance::new(1);
        let mean: f64 = (0..10_000).map(|i| chance.unit(1, i)).sum::<f64>() / 10_000.0;
        assert!((0.49..0.51).contains(&mean), "{mean}");
        let first = (0..10_000)
            .filter(|i| chance.zipf(2, *i, 1_000, 0.9) == 0)
            .count();
        assert!((500..2_000).contains(&first), "{first}");
        let last = (0..1_000).map(|i| chance.zipf(3, i, 10, 0.9)).max();
        assert_eq!(last, Some(9));
    }
}
