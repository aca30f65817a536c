//! Commands and files as root.

mod edit;
mod exec;
mod list;
mod read;
mod read_redacted;
mod run_script;
mod write;

super::group![
    exec::SudoExec,
    run_script::SudoRunScript,
    read::SudoRead,
    read_redacted::SudoReadRedacted,
    write::SudoWrite,
    edit::SudoEdit,
    list::SudoSftpList,
];
