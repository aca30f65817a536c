//! Names of any bytes: each is listed in one form of its own, which every path argument reads back.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::files::Place;
use crate::server::Setup;
use crate::sshd::Sshd;

/// Names, and how each is shown.
const NAMES: [(&[u8], &str); 14] = [
    (b"home-my\\x2ddata.mount", "home-my\\x2ddata.mount"),
    (b"caf\xe9.txt", "caf\\xe9.txt"),
    (b"caf\xe8.txt", "caf\\xe8.txt"),
    (b"caf\xc3\xa9.txt", "caf\u{e9}.txt"),
    (b"a\nb", "a\\x0ab"),
    (b"a\x01b", "a\\x01b"),
    (b"end\n", "end\\x0a"),
    (b" b ", " b "),
    (b"\xff\xfe", "\\xff\\xfe"),
    (b"tab\tx", "tab\\x09x"),
    (b"rtl\xe2\x80\xaetxt", "rtl\\xe2\\x80\\xaetxt"),
    (b"a\\xff", "a\\\\xff"),
    (b"back\\slash", "back\\slash"),
    (b"both\\\xfe", "both\\\\\\xfe"),
];

fn raw(folder: &Path, name: &[u8]) -> PathBuf {
    folder.join(OsStr::from_bytes(name))
}

fn at(folder: &Path, shown: &str) -> Value {
    json!({"host": "box", "path": format!("{}/{shown}", folder.display())})
}

/// One of the scenarios of `files`.
pub fn every_name_is_shown_apart_and_read_back(place: &dyn Place) {
    let setup = Setup::new();
    let root = setup.root();
    let dir = root.join("odd");
    std::fs::create_dir(&dir).unwrap();
    for (name, shown) in NAMES {
        std::fs::write(raw(&dir, name), shown).unwrap();
    }
    std::fs::create_dir(raw(&root, b"zone\xe9")).unwrap();
    std::fs::write(raw(&root, b"zone\xe9/inner"), "CANARY zone").unwrap();
    std::fs::create_dir(root.join("keys")).unwrap();
    std::fs::write(raw(&root, b"keys/x\xe9.key"), "CANARY key").unwrap();
    let keys = format!(
        "path_allowlist = [\"{0}\"]\nrestricted_paths = ['{0}/zone\\xe9']\nrestricted_globs = [\"{0}/keys/x?.key\"]",
        root.display()
    );
    let mut server = place.add(setup, &keys).start();

    let list = server.ok("ssh_sftp_list", json!({"host": "box", "path": dir}));
    let mut listed: Vec<&str> =
        list["entries"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    let mut all: Vec<&str> = NAMES.iter().map(|(_, shown)| *shown).collect();
    listed.sort_unstable();
    all.sort_unstable();
    if place.knows_only_utf8() {
        let told = |name: &&str| NAMES.iter().any(|(raw, shown)| shown == name && std::str::from_utf8(raw).is_ok());
        let (known, lost): (Vec<&str>, Vec<&str>) = all.into_iter().partition(told);
        assert_eq!(listed, known);
        let warnings = list["output_warnings"].to_string();
        assert!(warnings.contains("Not shown") && warnings.contains(&lost.len().to_string()), "{list}");
        return;
    }
    assert_eq!(listed, all);
    let found = server.ok("ssh_find", json!({"host": "box", "path": dir}));
    let mut paths: Vec<String> = NAMES.iter().map(|(_, shown)| format!("{}/{shown}", dir.display())).collect();
    paths.sort();
    let mut matches: Vec<&str> =
        found["matches"].as_array().unwrap().iter().map(|path| path.as_str().unwrap()).collect();
    matches.sort_unstable();
    assert_eq!(matches, paths);
    let dry = server.ok("ssh_delete_folder", json!({"host": "box", "path": dir, "dry_run": true}));
    assert!(paths.iter().all(|path| dry["would_delete"].as_array().unwrap().contains(&json!(path))), "{dry}");

    // Zones and patterns hold for such names too.
    for (folder, name) in [(&root, "zone\\xe9/inner"), (&root, "keys/x\\xe9.key")] {
        let text = server.err("ssh_sftp_download", at(folder, name));
        assert!(text.starts_with("PathRestricted"), "{text}");
    }
    let all = server.ok("ssh_find", json!({"host": "box", "path": root}));
    assert!(!all.to_string().contains("inner") && !all.to_string().contains(".key"), "{all}");

    for (name, shown) in NAMES {
        let file = at(&dir, shown);
        assert_eq!(server.ok("ssh_sftp_stat", file.clone())["path"], file["path"], "{shown}");
        let mut read = file.clone();
        read["as_text"] = json!(true);
        assert_eq!(server.ok("ssh_sftp_download", read)["content_text"], shown);
        assert_eq!(server.ok("ssh_file_hash", file.clone())["size"], shown.len(), "{shown}");
        let edit = json!({"host": "box", "path": file["path"], "old_string": shown, "new_string": "new"});
        assert_eq!(server.ok("ssh_edit", edit)["path"], file["path"]);
        assert_eq!(std::fs::read(raw(&dir, name)).unwrap(), b"new", "{shown}");
        let moved = format!("{}/m{shown}", dir.display());
        server.ok("ssh_mv", json!({"host": "box", "src": file["path"], "dst": moved}));
        let name = [b"m", name].concat();
        assert_eq!(std::fs::read(raw(&dir, &name)).unwrap(), b"new", "{shown}");
        let write = json!({"host": "box", "path": moved, "content_text": "newer"});
        assert_eq!(server.ok("ssh_upload", write)["path"], moved);
        server.ok("ssh_delete", json!({"host": "box", "path": moved}));
        assert!(raw(&dir, &name).symlink_metadata().is_err(), "{shown}");
    }
    // Below a folder of such a name, and by a link whose text holds one.
    server.ok("ssh_mkdir", at(&dir, "d\\xe9"));
    let path = format!("{}/d\\xe9/f", dir.display());
    let done = server.ok("ssh_deploy", json!({"host": "box", "path": path, "content_text": "one"}));
    assert_eq!(done["path"], path);
    let done = server.ok("ssh_deploy", json!({"host": "box", "path": path, "content_text": "two"}));
    assert!(done["backup_path"].as_str().unwrap().starts_with(&format!("{path}.bak-")), "{done}");
    let link = json!({"host": "box", "src": "d\\xe9/f", "dst": dir.join("l"), "symbolic": true});
    server.ok("ssh_link", link);
    assert_eq!(std::fs::read(dir.join("l")).unwrap(), b"two");
    assert_eq!(server.ok("ssh_sftp_stat", at(&dir, "l"))["symlink_target"], path);
    let list = server.ok("ssh_sftp_list", json!({"host": "box", "path": dir}));
    assert!(list["entries"].as_array().unwrap().iter().any(|row| row["symlink_target"] == "d\\xe9/f"), "{list}");
    server.ok("ssh_cp", json!({"host": "box", "src": format!("{}/d\\xe9", dir.display()), "dst": dir.join("copy")}));
    assert_eq!(std::fs::read(dir.join("copy/f")).unwrap(), b"two");
    let many = json!({"host": "box", "path": format!("{}/p\\xe9/q\\xe8", dir.display()), "parents": true});
    server.ok("ssh_mkdir", many);
    assert!(raw(&dir, b"p\xe9/q\xe8").is_dir());
    server.ok("ssh_delete_folder", json!({"host": "box", "path": dir, "recursive": true}));
    assert!(!dir.exists());
}

#[test]
fn one_form_names_one_file() {
    let sshd = Sshd::start();
    let setup = Setup::new();
    let root = setup.root();
    std::fs::write(root.join("plain"), "x").unwrap();
    std::fs::write(setup.path("outside"), "CANARY outside").unwrap();
    let mut server = setup.host(&sshd, "box", &format!("path_allowlist = [\"{}\"]", root.display())).start();
    // No escape stands for a byte that shows, so these are names of other files, which are not there.
    for path in ["\\x70lain", "\\x2e\\x2e/outside", "..\\x2foutside"] {
        let text = server.err("ssh_sftp_download", at(&root, path));
        assert!(text.contains("no such file"), "{path}: {text}");
    }
    for path in ["plain\\x00", "\\xc3\\xa9", "\\xff\\q"] {
        let text = server.err("ssh_sftp_download", at(&root, path));
        assert!(text.starts_with("PathNotAllowed") && text.contains("escape"), "{path}: {text}");
    }
    let text = server.err("ssh_sftp_download", at(&root, "pla\nin"));
    assert!(text.contains("\\x0a"), "{text}");
    // A name that is not there is told in the form in which it was given.
    let text = server.err("ssh_sftp_download", at(&root, "no\\xe9/x"));
    assert!(text.contains("no\\xe9"), "{text}");
}
