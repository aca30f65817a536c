//! `ssh_apt_show_holds`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::manager::{self, Manager};
use super::rows;
use crate::model::error::ToolError;
use crate::model::tier::Group;
use crate::toolkit::{Call, Spec, Targets, Tool};

/// Lists what is on hold.
#[derive(Debug)]
pub(super) struct ShowHolds;

/// Arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// host alias
    host: String,
    /// seconds
    #[serde(default)]
    timeout: Option<u64>,
}

/// The packages on hold.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Reply {
    host: String,
    manager: Manager,
    held: Vec<String>,
    stdout: String,
    stderr: String,
    exit_code: i32,
    duration_ms: u64,
    stdout_truncated: bool,
    output_warnings: Vec<String>,
}

impl Tool for ShowHolds {
    type Args = Args;
    type Reply = Reply;
    const SPEC: Spec = Spec::read("ssh_apt_show_holds", Group::Pkg, "Packages on hold")
        .found_as("Held packages", "pinned frozen packages");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: Args) -> Result<Reply, ToolError> {
        let host = manager::host(call, &args.host)?;
        let answer = manager::ask(&host, &["holds"], args.timeout).await?;
        let stdout = answer.text();
        answer.failed(&host, stdout.trim().is_empty())?;
        Ok(Reply {
            host: host.alias().to_owned(),
            manager: answer.manager,
            held: held(answer.manager, &stdout),
            stdout,
            stderr: answer.output.stderr_text(),
            exit_code: answer.output.exit_code(),
            duration_ms: u64::try_from(answer.output.duration.as_millis()).unwrap_or(u64::MAX),
            stdout_truncated: answer.output.stdout_truncated,
            output_warnings: Vec::new(),
        })
    }
}

/// One name a line, or zypper's table of locks.
pub(super) fn held(manager: Manager, text: &str) -> Vec<String> {
    let names: Vec<String> = match manager {
        Manager::Zypper => rows::table(text).map(|row| rows::cell(&row, &["Name"]).to_owned()).collect(),
        _ => text.lines().map(|line| line.trim().to_owned()).collect(),
    };
    names.into_iter().filter(|name| !name.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_and_locks() {
        assert_eq!(held(Manager::Apt, "sample\nlinux-image-amd64\n"), ["sample", "linux-image-amd64"]);
        let locks = "# | Name | Type    | Repository\n--+------+---------+-----------\n1 | vim  | package | (any)\n";
        assert_eq!(held(Manager::Zypper, locks), ["vim"]);
        // zypper 1.14.42, as captured.
        assert_eq!(held(Manager::Zypper, include_str!("cases/zypper-locks.txt")), ["sample"]);
        assert!(held(Manager::Apt, "").is_empty());
    }
}
