//! Persistent shells.

mod close;
mod exec;
mod list;
mod open;

super::group![open::ShellOpen, exec::ShellExec, list::ShellList, close::ShellClose];
