//! Every script of `src`, as `build.rs` found it and made it ready to travel ([`super::shell_text`]).
//!
//! A text becomes a script of this program only here, and only if it is a file of `src`: written in a constant, anything
//! else does not compile. So what a host is given to run is either such a file or what the policy allowed.

/// A script, as it travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ScriptFile {
    name: &'static str,
    text: &'static str,
}

/// What is in a file, and what it becomes.
struct Source {
    name: &'static str,
    source: &'static str,
    text: &'static str,
}

// `const SOURCES: &[Source]`.
include!(concat!(env!("OUT_DIR"), "/scripts.rs"));

impl ScriptFile {
    /// The script of this file: `ScriptFile::of(include_str!("settle.sh"))`.
    ///
    /// # Panics
    /// Where the text is not one file of `src`: in a constant it does not compile.
    pub(crate) const fn of(source: &'static str) -> Self {
        let (file, rest) = ScriptFile::first_of(source);
        assert!(rest.is_empty(), "more than one file");
        file
    }

    /// The script of the file with which a text begins, and the rest of the text.
    ///
    /// # Panics
    /// Where the text begins with no file of `src`: in a constant it does not compile.
    pub(crate) const fn first_of(text: &'static str) -> (Self, &'static str) {
        let mut left = SOURCES;
        let mut found: Option<&Source> = None;
        while let Some((candidate, others)) = left.split_first() {
            let is_longer = match found {
                Some(known) => candidate.source.len() > known.source.len(),
                None => true,
            };
            if is_longer && begins_with(text, candidate.source) {
                found = Some(candidate);
            }
            left = others;
        }
        assert!(found.is_some(), "a script is a file of src, and nothing else");
        match found {
            Some(file) => {
                let (_, rest) = text.split_at(file.source.len());
                (ScriptFile { name: file.name, text: file.text }, rest)
            }
            None => (ScriptFile { name: "", text: "" }, ""),
        }
    }

    /// The text as it travels.
    pub(crate) const fn text(self) -> &'static str {
        self.text
    }

    /// Its place below `src`.
    #[cfg(test)]
    pub(crate) const fn name(self) -> &'static str {
        self.name
    }
}

const fn begins_with(text: &str, head: &str) -> bool {
    let (mut text, mut head) = (text.as_bytes(), head.as_bytes());
    while let Some((wanted, more)) = head.split_first() {
        match text.split_first() {
            Some((there, rest)) if *there == *wanted => (text, head) = (rest, more),
            _ => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::super::shell_text;
    use super::*;

    #[test]
    fn a_script_that_travels_is_its_source_under_other_names() {
        assert!(SOURCES.len() > 60, "{}", SOURCES.len());
        for file in SOURCES {
            let names = shell_text::names(file.source).unwrap();
            let back: Vec<(String, String)> = names.into_iter().map(|(long, short)| (short, long)).collect();
            // Names go back and forth without loss, so the two differ in nothing else.
            assert_eq!(
                shell_text::rename(file.text, &back, false).unwrap(),
                shell_text::strip(file.source).unwrap(),
                "{}",
                file.name
            );
            assert!(file.text.len() <= file.source.len());
        }
    }

    #[test]
    fn shells_read_a_script_in_both_forms() {
        for shell in [&["dash"][..], &["bash"], &["busybox", "sh"]] {
            for file in SOURCES {
                for (form, text) in [("source", file.source), ("travels", file.text)] {
                    let done = Command::new(shell[0]).args(&shell[1..]).args(["-n", "-c", text]).output().unwrap();
                    assert!(done.status.success(), "{shell:?} {} {form}: {done:?}", file.name);
                }
            }
        }
    }

    #[test]
    fn a_text_of_several_files_is_each_of_them() {
        let (first, rest) = ScriptFile::first_of(concat!(
            include_str!("../ssh/wrapper/copy.sh"),
            include_str!("../ssh/wrapper/settle.sh")
        ));
        assert_eq!(first, ScriptFile::of(include_str!("../ssh/wrapper/copy.sh")));
        assert_eq!((first.name(), ScriptFile::of(rest).name()), ("ssh/wrapper/copy.sh", "ssh/wrapper/settle.sh"));
        for other in ["", "id", "# shellcheck shell=sh\n"] {
            assert!(std::panic::catch_unwind(|| ScriptFile::of(other)).is_err(), "{other}");
        }
    }
}
