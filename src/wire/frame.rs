//! Length-prefixed frames, and requests and responses to bytes and back.
//!
//! A frame is a signed 32-bit length and that many bytes: a header (correlation id first in responses) and a body.
//! Nothing here trusts a length: a frame is refused above the caller's limit before anything is allocated, and grows
//! with what arrives, not with what was claimed.

use std::io;

use crate::wire::api::ApiKey;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::messages::{RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::guard::{self, Side};

/// What a client accepts as a response: Kafka's clients take any size; 1 GiB is beyond every real response.
pub const MAX_RESPONSE_BYTES: usize = 1 << 30;

/// Bytes allocated at once for a frame; more only as they arrive.
const READ_CHUNK_BYTES: usize = 64 * 1024;

/// Why bytes could not be made from a message, or a message from bytes.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    #[error("frame of {size} bytes is larger than the limit of {limit} bytes")]
    TooLarge { size: i64, limit: usize },
    #[error("negative frame length {0}")]
    NegativeLength(i32),
    #[error("cannot encode {what} version {version}: {reason}")]
    Encode {
        what: &'static str,
        version: i16,
        reason: String,
    },
    #[error("malformed {what} version {version}: {reason}")]
    Decode {
        what: &'static str,
        version: i16,
        reason: String,
    },
    #[error("unknown API key {0}")]
    UnknownApi(i16),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Reads one frame's content, without its length. `Ok(None)` if the stream ended before the first byte of a frame.
///
/// # Errors
/// A negative length, a length above `limit_bytes`, or a stream that ends or fails inside the frame.
pub async fn read_frame<S: AsyncRead + Unpin>(stream: &mut S, limit_bytes: usize) -> Result<Option<Bytes>, FrameError> {
    match read_length(stream, limit_bytes).await? {
        None => Ok(None),
        Some(len) => read_content(stream, len).await.map(Some),
    }
}

/// Reads what a frame begins with: how many bytes follow. `Ok(None)` if the stream ended before the first byte.
///
/// # Errors
/// As [`read_frame`].
pub async fn read_length<S: AsyncRead + Unpin>(
    stream: &mut S,
    limit_bytes: usize,
) -> Result<Option<usize>, FrameError> {
    let mut prefix = [0u8; 4];
    if stream.read(&mut prefix[..1]).await? == 0 {
        return Ok(None);
    }
    stream.read_exact(&mut prefix[1..]).await?;
    let size = i32::from_be_bytes(prefix);
    let len = usize::try_from(size).map_err(|_| FrameError::NegativeLength(size))?;
    if len > limit_bytes {
        return Err(FrameError::TooLarge {
            size: i64::from(size),
            limit: limit_bytes,
        });
    }
    Ok(Some(len))
}

/// Reads the `len` bytes behind a frame's length. Memory grows with what comes, not with what was promised.
///
/// # Errors
/// A stream that ends or fails before.
pub async fn read_content<S: AsyncRead + Unpin>(stream: &mut S, len: usize) -> Result<Bytes, FrameError> {
    let mut content = BytesMut::with_capacity(len.min(READ_CHUNK_BYTES));
    let mut limited = stream.take(len as u64);
    while content.len() < len {
        if content.capacity() == content.len() {
            content.reserve((len - content.len()).min(content.len().max(READ_CHUNK_BYTES)));
        }
        if limited.read_buf(&mut content).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
    }
    Ok(content.freeze())
}

/// A request as it goes on the wire: length, header, body.
///
/// # Errors
/// If a field is set that `version` cannot carry.
pub fn encode_request<R: Request>(
    request: &R,
    version: i16,
    correlation_id: i32,
    client_id: Option<&str>,
) -> Result<BytesMut, FrameError> {
    let header = RequestHeader::default()
        .with_request_api_key(R::KEY)
        .with_request_api_version(version)
        .with_correlation_id(correlation_id)
        .with_client_id(client_id.map(|id| StrBytes::from_string(id.to_string())));
    let mut out = BytesMut::new();
    out.put_i32(0);
    let layout = super::api::layout_version(R::KEY, version);
    encode(&header, &mut out, R::header_version(layout), "request header")?;
    encode(request, &mut out, layout, "request")?;
    patch_length(&mut out);
    Ok(out)
}

/// A response as it goes on the wire: length, header of `header_version` (see [`super::api::response_header_version`]), body.
///
/// # Errors
/// If a field is set that `version` cannot carry.
pub fn encode_response<T: Encodable>(
    response: &T,
    version: i16,
    header_version: i16,
    correlation_id: i32,
) -> Result<BytesMut, FrameError> {
    let header = ResponseHeader::default().with_correlation_id(correlation_id);
    let mut out = BytesMut::new();
    out.put_i32(0);
    encode(&header, &mut out, header_version, "response header")?;
    encode(response, &mut out, version, "response")?;
    patch_length(&mut out);
    Ok(out)
}

/// The body of a response to `R`, from a frame that still has its header.
///
/// # Errors
/// If the bytes are not such a response, or more bytes follow it.
pub fn decode_response<R: Request>(mut frame: Bytes, version: i16) -> Result<R::Response, FrameError> {
    let layout = super::api::layout_version(R::KEY, version);
    let header_version = R::Response::header_version(layout);
    decode::<ResponseHeader>(&mut frame, header_version, "response header")?;
    guard::check(Side::Response, R::KEY, version, &frame).map_err(|e| malformed("response", version, &e))?;
    decode::<R::Response>(&mut frame, layout, "response")
}

/// The correlation id a response frame starts with.
pub fn correlation_id(frame: &Bytes) -> Option<i32> {
    frame.get(..4).map(|b| i32::from_be_bytes([b[0], b[1], b[2], b[3]]))
}

/// Takes the header off a request frame; what is left of `frame` is the body, in which every length and count has been
/// checked against the bytes that are there (see [`super::guard`]).
///
/// # Errors
/// [`FrameError::UnknownApi`] for an API key this build does not know, [`FrameError::Decode`] for malformed bytes.
pub fn decode_request_header(frame: &mut Bytes) -> Result<(ApiKey, RequestHeader), FrameError> {
    let mut peek = frame.as_ref();
    if peek.len() < 4 {
        let reason = format!("only {} bytes", frame.len());
        return Err(FrameError::Decode {
            what: "request header",
            version: -1,
            reason,
        });
    }
    let (code, version) = (peek.get_i16(), peek.get_i16());
    let key = ApiKey::try_from(code).map_err(|()| FrameError::UnknownApi(code))?;
    // ApiVersions of a version from the future still has a header that can be read: KIP-511 says it is version 2.
    let layout = super::api::layout_version(code, version);
    let known = layout.clamp(0, super::api::supported_range(key).max);
    let header = decode::<RequestHeader>(frame, super::api::request_header_version(key, known), "request header")?;
    // Versions that are not known are the caller's to refuse, each API in its own way.
    let range = super::api::supported_range(key);
    if (range.min..=range.max).contains(&layout) {
        guard::check(Side::Request, code, layout, frame).map_err(|e| malformed("request", version, &e))?;
    }
    Ok((key, header))
}

/// Decodes a body; `what` names it in the error.
///
/// # Errors
/// If the bytes are not such a message at `version`.
pub fn decode<T: Decodable>(bytes: &mut Bytes, version: i16, what: &'static str) -> Result<T, FrameError> {
    T::decode(bytes, version).map_err(|e| FrameError::Decode {
        what,
        version,
        reason: e.to_string().trim().to_string(),
    })
}

/// Adds a message to `out`.
///
/// # Errors
/// If a field is set that `version` cannot carry.
pub fn encode<T: Encodable>(value: &T, out: &mut BytesMut, version: i16, what: &'static str) -> Result<(), FrameError> {
    value.encode(out, version).map_err(|e| FrameError::Encode {
        what,
        version,
        reason: e.to_string(),
    })
}

fn malformed(what: &'static str, version: i16, e: &guard::Malformed) -> FrameError {
    FrameError::Decode {
        what,
        version,
        reason: e.to_string(),
    }
}

fn patch_length(out: &mut BytesMut) {
    let len = (out.len() - 4) as u32;
    out[..4].copy_from_slice(&len.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use kafka_protocol::messages::{ApiVersionsRequest, ApiVersionsResponse};

    #[tokio::test]
    async fn a_frame_survives_the_round_trip() {
        let out = encode_request(&ApiVersionsRequest::default(), 4, 7, Some("c")).unwrap();
        let mut stream = out.as_ref();
        let mut frame = read_frame(&mut stream, 1024).await.unwrap().unwrap();
        let (key, header) = decode_request_header(&mut frame).unwrap();
        assert_eq!(
            (key, header.correlation_id, header.request_api_version),
            (ApiKey::ApiVersions, 7, 4)
        );
        assert!(read_frame(&mut stream, 1024).await.unwrap().is_none());

        let out = encode_response(&ApiVersionsResponse::default().with_error_code(35), 0, 0, 9).unwrap();
        let frame = out.freeze().slice(4..);
        assert_eq!(correlation_id(&frame), Some(9));
        assert_eq!(decode_response::<ApiVersionsRequest>(frame, 0).unwrap().error_code, 35);
    }

    #[tokio::test]
    async fn a_frame_above_the_limit_is_refused_before_it_is_read() {
        let mut bytes: &[u8] = &[0x7f, 0xff, 0xff, 0xff];
        assert!(matches!(
            read_frame(&mut bytes, 100).await,
            Err(FrameError::TooLarge { .. })
        ));
        let mut bytes: &[u8] = &[0xff, 0xff, 0xff, 0xff];
        assert!(matches!(
            read_frame(&mut bytes, 100).await,
            Err(FrameError::NegativeLength(-1))
        ));
        let mut bytes: &[u8] = &[0, 0, 0, 9, 1, 2];
        assert!(matches!(read_frame(&mut bytes, 100).await, Err(FrameError::Io(_))));
    }

    #[test]
    fn an_unknown_api_is_named() {
        let mut frame = Bytes::from_static(&[0x13, 0x88, 0, 0, 0, 0, 0, 1]);
        assert!(matches!(
            decode_request_header(&mut frame),
            Err(FrameError::UnknownApi(5000))
        ));
    }
}
