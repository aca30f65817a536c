use super::*;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

fn skill(tree: &Path, name: &str, files: &[(&str, &[u8])]) {
    let head = format!("---\nname: {name}\ndescription: About {name}.\n---\nBody.\n");
    fs::create_dir_all(tree.join(name)).unwrap();
    fs::write(tree.join(name).join(SKILL_MD), head).unwrap();
    for (path, bytes) in files {
        let path = tree.join(name).join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

fn open(skills: &Path, runbooks: &Path) -> (Library, Vec<String>) {
    Library::open(&Sources { skills: Some(skills.into()), runbooks: Some(runbooks.into()), no_runbooks: false })
}

fn names(library: &Library) -> Vec<&str> {
    library.skills().iter().map(Skill::name).collect()
}

#[test]
fn folders_replace_the_trees_and_are_read_when_asked() {
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    skill(a.path(), "ssh-find", &[("refs/deep/x.txt", b"x"), (".hidden", b"no")]);
    skill(a.path(), "ssh-edit", &[]);
    fs::create_dir(a.path().join("not-a-skill")).unwrap();
    fs::write(a.path().join("file"), "x").unwrap();
    skill(b.path(), "ssh-disk-cleanup", &[]);
    let (library, notes) = open(a.path(), b.path());
    assert_eq!(notes, [""; 0]);
    assert_eq!(names(&library), ["ssh-edit", "ssh-find", "ssh-disk-cleanup"]);
    assert_eq!(library.runbooks().map(Skill::name).collect::<Vec<_>>(), ["ssh-disk-cleanup"]);
    assert!(!library.is_fixed());

    let find = library.get("ssh-find").unwrap();
    let paths: Vec<_> = find.files().unwrap().into_iter().map(|file| file.path).collect();
    assert_eq!(paths, ["SKILL.md", "refs/deep/x.txt"]);
    assert_eq!(find.file("refs/deep/x.txt").unwrap().unwrap().as_ref(), b"x");
    fs::write(a.path().join("ssh-find/refs/deep/x.txt"), "changed").unwrap();
    assert_eq!(find.file("refs/deep/x.txt").unwrap().unwrap().as_ref(), b"changed");
    assert_eq!(find.text().unwrap().0.description, "About ssh-find.");
    for absent in [
        "",
        "refs",
        "refs/",
        "/refs",
        "refs//deep/x.txt",
        "../ssh-edit/SKILL.md",
        "./SKILL.md",
        ".hidden",
        "_manifest",
        "a\0b",
    ] {
        assert_eq!(find.file(absent).unwrap(), None, "{absent:?}");
    }
}

#[test]
fn links_lead_nowhere() {
    let (a, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(outside.path().join("secret"), "secret").unwrap();
    skill(outside.path(), "linked", &[]);
    skill(a.path(), "real", &[]);
    symlink(outside.path().join("secret"), a.path().join("real/file")).unwrap();
    symlink(outside.path(), a.path().join("real/folder")).unwrap();
    symlink(outside.path().join("linked"), a.path().join("linked")).unwrap();
    let (library, _) = open(a.path(), outside.path());
    let real = library.get("real").unwrap();
    assert_eq!(real.files().unwrap().len(), 1);
    assert_eq!(real.file("file").unwrap(), None);
    assert_eq!(real.file("folder/secret").unwrap(), None);
    assert_eq!(library.get("linked").unwrap().kind(), Kind::Runbook);
    // A folder that becomes a link after the start.
    fs::rename(a.path().join("real"), a.path().join("old")).unwrap();
    symlink(outside.path().join("linked"), a.path().join("real")).unwrap();
    assert_eq!(real.file(SKILL_MD).unwrap(), None);
    assert!(real.files().is_err());
}

#[test]
fn what_everybody_may_write_is_not_served() {
    let a = tempfile::tempdir().unwrap();
    skill(a.path(), "one", &[("open.txt", b"x")]);
    let chmod = |path: &str, mode| fs::set_permissions(a.path().join(path), fs::Permissions::from_mode(mode)).unwrap();
    let (library, _) = open(a.path(), a.path());
    let one = library.get("one").unwrap();
    chmod("one/open.txt", 0o666);
    assert!(matches!(one.file("open.txt"), Err(SkillError::Writable(_))));
    assert!(matches!(one.files(), Err(SkillError::Writable(_))));
    chmod("one/open.txt", 0o644);
    chmod("one", 0o777);
    assert!(matches!(one.file("open.txt"), Err(SkillError::Writable(_))));
    chmod("one", 0o755);
    fs::set_permissions(a.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let (library, notes) = open(a.path(), a.path());
    assert!(library.skills().is_empty());
    assert!(notes.iter().all(|note| note.contains("written by others")), "{notes:?}");
}

#[test]
fn sizes_are_bounded() {
    let a = tempfile::tempdir().unwrap();
    skill(a.path(), "large", &[]);
    let big = fs::File::create(a.path().join("large/big")).unwrap();
    big.set_len(MAX_BYTES + 1).unwrap();
    let (library, _) = open(a.path(), Path::new("/nonexistent"));
    let large = library.get("large").unwrap();
    assert!(matches!(large.file("big"), Err(SkillError::TooLarge)));
    assert!(matches!(large.files(), Err(SkillError::TooLarge)));
    big.set_len(1).unwrap();
    for n in 0..MAX_FILES {
        fs::write(a.path().join(format!("large/{n}")), "").unwrap();
    }
    assert!(matches!(large.files(), Err(SkillError::TooLarge)));
}

#[test]
fn what_is_left_out_is_said_and_stops_nothing() {
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    skill(a.path(), "same", &[]);
    skill(b.path(), "same", &[]);
    fs::create_dir(a.path().join("headless")).unwrap();
    fs::write(a.path().join("headless/SKILL.md"), "# no head").unwrap();
    let (library, notes) = open(a.path(), b.path());
    assert_eq!(names(&library), ["headless", "same"]);
    assert!(notes.iter().any(|note| note.contains("headless") && note.contains("front matter")), "{notes:?}");
    assert!(notes.iter().any(|note| note.contains("same") && note.contains("skipped")), "{notes:?}");
    let (library, notes) = open(Path::new("/nonexistent"), b.path());
    assert_eq!(names(&library), ["same"]);
    assert_eq!(notes.len(), 1);
    let sources = Sources { skills: Some(a.path().into()), runbooks: Some(b.path().into()), no_runbooks: true };
    assert_eq!(Library::open(&sources).0.runbooks().count(), 0);
}

#[test]
fn the_embedded_trees_hold_good_skills_only() {
    let (library, notes) = Library::open(&Sources::default());
    assert_eq!(notes, [""; 0]);
    assert!(library.is_fixed());
    for skill in library.skills() {
        let files = skill.files().unwrap();
        assert!(files.len() <= MAX_FILES);
        assert!(files.iter().map(|file| file.bytes.len() as u64).sum::<u64>() <= MAX_BYTES);
        for file in files {
            assert_ne!(file.path, MANIFEST);
            assert_eq!(skill.file(&file.path).unwrap(), Some(file.bytes));
        }
    }
}
