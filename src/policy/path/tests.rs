use proptest::prelude::*;

use super::*;

const TREES: [Access; 4] = [Access::ReadTree, Access::MoveTree, Access::WriteTree, Access::RemoveTree];
const SINGLES: [Access; 5] = [Access::Read, Access::ReadRedacted, Access::Write, Access::List, Access::Metadata];

fn all() -> impl Iterator<Item = Access> {
    TREES.into_iter().chain(SINGLES)
}

#[derive(Debug, Clone)]
struct Rules {
    platform: Platform,
    allow: Vec<String>,
    restricted: Vec<String>,
    globs: Vec<String>,
    redact: Vec<String>,
    bypass: BypassPolicy,
}

impl Rules {
    fn new(allow: &[&str]) -> Self {
        let allow = allow.iter().map(|e| (*e).to_owned()).collect();
        let none = Vec::new;
        let platform = Platform::Posix;
        Rules { platform, allow, restricted: none(), globs: none(), redact: none(), bypass: BypassPolicy::Block }
    }

    fn windows(mut self) -> Self {
        self.platform = Platform::Windows;
        self
    }

    fn restricted(mut self, entry: &str) -> Self {
        self.restricted.push(entry.to_owned());
        self
    }

    fn glob(mut self, entry: &str) -> Self {
        self.globs.push(entry.to_owned());
        self
    }

    fn redact(mut self, entry: &str, bypass: BypassPolicy) -> Self {
        self.redact.push(entry.to_owned());
        self.bypass = bypass;
        self
    }

    fn compile(&self) -> Result<PathPolicy, PolicyFault> {
        PathPolicy::new(&PathRules {
            platform: self.platform,
            path_allowlist: &self.allow,
            restricted_paths: &self.restricted,
            restricted_globs: &self.globs,
            redact_paths_globs: &self.redact,
            redact_bypass_policy: self.bypass,
        })
    }

    fn judge(&self, path: &str, access: Access) -> Result<RedactListed, ErrorName> {
        let policy = self.compile().unwrap();
        let verdict = match self.platform {
            Platform::Posix => parse(path).and_then(|p| policy.judge(&p, access)).map(|a| a.redact_listed()),
            Platform::Windows => parse_windows(path).and_then(|p| policy.judge(&p, access)).map(|a| a.redact_listed()),
        };
        verdict.map_err(|refusal| refusal.name)
    }

    #[track_caller]
    fn allows(&self, path: &str, access: Access) {
        assert_eq!(self.judge(path, access), Ok(RedactListed::No), "{path} {access:?}");
    }

    #[track_caller]
    fn refuses(&self, path: &str, access: Access, name: ErrorName) {
        assert_eq!(self.judge(path, access), Err(name), "{path} {access:?}");
    }
}

#[test]
fn the_allowlist_is_by_component_and_empty_is_nothing() {
    for access in all() {
        Rules::new(&[]).refuses("/srv", access, ErrorName::PathNotAllowed);
        let rules = Rules::new(&["/srv/app", "/tmp/"]);
        for allowed in ["/srv/app", "/srv/app/", "/srv/app/x/y", "/srv//app/./x", "/srv/x/../app", "/tmp", "/tmp/x"] {
            rules.allows(allowed, access);
        }
        for refused in ["/", "/srv", "/srv/app2", "/srv/ap", "/SRV/app", "/srv/app/../x", "/srv/app/../../tmpx", "/etc"]
        {
            rules.refuses(refused, access, ErrorName::PathNotAllowed);
        }
        for everything in ["*", "/"] {
            Rules::new(&[everything]).allows("/etc/passwd", access);
            Rules::new(&[everything]).allows("/", access);
        }
    }
}

#[test]
fn malformed_paths_are_refused_before_any_rule() {
    for bad in ["", "x", "./x", "../x", "~", "~/x", "~root/x", "/a\0b", "/a\nb", "/a\u{1b}b", "/a\u{7f}"] {
        Rules::new(&["*"]).refuses(bad, Access::Read, ErrorName::PathNotAllowed);
    }
}

#[test]
fn restricted_zones_hold_under_every_allowlist() {
    for allow in ["*", "/", "/etc"] {
        let rules = Rules::new(&[allow]).restricted("/etc/ssl/private/").glob("**/shadow*").glob("/etc/secret.d");
        for access in all() {
            for refused in [
                "/etc/ssl/private",
                "/etc/ssl/private/k.pem",
                "/etc/ssl/x/../private/k",
                "/etc/shadow",
                "/etc/x/shadow-",
            ] {
                rules.refuses(refused, access, ErrorName::PathRestricted);
            }
            // A folder that a restricted glob matches closes what is below it.
            rules.refuses("/etc/secret.d/a/b", access, ErrorName::PathRestricted);
        }
        for access in SINGLES {
            rules.allows("/etc/ssl/private2", access);
            rules.allows("/etc/ssl", access);
            rules.allows("/etc", access);
        }
    }
}

#[test]
fn a_restricted_root_covers_everything() {
    for everything in ["/", "*"] {
        for access in all() {
            Rules::new(&["*"]).restricted(everything).refuses("/any/thing", access, ErrorName::PathRestricted);
            Rules::new(&["*"]).restricted(everything).refuses("/", access, ErrorName::PathRestricted);
            Rules::new(&["*"]).windows().restricted(everything).refuses("C:\\x", access, ErrorName::PathRestricted);
        }
    }
}

#[test]
fn trees_are_refused_above_a_zone() {
    let rules = Rules::new(&["*"]).restricted("/srv/app/keys").glob("/home/*/.ssh/**");
    for access in TREES {
        for refused in ["/", "/srv", "/srv/app", "/srv/app/keys", "/home", "/home/a", "/home/a/.ssh/x"] {
            rules.refuses(refused, access, ErrorName::PathRestricted);
        }
        for allowed in ["/srv/app/keys2", "/srv/app2", "/srv/app/x", "/home/a/docs", "/opt"] {
            rules.allows(allowed, access);
        }
        // A pattern without a leading separator may match in every folder.
        Rules::new(&["*"]).glob("*.key").refuses("/opt", access, ErrorName::PathRestricted);
        Rules::new(&["*"]).glob("**/secrets/*").refuses("/opt", access, ErrorName::PathRestricted);
    }
}

#[test]
fn listings_hide_what_is_restricted() {
    let rules =
        Rules::new(&["/srv", "/opt"]).restricted("/srv/keys").restricted("/srv/a/b").restricted("/var").glob("*.pem");
    let policy = rules.redact("**/.env", BypassPolicy::Warn).compile().unwrap();
    let entry = |path: &str| policy.entry(&RemotePath::parse(path).unwrap());
    for hidden in ["/srv/keys", "/srv/keys/x", "/srv/a/b/c", "/srv/x.pem", "/srv/x.pem/y", "/etc/passwd"] {
        assert_eq!(entry(hidden), Entry::Hidden, "{hidden}");
    }
    assert_eq!(entry("/srv/a"), Entry::Shown);
    assert_eq!(entry("/srv/a/.env"), Entry::RedactListed);
    assert!(policy.shows(&RemotePath::parse("/srv/a/.env").unwrap()));
    assert_eq!(policy.prune(&RemotePath::parse("/srv").unwrap()), ["/srv/keys", "/srv/a/b"]);
    assert_eq!(policy.prune(&RemotePath::parse("/srv/a").unwrap()), ["/srv/a/b"]);
    assert!(policy.prune(&RemotePath::parse("/srv/keys").unwrap()).is_empty());
}

#[test]
fn redact_listed_paths_follow_the_bypass_policy() {
    for access in all().filter(|a| *a != Access::ReadRedacted) {
        for (bypass, expected) in [
            (BypassPolicy::Block, Err(ErrorName::RedactBypassBlocked)),
            (BypassPolicy::Warn, Ok(RedactListed::Warn)),
            (BypassPolicy::AuditOnly, Ok(RedactListed::AuditOnly)),
        ] {
            let rules = Rules::new(&["*"]).redact("**/.env", bypass);
            assert_eq!(rules.judge("/app/.env", access), expected, "{access:?}");
            // Copying or moving a folder would give the files below it names that the list does not know.
            let below =
                if matches!(access, Access::ReadTree | Access::MoveTree) { expected } else { Ok(RedactListed::No) };
            assert_eq!(rules.judge("/app", access), below, "{access:?}");
            let anchored = Rules::new(&["*"]).redact("/app/x/.env", bypass);
            assert_eq!(anchored.judge("/app", access), below, "{access:?}");
            assert_eq!(anchored.judge("/srv", access), Ok(RedactListed::No), "{access:?}");
        }
    }
    for bypass in [BypassPolicy::Block, BypassPolicy::Warn, BypassPolicy::AuditOnly] {
        Rules::new(&["*"]).redact("**/.env", bypass).allows("/app/.env", Access::ReadRedacted);
    }
    // A folder that a redact glob matches does not cover its files.
    Rules::new(&["*"]).redact("**/secrets", BypassPolicy::Block).allows("/app/secrets/x", Access::Read);
    // Restricted wins.
    let both = Rules::new(&["*"]).redact("**/.env", BypassPolicy::Warn).glob("**/.env");
    both.refuses("/app/.env", Access::ReadRedacted, ErrorName::PathRestricted);
}

#[test]
fn advice_about_redaction_takes_relative_words_too() {
    let policy = Rules::new(&[])
        .redact("**/.env", BypassPolicy::Block)
        .redact("/etc/x/*", BypassPolicy::Block)
        .compile()
        .unwrap();
    assert!(policy.redact_lists(".env") && policy.redact_lists("a/.env") && policy.redact_lists("/etc/x/y"));
    assert!(!policy.redact_lists("x.env") && !policy.redact_lists("etc/z"));
}

#[test]
fn windows_rules_fold_case_and_separators() {
    let rules = Rules::new(&["C:\\App", "d:/data", "\\\\srv\\share\\x"])
        .windows()
        .restricted("c:\\app\\KEYS")
        .glob("**\\*.pem");
    for allowed in ["C:\\App", "c:/app/x", "D:\\DATA\\y", "//SRV/Share/X/y", "C:\\x\\..\\app"] {
        rules.allows(allowed, Access::Read);
    }
    for refused in ["C:\\App2", "C:\\", "E:\\data", "\\\\srv\\share2\\x", "\\\\srv\\share", "C:\\app\\..\\x"] {
        rules.refuses(refused, Access::Read, ErrorName::PathNotAllowed);
    }
    for access in all() {
        for refused in ["C:\\app\\keys", "c:/APP/Keys/x", "C:/app/x.PEM"] {
            rules.refuses(refused, access, ErrorName::PathRestricted);
        }
    }
    for access in TREES {
        rules.refuses("C:\\App", access, ErrorName::PathRestricted);
    }
    for bad in
        ["C:x", "/c/app", "app", "C:\\app\\x:y", "C:\\app\\con", "C:\\app\\x.", "C:\\app\\KEYS~1", "\\\\?\\C:\\app"]
    {
        rules.refuses(bad, Access::Read, ErrorName::PathNotAllowed);
    }
    // Letters that only the widest folding makes equal open nothing, and are closed with their likes.
    Rules::new(&["C:\\k"]).windows().refuses("C:\\\u{212a}", Access::Read, ErrorName::PathNotAllowed);
    Rules::new(&["*"]).windows().restricted("C:\\k").refuses("C:\\\u{212a}", Access::Read, ErrorName::PathRestricted);
}

#[test]
fn a_path_of_the_other_platform_is_refused() {
    let posix = Rules::new(&["*"]).compile().unwrap();
    let windows = Rules::new(&["*"]).windows().compile().unwrap();
    assert!(posix.judge(&WindowsPath::parse("C:\\x").unwrap(), Access::Read).is_err());
    assert!(windows.judge(&RemotePath::parse("/x").unwrap(), Access::Read).is_err());
    assert!(!windows.shows(&RemotePath::parse("/x").unwrap()));
}

#[test]
fn entries_of_the_other_platform_are_passed_over_and_others_are_faults() {
    Rules::new(&["C:\\x", "/srv"]).restricted("D:\\y").allows("/srv/x", Access::Read);
    Rules::new(&["C:\\x", "/srv"]).windows().restricted("/srv").allows("C:\\x\\y", Access::Read);
    Rules::new(&["/srv"]).windows().refuses("C:\\srv", Access::Read, ErrorName::PathNotAllowed);
    for bad in ["", "srv", "~/x", "./x", "/a\nb", "C:", "C:x"] {
        for platform in [Platform::Posix, Platform::Windows] {
            let mut rules = Rules::new(&[bad]);
            rules.platform = platform;
            assert_eq!(rules.compile().unwrap_err().list, "path_allowlist", "{bad:?}");
            let mut rules = Rules::new(&["*"]).restricted(bad);
            rules.platform = platform;
            assert_eq!(rules.compile().unwrap_err().list, "restricted_paths", "{bad:?}");
        }
    }
    assert_eq!(Rules::new(&["*"]).restricted("/a/*/b").compile().unwrap_err().list, "restricted_paths");
    assert_eq!(Rules::new(&["*"]).glob("[a").compile().unwrap_err().list, "restricted_globs");
    let redact = Rules::new(&["*"]).redact("{a,b}", BypassPolicy::Warn).compile().unwrap_err();
    assert!(redact.list == "redact_paths_globs" && redact.to_string().contains("{a,b}"));
}

#[test]
fn refusals_say_what_was_refused_and_what_is_accepted() {
    let policy = Rules::new(&["/srv", "/tmp"])
        .restricted("/srv/k")
        .glob("*.pem")
        .redact("*.env", BypassPolicy::Block)
        .compile()
        .unwrap();
    let refusal = |path: &str, access| policy.judge(&RemotePath::parse(path).unwrap(), access).unwrap_err().to_string();
    for (path, access, parts) in [
        ("/etc/x/../y", Access::Read, vec!["`/etc/y`", "`/srv`, `/tmp`"]),
        ("/srv/k/x", Access::Write, vec!["`/srv/k/x`", "zone `/srv/k`"]),
        ("/srv/x.pem", Access::Read, vec!["`/srv/x.pem`", "glob `*.pem`"]),
        ("/srv", Access::ReadTree, vec!["`/srv`", "`/srv/k`", "below"]),
        ("/srv/a", Access::MoveTree, vec!["`/srv/a`", "`*.pem`", "below"]),
        ("/srv/a.env", Access::Read, vec!["`/srv/a.env`", "`*.env`", "ssh_read_redacted"]),
    ] {
        let text = refusal(path, access);
        for part in parts {
            assert!(text.contains(part), "{part:?} in {text}");
        }
    }
    let many: Vec<String> = (0..30).map(|n| format!("/r{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let refusal =
        Rules::new(&many).compile().unwrap().judge(&RemotePath::parse("/x").unwrap(), Access::Read).unwrap_err();
    assert!(refusal.next.contains("`/r19` and 10 more") && !refusal.next.contains("`/r20`"), "{refusal}");
}

fn path() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!["a", "b", "c", "x.key", ".env"]), 0..5)
        .prop_map(|p| format!("/{}", p.join("/")))
}

fn glob() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec!["a", "b", "*", "**", "*.key", ".env", "?"]);
    (any::<bool>(), prop::collection::vec(part, 1..4))
        .prop_map(|(root, p)| format!("{}{}", if root { "/" } else { "" }, p.join("/")))
}

fn rules() -> impl Strategy<Value = Rules> {
    let few = || prop::collection::vec(path(), 0..3);
    let bypass = prop::sample::select(vec![BypassPolicy::Block, BypassPolicy::Warn, BypassPolicy::AuditOnly]);
    (
        prop::collection::vec(path(), 1..4),
        few(),
        prop::collection::vec(glob(), 0..2),
        prop::collection::vec(glob(), 0..2),
        bypass,
    )
        .prop_map(|(allow, restricted, globs, redact, bypass)| Rules {
            platform: Platform::Posix,
            allow,
            restricted,
            globs,
            redact,
            bypass,
        })
}

fn access() -> impl Strategy<Value = Access> {
    prop::sample::select(all().collect::<Vec<_>>())
}

#[test]
fn an_allowed_path_is_the_one_that_was_judged() {
    let policy = Rules::new(&["/srv"]).compile().unwrap();
    let allowed = policy.judge(&parse("/srv/a b").unwrap(), Access::Write).unwrap();
    assert_eq!((allowed.as_str(), allowed.path().as_str(), allowed.access()), ("/srv/a b", "/srv/a b", Access::Write));
}

#[test]
fn a_refusal_begins_with_what_was_to_be_done() {
    let policy = Rules::new(&["*"]).restricted("/etc").compile().unwrap();
    for (access, verb) in [
        (Access::Read, "Reading"),
        (Access::ReadRedacted, "Reading"),
        (Access::ReadTree, "Copying or mounting the tree at"),
        (Access::MoveTree, "Moving"),
        (Access::Write, "Changing"),
        (Access::WriteTree, "Writing a tree at"),
        (Access::RemoveTree, "Deleting the tree at"),
        (Access::List, "Listing"),
        (Access::Metadata, "Looking at"),
    ] {
        let refusal = policy.judge(&parse("/etc/a").unwrap(), access).unwrap_err();
        let expected = format!("{verb} `/etc/a` is refused: it lies inside the restricted zone `/etc`.");
        assert!(refusal.to_string().contains(&expected), "{refusal}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_restriction_never_allows_more(rules in rules(), more in path(), glob in glob(), path in path(), access in access()) {
        let before = rules.judge(&path, access);
        for stricter in [rules.clone().restricted(&more), rules.clone().glob(&glob), rules.clone().redact(&glob, BypassPolicy::Block)] {
            prop_assert!(before.is_ok() || stricter.judge(&path, access).is_err());
        }
        // A longer redact list never loses its warning either.
        let warned = rules.clone().redact(&glob, rules.bypass).judge(&path, access);
        prop_assert!(!(before == Ok(RedactListed::Warn) && warned == Ok(RedactListed::No)));
    }

    #[test]
    fn taking_an_allowed_root_away_never_allows_more(rules in rules(), at in 0usize..4, path in path(), access in access()) {
        let mut fewer = rules.clone();
        fewer.allow.remove(at % rules.allow.len());
        prop_assert!(rules.judge(&path, access).is_ok() || fewer.judge(&path, access).is_err());
    }

    #[test]
    fn spellings_of_one_path_decide_alike(rules in rules(), path in path(), access in access()) {
        let verdict = rules.judge(&path, access);
        for same in [format!("{path}/"), format!("//{path}"), path.replace('/', "/./"), format!("{path}/zz/.."), format!("/../{path}")] {
            prop_assert_eq!(&verdict, &rules.judge(&same, access), "{}", same);
        }
    }

    /// The same rules and paths spelled for Windows, with case and separators mixed, decide as on POSIX.
    #[test]
    fn windows_decides_as_posix(rules in rules(), path in path(), access in access(), upper in any::<bool>()) {
        let spell = |p: &String| format!("C:{}", p.replace('/', "\\"));
        let windows = Rules {
            platform: Platform::Windows,
            allow: rules.allow.iter().map(spell).collect(),
            restricted: rules.restricted.iter().map(spell).collect(),
            globs: rules.globs.iter().map(|g| if g.starts_with('/') { spell(g) } else { g.clone() }).collect(),
            ..rules.clone()
        };
        let windows = Rules { redact: rules.redact.iter().map(|g| if g.starts_with('/') { spell(g) } else { g.clone() }).collect(), ..windows };
        // `/` means everything on both; `C:\` is one drive. No pattern without a root may eat the drive's name.
        prop_assume!(!rules.globs.iter().chain(&rules.redact).any(|g| !g.starts_with('/')));
        let spelled = if upper { spell(&path).to_uppercase() } else { format!("c:{path}") };
        prop_assert_eq!(rules.judge(&path, access), windows.judge(&spelled, access));
    }

    /// Whatever a tree access allows, every single path below it is open too.
    #[test]
    fn an_allowed_tree_holds_nothing_restricted(rules in rules(), path in path(), below in path()) {
        for access in TREES {
            if rules.judge(&path, access).is_ok() {
                let policy = rules.compile().unwrap();
                prop_assert!(policy.shows(&RemotePath::parse(&format!("{path}/{below}")).unwrap()), "{} {}", path, below);
            }
        }
    }

    /// What a listing may show can be looked at, and what it hides cannot.
    #[test]
    fn listings_agree_with_judging(rules in rules(), path in path()) {
        let policy = rules.compile().unwrap();
        let parsed = RemotePath::parse(&path).unwrap();
        prop_assert_eq!(policy.shows(&parsed), policy.judge(&parsed, Access::ReadRedacted).is_ok());
    }
}

#[test]
fn a_tree_is_looked_into_where_a_pattern_could_match() {
    let path = |text: &str| RemotePath::parse(text).unwrap();
    let rules = Rules::new(&["/srv"]).glob("**/*.pem").restricted("/srv/keys").redact("**/.env", BypassPolicy::Block);
    let policy = rules.compile().unwrap();
    let (allowed, names) = policy.judge_looking(&path("/srv/app"), Access::ReadTree).unwrap();
    assert_eq!((allowed.access(), names), (Access::ReadTree, vec!["*.pem".to_owned(), ".env".to_owned()]));
    for (refused, name) in [
        ("/srv", ErrorName::PathRestricted),
        ("/srv/keys/a", ErrorName::PathRestricted),
        ("/srv/x.pem/sub", ErrorName::PathRestricted),
        ("/srv/app/.env", ErrorName::RedactBypassBlocked),
        ("/etc", ErrorName::PathNotAllowed),
    ] {
        assert_eq!(policy.judge_looking(&path(refused), Access::ReadTree).unwrap_err().name, name, "{refused}");
    }
    let tree = path("/srv/app");
    let found = |below: &str| policy.found(&tree, &path(below), Access::ReadTree).map_err(|error| error.name);
    assert_eq!(found("/srv/app/a/.env"), Err(ErrorName::RedactBypassBlocked));
    assert_eq!(found("/srv/app/x.pem"), Err(ErrorName::PathRestricted));
    assert_eq!(found("/srv/app/plain"), Ok(()));
    // One that only warns goes on warning.
    let warned = Rules::new(&["/srv"]).redact("**/.env", BypassPolicy::Warn).compile().unwrap();
    let (allowed, names) = warned.judge_looking(&path("/srv/app"), Access::ReadTree).unwrap();
    assert_eq!((allowed.redact_listed(), names.len()), (RedactListed::Warn, 0));
}

#[test]
fn a_tree_that_is_changed_is_looked_into_too() {
    let path = |text: &str| RemotePath::parse(text).unwrap();
    let rules = Rules::new(&["/srv"]).glob("**/*.pem").glob("/srv/conf/live/*.key").restricted("/srv/keys");
    let policy = rules.redact("**/.env", BypassPolicy::Block).compile().unwrap();
    let names = |text: &str, access| policy.judge_looking(&path(text), access).map(|(_, names)| names);
    assert_eq!(names("/srv/app", Access::MoveTree).unwrap(), ["*.pem", ".env"]);
    // What is only changed or removed comes out under no other name.
    assert_eq!(names("/srv/app", Access::RemoveTree).unwrap(), ["*.pem"]);
    assert_eq!(names("/srv/app", Access::WriteTree).unwrap(), ["*.pem"]);
    for access in [Access::MoveTree, Access::RemoveTree, Access::WriteTree] {
        for refused in ["/srv", "/srv/keys/a", "/srv/x.pem", "/srv/conf"] {
            assert_eq!(names(refused, access).unwrap_err().name, ErrorName::PathRestricted, "{access:?} {refused}");
        }
        assert_eq!(names("/etc/x", access).unwrap_err().name, ErrorName::PathNotAllowed, "{access:?}");
    }
    let found = |below: &str, access| policy.found(&path("/srv/app"), &path(below), access).map_err(|error| error.name);
    assert_eq!(found("/srv/app/.env", Access::MoveTree), Err(ErrorName::RedactBypassBlocked));
    assert_eq!(found("/srv/app/.env", Access::RemoveTree), Ok(()));
    for access in [Access::MoveTree, Access::RemoveTree, Access::WriteTree] {
        assert_eq!(found("/srv/app/a.pem/b", access), Err(ErrorName::PathRestricted), "{access:?}");
        assert_eq!(found("/srv/app/a", access), Ok(()), "{access:?}");
    }
    // Where both lists matter and one only warns, the warning stays.
    let warned = Rules::new(&["/srv"]).glob("**/*.pem").redact("**/.env", BypassPolicy::Warn).compile().unwrap();
    for access in [Access::ReadTree, Access::MoveTree] {
        let (allowed, names) = warned.judge_looking(&path("/srv/app"), access).unwrap();
        assert_eq!((allowed.redact_listed(), names), (RedactListed::Warn, vec!["*.pem".to_owned()]));
    }
}
