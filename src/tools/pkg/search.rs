//! `ssh_apt_search`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::found::{self, Found};
use super::manager::{self, Manager};
use crate::model::error::ToolError;
use crate::model::package::PackagePattern;
use crate::model::tier::Group;
use crate::toolkit::{Call, Spec, Targets, Tool};

/// Looks for packages.
#[derive(Debug)]
pub(super) struct Search;

/// Arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// host alias
    host: String,
    /// regular expression
    pattern: PackagePattern,
}

/// What was found.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Reply {
    host: String,
    manager: Manager,
    pattern: PackagePattern,
    results: Vec<Found>,
    output_warnings: Vec<String>,
}

impl Tool for Search {
    type Args = Args;
    type Reply = Reply;
    const SPEC: Spec = Spec::read("ssh_apt_search", Group::Pkg, "Search package names and descriptions")
        .found_as("Search packages", "find package name available software")
        .more("`pattern` narrows it");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: Args) -> Result<Reply, ToolError> {
        let host = manager::host(call, &args.host)?;
        let answer = manager::ask(&host, &["search", args.pattern.as_str()], None).await?;
        if answer.output.stderr_text().contains("Regex compilation error") {
            return Err(ToolError::value(
                format!("Argument `pattern`: {:?} is not a regular expression.", args.pattern.as_str()),
                "It is not a glob here: leave the `*` out, a part of a name is enough.",
            ));
        }
        let results = found::found(answer.manager, &answer.text());
        answer.failed(&host, results.is_empty())?;
        answer.tell(call);
        answer.tell_age(call);
        Ok(Reply {
            host: host.alias().to_owned(),
            manager: answer.manager,
            pattern: args.pattern,
            results,
            output_warnings: Vec::new(),
        })
    }
}
