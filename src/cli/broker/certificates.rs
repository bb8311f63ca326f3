//! Certificates for `kt broker --tls`: an authority of its own, a server and a client it vouches for, as PEM and PKCS12.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use p12_keystore::{Certificate, KeyStore, KeyStoreEntry, PrivateKey, PrivateKeyChain};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};

/// The password of the PKCS12 files, which protects nothing: Java wants one. Who may read the files is up to their folder.
pub const STORE_PASSWORD: &str = "changeit";

/// The client's name, so that it is `User:CN=client` to ACLs.
const CLIENT: &str = "client";

/// Where the files are.
#[derive(Debug)]
pub struct Certificates {
    dir: PathBuf,
}

impl Certificates {
    /// Makes what is missing in `dir`. An authority that is there stays, so that clients go on trusting the broker; its
    /// server certificate is made anew each time, for the host the broker listens on now.
    ///
    /// # Errors
    /// Files that cannot be read or written, or that hold something else.
    pub fn make(dir: &Path, host: &str) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        let this = Self { dir: dir.to_owned() };
        let key = match fs::read_to_string(this.path("tls-ca.key")) {
            Ok(pem) => KeyPair::from_pem(&pem).map_err(failed)?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => KeyPair::generate().map_err(failed)?,
            Err(e) => return Err(e),
        };
        let params = authority()?;
        // The same name and key make an equally good certificate, but clients may hold the first.
        let authority = match fs::read_to_string(this.path("tls-ca.pem")) {
            Ok(pem) => der_of(&pem)?,
            Err(_) => {
                let made = params.self_signed(&key).map_err(failed)?;
                this.write("tls-ca.key", key.serialize_pem().as_bytes())?;
                this.write("tls-ca.pem", made.pem().as_bytes())?;
                made.der().to_vec()
            }
        };
        this.write("tls-ca.p12", &trust_store(&authority)?)?;
        let issuer = Issuer::new(params, key);
        let mut names = vec![host.to_owned(), "localhost".into(), "127.0.0.1".into(), "::1".into()];
        names.dedup();
        this.issue("tls-server", "server", names, (&issuer, &authority))?;
        if !this.path("tls-client.pem").exists() {
            this.issue("tls-client", CLIENT, Vec::new(), (&issuer, &authority))?;
        }
        Ok(this)
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn issue(
        &self,
        file: &str,
        name: &str,
        hosts: Vec<String>,
        (issuer, authority): (&Issuer<'_, KeyPair>, &[u8]),
    ) -> io::Result<()> {
        let usage = match name {
            CLIENT => ExtendedKeyUsagePurpose::ClientAuth,
            _ => ExtendedKeyUsagePurpose::ServerAuth,
        };
        let mut params = CertificateParams::new(hosts).map_err(failed)?;
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().map_err(failed)?;
        let made = params.signed_by(&key, issuer).map_err(failed)?;
        let pem = format!("{}{}", key.serialize_pem(), made.pem());
        self.write(&format!("{file}.pem"), pem.as_bytes())?;
        let chain = [made.der().as_ref(), authority];
        let certificates: Result<Vec<_>, _> = chain.into_iter().map(Certificate::from_der).collect();
        let key = PrivateKey::from_der(key.serialized_der()).map_err(failed)?;
        let chain = PrivateKeyChain::new(name, key, certificates.map_err(failed)?);
        self.write(
            &format!("{file}.p12"),
            &store(name, KeyStoreEntry::PrivateKeyChain(chain))?,
        )
    }

    /// Keys are for their owner alone; for simplicity so is the rest.
    fn write(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let mut options = fs::OpenOptions::new();
        let options = options.create(true).write(true).truncate(true).mode(0o600);
        options.open(self.path(name))?.write_all(content)
    }
}

fn authority() -> io::Result<CertificateParams> {
    let mut params = CertificateParams::new(Vec::new()).map_err(failed)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, "kt broker authority");
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

fn der_of(pem: &str) -> io::Result<Vec<u8>> {
    use rustls_pki_types::pem::PemObject;
    let der = rustls_pki_types::CertificateDer::from_pem_slice(pem.as_bytes()).map_err(failed)?;
    Ok(der.to_vec())
}

fn trust_store(authority: &[u8]) -> io::Result<Vec<u8>> {
    let certificate = Certificate::from_der(authority).map_err(failed)?;
    store("ca", KeyStoreEntry::Certificate(certificate))
}

fn store(alias: &str, entry: KeyStoreEntry) -> io::Result<Vec<u8>> {
    let mut store = KeyStore::new();
    store.add_entry(alias, entry);
    store.writer(STORE_PASSWORD).write().map_err(failed)
}

fn failed(e: impl std::fmt::Display) -> io::Error {
    io::Error::other(format!("certificates: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authority_stays_and_the_files_are_private() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let read = |name: &str| fs::read(dir.path().join(name)).unwrap();
        Certificates::make(dir.path(), "127.0.0.1").unwrap();
        let (authority, client) = (read("tls-ca.pem"), read("tls-client.pem"));
        Certificates::make(dir.path(), "example.org").unwrap();
        assert_eq!((read("tls-ca.pem"), read("tls-client.pem")), (authority, client));
        for entry in fs::read_dir(dir.path()).unwrap() {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{:?}", entry.file_name());
        }
    }
}
