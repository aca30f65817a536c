//! Finds the `id` of a message that cannot be parsed: one that is too long to keep, or broken.
//!
//! The bytes pass once and are not kept, because some clients write the id behind the parameters, at the far end of a
//! line of any length. Only a top-level `id` of the first object counts, only when it is complete, and only when
//! there is one: an answer under a guessed id would complete somebody else's request.

use rmcp::model::RequestId;

/// Longest id that is echoed, in bytes of its JSON text. Clients use counters and UUIDs.
pub(super) const MAX_ID_BYTES: usize = 256;

#[derive(Default)]
pub(super) struct IdPeek {
    depth: usize,
    in_string: bool,
    escaped: bool,
    /// The next string at depth one is a key.
    key_next: bool,
    key: Vec<u8>,
    in_key: bool,
    key_is_id: bool,
    /// The value of `id` is being read.
    reading: bool,
    value: Vec<u8>,
    found: Option<RequestId>,
    spoiled: bool,
    over: bool,
}

impl IdPeek {
    /// Takes the next bytes of the line.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if self.over {
                return;
            }
            self.step(byte);
        }
    }

    /// The id, if one was found and it cannot be mistaken.
    pub(super) fn finish(self) -> Option<RequestId> {
        if self.spoiled { None } else { self.found }
    }

    /// The id of a line that is in memory.
    pub(super) fn of(line: &[u8]) -> Option<RequestId> {
        let mut peek = IdPeek::default();
        peek.feed(line);
        peek.finish()
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
                        self.key_is_id = self.key == b"id\"";
                    }
                }
                _ => {}
            }
            return;
        }
        match byte {
            b'"' => {
                self.in_string = true;
                self.in_key = self.depth == 1 && self.key_next;
                if self.in_key {
                    self.key_next = false;
                    self.key.clear();
                } else {
                    self.keep(byte);
                }
            }
            b'{' | b'[' => {
                self.keep(byte);
                if self.depth == 0 && byte == b'[' {
                    self.over = true;
                }
                self.depth += 1;
                self.key_next = self.depth == 1;
            }
            b'}' | b']' => {
                if self.depth == 1 {
                    self.take_value();
                    self.over = true;
                }
                self.keep(byte);
                self.depth = self.depth.saturating_sub(1);
            }
            b':' if self.depth == 1 && self.key_is_id && !self.reading => {
                self.reading = true;
                self.value.clear();
            }
            b',' if self.depth == 1 => {
                self.take_value();
                self.key_next = true;
            }
            _ => self.keep(byte),
        }
    }

    fn keep(&mut self, byte: u8) {
        if self.in_key {
            // One byte more than `id"`, so that longer keys differ.
            if self.key.len() < 4 {
                self.key.push(byte);
            }
        } else if self.reading {
            if self.value.len() < MAX_ID_BYTES {
                self.value.push(byte);
            } else {
                self.spoiled = true;
            }
        }
    }

    fn take_value(&mut self) {
        self.key_is_id = false;
        if !std::mem::take(&mut self.reading) {
            return;
        }
        match serde_json::from_slice::<RequestId>(&self.value) {
            Ok(id) if self.found.is_none() => self.found = Some(id),
            _ => self.spoiled = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(line: &str) -> Option<String> {
        IdPeek::of(line.as_bytes()).map(|id| id.to_string())
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
            let mut peek = IdPeek::default();
            peek.feed(&line[..cut]);
            peek.feed(&line[cut..]);
            assert_eq!(peek.finish().map(|id| id.to_string()).as_deref(), Some("q-1"));
        }
    }
}
