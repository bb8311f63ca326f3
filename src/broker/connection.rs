//! One client's connection (Kafka: `SocketServer.Processor`). Requests are served one after the other, in the order they
//! came; what is sent ahead waits in the socket, so memory stays bounded. Bad bytes end the connection with a log line.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, BufReader};
use tokio::sync::watch;

use super::api::{self, Dispatch};
use super::authn::Authentication;
use super::node::Node;
use super::quota::Kind;
use super::quota::throttle::{self, Timed};
use super::request::{ConnectionInfo, RequestContext};
use super::request_memory::{RequestMemory, Reservation};
use super::response::{Connection, Response};
use crate::wire::api::{layout_version, response_header_version};
use crate::wire::frame::{FrameError, decode_request_header, read_content, read_length};

/// Buffer for reading: the small requests of an ordinary client come in one system call.
const READ_BUFFER_BYTES: usize = 16 * 1024;

/// Why a connection ended that was not closed in order.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("{0}")]
    Protocol(String),
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl ConnectionError {
    /// A client that just went away is nothing to write about.
    pub fn is_disconnect(&self) -> bool {
        let kind = match self {
            Self::Io(e) | Self::Frame(FrameError::Io(e)) => e.kind(),
            _ => return false,
        };
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof};
        matches!(
            kind,
            BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | UnexpectedEof
        )
    }
}

/// Serves a connection until it ends or the broker stops; a request that is being served is answered first.
pub async fn serve<S: Connection>(
    node: &Arc<Node>,
    stream: S,
    info: ConnectionInfo,
    mut authentication: Authentication,
) -> Result<(), ConnectionError> {
    let mut stream = BufReader::with_capacity(READ_BUFFER_BYTES, stream);
    let mut info = Arc::new(info);
    let mut shutdown = node.shutdown_signal();
    loop {
        let config = node.config();
        let limit = authentication.frame_limit(usize::try_from(config.i64("socket.request.max.bytes")).unwrap_or(0));
        let idle = idle_limit(config.i64("connections.max.idle.ms"));
        let idle = authentication.patience().map_or(idle, |patience| idle.min(patience));
        let next = next_frame(&mut stream, (limit, node.request_memory()), idle, &mut shutdown);
        let Some((mut frame, memory)) = next.await? else {
            return Ok(());
        };
        let mut quiet = Duration::ZERO;
        let response = if let Some(answer) = authentication.handle_raw_token(node, &frame) {
            // SaslHandshake v0: the mechanism's tokens come as bare frames.
            Some(Response::from(answer))
        } else {
            let (api_key, header) = decode_request_header(&mut frame)?;
            let cx = RequestContext::new(node.clone(), info.clone(), api_key, &header)
                .of_length(frame.len())
                .holding(memory);
            match authentication.handle(&cx, &frame)? {
                Some(response) => Some(Response::from(response)),
                None => {
                    let response = dispatch(&cx, frame).await?;
                    if response.is_none() && cx.is_closing() {
                        return Ok(());
                    }
                    quiet = Duration::from_millis(cx.throttle_ms().unsigned_abs());
                    response
                }
            }
        };
        if let Some(identity) = authentication.take_identity() {
            info = Arc::new(ConnectionInfo {
                principal: format!("User:{}", identity.user),
                by_token: identity.by_token,
                ..ConnectionInfo::clone(&info)
            });
        }
        let failure = authentication.failure();
        if failure.is_some() {
            // Whoever guesses learns of it late.
            let delay = u64::try_from(config.i64("connection.failed.authentication.delay.ms")).unwrap_or(0);
            tokio::time::sleep(Duration::from_millis(delay)).await;
        }
        if let Some(response) = response {
            response.send(stream.get_mut()).await?;
        }
        if !quiet.is_zero() {
            // The client knows (KIP-219); one that does not obey is not read from.
            tokio::select! {
                () = tokio::time::sleep(quiet) => {}
                _ = shutdown.wait_for(|stop| *stop) => return Ok(()),
            }
        }
        if let Some(why) = failure {
            return Err(ConnectionError::Protocol(why));
        }
    }
}

async fn dispatch(cx: &RequestContext, body: Bytes) -> Result<Option<Response>, ConnectionError> {
    let (quotas, image, who) = (cx.node.quotas(), cx.image(), cx.quota_client());
    let dispatched = if quotas.has_limit(&image, Kind::Request, who) {
        let (dispatched, spent) = Timed::new(api::dispatch(cx, body)).await;
        let percent = spent.as_secs_f64() * 100.0;
        cx.throttle(quotas.record(&image, Kind::Request, who, percent, cx.node.now_ms()));
        dispatched?
    } else {
        api::dispatch(cx, body).await?
    };
    match dispatched {
        Dispatch::Response(mut response) => {
            if cx.throttle_ms() > 0 {
                tell_throttle(cx, &mut response);
            }
            Ok(Some(response))
        }
        Dispatch::Nothing => Ok(None),
        Dispatch::Unsupported => Err(ConnectionError::Protocol(format!(
            "{:?} version {} is not supported",
            cx.api_key, cx.api_version
        ))),
    }
}

/// Writes the throttle time into a response.
fn tell_throttle(cx: &RequestContext, response: &mut Response) {
    let version = layout_version(cx.api_key as i16, cx.api_version);
    let header_version = response_header_version(cx.api_key, version);
    let at = throttle::position(cx.api_key, version, header_version, response.leading_bytes());
    if let Some(at) = at {
        response.patch_i32(at, i32::try_from(cx.throttle_ms()).unwrap_or(i32::MAX));
    }
}

/// `connections.max.idle.ms`; negative is for ever.
fn idle_limit(ms: i64) -> Duration {
    match u64::try_from(ms) {
        Ok(ms) => Duration::from_millis(ms),
        Err(_) => Duration::from_secs(u64::from(u32::MAX)),
    }
}

async fn next_frame<S: AsyncRead + Unpin>(
    stream: &mut S,
    (limit_bytes, memory): (usize, &RequestMemory),
    idle: Duration,
    shutdown: &mut watch::Receiver<bool>,
) -> Result<Option<(Bytes, Reservation)>, ConnectionError> {
    let frame = async {
        let Some(len) = read_length(stream, limit_bytes).await? else {
            return Ok(None);
        };
        let reservation = memory.reserve(len).await;
        Ok(Some((read_content(stream, len).await?, reservation)))
    };
    tokio::select! {
        frame = frame => frame,
        () = tokio::time::sleep(idle) => Ok(None),
        _ = shutdown.wait_for(|stop| *stop) => Ok(None),
    }
}
