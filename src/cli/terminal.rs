//! Text for a person: colours and a progress line on a terminal, plain columns everywhere else.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};

use crate::redact::clean::clean;

/// Marks words by colour where a person looks, and leaves them alone in a pipe or a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paint(bool);

impl Paint {
    /// For standard output. `NO_COLOR` (no-color.org) and `TERM=dumb` are respected.
    pub(super) fn stdout() -> Self {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let wanted = set("NO_COLOR").is_none() && set("TERM").is_none_or(|term| term != "dumb");
        Paint(wanted && std::io::stdout().is_terminal())
    }

    fn sgr(self, code: u8, text: &str) -> String {
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// What works.
    pub(super) fn good(self, text: &str) -> String {
        self.sgr(32, text)
    }

    /// What is worth a look.
    pub(super) fn warn(self, text: &str) -> String {
        self.sgr(33, text)
    }

    /// What does not work.
    pub(super) fn bad(self, text: &str) -> String {
        self.sgr(31, text)
    }

    /// A heading.
    pub(super) fn strong(self, text: &str) -> String {
        self.sgr(1, text)
    }
}

/// One line on standard error that says what is being done; only on a terminal, and gone at the end.
#[derive(Debug)]
pub(super) struct Progress(bool);

impl Progress {
    /// Nothing is shown yet.
    pub(super) fn new() -> Self {
        Progress(std::io::stderr().is_terminal())
    }

    /// Replaces the line.
    pub(super) fn show(&self, text: &str) {
        self.write(&format!("\r\x1b[K{}", one_line(text)));
    }

    fn write(&self, text: &str) {
        if self.0 {
            let mut stderr = std::io::stderr().lock();
            let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.write("\r\x1b[K");
    }
}

/// The text without control and hidden characters, on one line: messages can hold what a host says.
pub(super) fn one_line(text: &str) -> String {
    clean(text).text.split(['\n', '\t']).collect::<Vec<_>>().join(" ")
}

/// Rows in columns, each as wide as its widest cell; the last one is left as it is.
pub(super) fn columns(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..count).map(|column| width(column).unwrap_or(0)).collect();
    let mut out = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(line, "{cell:<width$}  ");
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// Prints to standard output; a reader that has seen enough (`| head`) is not a failure.
pub(super) fn print(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows = [vec!["a".to_owned(), "bb".to_owned()], vec!["ccc".to_owned(), "d".to_owned()]];
        assert_eq!(columns(&rows), "a    bb\nccc  d\n");
        assert_eq!(columns(&[]), "");
    }

    #[test]
    fn remote_text_stays_on_its_line_and_cannot_draw() {
        let shown = one_line("a\nb\x1b[2Jc\rd");
        assert!(!shown.contains(['\n', '\x1b', '\r']), "{shown:?}");
        assert_eq!(Paint(false).bad("x"), "x");
        assert_eq!(Paint(true).good("x"), "\x1b[32mx\x1b[0m");
    }
}
