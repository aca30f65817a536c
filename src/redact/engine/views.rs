//! Further readings of a text, with parts left out that a person does not see or does not read along: control sequences and
//! hidden characters, and what stands in front of each line of a log. Secrets that are found in such a reading are covered
//! where they stand in the text.

use std::ops::Range;

use super::spans::Spans;
use crate::redact::clean;

/// What stands between a name and its value where people write Chinese or Japanese, and what is usual elsewhere, in as many bytes.
const WIDE: [(char, &str); 2] = [('\u{ff1a}', ":  "), ('\u{ff1d}', "  =")];

/// A part of a text that is read.
#[derive(Debug, Clone, Copy)]
struct Piece {
    /// Where it begins in the reading, in bytes.
    at: usize,
    /// Where it begins in the text, in bytes.
    from: usize,
    /// Its length, in bytes.
    len: usize,
}

/// A text with parts left out.
#[derive(Debug)]
pub(super) struct View {
    /// What is read.
    pub(super) text: String,
    pieces: Vec<Piece>,
    /// A place that reaches over a part that was left out covers that part too.
    is_joined: bool,
}

impl View {
    /// Without what does not show: control sequences, control characters, characters without width. Nothing where all shows.
    pub(super) fn without_hidden(text: &str) -> Option<Self> {
        let mut view = View { text: String::with_capacity(text.len()), pieces: Vec::new(), is_joined: true };
        if clean::shown(text, &mut |range| view.push(text, range)).is_none() {
            if !text.contains(WIDE.map(|(wide, _)| wide)) {
                return None;
            }
            view.push(text, 0..text.len());
        }
        let hides = view.text.len() < text.len();
        // In as many bytes, so that every place stays where it is.
        let is_wide = view.text.contains(WIDE.map(|(wide, _)| wide));
        if is_wide {
            view.text = WIDE.iter().fold(view.text, |text, (wide, usual)| text.replace(*wide, usual));
        }
        (hides || is_wide).then_some(view)
    }

    /// These ranges of a text, which are in order.
    pub(super) fn of_ranges(text: &str, ranges: impl IntoIterator<Item = Range<usize>>) -> Self {
        let mut view = View { text: String::new(), pieces: Vec::new(), is_joined: false };
        ranges.into_iter().for_each(|range| view.push(text, range));
        view
    }

    fn push(&mut self, text: &str, range: Range<usize>) {
        let Some(part) = text.get(range.clone()) else { return };
        match self.pieces.last_mut().filter(|last| last.from + last.len == range.start) {
            Some(last) => last.len += part.len(),
            None => self.pieces.push(Piece { at: self.text.len(), from: range.start, len: part.len() }),
        }
        self.text.push_str(part);
    }

    /// The places of this reading, where they stand in the text. Names that gave them away are not told: in the text they may
    /// be written otherwise.
    pub(super) fn places_in_text(&self, spans: Spans) -> Spans {
        let mut there = Spans::default();
        for (start, end, kind) in spans.ranges() {
            let first = self.pieces.partition_point(|piece| piece.at + piece.len <= start);
            let mut parts = self.pieces.iter().skip(first).take_while(|piece| piece.at < end).map(|piece| {
                let from = piece.from + start.saturating_sub(piece.at);
                let to = piece.from + piece.len.min(end - piece.at);
                (from, to)
            });
            if self.is_joined {
                if let Some((from, to)) = parts.next() {
                    let to = parts.last().map_or(to, |(_, to)| to);
                    there.add(from, to, kind, None);
                }
            } else {
                parts.for_each(|(from, to)| there.add(from, to, kind, None));
            }
        }
        there
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Kind, MarkerKey, Options, Redactor};
    use super::*;

    #[test]
    fn places_are_found_again_in_the_text() {
        let text = "a\x1b[1mb\x1b[0mc\u{200b}d";
        let view = View::without_hidden(text).unwrap();
        assert_eq!(view.text, "abcd");
        let mut spans = Spans::default();
        spans.add(1, 3, Kind::KeyMatch, None);
        let found: Vec<_> = view.places_in_text(spans).ranges().map(|(start, end, _)| &text[start..end]).collect();
        assert_eq!(found, ["b\x1b[0mc"]);

        let text = "x: one\ny: two\n";
        let view = View::of_ranges(text, [3..7, 10..14]);
        assert_eq!(view.text, "one\ntwo\n");
        let mut spans = Spans::default();
        spans.add(0, 7, Kind::KeyMatch, None);
        let found: Vec<_> = view.places_in_text(spans).ranges().map(|(start, end, _)| &text[start..end]).collect();
        assert_eq!(found, ["one\n", "two"]);
        assert!(View::without_hidden("plain\r\ntext é\n").is_none());
    }

    fn redactor() -> Redactor {
        Redactor::new(Options::new(MarkerKey::from_salt("views")))
    }

    #[test]
    fn what_does_not_show_hides_no_secret() {
        let secret = "hunter2s3cr3tA1";
        for line in [
            "\x1b[36mpassword\x1b[0m=\x1b[35mSECRET\x1b[0m",
            "INFO connected   \x1b[36mdb_password\x1b[0m=\x1b[35mSECRET\x1b[0m \x1b[36mhost\x1b[0m=\x1b[35mdb\x1b[0m",
            "\x1b[34;1m\"password\"\x1b[0m\x1b[1;39m:\x1b[0m \x1b[0;32m\"SECRET\"\x1b[0m",
            "{\x1b[1m\"api_key\"\x1b[0m: \x1b[1m\"SECRET\"\x1b[0m}",
            "\x1b]8;;http://x\x1b\\password\x1b]8;;\x1b\\=SECRET",
            "redis://:\x1b[1mSECRET\x1b[0m@host",
            "password\x08=SECRET",
            "p\x08pa\x08as\x08ss\x08sword=SECRET",
            "pass\rword=SECRET",
            "pass\0word=SECRET",
            "p\u{200b}assword=SECRET",
            "password=\u{2066}SECRET\u{2069}",
            "password=hunter2\x1b[1ms3cr3tA1",
            "password\x1e=SECRET",
            "password\x0b=SECRET",
            "{\"password\"\u{feff}:\"SECRET\"}",
            "password\u{ff1a}SECRET",
            "password\u{ff1d}SECRET",
        ] {
            let text = format!("before\n{}\nafter plain words\n", line.replace("SECRET", secret));
            let after = redactor().redact_text(&text);
            let shown = clean::clean(&after).text.into_owned();
            for part in [secret, "hunter2", "s3cr3t"] {
                assert!(!shown.contains(part), "{line:?}: {shown}");
            }
            assert!(shown.starts_with("before\n") && shown.ends_with("\nafter plain words\n"), "{line:?}: {shown}");
        }
        // Colours alone change nothing.
        let harmless = "\x1b[32mINFO\x1b[0m GET /index.html \x1b[1m200\x1b[0m 12ms\n";
        assert_eq!(redactor().redact_text(harmless), harmless);
    }

    fn behind_a_bar(line: &str) -> Option<(usize, &str)> {
        let (front, _) = line.split_once("| ")?;
        Some((front.len() + 2, front))
    }

    #[test]
    fn what_stands_in_front_of_lines_hides_no_secret() {
        let blocks = [
            "password:\n  hunter2s3cr3tC1\n",
            "db_password: |\n  hunter2s3cr3tC1\n  hunter2s3cr3tC2\nnext: plain\n",
            "export SECRET_KEY=\\\nhunter2s3cr3tC1\n",
            "{\"api_key\": [\n  \"hunter2s3cr3tC1\"\n]}\n",
        ];
        for block in blocks {
            assert!(!redactor().redact_text(block).contains("hunter2"), "{block}");
            // Another source writes in between.
            let log: String = block.lines().map(|line| format!("web  | {line}\ndb   | tick of a clock\n")).collect();
            let after = redactor().redact_log(&log, behind_a_bar);
            assert!(!after.contains("hunter2"), "{log}{after}");
            assert!(after.ends_with("db   | tick of a clock\n"), "{after}");
        }
    }
}
