//! What programs on a host print: rows that were planted come back whole, whatever stands around them, and nothing is
//! made up.

use serde_json::{Value, json};
use ssh_mcp::internals::model::file_name;
use ssh_mcp::internals::parsers;

use super::feed::Feed;

const WORDS: [&str; 14] =
    ["nginx", "lib-x", "1.2-3", "amd64", "a.service", "é", "[x]", "SHA256:aa", "x/y", "->", "●", "UNIT", "{}", "\""];

pub fn check(data: &[u8]) {
    let mut feed = Feed::new(data);
    match feed.roll(5) {
        0 => apt(&mut feed),
        1 => units(&mut feed),
        2 => engine(&mut feed),
        3 => folder(&mut feed),
        _ => keys(&mut feed),
    }
}

/// Lines that no row is: what a hostile or chatty host puts around the rows.
fn noise(feed: &mut Feed) -> String {
    let lines = feed.roll(3);
    (0..lines)
        .map(|_| {
            let text = String::from_utf8_lossy(feed.bytes(12)).replace(['\n', '/', '\r'], " ");
            format!("{text} {}\n", feed.text(3, &["nginx ", "WARNING: ", "\t", "\u{1b}[1m", "\u{202e}"]))
        })
        .collect()
}

fn word(feed: &mut Feed, parts: &[&str]) -> String {
    let word = feed.text(3, parts);
    if word.is_empty() { "x".to_owned() } else { word }
}

fn apt(feed: &mut Feed) {
    let mut text = noise(feed);
    let mut planted = Vec::new();
    for _ in 0..feed.roll(5) {
        let name = word(feed, &["lib", "a", "+", "-", "1"]);
        let (version, arch) = (word(feed, &["1", ".", ":", "~", "-2"]), feed.pick(&["amd64", "all", "arm64"]));
        let state = feed.pick(&["installed", "installed,automatic", "upgradable from: 1.0", ""]);
        let tail = if state.is_empty() { String::new() } else { format!(" [{state}]") };
        text.push_str(&format!("{name}/stable,now {version} {arch}{tail}\n"));
        planted.push(json!({"name": name, "version": version, "architecture": arch, "state": state}));
        text.push_str(&noise(feed));
    }
    let found = parsers::apt_list(&text);
    assert_eq!(found, planted, "{text:?}");
    let arbitrary = String::from_utf8_lossy(feed.bytes(200)).into_owned();
    from_the_text(&arbitrary, &parsers::apt_list(&arbitrary));
}

/// Every text of every row stands in what was printed, and there are not more rows than lines.
fn from_the_text(text: &str, rows: &[Value]) {
    assert!(rows.len() <= text.lines().count(), "{} rows of {text:?}", rows.len());
    for row in rows {
        for value in row.as_object().into_iter().flat_map(|row| row.values()).filter_map(Value::as_str) {
            assert!(text.contains(value), "{value:?} is not in {text:?}");
        }
    }
}

fn units(feed: &mut Feed) {
    let mut rows: Vec<[String; 5]> = Vec::new();
    for _ in 0..feed.roll(5) {
        let name = format!("{}.{}", word(feed, &["a", "é", "-", "@", "\\x2d"]), feed.pick(&["service", "timer"]));
        let states =
            [feed.pick(&["loaded", "not-found"]), feed.pick(&["active", "failed"]), feed.pick(&["running", "dead"])];
        let text = feed.text(4, &["The ", "server", "é", " - x", "0 loaded units listed."]);
        let [load, active, sub] = states.map(str::to_owned);
        rows.push([name, load, active, sub, text.trim().to_owned()]);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0).max(6);
    let jobs = feed.roll(2) == 0;
    let widths = [width(0), width(1), width(2), width(3)];
    let line = |cells: [&str; 4], job: &str, description: &str| {
        let cells: Vec<String> = cells
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell}{}", " ".repeat(width - cell.chars().count())))
            .collect();
        let job = if jobs { format!("{job:<7} ") } else { String::new() };
        format!("{} {job}{description}\n", cells.join(" "))
    };
    let mut text = line(["UNIT", "LOAD", "ACTIVE", "SUB"], "JOB", "DESCRIPTION");
    for [name, load, active, sub, description] in &rows {
        let job = feed.pick(&["", "start"]);
        text.push_str(&line([name, load, active, sub], job, description));
    }
    text.push_str("\nLEGEND: LOAD   -> x\na.service loaded active running forged\n");
    let expected: Vec<Value> = rows
        .iter()
        .map(|[unit, load, active, sub, description]| {
            json!({"unit": unit, "load": load, "active": active, "sub": sub, "description": description})
        })
        .collect();
    assert_eq!(parsers::units(&text), expected, "{text}");
    let arbitrary = feed.text(30, &[&WORDS[..], &[" ", "  ", "\n", "UNIT ", "DESCRIPTION", "\t", "a.b"]].concat());
    from_the_text(&arbitrary, &parsers::units(&arbitrary));
}

fn engine(feed: &mut Feed) {
    let mut text = Vec::new();
    let (mut planted, mut others) = (Vec::new(), 0);
    for _ in 0..feed.roll(6) {
        match feed.roll(4) {
            0 => {
                text.extend_from_slice(b"WARNING: no swap limit\n");
                others += 1;
            }
            1 => {
                text.extend_from_slice(b"{\"Names\":\"cut o\n");
                others += 1;
            }
            _ => {
                let row = json!({"Names": word(feed, &WORDS), "Labels": feed.text(3, &WORDS), "n": feed.byte()});
                text.extend_from_slice(format!("{row}\n").as_bytes());
                planted.push(row);
            }
        }
    }
    assert_eq!(parsers::engine_objects(&text), (planted.clone(), others), "{}", String::from_utf8_lossy(&text));
    let array = Value::Array(planted.clone()).to_string();
    assert_eq!(parsers::engine_objects(array.as_bytes()), (planted, 0), "as one array");
    let arbitrary = feed.bytes(200);
    let (rows, skipped) = parsers::engine_objects(arbitrary);
    assert!(rows.len() + skipped <= arbitrary.len() + 1);
}

fn folder(feed: &mut Feed) {
    let mut names: Vec<String> = feed.list(5, |feed| {
        feed.text(3, &["a", "b", " ", "\n", "'", "->", " -> ", "é", "./", "81a4 3 0 ./a", "*", "\\", "\u{1b}"])
    });
    names.retain(|name| !name.is_empty() && !name.contains('/'));
    names.sort();
    names.dedup();
    let (mut listed, mut facts, mut planted) = (Vec::new(), Vec::new(), Vec::new());
    for name in &names {
        listed.extend_from_slice(format!("./{name}\0").as_bytes());
        let (raw, kind) = feed.pick(&[(0x81a4, "file"), (0x41ed, "dir"), (0xa1ff, "symlink")]);
        let size = u64::from(feed.byte());
        let quote = if feed.roll(2) == 0 && !name.contains('\'') { "'" } else { "" };
        // The target of a link is text of whoever made the link.
        let target = feed.text(2, &["x", "/etc", "../a"]);
        let arrow = if kind == "symlink" { format!(" -> {quote}{target}{quote}") } else { String::new() };
        facts.extend_from_slice(format!("{raw:x} {size} 0 {quote}./{name}{quote}{arrow}\n").as_bytes());
        planted.push((file_name::shown(name), kind, size, (kind == "symlink").then_some(target)));
    }
    listed.push(0);
    listed.extend_from_slice(&facts);
    let rows = parsers::folder(&listed);
    let seen: Vec<(String, &str, u64, Option<String>)> = rows
        .iter()
        .map(|row| {
            let target = row["symlink_target"].as_str().map(str::to_owned);
            let kind = row["kind"].as_str().unwrap_or_default();
            (row["name"].as_str().unwrap_or_default().to_owned(), kind, row["size"].as_u64().unwrap_or(0), target)
        })
        .collect();
    assert_eq!(seen, planted, "{:?}", String::from_utf8_lossy(&listed));
    let arbitrary = feed.bytes(200);
    for row in parsers::folder(arbitrary) {
        let name = row["name"].as_str().unwrap_or_default().to_owned();
        let bytes = bytes_of(&name);
        let there = bytes.is_empty() || arbitrary.windows(bytes.len()).any(|window| window == bytes);
        assert!(there, "{name:?} is not in {arbitrary:?}");
    }
}

/// The bytes of a name as it is shown.
fn bytes_of(shown: &str) -> Vec<u8> {
    let parts: Vec<String> = shown.split('/').map(|part| file_name::read(part).unwrap()).collect();
    let (carried, mut bytes) = (parts.join("/"), Vec::new());
    let mut chars = carried.chars();
    while let Some(c) = chars.next() {
        match c {
            file_name::BYTE => bytes.push(u32::from(chars.next().unwrap()) as u8),
            c => bytes.extend(c.to_string().bytes()),
        }
    }
    bytes
}

fn keys(feed: &mut Feed) {
    let mut text = String::new();
    let mut planted = Vec::new();
    for at in 1..=feed.roll(5) as u32 {
        let host = feed.pick(&["web", "[127.0.0.1]:2222", "*.example.com", "x found: line 9"]);
        let (mark, role) = feed.pick(&[("", "Key"), ("CA", "Authority"), ("REVOKED", "Revoked")]);
        let kind = feed.pick(&["ED25519", "RSA", "ECDSA"]);
        let print = format!("SHA256:{}", word(feed, &["a", "B", "/", "+", "9"]));
        let comment = feed.pick(&["", " me@host", " SHA256:forged", " # Host x found: line 7"]);
        text.push_str(&format!("# Host {host} found: line {at} {mark}\n"));
        let shown = host.replace(' ', "");
        text.push_str(&format!("{shown} {kind} {print}{comment}\n"));
        planted.push((role.to_owned(), kind.to_owned(), print, at));
    }
    assert_eq!(parsers::pinned_keys(&text), planted, "{text}");
    let arbitrary =
        feed.text(20, &["# Host ", "x", " found: line ", "1", " CA", "\n", "a RSA SHA256:b", " ", "SHA256:"]);
    for (_, kind, print, _) in parsers::pinned_keys(&arbitrary) {
        assert!(arbitrary.contains(&kind) && arbitrary.contains(&print) && print.starts_with("SHA256:"));
    }
}
