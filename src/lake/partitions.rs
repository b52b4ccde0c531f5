//! What a snapshot knows of a table's partitions: when each changed last, and
//! what it holds. From this a refresh tells which of them to build anew.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::files::{date_days, date_text};
use super::{ContentHash, DataFile};

/// The value of a table's partition column in days since 1970; none for rows
/// without one, and for all rows of a table that is not split.
pub type PartitionValue = Option<i32>;

/// One partition of a table in a snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Partition {
    /// Its value.
    #[serde(serialize_with = "as_date", deserialize_with = "from_date")]
    pub value: PartitionValue,
    /// The snapshot in which its rows changed last.
    pub changed_in: u64,
    /// Its rows; 0 when it lost them all.
    pub rows: u64,
    /// Its data files.
    pub files: u64,
    /// Bytes of its data files.
    pub bytes: u64,
    /// The hash of its rows, where all of them were hashed when written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<ContentHash>,
}

/// The partitions of a table, by value.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<Partition>", into = "Vec<Partition>")]
pub struct Partitions(BTreeMap<PartitionValue, Partition>);

impl Partitions {
    /// The partitions of a table that holds `kept` and `adds` in snapshot
    /// `id`, after it was `before` and lost `removes`.
    #[must_use]
    pub fn after(
        before: &Self,
        id: u64,
        kept: &[DataFile],
        adds: &[DataFile],
        removes: &[DataFile],
    ) -> Self {
        let touched: BTreeSet<PartitionValue> = adds
            .iter()
            .chain(removes)
            .map(|file| file.partition)
            .collect();
        let mut partitions = before.0.clone();
        for value in &touched {
            let of = |files: &[DataFile]| -> Vec<DataFile> {
                let own = files.iter().filter(|f| f.partition == *value);
                own.cloned().collect()
            };
            let (kept, adds, removes) = (of(kept), of(adds), of(removes));
            // Rows that stay are known by what was known before, less what went.
            let content = if kept.is_empty() {
                content(&adds)
            } else {
                let before = before.0.get(value).and_then(|p| p.content);
                let stays = before.zip(content(&removes));
                let known = stays.zip(content(&adds));
                known.map(|((before, went), came)| before - went + came)
            };
            let all = || kept.iter().chain(&adds);
            let partition = Partition {
                value: *value,
                changed_in: id,
                rows: all().map(|f| f.rows).sum(),
                files: all().count() as u64,
                bytes: all().map(|f| f.size).sum(),
                content,
            };
            partitions.insert(*value, partition);
        }
        Self(partitions)
    }

    /// The partitions of a view in snapshot `id`, of which some were read anew
    /// and had so many rows, after it was `before`.
    #[must_use]
    pub fn of_view(
        before: &Self,
        id: u64,
        read: impl IntoIterator<Item = PartitionValue>,
        rows: &BTreeMap<PartitionValue, u64>,
    ) -> Self {
        let mut partitions = before.clone();
        for value in read.into_iter().chain(rows.keys().copied()) {
            partitions.foresee(value, id);
            if let Some(partition) = partitions.0.get_mut(&value) {
                partition.rows = rows.get(&value).copied().unwrap_or(0);
            }
        }
        partitions
    }

    /// These partitions, all of them changed in snapshot `id`, and those of
    /// `before` that are gone without rows.
    #[must_use]
    pub fn all_changed(mut self, before: &Self, id: u64) -> Self {
        for partition in self.0.values_mut() {
            partition.changed_in = id;
        }
        for value in before.0.keys() {
            self.0.entry(*value).or_insert(Partition {
                value: *value,
                changed_in: id,
                rows: 0,
                files: 0,
                bytes: 0,
                content: Some(ContentHash::default()),
            });
        }
        self
    }

    /// These partitions, whose rows now lie in `files`.
    #[must_use]
    pub fn repacked(mut self, files: &[DataFile]) -> Self {
        for partition in self.0.values_mut() {
            let own = || files.iter().filter(|f| f.partition == partition.value);
            partition.files = own().count() as u64;
            partition.bytes = own().map(|f| f.size).sum();
        }
        self
    }

    /// The partition with this value.
    #[must_use]
    pub fn get(&self, value: PartitionValue) -> Option<&Partition> {
        self.0.get(&value)
    }

    /// All of them, also those without rows.
    pub fn iter(&self) -> impl Iterator<Item = &Partition> {
        self.0.values()
    }

    /// Those with rows.
    pub fn filled(&self) -> impl Iterator<Item = &Partition> {
        self.iter().filter(|p| p.rows > 0)
    }

    /// The values of those whose rows changed after snapshot `id`.
    pub fn changed_after(&self, id: u64) -> impl Iterator<Item = PartitionValue> {
        self.iter()
            .filter(move |p| p.changed_in > id)
            .map(|p| p.value)
    }

    /// Marks the partition as changed in snapshot `id`, as a plan foresees it.
    pub fn foresee(&mut self, value: PartitionValue, id: u64) {
        let partition = self.0.entry(value).or_insert(Partition {
            value,
            changed_in: id,
            rows: 0,
            files: 0,
            bytes: 0,
            content: None,
        });
        partition.changed_in = id;
    }
}

/// The hash of all rows in `files`, where each was hashed.
#[must_use]
pub fn content(files: &[DataFile]) -> Option<ContentHash> {
    files.iter().map(|file| file.content).sum()
}

impl From<Vec<Partition>> for Partitions {
    fn from(partitions: Vec<Partition>) -> Self {
        Self(partitions.into_iter().map(|p| (p.value, p)).collect())
    }
}

impl From<Partitions> for Vec<Partition> {
    fn from(partitions: Partitions) -> Self {
        partitions.0.into_values().collect()
    }
}

fn as_date<S: Serializer>(value: &PartitionValue, serializer: S) -> Result<S::Ok, S::Error> {
    value.map(date_text).serialize(serializer)
}

fn from_date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PartitionValue, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    let Some(text) = text else { return Ok(None) };
    date_days(&text)
        .map(Some)
        .ok_or_else(|| serde::de::Error::custom(format!("`{text}` is no date")))
}
