//! Which processes belong to services whose variables come from files that are closed, so that values of those may stand in
//! the arguments.

use std::collections::{HashMap, HashSet};

use crate::toolkit::Host;

/// A service as its manager names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Service {
    /// Of the system's manager.
    System(String),
    /// Of the account's own manager.
    Own(String),
    /// Of another account's manager, which is not asked.
    Foreign,
}

/// How a file gives a service its variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tools) enum File {
    /// It lists them (`EnvironmentFile=`), and is read by the service's manager at each start.
    Variables,
    /// It is the unit or one of its drop-ins.
    Unit,
}

/// True where the arguments of a process of such a service may not be shown: the file is restricted or redact-listed, or its
/// variables could have been those of another one, which the file tools have exchanged since. A process keeps what it read at
/// its start.
pub(in crate::tools) fn closes_arguments(host: &Host, kind: File, file: &str) -> bool {
    let is_closed = host.guard_closed(file).is_err() || host.entry().paths.redact_lists(file);
    // A pattern that the account cannot follow may stand for any file.
    is_closed || (kind == File::Variables && (host.may_write(file) || file.contains(['*', '?', '['])))
}

/// The processes whose arguments are left out, from the two parts that `services.sh` prints.
pub(super) fn closed_processes(groups: &str, told: &str, closes: &dyn Fn(File, &str) -> bool) -> HashSet<u32> {
    let (mut own, mut files, mut closed) = ("", Vec::new(), HashMap::new());
    for line in told.lines() {
        match line.split_once(' ') {
            Some(("o", manager)) => own = manager,
            Some((kind @ ("E" | "F"), file)) => {
                files.push((if kind == "E" { File::Variables } else { File::Unit }, file));
            }
            Some((kind @ ("U" | "u"), name)) => {
                let is_closed = std::mem::take(&mut files).into_iter().any(|(kind, file)| closes(kind, file));
                let name = name.to_owned();
                closed.insert(if kind == "U" { Service::System(name) } else { Service::Own(name) }, is_closed);
            }
            _ => {}
        }
    }
    let process = |line: &str| {
        let (pid, group) = line.strip_prefix("/proc/")?.split_once("/cgroup:")?;
        let service = service_of(group.splitn(3, ':').nth(2)?, own)?;
        // A service of which nothing was said may be any.
        let shown = closed.get(&service) == Some(&false);
        (!shown).then(|| pid.parse().ok()).flatten()
    };
    groups.lines().filter_map(process).collect()
}

/// The service that a control group belongs to; `own` is the one in which the account's manager runs.
fn service_of(group: &str, own: &str) -> Option<Service> {
    let mut services = group.split('/').filter(|part| part.ends_with(".service"));
    let first = services.next()?;
    let is_manager = first.strip_prefix("user@").is_some_and(|rest| !rest.starts_with('.'));
    Some(match services.next() {
        Some(name) if is_manager && first == own => Service::Own(name.to_owned()),
        Some(_) if is_manager => Service::Foreign,
        _ => Service::System(first.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_of_services_with_closed_variables_are_known() {
        let groups = "/proc/10/cgroup:0::/system.slice/open.service\n\
                      /proc/11/cgroup:0::/system.slice/shut.service\n\
                      /proc/12/cgroup:1:name=systemd:/system.slice/shut.service/below\n\
                      /proc/13/cgroup:0::/system.slice/silent.service\n\
                      /proc/20/cgroup:0::/user.slice/user-7.slice/user@7.service/init.scope\n\
                      /proc/21/cgroup:0::/user.slice/user-7.slice/user@7.service/app.slice/open.service\n\
                      /proc/22/cgroup:0::/user.slice/user-7.slice/user@7.service/app.slice/shut.service\n\
                      /proc/23/cgroup:0::/user.slice/user-8.slice/user@8.service/app.slice/open.service\n";
        let told = "o user@7.service\nE /etc/default/open\nU open.service\nE /etc/x\nF /srv/.env\nU shut.service\n\
                    U user@7.service\nu open.service\nE /srv/.env\nu shut.service\n";
        let mut closed: Vec<u32> =
            closed_processes(groups, told, &|_, file| file.ends_with(".env")).into_iter().collect();
        closed.sort_unstable();
        assert_eq!(closed, [11, 12, 13, 22, 23]);
        // A manager that says nothing opens nothing.
        assert_eq!(closed_processes(groups, "o user@7.service\n?\n", &|_, _| false).len(), 8);
    }
}
