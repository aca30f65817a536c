//! `ssh_user_info`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::sections::Sections;
use crate::model::account::is_account_name;
use crate::model::error::{ErrorName, ToolError};
use crate::model::tier::Group;
use crate::toolkit::{Call, Job, Script, Spec, Targets, Tool};

const SCRIPT: Script = Script::new(include_str!("user_info.sh"));

/// One account.
#[derive(Debug)]
pub(super) struct UserInfo;

/// Arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// host alias
    host: String,
    /// account; default the login account
    #[serde(default)]
    username: Option<String>,
}

/// The passwd row and the groups.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Reply {
    host: String,
    username: String,
    uid: u32,
    gid: u32,
    gecos: String,
    home: String,
    shell: String,
    primary_group: String,
    groups: Vec<String>,
    output_warnings: Vec<String>,
}

impl Tool for UserInfo {
    type Args = Args;
    type Reply = Reply;
    const SPEC: Spec = Spec::read("ssh_user_info", Group::Host, "passwd row and group membership of one account")
        .found_as("Account", "id user groups uid whoami passwd");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: Args) -> Result<Reply, ToolError> {
        if let Some(name) = &args.username
            && !is_account_name(name)
        {
            return Err(ToolError::value(
                format!("Argument `username`: {name:?} is not an account name."),
                "Give a name such as `www-data`, `svc@corp.example` or `CORP\\jane doe`: letters, digits, blanks within and `._-$@+\\`.",
            ));
        }
        let host = call.host(&args.host)?;
        let job = Job::script(&SCRIPT, [args.username.as_deref().unwrap_or_default()]);
        let output = host.run(job).await?.within_time("Looking up the account")?;
        let facts = Sections::parse(&output.stdout);
        let name = facts.get("name").unwrap_or_default().to_owned();
        let Some(row) = facts.get("passwd") else {
            return Err(ToolError::value(
                format!("`{}` has no account `{name}`.", host.alias()),
                "Give an account that exists on the host, or leave `username` out for the login account.",
            ));
        };
        parse(host.alias(), name, row, &facts).ok_or_else(|| {
            ToolError::new(
                ErrorName::RuntimeError,
                format!("`{}` answered a passwd row that cannot be read.", host.alias()),
                "Look at the account database of the host.",
            )
        })
    }
}

/// passwd(5): name, password, uid, gid, gecos, home, shell.
fn parse(host: &str, username: String, row: &str, facts: &Sections) -> Option<Reply> {
    let mut fields = row.lines().next()?.split(':').skip(2);
    Some(Reply {
        host: host.to_owned(),
        username,
        uid: fields.next()?.parse().ok()?,
        gid: fields.next()?.parse().ok()?,
        gecos: fields.next()?.to_owned(),
        home: fields.next()?.to_owned(),
        shell: fields.next()?.to_owned(),
        primary_group: facts.get("primary").unwrap_or_default().to_owned(),
        groups: facts.get("groups").unwrap_or_default().lines().map(str::to_owned).collect(),
        output_warnings: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwd_row() {
        let facts = Sections::parse(b"\0primary\0root\n\0groups\0root\nCORP\\it ops\n");
        let r = parse("h", "root".to_owned(), "root:x:0:0:The Boss:/root:/bin/bash", &facts).unwrap();
        assert_eq!((r.uid, r.gecos.as_str()), (0, "The Boss"));
        assert_eq!(r.groups, ["root", "CORP\\it ops"]);
        assert!(parse("h", "x".to_owned(), "x:y:z", &facts).is_none());
    }
}
