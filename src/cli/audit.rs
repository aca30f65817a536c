//! `ssh-mcp audit`: is the trail whole, and what does it say.

use crate::audit::query::{self, Filter};
use crate::audit::verify::{End, verify};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Map, Value};
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

/// Look into an audit file.
#[derive(Debug, Args)]
pub(super) struct AuditArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Check the hash chain and name the first line that was changed, removed or added.
    Verify {
        /// The files of one trail, the oldest first: rotated ones, then SSH_AUDIT_FILE.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Also require that the last line has this SHA-256, kept elsewhere earlier.
        #[arg(long, value_name = "SHA256")]
        head: Option<String>,
    },
    /// Show the lines that match.
    Query(QueryArgs),
}

#[derive(Debug, Args)]
struct QueryArgs {
    /// The files of one trail, the oldest first.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// From this time on: 2030-05-31, 2030-05-31T12:00:00Z, Unix seconds, or 15m, 2h, 7d ago.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Before this time.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Tools, as a pattern such as `ssh_sudo_*`.
    #[arg(long, value_name = "PATTERN")]
    tool: Option<String>,
    /// Hosts, as a pattern such as `prod-*`.
    #[arg(long, value_name = "PATTERN")]
    host: Option<String>,
    /// `ok`, `error`, or an error's name.
    #[arg(long)]
    result: Option<String>,
    /// The call with this correlation id.
    #[arg(long = "id", value_name = "CORRELATION_ID")]
    id: Option<String>,
    /// How to print.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// One aligned line a call.
    Table,
    /// The audit lines, one JSON object each.
    Json,
}

/// Runs the subcommand and writes to `out`. `Ok(false)` means that the trail is not whole; an error is one line for
/// the operator.
pub(super) fn run(args: AuditArgs, out: &mut impl Write) -> Result<bool, String> {
    match args.what {
        What::Verify { files, head } => {
            let report = verify(&files).map_err(|error| error.to_string())?;
            let whole = print_report(&report, head.as_deref(), out);
            // A reader that has seen enough is not a failure.
            whole.or_else(
                |error| if error.kind() == io::ErrorKind::BrokenPipe { Ok(true) } else { Err(error.to_string()) },
            )
        }
        What::Query(args) => {
            let filter = filter_of(&args)?;
            let mut table = false;
            let printed = query::query(&args.files, &filter, |line, written| match args.format {
                Format::Json => out.write_all(written).and_then(|()| out.write_all(b"\n")),
                Format::Table => {
                    if !std::mem::replace(&mut table, true) {
                        writeln!(out, "{:<20} {:<28} {:<20} {:<22} {:>8} ID", "TIME", "TOOL", "HOST", "RESULT", "MS")?;
                    }
                    print_row(line, out)
                }
            });
            match printed {
                Err(crate::audit::AuditError::Io { source, .. }) if source.kind() == io::ErrorKind::BrokenPipe => {
                    Ok(true)
                }
                Err(error) => Err(error.to_string()),
                Ok(()) => Ok(true),
            }
        }
    }
}

fn print_report(report: &crate::audit::verify::Report, head: Option<&str>, out: &mut impl Write) -> io::Result<bool> {
    for fault in &report.faults {
        writeln!(out, "{fault}")?;
    }
    let last = report.last.as_ref();
    let agrees = head.is_none_or(|want| last.is_some_and(|(_, hash)| hash.eq_ignore_ascii_case(want)));
    if !agrees {
        writeln!(out, "the last line does not have the given digest")?;
    }
    let whole = report.is_whole() && agrees;
    let lines = report.lines;
    writeln!(out, "{}: {lines} lines read", if whole { "whole" } else { "NOT WHOLE" })?;
    if let Some((seq, hash)) = last {
        writeln!(out, "last line: number {seq}, SHA-256 {hash}")?;
    }
    if let Some(first) = report.first.filter(|first| *first > 1) {
        writeln!(out, "begins in the middle of the chain, at number {first}: what came before was not checked")?;
    }
    if let Some(prev) = &report.continues {
        writeln!(out, "continues an earlier file that ends with SHA-256 {prev}; name that one first to check it too")?;
    }
    if report.torn > 0 {
        writeln!(out, "{} lines were cut in writing, and marked by the server", report.torn)?;
    }
    if report.end == End::Unchecked && head.is_none() {
        writeln!(out, "no .head file lies beside it: lines missing at the end would not be noticed")?;
    }
    Ok(whole)
}

fn filter_of(args: &QueryArgs) -> Result<Filter, String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let time = |given: &Option<String>| given.as_deref().map(|text| query::time(text, now)).transpose();
    let pattern = |given: &Option<String>| given.as_deref().map(query::pattern).transpose();
    Ok(Filter {
        since: time(&args.since)?,
        until: time(&args.until)?,
        tool: pattern(&args.tool)?,
        host: pattern(&args.host)?,
        result: args.result.clone(),
        correlation_id: args.id.clone(),
    })
}

fn print_row(line: &Map<String, Value>, out: &mut impl Write) -> io::Result<()> {
    let text = |key: &str| line.get(key).and_then(Value::as_str);
    let ts = line.get("ts").and_then(Value::as_f64).unwrap_or_default();
    let time = jiff::Timestamp::from_second(ts as i64).map_or_else(|_| ts.to_string(), |stamp| stamp.to_string());
    // Lines of a file that someone changed may hold anything.
    let shown = |text: &str| text.escape_debug().to_string();
    if let Some(event) = text("event") {
        return writeln!(out, "{time:<20} ({})", shown(event));
    }
    writeln!(
        out,
        "{time:<20} {:<28} {:<20} {:<22} {:>8} {}",
        shown(text("tool").unwrap_or("?")),
        shown(text("host").unwrap_or("?")),
        shown(text("error").or(text("result")).unwrap_or("?")),
        line.get("duration_ms").and_then(Value::as_u64).unwrap_or_default(),
        shown(text("correlation_id").unwrap_or("?")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Audit, HashKey, Opening};
    use crate::model::error::{ErrorName, ToolError};
    use crate::model::tier::Tier;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: AuditArgs,
    }

    fn ran(words: &[&str]) -> (Result<bool, String>, String) {
        let args = Line::try_parse_from([&["audit"], words].concat()).unwrap().args;
        let mut out = Vec::new();
        (run(args, &mut out), String::from_utf8(out).unwrap())
    }

    #[test]
    fn verify_and_query_a_real_trail() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.jsonl");
        let audit = Audit::open(HashKey::derive(b"k"), Some(&path)).unwrap();
        audit.started("startup", "hosts").unwrap();
        let opening =
            |tool: &str, host: &str| Opening { tool: tool.into(), tier: Some(Tier::Read), hosts: vec![host.into()] };
        audit.journal(opening("ssh_exec", "prod-web1")).close(Ok(()));
        let error = ToolError::new(ErrorName::PathRestricted, "x", "y");
        let refused = audit.journal(opening("ssh_upload", "prod-db1")).close(Err(&error));
        let file = path.to_str().unwrap();

        let (whole, text) = ran(&["verify", file]);
        assert_eq!(whole, Ok(true), "{text}");
        assert!(text.contains("whole: 3 lines"), "{text}");
        let digest = text.split("SHA-256 ").nth(1).unwrap().trim().to_owned();
        assert_eq!(ran(&["verify", file, "--head", &digest]).0, Ok(true));
        assert_eq!(ran(&["verify", file, "--head", "00"]).0, Ok(false));

        let rows = |words: &[&str]| {
            let (_, text) = ran(&[&["query", file][..], words].concat());
            text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(rows(&[]).len(), 3);
        assert_eq!(rows(&["--since", "1h", "--tool", "ssh_*"]).len(), 2);
        assert_eq!(rows(&["--until", "1h"]).len(), 0);
        assert_eq!(rows(&["--result", "ok"]).len(), 1);
        for words in [["--host", "*db*"], ["--result", "PathRestricted"], ["--id", refused.correlation_id()]] {
            let rows = rows(&words);
            assert!(rows.len() == 1 && rows[0].contains("prod-db1") && rows[0].contains("PathRestricted"), "{rows:?}");
        }
        let (_, json) = ran(&["query", file, "--format", "json"]);
        assert_eq!(json, std::fs::read_to_string(&path).unwrap());
        assert!(ran(&["query", file, "--since", "soon"]).0.unwrap_err().contains("is not a time"));

        let text = std::fs::read_to_string(&path).unwrap().replace("prod-web1", "prod-web2");
        std::fs::write(&path, text).unwrap();
        let (whole, text) = ran(&["verify", file]);
        assert!(whole == Ok(false) && text.contains("line 2 was changed") && text.contains("NOT WHOLE"), "{text}");
    }
}
