//! `ssh_apt_show`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::details::{self, Details};
use super::manager::{self, Manager};
use crate::model::error::ToolError;
use crate::model::package::PackageName;
use crate::model::tier::Group;
use crate::toolkit::{Call, Spec, Targets, Tool};

/// One package in full.
#[derive(Debug)]
pub(super) struct Show;

/// Arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// host alias
    host: String,
    /// name[:arch]
    package: PackageName,
}

/// The package; nulls and empty lists where none of that name is known.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Reply {
    host: String,
    manager: Manager,
    package: PackageName,
    #[serde(flatten)]
    details: Details,
    output_warnings: Vec<String>,
}

impl Tool for Show {
    type Args = Args;
    type Reply = Reply;
    const SPEC: Spec = Spec::read("ssh_apt_show", Group::Pkg, "Description, dependencies and versions of a package")
        .found_as("Package facts", "package version dependencies candidate");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: Args) -> Result<Reply, ToolError> {
        let host = manager::host(call, &args.host)?;
        let answer = manager::ask(&host, &["show", args.package.as_str()], None).await?;
        let (first, second) = answer.parts();
        let details = details::details(answer.manager, &first, &second);
        answer.failed(&host, details.is_empty())?;
        answer.tell_age(call);
        if details.is_empty() {
            call.warn(format!("No package `{}` is known on this host; ssh_apt_search finds names.", args.package));
        }
        Ok(Reply {
            host: host.alias().to_owned(),
            manager: answer.manager,
            package: args.package,
            details,
            output_warnings: Vec::new(),
        })
    }
}
