//! Values for arguments of prompts, from what is known here: the configuration in force, and names that calls of this
//! process have used. No host is asked, so completing a word opens no connection and is in no audit.

use crate::toolkit::state::remembered_names::Names;
use crate::toolkit::state::snapshot::Snapshot;

/// Values for `argument`, best first; with `host` those of this host only.
pub(super) fn values(
    snapshot: &Snapshot,
    names: &Names,
    argument: &str,
    prefix: &str,
    host: Option<&str>,
) -> Vec<String> {
    let concerns = |alias: &str, hostname: &str| host.is_none_or(|host| host == alias || host == hostname);
    let configs = || snapshot.hosts().iter().map(|h| &h.config).filter(|c| concerns(&c.alias, &c.hostname));
    let mut all: Vec<String> = match argument {
        "host" | "alias" => snapshot.hosts().iter().map(|h| h.config.alias.clone()).collect(),
        // Of a list the last word is completed.
        "hosts" => {
            let done = prefix.rsplit_once(',').map_or("", |(done, _)| done);
            let before = if done.is_empty() { String::new() } else { format!("{done},") };
            let free =
                snapshot.hosts().iter().map(|h| &h.config.alias).filter(|a| done.split(',').all(|d| d.trim() != *a));
            free.map(|alias| format!("{before}{alias}")).collect()
        }
        "mount" => configs().flat_map(|c| c.alerts.disk_mounts.clone()).collect(),
        _ => names.of(argument, |used| host.is_none_or(|host| host == used)),
    };
    match argument {
        "unit" => all.extend(configs().flat_map(|c| c.command_allowlist.iter().filter_map(|entry| listed_unit(entry)))),
        "path" => {
            all.extend(configs().flat_map(|c| c.path_allowlist.iter().filter(|p| *p != "*" && *p != "/").cloned()));
        }
        _ => {}
    }
    let mut seen = std::collections::HashSet::new();
    all.retain(|value| value.starts_with(prefix) && seen.insert(value.clone()));
    all
}

/// The unit of an allowlist entry such as `systemctl restart nginx`.
fn listed_unit(entry: &str) -> Option<String> {
    let words: Vec<&str> = entry.split_whitespace().collect();
    match words.as_slice() {
        ["systemctl", verb, unit] if !unit.starts_with(['*', '-']) && *verb != "*" => Some((*unit).to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_of_the_command_list_are_known() {
        assert_eq!(listed_unit("systemctl restart nginx.service").as_deref(), Some("nginx.service"));
        for entry in ["systemctl *", "systemctl restart *", "systemctl daemon-reload", "service nginx restart"] {
            assert_eq!(listed_unit(entry), None, "{entry}");
        }
    }
}
