//! Reads a trail back and says whether its chain is whole, and if not, which line is the first that is wrong.
//!
//! A line is named by what its neighbours say of it: each records the digest of the one before. Whoever can write
//! the file and its head could also write a new chain from some line on; against that, compare [`Report::last`]
//! with a copy kept elsewhere (`prev` also stands on the lines that go to stderr).

use super::chain::{AuditError, GENESIS, Head, Link, open_to_read, stored_head};
use super::digest::link_of;
use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

/// Faults reported at most; the first ones matter.
const FAULTS_MAX: usize = 20;

/// What became of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Its bytes are not those that were written.
    Changed,
    /// It was not written by the server, or not here.
    Added,
    /// This many lines that stood directly before it are gone.
    RemovedBefore(u64),
    /// This many lines that stood after it are gone.
    RemovedAfter(u64),
}

/// One wrong line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file.
    pub file: PathBuf,
    /// The line, counted from 1; 0 where the file should not be empty.
    pub line: u64,
    /// What became of it.
    pub kind: Kind,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let lines = |count: u64| if count == 1 { "1 line was".to_owned() } else { format!("{count} lines were") };
        let (file, line) = (self.file.display(), self.line);
        match self.kind {
            Kind::Changed => write!(f, "{file}: line {line} was changed"),
            Kind::Added => write!(f, "{file}: line {line} was added"),
            Kind::RemovedBefore(count) => write!(f, "{file}: {} removed before line {line}", lines(count)),
            Kind::RemovedAfter(count) => write!(f, "{file}: {} removed after line {line}", lines(count)),
        }
    }
}

/// What the end of the chain was compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The head kept beside the file, which agrees or is named in a fault.
    Head,
    /// Nothing: there is no head beside the file. Lines missing at the end would not be noticed.
    Unchecked,
}

/// What `verify` found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Lines read.
    pub lines: u64,
    /// The number of the first line; above 1 where the chain begins in the middle. `None` of an empty trail.
    pub first: Option<u64>,
    /// The digest that the first line continues, if it is not the first of a chain.
    pub continues: Option<String>,
    /// Number and digest of the last line; `None` of an empty trail.
    pub last: Option<(u64, String)>,
    /// What the end was compared with.
    pub end: End,
    /// The wrong lines in order, 20 at most.
    pub faults: Vec<Fault>,
    /// Lines cut in writing, which the server marked itself: no fault.
    pub torn: u64,
}

impl Report {
    /// True when nothing is wrong.
    pub fn is_whole(&self) -> bool {
        self.faults.is_empty()
    }
}

/// Verifies one trail kept in these files, the oldest first.
pub fn verify(files: &[PathBuf]) -> Result<Report, AuditError> {
    let head = match files.last() {
        Some(path) => stored_head(path)?,
        None => None,
    };
    let mut walk = Walk::new();
    for path in files {
        let at = |source| AuditError::Io { path: path.clone(), source };
        walk.file(path, BufReader::new(open_to_read(path)?), head.as_ref()).map_err(at)?;
    }
    Ok(walk.finish(head.as_ref()))
}

/// One line as read.
struct Line {
    at: u64,
    hash: String,
    /// `None` when it is not a line of a trail.
    link: Option<Link>,
}

impl Line {
    fn links_to(&self, hash: &str) -> bool {
        self.link.as_ref().is_some_and(|link| link.prev == hash)
    }

    fn says(&self, event: &str) -> bool {
        self.link.as_ref().is_some_and(|link| link.event.as_deref() == Some(event))
    }
}

/// The last line that is taken for good.
struct Trusted {
    at: u64,
    seq: u64,
    hash: String,
}

struct Walk {
    /// `None` after a changed line, whose true digest only the next line knew: that one is taken as it is.
    last: Option<Trusted>,
    started: bool,
    file: PathBuf,
    report: Report,
}

impl Walk {
    fn new() -> Self {
        Walk {
            last: Some(Trusted { at: 0, seq: 0, hash: GENESIS.to_owned() }),
            started: false,
            file: PathBuf::new(),
            report: Report {
                lines: 0,
                first: None,
                continues: None,
                last: None,
                end: End::Unchecked,
                faults: Vec::new(),
                torn: 0,
            },
        }
    }

    fn file(&mut self, path: &Path, mut reader: impl BufRead, head: Option<&Head>) -> io::Result<()> {
        path.clone_into(&mut self.file);
        if let Some(last) = &mut self.last {
            last.at = 0;
        }
        let mut window: VecDeque<Line> = VecDeque::new();
        let mut bytes = Vec::new();
        let mut at = 0;
        loop {
            bytes.clear();
            let more = reader.read_until(b'\n', &mut bytes)? > 0;
            if more {
                at += 1;
                window.push_back(read_line(at, &bytes));
            }
            if !more || window.len() > 2 {
                let Some(line) = window.pop_front() else {
                    return Ok(());
                };
                self.line(&line, window.front(), window.get(1), head);
            }
        }
    }

    fn line(&mut self, line: &Line, next: Option<&Line>, after: Option<&Line>, head: Option<&Head>) {
        self.report.lines += 1;
        let first = !std::mem::replace(&mut self.started, true);
        // What is known to follow this line: the next line's link, or the head at the end.
        let follow = match next {
            Some(next) => next.link.as_ref().map(|link| link.prev.as_str()),
            None => head.map(|head| head.hash.as_str()),
        };
        let Some(Link { seq, prev, .. }) = &line.link else {
            return self.stranger(line, next, follow);
        };
        if first {
            self.report.first = Some(*seq);
        }
        if first && line.says("continued") {
            self.report.continues = Some(prev.clone());
            return self.trust(line, *seq);
        }
        let Some(last) = &self.last else {
            return self.trust(line, *seq);
        };
        let expected = last.seq + 1;
        let twin = follow == Some(last.hash.as_str());
        if *prev == last.hash {
            // Two lines claim the same place: the one that the chain goes on from belongs there.
            let impostor = twin && !after.is_some_and(|after| after.links_to(&line.hash));
            if impostor {
                self.fault(line.at, Kind::Added);
            } else if *seq == expected {
                self.trust(line, *seq);
            } else {
                self.fault(line.at, Kind::Changed);
                self.trust_place(line, expected, follow);
            }
        } else if twin {
            self.fault(line.at, Kind::Added);
        } else if *seq == expected {
            let intact = follow.is_none_or(|follow| follow == line.hash);
            if intact && last.at > 0 {
                let before = last.at;
                self.fault(before, Kind::Changed);
                self.trust(line, *seq);
            } else {
                self.fault(line.at, Kind::Changed);
                self.trust_place(line, expected, follow);
            }
        } else if *seq > expected {
            self.fault(line.at, Kind::RemovedBefore(*seq - expected));
            self.trust(line, *seq);
        } else {
            self.fault(line.at, Kind::Added);
        }
    }

    /// A line that is none of a trail.
    fn stranger(&mut self, line: &Line, next: Option<&Line>, follow: Option<&str>) {
        let passed_over = self.last.as_ref().is_some_and(|last| follow == Some(last.hash.as_str()));
        if passed_over && next.is_some_and(|next| next.says("torn")) {
            self.report.torn += 1;
        } else if passed_over {
            self.fault(line.at, Kind::Added);
        } else {
            self.fault(line.at, Kind::Changed);
            self.last = None;
        }
    }

    fn trust(&mut self, line: &Line, seq: u64) {
        self.report.last = Some((seq, line.hash.clone()));
        self.last = Some(Trusted { at: line.at, seq, hash: line.hash.clone() });
    }

    /// After a changed line: its place in the chain is known, its true digest only if the next line confirms it.
    fn trust_place(&mut self, line: &Line, seq: u64, follow: Option<&str>) {
        self.trust(line, seq);
        if follow != Some(line.hash.as_str()) {
            self.last = None;
        }
    }

    fn fault(&mut self, line: u64, kind: Kind) {
        if self.report.faults.len() < FAULTS_MAX {
            self.report.faults.push(Fault { file: self.file.clone(), line, kind });
        }
    }

    fn finish(mut self, head: Option<&Head>) -> Report {
        if let Some(head) = head {
            self.report.end = End::Head;
            let last = self.last.take().map(|last| (last.at, last.seq, last.hash));
            if let Some((at, seq, hash)) = last {
                // A head that lags behind was left by a process that ended between its two writes.
                if seq < head.seq {
                    self.fault(at, Kind::RemovedAfter(head.seq - seq));
                } else if seq == head.seq && hash != head.hash {
                    self.fault(at, Kind::Changed);
                }
            }
        }
        self.report
    }
}

fn read_line(at: u64, bytes: &[u8]) -> Line {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    Line { at, hash: link_of(bytes), link: Link::of(bytes) }
}

#[cfg(test)]
mod tests {
    use super::super::{Audit, HashKey, Opening};
    use super::*;
    use crate::model::tier::Tier;

    const LINES: usize = 10_000;

    /// A real trail of 10,000 calls, and its folder.
    fn trail(lines: usize) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.jsonl");
        let audit = Audit::open(HashKey::derive(b"k"), Some(&path)).unwrap();
        for n in 0..lines {
            let opening = Opening { tool: format!("t{}", n % 7), tier: Some(Tier::Read), hosts: vec!["h".into()] };
            audit.journal(opening).close(Ok(()));
        }
        (dir, path)
    }

    fn read(path: &Path) -> Vec<String> {
        std::fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
    }

    fn write(path: &Path, lines: &[String]) {
        std::fs::write(path, lines.join("\n") + "\n").unwrap();
    }

    fn found(path: &Path) -> Vec<(u64, Kind)> {
        verify(&[path.to_owned()]).unwrap().faults.into_iter().map(|f| (f.line, f.kind)).collect()
    }

    #[test]
    fn ten_thousand_lines_are_whole_until_touched() {
        let (_dir, path) = trail(LINES);
        let report = verify(std::slice::from_ref(&path)).unwrap();
        assert!(report.is_whole(), "{:?}", report.faults);
        assert_eq!((report.lines, report.end), (LINES as u64, End::Head));
        let lines = read(&path);
        let whole = std::fs::read(&path).unwrap();
        assert_eq!(report.last, Some((LINES as u64, link_of(lines.last().unwrap().as_bytes()))));

        for at in [1, 5000, LINES] {
            let mut changed = lines.clone();
            changed[at - 1] = changed[at - 1].replace("\"result\":\"ok\"", "\"result\":\"OK\"");
            write(&path, &changed);
            assert_eq!(found(&path), [(at as u64, Kind::Changed)], "changed {at}");

            let mut removed = lines.clone();
            removed.remove(at - 1);
            write(&path, &removed);
            let want = if at == LINES {
                ((at - 1) as u64, Kind::RemovedAfter(1))
            } else {
                (at as u64, Kind::RemovedBefore(1))
            };
            assert_eq!(found(&path), [want], "removed {at}");

            let mut added = lines.clone();
            added.insert(at - 1, lines[42].clone());
            write(&path, &added);
            assert_eq!(found(&path), [(at as u64, Kind::Added)], "added {at}");
        }
        std::fs::write(&path, whole).unwrap();
        assert!(found(&path).is_empty());
    }

    #[test]
    fn every_byte_of_a_line_counts() {
        let (_dir, path) = trail(5);
        let lines = read(&path);
        for at in 1..=5_usize {
            for byte in 0..lines[at - 1].len() {
                let mut bytes = lines[at - 1].clone().into_bytes();
                bytes[byte] = if bytes[byte] == b'3' { b'4' } else { b'3' };
                let mut changed = lines.clone();
                changed[at - 1] = String::from_utf8(bytes).unwrap();
                write(&path, &changed);
                let faults = found(&path);
                let named = faults.first().unwrap_or_else(|| panic!("line {at} byte {byte} goes unseen"));
                // A number that was changed can only look like lines that are missing before or after.
                let in_seq = lines[at - 1].find("\"seq\":").is_some_and(|seq| (seq..seq + 8).contains(&byte));
                assert!(named.0 == at as u64 || in_seq, "line {at} byte {byte}: {faults:?}");
            }
        }
    }

    #[test]
    fn forged_lines_that_link_well_are_named() {
        let (_dir, path) = trail(6);
        let lines = read(&path);
        // A line that claims the place of line 4, before it and after it.
        let forged = lines[3].replace("\"tool\":\"t3\"", "\"tool\":\"t9\"");
        for at in [3, 4] {
            let mut added = lines.clone();
            added.insert(at, forged.clone());
            write(&path, &added);
            assert_eq!(found(&path), [(at as u64 + 1, Kind::Added)]);
        }
        let mut swapped = lines.clone();
        swapped.swap(2, 3);
        write(&path, &swapped);
        assert_eq!(found(&path)[0].0, 3);
        let mut blank = lines.clone();
        blank.insert(2, String::new());
        write(&path, &blank);
        assert_eq!(found(&path), [(3, Kind::Added)]);
        write(&path, &lines[..1]);
        assert_eq!(found(&path), [(1, Kind::RemovedAfter(5))]);
        std::fs::write(&path, "").unwrap();
        assert_eq!(found(&path), [(0, Kind::RemovedAfter(6))]);
    }

    #[test]
    fn a_rotated_trail_is_one_chain() {
        let (dir, path) = trail(4);
        let old = dir.path().join("audit.jsonl.1");
        std::fs::rename(&path, &old).unwrap();
        let audit = Audit::open(HashKey::derive(b"k"), Some(&path)).unwrap();
        for _ in 0..3 {
            audit.journal(Opening { tool: "t".into(), tier: Some(Tier::Read), hosts: Vec::new() }).close(Ok(()));
        }
        let both = [old.clone(), path.clone()];
        let report = verify(&both).unwrap();
        assert!(report.is_whole(), "{:?}", report.faults);
        assert_eq!((report.lines, report.continues), (8, None));
        let newer = verify(std::slice::from_ref(&path)).unwrap();
        assert!(newer.is_whole() && newer.continues.is_some());
        let older = verify(std::slice::from_ref(&old)).unwrap();
        assert_eq!((older.is_whole(), older.end), (true, End::Unchecked));
        // The last line of the old file is gone: only both files together show it.
        let lines = read(&old);
        write(&old, &lines[..3]);
        let report = verify(&both).unwrap();
        assert_eq!((report.faults.len(), &report.faults[0].file, report.faults[0].line), (1, &path, 1));
        assert_eq!(report.faults[0].kind, Kind::RemovedBefore(1));
        // The line that says where the new file continues is gone.
        write(&old, &lines);
        let lines = read(&path);
        write(&path, &lines[1..]);
        assert_eq!(found(&path), [(1, Kind::RemovedBefore(5))]);
    }

    #[test]
    fn a_torn_line_that_the_server_marked_is_no_fault() {
        let (_dir, path) = trail(2);
        let mut text = std::fs::read(&path).unwrap();
        text.extend_from_slice(b"{\"half");
        std::fs::write(&path, text).unwrap();
        let audit = Audit::open(HashKey::derive(b"k"), Some(&path)).unwrap();
        audit.journal(Opening { tool: "t".into(), tier: Some(Tier::Read), hosts: Vec::new() }).close(Ok(()));
        let report = verify(std::slice::from_ref(&path)).unwrap();
        assert_eq!((report.torn, report.faults), (1, Vec::new()));
    }

    #[test]
    fn pipes_and_devices_are_refused_and_nothing_waits() {
        let (dir, path) = trail(3);
        let pipe = dir.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        for not_a_file in [&pipe, &PathBuf::from("/dev/null"), &dir.path().to_owned()] {
            let files = [path.clone(), (*not_a_file).clone()];
            assert!(matches!(verify(&files), Err(AuditError::NotAFile(_))), "{}", not_a_file.display());
        }
        // The head beside it likewise.
        let head = super::super::chain::head_path(&path);
        std::fs::remove_file(&head).unwrap();
        nix::unistd::mkfifo(&head, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert!(matches!(verify(&[path]), Err(AuditError::NotAFile(_))));
    }

    #[test]
    fn a_chain_that_begins_in_the_middle_says_where() {
        let (dir, path) = trail(5);
        assert_eq!(verify(std::slice::from_ref(&path)).unwrap().first, Some(1));
        let old = dir.path().join("old");
        std::fs::rename(&path, &old).unwrap();
        let audit = Audit::open(HashKey::derive(b"k"), Some(&path)).unwrap();
        audit.journal(Opening { tool: "t".into(), tier: Some(Tier::Read), hosts: Vec::new() }).close(Ok(()));
        let newer = verify(std::slice::from_ref(&path)).unwrap();
        assert_eq!((newer.first, newer.is_whole(), newer.continues.is_some()), (Some(6), true, true));
        let both = verify(&[old, path.clone()]).unwrap();
        assert_eq!((both.first, both.is_whole(), both.continues), (Some(1), true, None));
        // Cut at its beginning, it is not whole either.
        let text = std::fs::read_to_string(&path).unwrap();
        let cut: String = text.lines().skip(1).map(|line| format!("{line}\n")).collect();
        std::fs::write(&path, cut).unwrap();
        let cut = verify(&[path]).unwrap();
        assert_eq!((cut.first, cut.is_whole()), (Some(7), false));
    }
}
