//! Which part of a file is read, as the arguments say it, and in the words of the script that reads it.

use super::pattern;
use crate::model::error::ToolError;
use crate::toolkit::reading::{Asked, Selection};

/// What is asked of a file.
#[derive(Debug, Clone, Default)]
pub(in crate::tools) struct Asking<'a> {
    /// By line, pattern or byte.
    pub lines: Asked<'a>,
    /// Most bytes.
    pub max_bytes: Option<u64>,
}

/// Which bytes or lines of a file.
#[derive(Debug, Clone)]
pub(in crate::tools) struct Range {
    /// Most bytes of the answer.
    pub max: u64,
    /// What is taken.
    pub form: Form,
    /// The caller named the size, so that all of it is sent.
    pub sized: bool,
}

/// What is taken of a file.
#[derive(Debug, Clone)]
pub(in crate::tools) enum Form {
    /// All or nothing.
    Whole,
    /// From this byte on.
    Bytes(u64),
    /// Lines.
    Lines(Lines),
    /// Lines that match.
    Grep(Lines, pattern::Posix),
    /// How many lines there are, or match.
    Count(Lines, Option<pattern::Posix>),
}

/// Lines of a file.
#[derive(Debug, Clone)]
pub(in crate::tools) struct Lines {
    /// The first one, from 1.
    pub from: u64,
    /// Only the last ones.
    pub tail: Option<u64>,
    /// At most so many, or of a search so many matches.
    pub most: Option<u64>,
    /// Lines around a match.
    pub context: u64,
    /// The same for a text that is here.
    pub selection: Selection,
}

impl Range {
    /// The whole file, or nothing of one that is larger than this.
    pub(in crate::tools) fn whole(max: u64) -> Self {
        Range { max, form: Form::Whole, sized: true }
    }

    /// What is asked for: of a size that the caller names at most `cap` bytes, else `room`.
    pub(in crate::tools) fn of(asking: &Asking<'_>, cap: u64, room: u64) -> Result<Self, ToolError> {
        let asked = &asking.lines;
        if asking.max_bytes.is_some_and(|max| max == 0 || max > cap) {
            return Err(ToolError::value("Argument `max_bytes` is out of range.", format!("Give 1 to {cap}.")));
        }
        let selection = Selection::of(asked)?;
        let sized = asking.max_bytes.is_some() || asked.lines.is_some() || asked.tail_lines.is_some();
        let max = asking.max_bytes.unwrap_or(if sized { cap } else { room.min(cap) });
        let by_line = asked.from_line.is_some() || asked.lines.is_some() || asked.tail_lines.is_some();
        let lines = Lines {
            from: asked.from_line.unwrap_or(1),
            tail: asked.tail_lines,
            most: asked.lines,
            context: asked.context.unwrap_or(0),
            selection,
        };
        let grep = asked.grep.map(pattern::posix).transpose()?;
        let form = match grep {
            grep if asked.count_only => Form::Count(lines, grep),
            Some(grep) => Form::Grep(lines, grep),
            None if by_line => Form::Lines(lines),
            None => Form::Bytes(asked.offset.unwrap_or(0)),
        };
        Ok(Range { max, form, sized })
    }

    /// The words for the script.
    pub(super) fn words(&self) -> Vec<String> {
        let text = |number: Option<u64>| number.map(|n| n.to_string()).unwrap_or_default();
        let max = self.max.to_string();
        let of = |what: &str, lines: &Lines, grep: Option<&pattern::Posix>| {
            let context = if lines.context > 0 { format!("-C{} ", lines.context) } else { String::new() };
            let options = grep.map_or("-E", pattern::Posix::options);
            vec![
                what.to_owned(),
                max.clone(),
                lines.from.to_string(),
                text(lines.tail),
                text(lines.most),
                format!("{context}{options}"),
                grep.map(|grep| grep.text.clone()).unwrap_or_default(),
            ]
        };
        match &self.form {
            Form::Whole => vec!["whole".to_owned(), max],
            Form::Bytes(offset) => vec!["bytes".to_owned(), max, offset.to_string()],
            Form::Lines(lines) => of("lines", lines, None),
            Form::Grep(lines, grep) => of("grep", lines, Some(grep)),
            Form::Count(lines, grep) => of("count", &Lines { context: 0, ..lines.clone() }, grep.as_ref()),
        }
    }
}
