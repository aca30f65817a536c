//! The same over SFTP, where no script can run: by name, folder after folder.

use std::collections::VecDeque;

use super::filters::Filters;
use super::{Args, Reply, tell_depth, tell_more};
use crate::model::error::{ErrorName, ToolError};
use crate::model::glob::{Glob, Style, fold};
use crate::toolkit::{Access, Account, Call, Last, PathArg, SftpFault, SftpName};

/// Most names that are looked at.
const LOOKS_MAX: usize = 200_000;

pub(super) async fn find_over_sftp<P: SftpName>(call: &Call, actor: &Account, args: &Args) -> Result<Reply, ToolError> {
    if args.contains.is_some() {
        return Err(ToolError::new(
            ErrorName::PlatformNotSupported,
            format!("`{}` cannot look into files: that needs a POSIX shell on the host.", actor.host.alias()),
            "Leave `contains` out, and read what is found with ssh_read_redacted or ssh_sftp_download.",
        ));
    }
    if Filters::of(args)?.is_some() {
        return Err(ToolError::new(
            ErrorName::PlatformNotSupported,
            format!(
                "`{}` cannot filter by size, age, owner or permission: that needs a POSIX shell on the host.",
                actor.host.alias()
            ),
            "Find by name, and look at what is found with ssh_sftp_list.",
        ));
    }
    let pattern = Glob::parse(&args.name_pattern, Style::Windows)
        .map_err(|why| ToolError::value(format!("Argument `name_pattern`: {why}."), "Correct the pattern."))?;
    let settings = call.settings();
    let depth = args.max_depth.unwrap_or(settings.ssh_find_max_depth).min(settings.ssh_find_max_depth);
    let most = usize::try_from(settings.ssh_find_max_results).unwrap_or(usize::MAX);
    let files = actor.host.files().await?;
    let work = async {
        let root = files.settle::<P>(&PathArg::new(&args.path, Access::List, Last::Follow)).await?;
        let (mut found, mut truncated, mut looks, mut closed) = (Vec::new(), false, 0_usize, 0_usize);
        let mut deep = 0;
        let rules = actor.rules();
        // Each folder under its real name and under the one that was typed; both count.
        let mut folders = VecDeque::from([(root.allowed.path().clone(), P::argument(&args.path)?, 0_u64)]);
        if args.kind == "d" && fits(&pattern, root.allowed.path().name()) {
            found.push(root.shown());
        }
        'all: while let Some((folder, typed, level)) = folders.pop_front() {
            if level >= depth {
                deep += 1;
                continue;
            }
            let listed = files.server.list(&folder.for_server(), LOOKS_MAX.saturating_sub(looks)).await;
            let (entries, more) = match listed {
                Ok(listed) => listed,
                // Such a name ends the conversation, so that no other folder could be looked at.
                Err(why) if level == 0 || why == SftpFault::NotText => {
                    return Err(actor.sftp_error(ErrorName::SFTPError, &format!("Searching `{folder}`"), &why));
                }
                Err(_) => {
                    closed += 1;
                    continue;
                }
            };
            looks += entries.len();
            truncated |= more;
            for (name, facts) in entries {
                // A link is a name and no way: nothing behind it is searched.
                let shown = |folder: &P| folder.below(&name).filter(|path| rules.shows(path));
                let (Some(path), Some(other)) = (shown(&folder), shown(&typed)) else { continue };
                let wanted = match args.kind.as_str() {
                    "d" => facts.is_dir(),
                    "l" => facts.is_link(),
                    _ => facts.is_file(),
                };
                if wanted && fits(&pattern, &name) {
                    if found.len() == most {
                        truncated = true;
                        break 'all;
                    }
                    found.push(path.to_string());
                }
                if facts.is_dir() {
                    folders.push_back((path, other, level + 1));
                }
            }
        }
        if truncated {
            tell_more(call, 0, true, most);
        }
        tell_depth(call, args, deep);
        if closed > 0 {
            call.warn(format!("{closed} folders could not be searched."));
        }
        found.sort();
        Ok(Reply {
            host: actor.host.alias().to_owned(),
            root: root.shown(),
            count: args.count_only.then_some(found.len()),
            matches: (!args.count_only).then_some(found),
            files: None,
            truncated,
            lines: Vec::new(),
            output_warnings: Vec::new(),
        })
    };
    files.within(actor.host.limit(None)?, work).await
}

/// Names are compared without regard to case, as Windows does.
fn fits(pattern: &Glob, name: &str) -> bool {
    pattern.matches(&[name.chars().flat_map(fold).collect()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_take_names_in_any_case() {
        let pattern = |text| Glob::parse(text, Style::Windows).unwrap();
        assert!(fits(&pattern("*.TXT"), "a.txt") && fits(&pattern("?[ab]c"), "XAC") && fits(&pattern("*"), ".x"));
        assert!(!fits(&pattern("*.txt"), "a.txt.bak"));
    }
}
