//! Rows for units, the journal and packages.

use serde_json::json;

use super::{Call, Match, RunsAs, arguments, text_of};

/// Verbs with a tool, and whether they change something (the tools act as the login user).
const VERBS: &[(&str, &str, bool)] = &[
    ("is-active", "ssh_systemctl_is_active", false),
    ("is-enabled", "ssh_systemctl_is_enabled", false),
    ("is-failed", "ssh_systemctl_is_failed", false),
    ("status", "ssh_systemctl_status", false),
    ("show", "ssh_systemctl_show", false),
    ("cat", "ssh_systemctl_cat", false),
    ("list-units", "ssh_systemctl_list_units", false),
    ("start", "ssh_systemctl_start", true),
    ("stop", "ssh_systemctl_stop", true),
    ("restart", "ssh_systemctl_restart", true),
    ("reload", "ssh_systemctl_reload", true),
    ("enable", "ssh_systemctl_enable", true),
    ("disable", "ssh_systemctl_disable", true),
    ("mask", "ssh_systemctl_mask", true),
    ("unmask", "ssh_systemctl_unmask", true),
    ("reset-failed", "ssh_systemctl_reset_failed", true),
];

const PACKAGES: &[(&str, &str)] = &[
    ("install", "ssh_apt_install"),
    ("upgrade", "ssh_apt_upgrade"),
    ("remove", "ssh_apt_remove"),
    ("purge", "ssh_apt_remove"),
    ("autoremove", "ssh_apt_autoremove"),
];

pub(super) fn systemctl(call: &Call<'_>, runs_as: RunsAs) -> Option<Match> {
    if call.program != "systemctl" {
        return None;
    }
    let verb = call.args.first()?;
    let (_, tool, changes) = VERBS.iter().find(|(name, ..)| *name == verb.text)?;
    if *changes && runs_as == RunsAs::Root {
        return None;
    }
    let operands =
        call.operands("pnostHM", &["--property", "--lines", "--output", "--state", "--type", "--host", "--machine"]);
    let operand = operands.get(1).map(|w| text_of(w));
    let pairs = if verb.text == "list-units" {
        let given = |short, long| call.option(short, long).map(|v| json!(v));
        arguments([
            ("pattern", operand),
            ("unit_type", given('t', "--type")),
            ("state", call.option('\0', "--state").map(|v| json!(v))),
        ])
    } else {
        arguments([("unit", operand)])
    };
    Some(Match::new("systemctl", tool, pairs, "Units have tools of their own, one unit for each call."))
}

pub(super) fn journalctl(call: &Call<'_>) -> Option<Match> {
    if call.program != "journalctl" {
        return None;
    }
    let given = |short, long| call.option(short, long).map(|v| json!(v));
    let lines = call.option('n', "--lines").and_then(|n| n.parse::<u32>().ok()).map(|n| json!(n));
    let pairs = arguments([
        ("unit", given('u', "--unit")),
        ("since", given('S', "--since")),
        ("until", given('U', "--until")),
        ("lines", lines),
        ("grep", given('g', "--grep")),
    ]);
    Some(Match::new("journalctl", "ssh_journalctl", pairs, "The journal has a tool of its own."))
}

pub(super) fn apt(call: &Call<'_>, runs_as: RunsAs) -> Option<Match> {
    if !matches!(call.program, "apt" | "apt-get") || runs_as == RunsAs::Root {
        return None;
    }
    let operands = call.operands("oct", &["--option", "--config-file", "--target-release"]);
    let (verb, packages) = operands.split_first()?;
    let (_, tool) = PACKAGES.iter().find(|(name, _)| *name == verb.text)?;
    let packages: Vec<&str> = packages.iter().map(|w| w.text.as_str()).collect();
    let pairs = arguments([
        ("packages", (!packages.is_empty()).then(|| json!(packages))),
        ("purge", (verb.text == "purge").then_some(json!(true))),
    ]);
    Some(Match::new("apt-mutation", tool, pairs, "Packages are changed by tools of their own."))
}
