//! Reads an account's variables once for each connection, by the account's own shell, within a time limit.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Link, RunFailure};
use crate::ssh::channel::Request;
use crate::ssh::cut::Cut;
use crate::ssh::login_environment::LoginEnvironment;
use crate::ssh::wrapper::{ACCOUNT, new_mark};

/// Longest time that the start-up files may take.
const LIMIT: Duration = Duration::from_secs(10);

/// Most bytes that are read, what the start-up files print included.
const OUTPUT_MAX: u64 = 256 * 1024;

/// Has the account's shell print its variables, as from a terminal. `$1`: mark.
const READ: &str = include_str!("../login_environment.sh");

impl Link {
    /// The account's variables, read at the first call on a connection. A shell that does not answer is not asked again.
    pub async fn login_environment(
        self: &Arc<Self>,
        cancel: &CancellationToken,
    ) -> Result<Arc<LoginEnvironment>, RunFailure> {
        // Which connection it is has to be known before what it learnt is asked for.
        self.ready(cancel).await?;
        let learnt = self.learnt();
        let read = learnt.login.get_or_try_init(|| async {
            let mark = new_mark()
                .map_err(|e| RunFailure::Lost { reason: format!("no random numbers: {e}"), may_have_run: false })?;
            let lines: Vec<&str> =
                READ.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')).collect();
            let request = Request {
                script: format!("{ACCOUNT} set -- {mark}; {}", lines.join("\n")),
                data: None,
                timeout: LIMIT,
                stdout_cap: OUTPUT_MAX,
                stderr_cap: 1024,
                cancel: cancel.clone(),
                on_chunk: None,
                sink: None,
            };
            let finished = Box::pin(self.run(&request, true)).await?;
            Ok(Arc::new(match finished.ended.cut {
                Some(Cut::Cancelled) => return Err(RunFailure::NotStarted(Cut::Cancelled)),
                Some(Cut::TimedOut) => LoginEnvironment::Unknown(format!(
                    "the account's start-up files did not come to an end within {} s",
                    LIMIT.as_secs()
                )),
                None => LoginEnvironment::parse(&finished.ended.stdout.bytes, &mark),
            }))
        });
        read.await.cloned()
    }
}
