//! Advice for the caller: the tool that does exactly what a command does.

use super::host::Host;
use super::surroundings::Surroundings;
use crate::model::error::ToolError;
use crate::model::remote_path::RemotePath;
use crate::policy::cheatsheet::{self, Advice, RunsAs};
use crate::policy::command::grammar;
use crate::policy::path::{Access, Platform};

impl Host {
    /// Names the tool that does exactly the same, where there is one that may do it on this host; where the operator wants
    /// such commands refused, refuses. Advice for the caller, not a boundary: other spellings of the command pass.
    /// A command with a folder, variables or input of its own is no other tool's.
    pub fn suggest_native_tool(&self, runs_as: RunsAs, text: &str, around: &Surroundings) -> Result<(), ToolError> {
        let Ok(words) = grammar::parse(text) else { return Ok(()) };
        self.guard_redact_listed(&words, around.cwd())?;
        if !around.is_empty() {
            return Ok(());
        }
        let Some(advice) = cheatsheet::advise(&words, runs_as).filter(|advice| self.covers(advice)) else {
            return Ok(());
        };
        self.call().journal().cheatsheet(advice.pattern_id);
        if !self.call().settings().ssh_exec_allow_cheatsheet_patterns {
            return Err(advice.refusal(self.call().spec().name, self.alias()));
        }
        self.call().warn(advice.hint(self.alias()));
        Ok(())
    }

    /// True when the caller could make the call instead: the tool is offered, and the path is one that it may use.
    fn covers(&self, advice: &Advice) -> bool {
        let allowed = |(path, access): &(String, Access)| {
            RemotePath::parse(path).is_ok_and(|path| self.entry().paths.judge(&path, *access).is_ok())
        };
        self.platform() == Platform::Posix
            && self.call().state().offers(advice.tool, self.call().snapshot())
            && advice.path.as_ref().is_none_or(allowed)
    }
}
