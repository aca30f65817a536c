//! Packages: apt, and behind the same answers dnf, yum, zypper, apk and pacman.

mod change;
mod detached;
mod details;
mod found;
mod holds;
mod list;
pub(crate) mod manager;
mod plan;
mod progress;
pub(crate) mod rows;
mod search;
mod show;

pub(in crate::tools) use detached::stop_run;

super::group![
    list::List,
    search::Search,
    show::Show,
    holds::ShowHolds,
    change::Install,
    change::Upgrade,
    change::Remove,
    change::Autoremove,
    change::Mark,
];
