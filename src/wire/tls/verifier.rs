//! The client's check of a server's certificate: WebPKI, plus what Java's clients accept beyond it.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::der::{common_name, has_dns_names};
use super::{TlsError, version1};

#[derive(Debug)]
pub(super) struct JavaLike {
    webpki: Arc<WebPkiServerVerifier>,
    trusted: Vec<CertificateDer<'static>>,
    verify_hostname: bool,
    algorithms: WebPkiSupportedAlgorithms,
}

impl JavaLike {
    pub(super) fn new(
        roots: Arc<RootCertStore>,
        trusted: Vec<CertificateDer<'static>>,
        verify_hostname: bool,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, TlsError> {
        let algorithms = provider.signature_verification_algorithms;
        let webpki = WebPkiServerVerifier::builder_with_provider(roots, provider).build();
        let webpki = webpki.map_err(|e| TlsError(e.to_string()))?;
        Ok(Self {
            webpki,
            trusted,
            verify_hostname,
            algorithms,
        })
    }

    /// Whether Java would find the host in the certificate's common name: only if it lists no DNS names, and never
    /// for an address.
    fn common_name_matches(end_entity: &CertificateDer<'_>, host: &ServerName<'_>) -> bool {
        let ServerName::DnsName(host) = host else { return false };
        let host = host.as_ref();
        let Some(name) = common_name(end_entity).filter(|_| !has_dns_names(end_entity)) else {
            return false;
        };
        match name.strip_prefix("*.") {
            Some(domain) => host
                .split_once('.')
                .is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(domain)),
            None => name.eq_ignore_ascii_case(host),
        }
    }
}

impl ServerCertVerifier for JavaLike {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if version1::is_version_1(end_entity) {
            version1::verify(end_entity, &self.trusted, now, &self.algorithms)?;
            return match !self.verify_hostname || Self::common_name_matches(end_entity, server_name) {
                true => Ok(ServerCertVerified::assertion()),
                false => Err(CertificateError::NotValidForName.into()),
            };
        }
        let verdict = self
            .webpki
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        let error = match verdict {
            Ok(verified) => return Ok(verified),
            Err(error) => error,
        };
        // WebPKI checks the name last: this error means that the chain is good.
        let only_the_name = matches!(
            error,
            Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }
            )
        );
        if only_the_name && (!self.verify_hostname || Self::common_name_matches(end_entity, server_name)) {
            return Ok(ServerCertVerified::assertion());
        }
        // A certificate that is itself in the trust store is trusted even if it calls itself a CA's.
        let as_its_own_anchor = matches!(error, Error::InvalidCertificate(CertificateError::Other(_)));
        if as_its_own_anchor && self.trusted.iter().any(|t| t.as_ref() == end_entity.as_ref()) {
            let parsed = rustls::server::ParsedCertificate::try_from(end_entity)?;
            let named = rustls::client::verify_server_name(&parsed, server_name).is_ok();
            if !self.verify_hostname || named || Self::common_name_matches(end_entity, server_name) {
                return Ok(ServerCertVerified::assertion());
            }
        }
        Err(error)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        if version1::is_version_1(cert) {
            return version1::verify_tls12(message, cert, dss, &self.algorithms);
        }
        self.webpki.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        if version1::is_version_1(cert) {
            return version1::verify_tls13(message, cert, dss, &self.algorithms);
        }
        self.webpki.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.webpki.supported_verify_schemes()
    }
}
