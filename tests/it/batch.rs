//! Many looks in one call: each is judged, recorded and answered as if it were called alone.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::registry::{arguments, fields, setup};
use crate::server::{Server, Setup, eventually};
use crate::sshd::Sshd;

#[path = "../bench/delay.rs"]
mod delay;

/// A server whose host lies 100 ms away.
fn far(sshd: &Sshd) -> Server {
    let port = delay::start(sshd.port, Duration::from_millis(50));
    let (port, pinned) = (format!("Port {port}"), format!("HostKeyAlias [127.0.0.1]:{}", sshd.port));
    let block = sshd.ssh_config_block("box", &[&port, &pinned]);
    Setup::new().raw(&block, "[hosts.box]\nhostname = \"box\"\n").start()
}

fn one(tool: &str, arguments: Value) -> Value {
    json!({"tool": tool, "arguments": arguments})
}

fn batch(server: &mut Server, calls: Vec<Value>, more: Value) -> Value {
    let mut args = json!({"calls": calls});
    args.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    server.ok("ssh_batch", args)
}

/// Lines of the audit, by tool.
fn lines(server: &Server) -> Vec<Value> {
    let log = server.stderr();
    log.lines().filter_map(|line| serde_json::from_str(line.get(line.find('{')?..)?).ok()).collect()
}

/// What differs between two calls of the same tool.
fn timeless(mut value: Value) -> Value {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(map) => {
                for name in ["duration_ms", "latency_ms", "elapsed_ms", "connection_age_seconds", "connection"] {
                    map.remove(name);
                }
                map.values_mut().for_each(strip);
            }
            Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    strip(&mut value);
    value
}

/// Of every tool that only looks: in a batch it answers, or is refused, as alone. Of every other: the batch is refused.
#[test]
fn every_tool_that_only_looks_can_be_batched_and_no_other() {
    let mut server = setup().env("ALLOW_SUDO", "true").start();
    let (mut looks, mut others) = (0, 0);
    for entry in ssh_mcp::internals::tools::all() {
        let tool = entry.spec.name;
        let args = Value::Object(arguments(&entry));
        if !entry.decl().read_only || tool == "ssh_batch" {
            others += 1;
            let said = server.err("ssh_batch", json!({"calls": [one("ssh_host_list", json!({})), one(tool, args)]}));
            assert!(said.contains("Nothing was run") && said.contains(&format!("call 2 ({tool})")), "{tool}: {said}");
            continue;
        }
        looks += 1;
        let alone = server.call(tool, args.clone());
        let many = batch(&mut server, vec![one(tool, args)], json!({}));
        let done = &many["results"][0];
        assert_eq!((&done["tool"], &done["ok"]), (&json!(tool), &json!(!alone.error)), "{done}");
        if alone.error {
            let said = format!("{}: {}", done["error"].as_str().unwrap(), done["error_detail"].as_str().unwrap());
            // A host that cannot be reached is told with the time that it took.
            let words = |text: &str| text.split_whitespace().take(4).collect::<Vec<_>>().join(" ");
            assert_eq!(words(&said), words(&alone.text), "{tool}");
        } else {
            assert_eq!(timeless(done["result"].clone()), timeless(alone.data), "{tool}");
        }
    }
    println!("{looks} tools that look, {others} that do not");
    assert!(looks >= 45 && others > 50, "{looks} and {others}");
    let audit = lines(&server);
    let batched = audit.iter().filter(|line| line["batch"].is_string()).count();
    // One for each call of a batch that ran; a refused batch has made none.
    assert_eq!(batched, looks, "{}", audit.len());
}

#[test]
fn what_can_never_run_refuses_the_whole_batch_by_name() {
    let sshd = Sshd::start();
    let mut server = Setup::open_box(&sshd).start();
    let calls = json!([
        one("ssh_exec_run", json!({"host": "box", "command": "touch /tmp/x"})),
        one("ssh_sudo_read", json!({"host": "box", "path": "/etc/shadow"})),
        one("no_such_tool", json!({})),
        one("ssh_batch", json!({"calls": []})),
        one("ssh_host_info", json!({"host": "box", "sudo": true})),
        one("ssh_sftp_download", json!({"host": "box", "path": "/x", "local_path": "/tmp/x"})),
        one("ssh_host_list", json!({})),
    ]);
    let said = server.err("ssh_batch", json!({"calls": calls}));
    for part in [
        "call 1 (ssh_exec_run): it is not read-only",
        "call 2 (ssh_sudo_read): there is no tool of this name",
        "call 3 (no_such_tool): there is no tool of this name",
        "call 4 (ssh_batch): a batch holds no batch",
        "call 5 (ssh_host_info): `sudo` needs the sudo tier",
        "call 6 (ssh_sftp_download): `local_path` writes",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
    assert!(said.contains("Nothing was run") && !said.contains("call 7"), "{said}");
    // The operator sees what was tried, under the batch.
    let audit = lines(&server);
    let tried: Vec<&str> =
        audit.iter().filter(|line| line["batch"].is_string()).filter_map(|line| line["tool"].as_str()).collect();
    assert_eq!(tried, ["ssh_sudo_read", "no_such_tool"], "{audit:?}");
    for (calls, part) in [
        (json!([]), "0 calls"),
        (json!(vec![one("ssh_host_list", json!({})); 21]), "21 calls"),
        (json!([{"tool": "ssh_host_list", "host": "box"}]), "unknown field"),
    ] {
        let said = server.err("ssh_batch", json!({"calls": calls}));
        assert!(said.contains(part), "{said}");
    }
    let said = server.err("ssh_batch", json!({"calls": [one("ssh_host_list", json!({}))], "timeout": 0}));
    assert!(said.contains("`timeout`"), "{said}");
}

/// What one call alone would be told is told of it alone, and the others go on.
#[test]
fn calls_end_each_for_itself_and_in_order() {
    let sshd = Sshd::start();
    let setup = Setup::open_box(&sshd);
    let root = setup.root();
    std::fs::write(root.join("f"), "one\ntwo\n").unwrap();
    std::fs::write(root.join("empty"), "").unwrap();
    let mut server = setup.start();
    let path = |name: &str| json!({"host": "box", "path": root.join(name)});
    let calls = vec![
        one("ssh_sftp_download", path("f")),
        one("ssh_sftp_download", json!({"host": "box", "path": "/etc/passwd"})),
        one("ssh_find", json!({"host": "box", "path": root, "name_pattern": "nothing*"})),
        one("ssh_host_info", json!({"host": "nowhere"})),
        one("ssh_host_info", json!({"host": "box", "colour": "red"})),
        one("ssh_sftp_download", path("empty")),
    ];
    for parallel in [false, true] {
        let done = batch(&mut server, calls.clone(), json!({"parallel": parallel}));
        assert_eq!((&done["succeeded"], &done["failed"]), (&json!(3), &json!(3)), "{done}");
        let results = done["results"].as_array().unwrap();
        let numbers: Vec<u64> = results.iter().map(|one| one["call"].as_u64().unwrap()).collect();
        assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
        assert_eq!(results[0]["result"]["content_text"], "one\ntwo\n");
        assert_eq!((&results[0]["host"], &results[0]["ok"]), (&json!("box"), &json!(true)));
        assert_eq!(results[1]["error"], "PathNotAllowed");
        // That nothing was found is an answer.
        assert_eq!(results[2]["result"]["matches"], json!([]), "{}", results[2]);
        assert_eq!(results[3]["error"], "HostNotAllowed");
        assert!(results[4]["error_detail"].as_str().unwrap().contains("colour"), "{}", results[4]);
        assert_eq!(results[5]["result"]["content_text"], "", "{}", results[5]);
    }
    let done = batch(&mut server, calls, json!({"stop_on_error": true}));
    assert_eq!((&done["succeeded"], &done["failed"]), (&json!(1), &json!(1)), "{done}");
    assert_eq!(done["not_run"], json!([3, 4, 5, 6]));
}

#[test]
fn each_call_has_its_line_of_the_audit_that_names_the_batch() {
    let sshd = Sshd::start();
    let setup = Setup::open_box(&sshd).host(&sshd, "other", "");
    let mut server = setup.start();
    let calls = ["box", "other"].map(|host| one("ssh_host_info", json!({"host": host}))).to_vec();
    batch(&mut server, calls, json!({}));
    let audit = lines(&server);
    let of = |tool: &str| audit.iter().filter(|line| line["tool"] == tool).cloned().collect::<Vec<Value>>();
    let (whole, inner) = (of("ssh_batch"), of("ssh_host_info"));
    let hosts = |lines: &[Value]| lines.iter().map(|line| line["host"].clone()).collect::<Vec<_>>();
    assert_eq!(hosts(&whole), [json!("box"), json!("other")]);
    assert_eq!(hosts(&inner), [json!("box"), json!("other")]);
    for line in &inner {
        assert_eq!(line["batch"], whole[0]["correlation_id"], "{line}");
        assert_ne!(line["correlation_id"], whole[0]["correlation_id"], "{line}");
        assert_eq!(line["result"], "ok");
    }
    assert_eq!(whole[0].get("batch"), None);
}

/// Together within the budget; what does not fit is read with the id of its own call.
#[test]
fn answers_share_the_budget_and_the_rest_is_kept() {
    let sshd = Sshd::start();
    let setup = Setup::open_box(&sshd);
    let root = setup.root();
    for n in 0..1200 {
        std::fs::write(root.join(format!("a-file-with-an-ordinary-name-{n}.txt")), "").unwrap();
    }
    let log: String = (0..20_000).map(|n| format!("line {n} of a log\n")).collect();
    std::fs::write(root.join("app.log"), &log).unwrap();
    let mut server = setup.start();
    let find = one("ssh_find", json!({"host": "box", "path": root}));
    let read = one("ssh_sftp_download", json!({"host": "box", "path": root.join("app.log")}));
    for (count, extra) in [(2, 1), (10, 9), (19, 1)] {
        let mut calls = vec![find.clone(); count - extra];
        calls.extend(vec![one("ssh_host_list", json!({})); extra]);
        calls.push(read.clone());
        let answer = server.call("ssh_batch", json!({"calls": calls, "parallel": true}));
        assert!(!answer.error, "{}", answer.text);
        let sizes = (answer.text.len(), answer.data.to_string().len());
        println!("{} calls: text {}, structured {}", calls.len(), sizes.0, sizes.1);
        assert!(sizes.0 <= 32_768 && sizes.1 <= 32_768, "{sizes:?}");
        let results = answer.data["results"].as_array().unwrap();
        assert_eq!(results.len(), calls.len(), "{:.400}", answer.text);
        for done in results {
            assert_eq!(done["ok"], true, "{done}");
            if done["tool"] != "ssh_find" {
                continue;
            }
            let result = &done["result"];
            let id = result["output_id"].as_str().unwrap();
            let rest = server.ok("ssh_output_read", json!({"output_id": id, "tail_lines": 1}));
            assert!(rest["lines_total"].as_u64().unwrap() >= 1000, "{rest}");
        }
        let content = results.last().unwrap()["result"].clone();
        let shown = content["content_text"].as_str().unwrap_or_else(|| panic!("{content:.300}"));
        assert!(log.starts_with(shown) && shown.ends_with('\n') && content["next_offset"].is_u64(), "{content:.300}");
        // One large thing among many small ones gets what they do not need.
        assert!(calls.len() > 11 || shown.len() > 8000 || extra != 9, "{} bytes", shown.len());
    }
}

/// Side by side, calls wait for the network together.
#[test]
fn calls_side_by_side_take_the_time_of_one() {
    let sshd = Sshd::start();
    let mut server = far(&sshd);
    let calls = |n: usize| vec![one("ssh_host_info", json!({"host": "box"})); n];
    let mut took = |n: usize, parallel: bool| {
        // Channels that stand by are opened after a call.
        std::thread::sleep(Duration::from_millis(1200));
        let began = Instant::now();
        let done = batch(&mut server, calls(n), json!({"parallel": parallel}));
        assert_eq!(done["succeeded"], n, "{done}");
        began.elapsed()
    };
    took(1, false);
    let single = took(1, false);
    let together = took(3, true);
    let after_another = took(3, false);
    let many = took(8, true);
    println!("one {single:?}, three at once {together:?}, three in order {after_another:?}, eight at once {many:?}");
    assert!(together < single * 2, "{single:?} {together:?}");
    assert!(after_another > together + single / 2, "{after_another:?} {together:?}");
    assert!(many < single * 6, "{many:?}");
}

/// Cancellation and the batch's limit stop what still runs, on the host too.
#[test]
fn the_end_of_a_batch_is_the_end_of_its_calls() {
    let sshd = Sshd::start();
    let setup = Setup::open_box(&sshd);
    let root = setup.root();
    // Takes its time, and no room.
    let hole = root.join("hole");
    std::fs::File::create(&hole).unwrap().set_len(200 << 30).unwrap();
    let mut server = setup.start();
    let slow = || one("ssh_file_hash", json!({"host": "box", "path": hole, "timeout": 600}));
    let quick = one("ssh_host_info", json!({"host": "box"}));
    let began = Instant::now();
    let done = batch(&mut server, vec![quick.clone(), slow(), quick.clone()], json!({"timeout": 2}));
    assert!(began.elapsed() < Duration::from_secs(9), "{:?}", began.elapsed());
    assert_eq!((&done["timed_out"], &done["succeeded"], &done["not_run"]), (&json!(true), &json!(1), &json!([3])));
    assert_eq!(done["results"][1]["error"], "Cancelled", "{done}");
    let hashing = || {
        let running = sshd.session_processes();
        running.iter().filter(|(_, line)| line.contains("sha256sum") || line.contains("openssl")).count()
    };
    assert_eq!(hashing(), 0);
    let id = server.begin_call("ssh_batch", json!({"calls": [slow(), slow(), quick], "parallel": true}));
    assert!(eventually(Duration::from_secs(10), || hashing() == 2), "{}", hashing());
    server.cancel(id);
    assert!(eventually(Duration::from_secs(10), || hashing() == 0), "{}", hashing());
    let cancelled = |server: &Server| {
        lines(server).iter().filter(|line| line["error"] == "Cancelled" && line["tool"] == "ssh_batch").count()
    };
    assert!(eventually(Duration::from_secs(10), || cancelled(&server) == 1));
    let ended: Vec<Value> = lines(&server)
        .into_iter()
        .filter(|line| line["error"] == "Cancelled")
        .map(|line| line["tool"].clone())
        .collect();
    assert!(ended.iter().filter(|tool| **tool == "ssh_file_hash").count() >= 3, "{ended:?}");
    assert!(ended.contains(&json!("ssh_batch")), "{ended:?}");
}

#[test]
fn progress_tells_each_call() {
    let sshd = Sshd::start();
    let mut server = Setup::open_box(&sshd).start();
    let calls = vec![one("ssh_host_info", json!({"host": "box"})), one("ssh_host_list", json!({}))];
    let params = json!({"name": "ssh_batch", "arguments": {"calls": calls}, "_meta": {"progressToken": "b"}});
    server.request("tools/call", params);
    let told: Vec<Value> = server
        .notes()
        .iter()
        .filter(|n| n["method"] == "notifications/progress")
        .map(|n| n["params"].clone())
        .collect();
    let messages: Vec<&str> = told.iter().filter_map(|one| one["message"].as_str()).collect();
    assert_eq!(messages, ["ssh_host_info on box: ok", "ssh_host_list: ok"]);
    assert_eq!((&told[1]["progress"], &told[1]["total"]), (&json!(2.0), &json!(2.0)), "{told:?}");
}

/// A gate is asked of each call, by its own name.
#[test]
fn a_gate_refuses_one_call_and_the_others_go_on() {
    let sshd = Sshd::start();
    let folder = tempfile::tempdir().unwrap();
    let script = "cat > /dev/null; echo '{\"allow\": false, \"reason\": \"closed\"}'";
    let hooks = crate::gates::gate(folder.path(), "tool = ['ssh_host_info']", script);
    let mut server = Setup::open_box(&sshd).env("SSH_HOOKS_FILE", &hooks).start();
    let calls = vec![one("ssh_host_info", json!({"host": "box"})), one("ssh_host_list", json!({}))];
    let done = batch(&mut server, calls, json!({}));
    assert_eq!(
        (&done["results"][0]["error"], &done["results"][1]["ok"]),
        (&json!("GateRefused"), &json!(true)),
        "{done}"
    );
}

/// Arguments by which a tool changes something here have to be named where a batch refuses them.
#[test]
fn no_tool_that_only_looks_takes_an_argument_that_writes() {
    let known: [&str; 1] = ["local_path"];
    let sounds = |name: &str| ["local", "save", "write", "dest", "dst", "out_"].iter().any(|part| name.contains(part));
    for entry in ssh_mcp::internals::tools::all().iter().filter(|entry| entry.decl().read_only) {
        for name in fields(entry).keys().filter(|name| sounds(name)) {
            assert!(known.contains(&name.as_str()), "{}: does `{name}` write?", entry.spec.name);
        }
    }
}
