//! Facts gathered by one script, each probe failing alone: named sections between NUL bytes.

/// What a script of probes printed: `\0name\0text` for each probe.
#[derive(Debug)]
pub(super) struct Sections(Vec<(String, String)>);

impl Sections {
    /// Reads the output; anything before the first section is dropped.
    pub(super) fn parse(stdout: &[u8]) -> Self {
        let mut parts = stdout.split(|b| *b == 0).skip(1);
        let mut sections = Vec::new();
        while let (Some(name), Some(text)) = (parts.next(), parts.next()) {
            let text = String::from_utf8_lossy(text);
            sections.push((String::from_utf8_lossy(name).into_owned(), text.trim_end_matches('\n').to_owned()));
        }
        Sections(sections)
    }

    /// The text of a section; `None` where the probe printed nothing.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, t)| n == name && !t.trim().is_empty()).map(|(_, t)| t.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_probe_is_none() {
        let s = Sections::parse(b"noise\0a\0one\ntwo\n\0b\0\0c\0 \n");
        assert_eq!(s.get("a"), Some("one\ntwo"));
        assert_eq!(s.get("b"), None);
        assert_eq!(s.get("c"), None);
        assert_eq!(s.get("d"), None);
    }
}
