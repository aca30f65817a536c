//! Standard input of a script: in memory and sent in one write with it, or produced while it is sent.

use std::os::fd::AsFd;
use std::sync::Arc;

use openssh::ChildStdin;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::mpsc;

use super::wrapper;

/// Bytes of one piece of a stream. A few of them are all that a transfer holds in memory.
pub(crate) const CHUNK_BYTES: usize = 256 << 10;

/// Pieces that may wait between two ends of a stream.
pub(crate) const CHUNKS_IN_FLIGHT: usize = 8;

/// Size asked for the pipes of a stream, in bytes: the most that an account may have (`/proc/sys/fs/pipe-max-size`).
#[cfg(target_os = "linux")]
const PIPE: i32 = 1 << 20;

/// Starts a stream; `None` where it cannot be started once more.
pub(crate) type OpenStream = Arc<dyn Fn() -> Option<mpsc::Receiver<Vec<u8>>> + Send + Sync>;

/// Standard input of a script.
#[derive(Clone)]
pub enum Input {
    /// In memory.
    Bytes(Arc<[u8]>),
    /// In memory, without a NUL, small enough for a shell's variable. It leaves the channel before the script begins, so that
    /// the end of the channel stops a script that reads none of it.
    Text(Arc<[u8]>),
    /// Produced while it is sent.
    Stream(Streamed),
}

/// Input that is produced while it is sent.
#[derive(Clone)]
pub struct Streamed {
    /// What goes in front of the stream.
    pub prefix: Vec<u8>,
    /// Bytes of the stream. One that ends earlier ends the script's input early, which the script has to notice.
    pub len: u64,
    /// The script itself reads the channel, up to its end: no process stands between. The end of the input is then
    /// no sign to stop.
    pub direct: bool,
    /// Starts the stream; called each time the script is sent.
    pub open: OpenStream,
}

impl Input {
    /// Its length, in bytes.
    pub fn len(&self) -> u64 {
        match self {
            Input::Bytes(bytes) | Input::Text(bytes) => bytes.len() as u64,
            Input::Stream(stream) => stream.prefix.len() as u64 + stream.len,
        }
    }

    /// True for no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl From<Arc<[u8]>> for Input {
    fn from(bytes: Arc<[u8]>) -> Self {
        Input::Bytes(bytes)
    }
}

/// What became of a step.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// There may be more.
    On,
    /// The channel's input is to be closed: it ended, or it broke.
    Close,
}

/// What is still to be written to a channel.
pub(super) struct Feed {
    front: Vec<u8>,
    written: usize,
    sent: bool,
    stream: Option<mpsc::Receiver<Vec<u8>>>,
    left: u64,
    direct: bool,
}

impl Feed {
    /// Header, script and data of a run. `None` for a stream that cannot be started once more. A terminal passes no end of
    /// input, so in one every script is told how much it gets.
    pub(super) fn new(mark: &str, script: &str, input: Option<&Input>, in_terminal: bool) -> Option<Self> {
        let (length, data, stream) = match input {
            None => ("-".to_owned(), [].as_slice(), None),
            Some(Input::Bytes(bytes)) => (bytes.len().to_string(), &**bytes, None),
            Some(Input::Text(bytes)) => (format!("t{}", bytes.len() + 1 + mark.len()), &**bytes, None),
            Some(input @ Input::Stream(stream)) => {
                let length = if stream.direct && !in_terminal { "@".to_owned() } else { input.len().to_string() };
                (length, stream.prefix.as_slice(), Some(stream))
            }
        };
        let mut front = wrapper::header(mark, script, &length, data.len());
        front.extend_from_slice(data);
        if matches!(input, Some(Input::Text(_))) {
            front.extend_from_slice(format!("#{mark}").as_bytes());
        }
        let receiver = match stream {
            Some(stream) => Some((stream.open)()?),
            None => None,
        };
        Some(Feed {
            front,
            written: 0,
            sent: false,
            left: stream.map_or(0, |s| s.len),
            direct: stream.is_some_and(|s| s.direct && !in_terminal),
            stream: receiver,
        })
    }

    /// True while there is something to write, or an end to give.
    pub(super) fn busy(&self) -> bool {
        self.written < self.front.len() || self.stream.is_some()
    }

    /// True once a byte was written.
    pub(super) fn sent(&self) -> bool {
        self.sent
    }

    /// Writes some. May be dropped at any time without loss.
    pub(super) async fn step(&mut self, stdin: Option<&mut ChildStdin>) -> Step {
        let Some(stdin) = stdin else { return Step::On };
        if self.written == self.front.len() {
            let next = match &mut self.stream {
                Some(stream) if self.left > 0 => stream.recv().await,
                _ => None,
            };
            match next {
                Some(mut piece) => {
                    // A stream that is longer than it said (a file that grows) is cut.
                    piece.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
                    self.left -= piece.len() as u64;
                    (self.front, self.written) = (piece, 0);
                }
                None => {
                    self.stream = None;
                    return if self.direct || self.left > 0 { Step::Close } else { Step::On };
                }
            }
        }
        match stdin.write(self.front.get(self.written..).unwrap_or_default()).await {
            Ok(n) if n > 0 => {
                self.written += n;
                self.sent = true;
                Step::On
            }
            Ok(_) if self.written == self.front.len() => Step::On,
            _ => {
                self.stream = None;
                Step::Close
            }
        }
    }
}

/// Gives a pipe of a stream more room, where the system allows it: fewer changes between the two ends.
pub(super) fn widen(pipe: &impl AsFd) {
    #[cfg(target_os = "linux")]
    let _ = nix::fcntl::fcntl(pipe.as_fd(), nix::fcntl::FcntlArg::F_SETPIPE_SZ(PIPE));
    #[cfg(not(target_os = "linux"))]
    let _ = pipe;
}
