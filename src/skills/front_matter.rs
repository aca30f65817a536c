//! The YAML head of a `SKILL.md`: between two lines of three dashes, at the very beginning.

use serde_json::{Map, Number, Value};
use yaml_rust2::parser::{Event, EventReceiver, Parser};
use yaml_rust2::{Yaml, YamlLoader};

/// Longest head that is read, in bytes: a name, a description of 1,024 characters, and room.
const MAX_HEAD_BYTES: usize = 16 * 1024;

const MAX_DEPTH: usize = 8;

/// Most characters of a description (skills extension).
const MAX_DESCRIPTION: usize = 1024;

/// What the head says.
#[derive(Debug, Clone, PartialEq)]
pub struct FrontMatter {
    /// Equal to the folder's name.
    pub name: String,
    /// What the skill is for, 1 to 1,024 characters.
    pub description: String,
    /// Every other field as written.
    pub extra: Map<String, Value>,
}

/// Lowercase letters, digits and single hyphens inside, at most 64 characters.
pub(crate) fn is_skill_name(name: &str) -> bool {
    name.len() <= 64
        && name
            .split('-')
            .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
}

/// Splits the file into its head and its text.
pub(super) fn split(bytes: &[u8], folder: &str) -> Result<(FrontMatter, String), String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "not UTF-8")?;
    let rest = text.strip_prefix("---").ok_or("does not begin with front matter (---)")?;
    let rest = line_end(rest).ok_or("does not begin with front matter (---)")?;
    let mut offset = 0;
    let (head, body) = loop {
        let line = rest.get(offset..).unwrap_or_default();
        if line.is_empty() {
            return Err("the front matter has no end (---)".into());
        }
        if let Some(after) = line.strip_prefix("---").and_then(line_end) {
            break (rest.get(..offset).unwrap_or_default(), after);
        }
        offset += line.find('\n').map_or(line.len(), |at| at + 1);
    };
    Ok((parse(head, folder)?, body.trim_start_matches(['\r', '\n']).to_owned()))
}

fn line_end(text: &str) -> Option<&str> {
    let text = text.trim_start_matches([' ', '\t', '\r']);
    if text.is_empty() { Some(text) } else { text.strip_prefix('\n') }
}

fn parse(head: &str, folder: &str) -> Result<FrontMatter, String> {
    if head.len() > MAX_HEAD_BYTES {
        return Err(format!("the front matter is over {MAX_HEAD_BYTES} bytes"));
    }
    let mut shape = Shape::default();
    Parser::new_from_str(head).load(&mut shape, true).map_err(|error| format!("bad YAML: {error}"))?;
    if shape.refused {
        return Err(format!("YAML aliases and nesting over {MAX_DEPTH} levels are not taken"));
    }
    let documents = YamlLoader::load_from_str(head).map_err(|error| format!("bad YAML: {error}"))?;
    let Ok([Yaml::Hash(fields)]) = <[Yaml; 1]>::try_from(documents) else {
        return Err("the front matter is not a mapping".into());
    };
    let mut extra = Map::new();
    for (key, value) in fields {
        let Yaml::String(key) = key else { return Err("a key of the front matter is not a word".into()) };
        extra.insert(key, json(value)?);
    }
    let mut text = |field: &str| match extra.shift_remove(field) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(format!("{field} is not a text")),
        None => Err(format!("{field} is missing")),
    };
    let name = text("name")?;
    let description = text("description")?;
    if name != folder {
        return Err(format!("name {name:?} is not the folder's name {folder:?}"));
    }
    if !is_skill_name(&name) {
        return Err("name must be lowercase letters, digits and single hyphens, at most 64".into());
    }
    if description.is_empty() || description.chars().count() > MAX_DESCRIPTION {
        return Err(format!("description must have 1 to {MAX_DESCRIPTION} characters"));
    }
    Ok(FrontMatter { name, description, extra })
}

/// Refuses what could grow: an alias repeats a whole branch.
#[derive(Default)]
struct Shape {
    depth: usize,
    refused: bool,
}

impl EventReceiver for Shape {
    fn on_event(&mut self, event: Event) {
        match event {
            Event::Alias(_) => self.refused = true,
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                self.depth += 1;
                self.refused |= self.depth > MAX_DEPTH;
            }
            Event::SequenceEnd | Event::MappingEnd => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }
}

fn json(value: Yaml) -> Result<Value, String> {
    Ok(match value {
        Yaml::Null => Value::Null,
        Yaml::Boolean(value) => Value::Bool(value),
        Yaml::Integer(value) => value.into(),
        Yaml::Real(text) => text.parse().ok().and_then(Number::from_f64).map_or(Value::String(text), Value::Number),
        Yaml::String(text) => Value::String(text),
        Yaml::Array(items) => Value::Array(items.into_iter().map(json).collect::<Result<_, _>>()?),
        Yaml::Hash(fields) => {
            let mut object = Map::new();
            for (key, value) in fields {
                let Yaml::String(key) = key else { return Err("a key of the front matter is not a word".into()) };
                object.insert(key, json(value)?);
            }
            Value::Object(object)
        }
        Yaml::Alias(_) | Yaml::BadValue => return Err("a value of the front matter cannot be read".into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(text: &str) -> Result<(FrontMatter, String), String> {
        split(text.as_bytes(), "ssh-find")
    }

    #[test]
    fn fields_are_kept_as_written() {
        let text = "---\nname: ssh-find\ndescription: \"Finds: things\"\nlicense: MIT\nmetadata:\n  arguments: host unit?\n  n: [1, 2.5, true, ~]\n---\n\n# Body\n---\nmore\n";
        let (head, body) = read(text).unwrap();
        assert_eq!(head.name, "ssh-find");
        assert_eq!(head.description, "Finds: things");
        assert_eq!(
            Value::Object(head.extra),
            json!({"license": "MIT", "metadata": {"arguments": "host unit?", "n": [1, 2.5, true, null]}})
        );
        assert_eq!(body, "# Body\n---\nmore\n");
        assert!(read("---\r\nname: ssh-find\r\ndescription: x\r\n---\r\nbody").is_ok());
        assert!(read("---\nname: ssh-find\ndescription: x\n---").is_ok());
    }

    #[test]
    fn what_is_not_front_matter_is_refused_with_the_reason() {
        for (text, why) in [
            ("# no head", "begin with"),
            ("---x\nname: a\n---\n", "begin with"),
            ("---\nname: ssh-find\ndescription: x\n", "no end"),
            ("---\nname: ssh-find\n---\n", "description is missing"),
            ("---\ndescription: x\n---\n", "name is missing"),
            ("---\nname: other\ndescription: x\n---\n", "folder's name"),
            ("---\nname: ssh-find\ndescription: 7\n---\n", "not a text"),
            ("---\nname: ssh-find\ndescription: ''\n---\n", "1 to 1024"),
            ("---\n- a\n---\n", "not a mapping"),
            ("---\nname: ssh-find\nname: ssh-find\ndescription: x\n---\n", "bad YAML"),
            ("---\na: &a [x]\nb: *a\n---\n", "aliases"),
            ("---\na: [[[[[[[[[[1]]]]]]]]]]\n---\n", "nesting"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(why), "{text:?}: {error}");
        }
        let long = format!("---\nname: ssh-find\ndescription: {}\n---\n", "x".repeat(1025));
        assert!(read(&long).unwrap_err().contains("1 to 1024"));
        let large = format!("---\nname: ssh-find\ndescription: x\na: {}\n---\n", "x".repeat(MAX_HEAD_BYTES));
        assert!(read(&large).unwrap_err().contains("bytes"));
    }

    #[test]
    fn names() {
        for good in ["a", "ssh-find", "a1-2b", &"a".repeat(64)] {
            assert!(is_skill_name(good), "{good}");
        }
        for bad in ["", "-a", "a-", "a--b", "A", "a_b", "a.b", "a/b", "\u{e9}", &"a".repeat(65)] {
            assert!(!is_skill_name(bad), "{bad}");
        }
    }
}
