//! The five codecs of a record batch (Kafka: `CompressionType`, `Compression`).
//!
//! Reading is a stream: what a batch decompresses to is never held at once unless the caller asks for it with a limit.

use std::io::{self, BufRead, BufReader, Read, Write};

use super::RecordError;
use super::{gzip, xerial, zstd_stream};

const STREAM_BUFFER: usize = 16 * 1024;

/// How the records of a batch are compressed; the numbers are those of the batch attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Compression {
    #[default]
    None = 0,
    Gzip = 1,
    Snappy = 2,
    Lz4 = 3,
    Zstd = 4,
}

impl Compression {
    pub const ALL: [Compression; 5] = [
        Compression::None,
        Compression::Gzip,
        Compression::Snappy,
        Compression::Lz4,
        Compression::Zstd,
    ];

    pub fn from_id(id: u8) -> Result<Self, RecordError> {
        Self::ALL
            .get(usize::from(id))
            .copied()
            .ok_or(RecordError::UnknownCompression(id))
    }

    pub fn id(self) -> u8 {
        self as u8
    }

    /// The name in configs and in the dump tool.
    pub fn name(self) -> &'static str {
        ["none", "gzip", "snappy", "lz4", "zstd"][self as usize]
    }

    /// The codec of a topic's or a producer's `compression.type`; `uncompressed` is the topic's word for none.
    /// `producer` is no codec and gives `None`, as any unknown word does.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "uncompressed" => Some(Compression::None),
            _ => Self::ALL.into_iter().find(|c| c.name() == name),
        }
    }

    /// Whether the level may be given for the codec (`compression.gzip.level` and its like).
    pub fn valid_level(self, level: i32) -> bool {
        match self {
            Compression::Gzip => level == -1 || (1..=9).contains(&level),
            Compression::Lz4 => (1..=17).contains(&level),
            Compression::Zstd => (-131_072..=22).contains(&level),
            Compression::None | Compression::Snappy => false,
        }
    }

    /// Compresses `data` onto the end of `out`, at the codec's default level if none is given. Lz4 has one level only.
    pub fn compress(self, data: &[u8], level: Option<i32>, out: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Compression::None => out.extend_from_slice(data),
            Compression::Gzip => {
                let level = match level {
                    Some(level @ 0..=9) => flate2::Compression::new(level as u32),
                    _ => flate2::Compression::default(),
                };
                let mut gzip = flate2::write::GzEncoder::new(out, level);
                gzip.write_all(data)?;
                gzip.finish()?;
            }
            Compression::Snappy => xerial::compress(data, out)?,
            Compression::Lz4 => {
                use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};
                let info = FrameInfo::new()
                    .block_size(BlockSize::Max64KB)
                    .block_mode(BlockMode::Independent);
                let mut lz4 = FrameEncoder::with_frame_info(info, out);
                lz4.write_all(data)?;
                lz4.finish().map_err(io::Error::other)?;
            }
            Compression::Zstd => {
                let mut zstd = zstd::stream::write::Encoder::new(out, level.unwrap_or(3))?;
                zstd.write_all(data)?;
                zstd.finish()?;
            }
        }
        Ok(())
    }

    /// A stream of what `data` decompresses to.
    pub fn decoder<'a>(self, data: &'a [u8]) -> io::Result<Box<dyn BufRead + Send + 'a>> {
        Ok(match self {
            Compression::None => Box::new(data),
            Compression::Gzip => match gzip::whole(data) {
                Some(bytes) => Box::new(io::Cursor::new(bytes)),
                None => Box::new(BufReader::with_capacity(STREAM_BUFFER, gzip::Decoder::new(data))),
            },
            Compression::Snappy => Box::new(xerial::Decoder::new(data)?),
            Compression::Lz4 => Box::new(lz4_flex::frame::FrameDecoder::new(data)),
            Compression::Zstd => Box::new(BufReader::with_capacity(STREAM_BUFFER, zstd_stream::reader(data)?)),
        })
    }

    /// Decompresses all of `data`.
    ///
    /// # Errors
    /// A malformed stream, or one that gives more than `limit` bytes.
    pub fn decompress(self, data: &[u8], limit: usize) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        self.decoder(data)?.take(limit as u64 + 1).read_to_end(&mut out)?;
        if out.len() > limit {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("decompresses to more than {limit} bytes"),
            ));
        }
        Ok(out)
    }
}

impl std::fmt::Display for Compression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(len: usize) -> Vec<u8> {
        let mut x = 7u32;
        (0..len)
            .map(|i| {
                x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                if i % 3 == 0 { (x >> 24) as u8 } else { b'a' }
            })
            .collect()
    }

    #[test]
    fn every_codec_gives_back_what_it_took() {
        for codec in Compression::ALL {
            for len in [0, 1, 100, 32 * 1024, 32 * 1024 + 1, 300_000] {
                let data = sample(len);
                let mut packed = Vec::new();
                codec.compress(&data, None, &mut packed).unwrap();
                assert_eq!(codec.decompress(&packed, len).unwrap(), data, "{codec} {len}");
                if len > 0 {
                    assert!(
                        codec.decompress(&packed, len - 1).is_err(),
                        "{codec} must stop at the limit"
                    );
                }
            }
        }
    }

    #[test]
    fn damaged_streams_are_errors_or_short_never_a_panic() {
        let data = sample(5000);
        for codec in Compression::ALL {
            let mut packed = Vec::new();
            codec.compress(&data, None, &mut packed).unwrap();
            for cut in 0..packed.len().min(400) {
                let _ = codec.decompress(&packed[..cut], 10_000);
                let mut bad = packed.clone();
                bad[cut] ^= 0x55;
                let _ = codec.decompress(&bad, 10_000);
            }
        }
    }

    #[test]
    fn a_bomb_is_stopped_by_the_limit() {
        let zeros = vec![0u8; 20_000_000];
        for codec in [
            Compression::Gzip,
            Compression::Zstd,
            Compression::Lz4,
            Compression::Snappy,
        ] {
            let mut packed = Vec::new();
            codec.compress(&zeros, None, &mut packed).unwrap();
            assert!(codec.decompress(&packed, 1_000_000).is_err());
        }
    }
}
