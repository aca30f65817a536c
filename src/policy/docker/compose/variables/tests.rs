use std::process::Command;

use super::*;

/// What `sh` exports after the lines, as `NAME=value`, with these variables in its environment.
fn exported(shell: &[&str], file: &str, texts: &[&str], own: &[(&str, &str)]) -> Vec<String> {
    let lines = Variables::parse(file, Dollar::Variable).exports(texts).unwrap();
    let (program, words) = shell.split_first().unwrap();
    let out = Command::new(program)
        .args(words)
        .args(["-c", &format!("{lines}\nenv -0")])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .envs(own.iter().copied())
        .output()
        .unwrap();
    assert!(out.status.success() && out.stderr.is_empty(), "{}", String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8(out.stdout).unwrap();
    let ours = |line: &&str| !["PATH=", "PWD=", "_=", "SHLVL=", "OLDPWD="].iter().any(|own| line.starts_with(own));
    let mut lines: Vec<String> = text.split_terminator('\0').filter(ours).map(str::to_owned).collect();
    lines.sort();
    lines
}

const SHELLS: [&[&str]; 3] = [&["dash"], &["bash", "--posix"], &["busybox", "sh"]];

#[test]
fn values_arrive_as_compose_reads_them() {
    let file = "\u{feff}# comment\n\nexport A=1\r\nB = two words # comment\nC='it''s' left out\nD='a $B #'\nE=\"a\\n\\\"$B\\\" \\$B\"\n\
                F=${B}/${NONE:-d}$NONE\nG=\"two\nlines\"\nH: yaml\nI=\nJ=a#b\nK\nL = ' x '\nM=$(id)`id`;id\nA=3\n-bad\n";
    let text = "${A} $B ${C} ${D:-x} ${E} ${F} ${G} ${H} ${I} ${J} ${K} ${L} ${M}";
    for shell in SHELLS {
        let seen = exported(shell, file, &[text], &[]);
        let expected = [
            "A=3",
            "B=two words",
            "D=a $B #",
            "E=a\n\"two words\" $B",
            "F=two words/d",
            "G=two\nlines",
            "H=yaml",
            "I=",
            "J=a#b",
            "L= x ",
            "M=$(id)`id`;id",
        ];
        assert_eq!(seen, expected.map(|line| format!("{ALIAS}{line}")), "{shell:?}");
    }
    let read = Variables::parse(file, Dollar::Variable);
    assert_eq!(read.unread(), 2, "what follows a closing quote, and a line that is not an assignment");
    assert!(read.values().contains(&"a\n\"two words\" $B".to_owned()));
    assert_eq!(Variables::parse("P=a$b${b}", Dollar::Itself).values(), ["a$b"]);
}

#[test]
fn only_what_the_text_names_travels_and_nothing_that_configures_programs() {
    let file = "AA=1\nB=2\nC=3\nNODE_ENV=production\nDOCKER_HOST=tcp://h\nLD_PRELOAD=/x.so\nPATH=/evil\nhttp_proxy=p\nd=x\nIFS=y\n\
                COMPOSE_PROJECT_NAME=shop\nCOMPOSE_FILE=/etc/x\nCOMPOSE_PROFILES=a,b\n";
    let text = "environment: [AA, DOCKER_HOST, LD_PRELOAD, PATH, http_proxy, d, IFS, COMPOSE_FILE]\nx: ${B} $${C} ${NODE_ENV:-x}$d ${PATH}\n";
    for shell in SHELLS {
        let seen = exported(shell, file, &[text], &[]);
        let expected = [
            "COMPOSE_PROFILES=a,b",
            "COMPOSE_PROJECT_NAME=shop",
            "mcp_value_of_B=2",
            "mcp_value_of_NODE_ENV=production",
            "mcp_value_of_PATH=/usr/bin:/bin",
            "mcp_value_of_d=x",
        ];
        assert_eq!(seen, expected, "{shell:?}");
        let seen = exported(shell, "AA=1\nB=${AA}${OTHER}\n", &["AA ${AA} ${B}"], &[("AA", "own"), ("OTHER", "o")]);
        assert_eq!(seen, ["AA=own", "OTHER=o", "mcp_value_of_AA=own", "mcp_value_of_B=owno"], "{shell:?}");
    }
    let read = Variables::parse(file, Dollar::Variable);
    assert_eq!(read.not_taken(&[text]), ["DOCKER_HOST", "LD_PRELOAD", "http_proxy", "IFS", "COMPOSE_FILE"]);
    assert_eq!(
        read.renamed(text).lines().last().unwrap(),
        "x: ${mcp_value_of_B} $${C} ${mcp_value_of_NODE_ENV:-x}$mcp_value_of_d ${mcp_value_of_PATH}"
    );
    assert_eq!(read.renamed("${NONE:-${AA}} $ $$AA ${ AA}"), "${NONE:-${mcp_value_of_AA}} $ $$AA ${ AA}");
}

#[test]
fn names_that_configure_programs() {
    let listed = "DOCKER_HOST COMPOSE_FILE BUILDX_BUILDER BUILDKIT_HOST PODMAN_USERNS CONTAINERS_CONF CONTAINER_HOST LD_PRELOAD \
                  PATH HOME HTTPS_PROXY all_proxy SSH_AUTH_SOCK GIT_SSH_COMMAND BASH_ENV ENV PYTHONPATH RUBYOPT NODE_OPTIONS \
                  PERL5OPT XDG_CONFIG_HOME GCONV_PATH TMPDIR IFS";
    assert!(listed.split_ascii_whitespace().all(configures_programs));
    let ordinary =
        "TAG POSTGRES_PASSWORD DB_HOST AWS_ACCESS_KEY_ID DOMAIN TZ AUTH_URL DATABASE_URL PORT TERMS_URL STORAGE_PATH";
    assert!(!ordinary.split_ascii_whitespace().any(configures_programs));
}

#[test]
fn a_project_name_that_is_none_is_refused() {
    for bad in
        ["COMPOSE_PROJECT_NAME='a b'", "COMPOSE_PROFILES=--x", "COMPOSE_PROJECT_NAME=\"a\nb\"", "COMPOSE_PROFILES=a,,b"]
    {
        assert!(Variables::parse(bad, Dollar::Variable).exports(&[""]).is_err(), "{bad}");
    }
    for good in ["COMPOSE_PROJECT_NAME=", "COMPOSE_PROFILES=a, b", "COMPOSE_PROJECT_NAME=a-b_1"] {
        assert!(Variables::parse(good, Dollar::Variable).exports(&[""]).is_ok(), "{good}");
    }
    let name = |text: &str| Variables::parse(text, Dollar::Variable).project_name();
    assert_eq!(name("COMPOSE_PROJECT_NAME=a\nCOMPOSE_PROJECT_NAME=My.Shop_1\n").as_deref(), Some("myshop_1"));
    assert_eq!((name("COMPOSE_PROJECT_NAME="), name("A=1")), (None, None));
}

#[test]
fn a_client_without_environment_gets_the_same_in_a_file() {
    let file = "A='it is'\nB=\"q\\\"\\\\ $ \\n'x'\"\nNODE_ENV=p\nDOCKER_HOST=h\nOWN=o\nCOMPOSE_PROFILES=x\n";
    for dollar in [Dollar::Variable, Dollar::Itself] {
        let text = Variables::parse(file, dollar).file_text(&["${A}${B}${NODE_ENV} OWN DOCKER_HOST"], dollar).unwrap();
        let names: Vec<&str> = text.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
        assert!(names.contains(&"mcp_value_of_A") && names.contains(&"COMPOSE_PROFILES"), "{text}");
        let own = names.iter().find(|name| ["OWN", "DOCKER_HOST", "NODE_ENV"].contains(name));
        assert_eq!(own, None, "{text}");
        let again = Variables::parse(&text, Dollar::Variable).values();
        if dollar == Dollar::Variable {
            assert_eq!(again, ["it is", "q\"\\ $ \n'x'", "p", "x"]);
        }
    }
}
