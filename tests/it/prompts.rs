//! The runbooks as prompts, as a client of the real binary sees them.

use serde_json::{Value, json};

use crate::server::{Server, Setup};
use crate::sshd::Sshd;

fn completed(server: &mut Server, prompt: &str, argument: &str, value: &str, host: Option<&str>) -> Vec<String> {
    let mut params = json!({
        "ref": {"type": "ref/prompt", "name": prompt}, "argument": {"name": argument, "value": value},
    });
    if let Some(host) = host {
        params["context"] = json!({"arguments": {"host": host}});
    }
    let answer = server.request("completion/complete", params);
    let values = answer["result"]["completion"]["values"].as_array().unwrap_or_else(|| panic!("{answer}"));
    values.iter().map(|value| value.as_str().unwrap().to_owned()).collect()
}

#[test]
fn runbooks_are_prompts_with_completed_arguments() {
    let sshd = Sshd::start();
    let setup = Setup::new();
    let root = setup.root().display().to_string();
    std::fs::write(setup.root().join("app.conf"), "x\n").unwrap();
    let unreached = "[hosts.web-2]\nhostname = \"192.0.2.1\"\ncommand_allowlist = [\"systemctl restart nginx.service\", \"df\"]\n\
                     path_allowlist = [\"/srv/www\"]\nalerts = { disk_use_percent_max = 90, disk_mounts = [\"/\", \"/var\"] }\n";
    let mut server = setup.host(&sshd, "web-1", &format!("path_allowlist = [\"{root}\"]\n")).raw("", unreached).start();

    let prompts = server.request("prompts/list", json!({}))["result"]["prompts"].clone();
    assert_eq!(prompts.as_array().unwrap().len(), 12, "{prompts}");
    for prompt in prompts.as_array().unwrap() {
        assert!(!prompt["description"].as_str().unwrap().is_empty());
        let host = &prompt["arguments"][0];
        assert_eq!((&host["name"], &host["required"]), (&json!("host"), &json!(true)), "{prompt}");
        for argument in prompt["arguments"].as_array().unwrap() {
            assert!(argument["description"].is_string(), "an argument without a meaning: {prompt}");
        }
    }
    let get = |arguments: Value| json!({"name": "ssh-systemd-diagnostics", "arguments": arguments});
    let prompt = server.request("prompts/get", get(json!({"host": "web-2", "unit": "nginx.service"})));
    let text = prompt["result"]["messages"][0]["content"]["text"].as_str().unwrap().to_owned();
    assert!(text.contains("- host: web-2\n- unit: nginx.service\n"), "{text}");
    assert!(text.contains("## 3. How it ended") && !text.contains("metadata:"), "{text}");
    for bad in [json!({}), json!({"host": ""}), json!({"host": "web-2", "box": "1"}), json!({"host": "a\nb"})] {
        assert_eq!(server.request("prompts/get", get(bad.clone()))["error"]["code"], -32602, "{bad}");
    }

    // From the configuration alone. Nothing is connected to.
    assert_eq!(completed(&mut server, "ssh-os-upgrade", "host", "web", None), ["web-1", "web-2"]);
    assert_eq!(completed(&mut server, "ssh-os-upgrade", "host", "web-2", None), ["web-2"]);
    assert_eq!(completed(&mut server, "ssh-disk-cleanup", "mount", "", Some("web-2")), ["/", "/var"]);
    assert_eq!(completed(&mut server, "ssh-disk-cleanup", "mount", "/v", None), ["/var"]);
    assert_eq!(completed(&mut server, "ssh-disk-cleanup", "mount", "", Some("web-1")), [""; 0]);
    assert_eq!(completed(&mut server, "ssh-systemd-diagnostics", "unit", "ng", Some("web-2")), ["nginx.service"]);
    assert_eq!(completed(&mut server, "ssh-deploy-verify", "path", "/srv", None), ["/srv/www"]);
    assert_eq!(completed(&mut server, "ssh-docker-incident-response", "container", "", None), [""; 0]);
    assert_eq!(
        server.ok("ssh_session_list", json!({}))["sessions"],
        json!([]),
        "completing a word connects to nothing"
    );

    // And from what was worked with, for the host it was on, latest first; not what the host did not know.
    let file = format!("{root}/app.conf");
    server.ok("ssh_sftp_stat", json!({"host": "web-1", "path": file}));
    server.err("ssh_sftp_stat", json!({"host": "web-1", "path": format!("{root}/absent")}));
    assert_eq!(completed(&mut server, "ssh-deploy-verify", "path", &root, Some("web-1")), [file, root]);
    assert_eq!(completed(&mut server, "ssh-deploy-verify", "path", "", Some("web-2")), ["/srv/www"]);
}

#[test]
fn runbooks_can_be_switched_off_or_replaced() {
    let mut off = Setup::new().env("SSH_ENABLE_RUNBOOKS", "false").start();
    assert_eq!(off.request("prompts/list", json!({}))["result"]["prompts"], json!([]));
    let setup = Setup::new();
    let own = setup.root().join("ours/restart-web");
    std::fs::create_dir_all(&own).unwrap();
    let text =
        "---\nname: restart-web\ndescription: Our own way.\nmetadata: {arguments: \"host unit?\"}\n---\n\n# Restart\n";
    std::fs::write(own.join("SKILL.md"), text).unwrap();
    let folder = own.parent().unwrap().display().to_string();
    let mut replaced = setup.env("SSH_RUNBOOKS_DIR", &folder).start();
    let prompts = replaced.request("prompts/list", json!({}))["result"]["prompts"].clone();
    assert_eq!(prompts.as_array().unwrap().len(), 1);
    assert_eq!((&prompts[0]["name"], &prompts[0]["arguments"][1]["required"]), (&json!("restart-web"), &json!(false)));
}
