//! `ssh-mcp demo`: a readable session of a model's kind, against a private sshd, with every fact checked.
//!
//! This process is the MCP client; the server is a second process of the same program on a pipe. Nothing of the
//! user's own configuration, keys or hosts is read or changed.

mod target;

use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};

use self::target::{ALIASES, SECRET, Target};
use super::client::Client;
use super::terminal::{Paint, print};
use crate::audit::verify::verify;
use crate::redact::clean::clean;

/// Lines shown of one answer.
const SHOWN: usize = 12;

/// Characters in one line of it.
const WIDTH: usize = 110;

/// Sets up, walks, cleans up. 0 when every fact was as it must be.
pub(super) async fn demo() -> ExitCode {
    let outcome = whole().await;
    match outcome {
        Ok(facts) => {
            print(&format!("\n{facts} facts checked, nothing left behind.\n"));
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("ssh-mcp demo: {why}");
            ExitCode::FAILURE
        }
    }
}

async fn whole() -> Result<usize, String> {
    let target = Target::start().await?;
    let walked = session(&target).await;
    let log = std::fs::read_to_string(target.path("server.log")).unwrap_or_default();
    let stopped = target.stop().await;
    match walked {
        Ok(facts) => stopped.map(|()| facts),
        Err(why) => Err(format!("{why}\nlast lines of the server's log:\n{}", last_lines(&log, 15))),
    }
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(count)..).unwrap_or_default().join("\n")
}

async fn session(target: &Target) -> Result<usize, String> {
    let paint = Paint::stdout();
    print(&format!(
        "{}\nOne sshd on 127.0.0.1:{} stands for three hosts. hosts.toml grants one folder, closes one below it, reads \n\
         .env files only redacted, and lists three programs: hostname, sleep and pgrep.\n",
        paint.strong("ssh-mcp demo"),
        target.port
    ));
    let client = Client::start(target.server()?).await?;
    let server = client.server.get("version").and_then(Value::as_str).unwrap_or("?").to_owned();
    print(&format!("The server runs as process {}, version {server}, on a pipe.\n", client.pid().unwrap_or_default()));
    let mut walk = Walk { client, paint, steps: 0, facts: 0 };
    let mut term = signal(SignalKind::terminate()).map_err(|e| e.to_string())?;
    let walked = tokio::select! {
        walked = steps(&mut walk, target) => walked,
        _ = tokio::signal::ctrl_c() => Err("interrupted".to_owned()),
        _ = term.recv() => Err("terminated".to_owned()),
    };
    let facts = walk.facts;
    // Whatever happened: the server closes its connections when its client goes.
    let ended = walk.client.finish().await;
    walked?;
    let status = ended?;
    if !status.success() {
        return Err(format!("the server ended with {status}"));
    }
    Ok(facts + audit(target, paint)?)
}

/// The session itself.
async fn steps(walk: &mut Walk, target: &Target) -> Result<(), String> {
    let host = ALIASES.first().copied().unwrap_or_default();
    let srv = target.remote("srv");

    let answer =
        walk.call("Is the host there, and is it the right one?", "ssh_host_ping", json!({"host": host})).await?;
    walk.fact("the login works", answer.at("/auth_ok") == json!(true))?;
    walk.fact("the pinned host key is the daemon's", answer.at("/known_host_fingerprint") == target.fingerprint)?;

    let answer = walk.call("What is it?", "ssh_host_info", json!({"host": host})).await?;
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    walk.fact("the kernel is this machine's", answer.text_at("/uname").contains(kernel.trim()))?;

    let answer = walk.call("What is in the folder?", "ssh_sftp_list", json!({"host": host, "path": srv})).await?;
    walk.fact("site.conf is listed", answer.body.to_string().contains("\"site.conf\""))?;

    let args = json!({"host": host, "path": srv, "name_pattern": "*.log"});
    let answer = walk.call("Where are the logs?", "ssh_find", args).await?;
    let matches = answer.at("/matches").as_array().map_or(0, Vec::len);
    walk.fact("two files are found", matches == 2)?;

    let args = json!({"host": host, "path": target.remote("srv/site.conf"), "as_text": true});
    let answer = walk.call("Read a configuration file", "ssh_sftp_download", args).await?;
    walk.fact("the text is the file's", answer.text_at("/content_text").contains("listen 8080;"))?;

    let env = json!({"host": host, "path": target.remote("srv/.env")});
    let answer = walk.call("Read a file with a password in it", "ssh_read_redacted", env.clone()).await?;
    let content = answer.text_at("/content");
    walk.fact("what is not secret is readable", content.contains("DB_HOST=db.internal"))?;
    walk.fact("the password is not in the answer", !answer.whole.contains(SECRET))?;
    walk.refused("The same file raw", "ssh_sftp_download", env, "RedactBypassBlocked").await?;

    let outside = json!({"host": host, "path": "/etc/passwd"});
    walk.refused("A path outside of the grant", "ssh_sftp_download", outside, "PathNotAllowed").await?;
    let closed = json!({"host": host, "path": target.remote("srv/private/notes.txt")});
    walk.refused("A path in the closed folder", "ssh_sftp_download", closed, "PathRestricted").await?;
    let sneaky = json!({"host": host, "command": "hostname; id"});
    walk.refused("A second command behind an allowed one", "ssh_exec_run", sneaky, "CommandNotAllowed").await?;

    stopped(walk, host).await?;

    let args = json!({"hosts": ALIASES, "command": "hostname"});
    let answer = walk.call("One command on three hosts", "ssh_broadcast", args).await?;
    let succeeded = answer.at("/succeeded").as_array().map_or(0, Vec::len);
    walk.fact("all three answered", succeeded == ALIASES.len())
}

/// A command that outlives its limit: seen on the host while it runs, and gone afterwards.
async fn stopped(walk: &mut Walk, host: &str) -> Result<(), String> {
    // Nobody else sleeps exactly as long, so that it can be told apart on the host.
    let sleep = format!("sleep 300.{}", std::process::id());
    let look = json!({"host": host, "command": format!("pgrep -x -f '{sleep}'")});
    let args = json!({"host": host, "command": sleep, "timeout": 2});
    walk.title("A command that takes too long", "ssh_exec_run", &args);
    let running = walk.client.send("tools/call", json!({"name": "ssh_exec_run", "arguments": args})).await?;
    tokio::time::sleep(Duration::from_millis(800)).await;
    let seen = Answer::of(&walk.ask("ssh_exec_run", look.clone()).await?);
    Walk::say(&format!("meanwhile, pgrep on the host: {}", seen.text_at("/stdout").trim()));
    walk.fact("pgrep sees it while it runs", seen.at("/exit_code") == json!(0))?;
    let ended = Answer::of(&walk.client.answer(running).await?);
    Walk::show(&ended);
    walk.fact("the limit was reached", ended.at("/timed_out") == json!(true))?;
    walk.fact("the host confirms that it was stopped", ended.at("/stop") == json!("stopped"))?;
    let answer = walk.call("Is anything left of it?", "ssh_exec_run", look).await?;
    walk.fact("pgrep finds nothing", answer.at("/exit_code") == json!(1) && answer.text_at("/stdout").is_empty())
}

/// What the operator sees of it all.
fn audit(target: &Target, paint: Paint) -> Result<usize, String> {
    let file = target.path("audit.jsonl");
    let text = std::fs::read_to_string(&file).map_err(|e| format!("the audit file: {e}"))?;
    print(&format!("\n{}\n", paint.strong("The audit trail, one line for each call and host")));
    for line in text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let of = |key: &str| line.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        if of("tool").is_empty() {
            continue;
        }
        let result = if of("error").is_empty() { of("result") } else { of("error") };
        let ms = line.get("duration_ms").and_then(Value::as_u64).unwrap_or_default();
        print(&format!("   {:<18} {:<6} {result:<20} {ms:>5} ms  {}\n", of("tool"), of("host"), of("correlation_id")));
    }
    if let Some(line) = text.lines().last() {
        print(&format!("   as written: {line}\n"));
    }
    let report = verify(&[file]).map_err(|e| e.to_string())?;
    if !report.is_whole() {
        return Err("the chain of audit lines is broken".to_owned());
    }
    for private in [SECRET, "site.conf", "hostname; id"] {
        if text.contains(private) {
            return Err(format!("the audit file holds `{private}`"));
        }
    }
    let facts = ["the chain of its lines is whole", "no path, command or secret is in it"];
    for fact in facts {
        print(&format!("   {} {fact}\n", paint.good("ok")));
    }
    Ok(facts.len())
}

/// The session so far.
struct Walk {
    client: Client,
    paint: Paint,
    steps: usize,
    facts: usize,
}

impl Walk {
    fn title(&mut self, title: &str, tool: &str, args: &Value) {
        self.steps += 1;
        print(&format!("\n{}\n", self.paint.strong(&format!("{}. {title}", self.steps))));
        print(&format!("   -> {tool} {args}\n"));
    }

    fn say(text: &str) {
        print(&format!("   {text}\n"));
    }

    fn show(answer: &Answer) {
        let text = clean(&answer.text).text.into_owned();
        let lines: Vec<String> = text.lines().flat_map(wrapped).collect();
        for line in lines.iter().take(SHOWN) {
            Self::say(&format!("| {line}"));
        }
        if lines.len() > SHOWN {
            Self::say("| ...");
        }
    }

    async fn ask(&mut self, tool: &str, args: Value) -> Result<Value, String> {
        self.client.ask("tools/call", json!({"name": tool, "arguments": args})).await
    }

    /// A call that has to succeed.
    async fn call(&mut self, title: &str, tool: &str, args: Value) -> Result<Answer, String> {
        self.title(title, tool, &args);
        let answer = Answer::of(&self.ask(tool, args).await?);
        Self::show(&answer);
        if answer.is_error { Err(format!("{tool} failed: {}", answer.text)) } else { Ok(answer) }
    }

    /// A call that has to be refused by this name.
    async fn refused(&mut self, title: &str, tool: &str, args: Value, name: &str) -> Result<(), String> {
        self.title(title, tool, &args);
        let answer = Answer::of(&self.ask(tool, args).await?);
        Self::show(&answer);
        self.fact(&format!("refused with {name}"), answer.is_error && answer.text.contains(name))
    }

    fn fact(&mut self, fact: &str, holds: bool) -> Result<(), String> {
        if !holds {
            return Err(format!("not so: {fact}"));
        }
        self.facts += 1;
        Self::say(&format!("{} {fact}", self.paint.good("ok")));
        Ok(())
    }
}

/// A line in pieces of [`WIDTH`] characters, between words.
fn wrapped(line: &str) -> Vec<String> {
    let mut rows = vec![String::new()];
    for word in line.split_inclusive(' ') {
        let room = rows.last().map_or(0, |row| WIDTH.saturating_sub(row.chars().count()));
        if word.trim_end().chars().count() > room && room < WIDTH {
            rows.push("  ".to_owned());
        }
        if let Some(row) = rows.last_mut() {
            row.push_str(word);
        }
    }
    rows
}

/// What a call answered.
struct Answer {
    is_error: bool,
    text: String,
    body: Value,
    whole: String,
}

impl Answer {
    fn of(result: &Value) -> Self {
        let text = result.pointer("/content/0/text").and_then(Value::as_str).unwrap_or_default().to_owned();
        Answer {
            is_error: result.get("isError") == Some(&json!(true)),
            text,
            body: result.get("structuredContent").cloned().unwrap_or_default(),
            whole: result.to_string(),
        }
    }

    fn at(&self, pointer: &str) -> Value {
        self.body.pointer(pointer).cloned().unwrap_or_default()
    }

    fn text_at(&self, pointer: &str) -> String {
        self.at(pointer).as_str().unwrap_or_default().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_shown_whole() {
        assert_eq!(wrapped("short"), ["short"]);
        assert_eq!(wrapped(""), [""]);
        let long = "word ".repeat(50);
        let rows = wrapped(&long);
        assert!(rows.len() > 1 && rows.iter().all(|row| row.trim_end().chars().count() <= WIDTH), "{rows:?}");
        let again: Vec<&str> = rows.iter().flat_map(|row| row.split_whitespace()).collect();
        assert_eq!(again, long.split_whitespace().collect::<Vec<_>>());
    }
}
