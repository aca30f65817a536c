//! `ssh_sftp_list`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::actor::Actor;
use super::facts;
use crate::model::error::{ErrorName, ToolError};
use crate::model::remote_path::RemotePath;
use crate::model::tier::Group;
use crate::toolkit::{Access, Call, Last, PathArg, Script, SftpName, Spec, Targets, Tool};
use crate::tools::script_or_sftp;

const LIST: Script = Script::new(concat!(include_str!("enter.sh"), include_str!("list.sh")));

/// Most bytes of names and facts that are read of one folder.
const LIST_CAP: u64 = 64 << 20;

/// Lists a folder.
#[derive(Debug)]
pub struct SftpList;

/// Arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// host alias
    pub(in crate::tools) host: String,
    /// absolute path of a folder
    path: String,
    /// entries to skip
    #[serde(default)]
    offset: usize,
    /// 1 to 1000
    #[serde(default = "default_limit")]
    limit: usize,
}

fn default_limit() -> usize {
    100
}

/// One name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Row {
    name: String,
    kind: String,
    size: u64,
    mode: String,
    mtime: String,
    symlink_target: Option<String>,
}

/// One page of a folder, by code point of the names.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ListReply {
    host: String,
    path: String,
    entries: Vec<Row>,
    offset: usize,
    limit: usize,
    has_more: bool,
    /// Names in the folder that may be shown.
    total: usize,
    output_warnings: Vec<String>,
}

impl Tool for SftpList {
    type Args = Page;
    type Reply = ListReply;
    const SPEC: Spec = Spec::read("ssh_sftp_list", Group::SftpRead, "List a remote directory with paging")
        .found_as("List a folder", "ls directory files");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: Page) -> Result<ListReply, ToolError> {
        check(&args)?;
        let actor = Actor::login(call.host(&args.host)?);
        page(&actor, &args).await
    }
}

fn check(args: &Page) -> Result<(), ToolError> {
    if (1..=1000).contains(&args.limit) {
        return Ok(());
    }
    Err(ToolError::value(format!("Argument `limit`: {} is out of range.", args.limit), "Give 1 to 1000."))
}

/// Lists a folder, as whoever the actor is.
pub(in crate::tools) async fn page(actor: &Actor, args: &Page) -> Result<ListReply, ToolError> {
    check(args)?;
    let arg = PathArg::new(&args.path, Access::List, Last::Follow);
    script_or_sftp!(actor, by_script(actor, args, arg), over_sftp(actor, args, arg))
}

/// Most names that are read of one folder: of more, a part is answered, and the answer says so.
const NAMES_MAX: usize = 50_000;

/// What is told of a folder that holds more names than are read.
fn part(folder: &str, which: &str, all: &str) -> String {
    format!(
        "`{folder}` holds {all} names, of which {which} {NAMES_MAX} are listed, on all pages together; ssh_find with a \
         `name_pattern` finds others."
    )
}

async fn over_sftp<P: SftpName>(actor: &Actor, args: &Page, arg: PathArg<'_>) -> Result<ListReply, ToolError> {
    let files = actor.host.files().await?;
    let work = async {
        let folder = files.settle::<P>(&arg).await?;
        let failed = |why| actor.sftp_error(ErrorName::SFTPError, &format!("Listing `{}`", folder.shown()), &why);
        let (found, more) = files.server.list(&folder.for_server(), NAMES_MAX).await.map_err(failed)?;
        if more {
            actor.host.call().warn(part(&folder.shown(), "some", &format!("more than {NAMES_MAX}")));
        }
        let rules = actor.rules();
        let typed = P::argument(&args.path)?;
        let mut rows = Vec::new();
        for (name, seen) in found {
            // A name that the rules cannot judge is not shown, nor one that is closed under the name that was typed.
            let Some(path) = folder.allowed.path().below(&name).filter(|path| rules.shows(path)) else { continue };
            if typed.below(&name).is_none_or(|path| !rules.shows(&path)) {
                continue;
            }
            let target = if seen.is_link() { files.server.target(&path.for_server()).await.ok() } else { None };
            rows.push(Row {
                name,
                kind: facts::kind(seen.raw_mode).to_owned(),
                size: seen.size,
                mode: facts::mode(seen.raw_mode),
                mtime: facts::time(seen.mtime),
                symlink_target: target,
            });
        }
        Ok(paged(actor, folder.shown(), rows, args))
    };
    files.within(actor.host.limit(None)?, work).await
}

async fn by_script(actor: &Actor, args: &Page, arg: PathArg<'_>) -> Result<ListReply, ToolError> {
    let done = actor.on_paths(&[arg], &LIST, &[&NAMES_MAX.to_string()], None, |job| job.caps(LIST_CAP, 4096)).await?;
    let path = done.path();
    let next = "Look at the path with ssh_sftp_stat; the account must be able to read the folder.";
    let name = actor.error(ErrorName::SFTPError);
    let output = done.output.success(name, &format!("Listing `{path}`"), next)?;
    if output.stdout_truncated {
        let what = format!("`{path}` holds too many names to list.");
        return Err(ToolError::new(name, what, "Narrow it down with ssh_find."));
    }
    let said = output.stderr_text();
    if let Some(all) = said.lines().find_map(|line| line.strip_prefix("cut ")) {
        actor.host.call().warn(part(&path, "the first", all));
    }
    let folder = RemotePath::parse(&path).map_err(|e| ToolError::new(name, format!("`{path}`: {e}."), next))?;
    let rules = actor.rules();
    // The folder has two names where a link led to it; both count.
    let typed = RemotePath::parse(&args.path).unwrap_or_else(|_| folder.clone());
    let (mut rows, unknown) = parse(&output.stdout);
    if let Some(first) = unknown.first() {
        let of =
            if unknown.len() == 1 { format!("`{first}`") } else { format!("{} names, `{first}` first", unknown.len()) };
        if rows.is_empty() {
            let what = format!("Listing `{path}`: stat of this host tells nothing of {of}.");
            return Err(ToolError::new(name, what, "ssh_find lists names alone."));
        }
        actor
            .host
            .call()
            .warn(format!("Not shown, since the host told nothing of it or it went away: {of} in `{path}`."));
    }
    // A name that holds control characters is judged with others in their place: the rules cannot name it anyway,
    // and what stands around them still counts.
    rows.retain(|row| {
        let plain: String = row.name.chars().map(|c| if c.is_control() { '_' } else { c }).collect();
        [&folder, &typed].iter().all(|folder| folder.join(&plain).is_ok_and(|path| rules.shows(&path)))
    });
    Ok(paged(actor, path, rows, args))
}

/// The page that was asked for.
fn paged(actor: &Actor, path: String, mut rows: Vec<Row>, args: &Page) -> ListReply {
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    let (total, next) = (rows.len(), args.offset.saturating_add(args.limit));
    let has_more = total > next;
    if has_more {
        let brings = format!("`offset` {next} goes on, and `limit` takes up to 1000");
        actor.host.call().left_out(format!("{} of {total} names, the last ones", total - next), brings);
    }
    ListReply {
        host: actor.host.alias().to_owned(),
        path,
        entries: rows.into_iter().skip(args.offset).take(args.limit).collect(),
        offset: args.offset,
        limit: args.limit,
        has_more,
        total,
        output_warnings: Vec::new(),
    }
}

/// Reads names, each closed by NUL, then lines of `RAWMODE SIZE TIME NAME[ -> TARGET]` in the order of the names.
/// BusyBox puts name and target in quotes. The second value is the names without a line, without those that were only a
/// pattern.
pub(crate) fn parse(stdout: &[u8]) -> (Vec<Row>, Vec<String>) {
    let end = stdout.windows(2).position(|pair| pair == b"\0\0").unwrap_or(stdout.len());
    let names = stdout.get(..end).unwrap_or_default();
    let mut rest = stdout.get(end + 2..).unwrap_or_default();
    let mut rows: Vec<Row> = Vec::new();
    let mut unknown = Vec::new();
    for name in names.split(|b| *b == 0) {
        let mut here = rest;
        let before = rows.len();
        while !here.is_empty() {
            if let Some((row, after)) = row(here, name) {
                rows.push(row);
                rest = after;
                break;
            }
            // The target of a link may hold newlines, which makes lines that belong to no name.
            let line = here.iter().position(|b| *b == b'\n').map_or(here.len(), |at| at + 1);
            here = here.get(line..).unwrap_or_default();
        }
        if rows.len() == before && !PATTERNS.contains(&name) {
            unknown.push(String::from_utf8_lossy(name.strip_prefix(b"./").unwrap_or(name)).into_owned());
        }
    }
    rows.dedup_by(|a, b| a.name == b.name);
    (rows, unknown)
}

/// What stands for no name where it matches none.
const PATTERNS: [&[u8]; 4] = [b"./.[!.]*", b"./..?*", b"./*", b""];

fn row<'a>(text: &'a [u8], name: &[u8]) -> Option<(Row, &'a [u8])> {
    let mut fields = text.splitn(4, |b| *b == b' ');
    let mut field = || std::str::from_utf8(fields.next()?).ok();
    let (raw, size, time) = (field()?, field()?, field()?);
    let (raw, size, time) = (u32::from_str_radix(raw, 16).ok()?, size.parse().ok()?, facts::time_of(time)?);
    let rest = fields.next()?;
    let quote: &[u8] = if rest.first() == Some(&b'\'') { b"'" } else { b"" };
    let rest = rest.strip_prefix(quote)?.strip_prefix(name)?.strip_prefix(quote)?;
    let line = |rest: &'a [u8]| {
        let end = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
        Some((rest.get(..end)?, rest.get(end + 1..).unwrap_or_default()))
    };
    let (target, rest) = if facts::kind(raw) == "symlink" {
        let (target, rest) = line(rest.strip_prefix(b" -> ")?)?;
        let target = target.strip_prefix(quote).and_then(|t| t.strip_suffix(quote)).unwrap_or(target);
        (Some(String::from_utf8_lossy(target).into_owned()), rest)
    } else {
        (None, rest.strip_prefix(b"\n")?)
    };
    let row = Row {
        name: String::from_utf8_lossy(name.strip_prefix(b"./")?).into_owned(),
        kind: facts::kind(raw).to_owned(),
        size,
        mode: facts::mode(raw),
        mtime: time,
        symlink_target: target,
    };
    Some((row, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_facts() {
        let (rows, unknown) = parse(
            b"./a\0./b\nc\0./gone\0./l\0./z\0\081a4 3 0 ./a\n81a4 4 1 ./b\nc\na1ff 1 2 './l' -> 'x\ny'\n41ed 9 3 ./z\n"
                .as_slice(),
        );
        let seen: Vec<(&str, &str, u64)> = rows.iter().map(|r| (r.name.as_str(), r.kind.as_str(), r.size)).collect();
        assert_eq!(seen, [("a", "file", 3), ("b\nc", "file", 4), ("l", "symlink", 1), ("z", "dir", 9)]);
        assert_eq!(unknown, ["gone"]);
        assert_eq!(parse(b"./*\0\0"), (vec![], vec![]));
        assert_eq!(parse(b""), (vec![], vec![]));
    }
}
