#![allow(clippy::unwrap_used, clippy::panic)]

use bytes::Bytes;
use datafusion::arrow::array::{
    BinaryViewArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int16Array,
    Int32Array, Int64Array, StringViewArray, TimestampMicrosecondArray,
};
use datafusion::arrow::compute::concat_batches;
use datafusion::parquet::arrow::arrow_reader::{
    ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use datafusion::parquet::basic::Encoding;
use datafusion::parquet::file::metadata::PageIndexPolicy;
use datafusion::parquet::file::page_index::column_index::ColumnIndexMetaData;
use proptest::prelude::*;

use super::*;

/// Which column has values that are no numbers: nothing is said of their bounds.
const UNKNOWN: usize = 8;

fn read(file: Vec<u8>) -> ParquetRecordBatchReaderBuilder<Bytes> {
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
    ParquetRecordBatchReaderBuilder::try_new_with_options(file.into(), options).unwrap()
}

/// What the library makes of the same rows.
fn file_of_library(rows: &RecordBatch) -> Vec<u8> {
    let repeats: Vec<bool> = rows.columns().iter().map(|c| repeats(c).unwrap()).collect();
    let properties = writer_properties(rows, &repeats);
    let mut writer = ArrowWriter::try_new(Vec::new(), rows.schema(), Some(properties)).unwrap();
    writer.write(rows).unwrap();
    writer.into_inner().unwrap()
}

/// Columns of all kinds, of some pages: `different` values or fewer, `nulls`
/// one by one and in runs.
fn rows_of(rows: usize, seed: u64, nulls: u64, different: u64) -> RecordBatch {
    let mix = move |row: u64, column: u64| {
        (row ^ seed)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(17)
            % (different * column)
    };
    let numbers = move |column: u64| {
        (0..rows as u64).map(move |row| {
            let is_null = nulls > 0 && (row / 100).is_multiple_of(nulls) && row % 7 < nulls;
            (!is_null).then(|| mix(row, column))
        })
    };
    let whole = |column| numbers(column).map(|n| n.map(|n| n.cast_signed() - 5000));
    let narrow = |column| whole(column).map(|n| n.map(|n| i32::try_from(n).unwrap()));
    let texts = |suffix: &'static str| {
        let texts = numbers(1).map(move |n| n.map(|n| format!("{n:x}{suffix}")));
        Arc::new(StringViewArray::from_iter(texts)) as ArrayRef
    };
    let far = numbers(7).map(|n| match n {
        Some(n) if n % 3 == 0 => Some(i64::MAX - n.cast_signed()),
        Some(n) => Some(n.cast_signed()),
        None => Some(i64::MIN),
    });
    let times = whole(5).map(|n| n.map(|n| n * 1_000_000));
    let times: TimestampMicrosecondArray = times.collect();
    let signs = whole(1).map(|n| n.map(|n| if n % 2 == 0 { 0.0 } else { -0.0 }));
    let shares = whole(1).map(|n| n.map(|n| n as f64 / 7.0));
    let unknown = whole(1).map(|n| n.map(|n| if n % 5 == 0 { f64::NAN } else { 1.0 }));
    let money: Decimal128Array = whole(1).map(|n| n.map(i128::from)).collect();
    let small = narrow(1).map(|n| n.map(|n| (n % 9) as i16));
    let sets = numbers(1).map(|n| n.map(u64::to_le_bytes));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("i32", Arc::new(narrow(1).collect::<Int32Array>())),
        ("i64", Arc::new(whole(3).collect::<Int64Array>())),
        (
            "row",
            Arc::new(Int64Array::from_iter_values(0..rows as i64)),
        ),
        ("far", Arc::new(far.collect::<Int64Array>())),
        (
            "day",
            Arc::new(
                narrow(1)
                    .map(|n| n.map(|n| n % 31))
                    .collect::<Date32Array>(),
            ),
        ),
        ("time", Arc::new(times.with_timezone("UTC"))),
        ("share", Arc::new(shares.collect::<Float64Array>())),
        ("sign", Arc::new(signs.collect::<Float64Array>())),
        ("unknown", Arc::new(unknown.collect::<Float64Array>())),
        (
            "is_odd",
            Arc::new(
                numbers(1)
                    .map(|n| n.map(|n| n % 2 == 1))
                    .collect::<BooleanArray>(),
            ),
        ),
        ("short", texts("")),
        ("long", texts(" or a longer name")),
        (
            "longest",
            texts(" or a name that is longer than any bound of a page, which has 64 bytes"),
        ),
        (
            "one",
            Arc::new(StringViewArray::from_iter_values(
                (0..rows).map(|_| "mobile"),
            )),
        ),
        ("nothing", Arc::new(Int64Array::new_null(rows))),
        ("small", Arc::new(small.collect::<Int16Array>())),
        ("money", Arc::new(money)),
        ("set", Arc::new(BinaryViewArray::from_iter(sets))),
    ];
    let columns = columns.into_iter().map(|(name, array)| (name, array, true));
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn files_are_read_again_and_say_what_those_of_the_library_do(
        rows in prop_oneof![Just(0), 1_usize..100, 19_990_usize..45_000],
        seed in any::<u64>(),
        nulls in 0_u64..8,
        different in prop_oneof![1_u64..50, 1_u64..60_000],
    ) {
        let rows = rows_of(rows, seed, nulls, different);
        let ours = read(file_of(&rows, Vec::new(), 2).unwrap().0);
        let theirs = read(file_of_library(&rows));
        let (said, other) = (Arc::clone(ours.metadata()), Arc::clone(theirs.metadata()));
        prop_assert_eq!(said.num_row_groups(), other.num_row_groups());
        for (said, other) in said.row_groups().iter().zip(other.row_groups()) {
            prop_assert_eq!(said.num_rows(), other.num_rows());
            for (said, other) in said.columns().iter().zip(other.columns()) {
                let name = said.column_path().string();
                prop_assert_eq!(said.num_values(), other.num_values(), "{}", name);
                if rows.schema().field(UNKNOWN).name() != &name {
                    prop_assert_eq!(said.statistics(), other.statistics(), "{}", name);
                }
            }
        }
        // Pages of the library are longer where a value is missing.
        let indexes = said.column_index().into_iter().flatten().flatten();
        let others = other.column_index().into_iter().flatten().flatten();
        let known = indexes.zip(others).enumerate().filter(|(at, _)| *at != UNKNOWN);
        for (at, (said, other)) in known.filter(|_| nulls == 0) {
            prop_assert_eq!(said, other, "{}", rows.schema().field(at).name());
        }
        let batches: Vec<_> = ours.build().unwrap().map(|batch| batch.unwrap()).collect();
        let read = concat_batches(&rows.schema(), &batches).unwrap();
        prop_assert_eq!(read, rows);
    }
}

/// How the values of each column are stored.
fn encodings(rows: &RecordBatch) -> Vec<String> {
    let file = read(file_of(rows, Vec::new(), 1).unwrap().0);
    let columns = file
        .metadata()
        .row_groups()
        .iter()
        .flat_map(|group| group.columns());
    let stored = columns.map(|column| {
        let (name, codec) = (column.column_path().string(), column.compression());
        let encodings = column.encodings().filter(|e| *e != Encoding::RLE);
        let encodings: Vec<String> = encodings.map(|e| e.to_string()).collect();
        format!("{name}: {}, {codec}", encodings.join(" "))
    });
    stored.collect()
}

#[test]
fn a_dictionary_is_for_values_that_repeat() {
    let n = 30_000;
    let text = |few: i32| StringViewArray::from_iter_values((0..n).map(|i| (i % few).to_string()));
    let mixed = || (0..n).map(|i| (i64::from(i) * 7919) % 65_537);
    let columns: [(&str, ArrayRef); 9] = [
        ("key", Arc::new(Int32Array::from_iter_values(0..n))),
        (
            "time",
            Arc::new(TimestampMicrosecondArray::from_iter_values(mixed())),
        ),
        (
            "count",
            Arc::new(Int32Array::from_iter_values((0..n).map(|i| i % 7))),
        ),
        (
            "ratio",
            Arc::new(Float64Array::from_iter_values((0..n).map(f64::from))),
        ),
        (
            "share",
            Arc::new(Float64Array::from_iter_values(
                (0..n).map(|i| f64::from(i % 101)),
            )),
        ),
        (
            "chance",
            Arc::new(Int32Array::from_iter_values(
                mixed().map(|n| (n % 1013) as i32),
            )),
        ),
        ("log", Arc::new(text(n))),
        ("device", Arc::new(text(5))),
        (
            "set",
            Arc::new(BinaryViewArray::from_iter_values((0..n).map(|_| b"same"))),
        ),
    ];
    let rows = RecordBatch::try_from_iter(columns).unwrap();
    insta::assert_snapshot!(encodings(&rows).join("\n"), @r"
    key: DELTA_BINARY_PACKED, LZ4_RAW
    time: DELTA_BINARY_PACKED, LZ4_RAW
    count: PLAIN_DICTIONARY RLE_DICTIONARY, LZ4_RAW
    ratio: PLAIN, LZ4_RAW
    share: PLAIN_DICTIONARY RLE_DICTIONARY, LZ4_RAW
    chance: PLAIN_DICTIONARY RLE_DICTIONARY, UNCOMPRESSED
    log: PLAIN, LZ4_RAW
    device: PLAIN_DICTIONARY RLE_DICTIONARY, LZ4_RAW
    set: PLAIN, LZ4_RAW
    ");
}

#[test]
fn rows_of_more_than_one_group_are_in_groups() {
    let n = GROUP_ROWS + 3;
    let values: ArrayRef = Arc::new(Int64Array::from_iter_values((0..n as i64).map(|i| i % 100)));
    let rows = RecordBatch::try_from_iter([("n", values)]).unwrap();
    let file = read(file_of(&rows, Vec::new(), 2).unwrap().0);
    let groups = file
        .metadata()
        .row_groups()
        .iter()
        .map(|group| group.num_rows());
    assert_eq!(groups.collect::<Vec<_>>(), [GROUP_ROWS as i64, 3]);
    let batches: Vec<_> = file.build().unwrap().map(|batch| batch.unwrap()).collect();
    assert_eq!(concat_batches(&rows.schema(), &batches).unwrap(), rows);
}

#[test]
fn few_or_no_rows_are_written_too() {
    let key: ArrayRef = Arc::new(Int32Array::from(vec![5, 5, 7]));
    let rows = RecordBatch::try_from_iter([("key", key)]).unwrap();
    assert_eq!(
        encodings(&rows),
        ["key: PLAIN_DICTIONARY RLE_DICTIONARY, UNCOMPRESSED"]
    );
    assert_eq!(encodings(&rows.slice(0, 0)), [] as [&str; 0]);
}

/// Values that a sample finds to repeat, and that are too many for a dictionary.
#[test]
fn what_no_dictionary_holds_is_stored_otherwise() {
    let n = 450_000_u32;
    let some = || (0..n).map(|i| if i % 3 == 0 { i } else { 0 });
    let texts = some().map(|i| format!("a text of some length and number {i}"));
    let rows = RecordBatch::try_from_iter([
        (
            "whole",
            Arc::new(Int64Array::from_iter_values(some().map(i64::from))) as ArrayRef,
        ),
        (
            "double",
            Arc::new(Float64Array::from_iter_values(some().map(f64::from))),
        ),
        ("text", Arc::new(StringViewArray::from_iter_values(texts))),
    ])
    .unwrap();
    insta::assert_snapshot!(encodings(&rows).join("\n"), @r"
    whole: DELTA_BINARY_PACKED, LZ4_RAW
    double: PLAIN, LZ4_RAW
    text: PLAIN RLE_DICTIONARY, LZ4_RAW
    ");
    let file = read(file_of(&rows, Vec::new(), 2).unwrap().0);
    let batches: Vec<_> = file.build().unwrap().map(|batch| batch.unwrap()).collect();
    assert_eq!(concat_batches(&rows.schema(), &batches).unwrap(), rows);
}

#[test]
fn pages_say_what_is_in_them() {
    let n = 3 * PAGE_ROWS + 100;
    // The second page has no value, the last one only some.
    let is_null = |i: usize| i / PAGE_ROWS == 1 || (i / PAGE_ROWS == 3 && i.is_multiple_of(2));
    let values =
        (0..n).map(|i| (!is_null(i)).then_some((i * 7919 % 53) as i64 + (i / PAGE_ROWS) as i64));
    let texts = values.clone().map(|v| v.map(|v| format!("{v:04}")));
    let numbers: Int64Array = values.clone().collect();
    let rows = RecordBatch::try_from_iter_with_nullable([
        ("number", Arc::new(numbers) as ArrayRef, true),
        ("text", Arc::new(StringViewArray::from_iter(texts)), true),
    ])
    .unwrap();
    let file = read(file_of(&rows, Vec::new(), 1).unwrap().0);
    let index = file.metadata().column_index().unwrap();
    let ColumnIndexMetaData::INT64(numbers) = &index[0][0] else {
        panic!("{:?}", index[0][0]);
    };
    let ColumnIndexMetaData::BYTE_ARRAY(texts) = &index[0][1] else {
        panic!("{:?}", index[0][1]);
    };
    let values: Vec<Option<i64>> = values.collect();
    for (page, values) in values.chunks(PAGE_ROWS).enumerate() {
        let (min, max) = (values.iter().flatten().min(), values.iter().flatten().max());
        assert_eq!(
            numbers.null_count(page),
            Some(values.iter().filter(|v| v.is_none()).count() as i64)
        );
        assert_eq!(
            (numbers.min_value(page), numbers.max_value(page)),
            (min, max)
        );
        let text = |value: Option<&i64>| value.map(|v| format!("{v:04}").into_bytes());
        assert_eq!(texts.min_value(page).map(<[u8]>::to_vec), text(min));
        assert_eq!(texts.max_value(page).map(<[u8]>::to_vec), text(max));
    }
    let places = &file.metadata().offset_index().unwrap()[0][0].page_locations;
    let firsts: Vec<i64> = places.iter().map(|place| place.first_row_index).collect();
    assert_eq!(firsts, [0, 1, 2, 3].map(|page| page * PAGE_ROWS as i64));
}
