//! What lies in a partition's directory, from one look at it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};

use super::loader::{CLEANED_SUFFIX, SWAP_SUFFIX};
use super::producer_state::SNAPSHOT_SUFFIX;
use super::segment::{
    DELETED_SUFFIX, INDEX_SUFFIX, LOG_SUFFIX, Segment, SegmentFiles, TIME_INDEX_SUFFIX, TXN_INDEX_SUFFIX, remove_files,
};

/// Of small files that are about to replace others.
const TEMPORARY_SUFFIX: &str = ".tmp";

#[derive(Debug, Default)]
pub(super) struct Listing {
    /// By base offset.
    pub segments: BTreeMap<i64, SegmentFiles>,
    /// Offsets of the producer snapshots.
    pub snapshots: BTreeSet<i64>,
    /// A stop came amid a deletion, a cleaning or the writing of a small file.
    pub has_leftovers: bool,
    /// Indexes without records.
    orphans: Vec<PathBuf>,
}

impl Listing {
    /// # Errors
    /// If the directory cannot be read, or what is named like a segment is no file.
    pub(super) fn read(dir: &Path) -> io::Result<Self> {
        let mut listing = Listing::default();
        let mut records = BTreeMap::new();
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            let Some((offset, kind)) = name
                .split_once('.')
                .and_then(|(stem, kind)| Some((offset(stem)?, kind)))
            else {
                listing.has_leftovers |= name.ends_with(TEMPORARY_SUFFIX);
                continue;
            };
            match kind {
                LOG_SUFFIX => {
                    records.insert(offset, size(&entry)?);
                }
                INDEX_SUFFIX => listing.of(offset).offset_index = true,
                TIME_INDEX_SUFFIX => listing.of(offset).time_index = true,
                TXN_INDEX_SUFFIX => listing.of(offset).txn_index = true,
                SNAPSHOT_SUFFIX => {
                    listing.snapshots.insert(offset);
                }
                other => {
                    let leftover = [CLEANED_SUFFIX, SWAP_SUFFIX, DELETED_SUFFIX, TEMPORARY_SUFFIX];
                    listing.has_leftovers |= leftover.iter().any(|suffix| other.ends_with(suffix));
                }
            }
        }
        for (base, size) in &records {
            listing.of(*base).size = *size;
        }
        let Listing { segments, orphans, .. } = &mut listing;
        segments.retain(|base, _| {
            let has_records = records.contains_key(base);
            if !has_records {
                orphans.extend(Segment::file_names(dir, *base, ""));
            }
            has_records
        });
        Ok(listing)
    }

    fn of(&mut self, base_offset: i64) -> &mut SegmentFiles {
        self.segments.entry(base_offset).or_default()
    }

    /// Removes indexes without records.
    pub(super) fn remove_orphans(&mut self) -> io::Result<()> {
        remove_files(self.orphans.drain(..))
    }
}

/// The offset that begins the name of a segment's file.
fn offset(stem: &str) -> Option<i64> {
    let is_number = !stem.is_empty() && stem.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| stem.parse().ok()).flatten()
}

fn size(entry: &DirEntry) -> io::Result<u64> {
    let mut metadata = entry.metadata()?;
    if metadata.is_symlink() {
        metadata = fs::metadata(entry.path())?;
    }
    match metadata.is_file() {
        true => Ok(metadata.len()),
        false => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("{} is not a file", entry.path().display()),
        )),
    }
}
