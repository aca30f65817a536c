//! One call of each tool that works on a host, as it is measured.
//!
//! In arguments and preparations `{host}` is the alias that is called, `{other}` a second one, `{root}` a folder of the
//! bench on that host, `{n}` a number that no other call has, `{image}` an image, `{session}` a shell session on the
//! host, `{256k}` a text of 256 KiB.

/// Which part of a host a call needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// A login and a folder.
    Shell,
    /// `sudo` that asks for no password.
    Sudo,
    /// The docker client and an engine.
    Docker,
    /// systemd as PID 1.
    Systemd,
    /// apt.
    Apt,
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    pub part: Part,
    pub tool: &'static str,
    /// What is special about this row, or nothing.
    pub variant: &'static str,
    /// Arguments as JSON.
    pub args: &'static str,
    /// What is done on the host before each call, unmeasured.
    pub before: &'static str,
    /// Most network round trips; none where the tool is exempt.
    pub budget: Option<f64>,
    /// Measured is the second of two calls alike: what the server keeps of the first one is part of a warm call.
    pub again: bool,
}

/// A tool that works on one host and moves up to 256 KiB.
const ONE: Option<f64> = Some(1.3);
/// The same where a link is on the path.
const LINK: Option<f64> = Some(2.3);

const fn case(part: Part, tool: &'static str, variant: &'static str, args: &'static str, before: &'static str) -> Case {
    Case { part, tool, variant, args, before, budget: ONE, again: false }
}

const fn again(case: Case) -> Case {
    Case { again: true, ..case }
}

const fn within(budget: Option<f64>, case: Case) -> Case {
    Case { budget, ..case }
}

/// What the folder holds on every host.
pub const SETUP: &str = "mkdir -p {root}/dir/sub && cd {root} && printf 'A=1\\nB=2\\nPASSWORD=horse\\n' >small.env && \
    head -c 262144 /dev/zero | tr '\\0' x >big && ln -sfn small.env link.env && for i in 1 2 3 4 5 6 7 8; do : >dir/$i; done";

/// What the docker rows need besides.
pub const DOCKER_SETUP: &str = "cd {root} && printf 'services:\\n  web:\\n    image: {image}\\n    command: [sleep, \"100000\"]\\n' \
    >compose.yml && docker rm -f bench >/dev/null 2>&1; docker run -d --init --name bench {image} sleep 100000 && \
    docker compose -f compose.yml up -d";

/// And what is left of them.
pub const DOCKER_END: &str = "docker compose -f {root}/compose.yml down -t 0; docker rm -f bench";

pub const CASES: &[Case] = {
    use Part::{Apt, Docker, Shell, Sudo, Systemd};
    const HOST: &str = r#"{"host":"{host}"}"#;
    const SMALL: &str = r#"{"host":"{host}","path":"{root}/small.env"}"#;
    const LINKED: &str = r#"{"host":"{host}","path":"{root}/link.env"}"#;
    const NGINX: &str = r#"{"host":"{host}","unit":"nginx"}"#;
    const NGINX_ROOT: &str = r#"{"host":"{host}","unit":"nginx","sudo":true}"#;
    const BOX: &str = r#"{"host":"{host}","container":"bench"}"#;
    const COMPOSED: &str = r#"{"host":"{host}","compose_file":"{root}/compose.yml"}"#;
    const CHANGED: &str = r#"{"host":"{host}","compose_file":"{root}/changed.yml"}"#;
    const CHANGE: &str = "sed 's/^    image:/    labels: [n{n}]\\n&/' {root}/compose.yml >{root}/changed.yml";
    const EDITED: &str = r#"{"host":"{host}","path":"{root}/e{n}","old_string":"B=2","new_string":"B=3"}"#;
    const TO_EDIT: &str = "cp {root}/small.env {root}/e{n}";
    &[
        within(Some(1.2), case(Shell, "ssh_exec_run", "true", r#"{"host":"{host}","command":"true"}"#, "")),
        case(Shell, "ssh_exec_run", "256 KiB out", r#"{"host":"{host}","command":"cat {root}/big"}"#, ""),
        case(Shell, "ssh_exec_run_streaming", "", r#"{"host":"{host}","command":"echo a; echo b"}"#, ""),
        case(Shell, "ssh_exec_script", "", r#"{"host":"{host}","script":"echo a\necho b\n"}"#, ""),
        within(Some(1.2), case(Shell, "ssh_shell_exec", "", r#"{"session_id":"{session}","command":"echo a"}"#, "")),
        case(Shell, "ssh_host_ping", "", HOST, ""),
        case(Shell, "ssh_host_info", "", HOST, ""),
        case(Shell, "ssh_host_disk_usage", "", HOST, ""),
        case(Shell, "ssh_host_processes", "", HOST, ""),
        case(Shell, "ssh_host_network", "", HOST, ""),
        case(Shell, "ssh_host_alerts", "", HOST, ""),
        case(Shell, "ssh_user_info", "", HOST, ""),
        case(Shell, "ssh_sftp_stat", "", SMALL, ""),
        within(LINK, case(Shell, "ssh_sftp_stat", "link", LINKED, "")),
        case(Shell, "ssh_sftp_list", "", r#"{"host":"{host}","path":"{root}/dir"}"#, ""),
        case(Shell, "ssh_sftp_download", "", r#"{"host":"{host}","path":"{root}/small.env"}"#, ""),
        case(Shell, "ssh_sftp_download", "256 KiB", r#"{"host":"{host}","path":"{root}/big","as_text":true}"#, ""),
        within(LINK, case(Shell, "ssh_sftp_download", "link", LINKED, "")),
        case(Shell, "ssh_read_redacted", "", SMALL, ""),
        case(Shell, "ssh_file_hash", "", SMALL, ""),
        case(Shell, "ssh_find", "", r#"{"host":"{host}","path":"{root}/dir"}"#, ""),
        case(Shell, "ssh_find", "contains", r#"{"host":"{host}","path":"{root}/dir","contains":"horse"}"#, ""),
        case(Shell, "ssh_mkdir", "", r#"{"host":"{host}","path":"{root}/m{n}"}"#, ""),
        case(Shell, "ssh_mkdir", "parents", r#"{"host":"{host}","path":"{root}/p{n}/a/b","parents":true}"#, ""),
        case(Shell, "ssh_delete", "", r#"{"host":"{host}","path":"{root}/d{n}"}"#, ": >{root}/d{n}"),
        case(
            Shell,
            "ssh_delete_folder",
            "recursive",
            r#"{"host":"{host}","path":"{root}/f{n}","recursive":true}"#,
            "mkdir -p {root}/f{n}/a",
        ),
        case(Shell, "ssh_mv", "", r#"{"host":"{host}","src":"{root}/v{n}","dst":"{root}/w{n}"}"#, ": >{root}/v{n}"),
        case(Shell, "ssh_cp", "", r#"{"host":"{host}","src":"{root}/small.env","dst":"{root}/c{n}"}"#, ""),
        case(Shell, "ssh_link", "", r#"{"host":"{host}","src":"{root}/small.env","dst":"{root}/l{n}"}"#, ""),
        case(Shell, "ssh_upload", "", r#"{"host":"{host}","path":"{root}/u{n}","content_text":"a\n"}"#, ""),
        case(Shell, "ssh_upload", "256 KiB", r#"{"host":"{host}","path":"{root}/U{n}","content_text":"{256k}"}"#, ""),
        case(
            Shell,
            "ssh_deploy",
            "",
            r#"{"host":"{host}","path":"{root}/y{n}","content_text":"a\n"}"#,
            ": >{root}/y{n}",
        ),
        case(Shell, "ssh_edit", "", EDITED, TO_EDIT),
        case(
            Shell,
            "ssh_edit",
            "256 KiB",
            r#"{"host":"{host}","path":"{root}/E{n}","old_string":"B=2","new_string":"B=3"}"#,
            "cat {root}/big {root}/small.env >{root}/E{n}",
        ),
        within(
            LINK,
            case(
                Shell,
                "ssh_edit",
                "link",
                r#"{"host":"{host}","path":"{root}/le{n}","old_string":"B=2","new_string":"B=3"}"#,
                "cp {root}/small.env {root}/e{n} && ln -s e{n} {root}/le{n}",
            ),
        ),
        case(
            Shell,
            "ssh_patch",
            "",
            r#"{"host":"{host}","path":"{root}/e{n}","unified_diff":"--- a\n+++ b\n@@ -1,3 +1,3 @@\n A=1\n-B=2\n+B=3\n PASSWORD=horse\n"}"#,
            TO_EDIT,
        ),
        within(
            Some(2.6),
            case(
                Shell,
                "ssh_transfer",
                "",
                r#"{"src_host":"{host}","src_path":"{root}/small.env","dst_host":"{other}","dst_path":"{root}/t{n}"}"#,
                "",
            ),
        ),
        case(Sudo, "ssh_sudo_exec", "", r#"{"host":"{host}","command":"true"}"#, ""),
        case(Sudo, "ssh_sudo_run_script", "", r#"{"host":"{host}","script":"echo a\n"}"#, ""),
        case(Sudo, "ssh_sudo_read", "", SMALL, ""),
        case(Sudo, "ssh_sudo_read_redacted", "", SMALL, ""),
        case(Sudo, "ssh_sudo_sftp_list", "", r#"{"host":"{host}","path":"{root}/dir"}"#, ""),
        case(Sudo, "ssh_sudo_write", "", r#"{"host":"{host}","path":"{root}/s{n}","content_text":"a\n"}"#, ""),
        case(Sudo, "ssh_sudo_edit", "", EDITED, TO_EDIT),
        case(Docker, "ssh_docker_ps", "", HOST, ""),
        case(Docker, "ssh_docker_images", "", HOST, ""),
        case(Docker, "ssh_docker_inspect", "", r#"{"host":"{host}","target":"bench"}"#, ""),
        case(Docker, "ssh_docker_logs", "", BOX, ""),
        within(None, case(Docker, "ssh_docker_stats", "", HOST, "")),
        case(Docker, "ssh_docker_top", "", BOX, ""),
        case(Docker, "ssh_docker_events", "", r#"{"host":"{host}","since":"1m"}"#, ""),
        case(Docker, "ssh_docker_volumes", "", HOST, ""),
        within(None, case(Docker, "ssh_docker_system_df", "", HOST, "")),
        case(Docker, "ssh_docker_exec", "", r#"{"host":"{host}","container":"bench","command":"true"}"#, ""),
        case(
            Docker,
            "ssh_docker_cp",
            "",
            r#"{"host":"{host}","container":"bench","container_path":"/tmp","host_path":"{root}/small.env","direction":"to_container"}"#,
            "",
        ),
        case(Docker, "ssh_docker_start", "", BOX, ""),
        case(Docker, "ssh_docker_compose_ps", "", COMPOSED, ""),
        case(Docker, "ssh_docker_compose_logs", "", COMPOSED, ""),
        again(case(Docker, "ssh_docker_compose_start", "", COMPOSED, "")),
        // Judged anew each time: the rendering comes here first, as a link's name does.
        within(LINK, case(Docker, "ssh_docker_compose_start", "file changed", CHANGED, CHANGE)),
        case(Systemd, "ssh_systemctl_is_active", "", NGINX, ""),
        case(Systemd, "ssh_systemctl_is_enabled", "", NGINX, ""),
        case(Systemd, "ssh_systemctl_is_failed", "", NGINX, ""),
        case(Systemd, "ssh_systemctl_status", "", NGINX, ""),
        case(Systemd, "ssh_systemctl_show", "", NGINX, ""),
        case(Systemd, "ssh_systemctl_cat", "", NGINX, ""),
        case(Systemd, "ssh_systemctl_list_units", "", HOST, ""),
        case(Systemd, "ssh_journalctl", "", NGINX, ""),
        case(Systemd, "ssh_systemctl_start", "sudo", NGINX_ROOT, ""),
        case(Systemd, "ssh_systemctl_reload", "sudo", NGINX_ROOT, ""),
        case(Apt, "ssh_apt_list", "", r#"{"host":"{host}","mode":"installed","pattern":"openssh*"}"#, ""),
        case(Apt, "ssh_apt_search", "", r#"{"host":"{host}","pattern":"openssh"}"#, ""),
        case(Apt, "ssh_apt_show", "", r#"{"host":"{host}","package":"openssh-server"}"#, ""),
        case(Apt, "ssh_apt_show_holds", "", HOST, ""),
    ]
};
