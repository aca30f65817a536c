//! `ssh_host_processes`.

use std::collections::{HashMap, HashSet};

use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::services;
use crate::model::error::{ErrorName, ToolError};
use crate::model::tier::Group;
use crate::toolkit::{Call, Job, Script, Spec, Targets, Tool};

const SCRIPT: Script =
    Script::new(concat!(include_str!("within.sh"), include_str!("services.sh"), include_str!("processes.sh")));

/// Most characters of a process's arguments.
const ARGUMENTS_MAX: usize = 300;

/// The busiest processes.
#[derive(Debug)]
pub(super) struct Processes;

/// Arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// host alias
    host: String,
    /// rows, 1 to 200
    #[serde(default = "default_top")]
    top: u32,
    /// default cpu
    #[serde(default)]
    sort: Sort,
    /// regular expression, name or arguments
    #[serde(default)]
    pattern: Option<String>,
    /// each below its parent
    #[serde(default)]
    tree: bool,
}

/// What makes a process a busy one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Sort {
    #[default]
    Cpu,
    Memory,
}

const fn default_top() -> u32 {
    20
}

/// One process.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
struct Entry {
    pid: u32,
    ppid: u32,
    user: String,
    pcpu: f64,
    pmem: f64,
    rss_kb: u64,
    command: String,
    /// With its name in front, secrets redacted.
    arguments: Option<String>,
    /// In a tree: how many of its parents are listed.
    depth: Option<u32>,
}

/// The rows, busiest first.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Reply {
    host: String,
    entries: Vec<Entry>,
    output_warnings: Vec<String>,
}

impl Tool for Processes {
    type Args = Args;
    type Reply = Reply;
    const SPEC: Spec = Spec::read("ssh_host_processes", Group::Host, "Processes by CPU or memory, with arguments")
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
        let pattern = match &args.pattern {
            None => None,
            Some(text) => Some(Regex::new(text).map_err(|why| {
                ToolError::value(
                    format!("Argument `pattern`: {why}."),
                    "Give a regular expression without look-around.",
                )
            })?),
        };
        let told = output.stdout_text();
        let mut parts = told.splitn(4, '\0');
        let [rows, arguments, groups, services] = std::array::from_fn(|_| parts.next().unwrap_or_default());
        let mut entries = entries(rows, arguments);
        if entries.is_empty() {
            return Err(ToolError::new(
                ErrorName::PlatformNotSupported,
                format!("`ps` on `{}` gave no usable rows: {}.", host.alias(), output.stderr_line()),
                "Where exec tools are allowed, run the host's own ps with ssh_exec_run.",
            ));
        }
        // Process 1 is always there, and never the account's own.
        if !entries.iter().any(|entry| entry.pid == 1) {
            call.warn(
                "Process 1 is not among the rows: this host hides the processes of other accounts (as hidepid of /proc does), \
                 so they are missing here.",
            );
        }
        // What is not shown is gone before anything is looked for, so that no pattern finds it out.
        let closed =
            services::closed_processes(groups, services, &|kind, file| services::closes_arguments(&host, kind, file));
        let redactor = host.redactor()?;
        for entry in &mut entries {
            let arguments = entry.arguments.take().filter(|_| !closed.contains(&entry.pid));
            entry.arguments = match arguments {
                Some(text) => Some(redactor.redact_text(&host.without_values(text).await)),
                None => None,
            };
        }
        if entries.iter().any(|entry| closed.contains(&entry.pid)) {
            call.warn(
                "The arguments of some processes are left out: they belong to services that take variables from a file that is \
                 restricted, redact-listed or could be exchanged by the file tools, or to services of other accounts.",
            );
        }
        if let Some(pattern) = &pattern {
            let fits =
                |e: &Entry| pattern.is_match(&e.command) || e.arguments.as_ref().is_some_and(|a| pattern.is_match(a));
            entries.retain(fits);
        }
        // Not every ps can sort.
        match args.sort {
            Sort::Cpu => entries.sort_by(|a, b| b.pcpu.total_cmp(&a.pcpu)),
            Sort::Memory => entries.sort_by_key(|entry| std::cmp::Reverse(entry.rss_kb)),
        }
        let (all, top) = (entries.len(), args.top as usize);
        if all > top {
            call.left_out(format!("{} of {all} processes, the least busy", all - top), "`top` brings up to 200");
        }
        entries.truncate(top);
        if args.tree {
            entries = tree(entries);
        }
        for entry in &mut entries {
            entry.arguments = entry.arguments.take().filter(|text| *text != entry.command).map(|text| shortened(&text));
        }
        Ok(Reply { host: host.alias().to_owned(), entries, output_warnings: Vec::new() })
    }
}

/// Rows `pid ppid user pcpu pmem rss comm`, and rows `pid arguments`; what does not parse (the headers) is
/// skipped. A name may hold blanks.
fn entries(rows: &str, arguments: &str) -> Vec<Entry> {
    let of = |line: &str| {
        let (pid, rest) = line.trim_start().split_once(' ')?;
        Some((pid.parse::<u32>().ok()?, rest.trim().to_owned()))
    };
    let mut arguments: HashMap<u32, String> = arguments.lines().filter_map(of).collect();
    let mut row = |line: &str| {
        let mut words = line.split_whitespace();
        let (pid, ppid) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let user = words.next()?.to_owned();
        let (pcpu, pmem) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let rss_kb = words.next()?.parse().ok()?;
        let command = words.collect::<Vec<_>>().join(" ");
        Some(Entry { pid, ppid, user, pcpu, pmem, rss_kb, command, arguments: arguments.remove(&pid), depth: None })
    };
    rows.lines().filter_map(&mut row).collect()
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(ARGUMENTS_MAX) {
        Some((at, _)) => format!("{}...", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Each process below its parent, where that is among them; siblings keep their order.
fn tree(entries: Vec<Entry>) -> Vec<Entry> {
    let known: HashSet<u32> = entries.iter().map(|e| e.pid).collect();
    let mut children: HashMap<u32, Vec<Entry>> = HashMap::new();
    let mut todo: Vec<Entry> = Vec::new();
    for entry in entries {
        if known.contains(&entry.ppid) && entry.ppid != entry.pid {
            children.entry(entry.ppid).or_default().push(entry);
        } else {
            todo.push(Entry { depth: Some(0), ..entry });
        }
    }
    todo.reverse();
    let mut ordered = Vec::new();
    while let Some(entry) = todo.pop() {
        let below = entry.depth.map(|depth| depth + 1);
        for child in children.remove(&entry.pid).unwrap_or_default().into_iter().rev() {
            todo.push(Entry { depth: below, ..child });
        }
        ordered.push(entry);
    }
    // Numbers that were given anew while ps looked may form a ring.
    let mut rest: Vec<Entry> = children.into_values().flatten().collect();
    rest.sort_by_key(|entry| entry.pid);
    ordered.extend(rest);
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_and_noise_are_skipped() {
        let rows = entries(
            "  PID  PPID USER     %CPU %MEM   RSS COMMAND\n    1     0 root      0.0  0.1 12000 systemd\n   77     1 www-data  3.5  1.0  9000 Web Content\nnoise\n",
            "  PID COMMAND\n    1 /sbin/init splash\n   77 /usr/bin/web -x  y\n",
        );
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[1].command.as_str(), rows[1].ppid, rows[1].rss_kb), ("Web Content", 1, 9000));
        assert_eq!(rows[1].arguments.as_deref(), Some("/usr/bin/web -x  y"));
        // BusyBox, by way of /proc.
        let rows = entries("1 0 root 0.0 0.1 1024 init\n9 1 ann 0.5 0.0 400 sh\n", "9 sh -c sleep 1 \n");
        assert_eq!(
            (rows.len(), rows[0].arguments.as_deref(), rows[1].arguments.as_deref()),
            (2, None, Some("sh -c sleep 1"))
        );
    }

    #[test]
    fn a_tree_is_ordered_by_parents() {
        let rows = entries("5 4 a 0 0 0 e\n4 2 a 0 0 0 d\n2 1 a 0 0 0 b\n3 2 a 0 0 0 c\n8 7 a 0 0 0 x\n", "");
        let shown: Vec<(u32, Option<u32>)> = tree(rows).iter().map(|e| (e.pid, e.depth)).collect();
        assert_eq!(shown, [(2, Some(0)), (4, Some(1)), (5, Some(2)), (3, Some(1)), (8, Some(0))]);
    }
}
