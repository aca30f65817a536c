//! The permission to act as root on one host. How sudo is entered is no matter of policy.

use super::path::Platform;
use super::tier::Visibility;
use crate::model::error::{ErrorName, ToolError};
use crate::model::tier::Tier;

/// Proof that the sudo tier is open and that the host has sudo. Made only by [`grant`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SudoGrant {
    host: String,
}

impl SudoGrant {
    /// The alias of the host it is for.
    pub fn host(&self) -> &str {
        &self.host
    }
}

/// Grants root on a host when the sudo tier is open and the host is POSIX.
pub(crate) fn grant(visibility: &Visibility, alias: &str, platform: Platform) -> Result<SudoGrant, ToolError> {
    if !visibility.opens(Tier::Sudo) {
        return Err(ToolError::new(
            ErrorName::TierNotAllowed,
            format!("Acting as root on `{alias}` needs the sudo tier, which is closed."),
            "The operator opens it with ALLOW_SUDO=true and ALLOW_DANGEROUS_TOOLS=true.",
        ));
    }
    if platform != Platform::Posix {
        return Err(ToolError::new(
            ErrorName::PlatformNotSupported,
            format!("`{alias}` is a Windows host, which has no sudo."),
            "Use the sudo tools on POSIX hosts only.",
        ));
    }
    Ok(SudoGrant { host: alias.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_open_tier_on_a_posix_host_grants_root() {
        for (dangerous, sudo) in [(false, false), (false, true), (true, false), (true, true)] {
            for platform in [Platform::Posix, Platform::Windows] {
                let visibility = Visibility::new(true, dangerous, sudo, true, &[]);
                let granted = grant(&visibility, "web", platform);
                assert_eq!(granted.is_ok(), dangerous && sudo && platform == Platform::Posix);
                assert!(granted.map_or(true, |g| g.host() == "web"));
            }
        }
    }
}
