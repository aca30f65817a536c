//! `ssh_host_alerts`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::disk_usage;
use super::sections::Sections;
use crate::model::error::ToolError;
use crate::model::tier::Group;
use crate::toolkit::{Alerts, Call, Job, Script, Spec, Targets, Tool};

const SCRIPT: Script =
    Script::new(concat!(include_str!("within.sh"), include_str!("df.sh"), include_str!("alerts.sh")));

/// The host's values beside its thresholds.
#[derive(Debug)]
pub(super) struct HostAlerts;

/// Its arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// host alias
    host: String,
    /// log in anew first, whatever is open
    #[serde(default)]
    fresh: bool,
}

/// A value beyond its threshold.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
struct Breach {
    metric: &'static str,
    threshold: f64,
    current: f64,
    severity: &'static str,
    detail: String,
}

/// Use of one file system.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
struct DiskEntry {
    mount: String,
    use_percent: f64,
}

/// What was measured, threshold or not.
#[derive(Debug, Default, PartialEq, Serialize, JsonSchema)]
struct Metrics {
    disk_entries: Vec<DiskEntry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    load_avg_1min: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mem_free_percent: Option<f64>,
}

/// The comparison.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Reply {
    host: String,
    breaches: Vec<Breach>,
    metrics: Metrics,
    configured: bool,
    not_measured: Vec<&'static str>,
    connection: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection_age_seconds: Option<u64>,
    output_warnings: Vec<String>,
}

impl Tool for HostAlerts {
    type Args = Args;
    type Reply = Reply;
    const SPEC: Spec = Spec::read(
        "ssh_host_alerts",
        Group::Host,
        "Compare disk, load and memory with the host's configured thresholds",
    )
    .found_as("Host alerts", "health check server ok overloaded warning monitoring");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: Args) -> Result<Reply, ToolError> {
        let host = call.host(&args.host)?;
        let reached = if args.fresh { host.reach_anew().await } else { host.connected().await };
        let reached = reached.map_err(|unreached| unreached.error)?;
        let output = host.run(Job::script(&SCRIPT, [""; 0])).await?.within_time("Measuring")?;
        let facts = Sections::parse(&output.stdout);
        let alerts = &host.config().alerts;
        let (metrics, memory) = measure(&facts, alerts);
        if let Some(said) = facts.get("df").and_then(|text| disk_usage::read(text).warning()) {
            call.warn(said);
        }
        let mut not_measured = Vec::new();
        // A watched mount that is not there, or does not answer, is not measured either.
        let there = |mount: &String| metrics.disk_entries.iter().any(|disk| disk.mount == *mount);
        if metrics.disk_entries.is_empty() || !alerts.disk_mounts.iter().all(there) {
            not_measured.push("disk_use_percent");
        }
        if metrics.load_avg_1min.is_none() {
            not_measured.push("load_avg_1min");
        }
        if metrics.mem_free_percent.is_none() {
            not_measured.push("mem_free_percent");
        }
        let configured = *alerts != Alerts::default();
        if !configured {
            call.warn("No thresholds are configured for this host ([hosts.ALIAS.alerts]); no breach means nothing.");
        }
        Ok(Reply {
            host: host.alias().to_owned(),
            breaches: breaches(&metrics, memory, alerts),
            metrics,
            configured,
            not_measured,
            connection: reached.connection(),
            connection_age_seconds: reached.open_for.map(|age| age.as_secs()),
            output_warnings: Vec::new(),
        })
    }
}

/// Available and total memory, in kB.
type Memory = Option<(u64, u64)>;

fn measure(facts: &Sections, alerts: &Alerts) -> (Metrics, Memory) {
    let disk_entries = facts.get("df").map(|text| disk_usage::read(text).rows).unwrap_or_default();
    let watched = |mount: &str| alerts.disk_mounts.is_empty() || alerts.disk_mounts.iter().any(|m| m == mount);
    let disk_entries = disk_entries
        .into_iter()
        .filter(|row| watched(&row.mount))
        .filter_map(|row| {
            let use_percent = row.use_percent.trim_end_matches('%').parse().ok()?;
            Some(DiskEntry { mount: row.mount, use_percent })
        })
        .collect();
    let load = facts.get("load").and_then(|t| t.trim_start_matches("{ ").split_whitespace().next()?.parse().ok());
    let kilobytes = |key: &str| {
        let line = facts.get("mem")?.lines().find_map(|line| line.strip_prefix(key))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    let memory = match (kilobytes("MemAvailable:"), kilobytes("MemTotal:")) {
        (Some(free), Some(total)) if total > 0 => Some((free, total)),
        _ => None,
    };
    let percent = memory.map(|(free, total)| (free as f64 / total as f64 * 10_000.0).round() / 100.0);
    (Metrics { disk_entries, load_avg_1min: load, mem_free_percent: percent }, memory)
}

fn breaches(metrics: &Metrics, memory: Memory, alerts: &Alerts) -> Vec<Breach> {
    let mut found = Vec::new();
    let mut add = |metric, threshold: f64, current: f64, beyond: bool, detail: String| {
        if beyond {
            found.push(Breach { metric, threshold, current, severity: "warning", detail });
        }
    };
    if let Some(max) = alerts.disk_use_percent_max {
        for disk in &metrics.disk_entries {
            let over = disk.use_percent > max as f64;
            add("disk_use_percent", max as f64, disk.use_percent, over, format!("mount={}", disk.mount));
        }
    }
    if let (Some(max), Some(load)) = (alerts.load_avg_1min_max, metrics.load_avg_1min) {
        add("load_avg_1min", max, load, load > max, String::new());
    }
    if let (Some(min), Some(free), Some((kb, total))) = (alerts.mem_free_percent_min, metrics.mem_free_percent, memory)
    {
        let detail = format!("MemAvailable={kb} kB, MemTotal={total} kB");
        add("mem_free_percent", min as f64, free, free < min as f64, detail);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUT: &[u8] = b"\0df\0Filesystem Type 1024-blocks Used Available Capacity Mounted on\n/dev/a ext4 100 91 9 91% /\n/dev/b ext4 100 50 50 50% /data\n\0load\x000.50 0.4 0.3 1/100 999\n\0mem\0MemTotal:       1000 kB\nMemAvailable:    250 kB\n";

    #[test]
    fn comparisons_are_strict() {
        let facts = Sections::parse(OUT);
        let alerts = Alerts {
            disk_use_percent_max: Some(91),
            load_avg_1min_max: Some(0.5),
            mem_free_percent_min: Some(25),
            disk_mounts: vec![],
        };
        let (metrics, memory) = measure(&facts, &alerts);
        assert_eq!(metrics.mem_free_percent, Some(25.0));
        assert_eq!(breaches(&metrics, memory, &alerts), []);
        let alerts = Alerts {
            disk_use_percent_max: Some(90),
            load_avg_1min_max: Some(0.4),
            mem_free_percent_min: Some(26),
            disk_mounts: vec![],
        };
        let found = breaches(&metrics, memory, &alerts);
        assert_eq!(
            found.iter().map(|b| b.metric).collect::<Vec<_>>(),
            ["disk_use_percent", "load_avg_1min", "mem_free_percent"]
        );
        assert_eq!(found[0].detail, "mount=/");
    }

    #[test]
    fn watched_mounts_limit_what_counts() {
        let alerts = Alerts { disk_mounts: vec!["/data".to_owned()], ..Alerts::default() };
        let (metrics, _) = measure(&Sections::parse(OUT), &alerts);
        assert_eq!(metrics.disk_entries.len(), 1);
    }
}
