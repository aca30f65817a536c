//! The guides of the tools and the runbooks: texts for a model, as folders with a `SKILL.md`.
//!
//! Both trees are embedded in the binary; an operator may put a folder in the place of either. The set of skills is read
//! once at start, the content of a folder when somebody asks for it. Knows no protocol, and nothing of tools.

mod embedded;
mod folder;
mod front_matter;

use std::borrow::Cow;
use std::path::PathBuf;

pub(crate) use self::front_matter::FrontMatter;

use self::embedded::Embedded;
use self::folder::Tree;

/// The file that makes a folder a skill.
pub(crate) const SKILL_MD: &str = "SKILL.md";

/// A name that older clients read as the list of a skill's files, and that no file of a skill may have.
pub(crate) const MANIFEST: &str = "_manifest";

/// Most files of one skill (skills extension, final of September 2026).
pub(crate) const MAX_FILES: usize = 512;

/// Most bytes of one skill, over all its files (same source).
pub(crate) const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// Where the texts come from.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// `SSH_SKILLS_DIR`: stands in for the embedded guides.
    pub skills: Option<PathBuf>,
    /// `SSH_RUNBOOKS_DIR`: stands in for the embedded runbooks.
    pub runbooks: Option<PathBuf>,
    /// `SSH_ENABLE_RUNBOOKS`: false publishes no runbook.
    pub no_runbooks: bool,
}

/// What kind of text a skill is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// How to use one tool.
    Guide,
    /// How to handle one situation, over several tools.
    Runbook,
}

/// Why a skill cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum SkillError {
    /// The folder or a file could not be read.
    #[error("cannot read: {0}")]
    Read(#[from] std::io::Error),
    /// It is larger than the extension allows.
    #[error("over the limit of {MAX_FILES} files and {MAX_BYTES} bytes")]
    TooLarge,
    /// Others than its owner may change it.
    #[error("{0} can be written by others: chmod o-w")]
    Writable(String),
    /// Its front matter is missing or wrong.
    #[error("SKILL.md: {0}")]
    FrontMatter(String),
}

/// One file of a skill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Path inside the skill's folder, with `/` between the parts.
    pub path: String,
    /// The content.
    pub bytes: Cow<'static, [u8]>,
}

/// One skill.
#[derive(Debug)]
pub struct Skill {
    name: String,
    kind: Kind,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Embedded(&'static Embedded),
    Folder(Tree),
}

impl Skill {
    /// The name, which is the folder's.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Guide or runbook.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// True where its name is that of a built-in guide, which is the guide of a tool.
    pub fn is_of_a_tool(&self) -> bool {
        self.kind == Kind::Guide && embedded::GUIDES.iter().any(|guide| guide.name == self.name)
    }

    /// All files, in the order of their paths.
    pub fn files(&self) -> Result<Vec<File>, SkillError> {
        match &self.source {
            Source::Embedded(skill) => Ok(skill
                .files
                .iter()
                .map(|(path, bytes)| File { path: (*path).to_owned(), bytes: Cow::Borrowed(bytes) })
                .collect()),
            Source::Folder(tree) => tree.files(&self.name),
        }
    }

    /// One file; `None` if there is none of that path. Links are not followed.
    pub fn file(&self, path: &str) -> Result<Option<Cow<'static, [u8]>>, SkillError> {
        match &self.source {
            Source::Embedded(skill) => {
                Ok(skill.files.iter().find(|(p, _)| *p == path).map(|(_, bytes)| Cow::Borrowed(*bytes)))
            }
            Source::Folder(tree) => tree.file(&self.name, path),
        }
    }

    /// The front matter of its `SKILL.md` and the text below.
    pub fn text(&self) -> Result<(FrontMatter, String), SkillError> {
        let bytes = self.file(SKILL_MD)?.ok_or_else(|| SkillError::FrontMatter("is missing".into()))?;
        front_matter::split(&bytes, &self.name).map_err(SkillError::FrontMatter)
    }
}

/// All skills that are served, guides first, by name.
#[derive(Debug, Default)]
pub struct Library {
    skills: Vec<Skill>,
    fixed: bool,
}

impl Library {
    /// Reads the set of skills. What was left out, and why, comes back as lines for the log; nothing of it stops the
    /// server.
    pub fn open(sources: &Sources) -> (Library, Vec<String>) {
        let mut library = Library { skills: Vec::new(), fixed: sources.skills.is_none() };
        let mut notes = Vec::new();
        library.mount(Kind::Guide, sources.skills.as_deref(), embedded::GUIDES, &mut notes);
        if sources.no_runbooks {
            notes.push("runbooks are switched off (SSH_ENABLE_RUNBOOKS)".to_owned());
        } else {
            library.fixed &= sources.runbooks.is_none();
            library.mount(Kind::Runbook, sources.runbooks.as_deref(), embedded::RUNBOOKS, &mut notes);
        }
        (library, notes)
    }

    fn mount(
        &mut self,
        kind: Kind,
        folder: Option<&std::path::Path>,
        embedded: &'static [Embedded],
        notes: &mut Vec<String>,
    ) {
        let found: Vec<(String, Source)> = match folder {
            None => embedded.iter().map(|skill| (skill.name.to_owned(), Source::Embedded(skill))).collect(),
            Some(path) => match Tree::open(path) {
                Ok((tree, names)) => names.into_iter().map(|name| (name, Source::Folder(tree.clone()))).collect(),
                Err(error) => {
                    notes.push(format!("{}: skipped: {error}", path.display()));
                    return;
                }
            },
        };
        for (name, source) in found {
            let skill = Skill { name, kind, source };
            if self.get(skill.name()).is_some() {
                notes.push(format!("skill {}: skipped: a guide has this name", skill.name()));
                continue;
            }
            // A folder without good front matter is still readable as plain resources.
            if let Err(error) = skill.text() {
                notes.push(format!("skill {}: {error}", skill.name()));
            }
            self.skills.push(skill);
        }
    }

    /// All skills.
    pub fn skills(&self) -> &[Skill] {
        &self.skills
    }

    /// The runbooks.
    pub fn runbooks(&self) -> impl Iterator<Item = &Skill> {
        self.skills.iter().filter(|skill| skill.kind == Kind::Runbook)
    }

    /// The skill of that name.
    pub fn get(&self, name: &str) -> Option<&Skill> {
        self.skills.iter().find(|skill| skill.name == name)
    }

    /// Whether the texts cannot change while this process lives.
    pub fn is_fixed(&self) -> bool {
        self.fixed
    }
}

#[cfg(test)]
mod tests;
