//! The entries of the lists under the names that a host gives them.
//!
//! `/var/run/x` closes nothing where `/var/run` is a link, if only the text counts: every path is judged under its real
//! name, `/run/x`. So the fixed part of each entry, which is all of it before the first wildcard, is resolved on the
//! host, and the entry holds under both names. Links change: the script that acts resolves again and does nothing where
//! it finds something else than what was assumed here.

use std::collections::HashMap;

use super::{HostPath as _, PathPolicy, Zone};
use crate::config::Platform;
use crate::model::glob::Glob;
use crate::model::remote_path::RemotePath;

/// The fixed part of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixed {
    /// The list, by its key in hosts.toml.
    pub list: &'static str,
    /// The entry as the operator wrote it.
    pub entry: String,
    /// What is resolved on the host.
    pub path: RemotePath,
}

/// What a host says of one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Real {
    /// Its real name, as far as it could be followed.
    pub path: RemotePath,
    /// The links on the way, in order, by their own real names.
    pub through: Vec<RemotePath>,
    /// A folder or link on the way could not be entered or read, so that more links may lie behind it.
    pub closed: bool,
}

/// A folder in which this program keeps something on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnFolder {
    /// Its real name.
    pub path: RemotePath,
    /// It exists. One that does not closes only itself: it is not a part of the trees above it.
    pub there: bool,
}

impl OwnFolder {
    pub(super) fn contains(&self, path: &[String]) -> bool {
        path.starts_with(&self.path.parts().deny)
    }

    pub(super) fn is_below(&self, path: &[String]) -> bool {
        let parts = self.path.parts().deny;
        parts.len() > path.len() && parts.starts_with(path)
    }
}

/// What one account of a host sees.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View {
    /// By path as it was asked; a path that the host could not make sense of is not in it.
    pub real: HashMap<RemotePath, Real>,
    /// This program's own folders.
    pub own: Vec<OwnFolder>,
    /// What paths were earlier: what was closed under a name stays so.
    pub before: Vec<(RemotePath, Real)>,
}

impl PathPolicy {
    /// What has to be resolved on the host, one for each entry.
    pub fn fixed(&self) -> Vec<Fixed> {
        if self.platform != Platform::Posix {
            return Vec::new();
        }
        let zones = |list: &'static str, zones: &[Zone]| -> Vec<Fixed> {
            zones.iter().filter_map(|zone| fixed(list, &zone.text, &zone.parts)).collect()
        };
        let globs = |list: &'static str, globs: &[Glob]| -> Vec<Fixed> {
            globs.iter().filter_map(|glob| fixed(list, glob.text(), &glob.fixed())).collect()
        };
        [
            zones(super::ALLOW, &self.allow),
            zones(super::RESTRICTED, &self.restricted),
            globs("restricted_globs", &self.restricted_globs),
            globs("redact_paths_globs", &self.redact_globs),
        ]
        .concat()
    }

    /// The rules as they hold for an account of a host, and one sentence for each entry that is another place there or
    /// could not be resolved. `self` are the rules as they were written.
    pub fn on_host(&self, view: &View) -> (PathPolicy, Vec<String>) {
        let mut now = PathPolicy { own: view.own.clone(), ..self.clone() };
        let mut told = Vec::new();
        for fixed in self.fixed() {
            let entry = format!("{} `{}`", fixed.list, fixed.entry);
            let Some(real) = view.real.get(&fixed.path) else {
                told.push(format!("{entry} could not be resolved on this host; it holds under that name alone."));
                continue;
            };
            if real.closed {
                told.push(format!(
                    "{entry} could not be resolved to its end on this host: this account may not look behind `{}`. \
                     The entry may have another name there.",
                    nearest_closed(real)
                ));
            }
            if real.path == fixed.path {
                continue;
            }
            if fixed.list == super::ALLOW
                && let Some(link) = self.replaceable(real, view)
            {
                told.push(format!(
                    "{entry} is a link on this host that is not followed: `{link}` lies in an allowed folder, so that \
                     whoever may write there could lead it anywhere. Allow `{}` itself.",
                    real.path
                ));
                continue;
            }
            told.push(format!("{entry} is `{}` on this host; it holds under both names.", real.path));
        }
        let named = |zone: &Zone, path: &RemotePath| Zone {
            text: zone.text.clone(),
            parts: path.parts().deny,
            here: Some(path.to_string()),
        };
        for zone in &self.allow {
            let real = view.other_name(&zone.parts).filter(|real| self.replaceable(real, view).is_none());
            now.allow.extend(real.map(|real| named(zone, &real.path)));
        }
        for zone in &self.restricted {
            now.restricted.extend(view.names(&zone.parts).into_iter().map(|real| named(zone, &real.path)));
        }
        let patterns = |globs: &[Glob]| -> Vec<Glob> {
            let second = |glob: &Glob| -> Vec<Glob> {
                let names = view.names(&glob.fixed());
                names.into_iter().map(|real| glob.with_fixed(&real.path.parts().deny)).collect()
            };
            globs.iter().flat_map(second).collect()
        };
        for fixed in self.fixed().into_iter().filter(|fixed| fixed.list != super::ALLOW) {
            let earlier = view.before.iter().filter(|(path, _)| *path == fixed.path).map(|(_, real)| real);
            for link in view.real.get(&fixed.path).into_iter().chain(earlier).flat_map(|real| &real.through) {
                let link = Zone { text: fixed.entry.clone(), parts: link.parts().deny, here: Some(link.to_string()) };
                if !now.links.iter().any(|known| known.parts == link.parts) {
                    now.links.push(link);
                }
            }
        }
        now.restricted_globs.extend(patterns(&self.restricted_globs));
        now.redact_globs.extend(patterns(&self.redact_globs));
        (now, told)
    }

    /// A link on the way that lies in an allowed folder, where a tool could put another one in its place and so choose
    /// what is allowed.
    fn replaceable<'r>(&self, real: &'r Real, view: &View) -> Option<&'r RemotePath> {
        let allowed: Vec<&[String]> = self.allow.iter().map(|zone| zone.parts.as_slice()).collect();
        let second: Vec<Vec<String>> =
            self.allow.iter().filter_map(|zone| view.other_name(&zone.parts)).map(|r| r.path.parts().deny).collect();
        real.through.iter().find(|link| {
            let mut folder = link.parts().deny;
            folder.pop();
            allowed.iter().any(|zone| folder.starts_with(zone)) || second.iter().any(|zone| folder.starts_with(zone))
        })
    }
}

impl View {
    /// What a fixed part is on the host, where that is another name.
    fn other_name(&self, parts: &[String]) -> Option<&Real> {
        let path = whole(parts)?;
        self.real.get(&path).filter(|real| real.path != path)
    }

    /// The same with what it was earlier.
    fn names(&self, parts: &[String]) -> Vec<&Real> {
        let Some(path) = whole(parts) else { return Vec::new() };
        let mut found: Vec<&Real> = self.other_name(parts).into_iter().collect();
        for (_, real) in self.before.iter().filter(|(asked, real)| *asked == path && real.path != path) {
            if !found.iter().any(|known| known.path == real.path) {
                found.push(real);
            }
        }
        found
    }
}

/// The folder behind which nothing could be seen: as far as the links were followed.
fn nearest_closed(real: &Real) -> RemotePath {
    real.through.last().cloned().unwrap_or_else(|| real.path.folder())
}

fn whole(parts: &[String]) -> Option<RemotePath> {
    // The root itself needs no resolving.
    if parts.is_empty() { None } else { RemotePath::of_rules(parts).ok() }
}

fn fixed(list: &'static str, entry: &str, parts: &[String]) -> Option<Fixed> {
    whole(parts).map(|path| Fixed { list, entry: entry.to_owned(), path })
}
