//! Accepting connections (Kafka: `SocketServer.Acceptor`).

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpSocket, TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::authn::{Authentication, SaslSettings};
use super::config::{BrokerConfig, Endpoint};
use super::connection::{self, ConnectionError};
use super::node::Node;
use super::request::{ANONYMOUS, ConnectionInfo};
use super::tls;
use super::x500::{MappingRules, distinguished_name};

/// A bound listener.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    pub endpoint: Endpoint,
    /// What clients are told; its port is the bound one if none was given.
    pub advertised: Endpoint,
    security: Security,
}

/// What happens on a new connection before requests.
#[derive(Clone, Default)]
struct Security {
    tls: Option<TlsAcceptor>,
    /// How principals of certificates are named.
    mapping_rules: Arc<MappingRules>,
    sasl: Option<Arc<SaslSettings>>,
}

impl std::fmt::Debug for Security {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "tls: {}, sasl: {:?}", self.tls.is_some(), self.sasl)
    }
}

/// How long a client may take for the TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);

impl Listener {
    /// Binds; an empty host is every interface.
    ///
    /// # Errors
    /// If the address cannot be had.
    pub async fn bind(endpoint: Endpoint, mut advertised: Endpoint, backlog: u32) -> io::Result<Self> {
        let named = |e: io::Error| {
            let text = format!(
                "cannot listen on {}:{} ({}): {e}",
                endpoint.host, endpoint.port, endpoint.name
            );
            io::Error::new(e.kind(), text)
        };
        let host = if endpoint.host.is_empty() {
            "0.0.0.0"
        } else {
            &endpoint.host
        };
        let address = lookup_host((host, endpoint.port)).await.map_err(named)?.next();
        let address = address.ok_or_else(|| named(io::ErrorKind::AddrNotAvailable.into()))?;
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        socket.set_reuseaddr(true)?;
        socket.bind(address).map_err(named)?;
        let socket = socket.listen(backlog).map_err(named)?;
        if advertised.port == 0 {
            advertised.port = socket.local_addr()?.port();
        }
        if advertised.host.is_empty() || advertised.host == "0.0.0.0" || advertised.host == "::" {
            advertised.host = "localhost".to_owned();
        }
        Ok(Self {
            socket,
            endpoint,
            advertised,
            security: Security::default(),
        })
    }

    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Takes up TLS and SASL where the listener's protocol asks for them.
    ///
    /// # Errors
    /// Certificates or keys that are missing or unreadable.
    pub fn secure(mut self, config: &BrokerConfig) -> io::Result<Self> {
        if self.endpoint.protocol.is_tls() {
            self.security.tls = Some(tls::acceptor(config, &self.endpoint)?);
            let rules = tls::setting(config, &self.endpoint, "ssl.principal.mapping.rules").unwrap_or("DEFAULT");
            self.security.mapping_rules = Arc::new(MappingRules::parse(rules).map_err(tls::invalid)?);
        }
        if self.endpoint.protocol.is_sasl() {
            self.security.sasl = Some(Arc::new(SaslSettings::new(config, &self.endpoint)?));
        }
        Ok(self)
    }

    /// Accepts until the broker stops, then lets the requests being served finish.
    pub async fn run(self, node: Arc<Node>) {
        let mut shutdown = node.shutdown_signal();
        let mut connections = JoinSet::new();
        if let Some(refresh) = self.security.sasl.as_ref().and_then(|sasl| sasl.refresh(&node)) {
            connections.spawn(refresh);
        }
        loop {
            let accepted = tokio::select! {
                accepted = self.socket.accept() => accepted,
                Some(_) = connections.join_next(), if !connections.is_empty() => continue,
                _ = shutdown.wait_for(|stop| *stop) => break,
            };
            let too_fast = |peer: &SocketAddr| node.quotas().connect(&node.image(), peer.ip(), node.now_ms()).err();
            match accepted.map(|(stream, peer)| (too_fast(&peer), stream, peer)) {
                Ok((Some(delay), stream, _)) => {
                    let mut shutdown = node.shutdown_signal();
                    connections.spawn(async move {
                        tokio::select! {
                            () = tokio::time::sleep(delay) => {}
                            _ = shutdown.wait_for(|stop| *stop) => {}
                        }
                        drop(stream);
                    });
                }
                Ok((None, stream, peer)) => match node.connections().admit(&node, peer.ip()) {
                    Some(permit) => {
                        let (node, endpoint) = (node.clone(), self.endpoint.clone());
                        let security = self.security.clone();
                        connections.spawn(async move {
                            handle(&node, (stream, peer), &endpoint, security).await;
                            drop(permit);
                        });
                    }
                    None => node.log(&format!("connection of {peer} refused: too many connections")),
                },
                Err(e) => {
                    node.log(&format!("accept failed on {}: {e}", self.endpoint.name));
                    // Out of descriptors, most likely: the next connection that ends makes room.
                    let _ = connections.join_next().await;
                }
            }
        }
        drop(self.socket);
        while connections.join_next().await.is_some() {}
    }
}

/// The id of the next connection.
static NEXT_CONNECTION: AtomicU64 = AtomicU64::new(1);

async fn handle(node: &Arc<Node>, (stream, peer): (TcpStream, SocketAddr), endpoint: &Endpoint, security: Security) {
    let _ = stream.set_nodelay(true);
    let id = NEXT_CONNECTION.fetch_add(1, Ordering::Relaxed);
    let info = ConnectionInfo {
        id,
        listener: endpoint.name.clone(),
        peer,
        protocol: endpoint.protocol,
        principal: ANONYMOUS.to_owned(),
        by_token: false,
    };
    let served = serve(node, stream, info, security).await;
    node.shares().on_connection_closed(id);
    let served = match served {
        Err(e) if !e.is_disconnect() => e,
        _ => return,
    };
    node.log(&format!("connection of {peer} on {} closed: {served}", endpoint.name));
}

async fn serve(
    node: &Arc<Node>,
    stream: TcpStream,
    mut info: ConnectionInfo,
    security: Security,
) -> Result<(), ConnectionError> {
    let authentication = security.sasl.map_or_else(Authentication::none, Authentication::sasl);
    match security.tls {
        None => connection::serve(node, stream, info, authentication).await,
        Some(acceptor) => {
            let handshake = tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await;
            let stream = handshake.map_err(|_| ConnectionError::Protocol("TLS handshake timed out".to_owned()))??;
            let certificate = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
            if let Some(certificate) = certificate {
                info.principal = principal(certificate, &security.mapping_rules)?;
            }
            connection::serve(node, stream, info, authentication).await
        }
    }
}

/// Who a certificate says the client is. SASL, where the listener asks for it, has the last word.
fn principal(certificate: &[u8], rules: &MappingRules) -> Result<String, ConnectionError> {
    let name = distinguished_name(certificate)
        .ok_or_else(|| ConnectionError::Protocol("the certificate's subject cannot be read".to_owned()))?;
    match rules.apply(&name) {
        Some(short) => Ok(format!("User:{short}")),
        None => Err(ConnectionError::Protocol(format!("No rules apply to {name}"))),
    }
}

/// How many connections there are, in all and by address.
#[derive(Debug, Default)]
pub struct Connections(Mutex<HashMap<IpAddr, usize>>);

/// A connection that counts until this is dropped.
#[derive(Debug)]
pub struct Permit {
    node: Arc<Node>,
    ip: IpAddr,
}

impl Connections {
    /// Within `max.connections` and `max.connections.per.ip`, or not at all.
    fn admit(&self, node: &Arc<Node>, ip: IpAddr) -> Option<Permit> {
        let limit = |key: &str| usize::try_from(node.config().i64(key)).unwrap_or(usize::MAX);
        let mut counts = self.0.lock();
        let total: usize = counts.values().sum();
        let here = counts.entry(ip).or_default();
        if total >= limit("max.connections") || *here >= limit("max.connections.per.ip") {
            return None;
        }
        *here += 1;
        Some(Permit { node: node.clone(), ip })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut counts = self.node.connections().0.lock();
        if let Some(count) = counts.get_mut(&self.ip) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.ip);
            }
        }
    }
}
