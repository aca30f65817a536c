//! Answers as a model sees them: the verdict first, in both forms, within their budget, and the rest at hand.

use std::time::Duration;

use serde_json::{Value, json};

use crate::server::{Server, Setup};
use crate::sshd::Sshd;

const BUDGET: usize = 32_768;

fn read(server: &mut Server, id: &str, mut arguments: Value) -> Value {
    arguments["output_id"] = json!(id);
    server.ok("ssh_output_read", arguments)
}

fn text<'a>(answer: &'a Value, field: &str) -> &'a str {
    answer[field].as_str().unwrap_or_else(|| panic!("no {field}: {answer:.600}"))
}

#[test]
fn the_message_of_a_long_failure_comes_first_and_the_rest_by_line_tail_and_pattern() {
    let sshd = Sshd::start();
    let mut server = Setup::open_box(&sshd).env("SSH_STDOUT_CAP_BYTES", "4194304").start();
    let command = "seq 1 200000; echo 'the disk is full' >&2; exit 3";
    let answer = server.call("ssh_exec_run", json!({"host": "box", "command": command}));
    let data = answer.data.to_string();
    for form in [&answer.text, &data] {
        assert!(form.len() <= BUDGET, "{}", form.len());
        let head: String = form.chars().take(1024).collect();
        assert!(head.contains("the disk is full") && head.contains("ssh_output_read"), "{head}");
    }
    assert_eq!((&answer.data["host"], &answer.data["exit_code"]), (&json!("box"), &json!(3)));
    let shown = text(&answer.data, "stdout");
    assert!(shown.starts_with("1\n2\n") && shown.ends_with("\n200000\n"), "{shown:.200}");
    let id = text(&answer.data, "output_id").to_owned();

    let lines = read(&mut server, &id, json!({"stream": "stdout", "from_line": 5000, "lines": 3}));
    assert_eq!((text(&lines, "content"), &lines["next_from_line"]), ("5000\n5001\n5002\n", &json!(5003)));
    let tail = read(&mut server, &id, json!({"tail_lines": 2}));
    assert_eq!(text(&tail, "content"), "199999\n200000\n");
    let found = read(&mut server, &id, json!({"grep": "^77[0-9]7$", "context": 1, "lines": 2}));
    assert_eq!(text(&found, "content"), "7706-7706\n7707:7707\n7708-7708\n--\n7716-7716\n7717:7717\n7718-7718\n");
    assert_eq!((&found["matches"], &found["next_from_line"]), (&json!(10), &json!(7727)));
    let count = read(&mut server, &id, json!({"grep": "9$", "count_only": true}));
    assert_eq!((&count["matches"], count.get("content")), (&json!(20_000), None), "{count}");
    // From where the answer broke off to the end, call by call.
    let note = answer.data["left_out"][0].as_str().unwrap();
    let mut next = note.rsplit(' ').next().unwrap().parse::<u64>().ok();
    assert_eq!(next, Some(shown.split("[...").next().unwrap().lines().count() as u64 + 1), "{note}");
    let mut lines = next.unwrap() - 1;
    while let Some(line) = next {
        let part = read(&mut server, &id, json!({"from_line": line}));
        assert!(part.to_string().len() <= BUDGET, "{}", part.to_string().len());
        lines += text(&part, "content").lines().count() as u64;
        next = part["next_from_line"].as_u64();
    }
    assert_eq!(lines, 200_000);
}

/// What is larger than what is captured has a gap, which is told.
#[test]
fn an_output_with_a_gap_says_so() {
    let sshd = Sshd::start();
    let mut server = Setup::open_box(&sshd).start();
    let answer = server.exec("seq 1 200000");
    assert_eq!(
        (&answer["stdout_truncated"], &answer["stdout_bytes"]),
        (&json!(true), &json!(1_288_895)),
        "{answer:.400}"
    );
    let id = text(&answer, "output_id").to_owned();
    let line = read(&mut server, &id, json!({"from_line": 100_000, "lines": 1}));
    assert_eq!(text(&line, "content"), "100000\n");
    assert!(line["output_warnings"][0].as_str().unwrap().contains("never captured"), "{line}");
    assert_eq!(text(&read(&mut server, &id, json!({"tail_lines": 1})), "content"), "200000\n");
}

#[test]
fn an_unknown_output_or_stream_is_refused_with_what_there_is() {
    let sshd = Sshd::start();
    let mut server = Setup::open_box(&sshd).start();
    let answer = server.exec("seq 1 50000");
    let id = text(&answer, "output_id").to_owned();
    let refused = server.err("ssh_output_read", json!({"output_id": "nothing"}));
    assert!(refused.starts_with("ValueError: No output is kept"), "{refused}");
    let refused = server.err("ssh_output_read", json!({"output_id": id, "stream": "stderr"}));
    assert!(refused.contains("Kept of this answer: stdout."), "{refused}");
}

/// A gate that looks at hosts sees whose output is read.
#[test]
fn a_kept_output_belongs_to_its_host() {
    let sshd = Sshd::start();
    let mut server = Setup::open_box(&sshd).start();
    let answer = server.exec("seq 1 50000");
    let id = text(&answer, "output_id").to_owned();
    read(&mut server, &id, json!({"tail_lines": 1}));
    let audit = server.stderr();
    let line = audit.lines().rfind(|line| line.contains("\"ssh_output_read\"")).unwrap();
    assert!(line.contains("\"box\""), "{line}");
}

#[test]
fn nothing_of_kept_outputs_is_left_after_a_kill() {
    let sshd = Sshd::start();
    let setup = Setup::open_box(&sshd);
    let folder = setup.path("tmp");
    std::fs::create_dir(&folder).unwrap();
    let setup = setup.env("TMPDIR", folder.to_str().unwrap());
    let mut server = setup.env("SSH_STDOUT_CAP_BYTES", "67108864").start();
    let files = |folder: &std::path::Path| std::fs::read_dir(folder).unwrap().count();
    // 4 of 50 MB are 200 MB.
    let lines = if cfg!(feature = "deep") { 6_500_000 } else { 100_000 };
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(text(&server.exec(&format!("seq 1 {lines}")), "output_id").to_owned());
        assert_eq!(files(&folder), 0, "a file without a name");
    }
    let last = read(&mut server, &ids[0], json!({"tail_lines": 1}));
    assert_eq!(text(&last, "content"), format!("{lines}\n"));
    println!("{} bytes kept of each of {}", last["bytes_total"], ids.len());
    server.kill();
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(files(&folder), 0);
}

/// Folders, logs and searches of a host that has much of everything.
#[test]
fn default_answers_of_a_plump_host_are_within_the_budget() {
    let sshd = Sshd::start();
    let setup = Setup::open_box(&sshd);
    let root = setup.root();
    for n in 0..1000 {
        std::fs::write(root.join(format!("a-file-with-an-ordinary-name-{n}.txt")), "needle in a line\n").unwrap();
    }
    let log: String = (0..130_000)
        .fold(String::new(), |text, n| text + &format!("2026-11-29T10:00:00Z line {n} of a log, which is long\n"));
    std::fs::write(root.join("app.log"), &log).unwrap();
    let mut server = setup.start();
    let root = root.to_str().unwrap();
    let calls = [
        ("ssh_sftp_list", json!({"path": root}), ""),
        ("ssh_find", json!({"path": root}), "matches"),
        ("ssh_find", json!({"path": root, "contains": "needle"}), "lines"),
        ("ssh_host_processes", json!({}), ""),
    ];
    for (tool, mut arguments, list) in calls {
        arguments["host"] = json!("box");
        let answer = server.call(tool, arguments);
        let sizes = (answer.text.len(), answer.data.to_string().len());
        println!("{tool}: text {} structured {}", sizes.0, sizes.1);
        assert!(!answer.error && sizes.0 <= BUDGET && sizes.1 <= BUDGET, "{tool}: {sizes:?}");
        if !list.is_empty() {
            assert!(answer.data["left_out"].to_string().contains(list), "{tool}: {}", answer.data["left_out"]);
            let id = text(&answer.data, "output_id").to_owned();
            let rest = read(&mut server, &id, json!({"stream": list, "tail_lines": 1}));
            assert!(rest["lines_total"].as_u64().unwrap() >= 1000, "{rest}");
        }
    }
}

/// Content ends at a line or a character, and the answer names where the next call goes on.
#[test]
fn a_large_file_is_read_from_where_it_is_needed() {
    let sshd = Sshd::start();
    let setup = Setup::open_box(&sshd);
    let file = setup.root().join("app.log");
    let log: String = (1..=130_000).fold(String::new(), |text, n| text + &format!("line {n} of a log \u{e4}\u{f6}\n"));
    std::fs::write(&file, &log).unwrap();
    let bytes: Vec<u8> = (0..100_000_u32).map(|n| (n % 251) as u8).collect();
    let binary = file.with_file_name("binary");
    std::fs::write(&binary, &bytes).unwrap();
    let secret = file.with_file_name("app.env");
    let short: String = log.split_inclusive('\n').take(8000).collect();
    std::fs::write(&secret, format!("PASSWORD=hunter2hunter2\n{short}")).unwrap();
    let mut server = setup.start();
    let mut read = |more: Value| {
        let mut args = json!({"host": "box", "path": file});
        args.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let answer = server.call("ssh_sftp_download", args);
        assert!(!answer.error, "{}", answer.text);
        let sizes = (answer.text.len(), answer.data.to_string().len());
        (answer.data, sizes)
    };
    let mut whole = String::new();
    let mut next = json!({});
    for _ in 0..3 {
        let (part, sizes) = read(next);
        assert!(sizes.0 <= BUDGET && sizes.1 <= BUDGET && sizes.1 > BUDGET / 2, "{sizes:?}");
        whole.push_str(text(&part, "content_text"));
        next = json!({"offset": part["next_offset"]});
    }
    assert!(log.starts_with(&whole) && whole.ends_with('\n'), "{}", whole.len());
    let (lines, _) = read(json!({"from_line": 100_000}));
    let shown = text(&lines, "content_text").to_owned();
    assert!(shown.starts_with("line 100000 of") && shown.ends_with('\n'));
    assert_eq!(lines["next_from_line"], 100_000 + shown.lines().count() as u64);
    // What the caller names is sent.
    let (large, sizes) = read(json!({"tail_lines": 2000}));
    assert_eq!(text(&large, "content_text").lines().count(), 2000);
    assert!(sizes.1 > BUDGET);
    let (found, sizes) = read(json!({"grep": "line \\d*9 "}));
    assert!(sizes.0 <= BUDGET && text(&found, "content_text").starts_with("9:line 9 of"), "{sizes:?}");
    let last: u64 = text(&found, "content_text").lines().last().unwrap().split(':').next().unwrap().parse().unwrap();
    assert_eq!((last % 10, &found["next_from_line"]), (9, &json!(last + 1)));
    let first = server.ok("ssh_sftp_download", json!({"host": "box", "path": binary}));
    let content = base64(text(&first, "content_base64"));
    assert_eq!((&content[..], &first["next_offset"]), (&bytes[..content.len()], &json!(content.len())));
    assert!(content.len() > 20_000 && first.to_string().len() <= BUDGET);
    let redacted = json!({"host": "box", "path": secret, "grep": "PASSWORD|line 7777 ", "context": 0});
    let redacted = server.ok("ssh_read_redacted", redacted);
    let content = text(&redacted, "content");
    assert!(content.starts_with("1:PASSWORD=<sha:") && content.contains("\n7778:line 7777 of"), "{redacted}");
    let default = server.call("ssh_read_redacted", json!({"host": "box", "path": secret}));
    assert!(
        default.text.len() <= BUDGET && default.data["next_from_line"].as_u64().unwrap() > 500,
        "{:.300}",
        default.text
    );
    assert_eq!(default.data["lines_total"], 8001);
}

fn base64(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}

/// What has one reading is taken, and a refusal says what would be.
#[test]
fn near_misses_of_arguments_are_taken() {
    let sshd = Sshd::start();
    let setup = Setup::open_box(&sshd);
    let file = setup.root().join("f");
    std::fs::write(&file, "one\ntwo\n").unwrap();
    let mut server = setup.start();
    let done = server.ok("ssh_exec_run", json!({"host": "box", "command": "echo a", "timeout": "30"}));
    assert_eq!(done["stdout"], "a\n");
    let read = server.ok("ssh_sftp_download", json!({"host": "box", "file": file, "tail_lines": 1.0}));
    assert_eq!(read["content_text"], "two\n");
    let done = server.ok("ssh_broadcast", json!({"hosts": "box", "command": "true"}));
    assert_eq!(done["succeeded"], json!(["box"]));
    let refused = server.err("ssh_exec_run", json!({"host": "box", "command": "true", "timeout": "soon"}));
    assert!(refused.contains("`timeout` takes an integer"), "{refused}");
    let refused = server.err("ssh_broadcast", json!({"hosts": "a b", "command": "true"}));
    assert!(refused.contains("`hosts` takes a list of string values"), "{refused}");
}
