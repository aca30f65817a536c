use proptest::prelude::*;
use serde_json::json;

use super::*;

fn redact(path: &str) -> bool {
    path.ends_with(".env")
}

fn seen(text: &str) -> Option<Match> {
    judge(text, &redact)
}

#[track_caller]
fn hits(text: &str, pattern_id: &str, tool: &str, arguments: Value) {
    let Some(found) = seen(text) else { panic!("{text:?} was not seen") };
    assert_eq!((found.pattern_id, found.tool), (pattern_id, tool), "{text:?}");
    assert_eq!(found.arguments, arguments, "{text:?}");
    assert!(found.sentence.contains(tool) && found.sentence.contains(&arguments.to_string()), "{}", found.sentence);
}

#[track_caller]
fn passes(texts: &[&str]) {
    for text in texts {
        assert_eq!(seen(text), None, "{text:?}");
    }
}

#[test]
fn reads_of_one_file() {
    let f = || json!({"path": "/f"});
    for text in [
        "cat /f",
        "cat -A /f",
        "head -n 5 /f",
        "head -5 /f",
        "tail -n5 /f",
        "tail --lines=5 /f",
        "tail --lines 5 /f",
        "less /f",
        "wc -l /f",
        "xxd -l 16 /f",
        "strings -n 8 /f",
        "cat -- /f",
        "cat '/f'",
        "cat \"/f\"",
        "c\\at /f",
        "cat /f 2>/dev/null",
        "cat /f 2>&1",
        "cat /f;",
        "cat /f; true",
        "cat /f;true",
        "cat /f && true",
        "true; cat /f",
        "  cat\t/f\n",
        "view /f",
        "cat /f # why",
        "od -A x /f",
        "more /f",
    ] {
        hits(text, "read-single", "ssh_sftp_download", f());
    }
    hits("cat /app/.env", "read-single", "ssh_read_redacted", json!({"path": "/app/.env"}));
    hits("grep -n x /f", "read-ambiguous", "ssh_sftp_download", f());
    hits("sed s/a/b/ /app/.env", "read-ambiguous", "ssh_read_redacted", json!({"path": "/app/.env"}));
    hits("awk '{print $1}' /f", "read-ambiguous", "ssh_sftp_download", f());
    hits("file x", "read-ambiguous", "ssh_sftp_download", json!({}));
    passes(&[
        "cat",
        "ls",
        "grep",
        "cat /a /b",
        "cat -",
        "cat < /f",
        "cat <<< x",
        "cat /f | sort",
        "cat /f | grep x | wc -l",
        "cat *.log",
        "cat /f && reboot",
        "x=1 cat /f",
        "/bin/cat /f",
        "cd /x && cat f",
        "cat $(find /x)",
        "cat /f & ",
        "head -n 5",
        "tail -n",
        "echo cat /f",
        "'cat /f'",
        "concat /f",
    ]);
}

#[test]
fn lists() {
    hits("ls /d", "list-single", "ssh_sftp_list", json!({"path": "/d"}));
    hits("ls -la /d", "list-single", "ssh_sftp_list", json!({"path": "/d"}));
    passes(&["ls", "ls -la", "ls /a /b", "ls /d | wc -l", "ls /d/*.log", "/bin/ls /d"]);
}

#[test]
fn sudo_is_seen_through_its_options() {
    let f = || json!({"path": "/f"});
    for text in [
        "sudo cat /f",
        "sudo -n cat /f",
        "sudo -u bob cat /f",
        "sudo -ubob cat /f",
        "sudo --user=bob cat /f",
        "sudo --user bob cat /f",
        "sudo -n -u bob -- cat /f",
        "sudo -H A=1 tail -n 3 /f",
        "sudo grep x /f",
        "sudo -S cat /f;true",
        "sudo -nu bob cat /f",
    ] {
        hits(text, "sudo-read-single", "ssh_sudo_read", f());
    }
    hits("sudo cat /a/.env", "sudo-read-single", "ssh_sudo_read_redacted", json!({"path": "/a/.env"}));
    hits("sudo tee -a /f", "sudo-write-single", "ssh_sudo_write", f());
    hits("sudo sh -c 'cat > /f'", "sudo-write-single", "ssh_sudo_write", f());
    hits("sudo sh -c \"cat >/f\" && x", "sudo-write-single", "ssh_sudo_write", f());
    hits("sudo vim /f", "sudo-edit-single", "ssh_sudo_edit", f());
    hits("sudo -n nano /f", "sudo-edit-single", "ssh_sudo_edit", f());
    hits("sudo ls -l /d", "sudo-list-single", "ssh_sudo_sftp_list", json!({"path": "/d"}));
    hits("sudo docker ps -a", "docker", "ssh_docker_ps", json!({"all_": true}));
    hits("sudo rm -rf /d", "single-fileop", "ssh_delete_folder", json!({"path": "/d", "recursive": true}));
    hits("echo x | sudo tee /f", "heredoc", "ssh_sudo_write", f());
    hits("sudo systemctl status nginx", "systemctl", "ssh_systemctl_status", json!({"unit": "nginx"}));
    passes(&[
        "sudo",
        "sudo -l",
        "sudo -i",
        "sudo cat",
        "sudo cat /a /b",
        "sudo whoami",
        "sudo cat /f | wc",
        "sudo sh -c 'cat /f'",
        "sudo systemctl restart nginx",
        "sudo apt install x",
    ]);
}

#[test]
fn under_the_sudo_tool_the_sudo_tools_are_named_and_nothing_that_they_cannot_do() {
    let root = |text: &str| judge_as(RunsAs::Root, text, &redact).map(|m| (m.pattern_id, m.tool));
    assert_eq!(root("cat /f"), Some(("sudo-read-single", "ssh_sudo_read")));
    assert_eq!(root("ls /f"), Some(("sudo-list-single", "ssh_sudo_sftp_list")));
    assert_eq!(root("tee /f"), Some(("sudo-write-single", "ssh_sudo_write")));
    assert_eq!(root("echo x > /f"), Some(("heredoc", "ssh_sudo_write")));
    assert_eq!(root("x > /f"), Some(("output-redirect", "ssh_sudo_write")));
    assert_eq!(root("systemctl is-active x"), Some(("systemctl", "ssh_systemctl_is_active")));
    for text in ["systemctl restart nginx", "apt-get install nginx", "apt upgrade", "whoami"] {
        assert_eq!(root(text), None, "{text}");
    }
}

#[test]
fn docker() {
    hits("docker ps", "docker", "ssh_docker_ps", json!({}));
    hits("docker logs --tail 5 web | grep x", "docker", "ssh_docker_logs", json!({"container": "web"}));
    hits("docker kill -s TERM web", "docker", "ssh_docker_stop", json!({"container": "web"}));
    hits("docker -H tcp://x stop -t 5 web; x", "docker", "ssh_docker_stop", json!({"container": "web"}));
    let exec = json!({"container": "web", "command": "sh -c 'a b'"});
    hits("docker exec -it -e A=1 web sh -c 'a b'", "docker", "ssh_docker_exec", exec);
    let run = json!({"image": "alpine:3", "args": ["echo", "-n", "x"]});
    hits("docker run --rm -v /a:/b alpine:3 echo -n x", "docker", "ssh_docker_run", run);
    let copy =
        json!({"container": "web", "container_path": "/etc/x", "host_path": "/tmp/x", "direction": "from_container"});
    hits("docker cp web:/etc/x /tmp/x", "docker", "ssh_docker_cp", copy);
    hits("docker container ls -a", "docker", "ssh_docker_ps", json!({"all_": true}));
    hits("docker system df", "docker", "ssh_docker_system_df", json!({}));
    hits("docker volume prune", "docker", "ssh_docker_prune", json!({"scope": "volume"}));
    hits("docker image inspect x", "docker", "ssh_docker_inspect", json!({"target": "x", "kind": "image"}));
    hits("docker compose -f /a/c.yml up -d", "docker", "ssh_docker_compose_up", json!({"compose_file": "/a/c.yml"}));
    hits("docker compose exec web sh", "docker", "ssh_docker_*", json!({}));
    hits("docker", "docker", "ssh_docker_*", json!({}));
    hits("docker buildx ls", "docker", "ssh_docker_*", json!({}));
    passes(&[
        "dockerd",
        "docker-credential-x",
        "echo docker",
        "A=1 docker ps",
        "/usr/bin/docker ps",
        "echo hi; docker ps",
    ]);
}

#[test]
fn units_journal_and_packages() {
    hits("systemctl restart nginx && echo ok", "systemctl", "ssh_systemctl_restart", json!({"unit": "nginx"}));
    let list = json!({"pattern": "ssh*", "unit_type": "service", "state": "failed"});
    hits("systemctl list-units -t service --state=failed 'ssh*'", "systemctl", "ssh_systemctl_list_units", list);
    let journal = json!({"unit": "nginx", "since": "today", "lines": 50});
    hits("journalctl -u nginx --since today -n 50 | tail", "journalctl", "ssh_journalctl", journal);
    hits("apt-get -y install a b", "apt-mutation", "ssh_apt_install", json!({"packages": ["a", "b"]}));
    hits("apt purge a", "apt-mutation", "ssh_apt_remove", json!({"packages": ["a"], "purge": true}));
    hits("apt upgrade", "apt-mutation", "ssh_apt_upgrade", json!({}));
    passes(&[
        "systemctl daemon-reload",
        "systemctl --user restart x",
        "systemctl list-unit-files",
        "systemctl",
        "systemctl -H h status x",
        "apt update",
        "apt list",
        "apt search x",
        "apt show x",
        "apt-mark hold x",
        "find / -name x",
        "du -sh /",
        "df -h",
        "tar tf x",
        "curl http://x",
        "tmux ls",
        "ss -tln",
        "gpg --list-keys",
    ]);
}

#[test]
fn writing_by_redirection() {
    hits("cat > /f <<EOF\na\nb\nEOF", "heredoc", "ssh_upload", json!({"path": "/f", "content_text": "a\nb\n"}));
    hits("cat > /f <<EOF\n$x\nEOF", "heredoc", "ssh_upload", json!({"path": "/f"}));
    hits("cat <<'E' > /f\n$x\nE\nchmod 1 /f", "heredoc", "ssh_upload", json!({"path": "/f", "content_text": "$x\n"}));
    hits("bash <<'E'\nls | wc\nE", "heredoc", "ssh_exec_script", json!({"script": "ls | wc\n"}));
    hits("psql <<E\n1\nE", "heredoc", "ssh_exec_script", json!({"script": "psql <<E\n1\nE"}));
    hits("x | tee /f", "heredoc", "ssh_upload", json!({"path": "/f"}));
    hits("echo a b > /f", "heredoc", "ssh_upload", json!({"path": "/f", "content_text": "a b\n"}));
    hits("echo \"$x\" > /f", "heredoc", "ssh_upload", json!({"path": "/f"}));
    hits("printf '%s' x >/f; y", "heredoc", "ssh_upload", json!({"path": "/f"}));
    hits("x > /f", "output-redirect", "ssh_upload", json!({"path": "/f"}));
    hits("a; b $(c > /f)", "output-redirect", "ssh_upload", json!({"path": "/f"}));
    hits("cat /a > /f", "output-redirect", "ssh_upload", json!({"path": "/f"}));
    passes(&[
        "echo x >&2",
        "echo x 1>&2",
        "echo a >> /f",
        "cat <<< x",
        "echo $((1 << 3))",
        "echo $((4 > 3))",
        "x > /dev/null",
        "x >/dev/null 2>&1",
        "x 2> /f",
        "x &> /f",
        "x 2>/dev/null",
        "echo 'a > /f'",
        "echo \"<<EOF\"",
        "echo a \\> b",
        "x | tee",
        "[[ a > b ]]",
        "x >> /f",
        "echo x > /dev/null",
        "x < /f",
        "y --tee /f",
    ]);
}

#[test]
fn single_file_operations() {
    hits("mkdir -p /d", "single-fileop", "ssh_mkdir", json!({"path": "/d", "parents": true}));
    hits("mkdir -m 700 /d", "single-fileop", "ssh_mkdir", json!({"path": "/d"}));
    hits("cp -a /a /b", "single-fileop", "ssh_cp", json!({"src": "/a", "dst": "/b"}));
    hits("mv /a /b", "single-fileop", "ssh_mv", json!({"src": "/a", "dst": "/b"}));
    hits("rm -f /a", "single-fileop", "ssh_delete", json!({"path": "/a"}));
    for text in ["rm -rf /d", "rm -Rf /d", "rm --recursive /d", "rm -f -r -- /d"] {
        hits(text, "single-fileop", "ssh_delete_folder", json!({"path": "/d", "recursive": true}));
    }
    passes(&["mkdir", "mkdir /d && cp a /d", "cp /a /b; ls | wc", "rm $(x)", "rmdir /d"]);
}

#[test]
fn refusals_name_everything_a_caller_needs() {
    let refusal = seen("cat /f").unwrap().refusal("ssh_exec_run", "cat /f");
    assert_eq!(refusal.name, ErrorName::CommandIsCheatsheetMatch);
    let text = refusal.to_string();
    for part in
        ["ssh_exec_run", "read-single", "ssh_sftp_download", "{\"path\":\"/f\"}", "SSH_EXEC_ALLOW_CHEATSHEET_PATTERNS"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
}

proptest! {
    /// Advice never fails, and quoting every word of a seen plain command changes nothing about it.
    #[test]
    fn any_text_is_read(text in "[ -~\\n\\t]{0,60}") {
        let _ = seen(&text);
    }

    #[test]
    fn syntax_soup_is_read(parts in prop::collection::vec(prop::sample::select(vec![
        "cat", "sudo", "-n", "/f", "|", "||", "&&", ";", "&", "\n", "$(", ")", "`", "'", "\"", "\\", ">", ">>", "<<", "<<<", "EOF", "(", "{", "}",
        "[[", "]]", "case", "in", "esac", "2", ">&", "$((", "${", "docker", "tee", " ", " ", "#",
    ]), 0..40)) {
        let _ = seen(&parts.concat());
    }

    #[test]
    fn quoting_words_changes_nothing(program in prop::sample::select(vec!["cat", "ls", "rm", "systemctl", "docker", "mkdir"]), args in prop::collection::vec("[a-z/.-]{1,8}", 0..4)) {
        let plain = format!("{program} {}", args.join(" "));
        let quoted: Vec<String> = args.iter().map(|a| format!("'{a}'")).collect();
        prop_assert_eq!(seen(&plain), seen(&format!("\"{program}\" {}", quoted.join("\t"))));
    }
}
