//! `ssh-mcp call`: one tool call from a shell or a script.

use std::process::ExitCode;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::boot::{boot, configuration, log};
use super::terminal::{Progress, print};
use crate::config::Env;
use crate::model::error::{ErrorName, Family};
use crate::toolkit::backend::{Backend, CallContext, ProgressSink};

/// Arguments of `call`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit status: 0 done, 1 a defect of ssh-mcp, 2 wrong use or configuration, 3 refused by \
    policy, 4 the remote side failed.\n\nExamples:\n  ssh-mcp call ssh_host_ping --arg host=web\n  ssh-mcp call \
    ssh_exec_run --arg host=web --arg command='uptime' | jq -r .stdout\n  ssh-mcp call ssh_exec_script --arg host=web \
    --arg-file script=./nightly.sh")]
pub(super) struct Args {
    /// The tool, such as ssh_host_ping
    tool: String,
    /// An argument; the value is JSON where it reads as a number, true, false, null, a list or an object
    #[arg(long = "arg", value_name = "NAME=VALUE")]
    pairs: Vec<String>,
    /// An argument whose text is in a file
    #[arg(long = "arg-file", value_name = "NAME=FILE")]
    files: Vec<String>,
    /// All arguments as one JSON object
    #[arg(long, value_name = "OBJECT", conflicts_with_all = ["pairs", "files"])]
    json: Option<String>,
}

/// Makes the call and prints the answer as JSON.
pub(super) async fn call(env: &Env, args: Args) -> ExitCode {
    let arguments = match arguments(&args) {
        Ok(arguments) => arguments,
        Err(fault) => {
            eprintln!("ssh-mcp: {fault}");
            return ExitCode::from(2);
        }
    };
    let booted = match configuration(env).inspect(|config| log(&config.settings)).and_then(|config| boot(env, config)) {
        Ok(booted) => booted,
        Err(refused) => {
            for line in &refused.0 {
                eprintln!("ssh-mcp: {line}");
            }
            return ExitCode::from(2);
        }
    };
    let server = booted.backend;
    let state = server.state().clone();
    let progress: Arc<dyn ProgressSink> = Arc::new(Line(Progress::new()));
    // A shell has room for all of it.
    let cx = CallContext {
        cancel: state.root.child_token(),
        progress: Some(progress.clone()),
        answer_bytes: Some(usize::MAX),
        ..CallContext::default()
    };
    let watch = state.clone();
    tokio::spawn(async move {
        let _ = tokio::signal::ctrl_c().await;
        watch.root.cancel();
    });
    // To a client a closed tool does not exist; to the operator who calls it by hand it says what opens it.
    let closed = server
        .entry(&args.tool)
        .map(|entry| entry.spec)
        .and_then(|spec| state.snapshot().visibility.allows(spec.tier, spec.group, spec.name).err());
    let answer = Arc::new(server).call(&args.tool, arguments, cx).await;
    state.shutdown().await;
    drop(progress);
    match answer {
        Err(_) => match closed {
            Some(closed) => {
                eprintln!("ssh-mcp: {closed}");
                ExitCode::from(3)
            }
            None => {
                eprintln!("ssh-mcp: there is no tool `{}`; see `ssh-mcp tools`", args.tool);
                ExitCode::from(2)
            }
        },
        Ok(answer) if answer.is_error => {
            print(&format!("{}\n", json!({"error": answer.text, "_meta": answer.meta})));
            let name = answer.meta.get("error").cloned().and_then(|n| serde_json::from_value::<ErrorName>(n).ok());
            ExitCode::from(match name.map(ErrorName::family) {
                Some(Family::Args) => 2,
                Some(Family::Denied) => 3,
                Some(Family::Remote) => 4,
                Some(Family::Internal) | None => 1,
            })
        }
        Ok(answer) => {
            let body = answer.structured.unwrap_or(Value::Null);
            print(&format!("{}\n", serde_json::to_string_pretty(&body).unwrap_or_default()));
            ExitCode::SUCCESS
        }
    }
}

fn arguments(args: &Args) -> Result<Map<String, Value>, String> {
    if let Some(text) = &args.json {
        return serde_json::from_str(text).map_err(|e| format!("--json is not a JSON object: {e}"));
    }
    let mut map = Map::new();
    for pair in &args.pairs {
        let Some((name, text)) = pair.split_once('=') else {
            return Err(format!("--arg {pair}: write NAME=VALUE"));
        };
        let value = match serde_json::from_str::<Value>(text) {
            Ok(value) if !value.is_string() => value,
            _ => Value::String(text.to_owned()),
        };
        if map.insert(name.to_owned(), value).is_some() {
            return Err(format!("--arg {name} is given twice"));
        }
    }
    for pair in &args.files {
        let Some((name, file)) = pair.split_once('=') else {
            return Err(format!("--arg-file {pair}: write NAME=FILE"));
        };
        let text = std::fs::read_to_string(file).map_err(|e| format!("--arg-file {name}: {file}: {e}"))?;
        if map.insert(name.to_owned(), Value::String(text)).is_some() {
            return Err(format!("the argument {name} is given twice"));
        }
    }
    Ok(map)
}

/// Progress of the call, on a terminal.
struct Line(Progress);

impl ProgressSink for Line {
    fn send(&self, progress: u64, total: Option<u64>, message: String) {
        let of = total.map(|total| format!(" of {total}")).unwrap_or_default();
        self.0.show(&format!("{progress}{of}  {message}"));
    }
}
