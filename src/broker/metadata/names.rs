//! What a topic may be called (Kafka: `Topic`).

use super::{ApiError, MetadataImage};
use crate::wire::ErrorCode;

const MAX_NAME_LENGTH: usize = 249;

pub const GROUP_METADATA: &str = "__consumer_offsets";
pub const TRANSACTION_STATE: &str = "__transaction_state";
pub const SHARE_GROUP_STATE: &str = "__share_group_state";
pub const CLUSTER_METADATA: &str = "__cluster_metadata";

/// Topics that belong to Kafka's coordinators.
pub fn is_internal(name: &str) -> bool {
    matches!(name, GROUP_METADATA | TRANSACTION_STATE | SHARE_GROUP_STATE)
}

/// Checks a name, with Kafka's texts.
pub fn validate(name: &str) -> Result<(), ApiError> {
    let legal = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-');
    let problem = match name {
        "" => "the empty string is not allowed".to_owned(),
        "." | ".." => format!("'{name}' is not allowed"),
        _ if name.len() > MAX_NAME_LENGTH => {
            format!("the length of '{name}' is longer than the max allowed length {MAX_NAME_LENGTH}")
        }
        _ if !name.bytes().all(legal) => {
            format!("'{name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'")
        }
        _ => return Ok(()),
    };
    Err(ApiError::new(
        ErrorCode::INVALID_TOPIC_EXCEPTION,
        format!("Topic name is invalid: {problem}"),
    ))
}

/// Metrics do not tell `.` from `_`: a name may differ from every other in more than these.
pub fn check_collision(image: &MetadataImage, name: &str) -> Result<(), ApiError> {
    if !name.contains(['.', '_']) {
        return Ok(());
    }
    let unified = name.replace('.', "_");
    let collides = |other: &str| other.contains(['.', '_']) && other.replace('.', "_") == unified;
    match image
        .topics
        .keys()
        .find(|other| other.as_ref() != name && collides(other))
    {
        Some(other) => Err(ApiError::new(
            ErrorCode::INVALID_TOPIC_EXCEPTION,
            format!("Topic '{name}' collides with existing topic: {other}"),
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_kafka_refuses() {
        assert!(validate("a.b_c-9").is_ok());
        for (name, why) in [
            ("", "the empty string is not allowed"),
            ("..", "'..' is not allowed"),
            (
                "a b",
                "'a b' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'",
            ),
        ] {
            let text = validate(name).unwrap_err().message.unwrap();
            assert_eq!(text, format!("Topic name is invalid: {why}"));
        }
        assert!(validate(&"x".repeat(249)).is_ok() && validate(&"x".repeat(250)).is_err());
    }
}
