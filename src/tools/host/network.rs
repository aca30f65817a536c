//! `ssh_host_network`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::error::{ErrorName, ToolError};
use crate::model::tier::Group;
use crate::toolkit::{Call, Job, Script, Spec, Targets, Tool};

const SCRIPT: Script = Script::new(include_str!("network.sh"));

/// The network interfaces.
#[derive(Debug)]
pub(super) struct Network;

/// Arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// host alias
    host: String,
    /// open ports and their processes too
    #[serde(default)]
    listeners: bool,
}

/// One open port.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
struct Listener {
    protocol: String,
    address: String,
    port: u16,
    process: Option<String>,
    pid: Option<u32>,
}

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
pub(super) struct Reply {
    host: String,
    interfaces: Vec<Interface>,
    listeners: Vec<Listener>,
    output_warnings: Vec<String>,
}

impl Tool for Network {
    type Args = Args;
    type Reply = Reply;
    const SPEC: Spec =
        Spec::read("ssh_host_network", Group::Host, "Network interfaces, and open ports with their processes")
            .found_as("Network", "ip address interfaces listening ports open ports ss netstat");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: Args) -> Result<Reply, ToolError> {
        let host = call.host(&args.host)?;
        let output =
            host.run(Job::script(&SCRIPT, [if args.listeners { "1" } else { "" }])).await?.within_time("ip")?;
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
        let (text, listening) = text.split_once('\0').unwrap_or((text.as_str(), ""));
        let listeners = listening_rows(call, host.alias(), listening);
        let parsed = if text.trim_start().starts_with('[') { from_json(text) } else { Some(from_lines(text)) };
        match parsed.filter(|interfaces| !interfaces.is_empty()) {
            Some(interfaces) => {
                Ok(Reply { host: host.alias().to_owned(), interfaces, listeners, output_warnings: Vec::new() })
            }
            None => Err(ToolError::new(
                ErrorName::PlatformNotSupported,
                format!("`{}` has no `ip` whose answer can be read: {}.", host.alias(), output.stderr_line()),
                "Where exec tools are allowed, run ifconfig with ssh_exec_run.",
            )),
        }
    }
}

/// The open ports, and what the caller should know of them.
fn listening_rows(call: &Call, alias: &str, text: &str) -> Vec<Listener> {
    let (teller, rows) = text.split_once('\n').unwrap_or((text, ""));
    let listeners: Vec<Listener> = match teller {
        "ss" => rows.lines().filter_map(of_ss).collect(),
        "netstat" => rows.lines().filter_map(of_netstat).collect(),
        "none" => {
            call.warn(format!("`{alias}` has neither ss nor netstat, so its open ports are not known."));
            Vec::new()
        }
        _ => Vec::new(),
    };
    if listeners.iter().any(|one| one.pid.is_none()) {
        call.warn("Ports without a process belong to other accounts or the kernel: only root sees whose they are (ssh_sudo_exec with `ss -ltunp`).");
    }
    listeners
}

/// `tcp LISTEN 0 128 [::]:22 [::]:* users:(("sshd",pid=1,fd=3))`.
fn of_ss(line: &str) -> Option<Listener> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let (protocol, place) = (words.first()?, words.get(4)?);
    let (address, port) = address(place)?;
    let owner = line.split_once("users:((\"").and_then(|(_, rest)| {
        let (name, rest) = rest.split_once('"')?;
        let (_, pid) = rest.split_once("pid=")?;
        Some((name.to_owned(), pid.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()?))
    });
    let (process, pid) = owner.map_or((None, None), |(name, pid)| (Some(name), Some(pid)));
    Some(Listener { protocol: (*protocol).to_owned(), address, port, process, pid })
}

/// `tcp 0 0 0.0.0.0:22 0.0.0.0:* LISTEN 1234/sshd`; a row of udp has no state, and BusyBox cuts names.
fn of_netstat(line: &str) -> Option<Listener> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let protocol = words.first().filter(|word| word.starts_with("tcp") || word.starts_with("udp"))?;
    let (address, port) = address(words.get(3)?)?;
    let owner = words.iter().skip(5).find_map(|word| {
        let (pid, name) = word.split_once('/')?;
        Some((pid.parse().ok()?, name.trim_end_matches(':').to_owned()))
    });
    let (pid, process) = owner.map_or((None, None), |(pid, name)| (Some(pid), Some(name)));
    Some(Listener { protocol: (*protocol).to_owned(), address, port, process, pid })
}

fn address(place: &str) -> Option<(String, u16)> {
    let (address, port) = place.rsplit_once(':')?;
    let address = address.trim_matches(['[', ']']);
    Some((if address.is_empty() { "*" } else { address }.to_owned(), port.parse().ok()?))
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
    fn open_ports_are_read_with_their_owners() {
        let one = |protocol: &str, address: &str, port, process: Option<&str>, pid| Listener {
            protocol: protocol.to_owned(),
            address: address.to_owned(),
            port,
            process: process.map(str::to_owned),
            pid,
        };
        for (line, expected) in [
            (
                "tcp   LISTEN 0      128          0.0.0.0:22        0.0.0.0:*    users:((\"sshd\",pid=77,fd=3))",
                one("tcp", "0.0.0.0", 22, Some("sshd"), Some(77)),
            ),
            (
                "tcp   LISTEN 0      511             [::]:80           [::]:*    users:((\"nginx: worker\",pid=9,fd=7),(\"nginx\",pid=8,fd=7))",
                one("tcp", "::", 80, Some("nginx: worker"), Some(9)),
            ),
            (
                "udp   UNCONN 0      0      127.0.0.53%lo:53        0.0.0.0:*",
                one("udp", "127.0.0.53%lo", 53, None, None),
            ),
        ] {
            assert_eq!(of_ss(line), Some(expected), "{line}");
        }
        for (line, expected) in [
            (
                "tcp        0      0 0.0.0.0:22              0.0.0.0:*               LISTEN      7/sshd [listener] 0",
                one("tcp", "0.0.0.0", 22, Some("sshd"), Some(7)),
            ),
            (
                "tcp        0      0 :::22                   :::*                    LISTEN      -",
                one("tcp", "::", 22, None, None),
            ),
            (
                "udp        0      0 0.0.0.0:68              0.0.0.0:*                           12/dhclient",
                one("udp", "0.0.0.0", 68, Some("dhclient"), Some(12)),
            ),
        ] {
            assert_eq!(of_netstat(line), Some(expected), "{line}");
        }
        for noise in [
            "Active Internet connections (only servers)",
            "Proto Recv-Q Send-Q Local Address Foreign Address State PID/Program name",
            "",
        ] {
            assert_eq!(of_netstat(noise), None, "{noise}");
        }
    }

    #[test]
    fn both_forms_say_the_same() {
        let json = r#"[{"ifname":"lo","operstate":"UNKNOWN","address":"00:00:00:00:00:00","addr_info":[{"family":"inet","local":"127.0.0.1","prefixlen":8},{"family":"inet"}]},{"mtu":1}]"#;
        let lines = "1: lo: <LOOPBACK,UP> mtu 65536 qdisc noqueue state UNKNOWN qlen 1000\n    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n    inet 127.0.0.1/8 scope host lo\n";
        assert_eq!(from_json(json), Some(from_lines(lines)));
    }
}
