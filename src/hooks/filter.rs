//! Which calls a hook is about.

use super::event::{Context, Event};
use crate::model::tier::{Group, Tier};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// Patterns on the facts of a call. An absent pattern matches everything; those given must all match.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    tool: Option<Globs>,
    tier: Option<Globs>,
    group: Option<Globs>,
    host: Option<Globs>,
    result: Option<Globs>,
}

#[derive(Debug, Clone)]
struct Globs {
    patterns: Vec<String>,
    set: GlobSet,
}

impl Globs {
    /// `*` and `?` match any characters, `[..]` and `{a,b}` work as in a shell; case counts.
    fn new(patterns: Vec<String>) -> Result<Self, String> {
        if patterns.is_empty() {
            return Err("is an empty list, which would match nothing; leave the key out to match everything".to_owned());
        }
        let mut set = GlobSetBuilder::new();
        for pattern in &patterns {
            let glob = GlobBuilder::new(pattern).literal_separator(false).backslash_escape(true).build();
            set.add(glob.map_err(|error| format!("`{pattern}` is not a pattern: {}", error.kind()))?);
        }
        let set = set.build().map_err(|error| error.to_string())?;
        Ok(Globs { patterns, set })
    }

    fn matches(&self, text: &str) -> bool {
        self.set.is_match(text)
    }

    /// The patterns that match none of the known words.
    fn idle<'g>(&'g self, known: &[&str]) -> impl Iterator<Item = &'g str> {
        let matched: Vec<usize> = known.iter().flat_map(|word| self.set.matches(word)).collect();
        self.patterns.iter().enumerate().filter(move |(at, _)| !matched.contains(at)).map(|(_, p)| p.as_str())
    }
}

/// The patterns of each key, as written.
#[derive(Debug, Clone, Default)]
pub(super) struct Patterns {
    pub tool: Option<Vec<String>>,
    pub tier: Option<Vec<String>>,
    pub group: Option<Vec<String>>,
    pub host: Option<Vec<String>>,
    pub result: Option<Vec<String>>,
}

impl Filter {
    /// Compiles the patterns. The error names the key, and says what it accepts.
    pub(super) fn new(patterns: Patterns) -> Result<Self, (&'static str, String)> {
        let globs = |key: &'static str, given: Option<Vec<String>>| {
            given.map(Globs::new).transpose().map_err(|what| (key, what))
        };
        let filter = Filter {
            tool: globs("tool", patterns.tool)?,
            tier: globs("tier", patterns.tier)?,
            group: globs("group", patterns.group)?,
            host: globs("host", patterns.host)?,
            result: globs("result", patterns.result)?,
        };
        // A misspelt word would silently switch a gate off.
        let (tiers, groups) = (Tier::ALL.map(Tier::as_str), Group::ALL.map(Group::as_str));
        for (key, globs, known) in [
            ("tier", &filter.tier, tiers.as_slice()),
            ("group", &filter.group, groups.as_slice()),
            ("result", &filter.result, &["ok", "error"]),
        ] {
            if let Some(idle) = globs.as_ref().and_then(|globs| globs.idle(known).next()) {
                return Err((key, format!("`{idle}` matches none of {}", known.join(", "))));
            }
        }
        Ok(filter)
    }

    /// Patterns of `tool` and `host` that match none of the names known to the server: most likely misspelt.
    pub(crate) fn idle(&self, tools: &[&str], hosts: &[&str]) -> Vec<String> {
        let mut out = Vec::new();
        for (key, globs, known) in [("tool", &self.tool, tools), ("host", &self.host, hosts)] {
            if let Some(globs) = globs {
                out.extend(globs.idle(known).map(|pattern| format!("{key} = \"{pattern}\"")));
            }
        }
        out
    }

    /// True when every given pattern matches. A call on several hosts matches if one of them does. A pattern on
    /// something that the call does not have, such as the host of a call on none, matches for a gate, which has to fail
    /// closed, and does not for an observer.
    pub(crate) fn matches(&self, context: &Context) -> bool {
        let is_gate = context.event == Event::Gate;
        let matches = |globs: &Option<Globs>, facts: &[&str]| match globs {
            None => true,
            Some(_) if facts.is_empty() => is_gate,
            Some(globs) => facts.iter().any(|fact| globs.matches(fact)),
        };
        // A gate for a host is asked of what logs in to it on its way, too. A call on no host has no way.
        let hops = context.hop_names.iter().filter(|_| is_gate);
        let hosts: Vec<&str> = context.host_names.iter().chain(hops).map(String::as_str).collect();
        let tiers: Vec<&str> = context.tiers().map(Tier::as_str).collect();
        matches(&self.host, &hosts)
            && matches(&self.tool, context.tool.as_deref().as_slice())
            && matches(&self.tier, &tiers)
            && matches(&self.group, context.group.map(Group::as_str).as_slice())
            && matches(&self.result, context.result.as_slice())
    }

    /// True when it has a pattern on calls.
    pub(super) fn concerns_calls(&self) -> bool {
        self.tool.is_some() || self.tier.is_some() || self.group.is_some() || self.host.is_some()
    }

    /// True when it has a pattern on results.
    pub(super) fn concerns_results(&self) -> bool {
        self.result.is_some()
    }
}
