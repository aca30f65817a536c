//! Fits an answer into its budget: what is small stays, what is large shares the room that is left, and nothing is cut
//! without a word of how much is missing and where it is.

use serde_json::{Map, Value};

use super::{LEFT_OUT, OUTPUT_ID};
use crate::model::char_boundary::{ceil_char_boundary, floor_char_boundary};
use crate::toolkit::json_size::{byte_size, text_size};
use crate::toolkit::state::kept_outputs::Cut;

/// Bytes kept free for what is said of the cuts.
const NOTES: usize = 900;

/// What is no larger is never cut, in bytes of JSON.
const SMALL: usize = 240;

/// Least room for all that is not whole by the caller's wish, in bytes.
const LEAST: usize = 2048;

/// A smaller budget than this is that of one answer among many, where a third is kept free for the notes.
pub(super) const AMONG_MANY: usize = 3200;

/// Most notes; of more cuts the first ones are named.
const NOTES_MAX: usize = 6;

/// The size of a value in an answer, in bytes of JSON.
pub(super) fn size(value: &Value) -> usize {
    match value {
        Value::Null => 4,
        Value::Bool(_) => 5,
        Value::Number(n) => n.to_string().len(),
        Value::String(text) => text_size(text),
        Value::Array(items) => 2 + items.iter().map(|item| size(item) + 1).sum::<usize>(),
        Value::Object(map) => 2 + map.iter().map(|(name, item)| text_size(name) + size(item) + 2).sum::<usize>(),
    }
}

/// Cuts what is too long for `budget`, adds what is said of it, and gives back what was cut.
pub(super) fn fit(answer: &mut Value, budget: usize, among_many: bool, whole: &[&str], id: &str) -> Vec<Cut> {
    let Value::Object(map) = answer else { return Vec::new() };
    let mut fixed = Map::new();
    for name in whole {
        if let Some(value) = map.get_mut(*name) {
            fixed.insert((*name).to_owned(), value.take());
        }
    }
    let taken: usize = fixed.values().map(size).sum();
    let (notes, least) = if among_many { (budget / 3, 0) } else { (NOTES, LEAST) };
    let room = budget.saturating_sub(notes).saturating_sub(taken).max(least);
    let mut cutter = Cutter::default();
    if map.iter().map(|(name, value)| text_size(name) + size(value) + 2).sum::<usize>() > room {
        cutter.object(map, "", room);
    }
    for (name, value) in fixed {
        map.insert(name, value);
    }
    for cut in &mut cutter.cuts {
        let flag = format!("/{}_truncated", cut.stream.replace('.', "/"));
        cut.gap = answer.pointer(&flag) == Some(&Value::Bool(true));
    }
    let Value::Object(map) = answer else { return cutter.cuts };
    if !cutter.cuts.is_empty() {
        let more = cutter.notes.len().saturating_sub(NOTES_MAX);
        cutter.notes.truncate(NOTES_MAX);
        if more > 0 {
            cutter.notes.push(format!("and {more} more; ssh_output_read without `stream` names them all"));
        }
        map.insert(OUTPUT_ID.to_owned(), Value::from(id));
        map.insert(LEFT_OUT.to_owned(), Value::from(cutter.notes));
    }
    cutter.cuts
}

#[derive(Default)]
struct Cutter {
    cuts: Vec<Cut>,
    notes: Vec<String>,
}

impl Cutter {
    fn value(&mut self, value: &mut Value, path: &str, room: usize) {
        match value {
            Value::String(text) => self.text(text, path, room),
            Value::Array(items) => self.list(items, path, room),
            Value::Object(map) => self.object(map, path, room),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Small fields stay; the large ones get equal shares of what is left, and what one does not need goes to the others.
    fn object(&mut self, map: &mut Map<String, Value>, path: &str, room: usize) {
        let names: usize = map.keys().map(|name| text_size(name) + 2).sum();
        let small: usize = map.values().map(size).filter(|size| *size <= SMALL).sum();
        let mut large: Vec<usize> = map.values().map(size).filter(|size| *size > SMALL).collect();
        let share = share(&mut large, room.saturating_sub(names + small));
        if names + small > room || share < SMALL {
            self.fields(map, path, room);
            return;
        }
        for (name, value) in map.iter_mut() {
            if size(value) > share {
                self.value(value, &join(path, name), share);
            }
        }
    }

    /// An object of very many fields: the first ones stay.
    fn fields(&mut self, map: &mut Map<String, Value>, path: &str, room: usize) {
        let lines: Vec<String> = map.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        let mut used = 0;
        let mut kept = 0;
        map.retain(|name, value| {
            used += text_size(name) + size(value) + 2;
            kept += usize::from(used <= room);
            used <= room
        });
        let left = lines.len() - kept;
        let path = if path.is_empty() { "fields" } else { path };
        self.note(path, lines, format!("{left} of {} fields", kept + left), kept + 1);
    }

    /// The first entries stay; where not even the first one has room, it is cut itself.
    fn list(&mut self, items: &mut Vec<Value>, path: &str, room: usize) {
        if let [only] = items.as_mut_slice() {
            return self.value(only, &join(path, "0"), room);
        }
        let lines: Vec<String> = items.iter().map(line).collect();
        let mut used = 0;
        let fitting = items.iter().take_while(|item| {
            used += size(item) + 1;
            used <= room
        });
        let kept = fitting.count();
        items.truncate(kept.max(1));
        if kept == 0
            && let Some(first) = items.first_mut()
        {
            // All of it is in what is kept of the list.
            Cutter::default().value(first, path, room);
        }
        let all = lines.len();
        self.note(path, lines, format!("{} of {all} entries", all - kept), kept + 1);
    }

    /// A quarter of the room for the beginning, the rest for the end, both at ends of lines.
    fn text(&mut self, text: &mut String, path: &str, room: usize) {
        let room = room.saturating_sub(80);
        let (head, tail) = ends(text, room / 4, room - room / 4);
        let (Some(first), Some(last)) = (text.get(..head), text.get(tail..)) else { return };
        let missing = text.get(head..tail).unwrap_or_default();
        if missing.is_empty() {
            return;
        }
        let (bytes, lines) = (missing.len(), missing.matches('\n').count());
        let whole_lines = first.is_empty() || first.ends_with('\n');
        let from = first.matches('\n').count() + 1;
        let (what, next) = if whole_lines && missing.ends_with('\n') {
            (format!("{lines} lines, {bytes} bytes"), format!("from_line {from}"))
        } else {
            (format!("{bytes} bytes"), format!("offset {head}"))
        };
        let gap = if whole_lines { "" } else { "\n" };
        let shown = format!("{first}{gap}[... {what} left out ...]\n{last}");
        let complete = std::mem::replace(text, shown);
        self.notes.push(format!("{path}: {what}; ssh_output_read with stream {path}, {next}"));
        self.cuts.push(Cut { stream: path.to_owned(), text: complete, gap: false });
    }

    fn note(&mut self, path: &str, lines: Vec<String>, what: String, next: usize) {
        self.notes.push(format!("{path}: {what}; ssh_output_read with stream {path}, from_line {next}"));
        let mut text = lines.join("\n");
        text.push('\n');
        self.cuts.push(Cut { stream: path.to_owned(), text, gap: false });
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// An entry of a list on one line.
fn line(item: &Value) -> String {
    match item {
        Value::String(text) if !text.contains('\n') => text.clone(),
        other => other.to_string(),
    }
}

/// The room for each of several large things, so that together they fill `room`.
pub(super) fn share(sizes: &mut [usize], room: usize) -> usize {
    sizes.sort_unstable();
    let mut left = room;
    let mut waiting = sizes.len();
    for size in sizes.iter() {
        let share = left / waiting.max(1);
        if *size > share {
            return share;
        }
        left -= size;
        waiting -= 1;
    }
    usize::MAX
}

/// Where the beginning ends and the end begins, in bytes, for `first` and `last` bytes of JSON. At ends of lines where
/// there are some, never inside a character.
fn ends(text: &str, first: usize, last: usize) -> (usize, usize) {
    let bytes = text.as_bytes();
    let mut used = 0;
    let mut head = bytes
        .iter()
        .take_while(|byte| {
            used += byte_size(**byte);
            used <= first
        })
        .count();
    used = 0;
    let mut tail = bytes.len()
        - bytes
            .iter()
            .rev()
            .take_while(|byte| {
                used += byte_size(**byte);
                used <= last
            })
            .count();
    if tail <= head {
        return (bytes.len(), bytes.len());
    }
    head = floor_char_boundary(text, head);
    tail = ceil_char_boundary(text, tail);
    if let Some(end) = bytes.get(..head).and_then(|part| part.iter().rposition(|byte| *byte == b'\n')) {
        head = end + 1;
    }
    let line_end = bytes.get(tail.saturating_sub(1)..).and_then(|part| part.iter().position(|byte| *byte == b'\n'));
    if let Some(end) = line_end.filter(|end| tail + end < bytes.len()) {
        tail += end;
    }
    (head, tail)
}
