//! Looking at files: names, facts, content, digests.

mod content;
mod download;
mod facts;
mod file_hash;
mod find;
mod inline;
pub(crate) mod list;
mod part;
mod pattern;
mod read_redacted;
mod stat;

pub(in crate::tools) use content::{Content, Fetched, content, fetch, room};
pub(in crate::tools) use facts::dead as dead_mounts;
pub(in crate::tools) use find::{complaints, prunes};
pub(in crate::tools) use inline::{INLINE_MAX, inline_cap};
pub(in crate::tools) use list::{ListReply, Page, page};
pub(in crate::tools) use part::{Asking, Range};
pub(in crate::tools) use read_redacted::{Named, RedactedArgs, RedactedReply, redacted};

super::group![
    list::SftpList,
    stat::SftpStat,
    download::SftpDownload,
    file_hash::FileHash,
    find::Find,
    read_redacted::ReadRedacted,
];
