//! Compose projects: one file on the host, judged before compose acts on it.

mod answers;
mod look;
mod project;
mod verbs;

pub(crate) use look::{Logs, Ps};
pub(crate) use verbs::{Down, Pull, Restart, Start, Stop, Up};
