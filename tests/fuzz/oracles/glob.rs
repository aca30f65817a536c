//! Path patterns against a matcher that tries everything.

use ssh_mcp::internals::model::glob::{Glob, Style};

use super::feed::Feed;

pub fn check(data: &[u8]) {
    let mut feed = Feed::new(data);
    let names = ["a", "b", "ab", "A", ".", "..", "a.b", "é", "[", "]", "-", "*", "!a", "\\", ""];
    let path: Vec<String> = feed.list(5, |feed| feed.text(3, &names)).into_iter().filter(|n| !n.is_empty()).collect();
    let pattern = if feed.roll(3) == 0 {
        String::from_utf8_lossy(feed.rest()).into_owned()
    } else {
        let parts = [
            "a", "b", "*", "**", "?", "/", "/", "[ab]", "[!a]", "[^b]", "[a-c]", "[]]", "[a-]", "\\*", "\\", "é",
            "/**/", "-", ".", "[", "]", "A",
        ];
        feed.text(9, &parts)
    };
    let Ok(glob) = Glob::parse(&pattern, Style::Posix) else { return };
    // The slow one is exponential in the stars.
    if pattern.matches(['*', '?', '[']).count() > 12 || path.iter().any(|name| name.len() > 40) {
        let _ = (glob.matches(&path), glob.covers(&path), glob.may_match_below(&path));
        return;
    }
    let names: Vec<&str> = path.iter().map(String::as_str).collect();
    let matches = |upto: usize| slowly(&pattern, &names[..upto]);
    assert_eq!(glob.matches(&path), matches(names.len()), "{pattern:?} {path:?}");
    assert_eq!(glob.covers(&path), (0..=names.len()).any(matches), "{pattern:?} covers {path:?}");
    for upto in 0..names.len() {
        if matches(names.len()) {
            assert!(glob.may_match_below(&path[..upto]), "{pattern:?} is not foreseen below {:?}", &path[..upto]);
        }
    }
}

/// The definition of the head of `src/model/glob.rs`, read word by word.
fn slowly(pattern: &str, path: &[&str]) -> bool {
    let components: Vec<&str> = pattern.split('/').filter(|part| !part.is_empty()).collect();
    if pattern.starts_with('/') {
        return components_match(&components, path);
    }
    (0..=path.len()).any(|from| components_match(&components, &path[from..]))
}

fn components_match(pattern: &[&str], path: &[&str]) -> bool {
    match pattern.split_first() {
        None => path.is_empty(),
        Some((&"**", rest)) => (0..=path.len()).any(|n| components_match(rest, &path[n..])),
        Some((name, rest)) => {
            path.split_first().is_some_and(|(first, below)| chars_match(name, first) && components_match(rest, below))
        }
    }
}

fn chars_match(pattern: &str, name: &str) -> bool {
    let mut rest = pattern.chars();
    let mut below = name.chars();
    match rest.next() {
        None => name.is_empty(),
        Some('*') => {
            let ends = name.char_indices().map(|(at, _)| at).chain([name.len()]);
            ends.into_iter().any(|at| chars_match(rest.as_str(), &name[at..]))
        }
        Some('?') => below.next().is_some() && chars_match(rest.as_str(), below.as_str()),
        Some('\\') => {
            let literal = rest.next();
            literal.is_some() && below.next() == literal && chars_match(rest.as_str(), below.as_str())
        }
        Some('[') => {
            let Some(c) = below.next() else { return false };
            let mut inside = rest.as_str();
            let negated = inside.starts_with(['!', '^']);
            if negated {
                inside = &inside[1..];
            }
            // The first character is a member whatever it is.
            let first = inside.chars().next().map_or(0, char::len_utf8);
            let end = first + inside[first..].find(']').expect("a parsed class is closed");
            member(&inside[..end], c) != negated && chars_match(&inside[end + 1..], below.as_str())
        }
        literal => below.next() == literal && chars_match(rest.as_str(), below.as_str()),
    }
}

fn member(set: &str, c: char) -> bool {
    let set: Vec<char> = set.chars().collect();
    let mut at = 0;
    while at < set.len() {
        if at + 2 < set.len() && set[at + 1] == '-' {
            if (set[at]..=set[at + 2]).contains(&c) {
                return true;
            }
            at += 3;
        } else {
            if set[at] == c {
                return true;
            }
            at += 1;
        }
    }
    false
}
