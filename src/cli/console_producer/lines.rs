//! Lines as Java's `BufferedReader.readLine` makes them: `\n`, `\r` and `\r\n` end a line, the last may lack its end.

use std::io::{self, BufRead, ErrorKind};

/// Reads lines; bytes that are not UTF-8 become U+FFFD, as Java's decoder does.
#[derive(Debug)]
pub struct JavaLines<R> {
    input: R,
    /// The last line ended with `\r`: a `\n` right behind it belongs to that end.
    skip_line_feed: bool,
}

impl<R: BufRead> JavaLines<R> {
    pub fn new(input: R) -> Self {
        Self {
            input,
            skip_line_feed: false,
        }
    }

    /// The next line without its end; `None` at the end of the input.
    ///
    /// # Errors
    /// Reading failed.
    pub fn next_line(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        let mut any = false;
        loop {
            let chunk = match self.input.fill_buf() {
                Ok(c) => c,
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(e) => return Err(e),
            };
            if chunk.is_empty() {
                return Ok(any.then(|| text(line)));
            }
            if std::mem::take(&mut self.skip_line_feed) && chunk[0] == b'\n' {
                self.input.consume(1);
                continue;
            }
            any = true;
            match chunk.iter().position(|b| matches!(b, b'\n' | b'\r')) {
                Some(end) => {
                    line.extend_from_slice(&chunk[..end]);
                    self.skip_line_feed = chunk[end] == b'\r';
                    self.input.consume(end + 1);
                    return Ok(Some(text(line)));
                }
                None => {
                    line.extend_from_slice(chunk);
                    let n = chunk.len();
                    self.input.consume(n);
                }
            }
        }
    }
}

impl<R: std::io::Read> JavaLines<std::io::BufReader<R>> {
    /// Whether the next line can be read without waiting for input.
    pub fn has_whole_line(&self) -> bool {
        let ready = self.input.buffer();
        let ready = if self.skip_line_feed {
            ready.strip_prefix(b"\n").unwrap_or(ready)
        } else {
            ready
        };
        ready.iter().any(|b| matches!(b, b'\n' | b'\r'))
    }
}

fn text(line: Vec<u8>) -> String {
    String::from_utf8(line).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufReader;

    fn all(input: &[u8], buffer: usize) -> Vec<String> {
        let mut lines = JavaLines::new(BufReader::with_capacity(buffer, input));
        std::iter::from_fn(|| lines.next_line().unwrap()).collect()
    }

    #[test]
    fn three_ends_of_line_whatever_the_buffer() {
        for buffer in 1..8 {
            assert_eq!(
                all(b"a\r\nb\rc\n\nd", buffer),
                ["a", "b", "c", "", "d"],
                "buffer of {buffer}"
            );
            assert_eq!(all(b"a\r", buffer), ["a"]);
            assert_eq!(all(b"a\r\n", buffer), ["a"]);
            assert!(all(b"", buffer).is_empty());
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        assert_eq!(all(b"bad\xffbyte\n", 64), ["bad\u{fffd}byte"]);
    }
}
