//! Files on a real host: what is read and written is what was approved, whatever lies around it.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use serde_json::{Value, json};

use crate::containers::Container;
use crate::server::{Server, Setup};
use crate::sshd::Sshd;

/// A machine that sees the files of this one under the same names.
pub trait Place {
    /// Adds it as the host `box`.
    fn add(&self, setup: Setup, keys: &str) -> Setup;

    /// True where the host's programs cannot tell names that are not UTF-8.
    fn knows_only_utf8(&self) -> bool {
        false
    }
}

impl Place for Sshd {
    fn add(&self, setup: Setup, keys: &str) -> Setup {
        setup.host(self, "box", keys)
    }
}

impl Place for Container {
    fn add(&self, setup: Setup, keys: &str) -> Setup {
        let entry = format!("[hosts.box]\nhostname = \"box\"\n{keys}\n");
        setup.raw(&self.ssh_config_block("box", account(), &[]), &entry)
    }
}

/// The account of a container to which the files belong that both sides see: whoever runs the tests owns them.
pub fn account() -> &'static str {
    if nix::unistd::geteuid().is_root() { "root" } else { "user" }
}

type Scenario = fn(&dyn Place);

/// What holds on every kind of machine.
pub const SCENARIOS: [Scenario; 15] = [
    odd_names_are_listed_and_read,
    parts_of_files,
    a_search_filters_by_facts_and_sorts,
    nothing_is_read_beyond_the_rules,
    writes_are_whole_and_edits_keep_bytes,
    names_are_moved_copied_and_deleted_inside_the_rules,
    a_folder_goes_with_everything_in_it,
    a_patch_applies_whole_or_says_where_it_does_not,
    crate::real_names::entries_hold_under_both_names,
    crate::real_names::links_tell_nothing_of_what_they_lead_out_to,
    crate::file_limits::what_a_copy_leaves_out_is_named,
    crate::links::relative_links_are_judged_where_they_will_lie,
    crate::trees::trees_are_closed_by_what_they_hold,
    crate::links::a_folder_that_holds_links_gives_nothing_of_what_they_lead_to,
    crate::names::every_name_is_shown_apart_and_read_back,
];

#[test]
fn files_on_a_gnu_machine() {
    let sshd = Sshd::start();
    // At once: each has folders of its own.
    std::thread::scope(|scope| {
        for scenario in SCENARIOS {
            let sshd = &sshd;
            scope.spawn(move || scenario(sshd));
        }
    });
}

/// A server with a host `box` whose rules close a zone, hide keys and redact-list `*.env`.
fn closed(place: &dyn Place) -> (Server, std::path::PathBuf) {
    let setup = Setup::new();
    let root = setup.root();
    std::fs::create_dir(root.join("zone")).unwrap();
    std::fs::write(root.join("zone/inner"), "CANARY zone").unwrap();
    std::fs::write(root.join("a.env"), "PASSWORD=CANARY-env-1\n").unwrap();
    std::fs::write(root.join("b.key"), "CANARY key").unwrap();
    std::fs::write(setup.path("outside"), "CANARY outside").unwrap();
    let keys = format!(
        "path_allowlist = [\"{0}\"]\nrestricted_paths = [\"{0}/zone\"]\nrestricted_globs = [\"**/*.key\"]\n\
         redact_paths_globs = [\"*.env\"]\nredact_bypass_policy = \"block\"",
        root.display()
    );
    let local = root.join("local");
    std::fs::create_dir(&local).unwrap();
    let setup = place.add(setup, &keys).env("SSH_LOCAL_TRANSFER_ROOTS", &local.display().to_string());
    (setup.start(), root)
}

fn ok(server: &mut Server, tool: &str, args: Value) -> Value {
    server.ok(tool, args)
}

fn refused(server: &mut Server, tool: &str, args: Value, name: &str) -> String {
    let text = server.err(tool, args);
    assert!(text.contains(name), "{tool}: {text}");
    assert!(!text.contains("CANARY"), "{tool}: {text}");
    text
}

fn names(list: &Value) -> Vec<String> {
    list["entries"].as_array().unwrap().iter().map(|e| e["name"].as_str().unwrap().to_owned()).collect()
}

fn odd_names_are_listed_and_read(place: &dyn Place) {
    let (mut server, root) = closed(place);
    let dir = root.join("odd");
    std::fs::create_dir(&dir).unwrap();
    for name in ["-rf", "a b ", "q'u\"o", "new\nline", "$(id)", ".hidden", "*", "back\\slash"] {
        std::fs::write(dir.join(name), name).unwrap();
    }
    symlink("with\nnewline", dir.join("l1")).unwrap();
    symlink("-rf", dir.join("l2")).unwrap();
    let list = ok(&mut server, "ssh_sftp_list", json!({"host": "box", "path": dir}));
    assert_eq!(
        names(&list),
        ["$(id)", "*", "-rf", ".hidden", "a b ", "back\\slash", "l1", "l2", "new\\x0aline", "q'u\"o"]
    );
    assert_eq!(list["entries"][7]["symlink_target"], "-rf");
    let page = ok(&mut server, "ssh_sftp_list", json!({"host": "box", "path": dir, "offset": 8, "limit": 1}));
    assert_eq!((names(&page), page["has_more"].as_bool()), (vec!["new\\x0aline".to_owned()], Some(true)));
    for name in ["-rf", "a b ", "q'u\"o", "$(id)", "*", "back\\slash"] {
        let path = dir.join(name);
        let read = ok(&mut server, "ssh_sftp_download", json!({"host": "box", "path": path, "as_text": true}));
        assert_eq!(read["content_text"], name);
        let found = ok(&mut server, "ssh_file_hash", json!({"host": "box", "path": path, "algorithm": "md5"}));
        assert_eq!(found["size"], name.len());
    }
}

fn a_search_filters_by_facts_and_sorts(place: &dyn Place) {
    let (mut server, root) = closed(place);
    let dir = root.join("many");
    std::fs::create_dir_all(dir.join("sub")).unwrap();
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(40 * 86_400);
    for (name, size, mode, aged) in
        [("big", 5000, 0o644, false), ("sub/mid of all", 700, 0o666, true), ("small", 3, 0o4755, false)]
    {
        std::fs::write(dir.join(name), vec![b'x'; size]).unwrap();
        std::fs::set_permissions(dir.join(name), std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        if aged {
            std::fs::File::options().write(true).open(dir.join(name)).unwrap().set_modified(old).unwrap();
        }
    }
    let mut find = |more: Value| {
        let mut args = json!({"host": "box", "path": dir});
        args.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let found = ok(&mut server, "ssh_find", args);
        let rows = found["files"].as_array().into_iter().flatten();
        let names: Vec<String> = rows
            .map(|row| row["path"].as_str().unwrap().strip_prefix(&format!("{}/", dir.display())).unwrap().to_owned())
            .collect();
        (names.join(", "), found)
    };
    assert_eq!(find(json!({"sort": "size"})).0, "big, sub/mid of all, small");
    assert_eq!(find(json!({"min_size": 700, "max_size": 4999})).0, "sub/mid of all");
    assert_eq!(find(json!({"newer_than": "1d", "sort": "size"})).0, "big, small");
    let (names, found) = find(json!({"older_than": "30d"}));
    assert_eq!(
        (names.as_str(), &found["files"][0]["size"], &found["files"][0]["mode"]),
        ("sub/mid of all", &json!(700), &json!("0666"))
    );
    assert_eq!(find(json!({"permission": "4000"})).0, "small");
    assert_eq!(find(json!({"permission": "0002"})).0, "sub/mid of all");
    assert_eq!(find(json!({"owner": "nobody-here"})).0, "");
    assert_eq!(find(json!({"sort": "time"})).1["files"][2]["size"], 700);
    assert_eq!(find(json!({"min_size": 1, "count_only": true})).1["count"], 3);
    assert_eq!(find(json!({"count_only": true})).1["count"], 3);
    let all = ok(&mut server, "ssh_find", json!({"host": "box", "path": root, "min_size": 0}));
    assert!(!all.to_string().contains("zone") && !all.to_string().contains("b.key"), "{all}");
    let wrong = json!({"host": "box", "path": root, "older_than": "soon"});
    refused(&mut server, "ssh_find", wrong, "ValueError");
}

fn parts_of_files(place: &dyn Place) {
    let (mut server, root) = closed(place);
    let lines: String = (1..=1000).map(|n| format!("line {n}\n")).collect();
    std::fs::write(root.join("log"), &lines).unwrap();
    let path = root.join("log");
    let mut part = |more: Value| {
        let mut args = json!({"host": "box", "path": path, "as_text": true});
        args.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ok(&mut server, "ssh_sftp_download", args)
    };
    let tail = part(json!({"tail_lines": 2}));
    assert_eq!((tail["content_text"].as_str(), tail["size"].as_u64()), (Some("line 999\nline 1000\n"), Some(8893)));
    let middle = part(json!({"offset": 7, "max_bytes": 6}));
    assert_eq!((middle["content_text"].as_str(), middle["truncated"].as_bool()), (Some("line 2"), Some(true)));
    let two = part(json!({"from_line": 500, "lines": 2}));
    assert_eq!((two["content_text"].as_str(), &two["next_from_line"]), (Some("line 500\nline 501\n"), &json!(502)));
    let last = part(json!({"from_line": 1000}));
    assert_eq!((last["content_text"].as_str(), last.get("next_from_line")), (Some("line 1000\n"), None), "{last}");
    let found = part(json!({"grep": "(?:7|8)77$", "context": 1}));
    let expected = "776-line 776\n777:line 777\n778-line 778\n--\n876-line 876\n877:line 877\n878-line 878\n";
    assert_eq!(found["content_text"], expected);
    let found = part(json!({"grep": "LINE \\d{3}$", "from_line": 200, "lines": 2}));
    assert_eq!(found["content_text"], "", "{found}");
    let found = part(json!({"grep": "(?i)LINE \\d{3}$", "from_line": 200, "lines": 2}));
    assert_eq!(
        (found["content_text"].as_str(), &found["next_from_line"]),
        (Some("200:line 200\n201:line 201\n"), &json!(202))
    );
    let found = part(json!({"grep": "0$", "tail_lines": 11}));
    assert_eq!(found["content_text"], "990:line 990\n1000:line 1000\n");
    assert_eq!(part(json!({"count_only": true}))["lines_total"], 1000);
    assert_eq!(part(json!({"count_only": true, "grep": "^line [0-9]$"}))["matches"], 9);
    for wrong in
        [json!({"grep": "("}), json!({"from_line": 1, "offset": 1}), json!({"grep": "\\bline"}), json!({"lines": 0})]
    {
        let mut args = json!({"host": "box", "path": path});
        args.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
        let said = server.err("ssh_sftp_download", args);
        assert!(said.starts_with("ValueError"), "{wrong}: {said}");
    }
    let mut part = |more: Value| {
        let mut args = json!({"host": "box", "path": path, "as_text": true});
        args.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ok(&mut server, "ssh_sftp_download", args)
    };
    let end = part(json!({"offset": 8888}));
    assert_eq!((end["content_text"].as_str(), end["truncated"].as_bool()), (Some("1000\n"), Some(false)));
    let path = root.join("log");
    let local = root.join("local/copy");
    let saved = ok(&mut server, "ssh_sftp_download", json!({"host": "box", "path": path, "local_path": local}));
    assert_eq!(saved["size"], 8893);
    assert_eq!(std::fs::read_to_string(&local).unwrap(), lines);
    let elsewhere = root.join("copy");
    let args = json!({"host": "box", "path": path, "local_path": elsewhere});
    refused(&mut server, "ssh_sftp_download", args, "LocalPathPolicyError");
}

fn nothing_is_read_beyond_the_rules(place: &dyn Place) {
    let (mut server, root) = closed(place);
    let outside = root.parent().unwrap().join("outside");
    symlink(&outside, root.join("out")).unwrap();
    symlink(root.join("a.env"), root.join("plain")).unwrap();
    symlink(root.join("zone"), root.join("way")).unwrap();
    std::fs::write(root.join("target"), "t").unwrap();
    symlink("target", root.join("fine")).unwrap();
    for tool in ["ssh_sftp_download", "ssh_file_hash", "ssh_sftp_stat", "ssh_read_redacted"] {
        for (path, name) in [("out", "PathNotAllowed"), ("way/inner", "PathRestricted"), ("b.key", "PathRestricted")] {
            refused(&mut server, tool, json!({"host": "box", "path": root.join(path)}), name);
        }
        if tool != "ssh_read_redacted" {
            refused(&mut server, tool, json!({"host": "box", "path": root.join("plain")}), "RedactBypassBlocked");
        }
    }
    let stat = ok(&mut server, "ssh_sftp_stat", json!({"host": "box", "path": root.join("fine")}));
    assert_eq!((stat["kind"].as_str(), stat["size"].as_u64()), (Some("file"), Some(1)));
    assert_eq!(stat["symlink_target"].as_str(), root.join("target").to_str());
    let list = ok(&mut server, "ssh_sftp_list", json!({"host": "box", "path": root}));
    assert_eq!(names(&list), ["a.env", "fine", "local", "out", "plain", "target", "way"]);
    let found = ok(&mut server, "ssh_find", json!({"host": "box", "path": root}));
    assert_eq!(found["matches"], json!([root.join("a.env"), root.join("target")]));
    let found = ok(&mut server, "ssh_find", json!({"host": "box", "path": root, "contains": "CANARY"}));
    assert_eq!(found["matches"], json!([]));
    std::fs::write(root.join("notes"), "one\nthe word\n").unwrap();
    let found = ok(&mut server, "ssh_find", json!({"host": "box", "path": root, "contains": "the w"}));
    assert_eq!(found["lines"], json!([{"path": root.join("notes"), "line": 2, "text": "the word"}]));
    let found = ok(&mut server, "ssh_find", json!({"host": "box", "path": root, "kind": "d", "max_depth": 0}));
    assert_eq!(found["matches"], json!([root]));
    let redacted = ok(&mut server, "ssh_read_redacted", json!({"host": "box", "path": root.join("plain")}));
    assert!(!redacted.to_string().contains("CANARY"), "{redacted}");
    assert_eq!(redacted["redactions"][0]["key"], "PASSWORD");
    let said =
        refused(&mut server, "ssh_sftp_download", json!({"host": "box", "path": root.join("local")}), "SFTPError");
    assert!(said.contains("folder"), "{said}");
}

/// True where the login account of the tests may become root without a password.
fn can_sudo() -> bool {
    std::process::Command::new("sudo").args(["-n", "true"]).output().is_ok_and(|done| done.status.success())
}

#[test]
fn root_reads_under_the_same_rules() {
    if !can_sudo() {
        return;
    }
    let sshd = Sshd::start();
    let setup = Setup::new().env("ALLOW_SUDO", "true");
    let root = setup.root();
    std::fs::write(root.join("a.env"), "PASSWORD=for-root-only-1\n").unwrap();
    symlink("/etc/shadow", root.join("shadow")).unwrap();
    let keys = format!("path_allowlist = [\"{}\"]", root.display());
    let mut server = setup.host(&sshd, "box", &keys).start();
    let read = ok(&mut server, "ssh_sudo_read", json!({"host": "box", "path": root.join("a.env"), "as_text": true}));
    assert_eq!(read["content_text"], "PASSWORD=for-root-only-1\n");
    let list = ok(&mut server, "ssh_sudo_sftp_list", json!({"host": "box", "path": root}));
    assert_eq!(names(&list), ["a.env", "shadow"]);
    let redacted = ok(&mut server, "ssh_sudo_read_redacted", json!({"host": "box", "path": root.join("a.env")}));
    assert!(!redacted.to_string().contains("for-root-only"), "{redacted}");
    refused(&mut server, "ssh_sudo_read", json!({"host": "box", "path": root.join("shadow")}), "PathNotAllowed");
    let absent = root.join("absent");
    let told = server.err("ssh_sudo_read", json!({"host": "box", "path": absent}));
    assert!(told.starts_with(&format!("PathNotAllowed: `{}` cannot be used", absent.display())), "{told}");
}

fn writes_are_whole_and_edits_keep_bytes(place: &dyn Place) {
    let (mut server, root) = closed(place);
    let path = root.join("conf");
    let done = ok(&mut server, "ssh_upload", json!({"host": "box", "path": path, "content_text": "a\r\nport=1"}));
    assert_eq!(done["bytes_written"], 9);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    std::fs::write(&path, b"a\r\n\xffport=1").unwrap();
    let mut args =
        json!({"host": "box", "path": path, "old_string": "port=1", "new_string": "port=2", "dry_run": true});
    ok(&mut server, "ssh_edit", args.clone());
    assert_eq!(std::fs::read(&path).unwrap(), b"a\r\n\xffport=1");
    args["dry_run"] = json!(false);
    let done = ok(&mut server, "ssh_edit", args.clone());
    assert!(done["diff"].as_str().unwrap().contains("port=2"), "{done}");
    assert_eq!(std::fs::read(&path).unwrap(), b"a\r\n\xffport=2");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    let said = refused(&mut server, "ssh_edit", args, "WriteError");
    assert!(said.contains("0 times"), "{said}");
    let stale = "0".repeat(64);
    let args = json!({"host": "box", "path": path, "content_text": "x", "expected_sha256": stale});
    refused(&mut server, "ssh_upload", args, "WriteError");
    let done = ok(&mut server, "ssh_deploy", json!({"host": "box", "path": path, "content_text": "new"}));
    assert_eq!(std::fs::read(done["backup_path"].as_str().unwrap()).unwrap(), b"a\r\n\xffport=2");
    assert_eq!(std::fs::read(&path).unwrap(), b"new");
    // By a link, content that is still on its way when the host says where the link leads.
    let long = "long\n".repeat(600_000);
    std::fs::create_dir(root.join("real")).unwrap();
    symlink("real", root.join("by")).unwrap();
    symlink("/etc", root.join("away")).unwrap();
    ok(&mut server, "ssh_upload", json!({"host": "box", "path": root.join("by/long"), "content_text": long}));
    assert!(std::fs::read(root.join("real/long")).unwrap() == long.as_bytes());
    let args = json!({"host": "box", "path": root.join("away/long"), "content_text": long});
    refused(&mut server, "ssh_upload", args, "PathNotAllowed");
    let names: Vec<_> = std::fs::read_dir(&root).unwrap().flatten().map(|e| e.file_name()).collect();
    assert!(!names.iter().any(|n| n.to_string_lossy().contains("ssh-mcp-tmp")), "{names:?}");
}

fn names_are_moved_copied_and_deleted_inside_the_rules(place: &dyn Place) {
    let (mut server, root) = closed(place);
    let outside = root.parent().unwrap().join("outside");
    let at = |name: &str| root.join(name);
    symlink(&outside, at("out")).unwrap();
    std::fs::write(at("f"), "f").unwrap();
    ok(&mut server, "ssh_mkdir", json!({"host": "box", "path": at("d/e"), "parents": true}));
    ok(&mut server, "ssh_cp", json!({"host": "box", "src": at("f"), "dst": at("d/e/g")}));
    ok(&mut server, "ssh_mv", json!({"host": "box", "src": at("d/e/g"), "dst": at("d/h")}));
    std::fs::write(at("d/old"), "old").unwrap();
    std::fs::hard_link(at("d/old"), at("d/kept")).unwrap();
    let copied = ok(&mut server, "ssh_cp", json!({"host": "box", "src": at("f"), "dst": at("d/old")}));
    assert_eq!((copied["bytes_written"].as_u64(), std::fs::read(at("d/old")).unwrap()), (Some(1), b"f".to_vec()));
    assert_eq!(std::fs::read(at("d/kept")).unwrap(), b"old", "a copy takes a name and writes into nothing");
    let left = std::fs::read_dir(at("d")).unwrap().flatten().map(|e| e.file_name().into_string().unwrap());
    assert_eq!(left.filter(|name| name.starts_with('.')).collect::<Vec<_>>(), Vec::<String>::new());
    ok(&mut server, "ssh_link", json!({"host": "box", "src": at("d/h"), "dst": at("d/hard")}));
    ok(&mut server, "ssh_link", json!({"host": "box", "src": "h", "dst": at("d/soft"), "symbolic": true}));
    assert_eq!(std::fs::read(at("d/soft")).unwrap(), b"f");
    for (tool, src) in [("ssh_cp", "a.env"), ("ssh_mv", "a.env"), ("ssh_link", "a.env")] {
        refused(&mut server, tool, json!({"host": "box", "src": at(src), "dst": at("notes")}), "RedactBypassBlocked");
    }
    refused(&mut server, "ssh_cp", json!({"host": "box", "src": at("out"), "dst": at("notes")}), "PathNotAllowed");
    refused(&mut server, "ssh_cp", json!({"host": "box", "src": at("f"), "dst": at("out")}), "PathNotAllowed");
    refused(
        &mut server,
        "ssh_upload",
        json!({"host": "box", "path": at("out"), "content_text": "x"}),
        "PathNotAllowed",
    );
    let link = json!({"host": "box", "src": outside, "dst": at("n"), "symbolic": true});
    refused(&mut server, "ssh_link", link, "PathNotAllowed");
    refused(&mut server, "ssh_mv", json!({"host": "box", "src": root, "dst": at("x")}), "Path");
    refused(
        &mut server,
        "ssh_delete_folder",
        json!({"host": "box", "path": root, "recursive": true}),
        "PathRestricted",
    );
    refused(&mut server, "ssh_delete", json!({"host": "box", "path": at("d")}), "WriteError");
    ok(&mut server, "ssh_delete", json!({"host": "box", "path": at("out")}));
    assert!(outside.exists() && !at("out").exists());
    ok(&mut server, "ssh_delete", json!({"host": "box", "path": at("f")}));
}

fn a_folder_goes_with_everything_in_it(place: &dyn Place) {
    let setup = Setup::new();
    let root = setup.root();
    let mut server = place.add(setup, &format!("path_allowlist = [\"{}\"]", root.display())).start();
    std::fs::create_dir_all(root.join("t/u")).unwrap();
    std::fs::write(root.join("t/u/f"), "f").unwrap();
    let args = json!({"host": "box", "path": root.join("t"), "recursive": true, "dry_run": true});
    let look = ok(&mut server, "ssh_delete_folder", args);
    assert_eq!(look["would_delete"], json!([root.join("t"), root.join("t/u"), root.join("t/u/f")]));
    server.err("ssh_delete_folder", json!({"host": "box", "path": root.join("t")}));
    ok(&mut server, "ssh_mv", json!({"host": "box", "src": root.join("t"), "dst": root.join("s")}));
    let copy = json!({"host": "box", "src": root.join("s"), "dst": root.join("copy")});
    ok(&mut server, "ssh_cp", copy.clone());
    assert_eq!(std::fs::read(root.join("copy/u/f")).unwrap(), b"f");
    server.err("ssh_cp", copy);
    assert_eq!(std::fs::read_dir(&root).unwrap().count(), 2, "no temporary stays");
    ok(&mut server, "ssh_delete_folder", json!({"host": "box", "path": root.join("s"), "recursive": true}));
    assert!(!root.join("s").exists());
}

fn a_patch_applies_whole_or_says_where_it_does_not(place: &dyn Place) {
    let (mut server, root) = closed(place);
    let path = root.join("conf");
    std::fs::write(&path, b"a\r\n\xff\r\nport=1\r\nend").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let diff = "--- a/x\n+++ b/x\n@@ -3 +3,2 @@\n-port=1\n+port=2\n+more\n";
    let mut args = json!({"host": "box", "path": path, "unified_diff": diff, "dry_run": true});
    let shown = ok(&mut server, "ssh_patch", args.clone());
    assert_eq!(std::fs::read(&path).unwrap(), b"a\r\n\xff\r\nport=1\r\nend");
    args["dry_run"] = json!(false);
    args["expected_sha256"] = json!("0".repeat(64));
    refused(&mut server, "ssh_patch", args.clone(), "not as expected");
    args["expected_sha256"] = Value::Null;
    let done = ok(&mut server, "ssh_patch", args.clone());
    assert_eq!(std::fs::read(&path).unwrap(), b"a\r\n\xff\r\nport=2\r\nmore\r\nend");
    assert_eq!((&done["diff"], &done["sha256"]), (&shown["diff"], &shown["sha256"]));
    assert!(done["message"].as_str().unwrap().starts_with("1 hunk applied"), "{done}");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    let said = refused(&mut server, "ssh_patch", args, "WriteError");
    assert!(said.contains("line 3") && said.contains("port=2") && said.contains("Nothing was changed"), "{said}");
    let empty = root.join("empty");
    std::fs::write(&empty, "").unwrap();
    let diff = "--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+a\n\\ No newline at end of file\n";
    ok(&mut server, "ssh_patch", json!({"host": "box", "path": empty, "unified_diff": diff}));
    assert_eq!(std::fs::read(&empty).unwrap(), b"a");
    for (path, name) in [("a.env", "WriteError"), ("zone/inner", "PathRestricted"), ("none", "PathNotAllowed")] {
        refused(&mut server, "ssh_patch", json!({"host": "box", "path": root.join(path), "unified_diff": diff}), name);
    }
}

#[test]
fn a_search_says_what_it_leaves_out_and_what_brings_it() {
    let sshd = Sshd::start();
    let setup = Setup::new().env("SSH_FIND_MAX_RESULTS", "3").env("SSH_FIND_MAX_DEPTH", "2");
    // Its long answers are looked at whole.
    let setup = setup.env("SSH_ANSWER_MAX_BYTES", "8388608");
    let root = setup.root();
    let keys = format!("path_allowlist = [\"{}\"]\nredact_paths_globs = [\"**/.env\"]", root.display());
    let mut server = setup.host(&sshd, "box", &keys).start();
    let at = |name: &str| root.join(name);
    std::fs::create_dir_all(at("logs")).unwrap();
    let many: String = (0..1051).map(|n| format!("ERROR number {n}\n")).collect();
    std::fs::write(at("logs/many"), many).unwrap();
    std::fs::write(at("logs/long"), format!("ERROR {}\n", "x".repeat(900))).unwrap();
    // 65 MB, with its lines at the end: it is searched.
    let large = std::fs::File::create(at("logs/large")).unwrap();
    large.set_len(65 << 20).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&large, b"\nERROR at the end\n", 65 << 20).unwrap();
    let find = |server: &mut Server, more: Value| {
        let mut args = json!({"host": "box", "path": root.join("logs"), "contains": "ERROR"});
        args.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        server.ok("ssh_find", args)
    };
    let lines = |answer: &Value, name: &str| {
        let path = json!(at(name));
        answer["lines"].as_array().unwrap().iter().filter(|line| line["path"] == path).cloned().collect::<Vec<_>>()
    };
    let found = find(&mut server, json!({}));
    assert_eq!(found["matches"].as_array().unwrap().len(), 3, "{found}");
    assert_eq!((lines(&found, "logs/many").len(), lines(&found, "logs/large").len()), (20, 1));
    let long = lines(&found, "logs/long");
    assert_eq!((long[0]["cut"].clone(), long[0]["text"].as_str().unwrap().len()), (json!(true), 400), "{found}");
    let said = found["output_warnings"].to_string();
    assert!(said.contains("1051 lines") && said.contains("max_lines") && said.contains("max_line_bytes"), "{said}");
    // What is named brings it, and then there is nothing to say.
    let all = find(&mut server, json!({"max_lines": 2000, "max_line_bytes": 1000}));
    assert_eq!(
        (lines(&all, "logs/many").len(), lines(&all, "logs/long")[0]["text"].as_str().unwrap().len()),
        (1051, 906)
    );
    assert_eq!(all["output_warnings"], Value::Null, "{}", all["output_warnings"]);
    let small = find(&mut server, json!({"max_file_bytes": 1 << 20, "max_lines": 2000, "max_line_bytes": 1000}));
    let said = small["output_warnings"].to_string();
    assert!(said.contains("logs/large") && said.contains("max_file_bytes"), "{said}");
    assert_eq!(lines(&small, "logs/large").len(), 0);
    let exact = std::fs::metadata(at("logs/many")).unwrap().len();
    let exact = find(&mut server, json!({"max_file_bytes": exact, "max_lines": 2000, "max_line_bytes": 1000}));
    assert_eq!(lines(&exact, "logs/many").len(), 1051, "a file of just that size is searched");
    // Results, depth, and files that are redact-listed.
    for name in ["logs/a", "logs/b"] {
        std::fs::write(at(name), "ERROR\n").unwrap();
    }
    let most = find(&mut server, json!({"max_lines": 2000, "max_line_bytes": 1000}));
    assert_eq!((most["truncated"].clone(), most["matches"].as_array().unwrap().len()), (json!(true), 3), "{most}");
    assert!(most["output_warnings"].to_string().contains("SSH_FIND_MAX_RESULTS"), "{most}");
    std::fs::create_dir_all(at("logs/1/2/3")).unwrap();
    let deep = server
        .ok("ssh_find", json!({"host": "box", "path": root.join("logs"), "max_depth": 9, "name_pattern": "long"}));
    assert!(deep["output_warnings"].to_string().contains("SSH_FIND_MAX_DEPTH"), "{deep}");
    std::fs::create_dir(at("app")).unwrap();
    std::fs::write(at("app/.env"), "ERROR=1\n").unwrap();
    let listed = server.ok("ssh_find", json!({"host": "box", "path": root.join("app"), "contains": "ERROR"}));
    assert_eq!(listed["matches"], json!([]), "{listed}");
    assert!(listed["output_warnings"].to_string().contains("app/.env"), "{listed}");
    let missed = server.ok("ssh_find", json!({"host": "box", "path": root.join("app"), "contains": "absent"}));
    assert_eq!(missed["output_warnings"], listed["output_warnings"]);
    let alone = server.err("ssh_find", json!({"host": "box", "path": root, "max_lines": 5}));
    assert!(alone.contains("contains"), "{alone}");
}
