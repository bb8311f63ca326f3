//! What is sent to a client: bytes, and parts of files that the kernel sends from its cache where the connection is plain
//! (Kafka: `MultiRecordsSend`, `FileRecords.writeTo`).

use std::io;
use std::os::unix::fs::FileExt;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::log::FileSlice;

/// One frame, its length at the front, in the order in which it goes out.
#[derive(Debug, Default)]
pub struct Response {
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Bytes(Bytes),
    File(FileSlice),
}

impl From<Bytes> for Response {
    fn from(bytes: Bytes) -> Self {
        let mut response = Self::default();
        response.push(bytes);
        response
    }
}

impl Response {
    pub fn push(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.parts.push(Part::Bytes(bytes));
        }
    }

    pub fn push_file(&mut self, slice: FileSlice) {
        if slice.len > 0 {
            self.parts.push(Part::File(slice));
        }
    }

    /// How many bytes come before the first part of a file.
    pub fn leading_bytes(&self) -> usize {
        match self.parts.first() {
            Some(Part::Bytes(bytes)) => bytes.len(),
            _ => 0,
        }
    }

    /// Writes a number into the leading bytes, which must reach as far.
    pub fn patch_i32(&mut self, at: usize, value: i32) {
        if let Some(Part::Bytes(bytes)) = self.parts.first_mut()
            && let Some(end) = at.checked_add(4).filter(|end| *end <= bytes.len())
        {
            let mut patched = bytes::BytesMut::from(std::mem::take(bytes));
            patched[at..end].copy_from_slice(&value.to_be_bytes());
            *bytes = patched.freeze();
        }
    }

    /// Sends it all.
    ///
    /// # Errors
    /// If the connection or the disk fails, or a file was cut meanwhile: the frame is then incomplete and the connection
    /// must end.
    pub async fn send<S: Connection>(self, stream: &mut S) -> io::Result<()> {
        let mut parts = self.parts.into_iter().peekable();
        while let Some(part) = parts.next() {
            match part {
                Part::Bytes(bytes) => stream.send_bytes(&bytes, parts.peek().is_some()).await?,
                Part::File(slice) => stream.send_file(&slice).await?,
            }
        }
        stream.flush().await
    }

    /// The whole frame, files read: for tests.
    #[cfg(test)]
    pub fn to_bytes(&self) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        for part in &self.parts {
            match part {
                Part::Bytes(bytes) => all.extend_from_slice(bytes),
                Part::File(slice) => all.extend_from_slice(&slice.read()?),
            }
        }
        Ok(all)
    }
}

/// A client's connection, plain or encrypted.
pub trait Connection: AsyncRead + AsyncWrite + Unpin + Send {
    /// Sends bytes; with `more` the kernel may wait for what follows at once.
    fn send_bytes(&mut self, bytes: &[u8], more: bool) -> impl Future<Output = io::Result<()>> + Send;

    /// Sends a part of a file.
    fn send_file(&mut self, slice: &FileSlice) -> impl Future<Output = io::Result<()>> + Send;
}

/// Bytes of a file that are in memory at a time where the kernel cannot send it.
const CHUNK_BYTES: usize = 64 * 1024;

async fn copy_file<S: AsyncWrite + Unpin + Send>(stream: &mut S, slice: &FileSlice) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK_BYTES.min(slice.len)];
    let mut sent = 0;
    while sent < slice.len {
        let chunk_len = CHUNK_BYTES.min(slice.len - sent);
        let chunk = &mut chunk[..chunk_len];
        slice.file.read_exact_at(chunk, slice.position + sent as u64)?;
        stream.write_all(chunk).await?;
        sent += chunk_len;
    }
    Ok(())
}

impl Connection for TlsStream<TcpStream> {
    async fn send_bytes(&mut self, bytes: &[u8], _: bool) -> io::Result<()> {
        self.write_all(bytes).await
    }

    async fn send_file(&mut self, slice: &FileSlice) -> io::Result<()> {
        copy_file(self, slice).await
    }
}

#[cfg(not(target_os = "linux"))]
impl Connection for TcpStream {
    async fn send_bytes(&mut self, bytes: &[u8], _: bool) -> io::Result<()> {
        self.write_all(bytes).await
    }

    async fn send_file(&mut self, slice: &FileSlice) -> io::Result<()> {
        copy_file(self, slice).await
    }
}

#[cfg(target_os = "linux")]
impl Connection for TcpStream {
    async fn send_bytes(&mut self, bytes: &[u8], more: bool) -> io::Result<()> {
        use rustix::net::{SendFlags, send};
        if !more {
            return self.write_all(bytes).await;
        }
        let mut sent = 0;
        while sent < bytes.len() {
            let flags = SendFlags::MORE | SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
            sent += when_writable(self, || Ok(send(&*self, &bytes[sent..], flags)?)).await?;
        }
        Ok(())
    }

    async fn send_file(&mut self, slice: &FileSlice) -> io::Result<()> {
        let mut position = slice.position;
        let end = slice.position + slice.len as u64;
        while position < end {
            let left = usize::try_from(end - position).unwrap_or(usize::MAX);
            let sent = when_writable(self, || {
                Ok(rustix::fs::sendfile(&*self, &*slice.file, Some(&mut position), left)?)
            });
            if sent.await? == 0 {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "a segment was cut while it was sent",
                ));
            }
        }
        Ok(())
    }
}

/// Calls `write`, whenever the socket has room, until it writes something.
#[cfg(target_os = "linux")]
async fn when_writable(socket: &TcpStream, mut write: impl FnMut() -> io::Result<usize> + Send) -> io::Result<usize> {
    loop {
        socket.writable().await?;
        match socket.try_io(tokio::io::Interest::WRITABLE, &mut write) {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => (),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => (),
            done => return done,
        }
    }
}
