//! Paths on a host: approved as text, verified on the host by the script that acts, judged again if a link moved
//! them. One round trip where no link is on the way, one more where there is one.

use super::account::Account;
use super::host::{BYPASS_WARNING, Host};
use super::job::{Job, Output, Status};
use super::state::host_paths::{OTHER_NAMES, Viewer};
use crate::model::error::{ErrorName, ToolError};
use crate::model::file_name;
use crate::model::quote::sh_quote;
use crate::model::remote_path::RemotePath;
use crate::policy::path::{self, Access, AllowedPath, PathPolicy, RedactListed};
use crate::ssh::wrapper::SETTLE_MOVED;

/// Exit status of a script that found another object than the approved one: it did nothing, and is run again.
const CHANGED: i32 = 94;

/// Exit status of a script that found a link in front of a `..`. It did nothing.
const BEHIND_LINK: i32 = 88;

/// Exit status of a script that found names which may be closed: it did nothing.
const FOUND: i32 = 86;

/// Most bytes of such names.
const FOUND_MAX: usize = 16 * 1024;

/// How often a path, or what the rules name, may turn out to be another place before the call gives up.
const ROUNDS: usize = 6;

/// What a link as the last component means for an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Last {
    /// The target is meant, and must exist.
    Follow,
    /// The target is meant where there is one; the object may be new.
    MayBeNew,
    /// The name itself is meant, link or not.
    Itself,
}

impl Last {
    const fn mode(self) -> &'static str {
        match self {
            Last::Follow => "f",
            Last::MayBeNew => "w",
            Last::Itself => "n",
        }
    }
}

/// What becomes of a tree in which a pattern could match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Looks {
    /// It is refused.
    Nobody,
    /// The host looks before anything is done. Of a tree that is written it looks at what the first path of the call holds,
    /// under the names that it gets.
    Proof,
    /// The tool's own script looks at what it is about to write, by [`PathPolicy::written_names`].
    Script,
}

/// One path argument of a tool.
#[derive(Debug, Clone, Copy)]
pub struct PathArg<'a> {
    /// The argument's name, for messages.
    pub field: &'static str,
    /// The text as given.
    pub text: &'a str,
    /// What is about to be done to it.
    pub access: Access,
    /// What a link at its end means.
    pub last: Last,
    /// Who looks for what is closed in a tree where a pattern could match in it.
    pub looks: Looks,
    /// The text is carried text of this program's own, in which nothing is escaped.
    pub carried: bool,
}

impl<'a> PathArg<'a> {
    /// An argument called `path`.
    pub fn new(text: &'a str, access: Access, last: Last) -> Self {
        PathArg { field: "path", text, access, last, looks: Looks::Nobody, carried: false }
    }

    /// A tree to be read, in which the host looks for what patterns close, instead of being refused because it could hold
    /// something of the kind.
    pub fn tree(text: &'a str, last: Last) -> Self {
        PathArg::new(text, Access::ReadTree, last).looking()
    }

    /// The same for any access to a tree.
    #[must_use]
    pub fn looking(self) -> Self {
        PathArg { looks: Looks::Proof, ..self }
    }

    /// The same where the tool's own script looks.
    #[must_use]
    pub fn looked_at_by_script(self) -> Self {
        PathArg { looks: Looks::Script, ..self }
    }

    /// The same for a path that was read before: its text is what scripts get.
    #[must_use]
    pub fn carried(self) -> Self {
        PathArg { carried: true, ..self }
    }

    /// Reads the text.
    fn read(&self) -> Result<RemotePath, ToolError> {
        let read = if self.carried {
            RemotePath::of_carried(self.text).map_err(|why| path::unusable(self.text, why))
        } else {
            path::parse(self.text)
        };
        read.map_err(|e| self.in_field(e))
    }

    /// Names the argument in an error, where it is not simply `path`.
    pub(super) fn in_field(&self, error: ToolError) -> ToolError {
        in_field(error, self.field)
    }

    /// The folder in front of each `..` of it.
    pub(super) fn turns(&self) -> Vec<RemotePath> {
        let (mut found, mut parts) = (Vec::new(), Vec::new());
        for part in self.text.split('/') {
            match part {
                "" | "." => {}
                ".." if parts.is_empty() => {}
                ".." => {
                    let text = format!("/{}", parts.join("/"));
                    found.extend(PathArg { text: &text, ..*self }.read());
                    parts.pop();
                }
                name => parts.push(name),
            }
        }
        found
    }

    /// The same under another name.
    #[must_use]
    pub fn named(mut self, field: &'static str) -> Self {
        self.field = field;
        self
    }
}

/// What a script has to begin with, so that it acts on nothing but what was judged.
#[derive(Debug)]
pub(crate) struct Proof {
    /// The entries of the rules lead where the rules assume.
    pub rules: String,
    /// The paths are their own real names. Enters the folder of the last one.
    pub paths: String,
}

impl Proof {
    /// Both.
    pub(super) fn all(&self) -> String {
        format!("{}; {}", self.rules, self.paths)
    }
}

/// Trees in which the host looks for names, before anything is done.
#[derive(Default)]
struct Look(Vec<Looked>);

/// A tree in which names are looked for.
struct Looked {
    tree: RemotePath,
    names: Vec<String>,
    /// Where what it holds is judged: there, or where it will lie.
    at: RemotePath,
    access: Access,
}

impl Look {
    fn add(&mut self, tree: &RemotePath, judged: &AllowedPath, names: Vec<String>) {
        if !names.is_empty() {
            let (at, access) = (judged.path().clone(), judged.access());
            self.0.push(Looked { tree: tree.clone(), names, at, access });
        }
    }

    fn looks(&self) -> bool {
        !self.0.is_empty()
    }

    /// The words that look, behind those of `settle`. What is found and was judged before stops nothing; neither names nor
    /// complaints are lost, since whoever cannot enter a folder does not know what is in it.
    fn line(&self, known: &str) -> String {
        if !self.looks() {
            return String::new();
        }
        let finds: Vec<String> = self
            .0
            .iter()
            .map(|Looked { tree, names, .. }| {
                let tests: Vec<String> = names.iter().map(|name| format!("-name {}", sh_quote(name))).collect();
                let tree = sh_quote(tree.as_str());
                format!("[ ! -d {tree} ] || LC_ALL=C find {tree} \\( {} \\) -print", tests.join(" -o "))
            })
            .collect();
        format!(
            "\nw=$({{ {}; }} 2>&1 </dev/null | head -c {FOUND_MAX})\n[ \"$w\" = {} ] || {{ printf %s \"$w\"; exit {FOUND}; }}",
            finds.join("; "),
            sh_quote(known)
        )
    }

    /// Judges what was found; a line that is not a path below one of the trees is a complaint.
    fn judge(&self, found: &str, rules: &PathPolicy) -> Result<(), ToolError> {
        let unknown = |why: &str| {
            let (tree, names) =
                self.0.first().map(|look| (look.tree.to_string(), look.names.join(", "))).unwrap_or_default();
            ToolError::new(
                ErrorName::PathRestricted,
                format!("It cannot be checked whether `{tree}` contains closed paths ({names}): {why}."),
                "Name a smaller folder that the account may read; where a tool takes `sudo`, root looks.",
            )
        };
        if found.len() >= FOUND_MAX {
            return Err(unknown("too much has such a name"));
        }
        for line in found.lines() {
            let path = RemotePath::of_carried(line).ok().filter(|path| path.as_str() == line);
            let looks: Vec<&Looked> =
                path.iter().flat_map(|path| self.0.iter().filter(move |look| path.is_within(&look.tree))).collect();
            let (Some(path), false) = (&path, looks.is_empty()) else {
                return Err(unknown(line.rsplit(": ").next().unwrap_or(line)));
            };
            for look in looks {
                let there = path
                    .carried_along(&look.tree, &look.at)
                    .map_err(|_| unknown("a name of it would be too long there"))?;
                rules.found(&look.at, &there, look.access)?;
            }
        }
        Ok(())
    }
}

/// A finished operation on verified paths.
#[derive(Debug)]
pub(crate) struct OnPaths {
    /// The canonical paths acted on, in the order of the arguments.
    pub paths: Vec<AllowedPath>,
    /// Per argument: true when a link led there.
    pub moved: Vec<bool>,
    /// What the script gave back.
    pub output: Output,
}

impl OnPaths {
    /// True where the first path is redact-listed, under its own name or the one that was typed.
    pub(crate) fn listed(&self) -> bool {
        self.paths.first().is_some_and(|path| path.redact_listed() != RedactListed::No)
    }

    /// The first path, as answers show it.
    pub(crate) fn path(&self) -> String {
        self.paths.first().map(|p| p.path().to_string()).unwrap_or_default()
    }
}

/// Builds the job of a round from its proof and its paths.
pub(super) type MakeJob<'a> = dyn Fn(&Proof, &[AllowedPath]) -> Result<Job, ToolError> + Send + Sync + 'a;

impl Account {
    /// Judges the paths, runs the job that `make` builds of them, and judges anew where the host found other names.
    pub(super) async fn run_on_paths(&self, paths: &[PathArg<'_>], make: &MakeJob<'_>) -> Result<OnPaths, ToolError> {
        let (host, viewer) = (&self.host, self.viewer());
        let mut texts: Vec<RemotePath> = Vec::with_capacity(paths.len());
        for arg in paths {
            host.call().journal().path_at(host.alias(), arg.text);
            texts.push(arg.read()?);
        }
        let typed = texts.clone();
        let straight = straight(paths);
        let mut listed = vec![RedactListed::No; paths.len()];
        let mut known = String::new();
        for _ in 0..ROUNDS {
            let ruling = host.entry().paths.ruling(viewer);
            let mut allowed = Vec::with_capacity(paths.len());
            let mut look = Look::default();
            for (at, (arg, path)) in paths.iter().zip(&texts).enumerate() {
                // Both names count: the one that was typed, and the one that it leads to.
                let both = [typed.get(at).filter(|typed| *typed != path), Some(path)].into_iter().flatten();
                let mut now = None;
                for name in both {
                    let judged = if arg.looks != Looks::Nobody {
                        ruling.rules.judge_looking(name, arg.access).map(|(judged, names)| {
                            let source = allowed.first().filter(|_| arg.access == Access::WriteTree);
                            if arg.looks == Looks::Proof {
                                look.add(source.map_or(judged.path(), AllowedPath::path), &judged, names);
                            }
                            judged
                        })
                    } else if arg.last == Last::Itself {
                        ruling.rules.judge(name, arg.access)
                    } else {
                        ruling.rules.judge_followed(name, arg.access)
                    };
                    let judged = judged.map_err(|e| in_field(led(e, typed.get(at), name), arg.field))?;
                    if let (Some(listed), false) = (listed.get_mut(at), judged.redact_listed() == RedactListed::No) {
                        *listed = judged.redact_listed();
                    }
                    now = Some(judged.also_listed(listed.get(at).copied().unwrap_or(RedactListed::No)));
                }
                allowed.extend(now);
            }
            let settle: Vec<String> = paths
                .iter()
                .zip(&allowed)
                .map(|(arg, path)| format!("{} {}", arg.last.mode(), sh_quote(path.as_str())))
                .collect();
            let proof = Proof {
                rules: format!("{}{straight}", ruling.held),
                paths: format!("settle {}{}", settle.join(" "), look.line(&known)),
            };
            let job = make(&proof, &allowed)?;
            let mark = job.mark.clone();
            let mut output = Box::pin(self.run(job)).await?;
            // The status of a caller's command that began is none of the proof's.
            let began = mark.as_ref().is_some_and(|mark| output.take_mark(mark));
            output.began &= began || mark.is_none();
            match output.status {
                _ if began => {
                    let moved = texts.iter().zip(&typed).map(|(now, typed)| now != typed).collect();
                    return Ok(OnPaths { paths: allowed, moved, output });
                }
                Status::Exit(OTHER_NAMES) => match host.entry().paths.learn(viewer, &output.stdout) {
                    Some(told) => told.into_iter().for_each(|sentence| host.call().warn(sentence)),
                    None => return Err(moved_error("the host's names of what the rules close cannot be read")),
                },
                Status::Exit(BEHIND_LINK) => return Err(behind_link(&told_path(&output))),
                Status::Exit(FOUND) if look.looks() => {
                    known = file_name::carried(&output.stdout);
                    look.judge(&known, &ruling.rules)?;
                }
                Status::Exit(SETTLE_MOVED) => {
                    texts = canonical(&output.stdout, paths.len()).map_err(|what| moved_error(&what))?;
                    for (text, typed) in texts.iter().zip(&typed) {
                        host.call().journal().path_resolved(typed.to_string(), text.to_string());
                    }
                }
                Status::Exit(CHANGED) => {}
                Status::Exit(status @ 91..=93) => {
                    // What is missing outside is refused as what is there, so that nothing is learnt of it.
                    if let Some((at, real)) = reached(&output.stdout, paths.len()) {
                        let rules = host.entry().paths.rules(viewer);
                        if let (Some(arg), Err(error)) = (paths.get(at), rules.judge(&real, arg_access(paths, at))) {
                            return Err(in_field(led(error, typed.get(at), &real), arg.field));
                        }
                    }
                    return Err(absent(&output, status, viewer));
                }
                _ => {
                    let moved = texts.iter().zip(&typed).map(|(now, typed)| now != typed).collect();
                    host.note_bypassed(&listed);
                    return Ok(OnPaths { paths: allowed, moved, output });
                }
            }
        }
        Err(moved_error("a link on the way kept changing"))
    }
}

impl Host {
    /// Flags and warns for redact-listed paths under `warn` and `audit_only`.
    pub fn note_bypass<P>(&self, paths: &[AllowedPath<P>]) {
        self.note_bypassed(&paths.iter().map(AllowedPath::redact_listed).collect::<Vec<_>>());
    }

    fn note_bypassed(&self, listed: &[RedactListed]) {
        for listed in listed {
            match listed {
                RedactListed::No | RedactListed::Redacted => {}
                RedactListed::Warn => {
                    self.call().warn(BYPASS_WARNING);
                    self.call().journal().redact_bypass_at(self.alias());
                }
                RedactListed::AuditOnly => self.call().journal().redact_bypass_at(self.alias()),
            }
        }
    }
}

fn in_field(mut error: ToolError, field: &str) -> ToolError {
    if field != "path" {
        error.what = format!("Argument `{field}`: {}", error.what);
    }
    error
}

/// Reads the canonical names that `settle` printed.
fn canonical(stdout: &[u8], expected: usize) -> Result<Vec<RemotePath>, String> {
    let text = file_name::carried(stdout);
    let names: Vec<&str> = text.strip_suffix("/./").unwrap_or(&text).split("/./").collect();
    if names.len() != expected {
        return Err("the host's canonical path cannot be read".to_owned());
    }
    names
        .iter()
        .map(|name| RemotePath::of_carried(name))
        .collect::<Result<_, _>>()
        .map_err(|e| format!("the host's canonical path: {e}"))
}

fn moved_error(what: &str) -> ToolError {
    ToolError::new(
        ErrorName::PathNotAllowed,
        format!("The path could not be resolved: {what}. Nothing was done."),
        "Name the target itself, without links, and call again.",
    )
}

/// The refusal of a path under its real name, told of the name that was typed: what lies behind a link that leads out is
/// not shown, nor whether it is there.
fn led(mut error: ToolError, typed: Option<&RemotePath>, real: &RemotePath) -> ToolError {
    if let Some(typed) = typed.filter(|typed| *typed != real) {
        let what = error.what.replace(&format!("`{real}`"), &format!("`{typed}`"));
        error.what = format!("{what} A link on the way leads there.");
    }
    error
}

/// The folders in front of each `..` of the arguments, which have to be no links: the text is folded before anything is
/// judged, and behind a link the host would take it for another place.
fn straight(paths: &[PathArg<'_>]) -> String {
    let found: Vec<RemotePath> = paths.iter().flat_map(PathArg::turns).collect();
    if found.is_empty() {
        return String::new();
    }
    format!("; straight {}", found.iter().map(|folder| sh_quote(folder.as_str())).collect::<Vec<_>>().join(" "))
}

pub(super) fn behind_link(folder: &str) -> ToolError {
    ToolError::new(
        ErrorName::PathNotAllowed,
        format!("`..` after `{folder}` is refused: that folder is a link on this host, or is reached through one."),
        "Name the path without `..`.",
    )
}

/// Which argument is not there, and its real name as far as there is something.
fn reached(stdout: &[u8], expected: usize) -> Option<(usize, RemotePath)> {
    let text = file_name::carried(stdout.strip_suffix(b"/./")?);
    let (left, path) = text.rsplit_once("/./")?;
    let left: usize = left.rsplit('/').next()?.parse().ok()?;
    Some((expected.checked_sub(left / 2)?, RemotePath::of_carried(path).ok()?))
}

/// The path that a script told on standard error.
fn told_path(output: &Output) -> String {
    if output.stderr.starts_with(b"/") { file_name::shown_bytes(&output.stderr) } else { output.stderr_line() }
}

fn arg_access(paths: &[PathArg<'_>], at: usize) -> Access {
    paths.get(at).map_or(Access::Read, |arg| arg.access)
}

fn absent(output: &Output, status: i32, viewer: Viewer) -> ToolError {
    let (why, next) = match (status, viewer) {
        (92, Viewer::Login) => (
            "the login account may not enter it",
            "This account cannot look behind it, so the path may exist; the sudo tools can see it.",
        ),
        (92, Viewer::Root) => {
            ("even root may not enter it", "Look at its file system: a network share may refuse root.")
        }
        (93, _) => ("a part of it is not a directory", "Check the spelling with ssh_sftp_list on a folder above it."),
        (_, _) => ("no such file or directory", "Check the spelling with ssh_sftp_list on a folder above it."),
    };
    ToolError::new(ErrorName::PathNotAllowed, format!("`{}` cannot be used: {why}.", told_path(output)), next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_settle_prints() {
        let names = |text: &str, n| {
            canonical(text.as_bytes(), n).map(|v| v.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        assert_eq!(names("/a/b/./", 1), Ok(vec!["/a/b".to_owned()]));
        assert!(names("/a/b/.///./c/./", 2).is_err());
        assert_eq!(names("/a/b/.//c/./", 2), Ok(vec!["/a/b".to_owned(), "/c".to_owned()]));
        assert_eq!(names("//.//c/./", 2), Ok(vec!["/".to_owned(), "/c".to_owned()]));
        assert!(names("/a/b/./", 2).is_err());
        assert_eq!(names("/a\nb/./", 1), Ok(vec!["/a\\x0ab".to_owned()]));
        assert!(names("", 1).is_err());
    }
}
