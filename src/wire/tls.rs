//! rustls configurations, for clients and brokers.
//!
//! Java's clients accept some certificates that WebPKI does not: a host name in the common name alone, X.509 version 1,
//! and a trusted certificate that presents itself as the server's. [`client_config`] accepts them, too; nothing else is
//! relaxed.

mod der;
#[cfg(feature = "client")]
mod jks;
#[cfg(feature = "client")]
pub mod store;
mod verifier;
mod version1;

use std::sync::Arc;

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

pub use der::{Der, common_name, has_dns_names, subject};

/// A TLS configuration that does not work out.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct TlsError(pub String);

impl From<rustls::Error> for TlsError {
    fn from(e: rustls::Error) -> Self {
        TlsError(e.to_string())
    }
}

/// Our certificate chain, leaf first, and its key.
#[derive(Debug)]
pub struct Identity {
    pub chain: Vec<CertificateDer<'static>>,
    pub key: PrivateKeyDer<'static>,
}

impl Clone for Identity {
    fn clone(&self) -> Self {
        Self {
            chain: self.chain.clone(),
            key: self.key.clone_key(),
        }
    }
}

/// Whether a broker asks clients for certificates (Kafka: `ssl.client.auth`).
#[derive(Clone, Debug, Default)]
pub enum ClientAuth {
    #[default]
    None,
    /// Clients may stay anonymous.
    Requested(Vec<CertificateDer<'static>>),
    Required(Vec<CertificateDer<'static>>),
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn roots(trusted: &[CertificateDer<'static>]) -> Result<Arc<RootCertStore>, TlsError> {
    let mut store = RootCertStore::empty();
    // Stores of old systems hold certificates that cannot be parsed; the others still count.
    let (added, _) = store.add_parsable_certificates(trusted.iter().cloned());
    if added == 0 {
        return Err(TlsError("the trust store has no usable certificate".into()));
    }
    Ok(Arc::new(store))
}

/// Our identity as rustls wants it. Its own short cuts refuse certificates of X.509 version 1, which our peer may well
/// accept.
fn certified(identity: Identity) -> Result<Arc<rustls::sign::SingleCertAndKey>, TlsError> {
    let key = provider().key_provider.load_private_key(identity.key)?;
    Ok(Arc::new(rustls::sign::CertifiedKey::new(identity.chain, key).into()))
}

/// A client's configuration.
///
/// # Errors
/// No usable trusted certificate, or a key that does not fit its certificate.
pub fn client_config(
    trusted: &[CertificateDer<'static>],
    identity: Option<Identity>,
    verify_hostname: bool,
) -> Result<Arc<ClientConfig>, TlsError> {
    let verifier = verifier::JavaLike::new(roots(trusted)?, trusted.to_vec(), verify_hostname, provider())?;
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let config = match identity {
        Some(identity) => builder.with_client_cert_resolver(certified(identity)?),
        None => builder.with_no_client_auth(),
    };
    Ok(Arc::new(config))
}

/// A broker's configuration.
///
/// # Errors
/// As [`client_config`].
pub fn server_config(identity: Identity, client_auth: &ClientAuth) -> Result<Arc<ServerConfig>, TlsError> {
    let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
    let verifier = |trusted: &[CertificateDer<'static>]| -> Result<_, TlsError> {
        Ok(WebPkiClientVerifier::builder_with_provider(roots(trusted)?, provider()))
    };
    let built = |e: rustls::server::VerifierBuilderError| TlsError(e.to_string());
    let builder = match client_auth {
        ClientAuth::None => builder.with_no_client_auth(),
        ClientAuth::Requested(trusted) => {
            builder.with_client_cert_verifier(verifier(trusted)?.allow_unauthenticated().build().map_err(built)?)
        }
        ClientAuth::Required(trusted) => builder.with_client_cert_verifier(verifier(trusted)?.build().map_err(built)?),
    };
    Ok(Arc::new(builder.with_cert_resolver(certified(identity)?)))
}
