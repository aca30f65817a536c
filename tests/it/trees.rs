//! Folders that are moved, copied and deleted where patterns close names: by what they hold, and not by what they could.

use std::path::Path;

use serde_json::{Value, json};

use crate::files::Place;
use crate::server::{Server, Setup};

fn pair(src: impl AsRef<Path>, dst: impl AsRef<Path>) -> Value {
    json!({"host": "box", "src": src.as_ref(), "dst": dst.as_ref()})
}

fn tree(path: impl AsRef<Path>, dry: bool) -> Value {
    json!({"host": "box", "path": path.as_ref(), "recursive": true, "dry_run": dry})
}

#[track_caller]
fn refused(server: &mut Server, tool: &str, args: Value, name: &str, word: &str) {
    let text = server.err(tool, args);
    assert!(text.starts_with(name) && text.contains(word) && !text.contains("CANARY"), "{tool}: {text}");
}

/// One of the scenarios of `files`.
pub fn trees_are_closed_by_what_they_hold(place: &dyn Place) {
    let setup = Setup::new();
    let root = setup.root();
    let keys = format!(
        "path_allowlist = [\"{0}\"]\nrestricted_globs = [\"**/*.pem\", \"{0}/shop/*/live.key\", \"{0}/fixed/sub/*.x\"]\n\
         redact_paths_globs = [\"**/.env\"]\nredact_bypass_policy = \"block\"",
        root.display()
    );
    let at = |path: &str| root.join(path);
    let fill = |folder: &str| {
        std::fs::create_dir_all(at(folder).join("deep/er")).unwrap();
        std::fs::write(at(folder).join("deep/er/f"), "f").unwrap();
        // Looks like what is closed, and is not: a link's name, a name that only begins so, a key at another place.
        std::fs::write(at(folder).join("live.key"), "open").unwrap();
        std::fs::write(at(folder).join("env"), "open").unwrap();
    };
    let mut server = place.add(setup, &keys).start();

    // The neighbours: nothing of the kind is there.
    fill("plain");
    server.ok("ssh_cp", pair(at("plain"), at("copy")));
    server.ok("ssh_mv", pair(at("copy"), at("moved")));
    assert_eq!(std::fs::read(at("moved/deep/er/f")).unwrap(), b"f");
    assert!(server.ok("ssh_delete_folder", tree(at("moved"), true))["would_delete"].as_array().unwrap().len() >= 5);
    server.ok("ssh_delete_folder", tree(at("moved"), false));
    assert!(!at("moved").exists());

    // What is closed lies in it, at any depth.
    for (held, name) in
        [("deep/er/x.pem", "PathRestricted"), ("y.pem/f", "PathRestricted"), ("deep/.env", "RedactBypassBlocked")]
    {
        let held = at("plain").join(held);
        std::fs::create_dir_all(held.parent().unwrap()).unwrap();
        std::fs::write(&held, "SECRET=CANARY of a tree").unwrap();
        // What listings hide is not told by name.
        let hidden = name == "PathRestricted";
        let word = if hidden { "what the operator restricts" } else { held.file_name().unwrap().to_str().unwrap() };
        refused(&mut server, "ssh_cp", pair(at("plain"), at("copy")), name, word);
        refused(&mut server, "ssh_mv", pair(at("plain"), at("copy")), name, word);
        assert!(at("plain/deep/er/f").exists() && !at("copy").exists());
        if name == "PathRestricted" {
            refused(&mut server, "ssh_delete_folder", tree(at("plain"), false), name, word);
            refused(&mut server, "ssh_delete_folder", tree(at("plain"), true), name, word);
            assert!(held.exists());
            std::fs::remove_file(&held).unwrap();
            let _ = std::fs::remove_dir(at("plain/y.pem"));
        } else {
            // Nothing comes out of a file that is deleted.
            server.ok("ssh_delete_folder", tree(at("plain"), false));
            assert!(!at("plain").exists());
            fill("plain");
        }
    }

    // It would become closed at the place to which it goes.
    std::fs::create_dir(at("shop")).unwrap();
    for tool in ["ssh_cp", "ssh_mv"] {
        refused(&mut server, tool, pair(at("plain"), at("shop/one")), "PathRestricted", "would hold");
        assert!(at("plain").exists() && !at("shop/one").exists(), "{tool}");
    }
    std::fs::remove_file(at("plain/live.key")).unwrap();
    server.ok("ssh_cp", pair(at("plain"), at("shop/one")));

    // An entry that names a folder below goes on closing what is above it.
    std::fs::create_dir_all(at("fixed/sub")).unwrap();
    refused(&mut server, "ssh_mv", pair(at("fixed"), at("elsewhere")), "PathRestricted", "passes through it");
    refused(&mut server, "ssh_delete_folder", tree(at("fixed"), false), "PathRestricted", "may lie below it");
    server.ok("ssh_mv", pair(at("fixed/sub"), at("fixed/sub2")));

    // More of such names than an answer may hold, none of them closed where it lies.
    let many = at("many");
    std::fs::create_dir(&many).unwrap();
    for n in 0..400 {
        std::fs::create_dir(many.join(format!("{n:050}"))).unwrap();
        std::fs::write(many.join(format!("{n:050}/live.key")), "open").unwrap();
    }
    refused(&mut server, "ssh_mv", pair(&many, at("shop/two")), "PathRestricted", "cannot be checked");
    server.ok("ssh_mv", pair(&many, at("many2")));
    nothing_closed_comes_into_a_tree_meanwhile(&mut server, &root);
}

/// The tools that could put a closed name into a tree after it was looked at do not make such names, and do not carry
/// folders while another call does.
fn nothing_closed_comes_into_a_tree_meanwhile(server: &mut Server, root: &Path) {
    let at = |path: &str| root.join(path);
    std::fs::create_dir_all(at("t/sub")).unwrap();
    std::fs::write(at("t/sub/f"), "x").unwrap();
    for name in ["t/.env", "t/sub/x.pem"] {
        let content = json!({"host": "box", "path": at(name), "content_text": "A=1"});
        let text = server.err("ssh_upload", content);
        assert!(text.contains("PathRestricted") || text.contains("RedactBypassBlocked"), "{name}: {text}");
        for tool in ["ssh_cp", "ssh_mv"] {
            let text = server.err(tool, pair(at("t/sub/f"), at(name)));
            assert!(text.contains("PathRestricted") || text.contains("RedactBypassBlocked"), "{name}: {text}");
        }
        let text =
            server.err("ssh_link", json!({"host": "box", "src": at("t/sub/f"), "dst": at(name), "symbolic": true}));
        assert!(text.contains("PathRestricted") || text.contains("RedactBypassBlocked"), "{name}: {text}");
    }
}
