//! dnf, zypper and pacman on a real machine, behind the same tools and answers as apt.

use serde_json::{Value, json};

use crate::containers::{Container, new_others_host};
use crate::server::{Server, Setup};

/// What differs between the managers.
struct Ways {
    manager: &'static str,
    fetches: &'static [&'static str],
    /// Versions as the manager writes them.
    versions: [&'static str; 2],
    /// The older version, as something to install; pacman has no spelling for it.
    older: Option<&'static str>,
    /// Versions are named in a plan.
    plans_versions: bool,
    /// What goes along with the package when it is removed.
    removes_unused: bool,
    holds: bool,
    autoremoves: bool,
}

const DNF: Ways = Ways {
    manager: "dnf",
    fetches: &["dnf", "-q", "makecache"],
    versions: ["1.0-1", "2.0-1"],
    older: Some("sample-1.0"),
    plans_versions: true,
    removes_unused: true,
    holds: false,
    autoremoves: true,
};
const ZYPPER: Ways = Ways {
    manager: "zypper",
    fetches: &["zypper", "--non-interactive", "--quiet", "refresh"],
    older: Some("sample=1.0"),
    plans_versions: false,
    removes_unused: false,
    holds: true,
    autoremoves: false,
    ..DNF
};
const PACMAN: Ways = Ways {
    manager: "pacman",
    fetches: &["pacman", "--noconfirm", "-Sy"],
    older: None,
    plans_versions: true,
    removes_unused: false,
    holds: false,
    autoremoves: false,
    ..DNF
};

#[test]
fn other_managers_give_the_same_answers() {
    let Some(host) = new_others_host() else { return };
    let hosts = "[hosts.box]\nhostname = \"box\"\n";
    let setup = Setup::new().raw(&host.ssh_config_block("box", "agent", &[]), hosts);
    let mut server = setup.env("ALLOW_SUDO", "true").start();
    for ways in [DNF, ZYPPER, PACMAN] {
        // Only root can fetch the lists, which on a machine that lives has happened.
        host.says(ways.fetches);
        a_packages_life(&mut server, &host, &ways);
        // The next of them is then the only one.
        host.says(&["rm", &format!("/usr/bin/{}", ways.manager)]);
    }
    let refused = server.err("ssh_apt_list", json!({"host": "box", "mode": "installed"}));
    assert!(refused.starts_with("PlatformNotSupported") && refused.contains("no package manager"), "{refused}");
}

/// The version of `sample` that the tools list as installed.
fn installed(server: &mut Server) -> Option<String> {
    let listed = server.ok("ssh_apt_list", json!({"host": "box", "mode": "installed", "pattern": "sample"}));
    listed["packages"].as_array().unwrap().first().map(|row| row["version"].as_str().unwrap().to_owned())
}

fn planned(answer: &Value) -> Vec<[Option<&str>; 3]> {
    let changes = answer["changes"].as_array().unwrap().iter();
    let mut all: Vec<_> = changes.map(|c| [c["step"].as_str(), c["name"].as_str(), c["to"].as_str()]).collect();
    all.sort_unstable();
    all
}

fn a_packages_life(server: &mut Server, host: &Container, ways: &Ways) {
    let name = ways.manager;
    let [older, newer] = ways.versions;
    let on = |rest: Value| {
        let mut all = json!({"host": "box", "sudo": true});
        all.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        all
    };
    let done = |answer: &Value| assert_eq!(answer["exit_code"], 0, "{name}: {answer}");
    let sample = || json!({"packages": ["sample"]});
    let to = |version: &'static str| ways.plans_versions.then_some(version);

    let found = server.ok("ssh_apt_search", json!({"host": "box", "pattern": "sample"}));
    assert_eq!(found["manager"], name);
    let rows = found["results"].as_array().unwrap();
    assert!(rows.contains(&json!({"name": "sample", "short_description": "sample command"})), "{found}");
    let shown = server.ok("ssh_apt_show", json!({"host": "box", "package": "sample"}));
    assert_eq!((&shown["installed_version"], &shown["candidate_version"]), (&Value::Null, &json!(newer)), "{shown}");
    assert_eq!(shown["depends"], json!(["sample-data"]), "{name}: {shown}");
    assert!(shown["description"].as_str().unwrap().starts_with("sample command"), "{shown}");
    let all = server.ok("ssh_apt_list", json!({"host": "box", "mode": "all", "pattern": "sample*"}));
    let names: Vec<&str> = all["packages"].as_array().unwrap().iter().filter_map(|p| p["name"].as_str()).collect();
    assert!(names.contains(&"sample") && names.contains(&"sample-data"), "{name}: {all}");

    // What would change, before it does; and not without rights.
    let plan = server.ok("ssh_apt_install", on(json!({"packages": ["sample"], "simulate": true})));
    let install = |package: &'static str, version| [Some("install"), Some(package), to(version)];
    assert_eq!(planned(&plan), [install("sample", newer), install("sample-data", "1.0-1")], "{name}: {plan}");
    assert_eq!(installed(server), None, "{name}: a simulation installed it");
    let refused = server.ok("ssh_apt_install", json!({"host": "box", "packages": ["sample"]}));
    assert!(refused["hint"].as_str().unwrap_or_default().contains("sudo: true"), "{name}: {refused}");
    match ways.older {
        Some(spec) => done(&server.ok("ssh_apt_install", on(json!({"packages": [spec]})))),
        None => {
            let refused = server.err("ssh_apt_install", on(json!({"packages": ["sample=1.0"]})));
            assert!(refused.contains("NAME=VERSION"), "{name}: {refused}");
            let files =
                ["sample-data-1.0-1", "sample-1.0-1"].map(|f| format!("/srv/packages/pacman/{f}-any.pkg.tar.zst"));
            host.says(&["pacman", "--noconfirm", "-U", &files[0], &files[1]]);
        }
    }
    assert_eq!(installed(server).as_deref(), Some(older), "{name}");
    let shown = server.ok("ssh_apt_show", json!({"host": "box", "package": "sample"}));
    let versions = (&shown["installed_version"], &shown["candidate_version"]);
    assert_eq!(versions, (&json!(older), &json!(newer)), "{name}: {shown}");
    let waiting = server.ok("ssh_apt_list", json!({"host": "box", "mode": "upgradable", "pattern": "sample*"}));
    let rows = waiting["packages"].as_array().unwrap();
    assert_eq!((rows.len(), &rows[0]["name"], &rows[0]["version"]), (1, &json!("sample"), &json!(newer)), "{waiting}");

    let upgrade = [Some("upgrade"), Some("sample"), to(newer)];
    if ways.holds {
        done(&server.ok("ssh_apt_mark", on(json!({"action": "hold", "packages": ["sample"]}))));
        assert_eq!(server.ok("ssh_apt_show_holds", json!({"host": "box"}))["held"], json!(["sample"]), "{name}");
        done(&server.ok("ssh_apt_upgrade", on(json!({}))));
        assert_eq!(installed(server).as_deref(), Some(older), "{name}: a hold did not hold");
        done(&server.ok("ssh_apt_mark", on(json!({"action": "unhold", "packages": ["sample"]}))));
    } else {
        let refused = server.err("ssh_apt_mark", on(json!({"action": "hold", "packages": ["sample"]})));
        assert!(refused.starts_with("PlatformNotSupported") && refused.contains(name), "{refused}");
        let refused = server.err("ssh_apt_show_holds", json!({"host": "box"}));
        assert!(refused.starts_with("PlatformNotSupported") && refused.contains(name), "{refused}");
    }
    assert_eq!(planned(&server.ok("ssh_apt_upgrade", on(json!({"simulate": true})))), [upgrade], "{name}");
    done(&server.ok("ssh_apt_upgrade", on(json!({"update_first": true}))));
    assert_eq!(installed(server).as_deref(), Some(newer), "{name}");

    let plan = server.ok("ssh_apt_remove", on(json!({"packages": ["sample"], "simulate": true})));
    let gone: Vec<_> = planned(&plan).into_iter().map(|[step, name, _]| (step, name)).collect();
    let mut expected = vec![(Some("remove"), Some("sample"))];
    expected.extend(ways.removes_unused.then_some((Some("remove"), Some("sample-data"))));
    assert_eq!(gone, expected, "{name}: {plan}");
    done(&server.ok("ssh_apt_remove", on(sample())));
    assert_eq!(installed(server), None, "{name}");
    if ways.autoremoves {
        done(&server.ok("ssh_apt_autoremove", on(json!({}))));
    } else {
        let refused = server.err("ssh_apt_autoremove", on(json!({})));
        assert!(refused.starts_with("PlatformNotSupported") && refused.contains(name), "{refused}");
    }
    if name == "pacman" {
        done(&server.ok("ssh_apt_remove", on(json!({"packages": ["sample-data"], "purge": true}))));
    }
    if name == "pacman" {
        // A lock that a killed run left is told as that, with what takes it away.
        host.says(&["touch", "/var/lib/pacman/db.lck"]);
        let stuck = server.ok("ssh_apt_install", on(json!({"packages": ["sample"], "lock_wait": 0})));
        assert_ne!(stuck["exit_code"], 0, "{stuck}");
        assert!(stuck["interrupted"]["fix"].as_str().unwrap().contains("rm /var/lib/pacman/db.lck"), "{stuck}");
        host.says(&["rm", "/var/lib/pacman/db.lck"]);
    }
    let missing = server.ok("ssh_apt_show", json!({"host": "box", "package": "no-such-package"}));
    assert!(missing["candidate_version"].is_null() && !missing["output_warnings"].as_array().unwrap().is_empty());
    assert_ne!(server.ok("ssh_apt_install", on(json!({"packages": ["no-such-package"]})))["exit_code"], 0, "{name}");
    if name == "zypper" {
        // Its helper does not read an RPM database in which no package is left.
        host.says(&["rpm", "--erase", "sample-data"]);
    }
}
