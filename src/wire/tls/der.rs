//! Just enough DER to look into certificates and encrypted keys.

/// A reader over DER values. Lengths are checked against what is there.
#[derive(Clone, Copy, Debug)]
pub struct Der<'a>(pub &'a [u8]);

impl<'a> Der<'a> {
    /// The next value's tag and content, and what follows it.
    pub fn next(self) -> Option<(u8, Der<'a>, Der<'a>)> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, mut rest) = rest.split_first()?;
        let len = match first {
            0..=0x7f => usize::from(first),
            0x81..=0x84 => {
                let n = usize::from(first & 0x7f);
                let bytes = rest.get(..n)?;
                rest = &rest[n..];
                bytes.iter().fold(0, |len, b| (len << 8) | usize::from(*b))
            }
            _ => return None,
        };
        let content = rest.get(..len)?;
        Some((tag, Der(content), Der(&rest[len..])))
    }

    /// The content of the value with this tag that comes next, and what follows it.
    pub fn expect(self, tag: u8) -> Option<(Der<'a>, Der<'a>)> {
        let (found, content, rest) = self.next()?;
        (found == tag).then_some((content, rest))
    }

    /// The values in this content, one after the other; ends at the first malformed one.
    pub fn values(self) -> impl Iterator<Item = (u8, Der<'a>)> {
        let mut rest = self;
        std::iter::from_fn(move || {
            let (tag, content, next) = rest.next()?;
            rest = next;
            Some((tag, content))
        })
    }
}

pub const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OID: u8 = 0x06;
const OCTET_STRING: u8 = 0x04;
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];

/// The values of a certificate's `tbsCertificate` from the serial number on.
fn to_be_signed(certificate: &[u8]) -> Option<Vec<(u8, Der<'_>)>> {
    let (certificate, _) = Der(certificate).expect(SEQUENCE)?;
    let (tbs, _) = certificate.expect(SEQUENCE)?;
    let mut values: Vec<_> = tbs.values().collect();
    // An explicit version comes first, except in version 1.
    if values.first()?.0 == 0xa0 {
        values.remove(0);
    }
    Some(values)
}

/// The content of a certificate's subject: its relative distinguished names.
pub fn subject(certificate: &[u8]) -> Option<Der<'_>> {
    // serial, signature, issuer, validity, subject
    to_be_signed(certificate)?.get(4).map(|(_, subject)| *subject)
}

/// The last common name of a certificate's subject.
pub fn common_name(certificate: &[u8]) -> Option<String> {
    let subject = subject(certificate)?;
    let mut found = None;
    for (_, set) in subject.values().filter(|(tag, _)| *tag == SET) {
        for (_, pair) in set.values() {
            let (oid, value) = pair.expect(OID)?;
            if oid.0 == COMMON_NAME {
                found = String::from_utf8(value.next()?.1.0.to_vec()).ok();
            }
        }
    }
    found
}

/// Whether a certificate lists DNS names.
pub fn has_dns_names(certificate: &[u8]) -> bool {
    let names = || {
        let values = to_be_signed(certificate)?;
        let (_, extensions) = values.iter().find(|(tag, _)| *tag == 0xa3)?;
        let (extensions, _) = extensions.expect(SEQUENCE)?;
        for (_, extension) in extensions.values() {
            let (oid, rest) = extension.expect(OID)?;
            if oid.0 == SUBJECT_ALT_NAME {
                let (_, names) = rest.values().find(|(tag, _)| *tag == OCTET_STRING)?;
                let (names, _) = names.expect(SEQUENCE)?;
                return Some(names.values().any(|(tag, _)| tag == 0x82));
            }
        }
        None
    };
    names().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_certificates() {
        let made = |sans: Vec<String>| {
            let mut params = rcgen::CertificateParams::new(sans).unwrap();
            params
                .distinguished_name
                .push(rcgen::DnType::CommonName, "broker.example");
            let key = rcgen::KeyPair::generate().unwrap();
            params.self_signed(&key).unwrap().der().to_vec()
        };
        let plain = made(Vec::new());
        assert_eq!(common_name(&plain).as_deref(), Some("broker.example"));
        assert!(!has_dns_names(&plain));
        assert!(has_dns_names(&made(vec!["a.example".into()])));
        for cut in 0..plain.len() {
            let _ = (common_name(&plain[..cut]), has_dns_names(&plain[..cut]));
        }
    }

    #[test]
    fn lengths_beyond_the_end_are_refused() {
        assert!(Der(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0]).next().is_none());
        assert!(Der(&[0x30, 0x05, 1]).next().is_none());
        assert!(Der(&[0x30, 0x85, 0, 0, 0, 0, 1, 1]).next().is_none());
    }
}
