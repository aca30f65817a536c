//! Secrets that a redacting reader has masked in this session, so that what commands print later is masked too.
//!
//! They are kept in memory alone, up to a bound, and wiped. All are looked for at once, in one walk over the text (Aho and
//! Corasick, 1975), whose table is wiped too.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use zeroize::{Zeroize, Zeroizing};

/// Shortest value that is looked for, in characters: shorter ones are words of ordinary output.
const SHORTEST: usize = 12;

/// Longest one, in bytes.
const LONGEST: usize = 16 * 1024;

/// Most values, and most bytes of all together; the oldest go first.
const VALUES_MAX: usize = 4096;
const BYTES_MAX: usize = 256 * 1024;

/// Least part of a value at a place where an output was cut that is taken for one, in bytes.
const PART: usize = 6;

/// What stands for a part of a value.
const CUT: &str = "<part of a secret>";

/// What was left out of the middle of a stream is told by a line that begins so.
const GAP: &str = "\n[... ";

/// The values.
#[derive(Default)]
pub(crate) struct MaskedValues(Mutex<Known>);

#[derive(Default)]
struct Known {
    values: VecDeque<(Zeroizing<String>, String)>,
    bytes: usize,
    table: Option<Arc<Table>>,
}

impl std::fmt::Debug for MaskedValues {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MaskedValues(..)")
    }
}

impl MaskedValues {
    /// Remembers values with the marks that stand for them.
    pub(crate) fn remember<'a>(&self, values: impl IntoIterator<Item = (&'a str, &'a str)>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut names: std::collections::HashSet<String> = known.values.iter().map(|(_, mark)| mark.clone()).collect();
        for (value, mark) in values {
            // A mark is a keyed digest, so equal values have equal ones.
            if !names.insert(mark.to_owned()) {
                continue;
            }
            for value in as_printed(value) {
                known.bytes += value.len();
                known.values.push_back((value, mark.to_owned()));
                known.table = None;
            }
            while known.values.len() > VALUES_MAX || known.bytes > BYTES_MAX {
                let Some((gone, _)) = known.values.pop_front() else { break };
                known.bytes -= gone.len();
            }
        }
    }

    /// Masks every text of an answer. `parts` says that texts may begin and end inside of a value.
    pub(crate) fn mask_json(&self, answer: &mut Value, parts: bool) {
        if let Some(table) = self.table() {
            mask_value(&table, answer, parts);
        }
    }

    /// Masks one text, which may begin and end inside of a value.
    pub(crate) fn mask_part(&self, text: &str) -> Option<String> {
        self.table()?.mask(text, true)
    }

    /// Masks one text.
    pub(crate) fn mask(&self, text: &str) -> Option<String> {
        self.table()?.mask(text, false)
    }

    fn table(&self) -> Option<Arc<Table>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.values.is_empty() {
            return None;
        }
        if known.table.is_none() {
            known.table = Some(Arc::new(Table::of(&known.values)));
        }
        known.table.clone()
    }
}

/// A value as its file has it, and as a program prints it: without a comment behind it, without quotes, its escapes read.
fn as_printed(written: &str) -> Vec<Zeroizing<String>> {
    let before_comment = written.split(" #").next().and_then(|part| part.split("\t#").next()).unwrap_or(written);
    let bare = before_comment.trim().trim_matches(['"', '\'', '`', ';', ',']);
    let mut all: Vec<Zeroizing<String>> = Vec::new();
    let read = Zeroizing::new(bare.replace("\\\"", "\"").replace("\\$", "$").replace("\\/", "/").replace("''", "'"));
    for text in [written, bare, read.as_str()] {
        let fits = text.len() <= LONGEST && text.chars().count() >= SHORTEST;
        if fits && !all.iter().any(|one| one.as_str() == text) {
            all.push(Zeroizing::new(text.to_owned()));
        }
    }
    all
}

fn mask_value(table: &Table, value: &mut Value, parts: bool) {
    match value {
        Value::String(text) => {
            if let Some(masked) = table.mask(text, parts) {
                *text = masked;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| mask_value(table, item, parts)),
        Value::Object(fields) => fields.iter_mut().for_each(|(_, field)| mask_value(table, field, parts)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// One state: what of the values was read so far.
#[derive(Default, Clone)]
struct State {
    byte: u8,
    /// The first of those that go on from here, and the next one beside this.
    child: u32,
    beside: u32,
    /// The longest end of it that is another state.
    fail: u32,
    /// How many bytes were read.
    depth: u32,
    /// The longest value that ends here, counted from 1; 0 for none.
    value: u32,
}

/// The states of all values. State 0 is the beginning.
struct Table {
    states: Vec<State>,
    first: Box<[u32; 256]>,
    /// Of each value its length and its mark.
    marks: Vec<(usize, String)>,
    values: Vec<Zeroizing<String>>,
}

impl Drop for Table {
    fn drop(&mut self) {
        for state in &mut self.states {
            state.byte.zeroize();
        }
        self.first.zeroize();
    }
}

impl Table {
    fn of(values: &VecDeque<(Zeroizing<String>, String)>) -> Self {
        let bytes: usize = values.iter().map(|(value, _)| value.len()).sum();
        // With room for all, so that growing leaves no copy behind.
        let mut states = Vec::with_capacity(bytes + 1);
        states.push(State::default());
        let mut table = Table { states, first: Box::new([0; 256]), marks: Vec::new(), values: Vec::new() };
        for (value, mark) in values {
            table.add(value.as_bytes());
            table.marks.push((value.len(), mark.clone()));
            table.values.push(value.clone());
        }
        table.link();
        table
    }

    fn add(&mut self, value: &[u8]) {
        let mut at = 0;
        for byte in value {
            at = match self.step(at, *byte) {
                Some(next) => next,
                None => self.grow(at, *byte),
            };
        }
        let number = u32::try_from(self.marks.len() + 1).unwrap_or(0);
        if let Some(state) = self.states.get_mut(at as usize) {
            state.value = number;
        }
    }

    fn grow(&mut self, from: u32, byte: u8) -> u32 {
        let new = u32::try_from(self.states.len()).unwrap_or(0);
        let (beside, depth) = match self.states.get_mut(from as usize) {
            Some(state) => (std::mem::replace(&mut state.child, new), state.depth + 1),
            None => (0, 1),
        };
        self.states.push(State { byte, beside, depth, ..State::default() });
        if let (0, Some(first)) = (from, self.first.get_mut(usize::from(byte))) {
            *first = new;
        }
        new
    }

    fn state(&self, at: u32) -> &State {
        static NONE: State = State { byte: 0, child: 0, beside: 0, fail: 0, depth: 0, value: 0 };
        self.states.get(at as usize).unwrap_or(&NONE)
    }

    /// Where a byte leads from a state, if any value goes on so.
    fn step(&self, from: u32, byte: u8) -> Option<u32> {
        if from == 0 {
            return self.first.get(usize::from(byte)).copied().filter(|next| *next != 0);
        }
        let mut at = self.state(from).child;
        while at != 0 && self.state(at).byte != byte {
            at = self.state(at).beside;
        }
        (at != 0).then_some(at)
    }

    /// The same, or from the longest end of what was read.
    fn go(&self, mut from: u32, byte: u8) -> u32 {
        loop {
            match self.step(from, byte) {
                Some(next) => return next,
                None if from == 0 => return 0,
                None => from = self.state(from).fail,
            }
        }
    }

    /// Links each state to the longest end of it that is another, level by level.
    fn link(&mut self) {
        let mut level = VecDeque::from([0]);
        while let Some(at) = level.pop_front() {
            let mut child = self.state(at).child;
            while child != 0 {
                let fail = if at == 0 { 0 } else { self.go(self.state(at).fail, self.state(child).byte) };
                let shorter = self.state(fail).value;
                if let Some(state) = self.states.get_mut(child as usize) {
                    state.fail = fail;
                    if state.value == 0 {
                        state.value = shorter;
                    }
                }
                level.push_back(child);
                child = self.state(child).beside;
            }
        }
    }

    /// The text with marks in place of values; nothing where there is none in it.
    fn mask(&self, text: &str, parts: bool) -> Option<String> {
        let mut found: Vec<(usize, usize, Option<usize>)> = Vec::new();
        let mut at = 0;
        for (end, byte) in text.bytes().enumerate() {
            // At a gap what was read so far may be the beginning of a value, and what follows the end of one.
            if byte == b'\n' && text.get(end..).is_some_and(|rest| rest.starts_with(GAP)) {
                self.part_before(at, end, &mut found);
                let next = text.get(end + 1..).and_then(|rest| rest.find('\n')).map(|to| end + to + 2);
                self.part_after(text, next.unwrap_or(text.len()), &mut found);
            }
            at = self.go(at, byte);
            let value = self.state(at).value as usize;
            if let Some((length, _)) = value.checked_sub(1).and_then(|value| self.marks.get(value)) {
                found.push((end + 1 - length, end + 1, Some(value - 1)));
            }
        }
        if parts {
            self.part_before(at, text.len(), &mut found);
            self.part_after(text, 0, &mut found);
        }
        if found.is_empty() {
            return None;
        }
        found.sort_by_key(|(start, end, _)| (*start, std::cmp::Reverse(*end)));
        let (mut out, mut copied) = (String::with_capacity(text.len()), 0);
        for (start, end, value) in found {
            // What overlaps the one before is masked as a part of it.
            if end <= copied {
                continue;
            }
            if start >= copied {
                out.push_str(text.get(copied..start).unwrap_or_default());
            }
            out.push_str(value.and_then(|value| self.marks.get(value)).map_or(CUT, |(_, mark)| mark));
            copied = end;
        }
        out.push_str(text.get(copied..).unwrap_or_default());
        Some(out)
    }

    /// The beginning of a value that ends here, where a text was cut.
    fn part_before(&self, at: u32, end: usize, found: &mut Vec<(usize, usize, Option<usize>)>) {
        let depth = self.state(at).depth as usize;
        if depth >= PART && self.state(at).child != 0 {
            found.push((end - depth, end, None));
        }
    }

    /// The end of a value that begins here, where a text was cut.
    fn part_after(&self, text: &str, start: usize, found: &mut Vec<(usize, usize, Option<usize>)>) {
        let rest = text.as_bytes().get(start..).unwrap_or_default();
        let Some(begin) = rest.get(..PART) else { return };
        let ends = |value: &[u8]| {
            let whole = |at: &usize| value.get(*at..).is_some_and(|end| rest.starts_with(end));
            memchr::memmem::find_iter(value, begin).find(whole).map(|at| value.len() - at)
        };
        let longest = self.values.iter().filter_map(|value| ends(value.as_bytes())).max();
        if let Some(length) = longest.filter(|length| text.is_char_boundary(start + length)) {
            found.push((start, start + length, None));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(values: &[&str]) -> MaskedValues {
        let known = MaskedValues::default();
        let marks: Vec<String> = (0..values.len()).map(|n| format!("<{n}>")).collect();
        known.remember(values.iter().copied().zip(marks.iter().map(String::as_str)));
        known
    }

    #[test]
    fn values_are_known_as_programs_print_them() {
        let known = MaskedValues::default();
        known.remember([
            ("tr0ub4dor-and-three # from ops", "<1>"),
            ("\"quoted-value-of-many\"", "<2>"),
            ("it\\\"s-a-\\$value-x", "<3>"),
        ]);
        for (printed, masked) in
            [("x tr0ub4dor-and-three y", "x <1> y"), ("quoted-value-of-many", "<2>"), ("it\"s-a-$value-x", "<3>")]
        {
            assert_eq!(known.mask(printed).as_deref(), Some(masked), "{printed}");
        }
        assert_eq!(known.mask("from ops"), None);
    }

    #[test]
    fn values_are_masked_wherever_they_stand() {
        let known = known(&["correct-horse", "horse-battery-staple", "short", "gr\u{fc}ne-passw\u{f6}rter"]);
        for (text, masked) in [
            ("a correct-horse b", "a <0> b"),
            ("correct-horse-battery-staple", "<0><1>"),
            ("correct-horscorrect-horse", "correct-hors<0>"),
            ("x=horse-battery-staple,correct-horse", "x=<1>,<0>"),
            ("gr\u{fc}ne-passw\u{f6}rter", "<2>"),
        ] {
            assert_eq!(known.mask(text).as_deref().unwrap_or(text), masked.replace("<2>", "<3>"), "{text}");
        }
        for text in ["short", "correct-hors", "", "horse"] {
            assert_eq!(known.mask(text), None, "{text}");
        }
        assert_eq!(MaskedValues::default().mask("correct-horse"), None);
    }

    #[test]
    fn what_a_cut_leaves_of_a_value_is_masked() {
        let known = known(&["correct-horse-battery"]);
        let cut = |text: &str| known.mask_part(text).unwrap_or_else(|| text.to_owned());
        assert_eq!(cut("x correct-hor"), format!("x {CUT}"));
        assert_eq!(cut("se-battery y"), "se-battery y".replace("se-battery", CUT));
        assert_eq!(cut("correct-horse-battery"), "<0>");
        assert_eq!(cut("ttery y"), "ttery y");
        let gap = "x correct-h\n[... 9 bytes left out ...]\norse-battery y";
        let masked = format!("x {CUT}\n[... 9 bytes left out ...]\n{CUT} y");
        assert_eq!(known.mask(gap), Some(masked));
        // Whole texts may end in what a value begins with.
        assert_eq!(known.mask("this is correct-hor"), None);
    }

    #[test]
    fn every_text_of_an_answer_is_masked() {
        let known = known(&["correct-horse"]);
        let mut answer = serde_json::json!({"stdout": "a correct-horse", "rows": [{"x": "correct-horse"}, 7, null]});
        known.mask_json(&mut answer, false);
        assert_eq!(answer, serde_json::json!({"stdout": "a <0>", "rows": [{"x": "<0>"}, 7, null]}));
    }

    #[test]
    fn memory_is_bounded_and_the_newest_stay() {
        let known = MaskedValues::default();
        for n in 0..VALUES_MAX + 100 {
            known.remember([(format!("value-number-{n:06}").as_str(), format!("<{n}>").as_str())]);
        }
        assert_eq!(known.0.lock().unwrap().values.len(), VALUES_MAX);
        assert_eq!(known.mask("value-number-000000"), None);
        assert_eq!(known.mask("value-number-004195"), Some("<4195>".to_owned()));
        known.remember([("x".repeat(LONGEST + 1).as_str(), "<long>")]);
        for n in 0..40 {
            known.remember([(format!("{n:02}").repeat(LONGEST / 2).as_str(), format!("<l{n}>").as_str())]);
        }
        assert!(known.0.lock().unwrap().bytes <= BYTES_MAX);
        assert_eq!(known.mask("value-number-004195"), None);
    }

    #[test]
    fn long_texts_take_linear_time() {
        let values: Vec<String> = (0..1000).map(|n| format!("{}{n:04}", "a".repeat(60))).collect();
        let known = known(&values.iter().map(String::as_str).collect::<Vec<_>>());
        let took = |length: usize| {
            let text = "a".repeat(length);
            let timed = || {
                let began = std::time::Instant::now();
                assert_eq!(known.mask(&text), None);
                began.elapsed()
            };
            (0..3).map(|_| timed()).min().unwrap_or_default()
        };
        let (one, four) = (took(500_000), took(2_000_000));
        assert!(four < one * 16 + std::time::Duration::from_millis(500), "{one:?} {four:?}");
    }
}
