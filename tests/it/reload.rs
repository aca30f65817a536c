//! hosts.toml read again while the server runs: by SIGHUP and by `ssh_host_reload`.

use std::path::Path;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::json;

use crate::server::{Server, Setup, eventually};

fn aliases(server: &mut Server) -> Vec<String> {
    let listed = server.ok("ssh_host_list", json!({}));
    listed["hosts"].as_array().unwrap().iter().map(|host| host["alias"].as_str().unwrap().to_owned()).collect()
}

fn write(file: &Path, text: &str) {
    std::fs::write(file, text).unwrap();
}

#[test]
fn a_new_file_is_taken_and_a_broken_one_is_not() {
    let mut server = Setup::new().raw("", "[hosts.one]\n").start();
    let file = server.dir.path().join("config/ssh-mcp/hosts.toml");
    assert_eq!(aliases(&mut server), ["one"]);

    write(&file, "[hosts.one]\nhostname = \"elsewhere.example\"\n[hosts.two]\n");
    server.signal(Signal::SIGHUP);
    assert!(eventually(Duration::from_secs(30), || server.stderr().contains("hosts file read again")));
    assert_eq!(aliases(&mut server), ["one", "two"]);

    write(&file, "[hosts.one]\n[hosts.three]\ncolour = \"red\"\n");
    server.signal(Signal::SIGHUP);
    assert!(eventually(Duration::from_secs(30), || server.stderr().contains("colour")), "{}", server.stderr());
    assert_eq!(aliases(&mut server), ["one", "two"], "the file in force stays");
    let told = server.err("ssh_host_reload", json!({}));
    assert!(told.contains("hosts.toml:3: hosts.three.colour: is not a known key"), "{told}");

    write(&file, "[hosts.two]\n[hosts.three]\n");
    let done = server.ok("ssh_host_reload", json!({}));
    assert_eq!((&done["loaded"], &done["added"], &done["removed"]), (&json!(2), &json!(["three"]), &json!(["one"])));
    assert_eq!(aliases(&mut server), ["three", "two"]);
}
