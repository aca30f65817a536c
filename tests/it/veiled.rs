//! Redact-listed files are changed by what may be seen of them, and secrets that were seen redacted stay masked in what commands
//! print later.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::gates::gate;
use crate::server::{Server, Setup};
use crate::sshd::{Login, Options, Sshd};

const OLD: &str = "tr0ub4dor-and-three";
const TOKEN: &str = "zq81-Xk77-mm20-vv93-pp55-kk11";
const NEW: &str = "correct-horse-battery";
const FILE: &str = "# the app\nDB_PASSWORD=tr0ub4dor-and-three\nPORT=8080\nAPI_TOKEN=\"zq81-Xk77-mm20-vv93-pp55-kk11\" # from ops\nNAME=app\n";

/// A folder with the file, all that the server writes beside it, and the server.
struct World {
    file: PathBuf,
    trail: PathBuf,
    told: PathBuf,
    server: Server,
}

fn world(sshd: &Sshd, policy: &str) -> World {
    let setup = Setup::new();
    let (root, trail, told) = (setup.root(), setup.path("audit.jsonl"), setup.path("told"));
    let file = root.join(".env");
    std::fs::write(&file, FILE).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    std::fs::create_dir_all(setup.path("hooks")).unwrap();
    let hooks = gate(&setup.path("hooks"), "", &format!("cat >>{}; echo '{{\"allow\": true}}'", told.display()));
    let keys = format!(
        "command_allowlist = [\"*\"]\npath_allowlist = [\"{}\"]\nredact_paths_globs = [\"**/.env\", \"**/.env.*\"]\nredact_bypass_policy = \"{policy}\"\n",
        root.display()
    );
    let setup = setup.host(sshd, "box", &keys).env("SSH_AUDIT_FILE", trail.to_str().unwrap()).env("LOG_LEVEL", "DEBUG");
    World { file, trail, told, server: setup.env("SSH_HOOKS_FILE", &hooks).start() }
}

impl World {
    fn args(&self, more: Value) -> Value {
        let mut args = json!({"host": "box", "path": self.file});
        args.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        args
    }

    /// The marks of a redacted reading, in the order of the file.
    fn marks(&mut self) -> Vec<String> {
        let args = self.args(json!({}));
        let read = self.server.ok("ssh_read_redacted", args);
        let content = read["content"].as_str().unwrap();
        content
            .match_indices("<sha:")
            .map(|(at, _)| content[at..=at + content[at..].find('>').unwrap()].to_owned())
            .collect()
    }

    fn text(&self) -> String {
        std::fs::read_to_string(&self.file).unwrap()
    }

    /// Neither the answer nor anything that the server wrote holds a secret.
    fn kept(&self, answer: &str) {
        let written = |path: &Path| std::fs::read_to_string(path).unwrap_or_default();
        for text in [answer, &written(&self.trail), &written(&self.told), &self.server.stderr()] {
            for secret in [OLD, TOKEN, NEW, "three-and"] {
                assert!(!text.contains(secret), "{secret}: {text}");
            }
        }
    }
}

/// An answer about a listed file has neither the length nor a digest of it.
fn veiled(answer: &Value) {
    for field in ["sha256", "bytes_written"] {
        assert_eq!(answer[field], Value::Null, "{answer}");
    }
    let diff = answer["diff"].as_str().unwrap();
    assert!(!diff.contains("sha:") && diff.contains("<redacted>"), "{answer}");
}

#[test]
fn a_redact_listed_file_is_edited_by_what_is_shown_of_it() {
    let sshd = Sshd::start();
    for policy in ["block", "warn", "audit_only"] {
        let mut world = world(&sshd, policy);
        let marks = world.marks();
        assert_eq!(marks.len(), 2, "{marks:?}");
        // Beside a secret, by its mark, and by a diff of what is shown.
        let args = world.args(json!({"old_string": "PORT=8080", "new_string": "PORT=9090"}));
        let answer = world.server.ok("ssh_edit", args);
        veiled(&answer);
        assert!(answer["diff"].as_str().unwrap().contains("-PORT=8080\n+PORT=9090\n"), "{answer}");
        world.kept(&answer.to_string());
        let args = world.args(json!({
            "old_string": format!("DB_PASSWORD={}\n", marks[0]), "new_string": format!("DB_PASSWORD={NEW}\n")}));
        let answer = world.server.ok("ssh_edit", args);
        veiled(&answer);
        assert!(
            answer["diff"].as_str().unwrap().contains("-DB_PASSWORD=<redacted>\n+DB_PASSWORD=<redacted>\n"),
            "{answer}"
        );
        world.kept(&answer.to_string());
        let diff = format!(
            "--- a\n+++ b\n@@ -3,3 +3,3 @@\n PORT=9090\n API_TOKEN=\"{}\" # from ops\n-NAME=app\n+NAME=shop\n",
            marks[1]
        );
        let args = world.args(json!({"unified_diff": diff}));
        let answer = world.server.ok("ssh_patch", args);
        veiled(&answer);
        world.kept(&answer.to_string());
        let expected = FILE.replace("8080", "9090").replace(OLD, NEW).replace("NAME=app", "NAME=shop");
        assert_eq!(world.text(), expected, "{policy}");
        assert_eq!(std::fs::metadata(&world.file).unwrap().permissions().mode() & 0o777, 0o640);
        // A link to it is the same file, and a dry run changes nothing.
        let link = world.file.parent().unwrap().join("plain-name");
        std::os::unix::fs::symlink(&world.file, &link).unwrap();
        let args =
            json!({"host": "box", "path": link, "old_string": "PORT=9090", "new_string": "PORT=1", "dry_run": true});
        let answer = world.server.ok("ssh_edit", args);
        veiled(&answer);
        world.kept(&answer.to_string());
        assert_eq!(world.text(), expected);
    }
}

#[test]
fn a_guess_at_a_secret_is_answered_as_any_other_text() {
    let sshd = Sshd::start();
    let mut world = world(&sshd, "block");
    let digest =
        String::from_utf8(std::process::Command::new("sha256sum").arg(&world.file).output().unwrap().stdout).unwrap();
    let digest = digest.split(' ').next().unwrap().to_owned();
    let mut told = Vec::new();
    for guess in [OLD, "three-and-tr0ub4dor"] {
        for around in ["{}", "DB_PASSWORD={}", "{}\nPORT"] {
            let old = around.replace("{}", guess);
            let args = world.args(json!({"old_string": old, "new_string": "x", "dry_run": true}));
            told.push(world.server.err("ssh_edit", args));
        }
        let diff = format!("--- a\n+++ b\n@@ -2,1 +2,1 @@\n-DB_PASSWORD={guess}\n+DB_PASSWORD=x\n");
        let args = world.args(json!({"unified_diff": diff}));
        told.push(world.server.err("ssh_patch", args).replace(guess, ""));
        // Set to what it is and to something else: the same answer.
        let args = world.args(json!({"key": "DB_PASSWORD", "value": guess, "dry_run": true}));
        told.push(world.server.ok("ssh_env_set", args).to_string());
        let sha = if guess == OLD { digest.clone() } else { "0".repeat(64) };
        let args = world.args(json!({"old_string": "PORT", "new_string": "P", "expected_sha256": sha}));
        told.push(world.server.err("ssh_edit", args));
    }
    let (right, wrong) = told.split_at(told.len() / 2);
    assert_eq!(right, wrong);
    assert_eq!(world.text(), FILE);
    // What would bring a secret to light is refused.
    let mark = world.marks().remove(0);
    for (old, new) in [("DB_PASSWORD=", "GREETING="), ("NAME=app", format!("NAME={mark}").as_str())] {
        let args = world.args(json!({"old_string": old, "new_string": new}));
        let text = world.server.err("ssh_edit", args);
        assert!(text.starts_with("WriteError") && text.contains("line "), "{text}");
        world.kept(&text);
    }
    assert_eq!(world.text(), FILE);
}

#[test]
fn a_key_is_set_and_neither_value_is_seen() {
    let sshd = Sshd::start();
    let mut world = world(&sshd, "block");
    let args = world.args(json!({"key": "DB_PASSWORD", "value": NEW}));
    let answer = world.server.ok("ssh_env_set", args);
    veiled(&answer);
    assert!(
        answer["diff"].as_str().unwrap().contains("-DB_PASSWORD=<redacted>\n+DB_PASSWORD=<redacted>\n"),
        "{answer}"
    );
    world.kept(&answer.to_string());
    assert_eq!(world.text(), FILE.replace(OLD, NEW));
    // Comment, quotes and order stay; the value is random, and never seen.
    let args = world.args(json!({"key": "API_TOKEN", "generate": {"bytes": 24, "alphabet": "hex"}, "backup": true}));
    let answer = world.server.ok("ssh_env_set", args);
    veiled(&answer);
    let text = world.text();
    let token = text.split("API_TOKEN=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    assert_eq!((token.len(), text.clone()), (48, FILE.replace(OLD, NEW).replace(TOKEN, &token)));
    assert!(!answer.to_string().contains(&token));
    let backup = answer["backup_path"].as_str().unwrap();
    assert_eq!(std::fs::read_to_string(backup).unwrap(), FILE.replace(OLD, NEW));
    // A key that is not there comes last.
    let args = world.args(json!({"key": "SMTP_PASSWORD", "value": "two words"}));
    world.server.ok("ssh_env_set", args);
    assert_eq!(world.text(), format!("{text}SMTP_PASSWORD='two words'\n"));
    let args = world.args(json!({"key": "DB_PASSWORD", "value": "x", "generate": {}}));
    assert!(world.server.err("ssh_env_set", args).starts_with("ValueError"));
    // The refusal of a whole write names what works, in a new file too.
    let fresh = world.file.with_file_name(".env.local");
    let refusal = world.server.err("ssh_upload", json!({"host": "box", "path": fresh, "content_text": "A=1\n"}));
    assert!(
        refusal.starts_with("RedactBypassBlocked") && refusal.contains("ssh_env_set") && refusal.contains("ssh_edit"),
        "{refusal}"
    );
    let new = json!({"host": "box", "path": fresh, "key": "APP_SECRET", "generate": {}, "create": true});
    veiled(&world.server.ok("ssh_env_set", new.clone()));
    let made = std::fs::read_to_string(&fresh).unwrap();
    assert!(made.starts_with("APP_SECRET=") && made.len() == "APP_SECRET=\n".len() + 44, "{made}");
    assert_eq!(std::fs::metadata(&fresh).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(world.server.err("ssh_env_set", new).starts_with("WriteError"));
    world.kept("");
    assert!(!std::fs::read_to_string(&world.told).unwrap().contains("two words"));
}

/// What stands beside a value, or is not of such lines, is never lost or broken.
#[test]
fn a_key_is_not_set_where_more_than_its_value_would_change() {
    let sshd = Sshd::start();
    let mut world = world(&sshd, "block");
    let mark = world.marks().remove(0);
    for (text, why) in [
        ("export DB_PASSWORD=old OTHER_SECRET=keepme\n", "several parts"),
        ("DB_PASSWORD=old; export DB_PASSWORD\n", "several parts"),
        ("DB_PASSWORD=a1\rPORT=80\r", "several parts"),
        ("db:\n  password: x\n", "no lines KEY=VALUE"),
        ("{\"DB_PASSWORD\": \"x\"}\n", "another form"),
        ("A=1\nX=abc\\\n", "goes on"),
        ("DB_PASSWORD=-----BEGIN KEY-----\nMIIEabcd\n-----END KEY-----\n", "goes on"),
        ("DB_PASSWORD = os.environ[\"X\"]\n", "an expression"),
    ] {
        std::fs::write(&world.file, text).unwrap();
        let args = world.args(json!({"key": "DB_PASSWORD", "value": NEW}));
        let said = world.server.err("ssh_env_set", args);
        assert!(said.contains(why) && said.contains("ssh_edit"), "{text}: {said}");
        assert_eq!(world.text(), text);
    }
    std::fs::write(&world.file, FILE).unwrap();
    let args = world.args(json!({"key": "API_TOKEN", "value": mark}));
    let said = world.server.err("ssh_env_set", args);
    assert!(said.contains("a mark that stands for a secret") && said.contains("ssh_edit"), "{said}");
    // A refusal shows lines as the redacting reader shows them.
    let args = world.args(json!({"old_string": "DB_PASSWORD=guess", "new_string": "x"}));
    let said = world.server.err("ssh_edit", args);
    assert!(said.contains(&format!("DB_PASSWORD={mark}")) && !said.contains("u{f"), "{said}");
    assert_eq!(world.text(), FILE);
    // A plain value is not masked in what commands print later, and neither is one that was only tried.
    for (key, value, dry_run) in
        [("DATA_DIR", "/srv/some/where/plain", false), ("DB_PASSWORD", "only-a-try-of-a-value", true)]
    {
        let args = world.args(json!({"key": key, "value": value, "dry_run": dry_run}));
        world.server.ok("ssh_env_set", args);
        assert_eq!(world.server.exec(&format!("echo {value}"))["stdout"], format!("{value}\n"));
    }
    // The redactions of a large file are those of the lines that are shown, and the answer keeps its size.
    let many: String = (0..2000).map(|n| format!("K{n}_SECRET=value-number-{n}-of-many\n")).collect();
    std::fs::write(&world.file, many).unwrap();
    for more in [json!({}), json!({"tail_lines": 5}), json!({"count_only": true, "grep": "K7"})] {
        let args = world.args(more.clone());
        let read = world.server.call("ssh_read_redacted", args);
        assert!(read.text.len() <= 32_768 && read.data.to_string().len() <= 32_768, "{}", read.data.to_string().len());
        let rows = read.data["redactions"].as_array().map_or(0, Vec::len);
        assert!(more == json!({}) || rows <= 5, "{more}: {rows}");
    }
}

#[test]
fn without_a_shell_listed_files_are_changed_too() {
    let sshd = Sshd::with(&Options { login: Login::Forced("internal-sftp".to_owned()), ..Options::default() });
    let setup = Setup::new();
    let file = setup.root().join(".env");
    let keys = format!(
        "path_allowlist = [\"{}\"]\nredact_paths_globs = [\"**/.env\"]\nredact_entropy_detection = false\n",
        setup.root().display()
    );
    std::fs::write(&file, FILE).unwrap();
    let mut server = setup.host(&sshd, "box", &keys).start();
    let at = |more: Value| {
        let mut args = json!({"host": "box", "path": file});
        args.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        args
    };
    veiled(&server.ok("ssh_edit", at(json!({"old_string": "PORT=8080", "new_string": "PORT=1"}))));
    veiled(&server.ok("ssh_env_set", at(json!({"key": "DB_PASSWORD", "value": NEW}))));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), FILE.replace("8080", "1").replace(OLD, NEW));
    // What the next reading would show is not made.
    let refusal = server.err("ssh_env_set", at(json!({"key": "COLOUR", "generate": {}})));
    assert!(refusal.starts_with("ValueError") && refusal.contains("redact_keys"), "{refusal}");
    assert!(!server.err("ssh_edit", at(json!({"old_string": NEW, "new_string": "x"}))).contains("1 replaced"));
}

#[test]
fn what_was_seen_redacted_is_masked_in_what_commands_print_later() {
    let sshd = Sshd::start();
    let mut world = world(&sshd, "block");
    std::fs::write(world.file.with_file_name("copy"), FILE).unwrap();
    let copy = world.file.with_file_name("copy").display().to_string();
    let before = world.server.ok("ssh_exec_script", json!({"host": "box", "script": format!("cat {copy}")}));
    assert!(before["stdout"].as_str().unwrap().contains(OLD), "nothing was seen yet: {before}");
    let marks = world.marks();
    let mut printed = Vec::new();
    let script = |text: &str| json!({"host": "box", "script": text});
    printed.push(world.server.ok("ssh_exec_script", script(&format!("cat {copy}; cat {copy} >&2"))));
    printed.push(world.server.ok("ssh_exec_run", json!({"host": "box", "command": format!("head -3 {copy}")})));
    // In pieces, the secret cut between two of them.
    let (one, two) = OLD.split_at(8);
    let pieces = format!("printf 'x {one}'; sleep 0.3; printf '{two} y\\n'");
    printed.push(world.server.ok("ssh_exec_run_streaming", json!({"host": "box", "command": pieces.clone()})));
    let shell = world.server.ok("ssh_shell_open", json!({"host": "box"}));
    let args = json!({"session_id": shell["session_id"], "command": format!("cat {copy}")});
    printed.push(world.server.ok("ssh_shell_exec", args));
    // What does not fit is kept masked.
    let long = format!("seq 1 20000; cat {copy}; seq 1 20000");
    let answer = world.server.ok("ssh_exec_script", script(&long));
    let id = answer["output_id"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
    printed.push(world.server.ok("ssh_output_read", json!({"output_id": id, "grep": "PASSWORD|TOKEN"})));
    for answer in &printed {
        let text = answer.to_string();
        assert!(!text.contains(OLD) && !text.contains(TOKEN), "{text}");
    }
    assert!(printed[0]["stdout"].as_str().unwrap().contains(&format!("DB_PASSWORD={}", marks[0])), "{}", printed[0]);
    assert!(printed[2]["stdout"].as_str().unwrap().contains(&format!("x {} y", marks[0])), "{}", printed[2]);
    // A job is read at any place of its output, a failure quotes what was printed, and signs of life name the last line.
    let job = world.server.ok("ssh_exec_script", json!({"host": "box", "script": format!("cat {copy}"), "wait": 20}));
    assert!(!job.to_string().contains(OLD), "{job}");
    let params = json!({"name": "ssh_exec_run", "arguments": {"host": "box", "command": format!("{pieces}; sleep 11")},
        "_meta": {"progressToken": "t"}});
    let id = world.server.begin("tools/call", params);
    let answer = world.server.wait(id, Duration::from_secs(60)).unwrap();
    let notes = json!(world.server.notes()).to_string();
    assert!(!answer.to_string().contains(OLD) && notes.contains("notifications/progress"), "{notes}");
    assert!(!notes.contains(OLD) && !notes.contains(one), "{notes}");
}
