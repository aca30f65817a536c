//! A reviewed script of this program, for a job.

use crate::model::scripts::ScriptFile;

/// Most files of one script.
const PARTS: usize = 12;

/// A fixed, reviewed `sh` script: files beside its tool, one after the other. Its arguments are positional parameters.
///
/// It is made of files of `src` alone, or of several by `concat!`:
///
/// ```
/// use ssh_mcp::internals::toolkit::Script;
/// const NOTHING: Script = Script::new(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/toolkit/nothing.sh")));
/// ```
///
/// In a constant, another text does not compile:
///
/// ```compile_fail
/// use ssh_mcp::internals::toolkit::Script;
/// const RUNS: Script = Script::new("rm -rf /");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Script {
    parts: [Option<Part>; PARTS],
    /// It starts a program that the account's environment configures.
    pub(super) of_account: bool,
}

#[derive(Debug, Clone, Copy)]
struct Part {
    file: ScriptFile,
    /// The function that it is the body of.
    function: Option<&'static str>,
}

impl Script {
    /// Does nothing, with success.
    pub const NOTHING: Script = Script::new(include_str!("nothing.sh"));

    /// A script of these files.
    pub const fn new(text: &'static str) -> Self {
        Script { parts: [None; PARTS], of_account: false }.then(text)
    }

    /// A script that starts a client of an engine, in the environment of the account: `DOCKER_HOST` and the like hold.
    pub const fn client(text: &'static str) -> Self {
        Script { of_account: true, ..Script::new(text) }
    }

    /// A script that begins with a function whose body is this file.
    pub const fn function(name: &'static str, text: &'static str) -> Self {
        let part = Part { file: ScriptFile::of(text), function: Some(name) };
        Script { parts: [None; PARTS], of_account: false }.with(part)
    }

    /// The same, with more files behind it.
    #[must_use]
    pub const fn then(mut self, text: &'static str) -> Self {
        let mut rest = text;
        while !rest.is_empty() {
            let (file, behind) = ScriptFile::first_of(rest);
            self = self.with(Part { file, function: None });
            rest = behind;
        }
        self
    }

    const fn with(mut self, part: Part) -> Self {
        let mut left: &mut [Option<Part>] = &mut self.parts;
        let mut is_placed = false;
        while let (false, Some((place, others))) = (is_placed, left.split_first_mut()) {
            if place.is_none() {
                *place = Some(part);
                is_placed = true;
            }
            left = others;
        }
        assert!(is_placed, "a script of too many files");
        self
    }

    /// The text that travels on every call.
    pub fn compact(&self) -> String {
        let mut text = String::new();
        for part in self.parts.iter().flatten() {
            if !text.is_empty() {
                text.push('\n');
            }
            match part.function {
                Some(name) => text.push_str(&format!("{name}() {{\n{}\n}}", part.file.text())),
                None => text.push_str(part.file.text()),
            }
        }
        text
    }
}
