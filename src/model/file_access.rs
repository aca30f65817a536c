//! Who else can write or read a local file, from its metadata. One place for the bits; what follows from them differs: a key
//! must be the user's alone, a file of the operator's may be root's too.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;

/// Read, write or enter, for group and others.
const GROUP_AND_OTHERS: u32 = 0o077;
/// Writable by the group (`S_IWGRP`, sys/stat.h).
const GROUP_WRITES: u32 = 0o020;
/// Writable by others (`S_IWOTH`).
const OTHERS_WRITE: u32 = 0o002;
/// `S_ISVTX`.
const STICKY: u32 = 0o1000;

/// True for a file of this user.
pub(crate) fn is_own(meta: &Metadata) -> bool {
    meta.uid() == nix::unistd::geteuid().as_raw()
}

/// True for a file of this user or of root.
pub(crate) fn is_own_or_roots(meta: &Metadata) -> bool {
    is_own(meta) || meta.uid() == 0
}

/// True where group or others have any access.
pub(crate) fn is_shared(meta: &Metadata) -> bool {
    meta.mode() & GROUP_AND_OTHERS != 0
}

/// True where the group may write.
pub(crate) fn group_writes(meta: &Metadata) -> bool {
    meta.mode() & GROUP_WRITES != 0
}

/// True where everybody may write.
pub(crate) fn everybody_writes(meta: &Metadata) -> bool {
    meta.mode() & OTHERS_WRITE != 0
}

/// True for a sticky folder, as /tmp: others add files to it, but neither rename nor replace those of the user.
pub(crate) fn is_sticky(meta: &Metadata) -> bool {
    meta.is_dir() && meta.mode() & STICKY != 0
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn bits_say_who_has_access() {
        let folder = tempfile::tempdir().unwrap();
        let of = |mode: u32| {
            std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(mode)).unwrap();
            let meta = std::fs::metadata(folder.path()).unwrap();
            assert!(is_own(&meta) && is_own_or_roots(&meta));
            (is_shared(&meta), group_writes(&meta), everybody_writes(&meta), is_sticky(&meta))
        };
        assert_eq!(of(0o700), (false, false, false, false));
        assert_eq!(of(0o710), (true, false, false, false));
        assert_eq!(of(0o770), (true, true, false, false));
        assert_eq!(of(0o702), (true, false, true, false));
        assert_eq!(of(0o1777), (true, true, true, true));
    }
}
