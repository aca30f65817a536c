//! `ssh_sftp_list`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::facts;
use crate::model::error::{ErrorName, ToolError};
use crate::model::file_name::{self, BYTE};
use crate::model::remote_path::RemotePath;
use crate::model::tier::Group;
use crate::toolkit::{Access, Account, Call, Last, PathArg, Script, SftpFault, SftpName, Spec, Targets, Tool};
use crate::tools::script_or_sftp;

const LIST: Script = Script::new(concat!(
    include_str!("enter.sh"),
    include_str!("../host/within.sh"),
    include_str!("../dead.sh"),
    include_str!("list.sh")
));

/// Most bytes of names and facts that are read of one folder.
const LIST_CAP: u64 = 64 << 20;

/// Lists a folder.
#[derive(Debug)]
pub(crate) struct SftpList;

/// Arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Page {
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
pub(crate) struct Row {
    name: String,
    kind: String,
    size: u64,
    mode: String,
    mtime: String,
    symlink_target: Option<String>,
}

/// One page of a folder, by code point of the names.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ListReply {
    host: String,
    path: String,
    entries: Vec<Row>,
    offset: usize,
    limit: usize,
    has_more: bool,
    /// Names in the folder that may be shown; where it holds more than 50000, all of them.
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
        let actor = Account::login(call.host(&args.host)?);
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
pub(in crate::tools) async fn page(actor: &Account, args: &Page) -> Result<ListReply, ToolError> {
    check(args)?;
    let arg = PathArg::new(&args.path, Access::List, Last::Follow);
    script_or_sftp!(actor, by_script(actor, args, arg), over_sftp(actor, args, arg))
}

/// Most names of one folder that are read at once. Of a larger one the host gives a page by itself, or, over SFTP, a part.
const NAMES_MAX: usize = 50_000;

async fn over_sftp<P: SftpName>(actor: &Account, args: &Page, arg: PathArg<'_>) -> Result<ListReply, ToolError> {
    let (limit, mut files) = (actor.host.limit(None)?, actor.host.files().await?);
    let work = async {
        let folder = files.settle::<P>(&arg).await?;
        let listed = files.server.list(&folder.for_server(), NAMES_MAX).await;
        Ok((folder, listed))
    };
    let (folder, mut listed) = files.within(limit, work).await?;
    if listed == Err(SftpFault::NotText) {
        drop(files);
        listed = actor.host.names_over_sftp(&folder.for_server(), NAMES_MAX, limit).await?;
        files = actor.host.files().await?;
    }
    let failed = |why| actor.sftp_error(ErrorName::SFTPError, &format!("Listing `{}`", folder.shown()), &why);
    let (found, more) = listed.map_err(failed)?;
    let work = async {
        if more {
            actor.host.call().warn(format!(
                "`{}` holds more than {NAMES_MAX} names, of which some {NAMES_MAX} are listed, on all pages together; name a \
                 folder below it.",
                folder.shown()
            ));
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
            let target = match path.for_server() {
                path if seen.is_link() && !path.contains(BYTE) => files.server.target(&path).await.ok(),
                _ => None,
            };
            rows.push(Row {
                name: path.name_shown(),
                kind: facts::kind(seen.raw_mode).to_owned(),
                size: seen.size,
                mode: facts::mode(seen.raw_mode),
                mtime: facts::time(seen.mtime),
                symlink_target: target,
            });
        }
        Ok(paged(actor, folder.shown(), rows, None, args))
    };
    files.within(limit, work).await
}

async fn by_script(actor: &Account, args: &Page, arg: PathArg<'_>) -> Result<ListReply, ToolError> {
    let window = [NAMES_MAX, args.offset, args.limit].map(|number| number.to_string());
    let window: Vec<&str> = window.iter().map(String::as_str).collect();
    let done = actor.on_paths(&[arg]).words(&window).shaped(|job| job.caps(LIST_CAP, 4096)).run(&LIST).await?;
    let (path, folder) = (done.path(), done.paths.first().map(|path| path.path().clone()));
    let next = "Look at the path with ssh_sftp_stat; the account must be able to read the folder.";
    let name = actor.error(ErrorName::SFTPError);
    let output = done.output.success(name, &format!("Listing `{path}`"), next)?;
    if output.stdout_truncated {
        let what = format!("`{path}` holds too many names to list.");
        return Err(ToolError::new(name, what, "Narrow it down with ssh_find."));
    }
    let said = output.stderr_text();
    if let Some(told) = facts::dead(&said, &actor.rules()) {
        actor.host.call().warn(told);
    }
    let many = said.lines().find_map(|line| line.strip_prefix("many ")?.parse::<usize>().ok());
    if let Some(all) = many {
        actor.host.call().warn(format!(
            "`{path}` holds {all} names. `offset` counts all of them, names with a leading dot first, and what is closed is left \
             out of its page; ssh_find with a `name_pattern` finds names faster."
        ));
    }
    let rules = actor.rules();
    // The folder has two names where a link led to it; both count.
    let folders: Vec<RemotePath> = folder.into_iter().chain(RemotePath::argument(&args.path)).collect();
    let shows = |name: &str| folders.iter().all(|folder| folder.join(name).is_ok_and(|path| rules.shows(&path)));
    let (rows, unknown) = named(&output.stdout);
    let rows: Vec<Row> = rows.into_iter().filter(|(name, _)| shows(name)).map(|(_, row)| row).collect();
    let unknown: Vec<String> = unknown.iter().filter(|name| shows(name)).map(|name| file_name::shown(name)).collect();
    if let Some(first) = unknown.first() {
        let of =
            if unknown.len() == 1 { format!("`{first}`") } else { format!("{} names, `{first}` first", unknown.len()) };
        if rows.is_empty() {
            let what = format!("Listing `{path}`: the stat program of this host reports nothing about {of}.");
            return Err(ToolError::new(name, what, "ssh_find lists names alone."));
        }
        actor
            .host
            .call()
            .warn(format!("Not shown, because the host reported nothing about it or it is gone: {of} in `{path}`."));
    }
    Ok(paged(actor, path, rows, many, args))
}

/// The page that was asked for: out of all names, or, of `many`, what the host picked.
fn paged(actor: &Account, path: String, mut rows: Vec<Row>, many: Option<usize>, args: &Page) -> ListReply {
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    let skip = if many.is_some() { 0 } else { args.offset };
    let (total, next) = (many.unwrap_or(rows.len()), args.offset.saturating_add(args.limit));
    let has_more = total > next;
    if has_more {
        let brings = format!("`offset` {next} goes on, and `limit` takes up to 1000");
        actor.host.call().left_out(format!("{} of {total} names, the last ones", total - next), brings);
    }
    ListReply {
        host: actor.host.alias().to_owned(),
        path,
        entries: rows.into_iter().skip(skip).take(args.limit).collect(),
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
    let (rows, unknown) = named(stdout);
    (rows.into_iter().map(|(_, row)| row).collect(), unknown)
}

/// The same with the carried name of each; those without a line are carried too.
fn named(stdout: &[u8]) -> (Vec<(String, Row)>, Vec<String>) {
    let end = stdout.windows(2).position(|pair| pair == b"\0\0").unwrap_or(stdout.len());
    let names = stdout.get(..end).unwrap_or_default();
    let mut rest = stdout.get(end + 2..).unwrap_or_default();
    let mut rows: Vec<(String, Row)> = Vec::new();
    let mut unknown = Vec::new();
    for name in names.split(|b| *b == 0) {
        let mut here = rest;
        let before = rows.len();
        while !here.is_empty() {
            if let Some((row, after)) = row(here, name) {
                rows.push((file_name::carried(name.strip_prefix(b"./").unwrap_or(name)), row));
                rest = after;
                break;
            }
            // The target of a link may hold newlines, which makes lines that belong to no name.
            let line = here.iter().position(|b| *b == b'\n').map_or(here.len(), |at| at + 1);
            here = here.get(line..).unwrap_or_default();
        }
        if rows.len() == before && !PATTERNS.contains(&name) {
            unknown.push(file_name::carried(name.strip_prefix(b"./").unwrap_or(name)));
        }
    }
    rows.dedup_by(|(a, _), (b, _)| a == b);
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
        (Some(file_name::shown_bytes(target)), rest)
    } else {
        (None, rest.strip_prefix(b"\n")?)
    };
    let row = Row {
        name: file_name::shown_bytes(name.strip_prefix(b"./")?),
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
        assert_eq!(seen, [("a", "file", 3), ("b\\x0ac", "file", 4), ("l", "symlink", 1), ("z", "dir", 9)]);
        assert_eq!(unknown, ["gone"]);
        let (rows, _) = parse(b"./caf\xe9\0./caf\xe8\0\081a4 3 0 ./caf\xe9\n81a4 4 1 ./caf\xe8\n");
        assert_eq!(rows.iter().map(|r| r.name.as_str()).collect::<Vec<_>>(), ["caf\\xe9", "caf\\xe8"]);
        assert_eq!(parse(b"./*\0\0"), (vec![], vec![]));
        assert_eq!(parse(b""), (vec![], vec![]));
    }
}
