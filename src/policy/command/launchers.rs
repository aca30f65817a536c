//! Programs that run other programs, or any code that an argument names (the class that GTFOBins collects).
//!
//! Listing one by its bare name would allow everything, so a bare name grants nothing for them. The list is no
//! boundary of its own: it guards operators from grants that are wider than they look. What is not in it is decided
//! by the allowlist like everything else.

/// Raise privileges. Denied wherever the sudo tier is closed, whatever the allowlist says.
pub const PRIVILEGE: &[&str] =
    &["doas", "dzdo", "pfexec", "pkexec", "run0", "su", "su-rs", "sudo", "sudo-rs", "sudoedit"];

/// Sorted, lower case, without version numbers. See [`is_launcher`] for how names are compared.
///
/// Shells, interpreters, compilers and build tools; editors and pagers with a shell escape; wrappers that start
/// their arguments; remote shells; package and container tools; and tools with an option that names a program.
#[rustfmt::skip]
const LAUNCHERS: &[&str] = &[
    "ansible", "ansible-playbook", "ansible-pull", "ansible-test", "ant", "apache2ctl", "apk", "apt", "apt-get",
    "aptitude", "aria2c", "ash", "at", "autossh", "awk", "b2", "bash", "batch", "bazel", "bconsole", "bee", "borg",
    "bpftrace", "bsdtar", "bsh", "buck", "buildah", "builtin", "bun", "bundle", "bundler", "bunx", "busctl",
    "busybox", "bwrap", "byebug", "bzr", "c++", "c89", "c99", "cabal", "capsh", "cargo", "catchsegv", "cc",
    "cgexec", "chpst", "chroot", "chrt", "chsh", "clang", "clang++", "clisp", "clj", "clojure", "clush", "cmake",
    "cobc", "command", "composer", "coproc", "cowsay", "cowthink", "cpack", "cpan", "cpio", "cpulimit", "crash",
    "crictl", "crontab", "crystal", "csh", "ctest", "ctr", "cvs", "darcs", "dash", "dbclient", "dbus-launch",
    "dbus-run-session", "dbus-send", "dc", "debugfs", "deno", "dhclient", "direnv", "distcc", "dmsetup", "dnf",
    "docker", "docker-compose", "dotnet", "dpkg", "dropbear", "dstat", "dtrace", "dumb-init", "dvips",
    "easy_install", "ecl", "ed", "elinks", "elixir", "elvish", "emacs", "emacsclient", "enscript", "entr", "env",
    "envdir", "eqn", "erl", "es", "eval", "ex", "exec", "execlineb", "exiftool", "exim", "expect", "fab", "facter",
    "fakechroot", "fakeroot", "faketime", "fetchmail", "find", "firejail", "fish", "flatpak", "flock", "forever",
    "ftp", "fzf", "g++", "gawk", "gcc", "gdb", "gdbserver", "gem", "genie", "getmail", "gforth", "gh", "ghc",
    "ghci", "gimp", "ginsh", "git", "git-shell", "gnuplot", "go", "gosu", "gpg-agent", "gprolog", "gradle", "grc",
    "groovy", "gs", "gtester", "guile", "hg", "hping", "hy", "iex", "iftop", "incrontab", "incus", "initctl",
    "invoke-rc.d", "ionice", "ip", "ip6tables", "iptables", "iptables-save", "ipython", "irb", "irssi", "ispell",
    "janet", "java", "jjs", "joe", "jruby", "jrunscript", "jshell", "julia", "just", "jython", "kak", "kitchen",
    "knife", "kotlin", "ksh", "ksshell", "kubectl", "latex", "latexmk", "lazygit", "ld-linux", "ld.so", "ldd",
    "lein", "less", "lf", "lftp", "lighttpd", "lldb", "logrotate", "logsave", "ltrace", "lua", "luajit", "lualatex",
    "luatex", "lxc", "lxc-attach", "lxc-execute", "lxd", "lynx", "m4", "machinectl", "mail", "maildrop", "mailx",
    "make", "man", "mariadb", "mawk", "mc", "meson", "mg", "micro", "minicom", "minikube", "mix", "mksh",
    "modprobe", "monit", "more", "mosh", "most", "mount", "mpiexec", "mpirun", "msfconsole", "msgfilter",
    "multitime", "mutt", "mvn", "mysql", "mysqldump", "nano", "nawk", "nc", "ncat", "ncdu", "ncftp", "nerdctl",
    "netcat", "newgrp", "nginx", "nice", "nim", "ninja", "nix", "nix-shell", "nmap", "nnn", "node", "node-gyp",
    "nodejs", "nodemon", "nohup", "nox", "npm", "npx", "nroff", "nsenter", "nsjail", "numactl", "nvim", "ocaml",
    "octave", "openssl", "openvpn", "openvt", "opkg", "osascript", "pacman", "parallel", "parallel-ssh", "pdb",
    "pdflatex", "pdftex", "pdksh", "perf", "perl", "perlbug", "pexec", "pg", "php", "php-cgi", "php-fpm", "phpdbg",
    "pic", "pico", "pip", "pipx", "pkcon", "pkg", "plink", "pm2", "pnpm", "podman", "podman-compose", "poetry",
    "posh", "postfix", "powershell", "pppd", "prlimit", "procmail", "proot", "pry", "psftp", "psql", "pssh",
    "puppet", "pwsh", "pyenv", "pypy", "pytest", "python", "qemu", "qsub", "r", "racket", "rake", "raku", "rakudo",
    "ranger", "rbash", "rbenv", "rc", "rebar3", "redis-server", "restic", "rlwrap", "rpm", "rpmdb", "rpmquery",
    "rpmverify", "rr", "rscript", "rsh", "rsync", "rtorrent", "ruby", "run-mailcap", "run-one", "run-parts", "runc",
    "runcon", "runit", "runsvdir", "runuser", "rustc", "rview", "rvim", "s6-envdir", "s6-setuidgid", "salt",
    "salt-call", "sash", "sbatch", "sbcl", "scala", "scanmem", "scons", "scp", "screen", "script", "sed",
    "sendmail", "service", "setarch", "setpriv", "setsid", "setuidgid", "sftp", "sg", "sh", "skopeo", "slsh",
    "smbclient", "snap", "snapcraft", "socat", "socket", "softlimit", "sort", "source", "split", "sqlite",
    "sqlite3", "sqlmap", "srun", "ssh", "ssh-add", "ssh-agent", "ssh-copy-id", "ssh-import-id", "ssh-keygen",
    "sshpass", "start-stop-daemon", "stdbuf", "strace", "su-exec", "supervisorctl", "sv", "svn", "swift", "swipl",
    "systemctl", "systemd-cat", "systemd-inhibit", "systemd-nspawn", "systemd-run", "systemd-socket-activate",
    "tar", "task", "taskset", "tasksh", "tcc", "tclsh", "tcpdump", "tcsh", "tdbtool", "telnet", "terraform", "tex",
    "tig", "time", "timeout", "tini", "tmate", "tmux", "torify", "torsocks", "tox", "toybox", "trap", "troff",
    "ts-node", "tshark", "tsx", "unbuffer", "unshare", "uv", "uvx", "vagrant", "valgrind", "vi", "view", "vifm",
    "vigr", "vim", "vimdiff", "vimtutor", "vipw", "virsh", "visudo", "w3m", "watch", "watchexec", "weechat", "wget",
    "wine", "wish", "xargs", "xdotool", "xelatex", "xetex", "xonsh", "xterm", "xvfb-run", "yarn", "yash", "yum",
    "zig", "zip", "zsh", "zsoelim", "zypper",
];

/// Suffixes that packages put behind a name for its variant (`vim.tiny`, `nc.openbsd`, `busybox.static`).
const VARIANTS: &[&str] =
    &[".basic", ".nox", ".tiny", ".gtk", ".openbsd", ".traditional", ".static", "-static", ".real", ".distrib"];

/// True for a program of the list, by the last component of its path, with its version and variant taken off:
/// `/usr/bin/python3.12`, `gcc-14`, `vim.tiny`, `GAWK`.
pub fn is_launcher(program: &str) -> bool {
    is_in(program, LAUNCHERS) || is_privilege(program)
}

/// True for a program that raises privileges.
pub fn is_privilege(program: &str) -> bool {
    is_in(program, PRIVILEGE)
}

fn is_in(program: &str, list: &[&str]) -> bool {
    let name = program.rsplit('/').next().unwrap_or(program).to_ascii_lowercase();
    // The dynamic loader carries its machine in its name and runs whatever it is given.
    let name = if name.starts_with("ld-linux") || name.starts_with("ld-musl") { "ld-linux".to_owned() } else { name };
    let holds = |name: &str| list.contains(&name);
    let mut name = name.as_str();
    loop {
        if holds(name) {
            return true;
        }
        let mut shorter = name.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '_' | '+'));
        for variant in VARIANTS {
            shorter = shorter.strip_suffix(variant).unwrap_or(shorter);
        }
        if shorter.len() == name.len() || shorter.is_empty() {
            return false;
        }
        name = shorter;
    }
}

#[cfg(test)]
pub(super) fn check_list() {
    for list in [LAUNCHERS, PRIVILEGE] {
        assert!(list.windows(2).all(|pair| pair[0] < pair[1]), "sorted, each once");
        assert!(list.iter().all(|name| *name == name.to_ascii_lowercase()));
    }
}
