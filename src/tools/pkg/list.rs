//! `ssh_apt_list`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::holds;
use super::manager::{self, Manager};
use super::rows::{self, Package};
use crate::model::error::ToolError;
use crate::model::package::PackagePattern;
use crate::model::tier::Group;
use crate::toolkit::{Call, Spec, Targets, Tool};

/// Lists packages.
#[derive(Debug)]
pub(super) struct List;

/// Which packages.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Mode {
    /// Those installed.
    Installed,
    /// Those with a newer version.
    Upgradable,
    /// All that are known.
    All,
}

/// Arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// host alias
    host: String,
    /// which ones
    mode: Mode,
    /// glob over whole names
    #[serde(default)]
    pattern: Option<PackagePattern>,
}

/// The packages.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Reply {
    host: String,
    manager: Manager,
    mode: Mode,
    packages: Vec<Package>,
    total: usize,
    truncated: bool,
    output_warnings: Vec<String>,
}

impl Tool for List {
    type Args = Args;
    type Reply = Reply;
    const SPEC: Spec = Spec::read("ssh_apt_list", Group::Pkg, "Packages: installed, upgradable or all")
        .found_as("Packages", "installed software updates available versions")
        .more("`pattern` names those that are wanted");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: Args) -> Result<Reply, ToolError> {
        let host = manager::host(call, &args.host)?;
        let mut words = vec![match args.mode {
            Mode::Installed => "installed",
            Mode::Upgradable => "upgradable",
            Mode::All => "all",
        }];
        words.extend(args.pattern.as_ref().map(PackagePattern::as_str));
        let answer = manager::ask(&host, &words, None).await?;
        let (listed, on_hold) = answer.parts();
        let mut packages = rows::packages(answer.manager, &listed);
        answer.failed(&host, packages.is_empty())?;
        answer.tell(call);
        if !matches!(args.mode, Mode::Installed) {
            answer.tell_age(call);
        }
        let on_hold = holds::held(answer.manager, &on_hold);
        for package in &mut packages {
            // apt names the architecture of what is foreign.
            let full = format!("{}:{}", package.name, package.architecture);
            package.held = on_hold.iter().any(|name| *name == package.name || *name == full);
        }
        // apt has selected by itself; of the others not all can.
        if let Some(pattern) = args.pattern.filter(|_| answer.manager != Manager::Apt) {
            packages.retain(|package| rows::matches(pattern.as_str(), &package.name));
        }
        Ok(Reply {
            host: host.alias().to_owned(),
            manager: answer.manager,
            mode: args.mode,
            total: packages.len(),
            packages,
            truncated: answer.output.stdout_truncated,
            output_warnings: Vec::new(),
        })
    }
}
