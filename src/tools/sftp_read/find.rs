//! `ssh_find`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::actor::Actor;
use crate::model::error::{ErrorName, ToolError};
use crate::model::remote_path::RemotePath;
use crate::model::tier::Group;
use crate::toolkit::{Access, Call, Last, PathArg, PathEntry, Script, Spec, Targets, Tool};
use crate::tools::script_or_sftp;

const FIND: Script = Script::new(concat!(include_str!("enter.sh"), include_str!("find.sh")));

/// Most bytes of what find and grep say.
const FIND_CAP: u64 = 8 << 20;

/// Longest text to look for, in bytes.
const CONTAINS_MAX: usize = 1024;

mod over_sftp;

use over_sftp::find_over_sftp;

/// Finds files.
#[derive(Debug)]
pub struct Find;

/// Arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// host alias
    host: String,
    /// absolute path of a folder
    path: String,
    /// letters, digits, . _ - * ? [ ]
    #[serde(default = "any_name")]
    name_pattern: String,
    /// f, d or l
    #[serde(default = "files")]
    kind: String,
    /// 0 is the folder itself
    #[serde(default)]
    max_depth: Option<u64>,
    /// only files with this text in them
    #[serde(default)]
    contains: Option<String>,
}

fn any_name() -> String {
    "*".to_owned()
}

fn files() -> String {
    "f".to_owned()
}

/// A line that holds the text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
struct Hit {
    path: String,
    line: u64,
    text: String,
}

/// What was found.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Reply {
    host: String,
    root: String,
    matches: Vec<String>,
    truncated: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lines: Vec<Hit>,
    output_warnings: Vec<String>,
}

impl Tool for Find {
    type Args = Args;
    type Reply = Reply;
    const SPEC: Spec =
        Spec::read("ssh_find", Group::SftpRead, "Find files by name or content under an allowed directory");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: Args) -> Result<Reply, ToolError> {
        check(&args)?;
        let actor = Actor::login(call.host(&args.host)?);
        script_or_sftp!(actor, by_script(call, &actor, &args), find_over_sftp(call, &actor, &args))
    }
}

async fn by_script(call: &Call, actor: &Actor, args: &Args) -> Result<Reply, ToolError> {
    let settings = call.settings();
    let depth = args.max_depth.unwrap_or(settings.ssh_find_max_depth).min(settings.ssh_find_max_depth).to_string();
    let most = usize::try_from(settings.ssh_find_max_results).unwrap_or(usize::MAX);
    let ask = most.saturating_add(1).to_string();
    let rules = actor.rules();
    let pruned = RemotePath::parse(&args.path).map(|root| prunes(&root, &rules.prune(&root))).unwrap_or_default();
    let text = args.contains.as_deref().unwrap_or_default();
    let mut words = vec![depth.as_str(), args.kind.as_str(), args.name_pattern.as_str(), ask.as_str(), text];
    words.extend(pruned.iter().map(String::as_str));
    let arg = PathArg::new(&args.path, Access::List, Last::Follow);
    let done = actor.on_paths(&[arg], &FIND, &words, None, |job| job.caps(FIND_CAP + 1024, 65_536)).await?;
    let root = done.path();
    let next = "Look at the folder with ssh_sftp_stat; the login account must be able to read it.";
    let output = done.output.success(ErrorName::SFTPError, &format!("Searching `{root}`"), next)?;
    if let Some(sentence) = complaints(&output.stderr_text()) {
        call.warn(sentence);
    }
    let (mut found, mut lines) = if args.contains.is_some() {
        contents(&root, &output.stdout)
    } else {
        (output.stdout.split(|b| *b == b'\n').filter(|n| !n.is_empty()).map(|n| full(&root, n)).collect(), Vec::new())
    };
    let truncated = found.len() > most || output.stdout_truncated || output.stdout_bytes >= FIND_CAP / 2;
    let wants_content = args.contains.is_some();
    // As the host is known now: this call may have been the first.
    let rules = actor.rules();
    let judged = |path: &str| {
        let plain: String = path.chars().map(|c| if c.is_control() { '_' } else { c }).collect();
        RemotePath::parse(&plain).is_ok_and(|path| match rules.entry(&path) {
            PathEntry::Shown => true,
            PathEntry::RedactListed => !wants_content,
            PathEntry::Hidden => false,
        })
    };
    // The folder has two names where a link led to it; both count.
    let shown = |path: &str| {
        let rest = path.strip_prefix(root.trim_end_matches('/')).unwrap_or(path);
        judged(path) && judged(&format!("{}/{rest}", args.path))
    };
    found.retain(|path| shown(path));
    found.sort();
    found.truncate(most);
    lines.retain(|hit| shown(&hit.path));
    Ok(Reply {
        host: actor.host.hostname().to_owned(),
        root,
        matches: found,
        truncated,
        lines,
        output_warnings: Vec::new(),
    })
}

fn check(args: &Args) -> Result<(), ToolError> {
    let pattern = &args.name_pattern;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._*?-[]".contains(&b);
    if pattern.is_empty() || pattern.len() > 128 || !pattern.bytes().all(plain) {
        return Err(ToolError::value(
            format!("Argument `name_pattern`: {pattern:?} is not accepted."),
            "Use 1 to 128 letters, digits and the characters . _ - * ? [ ].",
        ));
    }
    if !matches!(args.kind.as_str(), "f" | "d" | "l") {
        return Err(ToolError::value(format!("Argument `kind`: {:?} is no kind.", args.kind), "Use f, d or l."));
    }
    if let Some(text) = &args.contains {
        if text.is_empty() || text.len() > CONTAINS_MAX || text.chars().any(|c| c.is_control() && c != '\t') {
            return Err(ToolError::value(
                "Argument `contains` is not accepted.",
                "Give one line of text, at most 1024 bytes; it is looked for as it is, not as a pattern.",
            ));
        }
        if args.kind != "f" {
            return Err(ToolError::value("Argument `contains` needs kind f.", "Leave `kind` out."));
        }
    }
    Ok(())
}

/// The zones below a root as patterns for `find -path`, their special characters escaped.
fn prunes(root: &RemotePath, zones: &[String]) -> Vec<String> {
    let prefix = format!("{}/", root.as_str().trim_end_matches('/'));
    let escape = |rest: &str| {
        let mut out = "./".to_owned();
        for c in rest.trim_end_matches('/').chars() {
            if matches!(c, '*' | '?' | '[' | ']' | '\\') {
                out.push('\\');
            }
            out.push(c);
        }
        out
    };
    zones.iter().filter_map(|zone| zone.strip_prefix(&prefix)).map(escape).collect()
}

/// `./a` below the root; byte 1 stands for a newline in a name.
fn full(root: &str, name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name).replace('\u{1}', "\n");
    match name.strip_prefix("./") {
        Some(rest) => format!("{}/{rest}", root.trim_end_matches('/')),
        None => root.to_owned(),
    }
}

/// Reads `F ./path`, then `N:LINE` of that file.
fn contents(root: &str, stdout: &[u8]) -> (Vec<String>, Vec<Hit>) {
    let (mut paths, mut hits) = (Vec::new(), Vec::new());
    for line in stdout.split(|b| *b == b'\n') {
        if let Some(name) = line.strip_prefix(b"F ") {
            paths.push(full(root, name));
            continue;
        }
        let text = String::from_utf8_lossy(line);
        let Some((number, text)) = text.split_once(':') else { continue };
        if let (Ok(line), Some(path)) = (number.parse(), paths.last()) {
            hits.push(Hit { path: path.clone(), line, text: text.to_owned() });
        }
    }
    (paths, hits)
}

/// One sentence for all that the account could not look into.
fn complaints(stderr: &str) -> Option<String> {
    let mut lines = stderr.lines().filter(|line| !line.trim().is_empty());
    let first = lines.next()?;
    let more = lines.count();
    let more = if more == 0 { String::new() } else { format!(" ({more} more like it)") };
    Some(format!("Not everything could be searched: {first}{more}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_below_the_root() {
        assert_eq!(full("/srv", b"./a/b\x01c"), "/srv/a/b\nc");
        assert_eq!(full("/", b"./a"), "/a");
        assert_eq!(full("/srv", b"."), "/srv");
    }

    #[test]
    fn zones_become_patterns() {
        let root = RemotePath::parse("/srv").unwrap();
        assert_eq!(prunes(&root, &["/srv/a*b".to_owned(), "/other".to_owned()]), ["./a\\*b"]);
    }

    #[test]
    fn lines_of_files() {
        let (paths, hits) = contents("/r", b"F ./a\n3:x: y\nBinary\nF ./b\n1:z\n");
        assert_eq!(paths, ["/r/a", "/r/b"]);
        assert_eq!((hits.len(), hits[0].line, hits[0].text.as_str(), hits[1].path.as_str()), (2, 3, "x: y", "/r/b"));
    }

    #[test]
    fn what_could_not_be_searched_is_told_once() {
        assert_eq!(complaints(""), None);
        assert!(complaints("find: ./a: Permission denied\nfind: ./b: x\n").unwrap().contains("(1 more like it)"));
    }
}
