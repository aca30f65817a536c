use super::*;
use proptest::prelude::*;

fn wanted(packages: Vec<PackageSpec>) -> Wanted {
    Wanted {
        host: "h".to_owned(),
        verb: "remove",
        packages,
        update_first: false,
        simulate: true,
        lock_wait: 30,
        timeout: None,
        wait: None,
        job_label: None,
        sudo: false,
    }
}

#[test]
fn the_holder_of_the_lock_is_named() {
    let waited = "Waiting for cache lock: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 242 (apt-get)...\n";
    let failed =
        "E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), is another process using it?\n";
    assert_eq!(lock_holder(100, waited, failed).as_deref(), Some("process 242 (apt-get)"));
    let lists = "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 71 (apt-get)\nN: Be aware that removing the lock file is not a solution and may break your system.\nE: Unable to lock directory /var/lib/apt/lists/\n";
    assert_eq!(lock_holder(100, "", lists).as_deref(), Some("process 71 (apt-get)"));
    let mark = "dpkg: error: dpkg frontend lock was locked by another process with pid 242\nNote: removing the lock file is always wrong\nE: Executing dpkg failed. Are you root?\n";
    assert_eq!(lock_holder(100, "", mark).as_deref(), Some("process 242"));
    let old = "E: Could not get lock /var/lib/dpkg/lock - open (11: Resource temporarily unavailable)\n";
    assert_eq!(lock_holder(100, "", old).as_deref(), Some("another process"));
    let rights = "E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), are you root?\n";
    assert_eq!(lock_holder(100, "", rights), None);
    assert_eq!(lock_holder(0, waited, ""), None);
}

#[test]
fn a_refusal_for_rights_names_sudo() {
    for said in [
        "E: Could not open lock file /var/lib/dpkg/lock-frontend - open (13: Permission denied)\nE: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), are you root?\n",
        "dpkg: error: required read/write access to the dpkg database directory /var/lib/dpkg\nE: Executing dpkg failed. Are you root?\n",
        "Error: This command has to be run with superuser privileges (under the root user on most systems).\n",
        "error: you cannot perform this operation unless you are root.\n",
        "ERROR: Unable to lock database: Permission denied\n",
        "Root privileges are required to run this command.\n",
    ] {
        assert!(hint(100, "", said, false).is_some_and(|hint| hint.contains("sudo: true")), "{said}");
        assert_eq!(hint(100, "", said, true), None, "{said}");
    }
    assert_eq!(hint(0, "", "", false), None);
}

#[test]
fn the_wait_for_the_lock_ends_before_the_call() {
    let words = wanted(vec![PackageSpec::parse("nginx=1.0").unwrap()]).words();
    assert_eq!(words, ["remove", "simulate", "-", "version", "nginx=1.0"]);
    let waits = [5, 20, 600].map(|limit| wanted(Vec::new()).lock_time(limit));
    assert_eq!(waits, [0, 10, 30]);
}

#[test]
fn packages_are_one_to_a_hundred() {
    assert!(wanted(Vec::new()).check(true).is_err());
    assert!(wanted(Vec::new()).check(false).is_ok());
    assert!(wanted(vec![PackageSpec::parse("a").unwrap(); 101]).check(true).is_err());
}

#[test]
fn a_simulation_is_told_as_what_would_change() {
    let answer = serde_json::json!({ "exit_code": 0, "changes": [
        { "step": "upgrade", "name": "sample", "from": "1.0", "to": "2.0" },
        { "step": "remove", "name": "old", "from": "3" },
    ]});
    let told =
        "exit_code: 0\nchanges (2 rows): step | name | from | to\nupgrade | sample | 1.0 | 2.0\nremove | old | 3 | -";
    assert_eq!(crate::toolkit::dispatch::answer::render(&answer), told);
    let nothing = serde_json::json!({ "exit_code": 0, "changes": [] });
    assert_eq!(crate::toolkit::dispatch::answer::render(&nothing), "exit_code: 0\nchanges (0): none");
}

proptest! {
    #[test]
    fn a_package_is_refused_or_sits_in_one_operand_slot(text in prop_oneof![any::<String>(), "[-a-z0-9.+:=~/*]{1,12}"]) {
        let json = serde_json::json!({ "host": "h", "packages": [text] });
        if let Ok(args) = serde_json::from_value::<RemoveArgs>(json) {
            let words = wanted(args.packages).words();
            prop_assert_eq!(words.len(), 5);
            prop_assert_eq!(&words[4], &text);
            prop_assert!(!text.starts_with('-') && !text.ends_with('-') && !text.contains(['/', '*', '\n', '\0', ' ']));
        }
    }
}
