//! `ssl.*`: whom to trust and who we are, from PEM, PKCS12 and JKS stores (Kafka: `DefaultSslEngineFactory`).

use super::error::ApiError;
use super::props::Properties;

/// Certificates and keys, read from their stores.
#[derive(Clone, Debug, Default)]
pub struct TlsMaterial {
    verify_hostname: bool,
}

impl TlsMaterial {
    /// Reads the stores that the properties name.
    ///
    /// # Errors
    /// A store that cannot be read, with Kafka's texts.
    pub fn from_props(_props: &Properties) -> Result<Self, ApiError> {
        Err(ApiError::kafka("TLS is not there yet"))
    }

    /// The trusted certificates as PEM text; `None` means the system's.
    pub fn trusted_pem(&self) -> Option<String> {
        None
    }

    /// Our certificate chain and key as PEM text.
    pub fn identity_pem(&self) -> Option<(String, String)> {
        None
    }

    /// Whether the broker's name must be in its certificate.
    pub fn verifies_hostname(&self) -> bool {
        self.verify_hostname
    }
}
