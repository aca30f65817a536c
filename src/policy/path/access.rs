//! What may be done to a path, and what is told of one.

/// What is about to be done to a path.
///
/// `..Tree` accesses act on a folder with everything in it, so they are refused where a restricted zone or a match
/// of a restricted glob lies, or may lie, below. Use them whenever the object may be a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// The content of one file leaves, is hashed, or is copied.
    Read,
    /// The content of one file leaves through the redacting reader: exempt from the redact list.
    ReadRedacted,
    /// A file or folder is copied away, mounted or packed, with everything in it.
    ReadTree,
    /// A file or link is renamed; a link may be the way to what is closed.
    Move,
    /// A file or folder is renamed: its content gets another name, and this one is gone.
    MoveTree,
    /// One object is created, replaced, linked or removed.
    Write,
    /// The content of one file is changed by what is shown of it redacted, and no more of it leaves: exempt from the redact
    /// list, and [`RedactListed::Redacted`] says that it is on it.
    Revise,
    /// A tree is written at this path, or takes its place.
    WriteTree,
    /// A folder is removed with everything in it.
    RemoveTree,
    /// Names below it are shown; every one goes through [`PathPolicy::entry`](super::PathPolicy::entry) first.
    List,
    /// Facts about one object: kind, size, owner, times.
    Metadata,
    /// A command runs in this folder. What it may do there the command's own rules say, so only closed places are refused.
    Enter,
}

impl Access {
    pub(super) fn is_tree(self) -> bool {
        matches!(self, Access::ReadTree | Access::MoveTree | Access::WriteTree | Access::RemoveTree)
    }

    /// Content could come out under a name that the redact list does not know.
    pub(super) fn launders(self) -> bool {
        matches!(self, Access::ReadTree | Access::MoveTree)
    }

    /// One object is created, replaced, linked or removed.
    pub(super) fn writes_one(self) -> bool {
        matches!(self, Access::Write | Access::Revise)
    }

    pub(super) fn verb(self) -> &'static str {
        match self {
            Access::Read | Access::ReadRedacted => "reading",
            Access::ReadTree => "copying or mounting the tree at",
            Access::Move | Access::MoveTree => "moving",
            Access::Write | Access::Revise => "changing",
            Access::WriteTree => "writing a tree at",
            Access::RemoveTree => "deleting the tree at",
            Access::List => "listing",
            Access::Metadata => "looking at",
            Access::Enter => "running in",
        }
    }
}

/// Whether an allowed path is redact-listed, and what the operator wants then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RedactListed {
    /// Not listed, or read through the redacting reader.
    No,
    /// Deliver, warn in `output_warnings`, flag `redact_bypass` in the audit.
    Warn,
    /// Deliver and flag `redact_bypass` in the audit.
    AuditOnly,
    /// Listed, and what is told of it is redacted.
    Redacted,
}

/// What may be shown of one name found below a listed folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Entry {
    /// Everything.
    Shown,
    /// The name; its content only redacted.
    RedactListed,
    /// Nothing, not even the name.
    Hidden,
}
