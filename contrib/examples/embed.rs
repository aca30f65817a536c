//! The library inside another program: a server of one's own with a gate written in Rust, and two calls made by hand.
//!
//! `cargo run --example embed` lists the one host that is configured here, then asks for a restart and is refused by the
//! gate. To speak the protocol instead, hand the same backend to `ssh_mcp::serve` with any pair of streams.
#![allow(clippy::print_stdout)] // What it prints is what it shows.

use std::error::Error;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use serde_json::{Value, json};
use ssh_mcp::{
    Audit, Backend, CallContext, Context, ControlDir, Env, Event, HashKey, Hook, HookFuture, Hooks, Library, Parts,
    Sources, ToolAnswer, ToolBackend, Verdict, all_tools, load_config, ssh_env,
};

/// Lets nothing touch units.
struct NoUnits;

impl Hook for NoUnits {
    fn name(&self) -> &'static str {
        "no-units"
    }

    fn events(&self) -> &[Event] {
        &[Event::Gate]
    }

    fn call<'a>(&'a self, context: &'a Context) -> HookFuture<'a> {
        let concerned = context.tool.as_deref().is_some_and(|tool| tool.starts_with("ssh_systemctl_"));
        let verdict = if concerned { Verdict::Refuse("units are closed today".to_owned()) } else { Verdict::Allow };
        Box::pin(async move { Ok(verdict) })
    }
}

/// A server over the configuration in `folder`. No connection is opened before a call needs one.
fn server(folder: &std::path::Path) -> Result<ToolBackend, Box<dyn Error>> {
    let hosts = folder.join("hosts.toml");
    std::fs::write(&hosts, "[hosts.web]\nhostname = \"web.example.com\"\n")?;
    std::fs::set_permissions(&hosts, PermissionsExt::from_mode(0o600))?;
    let variables = [
        ("HOME", folder.display().to_string()),
        ("SSH_HOSTS_FILE", hosts.display().to_string()),
        ("ALLOW_DANGEROUS_TOOLS", "true".to_owned()),
    ];
    let config = load_config(&Env::of(variables, folder)).map_err(|faults| faults.to_string())?;
    let ssh = ssh_env(&config.settings);
    let parts = Parts {
        config,
        // A key of your own makes the digests of several runs comparable.
        audit: Audit::open(HashKey::derive(b"embedded"), None)?,
        hooks: Hooks::new(Vec::new(), vec![Arc::new(NoUnits)]),
        guides: Arc::new(Library::open(&Sources::default()).0),
        ssh,
        control: ControlDir::create()?,
    };
    ToolBackend::new(all_tools(), parts).map_err(|faults| faults.join("\n").into())
}

async fn call(server: &ToolBackend, tool: &str, arguments: Value) -> Result<ToolAnswer, Box<dyn Error>> {
    let arguments = arguments.as_object().cloned().unwrap_or_default();
    server.call(tool, arguments, CallContext::default()).await.map_err(|_| format!("there is no tool {tool}").into())
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let server = server(folder.path())?;
        let hosts = call(&server, "ssh_host_list", json!({})).await?;
        println!("{}", hosts.text);
        let refused = call(&server, "ssh_systemctl_restart", json!({"host": "web", "unit": "nginx"})).await?;
        println!("{}", refused.text);
        server.state().shutdown().await;
        if hosts.is_error || !refused.is_error {
            return Err("the calls ended otherwise than they should".into());
        }
        Ok(())
    })
}
