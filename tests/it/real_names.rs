//! The entries of the path rules hold under the names that the host gives them, as they are at the moment of each call.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::files::Place;
use crate::server::{Server, Setup};
use crate::sshd::{Login, Options, Sshd, can_check_passwords};

/// What `place` sees, with a link in front of every kind of entry.
fn linked(place: &dyn Place) -> (Server, PathBuf, PathBuf) {
    let setup = Setup::new();
    let (root, beside) = (setup.root(), setup.path("beside"));
    let put = |path: &str, text: &str| {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    put("run/zone/inner", "CANARY zone");
    put("run/open", "open");
    symlink("run", root.join("var")).unwrap();
    for release in ["7", "8"] {
        let word = if release == "7" { "CANARY" } else { "other" };
        put(&format!("releases/{release}/a.key"), &format!("{word} key"));
        put(&format!("releases/{release}/.env"), &format!("PASSWORD={word}-env-1\n"));
        put(&format!("releases/{release}/app.conf"), "port");
    }
    symlink("releases/7", root.join("current")).unwrap();
    std::fs::create_dir_all(beside.join("data")).unwrap();
    std::fs::write(beside.join("data/f"), "by a link").unwrap();
    std::fs::write(beside.join("present"), "CANARY outside").unwrap();
    symlink("data", beside.join("link")).unwrap();
    symlink(&beside, root.join("out")).unwrap();
    let keys = format!(
        "path_allowlist = [\"{0}\", \"{1}/link\"]\nrestricted_paths = [\"{0}/var/zone\", \"{0}/var/later/on\"]\n\
         restricted_globs = [\"{0}/current/*.key\"]\nredact_paths_globs = [\"{0}/current/.env\"]\n\
         redact_bypass_policy = \"block\"",
        root.display(),
        beside.display()
    );
    (place.add(setup, &keys).start(), root, beside)
}

#[track_caller]
fn refused(server: &mut Server, tool: &str, args: Value, name: &str) -> String {
    let text = server.err(tool, args);
    assert!(text.starts_with(name) && !text.contains("CANARY"), "{tool}: {text}");
    text
}

fn at(path: impl AsRef<Path>) -> Value {
    json!({"host": "box", "path": path.as_ref()})
}

/// One of the scenarios of `files`.
pub fn entries_hold_under_both_names(place: &dyn Place) {
    let (mut server, root, beside) = linked(place);
    // The first call of all is judged under the host's names too.
    refused(&mut server, "ssh_sftp_download", at(root.join("run/zone/inner")), "PathRestricted");
    for (tool, args, name) in [
        ("ssh_sftp_download", at(root.join("var/zone/inner")), "PathRestricted"),
        ("ssh_sftp_list", at(root.join("run/zone")), "PathRestricted"),
        ("ssh_sftp_stat", at(root.join("run/zone/inner")), "PathRestricted"),
        (
            "ssh_upload",
            json!({"host": "box", "path": root.join("run/zone/new"), "content_text": "x"}),
            "PathRestricted",
        ),
        ("ssh_mkdir", json!({"host": "box", "path": root.join("run/later/on/x"), "parents": true}), "PathRestricted"),
        ("ssh_delete_folder", json!({"host": "box", "path": root.join("run"), "recursive": true}), "PathRestricted"),
        ("ssh_mv", json!({"host": "box", "src": root.join("run"), "dst": root.join("run2")}), "PathRestricted"),
        ("ssh_cp", json!({"host": "box", "src": root.join("run"), "dst": root.join("run2")}), "PathRestricted"),
        (
            "ssh_link",
            json!({"host": "box", "src": root.join("run/zone/inner"), "dst": root.join("l"), "symbolic": true}),
            "PathRestricted",
        ),
        ("ssh_sftp_download", at(root.join("releases/7/a.key")), "PathRestricted"),
        ("ssh_sftp_download", at(root.join("current/a.key")), "PathRestricted"),
        ("ssh_sftp_download", at(root.join("releases/7/.env")), "RedactBypassBlocked"),
        ("ssh_file_hash", at(root.join("releases/7/.env")), "RedactBypassBlocked"),
    ] {
        refused(&mut server, tool, args, name);
    }
    assert!(!root.join("l").exists() && !root.join("run/later").exists() && root.join("run/zone/inner").exists());
    // The innocent neighbours.
    for path in ["run/open", "var/open", "releases/7/app.conf", "current/app.conf"] {
        server.ok("ssh_sftp_download", at(root.join(path)));
    }
    let redacted = server.ok("ssh_read_redacted", at(root.join("releases/7/.env")));
    assert!(!redacted.to_string().contains("CANARY"), "{redacted}");
    let list = server.ok("ssh_sftp_list", at(root.join("run")));
    assert!(list.to_string().contains("open") && !list.to_string().contains("zone"), "{list}");
    for folder in [&root.join("run"), &root.join("current"), &root] {
        let found = server.ok("ssh_find", json!({"host": "box", "path": folder, "contains": "CANARY"}));
        assert!(!found.to_string().contains("zone/inner") && !found.to_string().contains("7/a.key"), "{found}");
        // The name is told, as a listing would; nothing of what is in it.
        assert!(!found["matches"].to_string().contains("7/.env"), "{found}");
        assert!(found.get("lines").is_none_or(|lines| !lines.to_string().contains("7/.env")), "{found}");
    }
    // An allowed root that is a link allows what it leads to, and nothing beside it.
    let read = server.ok("ssh_sftp_download", json!({"host": "box", "path": beside.join("link/f"), "as_text": true}));
    assert_eq!(read["content_text"], "by a link");
    server.ok("ssh_sftp_list", at(beside.join("link")));
    server.ok("ssh_upload", json!({"host": "box", "path": beside.join("link/new"), "content_text": "x"}));
    assert_eq!(std::fs::read(beside.join("data/new")).unwrap(), b"x");
    refused(&mut server, "ssh_sftp_list", at(&beside), "PathNotAllowed");
    // A link that changes takes the entry along, and what it led to stays closed.
    std::fs::remove_file(root.join("current")).unwrap();
    symlink("releases/8", root.join("current")).unwrap();
    let told = server.err("ssh_sftp_download", at(root.join("releases/8/a.key")));
    assert!(told.starts_with("PathRestricted"), "{told}");
    refused(&mut server, "ssh_sftp_download", at(root.join("releases/8/.env")), "RedactBypassBlocked");
    refused(&mut server, "ssh_file_hash", at(root.join("releases/7/a.key")), "PathRestricted");
    server.ok("ssh_file_hash", at(root.join("releases/7/app.conf")));
}

#[test]
fn links_on_the_way_to_what_is_closed_stay() {
    let sshd = Sshd::start();
    let (mut server, root, _) = linked(&sshd);
    std::fs::write(root.join("f1"), "x").unwrap();
    symlink("f1", root.join("innocent")).unwrap();
    let pair = |src: &str, dst: &str| json!({"host": "box", "src": root.join(src), "dst": root.join(dst)});
    for (tool, args) in [
        ("ssh_mv", pair("current", "cur2")),
        ("ssh_mv", pair("var", "var2")),
        ("ssh_mv", pair("f1", "current")),
        ("ssh_delete", at(root.join("current"))),
        ("ssh_link", json!({"host": "box", "src": "f1", "dst": root.join("current"), "symbolic": true})),
    ] {
        refused(&mut server, tool, args, "PathRestricted");
    }
    assert!(root.join("current").is_symlink() && root.join("var").is_symlink());
    server.ok("ssh_mv", pair("innocent", "innocent2"));
    server.ok("ssh_delete", at(root.join("innocent2")));
    server.ok("ssh_mv", pair("f1", "f2"));
    // Whoever else takes the link away: what was learnt stays closed.
    std::fs::remove_file(root.join("current")).unwrap();
    refused(&mut server, "ssh_sftp_download", at(root.join("releases/7/a.key")), "PathRestricted");
    refused(&mut server, "ssh_sftp_download", at(root.join("releases/7/.env")), "RedactBypassBlocked");
    server.ok("ssh_sftp_download", at(root.join("releases/7/app.conf")));
}

#[test]
fn a_search_tells_nothing_of_what_is_in_closed_files() {
    let sshd = Sshd::start();
    let (mut server, root, _) = linked(&sshd);
    std::fs::write(root.join("releases/7/note"), "plain note").unwrap();
    let mut ask = |folder: &str, text: &str| {
        let found = server.ok("ssh_find", json!({"host": "box", "path": root.join(folder), "contains": text}));
        (found["matches"].to_string(), found["truncated"].clone(), found["output_warnings"].to_string())
    };
    for folder in ["", "releases/7", "current"] {
        ask(folder, "x");
        let (hit, miss) = (ask(folder, "CANARY-env"), ask(folder, "no-such-text"));
        assert_eq!(hit, miss, "{folder}");
        assert!(hit.2.contains("7/.env") && !hit.2.contains("a.key"), "{hit:?}");
        assert!(ask(folder, "plain note").0.contains("7/note"));
    }
}

#[test]
fn a_copy_of_a_folder_above_the_own_one_is_refused_where_patterns_are_looked_for() {
    let sshd = Sshd::start();
    let home = sshd.path("home").canonicalize().unwrap();
    std::fs::create_dir_all(state(&sshd).join("jobs")).unwrap();
    std::fs::create_dir_all(home.join("plain")).unwrap();
    std::fs::write(home.join("plain/tool"), "x").unwrap();
    let set_id = std::os::unix::fs::PermissionsExt::from_mode(0o6755);
    std::fs::set_permissions(home.join("plain/tool"), set_id).unwrap();
    let keys = "path_allowlist = [\"*\"]\nredact_paths_globs = [\"**/.env\"]\nredact_bypass_policy = \"block\"";
    let mut server = Setup::new().host(&sshd, "box", keys).start();
    let pair = |src: &str, dst: &str| json!({"host": "box", "src": home.join(src), "dst": home.join(dst)});
    refused(&mut server, "ssh_cp", pair(".local", "l2"), "PathRestricted");
    for (src, dst, made) in [("plain", "p2", "p2/tool"), ("plain/tool", "t2", "t2")] {
        let done = server.ok("ssh_cp", pair(src, dst));
        assert!(done["output_warnings"].to_string().contains("et-id bits"), "{done}");
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(home.join(made)).unwrap().permissions());
        assert_eq!(mode & 0o7777, 0o755, "{dst}");
    }
}

/// One of the scenarios of `files`.
pub fn links_tell_nothing_of_what_they_lead_out_to(place: &dyn Place) {
    let (mut server, root, _) = linked(place);
    for tool in ["ssh_sftp_stat", "ssh_sftp_download", "ssh_sftp_list", "ssh_delete"] {
        let told = |server: &mut Server, name: &str| {
            let text = refused(server, tool, at(root.join("out").join(name)), "PathNotAllowed");
            text.replace(name, "NAME")
        };
        let (there, missing) = (told(&mut server, "present"), told(&mut server, "missing"));
        assert_eq!(there, missing, "{tool}");
        assert_eq!(there, told(&mut server, "missing/further"), "{tool}");
    }
    // The host takes `..` behind a link for another place than the text does.
    for path in ["current/../a", "var/zone/../../var/open", "run/../out/../run/open"] {
        let text = refused(&mut server, "ssh_sftp_stat", at(format!("{}/{path}", root.display())), "PathNotAllowed");
        assert!(text.contains("`..`"), "{text}");
    }
    server.ok("ssh_sftp_stat", at(format!("{0}/run/../releases/7/../7/app.conf", root.display())));
}

#[test]
fn entries_are_resolved_over_sftp_too() {
    let sshd = Sshd::with(&Options { login: Login::Forced("internal-sftp".to_owned()), ..Options::default() });
    let (mut server, root, beside) = linked(&sshd);
    refused(&mut server, "ssh_sftp_download", at(root.join("run/zone/inner")), "PathRestricted");
    refused(&mut server, "ssh_sftp_download", at(root.join("releases/7/a.key")), "PathRestricted");
    refused(&mut server, "ssh_read_redacted", at(root.join("releases/7/a.key")), "PathRestricted");
    refused(&mut server, "ssh_sftp_download", at(root.join("releases/7/.env")), "RedactBypassBlocked");
    refused(
        &mut server,
        "ssh_delete_folder",
        json!({"host": "box", "path": root.join("run"), "recursive": true}),
        "PathRestricted",
    );
    refused(&mut server, "ssh_sftp_stat", at(format!("{}/current/../run/open", root.display())), "PathNotAllowed");
    server.ok("ssh_sftp_download", at(root.join("run/open")));
    server.ok("ssh_sftp_download", at(beside.join("link/f")));
    let found = server.ok("ssh_find", at(&root));
    let names = found["matches"].to_string();
    assert!(names.contains("run/open") && !names.contains("zone") && !names.contains("7/a.key"), "{found}");
}

#[test]
fn what_leads_where_is_told_and_costs_one_round_trip_once() {
    let sshd = Sshd::with(&Options { login: Login::Recorded, ..Options::default() });
    let (mut server, root, _) = linked(&sshd);
    let first = server.ok("ssh_sftp_stat", at(root.join("run/open")));
    let told = first["output_warnings"].to_string();
    for part in ["restricted_paths", "var/zone` is `", "run/zone`", "path_allowlist", "restricted_globs"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let second = server.ok("ssh_sftp_stat", at(root.join("run/open")));
    assert!(!second.to_string().contains("run/zone"), "{second}");
}

/// The folder in which this program would keep its state for the login account of the fixture.
fn state(sshd: &Sshd) -> PathBuf {
    sshd.path("home").canonicalize().unwrap().join(".local/state/ssh-mcp")
}

#[test]
fn own_folders_on_a_host_are_closed_under_everything() {
    let sshd = Sshd::start();
    let home = sshd.path("home").canonicalize().unwrap();
    let (own, job) = (state(&sshd), state(&sshd).join("jobs/1"));
    let setup = Setup::new();
    let mut server = setup.host(&sshd, "box", "path_allowlist = [\"*\"]").start();
    // Nothing is kept there yet: the folder itself is closed, those above it are not.
    refused(
        &mut server,
        "ssh_upload",
        json!({"host": "box", "path": own.join("x"), "content_text": "x"}),
        "PathRestricted",
    );
    std::fs::create_dir_all(home.join("copied")).unwrap();
    server.ok("ssh_cp", json!({"host": "box", "src": home.join("copied"), "dst": home.join("copy")}));
    std::fs::create_dir_all(job.parent().unwrap()).unwrap();
    std::fs::write(&job, "CANARY job").unwrap();
    symlink(home.join(".local"), home.join("by-link")).unwrap();
    for (tool, args) in [
        ("ssh_sftp_download", at(&job)),
        ("ssh_sftp_download", at(home.join("by-link/state/ssh-mcp/jobs/1"))),
        ("ssh_sftp_list", at(&own)),
        ("ssh_find", at(&own)),
        ("ssh_delete_folder", json!({"host": "box", "path": home.join(".local"), "recursive": true})),
        ("ssh_cp", json!({"host": "box", "src": home, "dst": "/tmp/ssh-mcp-test-copy"})),
        ("ssh_mv", json!({"host": "box", "src": home.join(".local"), "dst": home.join("moved")})),
        ("ssh_sftp_list", at("/root/.local/state/ssh-mcp")),
    ] {
        refused(&mut server, tool, args, "PathRestricted");
    }
    let found = server.ok("ssh_find", json!({"host": "box", "path": home, "contains": "CANARY job"}));
    assert!(!found.to_string().contains("jobs/1"), "{found}");
    let list = server.ok("ssh_sftp_list", at(home.join(".local/state")));
    assert_eq!(list["entries"], json!([]), "{list}");
    // The transfer's end, by both of its names.
    let over = json!({"src_host": "box", "src_path": job, "dst_host": "box", "dst_path": home.join("t")});
    refused(&mut server, "ssh_transfer", over, "PathRestricted");
}

#[test]
fn local_ends_never_reach_this_programs_own_folders() {
    let sshd = Sshd::start();
    let setup = Setup::new();
    let (root, top) = (setup.root(), setup.path(""));
    std::fs::write(root.join("f"), "x").unwrap();
    let keys = format!("path_allowlist = [\"{}\"]", root.display());
    let mut server =
        setup.host(&sshd, "box", &keys).env("SSH_LOCAL_TRANSFER_ROOTS", &top.display().to_string()).start();
    let hosts = walk(&top).into_iter().find(|path| path.ends_with("hosts.toml")).expect("the server's configuration");
    let before = std::fs::read(&hosts).unwrap();
    let up = json!({"host": "box", "path": root.join("stolen"), "local_path": hosts});
    refused(&mut server, "ssh_upload", up, "LocalPathPolicyError");
    let down = json!({"host": "box", "path": root.join("f"), "local_path": hosts});
    refused(&mut server, "ssh_sftp_download", down, "LocalPathPolicyError");
    assert!(!root.join("stolen").exists() && std::fs::read(&hosts).unwrap() == before);
    let down = json!({"host": "box", "path": root.join("f"), "local_path": root.join("taken")});
    server.ok("ssh_sftp_download", down);
}

#[test]
fn local_ends_never_reach_what_decides_things() {
    let sshd = Sshd::start();
    let setup = Setup::new();
    let (root, top) = (setup.root(), setup.path("").canonicalize().unwrap());
    let keys = format!(
        "path_allowlist = [\"{}\"]\nauth = {{ method = \"key\", key = \"{}\" }}\n",
        root.display(),
        top.join("k/id").display()
    );
    for (name, text) in [
        ("hk/gate.sh", "cat > /dev/null; echo '{\"allow\": true}'\n"),
        ("k/id", "a key"),
        ("k/neighbour", "n"),
        ("pins", ""),
        ("skills/x", ""),
        ("runbooks/x", ""),
        ("log/neighbour", ""),
        ("root/f", "echo '{\"allow\": true}'; touch ran\n"),
    ] {
        std::fs::create_dir_all(top.join(name).parent().unwrap()).unwrap();
        std::fs::write(top.join(name), text).unwrap();
    }
    std::fs::create_dir_all(top.join("hooks")).unwrap();
    std::fs::set_permissions(top.join("hooks"), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let script = top.join("hk/gate.sh");
    let hooks = top.join("hooks/own.toml");
    let command = format!("[[hook]]\nname = 'g'\nevent = 'gate'\ncommand = ['sh', '{}']\n", script.display());
    std::fs::write(&hooks, command).unwrap();
    std::fs::hard_link(top.join("k/id"), top.join("by-hard-link")).unwrap();
    let text = |name: &str| top.join(name).display().to_string();
    let setup = setup
        .host(&sshd, "other", &keys)
        .host(&sshd, "box", &format!("path_allowlist = [\"{}\"]", root.display()))
        .env("SSH_LOCAL_TRANSFER_ROOTS", &top.display().to_string())
        .env("SSH_HOOKS_FILE", &hooks.display().to_string())
        .env("SSH_AUDIT_FILE", &text("log/audit.jsonl"))
        .env("SSH_SKILLS_DIR", &text("skills"))
        .env("SSH_RUNBOOKS_DIR", &text("runbooks"));
    let shown = setup.command().arg("check").stdout(std::process::Stdio::piped()).output().unwrap();
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    let warning = shown.lines().find(|line| line.contains("SSH_LOCAL_TRANSFER_ROOTS"));
    assert!(warning.is_some_and(|line| line.contains("audit.jsonl") || line.contains("more")), "{shown}");
    let mut server = setup.start();
    let mut open = Vec::new();
    for name in [
        "hk/gate.sh",
        "hk/json.py",
        "hooks/own.toml",
        "log/audit.jsonl",
        "log/audit.jsonl.head",
        "log/audit.jsonl.1",
        "k/id",
        "k/id-cert.pub",
        "by-hard-link",
        "ssh_config",
        "skills/x",
        "runbooks/x",
        ".ssh/authorized_keys",
    ] {
        std::fs::create_dir_all(top.join(name).parent().unwrap()).unwrap();
        let local = top.join(name);
        for (tool, args) in [
            ("ssh_sftp_download", json!({"host": "box", "path": root.join("f"), "local_path": local})),
            ("ssh_upload", json!({"host": "box", "path": root.join("stolen"), "local_path": local})),
        ] {
            let answer = server.call(tool, args);
            if !(answer.error && answer.text.starts_with("LocalPathPolicyError")) {
                open.push(format!("{tool} {name}: {}", answer.text));
            }
        }
    }
    assert!(open.is_empty() && !root.join("stolen").exists(), "{open:#?}");
    for name in ["k/neighbour", "log/neighbour", "new"] {
        let local = top.join(name);
        server.ok("ssh_sftp_download", json!({"host": "box", "path": root.join("f"), "local_path": local}));
        let up = root.join(format!("up-{}", name.replace('/', "-")));
        server.ok("ssh_upload", json!({"host": "box", "path": up, "local_path": local}));
        assert_eq!(std::fs::read(up).unwrap(), std::fs::read(root.join("f")).unwrap());
    }
}

/// A bind mount is another name without a link. The mounts are this server's alone.
#[test]
fn local_ends_reach_nothing_that_decides_by_a_bind_mount() {
    if !can_check_passwords() {
        crate::skips::skip("bind mounts need root and the right to mount");
        return;
    }
    let sshd = Sshd::start();
    let setup = Setup::new();
    let (root, top) = (setup.root(), setup.path("").canonicalize().unwrap());
    for folder in ["hooks", "plain", "local/bound", "local/fine"] {
        std::fs::create_dir_all(top.join(folder)).unwrap();
    }
    std::fs::set_permissions(top.join("hooks"), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let hooks = "[[hook]]\nname = 'g'\nevent = 'post_tool_call'\ncommand = ['true']\n";
    std::fs::write(top.join("hooks/own.toml"), hooks).unwrap();
    for file in ["plain/f", "local/file", "root/f"] {
        std::fs::write(top.join(file), "x").unwrap();
    }
    let mounts = format!(
        "mount --bind {0}/hooks {0}/local/bound && mount --bind {0}/plain {0}/local/fine && \
         mount --bind {0}/hooks/own.toml {0}/local/file && exec \"$0\"",
        top.display()
    );
    let mut server = setup
        .host(&sshd, "box", &format!("path_allowlist = [\"{}\"]", root.display()))
        .env("SSH_LOCAL_TRANSFER_ROOTS", &top.join("local").display().to_string())
        .env("SSH_HOOKS_FILE", &top.join("hooks/own.toml").display().to_string())
        .through(&["unshare", "--mount", "sh", "-c", &mounts])
        .start();
    for name in ["bound/own.toml", "bound/new", "file"] {
        let local = top.join("local").join(name);
        let down = json!({"host": "box", "path": root.join("f"), "local_path": local});
        refused(&mut server, "ssh_sftp_download", down, "LocalPathPolicyError");
        if name != "bound/new" {
            let up = json!({"host": "box", "path": root.join("stolen"), "local_path": local});
            refused(&mut server, "ssh_upload", up, "LocalPathPolicyError");
        }
    }
    assert_eq!(std::fs::read_to_string(top.join("hooks/own.toml")).unwrap(), hooks);
    assert!(!root.join("stolen").exists() && !top.join("hooks/new").exists());
    // The neighbour: a bind mount of any other folder.
    let local = top.join("local/fine/f");
    server.ok("ssh_upload", json!({"host": "box", "path": root.join("up"), "local_path": local}));
    server.ok(
        "ssh_sftp_download",
        json!({"host": "box", "path": root.join("f"), "local_path": top.join("local/fine/g")}),
    );
    assert!(top.join("plain/g").exists());
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.file_type().unwrap().is_dir() {
            found.extend(walk(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}
