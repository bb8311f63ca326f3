//! Bytes of a message to JSON, driven by its field table.
//!
//! Foreign bytes: every length is checked against what is left before anything is allocated. Error texts are those of
//! Kafka's generated readers and of `ByteBufferAccessor`, since the tools print them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::java_utf8;
use super::schema::{Default, Field, Kind, Schema};
use super::uuid_text::uuid_text;

/// Why bytes are not the message they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end inside a number. Kafka's exception has no text here, and its tools print `null`.
    #[error("null")]
    Underflow,
    /// The text Kafka has for it.
    #[error("{0}")]
    Malformed(String),
}

fn malformed<T>(text: String) -> Result<T, DecodeError> {
    Err(DecodeError::Malformed(text))
}

/// Decodes a whole message in the shape of Kafka's JSON converters. Bytes after the message are ignored.
pub fn decode(schema: &Schema, version: i16, bytes: &[u8]) -> Result<Value, DecodeError> {
    Ok(decode_prefix(schema, version, bytes)?.0)
}

/// Like [`decode`]; also says how many bytes the message took.
pub fn decode_prefix(schema: &Schema, version: i16, bytes: &[u8]) -> Result<(Value, usize), DecodeError> {
    run(schema, version, bytes, false)
}

/// Like [`decode`], but with every field of the table present: those that the version does not have, and tagged ones
/// left out, hold their defaults. For programs that read records back.
pub fn decode_filled(schema: &Schema, version: i16, bytes: &[u8]) -> Result<Value, DecodeError> {
    Ok(run(schema, version, bytes, true)?.0)
}

/// Like [`decode_prefix`], but a version above those in the table is read as the last one, as Kafka's generated readers
/// do unless the message has structures inside.
pub(super) fn decode_later(schema: &Schema, version: i16, bytes: &[u8]) -> Result<(Value, usize), DecodeError> {
    if version <= schema.valid.max {
        return decode_prefix(schema, version, bytes);
    }
    let mut input = Input { left: bytes };
    let shape = Shape {
        later: true,
        ..Shape::of(schema, schema.valid.max, false)
    };
    let value = read_struct(&mut input, schema.fields, shape)?;
    Ok((value, bytes.len() - input.left.len()))
}

fn run(schema: &Schema, version: i16, bytes: &[u8], fill: bool) -> Result<(Value, usize), DecodeError> {
    if !schema.valid.contains(version) {
        return malformed(format!("Can't read version {version} of {}", schema.name));
    }
    let mut input = Input { left: bytes };
    let shape = Shape::of(schema, version, fill);
    let value = read_struct(&mut input, schema.fields, shape)?;
    Ok((value, bytes.len() - input.left.len()))
}

#[derive(Clone, Copy)]
struct Shape {
    version: i16,
    flexible: bool,
    fill: bool,
    /// The bytes are of a version that the table does not know: nested structures refuse it.
    later: bool,
}

impl Shape {
    fn of(schema: &Schema, version: i16, fill: bool) -> Self {
        Shape {
            version,
            flexible: schema.is_flexible(version),
            fill,
            later: false,
        }
    }

    fn nested(self, name: &str) -> Result<Self, DecodeError> {
        match self.later {
            true => malformed(format!("Can't read a version above {} of {name}", self.version)),
            false => Ok(self),
        }
    }
}

/// A cursor over foreign bytes.
#[derive(Debug)]
pub(super) struct Input<'a> {
    pub(super) left: &'a [u8],
}

impl<'a> Input<'a> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (head, tail) = self.left.split_first_chunk::<N>().ok_or(DecodeError::Underflow)?;
        self.left = tail;
        Ok(*head)
    }

    fn take(&mut self, n: usize) -> Result<&'a [u8], DecodeError> {
        if n > self.left.len() {
            return malformed(format!(
                "Error reading byte array of {n} byte(s): only {} byte(s) available",
                self.left.len()
            ));
        }
        let (head, tail) = self.left.split_at(n);
        self.left = tail;
        Ok(head)
    }

    /// `ByteUtils.readUnsignedVarint`: at most five bytes.
    pub(super) fn unsigned_varint(&mut self) -> Result<u32, DecodeError> {
        let mut value = 0u32;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.array()?;
            value |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        malformed(format!(
            "Varint is too long, the most significant bit in the 5th byte is set, converted value: {value:x}"
        ))
    }
}

fn read_struct(input: &mut Input<'_>, fields: &'static [Field], shape: Shape) -> Result<Value, DecodeError> {
    let mut plain: Vec<Option<Value>> = Vec::with_capacity(fields.len());
    for field in fields {
        let here = field.versions.contains(shape.version) && !field.is_tagged(shape.version);
        plain.push(if here {
            Some(read_field(input, field, shape)?)
        } else {
            None
        });
    }
    if shape.flexible {
        read_tagged(input, fields, shape, &mut plain)?;
    }
    let mut map = Map::with_capacity(fields.len());
    for (field, value) in fields.iter().zip(plain) {
        match value {
            Some(value) => {
                map.insert(field.name.to_owned(), value);
            }
            None if shape.fill => {
                map.insert(field.name.to_owned(), default_value(field));
            }
            None => {}
        }
    }
    Ok(Value::Object(map))
}

/// The tagged section: known tags land in `values` unless they hold the default, unknown ones are stepped over.
fn read_tagged(
    input: &mut Input<'_>,
    fields: &'static [Field],
    shape: Shape,
    values: &mut [Option<Value>],
) -> Result<(), DecodeError> {
    let count = input.unsigned_varint()?;
    for _ in 0..count {
        let tag = input.unsigned_varint()?;
        let size = input.unsigned_varint()?;
        match fields.iter().position(|f| f.tag == tag && f.tagged.min <= f.tagged.max) {
            Some(at) if fields[at].is_tagged(shape.version) => {
                let value = read_field(input, &fields[at], shape)?;
                values[at] = (shape.fill || value != default_value(&fields[at])).then_some(value);
            }
            Some(_) => return malformed(format!("Tag {tag} is not valid for version {}", shape.version)),
            None => {
                input.take(size as usize)?;
            }
        }
    }
    Ok(())
}

fn read_field(input: &mut Input<'_>, field: &Field, shape: Shape) -> Result<Value, DecodeError> {
    let nullable = field.nullable.contains(shape.version);
    if let Kind::Struct(fields) = field.kind {
        let is_null = match (nullable, field.is_tagged(shape.version)) {
            (false, _) => false,
            // Kafka's generator marks null differently inside and outside the tagged section.
            (true, true) => input.unsigned_varint()? == 0,
            (true, false) => i8::from_be_bytes(input.array()?) < 0,
        };
        if is_null {
            return Ok(Value::Null);
        }
        return read_struct(input, fields, shape.nested(field.name)?);
    }
    match read_value(input, field.name, &field.kind, shape)? {
        Value::Null if !nullable => malformed(format!("non-nullable field {} was serialized as null", field.name)),
        value => Ok(value),
    }
}

fn read_value(input: &mut Input<'_>, name: &str, kind: &Kind, shape: Shape) -> Result<Value, DecodeError> {
    Ok(match kind {
        Kind::Bool => Value::Bool(input.array::<1>()? != [0]),
        Kind::Int8 => i8::from_be_bytes(input.array()?).into(),
        Kind::Int16 => i16::from_be_bytes(input.array()?).into(),
        Kind::UInt16 => u16::from_be_bytes(input.array()?).into(),
        Kind::Int32 => i32::from_be_bytes(input.array()?).into(),
        Kind::UInt32 => u32::from_be_bytes(input.array()?).into(),
        Kind::Int64 => i64::from_be_bytes(input.array()?).into(),
        // JSON has no NaN; Jackson writes such numbers as text.
        Kind::Float64 => match f64::from_be_bytes(input.array()?) {
            x if x.is_finite() => x.into(),
            x if x.is_nan() => "NaN".into(),
            x => if x > 0.0 { "Infinity" } else { "-Infinity" }.into(),
        },
        Kind::Uuid => uuid_text(&input.array()?).into(),
        Kind::Text => match text_length(input, shape.flexible)? {
            None => Value::Null,
            Some(n) if n > 0x7fff => return malformed(format!("string field {name} had invalid length {n}")),
            Some(n) => java_utf8::decode(input.take(n)?).into_owned().into(),
        },
        Kind::Bytes => match length(input, shape.flexible)? {
            None => Value::Null,
            Some(n) => STANDARD.encode(input.take(n)?).into(),
        },
        Kind::Struct(fields) => read_struct(input, fields, shape.nested(name)?)?,
        Kind::Array(of) => match length(input, shape.flexible)? {
            None => Value::Null,
            Some(n) => read_array(input, name, of, n, shape)?,
        },
    })
}

fn read_array(
    input: &mut Input<'_>,
    name: &str,
    of: &'static Kind,
    n: usize,
    shape: Shape,
) -> Result<Value, DecodeError> {
    if n > input.left.len() {
        return malformed(format!(
            "Tried to allocate a collection of size {n}, but there are only {} bytes remaining.",
            input.left.len()
        ));
    }
    // A claimed length costs at most one element per byte that is really there; it is not allocated up front.
    let mut items = Vec::with_capacity(n.min(1024));
    for _ in 0..n {
        let value = read_value(input, &format!("{name} element"), of, shape)?;
        if value.is_null() {
            return malformed(format!("non-nullable field {name} element was serialized as null"));
        }
        items.push(value);
    }
    Ok(Value::Array(items))
}

/// Length of bytes or of an array; `None` is null.
fn length(input: &mut Input<'_>, flexible: bool) -> Result<Option<usize>, DecodeError> {
    if flexible {
        let n = input.unsigned_varint()?;
        return Ok((n != 0).then(|| n as usize - 1));
    }
    Ok(usize::try_from(i32::from_be_bytes(input.array()?)).ok())
}

fn text_length(input: &mut Input<'_>, flexible: bool) -> Result<Option<usize>, DecodeError> {
    if flexible {
        return length(input, true);
    }
    Ok(usize::try_from(i16::from_be_bytes(input.array()?)).ok())
}

/// The JSON of a field's default.
pub(super) fn default_value(field: &Field) -> Value {
    match field.default {
        Default::Null => Value::Null,
        Default::Int(n) if field.kind == Kind::Float64 => (n as f64).into(),
        Default::Int(n) => n.into(),
        Default::Bool(b) => b.into(),
        Default::Zero => match field.kind {
            Kind::Bool => false.into(),
            Kind::Float64 => 0.0.into(),
            Kind::Int8 | Kind::Int16 | Kind::UInt16 | Kind::Int32 | Kind::UInt32 | Kind::Int64 => 0.into(),
            Kind::Uuid => uuid_text(&[0; 16]).into(),
            Kind::Text | Kind::Bytes => "".into(),
            Kind::Array(_) => Value::Array(Vec::new()),
            Kind::Struct(fields) => fields.iter().map(|f| (f.name.to_owned(), default_value(f))).collect(),
        },
    }
}
