//! Notes: entries are added to what is there, nothing else is lost, and the limit is never passed.

use ssh_mcp::internals::parsers::NotesFolder;

use super::feed::Feed;

const LIMIT: usize = 300;

pub fn check(data: &[u8]) {
    let mut feed = Feed::new(data);
    let folder = tempfile::tempdir().expect("a folder");
    let notes = NotesFolder::new(folder.path().join("notes"), LIMIT as u64);
    // What each file should hold, by a model of two lines.
    let mut model = [String::new(), String::new()];
    for _ in 0..feed.roll(8) {
        let at = feed.roll(2);
        let alias = ["web", "db.1"][at];
        let text = match feed.roll(3) {
            0 => String::from_utf8_lossy(feed.bytes(40)).into_owned(),
            1 => feed.text(6, &["## 2026", "\n", " ", "\r\n", "# Notes", "\u{202e}", "entry", "---"]),
            _ => "z".repeat(feed.roll(256)),
        };
        let append = feed.roll(3) > 0;
        let expected = if append {
            let before = if model[at].trim().is_empty() { "# Heading" } else { &model[at] };
            format!("{}\n\n## now\n\n{}\n", before.trim_end(), text.trim())
        } else {
            text.clone()
        };
        let written = if append { notes.append(alias, "# Heading", "now", &text) } else { notes.set(alias, &text) };
        match written {
            Ok(written) => {
                assert!(expected.len() <= LIMIT);
                assert_eq!(written.bytes, expected.len() as u64);
                assert_eq!(written.created, model[at].trim().is_empty());
                model[at] = expected;
            }
            Err(error) => assert!(expected.len() > LIMIT, "{error}"),
        }
        for (alias, model) in ["web", "db.1"].iter().zip(&model) {
            let kept = (!model.trim().is_empty()).then(|| model.clone());
            assert_eq!(notes.read(alias), kept);
        }
    }
    // An alias is a file name or it is refused; nothing is written elsewhere.
    let alias = String::from_utf8_lossy(feed.bytes(12)).into_owned();
    match notes.path(&alias) {
        Some(path) => assert_eq!(path.parent(), Some(folder.path().join("notes").as_path())),
        None => assert!(notes.set(&alias, "x").is_err()),
    }
    let outside = std::fs::read_dir(folder.path()).expect("the folder").count();
    assert!(outside <= 1, "something was written beside the folder of notes");
}
