//! Which store the `ssl.truststore.*` and `ssl.keystore.*` keys mean, and what is in it.

use rustls_pki_types::CertificateDer;

use super::pem;
use crate::client::error::ApiError;
use crate::client::props::Properties;
use crate::wire::tls::Identity;
use crate::wire::tls::store::{self, Contents};

fn invalid(text: impl Into<String>) -> ApiError {
    ApiError::of_class("org.apache.kafka.common.errors.InvalidConfigurationException", text)
}

/// `ssl.truststore.*`; `None` if there is none.
pub(super) fn trusted(props: &Properties) -> Result<Option<Vec<CertificateDer<'static>>>, ApiError> {
    let store_type = props.get("ssl.truststore.type").unwrap_or("JKS").trim();
    let location = props.get("ssl.truststore.location").filter(|l| !l.is_empty());
    let password = props.get("ssl.truststore.password");
    let is_pem = store_type.eq_ignore_ascii_case("PEM");
    if let Some(inline) = props.get("ssl.truststore.certificates") {
        return match (is_pem, location, password) {
            (false, ..) => Err(invalid(format!(
                "SSL trust store certs can be specified only for PEM, but trust store type is {store_type}."
            ))),
            (_, Some(_), _) => Err(invalid(
                "Both SSL trust store location and separate trust certificates are specified.",
            )),
            (_, _, Some(_)) => Err(invalid("SSL trust store password cannot be specified for PEM format.")),
            _ => certificates(inline).map(Some),
        };
    }
    let Some(location) = location else {
        return match password {
            Some(_) => Err(invalid(
                "SSL trust store is not specified, but trust store password is specified.",
            )),
            None => Ok(None),
        };
    };
    if is_pem {
        if password.is_some() {
            return Err(invalid("SSL trust store password cannot be specified for PEM format."));
        }
        let text = String::from_utf8_lossy(&read(location, store_type)?).into_owned();
        return certificates(&text).map(Some);
    }
    let contents = open(location, store_type, password, None)?;
    Ok(Some(contents.trusted))
}

/// `ssl.keystore.*`; `None` if there is none.
pub(super) fn identity(props: &Properties) -> Result<Option<Identity>, ApiError> {
    let store_type = props.get("ssl.keystore.type").unwrap_or("JKS").trim();
    let location = props.get("ssl.keystore.location").filter(|l| !l.is_empty());
    let password = props.get("ssl.keystore.password");
    let key_password = props.get("ssl.key.password");
    let chain = props.get("ssl.keystore.certificate.chain");
    let is_pem = store_type.eq_ignore_ascii_case("PEM");
    if let Some(key) = props.get("ssl.keystore.key") {
        if !is_pem {
            return Err(invalid(format!(
                "SSL private key can be specified only for PEM, but key store type is {store_type}."
            )));
        }
        let chain =
            chain.ok_or_else(|| invalid("SSL private key is specified, but certificate chain is not specified."))?;
        if location.is_some() {
            return Err(invalid(
                "Both SSL key store location and separate private key are specified.",
            ));
        }
        if password.is_some() {
            return Err(invalid(
                "SSL key store password cannot be specified with PEM format, only key password may be specified.",
            ));
        }
        return Ok(Some(Identity {
            chain: certificates(chain)?,
            key: pem::private_key(key, key_password)?,
        }));
    }
    if chain.is_some() {
        return Err(invalid(
            "SSL certificate chain is specified, but private key is not specified",
        ));
    }
    let Some(location) = location else {
        return match password {
            Some(_) => Err(invalid(
                "SSL key store is not specified, but key store password is specified.",
            )),
            None => Ok(None),
        };
    };
    if is_pem {
        if password.is_some() {
            return Err(invalid(
                "SSL key store password cannot be specified with PEM format, only key password may be specified",
            ));
        }
        let text = String::from_utf8_lossy(&read(location, store_type)?).into_owned();
        return Ok(Some(Identity {
            chain: certificates(&text)?,
            key: pem::private_key(&text, key_password)?,
        }));
    }
    let password =
        password.ok_or_else(|| invalid("SSL key store is specified, but key store password is not specified."))?;
    Ok(open(location, store_type, Some(password), key_password)?.identity)
}

fn certificates(text: &str) -> Result<Vec<CertificateDer<'static>>, ApiError> {
    let found = pem::certificates(text)?;
    if found.is_empty() {
        return Err(invalid("At least one certificate expected, but none found"));
    }
    Ok(found)
}

fn read(location: &str, store_type: &str) -> Result<Vec<u8>, ApiError> {
    std::fs::read(location).map_err(|e| {
        let what = format!("Failed to load SSL keystore {location} of type {store_type}");
        ApiError::kafka(what).caused_by(match e.kind() {
            std::io::ErrorKind::NotFound => ApiError::of_class("java.nio.file.NoSuchFileException", location),
            _ => ApiError::of_class("java.io.IOException", e.to_string()),
        })
    })
}

/// Reads a JKS or PKCS12 file. Without `key_password` the store's own opens its key.
fn open(
    location: &str,
    store_type: &str,
    password: Option<&str>,
    key_password: Option<&str>,
) -> Result<Contents, ApiError> {
    let bytes = read(location, store_type)?;
    let contents = store::read(&bytes, password, key_password);
    contents.map_err(|why| {
        ApiError::kafka(format!("Failed to load SSL keystore {location} of type {store_type}"))
            .caused_by(ApiError::of_class("java.io.IOException", why))
    })
}

#[cfg(test)]
mod tests {
    use super::super::TlsMaterial;
    use super::*;

    fn fixture(name: &str) -> String {
        format!("{}/tests/fixtures/tls/{name}", env!("CARGO_MANIFEST_DIR"))
    }

    fn material(pairs: &[(&str, &str)]) -> Result<TlsMaterial, ApiError> {
        TlsMaterial::from_props(&pairs.iter().copied().collect())
    }

    /// Every store holds the same key and certificates.
    #[test]
    fn every_format_gives_the_same_material() {
        let text = |name: &str| std::fs::read_to_string(fixture(name)).unwrap();
        let (key, chain, ca) = (text("client-encrypted.key"), text("client.pem"), text("ca.pem"));
        let inline = [
            ("ssl.truststore.type", "PEM"),
            ("ssl.truststore.certificates", ca.as_str()),
            ("ssl.keystore.type", "PEM"),
            ("ssl.keystore.key", key.as_str()),
            ("ssl.keystore.certificate.chain", chain.as_str()),
            ("ssl.key.password", "keysecret"),
        ];
        let inline = material(&inline).unwrap();
        let (_, want_key) = inline.identity_pem().unwrap();
        let want_trust = inline.trusted_pem().unwrap();
        let files = [
            ("JKS", "trust.jks", "client.jks", Some("keysecret")),
            ("PKCS12", "trust.p12", "client.p12", None),
            ("JKS", "trust.p12", "client.p12", Some("secret")),
            ("PKCS12", "trust.jks", "client.jks", Some("keysecret")),
        ];
        for (store_type, trust, keys, key_password) in files {
            let (trust, keys) = (fixture(trust), fixture(keys));
            let mut all = vec![
                ("ssl.truststore.type", store_type),
                ("ssl.truststore.location", trust.as_str()),
                ("ssl.truststore.password", "secret"),
                ("ssl.keystore.type", store_type),
                ("ssl.keystore.location", keys.as_str()),
                ("ssl.keystore.password", "secret"),
            ];
            all.extend(key_password.map(|p| ("ssl.key.password", p)));
            let material = material(&all).unwrap();
            assert_eq!(material.trusted_pem().unwrap(), want_trust, "{all:?}");
            assert_eq!(material.identity_pem().unwrap().1, want_key, "{all:?}");
            material.client_config().unwrap();
        }
        let file = fixture("client-encrypted.pem");
        let from_file = [
            ("ssl.keystore.type", "PEM"),
            ("ssl.keystore.location", file.as_str()),
            ("ssl.key.password", "keysecret"),
        ];
        assert_eq!(material(&from_file).unwrap().identity_pem().unwrap().1, want_key);
    }

    #[test]
    fn wrong_passwords_and_contradictions_are_said() {
        let keys = fixture("client.jks");
        let base = [("ssl.keystore.location", keys.as_str())];
        let e = material(&base).unwrap_err();
        assert_eq!(
            e.text(),
            "SSL key store is specified, but key store password is not specified."
        );
        for store in ["client.jks", "client.p12"] {
            let location = fixture(store);
            let e = material(&[("ssl.keystore.location", &location), ("ssl.keystore.password", "wrong")]).unwrap_err();
            assert_eq!(e.text(), format!("Failed to load SSL keystore {location} of type JKS"));
        }
        let e = material(&[("ssl.truststore.location", "/nope"), ("ssl.truststore.password", "x")]).unwrap_err();
        assert_eq!(
            e.cause().unwrap().to_string(),
            "java.nio.file.NoSuchFileException: /nope"
        );
        let e = material(&[("ssl.truststore.certificates", "x")]).unwrap_err();
        assert_eq!(
            e.text(),
            "SSL trust store certs can be specified only for PEM, but trust store type is JKS."
        );
    }

    #[test]
    fn an_empty_algorithm_leaves_names_unchecked() {
        assert!(material(&[]).unwrap().verifies_hostname());
        assert!(
            !material(&[("ssl.endpoint.identification.algorithm", "")])
                .unwrap()
                .verifies_hostname()
        );
    }
}
