//! Rows of `df -Pi`.

use std::collections::HashMap;

/// The inodes of one file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Inodes {
    /// All.
    pub(crate) total: u64,
    /// Those in use.
    pub(crate) used: u64,
    /// The same in percent, rounded up as df does it.
    pub(crate) percent: u8,
}

/// By mount point. File systems without a number of inodes of their own are left out.
pub(super) fn read(text: &str) -> HashMap<String, Inodes> {
    text.lines().filter_map(row).collect()
}

/// `SOURCE TOTAL USED FREE PERCENT MOUNT`, or as BSD shows it, where the total is not told: `... PERCENT USED FREE PERCENT MOUNT`.
fn row(line: &str) -> Option<(String, Inodes)> {
    let mut words = Vec::new();
    let mut at = 0;
    for word in line.split(' ') {
        if !word.is_empty() {
            words.push((at, word));
        }
        at += word.len() + 1;
    }
    let percent = |word: &str| word.strip_suffix('%').and_then(|number| number.parse::<u8>().ok());
    words.windows(5).skip(1).find_map(|part| {
        let [(_, first), (_, second), (_, third), (_, share), (mount_at, mount)] = part else { return None };
        if !mount.starts_with('/') {
            return None;
        }
        let (share, second, third) = (percent(share)?, second.parse::<u64>().ok()?, third.parse::<u64>().ok()?);
        let (total, used) = match first.parse::<u64>() {
            Ok(total) => (total, second),
            Err(_) => (percent(first).map(|_| second.saturating_add(third))?, second),
        };
        let mount = line.get(*mount_at..).unwrap_or_default().to_owned();
        (total > 0).then_some((mount, Inodes { total, used, percent: share }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_df_is_read() {
        let text = "Filesystem       Inodes  IUsed    IFree IUse% Mounted on\n/dev/sda1       1310720 401234   909486   31% /\ntmpfs 5 5 0 100% /srv/my files\n/dev/sda15 0 0 0 - /boot/efi\nbtrfs 0 0 0 - /b\n//nas/a b 10 1 9 10% /mnt\n";
        let found = read(text);
        assert_eq!(found.len(), 3, "{found:?}");
        assert_eq!(found["/"], Inodes { total: 1_310_720, used: 401_234, percent: 31 });
        assert_eq!(found["/srv/my files"], Inodes { total: 5, used: 5, percent: 100 });
        assert_eq!(found["/mnt"], Inodes { total: 10, used: 1, percent: 10 });
        let bsd = "Filesystem 512-blocks Used Avail Capacity iused ifree %iused  Mounted on\n/dev/ada0p2 100 40 60 40% 30 70 30% /\n";
        assert_eq!(read(bsd)["/"], Inodes { total: 100, used: 30, percent: 30 });
    }
}
