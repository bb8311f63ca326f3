//! A record as one JSON object, without loss: text where bytes are UTF-8, base64 under `*_base64` where they are not.
//!
//! ```json
//! {"topic":"t","partition":0,"offset":7,"timestamp":1700000000000,"timestamp_type":"create",
//!  "key":"k","value_base64":"/w==","headers":[{"key":"h","value":"v"}]}
//! ```
//! A null key or value is `null`. Read back, only `key`, `value` (or their base64) and `headers` matter, and
//! `partition` and `timestamp` where they are there; other fields are ignored.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::cli::console_consumer::formatter::{Received, Timestamp};
use crate::cli::console_producer::reader::Record;

/// The object of a record.
pub fn object(r: &Received<'_>) -> Value {
    let mut o = Map::new();
    o.insert("topic".into(), json!(r.topic));
    o.insert("partition".into(), json!(r.partition));
    o.insert("offset".into(), json!(r.offset));
    if let Timestamp::Create(ms) | Timestamp::LogAppend(ms) = r.timestamp {
        o.insert("timestamp".into(), json!(ms));
        let kind = if matches!(r.timestamp, Timestamp::Create(_)) {
            "create"
        } else {
            "log_append"
        };
        o.insert("timestamp_type".into(), json!(kind));
    }
    put(&mut o, "key", r.key);
    put(&mut o, "value", r.value);
    let header = |(key, value): &(&str, Option<&[u8]>)| {
        let mut h = Map::new();
        h.insert("key".into(), json!(key));
        put(&mut h, "value", *value);
        Value::Object(h)
    };
    o.insert("headers".into(), Value::Array(r.headers.iter().map(header).collect()));
    Value::Object(o)
}

fn put(o: &mut Map<String, Value>, name: &str, bytes: Option<&[u8]>) {
    match bytes.map(|b| (b, std::str::from_utf8(b))) {
        None => o.insert(name.into(), Value::Null),
        Some((_, Ok(text))) => o.insert(name.into(), json!(text)),
        Some((b, Err(_))) => o.insert(format!("{name}_base64"), json!(STANDARD.encode(b))),
    };
}

/// Reads a record back.
///
/// # Errors
/// What is wrong with the line, and in which field.
pub fn parse(line: &str) -> Result<Record, String> {
    let value: Value = serde_json::from_str(line).map_err(|e| format!("not JSON: {e}"))?;
    let o = value.as_object().ok_or("not a JSON object")?;
    let number = |name: &str| match o.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(v) => v.as_i64().map(Some).ok_or(format!("{name}: not a whole number")),
    };
    let partition = match number("partition")? {
        None => None,
        Some(n) => Some(
            i32::try_from(n)
                .ok()
                .filter(|p| *p >= 0)
                .ok_or(format!("partition: {n} is out of range"))?,
        ),
    };
    let headers = match o.get("headers") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) => items.iter().map(header).collect::<Result<_, _>>()?,
        Some(_) => return Err("headers: not an array".into()),
    };
    Ok(Record {
        key: take(o, "key")?,
        value: take(o, "value")?,
        headers,
        partition,
        timestamp: number("timestamp")?,
    })
}

fn header(item: &Value) -> Result<(String, Option<Vec<u8>>), String> {
    let o = item.as_object().ok_or("headers: not an object")?;
    let key = o
        .get("key")
        .and_then(Value::as_str)
        .ok_or("headers: a header without a key")?;
    Ok((key.to_string(), take(o, "value").map_err(|e| format!("headers: {e}"))?))
}

fn take(o: &Map<String, Value>, name: &str) -> Result<Option<Vec<u8>>, String> {
    if let Some(coded) = o.get(&format!("{name}_base64")) {
        let text = coded.as_str().ok_or(format!("{name}_base64: not a string"))?;
        return STANDARD
            .decode(text)
            .map(Some)
            .map_err(|e| format!("{name}_base64: {e}"));
    }
    match o.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(s)) => Ok(Some(s.clone().into_bytes())),
        Some(_) => Err(format!("{name}: neither a string nor null")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_comes_back_as_it_went() {
        let r = Received {
            topic: "t",
            partition: 2,
            offset: 9,
            timestamp: Timestamp::Create(1_700_000_000_000),
            key: Some(b"\xff\x00"),
            value: None,
            headers: vec![("a", Some(b"1")), ("a", None), ("b", Some(b"\xfe"))],
        };
        let back = parse(&object(&r).to_string()).unwrap();
        assert_eq!(
            (back.key.as_deref(), back.value.as_deref(), back.partition),
            (r.key, r.value, Some(2))
        );
        assert_eq!(back.timestamp, Some(1_700_000_000_000));
        let headers: Vec<_> = back.headers.iter().map(|(k, v)| (k.as_str(), v.as_deref())).collect();
        assert_eq!(headers, r.headers);
    }

    #[test]
    fn a_bad_line_says_where() {
        for (line, why) in [
            ("{", "not JSON"),
            ("[]", "not a JSON object"),
            (r#"{"value":1}"#, "value: neither a string nor null"),
            (r#"{"key_base64":"?"}"#, "key_base64: "),
            (r#"{"partition":-1}"#, "partition: -1 is out of range"),
            (r#"{"headers":[{}]}"#, "headers: a header without a key"),
        ] {
            assert!(parse(line).unwrap_err().starts_with(why), "{line}");
        }
    }
}
