//! The verbs that change packages: one table, one way to run them.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::detached::{self, LOOK};
use super::manager::{self, Manager};
use super::plan::{self, Change};
use super::progress::{HostRun, Interrupted, Record, State};
use crate::model::error::{ErrorName, ToolError};
use crate::model::package::PackageSpec;
use crate::model::tier::Group;
use crate::toolkit::jobs::Kept;
use crate::toolkit::{Call, Host, Spec, Targets, Tool};
use crate::tools::jobs::{JobRef, job_ref};

/// Most packages of one call.
const PACKAGES_MAX: usize = 100;
/// Seconds to wait for another apt, where the caller does not say.
const LOCK_WAIT: u32 = 30;
/// Seconds of the call's time limit that are kept for the work behind the lock.
const WORK: u64 = 10;
/// Seconds that a run has, where the caller does not say, and that a call follows it.
const LIMIT: u64 = 1800;
const FOLLOWED: u64 = 50;

/// Declares the arguments of a verb: what all of them take, after what only this one takes.
macro_rules! args {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $kind:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub(super) struct $name {
            /// host alias
            host: String,
            $($(#[$field_doc])* $field: $kind,)*
            /// only say what would change
            #[serde(default)]
            simulate: bool,
            /// seconds to wait for another run
            #[serde(default = "lock_wait")]
            lock_wait: u32,
            /// seconds, default 1800
            #[serde(default)]
            timeout: Option<u64>,
            /// seconds, default 50; then a job
            #[serde(default)]
            wait: Option<u64>,
            /// its name
            #[serde(default)]
            job_label: Option<String>,
            /// as root
            #[serde(default)]
            sudo: bool,
        }
    };
}

const fn lock_wait() -> u32 {
    LOCK_WAIT
}

args!(
    /// Arguments of `install`.
    InstallArgs {
        /// name[:arch][=version] each
        packages: Vec<PackageSpec>,
        /// fetch the package lists before
        #[serde(default)]
        update_first: bool,
    }
);
args!(
    /// Arguments of `upgrade`.
    UpgradeArgs {
        /// fetch the package lists before
        #[serde(default)]
        update_first: bool,
    }
);
args!(
    /// Arguments of `remove`.
    RemoveArgs {
        /// name[:arch] each
        packages: Vec<PackageSpec>,
        /// configuration too
        #[serde(default)]
        purge: bool,
    }
);
args!(
    /// Arguments of `autoremove`.
    AutoremoveArgs {}
);
args!(
    /// Arguments of `mark`.
    MarkArgs {
        /// keep the version, or free it
        action: MarkAction,
        /// name[:arch] each
        packages: Vec<PackageSpec>,
    }
);

/// What a mark does.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum MarkAction {
    Hold,
    Unhold,
}

/// What the manager did. A non-zero exit status is data.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Reply {
    host: String,
    manager: Manager,
    action: &'static str,
    packages: Vec<PackageSpec>,
    simulated: bool,
    /// What would change; only of a simulation.
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<Vec<Change>>,
    /// -1 while the run goes on, and where it was killed on the host.
    exit_code: i32,
    /// The run that goes on after the time limit of this call.
    #[serde(skip_serializing_if = "Option::is_none")]
    running: Option<HostRun>,
    /// The job that follows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
    job: Option<JobRef>,
    /// An earlier run that nobody was told the end of, or that goes on beside this simulation.
    #[serde(skip_serializing_if = "Option::is_none")]
    earlier_run: Option<HostRun>,
    /// What is unfinished on the host, and what finishes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    interrupted: Option<Interrupted>,
    stdout: String,
    stderr: String,
    duration_ms: u64,
    stdout_truncated: bool,
    hint: Option<String>,
    output_warnings: Vec<String>,
}

/// A change that was asked for.
#[derive(Debug)]
struct Wanted {
    host: String,
    verb: &'static str,
    packages: Vec<PackageSpec>,
    update_first: bool,
    simulate: bool,
    lock_wait: u32,
    timeout: Option<u64>,
    wait: Option<u64>,
    job_label: Option<String>,
    sudo: bool,
}

impl Wanted {
    /// The words for the script.
    fn words(&self) -> Vec<String> {
        let versioned = self.packages.iter().any(PackageSpec::has_version);
        let flag = |on: bool, word: &str| if on { word.to_owned() } else { "-".to_owned() };
        let mut words = vec![
            self.verb.to_owned(),
            flag(self.simulate, "simulate"),
            flag(self.update_first, "update"),
            flag(versioned, "version"),
        ];
        words.extend(self.packages.iter().map(PackageSpec::to_string));
        words
    }

    /// What was asked for, for people on the host and in later answers.
    fn what(&self) -> String {
        let words = std::iter::once(self.verb).chain(self.packages.iter().map(PackageSpec::as_str));
        words.collect::<Vec<_>>().join(" ")
    }

    /// Seconds that the lock may be waited for in a call of `limit` seconds.
    fn lock_time(&self, limit: u64) -> u64 {
        u64::from(self.lock_wait).min(limit.saturating_sub(WORK))
    }

    fn check(&self, takes_packages: bool) -> Result<(), ToolError> {
        if takes_packages && !(1..=PACKAGES_MAX).contains(&self.packages.len()) {
            return Err(ToolError::value(
                format!("Argument `packages` has {} entries.", self.packages.len()),
                format!("Give 1 to {PACKAGES_MAX} package names."),
            ));
        }
        if self.lock_wait > 3600 {
            return Err(ToolError::value(
                format!("Argument `lock_wait`: {} is out of range.", self.lock_wait),
                "Give 0 to 3600 seconds.",
            ));
        }
        Ok(())
    }
}

async fn run(call: &Call, wanted: Wanted, takes_packages: bool) -> Result<Reply, ToolError> {
    wanted.check(takes_packages)?;
    let host = manager::host(call, &wanted.host)?;
    let audited = std::iter::once(wanted.verb).chain(wanted.packages.iter().map(PackageSpec::as_str));
    call.journal().words(audited.collect::<Vec<_>>());
    let limit = host.limit(Some(wanted.timeout.unwrap_or(LIMIT)))?;
    let wait = Duration::from_secs(wanted.wait.unwrap_or(FOLLOWED).min(3600)).min(limit);
    let (words, what) = (wanted.words(), wanted.what());
    let lock_wait = wanted.lock_time(limit.as_secs());
    let label = wanted.job_label.as_deref();
    let change =
        detached::Wanted { simulate: wanted.simulate, words: &words, what: &what, lock_wait, limit, wait, label };
    let detached::Run { manager, record, output, job } = detached::change(&host, change, wanted.sudo).await?;
    let (stdout, stderr) = (output.stdout_text(), output.stderr_text());
    let going = record.state == State::Running;
    let exit_code = if going || record.state == State::Cut { -1 } else { output.exit_code() };
    held(&host, &record, exit_code, &stdout, &stderr)?;
    if let Some(said) = manager::age(&record.lists) {
        call.warn(said);
    }
    if wanted.update_first && wanted.simulate {
        call.warn("The package lists were not fetched, because this is a simulation.");
    }
    Ok(Reply {
        host: host.alias().to_owned(),
        manager,
        action: wanted.verb,
        changes: wanted.simulate.then(|| plan::changes(manager, wanted.verb, &stdout)),
        simulated: wanted.simulate,
        packages: wanted.packages,
        exit_code,
        hint: state_hint(&record, job.as_deref())
            .or_else(|| hint(exit_code, &stdout, &stderr, wanted.sudo).map(str::to_owned)),
        running: record.run.filter(|_| going),
        job: job.as_deref().map(job_ref),
        earlier_run: record.earlier,
        interrupted: record.interrupted,
        stdout,
        stderr,
        duration_ms: u64::try_from(output.duration.as_millis()).unwrap_or(u64::MAX),
        stdout_truncated: output.stdout_truncated,
        output_warnings: Vec::new(),
    })
}

/// An error where another process has the packages of the host, naming it.
fn held(host: &Host, record: &Record, exit_code: i32, stdout: &str, stderr: &str) -> Result<(), ToolError> {
    let holder = match record.state {
        State::Busy => record.run.as_ref().map(HostRun::to_string),
        State::Running | State::Cut => None,
        // A lock that nobody holds any more: the state is the answer.
        _ if record.interrupted.is_some() => None,
        _ => match (lock_holder(exit_code, stdout, stderr), &record.holder) {
            (Some(_), Some(holder)) => Some(holder.to_string()),
            (holder, _) => holder,
        },
    };
    let Some(holder) = holder else { return Ok(()) };
    let last = if record.state == State::Busy { stdout.trim().lines().next_back() } else { None };
    let said = last.map_or_else(String::new, |line| format!(" It said last: {line}"));
    Err(ToolError::new(
        ErrorName::Timeout,
        format!("`{}`: the package lock is held by {holder}; nothing was changed.{said}", host.alias()),
        "Wait for it to end (ssh_host_processes shows it), or give a larger `lock_wait` and `timeout`.",
    ))
}

/// The next step after a run that goes on, or that left something unfinished.
fn state_hint(record: &Record, job: Option<&Kept>) -> Option<String> {
    if record.state == State::Running {
        let look = job.map_or_else(
            || LOOK.to_owned(),
            |job| {
                let id = job.id.as_str();
                format!("Call ssh_job_read with host, job: \"{id}\" and wait: 50, until it has ended. {LOOK}")
            },
        );
        return Some(format!("The run is not cut: it goes on to its end. {look}"));
    }
    let found = record.interrupted.as_ref()?;
    Some(format!("Packages are unfinished on this host ({}). Run as root (ssh_sudo_exec): {}", found.state, found.fix))
}

/// Who holds the lock that a run failed for, in the words of apt, apt-mark, dpkg, zypper and dnf.
fn lock_holder(exit_code: i32, stdout: &str, stderr: &str) -> Option<String> {
    if exit_code == 0 {
        return None;
    }
    let locked = [
        "is another process using it?",
        "Could not get lock",
        "was locked by another process",
        "Existing lock",
        "System management is locked by the application",
        "unable to lock database",
        "Unable to lock database: Resource temporarily unavailable",
        "Waiting for process with pid",
    ]
    .iter()
    .any(|words| stderr.contains(words));
    if !locked {
        return None;
    }
    let after = |text: &str, words: &str| {
        let rest = text.rsplit_once(words)?.1;
        let end = rest.find(['\n']).unwrap_or(rest.len());
        Some(rest.get(..end)?.trim_end_matches('.').to_owned())
    };
    // apt names the holder while it waits, on standard output, and newer versions at the end too.
    let named = [stderr, stdout]
        .iter()
        .find_map(|text| after(text, "It is held by "))
        .or_else(|| after(stderr, "another process with pid ").map(|pid| format!("process {pid}")))
        .or_else(|| after(stderr, "locked by the application with pid ").map(|pid| format!("process {pid}")));
    Some(named.unwrap_or_else(|| "another process".to_owned()))
}

/// The next step after what the manager said, where it is not obvious.
fn hint(exit_code: i32, stdout: &str, stderr: &str, sudo: bool) -> Option<&'static str> {
    let says = |words: &[&str]| words.iter().any(|w| stderr.contains(w) || stdout.contains(w));
    if exit_code == 0 {
        return None;
    }
    if !sudo
        && says(&[
            "are you root?",
            "Are you root?",
            "ermission denied",
            "superuser privileges",
            "need to be root",
            "Root privileges are required",
            "unless you are root",
            "required read/write access",
        ])
    {
        return Some("The login account lacks the rights: call again with sudo: true (needs the sudo tier).");
    }
    if says(&["dpkg was interrupted"]) {
        return Some("An earlier run was cut off: run `dpkg --configure -a` as root (ssh_sudo_exec), then call again.");
    }
    if says(&["Held packages were changed"]) {
        return Some("A package is on hold; ssh_apt_mark with unhold frees it.");
    }
    if says(&["Unable to locate package"]) {
        return Some("No such package in the lists: ssh_apt_search finds names, update_first fetches new lists.");
    }
    None
}

/// Declares the tools: type, arguments, declaration, the verb, whether it takes packages, and the fields of its own.
macro_rules! verbs {
    ($($name:ident, $args:ty, $spec:expr, |$a:ident| $verb:expr, $takes:literal, $packages:expr, $update:expr;)*) => {
        $(
            #[doc = concat!("Packages: `", stringify!($name), "`.")]
            #[derive(Debug)]
            pub(super) struct $name;

            impl Tool for $name {
                type Args = $args;
                type Reply = Reply;
                const SPEC: Spec = $spec;

                fn hosts(args: &Self::Args) -> Targets {
                    Targets::host(&args.host).sudo(args.sudo)
                }

                async fn run(call: &Call, $a: $args) -> Result<Reply, ToolError> {
                    let wanted = Wanted {
                        verb: $verb,
                        packages: $packages,
                        update_first: $update,
                        simulate: $a.simulate,
                        lock_wait: $a.lock_wait,
                        timeout: $a.timeout,
                        wait: $a.wait,
                        job_label: $a.job_label,
                        sudo: $a.sudo,
                        host: $a.host,
                    };
                    run(call, wanted, $takes).await
                }
            }
        )*
    };
}

const fn spec(name: &'static str, summary: &'static str) -> Spec {
    Spec::dangerous(name, Group::Pkg, summary)
}

verbs! {
    Install, InstallArgs, spec("ssh_apt_install", "Install packages").found_as("Install packages", "apt dnf yum install software program"),
        |args| "install", true, args.packages, args.update_first;
    Upgrade, UpgradeArgs, spec("ssh_apt_upgrade", "Upgrade all packages within the release").found_as("Upgrade packages", "update security patches dist upgrade"),
        |args| "upgrade", false, Vec::new(), args.update_first;
    Remove, RemoveArgs, spec("ssh_apt_remove", "Remove or purge packages").found_as("Remove packages", "uninstall purge software").idempotent(),
        |args| if args.purge { "purge" } else { "remove" }, true, args.packages, false;
    Autoremove, AutoremoveArgs, spec("ssh_apt_autoremove", "Remove packages no longer needed").found_as("Remove unneeded packages", "clean up old kernels orphans").idempotent(),
        |args| "autoremove", false, Vec::new(), false;
    Mark, MarkArgs, spec("ssh_apt_mark", "Hold or release packages").found_as("Hold packages", "pin freeze unhold version").idempotent(),
        |args| match args.action { MarkAction::Hold => "hold", MarkAction::Unhold => "unhold" }, true, args.packages, false;
}

#[cfg(test)]
mod tests;
