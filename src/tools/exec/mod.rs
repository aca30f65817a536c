//! Commands and scripts: the last resort, for what no other tool covers.

mod answer;
mod broadcast;
mod elsewhere;
mod missing;
mod run;
mod script;
mod streaming;

pub(crate) use answer::ExecReply;
pub(in crate::tools) use answer::{REST, user_job};
pub(crate) use run::CommandArgs;
pub(crate) use script::ScriptArgs;

super::group![run::ExecRun, streaming::ExecRunStreaming, script::ExecScript, broadcast::Broadcast];
