//! Hosts on which nothing can run: Windows, shown by a real SFTP server as a tree with `C:` at its root, and accounts
//! that may only transfer files.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::files::Place;
use crate::kinds;
use crate::server::{Server, Setup};
use crate::sshd::{Login, Options, Sshd, can_check_passwords};
use crate::transfers::temporaries;

/// Answers to commands as cmd.exe does, and to the sftp subsystem with a server that sees only the tree.
const FORCED: &str = r#"#!/bin/sh
case ${SSH_ORIGINAL_COMMAND-} in
*sftp*) exec unshare -m sh -c 'cd "$1" && mkdir -p usr etc dev && for d in usr etc dev; do mount --bind /$d $d || exit; done
    for l in lib lib64; do [ -L $l ] || ln -s usr/$l $l; done; exec chroot . /usr/lib/openssh/sftp-server' sh "TREE" ;;
*) echo asked >>"TREE.asked"; echo "'exec' is not recognized as an internal or external command," >&2; exit 1 ;;
esac
"#;

/// A host that looks like Windows, and the folder that is its `C:\Users\agent`.
fn windows() -> Option<(Sshd, tempfile::TempDir, PathBuf)> {
    if !can_check_passwords() || !Path::new("/usr/lib/openssh/sftp-server").exists() {
        crate::skips::skip("Windows hosts need root, mounts and /usr/lib/openssh/sftp-server");
        return None;
    }
    let dir = tempfile::Builder::new().prefix("windows-").tempdir().unwrap();
    let tree = dir.path().join("tree");
    let home = tree.join("C:/Users/agent");
    std::fs::create_dir_all(&home).unwrap();
    let script = dir.path().join("login");
    std::fs::write(&script, FORCED.replace("TREE", tree.to_str().unwrap())).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let login = Login::Forced(script.display().to_string());
    Some((Sshd::with(&Options { login, ..Options::default() }), dir, home))
}

const KEYS: &str = r#"platform = "windows"
command_allowlist = ["*"]
path_allowlist = ['C:\Users\agent']
restricted_paths = ['c:/users/agent/zone']
restricted_globs = ["*.KEY"]
redact_paths_globs = ["*.env"]
redact_bypass_policy = "block""#;

fn at(name: &str) -> String {
    format!("C:\\Users\\agent\\{name}")
}

fn refused(server: &mut Server, tool: &str, mut args: Value, name: &str) {
    args["host"] = json!("box");
    let text = server.err(tool, args);
    assert!(text.contains(name), "{tool}: {text}");
    assert!(!text.contains("CANARY"), "{tool}: {text}");
}

fn ok(server: &mut Server, tool: &str, mut args: Value) -> Value {
    args["host"] = json!("box");
    server.ok(tool, args)
}

pub fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

#[test]
fn files_of_a_windows_host() {
    let Some((sshd, dir, home)) = windows() else { return };
    // A glob that may match anywhere keeps whole trees from being deleted.
    let keys = KEYS.replace("restricted_globs = [\"*.KEY\"]\n", "");
    let setup = Setup::new().host(&sshd, "box", &keys);
    let local = setup.root();
    let mut server = setup.env("SSH_LOCAL_TRANSFER_ROOTS", local.to_str().unwrap()).start();
    // More than one request in each direction, with every byte.
    let big: Vec<u8> = (0..3_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    std::fs::write(local.join("big"), &big).unwrap();
    let done = ok(&mut server, "ssh_upload", json!({"path": at("big.bin"), "local_path": local.join("big")}));
    assert_eq!(
        (done["bytes_written"].as_u64(), done["sha256"].as_str()),
        (Some(3_000_000), Some(&*hex(&big))),
        "{done}"
    );
    assert_eq!(std::fs::read(home.join("big.bin")).unwrap(), big);
    let saved = ok(&mut server, "ssh_sftp_download", json!({"path": at("big.bin"), "local_path": local.join("back")}));
    assert_eq!((saved["size"].as_u64(), saved["path"].as_str()), (Some(3_000_000), Some(&*at("big.bin"))));
    assert_eq!(std::fs::read(local.join("back")).unwrap(), big);
    let hash = ok(&mut server, "ssh_file_hash", json!({"path": "c:/Users/agent/big.bin"}));
    assert_eq!((hash["digest"].as_str(), hash["size"].as_u64()), (Some(&*hex(&big)), Some(3_000_000)));
    let md5 = ok(&mut server, "ssh_file_hash", json!({"path": at("big.bin"), "algorithm": "md5"}));
    assert_eq!(md5["digest"].as_str().map(str::len), Some(32));

    ok(&mut server, "ssh_mkdir", json!({"path": at("conf\\sub"), "parents": true}));
    let conf = at("conf\\app.ini");
    ok(&mut server, "ssh_upload", json!({"path": conf, "content_text": "[a]\r\nport=1\r\n"}));
    // base64 of `[a] CR LF port=1 CR LF`; a text leaves without its carriage returns.
    let read = ok(&mut server, "ssh_sftp_download", json!({"path": conf, "as_text": false}));
    assert_eq!(read["content_base64"], "W2FdDQpwb3J0PTENCg==");
    let tail = ok(&mut server, "ssh_sftp_download", json!({"path": conf, "as_text": true, "tail_lines": 1}));
    assert_eq!(tail["content_text"], "port=1\n");
    let part =
        ok(&mut server, "ssh_sftp_download", json!({"path": conf, "as_text": true, "offset": 5, "max_bytes": 4}));
    assert_eq!((part["content_text"].as_str(), part["truncated"].as_bool()), (Some("port"), Some(true)));
    let found = ok(&mut server, "ssh_sftp_download", json!({"path": conf, "grep": "port=\\d", "context": 1}));
    assert_eq!(found["content_text"], "1-[a]\n2:port=1\n");
    let count = ok(&mut server, "ssh_sftp_download", json!({"path": conf, "count_only": true}));
    assert_eq!(count["lines_total"], 2, "{count}");
    let edit = json!({"path": conf, "old_string": "port=1", "new_string": "port=2"});
    let done = ok(&mut server, "ssh_edit", edit.clone());
    assert!(done["diff"].as_str().unwrap().contains("+port=2"), "{done}");
    refused(&mut server, "ssh_edit", edit, "0 times");
    let diff = "--- a\n+++ b\n@@ -1,2 +1,2 @@\n [a]\n-port=2\n+port=3\n";
    ok(&mut server, "ssh_patch", json!({"path": conf, "unified_diff": diff}));
    let done = ok(&mut server, "ssh_deploy", json!({"path": conf, "content_text": "new"}));
    let backup = done["backup_path"].as_str().unwrap().rsplit('\\').next().unwrap().to_owned();
    assert_eq!(std::fs::read(home.join("conf").join(&backup)).unwrap(), b"[a]\r\nport=3\r\n");
    assert_eq!(std::fs::read(home.join("conf/app.ini")).unwrap(), b"new");
    refused(
        &mut server,
        "ssh_upload",
        json!({"path": conf, "content_text": "x", "expected_sha256": "0".repeat(64)}),
        "WriteError",
    );

    let list = ok(&mut server, "ssh_sftp_list", json!({"path": at("conf")}));
    let names: Vec<&str> = list["entries"].as_array().unwrap().iter().filter_map(|e| e["name"].as_str()).collect();
    assert_eq!(names, ["app.ini", backup.as_str(), "sub"]);
    let stat = ok(&mut server, "ssh_sftp_stat", json!({"path": conf}));
    assert_eq!((stat["kind"].as_str(), stat["size"].as_u64()), (Some("file"), Some(3)));
    let found = ok(&mut server, "ssh_find", json!({"path": at(""), "name_pattern": "APP.*"}));
    let mut matches: Vec<&str> = found["matches"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    matches.retain(|path| !path.contains(".bak-"));
    assert_eq!(matches, [conf.as_str()]);
    refused(&mut server, "ssh_find", json!({"path": at(""), "contains": "x"}), "PlatformNotSupported");

    ok(&mut server, "ssh_mv", json!({"src": conf, "dst": at("moved.ini")}));
    ok(&mut server, "ssh_mv", json!({"src": at("moved.ini"), "dst": at("big.bin")}));
    assert_eq!(std::fs::read(home.join("big.bin")).unwrap(), b"new");
    refused(&mut server, "ssh_delete", json!({"path": at("conf")}), "ssh_delete_folder");
    let look =
        ok(&mut server, "ssh_delete_folder", json!({"path": at("conf\\sub"), "recursive": true, "dry_run": true}));
    assert_eq!(look["would_delete"], json!([at("conf\\sub")]));
    ok(&mut server, "ssh_delete_folder", json!({"path": at("conf\\sub")}));
    ok(&mut server, "ssh_delete", json!({"path": at("big.bin")}));
    let left: Vec<_> = std::fs::read_dir(&home).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left, ["conf"], "nothing temporary is left");
    assert!(!dir.path().join("tree.asked").exists(), "nothing was to be run there");
}

#[test]
fn the_rules_of_windows_names_hold() {
    let Some((sshd, _dir, home)) = windows() else { return };
    let mut server = Setup::new().host(&sshd, "box", KEYS).start();
    std::fs::create_dir_all(home.join("zone")).unwrap();
    std::fs::create_dir_all(home.join("open")).unwrap();
    std::fs::write(home.join("zone/inner"), "CANARY").unwrap();
    std::fs::write(home.join("a.env"), "PASSWORD=CANARY-env-1\n").unwrap();
    std::fs::write(home.join("b.key"), "CANARY").unwrap();
    std::fs::write(home.parent().unwrap().join("other"), "CANARY").unwrap();
    std::fs::write(home.join("open/f"), "fine").unwrap();
    symlink("../other", home.join("out")).unwrap();
    symlink("zone", home.join("way")).unwrap();
    symlink("a.env", home.join("plain")).unwrap();
    symlink("open", home.join("fine")).unwrap();
    for tool in ["ssh_sftp_download", "ssh_file_hash", "ssh_sftp_stat", "ssh_read_redacted"] {
        let rows = [
            (at("..\\other"), "PathNotAllowed"),
            ("C:\\Users\\agent2\\x".to_owned(), "PathNotAllowed"),
            ("D:\\Users\\agent\\x".to_owned(), "PathNotAllowed"),
            ("/C:/Users/agent/open/f".to_owned(), "PathNotAllowed"),
            ("\\\\?\\C:\\Users\\agent\\open\\f".to_owned(), "PathNotAllowed"),
            (at("open\\f:stream"), "PathNotAllowed"),
            (at("NUL"), "PathNotAllowed"),
            (at("PROGRA~1"), "PathNotAllowed"),
            (at("ZONE\\inner"), "PathRestricted"),
            (at("way\\inner"), "PathRestricted"),
            (at("b.key"), "PathRestricted"),
            (at("out"), "PathNotAllowed"),
        ];
        for (path, name) in rows {
            refused(&mut server, tool, json!({"path": path}), name);
        }
    }
    for tool in ["ssh_sftp_download", "ssh_file_hash", "ssh_sftp_stat"] {
        refused(&mut server, tool, json!({"path": at("plain")}), "RedactBypassBlocked");
    }
    let redacted = ok(&mut server, "ssh_read_redacted", json!({"path": at("plain")}));
    assert!(!redacted.to_string().contains("CANARY") && redacted["redactions"][0]["key"] == "PASSWORD", "{redacted}");
    let stat = ok(&mut server, "ssh_sftp_stat", json!({"path": at("fine\\f")}));
    assert_eq!(stat["symlink_target"], at("open\\f"));
    let list = ok(&mut server, "ssh_sftp_list", json!({"path": at("")}));
    let names: Vec<&str> = list["entries"].as_array().unwrap().iter().filter_map(|e| e["name"].as_str()).collect();
    assert_eq!(names, ["a.env", "fine", "open", "out", "plain", "way"]);
    for (tool, args) in [
        ("ssh_upload", json!({"path": at("out"), "content_text": "x"})),
        ("ssh_upload", json!({"path": at("way\\new"), "content_text": "x"})),
        ("ssh_edit", json!({"path": at("way\\inner"), "old_string": "CANARY", "new_string": "x"})),
        ("ssh_mkdir", json!({"path": at("way\\new")})),
        ("ssh_mv", json!({"src": at("open\\f"), "dst": at("way\\f")})),
        ("ssh_mv", json!({"src": at("zone"), "dst": at("z")})),
        ("ssh_delete", json!({"path": at("way\\inner")})),
        ("ssh_delete_folder", json!({"path": at("zone"), "recursive": true})),
    ] {
        refused(&mut server, tool, args, "Path");
    }
    for (tool, args) in [
        ("ssh_mv", json!({"src": at("a.env"), "dst": at("notes")})),
        ("ssh_deploy", json!({"path": at("a.env"), "content_text": "x"})),
    ] {
        refused(&mut server, tool, args, "RedactBypassBlocked");
    }
    ok(&mut server, "ssh_delete", json!({"path": at("out")}));
    assert!(home.parent().unwrap().join("other").exists() && !home.join("out").exists());
    assert_eq!(std::fs::read(home.join("zone/inner")).unwrap(), b"CANARY");
}

#[test]
fn what_needs_a_shell_says_so_on_windows() {
    let Some((sshd, dir, _home)) = windows() else { return };
    let mut server = Setup::new().host(&sshd, "box", KEYS).env("ALLOW_SUDO", "true").start();
    for (tool, args) in [
        ("ssh_exec_run", json!({"command": "dir"})),
        ("ssh_exec_script", json!({"script": "dir"})),
        ("ssh_shell_open", json!({})),
        ("ssh_host_info", json!({})),
        ("ssh_host_processes", json!({})),
        ("ssh_sudo_exec", json!({"command": "dir"})),
        ("ssh_sudo_read", json!({"path": at("x")})),
        ("ssh_docker_ps", json!({})),
        ("ssh_systemctl_list_units", json!({})),
        ("ssh_cp", json!({"src": at("a"), "dst": at("b")})),
        ("ssh_link", json!({"src": at("a"), "dst": at("b")})),
    ] {
        refused(&mut server, tool, args, "PlatformNotSupported");
    }
    let ping = ok(&mut server, "ssh_host_ping", json!({}));
    assert_eq!((&ping["reachable"], &ping["auth_ok"]), (&json!(true), &json!(true)), "{ping}");
    assert!(!dir.path().join("tree.asked").exists(), "nothing was to be run there");
    let refused = "refused: PlatformNotSupported";
    let all = ["exec", "shell", "host", "sudo"].map(|group| (group, refused));
    kinds::tell("Windows-like, over SFTP", &[&all[..], &[("file-ops", WITHOUT_SHELL)]].concat());
}

#[test]
fn files_go_between_a_windows_host_and_others() {
    let Some((sshd, _dir, home)) = windows() else { return };
    let (posix, only_files) = (
        Sshd::start(),
        Sshd::with(&Options { login: Login::Forced("internal-sftp".to_owned()), ..Options::default() }),
    );
    let setup = Setup::new();
    let root = setup.root();
    let keys = format!("path_allowlist = [\"{}\"]", root.display());
    let mut server =
        setup.host(&sshd, "box", KEYS).host(&posix, "posix", &keys).host(&only_files, "files", &keys).start();
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    std::fs::write(root.join("large"), &bytes).unwrap();
    let go = |from: (&str, String), to: (&str, String), overwrite: bool| json!({"src_host": from.0, "src_path": from.1, "dst_host": to.0, "dst_path": to.1, "overwrite": overwrite});
    let here = |name: &str| root.join(name).display().to_string();
    let done = server.ok("ssh_transfer", go(("posix", here("large")), ("box", at("large")), false));
    assert_eq!((done["size"].as_u64(), done["sha256"].as_str()), (Some(3_000_000), Some(&*hex(&bytes))), "{done}");
    assert_eq!(std::fs::read(home.join("large")).unwrap(), bytes);
    server.ok("ssh_transfer", go(("box", at("large")), ("files", here("by-files")), false));
    server.ok("ssh_transfer", go(("files", here("by-files")), ("posix", here("back")), false));
    assert_eq!(std::fs::read(root.join("back")).unwrap(), bytes);
    std::fs::write(root.join("back"), "old").unwrap();
    let said = server.err("ssh_transfer", go(("box", at("large")), ("posix", here("back")), false));
    assert!(said.contains("exists on `posix`"), "{said}");
    assert_eq!(std::fs::read(root.join("back")).unwrap(), b"old");
    server.ok("ssh_transfer", go(("box", at("large")), ("posix", here("back")), true));
    assert_eq!(std::fs::read(root.join("back")).unwrap(), bytes);
    std::fs::create_dir(home.join("zone")).unwrap();
    std::fs::write(home.join("zone/inner"), "CANARY").unwrap();
    std::fs::write(home.join("a.env"), "CANARY").unwrap();
    for (path, name) in
        [(at("zone\\inner"), "PathRestricted"), (at("a.env"), "RedactBypassBlocked"), (here("x"), "Path")]
    {
        let said = server.err("ssh_transfer", go(("box", path), ("posix", here("leak")), false));
        assert!(said.contains(name) && !root.join("leak").exists(), "{said}");
    }
}

/// What is left of the tools for files.
const WITHOUT_SHELL: &str = "works; refused: ssh_cp, ssh_link";

/// Chains of links over several folders, relative and absolute, end where the rules say.
#[test]
fn chains_of_links_lead_into_no_closed_zone_over_sftp() {
    let sshd = Sshd::with(&Options { login: Login::Forced("internal-sftp".to_owned()), ..Options::default() });
    let setup = Setup::new();
    let root = setup.root().canonicalize().unwrap();
    let at = |name: &str| root.join(name);
    for folder in ["zone/deep", "a/b", "open/deep"] {
        std::fs::create_dir_all(at(folder)).unwrap();
    }
    for zone in ["zone", "open"] {
        std::fs::write(at(zone).join("deep/f"), format!("{} here", if zone == "zone" { "CANARY" } else { "open" }))
            .unwrap();
        // Three links to the file, and one in the middle of a path.
        symlink(at(zone).join("deep/f"), at(&format!("a/b/{zone}-3"))).unwrap();
        symlink(format!("b/{zone}-3"), at(&format!("a/{zone}-2"))).unwrap();
        symlink(format!("a/{zone}-2"), at(&format!("{zone}-1"))).unwrap();
        symlink(format!("../{zone}"), at(&format!("a/{zone}-folder"))).unwrap();
        symlink(format!("a/{zone}-folder/deep"), at(&format!("{zone}-middle"))).unwrap();
    }
    let keys = format!("path_allowlist = [\"{0}\"]\nrestricted_paths = [\"{0}/zone\"]", root.display());
    let mut server = setup.host(&sshd, "box", &keys).start();
    for path in ["zone-1", "a/zone-2", "a/b/zone-3", "zone-middle/f", "a/zone-folder/deep/f"] {
        let path = at(path);
        for (tool, args) in [
            ("ssh_sftp_download", json!({"path": path})),
            ("ssh_read_redacted", json!({"path": path})),
            ("ssh_sftp_stat", json!({"path": path})),
            ("ssh_file_hash", json!({"path": path})),
            ("ssh_upload", json!({"path": path, "content_text": "x"})),
            ("ssh_edit", json!({"path": path, "old_string": "here", "new_string": "x"})),
            ("ssh_deploy", json!({"path": path, "content_text": "x"})),
        ] {
            refused(&mut server, tool, args, "PathRestricted");
        }
    }
    for folder in ["zone-middle", "a/zone-folder"] {
        refused(&mut server, "ssh_sftp_list", json!({"path": at(folder)}), "PathRestricted");
        refused(&mut server, "ssh_mkdir", json!({"path": at(folder).join("new")}), "PathRestricted");
        refused(&mut server, "ssh_delete", json!({"path": at(folder).join("f")}), "PathRestricted");
        refused(
            &mut server,
            "ssh_mv",
            json!({"src": at("open/deep/f"), "dst": at(folder).join("g")}),
            "PathRestricted",
        );
    }
    assert_eq!(std::fs::read_to_string(at("zone/deep/f")).unwrap(), "CANARY here");
    // The neighbours: the same chains to what is open.
    for path in ["open-1", "a/open-2", "open-middle/f"] {
        let read = ok(&mut server, "ssh_sftp_download", json!({"path": at(path), "as_text": true}));
        assert_eq!(read["content_text"], "open here", "{path}");
    }
    ok(&mut server, "ssh_upload", json!({"path": at("open-1"), "content_text": "new"}));
    assert_eq!(std::fs::read_to_string(at("open/deep/f")).unwrap(), "new");
}

/// Nobody but the tools acts, by two servers at once: one exchanges a folder and a link that leads out, the other writes.
#[test]
fn no_tool_exchanges_a_name_that_another_is_about_to_open_over_sftp() {
    let sshd = Sshd::with(&Options { login: Login::Forced("internal-sftp".to_owned()), ..Options::default() });
    let shared = tempfile::Builder::new().prefix("sftp-").tempdir().unwrap();
    let (root, outside) = (shared.path().join("root"), shared.path().join("outside"));
    for folder in [&root.join("d"), &outside] {
        std::fs::create_dir_all(folder).unwrap();
    }
    symlink(&outside, root.join("ext")).unwrap();
    std::fs::write(outside.join("CANARY-name"), "CANARY outside").unwrap();
    let data = shared.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let start = || {
        let keys = format!("path_allowlist = [\"{}\"]", root.display());
        Setup::new().host(&sshd, "box", &keys).env("XDG_DATA_HOME", data.to_str().unwrap()).start()
    };
    let at = |name: &str| root.join(name);
    let over = std::sync::atomic::AtomicBool::new(false);
    let (moves, writes) = std::thread::scope(|scope| {
        let mover = scope.spawn(|| {
            let mut server = start();
            let mut moves = 0;
            while !over.load(std::sync::atomic::Ordering::Relaxed) {
                for (src, dst) in [("d", "d2"), ("ext", "d"), ("d", "ext"), ("d2", "d")] {
                    let args = json!({"host": "box", "src": at(src), "dst": at(dst)});
                    moves += usize::from(!server.call("ssh_mv", args).error);
                }
            }
            moves
        });
        let mut server = start();
        let until = std::time::Instant::now() + std::time::Duration::from_secs(6);
        let mut writes = 0;
        // On a busy machine few of them get their turn beside the moves.
        let longest = until + std::time::Duration::from_secs(40);
        while std::time::Instant::now() < until || (writes == 0 && std::time::Instant::now() < longest) {
            let made = json!({"host": "box", "path": at("d/made"), "content_text": "x"});
            writes += usize::from(!server.call("ssh_upload", made).error);
            server.call("ssh_mkdir", json!({"host": "box", "path": at("d/folder"), "parents": true}));
            let listed = server.call("ssh_sftp_list", json!({"host": "box", "path": at("d")}));
            assert!(!listed.text.contains("CANARY"), "{}", listed.text);
        }
        over.store(true, std::sync::atomic::Ordering::Relaxed);
        (mover.join().unwrap(), writes)
    });
    println!("{moves} moves, {writes} writes");
    let left: Vec<_> = std::fs::read_dir(&outside).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["CANARY-name"], "{moves} moves, {writes} writes");
    assert!(moves > 0 && writes > 0, "{moves} moves, {writes} writes");
}

#[test]
fn an_account_that_may_only_transfer_files_is_served_over_sftp() {
    let sshd = Sshd::with(&Options { login: Login::Forced("internal-sftp".to_owned()), ..Options::default() });
    files_alone(&sshd, "sftp connections only");
    kinds::tell("SFTP only", &[("sftp-read", "works"), ("file-ops", WITHOUT_SHELL)]);
}

/// What holds for an account without a shell. `says` is part of what its login says to a command.
pub fn files_alone(place: &dyn Place, says: &str) {
    let setup = Setup::new();
    let root = setup.root();
    let keys = format!("command_allowlist = [\"*\"]\npath_allowlist = [\"{}\"]", root.display());
    let roots = root.display().to_string();
    let mut server = place.add(setup, &keys).env("SSH_LOCAL_TRANSFER_ROOTS", &roots).start();
    let path = root.join("f");
    let done = ok(&mut server, "ssh_upload", json!({"path": path, "content_text": "one\n"}));
    assert!(done["output_warnings"].to_string().contains("over SFTP"), "{done}");
    assert_eq!(std::fs::read(&path).unwrap(), b"one\n");
    ok(&mut server, "ssh_edit", json!({"path": path, "old_string": "one", "new_string": "two"}));
    let read = ok(&mut server, "ssh_sftp_download", json!({"path": path, "as_text": true}));
    assert_eq!(read["content_text"], "two\n");
    symlink("/etc/passwd", root.join("out")).unwrap();
    refused(&mut server, "ssh_sftp_download", json!({"path": root.join("out")}), "PathNotAllowed");
    let list = ok(&mut server, "ssh_sftp_list", json!({"path": root}));
    assert_eq!(list["entries"].as_array().map(Vec::len), Some(2), "{list}");
    let said = server.err("ssh_exec_run", json!({"host": "box", "command": "id"}));
    assert!(said.contains(says), "{said}");
    // A name that is not UTF-8 is neither shown as another one nor left out without a word, and costs one answer.
    let odd = root.join("odd");
    std::fs::create_dir(&odd).unwrap();
    let name = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"caf\xe9");
    std::fs::write(odd.join(name), "x").unwrap();
    std::fs::write(odd.join("plain"), "x").unwrap();
    symlink("plain", odd.join("way")).unwrap();
    for (tool, args) in [
        ("ssh_find", json!({"path": root, "name_pattern": "plain"})),
        ("ssh_delete_folder", json!({"path": odd, "dry_run": true})),
        ("ssh_sftp_stat", json!({"path": odd.join("caf\\xe9")})),
    ] {
        refused(&mut server, tool, args.clone(), "not UTF-8");
        refused(&mut server, tool, args, "shell on the host");
    }
    let list = ok(&mut server, "ssh_sftp_list", json!({"path": odd}));
    let rows = list["entries"].as_array().unwrap().iter().map(|row| (&row["name"], &row["kind"], &row["size"]));
    let (file, one) = (json!("file"), json!(1));
    let (odd_name, way, plain) = (json!("caf\\xe9"), json!("way"), json!("plain"));
    let link = list["entries"].as_array().unwrap().iter().find(|row| row["name"] == "way").unwrap();
    assert_eq!(link["symlink_target"], "plain", "{list}");
    let files: Vec<_> = rows.filter(|(name, ..)| **name != way).collect();
    assert_eq!(files, [(&odd_name, &file, &one), (&plain, &file, &one)], "{list}");
    assert_eq!(ok(&mut server, "ssh_sftp_stat", json!({"path": odd.join("plain")}))["size"], 1);
    std::fs::remove_dir_all(&odd).unwrap();
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let (local, there, back) = (root.join("large"), root.join("d/large"), root.join("back"));
    std::fs::write(&local, &bytes).unwrap();
    ok(&mut server, "ssh_mkdir", json!({"path": root.join("d")}));
    ok(&mut server, "ssh_upload", json!({"path": there, "local_path": local}));
    let hash = ok(&mut server, "ssh_file_hash", json!({"path": there}));
    assert_eq!((hash["digest"].as_str(), hash["size"].as_u64()), (Some(&*hex(&bytes)), Some(3_000_000)));
    ok(&mut server, "ssh_sftp_download", json!({"path": there, "local_path": back}));
    assert!(std::fs::read(&there).unwrap() == bytes && std::fs::read(&back).unwrap() == bytes);
    let diff = "--- a\n+++ b\n@@ -1 +1 @@\n-two\n+three\n";
    ok(&mut server, "ssh_patch", json!({"path": path, "unified_diff": diff}));
    let done = ok(&mut server, "ssh_deploy", json!({"path": path, "content_text": "four\n"}));
    assert_eq!(std::fs::read(done["backup_path"].as_str().unwrap()).unwrap(), b"three\n");
    let stat = ok(&mut server, "ssh_sftp_stat", json!({"path": path}));
    assert_eq!((stat["kind"].as_str(), stat["size"].as_u64()), (Some("file"), Some(5)));
    let found = ok(&mut server, "ssh_find", json!({"path": root.join("d"), "name_pattern": "large"}));
    assert_eq!(found["matches"], json!([there]));
    ok(&mut server, "ssh_mv", json!({"src": there, "dst": root.join("d/moved")}));
    refused(&mut server, "ssh_mv", json!({"src": root.join("d/moved"), "dst": root.join("out/x")}), "Path");
    for tool in ["ssh_cp", "ssh_link"] {
        refused(&mut server, tool, json!({"src": path, "dst": root.join("g")}), "PlatformNotSupported");
    }
    ok(&mut server, "ssh_delete", json!({"path": root.join("d/moved")}));
    ok(&mut server, "ssh_delete", json!({"path": root.join("out")}));
    ok(&mut server, "ssh_delete_folder", json!({"path": root.join("d")}));
    assert!(!root.join("d").exists() && Path::new("/etc/passwd").exists());
    assert_eq!(temporaries(&root), Vec::<String>::new());
}
