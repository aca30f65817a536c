//! Changing files: every change is made on the object that was approved, whole or not at all.

mod carried;
mod change;
mod delete;
mod deploy;
mod edit;
mod env_lines;
mod env_set;
mod folders;
mod over_sftp;
mod pairs;
mod patch;
mod payload;
pub(crate) mod replace;
mod revise;
mod transfer;
pub(crate) mod unified;
mod upload;
mod veil;
mod write;

pub(in crate::tools) use edit::{EditArgs, edit};
pub(in crate::tools) use payload::Payload;
pub(in crate::tools) use write::{Old, WriteReply, Written, write};

super::group![
    upload::Upload,
    deploy::Deploy,
    edit::Edit,
    patch::PatchFile,
    env_set::EnvSet,
    transfer::Transfer,
    folders::Mkdir,
    delete::Delete,
    folders::DeleteFolder,
    pairs::Mv,
    pairs::Cp,
    pairs::Link,
];
