//! A server in a client's own file: put in, found, taken out. Comments, order, line ends and everything else stay.

use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstInputValue, CstObject, CstRootNode};
use serde_json::Value;
use toml_edit::{Array, DocumentMut, Item, Table};
use yaml_rust2::{Yaml, YamlLoader};

/// The server as it is registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Server {
    /// Under this name.
    pub name: String,
    /// This program, by its whole path: clients of a desktop have another PATH.
    pub command: String,
    /// Its arguments.
    pub args: Vec<&'static str>,
}

/// How a client lists its servers.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    /// An object of a JSON file, comments allowed, by the keys that lead to it.
    Json {
        /// The keys.
        path: &'static [&'static str],
        /// What stands under the server's name.
        entry: fn(&Server) -> Value,
    },
    /// A table of tables of a TOML file.
    Toml {
        /// Its name.
        table: &'static str,
    },
    /// A mapping at the top of a YAML file.
    YamlMap {
        /// Its key.
        key: &'static str,
        /// What stands under the server's name.
        entry: fn(&Server) -> Value,
    },
    /// A YAML file for this server alone.
    OwnYaml,
}

/// The file with the server in it. The error says why the file cannot be edited.
pub(super) fn with_server(form: Form, text: &str, server: &Server) -> Result<String, String> {
    match form {
        Form::Json { path, entry } => {
            let (bom, root) = json(text)?;
            let mut object = match root.value() {
                None => root.object_value_or_set(),
                Some(_) => root.object_value().ok_or("holds no object at its top")?,
            };
            for key in open_code(path, &object) {
                object = object
                    .object_value_or_create(key)
                    .ok_or_else(|| format!("holds something else than an object under `{key}`"))?;
            }
            let value = input(&entry(server));
            match object.get(&server.name) {
                Some(property) => property.set_value(value),
                None => drop(object.append(&server.name, value)),
            }
            let end = if text.is_empty() { "\n" } else { "" };
            Ok(format!("{bom}{root}{end}"))
        }
        Form::Toml { table } => {
            let mut document = toml(text)?;
            let servers = document.entry(table).or_insert_with(|| {
                let mut servers = Table::new();
                servers.set_implicit(true);
                Item::Table(servers)
            });
            let servers = servers.as_table_like_mut().ok_or_else(|| format!("`{table}` is not a table"))?;
            if !servers.contains_key(&server.name) {
                servers.insert(&server.name, Item::Table(Table::new()));
            }
            let entry = servers.get_mut(&server.name).and_then(Item::as_table_like_mut);
            let entry = entry.ok_or_else(|| format!("`{table}.{}` is not a table", server.name))?;
            entry.insert("command", toml_edit::value(&server.command));
            entry.insert("args", toml_edit::value(server.args.iter().copied().collect::<Array>()));
            Ok(document.to_string())
        }
        Form::YamlMap { key, entry } => yaml_with(text, key, server, &entry(server)),
        Form::OwnYaml => Ok(own_yaml(server)),
    }
}

/// The file without the server; `None` when it is not in there.
pub(super) fn without_server(form: Form, text: &str, name: &str) -> Result<Option<String>, String> {
    match form {
        Form::Json { path, .. } => {
            let (bom, root) = json(text)?;
            let Some(object) = reached(path, &root) else { return Ok(None) };
            let Some(property) = object.get(name) else { return Ok(None) };
            property.remove();
            Ok(Some(format!("{bom}{root}")))
        }
        Form::Toml { table } => {
            let mut document = toml(text)?;
            let servers = document.get_mut(table).and_then(Item::as_table_like_mut);
            Ok(servers.and_then(|servers| servers.remove(name)).map(|_| document.to_string()))
        }
        Form::YamlMap { key, .. } => Ok(yaml_without(text, key, name)),
        Form::OwnYaml => Ok((!text.is_empty()).then(String::new)),
    }
}

/// The command under the server's name. `None` when it is not in there.
pub(super) fn registered(form: Form, text: &str, name: &str) -> Result<Option<String>, String> {
    let found = match form {
        Form::Json { path, .. } => {
            let (_, root) = json(text)?;
            reached(path, &root).and_then(|object| object.get(name)?.to_serde_value())
        }
        Form::Toml { table } => {
            let document = toml(text)?;
            let command = |entry: &Item| entry.get("command").and_then(Item::as_str).unwrap_or("?").to_owned();
            return Ok(document.get(table).and_then(|servers| servers.get(name)).map(command));
        }
        Form::YamlMap { key, .. } => {
            let document = yaml(text)?;
            return Ok(match &document[key][name]["cmd"] {
                Yaml::String(command) => Some(command.clone()),
                _ => None,
            });
        }
        Form::OwnYaml => {
            let document = yaml(text)?;
            return Ok(document["mcpServers"][0]["command"].as_str().map(str::to_owned));
        }
    };
    Ok(found.map(|entry| {
        let command = entry.get("command");
        let word = command.and_then(|c| c.as_str().or_else(|| c.get(0).and_then(Value::as_str)));
        word.unwrap_or("?").to_owned()
    }))
}

/// OpenCode's second generation keeps its servers one level deeper; a file that has that level is of that generation.
fn open_code(path: &'static [&'static str], top: &CstObject) -> Vec<&'static str> {
    let deeper = path == ["mcp"]
        && top
            .object_value("mcp")
            .is_some_and(|mcp| mcp.object_value("servers").is_some_and(|servers| servers.get("type").is_none()));
    if deeper { vec!["mcp", "servers"] } else { path.to_vec() }
}

fn reached(path: &'static [&'static str], root: &CstRootNode) -> Option<CstObject> {
    let top = root.object_value()?;
    open_code(path, &top).into_iter().try_fold(top, |object, key| object.object_value(key))
}

/// The byte order mark, if there is one, and the rest.
fn json(text: &str) -> Result<(&'static str, CstRootNode), String> {
    let (bom, rest) = text.strip_prefix('\u{feff}').map_or(("", text), |rest| ("\u{feff}", rest));
    let root = CstRootNode::parse(rest, &ParseOptions::default()).map_err(|error| format!("is not JSON: {error}"))?;
    Ok((bom, root))
}

fn input(value: &Value) -> CstInputValue {
    match value {
        Value::Null => CstInputValue::Null,
        Value::Bool(value) => CstInputValue::Bool(*value),
        Value::Number(number) => CstInputValue::Number(number.to_string()),
        Value::String(text) => CstInputValue::String(text.clone()),
        Value::Array(list) => CstInputValue::Array(list.iter().map(input).collect()),
        Value::Object(map) => {
            CstInputValue::Object(map.iter().map(|(key, value)| (key.clone(), input(value))).collect())
        }
    }
}

fn toml(text: &str) -> Result<DocumentMut, String> {
    text.parse().map_err(|error: toml_edit::TomlError| format!("is not TOML: {}", error.to_string().trim_end()))
}

fn yaml(text: &str) -> Result<Yaml, String> {
    let mut documents = YamlLoader::load_from_str(text).map_err(|error| format!("is not YAML: {error}"))?;
    match documents.len() {
        0 => Ok(Yaml::Hash(yaml_rust2::yaml::Hash::new())),
        1 => Ok(documents.remove(0)),
        _ => Err("holds more than one YAML document".to_owned()),
    }
}

/// The lines, counted from 0, of a name's block in a mapping that is written as a block.
fn yaml_block(text: &str, key: &str, name: &str) -> Option<(usize, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let top = lines.iter().position(|line| line.strip_prefix(key).is_some_and(|rest| rest.trim_end() == ":"))?;
    let blank = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
    let indent = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let inside = lines.iter().enumerate().skip(top + 1).take_while(|(_, line)| blank(line) || indent(line) > 0);
    let inside: Vec<(usize, &&str)> = inside.collect();
    let (start, depth) = inside.iter().find_map(|(at, line)| {
        let named = line.trim_start().strip_prefix(name).is_some_and(|rest| rest.trim_end() == ":");
        named.then(|| (*at, indent(line)))
    })?;
    let after = inside.iter().find(|(at, line)| *at > start && (blank(line) || indent(line) <= depth));
    Some((start, after.map_or_else(|| inside.last().map_or(start, |(at, _)| at + 1), |(at, _)| *at)))
}

fn yaml_without(text: &str, key: &str, name: &str) -> Option<String> {
    let (start, end) = yaml_block(text, key, name)?;
    let rest = text.split_inclusive('\n').enumerate().filter(|(at, _)| !(start..end).contains(at));
    Some(rest.map(|(_, line)| line).collect())
}

/// The block is written right below the key; what comes out is read again and has to be the old file with the entry.
fn yaml_with(text: &str, key: &str, server: &Server, entry: &Value) -> Result<String, String> {
    let old = yaml(text)?;
    let cleared = yaml_without(text, key, &server.name).unwrap_or_else(|| text.to_owned());
    let by_hand = || format!("its `{key}` is written in a form that is not edited here; add this below it: {entry}");
    if old[key][server.name.as_str()] != Yaml::BadValue && cleared == text {
        return Err(by_hand());
    }
    let indent = cleared
        .lines()
        .skip_while(|line| line.strip_prefix(key).is_none_or(|rest| rest.trim_end() != ":"))
        .skip(1)
        .find(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'))
        .map(|line| line.len() - line.trim_start_matches(' ').len())
        .filter(|indent| *indent > 0)
        .unwrap_or(2);
    let (pad, deeper) = (" ".repeat(indent), " ".repeat(indent * 2));
    let fields = entry.as_object().into_iter().flatten();
    // Each value is written as JSON, which is YAML too.
    let block: String = std::iter::once(format!("{pad}{}:\n", server.name))
        .chain(fields.map(|(field, value)| format!("{deeper}{field}: {value}\n")))
        .collect();
    let mut new = String::new();
    let mut placed = false;
    for line in cleared.split_inclusive('\n') {
        new.push_str(line);
        if !placed && line.strip_prefix(key).is_some_and(|rest| rest.trim_end() == ":") {
            if !line.ends_with('\n') {
                new.push('\n');
            }
            new.push_str(&block);
            placed = true;
        }
    }
    if !placed {
        if old[key] != Yaml::BadValue {
            return Err(by_hand());
        }
        if !new.is_empty() && !new.ends_with('\n') {
            new.push('\n');
        }
        new.push_str(&format!("{key}:\n{block}"));
    }
    let same = |document: &Yaml| -> Yaml {
        let mut document = document.clone();
        if let Yaml::Hash(top) = &mut document {
            let name = Yaml::String(key.to_owned());
            let mut rest = match top.remove(&name) {
                Some(Yaml::Hash(servers)) => servers,
                _ => yaml_rust2::yaml::Hash::new(),
            };
            rest.remove(&Yaml::String(server.name.clone()));
            top.insert(name, Yaml::Hash(rest));
        }
        document
    };
    let read = yaml(&new).map_err(|_| by_hand())?;
    let entered = read[key][server.name.as_str()]["cmd"].as_str() == Some(&server.command);
    if entered && same(&read) == same(&old) { Ok(new) } else { Err(by_hand()) }
}

fn own_yaml(server: &Server) -> String {
    format!(
        "name: SSH\nversion: 0.0.1\nschema: v1\nmcpServers:\n  - name: {}\n    command: {}\n    args: {}\n",
        Value::from(server.name.as_str()),
        Value::from(server.command.as_str()),
        Value::from(server.args.clone()),
    )
}

#[cfg(test)]
mod tests;
