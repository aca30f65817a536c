//! `ssh_host_processes`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::error::{ErrorName, ToolError};
use crate::model::tier::Group;
use crate::toolkit::{Call, Job, Script, Spec, Targets, Tool};

const SCRIPT: Script = Script::new(include_str!("processes.sh"));

/// The busiest processes.
#[derive(Debug)]
pub struct Processes;

/// Arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// host alias
    host: String,
    /// rows, 1 to 200
    #[serde(default = "default_top")]
    top: u32,
}

const fn default_top() -> u32 {
    20
}

/// One process.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
struct Entry {
    pid: u32,
    user: String,
    pcpu: f64,
    pmem: f64,
    command: String,
}

/// The rows, busiest first.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Reply {
    host: String,
    entries: Vec<Entry>,
    output_warnings: Vec<String>,
}

impl Tool for Processes {
    type Args = Args;
    type Reply = Reply;
    const SPEC: Spec = Spec::read("ssh_host_processes", Group::Host, "Top processes by CPU use")
        .found_as("Processes", "ps top running cpu memory hog pid");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: Args) -> Result<Reply, ToolError> {
        if !(1..=200).contains(&args.top) {
            return Err(ToolError::value(format!("Argument `top`: {} is out of range.", args.top), "Give 1 to 200."));
        }
        let host = call.host(&args.host)?;
        let output = host.run(Job::script(&SCRIPT, [""; 0])).await?.within_time("ps")?;
        let mut entries = entries(&output.stdout_text());
        if entries.is_empty() {
            return Err(ToolError::new(
                ErrorName::PlatformNotSupported,
                format!("`ps` on `{}` gave no usable rows: {}.", host.alias(), output.stderr_line()),
                "Where exec tools are allowed, run the host's own ps with ssh_exec_run.",
            ));
        }
        // Not every ps can sort.
        entries.sort_by(|a, b| b.pcpu.total_cmp(&a.pcpu));
        let (all, top) = (entries.len(), args.top as usize);
        if all > top {
            call.left_out(format!("{} of {all} processes, the least busy", all - top), "`top` brings up to 200");
        }
        entries.truncate(top);
        Ok(Reply { host: host.alias().to_owned(), entries, output_warnings: Vec::new() })
    }
}

/// Rows `pid user pcpu pmem comm`; rows that do not parse (the header) are skipped. The name may hold blanks.
fn entries(text: &str) -> Vec<Entry> {
    let row = |line: &str| {
        let mut words = line.split_whitespace();
        let pid = words.next()?.parse().ok()?;
        let user = words.next()?.to_owned();
        let (pcpu, pmem) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let command = words.collect::<Vec<_>>().join(" ");
        Some(Entry { pid, user, pcpu, pmem, command })
    };
    text.lines().filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_and_noise_are_skipped() {
        let rows = entries(
            "  PID USER     %CPU %MEM COMMAND\n    1 root      0.0  0.1 systemd\n   77 www-data  3.5  1.0 Web Content\nnoise\n",
        );
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[1].command, "Web Content");
    }
}
