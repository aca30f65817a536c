//! Reads files that decide what may happen, and refuses those that somebody else could have written.
//!
//! The way to the file is walked component by component, as the kernel would, links included: each folder on it must
//! belong to the user or to root, and nobody else may be able to rename or replace what lies in it. Two things are no
//! fault: a group of the user's own that has no other member ([`own_group`]), and what lies above a folder of the user's
//! that nobody else can enter: what somebody puts in that folder's place belongs to them, and is refused for that.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{self, Metadata, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use nix::fcntl::OFlag;

use crate::model::file_access;

/// Largest configuration file, in bytes: far above any real one, and small enough to parse at once.
const MAX_BYTES: u64 = 8 * 1024 * 1024;
/// Links followed on one way (`MAXSYMLINKS` on Linux).
const MAX_LINKS: usize = 40;

/// A file as it was found.
#[derive(Debug)]
pub(crate) struct TrustedFile {
    /// Where it really lies, all links followed.
    pub real: PathBuf,
    /// What is in it.
    pub text: String,
}

/// Reads a file. `None` when it is not there; the error is a clause that fits after the file's name.
pub(crate) fn read(path: &Path, uid: u32) -> Result<Option<TrustedFile>, String> {
    let Some(real) = walk(path, uid)? else { return Ok(None) };
    // Not blocking on a named pipe that took the file's place after the walk.
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC).bits())
        .open(&real);
    let file = match opened {
        Ok(file) => file,
        Err(e) => return Err(format!("cannot be opened: {e}")),
    };
    let meta = file.metadata().map_err(|e| format!("cannot be examined: {e}"))?;
    if !meta.is_file() {
        return Err("is not a regular file".to_owned());
    }
    check_owner(&real, &meta, uid)?;
    refuse(&open_to_others(&real, &meta).into_iter().collect::<Vec<_>>())?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|e| format!("cannot be read: {e}"))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!("is larger than {MAX_BYTES} bytes"));
    }
    let text = String::from_utf8(bytes).map_err(|e| {
        let line = e.as_bytes().iter().take(e.utf8_error().valid_up_to()).filter(|b| **b == b'\n').count() + 1;
        format!("is not UTF-8 (line {line})")
    })?;
    Ok(Some(TrustedFile { real, text }))
}

/// Where a file really lies, when it and the way to it can be trusted. `None` when it is not there.
pub(crate) fn locate(path: &Path, uid: u32) -> Result<Option<PathBuf>, String> {
    let Some(real) = walk(path, uid)? else { return Ok(None) };
    let meta = fs::symlink_metadata(&real).map_err(|e| format!("cannot be examined: {e}"))?;
    if !meta.is_file() {
        return Err("is not a regular file".to_owned());
    }
    check_owner(&real, &meta, uid)?;
    refuse(&open_to_others(&real, &meta).into_iter().collect::<Vec<_>>())?;
    Ok(Some(real))
}

/// Follows the way to a file and checks every folder and link on it. `None` when something on it is not there.
fn walk(path: &Path, uid: u32) -> Result<Option<PathBuf>, String> {
    let mut here = PathBuf::from("/");
    let mut ahead: VecDeque<OsString> = names(path);
    let mut links = 0;
    let root = fs::metadata(&here).map_err(|e| format!("cannot be reached: {e}"))?;
    check_owner(&here, &root, uid)?;
    let mut open: Vec<Open> = open_to_others(&here, &root).into_iter().collect();
    while let Some(name) = ahead.pop_front() {
        if name == ".." {
            here.pop();
            continue;
        }
        let next = here.join(&name);
        let meta = match fs::symlink_metadata(&next) {
            Ok(meta) => meta,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(format!("cannot be reached ({}: {e})", next.display())),
        };
        if meta.is_symlink() {
            links += 1;
            if links > MAX_LINKS {
                return Err("goes through too many links".to_owned());
            }
            check_owner(&next, &meta, uid)?;
            let target = fs::read_link(&next).map_err(|e| format!("cannot be reached ({}: {e})", next.display()))?;
            if target.is_absolute() {
                here = PathBuf::from("/");
            }
            let mut through = names(&target);
            through.append(&mut ahead);
            ahead = through;
            continue;
        }
        if meta.is_dir() {
            check_owner(&next, &meta, uid)?;
            if meta.uid() == uid && meta.mode() & ENTERED == 0 {
                open.clear();
            }
            open.extend(open_to_others(&next, &meta));
        } else if !ahead.is_empty() {
            return Err(format!("cannot be reached ({} is not a folder)", next.display()));
        } else if !meta.is_file() {
            return Err("is not a regular file".to_owned());
        } else {
            check_owner(&next, &meta, uid)?;
            open.extend(open_to_others(&next, &meta));
        }
        here = next;
    }
    refuse(&open)?;
    Ok(Some(here))
}

/// The components of a path that name something, `..` included.
fn names(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter_map(|c| match c {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some(OsString::from("..")),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
        })
        .collect()
}

fn check_owner(path: &Path, meta: &Metadata, uid: u32) -> Result<(), String> {
    if meta.uid() == uid || meta.uid() == 0 {
        return Ok(());
    }
    Err(format!("is not trusted: {} belongs to user {}; it must belong to you or to root", path.display(), meta.uid()))
}

/// A folder that group or others can enter (`S_IXGRP | S_IXOTH`).
const ENTERED: u32 = 0o011;

/// A file or folder that somebody else can write, with its mode.
type Open = (PathBuf, u32);

/// A sticky folder passes: others may add files to it, but neither rename nor replace those of the user.
fn open_to_others(path: &Path, meta: &Metadata) -> Option<Open> {
    let mode = meta.mode();
    let others = file_access::everybody_writes(meta);
    let group = file_access::group_writes(meta) && !own_group(meta.gid(), meta.uid());
    ((others || group) && !file_access::is_sticky(meta)).then(|| (path.to_owned(), mode & 0o7777))
}

fn refuse(open: &[Open]) -> Result<(), String> {
    if open.is_empty() {
        return Ok(());
    }
    let shown: Vec<String> = open.iter().map(|(path, mode)| format!("{} (mode {mode:04o})", path.display())).collect();
    let words: Vec<String> =
        open.iter().map(|(path, _)| crate::model::quote::sh_quote(&path.to_string_lossy())).collect();
    Err(format!("is not trusted: others can write {}; run `chmod go-w {}`", shown.join(", "), words.join(" ")))
}

/// True when a group is that account's own: its primary group, of the same name, with no other member, and no other
/// account's primary group.
fn own_group(gid: u32, uid: u32) -> bool {
    match (accounts("passwd"), accounts("group")) {
        (Some(passwd), Some(group)) => is_own_group(gid, uid, &passwd, &group),
        _ => false,
    }
}

/// The list of accounts or groups in the form of /etc/passwd and /etc/group: the file, or where more than files is
/// asked (nsswitch.conf), what `getent` shows. `None` where that does not run.
fn accounts(list: &str) -> Option<String> {
    let switch = fs::read_to_string("/etc/nsswitch.conf").unwrap_or_default();
    let sources = switch.lines().find_map(|line| line.trim().strip_prefix(list)?.trim_start().strip_prefix(':'));
    if sources.is_none_or(|sources| sources.split('#').next().unwrap_or_default().trim() == "files") {
        return fs::read_to_string(format!("/etc/{list}")).ok();
    }
    let getent = ["/usr/bin/getent", "/bin/getent"].into_iter().find(|path| Path::new(path).exists())?;
    let done = std::process::Command::new(getent).arg(list).stdin(std::process::Stdio::null()).output().ok()?;
    done.status.success().then(|| String::from_utf8_lossy(&done.stdout).into_owned())
}

fn is_own_group(gid: u32, uid: u32, passwd: &str, group: &str) -> bool {
    let field = |line: &str, at: usize| line.split(':').nth(at).map(str::to_owned).unwrap_or_default();
    let (uid, gid) = (uid.to_string(), gid.to_string());
    let Some(me) = passwd.lines().find(|line| field(line, 2) == uid) else { return false };
    let name = field(me, 0);
    let others = passwd.lines().any(|line| field(line, 3) == gid && field(line, 2) != uid);
    let mut groups = group.lines().filter(|line| field(line, 2) == gid).peekable();
    let alone = |line: &str| field(line, 0) == name && field(line, 3).split(',').all(|m| m.is_empty() || m == name);
    field(me, 3) == gid && !others && groups.peek().is_some() && groups.all(alone)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn uid() -> u32 {
        nix::unistd::geteuid().as_raw()
    }

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// A folder only we can write, with one file in it.
    fn place() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("hosts.toml");
        fs::write(&file, "x").unwrap();
        mode(&file, 0o600);
        (dir, file)
    }

    #[test]
    fn reads_what_is_ours() {
        let (_dir, file) = place();
        assert_eq!(read(&file, uid()).unwrap().unwrap().text, "x");
        mode(&file, 0o644);
        assert!(read(&file, uid()).unwrap().is_some());
    }

    #[test]
    fn missing_is_none() {
        let (dir, _) = place();
        assert!(read(&dir.path().join("nope"), uid()).unwrap().is_none());
        assert!(read(&dir.path().join("nope/hosts.toml"), uid()).unwrap().is_none());
    }

    #[test]
    fn refuses_what_others_can_write() {
        let (dir, file) = place();
        for bits in [0o602, 0o666] {
            mode(&file, bits);
            let why = read(&file, uid()).unwrap_err();
            assert!(why.contains("others can write") && why.contains("chmod go-w"), "{why}");
        }
        mode(&file, 0o600);
        for bits in [0o707, 0o777] {
            mode(dir.path(), bits);
            assert!(read(&file, uid()).unwrap_err().contains("others can write"), "{bits:o}");
        }
        mode(dir.path(), 0o700);
    }

    #[test]
    fn a_group_of_ones_own_may_write() {
        let (passwd, group) = ("root:x:0:0::/root:/bin/sh\nuna:x:1000:1000::/h:/bin/sh\n", "root:x:0:\nuna:x:1000:\n");
        assert!(is_own_group(1000, 1000, passwd, group));
        assert!(is_own_group(1000, 1000, passwd, "una:x:1000:una\n"));
        // Another member, another account with it, another name, not the primary group, not known.
        assert!(!is_own_group(1000, 1000, passwd, "una:x:1000:una,eve\n"));
        assert!(!is_own_group(1000, 1000, &format!("{passwd}eve:x:1001:1000::/h:/bin/sh\n"), group));
        assert!(!is_own_group(1000, 1000, passwd, "users:x:1000:\n"));
        assert!(!is_own_group(1000, 1000, passwd, "una:x:1000:\nalso:x:1000:eve\n"));
        assert!(!is_own_group(50, 1000, passwd, "una:x:50:\n"));
        assert!(!is_own_group(1000, 1000, passwd, ""));
        assert!(!is_own_group(1000, 1002, passwd, group));
        // Of the account that runs this.
        let (_dir, file) = place();
        let gid = fs::metadata(&file).unwrap().gid();
        mode(&file, 0o664);
        assert_eq!(read(&file, uid()).is_ok(), own_group(gid, uid()));
    }

    #[test]
    fn a_folder_that_nobody_else_can_enter_shields_what_lies_above() {
        let (dir, _) = place();
        let (open, inner) = (dir.path().join("open"), dir.path().join("open/inner"));
        fs::create_dir_all(&inner).unwrap();
        fs::write(inner.join("hosts.toml"), "x").unwrap();
        mode(&open, 0o777);
        mode(&inner, 0o700);
        assert!(read(&inner.join("hosts.toml"), uid()).unwrap().is_some());
        mode(&inner, 0o710);
        let why = read(&inner.join("hosts.toml"), uid()).unwrap_err();
        assert!(why.contains(&open.display().to_string()), "{why}");
        // Below it everything counts, and all of it is named at once.
        mode(&inner, 0o755);
        mode(&inner.join("hosts.toml"), 0o666);
        let why = read(&inner.join("hosts.toml"), uid()).unwrap_err();
        assert!(why.contains("open (mode 0777)") && why.contains("hosts.toml (mode 0666)"), "{why}");
        // What is not there is no fault.
        assert!(read(&inner.join("hooks.toml"), uid()).unwrap().is_none());
    }

    #[test]
    fn refuses_a_folder_further_up() {
        let (dir, _) = place();
        let open = dir.path().join("open");
        let inner = open.join("inner");
        fs::create_dir_all(&inner).unwrap();
        fs::write(inner.join("hosts.toml"), "x").unwrap();
        mode(&open, 0o777);
        assert!(read(&inner.join("hosts.toml"), uid()).is_err());
        mode(&open, 0o1777);
        assert!(read(&inner.join("hosts.toml"), uid()).unwrap().is_some());
    }

    #[test]
    fn follows_links_to_the_real_file() {
        let (dir, file) = place();
        let link = dir.path().join("link");
        symlink(&file, &link).unwrap();
        let found = read(&link, uid()).unwrap().unwrap();
        assert_eq!(found.real, fs::canonicalize(&file).unwrap());
        mode(&file, 0o666);
        assert!(read(&link, uid()).is_err());
        mode(&file, 0o600);
        let (other, target) = place();
        let far = dir.path().join("far");
        symlink(&target, &far).unwrap();
        mode(other.path(), 0o777);
        assert!(read(&far, uid()).is_err());
        mode(other.path(), 0o700);
        let around = dir.path().join("around");
        symlink(&around, &around).unwrap();
        assert!(read(&around, uid()).unwrap_err().contains("too many links"));
    }

    #[test]
    fn refuses_the_file_of_another_user() {
        let (_dir, file) = place();
        let owner = fs::metadata(&file).unwrap().uid();
        if owner == 0 {
            nix::unistd::chown(&file, Some(nix::unistd::Uid::from_raw(54_321)), None).unwrap();
            assert!(read(&file, 0).unwrap_err().contains("belongs to user 54321"));
        } else {
            assert!(read(&file, owner + 1).unwrap_err().contains("belongs to user"));
        }
    }

    #[test]
    fn refuses_what_is_no_text_file() {
        let (dir, file) = place();
        assert!(read(dir.path(), uid()).unwrap_err().contains("regular file"));
        let pipe = dir.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRUSR).unwrap();
        assert!(read(&pipe, uid()).unwrap_err().contains("regular file"));
        fs::write(&file, b"a\n\xff").unwrap();
        assert!(read(&file, uid()).unwrap_err().contains("line 2"));
        fs::File::create(&file).unwrap().set_len(MAX_BYTES + 1).unwrap();
        assert!(read(&file, uid()).unwrap_err().contains("larger"));
    }
}
