//! What lies in a partition's directory, from one look at it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};

use super::file_offset;
use super::loader::{CLEANED_SUFFIX, SWAP_SUFFIX};
use super::producer_state::SNAPSHOT_SUFFIX;
use super::segment::{
    DELETED_SUFFIX, INDEX_SUFFIX, LOG_SUFFIX, Segment, SegmentFiles, TIME_INDEX_SUFFIX, TXN_INDEX_SUFFIX, remove_files,
};

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
            let is = |suffix| file_offset(&name, suffix);
            if let Some(base) = is(LOG_SUFFIX) {
                records.insert(base, size(&entry)?);
            } else if let Some(base) = is(INDEX_SUFFIX) {
                listing.of(base).offset_index = true;
            } else if let Some(base) = is(TIME_INDEX_SUFFIX) {
                listing.of(base).time_index = true;
            } else if let Some(base) = is(TXN_INDEX_SUFFIX) {
                listing.of(base).txn_index = true;
            } else if let Some(offset) = is(SNAPSHOT_SUFFIX) {
                listing.snapshots.insert(offset);
            } else if let Some(name) = name.to_str() {
                let leftover = [CLEANED_SUFFIX, SWAP_SUFFIX, DELETED_SUFFIX, ".tmp"];
                listing.has_leftovers |= leftover.iter().any(|suffix| name.ends_with(suffix));
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
