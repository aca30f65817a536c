//! Hints of the exec tools: given only where the tool could do it on this host, and the command runs all the same.

use serde_json::json;

use crate::server::Setup;
use crate::sshd::Sshd;

#[test]
fn a_covered_command_runs_and_the_answer_names_the_call() {
    let sshd = Sshd::start();
    let setup = Setup::open_box(&sshd);
    let root = setup.root();
    let file = root.join("a.txt");
    std::fs::write(&file, "one\ntwo\n").unwrap();
    let mut server = setup.start();
    let run = |server: &mut crate::server::Server, command: &str| {
        let done = server.ok("ssh_exec_run", json!({"host": "box", "command": command}));
        (done["stdout"].as_str().unwrap_or_default().to_owned(), done["output_warnings"].to_string())
    };
    let tail = format!("tail -n 1 {}", file.display());
    let (out, warnings) = run(&mut server, &tail);
    assert_eq!(out, "two\n");
    assert!(warnings.contains("ssh_sftp_download"), "{warnings}");
    // The call that it spells out works, and does the same.
    let call = json!({"host": "box", "path": file, "tail_lines": 1, "as_text": true});
    assert_eq!(server.ok("ssh_sftp_download", call)["content_text"], "two\n");
    // Outside of the allowed roots the tool would refuse, so there is no hint. What no tool does exactly has none either.
    for command in ["cat /etc/hostname", &format!("{tail} | cat"), &format!("grep -c t {}", file.display())] {
        let (_, warnings) = run(&mut server, command);
        assert!(!warnings.contains("ssh_sftp_download"), "{command}: {warnings}");
    }
}

#[test]
fn a_covered_command_is_refused_where_the_operator_says_so() {
    let sshd = Sshd::start();
    let setup = Setup::open_box(&sshd).env("SSH_EXEC_ALLOW_CHEATSHEET_PATTERNS", "false");
    let file = setup.root().join("a.txt");
    std::fs::write(&file, "one\n").unwrap();
    let mut server = setup.start();
    let text = server.err("ssh_exec_run", json!({"host": "box", "command": format!("cat {}", file.display())}));
    assert!(text.starts_with("CommandIsCheatsheetMatch"), "{text}");
    server.exec("cat /etc/hostname");
    server.exec(&format!("cat -n {}", file.display()));
}

#[test]
fn commands_on_redact_listed_files_follow_the_bypass_policy() {
    let sshd = Sshd::start();
    for (policy, runs) in [("block", false), ("warn", true), ("audit_only", true)] {
        let setup = Setup::new();
        let root = setup.root();
        std::fs::write(root.join("a.conf"), "word\n").unwrap();
        let keys = format!(
            "command_allowlist = [\"*\"]\npath_allowlist = [\"{}\"]\nredact_paths_globs = [\"**/*.conf\"]\n\
             redact_bypass_policy = \"{policy}\"\n",
            root.display()
        );
        let mut server = setup.host(&sshd, "box", &keys).start();
        let session = server.ok("ssh_shell_open", json!({"host": "box"}))["session_id"].clone();
        let command = format!("cat {}", root.join("a.conf").display());
        for (tool, args) in [
            ("ssh_exec_run", json!({"host": "box", "command": command})),
            ("ssh_exec_run_streaming", json!({"host": "box", "command": command})),
            ("ssh_shell_exec", json!({"session_id": session, "command": command})),
        ] {
            if runs {
                assert_eq!(server.ok(tool, args)["stdout"], "word\n", "{policy}");
            } else {
                let text = server.err(tool, args);
                assert!(text.starts_with("RedactBypassBlocked"), "{tool}: {text}");
            }
        }
        server.exec(&format!("ls -l {}", root.join("a.conf").display()));
    }
}
