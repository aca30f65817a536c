//! Where this server departs from the older interface whose names, types and defaults it keeps.

/// One departure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Difference {
    /// What the older interface did.
    pub before: &'static str,
    /// What happens here.
    pub here: &'static str,
}

macro_rules! differences {
    ($($area:literal { $($before:literal => $here:literal;)* })*) => {
        /// All of them, by area.
        pub(crate) const DIFFERENCES: &[(&str, &[Difference])] =
            &[$(($area, &[$(Difference { before: $before, here: $here },)*]),)*];
    };
}

differences! {
    "Hosts" {
        "`ssh_host_info` had no `capabilities`." =>
            "It shows what was learnt of the host: programs and their spelling, the ways to root, package managers, engines, and the folders in which programs are looked for.";
        "sudo was the only way to root." =>
            "sudo, sudo-rs, and doas where it asks for nothing. run0 is refused by name, since it asks a person.";
    }
    "Where configuration is read" {
        "`hosts.toml` and `.env` of the working directory were read." =>
            "Both, and `hooks.toml`, come from `$XDG_CONFIG_HOME/ssh-mcp/` or from the path that SSH_HOSTS_FILE, SSH_ENV_FILE or SSH_HOOKS_FILE names. A file in the working directory is not read; one warning says that it is there and how to name it. Clients start servers inside whatever project is open, and such a file could name commands to run.";
        "Anybody's files were taken." =>
            "Configuration files, the folders above them and the links on the way must belong to you or root and be writable by nobody else (a group of your own without other members is nobody else; above a folder that only you can enter nothing is asked); otherwise the server does not start.";
        "A hosts file that was named and missing meant no hosts." =>
            "A hosts, hooks or settings file that is named and missing is refused. A missing default file is an INFO line with the place where it was looked for.";
        "Blank SSH_HOSTS_FILE, SSH_SKILLS_DIR, SSH_RUNBOOKS_DIR, SSH_HOST_NOTES_DIR or SSH_DEFAULT_KEY meant the working directory." =>
            "Blank means unset. For SSH_HOST_NOTES_DIR, which has a default, blank switches agent notes off.";
        "Agent notes were kept in `notes` of the working directory." =>
            "They are kept in `$XDG_DATA_HOME/ssh-mcp/notes`, by default `~/.local/share/ssh-mcp/notes`.";
        "Tool guides and runbooks were read from `skills` and `runbooks` of the working directory." =>
            "They are built in. SSH_SKILLS_DIR and SSH_RUNBOOKS_DIR, where set, replace them.";
        "VERSION in the environment changed the reported version." => "The reported version is that of the program.";
    }
    "Checking at start" {
        "A refusal was a stack trace, and named the first fault only." =>
            "Every fault of the environment, the settings file and hosts.toml is reported at once, one line each, with file, line, key and what is accepted.";
        "Unknown groups were ignored with a warning; unknown top-level tables of hosts.toml silently." =>
            "Unknown groups, words, tables and keys are refused, with the nearest known one. Variables and lines of the settings file that look like misspelt settings are warned about.";
        "`identities_only` without a fingerprint, and method `key` without `key`, failed at connect." => "Both are refused when loaded.";
        "Hostnames and login names were taken as they came." =>
            "They are checked when loaded, in lists too: addresses or labels of letters, digits, `-` and `_`, and names such as `machine/web` that a ProxyCommand of ssh_config reaches; login names without quotes, brackets and the other characters that end a word of a shell. Nothing may begin with `-`.";
        "Cycles of three or more jump hosts passed and hung; a diamond was refused." =>
            "The whole graph is checked: a cycle of any length is refused and named, a diamond is fine.";
        "Warnings about wide lists looked at the host's own list only." =>
            "They look at the lists that hold in the end, those of the environment included.";
        "Entries of SSH_RESTRICTED_PATHS and of pattern lists were not checked." =>
            "An entry that could never match is refused, since it would protect nothing. Such an entry of SSH_PATH_ALLOWLIST is a warning.";
        "Numbers were taken in any size." => "Limits have ranges, and a time limit of 0 is refused.";
        "Nothing was said when one setting had two values: in different case, or twice in the settings file." => "Different values for one setting are refused.";
    }
    "Defaults and settings" {
        "SSH_REDACT_BYPASS_POLICY was `warn`." => "It is `block`. `warn` and `audit_only` must be chosen.";
        "An empty SSH_REDACT_SALT gave unkeyed digests." => "Without a salt, marks use a random key made at first use of this installation; an INFO line says so.";
        "The 12 digits of a mark were a digest of the value, and what looked like a mark was left alone." => "Eight digits are the keyed digest, four prove that this installation made the mark. It stays where it stands; a text that only looks like one is ordinary text, and nothing beside either is exempt.";
        "SSH_DEFAULT_USER was `root` and the port 22." => "Login name and port are only given to `ssh` when hosts.toml or a variable sets them; otherwise ssh_config decides.";
        "SSH_KNOWN_HOSTS was `~/.ssh/known_hosts`." => "Where it is not set, the files of ssh_config apply; where it is, that file alone.";
        "SSH_MAX_CONNECTIONS_PER_HOST had no effect." => "It is the number of connections that may be opened when a host's session limit is reached.";
        "SSH_HOOKS_MODULE named a module." => "It is refused. Hooks are commands declared in the file of SSH_HOOKS_FILE; one that is named and missing or broken is refused, since it may hold gates.";
        "MCP_TRANSPORT could be `http`, `streamable-http` or `sse`." => "Only `stdio` is offered; anything else is refused. MCP_HTTP_HOST and MCP_HTTP_PORT have no effect, and a warning says so.";
        "There were no SSH_AUDIT_FILE, SSH_HOOKS_FILE, SSH_ENV_FILE, SSH_ALLOW_SCRIPTS, SSH_COMMAND_PATH and no `allow_scripts` in hosts.toml." => "They are new; the tables above describe them.";
    }
    "Connections" {
        "Options were those of a library." => "The system's own `ssh` connects, with your ssh_config, agent, certificates and known_hosts. Options that protect you are forced over it, for jump hosts too.";
        "Idle time counted from the last start of a command, so a long one was cut off." => "A connection in use is never closed for idleness.";
        "All calls to a host shared one connection, and failed beyond its session limit." => "Calls wait for a free session, or a further connection is opened.";
        "Aliases with the same user, hostname and port shared a connection even with different logins or jump hosts." => "Only entries that log in alike, by the same way, share one.";
        "Each host of a jump list was opened on its own and only the last one was used." => "Hosts of a list are passed in order. The first is reached as its own entry says, each later one through the one before, as with ssh's own ProxyJump.";
        "An address or ssh_config alias of a blocked host was not recognised." => "The blocklist is compared with what ssh_config makes of the name, too, and with every jump host.";
        "`method = \"key\"` could still offer other keys of ssh_config." => "That key alone is offered; the same holds for a fingerprint.";
    }
    "Commands" {
        "Only the first word of a command was judged, although a shell ran the whole line." => "Without `*`, a command is words and quotes and nothing else: operators, newlines, redirections and expansions are refused, and exactly the judged words run as one process.";
        "An entry without a slash allowed a program of that name in any folder." => "It allows the program found in SSH_COMMAND_PATH. An entry with a slash must match exactly.";
        "An entry was one program." => "An entry may have more words, which must match word for word; a last `*` stands for anything after.";
        "An entry of one word granted that program with any arguments." => "It grants only programs whose arguments are known to be harmless (`uptime`, `df`, `ps`, `journalctl`, ...), and of these the arguments that neither start a program, nor change anything, nor name a file. Any other bare word loads with a warning and is refused when called; `find *` grants any arguments, `find /srv -name x` that command. `ssh-mcp check` prints the line to write.";
        "Scripts ran whatever the command list said." => "Under a restricted list they need `allow_scripts = true` or SSH_ALLOW_SCRIPTS=true. A host's value wins over the variable's.";
        "After a timeout the command kept running, and the clean-up could hit other processes." => "Timeout, cancellation and shutdown stop the command's own session, look, and say what was found.";
        "Background children held the answer back." => "The answer comes when the main process ends, and says when children of it live on.";
        "Standard input stayed open." => "A command that is given no input reads end-of-file.";
        "Output that is not UTF-8, and partial output at a timeout, were lost." => "Output is decoded with replacement characters, capped while it is read, and kept at a timeout.";
        "A command that a tool covers was refused unless SSH_EXEC_ALLOW_CHEATSHEET_PATTERNS was true." => "It runs, and where a tool covers it exactly on this host the answer names that call. SSH_EXEC_ALLOW_CHEATSHEET_PATTERNS=false refuses such commands. A command whose words name a redact-listed file that it would read or write is treated as `redact_bypass_policy` says.";
    }
    "Paths" {
        "`**` in patterns stood for one folder." => "It stands for any number of folders, including none.";
        "A restricted `/` closed only the root folder itself." => "It closes everything.";
        "Only the named path was judged, so work on a folder reached into closed zones below it." => "Recursive work is refused, and listings are pruned, where a closed zone lies below.";
        "Links were followed before acting, so tools never acted on a link itself." => "ssh_delete and ssh_mv act on the link. All other tools act on what it leads to, when that is allowed.";
        "Entries of path lists counted as text alone, so a link beside a closed zone led into it." => "Each is resolved on the host, up to its first wildcard, and holds under both names. An allowed root may be a link.";
        "`..` was folded as text, also behind a link." => "`..` behind a link is refused, since the host means another place by it.";
        "This program's own folders were files like any other." => "What it keeps on a host, and its configuration, data and sockets on this machine, are closed to its tools, also under `*`.";
        "A path was resolved in one process and used in another." => "It is verified on the host by the process that acts on it.";
        "Inline content was limited by SSH_UPLOAD_MAX_FILE_BYTES alone." => "Inline content above 11 MiB is refused with a pointer to `local_path`: a message of the protocol ends at 16 MiB.";
        "Redact-listed paths were not warned about in all tools." => "Every tool that delivers raw content from such a path warns and marks the audit line, when the policy lets it.";
    }
    "Files" {
        "A new file briefly had default permissions, and owner and group of a replaced one were lost." => "The temporary is made for its owner alone, and gets mode, owner and group before it takes the name.";
        "ssh_deploy moved the old file away before it wrote, and two backups of one second collided." => "The old file keeps its name until the new one takes it, and backup names are counted on.";
        "ssh_edit and ssh_patch wanted UTF-8, and ssh_patch took no empty files, no CRLF and no missing last newline." => "Both work on bytes. A patch without CR is applied to a file that has CRLF throughout with its line ends.";
        "ssh_edit and ssh_patch of a redact-listed file followed the bypass policy, and showed what they changed." => "They change it by what the redacting reader shows, under every policy: marks stand for secrets, the diff is redacted, and neither `sha256` nor `bytes_written` is told, nor `expected_sha256` taken. ssh_env_set is new.";
        "`cp -a` wrote into a file that was there." => "A copied file takes its name when it is whole, and a folder is copied only to a name that is free.";
        "ssh_transfer compared nothing and dropped the mode." => "The digests of both ends are compared before the new name exists; a new file gets the permission bits of its source, without set-id bits.";
        "Any permission bits were set, set-id bits included." => "Set-id bits need the sudo tier and `allow_setid`; new content does not inherit them from the old file.";
        "Root read whatever file had a name below an allowed root." => "A file with further names (hard links) is read as root only with `allow_hard_links`.";
        "ssh_sftp_list refused folders with very many names." => "It pages them on the host, and says how many there are.";
        "A temporary of a writer that died stayed for ever." => "Temporaries carry a lock; the next write into the folder removes those that are older than ten minutes and whose lock is free.";
    }
    "Modes of files" {
        "`mode` was a decimal number, so that 755 made a file of mode 1363." => "It is octal text. A number whose digits could be octal (three or four of 0 to 7, which includes 420) is refused with both readings; others are taken as their value (493 is 0755). Answers show the mode.";
    }
    "Redaction and output" {
        "The format that a caller named decided how a file was read." => "It can only add rules. Files are scanned by format, by key name, by the shape of known tokens and for private keys, comments included.";
        "Marks held digests and the length of every value." => "Marks hold keyed digests, and no length for short values.";
        "A file came whole or not at all, as base64 unless `as_text` was set." => "Text comes as text; without a size as much as fits into an answer, with `next_offset` or `next_from_line`. `max_bytes`, `lines` and `tail_lines` are honoured up to the inline cap.";
        "`host` in an answer was the resolved hostname." => "It is the alias; `address` is the hostname where it matters (ssh_host_ping, ssh_known_hosts_verify, ssh_session_list).";
        "Every field of an answer was always there." => "What is null, empty or repeats another field is left out; false and zero that are an answer stay. Lists of docker and compose, and ssh_docker_inspect, have no raw `stdout` beside their rows.";
        "What commands printed was shown as it came." => "Values of 12 characters or more that a redacting reader has masked in this session, or that ssh_env_set has set, are masked in it.";
        "The text of an answer was short; the structured form held up to 1 MiB of output." => "Both hold the same, at most SSH_ANSWER_MAX_BYTES; `left_out` says what is missing, and ssh_output_read reads it for an hour. Some clients get one form only (SSH_ANSWER_FORM).";
        "Some control sequences and hidden characters passed, and names in structured answers were not cleaned." => "Every text of every answer passes one exit: no terminal control, hidden characters escaped or flagged.";
    }
    "Audit and observation" {
        "`tools/list` named every field of every answer." => "It names those that do not say by their name what they are; docs/tools.md has all. The profile `core` names none.";
        "The root readers were marked as destructive." => "They are read-only; the sudo tier guards them all the same.";
        "The correlation id stayed in the log." => "It is returned in the result's metadata too.";
        "Cheatsheet refusals left no line; broadcasts and transfers left one with an unclear host." => "Each call leaves one line for each host, refusals and cancellations included.";
        "`exit_code` was never filled, and path hashes were of the typed or the real path by tool." => "The exit code is recorded, and the path hash is of the path that was judged.";
        "Hooks were told the host argument as given, and a filter on hosts passed over calls that name a host otherwise." => "They are told the aliases of the hosts that the decoded arguments lead to, that of a persistent shell included. A gate's filter on something that a call does not have matches, an observer's does not.";
        "`ssh_server_info` and tools that do not exist left no audit line." => "They leave one.";
        "Digests were unkeyed and could hold secrets of arguments such as `-p secret` or URLs." => "Secrets are masked before the digest is made.";
        "There were no prompts." => "Runbooks are offered as prompts too.";
    }
    "Packages" {
        "A package run ended with the call's time limit, 60 seconds unless another was given." => "It is a process of its own on the host and runs to its end. The call follows it for `timeout` seconds, 1800 unless another is given, and answers with `running` when that is over.";
        "`lock_wait` held for the two locks of dpkg." => "It holds for every lock of the package manager.";
        "`changes` was empty when packages had been changed." => "It is there in simulations only.";
    }
    "Containers" {
        "Ways out of a container were looked for by a list of forbidden options, in arguments that were the container's command." => "Leading `args` are read with docker's own grammar and must be on a list of harmless options; the rest is the container's command.";
        "Compose files were not judged." => "A project's rendering is judged by the same rules, and the judged rendering is what runs.";
        "A folder below the allowed roots could be mounted for writing." => "It is refused unless `docker_bind_allowlist` of hosts.toml lists it or a folder above it; the list is empty by default. Read-only mounts and named volumes need no entry.";
        "Mounts were looked at when a container was made, if at all." => "The mounts of a container are judged each time one of these tools starts it, as they resolve then; volumes are judged as the folders that they may be.";
        "A copy from or into a container was judged by the host's end only." => "Every mount of the container is judged like a path argument, since links inside may lead from any path of it to any other. Links that `ssh_link` would refuse, devices and FIFOs are not copied out.";
        "Images with a registry, namespace, tag or digest were refused by some tools." => "Full image references are accepted.";
    }
}
