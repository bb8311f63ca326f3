//! Gzip as Java reads it (`GZIPInputStream`): one member after another, and what follows the last one is ignored.

use std::cell::RefCell;
use std::io::{self, Chain, Cursor, Read};

use flate2::bufread::GzDecoder;
use libdeflater::Decompressor;

/// What every member begins with: magic and the method "deflate".
const MEMBER: &[u8] = &[0x1f, 0x8b, 8];

/// Streams of more bytes, and such as give more, are read bit by bit.
const MOST_PACKED: usize = 256 << 10;
const MOST_UNPACKED: usize = 4 << 20;
/// No deflate stream gives more bytes for each of its own.
const MOST_RATIO: usize = 1032;

thread_local! {
    static WHOLE: RefCell<Decompressor> = RefCell::new(Decompressor::new());
}

/// All of a small stream of one member at once, which takes half the time. `None` for any other, and for a damaged one:
/// how far that can be read the [`Decoder`] tells.
pub(super) fn whole(data: &[u8]) -> Option<Vec<u8>> {
    let (_, trailer) = data.split_last_chunk::<4>()?;
    let len = u32::from_le_bytes(*trailer) as usize;
    let is_small = data.len() <= MOST_PACKED && len <= MOST_UNPACKED && len <= data.len().saturating_mul(MOST_RATIO);
    let more_members = memchr::memmem::find(&data[1..], MEMBER).is_some();
    if !is_small || more_members {
        return None;
    }
    let mut out = vec![0; len];
    let written = WHOLE
        .with_borrow_mut(|whole| whole.gzip_decompress(data, &mut out))
        .ok()?;
    (written == len).then_some(out)
}

/// A member with the flags of its head as they are read: Java passes over those that mean nothing.
type Member<'a> = Chain<Cursor<[u8; 4]>, &'a [u8]>;

/// The flags of a member's head that mean something.
const FLAGS: u8 = 0x1f;

fn member(data: &[u8]) -> GzDecoder<Member<'_>> {
    let (head, rest) = match data.split_first_chunk::<4>() {
        Some((&[magic0, magic1, method, flags], rest)) => (Cursor::new([magic0, magic1, method, flags & FLAGS]), rest),
        None => {
            let mut none = Cursor::new([0; 4]);
            none.set_position(4);
            (none, data)
        }
    };
    GzDecoder::new(head.chain(rest))
}

/// Decompresses member after member.
pub(super) struct Decoder<'a> {
    /// `None` behind the last member.
    member: Option<GzDecoder<Member<'a>>>,
}

impl<'a> Decoder<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Decoder {
            member: Some(member(data)),
        }
    }
}

impl Read for Decoder<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while let Some(present) = &mut self.member {
            let n = present.read(out)?;
            if n > 0 || out.is_empty() {
                return Ok(n);
            }
            let (_, rest) = present.get_ref().get_ref();
            let rest: &[u8] = rest;
            self.member = rest.starts_with(MEMBER).then(|| member(rest));
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
    fn a_small_stream_is_the_same_at_once_or_not_at_all() {
        for text in [&b""[..], b"one", &b"much the same ".repeat(5000), &vec![7; 4 << 20]] {
            let data = packed(text);
            assert_eq!(whole(&data).as_deref(), Some(text));
            for cut in 1..data.len().min(200) {
                assert_eq!(whole(&data[..data.len() - cut]), None);
            }
            for at in 0..data.len().min(200) {
                let mut bad = data.clone();
                bad[at] ^= 0x10;
                if let Some(bytes) = whole(&bad) {
                    assert_eq!(bytes, unpacked(&bad).unwrap(), "bit flipped at {at}");
                }
            }
        }
        assert_eq!(whole(&packed(&vec![7; (4 << 20) + 1])), None);
        assert_eq!(whole(&[packed(b"one"), packed(b"two")].concat()), None);
        assert_eq!(whole(b"\x1f\x8b\x08"), None);
    }

    #[test]
    fn flags_that_mean_nothing_are_passed_over() {
        let mut data = [packed(b"one"), packed(b" two")].concat();
        let second = memchr::memmem::rfind(&data, MEMBER).unwrap();
        for reserved in [0x20, 0x40, 0x80, 0xe0] {
            data[3] = reserved;
            data[second + 3] = reserved;
            assert_eq!(unpacked(&data).unwrap(), b"one two");
        }
        for short in 0..12 {
            assert!(unpacked(&data[..short]).is_err());
        }
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
