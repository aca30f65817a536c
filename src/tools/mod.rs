//! The tools: one folder per group, one file per tool. They name nothing but [`crate::toolkit`] and [`crate::model`].

pub(crate) mod docker;
pub(crate) mod exec;
pub(crate) mod file_ops;
pub(crate) mod host;
pub(crate) mod jobs;
pub(crate) mod pkg;
pub(crate) mod session;
pub(crate) mod sftp_read;
pub(crate) mod shell;
pub(crate) mod sudo;
pub(crate) mod systemctl;

use crate::toolkit::Entry;

/// Builds the table of a group: `group![run::ExecRun, script::ExecScript]`.
macro_rules! group {
    ($($tool:path),* $(,)?) => {
        /// The tools of this group.
        pub(crate) fn entries() -> Vec<crate::toolkit::Entry> {
            vec![$(crate::toolkit::Entry::of::<$tool>(),)*]
        }
    };
}
use group;

/// Runs a tool's script, or, on a host where none can run, the same work over SFTP:
/// `script_or_sftp!(actor, by_script(args), over_sftp(args))`. The second is generic over the platform's paths.
macro_rules! script_or_sftp {
    ($actor:expr, $script:expr, $sftp:ident($($arg:expr),* $(,)?)) => {{
        let scripted = if $actor.only_sftp() { None } else { Some($script.await) };
        match scripted {
            // The first call on an account finds out that it has no shell.
            Some(Err(_)) | None if $actor.only_sftp() => match $actor.host.platform() {
                crate::toolkit::Platform::Posix => {
                    $sftp::<crate::model::remote_path::RemotePath>($($arg),*).await
                }
                crate::toolkit::Platform::Windows => {
                    $sftp::<crate::model::windows_path::WindowsPath>($($arg),*).await
                }
            },
            Some(done) => done,
            None => Err($actor.needs_shell()),
        }
    }};
}
use script_or_sftp;

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
        jobs::entries(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
