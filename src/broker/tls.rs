//! TLS of a listener: certificate, key and trusted certificates as PEM, from files or in the configuration itself
//! (KIP-651). `listener.name.NAME.ssl.KEY` counts before `ssl.KEY`.

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

    /// The PEM text of a store: given as it is under `inline`, or in the file of `location`.
    fn pem(&self, what: &str, inline: &str) -> io::Result<Option<String>> {
        if let Some(text) = self.get(inline) {
            return Ok(Some(text.to_owned()));
        }
        let Some(path) = self.get(&format!("ssl.{what}.location")) else {
            return Ok(None);
        };
        let kind = self.get(&format!("ssl.{what}.type")).unwrap_or("JKS");
        if !kind.eq_ignore_ascii_case("PEM") {
            return Err(invalid(format!(
                "ssl.{what}.type={kind} is not supported by the embedded broker: use PEM ({path})"
            )));
        }
        std::fs::read_to_string(path)
            .map(Some)
            .map_err(|e| invalid(format!("ssl.{what}.location={path}: {e}")))
    }
}

/// The acceptor of a TLS listener.
///
/// # Errors
/// Without certificate or key, or with unreadable ones.
pub(super) fn acceptor(config: &BrokerConfig, endpoint: &Endpoint) -> io::Result<TlsAcceptor> {
    let scope = Scope { config, endpoint };
    let chain = scope.pem("keystore", "ssl.keystore.certificate.chain")?;
    let key = scope.pem("keystore", "ssl.keystore.key")?;
    let (Some(chain), Some(key)) = (chain, key) else {
        return Err(invalid(format!(
            "listener {} needs ssl.keystore.location with ssl.keystore.type=PEM",
            endpoint.name
        )));
    };
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
        .map_err(|e| invalid(format!("no usable private key for listener {}: {e}", endpoint.name)))?;
    let identity = Identity {
        chain: certificates(&chain)?,
        key,
    };
    let trusted = || -> io::Result<_> {
        match scope.pem("truststore", "ssl.truststore.certificates")? {
            Some(text) => certificates(&text),
            None => Err(invalid(
                "ssl.client.auth needs ssl.truststore.location with ssl.truststore.type=PEM",
            )),
        }
    };
    let client_auth = match scope.get("ssl.client.auth").unwrap_or("none") {
        "required" => ClientAuth::Required(trusted()?),
        "requested" => ClientAuth::Requested(trusted()?),
        _ => ClientAuth::None,
    };
    let config = server_config(identity, &client_auth).map_err(|e| invalid(e.0))?;
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
