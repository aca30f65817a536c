//! Image names: registry, port, path, tag and digest.

use super::word::checked_word;

/// Longest name without tag and digest, in bytes (`NameTotalLengthMax` of `distribution/reference`).
const NAME_MAX: usize = 255;
/// Longest tag, in bytes (`distribution/reference`, `tag`).
const TAG_MAX: usize = 128;

/// The grammar of `distribution/reference`: `[domain[:port]/]path[/path...][:tag][@algorithm:hex]`.
fn is_image_ref(text: &str) -> bool {
    let (rest, digest) = text.split_once('@').map_or((text, None), |(r, d)| (r, Some(d)));
    if digest.is_some_and(|d| !is_digest(d)) {
        return false;
    }
    // A colon after the last slash begins the tag; one before it belongs to the registry's port.
    let slash = rest.rfind('/').map_or(0, |at| at + 1);
    let (name, tag) = match rest.get(slash..).and_then(|leaf| leaf.find(':')) {
        Some(at) => (rest.get(..slash + at).unwrap_or(""), rest.get(slash + at + 1..)),
        None => (rest, None),
    };
    if tag.is_some_and(|t| !is_tag(t)) || name.is_empty() || name.len() > NAME_MAX {
        return false;
    }
    let parts: Vec<&str> = name.split('/').collect();
    match parts.as_slice() {
        [domain, path @ ..] if !path.is_empty() && is_domain_shaped(domain) => {
            is_domain(domain) && path.iter().all(|p| is_path_component(p))
        }
        path => path.iter().all(|p| is_path_component(p)),
    }
}

/// The first component is a registry when it could not be a path: as docker decides it.
fn is_domain_shaped(part: &str) -> bool {
    part == "localhost" || part.contains(['.', ':']) || part.bytes().any(|b| b.is_ascii_uppercase())
}

fn is_domain(domain: &str) -> bool {
    let (host, port) = if let Some(v6) = domain.strip_prefix('[') {
        let Some((address, after)) = v6.split_once(']') else { return false };
        if address.is_empty() || !address.bytes().all(|b| b.is_ascii_hexdigit() || b == b':') {
            return false;
        }
        ("", after.strip_prefix(':').or(if after.is_empty() { None } else { Some("") }))
    } else {
        domain.split_once(':').map_or((domain, None), |(h, p)| (h, Some(p)))
    };
    let port_fits = port.is_none_or(|p| (1..=5).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_digit()));
    let label = |l: &str| {
        !l.is_empty()
            && !l.starts_with('-')
            && !l.ends_with('-')
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    port_fits && (domain.starts_with('[') || host.split('.').all(label))
}

/// `[a-z0-9]+` joined by one dot, one or two underscores, or any number of dashes.
fn is_path_component(part: &str) -> bool {
    let edge = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if !edge(part.bytes().next()) || !edge(part.bytes().next_back()) {
        return false;
    }
    let separators = part.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit()).filter(|s| !s.is_empty());
    separators.into_iter().all(|s| matches!(s, "." | "_" | "__") || s.bytes().all(|b| b == b'-'))
}

fn is_tag(tag: &str) -> bool {
    let mut bytes = tag.bytes();
    tag.len() <= TAG_MAX
        && bytes.next().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

fn is_digest(digest: &str) -> bool {
    let Some((algorithm, hex)) = digest.split_once(':') else { return false };
    let known = algorithm.bytes().next().is_some_and(|b| b.is_ascii_alphabetic())
        && algorithm.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'.' | b'_' | b'-'));
    known && (32..=128).contains(&hex.len()) && hex.bytes().all(|b| b.is_ascii_hexdigit())
}

checked_word!(
    /// The name or id of an image, as the engine reads it.
    ImageRef,
    "an image",
    "[registry[:port]/]name[/name][:tag][@sha256:hex] in lower case, or an image id",
    "^[A-Za-z0-9\\[][A-Za-z0-9._/:@\\[\\]+\\-]*$",
    520,
    is_image_ref
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_what_docker_accepts() {
        let digest = "a".repeat(64);
        for good in [
            "nginx",
            "nginx:1.27",
            "library/nginx:latest",
            "ghcr.io/org/app:v1.2.3-rc.1",
            "localhost/app",
            "localhost:5000/team/app:_x",
            "registry.example.com:5000/a/b/c",
            "[2001:db8::1]:5000/app",
            "a__b/c-d/e.f",
            "a--b",
            "UPPER.example/app",
            "0af31c9bd2e1",
            &format!("nginx@sha256:{digest}"),
            &format!("sha256:{digest}"),
            &format!("ghcr.io/org/app:v1@sha256:{digest}"),
        ] {
            assert!(ImageRef::parse(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn refuses_the_rest() {
        for bad in [
            "",
            "-nginx",
            "--privileged",
            "Nginx",
            "nginx:",
            "nginx:-x",
            ":tag",
            "/nginx",
            "nginx/",
            "a//b",
            "a___b",
            "a..b",
            "-a.example/app",
            "host:port/app",
            "host:123456/app",
            "nginx@sha256:short",
            "nginx@",
            "nginx latest",
            "nginx\n",
            "nginx;id",
            "$(id)",
            "nginx:a/b",
            "[::1/app",
            "docker://nginx",
            "../nginx",
            "nginx*",
        ] {
            assert!(ImageRef::parse(bad).is_err(), "{bad:?}");
        }
        assert!(ImageRef::parse(&"a".repeat(100_000)).is_err());
    }
}
