//! Gzip as Java reads it (`GZIPInputStream`): one member after another, and what follows the last one is ignored.

use std::io::{self, Read};

use flate2::bufread::GzDecoder;

/// What every member begins with: magic and the method "deflate".
const MEMBER: &[u8] = &[0x1f, 0x8b, 8];

/// Decompresses member after member.
pub(super) struct Decoder<'a> {
    /// `None` behind the last member.
    member: Option<GzDecoder<&'a [u8]>>,
}

impl<'a> Decoder<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Decoder {
            member: Some(GzDecoder::new(data)),
        }
    }
}

impl Read for Decoder<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let n = member.read(out)?;
            if n > 0 || out.is_empty() {
                return Ok(n);
            }
            let rest: &[u8] = member.get_ref();
            self.member = rest.starts_with(MEMBER).then(|| GzDecoder::new(rest));
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn packed(data: &[u8]) -> Vec<u8> {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(data).unwrap();
        gzip.finish().unwrap()
    }

    fn unpacked(data: &[u8]) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        Decoder::new(data).read_to_end(&mut out)?;
        Ok(out)
    }

    #[test]
    fn members_follow_one_another_and_anything_may_follow_them() {
        let two = [packed(b"one"), packed(b" two")].concat();
        assert_eq!(unpacked(&two).unwrap(), b"one two");
        let foreign = [&two[..], b"not gzip"].concat();
        assert_eq!(unpacked(&foreign).unwrap(), b"one two");
        let torn = [&two[..], &two[..15]].concat();
        assert!(unpacked(&torn).is_err(), "a third member is cut off");
        assert!(unpacked(b"not gzip").is_err());
    }
}
