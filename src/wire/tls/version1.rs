//! Certificates of X.509 version 1, which `openssl x509 -req` makes unless told otherwise. Java accepts them from
//! brokers; WebPKI does not read them. They are accepted here if a trusted certificate issued them itself.

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{CertificateDer, SubjectPublicKeyInfoDer, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, PeerIncompatible};

use super::der::{Der, SEQUENCE};

const BIT_STRING: u8 = 0x03;
const UTC_TIME: u8 = 0x17;

/// The parts of a certificate that a check needs, as DER.
struct Parts<'a> {
    /// What is signed, with its tag and length.
    signed: &'a [u8],
    is_version_1: bool,
    signature_algorithm: &'a [u8],
    signature: &'a [u8],
    issuer: &'a [u8],
    subject: &'a [u8],
    not_before: i64,
    not_after: i64,
    /// `SubjectPublicKeyInfo` with its tag and length.
    spki: &'a [u8],
}

/// `at` is the start of a value within its surroundings; answers the value with its header, and what follows.
fn whole<'a>(at: Der<'a>) -> Option<(&'a [u8], Der<'a>)> {
    let (_, _, rest) = at.next()?;
    Some((&at.0[..at.0.len() - rest.0.len()], rest))
}

fn bit_string(content: Der<'_>) -> Option<&[u8]> {
    let (&unused, bits) = content.0.split_first()?;
    (unused == 0).then_some(bits)
}

fn parts(certificate: &[u8]) -> Option<Parts<'_>> {
    let (outer, _) = Der(certificate).expect(SEQUENCE)?;
    let (signed, rest) = whole(outer)?;
    let (signature_algorithm, rest) = rest.expect(SEQUENCE)?;
    let (signature, _) = rest.expect(BIT_STRING)?;
    let (tbs, _) = outer.expect(SEQUENCE)?;
    let is_version_1 = tbs.next()?.0 != 0xa0;
    let at_serial = if is_version_1 { tbs } else { tbs.next()?.2 };
    let at_issuer = at_serial.next()?.2.next()?.2;
    let (issuer, at_validity) = whole(at_issuer)?;
    let (validity, at_subject) = at_validity.expect(SEQUENCE)?;
    let (subject, at_spki) = whole(at_subject)?;
    let (spki, _) = whole(at_spki)?;
    let (before_tag, before, rest) = validity.next()?;
    let (after_tag, after, _) = rest.next()?;
    Some(Parts {
        signed,
        is_version_1,
        signature_algorithm: signature_algorithm.0,
        signature: bit_string(signature)?,
        issuer,
        subject,
        not_before: seconds(before_tag, before.0)?,
        not_after: seconds(after_tag, after.0)?,
        spki,
    })
}

/// Seconds since 1970 of a `UTCTime` (`YYMMDDhhmmssZ`) or `GeneralizedTime` (`YYYYMMDDhhmmssZ`).
fn seconds(tag: u8, text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let text = match tag {
        UTC_TIME => format!(
            "{}{text}",
            if text.get(..2)?.parse::<u8>().ok()? < 50 {
                "20"
            } else {
                "19"
            }
        ),
        _ => text.to_string(),
    };
    let time = chrono::NaiveDateTime::parse_from_str(&text, "%Y%m%d%H%M%S").ok()?;
    Some(time.and_utc().timestamp())
}

/// The algorithm and the bits of a public key.
fn key(spki: &[u8]) -> Option<(&[u8], &[u8])> {
    let (spki, _) = Der(spki).expect(SEQUENCE)?;
    let (algorithm, rest) = spki.expect(SEQUENCE)?;
    let (bits, _) = rest.expect(BIT_STRING)?;
    Some((algorithm.0, bit_string(bits)?))
}

/// Whether this is a certificate of version 1.
pub(super) fn is_version_1(certificate: &[u8]) -> bool {
    parts(certificate).is_some_and(|p| p.is_version_1)
}

/// Whether one of the trusted certificates issued `certificate` and it is valid now.
pub(super) fn verify(
    certificate: &CertificateDer<'_>,
    trusted: &[CertificateDer<'static>],
    now: UnixTime,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<(), CertificateError> {
    let leaf = parts(certificate).ok_or(CertificateError::BadEncoding)?;
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    if now < leaf.not_before {
        return Err(CertificateError::NotValidYet);
    }
    if now > leaf.not_after {
        return Err(CertificateError::Expired);
    }
    let mut known = false;
    for issuer in trusted
        .iter()
        .filter_map(|t| parts(t))
        .filter(|p| p.subject == leaf.issuer)
    {
        known = true;
        let Some((key_algorithm, bits)) = key(issuer.spki) else {
            continue;
        };
        let fitting = algorithms.all.iter().filter(|a| {
            a.signature_alg_id().as_ref() == leaf.signature_algorithm && a.public_key_alg_id().as_ref() == key_algorithm
        });
        for algorithm in fitting {
            if algorithm.verify_signature(bits, leaf.signed, leaf.signature).is_ok() {
                return Ok(());
            }
        }
    }
    Err(if known {
        CertificateError::BadSignature
    } else {
        CertificateError::UnknownIssuer
    })
}

/// The handshake's signature, by the key of a certificate of version 1, in TLS 1.3.
pub(super) fn verify_tls13(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    dss: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error> {
    let leaf = parts(certificate).ok_or(Error::InvalidCertificate(CertificateError::BadEncoding))?;
    verify_tls13_signature_with_raw_key(message, &SubjectPublicKeyInfoDer::from(leaf.spki), dss, algorithms)
}

/// The same in TLS 1.2.
pub(super) fn verify_tls12(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    dss: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error> {
    let leaf = parts(certificate).and_then(|leaf| key(leaf.spki));
    let (key_algorithm, bits) = leaf.ok_or(Error::InvalidCertificate(CertificateError::BadEncoding))?;
    let of_scheme = algorithms.mapping.iter().find(|(scheme, _)| *scheme == dss.scheme);
    let (_, candidates) = of_scheme.ok_or(PeerIncompatible::NoSignatureSchemesInCommon)?;
    let mut fitting = candidates
        .iter()
        .filter(|a| a.public_key_alg_id().as_ref() == key_algorithm);
    if fitting.any(|a| a.verify_signature(bits, message, dss.signature()).is_ok()) {
        return Ok(HandshakeSignatureValid::assertion());
    }
    Err(Error::InvalidCertificate(CertificateError::BadSignature))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn fixture(name: &str) -> CertificateDer<'static> {
        use base64::Engine as _;
        let path = format!("{}/tests/fixtures/tls/{name}", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).unwrap();
        let body: String = text.lines().filter(|l| !l.starts_with("-----")).collect();
        CertificateDer::from(base64::engine::general_purpose::STANDARD.decode(body).unwrap())
    }

    #[test]
    fn a_version_1_certificate_needs_its_issuer_and_its_time() {
        let (leaf, ca) = (fixture("version1.pem"), fixture("ca.pem"));
        assert!(is_version_1(&leaf) && !is_version_1(&ca));
        let provider = rustls::crypto::ring::default_provider();
        let algorithms = provider.signature_verification_algorithms;
        let at = |secs| UnixTime::since_unix_epoch(Duration::from_secs(secs));
        assert_eq!(
            verify(&leaf, std::slice::from_ref(&ca), at(1_900_000_000), &algorithms),
            Ok(())
        );
        assert_eq!(
            verify(&leaf, std::slice::from_ref(&ca), at(1_000_000_000), &algorithms),
            Err(CertificateError::NotValidYet)
        );
        assert_eq!(
            verify(&leaf, &[], at(1_900_000_000), &algorithms),
            Err(CertificateError::UnknownIssuer)
        );
        let mut forged = leaf.to_vec();
        let last = forged.len() - 1;
        forged[last] ^= 1;
        let forged = CertificateDer::from(forged);
        assert_eq!(
            verify(&forged, &[ca], at(1_900_000_000), &algorithms),
            Err(CertificateError::BadSignature)
        );
        for cut in 0..leaf.len() {
            assert!(parts(&leaf[..cut]).is_none());
        }
    }
}
