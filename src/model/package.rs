//! Words of package managers.

use super::word::checked_word;

/// Most bytes of a name, as the interface says.
const NAME_MAX: usize = 128;

/// deb-control(5) and the rpm, apk and pacman spellings beside it: letters, digits and `. + - _`.
///
/// apt reads a dash or a plus at the end as "remove" and "install" where it knows no package of that full name. No
/// package ends in a dash; those that end in a plus end in two (`g++`) or in one behind a digit (`memtest86+`), and
/// for these the script asks apt for the exact name first.
fn is_name(text: &str) -> bool {
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'+' | b'-' | b'_');
    let one_plus = text.strip_suffix('+').is_some_and(|rest| !rest.ends_with(|c: char| c == '+' || c.is_ascii_digit()));
    text.len() <= NAME_MAX
        && text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
        && text.bytes().all(good)
        && !text.ends_with('-')
        && !one_plus
}

/// `amd64`, `any`, `musl-linux-armhf`.
fn is_arch(text: &str) -> bool {
    text.split('-')
        .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'))
}

/// deb-version(7) and its like; the end is not a modifier either.
fn is_version(text: &str) -> bool {
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'+' | b'-' | b'~' | b':' | b'_' | b'^');
    text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
        && text.bytes().all(good)
        && !text.ends_with(['-', '+', '^'])
}

fn is_name_with_arch(text: &str) -> bool {
    match text.split_once(':') {
        Some((name, arch)) => is_name(name) && is_arch(arch),
        None => is_name(text),
    }
}

checked_word!(
    /// A package, with an architecture where wanted (`libc6:i386`).
    PackageName,
    "a package name",
    "letters, digits and . + - _, beginning with a letter or digit, and :ARCH behind it where wanted; not ending in a \
     dash or a plus that apt reads as a verb, no pattern and no file",
    "^[A-Za-z0-9][A-Za-z0-9.+_:-]*$",
    160,
    is_name_with_arch
);

checked_word!(
    /// A package to act on, with an architecture and a version where wanted (`nginx=1.22.1-9`).
    PackageSpec,
    "a package",
    "a name of letters, digits and . + - _, beginning with a letter or digit, with :ARCH and =VERSION behind it where \
     wanted; not ending in a dash or a plus that apt reads as a verb, no pattern and no file",
    "^[A-Za-z0-9][A-Za-z0-9.+_:=~^-]*$",
    256,
    |text| match text.split_once('=') {
        Some((package, version)) => is_name_with_arch(package) && is_version(version),
        None => is_name_with_arch(text),
    }
);

impl PackageSpec {
    /// True where a version is named.
    pub fn has_version(&self) -> bool {
        self.0.contains('=')
    }
}

checked_word!(
    /// A pattern to list or search packages by.
    PackagePattern,
    "a pattern for packages",
    "at most 128 letters, digits and . _ * ? + -",
    "^[A-Za-z0-9._*?+-]+$",
    128,
    |text| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._*?+-".contains(&b))
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_all_managers_pass() {
        for name in
            ["nginx", "g++", "libstdc++6", "memtest86+", "python3.11", "libc6:i386", "ImageMagick", "libX11_dev", "0ad"]
        {
            assert!(PackageName::parse(name).is_ok(), "{name}");
            assert!(PackageSpec::parse(name).is_ok(), "{name}");
        }
        for spec in ["nginx=1.22.1-9+deb12u1", "libc6:amd64=2.36-9~bpo1", "vim=2:9.0.1378-2"] {
            assert!(PackageSpec::parse(spec).is_ok_and(|s| s.has_version()), "{spec}");
            assert!(PackageName::parse(spec).is_err(), "{spec}");
        }
    }

    #[test]
    fn what_changes_the_verb_is_refused() {
        for name in [
            "",
            "nginx-",
            "nginx+",
            "-nginx",
            "+nginx",
            "./x.deb",
            "/tmp/x.deb",
            "x/stable",
            "x^",
            "nginx*",
            "a b",
            "nginx\n",
            "nginx=",
            "nginx=1.0-",
            "nginx=1.0+",
            "nginx:",
            "nginx:amd64-",
            "nginx=1.0\n",
            "=1",
            "--",
            "-o",
            "a;b",
            "a\0",
            "!nginx",
            "~nginx",
            "nginx=-1",
            "@group",
            "nginx:amd64+",
            "a:b:c",
        ] {
            assert!(PackageSpec::parse(name).is_err(), "{name:?}");
        }
        assert!(PackageSpec::parse(&"a".repeat(129)).is_err());
        assert!(PackagePattern::parse("ngin*").is_ok() && PackagePattern::parse("a|b").is_err());
    }
}
