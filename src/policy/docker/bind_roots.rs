//! Folders that containers may be given for writing.
//!
//! The engine opens a bind by name at every start, as root. Whoever may write a folder may put a link in the place of
//! what lies below it, and a container works as root: what it leaves there, the login account may run. So a bind for
//! writing is refused unless the operator trusts the folder with it.

use super::{HostSource, Use};
use crate::model::error::ToolError;
use crate::model::remote_path::RemotePath;

/// The folders of `docker_bind_allowlist`.
#[derive(Debug, Clone, Default)]
pub(crate) struct BindRoots {
    everything: bool,
    roots: Vec<RemotePath>,
}

impl BindRoots {
    /// From the operator's list; the configuration has checked each entry.
    pub(crate) fn new(list: &[String]) -> Self {
        BindRoots {
            everything: list.iter().any(|entry| matches!(entry.as_str(), "*" | "/")),
            roots: list.iter().filter_map(|entry| RemotePath::parse(entry).ok()).collect(),
        }
    }

    /// Refuses a source that a container would write to and that is not listed.
    pub(crate) fn check(&self, source: &HostSource) -> Result<(), ToolError> {
        let HostSource { path, access, named_by } = source;
        if *access == Use::Read || self.everything || self.roots.iter().any(|root| path.is_within(root)) {
            return Ok(());
        }
        Err(ToolError::value(
            format!(
                "{named_by} lets the container write to `{path}` of the host, which is not in docker_bind_allowlist."
            ),
            "Mount it read-only (`:ro`) or use a named volume; an operator can list the folder in docker_bind_allowlist \
             (hosts.toml).",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(list: &[&str], path: &str, access: Use) -> bool {
        let list: Vec<String> = list.iter().map(|e| (*e).to_owned()).collect();
        let path = RemotePath::parse(path).unwrap();
        BindRoots::new(&list).check(&HostSource { path, access, named_by: "--volume".into() }).is_ok()
    }

    #[test]
    fn writing_needs_a_listed_folder_and_reading_none() {
        assert!(check(&[], "/srv/app", Use::Read));
        assert!(!check(&[], "/srv/app", Use::Write));
        for (list, path, open) in [
            (["/srv/app"], "/srv/app", true),
            (["/srv/app"], "/srv/app/data", true),
            (["/srv/app"], "/srv/apple", false),
            (["/srv/app/data"], "/srv/app", false),
            (["*"], "/srv/app", true),
            (["/"], "/srv/app", true),
        ] {
            assert_eq!(check(&list, path, Use::Write), open, "{list:?} {path}");
        }
    }
}
