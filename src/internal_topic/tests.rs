//! Round trips through every table, bytes taken from real logs, and hostile bytes.

use serde_json::{Value, json};

use super::schema::{Default, Field, Kind, Schema, Versions, field, range, since};
use super::*;

/// Every message of every table.
fn all() -> Vec<&'static Schema> {
    let mut out: Vec<&Schema> = Vec::new();
    for types in [schema::group::TYPES, schema::txn::TYPES, schema::share::TYPES] {
        out.extend(types.iter().flat_map(|(key, value)| [*key, *value]));
    }
    out.extend(schema::metadata::TYPES);
    out.extend(schema::remote_log::TYPES);
    for kind in (0..7).map(control::ControlType::from_id) {
        out.extend(kind.schema());
    }
    out.extend([
        &schema::protocol::CONSUMER_PROTOCOL_SUBSCRIPTION,
        &schema::protocol::CONSUMER_PROTOCOL_ASSIGNMENT,
    ]);
    out
}

/// JSON in which every field that `version` has holds something else than its default.
fn sample(fields: &[Field], version: i16) -> Value {
    let present = fields.iter().filter(|f| f.versions.contains(version));
    present
        .map(|f| (f.name.to_owned(), sample_value(&f.kind, version)))
        .collect()
}

fn sample_value(kind: &Kind, version: i16) -> Value {
    match kind {
        Kind::Bool => true.into(),
        Kind::Int8 => (-7).into(),
        Kind::Int16 => (-300).into(),
        Kind::UInt16 => 65_000.into(),
        Kind::Int32 => (-70_000).into(),
        Kind::UInt32 => 4_000_000_000u32.into(),
        Kind::Int64 => i64::MIN.into(),
        Kind::Float64 => 1.5.into(),
        Kind::Uuid => uuid_text(&[0xfe; 16]).into(),
        Kind::Text => "né\u{0}".into(),
        Kind::Bytes => "AAECAw==".into(),
        Kind::Struct(fields) => sample(fields, version),
        Kind::Array(of) => vec![sample_value(of, version), sample_value(of, version)].into(),
    }
}

#[test]
fn every_version_of_every_message_comes_back_as_written() {
    let mut messages = 0;
    for schema in all() {
        for version in schema.valid.min..=schema.valid.max {
            let full = sample(schema.fields, version);
            let bytes = encode(schema, version, &full).unwrap_or_else(|e| panic!("{} {version}: {e}", schema.name));
            assert_eq!(
                decode(schema, version, &bytes).unwrap(),
                full,
                "{} {version}",
                schema.name
            );
            for cut in 0..bytes.len() {
                assert!(
                    decode(schema, version, &bytes[..cut]).is_err(),
                    "{} {version} cut at {cut}",
                    schema.name
                );
            }
            let empty = encode(schema, version, &json!({})).unwrap();
            let filled = decode_filled(schema, version, &empty).unwrap();
            assert_eq!(filled.as_object().unwrap().len(), schema.fields.len());
            assert_eq!(
                encode(schema, version, &filled).unwrap(),
                empty,
                "{} {version}",
                schema.name
            );
            messages += 1;
        }
    }
    assert!(messages > 100, "{messages} messages");
}

#[test]
fn offset_commit_is_the_bytes_kafka_writes() {
    let key = group::encode_key(
        group::record_type::OFFSET_COMMIT,
        &json!({"group": "g1", "topic": "t", "partition": 2}),
    );
    assert_eq!(key.unwrap(), b"\0\x01\0\x02g1\0\x01t\0\0\0\x02");
    let value = json!({"offset": 258, "leaderEpoch": 5, "metadata": "m", "commitTimestamp": 1});
    let bytes = group::encode_value(group::record_type::OFFSET_COMMIT, 3, &value).unwrap();
    assert_eq!(bytes, b"\0\x03\0\0\0\0\0\0\x01\x02\0\0\0\x05\0\x01m\0\0\0\0\0\0\0\x01");
    let back = group::decode_value(1, &bytes).unwrap();
    assert_eq!(
        (back.version, &back.json["offset"], &back.json["expireTimestamp"]),
        (3, &json!(258), &json!(-1))
    );
}

#[test]
fn metadata_records_are_framed_by_version_type_and_version() {
    let uuid = uuid_text(&[1; 16]);
    let bytes =
        metadata::encode_value(metadata::record_type::TOPIC, 0, &json!({"name": "t", "topicId": uuid})).unwrap();
    assert_eq!(bytes[..5], [1, 2, 0, 2, b't']);
    let back = metadata::decode_value(&bytes).unwrap();
    assert_eq!(
        (back.record_type(), back.schema.enum_name().as_str()),
        (2, "TOPIC_RECORD")
    );
    assert_eq!(back.json, json!({"name": "t", "topicId": uuid}));
    let mut longer = bytes.clone();
    longer.push(9);
    assert_eq!(
        metadata::decode_value(&longer).unwrap_err().to_string(),
        "Found 1 byte(s) of garbage after 2"
    );
    assert_eq!(
        metadata::decode_value(&[]).unwrap_err().to_string(),
        "Error while reading frame version"
    );
}

#[test]
fn tagged_fields_with_their_default_are_left_out_and_filled_in_on_request() {
    let schema = &schema::metadata::PARTITION_RECORD;
    let bytes = encode(schema, 2, &json!({"partitionId": 3, "lastKnownElr": [1]})).unwrap();
    let printed = decode(schema, 2, &bytes).unwrap();
    assert_eq!(printed.get("eligibleLeaderReplicas"), None);
    assert_eq!(printed["lastKnownElr"], json!([1]));
    let filled = decode_filled(schema, 2, &bytes).unwrap();
    assert_eq!(filled["eligibleLeaderReplicas"], Value::Null);
    assert_eq!(filled["leader"], json!(-1));
}

/// Bytes of a real `__consumer_offsets`: a tagged struct that is null, which is not its default.
#[test]
fn a_member_without_classic_metadata_says_so() {
    let value = json!({"instanceId": null, "rackId": null, "serverAssignor": null, "clientId": "c", "clientHost": "/h", "subscribedTopicNames": ["t"], "subscribedTopicRegex": "",
        "rebalanceTimeoutMs": 5, "classicMemberMetadata": null});
    let bytes = group::encode_value(group::record_type::CONSUMER_GROUP_MEMBER_METADATA, 0, &value).unwrap();
    assert_eq!(bytes, b"\0\0\0\0\x02c\x03/h\x02\x02t\x01\0\0\0\x05\0\x01\0\x01\0");
    let schema = &schema::group::CONSUMER_GROUP_MEMBER_METADATA_VALUE;
    assert_eq!(
        decode(schema, 0, &bytes[2..]).unwrap().get("classicMemberMetadata"),
        Some(&Value::Null)
    );
}

#[test]
fn json_that_does_not_fit_is_refused_by_name() {
    let schema = &schema::group::OFFSET_COMMIT_VALUE;
    let refuse = |json| encode(schema, 1, &json).unwrap_err().to_string();
    assert_eq!(refuse(json!({"ofset": 1})), "OffsetCommitValue has no field ofset");
    assert_eq!(refuse(json!({"offset": "1"})), "offset: \"1\" is not Int64");
    assert_eq!(
        refuse(json!({"metadata": null})),
        "field metadata cannot be null at version 1"
    );
    assert_eq!(
        encode(schema, 9, &json!({})).unwrap_err().to_string(),
        "Can't write version 9 of OffsetCommitValue"
    );
    let strict: &'static Schema = Box::leak(Box::new(Schema {
        name: "Strict",
        api_key: None,
        valid: range(0, 1),
        flexible: Versions::NONE,
        fields: Box::leak(Box::new([field("late", Kind::Int8, since(1)).default(Default::Int(4))])),
    }));
    assert_eq!(encode(strict, 0, &json!({"late": 4})).unwrap(), b"");
    assert_eq!(
        encode(strict, 0, &json!({"late": 5})).unwrap_err().to_string(),
        "Attempted to write a non-default late at version 0"
    );
}

#[test]
fn claimed_lengths_are_checked_before_anything_is_allocated() {
    let schema = &schema::txn::TRANSACTION_LOG_VALUE;
    let mut bytes = encode(schema, 0, &json!({})).unwrap();
    let at = 8 + 2 + 4 + 1;
    bytes[at..at + 4].copy_from_slice(&0x7fff_ffff_u32.to_be_bytes());
    assert_eq!(
        decode(schema, 0, &bytes).unwrap_err().to_string(),
        "Tried to allocate a collection of size 2147483647, but there are only 16 bytes remaining."
    );
}

#[test]
fn arbitrary_bytes_never_panic() {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let (mut good, mut bad) = (0, 0);
    for schema in all() {
        for version in schema.valid.min..=schema.valid.max {
            let base = encode(schema, version, &sample(schema.fields, version)).unwrap();
            for _ in 0..200 {
                let mut bytes = base.clone();
                for _ in 0..=next() % 4 {
                    if bytes.is_empty() {
                        break;
                    }
                    let at = next() as usize % bytes.len();
                    bytes[at] = next() as u8;
                }
                match decode(schema, version, &bytes) {
                    Ok(_) => good += 1,
                    Err(_) => bad += 1,
                }
            }
        }
    }
    assert!(good > 1000 && bad > 1000, "{good} decoded, {bad} refused");
}

#[test]
fn json_text_is_jacksons() {
    let text = json::to_text(&json!({"a": "é\u{1f}\"\\\n/", "b": [null, true, 1e7, 1.5e-5, 20.0, -3]}));
    assert_eq!(text, r#"{"a":"é\u001F\"\\\n/","b":[null,true,1.0E7,1.5E-5,20.0,-3]}"#);
}

#[test]
fn uuids_are_kafkas_text() {
    assert_eq!(uuid_text(&[0; 16]), "AAAAAAAAAAAAAAAAAAAAAA");
    assert_eq!(parse_uuid("AAAAAAAAAAAAAAAAAAAAAQ").unwrap()[15], 1);
    assert_eq!(parse_uuid("AAAA"), None);
    assert_eq!(parse_uuid("A!AAAAAAAAAAAAAAAAAAAQ"), None);
}
