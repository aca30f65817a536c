//! A compose file on a host, for one call.
//!
//! Looking at a project, stopping it and taking it down run compose on the file itself, once the files that it names
//! are allowed: one round trip, one more where it names any. What creates or starts containers first gets the
//! rendering, which is judged, and then runs the judged value: two round trips, since the judgement is made here. The
//! next call sends the judged value along, and the host runs it when the rendering is still the same: one round trip.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::super::client::{Client, Limits};
use super::super::mounting;
use crate::model::error::{ErrorName, ToolError};
use crate::model::quote::Argv;
use crate::model::remote_path::RemotePath;
use crate::toolkit::docker::compose::files::{self, Kind, Reference};
use crate::toolkit::docker::compose::{self, Format, JudgedProject};
use crate::toolkit::docker::programs::Generation;
use crate::toolkit::{Access, Last, Output, PathArg, Script, Status, Verdict};

const VERB: Script = Script::new(concat!(include_str!("open.sh"), include_str!("verb.sh")));
const RENDER: Script =
    Script::new(concat!(include_str!("open.sh"), include_str!("rendered.sh"), include_str!("render.sh")));
const PS: Script = Script::new(concat!(include_str!("open.sh"), include_str!("ps.sh")));
const JUDGED: Script =
    Script::new(concat!(include_str!("sockets.sh"), include_str!("judged.sh"), include_str!("verb.sh")));
const AGAIN: Script = Script::new(concat!(
    include_str!("sockets.sh"),
    include_str!("open.sh"),
    include_str!("rendered.sh"),
    include_str!("again.sh"),
    include_str!("verb.sh")
));
const READ: Script = Script::new("cat \"./$L\"");

/// Statuses of the scripts; see `open.sh` and `again.sh`.
const ANOTHER: i32 = 99;
const UNREADABLE: i32 = 96;
const NAMES_FILES: i32 = 97;

/// Most files that one project may be spread over.
const FILES_MAX: usize = 64;
/// Most bytes of a rendering or a compose file.
const TEXT_CAP: u64 = 4 * 1024 * 1024;
/// Stands for the compose file among the words of a command line.
const FILE: &str = "::";

/// A compose file and how compose is called for it.
pub struct Project<'a> {
    client: &'a Client,
    file: &'a str,
    dir: RemotePath,
    words: Vec<String>,
    generation: Generation,
    named: Option<Vec<Reference>>,
}

/// What came of running the last verdict once more.
enum Again {
    /// It ran.
    Ran(Output),
    /// The host renders something else, which is this.
    Another(Output),
    /// There is none, or it says nothing about the file as it is.
    No,
}

/// How rows were listed.
pub enum Listing {
    /// By compose v2.
    Rows,
    /// By the engine's client, for the first generation.
    Containers,
}

impl<'a> Project<'a> {
    /// The project of a compose file.
    pub fn new(client: &'a Client, file: &'a str, v1: bool) -> Result<Self, ToolError> {
        let path = RemotePath::parse(file).map_err(|why| {
            ToolError::new(
                ErrorName::PathNotAllowed,
                format!("Argument `compose_file`: {why}."),
                "Give the absolute path of the compose file on the host.",
            )
        })?;
        let dir =
            RemotePath::parse(path.parent()).map_err(|why| ToolError::value(why.to_string(), "Give another path."))?;
        let generation = if v1 { Generation::V1 } else { Generation::Configured };
        let words = client.compose(generation, [FILE])?;
        Ok(Project { client, file, dir, words, generation, named: None })
    }

    /// Whether compose is podman-compose, which knows fewer options.
    pub fn is_podman_compose(&self) -> bool {
        self.words.iter().any(|word| word.ends_with("podman-compose"))
    }

    /// The project's folder as compose takes it; podman-compose has no such option and takes the file's own.
    fn folder(&self) -> &str {
        if self.is_podman_compose() { "" } else { self.dir.as_str() }
    }

    /// Runs a verb on the file itself.
    pub async fn direct(&mut self, verb: &[&str], limits: Limits) -> Result<Output, ToolError> {
        self.opened(&VERB, ["", "", ""], verb, limits).await
    }

    /// Lists the project's containers.
    pub async fn list(&mut self, service: Option<&str>, state: Option<&str>) -> Result<(Output, Listing), ToolError> {
        let ps = ["ps", "-a", "--no-trunc", "--format", "{{json .}}"];
        let line = Argv::from_words(self.client.docker(ps)?).map(|a| a.to_shell());
        let extra = [line.as_deref().unwrap_or_default(), state.unwrap_or_default(), service.unwrap_or_default()];
        let mut output = self.opened(&PS, extra, &[], Limits::default()).await?;
        let listing = match take_line(&mut output.stdout).as_str() {
            "containers" => Listing::Containers,
            _ => Listing::Rows,
        };
        Ok((output, listing))
    }

    /// Runs a verb on what the project renders to, once that was judged.
    pub async fn changed(&mut self, verb: &[&str], limits: Limits) -> Result<Output, ToolError> {
        let rendered = match self.again(verb, limits).await? {
            Again::Ran(output) => return Ok(output),
            Again::Another(rendering) => Some(rendering),
            Again::No => None,
        };
        let rendering = match rendered {
            Some(rendering) => rendering,
            None => {
                let limits = Limits { timeout: None, max_bytes: Some(TEXT_CAP) };
                self.opened(&RENDER, ["", "", ""], &[], limits).await?
            }
        };
        if rendering.exit_code() != 0 {
            return Ok(rendering);
        }
        let digest = hex(&Sha256::digest(&rendering.stdout));
        let project = Arc::new(self.judged(rendering)?);
        let verdict = Verdict { digest, project: project.clone() };
        let kept = &self.client.host.call().engine().verdicts;
        // A file that names others is rendered only once those were judged, which takes a round trip of its own.
        match self.named {
            None => kept.keep(self.key()?, verdict),
            Some(_) => kept.forget(&self.key()?),
        }
        self.run(&project, verb, limits).await
    }

    /// Runs the verb on what was judged last, where the host renders the same once more.
    async fn again(&mut self, verb: &[&str], limits: Limits) -> Result<Again, ToolError> {
        let kept = &self.client.host.call().engine().verdicts;
        let key = self.key()?;
        let Some(Verdict { digest, project }) = kept.find(&key) else { return Ok(Again::No) };
        let mut words = Vec::new();
        for word in &self.words {
            match word.as_str() {
                FILE => words.extend(self.judged_file(&project)),
                word => words.push(word.to_owned()),
            }
        }
        words.extend(verb.iter().map(|word| (*word).to_owned()));
        let Some(line) = Argv::from_words(words) else { return Ok(Again::No) };
        let generation = if self.generation == Generation::V1 { "1" } else { "2" };
        let mut args: Vec<String> =
            ["", generation, self.folder(), &line.to_shell(), &digest, ""].map(str::to_owned).to_vec();
        args.extend(self.words.iter().cloned());
        let mut more = reads(&project);
        let variables = self.variables();
        more.push(variables_arg(&variables));
        more.push(self.file_arg());
        self.client.host.call().journal().words(self.run_words(&project, verb));
        let data = Some(project.rendering.as_bytes().into());
        let ran = mounting::run(self.client, &project.mounts, &more, &AGAIN, &args, data, limits).await;
        match ran {
            Ok(output) => match output.status {
                Status::Exit(ANOTHER) if !output.stdout_truncated => {
                    let output = Output { status: Status::Exit(0), ..output };
                    Ok(Again::Another(output))
                }
                Status::Exit(ANOTHER | UNREADABLE | NAMES_FILES) => Ok(Again::No),
                _ => self.client.finished(mounting::restored(output)).map(Again::Ran),
            },
            // The paths are those of the last rendering; whether they still matter, the next one says. Nothing was run.
            Err(error) if matches!(error.name, ErrorName::ValueError) || error.name.as_str().starts_with("Path") => {
                kept.forget(&key);
                Ok(Again::No)
            }
            Err(error) => Err(error),
        }
    }

    /// What a verdict depends on, apart from the rendering.
    fn key(&self) -> Result<String, ToolError> {
        let host = &self.client.host;
        let mode = mounting::mode(host.call());
        let generation = if self.generation == Generation::V1 { 1 } else { 2 };
        let words = self.words.join("\0");
        let root = self.client.is_root();
        Ok(format!("{}\0{root}\0{mode:?}\0{generation}\0{}\0{words}", host.entry().target.key().as_str(), self.file))
    }

    fn judged(&self, mut output: Output) -> Result<JudgedProject, ToolError> {
        let format = if take_line(&mut output.stdout) == "json" { Format::Json } else { Format::Yaml };
        if output.stdout_truncated {
            return Err(ToolError::value("The rendering of the compose file is too large.", "Split the project."));
        }
        let mode = mounting::mode(self.client.host.call());
        compose::judge(&output.stdout_text(), format, &self.dir, mode)
    }

    /// Runs a verb on what was judged.
    async fn run(&self, project: &JudgedProject, verb: &[&str], limits: Limits) -> Result<Output, ToolError> {
        let words = self.run_words(project, verb);
        let mut more = reads(project);
        more.push(self.file_arg());
        let data = Some(project.rendering.as_bytes().into());
        self.client.host.call().journal().words(&words);
        let output = mounting::run(self.client, &project.mounts, &more, &JUDGED, &words, data, limits).await?;
        self.client.finished(mounting::restored(output))
    }

    fn run_words(&self, project: &JudgedProject, verb: &[&str]) -> Vec<String> {
        let mut words = vec![self.folder().to_owned(), project.name.clone().unwrap_or_default()];
        words.extend(self.words.iter().cloned());
        words.extend(verb.iter().map(|word| (*word).to_owned()));
        words
    }

    /// What compose is given in place of the file: the judged rendering, on its standard input.
    fn judged_file(&self, project: &JudgedProject) -> Vec<String> {
        let mut words = vec!["-f", "-"];
        if let Some(name) = &project.name {
            words.extend(["-p", name.as_str()]);
        }
        if !self.folder().is_empty() {
            words.extend(["--project-directory", self.folder()]);
        }
        words.into_iter().map(str::to_owned).collect()
    }

    /// The file from which compose reads variables by itself.
    fn variables(&self) -> String {
        format!("{}/.env", self.dir.as_str().trim_end_matches('/'))
    }

    fn file_arg(&self) -> PathArg<'a> {
        PathArg::new(self.file, Access::Read, Last::Follow).named("compose_file")
    }

    /// Runs a script that begins with `open.sh`; where the file names others, judges those first.
    async fn opened(
        &mut self,
        script: &Script,
        extra: [&str; 3],
        verb: &[&str],
        limits: Limits,
    ) -> Result<Output, ToolError> {
        let host = &self.client.host;
        host.call().journal().words(self.words.iter().map(String::as_str).chain(verb.iter().copied()));
        let variables = self.variables();
        for _ in 0..2 {
            let named = self.named.as_deref().unwrap_or_default();
            let mut paths: Vec<PathArg<'_>> = named.iter().map(reference_arg).collect();
            paths.push(variables_arg(&variables));
            paths.push(self.file_arg());
            let open = if self.named.is_some() { "open" } else { "" };
            let generation = if self.generation == Generation::V1 { "1" } else { "2" };
            let mut args = vec!["--", open, generation, self.folder()];
            args.extend(extra);
            args.extend(self.words.iter().map(String::as_str));
            args.extend(verb.iter().copied());
            let done = self.client.on_paths(&paths, |_| Ok(()), script, &args, None, limits).await?;
            match done.output.status {
                Status::Exit(NAMES_FILES) => {
                    let found = self.references(&done.output).await?;
                    self.named = Some(found);
                }
                Status::Exit(UNREADABLE) => {
                    return Err(ToolError::new(
                        ErrorName::PathNotAllowed,
                        format!("The login account may not read `{}`.", self.file),
                        "Let the account read the compose file.",
                    ));
                }
                _ => return self.client.finished(mounting::restored(done.output)),
            }
        }
        Err(ToolError::new(
            ErrorName::RuntimeError,
            format!("`{}` kept changing while it was judged. Nothing was done.", self.file),
            "Call again once nobody writes it.",
        ))
    }

    /// Every file that the compose file names, and those that these name.
    async fn references(&self, output: &Output) -> Result<Vec<Reference>, ToolError> {
        let mut found = files::references(&text_of(output, self.file)?, &self.dir)?;
        let mut next = 0;
        while let Some(reference) = found.get(next).cloned() {
            next += 1;
            if reference.kind == Kind::Compose {
                let limits = Limits { timeout: None, max_bytes: Some(TEXT_CAP) };
                let path = reference_arg(&reference);
                let done = self.client.on_paths(&[path], |_| Ok(()), &READ, &[], None, limits).await?;
                let text = text_of(&done.output, reference.path.as_str())?;
                let dir = RemotePath::parse(reference.path.parent()).unwrap_or_else(|_| self.dir.clone());
                for more in files::references(&text, &dir)? {
                    if !found.contains(&more) {
                        found.push(more);
                    }
                }
            }
            if found.len() > FILES_MAX {
                return Err(ToolError::value(
                    format!("The project is spread over more than {FILES_MAX} files."),
                    "Write it in fewer files.",
                ));
            }
        }
        Ok(found)
    }
}

/// What compose would read as the login user.
fn reads(project: &JudgedProject) -> Vec<PathArg<'_>> {
    let arg = |path| PathArg::new(path, Access::ReadTree, Last::MayBeNew).named("compose_file");
    project.reads.iter().map(|read| arg(read.path.as_str())).collect()
}

fn variables_arg(path: &str) -> PathArg<'_> {
    PathArg::new(path, Access::ReadRedacted, Last::MayBeNew).named("compose_file")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn reference_arg(reference: &Reference) -> PathArg<'_> {
    let (access, last) = match reference.kind {
        Kind::Compose => (Access::Read, Last::Follow),
        // Their values reach containers and redacted answers only.
        Kind::Values => (Access::ReadRedacted, Last::MayBeNew),
    };
    PathArg::new(reference.path.as_str(), access, last).named("compose_file")
}

fn text_of(output: &Output, path: &str) -> Result<String, ToolError> {
    let unfit = |why: &str| {
        ToolError::value(
            format!("The compose file `{path}` cannot be judged: {why}."),
            "Write it as UTF-8 text that the login account may read, at most 4 MiB.",
        )
    };
    match (&output.status, std::str::from_utf8(&output.stdout)) {
        _ if output.stdout_truncated => Err(unfit("it is too large")),
        (Status::Exit(0 | NAMES_FILES), Ok(text)) if !text.contains('\0') => Ok(text.to_owned()),
        (Status::Exit(0 | NAMES_FILES), _) => Err(unfit("it is no UTF-8 text")),
        _ => Err(unfit("it cannot be read")),
    }
}

/// Takes the first line off an output.
fn take_line(stdout: &mut Vec<u8>) -> String {
    let end = stdout.iter().position(|b| *b == b'\n').map_or(stdout.len(), |at| at + 1);
    let line: Vec<u8> = stdout.drain(..end).collect();
    String::from_utf8_lossy(&line).trim_end().to_owned()
}
