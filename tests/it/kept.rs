//! What a file is more than its bytes: replacing it keeps that, or is refused by name, for every tool that writes.

use serde_json::{Value, json};

use crate::containers::{Container, Sftp, busybox_host, new_systemd_host};
use crate::server::{Server, Setup};
use crate::sshd::{Options, Sshd};

/// A folder that `agent` owns.
const PLACE: &str = "/srv/kept";

/// A machine on which root may mount and set every flag.
fn machine() -> Option<Container> {
    let mut rights = vec!["--cap-add=SYS_ADMIN", "--cap-add=LINUX_IMMUTABLE"];
    rights.extend(["--security-opt=seccomp=unconfined", "--security-opt=apparmor=unconfined"]);
    // No layer of the image: flags need a file system of their own kind.
    rights.push("--volume=/srv");
    let host = new_systemd_host(&rights)?;
    host.says(&["install", "-d", "-o", "agent", "-g", "agent", PLACE]);
    Some(host)
}

fn server(host: &Container) -> Server {
    let entry = format!("[hosts.box]\nhostname = \"box\"\npath_allowlist = [\"{PLACE}\"]\n");
    Setup::new().raw(&host.ssh_config_block("box", "agent", &[]), &entry).env("ALLOW_SUDO", "true").start()
}

fn at(name: &str) -> String {
    format!("{PLACE}/{name}")
}

/// What the shell says inside, as root, in the folder.
fn sh(host: &Container, line: &str) -> String {
    host.says(&["sh", "-c", &format!("cd {PLACE} && {line}")]).trim().to_owned()
}

/// Every tool that replaces a file, with arguments by which `x` becomes `y`. Those of the second kind act as root.
fn writers(path: &str) -> Vec<(&'static str, Value, bool)> {
    let upload = json!({"host": "box", "path": path, "content_text": "y\n"});
    let edit = json!({"host": "box", "path": path, "old_string": "x", "new_string": "y"});
    let patch = json!({"host": "box", "path": path, "unified_diff": "--- a\n+++ b\n@@ -1 +1 @@\n-x\n+y\n"});
    let mut deploy = upload.clone();
    deploy["backup"] = json!(false);
    vec![
        ("ssh_upload", upload.clone(), false),
        ("ssh_deploy", deploy, false),
        ("ssh_edit", edit.clone(), false),
        ("ssh_patch", patch, false),
        ("ssh_sudo_write", upload, true),
        ("ssh_sudo_edit", edit, true),
    ]
}

fn with(mut args: Value, name: &str) -> Value {
    args[name] = json!(true);
    args
}

#[test]
fn what_a_file_carries_is_kept_or_the_call_is_refused() {
    let Some(host) = machine() else { return };
    let mut server = server(&host);
    let fresh = |name: &str, more: &str| {
        sh(&host, &format!("rm -f {name} && echo x >{name} && chmod 600 {name} && chown agent:agent {name} && {more}"))
    };
    for (tool, args, root) in writers(&at("f")) {
        // Rights of another account, and an attribute. The mode's group bits are the mask of both.
        fresh("f", "setfacl -m u:bob:rw f && setfattr -n user.note -v kept f && getfacl -cp f >before");
        let done = server.ok(tool, args.clone());
        assert_eq!(sh(&host, "cat f"), "y", "{tool}");
        assert_eq!(
            sh(&host, "getfacl -cp f | diff - before && getfattr --only-values -n user.note f"),
            "kept",
            "{tool}"
        );
        assert_eq!(done["mode"], "0660", "{tool}");
        // A capability: root keeps it, the account cannot.
        fresh("f", "setcap cap_net_bind_service+ep f");
        let capability = "getcap f | cut -d ' ' -f 2";
        if root {
            server.ok(tool, args.clone());
            assert_eq!(sh(&host, capability), "cap_net_bind_service=ep", "{tool}");
        } else {
            let said = server.err(tool, args.clone());
            assert!(said.contains("security.capability") && said.contains("accept_loss"), "{tool}: {said}");
            assert_eq!(
                (sh(&host, "cat f"), sh(&host, capability)),
                ("x".into(), "cap_net_bind_service=ep".into()),
                "{tool}"
            );
            let done = server.ok(tool, with(args.clone(), "accept_loss"));
            assert!(done["output_warnings"].to_string().contains("security.capability"), "{tool}: {done}");
            assert_eq!((sh(&host, "cat f"), sh(&host, capability)), ("y".into(), String::new()), "{tool}");
        }
        // Nobody may write what is immutable.
        fresh("f", "chattr +i f");
        let said = server.err(tool, args.clone());
        assert!(said.contains("immutable"), "{tool}: {said}");
        assert_eq!(sh(&host, "cat f; chattr -i f"), "x", "{tool}");
        fresh("f", "chattr +A f");
        server.ok(tool, args.clone());
        assert!(sh(&host, "lsattr f").split(' ').next().unwrap().contains('A'), "{tool}");
        // A second name keeps the old content, and the answer says so; in place it has the new one.
        if tool != "ssh_sudo_edit" {
            fresh("f", "rm -f g && ln f g");
            let done = server.ok(tool, args.clone());
            assert!(done["output_warnings"].to_string().contains("2 names"), "{tool}: {done}");
            assert_eq!(sh(&host, "cat f g"), "y\nx", "{tool}");
            fresh("f", "rm -f g && ln f g && stat -c %i f >inode");
            let done = server.ok(tool, with(args.clone(), "in_place"));
            assert_eq!(done["in_place"], true, "{tool}: {done}");
            assert!(done["message"].as_str().unwrap().contains("not atomic"), "{tool}: {done}");
            assert_eq!(sh(&host, "cat f g; stat -c %i g | diff - inode"), "y\ny", "{tool}");
        }
        // A mount onto the name is in the way of another file, not of other bytes.
        fresh("f", "echo x >src && chown agent f src && chmod 600 src && mount --bind src f");
        let said = server.err(tool, args.clone());
        assert!(said.contains("mount point") && said.contains("in_place"), "{tool}: {said}");
        assert_eq!(sh(&host, "cat f"), "x", "{tool}");
        server.ok(tool, with(args.clone(), "in_place"));
        assert_eq!(sh(&host, "cat src; umount f"), "y", "{tool}");
        // A mount of the file elsewhere keeps the old one.
        fresh("f", "touch other && mount --bind f other");
        let done = server.ok(tool, args.clone());
        assert!(done["output_warnings"].to_string().contains("also mounted at"), "{tool}: {done}");
        assert_eq!(sh(&host, "cat f other; umount other"), "y\nx", "{tool}");
        assert_eq!(
            sh(&host, "ls -A | grep -v '^[a-z]*$'; ls -A /tmp | grep ssh-mcp-tmp; true"),
            "",
            "{tool} leaves nothing"
        );
    }
    // A folder that the account may not write, and a file in it that it may.
    sh(&host, "mkdir closed && echo x >closed/f && chown agent closed/f");
    for (tool, args, root) in writers(&at("closed/f")) {
        if root {
            continue;
        }
        sh(&host, "echo x >closed/f");
        let said = server.err(tool, args.clone());
        assert!(said.contains("permission denied") && said.contains("in_place"), "{tool}: {said}");
        let done = server.ok(tool, with(args, "in_place"));
        assert_eq!((sh(&host, "cat closed/f"), &done["in_place"]), ("y".into(), &json!(true)), "{tool}");
    }
    // Rights that a folder gives to what is new in it are not rights of the old file.
    sh(
        &host,
        "mkdir given && setfacl -d -m u:bob:rw given && chown agent given && touch given/f && setfacl -b given/f",
    );
    sh(&host, "chown agent given/f && chmod 644 given/f");
    server.ok("ssh_upload", json!({"host": "box", "path": at("given/f"), "content_text": "y"}));
    assert_eq!(sh(&host, "getfacl -cp given/f | grep bob; true"), "");
}

#[test]
fn a_backup_and_a_mode_go_along_in_place() {
    let sshd = Sshd::start();
    let setup = Setup::open_box(&sshd);
    let root = setup.root();
    let mut server = setup.start();
    let (file, other) = (root.join("f"), root.join("g"));
    std::fs::write(&file, "a long old content\n").unwrap();
    std::fs::hard_link(&file, &other).unwrap();
    let args = json!({"host": "box", "path": file, "content_text": "new\n", "mode": "0600", "in_place": true});
    let done = server.ok("ssh_deploy", args);
    assert_eq!((&done["in_place"], &done["mode"]), (&json!(true), &json!("0600")), "{done}");
    assert_eq!(std::fs::read_to_string(&other).unwrap(), "new\n");
    let backup = std::fs::read_to_string(done["backup_path"].as_str().unwrap()).unwrap();
    assert_eq!(backup, "a long old content\n");
    // A file that is not there yet is made as always.
    let done =
        server.ok("ssh_upload", json!({"host": "box", "path": root.join("n"), "content_text": "n", "in_place": true}));
    assert!(done.get("in_place").is_none(), "{done}");
    // A digest that does not fit leaves it alone.
    let stale =
        json!({"host": "box", "path": file, "content_text": "z", "in_place": true, "expected_sha256": "0".repeat(64)});
    assert!(server.err("ssh_upload", stale).contains("not as it was"));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "new\n");
}

#[test]
fn over_sftp_nothing_is_written_in_place() {
    let line = "internal-sftp".to_owned();
    let sshd = Sshd::with(&Options { login: crate::sshd::Login::Forced(line), ..Options::default() });
    let setup = Setup::open_box(&sshd);
    let file = setup.root().join("f");
    std::fs::write(&file, "old").unwrap();
    let mut server = setup.start();
    let args = json!({"host": "box", "path": file, "content_text": "new", "in_place": true});
    let said = server.err("ssh_upload", args);
    assert!(said.starts_with("PlatformNotSupported") && said.contains("in_place"), "{said}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "old");
}

/// BusyBox: its `cp` copies no attributes and its `ls` shows none.
#[test]
fn a_host_that_cannot_look_says_so_where_it_matters() {
    let Some(host) = busybox_host(Sftp::There) else { return };
    let entry = "[hosts.small]\nhostname = \"small\"\npath_allowlist = [\"/var/kept\"]\n";
    let mut server = Setup::new().raw(&host.ssh_config_block("small", "user", &[]), entry).start();
    host.says(&[
        "sh",
        "-c",
        "mkdir -p /var/kept && cd /var/kept && rm -f a b c && echo x >a && echo x >b && chmod 664 b && ln b c && chown -R user:user .",
    ]);
    let put = |name: &str| json!({"host": "small", "path": format!("/var/kept/{name}"), "content_text": "y\n"});
    let plain = server.ok("ssh_upload", put("a"));
    assert_eq!(plain["output_warnings"].as_array().map_or(0, Vec::len), 0, "{plain}");
    let done = server.ok("ssh_upload", put("b"));
    let said = done["output_warnings"].to_string();
    assert!(said.contains("ACL") && said.contains("2 names"), "{done}");
    let done = server.ok("ssh_upload", with(put("c"), "in_place"));
    assert_eq!(done["in_place"], true, "{done}");
    assert_eq!(host.says(&["cat", "/var/kept/b", "/var/kept/c"]), "y\ny\n");
}
