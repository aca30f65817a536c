//! What `stat` says of a file, from the raw mode of stat(2).

use crate::model::remote_path::RemotePath;
use crate::toolkit::PathPolicy;

/// The kind of object in a raw mode, in the words of the interface (`S_IFMT` of inode(7)).
pub(super) fn kind(raw: u32) -> &'static str {
    match raw & 0o170_000 {
        0o100_000 => "file",
        0o040_000 => "dir",
        0o120_000 => "symlink",
        _ => "other",
    }
}

/// Permission bits as four octal digits.
pub(super) fn mode(raw: u32) -> String {
    format!("{:04o}", raw & 0o7777)
}

/// Seconds since 1970 as the host wrote them, likewise; `-` where it cannot say, which is shown as nothing.
pub(super) fn time_of(text: &str) -> Option<String> {
    if text == "-" { Some(String::new()) } else { text.parse().ok().map(time) }
}

/// Seconds since 1970 as ISO 8601 in UTC.
pub(super) fn time(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds)
        .map_or_else(|_| seconds.to_string(), |t| t.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string())
}

/// Names the mounts that dead.sh told of, as far as a listing would show them.
pub(in crate::tools) fn dead(stderr: &str, rules: &PathPolicy) -> Option<String> {
    let mounts = stderr.lines().filter_map(|line| RemotePath::of_carried(line.strip_prefix("dead ")?).ok());
    let mounts: Vec<String> = mounts.filter(|mount| rules.shows(mount)).map(|mount| mount.to_string()).collect();
    (!mounts.is_empty()).then(|| format!("These mounts do not answer and are left out: {}.", mounts.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_modes_and_times() {
        assert_eq!((kind(0x81a4), mode(0x81a4)), ("file", "0644".to_owned()));
        assert_eq!((kind(0x43ff), mode(0x43ff)), ("dir", "1777".to_owned()));
        assert_eq!((kind(0xa1ff), kind(0x11a4)), ("symlink", "other"));
        assert_eq!((time_of("-"), time_of("x")), (Some(String::new()), None));
        assert_eq!(time(0), "1970-01-01T00:00:00+00:00");
        assert_eq!(time(i64::MAX), i64::MAX.to_string());
    }
}
