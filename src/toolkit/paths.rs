//! Paths on a host: approved as text, verified on the host by the script that acts, judged again if a link moved
//! them. One round trip where no link is on the way, one more where there is one.

use super::host::Host;
use super::job::{Job, Output, Script, Status, script_line};
use crate::model::error::{ErrorName, ToolError};
use crate::model::quote::sh_quote;
use crate::model::remote_path::RemotePath;
use crate::policy::path::{Access, AllowedPath, RedactListed, parse};
use crate::ssh::wrapper::SETTLE_MOVED;

/// Exit status of a script that found another object than the approved one: it did nothing, and is run again.
const CHANGED: i32 = 94;

/// How often a path may turn out to be another one before the call gives up.
const ROUNDS: usize = 3;

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
}

impl<'a> PathArg<'a> {
    /// An argument called `path`.
    pub fn new(text: &'a str, access: Access, last: Last) -> Self {
        PathArg { field: "path", text, access, last }
    }

    /// Names the argument in an error, where it is not simply `path`.
    pub(super) fn in_field(&self, error: ToolError) -> ToolError {
        in_field(error, self.field)
    }

    /// The same under another name.
    #[must_use]
    pub fn named(mut self, field: &'static str) -> Self {
        self.field = field;
        self
    }
}

/// A finished operation on verified paths.
#[derive(Debug)]
pub struct OnPaths {
    /// The canonical paths acted on, in the order of the arguments.
    pub paths: Vec<AllowedPath>,
    /// Per argument: true when a link led there.
    pub moved: Vec<bool>,
    /// What the script gave back.
    pub output: Output,
}

impl OnPaths {
    /// The first path.
    pub fn path(&self) -> String {
        self.paths.first().map(|p| p.as_str().to_owned()).unwrap_or_default()
    }
}

/// The sentence of `redact_bypass_policy = "warn"`.
pub(super) const BYPASS_WARNING: &str =
    "This path is redact-listed: raw content may hold secrets and was delivered unredacted. Prefer ssh_read_redacted.";

impl Host {
    /// Runs a script on paths that are verified on the host first.
    ///
    /// The script's positional parameters are the canonical paths, then `args`. It starts in the folder of the last
    /// path with that path's name in `$L`, so that it can work on `./$L`. `shape` sets data, caps and time limit; it
    /// is called once a round.
    pub async fn on_paths(
        &self,
        paths: &[PathArg<'_>],
        script: &Script,
        args: &[&str],
        shape: impl Fn(Job) -> Job + Send + Sync,
    ) -> Result<OnPaths, ToolError> {
        self.on_paths_checked(paths, |_| Ok(()), script, args, shape).await
    }

    /// As [`Self::on_paths`], with rules beyond the path policy: `check` sees the paths of every round, under the
    /// names that the host gave them, and nothing runs on paths that it refuses.
    pub async fn on_paths_checked(
        &self,
        paths: &[PathArg<'_>],
        check: impl Fn(&[AllowedPath]) -> Result<(), ToolError> + Send + Sync,
        script: &Script,
        args: &[&str],
        shape: impl Fn(Job) -> Job + Send + Sync,
    ) -> Result<OnPaths, ToolError> {
        let make = |settle: &str, paths: &[AllowedPath]| {
            check(paths)?;
            let params: Vec<&str> = paths.iter().map(AllowedPath::as_str).chain(args.iter().copied()).collect();
            let body = format!("{settle}\n{}", script.compact());
            Ok(shape(Job::line(script_line(&body, params))))
        };
        self.on_paths_where(paths, make, Ok).await
    }

    /// The same for jobs that are more than one script: `make` gets the `settle` line and the paths.
    pub async fn on_paths_by(
        &self,
        paths: &[PathArg<'_>],
        make: impl Fn(&str, &[AllowedPath]) -> Job + Send + Sync,
    ) -> Result<OnPaths, ToolError> {
        self.on_paths_where(paths, |settle, paths| Ok(make(settle, paths)), Ok).await
    }

    /// `make` builds the job of a round, `finish` takes off its output what only the wrapping is concerned with.
    pub(super) async fn on_paths_where(
        &self,
        paths: &[PathArg<'_>],
        make: impl Fn(&str, &[AllowedPath]) -> Result<Job, ToolError> + Send + Sync,
        finish: impl Fn(Output) -> Result<Output, ToolError> + Send + Sync,
    ) -> Result<OnPaths, ToolError> {
        let mut texts: Vec<RemotePath> = Vec::with_capacity(paths.len());
        for arg in paths {
            self.call().journal().path_at(self.alias(), arg.text);
            texts.push(parse(arg.text).map_err(|e| in_field(e, arg.field))?);
        }
        let typed = texts.clone();
        for _ in 0..ROUNDS {
            let mut allowed = Vec::with_capacity(paths.len());
            for (arg, path) in paths.iter().zip(&texts) {
                let path = self.entry().paths.judge(path, arg.access).map_err(|e| in_field(e, arg.field))?;
                allowed.push(path);
            }
            let settle: Vec<String> = paths
                .iter()
                .zip(&allowed)
                .map(|(arg, path)| format!("{} {}", arg.last.mode(), sh_quote(path.as_str())))
                .collect();
            let output = finish(self.run(make(&format!("settle {}", settle.join(" ")), &allowed)?).await?)?;
            match output.status {
                Status::Exit(SETTLE_MOVED) => {
                    texts = canonical(&output.stdout, paths.len()).map_err(|what| moved_error(&what))?;
                    for (text, typed) in texts.iter().zip(&typed) {
                        self.call().journal().path_resolved(typed.as_str(), text.as_str());
                    }
                }
                Status::Exit(CHANGED) => {}
                Status::Exit(91) => return Err(absent(&output, "no such file or directory")),
                Status::Exit(92) => return Err(absent(&output, "the login account may not enter it")),
                Status::Exit(93) => return Err(absent(&output, "a part of it is not a directory")),
                _ => {
                    let moved = texts.iter().zip(&typed).map(|(now, typed)| now != typed).collect();
                    self.note_bypass(&allowed);
                    return Ok(OnPaths { paths: allowed, moved, output });
                }
            }
        }
        Err(moved_error("a link on the way kept changing"))
    }

    /// Flags and warns for redact-listed paths under `warn` and `audit_only`.
    pub fn note_bypass<P>(&self, paths: &[AllowedPath<P>]) {
        for path in paths {
            match path.redact_listed() {
                RedactListed::No => {}
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
    let text = std::str::from_utf8(stdout).map_err(|_| "the host's canonical path is not UTF-8".to_owned())?;
    let names: Vec<&str> = text.strip_suffix("/./").unwrap_or(text).split("/./").collect();
    if names.len() != expected {
        return Err("the host's canonical path cannot be read".to_owned());
    }
    names
        .iter()
        .map(|name| RemotePath::parse(name))
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

fn absent(output: &Output, why: &str) -> ToolError {
    ToolError::new(
        ErrorName::PathNotAllowed,
        format!("`{}` cannot be used: {why}.", output.stdout_or_stderr()),
        "Check the spelling with ssh_sftp_list on a folder above it; root's files need the sudo tools.",
    )
}

impl Output {
    fn stdout_or_stderr(&self) -> String {
        let text = self.stderr_line();
        if text.is_empty() { self.stdout_text() } else { text }
    }
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
        assert!(names("/a\nb/./", 1).is_err());
        assert!(names("", 1).is_err());
    }
}
