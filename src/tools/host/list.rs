//! `ssh_host_list`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::notes;
use crate::model::error::ToolError;
use crate::model::tier::Group;
use crate::toolkit::{Call, Spec, Targets, Tool};

/// The configured hosts.
#[derive(Debug)]
pub(super) struct HostList;

/// No arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NoArgs {}

/// One host, without anything secret.
#[derive(Debug, Serialize, JsonSchema)]
struct Row {
    alias: String,
    hostname: String,
    port: Option<u16>,
    platform: String,
    user: Option<String>,
    auth_method: String,
    has_notes: bool,
}

/// The hosts, by alias.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Reply {
    hosts: Vec<Row>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl Tool for HostList {
    type Args = NoArgs;
    type Reply = Reply;
    const SPEC: Spec = Spec::read("ssh_host_list", Group::Host, "List the configured hosts without any secret")
        .found_as("Hosts", "servers inventory aliases which machines")
        .always_loaded()
        .local();

    fn hosts(_: &Self::Args) -> Targets {
        Targets::none()
    }

    async fn run(call: &Call, _: NoArgs) -> Result<Reply, ToolError> {
        let snapshot = call.snapshot();
        let mut hosts: Vec<Row> = Vec::new();
        for entry in snapshot.hosts() {
            let config = &entry.config;
            // A blocked host is listed too: the operator wants it seen, only not reached.
            let has_notes = match call.look(&config.alias) {
                Ok(host) => notes::operator_notes(&host).is_some() || notes::agent_notes(&host).is_some(),
                Err(_) => false,
            };
            hosts.push(Row {
                alias: config.alias.clone(),
                hostname: config.hostname.clone(),
                port: config.port,
                platform: config.platform.as_str().to_owned(),
                user: config.user.clone(),
                auth_method: config.auth.method.as_str().to_owned(),
                has_notes,
            });
        }
        hosts.sort_by(|a, b| a.alias.cmp(&b.alias));
        let hint = if hosts.is_empty() { snapshot.resolve("").err().map(|e| e.next) } else { None };
        Ok(Reply { hosts, hint })
    }
}
