//! Looking at files: names, facts, content, digests.

mod actor;
mod download;
mod facts;
mod file_hash;
mod find;
pub(crate) mod list;
mod read_redacted;
mod stat;

pub(in crate::tools) use actor::{Actor, INLINE_MAX, inline_cap};
pub(in crate::tools) use download::{Content, Fetched, Range, content, fetch};
pub(in crate::tools) use list::{ListReply, Page, page};
pub(in crate::tools) use read_redacted::{Named, RedactedArgs, RedactedReply, redacted};

super::group![
    list::SftpList,
    stat::SftpStat,
    download::SftpDownload,
    file_hash::FileHash,
    find::Find,
    read_redacted::ReadRedacted,
];
