//! Every text that a docker, systemctl or package tool takes, fed with what tries to be more than one operand: refused
//! with the input's name, or found in one operand slot of what the host was asked to run.
//!
//! Driven by the schemas that the server lists, so a tool or an input that is added is fed as well.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::containers::new_systemd_host;
use crate::server::{Server, Setup};

/// Programs that write their words down instead of working.
const RECORDED: [&str; 8] =
    ["docker", "docker-compose", "systemctl", "journalctl", "apt", "apt-get", "apt-cache", "apt-mark"];

/// Number of words, name, words; each NUL-ended.
const RECORDER: &str = "#!/bin/sh\nprintf '%s\\0' \"$#\" \"${0##*/}\" \"$@\" >>/rec/words\n";

/// What tries to be an option, a second word, a pattern, or something to a shell.
const HOSTILE: [&str; 9] =
    ["--privileged", "-oX=y", "a b", "a\nb", "*", "a\u{0}b", "'\"'", "$(touch /rec/ran)", "a;touch /rec/ran"];

/// Words of our own after which a word is a value, whatever it looks like.
const VALUED: [&str; 4] = ["--filter", "--grep", "--unit", "-c"];

/// A fit value for an input that a tool cannot do without.
fn fit(tool: &str, input: &str) -> Value {
    match input {
        "command" => json!("true"),
        "compose_file" => json!("/srv/m/compose.yml"),
        "container" => json!("web"),
        "container_path" => json!("/x"),
        "direction" => json!("to_container"),
        "host_path" => json!("/srv/m/data"),
        "image" => json!("app:1"),
        "target" => json!("web"),
        "unit" => json!("nginx.service"),
        "package" | "pattern" => json!("sample"),
        "packages" => json!(["sample"]),
        "mode" => json!("installed"),
        "action" => json!("hold"),
        _ => panic!("no fit value is known for {input} of {tool}"),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Text,
    List,
    Map,
    Other,
}

/// What an input takes, by its schema.
fn shape(schema: &Value, whole: &Value) -> Shape {
    if let Some(name) = schema["$ref"].as_str() {
        return shape(whole.pointer(&name[1..]).unwrap(), whole);
    }
    if let Some(any) = schema["anyOf"].as_array().or_else(|| schema["oneOf"].as_array()) {
        let shapes = any.iter().map(|one| shape(one, whole));
        return shapes.into_iter().find(|found| *found != Shape::Other).unwrap_or(Shape::Other);
    }
    let types = match &schema["type"] {
        Value::Array(all) => all.clone(),
        one => vec![one.clone()],
    };
    let is = |name: &str| types.iter().any(|t| t == name);
    match () {
        () if is("string") || schema["enum"].is_array() || schema["const"].is_string() => Shape::Text,
        () if is("array") => Shape::List,
        () if is("object") => Shape::Map,
        () => Shape::Other,
    }
}

/// The command lines that the host was asked to run since the last look.
fn recorded(folder: &Path) -> Vec<Vec<String>> {
    let bytes = std::fs::read(folder.join("words")).unwrap_or_default();
    let _ = std::fs::remove_file(folder.join("words"));
    let text = String::from_utf8(bytes).unwrap();
    let mut words = text.split_terminator('\0').map(str::to_owned);
    let mut lines = Vec::new();
    while let Some(count) = words.next() {
        lines.push(words.by_ref().take(count.parse::<usize>().unwrap() + 1).collect());
    }
    lines
}

/// The slots of a command line that hold the value, whole, behind the sign of an option or behind a container's name.
fn slots(line: &[String], value: &str) -> Vec<usize> {
    let (behind, inside) = (format!("={value}"), format!("web:{value}"));
    let holds = |word: &String| word == value || *word == inside || word.ends_with(&behind);
    line.iter().enumerate().filter(|(_, word)| holds(word)).map(|(at, _)| at).collect()
}

/// Arguments with one input set to the value; the others as fit.
fn arguments(tool: &str, schema: &Value, input: &str, with: Value) -> Value {
    let mut arguments = json!({"host": "box"});
    for needed in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if needed != "host" {
            arguments[needed] = fit(tool, needed);
        }
    }
    arguments[input] = with;
    arguments
}

/// Feeds one value. True where it was let through, into one slot; the error says what went wrong.
fn feed(
    server: &mut Server,
    rec: &Path,
    (tool, schema): (&str, &Value),
    input: &str,
    with: Value,
    value: &str,
) -> Result<bool, String> {
    let shown: String = value.chars().take(40).collect();
    let what = format!("{tool} {input} {shown:?}");
    let answer = server.call(tool, arguments(tool, schema, input, with));
    let lines = recorded(rec);
    if rec.join("ran").exists() {
        return Err(format!("{what}: a shell on the host read it"));
    }
    if answer.error {
        let named = ["`", "The "].iter().any(|before| answer.text.contains(&format!("{before}{input}")))
            || answer.text.contains("/srv/m/");
        let unheard = lines.iter().all(|line| slots(line, value).is_empty());
        return match (named, unheard) {
            (true, true) => Ok(false),
            (false, _) => Err(format!("{what}: {}", answer.text.chars().take(300).collect::<String>())),
            (_, false) => Err(format!("{what}: refused, and run: {lines:?}")),
        };
    }
    let mut found = 0;
    for line in &lines {
        // Words of a compose file or of ps are read as words; nothing else may be split.
        match slots(line, value).as_slice() {
            [] => {}
            [at] => {
                let word = &line[*at];
                let before = &line[..*at];
                let behind_dashes = before.iter().any(|word| word == "--");
                let a_value = before.last().is_some_and(|word| VALUED.contains(&word.as_str()));
                let safe = behind_dashes || a_value || word != value || !value.starts_with('-');
                if !safe {
                    return Err(format!("{what}: it stands where options stand: {line:?}"));
                }
                found += 1;
            }
            more => return Err(format!("{what}: in {} slots of {line:?}", more.len())),
        }
    }
    if found == 0 {
        let text: String = answer.text.chars().take(300).collect();
        let lines: String = format!("{lines:?}").chars().take(600).collect();
        return Err(format!("{what} was accepted and is nowhere in {lines}: {text}"));
    }
    Ok(true)
}

/// What goes to the program by a pipe, or is looked for in its answer, and never stands in its command line.
const BESIDE: [(&str, &str); 3] =
    [("ssh_docker_exec", "env"), ("ssh_docker_exec", "stdin"), ("ssh_docker_inspect", "fields")];

#[test]
fn every_text_is_one_operand_or_refused_by_name() {
    let rec = tempfile::tempdir().unwrap();
    let bin = tempfile::tempdir().unwrap();
    // A folder of programs that others can write is not used.
    for (folder, mode) in [(&rec, 0o777), (&bin, 0o755)] {
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let (words, programs) = (
        format!("--volume={}:/rec", rec.path().display()),
        format!("--volume={}:/usr/local/bin", bin.path().display()),
    );
    let Some(host) = new_systemd_host(&[&words, &programs]) else { return };
    host.says(&["sh", "-c", "mkdir -p /srv/m/data; echo 'services: {}' >/srv/m/compose.yml"]);
    let keys = "[hosts.box]\nhostname = \"box\"\ncommand_allowlist = [\"*\"]\npath_allowlist = [\"/srv/m\"]\n";
    let mut server = Setup::new().raw(&host.ssh_config_block("box", "agent", &[]), keys).start();
    let listed = server.request("tools/list", json!({}))["result"]["tools"].as_array().unwrap().clone();
    for name in RECORDED {
        let program = bin.path().join(name);
        std::fs::write(&program, RECORDER).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let long = "a".repeat(100_000);
    let (mut tools, mut inputs, mut passed, mut refused, mut wrong) = (0, 0, 0, 0, Vec::new());
    for tool in &listed {
        let name = tool["name"].as_str().unwrap();
        if !["ssh_docker_", "ssh_systemctl_", "ssh_apt_", "ssh_journalctl"].iter().any(|start| name.starts_with(start))
        {
            continue;
        }
        tools += 1;
        let schema = &tool["inputSchema"];
        for (input, of) in schema["properties"].as_object().unwrap() {
            let shape = shape(of, schema);
            if shape == Shape::Other || input == "host" {
                continue;
            }
            inputs += 1;
            let for_all = |value: &str| input == "unit_type" && value == "*";
            let path = matches!(input.as_str(), "compose_file" | "host_path");
            for value in HOSTILE.iter().copied().chain([long.as_str()]).filter(|value| !for_all(value)) {
                let value = if path { format!("/srv/m/{value}") } else { value.to_owned() };
                let with = match shape {
                    Shape::List => json!([value]),
                    Shape::Map => json!({"A": value}),
                    _ => json!(value),
                };
                let beside =
                    BESIDE.contains(&(name, input.as_str())) || ["job_label", "until_match"].contains(&input.as_str());
                match feed(&mut server, rec.path(), (name, schema), input, with, &value) {
                    Ok(true) if beside => {
                        wrong.push(format!("{name} {input} {value:?}: it stands in the command line"));
                    }
                    Err(why) if beside && why.contains("is nowhere") => {}
                    Ok(true) => passed += 1,
                    Ok(false) => refused += 1,
                    Err(why) => wrong.push(why),
                }
                if shape == Shape::Map && !beside {
                    let with = json!({value.clone(): "b"});
                    let fed = feed(&mut server, rec.path(), (name, schema), input, with, &format!("{value}=b"));
                    wrong.extend(fed.err());
                }
            }
        }
    }
    println!("{tools} tools, {inputs} text inputs: {refused} refused, {passed} in one slot");
    assert!(wrong.is_empty(), "{} of them:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(tools, 53);
    assert!(inputs >= 80 && passed >= 50, "{inputs} {passed}");
}
