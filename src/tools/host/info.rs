//! `ssh_host_info`.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::sections::Sections;
use crate::model::error::ToolError;
use crate::model::tier::Group;
use crate::toolkit::{Call, Capabilities, Job, Script, Spec, Targets, Tool};

const SCRIPT: Script = Script::new(concat!(include_str!("within.sh"), include_str!("info.sh")));

/// How long what the connection learns is waited for: it is known but on one that was opened for this call.
const LEARNING: Duration = Duration::from_secs(3);

/// What a host is.
#[derive(Debug)]
pub(super) struct HostInfo;

/// Arguments of the tools that take a host and nothing else.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HostOnly {
    /// host alias
    pub host: String,
}

/// The facts; a probe that failed leaves its field null.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Reply {
    host: String,
    uname: Option<String>,
    os_release: BTreeMap<String, String>,
    uptime: Option<String>,
    cpu_model: Option<String>,
    cpu_count: Option<u32>,
    hostname_fqdn: Option<String>,
    /// Over 1, 5 and 15 minutes.
    load_average: Vec<f64>,
    memory_kb: BTreeMap<String, u64>,
    /// Absent where the host does not tell.
    reboot_required: Option<bool>,
    reboot_reasons: Vec<String>,
    capabilities: Option<Capabilities>,
    output_warnings: Vec<String>,
}

impl Tool for HostInfo {
    type Args = HostOnly;
    type Reply = Reply;
    const SPEC: Spec =
        Spec::read("ssh_host_info", Group::Host, "Kernel, distribution, uptime, CPU, load, memory, pending reboot")
            .found_as("Host facts", "os version uname uptime release load memory reboot");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: HostOnly) -> Result<Reply, ToolError> {
        let host = call.host(&args.host)?;
        let output = host.run(Job::script(&SCRIPT, [""; 0])).await?.within_time("Gathering host facts")?;
        let capabilities = host.capabilities(LEARNING).await.map(|found| Capabilities::clone(&found));
        Ok(Reply { capabilities, ..parse(host.alias(), &output.stdout) })
    }
}

fn parse(host: &str, stdout: &[u8]) -> Reply {
    let facts = Sections::parse(stdout);
    let line = |name: &str| facts.get(name).map(|t| t.trim().to_owned());
    let cpu = facts.get("cpu").map(|t| t.split_once(':').map_or(t, |(_, model)| model).trim().to_owned());
    Reply {
        host: host.to_owned(),
        uname: line("uname"),
        os_release: facts.get("os").map(os_release).unwrap_or_default(),
        uptime: line("uptime"),
        cpu_model: cpu.filter(|model| !model.is_empty()),
        cpu_count: facts.get("nproc").and_then(|t| t.trim().parse().ok()),
        hostname_fqdn: line("fqdn"),
        load_average: facts.get("load").map(load).unwrap_or_default(),
        memory_kb: facts.get("mem").map(memory).unwrap_or_default(),
        reboot_required: match facts.get("reboot").and_then(|text| text.lines().next()) {
            Some("yes") => Some(true),
            Some("no") => Some(false),
            _ => None,
        },
        reboot_reasons: facts.get("reboot").map(reasons).unwrap_or_default(),
        capabilities: None,
        output_warnings: Vec::new(),
    }
}

/// `0.10 0.20 0.30`, in braces on BSD.
fn load(text: &str) -> Vec<f64> {
    text.split_whitespace().filter_map(|word| word.parse().ok()).take(3).collect()
}

/// Rows of /proc/meminfo: `MemTotal:  1024 kB`.
fn memory(text: &str) -> BTreeMap<String, u64> {
    let row = |line: &str| {
        let (name, rest) = line.split_once(':')?;
        Some((name.trim().to_owned(), rest.split_whitespace().next()?.parse().ok()?))
    };
    text.lines().filter_map(row).collect()
}

/// What follows the verdict, each once, packages among it.
fn reasons(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for line in text.lines().skip(1).map(str::trim).filter(|line| !line.is_empty()) {
        if !found.iter().any(|known| known == line) && found.len() < 20 {
            found.push(line.to_owned());
        }
    }
    found
}

/// `KEY=value` lines, quotes stripped (os-release(5)).
fn os_release(text: &str) -> BTreeMap<String, String> {
    let pairs = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
    pairs
        .map(|(key, value)| {
            let value = value.trim();
            let quoted = |q: char| value.len() >= 2 && value.starts_with(q) && value.ends_with(q);
            let bare = if quoted('"') || quoted('\'') { value.get(1..value.len() - 1).unwrap_or(value) } else { value };
            (key.trim().to_owned(), bare.to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn load_memory_and_reboot_are_read() {
        let out = b"\0load\x000.52 0.58 0.59\n\0mem\0MemTotal:       16316412 kB\nMemAvailable:   11883852 kB\n\0reboot\0yes\n/run/reboot-required is there\nlibc6\nlibc6\n";
        let r = parse("a", out);
        assert_eq!(r.load_average, [0.52, 0.58, 0.59]);
        assert_eq!(r.memory_kb.get("MemAvailable"), Some(&11_883_852));
        assert_eq!((r.reboot_required, r.reboot_reasons.len()), (Some(true), 2));
        let bsd = parse("a", b"\0load\0{ 0.10 0.20 0.30 }\n\0reboot\0\n");
        assert_eq!((bsd.load_average.len(), bsd.reboot_required), (3, None));
        assert_eq!(parse("a", b"\0reboot\0no\n").reboot_required, Some(false));
    }

    #[test]
    fn probes_fail_alone() {
        let out = b"\0uname\0Linux a 6.1\n\0os\0NAME=\"Debian GNU/Linux\"\n# c\nVERSION_ID='12'\n\0uptime\0\0nproc\0many\n\0cpu\0model name\t: Fast CPU\n\0fqdn\0\0";
        let r = parse("a", out);
        assert_eq!(r.uname.as_deref(), Some("Linux a 6.1"));
        assert_eq!(r.os_release.get("NAME").map(String::as_str), Some("Debian GNU/Linux"));
        assert_eq!(r.os_release.get("VERSION_ID").map(String::as_str), Some("12"));
        assert_eq!((r.uptime, r.cpu_count, r.hostname_fqdn), (None, None, None));
        assert_eq!(r.cpu_model.as_deref(), Some("Fast CPU"));
    }
}
