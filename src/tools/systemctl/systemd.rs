//! systemctl and journalctl on one host: how they are started, as whom, and what it means when they cannot work.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::model::error::{ErrorName, ToolError};
use crate::model::quote::Argv;
use crate::model::systemd::UnitName;
use crate::toolkit::{Account, Call, Following, Host, Job, Output, Redact, Script, Status};

/// Longest time for asking systemd for its jobs.
const LOOK: Duration = Duration::from_secs(5);

const SCRIPT: Script = Script::new(include_str!("systemctl.sh"));

/// How the script names a program that is not on the host, and a host that another init runs.
const NO_PROGRAM: &str = "ssh-mcp: no program ";
const NOT_SYSTEMD: &str = "ssh-mcp: not systemd but ";

/// What works on hosts without a POSIX shell.
const INSTEAD: &str = "The systemctl tools work on Linux hosts that systemd runs.";

/// The host of a call about a unit; the unit is on record in the audit.
pub(super) fn host(call: &Call, host: &str, unit: Option<&UnitName>) -> Result<Host, ToolError> {
    let host = call.host(host)?;
    if let Some(unit) = unit {
        call.journal().unit(unit.as_str());
    }
    host.posix(INSTEAD)?;
    Ok(host)
}

/// Runs a program that only looks. A non-zero status is data.
pub(super) async fn look(host: &Host, argv: &Argv) -> Result<Output, ToolError> {
    look_by(&SCRIPT, host, argv).await
}

/// The same for a program that is followed; the line that ended it comes with its output.
pub(crate) async fn look_on(
    host: &Host,
    argv: &Argv,
    following: &Following,
    redact: Redact,
) -> Result<(Output, Option<String>), ToolError> {
    let settings = host.call().settings();
    let job = Job::script(&SCRIPT, argv.words()).caps(settings.ssh_stdout_cap_bytes, settings.ssh_stderr_cap_bytes);
    let (job, watched) = following.watch(host, job, redact).await?;
    let (output, matched) = watched.end(Box::pin(host.run(job)).await?);
    Ok((there(host, output)?, matched))
}

/// The same by another script.
pub(super) async fn look_by(script: &'static Script, host: &Host, argv: &Argv) -> Result<Output, ToolError> {
    let program = argv.words().first().map_or("systemctl", String::as_str);
    look_with(script, host, program, argv.words()).await
}

/// The same with words of the script's own.
pub(super) async fn look_with<S: AsRef<str>>(
    script: &'static Script,
    host: &Host,
    program: &str,
    words: impl IntoIterator<Item = S>,
) -> Result<Output, ToolError> {
    let settings = host.call().settings();
    let job = Job::script(script, words).caps(settings.ssh_stdout_cap_bytes, settings.ssh_stderr_cap_bytes);
    there(host, Box::pin(host.run(job)).await?.within_time(program)?)
}

/// Runs a verb that changes something, as root where `sudo` is set.
pub(super) async fn change(host: &Host, argv: &Argv, sudo: bool, timeout: Option<u64>) -> Result<Output, ToolError> {
    let limit = host.limit(timeout)?;
    let settings = host.call().settings();
    let job = Job::script(&SCRIPT, argv.words())
        .timeout(Some(limit))
        .caps(settings.ssh_stdout_cap_bytes, settings.ssh_stderr_cap_bytes);
    let output = Account::chosen(host.call(), host.clone(), sudo).await?.run(job).await?;
    if let Status::TimedOut(_) = output.status {
        let state = if output.began { jobs(host, argv).await } else { Jobs::NotAsked };
        return Err(late(limit, &state));
    }
    there(host, output)
}

/// What systemd has of a verb whose systemctl was stopped.
#[derive(Debug, PartialEq, Eq)]
enum Jobs {
    /// The verb had not begun, so systemd was given nothing.
    NotAsked,
    /// It could not be asked.
    Unknown,
    /// Jobs of the unit, as `id type state`.
    Found(Vec<String>),
}

/// Asks systemd for the jobs of the unit that the verb was for.
async fn jobs(host: &Host, argv: &Argv) -> Jobs {
    let Some(unit) = argv.words().last().filter(|_| argv.words().iter().any(|word| word == "--")) else {
        return Jobs::Unknown;
    };
    let listing = Job::script(&SCRIPT, ["systemctl", "list-jobs", "--no-legend", "--no-pager"]);
    let listing = listing.timeout(Some(LOOK)).cancel(CancellationToken::new());
    match Box::pin(host.run(listing)).await {
        Ok(output) if output.exit_code() == 0 => Jobs::Found(jobs_of(unit, &output.stdout_text())),
        _ => Jobs::Unknown,
    }
}

/// Rows of `systemctl list-jobs`: id, unit, type, state.
fn jobs_of(unit: &str, text: &str) -> Vec<String> {
    let full = format!("{unit}.service");
    let rows = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    rows.filter_map(|row| match row.as_slice() {
        [id, name, kind, state, ..] if *name == unit || *name == full => Some(format!("{id} ({kind}, {state})")),
        _ => None,
    })
    .collect()
}

fn late(limit: Duration, jobs: &Jobs) -> ToolError {
    let state = match jobs {
        Jobs::NotAsked => {
            "It had not begun (the host, or its sudo, did not answer), so systemd was given no job".to_owned()
        }
        Jobs::Unknown => "It was stopped; whether systemd goes on with a job is not known".to_owned(),
        Jobs::Found(jobs) if jobs.is_empty() => {
            "It was stopped, and systemd has no job of the unit any more".to_owned()
        }
        Jobs::Found(jobs) => format!("It was stopped, but systemd goes on with job {}", jobs.join(", ")),
    };
    let next = if *jobs == Jobs::NotAsked {
        "Nothing was changed. Look why sudo on the host is slow (its name service, its PAM), then call again."
    } else {
        "See how far it is with ssh_systemctl_status; give a larger `timeout` to wait for the end. `systemctl cancel ID` as \
         root ends a job that waits."
    };
    ToolError::new(ErrorName::Timeout, format!("systemctl did not end within {} s. {state}.", limit.as_secs()), next)
}

/// The output of a program that was there to run.
fn there(host: &Host, output: Output) -> Result<Output, ToolError> {
    host.call().journal().exit_code(output.exit_code());
    match missing(output.exit_code(), &output.stderr_text()) {
        None => Ok(output),
        Some(what) => Err(ToolError::new(
            ErrorName::PlatformNotSupported,
            format!("`{}` {what}.", host.alias()),
            "The systemctl tools need systemd as PID 1. Look with ssh_host_processes at what runs, and where exec tools \
             are allowed use the host's own service commands.",
        )),
    }
}

/// What the script found missing.
fn missing(exit_code: i32, stderr: &str) -> Option<String> {
    if exit_code != 127 {
        return None;
    }
    stderr.lines().find_map(|line| {
        if let Some(program) = line.strip_prefix(NO_PROGRAM) {
            return Some(format!("has no program `{program}`"));
        }
        let init = line.strip_prefix(NOT_SYSTEMD)?.trim();
        Some(format!("is not run by systemd: PID 1 is `{}`", if init.is_empty() { "unknown" } else { init }))
    })
}

/// True where systemd refused the login account, in the words of systemd, polkit and D-Bus.
pub(super) fn lacks_rights(stderr: &str) -> bool {
    [
        "Interactive authentication required",
        "Authentication is required",
        "Access denied",
        "Permission denied",
        "Operation not permitted",
        "insufficient permissions",
        "must be root",
    ]
    .iter()
    .any(|words| stderr.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_jobs_of_a_unit_are_named_after_a_stop() {
        let text = "  12 slow.service start running\n  13 slow-2.service stop waiting\n 14 b.socket start waiting\n";
        assert_eq!(jobs_of("slow", text), ["12 (start, running)"]);
        assert_eq!(jobs_of("b.socket", text), ["14 (start, waiting)"]);
        let limit = Duration::from_secs(10);
        assert!(late(limit, &Jobs::Found(jobs_of("slow", text))).what.contains("job 12 (start, running)"));
        assert!(late(limit, &Jobs::NotAsked).what.contains("had not begun"));
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(missing(127, "ssh-mcp: no program systemctl\n").as_deref(), Some("has no program `systemctl`"));
        let other = missing(127, "ssh-mcp: not systemd but runit\n");
        assert_eq!(other.as_deref(), Some("is not run by systemd: PID 1 is `runit`"));
        assert!(missing(127, "ssh-mcp: not systemd but \n").is_some_and(|what| what.contains("unknown")));
        assert_eq!(missing(1, "ssh-mcp: no program systemctl\n"), None);
        assert_eq!(missing(127, "Failed to start x\n"), None);
    }

    #[test]
    fn refusals_for_rights_are_known_by_their_words() {
        for stderr in [
            "Failed to restart nginx.service: Interactive authentication required.\nSee system logs and 'systemctl status nginx.service' for details.\n",
            "Failed to restart nginx.service: Access denied\nSee system logs and 'systemctl status nginx.service' for details.\n",
            "Failed to mask unit: Access denied\n",
            "No journal files were opened due to insufficient permissions.\n",
            "Failed to enable unit: File /etc/systemd/system/x.service: Permission denied\n",
        ] {
            assert!(lacks_rights(stderr), "{stderr}");
        }
        assert!(!lacks_rights("Failed to restart nope.service: Unit nope.service not found.\n"));
    }
}
