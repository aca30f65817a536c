//! A compose file on a host, for one call.
//!
//! Compose opens none of a project's files by itself: it is given the compose file on its standard input. Looking at a
//! project, stopping it and taking it down is one round trip. Where the file names others or has a file of variables
//! beside it, those are judged and read first (one more, and one for each level of files); the next call sends what was
//! made of them along, and the host uses it when the files are still the same. What creates or starts containers first
//! gets the rendering, which is judged, and then runs the judged value: two round trips, since the judgement is made
//! here. The next call sends the judged value along, and the host runs it when the rendering is still the same: one.

mod opened;

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::super::client::{Client, Limits};
use super::super::mounting::{self, Existing};
use super::answers::{default_name, reference_arg, take_line, variables_arg, without_folder};
use crate::model::error::{ErrorName, Family, ToolError};
use crate::model::hex::{hex, random_mark};
use crate::model::quote::Argv;
use crate::model::remote_path::RemotePath;
use crate::toolkit::docker::compose::opening::Opening;
use crate::toolkit::docker::compose::{self, Format, JudgedProject, Volume};
use crate::toolkit::docker::programs::Generation;
use crate::toolkit::{Access, Last, Output, PathArg, Script, Status, Verdict, bare};

const VERB: Script = Script::client(concat!(
    include_str!("open.sh"),
    include_str!("receive.sh"),
    include_str!("words.sh"),
    include_str!("verb.sh")
));
const RENDER: Script = Script::client(concat!(
    include_str!("open.sh"),
    include_str!("receive.sh"),
    include_str!("words.sh"),
    include_str!("rendered.sh"),
    include_str!("render.sh")
));
const PS: Script = Script::client(concat!(
    include_str!("open.sh"),
    include_str!("receive.sh"),
    include_str!("words.sh"),
    include_str!("ps.sh")
));
const JUDGED: Script = Script::client(concat!(
    include_str!("../engine_kind.sh"),
    include_str!("../sources.sh"),
    include_str!("judged.sh"),
    include_str!("receive.sh"),
    include_str!("given.sh"),
    include_str!("words.sh"),
    include_str!("verb.sh")
));
const AGAIN: Script = Script::client(concat!(
    include_str!("../engine_kind.sh"),
    include_str!("../sources.sh"),
    include_str!("open.sh"),
    include_str!("receive.sh"),
    include_str!("words.sh"),
    include_str!("rendered.sh"),
    include_str!("again.sh"),
    include_str!("given.sh"),
    include_str!("words.sh"),
    include_str!("verb.sh")
));
/// Statuses of the scripts; see `open.sh` and `again.sh`.
const ANOTHER: i32 = 99;
const UNREADABLE: i32 = 96;
pub(super) const NAMES_FILES: i32 = 97;

/// Most bytes of a rendering or of the files that are read at once.
const TEXT_CAP: u64 = 4 * 1024 * 1024;
/// Stands for the project among the words of a command line.
const FILE: &str = "::";

/// A compose file and how compose is called for it.
pub(super) struct Project<'a> {
    client: &'a Client,
    file: &'a str,
    dir: RemotePath,
    words: Vec<String>,
    generation: Generation,
    mark: String,
    opening: Option<Arc<Opening>>,
    /// Whether the opening was made from what this call read.
    is_fresh: bool,
    /// Nothing is to be run if the project may have compose run commands in its containers.
    only_without_hooks: bool,
    /// That was found.
    has_hooks: bool,
    /// The folder in which the client ran, once it did.
    ran_in: Option<RemotePath>,
}

/// What came of running the last verdict once more.
enum Again {
    /// It ran.
    Ran(Output),
    /// The host renders something else, which is this.
    Another(Output),
    /// There is none, or it says nothing about the project as it is.
    No,
}

/// What a verb prints.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// Rows of JSON.
    Rows,
    /// Anything.
    Text,
}

/// How rows were listed.
pub(super) enum Listing {
    /// By compose v2.
    Rows,
    /// By the engine's client, for the first generation.
    Containers,
}

impl<'a> Project<'a> {
    /// The project of a compose file.
    pub(super) fn new(client: &'a Client, file: &'a str, v1: bool) -> Result<Self, ToolError> {
        let path = RemotePath::argument(file).map_err(|why| {
            ToolError::new(
                ErrorName::PathNotAllowed,
                format!("Argument `compose_file`: {why}."),
                "Give the absolute path of the compose file on the host.",
            )
        })?;
        let dir = path.folder();
        let generation = if v1 { Generation::V1 } else { Generation::Configured };
        let words = client.compose(generation, [FILE])?;
        let mut project = Project {
            client,
            file,
            dir,
            words,
            generation,
            mark: random_mark::<16>()?,
            opening: None,
            is_fresh: false,
            only_without_hooks: false,
            has_hooks: false,
            ran_in: None,
        };
        project.opening = client.host.call().openings().find(&project.key());
        Ok(project)
    }

    /// Whether compose is podman-compose, which knows fewer options.
    pub(super) fn is_podman_compose(&self) -> bool {
        self.words.iter().any(|word| word.ends_with("podman-compose"))
    }

    /// The project's folder as compose takes it; podman-compose has no such option and takes the one it starts in.
    fn folder(&self) -> &str {
        if self.is_podman_compose() { "" } else { self.dir.as_str() }
    }

    /// Runs a verb on the project itself.
    pub(super) async fn direct(&mut self, verb: &[&str], limits: Limits) -> Result<Output, ToolError> {
        let ran = self.opened(&VERB, ["", "", ""], verb, limits).await;
        self.shown(ran, Shown::Text).await
    }

    /// Stops or removes what is there. Compose may run commands of the project in its containers before; such a project is
    /// judged as for a start.
    pub(super) async fn stopped(&mut self, verb: &[&str], limits: Limits) -> Result<Output, ToolError> {
        self.only_without_hooks = true;
        let ran = self.opened(&VERB, ["", "", ""], verb, limits).await;
        self.only_without_hooks = false;
        match ran {
            Err(_) if self.has_hooks => self.changed(verb, limits).await,
            ran => self.shown(ran, Shown::Text).await,
        }
    }

    /// Lists the project's containers.
    pub(super) async fn list(
        &mut self,
        service: Option<&str>,
        state: Option<&str>,
    ) -> Result<(Output, Listing), ToolError> {
        let ps = ["ps", "-a", "--no-trunc", "--format", "{{json .}}"];
        let line = Argv::from_words(self.client.docker(ps)?).map(|a| a.to_shell());
        let extra = [line.as_deref().unwrap_or_default(), state.unwrap_or_default(), service.unwrap_or_default()];
        let listed = self.opened(&PS, extra, &[], Limits::default()).await;
        let mut listing = Listing::Rows;
        let listed = listed.map(|mut output| {
            if take_line(&mut output.stdout) == "containers" {
                listing = Listing::Containers;
            }
            output
        });
        self.shown(listed, Shown::Rows).await.map(|output| (output, listing))
    }

    /// Runs a verb on what the project renders to, once that was judged.
    pub(super) async fn changed(&mut self, verb: &[&str], limits: Limits) -> Result<Output, ToolError> {
        let ran = self.judged_and_run(verb, limits).await;
        self.shown(ran, Shown::Text).await
    }

    async fn judged_and_run(&mut self, verb: &[&str], limits: Limits) -> Result<Output, ToolError> {
        let rendered = match self.again(verb, limits).await? {
            Again::Ran(output) => return Ok(output),
            // podman-compose names containers after the folder in which it runs, which has to be known.
            Again::Another(_) if self.is_podman_compose() => None,
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
        self.client.host.call().verdicts().keep(self.key(), verdict);
        self.run(&project, verb, limits).await
    }

    /// An answer without what must not be shown, with the names that the project itself uses.
    async fn shown(&self, done: Result<Output, ToolError>, what: Shown) -> Result<Output, ToolError> {
        let Some(opening) = &self.opening else {
            return match done {
                Ok(output) => Ok(self.client.without_values(output).await),
                Err(error) => Err(error),
            };
        };
        self.warn(opening);
        match done {
            Ok(mut output) => {
                let (stdout, stderr) = (output.stdout_text(), output.stderr_text());
                output.stdout = match what {
                    Shown::Rows => opening.masks.rows(&opening.as_named(&stdout)),
                    Shown::Text => {
                        let text = opening.masks.text(&opening.as_named(&without_folder(&stdout)));
                        // A value that was printed in colours is looked for as it shows.
                        match bare(&text) {
                            Some(bare) if opening.masks.text(&bare) != bare => opening.masks.text(&bare),
                            _ => text,
                        }
                    }
                }
                .into_bytes();
                let stderr = opening.as_named(&without_folder(&stderr));
                output.stderr = opening.masks.said(&stderr, output.exit_code() != 0).into_bytes();
                // The containers may be those of another project, which this one only shares its name with.
                output = self.client.without_values(output).await;
                // Counts of what was said tell of what is not shown.
                output.stdout_bytes = output.stdout.len() as u64;
                output.stderr_bytes = output.stderr.len() as u64;
                output.stderr_truncated = false;
                Ok(output)
            }
            Err(error) => Err(opening.masks.error(error)),
        }
    }

    /// Says what of the file of variables was left out.
    fn warn(&self, opening: &Opening) {
        let call = self.client.host.call();
        if !opening.not_taken.is_empty() {
            call.warn(format!(
                "The project's .env sets {}: names that configure programs are not taken from a file. Where the project needs \
                 one, refer to it as ${{NAME}}, or let the operator set it in the account's environment.",
                opening.not_taken.join(", ")
            ));
        }
        if opening.unread > 0 {
            call.warn(format!("{} lines of the project's .env are not assignments and were left out.", opening.unread));
        }
    }

    /// Runs the verb on what was judged last, where the host renders the same once more.
    async fn again(&mut self, verb: &[&str], limits: Limits) -> Result<Again, ToolError> {
        let kept = self.client.host.call().verdicts();
        let key = self.key();
        let Some(Verdict { digest, project }) = kept.find(&key) else { return Ok(Again::No) };
        let words: Vec<String> = self.words.iter().cloned().chain(verb.iter().map(|word| (*word).to_owned())).collect();
        let Some(line) = Argv::from_words(words) else { return Ok(Again::No) };
        let name = project.name.as_deref().unwrap_or_default();
        let args = self.open_args([&line.to_shell(), &digest, name], &[]);
        let mut more = self.reads(&project);
        let opening = self.opening.clone();
        more.extend(opening.iter().flat_map(|opening| opening.references.iter().map(reference_arg)));
        let variables = self.variables();
        more.push(variables_arg(&variables));
        more.push(self.file_arg());
        self.client.host.call().journal().words(self.run_words(&project, verb));
        let code = opening.as_ref().map(|opening| opening.code.as_str()).unwrap_or_default();
        let data = Some(format!("{code}{}", project.rendering).into_bytes().into());
        let ran = mounting::run(
            self.client,
            &self.existing(&project, verb)?,
            &project.mounts,
            &more,
            &AGAIN,
            &args,
            data,
            limits,
        )
        .await;
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
            Err(error) if matches!(error.name.family(), Family::Denied | Family::Args) => {
                kept.forget(&key);
                Ok(Again::No)
            }
            Err(error) => Err(error),
        }
    }

    /// What a verdict depends on, apart from the rendering.
    fn key(&self) -> String {
        let host = &self.client.host;
        let mode = mounting::mode(host.call());
        let generation = if self.generation == Generation::V1 { 1 } else { 2 };
        let words = self.words.join("\0");
        let root = self.client.is_root();
        format!("{}\0{root}\0{mode:?}\0{generation}\0{}\0{words}", host.entry().target.key().as_str(), self.file)
    }

    /// Judges a rendering, as the project names its files. What runs is the judged value with the names of the copies.
    fn judged(&self, mut output: Output) -> Result<JudgedProject, ToolError> {
        let format = match take_line(&mut output.stdout).as_str() {
            "json" => Format::Json,
            _ if self.is_podman_compose() => Format::Undoubled,
            _ => Format::Yaml,
        };
        if output.stdout_truncated {
            return Err(ToolError::value("The rendering of the compose file is too large.", "Split the project."));
        }
        let mode = mounting::mode(self.client.host.call());
        let text = output.stdout_text();
        let named =
            |text: &str| self.opening.as_ref().map_or_else(|| text.to_owned(), |opening| opening.as_named(text));
        let mut project = compose::judge(&named(&text), format, &self.dir, mode)?;
        self.name_containers(&mut project);
        let Some(opening) = &self.opening else { return Ok(project) };
        if !opening.token.is_empty() {
            let is_copy = |path: &str| opening.has_copy_of(path);
            project.rendering = compose::with_copies(&project.rendering, &opening.token, &is_copy);
            project.reads.retain(|read| !is_copy(read.path.as_str()));
        }
        Ok(project)
    }

    /// Gives a project its name where the rendering says none, as that of the first generation and of podman-compose. The
    /// latter then takes the folder in which it runs; it is told, so that its containers are those that are judged.
    fn name_containers(&self, project: &mut JudgedProject) {
        let given = || self.opening.as_ref().and_then(|opening| opening.project_name());
        project.name = project.name.take().or_else(given);
        if self.is_podman_compose() && project.name.is_none() {
            project.name = self.ran_in.as_ref().map(default_name).filter(|name| !name.is_empty());
        }
    }

    /// Runs a verb on what was judged.
    async fn run(&self, project: &JudgedProject, verb: &[&str], limits: Limits) -> Result<Output, ToolError> {
        let code = match &self.opening {
            Some(opening) => opening.run_code(&project.rendering, &self.mark)?,
            None => String::new(),
        };
        let token = self.opening.as_ref().map(|opening| opening.token.as_str()).unwrap_or_default();
        let token = if project.rendering.contains(token) { token } else { "" };
        let words = self.run_words(project, verb);
        let mut args: Vec<String> =
            [&code.len().to_string(), &self.mark, self.needs_folder(token), token].map(str::to_owned).to_vec();
        args.extend(words.iter().cloned());
        let mut more = self.reads(project);
        more.push(self.file_arg());
        let data = Some(format!("{code}{}", project.rendering).into_bytes().into());
        self.client.host.call().journal().words(&words);
        let output = mounting::run(
            self.client,
            &self.existing(project, verb)?,
            &project.mounts,
            &more,
            &JUDGED,
            &args,
            data,
            limits,
        )
        .await?;
        self.client.finished(mounting::restored(output))
    }

    /// What compose would start beside what the rendering says: containers and volumes that are there already.
    fn existing(&self, project: &JudgedProject, verb: &[&str]) -> Result<Existing, ToolError> {
        let none = Existing::volumes(Vec::new());
        if verb.first() == Some(&"pull") {
            return Ok(none);
        }
        let name = project.name.clone().unwrap_or_else(|| default_name(&self.dir));
        let (volumes, volume_ends) = project.volumes.iter().fold((Vec::new(), Vec::new()), |(mut all, mut ends), v| {
            match v {
                Volume::Named(name) => all.push(name.clone()),
                Volume::Ending(end) => ends.push(end.clone()),
            }
            (all, ends)
        });
        let others = if self.is_podman_compose() { project.container_names(&name)? } else { Vec::new() };
        Ok(Existing { others, volumes, volume_ends, project: Some((self.dir.as_str().to_owned(), name)), ..none })
    }

    fn run_words(&self, project: &JudgedProject, verb: &[&str]) -> Vec<String> {
        let mut words = vec![self.folder().to_owned(), project.name.clone().unwrap_or_default()];
        words.extend(self.words.iter().cloned());
        words.extend(verb.iter().map(|word| (*word).to_owned()));
        words
    }

    /// The first generation wants a regular file of variables, if any; copies need a folder as well.
    fn needs_folder(&self, token: &str) -> &'static str {
        let plain = self.words.iter().rev().nth(1).is_some_and(|word| word == "compose") || self.is_podman_compose();
        let in_file = self.opening.is_some() && self.is_without_environment();
        if plain && token.is_empty() && !in_file { "" } else { "folder" }
    }

    /// sudo and doas hand on no variables.
    fn is_without_environment(&self) -> bool {
        self.words.first().is_some_and(|word| matches!(word.rsplit('/').next(), Some("sudo" | "doas")))
    }

    /// The words of `open.sh`, and the client's.
    fn open_args(&self, extra: [&str; 3], verb: &[&str]) -> Vec<String> {
        let (count, stamp, code, token) = match &self.opening {
            None => (0, "", 0, ""),
            Some(o) => {
                let stamp = if self.is_fresh { "-" } else { o.stamp.as_str() };
                (o.references.len() + 2, stamp, o.code.len(), o.token.as_str())
            }
        };
        let mark = self.opening.as_ref().map_or(self.mark.as_str(), |opening| opening.mark.as_str());
        let generation = if self.generation == Generation::V1 { "1" } else { "2" };
        let (count, code) = (count.to_string(), code.to_string());
        let first = [&count, stamp, &code, mark, self.needs_folder(token), token, generation, self.folder()];
        let mut args: Vec<String> = first.into_iter().chain(extra).map(str::to_owned).collect();
        args.extend(self.words.iter().cloned());
        args.extend(verb.iter().map(|word| (*word).to_owned()));
        args
    }

    /// What compose would read as the login user when the judged value runs.
    fn reads<'p>(&self, project: &'p JudgedProject) -> Vec<PathArg<'p>> {
        let arg = |path| PathArg::tree(path, Last::MayBeNew).named("compose_file").carried();
        project.reads.iter().map(|read| arg(read.path.as_str())).collect()
    }

    /// The file from which compose would read variables by itself.
    fn variables(&self) -> String {
        format!("{}/.env", self.dir.as_str().trim_end_matches('/'))
    }

    fn file_arg(&self) -> PathArg<'a> {
        PathArg::new(self.file, Access::Read, Last::Follow).named("compose_file")
    }
}
