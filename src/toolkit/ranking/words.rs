//! From the words people use to the words that tools are described in.
//!
//! A query is split into ideas. Each idea is a set of word stems with weights: the word itself, and what the catalogue
//! calls the same thing. The tables hold words of the field, not names of tools: a new tool is found by its own name and
//! description.

use std::collections::HashMap;
use std::sync::LazyLock;

/// One idea of a query: stems that stand for it, each with how well it does (1.0 for the word itself).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Idea {
    pub(super) stems: Vec<(String, f64)>,
    /// How much the idea counts in the query.
    pub(super) weight: f64,
}

/// Words that say nothing about which tool is wanted.
const STOP: &str = "a an and any are as at be been being but by can could did do does doing for from get give going got \
    had has have he her here him his how i if in into is it its just let like make may me might more most must my need \
    needs no now of on onto or our out over own please s say should so some such take tell than that the their them then \
    there these they this those through to too us use using very want wants was way we were what when where which while \
    who whose will with within would you your about after before again all also each ever every there's something \
    thing things really see show shows look looks give gives help happen happens happening right";

/// Groups of words that mean the same in this field. The first half-line is what people say, the second what the
/// catalogue says.
const SAME: &[(&str, &str)] = &[
    // Storage.
    (
        "disk disks storage ssd hdd volume-space filesystem filesystems mount mounts partition partitions df capacity du",
        "disk filesystem",
    ),
    ("full fill fills filled filling space room free big large occupies gigabytes gb", "disk use size"),
    ("usage use uses used using consumption consume consumes consuming eats eating hog hogging", "usage use"),
    // The machine.
    ("host hosts server servers machine machines box boxes node nodes vm vps instance computer", "host"),
    (
        "os distro distribution operating version release kernel uname uptime booted hardware cores specs",
        "kernel distribution uptime info",
    ),
    ("cpu processor busy slow load loaded overloaded overload hot utilization lagging", "cpu process load stats"),
    ("memory ram swap oom", "memory process stats resource"),
    ("process processes ps task tasks top pid", "process top"),
    (
        "network networking interface interfaces ip ipv4 ipv6 address addresses nic mac ethernet dns",
        "network interface address",
    ),
    (
        "ping reachable reach alive online connect connects connectivity respond responds responding login log-in ssh-in offline unreachable",
        "ping reach login check",
    ),
    (
        "fingerprint fingerprints identity hostkey known_hosts pinned-key trust trusted mitm",
        "key known hosts verify pinned",
    ),
    ("verify check checks checking validate confirm test", "verify check compare"),
    (
        "health healthy unhealthy alert alerts alarm alarms threshold thresholds breach breached exceeded warning warnings monitor monitoring",
        "alerts threshold",
    ),
    ("note notes memo remember remembered remind record recorded jot wrote written later handover", "notes note"),
    ("configured inventory aliases alias available access accessible", "configured list"),
    // Services.
    ("service services daemon daemons unit units systemd systemctl systemd-unit", "unit systemctl"),
    ("restart restarts restarting bounce cycle kick recycle relaunch reboot", "restart"),
    ("start starts starting launch boot-up bring spin begin turn-on", "start up"),
    ("stop stops stopping halt shut shutdown terminate kill pause end quit turn-off", "stop"),
    ("reload reloading refresh reread re-read hup sighup", "reload"),
    ("status state running active alive dead inactive", "status state active"),
    ("up", "up start active"),
    ("why diagnose troubleshoot debug problem wrong investigate", "journal status failed"),
    (
        "failed failing fail fails failure broken crash crashed crashes crashing died errored",
        "failed failed-state journal status",
    ),
    ("boot startup autostart reboot automatically persist", "boot enable enablement"),
    ("enabled", "enabled enablement"),
    ("mask prevent block forbid never", "mask"),
    (
        "log logs journal journald journalctl syslog errors error messages message tail output stack-trace",
        "log journal journalctl lines",
    ),
    ("property properties setting-of", "properties show"),
    // Containers.
    ("container containers containerized docker dockerized dockerised pod pods podman", "container docker"),
    ("compose stack stacks project projects docker-compose", "compose project"),
    ("image images tag tags", "image docker"),
    ("volume volumes", "volume docker"),
    ("event events happened", "event"),
    ("inspect details detail metadata environment env mounts-of describe", "inspect metadata"),
    ("prune clean cleanup cleaning unused dangling reclaim garbage stale", "prune unused remove"),
    ("orphan orphaned orphans autoremove leftover leftovers unneeded", "autoremove needed"),
    ("download-image registry pull pulls latest", "pull"),
    ("down tear teardown", "down tear stop"),
    // Packages.
    ("package packages apt deb dpkg apt-get software program programs library libraries", "package apt"),
    ("install installs installing setup", "install"),
    ("installed", "installed install"),
    (
        "upgrade upgrades upgrading update updates updating upgradable upgraded updated outdated newer security patches",
        "upgrade upgradable",
    ),
    ("hold held holds unhold pin pinned unpin freeze frozen lock", "hold mark"),
    ("depend depends dependency dependencies", "dependencies show"),
    ("completely purge purged", "purge remove"),
    // Files.
    ("file files document", "file"),
    ("folder folders directory directories dir dirs tree", "directory folder"),
    ("read reads cat view display print open content contents head look-at type", "read download"),
    ("list lists ls enumerate", "list"),
    ("find finds locate search searches searching look-for", "find search"),
    ("delete deletes remove removes removing rm erase drop unlink destroy discard", "delete remove rm"),
    ("uninstall uninstalls uninstalling deinstall", "remove package"),
    ("copy copies copying cp duplicate clone", "copy cp"),
    ("move moves moving mv rename renames renaming", "move rename mv"),
    (
        "edit edits editing change changes changing modify modifies replace replaces replacing substitute sed fix tweak correct",
        "edit replace",
    ),
    ("write writes writing overwrite overwrites create creates creating save new add adds", "write create replace"),
    ("append", "append"),
    ("put send push upload uploads uploading", "upload"),
    ("download downloads fetch retrieve laptop local pull-file", "download local"),
    ("transfer transfers between another", "transfer another"),
    ("deploy deploys rollout ship backup backups", "deploy backup"),
    (
        "permission permissions owner owns ownership mode chmod stat modified modification timestamp mtime size",
        "stat metadata",
    ),
    ("hash hashes checksum checksums sha256 sha1 md5 digest integrity", "hash digest"),
    ("link links symlink symlinks symbolic hardlink", "link symbolic"),
    ("diff diffs patch unified", "patch diff"),
    ("config configuration conf cfg ini yaml settings setting", "config"),
    (
        "secret secrets password passwords credential credentials token tokens leak leaking redact redacted sensitive key-value",
        "redacted secrets",
    ),
    // Commands and sessions.
    ("run runs running-command execute executes executing exec command commands invoke", "run command exec"),
    ("script scripts bash", "script"),
    ("parallel fleet everywhere many multiple several once simultaneously", "parallel broadcast"),
    ("root sudo protected privileged privileges superuser admin administrator", "root sudo"),
    ("shell terminal interactive tty cd", "shell session working"),
    ("session sessions", "session"),
    ("connection connections connected pooled pool", "connection session pooled"),
    ("streaming stream progress long long-running slow-command", "long streaming progress"),
    ("user users account accounts uid gid group groups member membership passwd", "user account group membership"),
    ("tool tools capability capabilities tier tiers", "tiers server version"),
];

/// Several words that mean one thing.
const PHRASES: &[(&str, &str)] = &[
    ("hosts.toml", "host reload"),
    (".env file", "file secrets"),
    ("won't start", "failed why"),
    ("doesn't start", "failed why"),
    ("not starting", "failed why"),
    ("does not start", "failed why"),
    ("will not start", "failed why"),
    ("not working", "failed why"),
    ("doesn't work", "failed why"),
    ("what is in", "list directory"),
    ("what's in", "list directory"),
    ("new directory", "mkdir"),
    ("new folder", "mkdir"),
    ("make a directory", "mkdir"),
    ("make a folder", "mkdir"),
    ("create a directory", "mkdir"),
    ("create a folder", "mkdir"),
    ("left over", "leftover"),
    ("using up", "use"),
    ("uses up", "use"),
    ("eating up", "use"),
    ("taking up", "use"),
    ("takes up", "use"),
    ("fills up", "fill"),
    ("filling up", "fill"),
    ("look up", "find"),
    ("set up", "install"),
    ("get rid of", "remove"),
    ("getting rid of", "remove"),
    ("throw away", "remove"),
    ("how long", "uptime"),
    ("up for", "uptime"),
    ("last reboot", "uptime"),
    ("look inside", "inspect"),
    ("look into", "inspect"),
    ("which hosts", "host list configured"),
    ("which servers", "host list configured"),
    ("which machines", "host list configured"),
    ("what hosts", "host list configured"),
    ("what servers", "host list configured"),
    ("what machines", "host list configured"),
    ("go down", "failed"),
    ("went down", "failed"),
    ("is down", "failed status"),
    ("are up", "list status"),
    ("is up", "status active"),
    ("out of space", "disk full"),
    ("out of disk", "disk full"),
    ("free up", "prune"),
    ("clean up", "prune"),
    ("log in", "login"),
    ("logs in", "login"),
    ("log into", "login"),
    ("can i ssh", "login reachable"),
    ("host key", "fingerprint"),
    ("known hosts", "fingerprint"),
    ("all hosts", "fleet"),
    ("all servers", "fleet"),
    ("all machines", "fleet"),
    ("every host", "fleet"),
    ("every server", "fleet"),
    ("every machine", "fleet"),
    ("each host", "fleet"),
    ("each server", "fleet"),
    ("at once", "parallel"),
    ("as root", "root"),
    ("super user", "root"),
    ("come up", "start"),
    ("bring up", "up compose"),
    ("spin up", "start"),
    ("bring down", "down"),
    ("take down", "down"),
    ("tear down", "down"),
    ("shut down", "stop"),
    ("turn on", "start"),
    ("turn off", "stop"),
    ("at boot", "boot"),
    ("on boot", "boot"),
    ("after reboot", "boot automatically"),
    ("after a reboot", "boot automatically"),
    ("operating system", "os"),
    ("long running", "long"),
    ("takes long", "long"),
    ("docker compose", "compose"),
    ("what happened", "event journal"),
    ("config file", "config file"),
    ("another machine", "transfer"),
    ("another host", "transfer"),
    ("another server", "transfer"),
    ("other host", "transfer"),
    ("other server", "transfer"),
    ("my laptop", "download"),
    ("my machine", "download"),
    ("to the server", "upload"),
    ("to the host", "upload"),
    ("inside a container", "container inside"),
    ("single file", "file"),
    ("who am i", "user account"),
    ("no longer needed", "autoremove"),
];

/// Daemons that people call by their names. Any other unknown word beside a verb of services counts as one, too.
const DAEMONS: &str = "nginx apache apache2 httpd caddy haproxy traefik envoy postgres postgresql mysql mysqld mariadb \
    mongodb mongod redis memcached rabbitmq kafka elasticsearch opensearch prometheus grafana sshd cron crond ntp chrony \
    chronyd rsyslog postfix dovecot exim bind9 dnsmasq unbound php-fpm gunicorn uwsgi celery tomcat jenkins gitlab \
    vault consul nomad etcd kubelet containerd dockerd fail2ban ufw firewalld networkmanager systemd-resolved cups samba \
    smbd nfs vsftpd webserver";

/// Verbs and states of services.
const OF_SERVICES: &str = "restart bounce start stop halt reload status running active enable enabled disable boot startup \
    journal logs failed crash crashed down died kick mask unmask";

/// Verbs of packages: beside them the name of a daemon is the name of its package.
const OF_PACKAGES: &str = "install installs installing uninstall uninstalling upgrade upgrading apt package packages version \
    purge dependencies";

/// Endings by which a name is a file's.
const EXTENSIONS: &str = "conf cfg cnf ini log txt md json yaml yml toml xml env sh py html css js php sql csv pem crt key gz \
    tar zip bak service.d";

struct Tables {
    stop: Vec<&'static str>,
    same: HashMap<String, Vec<(String, f64)>>,
    daemons: Vec<&'static str>,
    of_services: Vec<&'static str>,
    of_packages: Vec<&'static str>,
    extensions: Vec<&'static str>,
}

/// What a word of the catalogue is worth for a word of the query that means the same.
const MEANS: f64 = 0.7;

/// What another word of the same group is worth.
const AKIN: f64 = 0.45;

static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    let mut same: HashMap<String, Vec<(String, f64)>> = HashMap::new();
    for (said, meant) in SAME {
        let meant: Vec<String> = meant.split_whitespace().map(stem).collect();
        let said: Vec<String> = said.split_whitespace().map(stem).collect();
        for word in said.iter().chain(&meant) {
            let known = same.entry(word.clone()).or_default();
            let from_said = said.contains(word);
            let all = meant.iter().map(|other| (other, MEANS)).chain(said.iter().map(|other| (other, AKIN)));
            for (other, worth) in all {
                // From a word of the catalogue one does not go back to all that people say for it.
                let worth = if from_said { worth } else { worth * 0.5 };
                if other == word {
                    continue;
                }
                match known.iter_mut().find(|(stem, _)| stem == other) {
                    Some((_, best)) => *best = best.max(worth),
                    None => known.push((other.clone(), worth)),
                }
            }
        }
    }
    let words = |text: &'static str| text.split_whitespace().collect();
    Tables {
        stop: words(STOP),
        same,
        daemons: words(DAEMONS),
        of_services: words(OF_SERVICES),
        of_packages: words(OF_PACKAGES),
        extensions: words(EXTENSIONS),
    }
});

/// The stem of a word: enough of English to bring `restarting`, `restarts` and `restart` together.
pub(super) fn stem(word: &str) -> String {
    let mut word = word.to_lowercase();
    if word.len() > 4 && word.ends_with("ies") {
        word.truncate(word.len() - 3);
        word.push('y');
    } else if word.len() > 3 && word.ends_with('s') && !["ss", "us", "is"].iter().any(|end| word.ends_with(end)) {
        word.pop();
    }
    for (end, least) in [("ing", 6), ("ed", 5)] {
        if word.len() >= least && word.ends_with(end) {
            word.truncate(word.len() - end.len());
            let mut back = word.chars().rev();
            if let (Some(a), Some(b)) = (back.next(), back.next())
                && a == b
                && !matches!(a, 'l' | 's' | 'e' | 'o')
            {
                word.pop();
            }
            break;
        }
    }
    if word.len() > 3 && word.ends_with('e') {
        word.pop();
    }
    word
}

/// The stems of a text of the catalogue, in order.
pub(super) fn stems(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(stem).collect()
}

/// The ideas of a query. `known` says whether the catalogue has a stem.
pub(super) fn ideas(query: &str, known: impl Fn(&str) -> bool) -> Vec<Idea> {
    let tables = &*TABLES;
    let mut text = format!(" {} ", query.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" "));
    for (phrase, meaning) in PHRASES {
        text = text.replace(&format!(" {phrase} "), &format!(" {meaning} "));
    }
    let words: Vec<&str> = text
        .split_whitespace()
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric() && c != '/'))
        .filter(|word| !word.is_empty())
        .collect();
    let from_to = words.iter().position(|word| *word == "from").zip(words.iter().position(|word| *word == "to"));
    let between = from_to.is_some_and(|(from, to)| to == from + 2) && !text.contains('/');
    let about_packages = words.iter().any(|word| tables.of_packages.contains(word));
    let about_services = !about_packages && words.iter().any(|word| tables.of_services.contains(word));
    let mut ideas: Vec<Idea> = Vec::new();
    let mut add = |stems: Vec<(String, f64)>, weight: f64| {
        if ideas.iter().all(|idea| idea.stems.first().map(|s| &s.0) != stems.first().map(|s| &s.0)) {
            ideas.push(Idea { stems, weight });
        }
    };
    if between {
        add(expand("transfer"), 0.7);
    }
    for word in words {
        if tables.stop.contains(&word) {
            continue;
        }
        // A path is a file, a unit file is a unit, and their other words are names.
        if word.contains("compose.y") {
            add(expand("compose"), 1.0);
            continue;
        }
        let extension = word.rsplit_once('.').map(|(_, extension)| extension);
        if word.contains('/') || extension.is_some_and(|extension| tables.extensions.contains(&extension)) {
            add(expand("file"), 0.5);
            continue;
        }
        let unit_file = matches!(extension, Some("service" | "timer" | "socket" | "mount"));
        if tables.daemons.contains(&word) || unit_file {
            if about_packages && !unit_file {
                add(expand("package"), 0.7);
            } else {
                add(expand("unit"), 0.7);
            }
            continue;
        }
        for part in word.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|part| part.len() > 1) {
            let stem = stem(part);
            if tables.same.contains_key(&stem) || known(&stem) {
                add(expand(part), if part == "up" { 0.4 } else { 1.0 });
            } else if part.contains('_') {
                for stem in stems(part) {
                    add(vec![(stem, 1.0)], 1.0);
                }
            } else if about_services {
                add(expand("unit"), 0.5);
            }
        }
    }
    ideas
}

/// The stem of a word and of what means the same.
fn expand(word: &str) -> Vec<(String, f64)> {
    let stem = stem(word);
    let same = TABLES.same.get(&stem).cloned().unwrap_or_default();
    std::iter::once((stem, 1.0)).chain(same).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_word_share_a_stem() {
        for group in [
            &["restart", "restarts", "restarting", "restarted"][..],
            &["image", "images"],
            &["directory", "directories"],
            &["stop", "stopped", "stopping"],
            &["process", "processes"],
            &["remove", "removing", "removed"],
            &["service", "services"],
        ] {
            for word in group {
                assert_eq!(stem(word), stem(group[0]), "{word}");
            }
        }
        for (a, b) in [("status", "state"), ("use", "user"), ("apt", "app")] {
            assert_ne!(stem(a), stem(b));
        }
    }

    #[test]
    fn a_name_beside_a_verb_of_services_is_a_service() {
        let unit = stem("unit");
        let has_unit = |query: &str| ideas(query, |_| false).iter().any(|idea| idea.stems[0].0 == unit);
        assert!(has_unit("restart nginx"));
        assert!(has_unit("restart frobnicator"));
        assert!(has_unit("nginx.service"));
        assert!(!has_unit("edit frobnicator"));
    }

    #[test]
    fn a_query_of_nothing_has_no_ideas() {
        for query in ["", "   ", "the of and", "?!"] {
            assert_eq!(ideas(query, |_| true), [], "{query:?}");
        }
    }
}
