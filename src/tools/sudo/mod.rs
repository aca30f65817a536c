//! Commands and files as root.

mod exec;
mod list;
mod read;
mod read_redacted;
mod run_script;

super::group![
    exec::SudoExec,
    run_script::SudoRunScript,
    read::SudoRead,
    read_redacted::SudoReadRedacted,
    list::SudoSftpList,
];
