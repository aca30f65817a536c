//! What contrib offers to operators, run or compared with what the server really writes.

use serde_json::Value;
use ssh_mcp::internals::audit::{Audit, HashKey, Opening};
use ssh_mcp::internals::model::error::{ErrorName, Family, ToolError};
use ssh_mcp::internals::model::tier::Tier;
use std::path::{Path, PathBuf};
use std::process::Command;

fn contrib(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("contrib").join(name)
}

#[test]
fn the_jq_recipes_answer() {
    if Command::new("jq").arg("--version").output().is_err() {
        crate::skips::skip("jq is not installed");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("audit.jsonl");
    let audit = Audit::open(HashKey::derive(b"k"), Some(&file)).unwrap();
    audit.started("start", "configuration").unwrap();
    let open = |tool: &str, tier, host: &str| {
        audit.journal(Opening { tool: tool.into(), tier: Some(tier), hosts: vec![host.into()] })
    };
    open("ssh_stat", Tier::Read, "web1").close(Ok(()));
    let journal = open("ssh_sudo_exec", Tier::Sudo, "web1");
    journal.path("/srv/a");
    journal.redact_bypass();
    journal.sudo();
    let root = journal.close(Ok(()));
    let refused = ToolError::new(ErrorName::PathRestricted, "x", "y");
    open("ssh_stat", Tier::Read, "db1").close(Err(&refused));
    let lost = ToolError::new(ErrorName::ConnectError, "x", "y");
    open("ssh_stat", Tier::Read, "db1").close(Err(&lost));

    let run = |recipe: &str| -> Vec<Value> {
        let program = format!("include \"audit\"; {recipe}");
        let mut command = Command::new("jq");
        let output = command.args(["-c", "-n", "-L"]).arg(contrib("")).arg(&program).arg(&file).output().unwrap();
        assert!(output.status.success(), "{recipe}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect()
    };
    for (recipe, count) in [
        ("calls", 4),
        ("last(60)", 4),
        ("last(-60)", 0),
        ("failures", 2),
        ("refusals", 1),
        ("by_tool", 2),
        ("by_host", 2),
        ("root", 1),
        ("bypasses", 1),
        ("slowest(3)", 3),
        (&format!("call(\"{}\")", root.correlation_id()), 1),
        (&format!("on_path(\"{}\")", HashKey::derive(b"k").of("/srv/a")), 1),
    ] {
        assert_eq!(run(recipe).len(), count, "{recipe}");
    }
    assert_eq!(run("refusals")[0]["error"], "PathRestricted");
    let tool = &run("by_tool")[0];
    assert_eq!((&tool["tool"], &tool["calls"], &tool["errors"]), (&"ssh_stat".into(), &3.into(), &2.into()));
    let hours = run("by_hour");
    let calls: u64 = hours.iter().map(|h| h["read"].as_u64().unwrap_or(0) + h["sudo"].as_u64().unwrap_or(0)).sum();
    assert_eq!(calls, 4);
    // Every recipe is in the list above.
    let text = std::fs::read_to_string(contrib("audit.jq")).unwrap();
    assert_eq!(text.lines().filter(|l| l.starts_with("def ")).count(), 12);
}

#[test]
fn the_refusals_recipe_knows_every_refusal() {
    let text = std::fs::read_to_string(contrib("audit.jq")).unwrap();
    for name in ErrorName::ALL {
        assert_eq!(text.contains(&format!("\"{name}\"")), name.family() == Family::Denied, "{name}");
    }
}

#[test]
fn the_dashboard_shows_every_metric_and_no_other() {
    let text = std::fs::read_to_string(contrib("otel/dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let mut shown: Vec<String> = Vec::new();
    for target in dashboard["panels"].as_array().unwrap().iter().flat_map(|p| p["targets"].as_array().unwrap()) {
        let expression = target["expr"].as_str().unwrap();
        let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        shown.extend(words.filter(|w| w.starts_with("ssh_mcp_")).map(str::to_owned));
    }
    shown.sort();
    shown.dedup();
    let mut want: Vec<String> = ssh_mcp::internals::telemetry::meters::NAMES
        .iter()
        .map(|(name, kind)| format!("{}{}", name.replace('.', "_"), kind.prometheus_suffix()))
        .collect();
    want.sort();
    assert_eq!(shown, want);
}

#[test]
fn the_collectors_pipelines_name_what_is_there() {
    let text = std::fs::read_to_string(contrib("otel/collector.yaml")).unwrap();
    let document = yaml_rust2::YamlLoader::load_from_str(&text).unwrap().remove(0);
    let pipelines = document["service"]["pipelines"].as_hash().unwrap();
    assert_eq!(pipelines.len(), 2);
    for pipeline in pipelines.values() {
        for section in ["receivers", "processors", "exporters"] {
            for part in pipeline[section].as_vec().unwrap() {
                assert!(!document[section][part.as_str().unwrap()].is_badvalue(), "{section}: {part:?}");
            }
        }
    }
}
