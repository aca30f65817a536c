//! Which tiers and groups the operator opened. Asked for every listing and, again, for every call.

use crate::model::error::{ErrorName, ToolError};
use crate::model::tier::{Group, Tier};

/// Tools that make or use a persistent shell; listing and closing shells stay.
const PERSISTENT: &[&str] = &["ssh_shell_open", "ssh_shell_exec"];

/// Tools that serve those of every group: they read what answers have left out, make calls of others, and read guides.
const EVERY_GROUP: &[&str] = &["ssh_output_read", "ssh_batch", "ssh_guide"];

/// Groups with tools that start jobs: with any of them the group `jobs` is shown.
const STARTS_JOBS: &[Group] = &[Group::Exec, Group::Sudo];

/// The tools of the profile `core`: what most work needs, in fewer than the 40 that some clients take.
#[rustfmt::skip]
pub const CORE: &[&str] = &[
    "ssh_host_list", "ssh_host_ping", "ssh_host_info", "ssh_host_disk_usage", "ssh_host_processes", "ssh_batch",
    "ssh_guide", "ssh_output_read", "ssh_find", "ssh_sftp_download", "ssh_sftp_list", "ssh_read_redacted", "ssh_upload",
    "ssh_edit", "ssh_transfer", "ssh_exec_run", "ssh_job_list", "ssh_job_read", "ssh_job_stop", "ssh_exec_script",
    "ssh_broadcast", "ssh_sudo_exec", "ssh_sudo_run_script", "ssh_sudo_read", "ssh_sudo_write", "ssh_sudo_edit",
    "ssh_docker_ps", "ssh_docker_logs", "ssh_docker_inspect", "ssh_docker_exec", "ssh_docker_compose_ps",
    "ssh_docker_compose_up", "ssh_systemctl_list_units", "ssh_systemctl_status", "ssh_systemctl_restart", "ssh_journalctl",
    "ssh_apt_install", "ssh_apt_upgrade",
];

/// What is open on this server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visibility {
    allow_low: bool,
    allow_dangerous: bool,
    allow_sudo: bool,
    persistent: bool,
    core: bool,
    groups: Vec<Group>,
}

impl Visibility {
    /// Takes the settings `ALLOW_LOW_ACCESS_TOOLS`, `ALLOW_DANGEROUS_TOOLS`, `ALLOW_SUDO`,
    /// `ALLOW_PERSISTENT_SESSIONS` and `SSH_ENABLED_GROUPS` (empty: all groups).
    #[expect(clippy::fn_params_excessive_bools, reason = "they are the operator's four switches")]
    pub fn new(allow_low: bool, allow_dangerous: bool, allow_sudo: bool, persistent: bool, groups: &[Group]) -> Self {
        Visibility { allow_low, allow_dangerous, allow_sudo, persistent, core: false, groups: groups.to_vec() }
    }

    /// The same, of which only the tools of the profile `core` are shown where `core` is set.
    #[must_use]
    pub fn with_core(mut self, core: bool) -> Self {
        self.core = core;
        self
    }

    /// True when the tier is open. The sudo tier needs the dangerous tier too.
    pub fn opens(&self, tier: Tier) -> bool {
        match tier {
            Tier::Read => true,
            Tier::LowAccess => self.allow_low,
            Tier::Dangerous => self.allow_dangerous,
            Tier::Sudo => self.allow_sudo && self.allow_dangerous,
        }
    }

    /// Decides on one tool; a refusal names the setting that would open it.
    pub fn allows(&self, tier: Tier, group: Group, name: &str) -> Result<(), ToolError> {
        let refuse = |what: String, next: String| Err(ToolError::new(ErrorName::TierNotAllowed, what, next));
        if !self.opens(tier) {
            let setting = match tier {
                Tier::Sudo if !self.allow_sudo && !self.allow_dangerous => "ALLOW_SUDO and ALLOW_DANGEROUS_TOOLS",
                Tier::Sudo if !self.allow_sudo => "ALLOW_SUDO",
                Tier::Sudo | Tier::Dangerous => "ALLOW_DANGEROUS_TOOLS",
                Tier::LowAccess | Tier::Read => "ALLOW_LOW_ACCESS_TOOLS",
            };
            return refuse(
                format!("{name} belongs to the {tier} tier, which is closed."),
                format!("The operator opens it with {setting}=true and a restart."),
            );
        }
        let starts_jobs = |group: &Group| STARTS_JOBS.contains(group);
        let with_their_starts = group == Group::Jobs && self.groups.iter().any(starts_jobs);
        if !self.groups.is_empty()
            && !self.groups.contains(&group)
            && !EVERY_GROUP.contains(&name)
            && !with_their_starts
        {
            return refuse(
                format!("{name} belongs to the group {group}, which is not enabled."),
                format!("The operator adds `{group}` to SSH_ENABLED_GROUPS, or empties it for all groups."),
            );
        }
        if self.core && !CORE.contains(&name) {
            return refuse(
                format!("{name} is not in the profile core."),
                "The operator shows all tools with SSH_TOOL_PROFILE=full and a restart.".to_owned(),
            );
        }
        if !self.persistent && PERSISTENT.contains(&name) {
            return refuse(
                format!("{name} needs persistent shells, which are switched off."),
                "Use ssh_exec_run for single commands; the operator opens shells with ALLOW_PERSISTENT_SESSIONS=true."
                    .to_owned(),
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every tier, group and flag set against the rule written out.
    #[test]
    fn all_flag_sets_follow_the_rule() {
        for bits in 0..16u8 {
            let (low, dangerous, sudo, persistent) = (bits & 1 != 0, bits & 2 != 0, bits & 4 != 0, bits & 8 != 0);
            for groups in [&[][..], &[Group::Shell], &[Group::Exec, Group::Sudo]] {
                let visibility = Visibility::new(low, dangerous, sudo, persistent, groups);
                for tier in Tier::ALL {
                    for group in Group::ALL {
                        let jobs = group == Group::Jobs && groups.contains(&Group::Exec);
                        for name in ["ssh_shell_open", "ssh_shell_exec", "ssh_shell_list", "ssh_exec_run"] {
                            let tier_open = match tier {
                                Tier::Read => true,
                                Tier::LowAccess => low,
                                Tier::Dangerous => dangerous,
                                Tier::Sudo => sudo && dangerous,
                            };
                            let group_open = groups.is_empty() || groups.contains(&group) || jobs;
                            let shell = persistent || !matches!(name, "ssh_shell_open" | "ssh_shell_exec");
                            let verdict = visibility.allows(tier, group, name);
                            assert_eq!(
                                verdict.is_ok(),
                                tier_open && group_open && shell,
                                "{tier} {group} {name} {bits:b}"
                            );
                            if let Err(refusal) = verdict {
                                assert_eq!(refusal.name, ErrorName::TierNotAllowed);
                                assert!(refusal.what.contains(name) && !refusal.next.is_empty());
                            }
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn the_core_is_few_tools_and_opens_no_tier() {
        assert!(CORE.len() <= 38);
        let core = Visibility::new(false, false, false, true, &[]).with_core(true);
        assert!(core.allows(Tier::Read, Group::Host, "ssh_host_list").is_ok());
        assert!(core.allows(Tier::Dangerous, Group::Exec, "ssh_exec_run").is_err());
        assert!(
            core.allows(Tier::Read, Group::Docker, "ssh_docker_stats").unwrap_err().next.contains("SSH_TOOL_PROFILE")
        );
    }

    #[test]
    fn what_was_left_out_is_read_whatever_groups_are_shown() {
        let few = Visibility::new(false, false, false, true, &[Group::Docker]);
        for tool in EVERY_GROUP {
            assert!(few.allows(Tier::Read, Group::Host, tool).is_ok());
        }
        assert!(few.allows(Tier::Read, Group::Host, "ssh_host_list").is_err());
    }

    #[test]
    fn the_refusal_names_the_setting_that_is_missing() {
        let named = |low, dangerous, sudo, tier| {
            Visibility::new(low, dangerous, sudo, true, &[]).allows(tier, Group::Exec, "t").unwrap_err().next
        };
        assert!(named(true, false, true, Tier::Sudo).contains(" ALLOW_DANGEROUS_TOOLS=true"));
        assert!(named(true, true, false, Tier::Sudo).contains(" ALLOW_SUDO=true"));
        assert!(named(true, false, false, Tier::Sudo).contains("ALLOW_SUDO and ALLOW_DANGEROUS_TOOLS"));
        assert!(named(false, true, true, Tier::LowAccess).contains("ALLOW_LOW_ACCESS_TOOLS"));
    }
}
