//! Requests and responses over a plain socket, one at a time.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::list_offsets_response::ListOffsetsPartitionResponse;
use kafka_protocol::messages::{FindCoordinatorRequest, ListOffsetsRequest, TopicName};
use kafka_protocol::protocol::{Request, StrBytes};
use kt::wire::frame::{correlation_id, decode_response, encode_request};

/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(20);

/// A connection to a broker that does nothing of its own accord.
#[derive(Debug)]
pub struct Wire {
    socket: TcpStream,
    next_id: i32,
}

impl Wire {
    pub fn connect(bootstrap: &str) -> Self {
        Self::connect_for(bootstrap, LIMIT)
    }

    /// A connection whose answers may take so long.
    pub fn connect_for(bootstrap: &str, limit: Duration) -> Self {
        let socket = TcpStream::connect(bootstrap).unwrap_or_else(|e| panic!("{bootstrap}: {e}"));
        socket.set_read_timeout(Some(limit)).expect("a limit above zero");
        socket.set_nodelay(true).expect("a socket that is open");
        Self { socket, next_id: 1 }
    }

    /// Sends a request in a version and waits for its response.
    pub fn call<R: Request>(&mut self, request: &R, version: i16) -> R::Response {
        let id = self.send_request(request, version);
        self.receive::<R>(id, version)
    }

    /// Sends a request and does not wait; the id its response will have.
    pub fn send_request<R: Request>(&mut self, request: &R, version: i16) -> i32 {
        let id = self.next_id;
        self.next_id += 1;
        let bytes = encode_request(request, version, id, Some("kt-it")).expect("a request that fits its version");
        self.send(&bytes);
        id
    }

    /// Waits for the response with this id, which must be the next.
    pub fn receive<R: Request>(&mut self, id: i32, version: i16) -> R::Response {
        let frame = self.frame().expect("an answer");
        assert_eq!(correlation_id(&frame), Some(id), "an answer to another request");
        decode_response::<R>(frame, version).expect("an answer of the request's version")
    }

    /// Waits until the broker hangs up; it must not say anything more.
    pub fn expect_closed(&mut self) {
        let mut rest = Vec::new();
        match self.socket.read_to_end(&mut rest) {
            Ok(_) => assert!(rest.is_empty(), "the broker answered {} bytes", rest.len()),
            Err(e) => assert_eq!(e.kind(), std::io::ErrorKind::ConnectionReset, "{e}"),
        }
    }

    /// Writes bytes as they are. A broker may hang up while we write.
    pub fn send(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).ok();
    }

    /// How long the next frame is, which is left unread; none when the broker hung up.
    pub fn length(&mut self) -> Option<usize> {
        let mut length = [0; 4];
        self.socket.read_exact(&mut length).ok()?;
        Some(usize::try_from(i32::from_be_bytes(length)).expect("a length above zero"))
    }

    /// The next frame without its length; none when the broker hung up.
    pub fn frame(&mut self) -> Option<Bytes> {
        let length = self.length()?;
        assert!(length < 64 << 20, "an answer of {length} bytes");
        let mut frame = vec![0; length];
        self.socket.read_exact(&mut frame).ok()?;
        Some(frame.into())
    }
}

/// What ListOffsets finds in partition 0 of a topic for a timestamp, as a consumer asks.
pub fn list_offsets(wire: &mut Wire, topic: &TopicName, timestamp: i64, version: i16) -> ListOffsetsPartitionResponse {
    let partition = ListOffsetsPartition::default().with_timestamp(timestamp);
    let topic = ListOffsetsTopic::default()
        .with_name(topic.clone())
        .with_partitions(vec![partition]);
    let request = ListOffsetsRequest::default()
        .with_replica_id((-1).into())
        .with_topics(vec![topic]);
    wire.call(&request, version).topics.remove(0).partitions.remove(0)
}

/// Waits until the broker leads partition 0 of a topic just made: real Kafka tells clients of a topic a little earlier.
pub fn until_led(wire: &mut Wire, topic: &TopicName) {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let error = list_offsets(wire, topic, -1, 9).error_code;
        if error == 0 {
            return;
        }
        assert!(Instant::now() < deadline, "error {error}");
    }
}

/// A string of a message.
pub fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

/// A connection to the group's coordinator, once there is one: the first to ask for one has its topic made.
pub fn group_coordinator(bootstrap: &str, group_id: &str) -> Wire {
    let mut wire = Wire::connect(bootstrap);
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let request = FindCoordinatorRequest::default().with_coordinator_keys(vec![text(group_id)]);
        let found = wire.call(&request, 4).coordinators.remove(0);
        if found.error_code == 0 {
            return Wire::connect(&format!("{}:{}", found.host, found.port));
        }
        assert_eq!(found.error_code, 15, "COORDINATOR_NOT_AVAILABLE");
        assert!(Instant::now() < deadline, "no coordinator of {group_id}");
        std::thread::sleep(Duration::from_millis(100));
    }
}
