//! The tools: one folder per group, one file per tool. They name nothing but [`crate::toolkit`] and [`crate::model`].

pub mod docker;
pub mod exec;
pub mod host;
pub mod session;
pub mod shell;

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

/// Every tool of the server.
pub fn all() -> Vec<Entry> {
    let groups = [host::entries(), session::entries(), exec::entries(), shell::entries(), docker::entries()];
    groups.into_iter().flatten().collect()
}
