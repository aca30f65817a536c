//! `ssh_docker_cp`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::client::{Client, Limits};
use super::mounting::{self, Existing};
use crate::model::docker::ContainerName;
use crate::model::error::{ErrorName, ToolError};
use crate::model::file_name;
use crate::model::remote_path::RemotePath;
use crate::model::tier::Group;
use crate::toolkit::docker::archive;
use crate::toolkit::docker::seen::Purpose;
use crate::toolkit::{
    Access, Call, Last, Output, PathArg, PathPolicy, Script, Side, Spec, Status, Targets, Tool, Viewer,
};
use crate::tools::exec::ExecReply;

const COPY_IN: Script =
    Script::client(concat!(include_str!("engine_kind.sh"), include_str!("sources.sh"), include_str!("cp.sh")));
const COPY_OUT: Script =
    Script::client(concat!(include_str!("engine_kind.sh"), include_str!("sources.sh"), include_str!("cp_out.sh")));

/// The status of the script for links that were not judged yet.
const UNJUDGED_LINKS: i32 = 85;

/// Most bytes of their list; the script cuts it there.
const LINKS_MAX: usize = 65_536;

/// The status of the script for names that may be closed and were not judged yet.
const UNJUDGED_NAMES: i32 = 83;

/// Most bytes of their list; the script cuts it there.
const NAMES_MAX: usize = 16_384;

/// How often the links and names may turn out to be others before the call gives up.
const ROUNDS: usize = 4;

/// Longest path inside a container, in bytes (`PATH_MAX` on Linux).
const CONTAINER_PATH_MAX: usize = 4096;

/// Copies between a container and the host.
#[derive(Debug)]
pub(super) struct Cp;

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Direction {
    FromContainer,
    ToContainer,
}

/// Arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// host alias
    host: String,
    /// name or id
    container: ContainerName,
    /// path inside it
    container_path: String,
    /// absolute path on the host
    host_path: String,
    /// which way
    direction: Direction,
    /// seconds
    #[serde(default)]
    timeout: Option<u64>,
    /// as root on the host, for docker
    #[serde(default)]
    sudo: bool,
}

impl Args {
    fn end(&self) -> String {
        format!("{}:{}", self.container, self.container_path)
    }
}

/// The folder of the kernel's files that a path inside a container begins with, once `.` and `..` are taken out.
fn kernel_folder(inside: &str) -> Option<&str> {
    let mut parts: Vec<&str> = Vec::new();
    for part in inside.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.first().copied().filter(|first| matches!(*first, "proc" | "sys" | "dev"))
}

impl Tool for Cp {
    type Args = Args;
    type Reply = ExecReply;
    const SPEC: Spec = Spec::low_access("ssh_docker_cp", Group::Docker, "Copy between a container and the host")
        .found_as("Copy from or to a container", "docker copy file container");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host).sudo(args.sudo)
    }

    async fn run(call: &Call, args: Args) -> Result<ExecReply, ToolError> {
        let inside = &args.container_path;
        if inside.is_empty() || inside.len() > CONTAINER_PATH_MAX || inside.chars().any(char::is_control) {
            return Err(ToolError::value(
                format!(
                    "Argument `container_path`: {:?} is not a usable path.",
                    inside.chars().take(80).collect::<String>()
                ),
                "Give a path inside the container without control characters, at most 4096 bytes long.",
            ));
        }
        if let Some(folder) = kernel_folder(inside) {
            return Err(ToolError::value(
                format!("Argument `container_path`: `/{folder}` of a container holds its kernel's files, no copies."),
                "Give a path outside /proc, /sys and /dev.",
            ));
        }
        let client = Client::changing(call, &args.host, args.sudo).await?;
        let limits = Limits { timeout: args.timeout, max_bytes: None };
        let output = match args.direction {
            Direction::FromContainer => copy_out(&client, &args, limits).await?,
            Direction::ToContainer => copy_in(&client, &args, limits).await?,
        };
        Ok(ExecReply::of(&client.host, client.finished(mounting::restored(output))?))
    }
}

/// As the engine's client does it, once every mount that could be meant may be written.
async fn copy_in(client: &Client, args: &Args, limits: Limits) -> Result<Output, ToolError> {
    let path = PathArg::tree(&args.host_path, Last::Follow).named("host_path");
    let mut words = vec![args.end()];
    words.extend(client.docker([""; 0])?);
    client.host.call().journal().words(["to"].into_iter().chain(words.iter().map(String::as_str)));
    let existing = Existing::container(args.container.as_str(), Purpose::CopyIn);
    mounting::run(client, &existing, &[], &[path], &COPY_IN, &words, None, limits).await
}

/// Out of the archive that the engine gives, once every mount that could be meant may be read and every link in the
/// archive may be laid down.
async fn copy_out(client: &Client, args: &Args, limits: Limits) -> Result<Output, ToolError> {
    let host = &client.host;
    let path =
        PathArg::new(&args.host_path, Access::WriteTree, Last::MayBeNew).named("host_path").looked_at_by_script();
    let viewer = if client.is_root() { Viewer::Root } else { Viewer::Login };
    let engine = client.docker([""; 0])?;
    let end = args.end();
    host.call().journal().words(["from", &end].into_iter().chain(engine.iter().map(String::as_str)));
    // The engine opens the mounts of a container that does not run, and what comes may hold links.
    let existing = Existing { side: Side::Alone, ..Existing::container(args.container.as_str(), Purpose::CopyOut) };
    let (mut judged, mut named) = (String::new(), String::new());
    for _ in 0..ROUNDS {
        let rules = host.entry().paths.rules(viewer);
        let closed = rules.written_names().join("\n");
        let mut words = vec![judged.clone(), end.clone(), name_of(&args.container_path), closed, named.clone()];
        words.extend(engine.iter().cloned());
        let output = mounting::run(client, &existing, &[], &[path], &COPY_OUT, &words, None, limits).await?;
        if output.status == Status::Exit(UNJUDGED_NAMES) {
            named = file_name::carried(&output.stdout);
            // In each round, since the first call on a host finds out where the rules lead there.
            judge_names(&named, &host.entry().paths.rules(viewer))?;
            continue;
        }
        if output.status != Status::Exit(UNJUDGED_LINKS) {
            return Ok(output);
        }
        if output.stdout_truncated || output.stdout.len() >= LINKS_MAX {
            return Err(ToolError::value(
                "What would be copied out holds too many links to be judged.",
                "Copy a part of it, or pack it into one file inside the container.",
            ));
        }
        output.stdout_text().trim_end().clone_into(&mut judged);
        let rules = host.entry().paths.rules(viewer);
        archive::judge(&judged, &|target| rules.judge(target, Access::Read).map(drop))?;
    }
    Err(ToolError::new(
        ErrorName::RuntimeError,
        "What would be copied kept changing while it was judged. Nothing was done.",
        "Call again once nothing writes it.",
    ))
}

/// Judges what may be closed at the names that it would get: the place of the top, the name of the top as it was unpacked,
/// and those of what is in it.
fn judge_names(found: &str, rules: &PathPolicy) -> Result<(), ToolError> {
    let unknown = || {
        ToolError::new(
            ErrorName::PathRestricted,
            "What would be copied out may contain closed names, and this cannot be checked.",
            "Copy a part of it, with fewer and plain names.",
        )
    };
    let mut lines = found.split('\n');
    let place = lines.next().and_then(|line| RemotePath::of_carried(line).ok()).ok_or_else(unknown)?;
    let top = lines.next().filter(|top| top.starts_with("./")).ok_or_else(unknown)?;
    if found.len() >= NAMES_MAX {
        return Err(unknown());
    }
    for line in lines {
        let rest =
            line.strip_prefix(top).filter(|rest| rest.is_empty() || rest.starts_with('/')).ok_or_else(unknown)?;
        let there = RemotePath::of_carried(&format!("{}{rest}", place.as_str())).map_err(|_| unknown())?;
        rules.found(&place, &there, Access::WriteTree)?;
    }
    Ok(())
}

/// The name that a copy has inside of a folder; nothing where only the content of a folder is meant.
fn name_of(inside: &str) -> String {
    if matches!(inside, "/" | ".") || inside.ends_with("/.") {
        return String::new();
    }
    inside.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::path::Path;
    use std::process::Command;

    /// Copies a tree out of a container, whose engine only packs it, to `new` in a folder of its own. What came, and what was
    /// said, or nothing where the host would ask for its links to be judged.
    fn copied(busybox: bool, make: impl Fn(&Path)) -> (bool, String) {
        copied_into(0o755, busybox, "", make)
    }

    /// The same into a folder of this mode, on a host on which `before` was run.
    fn copied_into(mode: u32, busybox: bool, before: &str, make: impl Fn(&Path)) -> (bool, String) {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for made in ["bin", "host", "from/tree"] {
            std::fs::create_dir_all(at(made)).unwrap();
        }
        make(&at("from/tree"));
        std::fs::set_permissions(at("host"), std::fs::Permissions::from_mode(mode)).unwrap();
        let engine = format!(
            "case $* in *inspect*) echo 'h {{}}' ;; *) exec /bin/tar -cf - -C '{}' tree ;; esac",
            at("from").display()
        );
        std::fs::write(at("engine"), engine).unwrap();
        if busybox {
            std::fs::write(at("bin/tar"), "#!/bin/sh\nexec busybox tar \"$@\"\n").unwrap();
            std::fs::set_permissions(at("bin/tar"), std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let path = format!("{}:{}", at("bin").display(), std::env::var("PATH").unwrap());
        let script = format!("L=new\n{}", super::COPY_OUT.compact());
        let run = |judged: &str| {
            let engine = at("engine");
            let engine = engine.to_str().unwrap();
            let words = format!("sh {engine}");
            let args = [
                "host", "--", "", &words, "copy", "w", "", "", "", "", "", judged, "w:/tree", "tree", "", "", "sh",
                engine,
            ];
            let mut sh = if before.is_empty() { Command::new("sh") } else { Command::new("unshare") };
            if !before.is_empty() {
                sh.args(["--mount", "sh"]);
            }
            sh.args(["-c", &format!("{before}{script}"), "sh"]).args(args).current_dir(at("host")).env("PATH", &path);
            sh.output().unwrap()
        };
        let mut done = run("");
        if done.status.code() == Some(85) {
            // The judge of links is content with what it was shown.
            let shown = String::from_utf8(done.stdout).unwrap();
            done = run(shown.trim_end_matches('\n'));
        }
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        (at("host/new").exists(), format!("{} {said}", done.status))
    }

    /// Without names of open folders, a copy is laid down only where no other account may rename what lies there.
    #[test]
    fn without_proc_a_folder_of_others_takes_no_copy() {
        let hide = "mount -t tmpfs none /proc || exit 77; ";
        let can = Command::new("unshare").args(["--mount", "sh", "-c", hide]).status();
        if !can.is_ok_and(|status| status.success()) {
            println!("without the right to mount");
            return;
        }
        let plain = |tree: &Path| std::fs::write(tree.join("f"), "x").unwrap();
        for mode in [0o755, 0o700, 0o1777, 0o1775] {
            let (there, said) = copied_into(mode, false, hide, plain);
            assert!(there, "{mode:o}: {said}");
        }
        for mode in [0o777, 0o775, 0o757] {
            let (there, said) = copied_into(mode, false, hide, plain);
            assert!(!there && said.contains("other accounts may write in"), "{mode:o}: {said}");
            assert!(copied_into(mode, false, "", plain).0, "{mode:o}: with /proc the folder is held open");
        }
    }

    #[test]
    fn line_breaks_in_names_and_targets_are_found_whatever_tar_prints() {
        let has_busybox = Command::new("busybox").arg("true").status().is_ok();
        for busybox in [false, true] {
            if busybox && !has_busybox {
                println!("without BusyBox's tar, which this machine does not have");
                continue;
            }
            let plain = copied(busybox, |tree| {
                std::fs::write(tree.join("a -> b"), "x").unwrap();
                symlink("a -> b", tree.join("l")).unwrap();
            });
            assert!(plain.0, "{busybox}: {}", plain.1);
            let name = copied(busybox, |tree| std::fs::write(tree.join("a\n-b"), "x").unwrap());
            assert!(!name.0 && name.1.contains("a name in it has a line break"), "{busybox}: {}", name.1);
            let forged = copied(busybox, |tree| {
                std::fs::create_dir(tree.join("g\n-")).unwrap();
                std::fs::write(tree.join("g"), "x").unwrap();
                symlink("g\n-/../../../outside", tree.join("l")).unwrap();
            });
            assert!(!forged.0, "{busybox}: {}", forged.1);
            let target = copied(busybox, |tree| symlink("g\n-/../../../outside", tree.join("l")).unwrap());
            assert!(
                !target.0 && target.1.contains("target of a link in it has a line break"),
                "{busybox}: {}",
                target.1
            );
        }
    }
}
