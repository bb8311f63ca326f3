//! The last offset of every key in the dirty part of a log (Kafka: `SkimpyOffsetMap`).

use std::collections::HashMap;

use crate::record::{Batch, RecordError};

/// What the map may take, as `log.cleaner.dedupe.buffer.size` says by default.
const MAX_BYTES: usize = 128 << 20;
/// What an entry takes beside its key, about.
const ENTRY_OVERHEAD: usize = 64;

#[derive(Debug)]
pub(super) struct OffsetMap {
    offsets: HashMap<Box<[u8]>, i64>,
    bytes: usize,
    /// Offsets before it are covered.
    end_offset: i64,
}

impl OffsetMap {
    pub(super) fn new(first_offset: i64) -> Self {
        OffsetMap {
            offsets: HashMap::new(),
            bytes: 0,
            end_offset: first_offset,
        }
    }

    pub(super) fn end_offset(&self) -> i64 {
        self.end_offset
    }

    pub(super) fn covered(&mut self, offset: i64) {
        self.end_offset = self.end_offset.max(offset + 1);
    }

    /// Takes the keys of a batch from `from` on; `false` if the map is full, the batch then is not covered.
    pub(super) fn put_batch(&mut self, batch: &Batch<'_>, from: i64) -> Result<bool, RecordError> {
        let mut records = batch.records()?;
        while let Some(record) = records.next() {
            let record = record?;
            let Some(key) = record.key.filter(|_| record.offset >= from) else {
                continue;
            };
            if let Some(offset) = self.offsets.get_mut(key) {
                *offset = record.offset;
                continue;
            }
            if self.bytes >= MAX_BYTES {
                return Ok(false);
            }
            self.bytes += key.len() + ENTRY_OVERHEAD;
            self.offsets.insert(key.into(), record.offset);
        }
        Ok(true)
    }

    /// Whether the record at `offset` is the last one with its key, as far as the map goes.
    pub(super) fn is_last(&self, key: &[u8], offset: i64) -> bool {
        self.offsets.get(key).is_none_or(|&last| offset >= last)
    }
}
