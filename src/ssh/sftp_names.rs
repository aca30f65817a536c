//! The names of one folder as bytes, over an sftp channel of its own.
//!
//! The client crate takes names as text and gives the whole conversation up for one that is not UTF-8. This one knows four
//! requests of version 3 (draft-ietf-secsh-filexfer-02) and no more, and is used where the other one failed.

use std::time::Duration;

use openssh::{ChildStdin, ChildStdout};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::pool::SftpChannel;
use super::sftp::{Facts, SftpFault};

const INIT: u8 = 1;
const VERSION: u8 = 2;
const CLOSE: u8 = 4;
const OPENDIR: u8 = 11;
const READDIR: u8 = 12;
const STATUS: u8 = 101;
const HANDLE: u8 = 102;
const NAME: u8 = 104;

/// Status codes.
const EOF: u32 = 1;
const NO_SUCH_FILE: u32 = 2;
const PERMISSION_DENIED: u32 = 3;

/// Flags of what a server tells of an object.
const SIZE: u32 = 1;
const IDS: u32 = 2;
const MODE: u32 = 4;
const TIMES: u32 = 8;
const EXTENDED: u32 = 0x8000_0000;

/// Longest packet that is taken, in bytes; servers send at most 256 KiB.
const PACKET_MAX: u32 = 1 << 20;

/// How long the server's process may take to end.
const EXIT_WAIT: Duration = Duration::from_secs(5);

/// Names of a folder with facts of the names themselves, at most this many; true where there are more.
pub(crate) async fn list(
    channel: SftpChannel,
    path: &str,
    most: usize,
) -> Result<(Vec<(Vec<u8>, Facts)>, bool), SftpFault> {
    let SftpChannel { mut child, busy, apart, turn } = channel;
    let (Some(stdin), Some(stdout)) = (child.stdin().take(), child.stdout().take()) else {
        return Err(broken("the channel has no streams"));
    };
    let mut talk = Talk { stdin, stdout };
    let begun = talk.begin().await;
    drop(turn);
    let found = match begun {
        Ok(()) => talk.list(path, most).await,
        Err(fault) => Err(fault),
    };
    tokio::spawn(async move {
        let _ending = apart.end(talk);
        let _ = tokio::time::timeout(apart.delay() + EXIT_WAIT, child.wait()).await;
        drop(busy);
    });
    found
}

fn broken(why: &str) -> SftpFault {
    SftpFault::Broken(why.to_owned())
}

struct Talk {
    stdin: ChildStdin,
    stdout: ChildStdout,
}

impl Talk {
    async fn begin(&mut self) -> Result<(), SftpFault> {
        self.send(INIT, &3u32.to_be_bytes()).await?;
        match self.receive().await? {
            (VERSION, _) => Ok(()),
            _ => Err(broken("no version came")),
        }
    }

    async fn list(&mut self, path: &str, most: usize) -> Result<(Vec<(Vec<u8>, Facts)>, bool), SftpFault> {
        let handle = match self.ask(OPENDIR, path.as_bytes()).await? {
            (HANDLE, body) => Fields(&body).text()?.to_vec(),
            (STATUS, body) => return Err(fault(&body)),
            _ => return Err(broken("an answer that was not asked for")),
        };
        let (mut found, mut more) = (Vec::new(), false);
        while !more {
            match self.ask(READDIR, &handle).await? {
                (NAME, body) => more = take(&mut Fields(&body), most, &mut found)?,
                (STATUS, body) if Fields(&body).number()? == EOF => break,
                (STATUS, body) => return Err(fault(&body)),
                _ => return Err(broken("an answer that was not asked for")),
            }
        }
        self.ask(CLOSE, &handle).await?;
        Ok((found, more))
    }

    /// One request about a path or a handle, and its answer without the number that both carry.
    async fn ask(&mut self, kind: u8, text: &[u8]) -> Result<(u8, Vec<u8>), SftpFault> {
        let mut body = 1u32.to_be_bytes().to_vec();
        body.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
        body.extend_from_slice(text);
        self.send(kind, &body).await?;
        let (kind, mut body) = self.receive().await?;
        if body.len() < 4 {
            return Err(broken("an answer without a number"));
        }
        Ok((kind, body.split_off(4)))
    }

    async fn send(&mut self, kind: u8, body: &[u8]) -> Result<(), SftpFault> {
        let mut packet = u32::try_from(body.len() + 1).unwrap_or(u32::MAX).to_be_bytes().to_vec();
        packet.push(kind);
        packet.extend_from_slice(body);
        Ok(self.stdin.write_all(&packet).await?)
    }

    async fn receive(&mut self) -> Result<(u8, Vec<u8>), SftpFault> {
        let length = self.stdout.read_u32().await?;
        if !(1..=PACKET_MAX).contains(&length) {
            return Err(broken("a packet of an impossible length"));
        }
        let kind = self.stdout.read_u8().await?;
        let mut body = vec![0u8; length.saturating_sub(1) as usize];
        self.stdout.read_exact(&mut body).await?;
        Ok((kind, body))
    }
}

/// Takes the entries of one answer; true where there are more than `most` in all.
fn take(fields: &mut Fields<'_>, most: usize, found: &mut Vec<(Vec<u8>, Facts)>) -> Result<bool, SftpFault> {
    for _ in 0..fields.number()? {
        let name = fields.text()?;
        // The line of `ls -l`.
        fields.text()?;
        let facts = fields.facts()?;
        if name == b"." || name == b".." {
            continue;
        }
        if found.len() == most {
            return Ok(true);
        }
        found.push((name.to_vec(), facts));
    }
    Ok(false)
}

fn fault(body: &[u8]) -> SftpFault {
    let mut fields = Fields(body);
    match fields.number() {
        Ok(NO_SUCH_FILE) => SftpFault::Missing,
        Ok(PERMISSION_DENIED) => SftpFault::Denied,
        Ok(_) => {
            let said = String::from_utf8_lossy(fields.text().unwrap_or_default()).chars().take(200).collect();
            SftpFault::Failed(said)
        }
        Err(short) => short,
    }
}

/// What is left of an answer.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn bytes(&mut self, count: usize) -> Result<&'a [u8], SftpFault> {
        let (now, rest) = self.0.split_at_checked(count).ok_or_else(|| broken("an answer that is too short"))?;
        self.0 = rest;
        Ok(now)
    }

    fn number(&mut self) -> Result<u32, SftpFault> {
        Ok(self.bytes(4)?.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
    }

    fn text(&mut self) -> Result<&'a [u8], SftpFault> {
        let count = self.number()?;
        self.bytes(count as usize)
    }

    fn facts(&mut self) -> Result<Facts, SftpFault> {
        let flags = self.number()?;
        let size = if flags & SIZE == 0 { 0 } else { u64::from(self.number()?) << 32 | u64::from(self.number()?) };
        let ids = if flags & IDS == 0 { None } else { Some((self.number()?, self.number()?)) };
        let raw_mode = if flags & MODE == 0 { 0 } else { self.number()? };
        let mut mtime = 0;
        if flags & TIMES != 0 {
            self.number()?;
            mtime = i64::from(self.number()?);
        }
        if flags & EXTENDED != 0 {
            for _ in 0..self.number()? {
                self.text()?;
                self.text()?;
            }
        }
        Ok(Facts { raw_mode, size, mtime, ids })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> Vec<u8> {
        [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
    }

    #[test]
    fn names_keep_their_bytes_and_facts() {
        let file = [&15u32.to_be_bytes()[..], &7u64.to_be_bytes(), &[0, 0, 3, 232, 0, 0, 3, 233]].concat();
        let file = [file, 0o100_644u32.to_be_bytes().to_vec(), vec![0, 0, 0, 1, 0, 0, 0, 9]].concat();
        let bare = 0u32.to_be_bytes().to_vec();
        let rows = [(b".".as_slice(), &bare), (b"caf\xe9", &file), (b"plain", &bare)];
        let body = rows.iter().fold(3u32.to_be_bytes().to_vec(), |mut all, (name, facts)| {
            all.extend([text(name), text(b"long"), (*facts).clone()].concat());
            all
        });
        let mut found = Vec::new();
        assert!(!take(&mut Fields(&body), 9, &mut found).unwrap());
        let facts = Facts { raw_mode: 0o100_644, size: 7, mtime: 9, ids: Some((1000, 1001)) };
        let none = Facts { raw_mode: 0, size: 0, mtime: 0, ids: None };
        assert_eq!(found, [(b"caf\xe9".to_vec(), facts), (b"plain".to_vec(), none)]);
        let mut found = Vec::new();
        assert!(take(&mut Fields(&body), 1, &mut found).unwrap(), "there are more");
        for end in 0..body.len() {
            assert!(take(&mut Fields(&body[..end]), 9, &mut Vec::new()).is_err(), "{end} bytes");
        }
    }

    #[test]
    fn faults_are_told_apart() {
        for (code, expected) in
            [(2u32, SftpFault::Missing), (3, SftpFault::Denied), (4, SftpFault::Failed("why".into()))]
        {
            assert_eq!(fault(&[code.to_be_bytes().to_vec(), text(b"why"), text(b"")].concat()), expected);
        }
    }
}
