//! `ssh_host_disk_usage`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::info::HostOnly;
use crate::model::error::{ErrorName, ToolError};
use crate::model::quote::Argv;
use crate::model::tier::Group;
use crate::toolkit::{Call, Job, Spec, Targets, Tool};

/// The mounted file systems.
#[derive(Debug)]
pub struct DiskUsage;

/// One row of `df -PTh`, as it prints it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Row {
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
pub struct Reply {
    host: String,
    entries: Vec<Row>,
    output_warnings: Vec<String>,
}

impl Tool for DiskUsage {
    type Args = HostOnly;
    type Reply = Reply;
    const SPEC: Spec =
        Spec::read("ssh_host_disk_usage", Group::Host, "Mounted filesystems with type, size and use percent");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: HostOnly) -> Result<Reply, ToolError> {
        let host = call.host(&args.host)?;
        let output = host.run(Job::argv(&Argv::new("df").arg("-PTh"))).await?.within_time("df")?;
        let entries = rows(&output.stdout_text());
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
        Ok(Reply { host: host.hostname().to_owned(), entries, output_warnings: Vec::new() })
    }
}

/// Rows of `df -PT`; the header and short rows are skipped. The mount is the rest of the line.
pub fn rows(text: &str) -> Vec<Row> {
    text.lines().skip(1).filter_map(row).collect()
}

fn row(line: &str) -> Option<Row> {
    let mut rest = line;
    let mut word = || {
        rest = rest.trim_start();
        let end = rest.find(char::is_whitespace)?;
        let (word, after) = rest.split_at(end);
        rest = after;
        Some(word.to_owned())
    };
    let (filesystem, kind, size) = (word()?, word()?, word()?);
    let (used, available, use_percent) = (word()?, word()?, word()?);
    let mount = rest.strip_prefix(' ').unwrap_or(rest).to_owned();
    let mount = if mount.starts_with('/') { mount } else { mount.trim_start().to_owned() };
    if mount.is_empty() {
        return None;
    }
    Some(Row { filesystem, r#type: kind, size, used, available, use_percent, mount })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_keep_their_blanks() {
        let text = "Filesystem     Type   Size  Used Avail Use% Mounted on\n/dev/sda1 ext4 20G 5.0G 14G 27% /\n//nas/my share cifs 1T 1G 9 1% /mnt/my share\nshort row\n";
        let rows = rows(text);
        assert_eq!(rows[0].mount, "/");
        assert_eq!(rows[0].use_percent, "27%");
        assert_eq!(rows.len(), 2);
    }
}
