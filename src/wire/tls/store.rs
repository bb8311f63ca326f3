//! Key and trust stores of Java: JKS and PKCS12.

use p12_keystore::{KeyStore, KeyStoreEntry, Pkcs12ImportPolicy};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::{Identity, jks};

/// What a store of any format holds.
#[derive(Debug, Default)]
pub struct Contents {
    pub trusted: Vec<CertificateDer<'static>>,
    pub identity: Option<Identity>,
}

/// Reads a JKS or PKCS12 store; as in Java, its first bytes say which it is. Without `key_password` the store's own opens
/// its key.
///
/// # Errors
/// A wrong password or a damaged store, in words.
pub fn read(bytes: &[u8], password: Option<&str>, key_password: Option<&str>) -> Result<Contents, String> {
    if bytes.starts_with(&jks::MAGIC) {
        jks::read(bytes, password, key_password)
    } else {
        read_pkcs12(bytes, password.unwrap_or_default())
    }
}

fn read_pkcs12(bytes: &[u8], password: &str) -> Result<Contents, String> {
    let store = KeyStore::from_pkcs12(bytes, password, Pkcs12ImportPolicy::Relaxed).map_err(|e| e.to_string())?;
    let mut contents = Contents::default();
    for (_, entry) in store.entries() {
        match entry {
            KeyStoreEntry::Certificate(c) => contents.trusted.push(CertificateDer::from(c.as_der().to_vec())),
            KeyStoreEntry::PrivateKeyChain(chain) => {
                let certs: Vec<_> = chain
                    .certs()
                    .iter()
                    .map(|c| CertificateDer::from(c.as_der().to_vec()))
                    .collect();
                if contents.identity.is_none() && !certs.is_empty() {
                    let key = PrivatePkcs8KeyDer::from(chain.key().as_der().to_vec());
                    contents.identity = Some(Identity {
                        chain: certs.clone(),
                        key: PrivateKeyDer::Pkcs8(key),
                    });
                }
                // Java trusts the certificates of key entries, too.
                contents.trusted.extend(certs.into_iter().take(1));
            }
            _ => {}
        }
    }
    Ok(contents)
}
