//! What a server says of itself when it starts: where it reads from, what is open, what a client is offered.

use std::path::Path;

use crate::model::tier::{Group, Tier};
use crate::skills::Library;
use crate::toolkit::dispatch::ToolBackend;

/// Writes the lines, level INFO.
pub(super) fn log(backend: &ToolBackend, library: &Library) {
    let snapshot = backend.state().snapshot();
    let (config, settings) = (&snapshot.config, &snapshot.config.settings);
    let shown = |path: Option<&Path>, none: &'static str| path.map_or(none.to_owned(), |p| p.display().to_string());
    tracing::info!(
        hosts_file = shown(config.hosts_file.as_deref(), "none"),
        hosts = snapshot.hosts().len(),
        allowed_hosts = settings.ssh_hosts_allowlist.len(),
        low_access = settings.allow_low_access_tools,
        dangerous = settings.allow_dangerous_tools,
        sudo = settings.allow_sudo,
        "starting"
    );
    tracing::info!(
        ssh_config = shown(settings.ssh_config_file.as_deref(), "of the user and the system"),
        known_hosts = shown(settings.ssh_known_hosts.as_deref(), "as ssh_config says"),
        env_file = shown(config.env_file.as_deref(), "none"),
        hooks_file = shown(config.hooks_file.as_deref(), "none"),
        "configuration"
    );
    let runbooks = library.runbooks().count();
    tracing::info!(guides = library.skills().len() - runbooks, runbooks, "guides and runbooks");
    let groups: Vec<&str> = settings.ssh_enabled_groups.iter().map(|group| group.as_str()).collect();
    let groups = if groups.is_empty() { "all".to_owned() } else { groups.join(",") };
    tracing::info!(groups, search = settings.ssh_enable_bm25, "enabled groups");
    for line in catalogue(backend) {
        tracing::info!("{line}");
    }
}

/// Registered and visible tools: in all, by tier, by group in the order of their names.
fn catalogue(backend: &ToolBackend) -> [String; 3] {
    let snapshot = backend.state().snapshot();
    let count = |of: &dyn Fn(Tier, Group) -> bool| {
        let all: Vec<_> = backend.entries().iter().map(|e| e.spec).filter(|s| of(s.tier, s.group)).collect();
        let seen = all.iter().filter(|s| snapshot.visibility.allows(s.tier, s.group, s.name).is_ok()).count();
        (seen, all.len())
    };
    let (seen, all) = count(&|_, _| true);
    let tiers = Tier::ALL.map(|tier| {
        let (seen, all) = count(&|of, _| of == tier);
        // The read tier goes by this name in the catalogue.
        format!("{} {seen}/{all}", if tier == Tier::Read { "safe" } else { tier.as_str() })
    });
    let mut groups = Group::ALL.to_vec();
    groups.sort_by_key(|group| group.as_str());
    let groups: Vec<String> = groups
        .into_iter()
        .filter_map(|group| {
            let (seen, all) = count(&|_, of| of == group);
            (all > 0).then(|| format!("{group} {seen}/{all}"))
        })
        .collect();
    [
        format!("catalogue: {all} tools registered, {seen} visible"),
        format!("catalogue by tier: {}", tiers.join(", ")),
        format!("catalogue by group: {}", groups.join(", ")),
    ]
}
