//! Hashes of rows, column by column.

/// A row's hash while its values are taken in: two lanes of 64 bits.
#[derive(Debug, Clone, Copy)]
pub struct RowHash {
    a: u64,
    b: u64,
}

/// Odd numbers without pattern: the first digits of pi's fraction.
const MIX: [u64; 4] = [
    0x243f_6a88_85a3_08d3,
    0x1319_8a2e_0370_7345,
    0xa409_3822_299f_31d1,
    0x082e_fa98_ec4e_6c89,
];

impl Default for RowHash {
    fn default() -> Self {
        Self {
            a: MIX[0],
            b: MIX[1],
        }
    }
}

impl RowHash {
    /// Takes in a value.
    #[inline]
    pub fn take(&mut self, value: u64) {
        self.a = folded(self.a ^ value, MIX[2]).wrapping_add(MIX[0]);
        self.b = folded(self.b.wrapping_add(value), MIX[3]).rotate_left(23) ^ value;
    }

    /// Takes in a null, which differs from every value: it turns the lanes as no
    /// value does.
    pub fn take_null(&mut self) {
        self.a = folded(self.a.rotate_left(17), MIX[1]);
        self.b = folded(!self.b, MIX[0]);
    }

    /// The hash of the values so far.
    #[must_use]
    pub fn finish(self) -> u128 {
        let high = folded(self.a ^ self.b.rotate_left(32), MIX[1]);
        let low = folded(self.b ^ MIX[2], self.a | 1);
        (u128::from(high) << 64) | u128::from(low)
    }

    /// Each row takes in its value of a column.
    pub fn take_i64(rows: &mut [Self], values: &[i64]) {
        take_all(rows, values, i64::cast_unsigned);
    }

    /// As [`RowHash::take_i64`] takes in the same numbers.
    pub fn take_i32(rows: &mut [Self], values: &[i32]) {
        take_all(rows, values, |value| i64::from(value).cast_unsigned());
    }

    /// By their bits.
    pub fn take_f64(rows: &mut [Self], values: &[f64]) {
        take_all(rows, values, f64::to_bits);
    }
}

#[inline]
fn take_all<T: Copy>(rows: &mut [RowHash], values: &[T], bits: impl Fn(T) -> u64) {
    for (row, value) in rows.iter_mut().zip(values) {
        row.take(bits(*value));
    }
}

/// The product's two halves, one laid over the other.
#[expect(clippy::cast_possible_truncation, reason = "both halves are wanted")]
fn folded(x: u64, y: u64) -> u64 {
    let product = u128::from(x) * u128::from(y);
    (product >> 64) as u64 ^ product as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_taken_as_their_values_are() {
        let mut rows = [RowHash::default(); 3];
        RowHash::take_i64(&mut rows, &[-1, 0, 7]);
        RowHash::take_i32(&mut rows, &[-1, 5, i32::MAX]);
        RowHash::take_f64(&mut rows, &[0.5, -0.0, 1e300]);
        let values = [
            [u64::MAX, u64::MAX, 0.5_f64.to_bits()],
            [0, 5, 1 << 63],
            [7, 0x7fff_ffff, 1e300_f64.to_bits()],
        ];
        for (row, values) in rows.iter().zip(values) {
            let mut one = RowHash::default();
            values.into_iter().for_each(|value| one.take(value));
            assert_eq!(one.finish(), row.finish());
        }
        let mut null = RowHash::default();
        null.take_null();
        assert_ne!(null.finish(), RowHash::default().finish());
    }
}
