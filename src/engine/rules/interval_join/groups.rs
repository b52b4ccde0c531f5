//! Numbers for the keys that joined rows have in common.

use cinelake_kernels::NO_GROUP;
use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::arrow::row::{OwnedRow, RowConverter, SortField};
use datafusion::common::{HashMap, Result};

use super::bounds::is_counted;

/// Keys lie close together when there is a place for each in a table of so many
/// places a row.
const PLACES_PER_ROW: usize = 4;

/// The keys of the held rows, numbered.
pub(super) enum Groups {
    /// There are no keys: all rows are one group.
    One,
    /// A number's group is found in its place after the first.
    Places {
        first: i64,
        groups: Vec<u32>,
        count: usize,
    },
    Numbers(HashMap<i64, u32>),
    Rows {
        converter: RowConverter,
        groups: HashMap<OwnedRow, u32>,
    },
}

/// Whether keys of the type can be told apart by their bytes.
pub(super) fn has_groups(kind: &DataType) -> bool {
    is_counted(kind)
        || matches!(
            kind,
            DataType::Boolean
                | DataType::Utf8
                | DataType::Utf8View
                | DataType::LargeUtf8
                | DataType::UInt64
                | DataType::Decimal128(..)
        )
}

impl Groups {
    /// Numbers the rows of `keys`, of which there are `rows`. A null is in no
    /// group.
    pub(super) fn number(keys: &[ArrayRef], rows: usize) -> Result<(Self, Vec<u32>)> {
        match keys {
            [] => Ok((Self::One, vec![0; rows])),
            [key] if is_counted(key.data_type()) => {
                let key = cast(key, &DataType::Int64)?;
                let key = key.as_primitive::<Int64Type>();
                let (first, last) = key
                    .iter()
                    .flatten()
                    .fold((i64::MAX, i64::MIN), |(a, b), key| (a.min(key), b.max(key)));
                let places = usize::try_from(i128::from(last) - i128::from(first) + 1);
                let most = rows.saturating_mul(PLACES_PER_ROW);
                let mut count = 0;
                let mut numbers = Vec::with_capacity(rows);
                if let Some(places) = places.ok().filter(|places| *places <= most) {
                    let mut groups = vec![NO_GROUP; places];
                    for key in key {
                        numbers.push(match key.and_then(|key| place(key, first, &mut groups)) {
                            Some(group) => {
                                if *group == NO_GROUP {
                                    *group = next(&mut count);
                                }
                                *group
                            }
                            None => NO_GROUP,
                        });
                    }
                    let count = count as usize;
                    return Ok((
                        Self::Places {
                            first,
                            groups,
                            count,
                        },
                        numbers,
                    ));
                }
                let mut groups = HashMap::with_capacity(rows);
                for key in key {
                    numbers.push(match key {
                        Some(key) => *groups.entry(key).or_insert_with(|| next(&mut count)),
                        None => NO_GROUP,
                    });
                }
                Ok((Self::Numbers(groups), numbers))
            }
            keys => {
                let fields = keys
                    .iter()
                    .map(|key| SortField::new(key.data_type().clone()));
                let converter = RowConverter::new(fields.collect())?;
                let mut groups: HashMap<OwnedRow, u32> = HashMap::with_capacity(rows);
                let mut count = 0;
                let converted = converter.convert_columns(keys)?;
                let numbers = (0..rows).map(|row| {
                    if keys.iter().any(|key| key.is_null(row)) {
                        return NO_GROUP;
                    }
                    let key = converted.row(row).owned();
                    *groups.entry(key).or_insert_with(|| next(&mut count))
                });
                let numbers = numbers.collect();
                Ok((Self::Rows { converter, groups }, numbers))
            }
        }
    }

    /// The groups of other rows with such keys.
    pub(super) fn find(&self, keys: &[ArrayRef], rows: usize) -> Result<Vec<u32>> {
        let counted = || {
            let key = keys.first().map(|key| cast(key, &DataType::Int64));
            key.transpose()
        };
        Ok(match self {
            Self::One => vec![0; rows],
            Self::Places { first, groups, .. } => match counted()? {
                Some(key) => {
                    let find = |key: Option<i64>| {
                        let at = usize::try_from(key?.checked_sub(*first)?).ok()?;
                        groups.get(at).copied()
                    };
                    let keys = key.as_primitive::<Int64Type>().iter();
                    keys.map(|key| find(key).unwrap_or(NO_GROUP)).collect()
                }
                None => vec![NO_GROUP; rows],
            },
            Self::Numbers(groups) => match counted()? {
                Some(key) => {
                    let find = |key: Option<i64>| groups.get(&key?).copied();
                    let keys = key.as_primitive::<Int64Type>().iter();
                    keys.map(|key| find(key).unwrap_or(NO_GROUP)).collect()
                }
                None => vec![NO_GROUP; rows],
            },
            Self::Rows { converter, groups } => {
                let converted = converter.convert_columns(keys)?;
                let find = |row: usize| {
                    let found = groups.get(&converted.row(row).owned()).copied();
                    found.unwrap_or(NO_GROUP)
                };
                (0..rows).map(find).collect()
            }
        })
    }

    /// How many groups there are.
    pub(super) fn count(&self) -> usize {
        match self {
            Self::One => 1,
            Self::Places { count, .. } => *count,
            Self::Numbers(groups) => groups.len(),
            Self::Rows { groups, .. } => groups.len(),
        }
    }

    /// The bytes that it takes.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::One => 0,
            Self::Places { groups, .. } => groups.len() * size_of::<u32>(),
            Self::Numbers(groups) => groups.capacity() * 2 * size_of::<i64>(),
            Self::Rows { converter, groups } => {
                let keys = groups.keys().map(|key| key.as_ref().len());
                let entries = groups.capacity() * size_of::<(OwnedRow, u64)>();
                converter.size() + entries + keys.sum::<usize>()
            }
        }
    }
}

fn place(key: i64, first: i64, groups: &mut [u32]) -> Option<&mut u32> {
    groups.get_mut(usize::try_from(key.checked_sub(first)?).ok()?)
}

fn next(count: &mut u32) -> u32 {
    *count += 1;
    *count - 1
}
