//! Links that are made, moved and copied: each is judged by where it leads from the place where it will lie.

use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::{Value, json};

use crate::files::Place;
use crate::server::{Server, Setup};

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
