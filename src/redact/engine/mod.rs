//! The redaction engine: a text comes out with every secret replaced by a marker, or it does not come out.
//!
//! Detectors only mark places in the text ([`spans`]); what is written is the text between them. So detectors can be
//! many and may overlap: none can undo what another found, and a format named by the caller can only add rules. Every
//! detector walks the text once; a run has a size limit and a time limit; an error delivers nothing.
//!
//! What is looked for, in every text whatever its name:
//! - values of names that announce a secret ([`keys`], [`values`]), in the ways in which formats write them
//!   ([`formats`]);
//! - passwords in addresses, headers and command lines ([`urls`], [`flags`]);
//! - private keys ([`pem`]), tokens of known shape ([`tokens`]), and runs that look like chance ([`entropy`]).

mod argv;
mod commands;
mod decode;
mod entropy;
mod flags;
mod formats;
mod keys;
mod marker;
mod marks;
mod pem;
mod spans;
mod tokens;
mod urls;
mod values;
mod views;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::{Bound, Range, RangeBounds};
use std::time::{Duration, Instant};

use serde::Serialize;

pub use formats::Format;
pub(crate) use keys::KeyRules;
pub(crate) use marker::KeyError;
pub use marker::MarkerKey;

use marks::Marks;
pub(crate) use marks::alike as marks_in;
use spans::Spans;
use views::View;

/// Most sources of a log that are read apart.
const SOURCES_MAX: usize = 64;

/// How long one reading of a text may take.
const BUDGET: Duration = Duration::from_secs(10);

/// Largest text by default, in bytes. The answer has to fit into a frame of the protocol anyway.
pub(crate) const SIZE_MAX: usize = 16 << 20;

/// What stands for a text that could not be redacted.
pub(crate) const WITHHELD: &str = "<withheld: redaction failed>";

/// What an engine is built from.
#[derive(Debug, Clone)]
pub struct Options {
    /// The key of the markers.
    pub key: MarkerKey,
    /// Which names announce a secret.
    pub rules: KeyRules,
    /// Whether runs that look like chance are secrets without a name.
    pub entropy: bool,
    /// Characters shown at each end of a long secret; above 4 counts as 4.
    pub hint_chars: usize,
    /// Largest text, in bytes.
    pub size_max: usize,
}

impl Options {
    /// The built-in names, chance counts, no hints, [`SIZE_MAX`].
    pub fn new(key: MarkerKey) -> Self {
        Options { key, rules: KeyRules::builtin(&[]), entropy: true, hint_chars: 0, size_max: SIZE_MAX }
    }
}

/// Why nothing is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RedactError {
    /// Larger than the limit.
    #[error("the text is larger than {0} bytes, the limit of redaction")]
    TooLarge(usize),
    /// No text.
    #[error("the content is binary, so secrets in it cannot be recognised")]
    Binary,
    /// Took longer than the budget.
    #[error("redaction took longer than 10 s and was stopped")]
    TooSlow,
    /// A defect; nothing is delivered.
    #[error("redaction failed with an internal error")]
    Internal,
}

/// What gave a secret away, in the words of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Its name, or its place: a header, a flag, an address.
    KeyMatch,
    /// Its shape: a known token, or a run that looks like chance.
    EntropyBase64,
    /// A run of hex digits.
    EntropyHex,
    /// The content of a private key.
    PemBlock,
}

impl Kind {
    /// The name in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::KeyMatch => "key_match",
            Kind::EntropyBase64 => "entropy_base64",
            Kind::EntropyHex => "entropy_hex",
            Kind::PemBlock => "pem_block",
        }
    }

    /// No hint shows a part of a private key.
    const fn hint_chars(self, chars: usize) -> usize {
        if matches!(self, Kind::PemBlock) { 0 } else { chars }
    }
}

/// One replaced secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Record {
    /// The name as written, when a name gave it away.
    pub key: Option<String>,
    /// The 12 hex digits of its marker.
    pub hash: String,
    /// Line of the original, from 1; none for blocks.
    pub line: Option<usize>,
    /// What gave it away.
    pub kind: Kind,
}

/// Where a secret stands in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// In bytes.
    pub(crate) range: std::ops::Range<usize>,
    /// What the redacted text has there.
    pub(crate) mark: String,
}

/// A redacted file.
#[derive(Debug, Clone)]
pub struct Redacted {
    /// The text, with its own line ends.
    pub content: String,
    /// The format it was read as.
    pub format_detected: Format,
    /// What was replaced, in order.
    pub redactions: Vec<Record>,
    /// Sentences for `output_warnings`.
    pub warnings: Vec<String>,
}

/// A text on its way through the detectors.
struct Doc<'a> {
    text: &'a str,
    rules: &'a KeyRules,
    format: Format,
    /// The last component of the file's path in lower case, empty when there is none.
    file_name: String,
    entropy: bool,
    deadline: Instant,
    /// A detector asked for a part that the text does not have; nothing is delivered then.
    misread: &'a Cell<bool>,
}

impl<'a> Doc<'a> {
    /// A part of the text; empty where it begins behind the text or behind its own end. A range that cuts a character or
    /// reaches beyond the text is a defect of the detector that asks, and it could hide a secret: so it is remembered, and
    /// the run fails.
    #[track_caller]
    fn part(&self, range: impl RangeBounds<usize>) -> &'a str {
        let start = match range.start_bound() {
            Bound::Included(at) => *at,
            Bound::Excluded(at) => at.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(at) => at.saturating_add(1),
            Bound::Excluded(at) => *at,
            Bound::Unbounded => self.text.len(),
        };
        if start >= end.min(self.text.len()) {
            return "";
        }
        let asks = std::panic::Location::caller();
        self.text.get(start..end).unwrap_or_else(|| {
            tracing::error!("redaction: {asks} asks for bytes {start} to {end} of {}", self.text.len());
            self.misread.set(true);
            ""
        })
    }

    /// Ends a run that takes too long.
    fn in_time(&self) -> Result<(), RedactError> {
        if Instant::now() > self.deadline { Err(RedactError::TooSlow) } else { Ok(()) }
    }

    /// The byte at an offset, 0 behind the end.
    fn byte(&self, at: usize) -> u8 {
        self.text.as_bytes().get(at).copied().unwrap_or(0)
    }
}

/// Replaces secrets. Cheap to share, holds no state between texts.
#[derive(Debug, Clone)]
pub struct Redactor {
    options: Options,
}

impl Redactor {
    /// An engine of these options.
    pub fn new(options: Options) -> Self {
        let options = Options { hint_chars: options.hint_chars.min(4), ..options };
        Redactor { options }
    }

    /// Redacts a file. `path` is its name on the host; `format` what the caller says it is, which adds rules to those
    /// of the name and takes none away.
    pub fn redact(&self, bytes: &[u8], path: Option<&str>, format: Option<Format>) -> Result<Redacted, RedactError> {
        self.redact_telling(bytes, path, format, &mut |_, _| {})
    }

    /// The same; `tell` gets every secret with its mark.
    pub(crate) fn redact_telling(
        &self,
        bytes: &[u8],
        path: Option<&str>,
        format: Option<Format>,
        tell: &mut dyn FnMut(&str, &str),
    ) -> Result<Redacted, RedactError> {
        if bytes.len() > self.options.size_max {
            return Err(RedactError::TooLarge(self.options.size_max));
        }
        let decoded = decode::decode(bytes)?;
        let format_detected = format.unwrap_or_else(|| Format::of_path(path));
        let (content, redactions) = self.run_with(&decoded.text, path, format_detected, Spans::default(), tell)?;
        let warnings = decoded.warning.into_iter().map(str::to_owned).collect();
        Ok(Redacted { content, format_detected, redactions, warnings })
    }

    /// The places of a file's secrets, in order, each with the mark that [`Self::redact`] puts there. Only for text that is
    /// UTF-8 as it stands, so that offsets are those of the file.
    pub(crate) fn secret_places(&self, bytes: &[u8], path: Option<&str>) -> Result<Vec<Place>, RedactError> {
        if bytes.len() > self.options.size_max {
            return Err(RedactError::TooLarge(self.options.size_max));
        }
        let text = decode::decode(bytes)?.text;
        if text.as_bytes() != bytes {
            return Err(RedactError::Binary);
        }
        let marks = Marks::find(&text, &self.options.key)?;
        let spans = self.spans(&text, &marks, path, Format::of_path(path))?;
        spans.marked(&text, &marks, &self.options.key, self.options.hint_chars)
    }

    /// True for a mark that this installation made.
    pub(crate) fn made(&self, mark: &str) -> bool {
        self.options.key.made(mark)
    }

    /// The mark that stands for a value.
    pub(crate) fn mark_of(&self, value: &str) -> Option<String> {
        self.options.key.mark(value, self.options.hint_chars).map(|(_, mark)| mark)
    }

    /// Redacts a piece of text: a log line, the arguments of a process, a unit file. When that fails, what comes back
    /// says so and holds nothing of the text.
    pub fn redact_text(&self, text: &str) -> String {
        if text.len() > self.options.size_max {
            return WITHHELD.to_owned();
        }
        self.run(text, None, Format::Generic).map_or_else(|_| WITHHELD.to_owned(), |(content, _)| content)
    }

    fn run(&self, text: &str, path: Option<&str>, format: Format) -> Result<(String, Vec<Record>), RedactError> {
        self.run_with(text, path, format, Spans::default(), &mut |_, _| {})
    }

    /// The same, with places that were found before.
    fn run_with(
        &self,
        text: &str,
        path: Option<&str>,
        format: Format,
        before: Spans,
        tell: &mut dyn FnMut(&str, &str),
    ) -> Result<(String, Vec<Record>), RedactError> {
        let marks = Marks::find(text, &self.options.key)?;
        let mut spans = self.spans(text, &marks, path, format)?;
        spans.append(before);
        spans.render(text, &marks, &self.options.key, self.options.hint_chars, tell)
    }

    /// Redacts a log: `source` tells of a line how many bytes stand in front of what was logged, and whose line it is. What one
    /// source logged is read as one text too, without what stands in front, so that a block of several lines is known.
    pub fn redact_log<'t>(&self, text: &'t str, source: impl Fn(&'t str) -> Option<(usize, &'t str)>) -> String {
        if text.len() > self.options.size_max {
            return WITHHELD.to_owned();
        }
        let mut sources: BTreeMap<&str, Vec<Range<usize>>> = BTreeMap::new();
        let (mut at, mut whose) = (0, "");
        for line in text.split_inclusive('\n') {
            // A line without its own front goes on with the one before.
            let front = source(line).map_or(0, |(front, of)| {
                whose = of;
                front.min(line.len())
            });
            // Many sources are read as one, so that the time stays that of a few readings.
            let whose = if sources.len() < SOURCES_MAX || sources.contains_key(whose) { whose } else { "" };
            sources.entry(whose).or_default().push(at + front..at + line.len());
            at += line.len();
        }
        let mut before = Spans::default();
        for ranges in sources.into_values() {
            let view = View::of_ranges(text, ranges);
            let found = Marks::find(&view.text, &self.options.key)
                .and_then(|marks| self.spans(&view.text, &marks, None, Format::Generic));
            match found {
                Ok(found) => before.append(view.places_in_text(found)),
                Err(_) => return WITHHELD.to_owned(),
            }
        }
        let ran = self.run_with(text, None, Format::Generic, before, &mut |_, _| {});
        ran.map_or_else(|_| WITHHELD.to_owned(), |(content, _)| content)
    }

    /// What is a secret in the text as it stands, and as it shows: a colour may stand between a name and its value, and whoever
    /// reads the text later does not see it.
    fn spans(&self, text: &str, marks: &Marks, path: Option<&str>, format: Format) -> Result<Spans, RedactError> {
        let mut spans = self.spans_of(text, marks, path, format)?;
        if let Some(view) = View::without_hidden(text) {
            let marks = Marks::find(&view.text, &self.options.key)?;
            spans.append(view.places_in_text(self.spans_of(&view.text, &marks, path, format)?));
        }
        Ok(spans)
    }

    /// Runs all detectors.
    fn spans_of(&self, text: &str, marks: &Marks, path: Option<&str>, format: Format) -> Result<Spans, RedactError> {
        let filled = marks.filled(text);
        let misread = Cell::new(false);
        let doc = Doc {
            text: &filled,
            rules: &self.options.rules,
            format,
            file_name: formats::file_name(path),
            entropy: self.options.entropy,
            deadline: Instant::now() + BUDGET,
            misread: &misread,
        };
        let mut spans = Spans::default();
        spans.read(doc.text);
        let public = pem::find(&doc, &mut spans)?;
        formats::find(&doc, &mut spans)?;
        urls::find(&doc, &mut spans)?;
        flags::find(&doc, &mut spans)?;
        commands::find(&doc, &mut spans)?;
        if let Some(hard) = formats::context::with_hard_line_ends(doc.text) {
            spans.read(&hard);
            formats::find(&Doc { text: &hard, file_name: doc.file_name.clone(), ..doc }, &mut spans)?;
        }
        if let Some(decoded) = formats::escaped::with_names_decoded(doc.text, doc.rules) {
            let mut named = Spans::default();
            formats::find(&Doc { text: &decoded, file_name: doc.file_name.clone(), ..doc }, &mut named)?;
            // The names do not stand in the content as they were read.
            spans.append(named.without_names());
        }
        // Shapes are looked for beside the marks and not in what stands for them.
        let doc = Doc { text, file_name: String::new(), ..doc };
        spans.read(text);
        tokens::find(&doc, &mut spans)?;
        if doc.entropy {
            entropy::find(&doc, &public, &mut spans)?;
        }
        if misread.get() {
            return Err(RedactError::Internal);
        }
        Ok(spans)
    }
}
