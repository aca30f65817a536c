//! Which part of a text a caller wants: lines by number, the last ones, those that match with what stands around them,
//! bytes from a place on, or only how many.

use regex::{Regex, RegexBuilder};

use super::json_size::text_size as size_in_json;
use crate::model::char_boundary::{ceil_char_boundary, floor_char_boundary};
use crate::model::error::ToolError;

/// Most lines that one call may ask for.
pub(crate) const LINES_MAX: u64 = 1_000_000;

/// Most lines around a match.
pub(crate) const CONTEXT_MAX: u64 = 1000;

/// Longest pattern, in bytes.
const PATTERN_MAX: usize = 1024;

/// Largest compiled pattern, in bytes.
const COMPILED_MAX: usize = 1 << 20;

/// What is asked of a text, as the arguments say it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked<'a> {
    /// First line, from 1.
    pub from_line: Option<u64>,
    /// Most lines.
    pub lines: Option<u64>,
    /// Only the last lines.
    pub tail_lines: Option<u64>,
    /// First byte, from 0.
    pub offset: Option<u64>,
    /// Only lines that match.
    pub grep: Option<&'a str>,
    /// Lines around a match.
    pub context: Option<u64>,
    /// Only how many lines there are.
    pub count_only: bool,
}

/// A checked selection.
#[derive(Debug, Clone)]
pub(crate) struct Selection {
    from: Start,
    lines: usize,
    grep: Option<(Regex, usize)>,
    /// Only the number of lines.
    pub count_only: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    Line(usize),
    Tail(usize),
    Byte(usize),
}

/// What was selected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Selected {
    /// The text. Of a search each line has its number in front, `:` for a match and `-` for what stands around it.
    pub text: String,
    /// Lines of the whole text.
    pub lines_total: u64,
    /// Lines that match, of those that were asked for.
    pub matches: Option<u64>,
    /// The line that the next call begins with.
    pub next_line: Option<u64>,
    /// The byte that the next call begins with, where a line is longer than the room.
    pub next_offset: Option<u64>,
}

impl Selection {
    /// Checks what is asked.
    pub(crate) fn of(asked: &Asked<'_>) -> Result<Self, ToolError> {
        let range = |name: &str, given: Option<u64>, least: u64, most: u64| match given {
            Some(n) if n < least || n > most => Err(ToolError::value(
                format!("Argument `{name}`: {n} is out of range."),
                format!("Give {least} to {most}."),
            )),
            _ => Ok(given.map(|n| usize::try_from(n).unwrap_or(usize::MAX))),
        };
        let from_line = range("from_line", asked.from_line, 1, u64::from(u32::MAX))?;
        let lines = range("lines", asked.lines, 1, LINES_MAX)?;
        let tail = range("tail_lines", asked.tail_lines, 1, LINES_MAX)?;
        let offset = range("offset", asked.offset, 0, u64::MAX / 2)?;
        let context = range("context", asked.context, 0, CONTEXT_MAX)?;
        asked.check_pairs()?;
        let from = match (tail, offset) {
            (Some(tail), _) => Start::Tail(tail),
            (None, Some(offset)) => Start::Byte(offset),
            (None, None) => Start::Line(from_line.unwrap_or(1)),
        };
        let grep = asked.grep.map(|grep| pattern("grep", grep)).transpose()?.map(|grep| (grep, context.unwrap_or(0)));
        Ok(Selection { from, lines: lines.unwrap_or(usize::MAX), grep, count_only: asked.count_only })
    }

    /// Selects from `text` as much as an answer of `room` bytes of JSON holds.
    pub(crate) fn select_for(&self, text: &str, room: usize) -> Selected {
        let mut most = room;
        loop {
            let found = self.select(text, most);
            let size = size_in_json(&found.text);
            if size <= room || most < 64 {
                return found;
            }
            // What is escaped takes more room than it has bytes.
            most = (most.saturating_mul(room) / size).min(most - 1);
        }
    }

    /// Selects from `text` as much as `room` bytes hold: whole lines, or of one that is longer whole characters.
    pub(crate) fn select(&self, text: &str, room: usize) -> Selected {
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let all = lines.len();
        let mut found = Selected { lines_total: all as u64, ..Selected::default() };
        let first = match self.from {
            Start::Line(line) => line - 1,
            Start::Tail(tail) => all.saturating_sub(tail),
            Start::Byte(offset) => {
                if !self.count_only {
                    found.take_bytes(text, offset, room);
                }
                return found;
            }
        };
        let wanted = lines.get(first..).unwrap_or_default();
        match &self.grep {
            Some((grep, context)) => self.matching(&mut found, wanted, first, (grep, *context), room),
            None if self.count_only => {}
            None => {
                let wanted = wanted.get(..self.lines.min(wanted.len())).unwrap_or_default();
                for (n, line) in wanted.iter().enumerate() {
                    if found.text.len() + line.len() > room {
                        if n == 0 {
                            let begin = lines.iter().take(first).map(|line| line.len()).sum();
                            found.take_bytes(text, begin, room);
                        } else {
                            found.next_line = Some((first + n + 1) as u64);
                        }
                        return found;
                    }
                    found.text.push_str(line);
                }
                // The caller asked for a part: the next one begins behind it.
                let next = first + wanted.len();
                found.next_line = (next < all && self.lines < usize::MAX).then_some(next as u64 + 1);
            }
        }
        found
    }

    /// The lines that match, at most as many as were asked for, with what stands around them.
    fn matching(&self, found: &mut Selected, lines: &[&str], first: usize, grep: (&Regex, usize), room: usize) {
        let (grep, context) = grep;
        let is_hit = |line: &str| grep.is_match(line.trim_end_matches(['\n', '\r']));
        let hits: Vec<usize> = (0..lines.len()).filter(|n| lines.get(*n).is_some_and(|line| is_hit(line))).collect();
        found.matches = Some(hits.len() as u64);
        if self.count_only {
            return;
        }
        let mut shown: Option<usize> = None;
        for (count, hit) in hits.iter().enumerate() {
            let at_hit = Some((first + hit + 1) as u64);
            if count >= self.lines {
                found.next_line = at_hit;
                return;
            }
            let begin = shown.map_or(0, |last| last + 1).max(hit.saturating_sub(context));
            let end = (hit + context + 1).min(lines.len());
            let mut piece = String::new();
            if context > 0 && shown.is_some_and(|last| begin > last + 1) {
                piece.push_str("--\n");
            }
            for (at, line) in lines.iter().enumerate().take(end).skip(begin) {
                let mark = if hits.binary_search(&at).is_ok() { ':' } else { '-' };
                piece.push_str(&format!("{}{mark}{}\n", first + at + 1, line.trim_end_matches('\n')));
            }
            if found.text.len() + piece.len() > room {
                found.next_line = at_hit;
                if found.text.is_empty() {
                    piece.truncate(floor_char_boundary(&piece, room));
                    found.text = piece;
                    found.next_line = hits.get(count + 1).map(|next| (first + next + 1) as u64);
                }
                return;
            }
            found.text.push_str(&piece);
            shown = Some(end.saturating_sub(1));
        }
    }
}

impl Asked<'_> {
    /// True where not all of the text is asked for.
    pub(crate) fn is_a_part(&self) -> bool {
        let some = [self.from_line, self.lines, self.tail_lines, self.offset, self.context];
        some.iter().any(Option::is_some) || self.grep.is_some() || self.count_only
    }

    /// Arguments that contradict each other.
    fn check_pairs(&self) -> Result<(), ToolError> {
        let pairs = [
            ("from_line", self.from_line.is_some(), "tail_lines", self.tail_lines.is_some()),
            ("from_line", self.from_line.is_some(), "offset", self.offset.is_some()),
            ("tail_lines", self.tail_lines.is_some(), "offset", self.offset.is_some()),
            ("tail_lines", self.tail_lines.is_some(), "lines", self.lines.is_some() && self.grep.is_none()),
            ("grep", self.grep.is_some(), "offset", self.offset.is_some()),
        ];
        for (one, one_given, other, other_given) in pairs {
            if one_given && other_given {
                return Err(ToolError::value(
                    format!("Arguments `{one}` and `{other}` exclude each other."),
                    "Give one of them.",
                ));
            }
        }
        if self.context.is_some() && self.grep.is_none() {
            return Err(ToolError::value("Argument `context` needs `grep`.", "Give both, or leave it out."));
        }
        Ok(())
    }
}

impl Selected {
    /// Bytes from a place on: whole lines where there are some, else whole characters.
    fn take_bytes(&mut self, text: &str, offset: usize, room: usize) {
        let begin = ceil_char_boundary(text, offset);
        let end = floor_char_boundary(text, begin.saturating_add(room));
        let part = text.get(begin..end).unwrap_or_default();
        let part = match part.rfind('\n') {
            Some(at) if end < text.len() => part.get(..=at).unwrap_or(part),
            _ => part,
        };
        let end = begin + part.len();
        self.text = part.to_owned();
        self.next_offset = (end < text.len()).then_some(end as u64);
    }
}

/// A checked regular expression of the caller's, given by this argument, which matches in linear time.
pub(crate) fn pattern(argument: &str, text: &str) -> Result<Regex, ToolError> {
    let refused = |why: String| {
        ToolError::value(
            format!("Argument `{argument}`: {why}."),
            "Give a regular expression of at most 1024 bytes, such as `error|failed`; `(?i)` in front ignores case.",
        )
    };
    if text.is_empty() || text.len() > PATTERN_MAX {
        return Err(refused(format!("{} bytes are not accepted", text.len())));
    }
    let built = RegexBuilder::new(text).size_limit(COMPILED_MAX).dfa_size_limit(COMPILED_MAX).build();
    built.map_err(|error| refused(error.to_string().lines().last().unwrap_or("it cannot be read").trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn select(asked: &Asked<'_>, text: &str, room: usize) -> Selected {
        Selection::of(asked).unwrap().select(text, room)
    }

    fn numbers(n: usize) -> String {
        (1..=n).fold(String::new(), |text, n| text + &n.to_string() + "\n")
    }

    #[test]
    fn lines_are_counted_from_one() {
        let text = numbers(10);
        let found = select(&Asked { from_line: Some(3), lines: Some(2), ..Asked::default() }, &text, 1000);
        assert_eq!((found.text.as_str(), found.lines_total, found.next_line), ("3\n4\n", 10, Some(5)));
        let found = select(&Asked { tail_lines: Some(2), ..Asked::default() }, &text, 1000);
        assert_eq!((found.text.as_str(), found.next_line), ("9\n10\n", None));
        let found = select(&Asked { from_line: Some(11), ..Asked::default() }, &text, 1000);
        assert_eq!((found.text.as_str(), found.next_line), ("", None));
    }

    #[test]
    fn what_does_not_fit_ends_at_a_line_and_names_the_next() {
        let text = numbers(1000);
        let mut read = String::new();
        let mut line = Some(1);
        while let Some(from) = line {
            let found = select(&Asked { from_line: Some(from), ..Asked::default() }, &text, 100);
            assert!(found.text.ends_with('\n') && found.text.len() <= 100);
            read.push_str(&found.text);
            line = found.next_line;
        }
        assert_eq!(read, text);
    }

    #[test]
    fn a_line_longer_than_the_room_is_read_by_bytes() {
        let text = format!("{}\nend\n", "\u{e4}".repeat(500));
        let mut found = select(&Asked::default(), &text, 101);
        let mut read = found.text.clone();
        while let Some(offset) = found.next_offset {
            found = select(&Asked { offset: Some(offset), ..Asked::default() }, &text, 101);
            read.push_str(&found.text);
        }
        assert_eq!(read, text);
    }

    #[test]
    fn matches_have_numbers_and_what_stands_around_them() {
        let text = numbers(30);
        let found = select(&Asked { grep: Some("^1?5$"), context: Some(1), ..Asked::default() }, &text, 1000);
        assert_eq!(found.text, "4-4\n5:5\n6-6\n--\n14-14\n15:15\n16-16\n");
        assert_eq!((found.matches, found.lines_total), (Some(2), 30));
        let found = select(&Asked { grep: Some("5"), lines: Some(1), ..Asked::default() }, &text, 1000);
        assert_eq!((found.text.as_str(), found.matches, found.next_line), ("5:5\n", Some(3), Some(15)));
        let found = select(&Asked { grep: Some("5"), count_only: true, ..Asked::default() }, &text, 1000);
        assert_eq!((found.text.as_str(), found.matches), ("", Some(3)));
        let found = select(&Asked { grep: Some("."), ..Asked::default() }, &text, 20);
        assert_eq!((found.text.as_str(), found.next_line), ("1:1\n2:2\n3:3\n4:4\n5:5\n", Some(6)));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for asked in [
            Asked { from_line: Some(0), ..Asked::default() },
            Asked { from_line: Some(1), tail_lines: Some(1), ..Asked::default() },
            Asked { tail_lines: Some(1), lines: Some(1), ..Asked::default() },
            Asked { context: Some(1), ..Asked::default() },
            Asked { grep: Some("("), ..Asked::default() },
            Asked { grep: Some(""), ..Asked::default() },
            Asked { grep: Some("(\\w{1000}){1000}"), ..Asked::default() },
            Asked { grep: Some("a"), offset: Some(1), ..Asked::default() },
        ] {
            assert!(Selection::of(&asked).is_err(), "{asked:?}");
        }
    }
}
