//! The runbooks as prompts, with arguments that are completed from the live configuration.
//!
//! A runbook names its arguments in its front matter, `metadata.arguments`: words, each with a `?` behind it if it may
//! be left out, such as `host unit?`. Without the field there is one argument, the host.

use rmcp::ErrorData as McpError;
use rmcp::model::{
    CompleteRequestParams, CompleteResult, CompletionInfo, GetPromptResult, Prompt, PromptArgument, PromptMessage,
    Reference, Role,
};
use serde_json::{Map, Value};

use super::resources;
use crate::skills::{FrontMatter, Kind, Library, Skill};
use crate::toolkit::backend::Backend;
use crate::toolkit::clean;

/// Longest value of an argument, in characters. Paths are the longest things that are asked for.
const MAX_VALUE: usize = 1024;

struct Argument<'a> {
    name: &'a str,
    required: bool,
}

fn arguments(head: &FrontMatter) -> Vec<Argument<'_>> {
    let words = head.extra.get("metadata").and_then(|m| m.get("arguments")).and_then(Value::as_str).unwrap_or("host");
    let argument = |word| match str::strip_suffix(word, "?") {
        Some(name) => Argument { name, required: false },
        None => Argument { name: word, required: true },
    };
    words.split([' ', ',']).filter(|word| !word.is_empty()).map(argument).collect()
}

/// What the well-known arguments are.
fn meaning(name: &str) -> Option<&'static str> {
    Some(match name {
        "host" => "Alias of the host",
        "hosts" => "Aliases of the hosts, separated by commas",
        "unit" => "systemd unit, such as nginx.service",
        "container" => "Name or id of the container",
        "image" => "Image with its tag or digest",
        "compose_file" => "Absolute path of the compose file",
        "path" => "Absolute path on the host",
        "mount" => "Mount point, such as /var",
        "package" => "Name of the package",
        "label" => "Short label for names and reports",
        "command" => "Command to run",
        "target" => "Release or version to reach",
        _ => return None,
    })
}

fn runbook<'a>(name: &str, library: &'a Library) -> Result<(&'a Skill, FrontMatter, String), McpError> {
    let absent = || McpError::invalid_params(format!("there is no prompt {name:.128?}"), None);
    let skill = library.get(name).filter(|skill| skill.kind() == Kind::Runbook).ok_or_else(absent)?;
    let (head, text) =
        skill.text().map_err(|error| McpError::internal_error(format!("the runbook cannot be read: {error}"), None))?;
    Ok((skill, head, text))
}

/// `prompts/list`.
pub(super) fn list(library: &Library) -> Vec<Prompt> {
    let prompt = |skill: &Skill| {
        let (head, _) = skill.text().ok()?;
        let arguments = arguments(&head)
            .iter()
            .map(|argument| {
                let wire = PromptArgument::new(argument.name).with_required(argument.required);
                match meaning(argument.name) {
                    Some(meaning) => wire.with_description(meaning),
                    None => wire,
                }
            })
            .collect();
        let prompt = Prompt::new(skill.name(), Some(clean(&head.description).into_owned()), Some(arguments));
        Some(prompt.with_title(resources::title(skill)))
    };
    library.runbooks().filter_map(prompt).collect()
}

/// `prompts/get`: the runbook's text, and what it is to be walked through with.
pub(super) fn get(name: &str, given: &Map<String, Value>, library: &Library) -> Result<GetPromptResult, McpError> {
    let (skill, head, text) = runbook(name, library)?;
    let known = arguments(&head);
    let refuse = |why: String| Err(McpError::invalid_params(why, None));
    let names = || known.iter().map(|argument| argument.name).collect::<Vec<_>>().join(", ");
    if let Some(unknown) = given.keys().find(|key| known.iter().all(|argument| argument.name != key.as_str())) {
        return refuse(format!("{name} has no argument {unknown:.64?}; it takes {}", names()));
    }
    let mut facts = String::new();
    for argument in &known {
        match given.get(argument.name) {
            Some(Value::String(value)) if !value.is_empty() => {
                if value.chars().count() > MAX_VALUE || value.chars().any(char::is_control) {
                    return refuse(format!("{} must be one line of at most {MAX_VALUE} characters", argument.name));
                }
                facts.extend(["- ", argument.name, ": ", value, "\n"]);
            }
            Some(Value::String(_)) | None if !argument.required => {}
            Some(Value::String(_)) | None => return refuse(format!("{name} needs the argument {}", argument.name)),
            Some(_) => return refuse(format!("{} must be a text", argument.name)),
        }
    }
    let message = format!("Walk through the runbook {} with:\n{facts}\n{text}", skill.name());
    let message = PromptMessage::new_text(Role::User, clean(&message).into_owned());
    Ok(GetPromptResult::new(vec![message]).with_description(clean(&head.description).into_owned()))
}

/// `completion/complete`, for the arguments of prompts and the paths of skills.
pub(super) fn complete(
    request: &CompleteRequestParams,
    library: &Library,
    backend: &dyn Backend,
) -> Result<CompleteResult, McpError> {
    let argument = &request.argument;
    let values = match &request.r#ref {
        Reference::Prompt(prompt) => {
            let (_, head, _) = runbook(&prompt.name, library)?;
            if arguments(&head).iter().any(|known| known.name == argument.name) {
                let chosen = request.context.as_ref().and_then(|context| context.arguments.as_ref());
                let host = chosen.and_then(|chosen| chosen.get("host")).map(String::as_str);
                let mut values = backend.completions(&argument.name, &argument.value, host);
                values.retain(|value| value.starts_with(&argument.value));
                values
            } else {
                Vec::new()
            }
        }
        Reference::Resource(template) => resources::paths(&template.uri, &argument.value, library)
            .ok_or_else(|| McpError::invalid_params("there is no such template", None))?,
        _ => return Err(McpError::invalid_params("ref must be a prompt or a resource template", None)),
    };
    let total = u32::try_from(values.len()).ok();
    let more = values.len() > CompletionInfo::MAX_VALUES;
    let page = values.into_iter().map(|v| clean(&v).into_owned()).take(CompletionInfo::MAX_VALUES).collect();
    let info =
        CompletionInfo::with_pagination(page, total, more).map_err(|error| McpError::internal_error(error, None))?;
    Ok(CompleteResult::new(info))
}
