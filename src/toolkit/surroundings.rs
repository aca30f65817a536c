//! The surroundings of a caller's command: its folder, its variables and its input. One piece for every tool that runs one.
//!
//! Values travel as lines of the script, through the channel, and stand in no argument list. The folder is proven by the script
//! itself, as paths are: it goes on where the folder's real name is the one that was judged, and otherwise has done nothing.
//! Its last word before the command is a mark, so that no exit status of the command is taken for one of the proof.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use schemars::JsonSchema;
use serde::Deserialize;

use super::account::Account;
use super::host::Host;
use super::job::{Job, Output};
use super::paths::{Last, PathArg, Proof};
use super::state::host_paths::Viewer;
use crate::model::error::{ErrorName, ToolError};
use crate::model::lock::LockAlways as _;
use crate::model::quote::{export_lines, sh_quote};
use crate::policy::path::{Access, AllowedPath};
use crate::ssh::channel::{OnChunk, Stream};
use crate::ssh::feed::Input;
use crate::ssh::wrapper::{SETTLE, new_mark};

/// Most variables of a call, most bytes of one value, and of all together as a shell reads them.
const VARIABLES_MAX: usize = 64;
const VALUE_MAX: usize = 32 * 1024;
const ALL_MAX: usize = 64 * 1024;

/// Most bytes of standard input.
pub(crate) const STDIN_MAX: usize = 1024 * 1024;

/// Variables by name.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Variables(BTreeMap<String, String>);

impl std::fmt::Debug for Variables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Values may be secrets.
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// What surrounds a command.
#[derive(Clone, Default)]
pub struct Surroundings {
    cwd: Option<String>,
    env: Variables,
    stdin: Option<Arc<[u8]>>,
}

impl Surroundings {
    /// Takes the arguments `cwd`, `env` and `stdin`; refuses what no host could be given.
    pub fn new(cwd: Option<String>, env: Option<Variables>, stdin: Option<String>) -> Result<Self, ToolError> {
        let env = env.unwrap_or_default();
        if env.0.len() > VARIABLES_MAX {
            return Err(ToolError::value(
                format!("Argument `env`: {} variables.", env.0.len()),
                format!("Give at most {VARIABLES_MAX}."),
            ));
        }
        for (name, value) in &env.0 {
            let why = if value.contains('\0') {
                "its value holds a NUL character, which no variable can".to_owned()
            } else if value.len() > VALUE_MAX {
                format!("its value is {} bytes long, at most {VALUE_MAX} are taken", value.len())
            } else {
                continue;
            };
            return Err(ToolError::value(
                format!("Argument `env`: `{}` is refused: {why}.", name.escape_default()),
                "Shorten it, or give the text as `stdin`.",
            ));
        }
        let this = Surroundings { cwd, env, stdin: None };
        if this.exports().len() > ALL_MAX {
            return Err(ToolError::value(
                "Argument `env`: the variables are too long together.",
                format!("Give at most {ALL_MAX} bytes in all, or give the text as `stdin`."),
            ));
        }
        let stdin = match stdin {
            None => None,
            Some(text) if text.len() > STDIN_MAX => {
                return Err(ToolError::value(
                    format!("Argument `stdin`: {} bytes is too large.", text.len()),
                    format!("Give at most {STDIN_MAX} bytes, or ssh_upload a file and let the command read it."),
                ));
            }
            Some(text) if text.contains('\0') => {
                return Err(ToolError::value(
                    "Argument `stdin` holds a NUL character, which a shell leaves out.",
                    "Give text without it; bytes go by ssh_upload.",
                ));
            }
            Some(text) => Some(text.into_bytes().into()),
        };
        Ok(Surroundings { stdin, ..this })
    }

    /// True where nothing was asked for.
    pub fn is_empty(&self) -> bool {
        self.cwd.is_none() && self.env.0.is_empty() && self.stdin.is_none()
    }

    /// The folder, as given.
    pub fn cwd(&self) -> Option<&str> {
        self.cwd.as_deref()
    }

    /// The text for standard input.
    pub fn stdin(&self) -> Option<&Arc<[u8]>> {
        self.stdin.as_ref()
    }

    /// Name and value of each variable.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.env.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Judges the names of the variables by the rules of a host.
    pub fn judge_names(&self, host: &Host) -> Result<(), ToolError> {
        self.env.0.keys().try_for_each(|name| host.entry().surroundings.judge_name(name))
    }

    /// The variables as a shell reads them.
    fn exports(&self) -> String {
        export_lines(self.variables())
    }
}

impl Account {
    /// Runs a caller's command or script in its surroundings. A folder that cannot be used is refused, and nothing runs.
    pub(crate) async fn run_within(&self, job: Job, around: &Surroundings) -> Result<Output, ToolError> {
        let lines = self.variable_lines(around).await?;
        let job = match &around.stdin {
            None => job,
            Some(text) => job.input(Input::Text(text.clone())),
        };
        let Some(cwd) = &around.cwd else { return self.run(job.behind(String::new(), lines)).await };
        self.run_entering(cwd, &|before, folder| {
            job.clone().behind(before, format!("PWD={folder}; export PWD; unset OLDPWD; {lines}"))
        })
        .await
    }

    /// The variables of a command as lines in front of it: those of a login terminal where the operator wants them, and the
    /// caller's.
    pub(super) async fn variable_lines(&self, around: &Surroundings) -> Result<String, ToolError> {
        around.judge_names(&self.host)?;
        let mut lines = if self.is_root() { String::new() } else { self.host.login_variables().await? };
        lines.push_str(&around.exports());
        Ok(lines)
    }

    /// Runs a job in a folder. `make` gets the words that prove and enter it, and its name as a shell reads it. A folder that
    /// cannot be used is refused, and nothing runs.
    pub(super) async fn run_entering(
        &self,
        cwd: &str,
        make: &(dyn Fn(String, &str) -> Job + Send + Sync),
    ) -> Result<Output, ToolError> {
        let mark = new_mark().map_err(|e| ToolError::value(format!("No random numbers: {e}."), "Call again."))?;
        let arg = PathArg::new(cwd, Access::Enter, Last::Follow).named("cwd");
        let make = |proof: &Proof, paths: &[AllowedPath]| {
            let [folder] = paths else {
                return Err(ToolError::value("One folder was expected.", "Report this defect."));
            };
            let entry = self.host.entry();
            for view in [Viewer::Login, Viewer::Root] {
                entry.surroundings.judge_cwd(folder.path(), &entry.paths.rules(view))?;
            }
            let quoted = sh_quote(folder.as_str());
            let mut job = make(enter(proof, &quoted, &mark, self.viewer()), &quoted);
            job.on_chunk = job.on_chunk.map(|see| behind(format!("{mark}+"), see));
            job.mark = Some(format!("{mark}+"));
            Ok(job)
        };
        Ok(self.run_on_paths(&[arg], &make).await.map_err(nothing_ran)?.output)
    }
}

/// The words that prove and enter a folder, and then say the mark.
fn enter(proof: &Proof, folder: &str, mark: &str, viewer: Viewer) -> String {
    let (head, inside, tail) = match viewer {
        Viewer::Login => (String::new(), "", ""),
        // Functions stand outside of the brackets, in which old shells misread them; how programs are spelled stays inside.
        Viewer::Root => (
            format!("O=$1;E=$2;\n{SETTLE}\n"),
            "eval \"$E\"; ",
            "unset O E; unset -f lost real walk held straight settle; set --; ",
        ),
    };
    format!(
        "{head}q=$({inside}{}) || {{ k=$?; printf %s \"$q\"; exit $k; }}; \
         cd -P -- {folder} 2>/dev/null || {{ k=93; [ ! -d {folder} ] || k=92; printf %s {folder} >&2; exit $k; }}; \
         [ \"$PWD\" = {folder} ] || exit 94; unset q; {tail}printf %s+ {mark} >&2; ",
        proof.all()
    )
}

/// A refusal of the folder, told as such.
fn nothing_ran(mut error: ToolError) -> ToolError {
    if matches!(error.name, ErrorName::PathNotAllowed | ErrorName::PathRestricted) {
        if !error.what.starts_with("Argument `cwd`") {
            error.what = format!("Argument `cwd`: {}", error.what);
        }
        error.what = format!("{} Nothing was run.", error.what);
    }
    error
}

/// Shows output from the mark on: what comes before it is the proof's, which may name what the caller may not see.
fn behind(mark: String, see: OnChunk) -> OnChunk {
    #[derive(Default)]
    struct Held {
        open: bool,
        stdout: Vec<u8>,
        stderr: Vec<u8>,
    }
    let held = Mutex::new(Held::default());
    Arc::new(move |stream, bytes| {
        let mut held = held.lock_always();
        if held.open {
            drop(held);
            return see(stream, bytes);
        }
        match stream {
            Stream::Stdout => held.stdout.extend_from_slice(bytes),
            Stream::Stderr => held.stderr.extend_from_slice(bytes),
        }
        let Some(at) = memchr::memmem::find(&held.stderr, mark.as_bytes()) else { return };
        held.open = true;
        let (stdout, stderr) = (std::mem::take(&mut held.stdout), std::mem::take(&mut held.stderr));
        drop(held);
        let rest = stderr.get(at + mark.len()..).unwrap_or_default();
        for (stream, kept) in [(Stream::Stdout, stdout.as_slice()), (Stream::Stderr, rest)] {
            if !kept.is_empty() {
                see(stream, kept);
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(env: &[(&str, &str)], stdin: Option<&str>) -> Result<Surroundings, ToolError> {
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Surroundings::new(None, Some(Variables(env)), stdin.map(str::to_owned))
    }

    #[test]
    fn what_no_host_could_be_given_is_refused() {
        assert!(given(&[], None).unwrap().is_empty());
        assert!(given(&[("A", "b\nc'd")], Some("x")).is_ok());
        assert!(given(&[("A", "b\0c")], None).is_err());
        assert!(given(&[("A", &"x".repeat(VALUE_MAX + 1))], None).is_err());
        assert!(given(&[("A", &"'".repeat(VALUE_MAX))], None).is_err(), "quoted it is four times as long");
        assert!(given(&[], Some(&"x".repeat(STDIN_MAX))).is_ok());
        assert!(given(&[], Some(&"x".repeat(STDIN_MAX + 1))).is_err());
        assert!(given(&[], Some("a\0")).is_err());
        let many: Vec<String> = (0..=VARIABLES_MAX).map(|n| format!("A{n}")).collect();
        let many: Vec<(&str, &str)> = many.iter().map(|name| (name.as_str(), "")).collect();
        assert!(given(&many, None).is_err() && given(&many[1..], None).is_ok());
    }

    #[test]
    fn values_are_never_in_a_debug_text() {
        let around = Variables([("TOKEN".to_owned(), "hunter2".to_owned())].into());
        assert_eq!(format!("{around:?}"), "{\"TOKEN\"}");
    }

    #[test]
    fn nothing_is_shown_before_the_mark() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let told = seen.clone();
        let see = behind("M+".to_owned(), Arc::new(move |_, bytes| told.lock().unwrap().extend_from_slice(bytes)));
        see(Stream::Stdout, b"/secret/./");
        see(Stream::Stderr, b"M");
        assert!(seen.lock().unwrap().is_empty());
        see(Stream::Stderr, b"+err");
        see(Stream::Stdout, b"out");
        assert_eq!(seen.lock().unwrap().as_slice(), b"/secret/./errout");
    }
}
