//! JSON to bytes of a message, driven by its field table.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::decode::default_value;
use super::schema::{Field, Kind, Schema};
use super::uuid_text::parse_uuid;

/// Why JSON cannot be written as a message; the text names the field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EncodeError(pub String);

fn refuse<T>(text: String) -> Result<T, EncodeError> {
    Err(EncodeError(text))
}

/// Encodes a JSON object. A missing field takes its default. A name that the table does not have, a value that does
/// not fit its type, and a value that `version` cannot carry are errors.
pub fn encode(schema: &Schema, version: i16, json: &Value) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::with_capacity(64);
    encode_into(schema, version, json, &mut out)?;
    Ok(out)
}

/// Like [`encode`], appending to `out`. After an error `out` holds part of the message.
pub fn encode_into(schema: &Schema, version: i16, json: &Value, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    if !schema.valid.contains(version) {
        return refuse(format!("Can't write version {version} of {}", schema.name));
    }
    let writer = Writer {
        version,
        flexible: schema.is_flexible(version),
    };
    writer.write_struct(out, schema.name, schema.fields, json)
}

/// `ByteUtils.writeUnsignedVarint`.
pub(super) fn put_unsigned_varint(out: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[derive(Clone, Copy)]
struct Writer {
    version: i16,
    flexible: bool,
}

impl Writer {
    fn write_struct(
        self,
        out: &mut Vec<u8>,
        name: &str,
        fields: &'static [Field],
        json: &Value,
    ) -> Result<(), EncodeError> {
        let Value::Object(map) = json else {
            return refuse(format!("{name}: an object is expected, not {json}"));
        };
        if let Some(stranger) = map.keys().find(|key| !fields.iter().any(|f| f.name == key.as_str())) {
            return refuse(format!("{name} has no field {stranger}"));
        }
        let mut tagged: Vec<(&Field, &Value)> = Vec::new();
        for field in fields {
            let given = map.get(field.name);
            if field.is_tagged(self.version) {
                tagged.extend(given.filter(|v| **v != default_value(field)).map(|v| (field, v)));
            } else if field.versions.contains(self.version) {
                match given {
                    Some(value) => self.write_field(out, field, value)?,
                    None => self.write_field(out, field, &default_value(field))?,
                }
            } else if let Some(value) = given
                && !field.ignorable
                && *value != default_value(field)
            {
                return refuse(format!(
                    "Attempted to write a non-default {} at version {}",
                    field.name, self.version
                ));
            }
        }
        if self.flexible {
            self.write_tagged(out, tagged)?;
        }
        Ok(())
    }

    fn write_tagged(self, out: &mut Vec<u8>, mut tagged: Vec<(&Field, &Value)>) -> Result<(), EncodeError> {
        tagged.sort_by_key(|(field, _)| field.tag);
        put_unsigned_varint(out, tagged.len() as u32);
        for (field, value) in tagged {
            let mut body = Vec::new();
            self.write_field(&mut body, field, value)?;
            put_unsigned_varint(out, field.tag);
            put_unsigned_varint(out, body.len() as u32);
            out.extend_from_slice(&body);
        }
        Ok(())
    }

    fn write_field(self, out: &mut Vec<u8>, field: &Field, value: &Value) -> Result<(), EncodeError> {
        let nullable = field.nullable.contains(self.version);
        if value.is_null() && !nullable {
            return refuse(format!(
                "field {} cannot be null at version {}",
                field.name, self.version
            ));
        }
        match field.kind {
            // A tagged struct's null is an unsigned varint 0, another's the byte -1.
            Kind::Struct(_) if value.is_null() => out.push(if field.is_tagged(self.version) { 0 } else { 0xff }),
            Kind::Struct(fields) => {
                if nullable {
                    out.push(1);
                }
                self.write_struct(out, field.name, fields, value)?;
            }
            kind => self.write_value(out, field.name, &kind, value)?,
        }
        Ok(())
    }

    fn write_value(self, out: &mut Vec<u8>, name: &str, kind: &Kind, value: &Value) -> Result<(), EncodeError> {
        match kind {
            Kind::Bool => match value {
                Value::Bool(b) => out.push(u8::from(*b)),
                _ => return misfit(name, kind, value),
            },
            Kind::Int8 => out.extend(int::<i8>(name, kind, value)?.to_be_bytes()),
            Kind::Int16 => out.extend(int::<i16>(name, kind, value)?.to_be_bytes()),
            Kind::UInt16 => out.extend(int::<u16>(name, kind, value)?.to_be_bytes()),
            Kind::Int32 => out.extend(int::<i32>(name, kind, value)?.to_be_bytes()),
            Kind::UInt32 => out.extend(int::<u32>(name, kind, value)?.to_be_bytes()),
            Kind::Int64 => out.extend(int::<i64>(name, kind, value)?.to_be_bytes()),
            Kind::Float64 => out.extend(float(name, kind, value)?.to_be_bytes()),
            Kind::Uuid => match value.as_str().and_then(parse_uuid) {
                Some(uuid) => out.extend(uuid),
                None => return misfit(name, kind, value),
            },
            Kind::Text => self.write_text(out, name, value)?,
            Kind::Bytes => self.write_bytes(out, name, value)?,
            Kind::Struct(fields) => self.write_struct(out, name, fields, value)?,
            Kind::Array(of) => match value {
                Value::Null => self.put_length(out, None),
                Value::Array(items) => {
                    self.put_length(out, Some(items.len()));
                    for item in items {
                        if item.is_null() {
                            return refuse(format!("{name}: an element cannot be null"));
                        }
                        self.write_value(out, name, of, item)?;
                    }
                }
                _ => return misfit(name, kind, value),
            },
        }
        Ok(())
    }

    fn write_text(self, out: &mut Vec<u8>, name: &str, value: &Value) -> Result<(), EncodeError> {
        let text = match value {
            Value::Null => None,
            Value::String(text) => Some(text.as_bytes()),
            _ => return misfit(name, &Kind::Text, value),
        };
        if let Some(text) = text.filter(|t| t.len() > 0x7fff) {
            return refuse(format!(
                "'{name}' field is too long to be serialized: {} bytes",
                text.len()
            ));
        }
        if self.flexible {
            self.put_length(out, text.map(<[u8]>::len));
        } else {
            out.extend(text.map_or(-1, |t| t.len() as i16).to_be_bytes());
        }
        out.extend_from_slice(text.unwrap_or_default());
        Ok(())
    }

    fn write_bytes(self, out: &mut Vec<u8>, name: &str, value: &Value) -> Result<(), EncodeError> {
        match value {
            Value::Null => self.put_length(out, None),
            Value::String(text) => match STANDARD.decode(text) {
                Ok(bytes) => {
                    self.put_length(out, Some(bytes.len()));
                    out.extend_from_slice(&bytes);
                }
                Err(why) => return refuse(format!("{name}: not base64: {why}")),
            },
            _ => return misfit(name, &Kind::Bytes, value),
        }
        Ok(())
    }

    /// Length of bytes or an array. What is in memory fits, so 32 bits do.
    fn put_length(self, out: &mut Vec<u8>, length: Option<usize>) {
        if self.flexible {
            put_unsigned_varint(out, length.map_or(0, |n| n as u32 + 1));
        } else {
            out.extend(length.map_or(-1, |n| n as i32).to_be_bytes());
        }
    }
}

fn misfit<T>(name: &str, kind: &Kind, value: &Value) -> Result<T, EncodeError> {
    let kind = match kind {
        Kind::Array(_) => "an array".to_owned(),
        other => format!("{other:?}"),
    };
    refuse(format!("{name}: {value} is not {kind}"))
}

fn int<T: TryFrom<i64>>(name: &str, kind: &Kind, value: &Value) -> Result<T, EncodeError> {
    match value.as_i64().and_then(|n| T::try_from(n).ok()) {
        Some(n) => Ok(n),
        None => misfit(name, kind, value),
    }
}

fn float(name: &str, kind: &Kind, value: &Value) -> Result<f64, EncodeError> {
    match value {
        Value::Number(n) => n.as_f64().map_or_else(|| misfit(name, kind, value), Ok),
        Value::String(text) => match text.as_str() {
            "NaN" => Ok(f64::NAN),
            "Infinity" => Ok(f64::INFINITY),
            "-Infinity" => Ok(f64::NEG_INFINITY),
            _ => misfit(name, kind, value),
        },
        _ => misfit(name, kind, value),
    }
}
