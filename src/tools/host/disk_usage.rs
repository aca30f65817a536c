//! `ssh_host_disk_usage`.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::sections::Sections;
use crate::model::error::{ErrorName, ToolError};
use crate::model::remote_path::RemotePath;
use crate::model::tier::{Group, Tier};
use crate::toolkit::{Access, Account, AllowedPath, Call, Job, Last, Output, PathArg, Script, Spec, Targets, Tool};
use crate::tools::sftp_read::{complaints, dead_mounts, prunes};

mod folders;
mod held;
mod inodes;

use folders::Folder;
use held::Held;

const SCRIPT: Script = Script::new(concat!(
    include_str!("within.sh"),
    include_str!("df.sh"),
    include_str!("../dead.sh"),
    include_str!("usage.sh")
));
const SCRIPT_BELOW: Script = Script::new(concat!(
    include_str!("../sftp_read/enter.sh"),
    include_str!("within.sh"),
    include_str!("df.sh"),
    include_str!("../dead.sh"),
    include_str!("usage.sh")
));

/// The mounted file systems, and what fills them.
#[derive(Debug)]
pub(super) struct DiskUsage;

/// Arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    /// host alias
    host: String,
    /// its biggest folders
    #[serde(default)]
    path: Option<String>,
    /// levels, 1 to 8, default 2
    #[serde(default)]
    max_depth: Option<u64>,
    /// deleted files still open
    #[serde(default)]
    deleted: bool,
    /// as root
    #[serde(default)]
    sudo: bool,
}

/// One row of `df -PTh`, as it prints it, and of `df -Pi`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(super) struct Row {
    filesystem: String,
    r#type: String,
    size: String,
    used: String,
    available: String,
    /// With its percent sign.
    pub use_percent: String,
    /// Mount point, blanks kept.
    pub mount: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    inodes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inodes_used: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inodes_percent: Option<String>,
}

/// The rows.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Reply {
    host: String,
    entries: Vec<Row>,
    #[serde(skip_serializing_if = "Option::is_none")]
    folders: Option<Vec<Folder>>,
    /// Files and folders that were looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    entries_seen: Option<u64>,
    /// The folders were not measured to their end.
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted_open: Option<Vec<Held>>,
    output_warnings: Vec<String>,
}

impl Tool for DiskUsage {
    type Args = Args;
    type Reply = Reply;
    const SPEC: Spec =
        Spec::read("ssh_host_disk_usage", Group::Host, "Filesystems, inodes, biggest folders, deleted open files")
            .found_as("Disk usage", "df free disk space full filesystem mounted du lsof");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host).sudo(args.sudo)
    }

    async fn run(call: &Call, args: Args) -> Result<Reply, ToolError> {
        let depth = args.max_depth.unwrap_or(2);
        if !(1..=8).contains(&depth) {
            return Err(ToolError::value(format!("Argument `max_depth`: {depth} is out of range."), "Give 1 to 8."));
        }
        if args.max_depth.is_some() && args.path.is_none() {
            return Err(ToolError::value("Argument `max_depth` needs `path`.", "Give both, or leave it out."));
        }
        let actor = Account::chosen(call, call.host(&args.host)?, args.sudo).await?;
        let (output, root) = look(&actor, &args, depth).await?;
        let facts = Sections::parse(&output.stdout);
        let entries = file_systems(call, &actor, &facts, &output)?;
        let mut reply = Reply {
            host: actor.host.alias().to_owned(),
            entries,
            folders: None,
            entries_seen: None,
            stopped_by: None,
            deleted_open: None,
            output_warnings: Vec::new(),
        };
        if let (Some(root), Some(path)) = (&root, &args.path) {
            reply.measured(call, &actor, root, path, &facts, &output);
        }
        if args.deleted {
            reply.holding(call, &actor, &facts);
        }
        Ok(reply)
    }
}

/// Asks the host, in one round trip. The folder under its real name, where one is measured.
async fn look(actor: &Account, args: &Args, depth: u64) -> Result<(Output, Option<RemotePath>), ToolError> {
    let fixed = [depth.to_string(), if args.deleted { "1" } else { "" }.to_owned()];
    let Some(path) = &args.path else {
        let words = [&[String::new()][..], &fixed].concat();
        return Ok((actor.run(Job::script(&SCRIPT, words)).await?.within_time("df")?, None));
    };
    let typed = RemotePath::argument(path).ok();
    // Under both names of the folder, as the host is known in each round.
    let words = |paths: &[AllowedPath]| {
        let rules = actor.rules();
        let roots = paths.iter().map(AllowedPath::path).chain(&typed);
        let closed = roots.flat_map(|root| [prunes(root, &rules.prune(root)), rules.shut(root)].concat());
        fixed.iter().cloned().chain(closed).collect()
    };
    let arg = [PathArg::new(path, Access::List, Last::Follow)];
    let done = actor.on_paths(&arg).words_of(words).run(&SCRIPT_BELOW).await?;
    let root = done.paths.first().map(|path| path.path().clone());
    let next = "Look at the folder with ssh_sftp_stat; the account must be able to read it.";
    Ok((done.output.success(ErrorName::SFTPError, &format!("Looking into `{path}`"), next)?, root))
}

/// The rows of df, with the inodes of each.
fn file_systems(call: &Call, actor: &Account, facts: &Sections, output: &Output) -> Result<Vec<Row>, ToolError> {
    let read = read(facts.get("df").unwrap_or_default());
    if let Some(said) = read.warning() {
        call.warn(said);
    }
    let mut entries = read.rows;
    if entries.is_empty() {
        return Err(ToolError::new(
            ErrorName::PlatformNotSupported,
            format!("`df -PTh` on `{}` gave no usable rows: {}.", actor.host.alias(), output.stderr_line()),
            "Where exec tools are allowed, run the host's own df with ssh_exec_run.",
        ));
    }
    if facts.get("status").is_some_and(|status| status.trim() != "0") {
        call.warn(format!("df could not read every file system: {}", output.stderr_line()));
    }
    let counted = facts.get("inodes").map(inodes::read).unwrap_or_default();
    if counted.is_empty() {
        call.warn(
            "The inodes are not counted: df of this host does not tell them, or a mount keeps it from answering.",
        );
    }
    add_inodes(&mut entries, &counted);
    Ok(entries)
}

fn add_inodes(entries: &mut [Row], counted: &HashMap<String, inodes::Inodes>) {
    for row in entries {
        if let Some(found) = counted.get(&row.mount) {
            row.inodes = Some(found.total);
            row.inodes_used = Some(found.used);
            row.inodes_percent = Some(format!("{}%", found.percent));
        }
    }
}

impl Reply {
    /// Adds the biggest folders.
    fn measured(
        &mut self,
        call: &Call,
        actor: &Account,
        root: &RemotePath,
        typed: &str,
        facts: &Sections,
        output: &Output,
    ) {
        let rules = actor.rules();
        let typed = RemotePath::argument(typed).ok();
        let text = facts.get("folders").unwrap_or("unsupported");
        let Some(found) = folders::read(text, root, typed.as_ref(), &rules) else {
            call.warn(format!(
                "The folders below `{root}` are not measured: that needs awk and stat as GNU or BusyBox have them. Where exec \
                 tools are allowed, `du -xk -d 2 {root}` does it with ssh_exec_run."
            ));
            return;
        };
        let said = output.stderr_text();
        // What df could not read is told of the file systems.
        let of_folders: String =
            said.lines().filter(|line| !line.starts_with("df: ")).map(|line| format!("{line}\n")).collect();
        for sentence in dead_mounts(&said, &rules).into_iter().chain(complaints(&of_folders)) {
            call.warn(sentence);
        }
        match found.stopped.as_deref() {
            Some("time") => call.warn(format!(
                "Measuring stopped after 20 s and {} entries, so the folders are larger than told; name a folder further down.",
                found.entries
            )),
            Some(_) => call.warn(format!(
                "Measuring stopped after {} entries, so the folders are larger than told; name a folder further down.",
                found.entries
            )),
            None => {}
        }
        if found.closed {
            call.warn("What is closed to this tool below it is not counted.");
        }
        if found.unnamed > 0 {
            call.warn(format!(
                "{} names with a line end have no row, and on some hosts are not counted; ssh_sftp_list shows them.",
                found.unnamed
            ));
        }
        if found.left_out > 0 {
            call.left_out(format!("{} smaller folders", found.left_out), "a `path` further down brings them");
        }
        self.entries_seen = Some(found.entries);
        self.stopped_by = found.stopped;
        self.folders = Some(found.rows);
    }

    /// Adds the deleted files that are open, and what could not be seen.
    fn holding(&mut self, call: &Call, actor: &Account, facts: &Sections) {
        let rules = actor.rules();
        let Some(found) = held::read(facts.get("held").unwrap_or("unsupported"), &rules) else {
            call.warn(
                "Which deleted files are open is not known: that needs /proc and stat as GNU or BusyBox have it.",
            );
            return;
        };
        if found.hidden > 0 {
            let open = !actor.is_root() && call.snapshot().visibility.opens(Tier::Sudo);
            let how = if actor.is_root() {
                "not even root may see them here".to_owned()
            } else if open {
                "`sudo` true looks as root".to_owned()
            } else {
                "only root sees them, and the sudo tier is closed".to_owned()
            };
            call.warn(format!("The open files of {} processes of other accounts were not seen: {how}.", found.hidden));
        }
        if found.unnamed > 0 {
            call.warn(format!("{} deleted files whose name has a line end are left out.", found.unnamed));
        }
        if found.left_out > 0 {
            call.left_out(format!("{} smaller deleted files", found.left_out), "no argument brings them");
        }
        self.deleted_open = Some(found.rows);
    }
}

/// What df said, and the mounts that did not answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Disks {
    /// One for each file system that answered.
    pub rows: Vec<Row>,
    /// Mount points that did not answer in time.
    pub dead: Vec<String>,
}

impl Disks {
    /// Names the mounts that are left out.
    pub(super) fn warning(&self) -> Option<String> {
        let names = self.dead.join(", ");
        (!names.is_empty()).then(|| format!("These mounts do not answer and are left out: {names}."))
    }
}

/// Rows of `df -PT`; the header and what is no row are skipped. Behind a line `dead` each mount was asked by itself: `dead
/// MOUNT` names those that did not answer, and of several mounts of one file system the shortest stays, as df does it.
pub(super) fn read(text: &str) -> Disks {
    let mut disks = Disks::default();
    let mut singly = false;
    for line in text.lines() {
        if line == "dead" {
            singly = true;
            disks.rows.clear();
        } else if let Some(mount) = line.strip_prefix("dead ") {
            disks.dead.push(mount.to_owned());
        } else {
            disks.rows.extend(row(line).filter(|row| !singly || !matches!(row.size.as_str(), "0" | "-")));
        }
    }
    if singly {
        disks.rows.sort_by_key(|row| row.mount.len());
        let mut seen = std::collections::HashSet::new();
        disks
            .rows
            .retain(|row| row.r#type.contains("tmpfs") || seen.insert((row.filesystem.clone(), row.size.clone())));
        disks.rows.sort_by(|a, b| a.mount.cmp(&b.mount));
        disks.dead.sort();
    }
    disks
}

/// Source and mount point may hold blanks; the four columns between them are three sizes and a percentage, and the mount
/// behind them begins with a slash.
fn row(line: &str) -> Option<Row> {
    let mut words = Vec::new();
    let mut at = 0;
    for word in line.split(' ') {
        if !word.is_empty() {
            words.push((at, word));
        }
        at += word.len() + 1;
    }
    let size = |text: &str| {
        let number = text.trim_end_matches(|c: char| "KMGTPEZYi".contains(c));
        text == "-" || (!number.is_empty() && number.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
    };
    let percent = |text: &str| text == "-" || text.strip_suffix('%').is_some_and(size);
    words.windows(6).enumerate().find_map(|(before, part)| {
        let [(_, kind), (_, total), (_, used), (_, free), (_, share), (mount_at, mount)] = part else { return None };
        let fits = size(total) && size(used) && size(free) && percent(share) && mount.starts_with('/') && before > 0;
        let (kind_at, _) = words.get(before)?;
        fits.then(|| Row {
            filesystem: line.get(..*kind_at).unwrap_or_default().trim_end().to_owned(),
            r#type: (*kind).to_owned(),
            size: (*total).to_owned(),
            used: (*used).to_owned(),
            available: (*free).to_owned(),
            use_percent: (*share).to_owned(),
            mount: line.get(*mount_at..).unwrap_or_default().to_owned(),
            inodes: None,
            inodes_used: None,
            inodes_percent: None,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_and_mounts_keep_their_blanks() {
        let text = "Filesystem     Type   Size  Used Avail Use% Mounted on\n/dev/sda1 ext4 20G 5.0G 14G 27% /\n//nas/my share cifs 1T 1G 9 1% /mnt/my share\nshort row\n//nas/a  b c     tmpfs   10M  9.0M  1.0M  90% /mnt/x  y\ntmpfs tmpfs - - - - /none\n";
        let disks = read(text);
        let shown: Vec<_> = disks
            .rows
            .iter()
            .map(|r| {
                [r.filesystem.as_str(), r.r#type.as_str(), r.size.as_str(), r.use_percent.as_str(), r.mount.as_str()]
            })
            .collect();
        assert_eq!(
            shown,
            [
                ["/dev/sda1", "ext4", "20G", "27%", "/"],
                ["//nas/my share", "cifs", "1T", "1%", "/mnt/my share"],
                ["//nas/a  b c", "tmpfs", "10M", "90%", "/mnt/x  y"],
                ["tmpfs", "tmpfs", "-", "-", "/none"],
            ]
        );
        assert_eq!(disks.warning(), None);
    }

    #[test]
    fn a_dead_mount_is_named_and_the_others_stay() {
        let text = "dead\n/dev/a ext4 10 1 9 10% /srv/bind\n/dev/a ext4 10 1 9 10% /\nnone tmpfs 0 0 0 - /zero\ntmpfs tmpfs 5 1 4 20% /run\ntmpfs tmpfs 5 1 4 20% /tmp\ndead /mnt/dead one\n";
        let disks = read(text);
        let mounts: Vec<_> = disks.rows.iter().map(|row| row.mount.as_str()).collect();
        assert_eq!((mounts, disks.dead.clone()), (vec!["/", "/run", "/tmp"], vec!["/mnt/dead one".to_owned()]));
        assert!(disks.warning().unwrap().contains("/mnt/dead one"));
    }
}
