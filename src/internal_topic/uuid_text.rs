//! `org.apache.kafka.common.Uuid` as text: 16 bytes in URL-safe base64 without padding, 22 characters.

use base64::Engine as _;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::{GeneralPurposeConfig, URL_SAFE_NO_PAD};

/// Java's decoder takes any value in the two unused bits of the last character.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent),
);

/// The 22 characters of a uuid.
pub fn uuid_text(bytes: &[u8; 16]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The uuid of its text, `None` when the text is not 16 bytes of URL-safe base64.
pub fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    if text.len() > 24 {
        return None;
    }
    LENIENT.decode(text).ok()?.try_into().ok()
}
