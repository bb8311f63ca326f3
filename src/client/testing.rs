//! A broker of a few lines for the client's own tests: real sockets, scripted answers.

use std::sync::Arc;

use crate::wire::api::ApiKey;
use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::metadata_response::MetadataResponseBroker;
use kafka_protocol::messages::{ApiVersionsResponse, BrokerId, MetadataResponse};
use kafka_protocol::protocol::{Encodable, StrBytes};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;

use super::conn::Stream;
use crate::wire::{api, frame};

/// What a script does with a request.
pub(crate) enum Reply {
    Bytes(BytesMut),
    /// Nothing, ever.
    Silence,
    /// Closes the connection.
    HangUp,
}

/// The request a script sees.
pub(crate) struct Asked {
    pub key: ApiKey,
    pub version: i16,
    pub body: Bytes,
    pub correlation_id: i32,
}

impl Asked {
    pub(crate) fn answer(&self, response: &impl Encodable) -> Reply {
        let header = api::response_header_version(self.key, self.version);
        Reply::Bytes(frame::encode_response(response, self.version, header, self.correlation_id).unwrap())
    }
}

pub(crate) type Script = Arc<dyn Fn(&Asked) -> Reply + Send + Sync>;

/// Serves `script` on a free port until the test's runtime ends; answers the port.
pub(crate) async fn serve(tls: Option<Arc<rustls::ServerConfig>>, script: Script) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let (tls, script) = (tls.clone(), script.clone());
            tokio::spawn(async move {
                let stream: Box<dyn Stream> = match tls {
                    None => Box::new(tcp),
                    Some(tls) => match tokio_rustls::TlsAcceptor::from(tls).accept(tcp).await {
                        Ok(stream) => Box::new(stream),
                        Err(_) => return,
                    },
                };
                talk(stream, script).await;
            });
        }
    });
    port
}

async fn talk(mut stream: impl AsyncRead + AsyncWrite + Unpin, script: Script) {
    while let Ok(Some(mut body)) = frame::read_frame(&mut stream, 1 << 20).await {
        let Ok((key, header)) = frame::decode_request_header(&mut body) else {
            return;
        };
        let asked = Asked {
            key,
            version: header.request_api_version,
            body,
            correlation_id: header.correlation_id,
        };
        match script(&asked) {
            Reply::Bytes(out) => stream.write_all(&out).await.unwrap(),
            Reply::Silence => {}
            Reply::HangUp => return,
        }
    }
}

/// Answers ApiVersions with all this build knows, and Metadata with one broker at `host:port`.
pub(crate) fn one_broker(asked: &Asked, host: &str, port: u16) -> Option<Reply> {
    match asked.key {
        ApiKey::ApiVersions => Some(asked.answer(&versions())),
        ApiKey::Metadata => {
            let broker = MetadataResponseBroker::default()
                .with_node_id(BrokerId(1))
                .with_host(StrBytes::from_string(host.to_string()))
                .with_port(i32::from(port));
            Some(
                asked.answer(
                    &MetadataResponse::default()
                        .with_brokers(vec![broker])
                        .with_controller_id(BrokerId(1)),
                ),
            )
        }
        _ => None,
    }
}

pub(crate) fn versions() -> ApiVersionsResponse {
    let keys = (0..100).filter_map(api::api_key).map(|key| {
        let range = api::supported_range(key);
        ApiVersion::default()
            .with_api_key(key as i16)
            .with_min_version(range.min)
            .with_max_version(range.max)
    });
    ApiVersionsResponse::default().with_api_keys(keys.collect())
}
