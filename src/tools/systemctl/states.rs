//! The questions about one unit that have one word for an answer.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::systemd;
use crate::model::error::ToolError;
use crate::model::quote::Argv;
use crate::model::systemd::UnitName;
use crate::model::tier::Group;
use crate::toolkit::{Call, Output, Spec, Targets, Tool};

/// Arguments of the tools that look at one unit.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UnitArgs {
    /// host alias
    pub host: String,
    /// one unit, no glob
    pub unit: UnitName,
}

/// Declares a state whose words are the kebab-case names of its variants; any other word is `Unknown`.
macro_rules! state {
    ($(#[$doc:meta])* $name:ident { $($variant:ident => $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
        pub(super) enum $name {
            $(#[serde(rename = $word)] $variant,)*
            #[serde(rename = "unknown")]
            Unknown,
        }

        impl $name {
            fn of(word: &str) -> Self {
                match word {
                    $($word => $name::$variant,)*
                    _ => $name::Unknown,
                }
            }
        }
    };
}

state!(
    /// `ActiveState` of a unit.
    ActiveState {
        Active => "active",
        Inactive => "inactive",
        Failed => "failed",
        Activating => "activating",
        Deactivating => "deactivating",
        Reloading => "reloading",
    }
);

state!(
    /// `UnitFileState` of a unit.
    EnabledState {
        Enabled => "enabled",
        EnabledRuntime => "enabled-runtime",
        Linked => "linked",
        LinkedRuntime => "linked-runtime",
        Alias => "alias",
        Masked => "masked",
        MaskedRuntime => "masked-runtime",
        Static => "static",
        Indirect => "indirect",
        Disabled => "disabled",
        Generated => "generated",
        Transient => "transient",
        Bad => "bad",
        NotFound => "not-found",
    }
);

async fn ask(call: &Call, verb: &'static str, args: &UnitArgs) -> Result<(String, Output), ToolError> {
    let host = systemd::host(call, &args.host, Some(&args.unit))?;
    let command = Argv::new("systemctl").args(["--no-pager", verb, "--", args.unit.as_str()]);
    let output = systemd::look(&host, &command).await?;
    // Without a word there is no state, and systemd says on stderr why.
    if output.stdout.trim_ascii().is_empty() && !output.stderr.is_empty() {
        call.warn(format!("systemctl said: {}", output.stderr_line()));
    }
    Ok((host.alias().to_owned(), output))
}

/// The answer's first line.
fn word(output: &Output) -> String {
    output.stdout_text().lines().next().unwrap_or_default().trim().to_owned()
}

/// `ssh_systemctl_is_active`.
#[derive(Debug)]
pub(super) struct IsActive;

/// The active state.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Active {
    host: String,
    unit: UnitName,
    state: ActiveState,
    exit_code: i32,
    output_warnings: Vec<String>,
}

impl Tool for IsActive {
    type Args = UnitArgs;
    type Reply = Active;
    const SPEC: Spec = Spec::read("ssh_systemctl_is_active", Group::Systemctl, "Active state of a unit")
        .found_as("Is a unit active", "is service running");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: UnitArgs) -> Result<Active, ToolError> {
        let (host, output) = ask(call, "is-active", &args).await?;
        let exit_code = output.exit_code();
        let state = active(&word(&output), exit_code);
        Ok(Active { host, unit: args.unit, state, exit_code, output_warnings: Vec::new() })
    }
}

/// Status 4 is "no such unit", whatever word comes with it.
fn active(word: &str, exit_code: i32) -> ActiveState {
    if exit_code == 4 { ActiveState::Unknown } else { ActiveState::of(word) }
}

/// `ssh_systemctl_is_enabled`.
#[derive(Debug)]
pub(super) struct IsEnabled;

/// The enablement state.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Enabled {
    host: String,
    unit: UnitName,
    state: EnabledState,
    exit_code: i32,
    output_warnings: Vec<String>,
}

impl Tool for IsEnabled {
    type Args = UnitArgs;
    type Reply = Enabled;
    const SPEC: Spec = Spec::read("ssh_systemctl_is_enabled", Group::Systemctl, "Enablement state of a unit")
        .found_as("Is a unit enabled", "does service start at boot");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: UnitArgs) -> Result<Enabled, ToolError> {
        let (host, output) = ask(call, "is-enabled", &args).await?;
        let state = enabled(&word(&output), &output.stderr_text());
        Ok(Enabled { host, unit: args.unit, state, exit_code: output.exit_code(), output_warnings: Vec::new() })
    }
}

/// Versions before 253 name a missing unit on stderr only.
fn enabled(word: &str, stderr: &str) -> EnabledState {
    match EnabledState::of(word) {
        EnabledState::Unknown if stderr.contains("No such file") || stderr.contains("does not exist") => {
            EnabledState::NotFound
        }
        state => state,
    }
}

/// `ssh_systemctl_is_failed`.
#[derive(Debug)]
pub(super) struct IsFailed;

/// Whether the unit failed.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Failure {
    host: String,
    unit: UnitName,
    failed: bool,
    state: ActiveState,
    exit_code: i32,
    output_warnings: Vec<String>,
}

impl Tool for IsFailed {
    type Args = UnitArgs;
    type Reply = Failure;
    const SPEC: Spec = Spec::read("ssh_systemctl_is_failed", Group::Systemctl, "Whether a unit is in the failed state")
        .found_as("Has a unit failed", "did service crash");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: UnitArgs) -> Result<Failure, ToolError> {
        let (host, output) = ask(call, "is-failed", &args).await?;
        let exit_code = output.exit_code();
        let state = ActiveState::of(&word(&output));
        Ok(Failure { host, unit: args.unit, failed: exit_code == 0, state, exit_code, output_warnings: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_states() {
        assert_eq!(active("active", 0), ActiveState::Active);
        assert_eq!(active("activating", 3), ActiveState::Activating);
        assert_eq!(active("inactive", 3), ActiveState::Inactive);
        assert_eq!(active("inactive", 4), ActiveState::Unknown);
        assert_eq!(active("maintenance", 3), ActiveState::Unknown);
        assert_eq!(enabled("enabled-runtime", ""), EnabledState::EnabledRuntime);
        assert_eq!(enabled("not-found", ""), EnabledState::NotFound);
        let missing = "Failed to get unit file state for nope.service: No such file or directory\n";
        assert_eq!(enabled("", missing), EnabledState::NotFound);
        assert_eq!(enabled("", "Failed to connect to bus: Host is down\n"), EnabledState::Unknown);
    }

    #[test]
    fn states_travel_as_the_words_of_systemd() {
        for word in ["enabled", "linked-runtime", "masked-runtime", "not-found", "static", "generated", "unknown"] {
            assert_eq!(serde_json::to_value(EnabledState::of(word)).unwrap(), word);
        }
    }
}
