//! Opening masters against a real sshd.

use crate::sshd::Sshd;

#[test]
fn fixture_lets_its_key_in() {
    let host = Sshd::start();
    let done = std::process::Command::new("ssh")
        .arg("-F")
        .arg(host.ssh_config("box"))
        .args(["-o", "BatchMode=yes", "box", "echo", "up"])
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&done.stdout), "up\n", "{}", String::from_utf8_lossy(&done.stderr));
}
