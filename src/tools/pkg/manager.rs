//! The package manager of one host: found in the same run that asks it, so that a call is one round trip.

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::error::{ErrorName, ToolError};
use crate::toolkit::{Call, Host, Job, Output, Script, Status};

const READ: Script = Script::new(concat!(include_str!("manager.sh"), include_str!("read.sh")));

/// How the scripts say that there is no manager, and what one has no command for.
const NONE: &str = "ssh-mcp: no package manager";
const SAYS: &str = "ssh-mcp: ";

/// What works on hosts without a POSIX shell.
const INSTEAD: &str = "The apt tools work on POSIX hosts with apt, dnf, yum, zypper, apk or pacman.";

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Manager {
    /// Debian and its children.
    Apt,
    /// Fedora, RHEL 8 and later.
    Dnf,
    /// RHEL 7.
    Yum,
    /// SUSE.
    Zypper,
    /// Alpine.
    Apk,
    /// Arch.
    Pacman,
}

impl Manager {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "apt" => Manager::Apt,
            "dnf" => Manager::Dnf,
            "yum" => Manager::Yum,
            "zypper" => Manager::Zypper,
            "apk" => Manager::Apk,
            "pacman" => Manager::Pacman,
            _ => return None,
        })
    }
}

/// What a manager answered.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Who answered.
    pub manager: Manager,
    /// The run; its standard output without the line that names the manager.
    pub output: Output,
    /// How old the lists are, in the words of the script; empty where it does not say.
    pub lists: String,
}

impl Answer {
    /// Standard output as text.
    pub(crate) fn text(&self) -> String {
        self.output.stdout_text()
    }

    /// The two parts of an answer that two programs gave, split at the NUL between them.
    pub(crate) fn parts(&self) -> (String, String) {
        let text = self.text();
        match text.split_once('\0') {
            Some((first, second)) => (first.to_owned(), second.to_owned()),
            None => (text, String::new()),
        }
    }

    /// An error where the manager failed and gave nothing: its failure is the answer, never an empty list.
    pub(crate) fn failed(&self, host: &Host, nothing: bool) -> Result<(), ToolError> {
        let Some(why) = failure(&self.output.status, &self.output.stderr_text()).filter(|_| nothing) else {
            return Ok(());
        };
        Err(ToolError::new(
            ErrorName::RuntimeError,
            format!("`{}`: the package manager failed, so nothing is known of its packages: {why}", host.alias()),
            "Put right what it complains of (its sources, its database, limits of the account), then call again.",
        ))
    }

    /// Says in the answer that the lists are missing or old: nothing newer is known then.
    pub(crate) fn tell_age(&self, call: &Call) {
        if let Some(said) = age(&self.lists) {
            call.warn(said);
        }
    }

    /// Says in the answer what the manager complained of.
    pub(crate) fn tell(&self, call: &Call) {
        if self.output.exit_code() != 0 {
            let said = self.output.stderr_line();
            let said = said.strip_prefix(UNSTABLE).map_or(said.as_str(), str::trim);
            call.warn(format!("The package manager ended with status {}: {said}", self.output.exit_code()));
        }
    }
}

/// What apt says of itself whenever it is not on a terminal.
const UNSTABLE: &str = "WARNING: apt does not have a stable CLI interface. Use with caution in scripts.";

/// The host of a call about packages.
pub(crate) fn host(call: &Call, host: &str) -> Result<Host, ToolError> {
    let host = call.host(host)?;
    host.posix(INSTEAD)?;
    Ok(host)
}

/// Asks a question. A non-zero status is data.
pub(crate) async fn ask(host: &Host, words: &[&str], timeout: Option<u64>) -> Result<Answer, ToolError> {
    let job = Job::script(&READ, words).timeout(Some(host.limit(timeout)?));
    let mut answer = answered(host, Box::pin(host.run(job)).await?.within_time("The package manager")?)?;
    if let Some(end) = answer.output.stdout.iter().position(|b| *b == b'\n')
        && let Some(words) = answer.output.stdout.get(..end).and_then(|line| line.strip_prefix(b"lists "))
    {
        answer.lists = String::from_utf8_lossy(words).into_owned();
        answer.output.stdout.drain(..=end);
    }
    Ok(answer)
}

/// Age in seconds from which lists are called old: a week.
const OLD: u64 = 7 * 86_400;

/// The warning about lists that are missing or old.
pub(crate) fn age(lists: &str) -> Option<String> {
    if lists == "none" {
        return Some(
            "This host has no package lists, so nothing is known of new packages and versions: ssh_apt_install or \
             ssh_apt_upgrade with update_first fetches them."
                .to_owned(),
        );
    }
    let seconds = lists.parse::<u64>().ok().filter(|age| *age >= OLD)?;
    Some(format!("The package lists were fetched {} days ago; newer versions are not known.", seconds / 86_400))
}

/// What managers say of a name that they do not know, and of themselves.
const NO_FAILURE: &[&str] = &[
    "No packages found",
    "Unable to locate package",
    "No matching Packages",
    "No matches found",
    "not found",
    "does not have a stable CLI",
];

/// Why a manager failed, where it did: by a signal, or in its own words.
fn failure(status: &Status, stderr: &str) -> Option<String> {
    if let Status::Signal(name) = status {
        return Some(format!("it was killed by SIG{name}."));
    }
    let counts = |line: &&str| {
        let line = line.trim();
        let aside = ["W:", "N:", "warning:", "Warning:"].iter().any(|word| line.starts_with(word));
        !line.is_empty() && !aside && !NO_FAILURE.iter().any(|words| line.contains(words))
    };
    let said: Vec<&str> = stderr.lines().filter(counts).take(5).collect();
    if !said.is_empty() {
        return Some(said.join(" "));
    }
    // A shell reports a death by signal as a status above 128.
    matches!(status, Status::Exit(code) if *code > 128).then(|| "it was killed by a signal.".to_owned())
}

/// Takes the manager's name off an answer.
pub(crate) fn answered(host: &Host, mut output: Output) -> Result<Answer, ToolError> {
    host.call().journal().exit_code(output.exit_code());
    if let Some(what) = missing(output.exit_code(), &output.stderr_text()) {
        return Err(ToolError::new(
            ErrorName::PlatformNotSupported,
            format!("`{}`: {what}.", host.alias()),
            "Managers known here: apt, dnf, yum, zypper, apk, pacman. Where exec tools are allowed, run the host's own \
             commands with ssh_exec_run.",
        ));
    }
    match named(&mut output.stdout) {
        Some(manager) => Ok(Answer { manager, output, lists: String::new() }),
        None => Err(ToolError::new(
            ErrorName::RuntimeError,
            format!("`{}` gave no usable answer about its package manager: {}.", host.alias(), output.stderr_line()),
            "Call again; ssh_host_info shows what the host is.",
        )),
    }
}

/// Takes the line that names the manager off an answer.
fn named(stdout: &mut Vec<u8>) -> Option<Manager> {
    let end = stdout.iter().position(|b| *b == b'\n')?;
    let manager = Manager::of(std::str::from_utf8(stdout.get(..end)?).ok()?)?;
    stdout.drain(..=end);
    Some(manager)
}

/// What the script found that this host cannot do.
fn missing(exit_code: i32, stderr: &str) -> Option<String> {
    if exit_code != 127 {
        return None;
    }
    stderr.lines().find_map(|line| match line {
        NONE => Some("there is no package manager that is known here".to_owned()),
        _ => line.strip_prefix(SAYS).map(|what| what.trim().to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_names_the_manager() {
        let mut stdout = b"apt\nListing...\n".to_vec();
        assert_eq!(named(&mut stdout), Some(Manager::Apt));
        assert_eq!(stdout, b"Listing...\n");
        assert_eq!(named(&mut b"brew\n".to_vec()), None);
        assert_eq!(named(&mut b"".to_vec()), None);
        for name in ["apt", "dnf", "yum", "zypper", "apk", "pacman"] {
            assert_eq!(serde_json::to_value(Manager::of(name).unwrap()).unwrap(), name);
        }
    }

    #[test]
    fn a_failure_is_told_from_a_name_that_is_not_known() {
        let exit = Status::Exit;
        for unknown in [
            "E: No packages found\n",
            "N: Unable to locate package x\nE: No packages found\n",
            "Error: No matching Packages to list\n",
            "error: package 'x' was not found\n",
            "W: Unable to read /etc/apt/x\n",
            "",
        ] {
            assert_eq!(failure(&exit(100), unknown), None, "{unknown}");
        }
        let broken = "E: Malformed entry 1 in list file /etc/apt/sources.list.d/x.list (Type)\nE: No packages found\n";
        assert!(failure(&exit(100), broken).unwrap().contains("Malformed entry"));
        assert!(failure(&Status::Signal("XFSZ".to_owned()), "").unwrap().contains("SIGXFSZ"));
        assert!(failure(&exit(153), "").is_some() && failure(&exit(1), "").is_none());
    }

    #[test]
    fn missing_and_old_lists_are_told() {
        assert!(age("none").unwrap().contains("no package lists"));
        assert!(age("1209600").unwrap().contains("14 days"));
        assert_eq!((age("3600"), age("-"), age("")), (None, None, None));
    }

    #[test]
    fn what_a_manager_cannot_do_is_named() {
        assert_eq!(missing(127, "ssh-mcp: dnf cannot purge packages\n").as_deref(), Some("dnf cannot purge packages"));
        assert!(missing(127, "ssh-mcp: no package manager\n").is_some_and(|what| what.contains("no package manager")));
        assert_eq!(missing(100, "ssh-mcp: no package manager\n"), None);
        assert_eq!(missing(127, "sh: 1: nope: not found\n"), None);
    }
}
