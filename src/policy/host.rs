//! Which host an argument names, and whether the operator blocked it.

use std::net::IpAddr;

use super::listed;
use crate::config::HostConfig;
use crate::model::error::{ErrorName, ToolError};

/// What resolving needs to know of an entry of hosts.toml.
pub(crate) trait ListedHost {
    /// The name an agent uses.
    fn alias(&self) -> &str;
    /// What ssh connects to.
    fn hostname(&self) -> &str;
}

impl ListedHost for HostConfig {
    fn alias(&self) -> &str {
        &self.alias
    }
    fn hostname(&self) -> &str {
        &self.hostname
    }
}

/// What a host argument stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Named<'a, H> {
    /// An entry of hosts.toml.
    Entry(&'a H),
    /// An entry of `SSH_HOSTS_ALLOWLIST`, which is a hostname and nothing more.
    Bare(&'a str),
}

/// The names that may never be connected to (`SSH_HOSTS_BLOCKLIST`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Blocklist(Vec<String>);

impl Blocklist {
    /// Takes the entries of `SSH_HOSTS_BLOCKLIST`.
    pub fn new(entries: &[String]) -> Self {
        Blocklist(entries.to_vec())
    }

    /// Refuses a blocked target. `resolved` is the HostName that ssh_config makes of it, once it is known: a block
    /// on either name holds. Ask for the target, for every jump host, and again whenever a connection is taken.
    ///
    /// Names compare without regard to case and to a final dot, addresses by value, because ssh reaches the same
    /// host by all of those spellings. What only the name service knows (another name of the same address) is not
    /// seen here.
    pub fn check(&self, hostname: &str, resolved: Option<&str>) -> Result<(), ToolError> {
        for name in std::iter::once(hostname).chain(resolved) {
            if let Some(entry) = self.0.iter().find(|entry| same_host(entry, name)) {
                let by =
                    if name == hostname { String::new() } else { format!(", which ssh_config resolves to `{name}`") };
                return Err(ToolError::new(
                    ErrorName::HostBlocked,
                    format!("`{hostname}`{by} is blocked by the entry `{entry}` of SSH_HOSTS_BLOCKLIST."),
                    "Use another host; the operator blocked this one on purpose.",
                ));
            }
        }
        Ok(())
    }
}

/// Finds what a host argument names: an alias, else a hostname of hosts.toml, else an entry of
/// `SSH_HOSTS_ALLOWLIST`, each byte for byte.
pub(crate) fn resolve<'a, H: ListedHost>(
    argument: &str,
    hosts: impl IntoIterator<Item = &'a H> + Clone,
    allowlist: &'a [String],
) -> Result<Named<'a, H>, ToolError> {
    let find = |matches: &dyn Fn(&H) -> bool| hosts.clone().into_iter().find(|host| matches(host));
    if let Some(host) = find(&|host| host.alias() == argument).or_else(|| find(&|host| host.hostname() == argument)) {
        return Ok(Named::Entry(host));
    }
    if let Some(hostname) = allowlist.iter().find(|hostname| *hostname == argument) {
        return Ok(Named::Bare(hostname));
    }
    let known: Vec<&str> =
        hosts.into_iter().map(ListedHost::alias).chain(allowlist.iter().map(String::as_str)).collect();
    Err(ToolError::new(
        ErrorName::HostNotAllowed,
        format!("{argument:?} is not a configured host; names match exactly, without user, port or other spelling."),
        if known.is_empty() {
            "No host is configured: the operator adds `[hosts.ALIAS]` to hosts.toml or names to SSH_HOSTS_ALLOWLIST."
                .to_owned()
        } else {
            format!("Known hosts: {}.", listed(&known))
        },
    ))
}

fn same_host(a: &str, b: &str) -> bool {
    let plain =
        |name: &str| name.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_ascii_lowercase();
    let (a, b) = (plain(a), plain(b));
    if a == b {
        return true;
    }
    let address = |name: &str| name.parse::<IpAddr>().ok().map(|ip| ip.to_canonical());
    matches!((address(&a), address(&b)), (Some(x), Some(y)) if x == y)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Host(&'static str, &'static str);

    impl ListedHost for Host {
        fn alias(&self) -> &str {
            self.0
        }
        fn hostname(&self) -> &str {
            self.1
        }
    }

    fn find(argument: &str) -> Result<String, ToolError> {
        let hosts =
            [Host("web", "web.example"), Host("db", "10.0.0.2"), Host("web.example", "other"), Host("db2", "10.0.0.2")];
        let allow = ["spare.example".to_owned()];
        resolve(argument, &hosts, &allow).map(|named| match named {
            Named::Entry(host) => host.0.to_owned(),
            Named::Bare(hostname) => format!("bare {hostname}"),
        })
    }

    #[test]
    fn alias_then_hostname_then_allowlist() {
        assert_eq!(find("web").unwrap(), "web");
        assert_eq!(find("web.example").unwrap(), "web.example", "an alias wins over a hostname");
        assert_eq!(find("10.0.0.2").unwrap(), "db", "the first in file order");
        assert_eq!(find("spare.example").unwrap(), "bare spare.example");
    }

    #[test]
    fn every_other_spelling_is_refused_and_the_known_ones_are_named() {
        for other in ["", "WEB", " web", "web ", "root@web", "web:22", "ssh://web", "-web", "web\n", "10.0.0.02", "*"] {
            let refusal = find(other).unwrap_err();
            assert_eq!(refusal.name, ErrorName::HostNotAllowed, "{other:?}");
            assert!(refusal.next.contains("`web`, `db`") && refusal.next.contains("`spare.example`"));
        }
        let none: [Host; 0] = [];
        assert!(resolve("x", &none, &[]).is_err_and(|refusal| refusal.next.contains("SSH_HOSTS_ALLOWLIST")));
    }

    #[test]
    fn a_block_holds_for_every_spelling_of_the_target() {
        let list = Blocklist::new(&["Prod.example".to_owned(), "10.0.0.2".to_owned(), "::1".to_owned()]);
        for blocked in
            ["Prod.example", "prod.EXAMPLE", "prod.example.", "10.0.0.2", "::ffff:10.0.0.2", "[::1]", "0:0:0:0:0:0:0:1"]
        {
            assert_eq!(list.check(blocked, None).unwrap_err().name, ErrorName::HostBlocked, "{blocked}");
            let refusal = list.check("nick", Some(blocked)).unwrap_err();
            assert!(refusal.what.contains("ssh_config"), "{refusal}");
        }
        assert!(list.check("prod.example.org", Some("10.0.0.20")).is_ok());
        assert!(Blocklist::default().check("anything", Some("any")).is_ok());
    }
}
