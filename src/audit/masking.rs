//! Takes secrets out of a command before it is digested.
//!
//! The digest is keyed, and still a secret must not be part of it: a password that changes must not move the
//! group, and whoever holds the key must not be able to try passwords against the trail. Masking too much only
//! makes groups coarser, so the rules are generous.

use std::sync::LazyLock;

use regex::Regex;

use crate::model::secret_name::PASSWORD_WORDS;

/// One shell word's worth of text, quotes and escapes included, unterminated quotes too.
const VALUE: &str = r#"(?:"(?:[^"\\]|\\.)*"?|'[^']*'?|\\.|[^\s"'\\;|&,}])+"#;

/// Names whose values are secret, as parts of longer names too (`DB_PASSWORD`, `--client-secret`).
fn secret_name() -> String {
    let words = PASSWORD_WORDS.join("|");
    format!(r"[\w.-]*(?:{words}|pwd|token|secret|auth|credentials?|(?:api|access|private|account)[-_]?key)[\w.-]*")
}

static RULES: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    rules().into_iter().filter_map(|(pattern, with)| Some((Regex::new(&pattern).ok()?, with))).collect()
});

fn rules() -> Vec<(String, &'static str)> {
    let name = secret_name();
    vec![
        // Headers that carry credentials, to the end of their quotes or line: `-H "Authorization: Bearer x y"`.
        (
            r#"(?i)\b((?:proxy-)?authorization|(?:set-)?cookie|private-token|x-[\w-]*(?:key|token|auth|secret)[\w-]*)(\s*:\s*)[^"'\r\n]+"#
                .to_owned(),
            "$1$2[secret]",
        ),
        // `scheme://user:password@` and `scheme://token@`.
        (r"(?i)\b([a-z][a-z0-9+.-]*://)[^\s/?#'\x22]*@".to_owned(), "$1[secret]@"),
        // `--password=x`, `password=x`, `DB_PASSWORD=x`, `"token": "x"`.
        (format!(r#"(?i)({name}["']?\s*[=:]\s*){VALUE}"#), "$1[secret]"),
        // `--password x`.
        (format!(r"(?i)(--?{name}\s+){VALUE}"), "$1[secret]"),
        // `-p x`, `-px`: the password of mysql, sshpass and others. Ports and `mkdir -p` are masked with it.
        (format!(r"(^|\s)-p\s*{VALUE}"), "$1-p [secret]"),
        // `curl -u name:x`.
        (format!(r"(^|\s)(-u\s*|--(?:proxy-)?user[\s=]+)(['\x22]?[^\s:'\x22]*):{VALUE}"), "$1$2$3:[secret]"),
        // `redis-cli -a x` and `ldapsearch -w x`.
        (format!(r"(\bredis-cli\b.*?\s-a\s*){VALUE}"), "$1[secret]"),
        (format!(r"(\bldap[a-z]+\b.*?\s-w\s*){VALUE}"), "$1[secret]"),
    ]
}

/// The text with the values of secrets replaced by `[secret]`, which does not show their length. Takes linear time.
pub fn mask_secrets(command: &str) -> String {
    let mut text = command.to_owned();
    for (rule, with) in RULES.iter() {
        if rule.is_match(&text) {
            text = rule.replace_all(&text, *with).into_owned();
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_compiles() {
        assert_eq!(RULES.len(), rules().len());
        assert!(rules().iter().all(|(_, with)| with.contains("[secret]")));
    }

    #[test]
    fn secrets_do_not_survive() {
        for command in [
            "mysqldump --password=hunter2 db",
            "mysqldump --PassWord=hunter2 db",
            "mysqldump --password hunter2 db",
            "login password=hunter2",
            "x --token=hunter2",
            "x --secret='hunter2 hunter2'",
            "x --passwd=\"a \\\" hunter2\"",
            "x --pwd=hunter2 --auth=hunter2",
            "x --api-key=hunter2 --api_key=hunter2 apikey=hunter2 --APIKEY=hunter2",
            "x --password='hunter2",
            "sshpass -p hunter2 ssh host",
            "mysql -phunter2 -uroot",
            "mysql -p'hunter2 hunter2'",
            "curl -H 'Authorization: Bearer hunter2' https://x",
            "curl -H \"authorization: Basic hunter2==\" https://x",
            "curl -H Authorization:hunter2",
            "curl -H 'X-Api-Key: hunter2' -H 'PRIVATE-TOKEN: hunter2'",
            "curl https://user:hunter2@example.org/x",
            "git clone https://hunter2@example.org/x",
            "psql postgresql://u:hun@hunter2@h/db",
            "curl -u admin:hunter2 https://x",
            "curl --user admin:hunter2 https://x",
            "env AWS_SECRET_ACCESS_KEY=hunter2 aws s3 ls",
            "DB_PASSWORD=hunter2 ./run",
            "x --kennwort hunter2",
            "SENHA_DO_BANCO=hunter2 ./run",
            "x --app-passcode=hunter2",
            "curl -d '{\"password\": \"hunter2\"}' x",
            "redis-cli -a hunter2 info",
            "ldapsearch -x -w hunter2",
            "vault login -token hunter2",
        ] {
            let masked = mask_secrets(command);
            assert!(!masked.contains("hunter2"), "{command} became {masked}");
        }
    }

    #[test]
    fn length_does_not_show_and_the_rest_stays() {
        assert_eq!(mask_secrets("a --password=x b"), mask_secrets("a --password=longer b"));
        assert_eq!(mask_secrets("a --password=x b"), "a --password=[secret] b");
        assert_eq!(mask_secrets("uptime"), "uptime");
        assert_eq!(mask_secrets("systemctl restart nginx"), "systemctl restart nginx");
        assert_ne!(mask_secrets("ls /a"), mask_secrets("ls /b"));
    }

    #[test]
    fn masking_twice_changes_nothing() {
        for command in ["x --password=a -p b https://u:p@h Authorization: c", "x --token a", "-u a:b"] {
            let once = mask_secrets(command);
            assert_eq!(mask_secrets(&once), once);
        }
    }
}
