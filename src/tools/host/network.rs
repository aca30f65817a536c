//! `ssh_host_network`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::info::HostOnly;
use crate::model::error::{ErrorName, ToolError};
use crate::model::tier::Group;
use crate::toolkit::{Call, Job, Script, Spec, Targets, Tool};

const SCRIPT: Script = Script::new(include_str!("network.sh"));

/// The network interfaces.
#[derive(Debug)]
pub struct Network;

/// One address.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
struct Address {
    family: String,
    address: String,
    prefix_length: u8,
}

/// One interface.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
struct Interface {
    name: String,
    state: String,
    mac: Option<String>,
    addresses: Vec<Address>,
}

/// The interfaces.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Reply {
    host: String,
    interfaces: Vec<Interface>,
    output_warnings: Vec<String>,
}

impl Tool for Network {
    type Args = HostOnly;
    type Reply = Reply;
    const SPEC: Spec = Spec::read("ssh_host_network", Group::Host, "Network interfaces with state, MAC and addresses")
        .found_as("Network", "ip address interfaces listening ports open ports ss netstat");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: HostOnly) -> Result<Reply, ToolError> {
        let host = call.host(&args.host)?;
        let output = host.run(Job::script(&SCRIPT, [""; 0])).await?.within_time("ip")?;
        if output.stdout_truncated {
            return Err(ToolError::new(
                ErrorName::RuntimeError,
                format!(
                    "The answer of `ip` on `{}` is too long to be read: {} bytes.",
                    host.alias(),
                    output.stdout_bytes
                ),
                "Where exec tools are allowed, ask for one interface: `ip addr show dev NAME` with ssh_exec_run.",
            ));
        }
        let text = output.stdout_text();
        let parsed = if text.trim_start().starts_with('[') { from_json(&text) } else { Some(from_lines(&text)) };
        match parsed.filter(|interfaces| !interfaces.is_empty()) {
            Some(interfaces) => Ok(Reply { host: host.alias().to_owned(), interfaces, output_warnings: Vec::new() }),
            None => Err(ToolError::new(
                ErrorName::PlatformNotSupported,
                format!("`{}` has no `ip` whose answer can be read: {}.", host.alias(), output.stderr_line()),
                "Where exec tools are allowed, run ifconfig with ssh_exec_run.",
            )),
        }
    }
}

#[derive(Deserialize)]
struct IpLink {
    ifname: Option<String>,
    operstate: Option<String>,
    address: Option<String>,
    #[serde(default)]
    addr_info: Vec<IpAddr>,
}

#[derive(Deserialize)]
struct IpAddr {
    family: Option<String>,
    local: Option<String>,
    prefixlen: Option<u8>,
}

/// `ip -j addr show` (iproute2). Entries without a name and addresses without their parts are skipped.
fn from_json(text: &str) -> Option<Vec<Interface>> {
    let links: Vec<IpLink> = serde_json::from_str(text).ok()?;
    let interface = |link: IpLink| {
        let address = |a: IpAddr| Some(Address { family: a.family?, address: a.local?, prefix_length: a.prefixlen? });
        Some(Interface {
            name: link.ifname?,
            state: link.operstate.unwrap_or_else(|| "UNKNOWN".to_owned()),
            mac: link.address,
            addresses: link.addr_info.into_iter().filter_map(address).collect(),
        })
    };
    Some(links.into_iter().filter_map(interface).collect())
}

/// `ip addr show` without JSON (BusyBox): `2: eth0: <...> ... state UP`, `link/ether MAC`, `inet A/P`.
fn from_lines(text: &str) -> Vec<Interface> {
    let mut interfaces: Vec<Interface> = Vec::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let after = |word: &str| words.iter().position(|w| *w == word).and_then(|at| words.get(at + 1));
        if !line.starts_with(char::is_whitespace) {
            let Some(name) = words.get(1) else { continue };
            let name = name.trim_end_matches(':').split('@').next().unwrap_or_default().to_owned();
            let state = after("state").map_or("UNKNOWN", |s| *s).to_owned();
            interfaces.push(Interface { name, state, mac: None, addresses: Vec::new() });
        } else if let (Some(interface), Some(kind), Some(value)) = (interfaces.last_mut(), words.first(), words.get(1))
        {
            if kind.starts_with("link/") {
                interface.mac = Some((*value).to_owned());
            } else if *kind == "inet" || *kind == "inet6" {
                let (address, prefix) = value.split_once('/').unwrap_or((value, ""));
                let whole = if *kind == "inet" { 32 } else { 128 };
                interface.addresses.push(Address {
                    family: (*kind).to_owned(),
                    address: address.to_owned(),
                    prefix_length: prefix.parse().unwrap_or(whole),
                });
            }
        }
    }
    interfaces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_say_the_same() {
        let json = r#"[{"ifname":"lo","operstate":"UNKNOWN","address":"00:00:00:00:00:00","addr_info":[{"family":"inet","local":"127.0.0.1","prefixlen":8},{"family":"inet"}]},{"mtu":1}]"#;
        let lines = "1: lo: <LOOPBACK,UP> mtu 65536 qdisc noqueue state UNKNOWN qlen 1000\n    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n    inet 127.0.0.1/8 scope host lo\n";
        assert_eq!(from_json(json), Some(from_lines(lines)));
    }
}
