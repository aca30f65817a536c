//! The guides of tools and the runbooks, for tools that answer with them.

use super::call::Call;
use super::ranking::{Index, Text};
use crate::model::error::{ErrorName, ToolError};
pub(crate) use crate::skills::Kind;
use crate::skills::Skill;

/// One guide or runbook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guide {
    /// Its name: the tool's, or the runbook's.
    pub name: String,
    /// Which of the two it is.
    pub kind: Kind,
    /// What it is for, in a sentence or two.
    pub about: String,
}

impl Call {
    /// The guide or runbook of this name, and its text. A guide goes by its tool's name too, and by its address.
    pub fn guide(&self, name: &str) -> Result<Option<(Guide, String)>, ToolError> {
        let plain = name.trim();
        let plain = plain.strip_prefix("skill://").unwrap_or(plain);
        let plain = plain.split('/').next().unwrap_or_default().to_ascii_lowercase();
        let dashed = plain.replace(['_', ' '], "-");
        let library = &self.state().guides;
        let Some(skill) = library.get(&dashed).or_else(|| library.get(&format!("ssh-{dashed}"))) else {
            return Ok(None);
        };
        let (head, text) = skill.text().map_err(|error| {
            ToolError::new(
                ErrorName::ValueError,
                format!("{dashed} cannot be read: {error}."),
                "The operator looks after the folder of guides (SSH_SKILLS_DIR, SSH_RUNBOOKS_DIR).",
            )
        })?;
        Ok(Some((described(skill, head.description), text)))
    }

    /// The runbooks.
    pub fn runbooks(&self) -> Vec<Guide> {
        self.state().guides.runbooks().filter_map(guide).collect()
    }

    /// The guides of open tools, and the runbooks, that fit a question: best first, at most `most`.
    pub fn find_guides(&self, question: &str, most: usize) -> Vec<Guide> {
        let library = &self.state().guides;
        let mut texts = Vec::new();
        let mut guides = Vec::new();
        for tool in self.tools().visible().iter() {
            let Some(guide) = library.get(&tool.name.replace('_', "-")).and_then(guide) else { continue };
            texts.push(Text::of_tool(tool, library));
            guides.push(guide);
        }
        for guide in self.runbooks() {
            let (name, description) = (guide.name.clone(), guide.about.clone());
            texts.push(Text { name, description, parameters: String::new(), guide: String::new() });
            guides.push(guide);
        }
        let found = Index::new(&texts).search(question);
        found.into_iter().filter_map(|n| guides.get(n).cloned()).take(most).collect()
    }
}

fn guide(skill: &Skill) -> Option<Guide> {
    let (head, _) = skill.text().ok()?;
    Some(described(skill, head.description))
}

/// A guide of a tool goes by the tool's name.
fn described(skill: &Skill, about: String) -> Guide {
    let name = if skill.is_of_a_tool() { skill.name().replace('-', "_") } else { skill.name().to_owned() };
    Guide { name, kind: skill.kind(), about }
}
