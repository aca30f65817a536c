//! Commands and files as root.

mod exec;
mod run_script;

super::group![exec::SudoExec, run_script::SudoRunScript];
