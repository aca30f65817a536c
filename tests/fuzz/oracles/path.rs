//! The path policy: spellings of one path decide alike, more restriction never allows more, and a naive reading of the
//! rules says the same.

use ssh_mcp::internals::model::glob::{Glob, Style};
use ssh_mcp::internals::model::remote_path::RemotePath;
use ssh_mcp::internals::policy::path::{
    Access, BypassPolicy, Entry, PathPolicy, PathRules, Platform, RedactListed, parse,
};

use super::feed::Feed;

const ALL: [Access; 9] = [
    Access::Read,
    Access::ReadRedacted,
    Access::ReadTree,
    Access::MoveTree,
    Access::Write,
    Access::WriteTree,
    Access::RemoveTree,
    Access::List,
    Access::Metadata,
];

#[derive(Debug, Clone)]
struct Rules {
    allow: Vec<String>,
    restricted: Vec<String>,
    globs: Vec<String>,
    redact: Vec<String>,
    bypass: BypassPolicy,
}

impl Rules {
    fn compile(&self) -> Option<PathPolicy> {
        PathPolicy::new(&PathRules {
            platform: Platform::Posix,
            path_allowlist: &self.allow,
            restricted_paths: &self.restricted,
            restricted_globs: &self.globs,
            redact_paths_globs: &self.redact,
            redact_bypass_policy: self.bypass,
        })
        .ok()
    }
}

fn path(feed: &mut Feed) -> String {
    let parts = ["/a", "/b", "/c", "/ab", "/x.key", "/.env", "/.", "/..", "//", "/a b", "/é", "/a/b", "/-"];
    format!("/{}", feed.text(5, &parts).trim_start_matches('/'))
}

fn glob(feed: &mut Feed) -> String {
    feed.text(4, &["a", "b", "/", "/", "*", "**", "/**", "*.key", ".env", "?", "[ab]", "x"])
}

pub fn check(data: &[u8]) {
    let mut feed = Feed::new(data);
    let bypass = feed.pick(&[BypassPolicy::Block, BypassPolicy::Warn, BypassPolicy::AuditOnly]);
    let rules = Rules {
        allow: feed.list(3, |feed| if feed.roll(8) == 0 { "*".to_owned() } else { path(feed) }),
        restricted: feed.list(2, path),
        globs: feed.list(2, glob),
        redact: feed.list(2, glob),
        bypass,
    };
    let (more, wider, access) = (path(&mut feed), glob(&mut feed), feed.pick(&ALL));
    let text = if feed.roll(3) > 0 { path(&mut feed) } else { String::from_utf8_lossy(feed.rest()).into_owned() };
    let Some(policy) = rules.compile() else { return };
    let judge = |policy: &PathPolicy, text: &str| -> Result<RedactListed, String> {
        let path = parse(text).map_err(|error| error.name.as_str().to_owned())?;
        policy.judge(&path, access).map(|a| a.redact_listed()).map_err(|error| error.name.as_str().to_owned())
    };
    let verdict = judge(&policy, &text);
    let Ok(parsed) = RemotePath::parse(&text) else {
        assert!(verdict.is_err());
        return;
    };
    // Normalised once is normalised; what a naive reading makes of the text is the same.
    assert_eq!(RemotePath::parse(parsed.as_str()).as_ref(), Ok(&parsed));
    assert_eq!(parsed.as_str(), folded(&text), "{text:?}");
    for same in [
        format!("{text}/"),
        format!("/{text}"),
        text.replace('/', "/./"),
        format!("{text}/zz/.."),
        format!("/../{text}"),
        format!("/zz/..{text}"),
        parsed.to_string(),
    ] {
        if same.len() < 4096 {
            assert_eq!(judge(&policy, &same), verdict, "{same:?} for {text:?} under {rules:?}");
        }
    }
    assert_eq!(verdict.is_ok(), naive(&rules, &parsed, access), "{text:?} {access:?} under {rules:?}");
    for stricter in [
        Rules { restricted: [rules.restricted.clone(), vec![more.clone()]].concat(), ..rules.clone() },
        Rules { globs: [rules.globs.clone(), vec![wider.clone()]].concat(), ..rules.clone() },
        Rules { redact: [rules.redact.clone(), vec![wider.clone()]].concat(), ..rules.clone() },
        Rules { allow: rules.allow.iter().skip(1).cloned().collect(), ..rules.clone() },
        Rules { bypass: BypassPolicy::Block, ..rules.clone() },
    ] {
        if let Some(policy) = stricter.compile() {
            let now = judge(&policy, &text);
            assert!(verdict.is_ok() || now.is_err(), "{text:?} {access:?}: {rules:?} refuses, {stricter:?} allows");
            assert!(
                stricter.bypass != rules.bypass || verdict != Ok(RedactListed::Warn) || now != Ok(RedactListed::No),
                "{text:?} lost its warning under {stricter:?}"
            );
            assert!(policy.shows(&parsed) <= policy_shows(&rules, &parsed), "{text:?} is shown by {stricter:?}");
        }
    }
    // A listing shows what may be looked at, and nothing below an allowed tree is hidden from it.
    let looked = policy.judge(&parsed, Access::ReadRedacted);
    assert_eq!(policy.entry(&parsed) != Entry::Hidden, looked.is_ok());
    if verdict.is_ok() && matches!(access, Access::ReadTree | Access::MoveTree | Access::WriteTree | Access::RemoveTree)
    {
        if let Ok(below) = RemotePath::parse(&format!("{parsed}{more}")) {
            if below.is_within(&parsed) {
                assert!(policy.shows(&below), "{below} lies below the allowed tree {parsed} of {rules:?}");
            }
        }
    }
}

fn policy_shows(rules: &Rules, path: &RemotePath) -> bool {
    rules.compile().is_some_and(|policy| policy.shows(path))
}

fn folded(text: &str) -> String {
    let mut out = String::new();
    for part in text.split('/') {
        if part == ".." {
            out.truncate(out.rfind('/').unwrap_or(0));
        } else if !part.is_empty() && part != "." {
            out.push('/');
            out.push_str(part);
        }
    }
    if out.is_empty() { "/".to_owned() } else { out }
}

/// The rules as contract and documents word them, over all prefixes and without folding.
fn naive(rules: &Rules, path: &RemotePath, access: Access) -> bool {
    let prefixes: Vec<String> = {
        let text = path.as_str();
        let cuts = text.match_indices('/').map(|(at, _)| &text[..at]).chain([text]);
        let mut all: Vec<String> = cuts.map(folded).collect();
        all.dedup();
        all
    };
    let zone = |entry: &String| if entry == "*" { "/".to_owned() } else { folded(entry) };
    let inside = |list: &[String]| list.iter().map(zone).any(|zone| prefixes.contains(&zone));
    let components =
        |text: &str| -> Vec<String> { text.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect() };
    let globs = |list: &[String]| -> Vec<Glob> {
        list.iter().map(|glob| Glob::parse(glob, Style::Posix).expect("compiled before")).collect()
    };
    let whole = components(path.as_str());
    if !inside(&rules.allow) || inside(&rules.restricted) {
        return false;
    }
    let restricted = globs(&rules.globs);
    if restricted.iter().any(|glob| prefixes.iter().any(|prefix| glob.matches(&components(prefix)))) {
        return false;
    }
    let tree = matches!(access, Access::ReadTree | Access::MoveTree | Access::WriteTree | Access::RemoveTree);
    let above = |entry: &String| {
        let zone = zone(entry);
        zone != path.as_str() && (path.is_root() || zone.starts_with(&format!("{path}/")))
    };
    if tree && (rules.restricted.iter().any(above) || restricted.iter().any(|glob| glob.may_match_below(&whole))) {
        return false;
    }
    let launders = matches!(access, Access::ReadTree | Access::MoveTree);
    let listed = globs(&rules.redact).iter().any(|g| g.matches(&whole) || (launders && g.may_match_below(&whole)));
    !(listed && access != Access::ReadRedacted && rules.bypass == BypassPolicy::Block)
}
