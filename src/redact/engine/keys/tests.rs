use super::*;

fn strength(name: &str) -> Option<Strength> {
    KeyRules::builtin(&[]).judge(name).map(|s| s.strength)
}

#[test]
fn names_are_judged_by_word() {
    for name in [
        "PASSWORD",
        "db_password",
        "dbPassword",
        "DBPASSWORD",
        "PGPASSWORD",
        "MYSQL_PWD",
        "passwd",
        "smtpPass",
        "api_key",
        "apiKey",
        "API-KEY",
        "APIKEY",
        "X-Api-Key",
        "secret",
        "clientSecret",
        "SECRET_KEY_BASE",
        "access_token",
        "accessToken",
        "authtoken",
        "private_key",
        "PrivateKey",
        "JWT",
        "SENTRY_DSN",
        "bindpw",
        "credentials",
        "aws_secret_access_key",
        "requirepass",
        "spring.datasource.password",
        "password2",
    ] {
        assert_eq!(strength(name), Some(Strength::Strong), "{name}");
    }
    for name in ["KEY", "session", "auth", "Cookie", "primary_key", "session_id", "NONCE_SALT"] {
        assert_eq!(strength(name), Some(Strength::Weak), "{name}");
    }
    for name in [
        "MONKEY",
        "AUTHOR",
        "KEYBOARD",
        "author",
        "authority",
        "turkey",
        "hockey",
        "keyboard_layout",
        "tokenizer",
        "compass",
        "bypass",
        "passenger",
        "passive",
        "passport",
        "sessions_dir_x",
        "public_key",
        "pubkey",
        "secretary",
        "obsession",
        "monkeypatch",
        "desktop",
        "DESCRIPTION",
    ] {
        assert!(strength(name).is_none_or(|s| s == Strength::Weak && name.contains("session")), "{name}");
    }
}

#[test]
fn the_last_word_tells_the_aspect() {
    let aspect = |name: &str| KeyRules::builtin(&[]).judge(name).map(|s| s.aspect);
    assert_eq!(aspect("SESSION_TIMEOUT"), Some(Aspect::Number));
    assert_eq!(aspect("password_min_length"), Some(Aspect::Number));
    assert_eq!(aspect("PASSWORD_FILE"), Some(Aspect::Place));
    assert_eq!(aspect("secretName"), Some(Aspect::Label));
    assert_eq!(aspect("max_tokens"), Some(Aspect::Plural));
    assert_eq!(aspect("password_hash"), Some(Aspect::Itself));
}

#[test]
fn names_of_the_operator() {
    let rules = |forms: &[&str]| KeyRules::builtin(&forms.iter().map(|f| (*f).to_owned()).collect::<Vec<_>>());
    let hit = |form: &str, name: &str| rules(&[form]).judge(name).is_some_and(|s| s.strength == Strength::Named);
    assert!(hit("PIN", "card_pin") && hit("pin", "cardPin") && !hit("PIN", "PINNED") && !hit("PIN", "SPINNER"));
    assert!(hit("ACME_ID", "my.acme-id") && hit("ACME_ID", "acmeId"));
    assert!(hit("^INT_", "INT_X") && !hit("^INT_", "PRINT_X"));
    assert!(hit("_REF$", "X_REF") && !hit("_REF$", "REF_X"));
    assert!(hit("^X$", "x") && !hit("^X$", "xx"));
    let only = KeyRules::replaced(&["PIN".to_owned()]);
    assert!(only.judge("PASSWORD").is_none() && only.judge("PIN").is_some());
}
