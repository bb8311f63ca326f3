//! One connection to one node: requests are pipelined, responses matched by correlation id (Kafka: `NetworkClient`).
//!
//! [`Conn::open`] connects, secures and authenticates the socket and learns the node's API versions (KIP-511: a node
//! that does not know our ApiVersions version answers version 0 with `UNSUPPORTED_VERSION`, and we ask again with that).

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::Duration;

use crate::wire::api::ApiKey;
use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::{ApiVersionsRequest, ApiVersionsResponse};
use kafka_protocol::protocol::{Message, Request, StrBytes, VersionRange};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::config::Address;
use super::error::ApiError;
use super::props::Properties;
use super::sasl::{self, Ask};
use super::security::{Credentials, Security};
use crate::wire::frame::{self, FrameError, MAX_RESPONSE_BYTES};
use crate::wire::{ErrorCode, api};

/// A connected byte stream, plain or TLS.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// What a connection needs to be opened.
#[derive(Clone, Debug)]
pub struct ConnSettings {
    pub client_id: String,
    /// `socket.connection.setup.timeout.ms`: for the TCP connection alone.
    pub setup_timeout: Duration,
    /// For everything else of the opening, `request.timeout.ms`.
    pub request_timeout: Duration,
    pub security: ConnSecurity,
}

/// How connections are secured, ready to use.
#[derive(Clone, Debug, Default)]
pub struct ConnSecurity {
    pub tls: Option<Arc<rustls::ClientConfig>>,
    pub credentials: Option<Credentials>,
}

impl ConnSecurity {
    /// Reads `security.protocol`, `ssl.*` and `sasl.*`.
    ///
    /// # Errors
    /// Those of [`Security::from_props`].
    pub fn from_props(props: &Properties) -> Result<Self, ApiError> {
        let security = Security::from_props(props)?;
        let tls = security.tls.map(|material| material.client_config()).transpose()?;
        Ok(Self {
            tls,
            credentials: security.credentials,
        })
    }
}

/// The versions a node supports, by API.
pub type NodeVersions = HashMap<i16, VersionRange>;

/// A stream on which one request at a time is answered: what ApiVersions and SASL need before pipelining starts.
pub(crate) struct Handshake {
    stream: Box<dyn Stream>,
    client_id: String,
    next_id: i32,
}

impl Ask for Handshake {
    async fn ask<R: Request>(&mut self, request: &R, version: i16) -> Result<R::Response, ApiError> {
        let frame = self.ask_raw(request, version).await?;
        Ok(frame::decode_response::<R>(frame, version)?)
    }
}

impl Handshake {
    /// The whole response frame, for answers that may be of another version than the request.
    async fn ask_raw<R: Request>(&mut self, request: &R, version: i16) -> Result<Bytes, ApiError> {
        let id = self.next_id;
        self.next_id += 1;
        let out = frame::encode_request(request, version, id, Some(&self.client_id))?;
        self.stream.write_all(&out).await.map_err(|e| io_error(&e))?;
        self.stream.flush().await.map_err(|e| io_error(&e))?;
        let frame = frame::read_frame(&mut self.stream, MAX_RESPONSE_BYTES)
            .await
            .map_err(|e| match e {
                FrameError::Io(e) => io_error(&e),
                e => e.into(),
            })?;
        let frame = frame.ok_or_else(|| ApiError::disconnected("the node closed the connection"))?;
        if frame::correlation_id(&frame) != Some(id) {
            return Err(ApiError::kafka(
                "the node answered with a correlation id that was not asked",
            ));
        }
        Ok(frame)
    }

    async fn api_versions(&mut self) -> Result<NodeVersions, ApiError> {
        let mut version = ApiVersionsRequest::VERSIONS.max;
        loop {
            let frame = self.ask_raw(&api_versions_request(), version).await?;
            let answer = frame::decode_response::<ApiVersionsRequest>(frame.clone(), version)
                .or_else(|_| frame::decode_response::<ApiVersionsRequest>(frame, 0))?;
            match ErrorCode::from(answer.error_code) {
                ErrorCode::NONE => return Ok(node_versions(&answer)),
                ErrorCode::UNSUPPORTED_VERSION if version > 0 => {
                    let theirs = node_versions(&answer)
                        .get(&(ApiKey::ApiVersions as i16))
                        .map_or(0, |r| r.max);
                    version = theirs.clamp(0, version - 1);
                }
                code => return Err(code.into()),
            }
        }
    }
}

fn api_versions_request() -> ApiVersionsRequest {
    ApiVersionsRequest::default()
        .with_client_software_name(StrBytes::from_static_str("kt"))
        .with_client_software_version(StrBytes::from_static_str(env!("CARGO_PKG_VERSION")))
}

fn node_versions(answer: &ApiVersionsResponse) -> NodeVersions {
    let range = |min, max| VersionRange { min, max };
    answer
        .api_keys
        .iter()
        .map(|k| (k.api_key, range(k.min_version, k.max_version)))
        .collect()
}

/// Requests that wait for their response. `None` once the connection is gone.
type Waiting = Arc<Mutex<Option<HashMap<i32, oneshot::Sender<Bytes>>>>>;

/// An open connection. Dropping it closes the socket.
pub struct Conn {
    writer: tokio::sync::Mutex<WriteHalf<Box<dyn Stream>>>,
    waiting: Waiting,
    closed: Arc<AtomicBool>,
    reader: tokio::task::JoinHandle<()>,
    next_id: AtomicI32,
    client_id: String,
    versions: NodeVersions,
    /// When the broker's session limit is near; `None` if there is no limit.
    renew_at: Option<Instant>,
}

impl std::fmt::Debug for Conn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Conn")
            .field("client_id", &self.client_id)
            .field("closed", &self.is_closed())
            .finish()
    }
}

impl Drop for Conn {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Conn {
    /// Connects to `address` and learns what the node speaks.
    ///
    /// # Errors
    /// A `DisconnectException` if the node cannot be reached or hangs up, an authentication exception if it refuses us.
    pub async fn open(address: &Address, settings: &ConnSettings) -> Result<Conn, ApiError> {
        let tcp = connect_tcp(address, settings.setup_timeout).await?;
        let opening = async {
            let stream: Box<dyn Stream> = match &settings.security.tls {
                Some(tls) => Box::new(connect_tls(tcp, address, tls.clone()).await?),
                None => Box::new(tcp),
            };
            let mut hands = Handshake {
                stream,
                client_id: settings.client_id.clone(),
                next_id: 0,
            };
            let versions = hands.api_versions().await?;
            let session_ms = match &settings.security.credentials {
                Some(credentials) => sasl::authenticate(&mut hands, credentials).await?,
                None => 0,
            };
            Ok((hands, versions, session_ms))
        };
        match tokio::time::timeout(settings.request_timeout, opening).await {
            Ok(Ok((hands, versions, session_ms))) => Ok(Conn::start(hands, versions, session_ms)),
            Ok(Err(e)) => Err(e),
            Err(_) => Err(ApiError::disconnected(format!("{address} did not answer in time"))),
        }
    }

    fn start(hands: Handshake, versions: NodeVersions, session_ms: i64) -> Conn {
        let (read, write) = tokio::io::split(hands.stream);
        let waiting: Waiting = Arc::new(Mutex::new(Some(HashMap::new())));
        let closed = Arc::new(AtomicBool::new(false));
        let reader = tokio::spawn(read_responses(read, waiting.clone(), closed.clone()));
        Conn {
            writer: tokio::sync::Mutex::new(write),
            waiting,
            closed,
            reader,
            next_id: AtomicI32::new(hands.next_id),
            client_id: hands.client_id,
            versions,
            renew_at: session_end(session_ms),
        }
    }

    /// Whether the connection is known to be gone.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Whether new calls should use another connection: this one is gone, or its session ends soon. Kafka's own clients
    /// authenticate again on the same connection then (KIP-368); a fresh one is as good to the broker.
    pub fn is_stale(&self) -> bool {
        self.is_closed() || self.renew_at.is_some_and(|at| Instant::now() >= at)
    }

    /// What the node said it supports.
    pub fn versions(&self) -> &NodeVersions {
        &self.versions
    }

    /// The newest version of `R` that both sides know.
    ///
    /// # Errors
    /// Kafka's `UnsupportedVersionException`.
    pub fn version_of<R: Request>(&self) -> Result<i16, ApiError> {
        self.version_within::<R>(api::client_range::<R>())
    }

    /// As [`Self::version_of`], within `usable`.
    ///
    /// # Errors
    /// Kafka's `UnsupportedVersionException`.
    pub fn version_within<R: Request>(&self, usable: VersionRange) -> Result<i16, ApiError> {
        let key = api::api_key(R::KEY).ok_or_else(|| ApiError::from(ErrorCode::UNSUPPORTED_VERSION))?;
        let name = api::constant_name(key);
        let ours = api::client_range::<R>().intersect(&usable);
        let unsupported = |text| ApiError::with_text(ErrorCode::UNSUPPORTED_VERSION, text);
        let theirs = self
            .versions
            .get(&R::KEY)
            .ok_or_else(|| unsupported(format!("The node does not support {name}")))?;
        let both = ours.intersect(theirs);
        if both.is_empty() {
            return Err(unsupported(format!(
                "The node does not support {name} with version in range [{},{}]. The supported range is [{},{}].",
                ours.min, ours.max, theirs.min, theirs.max
            )));
        }
        Ok(both.max)
    }

    /// Sends a request and waits for its response, whatever else is under way on this connection.
    ///
    /// # Errors
    /// A `DisconnectException` when the connection goes, or after `timeout`, when it is closed, as Kafka does.
    pub async fn call<R: Request>(
        &self,
        request: &R,
        version: i16,
        timeout: Duration,
    ) -> Result<R::Response, ApiError> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let out = frame::encode_request(request, version, id, Some(&self.client_id))?;
        let answer = tokio::time::timeout(timeout, self.exchange(id, out)).await;
        match answer {
            Ok(Ok(frame)) => Ok(frame::decode_response::<R>(frame, version)?),
            Ok(Err(e)) => Err(e),
            Err(_) => {
                self.close();
                Err(ApiError::disconnected(format!(
                    "no response within {} ms",
                    timeout.as_millis()
                )))
            }
        }
    }

    async fn exchange(&self, id: i32, out: BytesMut) -> Result<Bytes, ApiError> {
        let gone = || ApiError::disconnected("the connection was closed before the response came");
        let (sender, receiver) = oneshot::channel();
        match self.waiting.lock().as_mut() {
            Some(waiting) => waiting.insert(id, sender),
            None => return Err(gone()),
        };
        if let Err(e) = self.write(&out).await {
            self.close();
            return Err(io_error(&e));
        }
        receiver.await.map_err(|_| gone())
    }

    async fn write(&self, out: &[u8]) -> io::Result<()> {
        let mut writer = self.writer.lock().await;
        writer.write_all(out).await?;
        writer.flush().await
    }

    /// Ends the connection; every waiting call fails.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.waiting.lock().take();
        self.reader.abort();
    }
}

/// When to renew a session: after 85 % of its life, where Kafka takes 85 to 95 %.
fn session_end(session_ms: i64) -> Option<Instant> {
    let ms = u64::try_from(session_ms).ok().filter(|&ms| ms > 0)?;
    Instant::now().checked_add(Duration::from_millis(ms).mul_f64(0.85))
}

/// A failed handshake is for good, as a wrong password is; a lost connection is worth another try.
fn io_error(e: &io::Error) -> ApiError {
    let tls = e.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match tls {
        Some(why) => ApiError::ssl("SSL handshake failed").caused_by(ApiError::of_class(
            "javax.net.ssl.SSLHandshakeException",
            why.to_string(),
        )),
        None => ApiError::disconnected(e.to_string()),
    }
}

async fn connect_tls(
    tcp: TcpStream,
    address: &Address,
    config: Arc<rustls::ClientConfig>,
) -> Result<tokio_rustls::client::TlsStream<TcpStream>, ApiError> {
    let name = rustls::pki_types::ServerName::try_from(address.host.clone());
    let name = name.map_err(|e| ApiError::ssl(format!("{}: {e}", address.host)))?;
    tokio_rustls::TlsConnector::from(config)
        .connect(name, tcp)
        .await
        .map_err(|e| io_error(&e))
}

async fn read_responses(mut read: ReadHalf<Box<dyn Stream>>, waiting: Waiting, closed: Arc<AtomicBool>) {
    // Ends at the end of the stream, at an error, and at an answer nobody asked for: the stream is then out of step.
    while let Ok(Some(frame)) = frame::read_frame(&mut read, MAX_RESPONSE_BYTES).await {
        let sender =
            frame::correlation_id(&frame).and_then(|id| waiting.lock().as_mut().and_then(|all| all.remove(&id)));
        match sender {
            // A caller that gave up dropped its receiver: fine.
            Some(sender) => drop(sender.send(frame)),
            None => break,
        }
    }
    closed.store(true, Ordering::Release);
    waiting.lock().take();
}

/// Tries each address the name resolves to, in order (`client.dns.lookup=use_all_dns_ips`).
async fn connect_tcp(address: &Address, timeout: Duration) -> Result<TcpStream, ApiError> {
    let unreachable = |why: String| ApiError::disconnected(format!("cannot connect to {address}: {why}"));
    let resolved = tokio::net::lookup_host((address.host.as_str(), address.port)).await;
    let resolved = resolved.map_err(|e| unreachable(e.to_string()))?;
    let mut last = unreachable("the name has no address".into());
    for socket in resolved {
        match tokio::time::timeout(timeout, TcpStream::connect(socket)).await {
            Ok(Ok(stream)) => {
                stream.set_nodelay(true).map_err(|e| unreachable(e.to_string()))?;
                return Ok(stream);
            }
            Ok(Err(e)) => last = unreachable(e.to_string()),
            Err(_) => last = unreachable("timed out".into()),
        }
    }
    Err(last)
}
