//! Which remote paths a tool may touch, and the proof that one was allowed.
//!
//! Order: allowlist, restricted paths, restricted globs, redact list. Restricted wins over everything. Judging is
//! about text; the script that acts on an [`AllowedPath`] compares the host's own canonical path with it first, and
//! a path that a link leads elsewhere is judged again under its real name. The entries of the lists are resolved on the
//! host too (`real`): they hold under the name that the operator wrote and under the real one.

mod access;
mod real;
#[cfg(test)]
mod tests;

use std::fmt;

use super::{PolicyFault, listed};
use crate::config::Effective;
pub use crate::config::{BypassPolicy, Platform};
use crate::model::error::{ErrorName, ToolError};
use crate::model::file_name;
use crate::model::glob::{Glob, Style, fold};
use crate::model::remote_path::{BadPath, RemotePath};
use crate::model::windows_path::WindowsPath;
pub use access::{Access, Entry, RedactListed};
pub(crate) use real::{OwnFolder, Real, View};

/// Parts of a path as rules compare them. Allow rules fold case narrowly (one letter to one letter, as NTFS does),
/// all others widely, so that no doubt about folding ever opens a path.
pub struct Parts {
    allow: Vec<String>,
    deny: Vec<String>,
}

/// What becomes of a tree below which a pattern could match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Below {
    /// It is refused.
    Refused,
    /// The host looks for what matches.
    LookedAt,
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::RemotePath {}
    impl Sealed for super::WindowsPath {}
}

/// A checked remote path of one platform.
pub trait HostPath: Clone + fmt::Display + fmt::Debug + sealed::Sealed {
    /// Whose rules apply.
    const PLATFORM: Platform;
    /// The components that rules compare.
    fn parts(&self) -> Parts;
}

impl HostPath for RemotePath {
    const PLATFORM: Platform = Platform::Posix;
    fn parts(&self) -> Parts {
        let parts = file_name::for_rules(self.as_str());
        Parts { allow: parts.clone(), deny: parts }
    }
}

impl HostPath for WindowsPath {
    const PLATFORM: Platform = Platform::Windows;
    fn parts(&self) -> Parts {
        let upper = |c: char| {
            let mut folded = c.to_uppercase();
            match (folded.next(), folded.next()) {
                (Some(one), None) => one,
                _ => c,
            }
        };
        Parts {
            allow: self.components().map(|name| name.chars().map(upper).collect()).collect(),
            deny: self.components().map(|name| name.chars().flat_map(fold).collect()).collect(),
        }
    }
}

/// A path that the policy allowed for one access. Made only by [`PathPolicy::judge`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedPath<P = RemotePath> {
    path: P,
    access: Access,
    redact: RedactListed,
}

impl<P> AllowedPath<P> {
    /// The path.
    pub fn path(&self) -> &P {
        &self.path
    }

    /// What was allowed.
    pub fn access(&self) -> Access {
        self.access
    }

    /// The same path where another name of it is redact-listed.
    #[must_use]
    pub(crate) fn also_listed(self, listed: RedactListed) -> Self {
        if self.redact == RedactListed::No { AllowedPath { redact: listed, ..self } } else { self }
    }

    /// Whether the content is redact-listed, and what to do then.
    pub fn redact_listed(&self) -> RedactListed {
        self.redact
    }
}

impl AllowedPath<RemotePath> {
    /// The path as scripts get it.
    pub fn as_str(&self) -> &str {
        self.path.as_str()
    }
}

/// The rules of one host, host entries and environment entries already united.
#[derive(Debug, Clone, Copy)]
pub struct PathRules<'a> {
    /// Whose paths they are.
    pub platform: Platform,
    /// Roots that tools may touch; `*` or `/` is everything, nothing is nothing.
    pub path_allowlist: &'a [String],
    /// Zones that stay closed; `/` is everything.
    pub restricted_paths: &'a [String],
    /// The same by pattern. A folder that matches closes what is below it too.
    pub restricted_globs: &'a [String],
    /// Files whose content is only read redacted.
    pub redact_paths_globs: &'a [String],
    /// What a raw read of those does.
    pub redact_bypass_policy: BypassPolicy,
}

#[derive(Debug, Clone)]
struct Zone {
    text: String,
    /// Narrowly folded for allow roots, widely for restricted ones. Empty is everything.
    parts: Vec<String>,
    /// The real name on the host, where this is the second name of an entry.
    here: Option<String>,
}

impl Zone {
    fn contains(&self, path: &[String]) -> bool {
        path.starts_with(&self.parts)
    }

    fn is_below(&self, path: &[String]) -> bool {
        self.parts.len() > path.len() && self.parts.starts_with(path)
    }

    fn named(&self) -> String {
        match &self.here {
            None => format!("`{}`", self.text),
            Some(here) => format!("`{}` (on this host `{here}`)", self.text),
        }
    }
}

/// The path rules of one host, compiled.
#[derive(Debug, Clone)]
pub struct PathPolicy {
    platform: Platform,
    allow: Vec<Zone>,
    restricted: Vec<Zone>,
    restricted_globs: Vec<Glob>,
    redact_globs: Vec<Glob>,
    bypass: BypassPolicy,
    /// This program's own folders on the host; none before the host named them.
    own: Vec<OwnFolder>,
    /// The links on the way to what is closed or redact-listed, by their real names.
    links: Vec<Zone>,
}

/// Checks a path argument of a POSIX tool as text.
pub fn parse(text: &str) -> Result<RemotePath, ToolError> {
    RemotePath::argument(text).map_err(|why| unusable(text, why))
}

/// The refusal of a text that is not a path.
pub(crate) fn unusable(text: &str, why: BadPath) -> ToolError {
    ToolError::new(
        ErrorName::PathNotAllowed,
        format!("{text:?} is not a usable path: {why}."),
        "Give an absolute path, at most 4096 bytes long, with odd names as ssh_sftp_list shows them.",
    )
}

/// Checks a path argument for a Windows host as text.
pub(crate) fn parse_windows(text: &str) -> Result<WindowsPath, ToolError> {
    WindowsPath::parse(text).map_err(|why| {
        ToolError::new(
            ErrorName::PathNotAllowed,
            format!("{text:?} is not a usable Windows path: {why}."),
            "Give an absolute path such as `C:\\folder\\file` or `\\\\server\\share\\file`.",
        )
    })
}

impl PathPolicy {
    /// Compiles the rules; an entry that cannot be enforced as written is a fault.
    ///
    /// Environment lists serve hosts of both platforms, so an absolute entry of the other platform is passed over.
    pub fn new(rules: &PathRules<'_>) -> Result<Self, PolicyFault> {
        let style = match rules.platform {
            Platform::Posix => Style::Posix,
            Platform::Windows => Style::Windows,
        };
        let zones = |list: &'static str, entries: &[String]| -> Result<Vec<Zone>, PolicyFault> {
            entries.iter().filter_map(|entry| zone(rules.platform, list, entry).transpose()).collect()
        };
        let globs = |list: &'static str, entries: &[String]| -> Result<Vec<Glob>, PolicyFault> {
            let parse = |e: &String| Glob::parse(e, style).map_err(|why| PolicyFault::new(list, e, why));
            entries.iter().map(parse).collect()
        };
        Ok(PathPolicy {
            platform: rules.platform,
            allow: zones(ALLOW, rules.path_allowlist)?,
            restricted: zones(RESTRICTED, rules.restricted_paths)?,
            restricted_globs: globs("restricted_globs", rules.restricted_globs)?,
            redact_globs: globs("redact_paths_globs", rules.redact_paths_globs)?,
            bypass: rules.redact_bypass_policy,
            own: Vec::new(),
            links: Vec::new(),
        })
    }

    /// Compiles the rules that hold on one host.
    pub fn of(effective: &Effective, platform: Platform) -> Result<Self, PolicyFault> {
        Self::new(&PathRules {
            platform,
            path_allowlist: &effective.path_allowlist,
            restricted_paths: &effective.restricted_paths,
            restricted_globs: &effective.restricted_globs,
            redact_paths_globs: &effective.redact_paths_globs,
            redact_bypass_policy: effective.bypass_policy,
        })
    }

    /// Decides on one access to one path, where a link at its end is followed and stays as it is.
    pub fn judge_followed<P: HostPath>(&self, path: &P, access: Access) -> Result<AllowedPath<P>, ToolError> {
        self.judged(path, access)
    }

    /// Decides on one access to one path.
    pub fn judge<P: HostPath>(&self, path: &P, access: Access) -> Result<AllowedPath<P>, ToolError> {
        let allowed = self.judged(path, access)?;
        if access.writes_one() {
            self.keeps_links(path, &path.parts(), access)?;
        }
        Ok(allowed)
    }

    fn judged<P: HostPath>(&self, path: &P, access: Access) -> Result<AllowedPath<P>, ToolError> {
        if P::PLATFORM != self.platform {
            return Err(ToolError::new(
                ErrorName::PathNotAllowed,
                format!("`{path}` is not a path of this host's platform."),
                "Use the path form of the host's platform (hosts.toml, key `platform`).",
            ));
        }
        let parts = path.parts();
        self.decide(path, &parts, access, Below::Refused)
    }

    fn decide<P: HostPath>(
        &self,
        path: &P,
        parts: &Parts,
        access: Access,
        below: Below,
    ) -> Result<AllowedPath<P>, ToolError> {
        if access != Access::Enter {
            self.allowed(path, parts)?;
        }
        self.unrestricted(path, parts, access, below)?;
        if !access.writes_one() {
            self.keeps_links(path, parts, access)?;
        }
        let redact = self.redact(path, parts, access, below)?;
        Ok(AllowedPath { path: path.clone(), access, redact })
    }

    /// Decides on a whole tree as far as its name goes: patterns that could match below it are not refused but come out as
    /// names (of `find -name`) that must be looked for there, and what is found is judged by [`Self::found`]. A pattern
    /// whose fixed part goes on below a tree that is changed is refused all the same: its folders are part of the entry.
    pub fn judge_looking(&self, path: &RemotePath, access: Access) -> Result<(AllowedPath, Vec<String>), ToolError> {
        let parts = path.parts();
        let redact = self.redact_globs.iter().filter(|_| access.launders() && self.bypass == BypassPolicy::Block);
        let globs: Vec<&Glob> =
            self.restricted_globs.iter().chain(redact).filter(|glob| glob.may_match_below(&parts.deny)).collect();
        let passes = access != Access::ReadTree && globs.iter().any(|glob| glob.fixed().len() > parts.deny.len());
        let names: Option<Vec<String>> = globs.iter().map(|glob| glob.last_name()).collect();
        let Some(mut names) = names.filter(|names| !names.is_empty() && !passes) else {
            return Ok((self.judge(path, access)?, Vec::new()));
        };
        names.sort();
        names.dedup();
        Ok((self.decide(path, &parts, access, Below::LookedAt)?, names))
    }

    /// Names (of `find -name`) that a script looks for in a tree that it is about to write anywhere below the allowed roots.
    pub fn written_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.restricted_globs.iter().filter_map(Glob::last_name).collect();
        names.sort();
        names.dedup();
        names
    }

    /// Refuses a tree because of something that is in it, or would be.
    pub fn found(&self, tree: &RemotePath, below: &RemotePath, access: Access) -> Result<(), ToolError> {
        let verdict = if access.launders() {
            self.judge(below, Access::Read).map(drop)
        } else {
            self.unrestricted(below, &below.parts(), Access::Metadata, Below::Refused)
        };
        let holds = if access == Access::WriteTree { "would hold" } else { "holds" };
        verdict.map_err(|error| {
            // Listings do not tell such a name, so a refusal does not either.
            let what = if self.shows(below) {
                format!("The tree at `{tree}` {holds} `{below}`. {}", error.what)
            } else {
                format!("The tree at `{tree}` {holds} what the operator restricts.")
            };
            ToolError { what, ..error }
        })
    }

    /// What may be shown of a path found below a listed folder.
    pub fn entry<P: HostPath>(&self, path: &P) -> Entry {
        let parts = path.parts();
        let restricted = self.restricted.iter().any(|zone| zone.contains(&parts.deny))
            || self.restricted_globs.iter().any(|glob| glob.covers(&parts.deny))
            || self.own.iter().any(|own| own.contains(&parts.deny));
        if P::PLATFORM != self.platform || restricted || self.allowed(path, &parts).is_err() {
            Entry::Hidden
        } else if self.redact_globs.iter().any(|glob| glob.matches(&parts.deny)) {
            Entry::RedactListed
        } else {
            Entry::Shown
        }
    }

    /// True when the name of a path found below a listed folder may be shown.
    pub fn shows<P: HostPath>(&self, path: &P) -> bool {
        self.entry(path) != Entry::Hidden
    }

    /// Refuses a place that is not a path of the caller's but is reached all the same, such as a volume's, where the operator
    /// closed it, something below it or a folder above it.
    pub fn closed<P: HostPath>(&self, path: &P) -> Result<(), ToolError> {
        let parts = path.parts();
        self.unrestricted(path, &parts, Access::Metadata, Below::Refused)?;
        if let Some(own) = self.own.iter().find(|own| own.there && own.is_below(&parts.deny)) {
            return Err(ToolError::new(
                ErrorName::PathRestricted,
                format!("`{path}` is refused: this program's own folder `{}` lies below it.", own.path),
                "Use a folder that does not hold it.",
            ));
        }
        match self.restricted.iter().find(|zone| zone.is_below(&parts.deny)) {
            None => Ok(()),
            Some(zone) => Err(ToolError::new(
                ErrorName::PathRestricted,
                format!("`{path}` is refused: the restricted zone {} lies below it.", zone.named()),
                "Use a path outside it; the operator closed it on purpose.",
            )),
        }
    }

    /// Patterns of `find -path` for files below a folder whose content is not to be searched. They may fit more.
    pub fn unsearched(&self, below: &RemotePath) -> Vec<String> {
        let parts = below.parts().deny;
        let mut found: Vec<String> = self.redact_globs.iter().flat_map(|glob| glob.below(&parts)).collect();
        found.extend(self.shut(below));
        found.sort();
        found.dedup();
        found
    }

    /// Patterns of `find -path` for what the restricted globs close below a folder. They may fit more.
    pub(crate) fn shut(&self, below: &RemotePath) -> Vec<String> {
        let parts = below.parts().deny;
        let patterns = self.restricted_globs.iter().flat_map(|glob| glob.below(&parts));
        patterns.flat_map(|pattern| [format!("{pattern}/*"), pattern]).collect()
    }

    /// Restricted roots below a listed folder, so that a walk need not enter them. It saves work only: globs are not in
    /// it, and [`PathPolicy::entry`] decides on every name that is found.
    pub fn prune<P: HostPath>(&self, below: &P) -> Vec<String> {
        let parts = below.parts();
        let below = self.restricted.iter().filter(|zone| zone.is_below(&parts.deny));
        let name = |zone: &Zone| match (P::PLATFORM, RemotePath::of_rules(&zone.parts)) {
            (Platform::Posix, Ok(path)) => path.as_str().to_owned(),
            _ => zone.here.as_ref().unwrap_or(&zone.text).clone(),
        };
        below.map(name).collect()
    }

    /// True when a redact glob matches this text read as a path, for advice about commands. No permission.
    pub fn redact_lists(&self, text: &str) -> bool {
        let parts = match self.platform {
            Platform::Posix => RemotePath::argument(text).or_else(|_| RemotePath::parse(text)).map(|p| p.parts()).ok(),
            Platform::Windows => WindowsPath::parse(text).map(|p| p.parts()).ok(),
        };
        // A relative word still has a right end, which is what a pattern without a leading separator matches.
        let deny = parts.map_or_else(|| text.split('/').map(str::to_owned).collect(), |p| p.deny);
        self.redact_globs.iter().any(|glob| glob.matches(&deny))
    }

    fn allowed<P: HostPath>(&self, path: &P, parts: &Parts) -> Result<(), ToolError> {
        if self.allow.iter().any(|zone| zone.contains(&parts.allow)) {
            return Ok(());
        }
        if self.allow.is_empty() {
            return Err(ToolError::new(
                ErrorName::PathNotAllowed,
                format!("`{path}` is refused: no path is allowed on this host."),
                "The operator can allow roots with `path_allowlist` in hosts.toml or SSH_PATH_ALLOWLIST.",
            ));
        }
        let written = self.allow.iter().filter(|zone| zone.here.is_none());
        let roots: Vec<&str> = written.map(|zone| zone.text.as_str()).collect();
        Err(ToolError::new(
            ErrorName::PathNotAllowed,
            format!("`{path}` lies outside the allowed roots of this host."),
            format!("Use a path at or below one of: {}.", listed(&roots)),
        ))
    }

    fn unrestricted<P: HostPath>(
        &self,
        path: &P,
        parts: &Parts,
        access: Access,
        below: Below,
    ) -> Result<(), ToolError> {
        let refuse = |rule: String, next: &str| {
            let what = format!("{} `{path}` is refused: {rule}.", capital(access.verb()));
            Err(ToolError::new(ErrorName::PathRestricted, what, next))
        };
        let outside = "Use a path outside it; the operator closed it on purpose.";
        if let Some(zone) = self.restricted.iter().find(|zone| zone.contains(&parts.deny)) {
            return refuse(format!("it lies inside the restricted zone {}", zone.named()), outside);
        }
        if let Some(own) = self.own.iter().find(|own| own.contains(&parts.deny)) {
            let next = "Use a path outside it; what this program keeps on a host is closed to its own tools.";
            return refuse(format!("it lies inside this program's own folder `{}`", own.path), next);
        }
        if let Some(glob) = self.restricted_globs.iter().find(|glob| glob.covers(&parts.deny)) {
            return refuse(format!("it is covered by the restricted glob `{}`", glob.text()), outside);
        }
        if !access.is_tree() {
            return Ok(());
        }
        let smaller = "Act on single files, or on a folder that cannot hold anything restricted.";
        if let Some(zone) = self.restricted.iter().find(|zone| zone.is_below(&parts.deny)) {
            return refuse(format!("the restricted zone {} lies below it", zone.named()), smaller);
        }
        if let Some(own) = self.own.iter().find(|own| own.there && own.is_below(&parts.deny)) {
            return refuse(format!("this program's own folder `{}` lies below it", own.path), smaller);
        }
        let mut globs = self.restricted_globs.iter().filter(|_| below == Below::Refused);
        if let Some(glob) = globs.find(|glob| glob.may_match_below(&parts.deny)) {
            return refuse(format!("matches of the restricted glob `{}` may lie below it", glob.text()), smaller);
        }
        Ok(())
    }

    /// Refuses to move, replace or remove a link that an entry passes through: what lies behind it would lose its rules.
    fn keeps_links<P: HostPath>(&self, path: &P, parts: &Parts, access: Access) -> Result<(), ToolError> {
        let deny = &parts.deny;
        let tree = matches!(access, Access::MoveTree | Access::WriteTree | Access::RemoveTree);
        if !tree && !access.writes_one() && access != Access::Move {
            return Ok(());
        }
        let refuse = |rule: String| {
            let what = format!("{} `{path}` is refused: {rule}.", capital(access.verb()));
            let next = "Leave the link as it is; the operator changes where it leads.";
            Err(ToolError::new(ErrorName::PathRestricted, what, next))
        };
        if let Some(link) = self.links.iter().find(|link| link.parts == *deny || (tree && link.is_below(deny))) {
            return refuse(format!("the entry {} passes through a link there", link.named()));
        }
        if access == Access::Move {
            if let Some(zone) = self.restricted.iter().find(|zone| zone.is_below(deny)) {
                return refuse(format!("the restricted zone {} lies below it", zone.named()));
            }
            let globs = self.restricted_globs.iter().chain(&self.redact_globs);
            if let Some(glob) = globs.into_iter().find(|g| g.fixed().len() > deny.len() && g.may_match_below(deny)) {
                return refuse(format!("the entry `{}` passes through it", glob.text()));
            }
        }
        Ok(())
    }

    fn redact<P: HostPath>(
        &self,
        path: &P,
        parts: &Parts,
        access: Access,
        below: Below,
    ) -> Result<RedactListed, ToolError> {
        if matches!(access, Access::ReadRedacted | Access::Enter) {
            return Ok(RedactListed::No);
        }
        let own = self.redact_globs.iter().find(|glob| glob.matches(&parts.deny));
        // Where nothing is refused for it, nobody looks either.
        let asks = access.launders() && (below == Below::Refused || self.bypass != BypassPolicy::Block);
        let below = || self.redact_globs.iter().find(|glob| asks && glob.may_match_below(&parts.deny));
        let (glob, how) = match (own, own.is_none().then(below).flatten()) {
            (Some(glob), _) => (glob, "it is redact-listed by the glob"),
            (None, Some(glob)) => (glob, "files below it may be redact-listed by the glob"),
            (None, None) => return Ok(RedactListed::No),
        };
        match self.bypass {
            _ if access == Access::Revise => Ok(RedactListed::Redacted),
            BypassPolicy::Warn => Ok(RedactListed::Warn),
            BypassPolicy::AuditOnly => Ok(RedactListed::AuditOnly),
            BypassPolicy::Block => Err(ToolError::new(
                ErrorName::RedactBypassBlocked,
                format!("{} `{path}` is refused: {how} `{}`.", capital(access.verb()), glob.text()),
                match access {
                    Access::Write => {
                        "Change what is in it with ssh_edit (as root: ssh_sudo_edit), by the text that the redacting reader shows; \
                         where it is listed, ssh_env_set sets or adds a key, in a new file too."
                    }
                    _ => {
                        "Read such files with ssh_read_redacted (as root: ssh_sudo_read_redacted); copy or move other files one by \
                         one."
                    }
                },
            )),
        }
    }
}

const ALLOW: &str = "path_allowlist";
const RESTRICTED: &str = "restricted_paths";

/// Reads one root. `None` for an absolute path of the other platform.
fn zone(platform: Platform, list: &'static str, entry: &str) -> Result<Option<Zone>, PolicyFault> {
    if matches!(entry, "*" | "/") {
        return Ok(Some(Zone { text: entry.to_owned(), parts: Vec::new(), here: None }));
    }
    if list == RESTRICTED && entry.contains('*') {
        return Err(PolicyFault::new(list, entry, "paths are literal here; write a pattern into restricted_globs"));
    }
    let side = |parts: Parts| if list == ALLOW { parts.allow } else { parts.deny };
    let read = match platform {
        Platform::Posix => RemotePath::argument(entry).map(|p| side(p.parts())).map_err(|why| why.to_string()),
        Platform::Windows => WindowsPath::parse(entry).map(|p| side(p.parts())).map_err(|why| why.to_string()),
    };
    match read {
        Ok(parts) => Ok(Some(Zone { text: entry.to_owned(), parts, here: None })),
        Err(_) if is_absolute_elsewhere(platform, entry) => Ok(None),
        Err(why) => Err(PolicyFault::new(list, entry, format!("{why}; write an absolute path"))),
    }
}

fn is_absolute_elsewhere(platform: Platform, entry: &str) -> bool {
    match platform {
        Platform::Posix => WindowsPath::parse(entry).is_ok(),
        Platform::Windows => !entry.starts_with("//") && RemotePath::parse(entry).is_ok(),
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
