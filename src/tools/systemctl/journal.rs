//! `ssh_journalctl`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::systemd;
use crate::model::error::ToolError;
use crate::model::journal_time::JournalTime;
use crate::model::quote::Argv;
use crate::model::systemd::{JournalBoot, JournalGrep, JournalMatch, UnitName};
use crate::model::tier::Group;
use crate::toolkit::{Call, Following, LINES_BEFORE, Spec, Targets, Tool, last_lines};

/// Most lines of one call.
const LINES_MAX: u32 = 1000;

/// Most fields of one call.
const FIELDS_MAX: usize = 10;

/// The journal of one unit.
#[derive(Debug)]
pub(super) struct Journalctl;

/// Arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// host alias
    host: String,
    /// one unit, no glob; else the whole journal
    #[serde(default)]
    unit: Option<UnitName>,
    /// 15m, 2h ago, epoch, ISO, yesterday
    #[serde(default)]
    since: Option<JournalTime>,
    /// as since
    #[serde(default)]
    until: Option<JournalTime>,
    /// last lines, 1 to 1000
    #[serde(default = "lines")]
    lines: u32,
    /// regular expression; newest first then
    #[serde(default)]
    grep: Option<JournalGrep>,
    /// this and more severe
    #[serde(default)]
    priority: Option<Priority>,
    /// the kernel's lines of this boot
    #[serde(default)]
    kernel: bool,
    /// 0 this boot, -1 the one before, or id
    #[serde(default)]
    boot: Option<JournalBoot>,
    /// matches, such as _COMM=sshd
    #[serde(default)]
    fields: Vec<JournalMatch>,
    /// seconds of new lines
    #[serde(default)]
    follow: Option<u64>,
    /// regular expression that ends it
    #[serde(default)]
    until_match: Option<String>,
}

const fn lines() -> u32 {
    200
}

/// Severities of syslog(3), the most severe first.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Priority {
    Emerg,
    Alert,
    Crit,
    Err,
    Warning,
    Notice,
    Info,
    Debug,
}

impl Priority {
    const fn as_str(self) -> &'static str {
        match self {
            Priority::Emerg => "emerg",
            Priority::Alert => "alert",
            Priority::Crit => "crit",
            Priority::Err => "err",
            Priority::Warning => "warning",
            Priority::Notice => "notice",
            Priority::Info => "info",
            Priority::Debug => "debug",
        }
    }
}

/// The lines, secrets redacted.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Reply {
    host: String,
    unit: Option<UnitName>,
    stdout: String,
    stderr: String,
    lines_returned: usize,
    stdout_truncated: bool,
    exit_code: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    matched: Option<String>,
    hint: Option<&'static str>,
    output_warnings: Vec<String>,
}

impl Tool for Journalctl {
    type Args = Args;
    type Reply = Reply;
    const SPEC: Spec = Spec::read("ssh_journalctl", Group::Systemctl, "Recent journal lines, of one unit or all")
        .found_as("Journal", "logs of a service systemd errors kernel boot log")
        .more("`unit`, `lines`, `since`, `until`, `grep`, `priority`, `boot` and `fields` narrow it");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: Args) -> Result<Reply, ToolError> {
        if !(1..=LINES_MAX).contains(&args.lines) {
            return Err(ToolError::value(
                format!("Argument `lines`: {} is out of range.", args.lines),
                format!("Give 1 to {LINES_MAX}."),
            ));
        }
        if args.fields.len() > FIELDS_MAX {
            return Err(ToolError::value(
                format!("Argument `fields`: {} matches.", args.fields.len()),
                format!("Give at most {FIELDS_MAX}."),
            ));
        }
        if args.kernel && args.unit.is_some() {
            return Err(ToolError::value(
                "Arguments `kernel` and `unit`: the kernel's lines belong to no unit.",
                "Give one of them.",
            ));
        }
        let following = Following::of(args.follow, args.until_match.as_deref())?;
        if following.is_some() && args.until.is_some() {
            return Err(ToolError::value(
                "Arguments `follow` and `until`: what is followed has no end in time.",
                "Leave `until` out; `until_match` ends it at a line.",
            ));
        }
        let host = systemd::host(call, &args.host, args.unit.as_ref())?;
        let redactor = host.redactor()?;
        let (output, matched) = match &following {
            None => (systemd::look(&host, &command(&args)).await?, None),
            Some(following) => {
                systemd::look_on(&host, &command(&args), following, |r, text| r.redact_log(text, behind_a_program))
                    .await?
            }
        };
        let (text, stderr) = (output.stdout_text(), output.stderr_text());
        let redacted = redactor.redact_log(&text, behind_a_program);
        let shown = if following.is_none() { last_lines(&redacted, args.lines, is_entry) } else { &redacted };
        let lines_returned = shown.lines().filter(|line| is_entry(line)).count();
        if following.is_none() && (output.stdout_truncated || shown.len() < redacted.len()) {
            let brings = "`lines` takes up to 1000, and `since` and `until` name other times";
            call.left_out(format!("what is older than the last {} lines", args.lines), brings);
        }
        Ok(Reply {
            host: host.alias().to_owned(),
            unit: args.unit,
            lines_returned,
            stdout: shown.to_owned(),
            stdout_truncated: output.stdout_truncated,
            exit_code: output.exit_code(),
            matched,
            hint: hint(&stderr),
            stderr,
            output_warnings: Vec::new(),
        })
    }
}

fn command(args: &Args) -> Argv {
    // Times with their zone, so that they can be given back as `since`.
    let mut command = Argv::new("journalctl").args(["--no-pager", "--output=short-iso"]);
    // Only what comes from now on, unless a time is named.
    let lines = match args.follow {
        Some(_) if args.since.is_none() => 0,
        Some(_) => args.lines,
        None => args.lines + LINES_BEFORE,
    };
    command = command.arg(format!("--lines={lines}"));
    if args.follow.is_some() {
        command = command.arg("--follow");
    }
    if let Some(unit) = &args.unit {
        command = command.args(["--unit", unit.as_str()]);
    }
    if args.kernel {
        command = command.arg("--dmesg");
    }
    if let Some(boot) = &args.boot {
        command = command.arg(format!("--boot={boot}"));
    }
    if let Some(since) = &args.since {
        command = command.arg(format!("--since={}", since.anchor()));
    }
    if let Some(until) = &args.until {
        command = command.arg(format!("--until={}", until.anchor()));
    }
    if let Some(priority) = args.priority {
        command = command.arg(format!("--priority={}", priority.as_str()));
    }
    if let Some(grep) = &args.grep {
        command = command.args(["--grep", grep.as_str()]);
    }
    // Matches begin with a capital or `_`, so none is an option.
    command.args(args.fields.iter().map(JournalMatch::as_str))
}

/// Journal lines; not blank ones, and not the notes that journalctl puts between, `-- No entries --`.
fn is_entry(line: &str) -> bool {
    !line.trim().is_empty() && !(line.starts_with("-- ") && (line.ends_with(" --") || line.ends_with('.')))
}

/// What stands in front of a message: a time, the host, and a program with its number.
fn behind_a_program(line: &str) -> Option<(usize, &str)> {
    let mut words = line.splitn(3, ' ');
    let (time, host, rest) = (words.next()?, words.next()?, words.next()?);
    // A message that goes on in a further line stands behind blanks.
    let begins = time.starts_with(|c: char| c.is_ascii_digit());
    let (program, _) = rest.split_once(": ").filter(|_| begins)?;
    // Programs such as logger have another number for each line.
    let name = program.split_once('[').map_or(program, |(name, _)| name);
    Some((time.len() + host.len() + program.len() + 4, name))
}

fn hint(stderr: &str) -> Option<&'static str> {
    if stderr.contains("not seeing messages") || systemd::lacks_rights(stderr) {
        return Some(
            "The login account may not read the whole journal: the operator adds it to the group systemd-journal.",
        );
    }
    stderr
        .contains("pattern matching support")
        .then_some("This journalctl cannot match: leave `grep` out and narrow by since, until and priority instead.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn notes_of_journalctl_are_no_entries() {
        let captured = "-- Journal begins at Mon 2026-11-23 09:00:00 UTC, ends at Mon 2026-11-23 10:00:00 UTC. --\n\
                        2026-11-23T10:16:54+0000 box systemd[1]: Started bad.service.\n\
                        -- Boot 0123456789abcdef --\n\n-- No entries --\n-- Logs begin at Mon, end at Tue. --\n";
        assert_eq!(captured.lines().filter(|line| is_entry(line)).count(), 1);
    }

    #[test]
    fn a_journal_that_may_not_be_read_says_so() {
        let captured = "Hint: You are currently not seeing messages from other users and the system.\n      Users in groups \
                        'adm', 'systemd-journal' can see all messages.\n      Pass -q to turn off this notice.\n\
                        No journal files were opened due to insufficient permissions.\n";
        assert!(hint(captured).is_some_and(|hint| hint.contains("systemd-journal")));
        assert_eq!(hint(""), None);
    }

    #[test]
    fn anchors_are_translated() {
        let args =
            json!({ "host": "h", "unit": "a", "since": "15m", "until": "2026-04-16T12:00:00Z", "priority": "err" });
        let command = command(&serde_json::from_value(args).unwrap());
        assert!(
            command.words().ends_with(&["--since=-15min", "--until=@1776340800", "--priority=err"].map(str::to_owned))
        );
    }

    #[test]
    fn the_whole_journal_can_be_asked() {
        let args = json!({"host": "h", "kernel": true, "boot": "-1", "priority": "err", "grep": "a|b", "fields": ["_COMM=sshd"]});
        let command = command(&serde_json::from_value(args).unwrap());
        let rest = ["--lines=264", "--dmesg", "--boot=-1", "--priority=err", "--grep", "a|b", "_COMM=sshd"];
        assert!(command.words().ends_with(&rest.map(str::to_owned)), "{:?}", command.words());
    }

    proptest! {
        #[test]
        fn every_argument_is_refused_or_stays_in_its_slot(
            unit in prop_oneof![any::<String>(), "[-a-z@.:]{1,8}"],
            grep in prop_oneof![any::<String>(), "[-a-z ./:]{1,8}"],
            since in prop_oneof![any::<String>(), "-{0,2}[0-9]{1,3}[smhdwMy]"],
        ) {
            let args = json!({ "host": "h", "unit": unit, "grep": grep, "since": since });
            if let Ok(args) = serde_json::from_value::<Args>(args) {
                let command = command(&args);
                let words = command.words();
                prop_assert_eq!(words.len(), 9);
                prop_assert_eq!((words[4].as_str(), &words[5]), ("--unit", &unit));
                prop_assert_eq!((words[7].as_str(), &words[8]), ("--grep", &grep));
                prop_assert!(words[6].strip_prefix("--since=").is_some_and(|at| !at.starts_with("--")));
            }
        }
    }
}
