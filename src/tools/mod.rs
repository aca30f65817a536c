//! The tools: one folder per group, one file per tool. They name nothing but [`crate::toolkit`] and [`crate::model`].

pub mod docker;
pub mod exec;
pub mod file_ops;
pub mod host;
pub mod pkg;
pub mod session;
pub mod sftp_read;
pub mod shell;
pub mod sudo;
pub mod systemctl;

use crate::toolkit::Entry;

/// Builds the table of a group: `group![run::ExecRun, script::ExecScript]`.
macro_rules! group {
    ($($tool:path),* $(,)?) => {
        /// The tools of this group.
        pub fn entries() -> Vec<crate::toolkit::Entry> {
            vec![$(crate::toolkit::Entry::of::<$tool>(),)*]
        }
    };
}
use group;

/// Every tool of the server. One group a line, so that groups are added side by side.
#[rustfmt::skip]
pub fn all() -> Vec<Entry> {
    [
        host::entries(),
        session::entries(),
        sftp_read::entries(),
        file_ops::entries(),
        exec::entries(),
        shell::entries(),
        sudo::entries(),
        docker::entries(),
        systemctl::entries(),
        pkg::entries(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
