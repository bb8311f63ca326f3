//! Reading and writing the primitive types of Kafka's message format, as far as the records of `__consumer_offsets` need
//! them: fixed integers, `string`, `bytes`, arrays, and their compact forms with tagged fields (KIP-482).

use bytes::{BufMut, Bytes};
use uuid::Uuid;

/// Why bytes are not the record they claim to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    #[error("{0} ends before its last field")]
    Truncated(&'static str),
    #[error("{what} has a length of {length}")]
    BadLength { what: &'static str, length: i64 },
    #[error("{0} is not UTF-8")]
    NotUtf8(&'static str),
    #[error("version {version} of {what} is not known")]
    UnknownVersion { what: &'static str, version: i16 },
}

/// A cursor over one key or value; `what` names it in errors.
#[derive(Debug)]
pub struct Reader<'a> {
    what: &'static str,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn new(what: &'static str, bytes: &'a [u8]) -> Self {
        Self { what, rest: bytes }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], CodecError> {
        let (head, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(CodecError::Truncated(self.what))?;
        self.rest = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], CodecError> {
        let (head, rest) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or(CodecError::Truncated(self.what))?;
        self.rest = rest;
        Ok(*head)
    }

    pub fn i8(&mut self) -> Result<i8, CodecError> {
        self.array::<1>().map(i8::from_be_bytes)
    }

    pub fn i16(&mut self) -> Result<i16, CodecError> {
        self.array::<2>().map(i16::from_be_bytes)
    }

    pub fn i32(&mut self) -> Result<i32, CodecError> {
        self.array::<4>().map(i32::from_be_bytes)
    }

    pub fn i64(&mut self) -> Result<i64, CodecError> {
        self.array::<8>().map(i64::from_be_bytes)
    }

    pub fn uuid(&mut self) -> Result<Uuid, CodecError> {
        self.array::<16>().map(Uuid::from_bytes)
    }

    /// The version a value starts with, which must lie in `0..=latest`.
    pub fn version(&mut self, latest: i16) -> Result<i16, CodecError> {
        let version = self.i16()?;
        if (0..=latest).contains(&version) {
            Ok(version)
        } else {
            Err(CodecError::UnknownVersion {
                what: self.what,
                version,
            })
        }
    }

    fn length(&self, length: i64) -> Result<usize, CodecError> {
        usize::try_from(length).map_err(|_| CodecError::BadLength {
            what: self.what,
            length,
        })
    }

    fn utf8(&self, bytes: &[u8]) -> Result<String, CodecError> {
        std::str::from_utf8(bytes)
            .map(str::to_owned)
            .map_err(|_| CodecError::NotUtf8(self.what))
    }

    pub fn nullable_string(&mut self) -> Result<Option<String>, CodecError> {
        match self.i16()? {
            -1 => Ok(None),
            length => {
                let length = self.length(length.into())?;
                let bytes = self.take(length)?;
                self.utf8(bytes).map(Some)
            }
        }
    }

    pub fn string(&mut self) -> Result<String, CodecError> {
        self.nullable_string()?.ok_or(CodecError::BadLength {
            what: self.what,
            length: -1,
        })
    }

    pub fn bytes(&mut self) -> Result<Bytes, CodecError> {
        let length = self.i32()?;
        let length = self.length(length.into())?;
        self.take(length).map(Bytes::copy_from_slice)
    }

    /// The length of an array; nothing is reserved from it, so a lying length costs nothing.
    pub fn array_length(&mut self) -> Result<usize, CodecError> {
        let length = self.i32()?;
        self.length(length.into())
    }

    fn varint(&mut self) -> Result<u32, CodecError> {
        let mut value = 0u64;
        for shift in (0..35).step_by(7) {
            let byte = self.array::<1>()?[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return u32::try_from(value).map_err(|_| CodecError::BadLength {
                    what: self.what,
                    length: value as i64,
                });
            }
        }
        Err(CodecError::BadLength {
            what: self.what,
            length: value as i64,
        })
    }

    pub fn compact_nullable_string(&mut self) -> Result<Option<String>, CodecError> {
        match self.varint()? {
            0 => Ok(None),
            length => {
                let bytes = self.take(length as usize - 1)?;
                self.utf8(bytes).map(Some)
            }
        }
    }

    pub fn compact_string(&mut self) -> Result<String, CodecError> {
        self.compact_nullable_string()?.ok_or(CodecError::BadLength {
            what: self.what,
            length: -1,
        })
    }

    pub fn compact_bytes(&mut self) -> Result<Bytes, CodecError> {
        let length = self.compact_array_length()?;
        self.take(length).map(Bytes::copy_from_slice)
    }

    pub fn compact_array_length(&mut self) -> Result<usize, CodecError> {
        match self.varint()? {
            0 => Err(CodecError::BadLength {
                what: self.what,
                length: -1,
            }),
            length => Ok(length as usize - 1),
        }
    }

    /// Reads the tagged fields that end a flexible struct, giving each to `field` as (tag, its bytes).
    pub fn tagged_fields(
        &mut self,
        mut field: impl FnMut(u32, &mut Reader<'a>) -> Result<(), CodecError>,
    ) -> Result<(), CodecError> {
        for _ in 0..self.varint()? {
            let tag = self.varint()?;
            let length = self.varint()?;
            let mut inner = Reader::new(self.what, self.take(length as usize)?);
            field(tag, &mut inner)?;
        }
        Ok(())
    }

    pub fn skip_tagged_fields(&mut self) -> Result<(), CodecError> {
        self.tagged_fields(|_, _| Ok(()))
    }
}

/// Builds one key or value. Lengths come from this broker's own state, which requests have already bounded.
#[derive(Debug, Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// Starts with the type of a key, or the version of a value.
    pub fn starting_with(type_or_version: i16) -> Self {
        let mut writer = Self(Vec::with_capacity(64));
        writer.i16(type_or_version);
        writer
    }

    pub fn i8(&mut self, value: i8) {
        self.0.put_i8(value);
    }

    pub fn i16(&mut self, value: i16) {
        self.0.put_i16(value);
    }

    pub fn i32(&mut self, value: i32) {
        self.0.put_i32(value);
    }

    pub fn i64(&mut self, value: i64) {
        self.0.put_i64(value);
    }

    pub fn uuid(&mut self, value: Uuid) {
        self.0.put_slice(value.as_bytes());
    }

    pub fn string(&mut self, value: &str) {
        self.i16(value.len() as i16);
        self.0.put_slice(value.as_bytes());
    }

    pub fn nullable_string(&mut self, value: Option<&str>) {
        match value {
            Some(value) => self.string(value),
            None => self.i16(-1),
        }
    }

    pub fn bytes(&mut self, value: &[u8]) {
        self.i32(value.len() as i32);
        self.0.put_slice(value);
    }

    pub fn varint(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.0.put_u8(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.put_u8(value as u8);
    }

    pub fn compact_string(&mut self, value: &str) {
        self.compact_bytes(value.as_bytes());
    }

    pub fn compact_nullable_string(&mut self, value: Option<&str>) {
        match value {
            Some(value) => self.compact_string(value),
            None => self.varint(0),
        }
    }

    pub fn compact_bytes(&mut self, value: &[u8]) {
        self.compact_array_length(value.len());
        self.0.put_slice(value);
    }

    pub fn compact_array_length(&mut self, length: usize) {
        self.varint(length as u32 + 1);
    }

    pub fn no_tagged_fields(&mut self) {
        self.varint(0);
    }

    /// The tagged fields of a struct that has one field set.
    pub fn one_tagged_field(&mut self, tag: u32, field: Writer) {
        self.varint(1);
        self.varint(tag);
        self.varint(field.0.len() as u32);
        self.0.put_slice(&field.0);
    }

    pub fn finish(self) -> Bytes {
        self.0.into()
    }
}

/// The key of a record of a group, or of something in it.
pub fn key_of(key_type: i16, group_id: &str, second: Option<&str>) -> Bytes {
    let mut key = Writer::starting_with(key_type);
    key.string(group_id);
    if let Some(second) = second {
        key.string(second);
    }
    key.finish()
}
