//! Links that are made, moved and copied: each is judged by where it leads from the place where it will lie.

use std::os::unix::fs::symlink;
use std::path::Path;

use nix::fcntl::{Flock, FlockArg};
use serde_json::{Value, json};

use crate::files::Place;
use crate::server::{Server, Setup};
use crate::sshd::Sshd;

fn pair(src: impl AsRef<Path>, dst: impl AsRef<Path>) -> Value {
    json!({"host": "box", "src": src.as_ref(), "dst": dst.as_ref()})
}

#[track_caller]
fn refused(server: &mut Server, tool: &str, args: Value, name: &str) {
    let text = server.err(tool, args);
    assert!(text.starts_with(name) && !text.contains("CANARY"), "{tool}: {text}");
}

fn is_link(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|meta| meta.is_symlink())
}

/// One of the scenarios of `files`.
pub fn relative_links_are_judged_where_they_will_lie(place: &dyn Place) {
    let setup = Setup::new();
    let root = setup.root();
    let keys = format!("path_allowlist = [\"{0}\"]\nrestricted_paths = [\"{0}/zone\"]", root.display());
    let at = |path: &str| root.join(path);
    for folder in ["a/b/tree/sub", "a/c", "d", "zone", "deep/er", "plain/sub"] {
        std::fs::create_dir_all(at(folder)).unwrap();
    }
    std::fs::write(at("zone/inner"), "CANARY zone").unwrap();
    std::fs::write(at("f"), "f").unwrap();
    for (link, target) in [
        ("a/b/up", "../../f"),
        ("a/z", "zone/inner"),
        ("a/b/tree/sub/out", "../../../../f"),
        ("a/b/tree/sub/in", "../g"),
        ("plain/sub/in", "../g"),
        ("plain/same", "./sub/in"),
        ("deep/er/top", "../.."),
    ] {
        symlink(target, at(link)).unwrap();
    }
    symlink("/etc", at("outward")).unwrap();
    let mut server = place.add(setup, &keys).start();

    // A link by itself.
    refused(&mut server, "ssh_mv", pair(at("a/b/up"), at("up")), "PathNotAllowed");
    refused(&mut server, "ssh_mv", pair(at("a/z"), at("z")), "PathRestricted");
    assert!(is_link(&at("a/b/up")) && is_link(&at("a/z")) && !is_link(&at("up")) && !is_link(&at("z")));
    server.ok("ssh_mv", pair(at("a/b/up"), at("a/b/up2")));
    server.ok("ssh_mv", pair(at("a/b/up2"), at("a/c/up")));
    assert_eq!(std::fs::read(at("a/c/up")).unwrap(), b"f");

    // One in a folder, which stays inside of it or does not.
    for tool in ["ssh_mv", "ssh_cp"] {
        refused(&mut server, tool, pair(at("a/b/tree"), at("tree")), "PathNotAllowed");
        assert!(at("a/b/tree/sub").is_dir() && !at("tree").exists(), "{tool}");
    }
    server.ok("ssh_cp", pair(at("a/b/tree"), at("a/c/tree")));
    server.ok("ssh_mv", pair(at("a/b/tree"), at("a/b/tree2")));
    server.ok("ssh_cp", pair(at("plain"), at("d/plain")));
    server.ok("ssh_mv", pair(at("plain"), at("a/plain")));
    assert!(is_link(&at("a/plain/sub/in")) && is_link(&at("d/plain/same")) && is_link(&at("a/b/tree2/sub/out")));

    // A name in front of `..` may be a link: what it would mean elsewhere is not known.
    std::fs::create_dir_all(at("a/odd/x")).unwrap();
    symlink("x/../../f", at("a/odd/l")).unwrap();
    refused(&mut server, "ssh_mv", pair(at("a/odd"), at("d/odd")), "PathNotAllowed");

    // A new one does not rest on a name that may become a link: four calls would make it lead anywhere.
    for target in ["deep/er/../../f", "deep/../f", "../root/deep/../f"] {
        let args = json!({"host": "box", "src": target, "dst": at("behind"), "symbolic": true});
        refused(&mut server, "ssh_link", args, "PathNotAllowed");
    }
    server.ok("ssh_link", json!({"host": "box", "src": "../f", "dst": at("deep/behind"), "symbolic": true}));
    assert!(!is_link(&at("behind")) && std::fs::read(at("deep/behind")).unwrap() == b"f");

    // A new one: from the folder where it really lies, and through the links on its way.
    let link = |src: &str, dst: &str| json!({"host": "box", "src": src, "dst": at(dst), "symbolic": true});
    refused(&mut server, "ssh_link", link("../../../x", "deep/er/top/l"), "PathNotAllowed");
    refused(&mut server, "ssh_link", link("outward/passwd", "l"), "PathNotAllowed");
    refused(&mut server, "ssh_link", link("deep/er/top/zone/inner", "l"), "PathRestricted");
    assert!(!is_link(&at("l")));
    server.ok("ssh_link", link("deep/er/top/f", "l"));
    server.ok("ssh_link", link("../not/there/yet", "a/later"));
    assert!(is_link(&at("l")) && is_link(&at("a/later")));
}

/// One of the scenarios of `files`.
pub fn a_folder_that_holds_links_gives_nothing_of_what_they_lead_to(place: &dyn Place) {
    let setup = Setup::new();
    let root = setup.root();
    std::fs::create_dir_all(root.join("dir")).unwrap();
    std::fs::create_dir(setup.path("outside")).unwrap();
    std::fs::write(setup.path("outside/f"), "CANARY outside").unwrap();
    std::fs::write(root.join("dir/f"), "needle").unwrap();
    symlink(setup.path("outside"), root.join("dir/way")).unwrap();
    symlink(setup.path("outside/f"), root.join("dir/file")).unwrap();
    let keys = format!("path_allowlist = [\"{}\"]", root.display());
    let mut server = place.add(setup, &keys).start();
    let at = |path: &str| json!({"host": "box", "path": root.join(path)});
    let list = server.ok("ssh_sftp_list", at("dir"));
    let kinds: Vec<&str> =
        list["entries"].as_array().unwrap().iter().map(|row| row["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["file", "symlink", "symlink"], "{list}");
    for (kind, count) in [("f", 1), ("l", 2), ("d", 1)] {
        let found = server.ok("ssh_find", json!({"host": "box", "path": root.join("dir"), "kind": kind}));
        assert_eq!(found["matches"].as_array().unwrap().len(), count, "{kind}: {found}");
    }
    let found = server.ok("ssh_find", json!({"host": "box", "path": root, "contains": "needle"}));
    assert_eq!(found["matches"], json!([root.join("dir/f")]), "{found}");
    server.ok("ssh_cp", pair(root.join("dir"), root.join("copy")));
    assert!(is_link(&root.join("copy/way")) && is_link(&root.join("copy/file")));
    for tool in ["ssh_sftp_download", "ssh_file_hash", "ssh_sftp_stat"] {
        refused(&mut server, tool, at("copy/file"), "PathNotAllowed");
        refused(&mut server, tool, at("copy/way/f"), "PathNotAllowed");
    }
    server.ok("ssh_delete_folder", json!({"host": "box", "path": root.join("copy"), "recursive": true}));
    assert!(root.parent().unwrap().join("outside/f").exists());
}

#[test]
fn an_allowed_root_behind_a_chain_of_links_is_what_the_chain_leads_to() {
    let sshd = Sshd::start();
    let setup = Setup::new();
    let base = setup.path("base");
    for folder in ["three/root", "other/root"] {
        std::fs::create_dir_all(base.join(folder)).unwrap();
        std::fs::write(base.join(folder).join("f"), folder).unwrap();
    }
    symlink("two", base.join("one")).unwrap();
    symlink("three", base.join("two")).unwrap();
    // By way of the middle of the chain.
    symlink(base.join("two/root/f"), base.join("three/root/hop")).unwrap();
    symlink(base.join("other/root/f"), base.join("three/root/out")).unwrap();
    let keys = format!("path_allowlist = [\"{}\"]", base.join("one/root").display());
    let mut server = setup.host(&sshd, "box", &keys).start();
    let at = |path: &str| json!({"host": "box", "path": base.join(path), "as_text": true});
    for path in ["one/root/f", "three/root/f", "one/root/hop", "three/root/hop"] {
        assert_eq!(server.ok("ssh_sftp_download", at(path))["content_text"], "three/root", "{path}");
    }
    for path in ["two/root/f", "other/root/f", "one/root/out", "three/f"] {
        refused(&mut server, "ssh_sftp_download", at(path), "PathNotAllowed");
    }
    // The middle of the chain is led elsewhere: the entry means the new place, and that one alone.
    std::fs::remove_file(base.join("two")).unwrap();
    symlink("other", base.join("two")).unwrap();
    assert_eq!(server.ok("ssh_sftp_download", at("one/root/f"))["content_text"], "other/root");
    refused(&mut server, "ssh_sftp_download", at("three/root/f"), "PathNotAllowed");
}

#[test]
fn what_was_closed_under_a_name_stays_closed_over_a_reload() {
    let sshd = Sshd::start();
    let setup = Setup::new();
    let root = setup.root();
    for release in ["7", "8"] {
        std::fs::create_dir_all(root.join(release).join("zone")).unwrap();
        std::fs::write(root.join(release).join("zone/f"), "CANARY zone").unwrap();
        std::fs::write(root.join(release).join("open"), "open").unwrap();
    }
    symlink("7", root.join("current")).unwrap();
    let keys = format!("path_allowlist = [\"{0}\"]\nrestricted_paths = [\"{0}/current/zone\"]", root.display());
    let mut server = setup.host(&sshd, "box", &keys).start();
    let at = |path: &str| json!({"host": "box", "path": root.join(path)});
    refused(&mut server, "ssh_sftp_download", at("7/zone/f"), "PathRestricted");
    std::fs::remove_file(root.join("current")).unwrap();
    symlink("8", root.join("current")).unwrap();
    let file = server.dir.path().join("config/ssh-mcp/hosts.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{text}\n[hosts.another]\n")).unwrap();
    let done = server.ok("ssh_host_reload", json!({}));
    assert_eq!(done["added"], json!(["another"]));
    for release in ["7", "8"] {
        refused(&mut server, "ssh_sftp_download", at(&format!("{release}/zone/f")), "PathRestricted");
        server.ok("ssh_sftp_download", at(&format!("{release}/open")));
    }
}

#[test]
fn patterns_count_characters_of_more_than_one_byte() {
    let sshd = Sshd::start();
    let setup = Setup::new();
    let root = setup.root();
    for name in ["gehe\u{ef}m-\u{e9}1", "geheiim-\u{e9}1", "\u{1f512}.key", "ab.key"] {
        std::fs::write(root.join(name), "open").unwrap();
    }
    let keys =
        format!("path_allowlist = [\"{}\"]\nrestricted_globs = [\"**/gehe?m-\u{e9}*\", \"**/?.key\"]", root.display());
    let mut server = setup.host(&sshd, "box", &keys).start();
    for (name, open) in
        [("gehe\u{ef}m-\u{e9}1", false), ("geheiim-\u{e9}1", true), ("\u{1f512}.key", false), ("ab.key", true)]
    {
        let args = json!({"host": "box", "path": root.join(name)});
        if open {
            server.ok("ssh_sftp_download", args);
        } else {
            refused(&mut server, "ssh_sftp_download", args, "PathRestricted");
        }
    }
    let found = server.ok("ssh_find", json!({"host": "box", "path": root}));
    assert_eq!(found["matches"], json!([root.join("ab.key"), root.join("geheiim-\u{e9}1")]), "{found}");
    let list = server.ok("ssh_sftp_list", json!({"host": "box", "path": root}));
    assert_eq!(list["entries"].as_array().unwrap().len(), 2, "{list}");
}

/// What was looked through stays as it was until it lies elsewhere: another session may hold a turn for names meanwhile, and
/// then no folder is carried. One file is copied beside it.
#[test]
fn folders_are_carried_by_one_call_at_a_time() {
    let sshd = Sshd::start();
    let setup = Setup::open_box(&sshd);
    let (root, data) = (setup.root(), setup.path("data"));
    let at = |path: &str| root.join(path);
    std::fs::create_dir_all(at("tree/sub")).unwrap();
    std::fs::write(at("f"), "f").unwrap();
    let setup = setup.env("XDG_DATA_HOME", data.to_str().unwrap()).env("SSH_COMMAND_TIMEOUT", "2");
    let mut server = setup.start();
    server.ok("ssh_cp", pair(at("f"), at("first")));
    // Another session's turn.
    let mut held = Vec::new();
    for entry in std::fs::read_dir(data.join("ssh-mcp/turns")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "names") {
            let file = std::fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
            held.push(Flock::lock(file, FlockArg::LockSharedNonblock).unwrap());
        }
    }
    assert!(!held.is_empty());
    server.ok("ssh_cp", pair(at("f"), at("second")));
    server.ok("ssh_link", pair(at("f"), at("third")));
    for tool in ["ssh_mv", "ssh_cp"] {
        let text = server.err(tool, pair(at("tree"), at("carried")));
        assert!(text.starts_with("RuntimeError") && text.contains("is busy"), "{tool}: {text}");
        assert!(at("tree/sub").is_dir() && !at("carried").exists(), "{tool}");
    }
    drop(held);
    server.ok("ssh_cp", pair(at("tree"), at("copy")));
    server.ok("ssh_mv", pair(at("tree"), at("carried")));
    assert!(at("copy/sub").is_dir() && at("carried/sub").is_dir() && !at("tree").exists());
}

/// Whether a search finds its text must not depend on what a name leads to while it is looked at.
#[test]
fn a_search_asks_nothing_of_what_a_name_leads_to_meanwhile() {
    let sshd = Sshd::start();
    let setup = Setup::new();
    let root = setup.root();
    let outside = setup.path("outside");
    // Both texts are there: the open one never, the closed one never in what a name of the root is.
    std::fs::write(&outside, "CANARY of a search\n").unwrap();
    for n in 0..8 {
        std::fs::write(root.join(format!("a{n}")), vec![b'x'; 4 << 20]).unwrap();
    }
    let (file, link, spare) = (root.join("zz"), root.join("ln"), root.join("spare"));
    std::fs::write(&file, "open text\n").unwrap();
    symlink(&outside, &link).unwrap();
    let keys = format!("path_allowlist = [\"{}\"]", root.display());
    let mut server = setup.host(&sshd, "box", &keys).start();
    let over = std::sync::atomic::AtomicBool::new(false);
    let found = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(std::sync::atomic::Ordering::Relaxed) {
                for (from, to) in [(&file, &spare), (&link, &file), (&file, &link), (&spare, &file)] {
                    std::fs::rename(from, to).unwrap();
                }
            }
        });
        let mut found = [0, 0];
        for _ in 0..40 {
            for (at, text) in ["CANARY of", "open te"].iter().enumerate() {
                let answer = server.ok("ssh_find", json!({"host": "box", "path": root, "contains": text}));
                found[at] += answer["matches"].as_array().unwrap().len();
            }
        }
        over.store(true, std::sync::atomic::Ordering::Relaxed);
        found
    });
    println!("found {found:?}");
    assert_eq!(found[0], 0);
    // The neighbour: it is found under its own names.
    let still = server.ok("ssh_find", json!({"host": "box", "path": root, "contains": "open te"}));
    assert_eq!(still["matches"].as_array().unwrap().len(), 1, "{still}");
}
