//! Zstandard streams. What a decoder needs is half a megabyte to set up: each thread keeps the last one for the next batch.

use std::cell::RefCell;
use std::io;

use zstd::stream::raw::{Decoder, InBuffer, Operation, OutBuffer, WriteBuf};
use zstd::stream::zio::Reader;

thread_local! {
    static IDLE: RefCell<Option<Decoder<'static>>> = const { RefCell::new(None) };
}

/// A stream of what `data` decompresses to, frame after frame.
///
/// # Errors
/// If there is no memory for a decoder.
pub(super) fn reader(data: &[u8]) -> io::Result<Reader<&[u8], Kept>> {
    let idle = IDLE.with(|idle| idle.borrow_mut().take());
    let decoder = idle.map_or_else(Decoder::new, Ok)?;
    Ok(Reader::new(data, Kept(Some(decoder))))
}

/// A decoder that goes back to its thread.
pub(super) struct Kept(Option<Decoder<'static>>);

impl Kept {
    fn decoder(&mut self) -> io::Result<&mut Decoder<'static>> {
        self.0
            .as_mut()
            .ok_or_else(|| io::Error::other("the decoder was given back"))
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if let Some(mut decoder) = self.0.take()
            && decoder.reinit().is_ok()
        {
            // A thread that is ending keeps nothing.
            let _ = IDLE.try_with(|idle| idle.replace(Some(decoder)));
        }
    }
}

impl Operation for Kept {
    fn run<C: WriteBuf + ?Sized>(
        &mut self,
        input: &mut InBuffer<'_>,
        output: &mut OutBuffer<'_, C>,
    ) -> io::Result<usize> {
        self.decoder()?.run(input, output)
    }

    fn flush<C: WriteBuf + ?Sized>(&mut self, output: &mut OutBuffer<'_, C>) -> io::Result<usize> {
        self.decoder()?.flush(output)
    }

    fn reinit(&mut self) -> io::Result<()> {
        self.decoder()?.reinit()
    }

    fn finish<C: WriteBuf + ?Sized>(
        &mut self,
        output: &mut OutBuffer<'_, C>,
        finished_frame: bool,
    ) -> io::Result<usize> {
        self.decoder()?.finish(output, finished_frame)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn unpacked(data: &[u8]) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        reader(data)?.read_to_end(&mut out)?;
        Ok(out)
    }

    #[test]
    fn a_decoder_begins_anew_after_any_end() {
        let packed = |text: &[u8]| zstd::stream::encode_all(text, 3).unwrap();
        let text = b"a text, a text, a text".repeat(100);
        let whole = packed(&text);
        for cut in 1..whole.len() {
            assert!(unpacked(&whole[..cut]).is_err(), "cut at {cut}");
            assert_eq!(unpacked(&whole).unwrap(), text);
        }
        // Left in the middle.
        reader(&whole).unwrap().read_exact(&mut [0; 10]).unwrap();
        assert_eq!(
            unpacked(&[whole, packed(b"more")].concat()).unwrap(),
            [&text[..], b"more"].concat()
        );
    }
}
