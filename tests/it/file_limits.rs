//! What files may carry and what answers leave out: set-id bits, further names, odd objects, large folders, true causes.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use serde_json::{Value, json};
use ssh_mcp::internals::model::tier::Group;

use crate::containers::{Container, Sftp, busybox_host, systemd_host};
use crate::files::Place;
use crate::registry::{arguments, path_arguments};
use crate::server::{Server, Setup};
use crate::sshd::Sshd;

fn mode(path: &Path) -> u32 {
    path.symlink_metadata().unwrap().permissions().mode() & 0o7777
}

fn all_below(setup: &Setup) -> String {
    format!("path_allowlist = [\"{}\"]", setup.root().display())
}

#[track_caller]
fn refused(server: &mut Server, tool: &str, args: Value, name: &str, because: &str) {
    let text = server.err(tool, args);
    assert!(text.starts_with(name) && text.contains(because), "{tool}: {text}");
}

#[test]
fn set_id_bits_need_the_sudo_tier_and_a_word_for_them() {
    let sshd = Sshd::start();
    for sudo in [false, true] {
        let setup = Setup::new().env("ALLOW_SUDO", if sudo { "true" } else { "false" });
        let (root, keys) = (setup.root(), all_below(&setup));
        let mut server = setup.host(&sshd, "box", &keys).start();
        let old = root.join("old");
        std::fs::write(&old, "x").unwrap();
        for (tool, bits) in [("ssh_upload", 0o4755), ("ssh_deploy", 0o2755), ("ssh_mkdir", 0o2755)] {
            let path = root.join(format!("{tool}-{bits:o}"));
            let mut args = json!({"host": "box", "path": path, "mode": format!("{bits:04o}")});
            if tool != "ssh_mkdir" {
                args["content_text"] = json!("x");
            }
            refused(&mut server, tool, args.clone(), "ValueError", "set-id");
            args["allow_setid"] = json!(true);
            if sudo {
                server.ok(tool, args);
                assert_eq!(mode(&path), bits, "{tool}");
            } else {
                refused(&mut server, tool, args, "TierNotAllowed", "allow_setid");
                assert!(!path.exists(), "{tool}");
            }
        }
        // The neighbour: a sticky folder.
        server.ok("ssh_mkdir", json!({"host": "box", "path": root.join("sticky"), "mode": "1777"}));
        assert_eq!(mode(&root.join("sticky")), 0o1777);
        // New content does not inherit the bits of the old one.
        std::fs::set_permissions(&old, std::fs::Permissions::from_mode(0o6755)).unwrap();
        let done = server.ok("ssh_upload", json!({"host": "box", "path": old, "content_text": "y"}));
        assert_eq!(mode(&old), 0o755);
        assert!(done["output_warnings"].to_string().contains("set-id bits"), "{done}");
    }
}

#[test]
fn root_reads_no_file_that_may_have_a_name_outside() {
    let Some(host) = systemd_host() else { return };
    let (open, beside) = ("/srv/links", "/srv/links-beside");
    let line = format!(
        "mkdir -p {open} && mkdir -m 700 -p {beside} && echo 'secret outside' >{beside}/outside && ln -f {beside}/outside \
         {open}/linked && echo own >{open}/own"
    );
    host.says(&["sh", "-c", &line]);
    let mut server = as_root(host, &format!("path_allowlist = [\"{open}\"]"));
    let (linked, own) = (format!("{open}/linked"), format!("{open}/own"));
    for tool in ["ssh_sudo_read", "ssh_sudo_read_redacted"] {
        refused(&mut server, tool, json!({"host": "agent", "path": linked}), "SudoFileOpError", "hard links");
        server.ok(tool, json!({"host": "agent", "path": own}));
        let read = server.ok(tool, json!({"host": "agent", "path": linked, "allow_hard_links": true}));
        assert!(read["size"].as_u64().or(read["size_original"].as_u64()) == Some(15), "{read}");
    }
    let edit = json!({"host": "agent", "path": linked, "old_string": "outside", "new_string": "x"});
    refused(&mut server, "ssh_sudo_edit", edit, "SudoFileOpError", "hard links");
}

/// A server for the account that becomes root without a password.
fn as_root(host: &Container, keys: &str) -> Server {
    let entry = format!("[hosts.agent]\nhostname = \"agent\"\n{keys}\n");
    Setup::new().raw(&host.ssh_config_block("agent", "agent", &[]), &entry).env("ALLOW_SUDO", "true").start()
}

#[test]
fn entries_are_resolved_as_whoever_acts_sees_them() {
    let Some(host) = systemd_host() else { return };
    let line = "mkdir -m 700 -p /srv/view && mkdir -p /srv/view-open /root/.local/state/ssh-mcp && ln -sfn /srv/view-open \
                /srv/view/in && echo x >/srv/view-open/f && echo x >/root/.local/state/ssh-mcp/job";
    host.says(&["sh", "-c", line]);
    let mut server = as_root(host, "path_allowlist = [\"*\"]\nrestricted_paths = [\"/srv/view/in\"]");
    let at = |path: &str| json!({"host": "agent", "path": path});
    // The account cannot know where the entry leads, and is told so; root knows.
    let seen = server.ok("ssh_sftp_list", at("/srv/view-open"));
    assert!(seen["output_warnings"].to_string().contains("could not be resolved"), "{seen}");
    refused(&mut server, "ssh_sudo_read", at("/srv/view-open/f"), "PathRestricted", "/srv/view/in");
    refused(&mut server, "ssh_sudo_sftp_list", at("/srv/view-open"), "PathRestricted", "/srv/view/in");
    for path in ["/root/.local/state/ssh-mcp/job", "/home/agent/.local/state/ssh-mcp/job"] {
        refused(&mut server, "ssh_sudo_read", at(path), "PathRestricted", "own folder");
        let write = json!({"host": "agent", "path": path, "content_text": "x"});
        refused(&mut server, "ssh_sudo_write", write, "PathRestricted", "own folder");
    }
    server.ok("ssh_sudo_sftp_list", at("/root"));
}

/// One of the scenarios of `files`.
pub fn what_a_copy_leaves_out_is_named(place: &dyn Place) {
    let setup = Setup::new();
    let (root, keys) = (setup.root(), all_below(&setup));
    std::fs::create_dir_all(root.join("dir/sub")).unwrap();
    std::fs::write(root.join("dir/sub/f"), "f").unwrap();
    mkfifo(&root.join("dir/sub/pipe"), Mode::S_IRWXU).unwrap();
    let mut server = place.add(setup, &keys).start();
    let done = server.ok("ssh_cp", json!({"host": "box", "src": root.join("dir"), "dst": root.join("copy")}));
    assert!(done["output_warnings"].to_string().contains("pipe"), "{done}");
    assert_eq!(std::fs::read(root.join("copy/sub/f")).unwrap(), b"f");
    assert!(!root.join("copy/sub/pipe").exists());
    let pipe = json!({"host": "box", "src": root.join("dir/sub/pipe"), "dst": root.join("copy2")});
    refused(&mut server, "ssh_cp", pipe, "WriteError", "FIFO");
    assert!(root.join("copy2").symlink_metadata().is_err());
}

#[test]
fn errors_name_the_true_cause() {
    let Some(host) = busybox_host(Sftp::Missing) else { return };
    host.inside(&["sh", "-c", "mkdir -p /root/closed/in; echo x >/root/closed/in/f; chmod 700 /root /root/closed"]);
    let entry =
        "[hosts.box]\nhostname = \"box\"\npath_allowlist = [\"*\"]\nrestricted_paths = [\"/root/closed/zone\"]\n";
    let mut server = Setup::new().raw(&host.ssh_config_block("box", "user", &[]), entry).start();
    // An entry that this account cannot follow is told.
    let first = server.ok("ssh_sftp_list", json!({"host": "box", "path": "/etc"}));
    assert!(first["output_warnings"].to_string().contains("could not be resolved"), "{first}");
    for tool in ["ssh_sftp_stat", "ssh_delete", "ssh_sftp_download", "ssh_sftp_list"] {
        for path in ["/root/closed/in/f", "/root/closed/in/none", "/root/none"] {
            let text = server.err(tool, json!({"host": "box", "path": path}));
            assert!(text.contains("may not enter") && !text.contains("no such file"), "{tool} {path}: {text}");
        }
        let text = server.err(tool, json!({"host": "box", "path": "/etc/none"}));
        assert!(text.contains("no such file") || text.contains("nothing of that name"), "{tool}: {text}");
    }
    for (tool, args) in [
        ("ssh_upload", json!({"host": "box", "path": "/etc/new", "content_text": "x"})),
        ("ssh_edit", json!({"host": "box", "path": "/etc/passwd", "old_string": "root:x:0", "new_string": "root:y:0"})),
        ("ssh_sftp_download", json!({"host": "box", "path": "/etc/shadow"})),
    ] {
        let text = server.err(tool, args);
        assert!(
            text.contains("permission denied") && !text.contains("sh:") && !text.contains("status"),
            "{tool}: {text}"
        );
    }
}

/// Every path argument of every file tool, on a host with BusyBox and on one with GNU programs: what the account may not see
/// is never told as missing, and what is missing never as forbidden.
#[test]
fn every_file_tool_tells_what_is_closed_from_what_is_missing() {
    let (Some(small), Some(full)) = (busybox_host(Sftp::Missing), systemd_host()) else { return };
    let mut calls = 0;
    for (host, user) in [(small, "user"), (full, "agent")] {
        host.says(&["sh", "-c", "mkdir -p /root/shut/in && chmod 700 /root /root/shut"]);
        let entry = "[hosts.box]\nhostname = \"box\"\npath_allowlist = [\"*\"]\n";
        let mut server = Setup::new().raw(&host.ssh_config_block("box", user, &[]), entry).start();
        for entry in ssh_mcp::internals::tools::all() {
            let (tool, group) = (entry.spec.name, entry.spec.group);
            // A transfer needs two hosts; its ends are those of ssh_upload and ssh_sftp_download.
            if !matches!(group, Group::SftpRead | Group::FileOps) || tool == "ssh_transfer" {
                continue;
            }
            for (field, _) in path_arguments(&entry) {
                let mut said = |path: &str| {
                    let mut args = arguments(&entry);
                    for (name, value) in [("src", "/etc/passwd"), ("dst", "/tmp/none-of-these/x")] {
                        if args.contains_key(name) {
                            args.insert(name.to_owned(), json!(value));
                        }
                    }
                    args.insert(field.clone(), json!(path));
                    calls += 1;
                    server.err(tool, Value::Object(args))
                };
                for path in ["/root/shut/in/f", "/root/shut/none/f", "/root/none"] {
                    let text = said(path);
                    let closed = ["may not enter", "permission denied"].iter().any(|word| text.contains(word));
                    assert!(closed && !text.contains("no such file"), "{tool} {field} {path}: {text}");
                    assert!(!text.contains("sh: ") && !text.contains("cannot create"), "{tool} {field} {path}: {text}");
                }
                let text = said("/etc/none/f");
                let missing = ["no such file", "nothing of that name"].iter().any(|word| text.contains(word));
                assert!(missing && !text.contains("may not"), "{tool} {field}: {text}");
                let text = said("/etc/passwd/f");
                assert!(text.contains("not a directory"), "{tool} {field}: {text}");
            }
        }
    }
    assert!(calls > 100, "{calls}");
}
