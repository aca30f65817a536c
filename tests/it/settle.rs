//! The path resolver that runs on hosts, against GNU `realpath` over random trees of links, under dash, bash and BusyBox;
//! and for what exists, against BusyBox's own `realpath`.
//!
//! `settle` either says that a path is its own canonical name, or names the canonical one, or refuses. It must never say
//! another name than `realpath` does; where `realpath` finds nothing it must refuse.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::dice::Dice;
use ssh_mcp::internals::ssh::wrapper::SETTLE;

const SHELLS: [&[&str]; 3] = [&["dash"], &["bash", "--norc", "--noprofile"], &["busybox", "sh"]];
const TREES: usize = if cfg!(feature = "deep") { 300 } else { 3 };

/// Folders, files, and links of every kind: relative, absolute, upwards, in chains, in circles, to nothing.
fn grow(root: &Path, dice: &mut Dice) -> Vec<PathBuf> {
    let mut folders = vec![root.to_owned()];
    let mut all = Vec::new();
    for at in 0..40 {
        let folder = folders[dice.roll(folders.len())].clone();
        let path =
            folder.join(["a", "b", "-c", "d'e", "f g", "*", "$h"][dice.roll(7)].to_owned() + &(at % 9).to_string());
        if path.symlink_metadata().is_ok() {
            continue;
        }
        match dice.roll(5) {
            0 | 1 => {
                std::fs::create_dir(&path).unwrap();
                folders.push(path.clone());
            }
            2 => std::fs::write(&path, "").unwrap(),
            _ => {
                let near = |dice: &mut Dice, all: &[PathBuf]| {
                    all.get(dice.roll(all.len().max(1))).cloned().unwrap_or_else(|| root.to_owned())
                };
                let target = match dice.roll(6) {
                    0 => near(dice, &all),
                    1 => Path::new("..").join(near(dice, &all).file_name().unwrap_or_default()),
                    2 => PathBuf::from(path.file_name().unwrap()),
                    3 => PathBuf::from("nothing/here"),
                    4 => PathBuf::from("../.").join(folder.file_name().unwrap_or_default()),
                    _ => PathBuf::from(near(dice, &all).file_name().unwrap_or_default()),
                };
                if !target.as_os_str().is_empty() {
                    symlink(target, &path).unwrap();
                }
            }
        }
        all.push(path);
    }
    all
}

fn quoted(path: &str) -> String {
    format!("'{}'", path.replace('\'', "'\\''"))
}

/// The lines that a script prints.
fn lines(shell: &[&str], script: &str) -> Vec<String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), script).unwrap();
    let output = Command::new(shell[0])
        .args(&shell[1..])
        .arg(file.path())
        .stdin(Stdio::null())
        .output()
        .expect("the shell runs");
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// What a script prints behind `settle`, which says the same as it is written and as it travels. `$LEAF` is its name of the
/// last path.
fn in_both_forms(shell: &[&str], script: &str) -> Vec<String> {
    let source = include_str!("../../src/ssh/wrapper/settle.sh");
    let [travels, written] = [(SETTLE, "$L"), (source, "$leaf")].map(|(settle, leaf)| {
        lines(shell, &format!("PATH=/usr/bin:/bin\n{settle}\n{}", script.replace("$LEAF", leaf)))
    });
    assert_eq!(travels, written, "{shell:?}");
    travels
}

/// The shells that this machine has.
fn shells() -> Vec<&'static [&'static str]> {
    let runs = |shell: &&[&str]| {
        Command::new(shell[0]).arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
    };
    let shells: Vec<_> = SHELLS.into_iter().filter(|shell| runs(shell)).collect();
    assert!(shells.len() >= 2, "two of dash, bash and busybox");
    shells
}

/// What `held` says of an entry of the rules is what `realpath -m` says; where it assumes that, it lets the script go on,
/// and where it assumes anything else it does not.
#[test]
fn entries_of_rules_are_resolved_as_realpath_does() {
    let seed = 0x5EED_0006_u64;
    let mut dice = Dice(seed);
    let (mut led, mut circles) = (0, 0);
    for _ in 0..TREES {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let all = grow(&root, &mut dice);
        let mut asked: Vec<String> = all.iter().map(|path| path.display().to_string()).collect();
        for _ in 0..40 {
            let (base, name) = (&all[dice.roll(all.len())], all[dice.roll(all.len())].file_name().unwrap());
            asked.push(base.join(name).display().to_string());
            asked.push(base.join("new").join(name).display().to_string());
        }
        let truth: String =
            asked.iter().map(|path| format!("realpath -m -- {} 2>/dev/null || echo -\n", quoted(path))).collect();
        let truth = lines(&["sh"], &truth);
        for shell in shells() {
            let mut script = String::new();
            for (path, truth) in asked.iter().zip(&truth) {
                let (path, truth) = (quoted(path), quoted(&format!("r{truth}")));
                script.push_str(&format!(
                    "( held {path} - ); echo \" =$?\"; ( held {path} {truth} ) >/dev/null; echo \"$?\"; \
                     ( held {path} = ) >/dev/null; echo \"$?\"\n"
                ));
            }
            let said = in_both_forms(shell, &script);
            assert_eq!(said.len(), asked.len() * 3, "{shell:?}");
            for ((path, truth), said) in asked.iter().zip(&truth).zip(said.chunks(3)) {
                let case = format!("{shell:?} {path}: {said:?}, realpath says {truth:?} (seed {seed:#x})");
                let told = said[0].strip_prefix("held/./").and_then(|told| told.strip_suffix("/./ =89")).expect(&case);
                let real = told.rsplit("/./").next().unwrap();
                if real.starts_with('u') {
                    let circle = Path::new(path).canonicalize().err().and_then(|error| error.raw_os_error());
                    assert!(
                        circle == Some(nix::errno::Errno::ELOOP as i32) && said[1] == "89" && said[2] == "89",
                        "{case}"
                    );
                    circles += 1;
                    continue;
                }
                assert!(real == format!("r{truth}") && said[1] == "0", "{case}");
                assert_eq!(said[2] == "0", truth == path, "{case}");
                led += usize::from(truth != path);
            }
        }
    }
    println!("{led} entries led elsewhere, {circles} in circles, as realpath says");
    assert!(led > 100, "{led}");
}

#[test]
fn the_host_resolves_paths_as_realpath_does() {
    let seed = 0x5EED_0005_u64;
    let mut dice = Dice(seed);
    let shells = shells();
    let (mut same, mut moved, mut refused, mut both) = (0, 0, 0, 0);
    for _ in 0..TREES {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let all = grow(&root, &mut dice);
        let mut asked: Vec<String> = all.iter().map(|path| path.display().to_string()).collect();
        for _ in 0..60 {
            let base = &all[dice.roll(all.len())];
            let name = all[dice.roll(all.len())].file_name().unwrap().to_owned();
            asked.push(base.join(name).display().to_string());
            asked.push(base.join("new").display().to_string());
        }
        // `f`: all of it exists. `w`: all but the last part. `n`: the folder, and the name as it stands.
        let mut truth = String::new();
        for path in &asked {
            let (parent, leaf) = path.rsplit_once('/').unwrap();
            let (path, parent, leaf) = (quoted(path), quoted(parent), quoted(leaf));
            truth.push_str(&format!(
                "realpath -e -- {path} 2>/dev/null || echo -\nrealpath -- {path} 2>/dev/null || echo -\n\
                 p=$(realpath -e -- {parent} 2>/dev/null) && [ -d \"$p\" ] && echo \"$p\"/{leaf} || echo -\n"
            ));
        }
        let truth = lines(&["sh"], &truth);
        assert_eq!(truth.len(), asked.len() * 3);
        if shells.iter().any(|shell| shell[0] == "busybox") {
            let there: Vec<usize> = (0..asked.len()).filter(|at| truth[at * 3] != "-").collect();
            let asks = there.iter().map(|&at| format!("busybox realpath {} || echo -\n", quoted(&asked[at])));
            let said = lines(&["sh"], &asks.collect::<String>());
            assert_eq!(said, there.iter().map(|at| truth[at * 3].clone()).collect::<Vec<_>>(), "seed {seed:#x}");
            both += there.len();
        }
        for shell in &shells {
            let mut script = String::new();
            for path in &asked {
                for mode in ["f", "w", "n"] {
                    script.push_str(&format!(
                        "( settle {mode} {} && printf 'at %s' \"${{PWD%/}}/$LEAF\" ) 2>/dev/null; echo \" =$?\"\n",
                        quoted(path)
                    ));
                }
            }
            let said = in_both_forms(shell, &script);
            assert_eq!(said.len(), truth.len(), "{shell:?}");
            for (at, (said, truth)) in said.iter().zip(&truth).enumerate() {
                let (path, mode) = (&asked[at / 3], ["f", "w", "n"][at % 3]);
                let (told, status) = said.rsplit_once(" =").unwrap();
                let case = format!("{shell:?} {mode} {path}: {said:?}, realpath says {truth:?} (seed {seed:#x})");
                match status {
                    "0" => {
                        assert!(truth == path && told == format!("at {path}"), "{case}");
                        same += 1;
                    }
                    "90" => {
                        assert!(truth != path && told == format!("{truth}/./"), "{case}");
                        moved += 1;
                    }
                    "91" | "92" | "93" => {
                        // BusyBox resolves no link to something that is not there yet: it refuses.
                        let dangling = mode == "w" && !Path::new(path).exists();
                        assert!(truth == "-" || dangling, "{case}");
                        refused += 1;
                    }
                    _ => panic!("{case}"),
                }
            }
        }
    }
    println!(
        "{same} paths canonical, {moved} moved, {refused} refused, as realpath says; BusyBox agrees on all {both}"
    );
    assert!(same > 100 && moved > 100 && refused > 50, "{same} {moved} {refused}");
}
