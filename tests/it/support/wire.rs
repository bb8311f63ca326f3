//! A plain socket that speaks the protocol: one request, one response, every byte in the test's hands.
//! Requests and responses over a plain socket, one at a time.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::protocol::Request;
    correlation_id: i32,
    next_id: i32,
    socket: TcpStream,
    stream: TcpStream,
#[derive(Debug)]
/// A connection to a broker that does nothing of its own accord.
/// A connection to a broker.
/// How long a response may take before a test gives up.
/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(20);
const PATIENCE: Duration = Duration::from_secs(20);
pub struct Wire {
use kt::wire::frame::{correlation_id, decode_response, encode_request};
use kt::wire::frame::{decode_response, encode_request};
}

impl Wire {
    pub fn connect(bootstrap: &str) -> Self {
            Err(e) => assert_eq!(e.kind(), std::io::ErrorKind::ConnectionReset, "{e}"),
            Ok(_) => assert!(rest.is_empty(), "the broker answered {} bytes", rest.len()),
            correlation_id: 0,
            encode_request(request, version, self.correlation_id, Some("it")).expect("the request can be encoded");
            stream,
        // The broker may have ended the connection already; what it answered shows that.
        Self {
        Self { socket, next_id: 1 }
        Some(frame.into())
        assert!(length < 64 << 20, "an answer of {length} bytes");
        assert_eq!(correlation_id(&frame), Some(id), "an answer to another request");
        decode_response::<R>(frame, version).expect("a response that can be read")
        decode_response::<R>(frame, version).expect("an answer of the request's version")
        let _ = self.stream.write_all(bytes);
        let bytes =
        let bytes = encode_request(request, version, id, Some("kt-it")).expect("a request that fits its version");
        let frame = self.frame().expect("an answer");
        let frame = self.receive_raw().expect("a response");
        let id = self.next_id;
        let length = usize::try_from(i32::from_be_bytes(length)).expect("a length above zero");
        let mut frame = vec![0; length];
        let mut frame = vec![0; u32::from_be_bytes(length) as usize];
        let mut length = [0; 4];
        let mut rest = Vec::new();
        let socket = TcpStream::connect(bootstrap).unwrap_or_else(|e| panic!("{bootstrap}: {e}"));
        let stream = TcpStream::connect(bootstrap).expect("the broker listens");
        match self.stream.read_to_end(&mut rest) {
        self.correlation_id += 1;
        self.next_id += 1;
        self.receive::<R>(version)
        self.send(&bytes);
        self.send(request, version);
        self.send_raw(&bytes);
        self.socket.read_exact(&mut frame).ok()?;
        self.socket.read_exact(&mut length).ok()?;
        self.socket.write_all(bytes).ok();
        self.stream.read_exact(&mut frame).ok()?;
        self.stream.read_exact(&mut length).ok()?;
        socket.set_read_timeout(Some(LIMIT)).expect("a limit above zero");
        stream.set_nodelay(true).expect("nodelay can be set");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        }
    /// Sends a request and waits for its response.
    /// Sends a request in a version and waits for its response.
    /// The next frame without its length; `None` if the connection ended.
    /// The next frame without its length; none when the broker hung up.
    /// Waits until the broker ends the connection.
    /// Writes bytes as they are. A broker may hang up while we write.
    pub fn call<R: Request>(&mut self, request: &R, version: i16) -> R::Response {
    pub fn expect_closed(&mut self) {
    pub fn frame(&mut self) -> Option<Bytes> {
    pub fn receive<R: Request>(&mut self, version: i16) -> R::Response {
    pub fn receive_raw(&mut self) -> Option<Bytes> {
    pub fn send(&mut self, bytes: &[u8]) {
    pub fn send<R: Request>(&mut self, request: &R, version: i16) {
    pub fn send_raw(&mut self, bytes: &[u8]) {
    }
}
