//! A walk: the very tool calls of a runbook's text, in the order of the text, on a live target.
//!
//! A call stands in a `json` block of its own or with others, one a line: `{"tool": ..., "arguments": {...}}`. Words in
//! capitals (`HOST`, `UNIT`) are placeholders; the walk gives their values, also ones that it learns on the way.
//! `SCRIPT` is the text of the runbook's `sh` block. The end of a walk fails if a call of the text was never made.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use crate::containers::Container;
use crate::server::{Answer, Server, Setup};

/// Words in capitals that a call may hold and that are not placeholders.
const LITERALS: [&str; 1] = ["DEBIAN_FRONTEND"];

/// A call as the text has it.
#[derive(Debug, Clone)]
pub struct TextCall {
    /// The heading above it, without `## `.
    pub step: String,
    pub tool: String,
    pub arguments: Value,
}

/// A runbook's SKILL.md.
pub fn text_of(runbook: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("runbooks").join(runbook).join("SKILL.md");
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The calls of a text.
pub fn calls(text: &str) -> Vec<TextCall> {
    let mut found = Vec::new();
    let mut step = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(heading) = line.strip_prefix("## ") {
            heading.clone_into(&mut step);
        } else if line.trim() == "```json" {
            let block: Vec<&str> = lines.by_ref().take_while(|line| line.trim() != "```").collect();
            for call in serde_json::Deserializer::from_str(&block.join("\n")).into_iter::<Map<String, Value>>() {
                let mut call = call.unwrap_or_else(|e| panic!("step {step}: no JSON: {e}\n{block:?}"));
                let arguments = call.remove("arguments").expect("a call has arguments");
                let tool = call.remove("tool").and_then(|tool| tool.as_str().map(str::to_owned)).expect("a tool");
                assert!(call.is_empty(), "step {step}: a call has a tool and arguments: {call:?}");
                found.push(TextCall { step: step.clone(), tool, arguments });
            }
        } else if line.trim().starts_with("```") {
            lines.by_ref().take_while(|line| line.trim() != "```").for_each(drop);
        }
    }
    found
}

/// The `sh` block of a text.
fn script(text: &str) -> Option<&str> {
    Some(text.split_once("```sh\n")?.1.split_once("\n```")?.0)
}

/// The placeholders of a text.
pub fn placeholders(text: &str) -> Vec<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| is_placeholder(word)).collect()
}

fn is_placeholder(word: &str) -> bool {
    let letters = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    word.len() > 1
        && word.starts_with(|c: char| c.is_ascii_uppercase())
        && word.chars().all(letters)
        && !LITERALS.contains(&word)
}

/// One walk. `server` is where the calls go; a walk may put another one in its place.
pub struct Walk {
    runbook: &'static str,
    calls: Vec<TextCall>,
    made: Vec<bool>,
    at: usize,
    values: BTreeMap<String, Value>,
    pub server: Server,
}

impl Walk {
    /// Begins the walk of a runbook on a server.
    pub fn begin(runbook: &'static str, server: Server, values: &[(&str, &str)]) -> Self {
        let text = text_of(runbook);
        let calls = calls(&text);
        let mut walk = Walk { runbook, made: vec![false; calls.len()], calls, at: 0, values: BTreeMap::new(), server };
        for (name, value) in values {
            walk.value(name, *value);
        }
        if let Some(script) = script(&text) {
            let script = walk.filled(script, false);
            walk.value("SCRIPT", script);
        }
        walk
    }

    /// Gives a placeholder its value. A list takes the place of the list's one element that is the placeholder.
    pub fn value(&mut self, name: &str, value: impl Into<Value>) {
        self.values.insert(name.to_owned(), value.into());
    }

    fn filled(&self, text: &str, all: bool) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while !rest.is_empty() {
            let word = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len()).max(1);
            // The first byte of a longer character would be no boundary.
            let word = (word..=rest.len()).find(|at| rest.is_char_boundary(*at)).unwrap();
            let (one, behind) = rest.split_at(word);
            match self.values.get(one) {
                Some(value) => filled.push_str(value.as_str().unwrap_or_else(|| panic!("{one} stands inside a text"))),
                None if all && is_placeholder(one) => panic!("{}: {one} of {text:?} has no value", self.runbook),
                None => filled.push_str(one),
            }
            rest = behind;
        }
        filled
    }

    fn fill(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => match self.values.get(text) {
                Some(value) => value.clone(),
                None => Value::String(self.filled(text, true)),
            },
            Value::Array(items) => match items.as_slice() {
                [Value::String(only)] if self.values.get(only).is_some_and(Value::is_array) => {
                    self.values[only].clone()
                }
                _ => items.iter().map(|item| self.fill(item)).collect(),
            },
            Value::Object(map) => map.iter().map(|(key, value)| (self.filled(key, true), self.fill(value))).collect(),
            other => other.clone(),
        }
    }

    /// Goes on at the first call below the heading that begins with this (`"4."`), forwards or back.
    pub fn go_to(&mut self, step: &str) {
        let found = self.calls.iter().position(|call| call.step.starts_with(step));
        self.at = found.unwrap_or_else(|| panic!("{} has no call in a step {step}", self.runbook));
    }

    /// Leaves out calls that do not apply to this pass; another pass makes them.
    pub fn skip(&mut self, tools: &[&str]) {
        for tool in tools {
            assert_eq!(self.calls[self.at].tool, *tool, "{}: the text goes on otherwise", self.runbook);
            self.at += 1;
        }
    }

    /// Makes the next call of the text, which has to be one of this tool.
    pub fn call(&mut self, tool: &str) -> Answer {
        let next = self.calls.get(self.at).unwrap_or_else(|| panic!("{} ends before {tool}", self.runbook)).clone();
        assert_eq!(next.tool, tool, "{}, step {}: the text goes on otherwise", self.runbook, next.step);
        self.made[self.at] = true;
        self.at += 1;
        let arguments = self.fill(&next.arguments);
        self.server.call(tool, arguments)
    }

    /// The next call, which has to succeed.
    pub fn ok(&mut self, tool: &str) -> Value {
        let answer = self.call(tool);
        assert!(!answer.error, "{}: {tool}: {}", self.runbook, answer.text);
        answer.data
    }

    /// The next call, which has to run something that ends with status 0.
    pub fn done(&mut self, tool: &str) -> Value {
        let data = self.ok(tool);
        assert_eq!(data["exit_code"], 0, "{}: {tool}: {data}", self.runbook);
        data
    }

    /// The next call, which has to be refused or to fail; the value is what is said.
    pub fn refused(&mut self, tool: &str) -> String {
        let answer = self.call(tool);
        assert!(answer.error, "{}: {tool} was expected to fail: {}", self.runbook, answer.data);
        answer.text
    }

    /// The next call, again and again until its answer is as wanted.
    pub fn until(&mut self, tool: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + Duration::from_secs(90);
        let at = self.at;
        loop {
            self.at = at;
            let data = self.ok(tool);
            if wanted(&data) {
                return data;
            }
            assert!(Instant::now() < end, "{}: {tool} never answered as expected: {data}", self.runbook);
            std::thread::sleep(Duration::from_millis(300));
        }
    }

    /// The end: every call of the text was made.
    pub fn end(self) {
        let left: Vec<_> =
            self.calls.iter().zip(&self.made).filter(|(_, made)| !**made).map(|(call, _)| call).collect();
        assert!(left.is_empty(), "{}: calls of the text that this walk never made: {left:#?}", self.runbook);
    }
}

/// A server that knows the container as `box`; `keys` are further lines of its entry.
pub fn server(host: &Container, user: &str, keys: &str, env: &[(&str, &str)]) -> Server {
    let hosts = format!("[hosts.box]\nhostname = \"box\"\n{keys}\n");
    let setup = Setup::new().raw(&host.ssh_config_block("box", user, &[]), &hosts);
    env.iter().fold(setup, |setup, (name, value)| setup.env(name, value)).start()
}

/// Runs a line as root on the machine, past SSH; it has to succeed.
pub fn root_sh(host: &Container, line: &str) -> String {
    host.says(&["sh", "-c", line])
}

/// Use of a file system in percent, as an answer of ssh_host_disk_usage has it.
pub fn use_of(usage: &Value, mount: &str) -> u32 {
    let entries = usage["entries"].as_array().unwrap();
    let entry = entries.iter().find(|entry| entry["mount"] == mount).unwrap_or_else(|| panic!("no {mount}: {usage}"));
    entry["use_percent"].as_str().unwrap().trim_end_matches('%').parse().unwrap()
}
