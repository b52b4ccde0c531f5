//! Columns whose values are encoded here: numbers, dates, times, truths and
//! texts that repeat, which most rows are made of. Parquet's library encodes
//! the others.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use cinelake_kernels::{
    Dictionary, Encode, Whole, dictionary_of_texts, ends_of, ranked, runs, width_of,
};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray, StringViewArray};
use datafusion::arrow::buffer::BooleanBuffer;
use datafusion::arrow::compute::{filter, is_not_null};
use datafusion::arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Float64Type, Int32Type, Int64Type, TimeUnit,
    TimestampMicrosecondType,
};
use datafusion::parquet::basic::Encoding;
use datafusion::parquet::data_type::{AsBytes, ByteArray};
use datafusion::parquet::errors::Result;
use datafusion::parquet::file::statistics::{Statistics, ValueStatistics};
use datafusion::parquet::schema::types::ColumnDescPtr;
use twox_hash::XxHash3_128;

use super::chunk::{Chunk, Values};

/// Bytes of a dictionary: a larger one is slower to read than what it saves.
const DICTIONARY: usize = 1 << 20;
/// Bytes of a text that bounds hold whole.
const BOUND: usize = 64;

/// The chunk of a column whose values repeat, or do not; none where the
/// library has to encode them.
pub(super) fn encoded(
    column: &ColumnDescPtr,
    values: &ArrayRef,
    repeats: bool,
) -> Result<Option<Chunk>> {
    if column.max_def_level() > 1 || column.max_rep_level() > 0 {
        return Ok(None);
    }
    match values.data_type() {
        DataType::Int32 => whole(column, values.as_primitive::<Int32Type>(), repeats).map(Some),
        DataType::Date32 => whole(column, values.as_primitive::<Date32Type>(), repeats).map(Some),
        DataType::Int64 => whole(column, values.as_primitive::<Int64Type>(), repeats).map(Some),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let times = values.as_primitive::<TimestampMicrosecondType>();
            whole(column, times, repeats).map(Some)
        }
        DataType::Float64 => {
            let array = values.as_primitive::<Float64Type>();
            let otherwise = (Encoding::PLAIN, f64::plain as Put<f64>);
            let values = Numbers::new(some_of(array), repeats, otherwise);
            Chunk::of(column, array.len(), array.nulls(), &values).map(Some)
        }
        DataType::Boolean => {
            let array = values.as_boolean();
            let values = match array.nulls() {
                None => Truths(array.values().clone()),
                Some(_) => Truths(array.iter().flatten().collect()),
            };
            Chunk::of(column, array.len(), array.nulls(), &values).map(Some)
        }
        DataType::Utf8View if repeats => {
            let some = match values.null_count() {
                0 => Arc::clone(values),
                _ => filter(values, &is_not_null(values)?)?,
            };
            let texts = Texts::new(some.as_string_view());
            let chunk = |texts| Chunk::of(column, values.len(), values.nulls(), &texts);
            texts.map(chunk).transpose()
        }
        _ => Ok(None),
    }
}

type Put<T> = fn(&[T], &mut Vec<u8>);

fn whole<A: ArrowPrimitiveType>(
    column: &ColumnDescPtr,
    array: &PrimitiveArray<A>,
    repeats: bool,
) -> Result<Chunk>
where
    A::Native: Whole + PartialOrd + AsBytes,
    Statistics: From<ValueStatistics<A::Native>>,
{
    let otherwise = (
        Encoding::DELTA_BINARY_PACKED,
        A::Native::differences as Put<A::Native>,
    );
    let values = Numbers::new(some_of(array), repeats, otherwise);
    Chunk::of(column, array.len(), array.nulls(), &values)
}

/// The values without the nulls.
fn some_of<A: ArrowPrimitiveType>(array: &PrimitiveArray<A>) -> Cow<'_, [A::Native]> {
    match array.null_count() {
        0 => Cow::Borrowed(array.values()),
        _ => Cow::Owned(array.iter().flatten().collect()),
    }
}

/// Numbers by a dictionary, or as `otherwise` says.
struct Numbers<'a, T: Clone> {
    values: Cow<'a, [T]>,
    dictionary: Option<Dictionary<T>>,
    otherwise: (Encoding, Put<T>),
}

impl<'a, T: Encode> Numbers<'a, T> {
    fn new(values: Cow<'a, [T]>, repeats: bool, otherwise: (Encoding, Put<T>)) -> Self {
        let most = DICTIONARY / size_of::<T>();
        let dictionary = repeats.then(|| T::dictionary(&values, most)).flatten();
        Self {
            values,
            dictionary,
            otherwise,
        }
    }
}

impl<T: Encode + PartialOrd + AsBytes> Values for Numbers<'_, T> {
    type Value = T;

    fn encoding(&self) -> Encoding {
        match self.dictionary {
            Some(_) => Encoding::RLE_DICTIONARY,
            None => self.otherwise.0,
        }
    }

    fn dictionary(&self) -> Option<(Vec<u8>, usize)> {
        let dictionary = self.dictionary.as_ref()?;
        let mut bytes = Vec::with_capacity(size_of_val(&*dictionary.values));
        T::plain(&dictionary.values, &mut bytes);
        Some((bytes, dictionary.values.len()))
    }

    fn put(&self, some: Range<usize>, out: &mut Vec<u8>) {
        match &self.dictionary {
            Some(dictionary) => put_indices(&dictionary.indices[some], out),
            None => self.otherwise.1(&self.values[some], out),
        }
    }

    fn bounds(&self, some: Range<usize>) -> Option<(T, T)> {
        T::bounds(&self.values[some])
    }
}

/// Places in a dictionary, after how many bits each of them has.
fn put_indices(indices: &[u32], out: &mut Vec<u8>) {
    let greatest = ends_of(indices).map_or(0, |(_, greatest)| greatest);
    let width = width_of(u64::from(greatest));
    out.push(width);
    runs(indices, width, out);
}

/// A bit for each.
struct Truths(BooleanBuffer);

impl Values for Truths {
    type Value = bool;

    fn encoding(&self) -> Encoding {
        Encoding::PLAIN
    }

    fn dictionary(&self) -> Option<(Vec<u8>, usize)> {
        None
    }

    fn put(&self, some: Range<usize>, out: &mut Vec<u8>) {
        let bits = self.0.slice(some.start, some.len());
        let bytes = bits.sliced();
        let used = some.len().div_ceil(8);
        out.extend(&bytes[..used]);
        // Nothing of the next page.
        if let (Some(last), more @ 1..) = (out.last_mut(), some.len() % 8) {
            *last &= (1 << more) - 1;
        }
    }

    fn bounds(&self, some: Range<usize>) -> Option<(bool, bool)> {
        let bits = self.0.slice(some.start, some.len());
        let set = bits.count_set_bits();
        (!bits.is_empty()).then_some((set == bits.len(), set > 0))
    }
}

/// Texts by a dictionary.
struct Texts {
    /// The different ones in order.
    values: Vec<ByteArray>,
    indices: Vec<u32>,
}

impl Texts {
    /// The texts of `array`, none of which is null; none where they are too
    /// many or too long.
    fn new(array: &StringViewArray) -> Option<Self> {
        let views = array.views();
        let all_short = views.iter().all(|view| is_short(*view));
        let keys: Cow<'_, [u128]> = match all_short {
            true => Cow::Borrowed(views),
            false => Cow::Owned(
                (views.iter().enumerate())
                    .map(|(row, view)| key_of(*view, || array.value(row)))
                    .collect(),
            ),
        };
        // None takes fewer bytes than its length.
        let Dictionary { values, indices } = dictionary_of_texts(&keys, DICTIONARY / 4)?;
        let count = values.len();
        let mut values: Vec<&str> = Vec::with_capacity(count);
        for (row, place) in indices.iter().enumerate() {
            if *place as usize == values.len() {
                values.push(array.value(row));
            }
            if values.len() == count {
                break;
            }
        }
        let is_same = |(row, place): (usize, &u32)| values[*place as usize] == array.value(row);
        if !all_short && !indices.iter().enumerate().all(is_same) {
            return None;
        }
        let size: usize = values.iter().map(|text| text.len() + 4).sum();
        if size > DICTIONARY || values.iter().any(|text| text.len() > BOUND) {
            return None;
        }
        let mut in_order: Vec<u32> = (0..).take(values.len()).collect();
        in_order.sort_unstable_by_key(|place| values[*place as usize].as_bytes());
        let mut ranks = vec![0; values.len()];
        for (rank, place) in (0..).zip(&in_order) {
            ranks[*place as usize] = rank;
        }
        let ordered = in_order.iter().map(|place| values[*place as usize]);
        Some(Self {
            values: ordered.map(ByteArray::from).collect(),
            indices: ranked(&indices, &ranks),
        })
    }
}

/// Whether a view holds the text itself.
fn is_short(view: u128) -> bool {
    view & u128::from(u32::MAX) <= 12
}

/// What is the same where texts are: the view of a short one, else a hash that
/// no such view is like.
fn key_of<'a>(view: u128, text: impl Fn() -> &'a str) -> u128 {
    match is_short(view) {
        true => view,
        false => XxHash3_128::oneshot(text().as_bytes()) | u128::from(u32::MAX),
    }
}

impl Values for Texts {
    type Value = ByteArray;

    fn encoding(&self) -> Encoding {
        Encoding::RLE_DICTIONARY
    }

    fn dictionary(&self) -> Option<(Vec<u8>, usize)> {
        let mut bytes = Vec::new();
        for text in &self.values {
            // None is longer than that.
            bytes.extend((text.len() as u32).to_le_bytes());
            bytes.extend(text.data());
        }
        Some((bytes, self.values.len()))
    }

    fn put(&self, some: Range<usize>, out: &mut Vec<u8>) {
        put_indices(&self.indices[some], out);
    }

    fn bounds(&self, some: Range<usize>) -> Option<(ByteArray, ByteArray)> {
        let (least, greatest) = ends_of(&self.indices[some])?;
        let text = |place: u32| self.values[place as usize].clone();
        Some((text(least), text(greatest)))
    }
}
