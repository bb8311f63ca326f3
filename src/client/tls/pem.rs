//! Certificates and keys in PEM text: PKCS#8, encrypted PKCS#8 (PBES2), PKCS#1 and SEC1 keys.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer};

use crate::client::error::ApiError;

fn invalid(text: impl Into<String>) -> ApiError {
    ApiError::of_class("org.apache.kafka.common.errors.InvalidConfigurationException", text)
}

/// The sections of PEM text: label and content. Line breaks may be missing, as they are in properties.
fn sections(text: &str) -> Result<Vec<(String, Vec<u8>)>, ApiError> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("-----BEGIN ") {
        let bad = || invalid("Invalid PEM: a section does not end");
        let (label, after) = after.split_once("-----").ok_or_else(bad)?;
        let (body, after) = after.split_once(&format!("-----END {label}-----")).ok_or_else(bad)?;
        let body: String = body.chars().filter(|c| !c.is_whitespace()).collect();
        let der = STANDARD
            .decode(body)
            .map_err(|e| invalid(format!("Invalid PEM: {e}")))?;
        out.push((label.to_string(), der));
        rest = after;
    }
    Ok(out)
}

/// All certificates, in order.
pub(super) fn certificates(text: &str) -> Result<Vec<CertificateDer<'static>>, ApiError> {
    let is_certificate = |label: &str| matches!(label, "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE");
    let all = sections(text)?.into_iter().filter(|(label, _)| is_certificate(label));
    Ok(all.map(|(_, der)| CertificateDer::from(der)).collect())
}

/// The first private key.
pub(super) fn private_key(text: &str, password: Option<&str>) -> Result<PrivateKeyDer<'static>, ApiError> {
    for (label, der) in sections(text)? {
        match label.as_str() {
            "PRIVATE KEY" => return Ok(PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(der))),
            "RSA PRIVATE KEY" => return Ok(PrivateKeyDer::Pkcs1(PrivatePkcs1KeyDer::from(der))),
            "EC PRIVATE KEY" => return Ok(PrivateKeyDer::Sec1(PrivateSec1KeyDer::from(der))),
            "ENCRYPTED PRIVATE KEY" => {
                let password = password
                    .ok_or_else(|| invalid("Encrypted private key was provided, but ssl.key.password is not set"))?;
                return decrypt(&der, password);
            }
            _ => {}
        }
    }
    Err(invalid("Private key not provided"))
}

fn decrypt(der: &[u8], password: &str) -> Result<PrivateKeyDer<'static>, ApiError> {
    let failed = |why: String| invalid("Private key could not be loaded").caused_by(ApiError::kafka(why));
    let info = pkcs8::EncryptedPrivateKeyInfoRef::try_from(der).map_err(|e| failed(e.to_string()))?;
    let key = info.decrypt(password).map_err(|e| failed(e.to_string()))?;
    Ok(PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.as_bytes().to_vec())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_on_one_line_are_read() {
        let text = "-----BEGIN PRIVATE KEY----- AQID -----END PRIVATE KEY-----";
        assert_eq!(private_key(text, None).unwrap().secret_der(), [1, 2, 3]);
        assert!(certificates(text).unwrap().is_empty());
        assert!(private_key("-----BEGIN PRIVATE KEY-----AQID", None).is_err());
        let locked = "-----BEGIN ENCRYPTED PRIVATE KEY-----AQID-----END ENCRYPTED PRIVATE KEY-----";
        assert!(
            private_key(locked, None)
                .unwrap_err()
                .text()
                .contains("ssl.key.password")
        );
        assert_eq!(
            private_key(locked, Some("x")).unwrap_err().text(),
            "Private key could not be loaded"
        );
    }
}
