//! `ssl.*`: whom to trust and who we are, from PEM, PKCS12 and JKS stores (Kafka: `DefaultSslEngineFactory`, KIP-651).
//!
//! As in Java, a PKCS12 file may be called JKS and the other way round: the file's first bytes decide.

mod pem;
mod store;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::error::ApiError;
use super::props::Properties;
use crate::wire::tls::{Identity, client_config};

/// Certificates and keys, read from their stores.
#[derive(Clone)]
pub struct TlsMaterial {
    /// `None`: the system's certificates.
    trusted: Option<Vec<CertificateDer<'static>>>,
    identity: Option<Identity>,
    verify_hostname: bool,
}

/// Without the key.
impl std::fmt::Debug for TlsMaterial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsMaterial")
            .field("trusted", &self.trusted.as_ref().map(Vec::len))
            .field("identity", &self.identity.is_some())
            .field("verify_hostname", &self.verify_hostname)
            .finish()
    }
}

impl TlsMaterial {
    /// Reads the stores that the properties name.
    ///
    /// # Errors
    /// Contradicting keys and stores that cannot be read, with Kafka's texts.
    pub fn from_props(props: &Properties) -> Result<Self, ApiError> {
        if let Some(class) = props.get("ssl.engine.factory.class") {
            return Err(ApiError::kafka(format!(
                "ssl.engine.factory.class={class} needs a JVM and is not supported"
            )));
        }
        let algorithm = props
            .get("ssl.endpoint.identification.algorithm")
            .unwrap_or("https")
            .trim();
        Ok(Self {
            trusted: store::trusted(props)?,
            identity: store::identity(props)?,
            verify_hostname: !algorithm.is_empty(),
        })
    }

    /// A rustls configuration with the material.
    ///
    /// # Errors
    /// No usable trusted certificate, or a key that does not fit its certificate.
    pub fn client_config(&self) -> Result<std::sync::Arc<rustls::ClientConfig>, ApiError> {
        let system;
        let trusted = match &self.trusted {
            Some(trusted) => trusted,
            None => {
                system = rustls_native_certs::load_native_certs().certs;
                &system
            }
        };
        client_config(trusted, self.identity.clone(), self.verify_hostname).map_err(|e| ApiError::kafka(e.to_string()))
    }

    /// The trusted certificates as PEM text; `None` means the system's.
    pub fn trusted_pem(&self) -> Option<String> {
        let trusted = self.trusted.as_ref()?;
        Some(trusted.iter().map(|c| pem_text("CERTIFICATE", c)).collect())
    }

    /// Our certificate chain and key as PEM text.
    pub fn identity_pem(&self) -> Option<(String, String)> {
        let identity = self.identity.as_ref()?;
        let chain = identity.chain.iter().map(|c| pem_text("CERTIFICATE", c)).collect();
        let label = match &identity.key {
            PrivateKeyDer::Pkcs1(_) => "RSA PRIVATE KEY",
            PrivateKeyDer::Sec1(_) => "EC PRIVATE KEY",
            _ => "PRIVATE KEY",
        };
        Some((chain, pem_text(label, identity.key.secret_der())))
    }

    /// Whether the broker's name must be in its certificate.
    pub fn verifies_hostname(&self) -> bool {
        self.verify_hostname
    }
}

fn pem_text(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let mut out = format!("-----BEGIN {label}-----\n");
    for line in body.as_bytes().chunks(64) {
        out.extend(line.iter().map(|&b| char::from(b)));
        out.push('\n');
    }
    out.push_str(&format!("-----END {label}-----\n"));
    out
}
