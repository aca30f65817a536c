//! Two requests of the multiplexing protocol (OpenSSH's `PROTOCOL.mux`): is the master there, and end it.
//!
//! Blocking with short limits, so that it also serves where nothing can be awaited.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

const HELLO: u32 = 0x0000_0001;
const ALIVE_CHECK: u32 = 0x1000_0004;
const TERMINATE: u32 = 0x1000_0005;
const OK: u32 = 0x8000_0001;
const ALIVE: u32 = 0x8000_0005;
const VERSION: u32 = 4;

/// Longest packet worth reading, in bytes: answers to these requests hold a few numbers.
const MAX_PACKET: u32 = 4096;

/// Asks the master for its process id.
pub(crate) fn alive(socket: &Path, limit: Duration) -> io::Result<u32> {
    greet(socket, limit).map(|(pid, _)| pid)
}

/// As [`alive`], and keeps the connection. Needs a tokio runtime around it.
pub(crate) fn hold(socket: &Path, limit: Duration) -> io::Result<(u32, Lease)> {
    let (pid, stream) = greet(socket, limit)?;
    stream.set_nonblocking(true)?;
    Ok((pid, Lease(tokio::net::UnixStream::from_std(stream)?)))
}

fn greet(socket: &Path, limit: Duration) -> io::Result<(u32, UnixStream)> {
    let mut stream = open(socket, limit)?;
    send(&mut stream, &[ALIVE_CHECK, 1])?;
    match receive(&mut stream)?.as_slice() {
        [ALIVE, 1, pid, ..] => Ok((*pid, stream)),
        other => Err(unexpected(other)),
    }
}

/// A connection to a master that is kept open. While it is, ControlPersist does not run out, also without any
/// session; when this process ends in whatever way, it begins to run. It ends when the master does.
#[derive(Debug)]
pub struct Lease(tokio::net::UnixStream);

impl Lease {
    /// Waits until the master has ended.
    pub async fn ended(&self) {
        while self.0.readable().await.is_ok() {
            if self.is_over() {
                return;
            }
        }
    }

    /// True when the master has ended. Costs no round trip.
    pub fn is_over(&self) -> bool {
        let mut unasked = [0_u8; 64];
        match self.0.try_read(&mut unasked) {
            Ok(n) => n == 0,
            Err(e) => e.kind() != io::ErrorKind::WouldBlock,
        }
    }
}

/// Asks the master to end at once. `Ok` when it agreed.
pub(crate) fn terminate(socket: &Path, limit: Duration) -> io::Result<()> {
    let mut stream = open(socket, limit)?;
    send(&mut stream, &[TERMINATE, 1])?;
    match receive(&mut stream)?.as_slice() {
        [OK, 1, ..] => Ok(()),
        other => Err(unexpected(other)),
    }
}

fn open(socket: &Path, limit: Duration) -> io::Result<UnixStream> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(limit))?;
    stream.set_write_timeout(Some(limit))?;
    send(&mut stream, &[HELLO, VERSION])?;
    match receive(&mut stream)?.as_slice() {
        [HELLO, VERSION, ..] => Ok(stream),
        other => Err(unexpected(other)),
    }
}

fn send(stream: &mut UnixStream, words: &[u32]) -> io::Result<()> {
    let mut packet = Vec::with_capacity(4 + words.len() * 4);
    packet.extend((words.len() as u32 * 4).to_be_bytes());
    for word in words {
        packet.extend(word.to_be_bytes());
    }
    stream.write_all(&packet)
}

/// One packet as whole words; a rest of less than four bytes is dropped (extensions of the hello).
fn receive(stream: &mut UnixStream) -> io::Result<Vec<u32>> {
    let mut length = [0_u8; 4];
    stream.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length);
    if length > MAX_PACKET {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the control socket sent too long a packet"));
    }
    let mut body = vec![0_u8; length as usize];
    stream.read_exact(&mut body)?;
    Ok(body.chunks_exact(4).filter_map(|four| four.try_into().ok().map(u32::from_be_bytes)).collect())
}

fn unexpected(words: &[u32]) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the control socket answered {words:x?}"))
}
