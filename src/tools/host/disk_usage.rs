//! `ssh_host_disk_usage`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::info::HostOnly;
use crate::model::error::{ErrorName, ToolError};
use crate::model::tier::Group;
use crate::toolkit::{Call, Job, Script, Spec, Targets, Tool};

const SCRIPT: Script = Script::new(concat!(include_str!("within.sh"), include_str!("df.sh"), include_str!("disks.sh")));

/// The mounted file systems.
#[derive(Debug)]
pub(super) struct DiskUsage;

/// One row of `df -PTh`, as it prints it.
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
}

/// The rows.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Reply {
    host: String,
    entries: Vec<Row>,
    output_warnings: Vec<String>,
}

impl Tool for DiskUsage {
    type Args = HostOnly;
    type Reply = Reply;
    const SPEC: Spec =
        Spec::read("ssh_host_disk_usage", Group::Host, "Mounted filesystems with type, size and use percent")
            .found_as("Disk usage", "df free disk space full filesystem du inodes");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: HostOnly) -> Result<Reply, ToolError> {
        let host = call.host(&args.host)?;
        let output = host.run(Job::script(&SCRIPT, ["-PTh"])).await?.within_time("df")?;
        let read = read(&output.stdout_text());
        if let Some(said) = read.warning() {
            call.warn(said);
        }
        let entries = read.rows;
        if entries.is_empty() {
            return Err(ToolError::new(
                ErrorName::PlatformNotSupported,
                format!("`df -PTh` on `{}` gave no usable rows: {}.", host.alias(), output.stderr_line()),
                "Where exec tools are allowed, run the host's own df with ssh_exec_run.",
            ));
        }
        if output.exit_code() != 0 {
            call.warn(format!("df could not read every file system: {}", output.stderr_line()));
        }
        Ok(Reply { host: host.alias().to_owned(), entries, output_warnings: Vec::new() })
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
