use proptest::prelude::*;

use super::*;

fn parts(path: &str) -> Vec<String> {
    path.split('/').filter(|c| !c.is_empty()).map(str::to_owned).collect()
}

fn posix(pattern: &str) -> Glob {
    Glob::parse(pattern, Style::Posix).unwrap()
}

fn windows(pattern: &str, components: &[&str]) -> bool {
    let folded: Vec<String> = components.iter().map(|c| c.chars().flat_map(fold).collect()).collect();
    Glob::parse(pattern, Style::Windows).unwrap().matches(&folded)
}

#[test]
fn the_name_to_look_for_is_the_last_one() {
    for (pattern, name) in [
        ("**/.env", Some(".env")),
        ("*.pem", Some("*.pem")),
        ("**/secrets/**", Some("secrets")),
        ("/srv/*/x[0-9]?", Some("x**")),
        ("a/**/b\\*", Some("b\\*")),
        ("**", None),
    ] {
        assert_eq!(posix(pattern).last_name().as_deref(), name, "{pattern}");
    }
}

#[test]
fn what_lies_below_a_folder_is_named_as_find_names_it() {
    for (pattern, folder, expected) in [
        (".env", "/srv", vec!["./*/.env", "./.env"]),
        ("/srv/app/*.env", "/srv/app", vec!["./*.env"]),
        ("/srv/app/*.env", "/srv", vec!["./app/*.env"]),
        ("/srv/app/*.env", "/etc", vec![]),
        ("/srv/k/**", "/srv", vec!["./k", "./k/*"]),
        ("a/x?", "/srv/a", vec!["./*/a/x*", "./a/x*", "./x*"]),
    ] {
        let parts: Vec<String> = folder.split('/').skip(1).map(str::to_owned).collect();
        let mut found = posix(pattern).below(&parts);
        found.sort();
        found.dedup();
        assert_eq!(found, expected, "{pattern} {folder}");
    }
}

#[test]
fn the_documented_meaning() {
    for (pattern, path, expected) in [
        ("*.key", "/a/b/x.key", true),
        ("*.key", "/x.key", true),
        ("*.key", "/x.key/y", false),
        ("secrets/*", "/a/secrets/x", true),
        ("secrets/*", "/a/secrets/x/y", false),
        ("**/.env", "/.env", true),
        ("**/.env", "/a/b/.env", true),
        ("**/.env.*", "/a/.env.local", true),
        ("**/.env", "/a/x.env", false),
        ("/etc/**", "/etc/ssh/sshd_config", true),
        ("/etc/**", "/etc/x", true),
        ("/etc/**", "/etc", true),
        ("/etc/**", "/etcx", false),
        ("/etc/*", "/etc/ssh/sshd_config", false),
        ("**/secrets/**", "/a/secrets/b/c", true),
        ("/a/**/z", "/a/z", true),
        ("/a/**/z", "/a/b/c/z", true),
        ("/a/**/z", "/a/b/c/zz", false),
        ("/x", "/y/x", false),
        ("/home/*/.ssh/id_*", "/home/a/.ssh/id_rsa", true),
        ("/home/*/.ssh/id_*", "/home/a/b/.ssh/id_rsa", false),
        ("/a?c", "/abc", true),
        ("/a?c", "/a/c", false),
        ("[ab]x", "/bx", true),
        ("[!ab]x", "/bx", false),
        ("[^ab]x", "/cx", true),
        ("[a-c]", "/b", true),
        ("[a-]", "/-", true),
        ("[]]", "/]", true),
        ("[[]", "/[", true),
        ("[!]]", "/]", false),
        ("x\\*", "/x*", true),
        ("x\\*", "/xy", false),
        ("/a//b/", "/a/b", true),
        ("a**b", "/axxb", true),
        ("a**b", "/a/b", false),
        ("**", "/", true),
        ("/", "/", true),
        ("/", "/a", false),
        ("A", "/a", false),
        ("[A]", "/a", false),
        ("[a]", "/A", false),
        ("*", "/.hidden", true),
    ] {
        assert_eq!(posix(pattern).matches(&parts(path)), expected, "{pattern} {path}");
    }
}

#[test]
fn windows_patterns() {
    assert!(windows("**/.ENV", &["C:", "app", ".env"]));
    assert!(windows("C:\\Secrets\\**", &["C:", "SECRETS", "a", "b"]));
    assert!(windows("c:/secrets/*", &["C:", "Secrets", "a"]));
    assert!(!windows("D:\\secrets\\**", &["C:", "secrets", "a"]));
    assert!(windows("\\secrets\\*", &["D:", "secrets", "a"]));
    assert!(windows("\\\\srv\\share\\*", &["\\\\SRV", "share", "x"]));
    assert!(windows("*.[k-l]ey", &["C:", "X.KEY"]));
    assert!(!windows("[!k]ey", &["C:", "KEY"]));
    assert!(windows("[K]ey", &["C:", "Key"]) && !windows("[K]ey", &["C:", "aey"]));
    assert!(windows("stra\u{df}e", &["C:", "STRASSE"]), "folded widely, since it closes paths");
}

#[test]
fn what_could_never_match_is_refused() {
    for bad in
        ["", "~/x", "[", "a[b", "[a/b]", "[]", "[!]", "[z-a]", "a\\", "./a", "a/../b", "{a,b}", "a}", "a\nb", "a\0"]
    {
        assert!(Glob::parse(bad, Style::Posix).is_err(), "{bad:?}");
    }
    assert!(Glob::parse(&"a".repeat(PATTERN_MAX + 1), Style::Posix).is_err());
    assert!(Glob::parse("[{]", Style::Posix).is_ok());
    // The longest that is allowed, and a range of one letter.
    let longest = "a".repeat(PATTERN_MAX);
    assert_eq!(posix(&longest).text(), longest);
    assert!(posix("[a-a]").matches(&parts("/a")) && !posix("[a-a]").matches(&parts("/b")));
}

#[test]
fn reaches_below() {
    for (pattern, path, expected) in [
        ("*.key", "/anything", true),
        ("/etc/shadow", "/etc", true),
        ("/etc/shadow", "/", true),
        ("/etc/shadow", "/etc/shadow", false),
        ("/etc/shadow", "/srv", false),
        ("/home/*/.ssh/id_*", "/home/a", true),
        ("/home/*/.ssh/id_*", "/home/a/docs", false),
        ("/home/*/.ssh/id_*", "/srv", false),
        ("/etc/**", "/etc/ssh", true),
        ("/a/**/z", "/a/b/c", true),
        ("/", "/", false),
    ] {
        assert_eq!(posix(pattern).may_match_below(&parts(path)), expected, "{pattern} {path}");
    }
}

/// The definition, written as naively as it reads.
fn oracle(pattern: &str, path: &[&str]) -> bool {
    let components: Vec<&str> = pattern.split('/').filter(|c| !c.is_empty()).collect();
    if pattern.starts_with('/') {
        return components_match(&components, path);
    }
    (0..=path.len()).any(|from| components_match(&components, &path[from..]))
}

fn components_match(pattern: &[&str], path: &[&str]) -> bool {
    match pattern {
        [] => path.is_empty(),
        ["**", rest @ ..] => (0..=path.len()).any(|n| components_match(rest, &path[n..])),
        [name, rest @ ..] => match path {
            [] => false,
            [first, below @ ..] => chars_match(name, first) && components_match(rest, below),
        },
    }
}

fn chars_match(pattern: &str, name: &str) -> bool {
    let next = |text: &str| text.chars().next();
    match next(pattern) {
        None => name.is_empty(),
        Some('*') => chars_match(&pattern[1..], name) || (!name.is_empty() && chars_match(pattern, &name[1..])),
        Some('?') => !name.is_empty() && chars_match(&pattern[1..], &name[1..]),
        Some('[') => {
            let end = pattern.find(']').unwrap();
            let (members, negated) = match pattern[1..end].strip_prefix('!') {
                Some(members) => (members, true),
                None => (&pattern[1..end], false),
            };
            next(name).is_some_and(|c| members.contains(c) != negated) && chars_match(&pattern[end + 1..], &name[1..])
        }
        Some(c) => next(name) == Some(c) && chars_match(&pattern[1..], &name[1..]),
    }
}

fn pattern() -> impl Strategy<Value = String> {
    let atom = prop::sample::select(vec!["a", "b", "*", "?", "[ab]", "[!a]", "[b]"]);
    let name = prop::collection::vec(atom, 1..4).prop_map(|atoms| atoms.concat());
    let component = prop_oneof![3 => name, 2 => Just("**".to_owned())];
    (any::<bool>(), prop::collection::vec(component, 1..5))
        .prop_map(|(anchored, parts)| format!("{}{}", if anchored { "/" } else { "" }, parts.join("/")))
}

fn path() -> impl Strategy<Value = Vec<&'static str>> {
    prop::collection::vec(prop::sample::select(vec!["a", "b", "ab", "ba", "aa", "c"]), 0..5)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn matches_as_the_definition_says(pattern in pattern(), path in path()) {
        let owned: Vec<String> = path.iter().map(|c| (*c).to_owned()).collect();
        let glob = posix(&pattern);
        prop_assert_eq!(glob.matches(&owned), oracle(&pattern, &path), "{} {:?}", pattern, path);
        let above = (0..=path.len()).any(|n| oracle(&pattern, &path[..n]));
        prop_assert_eq!(glob.covers(&owned), above);
    }

    #[test]
    fn a_match_below_is_always_foreseen(pattern in pattern(), path in path(), below in path()) {
        let owned: Vec<String> = path.iter().map(|c| (*c).to_owned()).collect();
        let whole: Vec<&str> = path.iter().chain(&below).copied().collect();
        if !below.is_empty() && oracle(&pattern, &whole) {
            prop_assert!(posix(&pattern).may_match_below(&owned), "{} {:?} {:?}", pattern, path, below);
        }
    }

    #[test]
    fn any_text_is_compiled_or_refused(text in any::<String>(), path in path()) {
        let owned: Vec<String> = path.iter().map(|c| (*c).to_owned()).collect();
        for style in [Style::Posix, Style::Windows] {
            if let Ok(glob) = Glob::parse(&text, style) {
                let _ = (glob.matches(&owned), glob.covers(&owned), glob.may_match_below(&owned));
            }
        }
    }
}
