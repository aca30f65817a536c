//! `ssh-mcp tools`: the catalogue as a client receives it, from a server process over standard input and output.

use std::io::{Read as _, Seek as _};
use std::process::ExitCode;

use serde_json::{Value, json};

use super::client::{Client, Start};
use super::terminal::{columns, print};
use crate::model::tier::{Group, Tier};
use crate::toolkit::{Effect, Spec};

/// Arguments of `tools`.
#[derive(Debug, clap::Args)]
#[command(after_help = "The table shows what the present configuration offers; --all opens every tier and group for \
    the look (nothing is called, and no setting changes).\n\n--check compares the hints that arrive with the tiers: \
    a tool of the read tier must arrive as readOnly and not destructive, the others as not readOnly, and those of the \
    dangerous and sudo tiers as destructive. Exit status 1 if one does not.\n\nExamples:\n  ssh-mcp tools\n  ssh-mcp \
    tools --all --json | jq -r '.[].name'\n  ssh-mcp tools --check")]
pub(super) struct Args {
    /// With every tier and group open
    #[arg(long)]
    all: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
    /// Compare the hints with the tiers, over all tools
    #[arg(long)]
    check: bool,
}

/// One tool as it arrived, beside what the registry knows of it.
#[derive(Debug)]
struct Row {
    name: String,
    spec: Option<Spec>,
    read_only: bool,
    destructive: bool,
    idempotent: bool,
    open_world: bool,
}

/// Lists or checks the tools.
pub(super) async fn tools(args: &Args) -> ExitCode {
    let all = args.all || args.check;
    let rows = match listed(all).await {
        Ok(rows) => rows,
        Err(why) => {
            eprintln!("ssh-mcp: {why}");
            return ExitCode::from(2);
        }
    };
    if args.check {
        let specs: Vec<Spec> = crate::tools::all().iter().map(|entry| entry.spec).collect();
        let mut faults: Vec<String> = rows.iter().filter_map(fault).collect();
        let missing = specs.iter().filter(|spec| rows.iter().all(|row| row.name != spec.name));
        faults.extend(missing.map(|spec| format!("{}: registered, and not in the list", spec.name)));
        for fault in &faults {
            print(&format!("{fault}\n"));
        }
        print(&format!("{} tools, {} faults\n", rows.len(), faults.len()));
        return if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    if args.json {
        let list: Vec<Value> = rows.iter().map(Row::json).collect();
        print(&format!("{}\n", serde_json::to_string_pretty(&list).unwrap_or_default()));
    } else {
        let head = ["TOOL", "TIER", "GROUP", "READONLY", "DESTRUCTIVE"].map(str::to_owned).to_vec();
        let table: Vec<Vec<String>> = std::iter::once(head).chain(rows.iter().map(Row::cells)).collect();
        print(&columns(&table));
    }
    ExitCode::SUCCESS
}

async fn listed(all: bool) -> Result<Vec<Row>, String> {
    let mut start = Start::default();
    // A look is no session worth a line in the trail, and the log is of interest only when it fails.
    start.set("SSH_AUDIT_FILE", "").set("LOG_LEVEL", "WARNING");
    let mut log = tempfile::tempfile().map_err(|e| format!("no temporary file: {e}"))?;
    start.log = log.try_clone().ok();
    if all {
        let groups: Vec<&str> = Group::ALL.iter().map(|group| group.as_str()).collect();
        for name in ["ALLOW_LOW_ACCESS_TOOLS", "ALLOW_DANGEROUS_TOOLS", "ALLOW_SUDO", "ALLOW_PERSISTENT_SESSIONS"] {
            start.set(name, "true");
        }
        start.set("SSH_ENABLED_GROUPS", groups.join(",")).set("SSH_ENABLE_BM25", "false");
    }
    let seen = async {
        let mut client = Client::start(start).await?;
        let list = client.tools().await?;
        client.finish().await.map(|_| list)
    };
    let list = seen.await.map_err(|why| {
        let mut said = String::new();
        let _ = log.rewind().and_then(|()| log.read_to_string(&mut said));
        format!("{why}\n{}", said.trim_end())
    })?;
    let entries = crate::tools::all();
    Ok(list
        .iter()
        .map(|tool| {
            let name = tool.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
            let hint = |key: &str| tool.pointer(&format!("/annotations/{key}")).and_then(Value::as_bool);
            // What a client assumes where a hint is missing (tools, annotations: false, true, false, true).
            Row {
                spec: entries.iter().map(|entry| entry.spec).find(|spec| spec.name == name),
                read_only: hint("readOnlyHint").unwrap_or(false),
                destructive: hint("destructiveHint").unwrap_or(true),
                idempotent: hint("idempotentHint").unwrap_or(false),
                open_world: hint("openWorldHint").unwrap_or(true),
                name,
            }
        })
        .collect())
}

impl Row {
    fn cells(&self) -> Vec<String> {
        let of = |what: fn(&Spec) -> &'static str| self.spec.as_ref().map_or("-", what).to_owned();
        let yes = |is: bool| if is { "yes" } else { "no" }.to_owned();
        vec![
            self.name.clone(),
            of(|s| s.tier.as_str()),
            of(|s| s.group.as_str()),
            yes(self.read_only),
            yes(self.destructive),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "tier": self.spec.map(|s| s.tier.as_str()),
            "group": self.spec.map(|s| s.group.as_str()),
            "readOnlyHint": self.read_only,
            "destructiveHint": self.destructive,
            "idempotentHint": self.idempotent,
            "openWorldHint": self.open_world,
        })
    }
}

/// What is wrong with the hints of a tool, if anything.
fn fault(row: &Row) -> Option<String> {
    let Some(spec) = row.spec else { return Some(format!("{}: in the list, and not registered", row.name)) };
    // Root may look too, and so may whoever reads what a command of the dangerous tier said; the rest is there for what it
    // changes.
    let looks = matches!(spec.tier, Tier::Dangerous | Tier::Sudo) && spec.observes();
    let read_only = spec.tier == Tier::Read || looks;
    let destructive = match spec.tier {
        Tier::Read => false,
        Tier::Dangerous | Tier::Sudo if looks => false,
        Tier::LowAccess => matches!(spec.effect, Effect::Destroys),
        Tier::Dangerous | Tier::Sudo => true,
    };
    let mut wrong = Vec::new();
    for (hint, is, want) in [("readOnly", row.read_only, read_only), ("destructive", row.destructive, destructive)] {
        if is != want {
            wrong.push(format!("{hint} is {is} and must be {want}"));
        }
    }
    (!wrong.is_empty()).then(|| format!("{} ({} tier): {}", row.name, spec.tier, wrong.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_that_does_not_fit_the_tier_is_a_fault() {
        let row = |spec: Spec, read_only, destructive| {
            let name = spec.name.to_owned();
            fault(&Row { name, spec: Some(spec), read_only, destructive, idempotent: false, open_world: true })
        };
        let read = Spec::read("a", Group::Host, "");
        let (low, run) = (Spec::low_access("b", Group::FileOps, ""), Spec::dangerous("c", Group::Exec, ""));
        assert_eq!(row(read, true, false), None);
        assert!(row(read, true, true).unwrap().contains("destructive is true and must be false"));
        assert!(row(read, false, false).unwrap().contains("readOnly is false and must be true"));
        let root = Spec::sudo("d", Group::Sudo, "");
        assert_eq!((row(root, false, true), row(root.looks_only(), true, false)), (None, None));
        assert!(row(root, true, false).is_some() && row(root.looks_only(), false, true).is_some());
        assert_eq!(row(low, false, false), None);
        assert!(row(low, true, false).is_some() && row(low.destroys(), false, false).is_some());
        assert_eq!(row(run, false, true), None);
        assert!(row(run, false, false).is_some() && row(run, true, true).is_some());
    }
}
