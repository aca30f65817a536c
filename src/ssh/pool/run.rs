//! One script on a connection: sent once, repeated only when it surely did not run, stopped and looked after.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::{Finished, Link, Master, RunFailure};
use crate::ssh::account::{Purpose, on_one_line};
use crate::ssh::channel::{Ended, Request};
use crate::ssh::cut::Cut;
use crate::ssh::greeting::{NotBegun, Why};
use crate::ssh::slots::AcquiredSlot;
use crate::ssh::wrapper::{self, Stopped};
use crate::telemetry::meters::Gauge;

/// How often a script is sent where the server closes the channel unused on a connection that lives.
const CLOSED_UNUSED_TRIES: u32 = 8;

/// How long a script that may run twice is waited for to begin, before it is sent on another channel. A waiting shell
/// begins within one round trip; a login shell with slow start-up files within a few seconds.
const BEGIN_WAIT: Duration = Duration::from_secs(10);

/// How often a mark is sent to servers that have ended a channel of ours: below the shortest limit that is sensible.
const KEEP_ALIVE: Duration = Duration::from_secs(2);

/// Longest wait for a stop through a second channel.
const SECOND_STOP: Duration = Duration::from_secs(3);

impl Link {
    /// Runs one script. The time limit of the request counts from the moment a channel is there; waiting for the
    /// connection has limits of its own, waiting for a slot ends with the time limit.
    ///
    /// A script that surely did not begin is sent again; `repeatable` ones (those that only observe) are run once
    /// more even where they may have begun, or where a channel gives no sign of life for ten seconds.
    pub async fn run(self: &Arc<Self>, request: &Request, repeatable: bool) -> Result<Finished, RunFailure> {
        // What was sent on cannot be taken back.
        let repeatable = repeatable && request.sink.is_none();
        let mut tries = 0;
        let mut rest: Option<Request> = None;
        loop {
            tries += 1;
            let request = rest.as_ref().unwrap_or(request);
            self.any_master(&request.cancel).await?;
            let (master, channel, busy) =
                match tokio::time::timeout(request.timeout, self.channel(&request.cancel)).await {
                    Ok(got) => got?,
                    Err(_) => return Err(RunFailure::NotStarted(Cut::TimedOut)),
                };
            let slot = Gauge::slot(&self.target.alias);
            let began_at = Instant::now();
            let begin_within = (repeatable && rest.is_none() && request.timeout > BEGIN_WAIT).then_some(BEGIN_WAIT);
            let run = channel.run(request, begin_within, self.ends_idle().then_some(KEEP_ALIVE)).await;
            let (ended, gone) = match run {
                Ok(run) => run,
                Err(found) => {
                    drop((busy, slot));
                    self.not_begun(&master, found, tries).await?;
                    continue;
                }
            };
            let duration = began_at.elapsed();
            self.no_scripts.store(false, Ordering::Relaxed);
            tokio::spawn(async move {
                gone.await;
                drop((busy, slot));
            });
            if let Some(closing) = ended.closing {
                master.mark_healthy();
                let stopped = match (ended.cut, closing.stopped) {
                    (None, _) => None,
                    (Some(_), Some(stopped)) => Some(stopped),
                    // The command ended by itself just before the stop: nobody has looked for what it left.
                    (Some(_), None) => Some(self.stop_by_second_channel(&master, &ended).await),
                };
                return Ok(Finished { ended, stopped, duration });
            }
            if ended.silent {
                tracing::warn!(host = %master.up.hostname, "no sign of a script; sent again on another channel");
                rest = Some(Request { timeout: request.timeout.saturating_sub(duration), ..request.clone() });
                continue;
            }
            if ended.cut.is_some() {
                let stopped = self.stop_by_second_channel(&master, &ended).await;
                return Ok(Finished { ended, stopped: Some(stopped), duration });
            }
            let alive = master.slots.session().check().await.is_ok();
            if !alive {
                self.discard(&master).await;
            }
            // The opening mark goes out before the script begins. On a connection that lives, a channel that closed
            // without it never ran anything. On a connection that broke, the mark may have been lost on the way.
            let may_have_run = ended.began || (ended.sent && !alive);
            let surely_not = !may_have_run && tries < most_tries(alive);
            if surely_not || (repeatable && tries == 1) {
                jitter().await;
                continue;
            }
            if alive && ended.began {
                self.ends_idle.store(true, Ordering::Relaxed);
            }
            return Err(RunFailure::Lost { reason: lost_reason(&ended, alive, duration), may_have_run });
        }
    }

    /// The wrapper did not greet, so nothing was sent. Returns where it is worth another try.
    async fn not_begun(self: &Arc<Self>, master: &Arc<Master>, found: NotBegun, tries: u32) -> Result<(), RunFailure> {
        if let Why::Cut(cut) = found.why {
            if cut == Cut::TimedOut && master.slots.session().check().await.is_err() {
                self.retire(master);
            }
            return Err(RunFailure::NotStarted(cut));
        }
        let alive = master.slots.session().check().await.is_ok();
        if !alive {
            self.discard(master).await;
        }
        let last = tries >= most_tries(alive);
        let purpose = match found.why {
            _ if !alive => None,
            Why::Terminal => Some(Purpose::Terminal),
            Why::Silent(_) => Some(Purpose::Silent),
            // Dropbear closes a channel without a word or a status that is opened while the process of another one ends.
            Why::Ended(status) => {
                (status.is_some() || !found.noise.is_empty() || last).then(|| Purpose::of(&found.noise))
            }
            Why::Cut(_) | Why::Broken => None,
        };
        if let Some(purpose) = purpose {
            // What ended by itself stays so; what was only slow may be quicker the next time.
            self.no_scripts.store(purpose != Purpose::Silent, Ordering::Relaxed);
            self.no_shell.fetch_or(matches!(found.why, Why::Ended(_)), Ordering::Relaxed);
            return Err(RunFailure::Account(purpose, on_one_line(&found.noise)));
        }
        if !last {
            jitter().await;
            return Ok(());
        }
        let reason = match found.why {
            Why::Broken if !found.noise.is_empty() => found.noise,
            _ if alive => "the server closed the channel before anything was sent".to_owned(),
            _ => "the connection broke before anything was sent".to_owned(),
        };
        Err(RunFailure::Lost { reason, may_have_run: false })
    }

    /// True once the server has ended a channel on which a command ran.
    fn ends_idle(&self) -> bool {
        self.ends_idle.load(Ordering::Relaxed)
    }

    /// The channel gave no closing record in time: stop the remote session by another channel, and look.
    async fn stop_by_second_channel(self: &Arc<Self>, master: &Arc<Master>, ended: &Ended) -> Stopped {
        let Some(session) = ended.session else {
            if !ended.began {
                // Nothing came back at all: the link may be dead. The next call shall not inherit it, and what else runs
                // on it has time limits of its own.
                self.retire(master);
            }
            return Stopped::Unknown;
        };
        let look = async {
            let Ok(AcquiredSlot::Channel(channel, busy)) = master.slots.take().await else { return Stopped::Unknown };
            let request = Request {
                script: wrapper::stop_script(session),
                data: None,
                timeout: SECOND_STOP,
                stdout_cap: 1024,
                stderr_cap: 1024,
                cancel: CancellationToken::new(),
                on_chunk: None,
                sink: None,
            };
            let Ok((ended, gone)) = channel.run(&request, None, None).await else { return Stopped::Unknown };
            tokio::spawn(async move {
                gone.await;
                drop(busy);
            });
            match ended.closing.map(|c| c.end) {
                Some(wrapper::End::Exit(10)) => Stopped::Stopped,
                Some(wrapper::End::Exit(11)) => Stopped::StillRunning,
                _ => Stopped::Unknown,
            }
        };
        match tokio::time::timeout(SECOND_STOP, look).await {
            Ok(found) => found,
            Err(_) => {
                self.retire(master);
                Stopped::Unknown
            }
        }
    }
}

fn lost_reason(ended: &Ended, alive: bool, after: Duration) -> String {
    let after = after.as_secs();
    match (alive, ended.began) {
        (true, true) => format!(
            "the server ended the command's channel after {after} s, before its end was reported (some end channels on which \
             nothing moves: ChannelTimeout in sshd_config); further commands are kept alive by a mark every {} s",
            KEEP_ALIVE.as_secs()
        ),
        (true, false) => "the server closed the channel before the command's end was reported".to_owned(),
        (false, _) => format!("the server or the network ended the connection {after} s into the command"),
    }
}

/// How often a script is sent that surely did not begin.
fn most_tries(alive: bool) -> u32 {
    if alive { CLOSED_UNUSED_TRIES } else { 3 }
}

/// 50 to 250 ms: many calls that lose one connection do not come back in step.
async fn jitter() {
    let mut byte = [0u8; 1];
    let _ = getrandom::fill(&mut byte);
    let [b] = byte;
    tokio::time::sleep(Duration::from_millis(50 + u64::from(b) * 200 / 255)).await;
}
