//! Records inside a batch (Kafka: `DefaultRecord`), read one at a time.
//!
//! Uncompressed records are borrowed from the batch; compressed ones pass through one buffer that the reader keeps.

use std::io::{BufRead, Read};

use super::batch::{BatchHeader, TimestampType, increment_sequence};
use super::{Compression, NO_SEQUENCE, RecordError, varint};

/// Longer records of a compressed batch are skimmed by [`RecordReader::next_meta`] in place of being held.
const SKIM_ABOVE: usize = 4 << 20;

/// One record, borrowed from its batch or from its reader.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    pub offset: i64,
    /// Milliseconds since 1970; the batch's maximum if the batch has LogAppendTime.
    pub timestamp: i64,
    /// Sequence number, -1 if the batch has none.
    pub sequence: i32,
    pub attributes: u8,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub headers: Headers<'a>,
    /// Bytes of the record as it lies in the (decompressed) batch, its length field included.
    pub size_in_bytes: usize,
}

/// What validation needs to know of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordMeta {
    pub offset: i64,
    pub offset_delta: i32,
    pub timestamp: i64,
    pub attributes: u8,
    pub has_key: bool,
    pub size_in_bytes: usize,
}

/// One header of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header<'a> {
    /// UTF-8, by contract; the bytes are whatever the producer wrote.
    pub key: &'a [u8],
    pub value: Option<&'a [u8]>,
}

/// The headers of a record, checked when the record was read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Headers<'a> {
    left: usize,
    rest: &'a [u8],
}

impl<'a> Headers<'a> {
    pub fn len(&self) -> usize {
        self.left
    }

    pub fn is_empty(&self) -> bool {
        self.left == 0
    }

    /// The encoded headers, without their count.
    pub(super) fn raw(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Headers<'a> {
    type Item = Header<'a>;

    fn next(&mut self) -> Option<Header<'a>> {
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        read_header(&mut self.rest).ok()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

fn invalid(message: impl Into<String>) -> RecordError {
    RecordError::Invalid(message.into())
}

fn premature() -> RecordError {
    invalid("Incorrect declared batch size, premature EOF reached")
}

/// A field of a record does not fit into the record.
fn structure() -> RecordError {
    invalid("Found invalid record structure")
}

#[inline(always)]
fn field_varint(bytes: &mut &[u8]) -> Result<i32, RecordError> {
    varint::read(bytes).map_err(|_| structure())
}

#[inline(always)]
fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Result<&'a [u8], RecordError> {
    let (head, rest) = bytes.split_at_checked(length).ok_or_else(structure)?;
    *bytes = rest;
    Ok(head)
}

/// A length-prefixed field; a negative length is null.
#[inline(always)]
fn nullable<'a>(bytes: &mut &'a [u8]) -> Result<Option<&'a [u8]>, RecordError> {
    match field_varint(bytes)? {
        length if length < 0 => Ok(None),
        length => take(bytes, length as usize).map(Some),
    }
}

fn read_header<'a>(bytes: &mut &'a [u8]) -> Result<Header<'a>, RecordError> {
    let length = field_varint(bytes)?;
    if length < 0 {
        return Err(invalid(format!("Invalid negative header key size {length}")));
    }
    Ok(Header {
        key: take(bytes, length as usize)?,
        value: nullable(bytes)?,
    })
}

/// What of the batch header every record needs.
#[derive(Debug, Clone, Copy)]
struct Base {
    offset: i64,
    timestamp: i64,
    log_append_time: Option<i64>,
    sequence: i32,
}

impl Base {
    fn timestamp(&self, delta: i64) -> i64 {
        self.log_append_time
            .unwrap_or_else(|| self.timestamp.wrapping_add(delta))
    }

    fn offset(&self, delta: i32) -> i64 {
        self.offset.wrapping_add(i64::from(delta))
    }

    /// `bytes` are what lies behind the record's length field, and are moved past the record. As in Kafka, its fields may
    /// reach beyond `length`, which is compared at the end.
    #[inline]
    fn parse<'a>(&self, bytes: &mut &'a [u8], length: i32) -> Result<(Record<'a>, i32), RecordError> {
        let mut rest = *bytes;
        let attributes = take(&mut rest, 1)?[0];
        let timestamp_delta = varint::read_long(&mut rest).map_err(|_| structure())?;
        let offset_delta = field_varint(&mut rest)?;
        let key = nullable(&mut rest)?;
        let value = nullable(&mut rest)?;
        let count = field_varint(&mut rest)?;
        if count < 0 {
            return Err(invalid(format!("Found invalid number of record headers {count}")));
        }
        if count as usize > rest.len() {
            return Err(invalid(format!(
                "Found invalid number of record headers. {count} is larger than the remaining size of the buffer"
            )));
        }
        let first_header = rest;
        for _ in 0..count {
            read_header(&mut rest)?;
        }
        let headers = Headers {
            left: count as usize,
            rest: &first_header[..first_header.len() - rest.len()],
        };
        let read = bytes.len() - rest.len();
        if i64::from(length) != read as i64 {
            return Err(invalid(format!(
                "Invalid record size: expected to read {length} bytes in record payload, but instead read {read}"
            )));
        }
        *bytes = rest;
        let sequence = if self.sequence < 0 {
            NO_SEQUENCE
        } else {
            increment_sequence(self.sequence, offset_delta)
        };
        let record = Record {
            offset: self.offset(offset_delta),
            timestamp: self.timestamp(timestamp_delta),
            sequence,
            attributes,
            key,
            value,
            headers,
            size_in_bytes: varint::size_of(length) + read,
        };
        Ok((record, offset_delta))
    }
}

enum Source<'a> {
    Slice(&'a [u8]),
    Stream {
        decoder: Box<dyn BufRead + Send + 'a>,
        /// The record, if the decoder's own buffer does not hold all of it.
        record: Vec<u8>,
        /// Bytes of the decoder's buffer that are in use: those of a record's length, and then of the record.
        lent: usize,
        /// Bytes that the decoder's buffer is known to hold, those lent among them.
        buffered: usize,
    },
}

/// Reads the records of one batch, decompressing as it goes. After an error it ends.
pub struct RecordReader<'a> {
    base: Base,
    source: Source<'a>,
    left: i32,
    ended: bool,
}

impl std::fmt::Debug for RecordReader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecordReader")
            .field("base", &self.base)
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}

impl<'a> RecordReader<'a> {
    /// Reads the records that follow `header`; `body` is what lies behind it.
    ///
    /// # Errors
    /// An unknown codec, a malformed head of a compressed stream, or a negative count.
    pub fn new(header: &BatchHeader, body: &'a [u8]) -> Result<Self, RecordError> {
        let source = match header.compression()? {
            Compression::None => Source::Slice(body),
            codec => Source::Stream {
                decoder: codec.decoder(body).map_err(stream_error)?,
                record: Vec::new(),
                lent: 0,
                buffered: 0,
            },
        };
        if header.record_count < 0 {
            return Err(invalid(format!(
                "Found invalid record count {} in magic v{} batch",
                header.record_count, header.magic
            )));
        }
        let base = Base {
            offset: header.base_offset,
            timestamp: header.base_timestamp,
            log_append_time: (header.timestamp_type() == TimestampType::LogAppendTime).then_some(header.max_timestamp),
            sequence: header.base_sequence,
        };
        Ok(RecordReader {
            base,
            source,
            left: header.record_count,
            ended: false,
        })
    }

    /// The next record; `None` after the last one the header promised. Not an `Iterator`: a record of a compressed batch
    /// lives only until the next call.
    #[allow(clippy::should_implement_trait)]
    #[inline]
    pub fn next(&mut self) -> Option<Result<Record<'_>, RecordError>> {
        Some(
            self.begin()?
                .and_then(|length| self.parse(length))
                .map(|(record, _)| record),
        )
    }

    /// As [`RecordReader::next`], but holds no long key or value of a compressed batch in memory.
    pub fn next_meta(&mut self) -> Option<Result<RecordMeta, RecordError>> {
        let length = match self.begin()? {
            Ok(length) => length,
            Err(e) => return Some(Err(e)),
        };
        if length as usize > SKIM_ABOVE && matches!(self.source, Source::Stream { .. }) {
            return Some(self.skim(length as usize));
        }
        Some(self.parse(length).map(|(record, offset_delta)| RecordMeta {
            offset: record.offset,
            offset_delta,
            timestamp: record.timestamp,
            attributes: record.attributes,
            has_key: record.key.is_some(),
            size_in_bytes: record.size_in_bytes,
        }))
    }

    /// The length field of the next record, or the check that nothing follows the last one.
    #[inline]
    fn begin(&mut self) -> Option<Result<i32, RecordError>> {
        if self.ended {
            return None;
        }
        if let Source::Stream { decoder, lent, .. } = &mut self.source {
            decoder.consume(std::mem::take(lent));
        }
        if self.left == 0 {
            self.ended = true;
            return match self.at_end() {
                Ok(true) => None,
                Ok(false) => Some(Err(invalid(
                    "Incorrect declared batch size, records still remaining in file",
                ))),
                Err(e) => Some(Err(e)),
            };
        }
        self.left -= 1;
        let length = match &mut self.source {
            Source::Slice(rest) => varint::read(rest),
            Source::Stream {
                decoder,
                lent,
                buffered,
                ..
            } => match read_length(decoder) {
                Ok(length) if length.value < 0 => Err(premature()),
                Ok(length) => {
                    (*lent, *buffered) = (length.lent, length.buffered);
                    Ok(length.value)
                }
                Err(e) => Err(e),
            },
        };
        match length {
            Ok(length) => Some(Ok(length)),
            Err(e) => self.fail(e),
        }
    }

    fn fail<T>(&mut self, e: RecordError) -> Option<Result<T, RecordError>> {
        self.ended = true;
        Some(Err(e))
    }

    fn at_end(&mut self) -> Result<bool, RecordError> {
        match &mut self.source {
            Source::Slice(rest) => Ok(rest.is_empty()),
            Source::Stream { decoder, .. } => decoder
                .fill_buf()
                .map(<[u8]>::is_empty)
                .map_err(|e| invalid(format!("Error checking for remaining bytes after reading batch: {e}"))),
        }
    }

    #[inline]
    fn parse(&mut self, length: i32) -> Result<(Record<'_>, i32), RecordError> {
        self.ended = true; // until the record is there
        let base = self.base;
        let parsed = match &mut self.source {
            Source::Slice(rest) if (rest.len() as i64) < i64::from(length) => {
                return Err(invalid(format!(
                    "Invalid record size: expected {length} bytes in record payload, \
                     but instead the buffer has only {} remaining bytes.",
                    rest.len()
                )));
            }
            Source::Slice(rest) => base.parse(rest, length)?,
            Source::Stream {
                decoder,
                record,
                lent,
                buffered,
            } => {
                let end = *lent + length as usize;
                if *buffered >= end {
                    let start = std::mem::replace(lent, end);
                    let bytes = decoder.fill_buf().map_err(stream_error)?;
                    base.parse(&mut bytes.get(start..end).ok_or_else(premature)?, length)?
                } else {
                    decoder.consume(std::mem::take(lent));
                    record.clear();
                    decoder.take(length as u64).read_to_end(record).map_err(stream_error)?;
                    if record.len() < length as usize {
                        return Err(invalid(format!(
                            "Invalid record size: expected {length} bytes in record payload, but the record payload reached EOF."
                        )));
                    }
                    base.parse(&mut &record[..], length)?
                }
            }
        };
        self.ended = false;
        Ok(parsed)
    }

    /// Reads the first fields of a long compressed record and lets the rest pass by.
    fn skim(&mut self, length: usize) -> Result<RecordMeta, RecordError> {
        let Source::Stream {
            decoder, record, lent, ..
        } = &mut self.source
        else {
            return Err(premature());
        };
        self.ended = true;
        decoder.consume(std::mem::take(lent));
        record.clear();
        let mut rest = decoder.take(length as u64);
        // Attributes and three varints take 21 bytes at most.
        (&mut rest).take(21).read_to_end(record).map_err(stream_error)?;
        std::io::copy(&mut rest, &mut std::io::sink()).map_err(stream_error)?;
        if rest.limit() > 0 {
            return Err(premature());
        }
        let mut head = &record[..];
        let attributes = take(&mut head, 1)?[0];
        let timestamp = self.base.timestamp(varint::read_long(&mut head)?);
        let offset_delta = varint::read(&mut head)?;
        let has_key = varint::read(&mut head)? >= 0;
        self.ended = false;
        let size_in_bytes = varint::size_of(length as i32) + length;
        Ok(RecordMeta {
            offset: self.base.offset(offset_delta),
            offset_delta,
            timestamp,
            attributes,
            has_key,
            size_in_bytes,
        })
    }
}

fn stream_error(e: std::io::Error) -> RecordError {
    invalid(format!("Failed to decompress record stream: {e}"))
}

/// The length field of a record in a stream.
struct Length {
    value: i32,
    /// Bytes of it that are still in the decoder's buffer.
    lent: usize,
    /// Bytes in that buffer, if it was looked at.
    buffered: usize,
}

#[inline]
fn read_length(decoder: &mut dyn BufRead) -> Result<Length, RecordError> {
    let buffer = decoder.fill_buf().map_err(stream_error)?;
    if let Some(mut bytes) = buffer.get(..5) {
        return Ok(Length {
            value: varint::read(&mut bytes).map_err(|_| premature())?,
            lent: 5 - bytes.len(),
            buffered: buffer.len(),
        });
    }
    let mut raw = [0u8; 5];
    for at in 0..raw.len() {
        let byte = *decoder
            .fill_buf()
            .map_err(stream_error)?
            .first()
            .ok_or_else(premature)?;
        decoder.consume(1);
        raw[at] = byte;
        if byte & 0x80 == 0 {
            return Ok(Length {
                value: varint::read(&mut &raw[..=at])?,
                lent: 0,
                buffered: 0,
            });
        }
    }
    Err(premature())
}
