//! TLS of a listener: certificate, key and trusted certificates as PEM, from files or in the configuration itself
//! (KIP-651), or in stores of Java. `listener.name.NAME.ssl.KEY` counts before `ssl.KEY`.

use std::io;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use super::config::{BrokerConfig, Endpoint};
use crate::wire::tls::{ClientAuth, Identity, server_config};

pub(super) fn invalid(why: impl ToString) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why.to_string())
}

/// A key of one listener: `listener.name.NAME.KEY`, else `KEY`.
pub(super) fn setting<'a>(config: &'a BrokerConfig, endpoint: &Endpoint, key: &str) -> Option<&'a str> {
    let props = config.statics();
    let own = format!("listener.name.{}.{key}", endpoint.name.to_ascii_lowercase());
    props.get(&own).or_else(|| props.get(key)).map(String::as_str)
}

/// Looks up `ssl.*` keys of one listener.
struct Scope<'a> {
    config: &'a BrokerConfig,
    endpoint: &'a Endpoint,
}

impl Scope<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        setting(self.config, self.endpoint, key)
    }

    /// What a store holds: PEM as it is under `inline`, or the file of `location`.
    fn store(&self, what: &str, inline: &[&str]) -> io::Result<Option<Store>> {
        let given: Vec<&str> = inline.iter().filter_map(|key| self.get(key)).collect();
        if !given.is_empty() {
            return Ok(Some(Store::Pem(given.join("\n"))));
        }
        let Some(path) = self.get(&format!("ssl.{what}.location")) else {
            return Ok(None);
        };
        let failed = |e: &dyn std::fmt::Display| invalid(format!("ssl.{what}.location={path}: {e}"));
        let is_pem = self
            .get(&format!("ssl.{what}.type"))
            .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("PEM"));
        let bytes = std::fs::read(path).map_err(|e| failed(&e))?;
        if is_pem {
            return String::from_utf8(bytes)
                .map(|text| Some(Store::Pem(text)))
                .map_err(|e| failed(&e));
        }
        let password = self.get(&format!("ssl.{what}.password"));
        java_store(&bytes, password, self.get("ssl.key.password"))
            .map(Some)
            .map_err(|e| failed(&e))
    }
}

/// Certificates and keys, however they came.
enum Store {
    Pem(String),
    #[cfg(feature = "client")]
    Java {
        trusted: Vec<CertificateDer<'static>>,
        identity: Option<Identity>,
    },
}

#[cfg(feature = "client")]
fn java_store(bytes: &[u8], password: Option<&str>, key_password: Option<&str>) -> Result<Store, String> {
    let crate::wire::tls::store::Contents { trusted, identity } =
        crate::wire::tls::store::read(bytes, password, key_password)?;
    Ok(Store::Java { trusted, identity })
}

#[cfg(not(feature = "client"))]
fn java_store(_: &[u8], _: Option<&str>, _: Option<&str>) -> Result<Store, String> {
    Err("only PEM without the feature client".to_owned())
}

impl Store {
    fn identity(self) -> io::Result<Identity> {
        match self {
            Self::Pem(text) => Ok(Identity {
                key: PrivateKeyDer::from_pem_slice(text.as_bytes())
                    .map_err(|e| invalid(format!("no usable private key: {e}")))?,
                chain: certificates(&text)?,
            }),
            #[cfg(feature = "client")]
            Self::Java { identity, .. } => identity.ok_or_else(|| invalid("the key store has no key")),
        }
    }

    fn trusted(self) -> io::Result<Vec<CertificateDer<'static>>> {
        match self {
            Self::Pem(text) => certificates(&text),
            #[cfg(feature = "client")]
            Self::Java { trusted, .. } => Ok(trusted),
        }
    }
}

/// The acceptor of a TLS listener.
///
/// # Errors
/// Without certificate or key, or with unreadable ones.
pub(super) fn acceptor(config: &BrokerConfig, endpoint: &Endpoint) -> io::Result<TlsAcceptor> {
    let scope = Scope { config, endpoint };
    let of_listener = |e: io::Error| invalid(format!("listener {}: {e}", endpoint.name));
    let keys = scope
        .store("keystore", &["ssl.keystore.key", "ssl.keystore.certificate.chain"])
        .map_err(of_listener)?;
    let keys = keys.ok_or_else(|| of_listener(invalid("ssl.keystore.location is not set")))?;
    let identity = keys.identity().map_err(of_listener)?;
    let trusted = || -> io::Result<_> {
        let store = scope.store("truststore", &["ssl.truststore.certificates"])?;
        store
            .ok_or_else(|| invalid("ssl.client.auth needs ssl.truststore.location"))?
            .trusted()
    };
    let client_auth = match scope.get("ssl.client.auth").unwrap_or("none") {
        "required" => ClientAuth::Required(trusted().map_err(of_listener)?),
        "requested" => ClientAuth::Requested(trusted().map_err(of_listener)?),
        _ => ClientAuth::None,
    };
    let config = server_config(identity, &client_auth).map_err(|e| of_listener(invalid(e.0)))?;
    Ok(TlsAcceptor::from(config))
}

fn certificates(pem: &str) -> io::Result<Vec<CertificateDer<'static>>> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match all {
        Ok(all) if !all.is_empty() => Ok(all),
        Ok(_) => Err(invalid("no certificate in the PEM text")),
        Err(e) => Err(invalid(format!("unreadable certificate: {e}"))),
    }
}
