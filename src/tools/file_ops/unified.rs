//! Unified diffs of one file: read, and applied to bytes exactly where they say.
//!
//! The format is that of POSIX `diff -u` with the `\ No newline at end of file` line of GNU diff. A line ends at a
//! line feed and nowhere else, and is compared with its end, byte for byte. There is no fuzz and no offset: a hunk
//! fits at its own line or the whole patch is refused, with the place where it would have fitted.

use std::ops::Range;

/// Most characters of a line in a refusal.
const LINE_SHOWN: usize = 160;

/// A diff that cannot be read: the line of the diff, from 1, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the diff: {what}")]
pub(crate) struct Unreadable {
    /// The line of the diff, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

/// A diff of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Patch {
    hunks: Vec<Hunk>,
    /// The old file is `/dev/null`: the patch makes the content of a file that has none.
    creates: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Hunk {
    /// First line of the old file, counted from 0, that the hunk covers.
    at: usize,
    old: Vec<Vec<u8>>,
    new: Vec<Vec<u8>>,
}

/// Why a hunk does not apply. Lines count from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Misfit {
    /// Which hunk, from 1.
    pub hunk: usize,
    /// The line of the file that is not as the hunk has it.
    pub line: usize,
    /// That line as the hunk has it; nothing where the hunk expects the end of the file.
    pub expected: Option<Vec<u8>>,
    /// That line as the file has it; nothing at the end of the file.
    pub found: Option<Vec<u8>>,
    /// What else can be said.
    pub remark: Remark,
}

/// What else is known of a hunk that does not apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Remark {
    /// It would fit with its first line here.
    FitsAt(usize),
    /// Its new lines are already there.
    AlreadyApplied,
    /// It overlaps the hunk before it, or comes before it.
    OutOfOrder,
    /// It would leave a line without an end in the middle of the file.
    OpenLine,
    /// The file has content, and the patch makes a new one.
    NotEmpty,
    /// The old lines are nowhere in the file.
    FitsNowhere,
}

impl Patch {
    /// Reads a diff. Names and modes in its headers are not looked at.
    pub(crate) fn parse(text: &str) -> Result<Self, Unreadable> {
        let mut lines: Vec<&str> = text.split('\n').collect();
        if lines.last() == Some(&"") {
            lines.pop();
        }
        // A diff that came through something that writes CRLF has it on its own lines as well.
        let carried = lines.iter().find(|line| line.starts_with("@@ ")).is_some_and(|line| line.ends_with('\r'));
        if carried {
            for line in &mut lines {
                *line = line.strip_suffix('\r').unwrap_or(line);
            }
        }
        let mut reader = Reader { lines: &lines, next: 0 };
        let mut patch = Patch { hunks: Vec::new(), creates: false };
        let mut headed = false;
        while let Some(line) = reader.peek() {
            if line.starts_with("@@ ") {
                patch.hunks.push(reader.hunk()?);
                continue;
            }
            let header = line.starts_with("--- ") && reader.after().is_some_and(|next| next.starts_with("+++ "));
            if header {
                if headed || !patch.hunks.is_empty() {
                    return Err(reader.fault("a second file begins; one file is patched at a time"));
                }
                headed = true;
                patch.creates = line.trim_end().ends_with("/dev/null");
                if reader.after().is_some_and(|next| next.trim_end().ends_with("/dev/null")) {
                    return Err(reader.fault("it deletes the file, which ssh_delete does"));
                }
                reader.next += 2;
                continue;
            }
            // `git format-patch` closes with a signature.
            if !patch.hunks.is_empty() && (line == "-- " || line == "--") {
                break;
            }
            if !patch.hunks.is_empty() && !line.trim().is_empty() && !line.starts_with("diff ") {
                return Err(reader.fault("it belongs to no hunk; the counts of the @@ line before it are too small"));
            }
            if !patch.hunks.is_empty() && line.starts_with("diff ") {
                return Err(reader.fault("a second file begins; one file is patched at a time"));
            }
            reader.next += 1;
        }
        if patch.hunks.is_empty() {
            return Err(Unreadable { line: 1, what: "there is no hunk (`@@ -1,3 +1,4 @@`) in it".to_owned() });
        }
        Ok(patch)
    }

    /// How many hunks it has.
    pub(super) fn len(&self) -> usize {
        self.hunks.len()
    }

    /// The same patch for a file with CRLF line ends, where the patch itself has none; otherwise nothing.
    pub(super) fn for_crlf(&self, bytes: &[u8]) -> Option<Self> {
        let ends = memchr::memchr_iter(b'\n', bytes).count();
        let crlf = memchr::memmem::find_iter(bytes, b"\r\n").count();
        let returns = |lines: &[Vec<u8>]| lines.iter().any(|line| line.contains(&b'\r'));
        if crlf == 0 || crlf != ends || self.hunks.iter().any(|hunk| returns(&hunk.old) || returns(&hunk.new)) {
            return None;
        }
        let mut patch = self.clone();
        for hunk in &mut patch.hunks {
            for line in hunk.old.iter_mut().chain(&mut hunk.new) {
                if line.pop_if(|b| *b == b'\n').is_some() {
                    line.extend_from_slice(b"\r\n");
                }
            }
        }
        Some(patch)
    }

    /// The patch as one block of whole lines in place of another: the old block, the new one, and the lines before it.
    /// Nothing where it has more than one hunk, or a line without an end.
    pub(super) fn splice(&self) -> Option<(Vec<u8>, Vec<u8>, usize)> {
        let [hunk] = self.hunks.as_slice() else { return None };
        let closed = |lines: &[Vec<u8>]| lines.iter().all(|line| line.ends_with(b"\n"));
        let whole = !hunk.old.is_empty() && closed(&hunk.old) && closed(&hunk.new);
        whole.then(|| (hunk.old.concat(), hunk.new.concat(), hunk.at))
    }

    /// Applies it: the new bytes, or the first hunk that does not fit.
    pub(crate) fn apply(&self, bytes: &[u8]) -> Result<Vec<u8>, Box<Misfit>> {
        let file: Vec<&[u8]> = bytes.split_inclusive(|b| *b == b'\n').collect();
        let mut out: Vec<&[u8]> = Vec::with_capacity(file.len());
        let mut from = 0;
        for (index, hunk) in self.hunks.iter().enumerate() {
            let misfit = |line: usize, expected: Option<&Vec<u8>>, remark: Remark| {
                let found = file.get(line).map(|line| line.to_vec());
                Box::new(Misfit { hunk: index + 1, line: line + 1, expected: expected.cloned(), found, remark })
            };
            if self.creates && !file.is_empty() {
                return Err(misfit(0, None, Remark::NotEmpty));
            }
            if hunk.at < from {
                return Err(misfit(hunk.at, hunk.old.first(), Remark::OutOfOrder));
            }
            let fits = |(i, line): &(usize, &Vec<u8>)| file.get(hunk.at + i).is_some_and(|there| there == line);
            if let Some((i, line)) = hunk.old.iter().enumerate().find(|one| !fits(one)) {
                return Err(misfit(hunk.at + i, Some(line), hunk.elsewhere(&file, from)));
            }
            if hunk.at > file.len() {
                return Err(misfit(file.len(), None, Remark::FitsNowhere));
            }
            let before = out.len();
            out.extend(file.get(from..hunk.at).unwrap_or_default());
            out.extend(hunk.new.iter().map(Vec::as_slice));
            from = hunk.at + hunk.old.len();
            let last = index + 1 == self.hunks.len() && from >= file.len();
            // The lines before these were looked at with their own hunk.
            let added = out.get(before..).unwrap_or_default();
            let open = added.iter().rposition(|line| !line.ends_with(b"\n"));
            if open.is_some_and(|open| !last || open + 1 != added.len()) {
                return Err(misfit(hunk.at, None, Remark::OpenLine));
            }
        }
        out.extend(file.get(from..).unwrap_or_default());
        Ok(out.concat())
    }
}

impl Hunk {
    /// Where the old lines are, nearest to where they were said to be; or that the new ones are there already.
    fn elsewhere(&self, file: &[&[u8]], from: usize) -> Remark {
        let there = |i: usize, line: &Vec<u8>| file.get(self.at + i).is_some_and(|found| found == line);
        if !self.new.is_empty() && self.new.iter().enumerate().all(|(i, line)| there(i, line)) {
            return Remark::AlreadyApplied;
        }
        let places = occurrences(file.get(from..).unwrap_or_default(), &self.old);
        let nearest = places.into_iter().map(|at| at + from).min_by_key(|at| at.abs_diff(self.at));
        nearest.map_or(Remark::FitsNowhere, |at| Remark::FitsAt(at + 1))
    }
}

/// Every place where a run of lines occurs, in linear time (Knuth, Morris and Pratt).
fn occurrences(file: &[&[u8]], wanted: &[Vec<u8>]) -> Vec<usize> {
    let same = |a: &[u8], n: usize| wanted.get(n).is_some_and(|line| line == a);
    let mut back = vec![0usize; wanted.len()];
    let step = |back: &[usize], mut matched: usize, line: &[u8]| {
        while matched > 0 && !same(line, matched) {
            matched = back.get(matched - 1).copied().unwrap_or(0);
        }
        matched + usize::from(same(line, matched))
    };
    let mut matched = 0;
    for (n, line) in wanted.iter().enumerate().skip(1) {
        matched = step(&back, matched, line);
        if let Some(slot) = back.get_mut(n) {
            *slot = matched;
        }
    }
    let mut found = Vec::new();
    let mut matched = 0;
    for (n, line) in file.iter().enumerate() {
        matched = step(&back, matched, line);
        if matched == wanted.len() && matched > 0 {
            found.push(n + 1 - matched);
            matched = back.get(matched - 1).copied().unwrap_or(0);
        }
    }
    found
}

impl Misfit {
    /// The sentences of a refusal; `show` may hide what a line holds.
    pub(super) fn explain(&self, show: impl Fn(&str) -> String) -> String {
        let line = |bytes: &Option<Vec<u8>>| match bytes {
            None => "the end of the file".to_owned(),
            Some(bytes) => {
                let text: String = String::from_utf8_lossy(bytes).chars().take(LINE_SHOWN).collect();
                format!("{:?}", show(&text))
            }
        };
        let (hunk, at) = (self.hunk, self.line);
        let differs = format!(
            "Hunk {hunk} does not apply at line {at}: expected {}, found {}.",
            line(&self.expected),
            line(&self.found)
        );
        let blank = |bytes: &Option<Vec<u8>>| -> Vec<u8> {
            bytes.iter().flatten().copied().filter(|b| !b.is_ascii_whitespace()).collect()
        };
        let spaces = self.expected.is_some() && self.found.is_some() && blank(&self.expected) == blank(&self.found);
        let ends = |bytes: &Option<Vec<u8>>| bytes.as_ref().is_some_and(|line| line.ends_with(b"\n"));
        let hint = if !spaces {
            ""
        } else if ends(&self.expected) != ends(&self.found) {
            " The two differ in the newline at the end: `\\ No newline at end of file` stands after a line without one."
        } else {
            " The two differ only in white space."
        };
        match &self.remark {
            Remark::FitsAt(at) => format!("{differs}{hint} It would fit at line {at}."),
            Remark::AlreadyApplied => format!("{differs} Its new lines are there already."),
            Remark::FitsNowhere => format!("{differs}{hint} It fits nowhere else either."),
            Remark::OutOfOrder => format!("Hunk {hunk} at line {at} overlaps the hunk before it, or comes before it."),
            Remark::OpenLine => {
                format!("Hunk {hunk} at line {at} would leave a line without newline in the middle of the file.")
            }
            Remark::NotEmpty => "The patch makes a new file (`--- /dev/null`), and this one has content.".to_owned(),
        }
    }
}

struct Reader<'a> {
    lines: &'a [&'a str],
    next: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.lines.get(self.next).copied()
    }

    fn after(&self) -> Option<&'a str> {
        self.lines.get(self.next + 1).copied()
    }

    fn fault(&self, what: impl Into<String>) -> Unreadable {
        Unreadable { line: self.next + 1, what: what.into() }
    }

    /// A hunk: its counts say where it ends.
    fn hunk(&mut self) -> Result<Hunk, Unreadable> {
        let head = self.peek().unwrap_or_default();
        let (old, new) = ranges(head).ok_or_else(|| self.fault("it is not a hunk header like `@@ -1,3 +1,4 @@`"))?;
        self.next += 1;
        let mut hunk = Hunk { at: old.start, ..Hunk::default() };
        let (mut olds, mut news) = (old.len(), new.len());
        while olds > 0 || news > 0 {
            let Some(line) = self.peek() else {
                return Err(self.fault(format!(
                    "the diff ends inside a hunk; {olds} old and {news} new lines of its @@ line are missing"
                )));
            };
            // Some programs take the blank of an empty context line away.
            let (kind, rest) = match line.chars().next() {
                None => (' ', ""),
                Some(kind) => (kind, line.get(kind.len_utf8()..).unwrap_or_default()),
            };
            let (in_old, in_new) = match kind {
                ' ' => (true, true),
                '-' => (true, false),
                '+' => (false, true),
                _ => {
                    return Err(self.fault(format!(
                        "a line of a hunk begins with a blank, `-` or `+`; {olds} old and {news} new lines of its @@ \
                         line are missing"
                    )));
                }
            };
            if (in_old && olds == 0) || (in_new && news == 0) {
                return Err(self.fault("the hunk has more lines than the counts of its @@ line"));
            }
            self.next += 1;
            let mut content = rest.as_bytes().to_vec();
            if self.peek().is_some_and(|next| next.starts_with("\\ ")) {
                self.next += 1;
            } else {
                content.push(b'\n');
            }
            if in_old {
                olds -= 1;
                hunk.old.push(content.clone());
            }
            if in_new {
                news -= 1;
                hunk.new.push(content);
            }
        }
        Ok(hunk)
    }
}

/// The two ranges of `@@ -10,3 +10,4 @@ anything`, from 0. A range of no lines stands after the line it names.
fn ranges(head: &str) -> Option<(Range<usize>, Range<usize>)> {
    let (old, rest) = head.strip_prefix("@@ -")?.split_once(" +")?;
    let (new, _) = rest.split_once(" @@")?;
    let range = |text: &str| -> Option<Range<usize>> {
        let (start, count) = text.split_once(',').unwrap_or((text, "1"));
        let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<usize>().ok())?;
        let (start, count) = (number(start)?, number(count)?);
        let start = if count == 0 { start } else { start.checked_sub(1)? };
        Some(start..start.checked_add(count)?)
    };
    Some((range(old)?, range(new)?))
}

#[cfg(test)]
mod tests;
