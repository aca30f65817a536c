//! Which tiers and groups the operator opened. Asked for every listing and, again, for every call.

use crate::model::error::{ErrorName, ToolError};
use crate::model::tier::{Group, Tier};

/// Tools that make or use a persistent shell; listing and closing shells stay.
const PERSISTENT: &[&str] = &["ssh_shell_open", "ssh_shell_exec"];

/// What is open on this server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visibility {
    allow_low: bool,
    allow_dangerous: bool,
    allow_sudo: bool,
    persistent: bool,
    groups: Vec<Group>,
}

impl Visibility {
    /// Takes the settings `ALLOW_LOW_ACCESS_TOOLS`, `ALLOW_DANGEROUS_TOOLS`, `ALLOW_SUDO`,
    /// `ALLOW_PERSISTENT_SESSIONS` and `SSH_ENABLED_GROUPS` (empty: all groups).
    #[expect(clippy::fn_params_excessive_bools, reason = "they are the operator's four switches")]
    pub fn new(allow_low: bool, allow_dangerous: bool, allow_sudo: bool, persistent: bool, groups: &[Group]) -> Self {
        Visibility { allow_low, allow_dangerous, allow_sudo, persistent, groups: groups.to_vec() }
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
        if !self.groups.is_empty() && !self.groups.contains(&group) {
            return refuse(
                format!("{name} belongs to the group {group}, which is not enabled."),
                format!("The operator adds `{group}` to SSH_ENABLED_GROUPS, or empties it for all groups."),
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
                        for name in ["ssh_shell_open", "ssh_shell_exec", "ssh_shell_list", "ssh_exec_run"] {
                            let tier_open = match tier {
                                Tier::Read => true,
                                Tier::LowAccess => low,
                                Tier::Dangerous => dangerous,
                                Tier::Sudo => sudo && dangerous,
                            };
                            let group_open = groups.is_empty() || groups.contains(&group);
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
