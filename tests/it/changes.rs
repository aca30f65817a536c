//! What is changed where it lies: edits and patches to the byte, and folders that are made on the way.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::server::{Server, Setup};
use crate::sshd::Sshd;

/// A host on which only one folder is open.
fn closed(sshd: &Sshd) -> (Server, PathBuf) {
    let setup = Setup::new();
    let root = setup.root();
    let keys = format!("path_allowlist = [\"{}\"]", root.display());
    (setup.host(sshd, "box", &keys).start(), root)
}

fn refused(server: &mut Server, tool: &str, args: Value, name: &str) -> String {
    let text = server.err(tool, args);
    assert!(text.starts_with(name), "{tool}: {text}");
    text
}

#[test]
fn edits_are_byte_exact_wherever_the_text_stands() {
    let sshd = Sshd::start();
    let (mut server, root) = closed(&sshd);
    let path = root.join("bytes");
    let many = [b"x".repeat(300_000).as_slice(), b"<here>", b"y\n".repeat(1000).as_slice()].concat();
    let large = [b"z".repeat(1_200_000).as_slice(), b"<here>\n"].concat();
    // What is there, what is looked for, what takes its place, in how many places.
    let cases: &[(&[u8], &str, &str, usize)] = &[
        (b"a=1\nb=2\n", "a=1", "a=3", 1),
        (b"a=1\nb=2", "b=2", "", 1),
        (b"only", "only", "all of it", 1),
        (b"\0\xff\r\nkey\0\n\n", "key\0\n", "k'\\\"$(id)`!\n\0", 1),
        (b"one\ntwo\nthree\n", "e\ntwo\nth", "E\n", 1),
        ("gr\u{fc}n 3333 33".as_bytes(), "\u{fc}n 3", "\u{20ac}", 1),
        (b"aaa", "aa", "b", 1),
        (b"ab ab ab", "ab", "c", 3),
        (&many, "<here>", "<there>\n", 1),
        (&large, "<here>", "<there>", 1),
    ];
    for (before, old, new, places) in cases {
        std::fs::write(&path, before).unwrap();
        let all = if *places > 1 { "all" } else { "single" };
        let args = json!({"host": "box", "path": path, "old_string": old, "new_string": new, "occurrence": all});
        let done = server.ok("ssh_edit", args);
        let mut wanted = Vec::new();
        let mut rest = *before;
        while let Some(at) = rest.windows(old.len()).position(|part| part == old.as_bytes()) {
            wanted.extend_from_slice(&rest[..at]);
            wanted.extend_from_slice(new.as_bytes());
            rest = &rest[at + old.len()..];
        }
        wanted.extend_from_slice(rest);
        assert!(std::fs::read(&path).unwrap() == wanted, "{old:?}");
        assert_eq!(done["bytes_written"], wanted.len());
        assert_eq!(done["message"], format!("{places} replaced"));
        assert!(done["diff"].as_str().unwrap().starts_with("--- "), "{done}");
    }
    std::fs::write(&path, "ab ab").unwrap();
    let twice = json!({"host": "box", "path": path, "old_string": "ab", "new_string": "c"});
    let said = refused(&mut server, "ssh_edit", twice, "WriteError");
    assert!(said.contains("2 times"), "{said}");
    let stale = "0".repeat(64);
    let args = json!({"host": "box", "path": path, "old_string": " ", "new_string": "c", "expected_sha256": stale});
    let said = refused(&mut server, "ssh_edit", args, "WriteError");
    assert!(said.contains("not as expected"), "{said}");
    assert_eq!(std::fs::read(&path).unwrap(), b"ab ab");
    // A patch of one hunk goes the same way, and only to its own line.
    std::fs::write(&path, "0\n1\n2\n\n4\n5\n").unwrap();
    let patch = |at: usize| format!("--- a\n+++ b\n@@ -{at},2 +{at},2 @@\n \n-4\n+four\n");
    let args = |at: usize| json!({"host": "box", "path": path, "unified_diff": patch(at)});
    refused(&mut server, "ssh_patch", args(3), "WriteError");
    assert_eq!(std::fs::read(&path).unwrap(), b"0\n1\n2\n\n4\n5\n");
    server.ok("ssh_patch", args(4));
    assert_eq!(std::fs::read(&path).unwrap(), b"0\n1\n2\n\nfour\n5\n");
    std::fs::write(&path, "x1\n2\n").unwrap();
    let inside = "--- a\n+++ b\n@@ -1,1 +1,1 @@\n-1\n+one\n";
    refused(&mut server, "ssh_patch", json!({"host": "box", "path": path, "unified_diff": inside}), "WriteError");
    assert_eq!(std::fs::read(&path).unwrap(), b"x1\n2\n");
}

#[test]
fn folders_on_the_way_are_made_inside_the_rules() {
    let sshd = Sshd::start();
    let (mut server, root) = closed(&sshd);
    let at = |name: &str| root.join(name);
    let parents = |path: PathBuf| json!({"host": "box", "path": path, "parents": true, "mode": "0750"});
    server.ok("ssh_mkdir", parents(at("p/q/r s")));
    assert_eq!(std::fs::metadata(at("p/q/r s")).unwrap().permissions().mode() & 0o777, 0o750);
    server.ok("ssh_mkdir", parents(at("p/q/r s")));
    symlink(at("p/q"), at("way")).unwrap();
    let done = server.ok("ssh_mkdir", parents(at("way/t/u")));
    assert_eq!(done["path"], json!(at("p/q/t/u")));
    symlink(root.parent().unwrap(), at("out")).unwrap();
    refused(&mut server, "ssh_mkdir", parents(at("out/new/deep")), "PathNotAllowed");
    assert!(!root.parent().unwrap().join("new").exists());
    std::fs::write(at("file"), "").unwrap();
    refused(&mut server, "ssh_mkdir", parents(at("file/x")), "WriteError");
}

#[test]
fn modes_are_octal_text_and_every_answer_shows_them() {
    let sshd = Sshd::start();
    let (mut server, root) = closed(&sshd);
    let at = |name: &str| root.join(name);
    let bits = |name: &str| std::fs::metadata(at(name)).unwrap().permissions().mode() & 0o7777;
    let with = |name: &str, mode: Value| match mode {
        Value::Null => json!({"host": "box", "path": at(name), "content_text": "a=1\n"}),
        mode => json!({"host": "box", "path": at(name), "content_text": "a=1\n", "mode": mode}),
    };
    // What was read as decimal before, and what else has two readings.
    for tool in ["ssh_upload", "ssh_deploy", "ssh_mkdir"] {
        for number in [755, 644, 440, 420, 4755] {
            let mut args = with("refused", json!(number));
            if tool == "ssh_mkdir" {
                args.as_object_mut().unwrap().remove("content_text");
            }
            let said = refused(&mut server, tool, args, "ValueError");
            assert!(said.contains(&format!("\"{number:04}\"")) && said.contains("mode"), "{tool} {number}: {said}");
            assert!(!at("refused").exists());
        }
    }
    for (given, expected) in [(json!("0640"), 0o640), (json!("755"), 0o755), (json!(493), 0o755), (Value::Null, 0o755)]
    {
        let done = server.ok("ssh_upload", with("file", given.clone()));
        assert_eq!((&done["mode"], bits("file")), (&json!(format!("{expected:04o}")), expected), "{given}: {done}");
    }
    let done = server.ok("ssh_deploy", with("file", json!("0604")));
    assert_eq!((&done["mode"], bits("file")), (&json!("0604"), 0o604), "{done}");
    let folder = |mode: &str| json!({"host": "box", "path": at("folder"), "mode": mode});
    let done = server.ok("ssh_mkdir", folder("0710"));
    assert_eq!((&done["mode"], bits("folder")), (&json!("0710"), 0o710), "{done}");
    // Those that keep one: in one round trip, in two, as a patch, as a copy, under another name.
    let edit = json!({"host": "box", "path": at("file"), "old_string": "a=1", "new_string": "a=2"});
    assert_eq!(server.ok("ssh_edit", edit)["mode"], "0604");
    let patch = "--- a\n+++ b\n@@ -1,1 +1,2 @@\n-a=2\n+a=3\n+b\n";
    assert_eq!(
        server.ok("ssh_patch", json!({"host": "box", "path": at("file"), "unified_diff": patch}))["mode"],
        "0604"
    );
    for (tool, from, to) in [("ssh_cp", "file", "copy"), ("ssh_mv", "copy", "moved"), ("ssh_cp", "folder", "folder-2")]
    {
        let done = server.ok(tool, json!({"host": "box", "src": at(from), "dst": at(to)}));
        assert_eq!(done["mode"], if to == "folder-2" { "0710" } else { "0604" }, "{tool}: {done}");
        assert_eq!(done["mode"], format!("{:04o}", bits(to)));
    }
    // Set-id bits have names.
    std::fs::set_permissions(at("moved"), std::fs::Permissions::from_mode(0o4755)).unwrap();
    let done = server.ok("ssh_mv", json!({"host": "box", "src": at("moved"), "dst": at("again")}));
    assert_eq!((&done["mode"], bits("again")), (&json!("4755"), 0o4755), "{done}");
    assert!(done["output_warnings"].to_string().contains("set-user-ID"), "{done}");
}
