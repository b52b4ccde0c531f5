//! `[maintain]` in `cinelake.toml`: what `cinelake maintain` keeps, and which
//! files it puts together.

use serde::Deserialize;
use toml::Spanned;

use super::{line_at, size};
use crate::error::{Error, Result};

/// What `cinelake maintain` keeps, and which files it puts together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaintainSettings {
    /// So many of the newest snapshots are kept, however old.
    pub keep_snapshots: u64,
    /// Snapshots younger than so many days are kept, however many.
    pub keep_days: u64,
    /// A file that nobody needs goes when it is so many hours old, and the
    /// files of a dropped snapshot so many hours after it: readers and other
    /// programs may still be at them.
    pub safe_hours: u64,
    /// Files of one partition below this many bytes are put together.
    pub small_file: u64,
}

impl Default for MaintainSettings {
    /// A month back, a day of grace, and files smaller than builds write.
    fn default() -> Self {
        Self {
            keep_snapshots: 30,
            keep_days: 30,
            safe_hours: 24,
            small_file: 8 << 20,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MaintainFile {
    keep_snapshots: Option<Spanned<u64>>,
    keep_days: Option<Spanned<u64>>,
    safe_hours: Option<Spanned<u64>>,
    small_file: Option<Spanned<String>>,
}

/// A hundred years: beyond it dates can no longer be counted back.
const MOST_DAYS: u64 = 36_500;

impl MaintainFile {
    /// The settings that the file `text` says.
    ///
    /// # Errors
    /// With the line of a value that makes no sense.
    pub(super) fn settle(&self, text: &str) -> Result<MaintainSettings> {
        let default = MaintainSettings::default();
        let number =
            |value: &Option<Spanned<u64>>, key: &str, least: u64, most: u64, hint: &str| {
                let Some(value) = value else { return Ok(None) };
                let found = *value.get_ref();
                if (least..=most).contains(&found) {
                    return Ok(Some(found));
                }
                let bound = match found < least {
                    true => format!("at least {least}"),
                    false => format!("at most {most}"),
                };
                Err(Error::usage(format!("`{key}` is {bound}, found {found}"))
                    .line(line_at(text, value.span().start))
                    .hint(hint))
            };
        Ok(MaintainSettings {
            keep_snapshots: number(
                &self.keep_snapshots,
                "keep_snapshots",
                1,
                u64::MAX,
                "the newest snapshot is what readers see",
            )?
            .unwrap_or(default.keep_snapshots),
            keep_days: number(
                &self.keep_days,
                "keep_days",
                0,
                MOST_DAYS,
                "0 keeps snapshots by their number only",
            )?
            .unwrap_or(default.keep_days),
            safe_hours: number(
                &self.safe_hours,
                "safe_hours",
                1,
                MOST_DAYS * 24,
                "readers that are at a file must be able to end; 24 is a good choice",
            )?
            .unwrap_or(default.safe_hours),
            small_file: self.small_file(text)?.unwrap_or(default.small_file),
        })
    }

    fn small_file(&self, text: &str) -> Result<Option<u64>> {
        let Some(value) = &self.small_file else {
            return Ok(None);
        };
        let found = value.get_ref();
        size(found).map(Some).ok_or_else(|| {
            Error::usage(format!("`small_file` is no size: `{found}`"))
                .line(line_at(text, value.span().start))
                .hint("write for example `8MiB`; `0` puts no files together")
        })
    }
}
