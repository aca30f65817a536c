//! Reading a project: the files that it names and the variables beside it, as lines that a script begins with.

use std::sync::Arc;

use super::super::super::client::Limits;
use super::super::super::mounting;
use super::super::answers::{reference_arg, taken, text_of, unfit, variables_arg};
use super::{NAMES_FILES, Project, TEXT_CAP, UNREADABLE};
use crate::model::error::{ErrorName, Family, ToolError};
use crate::model::remote_path::RemotePath;
use crate::toolkit::docker::compose::files::{self, Kind, Reference};
use crate::toolkit::docker::compose::opening::{self, File, Opening, Sources};
use crate::toolkit::docker::programs::Generation;
use crate::toolkit::{Output, PathArg, Script, Side, Status, turns};

const READ: Script = Script::new(include_str!("../read.sh"));

/// Most files that one project may be spread over.
const FILES_MAX: usize = 64;

impl Project<'_> {
    /// Runs a script that begins with `open.sh`; where the project has a file of variables or names files, reads those
    /// first.
    pub(super) async fn opened(
        &mut self,
        script: &Script,
        extra: [&str; 3],
        verb: &[&str],
        limits: Limits,
    ) -> Result<Output, ToolError> {
        let host = &self.client.host;
        host.call().journal().words(self.words.iter().map(String::as_str).chain(verb.iter().copied()));
        // The files that it names are read by name, and so is the folder of a build.
        let turn = host.turn(Side::Mounts).await?;
        let done = self.opened_in_turn(script, extra, verb, limits).await;
        if !matches!(&done, Ok(output) if matches!(output.status, Status::TimedOut(_))) && !turns::may_go_on(&done) {
            turn.over();
        }
        done
    }

    async fn opened_in_turn(
        &mut self,
        script: &Script,
        extra: [&str; 3],
        verb: &[&str],
        limits: Limits,
    ) -> Result<Output, ToolError> {
        let variables = self.variables();
        let mut room = limits;
        for _ in 0..4 {
            if self.only_without_hooks && self.opening.as_ref().is_some_and(|opening| opening.may_run_hooks) {
                if self.is_fresh {
                    self.has_hooks = true;
                    return Err(unfit(self.file, "it has commands run around a stop"));
                }
                // The one that was kept may be of another text.
                self.opening = None;
            }
            let opening = self.opening.clone();
            let references = opening.as_ref().map(|opening| opening.references.as_slice()).unwrap_or_default();
            let mut paths: Vec<PathArg<'_>> = references.iter().map(reference_arg).collect();
            paths.push(variables_arg(&variables));
            paths.push(self.file_arg());
            let args = self.open_args(extra, verb);
            let args: Vec<&str> = std::iter::once("--").chain(args.iter().map(String::as_str)).collect();
            let data = opening.as_ref().map(|opening| opening.code.as_bytes().into());
            let done = self.client.on_paths(&paths, |_| Ok(()), script, &args, data, room).await;
            let done = match done {
                // What was kept names files that are closed by now; the project as it is may not.
                Err(error) if opening.is_some() && !self.is_fresh && error.name.family() == Family::Denied => {
                    self.opening = None;
                    continue;
                }
                done => done?,
            };
            match done.output.status {
                // The project's files took the room of the answer.
                Status::Exit(NAMES_FILES) if done.output.stdout_truncated && room.max_bytes != Some(TEXT_CAP) => {
                    room = Limits { max_bytes: Some(TEXT_CAP), ..limits };
                }
                Status::Exit(NAMES_FILES) => {
                    room = limits;
                    let beside = done.paths.iter().rev().nth(1).map(|path| path.as_str().to_owned());
                    self.make_opening(&done.output, &beside.unwrap_or_default()).await?;
                }
                Status::Exit(UNREADABLE) => return Err(self.unreadable(&done.output)),
                _ => {
                    self.ran_in = done.paths.last().and_then(|path| RemotePath::parse(path.path().parent()).ok());
                    return self.client.finished(mounting::restored(done.output));
                }
            }
        }
        Err(ToolError::new(
            ErrorName::RuntimeError,
            format!("`{}` kept changing while it was judged. Nothing was done.", self.file),
            "Call again when nothing writes to it any more.",
        ))
    }

    pub(super) fn unreadable(&self, output: &Output) -> ToolError {
        let said = output.stderr_text();
        if let Some((_, path)) = said.trim_end().rsplit_once("ssh-mcp: no file ") {
            return ToolError::new(
                ErrorName::PathNotAllowed,
                format!("Argument `compose_file`: `{path}` is not a plain file."),
                "Name the compose file itself; a folder, pipe or device is not read.",
            );
        }
        let path = said.trim_end().rsplit_once("ssh-mcp: unreadable ").map_or(self.file, |(_, path)| path);
        ToolError::new(
            ErrorName::PathNotAllowed,
            format!("The login account may not read `{path}`."),
            "Let the account read the project's files.",
        )
    }

    /// Makes the opening from what `open.sh` answered and from the files that the project names.
    async fn make_opening(&mut self, output: &Output, beside_path: &str) -> Result<(), ToolError> {
        let text = text_of(output, self.file)?;
        // The script was given the mark of the opening that was kept, if any.
        let mark = self.opening.as_ref().map_or(self.mark.as_str(), |opening| opening.mark.as_str());
        let (beside, main) =
            text.split_once(&format!("\n{mark}\n")).ok_or_else(|| unfit(self.file, "it cannot be read"))?;
        let beside = taken(beside);
        let lists = |path: &str| self.client.host.entry().paths.redact_lists(path);
        let beside_is_listed = lists(&self.variables()) || lists(beside_path);
        let files = if files::may_name_files(main) { self.files(main).await? } else { Vec::new() };
        let path = RemotePath::argument(self.file).map_err(|why| unfit(self.file, &why.to_string()))?;
        let from = Sources { main: main.to_owned(), path, dir: self.dir.clone(), beside, beside_is_listed, files };
        let named = |end: &str| self.words.iter().any(|word| word.ends_with(end));
        let reads = opening::Client {
            is_podman: self.is_podman_compose(),
            is_python: self.generation == Generation::V1 || named("podman-compose") || named("docker-compose"),
            without_environment: self.is_without_environment(),
        };
        let opening = Arc::new(Opening::new(from, &self.mark, reads)?);
        self.client.host.keep_values(&opening.masks).await;
        self.client.host.call().openings().keep(self.key(), opening.clone());
        self.opening = Some(opening);
        self.is_fresh = true;
        Ok(())
    }

    /// Every file that the compose file names, and those that these name; one round trip for each level.
    async fn files(&self, main: &str) -> Result<Vec<File>, ToolError> {
        let lists = |path: &str| self.client.host.entry().paths.redact_lists(path);
        let mut wanted = files::references(main, &self.dir)?;
        let mut read: Vec<File> = Vec::new();
        while read.len() < wanted.len() {
            if wanted.len() > FILES_MAX {
                return Err(ToolError::value(
                    format!("The project is spread over more than {FILES_MAX} files."),
                    "Write it in fewer files.",
                ));
            }
            let level: Vec<Reference> = wanted.get(read.len()..).unwrap_or_default().to_vec();
            let paths: Vec<PathArg<'_>> = level.iter().map(reference_arg).collect();
            let limits = Limits { timeout: None, max_bytes: Some(TEXT_CAP) };
            let done = self.client.on_paths(&paths, |_| Ok(()), &READ, &["--", &self.mark], None, limits).await?;
            if done.output.status == Status::Exit(UNREADABLE) {
                return Err(self.unreadable(&done.output));
            }
            let answer = text_of(&done.output, self.file)?;
            let end = format!("\n{}\n", self.mark);
            let mut texts = answer.split(end.as_str());
            for (reference, path) in level.into_iter().zip(&done.paths) {
                let text = taken(texts.next().unwrap_or_default());
                if reference.kind == Kind::Compose {
                    let text = text.as_deref().ok_or_else(|| unfit(reference.path.as_str(), "it cannot be read"))?;
                    for more in files::references(text, &reference.base)? {
                        if !wanted.iter().any(|known| known.path == more.path) {
                            wanted.push(more);
                        }
                    }
                }
                let is_listed = lists(reference.path.as_str()) || lists(path.as_str());
                read.push(File { reference, text, is_listed });
            }
        }
        Ok(read)
    }
}
