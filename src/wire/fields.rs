//! The field types of flexible messages (KIP-482), for messages that are written by hand because `kafka-protocol` does not
//! have them. [`message!`] makes a struct of such fields. Lengths are checked against the bytes that are there.

use anyhow::{Result, anyhow, bail};
use bytes::Bytes;
use kafka_protocol::messages as m;
use kafka_protocol::protocol::buf::{ByteBuf, ByteBufMut};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};
use uuid::Uuid;

/// One field, or the fields of one struct.
pub trait Field: Sized {
    fn get<B: ByteBuf>(buf: &mut B, version: i16) -> Result<Self>;
    fn put<B: ByteBufMut>(&self, buf: &mut B, version: i16) -> Result<()>;
}

macro_rules! fixed {
    ($($kind:ty, $get:ident, $put:ident;)*) => {
        $(impl Field for $kind {
            fn get<B: ByteBuf>(buf: &mut B, _version: i16) -> Result<Self> {
                Ok(buf.$get()?)
            }

            fn put<B: ByteBufMut>(&self, buf: &mut B, _version: i16) -> Result<()> {
                buf.$put(*self);
                Ok(())
            }
        })*
    };
}

fixed! {
    i8, try_get_i8, put_i8;
    i16, try_get_i16, put_i16;
    i32, try_get_i32, put_i32;
    i64, try_get_i64, put_i64;
    u16, try_get_u16, put_u16;
}

impl Field for bool {
    fn get<B: ByteBuf>(buf: &mut B, version: i16) -> Result<Self> {
        Ok(i8::get(buf, version)? != 0)
    }

    fn put<B: ByteBufMut>(&self, buf: &mut B, version: i16) -> Result<()> {
        i8::from(*self).put(buf, version)
    }
}

impl Field for Uuid {
    fn get<B: ByteBuf>(buf: &mut B, _version: i16) -> Result<Self> {
        let bytes = buf.try_get_bytes(16)?;
        Ok(Uuid::from_slice(&bytes)?)
    }

    fn put<B: ByteBufMut>(&self, buf: &mut B, _version: i16) -> Result<()> {
        buf.put_slice(self.as_bytes());
        Ok(())
    }
}

/// An unsigned number of up to 32 bits in groups of seven.
pub fn get_varint<B: ByteBuf>(buf: &mut B) -> Result<u32> {
    let mut value = 0u64;
    for shift in (0..35).step_by(7) {
        let byte = i8::get(buf, 0)? as u8;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(u32::try_from(value)?);
        }
    }
    bail!("a varint has more than 32 bits")
}

pub fn put_varint<B: ByteBufMut>(buf: &mut B, mut value: u32) {
    while value >= 0x80 {
        buf.put_u8(value as u8 | 0x80);
        value >>= 7;
    }
    buf.put_u8(value as u8);
}

/// A compact length: one more than it is, 0 for null.
fn get_length<B: ByteBuf>(buf: &mut B) -> Result<Option<usize>> {
    Ok(get_varint(buf)?.checked_sub(1).map(|length| length as usize))
}

fn put_length<B: ByteBufMut>(buf: &mut B, length: Option<usize>) -> Result<()> {
    put_varint(buf, length.map_or(Ok(0), |length| u32::try_from(length + 1))?);
    Ok(())
}

impl Field for Option<StrBytes> {
    fn get<B: ByteBuf>(buf: &mut B, _version: i16) -> Result<Self> {
        let Some(length) = get_length(buf)? else {
            return Ok(None);
        };
        let bytes: Bytes = buf.try_get_bytes(length)?;
        Ok(Some(StrBytes::from_utf8(bytes)?))
    }

    fn put<B: ByteBufMut>(&self, buf: &mut B, _version: i16) -> Result<()> {
        put_length(buf, self.as_ref().map(|text| text.len()))?;
        buf.put_slice(self.as_ref().map_or(&[][..], |text| text.as_bytes()));
        Ok(())
    }
}

impl Field for StrBytes {
    fn get<B: ByteBuf>(buf: &mut B, version: i16) -> Result<Self> {
        Option::<StrBytes>::get(buf, version)?.ok_or_else(|| anyhow!("a string is null"))
    }

    fn put<B: ByteBufMut>(&self, buf: &mut B, version: i16) -> Result<()> {
        Some(self.clone()).put(buf, version)
    }
}

/// The names of `kafka-protocol`: strings that know what they name.
macro_rules! names {
    ($($name:ident)*) => {
        $(impl Field for m::$name {
            fn get<B: ByteBuf>(buf: &mut B, version: i16) -> Result<Self> {
                StrBytes::get(buf, version).map(Self)
            }

            fn put<B: ByteBufMut>(&self, buf: &mut B, version: i16) -> Result<()> {
                self.0.put(buf, version)
            }
        })*
    };
}

names!(GroupId TopicName);

impl Field for Option<m::GroupId> {
    fn get<B: ByteBuf>(buf: &mut B, version: i16) -> Result<Self> {
        Ok(Option::<StrBytes>::get(buf, version)?.map(m::GroupId))
    }

    fn put<B: ByteBufMut>(&self, buf: &mut B, version: i16) -> Result<()> {
        self.as_ref().map(|name| name.0.clone()).put(buf, version)
    }
}

/// Nothing is reserved for a count that bytes claim: one that lies runs into their end.
fn get_items<B: ByteBuf, T: Field>(buf: &mut B, version: i16, count: usize) -> Result<Vec<T>> {
    let mut items = Vec::new();
    for _ in 0..count {
        items.push(T::get(buf, version)?);
    }
    Ok(items)
}

impl<T: Field> Field for Vec<T> {
    fn get<B: ByteBuf>(buf: &mut B, version: i16) -> Result<Self> {
        let count = get_length(buf)?.ok_or_else(|| anyhow!("an array is null"))?;
        get_items(buf, version, count)
    }

    fn put<B: ByteBufMut>(&self, buf: &mut B, version: i16) -> Result<()> {
        put_length(buf, Some(self.len()))?;
        self.iter().try_for_each(|item| item.put(buf, version))
    }
}

impl<T: Field> Field for Option<Vec<T>> {
    fn get<B: ByteBuf>(buf: &mut B, version: i16) -> Result<Self> {
        match get_length(buf)? {
            Some(count) => get_items(buf, version, count).map(Some),
            None => Ok(None),
        }
    }

    fn put<B: ByteBufMut>(&self, buf: &mut B, version: i16) -> Result<()> {
        match self {
            Some(items) => items.put(buf, version),
            None => put_length(buf, None),
        }
    }
}

/// A struct that may be null: one byte says whether it is there.
#[derive(Debug, Clone, PartialEq)]
pub struct Nullable<T>(pub Option<T>);

impl<T> Default for Nullable<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Field> Field for Nullable<T> {
    fn get<B: ByteBuf>(buf: &mut B, version: i16) -> Result<Self> {
        Ok(Self(match i8::get(buf, version)? {
            -1 => None,
            _ => Some(T::get(buf, version)?),
        }))
    }

    fn put<B: ByteBufMut>(&self, buf: &mut B, version: i16) -> Result<()> {
        match &self.0 {
            None => (-1i8).put(buf, version),
            Some(value) => {
                1i8.put(buf, version)?;
                value.put(buf, version)
            }
        }
    }
}

/// Structs of `kafka-protocol` inside messages of ours, always in the layout of one version.
macro_rules! known {
    ($($module:ident :: $name:ident as $layout:literal;)*) => {
        $(impl Field for m::$module::$name {
            fn get<B: ByteBuf>(buf: &mut B, _version: i16) -> Result<Self> {
                <Self as Decodable>::decode(buf, $layout)
            }

            fn put<B: ByteBufMut>(&self, buf: &mut B, _version: i16) -> Result<()> {
                Encodable::encode(self, buf, $layout)
            }
        })*
    };
}

known! {
    share_fetch_request::ForgottenTopic as 1;
    share_acknowledge_response::ShareAcknowledgeTopicResponse as 1;
    share_acknowledge_response::NodeEndpoint as 1;
    offset_commit_request::OffsetCommitRequestPartition as 9;
    add_raft_voter_request::Listener as 0;
    describe_log_dirs_request::DescribableLogDirTopic as 4;
    describe_log_dirs_response::DescribeLogDirsTopic as 4;
}

/// The tagged fields at the end of a struct; of none of them anything is known.
pub fn skip_tagged_fields<B: ByteBuf>(buf: &mut B) -> Result<()> {
    for _ in 0..get_varint(buf)? {
        get_varint(buf)?;
        let size = get_varint(buf)?;
        buf.try_get_bytes(size as usize)?;
    }
    Ok(())
}

pub fn no_tagged_fields<B: ByteBufMut>(buf: &mut B) -> Result<()> {
    put_varint(buf, 0);
    Ok(())
}

/// A struct with the fields of a flexible message, in their order: `name: Type = default` or, where a field came later,
/// `name: Type = default, since VERSION`.
macro_rules! message {
    ($(#[$about:meta])* $name:ident { $($(#[$field_about:meta])* $field:ident: $kind:ty = $default:expr $(, since $since:literal)?;)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $($(#[$field_about])* pub $field: $kind,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl $crate::wire::fields::Field for $name {
            fn get<B: kafka_protocol::protocol::buf::ByteBuf>(buf: &mut B, version: i16) -> anyhow::Result<Self> {
                let mut message = Self::default();
                $(if true $(&& version >= $since)? {
                    message.$field = $crate::wire::fields::Field::get(buf, version)?;
                })*
                $crate::wire::fields::skip_tagged_fields(buf)?;
                Ok(message)
            }

            fn put<B: kafka_protocol::protocol::buf::ByteBufMut>(&self, buf: &mut B, version: i16) -> anyhow::Result<()> {
                $(if true $(&& version >= $since)? {
                    $crate::wire::fields::Field::put(&self.$field, buf, version)?;
                })*
                $crate::wire::fields::no_tagged_fields(buf)
            }
        }
    };
}

/// Makes two such structs a request and its response.
macro_rules! request {
    ($request:ident, $response:ident, $key:expr, $min:literal..=$max:literal) => {
        impl kafka_protocol::protocol::Request for $request {
            const KEY: i16 = $key;
            type Response = $response;
        }

        $crate::wire::fields::top!($request, 2, $min, $max);
        $crate::wire::fields::top!($response, 1, $min, $max);
    };
}

/// A struct that is a whole message.
macro_rules! top {
    ($name:ident, $header:literal, $min:literal, $max:literal) => {
        impl kafka_protocol::protocol::Message for $name {
            const VERSIONS: kafka_protocol::protocol::VersionRange =
                kafka_protocol::protocol::VersionRange { min: $min, max: $max };
            const DEPRECATED_VERSIONS: Option<kafka_protocol::protocol::VersionRange> = None;
        }

        impl kafka_protocol::protocol::HeaderVersion for $name {
            fn header_version(_version: i16) -> i16 {
                $header
            }
        }

        impl kafka_protocol::protocol::Decodable for $name {
            fn decode<B: kafka_protocol::protocol::buf::ByteBuf>(buf: &mut B, version: i16) -> anyhow::Result<Self> {
                anyhow::ensure!(($min..=$max).contains(&version), "version {version} is not known");
                $crate::wire::fields::Field::get(buf, version)
            }
        }

        impl kafka_protocol::protocol::Encodable for $name {
            fn encode<B: kafka_protocol::protocol::buf::ByteBufMut>(
                &self,
                buf: &mut B,
                version: i16,
            ) -> anyhow::Result<()> {
                anyhow::ensure!(($min..=$max).contains(&version), "version {version} is not known");
                $crate::wire::fields::Field::put(self, buf, version)
            }

            fn compute_size(&self, version: i16) -> anyhow::Result<usize> {
                $crate::wire::fields::size_of(self, version)
            }
        }
    };
}

/// A request of `kafka-protocol` with one version more than it has there: in that one it is laid out as another struct
/// says, made by [`message!`], that can be made of it and it of that.
macro_rules! one_more_version {
    ($(#[$about:meta])* $name:ident as $layout:ident, $response:ty, $version:literal) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, Default)]
        pub struct $name(pub kafka_protocol::messages::$name);

        impl kafka_protocol::protocol::Request for $name {
            const KEY: i16 = <kafka_protocol::messages::$name as kafka_protocol::protocol::Request>::KEY;
            type Response = $response;
        }

        impl kafka_protocol::protocol::Message for $name {
            const VERSIONS: kafka_protocol::protocol::VersionRange = kafka_protocol::protocol::VersionRange {
                min: <kafka_protocol::messages::$name as kafka_protocol::protocol::Message>::VERSIONS.min,
                max: $version,
            };
            const DEPRECATED_VERSIONS: Option<kafka_protocol::protocol::VersionRange> = None;
        }

        impl kafka_protocol::protocol::HeaderVersion for $name {
            fn header_version(version: i16) -> i16 {
                <kafka_protocol::messages::$name as kafka_protocol::protocol::HeaderVersion>::header_version(version)
            }
        }

        impl kafka_protocol::protocol::Decodable for $name {
            fn decode<B: kafka_protocol::protocol::buf::ByteBuf>(buf: &mut B, version: i16) -> anyhow::Result<Self> {
                if version == $version {
                    return <$layout as $crate::wire::fields::Field>::get(buf, version).map(|laid| Self(laid.into()));
                }
                kafka_protocol::protocol::Decodable::decode(buf, version).map(Self)
            }
        }

        impl kafka_protocol::protocol::Encodable for $name {
            fn encode<B: kafka_protocol::protocol::buf::ByteBufMut>(
                &self,
                buf: &mut B,
                version: i16,
            ) -> anyhow::Result<()> {
                if version == $version {
                    return $crate::wire::fields::Field::put(&$layout::from(self.0.clone()), buf, version);
                }
                kafka_protocol::protocol::Encodable::encode(&self.0, buf, version)
            }

            fn compute_size(&self, version: i16) -> anyhow::Result<usize> {
                $crate::wire::fields::size_of(self, version)
            }
        }
    };
}

/// The size of what is written, by writing it.
pub fn size_of<T: Encodable>(message: &T, version: i16) -> Result<usize> {
    let mut bytes = bytes::BytesMut::new();
    message.encode(&mut bytes, version)?;
    Ok(bytes.len())
}

/// What is written of a message that can be.
#[cfg(test)]
pub(crate) fn encoded<T: Encodable>(message: &T, version: i16) -> bytes::Bytes {
    let mut bytes = bytes::BytesMut::new();
    message.encode(&mut bytes, version).unwrap();
    bytes.freeze()
}

pub(crate) use {message, one_more_version, request, top};
