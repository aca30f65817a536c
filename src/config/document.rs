//! A TOML file while it is read: where things stand in it, and what is wrong with it.

use std::path::Path;

use super::fault::{Fault, Faults, Warning};
use super::nearest::nearest;

/// Where a value stands: its table and key as written in the file, and its line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Place {
    /// The table and key, between dots.
    pub(super) name: String,
    /// Counted from 1.
    pub(super) line: usize,
}

impl Place {
    /// A table.
    pub(super) fn table(name: impl Into<String>, line: usize) -> Self {
        Place { name: name.into(), line }
    }

    /// A key of this table.
    pub(super) fn key(&self, key: &str, line: usize) -> Self {
        Place { name: format!("{}.{key}", self.name), line }
    }
}

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) place: Place,
}

/// A file and the faults found in it.
pub(super) struct Document<'a> {
    file: &'a Path,
    /// Offsets of the line ends.
    ends: Vec<usize>,
    faults: Vec<Fault>,
    warnings: Vec<Warning>,
}

impl<'a> Document<'a> {
    pub(super) fn new(file: &'a Path, text: &str) -> Self {
        Document {
            file,
            ends: text.match_indices('\n').map(|(at, _)| at).collect(),
            faults: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// The line, from 1, that holds a byte.
    pub(super) fn line(&self, offset: usize) -> usize {
        self.ends.partition_point(|end| *end < offset) + 1
    }

    /// Notes a fault, once for each place and text.
    pub(super) fn fault(&mut self, place: &Place, what: impl Into<String>) {
        let fault = Fault::variable(place.name.clone(), what).at(self.file, place.line);
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }

    /// Notes a fault that stands at a line rather than at a key.
    pub(super) fn fault_at(&mut self, line: usize, what: impl Into<String>) {
        self.faults.push(Fault::file(self.file, what).at(self.file, line));
    }

    /// Notes a key that is not known, with the nearest that is, or all of them.
    pub(super) fn unknown_key<'k>(
        &mut self,
        at: &Place,
        key: &str,
        line: usize,
        known: impl Iterator<Item = &'k str> + Clone,
    ) {
        let what = match nearest(key, known.clone()) {
            Some(near) => format!("is not a known key; did you mean `{near}`?"),
            None => format!("is not a known key; known: {}", known.collect::<Vec<_>>().join(", ")),
        };
        self.fault(&at.key(key, line), what);
    }

    /// Notes something to tell the operator, once.
    pub(super) fn warn(&mut self, place: &Place, what: impl Into<String>) {
        let warning = Warning::warn(Fault::variable(place.name.clone(), what).at(self.file, place.line).to_string());
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// What was read and the warnings, or the faults in the order of the file.
    pub(super) fn finish<T>(mut self, read: T) -> Result<(T, Vec<Warning>), Faults> {
        self.faults.sort_by_key(|f| f.line);
        Faults::of(self.faults)?;
        Ok((read, self.warnings))
    }
}
