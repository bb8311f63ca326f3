//! Snappy as Java writes it: xerial's framing of raw snappy blocks; raw snappy without the framing is read too.

use std::io::{self, BufRead, Read};

/// Magic, version 1, compatible version 1.
const HEADER: &[u8; 16] = b"\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01";
const BLOCK_SIZE: usize = 32 * 1024;

/// Appends `data`, framed in blocks of 32 KiB.
pub(super) fn compress(data: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
    out.extend_from_slice(HEADER);
    let mut encoder = snap::raw::Encoder::new();
    for block in data.chunks(BLOCK_SIZE) {
        let at = out.len();
        out.resize(at + 4 + snap::raw::max_compress_len(block.len()), 0);
        let written = encoder.compress(block, &mut out[at + 4..]).map_err(io::Error::other)?;
        out[at..at + 4].copy_from_slice(&(written as u32).to_be_bytes());
        out.truncate(at + 4 + written);
    }
    Ok(())
}

/// Decompresses block after block.
pub(super) struct Decoder<'a> {
    rest: &'a [u8],
    framed: bool,
    block: Vec<u8>,
    at: usize,
}

fn bad(what: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("snappy: {what}"))
}

impl<'a> Decoder<'a> {
    pub(super) fn new(data: &'a [u8]) -> io::Result<Self> {
        let framed = data.starts_with(&HEADER[..8]);
        if framed && data.len() < HEADER.len() {
            return Err(bad("the stream ends inside its header"));
        }
        Ok(Decoder {
            rest: if framed { &data[HEADER.len()..] } else { data },
            framed,
            block: Vec::new(),
            at: 0,
        })
    }

    fn next_block(&mut self) -> io::Result<()> {
        let mut packed = self.rest;
        if self.framed {
            let (length, rest) = self
                .rest
                .split_first_chunk::<4>()
                .ok_or_else(|| bad("cut off in a block length"))?;
            let length = u32::from_be_bytes(*length) as usize;
            packed = rest
                .get(..length)
                .ok_or_else(|| bad("a block is longer than the stream"))?;
            self.rest = &rest[length..];
        } else {
            self.rest = &[];
        }
        let length = snap::raw::decompress_len(packed).map_err(bad)?;
        // Snappy's densest element is a copy of 64 bytes in 3: a block that claims more lies, and is not allocated.
        if length > packed.len().saturating_mul(22) {
            return Err(bad(format_args!(
                "{} bytes cannot hold a block of {length}",
                packed.len()
            )));
        }
        self.block.resize(length, 0);
        self.at = 0;
        snap::raw::Decoder::new()
            .decompress(packed, &mut self.block)
            .map_err(bad)?;
        Ok(())
    }
}

impl BufRead for Decoder<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.at >= self.block.len() && !self.rest.is_empty() {
            self.block.clear();
            self.next_block()?;
        }
        Ok(&self.block[self.at.min(self.block.len())..])
    }

    fn consume(&mut self, amount: usize) {
        self.at += amount;
    }
}

impl Read for Decoder<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.fill_buf()?.read(out)?;
        self.consume(n);
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_snappy_is_read_too() {
        let data = b"hello hello hello hello hello".repeat(30);
        let packed = snap::raw::Encoder::new().compress_vec(&data).unwrap();
        let mut out = Vec::new();
        Decoder::new(&packed).unwrap().read_to_end(&mut out).unwrap();
        assert_eq!(out, data);
    }

    #[test]
    fn a_claimed_length_is_not_allocated() {
        let mut packed = HEADER.to_vec();
        packed.extend_from_slice(&[0, 0, 0, 6, 0xff, 0xff, 0xff, 0xff, 0x0f, 0]);
        let mut out = Vec::new();
        assert!(Decoder::new(&packed).unwrap().read_to_end(&mut out).is_err());
        assert!(out.is_empty());
    }
}
