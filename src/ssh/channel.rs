//! One session channel on a master: opened ahead of need, used for one script, thrown away.

use std::sync::Arc;
use std::time::Duration;

use openssh::{Child, ChildStderr, ChildStdin, ChildStdout, Session, Stdio};
use tokio::io::{AsyncReadExt, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::apart::{Apart, EndingTurn, OpeningTurn};
use super::capabilities::Learnt;
use super::capture::{Captured, Frame, HeadTail};
use super::cut::Cut;
use super::feed::{CHUNK_BYTES, Feed, Input, Step, widen};
use super::greeting::{GREETING_WAIT, Greeting, NotBegun, Why, login_status};
use super::wrapper::{self, Closing};

/// Longest wait for a stop to be carried out and reported: 1.2 s of TERM, then KILL, then a look.
const STOP_WAIT: Duration = Duration::from_millis(4500);

/// How long a wrapper in a terminal is waited for that was told to end.
const END_WAIT: Duration = Duration::from_secs(3);

/// How long the process that closed its frame may take to give its slot back.
const EXIT_WAIT: Duration = Duration::from_secs(5);

/// Which of the two output streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Sees output as it arrives, before it is capped.
pub(crate) type OnChunk = Arc<dyn Fn(Stream, &[u8]) + Send + Sync>;

/// Why no channel could be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenFailure {
    /// The server refuses another session on this connection (`MaxSessions`).
    #[error("the server refuses another session on this connection")]
    Refused,
    /// The master is gone or broken.
    #[error("the connection is lost: {0}")]
    Lost(String),
}

/// One script and the limits of its run.
#[derive(Clone)]
pub struct Request {
    /// The script, for the host's `sh`.
    pub script: String,
    /// Its standard input; `None` is `/dev/null`.
    pub data: Option<Input>,
    /// Time limit of the whole run.
    pub timeout: Duration,
    /// Most bytes kept of standard output.
    pub stdout_cap: u64,
    /// Most bytes kept of standard error.
    pub stderr_cap: u64,
    /// Ends the run like the time limit does.
    pub cancel: CancellationToken,
    /// Sees output as it arrives.
    pub on_chunk: Option<OnChunk>,
    /// Takes all of standard output; the host waits when it is full.
    pub sink: Option<mpsc::Sender<Vec<u8>>>,
}

/// What came of a run.
#[derive(Debug)]
pub struct Ended {
    /// The host's own closing record; `None` when the channel ended without one.
    pub closing: Option<Closing>,
    /// Set when this side asked for the stop.
    pub cut: Option<Cut>,
    /// The script had begun on the host.
    pub began: bool,
    /// The script may have been sent, at least in part.
    pub sent: bool,
    /// This side gave the channel up, because the script did not begin in time.
    pub silent: bool,
    /// The remote session (its leader's process id), for a stop by another channel.
    pub session: Option<u32>,
    /// It ran in a terminal that somebody forced on the account.
    pub in_terminal: bool,
    /// Standard output.
    pub stdout: Captured,
    /// Standard error.
    pub stderr: Captured,
}

/// An open channel whose wrapper waits for its script.
#[derive(Debug)]
pub(crate) struct Channel {
    child: Child<Arc<Session>>,
    stdin: ChildStdin,
    stdout: ChildStdout,
    stderr: ChildStderr,
    greeting: Greeting,
    apart: Apart,
    /// Held until the wrapper has greeted.
    turn: Option<OpeningTurn>,
}

impl Channel {
    /// Opens a session channel and asks for the wrapper on it. Costs two round trips. What is learnt of the host is kept in
    /// `learnt`; where the server needs it, no other channel of the connection ends meanwhile.
    pub(crate) async fn open(session: &Arc<Session>, learnt: &Arc<Learnt>, apart: &Apart) -> Result<Self, OpenFailure> {
        let turn = Some(apart.open().await);
        let mut command = session.clone().arc_raw_command(wrapper::command_line());
        // Inherited stdio would be the JSON-RPC stream: all three are always pipes.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().await.map_err(|e| classify(&e))?;
        let (stdin, stdout, stderr) = (child.stdin().take(), child.stdout().take(), child.stderr().take());
        let (Some(mut stdin), Some(stdout), Some(stderr)) = (stdin, stdout, stderr) else {
            return Err(OpenFailure::Lost("the channel has no pipes".to_owned()));
        };
        // Where that fails the channel has ended, which the wait for the greeting tells with its reason.
        let _ = stdin.write_all(wrapper::FIRST_WORD).await;
        let greeting = Greeting::new(learnt.clone(), apart.matters());
        Ok(Channel { child, stdin, stdout, stderr, greeting, apart: apart.clone(), turn })
    }

    /// Waits until the wrapper is there, and gives it its text: then a script costs one round trip. False where it does not
    /// come; such a channel is of no use.
    pub(crate) async fn make_ready(&mut self) -> bool {
        let greeted = self.greeting.wait_and_learn(&mut self.stdin, &mut self.stdout, &mut self.stderr);
        let ready = matches!(tokio::time::timeout(GREETING_WAIT, greeted).await, Ok(Ok(())));
        self.turn = None;
        if self.greeting.in_terminal() {
            // What waits in a terminal does not see the end of this channel; it ends by a word. An empty header is one.
            // A channel that is closed at once may take the word along.
            let _ = self.stdin.write_all(b"\n").await;
            let mut rest = Vec::new();
            let _ = tokio::time::timeout(END_WAIT, self.stdout.read_to_end(&mut rest)).await;
            return false;
        }
        ready
    }

    /// The same for a call that waits for it.
    async fn begin(&mut self, request: &Request) -> Result<(), Why> {
        let wait = GREETING_WAIT.min(request.timeout);
        let begun = tokio::select! {
            biased;
            () = request.cancel.cancelled() => Err(Why::Cut(Cut::Cancelled)),
            greeted = self.greeting.wait(&mut self.stdin, &mut self.stdout, &mut self.stderr) => greeted,
            () = tokio::time::sleep(wait) => Err(if wait < GREETING_WAIT { Why::Cut(Cut::TimedOut) } else { Why::Silent(wait) }),
        };
        self.turn = None;
        begun
    }

    /// Ends a channel that is not used.
    pub(crate) async fn end(self) {
        let Channel { child, stdin, stdout, stderr, apart, .. } = self;
        let _ending = apart.end((stdin, stdout, stderr));
        let _ = tokio::time::timeout(apart.delay() + EXIT_WAIT, child.wait()).await;
    }

    /// Runs the script. The second value ends when the host has given the session slot back.
    ///
    /// With `begin_within`, a channel on which the script does not begin in that time is given up. It may begin later
    /// all the same, so this is for scripts that may run twice. With `keep_alive`, a blank is sent each time that this has
    /// gone by, for servers that end channels on which nothing moves; what watches the channel's input waits for the end
    /// of a line and takes no notice.
    pub(crate) async fn run(
        mut self,
        request: &Request,
        begin_within: Option<Duration>,
        keep_alive: Option<Duration>,
    ) -> Result<(Ended, impl Future<Output = ()> + Send + 'static), NotBegun> {
        let waits_since = Instant::now();
        if let Err(why) = self.begin(request).await {
            let noise = self.greeting.noise();
            let Channel { child, stdin, .. } = self;
            drop(stdin);
            let why = if why == Why::Ended(None) { Why::Ended(login_status(child).await) } else { why };
            return Err(NotBegun { why, noise });
        }
        let in_terminal = self.greeting.in_terminal();
        let Channel { child, stdin, mut stdout, mut stderr, apart, .. } = self;
        let broken = |noise: String| NotBegun { why: Why::Broken, noise };
        let mark = wrapper::new_mark().map_err(|e| broken(format!("no random numbers: {e}")))?;
        let mut feed = Feed::new(&mark, &request.script, request.data.as_ref(), in_terminal)
            .ok_or_else(|| broken("what was to be sent cannot be read a second time".to_owned()))?;
        let mut stdin = Some(stdin);
        let (sink, mut outgoing) = (request.sink.as_ref(), Vec::new());
        let mut wanted = sink.is_some();
        if let (Some(Input::Stream(_)), Some(stdin)) = (&request.data, &stdin) {
            widen(stdin);
        }
        if sink.is_some() {
            widen(&stdout);
        }
        // In a terminal, and where a login made one of both, standard error follows standard output on the same stream.
        let out_frame = if in_terminal { Frame::followed(&mark) } else { Frame::new(&mark) };
        let (mut out_frame, mut err_frame) = (out_frame, Frame::new(&mark));
        let (mut out_keep, mut err_keep) = (HeadTail::new(request.stdout_cap), HeadTail::new(request.stderr_cap));
        let (mut out_open, mut err_open) = (true, true);
        let mut out_buffer = vec![0u8; if sink.is_some() { CHUNK_BYTES } else { 32 * 1024 }];
        let mut err_buffer = vec![0u8; 8 * 1024];
        let mut cut = None;
        let mut closing = None;
        let mut begin = BeginRecord::default();
        let mut deadline = waits_since + request.timeout;
        let begin_by = begin_within.map(|wait| Instant::now() + wait);
        let mut silent = false;
        let mut beat = keep_alive.map(|every| Instant::now() + every);
        // In a terminal the end of a line is the word that stops, and so it is where the input says when to exit.
        let by_word = in_terminal || apart.matters();
        let mut ending = None;
        while !outgoing.is_empty()
            || (!(closing.is_some() && (out_frame.closed() || !out_open)) && (out_open || err_open))
        {
            let waits = cut.is_none() && !feed.busy() && !out_frame.opened() && !err_frame.opened();
            tokio::select! {
                biased;
                () = request.cancel.cancelled(), if cut.is_none() => {
                    cut = Some(Cut::Cancelled);
                    (stdin, wanted) = (stop_word(stdin, by_word && !feed.busy(), &apart, &mut ending).await, false);
                    outgoing.clear();
                    deadline = Instant::now() + STOP_WAIT;
                }
                () = tokio::time::sleep_until(deadline) => {
                    if cut.is_some() { break; }
                    cut = Some(Cut::TimedOut);
                    (stdin, wanted) = (stop_word(stdin, by_word && !feed.busy(), &apart, &mut ending).await, false);
                    outgoing.clear();
                    deadline = Instant::now() + STOP_WAIT;
                }
                () = passed(begin_by), if waits => {
                    silent = true;
                    break;
                }
                step = feed.step(stdin.as_mut()), if stdin.is_some() && feed.busy() => {
                    if step == Step::Close {
                        ending = Some(apart.end(stdin.take()));
                        // What waits for more in a terminal never sees that there is none; losing the terminal ends it.
                        if in_terminal { break; }
                    }
                }
                () = passed(beat), if stdin.is_some() && !feed.busy() && out_frame.opened() => {
                    if let Some(stdin) = stdin.as_mut().filter(|_| cut.is_none()) {
                        let _ = stdin.write_all(b" ").await;
                    }
                    beat = keep_alive.map(|every| Instant::now() + every);
                }
                permit = room(sink), if !outgoing.is_empty() => {
                    let piece = std::mem::take(&mut outgoing);
                    match permit {
                        Some(permit) => permit.send(piece),
                        // Nobody wants it any more; the host's end is waited for all the same.
                        None => wanted = false,
                    }
                }
                read = stdout.read(&mut out_buffer), if out_open && outgoing.is_empty() => match read {
                    Ok(n) if n > 0 => {
                        let chunk = out_buffer.get(..n).unwrap_or_default();
                        out_frame.push(chunk, &mut |bytes| {
                            if wanted {
                                outgoing.extend_from_slice(bytes);
                            }
                            deliver(request, Stream::Stdout, bytes, &mut out_keep);
                        });
                        if out_frame.is_followed() {
                            err_frame.push(&out_frame.take_rest(), &mut |bytes| {
                                deliver(request, Stream::Stderr, begin.take(bytes), &mut err_keep);
                            });
                        }
                    }
                    _ => out_open = false,
                },
                read = stderr.read(&mut err_buffer), if err_open => match read {
                    Ok(n) if n > 0 && in_terminal => {}
                    Ok(n) if n > 0 => {
                        let chunk = err_buffer.get(..n).unwrap_or_default();
                        err_frame.push(chunk, &mut |bytes| {
                            deliver(request, Stream::Stderr, begin.take(bytes), &mut err_keep);
                        });
                    }
                    _ => err_open = false,
                },
            }
            if err_frame.closed() && closing.is_none() {
                closing = closing_record(err_frame.rest());
            }
        }
        out_frame.abandon(&mut |bytes| deliver(request, Stream::Stdout, bytes, &mut out_keep));
        err_frame.abandon(&mut |bytes| deliver(request, Stream::Stderr, bytes, &mut err_keep));
        let began = out_frame.opened() || err_frame.opened();
        let ended = Ended {
            closing,
            cut,
            began,
            sent: feed.sent(),
            silent,
            session: begin.session(),
            in_terminal,
            stdout: out_keep.finish(),
            stderr: err_keep.finish(),
        };
        let gone = async move {
            let wait = if ending.is_some() { EXIT_WAIT } else { apart.delay() + EXIT_WAIT };
            let _ending = ending.unwrap_or_else(|| apart.end(stdin));
            drop((stdout, stderr));
            // The wrapper exits right after its record, or when it is let. Where it does not, the slot is counted free all
            // the same: a refusal by the server corrects that.
            let _ = tokio::time::timeout(wait, child.wait()).await;
        };
        Ok((ended, gone))
    }
}

/// Most digits of a process id (a 32-bit number).
const PID_DIGITS: usize = 10;

/// The process id of the remote session's leader, which opens the content of standard error: `12345;`.
#[derive(Debug, Default)]
struct BeginRecord {
    digits: String,
    done: bool,
}

impl BeginRecord {
    /// Takes the record off the front and gives back what is the command's own.
    fn take<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        if self.done {
            return bytes;
        }
        for (at, byte) in bytes.iter().enumerate() {
            if *byte == b';' {
                self.done = true;
                return bytes.get(at + 1..).unwrap_or_default();
            }
            if !byte.is_ascii_digit() || self.digits.len() >= PID_DIGITS {
                // No wrapper of ours: its words are output, and there is no session to stop by its number.
                self.done = true;
                self.digits.clear();
                return bytes.get(at..).unwrap_or_default();
            }
            self.digits.push(char::from(*byte));
        }
        &[]
    }

    fn session(&self) -> Option<u32> {
        // 0: the host has no setsid, and the command no session of its own. 1 would be everything that the account runs.
        if self.done { self.digits.parse().ok().filter(|number| *number > 1) } else { None }
    }
}

/// Gives up the input of a channel, which stops what runs on it; with `by_word` the end of a line does that.
async fn stop_word(
    stdin: Option<ChildStdin>,
    by_word: bool,
    apart: &Apart,
    ending: &mut Option<EndingTurn>,
) -> Option<ChildStdin> {
    let mut stdin = stdin?;
    if by_word {
        let _ = stdin.write_all(b"\n").await;
        return Some(stdin);
    }
    *ending = Some(apart.end(stdin));
    None
}

/// Ends at a moment; never without one.
async fn passed(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

async fn room(sink: Option<&mpsc::Sender<Vec<u8>>>) -> Option<mpsc::Permit<'_, Vec<u8>>> {
    match sink {
        Some(sink) => sink.reserve().await.ok(),
        None => None,
    }
}

fn deliver(request: &Request, stream: Stream, bytes: &[u8], keep: &mut HeadTail) {
    if bytes.is_empty() {
        return;
    }
    if let Some(on_chunk) = &request.on_chunk {
        on_chunk(stream, bytes);
    }
    keep.push(bytes);
}

fn closing_record(rest: &[u8]) -> Option<Closing> {
    let end = rest.iter().position(|b| *b == b';')?;
    let text = std::str::from_utf8(rest.get(..end)?).ok()?;
    wrapper::parse_closing(text)
}

fn classify(error: &openssh::Error) -> OpenFailure {
    let text = format!("{error:?}");
    // The mux protocol has one failure message for a session; its text is fixed in OpenSSH's mux.c.
    if text.contains("RequestFailure") && text.contains("Session open refused by peer") {
        OpenFailure::Refused
    } else {
        OpenFailure::Lost(error.to_string())
    }
}
