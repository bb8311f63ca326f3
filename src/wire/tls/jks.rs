//! Java's own key store format, JKS, and Sun's protection of the keys in it.
//!
//! All numbers are big-endian. `feedfeed`, version, count; entries (1: key with chain, 2: trusted certificate) with
//! alias and time; SHA-1 over a salted password and everything before it. Keys are XORed with a stream of SHA-1 sums of
//! the password, which is weak: JKS is read here, never written.

use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sha1::{Digest, Sha1};

use super::store::Contents;
use super::{Der, Identity};

/// The first bytes of a JKS file.
pub(super) const MAGIC: [u8; 4] = [0xfe, 0xed, 0xfe, 0xed];

const SALT: &[u8] = b"Mighty Aphrodite";
const SHA1_LEN: usize = 20;
const SEQUENCE: u8 = 0x30;
const OCTET_STRING: u8 = 0x04;

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], String> {
        let taken = self.0.get(..n).ok_or("the file ends too early")?;
        self.0 = &self.0[n..];
        Ok(taken)
    }

    fn u32(&mut self) -> Result<u32, String> {
        let b = self.take(4)?;
        Ok(u32::from_be_bytes([b[0], b[1], b[2], b[3]]))
    }

    /// Bytes with a 32-bit length in front.
    fn block(&mut self) -> Result<&'a [u8], String> {
        let n = self.u32()?;
        self.take(usize::try_from(n).map_err(|e| e.to_string())?)
    }

    /// Text with a 16-bit length in front.
    fn text(&mut self) -> Result<&'a [u8], String> {
        let b = self.take(2)?;
        self.take(usize::from(u16::from_be_bytes([b[0], b[1]])))
    }

    /// A certificate of the given store version: version 2 names its type.
    fn certificate(&mut self, version: u32) -> Result<CertificateDer<'static>, String> {
        if version == 2 {
            self.text()?;
        }
        Ok(CertificateDer::from(self.block()?.to_vec()))
    }
}

/// Reads a store. Without a password nothing is verified, as in Java, and its keys stay closed.
pub(super) fn read(bytes: &[u8], password: Option<&str>, key_password: Option<&str>) -> Result<Contents, String> {
    let body_len = bytes.len().checked_sub(SHA1_LEN).ok_or("the file ends too early")?;
    let (body, digest) = bytes.split_at(body_len);
    if let Some(password) = password {
        let sum = Sha1::new()
            .chain_update(utf16(password))
            .chain_update(SALT)
            .chain_update(body)
            .finalize();
        if sum.as_slice() != digest {
            return Err("keystore password was incorrect".into());
        }
    }
    let mut reader = Reader(body);
    reader.take(MAGIC.len())?;
    let version = reader.u32()?;
    if !matches!(version, 1 | 2) {
        return Err(format!("Invalid keystore format: version {version}"));
    }
    let mut contents = Contents::default();
    for _ in 0..reader.u32()? {
        let kind = reader.u32()?;
        reader.text()?;
        reader.take(8)?;
        match kind {
            1 => {
                let protected = reader.block()?;
                let mut chain = Vec::new();
                for _ in 0..reader.u32()? {
                    chain.push(reader.certificate(version)?);
                }
                contents.trusted.extend(chain.first().cloned());
                if let (None, Some(password)) = (&contents.identity, key_password.or(password)) {
                    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(unprotect(protected, password)?));
                    contents.identity = Some(Identity { chain, key });
                }
            }
            2 => contents.trusted.push(reader.certificate(version)?),
            other => return Err(format!("Unrecognized keystore entry: {other}")),
        }
    }
    Ok(contents)
}

fn utf16(password: &str) -> Vec<u8> {
    password.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

/// Java: `sun.security.provider.KeyProtector.recover`. An `EncryptedPrivateKeyInfo` of salt, key, check sum.
fn unprotect(protected: &[u8], password: &str) -> Result<Vec<u8>, String> {
    let sealed = || {
        let (info, _) = Der(protected).expect(SEQUENCE)?;
        let (_, rest) = info.expect(SEQUENCE)?;
        Some(rest.expect(OCTET_STRING)?.0.0)
    };
    let sealed = sealed().ok_or("malformed private key entry")?;
    if sealed.len() < 2 * SHA1_LEN {
        return Err("malformed private key entry".into());
    }
    let (salt, rest) = sealed.split_at(SHA1_LEN);
    let (locked, check) = rest.split_at(rest.len() - SHA1_LEN);
    let password = utf16(password);
    let mut sum = salt.to_vec();
    let mut key = Vec::with_capacity(locked.len());
    for chunk in locked.chunks(SHA1_LEN) {
        sum = Sha1::new()
            .chain_update(&password)
            .chain_update(&sum)
            .finalize()
            .to_vec();
        key.extend(chunk.iter().zip(&sum).map(|(a, b)| a ^ b));
    }
    let expected = Sha1::new().chain_update(&password).chain_update(&key).finalize();
    if expected.as_slice() != check {
        return Err("Cannot recover key".into());
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_stores_are_refused_without_panic() {
        let path = format!("{}/tests/fixtures/tls/client.jks", env!("CARGO_MANIFEST_DIR"));
        let good = std::fs::read(path).unwrap();
        assert!(
            read(&good, Some("secret"), Some("keysecret"))
                .unwrap()
                .identity
                .is_some()
        );
        assert_eq!(
            read(&good, Some("secret"), Some("other")).err().as_deref(),
            Some("Cannot recover key")
        );
        for cut in 0..good.len() {
            assert!(read(&good[..cut], Some("secret"), None).is_err());
            let _ = read(&good[..cut], None, None);
        }
        let mut seed = 11u64;
        for _ in 0..2000 {
            let mut bad = good.clone();
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let at = (seed >> 33) as usize % bad.len();
            bad[at] ^= 1 << (seed % 8);
            let _ = read(&bad, None, Some("keysecret"));
        }
    }
}
