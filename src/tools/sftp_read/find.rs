//! `ssh_find`.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::facts;
use crate::model::error::{ErrorName, ToolError};
use crate::model::file_name;
use crate::model::remote_path::RemotePath;
use crate::model::tier::Group;
use crate::toolkit::{
    Access, Account, AllowedPath, Call, Last, PathArg, PathEntry, Script, Spec, Status, Targets, Tool,
};
use crate::tools::script_or_sftp;

const FIND: Script = Script::new(concat!(
    include_str!("enter.sh"),
    include_str!("../host/within.sh"),
    include_str!("../dead.sh"),
    include_str!("find.sh")
));

/// Most bytes of what find and grep say.
const FIND_CAP: u64 = 8 << 20;
/// Bytes at which the script ends its lines of content, and its names.
const CONTENT_END: u64 = 4_000_000;
const NAMES_END: u64 = 8_000_000;

/// Lines of one file, bytes of one line and bytes of one file, where the caller does not say.
const LINES: u64 = 20;
const LINE_BYTES: u64 = 400;
const FILE_BYTES: u64 = 256 << 20;
/// The most that the caller may ask for.
const LINES_MAX: u64 = 10_000;
const LINE_BYTES_MAX: u64 = 100_000;
const FILE_BYTES_MAX: u64 = 1 << 44;
/// Most files that one warning names.
const NAMED: usize = 5;

/// Most names that the host lists before those that are closed are taken away.
const NAMES: usize = 100_000;

/// Status of a script that was asked for content above a mount that does not answer.
const DEAD: i32 = 87;

/// Longest text to look for, in bytes.
const CONTAINS_MAX: usize = 1024;

mod filters;
mod over_sftp;

use filters::{Filters, Row, Sort};
use over_sftp::find_over_sftp;

/// Finds files.
#[derive(Debug)]
pub(super) struct Find;

/// Arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
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
    /// lines of a file, default 20, most 10000
    #[serde(default)]
    max_lines: Option<u64>,
    /// bytes of a line, default 400, most 100000
    #[serde(default)]
    max_line_bytes: Option<u64>,
    /// skip larger files, default 268435456
    #[serde(default)]
    max_file_bytes: Option<u64>,
    /// bytes
    #[serde(default)]
    min_size: Option<u64>,
    /// bytes
    #[serde(default)]
    max_size: Option<u64>,
    /// changed within: 30m, 12h, 7d
    #[serde(default)]
    newer_than: Option<String>,
    /// changed longer ago: 30d
    #[serde(default)]
    older_than: Option<String>,
    /// account name
    #[serde(default)]
    owner: Option<String>,
    /// bits set, octal: 4000, 0002
    #[serde(default)]
    permission: Option<String>,
    /// largest or newest first
    #[serde(default)]
    sort: Option<Sort>,
    /// only how many
    #[serde(default)]
    count_only: bool,
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
    /// The line is longer than what is shown.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    cut: bool,
}

/// What was found.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Reply {
    host: String,
    root: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    matches: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<Vec<Row>>,
    truncated: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lines: Vec<Hit>,
    output_warnings: Vec<String>,
}

impl Tool for Find {
    type Args = Args;
    type Reply = Reply;
    const SPEC: Spec =
        Spec::read("ssh_find", Group::SftpRead, "Find files by name or content under an allowed directory")
            .found_as("Find files", "search grep text in files locate big old files")
            .always_loaded();

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: Args) -> Result<Reply, ToolError> {
        check(&args)?;
        let filters = Filters::of(&args)?;
        let actor = Account::login(call.host(&args.host)?);
        script_or_sftp!(actor, by_script(call, &actor, &args, filters.as_ref()), find_over_sftp(call, &actor, &args))
    }
}

async fn by_script(call: &Call, actor: &Account, args: &Args, filters: Option<&Filters>) -> Result<Reply, ToolError> {
    let settings = call.settings();
    let depth = args.max_depth.unwrap_or(settings.ssh_find_max_depth).min(settings.ssh_find_max_depth).to_string();
    let most = usize::try_from(settings.ssh_find_max_results).unwrap_or(usize::MAX);
    // Names are counted when those that are closed are gone; with a text the host leaves such files out itself.
    let asked = if args.contains.is_some() { most.saturating_add(1) } else { most.saturating_add(1).max(NAMES) };
    let ask = asked.to_string();
    let text = args.contains.as_deref().unwrap_or_default();
    let shows = Shows::of(args);
    let limits = [shows.lines, shows.line_bytes, shows.file_bytes].map(|n| n.to_string());
    let mut fixed = vec![depth.as_str(), args.kind.as_str(), args.name_pattern.as_str(), ask.as_str(), text];
    fixed.extend(limits.iter().map(String::as_str));
    let typed = RemotePath::argument(&args.path).ok();
    // As the host is known in each round, under both names of the folder.
    let words = |paths: &[AllowedPath]| {
        let rules = actor.rules();
        let mut words: Vec<String> = fixed.iter().map(|word| (*word).to_owned()).collect();
        let roots: Vec<&RemotePath> = paths.iter().map(AllowedPath::path).chain(&typed).collect();
        let pruned: Vec<String> = roots.iter().flat_map(|root| prunes(root, &rules.prune(*root))).collect();
        words.extend(pruned.into_iter().map(|pattern| format!("p{pattern}")));
        words.extend(filters.map(|_| "f".to_owned()));
        if args.contains.is_some() {
            let left: BTreeSet<String> = roots.iter().flat_map(|root| rules.unsearched(root)).collect();
            words.extend(left.into_iter().map(|pattern| format!("x{pattern}")));
        }
        words
    };
    let arg = PathArg::new(&args.path, Access::List, Last::Follow);
    let done =
        actor.on_paths(&[arg]).words_of(words).shaped(|job| job.caps(FIND_CAP + 1024, 65_536)).run(&FIND).await?;
    let (root, folder) = (done.path(), done.paths.first().map(|path| path.path().clone()));
    let folder = folder.ok_or_else(|| ToolError::value("No folder was searched.", "Give `path`."))?;
    let next = "Look at the folder with ssh_sftp_stat; the login account must be able to read it.";
    let said = done.output.stderr_text();
    if done.output.status == Status::Exit(DEAD) {
        let told = facts::dead(&said, &actor.rules()).unwrap_or_else(|| "A mount below it does not answer.".to_owned());
        return Err(ToolError::new(
            ErrorName::SFTPError,
            format!("The content of files below `{root}` is not searched. {told}"),
            "Name a folder beside the mount, or search by `name_pattern`.",
        ));
    }
    let output = done.output.success(ErrorName::SFTPError, &format!("Searching `{root}`"), next)?;
    for sentence in facts::dead(&said, &actor.rules()).into_iter().chain(complaints(&said)) {
        call.warn(sentence);
    }
    let wants_content = args.contains.is_some();
    let lines = || output.stdout.split(|b| *b == b'\n').filter(|n| !n.is_empty());
    let mut rows: Vec<Row> = match filters {
        Some(_) => lines().filter_map(|line| Row::read(line, |name| full(&folder, name))).collect(),
        None => Vec::new(),
    };
    let mut looked = if wants_content {
        Looked::read(&folder, &output.stdout, &shows)
    } else if filters.is_some() {
        Looked::default()
    } else {
        Looked { paths: lines().filter_map(|n| full(&folder, n)).collect(), ..Looked::default() }
    };
    let end = if wants_content { CONTENT_END } else { NAMES_END };
    // As the host is known now: this call may have been the first.
    let rules = actor.rules();
    let judged = |path: &RemotePath, content: bool| match rules.entry(path) {
        PathEntry::Shown => true,
        PathEntry::RedactListed => !content,
        PathEntry::Hidden => false,
    };
    // The folder has two names where a link led to it; both count.
    let both = |path: &RemotePath, content: bool| {
        let rest = path.as_str().strip_prefix(folder.as_str().trim_end_matches('/')).unwrap_or(path.as_str());
        let typed = typed.as_ref().and_then(|typed| typed.join(rest).ok());
        judged(path, content) && typed.is_some_and(|path| judged(&path, content))
    };
    looked.keep(&|path| both(path, wants_content), &|path| both(path, false));
    rows.retain(|row| both(&row.place, wants_content));
    if let Some(filters) = filters {
        rows = filters.choose(rows, now(&output.stderr_text()));
    }
    let found = looked.paths.len().max(rows.len());
    let truncated = found > most || output.stdout_truncated || output.stdout_bytes >= end;
    if truncated {
        let known = found.saturating_sub(most);
        let cut = output.stdout_truncated || output.stdout_bytes >= end || found >= asked;
        tell_more(call, known, cut, most);
    }
    tell_depth(call, args, deep(&output.stderr_text()));
    looked.tell(call, &shows);
    let Looked { paths: mut matches, lines, .. } = looked;
    matches.sort();
    matches.truncate(most);
    let matches = matches.iter().map(ToString::to_string).collect();
    let lines = lines.into_iter().map(Line::shown).collect();
    rows.truncate(most);
    let listed = !args.count_only;
    Ok(Reply {
        host: actor.host.alias().to_owned(),
        root,
        count: args.count_only.then_some(found),
        matches: (listed && filters.is_none()).then_some(matches),
        files: (listed && filters.is_some()).then_some(rows),
        truncated,
        lines: if listed { lines } else { Vec::new() },
        output_warnings: Vec::new(),
    })
}

/// The time of the host, in the line `now N` of the script.
fn now(said: &str) -> i64 {
    let told = said.lines().find_map(|line| line.strip_prefix("now ")?.trim().parse().ok());
    told.unwrap_or_else(|| jiff::Timestamp::now().as_second())
}

/// Says how many files are not shown.
fn tell_more(call: &Call, known: usize, cut: bool, most: usize) {
    let how_many = match (known, cut) {
        (0, _) => "further files, how many is not known".to_owned(),
        (known, true) => format!("{known} files and more"),
        (known, false) => format!("{known} files"),
    };
    let brings = format!(
        "a narrower `path`, `name_pattern` or `contains` brings them; {most} is the most (the operator's SSH_FIND_MAX_RESULTS)"
    );
    call.left_out(how_many, brings);
}

/// Says how many folders were too deep to be entered, unless the caller wanted it so.
fn tell_depth(call: &Call, args: &Args, folders: u64) {
    let most = call.settings().ssh_find_max_depth;
    if folders == 0 || args.max_depth.is_some_and(|depth| depth <= most) {
        return;
    }
    let brings =
        format!("a `path` further down brings it; `max_depth` goes up to {most} (the operator's SSH_FIND_MAX_DEPTH)");
    call.left_out(format!("what lies in {folders} folders that are {most} levels down"), brings);
}

/// How many folders stand at the greatest depth, in the lines `deep N` of the script.
fn deep(said: &str) -> u64 {
    said.lines().filter_map(|line| line.strip_prefix("deep ")?.trim().parse::<u64>().ok()).sum()
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
        return Err(ToolError::value(format!("Argument `kind`: {:?} is not a kind.", args.kind), "Use f, d or l."));
    }
    let limits = [
        ("max_lines", args.max_lines, LINES_MAX),
        ("max_line_bytes", args.max_line_bytes, LINE_BYTES_MAX),
        ("max_file_bytes", args.max_file_bytes, FILE_BYTES_MAX),
    ];
    for (name, given, most) in limits {
        if given.is_some_and(|given| !(1..=most).contains(&given)) {
            return Err(ToolError::value(format!("Argument `{name}` is out of range."), format!("Give 1 to {most}.")));
        }
        if given.is_some() && args.contains.is_none() {
            return Err(ToolError::value(
                format!("Argument `{name}` needs `contains`."),
                "Give both, or leave it out.",
            ));
        }
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
pub(in crate::tools) fn prunes(root: &RemotePath, zones: &[String]) -> Vec<String> {
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

/// `./a` below the root; NUL stands for a newline in a name.
fn full(root: &RemotePath, name: &[u8]) -> Option<RemotePath> {
    let name: Vec<u8> = name.iter().map(|b| if *b == 0 { b'\n' } else { *b }).collect();
    match name.strip_prefix(b"./") {
        Some(rest) => root.join(&file_name::carried(rest)).ok(),
        None => Some(root.clone()),
    }
}

/// A line that holds the text, and its file.
#[derive(Debug)]
struct Line {
    path: RemotePath,
    number: u64,
    text: String,
    cut: bool,
}

impl Line {
    fn shown(self) -> Hit {
        Hit { path: self.path.to_string(), line: self.number, text: self.text, cut: self.cut }
    }
}

/// How much of what is found is shown.
#[derive(Debug, Clone, Copy)]
struct Shows {
    lines: u64,
    line_bytes: u64,
    file_bytes: u64,
}

impl Shows {
    fn of(args: &Args) -> Self {
        Shows {
            lines: args.max_lines.unwrap_or(LINES),
            line_bytes: args.max_line_bytes.unwrap_or(LINE_BYTES),
            file_bytes: args.max_file_bytes.unwrap_or(FILE_BYTES),
        }
    }
}

/// What the script found in files, and what it left out.
#[derive(Debug, Default)]
struct Looked {
    paths: Vec<RemotePath>,
    lines: Vec<Line>,
    /// Files with more lines than are shown, and how many they have.
    more: Vec<(RemotePath, u64)>,
    /// Files that were too large to be searched.
    too_large: Vec<RemotePath>,
    /// Files that are not searched because their names hold a line end.
    folded: Vec<RemotePath>,
    /// Files that are not searched because of their names.
    unsearched: Vec<RemotePath>,
}

impl Looked {
    /// Reads `S PATH`, and `F PATH` with the `N:LINE` and `M COUNT` of that file.
    fn read(root: &RemotePath, stdout: &[u8], shows: &Shows) -> Self {
        let mut looked = Looked::default();
        let mut of_file = 0;
        for line in stdout.split(|b| *b == b'\n') {
            match line {
                [b'R', b' ', name @ ..] => looked.unsearched.extend(full(root, name)),
                [b'E', b' ', name @ ..] => looked.folded.extend(full(root, name)),
                [b'S', b' ', name @ ..] => looked.too_large.extend(full(root, name)),
                [b'F', b' ', name @ ..] => {
                    of_file = 0;
                    looked.paths.extend(full(root, name));
                }
                [b'M', b' ', count @ ..] => {
                    let count = std::str::from_utf8(count).ok().and_then(|count| count.trim().parse().ok());
                    if let (Some(path), Some(count)) = (looked.paths.last(), count) {
                        looked.more.push((path.clone(), count));
                    }
                }
                _ => {
                    of_file += 1;
                    if of_file <= shows.lines {
                        looked.lines.extend(looked.paths.last().and_then(|path| hit(path, line, shows)));
                    }
                }
            }
        }
        looked
    }

    /// Keeps what may be shown, and the names of what is not searched as far as a listing would show them.
    fn keep(&mut self, shown: &dyn Fn(&RemotePath) -> bool, listed: &dyn Fn(&RemotePath) -> bool) {
        self.paths.retain(shown);
        self.lines.retain(|hit| shown(&hit.path));
        self.more.retain(|(path, _)| shown(path));
        self.too_large.retain(shown);
        self.folded.retain(shown);
        self.unsearched.retain(listed);
    }

    /// Says what was left out, and which argument brings it.
    fn tell(&self, call: &Call, shows: &Shows) {
        let named = |names: Vec<String>| {
            let rest = names.len().saturating_sub(NAMED);
            let mut text = names.into_iter().take(NAMED).collect::<Vec<_>>().join(", ");
            if rest > 0 {
                text.push_str(&format!(" and {rest} more"));
            }
            text
        };
        if !self.more.is_empty() {
            let files = self.more.iter().map(|(path, count)| format!("{path} ({count} lines)")).collect();
            call.warn(format!(
                "Of these only the first {} lines are shown; `max_lines` brings more: {}.",
                shows.lines,
                named(files)
            ));
        }
        let cut = self.lines.iter().filter(|hit| hit.cut).count();
        if cut > 0 {
            call.warn(format!("{cut} lines are cut at {} bytes; `max_line_bytes` brings more.", shows.line_bytes));
        }
        if !self.unsearched.is_empty() {
            call.warn(format!(
                "Not searched, because their names are redact-listed or like such; ssh_read_redacted reads them: {}.",
                named(self.unsearched.iter().map(ToString::to_string).collect())
            ));
        }
        if !self.folded.is_empty() {
            call.warn(format!(
                "Not searched, because their names hold a line end; ssh_sftp_download reads them: {}.",
                named(self.folded.iter().map(ToString::to_string).collect())
            ));
        }
        if !self.too_large.is_empty() {
            call.warn(format!(
                "Not searched, because larger than {} bytes; `max_file_bytes` brings them: {}.",
                shows.file_bytes,
                named(self.too_large.iter().map(ToString::to_string).collect())
            ));
        }
    }
}

/// `N:LINE` of a file, cut to what is shown.
fn hit(path: &RemotePath, line: &[u8], shows: &Shows) -> Option<Line> {
    let colon = line.iter().position(|b| *b == b':')?;
    let (number, text) = (line.get(..colon)?, line.get(colon + 1..)?);
    let number = std::str::from_utf8(number).ok()?.parse().ok()?;
    let most = usize::try_from(shows.line_bytes).unwrap_or(usize::MAX);
    let shown = text.get(..most).unwrap_or(text);
    let text_shown = String::from_utf8_lossy(shown).into_owned();
    Some(Line { path: path.clone(), number, text: text_shown, cut: text.len() > most })
}

/// One sentence for all that the account could not look into. Names are left out: they may lie in what is closed.
pub(in crate::tools) fn complaints(stderr: &str) -> Option<String> {
    let ours = |line: &&str| ["deep ", "dead ", "now "].iter().any(|word| line.starts_with(word));
    let mut said = stderr.lines().filter(|line| !line.trim().is_empty() && !ours(line));
    let first = said.next()?;
    let why = first.rsplit(": ").next().unwrap_or(first);
    Some(format!("Not everything could be searched, in {} places: {why}.", 1 + said.count()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_below_the_root() {
        let full = |root: &str, name: &[u8]| full(&RemotePath::parse(root).unwrap(), name).unwrap().to_string();
        assert_eq!(full("/srv", b"./a/b\0c\xe9\x01"), "/srv/a/b\\x0ac\\xe9\\x01");
        assert_eq!(full("/", b"./a"), "/a");
        assert_eq!(full("/srv", b"."), "/srv");
    }

    #[test]
    fn zones_become_patterns() {
        let root = RemotePath::parse("/srv").unwrap();
        assert_eq!(prunes(&root, &["/srv/a*b".to_owned(), "/other".to_owned()]), ["./a\\*b"]);
    }

    #[test]
    fn lines_of_files_and_what_was_left_out() {
        let shows = Shows { lines: 2, line_bytes: 4, file_bytes: 9 };
        let said = b"S ./large\nF ./a\n3:x: y\n4:12345\n5:third\nM 7\nBinary\nF ./b\n1:z\n";
        let path = |text: &str| RemotePath::parse(text).unwrap();
        let looked = Looked::read(&path("/r"), said, &shows);
        assert_eq!(looked.paths, [path("/r/a"), path("/r/b")]);
        let hits: Vec<_> = looked.lines.iter().map(|h| (h.path.as_str(), h.number, h.text.as_str(), h.cut)).collect();
        assert_eq!(hits, [("/r/a", 3, "x: y", false), ("/r/a", 4, "1234", true), ("/r/b", 1, "z", false)]);
        assert_eq!((looked.more, looked.too_large), (vec![(path("/r/a"), 7)], vec![path("/r/large")]));
    }

    #[test]
    fn what_could_not_be_searched_is_told_once() {
        assert_eq!(complaints(""), None);
        let told = complaints("find: ./hid/SECRET: Permission denied\nfind: ./b: x\n").unwrap();
        assert!(told.contains("Permission denied") && !told.contains("SECRET"), "{told}");
    }
}
