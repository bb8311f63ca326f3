//! Telling a client for how long it is throttled (KIP-219), in the bytes of a response that is ready, and how much
//! processor time a request took.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::wire::api::ApiKey;

/// Where a response has its throttle time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The first field, from this version on.
    First(i16),
    /// The last field; from this version on a byte for tagged fields follows.
    Last(i16),
    /// Behind an error code.
    Second,
    Nowhere,
}

/// By Kafka's message definitions. What is new has it in the first place.
fn place(key: ApiKey) -> Place {
    use ApiKey as K;
    match key {
        K::JoinGroup | K::ListOffsets => Place::First(2),
        K::Metadata | K::OffsetCommit | K::OffsetFetch => Place::First(3),
        K::DescribeGroups | K::FindCoordinator | K::Heartbeat | K::LeaveGroup | K::ListGroups | K::SyncGroup => {
            Place::First(1)
        }
        K::Produce => Place::Last(9),
        K::CreateDelegationToken | K::DescribeDelegationToken | K::ExpireDelegationToken | K::RenewDelegationToken => {
            Place::Last(2)
        }
        K::OffsetDelete => Place::Second,
        // ApiVersions has it between lists: clients that are throttled learn of it by the next answer.
        K::ApiVersions | K::SaslHandshake | K::SaslAuthenticate | K::DescribeQuorum | K::WriteTxnMarkers => {
            Place::Nowhere
        }
        key if (52..=55).contains(&(key as i16)) || (83..=87).contains(&(key as i16)) => Place::Nowhere,
        _ => Place::First(0),
    }
}

/// Where in a frame (length, header, body) the throttle time is; `None` if the version has none. `total` is the frame's
/// length, `header_version` the response header's.
pub fn position(key: ApiKey, version: i16, header_version: i16, total: usize) -> Option<usize> {
    // Length and correlation id, and the empty tagged fields of a flexible header.
    let body = 8 + usize::from(header_version >= 1);
    let at = match place(key) {
        Place::First(since) if version >= since => body,
        Place::Second => body + 2,
        Place::Last(flexible) => total.checked_sub(4 + usize::from(version >= flexible))?,
        _ => return None,
    };
    (at >= body && at + 4 <= total).then_some(at)
}

/// A future that reckons how long it was at work, waiting left out.
#[derive(Debug)]
pub struct Timed<F> {
    inner: Pin<Box<F>>,
    spent: Duration,
}

impl<F: Future> Timed<F> {
    pub fn new(inner: F) -> Self {
        Self {
            inner: Box::pin(inner),
            spent: Duration::ZERO,
        }
    }
}

impl<F: Future> Future for Timed<F> {
    type Output = (F::Output, Duration);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let begun = Instant::now();
        let polled = self.inner.as_mut().poll(cx);
        self.spent += begun.elapsed();
        polled.map(|output| (output, self.spent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::api::response_header_version;
    use crate::wire::frame::encode_response;
    use kafka_protocol::messages::{
        FetchResponse, HeartbeatResponse, MetadataResponse, OffsetDeleteResponse, ProduceResponse,
    };
    use kafka_protocol::protocol::{Encodable, HeaderVersion};

    const MARK: i32 = 0x0102_0304;

    fn found<T: Encodable + HeaderVersion>(key: ApiKey, version: i16, response: &T) -> bool {
        let header_version = response_header_version(key, version);
        let bytes = encode_response(response, version, header_version, 7).unwrap();
        let at = position(key, version, header_version, bytes.len()).unwrap();
        bytes[at..at + 4] == MARK.to_be_bytes()
    }

    #[test]
    fn responses_have_their_throttle_time_where_it_is_looked_for() {
        for version in 3..=12 {
            let response = ProduceResponse::default().with_throttle_time_ms(MARK);
            assert!(found(ApiKey::Produce, version, &response), "Produce {version}");
        }
        for version in 4..=16 {
            let response = FetchResponse::default().with_throttle_time_ms(MARK);
            assert!(found(ApiKey::Fetch, version, &response), "Fetch {version}");
        }
        for version in 3..=13 {
            let response = MetadataResponse::default().with_throttle_time_ms(MARK);
            assert!(found(ApiKey::Metadata, version, &response), "Metadata {version}");
        }
        for version in 1..=4 {
            let response = HeartbeatResponse::default().with_throttle_time_ms(MARK);
            assert!(found(ApiKey::Heartbeat, version, &response), "Heartbeat {version}");
        }
        let response = OffsetDeleteResponse::default().with_throttle_time_ms(MARK);
        assert!(found(ApiKey::OffsetDelete, 0, &response));
        assert_eq!(position(ApiKey::Heartbeat, 0, 0, 100), None);
        assert_eq!(position(ApiKey::Metadata, 5, 0, 10), None, "a frame that is too short");
    }
}
