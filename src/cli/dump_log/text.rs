//! The lines of a batch and of a record, written without an allocation of their own.

use crate::internal_topic::control::{self, ControlType};
use crate::internal_topic::{DecodeError, java_utf8, json};
use crate::log::inspect::{FileBatch, Format};
use crate::record::legacy::{LegacyBatch, LegacyRecord};
use crate::record::{BatchHeader, Compression, Record, TimestampType};

/// The numbers below 100, two digits each.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut n = 0;
    while n < 100 {
        pairs[n] = [b'0' + (n / 10) as u8, b'0' + (n % 10) as u8];
        n += 1;
    }
    pairs
};

/// Appends a number in decimal.
pub(super) fn int(out: &mut Vec<u8>, n: i64) {
    if n < 0 {
        out.push(b'-');
    }
    let mut rest = n.unsigned_abs();
    let start = out.len();
    out.resize(start + 1 + rest.checked_ilog10().unwrap_or(0) as usize, b'0');
    let digits = &mut out[start..];
    let mut at = digits.len();
    while at >= 2 {
        at -= 2;
        digits[at..at + 2].copy_from_slice(&PAIRS[(rest % 100) as usize]);
        rest /= 100;
    }
    if at == 1 {
        digits[0] = b'0' + rest as u8;
    }
}

/// Appends `label` and a number.
fn labelled(out: &mut Vec<u8>, label: &str, n: i64) {
    out.extend_from_slice(label.as_bytes());
    int(out, n);
}

fn boolean(out: &mut Vec<u8>, label: &str, b: bool) {
    out.extend_from_slice(label.as_bytes());
    out.extend_from_slice(if b { b"true" } else { b"false" });
}

/// `OptionalLong.toString`.
pub(super) fn optional_long(out: &mut Vec<u8>, n: Option<i64>) {
    match n {
        None => out.extend_from_slice(b"OptionalLong.empty"),
        Some(n) => {
            labelled(out, "OptionalLong[", n);
            out.push(b']');
        }
    }
}

/// The name of a batch's timestamp type; magic 0 has none.
pub(super) fn timestamp_type(kind: Option<TimestampType>) -> &'static str {
    kind.map_or("NoTimestampType", TimestampType::name)
}

/// The line of a batch; `valid` is whether its checksum matches.
///
/// # Errors
/// The batch names an unknown codec. What Kafka prints before it fails is then in `out`.
pub(super) fn batch(out: &mut Vec<u8>, batch: &FileBatch<'_>, valid: bool) -> Result<(), crate::record::RecordError> {
    match batch.format {
        Format::Default(header) => default_batch(out, batch, &header, valid),
        Format::Legacy(legacy) => legacy_batch(out, batch, &legacy, valid),
    }
}

fn default_batch(
    out: &mut Vec<u8>,
    batch: &FileBatch<'_>,
    header: &BatchHeader,
    valid: bool,
) -> Result<(), crate::record::RecordError> {
    labelled(out, "baseOffset: ", header.base_offset);
    labelled(out, " lastOffset: ", header.last_offset());
    labelled(out, " count: ", i64::from(header.record_count));
    labelled(out, " baseSequence: ", i64::from(header.base_sequence));
    labelled(out, " lastSequence: ", i64::from(header.last_sequence()));
    labelled(out, " producerId: ", header.producer_id);
    labelled(out, " producerEpoch: ", i64::from(header.producer_epoch));
    labelled(out, " partitionLeaderEpoch: ", i64::from(header.partition_leader_epoch));
    boolean(out, " isTransactional: ", header.is_transactional());
    boolean(out, " isControl: ", header.is_control());
    out.extend_from_slice(b" deleteHorizonMs: ");
    optional_long(out, header.delete_horizon_ms());
    let tail = Tail {
        timestamp_type: Some(header.timestamp_type()),
        max_timestamp: header.max_timestamp,
        magic: header.magic,
        compression: header.compression()?,
        crc: header.crc,
        valid,
    };
    tail.write(out, batch);
    Ok(())
}

fn legacy_batch(
    out: &mut Vec<u8>,
    batch: &FileBatch<'_>,
    legacy: &LegacyBatch<'_>,
    valid: bool,
) -> Result<(), crate::record::RecordError> {
    labelled(out, "offset: ", legacy.last_offset());
    legacy.check_magic()?;
    let tail = Tail {
        timestamp_type: legacy.timestamp_type(),
        max_timestamp: legacy.timestamp(),
        magic: legacy.magic(),
        compression: legacy.compression()?,
        crc: legacy.crc(),
        valid,
    };
    tail.write(out, batch);
    Ok(())
}

/// What the line of a batch of any magic ends with.
struct Tail {
    timestamp_type: Option<TimestampType>,
    max_timestamp: i64,
    magic: i8,
    compression: Compression,
    crc: u32,
    valid: bool,
}

impl Tail {
    fn write(&self, out: &mut Vec<u8>, batch: &FileBatch<'_>) {
        labelled(out, " position: ", batch.position as i64);
        out.push(b' ');
        out.extend_from_slice(timestamp_type(self.timestamp_type).as_bytes());
        labelled(out, ": ", self.max_timestamp);
        labelled(out, " size: ", batch.bytes.len() as i64);
        labelled(out, " magic: ", i64::from(self.magic));
        out.extend_from_slice(b" compresscodec: ");
        out.extend_from_slice(self.compression.name().as_bytes());
        labelled(out, " crc: ", i64::from(self.crc));
        boolean(out, " isvalid: ", self.valid);
        out.push(b'\n');
    }
}

/// The last line of a record, up to the names of its headers. In the next record's often nothing but offset and sequence
/// differs, by one: they are counted up where they stand.
#[derive(Debug, Default)]
pub(super) struct Line {
    text: Vec<u8>,
    /// Where the offset ends in the text.
    offset_end: usize,
    of: Option<Shown>,
}

/// What a line shows in front of the headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shown {
    kind: TimestampType,
    timestamp: i64,
    key_size: i64,
    value_size: i64,
    offset: i64,
    sequence: i32,
}

/// What stands behind a sequence.
const HEADER_KEYS: &[u8] = b" headerKeys: [";

impl Line {
    fn of(&mut self, record: &Record<'_>, kind: TimestampType) -> &[u8] {
        let size = |field: Option<&[u8]>| field.map_or(-1, |f| f.len() as i64);
        let new = Shown {
            kind,
            timestamp: record.timestamp,
            key_size: size(record.key),
            value_size: size(record.value),
            offset: record.offset,
            sequence: record.sequence,
        };
        let old = self.of.replace(new);
        if !old.is_some_and(|old| self.count_up(&old, &new)) {
            self.write(&new);
        }
        &self.text
    }

    /// Makes the line of `old` that of `new`; false if that takes more than counting (the text is then good for nothing).
    fn count_up(&mut self, old: &Shown, new: &Shown) -> bool {
        let same = Shown {
            offset: new.offset,
            sequence: new.sequence,
            ..*old
        };
        let follows = |old: i64, new: i64| old >= 0 && old.checked_add(1) == Some(new);
        if *new != same || !follows(old.offset, new.offset) || !count_up(&mut self.text[..self.offset_end]) {
            return false;
        }
        let sequence_end = self.text.len() - HEADER_KEYS.len();
        new.sequence == old.sequence
            || follows(old.sequence.into(), new.sequence.into()) && count_up(&mut self.text[..sequence_end])
    }

    fn write(&mut self, new: &Shown) {
        let text = &mut self.text;
        text.clear();
        labelled(text, "| offset: ", new.offset);
        self.offset_end = text.len();
        text.push(b' ');
        text.extend_from_slice(new.kind.name().as_bytes());
        labelled(text, ": ", new.timestamp);
        labelled(text, " keySize: ", new.key_size);
        labelled(text, " valueSize: ", new.value_size);
        labelled(text, " sequence: ", i64::from(new.sequence));
        text.extend_from_slice(HEADER_KEYS);
    }
}

/// Adds one to the decimal number that `text` ends with; false if it has too few digits.
#[inline]
fn count_up(text: &mut [u8]) -> bool {
    for digit in text.iter_mut().rev() {
        match *digit {
            b'9' => *digit = b'0',
            b'0'..=b'8' => {
                *digit += 1;
                return true;
            }
            _ => return false,
        }
    }
    false
}

/// A record's metadata, up to its key.
pub(super) fn record(out: &mut Vec<u8>, record: &Record<'_>, kind: TimestampType, line: &mut Line) {
    out.extend_from_slice(line.of(record, kind));
    for (i, header) in record.headers.enumerate() {
        if i > 0 {
            out.push(b',');
        }
        java_utf8::append(header.key, out);
    }
    out.push(b']');
}

/// The metadata of a record of magic 0 or 1.
pub(super) fn legacy_record(out: &mut Vec<u8>, record: &LegacyRecord<'_>, kind: Option<TimestampType>) {
    labelled(out, "| offset: ", record.offset);
    out.push(b' ');
    out.extend_from_slice(timestamp_type(kind).as_bytes());
    labelled(out, ": ", record.timestamp);
    labelled(out, " keySize: ", i64::from(record.key_size));
    labelled(out, " valueSize: ", i64::from(record.value_size));
    boolean(out, " isValid: ", record.is_valid);
    labelled(out, " crc: ", i64::from(record.crc));
}

/// What a control record says, behind its metadata.
///
/// # Errors
/// A key or value that is not one of a control record, in Kafka's words.
pub(super) fn control(out: &mut Vec<u8>, record: &Record<'_>) -> Result<(), DecodeError> {
    let key = record.key.unwrap_or_default();
    let value = record.value.unwrap_or_default();
    let id = control_type_id(key)?;
    let kind = ControlType::from_id(id);
    let label = match kind {
        ControlType::Abort | ControlType::Commit => {
            let epoch = coordinator_epoch(value)?;
            out.extend_from_slice(b" endTxnMarker: ");
            out.extend_from_slice(kind.name().as_bytes());
            labelled(out, " coordinatorEpoch: ", i64::from(epoch));
            return Ok(());
        }
        ControlType::LeaderChange => " LeaderChange: ",
        ControlType::SnapshotHeader => " SnapshotHeader ",
        ControlType::SnapshotFooter => " SnapshotFooter ",
        ControlType::KRaftVersion => " KRaftVersion ",
        ControlType::KRaftVoters => " KRaftVoters ",
        ControlType::Unknown => {
            labelled(out, " controlType: UNKNOWN(", i64::from(id));
            out.push(b')');
            return Ok(());
        }
    };
    if let Some(schema) = kind.schema() {
        let message = control::decode_value(schema, value)?;
        out.extend_from_slice(label.as_bytes());
        json::write(&message, out);
    }
    Ok(())
}

/// `ControlRecordType.parseTypeId`.
pub(super) fn control_type_id(key: &[u8]) -> Result<i16, DecodeError> {
    let [v0, v1, t0, t1, ..] = key else {
        return Err(DecodeError::Malformed(format!(
            "Invalid value size found for control record key. Must have at least 4 bytes, but found only {}",
            key.len()
        )));
    };
    match i16::from_be_bytes([*v0, *v1]) {
        version if version < 0 => Err(DecodeError::Malformed(format!(
            "Invalid version found for control record: {version}. May indicate data corruption"
        ))),
        _ => Ok(i16::from_be_bytes([*t0, *t1])),
    }
}

/// `EndTransactionMarker.deserializeValue`.
pub(super) fn coordinator_epoch(value: &[u8]) -> Result<i32, DecodeError> {
    let Some((version, epoch)) = value.split_first_chunk::<2>() else {
        return Err(DecodeError::Underflow);
    };
    match i16::from_be_bytes(*version) {
        version if version < 0 => Err(DecodeError::Malformed(format!(
            "Invalid version found for end transaction marker: {version}. May indicate data corruption"
        ))),
        _ => epoch
            .first_chunk()
            .map(|e| i32::from_be_bytes(*e))
            .ok_or(DecodeError::Underflow),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_java_writes_them() {
        for n in [
            0,
            7,
            -1,
            9,
            10,
            11,
            99,
            100,
            101,
            110,
            999,
            1000,
            -10,
            -100,
            i64::MAX,
            i64::MIN,
            1_700_000_000_000,
        ] {
            let mut out = Vec::new();
            int(&mut out, n);
            assert_eq!(String::from_utf8(out).unwrap(), n.to_string());
        }
    }

    #[test]
    fn a_line_is_the_same_whatever_line_was_before_it() {
        let record = |offset, sequence, timestamp| Record {
            offset,
            timestamp,
            sequence,
            attributes: 0,
            key: None,
            value: Some(b"v"),
            headers: Default::default(),
            size_in_bytes: 0,
        };
        let offsets = [-2, -1, 0, 1, 8, 9, 10, 99, 100, 101, 999, 1_000, 5, i64::MAX, i64::MIN];
        let mut line = Line::default();
        let mut sequences = [-1, 0, 1, 9, 10, 10, 11, 98, 99, 100, 199, 200, i32::MAX, 0]
            .iter()
            .cycle();
        for step in 0..3 * 14 * 15 {
            let offset = offsets[step % offsets.len()];
            let sequence = *sequences.next().unwrap();
            for later in 0..3 {
                let record = record(offset.wrapping_add(later), sequence.wrapping_add(later as i32), 7);
                let kind = TimestampType::CreateTime;
                assert_eq!(line.of(&record, kind), Line::default().of(&record, kind));
            }
        }
    }
}
