//! Image names: registry, port, path, tag and digest.

use std::sync::LazyLock;

use regex::Regex;

use super::word::checked_word;

/// Longest name without tag and digest, in bytes (`NameTotalLengthMax` of `distribution/reference`).
const NAME_MAX: usize = 255;

/// The grammar of `distribution/reference`: `[domain[:port]/]path[/path...][:tag][@algorithm:hex]`. A pattern that did not
/// compile would take no name at all.
static REFERENCE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let label = "[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?";
    let domain = format!(r"(?:{label}(?:\.{label})*|\[[0-9A-Fa-f:]+\])(?::[0-9]{{1,5}})?");
    let path = "[a-z0-9]+(?:(?:[.]|_|__|-+)[a-z0-9]+)*";
    let tag = "[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}";
    let digest = "[A-Za-z][A-Za-z0-9+._-]*:[0-9A-Fa-f]{32,128}";
    Regex::new(&format!(r"^(?<name>(?:{domain}/)?{path}(?:/{path})*)(?::{tag})?(?:@{digest})?$")).ok()
});

fn is_image_ref(text: &str) -> bool {
    let Some(found) = REFERENCE.as_ref().and_then(|reference| reference.captures(text)) else { return false };
    found.name("name").is_some_and(|name| name.len() <= NAME_MAX)
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
