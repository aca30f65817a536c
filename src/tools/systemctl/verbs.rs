//! The verbs that change one unit: one table, one way to run them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::systemd;
use crate::model::error::ToolError;
use crate::model::quote::Argv;
use crate::model::systemd::UnitName;
use crate::model::tier::Group;
use crate::toolkit::{Call, Spec, Targets, Tool};

/// Arguments of every verb.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// host alias
    host: String,
    /// one unit, no glob
    unit: UnitName,
    /// seconds
    #[serde(default)]
    timeout: Option<u64>,
    /// as root
    #[serde(default)]
    sudo: bool,
}

/// What systemctl did. A non-zero exit status is data.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Reply {
    host: String,
    unit: UnitName,
    action: &'static str,
    exit_code: i32,
    stdout: String,
    stderr: String,
    hint: Option<String>,
    output_warnings: Vec<String>,
}

async fn run(call: &Call, verb: &'static str, args: Args) -> Result<Reply, ToolError> {
    let host = systemd::host(call, &args.host, Some(&args.unit))?;
    let output = systemd::change(&host, &command(verb, &args.unit), args.sudo, args.timeout).await?;
    let stderr = output.stderr_text();
    Ok(Reply {
        host: host.alias().to_owned(),
        hint: hint(output.exit_code(), &stderr, args.sudo).map(str::to_owned),
        unit: args.unit,
        action: verb,
        exit_code: output.exit_code(),
        stdout: output.stdout_text(),
        stderr,
        output_warnings: Vec::new(),
    })
}

fn command(verb: &'static str, unit: &UnitName) -> Argv {
    // Nobody is there to answer a question for a password.
    Argv::new("systemctl").args(["--no-ask-password", "--no-pager", verb, "--", unit.as_str()])
}

/// The next step after what systemd said, where it is not obvious.
fn hint(exit_code: i32, stderr: &str, sudo: bool) -> Option<&'static str> {
    if exit_code != 0 && !sudo && systemd::lacks_rights(stderr) {
        return Some("The login account lacks the rights: call again with sudo: true (needs the sudo tier).");
    }
    if stderr.contains("changed on disk") {
        return Some(
            "systemd has not read the changed unit file: run `systemctl daemon-reload` (ssh_sudo_exec, or ssh_exec_run \
             as root), then call again.",
        );
    }
    if stderr.contains("is masked") {
        return Some("The unit is masked; ssh_systemctl_unmask takes the mask away.");
    }
    if exit_code == 5 {
        return Some("No such unit is loaded; ssh_systemctl_list_units shows names.");
    }
    if exit_code != 0 && stderr.contains("Job for") {
        return Some("The job failed; ssh_systemctl_status and ssh_journalctl show why.");
    }
    None
}

/// Declares the tools: type, verb, declaration.
macro_rules! verbs {
    ($($name:ident, $verb:literal, $spec:expr;)*) => {
        $(
            #[doc = concat!("`systemctl ", $verb, "`.")]
            #[derive(Debug)]
            pub(super) struct $name;

            impl Tool for $name {
                type Args = Args;
                type Reply = Reply;
                const SPEC: Spec = $spec;

                fn hosts(args: &Self::Args) -> Targets {
                    Targets::host(&args.host).sudo(args.sudo)
                }

                async fn run(call: &Call, args: Args) -> Result<Reply, ToolError> {
                    run(call, $verb, args).await
                }
            }
        )*

        #[cfg(test)]
        const VERBS: &[(&str, Spec)] = &[$(($verb, $spec)),*];
    };
}

const fn spec(name: &'static str, summary: &'static str) -> Spec {
    Spec::dangerous(name, Group::Systemctl, summary)
}

verbs! {
    Start, "start", spec("ssh_systemctl_start", "Start a unit").found_as("Start a unit", "start service daemon").idempotent();
    Stop, "stop", spec("ssh_systemctl_stop", "Stop a unit").found_as("Stop a unit", "stop service daemon").idempotent();
    Restart, "restart", spec("ssh_systemctl_restart", "Restart a unit").found_as("Restart a unit", "restart service daemon nginx");
    Reload, "reload", spec("ssh_systemctl_reload", "Ask a unit to reload its configuration").found_as("Reload a unit", "reload service configuration nginx");
    Enable, "enable", spec("ssh_systemctl_enable", "Enable a unit at boot (does not start it)").found_as("Enable a unit", "autostart service at boot").idempotent();
    Disable, "disable", spec("ssh_systemctl_disable", "Disable a unit at boot (does not stop it)").found_as("Disable a unit", "no autostart service at boot").idempotent();
    Mask, "mask", spec("ssh_systemctl_mask", "Mask a unit so nothing can start it").found_as("Mask a unit", "block service from starting").idempotent();
    Unmask, "unmask", spec("ssh_systemctl_unmask", "Remove a mask").found_as("Unmask a unit", "allow service to start again").idempotent();
    ResetFailed, "reset-failed", spec("ssh_systemctl_reset_failed", "Clear the failed state of one unit").found_as("Reset failed state", "start limit hit clear failure").idempotent();
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_tool_is_named_after_its_verb() {
        assert_eq!(VERBS.len(), 9);
        for (verb, spec) in VERBS {
            assert_eq!(spec.name, format!("ssh_systemctl_{}", verb.replace('-', "_")));
        }
    }

    #[test]
    fn a_refusal_for_rights_names_sudo() {
        let denied = "Failed to restart nginx.service: Access denied\n";
        assert!(hint(1, denied, false).is_some_and(|hint| hint.contains("sudo: true")));
        assert_eq!(hint(1, denied, true), None);
        assert_eq!(hint(0, "", false), None);
        let stale = "Warning: The unit file, source configuration file or drop-ins of x.service changed on disk. \
                     Run 'systemctl daemon-reload' to reload units.\n";
        assert!(hint(0, stale, true).is_some_and(|hint| hint.contains("daemon-reload")));
        assert!(hint(1, "Failed to start x.service: Unit x.service is masked.\n", true).is_some());
    }

    proptest! {
        #[test]
        fn a_unit_is_refused_or_sits_in_one_operand_slot(text in prop_oneof![any::<String>(), "[-a-z@.:*?/\\\\]{1,12}"]) {
            let json = serde_json::json!({ "host": "h", "unit": text });
            if let Ok(args) = serde_json::from_value::<Args>(json) {
                let command = command("stop", &args.unit);
                let words = command.words();
                prop_assert_eq!(words.len(), 6);
                prop_assert_eq!(words.get(4).map(String::as_str), Some("--"));
                prop_assert_eq!(words.get(5), Some(&text));
                prop_assert!(!text.contains(['*', '?', '[', '/', '\n', '\0', ' ']));
            }
        }
    }
}
