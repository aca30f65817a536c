//! Finds what has to be known of a message that cannot be parsed: one that is too long to keep, or broken.
//!
//! That is its `id`, and of a `tools/call` the tool. The bytes pass once and are not kept, because some clients write the
//! id behind the parameters, at the far end of a line of any length. Only a top-level `id` of the first object counts,
//! only when it is complete, and only when there is one: an answer under a guessed id would complete somebody else's
//! request. A method and a name are only recorded, so the first one counts as far as it is there.

use rmcp::model::RequestId;

/// Longest id that is echoed, in bytes of its JSON text. Clients use counters and UUIDs.
pub(super) const MAX_ID_BYTES: usize = 256;

/// Most of a key that is kept, in bytes of its JSON text: `"params"` with each letter escaped.
const MAX_KEY_BYTES: usize = 40;

/// Most of a method and of the name of a tool that is kept, in bytes of their JSON text.
const MAX_TEXT_BYTES: usize = 1024;

/// The method of a call.
pub(super) const TOOLS_CALL: &str = "tools/call";

/// A `tools/call` that was refused before it reached a tool: the tool, where the message has a text for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RefusedCall(pub(super) Option<String>);

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The id, if there is one that cannot be mistaken.
    pub(super) id: Option<RequestId>,
    /// Set where the message is a `tools/call`.
    pub(super) call: Option<RefusedCall>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Id,
    Method,
    Params,
    /// Of the parameters.
    Name,
}

#[derive(Default)]
pub(super) struct Peek {
    depth: usize,
    in_string: bool,
    escaped: bool,
    /// The next string here is a key.
    key_next: bool,
    key: Vec<u8>,
    in_key: bool,
    keyed: Option<Key>,
    /// The object that is open at depth two is the value of `params`.
    in_params: bool,
    /// The value of this key is being read.
    reading: Option<Key>,
    value: Vec<u8>,
    id: Option<RequestId>,
    spoiled: bool,
    is_call: bool,
    name: Option<String>,
    over: bool,
}

impl Peek {
    /// Takes the next bytes of the line.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if self.over {
                return;
            }
            self.step(byte);
        }
    }

    /// What the line says, as far as it went by.
    pub(super) fn finish(mut self) -> Found {
        // What was cut off inside of a text is not an id, but a text for the record.
        if self.reading.is_some_and(|key| key != Key::Id) {
            self.take_value();
        }
        let id = if self.spoiled { None } else { self.id };
        Found { id, call: self.is_call.then_some(RefusedCall(self.name)) }
    }

    /// What a line that is in memory says.
    pub(super) fn of(line: &[u8]) -> Found {
        let mut peek = Peek::default();
        peek.feed(line);
        peek.finish()
    }

    /// The keys of the message itself and of its parameters are read.
    fn has_keys(&self) -> bool {
        self.depth == 1 || self.depth == 2 && self.in_params
    }

    fn step(&mut self, byte: u8) {
        if self.in_string {
            self.keep(byte);
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => {
                    self.in_string = false;
                    if self.in_key {
                        self.in_key = false;
                        self.keyed = self.known_key();
                    }
                }
                _ => {}
            }
            return;
        }
        match byte {
            b'"' => {
                self.in_string = true;
                self.in_key = self.key_next;
                if self.in_key {
                    self.key_next = false;
                    self.key.clear();
                }
                self.keep(byte);
            }
            b'{' | b'[' => {
                self.keep(byte);
                if self.depth == 0 && byte == b'[' {
                    self.over = true;
                }
                self.depth += 1;
                if self.depth == 2 {
                    self.in_params = byte == b'{' && self.keyed == Some(Key::Params);
                }
                self.keyed = None;
                self.key_next = self.has_keys();
            }
            b'}' | b']' => {
                if self.has_keys() {
                    self.take_value();
                }
                self.over = self.depth == 1;
                self.keep(byte);
                self.depth = self.depth.saturating_sub(1);
                self.key_next = false;
            }
            b':' if self.has_keys() && self.reading.is_none() => {
                self.reading = self.keyed.filter(|key| *key != Key::Params);
                self.value.clear();
            }
            b',' if self.has_keys() => {
                self.take_value();
                self.key_next = true;
            }
            _ => self.keep(byte),
        }
    }

    fn keep(&mut self, byte: u8) {
        if self.in_key {
            // One byte more than the longest, so that longer keys differ.
            if self.key.len() <= MAX_KEY_BYTES {
                self.key.push(byte);
            }
            return;
        }
        let most = match self.reading {
            None => return,
            Some(Key::Id) => MAX_ID_BYTES,
            Some(_) => MAX_TEXT_BYTES,
        };
        if self.value.len() < most {
            self.value.push(byte);
        } else if self.reading == Some(Key::Id) {
            self.spoiled = true;
        }
    }

    fn known_key(&self) -> Option<Key> {
        let key = serde_json::from_slice::<String>(&self.key).ok()?;
        match (self.depth, key.as_str()) {
            (1, "id") => Some(Key::Id),
            (1, "method") => Some(Key::Method),
            (1, "params") => Some(Key::Params),
            (2, "name") => Some(Key::Name),
            _ => None,
        }
    }

    fn take_value(&mut self) {
        self.keyed = None;
        match self.reading.take() {
            None | Some(Key::Params) => {}
            Some(Key::Id) => match serde_json::from_slice::<RequestId>(&self.value) {
                Ok(id) if self.id.is_none() => self.id = Some(id),
                _ => self.spoiled = true,
            },
            Some(Key::Method) => self.is_call |= text(&self.value).is_some_and(|method| method == TOOLS_CALL),
            Some(Key::Name) => {
                if self.name.is_none() {
                    self.name = text(&self.value);
                }
            }
        }
    }
}

/// The text that a value is, or what is there of it.
fn text(value: &[u8]) -> Option<String> {
    let value = value.trim_ascii();
    let begun = value.strip_prefix(b"\"")?;
    Some(serde_json::from_slice(value).unwrap_or_else(|_| String::from_utf8_lossy(begun).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(line: &str) -> Option<String> {
        Peek::of(line.as_bytes()).id.map(|id| id.to_string())
    }

    #[test]
    fn an_id_is_found_wherever_it_stands() {
        assert_eq!(id(r#"{"jsonrpc":"2.0","id":7,"method":"x","params":{"#).as_deref(), Some("7"));
        assert_eq!(id(r#"{"method":"x","params":{"id":1,"a":["{\"id\":2"]},"id" : "a,b" }"#).as_deref(), Some("a,b"));
        assert_eq!(id(r#"{"id":-3}"#).as_deref(), Some("-3"));
    }

    #[test]
    fn no_id_is_guessed() {
        for line in [
            r#"{"id":1,"id":2}"#,
            r#"{"id":1"#,
            r#"{"id":null,"method":"x"}"#,
            r#"{"id":{"a":1},"method":"x"}"#,
            r#"{"id":[1],"method":"x"}"#,
            r#"{"ids":1}"#,
            r#"{"params":{"id":1}}"#,
            r#"[{"id":1}]"#,
            r#"{"a":"id","b":1}"#,
            r#""id":1"#,
            "",
        ] {
            assert_eq!(id(line), None, "{line}");
        }
        assert_eq!(id(&format!(r#"{{"id":"{}"}}"#, "a".repeat(MAX_ID_BYTES))), None);
    }

    #[test]
    fn pieces_say_the_same_as_the_whole() {
        let line = br#"{"method":"x","params":{"t":"\"id\":9"},"id":"q-1"}"#;
        for cut in 0..line.len() {
            let mut peek = Peek::default();
            peek.feed(&line[..cut]);
            peek.feed(&line[cut..]);
            assert_eq!(peek.finish().id.map(|id| id.to_string()).as_deref(), Some("q-1"));
        }
    }

    #[test]
    fn a_call_is_known_in_what_cannot_be_parsed() {
        let named = |name: &str| Some(RefusedCall(Some(name.to_owned())));
        for (line, expected) in [
            (r#"{"method":"tools/call","params":{"name":"a","name":"b"},"id":1}"#, named("a")),
            (r#"{"params":{"arguments":{"name":"no"},"name" : "a\u0062" }, "method" : "tools/call"}"#, named("ab")),
            (r#"{"\u006dethod":"tools\/call","params":{"n\u0061me":"a"}}"#, named("a")),
            (r#"{"method":"ping","method":"tools/call","params":{"name":"a"}}"#, named("a")),
            (r#"{"method":"tools/call","params":{"name":"ssh_e"#, named("ssh_e")),
            (r#"{"method":"tools/call","params":{"name":7,"x""#, Some(RefusedCall(None))),
            (r#"{"method":"tools/call","params":["name","a"]} x"#, Some(RefusedCall(None))),
            (r#"{"method":"tools/call""#, Some(RefusedCall(None))),
            (r#"{"method":"tools/list","params":{"name":"tools/call"}"#, None),
            (r#"{"params":{"method":"tools/call"}"#, None),
            (r#"{"x":{"method":"tools/call"},"params":"tools/call"#, None),
            (r#"[{"method":"tools/call"}"#, None),
        ] {
            assert_eq!(Peek::of(line.as_bytes()).call, expected, "{line}");
        }
        let long = format!(r#"{{"method":"tools/call","params":{{"name":"{}"#, "a".repeat(1 << 20));
        let Some(RefusedCall(Some(name))) = Peek::of(long.as_bytes()).call else { panic!() };
        assert!(name.len() <= MAX_TEXT_BYTES);
    }
}
