//! Hosts are added to and taken out of hosts.toml; everything else in it stays as its author wrote it.

use toml_edit::{Array, DocumentMut, Item, Table, TableLike, Value};

/// What is wanted of one host. Lists are added to what the host has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Wish {
    /// The alias.
    pub alias: String,
    /// What ssh connects to, where it is not the alias.
    pub hostname: Option<String>,
    /// Roots for path tools.
    pub paths: Vec<String>,
    /// Entries of the command list.
    pub commands: Vec<String>,
    /// Patterns of paths that are only read with secrets masked.
    pub redacted: Vec<String>,
}

impl Wish {
    /// The same with inherited entries in front of each list that is wanted: a list of the host's own takes their place.
    fn after(mut self, inherited: &[(&str, Vec<String>)]) -> Self {
        for ((_, list), wanted) in inherited.iter().zip([&mut self.paths, &mut self.commands, &mut self.redacted]) {
            if !wanted.is_empty() {
                let new: Vec<String> = wanted.drain(..).filter(|entry| !list.contains(entry)).collect();
                *wanted = list.iter().cloned().chain(new).collect();
            }
        }
        self
    }
}

/// The file with the host; what it holds already is not written twice. The error says why the file cannot be edited.
pub(crate) fn with_host(text: &str, wish: &Wish) -> Result<String, String> {
    let mut document = parsed(text)?;
    let defaults: Vec<(&str, Vec<String>)> = ["path_allowlist", "command_allowlist", "redact_paths_globs"]
        .map(|key| (key, document.get("defaults").map(|defaults| texts(defaults, key)).unwrap_or_default()))
        .to_vec();
    let known = document.get("hosts").is_some_and(|hosts| hosts.get(&wish.alias).is_some());
    if !known && !text.trim().is_empty() {
        // Behind everything, a comment at the end of the file included. Hosts in another form of TOML are edited below.
        let gap = if text.ends_with('\n') { "\n" } else { "\n\n" };
        let appended = format!("{text}{gap}{}", with_host("", &wish.clone().after(&defaults))?);
        if parsed(&appended).is_ok() {
            return Ok(appended);
        }
    }
    let hosts = document.entry("hosts").or_insert_with(|| {
        let mut table = Table::new();
        table.set_implicit(true);
        Item::Table(table)
    });
    let hosts = hosts.as_table_like_mut().ok_or("`hosts` is not a table")?;
    if !hosts.contains_key(&wish.alias) {
        hosts.insert(&wish.alias, Item::Table(Table::new()));
    }
    let host = hosts.get_mut(&wish.alias).and_then(Item::as_table_like_mut);
    let host = host.ok_or_else(|| format!("`hosts.{}` is not a table", wish.alias))?;
    if let Some(hostname) = &wish.hostname {
        host.insert("hostname", toml_edit::value(hostname));
    }
    for ((key, inherited), wanted) in defaults.into_iter().zip([&wish.paths, &wish.commands, &wish.redacted]) {
        extend(host, key, inherited, wanted)?;
    }
    Ok(document.to_string())
}

/// The file without the host and the comment right above it. `None` when it names no such host.
pub(crate) fn without_host(text: &str, alias: &str) -> Result<Option<String>, String> {
    let mut document = parsed(text)?;
    let Some(hosts) = document.get_mut("hosts").and_then(Item::as_table_like_mut) else { return Ok(None) };
    if hosts.remove(alias).is_none() {
        return Ok(None);
    }
    // The editor takes a comment between two tables for the second one's, also where a blank line is between them. So the
    // lines are cut out by hand, where that comes to the same.
    let (edited, cut) = (document.to_string(), without_lines(text, alias));
    let read = |text: &str| {
        let mut table: toml::Table = toml::from_str(text).ok()?;
        let hosts = table.remove("hosts").and_then(|hosts| hosts.as_table().cloned()).unwrap_or_default();
        Some((hosts, table))
    };
    let same = read(&cut).is_some_and(|cut| read(&edited).is_some_and(|edited| cut == edited));
    Ok(Some(if same { cut } else { edited }))
}

/// The lines but those from the host's header, and the comment right above it, to the next header or to the blank line in
/// front of what belongs to that.
fn without_lines(text: &str, alias: &str) -> String {
    let (mut kept, mut block): (Vec<&str>, Option<Vec<&str>>) = (Vec::new(), None);
    for line in text.split_inclusive('\n') {
        let header = line.trim_start().starts_with('[').then(|| parsed(line).ok()).flatten();
        if let Some(header) = header {
            let ours = header.get("hosts").is_some_and(|hosts| hosts.get(alias).is_some());
            if let Some(block) = block.take_if(|_| !ours) {
                keep_tail(&mut kept, &block, false);
            }
            if ours && block.is_none() {
                while kept.last().is_some_and(|line| is_comment(line)) {
                    kept.pop();
                }
                block = Some(Vec::new());
            }
        }
        match &mut block {
            Some(block) => block.push(line),
            None => kept.push(line),
        }
    }
    if let Some(block) = block {
        keep_tail(&mut kept, &block, true);
    }
    kept.concat()
}

/// Keeps of a host's lines what stands behind them and is not right below them.
fn keep_tail<'t>(kept: &mut Vec<&'t str>, block: &[&'t str], last: bool) {
    let own = block.iter().rposition(|line| !is_blank(line) && !is_comment(line)).map_or(0, |at| at + 1);
    let tail = block.get(own..).unwrap_or_default();
    kept.extend(tail.iter().skip_while(|line| !is_blank(line)));
    if last && tail.is_empty() && kept.last().is_some_and(|line| is_blank(line)) {
        kept.pop();
    }
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#')
}

fn is_blank(line: &str) -> bool {
    line.trim().is_empty()
}

fn parsed(text: &str) -> Result<DocumentMut, String> {
    text.parse().map_err(|error: toml_edit::TomlError| format!("is not TOML: {}", error.to_string().trim_end()))
}

/// The texts of a list, none where it is not there.
fn texts(table: &Item, key: &str) -> Vec<String> {
    let list = table.get(key).and_then(Item::as_array);
    list.into_iter().flatten().filter_map(|value| value.as_str().map(str::to_owned)).collect()
}

/// Adds to a list what is not in it. A host that has no list of its own gets the inherited one first: its own takes the
/// place of that.
fn extend(host: &mut dyn TableLike, key: &str, inherited: Vec<String>, wanted: &[String]) -> Result<(), String> {
    if wanted.is_empty() {
        return Ok(());
    }
    if !host.contains_key(key) {
        host.insert(key, toml_edit::value(inherited.into_iter().collect::<Array>()));
    }
    let list = host.get_mut(key).and_then(Item::as_array_mut).ok_or_else(|| format!("`{key}` is not a list"))?;
    for entry in wanted {
        if list.iter().any(|value| value.as_str() == Some(entry)) {
            continue;
        }
        // A list with an entry on each line goes on like that.
        let last = list.iter().last().and_then(|last| last.decor().prefix()?.as_str());
        match last.and_then(|before| before.rsplit_once('\n')).map(|(_, indent)| format!("\n{indent}")) {
            Some(before) => list.push_formatted(Value::from(entry.as_str()).decorated(before, "")),
            None => list.push(entry.as_str()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(alias: &str, paths: &[&str], commands: &[&str]) -> Wish {
        let owned = |list: &[&str]| list.iter().map(|&entry| entry.to_owned()).collect();
        Wish { alias: alias.to_owned(), paths: owned(paths), commands: owned(commands), ..Wish::default() }
    }

    #[test]
    fn a_host_is_added_below_what_is_there() {
        let text = "# mine\n[defaults]\nuser = \"me\" # always\n\n[hosts.web]\nhostname = \"web.example\"\n";
        let new = with_host(text, &wish("db.lan", &["/var/log"], &["systemctl status *"])).unwrap();
        let added =
            "\n[hosts.\"db.lan\"]\npath_allowlist = [\"/var/log\"]\ncommand_allowlist = [\"systemctl status *\"]\n";
        assert_eq!(new, format!("{text}{added}"));
        assert_eq!(with_host("", &wish("web", &[], &[])).unwrap(), "[hosts.web]\n");
    }

    #[test]
    fn lists_grow_in_the_form_that_they_have() {
        let text = "[hosts.web]\npath_allowlist = [\n    \"/srv\", # the site\n    \"/var/log\",\n] # roots\n";
        let new = with_host(text, &wish("web", &["/srv", "/etc"], &[])).unwrap();
        let wanted =
            "[hosts.web]\npath_allowlist = [\n    \"/srv\", # the site\n    \"/var/log\",\n    \"/etc\",\n] # roots\n";
        assert_eq!(new, wanted);
        assert_eq!(with_host(&new, &wish("web", &["/etc"], &[])).unwrap(), new);
        let inline = with_host("hosts = { web = {} }\n", &wish("web", &["/etc"], &[])).unwrap();
        assert_eq!(inline, "hosts = { web = { path_allowlist = [\"/etc\"] } }\n");
    }

    #[test]
    fn a_list_of_its_own_does_not_take_the_inherited_entries_away() {
        let text = "[defaults]\npath_allowlist = [\"/var/log\"]\n[hosts.web]\n";
        let new = with_host(text, &wish("web", &["/srv"], &[])).unwrap();
        assert!(new.ends_with("[hosts.web]\npath_allowlist = [\"/var/log\", \"/srv\"]\n"), "{new}");
        let new = with_host(text, &wish("db", &["/var/log", "/srv"], &["id"])).unwrap();
        let added = "\n[hosts.db]\npath_allowlist = [\"/var/log\", \"/srv\"]\ncommand_allowlist = [\"id\"]\n";
        assert_eq!(new, format!("{text}{added}"));
    }

    #[test]
    fn a_host_is_taken_out_alone() {
        let text =
            "[hosts.a]\nuser = \"x\"\n\n# the second\n[hosts.b]\nuser = \"y\"\n[hosts.b.auth]\nmethod = \"agent\"\n";
        assert_eq!(
            without_host(text, "a").unwrap().unwrap(),
            text.split_once("\n\n").map(|(_, rest)| format!("\n{rest}")).unwrap()
        );
        assert_eq!(without_host(text, "b").unwrap().unwrap(), "[hosts.a]\nuser = \"x\"\n");
        assert_eq!(without_host(text, "c"), Ok(None));
        assert!(without_host("[", "c").unwrap_err().contains("TOML"));
    }
}
