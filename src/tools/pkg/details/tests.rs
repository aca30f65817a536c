use super::*;

fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn apt_shows_the_first_stanza_and_the_policy() {
    let show = "Package: sample\nVersion: 2.0\nArchitecture: all\nPre-Depends: init-system-helpers (>= 1.54~)\n\
                Depends: sample-data, libc6 (>= 2.34),\n libssl3 | libssl1.1\nRecommends: x\n\
                Description-en: sample command\n Made for tests of package tools.\n .\n Second paragraph.\n\
                Description-md5: 87378863d9990530e340bd067cef9e1a\nSize: 868\n\nPackage: sample\nDepends: other\n";
    let policy = "sample:\n  Installed: 1.0\n  Candidate: 2.0\n  Version table:\n     2.0 500\n        500 file:/srv/packages ./ Packages\n *** 1.0 500\n        500 file:/srv/packages ./ Packages\n        100 /var/lib/dpkg/status\n";
    let found = details(Manager::Apt, show, policy);
    assert_eq!(found.installed_version.as_deref(), Some("1.0"));
    assert_eq!(found.candidate_version.as_deref(), Some("2.0"));
    assert_eq!(found.repos, ["file:/srv/packages ./ Packages"]);
    let description = "sample command\nMade for tests of package tools.\n\nSecond paragraph.";
    assert_eq!(found.description.as_deref(), Some(description));
    assert_eq!(found.pre_depends, ["init-system-helpers (>= 1.54~)"]);
    assert_eq!(found.depends, words(&["sample-data", "libc6 (>= 2.34)", "libssl3 | libssl1.1"]));
    assert!(found.conflicts.is_empty());
}

#[test]
fn an_unknown_package_is_empty() {
    assert!(details(Manager::Apt, "", "").is_empty());
    let known = "sample:\n  Installed: (none)\n  Candidate: 2.0\n  Version table:\n     2.0 500\n";
    let found = details(Manager::Apt, "", known);
    assert_eq!(found.installed_version, None);
    assert!(!found.is_empty());
    for manager in [Manager::Dnf, Manager::Zypper, Manager::Apk, Manager::Pacman] {
        assert!(details(manager, "", "").is_empty(), "{manager:?}");
    }
}

#[test]
fn dnf_tells_installed_from_available() {
    let info = "Installed Packages\nName         : nginx\nEpoch        : 2\nVersion      : 1.20.1\nRelease      : 14.el9\n\
                From repo    : appstream\nDescription  : Nginx is a web server\n             : and a proxy.\n\n\
                Available Packages\nName         : nginx\nEpoch        : 2\nVersion      : 1.20.1\nRelease      : 16.el9\n\
                Repository   : appstream\nDescription  : Nginx is a web server\n             : and a proxy.\n";
    let found = details(Manager::Dnf, info, "libc.so.6\n/bin/sh\nlibc.so.6\n");
    assert_eq!(found.installed_version.as_deref(), Some("2:1.20.1-14.el9"));
    assert_eq!(found.candidate_version.as_deref(), Some("2:1.20.1-16.el9"));
    assert_eq!(found.repos, ["appstream"]);
    assert_eq!(found.description.as_deref(), Some("Nginx is a web server\nand a proxy."));
    assert_eq!(found.depends, words(&["libc.so.6", "/bin/sh"]));
}

#[test]
fn apk_policy_and_info() {
    let policy = "busybox policy:\n  1.36.1-r15:\n    https://dl-cdn.alpinelinux.org/alpine/v3.19/main\n  1.36.1-r2:\n    lib/apk/db/installed\n";
    let info = "busybox-1.36.1-r2 description:\nSize optimized toolbox\n\nbusybox-1.36.1-r2 depends on:\nso:libc.musl-x86_64.so.1\n\n";
    let found = details(Manager::Apk, policy, info);
    assert_eq!(found.installed_version.as_deref(), Some("1.36.1-r2"));
    assert_eq!(found.candidate_version.as_deref(), Some("1.36.1-r15"));
    assert_eq!(found.repos, ["https://dl-cdn.alpinelinux.org/alpine/v3.19/main"]);
    assert_eq!(found.description.as_deref(), Some("Size optimized toolbox"));
    assert_eq!(found.depends, ["so:libc.musl-x86_64.so.1"]);
}

#[test]
fn pacman_and_zypper_info() {
    let info = "Repository      : extra\nName            : nginx\nVersion         : 1.24.0-3\nDescription     : Lightweight HTTP server\n\
                Depends On      : pcre2  zlib\nOptional Deps   : None\nConflicts With  : None\n";
    let found = details(Manager::Pacman, info, "nginx 1.24.0-1\n");
    assert_eq!(found.installed_version.as_deref(), Some("1.24.0-1"));
    assert_eq!(found.candidate_version.as_deref(), Some("1.24.0-3"));
    assert_eq!(found.depends, words(&["pcre2", "zlib"]));
    assert!(found.suggests.is_empty() && found.conflicts.is_empty());
    let info = "Information for package vim:\n----\nRepository     : Update\nName           : vim\nVersion        : 9.0-2\n\
                Installed      : Yes\nStatus         : out-of-date (version 9.0-1 installed)\nDescription    : \n    Vi IMproved.\n    An editor.\n";
    let found = details(Manager::Zypper, info, "");
    assert_eq!(found.installed_version.as_deref(), Some("9.0-1"));
    assert_eq!(found.candidate_version.as_deref(), Some("9.0-2"));
    assert_eq!(found.description.as_deref(), Some("Vi IMproved.\nAn editor."));
}

/// dnf 4.14, zypper 1.14.42 and pacman 6.0.2; `sample` 1.0 is installed where that is said, 2.0 is there.
#[test]
fn captured_details() {
    let requires = include_str!("../cases/dnf-requires.txt");
    let available = details(Manager::Dnf, include_str!("../cases/dnf-info-available.txt"), requires);
    let installed = details(Manager::Dnf, include_str!("../cases/dnf-info-installed.txt"), requires);
    let zypper = details(Manager::Zypper, include_str!("../cases/zypper-info.txt"), "");
    let pacman = details(Manager::Pacman, include_str!("../cases/pacman-si.txt"), "sample 1.0-1\n");
    let versions = |of: &Details| (of.installed_version.clone(), of.candidate_version.clone());
    let both = (Some("1.0-1".to_owned()), Some("2.0-1".to_owned()));
    assert_eq!(versions(&available), (None, both.1.clone()));
    for (found, repo) in [(&installed, "local"), (&zypper, "local"), (&pacman, "samples")] {
        assert_eq!(versions(found), both);
        assert_eq!(found.repos, words(&[repo]));
    }
    for found in [&available, &installed, &zypper, &pacman] {
        assert!(found.description.as_deref().is_some_and(|text| text.starts_with("sample command")), "{found:?}");
        assert_eq!(found.depends, words(&["sample-data"]));
    }
}
