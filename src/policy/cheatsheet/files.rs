//! Rows for files: reading, listing, writing, editing, moving and removing.

use serde_json::{Map, Value, json};

use super::{Call, Match, RunsAs, Seen, arguments, is_sink, operands, text_of};
use crate::policy::shell::{self, Op, Redirect, Word};

/// Programs that show one file, with the options that take a value.
const READERS: &[(&str, &str)] = &[
    ("cat", ""),
    ("head", "nc"),
    ("tail", "ncs"),
    ("less", "bhjkoOpPtTxyz"),
    ("more", "n"),
    ("view", "cTuwWi"),
    ("xxd", "cglos"),
    ("od", "AjNStw"),
    ("strings", "netTsU"),
    ("wc", ""),
];
const READERS_LONG: &[&str] =
    &["--lines", "--bytes", "--pid", "--sleep-interval", "--address-radix", "--skip-bytes", "--read-bytes", "--format"];
/// Programs that search or filter; which of their words is a file is theirs to know.
const FILTERS: &[&str] = &["awk", "sed", "grep", "file"];
const EDITORS: &[&str] = &["vi", "vim", "nano", "emacs", "ed"];

/// sudo-read-single, read-single and read-ambiguous.
pub(super) fn read(seen: &Seen<'_>, call: &Call<'_>, runs_as: RunsAs) -> Option<Match> {
    if !seen.alone || !call.is_plain() {
        return None;
    }
    if FILTERS.contains(&call.program) {
        let last = call.args.last()?;
        let path = (last.text.starts_with('/') && last.is_literal()).then(|| last.text.clone());
        return Some(reading(
            seen,
            runs_as,
            "read-ambiguous",
            path.as_deref(),
            &format!(
                "`{}` on a file is done on its content here: ssh_read_redacted shows it without secrets, ssh_find finds \
             files by name, ssh_edit changes text.",
                call.program
            ),
        ));
    }
    let (_, short) = READERS.iter().find(|(name, _)| *name == call.program)?;
    let paths = call.operands(short, READERS_LONG);
    match paths.as_slice() {
        [path] if !path.pattern && path.text != "-" && !path.text.is_empty() => {
            let why = format!("`{}` of one file is a download here.", call.program);
            Some(reading(seen, runs_as, "read-single", Some(&path.text), &why))
        }
        _ => None,
    }
}

fn reading(seen: &Seen<'_>, runs_as: RunsAs, pattern_id: &'static str, path: Option<&str>, why: &str) -> Match {
    let redacted = path.is_some_and(|path| (seen.redact_lists)(path));
    let (pattern_id, tool) = match (runs_as, redacted) {
        (RunsAs::LoginUser, false) => (pattern_id, "ssh_sftp_download"),
        (RunsAs::LoginUser, true) => (pattern_id, "ssh_read_redacted"),
        (RunsAs::Root, false) => ("sudo-read-single", "ssh_sudo_read"),
        (RunsAs::Root, true) => ("sudo-read-single", "ssh_sudo_read_redacted"),
    };
    Match::new(pattern_id, tool, arguments([("path", path.map(|p| json!(p)))]), why)
}

/// sudo-list-single and list-single.
pub(super) fn list(seen: &Seen<'_>, call: &Call<'_>, runs_as: RunsAs) -> Option<Match> {
    if !seen.alone || !call.is_plain() || call.program != "ls" {
        return None;
    }
    let paths = call.operands("ITw", &["--ignore", "--hide", "--width", "--tabsize"]);
    let [path] = paths.as_slice() else { return None };
    if path.pattern {
        return None;
    }
    let (pattern_id, tool) = match runs_as {
        RunsAs::LoginUser => ("list-single", "ssh_sftp_list"),
        RunsAs::Root => ("sudo-list-single", "ssh_sudo_sftp_list"),
    };
    Some(Match::new(
        pattern_id,
        tool,
        arguments([("path", Some(text_of(path)))]),
        "Folders are listed by a tool of their own.",
    ))
}

/// sudo-write-single: `tee FILE` alone, or `sh -c 'cat > FILE'`.
pub(super) fn write_as_root(seen: &Seen<'_>, call: &Call<'_>) -> Option<Match> {
    let why = "Files are written as root by a tool of their own, atomically.";
    if call.program == "tee" && seen.alone {
        let [path] = call.operands("", &[])[..] else { return None };
        return Some(Match::new(
            "sudo-write-single",
            "ssh_sudo_write",
            arguments([("path", Some(text_of(path)))]),
            why,
        ));
    }
    if !matches!(call.program, "sh" | "bash" | "dash") {
        return None;
    }
    let (option, body) = (call.args.first()?, call.args.get(1)?);
    if option.text != "-c" || !body.quoted {
        return None;
    }
    let script = shell::read(&body.text);
    let first = script.commands.first()?;
    if first.words.first()?.text != "cat" {
        return None;
    }
    let target = first.redirects.iter().find(|r| writes_file(r))?;
    Some(Match::new("sudo-write-single", "ssh_sudo_write", arguments([("path", Some(text_of(&target.target)))]), why))
}

/// sudo-edit-single.
pub(super) fn edit_as_root(seen: &Seen<'_>, call: &Call<'_>) -> Option<Match> {
    if !seen.alone || !EDITORS.contains(&call.program) {
        return None;
    }
    let paths = call.operands("cTuwWip", &[]);
    let [path] = paths.as_slice() else { return None };
    let why = "There is no terminal for an editor; text is replaced by a tool. Give `old_string` and `new_string` too.";
    Some(Match::new("sudo-edit-single", "ssh_sudo_edit", arguments([("path", Some(text_of(path)))]), why))
}

/// heredoc: `echo` or `printf` into a file at the start (with `call`); `tee FILE` and here-documents anywhere.
pub(super) fn here_document(seen: &Seen<'_>, call: Option<&Call<'_>>, runs_as: RunsAs) -> Option<Match> {
    if let Some(call) = call {
        if !matches!(call.program, "echo" | "printf") {
            return None;
        }
        let target = call.command.redirects.iter().find(|r| writes_file(r))?;
        return Some(upload("heredoc", &target.target, seen.alone.then(|| echoed(call)).flatten(), runs_as));
    }
    for command in seen.commands {
        let call = Call::of(command, &command.words);
        let inner = call.as_ref().map(Call::without_sudo);
        let root = if call.as_ref().is_some_and(|c| c.program == "sudo") { RunsAs::Root } else { runs_as };
        let document = command.redirects.iter().find(|r| r.op == Op::HereDocument);
        let content =
            || document.filter(|r| r.target.quoted || !r.body.as_deref().unwrap_or("").contains(['$', '`', '\\']));
        let content = || content().and_then(|r| r.body.clone());
        let tee = inner.as_ref().filter(|c| c.program == "tee");
        if let Some(path) = tee.and_then(|tee| operands(tee.args, "", &[]).first().copied()) {
            return Some(upload("heredoc", path, content(), root));
        }
        if document.is_some() {
            // The calling shell opens the file, so it is written as the user of the call, sudo or not.
            if let Some(target) = command.redirects.iter().find(|r| writes_file(r)) {
                return Some(upload("heredoc", &target.target, content(), runs_as));
            }
            let script = match (&inner, content()) {
                (Some(c), Some(body)) if matches!(c.program, "sh" | "bash" | "dash") => body,
                _ => seen.text.to_owned(),
            };
            let tool = match root {
                RunsAs::LoginUser => "ssh_exec_script",
                RunsAs::Root => "ssh_sudo_run_script",
            };
            let why = "Input of several lines is sent as a script; content for a file goes with ssh_upload.";
            return Some(Match::new("heredoc", tool, arguments([("script", Some(json!(script)))]), why));
        }
    }
    None
}

/// output-redirect: `>` into a file, anywhere.
pub(super) fn output(seen: &Seen<'_>, runs_as: RunsAs) -> Option<Match> {
    let target = seen.commands.iter().flat_map(|c| &c.redirects).find(|r| r.fd.is_none() && writes_file(r))?;
    Some(upload("output-redirect", &target.target, None, runs_as))
}

fn upload(pattern_id: &'static str, path: &Word, content: Option<String>, runs_as: RunsAs) -> Match {
    let tool = match runs_as {
        RunsAs::LoginUser => "ssh_upload",
        RunsAs::Root => "ssh_sudo_write",
    };
    let pairs = [("path", Some(text_of(path))), ("content_text", content.map(Value::String))];
    let why = "Files are written by a tool that does it atomically and minds the path policy.";
    Match::new(pattern_id, tool, arguments(pairs), why)
}

fn writes_file(redirect: &Redirect) -> bool {
    redirect.op == Op::Write
        && redirect.fd.as_deref().is_none_or(|fd| fd == "1")
        && !is_sink(&redirect.target.text)
        && !redirect.target.text.is_empty()
}

/// What a plain `echo` writes; `None` where the shell has a say in it.
fn echoed(call: &Call<'_>) -> Option<String> {
    let plain = |w: &Word| w.is_literal() && !w.text.contains('\\');
    if call.program != "echo" || !call.args.iter().all(plain) || call.args.first()?.text.starts_with('-') {
        return None;
    }
    let words: Vec<&str> = call.args.iter().map(|w| w.text.as_str()).collect();
    Some(format!("{}\n", words.join(" ")))
}

/// single-fileop.
pub(super) fn single_change(seen: &Seen<'_>, call: &Call<'_>) -> Option<Match> {
    if !seen.alone || call.args.is_empty() {
        return None;
    }
    let found = |tool, pairs: Map<String, Value>, why: &str| Some(Match::new("single-fileop", tool, pairs, why));
    let first = |words: &[&Word]| words.first().map(|w| text_of(w));
    match call.program {
        "mkdir" => {
            let paths = call.operands("m", &["--mode"]);
            let parents = call.has(&['p'], "--parents").then_some(json!(true));
            let pairs = arguments([("path", first(&paths)), ("parents", parents)]);
            found("ssh_mkdir", pairs, "Folders are made by a tool, one for each call.")
        }
        "cp" | "mv" => {
            let paths = call.operands("tS", &["--target-directory", "--suffix"]);
            let pairs = arguments([("src", first(&paths)), ("dst", paths.get(1).map(|w| text_of(w)))]);
            let tool = if call.program == "cp" { "ssh_cp" } else { "ssh_mv" };
            found(tool, pairs, "Copying and moving on one host have tools, one pair of paths for each call.")
        }
        "rm" => {
            let paths = call.operands("", &[]);
            if call.has(&['r', 'R'], "--recursive") {
                let pairs = arguments([("path", first(&paths)), ("recursive", Some(json!(true)))]);
                return found(
                    "ssh_delete_folder",
                    pairs,
                    "Folders are removed by a tool, which can show what would go.",
                );
            }
            found("ssh_delete", arguments([("path", first(&paths))]), "Files are removed by a tool, one for each call.")
        }
        _ => None,
    }
}
