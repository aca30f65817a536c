//! Where audit lines go: to the log on stderr always, and to the audit file where one is named.

use super::TARGET;
use super::chain::{AuditError, ChainFile, event};
use super::record::{Fields, render};
use crate::model::lock::LockAlways as _;
use serde_json::json;
use std::collections::VecDeque;
use std::path::Path;
use std::sync::Mutex;

/// Lines kept while the file fails, to be written when it works again. Further ones are counted.
const PENDING_MAX: usize = 1000;

#[derive(Debug)]
pub(super) struct Sink {
    file: Option<Mutex<FileSink>>,
}

#[derive(Debug)]
struct FileSink {
    chain: ChainFile,
    pending: VecDeque<Fields>,
    lost: u64,
}

impl Sink {
    pub(super) fn open(path: Option<&Path>) -> Result<Self, AuditError> {
        let Some(path) = path else {
            return Ok(Sink { file: None });
        };
        let mut chain = ChainFile::new(path);
        chain.ready()?;
        Ok(Sink { file: Some(Mutex::new(FileSink { chain, pending: VecDeque::new(), lost: 0 })) })
    }

    /// Fails when the next line could not be written to the file.
    pub(super) fn ready(&self) -> Result<(), AuditError> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        let mut file = file.lock_always();
        file.catch_up()?;
        file.chain.ready()
    }

    /// Writes one line everywhere. An error is the file's; the line is on stderr in any case.
    pub(super) fn write(&self, fields: Fields) -> Result<(), AuditError> {
        let Some(file) = &self.file else {
            emit(&render(&fields));
            return Ok(());
        };
        let mut file = file.lock_always();
        match file.append(&fields) {
            Ok(line) => {
                emit(&line);
                Ok(())
            }
            Err(error) => {
                emit(&render(&fields));
                if file.pending.is_empty() {
                    let path = file.chain.path().display().to_string();
                    tracing::error!(%path, %error, "the audit file fails; calls that change anything are refused until it works");
                }
                if file.pending.len() < PENDING_MAX {
                    file.pending.push_back(fields);
                } else {
                    file.lost += 1;
                }
                Err(error)
            }
        }
    }
}

impl FileSink {
    fn append(&mut self, fields: &Fields) -> Result<String, AuditError> {
        self.catch_up()?;
        self.chain.append(fields)
    }

    /// Writes what waited while the file failed.
    fn catch_up(&mut self) -> Result<(), AuditError> {
        while let Some(fields) = self.pending.front() {
            self.chain.append(fields)?;
            self.pending.pop_front();
        }
        if self.lost > 0 {
            let mut fields = event("lost");
            fields.insert("lines", json!(self.lost));
            self.chain.append(&fields)?;
            self.lost = 0;
        }
        Ok(())
    }
}

fn emit(line: &str) {
    tracing::info!(target: TARGET, "{line}");
}
