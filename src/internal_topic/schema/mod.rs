//! Field tables: the type, versions, tag and default of every field of a message.
//!
//! The tables themselves are generated from Kafka's message definitions (`org.apache.kafka.message`); this file is
//! the vocabulary they are written in.

#[rustfmt::skip]
pub mod control;
#[rustfmt::skip]
pub mod group;
#[rustfmt::skip]
pub mod metadata;
#[rustfmt::skip]
pub mod protocol;
#[rustfmt::skip]
pub mod remote_log;
#[rustfmt::skip]
pub mod share;
#[rustfmt::skip]
pub mod txn;

/// An inclusive range of versions; empty when `min > max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Versions {
    pub min: i16,
    pub max: i16,
}

impl Versions {
    pub const NONE: Versions = Versions { min: 0, max: -1 };

    pub const fn contains(self, version: i16) -> bool {
        self.min <= version && version <= self.max
    }
}

/// Versions `min` to `max`, both included.
pub const fn range(min: i16, max: i16) -> Versions {
    Versions { min, max }
}

/// Version `min` and all later ones.
pub const fn since(min: i16) -> Versions {
    Versions { min, max: i16::MAX }
}

/// The type of a field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    Bool,
    Int8,
    Int16,
    UInt16,
    Int32,
    UInt32,
    Int64,
    Float64,
    Uuid,
    Text,
    Bytes,
    Struct(&'static [Field]),
    Array(&'static Kind),
}

/// What a field holds when a message does not carry it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Default {
    /// 0, false, empty, or a struct of defaults.
    Zero,
    Null,
    Int(i64),
    Bool(bool),
}

/// One field of a message or of a struct inside it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Field {
    /// camelCase, as in Kafka's JSON.
    pub name: &'static str,
    pub kind: Kind,
    pub versions: Versions,
    pub nullable: Versions,
    /// The tag, and the versions in which the field is a tagged one.
    pub tagged: Versions,
    pub tag: u32,
    pub default: Default,
    /// Whether a value is silently dropped by versions that do not have the field.
    pub ignorable: bool,
}

/// A field that every later call refines.
pub const fn field(name: &'static str, kind: Kind, versions: Versions) -> Field {
    Field {
        name,
        kind,
        versions,
        nullable: Versions::NONE,
        tagged: Versions::NONE,
        tag: 0,
        default: Default::Zero,
        ignorable: false,
    }
}

impl Field {
    pub const fn nullable(mut self, versions: Versions) -> Self {
        self.nullable = versions;
        self
    }

    pub const fn tag(mut self, tag: u32, versions: Versions) -> Self {
        self.tag = tag;
        self.tagged = versions;
        self
    }

    pub const fn default(mut self, default: Default) -> Self {
        self.default = default;
        self
    }

    pub const fn ignorable(mut self) -> Self {
        self.ignorable = true;
        self
    }

    /// Whether `version` carries the field among its tagged fields.
    pub const fn is_tagged(&self, version: i16) -> bool {
        self.tagged.contains(version)
    }
}

/// A message.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schema {
    /// Kafka's name of the message, such as `OffsetCommitValue`.
    pub name: &'static str,
    /// The record type, for messages that are one.
    pub api_key: Option<i16>,
    pub valid: Versions,
    pub flexible: Versions,
    pub fields: &'static [Field],
}

impl Schema {
    /// Whether `version` has compact lengths and tagged fields.
    pub const fn is_flexible(&self, version: i16) -> bool {
        self.flexible.contains(version)
    }

    /// The name as Kafka's `*RecordType` enums spell it: `TopicRecord` is `TOPIC_RECORD`.
    pub fn enum_name(&self) -> String {
        let mut out = String::with_capacity(self.name.len() + 4);
        for (i, c) in self.name.chars().enumerate() {
            if i > 0 && c.is_ascii_uppercase() {
                out.push('_');
            }
            out.push(c.to_ascii_uppercase());
        }
        out
    }
}
