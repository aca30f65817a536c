//! `ssh_known_hosts_verify`.

use schemars::JsonSchema;
use serde::Serialize;

use super::info::HostOnly;
use crate::model::error::ToolError;
use crate::model::tier::Group;
use crate::toolkit::{Call, Spec, Targets, Tool};

/// The key a host shows now beside the pinned ones. Never adds or trusts a key.
#[derive(Debug)]
pub(super) struct KnownHostsVerify;

/// The comparison.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Reply {
    host: String,
    address: String,
    expected_fingerprint: Option<String>,
    live_fingerprint: Option<String>,
    matches_known_hosts: bool,
    outcome: Option<&'static str>,
    pinned_fingerprints: Vec<String>,
    error: Option<String>,
    output_warnings: Vec<String>,
}

impl Tool for KnownHostsVerify {
    type Args = HostOnly;
    type Reply = Reply;
    const SPEC: Spec =
        Spec::read("ssh_known_hosts_verify", Group::Host, "Connect and compare the live host key with the pinned one")
            .found_as("Verify host key", "fingerprint known_hosts changed mitm");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: HostOnly) -> Result<Reply, ToolError> {
        let host = call.host(&args.host)?;
        let mut reply = Reply {
            host: host.alias().to_owned(),
            address: host.hostname().to_owned(),
            expected_fingerprint: None,
            live_fingerprint: None,
            matches_known_hosts: false,
            outcome: None,
            pinned_fingerprints: Vec::new(),
            error: None,
            output_warnings: Vec::new(),
        };
        match host.key_report().await {
            Ok(report) => {
                reply.pinned_fingerprints = report.expected().into_iter().map(str::to_owned).collect();
                reply.expected_fingerprint = reply.pinned_fingerprints.first().cloned();
                reply.matches_known_hosts = report.outcome.as_str() == "match";
                reply.outcome = Some(report.outcome.as_str());
                reply.live_fingerprint = report.live.map(|key| key.fingerprint);
                if !reply.matches_known_hosts {
                    let name = &report.name;
                    reply.error = Some(match report.outcome.as_str() {
                        "unknown" => format!(
                            "UnknownHost: no key is pinned for {name}. A person verifies the live fingerprint another \
                             way and then pins the key."
                        ),
                        "revoked" => format!("HostKeyMismatch: the key of {name} is marked as revoked. Stop here."),
                        _ => format!("HostKeyMismatch: {name} shows another key than the pinned one. Stop here."),
                    });
                }
            }
            Err(error) => {
                call.alive()?;
                reply.pinned_fingerprints = host.pinned_fingerprints().await.unwrap_or_default();
                reply.expected_fingerprint = reply.pinned_fingerprints.first().cloned();
                reply.error = Some(error.to_string());
            }
        }
        Ok(reply)
    }
}
