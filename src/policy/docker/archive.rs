//! What comes out of a container beside plain files and folders, read from the listing of an archive (`tar -tv`).
//!
//! A link that is laid down on the host leads there from then on, as root sees it. So each has to pass as one that
//! `ssh_link` makes, a relative one has to stay inside of what is copied, since that may be moved, and devices and FIFOs never do.

use super::escalates;
use crate::model::error::ToolError;
use crate::model::remote_path::RemotePath;

/// Most names that a refusal lists.
const SHOWN_MAX: usize = 10;

/// Judges a listing: the path of the host at which the top of the archive will lie, the line of the top, and a line for
/// each object that is neither file nor folder. `link` decides on the target of one link.
pub(crate) fn judge(listing: &str, link: &dyn Fn(&RemotePath) -> Result<(), ToolError>) -> Result<(), ToolError> {
    let mut lines = listing.lines();
    let at = lines.next().and_then(|line| RemotePath::parse(line).ok()).ok_or_else(unreadable)?;
    let top = lines.next().and_then(|line| name(line)).ok_or_else(unreadable)?;
    let top = top.split(" -> ").next().unwrap_or_default().trim_matches('/');
    let mut refused = Vec::new();
    let mut why = None;
    for line in lines {
        let Some(shown) = name(line) else { return Err(unreadable()) };
        let verdict = match line.bytes().next() {
            Some(b'l') => target(&at, top, shown).and_then(|target| link(&target)),
            Some(b'h') if !shown.split('/').any(|part| part.ends_with("..")) => Ok(()),
            _ => Err(escalates("Only files, folders and links are copied out of a container.")),
        };
        if let Err(error) = verdict {
            refused.push(format!("`{shown}`"));
            why = why.or(Some(error));
        }
    }
    let Some(why) = why else { return Ok(()) };
    let more = refused.len().saturating_sub(SHOWN_MAX);
    refused.truncate(SHOWN_MAX);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    Err(ToolError::new(
        why.name,
        format!(
            "What would be copied out holds {}{more}, which is not laid down here: {}",
            refused.join(", "),
            why.what
        ),
        "Copy single files or a folder without them; pack a tree with links into one file inside the container.",
    ))
}

/// The name behind the five columns of a line: mode, owner, size, date, time.
fn name(line: &str) -> Option<&str> {
    let mut rest = line;
    for _ in 0..5 {
        rest = rest.trim_start_matches(' ').split_once(' ')?.1;
    }
    Some(rest.trim_start_matches(' ')).filter(|name| !name.is_empty())
}

/// Where a link will lead, as text. A name that is spelled (`\n`, `\303`) or that holds an arrow cannot be told apart
/// from its target.
fn target(at: &RemotePath, top: &str, shown: &str) -> Result<RemotePath, ToolError> {
    let unfit = |why: &str| ToolError::value(format!("the link `{shown}` {why}."), "Copy it under a plain name.");
    let (from, to) = shown.split_once(" -> ").ok_or_else(|| unfit("has no target"))?;
    if shown.contains('\\') || to.contains(" -> ") {
        return Err(unfit("has a name that cannot be read for sure"));
    }
    let from = from.trim_start_matches("./").trim_matches('/');
    let below = match top {
        "" | "." => from,
        top if from == top => "",
        top => from.strip_prefix(top).and_then(|rest| rest.strip_prefix('/')).ok_or_else(|| unfit("lies elsewhere"))?,
    };
    // A step up from behind a name would be one from where that name leads.
    let parts: Vec<&str> = to.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    let up = parts.iter().take_while(|part| **part == "..").count();
    if parts.iter().skip(up).any(|part| *part == "..") || (to.starts_with('/') && up > 0) {
        return Err(unfit("has a target with `..` behind a name"));
    }
    // One that leads out of what is copied would lead elsewhere once that is moved.
    let is_alone = below.is_empty();
    if !to.starts_with('/') && (is_alone || up > below.matches('/').count()) {
        return Err(unfit("has a relative target outside of what is copied"));
    }
    let place = if below.is_empty() { at.as_str().to_owned() } else { format!("{}/{below}", at.as_str()) };
    let folder = place.rsplit_once('/').map_or("", |(folder, _)| folder);
    let text = if to.starts_with('/') { to.to_owned() } else { format!("{folder}/{to}") };
    RemotePath::parse(&text).map_err(|why| unfit(&format!("has no usable target: {why}")))
}

fn unreadable() -> ToolError {
    ToolError::value(
        "What would be copied out cannot be listed, so it cannot be judged.",
        "Copy single files with plain names.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `tar -tv` of GNU and of BusyBox says.
    fn verdict(top: &str, lines: &[&str]) -> Result<(), ToolError> {
        let listing = format!("/srv/app/out\n{top}\n{}\n", lines.join("\n"));
        let zone = RemotePath::parse("/srv/app").unwrap();
        judge(&listing, &|target| {
            if target.is_within(&zone) { Ok(()) } else { Err(ToolError::value(format!("`{target}` is outside."), "")) }
        })
    }

    const DOCKER: &str = "drwxr-xr-x root/root         0 2026-11-29 14:28 tree/";
    const STOPPED_PODMAN: &str = "drwxr-xr-x root/0            0 2026-11-29 14:27 /";

    #[test]
    fn links_pass_as_far_as_ssh_link_makes_them() {
        for good in [
            "lrwxrwxrwx root/root         0 2026-11-29 14:28 tree/l -> g",
            "lrwxrwxrwx 0/0         0 2026-11-29 14:28:11 tree/a/b/l -> ../../g",
            "lrwxrwxrwx root/root         0 2026-11-29 14:28 tree/l -> /srv/app/x",
            "hrw-r--r-- root/root         0 2026-11-29 14:28 tree/h link to tree/g",
        ] {
            assert!(verdict(DOCKER, &[good]).is_ok(), "{good}: {:?}", verdict(DOCKER, &[good]));
        }
        assert!(verdict(STOPPED_PODMAN, &["lrwxrwxrwx root/0 0 2026-11-29 14:27 /l -> g"]).is_ok());
        let alone = "lrwxrwxrwx root/0 0 2026-11-29 14:27 l -> /srv/app/g";
        assert!(verdict(alone, &[alone]).is_ok());
    }

    #[test]
    fn all_else_is_refused_by_its_name() {
        for bad in [
            "lrwxrwxrwx root/root         0 2026-11-29 14:28 tree/l -> /etc/passwd",
            "lrwxrwxrwx root/root         0 2026-11-29 14:28 tree/l -> ../../x",
            "lrwxrwxrwx root/root         0 2026-11-29 14:28 tree/l -> ../beside",
            "lrwxrwxrwx root/root         0 2026-11-29 14:28 tree/a/l -> ../../beside",
            "lrwxrwxrwx root/root         0 2026-11-29 14:28 tree/l -> a/../../../x",
            "lrwxrwxrwx root/root         0 2026-11-29 14:28 tree/l -> /srv/app/../x",
            "lrwxrwxrwx root/root         0 2026-11-29 14:28 tree/l -> x -> /etc/passwd",
            "lrwxrwxrwx root/root         0 2026-11-29 14:28 tree/l\\n -> g",
            "lrwxrwxrwx root/root         0 2026-11-29 14:28 other/l -> g",
            "prw-r--r-- root/root         0 2026-11-29 14:28 tree/p",
            "crw-rw-rw- root/root       1,3 2026-11-29 14:28 tree/null",
            "brw-rw---- root/root       8,0 2026-11-29 14:28 tree/sda",
            "hrw-r--r-- root/root         0 2026-11-29 14:28 tree/h link to ../g",
            "nonsense of a line with words",
        ] {
            let refusal = verdict(DOCKER, &[bad]).expect_err(bad);
            assert!(refusal.what.contains(bad.rsplit(' ').next().unwrap()), "{bad}: {}", refusal.what);
        }
        for alone in ["l -> g", "l -> ../beside"] {
            let line = format!("lrwxrwxrwx root/0 0 2026-11-29 14:27 {alone}");
            assert!(verdict(&line, &[&line]).is_err(), "{alone}");
        }
        assert!(verdict(DOCKER, &[""]).is_err());
    }
}
