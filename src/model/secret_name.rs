//! What the name of a secret looks like, for all that tell secrets by their names.

/// Words for a password, as parts of longer names too.
pub(crate) const PASSWORD_WORDS: [&str; 15] = [
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "passwort",
    "kennwort",
    "contraseña",
    "contrasena",
    "senha",
    "wachtwoord",
    "lösenord",
    "heslo",
    "hasło",
    "пароль",
    "密码",
];
