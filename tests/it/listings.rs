//! Very long lists: a part is answered, what is left is counted, and neither time nor memory run away.

use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::containers::new_systemd_host;
use crate::server::{Server, Setup};
use crate::sshd::Sshd;

/// Units, objects and entries of a folder.
const MANY: u64 = if cfg!(feature = "deep") { 300_000 } else { 60_000 };

/// Most memory of the server, in kB.
const MEMORY_MAX: u64 = 120 << 10;

/// Calls a tool, and prints what it took.
fn timed(server: &mut Server, tool: &str, args: Value) -> (Value, Duration) {
    let began = Instant::now();
    let answer = server.ok(tool, args);
    let took = began.elapsed();
    println!("{tool}: {took:?}, memory at most {} MB", server.most_memory() >> 10);
    assert!(server.most_memory() < MEMORY_MAX && took < Duration::from_secs(20), "{tool}: {took:?}");
    (answer, took)
}

fn warned(answer: &Value, of: &str) -> bool {
    answer["output_warnings"].as_array().unwrap().iter().any(|said| said.as_str().unwrap().contains(of))
}

#[test]
fn of_very_many_units_a_part_is_listed_and_the_rest_counted() {
    let Some(host) = new_systemd_host(&[]) else { return };
    let write = "printf %s \"$1\" >/usr/local/bin/systemctl && chmod 755 /usr/local/bin/systemctl";
    let stand_in = format!(
        "#!/bin/sh\nawk 'BEGIN {{ print \"UNIT LOAD ACTIVE SUB DESCRIPTION\"; for (i = 0; i < {MANY}; i++) printf \
         \"unit-%06d.service loaded active running Unit %d\\n\", i, i; print \"\\nLOAD = as it is\\n{MANY} loaded units listed.\" }}'\nexit 3\n"
    );
    host.says(&["sh", "-c", write, "sh", &stand_in]);
    let hosts = "[hosts.box]\nhostname = \"box\"\n";
    let mut server = Setup::new().raw(&host.ssh_config_block("box", "agent", &[]), hosts).start();
    let (listed, _) = timed(&mut server, "ssh_systemctl_list_units", json!({"host": "box"}));
    let shown = listed["units"].as_array().unwrap().len() as u64;
    assert_eq!(listed["units"][0]["unit"], "unit-000000.service");
    // What the answer's own budget takes away is told elsewhere.
    assert!(shown > 100 && warned(&listed, &format!("of {MANY} units")), "{shown}: {}", listed["output_warnings"]);
    assert_eq!(listed["exit_code"], 3);
}

#[test]
fn of_very_many_containers_a_part_is_listed_and_the_rest_counted() {
    let sshd = Sshd::start();
    let setup = Setup::new();
    let docker = setup.path("docker");
    let row = "{\\\"ID\\\":\\\"%064d\\\",\\\"Names\\\":\\\"app-%d\\\",\\\"Image\\\":\\\"app\\\",\\\"Labels\\\":\\\"a=b,c=d\\\",\\\"State\\\":\\\"running\\\"}";
    let stand_in =
        format!("#!/bin/sh\nawk 'BEGIN {{ for (i = 0; i < {MANY}; i++) printf \"{row}\\n\", i, i }}'\nexit 0\n");
    std::fs::write(&docker, stand_in).unwrap();
    std::fs::set_permissions(&docker, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut server = setup.host(&sshd, "box", &format!("docker_cmd = \"{}\"", docker.display())).start();
    for (tool, field) in
        [("ssh_docker_ps", "containers"), ("ssh_docker_images", "images"), ("ssh_docker_volumes", "volumes")]
    {
        let (listed, _) = timed(&mut server, tool, json!({"host": "box"}));
        let shown = listed[field].as_array().unwrap().len() as u64;
        assert_eq!(listed[field][0]["Names"], "app-0");
        // The budget of an answer may take the field away, and not what is said.
        let said = listed["output_warnings"].to_string();
        let words: Vec<&str> = said.split_whitespace().collect();
        let at = words.iter().position(|word| *word == "further").unwrap_or_else(|| panic!("{tool}: {said}"));
        let left: u64 = words[at - 1].parse().unwrap();
        assert!(shown > 100 && left > MANY / 2 && left < MANY, "{tool}: {shown} {left}");
        assert_eq!(listed["exit_code"], 0, "{tool}");
    }
}

#[test]
fn a_very_large_folder_is_paged_in_a_time_that_does_not_grow() {
    let sshd = Sshd::start();
    let setup = Setup::new();
    let (root, keys) = (setup.root(), format!("path_allowlist = [\"{}\"]", setup.root().display()));
    for at in 0..MANY - 1 {
        std::fs::File::create(root.join(format!("n{at:06}"))).unwrap();
    }
    std::fs::File::create(root.join(".first")).unwrap();
    let mut server = setup.host(&sshd, "box", &keys).start();
    let mut page = |offset: u64| {
        let args = json!({"host": "box", "path": root, "offset": offset, "limit": 2});
        timed(&mut server, "ssh_sftp_list", args)
    };
    let (_, cold) = page(0);
    let (first, early) = page(0);
    assert_eq!((&first["entries"][0]["name"], &first["total"]), (&json!(".first"), &json!(MANY)), "{first}");
    assert_eq!((&first["entries"][1]["name"], &first["has_more"]), (&json!("n000000"), &json!(true)), "{first}");
    let (late, then) = page(MANY - 1);
    assert_eq!(late["entries"][0]["name"], format!("n{:06}", MANY - 2), "{late}");
    assert_eq!((late["entries"].as_array().unwrap().len(), &late["has_more"]), (1, &json!(false)), "{late}");
    let (behind, _) = page(MANY + 5);
    assert_eq!((behind["entries"].as_array().unwrap().len(), &behind["has_more"]), (0, &json!(false)), "{behind}");
    println!("first {cold:?}, early {early:?}, late {then:?}");
    assert!(then < early * 3 + Duration::from_millis(500), "{early:?}, {then:?}");
    let found = server.ok("ssh_find", json!({"host": "box", "path": root, "name_pattern": "n05001*"}));
    assert_eq!(found["matches"].as_array().unwrap().len(), 10, "{found}");
    let all = server.ok("ssh_find", json!({"host": "box", "path": root}));
    assert!(all["truncated"] == true && warned(&all, "name_pattern"), "{}", all["output_warnings"]);
}
